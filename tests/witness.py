"""Derivatives by differences, as witnesses for those of the engine. They know functions of arrays only."""

import numpy as np

import tinygrad_edu as tg


def weights(shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def parts(result):
    return list(result) if isinstance(result, tuple | list) else [result]


def weighted(result, seed=0):
    """Σ weight · element over all that a function gives; the weights come from `seed`."""
    return sum((weights(np.shape(part), seed + k) * part).sum() for k, part in enumerate(parts(result)))


def slope(f, arrays, place, direction, step=1e-5):
    """The derivative of f by arrays[place] in a direction: central differences, extrapolated to step 0."""

    def at(t):
        return f(*(a + t * direction if i == place else a for i, a in enumerate(arrays)))

    coarse, fine = (at(2 * step) - at(-2 * step)) / (4 * step), (at(step) - at(-step)) / (2 * step)
    return (4 * fine - coarse) / 3


def engine_gradients(f, arrays, seed=0):
    """Gradients of the weighted sum of f by each array, as arrays."""
    tensors = [tg.Tensor(a, requires_grad=True) for a in arrays]
    found = tg.gradients(weighted(f(*tensors), seed), tensors)
    return [np.zeros_like(a) if g is None else g.numpy() for a, g in zip(arrays, found)]


def assert_derivatives(f, *arrays, plain=None, order=2, rtol=1e-6, atol=1e-7):
    """The engine's first (and second) derivatives of f agree with differences.

    plain   the same function of arrays, f itself by default. The second derivative is compared with differences of
            the first.
    """
    arrays = [np.asarray(a, float) for a in arrays]
    plain = plain or f
    first = engine_gradients(f, arrays)
    for place, array in enumerate(arrays):
        assert first[place].shape == array.shape
        direction = weights(array.shape, 100 + place)
        expected = slope(lambda *a: weighted(plain(*a)), arrays, place, direction)
        np.testing.assert_allclose((first[place] * direction).sum(), expected, rtol=rtol, atol=atol)
    if order < 2:
        return
    for place, array in enumerate(arrays):
        direction = weights(array.shape, 100 + place)
        tensors = [tg.Tensor(a, requires_grad=True) for a in arrays]
        gradient = tg.gradients(weighted(f(*tensors)), tensors[place], create_graph=True)
        if gradient is None or not gradient.requires_grad:
            second = [None] * len(arrays)
        else:
            second = tg.gradients((gradient * direction).sum(), tensors)
        for other, around in enumerate(arrays):
            turn = weights(around.shape, 200 + other)
            expected = slope(
                lambda *a, p=place, d=direction: (engine_gradients(f, a)[p] * d).sum(), arrays, other, turn
            )
            found = 0.0 if second[other] is None else (second[other].numpy() * turn).sum()
            np.testing.assert_allclose(found, expected, rtol=100 * rtol, atol=100 * atol)
