"""Linear algebra: products of matrices. Shapes are NumPy's; leading axes are batches and broadcast. Arrays only."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import PRODUCT, REAL, Op, Sample
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.shape import sum_to

Array = Any


def _as_matrices(g: Array, x: Array, y: Array) -> tuple[Array, Array, Array]:
    """g, x and y of a matmul with the axes put back that NumPy drops for vectors."""
    if x.ndim == 1:
        x, g = x[None, :], g[..., None, :] if y.ndim > 1 else np.reshape(g, (1,))
    if y.ndim == 1:
        y, g = y[:, None], g[..., None]
    return g, x, y


def _transposed(x: Array) -> Array:
    return np.swapaxes(x, -1, -2)


def _matmul_rule_x(g: Array, out: Array, x: Array, y: Array) -> Array:
    if x.ndim == 2 == y.ndim:
        return g @ y.T
    g, x2, y2 = _as_matrices(g, x, y)
    return np.reshape(sum_to(g @ _transposed(y2), x2.shape), x.shape)


def _matmul_rule_y(g: Array, out: Array, x: Array, y: Array) -> Array:
    if x.ndim == 2 == y.ndim:
        return x.T @ g
    g, x2, y2 = _as_matrices(g, x, y)
    return np.reshape(sum_to(_transposed(x2) @ g, y2.shape), y.shape)


def _matmul_sample(rng: np.random.Generator) -> Sample:
    n, k, m = (int(side) for side in rng.integers(0 if rng.random() < 0.1 else 1, 4, size=3))
    left, right = sampling.broadcastable(rng, 2)
    x = (k,) if rng.random() < 0.2 else (*left, n, k)
    y = (k,) if rng.random() < 0.2 else (*right, k, m)
    return (rng.normal(size=x), rng.normal(size=y)), {}


matmul = Op(
    "matmul", np.matmul,
    vjps=(_matmul_rule_x, _matmul_rule_y),
    kind=PRODUCT, formula="x @ y", domain=(REAL, REAL), linear=True, sampler=_matmul_sample,
    doc="Matrix product, (…, n, k) @ (…, k, m) -> (…, n, m); batches broadcast.\n\n"
        "A vector on the left is a row, on the right a column, and its axis is dropped from the result.",
)  # fmt: skip
