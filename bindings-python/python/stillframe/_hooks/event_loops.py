"""Errors that an event loop is left with: failed callbacks, and tasks and futures whose error nobody retrieved."""

from __future__ import annotations

from stillframe._hooks.patch import Patch
from stillframe._report import report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from contextvars import Context
    from types import ModuleType
    from typing import Any


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced in ``asyncio.base_events``, or in ``uvloop``, whose loop is another class."""
    loop = module.Loop if module.__name__ == "uvloop" else module.BaseEventLoop
    return [Patch("asyncio", loop, "call_exception_handler", before=_call_exception_handler)]


def _call_exception_handler(loop: object, context: dict[str, Any]) -> None:
    if type(context) is dict:
        report(context.get("exception"), None, "asyncio", handled=False, variables=_variables(context))


def _variables(context: dict[str, Any]) -> Context | None:
    """The context variables of the task or callback that failed, where it is one of the standard library and tells."""
    for name, attribute in (("task", "get_context"), ("future", "get_context"), ("handle", "_context")):
        source = context.get(name)
        if source is not None and type(source).__module__ in ("_asyncio", "asyncio.events"):
            found = getattr(source, attribute, None)
            variables: Context | None = found() if callable(found) else found
            if variables is not None:
                return variables
    return None
