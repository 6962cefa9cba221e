"""Mistakes with the chain rule: what to multiply by what, and at which point."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinygrad_edu.gradcheck.case import Case
from tinygrad_edu.gradcheck.mistakes.guess import Guess, letter, ordinal
from tinygrad_edu.gradcheck.mistakes.values import constant_words


def incoming(case: Case) -> Iterator[Guess]:
    """The incoming gradient left out, or multiplied in twice, or passed on as it is."""
    if case.g is None:
        return
    ones = case.pull(np.ones(case.g.shape))
    if ones is not None:
        yield Guess(
            "forgotten-incoming-gradient", ones,
            "the incoming gradient g is missing: the rule gives the derivative of the op alone",
            "multiply by g: g * …", 1,
        )  # fmt: skip
        own = "each element of the result has its own g, and the rule takes the {} of all"
        for name, key, again, sentence in (
            ("incoming-gradient-twice", "g²", case.g**2, "the incoming gradient comes in twice, as g²"),
            ("lost-sign", "|g|", np.abs(case.g), "the incoming gradient has lost its sign: the rule takes |g|"),
            ("incoming-gradient-summed", "sum", np.full(case.g.shape, np.sum(case.g)), own.format("sum")),
            ("incoming-gradient-summed", "mean", np.full(case.g.shape, np.mean(case.g)), own.format("mean")),
        ):
            instead = case.pull(again)
            assert instead is not None
            yield Guess(name, instead, sentence, "multiply by g, once: g * …", 3, key)
    passed = case.carry(case.g)
    if passed is not None and not plain_routing(case):
        yield Guess(
            "forgotten-chain-factor", passed,
            "the rule passes the incoming gradient on as it is: the derivative of the op itself is missing",
            "multiply g by the derivative: g * (1 − out²) for tanh", 4,
        )  # fmt: skip


def plain_routing(case: Case) -> bool:
    """Whether the op only moves, picks or adds elements, so that there is no factor to forget."""
    if 0.0 in case.slopes:
        return True
    if case.local is not None:
        return False
    matrix = case.matrix
    return matrix is not None and bool(np.all((matrix == 0) | (np.abs(matrix - 1) < 1e-9)))


def terms(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Simple products with g in them, brought to the argument's shape: what terms of a rule look like."""
    if case.g is None or case.call is None:
        return
    assert case.out is not None
    assert case.x is not None
    candidates: list[tuple[str, np.ndarray]] = [("g", case.g), ("g · out", case.g * case.out)]
    for k, array in ((case.position, case.x), *case.others.items()):
        if _fits(array, case.g.shape) or (_fits(case.g, case.shape) and _fits(array, case.shape)):
            candidates.append((f"g · {letter(k)}", case.g * array))
    for name, values in candidates:
        term = values if values.shape == case.shape else case.carry(values) if values.shape == case.g.shape else None
        if term is not None:
            yield name, term


def values_and_signs(case: Case) -> Iterator[Guess]:
    """The value in place of the derivative; a term forgotten, or with the wrong sign."""
    for name, term in terms(case):
        if name == "g · out":
            yield Guess(
                "value-for-derivative", term,
                "the rule gives g · out: it multiplies by the function's value, where its derivative belongs",
                "multiply by the derivative: σ′ = σ·(1 − σ), not σ", 4,
            )  # fmt: skip
        elif name != "g":
            yield Guess(
                "another-formula", term, f"the rule gives {name}, which isn't the derivative",
                "work the derivative out on paper, term by term", 9, name,
            )  # fmt: skip
        yield Guess(
            "wrong-term-sign", 2 * term - case.numeric,
            f"the sign between two terms is wrong: the derivative is {name} minus something, the rule adds it",
            "1 − out², not 1 + out²: exchange the sign between the terms", 5, name,
        )  # fmt: skip
        for sign in (1, -1):
            yield Guess(
                "forgotten-term", case.numeric + sign * term,
                f"the term {'−' if sign > 0 else ''}{name} is missing (or {name} was "
                f"{'added' if sign > 0 else 'subtracted'} without need)",
                "work the derivative out on paper, term by term", 6, f"{sign} {name}",
            )  # fmt: skip


