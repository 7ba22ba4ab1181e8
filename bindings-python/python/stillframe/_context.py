"""Whom and what an error happened to: user, session and tags, for the running task or thread."""

from __future__ import annotations

import sys

from stillframe import _failures, _identity, _request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextvars import Context, Token
    from types import TracebackType
    from typing import Any, Union

    Scalar = Union[str, int, float, bool, None]
    Ids = tuple[int, int]

CHAIN = 16
"""How far back causes are searched for the context that they left."""

LARGEST = 256
"""Bits of an integer whose digits are told."""

_plain_getattribute: object = object.__getattribute__
_current = _request.said
_cause = BaseException.__dict__["__cause__"].__get__
_context = BaseException.__dict__["__context__"].__get__


trace_ids: list[Callable[[], Ids | None]] = []
"""Functions that tell the ids of the running trace and span, those of a tracer. They come before what the request's headers say."""


class context:  # noqa: N801 - used as a function
    """Says whom and what the code that runs now works for; errors carry it.

    It holds from the call on, for this thread or task and what it starts, until the request or job ends in which it was said. As a context
    manager it holds until the end of the block, and an error that leaves the block keeps it::

        with stillframe.context(user={"id": 17, "plan": "free"}, tags={"cart": cart.id}):
            checkout(cart)

    What an outer call said stays, key by key. Values are text, numbers, booleans or ``None``; anything else is named by its type.
    """

    __slots__ = ("_token",)

    def __init__(
        self,
        *,
        user: str | int | Mapping[str, Scalar] | None = None,
        session: str | Mapping[str, str] | None = None,
        tags: Mapping[str, Scalar] | None = None,
    ) -> None:
        """Sets it.

        Args:
            user: the user's id, or several facts by name.
            session: id of the user's session, or ids by the name of the system that has the session. They are stored in clear, unless a
                rule knows them as secrets: no place for an id that is as good as a password, like the key of a login's session.
            tags: anything else by name.
        """
        merged = dict(_current.get() or {})
        try:
            _merge(merged, "user", user, "id")
            _merge(merged, "sessions", session, "session")
            _merge(merged, "attributes", tags, "tag")
        except Exception as failure:  # a mapping that raises
            _failures.count(failure)
        self._token: Token[dict[str, Any] | None] | None = _current.set(merged)

    def __enter__(self) -> context:
        """Does nothing: it holds already."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Restores what held before."""
        if error is not None:
            try:
                keep(error)
            except Exception as failure:
                _failures.count(failure)
        token, self._token = self._token, None
        if token is not None:
            try:
                _current.reset(token)
            except ValueError:  # left in another task or thread than it was entered in: that one keeps its own
                pass


def keep(error: BaseException, attributes: dict[str, Any] | None = None) -> None:
    """Remembers what holds now for an error that is about to leave.

    Args:
        error: the error.
        attributes: what the caller knows besides; what was said further in stays.
    """
    holds = _current.get()
    if (holds or attributes) and issubclass(type(error), Exception):
        met = _identity.remember(error)
        if met is None:
            return
        if met.context is None:
            met.context = holds or {}
        if attributes:
            met.context = {**met.context, "attributes": {**attributes, **met.context.get("attributes", {})}}


def of(error: BaseException, variables: Context | None, attributes: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the native module is told of an error's circumstances.

    Args:
        error: the error.
        variables: the context variables of the task that failed, when it is not the one that runs.
        attributes: what the hook knows besides.
    """
    holds, recorded = _kept(error)
    if holds is None:
        holds = _current.get() if variables is None else variables.get(_current)
    thread = thread_name()
    request = _request_facts(variables)
    ids = _trace_ids(variables) if recorded is None else recorded
    told: dict[str, Any] = {} if thread is None else {"thread": thread}
    if holds is not None or attributes is not None or request is not None:
        holds = holds or {}
        said = {name: _cut(value) for name, value in attributes.items()} if attributes else {}
        told["attributes"] = {**said, **holds.get("attributes", {})}
        told["user"] = holds.get("user", {})
        links = holds.get("sessions", {})
        if request is not None:
            for name, value in request.attributes.items():
                told["attributes"].setdefault(name, value)
            told["user"] = {**request.user, **told["user"]}
            links = {**request.links, **links}
            ids = ids or request.trace
        told["session_links"] = [(name, str(value)) for name, value in links.items()]
    if ids is not None:
        told["trace_id"], told["span_id"] = ids
    return told or None


def _request_facts(variables: Context | None) -> _request.Facts | None:
    try:
        return _request.facts(variables)
    except Exception as failure:  # also one of the standard library's code
        _failures.count(failure)
        return None


def _trace_ids(variables: Context | None) -> Ids | None:
    for tracer in trace_ids:
        try:
            ids = tracer() if variables is None else variables.copy().run(tracer)
        except Exception as failure:  # also one of the tracer's own code
            _failures.count(failure)
        else:
            if ids is not None:
                return ids
    return None


def thread_name() -> str | None:
    """The name of this thread; unknown while the program has not imported ``threading``, and where asking would run its code."""
    threading = sys.modules.get("threading")
    if threading is None:
        return None
    return name_of(threading._active.get(threading.get_ident()))  # gevent and eventlet have replaced that: a greenlet is a thread


def name_of(thread: Any) -> str | None:
    """The name of a thread object; unknown where asking would run the program's code."""
    if thread is None or type(thread).__getattribute__ is not _plain_getattribute:
        return None
    name = getattr(thread, "_name", None)
    return _cut(name) if type(name) is str else None


def _kept(error: BaseException) -> tuple[dict[str, Any] | None, Ids | None]:
    """What held where this error, or what led to it, came from, and the ids of the trace and span that it was recorded on."""
    holds, trace = None, None
    link: BaseException | None = error
    for _ in range(CHAIN):
        if link is None:
            break
        met = _identity.find(link)
        if met is not None:
            holds = met.context if holds is None else holds
            trace = met.trace if trace is None else trace
        cause = _cause(link)
        link = _context(link) if cause is None else cause
    return holds, trace


def _merge(into: dict[str, Any], key: str, value: Any, name: str) -> None:
    if value is None:
        return
    facts: dict[object, object] = dict(value) if hasattr(value, "keys") else {name: value}
    into[key] = {**into.get(key, {}), **{_text(name): _scalar(fact) for name, fact in facts.items()}}


def _scalar(value: object) -> Scalar:
    kind = type(value)
    if kind is str:
        return _cut(value)  # type: ignore[no-any-return]
    if kind is float or kind is bool:
        return value  # type: ignore[return-value]
    if value is None:
        return "None"  # a snapshot has no empty attributes
    if kind is int:
        bits: int = value.bit_length()  # type: ignore[attr-defined]
        if bits < 64:
            return value  # type: ignore[return-value]
        if bits <= LARGEST:
            return str(value)
    return f"<{kind.__name__}>"


def _text(name: object) -> str:
    return name[: _request.NAME + 1] if type(name) is str else f"<{type(name).__name__}>"  # one more: the core sees that it is too long


def _cut(value: Any) -> Any:
    """A text as far as it is handed on: turning the rest into UTF-8 takes its time, and the interpreter keeps the copy."""
    return value[: _request.LENGTH] if type(value) is str else value
