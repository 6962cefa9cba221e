"""The numeric witnesses: each finds what it must find, each says how far it can be trusted, and plans stand for f."""

import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import GradientError
from tinygrad_edu.gradcheck import gradcheck
from tinygrad_edu.gradcheck.lanes import Lanes
from tinygrad_edu.gradcheck.plan import trace
from tinygrad_edu.gradcheck.ways import Way, Ways
from tinygrad_edu.op import ELEMENTWISE, Op

RNG = np.random.default_rng(0)


def one_wrong(size, place, factor=1.5):
    """x ↦ x with a gradient that is wrong by `factor` in one element."""
    factors = np.ones(size)
    factors.reshape(-1)[place] = factor
    return Op("one wrong", np.positive, vjps=(lambda g, out, x: g * factors,), kind=ELEMENTWISE, listed=False)


MOVES = [
    lambda x, y: tg.tanh(x + y.sum(axis=-1, keepdims=True)), lambda x, y: x @ y.T @ y * 0.1,
    lambda x, y: x[:, ::-1] * 0.5,
    lambda x, y: tg.softmax(x, axis=0), lambda x, y: tg.cumsum(x, axis=1) * 0.3, lambda x, y: x[[0, 1, 1], :] - y[0],
    lambda x, y: tg.concatenate([x[:2], y[:1]]), lambda x, y: tg.where(x > 0.3, x, 2 * x), lambda x, y: tg.sort(x),
    lambda x, y: tg.max(x, axis=0) * y, lambda x, y: x.reshape(2, 6).T.reshape(3, 4), lambda x, y: x.detach() * y,
    lambda x, y: tg.logsumexp(x, axis=1, keepdims=True) * y, lambda x, y: tg.std(x) * y + x.mean(),
]  # fmt: skip


def random_function(seed):
    """A composition of a few ops of every kind, and where to look at it; all arrays are (3, 4)."""
    rng = np.random.default_rng(seed)
    chosen = rng.integers(0, len(MOVES), 4)

    def f(x, y):
        for i in chosen:
            x, y = MOVES[i](x, y), x
        return x + y

    return f, [rng.normal(size=(3, 4)), rng.normal(size=(3, 4))]


# --- one wrong coordinate among 12,544 ---


@pytest.mark.parametrize("place", [0, 7_777, 12_543])
@pytest.mark.parametrize("method", ["complex", "differences"])
def test_an_error_of_50_percent_in_one_coordinate_of_12544_is_found_and_named(place, method):
    spoil, x = one_wrong((784, 16), place), RNG.random((4, 784))
    report = gradcheck(
        lambda w: tg.tanh(x @ spoil(w)).sum(), [RNG.normal(size=(784, 16)) / 28], method=method, raise_on_failure=False
    )
    (row,) = report.rows
    assert (row.checked, row.counts["wrong"]) == (12_544, 1)
    assert row.index == tuple(np.unravel_index(place, (784, 16)))
    assert row.analytic / row.numeric == pytest.approx(1.5, rel=1e-6)


@pytest.mark.parametrize("place", [0, 7_777, 12_543])
@pytest.mark.parametrize("method", ["complex", "differences"])
def test_it_is_found_and_named_where_not_all_coordinates_can_be_compared_too(place, method):
    spoil, x = one_wrong((784, 16), place), RNG.random((4, 784))
    report = gradcheck(
        lambda w: tg.tanh(x @ spoil(w)).sum(),
        [RNG.normal(size=(784, 16)) / 28],
        method=method,
        budget=1e6,
        raise_on_failure=False,
    )
    (row,) = report.rows
    assert row.checked < 300
    assert row.index == tuple(np.unravel_index(place, (784, 16)))
    assert row.counts["wrong"] == 1
    assert "entries of w (over the budget), tested together instead" in str(report)


def test_it_is_found_where_no_plan_can_stand_for_the_function_and_every_number_takes_a_call(monkeypatch):
    monkeypatch.setattr(sys.modules["tinygrad_edu.gradcheck.level"], "trace", lambda *_: None)
    spoil = one_wrong((30, 30), 444)
    report = gradcheck(
        lambda w: tg.tanh(spoil(w)).sum(), [RNG.normal(size=(30, 30))], budget=1e7, raise_on_failure=False
    )
    assert report.rows[0].checked < 200
    assert report.rows[0].index == (14, 24)
    assert report.verdict == "wrong"


def test_all_of_a_right_network_is_compared_and_right():
    model = tg.nn.MLP([784, 16, 16, 10], rng=0)
    x, y = RNG.random((4, 784)), RNG.integers(0, 10, 4)
    for method in ("complex", "differences"):
        report = gradcheck(model, [x], loss=lambda out: tg.functional.cross_entropy(out, y), method=method)
        assert sum(row.checked for row in report.rows) == 13_002
        assert {row.method for row in report.rows} == {{"complex": "complex step"}.get(method, "central differences")}


