"""What is said of a gradient by itself, and that little evidence gives no certainty."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.gradcheck.diagnose import diagnose
from tinygrad_edu.op import REGISTRY

N = np.array([[1.3, -2.1, 0.7], [0.4, 3.2, -1.1]])


@pytest.mark.parametrize(
    ("analytic", "name"),
    [
        (-N, "wrong-sign"),
        (2 * N, "factor-2"),
        (N / 2, "factor-half"),
        (6 * N, "factor-n"),
        (N / 6, "factor-one-over-n"),
        (N / 7, "constant-factor"),
        (0 * N, "zero-gradient"),
        (N / np.log(10), "log-base-factor"),
        (np.trunc(N), "integer-truncation"),
        (N.astype(np.float32), "float32-noise"),
        (np.where(N > 3, np.nan, N), "not-finite"),
        (N[:, ::-1], "reversed-order"),
        (N.T.reshape(2, 3), "transposed"),
        (N.T, "transposed"),
        (N[None], "keepdims-slip"),
    ],
)
def test_two_arrays_alone_tell_the_simple_mistakes(analytic, name):
    assert diagnose(analytic, N).name == name


def test_right_arrays_and_unknown_mistakes_give_none():
    assert diagnose(N, N) is None
    assert diagnose(N + 1e-12, N) is None
    assert diagnose(np.random.default_rng(0).normal(size=N.shape), N) is None
    assert diagnose(N[0], N) is None


@pytest.mark.parametrize("size", [1, 2])
def test_one_or_two_numbers_are_no_proof(size):
    diagnosis = diagnose(2 * N.ravel()[:size], N.ravel()[:size])
    assert diagnosis.name == "factor-2"
    assert not diagnosis.confident
    assert "a hint, not proven" in str(diagnosis)


def test_equal_numbers_count_once():
    assert not diagnose(np.full(100, 2.0), np.full(100, 1.0)).confident


def test_a_number_by_itself_is_proof_when_the_op_can_be_tried_elsewhere():
    square = tg.custom_op("test_square", lambda x: x**2, vjps=(lambda g, out, x: g * x**2,), kind="elementwise")
    at_2 = {"g": np.array(1.0), "op": square, "position": 0, "inputs": [np.array(2.0)], "out": np.array(4.0)}
    right = diagnose(4.0, 4.0, **at_2)
    assert right.name != "factor-half"
    assert right.alternatives == () or "constant-factor" not in right.alternatives


def test_rules_of_the_table_have_no_mistake_to_name():
    rng = np.random.default_rng(0)
    x, g = rng.uniform(0.5, 1.5, (2, 3)), rng.normal(size=(2, 3))
    for name in ("exp", "log", "sqrt", "tanh", "sigmoid", "softmax"):
        op = REGISTRY[name]
        out = op.forward(x)
        cotangent = op.vjp(0)(g, out, x)
        assert diagnose(cotangent, cotangent, g=g, op=op, position=0, inputs=[x], out=out) is None


def test_n_is_told_from_2_by_trying_more_rows():
    mean = tg.custom_op("test_mean", lambda x: x.mean(axis=0), vjps=(lambda g, out, x: g * np.ones_like(x),))
    half = tg.custom_op("test_half", lambda x: x.sum(axis=0) / 2, vjps=(lambda g, out, x: g * np.ones_like(x),))
    x, g = np.array([[1.0, 2.0, 3.0], [4.0, 5.0, 6.5]]), np.array([0.7, -1.2, 0.4])
    for op, name in ((mean, "factor-n"), (half, "factor-2")):
        given = op.vjp(0)(g, None, x)
        assert diagnose(given, given / 2, g=g, op=op, position=0, inputs=[x]).name == name


def test_a_rule_that_draws_random_numbers_is_named():
    rng = np.random.default_rng(0)
    op = tg.custom_op("test_noise", lambda x: 2 * x, vjps=(lambda g, out, x: 2 * g * rng.uniform(0.5, 1.5, x.shape),))
    x = np.ones(4)
    assert diagnose(x, 2 * x, g=x, op=op, position=0, inputs=[x]).name == "random-rule"


def test_a_forward_that_rounds_is_named():
    op = tg.custom_op("test_floor", lambda x: (3 * x).astype(int) * 1.0, vjps=(lambda g, out, x: 3 * g,))
    x, g = np.array([0.5, 1.2, 2.9]), np.array([0.3, 0.4, -0.5])
    diagnosis = diagnose(3 * g, 0 * g, g=g, op=op, position=0, inputs=[x])
    assert diagnosis.name == "integer-truncation"
    assert "the forward rounds to whole numbers" in diagnosis.sentence


def test_a_part_that_is_wrong_is_described():
    op = tg.custom_op("test_part", np.exp, vjps=(lambda g, out, x: g * np.where(x > 0, out, 1.3),), kind="elementwise")
    x, g = np.array([0.5, -1.2, 0.9, -0.3]), np.array([0.3, 0.4, -0.5, 1.1])
    diagnosis = diagnose(op.vjp(0)(g, np.exp(x), x), g * np.exp(x), g=g, op=op, position=0, inputs=[x])
    assert diagnosis.name == "wrong-in-part"
    assert "where x < 0" in diagnosis.sentence
