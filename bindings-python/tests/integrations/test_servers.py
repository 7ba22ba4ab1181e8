"""Servers with worker processes and threads: nothing is lost at a graceful stop, and one store is shared by all of them."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any

import pytest

from serving import Server, eventually, serving
from support import COMMAND, Store, functions, values

WSGI = """
import itertools, os, time

def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path.startswith("/fail/"):
        number = int(path[6:])
        raise ValueError(number)
    if path == "/hang":
        print("hanging", flush=True)
        reason = "a lock that nobody releases"
        time.sleep(60)
    if path == "/spin":
        for turn in itertools.repeat(1):
            if turn:
                turn = turn
    if path == "/slow":
        os.write(1, b"slow\\n")
        time.sleep(1)
        raise RuntimeError("after a second")
    if path == "/kill":
        os.kill(os.getpid(), 9)
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [str(os.getpid()).encode()]
"""

ASGI = """
import asyncio, os

async def application(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    path = scope["path"]
    if path.startswith("/fail/"):
        number = int(path[6:])
        raise ValueError(number)
    if path == "/slow":
        await asyncio.sleep(1)
        raise RuntimeError("after a second")
    if path == "/kill":
        os.kill(os.getpid(), 9)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(os.getpid()).encode()})
"""

NEW = sys.version_info >= (3, 11)
UVICORN_WORKER = "uvicorn_worker.UvicornWorker" if NEW else "uvicorn.workers.UvicornWorker"
GUNICORN = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "-w", "2", "--log-level", "info")
COMMANDS = {
    "gunicorn sync": (*GUNICORN, "wsgi:application"),
    "gunicorn sync preload": (*GUNICORN, "--preload", "wsgi:application"),
    "gunicorn gthread": (*GUNICORN, "-k", "gthread", "--threads", "4", "wsgi:application"),
    "gunicorn gthread preload": (*GUNICORN, "-k", "gthread", "--threads", "4", "--preload", "wsgi:application"),
    "gunicorn uvicorn": (*GUNICORN, "-k", UVICORN_WORKER, "asgi:application"),
    "uvicorn": ("-m", "uvicorn", "--port", "{port}", "asgi:application"),
    "uvicorn workers": ("-m", "uvicorn", "--port", "{port}", "--workers", "2", "asgi:application"),
    "waitress": ("-m", "waitress", "--listen", "127.0.0.1:{port}", "--threads", "4", "wsgi:application"),
}
if NEW:  # it kills its workers, and older ones know no way without
    COMMANDS["hypercorn"] = ("-m", "hypercorn", "-b", "127.0.0.1:{port}", "-w", "0", "asgi:application")

RELOADED = ["gunicorn sync", "gunicorn gthread", "gunicorn uvicorn"]
if find_spec("gevent") is not None:
    COMMANDS["gunicorn gevent"] = (*GUNICORN, "-k", "gevent", "wsgi:application")
    RELOADED.append("gunicorn gevent")


def running(store: Store, name: str, *more: str, **options: Any) -> Any:
    store.write("wsgi.py", WSGI)
    store.write("asgi.py", ASGI)
    *command, application = COMMANDS[name]
    return serving(store, *command, *more, application, **options)


def visit(server: Server, path: str) -> int:
    """The status of the answer, or 0 if the connection ends without one."""
    try:
        return server.get(path).status
    except (OSError, http.client.HTTPException):
        return 0


def answer(server: Server, path: str, none: str = "") -> str:
    """What the answer says, or ``none`` if the connection ends without one."""
    try:
        return server.get(path).body
    except (OSError, http.client.HTTPException):
        return none


def visit_all(server: Server, numbers: range) -> list[int]:
    with ThreadPoolExecutor(8) as clients:
        return list(clients.map(lambda number: visit(server, f"/fail/{number}"), numbers))


def numbers(store: Store) -> list[Any]:
    """Which requests' errors are in the store."""
    return sorted(values(shot)["number"] for shot in store.snapshots() if shot["exceptions"][0]["type"] == "ValueError")


def damage(store: Store) -> dict[str, int]:
    """What the command cannot read of the store."""
    found = json.loads(store.run(COMMAND, "stats", "--json").out)["spool"]
    return {name: found[name] for name in ("torn", "damaged", "undecodable", "unknown") if found[name]}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_graceful_stop_loses_nothing(store: Store, name: str) -> None:
    """Requests of many clients at once, and the stop right after the last answer."""
    with running(store, name) as server:
        assert visit(server, "/") == 200
        assert visit_all(server, range(200)) == [500] * 200
        status = server.stop(signal.SIGINT if name == "waitress" else signal.SIGTERM).status  # waitress knows no other
    assert status in (0, -signal.SIGTERM), server.text()[-3000:]  # uvicorn raises the signal again when it has stopped
    assert numbers(store) == list(range(200))
    assert damage(store) == {}
    assert len(json.loads(store.run(COMMAND, "list", "--json").out)["issues"]) == 1


