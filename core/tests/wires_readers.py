"""Reads what our wires write with the parsers of those who defined the formats: `.ci/wires` runs it.

    python core/tests/wires_readers.py FOLDER

FOLDER has, by name, the snapshot in format 1 (``.json``), what is sent to a receiver of OTLP (``.otlp``) and to Sentry (``.envelope``).
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from sentry_relay.processing import StoreNormalizer
from sentry_sdk.envelope import Envelope

SENTRY_BYTES = 1 << 20
LARGEST = 1 << 63
TWICE = "<twice>"


def plain(value: Any) -> Any:
    """A value of OpenTelemetry as plain JSON."""
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return pairs(value.kvlist_value.values)
    return getattr(value, kind)


def pairs(found: Any) -> dict[str, Any]:
    names = [pair.key for pair in found]
    assert len(names) == len(set(names)), names
    return {pair.key: plain(pair.value) for pair in found}


def long_as_text(value: Any) -> Any:
    """Format 1 where no integer has more than 64 bits with a sign."""
    if isinstance(value, list):
        return [long_as_text(item) for item in value]
    if not isinstance(value, dict):
        return value
    out = {name: long_as_text(item) for name, item in value.items()}
    if isinstance(out.get("value"), int) and out["value"] >= LARGEST:
        out.update(value=str(out["value"]), rendered=True)
    return out


def has_twice(data: bytes) -> bool:
    """Whether a name stands twice in an object: it is numbered for OTLP."""
    found = []

    def hook(members: list[tuple[str, Any]]) -> None:
        found.append(len({name for name, _ in members}) < len(members))

    json.loads(data, object_pairs_hook=hook)
    return any(found)


def check_otlp(data: bytes, snapshot: dict[str, Any]) -> None:
    request = ExportLogsServiceRequest.FromString(gzip.decompress(data))
    ((resource_logs,),) = (request.resource_logs,)
    (scope_logs,) = resource_logs.scope_logs
    (record,) = scope_logs.log_records
    assert record.event_name == "exception"
    assert record.time_unix_nano == snapshot["timestamp"]
    context = snapshot.get("context", {})
    assert record.trace_id.hex() == context.get("traceId", "")
    assert record.span_id.hex() == context.get("spanId", "")
    attributes = pairs(record.attributes)
    assert attributes["stillframe.snapshot.id"] == snapshot["id"]
    assert attributes["exception.stacktrace"].endswith("\n")
    assert pairs(resource_logs.resource.attributes)["service.name"] == (snapshot["service"] or "unknown_service")
    body = plain(record.body)
    if "pruned" in json.dumps(body) or TWICE in snapshot:
        assert body["id"] == snapshot["id"]
    else:
        assert body == long_as_text(snapshot), (body, snapshot)


def remarks(meta: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    """What Relay says that it changed, and where."""
    found = []
    for name, inner in (meta or {}).items():
        found += [(path, inner)] if name == "" else remarks(inner, (*path, name))
    return found


def without_nothing(value: Any) -> Any:
    """Relay leaves out what is null or empty, or writes it as text where it is deepest."""
    if isinstance(value, dict):
        kept = {name: without_nothing(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (None, "")} or ""
    if isinstance(value, list):
        return [without_nothing(item) for item in value] or ""
    return "" if value in ("{}", "[]") else value


def check_sentry(data: bytes, snapshot: dict[str, Any]) -> None:
    envelope = Envelope.deserialize(gzip.decompress(data))
    (item,) = envelope.items
    assert item.headers["type"] == "event"
    event = envelope.get_event()
    assert event is not None
    assert envelope.headers["event_id"] == event["event_id"] == snapshot["id"].replace("-", "")
    assert len(item.payload.get_bytes()) <= SENTRY_BYTES
    relay = StoreNormalizer(
        project_id=1, protocol_version="7", max_secs_in_future=10**9, max_secs_in_past=10**10, enable_trimming=True, is_renormalize=False
    )
    after = relay.normalize_event(json.loads(json.dumps(event)))
    assert not after.get("errors"), after["errors"]
    # A text of the program may be more than Sentry keeps of a tag's or an exception's: that it cuts, and marks.
    changed = [(path, what) for path, what in remarks(after.get("_meta")) if path[0] not in ("user", "extra")]
    assert not changed, changed
    for name in ("event_id", "platform", "level", "logger", "release", "environment", "fingerprint"):
        assert after.get(name) == (event.get(name) or after.get(name)), (name, event.get(name), after.get(name))
    assert abs(after["timestamp"] - snapshot["timestamp"] / 1e9) < 0.01
    values, shown = event["exception"]["values"], after["exception"]["values"]
    assert len(values) == len(shown) == len({value["mechanism"]["exception_id"] for value in shown})
    for ours, theirs in zip(values, shown):
        for name in ("type", "value", "module", "thread_id"):
            assert (theirs.get(name) or "") == (ours.get(name) or ""), (name, ours, theirs)
        assert without_nothing(theirs["mechanism"]) == without_nothing(ours["mechanism"])
        for mine, other in zip(*(value.get("stacktrace", {}).get("frames", []) for value in (ours, theirs))):
            for name in ("function", "module", "package", "lineno", "context_line", "pre_context", "post_context", "vars"):
                expected = None if mine.get(name) == "?" else mine.get(name)  # Relay's own word for an unknown function
                assert without_nothing([other.get(name)]) == without_nothing([expected]), (name, mine, other)
    for name in ("stillframe", "runtime", "trace"):
        for member, value in event["contexts"].get(name, {}).items():
            assert after["contexts"][name][member] == value, (name, member)
    host = {"server_name": event["server_name"]} if "server_name" in event else {}  # Relay makes a tag of it
    for name, value in {**event.get("tags", {}), **host}.items():
        assert [name, value] in after["tags"], (name, value, after["tags"])


def main() -> None:
    count = 0
    for path in sorted(Path(sys.argv[1]).glob("*.json")):
        snapshot = json.loads(path.read_bytes())
        if has_twice(path.read_bytes()):
            snapshot[TWICE] = True
        for check, suffix in ((check_otlp, ".otlp"), (check_sentry, ".envelope")):
            try:
                check(path.with_suffix(suffix).read_bytes(), snapshot)
            except Exception:
                print(f"wires: {path.name}: {check.__name__}", file=sys.stderr)
                raise
        count += 1
    assert count > 30, count
    print(f"wires: {count} snapshots, as OpenTelemetry and Sentry read them")


main()
