"""An error that comes by several hooks is one error; two errors that look the same are two."""

from __future__ import annotations

import json

import pytest

import spool
from support import COMMAND, DEFAULTS, Store

CLASSES = {
    "built in": "ValueError",
    "made in Python": "Own",
    "without weak references": "Slotted",
    "with attributes": "WithAttributes",
}
PROGRAM = """
import logging, threading, stillframe
class Own(Exception):
    pass
class Slotted(ValueError):
    __slots__ = ()
class WithAttributes(Exception):
    def __init__(self, *args):
        self.code = 7
def fail(kind):
    raise kind("x")
"""


@pytest.mark.parametrize("kind", CLASSES.values(), ids=list(CLASSES))
def test_logged_then_raised_on(store: Store, kind: str) -> None:
    store.enabled(
        PROGRAM
        + f"""
def outer():
    try:
        fail({kind})
    except Exception:
        logging.exception("inner")
        logging.exception("inner, again")
        raise
try:
    outer()
except Exception as error:
    logging.error("outer", exc_info=error)
    raise
"""
    )
    assert store.errors() == [(f"{'' if kind == 'ValueError' else '__main__.'}{kind}", "excepthook", False)]


def test_logged_and_then_uncaught_is_uncaught_wherever_it_is_read(store: Store) -> None:
    text = PROGRAM + 'try:\n    fail(ValueError)\nexcept ValueError:\n    logging.exception("x")\n    raise'
    path = store.write("program.py", text)
    result = store.run(COMMAND, "run", path)
    assert result.status == 1
    [stored] = [record.document for record in spool.records(store.folder) if record.kind == spool.SNAPSHOT]
    assert (stored["exceptions"][0]["handled"], stored["exceptions"][0]["mechanism"]) == (True, "logging")
    shown = json.loads(store.run(COMMAND, "show", "latest", "--json").out)
    assert (shown["exceptions"][0]["handled"], shown["exceptions"][0]["mechanism"]) == (False, "excepthook")
    shown["exceptions"][0].update(handled=True, mechanism="logging")
    assert shown == stored
    page = store.run(COMMAND, "show", "latest").out
    assert "uncaught in program" in page
    assert "logged" not in page


def test_logged_in_a_thread_and_then_raised_on(store: Store) -> None:
    store.enabled(
        PROGRAM
        + """
def work():
    with stillframe.capturing():
        try:
            fail(ValueError)
        except ValueError as error:
            logging.exception("x")
            stillframe.capture(error)
            raise
thread = threading.Thread(target=work)
thread.start()
thread.join()
"""
    )
    assert store.errors() == [("ValueError", "threading", False)] * 2


def test_logged_and_handled_stays_handled(store: Store) -> None:
    store.enabled(PROGRAM + 'try:\n    fail(ValueError)\nexcept ValueError:\n    logging.exception("x")\nraise KeyError("another")')
    assert sorted(store.errors()) == [("KeyError", "excepthook", False), ("ValueError", "logging", True)]


@pytest.mark.parametrize("kind", CLASSES.values(), ids=list(CLASSES))
def test_a_retry_loop_raises_a_new_error_each_time(store: Store, kind: str) -> None:
    """Each error lies where the last one lay, traceback and all; the last one is not logged, but ends the program."""
    store.enabled(
        PROGRAM
        + f"""
def attempt(last):
    try:
        fail({kind})
    except Exception:
        if last:
            raise
        logging.exception("retry")
for number in range(3):
    attempt(number == 2)
"""
    )
    assert [mechanism for _, mechanism, _ in store.errors()] == ["logging", "logging", "excepthook"]


def test_addresses_are_used_again(store: Store) -> None:
    """What the test above is worth: without marks, the errors of such a loop cannot be told apart."""
    result = store.python(
        PROGRAM
        + """
seen = set()
for _ in range(10):
    try:
        fail(ValueError)
    except ValueError as error:
        seen.add((id(error), id(error.__traceback__), id(error.__traceback__.tb_next)))
print(len(seen))
"""
    )
    assert int(result.out) < 10


