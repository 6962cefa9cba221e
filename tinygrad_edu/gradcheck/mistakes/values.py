"""Mistakes that the two sides show by themselves: signs, factors, order, whole numbers, nothing at all.

These need neither the op nor the incoming gradient, so they serve for whole functions, too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from tinygrad_edu.gradcheck.case import Case
from tinygrad_edu.gradcheck.mistakes.guess import Guess

FACTORS = (  # value, name, what it is, rank
    (2.0, "factor-2", "twice", 2),
    (0.5, "factor-half", "half of", 2),
    (math.log(2), "log-base-factor", "log 2 = 0.693… times", 1),
    (1 / math.log(2), "log-base-factor", "1 / log 2 = 1.443… times", 1),
    (math.log(10), "log-base-factor", "log 10 = 2.303… times", 1),
    (1 / math.log(10), "log-base-factor", "1 / log 10 = 0.434… times", 1),
    (math.pi / 180, "degrees-for-radians", "π / 180 times", 1),
    (180 / math.pi, "degrees-for-radians", "180 / π times", 1),
)
FIXES = {
    "factor-2": "look for a ½ in the forward, or a 2 that doesn't belong: the derivative of ½x² is x",
    "factor-half": "look for an exponent or a square: the derivative of x² is 2x",
    "log-base-factor": "log₁₀ x has the derivative 1 / (x·log 10), and bˣ has bˣ·log b",
    "degrees-for-radians": "the derivative of sin(πx/180) has the factor π/180, that of the inner function",
}


def nothing(case: Case) -> Iterator[Guess]:
    """The rule gives zeros."""
    yield Guess(
        "zero-gradient", np.zeros(case.shape), "the rule gives 0 everywhere: no gradient gets through",
        "write the derivative; zeros are right only for steps, such as floor(x)", 0,
    )  # fmt: skip


def sign(case: Case) -> Iterator[Guess]:
    """The opposite, or the size without the sign."""
    yield Guess(
        "wrong-sign", -case.numeric, "the sign is wrong: the rule gives exactly the opposite of the derivative",
        "put a minus before it; the derivative of x − y by y is −1, that of 1/x is −1/x²", 1,
    )  # fmt: skip
    if case.local is not None and case.g is not None and np.any(case.local < 0):
        prediction = case.carry(case.g * np.abs(case.local))
        if prediction is not None:
            yield Guess(
                "lost-sign", prediction, "the sign of the derivative is lost: its size is right everywhere",
                "multiply by np.sign(x), or leave out the np.abs", 3,
            )  # fmt: skip


def factors(case: Case) -> Iterator[Guess]:
    """A known number times the right value."""
    for value, name, words, rank in FACTORS:
        yield Guess(name, value * case.numeric, f"the rule gives {words} the derivative", FIXES[name], rank, words)
    for n, what in counts(case):
        if n > 1:
            yield Guess(
                "factor-n", n * case.numeric, f"the rule gives n times the derivative, n = {n} being {what}",
                "divide by n: the derivative of a mean has the factor 1/n", 2.2, what,
            )  # fmt: skip
            yield Guess(
                "factor-one-over-n", case.numeric / n,
                f"the rule gives 1/n of the derivative, n = {n} being {what}",
                "don't divide by n: take the sum, not the mean", 2.2, what,
            )  # fmt: skip
            for power, words in ((0.5, "√n times"), (-0.5, "1/√n of")):
                yield Guess(
                    "factor-root-n", n**power * case.numeric,
                    f"the rule gives {words} the derivative, n = {n} being {what}",
                    "the forward divides by √n, as scaled products do: so does the rule, once", 2.4, f"{words} {what}",
                )  # fmt: skip


def wrong_counts(case: Case) -> Iterator[Guess]:
    """Divided by one number of elements where another belongs: the length of another axis, or one less."""
    known = list(counts(case))
    pairs = [(n, m, f"{n}, {a}", f"{m}, {b}") for n, a in known for m, b in known if a != b and n != m]
    pairs += [(n, n - 1, f"n = {n}, {a}", "n − 1") for n, a in known if n > 1]
    pairs += [(n - 1, n, "n − 1", f"n = {n}, {a}") for n, a in known if n > 1]
    for right, used, right_words, used_words in pairs:
        yield Guess(
            "wrong-count", case.numeric * right / used,
            f"the rule divides by {used_words}, where the forward divides by {right_words}",
            "divide by the number of elements that the mean runs over", 6, f"{_role(right_words)} {_role(used_words)}",
        )  # fmt: skip


def _role(words: str) -> str:
    """The words without the number, which is another one in each experiment."""
    return words.split(", ")[-1]


def counts(case: Case) -> Iterator[tuple[int, str]]:
    """The numbers of elements that a mean or sum may run over, with what they count."""
    yield case.numeric.size, "the number of elements of the argument"
    for axis, n in enumerate(case.shape if len(case.shape) > 1 else ()):
        yield n, f"the length of its axis {axis}"
    if case.out is not None and case.out.shape != case.shape:
        yield case.out.size, "the number of elements of the result"
        for axis, n in enumerate(case.out.shape if case.out.ndim > 1 else ()):
            yield n, f"the length of axis {axis} of the result"


def constant(case: Case) -> Iterator[Guess]:
    """Some number times the right value, the same number everywhere."""
    known = np.isfinite(case.numeric) & np.isfinite(case.analytic)
    norm = float(np.sum(case.numeric[known] ** 2))
    if not norm:
        return
    c = float(np.sum((case.analytic * case.numeric)[known])) / norm
    yield Guess(
        "constant-factor", c * case.numeric, f"the rule gives {constant_words(c)} times the derivative, everywhere",
        f"multiply by {constant_words(1 / c) if c else '…'}; look for an inner function: sin(3x) has 3·cos(3x)", 7,
        f"{c:.6g}", fitted=1,
    )  # fmt: skip


def constant_words(c: float) -> str:
    """A number as a fraction where it is one with small parts, such as 1/3."""
    for below in range(1, 13):
        above = round(c * below)
        if above and abs(c * below - above) < 1e-6 * abs(above):
            return f"{above}" if below == 1 else f"{above}/{below}"
    return f"{c:.6g}"


def order(case: Case) -> Iterator[Guess]:
    """The right numbers in other places: transposed, reversed, shifted."""
    numeric = case.numeric
    if numeric.ndim >= 2:
        transposed = np.swapaxes(numeric, -1, -2)
        if transposed.shape == numeric.shape:
            yield Guess(
                "transposed", transposed, "the right numbers, transposed: rows and columns are exchanged",
                "append .T, or take it away", 4,
            )  # fmt: skip
        yield Guess(
            "transposed", transposed.reshape(numeric.shape),
            "the right numbers in the order of the transpose, pressed into the shape by reshape",
            "transpose with .T where you reshape: reshape keeps the order of the elements", 4.5, "reshaped",
        )  # fmt: skip
    for axis, n in enumerate(numeric.shape):
        if n > 1:
            yield Guess(
                "reversed-order", np.flip(numeric, axis), f"the right numbers in reversed order along axis {axis}",
                f"np.flip(…, {axis})", 6, f"axis {axis}",
            )  # fmt: skip
        for shift in (1, -1) if n > 2 else ():
            yield Guess(
                "shifted-by-one", np.roll(numeric, shift, axis),
                f"the right numbers, shifted by one place along axis {axis}",
                f"np.roll(…, {-shift}, axis={axis}), or an index that is off by one", 6, f"axis {axis} by {shift}",
            )  # fmt: skip


def whole_numbers(case: Case) -> Iterator[Guess]:
    """Fractions cut off: of the result of the rule, of the derivative in it, or of the argument."""
    if not np.array_equal(case.analytic, np.rint(case.analytic)) and case.local is None:
        return
    sentence = "the fractions are gone: {} to whole numbers"
    fix = "keep floats: no astype(int), no //, no np.zeros(…, dtype=int) to be filled"
    for how, cut in (("cut", np.trunc), ("rounded down", np.floor), ("rounded", np.rint)):
        yield Guess(
            "integer-truncation", cut(case.numeric), sentence.format(f"the result of the rule was {how}"), fix, 0.5,
            how,
        )  # fmt: skip
        if case.local is not None and case.g is not None:
            prediction = case.carry(case.g * cut(case.local))
            if prediction is not None:
                yield Guess(
                    "integer-truncation", prediction, sentence.format(f"the derivative was {how}"), fix, 5,
                    f"derivative {how}",
                )  # fmt: skip


GUESSERS = (nothing, sign, factors, wrong_counts, constant, order, whole_numbers)
