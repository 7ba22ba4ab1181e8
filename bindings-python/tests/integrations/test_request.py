"""What is told of a request: formats, bounds, and that nothing of the program runs or stays for it."""

from __future__ import annotations

import contextvars
import sys
from collections.abc import Generator
from typing import Any

import pytest

import stillframe
from stillframe import _context, _request
from stillframe.integrations import asgi, wsgi
from support import Store
from web import attributes


def told(**environ: Any) -> _request.Facts:
    facts = _request.Facts()
    wsgi.read(environ, facts)
    return facts


def header(**headers: str) -> _request.Facts:
    return told(**{f"HTTP_{name.upper()}": value for name, value in headers.items()})


TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    "value",
    [f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00", f" 00-{TRACE}-{SPAN}-01\t", f"01-{TRACE}-{SPAN}-01-what-comes-later"],
)
def test_traceparent(value: str) -> None:
    assert header(traceparent=value).trace == (int(TRACE, 16), int(SPAN, 16))


@pytest.mark.parametrize(
    "value",
    [
        "",
        "00",
        f"00-{TRACE}-{SPAN}",
        f"00-{TRACE}-{SPAN}-01-more",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{TRACE[:-1]}g-{SPAN}-01",
        f"00-{TRACE[:-1]}-{SPAN}0-01",
        f"00-{TRACE[:-1]}\u0661-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01" * 1000,
        "-" * 100_000,
    ],
)
def test_what_is_no_traceparent(value: str) -> None:
    assert header(traceparent=value).trace is None


def test_baggage() -> None:
    facts = header(baggage="a=1 , b = two%20words;kept=no;x , c=%C3%A4,broken,=nothing,d=%zz%ff,e=")
    found = {name: value for name, value in facts.attributes.items() if name.startswith("baggage.")}
    assert found == {"baggage.a": "1", "baggage.b": "two words", "baggage.c": "\u00e4", "baggage.d": "%zz\ufffd"}
    many = header(baggage=",".join(f"k{number}={number}" for number in range(10_000)))
    assert len(many.attributes) == 64


@pytest.mark.parametrize(
    ("host", "address", "port"),
    [
        ("shop.example", "shop.example", None),
        ("shop.example:8080", "shop.example", 8080),
        ("[::1]:8080", "[::1]", 8080),
        ("::1", "::1", None),
        ("shop:port", "shop:port", None),
        ("shop:" + "9" * 100, "shop", None),
        (":", ":", None),
    ],
)
def test_host(host: str, address: str, port: int | None) -> None:
    facts = header(host=host)
    assert (facts.attributes.get("server.address"), facts.attributes.get("server.port")) == (address, port)


def test_an_environ() -> None:
    facts = told(
        REQUEST_METHOD="POST",
        SCRIPT_NAME="/shop",
        PATH_INFO="/caf\u00c3\u00a9",
        QUERY_STRING="a=1",
        SERVER_NAME="inside",
        SERVER_PORT="80",
        SERVER_PROTOCOL="HTTP/1.1",
        REMOTE_ADDR="10.0.0.7",
        CONTENT_TYPE="text/plain",
        CONTENT_LENGTH="17",
        HTTP_X_REQUEST_ID="abc",
        HTTP_EMPTY="",
        **{"wsgi.url_scheme": "https"},
    )
    assert facts.attributes == {
        "http.request.method": "POST",
        "url.path": "/shop/caf\u00e9",
        "url.query": "a=1",
        "url.scheme": "https",
        "server.address": "inside",
        "server.port": 80,
        "client.address": "10.0.0.7",
        "network.protocol.version": "1.1",
        "http.request.header.content-type": "text/plain",
        "http.request.header.content-length": "17",
        "http.request.header.x-request-id": "abc",
    }


def test_headers_that_come_twice() -> None:
    facts = _request.Facts()
    asgi.read({"type": "http", "headers": [(b"Accept", b"a"), (b"accept", b"b"), (b"x", "\u00e4".encode()), (b"y", b"\xe4")]}, facts)
    assert facts.attributes["http.request.header.accept"] == "a, b"
    assert facts.attributes["http.request.header.x"] == "\u00e4"
    assert facts.attributes["http.request.header.y"] == "\u00e4"


class Trap(str):
    """A text of the program, which must not be asked for anything."""

    armed = False

    def spring(self, *args: object) -> Any:
        if Trap.armed:
            raise AssertionError("code of the program ran")
        return False

    __eq__ = __len__ = __bool__ = __iter__ = __repr__ = __str__ = __getitem__ = __contains__ = spring  # type: ignore[assignment]

    def __hash__(self) -> int:
        Trap.spring(self)
        return hash("PATH_INFO")

    def __getattribute__(self, name: str) -> Any:
        Trap.spring(self)
        return object.__getattribute__(self, name)


@pytest.fixture
def armed() -> Generator[None, None, None]:
    Trap.armed = True
    yield
    Trap.armed = False


