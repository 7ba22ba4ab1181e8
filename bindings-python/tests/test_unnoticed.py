"""What a program prints of its errors is what it prints without us, to the letter; and its own texts stay as they are."""

from __future__ import annotations

import re
import sys

import pytest

from support import Result, Store, functions, values

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


CONSOLE = """
import code, sys
class Console(code.InteractiveConsole):
    def write(self, text):
        sys.stdout.write("".join("| " + line for line in text.splitlines(True)))
console = Console()
for line in ("def half(n):", "    return 1 / n", "", "half(0)", "1 +* 2", "import nowhere", "print('fine')"):
    console.push(line)
console.push("raise SystemExit(7)")
"""


@pytest.mark.parametrize("before", ["import sys\n", "import sys, code\n"])
def test_a_console_shows_errors_itself(store: Store, before: str) -> None:
    """It looks whether the hook is the interpreter's own: ours does not count, and captures what is shown all the same."""
    result = both(store, before, CONSOLE)
    assert (result.status, result.err) == (7, "")
    assert '|   File "<console>", line 2, in half\n' in result.out
    assert store.errors() == [
        ("ZeroDivisionError", "excepthook", False),
        ("SyntaxError", "excepthook", False),
        ("ModuleNotFoundError", "excepthook", False),
    ]
    snapshot = store.snapshots()[0]
    assert functions(snapshot)[:2] == ["half", "<module>"]
    assert values(snapshot) == {"n": 0}


def test_our_hook_is_back_when_the_console_has_shown_an_error(store: Store) -> None:
    failing = CONSOLE.replace("sys.stdout.write(", "raise OSError(").replace('console.push("raise SystemExit(7)")', "")
    result = store.python(
        INSTALL
        + "import sys\nours = sys.excepthook\ntry:\n"
        + "".join(f"    {line}\n" for line in failing.splitlines())
        + "except OSError:\n    print(sys.excepthook is ours)\n1 / 0\n"
    )
    assert result.out == "True\n"
    assert store.errors()[-1] == ("ZeroDivisionError", "excepthook", False)


HOOKS = {
    "before us": ("import sys\nsys.excepthook = lambda *error: print('mine', error[0].__name__)\n", ""),
    "after us": ("import sys\n", "before = sys.excepthook\nsys.excepthook = lambda *error: print('mine', error[0].__name__)\n"),
    "around us": ("import sys\n", "before = sys.excepthook\nsys.excepthook = lambda *error: (print('mine'), before(*error))\n"),
    "while it shows": ("import sys\n", "def other(*error):\n    print('other')\n"),
}


@pytest.mark.parametrize("name", HOOKS)
def test_a_console_of_a_program_with_a_hook_of_its_own(store: Store, name: str) -> None:
    before, after = HOOKS[name]
    console = CONSOLE
    if name == "while it shows":
        console = console.replace("sys.stdout.write(", "sys.excepthook = other; sys.stdout.write(")
    both(store, before, after + console)
    assert ("ZeroDivisionError", "excepthook", False) in store.errors() or name == "after us"


@pytest.mark.parametrize("text", ["1 / 0\nimport nowhere\n1 +\n", "import code\ncode.interact(banner='')\n1 / 0\n"])
@pytest.mark.parametrize("start", [("-c", "import code; code.interact()"), ("-m", "asyncio"), ("-m", "pdb", "-c", "interact", __file__)])
def test_consoles_of_the_standard_library(store: Store, start: tuple[str, ...], text: str) -> None:
    typed = store.write("typed.txt", text)
    results = []
    for enabled in (None, "1"):
        with open(typed, "rb") as stdin:
            result = store.run(sys.executable, *start, stdin=stdin, env={"STILLFRAME_ENABLED": enabled})
        result.err = re.sub(r"line \d+, in result\n", "line 0, in result\n", result.err)  # which of two depends on who was first
        results.append(result)
    assert results[0] == results[1]
    assert "ZeroDivisionError" in results[0].out + results[0].err
    assert store.errors()[0][0] == "ZeroDivisionError"


@pytest.mark.parametrize(
    "fail",
    [
        "import logging; logging.getLogger('x').error(text, exc_info=True)",
        "import logging; logging.getLogger(text).error('x', exc_info=True)",
        "stillframe.context(tags={'text': text}); stillframe.capture()",
        "stillframe.context(tags={text: 'text'}); stillframe.capture()",
        "stillframe.context(user=text, session=text); stillframe.capture()",
        "import threading; threading.current_thread().name = text; stillframe.capture()",
    ],
)
def test_long_texts_are_not_copied(store: Store, fail: str) -> None:
    """What is handed on of a text is bounded; the program's own string is not made larger either."""
    result = store.python(
        f"""
        import stillframe, sys
        stillframe.install()
        text = "\xe9" * 1_000_000
        before = sys.getsizeof(text)
        try:
            1 / 0
        except ZeroDivisionError:
            {fail}
        print(sys.getsizeof(text) - before)
        """
    )
    assert (result.status, result.out) == (0, "0\n"), result.err
    [snapshot] = store.snapshots()
    said = str([snapshot.get("context"), snapshot["thread"]])
    assert ("\xe9" * 30 in said) or "tags={text" in fail  # no rule can judge such a name
    assert "\xe9" * 2049 not in said
