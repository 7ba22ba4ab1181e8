"""Programs that send to Datadog with nothing but the environment: what reaches the agent, whatever becomes of the program."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from agent import DIAGNOSTICS, V2, Agent, agent

from serving import free_port
from support import COMMAND, PATIENT, Result, Store

SCHEMA = json.loads((Path(__file__).parents[3] / "conformance" / "datadog-wire" / "python.json").read_text())

SHOP = """
def convert(amount, currency, rates):
    return amount * rates[currency]

def pay(password, amount):
    return convert(amount, "EUR", {"USD": 1.08})
"""


def run(store: Store, received: Agent, text: str, **env: str | None) -> Result:
    """Runs a program that sends to the agent."""
    return store.enabled(PATIENT + SHOP + text, env={"STILLFRAME_DATADOG_ENABLED": "1", "DD_TRACE_AGENT_URL": received.url, **env})


def send_the_rest(store: Store, received: Agent) -> None:
    """Sends what is left of programs that have ended."""
    left = store.run(COMMAND, "send", env={"STILLFRAME_DATADOG_ENABLED": "1", "DD_TRACE_AGENT_URL": received.url})
    assert left.status == 0, left.out + left.err


def inner(snapshot: dict[str, Any]) -> dict[str, Any]:
    """The part that Datadog calls the snapshot."""
    return snapshot["debugger"]["snapshot"]


def argument(snapshot: dict[str, Any], name: str) -> str | None:
    """An argument of the frame."""
    (captures,) = inner(snapshot)["captures"]["lines"].values()
    return captures["arguments"].get(name, {}).get("value")


def functions(received: Agent) -> list[str]:
    return sorted(snapshot["logger"]["method"] for snapshot in received.snapshots)


def test_a_program_that_ends_by_its_error(store: Store) -> None:
    with agent() as received:
        tags = {"DD_SERVICE": "shop", "DD_ENV": "prod", "DD_VERSION": "1.2.3", "DD_TAGS": "team:payments,password:hunter3"}
        source = {"DD_GIT_REPOSITORY_URL": "https://ann:hunter4@git.example/shop", "DD_GIT_COMMIT_SHA": "4f1c5f8d"}
        result = run(store, received, 'pay("hunter2", 10)\n', **tags, **source)
    assert result.status == 1
    assert result.err.endswith("KeyError: 'EUR'\n")
    assert functions(received) == ["<module>", "convert", "pay"]
    (stored,) = store.snapshots()
    for snapshot in received.snapshots:
        jsonschema.Draft202012Validator(SCHEMA).validate(snapshot)
        assert snapshot["service"] == "shop"
        assert inner(snapshot)["exceptionId"] == stored["id"]
        assert inner(snapshot)["language"] == "python"
    assert len({inner(snapshot)["id"] for snapshot in received.snapshots}) == 3
    (upload,) = received.uploads
    assert upload.path == V2
    assert {"env:prod", "version:1.2.3", "team:payments"} < set(upload.tags)
    assert {"git.repository_url:https://git.example/shop", "git.commit.sha:4f1c5f8d"} < set(upload.tags)
    assert upload.headers["content-type"] == "application/json"
    assert "hunter" not in str(received)


def test_a_handled_error_right_before_the_end(store: Store) -> None:
    with agent((DIAGNOSTICS,)) as received:
        result = run(
            store,
            received,
            """
            import logging
            try:
                pay("hunter2", 10)
            except KeyError:
                logging.exception("no rate")
            """.replace("\n            ", "\n"),
        )
    assert result.status == 0
    assert functions(received) == ["<module>", "convert", "pay"]
    assert {upload.path for upload in received.uploads} == {DIAGNOSTICS}


def test_processes_that_fork(store: Store) -> None:
    text = """
import logging, os, sys

def fail(number):
    try:
        pay("hunter2", number)
    except KeyError:
        logging.exception("no rate")

fail(0)
children = []
for number in range(1, 5):
    child = os.fork()
    if not child:
        fail(number)
        fail(number)
        sys.exit()
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
fail(5)
"""
    with agent() as received:
        result = run(store, received, text)
        assert result.status == 0, result.err
        # Processes of one service share an outbox: what a child could not deliver because its parent was doing so, the parent did.
        send_the_rest(store, received)
    ids = Counter(inner(snapshot)["id"] for snapshot in received.snapshots)
    assert len(ids) == 10 * 3
    assert set(ids.values()) == {1}


def test_an_agent_that_is_not_there_yet(store: Store) -> None:
    port = free_port()
    received = Agent([], port)
    result = run(store, received, 'pay("hunter2", 10)\n')
    assert result.status == 1
    assert result.err.endswith("KeyError: 'EUR'\n")
    with agent() as received:
        run(store, received, 'pay("hunter2", 20)\n')
        send_the_rest(store, received)
    assert len(received.snapshots) == 6
    amounts = Counter(argument(snapshot, "amount") for snapshot in received.snapshots)
    assert amounts == {"10": 2, "20": 2, None: 2}


@pytest.mark.parametrize("status", [404, 500])
def test_an_agent_with_a_bad_moment(store: Store, status: int) -> None:
    with agent() as received:
        received.answers[V2] = [status]
        text = 'import stillframe\ntry:\n    pay("hunter2", 10)\nexcept KeyError as error:\n    stillframe.capture(error)\n'
        result = run(store, received, text)
        assert result.status == 0, result.err
        send_the_rest(store, received)
    assert len({inner(snapshot)["id"] for snapshot in received.snapshots}) == 3


def test_nothing_is_sent_unless_asked(store: Store) -> None:
    with agent() as received:
        result = store.python(SHOP + 'pay("hunter2", 10)\n', env={"DD_EXCEPTION_REPLAY_ENABLED": "1", "DD_TRACE_AGENT_URL": received.url})
    assert result.status == 1
    assert not received.uploads
    assert len(store.snapshots()) == 1
