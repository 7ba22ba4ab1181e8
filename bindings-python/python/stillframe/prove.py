"""``python -m stillframe.prove [module:Class ...]``: proves that a capture runs none of a program's code and changes nothing.

Builds objects in which everything that Python lets a class define is a trap (every special method, properties, descriptors, metaclasses,
finalizers, mappings that lie), fails with them in its frames, captures that, and tells for each kind whether a trap was sprung. While the
capture runs, the interpreter reports every call of a Python function, the garbage collector reports every run, and finalizers wait for
the slightest reason: anything that happens is seen.

Named classes, factories and objects of a program (``shop.models:Order``) are proved in the same way: the class, objects of it, and a
subclass in which everything is a trap.
"""

from __future__ import annotations

import collections
import gc
import sys
import tempfile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType
    from typing import Any

SPECIAL = """
    repr str bytes format hash bool len length_hint eq ne lt le gt ge getattr getattribute setattr delattr dir get set delete set_name
    iter next reversed contains getitem setitem delitem missing index int float complex trunc floor ceil round neg pos abs invert
    add radd iadd sub rsub mul rmul matmul truediv floordiv mod divmod pow lshift rshift and or xor call enter exit aenter aexit
    await aiter anext reduce reduce_ex getstate getnewargs getnewargs_ex copy deepcopy sizeof fspath buffer release_buffer
    instancecheck subclasscheck array array_interface array_struct dataframe html rich_repr
""".split()  # noqa: SIM905 - as readable as it gets
"""Special methods, without their underscores."""

NAMES = [f"__{name}__" for name in SPECIAL] + ["_repr_html_", "_asdict", "items", "keys", "values", "get", "read", "result", "exception"]


class Traps:
    """Makes objects that tell when any of their code runs."""

    def __init__(self) -> None:
        """Starts with all traps safe."""
        self.armed = False
        self.sprung: list[str] = []

    def spring(self, what: str) -> None:
        """Called by a trap."""
        if self.armed:
            self.sprung.append(what)
            raise RuntimeError(f"a trap was sprung: {what}")

    def namespace(self, kind: str, base: type) -> dict[str, object]:
        """Everything a class can define, as traps. While they are safe, they do what the base does."""

        def trap(name: str) -> Callable[..., Any]:
            plain = getattr(base, name, None)

            def trapped(self_: object, *args: Any, **kwargs: Any) -> Any:
                self.spring(f"{kind}.{name}")
                if plain is None:
                    raise AttributeError(name)
                return plain(self_, *args, **kwargs)

            return trapped

        traps: dict[str, object] = {name: trap(name) for name in NAMES if _may_define(base, name)}
        traps["__del__"] = lambda self_: self.spring(f"{kind}.__del__")
        for name in ("lazy", "__wrapped__", "args" if issubclass(base, BaseException) else "size"):
            traps[name] = property(lambda self_, name=name: self.spring(f"{kind}.{name}"))  # type: ignore[misc]
        return traps

    def type_of(self, kind: str, base: type = object) -> type:
        """A class of traps, made by a metaclass of traps."""
        meta = type(base)
        traps = self.namespace(f"type({kind})", meta)
        for name in ("__class__", "__module__", "__name__"):  # a class asks for the others before it exists
            traps[name] = property(self._class_look(kind, name))
        del traps["__del__"], traps["__call__"]
        trapped_meta: Any = type("TrapMeta", (meta,), traps)
        made: type = type.__call__(trapped_meta, kind, (base,), self.namespace(kind, base))
        return made

    def _class_look(self, kind: str, name: str) -> Callable[[type], object]:
        def look(cls: type) -> object:
            self.spring(f"type({kind}).{name}")
            return type(cls) if name == "__class__" else kind

        return look


def _may_define(base: type, name: str) -> bool:
    """Setting attributes and hashing must work while an object is made; some bases do not let a class define everything."""
    if name in ("__set_name__", "__get__", "__set__", "__delete__"):
        return base is object
    return not (issubclass(base, type) and name in ("__setattr__", "__instancecheck__", "__subclasscheck__", "__eq__", "__hash__"))


