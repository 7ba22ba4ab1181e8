"""Servers of WSGI applications: whatever fails in one carries the request, and what no framework has caught is captured here at last."""

from __future__ import annotations

import sys

from stillframe import _context, _report, _request
from stillframe._hooks.patch import Layer, Patch, observer
from stillframe.integrations import stopping, wsgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any, Callable

_keep = observer(_context.keep)


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: where the server runs one request, and where it is left with an error."""
    name = module.__name__
    if name == "wsgiref.handlers":
        return [
            Patch("frameworks", module.BaseHandler, "run", wrap=_running(Served)),
            Patch("frameworks", module.BaseHandler, "setup_environ", after=_wsgiref_begun),
            Patch("frameworks", module.BaseHandler, "log_exception", before=_wsgiref_failed),
        ]
    if name == "werkzeug.serving":
        return [
            Patch("frameworks", module.WSGIRequestHandler, "run_wsgi", wrap=_running(Served)),
            Patch("frameworks", module.BaseWSGIServer, "log", before=_werkzeug_failed),
        ]
    if name == "waitress.task":
        return [Patch("frameworks", module.WSGITask, "execute", wrap=_running(Served, leaves="waitress"))]
    # gunicorn logs what a request has failed with, where it no longer handles that request
    if name == "gunicorn.workers.base":
        return [Patch("frameworks", module.Worker, "handle_error", wrap=_running(Parsed, 1)), *stopping.patches(module)]
    worker, place = {"sync": ("SyncWorker", 2), "gthread": ("ThreadWorker", 1), "base_async": ("AsyncWorker", 2)}[name.rpartition(".")[2]]
    return [Patch("frameworks", getattr(module, worker), "handle_request", wrap=_running(Parsed, place))]


class Served(wsgi.Environ):
    """A request of a server whose object for it has the environ."""

    __slots__ = ()

    def environ(self) -> object:
        """The environ, as soon as there is one."""
        return self.source if type(self.source) is dict else _request.fields(self.source).get("environ")


class Parsed(_request.Request):
    """A request as gunicorn has parsed it."""

    __slots__ = ()

    def kept(self) -> dict[str, Any]:
        """The members that are told; the headers are texts."""
        found = _request.fields(self.source)
        return {name: found[name] for name in ("method", "path", "query", "scheme", "remote_addr", "peer_addr", "headers") if name in found}

    def read(self, facts: _request.Facts) -> None:
        """Reads the members."""
        found = self.source if type(self.source) is dict else _request.fields(self.source)
        facts.text("http.request.method", found.get("method"))
        facts.text("url.path", found.get("path"))
        facts.text("url.query", found.get("query"))
        facts.text("url.scheme", found.get("scheme"))
        facts.address(found.get("remote_addr", found.get("peer_addr")))
        pairs: Any = found.get("headers")
        if type(pairs) in (list, tuple):
            named = [
                (pair[0][:256].replace("_", "-").lower(), _request.utf8(pair[1][: _request.BAGGAGE]))
                for pair in pairs[: _request.ITEMS]
                if type(pair) is tuple and len(pair) == 2 and type(pair[0]) is str and type(pair[1]) is str
            ]
            facts.host(next((value for name, value in named if name == "host"), None))
            facts.headers(named)


def _running(kind: type[_request.Request], place: int = 0, leaves: str | None = None) -> Callable[[Layer], Any]:
    """Makes the replacement of a method that runs one request.

    Args:
        kind: form of the request.
        place: of the argument that is the request.
        leaves: name of the mechanism, if an error that leaves the method is one that nobody has caught.
    """

    def wrap(layer: Layer) -> Any:
        original = layer.original

        def run(*args: Any, **kwargs: Any) -> Any:
            if not layer.active or len(args) <= place or args[place] is None:
                return original(*args, **kwargs)
            request = kind(args[place])
            request.begin()
            try:
                return original(*args, **kwargs)
            except Exception as error:
                _keep(error)  # gunicorn tells of it when the request has ended
                if leaves is not None and not _request.is_disconnect(error):
                    _report.report(error, _report.below(error), leaves, handled=False)
                raise
            finally:
                request.end()

        return run

    return wrap


def _wsgiref_begun(result: object, handler: Any) -> object:
    """The handler forgets the environ before it tells of an error in closing the response."""
    running = _request.current()
    if running is not None and running.source is handler:
        running.source = handler.environ
    return result


def _wsgiref_failed(handler: object, failed: object, *args: object) -> None:
    if type(failed) is tuple and len(failed) == 3:
        _report.report(failed[1], failed[2], "wsgi", handled=False)


def _werkzeug_failed(server: object, level: object, *args: object, **kwargs: object) -> None:
    if level == "error":
        _report.report(sys.exc_info()[1], None, "werkzeug", handled=False)
