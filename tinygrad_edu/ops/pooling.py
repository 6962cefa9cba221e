"""Pools: the largest element or the sum of each window that slides along the last axes. Arrays only.

Leading axes of any number are batches. Windows may reach beyond the ends, where there is nothing: no element wins or
is added. Windows slide in equal steps, or cover the sides evenly, whatever their number (`even`). Reading sums and
spreading them are transposes of each other, and so are handing the gradient to the largest elements and collecting
from them: each is the other's rule, so all orders of derivative work.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

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


def even(side: int, places: int) -> list[tuple[int, int]]:
    """Start and end of windows that cover a side evenly: from ⌊i · side / places⌋ to ⌈(i + 1) · side / places⌉."""
    return [(i * side // places, -(-(i + 1) * side // places)) for i in range(places)]


def _window_by_window(sides: Sides, places: Sides, kernel: Sides, stride: Any, padding: Any, dilation: Any,
                      evenly: bool) -> list[_Meeting]:  # fmt: skip
    """For each place: its index, with sides of 1, and that of the elements of x under its window."""
    along = []
    axes = zip(sides, kernel, places, *_per_axis(kernel, stride, padding, dilation))
    for side, k, m, s, (before, _), d in axes:
        if evenly:
            along.append([(slice(p, p + 1), slice(*ends)) for p, ends in enumerate(even(side, m))])
            continue
        firsts = [p * s - before for p in range(m)]
        starts = [first if first >= 0 else first % d for first in firsts]
        ends = [max(min(first + d * (k - 1) + 1, side), 0) for first in firsts]
        along.append([(slice(p, p + 1), slice(*ends, d)) for p, ends in enumerate(zip(starts, ends))])
    return [(last_axes(p for p, _ in each), last_axes(u for _, u in each)) for each in itertools.product(*along)]


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


def _largest_evenly(x: Array, kernel: Sides) -> Array:
    """The largest elements of windows that cover the sides evenly; `kernel` says how many."""
    for axis, places in zip(range(-len(kernel), 0), kernel):
        starts, ends = np.array(even(x.shape[axis], places)).T
        out = x.take(starts, axis)
        for more in range(1, int((ends - starts).max())):  # shorter windows see their last element again
            np.maximum(out, x.take(np.minimum(starts + more, ends - 1), axis), out=out)
        x = out
    return x


def _max_pool(
    x: Array, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1, evenly: bool = False
) -> Array:
    x = np.asarray(x)
    if evenly:
        return _largest_evenly(x, kernel)
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


class _Maxima(NamedTuple):
    """Where places and elements of x meet, which of those elements are the largest, and how many a place has."""

    meetings: list[_Meeting]
    masks: list[Array]
    count: Array
    axes: tuple[int, ...]  # those of a window, where one place meets all of its window at once; else none


def _maxima(out: Array, x: Array, kernel: Sides, stride: Any, padding: Any, dilation: Any, evenly: bool) -> _Maxima:
    """The elements of windows that are the largest, or nan.

    Window by window where there are fewer places than elements in a window, as where one window is the whole image
    (1.0 instead of 8.2 ms at 32×16×28×28), else element by element of the window.
    """
    d = len(kernel)
    sides, places = x.shape[x.ndim - d :], out.shape[out.ndim - d :]
    if evenly or math.prod(places) < math.prod(kernel):
        meetings = _window_by_window(sides, places, kernel, stride, padding, dilation, evenly)
        axes, most = tuple(range(-d, 0)), math.prod(sides)
    else:
        meetings = _meetings(sides, places, kernel, stride, padding, dilation)
        axes, most = (), len(meetings)
    count = np.zeros(out.shape, np.uint8 if most < 256 else np.intp)
    any_nan = bool(np.isnan(out).any())
    masks = []
    for place, element in meetings:
        mask = x[element] == out[place]
        if any_nan:
            mask |= np.isnan(x[element])
        count[place] += mask.sum(axis=axes, keepdims=True, dtype=count.dtype) if axes else mask
        masks.append(mask)
    return _Maxima(meetings, masks, count, axes)


def _shares(y: Array, count: Array) -> Array:
    """y divided among equally large elements. Nearly always there is one, and then nothing to divide."""
    return y if count.size and count.max() == 1 else y / np.maximum(count, 1).astype(y.dtype)


def _to_maxima(
    y: Array, largest: Array, x: Array, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    evenly: bool = False,
) -> Array:  # fmt: skip
    y = floating(y)
    found = _maxima(largest, x, kernel, stride, padding, dilation, evenly)
    shares = _shares(y, found.count)
    result = np.zeros(x.shape, y.dtype)
    for mask, (place, element) in zip(found.masks, found.meetings):
        result[element] += picked(mask, shares[place], 0)
    return result


def _from_maxima(
    y: Array, largest: Array, x: Array, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    evenly: bool = False,
) -> Array:  # fmt: skip
    y = floating(y)
    found = _maxima(largest, x, kernel, stride, padding, dilation, evenly)
    result = np.zeros(largest.shape, y.dtype)
    for mask, (place, element) in zip(found.masks, found.meetings):
        part = picked(mask, y[element], 0)
        result[place] += part.sum(axis=found.axes, keepdims=True) if found.axes else part
    return _shares(result, found.count)


def _max_places(
    x: Array, kernel: Sides, stride: Any = None, padding: Any = 0, dilation: Any = 1, evenly: bool = False
) -> Array:
    x = np.asarray(x)
    largest, sides = _max_pool(x, kernel, stride, padding, dilation, evenly), x.shape[x.ndim - len(kernel) :]
    maxima = _maxima(largest, x, kernel, stride, padding, dilation, evenly)
    numbers = np.arange(math.prod(sides)).reshape(sides)
    found = np.full(largest.shape, -1, np.intp)
    for mask, (place, element) in zip(maxima.masks[::-1], maxima.meetings[::-1]):
        if maxima.axes and mask.size:
            first = mask.reshape(*mask.shape[: -len(kernel)], -1).argmax(axis=-1)
            found[place] = np.reshape(numbers[element].reshape(-1)[first], found[place].shape)
        elif not maxima.axes:  # the first element comes last, and stays
            np.copyto(found[place], numbers[element], where=mask)
    return np.where(maxima.count > 0, found, -1)


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


def _max_sample(rng: np.random.Generator) -> Sample:
    if rng.random() < 0.7:
        return _sample(rng)
    sides = tuple(int(n) for n in rng.integers(1, 6, rng.integers(1, 3)))
    places = tuple(int(n) for n in rng.integers(1, 5, len(sides)))
    return (sampling.distinct(rng, (*sampling.shape(rng, high=2), *sides)),), {"kernel": places, "evenly": True}


def _to_maxima_sample(rng: np.random.Generator) -> Sample:
    (x,), params = _max_sample(rng)
    x = x if rng.random() < 0.5 else np.floor(4 * x) / 4
    out = _max_pool(x, **params)
    return (rng.normal(size=out.shape), out, x), params


def _from_maxima_sample(rng: np.random.Generator) -> Sample:
    (_, out, x), params = _to_maxima_sample(rng)
    return (rng.normal(size=x.shape), out, x), params


max_pool: Op = Op(
    "max_pool", _max_pool,
    vjps=(lambda g, out, x, kernel, stride=None, padding=0, dilation=1, evenly=False:
          to_maxima.run(g, out, x, kernel=kernel, stride=stride, padding=padding, dilation=dilation, evenly=evenly),),
    kind=GENERAL, formula="max of windows", domain=(Domain("any real number, kinks at ties", -2, 2),),
    sampler=_max_sample,
    doc="The largest element of each window along the last axes, (…, *sides) -> (…, *places); nan if one is.\n\n"
        "kernel: one number per axis; stride (None: the kernel), dilation: a number, or one per axis; padding: a "
        "number, or a pair per axis, how far windows may reach beyond the ends, where there is nothing. With `evenly` "
        "kernel is the number of windows along each axis, which cover it evenly. Equal largest elements of a window "
        "share its gradient.",
)  # fmt: skip

max_places: Op = Op(
    "max_places", _max_places,
    vjps=(None,), kind=GENERAL, formula="where windows are largest", domain=(REAL,), sampler=_max_sample,
    doc="Where the largest element of each window lies, counted along the last axes in reading order; the first of "
        "equal ones. (…, *sides) -> (…, *places), whole numbers; the parameters are those of max_pool.\n\n"
        "−1 for a window that holds nothing.",
)  # fmt: skip

to_maxima: Op = Op(
    "to_maxima", _to_maxima,
    vjps=(lambda g, out, y, largest, x, kernel, stride=None, padding=0, dilation=1, evenly=False:
          from_maxima.run(g, largest, x, kernel=kernel, stride=stride, padding=padding, dilation=dilation,
                          evenly=evenly), None, None),
    kind=GENERAL, formula="Σ y at the maxima", domain=(REAL, REAL, REAL), linear=True, sampler=_to_maxima_sample,
    doc="y, one number per window, given to the largest elements of the windows of x, in equal shares: the rule of "
        "max_pool.\n\nlargest is max_pool(x). (…, *places), (…, *places), (…, *sides) -> (…, *sides).",
)  # fmt: skip

from_maxima: Op = Op(
    "from_maxima", _from_maxima,
    vjps=(lambda g, out, y, largest, x, kernel, stride=None, padding=0, dilation=1, evenly=False:
          to_maxima.run(g, largest, x, kernel=kernel, stride=stride, padding=padding, dilation=dilation,
                          evenly=evenly), None, None),
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
