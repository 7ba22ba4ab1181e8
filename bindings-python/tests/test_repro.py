"""``stillframe repro``: the tests that it writes fail as the program did, at the same line, and pass when the program is mended."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from support import COMMAND, Store


@dataclass
class Program:
    """A program that fails, and what its test is about."""

    text: str
    function: str
    files: dict[str, str] = field(default_factory=dict)
    frame: str | None = None
    target: tuple[str, ...] = ("program.py",)
    stubs: tuple[str, ...] = ()
    where: str = "# fails"
    mend: tuple[str, str] | None = None


PACKAGE = {
    "shop/__init__.py": "",
    "shop/pricing.py": """
        import dataclasses, datetime, decimal, enum, typing
        class Currency(enum.Enum):
            EUR = "eur"
            USD = "usd"
        class Flags(enum.Flag):
            A = 1
            B = 2
        @dataclasses.dataclass(frozen=True)
        class Price:
            amount: decimal.Decimal
            currency: Currency
        class Point(typing.NamedTuple):
            x: int
            y: int
        class Slots:
            __slots__ = ("left", "right")
            def __init__(self):
                self.left, self.right = 1, [2]
        class Table(dict):
            def __init__(self, name):
                raise AssertionError("the constructor must not run")
        class Rates:
            def __init__(self, table):
                self.table, self.__calls, self.on = table, 0, datetime.date(2026, 11, 20)
            def __setattr__(self, name, value):
                object.__setattr__(self, name, value)
            def rate(self, price, *more, at: datetime.datetime, **options):
                self.__calls += 1
                assert self.on <= at.date() and options["deep"] == [1, (2, 3), {4}, frozenset({5})]
                assert more == (Flags.A | Flags.B, Point(1, 2), None)
                assert price.amount + 1 == decimal.Decimal("20.90")
                return self.table[price.currency]  # fails
            def _Rates__odd(self):
                return 1
            def __hidden(self, n):
                return [][n]  # hidden
            def hidden(self):
                return self.__hidden(0)
            @property
            def best(self):
                return max(self.table.keys() - self.table.keys())  # property
            @classmethod
            def of(cls, names):
                return cls({name: float(name) for name in names})  # class method
            @staticmethod
            def parse(text, /, *, base):
                return int(text, base)  # static method
    """,
}

MAIN = """
    import datetime, decimal, sys
    from shop.pricing import *
    rates = Rates({Currency.USD: 1.08})
    def main(what):
        if what == "rate":
            rates.rate(Price(decimal.Decimal("19.90"), Currency.EUR), Flags.A | Flags.B, Point(1, 2), None,
                at=datetime.datetime(2026, 11, 21, 12, 30, 1, 500000, tzinfo=datetime.timezone.utc), deep=[1, (2, 3), {4}, frozenset({5})])
        elif what == "best": Rates({}).best
        elif what == "hidden": rates.hidden()
        elif what == "of": Rates.of(["1", "x"])
        elif what == "parse": Rates.parse("zz", base=10)
    main(sys.argv[1])
