"""A server that keeps what it is sent: what agents, collectors and error trackers would have got."""

from __future__ import annotations

import gzip
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext


@dataclass
class Request:
    """What was sent."""

    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """The server and what it was sent so far."""

    def __init__(self, server: ThreadingHTTPServer, requests: list[Request], scheme: str) -> None:
        self.port = server.server_port
        self.url = f"{scheme}://127.0.0.1:{server.server_port}"
        self.requests = requests

    def wait(self, path: str) -> list[Request]:
        """The requests to a path, once there is one. For programs that send after they are done."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            found = [request for request in self.requests if request.path.startswith(path)]
            if found:
                return found
            time.sleep(0.05)
        raise AssertionError(f"nothing was sent to {path}, only {[request.path for request in self.requests]}")


@contextmanager
def receiving(
    status: int = 200, answer: bytes = b"{}", *, port: int = 0, tls: SSLContext | None = None, hold: threading.Event | None = None
) -> Generator[Receiver, None, None]:
    """Receives until the end of the block, and answers always the same, not before ``hold`` is set."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            encoding = self.headers.get("content-encoding", "identity")
            assert encoding in ("gzip", "identity"), encoding
            headers = {name.lower(): value for name, value in self.headers.items()}
            requests.append(Request(self.path, headers, gzip.decompress(body) if encoding == "gzip" else body))
            if hold is not None:
                hold.wait(60)
            self.answer()

        def answer(self) -> None:
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            with suppress(ConnectionError):  # who sends need not wait for it
                self.wfile.write(answer)

        do_GET = do_PUT = do_POST

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Receiver(server, requests, "http" if tls is None else "https")
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
