"""Outer products: what a rule multiplies where a matrix met a vector. Arrays, and whatever has operators."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = Any

# NumPy's ufuncs copy rows of less than 4,096 elements into a buffer, to work on longer pieces, and where a factor does
# not change along a row that costs more than it gains. In µs, for float64 and outer products of n by m numbers:
#
#     n × m           ufunc   smallest buffer   dot    einsum
#     64 × 64           5.2              6.7     1.2      6.7
#     1,024 × 64         81               54      38       43
#     256 × 256          56               20      43       38
#     1,000 × 1,000    1360              450    1850      750
#     16 × 4,096         17               20      41       48
#
# and for 32 of them, 64 × 64 each: 153, 183, – and 95. float32 has the same order.
_FEW = 4096  # elements of the product, below which only BLAS is worth a detour
_MANY = 16384
_LONG = 1024  # bytes in a row from which on the smallest buffer is the fastest
_LONGEST = 4096  # elements in a row, which NumPy's own buffer holds


def outer_product(a: Array, b: Array) -> Array:
    """a · b, broadcast, as of (n, 1) and (1, m), in the way that is fastest where a factor is constant along rows."""
    if type(a) is not np.ndarray or type(b) is not np.ndarray or a.dtype is not b.dtype or a.ndim != b.ndim:
        return a * b
    if a.dtype.char not in "fd" or not a.ndim or min(a.shape[-1], b.shape[-1]) != 1:
        return a * b
    size = math.prod(map(max, a.shape, b.shape)) if a.size and b.size else 0
    row = max(a.shape[-1], b.shape[-1])
    if row < _LONGEST and size:
        if size >= _MANY and row * a.itemsize >= _LONG:
            return _unbuffered(a, b)
        if a.shape[-1] == 1 and b.size == row:  # the same row for all: one matrix of one column times one of one row
            return a.dot(b) if a.ndim == 2 else a.reshape(-1, 1).dot(b.reshape(1, -1)).reshape(*a.shape[:-1], row)
        if size >= _FEW and row >= 8:
            return np.einsum("...,...->...", a, b)
    return np.multiply(a, b)


def _unbuffered(a: Array, b: Array) -> Array:
    """a · b with the smallest buffer: nothing is cast here, which else would need one. Both changes take 4 µs."""
    before = np.setbufsize(16)
    try:
        return np.multiply(a, b)
    finally:
        np.setbufsize(before)
