def call(function, file, /, **captured):
    """Calls the function itself, without its decorators, as it was called; waits for what it returns, or exhausts it."""
    accessors = [getattr(function, name, None) for name in ("fget", "fset", "fdel")]
    for accessor in filter(None, accessors):
        if set(inspect.signature(accessor).parameters) == set(captured):
            function = accessor
            break
    while not inspect.isfunction(function) or hasattr(function, "__wrapped__"):
        inner = [getattr(function, name, None) for name in ("__wrapped__", "__func__", "func")]
        function = next(filter(callable, inner), None)
        assert function, "what is imported here is not the function that failed"
    found = function.__code__.co_filename
    assert f"/{found}".endswith(f"/{file}"), f"what is imported here is not the function that failed, but one in {found}"
    positional, named = [], {}
    for name, parameter in inspect.signature(function).parameters.items():
        if parameter.kind is parameter.VAR_POSITIONAL:
            positional.extend(captured.get(name, ()))
        elif parameter.kind is parameter.VAR_KEYWORD:
            named.update(captured.get(name, {}))
        elif parameter.kind is parameter.KEYWORD_ONLY and name in captured:
            named[name] = captured[name]
        elif name in captured:
            positional.append(captured[name])
    result = function(*positional, **named)
    if inspect.isgenerator(result):
        for _ in result:
            pass
    elif inspect.isasyncgen(result):
        asyncio.run(exhaust(result))
    elif inspect.iscoroutine(result):
        asyncio.run(result)


async def exhaust(generator):
    async for _ in generator:
        pass
