"""BP1–BP4 for a network of layers: δ and the gradients by the book's formulas, in plain NumPy, and by the engine.

The formulas are those of Nielsen's "Neural Networks and Deep Learning", chapter 2, and of 3Blue1Brown's videos: vectors
are columns, and w is (outputs, inputs). Nothing of the engine is used to evaluate them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tinygrad_edu.autodiff import gradients
from tinygrad_edu.errors import DataError, DtypeError, GradientError, describe
from tinygrad_edu.files import write_atomically
from tinygrad_edu.functional import mse_loss, relu, sigmoid, tanh
from tinygrad_edu.nn import Linear, Module, Sequential
from tinygrad_edu.node import Node, here, recording
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_of_node

if TYPE_CHECKING:
    import os

    from numpy.typing import ArrayLike

CONSTANTS: Final = {"3blue1brown": 2.0, "nielsen": 1.0}  # in ∇ₐC = constant · (a − y)
SHOWN: Final = "3blue1brown"  # the cost whose numbers are printed; the other's are half of them
TITLES: Final = {
    "3blue1brown": "C = Σ (a − y)², as in 3Blue1Brown's videos",
    "nielsen": "C = ½ Σ (y − a)², as in Nielsen's book",
}
TOLERANCE = 1e3  # in units of the last place of the largest number; sums of a few hundred terms differ by less


def _sigmoid(z: np.ndarray) -> np.ndarray:
    e = np.exp(-np.abs(z))  # never above 1
    return np.asarray(np.where(z >= 0, 1 / (1 + e), e / (1 + e)))


# name -> what it is, its derivative, and how the derivative is written
ACTIVATIONS: Final[dict[str, tuple[Callable[..., Any], Callable[..., Any], str]]] = {
    "sigmoid": (_sigmoid, lambda z: _sigmoid(z) * _sigmoid(-z), "σ(z)(1 − σ(z))"),
    "tanh": (np.tanh, lambda z: 1 - np.tanh(z) ** 2, "1 − tanh²(z)"),
    "relu": (lambda z: np.where(z > 0, z, 0.0), lambda z: np.where(z > 0, 1.0, 0.0), "1 where z > 0, else 0"),
    "identity": (lambda z: z, np.ones_like, "1"),
}
_BY_FUNCTION: Final = {id(sigmoid): "sigmoid", id(tanh): "tanh", id(relu): "relu"}


@dataclass(frozen=True, eq=False)
class Equation:
    """One quantity, by one of the four equations and by the engine.

    number      BP1, BP2, BP3 or BP4
    layer       of which layer, counted from 1
    left        what it is: δ², ∂C/∂b², ∂C/∂w²
    right       the formula: ((w³)ᵀ δ³) ⊙ σ′(z²)
    by_formula  the formula's value. A δ has one column for each sample; gradients are averages over the samples
    by_engine   the engine's, turned as the formulas have it
    parts       the arrays of the formula, for one sample: name and value, in the order in which they are written
    """

    number: str
    layer: int
    left: str
    right: str
    by_formula: np.ndarray
    by_engine: np.ndarray
    parts: tuple[tuple[str, np.ndarray], ...]

    @property
    def difference(self) -> float:
        """The largest difference between the two."""
        return float(np.max(np.abs(self.by_formula - self.by_engine), initial=0.0))

    @property
    def agrees(self) -> bool:
        """Whether they differ by rounding only."""
        eps = float(np.finfo(self.by_engine.dtype).eps)
        largest = max(float(np.max(np.abs(self.by_formula), initial=0.0)), 1e-30)
        return bool(self.difference <= TOLERANCE * eps * largest)


@dataclass(frozen=True, eq=False)
class FourEquations:
    """The four equations for a network and some samples. Prints and draws itself.

    network      what the network is called
    samples      how many there are; costs and gradients are averages over them
    activations  of the layers, by name
    costs        the cost of the network, by convention: "3blue1brown" and "nielsen"
    equations    by convention: from the last layer to the first, BP1 or BP2, then BP3 and BP4
    """

    network: str
    samples: int
    activations: tuple[str, ...]
    costs: dict[str, float]
    equations: dict[str, tuple[Equation, ...]]

    @property
    def largest_difference(self) -> float:
        """The largest difference between a formula and the engine, over all equations and both conventions."""
        return max(equation.difference for both in self.equations.values() for equation in both)

    def __bool__(self) -> bool:
        return all(equation.agrees for both in self.equations.values() for equation in both)

    def __getitem__(self, left: str) -> Equation:
        """The equation of a quantity by 3Blue1Brown's convention: `report["δ2"]`, `report["w1"]`, `report["b1"]`."""
        wanted = left.translate(SUPERSCRIPTS).replace("∂C/∂", "")
        for equation in self.equations["3blue1brown"]:
            if equation.left.replace("∂C/∂", "") == wanted:
                return equation
        known = ", ".join(equation.left for equation in self.equations["3blue1brown"])
        raise DataError(
            describe(f"no equation is about {left!r}", where=here(), known=known, code="four-equations-quantity")
        )

    def __str__(self) -> str:
        from tinygrad_edu.equations.text import table

        return table(self)

    __repr__ = __str__

    def to_svg(self) -> str:
        """Every equation with its arrays drawn as tables of numbers, for the first sample."""
        from tinygrad_edu.equations.picture import svg

        return svg(self)

    def to_html(self) -> str:
        """The picture in a page of its own."""
        from tinygrad_edu.equations.picture import page

        return page(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture (.svg, .html) or the table (.txt) to `path`, by its suffix, and give the path back."""
        target = Path(path)
        writers: dict[str, Callable[[], str]] = {
            ".svg": self.to_svg,
            ".html": self.to_html,
            ".txt": lambda: f"{self}\n",
        }
        write = writers.get(target.suffix.lower())
        if write is None:
            raise DataError(
                describe(
                    f"can't tell from its suffix what {target} should be",
                    where=here(),
                    known=" ".join(writers),
                    fix='report.save("equations.html")',
                    code="wrong-file-type",
                )
            )
        return write_atomically(target, write())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.to_svg(), "text/plain": str(self)}


SUPERSCRIPTS: Final = str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹")


def power(layer: int) -> str:
    """The number of a layer, raised."""
    return str(layer).translate(SUPERSCRIPTS)


@dataclass(frozen=True, eq=False)
class _Layer:
    """A layer: its parameters, its activation by name, and the nodes of its weighted input and its output."""

    linear: Linear
    activation: str
    z: Node
    a: Node


def four_equations(network: Module, x: Tensor | ArrayLike, y: Tensor | ArrayLike) -> FourEquations:
    """δ of every layer, ∂C/∂b and ∂C/∂w by the four equations of backpropagation, and by the engine.

    network   an MLP, or a Sequential of Linear layers and activations (sigmoid, tanh, relu, none)
    x, y      samples and the wanted outputs, (n, inputs) and (n, outputs); one sample may be a vector

    BP1  δᴸ = ∇ₐC ⊙ σ′(zᴸ)                 BP3  ∂C/∂bˡ = δˡ
    BP2  δˡ = ((wˡ⁺¹)ᵀ δˡ⁺¹) ⊙ σ′(zˡ)      BP4  ∂C/∂wˡ = δˡ (aˡ⁻¹)ᵀ

    The cost of a sample is Σ (a − y)², as in 3Blue1Brown's videos, and half of it, as in Nielsen's book: both are
    computed. Of several samples it is the average, and so are ∂C/∂b and ∂C/∂w. The formulas are evaluated in float64
    by NumPy alone, for column vectors; nothing of the engine takes part.

    Raises DataError for a network that isn't a chain of such layers, ShapeError where x or y doesn't fit it.
    Source: M. Nielsen, Neural Networks and Deep Learning (2015), chapter 2.

    >>> import tinygrad_edu as tg
    >>> report = four_equations(tg.nn.MLP([2, 3, 1]), [[0.5, -1.0]], [[1.0]])
    >>> bool(report), report["δ1"].by_formula.shape, report["w1"].right
    (True, (3, 1), 'δ¹ (a⁰)ᵀ')
    """
    inputs, target = as_tensor(x), as_tensor(y)
    if inputs.ndim == 1:
        inputs, target = inputs.reshape(1, -1), target.reshape(1, -1)
    with recording(True):
        layers, output = _run(network, inputs)
        squares = mse_loss(output, target, reduction="batchmean")
        costs = {"3blue1brown": squares, "nielsen": squares / 2}
        return FourEquations(
            network=network._label(),
            samples=len(inputs),
            activations=tuple(layer.activation for layer in layers),
            costs={name: float(cost.item()) for name, cost in costs.items()},
            equations={
                name: tuple(_equations(layers, inputs._data, target._data, CONSTANTS[name], _by_engine(layers, cost)))
                for name, cost in costs.items()
            },
        )


# --- the network ---------------------------------------------------------------------------------------------


def _run(network: Module, x: Tensor) -> tuple[list[_Layer], Tensor]:
    """The layers of the network as they ran on x, and the output."""
    layers: list[_Layer] = []
    a = x
    for part in _parts(network):
        a = part(a)
        node: Node = a._node
        if isinstance(part, Linear):
            for name, parameter in part.named_parameters():
                if not parameter.requires_grad:
                    raise GradientError(
                        describe(
                            f"{name} of layer {len(layers) + 1} is frozen, so the engine has no gradient for it",
                            where=here(),
                            fix="parameter.requires_grad = True",
                            code="four-equations-frozen",
                        )
                    )
            activation = _name(part.activation)
            layers.append(_Layer(part, activation, node if activation == "identity" else node.inputs[0], node))
        elif layers and layers[-1].activation == "identity":
            last = layers.pop()
            layers.append(_Layer(last.linear, _name(part), last.z, node))
        else:
            raise _no_chain(f"an activation stands after {'another one' if layers else 'nothing'}")
    if not layers:
        raise _no_chain("it has no layers")
    return layers, a


def _parts(network: Any) -> Iterator[Any]:
    """The layers and functions of a network, those of inner Sequentials among them."""
    if isinstance(network, Sequential):
        for part in network.layers:
            yield from _parts(part)
    elif isinstance(network, Module) and not isinstance(network, Linear):
        raise _no_chain(f"it holds a {type(network).__name__}")
    elif callable(network):
        yield network
    else:
        what = f"four_equations needs a network, not {type(network).__name__}"
        raise DtypeError(describe(what, where=here(), fix="tg.nn.MLP([2, 3, 1])", code="four-equations-network"))


def _name(function: Any) -> str:
    """The activation by name. Raises DataError for one that the equations don't know."""
    if function is None:
        return "identity"
    if id(function) in _BY_FUNCTION:
        return _BY_FUNCTION[id(function)]
    raise _no_chain(
        f"its activation {getattr(function, '__name__', type(function).__name__)} isn't one of {', '.join(ACTIVATIONS)}"
    )


def _no_chain(why: str) -> DataError:
    return DataError(
        describe(
            "the four equations are about layers one after the other, each Linear and with an activation of its own",
            where=here(),
            why=why,
            fix="tg.nn.MLP([784, 16, 16, 10]), or Sequential(Linear(…), tg.sigmoid, …); tg.explain takes any network",
            code="four-equations-network",
        )
    )


# --- the two sides ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Found:
    """What the engine gives for a layer, turned as the formulas have it: one column of δ for each sample."""

    delta: np.ndarray
    b: np.ndarray | None
    w: np.ndarray


def _by_engine(layers: Sequence[_Layer], cost: Tensor) -> list[_Found]:
    """The engine's δ, ∂C/∂b and ∂C/∂w of each layer. The cost is an average, so the δ of a sample is n times ∂C/∂z."""
    samples = layers[0].z.out.shape[0]
    found = []
    for layer in layers:
        bias = layer.linear.bias
        wanted = [tensor_of_node(layer.z), layer.linear.weight, *([] if bias is None else [bias])]
        z, w, *b = (g.numpy() for g in gradients(cost, wanted) if g is not None)
        found.append(_Found(z.T * samples, b[0][:, None] if b else None, w.T))
    return found


def _equations(
    layers: Sequence[_Layer], x: np.ndarray, y: np.ndarray, constant: float, found: Sequence[_Found]
) -> Iterator[Equation]:
    """The equations from the last layer to the first."""
    w, a, slopes = _forward(layers, x)
    n, last = x.shape[0], len(layers)
    of_samples = "" if n == 1 else ", averaged over the samples"
    delta = np.zeros(0)
    for number in range(last, 0, -1):
        l, before, after = power(number), power(number - 1), power(number + 1)
        engine, slope = found[number - 1], slopes[number - 1]
        if number == last:
            error = constant * (a[-1] - np.asarray(y, np.float64).T)
            gradient = f"{'2' if constant == 2 else ''}(a{l} − y)"
            name, right = "BP1", f"{gradient} ⊙ σ′(z{l})"
            parts: tuple[tuple[str, np.ndarray], ...] = ((gradient, error[:, :1]), (f"σ′(z{l})", slope[:, :1]))
            delta = error * slope
        else:
            matrix = w[number].T
            name, right = "BP2", f"((w{after})ᵀ δ{after}) ⊙ σ′(z{l})"
            parts = ((f"(w{after})ᵀ", matrix), (f"δ{after}", delta[:, :1]), (f"σ′(z{l})", slope[:, :1]))
            delta = (matrix @ delta) * slope
        yield Equation(name, number, f"δ{l}", right, delta, engine.delta, parts)
        of_one = (f"δ{l}", delta[:, :1])
        if engine.b is not None:
            mean = delta.mean(axis=1, keepdims=True)
            yield Equation("BP3", number, f"∂C/∂b{l}", f"δ{l}{of_samples}", mean, engine.b, (of_one,))
        rows = a[number - 1].T
        right = f"δ{l} (a{before})ᵀ{of_samples}"
        parts = (of_one, (f"(a{before})ᵀ", rows[:1]))
        yield Equation("BP4", number, f"∂C/∂w{l}", right, delta @ rows / n, engine.w, parts)


def _forward(layers: Sequence[_Layer], x: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """The weights as (outputs, inputs), the activations a⁰ … aᴸ and the slopes σ′(z¹) … σ′(zᴸ), in columns."""
    w = [np.asarray(layer.linear.weight.data, np.float64).T for layer in layers]
    a, slopes = [np.asarray(x, np.float64).T], []
    with np.errstate(all="ignore"):
        for layer, matrix in zip(layers, w):
            bias = 0.0 if layer.linear.bias is None else np.asarray(layer.linear.bias.data, np.float64)[:, None]
            z = matrix @ a[-1] + bias
            function, derivative, _ = ACTIVATIONS[layer.activation]
            a.append(np.asarray(function(z)))
            slopes.append(np.asarray(derivative(z), np.float64))
    return w, a, slopes