def kinds(traps: Traps) -> Iterator[tuple[str, object]]:
    """Trapped objects of every kind, by name."""
    import datetime
    import decimal
    import fractions
    import pathlib
    import types
    import uuid
    import weakref

    plain = traps.type_of("Object")
    yield "object", plain()
    yield "class", plain
    filled = traps.type_of("Filled")()
    object.__getattribute__(filled, "__dict__").update(a=1, b=filled, password="hunter2-hunter2")  # noqa: S106
    yield "object with fields", filled
    values: list[tuple[type, tuple[object, ...]]] = [
        (int, (7,)),
        (float, (1.5,)),
        (complex, (1, 2)),
        (str, ("text",)),
        (bytes, (b"data",)),
        (bytearray, (b"data",)),
        (tuple, ((1, 2),)),
        (list, ([1, 2],)),
        (set, ((1, 2),)),
        (frozenset, ((1, 2),)),
        (dict, ({"a": 1},)),
        (collections.OrderedDict, ({"a": 1},)),
        (collections.defaultdict, (list, {"a": []})),
        (collections.Counter, ("aab",)),
        (collections.deque, ([1, 2],)),
        (collections.UserDict, ({"a": 1},)),
        (datetime.datetime, (2026, 11, 21)),
        (datetime.timedelta, (1,)),
        (decimal.Decimal, ("19.90",)),
        (fractions.Fraction, (1, 3)),
        (uuid.UUID, ("12345678123456781234567812345678",)),
        (pathlib.PurePosixPath, ("/a/b",)),
        (types.ModuleType, ("module",)),
        (types.SimpleNamespace, ()),
        (ValueError, ("x", 1)),
        (OSError, (2, "missing")),
    ]
    for base, arguments in values:
        yield f"subclass of {base.__name__}", _made(traps, base, arguments)
    yield "proxy of a mapping", types.MappingProxyType({"a": plain()})
    keyed = traps.type_of("Key")
    yield "keys", {keyed(): 1, 2: plain()}
    target = traps.type_of("Target")()
    yield "weak reference", weakref.ref(target)
    yield "weak proxy", (target, weakref.proxy(target))
    yield "generator", (plain() for _ in ())
    yield "bound method", traps.type_of("Bound")().__init__
    yield "container of them", [plain(), (plain(), {"k": {"k": plain()}}), {3, 4}]


def _made(traps: Traps, base: type, arguments: tuple[object, ...]) -> object:
    kind = traps.type_of(f"Sub{base.__name__}", base)
    return kind(*arguments)


class Proof:
    """What one kind of object came to."""

    def __init__(self, name: str, target: str = "", not_tried: str = "") -> None:
        """Starts with nothing wrong. ``not_tried`` says why there was nothing to capture."""
        self.name, self.target, self.not_tried = name, target, not_tried
        self.wrong: list[str] = []


class TargetError(Exception):
    """What was named cannot be had; the message says why."""


class Untried:
    """Stands for a kind of object that cannot be made of a class."""

    def __init__(self, why: object) -> None:
        """``why`` not."""
        self.why = f"{type(why).__name__}: {why}" if isinstance(why, BaseException) else str(why)


def target_kinds(target: str, traps: Traps) -> Iterator[tuple[str, object]]:
    """What is captured of a class, a factory or an object of the program, by name."""
    found = _find(target)
    if isinstance(found, type):
        yield "the class", found
        made = _attempt(found)
        yield "an object", Untried(f"its constructor needs arguments; name a factory ({made.why})") if isinstance(made, Untried) else made
        bare = _attempt(lambda: _without_constructor(found))
        yield "an object without its constructor", bare
        yield "a subclass, everything a trap", _attempt(lambda: _without_constructor(traps.type_of("Trapped", found)))
        made = bare if isinstance(made, Untried) else made
    else:
        made = _attempt(found) if callable(found) else found
        if isinstance(made, Untried):
            raise TargetError(f"{target} was called and failed: {made.why}")
        yield "what it makes" if callable(found) else "the object", made
    if not isinstance(made, Untried):
        yield "in containers", [made, (made, {"key": made}), {"nested": {"key": [made]}}]


