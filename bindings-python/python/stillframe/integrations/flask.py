"""Flask, what is built on it, and Quart, its asynchronous sister.

Both tell by a signal of every error that they turn into a 500 page. An error for which the application has registered a handler is an error
all the same where the handler is one for everything, or answers 5xx.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar

from stillframe import _report, _request
from stillframe._hooks.patch import Patch
from stillframe.integrations import asgi, wsgi

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Context
    from types import ModuleType
    from typing import Any, Optional

_instance = object.__getattribute__
_WRAPPERS = ("request", "_request", "request_websocket", "websocket", "_websocket")
"""Where a context has its request, over the years."""

_traceback = BaseException.__dict__["__traceback__"].__get__


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``flask.app`` or ``quart.app``."""
    name = module.__name__.partition(".")[0]
    signals: Any = sys.modules[f"{name}.signals"]
    framework = _FRAMEWORKS[name]
    if framework.current not in _request.others:
        _request.others.append(framework.current)
    application, send = (module.Flask, "send") if name == "flask" else (module.Quart, "send_async")
    found = [
        Patch("frameworks", signals.got_request_exception, send, before=framework.failed),
        Patch("frameworks", signals.request_finished, send, before=framework.finished),
        Patch("frameworks", application, "_find_error_handler", after=framework.handler_found),
    ]
    if name == "quart":
        found += [
            Patch("frameworks", getattr(signals, signal), send, before=framework.failed)
            for signal in ("got_websocket_exception", "got_background_exception", "got_serving_exception")
            if hasattr(signals, signal)
        ]
        found.append(
            Patch("frameworks", application, "__call__", wrap=lambda layer: asgi.calling(layer.original, lambda self: "quart", layer))
        )
    return found


class _Framework:
    """One of the two."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._pending: ContextVar[Optional[tuple[BaseException, bool]]] = ContextVar(f"stillframe_{name}", default=None)
        """An error that goes to a handler of the application, and whether that is one for everything."""

    def current(self, variables: Context | None) -> FlaskRequest | None:
        """The request that runs, as the framework knows it."""
        kept: Any = vars(sys.modules[f"{self._name}.globals"])
        found = None
        for name in ("_cv_request", "_cv_websocket", "_cv_app"):  # with the years, one context has become two and one again
            variable = kept.get(name)
            if found is None and type(variable) is ContextVar:
                found = variable.get(None) if variables is None else variables.get(variable)
        if found is None and "_request_ctx_stack" in kept and variables is None:
            found = kept["_request_ctx_stack"].top
        request = None if found is None else FlaskRequest(found)
        return None if request is None or request.wrapper() is None else request  # a context of the application alone is no request

    def failed(self, sender: object, *args: object, exception: Any = None, **kwargs: object) -> None:
        """The framework gives up on an error."""
        self._pending.set(None)
        if issubclass(type(exception), BaseException) and (_code(exception) or 500) >= 500:
            _report.report(exception, None, self._name, handled=False, attributes={"http.response.status_code": 500})

    def handler_found(self, handler: Any, application: object, error: Any, *args: object, **kwargs: object) -> Any:
        """The framework has looked for a handler of the application, and found one or none."""
        if issubclass(type(error), BaseException) and _traceback(error) is not None:
            code = _code(error)
            if code is not None and code >= 500:
                self._pending.set((error, False))
            elif code is None and handler is not None:
                self._pending.set((error, _is_for_all(handler, application)))
        return handler

    def finished(self, sender: object, *args: object, response: object = None, **kwargs: object) -> None:
        """There is a response."""
        values: dict[str, Any] = _instance(response, "__dict__")
        pending = self._pending.get()
        if pending is not None:
            self._pending.set(None)
            error, for_all = pending
            status = values.get("_status_code")
            if for_all or (type(status) is int and status >= 500):
                attributes = {"http.response.status_code": status} if type(status) is int else {}
                _report.report(error, None, self._name, handled=False, attributes=attributes)
        as_it_is = values.get("direct_passthrough") is True  # what Werkzeug then hands to the server does not close the response
        if self._name == "flask" and not as_it_is and type(values.get("response")) not in (list, tuple):
            self._streams(values.get("_on_close"))

    def _streams(self, closers: object) -> None:
        """The response is generated when the framework has left its context: the request ends when the server closes it."""
        found = self.current(None)
        environ = None if found is None else found.environ()
        if environ is not None and type(closers) is list:
            request = wsgi.Environ(environ)
            request.begin()
            request.goes_on()
            closers.append(request.closed)


class FlaskRequest(_request.Request):
    """A request as the framework has it: ``source`` is its context."""

    __slots__ = ()

    def environ(self) -> object:
        """The WSGI environ."""
        return _request.fields(self.wrapper()).get("environ")

    def wrapper(self) -> object:
        """The framework's object for the request; ``None`` in a context without one."""
        context = _request.fields(self.source)
        return next((context[name] for name in _WRAPPERS if context.get(name) is not None), None)

    def read(self, facts: _request.Facts) -> None:
        """Reads route and user, and what the server has handed over."""
        values = _request.fields(self.wrapper())
        rule = values.get("url_rule")
        if rule is not None:
            facts.text("http.route", _request.fields(rule).get("rule"))
        context = _request.fields(self.source)
        session = context.get("session", context.get("_session"))
        for name in ("_user_id", "user_id"):  # Flask-Login keeps the user's id there
            user = _request.texts(session).get(name)
            if type(user) in (str, int):
                facts.user.setdefault("id", user)
        if "environ" in values:
            wsgi.read(values["environ"], facts)
        elif "scope" in values:
            asgi.read(values["scope"], facts)


def _code(error: BaseException) -> int | None:
    """The status that an ``HTTPException`` stands for; ``None`` of any other error."""
    if not _request.known(error, "werkzeug.exceptions", "HTTPException"):
        return None
    code = _request.fields(error).get("code", _request.static(type(error), "code"))
    return code if type(code) is int else 0


def _is_for_all(handler: object, application: object) -> bool:
    """Whether a handler is registered for ``Exception``."""
    scopes: Any = _request.fields(application).get("error_handler_spec")
    if not issubclass(type(scopes), dict):
        return False
    return any(found.get(None, {}).get(Exception) is handler for found in dict.values(scopes))


_FRAMEWORKS = {"flask": _Framework("flask"), "quart": _Framework("quart")}
