"""A function of somebody else's, replaced by one that looks as well and otherwise does the same."""

from __future__ import annotations

from stillframe import _failures

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


class Layer:
    """One replacement. It outlives its removal where somebody has kept it; it then hands through.

    It outlives this module, too, when the interpreter takes that down: the functions below hold all that they need themselves.
    """

    __slots__ = ("active", "function", "original")

    def __init__(self, original: Any) -> None:
        """Begins active; ``function`` is set by the patch."""
        self.original = original
        self.active = True
        self.function: Any = None


class Patch:
    """One attribute of a module or class, and who looks when it is called.

    ``before(*args, **kwargs)`` looks before the original is called; ``after(result, *args, **kwargs)`` looks after it has returned, and
    what it returns takes the place of the result. The original is called in any case, and what fails in our own code stays there.
    ``wrap(layer)`` makes the replacement itself, where every call counts; it has to keep the same promises.
    """

    __slots__ = ("_after", "_before", "_layer", "_own", "_wrap", "name", "owner", "switch")

    def __init__(
        self,
        switch: str,
        owner: Any,
        name: str,
        *,
        before: Callable[..., None] | None = None,
        after: Callable[..., Any] | None = None,
        wrap: Callable[[Layer], Any] | None = None,
    ) -> None:
        """Names the key of ``hooks`` in the configuration that it belongs to, and the attribute; nothing is replaced yet."""
        self.switch = switch
        self.owner = owner
        self.name = name
        self._before = before
        self._after = after
        self._wrap = wrap
        self._layer: Layer | None = None
        self._own = True

    @property
    def is_applied(self) -> bool:
        """Whether the attribute is replaced and the replacement looks."""
        return self._layer is not None and self._layer.active

    @property
    def standing(self) -> Layer | None:
        """The replacement, if it is what the attribute holds now."""
        layer = self._layer
        return layer if layer is not None and getattr(self.owner, self.name, None) is layer.function else None

    def apply(self) -> None:
        """Replaces the attribute, unless it is replaced already. Does nothing where it does not exist."""
        original = getattr(self.owner, self.name, None)
        if original is None:
            return
        layer = self._layer
        if layer is not None:
            if original is layer.function:
                layer.active = True
                return
            layer.active = False  # somebody stands in front of it, perhaps without calling it
        self._layer = layer = Layer(original)
        if self._wrap is not None:
            function = self._wrap(layer)
        elif self._before is not None:
            function = _looking_before(layer, self._before)
        else:
            function = _looking_after(layer, self._after)
        layer.function = function
        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            value = getattr(original, name, None)
            if type(value) is str:
                setattr(function, name, value)
        function.__wrapped__ = original
        self._own = self.name in vars(self.owner)
        setattr(self.owner, self.name, function)

    def remove(self) -> None:
        """Restores the attribute exactly, or lets it hand through if somebody has replaced it since."""
        layer = self._layer
        if layer is None:
            return
        layer.active = False
        if getattr(self.owner, self.name, None) is layer.function:
            self._layer = None
            if self._own:
                setattr(self.owner, self.name, layer.original)
            else:
                delattr(self.owner, self.name)


class Connection(Patch):
    """Something that is connected and disconnected rather than replaced, such as the receiver of a signal."""

    __slots__ = ("_connect", "_disconnect")

    def __init__(self, switch: str, owner: Any, name: str, connect: Callable[[], object], disconnect: Callable[[], object]) -> None:
        """Names the key of ``hooks`` in the configuration; owner and name tell it from others. Nothing is connected yet."""
        super().__init__(switch, owner, name)
        self._connect = connect
        self._disconnect = disconnect

    def apply(self) -> None:
        """Connects it. Called again, it must change nothing."""
        self._connect()

    def remove(self) -> None:
        """Disconnects it."""
        self._disconnect()


def observer(look: Callable[..., object]) -> Callable[..., None]:
    """A function for others to call that looks and returns nothing; what fails in our own code stays there."""
    swallowed, out_of_stack = _failures.swallowed, _failures.out_of_stack

    def observer(*args: Any, **kwargs: Any) -> None:
        try:
            look(*args, **kwargs)
        except RecursionError:
            out_of_stack[0] += 1
        except BaseException as failure:
            if not swallowed(failure):
                raise

    return observer


def _looking_before(layer: Layer, look: Callable[..., None]) -> Any:
    original, swallowed, out_of_stack = layer.original, _failures.swallowed, _failures.out_of_stack

    def looking_before(*args: Any, **kwargs: Any) -> Any:
        try:
            if layer.active:
                look(*args, **kwargs)
        except RecursionError:  # the program is at the end of its stack, where not even counting can be called
            out_of_stack[0] += 1
        except BaseException as failure:
            if not swallowed(failure):
                original(*args, **kwargs)
                raise
        return original(*args, **kwargs)

    return looking_before


def _looking_after(layer: Layer, look: Callable[..., Any] | None) -> Any:
    original, swallowed, out_of_stack = layer.original, _failures.swallowed, _failures.out_of_stack

    def looking_after(*args: Any, **kwargs: Any) -> Any:
        result = original(*args, **kwargs)
        if look is None:
            return result
        try:
            return look(result, *args, **kwargs) if layer.active else result
        except RecursionError:
            out_of_stack[0] += 1
        except BaseException as failure:
            if not swallowed(failure):
                raise
        return result

    return looking_after
