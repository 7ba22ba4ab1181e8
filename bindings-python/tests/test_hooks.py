"""Each place where errors are met: what is captured, that what was there before still runs, and that taking the hook out restores it."""

from __future__ import annotations

import sys

import pytest

from support import Result, Store, functions, values

FAIL = """
def fail(amount):
    return 100 / amount
"""


def test_an_error_that_ends_the_program(store: Store) -> None:
    result = store.enabled(FAIL + "fail(0)")
    assert result.status == 1
    assert store.errors() == [("ZeroDivisionError", "excepthook", False)]
    [snapshot] = store.snapshots()
    assert functions(snapshot) == ["fail", "<module>"]
    assert values(snapshot) == {"amount": 0}


@pytest.mark.parametrize("end", ["raise SystemExit(3)", "raise SystemExit('bye')", "raise KeyboardInterrupt", "raise GeneratorExit"])
def test_ways_to_end_a_program_are_no_errors(store: Store, end: str) -> None:
    plain = store.python(end)
    result = store.enabled(end)
    assert (result.status, result.out, result.err) == (plain.status, plain.out, plain.err)
    assert store.errors() == []


def test_the_excepthook_that_was_there_runs(store: Store) -> None:
    result = store.python(
        """
        import sys, stillframe
        sys.excepthook = lambda kind, error, traceback: print("mine", kind.__name__, error, traceback.tb_lineno)
        stillframe.install()
        raise ValueError("x")
        """
    )
    assert result.out == "mine ValueError x 5\n"
    assert store.errors() == [("ValueError", "excepthook", False)]


@pytest.mark.parametrize("chains", [True, False])
def test_the_error_that_ends_the_program_is_captured_whoever_replaces_the_hook(store: Store, chains: bool) -> None:
    result = store.enabled(
        f"""
        import sys
        before = sys.excepthook
        def mine(*error):
            print("mine")
            {"before(*error)" if chains else ""}
        sys.excepthook = mine
        raise ValueError("x")
        """
    )
    assert result.out == "mine\n"
    assert store.errors() == [("ValueError", "excepthook", False)]


def test_threads(store: Store) -> None:
    result = store.enabled(
        FAIL
        + """
import threading
thread = threading.Thread(target=fail, args=(0,), name="worker 7")
thread.start()
thread.join()
"""
    )
    assert result.status == 0
    assert "Exception in thread worker 7" in result.err
    assert store.errors() == [("ZeroDivisionError", "threading", False)]
    [snapshot] = store.snapshots()
    assert functions(snapshot)[0] == "fail"
    assert snapshot["thread"]["name"] == "worker 7"


def test_threads_whose_hook_somebody_replaces(store: Store) -> None:
    result = store.enabled(
        FAIL
        + """
import threading
threading.excepthook = lambda args: print("mine", args.exc_type.__name__)
thread = threading.Thread(target=fail, args=(0,))
thread.start()
thread.join()
"""
    )
    assert (result.out, result.err) == ("mine ZeroDivisionError\n", "")
    assert store.errors() == [("ZeroDivisionError", "threading", False)]


def test_a_thread_that_exits_is_no_error(store: Store) -> None:
    store.enabled("import threading, sys\nthread = threading.Thread(target=sys.exit)\nthread.start()\nthread.join()")
    assert store.errors() == []


def test_a_thread_without_the_threading_module(store: Store) -> None:
    store.enabled(
        FAIL
        + """
import _thread, stillframe, time
_thread.start_new_thread(fail, (0,))
until = time.monotonic() + 60
while not stillframe.stats()["captured"] and time.monotonic() < until:
    time.sleep(0.01)
"""
    )
    assert store.errors() == [("ZeroDivisionError", "unraisablehook", False)]


def test_finalizers(store: Store) -> None:
    result = store.enabled(
        """
        class Connection:
            def __del__(self):
                state = "open"
                raise OSError("lost")
        Connection()
        """
    )
    assert "Exception ignored" in result.err
    assert store.errors() == [("OSError", "unraisablehook", False)]
    assert values(store.snapshots()[0])["state"] == "open"


