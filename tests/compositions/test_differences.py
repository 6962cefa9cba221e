"""Differences, slopes and areas with all of NumPy's parameters, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, distinct, random_shape
from tests.witness import assert_derivatives
from tinygrad_edu.errors import DtypeError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives


@given(seed=SEEDS)
@few
def test_diff(seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng))
    axis, n = int(rng.integers(-x.ndim, x.ndim)), int(rng.integers(0, 4))
    assert_agrees(lambda x: np.diff(x, n, axis), x)
    more = distinct(rng, x.shape)
    assert_agrees(lambda x, p: np.diff(x, max(n, 1), axis, prepend=p, append=p), x, more)
    assert_agrees(lambda x: np.diff(x, axis=axis, append=1.5, prepend=0), x)


def test_diff_of_booleans_and_whole_numbers():
    for array in (np.array([True, True, False]), np.array([1, 5, 2], np.int8)):
        got = np.diff(tg.Tensor(array))
        assert got.dtype == np.diff(array).dtype
        assert np.array_equal(got.numpy(), np.diff(array))


@given(seed=SEEDS)
@few
def test_ediff1d(seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng))
    assert_agrees(np.ediff1d, x)
    assert_agrees(lambda x, e: np.ediff1d(x, to_end=e, to_begin=[[1.0, 2.0]]), x, rng.normal(size=(2, 1)))


@given(seed=SEEDS)
@few
def test_trapezoid_is_differentiable_in_the_places_too(seed):
    rng = np.random.default_rng(seed)
    y = distinct(rng, random_shape(rng, least=0))
    axis = int(rng.integers(-y.ndim, y.ndim))
    assert_agrees(lambda y, dx: np.trapezoid(y, dx=dx, axis=axis), y, 0.3)
    assert_agrees(lambda y, x: np.trapezoid(y, x, axis=axis), y, np.sort(rng.normal(size=y.shape[axis])))
    assert_agrees(lambda y, x: np.trapezoid(y, x, axis=axis), y, rng.normal(size=y.shape))


@given(seed=SEEDS)
@few
def test_gradient(seed):
    rng = np.random.default_rng(seed)
    order = int(rng.integers(1, 3))
    f = distinct(rng, random_shape(rng, least=order + 1))
    axis = int(rng.integers(-f.ndim, f.ndim))
    assert_agrees(lambda f: np.gradient(f, edge_order=order), f)
    assert_agrees(lambda f: np.gradient(f, 0.5, axis=axis, edge_order=order), f)
    assert_agrees(lambda f: np.gradient(f, *[0.5, 2.0, 3.0][: f.ndim], edge_order=order), f)
    assert_agrees(lambda f: np.gradient(f, 2, axis=(axis, (axis + 1) % f.ndim)[: f.ndim], edge_order=order), f)
    places = np.cumsum(rng.uniform(0.3, 1, f.shape[axis]))
    assert_agrees(lambda f, x: np.gradient(f, x, axis=axis, edge_order=order), f, places)
    assert_derivatives(lambda f, dx: np.gradient(f, dx, axis=axis, edge_order=order), f, np.array(0.7))


def test_gradient_of_whole_numbers_and_of_one_axis_and_many():
    assert np.gradient(tg.Tensor([0, 1, 4])).tolist() == [1, 2, 3]
    assert isinstance(np.gradient(tg.zeros((2, 2))), tuple)
    assert isinstance(np.gradient(tg.zeros((2, 2)), axis=0), tg.Tensor)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.diff(x, -1), ShapeError, "n counts repetitions"),
        (lambda x: np.diff(x.sum()), ShapeError, "at least one axis"),
        (lambda x: np.diff(x, axis=2), ShapeError, "axis 2 is out of bounds for an array of 2 axes"),
        (lambda x: np.ediff1d(x.astype(int), to_end=0.5), DtypeError, "to_end of float64 doesn't fit int64"),
        (lambda x: np.gradient(x, 1.0, 2.0, 3.0), DtypeError, "3 spacings for 2 axes"),
        (lambda x: np.gradient(x, edge_order=3), ShapeError, "edge_order is 1 or 2"),
        (lambda x: np.gradient(x[:1]), ShapeError, "1 values are too few"),
        (lambda x: np.gradient(x, [1.0, 2.0], axis=1), ShapeError, "2 coordinates for 3 values"),
        (lambda x: np.gradient(x, np.ones((2, 3)), axis=1), ShapeError, "rows of coordinates"),
        (lambda x: np.trapezoid(x, axis=3), ShapeError, "out of bounds"),
        (lambda x: np.trapezoid(x, np.ones(5)), ValueError, "shapes"),
    ],
)
def test_calls_that_are_refused(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.Tensor(np.arange(6.0).reshape(2, 3)))


def test_gradient_of_booleans_is_refused():
    with pytest.raises(TypeError, match="booleans have no differences"):
        np.gradient(tg.Tensor([True, False, True]))
