"""Tensors from arrays, numbers and lists of anything, and what np.r_ and np.c_ do."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees
from tests.witness import assert_derivatives
from tinygrad_edu.errors import ShapeError


@pytest.mark.parametrize("make", [tg.array, tg.asarray])
def test_nested_lists_keep_the_gradients_of_the_tensors_in_them(make):
    def made(x, y):
        return make([[x, 2.0], [y, 3]])

    assert_agrees(made, 0.5, 1.5, plain=lambda x, y: np.array([[x, 2.0], [y, 3]]))


def test_numbers_in_lists_take_the_dtype_of_the_tensors():
    x = tg.Tensor(np.float32(1.5), requires_grad=True)
    assert tg.asarray([[x, 2.0], [1, 3.0]]).dtype == np.float32
    assert tg.mean([x, 2.0]).dtype == np.float32
    assert tg.asarray([tg.Tensor(1), 2.5]).dtype == np.float64
    assert tg.asarray([x, np.ones(())]).dtype == np.float64


def test_array_is_another_value_and_asarray_is_not():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    assert tg.asarray(x) is x
    assert tg.asarray(x, np.float64) is x
    assert tg.asarray(x, np.float32).dtype == np.float32
    copy = tg.array(x)
    copy[0] = 5.0
    assert x.tolist() == [1.0, 2.0]
    copy.sum().backward()
    assert x.grad.tolist() == [0.0, 1.0]
    assert tg.array([1.0], ndmin=3).shape == (1, 1, 1)
    with pytest.raises(ShapeError, match="copy"):
        tg.asarray(x, np.float32, copy=False)


@pytest.mark.parametrize(
    "key",
    [
        lambda x: (x, 5, 2 * x), lambda x: x, lambda x: np.s_[0:3, x], lambda x: np.s_["0,2", x, x],
        lambda x: np.s_[-1:1:5j, x], lambda x: (x, np.ones(2), [4.0]),
    ],
)  # fmt: skip
def test_r_is_numpys(key):
    values = np.array([1.0, 2.0, 0.5])
    got, expected = tg.r_[key(tg.Tensor(values))], np.r_[key(values)]
    assert (got.dtype, got.tolist()) == (expected.dtype, expected.tolist())
    assert_derivatives(lambda x: tg.r_[key(x)], values, plain=lambda x: np.r_[key(x)])
    assert tg.r_[tg.Tensor(np.ones(2, np.float32)), 5.0].dtype == np.float32


def test_c_is_numpys():
    values = np.array([1.0, 2.0, 0.5])
    assert tg.c_[tg.Tensor(values), np.ones((3, 2))].tolist() == np.c_[values, np.ones((3, 2))].tolist()
    assert_agrees(lambda x: tg.c_[x, 2 * x], values, plain=lambda x: np.c_[x, 2 * x])
    with pytest.raises(ShapeError):
        tg.c_[tg.ones(2), tg.ones(3)]


def test_real_if_close():
    x = np.array([1 + 1e-16j, 2.0])
    assert np.real_if_close(tg.Tensor(x)).tolist() == [1.0, 2.0]
    assert np.real_if_close(tg.Tensor(x + 1j)).dtype == np.complex128
