"""``stillframe deeper``: programs that start later, and one that runs, keep more of an issue once."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest

from support import COMMAND, Store

FAILS = """
    class Box:
        def __init__(self, inner):
            self.inner = inner

    def fail():
        box = None
        for _ in range(12):
            box = Box(box)
        raise KeyError("boxes")

    fail()
"""

SERVES = """
    import os, sys, stillframe
    stillframe.install()

    class Box:
        def __init__(self, inner):
            self.inner = inner

    def fail(kind):
        box = None
        for _ in range(12):
            box = Box(box)
        raise kind("boxes")

    for line in sys.stdin:
        try:
            fail(getattr(__builtins__, line.strip()))
        except Exception as error:
            stillframe.capture(error)
        stillframe.flush()
        print("done", flush=True)
"""


def depth(snapshot: dict[str, Any]) -> int:
    """How many boxes of the raising frame's are open."""
    frame = snapshot["frames"][snapshot["exceptions"][0]["frames"][0]]
    node, found = frame["locals"]["box"], 0
    while "fields" in node:
        found += 1
        node = dict(node["fields"])["inner"]
    return found


def ask(store: Store, *arguments: str) -> dict[str, Any]:
    """Runs ``stillframe deeper``."""
    done = store.run(COMMAND, "deeper", *arguments, "--json")
    assert done.status == 0, done.err
    return json.loads(done.out)


def issue(snapshot: dict[str, Any]) -> str:
    """The issue's key."""
    return str(snapshot["fingerprint"]["key"])


def test_a_program_that_starts_later(store: Store) -> None:
    """The first error of a process is already the one."""
    store.enabled(FAILS)
    [first] = store.snapshots()
    ask(store, issue(first), "--times", "2")
    store.enabled(FAILS)
    store.enabled(FAILS)
    usual, deeper, after = map(depth, store.snapshots())
    assert usual == after < deeper
    assert not list((store.folder / "deeper").iterdir())


def test_another_error_is_not_taken_for_it(store: Store) -> None:
    """Type, module and function have to be the same."""
    store.enabled(FAILS)
    [first] = store.snapshots()
    ask(store, issue(first))
    store.enabled(FAILS.replace("KeyError", "ValueError"))
    store.enabled(FAILS.replace("fail()", "other()"))
    assert len({depth(snapshot) for snapshot in store.snapshots()}) == 1
    assert len(list((store.folder / "deeper").iterdir())) == 1


def test_a_request_taken_back(store: Store) -> None:
    """Nothing is kept deeper then."""
    store.enabled(FAILS)
    [first] = store.snapshots()
    ask(store, issue(first))
    ask(store, issue(first), "--cancel")
    store.enabled(FAILS)
    assert len({depth(snapshot) for snapshot in store.snapshots()}) == 1


@pytest.mark.parametrize("known", [True, False], ids=["that it has met", "that another has met"])
def test_a_program_that_runs(store: Store, known: bool) -> None:
    """It looks once a second, whether it has met the issue itself or not."""
    import subprocess
    import time

    path = store.write("program.py", SERVES)
    if not known:
        store.run(sys.executable, path, input=b"KeyError\n", stdin=None)
    with subprocess.Popen([sys.executable, str(path)], env=store.env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None

        def fail(kind: str) -> None:
            process.stdin.write(f"{kind}\n".encode())
            process.stdin.flush()
            assert process.stdout.readline() == b"done\n"

        fail("KeyError" if known else "ValueError")
        [first] = [snapshot for snapshot in store.snapshots() if snapshot["exceptions"][0]["type"] == "KeyError"]
        ask(store, issue(first))
        until = time.monotonic() + 30
        while list((store.folder / "deeper").iterdir()) and time.monotonic() < until:
            fail("KeyError")
            time.sleep(0.2)
        process.stdin.close()
        assert process.wait(30) == 0
    depths = [depth(snapshot) for snapshot in store.snapshots() if snapshot["exceptions"][0]["type"] == "KeyError"]
    assert depths[0] == min(depths) < max(depths)
    assert depths.count(max(depths)) == 1
