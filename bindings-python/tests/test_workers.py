"""Forks, worker processes and pools, with each way to start them."""

from __future__ import annotations

import pytest

from support import Store, functions

METHODS = ("fork", "spawn", "forkserver")


@pytest.mark.parametrize("enabled", [True, False], ids=["by the environment", "by a call"])
@pytest.mark.parametrize("method", METHODS)
def test_processes(store: Store, method: str, enabled: bool) -> None:
    text = f"""
        import multiprocessing, sys
        def work(number):
            half = number / 2
            raise ValueError(half)
        if __name__ == "__main__":
            if not {enabled}:
                import stillframe
                import pathlib
                stillframe.install(service="shop", dir=pathlib.Path(__file__).parent.parent / "store", limits={{"depth": 6}})
            context = multiprocessing.get_context("{method}")
            process = context.Process(target=work, args=(3,), name="worker")
            process.start()
            process.join()
            print(process.exitcode)
        """
    result = store.python(text, env={"STILLFRAME_ENABLED": "1"} if enabled else {})
    assert result.out == "1\n", result.err
    assert "Process worker:" in result.err
    assert store.errors() == [("ValueError", "multiprocessing", False)]
    [snapshot] = store.snapshots()
    assert functions(snapshot)[0] == "work"
    assert snapshot["service"] == ("program" if enabled else "shop")
    assert snapshot["receipt"]["limits"]["limits.depth"] == (4 if enabled else 6)


@pytest.mark.parametrize("value", ["inf", "-inf", "nan"])
def test_a_setting_that_is_no_number_does_not_keep_a_worker_from_capturing(store: Store, value: str) -> None:
    store.python(
        f"""
        import multiprocessing
        def work():
            raise ValueError
        if __name__ == "__main__":
            import stillframe
            stillframe.install(gate={{"novelty_per_second": float("{value}")}})
            process = multiprocessing.get_context("spawn").Process(target=work)
            process.start()
            process.join()
        """
    )
    assert store.errors() == [("ValueError", "multiprocessing", False)]


@pytest.mark.parametrize("method", METHODS)
def test_pools_of_processes(store: Store, method: str) -> None:
    result = store.python(
        f"""
        import multiprocessing
        def work(number):
            half = number // 2
            return 1 / half
        if __name__ == "__main__":
            import stillframe
            stillframe.install()
            with multiprocessing.get_context("{method}").Pool(1) as pool:
                try:
                    pool.map(work, [4, 0])
                except ZeroDivisionError as error:
                    print(type(error.__cause__).__name__)
                pool.close()
                pool.join()
        """
    )
    assert result.out == "RemoteTraceback\n", result.err
    assert store.errors() == [("ZeroDivisionError", "multiprocessing", True)]
    assert functions(store.snapshots()[0])[0] == "work"


@pytest.mark.parametrize("method", METHODS)
def test_process_pool_executors(store: Store, method: str) -> None:
    result = store.python(
        f"""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor
        def work(number):
            return 1 / number
        if __name__ == "__main__":
            import stillframe
            stillframe.install()
            with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("{method}")) as pool:
                print(repr(pool.submit(work, 0).exception()))
        """
    )
    assert result.out == "ZeroDivisionError('division by zero')\n", result.err
    assert store.errors() == [("ZeroDivisionError", "concurrent.futures", True)]


def test_pools_of_threads(store: Store) -> None:
    store.enabled(
        """
        from multiprocessing.pool import ThreadPool
        def work(number):
            return 1 / number
        with ThreadPool(2) as pool:
            result = pool.apply_async(work, (0,))
            result.wait()
            try:
                pool.map(work, [0])
            except ZeroDivisionError:
                pass
        """
    )
    assert list(store.errors()) == [("ZeroDivisionError", "multiprocessing", True)] * 2
    assert functions(store.snapshots()[0])[0] == "work"


def test_fork(store: Store) -> None:
    result = store.enabled(
        """
        import os, sys, stillframe
        def fail(where):
            raise ValueError(where)
        try:
            fail("before")
        except ValueError as error:
            stillframe.capture(error)
        pid = os.fork()
        try:
            fail("child" if pid == 0 else "parent")
        except ValueError as error:
            stillframe.capture(error)
        if pid:
            os.waitpid(pid, 0)
        """
    )
    assert result.status == 0, result.err
    shown = sorted((snapshot["frames"][0]["arguments"]["where"]["value"], snapshot["pid"]) for snapshot in store.snapshots())
    assert [where for where, _ in shown] == ["before", "child", "parent"]
    assert shown[0][1] == shown[2][1] != shown[1][1]


def test_forks_while_threads_raise(store: Store) -> None:
    """A fork copies locks as they are. Threads capture all the time; a child that waited for one of theirs would never end."""
    result = store.python(
        """
        import os, sys, threading, time, stillframe, signal
        stillframe.install()
        going = True
        def work():
            while going:
                try:
                    {}["x"]
                except KeyError as error:
                    stillframe.capture(error)
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(60):
            pid = os.fork()
            if pid == 0:
                signal.alarm(20)
                try:
                    1 / 0
                except ZeroDivisionError as error:
                    stillframe.capture(error)
                stillframe.flush()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0, number
        going = False
        for thread in threads:
            thread.join()
        """
    )
    assert result.status == 0, result.err


def test_forks_of_forks(store: Store) -> None:
    result = store.enabled(
        """
        import os, sys
        for depth in range(4):
            if os.fork():
                os.wait()
                break
        raise ValueError(os.getpid())
        """
    )
    assert result.status == 1
    snapshots = store.snapshots()
    assert len(snapshots) == 5
    assert len({snapshot["pid"] for snapshot in snapshots}) == 5


@pytest.mark.since(3, 12)
def test_the_default_start_method_stays(store: Store) -> None:
    text = "import multiprocessing\nprint(multiprocessing.get_start_method(), multiprocessing.get_all_start_methods())"
    assert store.enabled(text).out == store.python(text).out


def test_prefork_servers(store: Store) -> None:
    """A server that forks its workers after it has captured something, and replaces them when they die."""
    result = store.enabled(
        """
        import os, signal, sys, time, logging
        logging.getLogger().addHandler(logging.NullHandler())
        def worker(number):
            try:
                raise ConnectionError(number)
            except ConnectionError:
                logging.exception("request failed")
            if number == 1:
                os.kill(os.getpid(), signal.SIGKILL)
            sys.exit(0)
        try:
            raise ValueError("in the server")
        except ValueError:
            logging.exception("x")
        for number in range(3):
            pid = os.fork()
            if pid == 0:
                worker(number)
            os.waitpid(pid, 0)
        """
    )
    assert result.status == 0, result.err
    kinds = [kind for kind, _, _ in store.errors()]
    assert kinds.count("ValueError") == 1
    assert 2 <= kinds.count("ConnectionError") <= 3
