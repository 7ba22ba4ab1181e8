"""``unittest``: each failing test is captured, and its values are shown below its traceback.

Three ways, each enough by itself::

    python -m stillframe.integrations.unittest            # as: python -m unittest

    from stillframe.integrations.unittest import TextTestRunner

    class Runner(CaptureMixin, unittest.TextTestRunner): ...    # any other runner; Django's DiscoverRunner, too

Results and the exit status are unittest's own. With ``STILLFRAME_TEST_STORE`` in the environment, what was captured is kept in that
directory.
"""

from __future__ import annotations

import os
import sys
import unittest

from stillframe.integrations._test_runs import LINES, MORE_LINES, SHOWN, Run, Style, count, trim

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STORE = "STILLFRAME_TEST_STORE"
"""Names the directory of the store."""

_run: Run | None = None
_kept = 0


class CaptureMixin:
    """Makes a runner capture: of ``unittest``, or one of Django's, which makes a runner of its own for each database."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Has the runner's results capture."""
        super().__init__(*args, **kwargs)
        made = getattr(self, "resultclass", None)
        if made is not None:
            self.resultclass: Any = capturing(made)
        suite = getattr(self, "parallel_test_suite", None)
        if suite is not None:
            try:
                from stillframe.integrations._django_tests import parallel

                self.parallel_test_suite: Any = parallel(suite)
            except Exception as failure:  # a version that looks different: values of tests in this process only
                count(failure)

    def get_resultclass(self) -> Any:
        """What Django's runner takes its results from."""
        made = super().get_resultclass()  # type: ignore[misc]
        return capturing(unittest.TextTestResult if made is None else made)

    def run(self, *args: Any, **kwargs: Any) -> Any:
        """Runs, waits until everything is stored, and says where it is."""
        result = super().run(*args, **kwargs)  # type: ignore[misc]
        finish(getattr(self, "stream", sys.stderr))
        return result

    def run_suite(self, *args: Any, **kwargs: Any) -> Any:
        """The same for Django's runner."""
        result = super().run_suite(*args, **kwargs)  # type: ignore[misc]
        finish(sys.stderr)
        return result


class CaptureResultMixin:
    """Makes a result capture."""

    _stillframe_expected = False
    _stillframe_text: str | None = None
    _stillframe_part: Any = None

    def addStillframe(self, test: Any, text: str) -> None:  # noqa: N802 - as unittest names what is added
        """The values of the failure that is added next; it was captured in another process."""
        self._stillframe_text = text

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802 - its name in unittest
        """A part of a test: what is written of its failure is asked for with the test."""
        self._stillframe_part = subtest
        try:
            super().addSubTest(test, subtest, err)  # type: ignore[misc]
        finally:
            self._stillframe_part = None

    def addExpectedFailure(self, test: Any, err: Any) -> None:  # noqa: N802 - its name in unittest
        """A failure that is expected is none."""
        self._stillframe_expected = True
        try:
            super().addExpectedFailure(test, err)  # type: ignore[misc]
        finally:
            self._stillframe_expected = False

    def _exc_info_to_string(self, err: Any, test: Any) -> str:
        """What is printed of a failure: its traceback, and its values below that."""
        text: str = super()._exc_info_to_string(err, test)  # type: ignore[misc]
        if not self._stillframe_expected:
            try:
                told, self._stillframe_text = self._stillframe_text, None
                if told is None:
                    test = self._stillframe_part or test
                    told = section(err[1], err[2], test, getattr(self, "stream", None), getattr(self, "showAll", False))
                text += _shown(told)
            except Exception as failure:
                count(failure)
        return text


def capturing(made: Any) -> Any:
    """A class of results that captures, made of one that does not."""
    if not isinstance(made, type) or issubclass(made, CaptureResultMixin):
        return made
    return type(made.__name__, (CaptureResultMixin, made), {"__module__": made.__module__, "__doc__": made.__doc__})


class TextTestRunner(CaptureMixin, unittest.TextTestRunner):
    """The usual runner, which captures."""


def store() -> None:
    """Waits until everything is stored."""
    if _run is not None:
        _run.finish()


def finish(stream: Any) -> None:
    """Waits until everything is stored, and says where it is."""
    try:
        if _run is None or not _kept:
            return
        _run.finish()
        noun = "failure" if _kept == 1 else "failures"
        more = f" ({_kept - SHOWN} not shown above)" if _kept > SHOWN else ""
        lines = [f"the values of {_kept} {noun} are kept: stillframe list {_run.where()}{more}", *_run.problems()]
        stream.write("".join(f"stillframe: {line}\n" for line in lines))
        stream.flush()
    except Exception as failure:
        count(failure)


def section(error: Any, traceback: Any, test: Any, stream: Any, verbose: bool) -> str | None:
    """Captures a failure; what is added to its text, if it could be captured."""
    run = _started()
    trimmed = trim(traceback)
    if run is None or error is None or trimmed is None:
        return None
    run.style = _style(stream, MORE_LINES if verbose else LINES)
    name = test.id() if isinstance(test, unittest.TestCase) else str(test)
    snapshot = run.capture(error, trimmed, "unittest", name)
    if snapshot is None:
        return None
    if run.captured > SHOWN:
        return ""
    glyph = "─" if run.style.unicode else "-"
    title = f"{glyph * 2} stillframe show {snapshot.short_id} "
    return f"\n{title}{glyph * (min(run.style.width, 70) - len(title))}\n{run.text(snapshot)}\n"


def _shown(text: str | None) -> str:
    """Counts a failure that was captured, here or in another process; what is shown of it."""
    global _kept
    if text is None or _started() is None:
        return ""
    _kept += 1
    return text if _kept <= SHOWN else ""


def _started() -> Run | None:
    global _run
    if _run is None and Run.refusal() is None:
        directory = os.environ.get(STORE)
        _run = Run(os.getcwd(), os.path.abspath(directory) if directory else None, "unittest", Style())
    return _run


def _style(stream: Any, lines: int) -> Style:
    """How the stream of the results takes text: unittest hides it in a wrapper."""
    stream = getattr(stream, "stream", stream)
    encoding = getattr(stream, "encoding", None) or ""
    unicode = encoding.lower().replace("-", "") == "utf8"
    width, colour = 80, False
    try:
        if stream.isatty():
            width = os.get_terminal_size(stream.fileno()).columns or 80
            colour = not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    except (AttributeError, OSError, ValueError):
        pass
    return Style(width, colour, unicode, lines)


def main() -> None:
    """``python -m stillframe.integrations.unittest`` is ``python -m unittest``."""
    sys.argv[0] = "python -m unittest"
    from stillframe.integrations.unittest import TextTestRunner as Runner  # not that of __main__, which would be another

    unittest.main(module=None, testRunner=Runner)


if __name__ == "__main__":
    main()
