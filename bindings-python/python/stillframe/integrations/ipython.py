"""IPython and Jupyter: ``%load_ext stillframe``.

After a cell that fails, its traceback is followed by the values in few lines. ``%stillframe`` shows all of them: as text, in a notebook
as a view to unfold. The errors are kept as those of a program are, for ``stillframe list`` and ``stillframe show``.
"""

from __future__ import annotations

import atexit
import os
import sys

from stillframe import _context, _failures, _report, _runtime
from stillframe._runtime import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Any

    from stillframe import _native

MAGIC = "stillframe"
LINES = 16
"""Lines below a traceback."""

AROUND = frozenset(("IPython", "ipykernel", "traitlets", "tornado", "asyncio", "concurrent", "contextlib", "nest_asyncio", "trio"))
"""Packages whose frames say how a cell was run."""

_CHAIN = 16
_loaded: Extension | None = None


def load(shell: Any) -> None:
    """What ``%load_ext stillframe`` does."""
    global _loaded
    if _loaded is not None:
        _loaded.detach()
        _loaded = None
    if _runtime.problem is not None:
        sys.stdout.write(f"stillframe: nothing will be captured: {_runtime.problem}\n")
    elif native.is_enabled() is False:
        sys.stdout.write("stillframe: nothing will be captured: the environment or stillframe.toml switch it off (enabled)\n")
    else:
        _loaded = Extension(shell)
        _loaded.attach()


def unload(shell: Any) -> None:
    """What ``%unload_ext stillframe`` does."""
    global _loaded
    if _loaded is not None:
        _loaded.detach()
        _loaded = None


class Extension:
    """The extension in one shell."""

    def __init__(self, shell: Any) -> None:
        """Makes it; nothing is captured yet."""
        self._shell = shell
        self._is_notebook = hasattr(shell, "kernel")
        program = "jupyter" if self._is_notebook else "ipython"
        self._recorder: _native.Recorder = native.Recorder({}, "%load_ext stillframe", program)
        self._process = os.getpid()
        self._last: tuple[_native.Snapshot, dict[str, str]] | None = None
        self._before: BaseException | None = None
        self._noted: dict[str, int] = {}

    def attach(self) -> None:
        """Captures from now on."""
        self._before_cell()  # the one that loads the extension is no failure of before
        self._shell.events.register("pre_run_cell", self._before_cell)
        self._shell.events.register("post_run_cell", self._after_cell)
        self._shell.register_magic_function(self._magic, "line", MAGIC)
        atexit.register(self._at_exit)
        for problem in self._recorder.problems:
            sys.stdout.write(f"stillframe: {problem}\n")

    def detach(self) -> None:
        """Captures no more."""
        atexit.unregister(self._at_exit)
        self._shell.events.unregister("pre_run_cell", self._before_cell)
        self._shell.events.unregister("post_run_cell", self._after_cell)
        self._shell.magics_manager.magics["line"].pop(MAGIC, None)
        self._before = self._last = None
        self._recorder.stop()

    def _at_exit(self) -> None:
        """Stores what the last cells have left: the process ends before that would be done in the background."""
        try:
            if self._last is not None and self._process == os.getpid():
                self._recorder.flush(_report.DEADLINE)
        except Exception as failure:
            _failures.count(failure)

    def _before_cell(self, info: Any = None) -> None:
        self._before = getattr(sys, "last_value", None)

    def _after_cell(self, result: Any = None) -> None:
        """Captures what a cell has raised, or what a magic of it (``%run``) has printed."""
        before, self._before = self._before, None
        try:
            error = getattr(result, "error_in_exec", None)
            if error is None and getattr(result, "error_before_exec", None) is None:
                last = getattr(sys, "last_value", None)
                error = None if last is before else last
            if error is not None and not issubclass(type(error), (SyntaxError, SystemExit, GeneratorExit)):
                self._capture(error)
        except Exception as failure:
            _failures.count(failure)

    def _capture(self, error: BaseException) -> None:
        if self._process != os.getpid():
            self._process = os.getpid()
            self._recorder.after_fork()
        traceback = _trim(error.__traceback__)
        if traceback is None:
            return
        names = self._cells(error)
        context = _context.of(error, None, None)
        snapshot = self._recorder.capture(error, traceback, False, MAGIC, context)
        if snapshot is None:
            return
        self._last = (snapshot, names)
        width, colour, unicode = self._look()
        text = snapshot.to_text(width, colour, unicode, LINES, False, names)
        title = f"stillframe show {snapshot.short_id}, or %stillframe"
        rule = "─" if unicode else "-"
        head = f"{rule * 2} {title} "
        sys.stdout.write(f"{head}{rule * (min(width, 76) - len(head))}\n{text}")

    def _cells(self, error: BaseException) -> dict[str, str]:
        """Notes the source of cells that the error came through, and says what people call them."""
        import linecache

        known = getattr(getattr(self._shell, "compile", None), "_filename_map", {})
        names: dict[str, str] = {}
        link: BaseException | None = error
        for _ in range(_CHAIN):
            if link is None:
                break
            traceback = link.__traceback__
            while traceback is not None:
                file = traceback.tb_frame.f_code.co_filename
                entry: Any = linecache.cache.get(file)
                if type(entry) is tuple and len(entry) == 4 and not os.path.exists(file):
                    text = "".join(entry[2])
                    if self._noted.get(file) != hash(text):
                        self._noted[file] = hash(text)
                        self._recorder.note_source(file, text)
                if file in known:
                    names[file] = f"In[{known[file]}]"
                traceback = traceback.tb_next
            link = link.__cause__ or link.__context__
        return names

    def _look(self) -> tuple[int, bool, bool]:
        """Width of the output, whether it has colours, and whether it can show all of Unicode."""
        colour = str(getattr(self._shell, "colors", "")).lower() != "nocolor" and not os.environ.get("NO_COLOR")
        if self._is_notebook:
            return 88, colour, True
        encoding = getattr(sys.stdout, "encoding", None) or ""
        try:
            width = os.get_terminal_size(sys.stdout.fileno()).columns or 80
        except (AttributeError, OSError, ValueError):
            width, colour = 80, False
        return width, colour, encoding.lower().replace("-", "") == "utf8"

    def _magic(self, line: str) -> None:
        """Shows the last error with all of its values."""
        if self._last is None:
            sys.stdout.write("stillframe: no cell has failed since %load_ext stillframe\n")
            return
        snapshot, names = self._last
        if self._is_notebook:
            from IPython.display import display

            display(_View(snapshot, names))
        else:
            sys.stdout.write(snapshot.to_text(*self._look(), names=names))


class _View:
    """A snapshot as a notebook shows it, cells by the names that people have for them."""

    def __init__(self, snapshot: _native.Snapshot, names: dict[str, str]) -> None:
        self._snapshot = snapshot
        self._names = names

    def _repr_html_(self) -> str:
        return self._snapshot.to_html(self._names)

    def __repr__(self) -> str:
        return self._snapshot.to_text(88, False, True, names=self._names).rstrip("\n")


def _trim(traceback: TracebackType | None) -> TracebackType | None:
    """A traceback without the frames around the cell."""
    while traceback is not None:
        name = traceback.tb_frame.f_globals.get("__name__")
        if type(name) is not str or name.partition(".")[0] not in AROUND:
            return traceback
        traceback = traceback.tb_next
    return None
