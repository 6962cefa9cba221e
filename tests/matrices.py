"""Matrices with known good conditions, and how functions of them are compared with NumPy's."""

import numpy as np

import tinygrad_edu as tg
from tests.witness import assert_derivatives, parts


def numbers(seed, *shape):
    return np.asarray(np.random.default_rng(seed).uniform(-1, 1, size=shape))


def regular(seed, *batch, n=3):
    return 2 * np.eye(n) + 0.3 * numbers(seed, *batch, n, n)


def positive(seed, *batch, n=3):
    x = numbers(seed, *batch, n, n)
    product = np.eye(n) + x @ np.swapaxes(x, -1, -2)
    return (product + np.swapaxes(product, -1, -2)) / 2


def distinct(seed, *batch, m=3, n=3):
    """Matrices of which eigenvalues and singular values are far apart."""
    a = 0.1 * numbers(seed, *batch, m, n)
    a[..., range(min(m, n)), range(min(m, n))] += np.arange(1, min(m, n) + 1)
    return a


def transposed(x):
    return np.swapaxes(x, -1, -2)


def assert_values(f, *arrays, rtol=1e-11):
    """f gives on Tensors what NumPy gives on arrays: values, shapes, dtypes, and the tuple's names."""
    expected, found = f(*arrays), f(*(tg.Tensor(a) for a in arrays))
    assert getattr(found, "_fields", None) == getattr(expected, "_fields", None)
    assert len(parts(found)) == len(parts(expected))
    for ours, numpys in zip(parts(found), parts(expected)):
        assert isinstance(ours, tg.Tensor)
        assert (ours.shape, ours.dtype) == (np.shape(numpys), np.asarray(numpys).dtype)
        np.testing.assert_allclose(ours.numpy(), numpys, rtol=rtol, atol=1e-12)


def assert_like_numpy(f, *arrays, order=2, **options):
    assert_values(f, *arrays)
    assert_derivatives(f, *arrays, order=order, **options)


def mirrored(f):
    """f of the symmetric part: its derivative is symmetric, as those of cholesky and eigh are."""
    return lambda a: f((a + transposed(a)) / 2)
