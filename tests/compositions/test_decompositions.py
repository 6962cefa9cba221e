"""Decompositions against NumPy and differences: what has a derivative where values coincide, and what has none."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.matrices import assert_like_numpy, assert_values, distinct, mirrored, numbers, positive, transposed
from tests.witness import assert_derivatives, engine_gradients, weighted

# --- symmetric matrices ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch", [(), (2,), (0,)])
def test_cholesky(batch):
    a = positive(0, *batch)
    for f in (np.linalg.cholesky, lambda a: np.linalg.cholesky(a, upper=True)):
        assert_values(f, a)
        assert_derivatives(f, a, plain=mirrored(f))


def test_cholesky_and_eigh_give_symmetric_matrices_a_symmetric_gradient():
    a = positive(0)
    for f in (np.linalg.cholesky, lambda a: np.linalg.eigh(a)[0], np.linalg.eigvalsh):
        (g,) = engine_gradients(f, [a])
        np.testing.assert_allclose(g, g.T, rtol=1e-12)


@pytest.mark.parametrize(
    "f",
    [
        np.linalg.cholesky, lambda a: np.linalg.cholesky(a, upper=True), np.linalg.eigvalsh,
        lambda a: np.linalg.eigvalsh(a, "U"), lambda a: np.linalg.eigh(a, "U")[0],
    ],
)  # fmt: skip
@pytest.mark.parametrize("side", [np.triu, np.tril])
def test_matrix_that_is_not_symmetric_counts_for_the_triangle_that_numpy_reads(f, side):
    a = positive(0) + side(numbers(1, 3, 3), 1 if side is np.triu else -1)
    assert_like_numpy(f, a)


def test_cholesky_of_an_indefinite_matrix_is_refused():
    with pytest.raises(ValueError, match="not positive definite"):
        np.linalg.cholesky(tg.Tensor(-np.eye(2)))


@pytest.mark.parametrize("batch", [(), (2,), (0,)])
def test_eigh_and_eigvalsh(batch):
    a = distinct(0, *batch)
    a = (a + transposed(a)) / 2
    for f in (np.linalg.eigh, np.linalg.eigvalsh):
        assert_values(f, a)
        assert_derivatives(f, a, plain=mirrored(f))


def spectral(g):
    """The matrix function v g(w) vᵀ, which does not depend on the choice of eigenvectors."""

    def f(a):
        w, v = np.linalg.eigh(a)
        return (v * g(w)[..., None, :]) @ transposed(v)

    return f


def test_functions_of_matrices_through_eigenvectors():
    a = positive(0)
    assert_derivatives(spectral(np.log), a, plain=mirrored(spectral(np.log)))
    x = tg.Tensor(a, requires_grad=True)
    g = tg.gradients((spectral(np.square)(x) * numbers(1, 3, 3)).sum(), x)
    expected = tg.gradients((x @ x * numbers(1, 3, 3)).sum(), x).numpy()
    np.testing.assert_allclose(g.numpy(), (expected + expected.T) / 2, rtol=1e-9)


def repeated(seed, *values):
    q, _ = np.linalg.qr(numbers(seed, len(values), len(values)))
    a = (q * np.array(values)) @ q.T
    return (a + a.T) / 2


@pytest.mark.parametrize("a", [np.eye(3), repeated(0, 1.0, 1.0, 2.0), np.zeros((3, 3))], ids=["one", "pair", "zero"])
def test_equal_eigenvalues_share_their_gradient(a):
    """The trace of a function is differentiable there; the smallest eigenvalue takes the mean over its space."""
    for f in (np.linalg.eigvalsh, lambda a: np.linalg.eigh(a)[0]):
        (g,) = engine_gradients(lambda a, f=f: (f(a) ** 3).sum() / weighted(1.0), [a])
        np.testing.assert_allclose(g, 3 * a @ a, atol=1e-12)
        (g,) = engine_gradients(lambda a, f=f: f(a)[0] / weighted(1.0), [a])
        w, v = np.linalg.eigh(a)
        space = v[:, np.isclose(w, w[0])]
        np.testing.assert_allclose(g, space @ space.T / space.shape[1], atol=1e-12)


@pytest.mark.parametrize("a", [np.eye(3), repeated(0, 1.0, 1.0, 2.0)], ids=["one", "pair"])
def test_eigenvectors_of_equal_eigenvalues_have_no_derivative(a):
    """Also where a limit exists, as for the square root: what reaches the rule can't tell."""
    for f in (lambda a: np.linalg.eigh(a)[1], spectral(np.sqrt)):
        x = tg.Tensor(a, requires_grad=True)
        with pytest.raises(ValueError, match="eigenvectors of equal eigenvalues have no derivative"):
            (f(x) * numbers(1, 3, 3)).sum().backward()
        with pytest.raises(ValueError, match="eigenvectors of equal eigenvalues have no derivative"):
            (f(x) * numbers(1, 3, 3)).sum().backward(create_graph=True)


def test_vector_of_a_single_eigenvalue_has_a_derivative_beside_a_pair():
    a = repeated(0, 1.0, 1.0, 2.0)

    def projector(a):
        v = np.linalg.eigh(a)[1][..., 2:]
        return v @ transposed(v)

    assert_derivatives(projector, a, plain=mirrored(projector), order=1)


def real_eig(a):
    """np.linalg.eig as it was before NumPy 2.5, which makes complex numbers of real ones, too."""
    found = np.linalg.eig(a)
    if isinstance(a, tg.Tensor) or found.eigenvalues.imag.any():
        return found
    return type(found)(found.eigenvalues.real, found.eigenvectors.real)


