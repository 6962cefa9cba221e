"""Elementwise rows where the table's random calls don't go: extremes, infinities, nan, kinks, ties, mixed orders."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.tensor import Tensor

INF, NAN = math.inf, math.nan


def slopes(name, *points, **params):
    """Value and derivatives with respect to every argument of a row at one point."""
    op = REGISTRY[name]
    tensors = [Tensor(float(p), requires_grad=op.vjps[i] is not None) for i, p in enumerate(points)]
    out = op(*tensors, **params)
    out.backward()
    return [out.item(), *(t.grad.item() for t in tensors if t.requires_grad)]


def bends(name, *points):
    """The matrix of second derivatives of a row at one point."""
    op = REGISTRY[name]
    tensors = [Tensor(float(p), requires_grad=True) for p in points]
    first = tg.gradients(op(*tensors), tensors, create_graph=True)
    return [[0.0 if g is None else g.item() for g in tg.gradients(one, tensors)] for one in first]


# --- extremes: no overflow on the way to an ordinary number ---------------------------------------------------


@pytest.mark.parametrize(
    ("name", "points", "expected"),
    [
        ("hypot", (3e200, 4e200), [5e200, 0.6, 0.8]),
        ("hypot", (3e-200, 4e-200), [5e-200, 0.6, 0.8]),
        ("arctan2", (1e200, 1e200), [math.pi / 4, 0.5e-200, -0.5e-200]),
        ("arctan2", (1e-200, -1e-200), [3 * math.pi / 4, -0.5e200, -0.5e200]),
        ("arcsinh", (1e200,), [math.asinh(1e200), 1e-200]),
        ("arccosh", (1e200,), [math.acosh(1e200), 1e-200]),
        ("arctanh", (1 - 2**-53,), [math.atanh(1 - 2**-53), 2.0**52]),
        ("arcsin", (1 - 2**-53,), [math.asin(1 - 2**-53), 2.0**26]),
        ("log1p", (1e-20,), [1e-20, 1.0]),
        ("expm1", (-50.0,), [-1.0, math.exp(-50)]),
        ("cbrt", (1e-300,), [1e-100, 1e200 / 3]),
        ("reciprocal", (1e-150,), [1e150, -1e300]),
        ("logaddexp", (1000.0, 1000.0), [1000 + math.log(2), 0.5, 0.5]),
        ("logaddexp", (-2000.0, 0.0), [0.0, 0.0, 1.0]),
        ("logaddexp", (-700.0, 0.0), [math.exp(-700), math.exp(-700), 1.0]),
        ("logaddexp2", (3000.0, 3000.0), [3001.0, 0.5, 0.5]),
        ("exp2", (-1074.0,), [5e-324, 5e-324 * math.log(2)]),
        ("sigmoid", (-700.0,), [math.exp(-700), math.exp(-700)]),
        ("tanh", (400.0,), [1.0, 0.0]),
    ],
)
def test_extreme_arguments_keep_their_digits(name, points, expected):
    np.testing.assert_allclose(slopes(name, *points), expected, rtol=4e-13, atol=1e-307)


def test_hypot_of_huge_numbers_has_right_second_derivatives():
    """∂²r/∂x² = y²/r³ and ∂²r/∂x∂y = −xy/r³, here with squares beyond the range of floats."""
    found = np.array(bends("hypot", 3e200, 4e200)) * 5e200
    np.testing.assert_allclose(found, [[0.64, -0.48], [-0.48, 0.36]], rtol=1e-13)


# --- infinities and nan ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "points", "expected"),
    [
        ("logaddexp", (-INF, -INF), [-INF, 0.5, 0.5]),
        ("logaddexp", (INF, INF), [INF, 0.5, 0.5]),
        ("logaddexp", (-INF, 1.0), [1.0, 0.0, 1.0]),
        ("logaddexp", (INF, 1.0), [INF, 1.0, 0.0]),
        ("logaddexp2", (-INF, -INF), [-INF, 0.5, 0.5]),
        ("logaddexp2", (2.0, -INF), [2.0, 1.0, 0.0]),
        ("fmax", (NAN, 1.0), [1.0, 0.0, 1.0]),
        ("fmax", (1.0, NAN), [1.0, 1.0, 0.0]),
        ("fmin", (NAN, 1.0), [1.0, 0.0, 1.0]),
        ("fmin", (1.0, NAN), [1.0, 1.0, 0.0]),
        ("fmax", (2.0, 2.0), [2.0, 0.5, 0.5]),
        ("fmin", (2.0, 2.0), [2.0, 0.5, 0.5]),
        ("nan_to_num", (NAN,), [0.0, 0.0]),
        ("nan_to_num", (INF,), [np.finfo(float).max, 0.0]),
        ("nan_to_num", (-INF,), [np.finfo(float).min, 0.0]),
        ("nan_to_num", (3.0,), [3.0, 1.0]),
        ("fractional_part", (INF,), [0.0, 1.0]),
        ("arctan", (INF,), [math.pi / 2, 0.0]),
        ("exp", (-INF,), [0.0, 0.0]),
        ("sigmoid", (-INF,), [0.0, 0.0]),
    ],
)
def test_infinities_and_nan(name, points, expected):
    np.testing.assert_allclose(slopes(name, *points), expected, rtol=0, atol=1e-307)


def test_nan_to_num_takes_the_numbers_to_put_in():
    x = Tensor([NAN, INF, -INF, 1.0], requires_grad=True)
    y = np.nan_to_num(x, nan=7.0, posinf=8.0, neginf=9.0)
    y.backward(np.ones(4))
    assert y.tolist() == [7, 8, 9, 1]
    assert x.grad.tolist() == [0, 0, 0, 1]
    with pytest.raises(TypeError, match="copy=False"):
        np.nan_to_num(x, copy=False)


def test_logaddexp_at_a_tie_still_bends():
    """The replacement of inf − inf must not touch finite ties: there the second derivatives are ±¼."""
    np.testing.assert_allclose(bends("logaddexp", 1.5, 1.5), [[0.25, -0.25], [-0.25, 0.25]])


# --- kinks and jumps ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "points", "expected"),
    [
        ("hypot", (0.0, 0.0), [0.0, 0.0, 0.0]),
        ("hypot", (0.0, -2.0), [2.0, 0.0, -1.0]),
        ("arctan2", (0.0, 0.0), [0.0, 0.0, 0.0]),
        ("fabs", (0.0,), [0.0, 0.0]),
        ("cbrt", (0.0,), [0.0, INF]),
        ("sqrt", (0.0,), [0.0, INF]),
        ("arcsin", (1.0,), [math.pi / 2, INF]),
        ("arccos", (-1.0,), [math.pi, -INF]),
        ("arccosh", (1.0,), [0.0, INF]),
        ("copysign", (-3.0, 1.0), [3.0, -1.0, 0.0]),
        ("copysign", (3.0, -0.0), [-3.0, -1.0, 0.0]),
        ("copysign", (0.0, 1.0), [0.0, 0.0, 0.0]),
        ("heaviside", (0.0, 0.25), [0.25, 0.0, 1.0]),
        ("heaviside", (-1.0, 0.25), [0.0, 0.0, 0.0]),
        ("rint", (2.5,), [2.0, 0.0]),
        ("trunc", (-2.0,), [-2.0, 0.0]),
        ("fix", (-2.7,), [-2.0, 0.0]),
        ("round", (0.5,), [0.0, 0.0]),
        ("floor_divide", (7.0, -2.0), [-4.0, 0.0, 0.0]),
        ("clip_between", (1.0, 1.0, 2.0), [1.0, 0.0, 1.0, 0.0]),
        ("clip_between", (2.0, 1.0, 2.0), [2.0, 0.0, 0.0, 1.0]),
        ("clip_between", (1.5, 1.0, 2.0), [1.5, 1.0, 0.0, 0.0]),
        ("clip_between", (1.5, 2.0, 1.0), [1.0, 0.0, 0.0, 1.0]),
        ("clip_between", (1.0, 1.0, 1.0), [1.0, 0.0, 0.0, 1.0]),
    ],
)
def test_kinks(name, points, expected):
    assert slopes(name, *points) == expected


@given(x=st.floats(-20, 20), y=st.floats(0.1, 5), sign=st.sampled_from([-1, 1]))
def test_remainders_follow_their_line(x, y, sign):
    """x − k·y with the whole k that makes the value: the derivative with respect to y is −k, exactly."""
    y *= sign
    for name, exact in (("remainder", lambda: x % y), ("fmod", lambda: math.fmod(x, y))):
        value, by_x, by_y = slopes(name, x, y)
        assert value == exact()
        assert by_x == 1
        assert by_y == round(by_y)
        assert abs(x + by_y * y - value) < 1e-13 * (1 + abs(x))


def test_fmod_counts_right_where_the_quotient_rounds_up_to_a_whole_number():
    x, y = 3 * 0.1 - 2**-52, 0.1  # x / y is 3.0 in floats; fmod knows that it is a little less
    below = np.nextafter(6 * 0.7, 0)
    for a, b in ((x, y), (below, 0.7)):
        value, _, by_y = slopes("fmod", a, b)
        assert value == math.fmod(a, b)
        assert by_y == -(a - value) // b or abs(a + by_y * b - value) < 1e-15


# --- powers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("power", [lambda x, y: x**y, np.power, np.float_power], ids=["**", "power", "float_power"])
@pytest.mark.parametrize(
    ("x", "y", "value", "first", "second"),
    [
        (-2.0, 3, -8, 12, -12),
        (-2.0, 3.0, -8, 12, -12),
        (-2.0, np.int64(3), -8, 12, -12),
        (-2.0, np.array(3), -8, 12, -12),
        (-2.0, np.array(3, np.uint8), -8, 12, -12),
        (-2.0, np.array(3.0), -8, 12, -12),
        (-2.0, Tensor(3.0), -8, 12, -12),
        (-2.0, -1, -0.5, -0.25, -0.25),
        (0.0, 0, 1, 0, 0),
        (0.0, np.array(0, np.uint32), 1, 0, 0),
        (0.0, 1, 0, 1, 0),
        (0.0, 2, 0, 0, 2),
        (0.0, np.array(2), 0, 0, 2),
        (0.0, 3.0, 0, 0, 0),
        (3.0, 0, 1, 0, 0),
        (3.0, True, 3, 1, 0),
        (0.0, 0.5, 0, INF, None),
    ],
)
def test_powers_of_any_base_with_any_kind_of_exponent(power, x, y, value, first, second):
    x = Tensor(x, requires_grad=True)
    out = power(x, y)
    (slope,) = tg.gradients(out, [x], create_graph=True)
    assert (out.item(), slope.item()) == (value, first)
    if second is not None and slope.requires_grad:
        assert tg.gradients(slope, x).item() == second


def test_negative_base_has_the_same_gradient_as_repeated_multiplication():
    values = np.array([-2.0, -0.5, 0.0, 1.5])
    for n in range(6):
        x = Tensor(values, requires_grad=True)
        (x**n).sum().backward()
        z = Tensor(values, requires_grad=True)
        product = tg.ones_like(z) + 0 * z
        for _ in range(n):
            product = product * z
        product.sum().backward()
        np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-15)


def test_mixed_second_derivative_of_a_power_at_exponent_0_is_1_over_x():
    np.testing.assert_allclose(bends("power", 4.0, 0.0), [[0, 0.25], [0.25, math.log(4) ** 2]], atol=1e-15)


def test_0_to_a_power_moves_with_the_exponent_by_0():
    assert slopes("power", 0.0, 2.0) == [0, 0, 0]
    y = Tensor(3.0, requires_grad=True)
    (2.0**y).backward()
    assert y.grad.item() == 8 * math.log(2)


# --- dtypes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", [op for op in REGISTRY.values() if op.name in (
    "hypot", "arctan2", "logaddexp", "logaddexp2", "fmax", "fmin", "copysign", "heaviside", "remainder", "fmod",
    "xlogy", "xlog1py", "betaln", "clip_between", "power",
)], ids=lambda op: op.name)  # fmt: skip
def test_python_numbers_as_partners_are_weak_forward_and_backward(op):
    for place in range(op.arity):
        arguments = [1.25, 0.75, 2.0][: op.arity]
        x = arguments[place] = Tensor(np.float32([0.5, 1.5]), requires_grad=True)
        out = op(*arguments)
        assert out.dtype == np.float32
        (g,) = tg.gradients(out.sum(), [x], create_graph=True)
        assert g.dtype == np.float32


def test_float_power_is_float64_and_its_gradient_the_dtype_of_its_argument():
    x = Tensor(np.float32([2.0]), requires_grad=True)
    out = np.float_power(x, 3)
    out.sum().backward()
    assert (out.dtype, x.grad.dtype) == (np.float64, np.float32)
    assert x.grad.item() == 12


# --- parts of numbers, angles ---------------------------------------------------------------------------------


def test_ldexp_and_frexp_undo_each_other_in_value_and_gradient():
    x = Tensor([3.0, -0.2, 1024.0], requires_grad=True)
    mantissa, exponent = REGISTRY["frexp_mantissa"](x), REGISTRY["frexp_exponent"](x)
    assert exponent.dtype == np.int32
    whole = np.ldexp(mantissa, exponent)
    assert whole.tolist() == x.tolist()
    whole.sum().backward()
    assert x.grad.tolist() == [1, 1, 1]


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_unwrap_is_numpy_s_and_passes_the_gradient(axis):
    rng = np.random.default_rng(0)
    values, weights = rng.uniform(-9, 9, (4, 5)), rng.normal(size=(4, 5))
    for params in ({}, {"period": 3.0}, {"discont": 4.0}):
        x = Tensor(values, requires_grad=True)
        out = np.unwrap(x, axis=axis, **params)
        assert np.array_equal(out._data, np.unwrap(values, axis=axis, **params))
        out.backward(weights)
        assert np.array_equal(x.grad.numpy(), weights)


@pytest.mark.parametrize("name", ["spacing", "signbit", "isnan", "frexp_exponent", "logical_xor"])
def test_what_has_no_derivative_gives_constants(name):
    op = REGISTRY[name]
    x = Tensor([1.5, 2.5], requires_grad=True)
    assert not op(*[x] * op.arity).requires_grad


@pytest.mark.parametrize("name", ["bitwise_and", "invert", "left_shift", "gcd"])
def test_bits_of_floats_are_refused(name):
    op = REGISTRY[name]
    with pytest.raises(TypeError, match=name):
        op(*[Tensor([1.5])] * op.arity)


@given(st.integers(0, 2**32 - 1))
def test_bits_are_numpy_s_for_every_integer_dtype(seed):
    rng = np.random.default_rng(seed)
    dtype = rng.choice([np.int8, np.uint8, np.int32, np.int64, np.bool_])
    x, y = rng.integers(0, 2, (2, 3, 4)).astype(dtype), rng.integers(0, 2, 4).astype(dtype)
    for f in (np.bitwise_and, np.bitwise_or, np.bitwise_xor):
        out, expected = f(Tensor(x), y), f(x, y)
        assert out.dtype == expected.dtype
        assert np.array_equal(out._data, expected)
    assert np.array_equal(np.invert(Tensor(x))._data, ~x)
