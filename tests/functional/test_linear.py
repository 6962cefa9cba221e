"""Weighted sums of features are their formulas, and refuse what doesn't fit."""

import numpy as np
import pytest

from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import ShapeError

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("leading", [(), (4,), (2, 3), (0,)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_and_bilinear_are_their_sums(leading, bias):
    x1, x2, weight, square = (RNG.normal(size=s) for s in ((*leading, 3), (*leading, 2), (5, 3), (5, 3, 2)))
    b = RNG.normal(size=5) if bias else None
    more = b if bias else 0
    np.testing.assert_allclose(F.linear(x1, weight, b).numpy(), x1 @ weight.T + more)
    expected = sum(x1[..., i, None] * square[:, i, j] * x2[..., j, None] for i in range(3) for j in range(2)) + more
    np.testing.assert_allclose(F.bilinear(x1, x2, square, b).numpy(), expected)
    if x1.size:
        assert_derivatives(F.bilinear, x1, x2, square, plain=lambda *a: F.bilinear(*a).numpy())


def test_one_output_without_an_axis():
    x, weight = RNG.normal(size=(4, 3)), RNG.normal(size=3)
    np.testing.assert_allclose(F.linear(x, weight, 2.0).numpy(), x @ weight + 2)


@pytest.mark.parametrize(
    ("call", "first_line"),
    [
        (lambda: F.linear(np.ones((4, 3)), np.ones((3, 5))), "linear: input, weight don't fit each other"),
        (lambda: F.linear(np.ones((4, 3)), np.ones((1, 5, 3))), "linear: input, weight don't fit each other"),
        (lambda: F.linear(2.0, np.ones((1, 3))), "linear: input, weight don't fit each other"),
        (lambda: F.linear(np.ones(3), np.ones((5, 3)), np.ones(1)), "linear: the bias must have one number per output"),
        (lambda: F.bilinear(np.ones(3), np.ones(2), np.ones((5, 2, 3))), "bilinear: x1, x2, weight don't fit each"),
        (lambda: F.bilinear(np.ones((4, 3)), np.ones(2), np.ones((5, 3, 2))), "bilinear: x1, x2, weight don't fit"),
    ],
)
def test_what_does_not_fit_is_refused(call, first_line):
    with pytest.raises(ShapeError) as caught:
        call()
    assert str(caught.value).startswith(first_line)
    assert "test_linear.py:" in str(caught.value)
