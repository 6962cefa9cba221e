"""Products and diagonals: values against NumPy, gradients by linearity and differences, corners."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu.errors import GradientError
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.ops import linalg

SIDES = st.integers(0, 3)
SHAPES = st.lists(SIDES, max_size=2).map(tuple)
SEEDS = st.integers(0, 2**32 - 1)


def numbers(seed, *shape):
    return np.random.default_rng(seed).normal(size=shape)


def assert_bilinear(op, x, y, **params):
    """Values are NumPy's; as op is linear in each argument, its value at a direction is the derivative."""
    function = op.numpy or op.forward
    s, t = tg.Tensor(x, requires_grad=True), tg.Tensor(y, requires_grad=True)
    out = op(s, t, **params)
    expected = function(x, y, **params)
    np.testing.assert_allclose(out.detach().numpy(), expected, rtol=1e-12, atol=1e-12)
    assert out.shape == np.shape(expected)
    g = numbers(1, *out.shape)
    out.backward(g)
    dx, dy = numbers(2, *x.shape), numbers(3, *y.shape)
    assert s.grad.shape == x.shape
    assert t.grad.shape == y.shape
    np.testing.assert_allclose((s.grad.numpy() * dx).sum(), (g * function(dx, y, **params)).sum(), rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose((t.grad.numpy() * dy).sum(), (g * function(x, dy, **params)).sum(), rtol=1e-9, atol=1e-9)


# --- dot, matmul, tensordot --------------------------------------------------------------------------------------


@given(SHAPES, SHAPES, SIDES, SIDES, st.sampled_from(["both", "vector", "left number", "right number"]), SEEDS)
def test_dot_of_any_axes(left, right, k, m, form, seed):
    x, y = numbers(seed, *left, k), numbers(seed + 1, *((k,) if form == "vector" else (*right, k, m)))
    if form == "left number":
        x = np.asarray(1.5)
    elif form == "right number":
        y = np.asarray(1.5)
    assert_bilinear(linalg.dot, x, y)


def test_dot_with_a_python_number_keeps_float32():
    x = tg.Tensor(np.ones(3, np.float32), requires_grad=True)
    for y in (tg.dot(2.0, x), tg.dot(x, 2.0)):
        assert y.dtype == np.float32
        assert tg.gradients(y.sum(), x).numpy().tolist() == [2, 2, 2]


@given(SHAPES, SIDES, SIDES, SIDES, SEEDS)
def test_matmul_of_a_batch_with_one_matrix_and_the_other_way_round(batch, n, k, m, seed):
    x, y = numbers(seed, *batch, n, k), numbers(seed + 1, k, m)
    assert_bilinear(linalg.matmul, x, y)
    assert_bilinear(linalg.matmul, y.T, np.swapaxes(x, -1, -2))


@given(st.data())
def test_tensordot_over_any_pairs_of_axes(data):
    shape_x = data.draw(st.lists(SIDES, max_size=4))
    shape_y = data.draw(st.lists(SIDES, max_size=3))
    count = data.draw(st.integers(0, min(len(shape_x), len(shape_y))))
    of_x = data.draw(st.permutations(range(len(shape_x))))[:count]
    of_y = data.draw(st.permutations(range(len(shape_y))))[:count]
    for a, b in zip(of_x, of_y):
        shape_y[b] = shape_x[a]
    of_x = [a - len(shape_x) * data.draw(st.booleans()) for a in of_x]
    assert_bilinear(linalg.tensordot, numbers(0, *shape_x), numbers(1, *shape_y), axes=(of_x, of_y))


def test_tensordot_over_a_number_of_axes_and_over_single_ones():
    x, y = numbers(0, 2, 3, 4), numbers(1, 3, 4, 2)
    assert_bilinear(linalg.tensordot, x, y)
    assert_bilinear(linalg.tensordot, x, y, axes=0)
    assert_bilinear(linalg.tensordot, x, y, axes=(0, -1))


# --- stacks of vectors -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("x", "y", "axis"), [((2, 3), (3,), -1), ((3, 2), (3, 1), 0), ((2, 3, 4), (1, 3, 1), 1), ((3, 4), (5, 3, 4), -2)]
)
def test_vecdot_moves_the_axis_of_each_argument(x, y, axis):
    assert_bilinear(linalg.vecdot, numbers(0, *x), numbers(1, *y), axis=axis)
    s = tg.Tensor(numbers(0, *x), requires_grad=True)
    assert np.array_equal(np.vecdot(s, numbers(1, *y), axis=axis)._data, np.vecdot(s._data, numbers(1, *y), axis=axis))


