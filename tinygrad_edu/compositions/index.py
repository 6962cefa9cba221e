"""Selection: elements picked by place, by condition, or among several arrays. As `tg.<name>` and `np.<name>(tensor)`.

What is picked is decided by whole numbers and booleans, which have no derivative; gradients go to what was picked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.compositions.joining import stack
from tinygrad_edu.compositions.order import constant, plain
from tinygrad_edu.compositions.output import handed
from tinygrad_edu.compositions.shape import along, broadcast_shapes, moveaxis, one_axis, ravel, reshape
from tinygrad_edu.errors import DtypeError, IndexingError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.memory import NUMBERS
from tinygrad_edu.node import here
from tinygrad_edu.ops import elementwise, index
from tinygrad_edu.ops import shape as rows
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = [
    "apply_along_axis", "apply_over_axes", "argwhere", "choose", "compress", "extract", "flatnonzero", "ix_", "nonzero",
    "piecewise", "ravel_multi_index", "select", "take", "take_along_axis", "unravel_index", "where",
]  # fmt: skip

# --- where something holds -----------------------------------------------------------------------------------


@implements(np.nonzero)
def nonzero(a: Any) -> tuple[Tensor, ...]:
    """The places where a is not 0, one Tensor of whole numbers per axis; no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.nonzero([0.0, 3.0, 4.0])
    (Tensor([1, 2]),)
    """
    x = as_tensor(a)
    if x.ndim == 0:
        raise ShapeError(
            describe(
                "nonzero: a number has no axis to find places along",
                where=here(),
                fix="tg.flatnonzero(x)",
                code="wrong-number-of-axes",
            )
        )
    return tuple(constant("nonzero", place, x) for place in np.nonzero(plain(x)))


@implements(np.flatnonzero)
def flatnonzero(a: Any) -> Tensor:
    """The places where a, in one row, is not 0; no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.flatnonzero([[0.0, 3.0], [4.0, 0.0]])
    Tensor([1, 2])
    """
    return constant("flatnonzero", np.flatnonzero(plain(as_tensor(a))), a)


@implements(np.argwhere)
def argwhere(a: Any) -> Tensor:
    """The places where a is not 0, one row each; no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.argwhere([[0.0, 3.0], [4.0, 0.0]])
    Tensor([[0, 1],
            [1, 0]])
    """
    return constant("argwhere", np.argwhere(plain(as_tensor(a))), a)


@implements(np.where)
def where(condition: Any, x: Any = None, y: Any = None, /) -> Any:
    """x where the condition holds, else y; the three broadcast. With the condition alone: `nonzero(condition)`.

    An element gets the gradient of its own branch; the other gets 0 times its derivative.

    >>> import tinygrad_edu as tg
    >>> tg.where([True, False], 1.0, [5.0, 6.0])
    Tensor([1., 6.])
    """
    if x is None and y is None:
        return nonzero(condition)
    if x is None or y is None:
        raise ShapeError(
            describe(
                "where needs both x and y, or neither", where=here(), fix="tg.where(mask, x, 0)", code="wrong-arguments"
            )
        )
    return elementwise.where(condition, x, y)


# --- by place ------------------------------------------------------------------------------------------------


def places_in(indices: Any) -> np.ndarray:
    """Indices as an array: an empty list holds whole numbers, not floats."""
    places = np.asarray(plain(indices))
    return places.astype(np.intp) if isinstance(indices, list | tuple) and not places.size else places


@implements(np.take)
def take(a: Any, indices: Any, axis: int | None = None, out: Any = None, mode: str = "raise") -> Tensor:
    """The elements at `indices` along `axis`, or of a in one row. One taken twice gets both gradients.

    mode   what becomes of a place beyond the end: 'raise' an IndexError, 'wrap' from the start again, 'clip' the
           last element (and the first, for negative places)

    >>> import tinygrad_edu as tg
    >>> tg.take([1.0, 2.0, 3.0], [0, 0, 2])
    Tensor([1., 1., 3.])
    """
    x = as_tensor(a)
    if axis is None or x.ndim == 0:
        axis, x = 0 if axis is None else one_axis(axis, 1), ravel(x)
    axis = one_axis(axis, x.ndim)
    places = places_in(indices)
    if mode != "raise" or places.dtype.kind not in "iu":
        places = np.asarray(asked(np.take, np.arange(x.shape[axis]), places, mode=mode))
    picked = x[along(axis, places)]
    return handed(picked if places.ndim else picked.copy(), out)


def along_each_line(indices: np.ndarray, sides: tuple[int, ...], axis: int) -> tuple[np.ndarray, ...]:
    """The index that picks `indices` along `axis` and, along every other axis, each its own place."""
    if indices.dtype.kind not in "iu":
        raise IndexingError(
            describe(
                f"indices must be whole numbers, not {indices.dtype}", where=here(), code="index-not-whole-numbers"
            )
        )
    if indices.ndim != len(sides):
        raise ShapeError(
            describe(
                f"indices have {indices.ndim} axes, the array {len(sides)}: they must have as many",
                where=here(),
                code="wrong-number-of-axes",
            )
        )
    index = list(np.ogrid[tuple(map(slice, sides))])
    index[axis] = indices
    return tuple(index)


@implements(np.take_along_axis)
def take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Tensor:
    """For each line along `axis` the elements at that line's own indices, as `argsort` and `argmax` give them.

    >>> import tinygrad_edu as tg
    >>> tg.take_along_axis([[1.0, 2.0], [3.0, 4.0]], [[0], [1]], axis=1)
    Tensor([[1.],
            [4.]])
    """
    x, places = as_tensor(arr), np.asarray(plain(indices))
    if axis is None:
        axis, x = 0, ravel(x)
    axis = one_axis(axis, x.ndim)
    return x[along_each_line(places, x.shape, axis)]


@implements(np.compress)
def compress(condition: Any, a: Any, axis: int | None = None, out: Any = None) -> Tensor:
    """The parts of a along `axis` (of a in one row) for which the condition, a row of booleans, holds.

    >>> import tinygrad_edu as tg
    >>> tg.compress([False, True], [[1.0, 2.0], [3.0, 4.0]], axis=0)
    Tensor([[3., 4.]])
    """
    mask = np.asarray(plain(condition))
    if mask.ndim != 1:
        raise ShapeError(
            describe(
                f"compress: the condition must have 1 axis, not {mask.ndim}", where=here(), code="wrong-number-of-axes"
            )
        )
    return take(a, np.flatnonzero(mask), axis, out)


@implements(np.extract)
def extract(condition: Any, arr: Any) -> Tensor:
    """The elements of arr, in one row, for which the condition holds.

    >>> import tinygrad_edu as tg
    >>> tg.extract([[True, False], [False, True]], [[1.0, 2.0], [3.0, 4.0]])
    Tensor([1., 4.])
    """
    return take(ravel(arr), np.flatnonzero(plain(as_tensor(condition))))


# --- among several arrays ------------------------------------------------------------------------------------


def _alike(choices: Any) -> list[Tensor]:
    """The choices as Tensors of one dtype: Python numbers among them are weak."""
    found = [choice if choice.__class__ in NUMBERS else as_tensor(choice) for choice in choices]
    dtype = np.result_type(*(x.dtype if isinstance(x, Tensor) else x for x in found))
    return [x.astype(dtype) if x.dtype != dtype else x for x in map(as_tensor, found)]


@implements(np.choose)
def choose(a: Any, choices: Any, out: Any = None, mode: str = "raise") -> Tensor:
    """Element by element the one of the array number a among `choices`; a and the choices broadcast.

    mode   what becomes of a number beyond the last choice: 'raise' a ValueError, 'wrap' or 'clip'

    >>> import tinygrad_edu as tg
    >>> tg.choose([1, 0], [[1.0, 2.0], [3.0, 4.0]])
    Tensor([3., 2.])
    """
    options = _alike(choices)
    number = asked(np.choose, plain(as_tensor(a)), np.arange(len(options)), mode=mode)
    full = broadcast_shapes(number.shape, *(x.shape for x in options))
    table = stack([rows.broadcast_to(x, full) for x in options])
    place = (np.broadcast_to(number, full), *np.ogrid[tuple(map(slice, full))])
    return handed(table[place], out)


@implements(np.select)
def select(condlist: Any, choicelist: Any, default: Any = 0) -> Tensor:
    """Element by element the first choice whose condition holds, and `default` where none does.

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor([1.0, 2.0, 3.0])
    >>> tg.select([x < 2, x > 2], [x, x * x])
    Tensor([1., 0., 9.])
    """
    conditions = [as_tensor(condition) for condition in condlist]
    if len(conditions) != len(choicelist) or not conditions:
        raise ShapeError(
            describe(
                "select needs as many conditions as choices, one at least",
                where=here(),
                conditions=len(conditions),
                choices=len(choicelist),
                code="lengths-differ",
            )
        )
    choices = _alike((*choicelist, default))
    for condition in conditions:
        if condition.dtype != np.bool_:
            raise DtypeError(
                describe(
                    f"select: conditions must be booleans, not {condition.dtype}",
                    where=here(),
                    fix="x > 0",
                    code="mask-not-booleans",
                )
            )
    result = choices[-1]
    for condition, choice in zip(conditions[::-1], choices[-2::-1], strict=True):
        result = elementwise.where(condition, choice, result)
    full = np.broadcast_shapes(*(x.shape for x in (*conditions, *choices)))
    return result if result.shape == full else rows.broadcast_to(result, full).copy()


@implements(np.piecewise)
def piecewise(x: Any, condlist: Any, funclist: Any, *args: Any, **kw: Any) -> Tensor:
    """Each function on the elements for which its condition holds; one function more is for the rest (else 0).

    Numbers may stand among the functions. Where several conditions hold the last one counts.

    >>> import tinygrad_edu as tg
    >>> tg.piecewise([-2.0, 3.0], [tg.Tensor([-2.0, 3.0]) < 0], [lambda x: -x, lambda x: x * x])
    Tensor([2., 9.])
    """
    x = as_tensor(x)
    given = plain(condlist)
    if np.ndim(given) == 0 or (x.ndim and not isinstance(given[0], list | np.ndarray)):
        given = [given]  # one condition may stand alone
    conditions = np.asarray(given, dtype=bool)
    if len(funclist) == len(conditions) + 1:
        conditions = np.concatenate([conditions, ~np.any(conditions, axis=0, keepdims=True)])
    if len(funclist) != len(conditions):
        raise ShapeError(
            describe(
                "piecewise needs one function per condition, or one more",
                where=here(),
                conditions=len(conditions),
                functions=len(funclist),
                code="lengths-differ",
            )
        )
    result: Tensor = as_tensor(np.zeros(x.shape, x.dtype))
    for condition, function in zip(conditions, funclist, strict=True):
        if not callable(function):
            result = index.setitem(result, as_tensor(function), index=condition)
        elif condition.any():
            result = index.setitem(result, as_tensor(function(x[condition], *args, **kw)), index=condition)
    return result


# --- line by line --------------------------------------------------------------------------------------------


@implements(np.apply_along_axis)
def apply_along_axis(func1d: Callable[..., Any], axis: int, arr: Any, *args: Any, **kwargs: Any) -> Tensor:
    """func1d of every line of arr along `axis`; what it gives takes the place of that axis.

    >>> import tinygrad_edu as tg
    >>> tg.apply_along_axis(lambda v: (v * v).sum(), 0, [[1.0, 2.0], [3.0, 4.0]])
    Tensor([10., 20.])
    """
    x = as_tensor(arr)
    axis = one_axis(axis, x.ndim)
    lines = moveaxis(x, axis, -1)
    around = lines.shape[:-1]
    if 0 in around:
        raise ShapeError(
            describe("apply_along_axis: there is no line to apply the function to", where=here(), code="empty-input")
        )
    results = [as_tensor(func1d(lines[place], *args, **kwargs)) for place in np.ndindex(*around)]
    inner = results[0].shape
    table = reshape(stack(results), (*around, *inner))
    new = range(len(around), len(around) + len(inner))
    return moveaxis(table, tuple(new), tuple(range(axis, axis + len(inner)))).copy()


@implements(np.apply_over_axes)
def apply_over_axes(func: Callable[[Any, int], Any], a: Any, axes: Any) -> Tensor:
    """func(a, axis) for one axis after the other; an axis that it takes away comes back as a side of 1.

    >>> import tinygrad_edu as tg
    >>> tg.apply_over_axes(tg.sum, [[1.0, 2.0], [3.0, 4.0]], (0, 1))
    Tensor([[10.]])
    """
    x = as_tensor(a)
    for axis in axes if np.ndim(axes) else (axes,):
        place = one_axis(axis, x.ndim)
        result = as_tensor(func(x, place))
        if result.ndim == x.ndim - 1:
            result = rows.expand_dims(result, place)
        if result.ndim != x.ndim:
            raise ShapeError(
                describe(
                    f"apply_over_axes: the function gave shape {result.shape}",
                    where=here(),
                    code="wrong-shape-returned",
                )
            )
        x = result
    return x


# --- indices -------------------------------------------------------------------------------------------------


@implements(np.ix_)
def ix_(*args: Any) -> tuple[Tensor, ...]:
    """An index that picks the rows, columns, … of a block: x[ix_([0, 2], [1])]. No derivative.

    >>> import tinygrad_edu as tg
    >>> tg.arange(6).reshape(2, 3)[tg.ix_([0, 1], [0, 2])]
    Tensor([[0, 2],
            [3, 5]])
    """
    return tuple(constant("ix_", part, *args) for part in asked(np.ix_, *plain(args)))


@implements(np.unravel_index)
def unravel_index(indices: Any, shape: Any, order: str = "C") -> tuple[Tensor, ...]:
    """Places in one row as places along each axis of an array of this shape; no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.unravel_index([0, 5], (2, 3))
    (Tensor([0, 1]), Tensor([0, 2]))
    """
    found = asked(np.unravel_index, plain(indices), plain(shape), order=order)
    return tuple(constant("unravel_index", part, indices) for part in found)


@implements(np.ravel_multi_index)
def ravel_multi_index(multi_index: Any, dims: Any, mode: Any = "raise", order: str = "C") -> Tensor:
    """Places along each axis of an array with sides `dims` as places in one row; no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.ravel_multi_index(([0, 1], [0, 2]), (2, 3))
    Tensor([0, 5])
    """
    found = asked(np.ravel_multi_index, plain(multi_index), plain(dims), mode=mode, order=order)
    return constant("ravel_multi_index", found)


def _of_shape(function: Callable[..., Any]) -> None:
    """`np.tril_indices_from(tensor)` and its kin look at the shape only."""

    def of_shape(arr: Any, *args: Any, **kwargs: Any) -> Any:
        return asked(function, np.broadcast_to(0, as_tensor(arr).shape), *args, **kwargs)

    implements(function)(of_shape)


for _function in (np.tril_indices_from, np.triu_indices_from, np.diag_indices_from):
    _of_shape(_function)