def test_logged_errors(store: Store) -> None:
    store.enabled(
        FAIL
        + """
import logging
log = logging.getLogger("shop.pricing")
try:
    fail(0)
except ZeroDivisionError:
    log.exception("no price for %s", "apples")
"""
    )
    assert store.errors() == [("ZeroDivisionError", "logging", True)]
    attributes = store.snapshots()[0]["context"]["attributes"]
    assert attributes == {"logger": "shop.pricing", "level": "ERROR", "message": "no price for %s"}


@pytest.mark.parametrize(
    ("call", "captured"),
    [
        ("log.exception('x')", True),
        ("log.error('x', exc_info=True)", True),
        ("log.critical('x', exc_info=error)", True),
        ("log.log(35, 'x', exc_info=error)", False),
        ("log.warning('x', exc_info=True)", False),
        ("log.error('x')", False),
        ("log.error('x', exc_info=(None, None, None))", False),
        ("logging.LoggerAdapter(log, {}).exception('x')", True),
        ("log.disabled = True; log.exception('x')", False),
        ("logging.disable(); log.exception('x')", False),
        ("log.setLevel(60); log.exception('x')", False),
        ("logging.makeLogRecord({'levelno': 40, 'exc_info': sys.exc_info()})", False),
        ("log.propagate = False; log.addHandler(logging.NullHandler()); log.exception('x')", True),
    ],
)
def test_which_records_count(store: Store, call: str, captured: bool) -> None:
    result = store.enabled(
        f"""
        import logging, sys
        log = logging.getLogger("x")
        try:
            {{}}["missing"]
        except KeyError as error:
            {call}
        """
    )
    assert result.status == 0, result.err
    assert store.errors() == ([("KeyError", "logging", True)] if captured else [])


def test_levels_of_an_enumeration_count(store: Store) -> None:
    result = store.enabled(
        """
        import enum, logging
        class Level(enum.IntEnum):
            WARNING = 30
            ERROR = 40
            def __ge__(self, other):
                raise SystemExit("ran")
            def __int__(self):
                raise SystemExit("ran")
        log = logging.getLogger("x")
        log.isEnabledFor = lambda level: True
        log.callHandlers = lambda record: None
        for level in Level:
            try:
                1 / 0
            except ZeroDivisionError:
                log.log(level, "x", exc_info=True)
        """
    )
    assert result.status == 0, result.err
    assert store.errors() == [("ZeroDivisionError", "logging", True)]
    assert store.snapshots()[0]["context"]["attributes"]["level"] == "ERROR"


def test_logging_looks_the_same_to_the_program(store: Store) -> None:
    text = """
        import logging, sys
        class Handler(logging.Handler):
            def emit(self, record):
                print(record.pathname.rsplit("/", 1)[1], record.lineno, record.funcName, record.stack_info)
                raise ValueError("in a handler")
        log = logging.getLogger("x")
        log.addHandler(Handler())
        def work():
            try:
                1 / 0
            except ZeroDivisionError:
                log.exception("x", stack_info=True)
        try:
            work()
        except ValueError as error:
            import traceback
            print("".join(traceback.format_exception(None, error, error.__traceback__)))
        class Broken(logging.StreamHandler):
            def format(self, record):
                raise TypeError("cannot format")
        log.handlers[:] = [Broken()]
        log.error("y")
        """
    plain = store.python(text)
    result = store.enabled(text)
    assert (result.out, result.err) == (plain.out, plain.err)
    assert "--- Logging error ---" in plain.err


def test_printed_errors(store: Store) -> None:
    store.enabled("import traceback\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    traceback.print_exc()\ntraceback.print_exc()")
    assert store.errors() == [("ZeroDivisionError", "traceback", True)]


def test_tasks_that_nobody_waits_for(store: Store) -> None:
    result = store.enabled(
        """
        import asyncio
        async def sync(account):
            raise ConnectionError(account)
        async def main():
            task = asyncio.create_task(sync("a1"))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            del task
        asyncio.run(main())
        """
    )
    assert "Task exception was never retrieved" in result.err
    assert store.errors() == [("ConnectionError", "asyncio", False)]
    assert values(store.snapshots()[0]) == {"account": "a1"}


