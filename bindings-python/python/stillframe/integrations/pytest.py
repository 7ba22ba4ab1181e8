"""``pytest --stillframe``: each failing test is captured, and its values are shown below its traceback.

Outcomes, tracebacks and the exit status are pytest's own: a report gets one section more, and the run one line at its end. Frames of
pytest and of the plug-ins around a test are left out; so are those that a test hides with ``__tracebackhide__``.
"""

from __future__ import annotations

import os

from stillframe.integrations._test_runs import ALL_LINES, LINES, MORE_LINES, SHOWN, Run, Style, count, trim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable
    from types import FrameType, TracebackType
    from typing import Any, TypeVar, Union

    F = TypeVar("F", bound=Callable[..., Any])

    def hookimpl(
        *, hookwrapper: bool = False, optionalhook: bool = False, tryfirst: bool = False, trylast: bool = False
    ) -> Callable[[F], F]:
        """That of pytest, which need not be there to check types."""
else:
    from pytest import hookimpl

KEY = "stillframe"
"""Under this name a report carries the id of its snapshot, and a worker of ``pytest-xdist`` what it needs to know."""

TITLE = "stillframe show "
"""What the title of a section begins with; the rest is the snapshot's id."""


def plugin(config: Any) -> Plugin:
    """The plug-in for a run: the controller's, or that of a worker of ``pytest-xdist``."""
    told = getattr(config, "workerinput", {}).get(KEY)
    if told is not None:
        return Plugin(config, told["directory"], Style(*told["style"]), told["shown"])
    directory = config.getoption("stillframe_store") or None
    if directory is not None:
        directory = os.path.join(str(config.invocation_params.dir), directory)
    elif config.getini("stillframe_store"):
        directory = os.path.join(str(config.rootpath), config.getini("stillframe_store"))
    return Plugin(config, directory, None, _number(config, "stillframe_shown", SHOWN))


