"""What a program prints of its errors is what it prints without us, to the letter: at its end, of its imports, in its consoles."""

from __future__ import annotations

import re
import sys

import pytest

from support import Result, Store, functions

INSTALL = "import stillframe\nstillframe.install()\n"
NOTHING = "import os\nos.getpid()\n"
"""As many lines, for the line numbers."""


def both(store: Store, before: str, after: str) -> Result:
    """How a program ends that installs us at some point; it must be as without us."""
    plain, ours = (store.python(before + install + after) for install in (NOTHING, INSTALL))
    for result in (plain, ours):
        result.err = re.sub(" at 0x[0-9a-f]+>", " at 0x0>", result.err)
    assert ours == plain
    return ours


FINALIZERS = {
    "unraisable": """
class Late:
    def __del__(self):
        raise ValueError("late")
""",
    "logged": """
import logging, sys
class Late:
    def __del__(self, print=print, record=logging.LogRecord, exc_info=sys.exc_info):
        try:
            1 / 0
        except ZeroDivisionError:
            record("x", 40, "late.py", 1, "late", (), exc_info())
        print("made")
""",
}


@pytest.mark.parametrize("name", FINALIZERS)
def test_what_fails_when_the_modules_are_taken_down(store: Store, name: str) -> None:
    """Those that were imported first go last, when ours are gone already."""
    store.write("late.py", FINALIZERS[name] + "late = Late()\n")
    keep = "import sys, late\nclass Keeper: pass\nsys.modules['keeper'] = Keeper()\nKeeper.module = sys.late = late\n"
    result = both(store, keep, "")
    assert "ValueError: late" in result.err if name == "unraisable" else (result.out, result.err) == ("made\n", "")


MODULES = {
    "import nowhere_to_be_found\n": "ModuleNotFoundError",
    "def check():\n    raise ImportError('too old')\ncheck()\n": "ImportError",
    "import os\nos.nothing\n": "AttributeError",
    "def check(:\n": "SyntaxError",
    "raise SystemExit('cannot')\n": "cannot",
    "import warnings\nwarnings.warn('old', stacklevel=2)\nwarnings.warn('older', stacklevel=3)\n": "UserWarning: old\n",
}


@pytest.mark.parametrize("text", MODULES)
@pytest.mark.parametrize("way", ["import flask", "from flask import app", "import outer", "__import__('flask.app')"])
def test_a_watched_module_that_fails_or_warns_when_it_is_imported(store: Store, text: str, way: str) -> None:
    store.write("flask/__init__.py", "" if "app" in way else "from flask.app import Flask\n")
    store.write("flask/app.py", text + "Flask = None\n")
    store.write("outer.py", "import flask\n")
    result = both(store, "", way + "\n")
    assert MODULES[text] in result.err
    assert "importlib" not in result.err


def test_a_snapshot_of_a_watched_module_that_fails(store: Store) -> None:
    store.write("flask/__init__.py", "")
    store.write("flask/app.py", "limit = 3\nlimit / 0\n")
    store.python(INSTALL + "import flask.app\n")
    [snapshot] = store.snapshots()
    assert functions(snapshot) == ["<module>", "<module>"]
    assert "stillframe/_hooks" not in str(snapshot["frames"])
