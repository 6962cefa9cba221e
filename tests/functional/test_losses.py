"""Losses are what their formulas say, in value, derivatives, dtype and scope, and refuse what doesn't fit."""

import math
import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, ShapeError
from tinygrad_edu.functional import cross_entropy, mse_loss
from tinygrad_edu.node import node_site

# --- mse_loss ---


@pytest.mark.parametrize("shape", [(), (3,), (4, 3), (2, 3, 2)])
def test_squared_error_under_every_reduction(shape):
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=shape), rng.normal(size=shape)
    squares = (a - y) ** 2
    samples = shape[0] if shape else 1
    for reduction, expected in {
        "mean": squares.mean(),
        "sum": squares.sum(),
        "batchmean": squares.sum() / samples,
        "none": squares,
    }.items():
        np.testing.assert_allclose(mse_loss(a, y, reduction).numpy(), expected, rtol=1e-14)


def test_batchmean_is_the_cost_of_the_notes_sum_over_outputs_mean_over_samples():
    prediction = tg.Tensor([[0.5, 0.0], [1.0, 1.0]], requires_grad=True)
    loss = mse_loss(prediction, [[1.0, 0.0], [0.0, 1.0]], reduction="batchmean")
    loss.backward()
    assert loss.item() == ((0.25 + 0) + (1 + 0)) / 2
    np.testing.assert_array_equal(prediction.grad.numpy(), [[-0.5, 0.0], [1.0, 0.0]])


@pytest.mark.parametrize("target", [np.eye(3), np.eye(3, dtype=np.int64), np.eye(3, dtype=bool), np.eye(3).tolist()])
def test_float32_stays_float32_whatever_the_targets_are(target):
    prediction = tg.Tensor(np.full((3, 3), 0.5, np.float32), requires_grad=True)
    loss = mse_loss(prediction, target)
    assert loss.dtype == np.float32
    assert cross_entropy(prediction, target).dtype == np.float32
    assert cross_entropy(prediction, [0, 1, 2]).dtype == np.float32
    loss.backward()
    assert prediction.grad.dtype == np.float32
    np.testing.assert_allclose(prediction.grad.numpy(), (0.5 - np.eye(3)) * 2 / 9, rtol=1e-6)


def test_a_target_that_requires_grad_gets_its_gradient():
    prediction, target = (tg.Tensor(v, requires_grad=True) for v in ([1.0, 2.0], [0.0, 4.0]))
    mse_loss(prediction, target, reduction="sum").backward()
    np.testing.assert_array_equal(target.grad.numpy(), [-2.0, 4.0])
    np.testing.assert_array_equal(prediction.grad.numpy(), [2.0, -4.0])


def test_column_against_vector_does_not_become_a_matrix():
    prediction = tg.Tensor(np.zeros((4, 1)), requires_grad=True, name="prediction")
    with pytest.raises(ShapeError) as caught:
        mse_loss(prediction, tg.Tensor(np.zeros(4), name="y"))
    lines = str(caught.value).splitlines()
    assert lines[0] == "mse_loss: prediction and target must have the same shape"
    assert lines[1].startswith("  where:      test_losses.py:")
    assert lines[2:] == [
        "  prediction: prediction (4, 1) float64",
        "  target:     y (4,) float64",
        "  why:        the two would broadcast against each other, and each prediction meet every target",
        "  fix:        target.reshape((4, 1))",
        "  code:       loss-shapes",
    ]
    assert isinstance(caught.value, ValueError)


def test_labels_where_outputs_are_needed_are_recognised():
    with pytest.raises(ShapeError, match=r"one_hot\(target, classes=10\), or cross_entropy"):
        mse_loss(np.zeros((4, 10)), np.arange(4))
    with pytest.raises(ShapeError, match=r"fix: +make the two shapes equal"):
        mse_loss(np.zeros((4, 10)), np.zeros((3, 10)))


@pytest.mark.parametrize("loss", [mse_loss, cross_entropy])
def test_an_unknown_reduction_is_named_with_the_known_ones(loss):
    with pytest.raises(DataError, match=r"no reduction is called 'avg'(.|\n)*\"mean\" or \"sum\" or \"batchmean\""):
        loss(np.zeros((2, 2)), np.zeros((2, 2)), reduction="avg")


# --- all of them, entry by entry ---


def _huber(d, delta):
    return d * d / 2 if abs(d) <= delta else delta * (abs(d) - delta / 2)


