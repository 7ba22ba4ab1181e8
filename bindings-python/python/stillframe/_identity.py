"""Which errors were met before: an error that is logged, raised on and then kills the program is one error.

The same exception object comes by several hooks. Nothing of the program may be kept alive to recognise it, and its address alone says
little: the next exception of a retry loop usually lies exactly where the last one lay, traceback and all. So each one met gets a mark that
dies with it (see ``docs/decisions/one-error-is-one-error.md``):

* most classes written in Python can be referenced weakly;
* for the others the mark is in the exception's own attribute dictionary, in which some keys were set and removed again: a dictionary does
  not shrink, so it stays larger than a new one. Nobody can read it by accident, and a new exception never has it.

An exception that fits neither (many attributes of its own on a built-in class) is not recognised and may be captured twice.
"""

from __future__ import annotations

from _weakref import ref

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LIMIT = 256
"""Errors remembered; the oldest goes first."""

_attributes = BaseException.__dict__["__dict__"].__get__  # what a class overrides is not run
_size = dict.__sizeof__
_FEW = 5
"""Attributes that an exception may have. A new dictionary with so few has the smallest size."""
_KEYS = [f"stillframe{number}" for number in range(11)]
"""As many as make a dictionary grow to a size that none has when it is new, whatever attributes the instances of its class have: those
of some classes share their keys, and begin with room for them."""


class Met:
    """What is known of an exception that was met before."""

    __slots__ = ("captured", "context", "exported", "handled_as", "reference", "snapshot", "trace")

    def __init__(self, reference: ref[BaseException] | None) -> None:
        """Starts with nothing known."""
        self.reference = reference
        self.captured = False
        self.handled_as: list[str] = []
        """Ids of the snapshots that say that the program handled it."""
        self.context: dict[str, Any] | None = None
        self.snapshot: str | None = None
        """Id of the snapshot that was taken of it last."""
        self.exported = False
        """Whether that snapshot was handed to the program's own exporter."""
        self.trace: tuple[int, int] | None = None
        """Ids of the trace and the span that it was recorded on."""


_met: dict[int, Met] = {}


def find(error: BaseException) -> Met | None:
    """What is known of this very exception, if it was met before."""
    met = _met.get(id(error))
    if met is None:
        return None
    same = _is_worn(error) if met.reference is None else met.reference() is error
    return met if same else None


def remember(error: BaseException) -> Met | None:
    """Makes this exception one that ``find`` finds, if it can."""
    met = find(error)
    if met is not None:
        return met
    try:
        met = Met(ref(error))
    except TypeError:
        if not _wear(error):
            return None
        met = Met(None)
    if len(_met) >= LIMIT:
        _met.pop(next(iter(_met)), None)
    _met.pop(id(error), None)  # so that it comes last
    _met[id(error)] = met
    return met


def _wear(error: BaseException) -> bool:
    attributes: dict[str, object] = _attributes(error)
    if len(attributes) > _FEW:
        return False
    _stretch(attributes)
    return _size(attributes) == _WORN


def _is_worn(error: BaseException) -> bool:
    attributes: dict[str, object] = _attributes(error)
    return len(attributes) <= _FEW and _size(attributes) == _WORN


def _stretch(attributes: dict[str, object]) -> None:
    for key in _KEYS:
        attributes[key] = None
    for key in _KEYS:
        del attributes[key]


def _worn() -> int:
    attributes: dict[str, object] = {}
    _stretch(attributes)
    return _size(attributes)


_WORN = _worn()
