"""Indices under vmap: one for all samples, or each sample's own, in every arrangement, against a loop."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.ops.index import scatter_add, setitem

RNG = np.random.default_rng(0)
COUNT = 4
X = RNG.normal(size=(COUNT, 3, 2, 5))
OWN = RNG.integers(-2, 2, (COUNT, 6))  # one row of each sample's own
TABLE = RNG.integers(0, 2, (COUNT, 2, 3))
ALL = np.array([0, 1, -1])

INDICES = {
    "one": lambda i, j: i,
    "first": lambda i, j: (i, slice(None), 0),
    "in the middle": lambda i, j: (slice(None), i),
    "last": lambda i, j: (..., i),
    "side by side": lambda i, j: (slice(None), i, i),
    "apart": lambda i, j: (i, slice(None), i),
    "apart, behind a new axis": lambda i, j: (None, i, slice(0, 1), i),
    "broadcasting": lambda i, j: (slice(0, 2), i[:, None], j[0]),
    "a table": lambda i, j: (slice(None), j),
    "with a number beside": lambda i, j: (0, i),
    "with a number apart": lambda i, j: (i, slice(None), 2),
    "with an array for all": lambda i, j: (slice(None), i[:3], ALL),
    "with an array for all, apart": lambda i, j: (ALL, slice(None), i[:3]),
    "an array for all only": lambda i, j: (ALL, slice(None), ALL),
    "a mask for all": lambda i, j: (np.array([True, False, True]), i[0]),
    "a number of each sample's own": lambda i, j: (slice(None), i[0]),
    "numbers of each sample's own, apart": lambda i, j: (i[0], slice(None), i[1]),
}


@pytest.mark.parametrize("shared", [False, True], ids=["own array", "one array for all"])
@pytest.mark.parametrize("name", INDICES)
def test_reading_and_its_gradient(name, shared):
    index = INDICES[name]

    def f(x, i, j):
        return tg.sin(x[index(i, j)])

    axes = (None if shared else 0, 0, 0)
    x = X[0] if shared else X
    looped = np.stack([f(tg.Tensor(x if shared else x[n]), OWN[n], TABLE[n]).numpy() for n in range(COUNT)])
    np.testing.assert_array_equal(tg.vmap(f, axes)(x, OWN, TABLE).numpy(), looped)

    def loop(x):
        return sum((f(x if shared else x[n], OWN[n], TABLE[n]) ** 2).sum() for n in range(COUNT))

    found = tg.grad(lambda x: (tg.vmap(f, axes)(x, OWN, TABLE) ** 2).sum())(x)
    np.testing.assert_allclose(found.numpy(), tg.grad(loop)(x).numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", INDICES)
def test_writing_and_adding_and_their_gradients(name):
    index = INDICES[name]
    values = np.stack([np.cos(X[n][index(OWN[n], TABLE[n])]) for n in range(COUNT)])

    def written(x, value, i, j):
        return tg.sin(setitem(x, value, index=index(i, j)))

    def added(x, value, i, j):
        return tg.sin(scatter_add(value, index=index(i, j), shape=(3, 2, 5)))

    for f in (written, added):
        looped = np.stack([f(tg.Tensor(X[n]), tg.Tensor(values[n]), OWN[n], TABLE[n]).numpy() for n in range(COUNT)])
        np.testing.assert_allclose(tg.vmap(f)(X, values, OWN, TABLE).numpy(), looped, rtol=1e-12)

        def loop(x, value, f=f):
            return sum((f(x[n], value[n], OWN[n], TABLE[n]) ** 2).sum() for n in range(COUNT))

        found = tg.grad(lambda x, v, f=f: (tg.vmap(f)(x, v, OWN, TABLE) ** 2).sum(), (0, 1))(X, values)
        for a, b in zip(found, tg.grad(loop, (0, 1))(X, values)):
            np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("value", [5.0, np.ones(5), np.ones((1, 1, 2, 5))])
def test_values_broadcast_into_what_is_written(value):
    looped = np.array(X)
    looped[:, 1:] = np.reshape(value, np.shape(value)[-2:])

    def write(x):
        y = x * 1
        y[1:] = value
        return y

    np.testing.assert_array_equal(tg.vmap(write)(X).numpy(), looped)


def test_a_write_in_place_used_to_reach_the_first_samples_instead_of_the_first_elements():
    def write(x):
        x[0] = 9.0
        x += 1
        return x

    batch = np.zeros((3, 2))
    np.testing.assert_array_equal(tg.vmap(write)(batch).numpy(), [[10, 1]] * 3)
    assert not batch.any()


def test_masks_of_each_sample_s_own_run_one_by_one_as_long_as_they_pick_equally_many():
    masks = np.array([[True, False, True], [False, True, True]])
    x = np.arange(6.0).reshape(2, 3)
    np.testing.assert_array_equal(tg.vmap(lambda x, m: x[m])(x, masks).numpy(), [[0, 2], [4, 5]])
    with pytest.raises(ValueError, match="shape"):
        tg.vmap(lambda x, m: x[m])(x, np.array([[True, False, False], [False, True, True]]))


def test_the_place_of_the_largest_element_picks_it():
    found = tg.vmap(lambda x: x.reshape(-1)[tg.argmax(x)])(X)
    np.testing.assert_array_equal(found.numpy(), X.max(axis=(1, 2, 3)))
