"""Consoles for people (``code``, and what is made of it): their errors are captured, and shown as the console shows them.

A console writes an error itself only while ``sys.excepthook`` is the interpreter's own; a hook that stands there is called in its place.
For as long as it shows one, the interpreter's own does stand there, if ours is all that is in front of it.
"""

from __future__ import annotations

import sys

from stillframe._hooks import interpreter
from stillframe._hooks.patch import Layer, Patch, observer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``code``."""
    return [Patch("excepthook", module.InteractiveInterpreter, name, wrap=_wrap) for name in ("showtraceback", "showsyntaxerror")]


def _wrap(layer: Layer) -> Any:
    original, lend, take_back = layer.original, observer(_lend), observer(_take_back)

    def showing(*args: Any, **kwargs: Any) -> Any:
        lent: list[Layer] = []
        if layer.active:
            lend(lent)
        try:
            return original(*args, **kwargs)
        finally:
            if lent:
                take_back(lent[0])

    return showing


def _lend(lent: list[Layer]) -> None:
    hook = interpreter.excepthook.standing
    if hook is not None and hook.original is sys.__excepthook__:
        lent.append(hook)
        sys.excepthook = hook.original


def _take_back(hook: Layer) -> None:
    if hook.active and sys.excepthook is hook.original:
        sys.excepthook = hook.function
    error = getattr(sys, "last_value", None)  # what was shown: of errors of syntax the console makes one of its own
    if hook.active and error is not None:
        interpreter.met(type(error), error, getattr(sys, "last_traceback", None))
