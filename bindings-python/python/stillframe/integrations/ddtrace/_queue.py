"""The uploader's queue of snapshots: what is delegated waits in it unencoded, until it is emptied.

Waiting snapshots are kept beside the queue's own buffer of text, in an attribute of the queue. They count as what is in the buffer does. As
many bytes may wait as the buffer takes; a snapshot beyond is dropped as ddtrace drops one, and the uploader is woken.
"""

from __future__ import annotations

import sys

from stillframe import _failures
from stillframe._hooks.patch import Layer
from stillframe.integrations.ddtrace._batch import Delegated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_WAITING = "_stillframe_waiting"


def put(layer: Layer) -> Any:
    """``SignalQueue.put``: takes a delegated snapshot as it is."""
    original = layer.original

    def put(self: Any, item: Any) -> Any:
        if not isinstance(item, Delegated) or not layer.active:
            return original(self, item)
        with self._lock:
            waiting: list[Delegated] = self.__dict__.setdefault(_WAITING, [])
            held = sum(one.size for one in waiting)
            if held >= self.max_size:
                self._full = True
                if self._on_full is not None:
                    self._on_full(item, b"")
                raise sys.modules["ddtrace.debugging._encoding"].BufferFull(held, 0)
            waiting.append(item)
            item.encoder = self._encoder
            self.count += 1
        return 0

    return put


def flush(layer: Layer) -> Any:
    """``SignalQueue.flush``: encodes what waits, as much as the buffer takes, and returns the buffer."""
    original = layer.original

    def flush(self: Any) -> Any:
        waiting = self.__dict__.get(_WAITING)
        if not waiting:
            return original(self)
        _encode(self, waiting)
        with self._lock:
            # The original forgets the count, and would send an empty array if nothing was in the buffer.
            self.count -= len(waiting)
            try:
                return original(self)
            finally:
                self.count += len(waiting)

    return flush


def flush_track(layer: Layer) -> Any:
    """``SignalUploader._flush_track``: one request after the other, while snapshots are left that did not fit into the buffer."""
    original = layer.original

    def _flush_track(self: Any, track: Any) -> None:
        original(self, track)
        while any(item.is_ready for item in tuple(track.queue.__dict__.get(_WAITING, ()))):
            original(self, track)

    return _flush_track


def _encode(queue: Any, waiting: list[Delegated]) -> None:
    """Moves snapshots that have been walked into the buffer, encoded. The queue is locked for moments only."""
    full = False
    buffer_full = sys.modules["ddtrace.debugging._encoding"].BufferFull
    while not full:
        with queue._lock:
            item = next((one for one in waiting if one.is_ready), None)
            if item is None:
                return
            waiting.remove(item)
        text = _text(queue, item)
        with queue._lock:
            if text is None:
                queue.count -= 1
                continue
            try:
                queue._buffer.put(text)
            except buffer_full:
                full = not _is_empty(queue._buffer)
                if full:
                    waiting.insert(0, item)
                else:
                    queue.count -= 1  # larger than any buffer


def _is_empty(buffer: Any) -> bool:
    return bool(buffer._flushed) or buffer.size <= 2


def _text(queue: Any, item: Delegated) -> bytes | None:
    try:
        return item.encoded(queue._encoder)
    except Exception as failure:
        _failures.count(failure)
        return None
