"""Starlette and FastAPI on uvicorn, over HTTP and WebSockets."""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from typing import Any

import pytest

import web
from serving import serving
from support import Store, functions, values
from web import Run, attributes

APP = """
import asyncio
import logging
import os
import threading
from starlette.applications import Starlette
from starlette.authentication import AuthCredentials, AuthenticationBackend, SimpleUser
from starlette.background import BackgroundTask
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute

log = logging.getLogger("app")


class Refused(Exception):
    pass


class Broken(Exception):
    pass


async def refused(request, error):
    return PlainTextResponse("refused", 400)


def broken(request, error):
    return PlainTextResponse("broken", 500)


def fails(request, error):
    raise TypeError("in the handler")


class Hopeless(Exception):
    pass


def price(order):
    return order["price"]


async def view(request):
    number = request.path_params["number"]
    return PlainTextResponse(str(price({"number": number})))


def plain(request):
    order = {"plain": True}
    return PlainTextResponse(str(price(order)))


async def aborts(request):
    raise HTTPException(int(request.path_params["code"]), "as asked")


def plain_aborts(request):
    raise HTTPException(404, "as asked")


async def refuses(request):
    raise Refused


async def breaks(request):
    raise Broken


async def hopeless(request):
    raise Hopeless


async def logged(request):
    try:
        price({})
    except KeyError:
        log.exception("no price")
    return PlainTextResponse("fine")


async def logged_and_raised(request):
    try:
        price({})
    except KeyError:
        log.exception("no price")
        raise


async def stream(request):
    async def parts():
        yield b"first"
        try:
            price({})
        except KeyError:
            log.exception("between the parts")
        yield b"second"
    return StreamingResponse(parts())


async def stream_fails(request):
    async def parts():
        yield b"first"
        raise ValueError("between the parts")
    return StreamingResponse(parts())


def plain_task(order):
    price(order)


async def background(request):
    return PlainTextResponse("fine", background=BackgroundTask(plain_task, {"later": 1}))


running = []


async def outlives(request):
    async def work():
        await asyncio.sleep(0.05)
        try:
            price({"long": "after"})
        except KeyError:
            log.exception("later")
    running.append(asyncio.ensure_future(work()))
    return PlainTextResponse("fine")


async def waits(request):
    await asyncio.gather(*running)
    return PlainTextResponse("fine")


async def never_retrieved(request):
    async def work():
        price({})
    task = asyncio.ensure_future(work())
    await asyncio.sleep(0.02)
    del task
    import gc
    gc.collect()
    return PlainTextResponse("fine")


async def cancelled(request):
    raise asyncio.CancelledError


async def socket(websocket):
    await websocket.accept()
    word = await websocket.receive_text()
    price({"word": word})


async def inner(request):
    price({"inner": request.path_params["name"]})


class Before(BaseHTTPMiddleware):
    async def __call__(self, scope, receive, send):
        if scope.get("path") == "/background":  # old versions lose a background task when the client is quick to leave
            await self.app(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)

    async def dispatch(self, request, call_next):
        if request.url.path == "/before":
            raise ArithmeticError("before")
        response = await call_next(request)
        if request.url.path == "/after":
            raise ArithmeticError("after")
        return response


class Known(AuthenticationBackend):
    async def authenticate(self, connection):
        return AuthCredentials(["authenticated"]), SimpleUser("ann")


async def fine(request):
    return PlainTextResponse("fine")


routes = [
    Route("/orders/{number:int}", view),
    Route("/plain", plain),
    Route("/abort/{code:int}", aborts),
    Route("/plain-abort", plain_aborts),
    Route("/refused", refuses),
    Route("/broken", breaks),
    Route("/hopeless", hopeless),
    Route("/logged", logged),
    Route("/logged-and-raised", logged_and_raised),
    Route("/stream", stream),
    Route("/stream-fails", stream_fails),
    Route("/background", background),
    Route("/outlives", outlives),
    Route("/waits", waits),
    Route("/never-retrieved", never_retrieved),
    Route("/cancelled", cancelled),
    Route("/before", fine),
    Route("/after", fine),
    WebSocketRoute("/socket/{room}", socket),
    Mount("/mounted/{tenant}", app=Starlette(routes=[Route("/inner/{name}", inner)])),
]
app = Starlette(
    debug=bool(os.environ.get("DEBUG_PAGES")),
    routes=routes,
    middleware=[Middleware(Before), Middleware(AuthenticationMiddleware, backend=Known())],
    exception_handlers={Refused: refused, Broken: broken, Hopeless: fails},
)
"""

