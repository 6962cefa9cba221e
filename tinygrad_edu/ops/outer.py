"""Outer products: what a rule multiplies where a matrix met a vector. Arrays, and whatever has operators."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any


def row_length(a: Array, b: Array) -> int:
    """How long the rows of a large product a · b are, in which one factor does not change along a row; else 0.

    NumPy's ufuncs copy rows of less than 4,096 elements into a buffer, to work on longer pieces, and there that costs
    more than it gains. An outer product of 1,000 by 1,000 numbers takes 1.5 ms so, 0.8 ms by einsum, which has no such
    buffer, and 0.4 ms with the smallest buffer; one of 4,096 by 64 takes 0.41, 0.18 and 0.22 ms.
    """
    if a.size * b.size < 16384 or a.ndim != b.ndim or not a.ndim or a.dtype != b.dtype:
        return 0
    if min(a.shape[-1], b.shape[-1]) != 1:
        return 0
    return max(a.shape[-1], b.shape[-1]) if math.prod(map(max, a.shape, b.shape)) >= 16384 else 0


def outer_product(a: Array, b: Array) -> Array:
    """a · b, broadcast, as of (n, 1) and (1, m); large arrays with the smallest buffer, where that is faster."""
    if type(a) is not np.ndarray or type(b) is not np.ndarray or not 128 <= row_length(a, b) <= 4096:
        return a * b
    before = np.setbufsize(16)  # nothing is cast here, which else would need one; both changes take 4 µs
    try:
        return np.multiply(a, b)
    finally:
        np.setbufsize(before)
