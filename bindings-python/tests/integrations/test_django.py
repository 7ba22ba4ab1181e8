"""Django with and without REST framework: by its own server, on WSGI, and on uvicorn, over HTTP."""

from __future__ import annotations

import json
from typing import Any

import pytest

import web
from support import Store, functions, values
from web import Run, attributes

APP = '''
import logging
import os
import sys
from django.conf import settings

settings.configure(
    DEBUG=bool(os.environ.get("DEBUG_PAGES")),
    SECRET_KEY="not told",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="app",
    MIDDLEWARE=[
        "django.contrib.sessions.middleware.SessionMiddleware",
        "django.middleware.common.CommonMiddleware",
        "django.contrib.auth.middleware.AuthenticationMiddleware",
        "app.around",
        "app.Stops",
    ],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "rest_framework"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    SESSION_ENGINE="django.contrib.sessions.backends.signed_cookies",
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
    DEFAULT_AUTO_FIELD="django.db.models.AutoField",
    REST_FRAMEWORK={"EXCEPTION_HANDLER": "app.answer"},
    USE_TZ=True,
)
import django

django.setup()

from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.core.signals import request_started
from django.http import Http404, HttpResponse, StreamingHttpResponse
from django.template import engines
from django.urls import include, path, re_path
from django.views import View
from rest_framework.decorators import api_view
from rest_framework.exceptions import APIException, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler

log = logging.getLogger("app")


class Conflict(Exception):
    pass


class Stops:
    """A middleware class with all its functions."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, error):
        if isinstance(error, Conflict):
            return HttpResponse("conflict", status=409)


def around(get_response):
    def handle(request):
        if request.path == "/before":
            raise ArithmeticError("before")
        response = get_response(request)
        if request.path == "/after":
            raise ArithmeticError("after")
        return response
    return handle


def price(order):
    return order["price"]


def view(request, number):
    order = {"number": number}
    return HttpResponse(price(order))


class Cart(View):
    def get(self, request, cart_id):
        contents = [cart_id]
        return HttpResponse(contents[1])


async def asynchronous(request):
    order = {"async": True}
    return HttpResponse(price(order))


def refuses(request, how):
    raise {"404": Http404, "403": PermissionDenied, "400": SuspiciousOperation, "409": Conflict}[how]("as asked")


def template(request):
    class Broken:
        def price(self):
            return price({})
    return HttpResponse(engines["django"].from_string("{{ order.price }}").render({"order": Broken()}))


def logged(request):
    try:
        price({})
    except KeyError:
        log.exception("no price")
    return HttpResponse("fine")


def logged_and_raised(request):
    try:
        price({})
    except KeyError:
        log.exception("no price")
        raise


def stream(request):
    def parts():
        yield "first"
        try:
            price({})
        except KeyError:
            log.exception("between the parts")
        yield "second"
    return StreamingHttpResponse(parts())


def stream_fails(request):
    def parts():
        yield "first"
        raise ValueError("between the parts")
    return StreamingHttpResponse(parts())


def who(request):
    request.user = User(id=17, username="ann", email="ann@example.com")
    raise LookupError("of somebody")


def who_was_asked(request):
    request._cached_user = User(id=18, username="bob")
    request.user.is_authenticated
    raise LookupError("of somebody")


def nobody_asked(request):
    raise LookupError("of whom?")


def fine(request):
    return HttpResponse("fine")


def error_page(request):
    if request.path == "/hopeless":
        raise TypeError("in the page")
    return HttpResponse("an error page", status=500)


handler500 = error_page


def answer(error, context):
    response = exception_handler(error, context)
    if response is None and isinstance(error, LookupError):
        return Response({"error": "lookup"}, status=500)
    if response is None and isinstance(error, OSError):
        return Response({"error": "os"}, status=409)
    return response


@api_view(["GET"])
def api(request, how):
    if how == "unhandled":
        raise ZeroDivisionError
    raise {"invalid": ValidationError, "broken": APIException, "lookup": KeyError, "os": OSError}[how]("as asked")


def started(sender, **kwargs):
    environ = kwargs.get("environ") or {}
    if environ.get("PATH_INFO") == "/receiver":
        raise ArithmeticError("in a receiver")


request_started.connect(started)

urlpatterns = [
    path("orders/<int:number>/", view),
    path("shop/", include([re_path(r"^carts/(?P<cart_id>[0-9]+)$", Cart.as_view())])),
    path("async", asynchronous),
    path("refuses/<str:how>", refuses),
    path("template", template),
    path("logged", logged),
    path("logged-and-raised", logged_and_raised),
    path("stream", stream),
    path("stream-fails", stream_fails),
    path("who", who),
    path("who-was-asked", who_was_asked),
    path("nobody-asked", nobody_asked),
    path("hopeless", view, {"number": 1}),
    path("after", fine),
    path("before", fine),
    path("api/<str:how>", api),
]
'''

