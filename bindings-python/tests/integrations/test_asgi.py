"""ASGI applications of no framework, with the middleware and without, on uvicorn."""

from __future__ import annotations

from typing import Any

import pytest

import web
from support import Store, functions, values
from web import Run, attributes

APP = """
import asyncio
import contextvars
import logging
import os
import threading

log = logging.getLogger("app")


def price(order):
    return order["price"]


async def body(send, content, more=False):
    await send({"type": "http.response.body", "body": content, "more_body": more})


async def application(scope, receive, send):
    if scope["type"] != "http":
        raise RuntimeError("only HTTP")
    path = scope["path"]
    if path == "/view":
        order = {"view": 1}
        price(order)
    if path == "/logged":
        try:
            price({})
        except KeyError:
            log.exception("no price")
    if path == "/thread":
        def work():
            try:
                price({})
            except KeyError:
                log.exception("in a thread")
        await asyncio.get_running_loop().run_in_executor(None, contextvars.copy_context().run, work)
    if path == "/pool":
        await asyncio.get_running_loop().run_in_executor(None, price, {"pool": 1})
    if path == "/cancelled":
        raise asyncio.CancelledError
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    if path == "/stream-fails":
        await body(send, b"first", True)
        price({"late": True})
    await body(send, b"fine")
    if path == "/after":
        price({"after": 1})


if os.environ.get("MIDDLEWARE"):
    import stillframe.integrations.asgi
    application = stillframe.integrations.asgi.Middleware(application)
"""

REQUESTS: dict[str, web.Request] = {
    "view": (
        "/view?page=2&access_token=query-secret",
        {**web.TRACE, "X-OPENREPLAY-SESSIONTOKEN": "replay-1", "Authorization": "Bearer header-secret"},
    ),
    "logged": "/logged",
    "thread": "/thread",
    "pool": "/pool",
    "cancelled": "/cancelled",
    "stream fails": "/stream-fails",
    "after": "/after",
    "fine": "/fine",
}


