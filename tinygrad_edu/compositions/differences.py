"""Differences, slopes and areas of values on a grid. `tg.<name>` and `np.<name>(tensor)` are the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.compositions.reduction import as_floats, sum
from tinygrad_edu.compositions.shape import one_axis, whole
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops.scan import along
from tinygrad_edu.ops.shape import broadcast_to, concatenate
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["diff", "ediff1d", "gradient", "trapezoid"]


@implements(np.diff)
def diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Tensor:
    """xᵢ₊₁ − xᵢ along `axis`, n times over; of booleans, whether they differ.

    prepend, append   values to put before and behind first: a number, or arrays that fit

    >>> import tinygrad_edu as tg
    >>> tg.diff([1.0, 4.0, 9.0], prepend=0)
    Tensor([1., 3., 5.])
    """
    x, n = as_tensor(a), whole("diff", n)
    if n < 0:
        raise ShapeError(
            describe(f"diff: n counts repetitions, it can't be {n}", where=here(), code="number-out-of-range")
        )
    if n == 0:
        return x
    if not x.ndim:
        raise ShapeError(describe("diff needs at least one axis", where=here(), code="wrong-number-of-axes"))
    place = one_axis(axis, x.ndim)
    if prepend is not None or append is not None:
        side = (*x.shape[:place], 1, *x.shape[place + 1 :])
        ends = [part if part is None else _as_slab(part, x, side) for part in (prepend, append)]
        x = concatenate([part for part in (ends[0], x, ends[1]) if part is not None], axis=place)
    for _ in range(n):
        later, earlier = x[along(x.ndim, place, slice(1, None))], x[along(x.ndim, place, slice(None, -1))]
        x = later != earlier if x.dtype.kind == "b" else later - earlier
    return x


def _as_slab(part: Any, x: Tensor, side: tuple[int, ...]) -> Tensor:
    """A number as one slab of x; Python's numbers are weak."""
    weak = isinstance(part, int | float) and x.dtype.kind in "fc"
    slab = as_tensor(np.asarray(part, x.dtype) if weak else part)
    return slab if slab.ndim else broadcast_to(slab, shape=side)


@implements(np.ediff1d)
def ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Tensor:
    """The differences of neighbours of the flattened array, between `to_begin` and `to_end`.

    >>> import tinygrad_edu as tg
    >>> tg.ediff1d([1.0, 4.0, 9.0], to_end=[0.0])
    Tensor([3., 5., 0.])
    """
    x = as_tensor(ary).ravel()
    parts: list[Any] = [x[1:] - x[:-1]]
    for name, part in (("to_begin", to_begin), ("to_end", to_end)):
        if part is None:
            continue
        part = as_tensor(part)
        if not np.can_cast(part.dtype, x.dtype, casting="same_kind"):
            raise DtypeError(
                describe(
                    f"ediff1d: {name} of {part.dtype} doesn't fit {x.dtype}", where=here(), code="cast-not-allowed"
                )
            )
        part = part.astype(x.dtype).ravel()
        parts = [part, *parts] if name == "to_begin" else [*parts, part]
    return concatenate(parts)


@implements(np.trapezoid)
def trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Tensor:
    """Σ (yᵢ + yᵢ₊₁) / 2 · (xᵢ₊₁ − xᵢ): the area under y along `axis`, differentiable in y, x and dx.

    x    the places of y: one row, or of the shape of y; without it they are dx apart

    >>> import tinygrad_edu as tg
    >>> tg.trapezoid([1.0, 3.0, 5.0], x=[0.0, 1.0, 3.0])
    Tensor(10.)
    """
    y = as_tensor(y)
    place = one_axis(axis, y.ndim)
    width: Any = dx
    if x is not None:
        x = as_tensor(x)
        width = diff(x, axis=axis if x.ndim > 1 else -1)
        if x.ndim == 1:
            width = width.reshape(tuple(-1 if i == place else 1 for i in range(y.ndim)))
    both = y[along(y.ndim, place, slice(1, None))] + y[along(y.ndim, place, slice(None, -1))]
    return sum(both * width / 2.0, axis)


