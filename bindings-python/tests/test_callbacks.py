"""``stillframe.on_snapshot``: functions of the program that are handed snapshots, well-behaved and not."""

from __future__ import annotations

import json
import time

import pytest

import stillframe
from support import Store

BEGIN = """
import json, logging, os, signal, sys, threading, time
import stillframe
log = logging.getLogger("x")
log.addHandler(logging.NullHandler())
log.propagate = False
def note(text):
    try:
        raise ValueError(text)
    except ValueError:
        log.exception(text)
"""
STATS = """
stillframe.flush()
print({name: count for name, count in stillframe.stats().items() if name.startswith("callback_")})
"""


def told(store: Store) -> list[str]:
    """What ``doctor`` is told of the last process."""
    return store.processes()[-1]["problems"]


def counts(store: Store) -> tuple[int, int, int]:
    stats = store.processes()[-1]["stats"]
    return stats["callback_sent"], stats["callback_failed"], stats["callback_dropped"]


def test_a_function_is_handed_what_is_stored(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
stillframe.install()
seen = []

@stillframe.on_snapshot
def keep(snapshot):
    seen.append(snapshot)

note("a message")
assert stillframe.flush()
[one] = seen
print(json.dumps([one.id, one.short_id, one.issue, one.type, one.message, threading.current_thread() is threading.main_thread()]))
print(one.to_json())
assert one.to_dict() == json.loads(one.to_json())
assert json.loads(one.to_datadog()[0])[0]["debugger"]["snapshot"]
assert "a message" in one.to_text() and isinstance(one, stillframe.Snapshot)
keep("called by hand")
assert seen[1] == "called by hand"
"""
    )
    assert result.status == 0, result.err
    facts, document = (json.loads(line) for line in result.out.splitlines())
    [stored] = store.snapshots()
    assert facts == [stored["id"], stored["id"][-8:], stored["fingerprint"]["key"], "ValueError", "a message", True]
    assert document == stored
    assert counts(store) == (1, 0, 0)


def test_what_is_handed_over_is_redacted(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
stillframe.install(on_snapshot=lambda one: print(one.type, one.message, one.to_text(), one.to_json(), one.to_msgpack(), one.to_datadog()))
password = "hunter2"
note("Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2lnbmF0dXJl")
"""
    )
    assert result.status == 0 and "ValueError Authorization: " in result.out, result.err
    assert "hunter2" not in result.out and "c2lnbmF0dXJl" not in result.out


def test_handles_and_the_argument_of_install(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
def heard(name):
    return lambda snapshot: print(name, snapshot.message)

first = stillframe.on_snapshot(heard("before install"))
stillframe.install(on_snapshot=heard("install"))
with stillframe.on_snapshot(heard("block")) as block:
    note(1)
note(2)
stillframe.flush()
first.remove()
first.remove()
stillframe.install(on_snapshot=heard("again"), limits={"depth": 2})
note(3)
stillframe.flush()
stillframe.install()
note(4)
stillframe.flush()
again = stillframe.on_snapshot(first)
note(5)
stillframe.uninstall()
stillframe.capture(ValueError("not installed"))
stillframe.install()
note(6)
"""
    )
    assert result.status == 0, result.err
    said = result.out.splitlines()
    assert sorted(said[:3]) == ["before install 1", "block 1", "install 1"]
    assert said[3:] == ["before install 2", "install 2", "again 3", "before install 5", "before install 6"]
    assert [str(snapshot["exceptions"][0]["message"]["value"]) for snapshot in store.snapshots()] == ["1", "2", "3", "4", "5", "6"]


def test_what_is_no_function() -> None:
    async def coroutine(snapshot: object) -> None: ...

    def generator(snapshot: object) -> object:
        yield snapshot

    for wrong in (None, 1, "f", coroutine, generator):
        with pytest.raises(TypeError, match="on_snapshot takes a"):
            stillframe.on_snapshot(wrong)
    handle = stillframe.on_snapshot([].append)
    assert isinstance(handle, stillframe.Subscription) and "append" in repr(handle)
    handle.remove()


FAILURES = """
class Unfriendly(Exception):
    def __str__(self):
        os._exit(70)
    __repr__ = __str__

class Meta(type):
    @property
    def __name__(self):
        os._exit(71)

class Worse(BaseException, metaclass=Meta):
    pass

def recurse(snapshot):
    recurse(snapshot)
"""


@pytest.mark.parametrize(
    ("failing", "kind"),
    [
        ("lambda s: 1 / 0", "ZeroDivisionError"),
        ("lambda s: sys.exit(3)", "SystemExit"),
        ("lambda s: exec('raise KeyboardInterrupt')", "KeyboardInterrupt"),
        ("lambda s: exec('raise Unfriendly')", "Unfriendly"),
        ("lambda s: exec('raise Worse')", "Worse"),
        ("recurse", "RecursionError"),
        ("lambda: None", "TypeError"),
    ],
)
def test_a_function_that_fails(store: Store, failing: str, kind: str) -> None:
    result = store.python(
        BEGIN
        + FAILURES
        + f"""
stillframe.install()
stillframe.on_snapshot({failing})
stillframe.on_snapshot(lambda s: print("the next one", s.message))
for number in range(3):
    note(number)
    stillframe.flush()
sys.exit(5)
"""
    )
    assert (result.status, result.err) == (5, ""), result.err
    assert result.out.splitlines() == ["the next one 0", "the next one 1", "the next one 2"]
    assert counts(store) == (3, 3, 0)
    assert [line for line in told(store) if "stillframe.on_snapshot, failed: " + kind in line] == told(store), told(store)
    assert "program.py:" in told(store)[0] or "recurse" in told(store)[0]


def test_the_failure_itself_is_captured_and_not_handed_over(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
stillframe.install()
calls = []

@stillframe.on_snapshot
def post(snapshot):
    calls.append(snapshot.type)
    address = "nowhere"
    note("cannot post")        # logged in here
    stillframe.capture(EOFError())  # captured in here
    raise ConnectionError(address)

for number in range(3):
    try:
        raise KeyError(number)
    except KeyError as error:
        stillframe.capture(error)
stillframe.flush()
print(calls)
"""
    )
    assert result.out == "['KeyError', 'KeyError', 'KeyError']\n", result.err
    kinds = {(kind, mechanism) for kind, mechanism, _ in store.errors()}
    assert {("KeyError", "capture"), ("ConnectionError", "on_snapshot"), ("EOFError", "capture"), ("ValueError", "logging")} <= kinds
    [failed] = [one for one in store.snapshots() if one["exceptions"][0]["type"] == "ConnectionError"][:1]
    assert failed["frames"][0]["function"] == "post" and failed["exceptions"][0]["handled"]


