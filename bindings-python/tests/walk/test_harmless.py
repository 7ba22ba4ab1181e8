"""A capture leaves no trace: no code of the program runs, nothing is counted, allocated, kept or changed."""

from __future__ import annotations

import gc
import random
import sys
import weakref
from pathlib import Path
from typing import Any

import pytest
from walking import Snapshot, caught

from stillframe import _native


class Trap:
    """Everything that a careless reader could call."""

    sprung: list[str] = []


def spring(name: str) -> Any:
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        Trap.sprung.append(name)
        if name != "__del__":
            raise AssertionError(name)

    return method


NAMES = [
    "__repr__", "__str__", "__len__", "__iter__", "__next__", "__hash__", "__eq__", "__ne__", "__lt__", "__bool__", "__contains__",
    "__getattr__", "__getitem__", "__call__", "__int__", "__index__", "__float__", "__bytes__", "__format__", "__dir__", "__sizeof__",
    "__reduce__", "__enter__", "__fspath__", "__del__", "__await__", "__aiter__", "__buffer__", "__copy__", "__length_hint__",
    "keys", "values", "items", "get",
]  # fmt: skip


class TrapMeta(type):
    for _name in ("__instancecheck__", "__subclasscheck__", "__eq__", "__hash__", "__repr__", "__getattribute__", "__len__", "__iter__"):
        locals()[_name] = spring(f"meta {_name}")


def trapped(*bases: type) -> type:
    names = {name: spring(name) for name in NAMES}
    names["prop"] = property(spring("property"))
    return type("Trapped", bases, names)


def trapped_values() -> list[Any]:
    values: list[Any] = []
    for base in (object, list, dict, tuple, set, frozenset, str, int, float, bytes, bytearray, Exception):
        kind = trapped(base)
        value = kind.__new__(kind)
        if base not in (tuple, str, int, float, bytes, frozenset):
            object.__setattr__(value, "own", 1)
        values.append(value)
    with_class = type("Lying", (trapped(object),), {"__class__": property(spring("__class__"))})
    values.append(object.__new__(with_class))
    meta = type.__new__(TrapMeta, "Meta", (), {"x": 1})
    values.append(object.__new__(meta))
    values.append(meta)
    slotted = type("Slotted", (), {"__slots__": ("a", "b"), "__repr__": spring("slots repr")})()
    slotted.a = 1
    values.append(slotted)
    return values


def hold(values: list[Any]) -> BaseException:
    def fail() -> None:
        held = values
        raise ValueError(len(held))

    return caught(fail)


def test_no_trap_is_sprung(fallback: bool) -> None:
    values = trapped_values()
    error = hold(values)
    Trap.sprung.clear()
    _native._capture_tape(error, fallback=fallback, depth=8)
    assert Trap.sprung == []
    # The traps work.
    with pytest.raises(AssertionError):
        repr(values[0])


def test_keys_with_code_are_not_compared(fallback: bool) -> None:
    class Key:
        armed = False

        def __hash__(self) -> int:
            assert not Key.armed
            return hash("__name__")

        def __eq__(self, other: object) -> bool:
            assert not Key.armed
            return self is other

    def fail() -> None:
        table = {Key(): 1, "b": 2, Key(): 3}
        names = {Key()}
        raise ValueError(len(table), len(names))

    error = caught(fail)
    Key.armed = True
    try:
        found = Snapshot(error, fallback=fallback)
    finally:
        Key.armed = False
    assert len(found.locals()["table"]["entries"]) == 3


class Plain:
    def __init__(self, index: int) -> None:
        self.index = index
        self.name = f"name {index}"


def everyday() -> BaseException:
    def fail(argument: Any) -> None:
        items = [Plain(index) for index in range(20)]
        table = {item.name: item for item in items}
        texts = ["caf\u00e9" * 3, "\u20ac" * 5, "plain", 2**70, 1.5, b"bytes", {1, 2}, (1, 2)]
        raise KeyError("x", len(items), len(table), len(texts))

    return caught(lambda: fail([1, {"a": Plain(0)}]))


def test_no_reference_count_changes(fallback: bool) -> None:
    error = everyday()
    entry = error.__traceback__.tb_next.tb_next  # type: ignore[union-attr]
    assert entry is not None
    found: list[Any] = list(entry.tb_frame.f_locals.values())
    for value in list(found):
        found.extend(gc.get_referents(value))
    # Singletons and small numbers are everybody's.
    found = [item for item in found if sys.getrefcount(item) < 20]
    assert len(found) > 30
    before = [0] * len(found)
    after = [0] * len(found)
    capture = _native._capture_tape
    gc.collect()
    gc.disable()
    capture(error, fallback=fallback)
    for index in range(len(found)):
        before[index] = sys.getrefcount(found[index])
    capture(error, fallback=fallback)
    for index in range(len(found)):
        after[index] = sys.getrefcount(found[index])
    gc.enable()
    assert [(found[index], count, after[index]) for index, count in enumerate(before) if count != after[index]] == []


