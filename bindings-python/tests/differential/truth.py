"""Compares what a snapshot shows with the objects themselves.

Everything shown must be true, and everything that is not shown must say why. This runs after the capture and may run code of the values'
types, so only exact built-in types are looked into.
"""

from __future__ import annotations

import base64
import math
from types import CodeType, FrameType, TracebackType
from typing import Any

REASONS = {
    "depth", "fieldCount", "collectionSize", "length", "timeout", "budget", "redactedIdent", "redactedType", "redactedValue",
    "optimizedOut", "unbound", "unreadable", "error", "pruned", "frames", "chain",
}  # fmt: skip
CONTAINERS = {list, tuple, set, frozenset, dict}


SCALARS = (int, float, str, bytes)


class Judge:
    """Collects what is not true."""

    def __init__(self) -> None:
        self.scalars = 0
        self.hidden = 0
        self.wrong: list[str] = []

    def snapshot(self, snapshot: dict[str, Any], error: BaseException, traceback: TracebackType | None) -> None:
        """Judges the frames of the captured exception."""
        head = snapshot["exceptions"][0]
        shown = [snapshot["frames"][index] for index in head["frames"]]
        frames = []
        while traceback is not None:
            frames.append((traceback.tb_frame, traceback.tb_lineno))
            traceback = traceback.tb_next
        frames.reverse()
        if len(shown) != len(frames) and not any(gap["what"] == "frames" for gap in head.get("omitted", [])):
            self.wrong.append(f"{len(shown)} of {len(frames)} frames, and no word of it")
            return
        if len(shown) == len(frames):
            for (frame, line), node in zip(frames, shown):
                self.frame(node, frame, line)
        elif shown and frames:
            self.frame(shown[0], *frames[0])

    def frame(self, node: dict[str, Any], frame: FrameType, line: int | None) -> None:
        """Judges one frame: its place, and each of its variables."""
        code = frame.f_code
        where = f"{code.co_filename}:{line} {code.co_name}"
        if node.get("file", "") != code.co_filename or node.get("line") != line:
            self.wrong.append(f"{where}: shown as {node.get('file')}:{node.get('line')}")
        if not node["function"].endswith(code.co_name):
            self.wrong.append(f"{where}: shown as {node['function']}")
        if node.get("notCapturedReason") or node.get("noVariables"):
            self.hidden += 1
            return
        if not code.co_flags & 1:  # the namespace of a module or a class: any mapping
            return
        variables = dict(frame.f_locals)
        shown = {**node.get("arguments", {}), **node.get("locals", {})}
        names = _names(code)
        missing = [name for name in names if name not in shown]
        if missing and not any(gap["what"] in ("arguments", "locals") for gap in node.get("omitted", [])):
            self.wrong.append(f"{where}: no word of {missing}")
        for name, variable in shown.items():
            if name not in names and name != ".0":  # the iterator of a comprehension
                self.wrong.append(f"{where}: there is no variable {name}")
            elif name not in variables:
                if variable.get("notCapturedReason") not in ("unbound", "redactedIdent", "optimizedOut"):
                    self.wrong.append(f"{where}: {name} has no value, shown as {variable}")
            else:
                self.value(variable, variables[name], f"{where}: {name}")

    def value(self, node: dict[str, Any], value: Any, where: str) -> None:
        """Judges one value and what is in it."""
        reason = node.get("notCapturedReason")
        if reason is not None and reason not in REASONS:
            self.wrong.append(f"{where}: {reason} is no reason")
        kind = type(value)
        if reason in (
            "redactedIdent",
            "redactedType",
            "redactedValue",
            "unreadable",
            "error",
            "timeout",
            "budget",
            "depth",
            "unbound",
            "pruned",
        ):
            self.hidden += 1
            if reason == "unbound":
                self.wrong.append(f"{where}: is not unbound")
            return
        if "ref" in node:
            return
        if node.get("type") is not None and type(kind) is type and kind.__module__ == "builtins":
            if node["type"] != kind.__qualname__:
                self.wrong.append(f"{where}: a {kind.__qualname__}, shown as {node['type']}")
                return
        if value is None:
            self.check(node.get("isNull") is True, node, value, where)
        elif kind is bool:
            self.check(node.get("value") is value, node, value, where)
        elif kind is int:
            self.integer(node, value, where)
        elif kind is float:
            self.check(_same_float(node.get("value"), value), node, value, where)
        elif kind is str:
            self.text(node, value, where)
        elif kind in (bytes, bytearray):
            self.data(node, bytes(value), where)
        elif kind in CONTAINERS:
            self.container(node, value, where)
        elif issubclass(kind, SCALARS) and not (node.get("rendered") or "fields" in node):
            self.value({**node, "type": None}, _plain(value), f"{where} (a {kind.__name__})")
        elif "type" not in node and reason is None:
            self.wrong.append(f"{where}: nothing is shown of a {kind}, and no word of it: {node}")

    def check(self, true: bool, node: dict[str, Any], value: object, where: str) -> None:
        self.scalars += 1
        if not true:
            self.wrong.append(f"{where}: is {str(value)[:100]!r}, shown as {str(node)[:300]}")

    def integer(self, node: dict[str, Any], value: int, where: str) -> None:
        shown = node.get("value")
        if isinstance(shown, str) and node.get("rendered"):
            if value.bit_length() <= 128:
                self.check(shown == str(value), node, value.bit_length(), where)
            else:
                self.check(shown.startswith(("0x", "-0x")) and str(value.bit_length()) in shown, node, hex(value)[:40], where)
        else:
            self.check(type(shown) is int and shown == value, node, value.bit_length(), where)

    def text(self, node: dict[str, Any], value: str, where: str) -> None:
        shown = node.get("value")
        plain = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if not node.get("lossy") else None
        if not isinstance(shown, str):
            self.check(False, node, value, where)
        elif node.get("truncated"):
            self.check(node["size"] == len(value) and _starts(value, shown), node, value, where)
        else:
            self.check((plain or _lossy(value)) == shown, node, value, where)

    def data(self, node: dict[str, Any], value: bytes, where: str) -> None:
        shown = node.get("value")
        if not isinstance(shown, str):
            self.check(False, node, value, where)
            return
        read = base64.b64decode(shown) if node.get("encoding") == "base64" else shown.encode().decode("unicode_escape").encode("latin-1")
        if node.get("truncated"):
            self.check(node["size"] == len(value) and value.startswith(read), node, value, where)
        else:
            self.check(read == value, node, value, where)

    def container(self, node: dict[str, Any], value: Any, where: str) -> None:
        self.check(node.get("size") == len(value), node, len(value), where)
        if type(value) is dict:
            entries = node.get("entries", [])
            if len(entries) < len(value) and not (node.get("notCapturedReason") or node.get("omitted")):
                self.wrong.append(f"{where}: {len(entries)} of {len(value)} entries, and no word of it")
            for (key_node, value_node), (key, item) in zip(entries, list(value.items())):
                self.value(key_node, key, f"{where}, a key")
                self.value(value_node, item, f"{where}[{str(key_node.get('value'))[:30]}]")
            return
        elements = node.get("elements", [])
        if len(elements) < len(value) and not (node.get("notCapturedReason") or node.get("omitted")):
            self.wrong.append(f"{where}: {len(elements)} of {len(value)} elements, and no word of it")
        if type(value) in (list, tuple):
            for index, (element, item) in enumerate(zip(elements, list(value))):
                self.value(element, item, f"{where}[{index}]")


def _plain(value: Any) -> Any:
    """What an instance of a subclass of a scalar stores, without running the subclass's code."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, bytes):
        return bytes.__getitem__(value, slice(None))
    return float.__float__(value) if isinstance(value, float) else int.__int__(value)


def _names(code: CodeType) -> list[str]:
    names = [*code.co_varnames, *(name for name in code.co_cellvars if name not in code.co_varnames), *code.co_freevars]
    return [name for name in names if not name.startswith(".")]


def _same_float(shown: object, value: float) -> bool:
    if math.isnan(value):
        return shown == "nan"
    if math.isinf(value):
        return shown == ("inf" if value > 0 else "-inf")
    return type(shown) in (int, float) and shown == value and math.copysign(1, float(shown)) == math.copysign(1, value)  # type: ignore[arg-type]


def _lossy(value: str) -> str:
    return "".join("\ufffd" if 0xD800 <= ord(character) <= 0xDFFF else character for character in value)


def _starts(value: str, shown: str) -> bool:
    return _lossy(value[: len(shown)]) == shown