WSGI = """
import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIServer, make_server
import app
from django.core.wsgi import get_wsgi_application


class Server(ThreadingMixIn, WSGIServer):
    pass


server = make_server("127.0.0.1", int(sys.argv[1]), get_wsgi_application(), Server)
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
"""

OWN = """
import sys
import app
from django.core.management import execute_from_command_line
execute_from_command_line(["manage", "runserver", "--noreload", "127.0.0.1:" + sys.argv[1]])
"""

ASGI = """
import app
from django.core.asgi import get_asgi_application
application = get_asgi_application()
"""

FILES = {"app.py": APP, "server.py": WSGI, "own.py": OWN, "served.py": ASGI}
UVICORN: list[Any] = ["-m", "uvicorn", "--port", "{port}", "--log-level", "warning", "--lifespan", "off", "served:application"]

REQUESTS: dict[str, web.Request] = {
    "view": (
        "/orders/7/?page=2&access_token=query-secret",
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
    "class": "/shop/carts/9",
    "async": "/async",
    "404": "/nowhere",
    "raised 404": "/refuses/404",
    "403": "/refuses/403",
    "400": "/refuses/400",
    "409": "/refuses/409",
    "template": "/template",
    "logged": "/logged",
    "twice": "/logged-and-raised",
    "stream": "/stream",
    "stream fails": "/stream-fails",
    "who": "/who",
    "who was asked": "/who-was-asked",
    "nobody asked": "/nobody-asked",
    "hopeless": "/hopeless",
    "before": "/before",
    "after": "/after",
    "receiver": "/receiver",
    "api invalid": "/api/invalid",
    "api broken": "/api/broken",
    "api lookup": "/api/lookup",
    "api os": "/api/os",
    "api unhandled": "/api/unhandled",
}
COMMANDS: dict[str, list[Any]] = {"wsgi": ["server.py", "{port}"], "own": ["own.py", "{port}"], "asgi": UVICORN}


@pytest.fixture(scope="module", params=["wsgi", "asgi"])
def served(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return web.both(tmp_path_factory.mktemp("django"), FILES, COMMANDS[request.param], REQUESTS)


@pytest.fixture(scope="module", params=["own", "asgi"])
def debugged(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return web.both(tmp_path_factory.mktemp("django"), FILES, COMMANDS[request.param], REQUESTS, DEBUG_PAGES="1")


def test_an_error_is_captured_once_with_the_values_of_the_view(served: Run) -> None:
    snapshot = served.one("view")
    assert served.answers["view"].status == 500
    assert served.heads("view") == [("KeyError", "django", False)]
    assert functions(snapshot)[:2] == ["price", "view"]
    assert values(snapshot, 1)["number"] == 7


def test_the_request_is_told(served: Run) -> None:
    snapshot = served.one("view")
    told = attributes(snapshot)
    expected = {
        "http.request.method": "GET",
        "http.route": "orders/<int:number>/",
        "url.path": "/orders/7/",
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
    assert snapshot["context"]["traceId"] == web.TRACE_ID
    assert snapshot["context"]["spanId"] == web.SPAN_ID
    assert snapshot["context"]["sessionLinks"] == [{"name": "openReplaySessionToken", "id": "replay-1"}]


def test_no_secret_of_a_request_is_stored(served: Run) -> None:
    text = json.dumps(served.one("view"))
    for secret in ("query-secret", "baggage-secret", "header-secret", "cookie-secret", "not told"):
        assert secret not in text


@pytest.mark.parametrize("name", ["404", "raised 404", "403", "400", "409", "api invalid", "api os"])
def test_an_answer_is_no_error(served: Run, name: str) -> None:
    assert served.of(name) == []


@pytest.mark.parametrize(
    ("name", "kind", "mechanism", "route"),
    [
        ("class", "IndexError", "django", "shop/carts/(?P<cart_id>[0-9]+)$"),
        ("async", "KeyError", "django", "async"),
        ("template", "KeyError", "django", "template"),
        ("twice", "KeyError", "django", "logged-and-raised"),
        ("before", "ArithmeticError", "django", None),
        ("after", "ArithmeticError", "django", "after"),
        ("api broken", "rest_framework.exceptions.APIException", "rest_framework", "api/<str:how>"),
        ("api lookup", "KeyError", "rest_framework", "api/<str:how>"),
        ("api unhandled", "ZeroDivisionError", "django", "api/<str:how>"),
    ],
)
def test_an_error_that_is_answered_with_500_is_captured_once(served: Run, name: str, kind: str, mechanism: str, route: str | None) -> None:
    assert served.heads(name) == [(kind, mechanism, False)]
    assert attributes(served.one(name)).get("http.route") == route


def test_an_error_page_that_fails_is_one_more_error(served: Run) -> None:
    """Not one for each layer of middleware that asks for the page again."""
    heads = served.heads("hopeless")
    assert heads[:2] == [("KeyError", "django", False), ("TypeError", "django", False)]
    assert len(heads) == 2 or (len(heads) == 3 and heads[2][:2] in [("TypeError", "wsgi"), ("TypeError", "uvicorn")])


def test_logged_errors_carry_the_request(served: Run) -> None:
    assert served.heads("logged") == [("KeyError", "logging", True)]
    assert attributes(served.one("logged"))["http.route"] == "logged"
    assert served.answers["stream"].body == b"firstsecond"
    assert served.heads("stream") == [("KeyError", "logging", True)]


def test_an_error_in_a_stream_is_met_by_the_server(served: Run) -> None:
    ((kind, mechanism, handled),) = served.heads("stream fails")
    assert (kind, handled) == ("ValueError", False)
    assert mechanism in ("wsgi", "uvicorn")


def test_the_user_is_told_if_he_is_known(served: Run) -> None:
    assert served.one("who")["context"]["user"] == {"id": 17, "name": "ann"}
    assert served.one("who was asked")["context"]["user"] == {"id": 18, "name": "bob"}
    assert served.one("nobody asked")["context"].get("user", {}) == {}


def test_nothing_is_captured_without_a_request(served: Run) -> None:
    assert served.unclaimed() == []


def test_the_debug_page_shows_the_program_without_us(debugged: Run) -> None:
    assert b"KeyError" in debugged.answers["view"].body
    assert debugged.heads("view") == [("KeyError", "django", False)]
    assert debugged.heads("api lookup") == [("KeyError", "rest_framework", False)]


def test_the_test_client_works_as_before(store: Store) -> None:
    store.write("app.py", APP)
    done = store.enabled(
        """
        import app, gc, weakref
        from django.core.signals import got_request_exception
        from django.test import Client
        told = []
        def receiver(sender, request, **kwargs):
            told.append(request)
        got_request_exception.connect(receiver)
        try:
            Client().get("/orders/7/")
        except KeyError as error:
            names = []
            link = error.__traceback__
            while link:
                names.append(link.tb_frame.f_globals["__name__"])
                link = link.tb_next
        print(len(told), [name for name in names if name.startswith("stillframe")])
        request = weakref.ref(told.pop())
        link = error = None
        try:
            1 / 0
        except ZeroDivisionError:
            app.log.exception("outside")
        left = Client().get("/stream")
        gone = weakref.ref(left.wsgi_request)
        b"".join(left.streaming_content)
        left.close()
        del left
        gc.collect()
        print(request(), gone())
        """
    )
    assert done.out == "1 []\nNone None\n"
    errors = store.errors()
    assert errors[:2] == [("KeyError", "django", False), ("ZeroDivisionError", "logging", True)]
    outside = attributes(store.snapshots()[1])
    assert not [name for name in outside if name.startswith(("http", "url"))]
