"""Tasks that fail in a real worker of Celery, which gets its messages by files."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from serving import end, eventually
from support import Store, functions, values

TASKS = """
import logging, os, time
from celery import Celery, signals
from celery.exceptions import Ignore, Reject

here = os.path.dirname(os.path.abspath(__file__))
for folder in ("queue", "control", "results"):
    os.makedirs(os.path.join(here, folder), exist_ok=True)
app = Celery("tasks", broker="filesystem://", backend="file://" + os.path.join(here, "results"))
app.conf.update(
    broker_transport_options={
        "data_folder_in": os.path.join(here, "queue"),
        "data_folder_out": os.path.join(here, "queue"),
        "control_folder": os.path.join(here, "control"),
    },
    task_default_queue="orders",
)


class Unpicklable(Exception):
    def __init__(self, order, reason):
        super().__init__("cannot be pickled")
        self.undo = lambda: order


class Nearest(KeyError):
    def __init__(self, order, reason):
        super().__init__(order)


class Loud(app.Task):
    def on_failure(self, exc, task_id, args, kwargs, einfo):
        outcome = "told"
        raise RuntimeError("on_failure")


@app.task
def divide(total, count):
    scale = 100
    return total * scale / count


@app.task
def unpicklable():
    order = 17
    raise Unpicklable(order, "x")


@app.task
def nearest():
    order = 17
    raise Nearest(order, "x")


@app.task(autoretry_for=(KeyError,), max_retries=1, retry_backoff=False, default_retry_delay=0)
def again(key):
    attempt = again.request.retries
    return {}[key]


@app.task(bind=True, max_retries=1, default_retry_delay=0)
def by_hand(self):
    if self.request.retries:
        return "done"
    try:
        raise ConnectionError("gateway")
    except ConnectionError:
        raise self.retry()


@app.task(throws=(LookupError,))
def expected():
    raise LookupError("expected")


@app.task
def ignored():
    raise Ignore()


@app.task
def rejected():
    raise Reject("no", requeue=False)


@app.task
def logged():
    try:
        {}["sku"]
    except KeyError:
        logging.getLogger("shop").exception("in a task")


@app.task(base=Loud)
def loud():
    raise ValueError("original")


@app.task(time_limit=1)
def hard():
    time.sleep(60)


@app.task(soft_time_limit=5)
def soft():
    step = "sleeping"
    time.sleep(60)


@app.task
def killed():
    os.kill(os.getpid(), 9)


@app.task
def many(number):
    raise ArithmeticError(number)


@app.task
def last():
    return os.getpid()


@signals.task_prerun.connect
def prerun(sender=None, **more):
    if sender.name == "tasks.logged":
        raise OSError("in a receiver")
"""


@contextmanager
def worker(
    store: Store, pool: str, *options: str, env: dict[str, str | None] | None = None
) -> Generator[subprocess.Popen[bytes], None, None]:
    """A worker as people start it."""
    command = [sys.executable, "-m", "celery", "-A", "tasks", "worker", "-P", pool, "-c", "2", "-l", "INFO", *options]
    with (store.programs / "worker.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            cwd=store.programs,
            env=store.env(**{"STILLFRAME_ENABLED": "1", **(env or {})}),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        end(process)


def send(store: Store, text: str) -> None:
    """Sends tasks from another program, which does not capture."""
    result = store.python("from celery import chain\nimport tasks\n" + text)
    assert result.status == 0, result.err


def wait_for(store: Store, text: str, times: int = 1) -> None:
    log = store.programs / "worker.log"

    def said() -> bool:
        return log.read_text(errors="replace").count(text) >= times

    try:
        eventually(said, text)
    except AssertionError:
        print(log.read_text(errors="replace"))
        raise


def stop(process: subprocess.Popen[bytes]) -> int:
    """A warm shutdown: tasks that run are finished."""
    process.send_signal(signal.SIGTERM)
    return process.wait(60)


def of(store: Store, task: str) -> list[dict[str, Any]]:
    """Snapshots of a task, oldest first."""
    return [shot for shot in store.snapshots() if shot.get("context", {}).get("attributes", {}).get("celery.task") == f"tasks.{task}"]


def heads(snapshots: list[dict[str, Any]]) -> list[tuple[str, str, bool]]:
    found = [shot["exceptions"][0] for shot in snapshots]
    return [(head["type"], head["mechanism"], head["handled"]) for head in found]


PLAIN = """
headers = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "baggage": "plan=free",
    "X-OpenReplay-SessionToken": "token-1",
}
tasks.divide.apply_async((3, 0), headers=headers)
for task in (tasks.unpicklable, tasks.nearest, tasks.expected, tasks.ignored, tasks.rejected, tasks.logged, tasks.loud, tasks.by_hand):
    task.delay()
