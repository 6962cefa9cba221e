"""Choosing element by element: `picked` is np.where to the bit, in every layout."""

import numpy as np
import pytest

from tinygrad_edu.ops.numerics import picked

ODD = [0.0, -0.0, np.inf, -np.inf, np.nan, 1.5, -2.0]
LAYOUTS = {
    "C": lambda a: a,
    "F": np.asfortranarray,
    "reversed": lambda a: a[::-1, ::-1],
    "strided": lambda a: np.repeat(a, 2, axis=1)[:, ::2],
    "transposed": lambda a: a.T,
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "swapped bytes": lambda a: a.astype(a.dtype.newbyteorder()) if a.dtype != bool else a,
}


def bits(a):
    return np.ascontiguousarray(a).view(np.uint8)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("side", [3, 128])
def test_picked_is_where_to_the_bit(side, dtype, layout):
    rng = np.random.default_rng(0)
    x, y = (LAYOUTS[layout](rng.choice(ODD, (side, side)).astype(dtype)) for _ in range(2))
    condition = LAYOUTS[layout](rng.random((side, side)) < 0.5)
    for a, b in [(x, y), (x, 0), (0, y), (x, 1.0), (x, y[:1]), (x[:, :1], y), (x, y.astype(np.float32))]:
        expected = np.where(condition, a, b)
        found = picked(condition, a, b)
        assert found.shape == expected.shape
        assert np.dtype(found.dtype.str.replace(">", "<")) == np.dtype(expected.dtype.str.replace(">", "<"))
        assert np.array_equal(bits(found.astype(expected.dtype)), bits(expected))


def test_picked_writes_into_none_of_its_arguments():
    x, y = np.ones((100, 100)), np.zeros((100, 100))
    condition = np.eye(100, dtype=bool)
    for array in (x, y, condition):
        array.flags.writeable = False
    assert picked(condition, x, y).sum() == picked(condition, x, 0).sum() == 100
