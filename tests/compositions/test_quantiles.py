"""Medians, quantiles and percentiles with all of NumPy's parameters, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, distinct, random_axes, random_shape
from tinygrad_edu.errors import DtypeError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives
METHODS = [
    "linear", "lower", "higher", "nearest", "midpoint", "inverted_cdf", "averaged_inverted_cdf", "closest_observation",
    "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
@given(seed=SEEDS)
@few
def test_quantiles_by_every_method(method, seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng))
    axis, keepdims = random_axes(rng, x.ndim), bool(rng.random() < 0.5)
    q = [float(rng.random()), np.array([0.0, 0.25, 1.0]), 0.5, 1.0, np.array([[0.5], [0.1]])][int(rng.integers(5))]
    for function in (np.quantile, np.nanquantile) if np.ndim(q) < 2 else (np.quantile,):
        results = function(tg.Tensor(x), q, axis, method=method, keepdims=keepdims)
        np.testing.assert_allclose(results.numpy(), function(x, q, axis, method=method, keepdims=keepdims), rtol=1e-10)
    assert_agrees(lambda x: np.quantile(x, 0.37, axis, method=method, keepdims=keepdims), x, order=1)


@given(seed=SEEDS)
@few
def test_percentiles_and_their_derivatives(seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng))
    axis = random_axes(rng, x.ndim)
    assert_agrees(lambda x: np.percentile(x, 37.0, axis), x)
    got = np.percentile(tg.Tensor(x), [10, 60], axis)
    np.testing.assert_allclose(got.numpy(), np.percentile(x, [10, 60], axis))


@given(seed=SEEDS)
@few
def test_rows_with_different_numbers_of_nan(seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, (3, 5))
    there = rng.random(x.shape) < 0.6
    there[:, 0] = True
    for q in (0.0, 0.3, 1.0):
        assert_agrees(lambda x, q=q: np.nanquantile(np.where(there, x, np.nan), q, axis=1), x)
    assert_agrees(lambda x: np.nanpercentile(np.where(there, x, np.nan), 45.0, axis=1), x)
    with_nan = np.where(there, x, np.nan)
    for function in (lambda x: np.median(x, axis=1), lambda x: np.quantile(x, 0.3, axis=1)):
        np.testing.assert_allclose(function(tg.Tensor(with_nan)).numpy(), function(with_nan))


def test_only_nan_and_infinities():
    x = np.array([[np.nan, np.nan], [np.inf, 1.0]])
    for function in (np.nanmedian, lambda x, axis: np.nanquantile(x, 1.0, axis=axis)):
        leaf = tg.Tensor(x, requires_grad=True)
        with pytest.warns(RuntimeWarning, match="All-NaN"):
            result = function(leaf, axis=1)
        assert np.isnan(result.detach().numpy()[0])
        result.sum().backward()
        assert leaf.grad.numpy()[0].tolist() == [0, 0]
    assert np.median(tg.Tensor([np.inf, np.inf])).item() == np.inf
    assert np.nanmedian(tg.Tensor([np.inf, np.nan])).item() == np.inf


def test_equal_elements_share_the_gradient_of_a_quantile():
    x = tg.Tensor([1.0, 2.0, 2.0, 2.0, 3.0], requires_grad=True)
    np.quantile(x, 0.5).backward()
    np.testing.assert_allclose(x.grad.numpy(), [0, 1 / 3, 1 / 3, 1 / 3, 0])


def test_whole_numbers_and_empty_arrays():
    for array in (np.array([3, 1, 2]), np.array([True, False])):
        for function in (np.median, np.nanmedian, lambda x: np.quantile(x, 0.5, method="nearest")):
            expected = np.asarray(function(array))
            assert function(tg.Tensor(array)).dtype == expected.dtype
            assert function(tg.Tensor(array)).item() == expected
    assert np.quantile(tg.Tensor([3, 1, 2]), 0.4, method="lower").dtype == np.int64
    for function in (np.median, np.nanmedian):
        with pytest.warns(RuntimeWarning):
            assert np.isnan(function(tg.Tensor(np.zeros(0))).item())
    assert np.median(tg.Tensor(np.zeros((0, 3))), axis=1).shape == (0,)
    assert np.quantile(tg.zeros(3), []).shape == (0,)
    with pytest.raises(TypeError, match="between booleans"):
        np.quantile(tg.Tensor([True, False]), 0.5)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.quantile(x, 1.5), ShapeError, "between 0 and 1"),
        (lambda x: np.quantile(x, np.nan), ShapeError, "between 0 and 1"),
        (lambda x: np.percentile(x, -1), ShapeError, "between 0 and 100"),
        (lambda x: np.quantile(x, 0.5, method="best"), ShapeError, "'best' is no method"),
        (lambda x: np.quantile(x, 0.5, weights=np.ones((2, 3))), ShapeError, "weights go with"),
        (lambda x: np.quantile(x, 0.5, weights=np.ones(3), method="inverted_cdf"), DtypeError, "weights of shape"),
        (lambda x: np.quantile(x, 0.5, weights=0 * np.ones((2, 3)), method="inverted_cdf"), ShapeError, "sum to 0"),
        (lambda x: np.quantile(x, x.sum()), ShapeError, "between 0 and 1"),
        (lambda x: np.quantile(x[:0], 0.5), ShapeError, "no elements"),
        (lambda x: np.quantile(x * 1j, 0.5), DtypeError, "complex numbers have no order"),
        (lambda x: np.quantile(x, 0.5, axis=2), ShapeError, "axis 2 is out of bounds for an array of 2 axes"),
    ],
)
def test_calls_that_are_refused(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True))
