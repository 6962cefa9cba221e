"""Network: the layers of neurons that a model is, with what they did to some samples, read from the recorded graph.

Any model will do that computes x @ W + b and something of the same shape, one after the other, whatever its modules are
called. Must not know how a network is drawn.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.memory import label
from tinygrad_edu.node import Node, here, node_site, recording
from tinygrad_edu.reverse import recorded_nodes, sweep
from tinygrad_edu.tensor import Tensor

Cost = Callable[[Tensor, Any], Tensor]
SHAPING = ("reshape", "positive", "astype")  # ops that bring samples into rows and change no number


@dataclass(frozen=True, eq=False)
class Layer:
    """One layer of neurons and what it did; n samples are rows.

    name        where its weights are in the model, such as `layer1`
    weight      (in, out); `bias` (out,) or None
    sums        (n, out), what the neurons add up: x @ weight + bias
    output      (n, out), what they give
    words       what is between the two: `sigmoid`, or `` where nothing is
    wants       (n, out), −∂C/∂output of each sample: which way each neuron should go; None without a target
    pulls       (n, out), −∂C/∂sums: what of that goes back through the weights
    """

    name: str
    weight: np.ndarray
    bias: np.ndarray | None
    sums: np.ndarray
    output: np.ndarray
    words: str
    wants: np.ndarray | None = None
    pulls: np.ndarray | None = None

    @property
    def parameters(self) -> int:
        """How many weights and biases it has."""
        return self.weight.size + (self.bias.size if self.bias is not None else 0)


@dataclass(frozen=True, eq=False)
class Network:
    """Layers of neurons and the samples that went through them: `inputs` is (n, in)."""

    inputs: np.ndarray
    layers: tuple[Layer, ...]
    costs: np.ndarray | None = None  # (n,), of each sample

    @property
    def sizes(self) -> list[int]:
        """How many numbers come in, and how many neurons each layer has."""
        return [self.inputs.shape[1], *(layer.weight.shape[1] for layer in self.layers)]

    @property
    def parameters(self) -> int:
        """How many weights and biases there are."""
        return sum(layer.parameters for layer in self.layers)


def squared_error(output: Tensor, target: Any) -> Tensor:
    """Σ (output − target)², the cost that 3Blue1Brown's series uses for one sample."""
    cost: Tensor = ((output - target) ** 2).sum()
    return cost


def network_of(model: Callable[..., Any], x: Any, target: Any = None, cost: Cost = squared_error) -> Network:
    """The layers of `model` and what they do to `x`.

    x        samples (n, in), or one (in,): an array or Tensor
    target   what should come out, to say which way every neuron wants to go: classes (n,), or values (n, out)
    cost     of one sample, from its output (1, out) and its target (1, out)

    Raises DataError for a model that is no row of fully connected layers, ShapeError where a target doesn't fit.

    >>> import tinygrad_edu as tg
    >>> network = network_of(tg.nn.MLP([784, 16, 16, 10], rng=0), np.zeros(784))
    >>> network.sizes, network.parameters, network.layers[0].words
    ([784, 16, 16, 10], 13002, 'sigmoid')
    """
    data = np.asarray(x.detach()._data if isinstance(x, Tensor) else x)
    if data.dtype.kind != "f":
        data = data.astype(np.float64)
    samples = Tensor(data[None] if data.ndim == 1 else data, requires_grad=True)
    output = model(samples)
    if not isinstance(output, Tensor) or output._node is None or output.ndim != 2 or len(output) != len(samples):
        got = label(output) if isinstance(output, Tensor) else type(output).__name__
        raise _not_layers(f"the model gave {got} for {len(samples)} samples, not one row of numbers for each")
    nodes, _ = recorded_nodes([output._node])
    parts = _layers(nodes[::-1], samples._node, output._node)
    layers = [_layer(*part) for part in parts]
    inputs = parts[0][1].out
    if target is None:
        return Network(inputs, tuple(layers))
    wanted = targets_of(target, output._data)
    costs, cotangents = _backward(output, wanted, cost)
    layers = [_with_wants(layer, sums, last, cotangents) for layer, (_, _, sums, last, _) in zip(layers, parts)]
    return Network(inputs, tuple(layers), costs)


# --- finding the layers ----------------------------------------------------------------------------------------

# The product with the weights, what goes into it, the weighted sums, the output, and the node with the bias.
_Part = tuple[Node, Node, Node, Node, "Node | None"]


def _layers(oldest_first: Sequence[Node], source: Node | None, output: Node) -> list[_Part]:
    assert source is not None
    from_input = {source}
    products: list[Node] = []
    for node in oldest_first:
        if any(parent in from_input for parent in node.inputs):
            from_input.add(node)
            if node.op is not None and node.op.name == "matmul" and _is_weight(node.inputs[1], from_input):
                products.append(node)
    if not products or output not in from_input:
        _complain(oldest_first, from_input)
    parts = []
    ends = [product.inputs[0] for product in products[1:]] + [output]
    for product, last in zip(products, ends):
        sums, bias = _with_bias(product, oldest_first, from_input)
        _check_between(source, sums, last, from_input)
        parts.append((product, product.inputs[0], sums, last, bias))
    _check_before(source, products[0].inputs[0], from_input)
    return parts


