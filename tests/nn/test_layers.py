"""Layers compute their formulas, draw their weights from the generator given, and name themselves in errors."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DataError, DtypeError, ShapeError
from tinygrad_edu.nn import MLP, Bilinear, Linear, Sequential, init
from tinygrad_edu.nn.parts import ACTIVATIONS


@pytest.mark.parametrize("leading", [(), (5,), (2, 5), (0,)])
@pytest.mark.parametrize("bias", [True, False])
def test_linear_is_x_at_weight_plus_bias(leading, bias):
    layer = Linear(3, 2, bias=bias, init="normal")
    x = np.random.default_rng(1).normal(size=(*leading, 3))
    expected = x @ layer.weight.data + (layer.bias.data if bias else 0)
    for given_as in (x, tg.Tensor(x), x.tolist() if x.size else x):
        np.testing.assert_array_equal(layer(given_as).detach().numpy(), expected)
    assert layer.weight.shape == (3, 2)
    assert (layer.bias is None) is not bias


def test_gradients_reach_weight_and_bias():
    layer = Linear(3, 2, init="normal")
    x = np.random.default_rng(1).normal(size=(4, 3))
    layer(x).sum().backward()
    np.testing.assert_allclose(layer.weight.grad.numpy(), np.repeat(x.sum(axis=0)[:, None], 2, axis=1))
    np.testing.assert_array_equal(layer.bias.grad.numpy(), [4.0, 4.0])


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_by_name_and_by_function(name):
    x = np.random.default_rng(1).normal(size=(4, 3))
    bare = Linear(3, 2, init="normal")
    by_name, by_function = (Linear(3, 2, init="normal", activation=a) for a in (name, ACTIVATIONS[name]))
    function = ACTIVATIONS[name] or (lambda z: z)
    expected = function(bare(x)).detach().numpy()
    np.testing.assert_array_equal(by_name(x).detach().numpy(), expected)
    np.testing.assert_array_equal(by_function(x).detach().numpy(), expected)
    assert by_name._label() == ("Linear(3 → 2)" if name == "identity" else f"Linear(3 → 2) + {name}")


def test_a_function_of_the_users_is_an_activation_and_on_the_label():
    def squash(z):
        return z / (1 + abs(z))

    layer = Linear(1, 1, activation=squash, init="zeros")
    layer.bias.data = [1.0]
    assert layer([[5.0]]).item() == 0.5
    assert layer._label() == "Linear(1 → 1) + squash"


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ({"activation": "sigmoyd"}, DataError, "no activation is called 'sigmoyd'"),
        ({"activation": 3}, DtypeError, "an activation is a name or a function, not 3"),
        ({"init": "javier"}, DataError, "no initialiser is called 'javier'"),
        ({"init": lambda rng, shape, dtype: np.zeros(3)}, ShapeError, "the initialiser gave shape (3,), not (3, 2)"),
        ({"in_features": 0}, DataError, "in_features must be at least 1, not 0"),
        ({"out_features": 2.0}, DtypeError, "out_features must be a whole number, not 2.0"),
        ({"out_features": True}, DtypeError, "out_features must be a whole number, not True"),
        ({"dtype": int}, DtypeError, "has no derivative"),
    ],
)
def test_settings_that_make_no_sense_are_named(arguments, error, text):
    with pytest.raises(error) as caught:
        Linear(**{"in_features": 3, "out_features": 2, **arguments})
    assert text in str(caught.value).splitlines()[0]
    assert "test_layers.py:" in str(caught.value)


@pytest.mark.parametrize(
    ("shape", "fix"),
    [
        ((32, 64), "the last side of the input must be in_features"),
        ((32, 28, 28), "x.reshape(len(x), 784)"),
        ((784, 32), "x.T: samples are rows"),
        ((), "the last side of the input must be in_features"),
    ],
)
def test_an_input_that_does_not_fit_names_the_layer_and_the_fix(shape, fix):
    model = MLP([784, 16, 10])
    with pytest.raises(ShapeError) as caught:
        model(np.zeros(shape))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"layer1 expects (…, 784), got {shape}"
    assert lines[1].startswith("  where: test_layers.py:")
    assert lines[2] == f"  input: tensor {shape} float64"
    assert lines[3] == f"  fix:   {fix}"


def test_a_layer_without_a_parent_is_named_by_its_label():
    with pytest.raises(ShapeError, match=r"^Linear\(3 → 2\) \+ tanh expects \(…, 3\), got \(2, 2\)"):
        Linear(3, 2, activation="tanh")(np.zeros((2, 2)))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_given_holds_for_parameters_outputs_and_gradients(dtype):
    model = MLP([3, 4, 2], dtype=dtype)
    y = model(np.ones((5, 3), dtype))
    y.sum().backward()
    assert {p.dtype for p in model.parameters()} | {p.grad.dtype for p in model.parameters()} == {np.dtype(dtype)}
    assert y.dtype == dtype


def test_the_default_dtype_is_the_librarys():
    assert Linear(1, 1).weight.dtype == np.float64
    tg.set_default_dtype(np.float32)
    try:
        assert Linear(1, 1).weight.dtype == np.float32
    finally:
        tg.set_default_dtype(np.float64)


# --- seeds ---


def test_same_seed_same_bits_and_a_generator_goes_on():
    def weights(model):
        return [p.data.copy() for p in model.parameters()]

    for a, b in zip(weights(MLP([3, 3, 3], rng=5)), weights(MLP([3, 3, 3], rng=5)), strict=True):
        np.testing.assert_array_equal(a, b)
    model = MLP([3, 3, 3], rng=5)
    assert not np.array_equal(model.layer1.weight.data, model.layer2.weight.data)
    rng = np.random.default_rng(5)
    by_hand = Sequential(Linear(3, 3, activation="sigmoid", rng=rng), Linear(3, 3, activation="sigmoid", rng=rng))
    for a, b in zip(weights(model), weights(by_hand), strict=True):
        np.testing.assert_array_equal(a, b)


def test_relu_starts_with_he_the_others_with_xavier_and_biases_at_zero():
    relu_bound, other_bound = (6 / 100) ** 0.5, (6 / 200) ** 0.5
    for activation, bound in (("relu", relu_bound), ("tanh", other_bound), (None, other_bound)):
        layer = Linear(100, 100, activation=activation)
        assert 0.98 * bound < np.abs(layer.weight.data).max() <= bound
        assert not layer.bias.data.any()


# --- initialisers ---


@pytest.mark.parametrize(
    ("function", "variance"),
    [
        (init.xavier_uniform, 2 / (300 + 200)),
        (init.xavier_normal, 2 / (300 + 200)),
        (init.he_uniform, 2 / 300),
        (init.he_normal, 2 / 300),
        (init.normal, 1.0),
        (init.zeros, 0.0),
    ],
)
def test_initialisers_have_the_variance_of_their_papers(function, variance):
    for dtype in (np.float32, np.float64):
        weight = function(0, (300, 200), dtype)
        assert (weight.shape, weight.dtype) == ((300, 200), dtype)
        assert weight.var() == pytest.approx(variance, rel=0.02)
        assert abs(weight.mean()) <= 4 * (variance / weight.size) ** 0.5
        np.testing.assert_array_equal(weight, function(np.random.default_rng(0), (300, 200), dtype))
    assert init.find(function.__name__) is function


def test_fans_of_matrices_and_kernels_and_none_of_vectors():
    assert init.fans((784, 16)) == (784, 16)
    assert init.fans((8, 3, 5, 5)) == (75, 200)
    with pytest.raises(ShapeError, match=r"a weight of shape \(3,\) has no fan-in and fan-out"):
        init.xavier_uniform(0, (3,))


# --- Sequential and MLP ---


def test_sequential_runs_modules_and_functions_in_order():
    layer = Linear(2, 3, init="normal")
    model = Sequential(layer, tg.tanh, lambda h: h.sum(axis=1))
    x = np.ones((4, 2))
    np.testing.assert_array_equal(model(x).detach().numpy(), np.tanh(layer(x).detach().numpy()).sum(axis=1))
    assert (len(model), model[0], model[-3], model.layer1) == (3, layer, layer, layer)
    assert model.layers[1] is tg.tanh
    assert [path for path, _ in model.named_parameters()] == ["layer1.weight", "layer1.bias"]
    assert Sequential()(7) == 7


def test_a_layer_of_sequential_can_be_replaced():
    model = Sequential(Linear(2, 3), Linear(3, 1))
    model.layer2 = Linear(3, 5)
    assert model(np.ones((4, 2))).shape == (4, 5)
    assert [p.shape for p in model.parameters()] == [(2, 3), (3,), (3, 5), (5,)]


def test_sequential_refuses_what_cannot_be_called():
    with pytest.raises(DtypeError, match=r"layer 2 of Sequential is list, which can't be called(.|\n)*\*layers"):
        Sequential(Linear(1, 1), [Linear(1, 1)])


@given(sizes=st.lists(st.integers(1, 5), min_size=2, max_size=5), seed=st.integers(0, 100))
def test_mlp_is_the_formula_layer_by_layer(sizes, seed):
    model = MLP(sizes, rng=seed)
    a = np.random.default_rng(seed).normal(size=(3, sizes[0]))
    expected = a
    for number in range(1, len(sizes)):
        layer = getattr(model, f"layer{number}")
        expected = 1 / (1 + np.exp(-(expected @ layer.weight.data + layer.bias.data)))
    np.testing.assert_allclose(model(a).detach().numpy(), expected, rtol=1e-12)
    assert sum(p.size for p in model.parameters()) == sum(m * n + n for m, n in pairwise(sizes))


def test_the_output_activation_is_the_same_unless_given():
    assert MLP([2, 3, 1])._label() == "MLP(2 → 3 → 1)"
    for output, expected in (("same", tg.tanh), (None, None), ("softmax", tg.softmax)):
        model = MLP([2, 3, 1], activation="tanh", output_activation=output)
        assert (model.layer1.activation, model.layer2.activation) == (tg.tanh, expected)


@pytest.mark.parametrize("sizes", [[], [784]])
def test_an_mlp_needs_two_sizes(sizes):
    with pytest.raises(DataError, match=r"an MLP needs at least two sizes, of its input and of its output, not \["):
        MLP(sizes)


@pytest.mark.parametrize("bias", [True, False])
def test_bilinear_is_a_sum_over_all_pairs_of_inputs(bias):
    layer = Bilinear(4, 3, 2, bias, rng=1)
    assert np.abs(layer.weight.data).max() <= 0.5  # 1 / √4
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(5, 4)), rng.normal(size=(5, 3))
    if bias:
        layer.bias.data = rng.normal(size=2)
    expected = np.einsum("ni,oij,nj->no", a, layer.weight.data, b) + (layer.bias.data if bias else 0)
    np.testing.assert_allclose(layer(a, b).detach().numpy(), expected)
    layer(a, b).sum().backward()
    assert all(p.grad is not None for p in layer.parameters())
    assert layer._label() == "Bilinear(4 × 3 → 2)"
    with pytest.raises(ShapeError, match=r"bilinear: x1, x2, weight don't fit each other"):
        layer(b, a)
