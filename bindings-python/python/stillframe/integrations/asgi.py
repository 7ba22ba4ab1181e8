"""ASGI: what a scope tells of a request, and a middleware for applications of no framework that is observed by itself.

Two lines put it in::

    import stillframe.integrations.asgi

    app = stillframe.integrations.asgi.Middleware(app)
"""

from __future__ import annotations

import sys

from stillframe import _identity, _report, _request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from typing import Any

    from stillframe._hooks.patch import Layer

_TOLD = ("type", "method", "path", "root_path", "query_string", "scheme", "headers", "client", "server", "http_version")
_PAIRS = (list, tuple)


class Scope(_request.Request):
    """A request or WebSocket whose server calls an ASGI application."""

    __slots__ = ()

    def kept(self) -> dict[str, Any]:
        """The entries of the scope that are told; the headers are the server's texts."""
        found = _request.texts(self.source)
        return {name: found[name] for name in _TOLD if name in found}

    def read(self, facts: _request.Facts) -> None:
        """Reads the scope."""
        read(self.source, facts)


def read(scope: object, facts: _request.Facts) -> None:
    """Adds what a scope tells."""
    found = _request.texts(scope)
    facts.text("http.request.method", found.get("method"))
    facts.text("http.route", route(found))
    facts.text("url.path", found.get("path"))
    query = found.get("query_string")
    if type(query) is bytes:
        facts.text("url.query", query[: _request.LENGTH].decode("latin-1"))
    facts.text("url.scheme", found.get("scheme"))
    headers = list(_headers(found.get("headers")))
    facts.host(next((value for name, value in headers if name == "host"), None))
    server: Any = found.get("server")
    if type(server) in _PAIRS and len(server) == 2:
        facts.text("server.address", server[0])
        facts.number("server.port", server[1])
    facts.address(found.get("client"))
    facts.text("network.protocol.version", found.get("http_version"))
    user = found.get("user")
    if user is not None and _request.known(user, "starlette.authentication", "SimpleUser"):
        name = _request.fields(user).get("username")
        if type(name) is str:
            facts.user.setdefault("name", name)
    facts.headers(headers)


def _headers(headers: object) -> Iterator[tuple[str, str]]:
    if type(headers) not in _PAIRS:
        return
    pairs: Any = headers
    for pair in pairs[: _request.ITEMS]:
        if type(pair) in _PAIRS and len(pair) == 2 and type(pair[0]) is bytes and type(pair[1]) is bytes:
            yield pair[0][:256].decode("latin-1").lower(), _request.utf8(pair[1][: _request.BAGGAGE].decode("latin-1"))


def route(scope: dict[str, Any]) -> str | None:
    """The pattern that the path has matched. FastAPI says so; with Starlette, and below a mount, it is that of the routes that lead on."""
    prefix = scope.get("root_path")
    matched = scope.get("route")
    path = None if matched is None else _request.fields(matched).get("path")
    if type(path) is str and (not prefix or prefix == scope.get("app_root_path")):
        return path
    endpoint, router = scope.get("endpoint"), scope.get("router")
    if endpoint is not None and router is not None:
        found = list(_leading(_request.fields(router).get("routes"), endpoint, _request.texts(scope.get("path_params")), "", 0))
        if len(found) > 1:
            found = [one for one in found if _fits(one[1], scope, prefix)] or found
        if found:
            return found[0][0]
    return path if type(path) is str else None


def _leading(routes: object, endpoint: object, parameters: dict[str, Any], prefix: str, depth: int) -> Iterator[tuple[str, object]]:
    """Patterns that lead to an endpoint with these parameters, each with the regular expression of its last part."""
    if type(routes) is not list or depth > 8:
        return
    for one in routes[: _request.ITEMS]:
        entries = _request.fields(one)
        path = entries.get("path")
        here = prefix + path if type(path) is str else prefix
        if entries.get("endpoint") is endpoint and all(name in parameters for name in _request.texts(entries.get("param_convertors"))):
            yield here, entries.get("path_regex")
        inner = entries.get("app")
        while inner is not None and "routes" not in _request.fields(inner):
            inside = _request.fields(inner)
            inner = inside.get("router", inside.get("app"))
        if inner is not None:
            yield from _leading(_request.fields(inner)["routes"], endpoint, parameters, here, depth + 1)


