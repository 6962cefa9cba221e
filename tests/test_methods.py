"""Every method of Tensors does what the method of the same name does on arrays."""

import inspect

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import GradientError

X = np.array([[3.0, -1.0, 2.0], [0.0, 5.0, 4.0]])
MASK = np.array([[True, False, True], [True, True, True]])

CALLS = {
    "sum": [{}, {"axis": 0}, {"axis": (0, 1), "keepdims": True}, {"where": MASK, "initial": 2.0}, {"dtype": "f4"}],
    "prod": [{}, {"axis": 1}, {"where": MASK, "initial": 2.0}, {"dtype": "f4"}],
    "mean": [{}, {"axis": -1, "keepdims": True}, {"where": MASK}, {"dtype": "f4"}],
    "var": [{}, {"axis": 1, "ddof": 1}, {"where": MASK, "axis": 1}],
    "std": [{}, {"axis": 1, "ddof": 1}, {"where": MASK, "axis": 1}],
    "max": [{}, {"axis": 0}, {"axis": 0, "initial": 3.5, "where": MASK}],
    "min": [{}, {"axis": 0}, {"axis": 0, "initial": 0.5, "where": MASK}],
    "argmax": [{}, {"axis": 1, "keepdims": True}],
    "argmin": [{}, {"axis": 0}],
    "any": [{}, {"axis": 0}, {"where": MASK}],
    "all": [{}, {"axis": 0}, {"where": MASK}],
    "cumsum": [{}, {"axis": 1}, {"dtype": "f4"}],
    "cumprod": [{}, {"axis": 0}],
    "trace": [{}, {"offset": 1}],
    "diagonal": [{}, {"offset": 1, "axis1": 1, "axis2": 0}],
    "ravel": [{}, {"order": "F"}],
    "flatten": [{}, {"order": "F"}],
    "squeeze": [{}],
    "transpose": [{}],
    "repeat": [{"repeats": 2}, {"repeats": [1, 2], "axis": 0}],
    "take": [{"indices": [0, 4]}, {"indices": [[1, 0]], "axis": 1}, {"indices": [7], "mode": "wrap"}],
    "compress": [{"condition": [True, False, True], "axis": 1}],
    "argsort": [{}, {"axis": None}, {"axis": 0, "kind": "stable"}],
    "argpartition": [{"kth": 1}],
    "clip": [{"min": 0.5}, {"min": 0.5, "max": 3.5}],
    "round": [{}, {"decimals": 1}],
    "conj": [{}],
    "conjugate": [{}],
    "nonzero": [{}],
}


@pytest.mark.parametrize(("name", "options"), [(n, o) for n, calls in CALLS.items() for o in calls], ids=str)
def test_methods_are_numpy_s(name, options):
    expected = getattr(X, name)(**options)
    results = getattr(tg.Tensor(X, requires_grad=True), name)(**options)
    for got, wanted in zip(*[r if isinstance(r, tuple) else (r,) for r in (results, expected)], strict=True):
        assert isinstance(got, tg.Tensor)
        assert got.dtype == wanted.dtype
        assert got.shape == np.shape(wanted)
        np.testing.assert_allclose(got.detach().numpy(), wanted, rtol=1e-6)


