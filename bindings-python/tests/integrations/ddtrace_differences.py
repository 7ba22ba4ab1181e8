"""How snapshots captured here differ from those that ddtrace takes alone of the same program: every difference, with the reason for it.

The reasons are those of ``docs/ddtrace.md``. A difference without one is a fault.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

Path = tuple[str, ...]
Difference = tuple[Path, Any, Any]

MISSING = "(missing)"


def neutral(snapshots: list[dict[str, Any]], spans: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The same without what differs between two runs of one program: ids become numbers by first appearance, times and processes go."""
    known: dict[str, str] = {}
    for snapshot in snapshots:
        for name, value in snapshot.get("dd", {}).items():
            known.setdefault(value, f"{name}-{len(known)}")

    def rename(found: re.Match[str]) -> str:
        return known.setdefault(found[0], f"id-{len(known)}")

    def text(document: Any) -> Any:
        words = json.dumps(document)
        for number, name in known.items():
            if not name.startswith("id-"):
                words = words.replace(f'"{number}"', f'"{name}"')
        words = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", rename, words)
        words = re.sub(r";pid:\d+", ";pid:P", words)
        words = re.sub(r"0x[0-9a-f]{6,}|portal-[0-9a-f]+", "at", words)
        words = re.sub(r'("_thread_id": \{"type": "int", "value": )"\d+"', r'\1"0"', words)
        return json.loads(re.sub(r"\b17\d{11}\b", "0", words))

    shown = []
    for snapshot in snapshots:
        one = text(snapshot)
        one["logger"]["thread_id"] = 0
        lines = one["debugger"]["snapshot"]["captures"]["lines"]
        ((_, values),) = lines.items()
        one["debugger"]["snapshot"]["captures"] = values
        shown.append(one)
    tags = []
    for span in sorted(spans, key=lambda span: span["start"]):
        kept = {name: value for name, value in text(span["meta"]).items() if "debug" in name or name in ("error.type", "error.message")}
        kept.pop("_dd.debug.error.exception_hash", None)  # made of addresses
        count = span.get("metrics", {}).get("_dd.debug.error.snapshot_count")
        tags.append({"name": span["name"], "error": span.get("error", 0), "count": count, **kept})
    return shown, tags


def differences(theirs: Any, ours: Any, path: Path = ()) -> Iterator[Difference]:
    """Where two documents differ: the shortest paths, with both sides."""
    if isinstance(theirs, dict) and isinstance(ours, dict) and _kind(theirs) == _kind(ours):
        for name in sorted({*theirs, *ours}):
            yield from differences(theirs.get(name, MISSING), ours.get(name, MISSING), (*path, name))
    elif isinstance(theirs, list) and isinstance(ours, list) and len(theirs) == len(ours):
        for index, (one, other) in enumerate(zip(theirs, ours)):
            yield from differences(one, other, (*path, str(index)))
    elif theirs != ours:
        yield path, theirs, ours


def _kind(node: dict[str, Any]) -> Any:
    """Nodes of values are compared member by member only when they are of one kind."""
    shapes = [name for name in ("value", "isNull", "fields", "elements", "entries", "notCapturedReason") if name in node]
    return (node.get("type"), shapes[:1]) if "type" in node and shapes else None


REASONS = {
    "line": "the traceback's line, where ddtrace has the line at which the frame stands meanwhile",
    "stack": "callers that ddtrace has lost: those of a generator or coroutine that has ended",
    "file": "the name of code that is in no file, where ddtrace says None",
    "tracer's own": "what ddtrace keeps in the program's objects, and its tracer",
    "exception": "a frame's own exception, where ddtrace has the outermost one, or none if it was told later",
    "secret": "hidden by a name that ddtrace does not know, or in a text",
    "size": "the true size of what was cut",
    "unbound": "a variable without a value, where ddtrace says None",
    "value": "a value that ddtrace shows as an empty object, or by the internals of its class",
    "field": "a field that ddtrace does not show, or that is none of the program's",
    "seen": "an object inside itself, shown once",
    "empty": "something without contents, which is too deep for ddtrace",
    "context": "an exception that led to another is shown once, and not where the program hid it",
    "argument": "an argument that an inner function uses, shown once",
    "integer": "an integer of more digits than are kept",
}
"""The reasons, as in ``docs/ddtrace.md``."""


