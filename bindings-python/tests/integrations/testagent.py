"""Datadog's own agent for tests, as it is, and with the endpoints for snapshots that it lacks."""

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
WITH_ENDPOINTS = (sys.executable, str(Path(__file__).with_name("testagent_program.py")))


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