tasks.again.delay("sku")
"""


@pytest.mark.parametrize("pool", ["prefork", "threads", "solo"])
def test_tasks_that_fail(store: Store, pool: str) -> None:
    store.write("tasks.py", TASKS)
    text = PLAIN if pool == "prefork" else PLAIN.replace("tasks.loud, ", "")  # that ends a worker without processes of its own
    send(store, text)
    with worker(store, pool) as process:
        wait_for(store, "raised unexpected: KeyError('sku')")
        wait_for(store, "tasks.by_hand", 3)
        if pool == "prefork":
            wait_for(store, "Task handler raised error")
        assert stop(process) == 0
    log = (store.programs / "worker.log").read_text()
    assert "stillframe" not in log.lower()

    [divided] = of(store, "divide")
    assert heads([divided]) == [("ZeroDivisionError", "celery", False)]
    assert functions(divided)[0] == "divide"
    assert values(divided) == {"total": 3, "count": 0, "scale": 100}
    context = divided["context"]
    assert (context["traceId"], context["spanId"]) == ("0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331")
    assert context["sessionLinks"] == [{"name": "openReplaySessionToken", "id": "token-1"}]
    told = context["attributes"]
    assert (told["celery.queue"], told["celery.retries"], told["baggage.plan"]) == ("orders", 0, "free")
    assert told["celery.id"] in log
    assert told["celery.worker"].startswith("celery@")

    [failed] = of(store, "unpicklable")
    assert heads([failed]) == [("tasks.Unpicklable", "celery", False)]
    assert values(failed)["order"] == 17
    [failed] = of(store, "nearest")
    assert heads([failed]) == [("tasks.Nearest", "celery", False)]
    assert values(failed)["order"] == 17

    assert of(store, "expected") == of(store, "ignored") == of(store, "rejected") == []
    assert heads(of(store, "logged")) == [("OSError", "logging", True), ("KeyError", "logging", True)]
    assert heads(of(store, "by_hand")) == [("ConnectionError", "celery", True)]
    # The second attempt may run in another process before the first has come to its end.
    retried = sorted(of(store, "again"), key=lambda shot: int(shot["context"]["attributes"]["celery.retries"]))
    assert heads(retried) == [("KeyError", "celery", True), ("KeyError", "celery", False)]
    assert [shot["context"]["attributes"]["celery.retries"] for shot in retried] == [0, 1]
    assert [values(shot)["attempt"] for shot in retried] == [0, 1]
    if pool == "prefork":
        [failed] = of(store, "loud")
        assert heads([failed]) == [("RuntimeError", "celery", False)]
        assert functions(failed)[0].endswith("on_failure")
        assert [error["type"] for error in failed["exceptions"]] == ["RuntimeError", "ValueError"]
    assert len(store.snapshots()) == sum(
        len(of(store, task)) for task in ("divide", "unpicklable", "nearest", "logged", "by_hand", "again", "loud")
    )


@pytest.mark.parametrize(
    ("task", "head", "function"),
    [
        ("soft", ("billiard.exceptions.SoftTimeLimitExceeded", "celery", False), "soft_timeout_sighandler"),
        ("hard", ("billiard.exceptions.TimeLimitExceeded", "celery", False), "on_hard_timeout"),
        ("killed", ("billiard.exceptions.WorkerLostError", "celery", False), "mark_as_worker_lost"),
    ],
)
def test_workers_that_are_lost(store: Store, task: str, head: tuple[str, str, bool], function: str) -> None:
    store.write("tasks.py", TASKS)
    send(store, f"tasks.{task}.delay()")
    with worker(store, "prefork"):
        eventually(lambda: of(store, task), task)
        wait_for(store, "Task handler raised error" if task != "soft" else "raised unexpected")
        send(store, "tasks.last.delay()")
        wait_for(store, "tasks.last", 3 if task == "soft" else 2)
    [lost] = of(store, task)  # a worker of Celery that lost a process does not always end by itself, with us or without
    assert heads([lost]) == [head]
    assert function in functions(lost)[0]
    if task == "soft":
        assert values(lost, 1)["step"] == "sleeping"


def test_nothing_is_lost(store: Store) -> None:
    """Processes that end after ten tasks, and a warm shutdown right after the last one."""
    store.write("tasks.py", TASKS)
    send(store, "for number in range(100):\n    tasks.many.delay(number)")
    with worker(store, "prefork", "--max-tasks-per-child", "10") as process:
        wait_for(store, "raised unexpected: ArithmeticError", 100)
        assert stop(process) == 0
    found = of(store, "many")
    assert sorted(values(shot)["number"] for shot in found) == list(range(100))
    assert len({shot["pid"] for shot in found}) >= 10


BROKEN = """
def fail(key, value, original=app.backend.set):
    if b"task-meta" not in key:
        return original(key, value)
    raise OSError("the results cannot be stored")

