"""Embedding and MultiheadAttention are compositions of their functions and layers."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError
from tinygrad_edu.nn import Embedding, MultiheadAttention, Sequential, TransformerDecoder, TransformerDecoderLayer

RNG = np.random.default_rng(0)


def test_an_embedding_is_a_table_with_a_padding_that_stays_zero():
    layer = Embedding(5, 3, padding_idx=-1, rng=2)
    y = layer([[0, 4], [4, 2]])
    np.testing.assert_array_equal(y.detach().numpy(), layer.weight.data[[[0, 4], [4, 2]]])
    assert not layer.weight.data[4].any()
    y.sum().backward()
    np.testing.assert_array_equal(layer.weight.grad.numpy()[:, 0], [1, 0, 1, 0, 0])
    np.testing.assert_array_equal(layer.weight.data[:4], Embedding(5, 3, rng=2).weight.data[:4])
    assert layer._label() == "Embedding(5 × 3)"


def by_hand(layer, query, key, value, seen=None):
    """Head by head, query by query, for one sample."""
    heads = layer.num_heads
    q, k, v = (m(x).detach().numpy() for m, x in ((layer.query, query), (layer.key, key), (layer.value, value)))
    width = q.shape[-1] // heads
    joined = np.zeros(q.shape)
    for h in range(heads):
        part = slice(h * width, (h + 1) * width)
        scores = q[:, part] @ k[:, part].T / np.sqrt(width)
        scores = scores if seen is None else np.where(seen, scores, -1e30)
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        joined[:, part] = weights / weights.sum(axis=1, keepdims=True) @ v[:, part]
    return layer.out(joined).detach().numpy()


def test_heads_attend_each_for_itself():
    layer = MultiheadAttention(6, 3, rng=1)
    x, other, values = RNG.normal(size=(2, 4, 6)), RNG.normal(size=(2, 5, 6)), RNG.normal(size=(2, 5, 6))
    mask = np.tri(4, 5, dtype=bool)
    for n in range(2):
        np.testing.assert_allclose(layer(x).detach().numpy()[n], by_hand(layer, x[n], x[n], x[n]))
        np.testing.assert_allclose(layer(x[n]).detach().numpy(), by_hand(layer, x[n], x[n], x[n]))
        found = layer(x, other, values, mask).detach().numpy()[n]
        np.testing.assert_allclose(found, by_hand(layer, x[n], other[n], values[n], mask))
        causal = layer(x, is_causal=True).detach().numpy()[n]
        np.testing.assert_allclose(causal, by_hand(layer, x[n], x[n], x[n], np.tri(4, dtype=bool)))
    layer(x).sum().backward()
    assert len(layer.parameters()) == 8
    assert all(np.isfinite(p.grad.numpy()).all() for p in layer.parameters())


def test_weights_are_dropped_in_training_only():
    layer = MultiheadAttention(4, 2, dropout=0.5, rng=1)
    x = RNG.normal(size=(3, 4))
    assert not np.allclose(layer(x).detach().numpy(), layer(x).detach().numpy())
    np.testing.assert_array_equal(layer.eval()(x).detach().numpy(), layer(x).detach().numpy())


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="embed_dim 5 can't be split into 2 heads"):
        MultiheadAttention(5, 2)
    with pytest.raises(ShapeError, match=r"layer1\.query expects \(…, 4\), got \(3, 5\)"):
        Sequential(MultiheadAttention(4, 2))(np.ones((3, 5)))
    with pytest.raises(IndexingError, match="padding_idx 5 is outside of the table's rows 0 … 4"):
        Embedding(5, 3, padding_idx=5)
    with pytest.raises(IndexingError, match=r"embedding: indices\[1\] is 9"):
        Embedding(5, 3)([0, 9])
    with pytest.raises(DtypeError, match="indices must be whole numbers"):
        Embedding(5, 3)([0.5])
    assert F.embedding([0], Embedding(5, 3).weight).shape == (1, 3)


def test_arrays_that_a_layer_reads_several_times_are_one_input_each():
    rng = np.random.default_rng(0)
    x, memory = rng.normal(size=(3, 8)), rng.normal(size=(4, 8))
    decoder = TransformerDecoder(TransformerDecoderLayer(8, 2, dim_feedforward=8, dropout=0.0), 2)
    for result in (decoder(x, memory), MultiheadAttention(8, 2)(x), MultiheadAttention(8, 2)(x, memory, memory)):
        given = [card for card in tg.Graph.of(result.sum()).cards if card.kind == "input"]
        assert sorted(card.shape for card in given) == sorted({card.shape for card in given})
