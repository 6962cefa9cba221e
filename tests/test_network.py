"""A network is read from the graph of any model of layers in a row; what its neurons want agrees with differences."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DataError, ShapeError
from tinygrad_edu.network import network_of, squared_error, targets_of

rng = np.random.default_rng(0)


def forward(network, x):
    """The network again, by hand: what each layer gives."""
    given = []
    functions = {"sigmoid": lambda z: 1 / (1 + np.exp(-z)), "tanh": np.tanh, "": lambda z: z}
    for layer in network.layers:
        x = functions[layer.words](x @ layer.weight + (0 if layer.bias is None else layer.bias))
        given.append(x)
    return given


def test_the_layers_of_the_videos_network():
    model = tg.nn.MLP([784, 16, 16, 10], rng=0)
    x = rng.random((3, 784))
    network = network_of(model, x)
    assert network.sizes == [784, 16, 16, 10]
    assert network.parameters == 13_002
    assert [layer.parameters for layer in network.layers] == [12_560, 272, 170]
    assert [layer.name for layer in network.layers] == ["layer1", "layer2", "layer3"]
    for layer, output in zip(network.layers, forward(network, x)):
        np.testing.assert_allclose(layer.output, output)
    np.testing.assert_array_equal(network.layers[0].weight, model.layer1.weight.detach().numpy())


def by_hand(x):
    W, v = np.arange(6.0).reshape(2, 3) / 10, np.ones((3, 2)) / 3
    return tg.tanh(x @ W) @ v + np.array([0.1, -0.1])


@pytest.mark.parametrize(
    ("model", "words"),
    [
        (by_hand, ["tanh", ""]),
        (tg.nn.Sequential(tg.nn.Linear(2, 3, bias=False), tg.relu, tg.nn.Linear(3, 2), tg.functional.softmax),
         ["relu", "softmax"]),
        (tg.nn.Linear(2, 2), [""]),
        (tg.nn.MLP([2, 4, 1], rng=0), ["sigmoid", "sigmoid"]),
    ],
)  # fmt: skip
def test_any_model_of_layers_in_a_row(model, words):
    network = network_of(model, [0.5, -1.0])
    assert [layer.words for layer in network.layers] == words
    assert network.inputs.tolist() == [[0.5, -1.0]]
    output = model(tg.Tensor([[0.5, -1.0]]))
    np.testing.assert_allclose(network.layers[-1].output, output.detach().numpy())


def test_images_that_a_model_flattens():
    model = tg.nn.MLP([16, 3, 2], rng=0)
    network = network_of(lambda x: model(x.reshape(-1, 16)), rng.random((2, 4, 4)))
    assert network.inputs.shape == (2, 16)


def test_wants_are_minus_the_derivative_of_the_cost_by_the_activation():
    model = tg.nn.MLP([4, 5, 3], rng=1, activation="tanh", output_activation="sigmoid")
    x, classes = rng.normal(size=(2, 4)), [2, 0]
    network = network_of(model, x, classes)
    target = targets_of(classes, network.layers[-1].output)

    def cost_from(layer, activations):
        for later in network.layers[layer + 1 :]:
            sums = activations @ later.weight + later.bias
            activations = 1 / (1 + np.exp(-sums))
        return ((activations - target) ** 2).sum()

    step = 1e-6
    for number, layer in enumerate(network.layers):
        for place in np.ndindex(layer.output.shape):
            ends = []
            for sign in (1, -1):
                moved = layer.output.copy()
                moved[place] += sign * step
                ends.append(cost_from(number, moved))
            assert layer.wants[place] == pytest.approx(-(ends[0] - ends[1]) / (2 * step), abs=1e-8)
    np.testing.assert_allclose(network.costs, ((network.layers[-1].output - target) ** 2).sum(axis=1))


def test_the_want_of_a_neuron_is_the_sum_of_its_lines():
    network = network_of(tg.nn.MLP([4, 5, 6, 3], rng=1), rng.normal(size=(2, 4)), [2, 0])
    for layer, after in zip(network.layers, network.layers[1:]):
        np.testing.assert_allclose(layer.wants, after.pulls @ after.weight.T)


def test_another_cost():
    model = tg.nn.MLP([4, 3], output_activation=None, rng=1)
    x = rng.normal(size=(2, 4))
    network = network_of(model, x, [2, 0], lambda output, target: tg.functional.cross_entropy(output, target))
    output = network.layers[-1].output
    shares = np.exp(output) / np.exp(output).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(network.layers[-1].wants, np.eye(3)[[2, 0]] - shares)


def test_the_model_and_the_samples_stay_as_they_are():
    model = tg.nn.MLP([4, 3], rng=1)
    x = tg.Tensor(np.ones((1, 4)), requires_grad=True)
    network_of(model, x, [1], squared_error)
    assert x.grad is None
    assert all(parameter.grad is None for parameter in model.parameters())


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (lambda x: x * 2, "it holds no x @ W, but multiply at test_network.py"),
        (lambda x: x.sum(), "the model gave result of sum"),
        (lambda x: tg.tanh(x @ np.eye(4)) + x, "a way goes around the layer at test_network.py"),
        (lambda x: tg.exp(x) @ np.eye(4), "exp at test_network.py"),
        (lambda x: (x @ np.ones((4, 6))).reshape(-1, 3, 2).sum(axis=2) @ np.eye(3), "changes the shape from (2, 6)"),
        (lambda x: tg.functional.conv2d(x.reshape(-1, 1, 2, 2), np.ones((3, 1, 1, 1))).reshape(-1, 12) @ np.eye(12),
         "conv at test_network.py"),
        (lambda x: tg.functional.conv2d(x.reshape(-1, 1, 2, 2), np.ones((1, 1, 1, 1))).reshape(-1, 4), "but conv at"),
        (lambda x: tg.Tensor(np.ones((2, 4))) @ tg.Tensor(np.eye(4), requires_grad=True), "depend on its input"),
    ],
)  # fmt: skip
def test_what_is_no_row_of_layers_is_refused_with_what_can_be_drawn(model, why):
    with pytest.raises(DataError) as caught:
        network_of(model, np.ones((2, 4)))
    text = str(caught.value)
    assert text.startswith("this model is not layers of neurons in a row, so it can't be drawn as one\n")
    assert why in text
    assert "tg.draw(model, x) draws the graph of any model" in text


@pytest.mark.parametrize("target", [[3], [-1], [0, 1], [[0.0, 1.0]], [0.5]])
def test_targets_that_do_not_fit(target):
    with pytest.raises(ShapeError, match="the target doesn't fit what comes out"):
        network_of(tg.nn.MLP([4, 3], rng=0), np.ones((1, 4)), target)
