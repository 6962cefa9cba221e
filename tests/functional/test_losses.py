"""Losses are what their formulas say, in value, gradient, dtype and scope, and refuse what doesn't fit."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError
from tinygrad_edu.functional import cross_entropy, mse_loss, softmax
from tinygrad_edu.node import node_site


def logits_and_labels(seed=0, n=5, classes=4, dtype=np.float64):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 3, (n, classes)).astype(dtype), rng.integers(0, classes, n)


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
    assert cross_entropy(values, labels, "batchmean").item() == pytest.approx(expected.mean())
    assert cross_entropy(values, labels, "sum").item() == pytest.approx(expected.sum())


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
        ([0, 3, -1], IndexingError, "cross_entropy: target[2] is -1, and the classes are 0 … 9", "leave those"),
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
    assert lines[1].startswith("  where:  test_losses.py:")
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
