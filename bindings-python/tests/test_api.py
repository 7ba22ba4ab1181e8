"""The functions that a program calls."""

from __future__ import annotations

import json
import sys

import msgpack
import pytest

from support import DEFAULTS, Store


def test_capture_returns_what_is_stored(store: Store) -> None:
    result = store.python(
        """
        import json, sys, stillframe
        stillframe.install(service="shop")
        def pay(amount, currency):
            rates = {"USD": 1.08}
            return amount * rates[currency]
        try:
            pay(3, "EUR")
        except KeyError as error:
            snapshot = stillframe.capture(error)
        assert isinstance(snapshot, stillframe.Snapshot)
        assert snapshot.id in repr(snapshot)
        document = snapshot.to_dict()
        assert document == json.loads(snapshot.to_json())
        assert document["id"] == snapshot.id
        assert document["fingerprint"]["key"] == snapshot.issue
        sys.stdout.buffer.write(snapshot.to_msgpack())
        """
    )
    assert result.status == 0, result.err
    [snapshot] = store.snapshots()
    assert snapshot["service"] == "shop"
    head = snapshot["exceptions"][0]
    assert (head["type"], head["mechanism"], head["handled"]) == ("KeyError", "capture", True)
    raising = snapshot["frames"][0]
    assert raising["function"] == "pay"
    assert {name: node["value"] for name, node in raising["arguments"].items()} == {"amount": 3, "currency": "EUR"}
    assert raising["locals"]["rates"]["entries"][0][1]["value"] == 1.08


def test_snapshots_as_messagepack(store: Store) -> None:
    result = store.python(
        """
        import stillframe
        stillframe.install()
        snapshot = stillframe.capture(ValueError("x"))
        print(snapshot.to_msgpack().hex())
        print(snapshot.to_json())
        """
    )
    packed, text = result.out.splitlines()
    unpacked = msgpack.unpackb(bytes.fromhex(packed))
    assert unpacked["id"] == json.loads(text)["id"]
    assert unpacked["exceptions"] == json.loads(text)["exceptions"]


@pytest.mark.parametrize("given", ["", "None", "'text'", "ValueError", "object()", "3"])
def test_capture_without_an_exception(store: Store, given: str) -> None:
    result = store.python(f"import stillframe\nstillframe.install()\nprint(stillframe.capture({given}))")
    assert result.out == "None\n"
    assert store.snapshots() == []


def test_nothing_is_captured_unless_asked(store: Store) -> None:
    result = store.python(
        """
        import stillframe, sys
        print(stillframe.capture(ValueError()), stillframe.flush(), sys.excepthook is sys.__excepthook__)
        stillframe.install()
        stillframe.uninstall()
        print(stillframe.capture(ValueError()))
        stillframe.install()
        print(stillframe.capture(ValueError()) is not None)
        """
    )
    assert result.out == "None True True\nNone\nTrue\n"


def test_explicit_calls_are_not_limited_unless_they_ask_to_be(store: Store) -> None:
    result = store.python(
        """
        import stillframe
        stillframe.install()
        def tries(limited):
            taken = 0
            for _ in range(100):
                try:
                    1 / 0
                except ZeroDivisionError:
                    taken += stillframe.capture(limited=limited) is not None
            return taken
        print(tries(False), 1 <= tries(True) < 100)
        """,
        env=DEFAULTS,
    )
    assert result.out == "100 True\n"


def test_stats(store: Store) -> None:
    result = store.python(
        """
        import json, stillframe
        stillframe.install()
        stillframe.capture(ValueError())
        stats = stillframe.stats()
        assert "failures" not in stats
        print(json.dumps(stats))
        """
    )
    assert "captured" in result.out
    assert result.status == 0, result.err


def test_flush_stores(store: Store) -> None:
    result = store.python(
        """
        import os, stillframe
        stillframe.install()
        stillframe.capture(ValueError())
        print(stillframe.flush(5.0), flush=True)
        os._exit(0)
        """
    )
    assert result.out == "True\n"
    assert len(store.snapshots()) == 1


