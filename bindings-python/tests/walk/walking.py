"""Captures for tests: an exception walked onto a tape, and the tape as plain Python values."""

from __future__ import annotations

import json
from typing import Any, Callable

from stillframe import _native

Node = dict[str, Any]


class Snapshot:
    """One capture, decoded."""

    def __init__(self, exc: BaseException, **options: Any) -> None:
        self.tape: bytes = _native._capture_tape(exc, **options)
        self.data: dict[str, Any] = json.loads(_native._decode_tape(self.tape))
        self.exceptions: list[Node] = self.data["exceptions"]
        self.frames: list[Node] = self.data["frames"]

    @property
    def raising(self) -> Node:
        """The frame in which the captured exception was raised."""
        return self.frames[self.exceptions[0]["frames"][0]]

    def locals(self) -> dict[str, Node]:
        return self.raising.get("locals", {})

    def arguments(self) -> dict[str, Node]:
        return self.raising.get("arguments", {})

    def function(self, name: str) -> Node:
        """The first frame of this function."""
        return next(frame for frame in self.frames if frame["function"].split(".")[-1] == name)


def caught(function: Callable[[], Any]) -> BaseException:
    """The exception that the function raises."""
    try:
        function()
    except BaseException as error:
        return error
    raise AssertionError("nothing was raised")


def shown(value: Any, **options: Any) -> Node:
    """How a value is shown that is a local variable of the raising frame."""

    def fail() -> None:
        held = value
        raise ValueError(type(held).__name__)

    return Snapshot(caught(fail), **options).locals()["held"]


def plain(node: Node) -> Any:
    """The Python value that a node stands for; a gap is told as ``...``."""
    if node.get("isNull"):
        return None
    if "notCapturedReason" in node and not {"elements", "entries", "fields", "value"} & node.keys():
        return ...
    if "elements" in node:
        items = [plain(item) for item in node["elements"]]
        kinds = {"tuple": tuple, "set": set, "frozenset": frozenset}
        return kinds.get(node["type"], list)(items)
    if "entries" in node:
        return {plain(key): plain(value) for key, value in node["entries"]}
    if "fields" in node:
        return {name: plain(value) for name, value in node["fields"].items()}
    if node["type"] == "float" and isinstance(node["value"], str):
        return float(node["value"])
    return node["value"]