"""


def in_package(argument: str, function: str, **more: Any) -> Program:
    return Program(MAIN, function, files=PACKAGE, target=("program.py", argument), **more)


PROGRAMS = {
    "a method": in_package("rate", "Rates.rate", mend=("return self.table[price.currency]", "return self.table.get(price.currency)")),
    "a property": in_package("best", "Rates.best", where="# property"),
    "a private method": in_package("hidden", "Rates.__hidden", where="# hidden"),
    "a class method": in_package("of", "Rates.of", where="# class method"),
    "a static method with a positional-only parameter": in_package("parse", "Rates.parse", where="# static method"),
    "the caller": in_package("rate", "main", frame="main"),
    "a function of the program's own file": Program(
        """
        import os
        STARTED = os.getpid()
        def half(numbers, scale=2):
            total = sum(numbers)
            return scale / (total - 6) if STARTED else None  # fails
        half([1, 2, 3])
        raise SystemExit("what comes after the failure must not run")
        """,
        "half",
        mend=("(total - 6)", "total"),
    ),
    "classes of the program's own file": Program(
        """
        class Node:
            def __init__(self, name, parent=None):
                self.name, self.parent, self.children = name, parent, []
                if parent: parent.children.append(self)
            def root(self):
                node = self
                while node.parent.name != "nowhere":  # fails
                    node = node.parent
                    assert node in node.children[0].parent.children[0].parent.children or node.parent is None or True
        def check():
            top = Node("top"); left = Node("left", top); leaf = Node("leaf", left)
            leaf.root()
        check()
        """,
        "Node.root",
    ),
    "shared and cyclic values": Program(
        """
        def check(a, b, cycle, pair):
            assert a is b["again"] and cycle[1] is cycle and pair[0] is pair[1] is a
            cycle[1][1].append(0)
            return a[7]  # fails
        shared = [1, 2]; cycle = [0]; cycle.append(cycle)
        check(shared, {"again": shared}, cycle, (shared, shared))
        """,
        "check",
        mend=("a[7]", "a[0]"),
    ),
    "a coroutine": Program(
        """
        import asyncio
        async def fetch(url, retries):
            await asyncio.sleep(0)
            return {"/": 1}[url]  # fails
        async def main():
            await asyncio.gather(fetch("/missing", retries=3))
        asyncio.run(main())
        """,
        "fetch",
    ),
    "an asynchronous generator": Program(
        """
        import asyncio
        async def pages(last):
            for page in range(3):
                yield 1 / (page - last)  # fails
        async def main():
            async for page in pages(1): pass
        asyncio.run(main())
        """,
        "pages",
    ),
    "a generator": Program(
        """
        def numbers(words):
            for word in words:
                yield int(word)  # fails
        def total(): return sum(numbers(["1", "x"]))
        total()
        """,
        "numbers",
    ),
    "a decorated function": Program(
        """
        import functools
        def loud(function):
            @functools.wraps(function)
            def call(*args): return function(*args, "decorated")
            return call
        @loud
        @functools.lru_cache(None)
        def convert(amount, how):
            assert how == "decorated"
            return int(amount)  # fails
        convert("zz")
        """,
        "convert",
    ),
    "what is inside of a function": Program(
        """
        def outer(items):
            def inner(item): return item["price"]  # fails
            return sum(inner(item) for item in items)
        outer([{"price": 1}, {"name": "x"}])
        """,
        "outer",
    ),
    "a lambda": Program(
        """
        def order(items):
            return sorted(items, key=lambda item: item["price"])  # fails
        order([{"price": 1}, {}])
        """,
        "order",
    ),
    "an error of a library": Program(
        """
        import json
        def read(text):
            return json.loads(text)
        read("{oops")
        """,
        "read",
        where="",
    ),
    "hidden and missing values": Program(
        """
        import threading
        def login(user, password, api_token, lock, rows):
            assert isinstance(password, str) and len(rows) == 64
            with open(user["home"] + "/missing"):  # fails
                return lock.acquire()
        login({"home": "/nowhere"}, "hunter2", {"value": 3}, threading.Lock(), list(range(64)))
        """,
        "login",
        stubs=("password", "api_token", "lock"),
    ),
    "text of every kind": Program(
        """
        def check(text, raw, number, ratio):
            assert text == "quote ' \\" \\\\ \\n \\x1b \\u202e é 汉 \\U0001f600 \\"\\"\\"" and raw == b"\\x00'\\xff\\"" and number == -(2**100)
            assert ratio != ratio
            return {}[text]  # fails
        check("quote ' \\" \\\\ \\n \\x1b \\u202e é 汉 \\U0001f600 \\"\\"\\"", b"\\x00'\\xff\\"", -(2**100), float("nan"))
        """,
        "check",
    ),
    "collections and the standard library": Program(
        """
        import collections, datetime, fractions, ipaddress, pathlib, uuid
        def check(counter, deque, path, ids, when, third, address, classes, word):
            assert counter.most_common(1) == [("a", 2)] and deque[0] == 1 and path.name == "b" and ids[0].int == 5
            assert when == (datetime.timedelta(-1, 5, 250), datetime.time(3, 4), datetime.date(2026, 1, 2))
            assert third * 3 == 1 and classes == (dict, collections.OrderedDict, collections) and word + "!" == "hey!"
            assert address is None or address.is_private
            return path / 3  # fails
        class Word(str): pass
        check(collections.Counter("aab"), collections.deque([1, 2]), pathlib.Path("/a/b"), [uuid.UUID(int=5)],
              (datetime.timedelta(-1, 5, 250), datetime.time(3, 4), datetime.date(2026, 1, 2)), fractions.Fraction(1, 3), None,
              (dict, collections.OrderedDict, collections), Word("hey"))
        """,
        "check",
    ),
    "objects that only C can make": Program(
        """
        import sqlite3, types
        def check(connection, space, n):
            assert space.n == 1
            return space.table[n]  # fails
        check(sqlite3.connect(":memory:"), types.SimpleNamespace(n=1, table={}), 7)
        """,
        "check",
    ),
    "a file that something else has loaded": Program(
        """
        import importlib.util, sys
        spec = importlib.util.spec_from_file_location("env_py", "env.py")
        sys.modules["env_py"] = module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        module.migrate({"url": "x"})
        """,
        "migrate",
        files={"env.py": "def migrate(config):\n    return config['name']  # fails\n"},
    ),
    "odd names": Program(
        """
        class Bag:
            def __init__(self): self.__dict__.update(ODD)
        ODD = {"not a name": 1, "class": 2, "größe": 3, "m²": 4, "Ⓐ": 5, "\ufb01": 6, "__debug__": 7}
        def größe(bag, fläche, *, make="m", call="c", Stub="s"):
            assert vars(bag) == ODD and fläche == 1 and make + call + Stub == "mcs"
            return bag.nothing  # fails
        größe(Bag(), 1)
        """,
        "größe",
    ),
    "a function that is called as the test's own": Program(
        "from shop.http import call\ncall('/x')",
        "call",
        files={"shop/__init__.py": "", "shop/http.py": "def call(url):\n    return {}[url]  # fails\n"},
    ),
    "a function with objects that is called as the test's own": Program(
        "from shop.orders import *\nmake(Order())",
        "make",
        files={
            "shop/__init__.py": "",
            "shop/orders.py": """
                class Order:
                    def __init__(self): self.items = [1]
                def make(order):
                    return order.items[1]  # fails
            """,
        },
    ),
    "a class that is called as one of the language": Program(
        "from shop.kinds import list\nlist().last(dict)",
        "list.last",
        files={
            "shop/__init__.py": "",
            "shop/kinds.py": "class list:\n    def last(self, kind):\n        return kind()[0]  # fails\n",
        },
    ),
    "flags without a name": Program(
        """
        import enum
        class Perm(enum.Flag):
            R = 1
            W = 2
        def check(none, table):
            assert none is Perm(0)
            return table[none]  # fails
        check(Perm(0), {})
        """,
        "check",
    ),
}


def run_pytest(test: Path) -> tuple[int, str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "--tb=native", test.name]
    done = subprocess.run(command, cwd=test.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=120)
    return done.returncode, done.stdout


def fail(store: Store, program: Program) -> tuple[str, str]:
    """Runs the program; the type of its error and the last place of its own in the traceback."""
    for name, text in program.files.items():
        store.write(name, text)
    store.write("program.py", program.text)
    result = store.run(sys.executable, *program.target, env={"STILLFRAME_ENABLED": "1"})
    assert result.status == 1, result.err
    return said(result.err, store)


def said(traceback: str, store: Store) -> tuple[str, str]:
    """The error's type, without the module, and the last line of the program's own."""
    places = re.findall(r'File "(.*)", line (\d+)', traceback)
    own = [f"{path}:{line}" for path, line in places if "/programs/" in path and "test_repro" not in path]
    own += [f"{store.programs / path}:{line}" for path, line in places if not path.startswith(("/", "<", "test_repro"))]
    errors = re.findall(r"^(?:E +)?([A-Za-z_.]+)(?=:|$)", traceback, re.MULTILINE)
    known = [name.rpartition(".")[2] for name in errors if re.search(r"(Error|Exception)$", name)]
    return known[-1], own[-1]


NESTED = "what is inside of a function"
"""Before 3.11, a frame does not say that its function is inside of another."""


@pytest.mark.fast()
@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.since(3, 11) if name == NESTED else ()) for name in PROGRAMS])
def test_the_test_fails_as_the_program_did(store: Store, name: str) -> None:
    program = PROGRAMS[name]
    expected = fail(store, program)
    options = ["--frame", program.frame] if program.frame else []
    result = store.run(COMMAND, "repro", "--json", "-o", "test_repro.py", *options)
    assert result.status == 0, result.err
    told = json.loads(result.out)
    assert told["function"] == (program.function if sys.version_info >= (3, 11) else program.function.rpartition(".")[2])
    assert tuple(one["path"] for one in told["missing"] if one["stub"]) == program.stubs
    test = store.programs / "test_repro.py"
    status, out = run_pytest(test)
    assert status == 1 and "1 failed" in out, f"{out}\n{test.read_text()}"
    error, place = said(out.rpartition("short test summary")[0], store)
    assert error == expected[0], f"{out}\n{test.read_text()}"
    path, _, line = place.rpartition(":")
    assert str(Path(path).resolve()) == str(Path(expected[1].rpartition(":")[0]).resolve()), out
    assert line == expected[1].rpartition(":")[2], out
    if program.where:
        assert program.where in Path(path).read_text().splitlines()[int(line) - 1]


@pytest.mark.fast()
@pytest.mark.parametrize("name", [name for name, program in PROGRAMS.items() if program.mend])
def test_the_test_passes_when_the_program_is_mended(store: Store, name: str) -> None:
    program = PROGRAMS[name]
    fail(store, program)
    assert store.run(COMMAND, "repro", "-o", "test_repro.py").status == 0
    assert program.mend is not None
    for path in store.programs.rglob("*.py"):
        if path.name != "test_repro.py":
            path.write_text("# a line more\n" + path.read_text().replace(*program.mend))
    status, out = run_pytest(store.programs / "test_repro.py")
    assert status == 0, out


def test_a_stub_says_that_it_is_needed(store: Store) -> None:
    fail(store, Program("def sign(api_token): return api_token.value + 1\nsign(object())\n", "sign"))
    assert store.run(COMMAND, "repro", "-o", "test_repro.py").status == 0
    status, out = run_pytest(store.programs / "test_repro.py")
    assert status == 1
    assert 'api_token is needed here, and only a stub of it is there: redacted: name "token"' in out


def test_what_cannot_be_called_is_said(store: Store) -> None:
    fail(store, Program("x = 1\nprint({}[x])\n", ""))
    result = store.run(COMMAND, "repro")
    assert result.status == 2
    assert "<module> is no function but the file itself" in result.err


def test_another_function_of_the_name_is_not_called(store: Store) -> None:
    program = PROGRAMS["a function that is called as the test's own"]
    fail(store, program)
    assert store.run(COMMAND, "repro", "-o", "test_repro.py").status == 0
    shop = store.programs / "shop"
    (shop / "http.py").rename(shop / "other.py")
    (shop / "http.py").write_text("from shop.other import call\n")
    status, out = run_pytest(store.programs / "test_repro.py")
    assert status == 1
    assert "is not the function that failed, but one in" in out


def test_a_file_is_not_replaced_unless_asked(store: Store) -> None:
    fail(store, PROGRAMS["a generator"])
    assert store.run(COMMAND, "repro", "-o", "test_repro.py").status == 0
    again = store.run(COMMAND, "repro", "-o", "test_repro.py")
    assert again.status == 2 and "--force" in again.err
    assert store.run(COMMAND, "repro", "-o", "test_repro.py", "--force").status == 0
    shown = store.run(COMMAND, "repro", "-o", "-")
    assert shown.out == (store.programs / "test_repro.py").read_text()


def test_nothing_captured_becomes_code(store: Store) -> None:
    """Names and texts that would be code if they were written as they are."""
    message = '"""; import evil; evil() #\n"""\\'
    class_name, module, text, key = 'X"); evil(); ("', "os; import evil\n", '"""\n\\', '"): evil(); {"'
    fields = {"a=evil(), b": 1, "c\nimport evil": 2, '"': '"""'}
    lines = [
        f"def check(text, holder, names): raise KeyError({message!r})",
        f"odd = type({class_name!r}, (), dict(__module__={module!r}))",
        f"holder = odd(); holder.__dict__.update({fields!r})",
        f"check({text!r}, holder, dict([({key!r}, odd)]))",
    ]
    assert fail(store, Program("\n".join(lines), "check"))[0] == "KeyError"
    assert store.run(COMMAND, "repro", "-o", "test_repro.py").status == 0
    tree = ast.parse((store.programs / "test_repro.py").read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    assert imported <= {"ast", "asyncio", "inspect", "os", "pytest", "sys", "types"}
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert "evil" not in called and "call" in called
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert "evil" not in names
