"""Outer products: whichever way is the fastest must give what multiplication gives."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu.ops.outer import outer_product

# One size for each way: BLAS, einsum, the smallest buffer, plain multiplication; with and without leading axes.
SHAPES = [
    ((3, 1), (1, 4)),
    ((64, 1), (1, 64)),
    ((200, 1), (1, 200)),
    ((3, 1), (1, 5000)),
    ((0, 1), (1, 4)),
    ((3, 1), (1, 0)),
    ((2, 3, 1), (1, 1, 4)),
    ((4, 20, 1), (4, 1, 60)),
    ((4, 20, 1), (1, 1, 60)),
    ((2, 64, 1), (2, 1, 300)),
    ((30, 20, 1), (30, 20, 60)),
    ((1, 64), (64, 1)),
    ((5,), (5,)),
    ((), ()),
]


@pytest.mark.parametrize("dtype", ["d", "f", "e", "i8"])
@pytest.mark.parametrize(("left", "right"), SHAPES)
def test_an_outer_product_is_the_product_to_the_bit_in_any_layout(left, right, dtype):
    rng = np.random.default_rng(0)
    a, b = ((rng.normal(size=shape) * 8).astype(dtype) for shape in (left, right))
    before = np.getbufsize()
    for x in (a, np.flip(a), np.repeat(a, 2, axis=0)[::2] if a.ndim else a):
        for y in (b, np.asfortranarray(b), np.flip(b)):
            product = outer_product(x, y)
            np.testing.assert_array_equal(product, x * y, strict=True)
            assert not np.may_share_memory(product, x)
            assert not np.may_share_memory(product, y)
    assert np.getbufsize() == before


@pytest.mark.parametrize("size", [4, 64, 200])
def test_infinities_and_nan_in_an_outer_product_stay_where_they_are(size):
    column, row = np.ones((size, 1)), np.linspace(-1, 1, size)[None]
    column[1], column[2], row[0, 3] = np.inf, np.nan, 0.0
    with np.errstate(invalid="ignore"):
        np.testing.assert_array_equal(outer_product(column, row), column * row)


@given(st.integers(0, 90), st.integers(0, 90), st.sampled_from(["d", "f"]))
def test_outer_products_of_all_sizes(n, m, dtype):
    rng = np.random.default_rng(n * 100 + m)
    a, b = rng.normal(size=(n, 1)).astype(dtype), rng.normal(size=(1, m)).astype(dtype)
    np.testing.assert_array_equal(outer_product(a, b), a * b, strict=True)
