"""WSGI applications of no framework, with the middleware and without, on the servers that people use."""

from __future__ import annotations

from typing import Any

import pytest

import web
from support import Store, functions, values
from web import Run, attributes

APP = '''
import logging
import os

log = logging.getLogger("app")


def price(order):
    return order["price"]


class Numbers:
    """A body with a length, which servers make use of."""

    def __len__(self):
        return 1

    def __iter__(self):
        yield b"one"


def parts(fails):
    yield b"first"
    if fails:
        order = {"fails": fails}
        price(order)
    try:
        price({})
    except KeyError:
        log.exception("between the parts")
    yield b"second"


class Closes:
    def __init__(self, fails):
        self.fails = fails

    def __iter__(self):
        return iter([b"fine"])

    def close(self):
        if self.fails:
            raise ArithmeticError("in close")


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/view":
        order = {"view": 1}
        price(order)
    if path == "/logged":
        try:
            price({})
        except KeyError:
            log.exception("no price")
    start_response("200 OK", [("Content-Type", "text/plain")])
    if path == "/later":
        price({"later": 1})
    if path in ("/stream", "/stream-fails"):
        return parts(path == "/stream-fails")
    if path == "/numbers":
        return Numbers()
    if path in ("/closes", "/closes-badly"):
        return Closes(path == "/closes-badly")
    if path == "/file":
        wrapper = environ.get("wsgi.file_wrapper")
        return wrapper(open(__file__, "rb")) if wrapper else [b"no wrapper"]
    return [b"fine"]


if os.environ.get("MIDDLEWARE"):
    import stillframe.integrations.wsgi
    application = stillframe.integrations.wsgi.Middleware(application)
'''

WSGIREF = """
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server
from app import application

class Server(ThreadingMixIn, WSGIServer):
    pass

try:
    make_server("127.0.0.1", int(sys.argv[1]), application, Server).serve_forever()
except KeyboardInterrupt:
    pass
"""

WERKZEUG = """
import sys
from werkzeug.serving import run_simple
from app import application
run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True)
"""

SERVERS: dict[str, list[Any]] = {
    "wsgiref": ["wsgiref_server.py", "{port}"],
    "werkzeug": ["werkzeug_server.py", "{port}"],
    "waitress": ["-m", "waitress", "--host=127.0.0.1", "--port={port}", "app:application"],
    "gunicorn": ["-m", "gunicorn", "-b", "127.0.0.1:{port}", "app:application"],
    "gunicorn threads": ["-m", "gunicorn", "-b", "127.0.0.1:{port}", "--threads", "2", "app:application"],
}
MECHANISMS = {"wsgiref": "wsgi", "gunicorn threads": "gunicorn"}

REQUESTS: dict[str, web.Request] = {
    "view": (
        "/view?page=2&access_token=query-secret",
        {**web.TRACE, "X-OpenReplay-SessionToken": "replay-1", "Authorization": "Bearer header-secret"},
    ),
    "logged": "/logged",
    "later": "/later",
    "stream": "/stream",
    "stream fails": "/stream-fails",
    "numbers": "/numbers",
    "closes": "/closes",
    "closes badly": "/closes-badly",
    "file": "/file",
    "fine": "/fine",
}


def served(server: str, factory: pytest.TempPathFactory, **env: str) -> Run:
    files = {"app.py": APP, "wsgiref_server.py": WSGIREF, "werkzeug_server.py": WERKZEUG}
    return web.both(factory.mktemp("wsgi"), files, SERVERS[server], REQUESTS, **env)


def check(run: Run, server: str, mechanism: str) -> None:
    snapshot = run.one("view")
    assert run.heads("view") == [("KeyError", mechanism, False)]
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
    assert run.heads("later") == [("KeyError", mechanism, False)]
    assert run.heads("stream fails") == [("KeyError", mechanism, False)]
    assert run.heads("logged") == [("KeyError", "logging", True)]
    assert run.heads("stream") == [("KeyError", "logging", True)]
    assert [name for name in ("numbers", "closes", "file", "fine") if run.of(name)] == []
    assert run.unclaimed() == ([("TypeError", "traceback")] if server == "wsgiref" else [])  # it fails itself if a body fails to close


@pytest.mark.parametrize("server", SERVERS)
def test_a_server_is_left_with_the_error(server: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    check(served(server, tmp_path_factory), server, MECHANISMS.get(server, server))


@pytest.mark.parametrize("server", ["wsgiref", "waitress"])
def test_middleware(server: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    run = served(server, tmp_path_factory, MIDDLEWARE="1")
    check(run, server, "wsgi")
    assert run.heads("closes badly") == [("ArithmeticError", "wsgi", False)]
    assert attributes(run.one("view"))["http.response.status_code"] == 500


def test_the_middleware_alone_is_enough(store: Store) -> None:
    """Where no server is one that we know: the request is there while the body is generated, and gone when it is closed."""
    done = store.enabled(
        """
        import gc, logging, weakref
        import stillframe.integrations.wsgi

        class Kept:
            pass

        def application(environ, start_response):
            yield b"one"
            logging.error("in the body", exc_info=ValueError("logged"))
            yield b"two"

        kept = Kept()
        alive = weakref.ref(kept)
        environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/body", "kept": kept}
        del kept
        body = stillframe.integrations.wsgi.Middleware(application)(environ, None)
        print(list(body))
        body.close()
        del environ, body
        gc.collect()
        print(alive())
        logging.error("after it", exc_info=ValueError("logged"))
        """
    )
    assert done.out == "[b'one', b'two']\nNone\n"
    first, second = store.snapshots()
    assert attributes(first)["url.path"] == "/body"
    assert "url.path" not in attributes(second)


def test_what_a_request_says_ends_with_it(store: Store) -> None:
    """Said by a call rather than a block, as in a hook before each request; a server has one thread for many of them."""
    result = store.enabled(
        """
        import io, logging, stillframe
        from wsgiref.handlers import SimpleHandler

        def application(environ, start_response):
            if environ["PATH_INFO"] == "/alice":
                stillframe.context(user={"name": "alice"})
            raise LookupError(environ["PATH_INFO"])

        def visit(path):
            handler = SimpleHandler(io.BytesIO(), io.BytesIO(), io.StringIO(), {"PATH_INFO": path, "SERVER_PROTOCOL": "HTTP/1.1"})
            handler.run(application)

        with stillframe.context(tags={"server": 1}):
            visit("/alice")
            visit("/nobody")
        """
    )
    assert result.status == 0, result.err
    first, second = store.snapshots()
    assert first["context"]["user"] == {"name": "alice"}
    assert "user" not in second["context"]
    assert second["context"]["attributes"]["server"] == 1
