"""What indexing does with the hidden axis of samples: one index for all of them, or one of each sample's own.

An array in an index puts its axes where it stands, or in front of all others where several arrays stand apart. Where
they come to lie is asked of NumPy, by an index with easily known sides in an array of one byte.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.batching.tensor import Arrays, Batched, Params, aligned, everywhere, full_of, parts, rule, samples_in
from tinygrad_edu.op import Op
from tinygrad_edu.ops.shape import broadcast_to
from tinygrad_edu.tensor import Tensor

Index = tuple[Any, ...]


class _Plan(NamedTuple):
    """An index into all samples at once, and how to order the axes of what it picks: samples first, then one's own."""

    picks: Index
    order: tuple[int, ...]

    def ordered(self, picked: Tensor) -> Tensor:
        """What the index picked, with the samples first."""
        return picked if self.order == tuple(range(len(self.order))) else picked.transpose(self.order)

    def as_picked(self, values: Tensor) -> Tensor:
        """Values with the samples first, in the order of what the index picks."""
        back = tuple(int(i) for i in np.argsort(self.order))
        return values if back == tuple(range(len(back))) else values.transpose(back)


def _is_array(part: Any) -> bool:
    return isinstance(part, np.ndarray | Batched)


def _hopeless(index: Index) -> bool:
    """Whether samples could pick different numbers of elements, or a single boolean makes an axis."""
    return any(
        isinstance(part, bool | np.bool_)
        or (isinstance(part, Batched) and part.dtype.kind == "b")
        or (isinstance(part, np.ndarray) and part.dtype.kind == "b" and not part.ndim)
        for part in index
    )


def _spread(index: Index) -> Index:
    """The index with arrays of whole numbers in place of masks."""
    spread: list[Any] = []
    for part in index:
        is_mask = isinstance(part, np.ndarray) and part.dtype.kind == "b"
        spread.extend(np.nonzero(part) if is_mask else (part,))
    return tuple(spread)


def _sample_shape(index: Index, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of what a sample's index picks from an array of this shape."""
    shell = tuple(np.zeros(part.shape, np.intp) if isinstance(part, Batched) else part for part in index)
    return np.broadcast_to(np.int8(0), shape)[shell].shape


def _plan(index: Index, shape: tuple[int, ...], count: int, own: bool) -> _Plan:
    """The plan for a sample's index into arrays of this shape: the sample's `own`, or one that all share."""
    index = _spread(index)
    arrays = [part for part in index if _is_array(part)]
    if not arrays:
        return _Plan((slice(None), *index), tuple(range(1 + len(_sample_shape(index, shape)))))
    block = len(np.broadcast_shapes(*(part.shape for part in arrays)))
    each = any(isinstance(part, Batched) for part in arrays)
    full = tuple(
        part._data.reshape(count, *(1,) * (block - part.ndim), *part.shape) if isinstance(part, Batched) else part
        for part in index
    )
    if own:
        full = (np.arange(count).reshape(count, *(1,) * block) if each else slice(None), *full)
    return _Plan(full, _order(index, full, shape, block, each, own))


def _order(index: Index, full: Index, shape: tuple[int, ...], block: int, each: bool, own: bool) -> tuple[int, ...]:
    """Which axes of what `full` picks are the samples, and those of one sample, in its order.

    block   how many axes the arrays make in a sample; each: they have the samples as one more axis, the first
    """
    mark = max(shape, default=0) + 2  # a side that nothing else has
    samples = mark + 1

    def probe(parts: Index, sides: tuple[int, ...]) -> tuple[int, ...]:
        shell = tuple(np.zeros(mark, np.intp) if _is_array(part) else part for part in parts)
        return np.broadcast_to(np.int8(0), sides)[shell].shape

    before = probe(index, shape).index(mark)
    found = probe(full, (samples, *shape) if own else shape)
    names: list[Any] = []
    for axis, side in enumerate(found):
        if side == mark:
            names += (["samples"] if each else []) + [("block", i) for i in range(block)]
        else:
            names.append("samples" if side == samples else ("other", axis))
    others = [name for name in names if name != "samples" and name[0] == "other"]
    wanted = ["samples", *others[:before], *(("block", i) for i in range(block)), *others[before:]]
    return tuple(names.index(name) for name in wanted)


@rule("getitem")
def _getitem(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    (x,) = arrays
    index = parts(params["index"])
    if _hopeless(index):
        return None
    own = isinstance(x, Batched)
    plan = _plan(index, x.shape, samples_in(x, *index), own)
    return plan.ordered(op(full_of(x) if own else x, index=plan.picks))


@rule("scatter_add")
def _scatter_add(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    (x,) = arrays
    index, shape = parts(params["index"]), params["shape"]
    if _hopeless(index):
        return None
    count = samples_in(x, *index)
    plan = _plan(index, shape, count, own=True)
    return op(plan.as_picked(everywhere(x, count)), index=plan.picks, shape=(count, *shape))


@rule("setitem")
def _setitem(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    x, value = arrays
    index = parts(params["index"])
    if _hopeless(index):
        return None
    count = samples_in(x, value, *index)
    plan = _plan(index, x.shape, count, own=True)
    picked = _sample_shape(index, x.shape)
    if np.ndim(value) > len(picked) and isinstance(value, Tensor):
        value = value.reshape(value.shape[value.ndim - len(picked) :])  # leading sides of 1, which NumPy drops
    values = broadcast_to(aligned(value, len(picked)), shape=(count, *picked))
    return op(everywhere(x, count), plan.as_picked(values), index=plan.picks)
