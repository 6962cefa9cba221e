"""CTC against the sum over all paths written out, and its gradient against the paths' own frequencies."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError

RNG = np.random.default_rng(0)


def said(path, blank):
    """What a path says: equal neighbours made one, then blanks left out."""
    return [label for label, _ in itertools.groupby(path) if label != blank]


def all_paths(logs, target, blank):
    """The probability of every path (places, classes) that says the target."""
    places, classes = logs.shape
    for path in itertools.product(range(classes), repeat=places):
        if said(path, blank) == list(target):
            yield path, math.exp(sum(logs[t, label] for t, label in enumerate(path)))


@given(
    places=st.integers(1, 5), classes=st.integers(2, 3), longest=st.integers(0, 3), seed=st.integers(0, 999),
    flat=st.booleans(),
)  # fmt: skip
def test_it_is_the_sum_over_all_paths_and_its_gradient_their_expected_counts(places, classes, longest, seed, flat):
    rng = np.random.default_rng(seed)
    count, blank = 2, int(rng.integers(classes))
    logs = rng.normal(size=(places, count, classes))  # need not be logarithms of probabilities
    labels = [c for c in range(classes) if c != blank]
    table = rng.choice(labels, size=(count, longest))
    lengths, inputs = rng.integers(0, longest + 1, count), rng.integers(1, places + 1, count)
    targets = np.concatenate([row[:n] for row, n in zip(table, lengths)]) if flat else table
    x = tg.Tensor(logs, requires_grad=True)
    each = F.ctc_loss(x, targets, inputs, lengths, blank, "none")
    expected, slopes = [], np.zeros(logs.shape)
    for n in range(count):
        paths = list(all_paths(logs[: inputs[n], n], table[n, : lengths[n]], blank))
        total = sum(p for _, p in paths)
        expected.append(-math.log(total) if total else math.inf)
        for path, p in paths:
            for t, label in enumerate(path):
                slopes[t, n, label] -= p / total
    np.testing.assert_allclose(each.detach().numpy(), expected, rtol=1e-10, atol=1e-12)
    each.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), slopes, atol=1e-10)
    finite = np.where(np.isinf(expected), 0, expected)
    kept = F.ctc_loss(logs, targets, inputs, lengths, blank, "none", zero_infinity=True)
    np.testing.assert_allclose(kept.numpy(), finite, rtol=1e-10, atol=1e-12)
    mean = F.ctc_loss(logs, targets, inputs, lengths, blank, zero_infinity=True).item()
    assert mean == pytest.approx(np.mean(finite / np.maximum(lengths, 1)), rel=1e-10, abs=1e-12)


def test_one_sequence_without_n_dtype_and_second_derivatives():
    logs, target = RNG.normal(size=(5, 4)), np.array([1, 1, 3])
    alone = F.ctc_loss(logs, target, 5, 3, reduction="none")
    assert alone.shape == ()
    assert alone.item() == F.ctc_loss(logs[:, None], target[None], [5], [3], reduction="sum").item()
    x = tg.Tensor(logs.astype(np.float32), requires_grad=True)
    y = F.ctc_loss(F.log_softmax(x), target, 5, 3)
    y.backward()
    assert y.dtype == x.grad.dtype == np.float32
    assert_derivatives(lambda x: F.ctc_loss(x, target, 5, 3), logs,
                       plain=lambda x: F.ctc_loss(x, target, 5, 3).numpy())  # fmt: skip


def test_a_class_that_is_impossible_gives_no_nan():
    parts = np.array([[0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]])
    logs = np.log(parts, where=parts > 0, out=np.full((3, 3), -np.inf))
    x = tg.Tensor(logs, requires_grad=True)
    F.ctc_loss(x, [1, 2], 3, 2, reduction="none").backward()
    assert np.isfinite(x.grad.numpy()).all()
    x = tg.Tensor(logs, requires_grad=True)
    y = F.ctc_loss(x, [1, 1, 2], 3, 3, reduction="none")  # an equal neighbour needs a blank between: four places
    y.backward()
    assert y.item() == np.inf
    assert not x.grad.numpy().any()


@pytest.mark.parametrize(
    ("change", "error", "first_line"),
    [
        ({"log_probabilities": np.zeros(3)}, ShapeError, "ctc_loss: log_probabilities and targets don't fit"),
        ({"log_probabilities": np.zeros((0, 2, 3))}, ShapeError, "ctc_loss: log_probabilities and targets don't fit"),
        ({"targets": np.ones((3, 2), int)}, ShapeError, "ctc_loss: log_probabilities and targets don't fit"),
        ({"targets": np.ones(4, int)}, ShapeError, "ctc_loss: log_probabilities and targets don't fit"),
        ({"targets": np.full((2, 2), 0.5)}, DtypeError, "ctc_loss: labels must be integers, and target[0, 0] is 0.5"),
        ({"targets": np.full((2, 2), 3)}, IndexingError, "ctc_loss: the label at [0, 0] is 3, and the classes are 0"),
        ({"targets": np.zeros((2, 2), int)}, DataError, "ctc_loss: a target holds the blank, 0"),
        ({"blank": 3}, IndexingError, "ctc_loss: the blank is 3, and the classes are 0 … 2"),
        ({"input_lengths": [5]}, ShapeError, "ctc_loss: input_lengths must be 2 whole numbers, one per sequence"),
        ({"input_lengths": [0, 5]}, DataError, "ctc_loss: input_lengths must be from 1 to 5, the length of the seq"),
        ({"target_lengths": [3, 1]}, DataError, "ctc_loss: target_lengths must be from 0 to 2, the length of the tar"),
        ({"target_lengths": [1.0, 1.0]}, ShapeError, "ctc_loss: target_lengths must be 2 whole numbers, one per"),
        ({"reduction": "average"}, DataError, "no reduction is called 'average'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(change, error, first_line):
    call = {"log_probabilities": np.zeros((5, 2, 3)), "targets": np.ones((2, 2), int), "input_lengths": [5, 4],
            "target_lengths": [2, 1], **change}  # fmt: skip
    with pytest.raises(error) as caught:
        F.ctc_loss(**call)
    assert str(caught.value).startswith(first_line)
    assert "test_alignment.py:" in str(caught.value)
    assert caught.value.code
