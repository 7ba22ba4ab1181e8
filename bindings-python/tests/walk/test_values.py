"""Values: what is shown is what was there, and what is not shown says why."""

from __future__ import annotations

import collections
import enum
import math
import random
import sys
from typing import Any, Callable

import pytest
from walking import Snapshot, caught, plain, shown

SCALARS = [
    None,
    True,
    False,
    0,
    1,
    -1,
    *(sign * (2**bits + delta) for bits in (7, 8, 15, 29, 30, 31, 32, 59, 60, 62) for delta in (-1, 0, 1) for sign in (1, -1)),
    2**63 - 1,
    -(2**63),
    0.0,
    -0.0,
    1.5,
    -1e300,
    5e-324,
    "",
    "plain",
    "a" * 255,
    "a" * 256,
    "caf\u00e9",
    "\u20ac" * 100,
    "\U0001f600 and \x00 control",
]


@pytest.mark.parametrize("value", SCALARS, ids=lambda value: repr(value)[:30])
def test_scalars_are_exact(value: Any, fallback: bool) -> None:
    node = shown(value, fallback=fallback)
    assert plain(node) == value
    assert node["type"] == type(value).__name__
    if isinstance(value, float):
        assert math.copysign(1, plain(node)) == math.copysign(1, value)


@pytest.mark.parametrize("value", [2**63, 2**64 - 1, 2**64, -(2**63) - 1, 2**100 + 3, 2**127, -(2**127), 2**128 - 1])
def test_integers_are_exact_to_128_bits(value: int) -> None:
    node = shown(value)
    assert int(node["value"]) == value


@pytest.mark.parametrize("bits", [129, 150, 157, 180, 1000, 33_221, 1_000_000])
def test_larger_integers_are_told_by_head_and_size(bits: int) -> None:
    node = shown(2**bits + 1)
    assert node["size"] == bits + 1
    assert node["truncated"] is True
    assert node["value"].startswith("0x8000")


def test_random_integers_of_every_size() -> None:
    source = random.Random(7)
    values = [source.getrandbits(bits) * source.choice((1, -1)) for bits in range(1, 129) for _ in range(3)]
    for start in range(0, len(values), 50):
        part = values[start : start + 50]
        node = shown(part)
        assert [int(item["value"]) for item in node["elements"]] == part


def test_floats_that_are_no_numbers(fallback: bool) -> None:
    values = plain(shown([math.nan, math.inf, -math.inf], fallback=fallback))
    assert math.isnan(values[0])
    assert values[1:] == [math.inf, -math.inf]


@pytest.mark.parametrize("text", ["\ud800\udfff", "[\udc80\ud800\udfff]", "\u20ac\ud83d\ude00"])
def test_surrogates_in_a_row_are_no_pair(text: str, fallback: bool) -> None:
    """They are two characters, whatever they would be in UTF-16."""
    node = shown(text, fallback=fallback)
    assert node["value"] == "".join("\ufffd" if "\ud800" <= character <= "\udfff" else character for character in text)
    assert node["lossy"] is True
    assert "truncated" not in node
    node = shown(text * 100, fallback=fallback, string=10)
    assert (len(node["value"]), node["size"], node["truncated"]) == (10, len(text) * 100, True)


def test_lone_surrogates_are_replaced_and_told(fallback: bool) -> None:
    node = shown("a\ud800b", fallback=fallback)
    assert node["value"] == "a\ufffdb"
    assert node["lossy"] is True


def test_bytes_are_not_text(fallback: bool) -> None:
    node = shown(b"\xff\x00a", fallback=fallback)
    assert node["type"] == "bytes"
    assert "encoding" in node


@pytest.mark.parametrize("text", ["x" * 5000, "\u00e9" * 5000, "\u20ac" * 5000, "\U0001f600" * 5000])
def test_long_text_is_cut_and_its_length_told(text: str, fallback: bool) -> None:
    node = shown(text, string=100, fallback=fallback)
    assert node["value"] == text[:100]
    assert node["size"] == 5000
    assert node["truncated"] is True


COLLECTIONS: list[Any] = [
    [],
    [1, [2, [3]]],
    (),
    (1,),
    (1, ("a", 2.5), None),
    {},
    {"a": 1, "b": {"c": [True]}},
    {1: "x", None: "y", (1, 2): "z", b"k": 1, 2.5: 0},
    set(),
    {1, 2, 3},
    frozenset(["a"]),
]


@pytest.mark.parametrize("value", COLLECTIONS, ids=repr)
def test_collections(value: Any, fallback: bool) -> None:
    node = shown(value, fallback=fallback)
    assert node["type"] == type(value).__name__
    assert node["size"] == len(value)
    if isinstance(value, dict) and None in value:
        assert [plain(key) for key, _ in node["entries"]] == [1, None, (1, 2), "k", 2.5]
    else:
        assert plain(node) == value


