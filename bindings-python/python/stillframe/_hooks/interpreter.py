"""Errors that nobody handles: ``sys.excepthook`` and ``sys.unraisablehook``."""

from __future__ import annotations

import sys

from stillframe._hooks.patch import Patch
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType, TracebackType
    from typing import Any


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``sys``."""
    return [
        excepthook,
        Patch("unraisable", module, "unraisablehook", before=_unraisablehook),
    ]


def met(kind: type[BaseException], error: BaseException | None, traceback: TracebackType | None) -> None:
    """What ``sys.excepthook`` is given: captured."""
    # The error that ends the program is captured in any case: the interpreter has just noted it as the last one.
    ends_program = getattr(sys, "last_value", None) is error
    report(error, traceback, "excepthook", handled=False, limited=not ends_program)


def _unraisablehook(unraisable: Any) -> None:
    report(unraisable.exc_value, unraisable.exc_traceback, "unraisablehook", handled=False)


excepthook = Patch("excepthook", sys, "excepthook", before=met)
