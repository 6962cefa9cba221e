"""Medians, quantiles and percentiles. `tg.<name>` and `np.<name>(tensor)` are the same.

A quantile lies between two order statistics; of equal elements each takes an equal share of the gradient.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.compositions.order import plain
from tinygrad_edu.compositions.output import handed
from tinygrad_edu.compositions.reduction import any, as_floats, mean, sum, weights_like
from tinygrad_edu.compositions.shape import one_axis
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import ceil, clip, floor, maximum, minimum, sign
from tinygrad_edu.ops.elementwise import where as choose
from tinygrad_edu.ops.order import order_statistic
from tinygrad_edu.ops.rounding import floor_divide
from tinygrad_edu.ops.shape import astype, broadcast_to, stack
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["median", "nanmedian", "nanpercentile", "nanquantile", "percentile", "quantile"]


def _rows(x: Tensor, axis: Any) -> tuple[Tensor, tuple[int, ...], tuple[int, ...]]:
    """x with the given axes as one last axis; and the shapes of the result without and with sides of 1 for them."""
    every = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple | list) else (axis,)
    gone = [one_axis(a, x.ndim) for a in every]
    if len(set(gone)) != len(gone):
        raise ShapeError(describe(f"axis {axis} names an axis twice", where=here(), code="axis-named-twice"))
    kept = [a for a in range(x.ndim) if a not in gone]
    shape = tuple(x.shape[a] for a in kept)
    ones = tuple(1 if a in gone else side for a, side in enumerate(x.shape))
    return x.transpose([*kept, *gone]).reshape((*shape, math.prod(x.shape[a] for a in gone))), shape, ones


def _closest(place: Any) -> Any:
    """The next whole number above; of a whole number that is odd, itself."""
    below = np.floor(place)
    odd = np.logical_and(place == below, np.remainder(below, 2) == 1)
    return below + 1 - choose(odd, 1, 0)


def _continuous(a: float, b: float) -> Callable[[Any, Any], Any]:
    return lambda n, q: n * q + (a + q * (1 - a - b)) - 1


# The place of the quantile q among n sorted numbers, counted from 0; see Hyndman and Fan, Sample Quantiles in
# Statistical Packages, The American Statistician 50 (1996). Between two places the result lies between two numbers.
_PLACES: dict[str, Callable[[Any, Any], Any]] = {
    "linear": lambda n, q: (n - 1) * q,
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "nearest": lambda n, q: np.rint((n - 1) * q),
    "midpoint": lambda n, q: (np.floor((n - 1) * q) + np.ceil((n - 1) * q)) / 2,
    "inverted_cdf": lambda n, q: np.ceil(n * q - 1),
    "averaged_inverted_cdf": lambda n, q: (np.floor(n * q - 1) + np.ceil(n * q - 1) + 1) / 2,
    "closest_observation": lambda n, q: _closest(n * q - 1.5),
    "interpolated_inverted_cdf": _continuous(0, 1),
    "hazen": _continuous(0.5, 0.5),
    "weibull": _continuous(0, 0),
    "median_unbiased": _continuous(1 / 3, 1 / 3),
    "normal_unbiased": _continuous(3 / 8, 3 / 8),
}
_PICKING = ("lower", "higher", "nearest", "inverted_cdf", "closest_observation")  # one element, never between two


def _picked(row: Tensor, q: float, method: str) -> Tensor:
    """The quantile q along the last axis; nan where there is a nan."""
    n = row.shape[-1]
    if not n:
        raise ShapeError(describe("a quantile of no elements is not defined", where=here(), code="empty-input"))
    place = min(max(float(_PLACES[method](n, q)), 0.0), n - 1.0)
    low, t = math.floor(place), place % 1
    value = order_statistic(row, low)
    if t:
        above = order_statistic(row, low + 1)
        value = value + (above - value) * t if t < 0.5 else above - (above - value) * (1 - t)
    return _nan_if_any(value, row)


def _picked_of_numbers(row: Tensor, q: float, method: str) -> Tensor:
    """The quantile q along the last axis of the elements that are not nan; every row has its own number of them."""
    count = sum(np.logical_not(np.isnan(row)), -1)
    place = maximum(minimum(_PLACES[method](count, q), count - 1), 0)
    low, high = floor(place), ceil(place)
    t = astype(place - low, dtype=row.dtype)
    below, above = order_statistic(row, astype(low, dtype=np.intp)), order_statistic(row, astype(high, dtype=np.intp))
    with np.errstate(invalid="ignore"):  # inf − inf, where both are the same element
        rise = choose(low == high, 0, above - below)
        return choose(t < 0.5, below + rise * t, above - rise * (1 - t))


def _at_moving_place(row: Tensor, place: Tensor, count: Any) -> Tensor:
    """The value at a place between two ranks, with a gradient by the place too.

    At a rank itself two slopes meet, and the flatter one counts; at the first and the last one it is 0, as clip's.
    """
    last = np.maximum(np.asarray(count) - 1, 0)
    place = clip(place, 0, last)
    at = plain(place)
    low, high = np.floor(at).astype(np.intp), np.ceil(at).astype(np.intp)
    below, above = order_statistic(row, low), order_statistic(row, high)
    t = astype(place - low, dtype=row.dtype)
    with np.errstate(invalid="ignore"):  # inf − inf
        before, behind = (order_statistic(row, np.clip(low + step, 0, last)) for step in (-1, 1))
        flatter = minimum(behind - below, below - before)
        slope = choose(low < high, above - below, choose(np.isfinite(plain(flatter)), flatter, 0))
        return choose(t < 0.5, below + slope * t, above - slope * (1 - t))


def _warn_of_nothing(row: Tensor) -> None:
    """NumPy's warning where a row holds nothing but nan."""
    if np.isnan(plain(row)).all(axis=-1).any():
        warnings.warn("All-NaN slice encountered", RuntimeWarning, stacklevel=4)


