"""NumPy's functions of shape that are compositions of rows. `tg.<name>` and `np.<name>(tensor)` are the same."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_edu.errors import AxisError, DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops import shape as rows
from tinygrad_edu.refusal import no_common_shape, no_such_axis
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "broadcast_arrays", "broadcast_shapes", "copy", "flatten", "moveaxis",
    "ndim", "permute_dims", "ravel", "reshape", "rollaxis", "shape", "size", "swapaxes",
]  # fmt: skip

permute_dims = rows.transpose

# --- what other families use too -----------------------------------------------------------------------------


def one_axis(axis: Any, ndim: int) -> int:
    """`axis` counted from the front. Raises AxisError where there is no such axis."""
    try:
        place = operator.index(axis)
    except TypeError:
        raise DtypeError(
            describe(f"an axis is a whole number, not {axis!r}", where=here(), code="not-a-whole-number")
        ) from None
    if not -ndim <= place < ndim:
        raise no_such_axis(place, ndim)
    return place % ndim


def whole(name: str, number: Any) -> int:
    """`number` as a Python int. Raises DtypeError where it is none, 2.0 included, as NumPy does."""
    try:
        return operator.index(number)
    except TypeError:
        raise DtypeError(
            describe(f"{name} needs whole numbers, not {number!r}", where=here(), code="not-a-whole-number")
        ) from None


def along(axis: int, part: Any) -> tuple[Any, ...]:
    """The index that picks `part` along one axis and everything along the others."""
    return (*(slice(None),) * axis, part)


# --- facts ---------------------------------------------------------------------------------------------------


@implements(np.broadcast_shapes)
def broadcast_shapes(*shapes: Any) -> tuple[int, ...]:
    """The shape that arrays of these shapes have after broadcasting.

    >>> import tinygrad_edu as tg
    >>> tg.broadcast_shapes((2, 1), (3,))
    (2, 3)
    """
    try:
        return np.broadcast_shapes(*shapes)
    except ValueError:
        sides = [shape if isinstance(shape, tuple) else (shape,) for shape in shapes]
        what, names = (
            "these shapes can't be broadcast together",
            [f"input {place}" for place in range(1, len(sides) + 1)],
        )
        raise no_common_shape(what, sides, names, code="shapes-do-not-broadcast") from None


@implements(np.shape)
def shape(a: Any) -> tuple[int, ...]:
    """The sides of a.

    >>> import tinygrad_edu as tg
    >>> tg.shape(tg.ones((2, 3)))
    (2, 3)
    """
    return as_tensor(a).shape


@implements(np.ndim)
def ndim(a: Any) -> int:
    """The number of axes of a.

    >>> import tinygrad_edu as tg
    >>> tg.ndim([[1.0, 2.0]])
    2
    """
    return as_tensor(a).ndim


@implements(np.size)
def size(a: Any, axis: Any = None) -> int:
    """The number of elements of a, or along `axis`: one, or a tuple of several.

    >>> import tinygrad_edu as tg
    >>> tg.size(tg.ones((2, 3))), tg.size(tg.ones((2, 3)), axis=-1)
    (6, 3)
    """
    x = as_tensor(a)
    if axis is None:
        return x.size
    axes = [one_axis(place, x.ndim) for place in (axis if isinstance(axis, tuple) else (axis,))]
    if len(set(axes)) < len(axes):
        raise ShapeError(describe(f"size: axis {axis} names an axis twice", where=here(), code="axis-named-twice"))
    count = 1
    for place in axes:
        count *= x.shape[place]
    return count


# --- the same elements in the same order ---------------------------------------------------------------------


def _as_it_lies(x: Tensor) -> tuple[int, ...]:
    """The axes from the longest stride in memory to the shortest. Where one is 0 or doesn't matter they stay as is."""
    strides = x._data.strides[x._data.ndim - x.ndim :]
    steps = [abs(stride) if side > 1 else 0 for stride, side in zip(strides, x.shape)]
    inwards: list[int] = []
    for axis in reversed(range(x.ndim)):
        place = len(inwards)
        for position in reversed(range(place)):
            step = steps[inwards[position]]
            if step and steps[axis]:
                if step <= steps[axis]:
                    break
                place = position
        inwards.insert(place, axis)
    return tuple(inwards[::-1])