def test_eig_of_real_eigenvalues():
    assert_like_numpy(real_eig, distinct(0))
    assert_like_numpy(lambda a: np.linalg.eigvals(a) if isinstance(a, tg.Tensor) else real_eig(a)[0], distinct(1, 2))


def test_complex_eigenvalues_have_no_derivative():
    a = np.array([[0.0, 1.0], [-1.0, 0.0]])
    with pytest.raises(ValueError, match="complex eigenvalues"):
        np.linalg.eig(tg.Tensor(a, requires_grad=True))
    assert_values(np.linalg.eig, a)
    assert_values(np.linalg.eigvals, a)


# --- QR and singular values --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 4, 2), (2, 2, 3), (0, 2), (2, 0), (0, 2, 2)])
@pytest.mark.parametrize("mode", ["reduced", "r", "complete"])
def test_qr(shape, mode):
    a = distinct(0, *shape[:-2], m=shape[-2], n=shape[-1])
    if mode == "complete" and shape[-2] > shape[-1]:
        assert_values(lambda a: np.linalg.qr(a, mode=mode), a)

        def determined(a):
            q, r = np.linalg.qr(a, mode=mode)
            return q[..., : shape[-1]], r

        assert_like_numpy(determined, a)
    else:
        assert_like_numpy(lambda a: np.linalg.qr(a, mode=mode), a)


def test_columns_of_a_complete_q_beyond_those_of_a_have_no_derivative():
    a = tg.Tensor(distinct(0, m=3, n=2), requires_grad=True)
    q, r = np.linalg.qr(a, mode="complete")
    (q[:, :2].sum() + r.sum()).backward()
    with pytest.raises(ValueError, match="beyond those of a have no derivative"):
        q.sum().backward()


def test_raw_qr_gives_constants():
    a = distinct(0, m=3, n=2)
    h, tau = np.linalg.qr(tg.Tensor(a, requires_grad=True), mode="raw")
    for found, expected in zip((h, tau), np.linalg.qr(a, mode="raw")):
        np.testing.assert_allclose(found.numpy(), expected)
    with pytest.raises(ValueError, match="qr with mode='raw'"):
        h.sum().backward()


def test_qr_of_dependent_columns_has_no_derivative():
    a = tg.Tensor(np.ones((3, 2)), requires_grad=True)
    with pytest.raises(ValueError, match="linearly dependent columns"):
        np.linalg.qr(a)[0].sum().backward()


@pytest.mark.parametrize("shape", [(3, 3), (4, 2), (2, 4), (2, 3, 2), (2, 2, 3), (0, 2), (2, 0), (1, 1), (0, 3, 2)])
def test_svd_reduced_and_singular_values(shape):
    a = distinct(0, *shape[:-2], m=shape[-2], n=shape[-1])
    assert_like_numpy(lambda a: np.linalg.svd(a, full_matrices=False), a)
    assert_like_numpy(np.linalg.svdvals, a)
    assert_values(np.linalg.svd, a)
    assert_like_numpy(lambda a: np.linalg.svd(a, compute_uv=False), a)


@pytest.mark.parametrize("shape", [(4, 2), (2, 4), (2, 4, 2)])
def test_full_svd_of_what_does_not_depend_on_the_choice_of_basis(shape):
    a = distinct(0, *shape[:-2], m=shape[-2], n=shape[-1])
    m, n = shape[-2:]

    def beyond(a):  # the length of b outside the range of a, and in its kernel
        u, _, vh = np.linalg.svd(a)
        left, right = u[..., :, min(m, n) :], vh[..., min(m, n) :, :]
        return (
            ((numbers(1, m) @ left) ** 2).sum(),
            ((right @ numbers(2, n)) ** 2).sum(),
            u[..., : min(m, n)],
            vh[..., 0, :],
        )

    assert_derivatives(beyond, a)
    x = tg.Tensor(a, requires_grad=True)
    with pytest.raises(ValueError, match="singular vectors of equal singular values have no derivative"):
        weighted(np.linalg.svd(x)).backward()


def test_svd_of_symmetric_matrices():
    a = distinct(0) * np.array([1.0, -1.0, 1.0])
    a = (a + a.T) / 2
    f = lambda a: np.linalg.svd(a, hermitian=True)
    assert_values(f, a)
    assert_derivatives(f, a, plain=mirrored(f))
    assert_values(lambda a: np.linalg.svd(a, hermitian=True, compute_uv=False), a)
    assert [part.dtype for part in f(tg.from_numpy(a.astype(np.float32)))] == [np.float32] * 3  # V was float64


@pytest.mark.parametrize("a", [np.eye(3), np.zeros((2, 3)), np.diag([2.0, 2.0, 0.0])], ids=["one", "zero", "pair"])
def test_equal_singular_values_share_their_gradient_and_0_gets_none(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    kept = s > 0
    for f in (np.linalg.svdvals, lambda a: np.linalg.svd(a)[1]):
        (nuclear,) = engine_gradients(lambda a, f=f: f(a).sum() / weighted(1.0), [a])
        np.testing.assert_allclose(nuclear, (u * kept) @ vh, atol=1e-12)
        (largest,) = engine_gradients(lambda a, f=f: f(a)[0] / weighted(1.0), [a])
        top = kept & (s == s[0])
        np.testing.assert_allclose(largest, (u * top) @ vh / max(top.sum(), 1), atol=1e-12)


def test_low_rank_part_is_right_where_the_rest_is_zero():
    a = numbers(0, 3, 1) @ numbers(1, 1, 2)

    def part(a):
        u, s, vh = np.linalg.svd(a, full_matrices=False)
        return s[0] * u[:, :1] @ vh[:1]

    assert_derivatives(part, a, order=1)
