"""Names of the environment variables that the package itself reads; the configuration reads the others."""

from __future__ import annotations

ENABLED = "STILLFRAME_ENABLED"
"""Switches capturing on or off."""

OTHERS = ("DD_EXCEPTION_REPLAY_ENABLED", "DD_EXCEPTION_DEBUGGING_ENABLED")
"""Datadog's names for the same."""

RUN = "STILLFRAME_RUN"
"""Set by ``stillframe run`` to the id of the process that it becomes."""

DDTRACE = "STILLFRAME_HOOKS_DDTRACE"
"""Switches on that ddtrace's snapshots are captured here; enough by itself, where nothing else is to be captured."""
