"""What Stillframe costs a Python program, beside orjson, ddtrace and sentry-sdk: one JSON object per row on standard output.

``rows.py [--quick] [--wheel FILE]``. The limits are Datadog's (depth 3, 20 fields, 100 items, 255 characters), so that both tracers keep
the same values, except where a row says otherwise.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from typing import Any, Callable

os.environ["DD_INSTRUMENTATION_TELEMETRY_ENABLED"] = "false"
os.environ["DD_TRACE_ENABLED"] = "false"

import orjson
import process
import replay
import workload
from ddtrace.debugging._signal.utils import capture_pairs
from sentry_sdk.serializer import serialize
from timing import QUICK, Arm, Effort, calls, cold, hot, median, ratio

from stillframe import _native

DATADOG_LIMITS = {
    "limits.depth": 3,
    "limits.items": 100,
    "limits.fields": 20,
    "limits.string": 255,
    "limits.values": 65_536,
    "limits.tape_bytes": 1_048_576,
}
# Busy machines must not cut what is compared.
PATIENT = {"limits.soft_time": "1s", "limits.hard_time": "2s"}
NO_STORE = {"spool.enabled": False}


def row(stage: str, title: str, value: float, unit: str, **more: Any) -> None:
    """Prints one. ``against`` and ``against_value`` are what it is compared to, ``target`` what the design asks for."""
    print(json.dumps({"stage": stage, "row": title, "value": value, "unit": unit, **more}), flush=True)


def most(figure: float, of: str = "value") -> dict[str, Any]:
    """A target: ``value``, ``ratio`` (ours / theirs) or ``times`` (theirs / ours) at most."""
    return {"of": of, "most": figure}


def least(figure: float, of: str = "times") -> dict[str, Any]:
    """A target: at least."""
    return {"of": of, "least": figure}


def start(**settings: Any) -> None:
    """Begins anew with these settings, dots written as two underscores."""
    named = {name.replace("__", "."): value for name, value in settings.items()}
    problems = _native.start({**NO_STORE, **PATIENT, **named}, None)
    if problems:
        raise SystemExit("\n".join(problems))


def start_like_datadog() -> None:
    """Begins anew with Datadog's limits."""
    start(**{name.replace(".", "__"): value for name, value in DATADOG_LIMITS.items()})


def capture(failed: workload.Failure) -> Callable[[int], None]:
    """All that the raising thread does for an explicit capture: gate, walk, tape, hand-off."""
    return calls(_native.capture, failed[0], failed[1], False, True, "bench", None)


def drained() -> None:
    """Waits until the background has nothing left."""
    if not _native.flush(60.0):
        raise SystemExit("the background did not keep up")


def outcomes() -> dict[str, int]:
    """What the gate said so far."""
    found: dict[str, int] = json.loads(_native.stats())
    return found


def gate(effort: Effort) -> None:
    """Exceptions that are not captured."""
    exception, traceback = workload.failure(workload.small, 8)

    def refused(times: int) -> None:
        function, error, entry = _native.capture, exception, traceback
        for _ in range(times):
            function(error, entry, True, True, "bench", None)

    def looped(times: int) -> None:
        function, error, entry = nothing, exception, traceback
        for _ in range(times):
            function(error, entry, True, True, "bench", None)

    def nothing(error: object, entry: object, limited: bool, handled: bool, mechanism: str, context: None, /) -> None:
        return None

    def raised(times: int) -> None:
        for _ in range(times):
            try:
                workload.small(8)
            except workload.PaymentFailed:
                pass

    def check(reason: str) -> None:
        before = outcomes()[reason]
        refused(1000)
        if outcomes()[reason] - before != 1000:
            raise SystemExit(f"the gate did not refuse by {reason}: {outcomes()}")

    raising = {"raise": Arm(raised), "function": Arm(looped)}
    start(gate__rate_per_second=1e-3, gate__novelty_burst=0)
    # The first is captured and starts the background; an error that is still new finds no token then, and the gate closes.
    others = [workload.failure(workload.small, frames) for frames in range(1, 8)]
    for other in others:
        _native.capture(*other, True, True, "bench", None)
        time.sleep(0.3)
    check("refused_closed")
    times = hot({"ours": Arm(refused), **raising}, effort)
    closed, thrown = times["ours"], times["raise"]
    row(
        "gate",
        "Python: closed gate",
        median(closed),
        "ns",
        target=most(15.0),
        against="a Python function that does nothing",
        against_value=median(times["function"]),
    )
    start(gate__rate_per_second=10_000.0, gate__burst=10_000, gate__site_first=1)
    refused(10)
    check("refused_site")
    times = hot({"ours": Arm(refused), **raising}, effort)
    row(
        "gate",
        "Python: refused by its site, 8 frames",
        median(times["ours"]),
        "ns",
        target=most(60.0),
        against="raise and catch through 8 frames",
        against_value=median(thrown),
    )


