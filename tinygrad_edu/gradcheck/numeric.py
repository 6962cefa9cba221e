"""The numeric side: central differences of ⟨cotangents, outputs⟩ for every entry of an input, with their own error."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_edu.tensor import Tensor

Arrays = list[np.ndarray]
Evaluate = Callable[[Sequence[Tensor], bool], list[Tensor]]

EPS = float(np.finfo(np.float64).eps)
STEP = EPS ** (1 / 3)  # balances the error h² of the central difference with the rounding error eps / h


def tensors_on(points: Sequence[np.ndarray]) -> list[Tensor]:
    """Fresh leaves on copies of the points."""
    return [Tensor(point, requires_grad=True) for point in points]


@dataclass(frozen=True)
class Differences:
    """Differences for every entry of one input: central, one-sided, and what is known of their errors.

    `kink` holds where the two one-sided slopes differ by the same amount for both steps: in a smooth function
    the difference would halve with the step.
    """

    central: np.ndarray
    left: np.ndarray
    right: np.ndarray
    estimate: np.ndarray
    kink: np.ndarray


def differences(
    evaluate: Evaluate, points: Arrays, place: int, cotangents: Arrays, relative_step: float
) -> Differences:
    """⟨cotangents, outputs⟩ differentiated numerically by every entry of the input at `place`."""
    moved = [point.copy() for point in points]
    target = moved[place]
    middle = _outputs(evaluate, moved)
    columns: list[tuple[float, ...]] = []
    for index in np.ndindex(target.shape):
        x = float(target[index])
        h = relative_step * max(1.0, abs(x))
        slopes = []
        for width in (h, 2 * h):
            target[index] = x + width
            high = _outputs(evaluate, moved)
            target[index] = x - width
            low = _outputs(evaluate, moved)
            slopes.append(_Slopes.of(x, width, low, middle, high, cotangents))
            target[index] = x
        near, far = slopes
        rounding = max(near.rounding, far.rounding)
        jump, far_jump = abs(near.right - near.left), abs(far.right - far.left)
        kink = jump > 0.75 * far_jump and jump > max(1e-4 * max(abs(near.left), abs(near.right)), 100 * rounding)
        columns.append((near.central, near.left, near.right, abs(near.central - far.central) + rounding, kink))
    table = np.array(columns, dtype=np.float64).reshape(-1, 5)
    central, left, right, estimate, kinks = (column.reshape(target.shape) for column in table.T)
    return Differences(central, left, right, estimate, kinks.astype(bool))


def _outputs(evaluate: Evaluate, points: Arrays) -> Arrays:
    return [np.asarray(output._data) for output in evaluate(tensors_on(points), False)]


@dataclass(frozen=True)
class _Slopes:
    """Differences for one step: central, below, above, and a bound of their rounding error."""

    central: float
    left: float
    right: float
    rounding: float

    @classmethod
    def of(cls, x: float, step: float, low: Arrays, middle: Arrays, high: Arrays, cotangents: Arrays) -> _Slopes:
        """From the outputs at x − step, x and x + step; divided by the steps as float64 rounds them."""
        above, below = x + step, x - step
        with np.errstate(invalid="ignore"):  # inf − inf: the entry will be undecided
            return cls(
                _weighed(cotangents, high, low) / (above - below),
                _weighed(cotangents, middle, low) / (x - below),
                _weighed(cotangents, high, middle) / (above - x),
                _rounding(high, low, cotangents) / (above - below),
            )


def _weighed(cotangents: Arrays, high: Arrays, low: Arrays) -> float:
    """⟨cotangents, high − low⟩: subtracted first, so that outputs which don't move cancel exactly."""
    return float(sum(np.vdot(c, np.subtract(h, lo, dtype=np.float64)) for c, h, lo in zip(cotangents, high, low)))


def _rounding(high: Arrays, low: Arrays, cotangents: Arrays) -> float:
    """A bound of the rounding error in the difference of the outputs that have moved."""
    total = 0.0
    for h, lo, c in zip(high, low, cotangents):
        eps = float(np.finfo(h.dtype).eps) if h.dtype.kind == "f" else EPS
        weights = np.where(h != lo, np.abs(c), 0.0)
        total += eps * float(np.sum(weights * np.maximum(np.abs(h), np.abs(lo)), where=weights > 0))
    return total