def _log(p):
    return max(math.log(p), -100) if p > 0 else -100


# The loss, the formula of one entry, and what predictions and targets may be.
REALS, PROBABILITIES, SIGNS, COUNTS = "reals", "probabilities", "signs", "counts"
LOSSES = {
    "mse_loss": (F.mse_loss, lambda p, t: (p - t) ** 2, REALS, REALS),
    "l1_loss": (F.l1_loss, lambda p, t: abs(p - t), REALS, REALS),
    "huber_loss": (
        lambda p, t, **k: F.huber_loss(p, t, delta=0.7, **k), lambda p, t: _huber(p - t, 0.7), REALS, REALS,
    ),
    "smooth_l1_loss": (
        lambda p, t, **k: F.smooth_l1_loss(p, t, beta=0.7, **k), lambda p, t: _huber(p - t, 0.7) / 0.7, REALS, REALS,
    ),
    "smooth_l1_loss, beta 0": (
        lambda p, t, **k: F.smooth_l1_loss(p, t, beta=0, **k), lambda p, t: abs(p - t), REALS, REALS,
    ),
    "binary_cross_entropy": (
        F.binary_cross_entropy, lambda p, t: -t * _log(p) - (1 - t) * _log(1 - p), PROBABILITIES, PROBABILITIES,
    ),
    "binary_cross_entropy_with_logits": (
        F.binary_cross_entropy_with_logits,
        lambda x, t: t * math.log(1 + math.exp(-x)) + (1 - t) * math.log(1 + math.exp(x)), REALS, PROBABILITIES,
    ),
    "kl_div": (F.kl_div, lambda p, t: (t * math.log(t) if t else 0) - t * p, REALS, PROBABILITIES),
    "kl_div, log_target": (
        lambda p, t, **k: F.kl_div(p, t, log_target=True, **k), lambda p, t: math.exp(t) * (t - p), REALS, REALS,
    ),
    "poisson_nll_loss": (F.poisson_nll_loss, lambda x, t: math.exp(x) - t * x, REALS, COUNTS),
    "poisson_nll_loss, rate": (
        lambda x, t, **k: F.poisson_nll_loss(x, t, log_input=False, **k),
        lambda x, t: x - t * math.log(x + 1e-8), PROBABILITIES, COUNTS,
    ),
    "hinge_loss": (F.hinge_loss, lambda x, y: max(0, 1 - y * x), REALS, SIGNS),
    "soft_margin_loss": (F.soft_margin_loss, lambda x, y: math.log(1 + math.exp(-y * x)), REALS, SIGNS),
    "hinge_embedding_loss": (F.hinge_embedding_loss, lambda x, y: x if y == 1 else max(0, 1 - x), REALS, SIGNS),
}  # fmt: skip
every = pytest.mark.parametrize("name", LOSSES)


def draw(kind, shape, rng):
    if kind == REALS:
        return rng.normal(size=shape) * 2
    if kind == PROBABILITIES:
        return rng.uniform(0.02, 0.98, size=shape)
    return rng.choice([-1.0, 1.0], size=shape) if kind == SIGNS else rng.integers(0, 6, size=shape).astype(float)


def case(name, shape=(4, 3), seed=0):
    f, formula, predictions, targets = LOSSES[name]
    rng = np.random.default_rng(seed)
    return f, np.vectorize(formula, otypes=[float]), draw(predictions, shape, rng), draw(targets, shape, rng)


@every
@pytest.mark.parametrize("shape", [(), (3,), (4, 3), (2, 3, 2)])
def test_values_are_those_of_the_formula_under_every_reduction(name, shape):
    f, formula, prediction, target = case(name, shape)
    each = formula(prediction, target)
    samples = shape[0] if shape else 1
    for how, expected in {
        "none": each, "sum": each.sum(), "mean": each.mean(), "batchmean": each.sum() / samples,
    }.items():  # fmt: skip
        np.testing.assert_allclose(f(prediction, target, reduction=how).numpy(), expected, rtol=1e-12)


@every
def test_derivatives_are_those_by_differences(name):
    f, formula, prediction, target = case(name)
    assert_derivatives(lambda p: f(p, target), prediction, plain=lambda p: formula(p, target).mean(), rtol=1e-5)
    if LOSSES[name][3] in (REALS, PROBABILITIES):
        assert_derivatives(f, prediction, target, plain=lambda p, t: formula(p, t).mean(), rtol=1e-5)


