"""Norms of vectors and matrices, of every order that NumPy has. The derivative of a norm of 0 is 0.

`tg.linalg.<name>` and `np.linalg.<name>(tensor)` are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.compositions.reduction import as_floats, max, min, sum
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.memory import label
from tinygrad_edu.misfits import places
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import absolute, sign, sqrt
from tinygrad_edu.ops.elementwise import where as choose
from tinygrad_edu.ops.reduction import vector_norm as of_powers
from tinygrad_edu.refusal import no_such_axis
from tinygrad_edu.tensor import Tensor

__all__ = ["matrix_norm", "norm", "vector_norm"]

Axes = tuple[int, ...]
_np: Any = np  # functions that take Tensors here, and arrays in NumPy's stubs


def root(x: Tensor, p: float = 2) -> Tensor:
    """x to the power 1/p; its derivative at 0, which is infinite, counts as 0: the norm has its kink there."""
    zero = x == 0
    safe = choose(zero, 1, x)
    return choose(zero, 0, sqrt(safe) if p == 2 else safe ** (1 / p))


def _length(x: Tensor, axis: Axes | None, keepdims: bool) -> Tensor:
    """√Σ|x|²."""
    length: Tensor = of_powers(absolute(x) if x.dtype.kind == "c" else x, axis=axis, keepdims=keepdims)
    return length


def _vector(x: Tensor, order: Any, axis: Axes | None, keepdims: bool) -> Tensor:
    """The norm of the elements along `axis` as one vector each."""
    if order is None or order == 2:
        return _length(x, axis, keepdims)
    size = absolute(x)
    if order == np.inf:
        return max(size, axis, None, keepdims, 0)
    if order == -np.inf:
        return min(size, axis, None, keepdims)
    if order == 0:
        return sum(choose(size != 0, 1, sign(size)), axis, keepdims=keepdims)
    if order == 1:
        return sum(size, axis, keepdims=keepdims)
    if isinstance(order, str):
        raise ShapeError(
            describe(
                f"{order!r} is no norm of vectors", where=here(), fix="a number, np.inf or None", code="unknown-choice"
            )
        )
    result: Tensor = of_powers(size if x.dtype.kind == "c" else x, order=float(order), axis=axis, keepdims=keepdims)
    return result


def _matrix(x: Tensor, order: Any, axis: Axes, keepdims: bool) -> Tensor:
    """The norm of the matrices that lie in two axes."""
    row, column = (a % x.ndim for a in axis)
    if row == column:
        raise ShapeError(
            describe(f"a matrix has two different axes, not {axis}", where=here(), code="axis-named-twice")
        )
    if order is None or order in ("fro", "f"):
        return _length(x, (row, column), keepdims)
    if order in (1, -1, np.inf, -np.inf):
        summed, compared = (row, column) if order in (1, -1) else (column, row)
        sums = sum(absolute(x), summed, keepdims=True)
        result = max(sums, compared, None, True, 0) if order > 0 else min(sums, compared, None, True)
    elif order in (2, -2, "nuc"):
        moved = x.transpose((*(a for a in range(x.ndim) if a not in (row, column)), row, column))
        values: Tensor = _np.linalg.svd(moved, compute_uv=False)
        if order == "nuc":
            result = sum(values, -1)
        else:
            result = max(values, -1, None, False, 0) if order == 2 else min(values, -1)
        sides = tuple(1 if a in (row, column) else side for a, side in enumerate(x.shape))
        result = result.reshape(sides)
    else:
        raise ShapeError(
            describe(
                f"{order!r} is no norm of matrices",
                where=here(),
                fix="1, -1, 2, -2, ±np.inf, 'fro' or 'nuc'",
                code="unknown-choice",
            )
        )
    return result if keepdims else result.squeeze((row, column))


@implements(np.linalg.norm)
def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Tensor:
    """‖x‖: of vectors along one axis, of matrices in two axes, or of all elements.

    ord    None (√Σ|x|²); for vectors any number p, (Σ|x|ᵖ)^(1/p), ±inf (the extreme), 0 (how many are not 0);
           for matrices "fro", ±1 and ±inf (extreme sums of columns and rows), ±2 and "nuc" (singular values)
    axis   None: all elements without `ord`, else the vector or matrix that x is
    The derivative where the norm has its kink is 0, of equal extremes each gets its share.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.norm([3.0, 4.0])
    Tensor(5.)
    """
    x = as_floats(x)
    if axis is None:
        if ord is None or (ord in ("fro", "f") and x.ndim == 2) or (ord == 2 and x.ndim == 1):
            return _length(x, None, keepdims)
        if x.ndim not in (1, 2):
            raise ShapeError(
                describe(f"norm of order {ord!r} of {x.ndim} axes: say along which", where=here(), code="axis-needed")
            )
        axis = tuple(range(x.ndim))
    axes = axis if isinstance(axis, tuple) else (axis,)
    if any(not -x.ndim <= a < x.ndim for a in axes) or len(axes) > 2 or not axes:
        raise ShapeError(
            describe(
                "norm takes one axis of a vector or two of a matrix, which are there",
                where=here(),
                input=label(x),
                axis=repr(axis),
                axes=places(x.ndim),
                code="wrong-number-of-axes",
            )
        )
    if len(axes) == 1:
        return _vector(x, ord, axes, keepdims)
    return _matrix(x, ord, axes, keepdims)


@implements(np.linalg.vector_norm)
def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Tensor:
    """(Σ|x|ᵖ)^(1/p) over the given axes (all by default) as one vector.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.vector_norm([[1.0, 2.0], [3.0, 4.0]], ord=1)
    Tensor(10.)
    """
    x = as_floats(x)
    if axis not in (None, ()) and not x.ndim:
        raise no_such_axis(axis, 0)
    return _vector(x, ord, axis, keepdims)


@implements(np.linalg.matrix_norm)
def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Tensor:
    """The norm of the matrices in the last two axes, (…, n, m) -> (…).

    >>> import tinygrad_edu as tg
    >>> tg.linalg.matrix_norm([[1.0, 2.0], [-3.0, 4.0]], ord=1)
    Tensor(6.)
    """
    x = as_floats(x)
    if x.ndim < 2:
        raise ShapeError(describe(f"a matrix has two axes, not {x.ndim}", where=here(), code="wrong-number-of-axes"))
    return _matrix(x, ord, (-2, -1), keepdims)
