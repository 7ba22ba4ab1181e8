"""OpenTelemetry's SDK, old and new: what its exporters get, in memory and over HTTP."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from receiving import Receiver, receiving
from stillframe.integrations._bounded import bounded
from stillframe.integrations._stacktrace import stacktrace
from support import DEFAULTS, Result, Store, values

SCHEMA = json.loads((Path(__file__).parents[3] / "docs" / "snapshot.schema.json").read_text())

SHOP = """
from opentelemetry import trace
tracer = trace.get_tracer("shop")

class Order:
    def __init__(self):
        self.items = [1, 2]
        self.api_token = "sk_live_0123456789"

    def __repr__(self):
        print("repr")
        return "Order()"

def convert(order, currency):
    rates = {"USD": 1.08}
    with tracer.start_as_current_span("convert"):
        return rates[currency]

def checkout(currency="EUR"):
    with tracer.start_as_current_span("checkout"):
        return convert(Order(), currency)
"""

MEMORY = """
import json, sys
from opentelemetry import _logs, trace
from opentelemetry.sdk._logs import LoggerProvider, export
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
logs = getattr(export, "InMemoryLogRecordExporter", getattr(export, "InMemoryLogExporter", None))()
log_provider = LoggerProvider()
log_provider.add_log_record_processor(export.SimpleLogRecordProcessor(logs))
_logs.set_logger_provider(log_provider)

def tell():
    print(json.dumps({
        "spans": [
            {"name": span.name, "attributes": dict(span.attributes), "events": [dict(event.attributes) for event in span.events],
             "trace": f"{span.context.trace_id:032x}", "span": f"{span.context.span_id:016x}"}
            for span in spans.get_finished_spans()
        ],
        "logs": [
            {"event": getattr(log.log_record, "event_name", None) or log.log_record.attributes.get("event.name"),
             "attributes": dict(log.log_record.attributes), "body": log.log_record.body,
             "severity": [log.log_record.severity_text, log.log_record.severity_number.value], "time": log.log_record.timestamp,
             "trace": f"{log.log_record.trace_id:032x}", "span": f"{log.log_record.span_id:016x}",
             "scope": getattr(log, "instrumentation_scope", None).name}
            for log in logs.get_finished_logs()
        ],
    }))

"""

HTTP = """
from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor

provider = TracerProvider()
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
trace.set_tracer_provider(provider)
log_provider = LoggerProvider()
log_provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
_logs.set_logger_provider(log_provider)
"""

INSTALL = "from stillframe.integrations.opentelemetry import install; install()\n"
FAIL = """
import shop
try:
    shop.checkout()
except KeyError:
    pass
"""
ZERO_CODE: dict[str, str | None] = {"STILLFRAME_ENABLED": "1", "STILLFRAME_HOOKS_OPENTELEMETRY": "1"}
SNAPSHOT_ID, FINGERPRINT = "stillframe.snapshot.id", "stillframe.fingerprint"


@pytest.fixture
def receiver() -> Generator[Receiver, None, None]:
    with receiving(answer=b"") as receiver:
        yield receiver


def run(store: Store, program: str, env: dict[str, str | None] | None = None, status: int = 0) -> Result:
    store.write("shop.py", SHOP)
    result = store.python(program, env={"STILLFRAME_DEBUG": "1", **(env or {})}, options=("-W", "error"))
    assert result.status == status, result.err
    assert "stillframe:" not in result.err, result.err
    return result


def in_memory(store: Store, program: str = FAIL, env: dict[str, str | None] | None = None, before: str = "") -> dict[str, Any]:
    """What a program's exporters were given."""
    result = run(store, before + MEMORY + program + "\ntell()\n", env)
    told: dict[str, Any] = json.loads(result.out.splitlines()[-1])
    assert "repr" not in result.out
    return told


def plain(value: Any) -> Any:
    """A value of the protocol."""
    kind = value.WhichOneof("value")
    if kind == "kvlist_value":
        return {pair.key: plain(pair.value) for pair in value.kvlist_value.values}
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None


def attributes(holder: Any) -> dict[str, Any]:
    return {pair.key: plain(pair.value) for pair in holder.attributes}


def sent_logs(receiver: Receiver) -> list[Any]:
    found = []
    for request in receiver.wait("/v1/logs"):
        message = ExportLogsServiceRequest()
        message.ParseFromString(request.body)
        found += [record for resource in message.resource_logs for scope in resource.scope_logs for record in scope.log_records]
    return found


def sent_spans(receiver: Receiver) -> list[Any]:
    found = []
    for request in receiver.wait("/v1/traces"):
        message = ExportTraceServiceRequest()
        message.ParseFromString(request.body)
        found += [span for resource in message.resource_spans for scope in resource.scope_spans for span in scope.spans]
    return found


