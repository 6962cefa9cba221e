"""Small graphs that the tests of drawings share. Modules here are made of scopes alone, without `nn`."""

import os
import shutil

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.node import Scope

# In CI nothing is skipped: there a missing `dot` is a failure.
needs_dot = pytest.mark.skipif(
    shutil.which("dot") is None and not os.environ.get("CI"), reason="Graphviz's program `dot` isn't installed"
)


class FakeModule:
    """What drawings ask of a module: its parameters by path."""

    def __init__(self, **parameters):
        self.parameters = {path.replace("__", "."): tensor for path, tensor in parameters.items()}

    def named_parameters(self):
        return iter(self.parameters.items())


def leaf(value, name=None):
    return tg.Tensor(value, requires_grad=True, name=name)


def scalars():
    """L = (a·b + a)², the expression of the drawing that teaches the chain rule."""
    a, b = leaf(2.0, "a"), leaf(-3.0, "b")
    L = (a * b + a) ** 2
    return L, {"L": L, "a": a, "b": b}


def mlp_with_mse(samples=1):
    """The 2-3-1 network with tanh and squared error of the mock-up: (loss, named tensors)."""
    W1, b1 = leaf([[0.8, -0.6, 0.3], [-0.5, 0.4, 0.9]]), leaf([0.1, -0.2, 0.0])
    W2, b2 = leaf([[0.7], [-1.1], [0.5]]), leaf([0.05])
    x, y = tg.Tensor([[0.5, -1.0]] * samples), tg.Tensor([[0.25]] * samples)
    model = FakeModule(layer1__weight=W1, layer1__bias=b1, layer2__weight=W2, layer2__bias=b2)
    with Scope("", "module", lambda: "MLP(2 → 3 → 1)", model):
        with Scope("layer1", "module", lambda: "Linear(2 → 3) + tanh", FakeModule(weight=W1, bias=b1)):
            a1 = tg.tanh(x @ W1 + b1)
        with Scope("layer2", "module", lambda: "Linear(3 → 1)", FakeModule(weight=W2, bias=b2)):
            prediction = a1 @ W2 + b2
    with Scope("mse_loss", "loss", lambda: "mse_loss(prediction, target)"):
        loss = tg.mean((prediction - y) ** 2)
    return loss, {"x": x, "y": y, "W1": W1, "b1": b1, "W2": W2, "b2": b2, "a1": a1, "prediction": prediction}


def blocks(count, each=10, named=""):
    """A residual network: `count` modules of `each` operations and one parameter, each adding to what came in."""
    x = tg.Tensor(np.ones(3))
    weights = [leaf(np.full(3, 0.5)) for _ in range(count)]
    model = FakeModule(**{f"block{i}__weight": w for i, w in enumerate(weights)})
    with Scope(named, "module", lambda: f"Residual({count})", model):
        for i, weight in enumerate(weights):
            with Scope(f"block{i}", "module", lambda: "Block(3)", FakeModule(weight=weight)):
                h = x * weight
                for _ in range(each - 2):
                    h = tg.tanh(h)
                x = x + h
    return x.sum()


def random_network(seed):
    """Layers in modules, with skips, shared weights, constants and a loss, at random."""
    rng = np.random.default_rng(seed)
    weights = [leaf(np.full(3, 0.5), f"w{i}") for i in range(3)]
    values = [tg.Tensor(np.ones((2, 3)), name="x") * weights[0]]
    for i in range(int(rng.integers(2, 8))):
        with Scope(f"m{i}", "module", lambda: "Module()", FakeModule()):
            for _ in range(int(rng.integers(1, 4))):
                a = values[int(rng.integers(len(values)))]
                b = [*values, *weights, tg.Tensor(np.ones(3))][int(rng.integers(len(values) + 4))]
                values.append([tg.add, tg.multiply, tg.maximum][int(rng.integers(3))](a, b))
    with Scope("mse_loss", "loss", lambda: "mse_loss(prediction, target)"):
        return ((values[-1] - tg.Tensor(np.zeros(3))) ** 2).mean()


def draw_with_names(output, names, **options):
    """The picture of one of the graphs above."""
    return tg.draw(output, names={**(names or {}), "loss": output}, **options)
