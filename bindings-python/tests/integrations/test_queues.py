"""RQ and Dramatiq, with brokers in memory: what a job's own process writes there, RQ's worker does not see."""

from __future__ import annotations

import pytest

from support import Store, functions, values

SERVER = """
import fakeredis
connection = fakeredis.FakeStrictRedis(server=fakeredis.FakeServer())
"""
JOBS = """
import logging
def fail(number):
    half = number / 2
    raise ValueError(half)
def log(number):
    try:
        {}[number]
    except KeyError:
        logging.getLogger("shop").exception("in a job")
def fine():
    return 1
def says():
    import stillframe
    stillframe.context(user={"name": "alice"})
    raise LookupError("alice")
"""


@pytest.mark.since(3, 10)
@pytest.mark.parametrize("worker", ["Worker", "SimpleWorker"])
def test_rq(store: Store, worker: str) -> None:
    store.write("jobs.py", JOBS)
    result = store.enabled(
        SERVER
        + f"""
import jobs
from rq import Queue, {worker}
queue = Queue("orders", connection=connection)
queue.enqueue(jobs.fail, 3, meta={{"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}})
queue.enqueue(jobs.log, 4)
queue.enqueue(jobs.fine)
{worker}([queue], connection=connection).work(burst=True)
print("done")
"""
    )
    assert (result.status, result.out.endswith("done\n")) == (0, True), result.err
    assert store.errors() == [("ValueError", "rq", False), ("KeyError", "logging", True)]
    failed, logged = store.snapshots()
    assert len({failed["pid"], logged["pid"]}) == (2 if worker == "Worker" else 1)
    assert functions(failed)[0] == "fail"
    assert values(failed) == {"number": 3, "half": 1.5}
    told = failed["context"]["attributes"]
    assert (told["rq.job"], told["rq.queue"]) == ("jobs.fail", "orders")
    assert failed["context"]["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert logged["context"]["attributes"]["rq.job"] == "jobs.log"


@pytest.mark.since(3, 10)
def test_what_a_job_says_ends_with_it(store: Store) -> None:
    store.write("jobs.py", JOBS)
    result = store.enabled(
        SERVER
        + """
import jobs
from rq import Queue, SimpleWorker
queue = Queue("orders", connection=connection)
queue.enqueue(jobs.says)
queue.enqueue(jobs.fail, 3)
SimpleWorker([queue], connection=connection).work(burst=True)
"""
    )
    assert result.status == 0, result.err
    first, second = store.snapshots()
    assert first["context"]["user"] == {"name": "alice"}
    assert "user" not in second["context"]


@pytest.mark.since(3, 10)
def test_dramatiq(store: Store) -> None:
    result = store.enabled(
        """
        import dramatiq
        from dramatiq.brokers.stub import StubBroker
        broker = StubBroker()
        dramatiq.set_broker(broker)

        @dramatiq.actor(max_retries=0)
        def fail(number):
            half = number / 2
            raise ValueError(half)

        worker = dramatiq.Worker(broker, worker_threads=1)
        worker.start()
        fail.send(3)
        try:
            broker.join("default")
        except ValueError:
            print("failed")
        worker.join()
        worker.stop()
        """
    )
    assert result.out == "failed\n", result.err
    [shot] = store.snapshots()
    assert shot["exceptions"][0]["type"] == "ValueError"
    assert values(shot) == {"number": 3, "half": 1.5}
