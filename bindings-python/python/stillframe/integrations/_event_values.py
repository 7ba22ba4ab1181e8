"""Captured values as the variables of a frame in somebody else's event: nested dictionaries and lists with text in them.

Sentry, and whoever reads its events, cuts the variables of a frame at 2048 bytes of JSON and below three containers, in the order of the
alphabet. So what is sent fits: every variable briefly first, then in more and more detail, those that the failing line uses before others.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    Node = dict[str, Any]


class Detail(NamedTuple):
    """How much of a value is shown."""

    depth: int
    items: int
    text: int


DETAILS = (Detail(0, 0, 40), Detail(1, 5, 80), Detail(2, 10, 160), Detail(3, 20, 320), Detail(3, 64, 1024))
"""From brief to as much as there is. Sentry's depth ends at the third container."""

MORE = "…"
"""Name under which it is said what is not shown."""

_NAMED = ("function", "module", "type", "method", "builtin_function_or_method")
"""Types of values that are shown by their name."""

_NAME = re.compile(r"[^\W\d]\w*")
_SAID = {
    "depth": "deeper",
    "fieldCount": "more fields",
    "collectionSize": "more items",
    "length": "longer",
    "timeout": "no time left",
    "budget": "snapshot full",
    "redactedIdent": "redacted by name",
    "redactedType": "redacted by type",
    "redactedValue": "redacted by content",
    "optimizedOut": "optimised out",
    "unbound": "not set",
    "unreadable": "not readable",
    "error": "could not be read",
    "pruned": "pruned to fit",
}


def size_of(value: object) -> int:
    """Bytes of a value as compact JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


class _Full(Exception):  # noqa: N818 - it ends a value that would not fit
    pass


class Values:
    """The values of one snapshot."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Takes the snapshot in format 1."""
        self._document = document
        self._containers: dict[int, Node] | None = None
        self._room = 0
        """Bytes left for the value that is being made, roughly: it is given up early where it cannot fit."""

    def of_frame(self, frame: dict[str, Any], budget: int) -> dict[str, Any]:
        """The variables of a frame in at most ``budget`` bytes of JSON, in the order that they were captured in."""
        named: dict[str, Node] = {**frame.get("statics", {}), **frame.get("arguments", {}), **frame.get("locals", {})}
        ranked = _ranked(frame, named)
        shown: dict[str, Any] = {}
        sizes: dict[str, int] = {}
        left = budget - 2 - size_of({MORE: f"{len(ranked)} more variables"})
        for name in ranked:
            self._room = budget
            value = self._shown(named[name], DETAILS[0])
            size = size_of({name: value}) - 1  # the braces go, a comma comes
            if size <= left:
                shown[name], sizes[name] = value, size
                left -= size
        growing = list(shown)
        for detail in DETAILS[1:]:
            still = []
            for name in growing:
                self._room = left + sizes[name]
                try:
                    value = self._shown(named[name], detail)
                except _Full:
                    continue
                more = size_of({name: value}) - 1 - sizes[name]
                if more <= left:
                    shown[name] = value
                    sizes[name] += more
                    left -= more
                    still.append(name)
            growing = still
        told = {name: shown[name] for name in named if name in shown}
        missing = len(named) - len(told) + sum(gap.get("count", 1) for gap in frame.get("omitted", ()))
        if missing:
            told[MORE] = f"{missing} more variable{'s' if missing > 1 else ''}"
        return told

    def _shown(self, node: Node, detail: Detail) -> Any:
        """A value: text of a scalar as Python writes it, a list, or a dictionary."""
        node = self._followed(node)
        if detail.depth == 0 or not _is_container(node):
            text = _closed(node) if _is_container(node) else scalar(node, detail.text)
            self._room -= len(text) + 3
            if self._room < 0 and detail != DETAILS[0]:
                raise _Full
            return text
        deeper = Detail(detail.depth - 1, detail.items, detail.text)
        elements = self._elements(node, deeper) if "elements" in node else None
        if elements is not None and "fields" not in node and "entries" not in node:
            return elements
        out: dict[str, Any] = {}
        if "fields" in node:
            out["__class__"] = str(node.get("type", "object"))
            for name, value in _first(node["fields"].items(), detail.items):
                _put(out, name, self._shown(value, deeper), value)
        for key, value in _first(iter(node.get("entries", ())), detail.items):
            _put(out, _key(self._followed(key)), self._shown(value, deeper), key)
        if elements is not None:
            out["items"] = elements
        more = _more(node, detail.items, "fields", "entries")
        if more:
            _put(out, MORE, more, {})
        return out

    def _elements(self, node: Node, deeper: Detail) -> list[Any]:
        items = [self._shown(value, deeper) for value in node["elements"][: deeper.items]]
        more = _more(node, deeper.items, "elements")
        return [*items, f"{MORE} {more}"] if more else items

    def _followed(self, node: Node) -> Node:
        """The container that a reference means, where it is known."""
        if "ref" not in node:
            return node
        if self._containers is None:
            self._containers = {}
            for exception in self._document.get("exceptions", ()):
                if "id" in exception:
                    message = exception.get("message", {}).get("value")
                    told = {"value": message, "rendered": True} if type(message) is str else {}
                    self._containers[exception["id"]] = {"type": exception.get("type", "exception"), **told}
            for frame in self._document.get("frames", ()):
                for part in ("arguments", "locals", "statics"):
                    for value in frame.get(part, {}).values():
                        self._collect(value)
        return self._containers.get(node["ref"], node)

    def _collect(self, node: Node) -> None:
        if "id" in node and self._containers is not None:
            self._containers[node["id"]] = node
        for value in node.get("fields", {}).values():
            self._collect(value)
        for value in node.get("elements", ()):
            self._collect(value)
        for pair in node.get("entries", ()):
            for value in pair:
                self._collect(value)


