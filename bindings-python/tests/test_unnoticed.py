"""What a program prints of its errors is what it prints without us, to the letter: at its end, of its imports, in its consoles."""

from __future__ import annotations

import re
import sys

import pytest

from support import Result, Store

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
