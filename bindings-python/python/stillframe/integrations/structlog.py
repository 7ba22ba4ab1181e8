"""structlog: errors that it logs are captured, and its events can carry the id of the snapshot.

Most configurations write the traceback into the event themselves, so ``logging`` never sees the exception: what is observed is the event
before its processors.
"""

from __future__ import annotations

import sys
from types import FunctionType

from stillframe import _failures, _hooks, _report
from stillframe._hooks.patch import Layer, Patch, observer
from stillframe.integrations._records import SNAPSHOT_ID, snapshot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_LEVELS = {
    **dict.fromkeys(("error", "exception", "err", "aerror", "aexception"), "ERROR"),
    **dict.fromkeys(("critical", "fatal", "acritical", "afatal"), "CRITICAL"),
}
"""Levels that the methods of loggers stand for, from ERROR on."""


def add_snapshot_id(logger: Any, method_name: str, event_dict: Any) -> Any:
    """A processor that puts the id of the snapshot into an event with an exception, as ``stillframe.snapshot.id``.

    An error of level ERROR or above is captured for it, unless it was before. It may stand anywhere in the list; behind
    ``format_exc_info`` it finds the error only inside an ``except`` block::

        structlog.configure(processors=[add_snapshot_id, structlog.processors.format_exc_info, ...])

    Args:
        logger: as structlog hands it over.
        method_name: as structlog hands it over.
        event_dict: the event.

    Returns:
        The event.
    """
    try:
        error = _error(event_dict, method_name, "exception" in event_dict)
        if error is not None:
            if not _hooks.is_on("logging"):
                _captured(error, method_name, event_dict)
            found = snapshot_id(error)
            if found is not None:
                event_dict[SNAPSHOT_ID] = found
    except RecursionError:
        _failures.out_of_stack[0] += 1
    except BaseException as failure:
        if not _failures.is_ours(failure):
            raise
        _failures.count(failure)
    return event_dict


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``structlog._base``."""
    return [Patch("logging", module.BoundLoggerBase, "_process_event", wrap=_wrap)]


def _wrap(layer: Layer) -> Any:
    original = layer.original

    def _process_event(self: Any, method_name: Any, event: Any, event_kw: Any) -> Any:
        if layer.active and ("exc_info" in event_kw or method_name == "exception"):
            look(method_name, event, event_kw)
        return original(self, method_name, event, event_kw)

    look = observer(_look)
    # Processors look for the caller by passing over the frames of modules called structlog.
    return FunctionType(
        _process_event.__code__, {"__name__": "structlog", "__builtins__": __builtins__}, closure=_process_event.__closure__
    )


def _look(method_name: Any, event: Any, event_kw: Any) -> None:
    error = _error(event_kw, method_name, False)
    if error is not None:
        _captured(error, method_name, {"event": event})


def _error(event: Any, method_name: str, formatted: bool) -> BaseException | None:
    """The exception of an event: given, or the one that is being handled."""
    given = event.get("exc_info") if type(event) is dict else None
    if type(given) is tuple:
        given = given[1] if len(given) == 3 else None
    if issubclass(type(given), BaseException):
        error: BaseException | None = given
        return error
    if given is True or formatted or (method_name == "exception" and "exc_info" not in event):
        return sys.exc_info()[1]
    return None


def _captured(error: BaseException, method_name: str, event: Any) -> None:
    level = _LEVELS.get(method_name)
    if level is not None:
        attributes = {"level": level}
        if type(event.get("event")) is str:
            attributes["message"] = event["event"]
        _report.report(error, None, "structlog", handled=True, attributes=attributes)
