"""Sentry's own code for events that arrive (Relay): it takes ours as they are, and cuts nothing of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sentry_relay.processing import StoreNormalizer
from sentry_shop import EXPLICIT, Shop, receiver, shop

from stillframe.integrations._event_frames import matched
from stillframe.integrations._event_values import Values, size_of
from stillframe.integrations.sentry import EVENT_BYTES, FRAME_BYTES
from support import Store

__all__ = ["receiver", "shop"]

HOSTILE = """
import collections, datetime, decimal, enum, pathlib, uuid
class Node:
    def __init__(self, depth):
        self.name = "ü" * 50 + '"\\\\' * 20
        self.inside = [Node(depth - 1) for _ in range(3)] if depth else self
        self.by_name = {f"key {n}": {"a": {"b": {"c": {"d": {"e": n}}}}} for n in range(40)}
class Colour(enum.Enum):
    RED = 1
def fail(depth, *rest, **more):
    ASSIGNMENTS
    text = "\\x00\\u2028\\ud800 <script>" * 100
    big, small, odd = 10 ** 400, -(2 ** 63), float("nan")
    when, money, path, key = datetime.datetime.now(), decimal.Decimal("1.10"), pathlib.Path("/x"), uuid.uuid4()
    data, mixed = bytes(range(256)), {1: "a", "1": "b", None: 0, (1, 2): [], Colour.RED: {1, 2}}
    everything = collections.OrderedDict((str(n), [n] * 70) for n in range(300))
    node = Node(4)
    if depth:
        return fail(depth - 1, node, **more)
    raise KeyError("x" * 5000)
def chain(length):
    try:
        fail(3, keyword=1)
    except KeyError as error:
        last = error
    for number in range(length):
        try:
            try:
                raise last
            except Exception as cause:
                fail_again = Node(2)
                raise ValueError(number) from cause
        except ValueError as error:
            last = error
    raise last
try:
    chain(20)
except ValueError as error:
    sentry_sdk.capture_exception(error)