def one_frame(effort: Effort) -> None:
    """One frame with 20 variables, walked and captured, hot and cold."""
    start_like_datadog()
    mine, walked = workload.failure(workload.confirm, 1), workload.failure(workload.confirm, 1)
    theirs, others = (workload.variables(workload.failure(workload.confirm, 1))[0] for _ in range(2))
    data = workload.plain(workload.variables(workload.failure(workload.confirm, 1))[0])
    values, size = _native._repeat_walk(*walked, 1)
    arms = {
        "walk": Arm(lambda times: _native._repeat_walk(*walked, times)),
        "capture": Arm(capture(mine), between=drained, most=100),
        "orjson": Arm(calls(orjson.dumps, data)),
        "ddtrace": Arm(calls(lambda: json.dumps(capture_pairs(theirs.items())).encode())),
        "sentry": Arm(calls(lambda: json.dumps(serialize(others, is_vars=True)).encode())),
    }
    kept = {
        "ours": values,
        "orjson": count(data),
        "ddtrace": typed(capture_pairs(theirs.items())),
        "sentry": count(serialize(others, is_vars=True)),
    }
    row("tape", "Python: bytes on the tape", size / values, "bytes per value", target=most(14.0), note=f"kept values: {kept}")
    heats: list[tuple[str, dict[str, list[float]], dict[str, dict[str, Any] | None]]] = [
        ("", hot(arms, effort), {"ns": most(11.0), "orjson": most(0.8, "ratio"), "ddtrace": least(250), "sentry": least(20)}),
        (", cold", cold(arms, effort), {"ns": None, "orjson": None, "ddtrace": least(12), "sentry": None}),
    ]
    for heat, times, targets in heats:
        compared(f"Python: one frame walked{heat}", times["walk"], "orjson.dumps of the plain data", times["orjson"], targets["orjson"])
        row("walk", f"Python: one frame walked, by value{heat}", median(times["walk"]) / values, "ns per value", target=targets["ns"])
        name = f"Python: one frame captured{heat}"
        compared(name, times["capture"], "ddtrace, capture and encode", times["ddtrace"], targets["ddtrace"])
        compared(name, times["capture"], "sentry-sdk, serialize and encode", times["sentry"], targets["sentry"])


def compared(title: str, ours: list[float], against: str, theirs: list[float], target: dict[str, Any] | None, stage: str = "walk") -> None:
    """A row in microseconds."""
    row(
        stage,
        title,
        median(ours) / 1e3,
        "us",
        against=against,
        against_value=median(theirs) / 1e3,
        ratio=ratio(ours, theirs),
        target=target,
    )


def count(data: Any) -> int:
    """Values in plain data."""
    if isinstance(data, dict):
        return 1 + sum(map(count, data.values()))
    if isinstance(data, list):
        return 1 + sum(map(count, data))
    return 1


def typed(data: Any) -> int:
    """Values in what ddtrace makes: they have a type."""
    if isinstance(data, dict):
        return int(isinstance(data.get("type"), str)) + sum(map(typed, data.values()))
    if isinstance(data, (list, tuple)):
        return sum(map(typed, data))
    return 0


