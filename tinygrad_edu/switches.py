"""The switches that users turn: `no_grad()`. Each is a context manager for the running thread, and a decorator."""

from __future__ import annotations

from contextlib import AbstractContextManager

from tinygrad_edu.node import recording


def no_grad() -> AbstractContextManager[None]:
    """Inside the block ops compute and record nothing; a leaf may be written in place.

    >>> from tinygrad_edu import Tensor
    >>> w = Tensor(1.0, requires_grad=True)
    >>> with no_grad():
    ...     w += 1
    >>> w
    Tensor(2., requires_grad=True)
    """
    return recording(False)