def reason(path: Path, theirs: Any, ours: Any, arguments: dict[str, Any]) -> str | None:
    """Why two snapshots differ there; ``None`` if they should not.

    Args:
        path: where.
        theirs: what ddtrace alone sends.
        ours: what is sent with Stillframe.
        arguments: those of the frame.
    """
    where = ".".join(path).replace("debugger.snapshot.", "")
    return (
        _of_place(path, where, theirs, ours) or _of_exception(path, where, theirs, ours) or _of_value(path, where, theirs, ours, arguments)
    )


def _of_place(path: Path, where: str, theirs: Any, ours: Any) -> str | None:
    if where == "probe.location.lines.0" or (where.startswith("stack.") and where.endswith(".lineNumber")):
        return "line"
    if where == "message" and re.sub(r"line \d+", "", theirs) == re.sub(r"line \d+", "", ours):
        return "line"
    if where == "stack" and [_place(one) for one in ours][: len(theirs)] == [_place(one) for one in theirs]:
        return "stack"
    if where == "probe.location.file" and theirs == "None":
        return "file"
    return None


def _place(entry: dict[str, Any]) -> tuple[str, str]:
    return entry["fileName"], entry["function"]


def _of_exception(path: Path, where: str, theirs: Any, ours: Any) -> str | None:
    if "_dd_exc_id" in path and ours == MISSING:
        return "tracer's own"
    if "[redacted]" in json.dumps(ours) and "[redacted]" not in json.dumps(theirs):
        return "secret"
    if where in ("captures.throwable", "captures.locals.@exception"):
        # Told after it was handled, or one that led to the one that left the span.
        none = theirs in (None, MISSING)
        return "exception" if none or theirs["type"] != ours["type"] else None
    if where.startswith("captures.throwable.stacktrace") or where == "captures.throwable.type":
        return "exception"
    if where == "captures.throwable.message":
        return "size" if theirs.endswith("...'") and theirs.startswith(ours) else "exception"
    if path[-1] == "__context__" and ours == {"type": "NoneType", "isNull": True}:
        return "context"
    if path[-2:] == ("__suppress_context__", "value"):
        return "context"
    return None


def _of_value(path: Path, where: str, theirs: Any, ours: Any, arguments: dict[str, Any]) -> str | None:
    last = path[-1]
    if last == "size":
        return "size"
    if ours == MISSING:
        if where.startswith("captures.staticFields.") and theirs["type"] in ("Tracer",):
            return "tracer's own"
        if where == f"captures.locals.{last}" and last in arguments:
            return "argument"
        if last in ("__weakref__", "__dict__") or theirs.get("type") == "AttributeError":
            return "field"
        return None
    if theirs == MISSING:
        return "field" if "fields" in path else None
    if last == "value":
        return "integer" if " bits)" in ours else None
    if not isinstance(theirs, dict) or not isinstance(ours, dict) or "type" not in ours:
        return None
    if ours["type"] == "unbound" and theirs == {"type": "NoneType", "isNull": True}:
        return "unbound"
    if ours.get("notCapturedReason", "").startswith("redacted"):
        return "secret"
    if ours["type"] != theirs["type"]:
        return None
    if ours.get("notCapturedReason") == "depth" and theirs["type"] in json.dumps(theirs.get("fields", theirs)):
        return "seen"
    if theirs.get("notCapturedReason") == "depth":
        return "empty" if ours.get("size", 0) == 0 else None
    return "value" if "fields" in theirs and "fields" not in ours else None
