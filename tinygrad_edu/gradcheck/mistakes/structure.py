"""Mistakes seen on the whole Jacobian: not transposed, only its diagonal, sums over the wrong axis or not at all."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinygrad_edu.gradcheck.case import Case
from tinygrad_edu.gradcheck.mistakes.guess import Guess


def diagonal(case: Case) -> Iterator[Guess]:
    """Only what each element does to its own place, or only what it does to the others."""
    matrix, g = case.matrix, case.g
    if matrix is None or g is None or case.local is not None or matrix.shape[0] != matrix.shape[1]:
        return
    own = (np.diagonal(matrix) * g.ravel()).reshape(case.shape)
    yield Guess(
        "diagonal-only", own,
        "only the diagonal of the Jacobian: what an element does to the others is missing",
        "softmax: out · (g − Σ g·out), the sum being what comes through the other elements", 3,
    )  # fmt: skip
    yield Guess(
        "off-diagonal-only", case.numeric - own, "what an element does to its own place in the result is missing",
        "add the direct term", 6,
    )  # fmt: skip


def untransposed(case: Case) -> Iterator[Guess]:
    """The Jacobian applied to g as it is, as for a tangent: forward where backward was meant."""
    matrix, g = case.matrix, case.g
    if matrix is None or g is None or case.local is not None or matrix.shape[0] != matrix.shape[1]:
        return
    forward = (matrix @ g.ravel()).reshape(case.shape)
    ones = (matrix == 0) | (np.abs(matrix - 1) < 1e-9)
    if np.all(ones) and np.all(ones.sum(axis=0) >= 1) and np.all(matrix.sum(axis=0).round() == 1):
        yield Guess(
            "permutation-not-undone", forward, "g is moved the way x was, instead of back",
            "use the inverse: np.argsort(axes) for transpose, the opposite shift for roll", 3, "again",
        )  # fmt: skip
    elif np.all(ones) and (_triangular(matrix) or _triangular(matrix.T)):
        yield Guess(
            "unreversed-cumsum", forward, "sums run in the same direction as in the forward",
            "sum from the other end: np.flip(np.cumsum(np.flip(g, axis), axis), axis)", 3,
        )  # fmt: skip
    else:
        yield Guess(
            "jacobian-not-transposed", forward,
            "the rule applies the op's Jacobian to g, as for a tangent; a cotangent needs its transpose",
            "transpose: x̄ = Jᵀ g", 5,
        )  # fmt: skip


def _triangular(matrix: np.ndarray) -> bool:
    return bool(np.array_equal(np.tril(matrix), matrix))


def contributions(case: Case) -> Iterator[Guess]:
    """An element used several times gets one of its contributions only."""
    matrix, g = case.matrix, case.g
    if matrix is None or g is None or case.origins is None:
        return
    parts = g.ravel()[:, None] * matrix
    used = matrix != 0
    if not np.any(used.sum(axis=0) > 1):
        return
    broadcast = case.out is not None and _stretched(case.shape, case.out.shape)
    last = used.shape[0] - 1 - np.argmax(used[::-1], axis=0)
    for which, rows in (("first", np.argmax(used, axis=0)), ("last", last)):
        one = np.where(used.any(axis=0), parts[rows, np.arange(parts.shape[1])], 0.0).reshape(case.shape)
        if broadcast:
            yield Guess(
                "forgotten-broadcast-sum", one,
                f"the argument was broadcast, and only its {which} use counts: the sum over the new axis is missing",
                "sum over the axis along which the argument was repeated: g.sum(axis=0)", 3, which,
            )  # fmt: skip
        else:
            yield Guess(
                "lost-duplicates", one,
                f"an element that was used several times gets the gradient of its {which} use only",
                "add up: np.add.at(result, index, g) instead of result[index] = g", 3, which,
            )  # fmt: skip


def bands(case: Case) -> Iterator[Guess]:
    """Each element goes into several of the result, in a regular way, and the rule follows one of the ways only."""
    matrix, g = case.matrix, case.g
    if matrix is None or g is None or case.local is not None or case.origins is not None or case.sources is not None:
        return
    parts = g.ravel()[:, None] * matrix
    rows, columns = np.nonzero(matrix)
    offsets = np.unique(columns - rows)
    if len(offsets) > 4:
        return
    for offset in offsets:
        one = np.zeros(parts.shape)
        on = columns - rows == offset
        one[rows[on], columns[on]] = parts[rows[on], columns[on]]
        for prediction, key in (
            (one.sum(axis=0), f"only {offset}"),
            (parts.sum(axis=0) - one.sum(axis=0), f"all but {offset}"),
        ):
            yield Guess(
                "one-path-only", prediction.reshape(case.shape),
                f"each element goes into {len(offsets)} elements of the result, but the rule counts "
                f"{'one' if key.startswith('only') else 'not all'} of these ways",
                "add the contributions of all the places where the element is used", 5, key,
            )  # fmt: skip


def _stretched(small: tuple[int, ...], large: tuple[int, ...]) -> bool:
    try:
        return small != large and np.broadcast_shapes(small, large) == large
    except ValueError:
        return False


def axes(case: Case) -> Iterator[Guess]:
    """Sums, or broadcasts, along another axis than the right one."""
    if case.g is None or case.out is None or case.call is None:
        return
    fix = "check axis= and keepdims=, and try shapes whose sides all differ: then this mistake is an error"
    for name, prediction in (*_sums(case), *_blocks(case), *_broadcasts(case)):
        yield Guess("wrong-axis", prediction, f"the wrong axis: {name}", fix, 3.5, name)
    if case.out.ndim == 2 and case.out.shape[0] == case.out.shape[1]:
        turned = case.pull(case.g.T)
        if turned is not None and case.local is None:
            yield Guess(
                "wrong-axis", turned, "the wrong axis: the rule takes the rows of g for its columns", fix, 5, "g"
            )
            if turned.ndim == 2 and turned.shape[0] == turned.shape[1]:
                yield Guess(
                    "wrong-axis", turned.T, "the wrong axis: the rule works along the other one than the forward", fix,
                    4, "both",
                )  # fmt: skip
    total = np.full(case.shape, float(np.sum(case.numeric)))
    yield Guess("wrong-axis", total, "the wrong axis: the rule sums over all of them", fix, 4, "all")


def _sums(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Each element of the result comes from one of the argument: the contributions, summed to its shape otherwise."""
    assert case.g is not None
    matrix = case.matrix
    if (
        matrix is None
        or case.origins is None
        or np.any(case.origins < 0)
        or case.g.ndim < 2
        or case.numeric.size >= case.g.size
    ):
        return
    parts = (case.g.ravel() * matrix.sum(axis=1)).reshape(case.g.shape)
    for bits in range(1, 2**parts.ndim):
        chosen = tuple(axis for axis in range(parts.ndim) if bits >> axis & 1)
        summed = parts.sum(axis=chosen)
        if summed.size == case.numeric.size and summed.squeeze().shape == case.numeric.squeeze().shape:
            yield f"g is summed over {_axes_words(chosen)}", summed.reshape(case.shape)


