"""A ddtrace whose internals are not known is left as it is, and says so once."""

from __future__ import annotations

import os
import sys
import textwrap

from agent import agent

from support import Store

PROGRAM = """
import sys
from ddtrace import tracer

def fail(n):
    raise ValueError(n)

try:
    with tracer.trace("root"):
        fail(3)
except ValueError:
    pass

import stillframe
from stillframe.integrations import ddtrace
print(len(stillframe.stats()["failures"]["notes"]))
print(ddtrace.status())
"""


def test_an_older_ddtrace_is_left_as_it_is(store: Store) -> None:
    """Its span is traced, the program ends as it would, and one line says why nothing is delegated."""
    with agent() as received:
        path = store.write("program.py", textwrap.dedent(PROGRAM))
        run = os.path.join(os.path.dirname(sys.executable), "ddtrace-run")
        env = {"DD_EXCEPTION_DEBUGGING_ENABLED": "true", "STILLFRAME_HOOKS_DDTRACE": "1"}
        result = store.run(run, sys.executable, path, env=received.env(**env))
    assert result.status == 0, result.err
    count, status = result.out.splitlines()
    assert count == "1"
    assert "is not known to this Stillframe" in status
    assert result.err.count("is not known to this Stillframe") == 1
    assert [span["name"] for span in received.spans] == ["root"]
