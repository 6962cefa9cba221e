"""Histograms over several axes: `tg.<name>` and `np.<name>(tensor)` are the same. Gradients flow to the weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.compositions.order import constant, forbid_gradient, plain
from tinygrad_edu.interop import implements
from tinygrad_edu.ops import index
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["histogram2d", "histogramdd"]


def _is_tracked(weights: Any) -> bool:
    return isinstance(weights, Tensor) and weights.requires_grad


@implements(np.histogramdd)
def histogramdd(sample: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """How many of the points fall into each cell of a grid, and the edges of the grid along each axis: constants.

    sample    points, (n, d), or d lists of n numbers
    weights   what each point counts, 1 by default; gradients flow to them
    density   True divides by the sum and by the volumes of the cells

    >>> import tinygrad_edu as tg
    >>> counts, edges = tg.histogramdd(tg.Tensor([[0.0, 0.0], [1.0, 1.0], [1.0, 0.9]]), bins=2)
    >>> counts
    Tensor([[1., 0.],
            [0., 2.]])
    """
    points = sample if isinstance(sample, list | tuple) and len(np.shape(plain(sample))) == 2 else as_tensor(sample)
    forbid_gradient("histogramdd", bins=bins)
    numbers = plain(points)
    options = {"bins": plain(bins), "range": plain(range)}
    tracked = _is_tracked(weights)
    found, edges = asked(np.histogramdd, numbers, **options, density=density and not tracked, weights=plain(weights))
    sources = points if isinstance(points, list | tuple) else (points,)
    grid = tuple(constant("histogramdd", edge, *sources) for edge in edges)
    if not tracked:
        return constant("histogramdd", found, *sources), grid
    columns = np.asarray(numbers) if isinstance(numbers, list | tuple) else np.atleast_2d(numbers.T)
    places = [_bin(column, edge) for column, edge in zip(columns, edges)]
    inside = np.flatnonzero(np.logical_and.reduce([place >= 0 for place in places]))
    cell = np.ravel_multi_index(tuple(place[inside] for place in places), found.shape)
    taken = as_tensor(weights).reshape(-1)[inside]
    sums: Tensor = index.scatter_add(taken, index=cell, shape=(math.prod(found.shape),)).reshape(found.shape)
    if density:
        volumes = math.prod(np.meshgrid(*(np.diff(edge) for edge in edges), indexing="ij"))
        sums = sums / volumes.astype(sums.dtype) / sums.sum()  # type: ignore[attr-defined]
    return sums, grid


def _bin(numbers: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """In which bin each number lies, -1 for none; the last one includes its upper edge."""
    place = np.minimum(np.searchsorted(edges, numbers, side="right") - 1, len(edges) - 2)
    return np.where((numbers >= edges[0]) & (numbers <= edges[-1]), place, -1)


@implements(np.histogram2d)
def histogram2d(
    x: Any, y: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None
) -> tuple[Tensor, Tensor, Tensor]:
    """How many of the points (xᵢ, yᵢ) fall into each cell, (cells along x, along y), and both edges; see histogramdd.

    bins    how many, or the edges, for both axes; or a pair of such

    >>> import tinygrad_edu as tg
    >>> tg.histogram2d([0.0, 1.0, 1.0], [0.0, 1.0, 0.9], bins=2)[0]
    Tensor([[1., 0.],
            [0., 2.]])
    """
    forbid_gradient("histogram2d", bins=bins)
    given = plain(bins)
    # A pair may be ragged, edges for one axis and a number for the other: only what is no list has axes to count.
    count = len(given) if isinstance(given, list | tuple) or np.ndim(given) else 1
    if count not in (1, 2):
        given = [np.asarray(given)] * 2
    sums, (across, up) = histogramdd([as_tensor(x), as_tensor(y)], given, range, density, weights)
    return sums, across, up
