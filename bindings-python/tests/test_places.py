"""Where and with how little a program runs: limits of the system, users, stores of other versions. It goes on as it would without us."""

from __future__ import annotations

import json
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from support import COMMAND, Store, functions, values

PROGRAM = """
import logging, sys
logging.getLogger().addHandler(logging.NullHandler())
for number in range(3):
    try:
        {}[number]
    except KeyError:
        logging.exception("x")
print("end")
1 / 0
"""


def same(store: Store, *prefix: str, env: dict[str, str | None] | None = None) -> None:
    """Runs the program with and without capturing, in the same place."""
    path = store.write("program.py", PROGRAM)
    command = (*prefix, sys.executable, str(path))
    plain, ours = store.run(*command, env=env), store.run(*command, env={"STILLFRAME_ENABLED": "1", **(env or {})})
    assert plain.out == "end\n", plain.err
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)


def findings(store: Store, env: dict[str, str | None] | None = None) -> str:
    return store.run(COMMAND, "doctor", env=env).out


def somebody(store: Store) -> list[str]:
    """What runs a command as a user without rights, who can read the programs."""
    assert os.geteuid() == 0, "these tests change users, so they need root"
    for folder in (store.programs, *store.programs.parents):
        if folder.stat().st_uid == 0 and folder != Path("/"):
            os.chmod(folder, folder.stat().st_mode | 0o055)
    user = ["setpriv", "--reuid=54321", "--regid=54321", "--clear-groups"]
    if subprocess.run([*user, sys.executable, "-c", "import stillframe"], capture_output=True).returncode != 0:
        user += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]  # the interpreter lies in a home
    return user


def test_no_home(store: Store) -> None:
    same(store, env={"HOME": None, "XDG_STATE_HOME": None, "STILLFRAME_DIR": None, "USER": None, "LOGNAME": None})
    same(store, env={"HOME": "", "XDG_STATE_HOME": None, "STILLFRAME_DIR": None})
    same(store, env={"HOME": "/nonexistent/home", "XDG_STATE_HOME": "relative/path", "STILLFRAME_DIR": None})


def test_a_store_of_somebody_else(store: Store) -> None:
    """A program without rights on the folder; it and the segments in it belong to another user."""
    same(store)
    before = {path.name: path.read_bytes() for path in store.folder.iterdir()}
    user = somebody(store)
    os.chmod(store.folder, 0o700)
    same(store, *user)
    assert {path.name: path.read_bytes() for path in store.folder.iterdir()} == before


def test_a_store_of_a_newer_version(store: Store) -> None:
    """A record of a format to come: we write beside it, and what reads says so."""
    same(store)
    [segment] = store.folder.glob("*.sfs")
    data = bytearray(segment.read_bytes())
    newer = bytearray(data)
    at = 0
    while (at := newer.find(b"\xf5SFR", at)) >= 0:
        newer[at + 4] = 9  # the major version
        length = struct.unpack_from("<H", newer, at + 6)[0]
        struct.pack_into("<I", newer, at + 12, zlib.crc32(newer[at : at + 12] + newer[at + 16 : at + length]))
        at += 4
    segment.with_name("1795225363042-1-0123456789abcdef.sfs").write_bytes(newer)
    same(store)
    kinds = [kind for kind, _, _ in store_errors_of_this_version(store)]
    assert kinds.count("ZeroDivisionError") == 2
    listed = store.run(COMMAND, "list", "--json")
    assert listed.status == 0
    assert {issue["type"] for issue in json.loads(listed.out)["issues"]} == {"KeyError", "ZeroDivisionError"}
    assert "newer" in findings(store)


def store_errors_of_this_version(store: Store) -> list[tuple[str, str, bool]]:
    newer = store.folder / "1795225363042-1-0123456789abcdef.sfs"
    data = newer.read_bytes()
    newer.unlink()
    try:
        return store.errors()
    finally:
        newer.write_bytes(data)


@pytest.mark.parametrize(
    "limit",
    [
        "ulimit -v 400000",  # address space, in KiB
        "ulimit -n 6",  # descriptors
        "ulimit -f 4",  # the size of a file
        "ulimit -s 256",  # the stack
        "ulimit -c 0; ulimit -l 0",
    ],
)
def test_limits(store: Store, limit: str) -> None:
    same(store, "sh", "-c", f'{limit} && exec "$@"', "sh")


def test_no_thread_can_be_started(store: Store) -> None:
    """A user who may have no more processes: ours cannot start its thread either. What was captured is stored, and why no more is."""
    text = """
        import resource, sys, threading
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
        if sys.argv[1:]:
            import stillframe
            stillframe.install()
        try:
            threading.Thread(target=print).start()
        except RuntimeError as error:
            print(error)
        try:
            {}["x"]
        except KeyError as error:
            if sys.argv[1:]:
                stillframe.capture(error)
                from stillframe import _native
                open("notices", "w").write("".join(_native.notices()))
        1 / 0
        """
    path = store.write("program.py", text)
    store.folder.mkdir()
    user = somebody(store)
    os.chown(store.folder, 54321, 54321)
    os.chmod(store.programs, 0o777)
    plain, ours = store.run(*user, sys.executable, path), store.run(*user, sys.executable, path, "install")
    assert "can't start new thread" in plain.out, plain.err
    assert (ours.status, ours.out, ours.err) == (plain.status, plain.out, plain.err)
    assert "cannot start the background thread" in (store.programs / "notices").read_text()
    assert [snapshot["exceptions"][0]["type"] for snapshot in store.snapshots()] == ["KeyError"]
    assert "cannot start the background thread" in "".join(store.processes()[-1]["problems"])