REQUESTS: dict[str, web.Request] = {
    "view": (
        "/orders/7?page=2&access_token=query-secret",
        {
            **web.TRACE,
            "baggage": "tenant=blue%20sea;prop=1,api_key=baggage-secret",
            "x-openreplay-sessiontoken": "replay-1",
            "Authorization": "Bearer header-secret",
            "Cookie": "id=cookie-secret",
            "Accept": "text/plain",
            "User-Agent": "test/1",
        },
    ),
    "plain": "/plain",
    "404": "/nowhere",
    "403": "/abort/403",
    "503": "/abort/503",
    "plain 404": "/plain-abort",
    "refused": "/refused",
    "broken": "/broken",
    "hopeless": "/hopeless",
    "logged": "/logged",
    "twice": "/logged-and-raised",
    "stream": "/stream",
    "stream fails": "/stream-fails",
    "background": "/background",
    "outlives": "/outlives",
    "waits": "/waits",
    "never retrieved": "/never-retrieved",
    "before": "/before",
    "after": "/after",
    "mounted": "/mounted/blue/inner/ann",
}
UVICORN: list[Any] = ["-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "app:app"]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return web.both(tmp_path_factory.mktemp("starlette"), {"app.py": APP}, UVICORN, REQUESTS)


@pytest.fixture(scope="module")
def debugged(tmp_path_factory: pytest.TempPathFactory) -> Run:
    requests = {name: request for name, request in REQUESTS.items() if name != "after"}
    return web.both(tmp_path_factory.mktemp("starlette"), {"app.py": APP}, UVICORN, requests, DEBUG_PAGES="1")


def test_an_error_is_captured_once_with_the_values_of_the_view(served: Run) -> None:
    snapshot = served.one("view")
    assert served.answers["view"].status == 500
    assert served.heads("view") == [("KeyError", "starlette", False)]
    assert functions(snapshot)[:2] == ["price", "view"]
    assert values(snapshot, 1)["number"] == 7


def test_the_request_is_told(served: Run) -> None:
    snapshot = served.one("view")
    told = attributes(snapshot)
    expected = {
        "http.request.method": "GET",
        "http.route": "/orders/{number:int}",
        "url.path": "/orders/7",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": served.port,
        "client.address": "127.0.0.1",
        "user_agent.original": "test/1",
        "http.request.header.accept": "text/plain",
        "http.response.status_code": 500,
        "baggage.tenant": "blue sea",
        "network.protocol.version": "1.1",
    }
    assert {name: told.get(name) for name in expected} == expected
    assert snapshot["context"]["traceId"] == web.TRACE_ID
    assert snapshot["context"]["spanId"] == web.SPAN_ID
    assert snapshot["context"]["user"] == {"name": "ann"}
    assert snapshot["context"]["sessionLinks"] == [{"name": "openReplaySessionToken", "id": "replay-1"}]


def test_no_secret_of_a_request_is_stored(served: Run) -> None:
    text = json.dumps(served.one("view"))
    for secret in ("query-secret", "baggage-secret", "header-secret", "cookie-secret"):
        assert secret not in text


@pytest.mark.parametrize("name", ["404", "403", "plain 404", "refused", "waits"])
def test_an_answer_is_no_error(served: Run, name: str) -> None:
    assert served.of(name) == []


@pytest.mark.parametrize(
    ("name", "kind", "route"),
    [
        ("plain", "KeyError", "/plain"),
        ("503", "starlette.exceptions.HTTPException", "/abort/{code:int}"),
        ("broken", "app.Broken", "/broken"),
        ("hopeless", "TypeError", "/hopeless"),
        ("twice", "KeyError", "/logged-and-raised"),
        ("stream fails", "ValueError", "/stream-fails"),
        ("background", "KeyError", "/background"),
        ("before", "ArithmeticError", None),
        ("after", "ArithmeticError", "/after"),
        ("mounted", "KeyError", "/mounted/{tenant}/inner/{name}"),
    ],
)
def test_an_error_is_captured_once(served: Run, name: str, kind: str, route: str | None) -> None:
    assert served.heads(name) == [(kind, "starlette", False)]
    assert attributes(served.one(name)).get("http.route") == route


def test_the_status_is_that_of_the_answer(served: Run) -> None:
    assert attributes(served.one("stream fails"))["http.response.status_code"] == 200
    assert attributes(served.one("503"))["http.response.status_code"] == 503


def test_logged_errors_carry_the_request(served: Run) -> None:
    assert served.heads("logged") == [("KeyError", "logging", True)]
    assert attributes(served.one("logged"))["http.route"] == "/logged"
    assert served.answers["stream"].body == b"firstsecond"
    assert served.heads("stream") == [("KeyError", "logging", True)]


def test_a_task_that_outlives_its_request_still_carries_it(served: Run) -> None:
    assert served.heads("outlives") == [("KeyError", "logging", True)]
    assert attributes(served.one("outlives"))["url.path"] == "/outlives"


@pytest.mark.since(3, 12)
def test_a_task_whose_error_nobody_retrieves_carries_it(served: Run) -> None:
    assert served.heads("never retrieved") == [("KeyError", "asyncio", False)]


def test_nothing_is_captured_without_a_request(served: Run) -> None:
    assert [head for head in served.unclaimed() if head != ("KeyError", "asyncio")] == []


def test_the_debug_page_shows_the_program_without_us(debugged: Run) -> None:
    assert b"KeyError" in debugged.answers["view"].body
    assert debugged.heads("view") == [("KeyError", "starlette", False)]


def test_a_websocket_carries_its_handshake(store: Store) -> None:
    import websockets

    async def talk(port: int) -> None:
        headers = {web.NAME: "socket", "traceparent": web.TRACE["traceparent"]}
        try:
            from websockets.asyncio.client import connect
        except ImportError:
            connection = await websockets.connect(f"ws://127.0.0.1:{port}/socket/blue", extra_headers=headers)
        else:
            connection = await connect(f"ws://127.0.0.1:{port}/socket/blue", additional_headers=headers)
        await connection.send("hello")
        with pytest.raises(websockets.exceptions.ConnectionClosed):
            await connection.recv()

    async def leave(port: int) -> None:
        """Goes away before the program has read what it waits for."""
        import contextlib

        try:
            from websockets.asyncio.client import connect
        except ImportError:
            connect = websockets.connect
        with contextlib.suppress(Exception):
            connection = await connect(f"ws://127.0.0.1:{port}/socket/blue")
            await connection.close()

    store.write("app.py", APP)
    with serving(store, *UVICORN) as server:
        asyncio.run(talk(server.port))
        asyncio.run(leave(server.port))
        server.stop(signal.SIGINT)
    assert store.errors() == [("KeyError", "starlette", False)]
    (snapshot,) = store.snapshots()
    told = attributes(snapshot)
    assert (told["http.route"], told["url.path"], told["url.scheme"]) == ("/socket/{room}", "/socket/blue", "ws")
    assert told["http.request.header.x-test"] == "socket"
    assert snapshot["context"]["traceId"] == web.TRACE_ID


FASTAPI = """
import os
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import JSONResponse

app = FastAPI(debug=bool(os.environ.get("DEBUG_PAGES")))


@app.exception_handler(Exception)
async def anything(request, error):
    return JSONResponse({"error": type(error).__name__}, status_code=500)


def stock():
    yield {"apples": 3}


@app.get("/orders/{number}")
def view(number: int, stock: dict = Depends(stock)):
    order = {"number": number}
    return order["price"]


@app.get("/async/{number}")
async def asynchronous(number: int):
    order = {"number": number}
    return order["price"]


@app.get("/missing")
def missing():
    raise HTTPException(404)


@app.get("/teapot")
async def teapot():
    raise HTTPException(418)


@app.get("/gone")
async def gone():
    raise HTTPException(503)
"""


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Run:
    requests: dict[str, web.Request] = {
        "view": "/orders/7?page=2",
        "async": "/async/7",
        "invalid": "/orders/seven",
        "404": "/missing",
        "418": "/teapot",
        "503": "/gone",
    }
    return web.both(tmp_path_factory.mktemp("fastapi"), {"app.py": FASTAPI}, UVICORN, requests)


@pytest.mark.parametrize(
    ("name", "function", "route"), [("view", "view", "/orders/{number}"), ("async", "asynchronous", "/async/{number}")]
)
def test_fastapi(fast: Run, name: str, function: str, route: str) -> None:
    snapshot = fast.one(name)
    assert fast.answers[name].body == b'{"error":"KeyError"}'
    assert fast.heads(name) == [("KeyError", "fastapi", False)]
    assert functions(snapshot)[0] == function
    assert values(snapshot)["number"] == 7
    assert attributes(snapshot)["http.route"] == route


def test_fastapi_answers_are_no_errors(fast: Run) -> None:
    assert [name for name in ("invalid", "404", "418") if fast.of(name)] == []
    assert [mechanism for _, mechanism, _ in fast.heads("503")] == ["fastapi"]


def test_a_server_that_does_not_start(store: Store) -> None:
    """An error in the start of the application is captured; that an application knows nothing of starting is none."""
    store.write(
        "app.py",
        """
        from starlette.applications import Starlette
        from contextlib import asynccontextmanager

        async def start():
            settings = {"database": "memory"}
            settings["cache"]

        @asynccontextmanager
        async def lifespan(app):
            await start()
            yield

        app = Starlette(on_startup=[start]) if "on_startup" in Starlette.__init__.__annotations__ else Starlette(lifespan=lifespan)
        """,
    )
    done = store.run(sys.executable, "-m", "uvicorn", "--port", "0", "app:app", env={"STILLFRAME_ENABLED": "1"})
    assert "startup failed" in done.err
    assert store.errors()[0] == ("KeyError", "starlette", False)
    assert len([head for head in store.errors() if head[0] == "KeyError"]) == 1
    assert functions(store.snapshots()[0])[0] == "start"
    assert "url.path" not in attributes(store.snapshots()[0])