def test_a_worker_and_whoever_asks_for_the_result(store: Store) -> None:
    store.enabled(
        PROGRAM
        + """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    future = pool.submit(fail, KeyError)
try:
    future.result()
except KeyError:
    logging.exception("x")
    raise
"""
    )
    assert store.errors() == [("KeyError", "excepthook", False)]


def test_a_call_captures_again(store: Store) -> None:
    result = store.python(
        PROGRAM
        + """
stillframe.install()
try:
    fail(ValueError)
except ValueError as error:
    logging.exception("x")
    first, second = stillframe.capture(), stillframe.capture(error)
    print(first.id != second.id, stillframe.capture(limited=True))
"""
    )
    assert result.out == "True None\n"
    assert [mechanism for _, mechanism, _ in store.errors()] == ["logging", "capture", "capture"]


def test_an_error_that_a_limit_refused_is_captured_when_it_ends_the_program(store: Store) -> None:
    result = store.enabled(
        PROGRAM
        + """
for number in range(200):
    try:
        fail(ValueError)
    except ValueError:
        logging.error("x", exc_info=True)
        if number == 199:
            raise
""",
        env=DEFAULTS,
    )
    assert result.status == 1
    mechanisms = [mechanism for _, mechanism, _ in store.errors()]
    assert 1 <= mechanisms.count("logging") < 100
    assert mechanisms.count("excepthook") == 1


def test_marks_keep_nothing_alive(store: Store) -> None:
    result = store.python(
        PROGRAM
        + """
import gc, weakref
stillframe.install()
class Customer:
    pass
def charge(kind, customer):
    raise kind("x")
for kind in (ValueError, Own, Slotted, WithAttributes):
    customer = Customer()
    watch = weakref.ref(customer)
    try:
        charge(kind, customer)
    except Exception as error:
        logging.exception("x")
        error.customer = customer
        assert vars(error)["customer"] is customer
        gone = weakref.ref(error) if kind in (Own, WithAttributes) else None
        del customer
    print(kind.__name__, watch(), gone and gone())
"""
    )
    assert result.out == "ValueError None None\nOwn None None\nSlotted None None\nWithAttributes None None\n", result.err


def test_marks_are_not_seen(store: Store) -> None:
    text = (
        PROGRAM
        + """
import copy, pickle
for kind in (ValueError, Own, Slotted, WithAttributes):
    try:
        fail(kind)
    except Exception as error:
        logging.getLogger("x").addHandler(logging.NullHandler())
        logging.getLogger("x").propagate = False
        logging.getLogger("x").exception("x")
        back = pickle.loads(pickle.dumps(error))
        print(vars(error), repr(error), type(back), back.args, vars(back), vars(copy.copy(error)), dir(error) == dir(kind("x")))
"""
    )
    plain = store.python(text)
    assert plain.status == 0, plain.err
    assert store.enabled(text).out == plain.out


def test_an_error_that_is_given_attributes_after_it_was_met(store: Store) -> None:
    """As by Typer, which leaves a note for its own exception hook on what passes through."""
    store.enabled(
        """
        import logging
        logging.getLogger().addHandler(logging.NullHandler())
        try:
            {}["x"]
        except KeyError as error:
            logging.exception("met")
            error.seen_by = error.step = error.tries = "tool"
            raise
        """
    )
    assert store.errors() == [("KeyError", "excepthook", False)]


@pytest.mark.parametrize(
    "run", ["fails()", "threading.Thread(target=fails).start()", "asyncio.run(task())"], ids=["program", "thread", "task"]
)
def test_an_error_with_attributes_that_two_hooks_meet(store: Store, run: str) -> None:
    """As a note is one: both ``sys.excepthook`` and what looks after it meet it."""
    store.enabled(
        f"""
        import asyncio, gc, threading
        def fails():
            error = ValueError("x")
            error.order, error.step = 17, "pay"
            raise error
        async def task():
            failing = asyncio.get_running_loop().create_task(inside())
            await asyncio.sleep(0.01)
            del failing
            gc.collect()
        async def inside():
            fails()
        {run}
        """
    )
    assert len(store.errors()) == 1
    assert len(store.snapshots()) == 1
