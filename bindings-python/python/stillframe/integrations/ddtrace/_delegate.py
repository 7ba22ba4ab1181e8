"""What of ddtrace is replaced, and by what.

Its handler runs as it is: rate limits, the choice of frames, tags. Around it an :class:`~stillframe.integrations.ddtrace._batch.Batch` is
open, in which the snapshots it makes are stand-ins that only note their frame. When the handler is done, all frames are walked at once.
The queue of the uploader keeps the stand-ins and has them encoded when it is emptied, on the thread that uploads.
"""

from __future__ import annotations

import sys

from stillframe._hooks.patch import Layer, Patch
from stillframe.integrations.ddtrace import _batch, _queue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

SWITCH = "ddtrace"


def patches(replay: ModuleType) -> list[Patch]:
    """What is replaced in ddtrace, given its module of exception replay."""
    encoding: Any = sys.modules["ddtrace.debugging._encoding"]
    uploader: Any = sys.modules["ddtrace.debugging._uploader"]
    tools = _batch.Tools(replay, encoding)
    return [
        Patch(SWITCH, replay, "SpanExceptionProbe", wrap=tools.probe_class),
        Patch(SWITCH, replay, "SpanExceptionSnapshot", wrap=tools.snapshot_class),
        Patch(SWITCH, encoding.SnapshotJsonEncoder, "encode", wrap=_encode),
        Patch(SWITCH, encoding.SignalQueue, "put", wrap=_queue.put),
        Patch(SWITCH, encoding.SignalQueue, "flush", wrap=_queue.flush),
        Patch(SWITCH, uploader.SignalUploader, "_flush_track", wrap=_queue.flush_track),
        _Handler(replay, tools),
    ]


class _Handler(Patch):
    """The handler, which ddtrace has perhaps already registered for errors of spans."""

    __slots__ = ("_module",)

    def __init__(self, replay: Any, tools: _batch.Tools) -> None:
        super().__init__(SWITCH, replay.SpanExceptionHandler, "on_span_exception", wrap=tools.handler)
        self._module = replay

    def apply(self) -> None:
        before = self.owner.on_span_exception
        super().apply()
        if self.owner.on_span_exception is not before:
            self._register()

    def remove(self) -> None:
        before = self.owner.on_span_exception
        super().remove()
        if self.owner.on_span_exception is not before:
            self._register()

    def _register(self) -> None:
        """Replaces what was registered under the name of the module, if anything was."""
        instance = self.owner._instance
        if instance is not None:
            self._module.core.on("span.exception", instance.on_span_exception, name=self._module.__name__)


def _encode(layer: Layer) -> Any:
    original = layer.original

    def encode(self: Any, item: Any) -> Any:
        if isinstance(item, _batch.Delegated):
            return item.encoded(self)
        return original(self, item)

    return encode