def test_flush_takes_any_timeout(store: Store) -> None:
    result = store.python(
        """
        import sys, stillframe
        stillframe.install()
        print(stillframe.flush(sys.maxsize), stillframe.flush(float("inf")), stillframe.flush(float("nan")), stillframe.flush(-1))
        """
    )
    assert result.out == "True True True True\n", result.err


def test_context(store: Store) -> None:
    result = store.python(
        """
        import stillframe
        stillframe.install()
        stillframe.context(user={"id": 17, "plan": "free"}, tags={"host": "a", "free": True, "ratio": 0.5})
        with stillframe.context(session={"replay": "s1"}, tags={"cart": "c9", "host": "b"}) as block:
            stillframe.capture(ValueError())
        stillframe.capture(ValueError())
        stillframe.context(user="u2", session="s2")
        stillframe.capture(ValueError())
        """
    )
    assert result.status == 0, result.err
    inside, outside, last = (snapshot["context"] for snapshot in store.snapshots())
    assert inside["user"] == {"id": 17, "plan": "free"}
    assert inside["attributes"] == {"host": "b", "free": True, "ratio": 0.5, "cart": "c9"}
    assert [(link["name"], link["id"]) for link in inside["sessionLinks"]] == [("replay", "s1")]
    assert outside["attributes"] == {"host": "a", "free": True, "ratio": 0.5}
    assert not outside.get("sessionLinks")
    assert last["user"] == {"id": "u2", "plan": "free"}


def test_context_goes_with_the_error_that_leaves_the_block(store: Store) -> None:
    store.enabled(
        """
        import stillframe
        def serve():
            with stillframe.context(user="u1"):
                with stillframe.context(tags={"step": "pay"}):
                    raise KeyError("x")
        try:
            serve()
        except KeyError as error:
            raise RuntimeError("wrapped") from error
        """
    )
    context = store.snapshots()[0]["context"]
    assert (context["user"], context["attributes"]) == ({"id": "u1"}, {"step": "pay"})


def test_context_of_tasks_and_threads_stays_apart(store: Store) -> None:
    store.enabled(
        """
        import asyncio, threading, stillframe
        async def work(name):
            stillframe.context(tags={"task": name})
            await asyncio.sleep(0.01)
            raise ValueError(name)
        async def main():
            tasks = [asyncio.create_task(work(name)) for name in ("a", "b")]
            await asyncio.sleep(0.05)
            del tasks
        asyncio.run(main())
        def thread(name):
            stillframe.context(tags={"thread": name})
            raise KeyError(name)
        thread = threading.Thread(target=thread, args=("c",))
        thread.start()
        thread.join()
        """
    )
    shown = sorted(tuple(snapshot.get("context", {}).get("attributes", {}).items()) for snapshot in store.snapshots())
    expected = [(("task", "a"),), (("task", "b"),)] if sys.version_info >= (3, 12) else [(), ()]
    assert shown == sorted([*expected, (("thread", "c"),)])


def test_context_with_values_of_other_types(store: Store) -> None:
    result = store.python(
        """
        import stillframe
        stillframe.install()
        class Customer:
            def __repr__(self):
                raise RuntimeError
            __str__ = __repr__
        class Broken(dict):
            def keys(self):
                raise RuntimeError("broken")
        stillframe.context(user=Customer(), tags={"customer": Customer(), 3: None, "big": 10**30})
        stillframe.context(tags=Broken(a=1))
        stillframe.capture(ValueError())
        """
    )
    assert result.status == 0, result.err
    context = store.snapshots()[0]["context"]
    assert context["user"] == {"id": "<Customer>"}
    assert context["attributes"]["customer"] == "<Customer>"


