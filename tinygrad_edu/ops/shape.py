"""Shape ops: they move elements and compute nothing, so each rule moves them back. Most may be views. Arrays only.

Those that join several arrays are not `linear` in the table's sense: with the others held fixed they are affine.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.op import REAL, SHAPE, Op, Sample
from tinygrad_edu.ops import sampling

Array = Any
Shape = tuple[int, ...]


# BLAS sums the rows of a small matrix in a third of the time that np.add.reduce takes (0.6 µs instead of 2.1 for
# 32×16), as a product with ones.
_MOST_ONES = 1024
_ONES = {char: np.ones(_MOST_ONES, char) for char in "fd"}


def sum_to(g: Array, shape: Shape) -> Array:
    """g summed over the axes that broadcasting added or stretched: the transpose of broadcasting to g's shape."""
    full = g.shape
    extra = len(full) - len(shape)
    if extra == 1 and full[1:] == shape:  # the gradient of a bias: by far the most frequent case
        if len(full) == 2 and full[0] <= _MOST_ONES and type(g) is np.ndarray and g.dtype.char in _ONES:
            return _ONES[g.dtype.char][: full[0]].dot(g)
        return np.add.reduce(g, 0)
    axes = tuple(range(extra)) + tuple(
        axis + extra for axis, side in enumerate(shape) if side == 1 and full[axis + extra] != 1
    )
    if type(g) is np.ndarray and g.size >= 2048 and g.dtype.char in _ONES and g.flags.c_contiguous:
        g, axes = _without_last(g, axes)
    if axes:
        g = np.add.reduce(g, axis=axes)
    return g if g.shape == shape else np.reshape(g, shape)


def _without_last(g: np.ndarray, axes: Shape) -> tuple[np.ndarray, Shape]:
    """g summed over its last axes, as far as they are in `axes`, and the axes that are left.

    By BLAS: the gradient of a channel's bias in 64×32×14×14 float32 takes 42 µs, not 149.
    """
    first = g.ndim
    while first - 1 in axes and first > 1:
        first -= 1
    count = math.prod(g.shape[first:])
    if not 8 <= count <= _MOST_ONES:  # more of them NumPy's sum, in pairs, adds up with fewer errors
        return g, axes
    g = g.reshape(-1, count).dot(_ONES[g.dtype.char][:count]).reshape(g.shape[:first])
    return g, tuple(axis for axis in axes if axis < first)


def _factors(rng: np.random.Generator, size: int) -> Shape:
    """A shape of `size` elements."""
    if size == 0:
        return (0, 2)
    divisors = [d for d in range(1, size + 1) if size % d == 0]
    first = int(rng.choice(divisors))
    return (first, size // first)


def _reshape_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng)
    target: Any = _factors(rng, math.prod(size))
    if math.prod(size) and rng.random() < 0.3:
        target = (target[0], -1) if rng.random() < 0.5 else -1
    return (rng.normal(size=size),), {"shape": target, "order": "F" if rng.random() < 0.3 else "C"}


def _reshape(x: Array, shape: Any, order: str = "C", copy: bool | None = None) -> Array:
    if order not in ("C", "F"):
        raise ValueError(f"order must be 'C' or 'F', not {order!r}; np.reshape(x, shape, order='A') takes 'A'")
    out = np.reshape(x, shape, order=order)  # type: ignore[call-overload]
    if copy:
        return out.copy()
    if copy is False and x.size and not np.may_share_memory(x, out):
        raise ValueError("this array can't take that shape without a copy, and copy=False forbids one")
    return out


reshape = Op(
    "reshape", _reshape, numpy=np.reshape,
    vjps=(lambda g, out, x, shape, order="C", copy=None: np.reshape(g, x.shape, order=order),),
    kind=SHAPE, formula="reshape(x, shape)", domain=(REAL,), linear=True, view=True, sampler=_reshape_sample,
    doc="The same elements in another shape; one side may be -1. Order 'F' reads and fills columns first.\n\n"
        "copy: None copies where the layout needs it, True always, False never (ShapeError where it is needed).",
)  # fmt: skip


