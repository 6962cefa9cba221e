"""What a mistake of the laboratory is: a wrong derivative rule, or a wrong program, in the middle of a small network.

Knows networks, and how to seed a mistake; must not know how mistakes are found.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from tinygrad_edu.custom import custom_op
from tinygrad_edu.nn import Linear, Module
from tinygrad_edu.op import Op
from tinygrad_edu.ops.elementwise import sigmoid, square, tanh
from tinygrad_edu.ops.reduction import mean
from tinygrad_edu.tensor import Tensor

SIDES = (2, 3, 4, 5)  # lengths that a letter of a shape may stand for; p is at least 3


class Program(NamedTuple):
    """Something to check: `f(*inputs)` gives one number as a Tensor; `network` is the module that f calls."""

    f: Callable[..., Tensor]
    inputs: tuple[np.ndarray, ...]
    network: Module | None = None

    def run(self) -> tuple[Tensor, list[Tensor]]:
        """The output and the inputs it was computed from, as leaves."""
        tensors = [Tensor(array, requires_grad=True) for array in self.inputs]
        return self.f(*tensors), tensors


class Argument(NamedTuple):
    """An array argument: its shape in letters, such as "n k", and the interval in which its elements lie."""

    shape: str = "n k"
    low: float = -2.0
    high: float = 2.0


@dataclass(frozen=True)
class WrongRule:
    """An op whose rule for the argument at `position` is wrong.

    name       of the mistake, and with underscores of the op
    forward    an expression in x, y, z (and the names of the parameters)
    rules      the right rule of each argument, expressions in g and out too; None where there is no derivative
    wrong      the mistaken rule of the argument at `position`, None for a rule that was left out
    says       the names of the diagnoses that are right
    arguments  shape and interval of each argument
    params     a function of a generator and of the lengths of the letters, giving the op's parameters
    """

    name: str
    forward: str
    rules: tuple[str | None, ...]
    wrong: str | None
    says: frozenset[str]
    arguments: tuple[Argument, ...] = (Argument(),)
    position: int = 0
    kind: str = "elementwise"
    params: Callable[[np.random.Generator, Mapping[str, int]], dict[str, Any]] = field(default=lambda rng, sides: {})

    @property
    def op_name(self) -> str:
        """The name of the op that has the mistake."""
        return self.name.replace("-", "_")

    @property
    def source(self) -> str:
        """The op with its mistake, as Python code: what a learner is shown."""
        return self._source(mistaken=True)

    @property
    def correction(self) -> str:
        """The op as it should be, as Python code."""
        return self._source(mistaken=False)

    def op(
        self, mistaken: bool = True, params: Mapping[str, Any] | None = None, rule: Callable[..., Any] | None = None
    ) -> Op:
        """Make the op, with its mistake or without, or with another rule in the place of the wrong one."""
        names = list(params if params is not None else self.params(np.random.default_rng(0), _AnySide()))
        arguments = f"{self._letters()}{_keywords(names)}"
        rules: list[Callable[..., Any] | None] = [
            None if text is None else _function(f"g, out, {arguments}", text) for text in self._rules(mistaken)
        ]
        if rule is not None:
            rules[self.position] = rule
        return custom_op(self.op_name, _function(arguments, self.forward), vjps=rules, kind=self.kind)

    def program(
        self,
        seed: int = 0,
        dtype: DTypeLike = np.float64,
        mistaken: bool = True,
        rule: Callable[..., Any] | None = None,
    ) -> Program:
        """A small network with the op in its middle, and inputs for it. Shapes and numbers come from `seed`.

        rule   for the argument at `position`, in place of the wrong one
        """
        rng = np.random.default_rng(seed)
        sides = {letter: int(rng.choice(SIDES)) for letter in "kmn"} | {"p": int(rng.choice(SIDES[1:]))}
        shapes = [tuple(sides[letter] for letter in argument.shape.split()) for argument in self.arguments]
        params = self.params(rng, sides)
        network = Network(self.op(mistaken, params, rule), params, self.arguments, shapes, rng, dtype)
        inputs = tuple(rng.normal(size=network.input_shape(shape)).astype(dtype) for shape in shapes)
        return Program(lambda *tensors: network(*tensors), inputs, network)

    def _letters(self) -> str:
        return ", ".join("xyz"[: len(self.rules)])

    def _rules(self, mistaken: bool) -> list[str | None]:
        rules = list(self.rules)
        if mistaken:
            rules[self.position] = self.wrong
        return rules

    def _source(self, mistaken: bool) -> str:
        names = list(self.params(np.random.default_rng(0), _AnySide()))
        arguments = f"{self._letters()}{_keywords(names)}"
        rules = ["None" if rule is None else f"lambda g, out, {arguments}: {rule}" for rule in self._rules(mistaken)]
        return "\n".join(
            [
                f"{self.op_name} = tg.custom_op(",
                f'    "{self.op_name}",',
                f"    forward=lambda {arguments}: {self.forward},",
                "    vjps=(",
                *(f"        {rule}," for rule in rules),
                "    ),",
                f'    kind="{self.kind}",',
                ")",
            ]
        )


@dataclass(frozen=True)
class WrongProgram:
    """A program whose every rule is right, and whose gradient is wrong all the same.

    text    a function `f` of its inputs, as Python code; tg and np are known
    wrong   the part of the text that is the mistake; `right` is what should stand there
    lines   those of the text that a report may name
    says    the names of the causes that are right
    inputs  a function of a generator, giving the inputs
    """

    name: str
    text: str
    wrong: str
    right: str
    says: frozenset[str]
    inputs: Callable[[np.random.Generator], tuple[np.ndarray, ...]]
    lines: tuple[int, ...]

    @property
    def sites(self) -> tuple[str, ...]:
        """`name.py:3` for each of the lines."""
        return tuple(f"{self.name}.py:{line}" for line in self.lines)

    @property
    def source(self) -> str:
        """The program with its mistake: what a learner is shown."""
        return self.text.strip() + "\n"

    @property
    def correction(self) -> str:
        """The program as it should be."""
        return self.source.replace(self.wrong, self.right)

    def program(
        self, seed: int = 0, dtype: DTypeLike = np.float64, mistaken: bool = True, text: str | None = None
    ) -> Program:
        """The program, and inputs for it. Numbers come from `seed`.

        text   the program, in place of the wrong one
        """
        rng = np.random.default_rng(seed)
        code = compile(text or (self.source if mistaken else self.correction), f"{self.name}.py", "exec")
        names: dict[str, Any] = {"np": np, "tg": import_module("tinygrad_edu")}
        exec(code, names)
        return Program(names["f"], tuple(array.astype(dtype) for array in self.inputs(rng)))


# --- the network ---------------------------------------------------------------------------------------------


class Encode(Module):
    """Brings an input into the interval of an argument, low + (high − low)·σ(…); a matrix through a layer first."""

    def __init__(self, argument: Argument, shape: tuple[int, ...], rng: np.random.Generator, dtype: Any) -> None:
        self.low, self.high = argument.low, argument.high
        self.dense = Linear(3, shape[1], rng=rng, dtype=dtype) if len(shape) == 2 else None
        self.gain = Tensor(rng.uniform(0.8, 1.2, shape[1:]).astype(dtype), requires_grad=True)

    def forward(self, x: Tensor) -> Tensor:
        """An array of the argument's shape."""
        h = x if self.dense is None else self.dense(x)
        return self.low + (self.high - self.low) * sigmoid(h * self.gain)


