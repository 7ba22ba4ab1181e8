"""Errors that end a thread: ``threading.excepthook``.

Threads made from here on are observed one level below as well, where that hook is called from: some programs replace it without calling the
one before.
"""

from __future__ import annotations

import sys
from contextvars import Context

from stillframe import _failures
from stillframe._hooks.patch import Patch
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``threading``."""
    return [
        Patch("threading", module, "excepthook", before=_excepthook),
        Patch("threading", module, "_make_invoke_excepthook", after=_invoke_excepthook),
    ]


def _excepthook(args: Any) -> None:
    report(args.exc_value, args.exc_traceback, "threading", handled=False, variables=_variables(args.thread))


def _invoke_excepthook(invoke: Callable[[Any], None]) -> Callable[[Any], None]:
    def invoke_excepthook(thread: Any) -> None:
        try:
            report(sys.exc_info()[1], None, "threading", handled=False, variables=_variables(thread))
        except RecursionError:
            _failures.out_of_stack[0] += 1
        invoke(thread)

    return invoke_excepthook


def _variables(thread: object) -> Context | None:
    """The context variables of the thread: from 3.14 on it runs in a context of its own, which it has left when it comes here."""
    try:
        found = object.__getattribute__(thread, "_context")
    except AttributeError:
        return None
    return found if type(found) is Context else None
