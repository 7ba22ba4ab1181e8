"""A small web shop with bugs in it. Nothing here knows of Stillframe.

Flask serves it, SQLAlchemy keeps it in SQLite. `visit.py` buys from it until it breaks; when it is told to stop (SIGTERM) it restocks,
which fails as well.
"""

import asyncio
import logging
import os
import signal
import threading
from datetime import date
from decimal import Decimal

from flask import Flask, jsonify, request
from sqlalchemy import ForeignKey, Numeric, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from werkzeug.serving import make_server

app = Flask("shop")
database = create_engine("sqlite:///" + os.environ.get("SHOP_DATABASE", "shop.sqlite"))


class Base(DeclarativeBase):
    pass


class Customer(Base):
    __tablename__ = "customer"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    password_hash: Mapped[str]
    street: Mapped[str | None]
    orders: Mapped[list["Order"]] = relationship(back_populates="customer")


class Product(Base):
    __tablename__ = "product"
    sku: Mapped[str] = mapped_column(primary_key=True)
    title: Mapped[str]
    price: Mapped[Decimal] = mapped_column(Numeric(10, 2))
    stock: Mapped[int]


class Order(Base):
    __tablename__ = "shop_order"
    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"))
    customer: Mapped[Customer] = relationship(back_populates="orders")
    sku: Mapped[str] = mapped_column(ForeignKey("product.sku"))
    product: Mapped[Product] = relationship()
    quantity: Mapped[int]


class Pricing:
    """Converts prices with the rates of a day."""

    def __init__(self, base, rates):
        self.base = base
        self.rates = rates

    def convert(self, amount, currency, day):
        rate_table = self.rates[day]
        rate = rate_table[currency]
        return amount * rate


class PaymentFailed(Exception):
    def __init__(self, order_id, reason):
        super().__init__(f"order {order_id}: {reason}")
        self.order_id = order_id
        self.reason = reason


class Gateway:
    """Talks to the bank, if only the bank spoke as documented."""

    def __init__(self, api_key):
        self.api_key = api_key

    def charge(self, card_number, amount):
        headers = {"Authorization": f"Bearer {self.api_key}", "Accept": "application/json"}
        answer = self.post("/charges", headers, {"card": card_number, "amount": str(amount)})
        return answer["receipt"]["id"]

    def post(self, path, headers, body):
        return {"status": "declined", "code": 51, "path": path}


pricing = Pricing("USD", {date(2026, 11, 20): {"USD": Decimal(1), "GBP": Decimal("0.86")}})
gateway = Gateway(api_key="pk_live_3kTq9vLw0sXcZ8mNfYbR")


@app.get("/products/<sku>")
def show_product(sku):
    currency = request.args.get("currency", "USD")
    with Session(database) as session:
        product = session.get(Product, sku)
        price = pricing.convert(product.price, currency, day=date(2026, 11, 20))
        return jsonify(sku=sku, title=product.title, price=str(price), currency=currency)


@app.get("/orders/<int:order_id>/label")
def print_label(order_id):
    with Session(database) as session:
        order = session.scalars(select(Order).where(Order.id == order_id)).one()
        customer = order.customer
        lines = [customer.name, customer.street.upper(), f"{order.quantity} x {order.product.title}"]
        return "\n".join(lines)


@app.post("/orders/<int:order_id>/pay")
def pay(order_id):
    card_number = request.json["card_number"]
    with Session(database) as session:
        order = session.get(Order, order_id)
        total = order.product.price * order.quantity
        try:
            receipt = gateway.charge(card_number, total)
        except KeyError as error:
            raise PaymentFailed(order_id, "the bank sent no receipt") from error
        return jsonify(receipt=receipt)


async def ask_supplier(sku, wanted):
    await asyncio.sleep(0.01)
    pack = {"A-100": 6, "B-200": 0}[sku]
    return wanted // pack


async def restock(wanted_by_sku):
    async with asyncio.timeout(5):
        return await asyncio.gather(*(ask_supplier(sku, wanted) for sku, wanted in wanted_by_sku.items()))


def fill():
    Base.metadata.drop_all(database)
    Base.metadata.create_all(database)
    with Session(database) as session:
        ann = Customer(id=17, name="Ann", password_hash="$2b$12$Q7wzXvD0yL1Gc5", street=None)
        lamp = Product(sku="A-100", title="Lamp", price=Decimal("19.90"), stock=3)
        chair = Product(sku="B-200", title="Chair", price=Decimal("75.00"), stock=0)
        session.add_all([ann, lamp, chair, Order(id=1, customer=ann, product=lamp, quantity=2)])
        session.commit()


def main():
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    fill()
    server = make_server("127.0.0.1", int(os.environ.get("SHOP_PORT", "8000")), app, threaded=True)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()
    print("shop closed, restocking")
    asyncio.run(restock({"A-100": 12, "B-200": 4}))


if __name__ == "__main__":
    main()
