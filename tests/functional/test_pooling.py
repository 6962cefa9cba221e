"""Pools take the windows their settings say, and refuse what doesn't fit. The rows have tests of their own."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, ShapeError

RNG = np.random.default_rng(0)
MAX = {1: F.max_pool1d, 2: F.max_pool2d, 3: F.max_pool3d}
MEAN = {1: F.avg_pool1d, 2: F.avg_pool2d, 3: F.avg_pool3d}


def windows(side, k, stride, padding, dilation=1, ceil_mode=False):
    """The windows along one side as lists of places, some of them outside: every start that the settings allow."""
    reach = dilation * (k - 1) + 1
    found, start = [], -padding
    while start + reach <= side + padding or (ceil_mode and start < side and start - stride + reach < side + padding):
        found.append([start + dilation * i for i in range(k)])
        start += stride
    return found


@given(
    side=st.integers(1, 9), k=st.integers(1, 4), stride=st.integers(1, 4), dilation=st.integers(1, 2),
    padding=st.integers(0, 2), ceil_mode=st.booleans(),
)  # fmt: skip
def test_max_pool_takes_every_window_and_nothing_outside(side, k, stride, dilation, padding, ceil_mode):
    assume(padding <= k // 2)
    x = np.random.default_rng(0).normal(size=(2, 3, side))
    found = windows(side, k, stride, padding, dilation, ceil_mode)
    if not found:
        with pytest.raises(ShapeError, match="larger than the input"):
            F.max_pool1d(x, k, stride, padding, dilation, ceil_mode)
        return
    inside = [[u for u in window if 0 <= u < side] for window in found]
    expected = [x[..., window].max(axis=-1, initial=-np.inf) for window in inside]
    np.testing.assert_array_equal(
        F.max_pool1d(x, k, stride, padding, dilation, ceil_mode).numpy(), np.stack(expected, axis=-1)
    )


@given(
    side=st.integers(1, 9), k=st.integers(1, 4), stride=st.integers(1, 4), padding=st.integers(0, 2),
    ceil_mode=st.booleans(), count_include_pad=st.booleans(),
)  # fmt: skip
def test_avg_pool_divides_by_what_counts(side, k, stride, padding, ceil_mode, count_include_pad):
    assume(padding <= k // 2)
    x = np.random.default_rng(0).normal(size=(2, 3, side))
    found = windows(side, k, stride, padding, 1, ceil_mode)
    assume(found)
    expected = []
    for window in found:
        inside = [u for u in window if 0 <= u < side]
        counted = [u for u in window if u < side + padding] if count_include_pad else inside
        expected.append(x[..., inside].sum(axis=-1) / len(counted))
    result = F.avg_pool1d(x, k, stride, padding, ceil_mode, count_include_pad)
    np.testing.assert_allclose(result.numpy(), np.stack(expected, axis=-1), rtol=1e-12)


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_a_pool_along_several_axes_is_one_along_each(ndim):
    x = RNG.normal(size=(2, 2, *(6, 5, 4)[:ndim]))
    largest, mean = x, x
    for axis in range(ndim):
        largest, mean = (np.moveaxis(a, 2 + axis, -1) for a in (largest, mean))
        flat = (-1, 1, largest.shape[-1])
        shape = largest.shape[:-1]
        largest = F.max_pool1d(largest.reshape(flat), 2 + (axis == 1)).numpy().reshape(*shape, -1)
        mean = F.avg_pool1d(mean.reshape(flat), 2 + (axis == 1)).numpy().reshape(*shape, -1)
        largest, mean = (np.moveaxis(a, -1, 2 + axis) for a in (largest, mean))
    kernel = (2, 3, 2)[:ndim]
    np.testing.assert_array_equal(MAX[ndim](x, kernel).numpy(), largest)
    np.testing.assert_allclose(MEAN[ndim](x, kernel).numpy(), mean)
    np.testing.assert_array_equal(MAX[ndim](x[0], kernel).numpy(), largest[0])


def test_equal_largest_elements_share_the_gradient():
    x = tg.Tensor([[[1.0, 1.0, 0.0, 2.0], [1.0, 0.0, 2.0, 2.0]]], requires_grad=True)
    F.max_pool2d(x, 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [[[1 / 3, 1 / 3, 0, 1 / 3], [1 / 3, 0, 1 / 3, 1 / 3]]])


def test_an_infinite_gradient_goes_to_the_winner_only():
    x = tg.Tensor([[1.0, 2.0, 3.0, 4.0]], requires_grad=True)
    F.max_pool1d(x, 2).backward([[np.inf, 1.0]])
    assert x.grad.tolist() == [[0.0, np.inf, 0.0, 1.0]]


def test_nan_is_the_largest_and_padding_never_wins():
    assert np.isnan(F.max_pool1d([[1.0, np.nan, 3.0, 2.0]], 2).numpy()).tolist() == [[True, False]]
    x = tg.Tensor([[-np.inf, -np.inf, -5.0]], requires_grad=True)
    y = F.max_pool1d(x, 3, 1, 1)
    y.sum().backward()
    assert y.tolist() == [[-np.inf, -5.0, -5.0]]
    assert x.grad.tolist() == [[0.5, 0.5, 2.0]]


def test_whole_numbers_stay_whole_under_max_and_become_floats_under_mean():
    x = np.array([[-3, -7, 200]], np.int16)
    assert F.max_pool1d(x, 2, 1, 1).numpy().tolist() == [[-3, -3, 200, 200]]
    assert F.max_pool1d(x, 2).dtype == np.int16
    assert F.avg_pool1d(x, 2).numpy().tolist() == [[-5.0]]


@pytest.mark.parametrize("pool", [F.adaptive_avg_pool2d, F.adaptive_max_pool2d])
@pytest.mark.parametrize("sides", [(6, 4), (5, 7), (1, 1), (3, 2)])
@pytest.mark.parametrize("size", [1, 3, (2, 3), (None, 2), (5, None)])
def test_adaptive_pools_cover_the_image_evenly(pool, sides, size):
    x = RNG.normal(size=(2, 3, *sides))
    counts = tuple(s if m is None else m for s, m in zip(sides, size if isinstance(size, tuple) else (size, size)))
    expected = np.zeros((2, 3, *counts))
    for i, j in np.ndindex(*counts):
        rows = slice(i * sides[0] // counts[0], -(-(i + 1) * sides[0] // counts[0]))
        columns = slice(j * sides[1] // counts[1], -(-(j + 1) * sides[1] // counts[1]))
        part = x[:, :, rows, columns]
        expected[:, :, i, j] = part.mean(axis=(2, 3)) if pool is F.adaptive_avg_pool2d else part.max(axis=(2, 3))
    np.testing.assert_allclose(pool(x, size).numpy(), expected, rtol=1e-12)
    assert_derivatives(lambda x: pool(x, size), x[:1, :1], plain=lambda x: pool(x, size).numpy())


def test_adaptive_pools_along_one_axis():
    x = np.arange(10.0).reshape(1, 10)
    np.testing.assert_allclose(F.adaptive_avg_pool1d(x, 3).numpy(), [[1.5, 4.5, 7.5]])
    np.testing.assert_allclose(F.adaptive_max_pool1d(x, 3).numpy(), [[3, 6, 9]])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("pool", [F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d])
def test_a_float_stays_as_it_is(pool, dtype):
    x = tg.Tensor(RNG.normal(size=(1, 1, 5, 5)).astype(dtype), requires_grad=True)
    y = pool(x, 3)
    y.sum().backward()
    assert (y.dtype, x.grad.dtype) == (dtype, dtype)


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda x: F.max_pool2d(x, 5), ShapeError, "max_pool2d: the window (5, 5) is larger than the input"),
        (lambda x: F.avg_pool2d(x, 5), ShapeError, "avg_pool2d: the window (5, 5) is larger than the input"),
        (lambda x: F.max_pool2d(x, 2, dilation=4), ShapeError, "max_pool2d: the window (2, 2) is larger"),
        (lambda x: F.max_pool2d(x, 2, padding=2), DataError, "max_pool2d: padding (2, 2) is more than half of the"),
        (lambda x: F.max_pool2d(x, 0), DataError, "kernel_size must be at least 1, not 0"),
        (lambda x: F.max_pool2d(x, 2, 0), DataError, "stride must be at least 1, not 0"),
        (lambda x: F.max_pool2d(x, 2.0), DtypeError, "kernel_size must be a whole number, not 2.0"),
        (lambda x: F.max_pool2d(x, (2, 2, 2)), ShapeError, "kernel_size has 3 numbers for 2 axes (height, width)"),
        (lambda x: F.max_pool2d(x[0, 0], 2), ShapeError, "max_pool2d: the input must have 4 axes, or 3 for one sample"),
        (lambda x: F.avg_pool2d(x[..., :0], 2), ShapeError, "avg_pool2d: there is nothing along an axis"),
        (lambda x: F.avg_pool2d(x, 2, divisor_override=0), DataError, "divisor_override must be at least 1, not 0"),
        (lambda x: F.avg_pool2d(x * 1j, 2), DtypeError, "avg_pool2d takes real numbers"),
        (lambda x: F.adaptive_avg_pool2d(x, 0), DataError, "output_size must be at least 1, not 0"),
        (lambda x: F.adaptive_max_pool2d(x, (1, 2, 3)), ShapeError, "output_size has 3 numbers for 2 axes"),
        (lambda x: F.adaptive_max_pool1d(x, 1), ShapeError, "adaptive_max_pool1d: the input must have 3 axes, or 2"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(call, error, first_line):
    with pytest.raises(error) as caught:
        call(np.ones((2, 3, 4, 4)))
    text = str(caught.value)
    assert text.startswith(first_line)
    assert "test_pooling.py:" in text
    assert caught.value.code


def test_an_empty_batch_gives_an_empty_result():
    x = tg.Tensor(np.ones((0, 3, 4, 4)), requires_grad=True)
    for pool in (F.max_pool2d, F.avg_pool2d, F.adaptive_avg_pool2d, F.adaptive_max_pool2d):
        y = pool(x, 2)
        y.sum().backward()
        assert y.shape == (0, 3, 2, 2)
