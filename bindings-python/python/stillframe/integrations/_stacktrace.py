"""A snapshot as the traceback that Python prints: made of what was captured, so no code of the program runs and no secret comes back."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Json = dict[str, Any]

_BETWEEN = {
    "cause": "The above exception was the direct cause of the following exception:",
    "context": "During handling of the above exception, another exception occurred:",
}


def stacktrace(document: Json) -> str:
    """The traceback of a snapshot in format 1, what led to the error first."""
    chain: list[int] = []
    index: int | None = 0
    while index is not None and index not in chain and index < len(document["exceptions"]):
        chain.append(index)
        index = document["exceptions"][index].get("cause")
    lines: list[str] = []
    for index in reversed(chain):
        exception = document["exceptions"][index]
        if lines:
            lines += ["", _BETWEEN.get(exception.get("causeKind", ""), _BETWEEN["context"]), ""]
        lines += _exception(document, exception)
    return "\n".join(lines) + "\n"


def message(exception: Json) -> str | None:
    """The message of an exception, if it is known."""
    value = exception.get("message", {}).get("value")
    return None if value is None else str(value)


def _exception(document: Json, exception: Json) -> Iterator[str]:
    gaps = {gap.get("after", -1): gap for gap in exception.get("omitted", ()) if gap.get("what") == "frames"}
    frames = exception.get("frames", [])
    if frames:
        yield "Traceback (most recent call last):"
    for at in range(len(frames) - 1, -1, -1):
        if at in gaps:
            yield f"  [{gaps[at].get('count', 'some')} frames not captured]"
        frame = document["frames"][frames[at]]
        yield f'  File "{frame.get("file", "<unknown>")}", line {frame.get("line", "?")}, in {frame.get("function", "<unknown>")}'
        source = frame.get("source", {})
        line = frame.get("line", 0) - source.get("firstLine", 0)
        if 0 <= line < len(source.get("lines", ())):
            yield f"    {source['lines'][line].strip()}"
    yield _last_line(exception)
    for member in exception.get("members", ()):
        yield f"  | {_last_line(document['exceptions'][member])}"


def _last_line(exception: Json) -> str:
    said = message(exception)
    return f"{exception['type']}: {said}" if said else str(exception["type"])