def _inverse(axes: Any, ndim: int) -> tuple[int, ...]:
    places = [0] * ndim
    for place, axis in enumerate(axes):
        places[axis % ndim] = place
    return tuple(places)


def _transpose_rule(g: Array, out: Array, x: Array, axes: Any = None) -> Array:
    return np.transpose(g) if axes is None else np.transpose(g, _inverse(axes, x.ndim))


def _transpose_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng)
    axes = None if rng.random() < 0.3 else tuple(int(a) for a in rng.permutation(len(size)))
    return (rng.normal(size=size),), {"axes": axes}


transpose = Op(
    "transpose", np.transpose,
    vjps=(_transpose_rule,),
    kind=SHAPE, formula="xᵀ", domain=(REAL,), linear=True, view=True, sampler=_transpose_sample,
    doc="Axes in reverse order, or in the order given by `axes`.",
)  # fmt: skip


def _broadcast_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng, least=1)
    target = (2,) * int(rng.integers(0, 2)) + tuple(3 if side == 1 else side for side in size)
    return (rng.normal(size=size),), {"shape": target}


def _broadcast_to(x: Array, shape: Any) -> Array:
    x = np.asarray(x)
    if x.size == 1 and type(shape) is tuple and x.ndim <= len(shape):
        # The gradient of a sum or mean over everything. np.broadcast_to takes 5 µs for it, this 0.6.
        return np.ndarray(shape, x.dtype, x, 0, (0,) * len(shape))
    return np.broadcast_to(x, shape)


broadcast_to: Op = Op(
    "broadcast_to", _broadcast_to, numpy=np.broadcast_to,
    vjps=(lambda g, out, x, shape: sum_to(g, x.shape),),
    kind=SHAPE, formula="broadcast_to(x, shape)", domain=(REAL,), linear=True, view=True, sampler=_broadcast_sample,
    doc="x repeated along new axes and along sides of 1 until it has the given shape.",
)  # fmt: skip


def _squeeze_sample(rng: np.random.Generator) -> Sample:
    size = (1, *sampling.shape(rng, least=2), 1)
    return (rng.normal(size=size),), {"axis": [None, 0, -1, (0, -1)][int(rng.integers(4))]}


squeeze = Op(
    "squeeze", np.squeeze,
    vjps=(lambda g, out, x, axis=None: np.reshape(g, x.shape),),
    kind=SHAPE, formula="squeeze(x)", domain=(REAL,), linear=True, view=True, sampler=_squeeze_sample,
    doc="x without its sides of 1 (all of them, or those of `axis`).",
)  # fmt: skip


def _expand_dims_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng)
    axis: Any = sampling.one_axis(rng, len(size) + 1)
    if rng.random() < 0.3:
        axis = (0, -1)
    return (rng.normal(size=size),), {"axis": axis}


expand_dims = Op(
    "expand_dims", np.expand_dims,
    vjps=(lambda g, out, x, axis: np.reshape(g, x.shape),),
    kind=SHAPE, formula="expand_dims(x, axis)", domain=(REAL,), linear=True, view=True, sampler=_expand_dims_sample,
    doc="x with new sides of 1 at `axis` (one place or a tuple).",
)  # fmt: skip


def _common_dtype(arrays: tuple[Array, ...]) -> Any:
    """The dtype to join the arrays in, where Python numbers among them are weak; None leaves it to NumPy."""
    weak = any(isinstance(array, int | float | complex) for array in arrays)
    return np.result_type(*arrays) if weak else None


def _concatenate(*arrays: Array, axis: Any = 0) -> Array:
    return np.concatenate(arrays, axis=axis, dtype=_common_dtype(arrays))