def _nan_if_any(value: Tensor, row: Tensor) -> Tensor:
    """nan where the row holds one: it sorts to the end, so no order statistic before it notices."""
    return choose(any(np.isnan(row), -1), np.nan, value) if row.dtype.kind == "f" else value


def _weighted(row: Tensor, q: float, weights: np.ndarray) -> Tensor:
    """The first element, in ascending order, up to which the fraction q of the weights lies."""
    order = np.argsort(plain(row), axis=-1)
    shares = np.cumsum(np.take_along_axis(weights, order, axis=-1), axis=-1, dtype=np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        shares /= shares[..., -1:]
    if not np.isfinite(shares[..., -1]).all():
        raise ShapeError(
            describe("weights that sum to 0, or hold nan or inf, give no quantile", where=here(),
                     code="weights-do-not-fit")
        )  # fmt: skip
    shares[shares == 0] = -1  # what weighs nothing is no quantile 0
    rank = np.minimum(np.sum(shares < q, axis=-1), row.shape[-1] - 1)
    return order_statistic(row, rank)


def _weights_in_rows(x: Tensor, weights: Any, axis: Any) -> np.ndarray:
    """Weights, given for all of x or for one axis, laid out as `_rows` lays out x."""
    full = np.broadcast_to(plain(weights_like(x, as_tensor(weights), axis)), x.shape)
    if (full < 0).any():
        raise ShapeError(describe("weights can't be negative", where=here(), code="weights-do-not-fit"))
    return plain(_rows(as_tensor(full), axis)[0])  # type: ignore[no-any-return]


def _quantiles(a: Any, q: Any, axis: Any, method: str, keepdims: bool, weights: Any, skips_nan: bool = False) -> Tensor:
    x = _ordered(a, method, weights)
    fractions = as_tensor(q) if isinstance(q, Tensor | list | tuple) else None
    moves = fractions is not None and fractions.requires_grad
    places = np.asarray(plain(fractions) if moves else q, dtype=np.float64)
    _must_lie_within(places, 1, "quantiles")
    row, shape, ones = _rows(x, axis)
    shape = ones if keepdims else shape
    if skips_nan and not row.shape[-1]:
        empty: Tensor = mean(row, -1)  # nan, with NumPy's warning
        return broadcast_to(empty.reshape(shape), shape=(*places.shape, *shape))
    if skips_nan:
        _warn_of_nothing(row)
    shares = None if weights is None else _weights_in_rows(x, weights, axis)
    if shares is not None and skips_nan:
        missing = np.isnan(plain(row))
        shares = np.where(missing, missing.all(axis=-1, keepdims=True), shares)  # of nan alone the result is nan

    def single(p: Any) -> Tensor:
        if shares is None:
            return _unweighted(row, p, method, skips_nan)
        chosen = _weighted(row, float(p), shares)
        for constant in (weights, p):  # they only choose: what depends on them does so with a slope of 0
            if isinstance(constant, Tensor) and constant.requires_grad:
                chosen = chosen + astype(sum(sign(constant)) * 0, dtype=row.dtype)
        return chosen if skips_nan else _nan_if_any(chosen, row)

    if not places.ndim:
        return single(fractions if moves else places).reshape(shape)
    if not places.size:
        return as_tensor(np.zeros((*places.shape, *shape), x.dtype))
    every = fractions.ravel() if fractions is not None and moves else places.ravel()
    return stack([single(p) for p in every]).reshape((*places.shape, *shape))


def _ordered(a: Any, method: str, weights: Any) -> Tensor:
    """`a` as a Tensor of numbers among which the method finds quantiles. Raises where there are none."""
    if method not in _PLACES:
        raise ShapeError(
            describe(
                f"{method!r} is no method of quantiles", where=here(), known=", ".join(_PLACES), code="unknown-choice"
            )
        )
    if weights is not None and method != "inverted_cdf":
        raise ShapeError(
            describe(
                f"weights go with method='inverted_cdf' only, as in NumPy, not with {method!r}",
                where=here(),
                code="conflicting-arguments",
            )
        )
    x = as_tensor(a)
    if x.dtype.kind == "c":
        raise DtypeError(
            describe("complex numbers have no order, so no quantiles", where=here(), code="real-numbers-only")
        )
    if method in _PICKING:
        return x
    if x.dtype.kind == "b":
        raise DtypeError(
            describe(
                f"between booleans there is no quantile, as the method {method!r} would give",
                where=here(),
                fix="x.astype(float), or method='nearest'",
                code="booleans-have-no-differences",
            )
        )
    return as_floats(x)


def _unweighted(row: Tensor, p: Any, method: str, skips_nan: bool) -> Tensor:
    """The quantile p, a number or a Tensor with a gradient, along the last axis."""
    if isinstance(p, Tensor):
        count = np.sum(~np.isnan(plain(row)), axis=-1) if skips_nan else row.shape[-1]
        value = _at_moving_place(row, _PLACES[method](count, p), count)
        return value if skips_nan else _nan_if_any(value, row)
    return _picked_of_numbers(row, float(p), method) if skips_nan else _picked(row, float(p), method)


@implements(np.quantile)
def quantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Tensor:
    """The value below which the fraction q of the elements lies, over the given axes (all by default).

    q        one fraction or several; their axes come first in the result. Gradients flow through Tensors
    method   one of NumPy's
    weights  of the shape of a, or of its shape along `axis` alone, for method "inverted_cdf"; they choose an element,
             so their gradient is 0

    >>> import tinygrad_edu as tg
    >>> tg.quantile([1.0, 2.0, 4.0], [0.25, 0.5])
    Tensor([1.5, 2. ])
    """
    return handed(_quantiles(a, q, axis, method, keepdims, weights), out)


@implements(np.percentile)
def percentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Tensor:
    """The quantile of q / 100.

    >>> import tinygrad_edu as tg
    >>> tg.percentile([1.0, 2.0, 4.0], 75)
    Tensor(3.)
    """
    return handed(_quantiles(a, _fraction(q), axis, method, keepdims, weights), out)


@implements(np.nanquantile)
def nanquantile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Tensor:
    """The quantile of the elements that are not nan; nan where there are none.

    >>> import tinygrad_edu as tg
    >>> tg.nanquantile([1.0, np.nan, 2.0], 0.5)
    Tensor(1.5)
    """
    return handed(_quantiles(a, q, axis, method, keepdims, weights, skips_nan=True), out)


@implements(np.nanpercentile)
def nanpercentile(
    a: Any,
    q: Any,
    axis: Any = None,
    out: Any = None,
    overwrite_input: bool = False,
    method: str = "linear",
    keepdims: bool = False,
    *,
    weights: Any = None,
) -> Tensor:
    """The quantile of q / 100 of the elements that are not nan; nan where there are none.

    >>> import tinygrad_edu as tg
    >>> tg.nanpercentile([1.0, np.nan, 2.0], 50)
    Tensor(1.5)
    """
    return handed(_quantiles(a, _fraction(q), axis, method, keepdims, weights, skips_nan=True), out)


def _must_lie_within(q: np.ndarray, most: int, what: str) -> None:
    if not ((q >= 0) & (q <= most)).all():
        outside = f"{what} lie between 0 and {most}"
        raise ShapeError(describe(outside, where=here(), q=q, code="number-out-of-range"))


def _fraction(q: Any) -> Any:
    _must_lie_within(np.asarray(plain(as_tensor(q)), dtype=np.float64), 100, "percentiles")
    if isinstance(q, Tensor) or (isinstance(q, list | tuple) and as_tensor(q).requires_grad):
        return as_tensor(q) / 100
    return np.asarray(q) / 100


@implements(np.median)
def median(a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False) -> Tensor:
    """The middle element over the given axes (all by default), or the mean of the two middle ones.

    Elements that equal the middle one share its gradient equally, as for max and min.

    >>> import tinygrad_edu as tg
    >>> tg.grad(tg.median)(np.array([4.0, 1.0, 2.0, 2.0, 2.0]))
    Tensor([0.        , 0.        , 0.33333333, 0.33333333, 0.33333333])
    """
    row, shape, ones = _rows(as_floats(a), axis)
    n = row.shape[-1]
    if not n:
        return handed(mean(row, -1).reshape(ones if keepdims else shape), out)
    value = order_statistic(row, n // 2)
    if n % 2 == 0:
        value = (order_statistic(row, n // 2 - 1) + value) / 2
    return handed(_nan_if_any(value, row).reshape(ones if keepdims else shape), out)


@implements(np.nanmedian)
def nanmedian(
    a: Any, axis: Any = None, out: Any = None, overwrite_input: bool = False, keepdims: bool = False
) -> Tensor:
    """The median of the elements that are not nan; nan where there are none.

    >>> import tinygrad_edu as tg
    >>> tg.nanmedian([1.0, np.nan, 4.0, 2.0])
    Tensor(2.)
    """
    row, shape, ones = _rows(as_floats(a), axis)
    if not row.shape[-1]:
        return median(a, axis, out, keepdims=keepdims)
    _warn_of_nothing(row)
    count = sum(np.logical_not(np.isnan(row)), -1)
    value = (
        order_statistic(row, floor_divide(maximum(count - 1, 0), 2)) + order_statistic(row, floor_divide(count, 2))
    ) / 2
    return handed(value.reshape(ones if keepdims else shape), out)
