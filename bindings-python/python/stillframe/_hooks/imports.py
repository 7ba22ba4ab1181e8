"""Tells when the program has imported a module, without importing anything itself.

A finder in front of ``sys.meta_path`` looks at names only. For a module that is watched it lets the other finders find it, and then the
module runs under its own loader; only afterwards we are told. Once the module is there, nothing of this is left in it.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType
    from typing import Any


class Watch:
    """Calls ``told`` with each module of ``names``, at once or when it is imported."""

    __slots__ = ("_names", "_told")

    def __init__(self, names: Iterable[str], told: Callable[[ModuleType], None]) -> None:
        """Names the modules; nothing is watched yet."""
        self._names = frozenset(names)
        self._told = told

    def start(self) -> None:
        """Tells of the modules that are there and begins to watch for the others."""
        if not any(finder is self for finder in sys.meta_path):
            sys.meta_path.insert(0, self)
        for name in sorted(self._names):
            module = sys.modules.get(name)
            if module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False):
                self._told(module)

    def stop(self) -> None:
        """Watches no longer."""
        sys.meta_path[:] = [finder for finder in sys.meta_path if finder is not self]

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Finds a module that is watched; for any other says at once that it is for another finder."""
        if name not in self._names:
            return None
        for finder in sys.meta_path:
            find = None if finder is self else getattr(finder, "find_spec", None)
            spec: ModuleSpec | None = None if find is None else find(name, path, target)
            if spec is not None:
                if hasattr(spec.loader, "exec_module"):
                    spec.loader = _Loader(spec.loader, self._told)  # type: ignore[assignment]
                return spec
        return None


def _call_with_frames_removed(self: Any, module: ModuleType) -> None:
    """``exec_module`` of ``_Loader``, where its frame is not to be seen."""
    loader = self._loader
    if module.__spec__ is not None:
        module.__spec__.loader = loader
    module.__loader__ = loader
    loader.exec_module(module)
    self._told(module)


# The interpreter takes the frames of its import system out of the traceback of a module that fails, and passes over them when a module
# warns whoever imports it. It knows them by file and name; as one of them, this frame is not in the way of the others either.
if hasattr(_call_with_frames_removed.__code__, "replace"):  # not in 3.7, where this is imported and not used
    _call_with_frames_removed.__code__ = _call_with_frames_removed.__code__.replace(co_filename="<frozen importlib._bootstrap>")


class _Loader:
    """Stands in for a module's loader until the module runs."""

    __slots__ = ("_loader", "_told")

    def __init__(self, loader: Any, told: Callable[[ModuleType], None]) -> None:
        self._loader = loader
        self._told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)

    def __setattr__(self, name: str, value: Any) -> None:
        """Changes the module's own loader: ddtrace, for one, replaces ``get_code`` of a loader that it finds."""
        if name in _Loader.__slots__:
            object.__setattr__(self, name, value)
        else:
            setattr(self._loader, name, value)

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        module: ModuleType | None = self._loader.create_module(spec)
        return module

    exec_module = _call_with_frames_removed
