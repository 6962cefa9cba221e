"""Inverses, determinants, powers, least squares: against NumPy and differences; singular matrices by name."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.matrices import assert_like_numpy, assert_values, distinct, numbers, positive, regular
from tests.witness import assert_derivatives
from tinygrad_edu import linalg
from tinygrad_edu.errors import GradientError

# --- inverses and determinants -----------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (2,), (2, 0), (1, 2)])
def test_inverse_determinant_and_powers_of_batches(batch):
    a = regular(0, *batch)
    for f in (
        np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.pinv,
        *(lambda a, n=n: np.linalg.matrix_power(a, n) for n in (-3, -1, 0, 1, 2, 5)),
    ):  # fmt: skip
        assert_like_numpy(f, a)


@pytest.mark.parametrize("f", [np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.pinv, np.linalg.eigvalsh])
def test_empty_matrices(f):
    assert_like_numpy(f, np.zeros((2, 0, 0)))


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ((3, 3), (3,)),
        ((3, 3), (3, 2)),
        ((2, 3, 3), (3,)),
        ((2, 3, 3), (3, 2)),
        ((1, 3, 3), (2, 3, 1)),
        ((3, 3), (2, 3, 3)),
    ],
)
def test_solve_with_vectors_matrices_and_broadcast_batches(a, b):
    assert_like_numpy(np.linalg.solve, regular(0, *a[:-2]), numbers(1, *b))


@pytest.mark.parametrize("rank", [0, 1, 2, 3])
def test_derivatives_of_det_are_right_for_singular_matrices_of_any_rank(rank):
    a = numbers(0, 3, rank) @ numbers(1, rank, 3)
    assert_derivatives(linalg.det, a, plain=np.linalg.det)
    assert_derivatives(linalg.det, np.stack([a, regular(2)]), plain=np.linalg.det)


def test_third_derivative_of_det_is_that_of_the_sum_over_permutations():
    def by_columns(a):
        x, y, z = (a[:, j] for j in range(3))
        return np.dot(np.cross(x, y), z)

    a, d = numbers(0, 3, 3), [numbers(i, 3, 3) for i in (1, 2, 3)]
    results = []
    for f in (linalg.det, by_columns):
        x = tg.Tensor(a, requires_grad=True)
        g = f(x)
        for direction in d:
            g = (tg.gradients(g, x, create_graph=True) * direction).sum()
        results.append(g.item())
    np.testing.assert_allclose(*results, rtol=1e-10)


@pytest.mark.parametrize("f", [linalg.inv, lambda a: linalg.solve(a, np.ones(2)), lambda a: linalg.matrix_power(a, -1)])
def test_singular_matrix_has_no_inverse(f):
    with pytest.raises(ValueError, match="Singular matrix"):
        f(tg.Tensor([[1.0, 2.0], [2.0, 4.0]], requires_grad=True))


def test_slogdet_of_a_singular_matrix_is_that_of_numpy_and_has_no_derivative():
    a = tg.Tensor(np.zeros((2, 2)), requires_grad=True)
    sign, logabsdet = np.linalg.slogdet(a)
    assert (sign.item(), logabsdet.item()) == (0, -np.inf)
    with pytest.raises(ValueError, match="the matrix is singular"):
        logabsdet.backward()


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (2, 3, 2), (0, 2), (2, 0)])
def test_pinv_of_any_shape(shape):
    assert_like_numpy(np.linalg.pinv, distinct(0, *shape[:-2], m=shape[-2], n=shape[-1]))


def test_pinv_of_constant_rank():
    """On matrices u v of rank 1 the derivative exists; differences move u and v."""
    f = lambda u, v: np.linalg.pinv(u @ v, rcond=1e-6)
    assert_like_numpy(f, numbers(0, 3, 1), numbers(1, 1, 2))


def test_pinv_options():
    a = np.diag([1.0, 1e-3])
    assert_values(lambda a: np.linalg.pinv(a, 1e-2), a)
    assert_values(lambda a: np.linalg.pinv(a, rtol=1e-2), a)
    assert_values(lambda a: np.linalg.pinv(a, hermitian=True), positive(0) + np.triu(np.ones((3, 3)), 1))
    with pytest.raises(ValueError, match="not both"):
        np.linalg.pinv(tg.Tensor(a), 1e-2, rtol=1e-2)


def test_tensorinv_and_tensorsolve():
    a = regular(0, n=6).reshape(2, 3, 6)
    assert_like_numpy(np.linalg.tensorinv, a, order=1)
    assert_like_numpy(lambda a: np.linalg.tensorinv(a, ind=1), regular(0, n=6).reshape(6, 2, 3), order=1)
    assert_like_numpy(np.linalg.tensorsolve, a, numbers(1, 2, 3), order=1)
    assert_like_numpy(
        lambda a, b: np.linalg.tensorsolve(a, b, axes=(0, 2)), a.reshape(2, 2, 3, 3), numbers(1, 2, 3), order=1
    )


# --- least squares, condition, rank ------------------------------------------------------------------------------


@pytest.mark.parametrize(("m", "n"), [(4, 2), (3, 3), (2, 4), (3, 0), (0, 2)])
@pytest.mark.parametrize("columns", [None, 0, 2])
def test_lstsq(m, n, columns):
    a, b = distinct(0, m=m, n=n), numbers(1, *((m,) if columns is None else (m, columns)))
    found, expected = linalg.lstsq(tg.Tensor(a), b), np.linalg.lstsq(a, b)
    assert found.rank.item() == expected[2]
    for k in (0, 1, 3):
        assert found[k].shape == expected[k].shape
        np.testing.assert_allclose(found[k].numpy(), expected[k], rtol=1e-9, atol=1e-12)
    assert_derivatives(lambda a, b: np.linalg.lstsq(a, b)[:2], a, b)


def test_lstsq_of_less_than_full_rank_and_with_a_threshold():
    a, b = np.diag([1.0, 1e-3, 0.0])[:, :2], numbers(0, 3)
    for rcond in (None, 1e-2, -1):
        found, expected = np.linalg.lstsq(tg.Tensor(a), b, rcond=rcond), np.linalg.lstsq(a, b, rcond=rcond)
        assert found.rank.item() == expected[2]
        np.testing.assert_allclose(found.x.numpy(), expected[0], atol=1e-9)
        assert found.residuals.shape == expected[1].shape


@pytest.mark.parametrize("p", [None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc"])
def test_cond(p):
    assert_like_numpy(lambda a: np.linalg.cond(a, p), distinct(0, 2), order=1)
    assert np.linalg.cond(tg.Tensor([[1.0, 0.0], [1.0, 0.0]]), p).item() == (0 if p == -2 else np.inf)


def test_rank_has_no_derivative():
    a = tg.Tensor(np.diag([1.0, 0.0]), requires_grad=True)
    for rank in (np.linalg.matrix_rank(a), linalg.matrix_rank(a, tol=0.5)):
        assert rank.item() == 1
        assert not rank.requires_grad
    with pytest.raises(GradientError):
        np.linalg.matrix_rank(a).backward()
