"""Failures of our own code: swallowed, counted, and shown by ``stillframe.stats()``. The program never sees one."""

from __future__ import annotations

import sys

from stillframe._runtime import native

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

tell = False
"""Whether failures are told on standard error as well: ``debug`` in the configuration."""

out_of_stack = [0]
"""How often the stack ended in our own code. Counted apart: there, nothing can be called any more. In a list, which a function can hold on
to: when the interpreter takes the modules down, their names are gone before the last functions have run."""

type_name: Callable[[type], str] = type.__dict__["__name__"].__get__
"""The name of a class, whatever its metaclass does when it is asked."""

_counts: dict[str, int] = {}
_last: str | None = None
_notes: list[str] = []


def count(failure: BaseException) -> None:
    """Counts a failure. Cannot fail itself, not even at the end of memory or stack."""
    global _last
    try:
        kind = type(failure)
        _counts[kind.__name__] = _counts.get(kind.__name__, 0) + 1
        _last = _place(failure)
        native.count_internal_error()
        if tell:
            from traceback import format_exception

            sys.__stderr__.write("".join(["stillframe: ", *format_exception(kind, failure, failure.__traceback__)]))  # type: ignore[union-attr]
    except Exception:  # noqa: S110 - there is nowhere left to tell
        pass


def note(line: str) -> None:
    """Tells people that something is not done, and why: in the statistics and by ``stillframe doctor``. It is no failure.

    Args:
        line: a sentence.
    """
    if line not in _notes:
        _notes.append(line)
    native.notice(line)


def is_ours(failure: BaseException) -> bool:
    """Whether our own code raised this, rather than a signal handler of the program that happened to run inside it.

    ``KeyboardInterrupt`` and what a signal handler raises belong to the program and must reach it. Where the interpreter is taking modules
    down, which leaves them without a name, there are no signals any more.
    """
    kind = type(failure)
    if not issubclass(kind, Exception) and type_name(kind) != "PanicException":
        return False
    link = failure.__traceback__
    if link is None:
        return True
    while link.tb_next is not None:
        link = link.tb_next
    namespace = link.tb_frame.f_globals
    module = namespace.get("__name__", "")
    if type(module) is str:
        return module == "stillframe" or module.startswith("stillframe.")
    return module is None and namespace.get("__spec__", "") is None


def swallowed(
    failure: BaseException, is_ours: Callable[[BaseException], bool] = is_ours, count: Callable[[BaseException], None] = count
) -> bool:
    """Counts a failure that is our own, and says whether it is. Whoever calls it must let one of the program's pass on.

    It works when nothing else here does any more: modules that are taken down have lost the functions that it needs.
    """
    try:
        ours = is_ours(failure)
        if ours:
            count(failure)
    except Exception:  # it is our own code that fails, and cannot even say so
        return issubclass(type(failure), Exception)
    return ours


def counted() -> dict[str, Any]:
    """How many, by type, and where the last one was; and what was noted."""
    told = {"notes": list(_notes)} if _notes else {}
    counts = {**_counts, "RecursionError": _counts.get("RecursionError", 0) + out_of_stack[0]} if out_of_stack[0] else dict(_counts)
    return {"count": counts, "last": _last, **told} if counts else told


def _place(failure: BaseException) -> str:
    link = failure.__traceback__
    while link is not None and link.tb_next is not None:
        link = link.tb_next
    where = f" in {link.tb_frame.f_code.co_name}, line {link.tb_lineno}" if link is not None else ""
    return f"{type(failure).__name__}{where}"