def test_nothing_is_kept_alive(fallback: bool) -> None:
    class Thing:
        pass

    thing: Any = Thing()
    reference = weakref.ref(thing)
    holder = [thing]
    error: Any = hold(holder)
    _native._capture_tape(error, fallback=fallback)
    del error, thing
    holder.clear()
    gc.collect()
    assert reference() is None


def test_classes_are_not_kept_alive() -> None:
    kind: Any = type("Short", (), {"__init__": lambda self: setattr(self, "x", 1)})
    reference = weakref.ref(kind)
    holder = [kind()]
    error: Any = hold(holder)
    _native._capture_tape(error)
    del error, kind
    holder.clear()
    gc.collect()
    assert reference() is None


def test_no_memory_of_the_program_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond what the caller gets: a snapshot object per capture, freed here at once."""
    monkeypatch.setenv("STILLFRAME_DIR", str(tmp_path))
    _native.start({}, "a test")
    try:
        error = everyday()
        for _ in range(3):
            assert _native.capture(error, None, False, True, "test", None) is not None
        gc.collect()
        gc.disable()
        before = sys.getallocatedblocks()
        for _ in range(50):
            _native.capture(error, None, False, True, "test", None)
        after = sys.getallocatedblocks()
    finally:
        gc.enable()
        _native.stop()
    assert abs(after - before) < 10


@pytest.mark.since(3, 11)
def test_no_dict_is_made_for_an_instance() -> None:
    value = Plain(1)
    values = [value]
    error = hold(values)
    referents = [type(item) for item in gc.get_referents(value)]
    _native._capture_tape(error)
    assert [type(item) for item in gc.get_referents(value)] == referents
    assert dict not in referents


def test_no_utf8_is_cached_in_a_string() -> None:
    text = "".join(chr(code) for code in range(0xE0, 0xF0)) * 2
    size = sys.getsizeof(text)
    error = hold([text, {text: 1}])
    _native._capture_tape(error)
    assert sys.getsizeof(text) == size


def test_an_error_that_is_set_stays() -> None:
    try:
        raise ValueError("handled")
    except ValueError as handled:
        _native._capture_tape(everyday())
        assert sys.exc_info()[1] is handled


def test_reused_addresses_of_classes() -> None:
    """A plan of a freed class must not serve the next class at its address."""
    for round_ in range(100):
        names = [f"field{round_}_{index}" for index in range(1 + round_ % 7)]
        slots = round_ % 3 == 0
        namespace: dict[str, Any] = {"__slots__": names} if slots else {}
        kind = type(f"Kind{round_}", (), namespace)
        value = kind()
        for index, name in enumerate(names):
            setattr(value, name, index)
        error = hold([value])
        found = Snapshot(error).locals()["held"]["elements"][0]
        assert found["type"].endswith(f"Kind{round_}")
        assert {name: node["value"] for name, node in found["fields"].items()} == {name: index for index, name in enumerate(names)}
        del kind, value, error


def test_reused_addresses_of_code_objects() -> None:
    for round_ in range(100):
        source = f"def f(a{round_}):\n    b{round_} = a{round_} * 2\n    raise ValueError\n"
        namespace: dict[str, Any] = {}
        exec(source, namespace)
        function = namespace.pop("f")
        error = caught(lambda function=function: function(round_))
        found = Snapshot(error)
        assert found.arguments() == {f"a{round_}": {"type": "int", "value": round_}}
        assert found.locals() == {f"b{round_}": {"type": "int", "value": round_ * 2}}
        del namespace, function, error


def test_classes_that_change_between_captures() -> None:
    class Changing:
        pass

    value = Changing()
    value.first = 1  # type: ignore[attr-defined]
    error = hold([value])
    for round_ in range(40):
        setattr(value, f"more{round_}", round_)
        setattr(Changing, f"method{round_}", lambda self: None)
        found = Snapshot(error, fields=100).locals()["held"]["elements"][0]
        assert len(found["fields"]) == 2 + round_
    Changing.__qualname__ = "Renamed"
    Changing.__module__ = "elsewhere"
    assert Snapshot(error).locals()["held"]["elements"][0]["type"] == "elsewhere.Renamed"


def test_cost_does_not_grow_with_the_data() -> None:
    """Counted in what is written, not in time: huge values make tapes of the same size."""
    sizes = set()
    for scale in (1_000, 100_000, 1_000_000):
        values = [
            list(range(scale)),
            "x" * scale,
            b"x" * scale,
            dict.fromkeys(range(scale)),
            set(range(scale)),
            1 << scale,
            bytearray(scale),
        ]
        sizes.add(len(_native._capture_tape(hold(values))) // 64)
    assert len(sizes) <= 2


@pytest.mark.parametrize("seed", range(20))
def test_limits_of_any_size(seed: int, fallback: bool) -> None:
    source = random.Random(seed)
    limits = {
        "exceptions": source.randrange(1, 5),
        "frames": source.randrange(1, 5),
        "depth": source.randrange(6),
        "fields": source.randrange(6),
        "items": source.randrange(6),
        "string": source.randrange(20),
        "values": source.randrange(16, 200),
        "tape_bytes": source.randrange(4096, 8192),
    }
    assert Snapshot(everyday(), fallback=fallback, **limits).exceptions