def paths(case: Case) -> Iterator[Guess]:
    """One of two ways from the argument to the result: x·h(x) with h or x held fixed; a mean held fixed."""
    if case.g is None or case.x is None or case.out is None or case.out.shape != case.shape or np.any(case.x == 0):
        return
    direct = case.g * case.out / case.x
    for prediction, what, key in (
        (direct, "the factor beside x was taken for a constant, though it depends on x", "direct"),
        (case.numeric - direct, "x itself was taken for a constant, and only the factor beside it differentiated", "h"),
    ):
        yield Guess(
            "one-path-only", prediction,
            f"only one of two paths from the argument to the result counts: {what}",
            "product rule: (x·h)′ = h + x·h′; add the contributions of both paths", 5, key,
        )  # fmt: skip


def shared_term(case: Case) -> Iterator[Guess]:
    """What comes through a mean, a sum or a norm of all elements is missing: it is the same multiple of 1, x or out.

    In each group of elements the difference of the two sides is fitted; it counts where it fits exactly.
    """
    bases: list[tuple[str, list[np.ndarray]]] = [("the mean", [np.ones(case.shape)])]
    if case.x is not None and case.out is not None and case.local is None:
        bases.append(("the norm", [case.x]))
        if case.out.shape == case.shape:
            bases.append(("the mean and the spread", [np.ones(case.shape), case.out]))
    axes: list[tuple[int, ...]] = [(axis,) for axis in range(len(case.shape))] if len(case.shape) > 1 else []
    axes.append(tuple(range(len(case.shape))))
    for axis in axes:
        size = int(np.prod([case.shape[a] for a in axis]))
        along = f"axis {axis[0]}" if len(axis) == 1 and len(case.shape) > 1 else "all axes"
        for what, basis in bases:
            if size < len(basis) + 2:
                continue
            flat = [_groups(array, axis) for array in (*basis, case.analytic - case.numeric, case.numeric)]
            matrix, difference, right = np.stack(flat[:-2], axis=-1), flat[-2], flat[-1]
            if not _orthogonal(matrix, right):
                continue  # what goes through a mean that is subtracted sums to 0, and so on
            coefficients = np.linalg.pinv(matrix) @ difference[..., None]
            fitted = (matrix @ coefficients)[..., 0]
            yield Guess(
                "forgotten-shared-term", case.numeric + _ungroup(fitted, axis, case.shape),
                f"what comes through {what} of the elements along {along} is missing: it was taken for a constant",
                "the mean (norm, spread) depends on every element, too: add that path, as in g − mean(g)", 6,
                f"{what} {along}", fitted=matrix.shape[0] * len(basis),
            )  # fmt: skip


def _groups(array: np.ndarray, axis: tuple[int, ...]) -> np.ndarray:
    """The elements along the axes as rows of a matrix."""
    kept = [a for a in range(array.ndim) if a not in axis]
    rows = int(np.prod([array.shape[a] for a in kept]))
    return np.transpose(array, (*kept, *axis)).reshape(rows, -1)


