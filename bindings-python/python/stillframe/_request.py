"""The request that the running code works for, and what it tells of an error.

While a request runs, a context variable holds nothing but a reference to what the server or framework has of it. Everything is read when an
error is captured: from objects of exactly the built-in types, and from instance dictionaries, so that no code of the program runs. When the
request ends the reference goes. If a task or thread still has a copy of the context, a few texts take its place, nothing of the program.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar

from stillframe import _failures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from contextvars import Context, Token
    from types import TracebackType
    from typing import Any, Optional

ITEMS = 512
"""Entries of an environ or scope, and headers, that are looked at."""

LENGTH = 2048
"""Characters of a text that are handed on; the core keeps fewer and says so."""

NAME = 512
"""Characters of a name that are handed on: rules for names must see its end, and the core hides what has a longer one."""

HEADERS = 96
"""Headers that are handed on; the core keeps fewer and says so."""

BAGGAGE = 8192
"""Characters of a ``baggage`` header that are looked at, as the W3C has it."""

GetSetDescriptorType: Any = type(type.__dict__["__name__"])  # ``types`` may not be imported yet
_HEAP_TYPE = 1 << 9
_mro = type.__dict__["__mro__"].__get__
_namespace = type.__dict__["__dict__"].__get__
_type_flags = type.__dict__["__flags__"].__get__


class Facts:
    """What a request tells of an error."""

    __slots__ = ("attributes", "links", "trace", "user")

    def __init__(self) -> None:
        """Begins with nothing known."""
        self.attributes: dict[str, Any] = {}
        self.user: dict[str, Any] = {}
        self.links: dict[str, str] = {}
        self.trace: tuple[int, int] | None = None
        """Ids of trace and span."""

    def text(self, name: str, value: object) -> None:
        """Adds an attribute if it is a text."""
        if type(value) is str and value:
            self.attributes.setdefault(name, value[:LENGTH])

    def number(self, name: str, value: object) -> None:
        """Adds an attribute if it is an integer or the digits of one."""
        if type(value) is str and len(value) < 10 and value.isascii() and value.isdigit():
            value = int(value)
        if type(value) is int:
            self.attributes.setdefault(name, value)

    def host(self, value: object) -> None:
        """Adds the host that the client asked for, as in the ``Host`` header."""
        if type(value) is str and value:
            name, colon, port = value[:LENGTH].rpartition(":")
            if colon and port.isdigit() and not name.endswith(":"):
                self.text("server.address", name)
                self.number("server.port", port)
            else:
                self.text("server.address", value)

    def address(self, value: object) -> None:
        """Adds the client's address, a pair of host and port as servers have it, or a text."""
        if type(value) in (tuple, list) and value:
            self.text("client.address", value[0])  # type: ignore[index]
        else:
            self.text("client.address", value)

    def headers(self, found: Iterable[tuple[str, str]]) -> None:
        """Adds headers; names in lower case. Comes last: those are cut first where there are too many attributes."""
        wanted = links()
        merged: dict[str, str] = {}
        for name, value in found:
            link = wanted.get(name)
            if link is not None:
                self.links.setdefault(link, value[:LENGTH])
            elif name == "traceparent":
                self._parent(value)
            elif name == "baggage":
                self._baggage(value)
            elif name == "user-agent":
                self.text("user_agent.original", value)
            elif name == "host":
                pass
            elif name in merged:
                merged[name] = f"{merged[name]}, {value[:LENGTH]}"[: LENGTH + 2]
            elif len(merged) < HEADERS:
                merged[name] = value[:LENGTH]
        for name, value in merged.items():
            self.text(f"http.request.header.{name[:NAME]}", value)

    def _parent(self, value: str) -> None:
        """``00-<trace id>-<span id>-<flags>``; what is not exactly that is no trace."""
        parts = value[:256].strip(" \t").split("-")
        if len(parts) < 4 or [len(part) for part in parts[:4]] != [2, 32, 16, 2] or parts[0] == "ff":
            return
        if (parts[0] == "00" and len(parts) > 4) or set("".join(parts[:4])) - set("0123456789abcdef"):
            return
        trace, span = int(parts[1], 16), int(parts[2], 16)
        if trace and span:
            self.trace = trace, span

    def _baggage(self, value: str) -> None:
        for entry in value[:BAGGAGE].split(",")[:64]:
            name, equals, content = entry.partition(";")[0].partition("=")
            name = name.strip(" \t")
            if equals and name:
                self.text(f"baggage.{name[:NAME]}", unquoted(content.strip(" \t")))


class Request:
    """One that runs. A subclass for each form in which servers and frameworks have it."""

    __slots__ = ("__dict__", "_said", "_token", "source", "status")

    pending: tuple[BaseException, TracebackType | None] | None = None
    """An error that the framework has handed to a handler of the program, until it is known what that made of it."""

    _goes_on = False
    _outer: Request | None = None

    def __init__(self, source: Any) -> None:
        """Takes the reference."""
        self.source = source
        self.status: int | None = None
        """What was answered, where somebody looks; 0 before that."""

    def begin(self) -> None:
        """Makes it the running one, for this thread or task and what it starts."""
        self._said = begin_saying() if current() is None else None
        self._token: Token[Optional[Request]] | None = _set(self)

    def end(self) -> None:
        """It runs no longer, and lets go what it refers to."""
        token = self._token
        if token is None:
            return
        self._token = None
        try:
            _reset(token)
        except ValueError:  # it ends in another thread or task than it began in
            pass
        self._end_saying()
        if _references(self) > _alone:  # or else it is gone in a moment
            self._let_go()

    def goes_on(self) -> None:
        """What was called has returned, but the response is still to be generated: the request ends when the server closes that.

        Should the server never do that, the next request takes its place.
        """
        token, self._token = self._token, None
        if token is not None:
            try:
                _reset(token)
            except ValueError:
                pass
        outer = current()
        if outer is not None and not outer._goes_on:  # the server's own; one that nobody has closed is not kept
            self._outer = outer
        self._goes_on = True
        _set(self)

    def closed(self) -> None:
        """The server has closed the response of a request that went on."""
        if current() is self:
            _set(self._outer)
        self._outer = None
        self._end_saying()
        self._let_go()

    def _end_saying(self) -> None:
        before, self._said = self._said, None
        end_saying(before)

    def _let_go(self) -> None:
        self.pending = kept = None
        try:
            if self.source is not None:
                kept = self.kept()
        except Exception as failure:
            _failures.count(failure)
        self.source = kept

    def kept(self) -> Any:
        """What stays of ``source`` for the tasks and threads that outlive the request: texts."""
        return None

    def read(self, facts: Facts) -> None:
        """Reads what is known; ``source`` is not ``None``."""
        raise NotImplementedError


