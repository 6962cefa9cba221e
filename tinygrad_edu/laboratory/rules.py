"""The wrong rules of the laboratory: one row each, the right rules beside the wrong one.

Knows nothing of how mistakes are found; `says` is what a good diagnosis is called.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_edu.laboratory.mistake import Argument, WrongRule


def _says(*names: str) -> frozenset[str]:
    return frozenset(names)


POSITIVE = Argument("n k", 0.4, 2.5)
VECTOR = Argument("n")
SQUARE = Argument("n n")
PAIR = (Argument(), Argument())
SQUARES = (SQUARE, SQUARE)


def _picks(rng: np.random.Generator, sides: Mapping[str, int]) -> dict[str, Any]:
    """An index along the first axis that names element 1 twice, among others."""
    return {"index": np.array([0, 1, *rng.integers(0, sides["n"], 2), 1])}


def _mask(rng: np.random.Generator, sides: Mapping[str, int]) -> dict[str, Any]:
    mask = rng.random((sides["n"], sides["k"])) < 0.5
    mask.flat[:2] = True, False
    return {"mask": mask}


RULES: tuple[WrongRule, ...] = (
    # --- signs and factors
    WrongRule("difference-without-minus", "x - y", ("g", "-g"), "g", _says("wrong-sign"), PAIR, position=1),
    WrongRule("reciprocal-without-minus", "1 / x", ("-g * out ** 2",), "g * out ** 2", _says("wrong-sign"),
              (POSITIVE,)),
    WrongRule("square-without-two", "x ** 2", ("g * 2 * x",), "g * x", _says("factor-half")),
    WrongRule("half-square-with-two", "0.5 * x ** 2", ("g * x",), "g * 2 * x", _says("factor-2")),
    WrongRule("root-without-two", "np.sqrt(x)", ("g / (2 * out)",), "g / out", _says("factor-2"), (POSITIVE,)),
    WrongRule("mean-without-count", "np.mean(x)", ("g * np.ones_like(x) / x.size",), "g * np.ones_like(x)",
              _says("factor-n"), kind="general"),
    WrongRule("sum-with-count", "np.sum(x, axis=0)", ("g * np.ones_like(x)",), "g * np.ones_like(x) / len(x)",
              _says("factor-one-over-n"), kind="general"),
    WrongRule("squared-error-without-count", "np.mean((x - y) ** 2)",
              ("g * 2 * (x - y) / x.size", "-g * 2 * (x - y) / x.size"), "g * 2 * (x - y)",
              _says("factor-n"), PAIR, kind="general"),
    WrongRule("log10-as-log", "np.log10(x)", ("g / (x * np.log(10))",), "g / x", _says("log-base-factor"), (POSITIVE,)),
    WrongRule("two-to-the-x-as-exp", "2.0 ** x", ("g * out * np.log(2)",), "g * out", _says("log-base-factor")),
    WrongRule("sine-of-degrees", "np.sin(x * np.pi / 180)", ("g * np.cos(x * np.pi / 180) * np.pi / 180",),
              "g * np.cos(x * np.pi / 180)", _says("degrees-for-radians"), (Argument("n k", -90, 90),)),
    # --- the chain rule
    WrongRule("tanh-passes-g", "np.tanh(x)", ("g * (1 - out ** 2)",), "g", _says("forgotten-chain-factor")),
    WrongRule("tanh-forgets-g", "np.tanh(x)", ("g * (1 - out ** 2)",), "1 - out ** 2",
              _says("forgotten-incoming-gradient")),
    WrongRule("exp-with-g-twice", "np.exp(x)", ("g * out",), "g * (g * out)", _says("incoming-gradient-twice")),
    WrongRule("sigmoid-value", "1 / (1 + np.exp(-x))", ("g * out * (1 - out)",), "g * out",
              _says("value-for-derivative")),
    WrongRule("sigmoid-of-input", "1 / (1 + np.exp(-x))", ("g * out * (1 - out)",), "g * x * (1 - x)",
              _says("input-for-output")),
    WrongRule("sigmoid-twice", "1 / (1 + np.exp(-x))", ("g * out * (1 - out)",),
              "g / (1 + np.exp(-out)) * (1 - 1 / (1 + np.exp(-out)))", _says("derivative-at-output")),
    WrongRule("tanh-plus", "np.tanh(x)", ("g * (1 - out ** 2)",), "g * (1 + out ** 2)", _says("wrong-term-sign")),
    WrongRule("sine-of-three-x", "np.sin(3 * x)", ("g * 3 * np.cos(3 * x)",), "g * np.cos(3 * x)",
              _says("constant-factor", "forgotten-inner-factor")),
    WrongRule("bell", "np.exp(-x ** 2)", ("g * out * -2 * x",), "g * out",
              _says("forgotten-inner-factor", "value-for-derivative")),
    WrongRule("sine-of-square", "np.sin(x ** 2)", ("g * np.cos(x ** 2) * 2 * x",), "g * np.cos(x ** 2)",
              _says("forgotten-inner-factor")),
    WrongRule("x-times-sine", "x * np.sin(x)", ("g * (np.sin(x) + x * np.cos(x))",), "g * np.sin(x)",
              _says("one-path-only")),
    WrongRule("cube-as-it-was", "x ** 3", ("g * 3 * x ** 2",), "g * 3 * x ** 3", _says("exponent-not-lowered")),
    WrongRule("arctan-as-arcsinh", "np.arctan(x)", ("g / (1 + x ** 2)",), "g / np.sqrt(1 + x ** 2)",
              _says("derivative-of-another-function")),
    # --- branches
    WrongRule("relu-inverted", "np.maximum(x, 0)", ("g * (x > 0)",), "g * (x < 0)", _says("inverted-mask")),
    WrongRule("leaky-relu-inverted", "np.where(x > 0, x, 0.1 * x)", ("np.where(x > 0, g, 0.1 * g)",),
              "np.where(x > 0, 0.1 * g, g)", _says("inverted-mask")),
    WrongRule("clip-without-bounds", "np.clip(x, -1, 1)", ("g * (np.abs(x) < 1)",), "g", _says("ignored-mask")),
    WrongRule("where-swapped", "np.where(mask, x, y)", ("np.where(mask, g, 0)", "np.where(mask, 0, g)"),
              "np.where(mask, 0, g)", _says("inverted-mask"), PAIR, params=_mask),
    WrongRule("max-to-all", "np.max(x, axis=-1)",
              ("g[..., None] * (x == np.max(x, axis=-1, keepdims=True))",), "g[..., None] * np.ones_like(x)",
              _says("gradient-to-all"), kind="general"),
    # --- axes and broadcasting
    WrongRule("bias-from-first-row", "x + y", ("g", "np.sum(g, axis=0)"), "g[0]", _says("forgotten-broadcast-sum"),
              (Argument(), Argument("k")), position=1, kind="general"),
    WrongRule("bias-mean", "x + y", ("g", "np.sum(g, axis=0)"), "np.mean(g, axis=0)", _says("factor-one-over-n"),
              (Argument(), Argument("k")), position=1, kind="general"),
    WrongRule("bias-not-summed", "x + y", ("g", "np.sum(g, axis=0)"), "g", _says("forgotten-broadcast-sum"),
              (Argument(), Argument("k")), position=1, kind="general"),
    WrongRule("rows-scaled-by-columns", "x * y[:, None]", ("g * y[:, None]", "np.sum(g * x, axis=1)"),
              "np.sum(g * x, axis=0)", _says("wrong-axis"), (SQUARE, VECTOR), position=1, kind="general"),
    WrongRule("row-sums-without-keepdims", "np.sum(x, axis=1)", ("g[:, None] * np.ones_like(x)",),
              "g * np.ones_like(x)", _says("wrong-axis"), (SQUARE,), kind="general"),
    # --- whole Jacobians
    WrongRule("softmax-diagonal", "softmax(x)", ("out * (g - np.sum(g * out, axis=-1, keepdims=True))",),
              "g * out * (1 - out)", _says("diagonal-only"), kind="general"),
    WrongRule("softmax-value", "softmax(x)", ("out * (g - np.sum(g * out, axis=-1, keepdims=True))",), "g * out",
              _says("value-for-derivative", "forgotten-term"), kind="general"),
    WrongRule("cumsum-not-reversed", "np.cumsum(x, axis=-1)", ("np.cumsum(g[..., ::-1], axis=-1)[..., ::-1]",),
              "np.cumsum(g, axis=-1)", _says("unreversed-cumsum"), kind="general"),
    WrongRule("variance-not-centred", "np.var(x)", ("g * 2 * (x - np.mean(x)) / x.size",), "g * 2 * x / x.size",
              _says("forgotten-shared-term"), kind="general"),
    WrongRule("unit-vector", "x / np.sqrt(np.sum(x ** 2))",
              ("(g - out * np.sum(g * out)) / np.sqrt(np.sum(x ** 2))",), "g / np.sqrt(np.sum(x ** 2))",
              _says("one-path-only"), kind="general"),
    WrongRule("cross-entropy-without-target", "-np.sum(y * np.log(softmax(x)))",
              ("g * (softmax(x) * np.sum(y, axis=-1, keepdims=True) - y)", "-g * np.log(softmax(x))"),
              "g * softmax(x) * np.sum(y, axis=-1, keepdims=True)", _says("forgotten-term"),
              (Argument(), Argument("n k", 0.05, 0.2)), kind="general"),
    # --- matrices
    WrongRule("product-untransposed-right", "x @ y", ("g @ y.T", "x.T @ g"), "g @ y", _says("untransposed-operand"),
              SQUARES, kind="general"),
    WrongRule("product-untransposed-left", "x @ y", ("g @ y.T", "x.T @ g"), "x @ g", _says("untransposed-operand"),
              SQUARES, position=1, kind="general"),
    WrongRule("weight-transposed", "x @ y", ("g @ y.T", "x.T @ g"), "(x.T @ g).T", _says("transposed"),
              (Argument("m n"), SQUARE), position=1, kind="general"),
    WrongRule("product-in-wrong-order", "x @ y", ("g @ y.T", "x.T @ g"), "y.T @ g", _says("wrong-operand-order"),
              SQUARES, kind="general"),
    # --- places
    WrongRule("gather-overwrites", "x[index]", ("add_at(x, index, g)",), "put(x, index, g)", _says("lost-duplicates"),
              params=_picks, kind="general"),
    WrongRule("axes-not-inverted", "np.transpose(x, (1, 2, 0))", ("np.transpose(g, (2, 0, 1))",),
              "np.transpose(g, (1, 2, 0))", _says("permutation-not-undone"), (Argument("n n n"),), kind="general"),
    WrongRule("flip-not-undone", "x[::-1]", ("g[::-1]",), "g", _says("permutation-not-undone"), kind="general"),
    WrongRule("roll-onwards", "np.roll(x, 1, axis=0)", ("np.roll(g, -1, axis=0)",), "np.roll(g, 1, axis=0)",
              _says("permutation-not-undone"), (Argument("p k"),), kind="general"),
    WrongRule("reshape-by-columns", "np.reshape(x, (-1,))", ("np.reshape(g, x.shape)",),
              "np.reshape(g, x.shape[::-1]).T", _says("permutation-not-undone"), kind="general"),
    WrongRule("pad-cropped-at-one-end", "np.pad(x, 1)", ("g[1:-1]",), "g[2:]", _says("wrong-slice"), (VECTOR,),
              kind="general"),
    WrongRule("join-takes-other-piece", "np.concatenate([x, y])", ("g[: len(x)]", "g[len(x) :]"), "g[len(y) :]",
              _says("swapped-arguments", "wrong-slice"), (VECTOR, VECTOR), kind="general"),
    WrongRule("kernel-not-flipped", "np.convolve(x, y)",
              ("np.convolve(g, y[::-1], 'valid')", "np.convolve(g, x[::-1], 'valid')"),
              "np.convolve(g, y, 'valid')", _says("unflipped-kernel"), (Argument("n"), Argument("m")), kind="general"),
    # --- arguments
    WrongRule("product-with-itself", "x * y", ("g * y", "g * x"), "g * x", _says("swapped-arguments"), PAIR),
    WrongRule("quotient-without-second-rule", "x / y", ("g / y", "-g * out / y"), None, _says("missing-rule"),
              (Argument(), POSITIVE), position=1),
    # --- numbers
    WrongRule("root-without-epsilon", "np.sqrt(x + 0.01)", ("g / (2 * out)",), "g / (2 * np.sqrt(x))",
              _says("forgotten-epsilon"), (POSITIVE,)),
    WrongRule("truncated", "3 * x ** 2", ("g * 6 * x",), "(g * 6 * x).astype(int)", _says("integer-truncation")),
    WrongRule("rounded-to-float32", "np.exp(x)", ("g * out",), "(g * out).astype(np.float32)", _says("float32-noise")),
    WrongRule("nothing-comes-back", "np.log(x)", ("g / x",), "np.zeros_like(x)", _says("zero-gradient"), (POSITIVE,)),
)  # fmt: skip
