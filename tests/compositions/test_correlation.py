"""Covariances and correlations with all of NumPy's parameters, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees
from tinygrad_edu.errors import DtypeError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives


@given(seed=SEEDS)
@few
def test_covariance_and_correlation(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(int(rng.integers(1, 4)), int(rng.integers(3, 6))))
    y = rng.normal(size=(int(rng.integers(1, 3)), x.shape[1]))
    f, a = rng.integers(1, 4, x.shape[1]), rng.uniform(0.5, 2, x.shape[1])
    assert_agrees(np.cov, x)
    assert_agrees(np.cov, x[0])
    assert_agrees(lambda x, y: np.cov(x, y, bias=True), x, y)
    assert_agrees(lambda x, y: np.cov(x.T, y.T, rowvar=False, ddof=2), x, y)
    assert_agrees(lambda x: np.cov(x, fweights=f), x)
    assert_agrees(lambda x, a: np.cov(x, aweights=a), x, a)
    assert_agrees(lambda x, a: np.cov(x, aweights=a, fweights=f, ddof=0), x, a)
    if len(x) > 1:  # of one variable the correlation is 1, and a difference quotient sees only rounding
        assert_agrees(lambda x, y: np.corrcoef(x, y), x, y, rtol=1e-5)
        assert_agrees(lambda x: np.corrcoef(x.T, rowvar=False), x, rtol=1e-5)


def test_the_correlation_of_a_variable_with_itself_is_1_whatever_it_is():
    x = tg.Tensor(np.random.default_rng(0).normal(size=(3, 7)), requires_grad=True)
    every = np.arange(3)
    np.corrcoef(x)[every, every].sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 0, atol=1e-15)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.cov(x, ddof=0.5), ShapeError, "whole number"),
        (lambda x: np.cov(x, fweights=[1, 2]), ShapeError, r"fweights \(2,\) don't fit 3"),
        (lambda x: np.cov(x, fweights=[1.5, 2, 1]), DtypeError, "whole numbers"),
        (lambda x: np.cov(x, aweights=[-1.0, 2, 1]), ShapeError, "negative"),
        (lambda x: np.cov(x[None]), ShapeError, "two axes, not 3"),
    ],
)
def test_calls_that_are_refused(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True))
