"""Celery: a task that fails is captured where it fails, with the values of the task and everything below.

Celery tells of failures by its signals. What it logs, and what it sends to the parent process, has a copy of the traceback without
values, so the signal is the place. An error inside a task, whichever hook meets it, carries the task's name, id, queue and retries.
"""

from __future__ import annotations

import sys
from time import monotonic

from stillframe import _exit, _identity, _request
from stillframe._hooks.patch import Connection, Patch, observer
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Context
    from types import ModuleType
    from typing import Any

_traceback = BaseException.__dict__["__traceback__"].__get__
_cause = BaseException.__dict__["__cause__"].__get__
_context_of = BaseException.__dict__["__context__"].__get__
_mro = type.__dict__["__mro__"].__get__
_plain = object.__getattribute__  # what a task's class overrides is not run

_AGAIN = 60.0
"""Seconds within which the parent tells a second time of a task that took too long."""

_last: tuple[object, str] | None = None
"""The task that the parent has told of last, and what ended it."""
_last_time = 0.0

_said: dict[str, _request.Said] = {}
"""By the ids of the tasks that run."""


def patches(module: ModuleType) -> list[Patch]:
    """What is observed: signals of ``celery``, its stack of running tasks, and the end of a process of its pool."""
    if module.__name__ == "billiard.pool":
        return [Patch("workers", module.Worker, "_do_exit", before=_ended)]
    if module.__name__ == "celery._state":
        return [_tasks(module)]
    receivers = {
        "task_prerun": _begins,
        "task_postrun": _ends,
        "task_failure": _failed,
        "task_retry": _retried,
        "task_internal_error": _broken,
    }
    return [_receiver(getattr(module, name), receive) for name, receive in receivers.items() if hasattr(module, name)]


def _receiver(signal: Any, receive: Any) -> Patch:
    receiver = observer(receive)
    return Connection(
        "frameworks",
        signal,
        "send",
        lambda: signal.connect(receiver, weak=False, dispatch_uid="stillframe"),
        lambda: signal.disconnect(receiver, dispatch_uid="stillframe"),
    )


def _tasks(state: Any) -> Patch:
    def running(variables: Context | None) -> Task | None:
        task = None if variables is not None else state._task_stack.top
        request = None if task is None else _plain(task, "request_stack").top
        return None if request is None else Task(_plain(request, "__dict__"))

    def connect() -> None:
        if running not in _request.others:
            _request.others.insert(0, running)  # before the command that runs the worker

    def disconnect() -> None:
        if running in _request.others:
            _request.others.remove(running)

    return Connection("frameworks", state, "_task_stack", connect, disconnect)


class Task(_request.Request):
    """A task that runs: ``source`` has what its message tells, as a dictionary."""

    __slots__ = ()

    def read(self, facts: _request.Facts) -> None:
        """Reads what is of Celery, and the headers that the sender has added."""
        found = _request.texts(self.source)
        delivery = _request.texts(found.get("delivery_info"))
        facts.text("celery.task", found.get("task"))
        facts.text("celery.id", found.get("id"))
        facts.text("celery.queue", delivery.get("routing_key"))
        facts.number("celery.retries", found.get("retries"))
        facts.text("celery.root_id", found.get("root_id"))
        facts.text("celery.parent_id", found.get("parent_id"))
        facts.text("celery.worker", found.get("hostname"))
        added = _request.texts(found.get("headers"))
        wanted = {*_request.links(), "traceparent", "baggage"}
        for headers in (found, added):  # Celery puts them among the message's own, and some versions apart
            facts.headers((name.lower(), value) for name, value in headers.items() if type(value) is str and name.lower() in wanted)


def _begins(sender: Any = None, task_id: object = None, **more: object) -> None:
    """What the task says of its circumstances holds until it ends."""
    if type(task_id) is str:
        _said[task_id] = _request.begin_saying()


def _ends(sender: Any = None, task_id: object = None, **more: object) -> None:
    _request.end_saying(_said.pop(task_id, None) if type(task_id) is str else None)


def _failed(sender: Any = None, task_id: object = None, exception: Any = None, **more: object) -> None:
    """A task has failed for good, in this process or, when its process was lost, in another."""
    running = sys.exc_info()[1]
    if running is not None and running is not exception and _traceback(running) is _traceback(exception):
        # Celery has made another one that can be pickled, and logs that.
        met = _identity.remember(exception)
        if met is not None:
            met.captured = True
        exception = running
    if _traceback(exception) is None or _is_expected(sender, exception):
        return  # without a traceback, it has come from the process that the task failed in, where it was met
    told = _named(sender, task_id)
    if type(exception).__module__.startswith("billiard.") and _is_told_again(task_id, exception):
        return
    report(exception, None, "celery", handled=False, attributes=told)


def _is_told_again(task_id: object, exception: BaseException) -> bool:
    """Whether the parent has told of this: of a task that took too long, it tells twice."""
    global _last, _last_time
    now, before = monotonic(), _last_time
    told, last = _last, (task_id, type(exception).__name__)
    _last, _last_time = last, now
    return told == last and now - before < _AGAIN


def _retried(sender: Any = None, request: Any = None, reason: Any = None, **more: object) -> None:
    """A task has failed and will run again: what made it is an error that was handled."""
    cause = _plain(reason, "exc")
    if not issubclass(type(cause), BaseException) or _traceback(cause) is None:
        cause = _cause(reason) or _context_of(reason)
    if cause is not None and not _is_expected(sender, cause):
        report(cause, None, "celery", handled=True)


def _broken(sender: Any = None, task_id: object = None, request: Any = None, exception: Any = None, **more: object) -> None:
    """Something has failed around a task: a result that cannot be stored, an ``on_failure`` of the program."""
    running = Task(request)  # Celery has left it already
    running.begin()
    report(exception, None, "celery", handled=False, attributes=_named(sender, task_id))
    running.end()


def _is_expected(task: Any, error: BaseException) -> bool:
    """Whether it is no failure: the task declares it in ``throws``, or it is a way to tell the worker what to do."""
    kinds = _mro(type(error))
    throws = _plain(task, "throws")
    declared = throws if type(throws) is tuple else (throws,)
    predicate = sys.modules["celery.exceptions"].TaskPredicate
    return any(kind is predicate or any(kind is one for one in declared) for kind in kinds)


def _named(task: Any, task_id: object) -> dict[str, Any]:
    facts = {"celery.task": _plain(task, "name"), "celery.id": task_id}
    return {name: fact for name, fact in facts.items() if type(fact) is str}


def _ended(*args: object, **kwargs: object) -> None:
    _exit.store()  # it runs no exit handlers
