"""Times of several things in turns, so that what the machine does meanwhile meets all of them.

The clock is the thread's own CPU time. Sizes of samples are chosen so that reading the clock does not count. The garbage collector is off:
it would charge one arm for what another left behind.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import time
from dataclasses import dataclass
from typing import Any, Callable

STREAM = b"\0" * (32 << 20)


@dataclass(frozen=True)
class Effort:
    """How much is measured."""

    rounds: int = 41
    sample_ns: int = 1_000_000
    cold_rounds: int = 25


QUICK = Effort(rounds=3, sample_ns=100_000, cold_rounds=3)


Loop = Callable[[int], Any]


@dataclass
class Arm:
    """Something to be timed.

    ``loop`` does it so many times; ``per_call`` is how many of what is told (values, for instance) one time has; ``between`` is called
    after each sample, untimed; a sample has at most ``most`` times.
    """

    loop: Loop
    per_call: float = 1
    between: Callable[[], Any] | None = None
    most: int = 1 << 22


def calls(function: Callable[..., Any], *arguments: Any) -> Loop:
    """A loop of calls. Good from a microsecond on: the loop and the call cost some nanoseconds themselves."""

    def loop(times: int) -> None:
        for _ in itertools.repeat(None, times):
            function(*arguments)

    return loop


def empty(times: int) -> None:
    """What a loop costs itself."""
    for _ in itertools.repeat(None, times):
        pass


def hot(arms: dict[str, Arm], effort: Effort) -> dict[str, list[float]]:
    """Nanoseconds of one operation, one figure a round; the loop itself taken off."""
    with _Quiet():
        times = {name: _sized(arm, effort) for name, arm in arms.items()}
        found: dict[str, list[float]] = {name: [] for name in arms}
        for _ in range(effort.rounds):
            nothing = _time(empty, 50_000) / 50_000
            for name, arm in arms.items():
                spent = _time(arm.loop, times[name]) / times[name]
                found[name].append(max(spent - nothing, 0.0) / arm.per_call)
                if arm.between:
                    arm.between()
    return found


def cold(arms: dict[str, Arm], effort: Effort) -> dict[str, list[float]]:
    """The same of one time after 32 MB were read, as an exception is met in a program that did something else."""
    with _Quiet():
        found: dict[str, list[float]] = {name: [] for name in arms}
        for _ in range(effort.cold_rounds):
            STREAM.count(b"\1")
            nothing = _time(empty, 1)
            for name, arm in arms.items():
                STREAM.count(b"\1")
                found[name].append(max(_time(arm.loop, 1) - nothing, 0) / arm.per_call)
                if arm.between:
                    arm.between()
    return found


def median(times: list[float]) -> float:
    """The figure that is told."""
    return statistics.median(times)


def ratio(ours: list[float], theirs: list[float]) -> float:
    """The median of ours / theirs, each within one round."""
    return statistics.median(mine / other for mine, other in zip(ours, theirs) if other > 0)


def _time(loop: Loop, times: int) -> int:
    start = time.thread_time_ns()
    loop(times)
    return time.thread_time_ns() - start


def _sized(arm: Arm, effort: Effort) -> int:
    times = 1
    arm.loop(min(3, arm.most))
    while times < arm.most and _time(arm.loop, times) < effort.sample_ns:
        times = min(times * 2, arm.most)
        if arm.between:
            arm.between()
    return times


class _Quiet:
    def __enter__(self) -> None:
        gc.collect()
        gc.disable()

    def __exit__(self, *_: object) -> None:
        gc.enable()
