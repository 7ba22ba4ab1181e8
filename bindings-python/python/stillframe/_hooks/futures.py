"""Errors that a worker of ``concurrent.futures`` carries to whoever asks for the result: captured where their frames are."""

from __future__ import annotations

from stillframe import _report
from stillframe._hooks.patch import Patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_traceback = BaseException.__dict__["__traceback__"].__get__


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: in threads a future is given its error; in processes the error is packed for its way to the parent."""
    if module.__name__ == "concurrent.futures.process":
        return [Patch("workers", module._ExceptionWithTraceback, "__init__", before=_pack)]
    return [Patch("workers", module.Future, "set_exception", before=_set_exception)]


def _set_exception(future: object, exception: object) -> None:
    carried(exception, "concurrent.futures")


def _pack(package: object, exc: object, tb: object) -> None:
    carried(exc, "concurrent.futures")


def carried(error: Any, mechanism: str) -> None:
    """Captures an error on its way to another thread or process. One without a traceback has come from there."""
    if issubclass(type(error), BaseException) and _traceback(error) is not None and _report.is_error(error):
        _report.report(error, None, mechanism, handled=True)
