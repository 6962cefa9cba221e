"""Every row under vmap against a loop over the samples, whichever of its arguments have samples; and no loop inside."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.batching import tensor as hidden
from tinygrad_edu.op import REGISTRY
from tinygrad_edu.ops.sampling import sample
from tinygrad_edu.tensor import Tensor

OPS = [op for op in REGISTRY.values() if not op.custom]
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 2, 1))
every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)

# Whose samples may pick different numbers of elements, or whose edges may differ: those run one by one.
ONE_BY_ONE = {"getitem", "scatter_add", "setitem", "searchsorted", "digitize", "pinv"}


def run(op, arrays, params):
    return op(list(arrays), **params) if op.variadic else op(*arrays, **params)


def samples_of(array, count=3):
    """`count` arrays near this one, so that they stay in the domain: floats a little larger each."""
    array = np.asarray(array)
    factors = 1 + 0.01 * np.arange(count) if array.dtype.kind == "f" else np.ones(count, array.dtype)
    return np.stack([array * factor for factor in factors]).astype(array.dtype)


def case(op, seed):
    """Random arguments, those that have samples, and the samples."""
    rng = np.random.default_rng(seed)
    arrays, params = sample(op, rng)
    own = [i for i in range(len(arrays)) if rng.random() < 0.6] or [int(rng.integers(len(arrays)))]
    return arrays, params, own, [samples_of(arrays[i]) for i in own]


def with_samples(op, arrays, params, own):
    """The op as a function of the arguments that have samples."""

    def f(*moving):
        chosen = list(arrays)
        for place, value in zip(own, moving):
            chosen[place] = value
        return run(op, chosen, params)

    return f


@every_op
@given(seed=SEEDS)
@few
def test_a_row_under_vmap_is_a_loop_over_the_samples(op, seed):
    arrays, params, own, batches = case(op, seed)
    f = with_samples(op, arrays, params, own)
    looped = np.stack([f(*parts)._data for parts in zip(*batches)])
    found = tg.vmap(f)(*batches)
    assert type(found) is Tensor
    assert found.dtype == looped.dtype
    np.testing.assert_allclose(found.numpy(), looped, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("op", [op for op in OPS if op.differentiable], ids=lambda op: op.name)
@given(seed=SEEDS)
@few
def test_gradients_of_a_row_under_vmap_are_those_of_the_loop(op, seed):
    arrays, params, own, batches = case(op, seed)
    own = [i for i in own if op.vjp(i) is not None and np.asarray(arrays[i]).dtype.kind == "f"]
    if not own:
        return
    batches = [samples_of(arrays[i]) for i in own]
    f = with_samples(op, arrays, params, own)

    def total(function, *xs):
        y = function(*xs)
        return (y * np.cos(np.arange(y.size)).reshape(y.shape).astype(y.dtype)).sum()

    def looped(*xs):
        return tg.stack([f(*(x[i] for x in xs)) for i in range(3)])

    places = tuple(range(len(own)))
    found = tg.grad(lambda *xs: total(tg.vmap(f), *xs), places)(*batches)
    expected = tg.grad(lambda *xs: total(looped, *xs), places)(*batches)
    for a, b in zip(found, expected):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("op", [op for op in OPS if op.name not in ONE_BY_ONE], ids=lambda op: op.name)
@given(seed=SEEDS)
@few
def test_no_row_runs_sample_by_sample(op, seed):
    arrays, params, own, batches = case(op, seed)
    if params.get("keepdims") and op.name.endswith(("argmax", "argmin")) and params.get("axis") is None:
        return

    calls = []

    def one_by_one(*called):
        calls.append(op.name)
        return before(*called)

    before, hidden._sample_by_sample = hidden._sample_by_sample, one_by_one
    try:
        tg.vmap(with_samples(op, arrays, params, own))(*batches)
    finally:
        hidden._sample_by_sample = before
    assert not calls, "the row runs sample by sample"
