"""ddtrace's exception replay with our core inside: how it is switched on, what ddtrace decides, and what happens when something fails."""

from __future__ import annotations

import json
import os
import sys
import textwrap
from typing import Any

import pytest
from agent import DIAGNOSTICS, V2, Agent, agent
from ddtrace_programs import HEAD, PROGRAMS

from support import COMMAND, Result, Store

RUN = os.path.join(os.path.dirname(sys.executable), "ddtrace-run")
ON: dict[str, str | None] = {"STILLFRAME_HOOKS_DDTRACE": "1"}

FAIL = """
def fail(number, word="w"):
    rows = [number, {"a": 1.5}]
    raise ValueError("wrong", number)

def attempt(number=1):
    try:
        with tracer.trace("root"):
            fail(number)
    except ValueError:
        pass
"""


def traced(
    store: Store, text: str, *, auto: bool = True, endpoints: tuple[str, ...] = (V2, DIAGNOSTICS), **env: str | None
) -> tuple[Agent, Result]:
    """Runs a program under ``ddtrace-run``, or without."""
    with agent(endpoints) as received:
        path = store.write("program.py", text)
        command = [RUN, sys.executable, path] if auto else [sys.executable, path]
        result = store.run(*command, env=received.env(**env))
    assert result.status == 0, result.err
    return received, result


def values(snapshot: dict[str, Any]) -> dict[str, Any]:
    """What one snapshot shows, by section."""
    ((_, found),) = snapshot["debugger"]["snapshot"]["captures"]["lines"].items()
    return found


def is_ours(snapshot: dict[str, Any]) -> bool:
    """ddtrace alone shows its own id inside the exception."""
    return "_dd_exc_id" not in values(snapshot)["locals"]["@exception"]["fields"]


# How it is switched on


def test_by_the_environment(store: Store) -> None:
    received, _ = traced(store, HEAD + FAIL + "attempt()", **ON)
    assert [is_ours(one) for one in received.snapshots] == [True, True]


def test_it_is_off_by_default(store: Store) -> None:
    received, _ = traced(store, HEAD + FAIL + "attempt()", STILLFRAME_ENABLED="1")
    assert [is_ours(one) for one in received.snapshots] == [False, False]


def test_stillframe_enabled_0_wins(store: Store) -> None:
    text = "import stillframe.integrations.ddtrace as d\n" + HEAD + FAIL + "d.install()\nattempt()\nprint(d.status())"
    received, result = traced(store, text, STILLFRAME_ENABLED="0", **ON)
    assert [is_ours(one) for one in received.snapshots] == [False, False]
    assert "hooks.ddtrace is off" in result.out


@pytest.mark.parametrize("auto", [True, False])
@pytest.mark.parametrize(
    "start",
    [
        "import stillframe.integrations.ddtrace as d\nd.install()\nimport ddtrace.auto",
        "import ddtrace.auto\nimport stillframe.integrations.ddtrace as d\nd.install()",
        "import ddtrace.auto\nimport stillframe\nstillframe.install(hooks={'ddtrace': True})\nimport stillframe.integrations.ddtrace as d",
        "import stillframe, ddtrace.auto\nstillframe.install()\nimport stillframe.integrations.ddtrace as d\nd.install()\nstillframe.install()",
    ],
)
def test_by_a_call_in_any_order(store: Store, start: str, auto: bool) -> None:
    env = {"STILLFRAME_ENABLED": None, "STILLFRAME_HOOKS_FRAMEWORKS": "0"}
    received, result = traced(store, start + HEAD + FAIL + "attempt()\nprint(d.status())", auto=auto, **env)
    assert [is_ours(one) for one in received.snapshots] == [True, True]
    assert result.out == "Stillframe captures the snapshots of ddtrace's exception replay\n"
    assert result.err == ""


@pytest.mark.parametrize(("start", "env"), [("import stillframe.integrations.ddtrace as d; d.install()", {}), ("", ON)])
def test_alone_it_stores_nothing_and_hooks_nothing(store: Store, start: str, env: dict[str, str | None]) -> None:
    """``DD_EXCEPTION_REPLAY_ENABLED`` would switch on our own capture as well: here ddtrace is told as by its remote configuration."""
    text = f"""
import sys, threading
import ddtrace.auto
{start}
from ddtrace.debugging._exception.replay import SpanExceptionHandler
SpanExceptionHandler.enable()
{HEAD}
{FAIL}
attempt()
print([hasattr(hook, "__wrapped__") for hook in (sys.excepthook, threading.excepthook)])
"""
    received, result = traced(store, text, auto=False, DD_EXCEPTION_REPLAY_ENABLED=None, **env)
    assert [is_ours(one) for one in received.snapshots] == [True, True]
    assert result.out == "[False, False]\n"
    assert not store.folder.exists()
    assert result.err == ""