def _find(target: str) -> object:
    import importlib

    module, colon, path = target.partition(":")
    if not colon or not path:
        raise TargetError(f"expected module:Class, module:factory or module:object, not {target}")
    try:
        found: object = importlib.import_module(module)
    except Exception as error:
        raise TargetError(f"cannot import {module}: {type(error).__name__}: {error}") from error
    for name in path.split("."):
        try:
            found = getattr(found, name)
        except AttributeError as error:
            raise TargetError(f"{target}: {error}") from error
    return found


def _attempt(make: Callable[[], object]) -> object:
    try:
        return make()
    except Exception as error:
        return Untried(error)


def _without_constructor(cls: type) -> object:
    """An object by the nearest ``__new__`` that is not written in Python."""
    for base in type.__dict__["__mro__"].__get__(cls):
        new = type.__dict__["__dict__"].__get__(base).get("__new__")
        if new is not None and not hasattr(new, "__func__") and not hasattr(new, "__code__"):
            return new(cls)
    raise TypeError("no object of it can be made")


def prove(capture: Callable[[BaseException], object], targets: list[str] | None = None) -> list[Proof]:
    """Captures a failure with each kind of object in its frames and looks for anything that happened.

    Args:
        capture: Captures an exception.
        targets: Classes, factories and objects of a program (``shop.models:Order``) instead of the built-in kinds.

    Raises:
        TargetError: One of the targets cannot be had.
    """
    traps = Traps()
    proofs = []
    tried = [(target, *one) for target in targets or [] for one in target_kinds(target, traps)]
    for target, name, value in tried or [("", *one) for one in kinds(traps)]:
        proof = Proof(name, target)
        if isinstance(value, Untried):
            proof.not_tried = value.why
            proofs.append(proof)
            continue
        try:
            _fail_with(value)
        except KeyError as error:
            proof.wrong = _watch(traps, value, lambda error=error: capture(error))  # type: ignore[misc]
        proofs.append(proof)
    return proofs


def _fail_with(value: object) -> None:
    amount = 3
    raise KeyError(amount, value)


def _watch(traps: Traps, value: object, work: Callable[[], object]) -> list[str]:
    """Runs the work with everything armed; what was noticed."""
    gc.collect()  # what is left of making the object would be missed during the work
    before = sys.getrefcount(value)
    noticed = _profile(traps, work)

    work()  # from 3.14 on the interpreter makes an object when it calls something for the first time after it was profiled
    if _collects(work, _one_object()):
        noticed.append("the garbage collector ran: objects were made")
    after = sys.getrefcount(value)
    if after != before:
        noticed.append(f"the count of references went from {before} to {after}")
    return noticed


def _profile(traps: Traps, work: Callable[[], object]) -> list[str]:
    """Runs the work with every trap armed and every call reported. Before 3.12, a report makes references to the locals of this frame."""
    calls: list[str] = []

    def profile(frame: FrameType, event: str, arg: object) -> None:
        if event == "call":
            calls.append(f"{frame.f_code.co_filename}:{frame.f_code.co_name}")

    traps.sprung.clear()
    traps.armed = True
    sys.setprofile(profile)
    try:
        result = work()
    finally:
        sys.setprofile(None)
        traps.armed = False
    noticed = [_NOT_CAPTURED] if result is None else []
    noticed.extend(f"ran {what}" for what in traps.sprung)
    noticed.extend(f"called {call}" for call in calls if not call.startswith(_OURS))
    return noticed


