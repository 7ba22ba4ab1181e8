"""RQ, its jobs in processes of their own, over a server that speaks Redis; and Dramatiq with its broker in memory."""

from __future__ import annotations

import pytest

from support import Store, functions, values

SERVER = """
import sys, threading
from fakeredis import TcpFakeServer
server = TcpFakeServer(("127.0.0.1", 0), server_type="redis")
threading.Thread(target=server.serve_forever, daemon=True).start()
import redis
connection = redis.Redis(port=server.server_address[1])
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
print(queue.failed_job_registry.count, queue.finished_job_registry.count)
"""
    )
    assert (result.status, result.out) == (0, "1 2\n"), result.err
    assert store.errors() == [("ValueError", "rq", False), ("KeyError", "logging", True)]
    failed, logged = store.snapshots()
    assert functions(failed)[0] == "fail"
    assert values(failed) == {"number": 3, "half": 1.5}
    told = failed["context"]["attributes"]
    assert (told["rq.job"], told["rq.queue"]) == ("jobs.fail", "orders")
    assert failed["context"]["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert logged["context"]["attributes"]["rq.job"] == "jobs.log"


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
