"""Functions of the program that are handed snapshots: ``stillframe.on_snapshot``.

They are called one after the other on a thread of their own, which is started when the first error is captured and waits, without the
GIL, on the box into which the native background thread puts what it has finished. It is ended before the interpreter is.

The thread is one of the operating system, under gevent and eventlet too: there, waiting would stop every greenlet of its thread.
"""

from __future__ import annotations

import os
import sys
from time import monotonic
from types import CodeType

from stillframe import _failures, _report
from stillframe._runtime import native
from stillframe._snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from stillframe import _native

    Function = Callable[[Snapshot], object]

MECHANISM = "on_snapshot"
_NO_PLAIN_FUNCTION = 0x20 | 0x80 | 0x200  # generators, coroutines, asynchronous generators: calling one runs nothing
_NAME_LENGTH = 80

_subscriptions: list[Subscription] = []
_start_thread: Callable[..., object] | None = None
_given: Subscription | None = None


class Subscription:
    """What ``on_snapshot`` returns: calls like the function, and takes it out again.

    As a context manager it hands over what was captured in the block before it takes the function out.
    """

    __slots__ = ("__wrapped__", "_told")

    def __init__(self, function: Function) -> None:
        """Takes the function; ``on_snapshot`` is what has it called."""
        self.__wrapped__ = function
        self._told = False

    def __call__(self, snapshot: Snapshot) -> object:
        """Calls the function."""
        return self.__wrapped__(snapshot)

    def remove(self) -> None:
        """Has the function not called any more. Doing it twice does nothing."""
        try:
            _subscriptions.remove(self)
        except ValueError:
            return
        if not _subscriptions:
            native.listen(False)

    def __enter__(self) -> Subscription:
        """The block begins."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """The block ends: what was captured in it is handed over, within two seconds."""
        _report.flush(_report.DEADLINE)
        self.remove()

    def __repr__(self) -> str:
        return f"<stillframe.Subscription of {_name(self.__wrapped__)}>"


def on_snapshot(function: Function) -> Subscription:
    """What ``stillframe.on_snapshot`` does."""
    global _start_thread
    if isinstance(function, Subscription):
        function = function.__wrapped__
    if not callable(function):
        raise TypeError(f"on_snapshot takes a function, not {type(function).__name__}")
    if _flags(function) & _NO_PLAIN_FUNCTION:
        raise TypeError(f"on_snapshot takes a plain function: {_name(function)} is a coroutine or a generator, and calling it runs nothing")
    if _start_thread is None:
        _start_thread = _of_the_system()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_after_fork)
    subscription = Subscription(function)
    _subscriptions.append(subscription)
    native.listen(True)
    _report.captured = _begin
    _report.delivered = _deliver
    return subscription


def configured(function: object) -> None:
    """Has the function called that ``install`` was given, and not the one that it was given before.

    Args:
        function: ``None`` for none.
    """
    global _given
    before, _given = _given, None if function is None else on_snapshot(function)  # type: ignore[arg-type]
    if before is not None:
        before.remove()


def end(timeout: float) -> None:
    """Ends the thread. What waits still is dropped and counted.

    Args:
        timeout: seconds to wait for it.
    """
    native.close_deliveries(timeout)
    if _subscriptions:
        _report.captured = _begin  # when capturing is switched on again


def _begin() -> None:
    """Starts the thread, once: the first error was captured."""
    _report.captured = None
    place = native.claim_deliveries()
    if place is not None and not _start(place):
        place.leave()


def _start(place: _native.Deliveries) -> bool:
    try:
        if _start_thread is None:
            return False
        _start_thread(_work, (place,))
    except RuntimeError as failure:  # too many threads, or the interpreter ends
        if not _report.ending:
            _failures.note(f"no thread for the functions given to stillframe.on_snapshot: {failure}; they are called when the process ends")
        return False
    return True


def _deliver(timeout: float) -> bool:
    """Waits until the functions have had everything. Whether they had in time.

    Where there is no thread and none can be started any more, they are called here.
    """
    deadline = monotonic() + timeout
    place = native.claim_deliveries()
    if place is not None and not _start(place):
        try:
            taken = place.take(wait=False)
            while taken is not None:
                _hand(Snapshot(taken))
                taken = place.take(wait=False) if monotonic() < deadline else None
        finally:
            place.leave()
    return native.drain_deliveries(max(deadline - monotonic(), 0.0))


def _work(place: _native.Deliveries) -> None:
    """The thread: until it is told to end."""
    process = os.getpid()
    try:
        taken = place.take()
        while taken is not None:
            _hand(Snapshot(taken))
            del taken
            if os.getpid() != process:
                return  # a function has forked: this is the child
            taken = place.take()
    except BaseException as failure:
        _failures.count(failure)
    finally:
        place.leave()


def _hand(snapshot: Snapshot) -> None:
    """Calls every function. What one raises is counted, told once, and captured like any other error that the program handles."""
    process = os.getpid()
    for subscription in tuple(_subscriptions):
        try:
            subscription.__wrapped__(snapshot)
        except BaseException as failure:
            native.count_callback(False)
            _tell(subscription, failure)
        else:
            native.count_callback(True)
        if os.getpid() != process:
            return


def _tell(subscription: Subscription, failure: BaseException) -> None:
    try:
        _report.report(failure, _report.below(failure), MECHANISM, handled=True)
        if not subscription._told:
            subscription._told = True
            kind = _failures.type_name(type(failure))
            native.notice(f"{_name(subscription.__wrapped__)}, given to stillframe.on_snapshot, failed: {kind} (stillframe list shows it)")
        if _failures.tell and sys.__stderr__ is not None:
            from traceback import format_exception

            sys.__stderr__.write("".join(["stillframe: ", *format_exception(type(failure), failure, failure.__traceback__)]))
    except BaseException as ours:
        _failures.count(ours)


def _after_fork() -> None:
    """The child has no thread. It gets one when it captures."""
    if _subscriptions:
        _report.captured = _begin


def _flags(function: object) -> int:
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    flags = getattr(code, "co_flags", 0)
    return flags if type(flags) is int else 0


def _name(function: object) -> str:
    """The function's name and where it is, if it says so."""
    name = getattr(function, "__qualname__", None)
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    line = f" ({os.path.basename(code.co_filename)}:{code.co_firstlineno})" if isinstance(code, CodeType) else ""
    return (name if type(name) is str else type(function).__name__)[:_NAME_LENGTH] + line


def _of_the_system() -> Callable[..., object]:
    """What starts a thread of the operating system, whatever stands in its place."""
    import _thread

    start: Callable[..., object] = _thread.start_new_thread
    if type(start) is type(len):
        return start
    gevent = sys.modules.get("gevent.monkey")
    if gevent is not None and gevent.is_object_patched("_thread", "start_new_thread"):
        start = gevent.get_original("_thread", "start_new_thread")
    elif "eventlet.patcher" in sys.modules:
        start = sys.modules["eventlet.patcher"].original("_thread").start_new_thread
    return start
