"""Lines of numbers made longer or shorter: each new number a weighted sum of old ones."""

from __future__ import annotations

import numpy as np

from tinygrad_edu.compositions.shape import swapaxes
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.linalg import matmul
from tinygrad_edu.tensor import Tensor


def resampled(x: Tensor, axis: int, weights: np.ndarray) -> Tensor:
    """Each line along `axis` times the weights, (old side, new side).

    A product of matrices takes a thirtieth of the time of picking elements and adding them up (1.8 against 57 ms for
    32×16×14×14 to 28×28 with backward), but would make nan of 0 · inf and 0 · nan: a line with such an element is
    picked.
    """
    line = swapaxes(x, axis, -1)
    if np.isfinite(x._data).all():
        return swapaxes(matmul(line, weights), axis, -1)
    reached = max(int((weights != 0).sum(axis=0).max(initial=0)), 1)
    places = np.argsort(weights == 0, axis=0, kind="stable")[:reached]
    factors = np.take_along_axis(weights, places, axis=0)
    picked = where(factors != 0, line[..., places], 0) * factors
    return swapaxes(picked.sum(axis=-2), axis, -1)
