"""Click and Typer: an error that leaves a command says which command that was.

What leaves the program is met by ``sys.excepthook`` as in any program; usage errors, aborts and exits never come there. Typer has a copy of
Click in it, which is observed likewise.
"""

from __future__ import annotations

import sys

from stillframe import _context, _request
from stillframe._hooks.patch import Connection, Patch
from stillframe._report import is_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Context
    from types import ModuleType
    from typing import Any

DEPTH = 32
"""Groups within groups whose names are told."""

_copies: list[Callable[[Context | None], Command | None]] = []
"""What finds the running command: of Click, and of the copy of it in Typer."""


def patches(module: ModuleType) -> list[Patch]:
    """What is observed: the stack of commands, and where one is left."""
    stack = sys.modules[f"{module.__name__.rpartition('.')[0]}.globals"]._local

    def top() -> Command | None:
        contexts = stack.__dict__.get("stack")
        return Command(contexts[-1]) if contexts else None

    def running(variables: Context | None) -> Command | None:
        command = None if variables is not None else top()
        if command is None or _request.current() is not None:
            return None  # what runs in a server's command knows more
        others = (other for other in _request.others if other not in _copies)
        return command if all(other(variables) is None for other in others) else None

    _copies.append(running)

    def leaving() -> None:
        # Not the method of the context that calls it: what fails when a context is closed would show a frame of ours.
        frame = sys._getframe(2)
        error = frame.f_locals.get("exc_value") if frame.f_code.co_name == "__exit__" else None
        command = top()
        if error is not None and command is not None and is_error(error):
            facts = _request.Facts()
            command.read(facts)
            _context.keep(error, facts.attributes)

    def connect() -> None:
        if running not in _request.others:
            _request.others.append(running)

    def disconnect() -> None:
        if running in _request.others:
            _request.others.remove(running)

    return [Connection("frameworks", stack, "stack", connect, disconnect), Patch("frameworks", module, "pop_context", before=leaving)]


class Command(_request.Request):
    """A command that runs: ``source`` is Click's context."""

    __slots__ = ()

    def read(self, facts: _request.Facts) -> None:
        """Reads the names by which it was called, outermost first."""
        names: list[Any] = []
        context = self.source
        while context is not None and len(names) < DEPTH:
            found = _request.fields(context)
            names.append(found.get("info_name"))
            context = found.get("parent")
        facts.text("cli.command", " ".join(name for name in reversed(names) if type(name) is str))
