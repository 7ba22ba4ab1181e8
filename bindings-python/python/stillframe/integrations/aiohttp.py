"""aiohttp's server: an error that a handler or middleware leaves is captured where aiohttp turns it into a page or closes the connection.

Responses that are raised are none, and neither is a client that has gone or does not speak HTTP.
"""

from __future__ import annotations

from types import MemberDescriptorType

from stillframe import _identity, _report, _request
from stillframe._hooks.patch import Layer, Patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_MESSAGES = (("aiohttp._http_parser", "RawRequestMessage"), ("aiohttp.http_parser", "RawRequestMessage"))
"""What the parser written in C makes, and the one in Python."""
_TOLD = ("_message", "_transport_peername", "_transport_sslcontext")
_PATTERNS = ("_formatter", "_path", "_prefix")
"""Where the kinds of resources have the pattern that a path has matched."""


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: where one request is run, and where an error becomes a response."""
    handler = module.RequestHandler
    return [
        Patch("frameworks", handler, "_handle_request", wrap=_wrap),
        Patch("frameworks", handler, "handle_error", before=_handle_error),
    ]


def _wrap(layer: Layer) -> Any:
    original = layer.original

    async def _handle_request(self: Any, request: Any, *args: Any) -> Any:
        if not layer.active:
            return await original(self, request, *args)
        running = AiohttpRequest(request)
        running.begin()
        try:
            return await original(self, request, *args)
        finally:
            running.end()

    return _handle_request


def _handle_error(self: Any, request: Any, status: int = 500, exc: BaseException | None = None, message: str | None = None) -> None:
    if exc is None:
        return
    gone = issubclass(type(exc), ConnectionResetError) and self.transport is None
    if gone or _request.known(exc, "aiohttp.http_exceptions", "HttpProcessingError"):
        met = _identity.remember(exc)
        if met is not None:
            met.captured = True  # aiohttp logs it
    else:
        _report.report(exc, None, "aiohttp", handled=False, attributes={"http.response.status_code": status})


class AiohttpRequest(_request.Request):
    """A request as aiohttp has it."""

    __slots__ = ()

    def kept(self) -> dict[str, Any]:
        """What aiohttp's parser has read, and the route's text."""
        found = _request.fields(self.source)
        return {**{name: found.get(name) for name in _TOLD}, "route": _route(found.get("_match_info"))}

    def read(self, facts: _request.Facts) -> None:
        """Reads the message, the route and the client's address."""
        found = self.source if type(self.source) is dict else _request.fields(self.source)
        message: Any = found.get("_message")
        kind = type(message)
        if (kind.__module__, kind.__name__) not in _MESSAGES:
            return
        facts.text("http.request.method", message.method)
        facts.text("http.route", found.get("route") or _route(found.get("_match_info")))
        path, _, query = message.path[: _request.LENGTH].partition("?")
        facts.text("url.path", _request.unquoted(path))
        facts.text("url.query", query)
        facts.text("url.scheme", "http" if found.get("_transport_sslcontext") is None else "https")
        headers = [(name.decode("latin-1").lower(), _request.utf8(value.decode("latin-1"))) for name, value in message.raw_headers]
        facts.host(next((value for name, value in headers if name == "host"), None))
        facts.address(found.get("_transport_peername"))
        facts.text("network.protocol.version", ".".join(map(str, message.version)))
        facts.headers(headers)


def _route(match: Any) -> str | None:
    """The pattern that the path has matched."""
    slot = _request.static(type(match), "_route")
    route = slot.__get__(match) if type(slot) is MemberDescriptorType else _request.fields(match).get("_route")
    resource = _request.fields(route).get("_resource")
    found = _request.fields(resource)
    return next((found[name] for name in _PATTERNS if type(found.get(name)) is str), None)
