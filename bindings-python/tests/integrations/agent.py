"""A small Datadog agent for tests: it says which endpoints it has, takes what tracers send there, and keeps it."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgpack

V2 = "/debugger/v2/input"
DIAGNOSTICS = "/debugger/v1/diagnostics"


@dataclass
class Upload:
    """A request with snapshots."""

    path: str
    tags: list[str]
    headers: dict[str, str]
    size: int
    snapshots: list[dict[str, Any]]


@dataclass
class Agent:
    """What has been received."""

    endpoints: list[str]
    port: int = 0
    uploads: list[Upload] = field(default_factory=list)
    spans: list[dict[str, Any]] = field(default_factory=list)
    traces: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    """Requests with traces, as they were: headers and body."""
    answers: dict[str, list[int]] = field(default_factory=dict)
    """Status codes with which the next requests to a path are answered; then 200."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def snapshots(self) -> list[dict[str, Any]]:
        """All snapshots, in the order that they came in."""
        return [snapshot for upload in self.uploads for snapshot in upload.snapshots]

    def env(self, **more: str | None) -> dict[str, str | None]:
        """The environment in which ddtrace talks to it, and says nothing but spans and snapshots."""
        return {
            "DD_TRACE_AGENT_URL": self.url,
            "DD_EXCEPTION_REPLAY_ENABLED": "true",
            "DD_TRACE_API_VERSION": "v0.4",
            "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
            "DD_REMOTE_CONFIGURATION_ENABLED": "false",
            "DD_CRASHTRACKING_ENABLED": "false",
            "DD_CODE_ORIGIN_FOR_SPANS_ENABLED": "false",
            "DD_DYNAMIC_INSTRUMENTATION_CAPTURE_TIMEOUT_MS": "2000",
            "DD_SERVICE": "shop",
            "DD_ENV": "test",
            "DD_VERSION": "1.2.3",
            "PYTHONHASHSEED": "0",
            **more,
        }

    def wait(self, count: int, seconds: float = 30.0) -> None:
        """Waits until so many snapshots have come in."""
        until = time.monotonic() + seconds
        while len(self.snapshots) < count:
            if time.monotonic() > until:
                raise AssertionError(f"{len(self.snapshots)} snapshots of {count}")
            time.sleep(0.02)


@contextmanager
def agent(endpoints: tuple[str, ...] = (V2, DIAGNOSTICS)) -> Generator[Agent, None, None]:
    """Runs one on a port of its own."""
    received = Agent(["/v0.4/traces", "/v0.5/traces", *endpoints])

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            self.answer({"endpoints": received.endpoints, "client_drop_p0s": False}, 200)

        def do_POST(self) -> None:
            body = self.body()
            parts = urlsplit(self.path)
            waiting = received.answers.get(parts.path, [])
            status = waiting.pop(0) if waiting else 200
            if parts.path in (V2, DIAGNOSTICS) and parts.path not in received.endpoints:
                status = 404
            if status == 200:
                headers = {name.lower(): value for name, value in self.headers.items()}
                if parts.path in (V2, DIAGNOSTICS):
                    tags = parse_qs(parts.query).get("ddtags", [""])[0].split(",")
                    received.uploads.append(Upload(parts.path, tags, headers, len(body), json.loads(body)))
                elif parts.path == "/v0.4/traces":
                    received.traces.append((headers, body))
                    as_json = headers.get("content-type") == "application/json"
                    for trace in json.loads(body) if as_json else msgpack.unpackb(body, strict_map_key=False):
                        received.spans.extend(trace)
            self.answer({"rate_by_service": {}}, status)

        do_PUT = do_POST

        def body(self) -> bytes:
            if self.headers.get("transfer-encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("content-length") or 0))
            whole = b""
            while True:
                length = int(self.rfile.readline().split(b";")[0], 16)
                whole += self.rfile.read(length)
                self.rfile.readline()
                if not length:
                    return whole

        def answer(self, document: Any, status: int) -> None:
            text = json.dumps(document).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    received.port = server.server_port
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield received
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
