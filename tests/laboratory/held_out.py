"""Mistakes that nothing was tuned on: for how many is the diagnosis right, and is it ever wrong with confidence?

`says` holds every name that would be true; where it is empty only silence, or a hint, is right.
"""

from tinygrad_edu.laboratory import WrongRule
from tinygrad_edu.laboratory.mistake import Argument


def says(*names):
    return frozenset(names)


POSITIVE = Argument("n k", 0.4, 2.5)
VECTOR = Argument("n")
LONG = Argument("p")
SQUARE = Argument("n n")

HELD_OUT = (
    WrongRule("gate-held-fixed", "0.5 * x * (1 + np.tanh(x))",
              ("g * (0.5 * (1 + np.tanh(x)) + 0.5 * x * (1 - np.tanh(x) ** 2))",), "g * 0.5 * (1 + np.tanh(x))",
              says("one-path-only")),
    WrongRule("softplus-outer-forgotten", "np.log1p(np.exp(x))", ("g / (1 + np.exp(-x))",), "g * np.exp(x)",
              says("derivative-of-another-function")),
    WrongRule("quotient-square-forgotten", "x / y", ("g / y", "-g * x / y ** 2"), "-g * x / y",
              says("power-off", "exponent-not-lowered"), (Argument(), POSITIVE), position=1),
    WrongRule("standardise-statistics-fixed", "(x - np.mean(x)) / np.std(x)",
              ("(g - np.mean(g) - out * np.mean(g * out)) / np.std(x)",), "g / np.std(x)",
              says("one-path-only", "forgotten-shared-term", "forgotten-term"), kind="general"),
    WrongRule("huber-branches", "np.where(np.abs(x) < 1, 0.5 * x ** 2, np.abs(x) - 0.5)",
              ("g * np.where(np.abs(x) < 1, x, np.sign(x))",), "g * np.where(np.abs(x) < 1, np.sign(x), x)",
              says("inverted-mask")),
    WrongRule("outer-sums-other-side", "x[:, None] * y", ("np.sum(g * y, axis=1)", "np.sum(g * x[:, None], axis=0)"),
              "np.sum(g * y, axis=0)", says("wrong-axis"), (LONG, LONG), kind="general"),
    WrongRule("repeat-as-tile", "np.repeat(x, 2)", ("np.sum(g.reshape(-1, 2), axis=1)",),
              "np.sum(g.reshape(2, -1), axis=0)", says("wrong-axis", "permutation-not-undone"), (LONG,),
              kind="general"),
    WrongRule("difference-one-side", "np.diff(x)", ("np.append(0, g) - np.append(g, 0)",), "np.append(0, g)",
              says("one-path-only", "lost-duplicates", "forgotten-term"), (LONG,), kind="general"),
    WrongRule("sigmoid-mixed", "1 / (1 + np.exp(-x))", ("g * out * (1 - out)",), "g * out * (1 - x)",
              says("input-for-output")),
    WrongRule("log-softmax-no-sum", "np.log(softmax(x))",
              ("g - softmax(x) * np.sum(g, axis=-1, keepdims=True)",), "g - softmax(x) * g", says("diagonal-only"),
              kind="general"),
    WrongRule("norm-not-divided", "np.sqrt(np.sum(x ** 2))", ("g * x / out",), "g * x", says("power-off"),
              kind="general"),
    WrongRule("product-times-x", "np.prod(x)", ("g * out / x",), "g * out * x", says("power-off"), (POSITIVE,),
              kind="general"),
    WrongRule("mean-of-other-axis", "np.mean(x, axis=0)", ("g * np.ones_like(x) / len(x)",),
              "g * np.ones_like(x) / x.shape[1]", says("wrong-count"), (Argument("n p"),), kind="general"),
    WrongRule("clip-outside", "np.clip(x, -1, 1)", ("g * (np.abs(x) < 1)",), "g * (np.abs(x) > 1)",
              says("inverted-mask")),
    WrongRule("absolute-passes-g", "np.abs(x)", ("g * np.sign(x)",), "g",
              says("lost-sign", "forgotten-chain-factor", "ignored-mask")),
    WrongRule("larger-of-two-to-both", "np.maximum(x, y)", ("g * (x > y)", "g * (y > x)"), "g",
              says("ignored-mask", "gradient-to-all"), (Argument(), Argument())),
    WrongRule("cumsum-exclusive", "np.cumsum(x)",
              ("np.cumsum(g[::-1])[::-1]",), "np.cumsum(g[::-1])[::-1] - g", says("forgotten-term", "one-path-only"),
              (LONG,), kind="general"),
    WrongRule("moving-average-not-divided", "(x[1:] + x[:-1]) / 2", ("(np.append(g, 0) + np.append(0, g)) / 2",),
              "np.append(g, 0) + np.append(0, g)", says("factor-2"), (LONG,), kind="general"),
    WrongRule("angle-exchanged", "np.arctan2(x, y)", ("g * y / (x ** 2 + y ** 2)", "-g * x / (x ** 2 + y ** 2)"),
              "g * x / (x ** 2 + y ** 2)", says("swapped-arguments"), (POSITIVE, POSITIVE)),
    WrongRule("swish-inner-only", "x / (1 + np.exp(-x))",
              ("g * (1 + np.exp(-x) + x * np.exp(-x)) / (1 + np.exp(-x)) ** 2",),
              "g * np.exp(-x) / (1 + np.exp(-x)) ** 2", says("derivative-of-another-function")),
    WrongRule("variance-by-n-less-one", "np.var(x)", ("g * 2 * (x - np.mean(x)) / x.size",),
              "g * 2 * (x - np.mean(x)) / (x.size - 1)", says("wrong-count"), kind="general"),
    WrongRule("g-summed-too-early", "np.exp(x)", ("g * out",), "np.sum(g) * out", says("incoming-gradient-summed")),
    WrongRule("slope-by-coarse-difference", "np.sin(x)", ("g * np.cos(x)",), "g * (np.sin(x + 0.1) - np.sin(x)) / 0.1",
              says()),
    WrongRule("sort-not-undone", "np.sort(x)", ("put(x, np.argsort(x), g)",), "g", says("permutation-not-undone"),
              (LONG,), kind="general"),
    WrongRule("triangle-passes-g", "np.triu(x)", ("np.triu(g)",), "g", says("ignored-mask"), (SQUARE,),
              kind="general"),
    WrongRule("noisy", "np.exp(x)", ("g * out",), "g * out * (1 + 0.1 * np.random.default_rng(0).normal(size=x.shape))",
              says()),
    WrongRule("cosine-similarity", "np.sum(x * y) / np.sqrt(np.sum(x ** 2) * np.sum(y ** 2))",
              ("g * (y / np.sqrt(np.sum(x ** 2) * np.sum(y ** 2)) - out * x / np.sum(x ** 2))",
               "g * (x / np.sqrt(np.sum(x ** 2) * np.sum(y ** 2)) - out * y / np.sum(y ** 2))"),
              "g * y / np.sqrt(np.sum(x ** 2) * np.sum(y ** 2))", says("one-path-only", "forgotten-shared-term"),
              (LONG, LONG), kind="general"),
    WrongRule("only-where-positive", "np.exp(x)", ("g * out",), "g * out * (x > 0)", says("wrong-in-part")),
    WrongRule("last-row-forgotten", "2 * x", ("2 * g",), "2 * g * (np.arange(len(g)) < len(g) - 1)[:, None]",
              says("wrong-in-part"), kind="general"),
    WrongRule("logsumexp-without-minus-max", "np.log(np.sum(np.exp(x), axis=-1))",
              ("g[:, None] * np.exp(x - out[:, None])",), "g[:, None] * np.exp(x)",
              says("derivative-of-another-function"), kind="general"),
)  # fmt: skip
