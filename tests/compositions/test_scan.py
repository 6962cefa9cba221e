"""Cumulative ops with all of NumPy's parameters, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, distinct, random_shape
from tinygrad_edu.compositions import scan
from tinygrad_edu.errors import ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives


@pytest.mark.parametrize("function", [np.cumsum, np.cumprod, np.nancumsum, np.nancumprod])
@given(seed=SEEDS)
@few
def test_scans_along_any_axis(function, seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng))
    axis = None if rng.random() < 0.3 else int(rng.integers(-x.ndim, x.ndim))
    assert_agrees(lambda x: function(x, axis=axis), x)


@pytest.mark.parametrize("function", [np.cumulative_sum, np.cumulative_prod])
@given(seed=SEEDS)
@few
def test_cumulative_with_and_without_the_initial(function, seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng, least=0))
    axis = None if x.ndim == 1 and rng.random() < 0.5 else int(rng.integers(-x.ndim, x.ndim))
    for initial in (False, True):
        assert_agrees(lambda x, i=initial: function(x, axis=axis, include_initial=i), x)


@given(seed=SEEDS)
@few
def test_logcumsumexp(seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng))
    axis = None if rng.random() < 0.3 else int(rng.integers(-x.ndim, x.ndim))
    assert_agrees(lambda x: scan.logcumsumexp(x, axis), x, plain=lambda x: np.log(np.cumsum(np.exp(x), axis)))


@pytest.mark.parametrize("function", [np.cumsum, np.cumprod])
def test_numbers_without_axes_empty_arrays_and_whole_numbers(function):
    for array in (np.array(3.0), np.zeros((0, 2)), np.array([2, 3], np.int8), np.array([True, True])):
        for axis in (None, 0):
            result, expected = function(tg.Tensor(array), axis=axis), function(array, axis=axis)
            assert result.dtype == expected.dtype
            assert np.array_equal(result.numpy(), expected)
    leaf = tg.Tensor(3.0, requires_grad=True)
    function(leaf, axis=0).sum().backward()
    assert leaf.grad.shape == ()
    assert leaf.grad.item() == 1


@pytest.mark.parametrize("function", [np.nancumsum, np.nancumprod])
def test_nan_counts_for_nothing_and_gets_no_gradient(function):
    x = np.array([2.0, np.nan, 3.0])
    leaf = tg.Tensor(x, requires_grad=True)
    result = function(leaf)
    assert np.array_equal(result.detach().numpy(), function(x))
    result.sum().backward()
    assert leaf.grad.tolist() == ([3, 0, 1] if function is np.nancumsum else [5, 0, 2])


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.logaddexp])
def test_ufuncs_accumulate(ufunc):
    x = np.array([[1.0, 4.0, 0.5], [2.0, 2.5, -3.0]])
    for options in ({}, {"axis": 1}, {"axis": -1}):
        np.testing.assert_allclose(ufunc.accumulate(tg.Tensor(x), **options).numpy(), ufunc.accumulate(x, **options))
    if ufunc is not np.logaddexp:
        assert ufunc.accumulate(tg.Tensor(x), dtype=np.float32).dtype == np.float32


def test_out_and_refusals():
    x = tg.Tensor(np.ones((2, 3)))
    target = np.zeros((2, 3))
    assert np.cumsum(x, axis=1, out=target) is target
    assert target[0].tolist() == [1, 2, 3]
    with pytest.raises(ShapeError, match="say along which"):
        np.cumulative_sum(x)
    with pytest.raises((ValueError, IndexError), match="out of bounds"):
        np.cumsum(x, axis=2)
    with pytest.raises(TypeError):
        np.cumsum(x, axis=(0, 1))


def test_cumulative_logsumexp_of_a_number():
    assert_agrees(lambda x: tg.logcumsumexp(x, axis=0), 0.7, plain=lambda x: np.reshape(x, 1))