def test_nothing_happens_without_exception_replay(store: Store) -> None:
    received, result = traced(store, HEAD + FAIL + "attempt()", DD_EXCEPTION_REPLAY_ENABLED="false", STILLFRAME_ENABLED="1", **ON)
    assert received.snapshots == []
    assert not [name for span in received.spans for name in span["meta"] if "debug" in name]
    assert result.err == ""


def test_modules_that_both_of_us_watch_are_imported(store: Store) -> None:
    """ddtrace replaces functions of the loaders that it finds, ours among them."""
    text = "import asyncio, concurrent.futures.process, logging, multiprocessing.pool, traceback, threading\nprint(asyncio.__loader__ is not None)"
    _, result = traced(store, text, STILLFRAME_ENABLED="1", **ON)
    assert result.out == "True\n"
    assert result.err == ""


def test_ddtrace_switches_it_off_and_on(store: Store) -> None:
    text = (
        HEAD
        + FAIL
        + """
from ddtrace.debugging._exception import replay
replay.SpanExceptionHandler.disable()
replay.SpanExceptionHandler.disable()
attempt(1)
replay.SpanExceptionHandler.enable()
replay.SpanExceptionHandler.enable()
attempt(2)
"""
    )
    received, _ = traced(store, text, **ON)
    assert [values(one)["arguments"].get("number", {}).get("value") for one in received.snapshots] == ["2", "2"]
    assert all(map(is_ours, received.snapshots))


def test_uninstall_gives_ddtrace_everything_back(store: Store) -> None:
    """What waits to be encoded then is sent; what comes later is ddtrace's."""
    text = (
        HEAD
        + FAIL
        + """
import stillframe
from ddtrace.debugging._exception import replay
from ddtrace.debugging import _encoding, _uploader
import stillframe.integrations.ddtrace as d
attempt(1)
stillframe.uninstall()
print(d.status())
for one in [replay.SpanExceptionProbe, replay.SpanExceptionSnapshot, replay.SpanExceptionHandler.on_span_exception,
            _encoding.SignalQueue.put, _encoding.SignalQueue.flush, _encoding.SnapshotJsonEncoder.encode]:
    assert not hasattr(one, "__wrapped__"), one
replay.EXCEPTION_IDENT_LIMITER.clear()
import time
time.sleep(3)
attempt(2)
"""
    )
    received, result = traced(store, text, STILLFRAME_ENABLED="1", **ON)
    assert result.out == "ddtrace captures its snapshots itself: hooks.ddtrace is off\n"
    assert [is_ours(one) for one in received.snapshots] == [True, True, False, False]


# What ddtrace decides


def test_its_limits_hold(store: Store) -> None:
    received, _ = traced(
        store, HEAD + PROGRAMS["recursion"][1].replace("\n        ", "\n"), DD_EXCEPTION_REPLAY_CAPTURE_MAX_FRAMES="3", **ON
    )
    assert len(received.snapshots) == 3
    (span,) = received.spans
    assert span["metrics"]["_dd.debug.error.snapshot_count"] == 3


def test_its_rates_hold(store: Store) -> None:
    """One trace a second, which some of the five may take; an error that was captured is not captured again for an hour."""
    text = HEAD + FAIL + "import time\nfor n in range(5):\n    attempt(n)\ntime.sleep(2.5)\nattempt(9)\n"
    received, _ = traced(store, text, **ON)
    assert len(received.snapshots) == 2
    said = [span["meta"]["_dd.debug.error.trace_captured"] for span in received.spans]
    assert (len(said), said[0], said[-1]) == (6, "true", "true")
    assert "false" in said


def test_its_choice_of_libraries_holds(store: Store) -> None:
    store.write("shop/__init__.py", "")
    store.write("shop/pay.py", "def charge(n):\n    raise ValueError(n)\n")
    text = (
        HEAD
        + 'from shop.pay import charge\ndef go():\n    with tracer.trace("root"):\n        charge(1)\ntry:\n    go()\nexcept ValueError:\n    pass\n'
    )
    received, _ = traced(store, text, **ON)
    assert [one["logger"]["method"] for one in received.snapshots] == ["charge", "go"]


