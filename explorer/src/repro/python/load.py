def load(path, name, stop=None):
    """The program's file as a module; what stands from line ``stop`` on at its top level, where it failed, is left out."""
    folder = os.path.dirname(path)
    package = []
    while os.path.exists(os.path.join(folder, "__init__.py")):
        folder, part = os.path.split(folder)
        package.insert(0, part)
    sys.path.insert(0, folder)
    with open(path, "rb") as file:
        tree = ast.parse(file.read(), path)
    tree.body = [statement for statement in tree.body if stop is None or statement.end_lineno < stop]
    module = types.ModuleType(name)
    module.__file__, module.__package__ = path, ".".join(package)
    sys.modules[name] = module
    exec(compile(tree, path, "exec"), module.__dict__)
    return module
