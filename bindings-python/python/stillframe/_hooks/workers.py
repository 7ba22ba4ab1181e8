"""Worker processes of ``multiprocessing``: they capture like their parent, and store what they captured before they end.

What ends one is printed with ``traceback.print_exc``, where ``printed`` meets it. A process that is not forked is a new interpreter: what
it is given at its start tells it to capture.
"""

from __future__ import annotations

from stillframe import _exit
from stillframe._hooks.patch import Patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: the whole run of a worker, and what a new interpreter is prepared with."""
    if module.__name__ == "multiprocessing.spawn":
        return [Patch("workers", module, "get_preparation_data", after=_prepare)]
    return [Patch("workers", module.BaseProcess, "_bootstrap", after=_ended)]


def _ended(status: int, *args: object, **kwargs: object) -> int:
    _exit.store()  # a forked one runs no exit handlers
    return status


def _prepare(data: dict[str, Any], *args: object, **kwargs: object) -> dict[str, Any]:
    from stillframe import _lifecycle

    folder, config, program = _lifecycle.inheritance()
    code = (
        "import sys\n"
        "try:\n"
        f"    folder = {folder!r}\n"
        "    added = folder not in sys.path\n"
        "    if added:\n"
        "        sys.path.append(folder)\n"
        "    try:\n"
        "        import stillframe._lifecycle\n"
        "    finally:\n"
        "        if added:\n"
        "            sys.path.remove(folder)\n"
        "    inf, nan = float('inf'), float('nan')\n"  # as the settings below have them
        f"    stillframe._lifecycle.inherit({config!r}, {program!r})\n"
        "except Exception:\n"
        "    pass\n"
    )
    return {**data, "stillframe": Inherit(code)}


class Inherit:
    """Runs a piece of code where it is unpickled. Neither pickling nor unpickling it can fail."""

    __slots__ = ("_code",)

    def __init__(self, code: str) -> None:
        """Takes the code, which needs nothing but the interpreter."""
        self._code = code

    def __reduce__(self) -> tuple[Any, ...]:
        """Makes it a call of ``exec``."""
        return exec, (self._code, {})
