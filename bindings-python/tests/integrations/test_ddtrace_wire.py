"""What reaches the agent from programs under ddtrace, with Stillframe and without: the same spans, and snapshots that differ as documented."""

from __future__ import annotations

import os
import sys
import textwrap
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from agent import V2, Agent, agent
from ddtrace_differences import REASONS, differences, neutral, reason
from ddtrace_programs import GROUPS, HEAD, PROGRAMS
from ddtrace_web import WEB
from testagent import test_agent

from serving import PATIENCE
from support import Result, Store

RUN = os.path.join(os.path.dirname(sys.executable), "ddtrace-run")
ALONE: dict[str, str | None] = {"STILLFRAME_ENABLED": "0"}
DELEGATED: dict[str, str | None] = {"STILLFRAME_HOOKS_DDTRACE": "1", "STILLFRAME_HOOKS_FRAMEWORKS": "0"}
DOCS = Path(__file__).parents[3] / "docs" / "ddtrace.md"


def run(store: Store, text: str, **env: str | None) -> tuple[Agent, Result]:
    """Runs a program under ``ddtrace-run`` and returns what its agent got."""
    with agent() as received:
        path = store.write("program.py", HEAD + textwrap.dedent(text))
        result = store.run(RUN, sys.executable, path, env=received.env(**env))
    return received, result


def values(snapshot: dict[str, Any]) -> dict[str, Any]:
    """What one snapshot shows, by section."""
    ((_, found),) = snapshot["debugger"]["snapshot"]["captures"]["lines"].items()
    return found


def compare(store: Store, count: int, text: str) -> tuple[Agent, Agent, set[str]]:
    """Both runs of a program, and why they differ."""
    theirs, _ = run(store, text, **ALONE)
    ours, result = run(store, text, **DELEGATED)
    assert result.status == 0, result.err
    assert len(ours.snapshots) == len(theirs.snapshots) == count
    their_snapshots, their_tags = neutral(theirs.snapshots, theirs.spans)
    our_snapshots, our_tags = neutral(ours.snapshots, ours.spans)
    assert our_tags == their_tags
    reasons = set()
    for one, other in zip(their_snapshots, our_snapshots):
        arguments = values_of(one)["arguments"]
        for path, before, after in differences(one, other):
            why = reason(path, before, after, arguments)
            assert why is not None, f"{'.'.join(path)}\n  ddtrace: {before}\n  here: {after}"
            reasons.add(why)
    assert_line_is_that_of_the_tag(ours)
    return theirs, ours, reasons


def values_of(snapshot: dict[str, Any]) -> dict[str, Any]:
    """Of a snapshot made neutral."""
    return snapshot["debugger"]["snapshot"]["captures"]


def assert_line_is_that_of_the_tag(received: Agent) -> None:
    """The first span that met a frame tells the line at which it is shown."""
    lines = {}
    for span in sorted(received.spans, key=lambda span: span["start"] + span["duration"]):
        for name, value in sorted(span["meta"].items()):
            if name.endswith(".snapshot_id"):
                lines.setdefault(value, set()).add(span["meta"][name.replace("snapshot_id", "line")])
    for snapshot in received.snapshots:
        shown = snapshot["debugger"]["snapshot"]
        assert shown["probe"]["location"]["lines"][0] in lines[shown["id"]]


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_same_as_alone(store: Store, name: str) -> None:
    compare(store, *PROGRAMS[name])


@pytest.mark.since(3, 11)
@pytest.mark.parametrize("name", GROUPS)
def test_groups_the_same_as_alone(store: Store, name: str) -> None:
    compare(store, *GROUPS[name])


@pytest.mark.parametrize("name", WEB)
def test_web_frameworks_the_same_as_alone(store: Store, name: str) -> None:
    compare(store, *WEB[name])


def test_every_reason_is_documented() -> None:
    text = DOCS.read_text()
    for why in REASONS:
        assert f"`{why}`" in text


def test_what_is_better_than_alone(store: Store) -> None:
    theirs, ours, _ = compare(store, *PROGRAMS["chain"])
    assert [values(one)["throwable"]["type"] for one in theirs.snapshots] == ["LookupError"] * 3
    assert [values(one)["throwable"]["type"] for one in ours.snapshots] == ["FileNotFoundError"] * 2 + ["LookupError"]

    theirs, ours, _ = compare(store, *PROGRAMS["strings"])
    shown = values(ours.snapshots[0])["locals"]
    assert shown["longer"]["size"] == 5000
    assert values(theirs.snapshots[0])["locals"]["longer"]["size"] == 259
    assert shown["short"] == {"type": "str", "value": repr("a" * 253)}

    _, ours, _ = compare(store, *PROGRAMS["secrets"])
    assert "hunter2" not in str(ours.snapshots)
    assert values(ours.snapshots[0])["locals"]["form"]["entries"][1][1] == {"type": "str", "notCapturedReason": "redactedIdent"}

    _, ours, _ = compare(store, *PROGRAMS["unbound"])
    shown = values(ours.snapshots[0])["locals"]
    assert shown["late"] == shown["deleted"] == {"type": "unbound", "notCapturedReason": "depth"}


def test_the_envelope(store: Store) -> None:
    """What describes a snapshot is, but for ids and times, what ddtrace alone says; ids are the same everywhere."""
    received, _ = run(store, PROGRAMS["nested"][1], **DELEGATED)
    (upload,) = received.uploads
    assert upload.path == V2
    assert {"env:test", "version:1.2.3"} < set(upload.tags)
    assert any(tag.startswith("debugger_version:") for tag in upload.tags)
    (span,) = received.spans
    for number, snapshot in zip((4, 3, 2, 1)[-len(upload.snapshots) :], upload.snapshots):
        assert snapshot["service"] == "shop"
        inner = snapshot["debugger"]["snapshot"]
        assert inner["id"] == span["meta"][f"_dd.debug.error.{number}.snapshot_id"]
        assert inner["exceptionId"] == inner["probe"]["id"] == span["meta"]["_dd.debug.error.exception_capture_id"]
        assert int(snapshot["dd"]["trace_id"], 16) & (2**64 - 1) == span["trace_id"]
        assert snapshot["dd"]["span_id"] == str(span["span_id"])
        assert snapshot["timestamp"] == inner["timestamp"]
        assert abs(inner["timestamp"] / 1e3 - time.time()) < 600


def test_ids_of_64_bits_are_decimal(store: Store) -> None:
    for how in (ALONE, DELEGATED):
        received, _ = run(store, PROGRAMS["nested"][1], DD_TRACE_128_BIT_TRACEID_GENERATION_ENABLED="false", **how)
        assert {one["dd"]["trace_id"] for one in received.snapshots} == {str(received.spans[0]["trace_id"])}


def test_traces_pass_the_checks_of_datadogs_test_agent(store: Store, tmp_path: Path) -> None:
    received, _ = run(store, PROGRAMS["two_spans"][1], **DELEGATED)
    with test_agent(tmp_path / "agent.log") as url:
        for headers, body in received.traces:
            kept = {
                name: value for name, value in headers.items() if name not in ("host", "content-length", "transfer-encoding", "connection")
            }
            request = urllib.request.Request(f"{url}/v0.4/traces", body, kept, method="PUT")
            assert urllib.request.urlopen(request, timeout=PATIENCE).status == 200
        assert urllib.request.urlopen(f"{url}/test/trace_check/failures", timeout=PATIENCE).status == 200
