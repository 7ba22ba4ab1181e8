"""Errors that a worker of ``concurrent.futures`` carries to whoever asks for the result: captured where their frames are."""

from __future__ import annotations

from stillframe import _context, _report
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
    if not _is_awaited(exception):
        carried(exception, "concurrent.futures")


def _pack(package: object, exc: object, tb: object) -> None:
    carried(exc, "concurrent.futures")


def _is_awaited(error: Any) -> bool:
    """Whether an event loop stands behind the future.

    It carries every kind of exception to the task that awaits it, also those by which web frameworks answer, and says itself if nobody has
    asked for the error.
    """
    name = _context.thread_name()
    if name is not None and name.startswith("asyncio_"):  # the loop's own pool
        return True
    link = _traceback(error) if issubclass(type(error), BaseException) else None
    for _ in range(6):
        if link is None:
            break
        if link.tb_frame.f_globals.get("__name__") in ("asgiref.sync", "anyio.from_thread"):
            return True
        link = link.tb_next
    return False


def carried(error: Any, mechanism: str) -> None:
    """Captures an error on its way to another thread or process. One without a traceback has come from there."""
    if issubclass(type(error), BaseException) and _traceback(error) is not None and _report.is_error(error):
        _report.report(error, None, mechanism, handled=True)
