"""One function, run by NumPy on arrays and by the engine on Tensors: values, both derivatives and dtypes must agree."""

import numpy as np

import tinygrad_edu as tg
from tests.witness import assert_derivatives, engine_gradients, parts


def assert_agrees(f, *arrays, plain=None, order=2, rtol=1e-6, exact=1e-10):
    """f of float64 Tensors is NumPy's `plain` (f itself by default) of the arrays, and stays float32 in float32."""
    arrays = [np.asarray(a, float) for a in arrays]
    results = parts(f(*(tg.Tensor(a, requires_grad=True) for a in arrays)))
    expected = parts((plain or f)(*arrays))
    assert len(results) == len(expected)
    for got, wanted in zip(results, expected):
        assert isinstance(got, tg.Tensor)
        assert got.shape == np.shape(wanted)
        assert got.dtype == np.asarray(wanted).dtype
        np.testing.assert_allclose(got.detach().numpy(), wanted, rtol=exact, atol=exact)
    assert_derivatives(f, *arrays, plain=plain, order=order, rtol=rtol, atol=rtol)
    narrow = [a.astype(np.float32) for a in arrays]
    for result, wanted in zip(parts(f(*(tg.Tensor(a, requires_grad=True) for a in narrow))), expected):
        assert result.dtype == np.float32
        np.testing.assert_allclose(result.detach().numpy(), wanted, rtol=2e-3, atol=2e-3)
    for slope, wide in zip(engine_gradients(f, narrow), engine_gradients(f, arrays)):
        assert slope.dtype == np.float32
        np.testing.assert_allclose(slope, wide, rtol=5e-3, atol=5e-3 * max(1, np.abs(wide).max(initial=0)))


def random_shape(rng, low=1, high=3, least=1):
    return tuple(int(side) for side in rng.integers(least, 5, size=rng.integers(low, high + 1)))


def distinct(rng, shape):
    """Values between -2 and 2 that are far from each other and from 0 for a difference quotient, in random order."""
    count = int(np.prod(shape))
    gap = min(0.2, 4 / max(count, 1))
    return ((rng.permutation(count) - count // 2 + rng.uniform(0.2, 0.8, count)) * gap).reshape(shape)


def random_axes(rng, ndim):
    """None, one axis or several, some counted from the end."""
    kind = rng.integers(4)
    if kind == 0:
        return None
    if kind == 1:
        return int(rng.integers(-ndim, ndim))
    chosen = rng.permutation(ndim)[: rng.integers(1, ndim + 1)]
    return tuple(int(a) - ndim * int(rng.random() < 0.5) for a in chosen)
