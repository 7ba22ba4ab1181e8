"""Flask, served as people serve it, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

import web
from support import Store, functions, values
from web import Run, attributes

APP = """
import logging
import threading
from flask import Blueprint, Flask, Response, abort, render_template_string, request, session, stream_with_context
from flask.views import MethodView

app = Flask(__name__)
app.secret_key = "not told"
shop = Blueprint("shop", __name__)


class Refused(Exception):
    pass


class Broken(Exception):
    pass


@app.errorhandler(Refused)
def refused(error):
    return "refused", 400


@app.errorhandler(Broken)
def broken(error):
    return "broken", 500


@shop.errorhandler(Exception)
def anything(error):
    return {"error": type(error).__name__}, 200


def price(order):
    return order["price"]


@app.route("/orders/<int:number>")
def view(number):
    order = {"number": number}
    return str(price(order))


class Cart(MethodView):
    def get(self, cart_id):
        contents = [cart_id]
        return contents[1]


app.add_url_rule("/carts/<cart_id>", view_func=Cart.as_view("cart"))


@app.route("/abort/<int:code>")
def aborts(code):
    abort(code)


@app.route("/refused")
def refuses():
    raise Refused


@app.route("/broken")
def breaks():
    raise Broken


@shop.route("/anything")
def goes_to_the_blueprint():
    raise LookupError("blueprint")


@app.route("/template")
def template():
    return render_template_string("{{ missing.attribute.of }}")


@app.route("/logged")
def logged():
    try:
        price({})
    except KeyError:
        app.logger.exception("no price")
    return "fine"


@app.route("/logged-and-raised")
def logged_and_raised():
    try:
        price({})
    except KeyError:
        app.logger.exception("no price")
        raise


@app.route("/stream")
def stream():
    def parts():
        yield "first"
        try:
            price({})
        except KeyError:
            logging.getLogger("parts").exception("between the parts")
        yield "second"
    return Response(parts())


@app.route("/stream-fails")
def stream_fails():
    def parts():
        yield "first"
        raise ValueError("between the parts")
    return Response(parts())


@app.route("/thread")
def thread():
    from contextvars import copy_context
    def work():
        try:
            price({})
        except KeyError:
            logging.getLogger("work").exception("in a thread")
    runner = threading.Thread(target=copy_context().run, args=(work,))
    runner.start()
    runner.join()
    return "fine"


@app.route("/who")
def who():
    session["_user_id"] = "17"
    raise LookupError("of somebody")


@app.route("/before")
@app.route("/after")
@app.route("/teardown")
@app.route("/fine")
def fine():
    return "fine"


@app.before_request
def before():
    if request.path == "/before":
        raise ArithmeticError("before")


@app.after_request
def after(response):
    if request.path == "/after":
        raise ArithmeticError("after")
    return response


@app.teardown_request
def teardown(error):
    if request.path == "/teardown":
        raise ArithmeticError("teardown")


