"""uvicorn: whatever fails in a request carries it. What no framework has caught, it logs."""

from __future__ import annotations

from stillframe._hooks.patch import Layer, Patch
from stillframe.integrations.asgi import Scope

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

_CLASSES = ("RequestResponseCycle", "WebSocketProtocol", "WebSocketsSansIOProtocol", "WSProtocol")


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: where one request or WebSocket is run."""
    return [Patch("frameworks", vars(module)[name], "run_asgi", wrap=_wrap) for name in _CLASSES if name in vars(module)]


def _wrap(layer: Layer) -> Any:
    original = layer.original

    async def run_asgi(self: Any, *args: Any) -> None:
        if not layer.active:
            await original(self, *args)
            return
        request = Scope(getattr(self, "scope", None))
        request.begin()
        try:
            await original(self, *args)
        finally:
            request.end()

    return run_asgi
