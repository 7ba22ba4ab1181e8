"""Frames: which are shown, where they are, and all of their variables."""

from __future__ import annotations

import asyncio
import inspect
import sys
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from walking import Snapshot, caught, plain


def test_arguments_come_apart_and_in_order(fallback: bool) -> None:
    class Shop:
        def sell(self, item: str, /, count: int = 2, *rest: int, price: float = 1.5, **more: int) -> None:
            total = count * price
            raise ValueError(total)

    found = Snapshot(caught(lambda: Shop().sell("tea", 3, 4, 5, price=2.5, extra=1)), fallback=fallback)
    assert set(found.arguments()) == {"self", "item", "count", "rest", "price", "more"}
    assert next(iter(found.arguments())) == "self"
    assert plain(found.arguments()["rest"]) in ((4, 5), [4, 5])
    assert plain(found.arguments()["more"]) == {"extra": 1}
    assert {name: plain(node) for name, node in found.locals().items()} == {"total": 7.5}


def test_cells_and_free_variables(fallback: bool) -> None:
    outer = "outer"

    def fail(captured: int, plain_argument: int) -> None:
        inside = [captured]

        def use() -> Any:
            return captured, inside, outer

        raise ValueError(use, plain_argument)

    found = Snapshot(caught(lambda: fail(1, 2)), fallback=fallback)
    assert plain(found.arguments()["captured"]) == 1
    assert plain(found.arguments()["plain_argument"]) == 2
    assert plain(found.locals()["inside"]) == [1]
    assert plain(found.locals()["outer"]) == "outer"


def test_unbound_variables_are_told(fallback: bool) -> None:
    def fail(gone: int) -> None:
        del gone
        if not fallback_flag:
            later = 1
            print(later)
        raise ValueError

    fallback_flag = True
    found = Snapshot(caught(lambda: fail(1)), fallback=fallback)
    assert found.arguments()["gone"]["notCapturedReason"] == "unbound"
    assert found.locals()["later"]["notCapturedReason"] == "unbound"