def test_its_redaction_holds(store: Store) -> None:
    text = (
        HEAD
        + """
class Card:
    def __init__(self):
        self.holder = "ann"

class Cards(dict):
    pass

def fail(plain, ssn, Colour_Code):
    card, cards = Card(), Cards()
    raise ValueError

def attempt():
    try:
        with tracer.trace("root"):
            fail("p", "123-45-6789", "red")
    except ValueError:
        pass

attempt()
"""
    )
    env = {
        "DD_DYNAMIC_INSTRUMENTATION_REDACTED_IDENTIFIERS": "colour-code",
        "DD_DYNAMIC_INSTRUMENTATION_REDACTION_EXCLUDED_IDENTIFIERS": "ssn",
        "DD_DYNAMIC_INSTRUMENTATION_REDACTED_TYPES": "Car*",
    }
    shown = []
    for how in ({"STILLFRAME_ENABLED": "0"}, ON):
        received, _ = traced(store, text, **env, **how)
        sections = values(received.snapshots[0])
        shown.append({**sections["arguments"], **{name: sections["locals"][name] for name in ("card", "cards")}})
    assert shown[1]["Colour_Code"] == {"type": "str", "notCapturedReason": "redactedIdent"}
    assert shown[1]["card"] == {"type": "Card", "notCapturedReason": "redactedType"}
    assert shown[1] == shown[0] or shown[1]["ssn"]["notCapturedReason"] == "redactedIdent"


# What is sent


def test_much_is_sent_in_several_requests_and_nothing_is_lost(store: Store) -> None:
    """More than ddtrace's buffer of 4 MiB, each snapshot within the 1 MiB that its intake takes."""
    text = (
        HEAD
        + """
def down(n, rows):
    if n:
        down(n - 1, rows)
    raise ValueError

try:
    with tracer.trace("root"):
        down(7, [["x" * 60 for j in range(100)] for i in range(70)])
except ValueError:
    pass
"""
    )
    received, _ = traced(store, text, **ON)
    assert len(received.snapshots) == 8
    assert len(received.uploads) > 1
    assert sum(upload.size for upload in received.uploads) > 4 << 20
    assert max(len(json.dumps(one, separators=(",", ":"))) for one in received.snapshots) <= 1 << 20
    tags = {value for name, value in received.spans[0]["meta"].items() if name.endswith(".snapshot_id")}
    assert {one["debugger"]["snapshot"]["id"] for one in received.snapshots} == tags


def test_requests_that_fail_are_repeated_as_by_ddtrace(store: Store) -> None:
    with agent() as received:
        received.answers[V2] = [500]
        path = store.write("program.py", HEAD + FAIL + "attempt()")
        store.run(RUN, sys.executable, path, env=received.env(**ON))
        assert [(upload.path, len(upload.snapshots)) for upload in received.uploads] == [(V2, 2)]


def test_an_older_agent_gets_them_at_its_endpoint(store: Store) -> None:
    received, _ = traced(store, HEAD + FAIL + "attempt()\nimport time\ntime.sleep(1.5)", endpoints=(DIAGNOSTICS,), **ON)
    assert [(upload.path, len(upload.snapshots)) for upload in received.uploads] == [(DIAGNOSTICS, 2)]


def test_a_forked_child_sends_its_own(store: Store) -> None:
    text = (
        HEAD
        + FAIL
        + """
import json, os, time
attempt(1)
time.sleep(1.2)
child = os.fork()
if child == 0:
    from ddtrace.debugging._exception import replay
    replay.EXCEPTION_IDENT_LIMITER.clear()
    uploader = replay.SpanExceptionHandler.__uploader__._instance
    write, written = uploader._write_with_backoff, []
    def note(payload, *more):
        write(payload, *more)
        written.extend(json.loads(payload))
    uploader._write_with_backoff = note
    time.sleep(1.2)
    attempt(2)
    until = time.monotonic() + 60
    while len(written) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
"""
    )
    received, _ = traced(store, text, **ON)
    numbers = sorted(values(one)["arguments"]["number"]["value"] for one in received.snapshots)
    assert numbers == ["1", "1", "2", "2"]
    assert all(map(is_ours, received.snapshots))
    assert len({one["logger"]["thread_name"] for one in received.snapshots}) == 2


# Who reads the snapshots


