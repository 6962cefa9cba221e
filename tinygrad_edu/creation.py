"""Making tensors from nothing, under NumPy's names: zeros, ones, full, arange, eye and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.handle import get_default_dtype, to_dtype
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops.shape import broadcast_to
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

Shape = int | tuple[int, ...]


def _made(array: np.ndarray, requires_grad: bool, name: str | None) -> Tensor:
    tensor = tensor_on(array)
    if requires_grad:
        tensor.requires_grad = True
    if name is not None:
        tensor.name = name
    return tensor


def _default(dtype: DTypeLike | None, otherwise: np.dtype[Any] | None = None) -> np.dtype[Any]:
    return (otherwise or get_default_dtype()) if dtype is None else to_dtype(dtype)


def zeros(
    shape: Shape, dtype: DTypeLike | None = None, *, requires_grad: bool = False, name: str | None = None
) -> Tensor:
    """Zeros of the given shape, in the default float unless `dtype` says otherwise.

    >>> zeros((2, 2))
    Tensor([[0., 0.],
            [0., 0.]])
    """
    return _made(asked(np.zeros, shape, _default(dtype)), requires_grad, name)


def ones(
    shape: Shape, dtype: DTypeLike | None = None, *, requires_grad: bool = False, name: str | None = None
) -> Tensor:
    """Ones of the given shape, in the default float unless `dtype` says otherwise.

    >>> ones(2)
    Tensor([1., 1.])
    """
    return _made(asked(np.ones, shape, _default(dtype)), requires_grad, name)


def full(
    shape: Shape,
    fill_value: Any,
    dtype: DTypeLike | None = None,
    *,
    requires_grad: bool = False,
    name: str | None = None,
) -> Tensor:
    """`fill_value` repeated to the given shape; its dtype is that of `Tensor(fill_value)`.

    A fill_value that requires grad gets the sum of the gradients of all its copies.

    >>> full(3, 7.0)
    Tensor([7., 7., 7.])
    """
    value = as_tensor(fill_value)
    if value.requires_grad:
        return _repeated(value, shape, dtype)
    return _made(asked(np.full, shape, value._data, _default(dtype, value.dtype)), requires_grad, name)


def _repeated(value: Tensor, shape: Any, dtype: DTypeLike | None) -> Tensor:
    """A tracked value repeated to the given shape, as a value of its own that can be written to."""
    cast = value if dtype is None or to_dtype(dtype) == value.dtype else value.astype(dtype)
    sides = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
    return broadcast_to(cast, shape=sides).copy()


def arange(
    start: Any,
    stop: Any = None,
    step: Any = 1,
    dtype: DTypeLike | None = None,
    *,
    requires_grad: bool = False,
    name: str | None = None,
) -> Tensor:
    """Numbers `step` apart, from `start` (0 if only one is given) up to but not including `stop`.

    >>> arange(3), arange(2.0, 3.0, 0.25)
    (Tensor([0, 1, 2]), Tensor([2.  , 2.25, 2.5 , 2.75]))
    """
    start, stop = (0, start) if stop is None else (start, stop)
    array: np.ndarray = asked(np.arange, start, stop, step, None if dtype is None else to_dtype(dtype))
    if dtype is None and array.dtype.kind == "f":
        array = array.astype(get_default_dtype())
    return _made(array, requires_grad, name)


def eye(
    N: int,
    M: int | None = None,
    k: int = 0,
    dtype: DTypeLike | None = None,
    *,
    requires_grad: bool = False,
    name: str | None = None,
) -> Tensor:
    """N × M (N × N by default) with ones on the k-th diagonal, above the main one for k > 0, and 0 elsewhere.

    >>> eye(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return _made(asked(np.eye, N, M, k, dtype=_default(dtype)), requires_grad, name)


def _like(a: Any, dtype: DTypeLike | None, shape: Shape | None, order: str, device: str | None) -> tuple[Any, Any]:
    """Shape and dtype of something like `a`, of the shape and dtype given instead where they are given."""
    x = as_tensor(a)
    if order not in ("C", "F", "A", "K"):
        raise ShapeError(
            describe(f"order is one of 'C', 'F', 'A' and 'K', not {order!r}", where=here(), code="unknown-choice")
        )
    if device not in (None, "cpu"):
        raise ShapeError(describe(f"there is no device {device!r}", where=here(), fix="'cpu'", code="unknown-choice"))
    return x.shape if shape is None else shape, x.dtype if dtype is None else to_dtype(dtype)


@implements(np.zeros_like, np.empty_like)
def zeros_like(
    a: Any,
    dtype: DTypeLike | None = None,
    order: str = "K",
    subok: bool = True,
    shape: Shape | None = None,
    *,
    device: str | None = None,
) -> Tensor:
    """Zeros of the shape and dtype of a, a constant.

    dtype, shape   others than those of a
    order          has no effect: how a value lies in memory is the engine's business

    >>> zeros_like(ones(2))
    Tensor([0., 0.])
    """
    return tensor_on(asked(np.zeros, *_like(a, dtype, shape, order, device)))


empty_like = zeros_like


@implements(np.ones_like)
def ones_like(
    a: Any,
    dtype: DTypeLike | None = None,
    order: str = "K",
    subok: bool = True,
    shape: Shape | None = None,
    *,
    device: str | None = None,
) -> Tensor:
    """Ones of the shape and dtype of a, a constant; parameters as for `zeros_like`.

    >>> ones_like(zeros(2))
    Tensor([1., 1.])
    """
    return tensor_on(asked(np.ones, *_like(a, dtype, shape, order, device)))


@implements(np.full_like)
def full_like(
    a: Any,
    fill_value: Any,
    dtype: DTypeLike | None = None,
    order: str = "K",
    subok: bool = True,
    shape: Shape | None = None,
    *,
    device: str | None = None,
) -> Tensor:
    """`fill_value` in the shape and dtype of a; other parameters as for `zeros_like`.

    A fill_value that requires grad gets the sum of the gradients of all its copies.

    >>> full_like(zeros(2), 3.0)
    Tensor([3., 3.])
    """
    sides, kind = _like(a, dtype, shape, order, device)
    value = as_tensor(fill_value)
    if value.requires_grad:
        return _repeated(value, sides, kind)
    return tensor_on(asked(np.full, sides, value._data, kind))
