"""Losses of classes are what their formulas say, for labels and probabilities, and name the first wrong label."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError
from tinygrad_edu.functional import cross_entropy, softmax


def logits_and_labels(seed=0, n=5, classes=4, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 3, (n, classes)).astype(dtype), rng.integers(0, classes, n)


# --- cross_entropy ---


@given(seed=st.integers(0, 1000), n=st.integers(1, 5), classes=st.integers(1, 4))
def test_labels_and_their_probabilities_and_the_formula_agree(seed, n, classes):
    values, labels = logits_and_labels(seed, n, classes)
    expected = np.log(np.exp(values).sum(axis=1)) - values[np.arange(n), labels]
    by_label = cross_entropy(values, labels, reduction="none")
    by_probability = cross_entropy(values, np.eye(classes)[labels], reduction="none")
    np.testing.assert_allclose(by_label.numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(by_probability.numpy(), expected, atol=1e-12)
    assert cross_entropy(values, labels).item() == pytest.approx(expected.mean())
    assert cross_entropy(values, labels, reduction="batchmean").item() == pytest.approx(expected.mean())
    assert cross_entropy(values, labels, reduction="sum").item() == pytest.approx(expected.sum())


def test_the_gradient_is_softmax_minus_one_hot():
    values, labels = logits_and_labels()
    for target in (labels, np.eye(4)[labels], labels.astype(np.uint8), tg.Tensor(labels)):
        logits = tg.Tensor(values, requires_grad=True)
        cross_entropy(logits, target).backward()
        np.testing.assert_allclose(
            logits.grad.numpy(), (softmax(values).numpy() - np.eye(4)[labels]) / len(labels), atol=1e-15
        )


def test_one_sample_without_a_batch():
    assert cross_entropy([0.0, 0.0], 1).item() == pytest.approx(np.log(2))
    assert cross_entropy([0.0, 0.0], [0.5, 0.5]).item() == pytest.approx(np.log(2))


def test_huge_logits_neither_overflow_nor_warn():
    logits = tg.Tensor(np.array([[1e4, 0.0], [-1e30, 1e30]], np.float32), requires_grad=True)
    loss = cross_entropy(logits, [0, 1])
    loss.backward()
    assert loss.item() == 0
    assert np.isfinite(logits.grad.numpy()).all()


def test_changing_the_labels_afterwards_does_not_change_the_gradient():
    values, labels = logits_and_labels()
    logits = tg.Tensor(values, requires_grad=True)
    loss = cross_entropy(logits, labels)
    expected = (softmax(values).numpy() - np.eye(4)[labels]) / len(labels)
    labels[:] = 0
    loss.backward()
    np.testing.assert_allclose(logits.grad.numpy(), expected, atol=1e-15)


@pytest.mark.parametrize(
    ("labels", "error", "first_line", "fix"),
    [
        ([0, 10, 3], IndexingError, "cross_entropy: target[1] is 10, and the classes are 0 … 9", "11 outputs"),
        ([0, 3, -1], IndexingError, "cross_entropy: target[2] is -1, and the classes are 0 … 9", "ignore_index=-1"),
        ([0.0, 2.5, 1.0], DtypeError, "cross_entropy: labels must be integers, and target[1] is 2.5", "astype(int)"),
        ([4.0, 2.0, 1.0], DtypeError, "cross_entropy: labels must be integers, and target[0] is 4.0", "astype(int)"),
        ([True, False, True], DtypeError, "cross_entropy: labels must be integers, and target[0] is True", "astype"),
    ],
)
def test_the_first_wrong_label_is_named(labels, error, first_line, fix):
    with pytest.raises(error) as caught:
        cross_entropy(np.zeros((3, 10)), labels)
    lines = str(caught.value).splitlines()
    assert lines[0] == first_line
    assert lines[1].startswith("  where:  test_classification.py:")
    assert lines[-2].startswith("  fix: ")
    assert fix in lines[-2]


@pytest.mark.parametrize(
    ("logits", "target", "fix"),
    [((4, 3), (5,), ""), ((4, 3), (4, 1), "target.reshape((4,))"), ((2, 4, 3), (2, 4), "logits.reshape(-1, classes)")],
)
def test_targets_of_another_shape_are_refused(logits, target, fix):
    with pytest.raises(ShapeError) as caught:
        cross_entropy(np.zeros(logits), np.zeros(target, int))
    text = str(caught.value)
    assert text.startswith("cross_entropy: logits and target don't fit each other\n")
    assert f"{logits} float64" in text
    assert f"{target} int64" in text
    assert fix in text


# --- weights, ignored labels, smoothing, places ---


def by_hand(logits, labels, weight, ignored, smoothing, how):
    """Sample by sample: the target as probabilities, its cross entropy, its weight."""
    classes = logits.shape[1]
    total, counted, each = 0.0, 0.0, np.zeros(labels.shape)
    for place in np.ndindex(*labels.shape):
        if labels[place] == ignored:
            continue
        z = logits[(place[0], slice(None), *place[1:])]
        logs = z - np.log(np.exp(z).sum())
        hard = np.eye(classes)[labels[place]] * weight[labels[place]]
        each[place] = -((1 - smoothing) * hard + smoothing / classes * weight) @ logs
        total += each[place]
        counted += weight[labels[place]]
    return {"none": each, "sum": total, "mean": total / counted, "batchmean": total / len(labels)}[how]


@pytest.mark.parametrize("how", ["none", "sum", "mean", "batchmean"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2, 1.0])
@pytest.mark.parametrize("sides", [(), (3,), (2, 3)])
@pytest.mark.parametrize("ignored", [-100, 1, -1])
def test_weights_ignored_labels_smoothing_and_places_together(how, smoothing, sides, ignored):
    rng = np.random.default_rng(0)
    logits, labels = rng.normal(size=(4, 3, *sides)), rng.integers(0, 3, (4, *sides))
    labels.ravel()[:2] = ignored if ignored != -100 else 0
    for weight in (np.ones(3), np.array([1.0, 2.0, 0.5])):
        expected = by_hand(logits, labels, weight, ignored, smoothing, how)
        given_weight = None if (weight == 1).all() else weight
        found = cross_entropy(logits, labels, given_weight, ignored, how, smoothing)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
        assert_derivatives(
            lambda x, w=given_weight: cross_entropy(x, labels, w, ignored, how, smoothing), logits,
            plain=lambda x, w=given_weight: cross_entropy(x, labels, w, ignored, how, smoothing).numpy(),
        )  # fmt: skip
        if not smoothing:
            logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
            np.testing.assert_allclose(F.nll_loss(logs, labels, given_weight, ignored, how).numpy(), expected)


@pytest.mark.parametrize("sides", [(), (2,)])
def test_probabilities_with_weights_and_smoothing_divide_by_the_samples(sides):
    rng = np.random.default_rng(0)
    logits, target, weight = rng.normal(size=(4, 3, *sides)), rng.random((4, 3, *sides)), np.array([1.0, 2.0, 0.5])
    logs = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    along = weight.reshape(3, *(1,) * len(sides))
    each = -(along * (0.9 * target + 0.1 / 3) * logs).sum(axis=1)
    for how, expected in {"none": each, "mean": each.mean(), "batchmean": each.sum() / 4}.items():
        found = cross_entropy(logits, target, weight, reduction=how, label_smoothing=0.1)
        np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    assert_derivatives(cross_entropy, logits, target, plain=lambda *a: cross_entropy(*a).numpy())


def test_ignored_labels_may_be_anything_and_get_no_gradient():
    logits = tg.Tensor(np.zeros((3, 2)), requires_grad=True)
    cross_entropy(logits, [0, 255, 255], ignore_index=255).backward()
    np.testing.assert_allclose(logits.grad.numpy(), [[-0.5, 0.5], [0, 0], [0, 0]])


def test_a_batch_of_which_nothing_counts_is_refused_instead_of_nan():
    for call in (
        lambda: cross_entropy(np.zeros((2, 3)), [-100, -100]),
        lambda: cross_entropy(np.zeros((2, 3)), [1, 1], weight=[1.0, 0.0, 1.0]),
    ):
        with pytest.raises(DataError, match=r'nothing counts(.|\n)*reduction="sum"'):
            call()
    assert cross_entropy(np.zeros((2, 3)), [-100, -100], reduction="sum").item() == 0


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (
            lambda x: cross_entropy(x, [0, 1], [1.0, 2.0]),
            ShapeError,
            "cross_entropy: the weight must have one number per",
        ),
        (
            lambda x: cross_entropy(x, [0, 1], label_smoothing=1.5),
            DataError,
            "label_smoothing must be from 0 to 1, not 1.5",
        ),
        (
            lambda x: cross_entropy(x, [0, 1], label_smoothing="a"),
            DtypeError,
            "label_smoothing must be a number, not 'a'",
        ),
        (lambda x: cross_entropy(x, x, ignore_index=1), DataError, "cross_entropy: there is no label 1 to ignore"),
        (
            lambda x: cross_entropy(x, [0, 1], ignore_index=0.5),
            DtypeError,
            "ignore_index must be a whole number, not 0.5",
        ),
        (lambda x: cross_entropy(x, [0, 1], reduction="avg"), DataError, "no reduction is called 'avg'"),
        (lambda x: cross_entropy(3.0, 0), ShapeError, "cross_entropy: logits and target don't fit each other"),
        (lambda x: F.nll_loss(x, x), ShapeError, "nll_loss: logits and target don't fit each other"),
        (lambda x: F.nll_loss(x, [0, 3]), IndexingError, "nll_loss: target[1] is 3, and the classes are 0 … 2"),
        (lambda x: F.multi_margin_loss(x, [0, 3]), IndexingError, "multi_margin_loss: target[1] is 3"),
        (lambda x: F.multi_margin_loss(x, [0, 1], p=3), DataError, "multi_margin_loss: p must be 1 or 2, not 3"),
        (lambda x: F.multi_margin_loss(x, x), ShapeError, "multi_margin_loss: logits and target don't fit"),
        (lambda x: F.multilabel_soft_margin_loss(x, [0, 1]), ShapeError, "multilabel_soft_margin_loss: prediction and"),
        (lambda x: F.one_hot([0, 4], 3), IndexingError, "one_hot: target[1] is 4, and the classes are 0 … 2"),
        (lambda x: F.one_hot([0, -4]), IndexingError, "one_hot: target[1] is -4"),
        (lambda x: F.one_hot([0.0, 1.0]), DtypeError, "one_hot: labels must be integers"),
        (lambda x: F.one_hot(np.zeros(0, int)), DataError, "one_hot: no labels to count classes by"),
        (lambda x: F.one_hot([0], 0), DataError, "num_classes must be at least 1, not 0"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, first_line):
    with pytest.raises(error) as caught:
        call(np.zeros((2, 3)))
    assert str(caught.value).startswith(first_line)
    assert "test_classification.py:" in str(caught.value)
    assert caught.value.code


# --- margins between classes ---


@pytest.mark.parametrize("p", [1, 2])
@pytest.mark.parametrize("weight", [None, [1.0, 3.0, 0.5]])
def test_multi_margin_counts_how_far_others_come_near_the_right_class(p, weight):
    rng = np.random.default_rng(0)
    scores, labels = rng.normal(size=(4, 3)), np.array([0, 2, 1, 1])
    each = [
        sum(max(0, 0.7 - row[y] + other) ** p for i, other in enumerate(row) if i != y)
        / 3
        * (weight[y] if weight else 1)
        for row, y in zip(scores, labels)
    ]
    settings = {"p": p, "margin": 0.7, "weight": weight}
    np.testing.assert_allclose(F.multi_margin_loss(scores, labels, **settings, reduction="none").numpy(), each)
    np.testing.assert_allclose(F.multi_margin_loss(scores[0], labels[0], **settings).numpy(), each[0])
    assert_derivatives(
        lambda x: F.multi_margin_loss(x, labels, **settings), scores,
        plain=lambda x: F.multi_margin_loss(x, labels, **settings).numpy(),
    )  # fmt: skip


def test_several_labels_per_sample():
    rng = np.random.default_rng(0)
    x, t, weight = rng.normal(size=(4, 3)), (rng.random((4, 3)) < 0.5).astype(float), np.array([1.0, 2.0, 0.5])
    each = (weight * (t * np.log1p(np.exp(-x)) + (1 - t) * np.log1p(np.exp(x)))).mean(axis=1)
    np.testing.assert_allclose(F.multilabel_soft_margin_loss(x, t, weight, "none").numpy(), each)
    np.testing.assert_allclose(F.multilabel_soft_margin_loss(x[0], t[0], weight).numpy(), each[0])


# --- one_hot ---


@pytest.mark.parametrize("shape", [(), (3,), (2, 3)])
def test_one_hot_rows_along_a_new_last_axis(shape):
    labels = np.random.default_rng(0).integers(0, 4, shape)
    rows = F.one_hot(labels, 5)
    assert rows.dtype == np.int64
    np.testing.assert_array_equal(rows.numpy(), np.eye(5, dtype=int)[labels])
    assert F.one_hot(labels).shape == (*shape, labels.max() + 1)
