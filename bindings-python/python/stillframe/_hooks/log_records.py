"""Errors that the program logs: records of level ERROR and above that carry an exception.

The record's own initialisation is observed, which is over before any handler runs: no filter, handler or formatter has a frame of ours
below it, it does not matter what becomes of loggers and handlers, and a record without an exception costs one call more.
"""

from __future__ import annotations

from stillframe._hooks.patch import Patch
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

ERROR = 40  # logging.ERROR


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``logging``."""
    return [Patch("logging", module.LogRecord, "__init__", after=_logged)]


def _logged(result: None, record: Any, *args: object, **kwargs: object) -> None:
    info = record.exc_info
    if info and type(info) is tuple and len(info) == 3 and type(record.levelno) is int and record.levelno >= ERROR:
        attributes = {"logger": record.name, "level": record.levelname}
        if type(record.msg) is str:
            attributes["message"] = record.msg
        report(info[1], info[2], "logging", handled=True, attributes=attributes)
