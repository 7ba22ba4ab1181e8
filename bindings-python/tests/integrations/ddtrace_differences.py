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

EMPTY_THERE = re.compile(r".")


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
        words = re.sub(r"0x[0-9a-f]{6,}", "0x", words)
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


def reason(path: Path, theirs: Any, ours: Any) -> str | None:
    """Why two snapshots differ there."""
    where = ".".join(path)
    last = path[-1]
    node = isinstance(theirs, dict) and "type" in theirs
    if where.endswith(("probe.location.lines.0", "lineNumber")) or path == ("message",):
        if path != ("message",) or _without_line(theirs) == _without_line(ours):
            return "line"
    if where.endswith("probe.location.file") and theirs == "None":
        return "file"
    if "_dd_exc_id" in path:
        return "tracer's own"
    if "staticFields" in path and theirs == MISSING or "staticFields" in path and ours == MISSING and theirs.get("type") == "Tracer":
        return "tracer's own"
    if "throwable" in path or "@exception" in path:
        if "stacktrace" in path or last in ("@exception", "throwable", "message", "type"):
            return "exception"
    if last == "size":
        return "size"
    if isinstance(ours, dict) and ours.get("type") == "unbound":
        return "unbound"
    if isinstance(ours, dict) and "value" in ours and node and theirs.get("fields") == {}:
        return "empty"
    return None


def _without_line(text: str) -> str:
    return re.sub(r"line \d+", "line", text)
