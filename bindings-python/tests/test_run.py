"""``stillframe run``: many small programs, each with and without. What they print, how they end, and what they see must be the same."""

from __future__ import annotations

import os
import re
import signal
import sys
import textwrap
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from support import COMMAND, Result, Store

HERE = Path(sys.executable)


@dataclass
class Program:
    """Files, and how the interpreter is told to run them."""

    text: str = ""
    arguments: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    kind: str = "file"
    target: str = "program.py"
    files: dict[str, str] = field(default_factory=dict)
    stdin: bytes = b""

    def write(self, folder: Path) -> None:
        for name, text in {"program.py": self.text, **self.files}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text))

    def plain(self) -> list[str]:
        """Arguments of the interpreter without us."""
        how = {"module": ["-m", self.target], "code": ["-c", self.target]}.get(self.kind, [self.target])
        return [*self.options, *how, *self.arguments]

    def ours(self) -> list[str]:
        """Arguments of the interpreter with us."""
        return [*self.options, "-m", "stillframe._run", self.kind, self.target, *self.arguments]


SEE = """
import sys, os, __main__
print(sys.argv, sys.path[0], sys.flags, sys.warnoptions, sys._xoptions, getattr(sys, "orig_argv", [])[1:])
print(__name__, __main__.__dict__ is globals(), type(__builtins__), __doc__)
for name in ("__file__", "__package__", "__spec__", "__cached__"):
    print(name, globals().get(name, "unset"))
print(type(globals().get("__loader__")), sorted(globals()))
print(sys.excepthook.__name__, sys.getrecursionlimit(), os.getcwd(), sys.modules["__main__"] is __main__)
"""

