"""WSGI: what an environ tells of a request, and a middleware for applications of no framework that is observed by itself.

Two lines put it in::

    import stillframe.integrations.wsgi

    application = stillframe.integrations.wsgi.Middleware(application)
"""

from __future__ import annotations

from stillframe import _report, _request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

_TOLD = frozenset(
    (
        "CONTENT_LENGTH",
        "CONTENT_TYPE",
        "PATH_INFO",
        "QUERY_STRING",
        "REMOTE_ADDR",
        "REQUEST_METHOD",
        "SCRIPT_NAME",
        "SERVER_NAME",
        "SERVER_PORT",
        "SERVER_PROTOCOL",
        "wsgi.url_scheme",
    )
)
_PLAIN = (list, tuple)


class Environ(_request.Request):
    """A request whose server calls a WSGI application."""

    __slots__ = ()

    def environ(self) -> object:
        """The environ; ``source`` is it."""
        return self.source

    def kept(self) -> dict[str, str]:
        """The texts of the environ that are told."""
        found = _request.texts(self.environ())
        return {name: value for name, value in found.items() if type(value) is str and (name in _TOLD or name.startswith("HTTP_"))}

    def read(self, facts: _request.Facts) -> None:
        """Reads the environ."""
        read(self.environ(), facts)


def read(environ: object, facts: _request.Facts) -> None:
    """Adds what an environ tells."""
    found = _request.texts(environ)
    facts.text("http.request.method", found.get("REQUEST_METHOD"))
    path = [part for part in (found.get("SCRIPT_NAME"), found.get("PATH_INFO")) if type(part) is str]
    facts.text("url.path", _request.utf8("".join(path)[: _request.LENGTH]))
    facts.text("url.query", found.get("QUERY_STRING"))
    facts.text("url.scheme", found.get("wsgi.url_scheme"))
    facts.host(found.get("HTTP_HOST"))
    facts.text("server.address", found.get("SERVER_NAME"))
    facts.number("server.port", found.get("SERVER_PORT"))
    facts.address(found.get("REMOTE_ADDR"))
    protocol = found.get("SERVER_PROTOCOL")
    if type(protocol) is str:
        facts.text("network.protocol.version", protocol[5:] if protocol.startswith("HTTP/") else None)
    facts.headers(_headers(found))


def _headers(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for name, value in found.items():
        if type(value) is not str or not value:
            continue
        if name.startswith("HTTP_"):
            name = name[5:]
        elif name not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
            continue
        yield name.replace("_", "-").lower(), value[: _request.BAGGAGE]


class Middleware:
    """A WSGI application around another: what leaves it is captured, and every error meanwhile carries the request.

    The response passes through unchanged.
    """

    __slots__ = ("_application",)

    def __init__(self, application: Callable[..., Iterable[bytes]]) -> None:
        """Takes the application."""
        self._application = application

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Calls the application."""
        request = Environ(environ)
        request.begin()
        goes_on = False
        try:
            body = self._application(environ, start_response)
            if type(body) not in _PLAIN and not _is_file(body, environ):
                body = (_SizedBody if hasattr(type(body), "__len__") else _Body)(body, request)
                goes_on = True
            return body
        except Exception as error:
            _leaves(error, 500)
            raise
        finally:
            if goes_on:
                request.goes_on()
            else:
                request.end()


def _leaves(error: BaseException, status: int | None = None) -> None:
    attributes = None if status is None else {"http.response.status_code": status}
    _report.report(error, _report.below(error), "wsgi", handled=False, attributes=attributes)


def _is_file(body: object, environ: dict[str, Any]) -> bool:
    """Whether the server sends a file on a way of its own, which needs the object as it is."""
    wrapper = environ.get("wsgi.file_wrapper")
    return isinstance(wrapper, type) and isinstance(body, wrapper)


class _Body:
    """What the application sends piece by piece: the request runs until it is closed."""

    __slots__ = ("_body", "_next", "_request")

    def __init__(self, body: Iterable[bytes], request: Environ) -> None:
        self._body = body
        self._request = request
        self._next: Callable[[], bytes] | None = None

    def __iter__(self) -> _Body:
        return self

    def __next__(self) -> bytes:
        try:
            if self._next is None:
                self._next = iter(self._body).__next__
            return self._next()
        except StopIteration:
            raise
        except Exception as error:
            _leaves(error)
            raise

    def close(self) -> None:
        try:
            close = getattr(self._body, "close", None)
            if close is not None:
                close()
        except Exception as error:
            _leaves(error)
            raise
        finally:
            self._request.closed()


class _SizedBody(_Body):
    __slots__ = ()

    def __len__(self) -> int:
        return len(self._body)  # type: ignore[arg-type]
