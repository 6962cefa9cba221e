"""Layers of neurons: Linear, and Sequential and MLP, which chain layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu import functional
from tinygrad_edu.errors import DataError, DtypeError, ShapeError, describe
from tinygrad_edu.functional.checks import whole
from tinygrad_edu.nn.init import Initialiser
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parts import (
    Function,
    drawn,
    dtype_of,
    find_activation,
    misfit,
    parameter,
    with_activation,
)
from tinygrad_edu.node import here
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike


class Linear(Module):
    """y = activation(x @ weight + bias): a layer of neurons, each a weighted sum, a bias and an activation.

    in_features, out_features   how many numbers come in and go out: x (…, in) gives y (…, out)
    bias                        False for none
    activation                  a name (sigmoid, tanh, relu, softmax, identity), a function, or None
    init                        for the weight: a name or a function of `tinygrad_edu.nn.init`; by default he_uniform
                                with relu, else xavier_uniform. The bias starts at zero.
    rng                         a seed or a `numpy.random.Generator`. Layers with the same seed and sizes start with
                                the same weights: pass one generator to all layers of a network.
    dtype                       of the parameters; the default float

    `weight` is (in, out), so that the formula is the code; PyTorch keeps the transpose, (out, in).

    Raises ShapeError for an input whose last side isn't `in_features`.

    >>> layer = Linear(2, 3, activation="tanh")
    >>> layer(np.ones((5, 2))).shape
    (5, 3)
    >>> layer
    Linear(2 → 3) + tanh
      weight  (2, 3)  6
      bias    (3,)    3
    9 parameters
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        activation: str | Function | None = None,
        init: str | Initialiser | None = None,
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        sizes = (whole(in_features, "in_features"), whole(out_features, "out_features"))
        dtype = dtype_of(dtype)
        self.activation = find_activation(activation)
        self.weight = drawn(init, self.activation, sizes, rng, dtype)
        self.bias = parameter(np.zeros(sizes[1], dtype), sizes[1:], dtype) if bias else None

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {
            "in_features": self.in_features,
            "out_features": self.out_features,
            "bias": self.bias is not None,
            "activation": self.activation,
            "dtype": str(self.weight.dtype),
        }

    @property
    def in_features(self) -> int:
        """How many numbers come in."""
        return self.weight.shape[0]

    @property
    def out_features(self) -> int:
        """How many numbers go out."""
        return self.weight.shape[1]

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output, (…, in) -> (…, out)."""
        if x.__class__ is not Tensor:
            x = as_tensor(x)
        try:
            z = x @ self.weight
        except ShapeError:  # asked afterwards, so that a fitting input pays nothing
            raise self._misfit(x) from None
        if self.bias is not None:
            z = z + self.bias
        return z if self.activation is None else self.activation(z)

    def _misfit(self, x: Tensor) -> ShapeError:
        if x.ndim > 2 and int(np.prod(x.shape[1:])) == self.in_features:
            fix = f"x.reshape(len(x), {self.in_features})"
        elif x.ndim == 2 and x.shape[0] == self.in_features:
            fix = "x.T: samples are rows"
        else:
            fix = "the last side of the input must be in_features"
        return misfit(self, x, f"(…, {self.in_features})", fix)

    def _label(self) -> str:
        return with_activation(f"Linear({self.in_features} → {self.out_features})", self.activation)


class Bilinear(Module):
    """Σ x₁ᵢ · weight[o, i, j] · x₂ⱼ + bias[o]: (…, in₁), (…, in₂) -> (…, out).

    The settings are those of `Linear`; without `init` the weight is drawn evenly from ±1 / √in₁, as in PyTorch.

    >>> Bilinear(2, 3, 4)(np.ones((5, 2)), np.ones((5, 3))).shape
    (5, 4)
    """

    def __init__(
        self,
        in1_features: int,
        in2_features: int,
        out_features: int,
        bias: bool = True,
        init: str | Initialiser | None = None,
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        named = {"out_features": out_features, "in1_features": in1_features, "in2_features": in2_features}
        shape = tuple(whole(size, name) for name, size in named.items())
        dtype, random, bound = dtype_of(dtype), generator(rng), shape[1] ** -0.5

        def evenly(rng: Rng, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
            return generator(rng).uniform(-bound, bound, shape).astype(dtype)

        self.weight = drawn(evenly if init is None else init, None, shape, random, dtype)
        self.bias = parameter(np.zeros(shape[0], dtype), shape[:1], dtype) if bias else None

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        out, first, second = self.weight.shape
        sizes = {"in1_features": first, "in2_features": second, "out_features": out}
        return {**sizes, "bias": self.bias is not None, "dtype": str(self.weight.dtype)}

    def forward(self, x1: Tensor | ArrayLike, x2: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.bilinear(x1, x2, self.weight, self.bias)

    def _label(self) -> str:
        out, first, second = self.weight.shape
        return f"Bilinear({first} × {second} → {out})"


class Sequential(Module):
    """Modules and functions, one after the other; they become the attributes layer1, layer2, …

    Also indexed: `model[0]` is the first one. Raises DtypeError for what can't be called.

    >>> from tinygrad_edu.functional import tanh
    >>> rng = np.random.default_rng(0)
    >>> model = Sequential(Linear(2, 3, rng=rng), tanh, Linear(3, 1, rng=rng))
    >>> model(np.ones((5, 2))).shape
    (5, 1)
    >>> model[0] is model.layer1
    True
    """

    def __init__(self, *layers: Module | Function) -> None:
        self._chain(layers)

    def _chain(self, layers: Iterable[Module | Function]) -> None:
        self._names: tuple[str, ...] = ()
        for number, layer in enumerate(layers, 1):
            if not callable(layer):
                raise DtypeError(
                    describe(
                        f"layer {number} of Sequential is {type(layer).__name__}, which can't be called",
                        where=here(),
                        fix="modules or functions; Sequential(*layers) for a list",
                        code="not-callable",
                    )
                )
            setattr(self, f"layer{number}", layer)
            self._names += (f"layer{number}",)

    @property
    def layers(self) -> tuple[Module | Function, ...]:
        """The modules and functions, in order."""
        return tuple(getattr(self, name) for name in self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __getitem__(self, index: int) -> Any:
        return getattr(self, self._names[index])

    def forward(self, x: Any) -> Any:
        """What the last layer gives."""
        for name in self._names:
            x = getattr(self, name)(x)
        return x


class MLP(Sequential):
    """Layers of neurons, each connected with all of the layer before: a Sequential of Linear layers.

    sizes               numbers of neurons, from the input to the output: [784, 16, 16, 10]
    activation          of every layer: a name (sigmoid, tanh, relu, softmax, identity), a function, or None
    output_activation   of the last layer; "same" as the others, as in 3Blue1Brown's network. None gives the bare
                        sums: what `cross_entropy` takes, and what suits relu.
    rng                 a seed or a `numpy.random.Generator`, drawn from layer by layer
    dtype               of the parameters; the default float. np.float32 trains faster.
    init                as for `Linear`

    Raises DataError for fewer than two sizes, or a size below 1.

    >>> MLP([784, 16, 16, 10])
    MLP(784 → 16 → 16 → 10)
      layer1  Linear(784 → 16) + sigmoid  12,560
      layer2  Linear(16 → 16) + sigmoid      272
      layer3  Linear(16 → 10) + sigmoid      170
    13,002 parameters
    """

    def __init__(
        self,
        sizes: Sequence[int],
        activation: str | Function | None = "sigmoid",
        output_activation: str | Function | None = "same",
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
        init: str | Initialiser | None = None,
    ) -> None:
        if isinstance(sizes, int) or len(sizes) < 2:
            raise DataError(
                describe(
                    f"an MLP needs at least two sizes, of its input and of its output, not {sizes}",
                    where=here(),
                    fix="MLP([784, 16, 16, 10])",
                    code="too-few-sizes",
                )
            )
        random = generator(rng)
        last = activation if output_activation == "same" else output_activation
        activations = [activation] * (len(sizes) - 2) + [last]
        self._chain(
            Linear(inputs, outputs, activation=chosen, init=init, rng=random, dtype=dtype)
            for inputs, outputs, chosen in zip(sizes[:-1], sizes[1:], activations, strict=True)
        )

    def _label(self) -> str:
        layers = [layer for layer in self.layers if isinstance(layer, Linear)]
        return f"MLP({' → '.join(str(size) for size in (layers[0].in_features, *(x.out_features for x in layers)))})"
