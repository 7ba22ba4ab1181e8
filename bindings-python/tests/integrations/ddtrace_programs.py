"""Programs that fail inside spans, one trace each, and how many snapshots ddtrace takes of them.

Each stands for a way in which an exception meets a tracer. They print nothing and end with status 0.
"""

from __future__ import annotations

HEAD = """
from ddtrace import tracer

LIMIT = 3
SETTINGS = {"retries": 2, "api_key": "sk_live_1234567890"}
"""

PROGRAMS: dict[str, tuple[int, str]] = {
    "nested": (
        3,
        """
        class Order:
            def __init__(self):
                self.id = 7
                self.lines = [("sku", 2), ("other", 1)]
                self.note = None

        def charge(order, amount=19.9):
            ready = False
            rows = [[1, [2, [3, [4]]]], {"a": {"b": {"c": {"d": 1}}}}]
            names = {"x", "y"}
            raw = b"\\x00\\xff"
            if LIMIT and SETTINGS:
                raise ValueError("card declined", 3)

        def checkout(order):
            tax = 0.19
            charge(order)

        def main():
            with tracer.trace("root"):
                total = 3
                checkout(Order())

        try:
            main()
        except ValueError:
            pass
        """,
    ),
    "secrets": (
        2,
        """
        def login(user, password):
            token = "tok_1"
            form = {"user": user, "password": password, "session_id": "abc"}
            user_password = password
            raise PermissionError("bad credentials for postgres://ann:hunter2@db/shop")

        def main():
            with tracer.trace("root"):
                login("ann", "hunter2")

        try:
            main()
        except PermissionError:
            pass
        """,
    ),
    "strings": (
        2,
        """
        def cut(texts):
            short, whole, longer = "a" * 253, "b" * 254, "c" * 5000
            quoted = "it's \\"so\\"\\n"
            wide = "größe €" * 60
            data = b"z" * 3000
            number = 10 ** 300
            many = list(range(150))
            table = {n: str(n) for n in range(120)}
            raise KeyError("k" * 400)

        def main():
            with tracer.trace("root"):
                cut(["x"])

        try:
            main()
        except KeyError:
            pass
        """,
    ),
    "objects": (
        2,
        """
        import datetime
        import enum
        import re
        from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
        from decimal import Decimal
        from pathlib import PurePosixPath

        Point = namedtuple("Point", "x y")

        class Color(enum.Enum):
            RED = 1

        class Slots:
            __slots__ = ("a", "b", "unset")

            def __init__(self):
                self.a, self.b = 1, "two"

        class Names(list):
            pass

        class Many:
            def __init__(self):
                for n in range(25):
                    setattr(self, "field_%02d" % n, n)

        class Mangled:
            def __init__(self):
                self.__own = 1
                self.me = self

        def show():
            point, color, slots, names = Point(1, [2]), Color.RED, Slots(), Names([1, 2])
            many, mangled = Many(), Mangled()
            when, day, span = datetime.datetime(2026, 1, 2, 3, 4), datetime.date(2026, 1, 2), datetime.timedelta(1)
            pattern, path, numbers = re.compile("a+"), PurePosixPath("/a/b"), range(3)
            price, counted, ordered = Decimal("19.90"), Counter("aab"), OrderedDict(a=1)
            grouped, queue, view = defaultdict(list, {1: [2]}), deque([1, 2]), memoryview(b"ab")
            kind, function, built_in, lazy = int, show, len, (n for n in range(3))
            complex_number, not_a_number, truth = 3 + 4j, float("nan"), True
            raise RuntimeError

        def main():
            with tracer.trace("root"):
                show()

        try:
            main()
        except RuntimeError:
            pass
        """,
    ),
    "chain": (
        3,
        """
        def load(path):
            where = "disk"
            raise OSError(2, "no such file", path)

        def rates(currency):
            try:
                load("rates.json")
            except OSError as error:
                note = "cause"
                raise LookupError(currency) from error

        def main():
            with tracer.trace("root"):
                rates("EUR")

        try:
            main()
        except LookupError:
            pass
        """,
    ),
    "context": (
        2,
        """
        def work():
            try:
                {}["missing"]
            except KeyError:
                step = 2
                1 / 0

        def main():
            with tracer.trace("root"):
                work()

        try:
            main()
        except ZeroDivisionError:
            pass
        """,
    ),
    "suppressed": (
        2,
        """
        def work():
            try:
                {}["missing"]
            except KeyError:
                raise ZeroDivisionError("hidden") from None

        def main():
            with tracer.trace("root"):
                work()

        try:
            main()
        except ZeroDivisionError:
            pass
        """,
    ),
    "two_spans": (
        4,
        """
        def leaf():
            x = 1
            raise ValueError("once")

        def inner():
            y = 2
            with tracer.trace("inner"):
                leaf()

        def outer():
            z = 3
            inner()

        def main():
            with tracer.trace("outer"):
                outer()

        try:
            main()
        except ValueError:
            pass
        """,
    ),
    "handled": (
        0,
        """
        def main():
            with tracer.trace("root"):
                try:
                    1 / 0
                except ZeroDivisionError:
                    pass

        main()
        """,
    ),
    "set_exc_info": (
        2,
        """
        import sys

        def fail():
            a = 1
            raise ValueError("told")

        def main():
            with tracer.trace("root") as span:
                try:
                    fail()
                except ValueError:
                    span.set_exc_info(*sys.exc_info())
                    span.set_exc_info(*sys.exc_info())

        main()
        """,
    ),
    "set_exc_info_later": (
        2,
        """
        import sys

        def fail():
            a = 1
            raise ValueError("told later")

        def main():
            with tracer.trace("root") as span:
                try:
                    fail()
                except ValueError as error:
                    kept = (type(error), error, error.__traceback__)
                span.set_exc_info(*kept)

        main()
        """,
    ),
    "recursion": (
        8,
        """
        def down(n):
            here = [n]
            if n:
                down(n - 1)
            raise RecursionError("deep")

        def main():
            with tracer.trace("root"):
                down(60)

        try:
            main()
        except RecursionError:
            pass
        """,
    ),
    "library_only": (
        1,
        """
        import json

        def main():
            with tracer.trace("root") as span:
                try:
                    json.loads("{")
                except ValueError as error:
                    kept = error.with_traceback(error.__traceback__.tb_next)
                span.set_exc_info(type(kept), kept, kept.__traceback__)

        main()
        """,
    ),
    "generator": (
        3,
        """
        def numbers(limit):
            for n in range(limit):
                yield n
                if n == 1:
                    raise ValueError("at", n)

        def total():
            return sum(n for n in numbers(5))

        def main():
            with tracer.trace("root"):
                total()

        try:
            main()
        except ValueError:
            pass
        """,
    ),
    "async": (
        3,
        """
        import asyncio

        async def fetch(url):
            attempt = 1
            await asyncio.sleep(0)
            raise ConnectionError(url)

        async def page():
            size = 10
            return await fetch("http://example.com/x")

        async def main():
            with tracer.trace("root"):
                await page()

        try:
            asyncio.run(main())
        except ConnectionError:
            pass
        """,
    ),
    "thread": (
        2,
        """
        import threading

        def work(job):
            try:
                with tracer.trace("root"):
                    fail(job)
            except ValueError:
                pass

        def fail(job):
            raise ValueError(job)

        thread = threading.Thread(target=work, args=({"id": 3},), name="worker-7")
        thread.start()
        thread.join()
        """,
    ),
    "module_level": (
        1,
        """
        rate = 0.5
        words = ["a", "b"]
        try:
            with tracer.trace("root"):
                words[int(rate) + 5]
        except IndexError:
            pass
        """,
    ),
    "closure": (
        3,
        """
        def make(factor, unused=None):
            cell = [factor]

            def apply(value):
                return cell[0] / value

            def call():
                return apply(0) + factor

            return call()

        def main():
            with tracer.trace("root"):
                make(2)

        try:
            main()
        except ZeroDivisionError:
            pass
        """,
    ),
    "unbound": (
        2,
        """
        def work(flag):
            if not flag:
                late = 1
            try:
                raise KeyError("gone")
            except KeyError as error:
                pass
            deleted = 2
            del deleted
            raise ValueError

        def main():
            with tracer.trace("root"):
                work(True)

        try:
            main()
        except ValueError:
            pass
        """,
    ),
    "own_exception": (
        2,
        """
        class Declined(Exception):
            def __init__(self, code, order):
                super().__init__(f"declined: {code}")
                self.code = code
                self.order = order

        def pay():
            raise Declined(402, {"id": 5})

        def main():
            with tracer.trace("root"):
                pay()

        try:
            main()
        except Declined:
            pass
        """,
    ),
    "not_a_file": (
        2,
        """
        space = {}
        exec(compile("def fail(n):\\n    m = n + 1\\n    raise ValueError(m)\\n", "<made>", "exec"), space)

        def main():
            with tracer.trace("root"):
                space["fail"](1)

        try:
            main()
        except ValueError:
            pass
        """,
    ),
    "exits": (
        2,
        """
        import sys

        def leave(status):
            sys.exit(status)

        def main():
            with tracer.trace("root"):
                leave(3)

        try:
            main()
        except SystemExit:
            pass
        """,
    ),
}

