"""Rows of a table, and attention against a loop over queries and keys."""

import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(5, 3))


# --- embedding ---


@pytest.mark.parametrize("shape", [(), (4,), (2, 3), (0,)])
def test_an_embedding_is_rows_of_the_table(shape):
    indices = RNG.integers(0, 5, shape)
    np.testing.assert_array_equal(F.embedding(indices, TABLE).numpy(), TABLE[indices])


def test_a_row_picked_twice_gets_both_gradients_and_the_padding_none():
    indices = np.array([[0, 2, 2], [4, 0, 2]])
    for padding, expected in ((None, [2, 0, 3, 0, 1]), (2, [2, 0, 0, 0, 1]), (-1, [2, 0, 3, 0, 0])):
        weight = tg.Tensor(TABLE, requires_grad=True)
        y = F.embedding(indices, weight, padding)
        y.sum().backward()
        np.testing.assert_array_equal(y.detach().numpy(), TABLE[indices])
        np.testing.assert_array_equal(weight.grad.numpy()[:, 0], expected)


@pytest.mark.usefixtures("both_sweeps")
def test_a_table_read_twice_gets_the_gradients_of_both_readings():
    rng = np.random.default_rng(0)
    table = tg.Tensor(rng.normal(size=(50, 20)), requires_grad=True)
    places = [rng.integers(0, 50, 60), rng.integers(0, 50, (3, 40))]
    weights = [rng.normal(size=(*place.shape, 20)) for place in places]
    expected = np.zeros(table.shape)
    for place, weight in zip(places, weights):
        np.add.at(expected, place, weight)
    sum((F.embedding(place, table) * weight).sum() for place, weight in zip(places, weights)).backward()
    np.testing.assert_allclose(table.grad.numpy(), expected, rtol=1e-12, atol=1e-14)


def test_changing_the_indices_afterwards_does_not_change_the_gradient():
    indices, weight = np.array([1, 1]), tg.Tensor(TABLE, requires_grad=True)
    y = F.embedding(indices, weight)
    indices[:] = 0
    y.sum().backward()
    np.testing.assert_array_equal(weight.grad.numpy()[:2, 0], [0, 2])


# --- attention ---


def naive(q, k, v, scale, seen=None, added=None):
    """Query by query: scores, weights, values; for one sample."""
    out = np.zeros((len(q), v.shape[1]))
    for i, query in enumerate(q):
        keys = [j for j in range(len(k)) if seen is None or seen[i, j]]
        if not keys:
            continue
        scores = [sum(query * k[j]) * scale + (0 if added is None else added[i, j]) for j in keys]
        weights = np.exp(scores) / sum(np.exp(scores))
        out[i] = sum(w * v[j] for w, j in zip(weights, keys))
    return out


def operands(batch=(), queries=4, keys=5, width=3, values=2):
    return tuple(RNG.normal(size=(*batch, *sides)) for sides in ((queries, width), (keys, width), (keys, values)))


@pytest.mark.parametrize("scale", [None, 0.3])
@pytest.mark.parametrize("kind", ["none", "causal", "booleans", "numbers", "minus infinity"])
def test_attention_weighs_the_values_by_their_keys(kind, scale):
    q, k, v = operands()
    mask = RNG.random((4, 5)) < 0.5
    mask[1] = False  # a query that sees nothing gets zeros
    numbers = RNG.normal(size=(4, 5))
    seen = {"causal": np.tri(4, 5, dtype=bool), "booleans": mask, "minus infinity": mask}.get(kind)
    given = {"booleans": mask, "numbers": numbers, "minus infinity": np.where(mask, numbers, -np.inf)}.get(kind)
    added = numbers if kind in ("numbers", "minus infinity") else None
    expected = naive(q, k, v, 1 / math.sqrt(3) if scale is None else scale, seen, added)

    def f(*x):
        return F.scaled_dot_product_attention(*x, given, is_causal=kind == "causal", scale=scale)

    np.testing.assert_allclose(f(q, k, v).numpy(), expected, rtol=1e-12, atol=1e-12)
    assert_derivatives(f, q, k, v, plain=lambda *x: f(*x).numpy(), rtol=1e-5)


def test_leading_axes_are_a_batch_and_broadcast():
    q, k, v = operands((2, 3))
    found = F.scaled_dot_product_attention(q, k[:1], v[0, 0], is_causal=True).numpy()
    for place in np.ndindex(2, 3):
        expected = naive(q[place], k[0, place[1]], v[0, 0], 1 / math.sqrt(3), np.tri(4, 5, dtype=bool))
        np.testing.assert_allclose(found[place], expected, rtol=1e-12)


