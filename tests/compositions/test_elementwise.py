"""Elementwise compositions: clip with every kind of bound, two-valued functions, closeness, other names."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.compositions import elementwise
from tinygrad_edu.tensor import Tensor

SEEDS = st.integers(0, 2**32 - 1)


def difference_quotients(f, arrays, weights, step=1e-6):
    """∂⟨weights, f⟩ of every argument by central differences."""
    slopes = []
    for place, array in enumerate(arrays):
        slope = np.zeros(array.shape)
        for index in np.ndindex(array.shape):
            moved = [[np.array(a) for a in arrays] for _ in range(2)]
            moved[0][place][index] += step
            moved[1][place][index] -= step
            slope[index] = np.sum(weights * (f(*moved[0]) - f(*moved[1]))) / (2 * step)
        slopes.append(slope)
    return slopes


# --- clip -----------------------------------------------------------------------------------------------------


@given(SEEDS)
def test_clip_with_tensor_bounds_is_numpy_s_with_right_gradients(seed):
    rng = np.random.default_rng(seed)
    values = rng.permutation(24 + 4 + 3) * 0.1 - 1.5  # all different: no kinks
    x, low, high = values[:24].reshape(2, 3, 4), values[24:28], values[28:].reshape(3, 1)
    weights = rng.normal(size=x.shape)
    tensors = [Tensor(a, requires_grad=True) for a in (x, low, high)]
    out = np.clip(*tensors)
    assert np.array_equal(out._data, np.clip(x, low, high))
    out.backward(weights)
    for tensor, slope in zip(tensors, difference_quotients(np.clip, (x, low, high), weights)):
        np.testing.assert_allclose(tensor.grad.numpy(), slope, atol=1e-8)


@pytest.mark.parametrize(
    ("bounds", "by_x", "by_bound"),
    [
        ({"a_min": 0, "a_max": 1}, [0, 0, 1, 0, 0], None),
        ({"min": 0}, [0, 0, 1, 1, 1], None),
        ({"max": 1}, [1, 1, 1, 0, 0], None),
        ({"a_min": None, "a_max": 1}, [1, 1, 1, 0, 0], None),
        ({"min": [0.0, 0.0, 0.0, 2.0, 3.0]}, [0, 0, 1, 0, 0], None),
        ({"min": Tensor(0.0, requires_grad=True)}, [0, 0, 1, 1, 1], 2),
        ({"max": Tensor(1.0, requires_grad=True)}, [1, 1, 1, 0, 0], 2),
        ({"min": Tensor(0.0), "max": 1}, [0, 0, 1, 0, 0], None),
        ({}, [1, 1, 1, 1, 1], None),
    ],
)
def test_clip_by_every_name_of_the_bounds(bounds, by_x, by_bound):
    for f in (np.clip, tg.clip):
        x = Tensor([-1.0, 0.0, 0.5, 1.0, 2.0], requires_grad=True)
        tracked = [b for b in bounds.values() if isinstance(b, Tensor) and b.requires_grad]
        for bound in tracked:
            bound.grad = None
        out = f(x, **bounds)
        plain = {name: b.detach().numpy() if isinstance(b, Tensor) else b for name, b in bounds.items()}
        assert np.array_equal(out._data, np.clip(x._data, **plain))
        out.sum().backward()
        assert x.grad.tolist() == by_x
        assert [b.grad.item() for b in tracked] == ([] if by_bound is None else [by_bound])


def test_clip_of_integers_stays_integer_also_between_tensors():
    x = np.array([-5, 0, 5], np.int8)
    for bounds in ({"min": Tensor(np.int8(-1))}, {"max": Tensor(np.int8(1))}):
        out = np.clip(Tensor(x), **bounds)
        assert (out.dtype, out.tolist()) == (np.int8, np.clip(x, **{k: b._data for k, b in bounds.items()}).tolist())
    wide = np.clip(Tensor(x), min=Tensor(np.int64(1000)))
    assert (wide.dtype, wide.tolist()) == (np.int64, [1000] * 3)


@pytest.mark.parametrize(
    ("call", "kind", "text"),
    [
        (lambda x: np.clip(x, 0), TypeError, "a_max is missing"),
        (lambda x: np.clip(x, a_max=0), TypeError, "a_min is missing"),
        (lambda x: np.clip(x, 0, 1, min=0), ValueError, "give one pair"),
        (lambda x: np.clip(x, [1.0, 2.0], None), ValueError, "clip"),
        (lambda x: np.clip(x, Tensor([1.0, 2.0]), None), ValueError, "clip"),
    ],
)
def test_clip_refuses_what_numpy_refuses(call, kind, text):
    with pytest.raises(kind):
        call(np.ones(3)) if text != "clip" else np.clip(np.ones(3), [1.0, 2.0], None)
    with pytest.raises(kind, match=text):
        call(Tensor(np.ones(3), requires_grad=True))


def test_clip_writes_into_out():
    out = Tensor(np.zeros(3))
    x = Tensor([-1.0, 0.5, 2.0], requires_grad=True)
    np.clip(x, 0, 1, out=out)
    out.sum().backward()
    assert out.tolist() == [0, 0.5, 1]
    assert x.grad.tolist() == [0, 1, 0]


# --- round, divmod, modf, frexp -------------------------------------------------------------------------------


@given(SEEDS, st.integers(-2, 3))
def test_round_is_numpy_s_and_has_derivative_0(seed, decimals):
    x = np.random.default_rng(seed).normal(size=(3, 4)) * 100
    for f in (np.round, np.around, tg.round):
        t = Tensor(x, requires_grad=True)
        out = f(t, decimals)
        assert np.array_equal(out._data, np.round(x, decimals))
        out.sum().backward()
        assert not t.grad._data.any()


@given(SEEDS)
def test_divmod_is_python_s_and_its_parts_make_up_the_whole(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-9, 9, (2, 3)), rng.uniform(0.5, 3, 3) * rng.choice([-1, 1], 3)
    x, y = Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)
    quotient, rest = tg.divmod(x, y)
    expected = np.divmod(a, b)
    assert np.array_equal(quotient._data, expected[0])
    assert np.array_equal(rest._data, expected[1])
    (quotient * y + rest).sum().backward()  # is x: the derivatives of the remainder undo those of the product
    assert np.array_equal(x.grad._data, np.ones((2, 3)))
    np.testing.assert_allclose(y.grad._data, 0, atol=1e-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int8, np.int32, np.int64])
def test_modf_is_numpy_s(dtype):
    values = np.array([2.75, -2.75, 3.0, -3.0, 0.0]).astype(dtype)
    for part, expected in zip(tg.modf(values), np.modf(values)):
        assert part.dtype == expected.dtype
        assert np.array_equal(part._data, expected)
        assert np.array_equal(np.signbit(part._data), np.signbit(expected))


def test_modf_splits_the_gradient():
    x = Tensor([2.75, -2.75, 3.0], requires_grad=True)
    fraction, whole = tg.modf(x)
    (5 * fraction + 7 * whole).sum().backward()
    assert x.grad.tolist() == [5, 5, 5]


def test_frexp_is_numpy_s():
    values = np.array([3.0, -0.3, 0.0, 1024.0, 5e-324, np.inf])
    x = Tensor(values, requires_grad=True)
    mantissa, exponent = tg.frexp(x)
    expected = np.frexp(values)
    assert np.array_equal(mantissa._data, expected[0])
    assert (exponent.dtype, exponent.tolist()) == (expected[1].dtype, expected[1].tolist())
    mantissa[:4].sum().backward()
    assert x.grad.tolist()[:4] == [0.25, 2.0, 1.0, 2.0**-11]


# --- real and complex -----------------------------------------------------------------------------------------


def test_parts_of_real_numbers():
    values = np.array([1.5, -2.0, 0.0, -0.0, np.inf, -np.inf])
    for f, slope in ((np.real, 1), (np.imag, 0), (np.angle, 0), (np.conj, 1), (lambda z: np.angle(z, deg=True), 0)):
        x = Tensor(values, requires_grad=True)
        out = f(x)
        assert np.array_equal(out._data, f(values))
        out[:4].sum().backward()
        assert x.grad.tolist()[:4] == [slope] * 4
    for f in (np.isreal, np.iscomplex):
        assert np.array_equal(f(Tensor(values))._data, f(values))
    assert np.isrealobj(Tensor(values)) is True
    assert np.iscomplexobj(Tensor(values)) is False


@pytest.mark.parametrize("f", [np.real, np.imag, np.angle, np.isposinf])
def test_complex_tensors_are_refused(f):
    with pytest.raises(TypeError, match="takes real tensors"):
        f(Tensor(np.array([1j])))


# --- special functions ----------------------------------------------------------------------------------------


def test_softplus_and_log_sigmoid_keep_their_digits_in_both_tails():
    x = Tensor([-700.0, -40.0, 0.0, 40.0, 700.0], requires_grad=True)
    tg.softplus(x).sum().backward()
    tails = [math.exp(-700), math.exp(-40), math.log(2), 40 + math.exp(-40), 700]
    np.testing.assert_allclose(tg.softplus(x)._data, tails, rtol=1e-13)
    np.testing.assert_allclose(x.grad._data, [math.exp(-700), math.exp(-40), 0.5, 1, 1], rtol=1e-13)
    x.grad = None
    tg.log_sigmoid(x).sum().backward()
    np.testing.assert_allclose(tg.log_sigmoid(x)._data, [-t for t in reversed(tails)], rtol=1e-13)
    np.testing.assert_allclose(x.grad._data, [1, 1, 0.5, math.exp(-40), math.exp(-700)], rtol=1e-13)


def test_polygamma_of_order_0_is_digamma_and_orders_are_derivatives():
    x = Tensor([0.5, 2.0], requires_grad=True)
    assert tg.polygamma(0, x).tolist() == tg.digamma(x).tolist()
    (slope,) = tg.gradients(tg.polygamma(2, x).sum(), [x])
    assert slope.tolist() == tg.polygamma(3, x).tolist()
    np.testing.assert_allclose(tg.polygamma(1, 1.0).item(), math.pi**2 / 6, rtol=1e-15)


# --- closeness ------------------------------------------------------------------------------------------------


@given(SEEDS)
def test_isclose_allclose_and_array_equal_are_numpy_s(seed):
    rng = np.random.default_rng(seed)
    pool = np.array([1.0, 1.0 + 1e-9, 1.0 + 2e-5, np.nan, np.inf, -np.inf, 0.0, 1e-9, -0.0])
    a, b = rng.choice(pool, (2, 3)), rng.choice(pool, rng.choice([1, 3]))
    if rng.random() < 0.3:
        b = np.array(a)
    for params in ({}, {"equal_nan": True}, {"rtol": 1e-4}, {"atol": 1e-4}):
        out, expected = np.isclose(Tensor(a), b, **params), np.isclose(a, b, **params)
        assert out.dtype == np.bool_
        assert np.array_equal(out._data, expected)
        assert np.allclose(a, Tensor(b), **params) is bool(expected.all())
    assert np.array_equal(Tensor(a), b) is np.array_equal(a, b)
    assert np.array_equal(Tensor(a), b, equal_nan=True) is np.array_equal(a, b, equal_nan=True)
    assert np.array_equiv(Tensor(a), b) is np.array_equiv(a, b)
    for f in (np.isposinf, np.isneginf):
        assert np.array_equal(f(Tensor(a))._data, f(a))


def test_a_python_number_is_as_close_to_a_float32_tensor_as_to_a_float32_array():
    """|b| of a plain number was a float64 Tensor, which made the tolerance float64 and 1 > 1 − 2⁻⁵²."""
    below_one = 1 - 2.0**-52
    for x in (np.array(1, np.float32), np.ones(2, np.float32)):
        assert np.isclose(x, 2, atol=0, rtol=below_one / 2).all()
        assert np.isclose(tg.from_numpy(x), 2, atol=0, rtol=below_one / 2).all()
        assert np.isclose(tg.from_numpy(x), -2, atol=below_one, rtol=1).all()


def test_closeness_of_integers_and_of_shapes_that_do_not_fit():
    assert np.isclose(Tensor(np.array([3, 2**62])), np.array([3, -(2**62)])).tolist() == [True, False]
    assert np.isclose(Tensor(np.array([0, 1], np.uint8)), np.array([1, 0], np.uint8)).tolist() == [False, False]
    assert np.array_equal(Tensor([1.0, 2.0]), [1.0]) is False
    assert np.array_equiv(Tensor([1.0, 2.0]), [1.0, 2.0, 3.0]) is False
    with pytest.raises(ValueError, match="broadcast"):
        np.isclose(Tensor([1.0, 2.0]), [1.0, 2.0, 3.0])


def test_closeness_of_tracked_tensors_is_a_constant():
    x = Tensor([1.0, 2.0], requires_grad=True)
    assert not np.isclose(x, x).requires_grad
    assert np.allclose(x, x) is True


# --- names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    ["acos", "acosh", "asin", "asinh", "atan", "atan2", "atanh", "conj", "mod", "pow", "true_divide", "bitwise_not",
     "bitwise_invert", "bitwise_left_shift", "bitwise_right_shift", "abs"],
)  # fmt: skip
def test_other_names_are_numpy_s(name):
    op = getattr(elementwise, name)
    assert op.name == getattr(np, name).__name__
    assert getattr(tg, name) is op


def test_every_public_name_is_reachable_and_no_other():
    assert sorted(elementwise.__all__) == elementwise.__all__
    for name in elementwise.__all__:
        assert getattr(tg, name) is getattr(elementwise, name)


def test_closeness_to_python_numbers_is_asked_in_the_dtype_of_the_array():
    one, below = np.ones(1, np.float32), 0.9999999999999998
    assert np.isclose(tg.Tensor(one), below, atol=0, rtol=0).tolist() == np.isclose(one, below, atol=0, rtol=0).tolist()
    assert np.isclose(below, tg.Tensor(one), atol=0, rtol=0).tolist() == [True]
    assert tg.isclose(1.0, 2).tolist() is False


def test_where_both_bounds_of_clip_are_one_number_only_the_upper_one_gets_the_gradient():
    for x in (-1.0, 2.0, 5.0):
        tensors = [tg.Tensor(value, requires_grad=True) for value in (x, 2.0, 2.0)]
        tg.clip(*tensors).backward()
        assert [float(tensor.grad) for tensor in tensors] == [0.0, 0.0, 1.0]


def test_angle_of_booleans_is_float64():
    assert tg.angle(tg.Tensor([True, False])).dtype == np.angle(np.array([True, False])).dtype == np.float64


def test_clip_method_of_plain_arrays_takes_tensors_as_bounds():
    x, low, high = np.array([-3.0, 0.25, 3.0]), tg.Tensor(-1.0, requires_grad=True), tg.Tensor(1.0, requires_grad=True)
    clipped = x.clip(low, high)
    assert np.array_equal(clipped.detach().numpy(), [-1, 0.25, 1])
    assert [slope.item() for slope in tg.gradients(clipped.sum(), [low, high])] == [1, 1]
    assert np.array_equal(x.clip(max=high).detach().numpy(), x.clip(max=1))