def with_integers_of_the_protocol(value: Any) -> Any:
    """A snapshot in which integers beyond 64 bits with a sign are text. The ids of spans are such integers, every other one."""
    if isinstance(value, list):
        return [with_integers_of_the_protocol(item) for item in value]
    if not isinstance(value, dict):
        return value
    number = value.get("value")
    if type(number) is int and number >= 1 << 63:
        return {**value, "value": str(number), "rendered": True}
    return {name: with_integers_of_the_protocol(item) for name, item in value.items()}


@pytest.mark.parametrize("way", ["install", "environment"])
def test_a_recorded_exception_is_captured_and_both_know_of_each_other(store: Store, way: str) -> None:
    told = in_memory(store, **({"before": INSTALL} if way == "install" else {"env": ZERO_CODE}))
    (snapshot,) = store.snapshots()
    inner, outer = told["spans"]
    assert (inner["name"], outer["name"]) == ("convert", "checkout")
    ids = {SNAPSHOT_ID: snapshot["id"], FINGERPRINT: snapshot["fingerprint"]["key"]}
    for span in (inner, outer):
        assert {name: span["attributes"].get(name) for name in ids} == ids
        (event,) = span["events"]
        assert {name: event.get(name) for name in ids} == ids
        assert event["exception.type"] == "KeyError"
    assert snapshot["context"]["traceId"] == inner["trace"]
    assert snapshot["context"]["spanId"] == inner["span"]
    assert snapshot["exceptions"][0]["mechanism"] == "opentelemetry"

    (log,) = told["logs"]  # recorded on two spans, sent once
    assert log["event"] == "exception"
    assert log["severity"] == ["ERROR", 17]
    assert (log["trace"], log["span"]) == (inner["trace"], inner["span"])
    assert log["time"] == snapshot["timestamp"]
    assert log["scope"] == "stillframe"
    said = log["attributes"]
    assert said["exception.type"] == "KeyError"
    assert said["exception.message"] == "'EUR'"
    assert said["exception.stacktrace"].endswith("    return rates[currency]\nKeyError: 'EUR'\n")
    assert said["code.function.name"] == "shop.convert"
    assert said["code.file.path"].endswith("shop.py")
    assert said["code.line.number"] == snapshot["frames"][0]["line"]
    assert {name: said[name] for name in ids} == ids
    body = log["body"]
    assert body["id"] == snapshot["id"]
    assert values(body)["rates"] == values(snapshot)["rates"]
    assert values(body)["order"]["fields"]["api_token"]["notCapturedReason"] == "redactedIdent"
    assert "sk_live" not in json.dumps(log)
    jsonschema.Draft202012Validator(SCHEMA).validate(body)


def test_a_collector_gets_spans_and_snapshots_over_http(store: Store, receiver: Receiver) -> None:
    run(store, HTTP + FAIL, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **ZERO_CODE})
    (snapshot,) = store.snapshots()
    (record,) = sent_logs(receiver)
    assert attributes(record)[SNAPSHOT_ID] == snapshot["id"]
    assert record.trace_id.hex() == snapshot["context"]["traceId"]
    assert record.span_id.hex() == snapshot["context"]["spanId"]
    body = plain(record.body)
    jsonschema.Draft202012Validator(SCHEMA).validate(body)
    assert body == with_integers_of_the_protocol(snapshot)
    by_name = {span.name: span for span in sent_spans(receiver)}
    assert attributes(by_name["checkout"])[SNAPSHOT_ID] == snapshot["id"]
    assert attributes(by_name["checkout"].events[0])[SNAPSHOT_ID] == snapshot["id"]


