"""Ops as formulas of simpler ones, for pages: the mean as a sum, softmax by exponentials, erf by its polynomials."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np

from tinygrad_edu.ops.error_function import FAR, MIDDLE, NEAR, gauss
from tinygrad_edu.symbols.symbol import Symbol, call


def _mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.sum(x, axis=axis, keepdims=keepdims) / _count(x, axis)


def _count(x: Any, axis: Any) -> int:
    """How many elements go into one of a reduction."""
    return int(x.size // max(np.sum(np.zeros(x.shape), axis=axis).size, 1))


def _var(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    apart = x - _mean(x, axis, keepdims=True)
    return np.sum(apart * apart, axis=axis, keepdims=keepdims) / (_count(x, axis) - ddof)


def _vector_norm(x: Any, order: float = 2.0, axis: Any = None, keepdims: bool = False) -> Any:
    if order == 2:
        return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))
    return np.power(np.sum(np.power(np.absolute(x), order), axis=axis, keepdims=keepdims), 1 / order)


def _softmax(x: Any, axis: Any = -1) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    kept = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return kept if keepdims else np.squeeze(kept, axis=tuple(range(x.ndim)) if axis is None else axis)


def _clip(x: Any, a_min: Any = None, a_max: Any = None) -> Any:
    low = x if a_min is None else np.maximum(x, a_min)
    return low if a_max is None else np.minimum(low, a_max)


def polynomial(x: Any, coefficients: Sequence[float]) -> Any:
    """c₀ xⁿ + c₁ xⁿ⁻¹ + … + cₙ: one part of a formula, not a dozen."""
    if isinstance(x, Symbol):
        return call(polynomial, (x,), {"coefficients": coefficients})
    return np.polyval(coefficients, x)


def _ratio(x: Any, tables: tuple[Sequence[float], Sequence[float]]) -> Any:
    return polynomial(x, tables[0]) / polynomial(x, tables[1])


def _near(x: Any) -> Any:
    return x * _ratio(x * x, NEAR)


def _tail(x: Any) -> Any:
    """erfc x for x > 0.47."""
    far = np.minimum(x, 30.0)
    z = 1.0 / (far * far)
    beyond = gauss(far) / far * (1 / math.sqrt(math.pi) - z * _ratio(z, FAR))
    return np.where(np.less_equal(x, 4.0), gauss(x) * _ratio(x, MIDDLE), beyond)


def _erf(x: Any) -> Any:
    size = np.absolute(x)
    sign = np.where(np.less(x, 0.0), -1.0, 1.0)
    outside = np.where(np.greater_equal(size, 6.0), sign, sign * (1.0 - _tail(size)))
    return np.where(np.less_equal(size, 0.46875), _near(x), outside)


def _erfc(x: Any) -> Any:
    size = np.absolute(x)
    outside = np.where(np.less(x, 0.0), 2.0 - _tail(size), _tail(size))
    return np.where(np.less_equal(size, 0.46875), 1.0 - _near(x), outside)


EXPANDED: Final[dict[str, Callable[..., Any]]] = {
    "mean": _mean,
    "var": _var,
    "std": lambda x, **params: np.sqrt(_var(x, **params)),
    "centred": lambda x, axis=None: x - _mean(x, axis, keepdims=True),
    "vector_norm": _vector_norm,
    "softmax": _softmax,
    "log_softmax": lambda x, axis=-1: x - _logsumexp(x, axis, keepdims=True),
    "logsumexp": _logsumexp,
    "clip": _clip,
    "clip_between": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "fmax": lambda x, y: np.where(np.isnan(x), y, np.where(np.isnan(y), x, np.maximum(x, y))),
    "fmin": lambda x, y: np.where(np.isnan(x), y, np.where(np.isnan(y), x, np.minimum(x, y))),
    "logical_xor": lambda x, y: np.not_equal(np.not_equal(x, 0), np.not_equal(y, 0)),
    "heaviside": lambda x, y: np.where(
        np.isnan(x), x, np.where(np.equal(x, 0), y, np.where(np.greater(x, 0), 1.0, 0.0))
    ),
    "deg2rad": lambda x: x * (math.pi / 180),
    "radians": lambda x: x * (math.pi / 180),
    "rad2deg": lambda x: x * (180 / math.pi),
    "degrees": lambda x: x * (180 / math.pi),
    "logaddexp": lambda x, y: np.where(
        np.equal(x, y), x + math.log(2), np.maximum(x, y) + np.log1p(np.exp(-np.absolute(x - y)))
    ),
    "softplus": lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.absolute(x))),
    "logaddexp2": lambda x, y: np.where(
        np.equal(x, y), x + 1.0, np.maximum(x, y) + np.log1p(np.exp2(-np.absolute(x - y))) / math.log(2)
    ),
    "xlogy": lambda x, y: np.where(np.logical_and(np.equal(x, 0), np.equal(y, y)), 0.0, x * np.log(y)),
    "xlog1py": lambda x, y: np.where(np.logical_and(np.equal(x, 0), np.equal(y, y)), 0.0, x * np.log1p(y)),
    "logit": lambda x: np.where(np.less(x, 0.25), np.log(x) - np.log1p(-x), 2.0 * np.arctanh(2.0 * x - 1.0)),
    "erf": _erf,
    "erfc": _erfc,
}