ENVIRONS: list[dict[Any, Any]] = [
    {Trap("a"): "x", "PATH_INFO": "/x", 7: 8, None: None, b"PATH_INFO": b"/x"},
    {"PATH_INFO": Trap("/x"), "HTTP_HOST": Trap("h"), "REMOTE_ADDR": [Trap("a")], "SERVER_PORT": Trap("80"), "HTTP_BAGGAGE": Trap("a=1")},
    {"PATH_INFO": "/\x00\x1b[31m\ud800", "HTTP_X": "\x00\xff\r\n", "HTTP_TRACEPARENT": "\ud800" * 55, "QUERY_STRING": "%zz&=&" * 10_000},
    {f"HTTP_X_{number}": "v" * 2000 for number in range(1000)},
    {f"HTTP_{'X' * 10_000}{number}": "v" for number in range(100)},
    {"HTTP_COOKIE": "a=b; " * 200_000, "HTTP_BIG": "x" * 1_000_000, "PATH_INFO": "/" + "x" * 1_000_000, "HTTP_HOST": "h:1" * 100_000},
    {f"wsgi.{number}": object() for number in range(100_000)},
]


@pytest.mark.parametrize("environ", ENVIRONS, ids=range(len(ENVIRONS)))
def test_a_hostile_environ_is_bounded(environ: dict[Any, Any], armed: None) -> None:
    facts = _request.Facts()
    wsgi.read(environ, facts)
    assert len(facts.attributes) <= 16 + 64 + _request.HEADERS
    assert all(len(name) <= 20 + _request.NAME for name in facts.attributes)
    assert all(type(value) is int or (type(value) is str and len(value) <= _request.LENGTH + 2) for value in facts.attributes.values())
    wsgi.Environ(environ).kept()


@pytest.mark.parametrize("source", [None, 7, "text", [1], object(), {1: 2}, type("M", (), {"get": None})()])
def test_what_is_no_request(source: Any) -> None:
    for module in (wsgi, asgi):
        facts = _request.Facts()
        module.read(source, facts)
        assert facts.attributes == {}


def test_instance_dictionaries_are_read_without_code() -> None:
    class Plain:
        def __init__(self) -> None:
            self.here = 1

        def __getattribute__(self, name: str) -> Any:
            raise AssertionError("code of the program ran")

    class Property:
        @property
        def __dict__(self) -> Any:  # type: ignore[override]
            raise AssertionError("code of the program ran")

    class Slots:
        __slots__ = ("here",)

    class Meta(type):
        def __getattribute__(cls, name: str) -> Any:
            raise AssertionError("code of the program ran")

    class Made(metaclass=Meta):
        def __init__(self) -> None:
            self.here = 1

    made = type.__call__(Made)
    assert _request.fields(Plain()) == {"here": 1}
    assert _request.fields(made) == {"here": 1}
    for other in (Property(), Slots(), 7, None, len, sys):
        assert _request.fields(other) == {}
    assert _request.static(Made, "missing") is None
    assert not _request.known(made, "somewhere", "Else")


class Counted(wsgi.Environ):
    __slots__ = ()
    kept_count = 0

    def kept(self) -> dict[str, str]:
        Counted.kept_count += 1
        return super().kept()


def handle(copies: bool) -> contextvars.Context | None:
    request = Counted({"PATH_INFO": "/x", "program": object()})
    request.begin()
    context = contextvars.copy_context() if copies else None
    request.end()
    assert _request.current() is None
    return context


def test_texts_are_kept_only_for_whoever_has_a_copy_of_the_context() -> None:
    Counted.kept_count = 0
    handle(copies=False)
    assert Counted.kept_count == 0
    context = handle(copies=True)
    assert Counted.kept_count == 1
    assert context is not None
    facts = _request.facts(context)
    assert facts is not None
    assert facts.attributes == {"url.path": "/x"}
    (left,) = (value.source for variable, value in context.items() if variable.name == "stillframe_request")
    assert left == {"PATH_INFO": "/x"}


def test_responses_that_nobody_closes_are_not_kept() -> None:
    """Each takes the place of the one before, which is freed."""

    def respond() -> None:
        for _ in range(10):
            request = wsgi.Environ({"PATH_INFO": "/x"})
            request.begin()
            request.goes_on()
            assert request._outer is None
        request.closed()
        assert _request.current() is None

    contextvars.copy_context().run(respond)


def test_the_ids_of_a_tracer_come_before_those_of_the_headers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    def fails() -> None:
        calls.append("fails")
        raise LookupError("of the tracer")

    monkeypatch.setattr(_context, "trace_ids", [lambda: None, fails, lambda: (7, 8)])
    request = wsgi.Environ({"HTTP_TRACEPARENT": f"00-{TRACE}-{SPAN}-01"})
    request.begin()
    try:
        known = _context.of(ValueError(), None, None)
        assert known is not None
        assert (known["trace_id"], known["span_id"]) == (7, 8)
        assert calls == ["fails"]
        _context.trace_ids.clear()
        known = _context.of(ValueError(), None, None)
        assert known is not None
        assert (known["trace_id"], known["span_id"]) == (int(TRACE, 16), int(SPAN, 16))
    finally:
        request.end()


