"""What most tests need: a store of its own, and programs that run with and without us.

The tests run against an installed wheel, in the interpreter that pytest runs in. Most programs run in a process of their own, because hooks,
exits and signals are what is tested.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import spool

TIMEOUT = 120
PATIENCE = 60
"""Seconds that something may take to happen; machines that run tests are slow."""
COMMAND = os.path.join(os.path.dirname(sys.executable), "stillframe")


EVERYTHING = {
    "STILLFRAME_GATE_RATE_PER_SECOND": "10000",
    "STILLFRAME_GATE_BURST": "10000",
    "STILLFRAME_GATE_SITE_FIRST": "4088",
    "STILLFRAME_LIMITS_SOFT_TIME": "1s",
    "STILLFRAME_LIMITS_HARD_TIME": "2s",
}
"""Settings under which no error is refused, and none cut because the machine was busy."""

PATIENT = f"from stillframe import _report; _report.DEADLINE = {PATIENCE}.0\n"
"""First line of a program whose end delivers something: it may take longer there than the two seconds that it has otherwise."""

DEFAULTS: dict[str, str | None] = dict.fromkeys(EVERYTHING)
"""Passed as an environment, takes them out again."""


@dataclass
class Result:
    """How a program ended."""

    status: int
    out: str
    err: str


@dataclass
class Store:
    """A store and the programs that write to it."""

    folder: Path
    programs: Path
    environment: dict[str, str] = field(default_factory=lambda: dict(EVERYTHING))
    timeout: float = TIMEOUT

    def env(self, **more: str | None) -> dict[str, str]:
        """The environment for a program: nothing of the surroundings that could change what it does."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if name == "STILLFRAME_FALLBACK" or not name.startswith(("STILLFRAME", "DD_", "PYTHON"))
        }
        merged: dict[str, str | None] = {**kept, "STILLFRAME_DIR": str(self.folder), **self.environment, **more}
        return {name: value for name, value in merged.items() if value is not None}

    def write(self, name: str, text: str) -> Path:
        """A program's file."""
        path = self.programs / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        return path

    def run(self, *command: str | Path, env: dict[str, str | None] | None = None, **options: Any) -> Result:
        """Runs a command to its end."""
        done = subprocess.run(
            [str(part) for part in command],
            env=self.env(**(env or {})),
            cwd=options.pop("cwd", self.programs),
            stdin=options.pop("stdin", subprocess.DEVNULL),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=self.timeout,
            **options,
        )
        return Result(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    def python(self, text: str, *arguments: str, env: dict[str, str | None] | None = None, options: tuple[str, ...] = ()) -> Result:
        """Runs a program from a file, as it is: what it captures, it asks for itself or by ``env``."""
        path = self.write("program.py", text)
        return self.run(sys.executable, *options, path, *arguments, env=env)

    def enabled(self, text: str, *arguments: str, env: dict[str, str | None] | None = None) -> Result:
        """Runs a program with capturing switched on by the environment."""
        return self.python(text, *arguments, env={"STILLFRAME_ENABLED": "1", **(env or {})})

    def snapshots(self) -> list[dict[str, Any]]:
        """Every snapshot in the store, oldest first, with what was learned of it later."""
        records = spool.records(self.folder)
        uncaught = {record.id: record.document for record in records if record.kind == spool.UNCAUGHT}
        found = [record for record in records if record.kind == spool.SNAPSHOT]
        for record in found:
            if record.id in uncaught:
                record.document["exceptions"][0].update(uncaught[record.id], handled=False)
        return [record.document for record in found]

    def processes(self) -> list[dict[str, Any]]:
        """What the processes said of themselves, oldest first."""
        return [record.document for record in spool.records(self.folder) if record.kind == spool.PROCESS]

    def errors(self) -> list[tuple[str, str, bool]]:
        """Type, mechanism and handled of each snapshot, oldest first."""
        heads = [snapshot["exceptions"][0] for snapshot in self.snapshots()]
        return [(head["type"], head["mechanism"], head["handled"]) for head in heads]


def eventually(holds: Callable[[], Any], what: str, process: subprocess.Popen[bytes] | None = None) -> Any:
    """Waits until something holds, and returns it. It cannot any more once the process has ended that it is about."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        ended = process is not None and process.poll() is not None
        found = holds()
        if found:
            return found
        assert not ended, f"the process has ended with {process.returncode if process else None}, and there was not: {what}"
        time.sleep(0.05)
    raise AssertionError(f"in {PATIENCE} seconds there was not: {what}")


def functions(snapshot: dict[str, Any]) -> list[str]:
    """The functions of the captured exception's frames, raising frame first."""
    return [snapshot["frames"][index]["function"] for index in snapshot["exceptions"][0]["frames"]]


def values(snapshot: dict[str, Any], frame: int = 0) -> dict[str, Any]:
    """Arguments and locals of a frame, by name: scalars as they are, anything else as its node."""
    shown = snapshot["frames"][snapshot["exceptions"][0]["frames"][frame]]
    nodes = {**shown.get("arguments", {}), **shown.get("locals", {})}
    return {name: node.get("value", node) for name, node in nodes.items()}
