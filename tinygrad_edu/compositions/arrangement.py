"""The elements of an array elsewhere, repeated or fewer. `tg.<name>` and `np.<name>(tensor)` are the same.

What goes where is found by asking NumPy's own function about the places of the elements; the elements follow by
indexing, and gradients with them.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.compositions.joining import concatenate
from tinygrad_edu.compositions.order import plain
from tinygrad_edu.compositions.shape import along, one_axis, ravel, reshape, whole
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops import shape as rows
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

__all__ = ["delete", "fliplr", "flipud", "insert", "repeat", "resize", "rot90", "tile", "trim_zeros"]

# --- the middle of a spectrum ----------------------------------------------------------------------------------


def _half_rolled(x: Any, axes: Any, sign: int) -> Tensor:
    x = as_tensor(x)
    given = range(x.ndim) if axes is None else axes if isinstance(axes, list | tuple) else (axes,)
    places = tuple(one_axis(axis, x.ndim) for axis in given)
    return rows.roll(x, shift=tuple(sign * (x.shape[place] // 2) for place in places), axis=places)


@implements(np.fft.fftshift)
def fftshift(x: Any, axes: Any = None) -> Tensor:
    """x rolled by half of its sides, so that the frequency 0 comes into the middle; `axes` are all by default."""
    return _half_rolled(x, axes, 1)


@implements(np.fft.ifftshift)
def ifftshift(x: Any, axes: Any = None) -> Tensor:
    """x rolled back, so that the frequency 0 comes first again; `axes` are all by default."""
    return _half_rolled(x, axes, -1)


# --- turned over ---------------------------------------------------------------------------------------------


def _matrix(name: str, m: Any, least: int = 2) -> Tensor:
    x = as_tensor(m)
    if x.ndim < least:
        raise ShapeError(
            describe(f"{name} needs {least} axes or more, not {x.ndim}", where=here(), code="wrong-number-of-axes")
        )
    return x


@implements(np.fliplr)
def fliplr(m: Any) -> Tensor:
    """m with its columns in reverse order.

    >>> import tinygrad_edu as tg
    >>> tg.fliplr([[1.0, 2.0]])
    Tensor([[2., 1.]])
    """
    return rows.flip(_matrix("fliplr", m), axis=1)


@implements(np.flipud)
def flipud(m: Any) -> Tensor:
    """m with its rows in reverse order.

    >>> import tinygrad_edu as tg
    >>> tg.flipud([[1.0], [2.0]])
    Tensor([[2.],
            [1.]])
    """
    return rows.flip(_matrix("flipud", m, 1), axis=0)


@implements(np.rot90)
def rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Tensor:
    """m turned by k right angles in the plane of two axes, from the first towards the second.

    >>> import tinygrad_edu as tg
    >>> tg.rot90([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[2., 4.],
            [1., 3.]])
    """
    x, k = _matrix("rot90", m, 1), whole("rot90", k)
    plane = tuple(one_axis(axis, x.ndim) for axis in (axes if np.ndim(axes) else (axes,)))
    if len(plane) != 2 or plane[0] == plane[1]:
        raise ShapeError(describe(f"rot90 needs two different axes, not {axes}", where=here(), code="axis-named-twice"))
    first, second = plane
    if k % 4 == 0:
        return x[...]
    if k % 4 == 2:
        return rows.flip(x, axis=plane)
    order = list(range(x.ndim))
    order[first], order[second] = second, first
    turned = x if k % 4 == 3 else rows.flip(x, axis=second)
    turned = rows.transpose(turned, axes=tuple(order))
    return turned if k % 4 == 1 else rows.flip(turned, axis=second)


# --- repeated ------------------------------------------------------------------------------------------------


@implements(np.repeat)
def repeat(a: Any, repeats: Any, axis: int | None = None) -> Tensor:
    """Each element several times in a row: `repeats` times, or as often as its entry in `repeats` says.

    Without an axis a is flattened first.

    >>> import tinygrad_edu as tg
    >>> tg.repeat([1.0, 2.0], [1, 2])
    Tensor([1., 2., 2.])
    """
    x = as_tensor(a)
    if axis is None or x.ndim == 0:
        axis, x = 0 if axis is None else one_axis(axis, 1), ravel(x)
    axis = one_axis(axis, x.ndim)
    counts = np.asarray(plain(repeats))
    if isinstance(repeats, list | tuple) and not counts.size:
        counts = counts.astype(np.intp)  # NumPy makes floats of an empty list
    if counts.ndim == 0 and counts.dtype.kind in "iu" and counts >= 0:
        front, side, back = x.shape[:axis], x.shape[axis], x.shape[axis + 1 :]
        copies = rows.broadcast_to.run(reshape(x, (*front, side, 1, *back)), shape=(*front, side, int(counts), *back))
        return reshape(copies, (*front, side * int(counts), *back), copy=True)
    if counts.ndim and counts.shape not in ((1,), (x.shape[axis],)):
        raise ShapeError(
            describe(
                f"repeat: {counts.size} counts for {x.shape[axis]} elements",
                where=here(),
                fix="one count for all, or one per element",
                code="lengths-differ",
            )
        )
    return x[along(axis, asked(np.repeat, np.arange(x.shape[axis]), counts))]


@implements(np.tile)
def tile(A: Any, reps: Any) -> Tensor:
    """A laid side by side, `reps` times along each axis; fewer numbers than axes count from the last axis.

    >>> import tinygrad_edu as tg
    >>> tg.tile([1.0, 2.0], (2, 2))
    Tensor([[1., 2., 1., 2.],
            [1., 2., 1., 2.]])
    """
    x = as_tensor(A)
    counts = tuple(whole("tile", count) for count in (reps if np.ndim(reps) else (reps,)))
    if any(count < 0 for count in counts):
        raise ShapeError(describe(f"tile can't repeat {min(counts)} times", where=here(), code="number-out-of-range"))
    ndim = max(len(counts), x.ndim)
    counts = (1,) * (ndim - len(counts)) + counts
    sides = (1,) * (ndim - x.ndim) + x.shape
    alone = tuple(side for pair in zip((1,) * ndim, sides, strict=True) for side in pair)
    repeated = tuple(side for pair in zip(counts, sides, strict=True) for side in pair)
    copies = rows.broadcast_to.run(reshape(x, alone), shape=repeated)
    return reshape(copies, tuple(map(math.prod, zip(counts, sides, strict=True))), copy=True)


@implements(np.resize)
def resize(a: Any, new_shape: Any) -> Tensor:
    """The elements of a, again from the start as often as needed, in a new shape. Zeros where a has none.

    >>> import tinygrad_edu as tg
    >>> tg.resize([1.0, 2.0], 3)
    Tensor([1., 2., 1.])
    """
    x = as_tensor(a)
    sides = tuple(int(side) for side in (new_shape if np.ndim(new_shape) else (new_shape,)))
    if any(side < 0 for side in sides):
        raise ShapeError(describe(f"resize: a side can't be {min(sides)}", where=here(), code="number-out-of-range"))
    if x.size == 0:
        return tensor_on(np.zeros(sides, x.dtype))
    return ravel(x)[np.arange(math.prod(sides)).reshape(sides) % x.size]


# --- more or fewer -------------------------------------------------------------------------------------------


@implements(np.delete)
def delete(arr: Any, obj: Any, axis: int | None = None) -> Tensor:
    """arr without the parts at `obj` along `axis`: a place, several, a slice or a mask. Flattened without an axis.

    >>> import tinygrad_edu as tg
    >>> tg.delete([1.0, 2.0, 3.0], 1)
    Tensor([1., 3.])
    """
    x = as_tensor(arr)
    if axis is None:
        x, axis = ravel(x), 0
    axis = one_axis(axis, x.ndim)
    return x[along(axis, asked(np.delete, np.arange(x.shape[axis]), plain(obj)))]


@implements(np.insert)
def insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Tensor:
    """arr with `values` before the places `obj` along `axis`; flattened without an axis.

    values take the dtype of arr and broadcast as in NumPy.

    >>> import tinygrad_edu as tg
    >>> tg.insert([1.0, 2.0, 3.0], [1, 1], 9.0)
    Tensor([1., 9., 9., 2., 3.])
    """
    x, new = as_tensor(arr), as_tensor(values)
    if new.dtype != x.dtype:
        if new.dtype.kind == "c" and x.dtype.kind != "c":
            raise DtypeError(
                describe(
                    f"insert can't put {new.dtype} into an array of {x.dtype}", where=here(), code="cast-not-allowed"
                )
            )
        new = new.astype(x.dtype)
    old_places = np.arange(x.size).reshape(x.shape)
    new_places = np.arange(x.size, x.size + new.size).reshape(new.shape)
    places = asked(np.insert, old_places, plain(obj), new_places, axis)
    return concatenate((ravel(x), ravel(new)))[places]


@implements(np.trim_zeros)
def trim_zeros(filt: Any, trim: str = "fb", axis: Any = None) -> Tensor:
    """filt without the zeros around it, in front ('f'), behind ('b') or both, along `axis` (all by default).

    >>> import tinygrad_edu as tg
    >>> tg.trim_zeros([0.0, 1.0, 0.0, 2.0, 0.0])
    Tensor([1., 0., 2.])
    """
    x = as_tensor(filt)
    sides = trim.lower()
    if sides not in ("fb", "bf", "f", "b"):
        raise ShapeError(
            describe(f"trim_zeros: trim must be 'f', 'b' or 'fb', not {trim!r}", where=here(), code="unknown-choice")
        )
    axes = range(x.ndim) if axis is None else [one_axis(a, x.ndim) for a in (axis if np.ndim(axis) else (axis,))]
    if len(set(axes)) != len(axes):
        raise ShapeError(describe(f"axis {axis} names an axis twice", where=here(), code="axis-named-twice"))
    taken = np.nonzero(plain(x) != 0) if x.ndim else ()
    index = [slice(None)] * x.ndim
    for place in axes:
        found = taken[place]
        if found.size == 0:
            index[place] = slice(0, 0)
        else:
            first = int(found.min()) if "f" in sides else None
            index[place] = slice(first, int(found.max()) + 1 if "b" in sides else None)
    return x[tuple(index)]