def test_what_the_program_says_comes_before_the_request() -> None:
    request = wsgi.Environ({"REQUEST_METHOD": "GET", "HTTP_X_OPENREPLAY_SESSIONTOKEN": "replay-1"})
    request.begin()
    try:
        with stillframe.context(user={"id": 7}, session={"other": "s-1"}, tags={"cart": 9, "http.request.method": "said"}):
            known = _context.of(ValueError(), None, {"logger": "app"})
    finally:
        request.end()
    assert known is not None
    assert known["attributes"] == {"logger": "app", "cart": 9, "http.request.method": "said"}
    assert known["user"] == {"id": 7}
    assert sorted(known["session_links"]) == [("openReplaySessionToken", "replay-1"), ("other", "s-1")]


def test_the_headers_of_sessions_can_be_chosen(store: Store) -> None:
    """The name of a link is kept as it is written, the header is found in any case."""
    store.write("stillframe.toml", '[request.headers]\n"X-My-Replay" = "MyReplay \\"quoted\\" = x"\nX-Other = "other"\n')
    done = store.enabled(
        """
        import logging, stillframe.integrations.wsgi
        def application(environ, start_response):
            raise LookupError
        environ = {"HTTP_X_MY_REPLAY": "r-1", "HTTP_X_OTHER": "r-2", "HTTP_X_OPENREPLAY_SESSIONTOKEN": "r-3", "PATH_INFO": "/"}
        try:
            stillframe.integrations.wsgi.Middleware(application)(environ, None)
        except LookupError:
            pass
        """
    )
    assert done.err == ""
    (snapshot,) = store.snapshots()
    assert snapshot["context"]["sessionLinks"] == [{"name": 'MyReplay "quoted" = x', "id": "r-1"}, {"name": "other", "id": "r-2"}]
    assert "r-3" not in str(snapshot)


SECRETS = {
    "HTTP_AUTHORIZATION": "Bearer aaaa-secret",
    "HTTP_PROXY_AUTHORIZATION": "Basic YWFhYS1zZWNyZXQ=",
    "HTTP_COOKIE": "sessionid=aaaa-secret; csrftoken=aaaa-secret",
    "HTTP_SET_COOKIE": "id=aaaa-secret",
    "HTTP_X_API_KEY": "aaaa-secret",
    "HTTP_X_AUTH_TOKEN": "aaaa-secret",
    "HTTP_X_CSRF_TOKEN": "aaaa-secret",
    "HTTP_X_AMZ_SECURITY_TOKEN": "aaaa-secret",
    "HTTP_REFERER": "https://shop.example/?access_token=aaaa-secret&page=1",
    "HTTP_X_NOTE": "password=aaaa-secret",
    "HTTP_X_JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    f"HTTP_X_{'A' * 127}_PASSWORD": "aaaa-secret",
    f"HTTP_X_{'A' * 240}_PASSWORD": "aaaa-secret",
    f"HTTP_X_{'A' * 2100}_PASSWORD": "aaaa-secret",
    "HTTP_BAGGAGE": f"password=aaaa-secret,api_key=aaaa-secret,token=aaaa-secret,{'a' * 130}-password=aaaa-secret",
    "QUERY_STRING": "code=aaaa-secret-4f0AX4XfWh9f2&api_key=aaaa-secret&password=aaaa-secret&token=aaaa-secret&signature=aaaa-secret&page=2",
}


def test_no_secret_reaches_the_store(store: Store) -> None:
    store.enabled(
        f"""
        import stillframe.integrations.wsgi
        def application(environ, start_response):
            environ = None
            raise LookupError
        try:
            stillframe.integrations.wsgi.Middleware(application)({ {**SECRETS, "PATH_INFO": "/shown"}!r}, None)
        except LookupError:
            pass
        """
    )
    (snapshot,) = store.snapshots()
    text = str(snapshot["context"])
    assert "aaaa-secret" not in text
    assert "YWFhYS1zZWNyZXQ" not in text
    assert "dozjgNryP4J3" not in text
    assert attributes(snapshot)["url.path"] == "/shown"
    assert "page=2" in attributes(snapshot)["url.query"]
    assert not any(secret in segment.read_bytes() for segment in store.folder.glob("*.sfs") for secret in (b"aaaa-secret", b"dozjgNryP4J3"))


def test_hooks_come_out_again(store: Store) -> None:
    """What was replaced is there again, and a request that runs meanwhile ends as it would have."""
    done = store.python(
        """
        import sys
        import wsgiref.handlers
        before = dict(vars(wsgiref.handlers.BaseHandler))
        import stillframe
        stillframe.install()
        during = dict(vars(wsgiref.handlers.BaseHandler))
        stillframe.uninstall()
        after = dict(vars(wsgiref.handlers.BaseHandler))
        print(before == during, before == after)
        """
    )
    assert done.out == "False True\n"