app.backend.set = fail
"""


def test_the_result_store_fails(store: Store) -> None:
    store.write("tasks.py", TASKS + BROKEN)
    send(store, "tasks.divide.delay(1, 0)")
    with worker(store, "prefork"):
        wait_for(store, "Task handler raised error")
    broken = [shot for shot in of(store, "divide") if shot["exceptions"][0]["mechanism"] == "celery"]
    assert broken
    assert {shot["exceptions"][0]["type"] for shot in broken} == {"OSError"}
    assert "ZeroDivisionError" in [error["type"] for error in broken[0]["exceptions"]]


def test_an_unknown_task(store: Store) -> None:
    store.write("tasks.py", TASKS)
    send(store, "tasks.app.send_task('tasks.nobody', queue='orders')")
    with worker(store, "solo") as process:
        wait_for(store, "unregistered task")
        assert stop(process) == 0
    assert store.errors() == [("KeyError", "logging", True)]


def test_eager_tasks(store: Store) -> None:
    store.write("tasks.py", TASKS)
    result = store.enabled("import tasks\nprint(tasks.divide.apply((3, 0)).state)")
    assert result.out == "FAILURE\n", result.err
    assert store.errors() == [("ZeroDivisionError", "celery", False)]


def test_the_output_is_the_same(store: Store) -> None:
    store.write("tasks.py", TASKS)
    text = """
        import io, logging, re, tasks, traceback
        out = io.StringIO()
        logging.basicConfig(stream=out, format="%(levelname)s %(message)s")
        for task in (tasks.divide, tasks.nearest, tasks.loud):
            try:
                print(re.sub("0x[0-9a-f]+", "", tasks.again.apply(("x",)).traceback))
                task.apply((1, 0) if task is tasks.divide else ())
            except Exception:
                traceback.print_exc(file=out)
        print(re.sub("[0-9a-f]{8}-[0-9a-f-]{27}", "ID", out.getvalue()))
        """
    plain, ours = store.python(text), store.enabled(text)
    assert "on_failure" in plain.out
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)
    assert os.path.exists(store.folder)


def test_switched_off(store: Store) -> None:
    store.write("tasks.py", TASKS)
    result = store.enabled("import tasks\nprint(tasks.divide.apply((3, 0)).state)", env={"STILLFRAME_HOOKS_FRAMEWORKS": "false"})
    assert result.out == "FAILURE\n"
    [shot] = store.snapshots()
    assert shot["exceptions"][0]["mechanism"] == "logging"
    assert "celery.task" not in shot["context"]["attributes"]


def test_an_id_that_is_used_again(store: Store) -> None:
    store.write("tasks.py", TASKS)
    result = store.enabled("import tasks\nfor _ in range(3):\n    tasks.divide.apply((3, 0), task_id='nightly')")
    assert result.status == 0, result.err
    assert store.errors() == [("ZeroDivisionError", "celery", False)] * 3


def test_what_a_task_says_ends_with_it(store: Store) -> None:
    store.write("tasks.py", TASKS)
    result = store.enabled(
        """
        import stillframe, tasks

        @tasks.app.task
        def says():
            stillframe.context(user={"name": "alice"})
            return 1 / 0

        says.apply()
        tasks.divide.apply((3, 0))
        """
    )
    assert result.status == 0, result.err
    first, second = store.snapshots()
    assert first["context"]["user"] == {"name": "alice"}
    assert "user" not in second["context"]