@pytest.mark.parametrize("which", [None, 0, 1000, -1])
def test_kinks_among_what_is_not_compared_one_by_one_are_no_failure_and_hide_none(which):
    rng = np.random.default_rng(0)
    x, w = rng.integers(-1, 2, (4, 784)).astype(float), rng.integers(-1, 2, (784, 16)).astype(float)

    def f(w, spoil=tg.positive):
        return tg.abs(tg.relu(x @ spoil(w)) - 1).sum()

    if which is None:
        assert gradcheck(f, [w], budget=1e6).verdict == "kink"
        return
    place = np.flatnonzero(tg.grad(f)(w).numpy())[which]
    report = gradcheck(lambda w: f(w, one_wrong((784, 16), place)), [w], budget=1e6, raise_on_failure=False)
    assert report.verdict == "wrong"
    assert report.rows[0].checked < 300
    assert report.rows[0].index == tuple(np.unravel_index(place, (784, 16)))


def test_a_sample_takes_from_every_part_of_every_input():
    from tinygrad_edu.gradcheck.choice import stratified

    chosen = stratified(10_000, 100, np.random.default_rng(0))
    assert np.array_equal(np.unique(chosen // 100), np.arange(100))


# --- which ops allow the complex step ---


def way_of(op, *arrays, moving=None):
    def evaluate(tensors, record):
        given = iter(tensors)
        return [op(*(next(given) if i in places else a for i, a in enumerate(arrays)))]

    places = range(len(arrays)) if moving is None else moving
    plan = trace(evaluate, [np.asarray(arrays[i], float) for i in places], np.random.default_rng(0))
    return Ways(plan, np.random.default_rng(0))[plan.steps[-1]]


CONJUGATED = Op("conjugated", lambda x: np.conj(x) * 2, vjps=(lambda g, out, x: 2 * g,), listed=False)
HALF_CAST = Op("half cast", lambda x: x + np.real(x), vjps=(lambda g, out, x: 2 * g,), listed=False)
NEIGHBOURS = Op("neighbours", lambda x: x * x[::-1], vjps=(lambda g, out, x: 0,), kind=ELEMENTWISE, listed=False)
CLAIMED = Op("claimed", np.square, vjps=(lambda g, out, x: 2 * g * x,), linear=True, listed=False)


@pytest.mark.parametrize(
    ("op", "arrays", "way"),
    [
        (tg.exp, [[0.5, -1.0]], Way.LOCAL),
        (tg.softmax, [[0.5, -1.0]], Way.COMPLEX),
        (tg.matmul, [np.eye(2), np.ones((2, 2))], Way.LINEAR),
        (tg.relu, [[0.5, -1.0]], Way.LOCAL),
        (tg.divide, [[0.5, -1.0], [[2.0], [3.0]]], Way.LOCAL),
        (NEIGHBOURS, [[0.5, -1.0]], Way.COMPLEX),
        (tg.relu, [[0.5, 0.0]], Way.ROUGH),
        (tg.abs, [[0.5, -1.0]], Way.ROUGH),
        (tg.sign, [[0.5, -1.0]], Way.ROUGH),
        (tg.conjugate, [[0.5, -1.0]], Way.ROUGH),
        (tg.cbrt, [[0.5, -1.0]], Way.ROUGH),
        (tg.linalg.cholesky, [np.array([[2.0, 0.5], [0.5, 1.0]])], Way.ROUGH),
        (tg.linalg.inv, [np.array([[2.0, 0.5], [0.5, 1.0]])], Way.COMPLEX),
        (tg.greater, [[0.5, -1.0], [0.0, 0.0]], Way.DISCRETE),
        (tg.greater, [[0.5, 0.0], [0.0, 0.0]], Way.SWITCH),
        (CONJUGATED, [[0.5, -1.0]], Way.ROUGH),
        (HALF_CAST, [[0.5, -1.0]], Way.ROUGH),
        (CLAIMED, [[0.5, -1.0]], Way.COMPLEX),
    ],
    ids=lambda value: getattr(value, "name", str(value)),
)
def test_each_op_is_tried_out_before_it_is_run_on_complex_numbers(op, arrays, way):
    assert way_of(op, *arrays) is way


def test_complex_step_is_refused_where_it_is_not_the_derivative():
    with pytest.raises(GradientError, match="the complex step doesn't give the derivative by x") as caught:
        gradcheck(lambda x: tg.abs(x) * 2, [1.0], method="complex")
    assert caught.value.code == "gradcheck-not-analytic"


# --- plans ---


@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_plan_and_its_lanes_give_what_the_function_gives(seed):
    f, points = random_function(seed)
    rng = np.random.default_rng(seed)
    plan = trace(lambda tensors, record: [f(*tensors)], points, rng)
    assert plan is not None
    lanes = Lanes(plan, Ways(plan, rng))
    for place, point in enumerate(points):
        entries = rng.permutation(point.size)[:5]
        for chosen, hot in lanes.chunks(place, entries):
            widths = np.tile([[0.01], [-0.02]], len(entries[chosen]))
            for width, (out,) in zip((0.01, -0.02), lanes.values(hot, list(widths))):
                for entry, row in zip(entries[chosen], out):
                    moved = [p.copy() for p in points]
                    moved[place].flat[entry] += width
                    expected = f(*map(tg.Tensor, moved))._data
                    np.testing.assert_allclose(row, expected, rtol=1e-10, atol=1e-12)
                    np.testing.assert_allclose(plan.run(moved)[0], expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * float(x.sum()),
        lambda x: x * x.detach().numpy().max(),
        lambda x: x[x.detach().numpy() > 0.1],
        lambda x: x if x[1].item() > 0 else x * x,
    ],
)
def test_a_function_that_leaves_its_tensors_gets_no_plan_where_that_matters(f):
    points = [np.array([0.1, 0.0, 3.0])]
    assert trace(lambda tensors, record: [f(*tensors)], points, np.random.default_rng(0)) is None


def test_a_plan_goes_on_where_the_graph_ends():
    def f(x):
        with tg.no_grad():
            frozen = tg.exp(x)
        return frozen * x.detach() + tg.stop_gradient(x)

    assert trace(lambda tensors, record: [f(*tensors)], [np.ones(2)], np.random.default_rng(0)) is not None
    report = gradcheck(f, [np.ones(2)], raise_on_failure=False)
    assert report.verdict == "wrong"
    assert report.rows[0].method == "complex step"
    assert report.rows[0].analytic == 0


# --- differences ---


@pytest.mark.parametrize("leaves", [False, True])
@pytest.mark.parametrize("x", [1e-3, 1.0, 1e3])
def test_differences_know_their_own_error(leaves, x):
    def f(t):
        return tg.exp(tg.sin(t)) * (1.0 + 0 * t.item() if leaves else 1.0)

    (row,) = gradcheck(f, [x], method="differences").rows
    error = abs(row.numeric - np.exp(np.sin(x)) * np.cos(x))
    assert error <= row.estimate <= 1e-7 * max(1, abs(row.numeric)) * max(1, x)


# --- along directions ---


def test_the_taylor_remainder_has_order_2_for_a_right_gradient_and_1_for_a_wrong_one():
    right = gradcheck(lambda x: tg.exp(x).sum(), [RNG.normal(size=5)])
    assert right.taylor == pytest.approx((2.0, 2.0), abs=0.05)
    wrong = gradcheck(lambda x: (x * x.detach()).sum(), [RNG.normal(size=5)], raise_on_failure=False)
    assert wrong.taylor == pytest.approx((1.0, 1.0), abs=0.05)
    assert gradcheck(lambda x: (3 * x).sum(), [RNG.normal(size=5)]).taylor == (np.inf, np.inf)


def test_forward_mode_is_held_against_reverse_mode_where_they_are_independent():
    one_way = Op(
        "one way", lambda x: 2 * x, vjps=(lambda g, out, x: 3 * g,), kind=ELEMENTWISE, linear=True, listed=False
    )
    report = gradcheck(one_way, [1.0], raise_on_failure=False)
    (forward,) = [found for found in report.along if found.what == "forward mode"]
    assert forward.verdict == "wrong"
    assert forward.analytic / forward.numeric == pytest.approx(1.5)
    assert not [found for found in gradcheck(tg.exp, [1.0]).along if found.what == "forward mode"]


# --- float32 ---


def test_the_distance_of_the_users_own_float32_gradient_is_reported():
    x = np.float32([1.234, 0.3])
    near = gradcheck(lambda x: (x * x).sum(), [x])
    assert 0 <= near.rows[0].float32 < 1e-6
    assert "float32: your own gradients are within" in str(near)
    far = gradcheck(lambda x: (((x + 1e6) - 1e6) ** 2).sum(), [x])
    assert far.rows[0].float32 > 0.01
    assert "float32: your own gradient by x is off by" in str(far)
    assert gradcheck(lambda x: (x * x).sum(), [x.astype(float)]).rows[0].float32 is None
