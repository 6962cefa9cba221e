"""Signals: correlation and interpolation. `tg.<name>` and `np.<name>(tensor)` are the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.compositions.joining import concatenate
from tinygrad_edu.compositions.order import plain
from tinygrad_edu.compositions.reduction import as_floats
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops import elementwise, rounding, window
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["correlate", "interp"]


@implements(np.correlate)
def correlate(a: Any, v: Any, mode: str = "valid") -> Tensor:
    """Σₙ aₙ₊ₖ vₙ of two vectors: v slides along a. mode: 'valid', 'same' or 'full'. A complex v is conjugated.

    >>> import tinygrad_edu as tg
    >>> tg.correlate([1.0, 2.0, 3.0], [0.0, 1.0])
    Tensor([2., 3.])
    """
    a, v = as_tensor(a), as_tensor(v)
    if a.ndim != 1 or v.ndim != 1:
        raise ShapeError(
            describe("correlate needs two vectors", where=here(), a=a.shape, v=v.shape, code="wrong-number-of-axes")
        )
    if v.dtype.kind == "c":
        v = np.conjugate(v)
    if mode == "same" and v.size > a.size:  # NumPy slides the shorter and reverses, so the middle lies elsewhere
        return window.convolve(a[::-1], v, mode=mode)[::-1].copy()
    return window.convolve(a, v[::-1], mode=mode)


# --- interpolation -------------------------------------------------------------------------------------------


@implements(np.interp)
def interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: Any = None) -> Tensor:
    """The piecewise linear function through the points (xp, fp), at x; xp must increase.

    left, right   the values before the first and behind the last point, fp[0] and fp[-1] by default
    period        of xp, which then need not increase; left and right don't matter

    Differentiable in x, xp and fp. At a point, where the slope jumps, the slope by x is the one nearest to 0 of all
    between the two (0 at both ends). Narrow floats stay narrow, where NumPy gives float64.

    >>> import tinygrad_edu as tg
    >>> tg.interp([0.5, 1.5, 9.0], [0.0, 1.0, 2.0], [0.0, 10.0, 30.0])
    Tensor([ 5., 20., 30.])
    """
    x, xp, fp = as_floats(x), as_floats(xp), as_floats(fp)
    if xp.ndim != 1 or fp.ndim != 1 or xp.size != fp.size or not xp.size:
        raise ShapeError(
            describe(
                "interp needs as many values as points, one at least",
                where=here(),
                xp=xp.shape,
                fp=fp.shape,
                code="lengths-differ",
            )
        )
    if "c" in (x.dtype.kind, xp.dtype.kind, fp.dtype.kind):
        raise DtypeError(
            describe(
                "interp takes real numbers",
                where=here(),
                fix="the real and the imaginary parts by themselves",
                code="real-numbers-only",
            )
        )
    if period is not None:
        x, xp, fp = _one_period(x, xp, fp, period)
        left = right = None
    places, points = plain(x), plain(xp)
    last = xp.size - 1
    left = fp[0] if left is None else left
    right = fp[last] if right is None else right
    if last:
        after = np.clip(np.searchsorted(points, places, side="right"), 1, last)
        slope = _slope(x, xp, fp, after)
        inside = fp[after - 1] + slope * (x - xp[after - 1])
        if not np.isfinite(plain(inside)).all():  # as NumPy: from the other end, or flat
            inside = elementwise.where(np.isnan(inside), fp[after] + slope * (x - xp[after]), inside)
            flat = np.logical_and(np.isnan(inside), fp[after - 1] == fp[after])
            inside = elementwise.where(flat, fp[after - 1], inside)
            inside = elementwise.where(places == points[after - 1], fp[after - 1], inside)
        inside = elementwise.where(places == points[last], fp[last], inside)
    else:
        inside = fp[np.zeros(places.shape, np.intp)] + 0 * x
    inside = elementwise.where(places < points[0], left, inside)
    return elementwise.where(places > points[last], right, inside)


def _slope(x: Tensor, xp: Tensor, fp: Tensor, after: Any) -> Tensor:
    """The slope of the piece that ends at point `after`; at its first point the flatter of the two that meet there."""
    widths = xp[1:] - xp[:-1]
    slopes = (fp[1:] - fp[:-1]) / elementwise.where(widths == 0, 1, widths)  # no x lies between two equal points
    own = slopes[after - 1]
    at_point = plain(x) == plain(xp)[after - 1]
    if not np.any(at_point):
        return own
    before = np.maximum(after - 2, 0)
    numbers = plain(slopes)
    now, then = numbers[after - 1], numbers[before]
    same_way = (np.sign(now) * np.sign(then) > 0) & (after > 1)
    flatter = elementwise.where(np.abs(then) < np.abs(now), slopes[before], own)
    return elementwise.where(at_point, elementwise.where(same_way, flatter, 0.0), own)


def _one_period(x: Tensor, xp: Tensor, fp: Tensor, period: Any) -> tuple[Tensor, Tensor, Tensor]:
    """x within one period, and the points in order with a neighbour from the next period at each end."""
    length = abs(float(period))
    if not length:
        raise ShapeError(describe("interp: a period can't be 0", where=here(), code="number-out-of-range"))
    x, xp = rounding.remainder(x, length), rounding.remainder(xp, length)
    order = np.argsort(plain(xp))
    xp, fp = xp[order], fp[order]
    return x, concatenate((xp[-1:] - length, xp, xp[:1] + length)), concatenate((fp[-1:], fp, fp[:1]))
