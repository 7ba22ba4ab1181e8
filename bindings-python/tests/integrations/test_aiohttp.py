"""aiohttp's server, over real connections."""

from __future__ import annotations

import http.client
import signal
import socket
from typing import Any

import pytest

from serving import Server, eventually, serving
from support import Store, functions, values

APPLICATION = """
import asyncio, logging, sys
from aiohttp import web

async def find(request):
    who = request.match_info["who"]
    return web.Response(text={}[who])

async def teapot(request):
    raise web.HTTPException() if False else web.HTTPForbidden()

async def unavailable(request):
    raise web.HTTPServiceUnavailable()

async def fine(request):
    return web.Response(text="fine")

async def logged(request):
    try:
        {}["sku"]
    except KeyError:
        logging.getLogger("shop").exception("in a handler")
    return web.Response(text="logged")

async def stream(request):
    response = web.StreamResponse()
    await response.prepare(request)
    part = 1
    await response.write(b"part")
    raise ValueError("in a stream")

async def background(request):
    async def work():
        await asyncio.sleep(0.05)
        try:
            {}["later"]
        except KeyError:
            logging.getLogger("shop").exception("in the background")
    request.app["task"] = asyncio.ensure_future(work())
    return web.Response(text="started")

async def talk(request):
    channel = web.WebSocketResponse()
    await channel.prepare(request)
    async for message in channel:
        word = message.data
        raise LookupError(word)
    return channel

async def slow(request):
    response = web.StreamResponse()
    await response.prepare(request)
    print("slow has begun", flush=True)
    for number in range(500):
        await response.write(b"x" * 65536)
        await asyncio.sleep(0.01)
    return response

async def wait(request):
    print("waiting", flush=True)
    try:
        await asyncio.sleep(30)
    finally:
        print("cancelled", flush=True)

@web.middleware
async def guard(request, handler):
    if request.path == "/guarded":
        rule = "closed"
        raise PermissionError("in a middleware")
    return await handler(request)

shop = web.Application()
shop.router.add_get("/users/{who}", find)
app = web.Application(middlewares=[guard])
for handler in (teapot, unavailable, fine, logged, stream, background, talk, slow, wait):
    app.router.add_get("/" + handler.__name__, handler)
app.router.add_get("/guarded", fine)
app.add_subapp("/shop", shop)
if __name__ == "__main__":
    options = {"handler_cancellation": True} if "handler_cancellation" in web.run_app.__kwdefaults__ else {}
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), **options)
"""


def attributes(shot: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = shot["context"]["attributes"]
    return found


def running(store: Store, **options: Any) -> Any:
    return serving(store, store.write("application.py", APPLICATION), "{port}", **options)


def cut(server: Server, path: str, said: str) -> None:
    """A client that goes away in the middle."""
    with socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        eventually(lambda: said in server.text(), said)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def test_an_error_of_a_handler(store: Store) -> None:
    headers = {
        "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "X-OpenReplay-SessionToken": "token-1",
        "Authorization": "Bearer secret-of-a-user",
        "X-Tenant": "acme",
    }
    with running(store) as server:
        plain = server.get("/fine")
        failed = server.get("/shop/users/j%C3%BCrgen?page=2", headers)
        assert server.stop(signal.SIGINT).status == 0
    assert (plain.status, failed.status) == (200, 500)
    [shot] = store.snapshots()
    assert store.errors() == [("KeyError", "aiohttp", False)]
    assert functions(shot)[0] == "find"
    assert values(shot)["who"] == "jürgen"
    told = attributes(shot)
    assert (told["http.request.method"], told["http.route"], told["url.path"]) == ("GET", "/shop/users/{who}", "/shop/users/jürgen")
    assert (told["url.query"], told["url.scheme"], told["client.address"]) == ("page=2", "http", "127.0.0.1")
    assert told["http.response.status_code"] == 500
    assert told["http.request.header.x-tenant"] == "acme"
    assert "secret-of-a-user" not in str(shot)
    assert shot["context"]["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert shot["context"]["sessionLinks"] == [{"name": "openReplaySessionToken", "id": "token-1"}]


def test_where_errors_come_from(store: Store) -> None:
    with running(store) as server:
        assert server.get("/guarded").status == 500
        with pytest.raises(http.client.IncompleteRead):
            server.get("/stream")
        assert server.get("/logged").status == 200
        assert server.get("/background").status == 200
        eventually(lambda: len(store.errors()) == 4, "four errors")
        assert server.stop(signal.SIGINT).status == 0
    found = {
        attributes(shot)["url.path"]: (shot["exceptions"][0]["type"], functions(shot)[0].rpartition(".")[2]) for shot in store.snapshots()
    }
    assert found == {
        "/guarded": ("PermissionError", "guard"),
        "/stream": ("ValueError", "stream"),
        "/logged": ("KeyError", "logged"),
        "/background": ("KeyError", "work"),
    }
    assert {mechanism for _, mechanism, _ in store.errors()} == {"aiohttp", "logging"}


def test_responses_that_are_raised_are_no_errors(store: Store) -> None:
    with running(store) as server:
        assert server.get("/teapot").status == 403
        assert server.get("/unavailable").status == 503
        assert server.get("/nowhere").status == 404
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(b"this is no HTTP\r\n\r\n")
            assert b" 400 " in connection.recv(1000)
        assert server.stop(signal.SIGINT).status == 0
    assert store.errors() == []


def test_clients_that_go_are_no_errors(store: Store) -> None:
    with running(store) as server:
        cut(server, "/slow", "slow has begun")
        cut(server, "/wait", "waiting")
        assert server.get("/fine").status == 200
        assert server.stop(signal.SIGINT).status == 0
    assert store.errors() == []


def test_websockets(store: Store) -> None:
    with running(store) as server:
        with socket.create_connection(("127.0.0.1", server.port)) as connection:
            connection.sendall(
                b"GET /talk HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
            )
            assert b" 101 " in connection.recv(1000)
            connection.sendall(b"\x81\x85\0\0\0\0hello")  # a text of five characters, masked with nothing
            while connection.recv(1000):
                pass
        assert server.stop(signal.SIGINT).status == 0
    [shot] = store.snapshots()
    assert store.errors() == [("LookupError", "aiohttp", False)]
    assert values(shot)["word"] == "hello"
    assert attributes(shot)["http.route"] == "/talk"


def test_under_gunicorn(store: Store) -> None:
    store.write("application.py", APPLICATION)
    command = ("-m", "gunicorn", "-b", "127.0.0.1:{port}", "-k", "aiohttp.GunicornWebWorker", "-w", "2", "application:app")
    with serving(store, *command) as server:
        for _ in range(10):
            assert server.get("/shop/users/x").status == 500
        assert server.stop().status == 0
    assert store.errors() == [("KeyError", "aiohttp", False)] * 10


def test_the_answers_are_the_same(store: Store) -> None:
    answers = []
    for switch in ("1", None):
        with running(store, env={"STILLFRAME_ENABLED": switch, "PYTHONASYNCIODEBUG": "1"}) as server:
            pages = [server.get(path) for path in ("/fine", "/guarded", "/shop/users/x", "/teapot", "/background")]
            for page in pages:
                page.headers.pop("Date", None)
            server.stop(signal.SIGINT)
            answers.append(pages)
    with_us, without = answers
    assert "Traceback" in with_us[1].body
    assert with_us == without
