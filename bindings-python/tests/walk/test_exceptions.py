"""Exceptions: messages without running the program's code, chains, groups, notes, fields."""

from __future__ import annotations

from typing import Any

import pytest
from walking import Snapshot, caught, plain


class Plain(Exception):
    pass


class Silent(ValueError):
    def __repr__(self) -> str:
        raise AssertionError("code of the program ran")


class Talking(Exception):
    ran = 0

    def __str__(self) -> str:
        Talking.ran += 1
        return "made by code"


def decode_error() -> BaseException:
    return caught(lambda: b"ab\xff".decode("utf-8"))


MESSAGES = [
    ValueError(),
    ValueError("text"),
    ValueError("a", 1),
    ValueError(5),
    ValueError(None),
    ValueError(2**70, -1.5, 1e16, 1e22, 1e-5, 0.1, True, b"b'\"\n\xff", "it's", "both ' and \"", "tab\t\x07 \u00e9 \u200b \ud800"),
    ValueError([1, (2,), {"k": {3}}, set(), frozenset({1}), ()]),
    ValueError(int, Plain),
    Plain("own class"),
    Silent("own class with a repr"),
    Plain(ValueError("inner")),
    KeyError("k"),
    KeyError("k", 2),
    KeyError(),
    KeyError((1, "x")),
    IndexError("list index out of range"),
    OSError(2, "No such file", "name.txt"),
    OSError(2, "No such file", "a", None, "b"),
    OSError(2, "No such file"),
    OSError("only text"),
    OSError(),
    FileNotFoundError(2, "x", b"bytes"),
    ImportError("no module", name="x"),
    ImportError("a", "b"),
    ModuleNotFoundError("No module named 'x'", name="x"),
    SyntaxError("bad", ("dir/file.py", 3, 1, "text")),
    SyntaxError("bad"),
    SyntaxError(),
    UnicodeDecodeError("utf-8", b"ab\xff", 2, 3, "invalid start byte"),
    UnicodeDecodeError("utf-8", b"ab\xff\xfe", 2, 4, "invalid"),
    UnicodeEncodeError("ascii", "a\u20ac", 1, 2, "ordinal not in range"),
    UnicodeEncodeError("ascii", "a\u00e9\U0001f600", 1, 3, "ordinal not in range"),
    UnicodeEncodeError("ascii", "\U0001f600", 0, 1, "ordinal"),
    UnicodeTranslateError("a\u20ac", 1, 2, "why"),
    SystemExit(3),
    SystemExit("why"),
    StopIteration(7),
    KeyboardInterrupt(),
    RecursionError("deep"),
    AttributeError("no attribute"),
    ZeroDivisionError("division by zero"),
]


@pytest.mark.parametrize("error", MESSAGES, ids=lambda error: f"{type(error).__name__}{len(error.args)}")
def test_messages_are_those_of_the_interpreter(error: BaseException, fallback: bool) -> None:
    expected = str(error).encode("utf-8", "replace").decode()
    found = Snapshot(error, fallback=fallback).exceptions[0]
    if fallback and any(isinstance(arg, int) and abs(arg) >= 2**64 for arg in error.args):
        assert found["messageUnknown"] is True
        return
    assert found["message"]["value"].replace("\ufffd", "?") == expected
    assert not found.get("messageUnknown")


def test_real_errors() -> None:
    for failure in (
        lambda: {}["missing"],
        lambda: [][3],
        lambda: 1 / 0,
        lambda: int("x"),
        lambda: open("/no/such/file"),
        lambda: None.attribute,  # type: ignore[attr-defined]
        lambda: b"\xff".decode(),
        lambda: "\ud800".encode(),
        lambda: compile("1 +", "f.py", "exec"),
        lambda: __import__("no_such_module"),
        lambda: undefined,  # type: ignore[name-defined]  # noqa: F821
    ):
        error = caught(failure)
        assert Snapshot(error).exceptions[0]["message"]["value"].replace("\ufffd", "?") == str(error).encode("utf-8", "replace").decode()


def test_a_message_that_only_code_could_tell(fallback: bool) -> None:
    Talking.ran = 0
    found = Snapshot(Talking("arg", 1), fallback=fallback).exceptions[0]
    assert Talking.ran == 0
    assert found["messageUnknown"] is True
    assert "arg" in found["message"]["value"]


def test_a_message_does_not_tell_what_names_hide(fallback: bool) -> None:
    error = ValueError({"password": "hunter2hunter2", "user": "ann"}, [("token", "t0ken-t0ken")])
    text = str(Snapshot(error, fallback=fallback).data)
    assert "hunter2hunter2" not in text
    assert "t0ken-t0ken" not in text
    assert "ann" in text