@pytest.mark.parametrize("name", RELOADED)
def test_a_reload_loses_nothing(store: Store, name: str) -> None:
    with running(store, name) as server:
        before = {server.get("/").body for _ in range(20)}
        assert visit_all(server, range(50)) == [500] * 50
        server.process.send_signal(signal.SIGHUP)
        eventually(lambda: answer(server, "/", min(before)) not in before, "a new worker")
        answered = [number for number, status in enumerate(visit_all(server, range(50, 100)), 50) if status == 500]
        assert len(answered) >= 40  # the old workers may have closed a connection that waited for them
        assert server.stop().status == 0
    assert {*range(50), *answered} <= set(numbers(store))
    assert damage(store) == {}


@pytest.mark.parametrize("name", ["gunicorn sync", "gunicorn gthread", "gunicorn uvicorn"])
def test_workers_that_are_recycled_lose_nothing(store: Store, name: str) -> None:
    with running(store, name, "--max-requests", "10") as server:
        before = {server.get("/").body for _ in range(5)}
        assert sum(status == 500 for status in visit_all(server, range(100))) >= 90
        eventually(lambda: answer(server, "/", min(before)) not in before, "a new worker")
        answered = numbers_answered(server, store)
        assert server.stop().status == 0
    assert set(answered) <= set(numbers(store))
    assert damage(store) == {}


def numbers_answered(server: Server, store: Store) -> list[int]:
    """What was surely captured: one request after the other, while workers come and go."""
    return [number for number in range(100, 140) if visit(server, f"/fail/{number}") == 500]


def test_a_stop_while_requests_run(store: Store) -> None:
    """A request in flight is finished, fails, and is captured."""
    with running(store, "gunicorn gthread") as server, ThreadPoolExecutor(4) as clients:
        waiting = [clients.submit(visit, server, "/slow") for _ in range(4)]
        eventually(lambda: server.text().splitlines().count("slow") == 4, "four requests in the application")
        assert server.stop().status == 0
        assert [client.result() for client in waiting] == [500] * 4
    assert [kind for kind, _, _ in store.errors()] == ["RuntimeError"] * 4


def too_late(store: Store) -> list[dict[str, Any]]:
    """Time-outs in the application. On a busy machine, workers that only wait for requests may be late as well."""
    shots = [shot for shot in store.snapshots() if shot["exceptions"][0]["type"] != "ValueError"]
    return [shot for shot in shots if functions(shot)[0] == "application"]


def test_a_worker_that_takes_too_long(store: Store) -> None:
    """gunicorn aborts it: the time-out is captured with what the worker was waiting for, and the master goes on."""
    with running(store, "gunicorn sync", "--timeout", "5") as server:
        assert visit(server, "/fail/1") == 500
        visit(server, "/hang")
        eventually(lambda: "WORKER TIMEOUT" in server.text(), "a time-out")
        eventually(lambda: visit(server, "/fail/2") == 500, "a worker")
        assert server.stop().status == 0
    assert numbers(store) == [1, 2]
    [late] = too_late(store)
    assert late["exceptions"][0]["type"] == "stillframe.integrations.stopping.WorkerTimeout"
    assert values(late)["reason"] == "a lock that nobody releases"
    assert late["context"]["attributes"]["url.path"] == "/hang"
    assert damage(store) == {}


def test_a_worker_that_loops(store: Store) -> None:
    """Some interpreters know no line for the jump back of a loop, where the signal meets it."""
    with running(store, "gunicorn sync", "--timeout", "5") as server:
        visit(server, "/spin")
        eventually(lambda: "WORKER TIMEOUT" in server.text(), "a time-out")
        eventually(lambda: visit(server, "/fail/2") == 500, "a worker")
        assert server.stop().status == 0
    [late] = too_late(store)
    assert values(late)["turn"] == 1
    assert damage(store) == {}


