"""The same error at a receiver of OpenTelemetry and at Sentry, without their SDKs: read by the parsers of both, and by a real collector."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from sentry_sdk.envelope import Envelope
from test_sentry_schema import normalized, remarks

from receiving import Receiver, receiving
from support import PATIENT, Result, Store

PROGRAM = """
import stillframe

class LookupFailed(Exception):
    pass

def convert(amount, currency, rates):
    api_token = "sk_live_0123456789abcdef"
    try:
        return amount * rates[currency]
    except KeyError as error:
        raise LookupFailed("no rate for " + currency) from error

def main():
    with stillframe.context(tags={"cart": 17}, user={"id": "u-17"}):
        convert(10, "EUR", {"USD": 1.08})

main()
"""


@pytest.fixture
def receiver() -> Generator[Receiver, None, None]:
    with receiving() as receiver:
        yield receiver


def run(store: Store, program: str, otlp: str, sentry: str) -> Result:
    """Runs a program whose snapshots go to both."""
    return store.enabled(
        PATIENT + program,
        env={
            "STILLFRAME_OTLP_ENABLED": "1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": otlp,
            "OTEL_EXPORTER_OTLP_HEADERS": "api-key=a%20b",
            "STILLFRAME_SENTRY_ENABLED": "1",
            "SENTRY_DSN": sentry,
            "STILLFRAME_SERVICE": "shop",
            "STILLFRAME_VERSION": "1.4.2",
            "STILLFRAME_ENV": "prod",
            "STILLFRAME_DEBUG": "1",
        },
    )


def plain(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return pairs(value.kvlist_value.values) if kind == "kvlist_value" else getattr(value, kind)


def pairs(found: Any) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in found}


def records(receiver: Receiver) -> list[tuple[dict[str, Any], Any]]:
    """Log records, each with the attributes of its resource."""
    found = []
    for request in receiver.requests:
        if request.path == "/v1/logs":
            assert request.headers["content-type"] == "application/x-protobuf"
            assert request.headers["api-key"] == "a b"
            for logs in ExportLogsServiceRequest.FromString(request.body).resource_logs:
                found += [(pairs(logs.resource.attributes), record) for scope in logs.scope_logs for record in scope.log_records]
    return found


def events(receiver: Receiver) -> list[dict[str, Any]]:
    bodies = [request.body for request in receiver.requests if request.path == "/api/42/envelope/"]
    found = [Envelope.deserialize(body).get_event() for body in bodies]
    return [event for event in found if event is not None]


def traceback_of(err: str) -> list[str]:
    """The lines of a traceback without those that only point at columns."""
    lines = err[min(at for at in (err.find("Traceback"), err.find("  + Exception Group")) if at >= 0) :].splitlines()
    return [line for line in lines if not re.fullmatch(r"[ |]*[\^~]+", line)]


def test_one_error_arrives_at_both(store: Store, receiver: Receiver) -> None:
    result = run(store, PROGRAM, receiver.url, f"http://0123abcd@127.0.0.1:{receiver.port}/42")
    assert result.status == 1
    assert "0123abcd" not in result.err
    assert "a b" not in result.err
    (snapshot,) = store.snapshots()
    ((resource, record),) = records(receiver)
    assert resource["service.name"] == "shop"
    assert resource["telemetry.sdk.language"] == "python"
    attributes = pairs(record.attributes)
    assert attributes["exception.type"].endswith("LookupFailed")
    assert attributes["exception.message"] == "no rate for EUR"
    assert attributes["stillframe.snapshot.id"] == snapshot["id"]
    assert attributes["stillframe.fingerprint"] == snapshot["fingerprint"]["key"]
    assert attributes["user.id"] == "u-17"
    assert str(attributes["cart"]) == "17"
    body = plain(record.body)
    assert body["frames"] == snapshot["frames"]
    assert "sk_live" not in json.dumps(body)

    (event,) = events(receiver)
    assert event["event_id"] == snapshot["id"].replace("-", "")
    assert event["release"] == "shop@1.4.2"
    after = normalized(event)
    assert not after.get("errors")
    assert not remarks({"e": (after.get("_meta") or {}).get("exception", {})})
    values = after["exception"]["values"]
    assert [value["type"] for value in values] == ["KeyError", "LookupFailed"]
    assert values[1]["mechanism"]["handled"] is False
    raising = values[1]["stacktrace"]["frames"][-1]
    assert (raising["function"], raising["vars"]["currency"]) == ("convert", "'EUR'")
    assert raising["context_line"].strip().startswith("raise LookupFailed")
    assert "sk_live" not in json.dumps(event)
    assert after["fingerprint"] == [snapshot["fingerprint"]["key"]]
    assert after["user"]["id"] == "u-17"


CHAIN = """
def fail(number):
    raise KeyError(number)