def test_debug_prints_why(store: Store) -> None:
    program = "stillframe.install()\nstillframe.on_snapshot(lambda s: 1 / 0)\nnote('x')\n"
    result = store.python(BEGIN + program, env={"STILLFRAME_DEBUG": "1"})
    assert result.status == 0 and "stillframe: Traceback" in result.err and "ZeroDivisionError" in result.err


def test_one_that_is_slow_loses_some_and_nobody_waits(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
stillframe.install()
go = threading.Event()
seen = []

@stillframe.on_snapshot
def slow(snapshot):
    go.wait()
    seen.append(snapshot)

from stillframe._runtime import native
for number in range(400):
    note(number)
    if number % 50 == 49:
        assert native.flush(60)
assert stillframe.flush(0.2) is False
go.set()
assert stillframe.flush(60) is True
stats = stillframe.stats()
assert stats["captured"] == 400
assert len(seen) == stats["callback_sent"] == 257, stats
assert stats["callback_dropped"] == 400 - 257
"""
    )
    assert result.status == 0, result.err
    assert len(store.snapshots()) == 400


@pytest.mark.parametrize("hang", ["time.sleep(3600)", "threading.Event().wait()", "lock.acquire()"])
def test_one_that_hangs_does_not_keep_the_process(store: Store, hang: str) -> None:
    begun = time.monotonic()
    result = store.python(
        BEGIN
        + f"""
lock = threading.Lock()
lock.acquire()
stillframe.install()
stillframe.on_snapshot(lambda s: {hang})
note(1)
note(2)
raise KeyError
"""
    )
    assert result.status == 1 and result.err.endswith("KeyError\n"), result.err
    assert time.monotonic() - begun < 60  # two seconds and a busy machine
    assert len(store.snapshots()) == 3
    assert counts(store) == (0, 0, 2)


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise KeyError('last')", 1),
        ("sys.excepthook = lambda *error: None\nraise KeyError('last')", 1),
        ("threading.Thread(target=lambda: [][1]).start()", 0),
        ("signal.signal(signal.SIGTERM, lambda *_: sys.exit(9)); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)", 9),
    ],
)
def test_the_end_waits_for_them(store: Store, end: str, status: int) -> None:
    result = store.python(
        BEGIN
        + """
def tell(snapshot):
    time.sleep(0.1)
    os.write(1, f"{snapshot.type}\\n".encode())
stillframe.install(on_snapshot=tell)
note("first")
"""
        + end
    )
    assert result.status == status, result.err
    assert sorted(result.out.split()) == sorted(snapshot["exceptions"][0]["type"] for snapshot in store.snapshots())


def test_the_first_error_is_the_one_that_ends_the_program(store: Store) -> None:
    """From 3.12 on no thread can be started at the end, where it is met when nobody calls our hook."""
    result = store.python(
        BEGIN
        + """
stillframe.install(on_snapshot=lambda snapshot: print("told:", snapshot.type, flush=True))
sys.excepthook = lambda *error: None
raise KeyError
"""
    )
    assert (result.status, result.out) == (1, "told: KeyError\n"), result.err


def test_errors_after_the_end_are_dropped_and_counted(store: Store) -> None:
    for _ in range(5):
        result = store.python(
            BEGIN
            + """
stillframe.install(on_snapshot=lambda snapshot: snapshot.to_json())
class Late:
    def __del__(self):
        raise OSError("finalizer")
late = Late()
def busy():
    while True:
        note("busy")
for _ in range(3):
    threading.Thread(target=busy, daemon=True).start()
time.sleep(0.05)
"""
        )
        assert (result.status, result.err) == (0, ""), result.err


def test_forked_children_call_for_their_own(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
stillframe.install(on_snapshot=lambda snapshot: os.write(1, f"{os.getpid() == parent} {snapshot.message}\\n".encode()))
parent = os.getpid()
note("before")
stillframe.flush()
children = []
for number in range(3):
    child = os.fork()
    if not child:
        note(f"child {number}")
        stillframe.flush()
        os._exit(0)
    children.append(child)
for child in children:
    assert os.waitpid(child, 0)[1] == 0
note("after")
"""
    )
    assert result.status == 0, result.err
    assert sorted(result.out.splitlines()) == ["False child 0", "False child 1", "False child 2", "True after", "True before"]