PROGRAMS = {
    "what it sees": Program(SEE, ("a", "-b", "--c=d e", "")),
    "options": Program(SEE, options=("-O", "-u", "-X", "dev", "-Wdefault", "-B")),
    "isolated": Program(SEE, options=("-I",)),
    "without the environment": Program(SEE, options=("-E",)),
    "warnings are errors": Program("import warnings\nwarnings.warn('x')", options=("-W", "error")),
    "code": Program(kind="code", target=SEE + "\nraise ValueError(1)", arguments=("a",)),
    "code and options": Program(
        kind="code", target="import sys; print(sys.argv, sys.flags.optimize)", options=("-OO",), arguments=("-c", "-m")
    ),
    "an error in a function": Program("def f(n):\n    return 1 / n\n\nf(0)\n"),
    "an error in another file": Program("import helper\nhelper.f(0)", files={"helper.py": "def f(n):\n    return 1 / n\n"}),
    "a cause": Program("try:\n    {}['x']\nexcept KeyError as error:\n    raise RuntimeError('y') from error"),
    "a context": Program("try:\n    {}['x']\nexcept KeyError:\n    raise RuntimeError('y')"),
    "a recursion": Program("def f(n):\n    return f(n + 1)\nf(0)"),
    "depth of the stack": Program(
        "import sys, traceback\ndef f(n):\n    try:\n        return f(n + 1)\n    except RecursionError:\n        return n\n"
        "print(f(0), len(traceback.extract_stack()))\ntraceback.print_stack()"
    ),
    "notes": Program("error = ValueError('x')\nif hasattr(error, 'add_note'): error.add_note('careful')\nraise error"),
    "text that cannot be encoded": Program("raise ValueError('\\udcff', 'ä')"),
    "an error whose text fails": Program("class E(Exception):\n    def __str__(self):\n        raise ValueError\nraise E"),
    "a class that is no error": Program("raise 3"),
    "a syntax error": Program("def f(:\n    pass"),
    "a syntax error elsewhere": Program("import helper", files={"helper.py": "a b"}),
    "an empty file": Program(""),
    "a missing file": Program(target="missing.py"),
    "null bytes": Program("x = 1\0"),
    "exit 0": Program("import sys; sys.exit()"),
    "exit 3": Program("import sys; sys.exit(3)"),
    "exit -1": Program("import sys; sys.exit(-1)"),
    "exit with a big number": Program("import sys; sys.exit(10**20)"),
    "exit with a text": Program("import sys; sys.exit('bye')"),
    "exit with an object": Program("class C:\n    def __str__(self):\n        return 'c'\nraise SystemExit(C())"),
    "exit in a handler": Program("import sys\ntry:\n    1/0\nexcept ZeroDivisionError:\n    sys.exit(4)"),
    "exit at once": Program("import os; print('x', flush=True); os._exit(7)"),
    "exit in a thread": Program("import threading, sys\nthread = threading.Thread(target=sys.exit, args=(5,))\nthread.start()"),
    "an interrupt": Program("raise KeyboardInterrupt"),
    "an interrupt while another error is handled": Program("try:\n    1/0\nexcept ZeroDivisionError:\n    raise KeyboardInterrupt"),
    "an interrupt by signal": Program("import signal\nsignal.raise_signal(signal.SIGINT)"),
    "a signal": Program("import signal; signal.raise_signal(signal.SIGTERM)"),
    "a signal after an error was logged": Program(
        "import logging, os, signal\ntry:\n    1/0\nexcept ZeroDivisionError:\n    logging.exception('x')\nos.kill(os.getpid(), signal.SIGTERM)"
    ),
    "killed": Program("import os, signal; os.kill(os.getpid(), signal.SIGKILL)"),
    "aborted": Program("import os; os.abort()"),
    "a signal handler that raises": Program(
        "import signal\nclass Stop(Exception): pass\ndef stop(*_):\n    raise Stop\nsignal.signal(signal.SIGTERM, stop)\nsignal.raise_signal(signal.SIGTERM)"
    ),
    "exit handlers": Program(
        "import atexit\natexit.register(print, 'first')\natexit.register(lambda: 1/0)\natexit.register(print, 'last')\nraise ValueError"
    ),
    "an exit handler that exits": Program("import atexit, sys\natexit.register(sys.exit, 9)\nprint('x')"),
    "threads that go on": Program(
        "import threading, time\ndef work():\n    time.sleep(0.5)\n    print('done')\n    raise ValueError('late')\n"
        "threading.Thread(target=work, name='w').start()\nraise KeyError('main')"
    ),
    "a daemon thread": Program("import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n1/0"),
    "a finalizer that fails at the end": Program(
        "class C:\n    def __del__(self):\n        raise ValueError('gone')\nc = C()\nprint('end')"
    ),
    "a hook of its own": Program("import sys\nsys.excepthook = lambda *error: print('hook', error[0].__name__, error[2].tb_lineno)\n1/0"),
    "a hook that fails": Program("import sys\ndef hook(*error):\n    raise ValueError('hook')\nsys.excepthook = hook\n{}['x']"),
    "a hook that exits": Program("import sys\nsys.excepthook = lambda *error: sys.exit(6)\n1/0"),
    "output without an end of line": Program("import sys\nsys.stdout.write('out')\nsys.stderr.write('err')\n1/0"),
    "output in bytes": Program("import sys\nsys.stdout.buffer.write(bytes(range(256)))\nsys.stdout.write('x')"),
    "input": Program("print(input())\nprint(open(0).read())", stdin=b"one\ntwo\nthree"),
    "input that ends": Program("input()"),
    "no standard error": Program("import sys\nsys.stderr = None\n1/0"),
    "a closed standard error": Program("import sys\nsys.stderr.close()\n1/0"),
    "standard error replaced": Program("import sys, io\nsys.stderr = io.StringIO()\n1/0"),
    "descriptors closed": Program(
        "import os\nos.close(2)\nfd = os.open('file.txt', os.O_CREAT | os.O_RDWR)\ntry:\n    1/0\nfinally:\n    print(fd)"
    ),
    "a broken pipe": Program("import os, sys\nr, w = os.pipe()\nos.close(r)\nos.dup2(w, 1)\nprint('x' * 100000)"),
    "source of itself": Program(
        "import inspect\nclass C:\n    def f(self):\n        pass\ndef g(): return 1\nprint(inspect.getsource(g), inspect.getfile(g))"
    ),
    "pickled classes": Program(
        "import pickle\nclass C:\n    pass\nc = pickle.loads(pickle.dumps(C()))\nprint(type(c) is C, C.__module__, pickle.dumps(C()))"
    ),
    "spawned processes": Program(
        "import multiprocessing as m\nclass Box:\n    def __init__(self, n): self.n = n\ndef f(box):\n    return type(box).__module__, box.n\n"
        "def g():\n    raise ValueError('in a process')\n"
        "if __name__ == '__main__':\n    m.set_start_method('spawn')\n    with m.Pool(1) as pool:\n        print(pool.apply(f, (Box(3),)))\n"
        "    process = m.Process(target=g, name='worker')\n    process.start()\n    process.join()\n    print(process.exitcode)"
    ),
    "forked processes": Program(
        "import os, sys\npid = os.fork()\nif pid == 0:\n    print('child')\n    sys.exit(3)\nprint(os.waitpid(pid, 0)[1] >> 8)\n1/0"
    ),
    "other interpreters": Program(
        "import subprocess, sys\nprint(subprocess.run([sys.executable, '-c', 'import sys; print(sys.argv); 1/0']).returncode)"
    ),
    "runpy": Program(
        "import runpy\nprint(sorted(runpy.run_path('helper.py')))", files={"helper.py": "value = __name__\nprint(value, __file__)"}
    ),
    "exec and eval": Program("exec(compile('1/0', 'made up', 'exec'))"),
    "a folder": Program(target="app", files={"app/__main__.py": SEE + "import near\n1/0", "app/near.py": "print('near', __name__)"}),
    "a module": Program(kind="module", target="tool", files={"tool.py": SEE + "1/0"}, arguments=("x",)),
    "a package": Program(
        kind="module",
        target="pack",
        files={"pack/__init__.py": "print('init')", "pack/__main__.py": SEE + "from . import part", "pack/part.py": "1/0"},
    ),
    "a package's module": Program(
        kind="module", target="pack.part", files={"pack/__init__.py": "", "pack/part.py": SEE + "from . import missing"}
    ),
    "a missing module": Program(kind="module", target="missing"),
    "a package that cannot be run": Program(kind="module", target="pack", files={"pack/__init__.py": ""}),
    "a module that fails when it is found": Program(
        kind="module", target="pack.part", files={"pack/__init__.py": "1/0", "pack/part.py": ""}
    ),
    "asyncio": Program("import asyncio\nasync def main():\n    await asyncio.sleep(0)\n    raise ValueError('x')\nasyncio.run(main())"),
    "an interrupt in asyncio": Program(
        "import asyncio, signal\nasync def main():\n    signal.raise_signal(signal.SIGINT)\n    await asyncio.sleep(5)\nasyncio.run(main())"
    ),
    "tests": Program(
        kind="module",
        target="unittest",
        arguments=("tests_of_it",),
        files={
            "tests_of_it.py": "import unittest\nclass T(unittest.TestCase):\n    def test_a(self):\n        self.assertEqual(1, 2)\n    def test_b(self):\n        1/0\n"
        },
    ),
    "a crash": Program("import faulthandler, ctypes\nfaulthandler.enable()\nctypes.string_at(0)"),
}
if sys.version_info >= (3, 11):
    PROGRAMS["groups"] = Program("raise ExceptionGroup('g', [ValueError(1), ExceptionGroup('h', [KeyError(2)])])")
    PROGRAMS["the safe path"] = Program(SEE, options=("-P",))

