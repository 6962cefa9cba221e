"""Random legal arguments for the rows' samplers: shapes with 0-d and zero-size among them, axes, arrays.

Knows rows and NumPy's generator only. Tests and the command line draw their cases with `sample`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, Op, Sample


def sample(op: Op, rng: np.random.Generator) -> Sample:
    """Random legal arguments and parameters for `op`: its own sampler's, or values of its domain that broadcast.

    Raises ValueError for a row that has no sampler and isn't elementwise.
    """
    if op.sampler is not None:
        return op.sampler(rng)
    if op.kind is not ELEMENTWISE:
        raise ValueError(f"the row of {op.name} needs a sampler: only those of elementwise rows can be derived")
    shapes = broadcastable(rng, len(op.domain))
    return tuple(domain.draw(rng, size) for domain, size in zip(op.domain, shapes)), {}


def shape(rng: np.random.Generator, low: int = 0, high: int = 3, least: int = 0) -> tuple[int, ...]:
    """A shape of `low` to `high` axes with sides of `least` to 4; a zero side is rare."""
    ndim = int(rng.integers(low, high + 1))
    sides = rng.choice([0, 1, 2, 3, 4], size=ndim, p=[0.05, 0.2, 0.3, 0.3, 0.15])
    return tuple(int(max(side, least)) for side in sides)


def broadcastable(rng: np.random.Generator, count: int) -> list[tuple[int, ...]]:
    """`count` shapes that broadcast with each other, in different ways."""
    full = shape(rng)
    shapes = []
    for _ in range(count):
        cut = full[int(rng.integers(0, len(full) + 1)) if rng.random() < 0.4 else 0 :]
        shapes.append(tuple(1 if rng.random() < 0.25 else side for side in cut))
    return shapes


def axis(rng: np.random.Generator, ndim: int, many: bool = True) -> Any:
    """None, one axis, or a tuple of axes of an array with `ndim` axes; negative ones among them."""
    if ndim == 0 or rng.random() < 0.3:
        return None
    if many and rng.random() < 0.4:
        count = int(rng.integers(0, ndim + 1))
        chosen = rng.permutation(ndim)[:count]
        return tuple(int(a) - ndim * int(rng.random() < 0.5) for a in chosen)
    return one_axis(rng, ndim)


def one_axis(rng: np.random.Generator, ndim: int) -> int:
    """One axis of an array with `ndim` axes, negative half of the time."""
    return int(rng.integers(-ndim, ndim))


def distinct(rng: np.random.Generator, size: tuple[int, ...]) -> np.ndarray:
    """Values at least 0.1 apart from each other, in random order: no ties for max, sort or median."""
    count = int(np.prod(size))
    return (rng.permutation(count) * 0.25 - 1.0 + rng.uniform(0, 0.1, count)).reshape(size)


def apart(rng: np.random.Generator, shapes: Sequence[tuple[int, ...]]) -> tuple[np.ndarray, ...]:
    """Arrays of the given shapes, no two elements of which are equal, across the arrays too."""
    values = distinct(rng, (sum(map(math.prod, shapes)),))
    ends = np.cumsum([math.prod(size) for size in shapes])
    return tuple(part.reshape(size) for part, size in zip(np.split(values, ends[:-1]), shapes))


def normal(rng: np.random.Generator, *size: int) -> np.ndarray:
    """Standard normal float64 values of the given shape."""
    return np.asarray(rng.normal(size=size))
