"""Rows of shape: what the registry-wide tests can't see, such as views and joins in forward mode."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import GradientError
from tinygrad_edu.ops.shape import sum_to
from tinygrad_edu.tensor import Tensor


@pytest.mark.parametrize(
    ("full", "shape"),
    [
        ((2, 3), (3,)), ((2, 3), ()), ((2, 3), (2, 1)), ((4, 2, 3), (1, 3)), ((0, 3), (3,)), ((1, 1), (1,)), ((), ()),
        ((8, 4, 10, 10), (4, 1, 1)), ((8, 4, 10, 10), (1, 4, 1, 1)), ((8, 4, 10, 10), (8, 1, 1, 1)), ((300, 10), ()),
        ((300, 10), (300, 1)), ((2, 3000), (2, 1)), ((3, 5, 200), (5, 1)), ((3, 5, 200), (3, 1, 200)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("order", ["C", "F"])
def test_sum_to_is_the_transpose_of_broadcasting(full, shape, order):
    rng = np.random.default_rng(0)
    g, x = rng.normal(size=full).copy(order), rng.normal(size=shape)
    assert sum_to(g, shape).shape == shape
    np.testing.assert_allclose((sum_to(g, shape) * x).sum(), (g * np.broadcast_to(x, full)).sum())
    assert sum_to(g.astype(np.float32), shape).dtype == np.float32


@pytest.mark.parametrize(
    "view",
    [
        lambda x: x.reshape(6), lambda x: x.T, lambda x: np.broadcast_to(x, (2, 2, 3)), lambda x: np.flip(x, 0),
        lambda x: np.squeeze(x[None]), lambda x: np.expand_dims(x, 0), lambda x: x[1:],
        lambda x: np.lib.stride_tricks.sliding_window_view(x, 2, 0),
    ],
)  # fmt: skip
def test_views_of_tracked_values_can_not_be_written(view):
    y = view(Tensor(np.ones((2, 3)), requires_grad=True) * 2)
    with pytest.raises(GradientError, match="view of another tracked tensor"):
        y[...] = 0.0


@pytest.mark.parametrize(
    "copied",
    [lambda x: np.roll(x, 1), lambda x: np.concatenate([x]), lambda x: np.stack([x])[0] * 1, lambda x: np.pad(x, 0)],
)
def test_copies_can_be_written_and_leave_their_source_alone(copied):
    x = Tensor(np.ones((2, 3)), requires_grad=True) * 2
    y = copied(x)
    y[...] = 0.0
    assert x.tolist() == [[2, 2, 2], [2, 2, 2]]


@pytest.mark.parametrize("join", [tg.concatenate, tg.stack])
def test_tangent_of_a_join_had_the_other_parts_in_it(join):
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    _, tangent = tg.jvp(lambda a, b: join([a, b]), (x, y), (np.ones(2), np.zeros(2)))
    assert tangent.numpy().ravel().tolist() == [1, 1, 0, 0]


def test_unpacking_under_vmap_went_over_the_samples():
    x = np.arange(6.0).reshape(2, 3)

    def f(row):
        first, second, third = row
        return first * second - third

    assert tg.vmap(f)(x).tolist() == [f(row) for row in x]
