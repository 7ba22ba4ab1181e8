"""Requests per second and the slowest of a hundred, of servers with and without Stillframe: one JSON object per row on standard output.

``load.py [--quick]``. All variants of a server run at once, each in a process of its own, and are loaded in turns by ``wrk``: a
ratio compares neighbours in time. Everything is as it comes: default limits, the store on the disk, tracebacks logged (to nowhere).
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
CONNECTIONS = 16
VARIANTS = {
    "without": {"TRACER": "none"},
    "stillframe": {"TRACER": "none", "STILLFRAME_ENABLED": "1"},
    "sentry": {"TRACER": "sentry"},
}
SERVERS = {
    "FastAPI on uvicorn": ["-m", "uvicorn", "--port", "{port}", "--no-access-log", "shop:fastapi_app"],
    "Flask on gunicorn gthread": ["-m", "gunicorn", "-b", "127.0.0.1:{port}", "-k", "gthread", "--threads", "8", "shop:flask_app"],
}
SHARES = {"1 % fail": 100, "all fail": 1}
BOUNDS = {"rate": {"least": 0.95}, "p99": {"most": 1.10}, "cpu": {"most": 1.05}}
UNITS = {"us": 1e-3, "ms": 1.0, "s": 1e3}
Sample = dict[str, float]


def row(title: str, value: float, unit: str, **more: Any) -> None:
    """Prints one."""
    print(json.dumps({"stage": "load", "row": title, "value": value, "unit": unit, **more}), flush=True)


@contextmanager
def server(command: list[str], environment: dict[str, str], processor: str | None) -> Generator[tuple[int, int], None, None]:
    """Runs a server, and gives its port and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pinned = ["taskset", "-c", processor] if processor else []
    process = subprocess.Popen(
        [*pinned, sys.executable, *(part.replace("{port}", str(port)) for part in command)],
        cwd=HERE,
        env={**{name: value for name, value in os.environ.items() if not name.startswith(("STILLFRAME", "DD_"))}, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            if process.poll() is not None:
                raise SystemExit(f"load: the server ended with {process.returncode}: {' '.join(command)}")
            time.sleep(0.05)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def processor_seconds(process: int) -> float:
    """Processor time of a process and the workers that it has now."""
    ticks = 0
    for pid in (process, *map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split())):
        ticks += sum(map(int, Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]))
    return ticks / os.sysconf("SC_CLK_TCK")


def load(port: int, process: int, seconds: int, processor: str | None) -> Sample:
    """Loads a server; requests per second, 99th percentile and processor time of a request in milliseconds, and the share that failed."""
    pinned = ["taskset", "-c", processor] if processor else []
    url = f"http://127.0.0.1:{port}/cart/17"
    before = processor_seconds(process)
    out = subprocess.check_output(
        [*pinned, "wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s", "--latency", url], text=True, stderr=subprocess.STDOUT
    )
    requests = max(int(found(r"(\d+) requests in", out)[0]), 1)
    slowest, unit = found(r"99%\s+([\d.]+)(us|ms|s)", out)
    failed = re.search(r"Non-2xx or 3xx responses: (\d+)", out)
    return {
        "rate": float(found(r"Requests/sec:\s+([\d.]+)", out)[0]),
        "cpu": (processor_seconds(process) - before) / requests * 1e3,
        "p99": float(slowest) * UNITS[unit],
        "failed": int(failed.group(1)) / requests if failed else 0.0,
    }


def found(pattern: str, text: str) -> tuple[str, ...]:
    """What wrk says."""
    match = re.search(pattern, text)
    if match is None:
        raise SystemExit(f"load: wrk said nothing of {pattern!r}:\n{text}")
    return match.groups()


def measure(command: list[str], every: int, rounds: int, seconds: int) -> tuple[dict[str, list[Sample]], int]:
    """Samples of each variant, taken in turns, and how many snapshots were stored."""
    processors = sorted(os.sched_getaffinity(0))
    serving, loading = (str(processors[0]), str(processors[1])) if len(processors) > 1 else (None, None)
    samples: dict[str, list[Sample]] = {name: [] for name in VARIANTS}
    with tempfile.TemporaryDirectory(prefix="stillframe-load-") as folder, ExitStack() as stack:
        servers: dict[str, tuple[int, int]] = {}
        for name, environment in VARIANTS.items():
            environment = {**environment, "FAIL_EVERY": str(every), "STILLFRAME_DIR": folder}
            servers[name] = stack.enter_context(server(command, environment, serving))
        for one in servers.values():
            load(*one, 1, loading)  # everything is imported, and the first errors are captured
        for turn in range(rounds):
            names = list(servers)
            for name in names[turn % len(names) :] + names[: turn % len(names)]:
                samples[name].append(load(*servers[name], seconds, loading))
        stack.close()
        listing = str(Path(sys.executable).with_name("stillframe"))
        listed = subprocess.check_output([listing, "list", "--json"], env={**os.environ, "STILLFRAME_DIR": folder})
        kept = sum(issue["kept"] for issue in json.loads(listed)["issues"])
    for name, taken in samples.items():
        share = statistics.median(sample["failed"] for sample in taken)
        if not 0.5 / every <= share <= 1.5 / every:
            raise SystemExit(f"load: {share:.2%} of the requests failed, 1 in {every} was meant to ({name})")
    if not kept:
        raise SystemExit("load: nothing was captured")
    return samples, kept


def main() -> None:
    """Prints the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    quick = parser.parse_args().quick
    rounds, seconds = (2, 1) if quick else (9, 3)
    for title, command in SERVERS.items():
        for share, every in SHARES.items():
            samples, kept = measure(command, every, rounds, seconds)
            for key, unit, what in (("rate", "requests/s", "requests"), ("p99", "ms", "p99"), ("cpu", "ms", "processor time of one")):
                for variant in ("stillframe", "sentry"):
                    pairs = list(zip(samples[variant], samples["without"]))
                    ratio = statistics.median(ours[key] / theirs[key] for ours, theirs in pairs)
                    more: dict[str, Any] = {"against": "without", "ratio": ratio}
                    more["against_value"] = statistics.median(theirs[key] for _, theirs in pairs)
                    if variant == "stillframe" and every > 1:
                        more["target"] = {"of": "ratio", **BOUNDS[key]}
                        more["note"] = f"{kept} snapshots stored"
                    name = "" if variant == "stillframe" else " (sentry-sdk)"
                    row(f"{title}, {share}: {what}{name}", statistics.median(ours[key] for ours, _ in pairs), unit, **more)


if __name__ == "__main__":
    main()
