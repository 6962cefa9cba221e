"""Dtypes: NumPy's questions about them, asked about Tensors, and casts."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu.errors import DtypeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

__all__ = ["astype", "can_cast", "common_type", "may_share_memory", "min_scalar_type", "result_type", "shares_memory"]


@implements(np.astype)
def astype(x: Any, dtype: DTypeLike, /, *, copy: bool = True, device: str | None = None) -> Tensor:
    """x in another dtype. A cast to integers or booleans has no derivative and ends the graph.

    >>> import tinygrad_edu as tg
    >>> tg.astype(tg.ones(2), np.float32)
    Tensor([1., 1.], dtype=float32)
    """
    if device not in (None, "cpu"):
        raise DtypeError(
            describe(f"astype: there is no device {device!r}", where=here(), fix="device='cpu'", code="unknown-choice")
        )
    tensor = as_tensor(x)
    return tensor if not copy and tensor.dtype == np.dtype(dtype) else tensor.astype(dtype)


def _array(value: Any) -> Any:
    """What NumPy is to look at in the place of a Tensor; dtypes and Python numbers as they are."""
    return value._data if isinstance(value, Tensor) else value


@implements(np.result_type)
def result_type(*arrays_and_dtypes: Any) -> np.dtype[Any]:
    """The dtype of a result of all these; Python numbers are weak.

    >>> import tinygrad_edu as tg
    >>> tg.result_type(tg.ones(2, np.float32), 2.5)
    dtype('float32')
    """
    return asked(np.result_type, *map(_array, arrays_and_dtypes))  # type: ignore[no-any-return]


@implements(np.can_cast)
def can_cast(from_: Any, to: DTypeLike, casting: str = "safe") -> bool:
    """Whether a cast is allowed under a rule of NumPy's.

    >>> import tinygrad_edu as tg
    >>> tg.can_cast(tg.ones(2), np.float32)
    False
    """
    source = from_.dtype if isinstance(from_, Tensor) else from_
    return asked(np.can_cast, source, to, casting=casting)  # type: ignore[no-any-return]


@implements(np.min_scalar_type)
def min_scalar_type(a: Any) -> np.dtype[Any]:
    """The smallest dtype that holds the number a; of an array its own.

    >>> import tinygrad_edu as tg
    >>> tg.min_scalar_type(tg.ones(2))
    dtype('float64')
    """
    return asked(np.min_scalar_type, _array(a))  # type: ignore[no-any-return]


@implements(np.common_type)
def common_type(*arrays: Any) -> Any:
    """The floating type that all these fit into.

    >>> import tinygrad_edu as tg
    >>> tg.common_type(tg.arange(2), tg.ones(2, np.float32)).__name__
    'float64'
    """
    return asked(np.common_type, *map(_array, arrays))


@implements(np.may_share_memory)
def may_share_memory(a: Any, b: Any, max_work: int | None = None) -> bool:
    """Whether the memory of a and b may overlap.

    >>> import tinygrad_edu as tg
    >>> x = tg.ones(4)
    >>> tg.may_share_memory(x[:2], x[2:])
    False
    """
    return asked(np.may_share_memory, _array(a), _array(b), max_work=max_work)  # type: ignore[no-any-return]


@implements(np.shares_memory)
def shares_memory(a: Any, b: Any, max_work: int = -1) -> bool:
    """Whether a and b have an element in common in memory.

    >>> import tinygrad_edu as tg
    >>> x = tg.ones(4)
    >>> tg.shares_memory(x[:3], x[2:])
    True
    """
    return asked(np.shares_memory, _array(a), _array(b), max_work=max_work)  # type: ignore[no-any-return]


@implements(np.packbits)
def packbits(a: Any, /, axis: int | None = None, bitorder: Any = "big") -> Tensor:
    """Eight truths in each byte along `axis` (None: of all elements): whole numbers, no derivative."""
    return tensor_on(asked(np.packbits, _array(as_tensor(a)), axis, bitorder))


@implements(np.unpackbits)
def unpackbits(a: Any, /, axis: int | None = None, count: int | None = None, bitorder: Any = "big") -> Tensor:
    """The eight bits of each byte along `axis` (None: of all elements), as bytes: no derivative."""
    return tensor_on(asked(np.unpackbits, _array(as_tensor(a)), axis, count, bitorder))
