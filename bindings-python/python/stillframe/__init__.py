"""Exception replay: the values of every stack frame at the instant of failure.

Three ways in, each enough by itself:

* ``stillframe run app.py`` runs a program as ``python app.py`` would;
* ``STILLFRAME_ENABLED=1`` in the environment of any Python program;
* ``import stillframe; stillframe.install()`` in the program.

From then on errors that nobody handles, errors that are logged, and errors of threads, tasks and workers are captured. What was captured
is read with ``stillframe list`` and ``stillframe show``. Nothing here ever raises into the program, unless it says so.

PYTEST_DONT_REWRITE (for pytest, which would warn that it cannot rewrite the assertions of a plug-in that was imported before)
"""

from __future__ import annotations

from stillframe._capturing import capturing
from stillframe._context import context
from stillframe._report import capture
from stillframe._runtime import native
from stillframe._snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__version__: str = native.__version__

__all__ = ["Snapshot", "capture", "capturing", "context", "flush", "install", "stats", "uninstall"]


def install(**config: object) -> None:
    """Starts capturing in this process: errors nobody handles, logged errors, errors of threads, tasks and workers.

    Calling it again changes the configuration. When the environment says no (``STILLFRAME_ENABLED=0``), it does nothing. What is wrong
    with the configuration is a ``RuntimeWarning`` that names the key, and the default stays in force.

    Args:
        **config: settings by the name that they have in ``stillframe.toml``; those of a table as a dictionary:
            ``install(service="shop", limits={"depth": 6})``.
    """
    from stillframe import _lifecycle

    _lifecycle.install(config)


def uninstall() -> None:
    """Stops capturing, waits until what was captured is stored, and takes the hooks out again.

    A hook that somebody else has hooked onto since stays in place and hands through.
    """
    from stillframe import _lifecycle

    _lifecycle.uninstall()


def flush(timeout: float = 2.0) -> bool:
    """Waits until everything captured so far is stored.

    Args:
        timeout: seconds to wait at most.

    Returns:
        Whether it was stored in time.
    """
    return native.flush(timeout)


def stats() -> dict[str, Any]:
    """Counts of what was captured, refused and dropped, by reason, and what it cost.

    ``failures`` counts what failed in our own hooks and was swallowed. Where the interpreter is not supported it has the one key
    ``unsupported``, with the reason.
    """
    import json

    from stillframe import _failures

    counts: dict[str, Any] = json.loads(native.stats())
    failures = _failures.counted()
    if failures:
        counts["failures"] = failures
    return counts


def load_ipython_extension(shell: Any) -> None:
    """``%load_ext stillframe`` in IPython and Jupyter: the values of a cell that fails."""
    from stillframe.integrations import ipython

    ipython.load(shell)


def unload_ipython_extension(shell: Any) -> None:
    """``%unload_ext stillframe``."""
    from stillframe.integrations import ipython

    ipython.unload(shell)
