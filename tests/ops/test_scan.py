"""The scans against loops that say what they mean, where zeros and infinities are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu.ops import scan

SEEDS = st.integers(0, 2**32 - 1)


def recurrence(x, decay):
    """s[i] = x[i] + decay[i] · s[i−1] along the last axis, one number after the other."""
    out = np.array(x)
    for place in np.ndindex(x.shape):
        if place[-1]:
            out[place] += decay[place] * out[(*place[:-1], place[-1] - 1)]
    return out


@given(seed=SEEDS)
def test_linear_recurrence(seed):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(0, 5, rng.integers(1, 4)))
    x, decay = rng.normal(size=shape), rng.normal(size=shape)
    np.testing.assert_allclose(scan.linear_recurrence(x, decay).numpy(), recurrence(x, decay))
    moved = scan.linear_recurrence(np.moveaxis(x, -1, 0), np.moveaxis(decay, -1, 0), axis=0)
    np.testing.assert_allclose(np.moveaxis(moved.numpy(), 0, -1), recurrence(x, decay))
    assert_derivatives(scan.linear_recurrence, x, decay, plain=recurrence)


def test_the_first_decay_is_not_used():
    x, decay = tg.Tensor([1.0, 2.0], requires_grad=True), tg.Tensor([np.inf, 0.5], requires_grad=True)
    scan.linear_recurrence(x, decay).sum().backward()
    assert x.grad.tolist() == [1.5, 1]
    assert decay.grad.tolist() == [0, 1]


@pytest.mark.parametrize("zeros", [(), (0,), (4,), (1, 2), (0, 2, 4), (0, 1, 2, 3, 4)], ids=str)
def test_cumprod_is_right_with_any_number_of_zeros_to_second_order(zeros):
    x = np.array([1.5, -0.5, 2.0, 0.7, -1.2])
    x[list(zeros)] = 0
    assert_derivatives(scan.cumprod, x, plain=np.cumprod)
    assert_derivatives(lambda t: scan.cumprod(t, axis=0), np.stack([x, x[::-1]], axis=1), plain=lambda a: a.cumprod(0))


def test_logcumsumexp_of_minus_infinity():
    x = tg.Tensor([-np.inf, 0.0, -np.inf, 1.0], requires_grad=True)
    result = scan.logcumsumexp(x, axis=0)
    np.testing.assert_allclose(result.detach().numpy(), [-np.inf, 0, 0, np.log(1 + np.e)])
    result[1:].sum().backward()
    near = 1 / (1 + np.e)
    np.testing.assert_allclose(x.grad.numpy(), [0, 2 + near, 0, 1 - near])
    curved = tg.hessian(lambda t: scan.logcumsumexp(t, axis=0)[1:].sum())(x.detach()).numpy()
    assert np.isfinite(curved).all()


@pytest.mark.parametrize("offset", [-1e4, 0.0, 1e4])
def test_logcumsumexp_does_not_overflow_forwards_or_backwards(offset):
    x = np.array([1.0, 5.0, -300.0, 2.0]) + offset
    leaf = tg.Tensor(x, requires_grad=True)
    result = scan.logcumsumexp(leaf)
    np.testing.assert_allclose(result.detach().numpy() - offset, np.log(np.cumsum(np.exp(x - offset))), atol=1e-8)
    result.sum().backward()
    np.testing.assert_allclose(leaf.grad.numpy().sum(), 4)


def test_long_scans_need_no_recursion():
    x = tg.Tensor(np.full(20_000, 0.9999), requires_grad=True)
    scan.cumprod(x)[-1].backward()
    np.testing.assert_allclose(x.grad.numpy(), 0.9999**19_999, rtol=1e-9)
