"""What test runners share: the errors of tests are captured beside the program, and told in few lines.

The tests may be tests of a program that uses ``stillframe`` itself. So an engine of its own captures them, and nothing here can be seen by
the program: not its hooks, not its counts, not its store.
"""

from __future__ import annotations

import os

from stillframe import _command_line, _context, _failures, _places, _runtime
from stillframe._runtime import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from types import FrameType, TracebackType

    from stillframe import _native

DEADLINE = 5.0
"""Seconds that the end of a run waits for the store."""

LINES = 30
MORE_LINES = 60
ALL_LINES = 400
"""Lines below a failure: usually, if asked for more, and if asked for all."""

SHOWN = 100
"""Failures of a run that are told in the terminal, unless configured otherwise."""

MACHINERY = frozenset(
    ("_pytest", "pytest", "pluggy", "unittest", "doctest", "xdist", "execnet", "subtests", "pytest_subtests", "pytest_timeout")
)
"""Packages whose frames say how a test was run, wherever they are in its traceback."""

AROUND = frozenset(
    (
        *("asyncio", "concurrent", "threading", "contextlib", "contextvars", "functools", "importlib", "runpy", "timeit"),
        *("anyio", "trio", "sniffio", "pytest_asyncio", "pytest_trio", "pytest_django", "pytest_tornasync", "pytest_twisted"),
        *("pytest_rerunfailures", "flaky", "hypothesis", "greenlet", "uvloop", "django", "asgiref", "twisted", "tornado"),
    )
)
"""Packages whose frames say so around the test, while they may be part of it further in."""


class Style:
    """How the terminal takes text."""

    __slots__ = ("colour", "lines", "unicode", "width")

    def __init__(self, width: int = 80, colour: bool = False, unicode: bool = False, lines: int = LINES) -> None:
        """Plain, unless said otherwise."""
        self.width = width
        self.colour = colour
        self.unicode = unicode
        self.lines = lines


class Run:
    """A run of tests. The engine starts with the first failure; a run without one costs nothing and leaves no store."""

    def __init__(self, root: str, directory: str | None, enabled_by: str, style: Style) -> None:
        """Begins one.

        Args:
            root: the project's directory.
            directory: of the store; ``None`` for that of the configuration, or one that is named after the project.
            enabled_by: what asked for it, for people to read.
            style: how the terminal takes text.
        """
        self.root = root
        self.directory = directory
        self.service = service_of(root)
        self.style = style
        self.captured = 0
        self.missed = 0
        self._enabled_by = enabled_by
        self._recorder: _native.Recorder | None = None
        self._process = os.getpid()
        self._noted: set[str] = set()
        self._problem: str | None = None

    @staticmethod
    def refusal() -> str | None:
        """Why nothing can be captured here, if so."""
        if _runtime.problem is not None:
            return _runtime.problem
        return "the environment or stillframe.toml switch it off (enabled)" if native.is_enabled() is False else None

    def capture(
        self,
        error: BaseException,
        traceback: TracebackType | None,
        mechanism: str,
        test: str,
        sources: Iterable[tuple[str, str]] = (),
    ) -> _native.Snapshot | None:
        """Captures the error of a test; ``None`` when no code of the program is part of it, or it could not be captured.

        Args:
            error: what the test raised.
            traceback: its traceback, without the frames of the runner.
            mechanism: the runner's name in the snapshot.
            test: the test's name.
            sources: names and texts of code that is in no file.
        """
        recorder = self._start()
        for name, text in sources:
            if name not in self._noted:
                self._noted.add(name)
                recorder.note_source(name, text)
        context = _context.of(error, None, {"test": test})
        snapshot = recorder.capture(error, traceback, False, mechanism, context)
        if snapshot is None:  # perhaps too many wait to be stored
            recorder.flush(DEADLINE)
            snapshot = recorder.capture(error, traceback, False, mechanism, context)
        if snapshot is None:
            self.missed += 1
        else:
            self.captured += 1
        return snapshot

    def text(self, snapshot: _native.Snapshot) -> str:
        """The most telling part of a snapshot."""
        style = self.style
        return snapshot.to_text(style.width, style.colour, style.unicode, style.lines, False).rstrip("\n")

    def problems(self) -> list[str]:
        """What is wrong with the configuration or the store, a line each."""
        recorder = self._recorder
        if recorder is None:
            return [] if self._problem is None else [self._problem]
        return [*recorder.problems, *recorder.notices()]

    def finish(self) -> bool:
        """Waits until everything is stored; whether it is."""
        recorder = self._recorder
        return recorder is None or recorder.flush(DEADLINE)

    def where(self) -> str:
        """The options with which the ``stillframe`` command finds the store."""
        if self.directory is not None:
            path = self.directory
            try:
                near = os.path.relpath(path)
                path = near if len(near) < len(path) else path
            except ValueError:
                pass
            return f"--dir {_quoted(path)}"
        return f"--service {_quoted(self.service)}"

    def _start(self) -> _native.Recorder:
        recorder = self._recorder
        if recorder is None:
            settings: dict[str, object] = {"service": self.service}
            if self.directory is not None:
                settings["dir"] = self.directory
            try:
                recorder = self._recorder = native.Recorder(settings, self._enabled_by, self.service, packages(self.root))
            except Exception as failure:
                self._problem = f"nothing is captured: the configuration cannot be read: {_failures.type_name(type(failure))}"
                raise
        elif self._process != os.getpid():  # a test that forks, or is run in a fork
            recorder.after_fork()
        self._process = os.getpid()
        return recorder


