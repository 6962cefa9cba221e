"""Lengths, angles and distances of vectors: plain compositions of ops. At length 0 the derivative of a length is 0."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.elementwise import clip
from tinygrad_edu.compositions.norm import norm
from tinygrad_edu.compositions.shape import broadcast_arrays, one_axis
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.functional.checks import floating, real
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["cosine_similarity", "normalize", "pairwise_distance", "pdist"]


def cosine_similarity(x1: Operand, x2: Operand, axis: int = 1, eps: float = 1e-8) -> Tensor:
    """The cosine of the angle between the vectors along `axis`: x₁ · x₂ / (max(|x₁|, eps) · max(|x₂|, eps)).

    All axes broadcast, a vector of length 1 too: it is that number repeated. Raises ShapeError where they don't,
    AxisError where there is no such axis.

    >>> cosine_similarity([[1.0, 0.0]], [[1.0, 1.0]])
    Tensor([0.70710678])
    """
    x1, x2 = both("cosine_similarity", x1, x2)
    axis = one_axis(axis, max(x1.ndim, x2.ndim)) - max(x1.ndim, x2.ndim)
    eps = real(eps, "eps", 0.0)
    along = slice(axis, axis + 1 or None)
    if x1.shape[along] != x2.shape[along]:  # repeating its one number makes a vector longer: else cosines pass 1
        x1, x2 = broadcast_arrays(x1, x2)
    unit = x1 / _at_least(norm(x1, axis=axis, keepdims=True), eps)  # so that no product overflows
    return (unit * x2).sum(axis=axis) / _at_least(norm(x2, axis=axis), eps)


def pairwise_distance(x1: Operand, x2: Operand, p: float = 2.0, eps: float = 1e-6, keepdims: bool = False) -> Tensor:
    """The p-norm of x₁ − x₂ + eps along the last axis: (n, d), (n, d) -> (n,). Other shapes broadcast.

    >>> pairwise_distance([[3.0, 4.0]], [[0.0, 0.0]], eps=0.0)
    Tensor([5.])
    """
    x1, x2 = both("pairwise_distance", x1, x2)
    return norm(x1 - x2 + real(eps, "eps"), ord=real(p, "p", 0.0), axis=-1, keepdims=keepdims)


def pdist(x: Operand, p: float = 2.0) -> Tensor:
    """The p-norms of the differences of all pairs of rows: (n, d) -> (n · (n − 1) / 2,), the pairs (0, 1), (0, 2), …

    Where two rows are the same the derivative is 0. Raises ShapeError for what is no table.

    >>> pdist([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]).numpy().round(4)
    array([5.    , 1.    , 4.2426])
    """
    x = floating(as_tensor(x), "pdist")
    if x.ndim != 2:
        raise ShapeError(
            describe(
                f"pdist: the input must have 2 axes, not {x.ndim}",
                where=here(),
                expected="(n, d)",
                input=label(x),
                code="wrong-number-of-axes",
            )
        )
    first, second = np.triu_indices(len(x), 1)
    return norm(x[first] - x[second], ord=real(p, "p", 0.0), axis=-1)


def normalize(x: Operand, p: float = 2.0, axis: int = 1, eps: float = 1e-12) -> Tensor:
    """x divided by its p-norm along `axis`, or by eps where that is larger.

    >>> normalize([[3.0, 4.0]])
    Tensor([[0.6, 0.8]])
    """
    x = floating(as_tensor(x), "normalize")
    axis = one_axis(axis, x.ndim)
    return x / _at_least(norm(x, ord=real(p, "p", 0.0), axis=axis, keepdims=True), real(eps, "eps", 0.0))


def _at_least(length: Tensor, eps: float) -> Tensor:
    result: Tensor = clip(length, eps, None)
    return result


def both(name: str, x1: Any, x2: Any) -> tuple[Tensor, Tensor]:
    """Two tensors of floating numbers whose shapes broadcast. Raises ShapeError where they don't."""
    x1, x2 = floating(as_tensor(x1), name), floating(as_tensor(x2), name)
    try:
        np.broadcast_shapes(x1.shape, x2.shape)
    except ValueError:
        raise ShapeError(
            describe(
                f"{name}: the shapes don't broadcast",
                where=here(),
                x1=label(x1),
                x2=label(x2),
                code="shapes-do-not-broadcast",
            )
        ) from None
    return x1, x2