def test_callbacks_and_handlers_of_event_loops(store: Store) -> None:
    result = store.enabled(
        """
        import asyncio
        async def main():
            loop = asyncio.get_running_loop()
            loop.set_exception_handler(lambda loop, context: print("mine", repr(context["exception"])))
            loop.call_soon(lambda: 1 / 0)
            await asyncio.sleep(0.01)
        asyncio.run(main())
        """
    )
    assert result.out == "mine ZeroDivisionError('division by zero')\n"
    assert result.err == ""
    assert store.errors() == [("ZeroDivisionError", "asyncio", False)]


def test_an_event_loop_that_ends_with_an_error(store: Store) -> None:
    store.enabled("import asyncio\nasync def main():\n    price = 3\n    raise ValueError(price)\nasyncio.run(main())")
    assert store.errors() == [("ValueError", "excepthook", False)]
    assert values(store.snapshots()[0]) == {"price": 3}


def test_errors_in_thread_pools(store: Store) -> None:
    store.enabled(
        FAIL
        + """
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor() as pool:
    future = pool.submit(fail, 0)
print(type(future.exception()).__name__)
"""
    )
    assert store.errors() == [("ZeroDivisionError", "concurrent.futures", True)]
    assert functions(store.snapshots()[0])[0] == "fail"


def test_modules_imported_before_and_after(store: Store) -> None:
    text = """
        import sys
        {before}
        import stillframe
        stillframe.install()
        {after}
        print("logging" in sys.modules, "asyncio" in sys.modules, "concurrent" in sys.modules)
        try:
            1 / 0
        except ZeroDivisionError:
            {log}
        """
    result = store.python(text.format(before="import logging", after="", log="logging.exception('x')"))
    assert result.out == "True False False\n"
    result = store.python(text.format(before="", after="", log="import logging; logging.exception('x')"))
    assert result.out == "False False False\n"
    assert store.errors() == [("ZeroDivisionError", "logging", True)] * 2


def test_uninstall_restores_everything(store: Store) -> None:
    result = store.python(
        """
        import sys, threading, logging, traceback, asyncio, concurrent.futures.process, multiprocessing.pool, multiprocessing.spawn
        import stillframe
        places = [
            (sys, "excepthook"), (sys, "unraisablehook"), (threading, "excepthook"), (threading, "_make_invoke_excepthook"),
            (logging.LogRecord, "__init__"), (traceback, "print_exc"), (asyncio.BaseEventLoop, "call_exception_handler"),
            (concurrent.futures.Future, "set_exception"), (concurrent.futures.process._ExceptionWithTraceback, "__init__"),
            (multiprocessing.pool.ExceptionWithTraceback, "__init__"), (multiprocessing.pool.ApplyResult, "_set"),
            (multiprocessing.pool.MapResult, "_set"), (multiprocessing.pool.IMapIterator, "_set"),
            (multiprocessing.process.BaseProcess, "_bootstrap"), (multiprocessing.spawn, "get_preparation_data"),
        ]
        def look():
            return [getattr(owner, name) for owner, name in places], list(sys.meta_path)
        before = look()
        for _ in range(3):
            stillframe.install()
            stillframe.install()
            during = look()
            assert all(now is not then for now, then in zip(during[0], before[0])), during
            stillframe.uninstall()
            stillframe.uninstall()
            assert look() == before
        try:
            1 / 0
        except ZeroDivisionError:
            logging.exception("x")
        """
    )
    assert result.status == 0, result.err
    assert store.errors() == []


def test_uninstall_leaves_a_hook_that_somebody_hooked_onto(store: Store) -> None:
    result = store.python(
        """
        import sys, stillframe
        stillframe.install()
        ours = sys.excepthook
        def theirs(*error):
            print("theirs")
            ours(*error)
        sys.excepthook = theirs
        stillframe.uninstall()
        assert sys.excepthook is theirs
        stillframe.install()
        raise ValueError
        """
    )
    assert result.out == "theirs\n"
    assert result.err.count("Traceback") == 1
    assert store.errors() == [("ValueError", "excepthook", False)]


