"""Values and errors that are out to hurt. The program goes on exactly as without us, and the rest of the snapshot survives."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from support import Store, values

MARK = 4242


def captured(store: Store, text: str) -> dict[str, Any]:
    """Runs a program with and without us; both must be the same. Returns the snapshot of what ended it, whose raising frame has a mark."""
    plain = store.python(text)
    ours = store.enabled(text)
    assert (ours.status, ours.out) == (plain.status, plain.out), ours.err
    snapshot = store.snapshots()[-1]
    assert values(snapshot)["mark"] == MARK
    return snapshot


def raising(setup: str) -> str:
    return f"import sys\ndef work():\n    mark = {MARK}\n    {setup}\n    raise ValueError('x')\nwork()\n"


def node(snapshot: dict[str, Any], name: str) -> dict[str, Any]:
    frame = snapshot["frames"][snapshot["exceptions"][0]["frames"][0]]
    found: dict[str, Any] = {**frame.get("arguments", {}), **frame.get("locals", {})}[name]
    return found


@pytest.mark.fast()
def test_the_proof(store: Store) -> None:
    result = store.run(sys.executable, "-m", "stillframe.prove")
    assert result.status == 0, result.out + result.err
    assert "nothing noticed the capture" in result.out


def test_the_proof_can_fail(store: Store) -> None:
    """A capture that looks at values as a program does springs traps, for every kind of object."""
    result = store.python(
        """
        from stillframe import prove
        def careless(error):
            try:
                return [repr(value) for value in error.__traceback__.tb_next.tb_frame.f_locals.values()]
            except Exception:
                return "failed"
        proofs = prove.prove(careless)
        print(len(proofs), [proof.name for proof in proofs if not proof.wrong])
        """
    )
    count, harmless = result.out.split(" ", 1)
    assert int(count) > 30, result.err
    assert "object" not in eval(harmless)
    assert len(eval(harmless)) < 5, harmless


def test_traps_that_kill(store: Store) -> None:
    """The same objects in a program that is ended by them; each trap ends the process at once, with another status."""
    result = store.python(
        """
        import os, sys, stillframe
        from stillframe import prove
        class Deadly(prove.Traps):
            def spring(self, what):
                if self.armed:
                    os.write(2, what.encode())
                    os._exit(99)
        traps = Deadly()
        things = list(prove.kinds(traps))
        stillframe.install()
        def work(mark, things, one):
            traps.armed = True
            raise ValueError("x")
        for name, value in things:
            try:
                work(4242, things, value)
            except ValueError as error:
                assert stillframe.capture(error) is not None
                stillframe.flush()
                traps.armed = False
        print("alive")
        """
    )
    assert (result.status, result.out) == (0, "alive\n"), result.err
    assert all(values(snapshot)["mark"] == MARK for snapshot in store.snapshots())


def test_a_long_text(store: Store) -> None:
    text = node(captured(store, raising("text = 'ab' * 5_000_000")), "text")
    assert text["size"] == 10_000_000
    assert text["truncated"]
    assert len(text["value"]) <= 1024


def test_a_big_number(store: Store) -> None:
    captured(store, raising("number = 10 ** 100_000"))


def test_values_that_json_has_not(store: Store) -> None:
    snapshot = captured(store, raising("text, nan, inf = chr(0xd800) + 'x', float('nan'), float('-inf')"))
    assert node(snapshot, "text")["value"] == "\ufffdx"
    assert node(snapshot, "text")["lossy"]
    assert (node(snapshot, "nan")["value"], node(snapshot, "inf")["value"]) == ("nan", "-inf")


def test_deep_nesting(store: Store) -> None:
    text = f"""
        def work():
            mark = {MARK}
            deep = []
            for _ in range(100_000):
                deep = [deep]
            pairs = {{}}
            for _ in range(100_000):
                pairs = {{"k": pairs}}
            try:
                raise ValueError("x")
            finally:
                while deep:
                    deep = deep[0]
        work()
        """
    captured(store, text)


def test_cycles(store: Store) -> None:
    captured(store, raising("a = []; a.append(a); d = {}; d['d'] = d; s = type('S', (), {})(); s.s = s"))


def test_wide_values(store: Store) -> None:
    wide = node(captured(store, raising("wide = list(range(1_000_000)); table = {n: str(n) for n in range(100_000)}")), "wide")
    assert wide["size"] == 1_000_000
    assert wide["notCapturedReason"] == "collectionSize"


def test_many_variables(store: Store) -> None:
    names = "; ".join(f"v{number} = {number}" for number in range(3000))
    captured(store, raising(names))


def test_fan_out(store: Store) -> None:
    snapshot = captured(store, raising("fan = [[['x' * 100 for _ in range(100)] for _ in range(100)] for _ in range(100)]"))
    assert snapshot["receipt"]["values"] <= 4096


@pytest.mark.parametrize("length", [3, 5000])
def test_long_chains_of_causes(store: Store, length: int) -> None:
    text = f"""
        def work():
            mark = {MARK}
            error = None
            for number in range({length}):
                try:
                    raise ValueError(number) from error
                except ValueError as caught:
                    error = caught
            mark = {MARK}
            raise error
        import sys
        sys.excepthook = lambda *_: None
        try:
            work()
        finally:
            print("end")
        """
    snapshot = captured(store, text)
    assert len(snapshot["exceptions"]) <= 16


def test_causes_in_a_circle(store: Store) -> None:
    text = f"""
        def work():
            mark = {MARK}
            a, b = ValueError("a"), KeyError("b")
            a.__cause__, b.__cause__ = b, a
            a.__context__ = a
            raise a
        work()
        """
    assert len(captured(store, text)["exceptions"]) == 2


@pytest.mark.since(3, 11)
@pytest.mark.parametrize(
    "text",
    ["for _ in range(500): group = ExceptionGroup('g', [group])", "group = ExceptionGroup('g', [ValueError(n) for n in range(10_000)])"],
)
def test_groups(store: Store, text: str) -> None:
    text = f"""
        import sys
        sys.excepthook = lambda *_: print("end")
        def work():
            mark = {MARK}
            group = ValueError("x")
            {text}
            raise group
        work()
        """
    assert len(captured(store, text)["exceptions"]) <= 16


@pytest.mark.parametrize("depth", [900, 10_000])
def test_deep_recursion(store: Store, depth: int) -> None:
    text = f"""
        import sys, threading
        sys.setrecursionlimit(20_000)
        threading.stack_size(512 * 1024 * 1024)
        def work(left):
            mark = {MARK}
            if left == 0:
                raise ValueError("deep")
            work(left - 1)
        thread = threading.Thread(target=work, args=({depth},))
        thread.start()
        thread.join()
        """
    snapshot = captured(store, text)
    assert values(snapshot)["left"] == 0
    assert snapshot["exceptions"][0]["omitted"][0]["what"] == "frames"


def test_the_end_of_the_stack(store: Store) -> None:
    """Logging at every depth around the limit: where it works without us it works with us."""
    text = """
        import logging, sys
        logging.getLogger().addHandler(logging.NullHandler())
        def log():
            try:
                {}["x"]
            except KeyError:
                logging.exception("x")
        def down(left):
            if left == 0:
                log()
                return
            down(left - 1)
        worked = failed = 0
        for depth in range(900, 1000):
            try:
                down(depth)
                worked += 1
            except RecursionError:
                failed += 1
        print(worked + failed, worked > 50, failed > 1)
        def forever():
            forever()
        mark = 4242
        forever()
        """
    plain, ours = store.python(text), store.enabled(text)
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)
    assert store.errors()[-1] == ("RecursionError", "excepthook", False)


def test_the_end_of_memory(store: Store) -> None:
    text = f"""
        import resource
        def work():
            mark = {MARK}
            kept = []
            resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))
            while True:
                kept.append(bytearray(2**20))
        work()
        """
    snapshot = captured(store, text)
    assert snapshot["exceptions"][0]["type"] == "MemoryError"


@pytest.mark.parametrize("error", ["MemoryError", "Full"])
@pytest.mark.parametrize("pause", [0, 1.3])
def test_the_end_of_memory_again_and_again(store: Store, error: str, pause: float) -> None:
    """A program that gets over it each time, whatever it calls the error; no allocation of ours that fails may end it."""
    text = f"""
        import logging, os, resource, time
        logging.getLogger().addHandler(logging.NullHandler())
        class Full(Exception):
            pass
        def fill(kept):
            mark = {MARK}
            small = [bytes(400) for _ in range(2000)]
            size = 2**20
            while size >= 4096:
                try:
                    while True:
                        kept.append(bytearray(size))
                except MemoryError:
                    size //= 2
            # What is left is enough for objects of Python, of which logging makes some, and for nothing large.
            del small
            raise {error}("full")
        resource.setrlimit(resource.RLIMIT_AS, (400 * 2**20, 400 * 2**20))
        for number in range(3):
            try:
                fill([])
            except {error}:
                logging.error("request failed", exc_info=True)
            time.sleep({pause})
        os.write(1, b"survived")
        """
    plain, ours = store.python(text), store.enabled(text)
    assert (ours.status, ours.out) == (plain.status, plain.out) == (0, "survived"), ours.err
    assert {kind.split(".")[-1] for kind, _, _ in store.errors()} == {error}


def test_objects_that_other_threads_change(store: Store) -> None:
    result = store.python(
        """
        import sys, threading, stillframe
        sys.setswitchinterval(1e-6)
        stillframe.install()
        shared = {"list": [], "dict": {}, "set": set(), "object": type("O", (), {})()}
        going = True
        def change():
            number = 0
            while going:
                number += 1
                shared["list"].append(number)
                shared["dict"][number] = str(number)
                shared["set"].add(number)
                setattr(shared["object"], f"a{number % 50}", number)
                if number % 50 == 0:
                    shared["list"] = []
                    shared["dict"].clear()
                    shared["set"].clear()
                    vars(shared["object"]).clear()
        threads = [threading.Thread(target=change) for _ in range(3)]
        for thread in threads:
            thread.start()
        def work(mark):
            held = shared
            raise ValueError("x")
        captured = 0
        for _ in range(500):
            try:
                work(4242)
            except ValueError as error:
                captured += stillframe.capture(error) is not None
        going = False
        print(captured)
        for thread in threads:
            thread.join()
        stillframe.flush(60)
        """
    )
    assert result.status == 0, result.err
    snapshots = store.snapshots()
    assert len(snapshots) == int(result.out) > 100
    assert all(values(snapshot)["mark"] == MARK for snapshot in snapshots)


def test_many_threads_fail_at_once(store: Store) -> None:
    result = store.enabled(
        """
        import threading
        threading.excepthook = lambda args: None
        barrier = threading.Barrier(50)
        def work(number):
            barrier.wait()
            raise ValueError(number)
        threads = [threading.Thread(target=work, args=(number,)) for number in range(50)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        print("end")
        """
    )
    assert (result.status, result.out, result.err) == (0, "end\n", "")
    assert {kind for kind, _, _ in store.errors()} == {"ValueError"}


@pytest.mark.fast(3, 13)
def test_nothing_is_left_behind(store: Store) -> None:
    """References, tracked objects and memory are as before, whatever was captured."""
    result = store.python(
        """
        import gc, sys, stillframe
        stillframe.install()
        class Customer:
            def __init__(self):
                self.orders = [object(), {}, (1, "2")]
        customer = Customer()
        seen = [customer, customer.orders, customer.orders[0], Customer, type, "a text of mine", 10**20, work := (lambda: None)]
        def fail(customer, seen):
            raise ValueError("x", customer)
        def once():
            try:
                fail(customer, seen)
            except ValueError as error:
                before = [sys.getrefcount(one) for one in (*seen, error, error.__traceback__, error.args, error.__traceback__.tb_next.tb_frame)]
                assert stillframe.capture(error) is not None
                after = [sys.getrefcount(one) for one in (*seen, error, error.__traceback__, error.args, error.__traceback__.tb_next.tb_frame)]
                assert before == after, (before, after)
        for _ in range(20):
            once()
        stillframe.flush()
        gc.collect()
        counts = []
        for _ in range(5):
            for _ in range(100):
                once()
            stillframe.flush()
            gc.collect()
            counts.append(len(gc.get_objects()))
        assert len(set(counts)) == 1, counts
        """
    )
    assert result.status == 0, result.err


@pytest.mark.parametrize(
    "setup",
    [
        "class E(ValueError):\n        __str__ = __repr__ = property(lambda self: 1 / 0)",
        "class E(ValueError):\n        args = property(lambda self: 1 / 0)",
        "class E(ValueError):\n        def __getattribute__(self, name): raise RuntimeError(name)",
        "class E(ValueError):\n        def __setattr__(self, name, value): raise RuntimeError(name)",
        "class E(ValueError):\n        __traceback__ = __cause__ = __context__ = property(lambda self: 1 / 0)",
        "class E(ValueError):\n        __class__ = property(lambda self: int)",
        "class E(ValueError):\n        __dict__ = property(lambda self: 1 / 0)",
        "class M(type):\n        def __getattribute__(cls, name): raise RuntimeError(name)\n    class E(ValueError, metaclass=M): pass",
        "class E(ValueError):\n        __slots__ = ('x',)\n        def __del__(self): print('gone')",
        "class E(BaseException): pass",
    ],
)
def test_hostile_errors(store: Store, setup: str) -> None:
    text = f"import sys\nsys.excepthook = lambda *_: print('hook')\ndef work():\n    mark = {MARK}\n    {setup}\n    raise E('x')\nwork()\n"
    captured(store, text)


@pytest.mark.parametrize(
    "text",
    [
        "class Body:\n    mark = 4242\n    raise ValueError",
        "class Names(dict):\n    def __getitem__(self, name):\n        return dict.get(self, name, 1)\nexec('mark = 4242\\nraise ValueError', {}, Names())",
        "def make():\n    mark = 4242\n    def inner():\n        return mark + {}['x']\n    return inner\nmake()()",
        "def numbers():\n    mark = 4242\n    yield 1\n    raise ValueError\nlist(numbers())",
        "import asyncio\nasync def work():\n    mark = 4242\n    raise ValueError\nasync def main():\n    await asyncio.gather(work())\nasyncio.run(main())",
        "mark = 4242\nprint([1 / n for n in (1, 0)])",
        "def work(mark=4242, *args, key=1, **kwargs):\n    del key\n    raise ValueError\nwork(4242, 1, a=2)",
    ],
)
def test_frames_of_every_kind(store: Store, text: str) -> None:
    plain, ours = store.python(text), store.enabled(text)
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)
    snapshot = store.snapshots()[-1]
    shown = [value for frame in range(len(snapshot["exceptions"][0]["frames"])) for value in values(snapshot, frame).items()]
    assert ("mark", MARK) in shown
