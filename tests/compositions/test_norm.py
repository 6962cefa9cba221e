"""Norms of every order, NumPy the witness; at the kinks the derivative of least norm."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, distinct, random_axes, random_shape

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives
inf = np.inf
VECTOR_ORDERS = [None, 0, 1, 2, 3, 2.5, 0.5, -1, -2, -0.5, inf, -inf]


@pytest.mark.parametrize("order", VECTOR_ORDERS)
@given(seed=SEEDS)
@few
def test_norms_of_vectors(order, seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng))
    axis, keepdims = int(rng.integers(-x.ndim, x.ndim)), bool(rng.random() < 0.5)
    assert_agrees(lambda x: np.linalg.norm(x, order, axis, keepdims), x, rtol=1e-5)
    axes = random_axes(rng, x.ndim)
    order = 2 if order is None else order
    assert_agrees(lambda x: np.linalg.vector_norm(x, axis=axes, keepdims=keepdims, ord=order), x, rtol=1e-5)


@pytest.mark.parametrize("order", [None, "fro", 1, -1, inf, -inf, 2, -2, "nuc"])
@given(seed=SEEDS)
@few
def test_norms_of_matrices(order, seed):
    rng = np.random.default_rng(seed)
    shape = random_shape(rng, low=2)
    x = rng.normal(size=shape)
    axes = tuple(int(a) - len(shape) * int(rng.random() < 0.5) for a in rng.permutation(len(shape))[:2])
    keepdims = bool(rng.random() < 0.5)
    # singular values that lie close to each other bend too much for a difference quotient
    second = 1 if order in (2, -2, "nuc") else 2
    assert_agrees(lambda x: np.linalg.norm(x, order, axes, keepdims), x, order=second, rtol=1e-4)
    order = "fro" if order is None else order
    assert_agrees(lambda x: np.linalg.matrix_norm(x, ord=order, keepdims=keepdims), x, order=second, rtol=1e-4)


@given(seed=SEEDS)
@few
def test_the_norm_of_everything(seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng))
    assert_agrees(np.linalg.norm, x, rtol=1e-5)
    assert_agrees(lambda x: np.linalg.norm(x, keepdims=True), x, rtol=1e-5)


def gradient_at(f, x):
    leaf = tg.Tensor(np.asarray(x, float), requires_grad=True)
    f(leaf).sum().backward()
    return leaf.grad.tolist()


@pytest.mark.parametrize("order", VECTOR_ORDERS)
def test_the_gradient_of_a_norm_of_0_is_0_to_second_order(order):
    def norm(x):
        return np.linalg.norm(x, order)

    assert gradient_at(norm, [0.0, 0.0, 0.0]) == [0, 0, 0]
    assert not tg.hessian(norm)(np.zeros(3)).numpy().any()
    assert norm(tg.zeros(3)).item() == 0


@pytest.mark.parametrize("order", ["fro", 1, inf])
def test_the_gradient_of_a_matrix_norm_of_0_is_0(order):
    assert gradient_at(lambda x: np.linalg.norm(x, order), np.zeros((2, 2))) == [[0, 0], [0, 0]]


@pytest.mark.parametrize(
    ("order", "x", "expected"),
    [
        (inf, [3.0, -3.0, 1.0], [0.5, -0.5, 0]),
        (-inf, [3.0, -1.0, 1.0], [0, -0.5, 0.5]),
        (1, [3.0, 0.0, -1.0], [1, 0, -1]),
        (0, [3.0, 0.0, -1.0], [0, 0, 0]),
        (2, [3.0, 0.0, 4.0], [0.6, 0, 0.8]),
        (0.5, [1.0, 0.0, 1.0], [2, 0, 2]),
        (1.5, [1.0, 0.0, 0.0], [1, 0, 0]),
        (-1, [1.0, 0.0, 2.0], [0, 0, 0]),
    ],
)
def test_gradients_beside_zeros_and_ties(order, x, expected):
    np.testing.assert_allclose(gradient_at(lambda x: np.linalg.norm(x, order), x), expected)


@pytest.mark.parametrize("order", [0.5, 1.5, 2, 3, -1])
def test_the_second_derivative_beside_a_zero_is_finite(order):
    assert np.isfinite(tg.hessian(lambda x: np.linalg.norm(x, order))(np.array([1.0, 0.0, 2.0])).numpy()).all()


def test_empty_0_d_and_whole_numbers():
    for array in (np.zeros(0), np.array(-3.0), np.array([3, -4]), np.array([True, True])):
        assert np.linalg.norm(tg.Tensor(array)).item() == np.linalg.norm(array)
        assert np.linalg.norm(tg.Tensor(array)).dtype == np.float64
    assert np.linalg.norm(tg.zeros(0), inf).item() == 0
    assert np.linalg.norm(tg.zeros((0, 2)), 1).item() == 0
    assert np.linalg.norm(tg.Tensor([3.0, np.nan]), 0).item() == 2


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: np.linalg.norm(x, "fro", axis=0), "'fro' is no norm of vectors"),
        (lambda x: np.linalg.norm(x, 3), "3 is no norm of matrices"),
        (lambda x: np.linalg.norm(x, "best"), "'best' is no norm of matrices"),
        (lambda x: np.linalg.norm(x[None], 2), "say along which"),
        (lambda x: np.linalg.norm(x, 1, axis=(0, 0)), "two different axes"),
        (lambda x: np.linalg.norm(x, axis=(0, 1, 2)), "one axis of a vector or two of a matrix"),
        (lambda x: np.linalg.norm(x, axis=2), "one axis of a vector or two of a matrix"),
        (lambda x: np.linalg.matrix_norm(x[0]), "a matrix has two axes, not 1"),
    ],
)
def test_calls_that_are_refused(call, text):
    with pytest.raises(ValueError, match=text):
        call(tg.Tensor(np.arange(6.0).reshape(2, 3)))
