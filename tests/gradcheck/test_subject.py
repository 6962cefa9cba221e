"""What can be checked: functions and networks, nested inputs, chosen parameters; everything is left as it was."""

from typing import NamedTuple

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import nn
from tinygrad_edu.errors import DtypeError, GradcheckError, GradientError
from tinygrad_edu.gradcheck import gradcheck

RNG = np.random.default_rng(0)
X, Y = RNG.random((4, 3)), RNG.integers(0, 2, 4)


def network(dtype=None):
    return nn.MLP([3, 5, 2], activation="tanh", rng=0, dtype=dtype)


def loss(out):
    return tg.functional.cross_entropy(out, Y)


# --- networks ---


@pytest.mark.parametrize(
    ("params", "names"),
    [
        (None, ["layer1.weight", "layer1.bias", "layer2.weight", "layer2.bias"]),
        ("layer2.*", ["layer2.weight", "layer2.bias"]),
        (["*.bias", "layer1.w*"], ["layer1.weight", "layer1.bias", "layer2.bias"]),
    ],
)
def test_parameters_of_a_network_are_chosen_by_pattern(params, names):
    report = gradcheck(network(), [X], params=params, loss=loss)
    assert [row.input for row in report.rows] == names


def test_the_data_of_a_network_is_held_fixed_unless_it_requires_grad():
    assert "held fixed: x is data of a network" in str(gradcheck(network(), [X], loss=loss))
    report = gradcheck(network(), [tg.Tensor(X, requires_grad=True)], params="layer1.bias", loss=loss)
    assert [row.input for row in report.rows] == ["layer1.bias", "x"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_network_is_left_as_it_was(dtype):
    model = network(dtype)
    kept = [(p, p._data, p._node, p._data.copy()) for p in model.parameters()]
    report = gradcheck(model, [X.astype(dtype)], loss=loss)
    for parameter, array, node, values in kept:
        assert (parameter._data is array, parameter._node is node, parameter.grad) == (True, True, None)
        assert np.array_equal(array, values)
    assert all((row.float32 is None) == (dtype is np.float64) for row in report.rows)
    assert all(row.float32 < 1e-5 for row in report.rows if row.float32 is not None)


def test_a_network_is_left_as_it_was_after_an_error_too():
    model = network()
    before = [p._data for p in model.parameters()]
    with pytest.raises(ValueError, match="layer1 expects"):
        gradcheck(model, [np.ones((4, 7))])
    assert all(p._data is array for p, array in zip(model.parameters(), before))


def test_a_frozen_parameter_is_held_fixed():
    model = network()
    model.layer1.weight.requires_grad = False
    report = gradcheck(model, [X], loss=loss)
    assert "layer1.weight" not in [row.input for row in report.rows]
    assert "held fixed: layer1.weight is frozen" in str(report)


class Noisy(nn.Module):
    """Dropout by hand: a generator that belongs to the module."""

    def __init__(self):
        self.inner = nn.Linear(3, 4, rng=0)
        self.rng = np.random.default_rng(1)

    def forward(self, x):
        return self.inner(x) * (self.rng.random(4) > 0.5)


def test_the_generators_of_a_network_draw_the_same_in_each_call_and_go_on_afterwards_where_they_were():
    model = Noisy()
    state = model.rng.bit_generator.state
    report = gradcheck(model, [X], loss=lambda out: (out**2).sum())
    assert "replayed in each call: rng" in str(report)
    assert model.rng.bit_generator.state == state
    dropped = np.random.default_rng(1).random(4) <= 0.5
    assert report.rows[1].counts["right"] == 4
    assert dropped.any()


def test_norms_and_dropout_are_checked_in_training_and_what_they_remember_is_put_back():
    layers = nn.Linear(3, 4, rng=0), nn.BatchNorm1d(4), nn.Dropout(0.5, rng=1), nn.Linear(4, 2, rng=2)
    model = nn.Sequential(*layers)
    model(X)  # the running statistics are some way off
    before, state = model.state_dict(), layers[2].rng.bit_generator.state
    buffers = model.named_buffers()
    report = gradcheck(model, [X], loss=loss, order=2)
    assert "replayed in each call: layer3.rng" in str(report)
    assert {row.input for row in report.rows} >= {"layer2.weight", "layer4.bias"}
    assert layers[2].rng.bit_generator.state == state
    for path, array in model.state_dict().items():
        assert np.array_equal(array, before[path]), path
    assert [id(x) for _, x in model.named_buffers()] == [id(x) for _, x in buffers]
    model(X)
    assert not np.array_equal(model.state_dict()["layer2.running_mean"], before["layer2.running_mean"])


def test_a_network_within_a_function_is_replayed_too():
    model = Noisy()
    assert gradcheck(lambda x: (model(x) ** 2).sum(), [X])
    assert gradcheck(lambda: (model(X) ** 2).sum(), params=model.named_parameters())


# --- functions ---


def test_a_generator_among_the_inputs_is_replayed():
    rng = np.random.default_rng(3)
    state = rng.bit_generator.state
    report = gradcheck(lambda x, rng: (x * rng.random(4)).sum(), [np.ones(4), rng])
    assert "replayed in each call: rng" in str(report)
    assert rng.bit_generator.state == state


def draws(x):
    return x * RNG.random()


def remembers():
    calls = []
    return lambda x: calls.append(1) or x * len(calls)


@pytest.mark.parametrize(
    ("f", "who"),
    [
        (draws, "it draws from RNG, made outside of it"),
        (lambda x: x * np.random.random(), "it draws from np.random, the generator that the whole program shares"),
        (lambda x: x * np.random.default_rng().random(), "it makes a generator without a seed inside"),
        (remembers(), "remembers something from call to call"),
    ],
)
def test_a_function_that_depends_on_randomness_is_not_compared_and_the_source_is_named(f, who):
    with pytest.raises(GradcheckError, match="two calls of the function") as caught:
        gradcheck(f, [1.0])
    assert who in str(caught.value)
    assert caught.value.code == "gradcheck-depends-on-randomness"


def test_tensors_that_a_function_reads_are_checked_by_name():
    w, b = tg.Tensor([2.0, 3.0], requires_grad=True), tg.Tensor(1.0, name="bias", requires_grad=True)
    report = gradcheck(lambda: (w * w).sum() + b, params={"w": w, "b": b})
    assert [row.input for row in report.rows] == ["w", "b"]
    assert [row.input for row in gradcheck(lambda: (w * w).sum() + b, params=[w, b]).rows] == ["parameter 1", "bias"]
    assert w.tolist() == [2.0, 3.0]


class Pair(NamedTuple):
    w: np.ndarray
    b: float


def test_containers_of_every_kind_go_in_and_come_out():
    def f(p, parts, labels, mode):
        assert (mode, labels.dtype) == ("train", np.int64)
        return {"a": p.w * p.b, "rest": [parts[0]["x"].sum(), (tg.exp(parts[1])[labels],)]}

    report = gradcheck(f, [Pair(np.ones(2), 3.0), [{"x": np.ones(3)}, np.ones(2)], np.array([0, 1]), "train"], order=2)
    names = [row.input for row in report.rows if row.order == 1]
    assert names == ["p.w", "p.b", "parts[0]['x']", "parts[1]"]
    assert "held fixed: labels is int64 and has no derivative" in str(report)
    assert [row.input for row in report.rows if row.order == 2][4:] == [f"cotangent {i}" for i in range(3)]


def test_custom_ops_are_checked_like_any_other():
    cube = tg.custom_op("cube of test", lambda x: x**3, vjps=(lambda g, out, x: g * 3 * x**2,))
    assert gradcheck(cube, [RNG.normal(size=3)], order=3)
    scale = tg.custom_op("scale of test", lambda x, *, by: x * by, vjps=(lambda g, out, x, *, by: g,))
    assert gradcheck(lambda x: scale(x, by=2.0), [1.0], raise_on_failure=False).verdict == "wrong"


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: gradcheck(network(), [X], params="layer3.*"), GradientError, "no parameter is called 'layer3.*'"),
        (lambda: gradcheck(network(), [X], params=[1]), DtypeError, "chosen by name, not by int"),
        (lambda: gradcheck(lambda x: x, [X], params="w"), DtypeError, "params=model.named_parameters()"),
        (lambda: gradcheck(lambda: tg.ones(2), params=[3]), DtypeError, "params: number 1 is int"),
        (lambda: gradcheck(lambda: tg.ones(2), params=[tg.Tensor([1])]), DtypeError, "number 1 is a int64 result"),
        (lambda: gradcheck(lambda x: x, [X], method="magic"), DtypeError, "'auto' or 'complex' or 'differences'"),
    ],
)
def test_misuse_is_explained(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert text in str(caught.value)
