"""Failing frames of a made-up web shop: what an exception holds in practice.

Every call builds objects of its own. Tracers ask for ``__dict__``, which makes CPython 3.11 and 3.12 store an instance's attributes in
another way from then on; so the arms of a comparison get equal objects, never the same ones.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Callable


class PaymentFailed(Exception):
    """What the frames below fail with."""


@dataclass
class Address:
    """Where the user lives."""

    street: str = "12 Rue de la Paix"
    city: str = "Paris"
    postcode: str = "75002"
    country: str = "FR"


@dataclass
class User:
    """Who buys."""

    id: int
    name: str = "Ada Lovelace"
    email: str = "ada@example.com"
    active: bool = True
    balance: float = 1034.55
    address: Address = field(default_factory=Address)
    roles: list[str] = field(default_factory=lambda: ["admin", "editor", "viewer"])
    password: str = "correct-horse-battery"
    logins: int = 17


class Line:
    """A line of an order."""

    __slots__ = ("in_stock", "price", "quantity", "sku", "title")

    def __init__(self, number: int, chance: random.Random) -> None:
        self.sku = f"SKU-{number * 7919 % 999_983:06d}"
        self.quantity = number % 5 + 1
        self.price = round(chance.random() * 100, 2)
        self.title = f"Product number {number} with a title"
        self.in_stock = number % 3 > 0


class Request:
    """What the shop's framework hands to a view."""

    def __init__(self, number: int) -> None:
        self.method = "POST"
        self.path = "/api/v2/checkout/confirm"
        self.headers = {
            "Host": "shop.example.com",
            "Accept": "application/json",
            "Authorization": "Bearer eyJhbGciOiJIUzI1NiJ9",
            "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
            "Content-Length": str(1234 + number),
            "X-Request-Id": "6f1b2c3d-4e5f-6789-abcd-ef0123456789",
        }
        self.query = {"page": "2", "sort": "price", "debug": "false"}
        self.remote = "10.1.2.3"
        self.scheme = "https"
        self.length = 1234 + number
        self.session_token = "tok_123456"
        self.started = 1_718_032_000.123456


def confirm(number: int) -> None:
    """One frame with 20 variables, about 240 values."""
    chance = random.Random(number)
    request = Request(number)
    user = User(10_042 + number)
    lines = [Line(number + n, chance) for n in range(12)]
    ids = list(range(1000 + number, 1040 + number))
    prices = [round(chance.random() * 100, 3) for _ in range(10)]
    totals = {"net": 1000.25, "tax": 234.31, "gross": 1234.56, "lines": 12, "codes": ("A1", "B2")}
    config = {"database": {"host": "db1.internal", "port": 5432, "password": "x", "pool": 10}, "features": {"beta": True}, "timeout": 30}
    message = "Payment gateway returned status 502 while confirming the order; retrying with backoff. " * 2
    total, currency, count, discount, is_retry, attempt = 1234.5678 + number, "EUR", 12, None, False, 3
    key, api_key, point, quoted = f"order:{number}", "sk_live_abcdef", (3, 4), 'He said "hello"\nand left'
    raise PaymentFailed(f"order {number}: the bank sent no receipt")


def confirm_many(number: int, frames: int) -> None:
    """``frames`` frames, each with objects of its own: the 20 variables' worth of :func:`confirm` and lists of lines."""
    chance = random.Random(number)
    request = Request(number)
    user = User(10_042 + number)
    lines = [Line(number + n, chance) for n in range(100)]
    more = [Line(number + n, chance) for n in range(100, 180)]
    ids = list(range(number, number + 100))
    prices = [round(chance.random() * 100, 3) for _ in range(100)]
    if frames > 1:
        confirm_many(number + 1, frames - 1)
    raise PaymentFailed(f"order {number}: the bank sent no receipt")


def small(frames: int) -> None:
    """``frames`` frames with next to nothing in them."""
    if frames > 1:
        small(frames - 1)
    raise PaymentFailed("no receipt")


def with_value(value: Any, frames: int = 1) -> None:
    """Frames that all see one object."""
    if frames > 1:
        with_value(value, frames - 1)
    raise PaymentFailed("no receipt")


def locals_of(count: int) -> Callable[[], None]:
    """A function that fails with so many variables that are ``None``."""
    body = "".join(f"    name_{n:02d} = None\n" for n in range(count))
    space: dict[str, Any] = {"PaymentFailed": PaymentFailed}
    exec(compile(f"def fail():\n{body}    raise PaymentFailed('no receipt')\n", __file__, "exec"), space)
    return space["fail"]  # type: ignore[no-any-return]


Failure = tuple[PaymentFailed, TracebackType]


def failure(function: Callable[..., None], *arguments: Any) -> Failure:
    """The exception with which a call fails, and its traceback without the frame of this function."""
    try:
        function(*arguments)
    except PaymentFailed as error:
        assert error.__traceback__ is not None
        traceback = error.__traceback__.tb_next
        assert traceback is not None
        return error.with_traceback(None), traceback
    raise AssertionError("it did not fail")


def variables(failed: Failure) -> list[dict[str, Any]]:
    """The variables of its frames, as tracers in Python get them."""
    found = []
    traceback: TracebackType | None = failed[1]
    while traceback is not None:
        found.append(dict(traceback.tb_frame.f_locals))
        traceback = traceback.tb_next
    return found


def plain(value: Any) -> Any:
    """The same data without types, as a JSON library takes it."""
    if value is None or isinstance(value, (str, int, float)):
        return value
    if isinstance(value, dict):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple, set)):
        return [plain(item) for item in value]
    if isinstance(value, Line):
        return {name: plain(getattr(value, name)) for name in value.__slots__}
    if isinstance(value, (Request, User, Address)):
        return {name: plain(item) for name, item in vars(value).items()}
    return type(value).__name__  # such as the generator of random numbers
