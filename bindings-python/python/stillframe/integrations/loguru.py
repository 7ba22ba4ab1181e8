"""loguru: errors that it logs are captured, and its records can carry the id of the snapshot.

Its records are no records of ``logging``: what is observed is a handler that gets one with an exception. ``logger.exception``,
``logger.opt(exception=True)`` and ``@logger.catch`` all end there.
"""

from __future__ import annotations

from stillframe import _failures, _report
from stillframe._hooks.log_records import ERROR
from stillframe._hooks.patch import Layer, Patch, observer
from stillframe.integrations._records import SNAPSHOT_ID, snapshot_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def add_snapshot_id(record: Any) -> None:
    """Puts the id of the snapshot into the ``extra`` of a record with an exception, as ``stillframe.snapshot.id``.

    An error of level ERROR or above is captured for it, unless it was before::

        logger.configure(patcher=add_snapshot_id)

    Args:
        record: what loguru hands to a patcher.
    """
    try:
        error = _observed(record)
        found = snapshot_id(error)
        if found is not None:
            record["extra"][SNAPSHOT_ID] = found
    except RecursionError:
        _failures.out_of_stack[0] += 1
    except BaseException as failure:
        if not _failures.is_ours(failure):
            raise
        _failures.count(failure)


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``loguru._handler``."""
    return [Patch("logging", module.Handler, "emit", wrap=_wrap)]


def _wrap(layer: Layer) -> Any:
    original, observed = layer.original, observer(_observed)

    def emit(self: Any, record: Any, *args: Any, **kwargs: Any) -> None:
        if layer.active and type(record) is dict and record.get("exception") is not None:
            observed(record)
        original(self, record, *args, **kwargs)

    return emit


def _observed(record: Any) -> BaseException | None:
    """Captures the error of a record that is one of ours to capture, and returns it."""
    exception = record["exception"]
    error: BaseException | None = None if exception is None else exception[1]
    if error is None or SNAPSHOT_ID in record["extra"]:
        return error
    level = record["level"]
    if level.no >= ERROR:
        said = {"logger": record["name"], "level": level.name, "message": record["message"]}
        attributes = {name: value for name, value in said.items() if type(value) is str}
        _report.report(error, exception[2], "loguru", handled=True, attributes=attributes)
    return error
