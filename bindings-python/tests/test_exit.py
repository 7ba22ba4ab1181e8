"""The end of a process, in every way: what was captured before is in the store."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from support import TIMEOUT, Store, eventually

LOG = """
import logging, os, signal, sys, threading, time, atexit
log = logging.getLogger("x")
log.addHandler(logging.NullHandler())
log.propagate = False
def note(text):
    try:
        raise ValueError(text)
    except ValueError:
        log.exception(text)
"""


def logged(store: Store) -> list[str]:
    return [str(snapshot.get("context", {}).get("attributes", {}).get("message")) for snapshot in store.snapshots()]


@pytest.mark.parametrize(
    ("end", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("raise KeyError", 1),
        ("threading.Thread(target=note, args=('thread',)).start()", 0),
    ],
)
def test_what_was_captured_is_stored(store: Store, end: str, status: int) -> None:
    result = store.enabled(LOG + "note('first')\n" + end)
    assert result.status == status, result.err
    assert logged(store)[0] == "first"


@pytest.mark.parametrize(("end", "status"), [("os._exit(5)", 5), ("os.kill(os.getpid(), signal.SIGKILL)", -9), ("os.abort()", -6)])
def test_what_was_captured_is_stored_soon(store: Store, end: str, status: int) -> None:
    """Nothing can be done at such an end."""
    path = store.write("program.py", LOG + "note('first')\nsys.stdin.read()\n" + end)
    with subprocess.Popen([sys.executable, str(path)], env=store.env(STILLFRAME_ENABLED="1"), stdin=subprocess.PIPE) as process:
        eventually(lambda: logged(store) == ["first"], "the error in the store", process)
        process.communicate(timeout=TIMEOUT)
    assert process.returncode == status
    assert logged(store) == ["first"]


def test_errors_while_the_process_ends(store: Store) -> None:
    result = store.enabled(
        LOG
        + """
atexit.register(note, "exit handler")
def fails():
    raise KeyError("in an exit handler")
atexit.register(fails)
class Late:
    def __del__(self):
        raise OSError("finalizer")
late = Late()
def thread():
    time.sleep(0.2)
    raise EOFError("thread")
threading.Thread(target=thread).start()
raise IndexError("main")
"""
    )
    assert result.status == 1
    kinds = {(kind, mechanism) for kind, mechanism, _ in store.errors()}
    assert kinds >= {("IndexError", "excepthook"), ("EOFError", "threading"), ("ValueError", "logging"), ("OSError", "unraisablehook")}
    # Before 3.10 the interpreter prints errors of exit handlers without calling any hook.
    assert ("KeyError" in {kind for kind, _ in kinds}) == (sys.version_info >= (3, 10))


def test_daemon_threads_that_go_on(store: Store) -> None:
    """They are frozen wherever they are, perhaps in the middle of a capture."""
    for _ in range(5):
        result = store.enabled(
            LOG
            + """
def work():
    while True:
        note("daemon")
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.1)
"""
        )
        assert (result.status, result.err) == (0, "")
    assert "daemon" in logged(store)


def test_a_process_that_execs(store: Store) -> None:
    result = store.enabled(
        LOG + "note('x')\nimport stillframe\nstillframe.flush()\nos.execv(sys.executable, [sys.executable, '-c', '1/0'])"
    )
    assert result.status == 1
    assert [kind for kind, _, _ in store.errors()] == ["ValueError", "ZeroDivisionError"]


def test_killed_in_the_middle(store: Store) -> None:
    """Killed while it writes: every record that was complete is read, and nothing is in the way of the next process."""
    text = """
        import stillframe
        stillframe.install()
        number = 0
        while True:
            number += 1
            padding = ["x" * 900 for _ in range(60)]
            stillframe.capture(ValueError(number))
            if number % 3 == 0:
                stored = stillframe.flush(60)
            if number == 3:
                print(stored, flush=True)
        """
    path = store.write("program.py", text)
    total = 0
    for round_ in range(5):
        process = subprocess.Popen([sys.executable, str(path)], env=store.env(), stdout=subprocess.PIPE)
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"True\n"
            time.sleep(0.01 + round_ * 0.007)
        finally:
            process.send_signal(signal.SIGKILL)
        assert process.wait(TIMEOUT) == -signal.SIGKILL
        process.stdout.close()
        now = len(store.snapshots())
        assert now >= total + 3
        total = now
    assert store.enabled("1/0").status == 1
    assert store.errors()[-1] == ("ZeroDivisionError", "excepthook", False)


def test_a_store_that_does_not_answer_holds_the_end_up_only_so_long(store: Store) -> None:
    """A store on a stopped file system: here a pipe nobody reads stands for it, in place of standard error."""
    start = time.monotonic()
    reader, writer = os.pipe()
    path = store.write("program.py", "raise ValueError('x')")
    process = subprocess.Popen([sys.executable, str(path)], env=store.env(STILLFRAME_ENABLED="1"), stderr=writer)
    os.close(writer)
    assert process.wait(TIMEOUT) == 1
    os.close(reader)
    assert time.monotonic() - start < TIMEOUT
