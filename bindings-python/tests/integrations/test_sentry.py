"""Sentry's SDK, old and new, sending to a server of ours: what arrives is what Sentry would get."""

from __future__ import annotations

from typing import Any

import pytest
from sentry_shop import EXPLICIT, FAIL, NEW, ORDER, START, ZERO_CODE, Shop, receiver, shop, variables

from support import DEFAULTS, Store

__all__ = ["receiver", "shop"]


def check_converted(event: dict[str, Any], snapshot: dict[str, Any]) -> None:
    shown = variables(event, "convert")
    assert shown["currency"] == "'EUR'"
    assert shown["rates"] == {"USD": "1.08"}
    assert shown["passphrase"] == '[redacted: name "passphrase"]'
    assert shown["order"]["__class__"] == "order.Order"
    assert shown["order"]["api_token"] == '[redacted: name "token"]'
    assert shown["order"]["items"][1] == {"sku": "'A1'", "price": "1.5"}
    assert shown["order"]["items"][-1].endswith(" more")
    assert shown["order"]["note"].endswith("… (3000 characters)")
    told = event["contexts"]["stillframe"]
    assert told["snapshot"] == snapshot["id"]
    assert told["issue"] == snapshot["fingerprint"]["key"]
    assert told["show"] == f"stillframe show {snapshot['id'][-8:]}"
    assert told["values"] == snapshot["receipt"]["values"]
    for name in ("redacted", "cut"):
        assert told[name] == sum(snapshot["receipt"][name].values()) >= 2


def test_an_integration_puts_captured_values_into_events(shop: Shop) -> None:
    result = shop.run(**EXPLICIT)
    (event,) = shop.events()
    (snapshot,) = shop.store.snapshots()
    check_converted(event, snapshot)
    assert "repr" not in result.out  # the SDK was told not to read variables
    assert snapshot["exceptions"][0]["mechanism"] == "sentry"
    assert snapshot["exceptions"][0]["handled"] is True
    assert snapshot["context"]["attributes"]["sentry.event_id"] == event["event_id"]


def test_one_environment_variable_does_the_same(shop: Shop) -> None:
    result = shop.run(env=ZERO_CODE)
    (event,) = shop.events()
    (snapshot,) = shop.store.snapshots()
    check_converted(event, snapshot)
    assert "repr" not in result.out


def test_a_program_may_compose_its_own_before_send(shop: Shop) -> None:
    before = """
        import stillframe
        from stillframe.integrations import sentry
        stillframe.install()
        def before_send(event, hint):
            return {**sentry.before_send(event, hint), "release": "of mine"}
    """
    result = shop.run(
        before="\n".join(line.strip(" ") if "return" not in line else "    " + line.strip() for line in before.splitlines()),
        options="before_send=before_send, include_local_variables=False",
    )
    (event,) = shop.events()
    (snapshot,) = shop.store.snapshots()
    check_converted(event, snapshot)
    assert event["release"] == "of mine"
    assert "repr" not in result.out


def test_nothing_is_done_without_being_asked(shop: Shop) -> None:
    result = shop.run(env={"STILLFRAME_ENABLED": "1"})
    (event,) = shop.events()
    assert "stillframe" not in event["contexts"]
    assert "repr" in result.out


def test_where_the_environment_says_no_the_sdk_reads_its_own(shop: Shop) -> None:
    result = shop.run(**EXPLICIT, env={"STILLFRAME_ENABLED": "0"})
    (event,) = shop.events()
    assert "stillframe" not in event["contexts"]
    assert variables(event, "convert")["currency"] == "'EUR'"
    assert "repr" in result.out
    assert shop.store.snapshots() == []


def test_after_uninstall_the_sdk_reads_its_own_again(shop: Shop) -> None:
    again = FAIL + "\nimport stillframe; stillframe.uninstall()\n" + FAIL.replace('"EUR"', '"GBP"') + FAIL.replace('"EUR"', '"CHF"')
    shop.run(again, **EXPLICIT)
    ours, _, theirs = shop.events()
    assert "stillframe" in ours["contexts"]
    assert "stillframe" not in theirs["contexts"]
    assert variables(theirs, "convert")["currency"] == "'CHF'"


def test_what_the_program_says_of_variables_holds(shop: Shop) -> None:
    result = shop.run(before=EXPLICIT["before"], options=EXPLICIT["options"] + ", include_local_variables=True")
    (event,) = shop.events()
    check_converted(event, shop.store.snapshots()[0])
    assert ("repr" in result.out) is NEW  # the old SDK reads them after we have replaced them