@implements(np.gradient)
def gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """The slopes of values on a grid: central differences inside, one-sided ones of `edge_order` at both ends.

    varargs   nothing (distance 1), one distance for all axes, or for each axis a distance or its coordinates;
              gradients flow through them too
    Returns   one Tensor of the shape of f, or a tuple with one for each axis

    >>> import tinygrad_edu as tg
    >>> tg.gradient([0.0, 1.0, 4.0, 9.0])
    Tensor([1., 2., 4., 5.])
    """
    f = as_tensor(f)
    if f.dtype.kind == "b":
        raise DtypeError(
            describe(
                "booleans have no differences, so no gradient",
                where=here(),
                fix="f.astype(float)",
                code="booleans-have-no-differences",
            )
        )
    f = as_floats(f)
    wanted = range(f.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    axes = [one_axis(place, f.ndim) for place in wanted]
    if len(set(axes)) != len(axes):
        raise ShapeError(describe(f"axis {axis} names an axis twice", where=here(), code="axis-named-twice"))
    spacings = tuple(as_tensor(part) if isinstance(part, list | tuple) else part for part in varargs) or (1.0,)
    spacings = spacings * len(axes) if len(spacings) == 1 and not np.ndim(spacings[0]) else spacings
    if len(spacings) != len(axes):
        raise DtypeError(
            describe(f"gradient: {len(varargs)} spacings for {len(axes)} axes", where=here(), code="lengths-differ")
        )
    if edge_order not in (1, 2):
        raise ShapeError(
            describe(f"gradient: edge_order is 1 or 2, not {edge_order}", where=here(), code="unknown-choice")
        )
    slopes = [_slope(f, spacing, place, edge_order) for spacing, place in zip(spacings, axes, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(f: Tensor, spacing: Any, place: int, edge_order: int) -> Tensor:
    """The slope of f along one axis: between the slopes of the two intervals at a point, the nearer one weighs more."""
    count = f.shape[place]
    if count < edge_order + 1:
        raise ShapeError(
            describe(
                f"gradient: {count} values are too few for edge_order {edge_order}", where=here(), code="too-few-values"
            )
        )

    def part(values: Any, start: int | None, stop: int | None) -> Any:
        return values[along(f.ndim, place, slice(start, stop))] if np.ndim(values) else values

    steps = _distances(spacing, f, place)
    slopes = (part(f, 1, None) - part(f, None, -1)) / steps
    left, right = part(slopes, None, -1), part(slopes, 1, None)
    before, behind = part(steps, None, -1), part(steps, 1, None)
    inside = (left * behind + right * before) / (before + behind)
    if edge_order == 1:
        return concatenate([part(slopes, 0, 1), inside, part(slopes, -1, None)], axis=place)
    bend = (right - left) / (before + behind)  # the parabola through three points
    first = part(left, 0, 1) - part(bend, 0, 1) * part(before, 0, 1)
    last = part(right, -1, None) + part(bend, -1, None) * part(behind, -1, None)
    return concatenate([first, inside, last], axis=place)


def _distances(spacing: Any, f: Tensor, place: int) -> Any:
    """The distances between neighbours along one axis: one number, or an array that broadcasts against f."""
    if not np.ndim(spacing):
        return spacing
    places = as_floats(spacing)
    if places.ndim != 1:
        raise ShapeError(
            describe("gradient: spacings are numbers or rows of coordinates", where=here(), code="wrong-number-of-axes")
        )
    if len(places) != f.shape[place]:
        raise ShapeError(
            describe(
                f"gradient: {len(places)} coordinates for {f.shape[place]} values on axis {place}",
                where=here(),
                code="lengths-differ",
            )
        )
    return diff(places).reshape(tuple(-1 if i == place else 1 for i in range(f.ndim)))
