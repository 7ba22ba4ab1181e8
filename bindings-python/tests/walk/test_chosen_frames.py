"""Frames that a tracer chose: `_native.replay` captures exactly those, once, and the globals that they name."""

from __future__ import annotations

import json
import sys
import types
from collections.abc import Generator
from typing import Any

import pytest

from stillframe import _native

ID = "0b2c4a5e-1111-4222-8333-444455556666"
LIMIT = 7
TABLE = {"a": 1}
api_key = "sk_live_12345678"


@pytest.fixture(autouse=True)
def engine() -> Generator[None, None, None]:
    _native.start({"spool.enabled": False}, None)
    yield
    _native.stop()


def inner(n: int) -> None:
    rows = [n, LIMIT]
    if TABLE and api_key and sys:
        raise ValueError(rows[0])


def middle(n: int) -> None:
    shared = ["seen"]
    try:
        inner(n)
    except ValueError as error:
        again = shared
        raise LookupError(n, again) from error


def outer() -> None:
    middle(3)


def failed() -> LookupError:
    try:
        outer()
    except LookupError as error:
        return error
    raise AssertionError


def frames(error: BaseException | None) -> dict[str, types.FrameType]:
    """Frames of a traceback, by function."""
    found = {}
    link = None if error is None else error.__traceback__
    while link is not None:
        found[link.tb_frame.f_code.co_name] = link.tb_frame
        link = link.tb_next
    return found


def replay(error: BaseException, chosen: list[Any], callers: list[Any] | None = None, **limits: int) -> Any:
    return _native.replay(error, error.__traceback__, chosen, callers or [], ID, limits, {"thread": "main", "trace_id": 5, "span_id": 6})


def shown(captured: Any, index: int) -> dict[str, Any]:
    """One frame, decoded."""
    return json.loads(captured.to_datadog(index, ID, "shop"))


def values(document: dict[str, Any]) -> dict[str, Any]:
    ((_, found),) = document["debugger"]["snapshot"]["captures"]["lines"].items()
    return found


def test_exactly_the_frames_that_were_chosen() -> None:
    error = failed()
    chosen = [frames(error.__cause__)["inner"], frames(error)["outer"]]
    captured = replay(error, chosen)
    assert captured.frames == [True, True]
    assert captured.size > 0
    first, second = shown(captured, 0), shown(captured, 1)
    assert (first["logger"]["method"], second["logger"]["method"]) == ("inner", "outer")
    assert values(first)["arguments"] == {"n": {"type": "int", "value": "3"}}
    # A frame of a cause tells the cause.
    assert values(first)["throwable"]["type"] == "ValueError"
    assert values(second)["throwable"]["type"] == "LookupError"
    assert first["dd"] == {"trace_id": "5", "span_id": "6"}
    assert first["logger"]["thread_name"].startswith("main;pid:")


def test_globals_that_the_code_names() -> None:
    error = failed()
    statics = values(shown(replay(error, [frames(error.__cause__)["inner"]]), 0))["staticFields"]
    assert list(statics) == ["LIMIT", "TABLE", "api_key"] or sorted(statics) == ["LIMIT", "TABLE", "api_key"]
    assert statics["LIMIT"] == {"type": "int", "value": "7"}
    assert statics["api_key"] == {"type": "str", "notCapturedReason": "redactedIdent"}


def test_a_frame_of_two_tracebacks_belongs_to_the_cause() -> None:
    """``middle`` caught one error and raised the other: it is shown where the first passed."""
    error = failed()
    document = shown(replay(error, [frames(error)["middle"]]), 0)
    assert values(document)["throwable"]["type"] == "ValueError"
    line = document["debugger"]["snapshot"]["probe"]["location"]["lines"][0]
    entry = error.__cause__.__traceback__ if error.__cause__ else None
    assert entry is not None and line == str(entry.tb_lineno)


@pytest.mark.since(3, 11)
def test_members_of_a_group_do_not_take_frames() -> None:
    errors = []

    def collect() -> None:
        for n in range(2):
            try:
                inner(n)
            except ValueError as error:
                errors.append(error)
        raise ExceptionGroup("both", errors)  # noqa: F821

    try:
        collect()
    except Exception as error:
        document = shown(replay(error, [frames(error)["collect"]]), 0)
        assert values(document)["throwable"]["type"] == "ExceptionGroup"
        assert values(document)["throwable"]["message"].startswith("'both'")


