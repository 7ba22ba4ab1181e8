"""Tests beside other people's libraries, each with the real thing.

There are three worlds: ``requirements/*-new.txt`` are the versions that PyPI has now, ``requirements/*-old.txt`` the oldest major versions
that people still run, ``requirements/*-green.txt`` what replaces threads. ``tools/test-integrations`` makes an environment of each and runs
these tests in it.
"""

from __future__ import annotations

import re
from importlib import metadata


def _release(name: str) -> tuple[int, ...]:
    """The version of a library, (0,) where it is missing."""
    try:
        return tuple(map(int, re.findall(r"\d+", metadata.version(name))[:2]))
    except metadata.PackageNotFoundError:
        return (0,)


# Which tests there are depends on whether the internals of this ddtrace are known (integrations/ddtrace/_internals.py).
collect_ignore = ["test_ddtrace_unknown.py" if _release("ddtrace") >= (3, 15) else "test_ddtrace.py"]
if _release("ddtrace") < (3, 15):
    collect_ignore.append("test_ddtrace_wire.py")
if _release("gevent") == (0,):
    collect_ignore.append("test_gevent.py")
if _release("ddapm-test-agent") == (0,):
    collect_ignore.append("test_datadog_test_agent.py")
