"""One error in a program that reports to Sentry and records on OpenTelemetry spans: both carry the captured values, each in its form.

Nothing leaves the machine: what each would send is printed.
"""

import json

import sentry_sdk
from opentelemetry import trace
from opentelemetry._logs import set_logger_provider
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.trace import TracerProvider
from sentry_sdk.transport import Transport

import stillframe
from stillframe.integrations import opentelemetry
from stillframe.integrations.sentry import StillframeIntegration

RATES = {"USD": 1.08, "GBP": 0.86}


class Printed(Transport):
    """Prints what the Sentry SDK would send."""

    def capture_envelope(self, envelope):
        event = envelope.get_event()
        frame = event["exception"]["values"][-1]["stacktrace"]["frames"][-1]
        print(f"Sentry event, frame {frame['function']}:", json.dumps(frame["vars"], ensure_ascii=False))
        print("Sentry event, context:", event["contexts"]["stillframe"]["show"])


def convert(amount, currency):
    return amount * RATES[currency]


stillframe.install()
logs = InMemoryLogRecordExporter()
provider = LoggerProvider()
provider.add_log_record_processor(SimpleLogRecordProcessor(logs))
set_logger_provider(provider)
trace.set_tracer_provider(TracerProvider())
opentelemetry.install()
sentry_sdk.init(dsn="http://key@localhost/1", transport=Printed, integrations=[StillframeIntegration()])

with trace.get_tracer("shop").start_as_current_span("checkout") as span:
    try:
        convert(5, "EUR")
    except KeyError as error:
        span.record_exception(error)
        sentry_sdk.capture_exception(error)
        snapshot = stillframe.capture(error)

record = logs.get_finished_logs()[0].log_record
print("OpenTelemetry log record:", record.event_name, record.attributes["exception.type"], "at", record.attributes["code.function.name"])
print("OpenTelemetry log record, body:", len(json.dumps(record.body, default=str)), "bytes of values;", "snapshot", record.attributes["stillframe.snapshot.id"][-8:])
frame = json.loads(snapshot.to_datadog()[0])[0]["debugger"]["snapshot"]["captures"]["lines"]
print("Datadog snapshot:", json.dumps(next(iter(frame.values()))["staticFields"]))
