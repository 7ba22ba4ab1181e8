"""ddtrace's exception replay alone and with Stillframe inside: what the failing thread pays from the error to its snapshots in the queue.

The handler runs as it does at the end of a span: rate limits, choice of frames, tags, which cost the same in either case. Alone it also
walks and encodes; with Stillframe the frames are walked, and the uploader's thread encodes, which is not timed. Each case has two rows:
all of it, and without what the handler costs when it captures nothing of the frames it chose.
"""

from __future__ import annotations

import gc
import time
from typing import Any, Callable, ClassVar

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
    _products: ClassVar[set[Any]] = set()

    def start(self) -> None:
        """Starts no thread."""


class Handler(replay.SpanExceptionHandler):
    """With that uploader."""

    __uploader__ = Uploader
    _instance = None


class Nothing:
    """A snapshot without a capture."""

    uuid = "00000000-0000-4000-8000-000000000000"

    def __init__(self, **_: object) -> None:
        """Forgets the frame."""

    def do_line(self) -> None:
        """Captures nothing."""

    @staticmethod
    def build(*_: object) -> None:
        """Builds no probe."""

    @staticmethod
    def push(_: object) -> None:
        """Keeps nothing."""


class Decides(Handler):
    """Chooses frames and tags spans, and captures nothing."""

    @staticmethod
    def get_collector() -> type[Nothing]:
        """It keeps nothing."""
        return Nothing


def decides(*arguments: Any) -> None:
    """The handler without the captures."""
    kept = replay.SpanExceptionSnapshot, replay.SpanExceptionProbe
    replay.SpanExceptionSnapshot = replay.SpanExceptionProbe = Nothing
    try:
        replay.SpanExceptionHandler.on_span_exception.__wrapped__(DECIDES, *arguments[1:])
    finally:
        replay.SpanExceptionSnapshot, replay.SpanExceptionProbe = kept


DECIDES = Decides()
Decides.__uploader__ = Decides


def rows(compared: Callable[..., None], least: Callable[..., dict[str, Any]], effort: Effort) -> None:
    """Prints them by ``compared``."""
    replay.GLOBAL_RATE_LIMITER = BudgetRateLimiterWithJitter(limit_rate=float("inf"), raise_on_exceed=False)
    ddtrace.install()
    Handler.enable()
    for title, most, target, fail in [
        ("one small frame", 20, least(2), lambda: workload.failure(workload.small, 1)),
        ("one frame, 20 variables", 10, least(8), lambda: workload.failure(workload.confirm, 1)),
        ("8 frames, 10,674 values", 1, least(40), lambda: workload.failure(workload.confirm_many, 1, 8)),
    ]:
        arms = {"ours": Handler.on_span_exception, "alone": Handler.on_span_exception.__wrapped__, "decides": decides}
        times: dict[str, list[float]] = {name: [] for name in arms}
        rounds = effort.rounds if most > 1 else effort.rounds // 4 + 1
        for _ in range(rounds):
            for name, handler in arms.items():
                cases = [case(fail()) for _ in range(most)]
                times[name].append(timed(handler, cases) / most)
                collected(cases, count=handler is not decides)
        ours, alone = times["ours"], times["alone"]
        compared(f"Python: an error of a span, {title}", ours, "ddtrace alone", alone, None, "replay")
        fixed = median(times["decides"])
        ours, alone = [max(one - fixed, 1.0) for one in ours], [one - fixed for one in alone]
        compared(f"Python: the same, capture and encoding only, {title}", ours, "ddtrace alone", alone, target, "replay")


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
    return spent


def collected(cases: list[Case], *, count: bool) -> None:
    """Empties the queue, and makes sure that every frame is in it.

    Args:
        cases: what was handled.
        count: whether there are any.
    """
    assert Uploader._instance is not None
    queue = Uploader._instance._tracks[SignalTrack.SNAPSHOT].queue
    found = 0
    while queue.count:
        data = queue.flush()
        found += data[1] if data else 0
    expected = sum(int(span.get_metric(replay.SNAPSHOT_COUNT_TAG) or 0) for span, _, _ in cases)
    if expected < len(cases) or found != expected * count:
        raise SystemExit(f"{found} snapshots of {expected}")


if __name__ == "__main__":
    import sys

    def told(title: str, ours: list[float], against: str, theirs: list[float], *_: object) -> None:
        """Prints a row."""
        print(f"{title}: {median(ours) / 1e3:.1f} us, {against} {median(theirs) / 1e3:.1f} us: {median(theirs) / median(ours):.0f} times")

    rows(told, lambda figure: {}, Effort(rounds=int(sys.argv[1]) if len(sys.argv) > 1 else 41))
