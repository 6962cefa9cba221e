"""Dropout: numbers or whole channels set to 0 at random. Every draw takes a generator or a seed: it can be repeated."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_edu.batching import Batched, batched
from tinygrad_edu.errors import DataError, describe
from tinygrad_edu.functional.checks import floating, must_have_axes, real
from tinygrad_edu.node import here
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["dropout", "dropout1d", "dropout2d", "dropout3d"]


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
    shape = x._data.shape  # under vmap that of all samples
    shape = shape[: len(shape) - ndim] + (1,) * ndim
    kept = generator(rng).random(shape) >= p
    factors = tensor_on((kept / (1 - p) if p < 1 else kept).astype(x.dtype))
    return x * (batched(factors) if isinstance(x, Batched) else factors)
