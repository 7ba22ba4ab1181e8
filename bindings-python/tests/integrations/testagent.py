"""Datadog's own agent for tests. It has no endpoints for snapshots; started as a program, it has them, and keeps what comes like all else."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Generator
from pathlib import Path
from typing import Any

from agent import DIAGNOSTICS, V2

from serving import PATIENCE, free_port

PLAIN = (os.path.join(os.path.dirname(sys.executable), "ddapm-test-agent"),)
WITH_ENDPOINTS = (sys.executable, __file__)


@contextlib.contextmanager
def test_agent(log: Path, command: tuple[str, ...] = PLAIN, **env: str) -> Generator[str, None, None]:
    """Runs it on a port of its own, and gives its address."""
    ports = [str(free_port()) for _ in range(3)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [*command, "--port", ports[0], "--otlp-http-port", ports[1], "--otlp-grpc-port", ports[2], "--web-ui-port", "0"],
            stdout=output,
            stderr=output,
            cwd=log.parent,
            env={**os.environ, **env},
        )
    try:
        url = f"http://127.0.0.1:{ports[0]}"
        until = time.monotonic() + PATIENCE
        while True:
            try:
                urllib.request.urlopen(f"{url}/info", timeout=PATIENCE).read()
                break
            except (urllib.error.URLError, OSError):
                assert process.poll() is None and time.monotonic() < until, log.read_text()
                time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(PATIENCE)


test_agent.__test__ = False  # type: ignore[attr-defined]


def listing(*endpoints: str) -> dict[str, str]:
    """The environment in which its ``/info`` lists these."""
    return {"DD_AGENT_EXTRA_INFO": json.dumps({"endpoints": ["/v0.4/traces", *endpoints]})}


def received(url: str) -> list[tuple[str, dict[str, str], Any]]:
    """What it was sent of snapshots: path and query, headers, body."""
    answer = urllib.request.urlopen(f"{url}/test/session/requests", timeout=PATIENCE).read()
    found = []
    for request in json.loads(answer):
        if V2 in request["url"] or DIAGNOSTICS in request["url"]:
            headers = {name.lower(): value for name, value in request["headers"].items()}
            found.append((request["url"], headers, json.loads(base64.b64decode(request["body"]))))
    return found


def main() -> None:
    from aiohttp import web
    from ddapm_test_agent import agent

    plain = agent.make_app

    def make_app(*args: Any, **options: Any) -> web.Application:
        app = plain(*args, **options)
        handlers = (getattr(route.handler, "__self__", None) for route in app.router.routes())
        own = next(handler for handler in handlers if isinstance(handler, agent.Agent))

        async def take(request: web.Request) -> web.Response:
            await own._store_request(request)
            return web.Response(status=202)

        app.router.add_post(V2, take)
        app.router.add_post(DIAGNOSTICS, take)
        return app

    agent.make_app = make_app
    agent.main()


if __name__ == "__main__":
    main()
