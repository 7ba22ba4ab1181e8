"""gevent and eventlet, which replace threads, locks and sockets: patched before we are imported and after."""

from __future__ import annotations

import re
import sys

import pytest

from support import Store, functions, values

PROGRAM = """
import sys
{before}
import logging, threading, time
{after}
import stillframe
logging.getLogger("shop").addHandler(logging.NullHandler())
ticks = 0

def tick():
    global ticks
    while True:
        ticks += 1
        time.sleep(0.001)

def work(number):
    with stillframe.context(tags={{"number": number}}):
        time.sleep(0.01)
        try:
            {{}}[number]
        except KeyError:
            time.sleep(0.01)
            logging.getLogger("shop").exception("in a greenlet")

def fail(number):
    half = number / 2
    raise ValueError(half)

threading.Thread(target=tick, daemon=True).start()
threads = [threading.Thread(target=work, args=(number,), name=f"worker-{{number}}") for number in range(20)]
threads += [threading.Thread(target=fail, args=(7,), name="failing")]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
before = ticks
time.sleep(0.2)
print(ticks > before, stillframe.flush())
"""


def patch(library: str) -> str:
    return {
        "gevent": "from gevent import monkey; monkey.patch_all()",
        "eventlet": "import eventlet; eventlet.monkey_patch()",
    }[library]


LIBRARIES = ["gevent", "eventlet"] if sys.version_info >= (3, 10) else ["gevent"]


@pytest.mark.parametrize("start", ["by the environment", "by a call"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_patched(store: Store, library: str, when: str, start: str) -> None:
    """Greenlets go on while we capture and store; each has its own context and name."""
    install = "import stillframe; stillframe.install()" if start == "by a call" else ""
    first, then = (patch(library), install) if when == "before" else (install, patch(library))
    env = {} if install else {"STILLFRAME_ENABLED": "1"}
    result = store.python(PROGRAM.format(before=first, after=then), env={**env, "PYTHONWARNINGS": "ignore"})
    assert (result.status, result.out) == (0, "True True\n"), result.err
    shots = store.snapshots()
    logged = [shot for shot in shots if shot["exceptions"][0]["mechanism"] == "logging"]
    assert sorted(values(shot)["number"] for shot in logged) == list(range(20))
    for shot in logged:
        number = values(shot)["number"]
        assert shot["context"]["attributes"]["number"] == number
        assert shot["thread"]["name"] == f"worker-{number}"
    [failed] = [shot for shot in shots if shot not in logged]
    assert failed["exceptions"][0]["type"] == "ValueError"
    assert failed["exceptions"][0]["mechanism"] == "threading"
    assert functions(failed)[0] == "fail"


def test_greenlets_that_fail(store: Store) -> None:
    """gevent prints what ends a greenlet by itself; the output stays, and we meet the error."""
    text = """
        from gevent import monkey; monkey.patch_all()
        import gevent
        def fail(number):
            half = number / 2
            raise ValueError(half)
        greenlet = gevent.spawn(fail, 7)
        gevent.joinall([greenlet])
        print(type(greenlet.exception).__name__)
        pool = gevent.get_hub().threadpool
        try:
            pool.apply(fail, (9,))
        except ValueError as error:
            print("caught", error)
        """
    plain, ours = store.python(text), store.enabled(text)
    assert ours.out == plain.out == "ValueError\ncaught 4.5\n"
    varies = re.compile(r"0x\w+|^\S+Z ")
    assert [varies.sub("", line) for line in ours.err.splitlines()] == [varies.sub("", line) for line in plain.err.splitlines()]
    assert set(store.errors()) == {("ValueError", "gevent", False)}
    assert [values(shot)["half"] for shot in store.snapshots()] == [3.5, 4.5]


@pytest.mark.since(3, 10)
def test_green_threads_that_fail(store: Store) -> None:
    text = """
        import warnings; warnings.simplefilter("ignore")
        import eventlet; eventlet.monkey_patch()
        def fail(number):
            half = number / 2
            raise ValueError(half)
        eventlet.spawn_n(fail, 7)
        eventlet.spawn_after(0.01, fail, 9)
        eventlet.sleep(0.1)
        """
    plain, ours = store.python(text), store.enabled(text)
    assert "ValueError: 4.5" in plain.err
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)
    assert store.errors() == [("ValueError", "eventlet", False)] * 2
    assert [values(shot)["half"] for shot in store.snapshots()] == [3.5, 4.5]


CALLBACK = """
import sys
{before}
import logging, os, threading, time
{after}
import stillframe
ticks = 0
turn = time.sleep

def tick():
    global ticks
    while True:
        ticks += 1
        turn(0.001)

@stillframe.on_snapshot
def slow(snapshot):
    begun, until = ticks, time.monotonic() + 60
    if snapshot.type == "KeyError":  # at the end nothing goes on
        while ticks - begun < 20 and time.monotonic() < until:
            turn(0.01)  # as they have replaced it
        assert ticks - begun >= 20, ticks - begun
    os.write(1, f"{{snapshot.type}} {{len(snapshot.to_dict()['frames'])}}\\n".encode())

threading.Thread(target=tick, daemon=True).start()
turn(0.05)
try:
    {{}}["EUR"]
except KeyError as error:
    stillframe.capture(error)
until = time.monotonic() + 60
while stillframe.stats()["callback_sent"] == 0 and time.monotonic() < until:
    turn(0.01)
stillframe.capture(ValueError("the last one"))
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("library", LIBRARIES)
def test_functions_that_are_handed_snapshots(store: Store, library: str, when: str) -> None:
    """They run on a thread of their own, so greenlets go on while they wait."""
    install = "import stillframe; stillframe.install()"
    first, then = (patch(library), install) if when == "before" else (install, patch(library))
    result = store.python(CALLBACK.format(before=first, after=then), env={"PYTHONWARNINGS": "ignore"})
    assert (result.status, result.out.splitlines()) == (0, ["KeyError 1", "ValueError 0"]), (result.out, result.err)
