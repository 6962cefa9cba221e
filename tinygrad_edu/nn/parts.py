"""What layers are made of: activations by name, initial parameters, and how a layer names itself in an error."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tinygrad_edu import functional
from tinygrad_edu.errors import DataError, DtypeError, ShapeError, describe
from tinygrad_edu.handle import get_default_dtype
from tinygrad_edu.memory import label
from tinygrad_edu.nn.init import Initialiser, find
from tinygrad_edu.nn.module import Module
from tinygrad_edu.node import here, state
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, from_numpy

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

Function = Callable[..., Any]

ACTIVATIONS: Final[dict[str, Function | None]] = {
    "sigmoid": functional.sigmoid,
    "tanh": functional.tanh,
    "relu": functional.relu,
    "softmax": functional.softmax,
    "identity": None,
    "log_sigmoid": functional.logsigmoid,
    **{
        name: getattr(functional, name)
        for name in (
            "log_softmax", "leaky_relu", "relu6", "elu", "selu", "celu", "gelu", "silu", "mish", "softplus", "softsign",
            "hardtanh", "hardsigmoid", "hardswish", "tanhshrink",
        )
    },
}  # fmt: skip


def find_activation(activation: str | Function | None) -> Function | None:
    """The activation of that name, or the function itself; None for the identity.

    Raises DataError for an unknown name, DtypeError for what is neither name nor function.

    >>> find_activation("relu")
    <op relu: max(x, 0)>
    """
    if activation is None or callable(activation):
        return activation
    if not isinstance(activation, str):
        raise DtypeError(
            describe(
                f"an activation is a name or a function, not {activation!r}",
                where=here(),
                fix='"relu" or tg.relu',
                code="not-callable",
            )
        )
    if activation not in ACTIVATIONS:
        raise DataError(
            describe(
                f"no activation is called {activation!r}",
                where=here(),
                fix="one of " + ", ".join(ACTIVATIONS) + ", or a function",
                code="unknown-choice",
            )
        )
    return ACTIVATIONS[activation]


def function_name(function: Function) -> str:
    """What to call a function in a drawing or an error."""
    return getattr(function, "__name__", None) or type(function).__name__


def parameter(array: np.ndarray, shape: tuple[int, ...], dtype: np.dtype[Any]) -> Tensor:
    """A leaf on a copy of what an initialiser gave. Raises ShapeError where its shape is wrong."""
    array = np.array(array, dtype)
    if array.shape != shape:
        raise ShapeError(
            describe(
                f"the initialiser gave shape {array.shape}, not {shape}", where=here(), code="wrong-shape-returned"
            )
        )
    return from_numpy(array, requires_grad=True)


def dtype_of(dtype: DTypeLike | None) -> np.dtype[Any]:
    """The dtype of a layer's parameters: the given one, or the default float."""
    return np.dtype(get_default_dtype() if dtype is None else dtype)


def drawn(
    init: str | Initialiser | None, activation: Function | None, shape: tuple[int, ...], rng: Rng, dtype: np.dtype[Any]
) -> Tensor:
    """An initial weight: by default he_uniform where relu follows, else xavier_uniform."""
    if init is None:
        init = "he_uniform" if activation is functional.relu else "xavier_uniform"
    return parameter(find(init)(generator(rng), shape, dtype), shape, dtype)


def name_of(module: Module) -> str:
    """The path of the module that is running, or its label if it has none."""
    scope = state().scope
    return (scope.path if scope is not None else "") or module._label()


def misfit(module: Module, x: Tensor, expected: str, fix: str) -> ShapeError:
    """The error for an input that the layer can't take."""
    facts = {"where": here(), "input": label(x), "fix": fix}
    return ShapeError(describe(f"{name_of(module)} expects {expected}, got {x.shape}", **facts, code="layer-input"))


def with_activation(text: str, activation: Function | None) -> str:
    """A layer's label, with the activation behind it."""
    return text if activation is None else f"{text} + {function_name(activation)}"
