"""Servers that tests talk to over HTTP: started as people start them, with capturing on, and stopped as an operator stops them."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support import PATIENCE, Result, Store, eventually

__all__ = ["PATIENCE", "Response", "Server", "end", "eventually", "free_port", "serving"]


@dataclass
class Response:
    """What a server answered."""

    status: int
    body: str
    headers: dict[str, str]


class Server:
    """A running server."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, output: Path) -> None:
        self.process = process
        self.port = port
        self.output = output

    def get(self, path: str, headers: dict[str, str] | None = None, method: str = "GET", body: bytes | str | None = None) -> Response:
        """One request on a connection of its own. Raises what ``http.client`` raises when the server ends the connection."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            answer = connection.getresponse()
            return Response(answer.status, answer.read().decode(errors="replace"), dict(answer.getheaders()))
        finally:
            connection.close()

    def wait(self) -> None:
        """Waits until it listens."""
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended with {self.process.returncode}:\n{self.text()}")
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise AssertionError(f"the server does not listen:\n{self.text()}")

    def stop(self, how: int = signal.SIGTERM) -> Result:
        """Stops it and waits for its end."""
        if self.process.poll() is None:
            self.process.send_signal(how)
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the server did not stop:\n{self.text()}") from None
        return Result(self.process.returncode, self.text(), "")

    def text(self) -> str:
        """What it has written so far, on both streams."""
        return self.output.read_text(errors="replace")


def free_port() -> int:
    """A port that nobody uses now."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def end(process: subprocess.Popen[bytes]) -> None:
    """Ends what leads a session of its own, and the workers that it has left."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


@contextmanager
def serving(store: Store, *command: str | Path, env: dict[str, str | None] | None = None, **options: Any) -> Generator[Server, None, None]:
    """Runs a server with capturing on, in the folder of the store's programs.

    Args:
        store: where it writes snapshots.
        command: what to run, without the interpreter: ``"-m", "uvicorn", ...``; ``{port}`` in it is replaced.
        env: changes of its environment; ``STILLFRAME_ENABLED=None`` takes capturing out.
        options: of ``subprocess.Popen``.
    """
    port = free_port()
    output = store.programs / f"server-{port}.log"
    arguments = [str(part).replace("{port}", str(port)) for part in command]
    with output.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=store.programs,
            env=store.env(**{"STILLFRAME_ENABLED": "1", "PYTHONUNBUFFERED": "1", **(env or {})}),
            stdin=subprocess.DEVNULL,
            stdout=stream,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **options,
        )
    server = Server(process, port, output)
    try:
        server.wait()
        yield server
    finally:
        end(process)