def many_values(effort: Effort) -> None:
    """Eight frames with about 11,000 values that no two of them share."""
    start_like_datadog()
    mine = workload.failure(workload.confirm_many, 1, 8)
    theirs = workload.variables(workload.failure(workload.confirm_many, 1, 8))
    values, _ = _native._repeat_walk(*mine, 1)
    arms = {
        "capture": Arm(capture(mine), between=drained, most=16),
        "ddtrace": Arm(calls(lambda: [json.dumps(capture_pairs(frame.items())).encode() for frame in theirs]), most=1),
    }
    kept = sum(typed(capture_pairs(frame.items())) for frame in theirs)
    few = Effort(effort.rounds // 4 + 1, effort.sample_ns, effort.cold_rounds // 3 + 1)
    for heat, times, target in [("", hot(arms, few), least(250)), (", cold", cold(arms, few), least(100))]:
        title = f"Python: 8 frames, {values:,} values{heat}"
        compared(title, times["capture"], f"ddtrace, capture and encode ({kept:,})", times["ddtrace"], target)
        row("walk", title, median(times["capture"]) / values, "ns per value")


def variables(effort: Effort) -> None:
    """What a variable costs beyond its value: the name, the slot."""
    start()
    few, many = (workload.failure(workload.locals_of(count)) for count in (4, 68))
    short, long = (workload.failure(workload.with_value, [None] * count) for count in (0, 64))
    failures = {"few": few, "many": many, "short": short, "long": long}
    times = hot({name: Arm(walks(failed)) for name, failed in failures.items()}, effort)
    local = [(b - a) / 64 for a, b in zip(times["few"], times["many"])]
    item = [(b - a) / 64 for a, b in zip(times["short"], times["long"])]
    row("walk", "Python: a variable, beyond its value", median([a - b for a, b in zip(local, item)]), "ns", target=most(1.5))


def walks(failed: workload.Failure) -> Callable[[int], Any]:
    """A loop of walks."""
    return lambda times: _native._repeat_walk(*failed, times)


def extremes(effort: Effort, *, slow: bool) -> None:
    """Data without bounds costs what the limits allow. With the default limits."""
    start()
    cube = [[[f"text {i} {j} {k}" for k in range(100)] for j in range(100)] for i in range(100)]
    within = [[[f"text {i} {j}"] for j in range(64)] for i in range(64)]  # as many lists as the limits let through
    full = workload.failure(workload.with_value, within, 8)
    seen = workload.failure(workload.with_value, cube, 8)
    times = hot({"full": Arm(walks(full)), "cube": Arm(walks(seen))}, effort)
    title = "Python: 100 x 100 x 100 strings in 8 frames"
    row("walk", title, median(times["cube"]) / 1e3, "us", target=most(200.0))
    compared(title, times["cube"], "a list of as many lists as are kept", times["full"], most(1.25, "ratio"))
    if slow:
        theirs = hot({"ddtrace": Arm(calls(lambda: capture_pairs({"value": cube}.items())), most=1)}, Effort(rounds=1))["ddtrace"]
        compared(title, times["cube"], "ddtrace, one of the 8 frames, not encoded", theirs, None)
    for what, large, at_limit in [
        ("a string of 10 MB", "x" * 10_000_000, "x" * 1025),
        ("a list of 10 million items", [None] * 10_000_000, [None] * 65),
        ("an integer of 100,000 digits", 10**100_000, 10**100),
    ]:
        arms = {"large": Arm(walks(workload.failure(workload.with_value, large)))}
        arms["limit"] = Arm(walks(workload.failure(workload.with_value, at_limit)))
        times = hot(arms, effort)
        compared(f"Python: {what}", times["large"], "one just beyond the limit", times["limit"], most(1.25, "ratio"))


def main() -> None:
    """All rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few samples, to try it out")
    parser.add_argument("--wheel", help="the wheel that is installed, for its size")
    options = parser.parse_args()
    effort = QUICK if options.quick else Effort()
    with tempfile.TemporaryDirectory() as store:
        os.environ["STILLFRAME_DIR"] = store
        process.rows(row, most, runs=3 if options.quick else 21, wheel=options.wheel)
        gate(effort)
        one_frame(effort)
        many_values(effort)
        variables(effort)
        extremes(effort, slow=not options.quick)
        start()
        replay.rows(compared, least, effort)
        _native.stop(10.0)
    sys.stdout.flush()


if __name__ == "__main__":
    main()