class Plugin:
    """The hooks."""

    def __init__(self, config: Any, directory: str | None, style: Style | None, shown: int) -> None:
        """Prepares a run.

        Args:
            config: pytest's.
            directory: of the store, if one is named.
            style: how the controller's terminal takes text; in the controller itself ``None``, as its terminal comes later.
            shown: failures that are told in the terminal.
        """
        self._config = config
        self._run = Run(str(config.rootpath), directory, "pytest --stillframe", style or Style())
        self._refusal = Run.refusal()
        self._is_worker = style is not None
        self._has_style = self._is_worker
        self._shown = shown
        verbose = config.getoption("verbose", 0)
        self._lines = _number(config, "stillframe_lines", ALL_LINES if verbose > 1 else MORE_LINES if verbose == 1 else LINES)
        self._written = 0
        self._failures = 0
        self._told = 0
        self._interrupted: tuple[str, str] | None = None

    # where tests fail

    @hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: Any, call: Any) -> Generator[None, Any, None]:
        """Captures what a test, or a fixture of it, has raised."""
        outcome = yield
        try:
            report = outcome.get_result()
            if report.failed and call.excinfo is not None:
                self._add(report, call.excinfo, item.nodeid, collecting=False)
        except Exception as failure:
            count(failure)

    @hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, None]:
        """Captures what the import of a module of tests has raised."""
        outcome = yield
        try:
            report = outcome.get_result()
            call = getattr(report, "call", None)
            if report.failed and call is not None and call.excinfo is not None:
                self._add(report, call.excinfo, collector.nodeid, collecting=True)
        except Exception as failure:
            count(failure)

    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """Captures where the run was interrupted: a test that hangs."""
        try:
            if self._refusal is None and issubclass(type(excinfo.value), KeyboardInterrupt):
                traceback = trim(excinfo.tb, _is_hidden)
                if traceback is not None:
                    told = self._capture(excinfo.value, traceback, "the interrupted test", ())
                    self._interrupted = told and (told[0], told[1] or "")
        except Exception as failure:
            count(failure)

    # what comes of it

    @hookimpl(tryfirst=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Counts a failing test, in the process that has the terminal."""
        try:
            self._count(report)
        except Exception as failure:
            count(failure)

    @hookimpl(tryfirst=True)
    def pytest_collectreport(self, report: Any) -> None:
        """Counts a module that cannot be imported."""
        try:
            self._count(report)
        except Exception as failure:
            count(failure)

    @hookimpl(optionalhook=True)
    def pytest_configure_node(self, node: Any) -> None:
        """Tells a worker of ``pytest-xdist`` how and where."""
        try:
            style = self._style()
        except Exception as failure:
            count(failure)
            style = Style(lines=self._lines)
        node.workerinput[KEY] = {
            "directory": self._run.directory,
            "style": (style.width, style.colour, style.unicode, style.lines),
            "shown": self._shown,
        }

    def pytest_report_header(self) -> list[str]:
        """Says why nothing will be captured, if so."""
        return [] if self._refusal is None else [f"stillframe: nothing will be captured: {self._refusal}"]

    @hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> Generator[None, None, None]:
        """Says where more is, as the last thing."""
        yield
        try:
            self._summary(terminalreporter)
        except Exception as failure:
            count(failure)

    @hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        """Waits until everything is stored."""
        try:
            self._run.finish()
        except Exception as failure:
            count(failure)

    def _add(self, report: Any, excinfo: Any, test: str, *, collecting: bool) -> None:
        """Captures an error and adds it to its report."""
        if self._refusal is not None:
            return
        sections = []
        for error, traceback, sources in _errors(excinfo, collecting):
            told = self._capture(error, traceback, test, sources)
            if told is not None:
                short, text = told
                setattr(report, KEY, short)
                if text is not None:
                    sections.append((TITLE + short, text))
        report.sections[:0] = sections

    def _capture(
        self, error: BaseException, traceback: TracebackType, test: str, sources: Iterable[tuple[str, str]]
    ) -> tuple[str, str | None] | None:
        """The short id of a snapshot and its text, unless enough were told in this run."""
        self._run.style = self._style()
        snapshot = self._run.capture(error, traceback, "pytest", test, sources)
        if snapshot is None:
            return None
        self._written += 1
        # What this process writes is at most what the controller has to show.
        return snapshot.short_id, self._run.text(snapshot) if self._written <= self._shown else None

    def _count(self, report: Any) -> None:
        short = getattr(report, KEY, None)
        if self._is_worker or short is None or not report.failed:
            return
        self._failures += 1
        told = [section for section in report.sections if section[0].startswith(TITLE)]
        shown = bool(told) and self._told < self._shown
        self._told += shown
        shows_all = self._config.getoption("showcapture", "all") == "all"
        for section in told:
            if shown and shows_all:
                continue
            report.sections.remove(section)
            # What pytest is told not to show is what tests print. Values are no output, so they go with the traceback.
            if shown and hasattr(report.longrepr, "addsection"):
                title, text = section
                report.longrepr.addsection(title, _plain(text) if self._config.getoption("xmlpath", None) else text, "-")

    def _style(self) -> Style:
        """How the terminal takes text."""
        if not self._has_style:
            self._has_style = True
            self._run.style = Style(lines=self._lines)
            reporter = self._config.pluginmanager.get_plugin("terminalreporter")
            if reporter is not None:
                writer = self._config.get_terminal_writer()
                encoding = getattr(getattr(writer, "_file", None), "encoding", None) or ""
                self._run.style.width = writer.fullwidth
                self._run.style.colour = bool(writer.hasmarkup)
                self._run.style.unicode = encoding.lower().replace("-", "") == "utf8"
        return self._run.style

    def _summary(self, reporter: Any) -> None:
        if self._interrupted is not None:
            short, text = self._interrupted
            reporter.write_sep("-", TITLE + short)
            reporter.write_line(text)
        problems = self._run.problems()
        if not self._failures:
            kept = ""
        else:
            noun = "failure" if self._failures == 1 else "failures"
            kept = f"the values of {self._failures} {noun} are kept: stillframe list {self._run.where()}"
            hidden = self._failures - self._told
            if hidden:
                kept += f" ({hidden} not shown above: stillframe_shown = {self._shown})"
        for line in (*([kept] if kept else []), *problems):
            reporter.write_line(f"stillframe: {line}")


def _errors(excinfo: Any, collecting: bool) -> Generator[tuple[BaseException, TracebackType, Iterable[tuple[str, str]]], None, None]:
    """What really failed, with its frames that pytest would show and code that is in no file."""
    error = excinfo.value
    kind = type(error).__name__
    found: list[tuple[Any, Any, Any]] = []
    if kind == "MultipleDoctestFailures":
        found = [(inner.exc_info[1], inner.exc_info[2], inner.test) for inner in error.failures if hasattr(inner, "exc_info")]
    elif kind == "UnexpectedException" and hasattr(error, "exc_info"):
        found = [(error.exc_info[1], error.exc_info[2], error.test)]
    elif kind in ("CollectError", "ConftestImportFailure"):
        inner = error.__cause__ or getattr(error, "cause", None)
        if inner is not None:
            found = [(inner, inner.__traceback__, None)]
    else:
        found = [(error, excinfo.tb, None)]
    for one, traceback, test in found:
        if collecting and issubclass(type(one), SyntaxError):
            continue  # no code has run that could have values
        trimmed = trim(traceback, _is_hidden)
        if trimmed is not None:
            yield one, trimmed, _sources(test)


def _sources(test: Any) -> list[tuple[str, str]]:
    """The examples of a doctest, under the names that their frames have."""
    examples = [] if test is None else test.examples
    return [(f"<doctest {test.name}[{number}]>", example.source) for number, example in enumerate(examples)]


def _is_hidden(frame: FrameType) -> bool:
    """Whether pytest hides a frame. It has read the frame's variables for that already."""
    hide: Any = frame.f_globals.get("__tracebackhide__", False)
    if "__tracebackhide__" in frame.f_code.co_varnames:
        hide = frame.f_locals.get("__tracebackhide__", False)
    return hide is True


def _plain(text: str) -> str:
    """Text without the colours of a terminal, as a file takes it."""
    import re

    return re.sub("\x1b\\[[0-9;]*m", "", text)


def _number(config: Any, name: str, usual: int) -> int:
    text: Union[str, Any] = config.getini(name)
    try:
        return max(int(text), 0) if text else usual
    except ValueError:
        from pytest import UsageError

        raise UsageError(f"{name} = {text!r} is not a whole number") from None
