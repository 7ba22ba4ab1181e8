"""The examples of docs/tracers.md run, and do what is said there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from receiving import receiving
from support import Store

PAGE = (Path(__file__).parents[3] / "docs" / "tracers.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE, re.S)


def test_there_is_an_example_of_each() -> None:
    for name in (
        "sentry import StillframeIntegration",
        "sentry.before_send",
        "opentelemetry.install",
        "structlog",
        "loguru",
        "AddSnapshotId",
    ):
        assert any(name in example for example in EXAMPLES), name


@pytest.mark.parametrize("number", range(len(EXAMPLES)))
def test_an_example_captures_its_error(store: Store, number: int) -> None:
    with receiving() as receiver:
        env: dict[str, str | None] = {
            "SENTRY_DSN": f"http://key@127.0.0.1:{receiver.port}/1",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url,
        }
        result = store.python(EXAMPLES[number], env=env)
        assert result.status == 0, result.err
        (snapshot,) = store.snapshots()
        assert snapshot["exceptions"][0]["type"] == "KeyError"
        sent = b"".join(request.body for request in receiver.requests)
    said = snapshot["id"].encode() in sent + result.out.encode() + result.err.encode()
    assert said or "loguru" in EXAMPLES[number]  # whose default format does not show what is extra