def _collects(work: Callable[[], object], threshold: int) -> bool:
    """Whether the garbage collector runs during the work, when it does so after a number of allocations."""
    runs: list[str] = []
    enabled, before = gc.isenabled(), gc.get_threshold()

    def collected(phase: str, info: dict[str, int]) -> None:
        runs.append(phase)

    gc.collect()
    gc.callbacks.append(collected)
    gc.enable()
    gc.set_threshold(threshold)
    try:
        work()
        for _ in range(2):  # from 3.12 on the collector runs between two instructions, here at the latest
            pass
        ran = bool(runs)
    finally:
        gc.set_threshold(*before)
        gc.callbacks.remove(collected)
        if not enabled:
            gc.disable()
    return ran


def _one_object() -> int:
    """The threshold that lets the work make one object that the collector knows, and no more: the snapshot that it returns."""
    threshold = 1
    while _collects(lambda: [0], threshold):
        threshold += 1
    return threshold


_NOT_CAPTURED = "nothing was captured"
_OURS = __file__.rpartition("prove.py")[0]


def main(arguments: list[str] | None = None) -> int:
    """Runs the proof and prints it; 0 if nothing ran, 1 if something did or was not captured, 2 if nothing could be proved."""
    import argparse
    import os

    from stillframe import _lifecycle, _runtime

    parser = argparse.ArgumentParser("stillframe prove", description="Proves that a capture runs none of a program's code.")
    parser.add_argument("targets", nargs="*", metavar="MODULE:CLASS", help="a class, a factory or an object of the program")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args(arguments)

    def capture(error: BaseException) -> object:
        return native.capture(error, None, False, True, "prove", None)

    native = _runtime.native

    if _runtime.problem is not None:
        sys.stderr.write(f"stillframe: cannot prove anything: {_runtime.problem}\n")
        return 2
    if "" not in sys.path and os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())  # as ``python -m`` does; the program's classes are there
    with tempfile.TemporaryDirectory() as folder:
        os.environ["STILLFRAME_DIR"] = folder
        _lifecycle.start({}, "stillframe.prove")
        try:
            proofs = prove(capture, options.targets)
        except TargetError as error:
            sys.stderr.write(f"stillframe: {error}\n")
            return 2
        finally:
            _lifecycle.uninstall()
    walker = native.walker()["detail"]
    wrong = [proof for proof in proofs if proof.wrong]
    sys.stdout.write(_json(proofs, walker) if options.json else _text(proofs, walker))
    if wrong and all(proof.wrong == [_NOT_CAPTURED] for proof in proofs if not proof.not_tried):
        sys.stderr.write("stillframe: cannot prove anything: nothing was captured; gate.exclude in the configuration may be why\n")
        return 2
    return 1 if wrong else 0


def _json(proofs: list[Proof], walker: str) -> str:
    import json

    told = [{"target": proof.target, "kind": proof.name, "ran": proof.wrong, "notTried": proof.not_tried or None} for proof in proofs]
    return json.dumps({"walker": walker, "traps": len(NAMES), "proofs": told}, indent=2) + "\n"


def _text(proofs: list[Proof], walker: str) -> str:
    width = max(len(proof.name) for proof in proofs)
    lines, target = [], ""
    for proof in proofs:
        if proof.target != target:
            lines.append(f"{chr(10) if target else ''}{proof.target}")
        target = proof.target
        said = f"not tried: {proof.not_tried}" if proof.not_tried else "; ".join(proof.wrong) or "nothing ran"
        lines.append(f"{'  ' if target else ''}{proof.name:{width}}  {said}")
    tried = [proof for proof in proofs if not proof.not_tried]
    missed = sum(_NOT_CAPTURED in proof.wrong for proof in tried)
    wrong = sum(proof.wrong not in ([], [_NOT_CAPTURED]) for proof in tried)
    kinds_of = "captures" if target else f"kinds of objects, each with {len(NAMES)} traps and those of its class"
    lines.append(f"\n{len(tried)} {kinds_of}: {f'{wrong} of them' if wrong else 'nothing'} noticed the capture ({walker})")
    if missed:
        lines.append(f"{missed} of them were not captured, which proves nothing")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
