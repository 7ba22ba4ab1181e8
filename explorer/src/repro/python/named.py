def call_named(module, name, file, /, **captured):
    """Calls the function of this name and these parameters, of the module or of one of its classes: this Python does not say which."""
    found, owners = [], [module]
    for owner in owners:
        for value in list(vars(owner).values()):
            if inspect.isclass(value) and value.__module__ == module.__name__ and value not in owners:
                owners.append(value)
            functions = [value, *(getattr(value, part, None) for part in ("fget", "fset", "fdel"))]
            for function in functions:
                functions += filter(callable, (getattr(function, part, None) for part in ("__wrapped__", "__func__", "func")))
                code = getattr(function, "__code__", None)
                if code and code.co_name == name and set(inspect.signature(function).parameters) == set(captured):
                    found.append((owner, function))
    mro = type(next(iter(captured.values()), None)).__mro__
    found.sort(key=lambda one: mro.index(one[0]) if one[0] in mro else len(mro))
    assert found, f"{name} is not a function of {module.__name__} or its classes; stillframe repro --frame chooses another"
    call(found[0][1], file, **captured)