def _blocks(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Each element was used equally often: neighbours are summed, where every n-th one belongs, or the reverse."""
    matrix = case.matrix
    if matrix is None or case.origins is None or np.any(case.origins < 0) or case.g is None or not case.numeric.size:
        return
    times, rest = divmod(case.g.size, case.numeric.size)
    if rest or times < 2 or np.any(np.bincount(case.origins, minlength=case.numeric.size) != times):
        return
    parts = case.g.ravel() * matrix.sum(axis=1)
    yield "neighbours are summed", parts.reshape(-1, times).sum(axis=1).reshape(case.shape)
    yield "elements far apart are summed", parts.reshape(times, -1).sum(axis=0).reshape(case.shape)


def _broadcasts(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    """Each element of the argument goes into one of the result: g, spread along other axes."""
    assert case.g is not None
    matrix, ndim = case.matrix, len(case.shape)
    if matrix is None or case.sources is None or np.any(case.sources < 0) or case.g.size >= case.numeric.size:
        return
    weights = matrix.sum(axis=0).reshape(case.shape)
    sides = [n for n in case.g.shape if n > 1]
    for bits in range(1, 2**ndim):
        chosen = tuple(axis for axis in range(ndim) if bits >> axis & 1)
        if [n for axis, n in enumerate(case.shape) if axis not in chosen and n > 1] == sides:
            kept = tuple(1 if axis in chosen else n for axis, n in enumerate(case.shape))
            yield f"g is repeated along {_axes_words(chosen)}", weights * case.g.reshape(kept)


def _axes_words(axes: tuple[int, ...]) -> str:
    return f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"


GUESSERS = (diagonal, untransposed, contributions, bands, axes)
