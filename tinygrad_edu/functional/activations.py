"""Activations: what a neuron makes of its weighted sum. Compositions, with PyTorch's signatures and `axis` for `dim`.

Kinks take the subgradient of least norm: of the slopes on both sides and all between them the one nearest to 0.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.elementwise import clip, log_sigmoid
from tinygrad_edu.compositions.shape import along, one_axis
from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.functional.checks import floating, one_of, real
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import absolute, relu, sigmoid, tanh, where
from tinygrad_edu.ops.error_function import erfc
from tinygrad_edu.ops.exponential import expm1
from tinygrad_edu.ops.exponential import softplus as log_of_one_more
from tinygrad_edu.ops.neural import log_softmax, softmax
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = [
    "celu", "elu", "gelu", "glu", "hardshrink", "hardsigmoid", "hardswish", "hardtanh", "leaky_relu", "log_softmax",
    "logsigmoid", "mish", "prelu", "relu", "relu6", "selu", "sigmoid", "silu", "softmax", "softmin", "softplus",
    "softshrink", "softsign", "swish", "tanh", "tanhshrink", "threshold",
]  # fmt: skip


def _given(x: Any, name: str) -> Tensor:
    return floating(as_tensor(x), name)


def _limited(x: Any, low: float | None, high: float | None) -> Tensor:
    result: Tensor = clip(as_tensor(x), low, high)
    return result


# --- two straight pieces -------------------------------------------------------------------------------------


def leaky_relu(x: Operand, negative_slope: float = 0.01) -> Tensor:
    """x where it is positive, negative_slope · x elsewhere.

    At 0 the derivative is the slope of the two that is nearer to 0, and 0 if the slope is negative.

    >>> leaky_relu([-2.0, 3.0], 0.1)
    Tensor([-0.2,  3. ])
    """
    x, slope = _given(x, "leaky_relu"), real(negative_slope, "negative_slope")
    if slope <= 0:
        return relu(x) - slope * relu(-x)
    return where(x > 0 if slope <= 1 else x >= 0, x, slope * x)


def prelu(x: Operand, weight: Operand) -> Tensor:
    """x where it is positive, weight · x elsewhere: `leaky_relu` with slopes that are learnt.

    weight   one number, or one per channel: (channels,) for x of shape (n, channels, …)

    >>> prelu([[-2.0, -2.0, 3.0]], [0.1, 0.2, 0.3])
    Tensor([[-0.2, -0.4,  3. ]])
    """
    x, weight = _given(x, "prelu"), as_tensor(weight)
    channels = x.shape[1] if x.ndim > 1 else 1
    if weight.size != 1 and weight.shape != (channels,):
        raise ShapeError(
            describe(
                "prelu: the weight must be one number or one per channel",
                where=here(),
                expected=f"(1,) or ({channels},), the second side of the input",
                input=label(x),
                weight=label(weight),
                code="parameter-shape",
            )
        )
    slope = weight.reshape(()) if weight.size == 1 else weight.reshape(channels, *(1,) * (x.ndim - 2))
    at_zero = clip(slope, 0, 1)  # the number between slope and 1 that is nearest to 0
    return where(x > 0, x, where(x < 0, slope, at_zero) * x)


def threshold(x: Operand, threshold: float, value: float) -> Tensor:
    """x where it is above the threshold, `value` elsewhere (with derivative 0).

    >>> threshold([0.05, 2.0], 0.1, -1.0)
    Tensor([-1.,  2.])
    """
    x = as_tensor(x)
    return where(x > real(threshold, "threshold"), x, real(value, "value"))


def hardtanh(x: Operand, min_val: float = -1.0, max_val: float = 1.0) -> Tensor:
    """x limited to [min_val, max_val]; the derivative at the limits is 0.

    >>> hardtanh([-3.0, 0.5, 3.0])
    Tensor([-1. ,  0.5,  1. ])
    """
    low, high = real(min_val, "min_val"), real(max_val, "max_val")
    if low >= high:
        raise DataError(
            describe(
                f"hardtanh: min_val {low:g} must be less than max_val {high:g}",
                where=here(),
                code="conflicting-arguments",
            )
        )
    return _limited(x, low, high)


def relu6(x: Operand) -> Tensor:
    """x limited to [0, 6]; the derivative at 0 and 6 is 0.

    >>> relu6([-3.0, 3.0, 9.0])
    Tensor([0., 3., 6.])
    """
    return _limited(x, 0, 6)


def hardsigmoid(x: Operand) -> Tensor:
    """x / 6 + ½ limited to [0, 1]: straight pieces near sigmoid.

    >>> hardsigmoid([-4.0, 0.0, 1.5])
    Tensor([0.  , 0.5 , 0.75])
    """
    return _limited(_given(x, "hardsigmoid") + 3, 0, 6) / 6


def hardshrink(x: Operand, lambd: float = 0.5) -> Tensor:
    """x where |x| is above lambd, 0 elsewhere.

    >>> hardshrink([-1.0, 0.25, 1.0])
    Tensor([-1.,  0.,  1.])
    """
    x = as_tensor(x)
    return where(absolute(x) > real(lambd, "lambd"), x, 0)


def softshrink(x: Operand, lambd: float = 0.5) -> Tensor:
    """x moved towards 0 by lambd, and 0 where it would pass it.

    >>> softshrink([-1.0, 0.25, 1.0])
    Tensor([-0.5,  0. ,  0.5])
    """
    x, lambd = _given(x, "softshrink"), real(lambd, "lambd", 0.0)
    return relu(x - lambd) - relu(-x - lambd)


# --- an exponential on the left ------------------------------------------------------------------------------


def _exponential_left(x: Tensor, left: float, right: float) -> Tensor:
    """right · x for positive x, left · (eˣ − 1) for negative: the slopes beside 0 are those two numbers."""
    mixed = left * right < 0  # then the slope nearest to 0 is 0 itself, which neither piece has
    negative = left * expm1(where(x < 0, x, 0) if mixed else where(x > 0, 0, x))
    return where(x > 0 if mixed or abs(left) <= abs(right) else x >= 0, right * x if right != 1 else x, negative)


def elu(x: Operand, alpha: float = 1.0) -> Tensor:
    """x where it is positive, alpha · (eˣ − 1) elsewhere, without overflow.

    Source: Clevert et al., Fast and accurate deep network learning by exponential linear units, ICLR 2016, eq. 15.

    >>> elu([-1.0, 2.0])
    Tensor([-0.63212056,  2.        ])
    """
    return _exponential_left(_given(x, "elu"), real(alpha, "alpha"), 1.0)


_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


def selu(x: Operand) -> Tensor:
    """1.0507 · elu(x, 1.6733): the two numbers that keep mean 0 and variance 1 from layer to layer.

    Source: Klambauer et al., Self-normalizing neural networks, NeurIPS 2017, eq. 2 and 14.

    >>> selu([-1.0, 2.0])
    Tensor([-1.11133074,  2.10140197])
    """
    return _exponential_left(_given(x, "selu"), _SELU_SCALE * _SELU_ALPHA, _SELU_SCALE)


def celu(x: Operand, alpha: float = 1.0) -> Tensor:
    """x where it is positive, alpha · (e^(x / alpha) − 1) elsewhere: smooth for every alpha above 0.

    Source: Barron, Continuously differentiable exponential linear units, 2017, eq. 2.

    >>> celu([-1.0, 2.0], 2.0)
    Tensor([-0.78693868,  2.        ])
    """
    x, alpha = _given(x, "celu"), real(alpha, "alpha")
    if alpha <= 0:
        raise DataError(
            describe(f"celu: alpha must be above 0, not {alpha:g}", where=here(), code="number-out-of-range")
        )
    return where(x > 0, x, alpha * expm1(where(x > 0, 0, x) / alpha))


# --- smooth ones ---------------------------------------------------------------------------------------------


def _not_below(x: Tensor, lowest: float) -> Tensor:
    """x cut off where what it is multiplied by is 0, or as good as: -inf, or -1e300 times 1e-300, is no 0."""
    return _limited(x, lowest, None)


def _cut(x: Tensor) -> Tensor:
    """x cut off where its sigmoid is below the smallest number."""
    return _not_below(x, float(np.log(np.finfo(x.dtype).smallest_subnormal)))


def gelu(x: Operand, approximate: str = "none") -> Tensor:
    """x · Φ(x), with the distribution function Φ of the standard normal.

    approximate   "none"; or "tanh" for ½ x · (1 + tanh(√(2/π) · (x + 0.044715 x³)))

    Source: Hendrycks, Gimpel, Gaussian error linear units, 2016 (arXiv 1606.08415), section 2.

    >>> gelu([-1.0, 2.0])
    Tensor([-0.15865525,  1.95449974])
    """
    x = _given(x, "gelu")
    if one_of(approximate, "approximation of gelu", ("none", "tanh")) == "none":
        x = _not_below(x, -40)  # Φ is 0 from -38.5 on
        return x * (0.5 * erfc(x * -math.sqrt(0.5)))
    x = _not_below(x, -10)  # where tanh is -1 to the last bit
    near = _limited(x, None, 10)  # beyond it tanh is 1, and x³ may overflow
    return x * sigmoid(math.sqrt(8 / math.pi) * (near + 0.044715 * near * near * near))  # ½ (1 + tanh u) = σ(2u)


def silu(x: Operand) -> Tensor:
    """x · σ(x), also called swish.

    >>> silu([-1.0, 2.0])
    Tensor([-0.26894142,  1.76159416])
    """
    x = _cut(_given(x, "silu"))
    return x * sigmoid(x)


swish = silu


def mish(x: Operand) -> Tensor:
    """x · tanh(log(1 + eˣ)).

    >>> mish([-1.0, 2.0])
    Tensor([-0.30340146,  1.94395896])
    """
    x = _cut(_given(x, "mish"))
    return x * tanh(log_of_one_more(x))


def softplus(x: Operand, beta: float = 1.0, threshold: float | None = None) -> Tensor:
    """log(1 + e^(beta · x)) / beta, without overflow.

    threshold   x itself where beta · x is above it. PyTorch does so from 20 on; here the function needs no such help
                against overflow, and None keeps it exact.

    >>> softplus([-1000.0, 0.0, 1000.0])
    Tensor([0.00000000e+00, 6.93147181e-01, 1.00000000e+03])
    """
    x, beta = _given(x, "softplus"), real(beta, "beta")
    if beta == 0:
        raise DataError(describe("softplus: beta must not be 0", where=here(), code="number-out-of-range"))
    scaled = x if beta == 1 else beta * x
    result = log_of_one_more(scaled)
    result = result if beta == 1 else result / beta
    return result if threshold is None else where(scaled > real(threshold, "threshold"), x, result)


logsigmoid = log_sigmoid


def softsign(x: Operand) -> Tensor:
    """x / (1 + |x|).

    >>> softsign([-1.0, 3.0])
    Tensor([-0.5 ,  0.75])
    """
    x = _given(x, "softsign")
    return x / (1 + absolute(x))


def tanhshrink(x: Operand) -> Tensor:
    """x − tanh x.

    >>> tanhshrink([0.0, 2.0])
    Tensor([0.        , 1.03597242])
    """
    x = _given(x, "tanhshrink")
    return x - tanh(x)


def hardswish(x: Operand) -> Tensor:
    """x · hardsigmoid(x): straight pieces and a parabola near silu.

    >>> hardswish([-4.0, 0.0, 1.5])
    Tensor([-0.   ,  0.   ,  1.125])
    """
    x = _given(x, "hardswish")
    return x * hardsigmoid(x)


# --- along an axis -------------------------------------------------------------------------------------------


def softmin(x: Operand, axis: int = -1) -> Tensor:
    """softmax(−x) along an axis: positive numbers that sum to 1, the largest where x is smallest.

    >>> softmin([0.0, 0.0])
    Tensor([0.5, 0.5])
    """
    return softmax(-as_tensor(x), axis=axis)


def glu(x: Operand, axis: int = -1) -> Tensor:
    """a · σ(b), where a and b are the two halves of x along an axis.

    Raises ShapeError where that side is odd.

    >>> glu([3.0, 0.0])
    Tensor([1.5])
    """
    x = _given(x, "glu")
    axis = one_axis(axis, x.ndim)
    half, odd = divmod(x.shape[axis], 2)
    if odd or not half:
        raise ShapeError(
            describe(
                f"glu: side {x.shape[axis]} of axis {axis} has no two halves",
                where=here(),
                input=label(x),
                code="unequal-split",
            )
        )
    return x[along(axis, slice(0, half))] * sigmoid(x[along(axis, slice(half, None))])
