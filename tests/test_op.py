"""The row itself: how it is called, what signature it shows, and what it refuses."""

import copy
import inspect
import pickle

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import DtypeError
from tinygrad_edu.op import ELEMENTWISE, KINK_AT_ZERO, POSITIVE, REGISTRY, Domain, Op, registered, signature
from tinygrad_edu.ops import elementwise
from tinygrad_edu.ops.sampling import apart, broadcastable, distinct, sample


@pytest.fixture
def triple():
    op = Op(
        "triple", lambda x, offset=0.0: 3 * x + offset, vjps=(lambda g, out, x, offset=0.0: 3 * g,),
        kind=ELEMENTWISE, formula="3x + offset", domain=(POSITIVE,), doc="Three times x.\n\nAnd more.",
    )  # fmt: skip
    yield op
    del REGISTRY["triple"]


def test_registered_op_is_in_the_table_and_can_be_called(triple):
    assert REGISTRY["triple"] is triple
    x = Tensor([1.0, 2.0], requires_grad=True)
    triple(x, offset=1.0).sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]
    assert triple(2.0).item() == 6.0
    assert triple([1.0]).tolist() == [3.0]


def test_two_ops_cannot_have_one_name(triple):
    with pytest.raises(ValueError, match=r"an op named 'triple' exists already: Three times x\."):
        Op("triple", np.square, vjps=(None,))
    assert REGISTRY["triple"] is triple


def test_op_shows_name_formula_documentation_and_signature(triple):
    assert repr(triple) == "<op triple: 3x + offset>"
    assert (triple.__name__, triple.__doc__) == ("triple", "Three times x.\n\nAnd more.")
    assert str(inspect.signature(triple)) == "(x, offset=0.0)"


@pytest.mark.parametrize("op", list(REGISTRY.values()), ids=lambda op: op.name)
def test_signature_has_one_name_per_array_and_none_of_the_rules_own(op):
    names = list(signature(op).parameters)
    assert not {"out", "position"} & set(names)
    assert names[0] == "arrays" if op.variadic else len(names) >= op.arity


def test_op_is_frozen(triple):
    with pytest.raises(AttributeError):
        triple.name = "other"


def test_arity_and_differentiability_follow_from_the_rules():
    op = Op("two", np.add, vjps=(None, lambda g, out, x, y: g), listed=False)
    assert (op.arity, op.differentiable, op.vjp(0)) == (2, True, None)
    assert not Op("none", np.equal, vjps=(None, None), listed=False).differentiable
    assert "two" not in REGISTRY


def test_arguments_bind_by_place_and_by_name():
    x = np.arange(6.0).reshape(2, 3)
    expected = x.sum(axis=1, keepdims=True).tolist()
    op = REGISTRY["sum"]
    for result in (op(x, 1, True), op(x, axis=1, keepdims=True), op(x, keepdims=True, axis=1)):
        assert result.tolist() == expected
    arrays, params = op.bind((x,), {"axis": 1})
    assert arrays == (x,)
    assert params == {"axis": 1}


def test_argument_that_the_op_does_not_have_is_an_error_that_shows_those_it_has():
    with pytest.raises(DtypeError) as caught:
        REGISTRY["sum"](np.ones(2), axes=0)
    assert "axis" in str(caught.value)
    assert "axes" in str(caught.value)


def test_parameter_takes_no_tensor_that_requires_grad():
    axis = Tensor(0.0, requires_grad=True)
    with pytest.raises(TypeError):
        REGISTRY["sum"](np.ones(2), axis=axis)


def test_run_gives_an_array_for_arrays_and_a_tensor_for_tensors():
    op = REGISTRY["scatter_add"]
    x = np.ones(2)
    assert type(op.run(x, index=[0, 0], shape=(3,))) is np.ndarray
    result = op.run(Tensor(x, requires_grad=True), index=np.array([0, 0]), shape=(3,))
    assert result.requires_grad
    assert result.tolist() == [2.0, 0.0, 0.0]


def test_failing_op_is_a_project_error_that_inherits_from_numpys():
    def refuse(x):
        raise ValueError("no")

    op = Op("refuse", refuse, vjps=(None,), listed=False)
    with pytest.raises(ValueError, match="refuse: these inputs don't fit") as caught:
        op(Tensor([1.0], name="w"))
    assert "w (1,) float64" in str(caught.value)
    assert str(caught.value).splitlines()[-2:] == ["  why:   no", "  code:  refused-by-numpy"]


def test_error_of_another_kind_passes_through():
    def fail(x):
        raise MemoryError

    with pytest.raises(MemoryError):
        Op("fail", fail, vjps=(None,), listed=False)(Tensor(1.0))


# --- domains and samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", [POSITIVE, KINK_AT_ZERO, Domain("two kinks", -1, 1, avoid=(-0.5, 0.5))])
def test_domain_draws_within_its_bounds_and_off_its_kinks(domain):
    values = domain.draw(np.random.default_rng(0), (1000,))
    assert values.min() > domain.low - 0.1
    assert values.max() < domain.high + 0.1
    for kink in domain.avoid:
        assert np.abs(values - kink).min() >= 0.05
    assert domain.draw(np.random.default_rng(0), ()).shape == ()


def test_samples_of_elementwise_rows_are_derived_and_broadcast(triple):
    shapes = set()
    for seed in range(100):
        arrays, params = sample(triple, np.random.default_rng(seed))
        shapes.add(np.ndim(arrays[0]))
        assert params == {}
        assert np.all(arrays[0] > 0)
    assert {0, 1, 2} <= shapes


def test_samples_are_the_same_for_the_same_seed():
    for op in REGISTRY.values():
        first, second = (sample(op, np.random.default_rng(3))[0] for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(first, second))


def test_row_that_is_not_elementwise_must_bring_its_sampler():
    op = Op("no sampler", np.sum, vjps=(None,), domain=(POSITIVE,), listed=False)
    with pytest.raises(ValueError, match="the row of no sampler needs a sampler"):
        sample(op, np.random.default_rng(0))


def test_drawn_shapes_broadcast_with_each_other():
    for seed in range(200):
        shapes = broadcastable(np.random.default_rng(seed), 3)
        assert len(np.broadcast_shapes(*shapes)) == max(map(len, shapes))


def test_values_drawn_apart_have_no_ties():
    rng = np.random.default_rng(0)
    numbers = np.sort(np.concatenate([a.ravel() for a in apart(rng, [(3, 4), (), (0,), (5,)])]))
    assert len(numbers) == 18
    assert np.diff(numbers).min() > 0.1
    assert distinct(rng, (2, 0)).shape == (2, 0)


def test_public_functions_are_rows():
    for name in ("exp", "add", "sigmoid", "logsumexp", "softmax"):
        assert callable(getattr(tg, name))
        assert name in REGISTRY


def test_copies_and_pickles_of_an_op_are_the_op_itself():
    """A deep copy was another op, which no table that is read by identity knows; a pickle could not be written."""
    assert copy.deepcopy(elementwise.tanh) is elementwise.tanh
    assert pickle.loads(pickle.dumps(elementwise.tanh)) is elementwise.tanh
    with pytest.raises(KeyError, match="no op is called 'doubled'"):
        registered("doubled")
