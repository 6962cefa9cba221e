"""Per-sample gradients of networks against a loop over the samples, in one forward and one backward pass."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import functional as F
from tinygrad_edu import nn
from tinygrad_edu.batching import tensor as hidden

COUNT = 5
RNG = np.random.default_rng(0)
IMAGES, DIGITS = RNG.normal(size=(COUNT, 2, 8, 8)), RNG.integers(0, 3, COUNT)
ROWS, WORDS = RNG.normal(size=(COUNT, 6)), RNG.integers(0, 7, (COUNT, 4))


class Attending(nn.Module):
    """Words, a layer of attention with a residual, a norm, and the mean over the places."""

    def __init__(self):
        rng = np.random.default_rng(1)
        self.table = nn.Embedding(7, 8, rng=rng)
        self.attention = nn.MultiheadAttention(8, 2, rng=rng)
        self.norm = nn.LayerNorm(8)
        self.out = nn.Linear(8, 3, rng=rng)

    def forward(self, words):
        x = self.table(words)
        return self.out(self.norm(x + self.attention(x, is_causal=True)).mean(axis=0))


def convolutional():
    rng = np.random.default_rng(1)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1, activation="relu", rng=rng),
        nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, stride=2, groups=2, activation="gelu", rng=rng),
        nn.AvgPool2d(2, stride=1, padding=1),
        nn.ConvTranspose2d(6, 2, 2, stride=2, rng=rng),
        nn.Flatten(0),
        nn.Linear(2 * 4 * 4, 3, rng=rng),
    )


def normed():
    rng = np.random.default_rng(1)
    return nn.Sequential(
        nn.Conv2d(2, 4, 3, rng=rng),
        lambda x: F.group_norm(x[None], 2)[0],
        nn.LayerNorm((4, 6, 6)),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(0),
        nn.RMSNorm(16),
        nn.Linear(16, 3, activation="silu", rng=rng),
    )


class Einsum(nn.Module):
    def __init__(self):
        self.w = tg.Tensor(np.random.default_rng(1).normal(size=(6, 3, 2)), requires_grad=True)

    def forward(self, x):
        return tg.einsum("i,ijk,k->j", x, self.w, self.w[0, 0]) + tg.linalg.inv(self.w[:2, 0] + 3 * tg.eye(2)).sum()


NETWORKS = {
    "perceptron": (lambda: nn.MLP([6, 5, 3], "tanh", None, rng=1), ROWS),
    "convolutional": (convolutional, IMAGES),
    "one axis": (
        lambda: nn.Sequential(nn.Conv1d(8, 4, 3, padding="same", activation="elu"), nn.MaxPool1d(2), nn.Flatten(0),
                              nn.Linear(16, 3)),
        IMAGES[:, 0],
    ),
    "norms": (normed, IMAGES),
    "batch norm in evaluation": (
        lambda: nn.Sequential(lambda x: x[None], nn.BatchNorm2d(2).eval(), nn.Flatten(0), nn.Linear(128, 3)),
        IMAGES,
    ),
    "attention": (Attending, WORDS),
    "einsum and inverse": (Einsum, ROWS),
}  # fmt: skip


def losses(model, x, y):
    logits = model(x)
    return F.cross_entropy(logits, y, label_smoothing=0.1) + 0.1 * F.mse_loss(logits, F.one_hot(y, 3))


@pytest.mark.parametrize("name", NETWORKS)
def test_they_are_those_of_each_sample_alone_and_no_op_runs_sample_by_sample(name, monkeypatch):
    make, batch = NETWORKS[name]
    model = make()
    expected = {path: [] for path, _ in model.named_parameters()}
    for x, y in zip(batch, DIGITS):
        model.zero_grad()
        losses(model, x, y).backward()
        for path, parameter in model.named_parameters():
            expected[path].append(parameter.grad.numpy().copy())

    def one_by_one(op, arrays, params):
        raise AssertionError(f"{op.name} ran sample by sample")

    monkeypatch.setattr(hidden, "_sample_by_sample", one_by_one)
    found = tg.per_sample_grad(losses, model, (batch, DIGITS))
    assert found.keys() == expected.keys()
    for path, slopes in expected.items():
        np.testing.assert_allclose(found[path].numpy(), np.stack(slopes), rtol=1e-9, atol=1e-12)


def test_a_module_is_as_it_was_afterwards_even_after_an_error():
    model = nn.MLP([6, 3])
    before = model.named_parameters()

    def failing(model, x):
        assert type(model.layer1.weight) is hidden.Batched
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        tg.per_sample_grad(failing, model, ROWS)
    assert all(a is b for (_, a), (_, b) in zip(before, model.named_parameters()))
    assert model.layer1.weight is before[0][1]
    assert all(p.grad is None for p in model.parameters())


def test_each_sample_drops_places_of_its_own():
    dropped = tg.vmap(lambda x: F.dropout(x, 0.5, rng=0))(np.ones((4, 50))).numpy()
    assert len({tuple(row) for row in dropped}) == 4
    np.testing.assert_array_equal(dropped, F.dropout(np.ones((4, 50)), 0.5, rng=0).numpy())


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_gradients_have_the_dtype_of_the_parameters(dtype):
    model = nn.Sequential(nn.Conv2d(2, 3, 3, dtype=dtype), nn.Flatten(0), nn.Linear(108, 3, dtype=dtype))
    found = tg.per_sample_grad(losses, model, (IMAGES.astype(dtype), DIGITS))
    assert {g.dtype for g in found.values()} == {np.dtype(dtype)}


def test_labels_out_of_range_are_named_with_their_sample():
    labels = np.array([0, 1, 7, 0, 0])
    with pytest.raises(IndexError, match=r"target\[2\] is 7, and the classes are 0 … 2"):
        tg.per_sample_grad(lambda w, x, y: F.cross_entropy(x @ w, y), np.ones((6, 3)), (ROWS, labels))


def test_what_has_no_single_value_says_so():
    for use in (bool, float, int, np.asarray, lambda x: x.tolist(), lambda x: x.data, lambda x: [1, 2][x.astype(int)]):
        with pytest.raises(TypeError, match="every sample has its own"):
            tg.vmap(use)(np.ones(3))


def test_casts_and_copies_keep_the_samples():
    x = np.arange(6.0).reshape(3, 2)
    np.testing.assert_array_equal(tg.vmap(lambda x: x.astype(int) * 2)(x).numpy(), (x * 2).astype(int))
    np.testing.assert_array_equal(tg.vmap(lambda x: (x > 2).copy())(x).numpy(), x > 2)
    np.testing.assert_array_equal(tg.vmap(lambda x: x.detach() + x.copy())(x).numpy(), 2 * x)