def scalar(node: Node, longest: int) -> str:
    """A value that holds no others, as Python writes it, or why it is not shown."""
    if node.get("isNull"):
        return "None"
    if "value" not in node:
        return chip(node)
    value, kind = node["value"], str(node.get("type", ""))
    if type(value) is not str:
        return repr(value)
    shown = value[:longest]
    if "encoding" in node:
        text = f"b'{shown}'" if node["encoding"] == "escaped" else f"base64 {shown!r}"
    elif node.get("rendered"):
        text = shown if kind in ("int", "float", "complex") else f"{kind.rsplit('.', 1)[-1]}({shown!r})"
        text = f"<{kind} {shown}>" if kind in _NAMED else text
    else:
        text = repr(shown)
    if "size" in node or len(value) > longest:
        text += f"{MORE} ({node.get('size', len(value))} {'bytes' if 'encoding' in node else 'characters'})"
    return text


def chip(node: Node) -> str:
    """Why a value is not shown: ``[redacted: name "token"]``, ``[deeper: limits.depth]``."""
    reason = node.get("notCapturedReason")
    if reason is None:
        return f"<{node['type']}>" if "type" in node else "<same object as elsewhere>"
    rule, limit, error = node.get("rule"), node.get("limit"), node.get("error")
    if reason == "redactedIdent":
        return f'[redacted: name "{rule}"]' if rule else "[redacted: by its name]"
    if reason == "redactedType":
        return f'[redacted: type "{rule or node.get("type", "?")}"]'
    if reason == "redactedValue":
        return f"[redacted: {rule}]" if rule else "[redacted]"
    why = limit["name"] if limit else error
    return f"[{_SAID.get(reason, reason)}: {why}]" if why else f"[{_SAID.get(reason, reason)}]"


def _is_container(node: Node) -> bool:
    return "fields" in node or "elements" in node or "entries" in node


def _closed(node: Node) -> str:
    size = node.get("size", _count(node))
    if "fields" in node:
        return f"<{node.get('type', 'object')}>"
    shown = f"{MORE} {size}" if size else ""
    return f"[{shown}]" if "elements" in node else f"{{{shown}}}"


def _count(node: Node, *parts: str) -> int:
    return sum(len(node.get(part, ())) for part in parts or ("fields", "entries", "elements"))


def _more(node: Node, items: int, *parts: str) -> str:
    """What is missing of a container."""
    there = _count(node, *parts)
    shown = sum(min(len(node.get(part, ())), items) for part in parts)
    alone = there == _count(node)
    missing = max(node.get("size", 0) if alone else 0, there) - shown
    if missing > 0:
        return f"{missing} more"
    return chip(node) if alone and "notCapturedReason" in node else ""


def _first(pairs: Iterator[Any], items: int) -> Iterator[Any]:
    for _, pair in zip(range(items), pairs):
        yield pair


def _put(out: dict[str, Any], name: str, value: Any, key: Node) -> None:
    """Adds an entry; one that would take the name of another says its type."""
    while name in out:
        name = f"{name} ({key.get('type', 'again')})"
    out[name] = value


def _key(node: Node) -> str:
    if node.get("type") == "str" and type(node.get("value")) is str:
        return str(node["value"])
    if "elements" in node and "fields" not in node:
        inner = ", ".join(_key(item) if _is_container(item) else scalar(item, 40) for item in node["elements"][:4])
        return f"({inner})" if node.get("type") == "tuple" else f"[{inner}]"
    return _closed(node) if _is_container(node) else scalar(node, 80)


def _ranked(frame: dict[str, Any], named: dict[str, Node]) -> list[str]:
    """Names of a frame's variables: used by the failing line, arguments, used around it, others, and what is only a type."""
    source = frame.get("source", {})
    lines: list[str] = source.get("lines", [])
    first = source.get("firstLine", 1)
    failing = range(frame.get("line", 0), frame.get("endLine", frame.get("line", 0)) + 1)
    used = {name for number, line in enumerate(lines, first) if number in failing for name in _NAME.findall(line)}
    around = {name for line in lines for name in _NAME.findall(line)}
    arguments = frame.get("arguments", {})

    def rank(name: str) -> int:
        node = named[name]
        if node.get("notCapturedReason") == "unbound" or (name.startswith("__") and name.endswith("__")):
            return 5
        if not (_is_container(node) or "value" in node or "ref" in node or "isNull" in node or "notCapturedReason" in node):
            return 4
        return 0 if name in used else 1 if name in arguments else 2 if name in around else 3

    return sorted(named, key=rank)