_current: ContextVar[Optional[Request]] = ContextVar("stillframe_request", default=None)
said: ContextVar[dict[str, Any] | None] = ContextVar("stillframe", default=None)
"""What the program said of user, session and tags."""
if TYPE_CHECKING:
    Said = Token[dict[str, Any] | None]


def begin_saying() -> Said:
    """What the program says from now on of its circumstances holds until ``end_saying`` gets what this returns."""
    return said.set(said.get())


def end_saying(before: Said | None) -> None:
    """What was said before holds again: the next request of this thread is somebody else's."""
    if before is not None:
        try:
            said.reset(before)
        except ValueError:  # it began in another thread or task, which keeps its own
            pass


_set, _reset, _references = _current.set, _current.reset, sys.getrefcount
current = _current.get
"""The request that runs in this thread or task."""

others: list[Callable[[Context | None], Request | None]] = []
"""Functions that find the running request where a framework itself keeps it; for the given context variables, or those of now."""

_alone = sys.maxsize


def facts(variables: Context | None) -> Facts | None:
    """What is known of the running request.

    Args:
        variables: the context variables of the task that failed, when it is not the one that runs.
    """
    request: Request | None = None
    for other in others:
        try:
            request = request or other(variables)
        except Exception as failure:  # a framework that looks different in a version to come: the error is captured all the same
            _failures.count(failure)
    if request is None:
        request = current() if variables is None else variables.get(_current)
    if request is None or request.source is None:
        return None
    known = Facts()
    request.read(known)
    return known


_links: dict[str, str] | None = None


def links() -> dict[str, str]:
    """Names of session links by the header that they come by, in lower case."""
    global _links
    if _links is None:
        from stillframe._runtime import native

        _links = {header.lower(): link for header, link in native.session_headers().items()}
    return _links


def configured() -> None:
    """The configuration has changed."""
    global _links
    _links = None


def texts(mapping: Any) -> dict[str, Any]:
    """The entries of a dictionary whose keys are texts, without asking a key for its hash or whether it is equal to another."""
    found: dict[str, Any] = {}
    if issubclass(type(mapping), dict):
        try:
            for key, value in dict.items(mapping):
                if type(key) is str:
                    found[key] = value
                    if len(found) >= ITEMS:
                        break
        except RuntimeError:  # another thread has changed it
            pass
    return found


def fields(owner: object) -> dict[str, Any]:
    """The instance dictionary of an object of a class written in Python; no code of that class runs."""
    for base in _mro(type(owner)):
        descriptor = _namespace(base).get("__dict__")
        if descriptor is not None:
            if type(descriptor) is GetSetDescriptorType and _type_flags(base) & _HEAP_TYPE:
                found = descriptor.__get__(owner)
                if type(found) is dict:
                    return found
            break
    return {}


def static(kind: type, name: str) -> Any:
    """An attribute of a class as it is written there; ``None`` if there is none."""
    for base in _mro(kind):
        namespace = _namespace(base)
        if name in namespace:
            return namespace[name]
    return None


def known(owner: object, module: str, name: str) -> bool:
    """Whether an object is an instance of a class, told by its name and module: no check of a metaclass runs."""
    return any(_namespace(base).get("__module__") == module and base.__name__ == name for base in _mro(type(owner)))


_DISCONNECTS = (
    ("starlette.requests", "ClientDisconnect"),
    ("starlette.websockets", "WebSocketDisconnect"),
    ("waitress.channel", "ClientDisconnected"),
    ("uvicorn.protocols.utils", "ClientDisconnected"),
)


def is_disconnect(error: object) -> bool:
    """Whether an exception says no more than that the client has gone."""
    return any(known(error, module, name) for module, name in _DISCONNECTS)


def unquoted(text: str) -> str:
    """Percent-encoded text in plain; as it is if that is not UTF-8."""
    if "%" not in text:
        return text
    from urllib.parse import unquote

    return unquote(text)


def utf8(text: str) -> str:
    """A text that a server has decoded as Latin-1, decoded as what it usually is."""
    if text.isascii():
        return text
    try:
        return text.encode("latin-1").decode("utf-8")
    except UnicodeError:
        return text


class _Probe(Request):
    __slots__ = ("seen",)

    def kept(self) -> None:
        self.seen = True


def _count() -> int:
    """References that a request has when it ends and nobody has a copy of its context. They depend on the interpreter."""
    global _alone
    for _alone in range(2, 16):
        probe = _Probe("")
        probe.seen = False
        probe.begin()
        probe.end()
        if not probe.seen:
            break
    return _alone


_alone = _count()
