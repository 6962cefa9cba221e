"""The numeric side: derivatives of ⟨cotangents, outputs⟩ by entries of an input, with an estimate of their error.

Differences are taken with two steps each. What remains between the two is the error of the coarser one, and shows
how far the finer one can be trusted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_edu.gradcheck.lanes import Lanes
from tinygrad_edu.gradcheck.plan import Evaluate
from tinygrad_edu.tensor import Tensor

Arrays = list[np.ndarray]

EPS = float(np.finfo(np.float64).eps)
STEP = EPS ** (1 / 3)  # balances the error h² of the central difference with the rounding error eps / h
COMPLEX, DIFFERENCES = "complex step", "central differences"
CLOSER = tuple(STEP * 8.0**k for k in (-3, -2, -1, 0, 1))  # the steps at which an entry in doubt is looked at


@dataclass(frozen=True)
class Numeric:
    """Derivatives by some entries of one input: central, one-sided, and what is known of their errors.

    entries    flat indices of the entries
    estimate   the error of `central`, by its own account
    jump       |f(x + h) − f(x)| + |f(x − h) − f(x)| where that doesn't shrink with h, else 0: f is discontinuous
               there, or its slope has no bound. inf where f is not finite at one of the points
    """

    method: str
    entries: np.ndarray
    central: np.ndarray
    left: np.ndarray
    right: np.ndarray
    estimate: np.ndarray
    jump: np.ndarray

    @property
    def kink(self) -> np.ndarray:
        """Where the slopes on both sides differ by more than their errors."""
        difference = np.abs(self.right - self.left)
        size = np.maximum(np.abs(self.left), np.abs(self.right))
        return np.asarray(difference > 1e-3 * size + 8 * self.estimate + 1e-9)


def tensors_on(points: Sequence[np.ndarray]) -> list[Tensor]:
    """Fresh leaves on copies of the points."""
    return [Tensor(point, requires_grad=True) for point in points]


def values_of(evaluate: Evaluate, points: Sequence[np.ndarray]) -> Arrays:
    """The outputs at these points."""
    return [np.asarray(output._data) for output in evaluate(tensors_on(points), False)]


# --- by complex step -----------------------------------------------------------------------------------------


def by_complex_step(lanes: Lanes, place: int, entries: np.ndarray, cotangents: Arrays) -> Numeric:
    """Exact to rounding, for an input after which every step is analytic."""
    found = np.zeros(len(entries))
    for chosen, hot in lanes.chunks(place, entries):
        for cotangent, tangent in zip(cotangents, lanes.tangents(hot)):
            if tangent is not None:
                found[chosen] += _weighed(cotangent, tangent)
    error = 8 * lanes.eps(place) * np.abs(found)
    return Numeric(COMPLEX, entries, found, found.copy(), found.copy(), error, np.zeros(len(entries)))


def _weighed(cotangent: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """⟨cotangent, row⟩ for each row."""
    return np.asarray(rows.reshape(len(rows), -1) @ cotangent.ravel())


# --- by differences ------------------------------------------------------------------------------------------


def by_differences(
    samples: Iterator[tuple[slice, list[np.ndarray], list[Arrays]]],
    middle: Arrays,
    entries: np.ndarray,
    cotangents: Arrays,
    eps: float,
    moving: Arrays | None = None,
) -> Numeric:
    """From what the outputs are at x + h, x − h, x + 2h and x − 2h, chunk by chunk; `samples` has the widths too.

    eps      rounding error of the function's value, relative to it
    moving   True for outputs that are known to depend on the entries, though at this step they may not show it
    """
    table = np.zeros((5, len(entries)))
    for chosen, widths, outputs in samples:
        moves = [
            sum((_weighed(c, out - mid) for c, out, mid in zip(cotangents, row, middle)), np.zeros(len(widths[0])))
            for row in outputs
        ]
        noise = _noise(middle, outputs[2:], cotangents, eps, moving)
        table[:, chosen] = slopes(widths, moves, noise)
    return Numeric(DIFFERENCES, entries, *table)


def slopes(widths: Sequence[np.ndarray], moves: Sequence[np.ndarray], noise: np.ndarray) -> tuple[np.ndarray, ...]:
    """central, left, right, estimate and jump from the moves of the output at the widths h, −h, 2h, −2h.

    The one-sided slopes use three points, so that they are as good as the central one.
    """
    h, (up, down, up2, down2) = widths[0], moves
    near, far = (up - down) / (widths[0] - widths[1]), (up2 - down2) / (widths[2] - widths[3])
    right, left = (4 * up - up2) / (2 * h), (down2 - 4 * down) / (2 * h)
    total, further = np.abs(up) + np.abs(down), np.abs(up2 - up) + np.abs(down2 - down)
    jump = np.where((further < 0.6 * total) & (total > 1e3 * noise), total, 0.0)  # further = total at a kink too
    jump = np.where(np.isfinite(total), jump, np.inf)
    return near, left, right, np.abs(near - far) + noise / h, jump


def _noise(middle: Arrays, rows: list[Arrays], cotangents: Arrays, eps: float, moving: Arrays | None) -> np.ndarray:
    """A bound of the rounding error in the difference of the outputs that move, for each lane."""
    high, low = rows
    total = np.zeros(len(high[0]))
    for k, (mid, up, down, c) in enumerate(zip(middle, high, low, cotangents)):
        moved = (up != down) & np.isfinite(mid)
        if moving is not None:
            moved |= moving[k]
        total += eps * _weighed(np.abs(c), np.where(moved, np.abs(mid), 0.0))
    return total


def lane_samples(
    lanes: Lanes, place: int, point: np.ndarray, entries: np.ndarray, step: float
) -> Iterator[tuple[slice, list[np.ndarray], list[Arrays]]]:
    """Samples for `by_differences` from a plan."""
    flat = point.ravel()
    for chosen, hot in lanes.chunks(place, entries):
        widths = _widths(flat[entries[chosen]], step)
        yield chosen, widths, lanes.values(hot, widths)


def call_samples(
    evaluate: Evaluate, points: Arrays, place: int, entries: np.ndarray, step: float
) -> Iterator[tuple[slice, list[np.ndarray], list[Arrays]]]:
    """The same from calls of the function, one entry after the other."""
    moved = [point.copy() for point in points]
    flat = moved[place].reshape(-1)
    for i, entry in enumerate(entries):
        x = flat[entry]
        widths = _widths(np.array([x]), step)
        rows = []
        for width in widths:
            flat[entry] = x + width[0]
            rows.append([value[None] for value in values_of(evaluate, moved)])
        flat[entry] = x
        yield slice(i, i + 1), widths, rows


def _widths(x: np.ndarray, step: float) -> list[np.ndarray]:
    """h, −h, 2h and −2h, as wide as float64 makes them at x."""
    h = step * np.maximum(1.0, np.abs(x))
    h = 2.0 ** np.round(np.log2(h))  # x ± h has no rounding error of its own where x has room for it
    return [(x + w) - x for w in (h, -h, 2 * h, -2 * h)]


def look_closer(evaluate: Evaluate, points: Arrays, place: int, entry: int, cotangents: Arrays, eps: float) -> Numeric:
    """One entry by calls of the function at several steps: the numbers of the step that is surest of itself.

    A kink nearby spoils large steps, rounding small ones.
    """
    middle = values_of(evaluate, points)
    entries = np.array([entry])
    found: list[Numeric] = []
    moving = [np.zeros(value.shape, dtype=bool) for value in middle]
    for step in reversed(CLOSER):  # what moves at a large step depends on the entry
        samples = list(call_samples(evaluate, points, place, entries, step))
        for k, value in enumerate(middle):
            moving[k] |= (samples[0][2][2][k][0] != value) & np.isfinite(value)
        found.append(by_differences(iter(samples), middle, entries, cotangents, eps, moving))
    if all(n.jump[0] for n in found[2:]):  # at every small step
        return found[-1]
    finite = [n for n in found if np.isfinite(n.estimate[0]) and np.isfinite(n.central[0])]
    return min(finite or found, key=lambda n: float(n.estimate[0]))
