"""Every call of the table holds: see `call.py` for what that means."""

import itertools

import numpy as np
import pytest

from tests.numpy_calls import elementwise, matrices, reductions, shapes, signals
from tests.numpy_calls.call import Call, Calls, Numbers, numpy_function, wrong
from tinygrad_edu.interop import COMPOSITIONS, OPS

FAMILIES = (elementwise, reductions, matrices, shapes, signals)


def table():
    found = Calls()
    for seed, family in enumerate(FAMILIES):
        found.operators = getattr(family, "OPERATORS", {})
        family.calls(found, Numbers(seed))
    return found


BY_NAME = {
    name: list(group) for name, group in itertools.groupby(sorted(table(), key=lambda c: c.name), lambda c: c.name)
}


@pytest.mark.parametrize("name", BY_NAME)
def test_every_call_is_as_in_numpy(name):
    failures = [f"{call}: {text}" for call in BY_NAME[name] for text in wrong(call)]
    assert not failures, "\n".join(failures[:20])


def test_every_function_that_takes_tensors_is_in_the_table():
    called = {numpy_function(group[0]) for group in BY_NAME.values() if group[0].function is None}
    said_elsewhere = {
        np.empty_like, np.broadcast_shapes, np.may_share_memory, np.shares_memory, np.tril_indices_from,
        np.triu_indices_from, np.diag_indices_from,
        np._core.umath.clip,  # behind array.clip(t, 1.0)
    }  # fmt: skip
    missing = (set(OPS) | set(COMPOSITIONS)) - called - said_elsewhere - set(shapes.WRITERS)
    assert {function.__name__ for function in missing} == set()


@pytest.mark.parametrize(
    "ours",
    [
        lambda x: np.exp(x) * 1.01,
        lambda x: np.exp(x).astype(np.float32),
        lambda x: np.exp(x) + (x - x.detach()),
        lambda x: (np.exp(x), np.exp(x)),
        lambda x: np.exp(x)[None],
        lambda x: np.log(x - 5),
        lambda x: x[99],
    ],
    ids=["value", "dtype", "gradient", "kind", "shape", "warning", "refusal"],
)
def test_the_table_would_find_it(ours):
    call = Call("np.exp or not", (np.array([1.0, 2.0]),), whole=False)
    call.function = lambda x: np.exp(x) if isinstance(x, np.ndarray) else ours(x)
    assert wrong(call)
    call.function = lambda x: x[99] if isinstance(x, np.ndarray) else np.exp(x)
    assert wrong(call)
