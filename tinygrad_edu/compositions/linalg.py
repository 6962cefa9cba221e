"""NumPy's products of vectors and matrices, diagonals and triangles that are compositions of rows.

`tg.<name>` and `np.<name>(tensor)` are the same. Decompositions and what follows from them are in
`decompositions.py`, einsum is in `einsum.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.output import handed
from tinygrad_edu.compositions.shape import one_axis
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops import linalg
from tinygrad_edu.ops.elementwise import multiply, power, where
from tinygrad_edu.ops.reduction import sum
from tinygrad_edu.ops.shape import expand_dims, reshape, stack, transpose
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = [
    "cross", "diag", "diagflat", "dot", "inner", "kron", "matrix_transpose", "outer", "trace", "tril", "triu", "vander",
    "vdot",
]  # fmt: skip


# --- products ----------------------------------------------------------------------------------------------------


@implements(np.dot)
def dot(a: Any, b: Any, out: Any = None) -> Tensor:
    """Σ over the last axis of a and the last but one of b, whose other axes follow each other; see `matmul` for stacks.

    >>> import tinygrad_edu as tg
    >>> tg.dot([1.0, 2.0], [3.0, 4.0])
    Tensor(11.)
    """
    return handed(linalg.dot(a, b), out)


@implements(np.inner)
def inner(a: Any, b: Any) -> Tensor:
    """Σ over the last axes, (…, n), (…, n) -> (…, …): the axes of a, then those of b; a plain product with a number.

    >>> import tinygrad_edu as tg
    >>> tg.inner([1.0, 2.0], [3.0, 4.0])
    Tensor(11.)
    """
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim == 0 or b.ndim == 0:
        return multiply(a, b)
    if a.ndim == 1 == b.ndim:
        return linalg.dot(a, b)
    return linalg.tensordot(a, b, axes=(-1, -1))


@implements(np.outer)
def outer(a: Any, b: Any, out: Any = None) -> Tensor:
    """aᵢ bⱼ: every element of a with every element of b, (n,), (m,) -> (n, m); other shapes are flattened.

    >>> import tinygrad_edu as tg
    >>> tg.outer([1.0, 2.0], [3.0, 4.0])
    Tensor([[3., 4.],
            [6., 8.]])
    """
    return handed(multiply(expand_dims(_flat(a), axis=1), _flat(b)), out)


@implements(np.vdot)
def vdot(a: Any, b: Any) -> Tensor:
    """Σ a · b over all elements, whatever the shapes; real numbers only.

    >>> import tinygrad_edu as tg
    >>> tg.vdot([[1.0, 2.0]], [[3.0], [4.0]])
    Tensor(11.)
    """
    a, b = _flat(a), _flat(b)
    if "c" in (a.dtype.kind, b.dtype.kind):
        raise DtypeError(
            describe(
                "vdot is for real numbers here",
                where=here(),
                fix="tg.dot, which does not conjugate",
                code="real-numbers-only",
            )
        )
    return linalg.dot(a, b)


def _flat(x: Any) -> Tensor:
    return reshape(as_tensor(x), shape=(-1,))


@implements(np.kron)
def kron(a: Any, b: Any) -> Tensor:
    """The Kronecker product: every element of a times the whole of b, (n, m), (p, q) -> (n·p, m·q); any number of axes.

    >>> import tinygrad_edu as tg
    >>> tg.kron([1.0, 10.0], [1.0, 2.0])
    Tensor([ 1.,  2., 10., 20.])
    """
    a, b = as_tensor(a), as_tensor(b)
    ndim = max(a.ndim, b.ndim)
    left = (1,) * (ndim - a.ndim) + a.shape
    right = (1,) * (ndim - b.ndim) + b.shape
    spread = multiply(
        reshape(a, shape=tuple(side for n in left for side in (n, 1))),
        reshape(b, shape=tuple(side for n in right for side in (1, n))),
    )
    return reshape(spread, shape=tuple(n * m for n, m in zip(left, right, strict=True)))


@implements(np.cross)
def cross(a: Any, b: Any, axisa: int = -1, axisb: int = -1, axisc: int = -1, axis: int | None = None) -> Tensor:
    """a × b, perpendicular to both; vectors of 3 along axisa and axisb, the result along axisc; `axis` sets all three.

    Vectors of 2 have 0 as their third component; of two such the third component of the result is given alone.

    >>> import tinygrad_edu as tg
    >>> tg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    Tensor([0., 0., 1.])
    """
    if axis is not None:
        axisa = axisb = axisc = axis
    a, b = _last(as_tensor(a), axisa), _last(as_tensor(b), axisb)
    if a.shape[-1] not in (2, 3) or b.shape[-1] not in (2, 3):
        raise ShapeError(
            describe(
                "cross needs vectors of 2 or 3",
                where=here(),
                a=a.shape,
                b=b.shape,
                fix="axisa=, axisb= or axis=",
                code="cross-needs-vectors",
            )
        )
    x = [a[..., i] for i in range(a.shape[-1])]
    y = [b[..., i] for i in range(b.shape[-1])]
    third: Tensor = x[0] * y[1] - x[1] * y[0]
    if len(x) == 2 == len(y):
        return third
    if len(x) == 2:
        first, second = x[1] * y[2], -(x[0] * y[2])
    elif len(y) == 2:
        first, second = -(x[2] * y[1]), x[2] * y[0]
    else:
        first, second = x[1] * y[2] - x[2] * y[1], x[2] * y[0] - x[0] * y[2]
    return _last(stack([first, second, third], axis=-1), axisc, back=True)


def _last(x: Tensor, axis: int, back: bool = False) -> Tensor:
    """x with one axis moved to the end, or the last one to `axis`."""
    order, axis = list(range(x.ndim)), one_axis(axis, x.ndim)
    if back:
        order.insert(axis, order.pop())
    else:
        order.append(order.pop(axis))
    return transpose(x, axes=tuple(order)) if order != sorted(order) else x


# --- diagonals and triangles -------------------------------------------------------------------------------------


@implements(np.trace)
def trace(
    a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: DTypeLike | None = None, out: Any = None
) -> Tensor:
    """Σ aᵢᵢ: the sum along the diagonal `offset` places above the main one, of the matrices along axis1 and axis2.

    >>> import tinygrad_edu as tg
    >>> tg.trace([[1.0, 2.0], [3.0, 4.0]])
    Tensor(5.)
    """
    picked = linalg.diagonal(a, offset, axis1, axis2)
    if dtype is None:
        return handed(sum(picked, axis=-1), out)
    return handed(sum(picked.astype(dtype), axis=-1).astype(dtype), out)  # NumPy widens int8


@implements(np.diag)
def diag(v: Any, k: int = 0) -> Tensor:
    """A matrix with the vector v on its diagonal k, (n,) -> (n + |k|, n + |k|); of a matrix its diagonal k.

    >>> import tinygrad_edu as tg
    >>> tg.diag([1.0, 2.0])
    Tensor([[1., 0.],
            [0., 2.]])
    """
    v = as_tensor(v)
    if v.ndim == 1:
        side = v.size + abs(k)
        return _on_diagonal(v, k, side)
    if v.ndim == 2:
        return linalg.diagonal(v, k)
    raise ShapeError(
        describe(f"diag needs a vector or a matrix, not shape {v.shape}", where=here(), code="wrong-number-of-axes")
    )


def _on_diagonal(v: Tensor, k: int, side: int) -> Tensor:
    if v.dtype.kind == "b":  # np.where(mask, booleans, 0) would count
        return where(np.eye(side, k=k, dtype=bool), _on_diagonal(v.astype(np.int8), k, side), 0) != 0
    result: Tensor = linalg.on_diagonal(v, k, side, side)
    return result


@implements(np.diagflat)
def diagflat(v: Any, k: int = 0) -> Tensor:
    """A matrix with all elements of v, of any shape, on its diagonal k.

    >>> import tinygrad_edu as tg
    >>> tg.diagflat([[1.0, 2.0]])
    Tensor([[1., 0.],
            [0., 2.]])
    """
    result: Tensor = diag(_flat(v), _number("diagflat", k))
    return result


@implements(np.tril)
def tril(m: Any, k: int = 0) -> Tensor:
    """Matrices (…, n, m) with zeros above the diagonal k.

    >>> import tinygrad_edu as tg
    >>> tg.tril([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 0.],
            [3., 4.]])
    """
    m = as_tensor(m)
    return where(_below(m, _number("tril", k)), m, np.zeros((), m.dtype))


@implements(np.triu)
def triu(m: Any, k: int = 0) -> Tensor:
    """Matrices (…, n, m) with zeros below the diagonal k.

    >>> import tinygrad_edu as tg
    >>> tg.triu([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 2.],
            [0., 4.]])
    """
    m = as_tensor(m)
    return where(_below(m, _number("triu", k) - 1), np.zeros((), m.dtype), m)


def _number(name: str, k: Any) -> Any:
    """`k` itself. Raises DtypeError where it doesn't count diagonals."""
    if not isinstance(k, int | float | np.generic | np.ndarray | Tensor):
        raise DtypeError(
            describe(f"{name}: k counts diagonals, it can't be {k!r}", where=here(), code="not-a-whole-number")
        )
    return k