def test_a_frame_of_something_else_is_told_apart() -> None:
    error, other = failed(), failed()
    captured = replay(error, [frames(other)["outer"], frames(error)["outer"], "no frame", None])
    assert captured.frames == [False, True, False, False]
    with pytest.raises(IndexError):
        captured.to_datadog(0, ID, "shop")
    with pytest.raises(IndexError):
        captured.to_datadog(99, ID, "shop")


def test_callers_of_each_exception() -> None:
    error = failed()
    here = sys._getframe()
    code, offset = here.f_code, here.f_lasti
    line = here.f_lineno - 1
    chosen = [frames(error.__cause__)["inner"], frames(error)["outer"]]
    captured = replay(error, chosen, [[(code, offset)], [(outer.__code__, 0), (code, offset), "nonsense", (1, 2), (code,)]])
    stacks = [shown(captured, index)["debugger"]["snapshot"]["stack"] for index in (0, 1)]
    assert [place["function"] for place in stacks[0]] == ["inner", "middle", "outer", here.f_code.co_name]
    assert [place["function"] for place in stacks[1]] == ["outer", "failed", here.f_code.co_name]
    assert stacks[1][-1]["lineNumber"] == line


def test_limits() -> None:
    error = failed()
    middle_frame = frames(error)["middle"]
    document = shown(replay(error, [middle_frame], depth=0), 0)
    assert values(document)["locals"]["shared"] == {"type": "list", "notCapturedReason": "depth", "size": 1}
    with pytest.raises(ValueError, match="no limit is called height"):
        replay(error, [middle_frame], height=3)
    with pytest.raises(ValueError, match="no UUID"):
        _native.replay(error, None, [], [], "x", {}, None)


def test_module_code_is_told_by_what_it_names() -> None:
    space: dict[str, Any] = {"rate": 3, "unused": 1, "__name__": "made"}
    try:
        exec(compile("total = rate + 1\nraise KeyError(total)", "made.py", "exec"), space)
    except KeyError as error:
        captured = values(shown(replay(error, [frames(error)["<module>"]]), 0))
        assert captured["locals"].keys() == {"@exception"}
        assert captured["staticFields"] == {"rate": {"type": "int", "value": "3"}, "total": {"type": "int", "value": "4"}}


def test_no_exception_and_odd_arguments() -> None:
    for nothing in (None, 3, "text"):
        captured = _native.replay(nothing, None, [None], [[]], ID, {}, None)  # type: ignore[arg-type]
        assert captured is None or captured.frames == [False]


def test_deep_recursion_is_bounded() -> None:
    def down(n: int) -> None:
        if n:
            down(n - 1)
        raise ValueError(n)

    try:
        down(700)
    except ValueError as error:
        deepest = error.__traceback__
        entries = []
        while deepest is not None:
            entries.append(deepest.tb_frame)
            deepest = deepest.tb_next
        # The last, and one that lies beyond those that are listed.
        captured = replay(error, [entries[-1], entries[-300]])
        assert captured.frames == [True, True]
        assert values(shown(captured, 0))["arguments"]["n"]["value"] == "0"
        assert values(shown(captured, 1))["arguments"]["n"]["value"] == "299"
        assert 200 < len(values(shown(captured, 0))["throwable"]["stacktrace"]) < 300


def test_a_frame_that_raised_again_stands_once_on_the_stack() -> None:
    def again(n: int) -> None:
        try:
            inner(n)
        except ValueError as error:
            raise error

    try:
        again(1)
    except ValueError as error:
        names = []
        link = error.__traceback__
        while link is not None:
            names.append(link.tb_frame.f_code.co_name)
            link = link.tb_next
        assert names[1:] == ["again", "again", "inner"]
        document = shown(replay(error, [frames(error)["inner"]]), 0)
        stack = [place["function"] for place in document["debugger"]["snapshot"]["stack"]]
        assert stack == ["inner", "again", names[0]]
        assert len(values(document)["throwable"]["stacktrace"]) == 4
