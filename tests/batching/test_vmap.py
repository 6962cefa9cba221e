"""vmap and per-sample gradients against a plain loop over the samples."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError

RNG = np.random.default_rng(0)
TABLE = RNG.normal(size=(6, 4))

FUNCTIONS = {
    "broadcasting": lambda x: (x * np.arange(4.0))[None, :] + x[:, None] - TABLE[0],
    "reductions": lambda x: x.sum() + x.mean(axis=0) * tg.max(x, axis=-1, keepdims=True),
    "softmax": lambda x: tg.log_softmax(x, axis=0) + tg.softmax(x),
    "vector @ matrix": lambda x: x @ TABLE.T,
    "matrix @ vector": lambda x: TABLE @ x,
    "inner product": lambda x: x @ x,
    "matrix @ matrix": lambda x: x.reshape(2, 2) @ x.reshape(2, 2).T,
    "shapes": lambda x: x.reshape(2, 1, 2).transpose(2, 0, 1).squeeze()[:, ::-1],
    "broadcast_to, expand_dims": lambda x: tg.broadcast_to(tg.expand_dims(x, 0), shape=(3, 4)),
    "indices": lambda x: x[[0, 2, 2]] + x[1] * x[1:2],
    "joined": lambda x: tg.concatenate([x, TABLE[0], x * 2], axis=-1) + tg.stack([x, x, x]).reshape(-1),
    "where": lambda x: tg.where(x > 0, tg.exp(x), x) + tg.clip(x, -0.5, 0.5),
    "constant": lambda x: tg.ones(3),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_vmap_is_a_loop_over_the_samples(name):
    f, batch = FUNCTIONS[name], RNG.normal(size=(5, 4))
    looped = np.stack([f(tg.Tensor(x)).numpy() for x in batch])
    np.testing.assert_allclose(tg.vmap(f)(batch).numpy(), looped, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_flow_through_vmap_as_through_the_loop(name):
    f, batch = FUNCTIONS[name], RNG.normal(size=(5, 4))
    mapped = tg.grad(lambda b: (tg.vmap(f)(b) ** 2).sum())(batch).numpy()
    looped = np.stack([tg.grad(lambda x: (f(x) ** 2).sum())(x).numpy() for x in batch])
    np.testing.assert_allclose(mapped, looped, rtol=1e-12, atol=1e-12)


def test_vmap_splits_some_arguments_and_shares_others():
    shared = tg.vmap(lambda x, w: x @ w, in_axes=(0, None))(np.ones((5, 4)), TABLE.T)
    assert shared.shape == (5, 6)


@pytest.mark.parametrize(("in_axis", "out_axis"), [(0, 1), (1, 0), (-1, -1), (2, 1)])
def test_vmap_splits_along_any_axis_and_lays_results_along_any(in_axis, out_axis):
    x = RNG.normal(size=(3, 4, 5))
    looped = np.stack([np.sin(part) * TABLE[0, 0] for part in np.moveaxis(x, in_axis, 0)], axis=out_axis)
    mapped = tg.vmap(lambda part: np.sin(part) * TABLE[0, 0], in_axes=in_axis, out_axes=out_axis)
    np.testing.assert_allclose(mapped(x).numpy(), looped)
    slope = tg.grad(lambda x: mapped(x).sum())(x)
    np.testing.assert_allclose(slope.numpy(), np.cos(x) * TABLE[0, 0])
    with pytest.raises(np.exceptions.AxisError):
        tg.vmap(np.sin, in_axes=3)(x)


def test_gradients_inside_vmap_do_not_add_up_the_samples():
    """`gradients` gave every sample the sum over all of them."""
    w = tg.Tensor(3.0, requires_grad=True)
    with pytest.raises(DtypeError, match="every sample has its own gradient"):
        tg.vmap(lambda x: tg.gradients(w * w * x, w))(np.arange(3.0))
    with pytest.raises(DtypeError, match="every sample has its own gradient"):
        tg.vmap(lambda x: tg.gradients(w * w, w, cotangent=x))(np.arange(3.0))
    assert tg.vmap(lambda x: tg.grad(lambda w: w * w * x)(3.0))(np.arange(3.0)).tolist() == [0.0, 6.0, 12.0]


def test_an_index_of_each_sample_s_own():
    picked = tg.vmap(lambda x, i: x[i])(TABLE, np.array([0, 1, 2, 3, 0, 1]))
    np.testing.assert_array_equal(picked.numpy(), TABLE[np.arange(6), [0, 1, 2, 3, 0, 1]])


MASK = np.array([[True, False], [False, True], [True, True]])
INDICES = [
    [1, 0], (..., [1, 0]), (slice(None), [1, 0]), ([2, 0], [1, 1]), ([2, 0], 1), (1, [1, 0]), MASK,
    (MASK, [0, 1, 1, 0]),
    (0, slice(None), [0, 1]), ([0, 1], slice(None), [0, 1]), (None, [0, 1], None), ([[0, 1], [2, 0]], None, [0, 1]),
    (..., np.array(1)), (True, 0), ([0, 1], True, 0),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=str)
def test_every_kind_of_index_gives_each_sample_what_it_gives_alone(index):
    batch = np.arange(72.0).reshape(6, 3, 2, 2)
    looped = np.stack([x[index] for x in batch])
    np.testing.assert_array_equal(tg.vmap(lambda x: x[index])(batch).numpy(), looped)


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1))
def test_per_sample_gradients_are_those_of_each_sample_alone(seed):
    rng = np.random.default_rng(seed)
    params = {"w": rng.normal(size=(4, 3)), "b": rng.normal(size=3), "unused": np.ones(2)}
    x, y = rng.normal(size=(7, 4)), rng.integers(0, 3, 7)

    def loss(p, x, y):
        return -tg.log_softmax(tg.tanh(x @ p["w"] + p["b"]))[y]

    found = tg.per_sample_grad(loss, params, (x, y))
    for i in range(7):
        alone = tg.grad(loss)(params, x[i], int(y[i]))
        for name in params:
            np.testing.assert_allclose(found[name].numpy()[i], alone[name].numpy(), rtol=1e-12, atol=1e-14)


def test_per_sample_gradients_take_one_pass_not_one_per_sample():
    events = []
    w, x = np.ones((4, 3)), np.ones((50, 4))
    with tg.listen(events.append):
        tg.per_sample_grad(lambda w, x: tg.tanh(x @ w).sum(), w, x)
    assert len(events) < 30


def test_errors_say_what_does_not_fit():
    with pytest.raises(ShapeError, match=r"equally many samples, got \[3, 4\]"):
        tg.vmap(lambda a, b: a + b)(np.ones(3), np.ones(4))
    with pytest.raises(ShapeError, match="must be arrays, with a first axis over the samples"):
        tg.vmap(lambda a, b: a + b)(np.ones(3), [1, 2, 3])
    with pytest.raises(ShapeError, match="equally many samples, got"):
        tg.per_sample_grad(lambda w, x, y: w * x * y, 1.0, (np.ones(3), np.ones(4)))
    with pytest.raises(DtypeError, match="every sample has its own"):
        tg.vmap(lambda x: x if x > 0 else -x)(np.ones(3))
    with pytest.raises(GradientError, match="one number per sample"):
        tg.per_sample_grad(lambda w, x: x * w, np.ones(4), np.ones((5, 4)))