def test_the_instrument_command_finds_us(store: Store, receiver: Receiver) -> None:
    store.write("shop.py", SHOP)
    program = store.write("program.py", FAIL)
    command = os.path.join(os.path.dirname(sys.executable), "opentelemetry-instrument")
    env: dict[str, str | None] = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
        "OTEL_TRACES_EXPORTER": "otlp",
        "OTEL_LOGS_EXPORTER": "otlp",
        "OTEL_METRICS_EXPORTER": "none",
        "OTEL_PYTHON_LOGGING_AUTO_INSTRUMENTATION_ENABLED": "true",
        "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": ",".join(["requests", "urllib3", "urllib", "threading", "asyncio"]),
    }
    result = store.run(command, sys.executable, program, env=env)
    assert result.status == 0, result.err
    (snapshot,) = store.snapshots()
    assert [attributes(record)[SNAPSHOT_ID] for record in sent_logs(receiver)] == [snapshot["id"]]
    assert {attributes(span)[SNAPSHOT_ID] for span in sent_spans(receiver)} == {snapshot["id"]}
    result = store.run(command, sys.executable, program, env={**env, "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "stillframe"})
    assert result.status == 0, result.err
    assert len(store.snapshots()) == 1


def test_without_being_asked_spans_stay_as_they_are(store: Store) -> None:
    told = in_memory(store, env={"STILLFRAME_ENABLED": "1"})
    assert [span["attributes"] for span in told["spans"]] == [{}, {}]
    assert all(SNAPSHOT_ID not in event for span in told["spans"] for event in span["events"])
    assert told["logs"] == []
    assert store.snapshots() == []


LATER = """
import shop, logging
try:
    shop.checkout()
except KeyError as error:
    logging.getLogger("shop").exception("failed")
try:
    try:
        shop.checkout("GBP")
    except KeyError as error:
        raise ValueError("no rate") from error
except ValueError:
    logging.getLogger("shop").exception("failed")
with shop.tracer.start_as_current_span("here"):
    try:
        {}["x"]
    except KeyError:
        logging.getLogger("shop").exception("failed")
try:
    {}["x"]
except KeyError:
    logging.getLogger("shop").exception("nowhere")
"""


def test_snapshots_know_their_span_also_after_its_end_and_without_being_asked(store: Store) -> None:
    told = in_memory(store, LATER, {"STILLFRAME_ENABLED": "1"})
    found = [(snapshot.get("context", {}).get("traceId"), snapshot.get("context", {}).get("spanId")) for snapshot in store.snapshots()]
    by_name = [(span["name"], span["trace"], span["span"]) for span in told["spans"]]
    converts = [(trace, span) for name, trace, span in by_name if name == "convert"]
    here = next((trace, span) for name, trace, span in by_name if name == "here")
    assert found == [*converts, here, (None, None)]


def test_an_error_that_goes_on_to_end_the_program_is_one_error(store: Store) -> None:
    run(store, INSTALL + MEMORY + "import shop; shop.checkout()", status=1)
    assert store.errors() == [("KeyError", "excepthook", False)]


def test_what_is_recorded_by_hand_is_captured_and_what_is_no_error_is_not(store: Store) -> None:
    told = in_memory(
        store,
        """
import shop
with shop.tracer.start_as_current_span("by hand") as span:
    try:
        {}["x"]
    except KeyError as error:
        span.record_exception(error, {"mine": 1}, escaped=True)
        span.record_exception(exception=error, attributes=None)
    span.record_exception(ValueError("never raised"))
    span.record_exception(KeyboardInterrupt())
    span.record_exception(StopIteration())
""",
        before=INSTALL,
    )
    (span,) = told["spans"]
    first, second, never, interrupt, stop = span["events"]
    assert first["mine"] == 1
    assert first["exception.escaped"] == "True"
    assert first[SNAPSHOT_ID] == second[SNAPSHOT_ID]
    assert never[SNAPSHOT_ID] != first[SNAPSHOT_ID]
    assert SNAPSHOT_ID not in interrupt
    assert SNAPSHOT_ID not in stop
    assert len(told["logs"]) == 2


def test_spans_that_do_not_record_cost_no_capture(store: Store) -> None:
    program = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider, sampling
trace.set_tracer_provider(TracerProvider(sampler=sampling.ALWAYS_OFF))
"""
    run(store, INSTALL + program + FAIL)
    assert store.snapshots() == []


def test_without_a_logger_provider_the_ids_are_there_all_the_same(store: Store) -> None:
    program = """
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(spans))
trace.set_tracer_provider(provider)
"""
    result = run(
        store, INSTALL + program + FAIL + "print([span.attributes['stillframe.snapshot.id'] for span in spans.get_finished_spans()])"
    )
    (snapshot,) = store.snapshots()
    assert result.out.count(snapshot["id"]) == 2


def test_limits_hold(store: Store) -> None:
    told = in_memory(store, "import shop\nfor n in range(20):\n    try: shop.checkout()\n    except KeyError: pass\n", DEFAULTS, INSTALL)
    assert 1 <= len(told["logs"]) < 20
    assert len(told["logs"]) == len(store.snapshots())


def test_uninstall_ends_it(store: Store) -> None:
    again = "\nfrom stillframe.integrations.opentelemetry import uninstall; uninstall()\n" + FAIL
    told = in_memory(store, FAIL + again, before=INSTALL)
    assert len(told["logs"]) == 1
    assert [SNAPSHOT_ID in span["attributes"] for span in told["spans"]] == [True, True, False, False]


def test_an_exporter_that_fails_and_records_it_ends_nowhere(store: Store) -> None:
    told = in_memory(
        store,
        """
import shop
class Exporter:
    def __init__(self):
        self.called = 0
    def emit(self, record):
        self.called += 1
        with shop.tracer.start_as_current_span("export") as span:
            try:
                raise ConnectionError("nobody listens")
            except ConnectionError as error:
                span.record_exception(error)
        raise ConnectionError("nobody listens")
    on_emit = emit
    def shutdown(self): pass
    def force_flush(self, timeout_millis=0): return True
failing = Exporter()
log_provider.add_log_record_processor(failing)
"""
        + FAIL
        + "assert failing.called == 1, failing.called\n",
        {"STILLFRAME_DEBUG": None},
        INSTALL,
    )
    assert len(told["logs"]) == 1
    assert [SNAPSHOT_ID in span["attributes"] for span in told["spans"] if span["name"] == "checkout"] == [True]


WIDE = """
import os, shop
{locals}
def fail(depth, node):
    number, least = 2 ** 64 - 1, -(2 ** 63)
    huge = 10 ** 30
    names = {{n: "ü" * 1000 for n in range(60)}}
    if depth:
        fail(depth - 1, {{(1, depth): [{{"in": node}}]}})
    raise KeyError("EUR")
with shop.tracer.start_as_current_span("wide"):
    try:
        fail(14, [])
    except KeyError as error:
        from opentelemetry import trace
        trace.get_current_span().record_exception(error)
"""
EVERYTHING = {
    "STILLFRAME_LIMITS_DEPTH": "32",
    "STILLFRAME_LIMITS_VALUES": "65536",
    "STILLFRAME_LIMITS_TAPE_BYTES": "1 MiB",
    "STILLFRAME_LIMITS_SOFT_TIME": "1 s",
    "STILLFRAME_LIMITS_HARD_TIME": "2 s",
}


def test_snapshots_of_any_size_and_depth_reach_the_collector_with_the_rest_of_the_batch(store: Store, receiver: Receiver) -> None:
    program = HTTP + WIDE.format(locals="") + FAIL
    run(store, program, {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, **ZERO_CODE, **EVERYTHING})
    wide, usual = sent_logs(receiver)
    body = plain(wide.body)
    jsonschema.Draft202012Validator(SCHEMA).validate(body)
    assert len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()) <= 131072
    assert len(store.snapshots()[0]["frames"]) == len(body["frames"])
    assert "pruned" in json.dumps(body)
    assert values(body)["number"] == str(2**64 - 1)
    assert values(body)["least"] == -(2**63)
    assert plain(usual.body)["exceptions"][0]["type"] == "KeyError"


def snapshot_of(store: Store, env: dict[str, str | None]) -> str:
    store.write("shop.py", SHOP)
    text = "import stillframe, sys\nstillframe.install()\n" + WIDE.format(locals="").replace(
        "trace.get_current_span().record_exception(error)", "sys.stdout.write(stillframe.capture(error).to_json())"
    )
    result = store.python(text, env=env)
    assert result.status == 0, result.err
    return result.out


@pytest.mark.parametrize("limit", [300_000, 131_072, 60_000, 20_000, 5_000, 100])
def test_what_is_pruned_is_still_a_snapshot_and_fits(store: Store, limit: int) -> None:
    whole = snapshot_of(store, dict(EVERYTHING))
    document = bounded(whole, limit)
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    size = len(json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())
    assert size <= max(limit, 4000)
    assert document["id"] == json.loads(whole)["id"]
    assert document["fingerprint"] == json.loads(whole)["fingerprint"]


def test_a_stacktrace_reads_as_pythons(store: Store) -> None:
    result = store.python(
        """
import stillframe, traceback
from stillframe.integrations._stacktrace import stacktrace
stillframe.install()
def fail():
    try:
        {}["x"]
    except KeyError as error:
        raise ValueError("secret: 4111111111111111") from error
try:
    try:
        fail()
    except ValueError:
        1 / 0
except ZeroDivisionError as error:
    traceback.print_exception(type(error), error, error.__traceback__)
    print(stacktrace(stillframe.capture(error).to_dict()), end="")
""",
        env={"STILLFRAME_HOOKS_LOGGING": "0"},
    )
    theirs = [line for line in result.err.splitlines() if not (line and set(line) <= set(" ^~"))]
    ours = result.out.splitlines()
    assert len(ours) == len(theirs)
    assert "4111111111111111" not in result.out
    hidden = [line for line, other in zip(ours, theirs) if line != other]
    assert all("4111111111111111" in other for line, other in zip(ours, theirs) if line != other)
    assert hidden


def test_a_stacktrace_of_a_group_names_its_members_and_gaps_are_told() -> None:
    document = {
        "exceptions": [
            {
                "type": "ExceptionGroup",
                "message": {"value": "both"},
                "frames": [0],
                "members": [1],
                "omitted": [{"what": "frames", "count": 3, "after": 0, "notCapturedReason": "frames"}],
            },
            {"type": "KeyError", "frames": []},
        ],
        "frames": [{"function": "f", "file": "/f.py", "line": 3}],
    }
    assert stacktrace(document) == (
        'Traceback (most recent call last):\n  [3 frames not captured]\n  File "/f.py", line 3, in f\nExceptionGroup: both\n  | KeyError\n'
    )
