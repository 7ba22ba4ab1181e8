# What a person types. Each target's work is a script of its own.

.PHONY: wheel test-python

wheel: ## wheels for all CPythons that are here, into dist/
	bindings-python/tools/build-wheel

test-python: wheel ## the Python package's tests, on all CPythons that are here
	bindings-python/tools/test-python