@pytest.mark.parametrize(("matrix", "vector"), [((2, 3), (3,)), ((4, 2, 3), (3,)), ((1, 2, 3), (4, 3)), ((2, 0), (0,))])
def test_matvec_and_vecmat_are_products_with_a_column_and_a_row(matrix, vector):
    a, v = numbers(0, *matrix), numbers(1, *vector)
    assert_derivatives(linalg.matvec, a, v, plain=lambda a, v: (a @ v[..., None])[..., 0])
    b = np.swapaxes(a, -1, -2).copy()
    assert_derivatives(linalg.vecmat, v, b, plain=lambda v, b: (v[..., None, :] @ b)[..., 0, :])
    np.testing.assert_allclose(linalg.matvec(a, v).numpy(), (a @ v[..., None])[..., 0])
    np.testing.assert_allclose(linalg.vecmat(v, b).numpy(), (v[..., None, :] @ b)[..., 0, :])


@pytest.mark.parametrize("name", ["vecdot", "vecmat"])
def test_complex_numbers_are_refused_where_numpy_conjugates(name):
    with pytest.raises(TypeError, match="for real numbers here"):
        REGISTRY[name](np.ones(2, complex), np.ones((2, 2), complex))


# --- diagonals ---------------------------------------------------------------------------------------------------


@given(SIDES, SIDES, st.integers(-4, 4), SEEDS)
def test_diagonal_gives_its_gradient_back_to_its_place(n, m, offset, seed):
    a = tg.Tensor(numbers(seed, n, 2, m), requires_grad=True)
    out = linalg.diagonal(a, offset, axis1=0, axis2=2)
    assert np.array_equal(out._data, np.diagonal(a._data, offset, 0, 2))
    g = numbers(seed + 1, *out.shape)
    out.backward(g)
    expected = np.zeros((n, 2, m))
    for place in range(out.shape[-1]):
        expected[place + max(-offset, 0), :, place + max(offset, 0)] = g[:, place]
    assert np.array_equal(a.grad.numpy(), expected)


def test_diagonal_is_a_view_and_a_write_to_it_is_refused():
    a = tg.Tensor(np.eye(3), requires_grad=True) * 1.0
    with pytest.raises(GradientError, match="view"):
        np.diagonal(a)[0] = 5.0


# --- misuse ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        (lambda x: linalg.dot(x, np.ones(4)), ValueError),
        (lambda x: linalg.matmul(x, 2.0), ValueError),
        (lambda x: linalg.tensordot(x, np.ones((2, 2)), axes=1), ValueError),
        (lambda x: linalg.tensordot(x, x, axes=((0, 1), (0,))), ValueError),
        (lambda x: linalg.vecdot(x, np.ones(4)), ValueError),
        (lambda x: linalg.vecdot(x, x, axis=5), IndexError),
        (lambda x: linalg.matvec(np.ones(3), x), ValueError),
        (lambda x: linalg.vecmat(np.ones(4), x), ValueError),
        (lambda x: linalg.diagonal(np.ones(3)), ValueError),
        (lambda x: linalg.diagonal(x, 0, 0, 0), ValueError),
        (lambda x: np.dot(x, x.T, out=np.zeros((2, 2))), TypeError),
    ],
)
def test_misuse_is_refused_as_numpy_does(call, kind):
    with pytest.raises(kind):
        call(tg.Tensor(np.ones((2, 3)), requires_grad=True))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("sides", [(300, 300), (400, 64), (4, 5000), (20000, 1), (3, 4)])
@pytest.mark.parametrize("function", [np.matmul, np.dot, tg.matvec], ids=lambda f: getattr(f, "__name__", f"{f}"))
def test_gradients_of_a_matrix_times_a_vector_are_outer_products_whatever_their_size(function, sides, dtype):
    rng = np.random.default_rng(0)
    n, k = sides
    a, v, g = (rng.normal(size=size).astype(dtype) for size in ((n, k), (k,), (n,)))
    before = np.getbufsize()
    x, y = tg.Tensor(a, requires_grad=True), tg.Tensor(v, requires_grad=True)
    for_matrix, for_vector = tg.gradients(function(x, y), [x, y], g)
    assert for_matrix.dtype == for_vector.dtype == dtype
    np.testing.assert_array_equal(for_matrix.numpy(), np.multiply.outer(g, v))
    np.testing.assert_allclose(for_vector.numpy(), g @ a, rtol=1e-4 if dtype == np.float32 else 1e-11, atol=1e-3)
    (by_rows,) = tg.gradients(tg.vecmat(g, x), [x], v)
    np.testing.assert_array_equal(by_rows.numpy(), np.multiply.outer(g, v))
    assert np.getbufsize() == before