def _layout(x: Tensor) -> str:
    """What order 'A' means for x: 'F' where its columns, and not its rows, lie in one piece."""
    return "F" if x._data.flags.fnc else "C"


@implements(np.reshape)
def reshape(a: Any, /, shape: Any, order: str = "C", *, copy: bool | None = None) -> Tensor:
    """The same elements in another shape; one side may be -1.

    order   'C' reads and fills rows first, 'F' columns first, 'A' as a lies in memory
    copy    None copies where the layout needs it, True always, False never (ShapeError where it is needed)

    >>> import tinygrad_edu as tg
    >>> tg.reshape(tg.arange(6), (2, -1), order="F")
    Tensor([[0, 2, 4],
            [1, 3, 5]])
    """
    x = as_tensor(a)
    given: dict[str, Any] = {}
    if order != "C":
        given["order"] = _layout(x) if order == "A" else order
    if copy is not None:
        given["copy"] = copy
    sides = tuple(int(side) if isinstance(side, Tensor) else side for side in shape) if np.ndim(shape) else shape
    result: Tensor = rows.reshape.run(x, shape=sides, **given)
    return result


@implements(np.ravel)
def ravel(a: Any, order: str = "C") -> Tensor:
    """All elements in one row, a view where that is possible.

    order   'C' rows first, 'F' columns first, 'A' as a lies in memory if it lies in one piece, 'K' as it lies

    >>> import tinygrad_edu as tg
    >>> tg.ravel([[1, 2], [3, 4]], order="F")
    Tensor([1, 3, 2, 4])
    """
    x = as_tensor(a)
    if order == "K" and x.ndim > 1 and not x._data.flags.c_contiguous:
        x = rows.transpose.run(x, axes=_as_it_lies(x))
    return reshape(x, -1, "C" if order == "K" else order)


def flatten(a: Any, order: str = "C") -> Tensor:
    """All elements in one row, always a copy; `order` as in `ravel`.

    >>> import tinygrad_edu as tg
    >>> tg.flatten([[1, 2], [3, 4]])
    Tensor([1, 2, 3, 4])
    """
    return ravel(a, order).copy()


@implements(np.copy)
def copy(a: Any, order: str = "K", subok: bool = False) -> Tensor:
    """A copy, through which gradients flow. How it lies in memory is the engine's business: `order` changes nothing.

    >>> import tinygrad_edu as tg
    >>> tg.copy([1.0, 2.0])
    Tensor([1., 2.])
    """
    if order not in ("C", "F", "A", "K"):
        raise ShapeError(
            describe(f"order must be one of 'C', 'F', 'A' or 'K', not {order!r}", where=here(), code="unknown-choice")
        )
    return as_tensor(a).copy()


# --- axes in another order -----------------------------------------------------------------------------------


@implements(np.swapaxes)
def swapaxes(a: Any, axis1: int, axis2: int) -> Tensor:
    """a with two axes exchanged.

    >>> import tinygrad_edu as tg
    >>> tg.swapaxes(tg.ones((2, 3, 4)), 0, -1).shape
    (4, 3, 2)
    """
    x = as_tensor(a)
    first, second = one_axis(axis1, x.ndim), one_axis(axis2, x.ndim)
    axes = list(range(x.ndim))
    axes[first], axes[second] = second, first
    result: Tensor = rows.transpose.run(x, axes=tuple(axes))
    return result


