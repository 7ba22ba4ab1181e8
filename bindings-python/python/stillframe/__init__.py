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

from stillframe import _report, _runtime
from stillframe._capturing import capturing
from stillframe._context import context
from stillframe._report import capture
from stillframe._runtime import native
from stillframe._snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Optional

    from stillframe._callbacks import Subscription

if TYPE_CHECKING or _runtime.problem is None:
    __version__: str = native.__version__

__all__ = ["Snapshot", "Subscription", "capture", "capturing", "context", "flush", "install", "on_snapshot", "stats", "uninstall"]


def install(*, on_snapshot: Optional[Callable[[Snapshot], object]] = None, **config: object) -> None:
    """Starts capturing in this process: errors nobody handles, logged errors, errors of threads, tasks and workers.

    Calling it again changes the configuration. When the environment says no (``STILLFRAME_ENABLED=0``), it does nothing. What is wrong
    with the configuration is a ``RuntimeWarning`` that names the key, and the default stays in force.

    Args:
        on_snapshot: a function that is handed every snapshot, in place of the one that an earlier call was given (see ``on_snapshot``).
        **config: settings by the name that they have in ``stillframe.toml``; those of a table as a dictionary:
            ``install(service="shop", limits={"depth": 6})``.
    """
    from stillframe import _lifecycle

    _lifecycle.install(config, on_snapshot)


def uninstall() -> None:
    """Stops capturing, waits until what was captured is stored, and takes the hooks out again.

    A hook that somebody else has hooked onto since stays in place and hands through.
    """
    from stillframe import _lifecycle

    _lifecycle.uninstall()


def on_snapshot(function: Callable[[Snapshot], object]) -> Subscription:
    """Has a function called with every snapshot that is captured from now on, beside storing it.

    It can be used as a decorator::

        @stillframe.on_snapshot
        def tell(snapshot):
            post_to_chat(f"{snapshot.type}: {snapshot.message}", snapshot.to_text(lines=30))

    It is called on a thread of its own, after the values were redacted, and may take its time: at most 256 snapshots (8 MiB) wait for it,
    what is more is dropped and counted. What it raises is counted, told by ``stillframe doctor``, and captured like any other error, but
    not handed to it. ``flush`` and the end of the process wait for it, the latter at most two seconds. Forked children and worker processes
    that are forked call it for their own snapshots.

    Args:
        function: takes a snapshot; what it returns does not matter. No coroutine function.

    Returns:
        A handle that can be called like the function, and whose ``remove()`` ends this. In a ``with`` statement, the end of the block does.

    Raises:
        TypeError: it cannot be called, or calling it would run nothing.
    """
    from stillframe import _callbacks

    return _callbacks.on_snapshot(function)


def flush(timeout: float = 2.0) -> bool:
    """Waits until everything captured so far is stored, and handed to the functions of ``on_snapshot``.

    Args:
        timeout: seconds to wait at most.

    Returns:
        Whether it was done in time.
    """
    return _report.flush(timeout)


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


def __getattr__(name: str) -> Any:
    """Names that few programs need, and that nobody pays for before."""
    if name == "Subscription":
        from stillframe._callbacks import Subscription

        return Subscription
    if name == "__version__":  # without a native module that knows it, it takes half the standard library to find out
        return native.__version__
    raise AttributeError(f"module 'stillframe' has no attribute {name!r}")
