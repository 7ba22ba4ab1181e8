"""A small shop, as an example of what Stillframe captures. It fails in several ways, with secrets in its variables."""

import asyncio
import dataclasses
import datetime
import decimal
import json
import logging

logging.basicConfig(format="%(levelname)s %(message)s")
log = logging.getLogger("shop")


@dataclasses.dataclass
class Customer:
    id: int
    name: str
    plan: str
    password: str = "hunter2-planted"
    card: str = "4111 1111 1111 1111"


@dataclasses.dataclass
class Item:
    name: str
    price: decimal.Decimal
    currency: str = "USD"


class Pricing:
    def __init__(self, rates):
        self.rates = rates
        self.api_token = "tok-planted-8f2c1d"

    def convert(self, amount, currency, day):
        rate_table = self.rates[day]
        rate = rate_table[currency]
        return amount * rate


class Cart:
    def __init__(self, customer, items):
        self.customer = customer
        self.items = items

    def total(self, pricing, day):
        total = decimal.Decimal(0)
        for item in self.items:
            total += pricing.convert(item.price, item.currency, day)
        return total


def read_settings(text):
    return json.loads(text)["settings"]


async def reserve(item, attempts):
    header = "Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJwbGFudGVkIjp0cnVlfQ.c2lnbmF0dXJlLXBsYW50ZWQtMTIz"
    log.debug(header)
    await asyncio.sleep(0)
    raise TimeoutError(f"no answer from the warehouse after {attempts} attempts")


def main():
    try:
        read_settings('{"settings": {"currency": "EUR",}}')
    except ValueError:
        log.exception("settings could not be read; defaults are used")
    for name in ("teapot", "kettle"):
        try:
            asyncio.run(reserve(Item(name, decimal.Decimal("12.50")), attempts=3))
        except TimeoutError:
            log.exception("%s is not reserved", name)
    day = datetime.date(2026, 11, 20)
    pricing = Pricing({day: {"USD": decimal.Decimal("1.08"), "GBP": decimal.Decimal("0.86")}})
    customer = Customer(17, "Ann Miller", "free")
    cart = Cart(customer, [Item("teapot", decimal.Decimal("19.90")), Item("cup", decimal.Decimal("4.50"), "EUR")])
    print("total:", cart.total(pricing, day))


main()