def _concatenate_rule(g: Array, out: Array, *arrays: Array, position: int, axis: Any = 0) -> Array:
    x = arrays[position]
    if axis is None:
        start = sum(getattr(array, "size", 1) for array in arrays[:position])  # numbers may stand among the arrays
        return np.reshape(g[start : start + x.size], x.shape)
    axis %= x.ndim
    start = sum(array.shape[axis] for array in arrays[:position])
    return g[(slice(None),) * axis + (slice(start, start + x.shape[axis]),)]


def _concatenate_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng, low=1)
    axis = sampling.one_axis(rng, len(size))
    place = axis % len(size)
    sizes = [(*size[:place], extent, *size[place + 1 :]) for extent in (1, 0, 2)]
    return tuple(rng.normal(size=s) for s in sizes), {"axis": axis if rng.random() < 0.8 else None}


concatenate = Op(
    "concatenate", _concatenate, numpy=np.concatenate,
    vjps=(_concatenate_rule,), variadic=True,
    kind=SHAPE, formula="concatenate(x, y, …)", domain=(REAL,), sampler=_concatenate_sample,
    doc="The arrays one after the other along `axis` (None: flattened). Their other sides must be equal.",
)  # fmt: skip


def _stack(*arrays: Array, axis: int = 0) -> Array:
    return np.stack(arrays, axis=axis, dtype=_common_dtype(arrays))


def _stack_rule(g: Array, out: Array, *arrays: Array, position: int, axis: int = 0) -> Array:
    return g[(slice(None),) * (axis % out.ndim) + (position,)]


def _stack_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng)
    return tuple(rng.normal(size=size) for _ in range(3)), {"axis": sampling.one_axis(rng, len(size) + 1)}


stack = Op(
    "stack", _stack, numpy=np.stack,
    vjps=(_stack_rule,), variadic=True,
    kind=SHAPE, formula="stack(x, y, …)", domain=(REAL,), sampler=_stack_sample,
    doc="Arrays of one shape, side by side along a new axis.",
)  # fmt: skip


# --- other places, same shape --------------------------------------------------------------------------------


def _flip_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng)
    return (rng.normal(size=size),), {"axis": sampling.axis(rng, len(size))}


flip = Op(
    "flip", np.flip,
    vjps=(lambda g, out, m, axis=None: np.flip(g, axis),),
    kind=SHAPE, formula="flip(x)", domain=(REAL,), linear=True, view=True, sampler=_flip_sample,
    doc="x with the order of its elements reversed along `axis` (one, a tuple, or all by default).",
)  # fmt: skip


def _negated(shift: Any) -> Any:
    return tuple(-int(s) for s in shift) if np.ndim(shift) else -int(shift)


def _roll_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng)
    axis = sampling.axis(rng, len(size))
    shift: Any = int(rng.integers(-5, 6))
    if isinstance(axis, tuple) and axis and rng.random() < 0.7:
        shift = tuple(int(s) for s in rng.integers(-5, 6, len(axis)))
    return (rng.normal(size=size),), {"shift": shift, "axis": axis}


roll = Op(
    "roll", np.roll,
    vjps=(lambda g, out, a, shift, axis=None: np.roll(g, _negated(shift), axis),),
    kind=SHAPE, formula="roll(x, shift)", domain=(REAL,), linear=True, sampler=_roll_sample,
    doc="x with its elements moved on by `shift` places along `axis`; what falls off the end comes in at the start.\n\n"
        "Without an axis the elements move as in one row. A tuple of shifts goes with a tuple of axes.",
)  # fmt: skip


def _astype(x: Array, dtype: Any) -> Array:
    return np.array(x, dtype=dtype)


astype = Op(
    "astype", _astype,
    vjps=(lambda g, out, x, dtype: g.astype(x.dtype),),
    kind=SHAPE, formula="astype(x, dtype)", domain=(REAL,), linear=True,
    sampler=lambda rng: ((rng.normal(size=sampling.shape(rng)),), {"dtype": np.float64}),
    doc="x in another dtype. A cast to integers or booleans has no derivative and ends the graph.",
)  # fmt: skip
