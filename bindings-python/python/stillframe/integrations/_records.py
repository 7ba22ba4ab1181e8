"""Names under which the records of logs and traces say which snapshot belongs to them: the same in every library."""

from __future__ import annotations

from stillframe import _identity

SNAPSHOT_ID = "stillframe.snapshot.id"
"""Whole id of the snapshot."""

FINGERPRINT = "stillframe.fingerprint"
"""Id of the issue that it belongs to."""


def snapshot_id(error: BaseException | None) -> str | None:
    """Id of the snapshot that was taken of an error, if one was."""
    met = None if error is None else _identity.find(error)
    return None if met is None else met.snapshot
