"""Starts capturing where our ``.pth`` file is not read (``pip install --target``, ``PYTHONPATH``): ``_run`` puts this folder in front.

It takes itself out again, so that neither the program nor the interpreters it starts see anything of it, and hands over to the
``sitecustomize`` that the program has.
"""

import os
import sys


def _start() -> None:
    folder = os.path.dirname(os.path.abspath(__file__))
    sys.path[:] = [path for path in sys.path if path != folder]
    paths = os.environ.get("PYTHONPATH", "")
    if paths == folder:
        del os.environ["PYTHONPATH"]
    elif paths.startswith(folder + os.pathsep):
        os.environ["PYTHONPATH"] = paths[len(folder + os.pathsep) :]

    package = os.path.dirname(os.path.dirname(folder))
    added = package not in sys.path
    if added:
        sys.path.append(package)
    try:
        __import__("stillframe._autostart")
    except Exception:  # noqa: S110 - the program starts in any case, and prints only what it prints
        pass
    finally:
        if added:
            sys.path.remove(package)


_start()
_own = sys.modules.pop("sitecustomize")
try:
    __import__("sitecustomize")
except ImportError as error:
    sys.modules["sitecustomize"] = _own  # the import system looks for what it has just loaded
    if error.name != "sitecustomize":
        raise