def test_a_hook_that_somebody_replaced_is_put_in_front_again(store: Store) -> None:
    store.python(
        """
        import sys, stillframe
        stillframe.install()
        sys.unraisablehook = sys.__unraisablehook__
        stillframe.install()
        class Broken:
            def __del__(self):
                raise ValueError
        Broken()
        """
    )
    assert store.errors() == [("ValueError", "unraisablehook", False)]


def test_what_was_hooked_looks_like_itself(store: Store) -> None:
    text = """
        import inspect, logging, sys, threading
        for function in (logging.LogRecord.__init__, logging.LogRecord, threading.excepthook):
            print(function.__name__, function.__module__, inspect.signature(function))
        import pickle, copy
        spec = logging.__spec__
        print(type(spec.loader).__name__, type(logging.__loader__).__name__, spec.loader is logging.__loader__, spec.origin == logging.__file__)
        print(inspect.getsource(logging.LogRecord)[:30])
        """
    assert store.enabled(text).out == store.python(text).out


@pytest.mark.since(3, 11)
def test_exception_groups(store: Store) -> None:
    store.enabled("raise ExceptionGroup('two', [ValueError(1), KeyError(2)])")
    [snapshot] = store.snapshots()
    members = [snapshot["exceptions"][index]["type"] for index in snapshot["exceptions"][0]["members"]]
    assert members == ["ValueError", "KeyError"]


def test_signals_that_arrive_inside_a_hook_reach_the_program(store: Store) -> None:
    """A signal handler of the program that raises while our code runs: what it raises is the program's."""
    result = store.python(
        """
        import logging, signal, stillframe
        from stillframe import _report
        stillframe.install()
        class Alarm(Exception):
            pass
        def ring(*_):
            raise Alarm
        signal.signal(signal.SIGALRM, ring)
        original = _report._capture
        def slow(*args, **kwargs):
            signal.raise_signal(signal.SIGALRM)
            return original(*args, **kwargs)
        _report._capture = slow
        try:
            try:
                1 / 0
            except ZeroDivisionError:
                logging.exception("x")
        except Alarm:
            print("reached")
        signal.signal(signal.SIGALRM, signal.default_int_handler)
        try:
            stillframe.capture(ValueError())
        except KeyboardInterrupt:
            print("reached")
        """
    )
    assert result.out == "reached\nreached\n", result.err


def test_failures_of_our_own_stay_with_us(store: Store) -> None:
    result = store.python(
        """
        import logging, sys, threading, asyncio, stillframe
        from stillframe import _report
        stillframe.install()
        def broken(*args, **kwargs):
            raise RuntimeError("a bug of ours")
        broken.__globals__["__name__"] = "stillframe._report"
        _report._capture = broken
        try:
            1 / 0
        except ZeroDivisionError as error:
            logging.exception("x")
            assert stillframe.capture() is None
            assert stillframe.capture(error) is None
        print(stillframe.stats()["failures"]["count"])
        raise ValueError
        """
    )
    assert result.out == "{'RuntimeError': 3}\n"
    assert "a bug of ours" not in result.err


@pytest.mark.parametrize(
    ("switch", "program"),
    [
        ("excepthook", "raise ValueError"),
        ("threading", "import threading\ndef f():\n    raise ValueError\nthreading.Thread(target=f).start()"),
        ("unraisable", "class C:\n    def __del__(self):\n        raise ValueError\nC()"),
        (
            "asyncio",
            "import asyncio\nloop = asyncio.new_event_loop()\nloop.call_exception_handler({'message': 'x', 'exception': ValueError()})",
        ),
        ("logging", "import logging\ntry:\n    1 / 0\nexcept Exception:\n    logging.exception('x')"),
        ("logging", "import traceback\ntry:\n    1 / 0\nexcept Exception:\n    traceback.print_exc()"),
        ("workers", "from concurrent.futures import Future\ntry:\n    1 / 0\nexcept Exception as e:\n    Future().set_exception(e)"),
    ],
)
def test_each_hook_has_a_switch(store: Store, switch: str, program: str) -> None:
    others = {
        f"STILLFRAME_HOOKS_{name.upper()}": "0"
        for name in ("threading", "unraisable", "asyncio", "logging", "workers", "excepthook")
        if name != switch
    }
    store.enabled(program, env={**others})
    assert len(store.snapshots()) == 1
    store.enabled(program, env={f"STILLFRAME_HOOKS_{switch.upper()}": "0", "STILLFRAME_HOOKS_LOGGING": "0"})
    assert len(store.snapshots()) == 1


