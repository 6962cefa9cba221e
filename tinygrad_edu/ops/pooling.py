"""Pools: the largest element or the sum of each window that slides along the last axes. Arrays only.

Leading axes of any number are batches. Windows may reach beyond the ends, where there is nothing: no element wins or
is added. Reading sums and spreading them are transposes of each other, and so are handing the gradient to the largest
elements and collecting from them: each is the other's rule, so all orders of derivative work.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from tinygrad_edu.op import GENERAL, REAL, SHAPE, Domain, Op, Sample
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.convolution import Pairs, Sides, last_axes, out_sides, per_axis
from tinygrad_edu.ops.neural import floating
from tinygrad_edu.ops.numerics import picked

Array = Any
_Meeting = tuple[tuple[Any, ...], tuple[Any, ...]]


def _per_axis(kernel: Sides, stride: Any, padding: Any, dilation: Any) -> tuple[Sides, Pairs, Sides]:
    """The three with one entry per axis; without a stride windows lie side by side."""
    return per_axis(len(kernel), kernel if stride is None else stride, padding, dilation)


def _meetings_along(
    side: int, k: int, places: int, stride: int, before: int, dilation: int
) -> list[tuple[slice, slice]]:
    """For each element of a window along one axis: at which places it lies on an element of x, and on which ones."""
    found = []
    for i in range(k):
        first = dilation * i - before  # the element of x under element i at place 0
        low = max(-(first // stride), 0)
        high = max(min((side - 1 - first) // stride + 1, places), low)
        start = first + stride * low
        end = start + stride * (high - low - 1) + 1 if high > low else start
        found.append((slice(low, high), slice(start, end, stride)))
    return found


def _meetings(sides: Sides, places: Sides, kernel: Sides, stride: Any, padding: Any, dilation: Any) -> list[_Meeting]:
    """For each element of a window: the index of the places and that of the elements of x that meet there."""
    axes = zip(sides, kernel, places, *_per_axis(kernel, stride, padding, dilation))
    along = [_meetings_along(side, k, m, s, before, d) for side, k, m, s, (before, _), d in axes]
    return [(last_axes(m for m, _ in each), last_axes(u for _, u in each)) for each in itertools.product(*along)]


# --- one axis after the other: k + k steps for a window of k × k, not k · k --------------------------------------


def _pooled(join: np.ufunc, start: Any, x: Array, kernel: Sides, stride: Any, padding: Any, dilation: Any) -> Array:
    """All elements of each window joined to `start`."""
    stride, padding, dilation = _per_axis(kernel, stride, padding, dilation)
    for axis in range(-len(kernel), 0):
        one = (kernel[axis],), (stride[axis],), (padding[axis],), (dilation[axis],)
        places = out_sides((x.shape[axis],), *one)
        out = np.full((*x.shape[: x.ndim + axis], *places, *x.shape[x.ndim + axis + 1 :]), start, x.dtype)
        behind = (slice(None),) * (-1 - axis)
        for place, element in _meetings((x.shape[axis],), places, *one):
            here = out[place + behind]
            join(here, x[element + behind], out=here)
        x = out
    return x


def _max_pool(x: Array, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Array:
    x = np.asarray(x)
    lowest = -np.inf if x.dtype.kind == "f" else np.iinfo(x.dtype).min if x.dtype.kind in "iu" else False
    return _pooled(np.maximum, lowest, x, kernel, stride, padding, dilation)


def _sum_pool(x: Array, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Array:
    x = np.asarray(x)
    x = x.astype(np.intp) if x.dtype.kind == "b" else x
    return _pooled(np.add, 0, x, kernel, stride, padding, dilation)


def _spread_pool(
    y: Array, sides: Sides, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Array:
    y = np.asarray(y)
    stride, padding, dilation = _per_axis(kernel, stride, padding, dilation)
    for axis in range(-1, -len(kernel) - 1, -1):
        one = (kernel[axis],), (stride[axis],), (padding[axis],), (dilation[axis],)
        side, places = (sides[axis],), (y.shape[axis],)
        out = np.zeros((*y.shape[: y.ndim + axis], *side, *y.shape[y.ndim + axis + 1 :]), y.dtype)
        behind = (slice(None),) * (-1 - axis)
        for place, element in _meetings(side, places, *one):
            out[element + behind] += y[place + behind]
        y = out
    return y


# --- the largest elements of each window ------------------------------------------------------------------------


def _maxima(out: Array, x: Array, meetings: list[_Meeting]) -> tuple[list[Array], Array]:
    """For each element of a window where it is one of the largest, or nan; and how many of them each window has."""
    count = np.zeros(out.shape, np.uint8 if len(meetings) < 256 else np.intp)
    any_nan = bool(np.isnan(out).any())
    masks = []
    for place, element in meetings:
        mask = x[element] == out[place]
        if any_nan:
            mask |= np.isnan(x[element])
        count[place] += mask
        masks.append(mask)
    return masks, count


def _shares(y: Array, count: Array) -> Array:
    """y divided among equally large elements. Nearly always there is one, and then nothing to divide."""
    return y if count.size and count.max() == 1 else y / np.maximum(count, 1).astype(y.dtype)


def _to_maxima(
    y: Array, largest: Array, x: Array, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Array:
    y, d = floating(y), len(kernel)
    meetings = _meetings(x.shape[x.ndim - d :], largest.shape[largest.ndim - d :], kernel, stride, padding, dilation)
    masks, count = _maxima(largest, x, meetings)
    shares = _shares(y, count)
    result = np.zeros(x.shape, y.dtype)
    for mask, (place, element) in zip(masks, meetings):
        result[element] += picked(mask, shares[place], 0)
    return result


def _from_maxima(
    y: Array, largest: Array, x: Array, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1
) -> Array:
    y, d = floating(y), len(kernel)
    meetings = _meetings(x.shape[x.ndim - d :], largest.shape[largest.ndim - d :], kernel, stride, padding, dilation)
    masks, count = _maxima(largest, x, meetings)
    result = np.zeros(largest.shape, y.dtype)
    for mask, (place, element) in zip(masks, meetings):
        result[place] += picked(mask, y[element], 0)
    return _shares(result, count)


def _max_places(x: Array, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1) -> Array:
    x = np.asarray(x)
    largest, sides = _max_pool(x, kernel, stride, padding, dilation), x.shape[x.ndim - len(kernel) :]
    meetings = _meetings(sides, largest.shape[x.ndim - len(kernel) :], kernel, stride, padding, dilation)
    masks, _ = _maxima(largest, x, meetings)
    numbers = np.arange(math.prod(sides)).reshape(sides)
    found = np.full(largest.shape, -1, np.intp)
    for mask, (place, element) in zip(masks[::-1], meetings[::-1]):  # the first element comes last, and stays
        np.copyto(found[place], numbers[element], where=mask)
    return found


# --- the rows ------------------------------------------------------------------------------------------------


def _sample(rng: np.random.Generator) -> Sample:
    ndim = int(rng.integers(1, 3))
    leading = sampling.shape(rng, high=2)
    kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, 4 - (ndim > 1), ndim)) for _ in range(3))
    padding = tuple((int(rng.integers(0, k // 2 + 1)), int(rng.integers(0, k // 2 + 1))) for k in kernel)
    least = [max(d * (k - 1) + 1 - a - b, 1) for k, d, (a, b) in zip(kernel, dilation, padding)]
    sides = tuple(side + int(more) for side, more in zip(least, rng.integers(0, 5 - ndim, ndim)))
    params: dict[str, Any] = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": dilation}
    if rng.random() < 0.3:  # one number for all axes, or none
        params |= {"stride": stride[0], "dilation": 1} if rng.random() < 0.5 else {"stride": None, "dilation": 1}
    if np.isinf(_max_pool(np.zeros(sides), **params)).any():  # a dilated window may step over all that is there
        params["dilation"] = 1
    return (sampling.distinct(rng, (*leading, *sides)),), params


def _spread_sample(rng: np.random.Generator) -> Sample:
    (x,), params = _sample(rng)
    sides = x.shape[x.ndim - len(params["kernel"]) :]
    return (rng.normal(size=_sum_pool(x, **params).shape),), {"sides": sides, **params}


def _to_maxima_sample(rng: np.random.Generator) -> Sample:
    (x,), params = _sample(rng)
    x = x if rng.random() < 0.5 else np.floor(4 * x) / 4
    out = _max_pool(x, **params)
    return (rng.normal(size=out.shape), out, x), params


def _from_maxima_sample(rng: np.random.Generator) -> Sample:
    (_, out, x), params = _to_maxima_sample(rng)
    return (rng.normal(size=x.shape), out, x), params


max_pool: Op = Op(
    "max_pool", _max_pool,
    vjps=(lambda g, out, x, kernel, stride=None, padding=0, dilation=1:
          to_maxima.run(g, out, x, kernel=kernel, stride=stride, padding=padding, dilation=dilation),),
    kind=GENERAL, formula="max of windows", domain=(Domain("any real number, kinks at ties", -2, 2),), sampler=_sample,
    doc="The largest element of each window along the last axes, (…, *sides) -> (…, *places); nan if one is.\n\n"
        "kernel: one number per axis; stride (None: the kernel), dilation: a number, or one per axis; padding: a "
        "number, or a pair per axis, how far windows may reach beyond the ends, where there is nothing. Equal largest "
        "elements of a window share its gradient.",
)  # fmt: skip

max_places: Op = Op(
    "max_places", _max_places,
    vjps=(None,), kind=GENERAL, formula="where windows are largest", domain=(REAL,), sampler=_sample,
    doc="Where the largest element of each window lies, counted along the last axes in reading order; the first of "
        "equal ones. (…, *sides) -> (…, *places), whole numbers; the parameters are those of max_pool.\n\n"
        "−1 for a window that holds nothing.",
)  # fmt: skip

to_maxima: Op = Op(
    "to_maxima", _to_maxima,
    vjps=(lambda g, out, y, largest, x, kernel, stride=None, padding=0, dilation=1:
          from_maxima.run(g, largest, x, kernel=kernel, stride=stride, padding=padding, dilation=dilation), None, None),
    kind=GENERAL, formula="Σ y at the maxima", domain=(REAL, REAL, REAL), linear=True, sampler=_to_maxima_sample,
    doc="y, one number per window, given to the largest elements of the windows of x, in equal shares: the rule of "
        "max_pool.\n\nlargest is max_pool(x). (…, *places), (…, *places), (…, *sides) -> (…, *sides).",
)  # fmt: skip

from_maxima: Op = Op(
    "from_maxima", _from_maxima,
    vjps=(lambda g, out, y, largest, x, kernel, stride=None, padding=0, dilation=1:
          to_maxima.run(g, largest, x, kernel=kernel, stride=stride, padding=padding, dilation=dilation), None, None),
    kind=GENERAL, formula="mean of y at the maxima", domain=(REAL, REAL, REAL), linear=True,
    sampler=_from_maxima_sample,
    doc="The mean of y where x has the largest elements of each window: the transpose of to_maxima.\n\n"
        "largest is max_pool(x). (…, *sides), (…, *places), (…, *sides) -> (…, *places).",
)  # fmt: skip

sum_pool: Op = Op(
    "sum_pool", _sum_pool,
    vjps=(lambda g, out, x, kernel, stride=None, padding=0, dilation=1:
          spread_pool.run(g, sides=x.shape[len(x.shape) - len(kernel):], kernel=kernel, stride=stride, padding=padding,
                          dilation=dilation),),
    kind=SHAPE, formula="Σ of windows", domain=(REAL,), linear=True, sampler=_sample,
    doc="Sums of windows along the last axes, (…, *sides) -> (…, *places); the parameters are those of max_pool.",
)  # fmt: skip

spread_pool: Op = Op(
    "spread_pool", _spread_pool,
    vjps=(lambda g, out, y, sides, kernel, stride=None, padding=0, dilation=1:
          sum_pool.run(g, kernel=kernel, stride=stride, padding=padding, dilation=dilation),),
    kind=SHAPE, formula="windows of y, added up", domain=(REAL,), linear=True, sampler=_spread_sample,
    doc="y, one number per window, added to every element of the window: the transpose of sum_pool.\n\n"
        "(…, *places) -> (…, *sides); the parameters are those of max_pool.",
)  # fmt: skip
