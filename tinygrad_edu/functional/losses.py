"""Losses between numbers and numbers: plain compositions of ops, without a derivative of their own.

Losses of classes are in `classification.py`, those of margins and distances in `margins.py`. Prediction and target have
one and the same shape: (n, 1) against (n,) would silently become (n, n), and is a ShapeError. The result has the
prediction's dtype, even if the target is an array of integers or of float64.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.elementwise import clip
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.functional.checks import real
from tinygrad_edu.functional.reducing import above_zero, like, loss, pair, reduced, weighed, within
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import absolute, exp, log, maximum, square, where
from tinygrad_edu.ops.exponential import softplus
from tinygrad_edu.ops.special import xlogy
from tinygrad_edu.tensor import Tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_with_logits", "gaussian_nll_loss", "huber_loss", "kl_div", "l1_loss",
    "mse_loss", "poisson_nll_loss", "smooth_l1_loss",
]  # fmt: skip

# --- distances between numbers -------------------------------------------------------------------------------


@loss
def mse_loss(prediction: Operand, target: Operand, reduction: str = "mean", weight: Operand | None = None) -> Tensor:
    """The squared error, (prediction − target)², averaged over all entries.

    prediction, target   of one and the same shape
    reduction            "mean": averaged over all entries, as in PyTorch
                         "batchmean": summed over the outputs of a sample, averaged over the samples (the first
                         axis). This is the cost of 3Blue1Brown's videos; Nielsen's is half of it.
                         "sum": summed over all entries; "none": one number per entry
    weight               of each entry; "mean" then divides by the sum of the weights

    The result has the prediction's dtype, even if the target is an array of integers or of float64.

    Raises ShapeError if the shapes differ: (n, 1) against (n,) would silently become (n, n).

    >>> prediction = Tensor([[0.5, 0.0], [1.0, 1.0]], requires_grad=True)
    >>> mse_loss(prediction, [[1.0, 0.0], [0.0, 1.0]], reduction="batchmean")
    Tensor(0.625, requires_grad=True)
    """
    prediction, target = pair("mse_loss", prediction, target)
    return _averaged("mse_loss", square(prediction - target), weight, reduction)


@loss
def l1_loss(prediction: Operand, target: Operand, reduction: str = "mean", weight: Operand | None = None) -> Tensor:
    """The absolute error, |prediction − target|, averaged over all entries; its derivative at 0 is 0.

    The arguments are those of `mse_loss`.

    >>> l1_loss([1.0, -2.0], [0.0, 0.0])
    Tensor(1.5)
    """
    prediction, target = pair("l1_loss", prediction, target)
    return _averaged("l1_loss", absolute(prediction - target), weight, reduction)


def _near_squared(difference: Tensor, limit: float) -> Tensor:
    """½ d² up to the limit, limit · (|d| − ½ limit) beyond: c · (d − ½ c) with d limited to ±limit as c.

    So no square overflows, and at d = 0 both derivatives are right: those of |d| would be 0 there.
    """
    limited = clip(difference, -limit, limit)
    result: Tensor = limited * (difference - 0.5 * limited)
    return result


@loss
def huber_loss(
    prediction: Operand, target: Operand, reduction: str = "mean", delta: float = 1.0, weight: Operand | None = None
) -> Tensor:
    """½ d² where |d| is at most delta, delta · (|d| − ½ delta) beyond; d = prediction − target.

    The other arguments are those of `mse_loss`; but "mean" divides by the number of entries, weighted or not, as in
    PyTorch.

    >>> huber_loss([0.5, 3.0], [0.0, 0.0], reduction="none")
    Tensor([0.125, 2.5  ])
    """
    prediction, target = pair("huber_loss", prediction, target)
    each = _near_squared(prediction - target, above_zero(real(delta, "delta"), "delta"))
    return reduced(each if weight is None else each * _weights("huber_loss", each, weight), reduction)


@loss
def smooth_l1_loss(prediction: Operand, target: Operand, reduction: str = "mean", beta: float = 1.0) -> Tensor:
    """½ d² / beta where |d| is below beta, |d| − ½ beta beyond; d = prediction − target. For beta = 0 it is |d|.

    >>> smooth_l1_loss([0.5, 3.0], [0.0, 0.0], reduction="none", beta=2.0)
    Tensor([0.0625, 2.    ])
    """
    prediction, target = pair("smooth_l1_loss", prediction, target)
    beta = real(beta, "beta", 0.0)
    difference = prediction - target
    return reduced(_near_squared(difference, beta) / beta if beta else absolute(difference), reduction)


def _weights(name: str, each: Tensor, weight: Any) -> Tensor:
    weights = like(each, weight)
    if weights.shape != each.shape:
        raise ShapeError(
            describe(
                f"{name}: the weight must have the prediction's shape {each.shape}",
                where=here(),
                weight=label(weights),
                code="loss-weight-shape",
            )
        )
    return weights


def _averaged(name: str, each: Tensor, weight: Any, reduction: str) -> Tensor:
    """The losses put together, where "mean" divides by the sum of the weights."""
    if weight is None:
        return reduced(each, reduction)
    weights = _weights(name, each, weight)
    return reduced(each * weights, reduction, weights.sum())


# --- probabilities of yes ------------------------------------------------------------------------------------


@loss
def binary_cross_entropy(
    prediction: Operand, target: Operand, weight: Operand | None = None, reduction: str = "mean"
) -> Tensor:
    """−t log p − (1 − t) log(1 − p), for probabilities p = prediction and t = target from 0 to 1.

    weight      of each entry; it may broadcast, and "mean" still divides by the number of entries
    reduction   "mean" over all entries, "sum", "none", or "batchmean": summed over the outputs, averaged over the
                samples

    A logarithm counts as at least −100, as in PyTorch, so that p = 0 and p = 1 give no infinity; the derivative there
    is 0. `binary_cross_entropy_with_logits` takes the sum before the sigmoid and needs no such limit.

    Raises ShapeError if the shapes differ, DataError for a prediction or target outside of [0, 1].

    >>> binary_cross_entropy([0.5, 0.75], [1.0, 0.0], reduction="none")
    Tensor([0.69314718, 1.38629436])
    """
    name = "binary_cross_entropy"
    p, t = pair(name, prediction, target)
    fix = "sigmoid before it, or binary_cross_entropy_with_logits"
    within(name, p, "prediction", lambda x: (x >= 0) & (x <= 1), "from 0 to 1", fix)
    within(name, t, "target", lambda x: (x >= 0) & (x <= 1), "from 0 to 1", "probabilities of yes")
    each = -(t * _log_from_minus_100(p) + (1 - t) * _log_from_minus_100(1 - p))
    return reduced(each if weight is None else weighed(name, each, weight), reduction)


def _log_from_minus_100(p: Tensor) -> Tensor:
    result: Tensor = clip(where(p > 0, log(where(p > 0, p, 1)), -100), -100, None)
    return result


@loss
def binary_cross_entropy_with_logits(
    logits: Operand,
    target: Operand,
    weight: Operand | None = None,
    reduction: str = "mean",
    pos_weight: Operand | None = None,
) -> Tensor:
    """−t log σ(x) − (1 − t) log(1 − σ(x)) for x = logits, any real numbers, and probabilities t = target.

    weight       of each entry; it may broadcast, and "mean" still divides by the number of entries
    pos_weight   of the first term, for classes that are rarely there: more than 1 raises recall; it may broadcast
    reduction    as for `binary_cross_entropy`

    Computed without the sigmoid, as log(1 + e⁻ˣ) and log(1 + eˣ): no logit is too large, and small losses keep all
    their digits. Raises ShapeError if the shapes differ.

    >>> binary_cross_entropy_with_logits([0.0, 1000.0], [1.0, 0.0], reduction="none")
    Tensor([6.93147181e-01, 1.00000000e+03])
    """
    name = "binary_cross_entropy_with_logits"
    x, t = pair(name, logits, target)
    yes, no = softplus(-x), softplus(x)
    if pos_weight is not None:
        yes = weighed(name, yes, pos_weight)
    each = t * yes + (1 - t) * no
    return reduced(each if weight is None else weighed(name, each, weight), reduction)


# --- other likelihoods ---------------------------------------------------------------------------------------


@loss
def kl_div(prediction: Operand, target: Operand, reduction: str = "mean", log_target: bool = False) -> Tensor:
    """t · (log t − prediction): how far the distribution e^prediction is from the target t, entry by entry.

    prediction   logarithms of probabilities, as `log_softmax` gives them
    target       probabilities, or with `log_target` their logarithms; of the prediction's shape. 0 · log 0 is 0.
    reduction    "batchmean" is the Kullback-Leibler divergence, averaged over the samples; "mean" divides by the
                 number of entries

    >>> kl_div([[-0.5, -1.0]], [[0.5, 0.5]], reduction="batchmean")
    Tensor(0.05685282)
    """
    prediction, target = pair("kl_div", prediction, target)
    if log_target:
        return reduced(exp(target) * (target - prediction), reduction)
    return reduced(xlogy(target, target) - target * prediction, reduction)


@loss
def gaussian_nll_loss(
    prediction: Operand,
    target: Operand,
    var: Operand | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """½ (log v + (prediction − target)² / v): −log of a normal density with variance v, but for a constant.

    var    the variance v: of the prediction's shape, or with 1 for the last side, or without it, or one number; not
           negative. Below eps it counts as eps, and has no gradient.
    full   adds the constant, ½ log 2π

    >>> gaussian_nll_loss([1.0], [3.0], [4.0])
    Tensor(1.19314718)
    """
    name = "gaussian_nll_loss"
    prediction, target = pair(name, prediction, target)
    v = like(prediction, var)
    if v.ndim and v.shape == prediction.shape[:-1] != prediction.shape:
        v = v.reshape(*v.shape, 1)
    wide = v.ndim == prediction.ndim and all(a in (1, b) for a, b in zip(v.shape, prediction.shape, strict=True))
    if v.ndim and not wide:
        raise ShapeError(
            describe(
                f"{name}: the variance must have the prediction's shape, or 1 in place of a side",
                where=here(),
                prediction=label(prediction),
                var=label(v),
                code="loss-weight-shape",
            )
        )
    within(name, v, "var", lambda x: x >= 0, "at least 0", "exp(x) or softplus(x) of what the network gives")
    v = clip(v, above_zero(real(eps, "eps"), "eps"), None)
    each = 0.5 * (log(v) + square(prediction - target) / v)
    return reduced(each + 0.5 * math.log(2 * math.pi) if full else each, reduction)


@loss
def poisson_nll_loss(
    prediction: Operand,
    target: Operand,
    log_input: bool = True,
    full: bool = False,
    eps: float = 1e-8,
    reduction: str = "mean",
) -> Tensor:
    """e^prediction − target · prediction: −log of a Poisson probability, but for log target!.

    log_input   False if the prediction is the rate itself: prediction − target · log(prediction + eps)
    full        adds Stirling's approximation of log target!, where the target is above 1

    >>> poisson_nll_loss([0.0], [2.0])
    Tensor(1.)
    """
    x, t = pair("poisson_nll_loss", prediction, target)
    each = exp(x) - t * x if log_input else x - t * log(x + real(eps, "eps", 0.0))
    if full:
        safe = maximum(t, 1)
        stirling = safe * log(safe) - safe + 0.5 * log(2 * np.pi * safe)
        each = each + where(t > 1, stirling, 0)
    return reduced(each, reduction)
