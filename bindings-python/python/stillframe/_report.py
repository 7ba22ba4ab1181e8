"""Every error on its way to the native module passes here: the call of the program, and what the hooks meet."""

from __future__ import annotations

import sys

from stillframe import _context, _failures, _identity
from stillframe._runtime import native
from stillframe._snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Context
    from types import TracebackType
    from typing import Any

ending = False
"""The process is ending: what is captured now must be stored at once, nobody will do it later."""

_DEADLINE = 2.0
_INTERRUPTS = (KeyboardInterrupt, SystemExit, GeneratorExit)
_SIGNALS = (StopIteration, StopAsyncIteration)


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
        _failures.out_of_stack += 1
    except BaseException as failure:
        if not _failures.is_ours(failure):
            raise
        _failures.count(failure)
    return None


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
                native.flush(_DEADLINE)
    except RecursionError:
        _failures.out_of_stack += 1
    except BaseException as failure:
        if not _failures.is_ours(failure):
            raise
        _failures.count(failure)


def _is_cancellation(kind: type[BaseException]) -> bool:
    """Whether exceptions of a class cancel a task: ``asyncio`` need not be imported for it, and servers log them."""
    return not issubclass(kind, Exception) and kind.__name__ in ("CancelledError", "Cancelled")


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
    met = _identity.remember(error)
    if met is not None:
        met.captured = True
        if handled:
            met.handled_as.append(snapshot.id)
    return Snapshot(snapshot)