WAYS = {
    "in site-packages": (str(HERE), {}),
    "on PYTHONPATH": (
        os.path.realpath(sys.executable),  # not in the virtual environment
        {"PYTHONPATH": str(Path(__import__("stillframe").__file__).parents[1])},
    ),
}
WITHOUT_ENVIRONMENT = {"isolated", "without the environment"}
"""With these, an interpreter does not look at PYTHONPATH: neither the plain one, nor ours."""


def strip(text: str) -> str:
    """Takes out what differs from run to run."""
    text = re.sub(r"0x[0-9a-f]{6,}", "0x", text)
    text = re.sub(r"object refcount : \d+", "object refcount :", text)
    text = re.sub(r"in \d+\.\d{3}s", "in s", text)
    return re.sub(r'(File "<frozen [^>]*>", line \d+|Current thread|Thread) 0x', r"\1 0x", text)


def compare(plain: Result, ours: Result) -> str:
    """Asserts that the two are the same but for the summary, and returns that."""
    assert ours.status == plain.status
    assert strip(ours.out) == strip(plain.out)
    before, after = strip(plain.err), strip(ours.err)
    assert after[: len(before)] == before
    return after[len(before) :]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", PROGRAMS)
def test_programs_are_the_same(store: Store, name: str, way: str, tmp_path: Path) -> None:
    program = PROGRAMS[name]
    python, environment = WAYS[way]
    results = []
    for arguments in (program.plain(), program.ours()):
        program.write(store.programs)
        (store.programs / "input").write_bytes(program.stdin)
        with (store.programs / "input").open("rb") as stdin:
            results.append(store.run(python, *arguments, env={**environment, "PYTHONDONTWRITEBYTECODE": "1"}, stdin=stdin))
    plain, ours = results
    if way == "on PYTHONPATH" and name in WITHOUT_ENVIRONMENT:
        assert "stillframe" in ours.err  # it cannot even be imported
        return
    rest = compare(plain, ours)
    assert rest == "" or "stillframe" in rest.strip().splitlines()[0]