ALIKE = """
import logging
def outer(order):
    try:
        convert(order, "EUR")
    except KeyError as error:
        raise ValueError("no rate") from error
with sentry_sdk.configure_scope() if hasattr(sentry_sdk, "configure_scope") else sentry_sdk.new_scope() as scope:
    scope.set_tag("cart", 17)
    scope.set_user({"id": "7"})
    sentry_sdk.add_breadcrumb(message="before")
    try:
        outer(Order())
    except ValueError:
        logging.getLogger("shop").exception("failed %s", 1, extra={"more": [1, 2]})
"""


def test_events_are_those_without_us_but_for_the_variables(shop: Shop) -> None:
    shop.run(ALIKE)
    shop.run(ALIKE, env=ZERO_CODE)
    without, ours = shop.events()
    assert ours["contexts"].pop("stillframe")
    assert [name for name in ours["sdk"]["integrations"] if name not in without["sdk"]["integrations"]] == ["stillframe"]
    assert ours["modules"] == without["modules"]
    for event in (without, ours):
        for name in ("event_id", "timestamp"):
            event.pop(name)
        event["sdk"].pop("integrations")
        event["contexts"].pop("trace", None)
        event.pop("_meta", None)  # where their variables are cut
        for crumb in event["breadcrumbs"]["values"]:
            crumb.pop("timestamp")
        for exception in event["exception"]["values"]:
            for frame in exception["stacktrace"]["frames"]:
                assert frame.pop("vars")
    assert ours == without
    assert len(ours["exception"]["values"]) == 2


def test_every_exception_of_a_chain_has_its_values(shop: Shop) -> None:
    shop.run(ALIKE, **EXPLICIT)
    (event,) = shop.events()
    assert variables(event, "convert", 0)["rates"] == {"USD": "1.08"}
    assert variables(event, "outer", 0)["order"]["__class__"] == "order.Order"
    assert variables(event, "outer", 1)["order"]["__class__"] == "order.Order"
    assert set(variables(event, "<module>", 1)) >= {"sentry_sdk", "Order"}


GROUP = """
def one(sku):
    raise KeyError(sku)

def two(price):
    try:
        one(price * 2)
    except KeyError as error:
        raise ValueError(price) from error

def both():
    found = []
    for call, argument in ((one, "A1"), (two, 5), (one, "A2")):
        try:
            call(argument)
        except Exception as error:
            found.append(error)
    raise ExceptionGroup("both", found)

try:
    both()
except ExceptionGroup as error:
    sentry_sdk.capture_exception(error)
"""


@pytest.mark.since(3, 11)
def test_every_member_of_a_group_has_its_values(shop: Shop) -> None:
    shop.run(GROUP, **EXPLICIT)
    (event,) = shop.events()
    found = [
        (value["type"], {frame["function"]: frame["vars"] for frame in value["stacktrace"]["frames"]})
        for value in event["exception"]["values"]
    ]
    kinds = [kind for kind, _ in found]
    assert sorted(kinds) == ["ExceptionGroup", "KeyError", "KeyError", "KeyError", "ValueError"]
    by_argument = {frames["one"]["sku"] for kind, frames in found if kind == "KeyError"}
    assert by_argument == {"'A1'", "'A2'", "10"}
    assert next(frames["two"]["price"] for kind, frames in found if kind == "ValueError") == "5"
    assert next(frames["both"]["argument"] for kind, frames in found if kind == "ExceptionGroup") == "'A2'"


DEEP = """
def down(number):
    here = number * 10
    if number == 0:
        raise KeyError(number)
    return down(number - 1)
try:
    down(60)
except KeyError as error:
    sentry_sdk.capture_exception(error)
"""


def test_frames_of_a_recursion_get_the_values_of_their_own_call(shop: Shop) -> None:
    shop.run(DEEP, **EXPLICIT)
    (event,) = shop.events()
    frames = event["exception"]["values"][0]["stacktrace"]["frames"]
    assert len(frames) == 62
    shown = [(61 - at, frame["vars"]) for at, frame in enumerate(frames) if "vars" in frame]
    assert len(shown) == 17  # limits.frames
    assert shown[0][0] == 61
    assert "down" in shown[0][1]
    for number, held in shown[1:]:
        assert held["number"] == str(number)
        assert held["here"] == str(number * 10)


def test_an_error_that_a_hook_has_captured_is_not_walked_again(shop: Shop) -> None:
    shop.run(
        """
try:
    convert(Order(), "EUR")
except KeyError:
    logging.getLogger("shop").exception("failed")
convert(Order(), "GBP")
""",
        env=ZERO_CODE,
        status=1,
    )
    logged, ended = shop.events()
    first, last = shop.store.snapshots()
    check_converted(logged, first)
    assert logged["contexts"]["stillframe"]["snapshot"] == first["id"]
    assert ended["contexts"]["stillframe"]["snapshot"] == last["id"]
    assert next(name for _, name, _ in shop.store.errors()) == "logging"
    assert last["exceptions"][0]["handled"] is False


