"""Dropout, and what else draws: every draw takes a generator or a seed, and can be repeated."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.batching import Batched, batched
from tinygrad_edu.compositions.elementwise import clip
from tinygrad_edu.compositions.shape import one_axis
from tinygrad_edu.errors import DataError, describe
from tinygrad_edu.functional.activations import leaky_relu
from tinygrad_edu.functional.checks import floating, must_have_axes, real
from tinygrad_edu.functional.reducing import above_zero
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.neural import softmax
from tinygrad_edu.ops.reduction import argmax
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["alpha_dropout", "dropout", "dropout1d", "dropout2d", "dropout3d", "gumbel_softmax", "rrelu"]


def dropout(x: Operand, p: float = 0.5, training: bool = True, rng: Rng | None = None) -> Tensor:
    """x with each number set to 0 with probability p, and the others divided by 1 − p, so that the mean stays.

    training   False gives x itself
    rng        a `numpy.random.Generator`, which goes on from call to call, or a seed, which gives the same zeros at
               every call. Needed where anything is drawn: no draw of the library comes out of nowhere.

    Under `vmap` and `per_sample_grad` each sample has zeros of its own.

    Raises DataError for p outside of [0, 1], or without `rng` in training.

    Source: Srivastava et al., Dropout, Journal of Machine Learning Research 15, 2014.

    >>> dropout([1.0, 1.0, 1.0, 1.0], p=0.5, rng=0)
    Tensor([2., 0., 0., 0.])
    """
    return _dropped("dropout", x, p, training, rng, 0)


def dropout1d(x: Operand, p: float = 0.5, training: bool = True, rng: Rng | None = None) -> Tensor:
    """As `dropout`, for whole channels: x (n, channels, length) or (channels, length).

    >>> dropout1d([[1.0, 1.0], [1.0, 1.0]], rng=0)
    Tensor([[2., 2.],
            [0., 0.]])
    """
    return _dropped("dropout1d", x, p, training, rng, 1)


def dropout2d(x: Operand, p: float = 0.5, training: bool = True, rng: Rng | None = None) -> Tensor:
    """As `dropout`, for whole channels: x (n, channels, height, width) or (channels, height, width).

    >>> dropout2d([[[1.0, 1.0]], [[1.0, 1.0]]], rng=0).tolist()
    [[[2.0, 2.0]], [[0.0, 0.0]]]
    """
    return _dropped("dropout2d", x, p, training, rng, 2)


def dropout3d(x: Operand, p: float = 0.5, training: bool = True, rng: Rng | None = None) -> Tensor:
    """As `dropout`, for whole channels: x (n, channels, depth, height, width) or without the first axis.

    >>> import numpy as np
    >>> dropout3d(np.ones((2, 1, 1, 1)), rng=0).tolist()
    [[[[2.0]]], [[[0.0]]]]
    """
    return _dropped("dropout3d", x, p, training, rng, 3)


def _dropped(name: str, given: Any, p: float, training: bool, rng: Rng | None, ndim: int) -> Tensor:
    """`ndim` axes at the end share their zeros: 0 for none."""
    x = floating(as_tensor(given), name)
    p = real(p, "p", 0.0, 1.0)
    if ndim:
        must_have_axes(name, x, ndim)
    if not training or p == 0:
        return x
    shape = x._data.shape  # under vmap that of all samples
    kept = drawing(name, rng).random((*shape[: len(shape) - ndim], *(1,) * ndim)) >= p
    return x * _constant(x, kept / (1 - p) if p < 1 else kept)


def alpha_dropout(x: Operand, p: float = 0.5, training: bool = True, rng: Rng | None = None) -> Tensor:
    """Each number set to selu's lower limit, −1.7581, with probability p; then all scaled so that mean 0 and variance
    1 stay as they are. For networks of `selu`. The settings and errors are those of `dropout`.

    Source: Klambauer et al., Self-normalizing neural networks, NeurIPS 2017, page 6.

    >>> alpha_dropout([1.0, 1.0, 1.0, 1.0], p=0.5, rng=0)
    Tensor([ 1.66559883, -0.77919393, -0.77919393, -0.77919393])
    """
    x = floating(as_tensor(x), "alpha_dropout")
    p = real(p, "p", 0.0, 1.0)
    if not training or p == 0:
        return x
    if p == 1:
        return x * 0
    kept = drawing("alpha_dropout", rng).random(x._data.shape) >= p
    scale = 1 / math.sqrt((1 - p) * (1 + p * _SELU_LIMIT * _SELU_LIMIT))
    limits = np.where(kept, 0.0, _SELU_LIMIT) - p * _SELU_LIMIT
    return x * _constant(x, kept * scale) + _constant(x, limits * scale)


_SELU_LIMIT = -1.7580993408473766  # −1.0507 · 1.6733, the two numbers of selu


def rrelu(
    x: Operand, lower: float = 1 / 8, upper: float = 1 / 3, training: bool = False, rng: Rng | None = None
) -> Tensor:
    """x where it is positive, slope · x elsewhere, with a slope for each number: `leaky_relu` with random slopes.

    lower, upper   in training each slope is drawn evenly from between them; else all are their mean
    training, rng  as for `dropout`

    Source: Xu et al., Empirical evaluation of rectified activations in convolutional network, 2015.

    >>> rrelu([-12.0, 3.0], 0.0, 0.5)
    Tensor([-3.,  3.])
    """
    x = floating(as_tensor(x), "rrelu")
    lower, upper = real(lower, "lower"), real(upper, "upper")
    if lower > upper:
        what = f"rrelu: lower {lower:g} must not be above upper {upper:g}"
        raise DataError(describe(what, where=here(), code="conflicting-arguments"))
    if not training:
        return leaky_relu(x, (lower + upper) / 2)
    slopes = _constant(x, drawing("rrelu", rng).uniform(lower, upper, x._data.shape))
    return where(x > 0, x, where(x < 0, slopes, clip(slopes, 0, 1)) * x)


def gumbel_softmax(
    logits: Operand, tau: float = 1.0, hard: bool = False, axis: int = -1, rng: Rng | None = None
) -> Tensor:
    """softmax((logits + noise) / tau) with Gumbel noise: draws from the classes that let gradients through.

    tau    near 0 the draws are nearly one-hot, but their gradients large; above 0
    hard   True: one-hot draws, with the gradients of the soft ones
    rng    as for `dropout`; needed

    Source: E. Jang et al., Categorical reparameterization with Gumbel-softmax, ICLR 2017, eq. 2.

    >>> gumbel_softmax([0.0, 0.0, 5.0], hard=True, rng=0)
    Tensor([0., 0., 1.])
    """
    x = floating(as_tensor(logits), "gumbel_softmax")
    axis = one_axis(axis, x.ndim)
    noise = _constant(x, drawing("gumbel_softmax", rng).gumbel(size=x._data.shape))
    soft = softmax((x + noise) / above_zero(real(tau, "tau"), "tau"), axis=axis)
    if not hard:
        return soft
    sides = (x.shape[axis], *(1,) * (x.ndim - axis - 1))
    chosen = argmax(soft, axis=axis, keepdims=True) == np.arange(x.shape[axis]).reshape(sides)
    return where(chosen, 1 - soft.detach(), -soft.detach()) + soft


def drawing(name: str, rng: Rng | None) -> np.random.Generator:
    """The generator to draw from. Raises DataError where there is none."""
    if rng is None:
        raise DataError(
            describe(
                f"{name}: it needs a generator to draw from",
                where=here(),
                why="the same program gives the same numbers, and a check can repeat what was drawn",
                fix="rng=np.random.default_rng(0), made once and passed on from call to call",
                code="no-generator",
            )
        )
    return generator(rng)


def _constant(x: Tensor, drawn: np.ndarray) -> Tensor:
    """What was drawn for x, in its dtype; under vmap each sample has its own."""
    constant = tensor_on(drawn.astype(x.dtype))
    return batched(constant) if isinstance(x, Batched) else constant
