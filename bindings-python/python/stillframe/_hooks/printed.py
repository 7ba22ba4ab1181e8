"""Errors that a program prints by itself: ``traceback.print_exc()`` in an ``except`` block.

``multiprocessing`` prints like that what ends a worker process, and ``socketserver`` what fails in a request.
"""

from __future__ import annotations

import sys

from stillframe._hooks.patch import Patch
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``traceback``."""
    return [Patch(module, "print_exc", before=_print_exc)]


def _print_exc(*args: object, **kwargs: object) -> None:
    caller = sys._getframe(2).f_globals.get("__name__")  # behind this function and the one that replaces print_exc
    if caller == "multiprocessing.process":
        report(sys.exc_info()[1], None, "multiprocessing", handled=False)
    else:
        report(sys.exc_info()[1], None, "traceback", handled=True)
