"""Starting: by the environment, in interpreters that are not supported, and at what cost."""

from __future__ import annotations

import importlib.metadata
import os
import subprocess
import sys
import sysconfig
import venv
from pathlib import Path

import pytest

import stillframe
from support import Store

PACKAGE = Path(stillframe.__file__).parent
PTH = Path(sysconfig.get_path("platlib")) / "stillframe-autostart.pth"


@pytest.mark.parametrize("name", ["STILLFRAME_ENABLED", "DD_EXCEPTION_REPLAY_ENABLED", "DD_EXCEPTION_DEBUGGING_ENABLED"])
@pytest.mark.parametrize(("value", "on"), [("1", True), ("true", True), ("TRUE", True), ("0", False), ("false", False), ("", False)])
def test_switches(store: Store, name: str, value: str, on: bool) -> None:
    store.python("1/0", env={name: value})
    assert len(store.snapshots()) == on


def test_our_switch_wins(store: Store) -> None:
    store.python("1/0", env={"STILLFRAME_ENABLED": "0", "DD_EXCEPTION_REPLAY_ENABLED": "1"})
    assert store.snapshots() == []
    store.python("1/0", env={"STILLFRAME_ENABLED": "1", "DD_EXCEPTION_REPLAY_ENABLED": "0"})
    assert len(store.snapshots()) == 1


@pytest.mark.parametrize("options", [("-I",), ("-E",), ("-s",), ("-O",), ("-X", "dev")])
def test_with_options_of_the_interpreter(store: Store, options: tuple[str, ...]) -> None:
    store.python("1/0", env={"STILLFRAME_ENABLED": "1"}, options=options)
    assert len(store.snapshots()) == 1


@pytest.mark.parametrize("enabled", ["1", None])
def test_a_program_whose_name_is_not_utf8(store: Store, enabled: str | None) -> None:
    path = os.fsencode(store.programs) + b"/caf\xe9.py"
    with open(path, "w") as file:
        file.write("1/0" if enabled else "import stillframe\nstillframe.install()\n1/0")
    result = store.run(sys.executable, os.fsdecode(path), env={"STILLFRAME_ENABLED": enabled})
    assert result.status == 1
    assert "ZeroDivisionError" in result.err
    assert "stillframe" not in result.err.replace("import stillframe", "")
    (snapshot,) = store.snapshots()
    assert snapshot["service"] == "caf?"


def test_without_site_packages(store: Store) -> None:
    result = store.python("print('fine')", env={"STILLFRAME_ENABLED": "1"}, options=("-S",))
    assert (result.status, result.out, result.err) == (0, "fine\n", "")


def test_disabled_it_imports_nothing(store: Store) -> None:
    text = "import sys; print(sorted(sys.modules))"
    names = {value: store.python(text, env={"STILLFRAME_ENABLED": value}).out for value in (None, "0")}
    assert names[None] == names["0"]
    assert "stillframe" not in names[None]


def test_the_line_that_starts_us_is_one_that_site_takes() -> None:
    [line] = PTH.read_text().splitlines()
    assert line.startswith("import ")
    assert len(line) < 400


def test_a_start_that_fails_leaves_the_program_alone(store: Store, tmp_path: Path) -> None:
    """A package that is half gone, as while it is upgraded: the program starts."""
    for text in ("raise ImportError('half gone')", "raise SystemError", "syntax error", "import stillframe.nothing"):
        (tmp_path / "stillframe").mkdir(exist_ok=True)
        (tmp_path / "stillframe" / "__init__.py").write_text("")
        (tmp_path / "stillframe" / "_autostart.py").write_text(text)
        result = store.python("print('fine')", env={"STILLFRAME_ENABLED": "1", "PYTHONPATH": str(tmp_path)})
        assert (result.status, result.out) == (0, "fine\n")


def copy(folder: Path, native: str | None) -> None:
    """A copy of the package with another native module."""
    import shutil

    shutil.copytree(PACKAGE, folder / "stillframe", ignore=shutil.ignore_patterns("_native*", "__pycache__"))
    if native is not None:
        (folder / "stillframe" / "_native.py").write_text(native)


