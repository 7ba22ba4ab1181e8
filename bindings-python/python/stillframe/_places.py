"""Where in its source an instruction is."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType


def line(code: CodeType, instruction: int, known: int | None) -> int:
    """The line of an instruction; that of the last one before it that has a line, where it has none, as the jump back of some loops.

    Args:
        code: the code.
        instruction: where the instruction is, in bytes.
        known: what the interpreter says.
    """
    if known is not None:
        return known
    found = code.co_firstlineno
    for start, _, number in code.co_lines():  # there since 3.10, and no instruction was without a line before
        if start > instruction:
            break
        found = number or found
    return found