@implements(np.moveaxis)
def moveaxis(a: Any, source: Any, destination: Any) -> Tensor:
    """a with some axes moved to other places; the rest keep their order.

    >>> import tinygrad_edu as tg
    >>> tg.moveaxis(tg.ones((2, 3, 4)), 0, -1).shape
    (3, 4, 2)
    """
    x = as_tensor(a)
    origins = [one_axis(axis, x.ndim) for axis in (source if np.ndim(source) else [source])]
    places = [one_axis(axis, x.ndim) for axis in (destination if np.ndim(destination) else [destination])]
    if len(origins) != len(places) or len(set(origins)) < len(origins) or len(set(places)) < len(places):
        raise ShapeError(
            describe(
                "moveaxis needs as many places as axes, none of them twice",
                where=here(),
                source=source,
                destination=destination,
                code="axes-do-not-pair",
            )
        )
    axes = [axis for axis in range(x.ndim) if axis not in origins]
    for place, axis in sorted(zip(places, origins, strict=True)):
        axes.insert(place, axis)
    result: Tensor = rows.transpose.run(x, axes=tuple(axes))
    return result


@implements(np.rollaxis)
def rollaxis(a: Any, axis: int, start: int = 0) -> Tensor:
    """a with one axis moved to stand before the axis that is now at `start`.

    >>> import tinygrad_edu as tg
    >>> tg.rollaxis(tg.ones((2, 3, 4)), 2).shape
    (4, 2, 3)
    """
    x = as_tensor(a)
    origin = one_axis(axis, x.ndim)
    place = start + x.ndim if start < 0 else start
    if not 0 <= place <= x.ndim:
        raise AxisError(
            describe(
                f"rollaxis: start {start} is out of bounds for {x.ndim} axes",
                where=here(),
                fix=f"0 … {x.ndim}: the axis before which it comes to stand",
                code="no-such-axis",
            )
        )
    return moveaxis(x, origin, place - (origin < place))


# --- more axes, longer sides ---------------------------------------------------------------------------------


_MORE_AXES: dict[int, dict[int, Any]] = {
    1: {0: (None,)},
    2: {0: (None, None), 1: (None, slice(None))},
    3: {0: (None,) * 3, 1: (None, slice(None), None), 2: (slice(None), slice(None), None)},
}


def _at_least(count: int, arrays: tuple[Any, ...]) -> Any:
    """Each array with `count` axes at least: one Tensor, or a tuple of several."""
    more = _MORE_AXES[count]
    results = tuple(x[more[x.ndim]] if x.ndim < count else x for x in map(as_tensor, arrays))
    return results[0] if len(results) == 1 else results


@implements(np.atleast_1d)
def atleast_1d(*arys: Any) -> Any:
    """Each argument with one axis at least: a Tensor for one argument, a tuple for several.

    >>> import tinygrad_edu as tg
    >>> tg.atleast_1d(3.0)
    Tensor([3.])
    """
    return _at_least(1, arys)


@implements(np.atleast_2d)
def atleast_2d(*arys: Any) -> Any:
    """Each argument with two axes at least; a vector becomes a row.

    >>> import tinygrad_edu as tg
    >>> tg.atleast_2d([1.0, 2.0])
    Tensor([[1., 2.]])
    """
    return _at_least(2, arys)


@implements(np.atleast_3d)
def atleast_3d(*arys: Any) -> Any:
    """Each argument with three axes at least: (n,) -> (1, n, 1), (n, m) -> (n, m, 1).

    >>> import tinygrad_edu as tg
    >>> tg.atleast_3d([1.0, 2.0]).shape
    (1, 2, 1)
    """
    return _at_least(3, arys)


@implements(np.broadcast_arrays)
def broadcast_arrays(*args: Any, subok: bool = False) -> tuple[Tensor, ...]:
    """All arguments in the shape to which they broadcast together.

    >>> import tinygrad_edu as tg
    >>> [x.shape for x in tg.broadcast_arrays(tg.ones((2, 1)), tg.ones(3))]
    [(2, 3), (2, 3)]
    """
    arrays = [as_tensor(a) for a in args]
    full = broadcast_shapes(*(x.shape for x in arrays))
    return tuple(x if x.shape == full else rows.broadcast_to.run(x, shape=full) for x in arrays)