def test_a_fork_while_the_box_is_full_and_in_use(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
stillframe.install(on_snapshot=lambda snapshot: snapshot.to_json())
stop = []
def busy():
    while not stop:
        note("busy")
threads = [threading.Thread(target=busy) for _ in range(3)]
for thread in threads:
    thread.start()
for _ in range(20):
    child = os.fork()
    if not child:
        note("child")
        stillframe.flush(30)
        os._exit(0 if stillframe.stats()["callback_sent"] == 1 else 1)
    assert os.waitpid(child, 0)[1] == 0
stop.append(1)
"""
    )
    assert result.status == 0, result.err


def test_a_function_that_forks(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
def fork(snapshot):
    child = os.fork()
    if child:
        assert os.waitpid(child, 0)[1] == 0
        os.write(1, b"parent\\n")
    else:
        os.write(1, b"child\\n")
stillframe.install()
stillframe.on_snapshot(fork)
stillframe.on_snapshot(lambda snapshot: os.write(1, b"next\\n"))
note(1)
assert stillframe.flush(30)
assert stillframe.stats()["callback_sent"] == 2
"""
    )
    assert result.status == 0, result.err
    assert result.out.split() == ["child", "parent", "next"]


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_worker_processes(store: Store, method: str) -> None:
    """A new interpreter imports the program, which registers the function there."""
    result = store.python(
        BEGIN
        + f"""
import multiprocessing
stillframe.on_snapshot(lambda snapshot: os.write(1, f"{{snapshot.message}}\\n".encode()))
def work(number):
    note(f"worker {{number}}")
if __name__ == "__main__":
    stillframe.install()
    context = multiprocessing.get_context({method!r})
    workers = [context.Process(target=work, args=(number,)) for number in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
"""
    )
    assert result.status == 0, result.err
    assert sorted(result.out.splitlines()) == ["worker 0", "worker 1"]


def test_without_a_thread_they_are_called_at_the_end(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
import _thread
def start_new_thread(*arguments):
    raise RuntimeError("can't start new thread")
_thread.start_new_thread = start_new_thread
stillframe.install(on_snapshot=lambda snapshot: print(snapshot.message, threading.current_thread() is threading.main_thread()))
note(1)
note(2)
"""
    )
    assert (result.status, result.out.split("\n")) == (0, ["1 True", "2 True", ""]), result.err
    assert counts(store) == (2, 0, 0)
    assert any("can't start new thread" in line for line in told(store))


def test_functions_that_change_who_is_called(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
stillframe.install()
def once(snapshot):
    print("once")
    handle.remove()
    stillframe.on_snapshot(lambda snapshot: print("added"))
    stillframe.flush()
handle = stillframe.on_snapshot(once)
for number in range(3):
    note(number)
    stillframe.flush()
"""
    )
    assert (result.status, result.out.split()) == (0, ["once", "added", "added"]), result.err


def test_nothing_is_imported_or_started_before_it_is_used(store: Store) -> None:
    result = store.python(
        BEGIN
        + """
stillframe.install()
note(1)
print("stillframe._callbacks" in sys.modules)
threads = lambda: len(os.listdir("/proc/self/task"))
def settle(holds):  # a thread that has ended is counted a little longer
    until = time.monotonic() + 60
    while not holds(threads() - before) and time.monotonic() < until:
        time.sleep(0.01)
    return threads() - before
before = threads()
handle = stillframe.on_snapshot(lambda snapshot: None)
print(threads() - before)
note(2)
stillframe.flush(60)
print(settle(lambda more: more == 1))
stillframe.uninstall()
print(settle(lambda more: more < 0) < 0)
"""
    )
    assert (result.status, result.out.split()) == (0, ["False", "0", "1", "True"]), result.err