class Middle(Module):
    """Calls the op."""

    def __init__(self, op: Op, params: Mapping[str, Any]) -> None:
        self.op, self.params = op, dict(params)

    def forward(self, *arguments: Tensor) -> Tensor:
        """What the op gives."""
        return self.op(*arguments, **self.params)


class Decode(Module):
    """One number: the mean of tanh(½ y), squared after a shift, so that every element matters differently."""

    def __init__(self, dtype: Any) -> None:
        self.shift = Tensor(np.asarray(0.3, dtype), requires_grad=True)

    def forward(self, y: Tensor) -> Tensor:
        """A Tensor of shape ()."""
        return mean(square(tanh(y * 0.5) + self.shift))


class Network(Module):
    """One encoder for each argument, the op in the middle, and the decoder."""

    def __init__(
        self,
        op: Op,
        params: Mapping[str, Any],
        arguments: tuple[Argument, ...],
        shapes: list[tuple[int, ...]],
        rng: np.random.Generator,
        dtype: Any,
    ) -> None:
        self.encoders: list[Encode] = []
        for place, (argument, shape) in enumerate(zip(arguments, shapes)):
            encoder = Encode(argument, shape, rng, dtype)
            setattr(self, f"encode{place}", encoder)
            self.encoders.append(encoder)
        self.middle = Middle(op, params)
        self.decode = Decode(dtype)

    @staticmethod
    def input_shape(shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of the input from which an argument of `shape` is made."""
        return (shape[0], 3) if len(shape) == 2 else shape

    def forward(self, *inputs: Tensor) -> Tensor:
        """The loss."""
        arguments = (encoder(x) for encoder, x in zip(self.encoders, inputs))
        loss: Tensor = self.decode(self.middle(*arguments))
        return loss


# --- rules from text -----------------------------------------------------------------------------------------


def _put(x: np.ndarray, index: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Zeros like x with g written at `index`: of several writes to one place the last remains."""
    result = np.zeros_like(x)
    result[index] = g
    return result


def _add_at(x: np.ndarray, index: np.ndarray, g: np.ndarray) -> np.ndarray:
    """Zeros like x with g added at `index`."""
    result = np.zeros_like(x)
    np.add.at(result, index, g)
    return result


def _softmax(x: np.ndarray) -> np.ndarray:
    e = np.exp(x - np.max(x, axis=-1, keepdims=True))
    return np.asarray(e / np.sum(e, axis=-1, keepdims=True))


VOCABULARY = {"np": np, "put": _put, "add_at": _add_at, "softmax": _softmax}


def _function(arguments: str, expression: str) -> Callable[..., Any]:
    """The function that the text shown to the learner says; the texts are those of this package."""
    made: Callable[..., Any] = eval(f"lambda {arguments}: {expression}", dict(VOCABULARY))
    return made


def _keywords(names: list[str]) -> str:
    return "".join(f", {name}" for name in names)


class _AnySide(dict[str, int]):
    """Gives each letter the length 3."""

    def __missing__(self, letter: str) -> int:
        return 3
