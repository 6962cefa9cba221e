"""SEMANTICS, the part on kinks: the subgradient of smallest norm, always."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import NonFiniteError


def slope(f, *values):
    arguments = [Tensor(value, requires_grad=True) for value in values]
    found = tg.gradients(f(*arguments).sum(), arguments)
    return [g.tolist() for g in found]


@pytest.mark.parametrize(
    "f", [tg.relu, tg.abs, tg.sign, tg.floor, tg.ceil, tg.rint, tg.trunc], ids=lambda f: f.__name__
)
def test_the_slope_at_zero_is_zero(f):
    assert slope(f, [0.0]) == [[0.0]]


def test_clip_has_slope_zero_at_its_bounds():
    assert slope(lambda x: tg.clip(x, -1.0, 1.0), [-1.0, 0.5, 1.0]) == [[0.0, 1.0, 0.0]]


@pytest.mark.parametrize("f", [tg.max, tg.min], ids=["max", "min"])
def test_ties_share_equally_with_and_without_axis(f):
    assert slope(f, [2.0, 2.0, 2.0, 2.0]) == [[0.25] * 4]
    assert slope(lambda x: f(x, axis=1), [[1.0, 1.0], [2.0, 2.0]]) == [[[0.5, 0.5], [0.5, 0.5]]]


@pytest.mark.parametrize("f", [tg.maximum, tg.minimum, tg.fmax, tg.fmin], ids=lambda f: f.__name__)
def test_equal_arguments_get_one_half_each(f):
    assert slope(f, [1.0], [1.0]) == [[0.5], [0.5]]


def test_norm_at_zero_and_std_of_equal_entries_have_slope_zero():
    assert slope(tg.linalg.norm, [0.0, 0.0]) == [[0.0, 0.0]]
    assert slope(tg.std, [3.0, 3.0, 3.0]) == [[0.0, 0.0, 0.0]]
    with np.errstate(invalid="ignore"), pytest.warns(RuntimeWarning, match="Degrees of freedom"):  # one has no std: nan
        assert np.isnan(slope(lambda x: tg.std(x, axis=0, ddof=1).sum(), [[3.0, 4.0]])).all()  # and not a slope of 0


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0.0, 2.0, 3.0], [6.0, 0.0, 0.0]), ([0.0, 0.0, 3.0], [0.0] * 3), ([0.0, 0.0, 0.0], [0.0] * 3)],
    ids=["one zero", "two zeros", "three zeros"],
)
def test_prod_is_right_with_zeros(values, expected):
    assert slope(tg.prod, values) == [expected]


def test_a_power_of_zero_has_slope_zero_at_zero_and_sqrt_is_infinite():
    assert slope(lambda x: x**0, [0.0]) == [[0.0]]
    assert slope(tg.sqrt, [0.0]) == [[np.inf]]


def test_where_is_as_ieee_has_it_and_detect_anomaly_prints_the_double_where():
    with np.errstate(divide="ignore"):
        assert np.isnan(slope(lambda x: tg.where(x > 0, tg.sqrt(x) * tg.sqrt(x), 0.0), [0.0])[0][0])
        x = Tensor([0.0, 1.0], requires_grad=True)
        with tg.detect_anomaly():
            loss = tg.where(x > 0, tg.sqrt(x), 0.0).sum()
            with pytest.raises(NonFiniteError, match=r"where\(mask, sqrt\(where\(mask, x, 1\.0\)\), 0\.0\)"):
                loss.backward()
