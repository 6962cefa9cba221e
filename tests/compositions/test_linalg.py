"""Products, diagonals and triangles against NumPy; dtypes, layouts and misuse of all of np.linalg."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.matrices import assert_like_numpy, assert_values, distinct, numbers, regular
from tests.witness import assert_derivatives, engine_gradients, parts, slope
from tinygrad_edu import linalg
from tinygrad_edu.compositions import linalg as products

SIDES = st.integers(0, 3)
SHAPES = st.lists(SIDES, max_size=3).map(tuple)


# --- products ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "y"),
    [
        (np.inner, (3,), (3,)), (np.inner, (2, 3), (4, 2, 3)), (np.inner, (), (2, 3)), (np.inner, (2, 0), (0,)),
        (np.outer, (2, 3), (2,)), (np.outer, (0,), (2,)), (np.outer, (), (2,)), (np.vdot, (2, 3), (3, 2)),
        (np.vdot, (), ()),
        (np.kron, (2, 3), (3, 2)), (np.kron, (3,), (2, 2)), (np.kron, (2, 1, 2), (2,)), (np.kron, (), (2,)),
        (np.cross, (2, 3), (3,)), (np.cross, (0, 3), (1, 3)),
        (np.linalg.cross, (4, 3), (3,)), (np.linalg.outer, (2,), (3,)), (np.linalg.vecdot, (4, 3), (3,)),
        (np.linalg.matmul, (4, 2, 3), (3, 2)), (lambda x, y: np.linalg.tensordot(x, y, axes=1), (2, 3), (3,)),
        (lambda x, y: np.cross(x, y, axisa=0, axisb=1, axisc=0), (3, 2), (2, 3)),
        (lambda x, y: np.cross(x, y, axis=0), (3, 2), (3, 1)),
        (lambda x, y: np.linalg.cross(x, y, axis=0), (3, 2), (3, 1)),
    ],
)  # fmt: skip
def test_products_of_two(f, x, y):
    assert_like_numpy(f, numbers(0, *x), numbers(1, *y))


@pytest.mark.parametrize(("left", "right"), [(2, 3), (3, 2), (2, 2)])
def test_cross_of_vectors_of_two_is_that_with_a_third_0(left, right):
    x, y = numbers(0, 4, left), numbers(1, 4, right)

    def padded(x, y):
        full = np.cross(*(np.concatenate([v, np.zeros((4, 3 - v.shape[-1]))], axis=-1) for v in (x, y)))
        return full[..., 2] if left == 2 == right else full

    np.testing.assert_allclose(products.cross(x, y).numpy(), padded(x, y), rtol=1e-12)
    assert_derivatives(products.cross, x, y, plain=padded)


@pytest.mark.parametrize(
    "shapes", [[(2, 3), (3, 4)], [(2, 3), (3, 4), (4, 1)], [(3,), (3, 4), (4, 2), (2,)], [(3,), (3,)]]
)
def test_multi_dot(shapes):
    arrays = [numbers(i, *shape) for i, shape in enumerate(shapes)]
    assert_like_numpy(lambda *x: np.linalg.multi_dot(list(x)), *arrays)


def test_multi_dot_takes_the_cheapest_order():
    arrays = [
        tg.Tensor(numbers(i, *shape), requires_grad=True)
        for i, shape in enumerate([(2, 50), (50, 3), (3, 50), (50, 1)])
    ]
    out = linalg.multi_dot(arrays)
    assert [parent.out.shape for parent in out._node.inputs] == [(2, 50), (50, 1)]


# --- diagonals and triangles -------------------------------------------------------------------------------------


@given(st.integers(-3, 3), SHAPES)
def test_diagonals_and_triangles_with_any_offset(k, batch):
    a, v = numbers(0, *batch, 2, 3), numbers(1, 3)
    for f in (
        lambda a: np.trace(a, k, -2, -1), lambda a: np.linalg.trace(a, offset=k), np.linalg.matrix_transpose,
        lambda a: np.linalg.diagonal(a, offset=k),
        lambda a: np.tril(a, k), lambda a: np.triu(a, k), np.matrix_transpose,
    ):  # fmt: skip
        assert_like_numpy(f, a)
    assert_like_numpy(lambda v: np.diag(v, k), v)
    assert_like_numpy(lambda v: np.diagflat(v, k), a[..., :1])
    assert_like_numpy(lambda a: np.diag(a, k), numbers(2, 2, 3))
    assert_like_numpy(lambda v: np.tril(v, k), v)


def test_integers_and_booleans_keep_numpys_dtype():
    for f in (np.tril, np.triu, np.diag, np.diagflat, np.trace, lambda a: np.kron(a, a), lambda a: np.vander(a[0])):
        for dtype in (np.int32, np.int64, np.bool_):
            assert_values(f, np.array([[1, 0], [1, 1]], dtype))


@pytest.mark.parametrize("options", [{}, {"N": 2}, {"N": 5, "increasing": True}, {"N": 0}])
def test_vander_at_zero_too(options):
    assert_like_numpy(lambda x: np.vander(x, **options), np.array([0.0, -1.5, 2.0]))


# --- dtypes and misuse -------------------------------------------------------------------------------------------

EVERYTHING = {
    "inv": np.linalg.inv, "det": np.linalg.det, "slogdet": np.linalg.slogdet, "pinv": np.linalg.pinv,
    "solve": lambda a: np.linalg.solve(a, a), "power": lambda a: np.linalg.matrix_power(a, -2),
    "cholesky": np.linalg.cholesky, "eigh": np.linalg.eigh, "eigvalsh": np.linalg.eigvalsh, "eig": np.linalg.eig,
    "qr": np.linalg.qr, "wide qr": lambda a: np.linalg.qr(a[:2]), "svd": np.linalg.svd, "svdvals": np.linalg.svdvals,
    "tall svd": lambda a: np.linalg.svd(a[:, :2], full_matrices=False), "lstsq": lambda a: np.linalg.lstsq(a, a[0])[0],
    "cond": np.linalg.cond, "trace": np.trace, "kron": lambda a: np.kron(a, a), "triu": np.triu, "diag": np.diag,
    "vander": lambda a: np.vander(a[0], 4), "cross": lambda a: np.cross(a, a[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", EVERYTHING)
def test_float32_stays_float32_and_near_float64(name):
    f = EVERYTHING[name]
    a = distinct(0)
    a = (a + a.T) / 2
    x, y = tg.Tensor(a.astype(np.float32), requires_grad=True), tg.Tensor(a, requires_grad=True)
    for t in (x, y):
        sum((part**2).sum() * (k + 1) + part.sum() for k, part in enumerate(parts(f(t)))).backward()
    assert {part.dtype for part in parts(f(x))} == {np.dtype(np.float32)}
    assert x.grad.dtype == np.float32
    np.testing.assert_allclose(x.grad.numpy(), y.grad.numpy(), rtol=2e-3, atol=2e-3)


@pytest.mark.parametrize("name", EVERYTHING)
@pytest.mark.parametrize(
    "layout", [np.asfortranarray, lambda a: a[::-1, ::-1][::-1, ::-1], lambda a: np.repeat(a, 2, 1)[:, ::2]]
)
def test_memory_layout_does_not_matter(name, layout):
    f = EVERYTHING[name]
    a = distinct(0)
    a = (a + a.T) / 2
    np.testing.assert_allclose(engine_gradients(f, [layout(a)])[0], engine_gradients(f, [a])[0], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(
    ("call", "kind"),
    [
        *((lambda x, f=f: f(x), ValueError) for f in (
            np.linalg.inv, np.linalg.det, np.linalg.slogdet, np.linalg.cholesky, np.linalg.eigh, np.linalg.eigvalsh,
            np.linalg.eig, lambda x: np.linalg.matrix_power(x, 2), lambda x: np.linalg.cond(x, 1),
            lambda x: np.linalg.solve(x, np.ones(2)), lambda x: np.linalg.tensorsolve(x, np.ones(2)),
            np.linalg.tensorinv, lambda x: np.linalg.tensorinv(x, ind=0), lambda x: np.linalg.qr(x[0]),
            lambda x: np.linalg.svd(x[0]), lambda x: np.linalg.pinv(x[0]), lambda x: np.linalg.lstsq(x, np.ones(3)),
            lambda x: np.linalg.lstsq(x[0], x[0]), lambda x: np.linalg.multi_dot([x]),
            lambda x: np.linalg.multi_dot([x, x[None], x]), lambda x: np.cross(x, np.ones(4)), np.vander,
            lambda x: np.linalg.cross(x[:, :2], x[:, :2]), lambda x: np.linalg.outer(x, x), lambda x: np.diag(x[None]),
            lambda x: np.matrix_transpose(x[0]), lambda x: np.linalg.eigh(x @ x.T, "X"), lambda x: np.vdot(x, x[0]),
            lambda x: np.linalg.qr(x, mode="full"), lambda x: np.linalg.solve(np.eye(2), np.ones((2, 3, 1)) @ x[:1]),
            lambda x: np.linalg.cond(x[:0]), lambda x: np.inner(x, np.ones(2)),
        )),
        *((lambda x, f=f: f(x), TypeError) for f in (
            lambda x: np.linalg.matrix_power(x @ x.T, 0.5), lambda x: np.outer(x, x, out=np.zeros((6, 6))),
            lambda x: np.trace(x, out=np.zeros(())), lambda x: np.linalg.multi_dot([x, x.T], out=np.zeros((2, 2))),
            lambda x: np.vdot(x.astype(complex), x), lambda x: np.linalg.inv(x.astype(np.float16)[:, :2]),
            lambda x: np.linalg.eigh((x @ x.T).astype(complex)), lambda x: np.linalg.svd(x.astype(complex)),
        )),
    ],
)  # fmt: skip
def test_misuse_is_refused_as_numpy_does(call, kind):
    with pytest.raises(kind):
        call(tg.Tensor(numbers(0, 2, 3), requires_grad=True))


def test_namespace_has_every_name_of_numpys():
    assert set(np.linalg.__all__) <= set(linalg.__all__)
    assert all(hasattr(linalg, name) for name in linalg.__all__)


def test_witness_itself_finds_a_wrong_derivative():
    wrong = lambda a: np.linalg.det(a) if isinstance(a, np.ndarray) else np.linalg.det(a) * 1.001
    with pytest.raises(AssertionError):
        assert_derivatives(wrong, regular(0), order=1)
    assert abs(slope(lambda a: (a**3).sum(), [np.array([2.0])], 0, np.ones(1)) - 12) < 1e-8


def test_out_takes_products_and_traces_with_their_gradients():
    a = numbers(0, 2, 2)
    for f in (np.dot, np.outer, lambda a, b, out: np.linalg.multi_dot([a, b], out=out)):
        x = tg.Tensor(a, requires_grad=True)
        shape = (4, 4) if f is np.outer else (2, 2)
        out = tg.zeros(shape)
        assert f(x, a, out=out) is out
        out.sum().backward()
        other = tg.Tensor(a, requires_grad=True)
        f(other, a, out=None).sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), other.grad.numpy())
    out = np.zeros(())
    assert np.trace(tg.Tensor(a), out=out) is out
    assert out == np.trace(a)


@pytest.mark.parametrize("p", [None, 2, -2, 1, np.inf, "fro", "nuc"])
def test_cond_of_singular_matrices_is_inf_without_a_gradient(p):
    a = np.stack([regular(0), np.zeros((3, 3)), np.ones((3, 3))])
    x = tg.Tensor(a, requires_grad=True)
    got = np.linalg.cond(x, p)
    np.testing.assert_allclose(got.detach().numpy()[0], np.linalg.cond(a[0], p))
    if p not in (None, 2, -2):  # whose smallest singular value may be 1e-17 instead of 0
        assert np.isinf(got.detach().numpy()[1:]).all()
        got.sum().backward()
        assert not x.grad.numpy()[1:].any()
    assert np.linalg.cond(np.zeros((0, 2, 2)), p).shape == np.linalg.cond(tg.zeros((0, 2, 2)), p).shape == (0,)


def test_singular_vectors_of_a_singular_symmetric_matrix_are_orthonormal():
    u, s, vh = np.linalg.svd(tg.Tensor([[1.0, 0.0], [0.0, 0.0]]), hermitian=True)
    for q in (u, vh):
        np.testing.assert_allclose((q @ q.T).numpy(), np.eye(2))
    assert s.tolist() == [1, 0]


def test_rank_of_lstsq_has_numpys_dtype():
    a, b = numbers(0, 4, 2), numbers(1, 4)
    for got, expected in zip(np.linalg.lstsq(tg.Tensor(a), b), np.linalg.lstsq(a, b)):
        assert got.dtype == np.asarray(expected).dtype
        np.testing.assert_allclose(got.numpy(), expected)