def test_a_collector_can_read_values_at_once(store: Store) -> None:
    """As the tests of ddtrace do: a subclass of its uploader with a collector of its own."""
    text = (
        HEAD
        + FAIL
        + """
from ddtrace.debugging._exception import replay
from ddtrace.debugging._signal.collector import SignalCollector
from ddtrace.debugging._uploader import SignalUploader

read = []

class Collector(SignalCollector):
    def push(self, signal):
        read.append((signal.state, signal.line_capture["arguments"]["number"], str(signal.exc_id), signal.uuid))
        assert signal.has_message() and signal.probe.probe_id == str(signal.exc_id), signal
        assert signal.data["stack"][0]["function"] in signal.message, repr(signal)
        assert signal.probe.line == signal.probe.limits.max_level + 0 * signal.probe.line or signal.probe.line > 0
        super().push(signal)

class Uploader(SignalUploader):
    _instance = None
    _products = set()
    __collector__ = Collector

class Handler(replay.SpanExceptionHandler):
    __uploader__ = Uploader
    _instance = None

replay.SpanExceptionHandler.disable()
Handler.enable()
attempt(4)
for state, number, exc_id, uuid in read:
    print(state.name, number, len(exc_id), len(uuid))
Handler.disable()
"""
    )
    received, result = traced(store, text, **ON)
    assert result.out == "DONE {'type': 'int', 'value': '4'} 36 36\n" * 2, result.err
    assert len(received.snapshots) == 2


def test_nothing_of_the_program_is_kept_alive(store: Store) -> None:
    text = (
        HEAD
        + """
import gc, weakref

class Held:
    pass

def fail():
    held = Held()
    watched.append(weakref.ref(held))
    raise ValueError

watched = []
def attempt():
    try:
        with tracer.trace("root"):
            fail()
    except ValueError:
        pass

from ddtrace.debugging._exception import replay
uploader = replay.SpanExceptionHandler.__uploader__
attempt()
gc.collect()
print(watched[0]() is None)
"""
    )
    received, result = traced(store, text, DD_DYNAMIC_INSTRUMENTATION_UPLOAD_INTERVAL_SECONDS="60", **ON)
    assert result.out == "True\n"
    assert len(received.snapshots) == 2


# What fails


def test_a_changed_ddtrace_is_left_as_it_is(store: Store) -> None:
    """A member that is new in its snapshots still arrives; one line says why, in the log and to doctor."""
    text = """
    import ddtrace.debugging._signal.log as log

    plain = log.LogSignal.snapshot.fget

    def snapshot(self):
        return {**plain(self), "frameIndex": 7}

    log.LogSignal.snapshot = property(snapshot)
    import ddtrace.auto
    """
    text = (
        textwrap.dedent(text)
        + HEAD
        + FAIL
        + """
attempt()
import stillframe
from stillframe.integrations import ddtrace
stillframe.install()
stillframe.capture(KeyError("k"))
print(json.dumps([stillframe.stats()["failures"]["notes"], ddtrace.status()]))
"""
    )
    received, result = traced(store, "import json\n" + text, auto=False, **ON)
    assert [one["debugger"]["snapshot"]["frameIndex"] for one in received.snapshots] == [7, 7]
    assert not any(map(is_ours, received.snapshots))
    (note,), status = json.loads(result.out)
    assert note == status
    assert "LogSignal.snapshot has changed" in note
    assert result.err.count(note) == 1
    doctor = store.run(COMMAND, "doctor")
    assert note in " ".join(doctor.out.split())


CHANGES = {
    "replay.SpanExceptionHandler._attach_tb_frame_snapshot_to_span": "other arguments",
    "replay.SpanExceptionHandler.on_span_exception": "other arguments",
    "replay.SpanExceptionSnapshot.data": "has changed",
    "encoding.SignalQueue.put": "has changed",
    "encoding.SignalQueue.flush": "has changed",
    "encoding.JsonBuffer.put": "other arguments",
    "encoding._build_log_track_payload": "has changed",
    "snapshot._capture_context": "has changed",
    "collector.SignalCollector.push": "other arguments",
    "uploader.SignalUploader._flush_track": "other arguments",
}


