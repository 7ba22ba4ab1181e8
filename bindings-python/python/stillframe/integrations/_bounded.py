"""A snapshot as a value of OpenTelemetry that every exporter and collector can take, in so many bytes.

One value that the protocol has no place for loses the whole batch, with the program's own records in it: integers beyond 64 bits with
sign, and more nested messages than decoders follow. What is deepest goes first, and says that it went.
"""

from __future__ import annotations

import json
import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Node = dict[str, Any]

DEEPEST = 8
"""References followed from a variable: each may be seven nested messages, and decoders give up at a hundred."""

_DEPTHS = (3, 2, 1, 0)
_LONG = re.compile("[0-9]{19}")
_TEXT = 128
_PARTS = ("fields", "elements", "entries")


def bounded(text: str, limit: int) -> dict[str, Any]:
    """A snapshot with at most ``limit`` bytes of JSON.

    Args:
        text: the snapshot in format 1, as JSON.
        limit: bytes; below a few thousand, only what identifies the snapshot is left.
    """
    document: dict[str, Any] = json.loads(text)
    if len(_LONG.findall(text, 0)) > 1:  # one is the time
        for value in _values(document):
            _render_long(value)
    if document["receipt"].get("limits", {}).get("limits.depth", 0) > DEEPEST:
        for value in _values(document):
            _prune(value, DEEPEST, None)
        text = _text(document)
    if _fits(text, limit):
        return document
    for depth in _DEPTHS:
        for value in _values(document):
            _prune(value, depth, None if depth else _TEXT)
        if _fits(_text(document), limit):
            return document
    for frame in document["frames"]:
        frame.pop("source", None)
        for part in ("arguments", "locals", "statics"):
            frame.pop(part, None)
        frame["omitted"] = [{"what": "variables", "notCapturedReason": "pruned"}]
    if _fits(_text(document), limit):
        return document
    first: dict[str, Any] = document["exceptions"][0]
    head = {name: first[name] for name in ("type", "module", "handled", "mechanism") if name in first}
    gone = [{"what": "frames", "notCapturedReason": "pruned"}]
    return {**document, "exceptions": [{**head, "frames": [], "omitted": gone}], "frames": []}


def _fits(text: str, limit: int) -> bool:
    return len(text) <= limit and (text.isascii() or len(text.encode("utf-8", "surrogatepass")) <= limit)


def _text(document: dict[str, Any]) -> str:
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def _values(document: dict[str, Any]) -> list[Node]:
    """All variables of all frames, and what the exceptions carry."""
    found: list[Node] = []
    for frame in document["frames"]:
        for part in ("arguments", "locals", "statics"):
            found.extend(frame.get(part, {}).values())
    for exception in document["exceptions"]:
        found.extend(exception.get("attributes", {}).values())
        found.extend((*exception.get("args", ()), *exception.get("notes", ())))
        found.extend([exception["message"]] if "message" in exception else [])
    return found


def _prune(node: Node, depth: int, text: int | None) -> None:
    """Closes the containers below so many levels, in place."""
    if text is not None and type(node.get("value")) is str and len(node["value"]) > text:
        node.setdefault("size", len(node["value"]))
        node.update(value=node["value"][:text], truncated=True)
    inner = [part for part in _PARTS if part in node]
    if depth == 0:
        shown = sum(len(node.pop(part)) for part in inner)
        if inner:
            node.pop("omitted", None)
            node.pop("limit", None)
            node["size"] = max(node.get("size", 0), shown)
            node["notCapturedReason"] = "pruned"
        return
    for value in _inner(node):
        _prune(value, depth - 1, text)


def _render_long(node: Node) -> None:
    """Writes integers as text that do not fit into 64 bits with a sign, in place."""
    value = node.get("value")
    if type(value) is int and not -(1 << 63) <= value < 1 << 63:
        node.update(value=str(value), rendered=True)
    for inner in _inner(node):
        _render_long(inner)


def _inner(node: Node) -> Iterator[Node]:
    yield from node.get("fields", {}).values()
    yield from node.get("elements", ())
    for pair in node.get("entries", ()):
        yield from pair
