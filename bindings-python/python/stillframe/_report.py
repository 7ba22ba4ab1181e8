"""Every error on its way to the native module passes here: the call of the program, and what the hooks meet."""

from __future__ import annotations

import sys

from stillframe import _context, _failures, _identity
from stillframe._runtime import native
from stillframe._snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from types import TracebackType
    from typing import Any

ending = False
"""The process is ending: what is captured now must be stored at once, nobody will do it later."""

DEADLINE = 2.0
"""Seconds that the end of the process waits for what was captured."""

captured: Callable[[], None] | None = None
"""Called when an error was captured, once: somebody starts to work with the first one."""

delivered: Callable[[float], bool] | None = None
"""Waits until functions of the program have had every snapshot, as long as it is told; whether they had in time."""

_KEPT = 32
_INTERRUPTS = (KeyboardInterrupt, SystemExit, GeneratorExit)
_traceback: Callable[[BaseException], TracebackType | None] = BaseException.__dict__["__traceback__"].__get__
_SIGNALS = (StopIteration, StopAsyncIteration)
_kept: dict[str, Snapshot] = {}
_keeping = False


def capture(exc: BaseException | None = None, *, limited: bool = False) -> Snapshot | None:
    """Captures an exception: its frames with the values that they have now.

    Call it in the ``except`` block, where the values are still those of the failure. It runs no code of the program and never raises.

    Args:
        exc: the exception; the one that is being handled when left out.
        limited: whether it counts against the limits of how often an error is captured, as errors do that the hooks meet. Of an error
            that was captured before, such a call captures nothing.

    Returns:
        The snapshot; ``None`` when there is no exception, capturing is not on, or a limit refused it.
    """
    try:
        error = sys.exc_info()[1] if exc is None else exc
        if error is None or not issubclass(type(error), BaseException):
            return None
        return _capture(error, None, "capture", handled=True, limited=limited, again=not limited)
    except RecursionError:
        _failures.out_of_stack[0] += 1
    except BaseException as failure:
        if not _failures.is_ours(failure):
            raise
        _failures.count(failure)
    return None


def flush(timeout: float) -> bool:
    """Waits until everything captured so far is stored and handed to whoever gets it. Whether it was in time.

    Args:
        timeout: seconds to wait at most.
    """
    if delivered is None:
        return native.flush(timeout)
    from time import monotonic

    deadline = monotonic() + timeout
    stored = native.flush(timeout)
    return delivered(max(deadline - monotonic(), 0.0)) and stored


def report(
    error: BaseException | None,
    traceback: TracebackType | None,
    mechanism: str,
    *,
    handled: bool,
    limited: bool = True,
    attributes: dict[str, Any] | None = None,
    variables: Context | None = None,
) -> None:
    """Captures an error that a hook met, unless it was captured before or is none (a program that was interrupted or told to exit).

    Raises nothing but what a signal handler of the program raised meanwhile.

    Args:
        error: what the hook was given.
        traceback: its traceback; the exception's own when ``None``.
        mechanism: the hook's name in the snapshot.
        handled: whether the program goes on as if nothing had happened.
        limited: whether limits apply.
        attributes: what the hook knows besides.
        variables: the context variables of the task that failed, when it is not the one that runs.
    """
    try:
        kind = type(error)
        if error is not None and issubclass(kind, BaseException) and not issubclass(kind, _INTERRUPTS) and not _is_cancellation(kind):
            _capture(error, traceback, mechanism, handled=handled, limited=limited, attributes=attributes, variables=variables)
            if ending:
                native.flush(DEADLINE)
    except RecursionError:
        _failures.out_of_stack[0] += 1
    except BaseException as failure:
        if not _failures.is_ours(failure):
            raise
        _failures.count(failure)


def keep_snapshots() -> None:
    """Has the last few snapshots kept, so that a tool that meets an error after a hook has captured it can have its values."""
    global _keeping
    _keeping = True


def snapshot_of(
    error: BaseException,
    traceback: TracebackType | None,
    mechanism: str,
    *,
    handled: bool,
    limited: bool = True,
    attributes: dict[str, Any] | None = None,
) -> Snapshot | None:
    """The snapshot of an error that another tool reports: the one that a hook took of it before, or one that is taken now.

    Needs ``keep_snapshots``; without, or when many others came since, an error that was captured before is captured again. The other
    arguments are those of ``report``; it raises what ``report`` raises.
    """
    try:
        met = _identity.find(error)
        kept = None if met is None or met.snapshot is None else _kept.get(met.snapshot)
        again = kept is None and met is not None and met.captured
        taken = _capture(error, traceback, mechanism, handled=handled, limited=limited, again=again, attributes=attributes)
        if ending:
            native.flush(DEADLINE)
        return taken if kept is None else kept
    except RecursionError:
        _failures.out_of_stack[0] += 1
    except BaseException as failure:
        if not _failures.is_ours(failure):
            raise
        _failures.count(failure)
    return None


def _is_cancellation(kind: type[BaseException]) -> bool:
    """Whether exceptions of a class cancel a task: ``asyncio`` need not be imported for it, and servers log them."""
    return not issubclass(kind, Exception) and _failures.type_name(kind) in ("CancelledError", "Cancelled")


def below(error: BaseException) -> TracebackType | None:
    """The traceback without the frame that has caught the error, where that is one of our own."""
    outermost = _traceback(error)
    return None if outermost is None else outermost.tb_next


def is_error(error: BaseException) -> bool:
    """Whether an exception that passes through code is an error, rather than a way to end a loop, a generator, a task or the program."""
    return issubclass(type(error), Exception) and not issubclass(type(error), _SIGNALS)


def _capture(
    error: BaseException,
    traceback: TracebackType | None,
    mechanism: str,
    *,
    handled: bool,
    limited: bool,
    again: bool = False,
    attributes: dict[str, Any] | None = None,
    variables: Context | None = None,
) -> Snapshot | None:
    met = None if again else _identity.find(error)
    if met is not None and met.captured:
        if not handled:
            while met.handled_as:
                native.mark_uncaught(met.handled_as.pop(), mechanism)
        return None
    context = _context.of(error, variables, attributes)
    snapshot = native.capture(error, traceback, limited, handled, mechanism, context)
    if snapshot is None:
        return None
    if captured is not None:
        captured()
    met = _identity.remember(error)
    taken = Snapshot(snapshot)
    if met is not None:
        met.captured = True
        met.snapshot = snapshot.id
        if handled:
            met.handled_as.append(snapshot.id)
        if _keeping:
            while len(_kept) >= _KEPT:
                _kept.pop(next(iter(_kept)), None)
            _kept[snapshot.id] = taken
    return taken
