"""What the example tracer sends, to an agent that records it and to Datadog's own agent for tests: check.py PROGRAM [WAY]

``WAY`` is what the program runs under, ``valgrind ...`` for example. The recording agent is the one of the Python package's tests.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "bindings-python/tests/integrations"))

from agent import V2, agent

PATIENCE = 60
SECRETS = ("pk_live_3kTq9vLw0sXcZ8mNfYbR", "4111 1111 1111 1111", "Q7wzXvD0yL1Gc5", "0f9a-77")


def run(command: list[str], port: int, status: int = 0) -> str:
    """Runs the tracer against an agent and returns what it wrote to standard error."""
    with tempfile.TemporaryDirectory() as folder:
        env = {name: value for name, value in os.environ.items() if not name.startswith(("STILLFRAME_", "DD_"))}
        done = subprocess.run(
            [*command, "127.0.0.1", str(port)],
            env={**env, "STILLFRAME_DIR": f"{folder}/store"},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
        assert done.stdout == "", done.stdout
        assert not list(Path(folder).iterdir()), "the tracer has stored something"
        return done.stderr


def captures(snapshot: dict[str, Any]) -> dict[str, Any]:
    """What one snapshot shows, by section."""
    ((_, found),) = snapshot["debugger"]["snapshot"]["captures"]["lines"].items()
    return found


def the_envelope(command: list[str]) -> None:
    """One object for each frame, as Datadog's tracers send them; ids are those of the span's tags; nothing secret is on the wire."""
    before = time.time()
    with agent() as received:
        assert run(command, received.port) == ""
    (upload,) = received.uploads
    assert upload.path == V2
    assert upload.headers["content-type"] == "application/json"
    assert {"env:test", "version:1.2.3", "debugger_version:0.1.0"} == set(upload.tags)
    (span,) = received.spans
    tags = span["meta"]
    assert span["error"] == 1
    assert tags["error.type"] == "shop.PaymentFailed"
    assert tags["error.debug_info_captured"] == "true"

    by_id = {one["debugger"]["snapshot"]["id"]: one for one in upload.snapshots}
    assert len(by_id) == len(upload.snapshots), "ids of frames differ"
    assert [tags[f"_dd.debug.error.{number}.function"] for number in (1, 2)] == ["checkout", "pay"]
    assert "_dd.debug.error.3.function" not in tags
    frames = {}
    for number in (1, 2):
        snapshot = by_id[tags[f"_dd.debug.error.{number}.snapshot_id"]]
        frames[tags[f"_dd.debug.error.{number}.function"]] = snapshot
    for snapshot in upload.snapshots:
        inner = snapshot["debugger"]["snapshot"]
        assert snapshot["service"] == "brook-shop"
        assert snapshot["timestamp"] == inner["timestamp"]
        assert before - 1 <= inner["timestamp"] / 1e3 <= time.time() + 1
        assert int(snapshot["dd"]["trace_id"], 16) & (2**64 - 1) == span["trace_id"]
        assert snapshot["dd"]["span_id"] == "77"
        assert inner["exceptionId"] == tags["_dd.debug.error.exception_capture_id"]
        assert inner["stack"], "the stack stands in every object"
    text = json.dumps(upload.snapshots)
    for secret in SECRETS:
        assert secret not in text, secret

    pay = frames["pay"]["debugger"]["snapshot"]
    assert pay["probe"]["location"] == {"file": "shop/bank.brook", "lines": ["12"]}
    shown = captures(frames["pay"])
    assert shown["throwable"]["type"] == "PaymentFailed"
    assert shown["throwable"]["message"] == "'order 17: the bank sent no receipt'"
    variables = shown["locals"]
    assert variables["total"]["value"] == "4250"
    assert {entry[0]["value"].strip("'"): entry[1]["value"] for entry in variables["rates"]["entries"]} == {"USD": "1.08", "GBP": "0.86"}
    answer = {entry[0]["value"].strip("'"): entry[1] for entry in variables["answer"]["entries"]}
    assert answer["status"]["value"] == "502"
    assert answer["set-cookie"]["notCapturedReason"] == "redactedIdent"
    order = variables["order"]
    assert order["type"] == "Order"
    assert order["fields"]["number"]["value"] == "17"
    items = order["fields"]["items"]
    assert items["size"] in (300, "300"), items["size"]
    assert len(items["elements"]) == 100, "Datadog's limit"
    assert items["notCapturedReason"] == "collectionSize"
    customer = order["fields"]["customer"]["fields"]
    assert customer["api_token"]["notCapturedReason"] == "redactedIdent"
    assert order["fields"]["note"]["value"] == "'card [redacted], ring twice'"
    assert customer["orders"]["elements"] == [{"type": "Order", "notCapturedReason": "depth"}]
    visit = captures(frames["checkout"])["locals"]
    assert visit["session"]["notCapturedReason"] == "redactedIdent"
    assert visit["visitor"]["notCapturedReason"] == "redactedIdent", "a copy of it, for which Datadog has no word of its own"
    functions = [one["logger"]["method"] for one in upload.snapshots]
    assert functions == ["receipt_of", "pay", "pay", "checkout"], "the cause's frames first, until where it was caught"
    assert captures(upload.snapshots[0])["throwable"]["type"] == "KeyError"
    print("ok  envelope, ids, redaction, limits")


def an_agent_that_refuses(command: list[str]) -> None:
    """The tracer says what happened, and ends."""
    with agent() as received:
        received.answers[V2] = [500]
        assert "the Agent answered 500" in run(command, received.port, status=1)
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert "takes no snapshots" in run(command, nobody.getsockname()[1], status=1)
    print("ok  an Agent that refuses, and none")


@contextlib.contextmanager
def datadogs_test_agent(folder: Path) -> Iterator[str]:
    """Datadog's own agent for tests, on a port of its own."""
    ports = []
    for _ in range(3):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            ports.append(str(probe.getsockname()[1]))
    program = os.path.join(os.path.dirname(sys.executable), "ddapm-test-agent")
    with (folder / "agent.log").open("wb") as log:
        process = subprocess.Popen(
            [program, "--port", ports[0], "--otlp-http-port", ports[1], "--otlp-grpc-port", ports[2], "--web-ui-port", "0"],
            stdout=log,
            stderr=log,
            cwd=folder,
        )
    try:
        until = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{ports[0]}/info", timeout=PATIENCE).read()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None and time.monotonic() < until, (folder / "agent.log").read_text()
                time.sleep(0.1)
        yield ports[0]
    finally:
        process.terminate()
        process.wait(PATIENCE)


def the_trace_passes_datadogs_checks(command: list[str]) -> None:
    """ddapm-test-agent takes no debugger snapshots; it checks what the trace says of them."""
    with tempfile.TemporaryDirectory() as folder, datadogs_test_agent(Path(folder)) as port:
        assert "takes no snapshots" in run(command, int(port))
        url = f"http://127.0.0.1:{port}"
        assert urllib.request.urlopen(f"{url}/test/trace_check/failures", timeout=PATIENCE).status == 200
        (trace,) = json.load(urllib.request.urlopen(f"{url}/test/session/traces", timeout=PATIENCE))
        (span,) = trace
        assert span["meta"]["error.debug_info_captured"] == "true"
        assert span["metrics"]["_dd.debug.error.snapshot_count"] == 2
    print("ok  the trace at ddapm-test-agent")


if __name__ == "__main__":
    program = [*sys.argv[2:], os.path.abspath(sys.argv[1])]
    the_envelope(program)
    an_agent_that_refuses(program)
    the_trace_passes_datadogs_checks(program)
    print("3 passed, 0 failed")
