"""Hinge losses, rankings and distances that are to be small or large: plain compositions of ops."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.functional.checks import floating, real
from tinygrad_edu.functional.distances import pairwise_distance
from tinygrad_edu.functional.reducing import above_zero, like, loss, pair, reduced, signs
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import minimum, relu, sqrt, where
from tinygrad_edu.ops.exponential import softplus
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = [
    "cosine_embedding_loss", "hinge_embedding_loss", "hinge_loss", "margin_ranking_loss", "soft_margin_loss",
    "triplet_margin_loss", "triplet_margin_with_distance_loss",
]  # fmt: skip


@loss
def hinge_loss(prediction: Operand, target: Operand, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """max(0, margin − target · prediction): the loss of a support vector machine.

    prediction   any real numbers; target: 1 or −1, of the same shape

    >>> hinge_loss([0.5, -3.0], [1, -1], reduction="none")
    Tensor([0.5, 0. ])
    """
    x, y = _signed("hinge_loss", prediction, target)
    return reduced(relu(real(margin, "margin") - y * x), reduction)


@loss
def soft_margin_loss(prediction: Operand, target: Operand, reduction: str = "mean") -> Tensor:
    """log(1 + e^(−target · prediction)), without overflow; target: 1 or −1, of the prediction's shape.

    >>> soft_margin_loss([0.0], [1])
    Tensor(0.69314718)
    """
    x, y = _signed("soft_margin_loss", prediction, target)
    return reduced(softplus(-(y * x)), reduction)


@loss
def hinge_embedding_loss(prediction: Operand, target: Operand, margin: float = 1.0, reduction: str = "mean") -> Tensor:
    """prediction where the target is 1, max(0, margin − prediction) where it is −1: for distances.

    >>> hinge_embedding_loss([0.25, 0.25], [1, -1], reduction="none")
    Tensor([0.25, 0.75])
    """
    x, y = _signed("hinge_embedding_loss", prediction, target)
    return reduced(where(y > 0, x, relu(real(margin, "margin") - x)), reduction)


@loss
def margin_ranking_loss(
    x1: Operand, x2: Operand, target: Operand, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """max(0, margin − target · (x₁ − x₂)): x₁ is to be larger where the target is 1, x₂ where it is −1.

    All of one shape.

    >>> margin_ranking_loss([3.0, 1.0], [2.0, 4.0], [1, 1], reduction="none")
    Tensor([0., 3.])
    """
    name = "margin_ranking_loss"
    x1, x2 = _alike(name, x1=x1, x2=x2)
    _, y = _signed(name, x1, target)
    return reduced(relu(real(margin, "margin") - y * (x1 - x2)), reduction)


@loss
def cosine_embedding_loss(
    x1: Operand, x2: Operand, target: Operand, margin: float = 0.0, reduction: str = "mean"
) -> Tensor:
    """1 − cos where the target is 1, max(0, cos − margin) where it is −1; cos of the angle between x₁ and x₂.

    x1, x2   (n, d) with target (n,), or (d,) with target ()

    >>> cosine_embedding_loss([[1.0, 0.0]], [[0.0, 1.0]], [1])
    Tensor(1.)
    """
    name = "cosine_embedding_loss"
    x1, x2 = _alike(name, x1=x1, x2=x2)
    y = like(x1, target)
    if x1.ndim not in (1, 2) or y.shape != x1.shape[:-1]:
        raise ShapeError(
            describe(
                f"{name}: the target must have one number per pair of vectors",
                where=here(),
                expected="x1, x2 (n, d) with target (n,); or (d,) with ()",
                x1=label(x1),
                target=label(y),
                code="loss-shapes",
            )
        )
    signs(name, y)
    squares = ((x * x).sum(axis=-1) + 1e-12 for x in (x1, x2))
    cosine = (x1 * x2).sum(axis=-1) / sqrt(next(squares) * next(squares))
    return reduced(where(y > 0, 1 - cosine, relu(cosine - real(margin, "margin"))), reduction)


@loss
def triplet_margin_loss(
    anchor: Operand,
    positive: Operand,
    negative: Operand,
    margin: float = 1.0,
    p: float = 2.0,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """max(0, |anchor − positive| − |anchor − negative| + margin) with distances as in `pairwise_distance`.

    anchor, positive, negative   of one shape, (n, d) or (d,)
    swap                         the negative's distance is that to the anchor or to the positive, the smaller one

    >>> triplet_margin_loss([[0.0, 0.0]], [[3.0, 4.0]], [[0.0, 5.5]], eps=0.0)
    Tensor(0.5)
    """
    name = "triplet_margin_loss"
    a, near, far = _alike(name, anchor=anchor, positive=positive, negative=negative)
    margin = above_zero(real(margin, "margin"), "margin")
    away = pairwise_distance(a, far, p, eps)
    if swap:
        away = minimum(away, pairwise_distance(near, far, p, eps))
    return reduced(relu(pairwise_distance(a, near, p, eps) - away + margin), reduction)


@loss
def triplet_margin_with_distance_loss(
    anchor: Operand,
    positive: Operand,
    negative: Operand,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """`triplet_margin_loss` with a distance of one's own: a function of two tensors. None: `pairwise_distance`.

    >>> from tinygrad_edu.functional import cosine_similarity
    >>> unlike = lambda a, b: 1 - cosine_similarity(a, b)
    >>> triplet_margin_with_distance_loss([[1.0, 0.0]], [[0.0, 1.0]], [[-1.0, 0.0]], unlike, margin=0.5)
    Tensor(0.)
    """
    name = "triplet_margin_with_distance_loss"
    a, near, far = _alike(name, anchor=anchor, positive=positive, negative=negative)
    margin = above_zero(real(margin, "margin"), "margin")
    distance = distance_function or pairwise_distance
    away = distance(a, far)
    if swap:
        away = minimum(away, distance(near, far))
    return reduced(relu(distance(a, near) - away + margin), reduction)


def _signed(name: str, prediction: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Prediction and a target of 1 and −1, of one shape."""
    x, y = pair(name, floating(as_tensor(prediction), name), target)
    signs(name, y)
    return x, y


def _alike(name: str, **operands: Any) -> list[Tensor]:
    """Tensors of floating numbers; ShapeError where their shapes differ."""
    tensors = {key: floating(as_tensor(x), name) for key, x in operands.items()}
    if len({x.shape for x in tensors.values()}) > 1:
        raise ShapeError(
            describe(
                f"{name}: {', '.join(tensors)} must have the same shape",
                where=here(),
                **{key: label(x) for key, x in tensors.items()},
                fix="make the shapes equal",
                code="loss-shapes",
            )
        )
    return list(tensors.values())
