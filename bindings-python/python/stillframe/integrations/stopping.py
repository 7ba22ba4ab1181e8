"""Servers that stop gracefully and then end their process by a signal, past all exit handlers: what was captured is stored before that."""

from __future__ import annotations

from stillframe import _exit, _failures
from stillframe._hooks.patch import Layer, Patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: the last that uvicorn does before it raises the signal that has stopped it once more."""
    return [Patch("always", module.Server, "shutdown", wrap=_wrap)]


def _wrap(layer: Layer) -> Any:
    original = layer.original

    async def shutdown(*args: Any, **kwargs: Any) -> Any:
        try:
            return await original(*args, **kwargs)
        finally:
            if layer.active:
                try:
                    _exit.store()
                except Exception as failure:
                    _failures.count(failure)

    return shutdown