app.register_blueprint(shop, url_prefix="/shop")
"""

SERVER = """
import sys
from werkzeug.serving import run_simple
from app import app
debug = "debug" in sys.argv
app.debug = debug
app.config["PROPAGATE_EXCEPTIONS"] = True if debug else None
run_simple("127.0.0.1", int(sys.argv[1]), app, threaded=True, use_debugger=debug, use_evalex=False)
"""

REQUESTS: dict[str, web.Request] = {
    "teardown": "/teardown",  # the first: it fails when it has answered, and the server must not have ended by then
    "view": (
        "/orders/7?page=2&access_token=query-secret",
        {
            **web.TRACE,
            "baggage": "tenant=blue%20sea;prop=1,api_key=baggage-secret",
            "x-openreplay-sessiontoken": "replay-1",
            "Authorization": "Bearer header-secret",
            "Cookie": "id=cookie-secret",
            "X-Api-Key": "key-secret",
            "Accept": "text/plain",
            "User-Agent": "test/1",
        },
    ),
    "class": "/carts/9",
    "404": "/nowhere",
    "403": "/abort/403",
    "503": "/abort/503",
    "refused": "/refused",
    "broken": "/broken",
    "anything": "/shop/anything",
    "template": "/template",
    "logged": "/logged",
    "twice": "/logged-and-raised",
    "stream": "/stream",
    "stream fails": "/stream-fails",
    "thread": "/thread",
    "who": "/who",
    "before": "/before",
    "after": "/after",
    "fine": "/fine",
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Run:
    files = {"app.py": APP, "server.py": SERVER}
    return web.both(tmp_path_factory.mktemp("flask"), files, ["server.py", "{port}"], REQUESTS)


@pytest.fixture(scope="module")
def debugged(tmp_path_factory: pytest.TempPathFactory) -> Run:
    files = {"app.py": APP, "server.py": SERVER}
    return web.both(tmp_path_factory.mktemp("flask"), files, ["server.py", "{port}", "debug"], REQUESTS)


def test_an_error_is_captured_once_with_the_values_of_the_view(served: Run) -> None:
    snapshot = served.one("view")
    assert served.answers["view"].status == 500
    assert served.heads("view") == [("KeyError", "flask", False)]
    assert functions(snapshot)[:2] == ["price", "view"]
    assert values(snapshot, 1)["number"] == 7
    assert functions(snapshot)[-1].endswith("wsgi_app")


def test_the_request_is_told(served: Run) -> None:
    snapshot = served.one("view")
    told = attributes(snapshot)
    expected = {
        "http.request.method": "GET",
        "http.route": "/orders/<int:number>",
        "url.path": "/orders/7",
        "url.scheme": "http",
        "server.address": "127.0.0.1",
        "server.port": served.port,
        "client.address": "127.0.0.1",
        "user_agent.original": "test/1",
        "http.request.header.accept": "text/plain",
        "http.response.status_code": 500,
        "baggage.tenant": "blue sea",
    }
    assert {name: told.get(name) for name in expected} == expected
    assert told["url.query"].startswith("page=2&access_token=")
    assert snapshot["context"]["traceId"] == web.TRACE_ID
    assert snapshot["context"]["spanId"] == web.SPAN_ID
    assert snapshot["context"]["sessionLinks"] == [{"name": "openReplaySessionToken", "id": "replay-1"}]


def test_no_secret_of_a_request_is_stored(served: Run) -> None:
    snapshot = served.one("view")
    text = json.dumps(snapshot)
    for secret in ("query-secret", "baggage-secret", "header-secret", "cookie-secret", "key-secret", "not told"):
        assert secret not in text
    hidden = {gap.get("name") for gap in snapshot["context"]["omitted"]}
    assert {"url.query", "baggage.api_key", "http.request.header.cookie", "http.request.header.authorization"} <= hidden


@pytest.mark.parametrize("name", ["404", "403", "refused", "fine"])
def test_an_answer_is_no_error(served: Run, name: str) -> None:
    assert served.of(name) == []


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("class", "IndexError"),
        ("503", "werkzeug.exceptions.ServiceUnavailable"),
        ("broken", "app.Broken"),
        ("anything", "LookupError"),
        ("template", "jinja2.exceptions.UndefinedError"),
        ("twice", "KeyError"),
        ("before", "ArithmeticError"),
        ("who", "LookupError"),
    ],
)
def test_an_error_that_is_answered_with_500_is_captured_once(served: Run, name: str, kind: str) -> None:
    assert served.heads(name) == [(kind, "flask", False)]


def test_a_function_that_fails_for_the_error_page_too_is_two_errors(served: Run) -> None:
    assert served.heads("after") == [("ArithmeticError", "flask", False), ("ArithmeticError", "logging", True)]


def test_the_status_is_that_of_the_answer(served: Run) -> None:
    assert attributes(served.one("503"))["http.response.status_code"] == 503
    assert attributes(served.one("anything"))["http.response.status_code"] == 200


def test_a_logged_error_carries_the_request(served: Run) -> None:
    snapshot = served.one("logged")
    assert served.heads("logged") == [("KeyError", "logging", True)]
    assert attributes(snapshot)["http.route"] == "/logged"
    assert attributes(snapshot)["logger"] == "app"


def test_a_stream_carries_the_request_to_its_end(served: Run) -> None:
    assert served.answers["stream"].body == b"firstsecond"
    assert served.heads("stream") == [("KeyError", "logging", True)]
    assert served.heads("stream fails") == [("ValueError", "werkzeug", False)]


def test_a_thread_with_a_copy_of_the_context_carries_the_request(served: Run) -> None:
    assert served.heads("thread") == [("KeyError", "logging", True)]


def test_an_error_after_the_response_is_met_by_the_server(served: Run) -> None:
    assert [kind for kind, _, handled in served.heads("teardown") if not handled] == ["ArithmeticError"]


def test_the_user_of_a_session_is_told(served: Run) -> None:
    assert served.one("who")["context"]["user"] == {"id": "17"}


def test_nothing_is_captured_without_a_request(served: Run) -> None:
    assert served.unclaimed() == []


def test_the_debugger_sees_the_program_without_us(debugged: Run) -> None:
    assert debugged.answers["view"].status == 500
    assert b"KeyError" in debugged.answers["view"].body
    assert debugged.heads("view") == [("KeyError", "flask", False)]
    assert debugged.heads("anything") == [("LookupError", "flask", False)]


def test_requests_end(store: Store) -> None:
    """What a request has had is freed when it ends, and an error after it carries nothing of it."""
    done = store.enabled(
        """
        import gc, logging, weakref
        from flask import Flask, Response, request
        app = Flask(__name__)
        alive = []

        class Kept:
            pass

        @app.route("/stream")
        def stream():
            request.environ["kept"] = kept = Kept()
            alive.append(weakref.ref(kept))
            return Response(part for part in "ab")

        client = app.test_client()
        for _ in range(3):
            client.get("/stream").close()
        gc.collect()
        print([one() for one in alive])
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception("outside")
        """
    )
    assert done.out == "[None, None, None]\n"
    told = attributes(store.snapshots()[0])
    assert not [name for name in told if name.startswith(("http", "url"))]


def test_two_applications_do_not_mix(store: Store) -> None:
    """A response that nobody closes is not taken for the request of the next error."""
    store.enabled(
        """
        from flask import Flask, Response
        app = Flask(__name__)
        app.testing = False

        @app.route("/<name>")
        def view(name):
            if name == "stream":
                return Response(part for part in "ab")
            raise LookupError(name)

        client = app.test_client()
        left_open = client.get("/stream", buffered=False)
        client.get("/other")
        """
    )
    told: dict[str, Any] = attributes(store.snapshots()[0])
    assert told["url.path"] == "/other"


def test_hooks_can_be_switched_off(store: Store) -> None:
    store.enabled(
        """
        from flask import Flask
        app = Flask(__name__)

        @app.route("/")
        def view():
            raise LookupError

        app.config["PROPAGATE_EXCEPTIONS"] = False
        print(app.test_client().get("/").status_code)
        """,
        env={"STILLFRAME_HOOKS_FRAMEWORKS": "false"},
    )
    assert [mechanism for _, mechanism, _ in store.errors()] == ["logging"]


def test_flask_restful(store: Store) -> None:
    """It answers every error itself, by Flask's signal or not."""
    store.enabled(
        """
        from flask import Flask, abort
        from flask_restful import Api, Resource
        app = Flask(__name__)
        app.config["PROPAGATE_EXCEPTIONS"] = False
        api = Api(app)

        class Order(Resource):
            def get(self, number):
                if number > 99:
                    abort(number)
                return {}["price"]

        api.add_resource(Order, "/orders/<int:number>")
        print([app.test_client().get(f"/orders/{number}").status_code for number in (7, 404, 503)])
        """
    )
    assert store.errors() == [("KeyError", "flask", False), ("werkzeug.exceptions.ServiceUnavailable", "flask", False)]
    assert attributes(store.snapshots()[0])["http.route"] == "/orders/<int:number>"


