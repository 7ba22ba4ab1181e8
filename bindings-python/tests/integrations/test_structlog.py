"""structlog, old and new."""

from __future__ import annotations

import json
from typing import Any

import pytest

from support import Store, values

START = """
import logging, sys
import structlog

def convert(currency):
    rates = {"USD": 1.08}
    return rates[currency]
"""
FAIL = """
log = structlog.get_logger()
try:
    convert("EUR")
except KeyError as error:
    log.exception("failed", cart=17)
"""
GIVEN = """
log = structlog.get_logger()
try:
    convert("EUR")
except KeyError as caught:
    error = caught
log.error("failed", cart=17, exc_info=error)
"""
ID = "from stillframe.integrations.structlog import add_snapshot_id\n"
JSON = "structlog.configure(processors=[{}structlog.processors.JSONRenderer()])\n"
FORMATTED = "structlog.processors.format_exc_info, "
FORMS = {"True": "True", "the exception": "error", "a tuple": "sys.exc_info()"}


def run(store: Store, program: str, env: dict[str, str | None] | None = None) -> list[dict[str, Any]]:
    result = store.enabled(START + program, env={"STILLFRAME_DEBUG": "1", **(env or {})})
    assert result.status == 0, result.err
    assert "stillframe:" not in result.err, result.err
    return [json.loads(line) for line in result.out.splitlines()]


@pytest.mark.parametrize("program", [FAIL, GIVEN], ids=["exception", "error"])
def test_what_it_logs_is_captured(store: Store, program: str) -> None:
    (event,) = run(store, JSON.format(FORMATTED) + program)
    assert store.errors() == [("KeyError", "structlog", True)]
    (snapshot,) = store.snapshots()
    assert values(snapshot)["currency"] == "EUR"
    assert snapshot["context"]["attributes"] == {"level": "ERROR", "message": "failed"}
    assert sorted(event) == ["cart", "event", "exception"]  # nothing is added that nobody asked for


@pytest.mark.parametrize("order", ["add_snapshot_id, " + FORMATTED, FORMATTED + "add_snapshot_id, "], ids=["before", "behind"])
def test_its_events_can_carry_the_id(store: Store, order: str) -> None:
    (event,) = run(store, ID + JSON.format(order) + FAIL)
    (snapshot,) = store.snapshots()
    assert event["stillframe.snapshot.id"] == snapshot["id"]
    assert event["exception"].endswith("KeyError: 'EUR'")


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_exc_info_does(store: Store, form: str) -> None:
    (event,) = run(store, ID + JSON.format("add_snapshot_id, " + FORMATTED) + FAIL.replace("cart=17", f"exc_info={FORMS[form]}"))
    assert event["stillframe.snapshot.id"] == store.snapshots()[0]["id"]


def test_the_processor_captures_where_the_hook_is_off(store: Store) -> None:
    (event,) = run(store, ID + JSON.format("add_snapshot_id, " + FORMATTED) + GIVEN, {"STILLFRAME_HOOKS_LOGGING": "0"})
    assert event["stillframe.snapshot.id"] == store.snapshots()[0]["id"]


def test_what_is_no_error_is_not_captured(store: Store) -> None:
    events = run(
        store,
        ID
        + JSON.format("add_snapshot_id, " + FORMATTED)
        + """
log = structlog.get_logger()
log.error("without an exception")
log.exception("none is being handled")
try:
    convert("EUR")
except KeyError:
    log.warning("expected", exc_info=True)
    log.error("without", exc_info=False)
log.info("x", exception="a word")
""",
    )
    assert all("stillframe.snapshot.id" not in event for event in events)
    assert len(events) == 5
    assert store.snapshots() == []


def test_processors_find_the_caller_as_without_us(store: Store) -> None:
    program = (
        START
        + """
from structlog.processors import CallsiteParameter as Parameter
where = structlog.processors.CallsiteParameterAdder({Parameter.FUNC_NAME, Parameter.LINENO, Parameter.PATHNAME})
structlog.configure(processors=[where, structlog.processors.StackInfoRenderer(), structlog.processors.format_exc_info,
                                structlog.processors.JSONRenderer(sort_keys=True)])
def work():
    try:
        convert("EUR")
    except KeyError:
        structlog.get_logger().exception("failed", stack_info=True)
work()
"""
    )
    without, ours = store.python(program), store.enabled(program)
    assert (ours.status, ours.out, ours.err) == (without.status, without.out, without.err)
    assert json.loads(ours.out)["func_name"] == "work"
    assert len(store.snapshots()) == 1


STDLIB = """
logging.basicConfig(stream=sys.stdout, format="%(funcName)s %(message)s")
structlog.configure(
    processors=[structlog.stdlib.add_log_level, {}structlog.processors.JSONRenderer()],
    logger_factory=structlog.stdlib.LoggerFactory(),
    wrapper_class=structlog.stdlib.BoundLogger,
)
"""


@pytest.mark.parametrize("processors", ["", "add_snapshot_id, " + FORMATTED], ids=["logging formats it", "structlog formats it"])
def test_over_logging_it_is_one_error(store: Store, processors: str) -> None:
    program = START + ID + STDLIB.format(processors) + FAIL.replace("cart=17", "exc_info=error" if processors else "cart=17")
    result = store.enabled(program)
    assert result.status == 0, result.err
    assert result.out.startswith("<module> ")
    assert store.errors() == [("KeyError", "structlog", True)]
    assert (store.snapshots()[0]["id"] in result.out) is bool(processors)


def test_captured_logs_of_a_test_are_what_they_were(store: Store) -> None:
    events = run(
        store,
        "with structlog.testing.capture_logs() as logs:\n"
        + "".join(f"    {line}\n" for line in FAIL.splitlines())
        + "import json; print(json.dumps(logs))\n",
    )
    ((event,),) = events
    assert (event["cart"], event["event"]) == (17, "failed")
    assert "stillframe.snapshot.id" not in event
    assert len(store.snapshots()) == 1


def test_it_is_off_with_the_switch(store: Store) -> None:
    run(store, JSON.format(FORMATTED) + FAIL, {"STILLFRAME_HOOKS_LOGGING": "0"})
    assert store.snapshots() == []