def test_comprehensions_and_lambdas(fallback: bool) -> None:
    def fail() -> Any:
        factor = 0
        return [(lambda x: 1 // (x * factor))(item) for item in [7]]

    found = Snapshot(caught(fail), fallback=fallback)
    assert found.raising["function"].endswith("<lambda>")
    assert plain(found.arguments()["x"]) == 7
    assert plain(found.locals()["factor"]) == 0
    values = {}
    for frame in found.frames:
        values.update(frame.get("locals", {}))
    if sys.version_info >= (3, 12):  # a variable of this function, which the interpreter takes back before the error leaves
        assert values["item"]["notCapturedReason"] == "unbound"
    else:
        assert plain(values["item"]) == 7


def test_generators(fallback: bool) -> None:
    def numbers(limit: int) -> Iterator[int]:
        for number in range(limit):
            yield 10 // (1 - number)

    def fail() -> None:
        list(numbers(3))

    found = Snapshot(caught(fail), fallback=fallback)
    assert plain(found.raising["arguments"]["limit"]) == 3
    assert plain(found.locals()["number"]) == 1


def test_coroutines(fallback: bool) -> None:
    async def inner(value: int) -> None:
        await asyncio.sleep(0)
        raise ValueError(value)

    async def outer() -> None:
        mark = "outer"
        await inner(5)
        print(mark)

    found = Snapshot(caught(lambda: asyncio.run(outer())), fallback=fallback)
    assert plain(found.function("inner")["arguments"]["value"]) == 5
    assert plain(found.function("outer")["locals"]["mark"]) == "outer"


def test_a_module_shows_its_data_before_its_definitions(fallback: bool) -> None:
    source = "import sys\ndef helper(): pass\nclass Thing: pass\nrate = 0\nitems = [1]\n1 / rate\n"
    namespace: dict[str, Any] = {"__name__": "some.module"}
    code = compile(source, "module.py", "exec")
    found = Snapshot(caught(lambda: exec(code, namespace)), fallback=fallback)
    assert found.raising["module"] == "some.module"
    assert found.raising["line"] == 6
    names = list(found.locals())
    assert names[:2] == ["rate", "items"]
    assert set(names) == {"rate", "items", "sys", "helper", "Thing"}
    assert "omitted" not in found.raising


def test_the_body_of_a_class(fallback: bool) -> None:
    def fail() -> None:
        class Broken:
            size = 3
            rate = 1 // (size - 3)

    found = Snapshot(caught(fail), fallback=fallback)
    assert plain(found.locals()["size"]) == 3


class Namespace(dict):  # type: ignore[type-arg]
    touched = 0

    def __getitem__(self, key: str) -> Any:
        if key not in ("__name__", "boom", "ValueError"):
            Namespace.touched += 1
        return super().__getitem__(key)


class Odd:
    """A mapping that is no dict."""

    calls: list[str] = []

    def __getitem__(self, key: str) -> Any:
        if key == "armed":
            Odd.calls.append(key)
        raise KeyError(key)

    def __setitem__(self, key: str, value: Any) -> None:
        pass

    def keys(self) -> list[str]:
        Odd.calls.append("keys")
        return []

    def __len__(self) -> int:
        Odd.calls.append("len")
        return 0

    def __iter__(self) -> Iterator[str]:
        Odd.calls.append("iter")
        return iter(())


def test_the_namespace_of_a_class_may_be_anything(fallback: bool) -> None:
    class Meta(type):
        @classmethod
        def __prepare__(cls, name: str, bases: Any, **options: Any) -> Any:
            return Odd()

    def fail() -> None:
        class Broken(metaclass=Meta):
            size = 1 // 0

    Odd.calls.clear()
    error = caught(fail)
    Odd.calls.clear()
    found = Snapshot(error, fallback=fallback)
    assert Odd.calls == []
    assert found.raising["function"].endswith("Broken")
    assert found.raising["omitted"][0]["notCapturedReason"] == "unreadable"


def test_deep_recursion_is_bounded(fallback: bool) -> None:
    def fall(depth: int) -> int:
        return fall(depth + 1)

    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        error = caught(lambda: fall(0))
    finally:
        sys.setrecursionlimit(limit)
    assert isinstance(error, RecursionError)
    found = Snapshot(error, fallback=fallback)
    with_variables = [frame for frame in found.frames if frame.get("arguments")]
    assert 16 <= len(with_variables) <= 17
    assert len(found.frames) < 100
    omitted = [gap for gap in found.exceptions[0]["omitted"] if gap["what"] == "frames"]
    depth = len(traceback.extract_tb(error.__traceback__))
    assert omitted[0]["count"] == depth - len(found.frames)
    assert found.frames[-1]["function"].endswith("caught")


def test_a_limit_of_one_frame_is_the_raising_one(fallback: bool) -> None:
    def inner() -> None:
        mark = 1
        raise ValueError(mark)

    found = Snapshot(caught(lambda: inner()), fallback=fallback, frames=1)
    assert plain(found.locals()["mark"]) == 1
    assert sum(bool(frame.get("locals") or frame.get("arguments")) for frame in found.frames) == 1


def test_an_exception_without_frames(fallback: bool) -> None:
    found = Snapshot(ValueError("never raised", {"a": 1}), fallback=fallback)
    assert found.frames == []
    assert plain(found.exceptions[0]["args"][1]) == {"a": 1}


def test_a_traceback_that_is_given(fallback: bool) -> None:
    def fail() -> None:
        mark = 1
        raise ValueError(mark)

    error = caught(fail)
    given = error.__traceback__
    error.__traceback__ = None
    assert Snapshot(error, fallback=fallback).frames == []
    assert given is not None
    found = Snapshot(error, tb=given.tb_next, fallback=fallback)
    assert plain(found.locals()["mark"]) == 1


def test_frames_that_were_cleared(fallback: bool) -> None:
    def fail() -> None:
        mark = [1]
        raise ValueError(mark)

    error = caught(fail)
    traceback.clear_frames(error.__traceback__)
    found = Snapshot(error, fallback=fallback)
    assert found.locals()["mark"]["notCapturedReason"] == "unbound"


LINES = """
def simple(a, b):
    return a / b
def several(a,
            b):
    x = (a +
         a /
         b)
    return x
def nested(a, b):
    y = [
        [a / b for _ in range(1)]
    ]
    return y
def handled(a, b):
    try:
        raise KeyError(a)
    except KeyError:
        return a / b
    finally:
        a = None
def long(a, b): return %s a / b
def unicode(a, b):
    return "\u00e9\u20ac", a / b
""" % ("(a * b) + " * 30)


@pytest.mark.parametrize("name", ["simple", "several", "nested", "handled", "long", "unicode"])
def test_places_are_those_of_the_interpreter(name: str) -> None:
    namespace: dict[str, Any] = {}
    exec(compile(LINES, "lines.py", "exec"), namespace)
    error = caught(lambda: namespace[name](1, 0))
    found = Snapshot(error)
    entries = []
    entry = error.__traceback__
    while entry is not None:
        entries.append(entry)
        entry = entry.tb_next
    entries.reverse()
    frames = [found.frames[index] for index in found.exceptions[0]["frames"]]
    assert len(entries) == len(frames)
    for entry, frame in zip(entries, frames):
        assert frame["line"] == entry.tb_lineno
        if sys.version_info >= (3, 11):
            positions = list(entry.tb_frame.f_code.co_positions())[entry.tb_lasti // 2]
            line, end_line, column, end_column = positions
            assert (frame["line"], frame.get("endLine")) == (line, end_line)
            assert column is not None and end_column is not None
            assert (frame.get("column"), frame.get("endColumn")) == (column + 1, end_column + 1)


def test_variables_equal_those_of_the_interpreter() -> None:
    """Over the frames of errors deep inside the standard library."""
    import json
    import xml.etree.ElementTree
    from urllib.request import Request

    failures = [
        lambda: json.loads('{"a": [1, 2, {"b": }]}'),
        lambda: xml.etree.ElementTree.fromstring("<a><b></a>"),
        lambda: Request("no scheme"),
        lambda: inspect.signature(5),  # type: ignore[arg-type]
        lambda: "x".encode("no such codec"),
        lambda: __import__("no.such.module"),
    ]
    compared = 0
    for failure in failures:
        error = caught(failure)
        found = Snapshot(error, frames=100)
        entries = []
        entry = error.__traceback__
        while entry is not None:
            entries.append(entry)
            entry = entry.tb_next
        for entry, frame in zip(reversed(entries), found.frames):
            shown = {**frame.get("arguments", {}), **frame.get("locals", {})}
            for name, value in entry.tb_frame.f_locals.items():
                if type(value) in (int, str, bool, type(None)) and name in shown and "redacted" not in str(shown[name]):
                    node = shown[name]
                    if not node.get("truncated"):
                        assert plain(node) == value, (name, node)
                        compared += 1
    assert compared > 20