def test_a_zip_file(store: Store) -> None:
    with zipfile.ZipFile(store.programs / "app.zip", "w") as archive:
        archive.writestr("__main__.py", SEE + "import near\nnear.f()")
        archive.writestr("near.py", "def f():\n    1/0\n")
    plain = store.run(sys.executable, "app.zip", "a")
    ours = store.run(sys.executable, "-m", "stillframe._run", "file", "app.zip", "a")
    compare(plain, ours)
    assert store.errors() == [("ZeroDivisionError", "excepthook", False)]


def test_a_script(store: Store) -> None:
    path = store.write("tool", f"#!{sys.executable}\nimport sys\nprint(sys.argv[1:], sys.path[0])\n1/0\n")
    path.chmod(0o755)
    compare(store.run(path, "a"), store.run(sys.executable, "-m", "stillframe._run", "script", path, "a"))
    path.chmod(0o644)
    compare(store.run(sys.executable, path, "a"), store.run(sys.executable, "-m", "stillframe._run", "script", path, "a"))
    assert store.errors() == [("ZeroDivisionError", "excepthook", False)] * 2


def test_standard_input_as_the_program(store: Store) -> None:
    path = store.write("program.py", SEE + "1/0\n")
    with path.open("rb") as first, path.open("rb") as second:
        compare(
            store.run(sys.executable, "-", "a", stdin=first),
            store.run(sys.executable, "-m", "stillframe._run", "file", "-", "a", stdin=second),
        )
    assert store.errors() == [("ZeroDivisionError", "excepthook", False)]


@pytest.mark.parametrize("arguments", [(), ("file",), ("nonsense", "x")])
def test_wrong_use(store: Store, arguments: tuple[str, ...]) -> None:
    result = store.run(sys.executable, "-m", "stillframe._run", *arguments)
    assert (result.status, result.out) == (2, "")
    assert result.err.startswith("stillframe: expected one of file, module, code, script")


def test_the_summary_comes_after_the_traceback(store: Store) -> None:
    path = store.write("program.py", "def pay(amount):\n    return 1 / amount\n\npay(0)\n")
    plain = store.run(sys.executable, path)
    summary = compare(plain, store.run(sys.executable, "-m", "stillframe._run", "file", path))
    assert "ZeroDivisionError" in summary
    assert "amount = 0" in summary
    assert store.snapshots()[0]["id"][:8] in summary or "stillframe show" in summary
    assert "\x1b" not in summary


