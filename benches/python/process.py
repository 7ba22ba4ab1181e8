"""What a process pays before anything fails: import, memory, files."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any, Callable

ENABLED = "import stillframe; stillframe.install()"
RESIDENT = """
import os
def pages():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1])
def fail():
    values = list(range(50))
    raise ValueError("no receipt")
before = pages()
import stillframe
stillframe.install(summary=False)
for _ in range(3):
    try:
        fail()
    except ValueError as error:
        stillframe.capture(error)
stillframe.flush()
print((pages() - before) * os.sysconf("SC_PAGE_SIZE"))
"""


def rows(row: Callable[..., None], most: Callable[..., dict[str, Any]], runs: int, wheel: str | None) -> None:
    """Prints them by ``row``."""
    programs = {
        "bare": "pass",
        "import": "import stillframe",
        "install": ENABLED,
        "sentry": "import sentry_sdk",
        "ddtrace": "import ddtrace",
    }
    times: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(runs):
        for name, program in programs.items():
            times[name].append(processor_ms(program))
    added = {name: statistics.median(a - b for a, b in zip(spent, times["bare"])) for name, spent in times.items()}
    row(
        "process",
        "Python: import stillframe",
        added["import"],
        "ms",
        against="import sentry_sdk",
        against_value=added["sentry"],
        target=most(5.0),
    )
    row("process", "Python: import and install", added["install"], "ms", against="import ddtrace", against_value=added["ddtrace"])
    resident = [int(subprocess.check_output([sys.executable, "-c", RESIDENT])) for _ in range(5)]
    row("process", "Python: memory after 3 captures", statistics.median(resident) / 1e6, "MB", target=most(5.0))
    folder = Path(sysconfig.get_path("platlib")) / "stillframe"
    native = next(folder.glob("_native*.so"))
    row("size", "the extension, as installed", native.stat().st_size / 1e6, "MB", target=most(3.0))
    if wheel:
        row("size", "the wheel", os.stat(wheel).st_size / 1e6, "MB", target=most(4.0))


def processor_ms(program: str) -> float:
    """Processor time of a Python that runs the program."""
    child = subprocess.Popen([sys.executable, "-c", program])
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise SystemExit(f"failed: {program}")
    return (usage.ru_utime + usage.ru_stime) * 1e3
