"""Starlette and FastAPI: errors that leave an application, and those that a handler of the application answers with 5xx."""

from __future__ import annotations

from stillframe import _request
from stillframe._hooks.patch import Layer, Patch
from stillframe.integrations import asgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_traceback = BaseException.__dict__["__traceback__"].__get__


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``starlette.applications``, and where error handlers are looked up (that place has moved)."""
    if module.__name__ == "starlette.applications":
        return [Patch("frameworks", module.Starlette, "__call__", wrap=_wrap)]
    if module.__name__ == "starlette._exception_handler":
        return [Patch("frameworks", module, "_lookup_exception_handler", after=_found)]
    middleware = vars(module).get("ExceptionMiddleware")
    return [] if middleware is None else [Patch("frameworks", middleware, "_lookup_exception_handler", after=_found)]


def _wrap(layer: Layer) -> Any:
    return asgi.calling(layer.original, _mechanism, layer)


def _mechanism(application: object) -> str:
    return "fastapi" if _request.known(application, "fastapi.applications", "FastAPI") else "starlette"


def _found(handler: Any, owner: object, error: Any, *args: object, **kwargs: object) -> Any:
    """A handler of the application is about to answer: what it answers is seen when that is sent."""
    running = _request.current()
    if running is not None and handler is not None and issubclass(type(error), BaseException):
        running.pending = error, _traceback(error)
    return handler
