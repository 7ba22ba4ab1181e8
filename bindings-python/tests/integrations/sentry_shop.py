"""A program that reports to Sentry, with a server of ours in its place."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import pytest
import sentry_sdk
from sentry_sdk.envelope import Envelope

from receiving import Receiver, receiving
from support import Result, Store

NEW = hasattr(sentry_sdk, "get_client")

ORDER = """
class Order:
    def __init__(self):
        self.items = [{"sku": f"A{number}", "price": number * 1.5} for number in range(200)]
        self.api_token = "sk_live_0123456789"
        self.note = "x" * 3000

    def __repr__(self):
        print("repr")
        return "Order()"


def convert(order, currency):
    rates = {"USD": 1.08}
    passphrase = "hunter2"
    return rates[currency]
"""

START = """
import logging, os, sys
import sentry_sdk
from order import Order, convert
{before}
sentry_sdk.init(os.environ["DSN"], {options})
"""

FAIL = """
try:
    convert(Order(), "EUR")
except KeyError as error:
    sentry_sdk.capture_exception(error)
"""

EXPLICIT = {
    "before": "from stillframe.integrations.sentry import StillframeIntegration",
    "options": "integrations=[StillframeIntegration()]",
}
ZERO_CODE = {"STILLFRAME_ENABLED": "1", "STILLFRAME_HOOKS_SENTRY": "1"}


@pytest.fixture
def receiver() -> Generator[Receiver, None, None]:
    with receiving() as receiver:
        yield receiver


class Shop:
    """A program that reports to Sentry."""

    def __init__(self, store: Store, receiver: Receiver) -> None:
        self.store = store
        self.receiver = receiver
        store.write("order.py", ORDER)

    def run(
        self, program: str = FAIL, before: str = "", options: str = "", env: dict[str, str | None] | None = None, status: int = 0
    ) -> Result:
        text = START.format(before=before, options=options) + program
        dsn = f"http://key@127.0.0.1:{self.receiver.port}/1"
        result = self.store.python(text, env={"DSN": dsn, "STILLFRAME_DEBUG": "1", **(env or {})})
        assert result.status == status, result.err
        assert "stillframe:" not in result.err, result.err
        return result

    def events(self) -> list[dict[str, Any]]:
        return [item for item in self.items("event")]

    def items(self, kind: str) -> list[Any]:
        """The payloads of a kind, as Sentry's own code reads them. The old SDK sends some events without an envelope."""
        found = []
        for request in self.receiver.requests:
            if request.path.endswith("/store/"):
                found += [json.loads(request.body)] if kind == "event" else []
            if not request.path.endswith("/envelope/"):
                continue
            for item in Envelope.deserialize(request.body).items:
                if item.headers.get("type") == kind:
                    found.append(json.loads(item.payload.get_bytes()))
        return found


@pytest.fixture
def shop(store: Store, receiver: Receiver) -> Shop:
    return Shop(store, receiver)


def variables(event: dict[str, Any], function: str, exception: int = -1) -> dict[str, Any]:
    """Variables of a frame, the innermost of its name."""
    frames = event["exception"]["values"][exception]["stacktrace"]["frames"]
    return next(frame["vars"] for frame in reversed(frames) if frame["function"] == function)
