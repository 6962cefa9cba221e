"""Activations are their formulas in value and derivatives, take the nearest slope to 0 at kinks, and never overflow."""

import math
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, ShapeError

POINTS = np.array([[-7.3, -2.5, -1.1, -0.4], [0.3, 0.9, 2.6, 8.2]])

# What each computes for one number, written with `math` and `if`.
FORMULAS = {
    "relu": (F.relu, lambda x: max(x, 0)),
    "relu6": (F.relu6, lambda x: min(max(x, 0), 6)),
    "leaky_relu": (F.leaky_relu, lambda x: x if x > 0 else x / 100),
    "leaky_relu, steep": (lambda x: F.leaky_relu(x, 3.0), lambda x: x if x > 0 else 3 * x),
    "leaky_relu, negative": (lambda x: F.leaky_relu(x, -0.5), lambda x: x if x > 0 else -x / 2),
    "threshold": (lambda x: F.threshold(x, 0.5, -9.0), lambda x: x if x > 0.5 else -9),
    "hardtanh": (F.hardtanh, lambda x: min(max(x, -1), 1)),
    "hardsigmoid": (F.hardsigmoid, lambda x: min(max(x / 6 + 0.5, 0), 1)),
    "hardswish": (F.hardswish, lambda x: x * min(max(x / 6 + 0.5, 0), 1)),
    "hardshrink": (F.hardshrink, lambda x: x if abs(x) > 0.5 else 0),
    "softshrink": (F.softshrink, lambda x: math.copysign(max(abs(x) - 0.5, 0), x)),
    "elu": (F.elu, lambda x: x if x > 0 else math.exp(x) - 1),
    "elu, steep": (lambda x: F.elu(x, 2.0), lambda x: x if x > 0 else 2 * (math.exp(x) - 1)),
    "elu, negative": (lambda x: F.elu(x, -2.0), lambda x: x if x > 0 else -2 * (math.exp(x) - 1)),
    "selu": (F.selu, lambda x: 1.05070098735548 * (x if x > 0 else 1.67326324235438 * (math.exp(x) - 1))),
    "celu": (lambda x: F.celu(x, 2.0), lambda x: x if x > 0 else 2 * (math.exp(x / 2) - 1)),
    "gelu": (F.gelu, lambda x: x * math.erfc(-x / math.sqrt(2)) / 2),
    "gelu, tanh": (
        lambda x: F.gelu(x, "tanh"),
        lambda x: x * (1 + math.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2,
    ),
    "silu": (F.silu, lambda x: x / (1 + math.exp(-x))),
    "mish": (F.mish, lambda x: x * math.tanh(math.log(1 + math.exp(x)))),
    "softplus": (F.softplus, lambda x: math.log(1 + math.exp(x))),
    "softplus, beta": (lambda x: F.softplus(x, 2.0), lambda x: math.log(1 + math.exp(2 * x)) / 2),
    "softplus, threshold": (
        lambda x: F.softplus(x, 2.0, 3.0),
        lambda x: x if 2 * x > 3 else math.log(1 + math.exp(2 * x)) / 2,
    ),
    "logsigmoid": (F.logsigmoid, lambda x: -math.log(1 + math.exp(-x))),
    "softsign": (F.softsign, lambda x: x / (1 + abs(x))),
    "tanhshrink": (F.tanhshrink, lambda x: x - math.tanh(x)),
}
every = pytest.mark.parametrize("name", FORMULAS)


def test_the_oldest_activations_are_the_rows_themselves():
    assert (F.relu, F.sigmoid, F.tanh, F.softmax, F.log_softmax) == (
        tg.relu, tg.sigmoid, tg.tanh, tg.softmax, tg.log_softmax,
    )  # fmt: skip


@every
def test_values_are_those_of_the_formula(name):
    f, formula = FORMULAS[name]
    np.testing.assert_allclose(f(POINTS).numpy(), np.vectorize(formula, otypes=[float])(POINTS), rtol=1e-9, atol=1e-15)


@every
def test_first_and_second_derivatives_are_those_by_differences(name):
    f, formula = FORMULAS[name]
    assert_derivatives(f, POINTS, plain=np.vectorize(formula, otypes=[float]), rtol=1e-5, atol=1e-6)


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_floats_stay_as_they_are_and_the_largest_numbers_give_no_warning_and_no_nan(name, dtype):
    largest = np.finfo(dtype).max / 4  # some go three times as far
    x = tg.Tensor(np.array([-largest, -1000, -1, 0, 1, 1000, largest], dtype), requires_grad=True)
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        y = FORMULAS[name][0](x)
        y.backward(np.ones(y.shape))
    assert y.dtype == x.grad.dtype == dtype
    assert np.isfinite(y.detach().numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()


@every
def test_whole_numbers_become_floats_where_the_formula_has_fractions(name):
    f, _ = FORMULAS[name]
    x = np.array([-3, 0, 4])
    np.testing.assert_allclose(f(x).numpy(), f(x.astype(float)).numpy())


@pytest.mark.parametrize(
    ("f", "at", "slope"),
    [
        (F.leaky_relu, 0.0, 0.01),
        (lambda x: F.leaky_relu(x, 3.0), 0.0, 1.0),
        (lambda x: F.leaky_relu(x, -0.5), 0.0, 0.0),
        (lambda x: F.leaky_relu(x, 0.0), 0.0, 0.0),
        (lambda x: F.prelu(x, [0.25]), 0.0, 0.25),
        (lambda x: F.prelu(x, [2.0]), 0.0, 1.0),
        (lambda x: F.prelu(x, [-2.0]), 0.0, 0.0),
        (F.elu, 0.0, 1.0),
        (lambda x: F.elu(x, 0.5), 0.0, 0.5),
        (lambda x: F.elu(x, 2.0), 0.0, 1.0),
        (lambda x: F.elu(x, -1.0), 0.0, 0.0),
        (F.selu, 0.0, 1.0507009873554805),
        (lambda x: F.celu(x, 3.0), 0.0, 1.0),
        (F.relu6, 0.0, 0.0),
        (F.relu6, 6.0, 0.0),
        (F.hardtanh, -1.0, 0.0),
        (F.hardsigmoid, 3.0, 0.0),
        (F.hardswish, -3.0, 0.0),
        (F.hardswish, 3.0, 1.0),
        (F.softshrink, 0.5, 0.0),
        (F.softshrink, -0.5, 0.0),
        (F.hardshrink, 0.5, 0.0),
        (lambda x: F.threshold(x, 2.0, 0.0), 2.0, 0.0),
        (F.softsign, 0.0, 1.0),
        (F.silu, 0.0, 0.5),
        (F.gelu, 0.0, 0.5),
    ],
)
def test_at_a_kink_the_slope_is_the_one_nearest_to_0(f, at, slope):
    x = tg.Tensor([at], requires_grad=True)
    f(x).sum().backward()
    assert x.grad.item() == slope


@pytest.mark.parametrize(("shape", "slopes"), [((3,), 1), ((2, 3), 3), ((2, 3, 2, 2), 3), ((2, 3), 1), ((), 1)])
def test_prelu_has_a_slope_per_channel(shape, slopes):
    rng = np.random.default_rng(0)
    x, weight = rng.normal(size=shape), rng.uniform(-1, 2, size=slopes)
    along = weight if weight.size == 1 else weight.reshape(-1, *(1,) * (len(shape) - 2))
    expected = np.where(x > 0, x, x * (along[0] if weight.size == 1 else along))
    np.testing.assert_allclose(F.prelu(x, weight).numpy(), expected)
    assert_derivatives(F.prelu, x, weight, plain=lambda x, w: F.prelu(x, w).numpy())


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_glu_and_softmin_go_along_an_axis(axis):
    x = np.random.default_rng(0).normal(size=(4, 6))
    a, b = np.split(x, 2, axis=axis)
    np.testing.assert_allclose(F.glu(x, axis).numpy(), a / (1 + np.exp(-b)))
    np.testing.assert_allclose(F.softmin(x, axis).numpy(), np.exp(-x) / np.exp(-x).sum(axis=axis, keepdims=True))
    assert_derivatives(lambda x: F.glu(x, axis), x, plain=lambda x: F.glu(x, axis).numpy())


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda: F.celu([1.0], 0), DataError, "celu: alpha must be above 0, not 0"),
        (lambda: F.softplus([1.0], 0), DataError, "softplus: beta must not be 0"),
        (lambda: F.hardtanh([1.0], 1, 1), DataError, "hardtanh: min_val 1 must be less than max_val 1"),
        (lambda: F.softshrink([1.0], -1), DataError, "lambd must be at least 0, not -1"),
        (lambda: F.gelu([1.0], "erf"), DataError, "no approximation of gelu is called 'erf'"),
        (lambda: F.leaky_relu([1.0], "a"), DtypeError, "negative_slope must be a number, not 'a'"),
        (lambda: F.elu([1.0], True), DtypeError, "alpha must be a number, not True"),
        (lambda: F.elu([1j]), DtypeError, "elu takes real numbers"),
        (lambda: F.glu(np.ones((2, 3))), ShapeError, "glu: side 3 of axis 1 has no two halves"),
        (lambda: F.glu(np.ones((2, 3)), 2), ShapeError, "axis 2 is out of bounds for an array of 2 axes"),
        (lambda: F.prelu(np.ones((2, 3)), np.ones(2)), ShapeError, "prelu: the weight must be one number or one per"),
    ],
)
def test_settings_that_make_no_sense_are_refused(call, error, first_line):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(first_line)
    assert "test_activations.py:" in str(caught.value)
    assert caught.value.code