@pytest.mark.parametrize("stage", ["exit handler", "finalizer", "daemon thread", "signal handler", "forked child"])
def test_late_and_odd_places(store: Store, stage: str) -> None:
    """Errors where a program is not in its ordinary course."""
    text = {
        "exit handler": """
            import atexit, logging
            logging.getLogger().addHandler(logging.NullHandler())
            def late():
                step = 7
                try:
                    {}[step]
                except KeyError:
                    logging.exception("late")
            atexit.register(late)
            """,
        "finalizer": """
            class Connection:
                def __del__(self):
                    step = 7
                    raise ValueError(step)
            kept = Connection()
            kept.itself = kept
            """,
        "daemon thread": """
            import logging, threading, time
            logging.getLogger().addHandler(logging.NullHandler())
            begun = threading.Event()
            def work():
                step = 7
                while True:
                    try:
                        {}[step]
                    except KeyError:
                        logging.exception("again")
                    begun.set()
            for _ in range(4):
                threading.Thread(target=work, daemon=True).start()
            begun.wait()
            """,
        "signal handler": """
            import os, signal
            def handle(number, frame):
                step = 7
                raise ValueError(step)
            signal.signal(signal.SIGUSR1, handle)
            waiting = "for a signal"
            os.kill(os.getpid(), signal.SIGUSR1)
            """,
        "forked child": """
            import logging, os, threading, time
            logging.getLogger().addHandler(logging.NullHandler())
            threading.Thread(target=time.sleep, args=(0.2,)).start()
            for _ in range(3):
                pid = os.fork()
                if pid == 0:
                    step = 7
                    try:
                        {}[step]
                    except KeyError:
                        logging.exception("in the child")
                    raise SystemExit(0)
                assert os.waitpid(pid, 0)[1] == 0
            """,
    }[stage]
    plain, ours = (
        store.python(text, options=("-W", "ignore")),
        store.python(text, options=("-W", "ignore"), env={"STILLFRAME_ENABLED": "1"}),
    )
    assert (ours.status, ours.out) == (plain.status, plain.out)
    if stage != "finalizer":  # it prints an address
        assert ours.err == plain.err
    shots = store.snapshots()
    assert len(shots) >= {"forked child": 3}.get(stage, 1)
    assert values(shots[0])["step"] == 7
    assert functions(shots[0])


def test_two_tools_at_once(store: Store) -> None:
    """Another tool that replaces the same hooks, installed before and after: both meet each error once, and the output stays."""
    text = """
        import logging, sys, threading
        met = []
        def tool():
            before, thread = sys.excepthook, threading.excepthook
            def excepthook(kind, error, traceback):
                met.append(kind.__name__)
                before(kind, error, traceback)
            def in_thread(args):
                met.append(args.exc_type.__name__)
                thread(args)
            sys.excepthook, threading.excepthook = excepthook, in_thread
        tool()
        if {install}:
            import stillframe
            stillframe.install()
            stillframe.install()
        tool()
        def work():
            raise LookupError("in a thread")
        started = threading.Thread(target=work, name="worker")
        started.start()
        started.join()
        import atexit
        atexit.register(lambda: print(met))
        1 / 0
        """
    plain, ours = store.python(text.format(install=False)), store.python(text.format(install=True))
    assert ours.out == plain.out == "['LookupError', 'LookupError', 'ZeroDivisionError', 'ZeroDivisionError']\n"
    assert ours.status == plain.status
    assert store.errors() == [("LookupError", "threading", False), ("ZeroDivisionError", "excepthook", False)]


def test_a_full_disk_and_many_processes(store: Store, tmp_path: Path) -> None:
    """Four processes fill a small disk together: all go on to their end, and what fitted can be read."""
    folder = tmp_path / "small"
    folder.mkdir()
    path = store.write(
        "program.py",
        """
        import multiprocessing, os, stillframe
        def work(which):
            for number in range(150):
                noise = [os.urandom(500).hex() for _ in range(10)]
                stillframe.capture(ValueError(number))
                stillframe.flush()
        if __name__ == "__main__":
            stillframe.install()
            processes = [multiprocessing.get_context("fork").Process(target=work, args=(which,)) for which in range(4)]
            for process in processes:
                process.start()
            for process in processes:
                process.join()
            print([process.exitcode for process in processes])
        """,
    )
    ways = (["unshare", "-rm"], ["unshare", "-m"], ["unshare", "-m", "--propagation", "unchanged"])
    way = next(way for way in ways if subprocess.run([*way, "true"], capture_output=True).returncode == 0)
    script = f"mount -t tmpfs -o size=512k none {folder} && {sys.executable} {path} && cp -r {folder}/store {store.folder}"
    result = store.run(*way, "sh", "-c", script, env={"STILLFRAME_DIR": str(folder / "store")})
    assert (result.status, result.out) == (0, "[0, 0, 0, 0]\n"), result.err
    assert 1 <= len(store.snapshots()) < 600
    assert store.run(COMMAND, "list").status == 0
    assert findings(store)
