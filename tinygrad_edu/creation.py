"""Making tensors from nothing, under NumPy's names: zeros, ones, full, arange, linspace, eye and their like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.handle import get_default_dtype
from tinygrad_edu.interop import implements
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


def _default(dtype: DTypeLike | None) -> Any:
    return get_default_dtype() if dtype is None else dtype


def zeros(
    shape: Shape, dtype: DTypeLike | None = None, *, requires_grad: bool = False, name: str | None = None
) -> Tensor:
    """Zeros of the given shape, in the default float unless `dtype` says otherwise.

    >>> zeros((2, 2))
    Tensor([[0., 0.],
            [0., 0.]])
    """
    return _made(np.zeros(shape, _default(dtype)), requires_grad, name)


def ones(
    shape: Shape, dtype: DTypeLike | None = None, *, requires_grad: bool = False, name: str | None = None
) -> Tensor:
    """Ones of the given shape, in the default float unless `dtype` says otherwise.

    >>> ones(2)
    Tensor([1., 1.])
    """
    return _made(np.ones(shape, _default(dtype)), requires_grad, name)


def full(
    shape: Shape,
    fill_value: Any,
    dtype: DTypeLike | None = None,
    *,
    requires_grad: bool = False,
    name: str | None = None,
) -> Tensor:
    """`fill_value` repeated to the given shape; its dtype is that of `Tensor(fill_value)`.

    >>> full(3, 7.0)
    Tensor([7., 7., 7.])
    """
    value = as_tensor(fill_value)
    return _made(np.full(shape, value._data, dtype or value.dtype), requires_grad, name)


def arange(
    start: Any,
    stop: Any = None,
    step: Any = 1,
    dtype: DTypeLike | None = None,
    *,
    requires_grad: bool = False,
    name: str | None = None,
) -> Tensor:
    """Numbers from `start` (0 if only one is given) up to but not including `stop`.

    >>> arange(3)
    Tensor([0, 1, 2])
    """
    start, stop = (0, start) if stop is None else (start, stop)
    array: np.ndarray = np.arange(start, stop, step, dtype)  # type: ignore[call-overload]
    if dtype is None and array.dtype.kind == "f":
        array = array.astype(get_default_dtype())
    return _made(array, requires_grad, name)


def linspace(
    start: float,
    stop: float,
    num: int = 50,
    endpoint: bool = True,
    dtype: DTypeLike | None = None,
    *,
    requires_grad: bool = False,
    name: str | None = None,
) -> Tensor:
    """`num` numbers evenly spaced from `start` to `stop`.

    >>> linspace(0, 1, 3)
    Tensor([0. , 0.5, 1. ])
    """
    return _made(np.linspace(start, stop, num, endpoint=endpoint, dtype=_default(dtype)), requires_grad, name)


def eye(
    N: int,
    M: int | None = None,
    k: int = 0,
    dtype: DTypeLike | None = None,
    *,
    requires_grad: bool = False,
    name: str | None = None,
) -> Tensor:
    """N × M with ones on the k-th diagonal.

    >>> eye(2)
    Tensor([[1., 0.],
            [0., 1.]])
    """
    return _made(np.eye(N, M, k, dtype=_default(dtype)), requires_grad, name)


@implements(np.zeros_like)
def zeros_like(x: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Zeros of the shape and dtype of x, a constant.

    >>> zeros_like(ones(2))
    Tensor([0., 0.])
    """
    x = as_tensor(x)
    return tensor_on(np.zeros(x.shape, dtype or x.dtype))


@implements(np.ones_like)
def ones_like(x: Any, dtype: DTypeLike | None = None) -> Tensor:
    """Ones of the shape and dtype of x, a constant.

    >>> ones_like(zeros(2))
    Tensor([1., 1.])
    """
    x = as_tensor(x)
    return tensor_on(np.ones(x.shape, dtype or x.dtype))


@implements(np.full_like)
def full_like(x: Any, fill_value: Any, dtype: DTypeLike | None = None) -> Tensor:
    """`fill_value` in the shape and dtype of x, a constant.

    >>> full_like(zeros(2), 3.0)
    Tensor([3., 3.])
    """
    x = as_tensor(x)
    return tensor_on(np.full(x.shape, as_tensor(fill_value)._data, dtype or x.dtype))
