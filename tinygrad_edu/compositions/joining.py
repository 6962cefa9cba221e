"""Several arrays into one, and one into several. `tg.<name>` and `np.<name>(tensors)` are the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.compositions.output import handed
from tinygrad_edu.compositions.shape import (
    along,
    atleast_1d,
    atleast_2d,
    atleast_3d,
    broadcast_shapes,
    one_axis,
    ravel,
    reshape,
)
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.memory import NUMBERS
from tinygrad_edu.node import here
from tinygrad_edu.op import Op
from tinygrad_edu.ops import shape as rows
from tinygrad_edu.refusal import asked_as
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

__all__ = [
    "append", "array_split", "block", "column_stack", "concat", "concatenate", "dsplit", "dstack", "hsplit", "hstack",
    "meshgrid", "split", "stack", "unstack", "vsplit", "vstack",
]  # fmt: skip

# --- joining -------------------------------------------------------------------------------------------------


def _listed(arrays: Any) -> list[Tensor]:
    """The arrays of a sequence as Tensors. Numbers among them are weak: they take the dtype of the arrays."""
    if not isinstance(arrays, Tensor | np.ndarray | Sequence):
        raise DtypeError(
            describe(
                f"arrays to join must stand in a list or a tuple, not in {type(arrays).__name__}",
                where=here(),
                fix="tg.stack(list(…))",
                code="not-a-list",
            )
        )
    found: list[Any] = [
        x.item() if isinstance(x, np.generic) else x if x.__class__ in NUMBERS else as_tensor(x) for x in arrays
    ]
    if not found:
        raise ShapeError(describe("at least one array is needed to join", where=here(), code="too-few-arrays"))
    if all(isinstance(x, Tensor) for x in found):
        return found
    dtype = np.result_type(*(x.dtype if isinstance(x, Tensor) else x for x in found))
    return [x if isinstance(x, Tensor) else tensor_on(np.asarray(x, dtype)) for x in found]


def _joined(row: Op, arrays: Any, axis: Any, dtype: Any, casting: str, out: Any = None) -> Tensor:
    """The arrays joined by a row, cast to `dtype` as far as `casting` allows it."""
    parts = _listed(arrays)
    result: Tensor = row.run(*parts, axis=axis) if axis != 0 else row.run(*parts)
    if dtype is None and casting == "same_kind":
        return handed(result, out)
    if dtype is not None and out is not None:
        raise DtypeError(
            describe(f"{row.name} takes out= or dtype=, not both", where=here(), code="conflicting-arguments")
        )
    dtype = result.dtype if dtype is None else dtype
    refused = [x for x in parts if not asked_as(row.name, np.can_cast, x.dtype, dtype, casting)]
    if refused:
        raise DtypeError(
            describe(
                f"{row.name}: {refused[0].dtype} can't become {np.dtype(dtype)} with casting={casting!r}",
                where=here(),
                fix="casting='unsafe', or x.astype(dtype) before",
                code="cast-not-allowed",
            )
        )
    return handed(result if result.dtype == np.dtype(dtype) else result.astype(dtype), out)


@implements(np.concatenate)
def concatenate(
    arrays: Any, /, axis: int | None = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind"
) -> Tensor:
    """The arrays one after the other along `axis` (None: flattened). Their other sides must be equal.

    >>> import tinygrad_edu as tg
    >>> tg.concatenate([tg.ones(2), tg.zeros(1)])
    Tensor([1., 1., 0.])
    """
    return _joined(rows.concatenate, arrays, axis, dtype, casting, out)


concat = concatenate


@implements(np.stack)
def stack(arrays: Any, axis: int = 0, out: Any = None, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    """Arrays of one shape, side by side along a new axis.

    >>> import tinygrad_edu as tg
    >>> tg.stack([tg.ones(2), tg.zeros(2)], axis=1)
    Tensor([[1., 0.],
            [1., 0.]])
    """
    return _joined(rows.stack, arrays, axis, dtype, casting, out)


@implements(np.hstack)
def hstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    """The arrays beside each other: along the second axis, vectors along their only one.

    >>> import tinygrad_edu as tg
    >>> tg.hstack([1.0, tg.zeros(2)])
    Tensor([1., 0., 0.])
    """
    arrays = [atleast_1d(x) for x in _listed(tup)]
    return _joined(rows.concatenate, arrays, 0 if arrays[0].ndim == 1 else 1, dtype, casting)


@implements(np.vstack)
def vstack(tup: Any, *, dtype: Any = None, casting: str = "same_kind") -> Tensor:
    """The arrays below each other: along the first axis, vectors as rows.

    >>> import tinygrad_edu as tg
    >>> tg.vstack([tg.ones(2), tg.zeros(2)])
    Tensor([[1., 1.],
            [0., 0.]])
    """
    return _joined(rows.concatenate, [atleast_2d(x) for x in _listed(tup)], 0, dtype, casting)


@implements(np.dstack)
def dstack(tup: Any) -> Tensor:
    """The arrays behind each other: along the third axis, (n,) as (1, n, 1) and (n, m) as (n, m, 1).

    >>> import tinygrad_edu as tg
    >>> tg.dstack([tg.ones(2), tg.zeros(2)]).shape
    (1, 2, 2)
    """
    return _joined(rows.concatenate, [atleast_3d(x) for x in _listed(tup)], 2, None, "same_kind")


@implements(np.column_stack)
def column_stack(tup: Any) -> Tensor:
    """Vectors as the columns of a matrix; matrices among them beside each other.

    >>> import tinygrad_edu as tg
    >>> tg.column_stack([tg.ones(2), tg.zeros(2)])
    Tensor([[1., 0.],
            [1., 0.]])
    """
    columns = [x if x.ndim > 1 else reshape(x, (-1, 1)) for x in _listed(tup)]
    return _joined(rows.concatenate, columns, 1, None, "same_kind")


@implements(np.append)
def append(arr: Any, values: Any, axis: int | None = None) -> Tensor:
    """`values` after `arr` along `axis`; without an axis both are flattened.

    >>> import tinygrad_edu as tg
    >>> tg.append([1.0, 2.0], [[3.0]])
    Tensor([1., 2., 3.])
    """
    x, values = as_tensor(arr), as_tensor(values)
    if axis is None:
        return concatenate((ravel(x), ravel(values)))
    return concatenate((x, values), one_axis(axis, x.ndim))


def _depth(blocks: Any) -> int:
    """How deep the lists of a `block` are nested; the same everywhere, or ShapeError."""
    if isinstance(blocks, tuple):
        raise DtypeError(
            describe("block takes lists, not tuples", where=here(), fix="[[a, b], [c, d]]", code="not-a-list")
        )
    if not isinstance(blocks, list):
        return 0
    if not blocks:
        raise ShapeError(describe("block can't join an empty list", where=here(), code="too-few-arrays"))
    depths = {_depth(part) for part in blocks}
    if len(depths) > 1:
        raise ShapeError(
            describe(
                f"block: lists nested {sorted(depths)} deep stand side by side", where=here(), code="unequal-nesting"
            )
        )
    return depths.pop() + 1


def _leaves(blocks: Any) -> list[Any]:
    return [x for part in blocks for x in _leaves(part)] if isinstance(blocks, list) else [blocks]


@implements(np.block)
def block(arrays: Any) -> Tensor:
    """One array from nested lists of blocks: the innermost lists join along the last axis.

    >>> import tinygrad_edu as tg
    >>> tg.block([[tg.eye(2), tg.zeros((2, 1))], [tg.ones((1, 3))]])
    Tensor([[1., 0., 0.],
            [0., 1., 0.],
            [1., 1., 1.]])
    """
    depth = _depth(arrays)
    leaves = _listed(_leaves(arrays))
    full = max([depth, *(x.ndim for x in leaves)])
    remaining = iter(leaves)

    def join(part: Any, level: int) -> Tensor:
        if level == 0:
            x = next(remaining)
            return x if x.ndim == full else reshape(x, (1,) * (full - x.ndim) + x.shape)
        return concatenate([join(inner, level - 1) for inner in part], axis=-level)

    return join(arrays, depth) if depth else leaves[0].copy()


# --- splitting -----------------------------------------------------------------------------------------------


def _cuts(sections: Any, side: int, equal: bool) -> list[int]:
    """Where to cut a side: at the places given, or into a number of sections."""
    if np.ndim(sections):
        return [int(place) for place in sections]
    count = int(sections)
    if count <= 0:
        raise ShapeError(
            describe(f"can't split into {count} sections", where=here(), fix="1 or more", code="number-out-of-range")
        )
    if equal and side % count:
        raise ShapeError(
            describe(
                f"a side of {side} doesn't split into {count} equal sections",
                where=here(),
                fix="tg.array_split(…)",
                code="unequal-split",
            )
        )
    small, longer = divmod(side, count)
    return [section * small + min(section, longer) for section in range(1, count)]


def _split(ary: Any, sections: Any, axis: int, equal: bool) -> list[Tensor]:
    x = as_tensor(ary)
    axis = one_axis(axis, x.ndim)
    cuts = _cuts(sections, x.shape[axis], equal)
    ends = zip([0, *cuts], [*cuts, x.shape[axis]], strict=True)
    return [x[along(axis, slice(start, stop))] for start, stop in ends]


@implements(np.array_split)
def array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """A list of parts of `ary`: a number of nearly equal ones, the longer ones first, or cut at given places.

    >>> import tinygrad_edu as tg
    >>> tg.array_split(tg.arange(5), 2)
    [Tensor([0, 1, 2]), Tensor([3, 4])]
    """
    return _split(ary, indices_or_sections, axis, equal=False)


@implements(np.split)
def split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Tensor]:
    """A list of parts of `ary`: a number of equal ones, or cut at given places.

    >>> import tinygrad_edu as tg
    >>> tg.split(tg.arange(4), [1, 3])
    [Tensor([0]), Tensor([1, 2]), Tensor([3])]
    """
    return _split(ary, indices_or_sections, axis, equal=True)


def _with_axes(name: str, ary: Any, least: int) -> Tensor:
    x = as_tensor(ary)
    if x.ndim < least:
        raise ShapeError(
            describe(
                f"{name} needs an array of {least} axes or more, not of {x.ndim}",
                where=here(),
                code="wrong-number-of-axes",
            )
        )
    return x


@implements(np.hsplit)
def hsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    """`split` along the second axis, of a vector along its only one.

    >>> import tinygrad_edu as tg
    >>> [x.shape for x in tg.hsplit(tg.ones((2, 4)), 2)]
    [(2, 2), (2, 2)]
    """
    x = _with_axes("hsplit", ary, 1)
    return split(x, indices_or_sections, 1 if x.ndim > 1 else 0)


@implements(np.vsplit)
def vsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    """`split` along the first axis of two or more.

    >>> import tinygrad_edu as tg
    >>> [x.shape for x in tg.vsplit(tg.ones((2, 4)), 2)]
    [(1, 4), (1, 4)]
    """
    return split(_with_axes("vsplit", ary, 2), indices_or_sections, 0)


@implements(np.dsplit)
def dsplit(ary: Any, indices_or_sections: Any) -> list[Tensor]:
    """`split` along the third axis.

    >>> import tinygrad_edu as tg
    >>> [x.shape for x in tg.dsplit(tg.ones((1, 2, 4)), 2)]
    [(1, 2, 2), (1, 2, 2)]
    """
    return split(_with_axes("dsplit", ary, 3), indices_or_sections, 2)


_UNSTACK: Callable[..., Any] | None = getattr(np, "unstack", None)  # since NumPy 2.1


@implements(*filter(None, [_UNSTACK]))
def unstack(x: Any, /, *, axis: int = 0) -> tuple[Tensor, ...]:
    """The parts of x along `axis`, which they no longer have: what `stack` puts together.

    >>> import tinygrad_edu as tg
    >>> tg.unstack([[1.0, 2.0], [3.0, 4.0]])
    (Tensor([1., 2.]), Tensor([3., 4.]))
    """
    x = _with_axes("unstack", x, 1)
    axis = one_axis(axis, x.ndim)
    return tuple(x[along(axis, place)] for place in range(x.shape[axis]))


# --- grids ---------------------------------------------------------------------------------------------------


@implements(np.meshgrid)
def meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Tensor, ...]:
    """The coordinates of a grid: of n vectors, n arrays of n axes.

    indexing   'xy' puts the first vector along the second axis, as pictures have it; 'ij' along the first
    sparse     leaves sides of 1 where an array would repeat itself
    copy       False gives views, which can't be written

    >>> import tinygrad_edu as tg
    >>> tg.meshgrid([1.0, 2.0], [5.0])
    (Tensor([[1., 2.]]), Tensor([[5., 5.]]))
    """
    if indexing not in ("xy", "ij"):
        raise ShapeError(
            describe(f"meshgrid: indexing must be 'xy' or 'ij', not {indexing!r}", where=here(), code="unknown-choice")
        )
    places = list(range(len(xi)))
    if indexing == "xy" and len(xi) > 1:
        places[:2] = [1, 0]
    grids = [
        reshape(x, (1,) * place + (-1,) + (1,) * (len(xi) - 1 - place)) for place, x in zip(places, xi, strict=True)
    ]
    if not sparse and grids:
        full = broadcast_shapes(*(grid.shape for grid in grids))
        grids = [rows.broadcast_to.run(grid, shape=full) for grid in grids]
    return tuple(grid.copy() if copy else grid for grid in grids)