@every
@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_every_loss_stays_in_the_predictions_dtype(name, dtype):
    f, _, prediction, target = case(name)
    x = tg.Tensor(prediction.astype(dtype), requires_grad=True)
    for data in (target, target.astype(np.float32), target.astype(np.int64)):
        loss = f(x, data)
        assert loss.dtype == dtype
        loss.backward()
        assert x.grad.dtype == dtype


@every
def test_every_loss_refuses_unequal_shapes_and_unknown_reductions(name):
    f, _, prediction, target = case(name)
    for wrong in (target[0], target[:, :1], target[:1], target.T, target[..., None]):
        with pytest.raises(ShapeError, match="prediction and target must have the same shape"):
            f(prediction, wrong)
    with pytest.raises(DataError, match="no reduction is called 'avg'"):
        f(prediction, target, reduction="avg")


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "f",
    [F.l1_loss, F.huber_loss, F.smooth_l1_loss, F.binary_cross_entropy_with_logits, F.soft_margin_loss, F.hinge_loss],
)
def test_far_predictions_neither_overflow_nor_warn(f, dtype):
    largest = np.finfo(dtype).max / 4
    x = tg.Tensor(np.array([-largest, -1000.0, 1000.0, largest], dtype), requires_grad=True)
    with warnings.catch_warnings(), np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("error")
        f(x, np.ones(4, dtype), reduction="none").backward(np.ones(4))
    assert np.isfinite(x.grad.numpy()).all()


# --- weights and other settings ---


@pytest.mark.parametrize("f", [F.mse_loss, F.l1_loss])
def test_a_mean_of_weighted_errors_divides_by_the_weights(f):
    prediction, target, weight = (np.random.default_rng(seed).random((3, 2)) for seed in range(3))
    each = f(prediction, target, reduction="none").numpy() * weight
    for how, expected in {"none": each, "sum": each.sum(), "mean": each.sum() / weight.sum()}.items():
        np.testing.assert_allclose(f(prediction, target, reduction=how, weight=weight).numpy(), expected)
    with pytest.raises(ShapeError, match=r"the weight must have the prediction's shape \(3, 2\)"):
        f(prediction, target, weight=weight[0])
    with pytest.raises(DataError, match="nothing counts"):
        f(prediction, target, weight=np.zeros((3, 2)))


def test_weights_of_yes_and_of_entries():
    x, t = np.random.default_rng(0).normal(size=(3, 2)), np.array([[1.0, 0], [0, 1], [0.25, 1]])
    weight, yes = np.array([1.0, 3.0]), np.array([0.5, 4.0])
    each = (yes * t * np.log1p(np.exp(-x)) + (1 - t) * np.log1p(np.exp(x))) * weight
    found = F.binary_cross_entropy_with_logits(x, t, weight, pos_weight=yes)
    np.testing.assert_allclose(found.numpy(), each.mean())
    p = 1 / (1 + np.exp(-x))
    np.testing.assert_allclose(
        F.binary_cross_entropy(p, t, weight).numpy(),
        F.binary_cross_entropy_with_logits(x, t, weight).numpy(),
    )
    np.testing.assert_allclose(F.huber_loss(x, t, weight=np.full((3, 2), 2.0)).numpy(), 2 * F.huber_loss(x, t).numpy())
    for f in (F.binary_cross_entropy, F.binary_cross_entropy_with_logits):
        with pytest.raises(ShapeError, match="or broadcast to it"):
            f(p, t, np.ones((2, 3, 2)))


def test_certain_probabilities_count_as_e_to_the_minus_100():
    p = tg.Tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = F.binary_cross_entropy(p, [0.0, 1.0, 1.0, 0.0], reduction="none")
    loss.sum().backward()
    assert loss.tolist() == [0, 0, 100, 100]
    assert np.isfinite(p.grad.numpy()).all()


def test_small_losses_of_logits_keep_their_digits():
    x = np.array([50.0, -50.0])
    np.testing.assert_allclose(
        F.binary_cross_entropy_with_logits(x, [1.0, 0.0], reduction="none").numpy(), math.exp(-50), rtol=1e-12
    )


def test_second_derivatives_where_prediction_and_target_are_equal():
    for f, slope in ((F.mse_loss, 2.0), (F.huber_loss, 1.0), (lambda p, t: F.smooth_l1_loss(p, t, beta=0.5), 2.0)):
        assert tg.hessian(lambda p, f=f: f(p, np.array(3.0)))(3.0).item() == slope


