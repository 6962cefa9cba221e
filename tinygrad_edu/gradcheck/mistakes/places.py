"""Mistakes of ops that move elements: not moved back, the wrong slice; and products with an operand turned wrongly."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinygrad_edu.gradcheck.case import Case
from tinygrad_edu.gradcheck.mistakes.guess import Guess, letter


def moves(case: Case) -> Iterator[Guess]:
    """The op puts every element somewhere unchanged; the rule takes g from other places."""
    matrix, g = case.matrix, case.g
    if matrix is None or g is None or case.origins is None or case.sources is None or np.any(case.sources < 0):
        return
    if not np.all((matrix == 0) | (np.abs(matrix - 1) < 1e-9)) or len(set(case.sources)) < case.numeric.size:
        return
    flat = g.ravel()
    if flat.size == case.numeric.size:
        yield Guess(
            "permutation-not-undone", flat.reshape(case.shape), "g comes back as it is, though the op moved elements",
            "undo the move: flip again, roll by the opposite, transpose with np.argsort(axes)", 3, "as it is",
        )  # fmt: skip
    taken = np.array([int(np.argmin(np.abs(flat - value))) for value in case.analytic.ravel()])
    if not np.allclose(flat[taken], case.analytic.ravel(), rtol=1e-9) or np.array_equal(taken, case.sources):
        return
    prediction, key = flat[taken].reshape(case.shape), str(taken.tolist())
    if flat.size == case.numeric.size and len(set(taken)) == flat.size:
        yield Guess(
            "permutation-not-undone", prediction, "the elements of g come back, in the wrong order",
            "undo exactly what the forward did; reshape keeps the order of the elements, transpose doesn't", 3.5, key,
            same_shape=True,
        )  # fmt: skip
        return
    if len(set(taken)) == taken.size:
        yield Guess(
            "wrong-slice", prediction,
            f"the wrong part of g: element {tuple(map(int, np.unravel_index(taken[0], g.shape)))} comes first, "
            f"{tuple(map(int, np.unravel_index(int(case.sources[0]), g.shape)))} should",
            "count where the forward put the first element, and take g from there", 3.5, key, same_shape=True,
        )  # fmt: skip


def products(case: Case) -> Iterator[Guess]:
    """The right rule is a matrix product of g and another argument: one of them turned, exchanged, not transposed."""
    if case.g is None or case.g.ndim != 2 or len(case.shape) != 2:
        return
    g = case.g
    for k, b in case.others.items():
        if b.ndim != 2:
            continue
        right = [form for form, value in _products(g, b, case.shape) if _agree(value, case.numeric)]
        if not right:
            continue
        truth = min(right, key=sum)
        for form, value in _products(g, b, case.shape):
            if form not in right:
                name, what, rank = _difference(form, truth)
                said, correct = _text(form, letter(k)), _text(truth, letter(k))
                yield Guess(
                    name, value, f"{what}: the rule gives {said}", f"write {correct}; shapes that all differ show it",
                    rank, said,
                )  # fmt: skip


def one_of_two_products(case: Case) -> Iterator[Guess]:
    """An argument that stands on both sides, as in x @ x.T: the rule is a sum of two products, and one is missing."""
    if case.g is None or case.x is None or case.g.ndim != 2 or len(case.shape) != 2:
        return
    operands = {case.position: case.x, **case.others}
    products = [
        (_text(form, letter(k)), value)
        for k, b in operands.items()
        if b.ndim == 2
        for form, value in _products(case.g, b, case.shape)
    ]
    for i, (text, value) in enumerate(products):
        for other_text, other in products[i + 1 :]:
            if _agree(value + other, case.numeric) and not _agree(value, other):
                for said, part in ((text, value), (other_text, other)):
                    for times in (1, 2):
                        yield Guess(
                            "one-path-only", times * part,
                            "the argument is used twice, and the rule counts "
                            f"{'one use only' if times == 1 else 'the same use twice'}: it gives "
                            f"{'' if times == 1 else '2 '}{said}",
                            f"add the contributions of both uses: {text} + {other_text}", 3.4, f"{times} {said}",
                        )  # fmt: skip


Form = tuple[bool, bool, bool, bool]  # g first, g transposed, the other transposed, the whole transposed


def _products(g: np.ndarray, b: np.ndarray, shape: tuple[int, ...]) -> Iterator[tuple[Form, np.ndarray]]:
    for g_first in (True, False):
        for turn_g in (False, True):
            for turn_b in (False, True):
                u, v = (g.T if turn_g else g), (b.T if turn_b else b)
                left, right = (u, v) if g_first else (v, u)
                if left.shape[1] != right.shape[0]:
                    continue
                value = left @ right
                if value.shape == shape:
                    yield (g_first, turn_g, turn_b, False), value
                if value.T.shape == shape:
                    yield (g_first, turn_g, turn_b, True), value.T


def _agree(value: np.ndarray, right: np.ndarray) -> bool:
    """Whether the two are equal where the right derivative is known."""
    known = np.isfinite(right)
    return bool(known.any()) and np.allclose(value[known], right[known], 1e-7)


def _text(form: Form, name: str) -> str:
    g_first, turn_g, turn_b, turn = min((form, _same(form)), key=lambda other: sum(other[1:]))
    u, v = "g.T" if turn_g else "g", f"{name}.T" if turn_b else name
    text = f"{u} @ {v}" if g_first else f"{v} @ {u}"
    return f"({text}).T" if turn else text


def _difference(form: Form, truth: Form) -> tuple[str, str, float]:
    """(gᵀb)ᵀ is bᵀg: the mistake is looked for on the form nearest to the right one."""
    near = min((form, _same(form)), key=lambda other: sum(a != b for a, b in zip(other, truth)))
    changed = [a != b for a, b in zip(near, truth)]
    if changed == [False, False, True, False]:
        return "untransposed-operand", "an operand of the matrix product isn't transposed as it should be", 3
    if changed == [False, False, False, True]:
        return "transposed", "the result is transposed", 3
    if changed == [True, False, False, False]:
        return "wrong-operand-order", "the operands of the matrix product are in the wrong order", 3
    if changed == [False, True, False, False]:
        return "transposed-incoming-gradient", "g is transposed", 3.2
    return "wrong-matrix-product", "a matrix product of the right operands, turned and ordered wrongly", 3.4


def _same(form: Form) -> Form:
    """The form that gives the same matrix: (uv)ᵀ = vᵀuᵀ."""
    g_first, turn_g, turn_b, turn = form
    return (not g_first, not turn_g, not turn_b, not turn)


def turned_operand(case: Case) -> Iterator[Guess]:
    """The right rule with another argument reversed or transposed: a kernel that was not flipped."""
    if case.call is None or case.local is not None:
        return
    arrays = list(case.call.arrays)
    for k, other in case.others.items():
        for axis in range(-1, other.ndim):
            if other.ndim and (axis >= 0 or other.ndim > 1):
                along = f"axis {axis}" if axis >= 0 else "all axes"
                reversed_ = np.flip(other, axis if axis >= 0 else None)
                prediction = case.pull_at([*arrays[:k], reversed_, *arrays[k + 1 :]])
                if prediction is not None:
                    yield Guess(
                        "unflipped-kernel", prediction,
                        f"the rule uses the other operand in the wrong direction along {along}: it must be flipped",
                        "a convolution forward is a correlation backward: np.convolve(g, w[::-1], 'valid')", 3.6,
                        f"{k} {along}",
                    )  # fmt: skip
        if other.ndim == 2 and other.shape[0] == other.shape[1]:
            prediction = case.pull_at([*arrays[:k], other.T, *arrays[k + 1 :]])
            if prediction is not None:
                yield Guess(
                    "untransposed-operand", prediction, "an operand isn't transposed as it should be",
                    "x̄ = g @ w.T for y = x @ w", 3.7, f"{k} transposed",
                )  # fmt: skip


GUESSERS = (moves, products, one_of_two_products, turned_operand)
