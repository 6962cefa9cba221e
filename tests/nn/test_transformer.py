"""The layer of transformers is the sum of its parts, in either order, and sees no future when told so."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu import nn
from tinygrad_edu.errors import DataError, DtypeError, ShapeError

RNG = np.random.default_rng(0)
X, M = RNG.normal(size=(2, 5, 6)), RNG.normal(size=(2, 7, 6))


def made(**settings):
    return shaken(nn.TransformerEncoderLayer(6, 3, **{"dim_feedforward": 8, "dropout": 0.0, "rng": 1, **settings}))


def shaken(module):
    """The module with norms that are not 1 and 0."""
    for p in module.parameters():
        p.data = p.data + 0.1 * RNG.normal(size=p.shape)
    return module


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


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("is_causal", [True, False])
def test_a_decoder_layer_attends_to_itself_and_then_to_the_memory(norm_first, is_causal):
    layer, memory = shaken(nn.TransformerDecoderLayer(6, 3, 8, 0.0, norm_first=norm_first, rng=1)), M
    parts = [
        (layer.norm1, lambda x: layer.attention(x, is_causal=is_causal).detach().numpy()),
        (layer.norm2, lambda x: layer.cross_attention(x, memory).detach().numpy()),
        (layer.norm3, lambda x: neurons(layer.linear2, np.maximum(neurons(layer.linear1, x), 0))),
    ]
    expected = X
    for norm, part in parts:
        expected = expected + part(normed(norm, expected)) if norm_first else normed(norm, expected + part(expected))
    np.testing.assert_allclose(layer(X, memory, is_causal=is_causal).detach().numpy(), expected, rtol=1e-10)
    mask = np.arange(7) < 3  # the first three places of the memory only
    found = layer(X, memory, memory_mask=mask, is_causal=is_causal).detach().numpy()
    np.testing.assert_allclose(found, layer(X, memory[:, :3], is_causal=is_causal).detach().numpy(), rtol=1e-10)
    assert_derivatives(lambda x, m: layer(x, m, is_causal=is_causal), X[:1, :3], M[:1, :2],
                       plain=lambda x, m: layer(x, m, is_causal=is_causal).detach().numpy())  # fmt: skip


def test_a_stack_is_its_layers_one_after_the_other_and_each_has_weights_of_its_own():
    alike = nn.TransformerEncoderLayer(6, 3, 8, 0.0, "gelu", norm_first=True, rng=1)
    encoder = shaken(nn.TransformerEncoder(alike, 3, nn.LayerNorm(6)))
    assert all(layer.settings() == alike.settings() for layer in encoder.layers)
    weights = [layer.linear1.weight.data for layer in (alike, *encoder.layers)]
    assert not any(np.allclose(a, b) for i, a in enumerate(weights) for b in weights[:i])
    expected = X
    for layer in encoder.layers:
        expected = layer(expected, is_causal=True).detach().numpy()
    expected = normed(encoder.norm, expected)
    np.testing.assert_allclose(encoder(X, is_causal=True).detach().numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(encoder(X, np.tri(5, dtype=bool)).detach().numpy(), expected, rtol=1e-10)
    decoder = nn.TransformerDecoder(nn.TransformerDecoderLayer(6, 3, 8, 0.0, rng=1), 2)
    expected = X
    for layer in decoder.layers:
        expected = layer(expected, M, np.tri(5, dtype=bool), np.arange(7) < 4).detach().numpy()
    found = decoder(X, M, memory_mask=np.arange(7) < 4, is_causal=True)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-10)
    assert (encoder._label(), decoder._label()) == ("TransformerEncoder(3 layers)", "TransformerDecoder(2 layers)")


def test_a_transformer_decodes_what_its_encoder_gives():
    model = shaken(nn.Transformer(6, 3, 2, 1, 8, dropout=0.0, rng=1))
    seen, future = np.arange(7) < 5, np.tri(5, dtype=bool)
    expected = model.decoder(X, model.encoder(M, seen), future, seen).detach().numpy()
    found = model(M, X, seen, memory_mask=seen, target_is_causal=True)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-10)
    np.testing.assert_allclose(model(M, X, seen, future, seen).detach().numpy(), expected, rtol=1e-10)
    found.sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    other = model(M + np.where(seen, 0, 1)[:, None], X, seen, memory_mask=seen, target_is_causal=True)
    np.testing.assert_array_equal(found.detach().numpy(), other.detach().numpy())
    assert model._label() == "Transformer(2 + 1 layers)"


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
    with pytest.raises(DtypeError, match="TransformerEncoder is made of TransformerEncoderLayers, not of Linear"):
        nn.TransformerEncoder(nn.Linear(2, 2), 3)
    with pytest.raises(DtypeError, match="not of TransformerEncoderLayer"):
        nn.TransformerDecoder(made(), 2)
    with pytest.raises(DataError, match="num_layers must be at least 1, not 0"):
        nn.TransformerEncoder(made(), 0)
    with pytest.raises(DataError, match="dropout must be from 0 to 1, not -1"):
        nn.TransformerEncoderLayer(6, 3, dropout=-1)