""".replace("ASSIGNMENTS", "; ".join(f"v{number} = ['{'y' * number}'] * {number}" for number in range(150)))


def normalized(event: dict[str, Any]) -> dict[str, Any]:
    """The event after Relay: what it could not take, or cut, stands in ``_meta``."""
    relay = StoreNormalizer(
        project_id=1, protocol_version="7", max_secs_in_future=60, max_secs_in_past=2592000, enable_trimming=True, is_renormalize=False
    )
    return relay.normalize_event(event)


def remarks(meta: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    found = []
    for name, inner in (meta or {}).items():
        found += [(path, inner)] if name == "" else remarks(inner, (*path, name))
    return found


def frames_of(event: dict[str, Any]) -> list[dict[str, Any]]:
    return [frame for value in event["exception"]["values"] for frame in value["stacktrace"]["frames"]]


@pytest.mark.parametrize("name", ["usual", "hostile"])
def test_relay_takes_our_events_and_cuts_nothing(shop: Shop, name: str) -> None:
    wide = {"STILLFRAME_LIMITS_" + limit: value for limit, value in (("VALUES", "65536"), ("TAPE_BYTES", "1 MiB"), ("DEPTH", "8"), ("SOFT_TIME", "1 s"), ("HARD_TIME", "2 s"))}  # fmt: skip
    options = {} if name == "usual" else {"program": HOSTILE, "env": wide}
    shop.run(**options, **EXPLICIT)
    (event,) = shop.events()
    after = normalized(event)
    assert remarks({"e": (after.get("_meta") or {}).get("exception", {}).get("values", {})}) == remarks(
        {"e": (event.get("_meta") or {}).get("exception", {}).get("values", {})}
    )
    assert after.get("errors") in (None, [])
    sent, got = frames_of(event), frames_of(after)
    assert [frame.get("vars") for frame in got] == [frame.get("vars") for frame in sent]
    assert after["contexts"]["stillframe"]["snapshot"] == event["contexts"]["stillframe"]["snapshot"]
    assert any(frame.get("vars") for frame in sent)
    for frame in sent:
        assert size_of(frame.get("vars")) <= FRAME_BYTES
    assert sum(size_of(frame.get("vars", {})) for frame in sent) <= EVENT_BYTES + FRAME_BYTES
    assert len(json.dumps(event)) < 1_000_000


def document(**variables: Any) -> dict[str, Any]:
    """A snapshot with one frame, as far as the rendering needs it."""
    frame = {"function": "f", "file": "/f.py", "line": 2, "arguments": {}, "locals": variables}
    return {"exceptions": [{"type": "KeyError", "frames": [0]}], "frames": [frame]}


def shown(budget: int = FRAME_BYTES, **variables: Any) -> dict[str, Any]:
    given = document(**variables)
    return Values(given).of_frame(given["frames"][0], budget)


LIST = {"type": "list", "elements": [{"type": "int", "value": number} for number in range(64)], "size": 365}


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"type": "NoneType", "isNull": True}, "None"),
        ({"type": "bool", "value": True}, "True"),
        ({"type": "float", "value": 1.5}, "1.5"),
        ({"type": "str", "value": "it's"}, '"it\'s"'),
        ({"type": "str", "value": "ab", "truncated": True, "size": 3000}, "'ab'… (3000 characters)"),
        ({"type": "int", "value": "1" * 30, "rendered": True}, "1" * 30),
        ({"type": "float", "value": "nan", "rendered": True}, "nan"),
        ({"type": "decimal.Decimal", "value": "1.1", "rendered": True}, "Decimal('1.1')"),
        ({"type": "function", "value": "shop.f", "rendered": True}, "<function shop.f>"),
        ({"type": "bytes", "value": "a\\x00", "encoding": "escaped"}, "b'a\\x00'"),
        ({"type": "shop.Thing"}, "<shop.Thing>"),
        ({"notCapturedReason": "unbound"}, "[not set]"),
        ({"type": "str", "notCapturedReason": "redactedIdent", "rule": "token"}, '[redacted: name "token"]'),
        ({"type": "shop.Key", "notCapturedReason": "redactedType"}, '[redacted: type "shop.Key"]'),
        ({"type": "str", "notCapturedReason": "redactedValue", "rule": "card"}, "[redacted: card]"),
        ({"type": "x.Y", "notCapturedReason": "depth", "limit": {"name": "limits.depth", "value": 4}}, "[deeper: limits.depth]"),
        ({"type": "dict", "entries": []}, {}),
        ({"type": "list", "elements": []}, []),
        ({"type": "dict", "entries": [[{"type": "str", "value": "a"}, {"type": "int", "value": 1}]]}, {"a": "1"}),
        ({"type": "x.Y", "fields": {"a": {"type": "int", "value": 1}}}, {"__class__": "x.Y", "a": "1"}),
        ({"ref": 99}, "<same object as elsewhere>"),
    ],
)
def test_values_are_written_as_python_does(node: dict[str, Any], text: object) -> None:
    assert shown(it=node)["it"] == text


def test_keys_that_would_be_one_stay_two() -> None:
    one, two = {"type": "int", "value": 1}, {"type": "str", "value": "1"}
    assert shown(it={"type": "dict", "entries": [[two, one], [one, two]]})["it"] == {"1": "1", "1 (int)": "'1'"}


def test_what_does_not_fit_is_told_and_the_failing_line_comes_first() -> None:
    many = {f"other_{number}": {"type": "str", "value": "z" * 60} for number in range(100)}
    given = document(**many, wanted=LIST)
    given["frames"][0]["source"] = {"firstLine": 1, "lines": ["first", "    return wanted[17]"]}
    found = Values(given).of_frame(given["frames"][0], 600)
    assert size_of(found) <= 600
    assert found["wanted"][:3] == ["0", "1", "2"]
    missing = 101 - (len(found) - 1)
    assert found["…"] == f"{missing} more variables"


@pytest.mark.parametrize("budget", [64, 200, 1000, 2048])
def test_no_budget_is_exceeded(budget: int) -> None:
    assert (
        size_of(shown(budget, it=LIST, other={"type": "str", "value": "ü" * 500}, third={"type": "x.Y", "fields": {"a": LIST}})) <= budget
    )


def test_references_are_followed_as_deep_as_everything_else() -> None:
    inner = {"type": "shop.Node", "id": 7, "fields": {"self": {"ref": 7}, "n": {"type": "int", "value": 1}}}
    found = shown(it=inner, again={"ref": 7})
    assert found["again"] == found["it"]
    assert found["it"]["self"]["self"]["self"] == "<shop.Node>"


def theirs(*frames: tuple[str, int]) -> list[dict[str, Any]]:
    made = [{"function": function, "lineno": line, "abs_path": "/f.py"} for function, line in frames]
    return [{"type": "KeyError", "stacktrace": {"frames": made}}]


def ours(*frames: tuple[str, int], omitted: Any = ()) -> dict[str, Any]:
    made = [{"function": function, "line": line, "file": "/f.py"} for function, line in frames]
    exception = {"type": "KeyError", "frames": list(range(len(made))), "omitted": list(omitted)}
    return {"exceptions": [exception], "frames": made}


def test_frames_are_matched_by_function_file_line_and_order() -> None:
    event = theirs(("main", 9), ("f", 5), ("f", 5), ("hidden", 3), ("f", 1))
    snapshot = ours(("A.f", 1), ("f", 5), ("main", 9), omitted=[{"what": "frames", "count": 2, "after": 1}])
    pairs = [(found["function"], found["lineno"], snapshot["frames"].index(frame)) for found, frame in matched(event, snapshot)]
    assert pairs == [("f", 1, 0), ("f", 5, 1), ("main", 9, 2)]
    assert [id(found) for found, _ in matched(event, snapshot)][1] == id(event[0]["stacktrace"]["frames"][2])


@pytest.mark.parametrize(
    "event",
    [
        [],
        [None],
        [{}],
        [{"type": None, "stacktrace": None}],
        [{"type": "KeyError", "stacktrace": {"frames": [None, {}, 3]}}],
        [{"type": 3}],
    ],
)
def test_events_of_any_shape_are_left_alone(event: list[Any]) -> None:
    assert list(matched(event, ours(("f", 1)))) == []


def test_the_document_of_a_store_is_what_is_rendered(store: Store) -> None:
    store.python("import stillframe\nstillframe.install()\ntry:\n    x = {1: 2}\n    x[3]\nexcept KeyError:\n    stillframe.capture()")
    (snapshot,) = store.snapshots()
    assert Values(snapshot).of_frame(snapshot["frames"][0], 2048)["x"] == {"1": "2"}
