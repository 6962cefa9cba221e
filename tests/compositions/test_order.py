"""Sorting, places and counts with all of NumPy's parameters, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, distinct, random_shape
from tinygrad_edu.compositions import order
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives


@given(seed=SEEDS)
@few
def test_sort_and_partition(seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng))
    axis = None if rng.random() < 0.3 else int(rng.integers(-x.ndim, x.ndim))
    count = x.size if axis is None else x.shape[axis]
    kth = int(rng.integers(-count, count))
    assert_agrees(lambda x: np.sort(x, axis=axis), x)
    assert_agrees(lambda x: np.sort(x, axis, stable=True), x)
    assert_agrees(lambda x: np.partition(x, kth, axis), x)
    assert_agrees(lambda x: np.partition(x, [kth, 0], axis), x)
    for call in (
        lambda x: np.argsort(x, axis=axis), lambda x: np.argsort(x, axis, kind="stable"),
        lambda x: np.argpartition(x, kth, axis),
    ):  # fmt: skip
        result = call(tg.Tensor(x, requires_grad=True))
        assert not result.requires_grad
        assert result.dtype == np.intp
        assert np.array_equal(result.numpy(), call(x))


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int8, np.uint8, np.bool_, np.complex128])
def test_descending_order_is_ascending_order_backwards(dtype):
    x = np.random.default_rng(0).integers(0, 5, (7, 6)).astype(dtype)
    if x.dtype.kind in "i":
        x[0, 0] = -128
    for axis in (0, 1, None):
        length = x.size if axis is None else x.shape[axis]
        turned = np.flip(x.ravel() if axis is None else x, -1 if axis is None else axis)
        stable = length - 1 - np.flip(np.argsort(turned, axis=axis, stable=True), -1 if axis is None else axis)
        assert np.array_equal(tg.sort(x, axis, descending=True).numpy(), np.flip(np.sort(x, axis), axis))
        assert np.array_equal(tg.argsort(x, axis, stable=True, descending=True).numpy(), stable)
        if axis is not None:
            y = tg.Tensor(x)
            assert np.array_equal(y.argsort(axis, stable=True, descending=True).numpy(), stable)
            y.sort(axis, descending=True)
            assert np.array_equal(y.numpy(), np.flip(np.sort(x, axis), axis))


def test_descending_order_leaves_nan_last_and_moves_gradients():
    x = tg.Tensor([1.0, np.nan, 3.0, 2.0], requires_grad=True)
    y = tg.sort(x, descending=True)
    assert np.array_equal(y.detach().numpy(), [3.0, 2.0, 1.0, np.nan], equal_nan=True)
    (y[:3] * [10.0, 20.0, 30.0]).sum().backward()
    assert x.grad.tolist() == [30.0, 0.0, 10.0, 20.0]


def test_equal_elements_keep_a_gradient_each():
    x = tg.Tensor([2.0, 1.0, 2.0, 1.0, np.nan], requires_grad=True)
    (np.sort(x) * [1.0, 2.0, 3.0, 4.0, 5.0]).sum().backward()
    assert x.grad.tolist() == [3, 1, 4, 2, 5]
    y = tg.Tensor(np.repeat(5.0, 4), requires_grad=True)
    (np.partition(y, 1) * [1.0, 2.0, 3.0, 4.0]).sum().backward()
    assert sorted(y.grad.tolist()) == [1, 2, 3, 4]


def test_the_largest_of_equal_elements_by_sort_moves_as_one_of_them():
    x = tg.Tensor([3.0, 3.0, 1.0], requires_grad=True)
    np.sort(x)[-2:].sum().backward()
    assert x.grad.tolist() == [1, 1, 0]


def test_empty_and_0_d():
    for array in (np.zeros((2, 0)), np.zeros((0, 3))):
        leaf = tg.Tensor(array, requires_grad=True)
        np.sort(leaf, axis=0).sum().backward()
        assert leaf.grad.shape == array.shape
    leaf = tg.Tensor(2.0, requires_grad=True)
    np.sort(leaf, axis=None).sum().backward()
    assert leaf.grad.item() == 1
    with pytest.raises((ValueError, IndexError), match="out of bounds"):
        np.sort(leaf)


def test_searchsorted_digitize_and_lexsort():
    edges, v = np.array([0.0, 1.0, 1.0, 4.0]), np.array([[1.0, -1.0], [9.0, 2.0]])
    for side in ("left", "right"):
        got = np.searchsorted(tg.Tensor(edges), tg.Tensor(v), side=side)
        assert np.array_equal(got.numpy(), np.searchsorted(edges, v, side=side))
    assert np.searchsorted(tg.Tensor(edges), 3.0).item() == 3
    assert np.searchsorted(tg.Tensor(edges[::-1]), v, sorter=[3, 2, 1, 0]).numpy().shape == v.shape
    for bins in (edges, edges[::-1]):
        for right in (False, True):
            got = np.digitize(tg.Tensor(v), bins, right=right)
            assert np.array_equal(got.numpy(), np.digitize(v, bins, right))
    keys = (np.array([3, 1, 2, 1]), np.array([0, 1, 0, 1]))
    assert np.array_equal(np.lexsort(tuple(map(tg.Tensor, keys))).numpy(), np.lexsort(keys))


def test_unique_in_all_its_forms():
    x = np.array([[3.0, 1.0], [3.0, 1.0], [0.0, np.nan]])
    for options in ({}, {"axis": 0}, {"return_index": True, "return_inverse": True, "return_counts": True}):
        got, expected = np.unique(tg.Tensor(x), **options), np.unique(x, **options)
        for one, other in zip(*[r if isinstance(r, tuple) else (r,) for r in (got, expected)], strict=True):
            assert np.array_equal(one.numpy(), other, equal_nan=True)
    for function in (np.unique_counts, np.unique_inverse, np.unique_all):
        got, expected = function(tg.Tensor(x)), function(x)
        for name in expected._fields:
            assert np.array_equal(getattr(got, name).numpy(), getattr(expected, name), equal_nan=True)
    assert np.array_equal(np.unique_values(tg.Tensor(x)).numpy(), np.unique_values(x), equal_nan=True)
    with pytest.raises(GradientError, match="unique"):
        np.unique(tg.Tensor(x, requires_grad=True)).sum().backward()


def test_histogram():
    x, w = np.array([0.0, 1.0, 1.0, 3.0]), np.array([1.0, 2.0, 3.0, 4.0])
    for options in ({"bins": 4}, {"bins": [0.0, 1.0, 5.0]}, {"range": (0, 2)}, {"density": True}, {"weights": w}):
        for got, expected in zip(np.histogram(tg.Tensor(x), **options), np.histogram(x, **options), strict=True):
            np.testing.assert_allclose(got.numpy(), expected)
    edges = np.histogram_bin_edges(tg.Tensor(x), bins="auto")
    np.testing.assert_allclose(edges.numpy(), np.histogram_bin_edges(x, bins="auto"))


@pytest.mark.parametrize("options", [{"bins": 3}, {"bins": [0.0, 1.0, 5.0]}, {"range": (0, 2)}, {"density": True}])
def test_a_histogram_is_differentiable_in_the_weights(options):
    x = np.array([0.0, 1.0, 1.0, 3.0, 2.0, 5.0])
    assert_agrees(lambda w: np.histogram(x, weights=w, **options)[0], np.array([1.0, 2.0, 3.0, 4.0, 0.5, 1.5]))
    with pytest.raises(DtypeError, match="no gradient flows through bins="):
        np.histogram(x, bins=tg.Tensor([0.0, 1.0], requires_grad=True))


def test_bincount_is_differentiable_in_the_weights():
    places = np.array([0, 3, 3, 1])
    assert_agrees(lambda w: np.bincount(places, weights=w, minlength=6), np.array([0.5, -1.0, 2.0, 4.0]), exact=1e-12)
    assert np.array_equal(np.bincount(tg.Tensor(places)).numpy(), np.bincount(places))
    assert order.bincount([1, 1], weights=[1, 2]).tolist() == [0, 3]
    with pytest.raises(ValueError, match="negative"):
        np.bincount(tg.Tensor([-1, 2]))
    with pytest.raises(ShapeError, match=r"bincount: \(3,\) weights"):
        np.bincount(tg.Tensor(places), weights=np.ones(3))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.sort(x, order="a"), DtypeError, "order= names fields"),
        (lambda x: np.sort(x, kind="stable", stable=True), ShapeError, "one parameter"),
        (lambda x: np.sort(x, kind="fast"), ValueError, "kind"),
        (lambda x: np.partition(x, 9), ValueError, "kth"),
        (lambda x: np.sort(x, axis=1), (ValueError, IndexError), "out of bounds"),
    ],
)
def test_calls_that_are_refused(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.Tensor([2.0, 1.0]))


def test_gradient_of_a_median_of_swapped_bytes_warned():
    numbers = np.array([3.0, 1.0, 2.0])
    swapped = tg.from_numpy(numbers.astype(numbers.dtype.newbyteorder()), requires_grad=True)
    assert tg.gradients(tg.median(swapped), swapped).tolist() == [0, 0, 1]
