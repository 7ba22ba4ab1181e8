"""Django's tests in several processes: each captures its own failures, and their text travels to the runner with the results.

Results cross as pickles, in which tracebacks have no frames any more.
"""

from __future__ import annotations

from django.test.runner import RemoteTestResult, RemoteTestRunner

from stillframe.integrations import unittest as ours
from stillframe.integrations._test_runs import count

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

EVENT = "addStillframe"


class RemoteResult(RemoteTestResult):  # type: ignore[misc]
    """Results on their way to the runner."""

    def addError(self, test: Any, err: Any) -> None:  # noqa: N802 - names of unittest
        """An error, after its values."""
        self._tell(test, err)
        super().addError(test, err)

    def addFailure(self, test: Any, err: Any) -> None:  # noqa: N802
        """A failure, after its values."""
        self._tell(test, err)
        super().addFailure(test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:  # noqa: N802
        """A part of a test, after its values if it has failed."""
        if err is not None:
            self._tell(subtest, err)
        super().addSubTest(test, subtest, err)

    def _tell(self, test: Any, err: Any) -> None:
        try:
            text = ours.section(err[1], err[2], test, None, False)
            ours.store()
            if text is not None:
                self.events.append((EVENT, self.test_index, text))
        except Exception as failure:
            count(failure)


class RemoteRunner(RemoteTestRunner):  # type: ignore[misc]
    """What runs the tests of a process."""

    resultclass = RemoteResult


def parallel(suite: Any) -> Any:
    """A suite that runs tests in several processes, made to capture; as it is, if it has a runner of its own."""
    if getattr(suite, "runner_class", None) is not RemoteTestRunner:
        return suite
    return type(suite.__name__, (suite,), {"runner_class": RemoteRunner, "__module__": suite.__module__})
