"""Requests to a program with capturing, and the same requests without: what was answered, and what was captured for each."""

from __future__ import annotations

import difflib
import http.client
import re
import signal
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Union

import pytest

from serving import PATIENCE, Server, serving
from support import Store

NAME = "X-Test"
"""Header by which a snapshot is known to belong to a request."""

TRACE = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}
TRACE_ID, SPAN_ID = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"

Request = Union[str, tuple[str, Mapping[str, str]]]
"""A path, or a path and headers."""


@dataclass
class Answer:
    """What came back, as it was on the wire but for the chunks."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes
    error: str = ""

    def plain(self, port: int) -> tuple[Any, ...]:
        """Without what differs from one run of the same program to the next."""
        body = self.body.replace(str(port).encode(), b"PORT")
        body = re.sub(rb"0x[0-9a-f]{6,}|\d{5,}|[A-Za-z0-9]{20}(?=\")", b"N", body)
        body = re.sub(rb"(?s)(STILLFRAME_ENABLED.{0,80}?(?:&#x27;|&#39;|'))[01]", rb"\1", body)
        body = re.sub(rb"\w{3}, \d{1,2} \w{3} \d{4} [\d:]+ [-+\w]+|server-N.log", b"TIME", body)
        headers = [
            (name, re.sub("=[^;]*", "=VALUE", value, count=1) if name.lower() == "set-cookie" else value)
            for name, value in self.headers
            if name.lower() not in ("date", "content-length")
        ]
        return self.status, self.reason, headers, body, self.error


@dataclass
class Run:
    """What a server has answered, and what was captured meanwhile."""

    answers: dict[str, Answer]
    snapshots: list[dict[str, Any]] = field(default_factory=list)
    output: str = ""
    port: int = 0

    def of(self, name: str) -> list[dict[str, Any]]:
        """The snapshots of one request."""
        return [snapshot for snapshot in self.snapshots if attributes(snapshot).get("http.request.header.x-test") == name]

    def one(self, name: str) -> dict[str, Any]:
        """The only snapshot of one request."""
        found = self.of(name)
        assert len(found) == 1, [(shot["exceptions"][0]["type"], shot["exceptions"][0]["mechanism"]) for shot in found]
        return found[0]

    def heads(self, name: str) -> list[tuple[str, str, bool]]:
        """Type, mechanism and handled of each snapshot of one request."""
        return [(head["type"], head["mechanism"], head["handled"]) for head in (shot["exceptions"][0] for shot in self.of(name))]

    def unclaimed(self) -> list[tuple[str, str]]:
        """Type and mechanism of what was captured outside any request that was sent."""
        heads = [shot["exceptions"][0] for shot in self.snapshots if "http.request.header.x-test" not in attributes(shot)]
        return [(head["type"], head["mechanism"]) for head in heads]


def attributes(snapshot: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a snapshot."""
    found: dict[str, Any] = snapshot.get("context", {}).get("attributes", {})
    return found


def ask(server: Server, name: str, request: Request) -> Answer:
    """Sends one request on a connection of its own, and reads what comes, to the end or to where the server breaks off."""
    path, headers = (request, {}) if isinstance(request, str) else request
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        connection.putrequest("GET", path)
        connection.putheader(NAME, name)
        for header, value in headers.items():
            connection.putheader(header, value)
        connection.endheaders()
        try:
            response = connection.getresponse()
        except http.client.HTTPException as error:
            return Answer(0, "", [], b"", type(error).__name__)
        try:
            body, problem = response.read(), ""
        except http.client.IncompleteRead as error:
            body, problem = error.partial, "IncompleteRead"
        return Answer(response.status, response.reason, response.getheaders(), body, problem)
    finally:
        connection.close()


def run(store: Store, command: list[str | Path], requests: Mapping[str, Request], **env: str | None) -> Run:
    """Starts a server, sends requests one after the other, and stops it."""
    with serving(store, *command, env={"PYTHONHASHSEED": "0", **env}) as server:
        answers = {name: ask(server, name, request) for name, request in requests.items()}
        output = server.stop(signal.SIGINT).out
    return Run(answers, store.snapshots(), output, server.port)


def both(folder: Path, files: Mapping[str, str], command: list[str | Path], requests: Mapping[str, Request], **env: str | None) -> Run:
    """Runs a program with capturing and without, and checks that every answer is the same."""
    programs = folder / "programs"
    programs.mkdir(parents=True)
    store = Store(folder / "store", programs)
    for name, text in files.items():
        store.write(name, text)
    without = run(store, command, requests, **{**env, "STILLFRAME_ENABLED": "0"})
    assert without.snapshots == []
    found = run(store, command, requests, **env)
    for name, answer in found.answers.items():
        one, other = answer.plain(found.port), without.answers[name].plain(without.port)
        if one != other:
            lines = [[*map(str, plain[:3]), *plain[3].decode(errors="replace").splitlines(), plain[4]] for plain in (other, one)]
            raise AssertionError("\n".join([name, *difflib.unified_diff(*lines, "without", "with", n=1, lineterm="")][:40]))
    return found


def folder_of(factory: pytest.TempPathFactory, name: str) -> Path:
    """A folder for a module's programs."""
    return factory.mktemp(name)
