"""RQ: a job that fails is captured where the worker takes note of it; what it logs is text. What fails in a job carries the job.

Each job runs in a process of its own, which ends past all exit handlers: what was captured is stored when the job has ended.
"""

from __future__ import annotations

from stillframe import _exit, _request
from stillframe._hooks.patch import Connection, Patch
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Context
    from types import ModuleType
    from typing import Any


_said: dict[int, _request.Said] = {}
"""By the workers."""


def patches(module: ModuleType) -> list[Patch]:
    """What is observed: the stack of running jobs, and the worker."""
    if module.__name__ == "rq.job":
        return [_jobs(module)]
    worker = vars(module).get("BaseWorker") or vars(module).get("Worker")
    return [
        Patch("frameworks", worker, "handle_exception", before=_failed),
        Patch("frameworks", worker, "prepare_job_execution", before=_begins),
        Patch("workers", worker, "perform_job", after=_ended),
    ]


def _jobs(module: Any) -> Patch:
    stack, variable = vars(module).get("_job_stack"), vars(module).get("_current_job")  # older versions, and newer ones

    def running(variables: Context | None) -> Job | None:
        if variable is not None:
            job = variable.get() if variables is None else variables.get(variable)
        else:
            job = stack.top if variables is None and stack is not None else None
        return None if job is None else Job(job)

    def connect() -> None:
        if running not in _request.others:
            _request.others.insert(0, running)

    def disconnect() -> None:
        if running in _request.others:
            _request.others.remove(running)

    return Connection("frameworks", module, "get_current_job", connect, disconnect)


class Job(_request.Request):
    """A job that runs: ``source`` is RQ's."""

    __slots__ = ()

    def read(self, facts: _request.Facts) -> None:
        """Reads what is of RQ, and the ids that the program has put into the job's ``meta``."""
        found = _request.fields(self.source)
        facts.text("rq.job", found.get("_func_name"))
        facts.text("rq.id", found.get("_id"))
        facts.text("rq.queue", found.get("origin"))
        facts.text("rq.worker", found.get("worker_name"))
        facts.number("rq.retries_left", found.get("retries_left"))
        wanted = {*_request.links(), "traceparent", "baggage"}
        meta = _request.texts(found.get("meta"))
        facts.headers((name.lower(), value) for name, value in meta.items() if type(value) is str and name.lower() in wanted)


def _failed(worker: object, job: object, *exc_info: Any) -> None:
    running = Job(job)  # RQ has left it already
    running.begin()
    report(exc_info[1], exc_info[2], "rq", handled=False)
    running.end()


def _begins(worker: object, *args: object, **kwargs: object) -> None:
    """What the job says of its circumstances holds until it ends."""
    _request.end_saying(_said.pop(id(worker), None))  # of one that has ended otherwise
    _said[id(worker)] = _request.begin_saying()


def _ended(result: Any, worker: Any, *args: object, **kwargs: object) -> Any:
    _request.end_saying(_said.pop(id(worker), None))
    if _request.fields(worker).get("_is_horse") is True:
        _exit.store()
    return result
