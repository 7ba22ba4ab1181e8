"""Errors that a program prints by itself: ``traceback.print_exc()`` in an ``except`` block.

``multiprocessing`` prints like that what ends a worker process, and ``socketserver`` what fails in a request.
"""

from __future__ import annotations

import sys

from stillframe import _hooks
from stillframe._hooks.patch import Patch
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``traceback``: for two switches, so the function looks at them."""
    return [Patch("always", module, "print_exc", before=_print_exc)]


def _print_exc(*args: object, **kwargs: object) -> None:
    caller = sys._getframe(2).f_globals.get("__name__")  # behind this function and the one that replaces print_exc
    if caller == "multiprocessing.process":
        if _hooks.is_on("workers"):
            report(sys.exc_info()[1], None, "multiprocessing", handled=False)
    elif _hooks.is_on("logging"):
        report(sys.exc_info()[1], None, "traceback", handled=True)
