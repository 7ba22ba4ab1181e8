"""Django, and Django REST framework on it.

Django tells of every error that it turns into a 500 page by a signal. REST framework turns errors into responses itself: those for which
the response says 5xx are captured.
"""

from __future__ import annotations

import sys

from stillframe import _report, _request
from stillframe._hooks.patch import Layer, Patch
from stillframe.integrations import asgi, wsgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_context = BaseException.__dict__["__context__"].__get__
_traceback = BaseException.__dict__["__traceback__"].__get__


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``django.core.signals``, ``django.core.handlers.base`` and ``rest_framework.views``."""
    if module.__name__ == "django.core.signals":
        return [Patch("frameworks", module.got_request_exception, "send", before=_failed)]
    if module.__name__ == "rest_framework.views":
        return [
            Patch("frameworks", module.APIView, "get_exception_handler", after=_handed_over),
            Patch("frameworks", module.APIView, "finalize_response", before=_finalized),
        ]
    return [
        Patch("frameworks", module.BaseHandler, "get_response", wrap=_wrap),
        Patch("frameworks", module.BaseHandler, "get_response_async", wrap=_wrap_async),
    ]


class DjangoRequest(_request.Request):
    """A request as Django has it."""

    __slots__ = ()

    def kept(self) -> _Kept:
        """Environ or scope, reduced to texts, and the route."""
        attributes = _request.fields(self.source)
        scope = attributes.get("scope")
        served = asgi.Scope(scope) if scope is not None else wsgi.Environ(attributes.get("META"))
        return _Kept(served.kept(), scope is not None, _route(attributes))

    def read(self, facts: _request.Facts) -> None:
        """Reads route and user, and what the server has handed over."""
        if type(self.source) is _Kept:
            facts.text("http.route", self.source.route)
            (asgi if self.source.is_scope else wsgi).read(self.source.texts, facts)
            return
        attributes = _request.fields(self.source)
        facts.text("http.route", _route(attributes))
        _user(attributes, facts)
        scope = attributes.get("scope")
        if scope is not None:
            asgi.read(scope, facts)
        else:
            wsgi.read(attributes.get("META"), facts)


class _Kept:
    __slots__ = ("is_scope", "route", "texts")

    def __init__(self, texts: dict[str, Any], is_scope: bool, route: str | None) -> None:
        self.texts = texts
        self.is_scope = is_scope
        self.route = route


def _route(attributes: dict[str, Any]) -> str | None:
    match = attributes.get("resolver_match")
    route = None if match is None else _request.fields(match).get("route")
    return route if type(route) is str else None


def _user(attributes: dict[str, Any], facts: _request.Facts) -> None:
    """Whoever is logged in, if the program has asked for that already: nothing is loaded."""
    user = attributes.get("_cached_user")
    if user is None:
        user = attributes.get("user")
        if user is not None and _request.known(user, "django.utils.functional", "LazyObject"):
            user = _request.fields(user).get("_wrapped")
    if user is None:
        return
    values = _request.fields(user)
    options = _request.static(type(user), "_meta")
    key = None if options is None else _request.fields(options).get("pk")
    name = "id" if key is None else _request.fields(key).get("attname")
    identity = values.get(name) if type(name) is str else None
    if type(identity) in (str, int):
        facts.user.setdefault("id", identity)
    elif identity is not None and type(identity).__module__ == "uuid" and type(identity).__name__ == "UUID":
        facts.user.setdefault("id", str(identity))
    login = _request.static(type(user), "USERNAME_FIELD")
    login = values.get(login) if type(login) is str else None
    if type(login) is str and login:
        facts.user.setdefault("name", login)


def _wrap(layer: Layer) -> Any:
    original = layer.original

    def get_response(self: Any, request: Any) -> Any:
        if not layer.active:
            return original(self, request)
        running = DjangoRequest(request)
        running.begin()
        response = None
        try:
            response = original(self, request)
            return response
        finally:
            _ends(running, response)

    return get_response


def _wrap_async(layer: Layer) -> Any:
    original = layer.original

    async def get_response_async(self: Any, request: Any) -> Any:
        if not layer.active:
            return await original(self, request)
        running = DjangoRequest(request)
        running.begin()
        response = None
        try:
            response = await original(self, request)
            return response
        finally:
            _ends(running, response)

    return get_response_async


def _ends(running: DjangoRequest, response: Any) -> None:
    """The request has ended, unless the response is still to be generated: then it ends when the server closes that."""
    if response is not None and _request.static(type(response), "streaming") is True:
        closers = _request.fields(response).get("_resource_closers")
        if type(closers) is list:
            running.goes_on()
            closers.append(running.closed)
            return
    running.end()


def _failed(*args: object, **kwargs: object) -> None:
    error = sys.exc_info()[1]
    running = _request.current()
    if running is not None:
        running.pending = None
    if error is not None and not _again(error):
        _report.report(error, None, "django", handled=False, attributes={"http.response.status_code": 500})


def _again(error: BaseException) -> bool:
    """Whether the page for 500 fails for another layer of middleware as it did for the one inside it."""
    link = _context(error)
    for _ in range(64):
        if link is None:
            break
        if type(link) is type(error) and _place(link) == _place(error):
            return True
        link = _context(link)
    return False


def _place(error: BaseException) -> tuple[int, int] | None:
    """Where it was raised."""
    link = _traceback(error)
    if link is None:
        return None
    while link.tb_next is not None:
        link = link.tb_next
    return id(link.tb_frame.f_code), link.tb_lasti


def _handed_over(handler: Any, *args: object, **kwargs: object) -> Any:
    """REST framework is about to let a function make a response of an error."""
    running = _request.current()
    if running is not None:
        error = sys.exc_info()[1]
        running.pending = None if error is None else (error, error.__traceback__)
    return handler


def _finalized(view: object, request: object, response: object, *args: object, **kwargs: object) -> None:
    running = _request.current()
    if running is not None and running.pending is not None:
        (error, traceback), running.pending = running.pending, None
        status = _request.fields(response).get("status_code")
        if type(status) is int and status >= 500:
            _report.report(error, traceback, "rest_framework", handled=False, attributes={"http.response.status_code": status})