@pytest.mark.parametrize("name", sorted(CALLS))
def test_parameters_have_numpy_s_names_and_defaults(name):
    own = inspect.signature(getattr(tg.Tensor, name)).parameters
    try:
        theirs = inspect.signature(getattr(np.ndarray, name)).parameters
    except ValueError:  # older versions of NumPy don't tell
        return
    named = [n for n, p in theirs.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    assert [n for n in own if n in named] == named
    for n in named:
        if n not in ("self", "keepdims", "initial", "where", "min", "max", "mean"):
            assert own[n].default == theirs[n].default


@pytest.mark.parametrize("name", ["argmax", "sum", "cumsum", "max", "prod", "mean", "any", "take", "clip", "round"])
def test_out(name):
    options = {"indices": [1, 0], "axis": 1} if name == "take" else {"min": 0} if name == "clip" else {}
    expected = getattr(X, name)(**options)
    target = np.zeros(np.shape(expected), np.asarray(expected).dtype)
    assert getattr(tg.Tensor(X), name)(**options, out=target) is target
    assert np.array_equal(target, expected)


def test_facts_and_parts():
    x = tg.Tensor(X, requires_grad=True)
    assert (x.itemsize, x.nbytes) == (X.itemsize, X.nbytes)
    assert np.array_equal(x.mT.detach().numpy(), X.mT)
    assert np.array_equal(x.real.detach().numpy(), X)
    assert not x.imag.detach().numpy().any()


def test_methods_with_an_operand():
    x = tg.Tensor(X, requires_grad=True)
    assert np.array_equal(x.dot(X.T).detach().numpy(), X.dot(X.T))
    assert np.array_equal(tg.Tensor([0, 1]).choose([X[0, :2], X[1, :2]]).numpy(), [3, 5])
    assert tg.Tensor([1.0, 2.0, 4.0]).searchsorted(3.0, "right").item() == 2


def test_what_numpy_does_in_place_gives_the_handle_a_new_value_with_its_gradient():
    leaf = tg.Tensor([3.0, 1.0, 2.0], requires_grad=True)
    x = leaf * 1
    before = x * 1
    assert x.sort() is None
    assert x.tolist() == [1, 2, 3]
    assert before.tolist() == [3, 1, 2]
    (x * [1.0, 10.0, 100.0]).sum().backward()
    assert leaf.grad.tolist() == [100, 1, 10]
    y = leaf * 1
    y.partition(0)
    assert y.tolist()[0] == 1
    y.fill(7.0)
    assert y.tolist() == [7, 7, 7]
    constant = tg.Tensor([3.0, 1.0])
    constant.sort()
    assert constant.tolist() == [1, 3]
    with pytest.raises(GradientError, match="leaf"):
        leaf.sort()


def test_put():
    x = tg.Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True) * 1
    x.put([0, -1], [9.0, 8.0])
    assert x.tolist() == [[9, 2], [3, 8]]


def test_flat_reads_writes_and_iterates_as_numpys():
    a = np.arange(6.0).reshape(2, 3)
    x = tg.Tensor(a, requires_grad=True)
    y = x * 1
    y.flat[1] = 5.0
    y.flat[3:] = [7.0, 8.0]
    a.flat[1] = 5.0
    a.flat[3:] = [7.0, 8.0]
    assert y.tolist() == a.tolist()
    assert [float(part) for part in y.flat] == list(a.flat)
    assert (len(y.flat), y.flat[-1].item(), y.flat[[0, 2]].tolist()) == (6, a.flat[-1], a.flat[[0, 2]].tolist())
    y.flat[2].backward()
    assert x.grad.tolist() == [[0, 0, 1], [0, 0, 0]]


@pytest.mark.parametrize("order", ["C", "F", "A", "K"])
def test_orders_of_the_methods_are_numpys(order):
    a = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    x = tg.from_numpy(a)
    assert x.ravel(order).tolist() == a.ravel(order).tolist()
    assert x.flatten(order).tolist() == a.flatten(order).tolist()
    assert x.copy(order).tolist() == a.tolist()
    if order != "K":
        assert x.reshape(3, 2, order=order).tolist() == a.reshape(3, 2, order=order).tolist()
    assert x.reshape((3, 2), copy=True).tolist() == a.reshape((3, 2), copy=True).tolist()


def test_item_takes_the_place_of_an_element_as_numpy_does():
    x = tg.Tensor(X, requires_grad=True)
    for index in ((4,), (-1,), (1, 2), ((1, 0),)):
        assert x.item(*index) == X.item(*index)
        assert type(x.item(*index)) is float
    for index in ((6,), (0, 3), (0, 0, 0), ("a",)):
        with pytest.raises(IndexError, match="item"):
            x.item(*index)


def test_astype_takes_numpys_options_and_refuses_what_casting_does_not_allow():
    x = tg.Tensor(X, requires_grad=True)
    narrow = x.astype("f4", order="F", casting="same_kind", subok=False, copy=False)
    assert (narrow.dtype, narrow.requires_grad) == (np.float32, True)
    with pytest.raises(TypeError, match="can't become int64 with casting='safe'"):
        x.astype(np.int64, casting="safe")


def test_python_rounds_tensors_as_numpys_numbers():
    x = tg.Tensor([1.26, -2.55])
    assert round(x, 1).tolist() == np.round([1.26, -2.55], 1).tolist()
    assert round(x[0]) == 1
    assert type(round(x[0])) is int
    with pytest.raises(ValueError, match="one element"):
        round(x)
