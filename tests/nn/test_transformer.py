"""The layer of transformers is the sum of its parts, in either order, and sees no future when told so."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu import nn
from tinygrad_edu.errors import DataError, ShapeError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 5, 6))


def made(**settings):
    layer = nn.TransformerEncoderLayer(6, 3, **{"dim_feedforward": 8, "dropout": 0.0, "rng": 1, **settings})
    for p in layer.parameters():
        p.data = p.data + 0.1 * RNG.normal(size=p.shape)  # norms that are not 1 and 0
    return layer


def normed(norm, x):
    """Each vector with mean 0 and variance 1, weighted."""
    found = (x - x.mean(axis=-1, keepdims=True)) / np.sqrt(x.var(axis=-1, keepdims=True) + norm.eps)
    return found * norm.weight.data + (0 if norm.bias is None else norm.bias.data)


def neurons(linear, x):
    return x @ linear.weight.data + (0 if linear.bias is None else linear.bias.data)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("is_causal", [True, False])
def test_it_is_attention_and_a_small_network_with_sums_around_both(norm_first, is_causal, bias):
    layer = made(norm_first=norm_first, bias=bias)

    def attended(x):
        return layer.attention(x, is_causal=is_causal).detach().numpy()

    def network(x):
        return neurons(layer.linear2, np.maximum(neurons(layer.linear1, x), 0))

    if norm_first:
        expected = X + attended(normed(layer.norm1, X))
        expected = expected + network(normed(layer.norm2, expected))
    else:
        expected = normed(layer.norm1, X + attended(X))
        expected = normed(layer.norm2, expected + network(expected))
    np.testing.assert_allclose(layer(X, is_causal=is_causal).detach().numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(layer(X[1], is_causal=is_causal).detach().numpy(), expected[1], rtol=1e-10)
    mask = np.tri(5, dtype=bool) if is_causal else np.ones((5, 5), bool)
    np.testing.assert_allclose(layer(X, mask).detach().numpy(), expected, rtol=1e-10)


def test_no_place_sees_those_behind_it():
    layer, changed = made(activation="gelu"), X.copy()
    changed[:, 3:] += 1
    before, after = (layer(x, is_causal=True).detach().numpy() for x in (X, changed))
    np.testing.assert_array_equal(before[:, :3], after[:, :3])
    assert not np.allclose(before[:, 3:], after[:, 3:])


@pytest.mark.parametrize("norm_first", [True, False])
def test_gradients_reach_all_parts(norm_first):
    layer = made(norm_first=norm_first, activation="tanh")
    assert_derivatives(lambda x: layer(x, is_causal=True), X[:1, :3],
                       plain=lambda x: layer(x, is_causal=True).detach().numpy())  # fmt: skip
    layer(X).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    found = tg.per_sample_grad(lambda m, x: (m(x) ** 2).sum(), layer, X)
    for place, x in enumerate(X):
        for p in layer.parameters():
            p.grad = None
        (layer(x) ** 2).sum().backward()
        for path, p in layer.named_parameters():
            np.testing.assert_allclose(found[path].numpy()[place], p.grad.numpy(), rtol=1e-8, atol=1e-10)


def test_numbers_are_dropped_in_training_only_and_floats_stay():
    layer = made(dropout=0.5)
    assert not np.allclose(layer(X).detach().numpy(), layer(X).detach().numpy())
    layer.eval()
    np.testing.assert_array_equal(layer(X).detach().numpy(), layer(X).detach().numpy())
    small = nn.TransformerEncoderLayer(6, 2, 8, rng=0, dtype=np.float32)
    assert small(X.astype(np.float32)).dtype == np.float32
    assert layer._label() == "TransformerEncoderLayer(6, 3 heads, 8 within)"


def test_a_language_model_learns_to_go_on():
    rng = np.random.default_rng(0)
    table, positions = nn.Embedding(6, 12, rng=rng), nn.Embedding(8, 12, rng=rng)
    layer = nn.TransformerEncoderLayer(12, 2, 24, dropout=0.0, norm_first=True, rng=rng)
    head = nn.Linear(12, 6, rng=rng)
    model = nn.ModuleList([table, positions, layer, head])
    optimizer = tg.optim.Adam(model.parameters(), lr=0.02)
    for _ in range(60):
        start, step = rng.integers(0, 6, (16, 1)), rng.integers(1, 3, (16, 1))
        words = (start + step * np.arange(9)) % 6  # the step shows in the first two words
        logits = head(layer(table(words[:, :-1]) + positions(np.arange(8)), is_causal=True))
        loss = F.cross_entropy(logits[:, 1:].reshape(-1, 6), words[:, 2:].reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_what_does_not_fit_is_refused():
    with pytest.raises(DataError, match="embed_dim 6 can't be split into 4 heads"):
        nn.TransformerEncoderLayer(6, 4)
    with pytest.raises(ShapeError, match=r"attention\.query expects \(…, 6\), got \(2, 5, 4\)"):
        made()(X[..., :4])
    with pytest.raises(DataError, match="dropout must be from 0 to 1, not -1"):
        nn.TransformerEncoderLayer(6, 3, dropout=-1)