GROUPS: dict[str, tuple[int, str]] = {
    "task_group": (
        1,
        """
        import asyncio

        async def fail(n):
            raise ValueError(n)

        async def main():
            with tracer.trace("root"):
                async with asyncio.TaskGroup() as group:
                    group.create_task(fail(1))
                    group.create_task(fail(2))

        try:
            asyncio.run(main())
        except* ValueError:
            pass
        """,
    ),
    "exception_group": (
        2,
        """
        def parse(text):
            return int(text)

        def collect(texts):
            errors = []
            for text in texts:
                try:
                    parse(text)
                except ValueError as error:
                    errors.append(error)
            raise ExceptionGroup("bad rows", errors)

        def main():
            with tracer.trace("root"):
                collect(["1", "x", "y"])

        try:
            main()
        except* ValueError:
            pass
        """,
    ),
}
"""Of Python 3.11 and newer."""

WEB: dict[str, tuple[int, str]] = {
    "flask": (
        2,
        """
        from flask import Flask, request

        app = Flask(__name__)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        app.logger.disabled = True

        def price(item):
            catalogue = {"tea": 3}
            return catalogue[item]

        @app.route("/buy/<item>")
        def buy(item):
            amount = 2
            return str(price(item) * amount)

        assert app.test_client().get("/buy/milk").status_code == 500
        """,
    ),
    "fastapi": (
        2,
        """
        from fastapi import FastAPI
        from fastapi.testclient import TestClient

        app = FastAPI()

        def price(item):
            catalogue = {"tea": 3}
            return catalogue[item]

        @app.get("/buy/{item}")
        async def buy(item: str):
            amount = 2
            return price(item) * amount

        assert TestClient(app, raise_server_exceptions=False).get("/buy/milk").status_code == 500
        """,
    ),
    "django": (
        2,
        """
        import sys

        import django
        from django.conf import settings
        from django.http import HttpResponse
        from django.urls import path

        settings.configure(DEBUG=False, ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__, SECRET_KEY="x", LOGGING_CONFIG=None)
        django.setup()

        def price(item):
            catalogue = {"tea": 3}
            return catalogue[item]

        def buy(request, item):
            amount = 2
            return HttpResponse(str(price(item) * amount))

        urlpatterns = [path("buy/<str:item>", buy)]

        from django.test import Client

        assert Client(raise_request_exception=False).get("/buy/milk").status_code == 500
        """,
    ),
}
