"""The wrong op is found wherever it stands, and right ones are left alone: every op of the table, random networks."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.gradcheck.localise import localise
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.ops.sampling import sample

OPS = [op for op in REGISTRY.values() if op.differentiable and not op.custom]
SEEDS = st.integers(0, 2**32 - 1)


def found(output, seed=0, **options):
    return localise(output, np.ones(output.shape), np.random.default_rng(seed), **options)


def verdicts(output, seed=0):
    return {finding.verdict for finding in found(output, seed).findings}


# --- no false alarms -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
@given(seed=SEEDS)
@settings(max_examples=max(settings().max_examples // 8, 1))
def test_every_rule_of_the_table_is_right_alone(op, dtype, seed):
    arrays, params = sample(op, np.random.default_rng(seed))
    tensors = [
        tg.Tensor(np.asarray(a).astype(dtype), requires_grad=True) if np.asarray(a).dtype.kind == "f" else a
        for a in arrays
    ]
    output = op(tensors, **params) if op.variadic else op(*tensors, **params)
    if output.requires_grad:
        assert verdicts(output, seed % 1000) == {"right"}


LAYERS = {
    "relu": tg.relu,
    "tanh": tg.tanh,
    "absolute": tg.abs,
    "softmax": lambda h: tg.softmax(h, axis=-1),
    "shift by max": lambda h: h - tg.max(h, axis=-1, keepdims=True),
    "maximum": lambda h: tg.maximum(h, -0.5 * h),
    "clip": lambda h: tg.clip(h, -1, 1),
    "swish": lambda h: h * tg.sigmoid(h),
    "normalise": lambda h: (h - tg.mean(h, axis=-1, keepdims=True)) / tg.sqrt(tg.var(h, axis=-1, keepdims=True) + 1e-5),
    "sort": lambda h: tg.sort(h, axis=-1),
    "reverse": lambda h: h[:, ::-1],
    "gather": lambda h: h[:, [0, 0, -1, 1]],
    "leaky": lambda h: tg.where(h > 0, h, 0.1 * h),
    "cumsum": lambda h: tg.cumsum(h, axis=-1),
    "spread": lambda h: h + tg.std(h, axis=0),
    "join": lambda h: tg.concatenate([h, h * tg.tanh(h)], axis=1),
    "transpose": lambda h: h.T,
}


@given(
    st.lists(st.sampled_from(sorted(LAYERS)), min_size=1, max_size=6),
    st.sampled_from([1e-3, 1.0, 5.0, 300.0]),
    st.booleans(),
    st.sampled_from([np.float64, np.float32]),
    SEEDS,
)
@settings(max_examples=4 * settings().max_examples)
def test_random_networks_are_right_also_on_kinks_and_far_out(layers, scale, whole, dtype, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 4)) * scale
    leaf = tg.Tensor((np.rint(x) if whole else x).astype(dtype), requires_grad=True)

    def f(tensors):
        (h,) = tensors
        for name in layers:
            h = LAYERS[name](h)
        return h.mean()

    with np.errstate(all="ignore"):
        report = found(f([leaf]), seed % 1000, inputs=[leaf], rerun=f)
    assert {finding.verdict for finding in report.findings} <= {"right", "kink"}
    kinks = whole or any(finding.verdict == "kink" for finding in report.findings)
    assert report.causes == () or (kinks and {cause.name for cause in report.causes} == {"value-dependent-branch"})


def test_a_value_at_a_kink_is_no_mistake():
    x = tg.Tensor([[0.0, -1.0, 2.0, 0.0, 0.0]], requires_grad=True)
    for f in (tg.relu, tg.abs, lambda h: tg.max(h, axis=-1), lambda h: tg.sort(h, axis=-1), lambda h: tg.clip(h, 0, 2)):
        assert verdicts(f(x).sum()) <= {"right", "kink"}


def test_numbers_that_are_not_finite_decide_nothing():
    x = tg.Tensor([1000.0, 1.0], requires_grad=True)
    with np.errstate(all="ignore"):
        output = (tg.exp(x) - tg.exp(x)).sum()
        assert "wrong" not in verdicts(output)


def test_a_checkpoint_can_not_be_run_alone_and_says_so():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    report = found(tg.checkpoint(lambda t: tg.tanh(t) * t)(x).sum())
    unchecked = [finding for finding in report.findings if finding.verdict == "not checked"]
    assert [finding.op for finding in unchecked] == ["checkpoint"]
    assert "Tensors" in unchecked[0].reason
    assert "1 not checked" in report.explanation


# --- what is wrong is found ----------------------------------------------------------------------------------


def wrong_square(factor, **options):
    return tg.custom_op("test_square", lambda x: x * x, vjps=(lambda g, out, x: factor * g * x,), **options)


def test_the_explanation_names_op_argument_module_line_numbers_mistake_and_the_rest():
    square = wrong_square(1.0, kind="elementwise")

    class Block(tg.nn.Module):
        def __init__(self):
            self.dense = tg.nn.Linear(3, 4, rng=0)

        def forward(self, x):
            return square(self.dense(x))

    class Net(tg.nn.Module):
        def __init__(self):
            self.block = Block()

        def forward(self, x):
            return tg.tanh(self.block(x)).mean()

    report = found(Net()(np.arange(6.0).reshape(2, 3)))
    text = report.explanation
    assert "the rule of test_square, argument x, in block at test_localise.py:" in text
    assert "factor-half: the rule gives half of the derivative" in text
    assert "of 6 rules tried alone: 5 right, 1 wrong" in text
    assert str(report) == text
    (culprit,) = report.culprits
    assert culprit.units > 1e5
    assert abs(culprit.analytic / culprit.numeric - 0.5) < 1e-9
    (named,) = [row for row in report.to_dict()["findings"] if row["verdict"] == "wrong"]
    assert named["diagnosis"]["name"] == "factor-half"


def test_one_wrong_element_of_12544_is_found():
    def rule(g, out, x, w):
        cotangent = x.T @ g
        cotangent[123, 7] *= 1.5
        return cotangent

    product = tg.custom_op("test_product", lambda x, w: x @ w, vjps=(lambda g, out, x, w: g @ w.T, rule))
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(4, 784)), tg.Tensor(rng.normal(size=(784, 16)), requires_grad=True)
    (culprit,) = found(tg.tanh(product(x, w)).mean()).culprits
    assert culprit.index == (123, 7)
    assert culprit.analytic == pytest.approx(1.5 * culprit.numeric)


def test_a_rule_that_raises_or_gives_another_shape_is_the_culprit():
    x = tg.Tensor(np.arange(1.0, 7.0).reshape(2, 3), requires_grad=True)
    raises = tg.custom_op("test_raises", lambda x: 2 * x, vjps=(lambda g, out, x: g @ out,))
    shape = tg.custom_op("test_shape", lambda x: x.sum(axis=1), vjps=(lambda g, out, x: g,))
    (culprit,) = found(raises(x).sum()).culprits
    assert "its rule raises ValueError" in culprit.reason
    assert culprit.diagnosis.name == "rule-raises"
    (culprit,) = found(shape(x).sum()).culprits
    assert culprit.reason == "its rule gives shape (2,) for an argument of shape (2, 3)"


def test_without_a_graph_there_is_nothing_to_find():
    assert found(tg.Tensor(3.0)).findings == ()


def test_what_there_was_no_time_for_is_not_checked():
    x = tg.Tensor([1.0], requires_grad=True)
    report = found(tg.tanh(x).sum(), seconds=-1.0)
    assert {finding.verdict for finding in report.findings} == {"not checked"}
    assert {finding.reason for finding in report.findings} == {"no time was left"}


def test_two_wrong_rules_are_both_found():
    x = tg.Tensor([0.3, 0.7, -0.4], requires_grad=True)
    negate = tg.custom_op("test_negate", lambda x: -x, vjps=(lambda g, out, x: g,), kind="elementwise")
    report = found(negate(wrong_square(4.0)(x)).sum())
    assert [(c.op, c.diagnosis.name) for c in report.culprits] == [
        ("test_negate", "wrong-sign"),
        ("test_square", "factor-2"),
    ]


def test_a_rule_that_is_wrong_in_many_places_is_explained_once():
    square = wrong_square(3.0)
    h = tg.Tensor([0.3, 0.7, -0.4], requires_grad=True)
    for _ in range(4):
        h = square(h) * 0.5
    report = found(h.sum())
    assert len(report.culprits) == 4
    assert report.explanation.count("constant-factor") == 1
    assert "so it is in 3 more calls (at test_localise.py:" in report.explanation


# --- large arrays --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("rule", "name"),
    [
        (lambda g, out, x, w: -(x.T @ g), "wrong-sign"),
        (lambda g, out, x, w: x.T @ g / len(x), "factor-one-over-n"),
    ],
)
def test_a_wide_layer_is_diagnosed_on_a_corner_of_it(rule, name):
    product = tg.custom_op("test_product", lambda x, w: x @ w, vjps=(lambda g, out, x, w: g @ w.T, rule))
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(32, 784)), tg.Tensor(rng.normal(size=(784, 64)), requires_grad=True)
    (culprit,) = found(tg.tanh(product(x, w)).mean()).culprits
    assert culprit.diagnosis.name == name


def test_one_wrong_element_of_100352_is_found_by_halving_and_takes_little_memory():
    def rule(g, out, x, w):
        cotangent = x.T @ g
        cotangent[123, 7] *= 1.5
        return cotangent

    product = tg.custom_op("test_product", lambda x, w: x @ w, vjps=(lambda g, out, x, w: g @ w.T, rule))
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(32, 784)), tg.Tensor(rng.normal(size=(784, 128)), requires_grad=True)
    output = tg.tanh(product(x, w)).mean()
    tracemalloc.start()
    (culprit,) = found(output).culprits
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert culprit.index == (123, 7)
    assert peak < 200e6  # the whole Jacobian would take 3.3 GB


def test_a_large_elementwise_op_is_diagnosed():
    x = tg.Tensor(np.random.default_rng(0).normal(size=(500, 400)), requires_grad=True)
    relu = tg.custom_op(
        "test_relu", lambda x: np.maximum(x, 0), vjps=(lambda g, out, x: g * (x < 0),), kind="elementwise"
    )
    (culprit,) = found(relu(x).mean()).culprits
    assert culprit.diagnosis.name == "inverted-mask"
