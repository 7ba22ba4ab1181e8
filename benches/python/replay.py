"""ddtrace's exception replay alone and with Stillframe inside: what the thread that fails pays from the error to its snapshots in the queue.

The handler runs as it does at the end of a span: rate limits, choice of frames, tags. Alone it also walks and encodes; with Stillframe it
walks, and the uploader's thread encodes, which is not timed in either case.
"""

from __future__ import annotations

import gc
import time
from typing import Any, Callable

import workload
from ddtrace.debugging._exception import replay
from ddtrace.debugging._signal.model import SignalTrack
from ddtrace.debugging._uploader import SignalUploader
from ddtrace.internal.rate_limiter import BudgetRateLimiterWithJitter
from ddtrace.trace import tracer
from timing import Effort, median

from stillframe.integrations import ddtrace

Case = tuple[Any, BaseException, Any]


class Uploader(SignalUploader):
    """Uploads nothing."""

    _instance = None
    _products: set[Any] = set()

    def start(self) -> None:
        """Starts no thread."""


class Handler(replay.SpanExceptionHandler):
    """With that uploader."""

    __uploader__ = Uploader
    _instance = None


def rows(compared: Callable[..., None], least: Callable[..., dict[str, Any]], effort: Effort) -> None:
    """Prints them by ``compared``."""
    replay.GLOBAL_RATE_LIMITER = BudgetRateLimiterWithJitter(limit_rate=float("inf"), raise_on_exceed=False)
    ddtrace.install()
    Handler.enable()
    for title, most, target, fail in [
        ("one small frame", 20, least(15), lambda: workload.failure(workload.small, 1)),
        ("one frame, 20 variables", 10, least(20), lambda: workload.failure(workload.confirm, 1)),
        ("8 frames, 10,674 values", 1, least(100), lambda: workload.failure(workload.confirm_many, 1, 8)),
    ]:
        arms = {"ours": Handler.on_span_exception, "alone": Handler.on_span_exception.__wrapped__}
        times: dict[str, list[float]] = {name: [] for name in arms}
        rounds = effort.rounds if most > 1 else effort.rounds // 4 + 1
        for _ in range(rounds):
            for name, handler in arms.items():
                times[name].append(timed(handler, [case(fail()) for _ in range(most)]) / most)
        compared(f"Python: an error of a span, {title}", times["ours"], "ddtrace alone", times["alone"], target, "replay")
    Handler.disable()


def case(failed: workload.Failure) -> Case:
    """An error that leaves a span."""
    return tracer.start_span("bench"), *failed


def timed(handler: Callable[..., None], cases: list[Case]) -> int:
    """Nanoseconds of the thread."""
    instance = Handler._instance
    replay.EXCEPTION_IDENT_LIMITER.clear()
    kinds = [type(error) for _, error, _ in cases]
    gc.collect()
    gc.disable()
    try:
        start = time.thread_time_ns()
        for (span, error, traceback), kind in zip(cases, kinds):
            handler(instance, span, kind, error, traceback)
            replay.EXCEPTION_IDENT_LIMITER.clear()
        spent = time.thread_time_ns() - start
    finally:
        gc.enable()
    collected(cases)
    return spent


def collected(cases: list[Case]) -> None:
    """Empties the queue, and makes sure that every frame is in it."""
    assert Uploader._instance is not None
    queue = Uploader._instance._tracks[SignalTrack.SNAPSHOT].queue
    found = 0
    while queue.count:
        data = queue.flush()
        found += data[1] if data else 0
    expected = sum(int(span.get_metric(replay.SNAPSHOT_COUNT_TAG) or 0) for span, _, _ in cases)
    if not found == expected >= len(cases):
        raise SystemExit(f"{found} snapshots of {expected}")


if __name__ == "__main__":
    import sys

    def told(title: str, ours: list[float], against: str, theirs: list[float], *_: object) -> None:
        print(f"{title}: {median(ours) / 1e3:.1f} us, {against} {median(theirs) / 1e3:.1f} us: {median(theirs) / median(ours):.0f} times")

    rows(told, lambda figure: {}, Effort(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 41))
