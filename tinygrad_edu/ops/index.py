"""Indexing: reading and writing elements. An index is a constant; arrays in it are copied when recorded."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import REAL, SHAPE, Op, Sample
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.shape import sum_to

Array = Any
Index = Any


def picks_twice(index: Index) -> bool:
    """Whether the index may pick an element more than once: it holds an array (or list) of integers."""
    parts = index if isinstance(index, tuple) else (index,)
    return any(
        isinstance(part, np.ndarray | list) and np.asarray(part).dtype.kind in "iu" and np.ndim(part) > 0
        for part in parts
    )


def _index_sample(rng: np.random.Generator) -> tuple[np.ndarray, Index]:
    size = (3, *sampling.shape(rng, high=2, least=1))
    indices = [
        1, -1, slice(None, None, -1), slice(0, 0), Ellipsis, None, (Ellipsis, 0), (slice(1, None), None),
        np.array([0, 2, 0]), np.array([[0, -1], [1, 1]]), rng.random(size) < 0.5, rng.random(3) < 0.5,
        [2, 0], (np.array([1, 1]), Ellipsis), (None, np.array([0, 0, 1]), Ellipsis, None),
    ]  # fmt: skip
    return rng.normal(size=size), indices[int(rng.integers(len(indices)))]


def _getitem_sample(rng: np.random.Generator) -> Sample:
    x, index = _index_sample(rng)
    return (x,), {"index": index}


def _getitem(x: Array, index: Index) -> Array:
    return x[index]


getitem: Op = Op(
    "getitem", _getitem,
    vjps=(lambda g, out, x, index: scatter_add.run(g, index=index, shape=x.shape),),
    kind=SHAPE, formula="x[index]", domain=(REAL,), linear=True, view=True, sampler=_getitem_sample,
    doc="The elements picked by any index that NumPy takes. An element picked twice gets both gradients.",
)  # fmt: skip


def _scatter_add(x: Array, index: Index, shape: tuple[int, ...]) -> Array:
    out = np.zeros(shape, dtype=x.dtype)
    if picks_twice(index):
        np.add.at(out, index, x)
    else:
        out[index] = x
    return out


def _scatter_add_sample(rng: np.random.Generator) -> Sample:
    x, index = _index_sample(rng)
    return (np.asarray(rng.normal(size=x[index].shape)),), {"index": index, "shape": x.shape}


scatter_add: Op = Op(
    "scatter_add", _scatter_add,
    vjps=(lambda g, out, x, index, shape: g[index],),
    kind=SHAPE, formula="zeros(shape)[index] += x", domain=(REAL,), linear=True, sampler=_scatter_add_sample,
    doc="Zeros of the given shape with x added at `index`: the transpose of `x[index]`.",
)  # fmt: skip


def last_writes(shape: tuple[int, ...], index: Index) -> np.ndarray:
    """Which elements of `x[index] = value` are still there afterwards: of several writes the last one wins."""
    places = np.arange(int(np.prod(shape))).reshape(shape)[index]
    owner = np.zeros(shape, dtype=np.intp)
    order = np.arange(places.size).reshape(places.shape)
    owner[index] = order
    return np.asarray(owner[index] == order)


def _setitem(x: Array, value: Array, index: Index) -> Array:
    out = np.array(x)
    out[index] = value
    return out


def _setitem_rule_value(g: Array, out: Array, x: Array, value: Array, index: Index) -> Array:
    kept = g[index]
    if picks_twice(index):
        kept = np.where(last_writes(x.shape, index), kept, 0)
    # A value may have extra leading sides of 1, which NumPy drops on assignment.
    extra = max(len(value.shape) - len(kept.shape), 0)
    return np.reshape(sum_to(kept, value.shape[extra:]), value.shape)


def _setitem_sample(rng: np.random.Generator) -> Sample:
    x, index = _index_sample(rng)
    value = rng.normal(size=x[index].shape if rng.random() < 0.7 else ())
    return (x, np.asarray(value)), {"index": index}


setitem: Op = Op(
    "setitem", _setitem,
    vjps=(lambda g, out, x, value, index: setitem.run(g, 0.0, index=index),
          _setitem_rule_value),
    kind=SHAPE, formula="x[index] = value", domain=(REAL, REAL), sampler=_setitem_sample,
    doc="A copy of x with `value` written at `index`. Of several writes to one element the last wins, "
        "in the value and in the gradient.",
)  # fmt: skip
