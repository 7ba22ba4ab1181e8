"""The extension module: engine, walker and store. Python code reaches it through ``stillframe._runtime.native``."""

from types import CodeType, TracebackType
from typing import Any, final

__version__: str
_inline_caches: bytes
"""Units of cache behind each instruction, by the number of its operation."""

def start(settings: dict[str, object], enabled_by: str | None, program: str = "") -> list[str]:
    """Configures from files, environment and ``settings``, and starts. Calling it again restarts. Returns what is wrong, a line each.

    ``enabled_by`` is what asked for it, for people to read; ``program`` names the service if the configuration does not.
    """

def stop(timeout: float = 2.0) -> bool:
    """Stops after storing what waits; whether it was in time."""

def is_enabled() -> bool | None:
    """Whether environment or ``stillframe.toml`` switch capturing on or off; ``None`` when they do not say."""

def in_main_interpreter() -> bool:
    """Whether it is the main interpreter that asks. No other one may call anything else here."""

def settings() -> str:
    """The configuration in force, as JSON."""

def switches() -> dict[str, bool]:
    """What of the configuration in force is for the package: each key of ``hooks``, ``summary`` and ``debug``."""

def session_headers() -> dict[str, str]:
    """Names of session links by the header of a request that has the session's id (``request.headers``)."""

def capture(
    exc: BaseException,
    tb: TracebackType | None,
    limited: bool,
    handled: bool,
    mechanism: str,
    context: dict[str, Any] | None,
    /,
) -> Snapshot | None:
    """Captures an exception. Never raises; ``None`` when refused.

    ``tb`` defaults to the exception's own traceback. ``context`` may have ``thread`` (a name), ``user`` and ``attributes`` (dictionaries of
    text to text, number or boolean), and ``session_links`` (a list of pairs of name and id).
    """

@final
class Snapshot:
    """A captured exception."""

    @property
    def id(self) -> str: ...
    @property
    def issue(self) -> str: ...
    @property
    def short_id(self) -> str: ...
    @property
    def error(self) -> tuple[str, str | None]:
        """Type and message of the exception; ``None`` for a message that only code of the program could have made."""
    def to_text(
        self, width: int, colour: bool, unicode: bool, lines: int | None = None, title: bool = True, names: dict[str, str] = ...
    ) -> str: ...
    def to_html(self, names: dict[str, str] = ...) -> str: ...
    def to_json(self) -> str: ...
    def to_msgpack(self) -> bytes: ...
    def to_datadog(self) -> list[bytes]: ...
    def frame_variables(self, frame_bytes: int, event_bytes: int) -> str:
        """Exceptions and frames with variables that fit into another tool's event, as JSON.

        ``issue``, ``values``, ``redacted`` and ``cut`` tell of the snapshot. ``exceptions`` and ``frames`` have the members of format 1
        that it takes to find them in an event; a frame has ``variables`` if they were read, in at most ``frame_bytes`` of JSON, and all
        of them together take at most ``event_bytes``.
        """

def replay(
    exc: BaseException,
    tb: TracebackType | None,
    frames: list[Any],
    callers: list[list[tuple[CodeType, int]]],
    exception_id: str,
    limits: dict[str, int],
    context: dict[str, Any] | None,
    /,
) -> Replay | None:
    """Reads the variables of exactly these frames of an exception, for a tracer that chose them. ``None`` when refused or failed.

    ``callers``: for the exception and each that led to it, what called the outermost frame of its traceback. ``exception_id``: a UUID that
    the frames share. ``limits``: some of ``depth``, ``fields``, ``items``, ``string`` and ``time_ms``. ``context``: as for ``capture``.
    """

@final
class Replay:
    """Frames with their values, copied."""

    @property
    def size(self) -> int:
        """Bytes that it holds."""

    @property
    def frames(self) -> list[bool]:
        """For each frame that was asked for, whether it was reached."""

    def to_datadog(self, frame: int, snapshot_id: str, service: str, file: str | None = None, process_tags: str | None = None) -> bytes:
        """One frame as a JSON object in Datadog's form, redacted."""

@final
class Recorder:
    """An engine beside the one of the process, for who watches the program from outside. It lives as long as the process.

    Modules of ``own`` (globs) are the program's own wherever they are installed.
    """

    def __init__(self, settings: dict[str, object], enabled_by: str | None, program: str = "", own: list[str] = ...) -> None: ...
    @property
    def problems(self) -> list[str]:
        """What is wrong with the configuration, a line each."""

    def settings(self) -> str:
        """The configuration in force, as JSON."""

    def directory(self) -> str | None:
        """The directory of its store."""

    def capture(
        self, exc: BaseException, tb: TracebackType | None, handled: bool, mechanism: str, context: dict[str, Any] | None, /
    ) -> Snapshot | None:
        """Captures an exception, as ``capture`` does, without limits of how often."""

    def flush(self, timeout: float = 2.0) -> bool: ...
    def stop(self, timeout: float = 2.0) -> bool: ...
    def after_fork(self) -> None: ...
    def stats(self) -> str: ...
    def notices(self) -> list[str]: ...
    def note_source(self, filename: str, text: str) -> None: ...

@final
class Deliveries:
    """The place of the one thread that hands snapshots to functions of the program."""

    def take(self, wait: bool = True) -> Snapshot | None:
        """The next snapshot; the one before is done with. ``None`` when there is none; if it is to wait, only when the thread is to end."""

    def leave(self) -> None:
        """Gives the place up."""

def listen(wanted: bool) -> None:
    """Whether snapshots are kept to be handed over."""

def claim_deliveries() -> Deliveries | None:
    """The place, if nobody has it and there can be something to hand over."""

def drain_deliveries(timeout: float) -> bool:
    """Waits until all was handed over and done with; whether it was in time."""

def close_deliveries(timeout: float) -> None:
    """Has the thread end, waiting for that at most ``timeout`` seconds; drops and counts what waits and what comes later."""

def count_callback(taken: bool) -> None:
    """Counts a call of a function: whether it took a snapshot or failed."""

def stats() -> str:
    """Counts and times, as JSON."""

def notices() -> list[str]:
    """What stopped working, a line each."""

def notice(line: str) -> None:
    """Tells people a line, by ``stillframe doctor``."""

def has_captured() -> bool:
    """Whether anything was captured in this process yet."""

def flush(timeout: float = 2.0) -> bool:
    """Waits until what was captured is stored; whether it was in time."""

def after_fork() -> None:
    """Called in the child of a fork: forgets the parent's background thread and what it had queued."""

def walker() -> dict[str, str]:
    """Which walker is in use, and why."""

def summary(width: int, colour: bool, unicode: bool) -> str:
    """What to tell a person after failures of this process; empty when there is nothing to tell."""

def note_source(filename: str, text: str) -> None:
    """Remembers the source of code that is in no file."""

def mark_uncaught(snapshot: str, mechanism: str) -> None:
    """Says that the exception of a snapshot, captured as handled, was handled by nobody; ``mechanism`` is how it was met at last."""

def count_internal_error() -> None:
    """Counts a failure of the package's own Python code."""
