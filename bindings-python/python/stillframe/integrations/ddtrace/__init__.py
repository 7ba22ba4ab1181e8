"""ddtrace's exception replay with the values read and written by Stillframe's core.

ddtrace decides as before which errors and which frames are captured, puts the same tags on its spans and sends the same kind of snapshots
to its agent. What it does in Python on the thread that failed, reading values and encoding them, is done by the native walker, once for
all frames of an error; the encoding is left to the thread that uploads. ``docs/ddtrace.md`` lists what is different on the wire.

Either switch it on with ``STILLFRAME_HOOKS_DDTRACE=1`` or ``hooks.ddtrace = true``, or call :func:`install`. Without ddtrace's exception
replay nothing happens. With a ddtrace that looks different from those that are known, it stays as it is, and says so once.
"""

from __future__ import annotations

import sys

from stillframe import _failures
from stillframe._hooks.patch import Patch
from stillframe._runtime import native
from stillframe.integrations.ddtrace import _internals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

__all__ = ["install", "status"]

SWITCH = "ddtrace"
REPLAY = "ddtrace.debugging._exception.replay"

_asked = False
_patches: list[Patch] = []
_problem: str | None = None
_told: str | None = None

_ALONE: dict[str, object] = {
    "hooks.ddtrace": True,
    "spool.enabled": False,
    "summary": False,
    **dict.fromkeys(
        [
            "hooks.excepthook",
            "hooks.threading",
            "hooks.unraisable",
            "hooks.asyncio",
            "hooks.logging",
            "hooks.workers",
            "hooks.frameworks",
            "hooks.opentelemetry",
            "hooks.sentry",
        ],
        False,
    ),
}
"""Settings under which nothing else happens."""


def install() -> None:
    """Has Stillframe do the capture and encoding of ddtrace's exception replay, now or as soon as ddtrace has been imported.

    Where Stillframe captures already, it goes on with what it does. Where it does not, nothing but this is begun: no other hook, no store.
    Does nothing when the environment says no (``STILLFRAME_ENABLED=0``).
    """
    start("stillframe.integrations.ddtrace.install()")


def start(by: str) -> list[str]:
    """What :func:`install` does. Returns what is wrong with the configuration.

    Args:
        by: what asked for it, for people to read.
    """
    global _asked
    from stillframe import _hooks, _lifecycle

    if native.is_enabled() is False:
        return []
    _asked = True
    if not _lifecycle.started:
        return _lifecycle.start(_ALONE, by)
    _hooks.install({})
    return []


def status() -> str:
    """Who captures ddtrace's snapshots, in a line for people."""
    if _problem is not None:
        return _problem
    if any(patch.is_applied for patch in _patches):
        return "Stillframe captures the snapshots of ddtrace's exception replay"
    if REPLAY in sys.modules:
        return "ddtrace captures its snapshots itself: hooks.ddtrace is off"
    return "ddtrace's exception replay is not in use"


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced once ddtrace's exception replay has been imported."""
    global _problem
    from stillframe import _hooks

    if not _patches and (_asked or _hooks.is_on(SWITCH)):
        _problem = _internals.problem(module)
        if _problem is None:
            from stillframe.integrations.ddtrace import _delegate

            _patches.extend(_delegate.patches(module))
        else:
            _tell(_problem)
    for patch in _patches:
        patch.switch = "always" if _asked else SWITCH
    return _patches


def _tell(problem: str) -> None:
    """Says once in the log that ddtrace stays as it is; statistics and ``stillframe doctor`` always tell."""
    global _told
    _failures.note(problem)
    if _told != problem:
        _told = problem
        from logging import getLogger

        getLogger("stillframe").warning("%s", problem)