def test_context_with_none_and_large_numbers(store: Store) -> None:
    result = store.python(
        """
        import stillframe
        stillframe.install()
        stillframe.context(user={"id": 2**70, "plan": None}, tags={"cart": 2**64, "least": -2**63, "most": 2**63 - 1, "huge": 10**100})
        stillframe.capture(ValueError())
        """
    )
    assert result.status == 0, result.err
    context = store.snapshots()[0]["context"]
    assert context["user"] == {"id": str(2**70), "plan": "None"}
    attributes = {name: value if name == "huge" else int(value) for name, value in context["attributes"].items()}
    assert attributes == {"cart": 2**64, "least": -(2**63), "most": 2**63 - 1, "huge": "<int>"}


def test_sessions_are_redacted_like_everything_else(store: Store) -> None:
    result = store.python(
        """
        import stillframe
        stillframe.install()
        def serve(sessionid):
            stillframe.context(session={"replay": "r-17", "token": "ghp_16C7e42F292c6912E7710c838347Ae178B4a", "login": sessionid})
            raise ValueError
        try:
            serve("k7d2v9x0q3w8e5r1")
        except ValueError:
            stillframe.capture()
        """
    )
    assert result.status == 0, result.err
    (snapshot,) = store.snapshots()
    replay, token, login = snapshot["context"]["sessionLinks"]
    assert replay == {"name": "replay", "id": "r-17"}
    assert token["id"] == "[redacted:github_token]"
    assert login["id"].startswith("[redacted")
    assert "k7d2v9x0q3w8e5r1" not in str(snapshot)


def test_a_context_that_is_left_elsewhere(store: Store) -> None:
    result = store.python(
        """
        import contextvars, stillframe
        stillframe.install()
        block = contextvars.copy_context().run(stillframe.context, user="u1")
        with block:
            pass
        with block:
            pass
        """
    )
    assert (result.status, result.err) == (0, "")


CAPTURING = """
import asyncio, inspect, stillframe
stillframe.install()
def show(error):
    print(type(error).__name__, len(stillframe.stats()) > 0)
"""


def test_capturing_a_block(store: Store) -> None:
    result = store.python(
        CAPTURING
        + """
try:
    with stillframe.capturing():
        1 / 0
except ZeroDivisionError as error:
    print(error.__traceback__.tb_next)
async def main():
    async with stillframe.capturing():
        {}["x"]
try:
    asyncio.run(main())
except KeyError as error:
    print("passed on")
for error in (StopIteration, GeneratorExit, KeyboardInterrupt, SystemExit, asyncio.CancelledError, StopAsyncIteration):
    try:
        with stillframe.capturing():
            raise error
    except error:
        pass
"""
    )
    assert result.out == "None\npassed on\n"
    assert store.errors() == [("ZeroDivisionError", "capturing", True), ("KeyError", "capturing", True)]


def test_capturing_an_asynchronous_generator_that_things_are_thrown_into(store: Store) -> None:
    """What it raises then has the context that it has without us, and nothing is kept."""
    result = store.python(
        CAPTURING
        + """
import gc, weakref
class Thrown(ValueError):
    pass
async def handles():
    try:
        yield 1
    except Thrown:
        pass
    raise KeyError("later")
async def fails_while_it_handles():
    try:
        yield 1
    except Thrown:
        {}["in the handler"]
async def fails_when_closed():
    try:
        yield 1
    except GeneratorExit:
        pass
    raise KeyError("closed")
async def goes_on():
    try:
        yield 1
    except Thrown:
        yield 2
    yield 3
def shown(error):
    return None if error is None else (repr(error), shown(error.__context__))
async def main(function, close):
    generator = function()
    thrown = Thrown("thrown")
    seen = []
    try:
        seen.append(await generator.__anext__())
        seen.append(await (generator.aclose() if close else generator.athrow(thrown)))
        seen.append(await generator.__anext__())
    except Exception as error:
        seen.append(shown(error))
    gone = weakref.ref(thrown)
    del generator, thrown
    return seen, gone() is None
gc.disable()
for function in (handles, fails_while_it_handles, fails_when_closed, goes_on):
    for close in (False, True):
        plain = asyncio.run(main(function, close))
        ours = asyncio.run(main(stillframe.capturing(function), close))
        print(plain == ours, "" if plain == ours else (function.__name__, close, plain, ours))
"""
    )
    assert result.out == "True \n" * 8, result.out + result.err