@pytest.mark.parametrize(
    "native",
    [None, "raise ImportError('not for this C library')", "raise SystemError('broken')", "class P(BaseException): pass\nraise P('panic')"],
)
def test_without_a_native_module_everything_is_idle(store: Store, tmp_path: Path, native: str | None) -> None:
    copy(tmp_path, native)
    result = store.python(
        """
        import sys, warnings, stillframe
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            stillframe.install(service="x")
        print([str(warning.message).partition(": ")[2][:47] for warning in told], sys.excepthook is sys.__excepthook__)
        print(stillframe.capture(ValueError()), stillframe.flush(), list(stillframe.stats()))
        with stillframe.capturing(), stillframe.context(user="u"):
            pass
        stillframe.uninstall()
        """,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert result.status == 0, result.err
    assert result.out == "['nothing will be captured: the native module can'] True\nNone True ['unsupported']\n"


def test_an_unsupported_interpreter_that_was_asked_tells_once(store: Store, tmp_path: Path) -> None:
    copy(tmp_path, None)
    result = store.python("print('fine')\n1/0", env={"PYTHONPATH": str(tmp_path), "STILLFRAME_ENABLED": "1"})
    assert (result.status, result.out) == (1, "fine\n")
    assert result.err.count("RuntimeWarning: stillframe: nothing will be captured") == 1
    path = store.programs / "program.py"
    ours = store.run(sys.executable, "-m", "stillframe._run", "file", path, env={"PYTHONPATH": str(tmp_path)})
    plain = store.run(sys.executable, path)
    assert ours.err.startswith(plain.err)
    assert "nothing was captured: the native module cannot be used here" in ours.err[len(plain.err) :]


def others() -> list[str]:
    """Interpreters that are here and not supported."""
    chosen = os.environ.get("STILLFRAME_UNSUPPORTED_PYTHONS", "").split()
    return chosen or [
        str(path) for path in Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv").glob("versions/3.[78].*/bin/python")
    ]


@pytest.mark.parametrize("python", others())
def test_interpreters_that_are_not_supported(python: str, tmp_path: Path) -> None:
    copy(tmp_path, None)
    text = (
        "import warnings\nwith warnings.catch_warnings(record=True) as told:\n    import stillframe\n    assert not told\n    stillframe.install()\n"
        "print(told[0].message, stillframe.stats())\n"
        "assert stillframe.capture(ValueError()) is None\n"
        "@stillframe.capturing\ndef f():\n    return 3\nassert f() == 3\n"
        "with stillframe.context(user='x'):\n    pass\nstillframe.uninstall()"
    )
    done = subprocess.run(
        [python, "-c", text], env={"PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert "is not supported, 3.9 is the oldest that is" in done.stdout


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("sys.implementation.name = 'pypy'", "pypy is not supported, only CPython is"),
        ("sys.abiflags = 't'", "free-threaded builds of CPython are not supported yet"),
    ],
)
def test_what_it_says_of_others(store: Store, change: str, reason: str) -> None:
    result = store.python(f"import sys\n{change}\nimport stillframe\nprint(stillframe.stats()['unsupported'])")
    assert result.out == reason + "\n"


def test_subinterpreters(store: Store) -> None:
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    result = store.python(
        f"""
        import {module} as interpreters, stillframe
        stillframe.install()
        other = interpreters.create()
        code = "import stillframe; print(list(stillframe.stats()), stillframe.capture(ValueError()), flush=True)"
        interpreters.run_string(other, code)
        interpreters.destroy(other)
        print(stillframe.capture(ValueError()) is not None)
        """
    )
    assert result.status == 0, result.err
    assert result.out == "['unsupported'] None\nTrue\n"


@pytest.mark.parametrize("asked", ["pass", "import stillframe; stillframe.capture(); stillframe.uninstall()"])
def test_subinterpreters_of_a_program_that_was_asked_by_the_environment(store: Store, asked: str) -> None:
    """They start, run and end as without us: nothing is told, and little is imported (what is, 3.12.1 may crash on when they end)."""
    module = "_interpreters" if sys.version_info >= (3, 13) else "_xxsubinterpreters"
    text = f"""
        import {module} as interpreters
        for _ in range(2):
            other = interpreters.create()
            imported = "import sys; print('stillframe' in sys.modules, 'importlib.metadata' in sys.modules, flush=True)"
            interpreters.run_string(other, {asked!r} + chr(10) + imported)
            interpreters.destroy(other)
        1 / 0
        """
    result = store.enabled(text)
    assert (result.status, result.out) == (1, "True False\n" * 2), result.err
    assert result.err == store.python("1 / 0").err.replace("line 1", "line 8")
    assert store.errors() == [("ZeroDivisionError", "excepthook", False)]


def test_the_version_without_a_native_module(store: Store, tmp_path: Path) -> None:
    """It is there when somebody asks, and nothing is imported for it before."""
    copy(tmp_path, None)
    result = store.python(
        """
        import sys, stillframe
        print("importlib.metadata" in sys.modules)
        from stillframe import __version__
        print(__version__ == stillframe.__version__ != "unknown")
        """,
        env={"PYTHONPATH": str(tmp_path)},
    )
    assert (result.out, result.err) == ("False\nTrue\n", "")


def test_in_an_environment_of_its_own(store: Store, tmp_path: Path) -> None:
    """A virtual environment that sees this one's packages only by path: nothing starts by itself, and nothing breaks."""
    venv.create(tmp_path / "venv", symlinks=True)
    python = tmp_path / "venv" / "bin" / "python"
    result = store.run(python, "-c", "print('fine')", env={"STILLFRAME_ENABLED": "1"})
    assert (result.status, result.out, result.err) == (0, "fine\n", "")
    result = store.run(python, "-c", "import stillframe; stillframe.install(); 1/0", env={"PYTHONPATH": str(PACKAGE.parent)})
    assert result.status == 1
    assert len(store.snapshots()) == 1


def test_what_pip_is_told() -> None:
    """An older interpreter is refused by pip, with the version that it needs."""
    metadata = importlib.metadata.metadata("stillframe")
    assert metadata["Requires-Python"] == ">=3.9"
    assert metadata["License-Expression"] == "Apache-2.0"


def test_typing() -> None:
    assert (PACKAGE / "py.typed").exists()


def test_starting_anew_loses_nothing(store: Store) -> None:
    """Other threads go on capturing while the engine before stores what it has."""
    result = store.python(
        """
        import threading, time, stillframe
        stillframe.install()
        counts = {True: 0, False: 0}
        going = True
        def fail():
            while going:
                try:
                    1 / 0
                except ZeroDivisionError as error:
                    counts[stillframe.capture(error) is not None] += 1
                time.sleep(0.001)
        thread = threading.Thread(target=fail)
        thread.start()
        for number in range(5):
            while sum(counts.values()) < 20 * (number + 1):
                time.sleep(0.01)
            stillframe.install(service="shop")
        going = False
        thread.join()
        stillframe.flush(60)
        print(counts[True], counts[False])
        """
    )
    assert result.status == 0, result.err
    captured, lost = map(int, result.out.split())
    assert (captured >= 100, lost) == (True, 0)
    assert len(store.snapshots()) == captured