def chain():
    try:
        try:
            fail("first")
        except KeyError as error:
            raise ValueError("of\\nlines") from error
    except ValueError:
        {}["third"]
"""

GROUP = """
def fail(error):
    raise error
def member(error):
    try:
        fail(error)
    except Exception as failed:
        return failed
def chain():
    try:
        fail(OSError(2, "nobody"))
    except OSError:
        inner = member(ExceptionGroup("inner", [member(KeyError(number)) for number in range(3)]))
        several = ExceptionGroup("outer", [member(ValueError("one")), inner])
        several.add_note("a note")
        raise several
"""


@pytest.mark.parametrize("program", [CHAIN, pytest.param(GROUP, marks=pytest.mark.since(3, 11))])
def test_the_stack_trace_is_what_python_prints(store: Store, receiver: Receiver, program: str) -> None:
    result = run(store, program + "chain()\n", receiver.url, f"http://key@127.0.0.1:{receiver.port}/42")
    assert result.status == 1
    ((_, record),) = records(receiver)
    trace = pairs(record.attributes)["exception.stacktrace"]
    expected = traceback_of(result.err)
    shown = trace.splitlines()
    assert shown == expected[: len(shown)]
    assert expected[len(shown) :] == [] or not expected[len(shown)].startswith((" ", "Traceback"))


def test_what_nobody_takes_harms_nothing(store: Store) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]
        begun = time.monotonic()
        result = run(store, PROGRAM, f"http://127.0.0.1:{port}", f"http://key@127.0.0.1:{port}/42")
        assert result.status == 1
        assert "LookupFailed: no rate for EUR" in result.err
        assert time.monotonic() - begun < 30
    assert len(store.snapshots()) == 1
    for name in ("otlp", "sentry"):
        assert list(store.folder.glob(f"**/outbox/{name}-*/*.sfs")), name
    # The next process delivers what the last one could not.
    with receiving(port=port) as receiver:
        program = "import stillframe, time\nuntil = time.monotonic() + 30\n" + (
            "while time.monotonic() < until and any(d['waiting'] or not d['sent'] for d in stillframe.stats()['destinations'].values()):\n"
            "    time.sleep(0.05)\n"
        )
        result = run(store, program, receiver.url, f"http://key@127.0.0.1:{receiver.port}/42")
        assert (result.status, len(records(receiver)), len(events(receiver))) == (0, 1, 1), result.err


def collector() -> str:
    """The OpenTelemetry Collector, if it was built."""
    script = Path(__file__).parents[3] / ".ci" / "otel-collector"
    found = subprocess.run([script, "--find"], stdout=subprocess.PIPE, text=True).stdout.strip()
    if not found and not os.environ.get("STRICT"):
        pytest.skip("there is no OpenTelemetry Collector: run .ci/otel-collector")
    assert found, "there is no OpenTelemetry Collector: run .ci/otel-collector"
    return found


def listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_a_collector_hands_it_on(store: Store, receiver: Receiver, tmp_path: Path) -> None:
    program = collector()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    config = tmp_path / "collector.yaml"
    config.write_text(f"""
receivers: {{otlp: {{protocols: {{http: {{endpoint: "127.0.0.1:{port}"}}}}}}}}
exporters: {{otlphttp: {{endpoint: "{receiver.url}", encoding: json, sending_queue: {{enabled: false}}}}}}
service:
  telemetry: {{metrics: {{level: none}}}}
  pipelines: {{logs: {{receivers: [otlp], exporters: [otlphttp]}}}}
""")
    with (tmp_path / "log").open("w+") as log, subprocess.Popen([program, f"--config=file:{config}"], stdout=log, stderr=log) as process:
        try:
            until = time.monotonic() + 60
            while not listens(port):
                assert process.poll() is None, (tmp_path / "log").read_text()
                assert time.monotonic() < until
                time.sleep(0.05)
            result = run(store, PROGRAM, f"http://127.0.0.1:{port}", f"http://key@127.0.0.1:{receiver.port}/42")
            assert result.status == 1
            (request,) = receiver.wait("/v1/logs")
        finally:
            process.terminate()
    (logs,) = json.loads(request.body)["resourceLogs"]
    (record,) = logs["scopeLogs"][0]["logRecords"]
    (event,) = events(receiver)
    found = {pair["key"]: pair["value"] for pair in record["attributes"]}
    assert record["eventName"] == "exception"
    assert found["exception.message"] == {"stringValue": "no rate for EUR"}
    assert found["stillframe.snapshot.id"] == {"stringValue": event["contexts"]["stillframe"]["snapshot"]}
    assert '"currency"' in request.body.decode()
