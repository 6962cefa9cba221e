"""Functions of networks under vmap, and their gradients, against a loop over samples; none runs sample by sample."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import functional as F
from tinygrad_edu.batching import tensor as hidden

RNG = np.random.default_rng(0)
IMAGE, LINE = RNG.normal(size=(3, 2, 4, 5)), RNG.normal(size=(3, 2, 6))

FUNCTIONS = {
    "max_pool2d": (lambda x: F.max_pool2d(x, 2, return_indices=True)[0], IMAGE),
    "indices": (lambda x: F.max_pool2d(x, 2, return_indices=True)[1], IMAGE),
    "max_unpool2d": (lambda x: F.max_unpool2d(*F.max_pool2d(x, 2, return_indices=True), 2, output_size=(4, 5)), IMAGE),
    "lp_pool1d": (lambda x: F.lp_pool1d(x, 3, 2), LINE),
    "adaptive_avg_pool2d": (lambda x: F.adaptive_avg_pool2d(x, 3), IMAGE),
    "adaptive_max_pool2d": (lambda x: F.adaptive_max_pool2d(x, 3), IMAGE),
    "adaptive indices": (lambda x: F.adaptive_max_pool2d(x, 3, return_indices=True)[1], IMAGE),
    "nearest": (lambda x: F.interpolate(x, (3, 8), mode="nearest"), IMAGE),
    "bilinear": (lambda x: F.interpolate(x, (3, 8), mode="bilinear"), IMAGE),
    "not a number": (lambda x: F.interpolate(tg.where(x > 1, np.nan, x), (3, 8), mode="bilinear"), IMAGE),
    "unfold": (lambda x: F.unfold(x, 2, padding=1, stride=2), IMAGE),
    "fold": (lambda x: F.fold(F.unfold(x, 2), (4, 5), 2), IMAGE),
    "pixel_shuffle": (lambda x: F.pixel_shuffle(x.reshape(4, 2, 5), 2), IMAGE),
    "pixel_unshuffle": (lambda x: F.pixel_unshuffle(x[:, :, :4], 2), IMAGE),
    "channel_shuffle": (lambda x: F.channel_shuffle(x[None], 2), IMAGE),
    "grid_sample": (lambda x: F.grid_sample(x[None], tg.tanh(x).reshape(1, 4, 5, 2), padding_mode="border"), IMAGE),
    "embedding_bag": (lambda x: F.embedding_bag([[0, 3], [1, 1]], x.reshape(10, 4), mode="max"), IMAGE),
    "ctc_loss": (lambda x: F.ctc_loss(x.reshape(6, 2), [1, 1], 6, 2), LINE),
    "pad": (lambda x: F.pad(x, (1, 2, 0, 1), "reflect"), IMAGE),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_all_samples_at_once_are_each_alone(name, monkeypatch):
    f, batch = FUNCTIONS[name]
    each = [f(tg.Tensor(x)).numpy() for x in batch]
    slopes = []
    for x in batch:
        t = tg.Tensor(x, requires_grad=True)
        y = f(t)
        slopes.append(tg.gradients((y * y).sum(), t).numpy() if y.requires_grad else np.zeros(x.shape))

    def one_by_one(op, arrays, params):
        raise AssertionError(f"{op.name} ran sample by sample")

    monkeypatch.setattr(hidden, "_sample_by_sample", one_by_one)
    np.testing.assert_allclose(tg.vmap(f)(batch).numpy(), np.stack(each), rtol=1e-12)
    if each[0].dtype.kind == "f":
        zeros = np.zeros(batch.shape[1:])
        found = tg.per_sample_grad(lambda zeros, x: (f(zeros + x) * f(zeros + x)).sum(), zeros, batch)
        np.testing.assert_allclose(found.numpy(), np.stack(slopes), rtol=1e-10, atol=1e-12)
