"""Errors that a worker of ``multiprocessing.Pool`` or ``ThreadPool`` carries to whoever asks for the result."""

from __future__ import annotations

from stillframe._hooks.futures import carried
from stillframe._hooks.patch import Patch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_RESULTS = ("ApplyResult", "MapResult", "IMapIterator", "IMapUnorderedIterator")


def patches(module: ModuleType) -> list[Patch]:
    """What is replaced: processes pack an error for its way to the parent, threads hand it to the result."""
    results = [getattr(module, name) for name in _RESULTS if hasattr(module, name)]
    return [
        Patch("workers", module.ExceptionWithTraceback, "__init__", before=_pack),
        *(Patch("workers", result, "_set", before=_set) for result in results if "_set" in vars(result)),
    ]


def _pack(package: object, exc: object, tb: object) -> None:
    carried(exc, "multiprocessing")


def _set(result: object, i: object, obj: object) -> None:
    if type(obj) is tuple and len(obj) == 2 and obj[0] is False:
        carried(obj[1], "multiprocessing")
