"""Errors that the program logs: records of level ERROR and above that carry an exception.

The record's own initialisation is observed, which is over before any handler runs: no filter, handler or formatter has a frame of ours
below it, it does not matter what becomes of loggers and handlers, and a record without an exception costs one plain call more.
"""

from __future__ import annotations

from types import TracebackType

from stillframe import _failures
from stillframe._hooks.patch import Layer, Patch
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_plain_int = int.__int__  # of an enumeration's member as well, without its code
_traceback = BaseException.__dict__["__traceback__"].__get__

ERROR = 40  # logging.ERROR

LAST_RESORTS = {
    "aiohttp.server": "aiohttp",
    "gunicorn.error": "gunicorn",
    "hypercorn.error": "hypercorn",
    "uvicorn.error": "uvicorn",
    "waitress": "waitress",
}
"""Loggers of servers, which log what nobody has handled; and the name of the mechanism."""

REFUSED = "django.security."
"""Loggers of Django for requests that it refuses: answered with 400, and no error of the program."""


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``logging``."""
    return [Patch("logging", module.LogRecord, "__init__", wrap=_wrap)]


def _wrap(layer: Layer) -> Any:
    original, logged, swallowed, out_of_stack = layer.original, _logged, _failures.swallowed, _failures.out_of_stack

    # Every record of the program comes by: no argument is packed into a tuple or a dictionary.
    def __init__(  # noqa: N807 - it replaces one
        self: Any,
        name: Any,
        level: Any,
        pathname: Any,
        lineno: Any,
        msg: Any,
        args: Any,
        exc_info: Any,
        func: Any = None,
        sinfo: Any = None,
        **kwargs: Any,
    ) -> None:
        if kwargs:
            original(self, name, level, pathname, lineno, msg, args, exc_info, func, sinfo, **kwargs)
        else:
            original(self, name, level, pathname, lineno, msg, args, exc_info, func, sinfo)
        if exc_info and layer.active:
            try:
                logged(name, level, msg, exc_info)
            except RecursionError:
                out_of_stack[0] += 1
            except BaseException as failure:
                if not swallowed(failure):
                    raise

    return __init__


def _logged(name: Any, level: Any, msg: Any, exc_info: Any) -> None:
    if type(exc_info) is tuple and len(exc_info) == 3 and issubclass(type(level), int) and _plain_int(level) >= ERROR:
        level = _plain_int(level)
        attributes = {"logger": name, "level": _LEVELS.get(level, str(level))}
        if type(msg) is str:
            attributes["message"] = msg
        error, traceback = exc_info[1], exc_info[2]
        if traceback is not None and type(traceback) is not TracebackType:  # a copy that looks like one (billiard, tblib)
            if issubclass(type(error), BaseException) and _traceback(error) is None:
                return  # it has come from another process, where it was met
            traceback = None
        server = LAST_RESORTS.get(name) if type(name) is str else None
        if server is not None:
            report(error, traceback, server, handled=False, attributes=attributes)
        elif type(name) is not str or not name.startswith(REFUSED):
            report(error, traceback, "logging", handled=True, attributes=attributes)


_LEVELS = {40: "ERROR", 50: "CRITICAL"}
