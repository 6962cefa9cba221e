"""NumPy's functions that write into their first argument: `np.put(x, …)` does to a Tensor what `x[…] = …` does.

A value that a graph needs is not changed: the handle x gets a new, recorded value. Plain arrays are written in
place, as NumPy does, with constants only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.compositions.arrangement import resize
from tinygrad_edu.compositions.index import along_each_line, places_in
from tinygrad_edu.compositions.order import plain
from tinygrad_edu.compositions.shape import one_axis, ravel, reshape
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.memory import NUMBERS
from tinygrad_edu.node import here
from tinygrad_edu.ops import index, shape
from tinygrad_edu.refusal import asked, asked_as
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["copyto", "fill_diagonal", "place", "put", "put_along_axis", "putmask"]


def _write(x: Any, key: Any, values: Tensor) -> None:
    """`x[key] = values`, into a Tensor or into a plain array of the caller."""
    if isinstance(x, Tensor):
        x[key] = values
    elif isinstance(x, np.ndarray):
        x[key] = values.numpy()
    else:
        raise DtypeError(
            describe(
                f"only a Tensor or an array can be written, not {type(x).__name__}", where=here(), code="not-a-tensor"
            )
        )


def _write_in_a_row(x: Any, places: np.ndarray, values: Tensor) -> None:
    """`x.flat[places] = values`."""
    if isinstance(x, Tensor):
        _write(x, Ellipsis, reshape(index.setitem(ravel(x), values, index=places), x.shape))
    elif isinstance(x, np.ndarray):
        x.flat[places] = values.numpy()
    else:
        _write(x, places, values)


def _sized(x: Any) -> Any:
    return x if isinstance(x, Tensor | np.ndarray) else as_tensor(x)


@implements(np.put)
def put(a: Any, ind: Any, v: Any, mode: str = "raise") -> None:
    """Write the values v, again from the start as often as needed, at the places `ind` of a in one row.

    >>> import tinygrad_edu as tg
    >>> x = tg.zeros((2, 2)); tg.put(x, [0, 3], [1.0, 2.0]); x
    Tensor([[1., 0.],
            [0., 2.]])
    """
    places = np.ravel(asked(np.take, np.arange(_sized(a).size), places_in(ind), mode=mode))
    values = as_tensor(v)
    if places.size and values.size:
        _write_in_a_row(a, places, resize(values, places.size))


@implements(np.putmask)
def putmask(a: Any, /, mask: Any, values: Any) -> None:
    """Write where the mask holds: each element gets the value at its own place, `values` again from the start.

    >>> import tinygrad_edu as tg
    >>> x = tg.zeros(4); tg.putmask(x, [True, False, True, True], [1.0, 2.0]); x
    Tensor([1., 0., 1., 2.])
    """
    flags, values = _mask("putmask", mask, a), as_tensor(values)
    if values.size:
        where = np.flatnonzero(flags)
        _write_in_a_row(a, where, ravel(values)[where % values.size])


@implements(np.place)
def place(arr: Any, mask: Any, vals: Any) -> None:
    """Write where the mask holds: the values one after the other, again from the start as often as needed.

    >>> import tinygrad_edu as tg
    >>> x = tg.zeros(4); tg.place(x, [True, False, True, True], [1.0, 2.0]); x
    Tensor([1., 0., 2., 1.])
    """
    where, values = np.flatnonzero(_mask("place", mask, arr)), as_tensor(vals)
    if where.size and not values.size:
        raise ShapeError(describe("place: there are no values to write", where=here(), code="empty-input"))
    if where.size:
        _write_in_a_row(arr, where, resize(values, where.size))


def _mask(name: str, mask: Any, x: Any) -> np.ndarray:
    flags, size = np.asarray(plain(mask)), _sized(x).size
    if flags.size != size:
        raise ShapeError(
            describe(f"{name}: the mask has {flags.size} elements, the array {size}", where=here(), code="mask-shape")
        )
    return flags


@implements(np.copyto)
def copyto(dst: Any, src: Any, casting: str = "same_kind", where: Any = True) -> None:
    """Write src, broadcast to the shape of dst, where the mask `where` holds.

    >>> import tinygrad_edu as tg
    >>> x = tg.zeros(2); tg.copyto(x, 3.0, where=[True, False]); x
    Tensor([3., 0.])
    """
    target, values = _sized(dst), as_tensor(src)
    given = values.dtype
    if type(src) in NUMBERS and casting != "unsafe":  # Python's numbers fit wherever their kind does
        given = asked(np.result_type, target.dtype, src)
    if not asked_as("copyto", np.can_cast, given, target.dtype, casting):
        raise DtypeError(
            describe(
                f"copyto: {given} can't go into {target.dtype} with casting={casting!r}",
                where=here(),
                code="cast-not-allowed",
            )
        )
    if type(src) in NUMBERS:  # NumPy refuses those that are too large
        values = as_tensor(np.full((), src, target.dtype))
    if where is True:
        asked(np.broadcast_to, np.broadcast_to(0, values.shape), target.shape)
        _write(dst, Ellipsis, values)
        return
    mask = asked(np.broadcast_to, plain(as_tensor(where)), target.shape)
    _write(dst, mask, shape.broadcast_to(values, target.shape)[mask])


@implements(np.fill_diagonal)
def fill_diagonal(a: Any, val: Any, wrap: bool = False) -> None:
    """Write val, again from the start as often as needed, on the main diagonal of a.

    wrap   True goes on with a new diagonal below the first in a tall matrix

    >>> import tinygrad_edu as tg
    >>> x = tg.zeros((2, 2)); tg.fill_diagonal(x, 5.0); x
    Tensor([[5., 0.],
            [0., 5.]])
    """
    sides = _sized(a).shape
    marked = np.zeros(sides, bool)
    asked(np.fill_diagonal, marked, True, wrap)
    where, values = np.flatnonzero(marked), as_tensor(val)
    if where.size:
        _write_in_a_row(a, where, resize(values, where.size))


@implements(np.put_along_axis)
def put_along_axis(arr: Any, indices: Any, values: Any, axis: int | None) -> None:
    """Write, in each line along `axis`, at that line's own indices: what `take_along_axis` reads.

    >>> import tinygrad_edu as tg
    >>> x = tg.zeros((2, 2)); tg.put_along_axis(x, [[0], [1]], 5.0, axis=1); x
    Tensor([[5., 0.],
            [0., 5.]])
    """
    x, places = _sized(arr), np.asarray(plain(indices))
    if axis is None:
        (flat,) = along_each_line(places, (x.size,), 0)
        flat = asked(np.take, np.arange(x.size), flat)
        full = shape.broadcast_to(as_tensor(values), flat.shape)
        _write_in_a_row(arr, flat, full)
    else:
        _write(arr, along_each_line(places, x.shape, one_axis(axis, x.ndim)), as_tensor(values))
