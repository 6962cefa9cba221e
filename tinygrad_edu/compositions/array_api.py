"""The functions of np.linalg that have another signature than NumPy's function of the same name.

The array API standard has them so: matrices are always the last two axes, vectors the last one.
`tg.linalg.<name>` and `np.linalg.<name>(tensor)` are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions import linalg as products
from tinygrad_edu.compositions.shape import one_axis
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops import linalg as rows
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__: list[str] = []  # these are public in tg.linalg only: tg itself has other functions of these names


@implements(np.linalg.cross)
def cross(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """x₁ × x₂ of vectors of 3 along `axis`.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.cross([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    Tensor([0., 0., 1.])
    """
    x1, x2 = as_tensor(x1), as_tensor(x2)
    if any(x.shape[one_axis(axis, x.ndim)] != 3 for x in (x1, x2)):
        raise ShapeError(
            describe(
                "linalg.cross needs vectors of 3",
                where=here(),
                x1=x1.shape,
                x2=x2.shape,
                axis=axis,
                code="cross-needs-vectors",
            )
        )
    result: Tensor = products.cross(x1, x2, axis=axis)
    return result


@implements(np.linalg.outer)
def outer(x1: Any, x2: Any, /) -> Tensor:
    """x₁ᵢ x₂ⱼ of two vectors, (n,), (m,) -> (n, m).

    >>> import tinygrad_edu as tg
    >>> tg.linalg.outer([1.0, 2.0], [3.0])
    Tensor([[3.],
            [6.]])
    """
    x1, x2 = as_tensor(x1), as_tensor(x2)
    if x1.ndim != 1 or x2.ndim != 1:
        raise ShapeError(
            describe(
                "linalg.outer needs two vectors",
                where=here(),
                x1=x1.shape,
                x2=x2.shape,
                fix="tg.outer flattens",
                code="wrong-number-of-axes",
            )
        )
    result: Tensor = products.outer(x1, x2)
    return result


@implements(np.linalg.diagonal)
def diagonal(x: Any, /, *, offset: int = 0) -> Tensor:
    """The diagonal of matrices, `offset` places above the main one: (…, n, m) -> (…, length).

    >>> import tinygrad_edu as tg
    >>> tg.linalg.diagonal([[1.0, 2.0], [3.0, 4.0]])
    Tensor([1., 4.])
    """
    return rows.diagonal(x, offset, -2, -1)


@implements(np.linalg.trace)
def trace(x: Any, /, *, offset: int = 0, dtype: DTypeLike | None = None) -> Tensor:
    """Σ xᵢᵢ of matrices, (…, n, m) -> (…).

    >>> import tinygrad_edu as tg
    >>> tg.linalg.trace([[1.0, 2.0], [3.0, 4.0]])
    Tensor(5.)
    """
    result: Tensor = products.trace(x, offset, -2, -1, dtype)
    return result


@implements(np.linalg.matmul)
def matmul(x1: Any, x2: Any, /) -> Tensor:
    """The matrix product x₁ @ x₂; see tg.matmul.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.matmul([[1.0, 2.0]], [[3.0], [4.0]])
    Tensor([[11.]])
    """
    return rows.matmul(x1, x2)


@implements(np.linalg.tensordot)
def tensordot(x1: Any, x2: Any, /, *, axes: Any = 2) -> Tensor:
    """Sum of products over pairs of axes; see tg.tensordot.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.tensordot([1.0, 2.0], [3.0, 4.0], axes=1)
    Tensor(11.)
    """
    return rows.tensordot(x1, x2, axes=axes)


@implements(np.linalg.vecdot)
def vecdot(x1: Any, x2: Any, /, *, axis: int = -1) -> Tensor:
    """Inner products of the vectors along `axis`; see tg.vecdot.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.vecdot([[1.0, 2.0]], [3.0, 4.0])
    Tensor([11.])
    """
    return rows.vecdot(x1, x2, axis=axis)