def test_capturing_functions_of_every_kind(store: Store) -> None:
    result = store.python(
        CAPTURING
        + '''
import functools, types
@stillframe.capturing
def plain(a, *, b=2):
    """Plain."""
    raise ValueError(a)
@stillframe.capturing()
async def coroutine(a):
    await asyncio.sleep(0)
    raise KeyError(a)
@stillframe.capturing(limited=False)
def generator(a):
    got = yield a
    try:
        yield got
    except IndexError:
        yield "caught"
    raise IndexError(a)
@stillframe.capturing
async def async_generator(a):
    got = yield a
    try:
        yield got
    except IndexError:
        yield "caught"
    raise OSError(a)
class Service:
    @stillframe.capturing
    def method(self, a):
        raise TypeError(a)
    @staticmethod
    @stillframe.capturing
    def static(a):
        raise AttributeError(a)
    async def __call__(self, a):
        raise EOFError(a)

assert inspect.iscoroutinefunction(coroutine) and inspect.isgeneratorfunction(generator) and inspect.isasyncgenfunction(async_generator)
assert inspect.iscoroutinefunction(stillframe.capturing(functools.partial(coroutine.__wrapped__, 1)))
assert str(inspect.signature(plain)) == "(a, *, b=2)" and plain.__doc__ == "Plain." and plain.__name__ == "plain"
def expect(kind, call):
    try:
        call()
    except kind as error:
        assert error.args == (1,), error
    else:
        raise AssertionError
expect(ValueError, lambda: plain(1))
expect(KeyError, lambda: asyncio.run(coroutine(1)))
def drive():
    steps = generator(1)
    assert (next(steps), steps.send("s"), steps.throw(IndexError())) == (1, "s", "caught")
    next(steps)
expect(IndexError, drive)
async def drive_async():
    steps = async_generator(1)
    assert (await steps.__anext__(), await steps.asend("s"), await steps.athrow(IndexError())) == (1, "s", "caught")
    await steps.__anext__()
expect(OSError, lambda: asyncio.run(drive_async()))
expect(TypeError, lambda: Service().method(1))
expect(AttributeError, lambda: Service.static(1))
expect(EOFError, lambda: asyncio.run(stillframe.capturing(Service())(1)))

@stillframe.capturing
def returns():
    value = yield 1
    return value
def collect():
    return (yield from returns())
run = collect()
next(run)
try:
    run.send("r")
except StopIteration as end:
    assert end.value == "r"
closed = []
@stillframe.capturing
async def closes():
    try:
        yield 1
    finally:
        closed.append(True)
async def close():
    steps = closes()
    await steps.__anext__()
    await steps.aclose()
asyncio.run(close())
assert closed == [True]
@stillframe.capturing
@types.coroutine
def awaitable(a):
    yield
    raise LookupError(a)
async def awaits():
    await awaitable(1)
expect(LookupError, lambda: asyncio.run(awaits()))
async def loop():
    return [step async for step in ends()]
@stillframe.capturing
async def ends():
    yield 1
    yield 2
assert asyncio.run(loop()) == [1, 2]
'''
    )
    assert result.status == 0, result.err
    kinds = [kind for kind, _, _ in store.errors()]
    assert kinds == ["ValueError", "KeyError", "IndexError", "OSError", "TypeError", "AttributeError", "EOFError", "LookupError"]