def test_switches_by_a_call(store: Store) -> None:
    store.python(
        """
        import logging, stillframe
        def fail():
            try:
                {}["x"]
            except KeyError:
                logging.exception("x")
        stillframe.install(hooks={"logging": False})
        fail()
        stillframe.install()
        fail()
        stillframe.install(hooks={"logging": False})
        fail()
        """
    )
    assert len(store.snapshots()) == 1


NEIGHBOURS = {
    "rich": "import rich.traceback, rich.console\nrich.traceback.install(console=rich.console.Console(stderr=True, width=100))\n",
    "IPython": "import sys\nfrom IPython.core.ultratb import FormattedTB\nsys.excepthook = FormattedTB(mode='Context')\n",
}


@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("name", NEIGHBOURS)
def test_beside_others_that_print_errors(store: Store, name: str, first: str) -> None:
    """Whoever hooks first: what the other prints is as without us, and the error is captured, once."""

    def run(install: str) -> Result:
        setup = [install, NEIGHBOURS[name]]
        return store.python(
            "".join(setup if first == "ours" else setup[::-1]) + "\n" * 9 + FAIL + "def main():\n    fail(0)\n" + "\n" * 9 + "main()"
        )

    plain = run("import os\nos.getpid()\n")
    ours = run("import stillframe\nstillframe.install()\n")
    assert "ZeroDivisionError" in plain.out + plain.err
    assert "Traceback (most recent call last):\n" not in plain.err  # the interpreter's own
    assert ours == plain
    assert store.errors() == [("ZeroDivisionError", "excepthook", False)]
    [snapshot] = store.snapshots()
    assert functions(snapshot) == ["fail", "main", "<module>"]


def test_inside_an_ipython_shell(store: Store) -> None:
    """The shell catches and prints what fails in a cell; it does not come by a hook, and nothing of the shell is in the way."""
    cells = "import stillframe; stillframe.install()\n" + FAIL + "\nfail(0)\n"
    text = f"""
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance(colors="NoColor")
for cell in {[cell for cell in cells.split(chr(10) * 2) if cell.strip()]!r}:
    result = shell.run_cell(cell)
print(type(result.error_in_exec).__name__)
import stillframe
print(stillframe.capture(result.error_in_exec) is not None)
"""
    result = store.python(text, env={"IPYTHONDIR": str(store.programs)})
    assert result.out.splitlines()[-2:] == ["ZeroDivisionError", "True"], result.err
    [snapshot] = store.snapshots()
    assert functions(snapshot)[0] == "fail"


UVLOOP = """
import asyncio, uvloop
async def main():
    loop = asyncio.get_running_loop()
    assert type(loop).__module__ == "uvloop"
    {}
    loop.call_soon(fail, 0)
    async def task():
        await asyncio.sleep(0)
        raise KeyError("in a task")
    lost = loop.create_task(task())
    await asyncio.sleep(0.05)
    del lost
    import gc
    gc.collect()
    await asyncio.sleep(0.05)
{}
"""
RUN = "uvloop.run(main())" if sys.version_info >= (3, 12) else "uvloop.install()\nasyncio.run(main())"


@pytest.mark.parametrize("handler", ["pass", "loop.set_exception_handler(lambda loop, context: print(repr(context['exception'])))"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_uvloop(store: Store, when: str, handler: str) -> None:
    install = "import stillframe\nstillframe.install()\n"
    text = FAIL + UVLOOP.format(handler, RUN)
    plain = store.python(text)
    ours = store.python(install + text if when == "before" else "import uvloop\n" + install + text)
    assert (ours.status, ours.out) == (plain.status, plain.out) == (0, ours.out), ours.err
    assert ("ZeroDivisionError" in plain.out) == (handler != "pass")
    assert sorted(store.errors()) == [("KeyError", "asyncio", False), ("ZeroDivisionError", "asyncio", False)]
