"""Which ddtrace can be delegated: a description of those of its internals that are used or replaced.

What is replaced must be exactly one of the known forms, since what ddtrace would add to it would be lost. It is known by its *words*: all
names, attributes and texts that its code has. They are the same in every version of Python, and do not change with comments or layout.
What is only called or relied on has to have the words named here.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType, ModuleType
    from typing import Any

_D = "ddtrace.debugging."

REPLACED: dict[str, str] = {
    f"{_D}_exception.replay:SpanExceptionProbe.build": "71c40983 dd7d53f3",
    f"{_D}_exception.replay:SpanExceptionSnapshot.data": "cb70235e",
    f"{_D}_signal.model:Signal.do_line": "161239f3 a5fec958",
    f"{_D}_signal.snapshot:Snapshot.line": "2267f86e",
    f"{_D}_signal.snapshot:Snapshot._do": "19aa1bc5 80d17aef 8a1e0731",
    f"{_D}_signal.snapshot:Snapshot._eval_message": "1d39a082 cffa2e39",
    f"{_D}_signal.snapshot:Snapshot.data": "02d652b5 46e848cf",
    f"{_D}_signal.snapshot:_capture_context": "05ff2111 59d1473e eed1f1a0",
    f"{_D}_signal.log:LogSignal.snapshot": "5229cd0b",
    f"{_D}_signal.log:LogSignal._probe_details": "5f1e266a",
    f"{_D}_signal.utils:capture_stack": "a1347e7b",
    f"{_D}_signal.utils:capture_traceback": "65b66bf7",
    f"{_D}_signal.utils:capture_exc_info": "28d0772a",
    f"{_D}_encoding:_build_log_track_payload": "2cf4f6a7 3ff7f2e5 afd7232a",
    f"{_D}_encoding:_logs_track_logger_details": "a150c14a",
    f"{_D}_encoding:LogSignalJsonEncoder.__init__": "974ec65a a8930964",
    f"{_D}_encoding:LogSignalJsonEncoder._encode": "ceabb516 faa56cdb",
    f"{_D}_encoding:SnapshotJsonEncoder.encode": "bfd87169",
    f"{_D}_encoding:SignalQueue.__init__": "32075661 952848af",
    f"{_D}_encoding:SignalQueue.put": "81679b08",
    f"{_D}_encoding:SignalQueue.put_encoded": "f3773476",
    f"{_D}_encoding:SignalQueue.flush": "bae78db6",
}
"""Functions by place, and the digests of their known forms."""

USED: dict[str, tuple[str, ...]] = {
    f"{_D}_exception.replay:SpanExceptionHandler.on_span_exception": (
        "self span _exc_type exc traceback",
        "__traceback__ _attach_tb_frame_snapshot_to_span cached_only only_user_code",
    ),
    f"{_D}_exception.replay:SpanExceptionHandler._attach_tb_frame_snapshot_to_span": (
        "self span tb exc_id seq_nr only_user_code cached_only",
        "tb_frame SpanExceptionSnapshot SpanExceptionProbe build probe frame thread trace_context exc_id do_line "
        "__uploader__ get_collector push f_locals uuid",
    ),
    f"{_D}_exception.replay:SpanExceptionHandler.enable": ("cls", "on span.exception on_span_exception name __name__ _instance"),
    f"{_D}_signal.collector:SignalCollector.push": ("self signal", "state DONE has_message _enqueue"),
    f"{_D}_signal.collector:SignalCollector._enqueue": ("self log_signal", "_tracks __track__ put BufferFull"),
    f"{_D}_encoding:JsonBuffer.put": ("self item", "max_size size BufferFull _flushed _reset _buffer"),
    f"{_D}_encoding:JsonBuffer._reset": ("self", "size _buffer _flushed"),
    f"{_D}_encoding:add_tags": ("payload", "ddtags tags"),
    f"{_D}_uploader:SignalUploader._flush_track": ("self track", "queue flush enabled"),
    f"{_D}_probe.model:_resolve_source_file": ("_path", ""),
}
"""Functions by place: their arguments, and words that they must have."""

FIELDS = {
    "probe": True,
    "frame": True,
    "thread": True,
    "trace_context": True,
    "state": True,
    "errors": True,
    "timestamp": True,
    "uuid": False,
    "entry_capture": True,
    "return_capture": True,
    "line_capture": True,
    "_stack": True,
    "_message": True,
    "duration": True,
    "exc_id": True,
}
"""Fields of a snapshot that are known, and whether its constructor takes them. Those that begin with an underscore may be more."""


def problem(replay: ModuleType) -> str | None:
    """Why ddtrace, whose module of exception replay this is, is left as it is; ``None`` if it need not be.

    Args:
        replay: the module.
    """
    try:
        what = _difference(replay)
    except Exception as failure:  # whatever a module looks like
        what = f"{type(failure).__name__} while looking at its internals"
    if what is None:
        return None
    version = getattr(sys.modules.get("ddtrace"), "__version__", None) or "of an unknown version"
    return f"ddtrace {version} is not known to this Stillframe ({what}): its exception replay captures as without Stillframe"


def _difference(replay: ModuleType) -> str | None:
    for place, (arguments, words) in USED.items():
        code = _code(place, replay)
        if code is None:
            return f"{_short(place)} is missing"
        if arguments and list(code.co_varnames[: code.co_argcount]) != arguments.split():
            return f"{_short(place)} has other arguments"
        missing = set(words.split()) - _words(code)
        if missing:
            return f"{_short(place)} does without {min(missing)}"
    for place, known in REPLACED.items():
        code = _code(place, replay)
        if code is None:
            return f"{_short(place)} is missing"
        if _digest(code) not in known.split():
            return f"{_short(place)} has changed"
    return _other_fields(replay)


def _other_fields(replay: Any) -> str | None:
    from dataclasses import fields as fields_of

    fields = {field.name: field for field in fields_of(replay.SpanExceptionSnapshot)}
    for name, in_constructor in FIELDS.items():
        if name not in fields or fields[name].init is not in_constructor:
            return f"snapshots have another {name}"
    unknown = [name for name, field in fields.items() if name not in FIELDS and (field.init or not name.startswith("_"))]
    if unknown:
        return f"snapshots have {unknown[0]}"
    limits = vars(replay.DEFAULT_CAPTURE_LIMITS)
    if sorted(limits) != ["max_fields", "max_len", "max_level", "max_size"]:
        return "there are other limits"
    return None


def _code(place: str, replay: ModuleType) -> CodeType | None:
    """The code of a function, by module and name."""
    module, _, path = place.partition(":")
    found: Any = replay if module == replay.__name__ else sys.modules.get(module)
    for part in path.split("."):
        found = vars(found).get(part) if isinstance(found, type) else getattr(found, part, None)
    found = getattr(found, "fget", found)
    found = getattr(found, "__func__", found)
    while hasattr(found, "__wrapped__"):
        found = found.__wrapped__
    code: CodeType | None = getattr(found, "__code__", None)
    return code


def _short(place: str) -> str:
    return place.partition(":")[2]


def _words(code: CodeType) -> set[str]:
    """Names, attributes and texts of a function and of those inside it, without its documentation."""
    found = {*code.co_names, *code.co_varnames, *code.co_freevars, *code.co_cellvars}
    pending: list[Any] = list(code.co_consts[1:] if code.co_consts and _is_text(code.co_consts[0], code) else code.co_consts)
    while pending:
        constant = pending.pop()
        if isinstance(constant, (tuple, frozenset)):
            pending.extend(constant)
        elif isinstance(constant, str):
            found.add(constant)
        elif hasattr(constant, "co_names"):
            found |= _words(constant)
    # What versions of Python name differently.
    return {word for word in found if "<" not in word and word not in (".0", "__class__", "")}


def _is_text(first: object, code: CodeType) -> bool:
    """Whether the first constant is the documentation: a text with a blank."""
    return isinstance(first, str) and " " in first and first.strip()[-1:] == "."


def _digest(code: CodeType) -> str:
    from zlib import crc32

    return f"{crc32(' '.join(sorted(_words(code))).encode()):08x}"


def describe(replay: ModuleType) -> dict[str, str]:
    """Digests of what is replaced, as this ddtrace has it: what a new entry of :data:`REPLACED` is made from."""
    codes = {place: _code(place, replay) for place in REPLACED}
    return {place: "missing" if code is None else _digest(code) for place, code in codes.items()}