# An old uvicorn leaves it at the workers that it has.
@pytest.mark.parametrize("name", ["gunicorn sync", "gunicorn gthread", "gunicorn uvicorn", *(["uvicorn workers"] if NEW else [])])
def test_workers_that_are_killed(store: Store, name: str) -> None:
    """The master goes on, and what was answered a while ago is there."""
    with running(store, name) as server:
        assert visit_all(server, range(20)) == [500] * 20
        eventually(lambda: len(numbers(store)) == 20, "the first errors in the store")
        for _ in range(3):
            assert visit(server, "/kill") == 0
            eventually(lambda: visit(server, "/") == 200, "a worker")
        eventually(lambda: visit_all(server, range(20, 40)) == [500] * 20, "all workers")
        server.stop()
    assert set(numbers(store)) == set(range(40))
    listed = store.run(COMMAND, "list", "--json")
    assert listed.status == 0
    assert len(json.loads(listed.out)["issues"]) == 1


def test_workers_that_are_killed_while_they_capture(store: Store) -> None:
    """Killed at any point of writing, a process leaves a torn end at most; the others' records are all there."""
    with running(store, "gunicorn sync") as server:
        done = 0
        for round_ in range(10):
            victim = int(server.get("/").body)
            with ThreadPoolExecutor(4) as clients:
                going = [clients.submit(visit, server, f"/fail/{1000 + round_ * 40 + number}") for number in range(40)]
                os.kill(victim, signal.SIGKILL)
                done += sum(client.result() == 500 for client in going)
            eventually(lambda: visit(server, "/") == 200, "a worker")
        assert visit_all(server, range(20)) == [500] * 20
        assert server.stop().status == 0
    found = numbers(store)
    assert set(range(20)) <= set(found)
    assert len(found) == len(set(found))
    assert done > 0
    assert set(damage(store)) <= {"torn"}
    doctor = store.run(COMMAND, "doctor").out
    assert ("with a torn end" in doctor) == ("torn" in damage(store)), doctor
    assert store.run(COMMAND, "list").status == 0


def test_many_processes_write_at_once(store: Store) -> None:
    """Eight processes capture as fast as they can into one store, and a ninth reads it meanwhile."""
    result = store.enabled(
        """
        import multiprocessing, os, subprocess, sys, stillframe

        def work(which, command):
            for number in range(250):
                try:
                    raise ValueError(which * 1000 + number)
                except ValueError as error:
                    stillframe.capture(error)
                if number % 10 == 9:
                    stillframe.flush(10)

        if __name__ == "__main__":
            context = multiprocessing.get_context("fork")
            processes = [context.Process(target=work, args=(which, None)) for which in range(8)]
            for process in processes:
                process.start()
            statuses = []
            while any(process.is_alive() for process in processes):
                statuses.append(subprocess.run([sys.argv[1], "list", "--json"], capture_output=True).returncode)
                statuses.append(subprocess.run([sys.argv[1], "doctor"], capture_output=True).returncode)
            for process in processes:
                process.join()
            print(set(statuses), [process.exitcode for process in processes])
        """,
        COMMAND,
    )
    assert (result.out, result.err) == (f"{{0}} {[0] * 8}\n", "")
    assert len(store.snapshots()) == 8 * 250
    assert len({shot["pid"] for shot in store.snapshots()}) == 8
    assert damage(store) == {}
    [issue] = json.loads(store.run(COMMAND, "list", "--json").out)["issues"]
    assert issue["kept"] == 8 * 250, issue


def test_a_connection_that_ends_in_the_middle(store: Store) -> None:
    with running(store, "gunicorn sync") as server:
        for _ in range(5):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(b"GET /fail/1 HTTP/1.1\r\nHost: x\r\n\r\n")
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        assert visit(server, "/fail/7") == 500
        assert server.stop().status == 0
    assert 7 in numbers(store)


VARIES = re.compile(r"\[?\d{4}-\d\d-\d\d [^\]]*\]|0x[0-9a-f]+|\d+")
OURS = re.compile(r"/stillframe/[\w/]+\.py")


def without_ours(lines: list[str]) -> list[str]:
    """The lines of a log without frames of ours."""
    kept, ours = [], False
    for line in lines:
        ours = bool(OURS.search(line)) or (ours and line.startswith("    "))
        if not ours and "was terminated due to signal" not in line:  # of a worker that was not fast enough
            kept.append(line)
    return kept


@pytest.mark.parametrize("name", ["gunicorn sync", "gunicorn uvicorn", "uvicorn workers"])
def test_the_server_says_the_same(store: Store, name: str) -> None:
    """Logs with and without us differ in nothing but times, process ids, ports, and a frame of ours in a traceback that goes through it."""
    said = []
    for switch in ("1", None):
        with running(store, name, env={"STILLFRAME_ENABLED": switch}) as server:
            assert visit(server, "/fail/1") == 500
            server.stop()
            lines = server.text().splitlines()
        said.append({VARIES.sub("N", line) for line in without_ours(lines)})
    with_us, without = said
    assert with_us == without
