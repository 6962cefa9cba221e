"""Tensors made from nothing, from a value, or like another."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees
from tinygrad_edu.errors import ShapeError


@pytest.mark.parametrize("shape", [(), (2, 3), 4, (0, 2)])
def test_full_gives_the_fill_value_the_gradients_of_all_its_copies(shape):
    assert_agrees(lambda v: tg.full(shape, v), 2.5, plain=lambda v: np.full(shape, v))


def test_full_like_broadcasts_a_fill_value_with_a_gradient():
    x = np.ones((2, 3))
    assert_agrees(lambda x, v: np.full_like(x, v), x, [1.0, 2.0, 3.0])
    assert_agrees(lambda x, v: np.full_like(x, v, shape=(4,)), x, 2.0)


def test_a_full_tensor_can_be_written_to():
    v = tg.Tensor(2.0, requires_grad=True)
    x = tg.full(3, v)
    x[0] = 5.0
    x.sum().backward()
    assert v.grad.item() == 2


@pytest.mark.parametrize("like", [np.zeros_like, np.ones_like, np.empty_like])
@pytest.mark.parametrize("options", [{}, {"dtype": np.int32}, {"shape": (4,)}, {"shape": 4, "order": "F"}])
def test_likes_take_numpys_options(like, options):
    x = np.ones((2, 3), np.float32)
    made, expected = like(tg.Tensor(x, requires_grad=True), **options), like(x, **options)
    assert (made.shape, made.dtype, made.requires_grad) == (expected.shape, expected.dtype, False)
    if like is not np.empty_like:
        assert np.array_equal(made, expected)


@pytest.mark.parametrize("options", [{"order": "X"}, {"device": "gpu"}])
def test_likes_refuse_what_numpy_refuses(options):
    with pytest.raises(ShapeError):
        np.zeros_like(tg.ones(2), **options)
