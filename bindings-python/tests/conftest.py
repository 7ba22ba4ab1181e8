"""Fixtures of all tests, and what a skipped one means."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from support import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A store in a folder of its own, and a folder for programs."""
    programs = tmp_path / "programs"
    programs.mkdir()
    return Store(tmp_path / "store", programs)


def pytest_configure(config: pytest.Config) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell starts what it runs in the background like that
        signal.signal(signal.SIGINT, signal.default_int_handler)
    config.addinivalue_line("markers", "fast(major, minor): what the fallback walker cannot promise, before this version or ever")
    config.addinivalue_line("markers", "since(major, minor): tests what this Python has; on older ones there is nothing to test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out tests of what this Python does not have. A test that is skipped, on the other hand, lacks something."""
    here = [item for item in items if all(sys.version_info >= mark.args for mark in item.iter_markers("since"))]
    if os.environ.get("STILLFRAME_FALLBACK"):
        here = [item for item in here if not any(sys.version_info < (mark.args or (4,)) for mark in item.iter_markers("fast"))]
    config.hook.pytest_deselected(items=[item for item in items if item not in here])
    items[:] = here


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, None, None]:
    """With ``STRICT`` in the environment, nothing may be skipped."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]
    if report.skipped and os.environ.get("STRICT") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