@pytest.mark.parametrize("shape", [(3, 2), (3, 1), (3,), (1, 2), ()])
def test_gaussian_variances_per_entry_per_sample_or_one(shape):
    prediction, target = (np.random.default_rng(seed).normal(size=(3, 2)) for seed in range(2))
    var = np.random.default_rng(2).uniform(0.5, 2.0, size=shape)
    wide = var[:, None] if shape == (3,) else var
    for full in (False, True):
        density = np.exp(-((prediction - target) ** 2) / (2 * wide)) / np.sqrt(wide * (2 * np.pi if full else 1))
        found = F.gaussian_nll_loss(prediction, target, var, full=full, reduction="none")
        np.testing.assert_allclose(found.numpy(), -np.log(density), rtol=1e-12)
    assert_derivatives(
        F.gaussian_nll_loss, prediction, target, var, plain=lambda *a: F.gaussian_nll_loss(*a).numpy(), rtol=1e-5
    )


def test_a_variance_below_eps_counts_as_eps():
    var = tg.Tensor([0.0], requires_grad=True)
    loss = F.gaussian_nll_loss([1.0], [1.0], var, eps=0.01)
    loss.backward()
    assert loss.item() == pytest.approx(math.log(0.01) / 2)
    assert var.grad.item() == 0


def test_stirling_s_formula_counts_above_1():
    x, t = np.zeros(3), np.array([0.0, 1.0, 7.0])
    more = (
        F.poisson_nll_loss(x, t, full=True, reduction="none").numpy()
        - F.poisson_nll_loss(x, t, reduction="none").numpy()
    )
    assert more.tolist()[:2] == [0, 0]
    assert more[2] == pytest.approx(math.log(math.factorial(7)), rel=2e-3)


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda: F.huber_loss([1.0], [1.0], delta=0), DataError, "delta must be above 0, not 0"),
        (lambda: F.smooth_l1_loss([1.0], [1.0], beta=-1), DataError, "beta must be at least 0, not -1"),
        (
            lambda: F.binary_cross_entropy([[0.5, 1.5]], [[0.0, 1.0]]), DataError,
            "binary_cross_entropy: prediction must be from 0 to 1, and prediction[0, 1] is 1.5",
        ),
        (
            lambda: F.binary_cross_entropy([0.5, np.nan], [0.0, 1.0]), DataError,
            "binary_cross_entropy: prediction must be from 0 to 1, and prediction[1] is nan",
        ),
        (
            lambda: F.binary_cross_entropy([0.5], [2.0]), DataError,
            "binary_cross_entropy: target must be from 0 to 1, and target[0] is 2.0",
        ),
        (
            lambda: F.hinge_loss([0.5, 0.5], [0, 1]), DataError,
            "hinge_loss: target must be 1 or -1, and target[0] is 0.0",
        ),
        (
            lambda: F.gaussian_nll_loss([1.0], [1.0], [-1.0]), DataError,
            "gaussian_nll_loss: var must be at least 0, and var[0] is -1.0",
        ),
        (
            lambda: F.gaussian_nll_loss(np.ones((3, 2)), np.ones((3, 2)), np.ones(2)), ShapeError,
            "gaussian_nll_loss: the variance must have the prediction's shape, or 1 in place of a side",
        ),
    ],
)  # fmt: skip
def test_what_makes_no_sense_is_refused(call, error, first_line):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).splitlines()[0] == first_line
    assert "test_losses.py:" in str(caught.value)
    assert caught.value.code


# --- scopes ---


@pytest.mark.parametrize(
    ("loss", "target", "label"),
    [
        (mse_loss, np.zeros((2, 2)), "mse_loss(prediction, target)"),
        (cross_entropy, [0, 1], "cross_entropy(logits, target)"),
    ],
)
def test_every_op_of_a_loss_is_in_its_box_and_at_the_users_line(loss, target, label):
    x = tg.Tensor(np.ones((2, 2)), requires_grad=True)
    node = loss(x, target)._node
    while node.op is not None:
        assert (node.scope.name, node.scope.kind, node.scope.label()) == (loss.__name__, "loss", label)
        assert node_site(node).startswith("test_losses.py:")
        node = next(parent for parent in node.inputs if parent.requires_grad)
    assert node is x._node


def test_the_scope_is_left_after_an_error():
    with pytest.raises(ShapeError):
        mse_loss(np.zeros(2), np.zeros(3))
    y = tg.Tensor(1.0, requires_grad=True) * 2
    assert y._node.scope is None