def _ungroup(rows: np.ndarray, axis: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    order = [*(a for a in range(len(shape)) if a not in axis), *axis]
    return np.transpose(rows.reshape([shape[a] for a in order]), np.argsort(order))


def _orthogonal(matrix: np.ndarray, right: np.ndarray) -> bool:
    """Whether the right derivative has no part along any column, in every group."""
    parts = np.abs(np.einsum("gij,gi->gj", matrix, right))
    return bool(np.all(parts <= 1e-7 * np.einsum("gij,gi->gj", np.abs(matrix), np.abs(right)) + 1e-300))


def powers(case: Case) -> Iterator[Guess]:
    """A power of the argument, of the result or of another argument too many or too few, perhaps with a number."""
    if case.g is None or case.x is None or case.out is None:
        return
    bases = [(letter(case.position), case.x, True), ("out", case.out, False)]
    bases += [(letter(k), array, False) for k, array in case.others.items()]
    for name, base, own in bases:
        for power in (1, -1, 2, -2, 0.5, -0.5):
            with np.errstate(all="ignore"):
                unscaled = _times(case, base**power)
            if unscaled is not None and np.isfinite(unscaled).all():
                yield from _power_guess(case, name, power, unscaled, own)


def _times(case: Case, factor: np.ndarray) -> np.ndarray | None:
    """The right cotangent with another factor, of the argument's shape or the result's."""
    if case.local is not None and case.g is not None and _fits(factor, case.local.shape):
        return case.carry(case.g * case.local * factor)
    if _fits(factor, case.shape):
        return np.asarray(case.numeric * factor)
    if case.out is not None and factor.shape == case.out.shape and case.g is not None:
        return case.pull(case.g * factor)
    return None


def _fits(array: np.ndarray, shape: tuple[int, ...]) -> bool:
    try:
        return np.broadcast_shapes(array.shape, shape) == shape
    except ValueError:
        return False


def _power_guess(case: Case, name: str, power: float, unscaled: np.ndarray, own: bool) -> Iterator[Guess]:
    norm = float(np.sum(unscaled**2))
    if not norm or not np.isfinite(case.analytic).all():
        return
    c = float(np.sum(case.analytic * unscaled)) / norm
    times = {1: f"{name}", -1: f"1/{name}", 2: f"{name}²", -2: f"1/{name}²", 0.5: f"√{name}", -0.5: f"1/√{name}"}[power]
    plain = abs(c - 1) < 1e-6
    number = "" if plain else f"{constant_words(c)} · "
    sentence = f"the rule gives {number}{times} times the derivative"
    fitted, prediction = (0, unscaled) if plain else (1, c * unscaled)
    if own and power == 1 and plain:
        yield Guess(
            "exponent-not-lowered", prediction, f"{sentence}: one power of {name} too many",
            "the exponent goes down by one: x³ has 3x², not 3x³, and 1/x has −1/x², not −1/x", 4.5,
        )  # fmt: skip
    elif own and power in (-1, -0.5):
        inner = f"{name}²" if power == -1 else f"a power of {name}"
        yield Guess(
            "forgotten-inner-factor", prediction, f"{sentence}: the derivative of an inner function, such as {inner}, "
            "is missing", "chain rule: f(u(x))′ = f′(u(x)) · u′(x); multiply by u′, 2x for u = x²", 5,
            f"{power} {c:.6g}", fitted,
        )  # fmt: skip
    else:
        yield Guess(
            "power-off", prediction, f"{sentence}: a factor {name} too {'many' if power > 0 else 'few'}",
            "look at the exponents and the denominators in the rule", 6.5, f"{name} {power} {c:.6g}", fitted,
        )  # fmt: skip


def points(case: Case) -> Iterator[Guess]:
    """The right derivative at the wrong point: at the result, at other arguments, at arguments exchanged."""
    if case.call is None or case.x is None or case.out is None or case.g is None:
        return
    arrays, here = list(case.call.arrays), case.position
    if case.out.shape == case.shape:
        at = case.pull_at([*arrays[:here], case.out, *arrays[here + 1 :]])
        if at is not None:
            yield Guess(
                "derivative-at-output", at, "the derivative was taken at out instead of at x",
                "a rule written in terms of the result takes out as it is: out·(1 − out), not σ(out)·(1 − σ(out))", 5,
            )  # fmt: skip
    for k, other in case.others.items():
        if other.shape == case.shape and k != here:
            exchanged = list(arrays)
            exchanged[here], exchanged[k] = arrays[k], arrays[here]
            for place, what, rank in (
                (k, f"the rule of {ordinal(k)} stands at {ordinal(here)}", 4),
                (here, f"{ordinal(here)} and {ordinal(k)} are exchanged in the rule", 4.2),
            ):
                prediction = case.pull_at(arrays if place == k else exchanged, place)
                if prediction is not None and prediction.shape == case.shape:
                    yield Guess(
                        "swapped-arguments", prediction, f"the arguments are swapped: {what}",
                        "x̄ = g · y and ȳ = g · x for a product: each gets the other one", rank, what,
                    )  # fmt: skip


GUESSERS = (incoming, values_and_signs, paths, shared_term, powers, points)
