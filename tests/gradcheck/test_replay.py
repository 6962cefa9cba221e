"""The numeric side of one op: exact where it can be, honest about its error elsewhere."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.gradcheck.replay import Call, NotReplayable, jacobian
from tinygrad_edu.op import REGISTRY


def derivative(op, *arrays, position=0, **params):
    call = Call.of(op, arrays, params)
    return call, jacobian(call, position, np.random.default_rng(0))


def test_the_complex_step_is_exact_for_analytic_functions():
    x = np.array([0.3, 1.7, 20.0])
    _, found = derivative(REGISTRY["log"], x)
    assert found.exact
    np.testing.assert_allclose(found.local, 1 / x, rtol=1e-15)


def test_a_forward_with_absolute_values_falls_back_to_differences_that_know_their_error():
    x = np.array([0.3, -1.7, 2.0])
    op = tg.custom_op("test_abs", lambda x: np.abs(x) ** 3, vjps=(lambda g, out, x: g,), kind="elementwise")
    _, found = derivative(op, x)
    truth = 3 * x * np.abs(x)
    assert not found.exact
    assert np.all(np.abs(found.local - truth) <= found.error)
    assert np.all(found.error < 1e-7)


def test_elements_of_an_elementwise_op_that_mixes_them_are_moved_one_by_one():
    op = tg.custom_op("test_liar", lambda x: x / x.sum(), vjps=(lambda g, out, x: g,), kind="elementwise")
    x = np.array([1.0, 2.0, 4.0])
    _, found = derivative(op, x)
    assert found.local is None
    np.testing.assert_allclose(found.matrix, np.eye(3) / 7 - x[:, None] / 49, rtol=1e-12, atol=1e-15)


def test_a_float32_inside_widens_the_steps():
    def forward(x):
        return np.exp(x.astype(np.float32)).astype(np.float64)

    op = tg.custom_op("test_narrow", forward, vjps=(lambda g, out, x: g,), kind="elementwise")
    x = np.array([0.3, 1.7])
    _, found = derivative(op, x)
    assert np.all(np.abs(found.local - np.exp(x)) <= found.error)
    assert np.all(found.error < 0.01)


def test_the_full_matrix_of_a_broadcast_argument_adds_its_uses():
    call, found = derivative(REGISTRY["multiply"], np.array([2.0, 3.0]), np.ones((4, 2)))
    g = np.arange(8.0).reshape(4, 2)
    np.testing.assert_allclose(g.ravel() @ found.full(), g.sum(axis=0))
    np.testing.assert_allclose(found.pull(g)[0], g.sum(axis=0))
    assert call.out.shape == (4, 2)


def test_no_time_leaves_columns_out_and_says_so():
    call = Call.of(REGISTRY["cumsum"], [np.random.default_rng(0).normal(size=500)], {})
    found = jacobian(call, 0, np.random.default_rng(0), seconds=0.0)
    assert not found.complete
    assert np.isnan(found.pull(np.ones(500))[0]).any()


@pytest.mark.parametrize(
    ("op", "array", "reason"),
    [
        (REGISTRY["log"], np.array([1j]), "complex"),
        (REGISTRY["isnan"], np.array([1.0]), "its result is bool"),
        (REGISTRY["inv"], np.array([[0.0]]), "its forward raises LinAlgError"),
    ],
)
def test_what_can_not_be_run_alone_says_why(op, array, reason):
    with pytest.raises(NotReplayable, match=reason):
        Call.of(op, [array], {})
