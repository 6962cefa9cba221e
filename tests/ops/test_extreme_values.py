"""Values and gradients where naive formulas over- or underflow, or lose their digits: of tiny, huge and far numbers.

The witness is the same function of an ordinary copy of the numbers: a norm of 2ⁿ x is 2ⁿ times the norm of x, to the
bit, and what does not see an offset must not see a large one.
"""

import numpy as np
import pytest

import tinygrad_edu as tg

F = tg.functional
BASE = np.array([0.3125, -1.125, 2.25, 0.875, -0.625, 1.75])  # few bits, so that offsets are added exactly
WEIGHTS = np.array([0.5, -1.25, 2.0, 0.75, -0.5, 1.5])
OTHER = np.array([1.0, 2.0, -0.5, 0.25, 3.0, -1.0])
MASK = np.array([True, True, False, True, True, True])


def value_and_gradient(f, x):
    """f(x), and the gradient of its weighted sum."""
    leaf = tg.Tensor(x, requires_grad=True)
    y = f(leaf)
    slope = tg.gradients((y.reshape(-1) * WEIGHTS[: y.size].astype(x.dtype)).sum(), leaf)
    return y.detach().numpy(), slope.numpy()


# --- powers of 2 ---------------------------------------------------------------------------------------------

LENGTHS = {
    "std": tg.std,
    "nanstd": tg.nanstd,
    "std of some": lambda x: tg.std(x, where=MASK),
    "norm": tg.linalg.norm,
    "Frobenius norm": lambda x: tg.linalg.norm(x.reshape(2, 3)),
    **{f"norm {p}": lambda x, p=p: tg.linalg.norm(x, p) for p in (3, 1.5, 0.5, -1, -2, -0.5)},
    "rows": lambda x: tg.linalg.norm(x.reshape(2, 3), 3, axis=1),
    "distance": lambda x: F.pairwise_distance(x, x.detach()[::-1], eps=0.0),
}


@pytest.mark.parametrize(("dtype", "exponent"), [("f8", 900), ("f8", -900), ("f4", 115), ("f4", -110)])
@pytest.mark.parametrize("name", LENGTHS)
def test_lengths_of_tiny_and_huge_vectors(name, dtype, exponent):
    x = BASE.astype(dtype)
    value, slope = value_and_gradient(LENGTHS[name], x)
    scaled, same = value_and_gradient(LENGTHS[name], np.ldexp(x, exponent))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(np.ldexp(scaled.astype(float), -exponent), value, rtol=8 * eps)
    np.testing.assert_allclose(same, slope, rtol=32 * eps)


@pytest.mark.parametrize(("dtype", "exponent"), [("f8", 600), ("f8", -300), ("f4", 70), ("f4", -60)])
@pytest.mark.parametrize(
    "f",
    [
        lambda x: F.cosine_similarity(x, OTHER.astype(x.dtype), axis=0, eps=0.0),
        lambda x: F.normalize(x, axis=0, eps=0.0),
    ],
    ids=["cosine_similarity", "normalize"],
)
def test_directions_of_tiny_and_huge_vectors(f, dtype, exponent):
    x = BASE.astype(dtype)
    value, slope = value_and_gradient(f, x)
    same, scaled = value_and_gradient(f, np.ldexp(x, exponent))
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(same, value, rtol=8 * eps)
    np.testing.assert_allclose(np.ldexp(scaled.astype(float), exponent), slope, rtol=64 * eps)


def test_one_tiny_element_decides_a_norm_of_negative_order():
    for dtype in (np.float64, np.float32):
        value, slope = value_and_gradient(lambda x: tg.linalg.norm(x, -2), np.array([1.0, 1.0, 1e-18], dtype))
        np.testing.assert_allclose(value, 1e-18, rtol=1e-6)
        np.testing.assert_allclose(slope, [0, 0, 0.5], atol=1e-30)


def test_std_of_what_takes_part_without_a_degree_of_freedom_is_nan():
    with np.errstate(invalid="ignore"):
        assert np.isnan(tg.std([1.0, 2.0], where=[True, False], ddof=1).item())


# --- offsets -------------------------------------------------------------------------------------------------

BLIND = {
    "var": (tg.var, 5e-5),  # the value is NumPy's own
    "std": (tg.std, 5e-5),
    "softmax": (tg.softmax, 1e-6),
    "log_softmax": (tg.log_softmax, 1e-6),
    "layer_norm": (lambda x: F.layer_norm(x, 6), 1e-6),
    "batch_norm": (lambda x: F.batch_norm(x.reshape(6, 1), training=True), 1e-6),
    "group_norm": (lambda x: F.group_norm(x.reshape(1, 6), 1), 1e-6),
    "instance_norm": (lambda x: F.instance_norm(x.reshape(1, 1, 6)), 1e-6),
}
MOVED = {"logsumexp": tg.logsumexp, "logcumsumexp": tg.logcumsumexp}  # by as much as the offset


