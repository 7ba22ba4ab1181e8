"""gevent and eventlet: what ends a greenlet, which their hubs print."""

from __future__ import annotations

from stillframe._hooks.patch import Patch
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: the functions that print."""
    if module.__name__ == "gevent.hub":
        return [Patch("threading", module.Hub, "print_exception", before=_gevent)]
    names = ("squelch_exception", "squelch_generic_exception", "squelch_timer_exception")
    return [Patch("threading", module.BaseHub, name, before=_eventlet) for name in names]


def _gevent(hub: object, context: object, t: object, v: Any, tb: Any) -> None:
    report(v, tb, "gevent", handled=False)


def _eventlet(hub: object, *args: Any) -> None:
    _, error, traceback = args[-1]
    report(error, traceback, "eventlet", handled=False)
