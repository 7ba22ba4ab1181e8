def load(path, name, stop=0, text=""):
    """The program's file as a module, without what stands at its top level from the statement on that failed: line ``stop``, ``text``."""
    folder = os.path.dirname(path)
    package = []
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, part = os.path.split(folder)
        package.insert(0, part)
    sys.path.insert(0, folder)
    with open(path, "rb") as file:
        source = file.read()
    tree, lines = ast.parse(source, path), [line.strip() for line in source.decode().splitlines()]
    if stop:
        same = [one for one in tree.body if text and text in lines[one.lineno - 1 : one.end_lineno]]
        stop = min((one.lineno for one in same), key=lambda line: abs(line - stop), default=stop)
        tree.body = [one for one in tree.body if one.end_lineno < stop]
    module = types.ModuleType(name)
    module.__file__, module.__package__ = path, ".".join(package)
    sys.modules[name] = module
    exec(compile(tree, path, "exec"), module.__dict__)
    return module
