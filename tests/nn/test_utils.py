"""Gradients kept small against norms of all numbers in one row; parameters as one vector and back."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import DataError, NonFiniteError, ShapeError
from tinygrad_edu.nn import utils

RNG = np.random.default_rng(0)


def tensors_with(gradients):
    tensors = [tg.Tensor(np.zeros(g.shape, g.dtype), requires_grad=True) for g in gradients]
    for x, g in zip(tensors, gradients):
        (x * g).sum().backward()
    return tensors


@given(
    sizes=st.lists(st.integers(0, 4), max_size=3), p=st.sampled_from([1.0, 2.0, 3.5, math.inf]),
    most=st.floats(0, 5), scale=st.sampled_from([1.0, 1e-3, 1e200]),
)  # fmt: skip
def test_all_gradients_shrink_by_one_factor_to_the_norm_allowed(sizes, p, most, scale):
    gradients = [scale * RNG.normal(size=(2, n)) for n in sizes]
    tensors = tensors_with(gradients)
    row = np.concatenate([g.ravel() for g in gradients]) if gradients else np.zeros(0)
    norm = scale * np.linalg.norm(row / scale, p) if row.size else 0.0
    found = utils.clip_grad_norm_(tensors, most, p)
    assert found.item() == pytest.approx(norm, rel=1e-12)
    factor = min(1.0, most / norm) if norm else 1.0
    for x, g in zip(tensors, gradients):
        np.testing.assert_allclose(x.grad.numpy(), g * factor, rtol=1e-10)


def test_shared_parameters_count_once_and_those_without_a_gradient_not_at_all():
    (x,) = tensors_with([np.array([3.0, 4.0], np.float32)])
    idle = tg.Tensor(1.0, requires_grad=True)
    assert utils.clip_grad_norm_([x, idle, x], 1.0).item() == 5.0
    np.testing.assert_allclose(x.grad.numpy(), [0.6, 0.8], rtol=1e-6)
    assert x.grad.dtype == np.float32
    assert idle.grad is None
    assert utils.clip_grad_norm_(x, 2.0).item() == pytest.approx(1.0)
    np.testing.assert_allclose(x.grad.numpy(), [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_norm_that_is_no_number_is_given_or_refused(value):
    first, second = tensors_with([np.array([1.0]), np.array([2.0, 3.0])])
    second.grad = tg.Tensor([value, 3.0])
    with pytest.raises(NonFiniteError, match=f"the norm of the gradients is {value}") as caught:
        utils.clip_grad_norm_([first, second], 1.0, error_if_nonfinite=True)
    assert caught.value.code == "gradients-not-finite"
    assert (first.grad.tolist(), second.grad.tolist()[1]) == ([1.0], 3.0)
    np.testing.assert_equal(utils.clip_grad_norm_([first, second], 1.0).item(), value)
    assert np.isnan(second.grad.numpy()[0])


def test_single_numbers_are_limited():
    (x,) = tensors_with([np.array([-3.0, 0.5, 2.0], np.float32)])
    utils.clip_grad_value_([x], 1)
    assert x.grad.tolist() == [-1.0, 0.5, 1.0]
    assert x.grad.dtype == np.float32


def test_training_with_clipped_gradients_warns_of_nothing_and_steps_no_further():
    model = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 1, rng=1))
    optimizer = tg.optim.SGD(model.parameters(), lr=1.0)
    for _ in range(3):
        before = utils.parameters_to_vector(model.parameters()).detach().numpy()
        optimizer.zero_grad()
        (1e6 * model(RNG.normal(size=(5, 3)))).sum().backward()
        assert utils.clip_grad_norm_(model.parameters(), 0.1).item() > 1
        optimizer.step()
        moved = utils.parameters_to_vector(model.parameters()).detach().numpy() - before
        assert np.linalg.norm(moved) == pytest.approx(0.1)


def test_parameters_are_one_vector_and_come_from_one():
    model = nn.MLP([3, 4, 2], rng=0)
    vector = utils.parameters_to_vector(model.parameters())
    np.testing.assert_array_equal(vector.detach().numpy(), np.concatenate([p.data.ravel() for p in model.parameters()]))
    (vector * vector).sum().backward()
    np.testing.assert_array_equal(model.layer1.weight.grad.numpy(), 2 * model.layer1.weight.data)
    other = nn.MLP([3, 4, 2], rng=1, dtype=np.float32)
    utils.vector_to_parameters(vector, other.parameters())
    for a, b in zip(model.parameters(), other.parameters(), strict=True):
        np.testing.assert_array_equal(b.data, a.data.astype(np.float32))
        assert b.dtype == np.float32
    before = model.state_dict()
    with pytest.raises(ShapeError, match="the parameters have 26 numbers"):
        utils.vector_to_parameters(np.zeros(25), model.parameters())
    for name, array in model.state_dict().items():
        np.testing.assert_array_equal(array, before[name])
    assert utils.parameters_to_vector([]).shape == (0,)


def test_limits_that_make_no_sense_are_refused():
    with pytest.raises(DataError, match="max_norm must be at least 0, not -1"):
        utils.clip_grad_norm_([], -1)
    with pytest.raises(DataError, match=r"norm_type must be at least 1, not 0\.5"):
        utils.clip_grad_norm_([], 1, 0.5)
    with pytest.raises(DataError, match="clip_value must be at least 0, not -1"):
        utils.clip_grad_value_([], -1)
