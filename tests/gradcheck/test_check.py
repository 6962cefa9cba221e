"""gradcheck finds what is wrong, passes what is right, says when it can't know, and complains clearly."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DtypeError, GradcheckError, GradientError
from tinygrad_edu.gradcheck import gradcheck
from tinygrad_edu.op import Op

RNG = np.random.default_rng(0)


def wrong_square(factor):
    """x² with a rule that is wrong by `factor`, in one entry only where it is an array."""
    return Op("square wrong", np.square, vjps=(lambda g, out, x: g * (2 * x) * factor,), listed=False)


# --- right ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("order", [1, 2, 3])
def test_passes_what_is_right_in_any_order(order):
    report = gradcheck(lambda x, y: tg.tanh(x) @ y, [RNG.normal(size=(2, 3)), RNG.normal(size=(3,))], order=order)
    assert report
    assert {row.order for row in report.rows} == set(range(1, order + 1))
    assert all(row.units < 0.1 for row in report.rows)


def test_shows_the_gradient_itself_for_a_scalar_function():
    report = gradcheck(lambda x: (x * x).sum(), [np.array([1.0, -3.0])])
    (row,) = report.rows
    assert (row.analytic, row.input, row.shape, row.entries) == (2 * [1.0, -3.0][row.index[0]], "x", (2,), 2)
    assert row.numeric == pytest.approx(row.analytic, rel=1e-9)


@pytest.mark.parametrize(
    ("f", "inputs", "names"),
    [
        (lambda x: x * 2, 3, ["x"]),
        (lambda x: x * 2, np.ones(2), ["x"]),
        (lambda x: x * 2, tg.Tensor([1.0], name="weight"), ["weight"]),
        (lambda x: x * 2, [tg.Tensor([1.0], dtype=np.float32, requires_grad=True)], ["x"]),
        (lambda *xs: xs[0] * xs[1], [1, 2.0], ["input 1", "input 2"]),
        (lambda p, s: (p["w"] * p["b"][0]).sum() * s, [{"w": 2.0, "b": [np.ones(2)]}, 3], ["p['w']", "p['b'][0]", "s"]),
        (lambda a, b: a * b, {"b": 2.0, "a": 1.0}, ["b", "a"]),
        (np.multiply, [1.0, 2.0], None),
    ],
)
def test_takes_numbers_arrays_tensors_and_trees_and_names_them(f, inputs, names):
    report = gradcheck(f, inputs, order=2)
    assert report
    if names is not None:
        assert [row.input for row in report.rows if row.order == 1] == names


def test_checks_in_float64_and_leaves_the_inputs_alone():
    x = tg.Tensor([1.0, 2.0], dtype=np.float32, requires_grad=True)
    seen = []

    def f(x):
        seen.append(x.dtype)
        return x * x

    gradcheck(f, [x])
    assert seen.count(np.float32) == 1, "once, to say how far the user's own gradient is from the one in float64"
    assert set(seen) == {np.dtype(np.float32), np.dtype(np.float64)}
    assert x.grad is None
    assert x.tolist() == [1.0, 2.0]


def test_same_call_gives_the_same_report():
    first, second = (gradcheck(lambda x: tg.exp(x), [np.ones(3)], order=2) for _ in range(2))
    assert first == second


@given(scale=st.floats(-12, 12), exponent=st.integers(1, 4))
def test_large_and_small_arguments_get_a_step_that_fits(scale, exponent):
    assert gradcheck(lambda x: x**exponent, [10.0**scale], rtol=1e-5)


# --- wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("factor", [0.0, -1.0, 0.5, 2.0, 1 + 1e-4])
def test_finds_a_rule_that_is_wrong_by_a_factor(factor):
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong_square(factor), [np.array([1.0, 2.0])])
    assert "2 wrong" in str(caught.value)
    assert isinstance(caught.value, AssertionError)


def test_finds_one_wrong_entry_among_many_and_names_it():
    factor = np.ones((50, 50))
    factor[31, 7] = 1.5
    report = gradcheck(wrong_square(factor), [RNG.uniform(1, 2, (50, 50))], raise_on_failure=False)
    (row,) = report.rows
    assert not report
    assert (row.index, row.counts["wrong"], row.verdict) == ((31, 7), 1, "wrong")
    assert row.analytic / row.numeric == pytest.approx(1.5)


def test_finds_a_missing_gradient():
    report = gradcheck(lambda x: x.detach() * x, [3.0], raise_on_failure=False)
    assert (report.rows[0].analytic, report.rows[0].verdict) == (3.0, "wrong")
    assert report.rows[0].numeric == pytest.approx(6.0)
    assert not gradcheck(lambda x: x.detach() * 2, [3.0], raise_on_failure=False)


def test_finds_a_rule_that_is_right_once_and_wrong_when_differentiated():
    frozen = Op("frozen", np.square, vjps=(lambda g, out, x: g * (2 * tg.Tensor(x).detach()._data),), listed=False)
    assert gradcheck(frozen, [3.0])
    report = gradcheck(frozen, [3.0], order=2, raise_on_failure=False)
    assert [(row.input, row.order, row.verdict) for row in report.rows] == [
        ("x", 1, "right"),
        ("x", 2, "wrong"),
        ("cotangent", 2, "right"),
    ]


def test_finds_a_rule_that_loses_the_history_of_its_cotangent():
    lost = Op("lost", np.negative, vjps=(lambda g, out, x: -(g.detach() if hasattr(g, "detach") else g),), listed=False)
    report = gradcheck(lost, [3.0], order=2, raise_on_failure=False)
    assert [row.verdict for row in report.rows if row.input == "cotangent"] == ["wrong"]


def test_finds_a_nan():
    nan = Op("nan", np.square, vjps=(lambda g, out, x: g * np.nan,), listed=False)
    assert not gradcheck(nan, [1.0], raise_on_failure=False)


# --- neither -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("f", "x", "verdict", "reason"),
    [
        (tg.sign, 0.0, "not differentiable here", "jumps at this point"),
        (tg.sqrt, 0.0, "not differentiable here", "edge of its domain"),
        (lambda x: tg.where(x > 1.0, np.inf, x), 1.0, "not differentiable here", "not finite right beside"),
        (lambda x: tg.log(x * 0.0), 1.0, "not differentiable here", "value there is not finite"),
    ],
)
def test_says_where_there_is_no_derivative(f, x, verdict, reason):
    with pytest.raises(GradcheckError) as caught:
        gradcheck(f, [x])
    assert f"1 {verdict}" in str(caught.value)
    assert reason in str(caught.value)
    assert caught.value.code == "gradcheck-not-differentiable-here"


@pytest.mark.parametrize("f", [lambda x: x.astype(np.float32) * 3, lambda x: x + 1e10], ids=["float32", "huge"])
def test_differences_that_are_too_coarse_decide_nothing_and_say_why(f):
    report = gradcheck(f, [1.0], method="differences", raise_on_failure=False)
    assert report.verdict == "numeric side not accurate enough"
    assert "at the best of five steps the slope is" in str(report)
    assert gradcheck(f, [1.0]), "by complex step there is no difference that could be too coarse"


def test_step_can_be_given():
    def rough(x):
        return x.astype(np.float32) * 3

    assert gradcheck(rough, [1.0], step=0.125, method="differences")
    with pytest.raises(GradcheckError):
        gradcheck(rough, [1.0], step=1e-6, method="differences")


# --- misuse --------------------------------------------------------------------------------------------------


def writes(x):
    with tg.no_grad():
        x += 1
    return x * x


def test_integers_and_booleans_that_are_no_arrays_of_fractions_are_refused_with_the_cast():
    for array in (np.array([1, 2]), np.array([True]), tg.Tensor([1, 2]), True):
        with pytest.raises(DtypeError, match=r"has no derivative") as caught:
            gradcheck(lambda labels: labels * 2.0, [array])
        assert "labels is " in str(caught.value)
        assert "astype(float)" in str(caught.value)
        assert "test_check.py" in str(caught.value)


@pytest.mark.parametrize(
    ("f", "inputs", "error", "text"),
    [
        (lambda x: 3.0, [1.0], DtypeError, "the function gave float, not a Tensor"),
        (lambda x: (x, [3]), [1.0], DtypeError, "the function gave int, not a Tensor"),
        (lambda x: x * 1j, [1.0], DtypeError, "the function gave complex128"),
        (lambda x: x, [np.ones(2, complex)], DtypeError, "x is complex128"),
        (3.0, [1.0], DtypeError, "gradcheck takes a function or a network, not float"),
        (lambda: tg.ones(2), [], GradientError, "nothing to check: the inputs have no entries"),
        (lambda x: x, [np.ones((0, 2))], GradientError, "nothing to check: the inputs have no entries"),
        (lambda x: x[:0], [np.ones(3)], GradientError, "nothing to check: the function gave an empty Tensor (0,)"),
        (lambda x: x * RNG.normal(), [1.0], GradcheckError, "gave different values"),
        (writes, [1.0], GradcheckError, "the function changes its input x"),
    ],
)
def test_misuse_gets_one_clear_message(f, inputs, error, text):
    with pytest.raises(error) as caught:
        gradcheck(f, inputs)
    assert text in str(caught.value)
