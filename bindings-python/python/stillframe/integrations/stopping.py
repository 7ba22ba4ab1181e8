"""Servers that end a process of their own.

uvicorn stops gracefully and then raises the signal that has stopped it once more, past all exit handlers: what was captured is stored
before that. gunicorn aborts a worker that takes too long: what it was doing is captured, as if an error had been raised there.
"""

from __future__ import annotations

from types import TracebackType

from stillframe import _exit, _failures, _places, _report
from stillframe._hooks.patch import Layer, Patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import FrameType, ModuleType
    from typing import Any


class WorkerTimeout(Exception):  # noqa: N818 - as gunicorn's log calls it
    """A worker of gunicorn did not answer for as long as ``--timeout`` says. Nobody raises it: it stands for what was aborted."""


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: the last that uvicorn does before it raises the signal, and what gunicorn's signal for a time-out runs."""
    if module.__name__ == "gunicorn.workers.base":
        return [Patch("frameworks", module.Worker, "handle_abort", before=_aborted)]
    return [Patch("always", module.Server, "shutdown", wrap=_wrap)]


def _aborted(self: Any, sig: int, frame: FrameType | None) -> None:
    traceback: TracebackType | None = None
    while frame is not None:
        traceback = TracebackType(traceback, frame, frame.f_lasti, _places.line(frame.f_code, frame.f_lasti, frame.f_lineno))
        frame = frame.f_back
    error = WorkerTimeout(f"gunicorn has aborted this worker: it did not answer for {self.cfg.timeout} s")
    _report.report(error, traceback, "gunicorn", handled=False)
    _exit.store()  # it will soon be killed


def _wrap(layer: Layer) -> Any:
    original = layer.original

    async def shutdown(*args: Any, **kwargs: Any) -> Any:
        try:
            return await original(*args, **kwargs)
        finally:
            if layer.active:
                try:
                    _exit.store()
                except Exception as failure:
                    _failures.count(failure)

    return shutdown
