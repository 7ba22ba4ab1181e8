"""Types with a meaning of their own, read from their storage."""

from __future__ import annotations

import array
import asyncio
import collections
import dataclasses
import datetime
import decimal
import fractions
import functools
import io
import ipaddress
import math
import mmap
import pathlib
import re
import threading
import types
import uuid
import weakref
import zoneinfo
from typing import Any

import pytest
from walking import Snapshot, caught, plain, shown

D = decimal.Decimal


@pytest.mark.parametrize(
    "value",
    [
        datetime.datetime(2026, 11, 20, 13, 5, 59, 123456),
        datetime.datetime(1, 1, 1),
        datetime.datetime(9999, 12, 31, 23, 59, 59, 999999),
        datetime.datetime(2026, 11, 20, 13, 5, tzinfo=datetime.timezone.utc),
        datetime.datetime(2026, 11, 20, 13, 5, tzinfo=datetime.timezone(datetime.timedelta(hours=-5, minutes=-30))),
        datetime.date(2024, 2, 29),
        datetime.time(1, 2, 3, 4),
        datetime.time(1, 2, tzinfo=datetime.timezone.utc),
    ],
    ids=str,
)
def test_dates_and_times(value: Any) -> None:
    node = shown(value)
    assert node["type"] == f"datetime.{type(value).__name__}"
    parsed = type(value).fromisoformat(node["value"].replace("Z", "+00:00"))
    assert parsed == value


class OwnZone(datetime.tzinfo):
    pass


def test_zones_that_would_have_to_compute() -> None:
    """A time without its zone would be another time."""
    when = datetime.datetime(2026, 11, 20, 13, 5, 59, 1500, tzinfo=zoneinfo.ZoneInfo("UTC"))
    for value, text in [
        (when, "2026-11-20T13:05:59.001500[UTC]"),
        (when.replace(microsecond=0, tzinfo=OwnZone()), "2026-11-20T13:05:59[test_known.OwnZone]"),
        (when.timetz(), "13:05:59.001500[UTC]"),
    ]:
        node = shown(value)
        assert node["type"] == f"datetime.{type(value).__name__}"
        assert node["value"] == text
        assert node["rendered"] is True


@pytest.mark.parametrize(
    "text",
    ["0", "1", "-1", "19.90", "1E+5", "-1E-7", "0.000001", "1234567890123456789012345678901234567890.5", "Infinity", "-Infinity", "NaN",
     "sNaN", "-0", "0E+3", "9" * 200, "1E-300", "123456789012345678901E+2"],
)  # fmt: skip
def test_decimals(text: str) -> None:
    node = shown(D(text))
    assert node["value"] == str(D(text))
    assert node["type"] == "decimal.Decimal"