def test_a_learnt_bias_gets_its_gradient():
    assert_derivatives(
        F.scaled_dot_product_attention, *operands(), RNG.normal(size=(4, 5)),
        plain=lambda *x: F.scaled_dot_product_attention(*x).numpy(), rtol=1e-5,
    )  # fmt: skip


def test_float32_stays_with_every_mask_and_large_scores_do_not_overflow():
    q, k, v = (x.astype(np.float32) * 100 for x in operands())
    for mask in (None, np.tri(4, 5, dtype=bool), np.zeros((4, 5))):
        x = tg.Tensor(q, requires_grad=True)
        y = F.scaled_dot_product_attention(x, k, v, mask)
        y.sum().backward()
        assert (y.dtype, x.grad.dtype) == (np.float32, np.float32)
        assert np.isfinite(y.detach().numpy()).all()


def test_groups_of_heads_share_keys_and_values():
    rng = np.random.default_rng(0)
    q, k, v = rng.normal(size=(2, 6, 3, 4)), rng.normal(size=(2, 2, 5, 4)), rng.normal(size=(2, 3, 5, 2))
    found = F.scaled_dot_product_attention(q, k, v, enable_gqa=True).numpy()
    for head in range(6):
        alone = F.scaled_dot_product_attention(q[:, head], k[:, head // 3], v[:, head // 2]).numpy()
        np.testing.assert_allclose(found[:, head], alone, rtol=1e-12)
    assert_derivatives(lambda *x: F.scaled_dot_product_attention(*x, enable_gqa=True), q[:1], k[:1], v[:1], order=1,
                       plain=lambda *x: F.scaled_dot_product_attention(*x, enable_gqa=True).numpy())  # fmt: skip
    with pytest.raises(ShapeError, match="the heads of keys and values must divide those of the queries"):
        F.scaled_dot_product_attention(q[:, :5], k, v, enable_gqa=True)
    with pytest.raises(ShapeError, match="the heads of keys"):
        F.scaled_dot_product_attention(q[0, 0], k[0, 0], v[0, 0], enable_gqa=True)


def test_dropped_weights_come_from_the_generator():
    q, k, v = operands()
    first, again = (F.scaled_dot_product_attention(q, k, v, dropout_p=0.5, rng=1).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.allclose(first, F.scaled_dot_product_attention(q, k, v).numpy())


Q, K, V = operands()


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda: F.embedding([0, 5], TABLE), IndexingError, "embedding: indices[1] is 5, and the table has rows 0 … 4"),
        (lambda: F.embedding([[-1]], TABLE), IndexingError, "embedding: indices[0, 0] is -1, and the table has rows"),
        (lambda: F.embedding([0.0], TABLE), DtypeError, "embedding: indices must be whole numbers"),
        (lambda: F.embedding(TABLE, [0]), ShapeError, "embedding: the weight must be a table, (rows, width)"),
        (lambda: F.embedding([0], TABLE, 5), IndexingError, "embedding: there is no row 5 for the padding"),
        (
            lambda: F.scaled_dot_product_attention(Q, K[:, :2], V), ShapeError,
            "scaled_dot_product_attention: query, key and value don't fit each other",
        ),
        (
            lambda: F.scaled_dot_product_attention(Q, K, V[:3]), ShapeError,
            "scaled_dot_product_attention: query, key and value don't fit each other",
        ),
        (
            lambda: F.scaled_dot_product_attention(Q[0], K, V), ShapeError,
            "scaled_dot_product_attention: query, key and value don't fit each other",
        ),
        (
            lambda: F.scaled_dot_product_attention(Q, K, V, np.ones((5, 4), bool)), ShapeError,
            "scaled_dot_product_attention: the mask must broadcast to (…, queries, keys), (4, 5)",
        ),
        (
            lambda: F.scaled_dot_product_attention(Q, K, V, np.ones((2, 4, 5), bool)), ShapeError,
            "scaled_dot_product_attention: the mask must broadcast to (…, queries, keys), (4, 5)",
        ),
        (
            lambda: F.scaled_dot_product_attention(Q, K, V, np.ones((4, 5), int)), DtypeError,
            "scaled_dot_product_attention: a mask of whole numbers may mean either",
        ),
        (
            lambda: F.scaled_dot_product_attention(Q, K, V, np.ones((4, 5), bool), is_causal=True), DataError,
            "scaled_dot_product_attention: attn_mask and is_causal exclude each other",
        ),
        (lambda: F.scaled_dot_product_attention(Q, K, V, dropout_p=0.5), DataError, "dropout: it needs a generator"),
        (lambda: F.scaled_dot_product_attention(Q, K, V, dropout_p=2), DataError, "p must be from 0 to 1, not 2"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused(call, error, first_line):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(first_line)
    assert "test_attention.py:" in str(caught.value)
    assert caught.value.code