def test_a_dict_with_holes(fallback: bool) -> None:
    value = {f"k{index}": index for index in range(40)}
    for index in range(0, 40, 3):
        del value[f"k{index}"]
    value["late"] = -1
    assert plain(shown(value, fallback=fallback)) == value


def test_a_dict_of_a_few_entries_in_a_huge_table(fallback: bool) -> None:
    value = {index: index for index in range(1000)}
    for index in range(995):
        del value[index]
    assert plain(shown(value, fallback=fallback)) == value


def test_a_table_that_is_all_holes_is_given_up_not_searched() -> None:
    value = {index: index for index in range(200_000)}
    for index in range(199_999):
        del value[index]
    node = shown(value)
    assert node["size"] == 1
    assert node["entries"] == []
    assert node["notCapturedReason"] == "unreadable"


def test_a_set_that_is_all_holes_is_given_up_not_searched() -> None:
    value = set(range(200_000))
    for index in range(199_999):
        value.discard(index)
    node = shown(value)
    assert (node["size"], node["elements"]) == (1, [])
    assert node["notCapturedReason"] == "unreadable"


def test_a_set_with_deleted_items(fallback: bool) -> None:
    value = set(range(100))
    for index in range(90):
        value.discard(index)
    assert plain(shown(value, fallback=fallback)) == value


class Text(str):
    pass


class Number(int):
    pass


class Real(float):
    pass


class Octets(bytes):
    pass


class Items(list):
    pass


class Pair(tuple):
    pass


class Table(dict):
    pass


class Bag(set):
    pass


@pytest.mark.parametrize(
    "value",
    [Text("t"), Number(7), Number(2**70), Real(1.5), Octets(b"ab"), Items([1]), Pair((1, 2)), Table(a=1), Bag([1])],
    ids=lambda value: type(value).__name__,
)
def test_subclasses_are_read_through_their_base(value: Any) -> None:
    node = shown(value)
    assert node["type"] == f"test_values.{type(value).__name__}"
    if isinstance(value, Bag):
        assert plain(node) == [1]
    elif isinstance(value, Octets):
        assert node["value"] == "ab"
    elif isinstance(value, Pair):
        assert plain(node) == [1, 2]
    elif isinstance(value, Number):
        assert int(node["value"]) == value
    else:
        assert plain(node) == value


class InSlots(list):
    __slots__ = ("region",)


@pytest.mark.parametrize("made", [lambda: Items([1]), lambda: Table(a=1), lambda: Pair((1,)), lambda: Bag([1]), lambda: InSlots([1])])
def test_attributes_of_collections_are_told_to_be_missing(made: Callable[[], Any], fallback: bool) -> None:
    value = made()
    assert "notCapturedReason" not in shown(value, fallback=fallback)
    value.region = "north"
    node = shown(value, fallback=fallback)
    assert node["notCapturedReason"] == "unreadable"
    assert len(node.get("elements") or node["entries"]) == 1


def test_counters_and_other_dicts(fallback: bool) -> None:
    assert plain(shown(collections.Counter("abca"), fallback=fallback)) == {"a": 2, "b": 1, "c": 1}
    assert plain(shown(collections.OrderedDict(x=1), fallback=fallback)) == {"x": 1}
    assert plain(shown(collections.defaultdict(list, a=[1]), fallback=fallback)) == {"a": [1]}
    assert plain(shown(collections.UserDict(a=1), fallback=fallback)) == {"data": {"a": 1}}
    assert shown(collections.Counter("a"), fallback=fallback)["type"] == "collections.Counter"


Point = collections.namedtuple("Point", "x y")


def test_named_tuples_have_names(fallback: bool) -> None:
    node = shown(Point(1, "two"), fallback=fallback)
    assert plain(node) == {"x": 1, "y": "two"}
    assert node["type"] == "test_values.Point"
    assert plain(shown(sys.version_info[:2], fallback=fallback)) == sys.version_info[:2]
    assert plain(shown(sys.float_info, fallback=fallback))["max_exp"] == 1024


class Plain:
    def __init__(self) -> None:
        self.first = 1
        self.second = "two"


class Child(Plain):
    pass


class Slotted:
    __slots__ = ("__dict__", "left", "right")


class Narrow(Slotted):
    __slots__ = ("extra",)