def _fits(expression: Any, scope: dict[str, Any], prefix: object) -> bool:
    from re import Pattern

    path = scope.get("path")
    if type(expression) is not Pattern or type(path) is not str:
        return False
    return bool(expression.match(path) or (type(prefix) is str and path.startswith(prefix) and expression.match(path[len(prefix) :])))


def calling(application: Callable[..., Awaitable[None]], mechanism: Callable[[Any], str], layer: Layer | None = None) -> Callable[..., Any]:
    """A ``__call__`` around another: what leaves it is captured, and every error meanwhile carries the request.

    Args:
        application: what to call, with ``self`` and the three arguments of ASGI.
        mechanism: names the mechanism, given ``self``.
        layer: of the patch that puts it in place.
    """

    async def __call__(self: Any, scope: Any, receive: Any, send: Any) -> None:  # noqa: N807 - it replaces one
        if layer is not None and not layer.active:
            await application(self, scope, receive, send)
            return
        kind = scope.get("type") if type(scope) is dict else None
        if kind == "lifespan":  # the server's own life is no request
            await _live(application, mechanism, self, scope, receive, send)
            return
        request = _request.current()
        if request is None or request.source is not scope:
            request = begun = Scope(scope)
            begun.begin()
        else:
            begun = None
        if request.status is None and kind == "http":
            request.status = 0
            send = _looking(request, send, mechanism, self)
        try:
            await application(self, scope, receive, send)
        except Exception as error:
            leaves(error, mechanism(self), _answered(request) if kind == "http" else None)
            raise
        finally:
            if begun is not None:
                del request, send  # it ends when nobody else refers to it
                begun.end()

    return __call__


def _answered(request: _request.Request) -> dict[str, Any]:
    return {"http.response.status_code": request.status or 500}


def _looking(request: _request.Request, send: Any, mechanism: Callable[[Any], str], owner: object) -> Any:
    """A ``send`` that notes the status of the response. It hands through what ``send`` returns and has no part in awaiting that."""

    def looking(message: Any) -> Any:
        if request.status == 0 and type(message) is dict and type(message.get("status")) is int:
            request.status = message["status"]
            if request.pending is not None:
                (error, traceback), request.pending = request.pending, None
                handled = sys.exc_info()[1]
                if request.status >= 500 and (handled is None or handled is error):  # or else the handler has failed itself
                    _report.report(error, traceback, mechanism(owner), handled=False, attributes=_answered(request))
        return send(message)

    return looking


async def _live(application: Any, mechanism: Callable[[Any], str], self: Any, scope: Any, receive: Any, send: Any) -> None:
    """Start and end of the server. An application that has no use for it may fail at once; that is how it says so."""
    takes_part = False

    async def received() -> Any:
        nonlocal takes_part
        takes_part = True
        return await receive()

    try:
        await application(self, scope, received, send)
    except Exception as error:
        if takes_part:
            leaves(error, mechanism(self), None)
        raise


def leaves(error: BaseException, mechanism: str, attributes: dict[str, Any] | None) -> None:
    """Captures an error that leaves an application. That the client has gone is none, and is not captured when it is logged either."""
    if _request.is_disconnect(error):
        met = _identity.remember(error)
        if met is not None:
            met.captured = True
    else:
        _report.report(error, _report.below(error), mechanism, handled=False, attributes=attributes)


class Middleware:
    """An ASGI application around another: what leaves it is captured, and every error meanwhile carries the request.

    What is sent and received passes through unchanged.
    """

    __slots__ = ("_application",)

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        """Takes the application."""
        self._application = app

    __call__ = calling(lambda self, scope, receive, send: self._application(scope, receive, send), lambda self: "asgi")