@pytest.mark.parametrize("offset", [1e4, -1e4, 2e5])
@pytest.mark.parametrize("name", [*BLIND, *MOVED])
def test_an_offset_costs_no_digits(name, offset):
    f, tolerance = BLIND[name] if name in BLIND else (MOVED[name], 1e-6)
    x = (BASE + offset).astype(np.float32)
    assert np.array_equal(x - np.float32(offset), BASE), "the offset is added exactly"
    value, slope = value_and_gradient(f, BASE)
    found, found_slope = value_and_gradient(f, x)
    np.testing.assert_allclose(found_slope, slope, rtol=0, atol=5 * tolerance)
    np.testing.assert_allclose(
        found - (name in MOVED) * offset, value, rtol=0, atol=0.02 if name in MOVED else tolerance
    )


def test_running_statistics_are_those_of_the_batch():
    x = np.random.default_rng(0).normal(size=(5, 3, 4)) + 7
    for f, running_var in (
        (F.batch_norm, x.var(axis=(0, 2), ddof=1)),
        (F.instance_norm, x.var(axis=2, ddof=1).mean(0)),
    ):
        mean, var = np.zeros(3), np.ones(3)
        f(x, mean, var, **({"training": True} if f is F.batch_norm else {}), momentum=1.0)
        np.testing.assert_allclose(mean, x.mean(axis=(0, 2)))
        np.testing.assert_allclose(var, running_var)


# --- far out -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("name", ["silu", "mish", "gelu", "gelu tanh"])
def test_activations_end_in_0_on_the_left(name, dtype):
    f = (lambda x: F.gelu(x, "tanh")) if name == "gelu tanh" else getattr(F, name)
    x = np.array([-np.inf, -np.finfo(dtype).max, -60000.0, -1000.0, -200.0, 0.0], dtype)
    leaf = tg.Tensor(x, requires_grad=True)
    y = f(leaf)
    y.sum().backward()
    at_most = 4e-4 if dtype is np.float16 else 1e-35  # what sigmoid can't tell from 0, times x
    np.testing.assert_allclose(y.detach().numpy(), 0, atol=at_most)
    np.testing.assert_allclose(leaf.grad.numpy(), [0, 0, 0, 0, 0, leaf.grad.numpy()[-1]], atol=at_most)


def test_second_derivative_of_logit_near_0():
    x = tg.Tensor(np.array([1e-100, 0.25], np.float64), requires_grad=True)
    first = tg.gradients(tg.logit(x).sum(), x, create_graph=True)
    second = tg.gradients(first.sum(), x).numpy()
    np.testing.assert_allclose(second, [-1e200, -16 + 1 / 0.75**2], rtol=1e-14)
    narrow = tg.Tensor(np.float32(1e-25), requires_grad=True)
    first = tg.gradients(tg.logit(narrow), narrow, create_graph=True)
    with np.errstate(over="ignore"):
        assert tg.gradients(first, narrow).item() == -np.inf  # was nan


# --- matrices ------------------------------------------------------------------------------------------------

MATRIX = np.array([[0.3125, -1.125, 2.25], [0.875, -0.625, 1.75], [1.0, 2.0, -0.5]])


@pytest.mark.parametrize(("dtype", "exponent"), [("f8", 520), ("f8", -520), ("f4", 90), ("f4", -90)])
@pytest.mark.parametrize("name", ["svdvals", "nuc", 2, -2, "eigvalsh", "cond", "cond 1", "cond fro"])
def test_spectra_of_tiny_and_huge_matrices(name, dtype, exponent):
    """Gradients of huge ones were 0, or shared among all singular values: the tolerance for equal ones overflowed."""
    linalg = tg.linalg
    weights = WEIGHTS[:3].astype(dtype)
    f = {
        "svdvals": lambda x: linalg.svdvals(x) * weights,
        "eigvalsh": lambda x: linalg.eigvalsh(x + x.T) * weights,
        "cond": linalg.cond,
        "cond 1": lambda x: linalg.cond(x, 1),
        "cond fro": lambda x: linalg.cond(x, "fro"),
    }.get(name, lambda x: linalg.norm(x, name))
    x = MATRIX.astype(dtype)
    value, slope = value_and_gradient(f, x)
    scaled, same = value_and_gradient(f, np.ldexp(x, exponent))
    same, scaled = same.astype(float), scaled.astype(float)
    if str(name).startswith("cond"):
        same = np.ldexp(same, exponent)
    else:
        scaled = np.ldexp(scaled, -exponent)
    np.testing.assert_allclose(scaled, value, rtol=200 * np.finfo(dtype).eps)
    np.testing.assert_allclose(same, slope, atol=500 * np.finfo(dtype).eps * np.abs(slope).max())


@pytest.mark.parametrize("rows", [(0, 0, 0), (-60, -60, 0), (-30, 0, 40), (-70, 3, 90)])
@pytest.mark.parametrize("columns", [(0, 0, 0), (20, -50, 0)])
def test_gradient_of_the_determinant_of_rows_and_columns_of_different_size(rows, columns):
    """det(r a c) = r₁r₂r₃ c₁c₂c₃ det a: it was as good as the condition, 1e18 here, lets singular values be."""
    exponents = np.add.outer(rows, columns)
    _, first = value_and_gradient(tg.linalg.det, MATRIX)
    _, found = value_and_gradient(tg.linalg.det, np.ldexp(MATRIX, exponents))
    np.testing.assert_allclose(np.ldexp(found, exponents - sum(rows) - sum(columns)), first, rtol=1e-13, atol=1e-14)
