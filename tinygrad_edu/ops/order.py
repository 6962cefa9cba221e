"""Order: sorting, and picking elements by their rank. Arrays only.

A sorted array is the old one with its elements moved, and gradients move back with them; of equal elements the
one that stood first counts as the smaller.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import GENERAL, Domain, Op, Sample, Sampler
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.reduction import shared

Array = Any
Axis = int | None

_NO_TIES = Domain("any real number, kinks at ties", -2.0, 2.0)


def _sampler(**params: Any) -> Sampler:
    def sample(rng: np.random.Generator) -> Sample:
        size = sampling.shape(rng, low=1, least=2)
        return (sampling.distinct(rng, size),), {"axis": sampling.axis(rng, len(size), many=False), **params}

    return sample


def _ranks(x: Array, out: Array, axis: Axis) -> tuple[Array, int]:
    """Where each element of x, flattened as out is, stands in ascending order; and the axis that was meant."""
    place = -1 if axis is None or not x.ndim else axis
    order = np.argsort(np.reshape(x, out.shape), axis=place, kind="stable")
    return np.argsort(order, axis=place), place


def _sort_rule(g: Array, out: Array, x: Array, axis: Axis = -1, kind: Any = None) -> Array:
    rank, place = _ranks(x, out, axis)
    return np.reshape(np.take_along_axis(g, rank, axis=place), x.shape)


def _partition_rule(g: Array, out: Array, x: Array, kth: Any, axis: Axis = -1, kind: Any = "introselect") -> Array:
    """What stands at some rank in out stood at the same rank in x."""
    rank, place = _ranks(x, out, axis)
    source = np.take_along_axis(np.argsort(out, axis=place, kind="stable"), rank, axis=place)
    return np.reshape(np.take_along_axis(g, source, axis=place), x.shape)


def _sort(x: Array, axis: Axis = -1, kind: Any = None) -> Array:
    return np.sort(x, axis=axis, kind=kind)


sort = Op(
    "sort", _sort, numpy=np.sort,
    vjps=(_sort_rule,),
    kind=GENERAL, formula="sort(x)", domain=(_NO_TIES,), sampler=_sampler(),
    doc="The elements in ascending order along `axis` (None: flattened), nan last; each keeps its gradient.",
)  # fmt: skip


def _partition(x: Array, kth: Any, axis: Axis = -1, kind: Any = "introselect") -> Array:
    return np.partition(x, kth, axis=axis, kind=kind)


partition = Op(
    "partition", _partition, numpy=np.partition,
    vjps=(_partition_rule,),
    kind=GENERAL, formula="partition(x, kth)", domain=(_NO_TIES,), sampler=_sampler(kth=1),
    doc="The elements along `axis` (None: flattened) with the kth in its sorted place, smaller ones before it and "
        "larger ones behind.\n\nEach element keeps its gradient. kth: a number or several.",
)  # fmt: skip


def _order_statistic(x: Array, rank: Array) -> Array:
    if isinstance(rank, int):
        return np.partition(x, rank, axis=-1)[..., rank]
    ranks = np.broadcast_to(rank, x.shape[:-1])[..., None]
    return np.take_along_axis(np.sort(x, axis=-1), ranks, axis=-1)[..., 0]


def _order_statistic_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng, low=1, least=2)
    rank = 1 if rng.random() < 0.5 else rng.integers(0, size[-1], size[:-1])
    return (sampling.distinct(rng, size), rank), {}


order_statistic = Op(
    "order_statistic", _order_statistic,
    vjps=(lambda g, out, x, rank: shared(g, x == out[..., None], -1),
          None),
    kind=GENERAL, formula="x₍rank₎", domain=(_NO_TIES, _NO_TIES), sampler=_order_statistic_sample,
    doc="The element of the given rank (0 is the smallest) along the last axis, (…, n), (…) -> (…).\n\n"
        "Equal elements share the gradient, as for max and min. nan ranks last. rank: one number, or one for each row.",
)  # fmt: skip

# --- no derivative: places and counts ------------------------------------------------------------------------


def _argsort(x: Array, axis: Axis = -1, kind: Any = None) -> Array:
    return np.argsort(x, axis=axis, kind=kind)


argsort = Op(
    "argsort", _argsort, vjps=(None,), numpy=np.argsort,
    kind=GENERAL, formula="the places in ascending order of x", domain=(_NO_TIES,), sampler=_sampler(),
    doc="The indices that sort x along `axis` (None: flattened); no derivative.",
)  # fmt: skip


def _argpartition(x: Array, kth: Any, axis: Axis = -1, kind: Any = "introselect") -> Array:
    return np.argpartition(x, kth, axis=axis, kind=kind)


argpartition = Op(
    "argpartition", _argpartition, vjps=(None,), numpy=np.argpartition,
    kind=GENERAL, formula="the places of partition(x, kth)", domain=(_NO_TIES,), sampler=_sampler(kth=1),
    doc="The indices that partition x along `axis` (None: flattened); no derivative.",
)  # fmt: skip


def _searchsorted(a: Array, v: Array, side: Any = "left", sorter: Any = None) -> Array:
    return np.searchsorted(a, v, side=side, sorter=sorter)


def _searchsorted_sample(rng: np.random.Generator) -> Sample:
    edges = np.sort(sampling.distinct(rng, (5,)))
    return (edges, rng.normal(size=sampling.shape(rng))), {"side": ("left", "right")[int(rng.integers(2))]}


searchsorted = Op(
    "searchsorted", _searchsorted, vjps=(None, None), numpy=np.searchsorted,
    kind=GENERAL, formula="where v fits into sorted a", domain=(_NO_TIES, _NO_TIES), sampler=_searchsorted_sample,
    doc="The places at which the values v go into the sorted row a; no derivative.",
)  # fmt: skip


def _digitize(x: Array, bins: Array, right: bool = False) -> Array:
    return np.digitize(x, bins, right=right)


def _digitize_sample(rng: np.random.Generator) -> Sample:
    edges = np.sort(sampling.distinct(rng, (5,)))
    return (rng.normal(size=sampling.shape(rng)), edges[:: (1, -1)[int(rng.integers(2))]]), {}


digitize = Op(
    "digitize", _digitize, vjps=(None, None), numpy=np.digitize,
    kind=GENERAL, formula="the bin that holds x", domain=(_NO_TIES, _NO_TIES), sampler=_digitize_sample,
    doc="The number of the bin that each x falls into; no derivative. bins: ascending or descending edges.",
)  # fmt: skip
