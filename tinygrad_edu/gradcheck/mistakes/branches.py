"""Mistakes with branches and masks: relu, clip, where, max."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinygrad_edu.gradcheck.case import Case
from tinygrad_edu.gradcheck.mistakes.guess import Guess


def masks(case: Case) -> Iterator[Guess]:
    """The derivative has two values, as in relu: exchanged, or the same everywhere."""
    if case.g is None or case.local is None:
        return
    if case.slopes:
        low, high = case.slopes
        inverted = case.carry(case.g * (low + high - case.local))
        assert inverted is not None
        yield Guess(
            "inverted-mask", inverted,
            f"the branches are exchanged: the rule gives {low:.4g} where {high:.4g} is right, and the other way round",
            "turn the condition of the mask: g * (x > 0) for relu", 3,
        )  # fmt: skip
        if 0.0 in case.slopes:
            slope = low + high
            ignored = case.carry(case.g * slope)
            assert ignored is not None
            yield Guess(
                "ignored-mask", ignored,
                "the mask is missing: the gradient also goes where the op gives a constant and the derivative is 0",
                "multiply by the mask: g * (x > 0) for relu, g * ((low < x) & (x < high)) for clip", 3,
            )  # fmt: skip


def winners(case: Case) -> Iterator[Guess]:
    """A reduction that picks, such as max: its gradient to all elements, or to the wrong one."""
    if case.g is None or case.matrix is None or case.out is None or case.sources is None:
        return
    picks = np.all((case.matrix == 0) | (np.abs(case.matrix - 1) < 1e-9)) and np.any(case.sources < 0)
    if not picks or case.out.size >= case.numeric.size:
        return
    for axes in _axes_of(case):
        spread = _spread(case.g, case.shape, axes)
        along = f"axis {axes[0]}" if len(axes) == 1 else f"axes {axes}"
        yield Guess(
            "gradient-to-all", spread,
            f"every element along {along} gets the gradient, but only the one that was picked has an influence",
            "multiply by a mask: (x == out) with out brought back to the shape of x", 3, along,
        )  # fmt: skip
        assert case.x is not None
        for name, best in (("largest", np.max), ("smallest", np.min)):
            extreme = case.x == best(case.x, axis=axes, keepdims=True)
            yield Guess(
                "wrong-winner", spread * extreme, f"the {name} element gets the gradient, which wasn't the one picked",
                "mask with x == out", 4, f"{along} {name}",
            )  # fmt: skip


def _axes_of(case: Case) -> Iterator[tuple[int, ...]]:
    """The sets of axes of the argument whose removal gives the shape of the result."""
    assert case.out is not None
    ndim = len(case.shape)
    kept = [n for n in case.out.shape if n > 1]
    for bits in range(1, 2**ndim):
        axes = tuple(axis for axis in range(ndim) if bits >> axis & 1)
        if [n for axis, n in enumerate(case.shape) if axis not in axes and n > 1] == kept:
            yield axes


def _spread(g: np.ndarray, shape: tuple[int, ...], axes: tuple[int, ...]) -> np.ndarray:
    kept = tuple(1 if axis in axes else n for axis, n in enumerate(shape))
    return np.broadcast_to(g.reshape(kept), shape)


GUESSERS = (masks, winners)
