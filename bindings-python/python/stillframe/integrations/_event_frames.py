"""Which frame of somebody else's event is which frame of a snapshot.

Both describe one error, but each in its own selection: the event may lack frames or have some of the caller's, the snapshot has those next
to the raise and the outermost. They are matched by exception, then by function, file, line and order.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Json = dict[str, Any]


def matched(values: list[Any], document: Json) -> Iterator[tuple[Json, Json]]:
    """Pairs of a frame of the event and the frame of the snapshot that it is; those of the captured exception first.

    Args:
        values: the event's exceptions as Sentry has them: what led to an exception before it, members of a group before the group.
        document: ``Snapshot.frame_variables``, or the snapshot in format 1.
    """
    unused = list(_order(document))
    for value in reversed(values):
        if not isinstance(value, dict):
            continue
        stacktrace = value.get("stacktrace")
        frames = stacktrace.get("frames") if isinstance(stacktrace, dict) else None
        theirs = [frame for frame in frames or () if isinstance(frame, dict)]
        for index in unused:
            exception = document["exceptions"][index]
            if _last(exception.get("type")) != _last(value.get("type")):
                continue
            pairs = _aligned(theirs, exception, document["frames"])
            if pairs or not (theirs and exception.get("frames")):
                unused.remove(index)
                yield from pairs
                break


def _order(document: Json) -> Iterator[int]:
    """Indexes of the exceptions in the order in which Sentry goes through them: each before its cause, that before a group's members."""
    seen: set[int] = set()
    stack = [0]
    while stack:
        index = stack.pop()
        if index in seen or index >= len(document["exceptions"]):
            continue
        seen.add(index)
        yield index
        exception = document["exceptions"][index]
        stack.extend(reversed(exception.get("members", [])))
        if "cause" in exception:
            stack.append(exception["cause"])


def _aligned(theirs: list[Json], exception: Json, frames: list[Json]) -> list[tuple[Json, Json]]:
    ours = [frames[index] for index in exception.get("frames", []) if index < len(frames)]
    near = len(ours)
    for gap in exception.get("omitted", ()):
        if gap.get("what") == "frames":
            near = min(near, gap.get("after", -1) + 1)
    # The raising frame is their last. What comes after the gap is counted from the other end.
    pairs, end = [], len(theirs)
    for frame in ours[:near]:
        at = next((at for at in range(end - 1, -1, -1) if _same(theirs[at], frame)), None)
        if at is not None:
            pairs.append((theirs[at], frame))
            end = at
    begin = 0
    for frame in reversed(ours[near:]):
        at = next((at for at in range(begin, end) if _same(theirs[at], frame)), None)
        if at is not None:
            pairs.append((theirs[at], frame))
            begin = at + 1
    return pairs


def _same(theirs: Json, ours: Json) -> bool:
    if theirs.get("lineno") != ours.get("line") or _last(theirs.get("function")) != _last(ours.get("function")):
        return False
    file = ours.get("file")
    if not file:
        return True
    path = theirs.get("abs_path") or theirs.get("filename")
    return bool(path == file or path == os.path.abspath(file))


def _last(name: object) -> str:
    """``convert`` of ``Pricing.convert``: one side may qualify names, the other not."""
    return name.rsplit(".", 1)[-1] if isinstance(name, str) else ""
