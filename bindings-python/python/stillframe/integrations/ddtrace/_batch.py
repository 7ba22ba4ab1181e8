"""All frames of one error, walked at once; and the stand-ins for ddtrace's snapshots.

While ddtrace's handler runs, nothing of the program runs on this thread, so the values at its end are those at its beginning. A stand-in
looks like the snapshot that it stands for: tests and collectors of ddtrace may read its values, which are decoded when they do.

Whatever goes wrong in here, ddtrace's own snapshot is taken instead.
"""

from __future__ import annotations

import sys
from threading import local
from time import time
from uuid import uuid4

from stillframe import _context, _failures
from stillframe._runtime import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType
    from typing import Any

    from stillframe import _native
    from stillframe._hooks.patch import Layer

CALLERS = 4096
"""Frames below those of the traceback, as many as ddtrace lists."""

CAUSES = 256

_traceback = BaseException.__dict__["__traceback__"].__get__
_cause = BaseException.__dict__["__cause__"].__get__
_outer = BaseException.__dict__["__context__"].__get__
_is_suppressed = BaseException.__dict__["__suppress_context__"].__get__

_running = local()


class Batch:
    """One run of ddtrace's handler."""

    __slots__ = ("error", "snapshots", "span", "tools", "traceback")

    def __init__(self, tools: Tools, span: Any, error: BaseException, traceback: Any) -> None:
        """Nothing is captured yet, and perhaps nothing will be."""
        self.tools = tools
        self.span = span
        self.error = error
        self.traceback = traceback
        self.snapshots: list[Delegated] = []

    def settle(self) -> None:
        """Walks the frames noted so far. Never raises, and lets go of all that belongs to the program."""
        snapshots, self.snapshots = self.snapshots, []
        replay: _native.Replay | None = None
        try:
            replay = self._walk(snapshots)
        except RecursionError:
            _failures.out_of_stack[0] += 1
        except BaseException as failure:
            if not _failures.is_ours(failure):
                for snapshot in snapshots:
                    snapshot.be_plain()
                raise
            _failures.count(failure)
        reached = [] if replay is None else replay.frames
        for index, snapshot in enumerate(snapshots):
            if replay is not None and reached[index]:
                snapshot.be_captured(replay, index, replay.size // len(snapshots))
            else:
                snapshot.be_plain()

    def _walk(self, snapshots: list[Delegated]) -> _native.Replay | None:
        traceback = _traceback(self.error) or self.traceback
        context: dict[str, Any] = {"thread": _context.name_of(snapshots[0].thread)}
        if self.span is not None:
            context["trace_id"] = self.span.trace_id
            context["span_id"] = self.span.span_id
        frames = [snapshot.frame for snapshot in snapshots]
        callers = [_callers(link) for link in _tracebacks(self.error, traceback)]
        exc_id = str(snapshots[0].exc_id)
        return native.replay(self.error, traceback, frames, callers, exc_id, self.tools.limits(), context)


def _tracebacks(error: BaseException, traceback: Any) -> list[Any]:
    """That of the error and of those that led to it, as ddtrace follows them."""
    found = [traceback]
    seen = {id(error)}
    while len(found) < CAUSES:
        link = _cause(error)
        if link is None and not _is_suppressed(error):
            link = _outer(error)
        if link is None or id(link) in seen:
            break
        seen.add(id(link))
        error = link
        found.append(_traceback(error))
    return found


def _callers(traceback: Any) -> list[tuple[Any, int]]:
    """What called the outermost frame of a traceback."""
    found: list[tuple[Any, int]] = []
    frame: FrameType | None = None if traceback is None else traceback.tb_frame.f_back
    while frame is not None and len(found) < CALLERS:
        found.append((frame.f_code, frame.f_lasti))
        frame = frame.f_back
    return found


class Tools:
    """What is needed of ddtrace."""

    def __init__(self, replay: Any, encoding: Any) -> None:
        """Takes ddtrace's modules of exception replay and of encoding."""
        self.replay = replay
        self.encoding = encoding
        self.plain_probe: Any = replay.SpanExceptionProbe
        self.plain_snapshot: Any = replay.SpanExceptionSnapshot
        self.done: Any = sys.modules["ddtrace.debugging._signal.model"].SignalState.DONE
        self._snapshot: Any = sys.modules["ddtrace.debugging._signal.snapshot"]
        self._probe: Any = sys.modules["ddtrace.debugging._probe.model"]
        self._tags: Any = sys.modules.get("ddtrace.internal.process_tags")

    def limits(self) -> dict[str, int]:
        """Ddtrace's limits, in our words."""
        limits = self.replay.DEFAULT_CAPTURE_LIMITS
        config = getattr(self._snapshot, "di_config", None)
        time_ms = self._snapshot.CAPTURE_TIME_BUDGET * 1000 if config is None else config.capture_timeout_ms
        return {
            "depth": limits.max_level + 1,
            "fields": limits.max_fields,
            "items": limits.max_size,
            "string": limits.max_len,
            "time_ms": int(time_ms),
        }

    def source_file(self, file: str) -> str:
        """Where a file lies, as ddtrace resolves it; what the code says, where it does not exist."""
        resolved = self._probe._resolve_source_file(file)
        return file if resolved is None else str(resolved)

    def process_tags(self) -> str | None:
        """Text that ddtrace adds to each snapshot, in versions that do."""
        tags = getattr(self._tags, "process_tags", None)
        return tags if tags and type(tags) is str else None

    def more_members(self, encoder: Any) -> bytes:
        """Members that the core does not write: ``host`` in older versions, ``ddtags`` if they are not in the query."""
        from json import dumps

        members: dict[str, Any] = {"host": encoder._host} if hasattr(encoder, "_host") else {}
        self.encoding.add_tags(members)
        return dumps(members)[1:-1].encode() + b"," if members else b""

    def handler(self, layer: Layer) -> Any:
        """``SpanExceptionHandler.on_span_exception`` inside a batch."""
        original = layer.original

        def on_span_exception(self_: Any, span: Any, _exc_type: Any, exc: Any, traceback: Any) -> None:
            if not layer.active:
                return original(self_, span, _exc_type, exc, traceback)  # type: ignore[no-any-return]
            before = getattr(_running, "batch", None)
            batch = _running.batch = Batch(self, span, exc, traceback)
            try:
                original(self_, span, _exc_type, exc, traceback)
            finally:
                _running.batch = before
                if batch.snapshots:
                    batch.settle()

        return on_span_exception

    def probe_class(self, layer: Layer) -> Any:
        """``SpanExceptionProbe``, which is not built while its snapshot is a stand-in."""
        plain = layer.original

        class SpanExceptionProbe(plain):  # type: ignore[misc, valid-type]
            @classmethod
            def build(cls, exc_id: Any, frame: Any) -> Any:
                if layer.active and getattr(_running, "batch", None) is not None:
                    return None
                return plain.build(exc_id, frame)

        return SpanExceptionProbe

    def snapshot_class(self, layer: Layer) -> Any:
        """``SpanExceptionSnapshot``: a stand-in inside a batch."""
        plain = layer.original
        tools = self

        class SpanExceptionSnapshot(Delegated, plain):  # type: ignore[misc, valid-type]
            def __new__(cls, *args: Any, **kwargs: Any) -> Any:
                batch = getattr(_running, "batch", None)
                if batch is None or not layer.active:
                    return plain(*args, **kwargs)
                return object.__new__(cls)

            def __init__(self, *, probe: Any, frame: Any, thread: Any, trace_context: Any, exc_id: Any) -> None:
                self.batch = _running.batch
                self.tools = tools
                self.frame = frame
                self.thread = thread
                self.trace_context = trace_context
                self.exc_id = exc_id
                self.uuid = str(uuid4())
                self.timestamp = time()
                self.errors = []
                code = frame.f_code
                self.place = (code.co_filename, code.co_name, frame.f_lineno)

        return SpanExceptionSnapshot


class Delegated:
    """A stand-in for a snapshot of ddtrace: first of a frame that waits to be walked, then of values that wait to be encoded."""

    # Attributes that a subclass, which derives from ddtrace's class as well, sets.
    batch: Any
    encoder: Any = None
    errors: list[Any]
    exc_id: Any
    frame: Any
    is_ready = False
    place: tuple[str, str, int]
    size = 0
    state: Any
    thread: Any
    timestamp: float
    tools: Tools
    trace_context: Any
    uuid: str
    _document: Any = None
    _index = 0
    _plain: Any = None
    _replay: Any = None
    _text: bytes | None = None

    def do_line(self, global_limiter: Any = None) -> None:
        """Notes the frame."""
        self.batch.snapshots.append(self)
        self.state = self.tools.done

    def be_captured(self, replay: _native.Replay, index: int, size: int) -> None:
        """The values are there; the frame is not needed any more."""
        self._replay = replay
        self._index = index
        self.size = size
        self._let_go()

    def be_plain(self) -> None:
        """Lets ddtrace take the snapshot: the native module could not."""
        try:
            plain = self.tools.plain_snapshot(
                probe=self.tools.plain_probe.build(self.exc_id, self.frame),
                frame=self.frame,
                thread=self.thread,
                trace_context=self.trace_context,
                exc_id=self.exc_id,
            )
            plain.uuid = self.uuid
            plain.do_line()
            if self.encoder is not None:
                self._text = self.encoder.encode(plain)
                self.size = len(self._text or b"")
            self._plain = plain
            plain.frame = None if self.encoder is not None else plain.frame
        except Exception as failure:
            _failures.count(failure)
        self._let_go()

    def _let_go(self) -> None:
        self.frame = self.thread = self.trace_context = self.batch = None
        self.is_ready = True

    def encoded(self, encoder: Any) -> bytes:
        """The snapshot as ddtrace's encoder would give it.

        Args:
            encoder: ddtrace's encoder.
        """
        if not self.is_ready:
            self.batch.settle()
        if self._text is not None:
            return self._text
        if self._plain is not None:
            return encoder.encode(self._plain)  # type: ignore[no-any-return]
        tools = self.tools
        file = tools.source_file(self.place[0])
        text: bytes = self._replay.to_datadog(self._index, self.uuid, encoder._service, file, tools.process_tags())
        return b"{" + tools.more_members(encoder) + text[1:]

    def _read(self) -> dict[str, Any]:
        """Its part of the envelope, decoded."""
        if not self.is_ready:
            self.batch.settle()
        if self._plain is not None:
            return {"message": self._plain.message, "debugger": {"snapshot": self._plain.snapshot}}
        if self._document is None:
            from json import loads

            self._document = loads(self._replay.to_datadog(self._index, self.uuid, "", None, None))
        return self._document  # type: ignore[no-any-return]

    def has_message(self) -> bool:
        """It always has one."""
        return True

    @property
    def message(self) -> str:
        """What the snapshot is of, in a sentence."""
        return self._read()["message"]  # type: ignore[no-any-return]

    @property
    def snapshot(self) -> dict[str, Any]:
        """All but the envelope."""
        return self._read()["debugger"]["snapshot"]  # type: ignore[no-any-return]

    @property
    def data(self) -> dict[str, Any]:
        """Stack and values."""
        snapshot = self.snapshot
        return {name: snapshot[name] for name in ("stack", "captures", "duration", "exceptionId")}

    @property
    def line_capture(self) -> dict[str, Any]:
        """The values by section."""
        (values,) = self.snapshot["captures"]["lines"].values()
        return values  # type: ignore[no-any-return]

    @property
    def _stack(self) -> list[dict[str, Any]]:
        return self.snapshot["stack"]  # type: ignore[no-any-return]

    @property
    def probe(self) -> Any:
        """The probe that ddtrace would have made."""
        return Probe(self)

    def __repr__(self) -> str:
        """Which frame."""
        file, function, line = self.place
        return f"<{type(self).__name__} {self.uuid} of {function} in {file}, line {line}>"


class Probe:
    """Stands for a probe of which mostly only the id is asked for."""

    __slots__ = ("_snapshot",)

    def __init__(self, snapshot: Delegated) -> None:
        """Of this snapshot."""
        self._snapshot = snapshot

    @property
    def probe_id(self) -> str:
        """The id that all snapshots of an error share."""
        return str(self._snapshot.exc_id)

    def __getattr__(self, name: str) -> Any:
        """Of a real one."""
        snapshot = self._snapshot
        return getattr(snapshot.tools.plain_probe.build(snapshot.exc_id, _Frame(*snapshot.place)), name)


class _Frame:
    """As much of a frame as a probe is made from."""

    __slots__ = ("co_filename", "co_name", "f_lineno")

    def __init__(self, file: str, function: str, line: int) -> None:
        self.co_filename = file
        self.co_name = function
        self.f_lineno = line

    @property
    def f_code(self) -> _Frame:
        return self
