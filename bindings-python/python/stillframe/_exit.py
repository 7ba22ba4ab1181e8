"""The end of the process: what was captured is stored, and after ``stillframe run`` a person is told.

Exit handlers run last in, first out, after all threads but daemons have ended. Ours is in early (first, under ``stillframe run``), so it
runs after those of the program; what fails later still (finalizers, daemon threads) is stored as soon as it is captured.
"""

from __future__ import annotations

import os
import sys

from stillframe import _failures, _report
from stillframe._runtime import native

_GRACE = 0.2
_registered = False
_last = False
_summary_in: int | None = None


def register(*, last: bool) -> None:
    """Has the end of the process noticed.

    Args:
        last: whether the error that ended the program is captured there if no hook met it.
    """
    global _registered, _last
    _last = last
    if not _registered:
        import atexit

        _registered = True
        atexit.register(_at_exit)


def print_summary() -> None:
    """Has a summary printed at the end of this process, not of those that it forks."""
    global _summary_in
    _summary_in = os.getpid()


def store() -> None:
    """Waits until what was captured is stored and handed over, as long as the end of a process may.

    Not for what other processes left to be sent: that waits in files.
    """
    if native.has_captured():
        _report.flush(_report.DEADLINE)


def _at_exit() -> None:
    try:
        _report.ending = True
        if _last:
            _capture_last()
        store()
        if _report.delivered is not None:
            _end_deliveries()
        if _summary_in == os.getpid():
            _write(native.summary(*_terminal()))
    except Exception as failure:
        _failures.count(failure)


def _end_deliveries() -> None:
    """Ends the thread that functions of the program are called on, before the interpreter does, and stores how it went."""
    from stillframe import _callbacks

    _callbacks.end(_GRACE)
    native.flush(_GRACE)


def _capture_last() -> None:
    """Captures the error that ends the program if no hook met it: some programs replace ``sys.excepthook`` and do not call ours."""
    error = getattr(sys, "last_value", None)
    if error is not None:
        _report.report(error, None, "excepthook", handled=False, limited=False)


def _terminal() -> tuple[int, bool, bool]:
    """Width of the terminal behind standard error, whether it shall have colours, and whether it can show all of Unicode."""
    encoding = getattr(sys.__stderr__, "encoding", None) or ""
    unicode = encoding.lower().replace("-", "") == "utf8"
    try:
        width = os.get_terminal_size(2).columns
    except OSError:
        return 80, False, unicode
    colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    return width or 80, colour, unicode


def _write(text: str) -> None:
    """Writes to the standard error that the process began with, after all that the program wrote there."""
    if not text:
        return
    if sys.stderr is not None:
        sys.stderr.flush()
    stream = sys.__stderr__
    if stream is not None and not stream.closed:
        stream.write(text)
        stream.flush()
