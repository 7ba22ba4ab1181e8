"""The application under load, for FastAPI and for Flask: it prices a cart, and one request in FAIL_EVERY fails three calls down.

TRACER is ``none``, ``sentry`` (its SDK with local variables and its integrations, the events dropped where they would be sent), or anything
else; Stillframe is switched on from outside.
"""

from __future__ import annotations

import itertools
import os
from typing import Any

EVERY = int(os.environ.get("FAIL_EVERY", "100"))
_requests = itertools.count(1)
PRICES = {f"sku-{number}": number * 17 % 1000 + 1 for number in range(200)}

if os.environ.get("TRACER") == "sentry":
    import sentry_sdk

    sentry_sdk.init("http://key@127.0.0.1:9/1", transport=lambda envelope: None, include_local_variables=True)


class Cart:
    """What a customer buys."""

    def __init__(self, customer: str, skus: list[str]) -> None:
        """Takes what is bought."""
        self.customer = customer
        self.skus = skus
        self.discount = 0.1 if customer.endswith("7") else 0.0


def total(number: int) -> dict[str, Any]:
    """The price of a customer's cart."""
    cart = Cart(f"customer-{number}", [f"sku-{(number * step) % 200}" for step in range(1, 9)])
    if next(_requests) % EVERY == 0:
        cart.skus.append("sku-unknown")
    lines = [line(cart, sku) for sku in cart.skus]
    return {"customer": cart.customer, "lines": lines, "total": sum(item["price"] for item in lines)}


def line(cart: Cart, sku: str) -> dict[str, Any]:
    """One line of the bill."""
    reduced = 1 - cart.discount
    return {"sku": sku, "price": price(sku) * reduced}


def price(sku: str) -> int:
    """What an article costs."""
    return PRICES[sku]


def _fastapi() -> Any:
    from fastapi import FastAPI

    app = FastAPI()

    @app.get("/cart/{number}")
    async def cart(number: int) -> dict[str, Any]:
        return total(number)

    return app


def _flask() -> Any:
    from flask import Flask

    app = Flask("shop")

    @app.get("/cart/<int:number>")
    def cart(number: int) -> dict[str, Any]:
        return total(number)

    return app


def __getattr__(name: str) -> Any:
    return {"fastapi_app": _fastapi, "flask_app": _flask}[name]()