def test_every_change_is_found(store: Store) -> None:
    text = f"""
import dataclasses, json
from ddtrace.debugging import _encoding as encoding, _uploader as uploader
from ddtrace.debugging._exception import replay
from ddtrace.debugging._signal import collector, snapshot
from stillframe.integrations.ddtrace import _internals

assert _internals.problem(replay) is None

def other(something):
    return something.new

found = {{}}
for path in {list(CHANGES)!r}:
    owner_path, _, name = path.rpartition(".")
    owner = eval(owner_path)
    kept = vars(owner)[name]
    setattr(owner, name, other)
    found[path] = _internals.problem(replay)
    delattr(owner, name)
    found[path + " gone"] = _internals.problem(replay)
    setattr(owner, name, kept)

@dataclasses.dataclass
class More(replay.SpanExceptionSnapshot):
    hint: str = ""

kept, replay.SpanExceptionSnapshot = replay.SpanExceptionSnapshot, More
found["field"] = _internals.problem(replay)
replay.SpanExceptionSnapshot = kept
kept, replay.DEFAULT_CAPTURE_LIMITS = replay.DEFAULT_CAPTURE_LIMITS, type("Limits", (), {{}})()
found["limits"] = _internals.problem(replay)
replay.DEFAULT_CAPTURE_LIMITS = None
found["no limits"] = _internals.problem(replay)
replay.DEFAULT_CAPTURE_LIMITS = kept
assert _internals.problem(replay) is None
print(json.dumps(found))
"""
    _, result = traced(store, text, auto=False, DD_EXCEPTION_REPLAY_ENABLED="false")
    found = json.loads(result.out)
    for path, what in CHANGES.items():
        assert what in found[path], path
        assert "missing" in found[path + " gone"] or "has changed" in found[path + " gone"], path
    assert "SpanExceptionSnapshot.data is missing" in found["field"] or "snapshots have hint" in found["field"]
    assert "other limits" in found["limits"]
    assert "TypeError" in found["no limits"]


@pytest.mark.parametrize("broken", ["return None", "raise RuntimeError('ours')", "return Nothing()", "raise RecursionError"])
def test_ddtrace_takes_over_what_fails_here(store: Store, broken: str) -> None:
    text = (
        HEAD
        + FAIL
        + f"""
import types
from stillframe.integrations.ddtrace import _batch

class Nothing:
    frames = [False] * 8
    size = 0

def replay(*arguments):
    {broken}

_batch.native = types.SimpleNamespace(replay=eval(compile("lambda *a: replay(*a)", _batch.__file__, "eval"), {{"replay": replay, "__name__": "stillframe"}}))
exec(compile("def replay(*arguments):\\n    {broken}", _batch.__file__, "exec"), {{"__name__": "stillframe.test", "Nothing": Nothing}}, space := {{}})
_batch.native.replay = space["replay"]
attempt()
print("still here")
"""
    )
    received, result = traced(store, text, **ON)
    assert result.out == "still here\n", result.err
    assert [is_ours(one) for one in received.snapshots] == [False, False]
    assert [one["logger"]["method"] for one in received.snapshots] == ["fail", "attempt"]
    tags = {value for name, value in received.spans[0]["meta"].items() if name.endswith(".snapshot_id")}
    assert {one["debugger"]["snapshot"]["id"] for one in received.snapshots} == tags


def test_a_signal_of_the_program_gets_through(store: Store) -> None:
    """``KeyboardInterrupt`` in the middle is the program's, and the snapshots are taken all the same."""
    text = (
        HEAD
        + FAIL
        + """
from stillframe.integrations.ddtrace import _batch

def interrupted(*arguments):
    raise KeyboardInterrupt

_batch.native = type("Native", (), {"replay": staticmethod(interrupted)})
try:
    attempt()
except KeyboardInterrupt:
    print("interrupted")
"""
    )
    received, result = traced(store, text, **ON)
    assert result.out == "interrupted\n"
    assert len(received.snapshots) == 2


def test_values_that_defend_themselves(store: Store) -> None:
    """None of the program's methods runs, and what makes ddtrace lose a frame does not."""
    text = (
        HEAD
        + """
ran = []

class Trap:
    def trap(self, *arguments, **keywords):
        ran.append(1)
        raise RuntimeError("trapped")

    __repr__ = __str__ = __len__ = __iter__ = __hash__ = __eq__ = __bool__ = __getattr__ = __reduce__ = trap

class Odd:
    pass

def fail():
    trap, huge, odd = Trap(), 10 ** 5000, Odd()
    odd.__dict__[3] = "number"
    nested = [trap, {"trap": trap}]
    raise ValueError

try:
    with tracer.trace("root"):
        fail()
except ValueError:
    pass
print(ran)
"""
    )
    received, result = traced(store, text, **ON)
    assert result.out == "[]\n"
    assert [one["logger"]["method"] for one in received.snapshots] == ["fail", "<module>"]
    assert values(received.snapshots[0])["locals"]["trap"]["type"] == "Trap"
