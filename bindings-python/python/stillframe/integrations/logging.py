"""``logging``: its records can carry the id of the snapshot. That the errors in them are captured needs nothing of this."""

from __future__ import annotations

import logging

from stillframe import _failures
from stillframe.integrations._records import SNAPSHOT_ID, snapshot_id


class AddSnapshotId(logging.Filter):
    """A filter that lets every record pass, and puts the id of the snapshot into one with an exception, as ``stillframe.snapshot.id``.

    Formatters that write all attributes of a record (JSON) show it at once; others by ``%(stillframe.snapshot.id)s``, for which records
    without one get an empty text::

        handler.addFilter(AddSnapshotId())
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Adds the id."""
        try:
            error = record.exc_info[1] if type(record.exc_info) is tuple else None
            setattr(record, SNAPSHOT_ID, snapshot_id(error) or "")
        except Exception as failure:
            _failures.count(failure)
        return True