def test_no_summary_when_nothing_happened(store: Store) -> None:
    path = store.write("program.py", "print('fine')")
    result = store.run(sys.executable, "-m", "stillframe._run", "file", path)
    assert (result.status, result.out, result.err) == (0, "fine\n", "")


def test_the_summary_where_the_environment_asks_for_it(store: Store) -> None:
    quiet, told = (store.enabled("1/0", env={"STILLFRAME_SUMMARY": value}) for value in (None, "1"))
    assert compare(quiet, told) != ""


def test_only_the_process_that_was_run_tells(store: Store) -> None:
    path = store.write(
        "program.py",
        """
        import os, subprocess, sys
        if os.fork() == 0:
            raise ValueError("in the child")
        os.wait()
        subprocess.run([sys.executable, "-c", "raise KeyError('in a grandchild')"])
        """,
    )
    result = store.run(sys.executable, "-m", "stillframe._run", "file", path)
    assert store.errors() == [("ValueError", "excepthook", False), ("KeyError", "excepthook", False)]
    assert "stillframe" not in result.err.replace(str(store.programs), "")


def test_what_the_children_of_a_program_inherit(store: Store) -> None:
    text = "import os, sys\nprint(sorted(name for name in os.environ if 'STILLFRAME' in name or name.startswith('PYTHON')), sys.path)"
    path = store.write("program.py", f"{text}\nimport subprocess\nsubprocess.run([sys.executable, '-c', {text!r}])")
    for python, environment in WAYS.values():
        plain = store.run(python, path, env=environment)
        ours = store.run(python, "-m", "stillframe._run", "file", path, env=environment)
        assert ours.out.replace("'STILLFRAME_DIR', 'STILLFRAME_ENABLED'", "'STILLFRAME_DIR'") == plain.out


def test_a_terminal_gets_its_width_and_colours(store: Store) -> None:
    import pty

    path = store.write("program.py", "1/0")
    for more, coloured in ({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False):
        primary, secondary = pty.openpty()
        import subprocess

        done = subprocess.run(
            [sys.executable, "-m", "stillframe._run", "file", str(path)],
            env=store.env(TERM="xterm", **more) if "TERM" not in more else store.env(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=secondary,
            timeout=60,
        )
        os.close(secondary)
        text = b""
        while True:
            try:
                part = os.read(primary, 65536)
            except OSError:
                break
            if not part:
                break
            text += part
        os.close(primary)
        summary = text.decode().partition("division by zero")[2]
        assert done.returncode == 1
        assert "stillframe" in summary
        assert ("\x1b[" in summary) is coloured


@pytest.mark.parametrize("way", ["run"])
def test_the_command(store: Store, way: str) -> None:
    """The command itself, from the wheel."""
    store.write("program.py", SEE + "def pay(amount):\n    return 1 / amount\npay(0)\n")
    store.write("tool.py", SEE + "1/0\n")
    for command, arguments in (
        (["program.py", "a", "--b"], ["program.py", "a", "--b"]),
        (["-m", "tool", "-x"], ["-m", "tool", "-x"]),
        (["-c", "import sys; print(sys.argv); 1/0", "-y"], ["-c", "import sys; print(sys.argv); 1/0", "-y"]),
    ):
        compare(store.run(sys.executable, *arguments), store.run(COMMAND, way, *command))
    assert store.errors() == [("ZeroDivisionError", "excepthook", False)] * 3


def test_a_signal_to_the_command_reaches_the_program(store: Store) -> None:
    import subprocess

    path = store.write("program.py", "import time\nprint('up', flush=True)\ntime.sleep(60)")
    process = subprocess.Popen([COMMAND, "run", str(path)], env=store.env(), stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"up\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == -signal.SIGINT
    assert b"KeyboardInterrupt" in err
