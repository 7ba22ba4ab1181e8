"""Runs one of CPython's own test modules: ``collect.py MODE MODULE RESULT``.

MODE is ``plain``, ``capture`` (every exception that a test expects or fails with is captured) or ``compare`` (and what the snapshot shows is
compared with what the frames hold). RESULT is a JSON file: how each test ended, and what was captured.
"""

from __future__ import annotations

import json
import sys
import unittest
import unittest.case
from typing import Any


class Outcomes(unittest.TestResult):
    """How each test ended, by its name."""

    def __init__(self) -> None:
        super().__init__()
        self.outcomes: dict[str, str] = {}

    def note(self, test: unittest.TestCase, outcome: str) -> None:
        self.outcomes[str(test)] = outcome

    def addSuccess(self, test: Any) -> None:
        self.outcomes.setdefault(str(test), "passed")

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self.note(test, f"error: {err[0].__name__}")

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self.note(test, "failed")

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        self.note(test, "skipped")

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self.note(test, "failed as expected")

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self.note(test, "passed unexpectedly")

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.note(test, f"failed in a part: {err[0].__name__}")


def main(mode: str, module: str, path: str) -> None:
    captured = refused = 0
    judge: Any = None
    if mode != "plain":
        import stillframe

        stillframe.install()
        if mode == "compare":
            from truth import Judge

            judge = Judge()

        original = unittest.case._AssertRaisesContext.__exit__

        def observe(self: Any, kind: Any, error: Any, traceback: Any) -> Any:
            nonlocal captured, refused
            if error is not None:
                snapshot = stillframe.capture(error)
                if snapshot is None:  # more at once than the background keeps up with
                    stillframe.flush(60)
                    snapshot = stillframe.capture(error)
                if snapshot is None:
                    refused += 1
                else:
                    captured += 1
                    if judge is not None:
                        judge.snapshot(snapshot.to_dict(), error, traceback)
            return original(self, kind, error, traceback)

        unittest.case._AssertRaisesContext.__exit__ = observe

    suite = unittest.defaultTestLoader.loadTestsFromName(module)
    result = Outcomes()
    suite.run(result)
    document: dict[str, Any] = {"outcomes": result.outcomes, "captured": captured, "refused": refused}
    if judge is not None:
        document.update(scalars=judge.scalars, hidden=judge.hidden, wrong=judge.wrong[:50])
    if mode != "plain":
        document["stats"] = stillframe.stats()
    with open(path, "w") as file:
        json.dump(document, file)


if __name__ == "__main__":
    main(*sys.argv[1:])