def test_attributes_of_instances(fallback: bool) -> None:
    assert plain(shown(Plain(), fallback=fallback)) == {"first": 1, "second": "two"}
    grown = Plain()
    grown.third = [3]  # type: ignore[attr-defined]
    assert plain(shown(grown, fallback=fallback)) == {"first": 1, "second": "two", "third": [3]}
    shrunk = Plain()
    del shrunk.first
    assert plain(shown(shrunk, fallback=fallback))["second"] == "two"
    seen = Plain()
    assert seen.__dict__
    seen.__dict__["odd key \u20ac"] = 1
    assert plain(shown(seen, fallback=fallback)) == {"first": 1, "second": "two", "odd key \u20ac": 1}
    replaced = Plain()
    replaced.__dict__ = {"other": 1}
    assert plain(shown(replaced, fallback=fallback)) == {"other": 1}
    assert plain(shown(Child(), fallback=fallback)) == {"first": 1, "second": "two"}
    assert shown(Child(), fallback=fallback)["type"] == "test_values.Child"


def test_many_instances_of_one_class(fallback: bool) -> None:
    values = []
    for index in range(40):
        value = Plain()
        value.first = index
        if index % 3 == 0:
            del value.second
        if index % 5 == 0:
            value.more = index  # type: ignore[attr-defined]
        values.append(value)
    expected = [vars(value).copy() for value in values]
    fresh = []
    for value in expected:
        copy = Plain()
        del copy.first, copy.second
        for name, item in value.items():
            setattr(copy, name, item)
        fresh.append(copy)
    assert plain(shown(fresh, fallback=fallback, fields=100)) == expected


def test_slots_through_the_bases(fallback: bool) -> None:
    value = Narrow()
    value.left = 1
    value.extra = [2]
    value.dynamic = 3
    assert plain(shown(value, fallback=fallback)) == {"left": 1, "extra": [2], "dynamic": 3}


def test_tuples_and_ints_with_a_dict(fallback: bool) -> None:
    value = Pair((1, 2, 3))
    value.more = 1  # type: ignore[attr-defined]
    assert plain(shown(value, fallback=fallback)) == [1, 2, 3]


def test_an_object_seen_twice_is_told_once(fallback: bool) -> None:
    same = [1]

    def fail() -> None:
        first = same
        second = {"again": same}
        raise ValueError(len(first), len(second))

    found = Snapshot(caught(fail), fallback=fallback).locals()
    references = [found["first"], found["second"]["entries"][0][1], found["same"]]
    whole = [node for node in references if "elements" in node]
    assert len(whole) <= 1
    assert sum("ref" in node for node in references) >= 2


def test_cycles_end(fallback: bool) -> None:
    value: list[Any] = [1]
    value.append(value)
    node = shown(value, fallback=fallback)
    assert node["elements"][1] == {"ref": node["id"]}


def test_depth(fallback: bool) -> None:
    value: Any = "leaf"
    for _ in range(6):
        value = [value]
    node = shown(value, fallback=fallback, depth=3)
    for _ in range(3):
        node = node["elements"][0]
    assert node["notCapturedReason"] == "depth"
    assert node["type"] == "list"
    assert node["size"] == 1
    assert plain(shown([], depth=0)) == []


def test_items_and_fields(fallback: bool) -> None:
    node = shown(list(range(1000)), fallback=fallback, items=10)
    assert plain(node) == list(range(10))
    assert (node["size"], node["notCapturedReason"]) == (1000, "collectionSize")
    node = shown({index: index for index in range(1000)}, fallback=fallback, items=10)
    assert (len(node["entries"]), node["size"], node["notCapturedReason"]) == (10, 1000, "collectionSize")
    wide = Plain()
    for index in range(100):
        setattr(wide, f"field{index}", index)
    node = shown(wide, fallback=fallback, fields=10)
    assert len(node["fields"]) == 10
    assert node["notCapturedReason"] == "fieldCount"


def test_the_budget_cuts_the_deepest_first(fallback: bool) -> None:
    def fail() -> None:
        big = [[[column for column in range(50)] for _ in range(50)] for _ in range(50)]
        after = "still here"
        raise ValueError(len(big), after)

    found = Snapshot(caught(fail), fallback=fallback, values=500, depth=10)
    assert plain(found.locals()["after"]) == "still here"
    assert len(found.locals()["big"]["elements"]) == 50
    assert found.data["receipt"]["values"] <= 520


@pytest.mark.parametrize("values", [16, 17, 30, 64, 100, 333])
def test_any_budget_gives_a_tape_that_is_whole(values: int, fallback: bool) -> None:
    data = {f"key{index}": [index, str(index), {"deep": (index,)}, Plain(), Point(1, 2)] for index in range(50)}

    def fail(argument: Any) -> None:
        local = [argument]
        raise KeyError("x", local, argument)

    found = Snapshot(caught(lambda: fail(data)), fallback=fallback, values=values)
    assert found.frames or found.exceptions[0].get("omitted")


