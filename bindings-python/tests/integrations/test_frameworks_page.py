"""The examples of docs/frameworks.md, copied as they are into an application, do what is said there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from support import Store, values

PAGE = (Path(__file__).parents[3] / "docs" / "frameworks.md").read_text()
EXAMPLES = {
    section.partition("\n")[0]: example
    for section in PAGE.split("\n## ")[1:]
    for example in re.findall(r"```python\n(.*?)```", section, re.S)
}

VIEW = """
def price(order):
    return order["price"]
"""

BEFORE = {
    "Django": VIEW
    + """
import sys
from django.conf import settings
settings.configure(SECRET_KEY="not told", ALLOWED_HOSTS=["*"], ROOT_URLCONF=__name__)
from django.urls import path
urlpatterns = [path("orders/", lambda request: price({"id": 7}))]
""",
    "Flask": VIEW
    + """
from flask import Flask
app = application = Flask(__name__)
app.add_url_rule("/orders/", "price", lambda: price({"id": 7}))
""",
    "Starlette and FastAPI": VIEW
    + """
from starlette.applications import Starlette
from starlette.routing import Route
def view(request):
    return price({"id": 7})
app = Starlette(routes=[Route("/orders/", view)])
""",
    "WSGI": VIEW
    + """
def application(environ, start_response):
    return price({"id": 7})
""",
    "ASGI": VIEW
    + """
async def app(scope, receive, send):
    return price({"id": 7})
""",
}

WSGI = """
from wsgiref.util import setup_testing_defaults
environ = {"PATH_INFO": "/orders/"}
setup_testing_defaults(environ)
body = application(environ, lambda status, headers, error=None: None)
list(body)
getattr(body, "close", lambda: None)()
"""

ASGI = """
import asyncio
scope = {"type": "http", "method": "GET", "path": "/orders/", "query_string": b"", "headers": [], "asgi": {"version": "3.0"}}
async def receive():
    return {"type": "http.request"}
async def send(message):
    pass
asyncio.run(app(scope, receive, send))
"""

MECHANISMS = {"Django": "logging", "Flask": "logging", "Starlette and FastAPI": "asgi", "WSGI": "wsgi", "ASGI": "asgi"}


def test_there_is_an_example_of_each() -> None:
    assert list(EXAMPLES) == list(BEFORE)


@pytest.mark.parametrize("name", BEFORE)
def test_an_example_captures_its_error_with_the_request(store: Store, name: str) -> None:
    after = ASGI if MECHANISMS[name] == "asgi" else WSGI
    result = store.enabled(BEFORE[name] + EXAMPLES[name] + after, env={"STILLFRAME_HOOKS_FRAMEWORKS": "false"})
    found = store.snapshots()
    assert len(found) == 1, result.err
    [snapshot] = found
    assert (snapshot["exceptions"][0]["type"], snapshot["exceptions"][0]["mechanism"]) == ("KeyError", MECHANISMS[name])
    assert "order" in values(snapshot)
    assert snapshot["context"]["attributes"]["url.path"] == "/orders/"
