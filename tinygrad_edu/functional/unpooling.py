"""Max pools turned round: numbers put back where the largest elements were. Compositions of ops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError, describe
from tinygrad_edu.functional.checks import AXES, must_have_axes, per_axis
from tinygrad_edu.functional.reducing import first
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.index import setitem
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["max_unpool1d", "max_unpool2d", "max_unpool3d"]


def max_unpool1d(
    x: Operand, indices: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """`max_unpool2d` with one axis: x and indices (n, channels, places).

    >>> max_unpool1d([[3.0, 2.0]], [[1, 2]], 2)
    Tensor([[0., 3., 2., 0.]])
    """
    return _unpooled("max_unpool1d", 1, x, indices, kernel_size, stride, padding, output_size)


def max_unpool2d(
    x: Operand, indices: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """Zeros with the elements of x where `max_pool2d` found them: (n, channels, *places) -> (n, channels, *sides).

    x, indices                     what `max_pool2d` gives with return_indices=True: of one shape, also without n
    kernel_size, stride, padding   those of that pool
    output_size                    the sides, or the whole shape, that the pool had: several sides have the same number
                                   of places. By default (places − 1) · stride − 2 · padding + kernel.

    Where windows overlap an index may be there twice: the last number is written, and it alone gets the gradient (the
    gradient of PyTorch goes to both). Raises ShapeError where x and indices differ in shape or the sides can't have
    been the pool's, IndexingError for an index beyond them.

    >>> x = [[[1.0, 2.0, 0.0, 0.0], [3.0, 4.0, 0.0, 5.0]]]
    >>> from tinygrad_edu.functional import max_pool2d
    >>> max_unpool2d(*max_pool2d(x, 2, return_indices=True), 2)
    Tensor([[[0., 0., 0., 0.],
             [0., 4., 0., 5.]]])
    """
    return _unpooled("max_unpool2d", 2, x, indices, kernel_size, stride, padding, output_size)


def max_unpool3d(
    x: Operand, indices: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, output_size: Any = None
) -> Tensor:
    """`max_unpool2d` with three axes: x and indices (n, channels, *places).

    >>> max_unpool3d(np.ones((1, 1, 1, 1)), np.array([[[[7]]]]), 2).tolist()
    [[[[0.0, 0.0], [0.0, 0.0]], [[0.0, 0.0], [0.0, 1.0]]]]
    """
    return _unpooled("max_unpool3d", 3, x, indices, kernel_size, stride, padding, output_size)


def _unpooled(
    name: str, ndim: int, x: Any, indices: Any, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> Tensor:
    x, indices = as_tensor(x), as_tensor(indices)
    must_have_axes(name, x, ndim)
    if x.shape != indices.shape:
        raise ShapeError(
            describe(
                f"{name}: there must be one index for each element",
                where=here(),
                input=label(x),
                indices=label(indices),
                code="unpool-indices",
            )
        )
    if indices.dtype.kind not in "iu":
        raise DtypeError(
            describe(
                f"{name}: indices must be whole numbers",
                where=here(),
                indices=label(indices),
                fix=f"{name.replace('un', '')}(x, …, return_indices=True) gives them",
                code="index-not-whole-numbers",
            )
        )
    sides = _sides(name, ndim, x, kernel_size, stride, padding, output_size)
    number, leading, places = math.prod(sides), math.prod(x.shape[:-ndim]), math.prod(x.shape[-ndim:])
    outside = (indices._data < 0) | (indices._data >= number)
    if outside.any():
        place, value = first(indices._data, outside)
        raise IndexingError(
            describe(
                f"{name}: indices{place} is {value}, and the sides {sides} hold 0 … {number - 1}",
                where=here(),
                fix="output_size=…, the sides that the pool had",
                code="unpool-indices",
            )
        )
    zeros = as_tensor(np.zeros((leading, number), x.dtype))
    where = (np.arange(leading)[:, None], indices.reshape(leading, places))
    return setitem(zeros, x.reshape(leading, places), index=where).reshape(*x.shape[:-ndim], *sides)


def _sides(
    name: str, ndim: int, x: Tensor, kernel_size: Any, stride: Any, padding: Any, output_size: Any
) -> tuple[int, ...]:
    kernel = per_axis(kernel_size, "kernel_size", ndim)
    stride = kernel if stride is None else per_axis(stride, "stride", ndim)
    padding = per_axis(padding, "padding", ndim, 0)
    usual = tuple((m - 1) * s - 2 * p + k for m, s, p, k in zip(x.shape[-ndim:], stride, padding, kernel, strict=True))
    if output_size is None:
        if min(usual) < 1:
            raise DataError(describe(f"{name}: the result would have sides {usual}", where=here(), code="unpool-sides"))
        return usual
    given = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * ndim
    sides = per_axis(given[-ndim:] if len(given) == x.ndim else given, "output_size", ndim)
    if any(abs(side - u) >= s for side, u, s in zip(sides, usual, stride, strict=True)):
        raise ShapeError(
            describe(
                f"{name}: output_size {sides} is too far from {usual}",
                where=here(),
                why=f"less than a stride, {stride}, lies between the sides that have the same places ({AXES[ndim]})",
                code="unpool-sides",
            )
        )
    return sides
