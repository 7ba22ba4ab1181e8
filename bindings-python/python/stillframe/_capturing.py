"""``capturing``: errors that pass through a block or a function are captured, and pass on unchanged."""

from __future__ import annotations

from stillframe import _report

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Generator
    from types import TracebackType
    from typing import Any, Optional, TypeVar, overload

    F = TypeVar("F", bound=Callable[..., Any])

_GENERATOR, _COROUTINE, _AWAITABLE_GENERATOR, _ASYNC_GENERATOR = 0x20, 0x80, 0x100, 0x200  # code flags, as in ``inspect``


class Capturing:
    """A context manager and decorator."""

    __slots__ = ("_limited",)

    def __init__(self, limited: bool) -> None:
        """Takes whether the limits apply."""
        self._limited = limited

    def __enter__(self) -> Capturing:
        """Does nothing."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Captures an error that leaves the block."""
        if error is not None and _report.is_error(error):
            _report.report(error, traceback, "capturing", handled=True, limited=self._limited)

    async def __aenter__(self) -> Capturing:
        """Does nothing."""
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        """Captures an error that leaves the block."""
        self.__exit__(kind, error, traceback)

    def __call__(self, function: F) -> F:
        """Decorates a function, coroutine function, generator or asynchronous generator."""
        return _decorate(function, self)


if TYPE_CHECKING:

    @overload
    def capturing(function: F) -> F: ...

    @overload
    def capturing(*, limited: bool = True) -> Capturing: ...


def capturing(function: Optional[Callable[..., Any]] = None, *, limited: bool = True) -> Any:
    """Captures errors that pass through a block or a function. They pass on unchanged.

    For errors that are handled further out, where nothing else would meet them::

        with stillframe.capturing():
            sync(account)


        @stillframe.capturing
        async def sync(account): ...

    Args:
        function: what to decorate, when it is used as a bare decorator.
        limited: whether the limits apply of how often an error is captured.
    """
    block = Capturing(limited)
    return block if function is None else block(function)


def _decorate(function: F, block: Capturing) -> F:
    from functools import partial, wraps

    plain: Any = function
    while isinstance(plain, partial):
        plain = plain.func
    if not hasattr(plain, "__code__"):
        plain = getattr(plain, "__func__", getattr(type(plain), "__call__", plain))  # noqa: B004 - what runs, not whether
    flags = getattr(getattr(plain, "__code__", None), "co_flags", 0)

    wrapper: Any
    if flags & _COROUTINE:

        @wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> Any:
            with block:
                return await function(*args, **kwargs)

    elif flags & _ASYNC_GENERATOR:

        @wraps(function)
        async def wrapper(*args: Any, **kwargs: Any) -> AsyncGenerator[Any, Any]:
            generator = function(*args, **kwargs)
            with block:
                try:
                    value = await generator.__anext__()
                    while True:
                        thrown: BaseException | None = None
                        try:
                            sent = yield value
                        except BaseException as error:
                            thrown = error
                        try:  # not in the block above, where all that the generator raises would get what was thrown as its context
                            if thrown is None:
                                value = await generator.asend(sent)
                            elif issubclass(type(thrown), GeneratorExit):
                                await generator.aclose()
                                raise thrown
                            else:
                                value = await generator.athrow(thrown)
                        finally:
                            thrown = None  # its traceback refers to this frame
                except StopAsyncIteration:
                    return

    elif flags & _GENERATOR:

        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            with block:
                return (yield from function(*args, **kwargs))

        if flags & _AWAITABLE_GENERATOR:
            from types import coroutine

            wrapper = coroutine(wrapper)

    else:

        @wraps(function)
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            with block:
                return function(*args, **kwargs)

    return wrapper  # type: ignore[no-any-return]
