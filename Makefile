# What a person types. Each target's work is a script of its own.

.PHONY: help demo test bench wheel release test-python lib install uninstall test-c

# Variables of the command line (`make install PREFIX=/opt/stillframe`) reach the scripts as environment; ffi/tools/install lists them.

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1\t/p' Makefile | expand -t 14

demo: ## build, install, run failing programs, show what was captured
	.ci/demo

test: ## every test; STRICT=1 skips nothing
	.ci/test

bench: ## one table of ratios, each beside its target
	benches/run

wheel: ## wheels for all CPythons that are here, into dist/
	bindings-python/tools/build-wheel

release: ## wheels for old systems and an sdist, checked, into dist/release/; stops before the upload
	bindings-python/tools/release

test-python: wheel ## the Python package's tests, on all CPythons that are here
	bindings-python/tools/test-python

lib: ## the C library and the command, as they are installed
	ffi/tools/build

install: ## C library, headers, pkg-config, CMake, the command; PREFIX=/usr/local DESTDIR= LIBDIR=PREFIX/lib
	ffi/tools/install

uninstall: ## removes what install, with the same variables, has put there
	ffi/tools/install uninstall

test-c: ## the C library: examples under sanitizers and valgrind, installed and used from outside
	.ci/test c
