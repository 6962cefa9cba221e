"""Special functions: digits in the tails and near zeros, identities, poles, and derivatives of every order.

Witnesses are the math module, identities between values far apart, and the integrals and sums of special_formulas.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.ops.special_formulas import SPECIAL_FORMULAS, bessel_i, sinc_derivative
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.tensor import Tensor

INF, NAN = math.inf, math.nan
RNG = np.random.default_rng(0)
SMALL = 10.0 ** RNG.uniform(-300, 0, 300)


def row(name, x, *more, **params):
    return REGISTRY[name](np.asarray(x, dtype=np.float64), *more, **params).numpy()


def derivatives(f, x, count):
    """f and its first derivatives at the numbers x, by differentiating the derivative again and again."""
    x = Tensor(x, requires_grad=True)
    out, found = f(x), []
    for _ in range(count + 1):
        found.append(out.numpy() if not out.requires_grad else out.detach().numpy())
        out = tg.gradients(out.sum(), x, create_graph=True)
    return found


# --- error function -------------------------------------------------------------------------------------------


def test_erf_and_erfc_have_all_digits_everywhere():
    x = np.concatenate([RNG.uniform(-7, 7, 3000), RNG.normal(size=1000), SMALL, [0.46875, 4.0, 6.0, -4.0]])
    np.testing.assert_allclose(row("erf", x), [math.erf(v) for v in x], rtol=1.5e-15, atol=0)
    x = np.concatenate([x, RNG.uniform(7, 26, 2000)])
    np.testing.assert_allclose(row("erfc", x), [math.erfc(v) for v in x], rtol=2e-15, atol=0)


def test_erf_of_special_numbers():
    assert np.array_equal(row("erf", [0, INF, -INF, NAN, 1e300]), [0, 1, -1, NAN, 1], equal_nan=True)
    assert np.array_equal(row("erfc", [0, INF, -INF, NAN, 30]), [1, 0, 2, NAN, 0], equal_nan=True)
    assert math.copysign(1, row("erf", -0.0)) == -1


def test_erfinv_undoes_erf_up_to_the_last_number_before_1():
    y = np.concatenate([RNG.uniform(-1, 1, 500), 1 - 10.0 ** RNG.uniform(-15.9, 0, 500), SMALL, -SMALL])
    x = row("erfinv", y)
    again = np.where(np.abs(y) < 0.5, [math.erf(v) for v in x], 1 - y)
    tails = [math.erfc(v) for v in x]
    np.testing.assert_allclose(again, np.where(np.abs(y) < 0.5, y, tails), rtol=4e-14, atol=0)
    assert np.array_equal(row("erfinv", [0, 1, -1, 1.5, -2, NAN]), [0, INF, -INF, NAN, NAN, NAN], equal_nan=True)


def test_derivatives_of_erf_are_hermite_polynomials_times_a_gauss_curve():
    x = np.linspace(-3, 3, 13)
    found = derivatives(tg.erf, x, 4)
    gauss = 2 / math.sqrt(math.pi) * np.exp(-x * x)
    for n in range(1, 5):
        hermite = np.polynomial.hermite.hermval(x, [0] * (n - 1) + [1])
        np.testing.assert_allclose(found[n], (-1) ** (n - 1) * hermite * gauss, rtol=1e-12, atol=1e-13)


def test_slope_of_erfc_keeps_its_digits_in_the_tail():
    x = Tensor([5.0, 15.0, 26.0], requires_grad=True)
    tg.erfc(x).sum().backward()
    expected = [-2 / math.sqrt(math.pi) * math.exp(-v * v) for v in (5, 15, 26)]
    np.testing.assert_allclose(x.grad.numpy(), expected, rtol=1e-13)


# --- gamma functions ------------------------------------------------------------------------------------------


def test_gammaln_equals_the_math_module_s():
    x = np.concatenate([RNG.uniform(0, 30, 3000), 10.0 ** RNG.uniform(-300, 300, 500)])
    np.testing.assert_allclose(row("gammaln", x), [math.lgamma(v) for v in x], rtol=2e-14, atol=4e-15)


def test_gammaln_keeps_its_digits_near_its_zeros_where_the_math_module_loses_them():
    """ln Γ(1 + z) = −γz + ζ(2) z²/2 − ζ(3) z³/3 + …, and ln Γ(2 + z) is log(1 + z) more."""
    coefficients = [0.5772156649015329, math.pi**2 / 6, 1.2020569031595943, math.pi**4 / 90, 1.0369277551433699]
    for z in (1e-3, -1e-3, 1e-5, 1e-9, -1e-12):
        z = (2 + z) - 2  # what 2 + z keeps of z
        series = sum(c * (-z) ** k / k for k, c in enumerate(coefficients, 1))
        np.testing.assert_allclose(row("gammaln", 1 + z), series, rtol=2e-15, atol=0)
        np.testing.assert_allclose(row("gammaln", 2 + z), series + math.log1p(z), rtol=4e-15, atol=0)


def test_gammaln_of_factorials_and_of_negative_numbers():
    n = np.arange(3, 30)
    np.testing.assert_allclose(np.exp(row("gammaln", n)), [float(math.factorial(k - 1)) for k in n], rtol=2e-14)
    x = -RNG.uniform(0, 20, 1000)
    np.testing.assert_allclose(row("gammaln", x), [math.lgamma(v) for v in x], rtol=1e-12, atol=1e-13)
    special = [0.0, -0.0, -1, -2, INF, -INF, NAN, 1, 2]
    assert np.array_equal(row("gammaln", special), [INF] * 6 + [NAN, 0, 0], equal_nan=True)


def test_digamma_has_known_values():
    gamma = 0.5772156649015329
    known = {
        1: -gamma,
        2: 1 - gamma,
        0.5: -gamma - 2 * math.log(2),
        0.25: -gamma - math.pi / 2 - 3 * math.log(2),
        0.75: -gamma + math.pi / 2 - 3 * math.log(2),
        10: -gamma + math.fsum(1 / k for k in range(1, 10)),
        -0.5: -gamma - 2 * math.log(2) + 2,
    }
    np.testing.assert_allclose(row("digamma", list(known)), list(known.values()), rtol=1e-15, atol=3e-16)
    special = row("digamma", [0.0, -0.0, -1, -5, INF, -INF, NAN])
    assert np.array_equal(special, [-INF, INF, NAN, NAN, INF, NAN, NAN], equal_nan=True)


@given(st.floats(0.01, 50))
def test_digamma_and_polygamma_keep_their_recurrence_and_reflection(x):
    for n in range(5):
        f = lambda v, n=n: tg.polygamma(n, v).item()
        step = (-1) ** n * math.factorial(n) / x ** (n + 1)
        size = abs(f(x)) + abs(step)
        assert abs(f(x + 1) - f(x) - step) < 1e-14 * size
    if x < 5 and abs(x - round(x)) > 0.01:
        assert abs(row("digamma", 1 - x) - row("digamma", x) - math.pi / math.tan(math.pi * x)) < 1e-11
        square = (math.pi / math.sin(math.pi * x)) ** 2
        assert abs(row("polygamma", 1 - x, n=1) + row("polygamma", x, n=1) - square) < 1e-11 * square


def test_digamma_keeps_its_digits_near_its_zero():
    """ψ(x₀ + h) ≈ ψ′(x₀) h + ½ψ″(x₀) h², with x₀ to more digits than a float has."""
    zero, rest = 1.4616321449683622, 9.549995429965697e-17
    h = np.array([0.0, 2.0**-50, -(2.0**-40), 2.0**-30])
    shift = h - rest
    first, second = SPECIAL_FORMULAS["polygamma"](zero, n=1), SPECIAL_FORMULAS["polygamma"](zero, n=2)
    np.testing.assert_allclose(row("digamma", zero + h), shift * (first + shift * second / 2), rtol=1e-14)


def test_derivatives_of_gammaln_are_the_polygamma_functions():
    x = np.array([0.3, 1.0, 1.46, 2.5, 12.0])
    found = derivatives(tg.gammaln, x, 5)
    np.testing.assert_allclose(found[1], SPECIAL_FORMULAS["digamma"](x), rtol=1e-12, atol=1e-15)
    for n in range(1, 5):
        np.testing.assert_allclose(found[n + 1], SPECIAL_FORMULAS["polygamma"](x, n=n), rtol=1e-12)


def test_derivatives_of_gammaln_left_of_0_agree_with_the_recurrence():
    """ln |Γ(x)| = ln |Γ(x + 3)| − ln |x (x + 1) (x + 2)|, differentiated term by term."""
    x = np.array([-2.7, -1.5, -0.2])
    left, right = derivatives(tg.gammaln, x, 4), derivatives(tg.gammaln, x + 3, 4)
    for n in range(1, 5):
        terms = sum((-1) ** (n - 1) * math.factorial(n - 1) / (x + k) ** n for k in range(3))
        np.testing.assert_allclose(left[n], right[n] - terms, rtol=1e-11)


def test_betaln_keeps_digits_where_the_sum_of_logarithms_loses_them():
    # B(n, m) for whole numbers is a fraction: Γ(n)Γ(m)/Γ(n+m) = 1 / (m · C(n + m − 1, m))
    for n, m in ((1, 1), (3, 4), (100, 3), (10**6, 2), (10**12, 3), (40, 50), (1000, 1000)):
        exact = -math.log(m * math.comb(n + m - 1, m))
        np.testing.assert_allclose(row("betaln", n, float(m)), exact, rtol=4e-15, atol=1e-15)
        np.testing.assert_allclose(row("betaln", m, float(n)), exact, rtol=4e-15, atol=1e-15)


def test_polygamma_refuses_orders_that_it_does_not_have():
    with pytest.raises(ValueError, match="n must be 0 or more, not -1"):
        tg.polygamma(-1, 2.0)
    with pytest.raises(TypeError, match="n must be a whole number"):
        tg.polygamma(0.5, 2.0)


# --- logarithms of probabilities -------------------------------------------------------------------------------


@given(st.floats(1e-300, 1, exclude_max=True))
def test_logit_is_accurate_near_0_near_half_and_near_1(p):
    exact = math.log1p((2 * p - 1) / (1 - p)) if 0.3 < p < 0.7 else math.log(p) - math.log1p(-p)
    assert math.isclose(row("logit", p), exact, rel_tol=1e-14, abs_tol=1e-300)


def test_logit_undoes_sigmoid_and_knows_its_ends():
    x = np.linspace(-700, 30, 200)
    np.testing.assert_allclose(row("logit", tg.sigmoid(x).numpy())[x < 0], x[x < 0], rtol=1e-14)
    assert np.array_equal(row("logit", [0, 1, -0.1, 1.1, NAN]), [-INF, INF, NAN, NAN, NAN], equal_nan=True)


@pytest.mark.parametrize(
    ("f", "x", "y", "value", "first", "second"),
    [
        (tg.xlogy, 0.0, 0.0, 0.0, 0.0, 0.0),
        (tg.xlogy, 0.0, 2.0, 0.0, math.log(2), 0.0),
        (tg.xlogy, 3.0, 2.0, 3 * math.log(2), math.log(2), 1.5),
        (tg.xlogy, 0.0, INF, 0.0, INF, 0.0),
        (tg.xlogy, 0.0, NAN, NAN, NAN, NAN),
        (tg.xlogy, 2.0, 0.0, -INF, -INF, INF),
        (tg.xlog1py, 0.0, -1.0, 0.0, 0.0, 0.0),
        (tg.xlog1py, 3.0, 1e-20, 3e-20, 1e-20, 3.0),
    ],
)
def test_xlogy_and_xlog1py(f, x, y, value, first, second):
    a, b = Tensor(x, requires_grad=True), Tensor(y, requires_grad=True)
    out = f(a, b)
    out.backward()
    assert np.allclose([out.item(), a.grad.item(), b.grad.item()], [value, first, second], rtol=1e-15, equal_nan=True)


# --- sinc and Bessel functions ----------------------------------------------------------------------------------


def test_derivatives_of_sinc_are_right_at_0_and_everywhere():
    x = np.concatenate([[0.0, 1e-9, -1e-4, 0.31, 0.318309886, 0.4775, 1.0, -2.0], RNG.uniform(-6, 6, 40)])
    for n, found in enumerate(derivatives(np.sinc, x, 6)):
        np.testing.assert_allclose(found, sinc_derivative(x, n), rtol=1e-10, atol=1e-13 * math.pi**n)


def test_derivatives_of_i0_are_right_of_any_order():
    x = np.concatenate([[0.0, 1e-8], RNG.uniform(-8, 8, 20)])
    t = (np.arange(400) + 0.5) * np.pi / 400
    for n, found in enumerate(derivatives(np.i0, x, 5)):
        exact = np.mean(np.exp(x[:, None] * np.cos(t)) * np.cos(t) ** n, axis=-1)
        np.testing.assert_allclose(found, exact, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("order", [0, 1, 4, 7])
def test_bessel_functions_for_large_arguments(order):
    x = np.concatenate([RNG.uniform(-60, 60, 50), [29.99, 30.01, 49.0, 100.0, 600.0]])
    np.testing.assert_allclose(row("bessel_i", x, order=order), bessel_i(x, order), rtol=1e-13, atol=1e-13)


# --- all --------------------------------------------------------------------------------------------------------

NAMES = ["erf", "erfc", "erfinv", "gammaln", "digamma", "logit"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_narrow_floats_get_the_nearest_number_of_their_dtype(name, dtype):
    x = RNG.uniform(0.05, 0.95, 50).astype(dtype)
    assert np.array_equal(REGISTRY[name](x).numpy(), row(name, x).astype(dtype))


@pytest.mark.parametrize("name", NAMES)
def test_special_functions_refuse_complex_numbers(name):
    with pytest.raises(TypeError, match="only real numbers"):
        REGISTRY[name](np.array([1j]))


@pytest.mark.parametrize("name", NAMES)
def test_blocks_of_large_arrays_fit_together(name):
    x = RNG.uniform(0.05, 0.95, (3, 16384)).T
    assert np.array_equal(row(name, x), np.array([row(name, column) for column in x.T]).T)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_of_nothing_is_nothing(name):
    x = tg.Tensor(np.zeros((2, 0)), requires_grad=True)
    y = REGISTRY[name](x)
    assert y.shape == (2, 0)
    y.sum().backward()
    assert x.grad.shape == (2, 0)


def test_erfc_of_float32_is_right_to_the_last_place_in_both_tails():
    x = np.linspace(-6, 10.2, 4001).astype(np.float32)
    exact = tg.erfc(x.astype(np.float64)).numpy()
    found = tg.erfc(x).numpy()
    assert found.dtype == np.float32
    assert (np.abs(found - exact) <= np.spacing(exact.astype(np.float32))).all()
    ends = tg.erfc(np.array([-np.inf, np.inf, np.nan, -1e30, 1e30, 0.0], np.float32)).numpy()
    np.testing.assert_array_equal(ends, np.array([2, 0, np.nan, 2, 0, 1], np.float32))
