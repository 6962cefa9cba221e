"""Convolution, windows, interpolation and polynomials with all of NumPy's parameters, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, random_shape
from tests.witness import assert_derivatives
from tinygrad_edu.errors import DtypeError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives
windows = np.lib.stride_tricks.sliding_window_view


@pytest.mark.parametrize("mode", ["full", "same", "valid"])
@given(seed=SEEDS)
@few
def test_convolve_and_correlate(mode, seed):
    rng = np.random.default_rng(seed)
    a, v = (rng.normal(size=int(side)) for side in rng.integers(1, 8, 2))
    assert_agrees(lambda a, v: np.convolve(a, v, mode), a, v)
    assert_agrees(lambda a, v: np.correlate(a, v, mode), a, v)
    assert_agrees(lambda a: np.convolve(a, a, mode), a)
    assert_agrees(lambda a, v: np.convolve(a, v, mode=mode), a, 2.0)


def test_correlate_conjugates_and_slides_by_default_over_full_overlap():
    a, v = np.array([1, 2j, 3.0]), np.array([1j, 2.0])
    np.testing.assert_allclose(tg.correlate(a, v).numpy(), np.correlate(a, v))
    assert tg.convolve(np.array([1, 2]), np.array([True])).dtype == np.convolve([1, 2], [True]).dtype


@given(seed=SEEDS)
@few
def test_sliding_windows(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng, high=2))
    axis = int(rng.integers(-x.ndim, x.ndim))
    assert_agrees(lambda x: windows(x, int(rng.integers(1)) + 1, axis), x)
    assert_agrees(lambda x: windows(x, x.shape[axis], axis), x)
    assert_agrees(lambda x: windows(x, tuple((side + 1) // 2 for side in x.shape)) ** 2, x)


def points(rng, count):
    return np.cumsum(rng.uniform(0.3, 1.0, count)) - 1.0, rng.normal(size=count)


@given(seed=SEEDS)
def test_interp(seed):
    rng = np.random.default_rng(seed)
    xp, fp = points(rng, int(rng.integers(1, 6)))
    x = rng.uniform(-2, 5, random_shape(rng, low=0))
    x = x[np.abs(x[..., None] - xp).min(-1) > 1e-3] if x.ndim else x
    for ends in ({}, {"left": 3.0}, {"right": -2.0, "left": 1}):
        y = tg.interp(tg.Tensor(x), tg.Tensor(xp), tg.Tensor(fp), **ends)
        np.testing.assert_allclose(y.numpy(), np.interp(x, xp, fp, **ends), rtol=1e-12, atol=1e-12)
    assert np.interp(tg.Tensor(np.float32(x)), np.float32(xp), np.float32(fp)).dtype == np.float32


@given(seed=SEEDS)
@few
def test_derivatives_of_interp(seed):
    rng = np.random.default_rng(seed)
    xp, fp = points(rng, int(rng.integers(1, 6)))
    x = rng.uniform(-2, 5, (2, 3))
    x = x[np.abs(x[..., None] - xp).min(-1) > 1e-3]
    assert_derivatives(np.interp, x, xp, fp)
    assert_derivatives(lambda x, xp, fp: np.interp(x, xp, fp, period=2.75), x, xp, fp)
    assert_derivatives(lambda x, left, right: np.interp(x, xp, fp, left, right), x, 0.5, -0.5)


@given(seed=SEEDS)
def test_interp_with_a_period(seed):
    rng = np.random.default_rng(seed)
    xp, fp = rng.uniform(-3, 3, 5), rng.normal(size=5)
    x = rng.uniform(-9, 9, 4)
    for period in (2.0, -3.5):
        expected = np.interp(x, xp, fp, period=period)
        np.testing.assert_allclose(tg.interp(x, xp, fp, period=period).numpy(), expected, rtol=1e-9, atol=1e-9)


def test_interp_at_its_points_has_the_slope_nearest_to_0():
    x = tg.Tensor([-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 9.0], requires_grad=True)
    fp = tg.Tensor([1.0, 3.0, 4.0, 2.0, 0.5], requires_grad=True)
    y = tg.interp(x, [0.0, 1.0, 2.0, 3.0, 4.0], fp)
    assert y.tolist() == [1, 1, 3, 4, 2, 0.5, 0.5]
    y.sum().backward()
    assert x.grad.tolist() == [0, 0, 1, 0, -1.5, 0, 0]
    assert fp.grad.tolist() == [2, 1, 1, 1, 2]


def test_interp_of_nan_is_nan_and_of_infinity_an_end():
    assert np.isnan(tg.interp(np.nan, [0.0, 1.0], [5.0, 6.0]).item())
    assert tg.interp([np.inf, -np.inf], [0.0, 1.0], [5.0, 6.0]).tolist() == [6, 5]


@given(seed=SEEDS)
@few
def test_polynomials(seed):
    rng = np.random.default_rng(seed)
    p, x = rng.normal(size=int(rng.integers(0, 5))), rng.normal(size=random_shape(rng, low=0))
    if p.size:
        assert_agrees(np.polyval, p, x)
        assert_agrees(lambda p: np.polyval(p, 2.0), p)
    for m in range(3):
        np.testing.assert_allclose(tg.polyder(p, m).numpy(), np.polyder(p, m))
        np.testing.assert_allclose(tg.polyint(p, m).numpy(), np.polyint(p, m))
        if p.size > m:
            assert_derivatives(lambda p, m=m: np.polyder(p, m) ** 2, p)
            assert_derivatives(lambda p, k, m=m: np.polyint(p, m, k) ** 2, p, rng.normal(size=m or 1))
    assert tg.polyder(np.float32([1, 2, 3])).dtype == tg.polyint(np.float32([1, 2, 3]), k=2.0).dtype == np.float32
    assert tg.polyder([1, 2, 3]).dtype == np.int64


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.convolve(x, np.ones((2, 2))), ShapeError, "convolve"),
        (lambda x: np.convolve(x, []), ShapeError, "empty"),
        (lambda x: np.convolve(x, x, "half"), ShapeError, "'full', 'same' or 'valid', not 'half'"),
        (lambda x: np.correlate(x, np.zeros(0)), ShapeError, "empty"),
        (lambda x: np.correlate(x, 2.0), ShapeError, "two vectors"),
        (lambda x: windows(x, 5), ShapeError, "window"),
        (lambda x: windows(x, -1), ShapeError, "negative"),
        (lambda x: windows(x, (1, 1)), ShapeError, "window_shape"),
        (lambda x: np.interp(x, [0.0, 1.0], [1.0]), ShapeError, "as many values as points"),
        (lambda x: np.interp(x, [], []), ShapeError, "one at least"),
        (lambda x: np.interp(x, [0.0], [1j]), DtypeError, "real numbers"),
        (lambda x: np.interp(x, [0.0], [1.0], period=0), ShapeError, "can't be 0"),
        (lambda x: np.polyder(x, -1), ShapeError, "whole number from 0"),
        (lambda x: np.polyder(x[None]), ShapeError, "a vector, not of shape"),
        (lambda x: np.polyint(x, 2, k=[1.0, 2.0, 3.0][:0]), ShapeError, "2 constants are needed"),
    ],
)
def test_misuse_is_refused_with_its_reason(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call(tg.Tensor(np.ones(4), requires_grad=True))
    assert "test_signal.py" in str(caught.value)


def test_interp_at_infinities_and_between_equal_points_is_numpys():
    inf = np.inf
    for xp in ([-inf, inf], [-inf, 1.0], [0.0, inf], [0.0, 1.0]):
        for fp in ([0.0, 10.0], [10.0, 10.0], [-inf, 10.0], [0.0, inf], [-inf, inf]):
            with np.errstate(invalid="ignore"):
                got, expected = np.interp(tg.Tensor([0.5, 0.0, 1.0]), xp, fp), np.interp([0.5, 0.0, 1.0], xp, fp)
            np.testing.assert_array_equal(got.numpy(), expected, err_msg=f"{xp} {fp}")
    assert_agrees(np.interp, [-0.5, 0.3, 1.7], [0.0, 1.0, 1.0, 2.0], [0.0, 1.0, 5.0, 4.0], order=1)