def test_a_message_longer_than_the_limit(fallback: bool) -> None:
    found = Snapshot(ValueError("x" * 100_000), fallback=fallback, string=50).exceptions[0]
    assert found["message"]["value"] == "x" * 50
    assert found["message"]["size"] == 100_000


def chain(error: BaseException, **options: Any) -> list[tuple[str, Any, Any]]:
    found = Snapshot(error, **options).exceptions
    return [(item["type"], item.get("cause"), item.get("causeKind")) for item in found]


def test_causes_and_contexts(fallback: bool) -> None:
    def fail() -> None:
        try:
            try:
                raise KeyError("first")
            except KeyError as error:
                raise ValueError("second") from error
        except ValueError:
            raise TypeError("third")

    assert chain(caught(fail), fallback=fallback) == [
        ("TypeError", 1, "context"),
        ("ValueError", 2, "cause"),
        ("KeyError", None, None),
    ]


def test_from_none_hides_the_context(fallback: bool) -> None:
    def fail() -> None:
        try:
            raise KeyError("hidden")
        except KeyError:
            raise ValueError("shown") from None

    assert [name for name, _, _ in chain(caught(fail), fallback=fallback)] == ["ValueError"]


def test_cyclic_chains_end(fallback: bool) -> None:
    first, second = ValueError("first"), KeyError("second")
    first.__cause__, second.__cause__ = second, first
    assert [name for name, _, _ in chain(first, fallback=fallback)] == ["ValueError", "KeyError"]
    alone = ValueError("alone")
    alone.__context__ = alone
    assert len(chain(alone, fallback=fallback)) == 1


def test_long_chains_are_cut(fallback: bool) -> None:
    error: BaseException = ValueError(0)
    for index in range(1, 100):
        following = ValueError(index)
        following.__cause__ = error
        error = following
    found = Snapshot(error, fallback=fallback, exceptions=5)
    assert len(found.exceptions) == 5
    assert "chain" in str(found.data)


@pytest.mark.since(3, 11)
def test_groups_are_trees(fallback: bool) -> None:
    def failing(kind: type) -> BaseException:
        def fail() -> None:
            mark = kind.__name__
            raise kind(mark)

        return caught(fail)

    group = ExceptionGroup("outer", [failing(ValueError), ExceptionGroup("inner", [failing(KeyError)])])  # noqa: F821
    found = Snapshot(group, fallback=fallback).exceptions
    assert found[0]["message"]["value"] == "outer (2 sub-exceptions)"
    assert [item["type"] for item in found] == ["ExceptionGroup", "ValueError", "ExceptionGroup", "KeyError"]
    assert found[0]["members"] == [1, 2]
    assert found[2]["members"] == [3]
    assert all(found[index]["frames"] for index in (1, 3))


def test_notes(fallback: bool) -> None:
    error = ValueError("x")
    if hasattr(error, "add_note"):
        error.add_note("first note")
        error.add_note("second note")
    else:
        error.__notes__ = ["first note", "second note"]  # type: ignore[attr-defined]
    error.extra = 1  # type: ignore[attr-defined]
    found = Snapshot(error, fallback=fallback).exceptions[0]
    assert [plain(note) for note in found["notes"]] == ["first note", "second note"]
    assert {name: plain(node) for name, node in found["attributes"].items()} == {"extra": 1}


class Coded(Exception):
    def __init__(self, code: int, password: str) -> None:
        super().__init__("coded")
        self.code = code
        self.password = password


class Slotted(Exception):
    __slots__ = ("where",)


def test_fields_of_exceptions(fallback: bool) -> None:
    found = Snapshot(Coded(5, "hunter2hunter2"), fallback=fallback).exceptions[0]
    assert plain(found["attributes"]["code"]) == 5
    assert found["attributes"]["password"]["notCapturedReason"] == "redactedIdent"
    slotted = Slotted("x")
    slotted.where = [1]
    assert plain(Snapshot(slotted, fallback=fallback).exceptions[0]["attributes"]["where"]) == [1]
    error = caught(lambda: open("/no/such/file"))
    attributes = Snapshot(error, fallback=fallback).exceptions[0]["attributes"]
    assert plain(attributes["errno"]) == 2
    assert plain(attributes["filename"]) == "/no/such/file"


def test_exceptions_as_values(fallback: bool) -> None:
    def fail() -> None:
        held = KeyError("k")
        held.more = 1  # type: ignore[attr-defined]
        raise ValueError("x")

    node = Snapshot(caught(fail), fallback=fallback).locals()["held"]
    assert node["type"] == "KeyError"
    assert plain(node["fields"]["args"]) == ("k",)
    assert plain(node["fields"]["more"]) == 1
