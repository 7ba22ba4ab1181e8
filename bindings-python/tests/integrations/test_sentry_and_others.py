"""Several tools in one program, and one error: each reports it once, and nothing else changes."""

from __future__ import annotations

import json
from typing import Any

import msgpack
import pytest
from sentry_shop import Shop, receiver, shop, variables

__all__ = ["receiver", "shop"]

PROGRAM = """
import ddtrace.auto
import ddtrace, logging, os, sys
import sentry_sdk
from loguru import logger
import structlog
from opentelemetry import _logs, trace
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.sdk._logs import LoggerProvider, export
from opentelemetry.sdk.trace import TracerProvider
from order import Order, convert

trace.set_tracer_provider(TracerProvider())
provider = LoggerProvider()
provider.add_log_record_processor(export.SimpleLogRecordProcessor(OTLPLogExporter()))
_logs.set_logger_provider(provider)
sentry_sdk.init(os.environ["DSN"])
logger.remove()
logger.add(sys.stdout, format="{message}", backtrace=False, diagnose=False)
structlog.configure(processors=[structlog.processors.format_exc_info, structlog.processors.JSONRenderer()])
tracer = getattr(ddtrace, "tracer", None)

class Failed(Exception):
    pass

def work(order, currency):
    with tracer.trace("work"), trace.get_tracer("shop").start_as_current_span("work"):
        try:
            convert(order, currency)
        except KeyError as error:
            raise KIND("no rate") from error

try:
    work(Order(), "EUR")
except KIND as error:
    logging.getLogger("shop").exception("failed")
    logger.exception("failed")
    structlog.get_logger().exception("failed")
    sentry_sdk.capture_exception(error)
    print(type(error).__name__, error, error.__cause__, vars(error) if KIND is Failed else "")
print("done")
"""


def run(shop: Shop, kind: str, **env: str | None) -> tuple[int, str, dict[str, int], list[dict[str, Any]]]:
    """What a program printed, how many requests went to each path, and the events of Sentry."""
    shop.receiver.requests.clear()
    program = PROGRAM.replace("KIND", kind)
    surroundings: dict[str, str | None] = {
        "DSN": f"http://key@127.0.0.1:{shop.receiver.port}/1",
        "DD_TRACE_AGENT_URL": shop.receiver.url,
        "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
        "DD_REMOTE_CONFIGURATION_ENABLED": "false",
        "DD_TRACE_STARTUP_LOGS": "false",
        "DD_TRACE_API_VERSION": "v0.4",
        "OTEL_EXPORTER_OTLP_ENDPOINT": shop.receiver.url,
        "STILLFRAME_DEBUG": "1",
        **env,
    }
    result = shop.store.python(program, env=surroundings)
    assert result.status == 0, result.err
    assert "stillframe:" not in result.err, result.err
    return result.status, result.out, {"traces": len(spans(shop)), "logs": paths(shop, "/v1/logs")}, shop.events()


def paths(shop: Shop, path: str) -> int:
    return sum(request.path == path for request in shop.receiver.requests)


def spans(shop: Shop) -> list[dict[str, Any]]:
    """Spans with an error that the agent of ddtrace would have got."""
    found = []
    for request in shop.receiver.requests:
        if request.path == "/v0.4/traces":
            found += [span for chunk in msgpack.unpackb(request.body) for span in chunk if span.get("error")]
    return found


@pytest.mark.parametrize("kind", ["Failed", "ValueError"])
def test_each_tool_reports_one_error_once(shop: Shop, kind: str) -> None:
    everything: dict[str, str | None] = {
        "STILLFRAME_ENABLED": "1",
        "STILLFRAME_HOOKS_SENTRY": "1",
        "STILLFRAME_HOOKS_OPENTELEMETRY": "1",
    }
    status, out, sent, events = run(shop, kind, STILLFRAME_ENABLED="0")
    assert sent == {"traces": 1, "logs": 0}
    (span,) = spans(shop)
    ours_status, ours_out, ours_sent, ours_events = run(shop, kind, **everything)
    (ours_span,) = spans(shop)
    assert ours_sent == {"traces": 1, "logs": 1}
    assert "repr" not in ours_out
    assert (ours_status, ours_out) == (status, out.replace("repr\n", ""))
    assert ours_span["meta"]["error.stack"] == span["meta"]["error.stack"]

    (snapshot,) = shop.store.snapshots()
    assert snapshot["exceptions"][0]["type"].endswith(kind)
    assert len(ours_events) == len(events) >= 1
    for event in ours_events:
        assert event["contexts"]["stillframe"]["snapshot"] == snapshot["id"]
        assert variables(event, "work")["currency"] == "'EUR'"
        assert variables(event, "convert", 0)["rates"] == {"USD": "1.08"}
    assert json.dumps(snapshot).count("sk_live") == 0
    assert snapshot["context"]["traceId"]