def test_what_is_reported_twice_is_stored_once(shop: Shop) -> None:
    shop.run(
        """
class Failed(Exception): pass
def fail(number):
    raise Failed(number)
try:
    fail(1)
except Failed as error:
    sentry_sdk.capture_exception(error)
    sentry_sdk.capture_message("between")
    sentry_sdk.capture_exception(error)
    raise
""",
        **EXPLICIT,
        status=1,
    )
    assert len(shop.store.snapshots()) == 1
    assert [(kind, handled) for kind, _, handled in shop.store.errors()] == [("__main__.Failed", False)]
    with_values = [event for event in shop.events() if "exception" in event]
    assert with_values
    assert all(variables(event, "fail") == {"number": "1"} for event in with_values)


def test_the_whole_snapshot_can_be_attached(shop: Shop) -> None:
    shop.run(before=EXPLICIT["before"], options="integrations=[StillframeIntegration(attach_snapshot=True)]")
    (whole,) = shop.items("attachment")
    (snapshot,) = shop.store.snapshots()
    assert whole["id"] == snapshot["id"]
    assert whole["frames"][0]["arguments"]["order"]["fields"]["items"]["size"] == 200


def test_every_event_has_values_unless_limits_are_asked_for(shop: Shop) -> None:
    program = """
for number in range(6):
    try:
        convert(Order(), str(number))
    except KeyError as error:
        sentry_sdk.capture_exception(error)
"""
    shop.run(program, **EXPLICIT, env=DEFAULTS)
    assert [variables(event, "convert")["currency"] for event in shop.events()] == [f"'{number}'" for number in range(6)]
    shop.receiver.requests.clear()
    shop.run(program, before=EXPLICIT["before"], options="integrations=[StillframeIntegration(limited=True)]", env=DEFAULTS)
    told = ["stillframe" in event["contexts"] for event in shop.events()]
    assert told[0] is True
    assert False in told
    assert len(told) == 6


def test_the_scrubber_and_the_before_send_of_the_program_see_our_values(shop: Shop) -> None:
    before = (
        EXPLICIT["before"]
        + """
from sentry_sdk.scrubber import EventScrubber
def before_send(event, hint):
    frame = event["exception"]["values"][-1]["stacktrace"]["frames"][-1]
    frame["vars"]["seen"] = sorted(frame["vars"])
    return event
"""
    )
    shop.run(before=before, options=EXPLICIT["options"] + ", before_send=before_send, event_scrubber=EventScrubber(denylist=['currency'])")
    (event,) = shop.events()
    shown = variables(event, "convert")
    assert shown["currency"] == "[Filtered]"
    assert shown["rates"] == {"USD": "1.08"}
    assert set(shown["seen"]) == {"currency", "order", "rates", "passphrase"}


def test_a_failure_of_our_own_loses_no_event(shop: Shop) -> None:
    before = (
        EXPLICIT["before"]
        + """
from stillframe.integrations import sentry
def broken(*args):
    raise RuntimeError("a bug")
broken.__globals__["__name__"] = "stillframe.broken"
sentry.matched = broken
"""
    )
    shop.run(FAIL + "\nimport stillframe; assert stillframe.stats()['failures']['count'] == {'RuntimeError': 1}", before=before,
             options=EXPLICIT["options"], env={"STILLFRAME_DEBUG": "0"})  # fmt: skip
    (event,) = shop.events()
    assert event["exception"]["values"][0]["type"] == "KeyError"


def test_options_may_come_in_any_form(shop: Shop) -> None:
    shop.store.write("order.py", ORDER)
    text = START.format(before="", options="") + FAIL
    for call in ('sentry_sdk.init({"dsn": os.environ["DSN"]})', 'sentry_sdk.init(dsn=os.environ["DSN"], integrations=())'):
        shop.receiver.requests.clear()
        program = text.replace('sentry_sdk.init(os.environ["DSN"], )', call)
        assert call in program
        result = shop.store.python(program, env={"DSN": f"http://key@127.0.0.1:{shop.receiver.port}/1", **ZERO_CODE})
        assert result.status == 0, result.err
        (event,) = shop.events()
        assert variables(event, "convert")["rates"] == {"USD": "1.08"}
        assert "repr" not in result.out


def test_without_a_dsn_nothing_happens(store: Store) -> None:
    store.write("order.py", ORDER)
    program = "import sentry_sdk\nfrom order import *\nsentry_sdk.init()" + FAIL
    plain, result = store.python(program), store.python(program, env=ZERO_CODE)
    assert (result.status, result.err) == (plain.status, plain.err)
