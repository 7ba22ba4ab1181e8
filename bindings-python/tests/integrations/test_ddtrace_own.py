"""Snapshots that Stillframe takes itself, beside ddtrace: they name the trace, and can be written in Datadog's form."""

from __future__ import annotations

import json
import os
import sys

from agent import agent

from support import Store

RUN = os.path.join(os.path.dirname(sys.executable), "ddtrace-run")


def test_our_snapshots_carry_the_span(store: Store) -> None:
    text = """
import logging, stillframe
from ddtrace import tracer
with tracer.trace("outer"), tracer.trace("inner") as span:
    try:
        1 / 0
    except ZeroDivisionError:
        logging.exception("no")
    print(span.trace_id, span.span_id)
try:
    {}["x"]
except KeyError as error:
    stillframe.capture(error)
"""
    with agent() as received:
        env = received.env(STILLFRAME_ENABLED="1", DD_EXCEPTION_REPLAY_ENABLED="false")
        result = store.run(RUN, sys.executable, store.write("program.py", text), env=env)
    trace_id, span_id = map(int, result.out.split())
    inside, outside = (one.get("context", {}) for one in store.snapshots())
    assert int(inside["traceId"], 16) == trace_id
    assert int(str(inside["spanId"]), 16 if len(str(inside["spanId"])) == 16 else 10) == span_id
    assert "traceId" not in outside


def test_a_snapshot_in_datadogs_form(store: Store) -> None:
    text = """
    import stillframe
    stillframe.install(spool={"enabled": False}, service="shop")

    def fail(password):
        total = 3
        raise ValueError("no")

    try:
        fail("hunter2")
    except ValueError as error:
        snapshot = stillframe.capture(error)
    (body,) = snapshot.to_datadog()
    assert snapshot.to_datadog() == [body]
    print(body.decode())
    """
    result = store.python(text, env={"STILLFRAME_ENABLED": None})
    frames = json.loads(result.out)
    assert [one["logger"]["method"] for one in frames] == ["fail", "<module>"]
    ((_, values),) = frames[0]["debugger"]["snapshot"]["captures"]["lines"].items()
    assert values["arguments"] == {"password": {"type": "str", "notCapturedReason": "redactedIdent"}}
    assert values["locals"]["total"] == {"type": "int", "value": "3"}
    assert len({one["debugger"]["snapshot"]["id"] for one in frames}) == 2
    assert {one["service"] for one in frames} == {"shop"}