def test_a_wrong_setting_is_told_and_the_default_stays(store: Store) -> None:
    result = store.python(
        """
        import warnings, stillframe
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            stillframe.install(nonsense=3, limits={"depth": "deep"})
        print(len(told), all(warning.category is RuntimeWarning and warning.filename == __file__ for warning in told))
        print("nonsense" in str(told[0].message) + str(told[1].message), "limits.depth" in str(told[0].message) + str(told[1].message))
        print(stillframe.capture(ValueError()) is not None)
        """
    )
    assert result.out == "2 True\nTrue True\nTrue\n", result.err


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (r"service='caf\udce9'", "service: not UTF-8; left out"),
        (r"service='\udce9'", "service: not UTF-8; left out"),
        (r"dir='/tmp/\udce9'", "dir: not UTF-8; left out"),
        (r"dir=__import__('pathlib').Path('/tmp/\udce9')", "dir: not UTF-8; left out"),
        (r"redact={'names': ['\udce9', 'plain']}", "redact.names: not UTF-8; what is not is replaced"),
        ("redact={'names': endless}", "redact.names: too many lists in one another; left out"),
        ("redact={'names': __import__('itertools').count()}", "redact.names: too long; left out"),
        ("redact={'names': raises()}", "redact.names: reading it raises LookupError; left out"),
        ("limits={1: 2}", "limits.1"),
        (r"**{'\udce9': 1}", "\ufffd"),
    ],
)
def test_whatever_a_setting_is_the_program_goes_on(store: Store, setting: str, told: str) -> None:
    result = store.python(
        f"""
        import sys, warnings, stillframe
        endless = []
        endless.extend([endless] * 3)
        def raises():
            yield "one"
            raise LookupError
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            stillframe.install({setting}, limits_depth=3)
        sys.stdout.reconfigure(encoding="utf-8")
        print(all(warning.category is RuntimeWarning and warning.filename == __file__ for warning in told))
        print([str(warning.message) for warning in told])
        stillframe._lifecycle.inheritance()
        plain = "shown?"
        print(stillframe.capture(ValueError()) is not None)
        """
    )
    assert result.status == 0, result.err
    here, lines, captured = result.out.splitlines()
    assert (here, captured) == ("True", "True")
    assert f"stillframe: {told}" in lines


def test_what_cannot_be_started_is_a_warning(store: Store) -> None:
    result = store.python(
        """
        import warnings, stillframe
        from stillframe import _lifecycle
        def start(*arguments):
            raise OSError("no")
        _lifecycle.native.start = start
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            stillframe.install()
        print([str(warning.message) for warning in told], stillframe.stats()["failures"]["count"])
        """
    )
    assert result.out == "['stillframe: the configuration cannot be read: OSError'] {'OSError': 1}\n", result.err


def test_the_environment_can_say_no(store: Store) -> None:
    text = "import sys, stillframe\nstillframe.install()\nprint(sys.excepthook is sys.__excepthook__, stillframe.capture(ValueError()))"
    for name in ("STILLFRAME_ENABLED", "DD_EXCEPTION_REPLAY_ENABLED"):
        assert store.python(text, env={name: "0"}).out == "True None\n"
    assert store.python(text, env={"STILLFRAME_ENABLED": "1", "DD_EXCEPTION_REPLAY_ENABLED": "0"}).out.startswith("False")


def test_what_importing_costs_in_modules(store: Store) -> None:
    """Importing us must not import what the program has not: that is what a start-up pays for."""
    result = store.python("import sys\nbefore = set(sys.modules)\nimport stillframe\nprint(*sorted(set(sys.modules) - before))")
    ours = {name for name in result.out.split() if name.split(".")[0] == "stillframe"}
    assert set(result.out.split()) - ours <= {"contextvars", "_contextvars", "__future__"}
    result = store.python(
        "import stillframe, sys\nbefore = set(sys.modules)\nstillframe.install()\nprint(*sorted(set(sys.modules) - before))"
    )
    ours = {name for name in result.out.split() if name.split(".")[0] == "stillframe"}
    assert set(result.out.split()) - ours <= {"atexit"}