def service_of(root: str) -> str:
    """What the store of a project's tests is named after."""
    name = _command_line.in_utf8(os.path.basename(os.path.abspath(root))) or "root"
    return name if name.endswith(("tests", "test")) else f"{name}-tests"


def packages(root: str) -> list[str]:
    """Names of the packages and modules that a project holds: they are its own, also where an installed copy is what is tested."""
    found = []
    for folder in (root, os.path.join(root, "src"), os.path.join(root, "lib")):
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    name = entry.name
                    if name.isidentifier() and os.path.exists(os.path.join(entry.path, "__init__.py")):
                        found.append(name)
                    elif name.endswith(".py") and name[:-3].isidentifier() and name != "setup.py":
                        found.append(name[:-3])
        except OSError:
            continue
    return found


def trim(traceback: TracebackType | None, hidden: Callable[[FrameType], bool] | None = None) -> TracebackType | None:
    """A traceback without the frames of the runner: those around the test, those of its own functions that the test calls.

    Args:
        traceback: the traceback.
        hidden: whether the runner hides a frame.

    Returns:
        What is left; ``None`` when that is nothing.
    """
    links = []
    while traceback is not None:
        links.append(traceback)
        traceback = traceback.tb_next
    kept = [link for link in links if not _is_machinery(link.tb_frame) and not (hidden is not None and hidden(link.tb_frame))]
    first = next((at for at, link in enumerate(kept) if _package(link.tb_frame) not in AROUND), len(kept))
    kept = kept[first:]
    if kept and kept[0] is links[-len(kept)]:
        return kept[0]
    trimmed: TracebackType | None = None
    for link in reversed(kept):
        line = _places.line(link.tb_frame.f_code, link.tb_lasti, link.tb_lineno)
        trimmed = type(link)(trimmed, link.tb_frame, link.tb_lasti, line)
    return trimmed


def _is_machinery(frame: FrameType) -> bool:
    return _package(frame) in MACHINERY or "__unittest" in frame.f_globals or frame.f_code.co_filename.startswith("<frozen importlib")


def _package(frame: FrameType) -> str:
    name = frame.f_globals.get("__name__")
    return name.partition(".")[0] if type(name) is str else ""


def _quoted(text: str) -> str:
    from shlex import quote

    return quote(text)


def count(failure: BaseException) -> None:
    """Counts a failure of ours, which changes nothing about the tests."""
    _failures.count(failure)