def _is_weight(node: Node, from_input: set[Node]) -> bool:
    return node not in from_input and np.ndim(node.out) == 2


def _with_bias(product: Node, oldest_first: Sequence[Node], from_input: set[Node]) -> tuple[Node, Node | None]:
    """The node of the weighted sums, and that of the bias if one is added."""
    users = [node for node in oldest_first if product in node.inputs]
    if len(users) == 1 and users[0].op is not None and users[0].op.name == "add":
        for other in users[0].inputs:
            if other not in from_input and np.shape(other.out) in (product.out.shape[1:], (1, *product.out.shape[1:])):
                return users[0], other
    return product, None


def _check_before(source: Node, first: Node, from_input: set[Node]) -> None:
    """What comes before the first layer may only bring the samples into rows."""
    node = first
    while node is not source:
        if node.op is None or node.op.name not in SHAPING:
            raise _not_layers(f"{_called(node)} comes before the first layer")
        node = next(parent for parent in node.inputs if parent in from_input)


def _check_between(source: Node, sums: Node, last: Node, from_input: set[Node]) -> None:
    """From the sums of a layer to its output there must be no way around, and the shape must stay."""
    pending, seen = [last], {last}
    while pending:
        node = pending.pop()
        if node is sums:
            continue
        if node is source:
            raise _not_layers(f"a way goes around the layer at {node_site(sums)}: it is not one layer after the other")
        for parent in node.inputs:
            if parent in from_input and parent not in seen:
                seen.add(parent)
                pending.append(parent)
    if last.out.shape != sums.out.shape:
        raise _not_layers(f"{_called(last)} changes the shape from {sums.out.shape} to {last.out.shape}")


def _complain(oldest_first: Sequence[Node], from_input: set[Node]) -> None:
    path = [node for node in oldest_first if node in from_input and node.op is not None]
    found = next((node for node in path if node.op is not None and node.op.name not in SHAPING), None)
    raise _not_layers(
        f"it holds no x @ W, but {_called(found)}" if found else "its output does not depend on its input"
    )


def _called(node: Node) -> str:
    return f"{node.op.name if node.op else 'a value'} at {node_site(node)}"


def _not_layers(why: str) -> DataError:
    return DataError(
        describe(
            "this model is not layers of neurons in a row, so it can't be drawn as one",
            why=why,
            where=here(),
            drawn="rows of Linear, or x @ W + b, each with an activation: tg.nn.MLP and tg.nn.Sequential of them",
            fix="tg.draw(model, x) draws the graph of any model",
            code="not-layers-in-a-row",
        )
    )


# --- reading them ----------------------------------------------------------------------------------------------


def _layer(product: Node, _: Node, sums: Node, last: Node, bias: Node | None) -> Layer:
    weight = product.inputs[1]
    scope = product.scope
    return Layer(
        name=scope.path if scope is not None else "",
        weight=weight.out,
        bias=None if bias is None else bias.out.reshape(-1),
        sums=sums.out,
        output=last.out,
        words="" if last is sums or last.op is None or sums not in last.inputs else last.op.name,
    )


def targets_of(target: Any, output: np.ndarray) -> np.ndarray:
    """The target of each sample as values (n, out): classes as one 1 among zeros. Raises ShapeError.

    >>> targets_of([2, 0], np.zeros((2, 3))).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    data = np.asarray(target.detach()._data if isinstance(target, Tensor) else target)
    if data.dtype.kind in "iu" and data.size == len(output) and data.ndim <= 1:
        classes = data.reshape(-1)
        if classes.size and classes.min() >= 0 and classes.max() < output.shape[1]:
            one_hot: np.ndarray = np.eye(output.shape[1], dtype=output.dtype)[classes]
            return one_hot
    elif data.size == output.size:
        return data.reshape(output.shape).astype(output.dtype)
    raise ShapeError(
        describe(
            "the target doesn't fit what comes out",
            where=here(),
            target=f"{data.shape} {data.dtype}",
            output=f"{output.shape} {output.dtype}",
            fix="classes (n,) from 0, or values of the output's shape",
            code="target-does-not-fit",
        )
    )


def _backward(output: Tensor, target: np.ndarray, cost: Cost) -> tuple[np.ndarray, dict[Node, np.ndarray]]:
    """The cost of each sample, and the gradient of their sum at every node: samples don't touch each other."""
    costs = [cost(output[i : i + 1], target[i : i + 1]) for i in range(len(target))]
    total = sum(costs[1:], costs[0])
    found: dict[Node, np.ndarray] = {}

    def visit(node: Node, g: Any) -> None:
        found[node] = np.asarray(g)

    root = total._node
    assert root is not None
    nodes, _ = recorded_nodes([root])
    with recording(False):
        sweep(nodes, {root: np.ones(root.out.shape, root.out.dtype)}, visit=visit)
    return np.array([each.item() for each in costs]), found


def _with_wants(layer: Layer, sums: Node, last: Node, cotangents: dict[Node, np.ndarray]) -> Layer:
    wants, pulls = (-cotangents.get(node, np.zeros_like(node.out)) for node in (last, sums))
    return Layer(layer.name, layer.weight, layer.bias, layer.sums, layer.output, layer.words, wants, pulls)
