"""Captured values as the variables of a frame in somebody else's event: nested dictionaries and lists with text in them.

Sentry, and whoever reads its events, cuts the variables of a frame at 2048 bytes of JSON and below three containers, in the order of the
alphabet. So what is sent fits: every variable briefly first, then in more and more detail, those that the failing line uses before others.
"""

from __future__ import annotations

import json
import re
from itertools import islice
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Node = dict[str, Any]


_text = json.encoder.encode_basestring


class Detail(NamedTuple):
    """How much of a value is shown."""

    depth: int
    items: int
    text: int


DETAILS = (Detail(0, 0, 40), Detail(1, 5, 80), Detail(2, 10, 160), Detail(3, 20, 320), Detail(3, 64, 1024))
"""From brief to as much as there is. Sentry's depth ends at the third container."""

MORE = "…"
"""Name under which it is said what is not shown."""

_EMPTY = ("[]", "{}")
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


def _size(text: str) -> int:
    """Bytes of a text as JSON."""
    written = _text(text)
    return len(written) if written.isascii() else len(written.encode("utf-8", "surrogatepass"))


def size_of(value: object) -> int:
    """Bytes of a value as compact JSON."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


class _Full(Exception):  # noqa: N818 - it ends a value that would not fit
    pass


class Shown(NamedTuple):
    """A value as it is shown."""

    value: Any
    size: int
    """Bytes of JSON."""
    whole: bool
    """Nothing would be added by more detail."""


class Values:
    """The values of one snapshot."""

    def __init__(self, document: dict[str, Any]) -> None:
        """Takes the snapshot in format 1."""
        self._document = document
        self._containers: dict[int, Node] | None = None
        self._made: dict[tuple[int, int, int], Shown] = {}
        """What was made before of a container, by depth and detail: frames hand the same objects down."""
        self._large: dict[tuple[int, int], int] = {}
        """Bytes that were not enough for a value, by detail."""
        self._room = 0
        """Bytes left for the value that is being made: it is given up early where it cannot fit."""

    def of_frame(self, frame: dict[str, Any], budget: int) -> dict[str, Any]:
        """The variables of a frame in at most ``budget`` bytes of JSON, in the order that they were captured in."""
        named: dict[str, Node] = {**frame.get("statics", {}), **frame.get("arguments", {}), **frame.get("locals", {})}
        used, others = _ranked(frame, named)
        shown: dict[str, Shown] = {}
        room = budget - 2 - size_of({MORE: f"{len(named)} more variables"})
        left = self._fill(shown, named, used, room // 2) + room - room // 2
        left = self._fill(shown, named, others, left)
        self._fill(shown, named, [*used, *others], left)
        told = {name: shown[name].value for name in named if name in shown}
        missing = len(named) - len(told) + sum(gap.get("count", 1) for gap in frame.get("omitted", ()))
        if missing:
            told[MORE] = f"{missing} more variable{'s' if missing > 1 else ''}"
        return told

    def _fill(self, shown: dict[str, Shown], named: dict[str, Node], names: list[str], left: int) -> int:
        """Shows variables, all of them briefly first, then each in more detail. Returns the bytes that are left."""
        growing = []
        for name in names:
            if name not in shown:
                brief = self._shown(named[name], 0, 0)
                size = brief.size + _size(name) + 2
                if size > left:
                    continue
                left -= size
                shown[name] = brief
            if not shown[name].whole:
                growing.append(name)
        for level in range(1, len(DETAILS)):
            still = []
            for name in growing:
                before = shown[name].size
                node = self._followed(named[name])
                key = id(node), level
                if left + before <= self._large.get(key, 0):
                    continue
                self._room = left + before
                try:
                    more = self._shown(node, DETAILS[level].depth, level)
                except _Full:
                    self._large[key] = left + before
                    continue
                if before <= more.size <= left + before:
                    left -= more.size - before
                    shown[name] = more
                if not more.whole:
                    still.append(name)
            growing = still
        return left

    def _shown(self, node: Node, depth: int, level: int) -> Shown:
        """A value: text of a scalar as Python writes it, a list, or a dictionary."""
        if "ref" in node:
            node = self._followed(node)
        if not ("fields" in node or "elements" in node or "entries" in node):
            longest = DETAILS[level].text
            text = scalar(node, longest)
            held = node.get("value")
            made = Shown(text, _size(text), type(held) is not str or len(held) <= longest)
        elif depth == 0:
            text = _closed(node)
            if text in _EMPTY:
                return Shown([] if text == "[]" else {}, 2, True)
            made = Shown(text, _size(text), False)
        else:
            key = id(node), depth, level
            known = self._made.get(key)
            if known is None:
                known = self._made[key] = self._opened(node, depth, level)
            elif known.size > self._room:
                raise _Full
            else:
                self._room -= known.size
            return known
        self._room -= made.size + 1
        if self._room < 0 and level:
            raise _Full
        return made

    def _opened(self, node: Node, depth: int, level: int) -> Shown:
        items = DETAILS[level].items
        elements: list[Any] | None = None
        size, whole = 2, True
        if "elements" in node:
            elements = []
            for inner in node["elements"][:items]:
                made = self._shown(inner, depth - 1, level)
                elements.append(made.value)
                size += made.size + 1
                whole = whole and made.whole
            more = _more(node, len(node["elements"]), items, alone="fields" not in node and "entries" not in node)
            if more:
                elements.append(f"{MORE} {more}")
                size += _size(more) + 5
                whole = whole and len(node["elements"]) <= items
            if "fields" not in node and "entries" not in node:
                return Shown(elements, size, whole)
        out: dict[str, Any] = {}
        if "fields" in node:
            out["__class__"] = str(node.get("type", "object"))
            size += _size(out["__class__"]) + 14
        for named, pairs in ((True, node["fields"].items() if "fields" in node else ()), (False, node.get("entries", ()))):
            whole = whole and len(pairs) <= items
            for key, inner in islice(pairs, items):
                made = self._shown(inner, depth - 1, level)
                if named:
                    name = _put(out, key, made.value, inner)
                else:
                    key = self._followed(key)
                    name = str(key["value"]) if key.get("type") == "str" and "value" in key else _key(key)
                    name = _put(out, name, made.value, key)
                length = _size(name) + 2
                size += made.size + length
                self._room -= length
                whole = whole and made.whole
        if elements is not None:
            _put(out, "items", elements, {})
            size += 20
        there = len(node.get("fields", ())) + len(node.get("entries", ()))
        most = min(len(node.get("fields", ())), items) + min(len(node.get("entries", ())), items)
        more = _more(node, there, most, alone=elements is None)
        if more:
            _put(out, MORE, more, {})
            size += _size(more) + 7
        return Shown(out, size, whole)

    def _followed(self, node: Node) -> Node:
        """The container that a reference means, where it is known; any other value itself."""
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
        containers = self._containers
        nodes = [node]
        while nodes and containers is not None:
            node = nodes.pop()
            if "id" in node:
                containers[node["id"]] = node
            if "fields" in node:
                nodes.extend(node["fields"].values())
            if "elements" in node:
                nodes.extend(node["elements"])
            if "entries" in node:
                for pair in node["entries"]:
                    nodes.extend(pair)


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


def _count(node: Node) -> int:
    return len(node.get("fields", ())) + len(node.get("entries", ())) + len(node.get("elements", ()))


def _more(node: Node, there: int, most: int, *, alone: bool) -> str:
    """What is missing of a container, of which so many parts are there and so many shown at most; its size is theirs if they are alone."""
    missing = max(node.get("size", 0) if alone else 0, there) - min(there, most)
    if missing > 0:
        return f"{missing} more"
    return chip(node) if alone and "notCapturedReason" in node else ""


def _put(out: dict[str, Any], name: str, value: Any, key: Node) -> str:
    """Adds an entry; one that would take the name of another says its type. Returns the name that it got."""
    while name in out:
        name = f"{name} ({key.get('type', 'again')})"
    out[name] = value
    return name


def _key(node: Node) -> str:
    if node.get("type") == "str" and type(node.get("value")) is str:
        return str(node["value"])
    if "elements" in node and "fields" not in node:
        inner = ", ".join(_key(item) if _is_container(item) else scalar(item, 40) for item in node["elements"][:4])
        return f"({inner})" if node.get("type") == "tuple" else f"[{inner}]"
    return _closed(node) if _is_container(node) else scalar(node, 80)


def _ranked(frame: dict[str, Any], named: dict[str, Node]) -> tuple[list[str], list[str]]:
    """Names of a frame's variables: those that the failing line uses; arguments, names around it, others, and what is only a type."""
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

    ranks = {name: rank(name) for name in named}
    return [name for name in named if not ranks[name]], sorted((name for name in named if ranks[name]), key=ranks.__getitem__)
