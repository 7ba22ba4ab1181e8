"""Starlette and FastAPI: what leaves an application, and what a handler of the application answers with 5xx."""

from __future__ import annotations

import sys

from stillframe import _failures, _report, _request
from stillframe._hooks.patch import Layer, Patch
from stillframe.integrations import asgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


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
    """Returns a handler that does the same, and looks what it has made of the error."""
    if handler is None:
        return None
    return _looking(handler) if _is_coroutine_function(handler) else _looking_plain(handler)


def _is_coroutine_function(handler: object) -> bool:
    """Whether Starlette awaits what the handler returns: as it decides itself."""
    decides: Any = getattr(sys.modules.get("starlette._utils"), "is_async_callable", None)
    if decides is None:
        from asyncio import iscoroutinefunction as decides
    return bool(decides(handler))


def _looking(handler: Any) -> Any:
    async def looking(connection: Any, error: Any) -> Any:
        response = await handler(connection, error)
        _answered(response, connection, error)
        return response

    return looking


def _looking_plain(handler: Any) -> Any:
    def looking(connection: Any, error: Any) -> Any:
        response = handler(connection, error)
        _answered(response, connection, error)
        return response

    return looking


def _answered(response: object, connection: object, error: BaseException) -> None:
    try:
        status = _request.fields(response).get("status_code")
        if type(status) is int and status >= 500:
            application = _request.texts(_request.fields(connection).get("scope")).get("app")
            attributes = {"http.response.status_code": status}
            _report.report(error, None, _mechanism(application), handled=False, attributes=attributes)
    except Exception as failure:
        if not _failures.is_ours(failure):
            raise
        _failures.count(failure)