def served(factory: pytest.TempPathFactory, **env: str) -> Run:
    command: list[Any] = ["-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "app:application"]
    return web.both(factory.mktemp("asgi"), {"app.py": APP}, command, REQUESTS, **env)


@pytest.mark.parametrize(("env", "mechanism"), [({}, "uvicorn"), ({"MIDDLEWARE": "1"}, "asgi")])
def test_what_no_framework_catches(env: dict[str, str], mechanism: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = served(tmp_path_factory, **env)
    snapshot = run.one("view")
    assert functions(snapshot)[:2] == ["price", "application"]
    assert values(snapshot, 1)["path"] == "/view"
    told = attributes(snapshot)
    expected = {
        "http.request.method": "GET",
        "url.path": "/view",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": run.port,
        "client.address": "127.0.0.1",
    }
    assert {name: told.get(name) for name in expected} == expected
    assert "query-secret" not in str(snapshot)
    assert "header-secret" not in str(snapshot)
    assert snapshot["context"]["traceId"] == web.TRACE_ID
    assert snapshot["context"]["sessionLinks"] == [{"name": "openReplaySessionToken", "id": "replay-1"}]
    for name in ("view", "pool", "stream fails", "after"):
        assert run.heads(name) == [("KeyError", mechanism, False)], name
    for name in ("logged", "thread"):
        assert run.heads(name) == [("KeyError", "logging", True)], name
    assert [name for name in ("cancelled", "fine") if run.of(name)] == []
    assert run.unclaimed() == []
    if env:
        assert attributes(run.one("view"))["http.response.status_code"] == 500
        assert attributes(run.one("stream fails"))["http.response.status_code"] == 200


def test_requests_end(store: Store) -> None:
    """Whatever a task has copied of the context, nothing of the program stays alive; the request can still be told."""
    done = store.enabled(
        """
        import asyncio, gc, logging, weakref
        import stillframe.integrations.asgi

        class Kept:
            pass

        async def work():
            await asyncio.sleep(0.01)
            gc.collect()
            print(alive())
            logging.error("later", exc_info=ValueError("logged"))

        async def application(scope, receive, send):
            tasks.append(asyncio.ensure_future(work()))

        async def main():
            global alive
            kept = Kept()
            alive = weakref.ref(kept)
            scope = {"type": "http", "method": "GET", "path": "/task", "headers": [(b"accept", b"text/plain")], "state": kept}
            await stillframe.integrations.asgi.Middleware(application)(scope, None, None)
            del scope, kept
            await asyncio.gather(*tasks)
            logging.error("outside", exc_info=ValueError("logged"))

        tasks = []
        asyncio.run(main())
        """
    )
    assert done.out == "None\n"
    first, second = store.snapshots()
    assert attributes(first)["url.path"] == "/task"
    assert attributes(first)["http.request.header.accept"] == "text/plain"
    assert "url.path" not in attributes(second)


def test_requests_of_one_loop_do_not_mix(store: Store) -> None:
    store.enabled(
        """
        import asyncio
        import stillframe.integrations.asgi

        async def application(scope, receive, send):
            await asyncio.sleep(0.001 * (int(scope["path"][1:]) % 7))
            raise LookupError(scope["path"])

        app = stillframe.integrations.asgi.Middleware(application)

        async def main():
            scopes = [{"type": "http", "path": f"/{number}"} for number in range(100)]
            await asyncio.gather(*[asyncio.ensure_future(app(scope, None, None)) for scope in scopes], return_exceptions=True)

        asyncio.run(main())
        """
    )
    shown = [(shot["exceptions"][0]["message"]["value"], attributes(shot)["url.path"]) for shot in store.snapshots()]
    assert len(shown) == 100
    assert all(message == path for message, path in shown)


@pytest.mark.parametrize(
    "scope",
    [
        "{'type': 'http', 'headers': 7, 'client': 7, 'server': 'x', 'path': b'/', 'query_string': 'text', 'method': None}",
        "{'type': 'http', 'headers': [1, (b'a',), (b'a', 'b'), (Trap(), Trap()), [b'fine', b'yes']], 'path': Trap('/x'), Trap('path'): 1}",
        "{'type': 'http', 'path': '/x', 'headers': [(b'fine', b'yes')], 'app': Trap(), 'router': Trap(), 'endpoint': Trap(), 'user': Trap()}",
        "Mapped({'type': 'http', 'path': '/x', 'headers': []})",
        "{'type': 'http', 'path': '/' + 'x' * 10**6, 'headers': [(b'h%d' % n, b'v') for n in range(1000)] + [(b'big', b'x' * 10**6)]}",
        "{'type': 'http', 'path': '\\x00\\x1b\\ud800', 'headers': [(b'\\xff\\x00', b'\\xff\\xfe\\r\\n'), (b'cookie', b'a=b; ' * 10**5)]}",
        "{'type': 'http', 'path': '/x', 'headers': [(b'traceparent', b'x' * 10**5), (b'baggage', b',=,;,%zz=%ff,' * 10**5)]}",
    ],
)
def test_hostile_scopes(store: Store, scope: str) -> None:
    """Whatever is in a scope, none of the program's code runs for it, the error is captured, and what is told is bounded."""
    done = store.enabled(
        f"""
        import asyncio
        from collections.abc import Mapping
        import stillframe.integrations.asgi

        class Trap(str):
            armed = False

            def spring(self, *args):
                if Trap.armed:
                    print("sprung")
                    raise RuntimeError("sprung")
                return False

            __eq__ = __len__ = __bool__ = __iter__ = __repr__ = __str__ = __getitem__ = spring

            def __getattribute__(self, name):
                Trap.spring(self)
                return object.__getattribute__(self, name)

            def __hash__(self):
                Trap.spring(self)
                return hash("path")

        class Mapped(Mapping):
            def __init__(self, inner):
                self.inner = inner
            def __getitem__(self, name):
                return self.inner[name]
            def __iter__(self):
                return iter(self.inner)
            def __len__(self):
                return len(self.inner)

        async def application(scope, receive, send):
            Trap.armed = True
            raise LookupError("of the program")

        scope = {scope}
        try:
            asyncio.run(stillframe.integrations.asgi.Middleware(application)(scope, None, None))
        except LookupError as error:
            print("seen")
        finally:
            Trap.armed = False
        stillframe.flush()
        print(stillframe.stats().get("failures"))
        """
    )
    assert done.out == "seen\nNone\n"
    (snapshot,) = store.snapshots()
    assert len(attributes(snapshot)) <= 64
    assert all(len(value.encode(errors="replace")) <= 1024 for value in attributes(snapshot).values() if isinstance(value, str))
