"""Initial weights: functions `(rng, shape, dtype) -> array`, named in `INITIALISERS`. They know no modules.

A weight of shape (inputs, outputs) has inputs as fan-in and outputs as fan-out: how many numbers meet in one
output, and how many outputs one input goes to. What is drawn has no unit; it multiplies activations.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.handle import get_default_dtype
from tinygrad_edu.node import here
from tinygrad_edu.random import Rng, generator

__all__ = [
    "INITIALISERS",
    "fans",
    "find",
    "generator",
    "he_normal",
    "he_uniform",
    "normal",
    "xavier_normal",
    "xavier_uniform",
    "zeros",
]

Shape = tuple[int, ...]
Initialiser = Callable[["np.random.Generator", "Shape", "DTypeLike"], "np.ndarray"]


def fans(shape: Shape) -> tuple[int, int]:
    """Fan-in and fan-out of a weight: (inputs, outputs), or a kernel (outputs, inputs, *sides) of a convolution.

    Raises ShapeError for fewer than two axes: there is no telling inputs from outputs.

    >>> fans((784, 16)), fans((8, 3, 5, 5))
    ((784, 16), (75, 200))
    """
    if len(shape) < 2:
        raise ShapeError(
            describe(
                f"a weight of shape {shape} has no fan-in and fan-out",
                where=here(),
                fix="normal or zeros for vectors",
                code="wrong-number-of-axes",
            )
        )
    if len(shape) == 2:
        return shape[0], shape[1]
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def xavier_uniform(rng: Rng, shape: Shape, dtype: DTypeLike | None = None) -> np.ndarray:
    """Spread evenly over ±√(6 / (fan-in + fan-out)); for sigmoid and tanh.

    Keeps the variance of activations and of gradients about equal from layer to layer.

    Source: X. Glorot, Y. Bengio, Understanding the difficulty of training deep feedforward neural networks,
    AISTATS 2010, eq. 16 ("normalized initialization").

    >>> bool(abs(xavier_uniform(0, (784, 16))).max() <= (6 / 800) ** 0.5)
    True
    """
    bound = math.sqrt(6 / max(sum(fans(shape)), 1))
    return generator(rng).uniform(-bound, bound, shape).astype(_chosen(dtype))


def xavier_normal(rng: Rng, shape: Shape, dtype: DTypeLike | None = None) -> np.ndarray:
    """Normal with standard deviation √(2 / (fan-in + fan-out)); the variance of `xavier_uniform`.

    Source: X. Glorot, Y. Bengio, 2010, eq. 12 and 16.

    >>> xavier_normal(0, (784, 16), np.float32).dtype
    dtype('float32')
    """
    return normal(rng, shape, dtype, std=math.sqrt(2 / max(sum(fans(shape)), 1)))


def he_uniform(rng: Rng, shape: Shape, dtype: DTypeLike | None = None) -> np.ndarray:
    """Spread evenly over ±√(6 / fan-in); for relu, which lets half of the variance through.

    Source: K. He, X. Zhang, S. Ren, J. Sun, Delving deep into rectifiers, ICCV 2015 (arXiv 1502.01852), eq. 10.

    >>> bool(abs(he_uniform(0, (24, 16))).max() <= 0.5)
    True
    """
    bound = math.sqrt(6 / max(fans(shape)[0], 1))
    return generator(rng).uniform(-bound, bound, shape).astype(_chosen(dtype))


def he_normal(rng: Rng, shape: Shape, dtype: DTypeLike | None = None) -> np.ndarray:
    """Normal with standard deviation √(2 / fan-in); for relu.

    Source: K. He et al., 2015, eq. 10.

    >>> he_normal(0, (2, 3)).shape
    (2, 3)
    """
    return normal(rng, shape, dtype, std=math.sqrt(2 / max(fans(shape)[0], 1)))


def normal(rng: Rng, shape: Shape, dtype: DTypeLike | None = None, std: float = 1.0) -> np.ndarray:
    """Normal with the given standard deviation, for weights of any shape.

    With `std=1` the first network of Nielsen's book (Neural Networks and Deep Learning, chapter 1).

    >>> normal(0, (2,), std=0.1)
    array([ 0.01257302, -0.01321049])
    """
    return generator(rng).normal(0.0, std, shape).astype(_chosen(dtype))


def zeros(rng: Rng, shape: Shape, dtype: DTypeLike | None = None) -> np.ndarray:
    """Zeros, for biases. All weights of a hidden layer at zero would stay equal for ever; `rng` is not used.

    >>> zeros(0, (2,))
    array([0., 0.])
    """
    return np.zeros(shape, _chosen(dtype))


INITIALISERS: Final[dict[str, Initialiser]] = {
    "xavier_uniform": xavier_uniform,
    "glorot_uniform": xavier_uniform,
    "xavier_normal": xavier_normal,
    "glorot_normal": xavier_normal,
    "he_uniform": he_uniform,
    "kaiming_uniform": he_uniform,
    "he_normal": he_normal,
    "kaiming_normal": he_normal,
    "normal": normal,
    "zeros": zeros,
}


def find(init: str | Initialiser) -> Initialiser:
    """The initialiser of that name, or the function itself. Raises DataError for an unknown name.

    >>> find("glorot_uniform").__name__
    'xavier_uniform'
    """
    if callable(init):
        return init
    if not isinstance(init, str) or init not in INITIALISERS:
        raise DataError(
            describe(
                f"no initialiser is called {init!r}",
                where=here(),
                fix="one of " + ", ".join(INITIALISERS),
                code="unknown-choice",
            )
        )
    return INITIALISERS[init]


def _chosen(dtype: DTypeLike | None) -> DTypeLike:
    return get_default_dtype() if dtype is None else dtype
