"""Sentry's own code for events that arrive (Relay): it takes ours as they are, and cuts nothing of them."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import ANY

import pytest
from sentry_relay.processing import StoreNormalizer
from sentry_shop import EXPLICIT, Shop, receiver, shop

from stillframe.integrations._event_frames import matched
from stillframe.integrations.sentry import EVENT_BYTES, FRAME_BYTES, Variables
from support import Store

__all__ = ["receiver", "shop"]


def size_of(value: object) -> int:
    """Bytes of compact JSON, as Relay counts them."""
    return len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass"))


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


VALUES = """
import collections, datetime, decimal, enum, fractions, json, pathlib
class Colour(enum.Enum):
    RED = 1
class Thing:
    def __init__(self):
        self.n = 1
        self.itself = self
def fail():
    nothing, truth, number, small, text = None, True, 1.5, 1e-5, "it's"
    big, odd, money = 10 ** 30, float("nan"), decimal.Decimal("1.1")
    day, colour, path, data = datetime.date(2026, 11, 20), Colour.RED, pathlib.PurePosixPath("/x"), b"a\\x00"
    function, module, kind = fail, json, Thing
    long = "ab" * 3000
    no_list, no_dict, pairs, keys = [], {}, {"a": 1}, {1: "a", "1": "b", (1, "x"): None}
    card = "4111 1111 1111 1111"
    thing = Thing()
    again = thing
    error = KeyError("EUR")
    del small
    late = print if nothing else unset
try:
    fail()
except NameError as error:
    sentry_sdk.capture_exception(error)
"""


def test_values_are_written_as_python_does(shop: Shop) -> None:
    shop.run(VALUES, **EXPLICIT)
    (event,) = shop.events()
    shown = frames_of(event)[-1]["vars"]
    long = shown.pop("long")
    assert long.startswith("'abab")
    assert long.endswith("ab'… (6000 characters)")
    assert shown.pop("function").startswith("<function")
    assert shown.pop("kind").startswith("<")
    assert shown.pop("module").startswith("<module")
    thing = {"__class__": "__main__.Thing", "n": "1", "itself": {"__class__": "__main__.Thing", "n": "1", "itself": ANY}}
    assert shown == {
        "nothing": "None",
        "truth": "True",
        "number": "1.5",
        "small": "[not set]",
        "text": '"it\'s"',
        "big": "1" + "0" * 30,
        "odd": "nan",
        "money": "Decimal('1.1')",
        "day": "datetime.date(2026, 11, 20)",
        "colour": "<Colour.RED: 1>",
        "path": "PurePosixPath('/x')",
        "data": "b'a\\x00'",
        "no_list": [],
        "no_dict": {},
        "pairs": {"a": "1"},
        "keys": {"1": "'a'", "1 (str)": "'b'", "(1, 'x')": "None"},
        "card": ANY,
        "thing": thing,
        "again": thing,
        "error": ANY,
        "late": "[not set]",
    }
    assert "4111" not in shown["card"]


def test_what_does_not_fit_is_told_and_the_failing_line_comes_first(shop: Shop) -> None:
    many = "\n".join(f"    other_{number} = 'z' * {number}" for number in range(100))
    program = f"def fail():\n{many}\n    wanted = list(range(365))\n\n\n\n\n    wanted[400]\ntry:\n    fail()\nexcept IndexError as error:\n    sentry_sdk.capture_exception(error)\n"
    shop.store.write("failing.py", "import sentry_sdk\n" + program)
    shop.run("import failing", **EXPLICIT, env={"STILLFRAME_LIMITS_FIELDS": "200"})
    (event,) = shop.events()
    shown = frames_of(event)[-1]["vars"]
    assert size_of(shown) <= FRAME_BYTES
    assert shown["wanted"][:3] == ["0", "1", "2"]
    assert shown["wanted"][-1].endswith(" more")
    missing = 101 - (len(shown) - 1)
    assert missing > 0
    assert shown["…"] == f"{missing} more variables"


def test_the_budgets_are_those_that_are_asked_for(store: Store) -> None:
    result = store.python(
        """
import json, stillframe
stillframe.install()
def fail(depth):
    text, items = "ü" * 500, list(range(100))
    if depth:
        return fail(depth - 1)
    raise KeyError(1)
try:
    fail(5)
except KeyError:
    snapshot = stillframe.capture()
def size(frames):
    return [len(json.dumps(frame["variables"], ensure_ascii=False, separators=(",", ":")).encode()) for frame in frames]
for budget in (0, 64, 200, 1000, 2048):
    assert all(size <= max(budget, 2) for size in size(snapshot.frame_variables(budget)["frames"])), budget
sizes = size(snapshot.frame_variables(frame_bytes=1000, event_bytes=1500)["frames"])
assert sizes[0] > 700 and sum(sizes) <= 1500 + 2 * len(sizes), sizes
whole, found = snapshot.to_dict(), snapshot.frame_variables()
assert found["issue"] == snapshot.issue == whole["fingerprint"]["key"]
assert found["values"] == whole["receipt"]["values"]
for name in ("redacted", "cut"):
    assert found[name] == sum(whole["receipt"][name].values())
assert found["cut"] > 0
for theirs, ours in zip(whole["frames"], found["frames"]):
    assert all(theirs.get(name) == ours.get(name) for name in ("function", "module", "file", "line"))
"""
    )
    assert (result.status, result.err) == (0, "")


class Annotated:
    """As the SDK's scrubber puts it in the place of a value."""

    value = "[Filtered]"


def test_what_others_put_into_variables_is_sent_as_it_is_meant() -> None:
    variables = Variables(a="'x'", b=Annotated(), c={"d": ["1", Annotated()], "e": {"f": Annotated()}}, added=17, none=None, empty=[])
    assert variables.__sentry_repr__() == {
        "a": "'x'",
        "b": "[Filtered]",
        "c": {"d": ["1", "[Filtered]"], "e": {"f": "[Filtered]"}},
        "added": 17,
        "none": None,
        "empty": [],
    }


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