def test_huge_decimals_are_cut() -> None:
    node = shown(D("7" * 100_000))
    assert len(node["value"]) < 1100
    assert node["value"].startswith("7777")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (fractions.Fraction(1, 3), "1/3"),
        (fractions.Fraction(-4), "-4"),
        (uuid.UUID("12345678-1234-5678-1234-567812345678"), "12345678-1234-5678-1234-567812345678"),
        (uuid.UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        (ipaddress.ip_address("10.0.0.1"), "10.0.0.1"),
        (ipaddress.ip_address("2001:db8::1"), "2001:db8::1"),
        (re.compile("a+(b)"), "a+(b)"),
        (range(10), "range(0, 10)"),
        (range(0, -10, -2), "range(0, -10, -2)"),
        (3 + 4j, "(3+4j)"),
        (-0.5j, "(-0-0.5j)"),
        (1j, "1j"),
        (..., "Ellipsis"),
        (int, "int"),
        (collections.OrderedDict, "collections.OrderedDict"),
        (math.sin, "math.sin"),
        (len, "len"),
        (math, "math"),
        (caught, "walking.caught"),
        (datetime.timezone.utc, "UTC"),
        (datetime.timezone(datetime.timedelta(hours=2)), "UTC+02:00"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_values_with_a_text(value: Any, text: str) -> None:
    node = shown(value)
    assert node["value"] == text
    assert node.get("rendered") is True


@pytest.mark.parametrize("text", ["/a/b/c.txt", "a/b", ".", "/", "a//b/./c", "../x", "caf\u00e9/\u20ac"])
def test_paths(text: str) -> None:
    path = pathlib.PurePosixPath(text)
    fresh = shown(path)["value"]
    rendered = str(path)
    assert shown(path)["value"] == rendered
    assert fresh == rendered or "//" in text or "./" in text
    assert shown(pathlib.PurePosixPath("a") / "b" / "c")["value"] == "a/b/c"
    assert shown(pathlib.PurePosixPath("a") / "/b")["value"] == "/b"


class Account:
    def method(self) -> None:
        pass


def test_methods() -> None:
    assert shown(Account().method)["value"] == "test_known.Account.method"
    assert shown([].append)["value"] == "list.append"


@pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 200])
def test_deques(count: int) -> None:
    value = collections.deque(range(count))
    assert plain(shown(value, items=1000)) == list(value)
    value.rotate(count // 2)
    value.appendleft(-1)
    assert plain(shown(value, items=1000)) == list(value)
    if count:
        value.pop()
        assert plain(shown(value, items=1000)) == list(value)


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
def test_arrays(code: str) -> None:
    value = array.array(code, [1, 2, 100])
    node = shown(value)
    assert plain(node) == [1, 2, 100]
    assert node["type"] == "array.array"


@pytest.mark.filterwarnings("ignore:The 'u' type code:DeprecationWarning")
def test_arrays_of_characters() -> None:
    assert plain(shown(array.array("u", "ab\u20ac"))) == ["a", "b", "\u20ac"]


def test_binary_data() -> None:
    assert shown(bytearray(b"abc"))["value"] == "abc"
    assert shown(bytearray(b"abc"))["type"] == "bytearray"
    node = shown(memoryview(b"abc"))
    assert plain(node["fields"]["nbytes"]) == 3
    assert node["fields"]["data"]["value"] == "abc"
    view = memoryview(bytearray(b"abc"))
    view.release()
    assert plain(shown(view)["fields"]["state"]) == "released"


def test_mapped_files_are_not_read(tmp_path: pathlib.Path) -> None:
    """Reading a mapped file that was cut ends the process."""
    path = tmp_path / "mapped"
    path.write_bytes(b"x" * 10_000)
    with open(path, "r+b") as file:
        mapped = mmap.mmap(file.fileno(), 0)
        view = memoryview(mapped)
        path.write_bytes(b"")
        node = shown([mapped, view])
        assert node["elements"][1]["fields"]["data"]["notCapturedReason"] == "unreadable"
        view.release()
        mapped.close()


def test_views_of_dicts() -> None:
    value = {"a": 1, "password": "hunter2hunter2"}
    assert plain(shown(value.keys())) == ["a", "password"]
    assert plain(shown(value.values())) == [1, ...]
    assert "hunter2hunter2" not in str(shown([value.items(), types.MappingProxyType(value)]))
    assert plain(shown(types.MappingProxyType({"a": 1}))) == {"a": 1}


def test_weak_references() -> None:
    account = Account()
    reference = weakref.ref(account)
    assert shown(reference)["value"] == "to test_known.Account"
    del account
    assert shown(reference)["value"] == "dead"


@dataclasses.dataclass
class Order:
    number: int
    lines: list[str] = dataclasses.field(default_factory=list)


def test_plain_classes_of_the_standard_library() -> None:
    assert plain(shown(Order(1, ["a"]))) == {"number": 1, "lines": ["a"]}
    assert plain(shown(types.SimpleNamespace(a=1))) == {"a": 1}
    assert plain(shown(slice(1, None, 2))) == {"start": 1, "stop": None, "step": 2}
    partial = shown(functools.partial(caught, 1, key=2))["fields"]
    assert plain(partial["args"]) == (1,)
    assert plain(partial["keywords"]) == {"key": 2}
    assert shown(threading.Lock())["type"].endswith("lock")
    assert shown(object())["type"] == "object"


def test_generators() -> None:
    def numbers(limit: int) -> Any:
        total = 1
        yield total
        yield limit

    generator = numbers(7)
    node = shown(generator)["fields"]
    assert plain(node["state"]) == "created"
    next(generator)
    node = shown(generator)["fields"]
    assert plain(node["state"]) == "suspended"
    assert plain(node["locals"]) == {"limit": 7, "total": 1}
    assert plain(node["at"]).startswith(__file__)
    line = numbers.__code__.co_firstlineno + 2
    assert plain(node["at"]).endswith(f":{line}")
    assert plain(node["function"]).endswith("numbers")
    list(generator)
    assert plain(shown(generator)["fields"]["state"]) == "closed"


def test_coroutines_and_what_they_wait_for() -> None:
    async def inner() -> None:
        mark = "inner"
        await asyncio.sleep(60)
        print(mark)

    async def outer() -> None:
        await inner()

    async def main() -> Any:
        task = asyncio.get_running_loop().create_task(outer(), name="the task")
        done = asyncio.get_running_loop().create_future()
        done.set_result([1])
        failed = asyncio.get_running_loop().create_future()
        failed.set_exception(KeyError("k"))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        node = shown([task, done, failed], depth=10)
        failed.exception()
        task.cancel()
        return node["elements"]

    task, done, failed = asyncio.run(main())
    assert plain(task["fields"]["state"]) == "pending"
    assert plain(task["fields"]["name"]) == "the task"
    coroutine = task["fields"]["coroutine"]["fields"]
    assert plain(coroutine["state"]) == "suspended"
    awaited = coroutine["awaiting"]["fields"]
    assert plain(awaited["function"]).endswith("inner")
    assert plain(awaited["locals"])["mark"] == "inner"
    assert plain(done["fields"]["result"]) == [1]
    assert plain(failed["fields"]["state"]) == "finished"
    assert failed["fields"]["exception"]["type"] == "KeyError"


def test_numpy() -> None:
    import numpy

    for dtype in ("bool", "int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "float16", "float32", "float64"):
        value = numpy.array([[0, 1, 1], [1, 0, 1]], dtype=dtype)
        node = shown(value)["fields"]
        assert plain(node["dtype"]) == dtype
        assert plain(node["shape"]) == "(2, 3)"
        assert plain(node["items"]) == [0, 1, 1, 1, 0, 1]
        assert plain(shown(value[:, ::-1].T)["fields"]["items"]) == value[:, ::-1].T.ravel().tolist()
        scalar = shown(value.dtype.type(1))
        assert scalar["value"] == 1
    assert plain(shown(numpy.array([1, 2], dtype=">i4"))["fields"]["items"]) == [1, 2]
    assert plain(shown(numpy.array(["ab", "\u20ac"]))["fields"]["items"]) == ["ab", "\u20ac"]
    assert plain(shown(numpy.array([b"ab", b"c"]))["fields"]["items"]) == ["ab", "c"]
    assert plain(shown(numpy.array([None, "x", [1]], dtype=object))["fields"]["items"]) == [None, "x", [1]]
    assert plain(shown(numpy.array(5.5))["fields"]["items"]) == [5.5]
    times = numpy.array(["2026-11-20T01:02:03", "NaT"], dtype="datetime64[ms]")
    items = plain(shown(times)["fields"]["items"])
    assert items[0].startswith("2026-11-20T01:02:03")
    assert items[1] == "NaT"
    assert shown(numpy.datetime64("2026-11-20", "D"))["value"].startswith("2026-11-20")
    node = shown(numpy.zeros((1000, 1000)))
    assert node["fields"]["items"]["size"] == 1_000_000
    assert len(node["fields"]["items"]["elements"]) == 64


def test_numpy_maps_of_files_are_not_read(tmp_path: pathlib.Path) -> None:
    import numpy

    mapped = numpy.memmap(tmp_path / "m", dtype="int8", mode="w+", shape=(10_000,))
    (tmp_path / "m").write_bytes(b"")
    for value in (mapped, mapped[5:], mapped.view(numpy.ndarray)):
        assert shown(value)["fields"]["items"]["notCapturedReason"] == "unreadable"


def test_pandas() -> None:
    import pandas

    frame = pandas.DataFrame(
        {
            "number": [1, 2, 3],
            "real": [1.5, None, 2.5],
            "text": ["a", None, "c"],
            "when": pandas.to_datetime(["2026-11-20", None, "2026-11-22"]),
            "password": ["hunter2", "x", "y"],
            "other": [4, 5, 6],
            "maybe": pandas.array([1, None, 3], dtype="Int64"),
        }
    )
    node = shown(frame, depth=6)
    assert "hunter2" not in str(node)
    assert plain(node["fields"]["shape"]) == "(3, 7)"
    columns = {plain(key): value for key, value in node["fields"]["columns"]["entries"]}
    assert plain(columns["number"]) == [1, 2, 3]
    assert plain(columns["other"]) == [4, 5, 6]
    assert plain(columns["real"])[::2] == [1.5, 2.5]
    assert plain(columns["maybe"]) == [1, None, 3]
    assert plain(columns["when"])[0].startswith("2026-11-20")
    assert columns["password"]["notCapturedReason"] == "redactedIdent"
    series = shown(pandas.Series([1, 2], name="s"), depth=6)["fields"]
    assert plain(series["items"]) == [1, 2]
    assert plain(series["name"]) == "s"


def test_pandas_values_that_are_kept_in_another_way() -> None:
    """None is shown by codes, by the few items that differ, or by another zone's time."""
    import pandas

    when = pandas.to_datetime(["2026-11-20T12:00"]).tz_localize("UTC").tz_convert("Europe/Berlin")
    frame = pandas.DataFrame(
        {
            "sparse": pandas.arrays.SparseArray([1]),
            "month": pandas.period_range("2026-11", periods=1, freq="M"),
            "group": pandas.Categorical(["a"]),
            "when": when,
        }
    )
    columns = {plain(key): value for key, value in shown(frame, depth=6)["fields"]["columns"]["entries"]}
    for name in ("sparse", "month", "group"):
        assert columns[name]["notCapturedReason"] == "unreadable"
        assert shown(frame[name])["notCapturedReason"] == "unreadable"
    assert columns["when"]["type"].endswith(", in UTC]")
    assert plain(columns["when"])[0].startswith("2026-11-20T12:00")
    assert plain(shown(frame["when"], depth=6)["fields"]["dtype"]).endswith(", in UTC")
    assert plain(shown(when, depth=6)["fields"]["dtype"]).endswith(", in UTC")
    assert shown(pandas.NaT)["value"] == "NaT"
    levels = pandas.DataFrame([[1, 2]], columns=pandas.MultiIndex.from_tuples([("a", "b"), ("c", "d")]))
    node = shown(levels, depth=6)["fields"]
    assert plain(node["shape"]) == "(1, ?)"
    assert node["columns"]["notCapturedReason"] == "unreadable"


def test_attrs_and_pydantic() -> None:
    import attrs

    @attrs.define
    class Shelf:
        books: int
        api_key: str

    node = shown(Shelf(3, "attrs-secret"))
    assert plain(node["fields"]["books"]) == 3
    assert "attrs-secret" not in str(node)
    import pydantic

    class Member(pydantic.BaseModel):  # type: ignore[misc, name-defined]
        name: str
        token: pydantic.SecretStr

    node = shown(Member(name="ann", token="pydantic-secret"))
    assert plain(node["fields"]["name"]) == "ann"
    assert "pydantic-secret" not in str(node)
    assert "pydantic-secret" not in str(shown([pydantic.SecretStr("pydantic-secret")], depth=8))


def test_sqlalchemy() -> None:
    import sqlalchemy
    from sqlalchemy import orm

    base = orm.declarative_base()

    class Item(base):  # type: ignore[misc, valid-type]
        __tablename__ = "item"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        name = sqlalchemy.Column(sqlalchemy.String)

    engine = sqlalchemy.create_engine("sqlite://")
    base.metadata.create_all(engine)
    statements: list[Any] = []
    with orm.Session(engine) as session:
        session.add(Item(id=1, name="tea"))
        session.commit()
        item = session.get(Item, 1)
        session.expire(item, ["name"])
        sqlalchemy.event.listen(engine, "before_cursor_execute", lambda *event: statements.append(event))
        node = shown(item)
        assert plain(node) == {"id": 1, "name": "expired"}
        assert node["fields"]["name"]["rendered"] is True
        assert statements == []
        assert item.name == "tea"
        assert plain(shown(item)) == {"id": 1, "name": "tea"}
    engine.dispose()


def test_sqlalchemy_objects_that_hold_nothing() -> None:
    """After a rollback or a commit an object has no values until somebody asks for one, which runs a query."""
    import sqlalchemy
    from sqlalchemy import orm

    base = orm.declarative_base()

    class Line(base):  # type: ignore[misc, valid-type]
        __tablename__ = "line"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        order_id = sqlalchemy.Column(sqlalchemy.ForeignKey("order.id"))

    class Order(base):  # type: ignore[misc, valid-type]
        __tablename__ = "order"
        id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
        total = sqlalchemy.Column(sqlalchemy.Integer)
        note = orm.deferred(sqlalchemy.Column(sqlalchemy.String))
        lines = orm.relationship(Line)
        sum = orm.synonym("total")

    engine = sqlalchemy.create_engine("sqlite://")
    base.metadata.create_all(engine)
    statements: list[Any] = []
    with orm.Session(engine) as session:
        order = Order(id=1, total=3)
        assert plain(shown(order)) == {"id": 1, "total": 3, "note": "not loaded", "lines": "not loaded"}
        session.add(order)
        session.commit()
        sqlalchemy.event.listen(engine, "before_cursor_execute", lambda *event: statements.append(event))
        for fallback in (False, True):
            fields = plain(shown(order, fallback=fallback))
            assert fields.keys() == {"id", "total", "note", "lines"}
            assert (fields["id"], fields["total"]) == ("expired", "expired")
        assert statements == []
        session.expunge_all()
        order = session.get(Order, 1)
        del statements[:]
        assert plain(shown(order)) == {"id": 1, "total": 3, "note": "not loaded", "lines": "not loaded"}
        session.rollback()
        assert plain(shown(order))["total"] == "expired"
        assert statements == []
    engine.dispose()


@pytest.mark.since(3, 15)
def test_frozen_dicts() -> None:
    assert plain(shown(frozendict({"a": 1}))) == {"a": 1}  # type: ignore[name-defined]  # noqa: F821


def test_the_known_do_not_trouble_the_fallback() -> None:
    values = [
        D(1), uuid.uuid4(), pathlib.Path("a"), datetime.datetime(2026, 1, 1), collections.deque([1]), array.array("i", [1]), range(3),
        memoryview(b"x"), bytearray(b"x"), (x for x in ()), re.compile("x"), threading.Lock(), types.SimpleNamespace(a=1), 1j, int, len,
        caught, math, {}.keys(), weakref.ref(Account),
    ]  # fmt: skip
    node = shown(values, fallback=True)
    assert len(node["elements"]) == len(values)
    assert not [item for item in node["elements"] if "failed" in str(item)]
    assert Snapshot(caught(lambda: 1 / 0), fallback=True).exceptions


def test_files(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "text.txt"
    with open(path, "w") as text, open(path, "rb") as data, open(path, "rb", buffering=0) as raw:
        assert plain(shown(text)["fields"]["name"]) == str(path)
        assert plain(shown(text)["fields"]["mode"]) == "w"
        for file in (text, data, raw):
            assert plain(shown(file)["fields"]["state"]) == "open"
            assert plain(shown(file)["fields"]["name"]) == str(path)
    for file in (text, data, raw):
        assert plain(shown(file)["fields"]["state"]) == "closed"
    assert shown(io.StringIO("x"))["type"] == "_io.StringIO"