@pytest.mark.since(3, 10)
def test_quart(store: Store) -> None:
    done = store.enabled(
        """
        import asyncio, logging
        from quart import Quart, Response, abort, request, websocket
        app = Quart(__name__)
        app.config["PROPAGATE_EXCEPTIONS"] = False

        class Broken(Exception):
            pass

        @app.errorhandler(Broken)
        async def broken(error):
            return "broken", 500

        @app.route("/orders/<int:number>")
        async def view(number):
            return {}["price"]

        @app.route("/broken")
        async def breaks():
            raise Broken

        @app.route("/missing")
        async def missing():
            abort(404)

        @app.route("/sync")
        def plain():
            return {}["plain"]

        @app.route("/logged")
        async def logged():
            logging.error("logged", exc_info=ValueError("logged"))
            return "fine"

        @app.websocket("/socket/<room>")
        async def socket(room):
            await websocket.accept()
            raise LookupError(room)

        async def main():
            client = app.test_client()
            paths = ["/orders/7?page=2", "/broken", "/missing", "/sync", "/logged"]
            print([(await client.get(path, headers={"X-Test": path})).status_code for path in paths])
            try:
                async with client.websocket("/socket/blue") as connection:
                    await asyncio.wait_for(connection.receive(), 1)  # the test client of some versions waits for ever
            except Exception as error:
                print(type(error).__name__)

        asyncio.run(main())
        """
    )
    assert done.out.splitlines()[0] == "[500, 500, 404, 500, 200]"
    found = [(kind, mechanism, attributes(shot).get("http.route")) for (kind, mechanism, _), shot in zip(store.errors(), store.snapshots())]
    assert found == [
        ("KeyError", "quart", "/orders/<int:number>"),
        ("__main__.Broken", "quart", "/broken"),
        ("KeyError", "quart", "/sync"),
        ("ValueError", "logging", "/logged"),
        ("LookupError", "quart", "/socket/<room>"),
    ]
    assert attributes(store.snapshots()[0])["url.query"] == "page=2"