def _below(m: Tensor, k: int) -> np.ndarray:
    if m.ndim == 0:
        raise ShapeError(describe("a triangle needs a matrix, not a number", where=here(), code="wrong-number-of-axes"))
    rows, columns = m.shape[-2:] if m.ndim > 1 else (m.size, m.size)
    return np.asarray(np.tri(rows, columns, k, dtype=bool))


@implements(np.matrix_transpose, np.linalg.matrix_transpose)
def matrix_transpose(x: Any) -> Tensor:
    """Matrices with rows and columns exchanged, (…, n, m) -> (…, m, n).

    >>> import tinygrad_edu as tg
    >>> tg.matrix_transpose([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[1., 3.],
            [2., 4.]])
    """
    x = as_tensor(x)
    if x.ndim < 2:
        raise ShapeError(
            describe(f"matrix_transpose needs matrices, not shape {x.shape}", where=here(), code="not-a-matrix")
        )
    return transpose(x, axes=(*range(x.ndim - 2), x.ndim - 1, x.ndim - 2))


@implements(np.vander)
def vander(x: Any, N: int | None = None, increasing: bool = False) -> Tensor:
    """Powers of a vector as columns, (n,) -> (n, N): x^(N−1), …, x, 1, or 1, x, … if `increasing`; N = n by default.

    >>> import tinygrad_edu as tg
    >>> tg.vander([2.0, 3.0], 3)
    Tensor([[4., 2., 1.],
            [9., 3., 1.]])
    """
    x = as_tensor(x)
    if x.ndim != 1:
        raise ShapeError(
            describe(f"vander needs a vector, not shape {x.shape}", where=here(), code="wrong-number-of-axes")
        )
    count = x.size if N is None else N
    dtype = np.promote_types(x.dtype, int) if x.dtype.kind in "iub" else x.dtype
    powers = np.arange(count) if increasing else np.arange(count)[::-1]
    return power(expand_dims(x if dtype == x.dtype else x.astype(dtype), axis=1), powers.astype(dtype))
