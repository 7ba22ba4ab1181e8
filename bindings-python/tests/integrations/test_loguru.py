"""loguru, old and new."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from support import Result, Store, values

START = """
import json, sys
from loguru import logger
logger.remove()
logger.add(sys.stdout, serialize=True)

class Order:
    def __repr__(self):
        raise RuntimeError("not while we capture")

def convert(currency, order=None):
    rates = {"USD": 1.08}
    return rates[currency]
"""
WITH_ID = """
from stillframe.integrations.loguru import add_snapshot_id
logger.configure(patcher=add_snapshot_id)
"""
WAYS = {
    "exception": """
try:
    convert("EUR")
except KeyError:
    logger.exception("failed")
""",
    "opt": """
try:
    convert("EUR")
except KeyError as error:
    logger.opt(exception=error).critical("failed")
""",
    "decorator": """
logger.catch(convert)("EUR")
""",
    "block": """
with logger.catch(message="failed"):
    convert("EUR")
""",
}


def run(store: Store, program: str, env: dict[str, str | None] | None = None) -> tuple[Result, list[dict[str, Any]]]:
    result = store.enabled(START + program, env={"STILLFRAME_DEBUG": "1", **(env or {})})
    assert result.status == 0, result.err
    assert result.err == ""
    return result, [json.loads(line)["record"] for line in result.out.splitlines()]


@pytest.mark.parametrize("way", WAYS)
def test_what_it_logs_is_captured(store: Store, way: str) -> None:
    _, (record,) = run(store, WAYS[way])
    assert store.errors() == [("KeyError", "loguru", True)]
    (snapshot,) = store.snapshots()
    assert values(snapshot)["currency"] == "EUR"
    said = snapshot["context"]["attributes"]
    assert (said["logger"], said["level"]) == ("__main__", record["level"]["name"])
    assert said["message"] == record["message"]
    assert record["extra"] == {}  # nothing is added that nobody asked for
    assert record["function"] in ("<module>", "convert")
    assert record["file"]["name"] == "program.py"


@pytest.mark.parametrize("way", WAYS)
def test_its_records_can_carry_the_id(store: Store, way: str) -> None:
    _, (record,) = run(store, WITH_ID + WAYS[way])
    (snapshot,) = store.snapshots()
    assert record["extra"] == {"stillframe.snapshot.id": snapshot["id"]}


def test_a_patched_logger_carries_it_alone(store: Store) -> None:
    program = "from stillframe.integrations.loguru import add_snapshot_id\nlogger = logger.patch(add_snapshot_id)\n" + WAYS["exception"]
    _, (record,) = run(store, program)
    assert record["extra"]["stillframe.snapshot.id"] == store.snapshots()[0]["id"]


def test_what_is_no_error_is_not_captured(store: Store) -> None:
    _, records = run(
        store,
        WITH_ID
        + """
logger.error("without an exception")
logger.opt(exception=True).error("none is being handled")
try:
    convert("EUR")
except KeyError:
    logger.opt(exception=True).warning("expected")
logger.debug("x {}", 1)
""",
    )
    assert [record["extra"] for record in records] == [{}] * 4
    assert store.snapshots() == []


def test_a_warning_names_the_snapshot_that_somebody_else_took(store: Store) -> None:
    _, (record,) = run(
        store,
        WITH_ID
        + """
import stillframe
try:
    convert("EUR")
except KeyError as error:
    stillframe.capture(error)
    logger.opt(exception=True).warning("expected")
""",
    )
    assert record["extra"]["stillframe.snapshot.id"] == store.snapshots()[0]["id"]


def test_several_handlers_and_logging_behind_them_are_one_error(store: Store) -> None:
    result = store.enabled(
        START
        + """
import logging
class Propagate(logging.Handler):
    def emit(self, record):
        logging.getLogger(record.name).handle(record)
logger.add(Propagate(), format="{message}")
logger.add(lambda message: None)
"""
        + WAYS["exception"]
        + "raise SystemExit(0)",
    )
    assert result.status == 0, result.err
    assert store.errors() == [("KeyError", "loguru", True)]


@pytest.mark.parametrize("env", [{"STILLFRAME_HOOKS_LOGGING": "0"}, {"STILLFRAME_ENABLED": "0"}])
def test_it_is_off_with_the_switch(store: Store, env: dict[str, str | None]) -> None:
    run(store, WAYS["exception"], env)
    assert store.snapshots() == []


def test_output_is_what_it_would_be_without_us(store: Store) -> None:
    program = START.replace("serialize=True", 'format="{level} {name}:{function}:{line} {message} {extra}", diagnose=False')
    program += "".join(WAYS.values()) + "\nlogger.info('done')\n"
    without = store.python(program)
    ours = store.enabled(program)
    out, expected = (re.sub(r"\(\d+\)", "(id)", result.out) for result in (ours, without))
    assert (ours.status, out, ours.err) == (without.status, expected, without.err)
    assert len(store.snapshots()) == 4