def test_a_file_that_is_sent_ends_its_request(store: Store) -> None:
    """Where the server is none that we know: Werkzeug hands it the file itself, whose ``close`` is not the response's."""
    result = store.enabled(
        """
        import contextvars, io
        from flask import Flask, send_file
        from stillframe import _request
        app = Flask("shop")

        @app.route("/file")
        def file():
            return send_file(io.BytesIO(b"x" * 100_000), mimetype="text/plain")

        def visit():
            environ = {"REQUEST_METHOD": "GET", "PATH_INFO": "/file", "SERVER_NAME": "x", "SERVER_PORT": "80", "wsgi.url_scheme": "http",
                       "wsgi.input": io.BytesIO(), "wsgi.errors": io.StringIO()}
            body = app.wsgi_app(environ, lambda *told: None)
            print(len(b"".join(body)))
            body.close()
            print(_request.current())
        contextvars.copy_context().run(visit)
        """
    )
    assert result.out.split() == ["100000", "None"], result.err


def test_a_context_of_the_application_is_no_request(store: Store) -> None:
    """The command that runs in one is told."""
    store.enabled(
        """
        import logging
        from flask import Flask
        app = Flask("shop")

        @app.cli.command("sync")
        def sync():
            try:
                1 / 0
            except ZeroDivisionError:
                logging.getLogger("sync").exception("in a command")

        app.cli.main(["sync"], prog_name="shop", obj=__import__("flask.cli").cli.ScriptInfo(create_app=lambda: app))
        """
    )
    [logged] = store.snapshots()
    assert logged["context"]["attributes"]["cli.command"].split()[-1] == "sync"
