"""The switches that users turn: `no_grad()`. Each is a context manager for the running thread, and a decorator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, overload

from tinygrad_edu.handle import must_be_callable
from tinygrad_edu.node import recording

_F = TypeVar("_F", bound=Callable[..., Any])


@overload
def no_grad() -> recording: ...


@overload
def no_grad(function: _F) -> _F: ...


def no_grad(function: Callable[..., Any] | None = None) -> Any:
    """Inside the block ops compute and record nothing; a leaf may be written in place.

    It decorates functions too, as `@no_grad()` or `@no_grad`; generators and `async` functions while they run, not
    while they wait. A block is left when its end is reached: one around a `yield` holds for the caller as well, until
    he goes on with the generator (`@contextmanager` lives by that), one around an `await` for other tasks. Decorate
    the function where that isn't meant.

    >>> from tinygrad_edu import Tensor
    >>> w = Tensor(1.0, requires_grad=True)
    >>> with no_grad():
    ...     w += 1
    >>> w
    Tensor(2., requires_grad=True)
    """
    if function is None:
        return recording(False)
    must_be_callable(function, "no_grad decorates a function", "with tg.no_grad(): …")
    return recording(False)(function)
