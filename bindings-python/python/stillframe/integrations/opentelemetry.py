"""OpenTelemetry: exceptions that are recorded on a span are captured, and the snapshots leave by the program's own log pipeline.

``STILLFRAME_HOOKS_OPENTELEMETRY=1``, ``install()``, or the ``opentelemetry-instrument`` command, which finds ``StillframeInstrumentor``.
The ids of the trace and the span are on every snapshot, with or without.
"""

from __future__ import annotations

import sys
from _thread import get_ident

from stillframe import _context, _failures, _hooks, _identity, _lifecycle, _report
from stillframe._hooks.patch import Layer, Patch
from stillframe.integrations._records import FINGERPRINT, SNAPSHOT_ID

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from stillframe._snapshot import Snapshot

BODY_BYTES = 131072
"""JSON of a snapshot in the body of a log record; a larger one is pruned. Collectors take batches of a few MB."""

_installed = False
_exporting: set[int] = set()
"""Threads that are handing a snapshot over: what fails on the way is not handed over as well."""

_records: dict[type, frozenset[str]] = {}


def install() -> None:
    """Captures what is recorded on a span, adds the ids of the snapshot there, and hands the snapshot to the global logger provider.

    Capturing begins with it, as with ``stillframe.install()``, unless it has begun or the environment says no.
    """
    global _installed
    _installed = True
    _report.keep_snapshots()
    if not _lifecycle.started:
        _lifecycle.install({})


def uninstall() -> None:
    """Takes ``install`` back. Capturing goes on."""
    global _installed
    _installed = False


class StillframeInstrumentor:
    """What the ``opentelemetry-instrument`` command looks for in an installed package."""

    is_instrumented_by_opentelemetry = False

    def instrumentation_dependencies(self) -> tuple[str, ...]:
        """Nothing is instrumented but OpenTelemetry itself."""
        return ()

    def instrument(self, **kwargs: object) -> None:
        """Does what ``install`` does."""
        install()

    def uninstrument(self, **kwargs: object) -> None:
        """Does what ``uninstall`` does."""
        uninstall()


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: the recording of an exception on a span. Of the interface, only the current span is asked for."""
    if module.__name__ == "opentelemetry.trace":
        if _current not in _context.trace_ids:
            _context.trace_ids.append(_current)
        return []
    return [Patch("always", module.Span, "record_exception", wrap=_recording)]


def _current() -> tuple[int, int] | None:
    """Ids of the current trace and span."""
    try:
        where = sys.modules["opentelemetry.trace"].get_current_span().get_span_context()
        return (where.trace_id, where.span_id) if where.is_valid else None
    except Exception as failure:
        _failures.count(failure)
        return None


def _recording(layer: Layer) -> Any:
    original, recorded, swallowed, out_of_stack = layer.original, _recorded, _failures.swallowed, _failures.out_of_stack

    def record_exception(self: Any, exception: Any, attributes: Any = None, *args: Any, **kwargs: Any) -> Any:
        if layer.active:
            try:
                ids = recorded(self, exception)
                if ids is not None:
                    attributes = {**(attributes or {}), **ids}
            except RecursionError:
                out_of_stack[0] += 1
            except BaseException as failure:
                if not swallowed(failure):
                    original(self, exception, attributes, *args, **kwargs)
                    raise
        return original(self, exception, attributes, *args, **kwargs)

    return record_exception


def _recorded(span: Any, error: Any) -> dict[str, str] | None:
    """Captures an error that is recorded on a span, and hands the snapshot over. Returns what to add to the span's event."""
    if get_ident() in _exporting or not issubclass(type(error), BaseException) or not _report.is_error(error) or not span.is_recording():
        return None
    where = span.get_span_context()
    met = _identity.remember(error)
    if met is not None and met.trace is None:
        met.trace = where.trace_id, where.span_id
    if not (_installed or _hooks.is_on("opentelemetry")):
        return None
    _report.keep_snapshots()
    snapshot = _report.snapshot_of(error, None, "opentelemetry", handled=True)
    if snapshot is None:
        return None
    ids = {SNAPSHOT_ID: snapshot.id, FINGERPRINT: snapshot.issue}
    for name, value in ids.items():
        span.set_attribute(name, value)
    met = _identity.find(error)
    if met is None or not met.exported:
        _exporting.add(get_ident())
        try:
            _export(snapshot, ids, span)
        except Exception as failure:  # of the program's processors and exporters as well
            _failures.count(failure)
        finally:
            _exporting.discard(get_ident())
        if met is not None:
            met.exported = True
    return ids


def _export(snapshot: Snapshot, ids: dict[str, str], span: Any) -> None:
    """Hands a snapshot to the program's logger provider, if it has one."""
    from opentelemetry import _logs

    from stillframe._runtime import native

    logger = _logs.get_logger("stillframe", native.__version__)
    if isinstance(getattr(logger, "_logger", logger), _logs.NoOpLogger):
        return
    from stillframe.integrations._bounded import bounded
    from stillframe.integrations._stacktrace import message, stacktrace

    text = snapshot.to_json()
    document = bounded(text, BODY_BYTES)
    head: dict[str, Any] = next(iter(document["exceptions"]), {})
    attributes: dict[str, Any] = {
        "exception.type": head.get("type"),
        "exception.message": message(head),
        "exception.stacktrace": stacktrace(document),
        **ids,
    }
    for index in head.get("frames", ())[:1]:
        raising = document["frames"][index]
        names = (raising.get("module"), raising.get("function"))
        attributes["code.function.name"] = ".".join(name for name in names if name)
        attributes["code.file.path"] = raising.get("file")
        attributes["code.line.number"] = raising.get("line")
    given = {name: value for name, value in attributes.items() if value is not None}
    logger.emit(_record(logger, _logs, span, document, given))


def _record(logger: Any, _logs: Any, span: Any, document: dict[str, Any], attributes: dict[str, Any]) -> Any:
    """A log record of the class that this version has: the SDK's own until it was given up for that of the interface."""
    from opentelemetry.trace import set_span_in_context

    kind = getattr(sys.modules.get("opentelemetry.sdk._logs"), "LogRecord", None) or _logs.LogRecord
    accepted = _records.get(kind)
    if accepted is None:
        from inspect import signature

        accepted = _records[kind] = frozenset(signature(kind.__init__).parameters)
    where = span.get_span_context()
    fields: dict[str, Any] = {
        "timestamp": document["timestamp"],
        "severity_text": "ERROR",
        "severity_number": _logs.SeverityNumber.ERROR,
        "body": document,
        "attributes": attributes,
    }
    if "context" in accepted:
        fields["context"] = set_span_in_context(span)
    else:
        fields.update(trace_id=where.trace_id, span_id=where.span_id, trace_flags=where.trace_flags)
    if "resource" in accepted:
        fields["resource"] = getattr(logger, "resource", None)
    if "event_name" in accepted:
        fields["event_name"] = "exception"
    else:
        attributes["event.name"] = "exception"
    return kind(**fields)
