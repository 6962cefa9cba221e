"""Bags of rows, margins of several labels, and what draws at random, against loops and against their distributions."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu import nn
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(5, 3))


def put_together(rows, mode):
    if not len(rows):
        return np.zeros(3)
    return {"mean": np.mean, "sum": np.sum, "max": np.max}[mode](rows, axis=0)


@given(
    sizes=st.lists(st.integers(0, 4), max_size=4), mode=st.sampled_from(["mean", "sum", "max"]),
    padding=st.none() | st.integers(-5, 4), seed=st.integers(0, 99), last=st.booleans(), weighted=st.booleans(),
)  # fmt: skip
def test_each_bag_is_put_together_by_itself(sizes, mode, padding, seed, last, weighted):
    rng = np.random.default_rng(seed)
    indices, factors = rng.integers(0, 5, sum(sizes)), None
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(int) if last else np.cumsum([0, *sizes])[:-1].astype(int)
    weights = rng.normal(size=len(indices)) if weighted and mode == "sum" else None
    factors = np.ones(len(indices)) if weights is None else weights
    if not last and not sizes and len(indices) == 0:
        offsets = np.zeros(0, int)
    bags = np.split(np.arange(len(indices)), np.cumsum(sizes)[:-1]) if sizes else []
    expected = np.zeros((len(bags), 3))
    for place, bag in enumerate(bags):
        kept = [i for i in bag if padding is None or indices[i] != padding % 5]
        expected[place] = put_together(np.array([TABLE[indices[i]] * factors[i] for i in kept]), mode)
    found = F.embedding_bag(indices, TABLE, offsets, mode, weights, last, padding)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-15)
    t = tg.Tensor(TABLE.astype(np.float32), requires_grad=True)
    y = F.embedding_bag(indices, t, offsets, mode, None, last, padding)
    y.sum().backward()
    assert y.dtype == np.float32
    assert t.grad is None or padding is None or not t.grad.numpy()[padding].any()


@pytest.mark.parametrize("mode", ["mean", "sum", "max"])
def test_bags_as_rows_their_derivatives_and_the_layer(mode):
    indices = np.array([[0, 2, 2], [4, 1, 0]])
    expected = np.array([put_together(TABLE[row], mode) for row in indices])
    np.testing.assert_allclose(F.embedding_bag(indices, TABLE, mode=mode).numpy(), expected)
    layer = nn.EmbeddingBag(5, 3, mode, rng=1)
    alone = F.embedding_bag(indices, layer.weight.data, mode=mode).numpy()
    np.testing.assert_array_equal(layer(indices).detach().numpy(), alone)
    np.testing.assert_array_equal(layer(indices.ravel(), [0, 3]).detach().numpy(), alone)
    assert layer._label() == f"EmbeddingBag(5 × 3, {mode})"
    assert_derivatives(lambda w: F.embedding_bag(indices, w, mode=mode) ** 2, TABLE,
                       plain=lambda w: F.embedding_bag(indices, w, mode=mode).numpy() ** 2)  # fmt: skip
    factors = RNG.normal(size=(2, 3))
    if mode == "sum":
        assert_derivatives(lambda w, f: F.embedding_bag(indices, w, mode="sum", per_sample_weights=f), TABLE, factors,
                           plain=lambda w, f: F.embedding_bag(indices, w, None, "sum", f).numpy())  # fmt: skip
        weighted = layer(indices, per_sample_weights=factors).detach().numpy()
        np.testing.assert_allclose(weighted, (layer.weight.data[indices] * factors[..., None]).sum(axis=1))


@given(classes=st.integers(1, 5), seed=st.integers(0, 99), single=st.booleans())
def test_every_right_class_is_compared_with_every_wrong_one(classes, seed, single):
    rng = np.random.default_rng(seed)
    scores, target = rng.normal(size=(3, classes)), rng.integers(-1, classes, (3, classes))
    expected = []
    for x, row in zip(scores, target):
        ends = list(row).index(-1) if -1 in row else classes
        right = list(row[:ends])
        wrong = [i for i in range(classes) if i not in right]
        expected.append(sum(max(0, 1 - x[j] + x[i]) for j in right for i in wrong) / classes)
    given_ = (scores[0], target[0]) if single else (scores, target)
    found = F.multilabel_margin_loss(*given_, reduction="none")
    np.testing.assert_allclose(found.numpy(), expected[0] if single else expected, rtol=1e-12, atol=1e-15)
    assert F.multilabel_margin_loss(scores, target).item() == pytest.approx(np.mean(expected))
    assert_derivatives(lambda x: F.multilabel_margin_loss(x, target), scores, order=1,
                       plain=lambda x: F.multilabel_margin_loss(x, target).numpy())  # fmt: skip
    found = tg.per_sample_grad(lambda w, x, y: F.multilabel_margin_loss(w + x, y), np.zeros(classes), (scores, target))
    for place in range(3):
        t = tg.Tensor(scores[place], requires_grad=True)
        F.multilabel_margin_loss(t, target[place]).backward()
        np.testing.assert_allclose(found.numpy()[place], 0 if t.grad is None else t.grad.numpy())


@pytest.mark.parametrize("swap", [False, True])
def test_a_triplet_by_a_distance_of_ones_own(swap):
    a, near, far = RNG.normal(size=(3, 4, 2))

    def distance(x, y):
        return abs(x - y).sum(axis=-1)

    away = np.minimum(distance(a, far), distance(near, far)) if swap else distance(a, far)
    expected = np.maximum(distance(a, near) - away + 0.5, 0)
    found = F.triplet_margin_with_distance_loss(a, near, far, distance, 0.5, swap, "none")
    np.testing.assert_allclose(found.numpy(), expected)
    usual = F.triplet_margin_with_distance_loss(a, near, far, swap=swap)
    assert usual.item() == F.triplet_margin_loss(a, near, far, swap=swap).item()


# --- draws ---------------------------------------------------------------------------------------------------


def test_alpha_dropout_keeps_mean_and_variance_and_sets_to_one_number():
    x = RNG.normal(size=100_000)
    for p in (0.1, 0.5, 0.9):
        y = F.alpha_dropout(x, p, rng=1).numpy()
        assert abs(y.mean()) < 0.02
        assert abs(y.var() - 1) < 0.03
    same = F.alpha_dropout(np.zeros(1000), 0.3, rng=2).numpy()
    assert len(np.unique(same)) == 2
    assert np.mean(same == same.min()) == pytest.approx(0.3, abs=0.05)
    np.testing.assert_array_equal(F.alpha_dropout(x, 0.5, training=False).numpy(), x)
    assert not F.alpha_dropout(x, 1.0).numpy().any()


def test_random_slopes_lie_between_their_bounds_and_are_their_mean_in_evaluation():
    x = tg.Tensor(np.concatenate([-np.ones(20_000), np.ones(5)]), requires_grad=True)
    y = F.rrelu(x, 0.1, 0.5, training=True, rng=3)
    y.sum().backward()
    slopes = -y.detach().numpy()[:-5]
    np.testing.assert_array_equal(x.grad.numpy()[:-5], slopes)
    assert 0.1 <= slopes.min() < 0.11
    assert 0.49 < slopes.max() <= 0.5
    assert slopes.mean() == pytest.approx(0.3, abs=0.01)
    assert (x.grad.numpy()[-5:] == 1).all()
    np.testing.assert_array_equal(F.rrelu(x, 0.1, 0.5).detach().numpy(), F.leaky_relu(x, 0.3).detach().numpy())
    layer = nn.RReLU(0.1, 0.5, rng=3)
    np.testing.assert_array_equal(layer(x).detach().numpy(), y.detach().numpy())
    np.testing.assert_array_equal(layer.eval()(x).detach().numpy(), F.leaky_relu(x, 0.3).detach().numpy())


def test_gumbel_draws_have_the_frequencies_of_softmax_and_hard_ones_the_gradients_of_soft_ones():
    logits, n = np.array([0.0, 1.0, 2.0]), 40_000
    hard = F.gumbel_softmax(np.tile(logits, (n, 1)), hard=True, rng=4).numpy()
    assert set(np.unique(hard.round(12))) == {0.0, 1.0}
    expected = np.exp(logits) / np.exp(logits).sum()
    assert np.abs(hard.mean(axis=0) - expected).max() < 4 * math.sqrt(0.25 / n)
    slopes = []
    for is_hard in (False, True):
        x = tg.Tensor(np.tile(logits, (2, 3, 1)), requires_grad=True)
        y = F.gumbel_softmax(x, 0.7, is_hard, axis=1, rng=5)
        np.testing.assert_allclose(y.detach().numpy().sum(axis=1), 1)
        (y * np.arange(18).reshape(2, 3, 3)).sum().backward()
        slopes.append(x.grad.numpy())
    np.testing.assert_array_equal(*slopes)
    cold = F.gumbel_softmax(logits, 1e-3, rng=6).numpy()
    np.testing.assert_allclose(np.sort(cold), [0, 0, 1], atol=1e-6)


def test_each_sample_of_vmap_draws_for_itself_and_floats_stay():
    for f in (lambda x: F.alpha_dropout(x, 0.5, rng=0), lambda x: F.rrelu(x, training=True, rng=0),
              lambda x: F.gumbel_softmax(x, rng=0)):  # fmt: skip
        drawn = tg.vmap(f)(-np.ones((4, 20))).numpy()
        assert len({tuple(row) for row in drawn}) == 4
        np.testing.assert_array_equal(drawn, f(-np.ones((4, 20))).numpy())
        assert f(np.ones(3, np.float32)).dtype == np.float32
        assert f(np.ones(3, int)).dtype == np.float64


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda: F.alpha_dropout(TABLE), DataError, "alpha_dropout: it needs a generator to draw from"),
        (lambda: F.rrelu(TABLE, training=True), DataError, "rrelu: it needs a generator to draw from"),
        (lambda: F.gumbel_softmax(TABLE), DataError, "gumbel_softmax: it needs a generator to draw from"),
        (lambda: F.rrelu(TABLE, 0.5, 0.1), DataError, "rrelu: lower 0.5 must not be above upper 0.1"),
        (lambda: F.gumbel_softmax(TABLE, 0, rng=0), DataError, "tau must be above 0, not 0"),
        (lambda: F.alpha_dropout(TABLE, 2, rng=0), DataError, "p must be from 0 to 1, not 2"),
        (lambda: F.embedding_bag([0, 1], TABLE), ShapeError, "embedding_bag: bags are rows of indices, or parts of"),
        (lambda: F.embedding_bag([[0]], TABLE, [0]), ShapeError, "embedding_bag: bags are rows of indices, or parts"),
        (lambda: F.embedding_bag([0, 1], TABLE, [1]), DataError, "embedding_bag: offsets must be whole numbers from"),
        (lambda: F.embedding_bag([0, 1], TABLE, [0, 3]), DataError, "embedding_bag: offsets must be whole numbers"),
        (lambda: F.embedding_bag([0, 1], TABLE, [0.0]), DataError, "embedding_bag: offsets must be whole numbers"),
        (lambda: F.embedding_bag([[0]], TABLE, mode="min"), DataError, "no mode of embedding_bag is called 'min'"),
        (lambda: F.embedding_bag([[9]], TABLE), IndexingError, "embedding: indices[0] is 9, and the table has rows"),
        (lambda: F.embedding_bag([[0]], TABLE, padding_idx=5), IndexingError, "embedding_bag: there is no row 5 for"),
        (
            lambda: F.embedding_bag([[0]], TABLE, per_sample_weights=[[1.0]]),
            ShapeError,
            "embedding_bag: there must be one weight for each index, and the mode must be sum, not mean",
        ),
        (lambda: F.multilabel_margin_loss(TABLE, [[0]]), ShapeError, "multilabel_margin_loss: logits and target don't"),
        (
            lambda: F.multilabel_margin_loss(TABLE[:1], [[0, 3, 1]]),
            IndexingError,
            "multilabel_margin_loss: target[0, 1]",
        ),
        (lambda: F.multilabel_margin_loss(TABLE[:1], [[0.5, 1, 1]]), DtypeError, "multilabel_margin_loss: labels must"),
        (
            lambda: F.triplet_margin_with_distance_loss(TABLE, TABLE, TABLE[0]),
            ShapeError,
            "triplet_margin_with_distance_loss: anchor, positive, negative must have",
        ),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(call, error, first_line):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(first_line)
    assert "test_bags_and_draws.py:" in str(caught.value)
    assert caught.value.code
