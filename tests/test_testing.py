"""What the project offers to test suites: gradients asserted, and strategies that draw what they promise."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DependencyNotFound, DtypeError
from tinygrad_edu.op import KINK_AT_ZERO, POSITIVE, REAL, REGISTRY, UNIT, Domain
from tinygrad_edu.testing import arrays, assert_gradients, op_calls, small_networks, tensors

DOMAINS = [REAL, POSITIVE, KINK_AT_ZERO, UNIT, Domain("three kinks", -3.0, 3.0, avoid=(-1.0, 0.0, 2.5))]


def test_assert_gradients_passes_what_is_right_and_fails_with_the_report():
    assert assert_gradients(lambda x, y: x @ y, np.ones((2, 3)), np.ones(3), order=2).verdict == "right"
    with pytest.raises(AssertionError, match="2 derivatives compared, 2 wrong"):
        assert_gradients(lambda x: x * x.detach(), np.ones(2))
    with pytest.raises(AssertionError):
        assert_gradients(lambda x: x * x.detach(), np.ones(2), raise_on_failure=False)


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.words)
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@given(data=st.data())
def test_arrays_lie_in_their_domain_and_away_from_its_kinks(domain, dtype, data):
    array = data.draw(arrays(domain, dtype=dtype))
    assert array.dtype == dtype
    assert array.ndim <= 3
    assert ((array > domain.low) & (array < domain.high)).all()
    for kink in domain.avoid:
        assert (np.abs(array.astype(float) - kink) >= 0.0499).all()


@given(x=tensors(POSITIVE, shape=(2, 3)), frozen=tensors(shape=st.just((4,)), requires_grad=False))
def test_tensors_are_leaves_of_the_shape_that_was_asked_for(x, frozen):
    assert (x.shape, x.requires_grad, x.is_leaf) == ((2, 3), True, True)
    assert (frozen.shape, frozen.requires_grad) == ((4,), False)


@pytest.mark.parametrize("name", ["add", "where", "log", "sum", "matmul", "concatenate", "getitem", "greater"])
@given(data=st.data())
def test_op_calls_are_legal_and_can_be_made_with_other_arrays(name, data):
    call = data.draw(op_calls(name))
    out = call.run()
    assert isinstance(out, tg.Tensor)
    assert np.array_equal(call.f(*call.inputs)._data, out._data)
    if REGISTRY[name].differentiable and out.size and any(x.size for x in call.inputs):
        assert_gradients(call.f, *call.inputs, order=2)


@given(network=small_networks())
def test_networks_are_small_and_their_gradients_right(network):
    assert len(network.x) == network.model(network.x).shape[0] <= 3
    assert sum(p.size for p in network.model.parameters()) <= 60
    assert_gradients(network.model, network.x, loss=lambda out: (out**2).sum())


@given(network=small_networks(["relu"], dtype=np.float32, most=2))
def test_networks_may_have_kinks_and_another_dtype(network):
    assert network.x.dtype == network.model(network.x).dtype == np.float32
    assert_gradients(network.model, network.x, loss=lambda out: out.sum())


def test_misuse_is_explained():
    with pytest.raises(DtypeError, match="int64 has no fractions"):
        arrays(dtype=np.int64)
    with pytest.raises(DtypeError, match="no op is called 'nothing'"):
        op_calls("nothing")


def test_without_hypothesis_gradients_can_be_asserted_and_the_strategies_say_what_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    assert assert_gradients(tg.exp, 1.0)
    for strategy in (arrays, tensors, small_networks, lambda: op_calls(tg.exp)):
        with pytest.raises(DependencyNotFound, match="pip install hypothesis") as caught:
            strategy()
        assert isinstance(caught.value, ImportError)


def test_the_package_does_not_import_hypothesis():
    code = (
        "import sys, tinygrad_edu as tg; tg.testing.assert_gradients(tg.exp, 1.0); print('hypothesis' in sys.modules)"
    )
    root = Path(tg.__file__).parents[1]
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert run.stdout.strip() == "False"