@pytest.mark.parametrize("size", [4096, 4200, 5000, 8192])
def test_any_size_gives_a_tape_that_is_whole(size: int, fallback: bool) -> None:
    data = [["text" * 50, b"bytes" * 50, "\u20ac" * 90, 2**100] for _ in range(60)]
    assert shown(data, fallback=fallback, tape_bytes=size)["type"] == "list"


class Colour(enum.Enum):
    RED = 1
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Access(enum.Flag):
    READ = 1
    WRITE = 2


def test_enum_members_have_names(fallback: bool) -> None:
    assert shown(Colour.RED, fallback=fallback)["value"] == "<Colour.RED: 1>"
    assert shown(Colour.BLUE, fallback=fallback)["value"] == "<Colour.BLUE: 'blue'>"
    assert shown(Level.LOW, fallback=fallback)["value"] == "<Level.LOW: 1>"
    assert "3" in shown(Access.READ | Access.WRITE, fallback=fallback)["value"]


def test_names_that_hide(fallback: bool) -> None:
    class Account:
        def __init__(self) -> None:
            self.user = "ann"
            self.password = "hunter2hunter2"
            self.max_tokens = 5

    def fail(api_key: str, *, token: str = "t0ken") -> None:
        account = Account()
        headers = {"authorization": "Bearer x", b"cookie": b"c", "host": "h", "x-api-key": None}
        pairs = [("password", "secret-in-a-pair"), ("host", "h")]
        record = {"name": "api_key", "value": "secret-in-a-record"}
        raise ValueError(account, headers, pairs, record)

    found = Snapshot(caught(lambda: fail("key-in-an-argument")), fallback=fallback)
    text = str(found.data)
    for secret in ("hunter2hunter2", "Bearer", "key-in-an-argument", "t0ken", "secret-in-a-pair", "secret-in-a-record"):
        assert secret not in text
    assert found.arguments()["api_key"]["notCapturedReason"] == "redactedIdent"
    account = found.exceptions[0]["args"][0]["fields"]
    assert account["user"]["value"] == "ann"
    assert account["max_tokens"]["value"] == 5


@pytest.mark.parametrize("error", [ValueError("password", "secret-in-a-pair"), KeyError("token", "secret-in-a-pair")])
def test_arguments_of_an_error_may_be_a_pair(error: Exception, fallback: bool) -> None:
    def fail() -> None:
        raise error

    found = Snapshot(caught(fail), fallback=fallback)
    assert "secret-in-a-pair" not in str(found.data)
    name, value = found.exceptions[0]["args"]
    assert name["value"] == error.args[0]
    assert value["notCapturedReason"] == "redactedIdent"
    assert "items" in str(Snapshot(caught(fail), fallback=fallback, items=1).exceptions[0])


LONG = "x" * 300 + "_password"


def test_long_names_are_judged_whole(fallback: bool) -> None:
    class Account:
        pass

    class Slotted:
        __slots__ = (LONG,)

    scope: dict[str, Any] = {}
    text = f"def fail(account, slotted, pair):\n    {LONG} = 'secret-in-a-variable'\n    raise ValueError\n"
    exec(text, scope)
    account, slotted = Account(), Slotted()
    setattr(account, LONG, "secret-in-a-field")
    setattr(slotted, LONG, "secret-in-a-slot")
    pair = collections.namedtuple("pair", [LONG])("secret-in-an-item")
    found = str(Snapshot(caught(lambda: scope["fail"](account, slotted, pair)), fallback=fallback).data)
    assert "secret-in" not in found
    assert "x" * 200 in found


def random_value(source: random.Random, depth: int) -> Any:
    kind = source.randrange(12 if depth else 7)
    if kind == 0:
        return source.choice([None, True, False])
    if kind == 1:
        return source.randrange(-(2 ** source.randrange(1, 62)), 2 ** source.randrange(1, 62))
    if kind == 2:
        return source.uniform(-1e6, 1e6)
    if kind < 7:
        alphabet = source.choice(["abcdefg", "\u00e9\u00fc", "\u20ac\u4e2d", "\U0001f600"])
        return "".join(source.choice(alphabet) for _ in range(source.randrange(20)))
    size = source.randrange(5)
    if kind < 9:
        return [random_value(source, depth - 1) for _ in range(size)]
    if kind == 9:
        return tuple(random_value(source, depth - 1) for _ in range(size))
    return {f"n{index}": random_value(source, depth - 1) for index in range(size)}


@pytest.mark.parametrize("seed", range(40))
def test_random_graphs(seed: int, fallback: bool) -> None:
    source = random.Random(seed)
    value = [random_value(source, 4) for _ in range(10)]
    assert plain(shown(value, fallback=fallback, depth=10, string=1000)) == value
