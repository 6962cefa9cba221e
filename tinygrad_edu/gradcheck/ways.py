"""How one step of a plan is differentiated numerically at its recorded inputs, and the proof that it may be.

A step may be run on complex numbers only where that gives its derivative. No list says which ops those are: each
step is tried in a random direction against differences of itself, so `abs`, `conj`, a cast that drops the
imaginary part, a LAPACK routine that conjugates and a user's own op are all found out, and `relu` away from its
kink is not refused.
"""

from __future__ import annotations

import enum
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.plan import Plan, Step
from tinygrad_edu.op import ELEMENTWISE

TINY = 1e-20  # the imaginary step: its square is 0 beside 1, so the complex step is exact to rounding
NEAR, NEAR32 = 1e-6, 5e-3  # the real step with which a single op is compared, relative to max(1, |x|); in float32
LIKE, LIKE32 = 1e-5, 1e-2  # how well the two must agree: what does not differentiate is off by much more


class Way(enum.Enum):
    """How to get the derivative of a step in a direction."""

    LINEAR = "linear"  # the op itself, applied to the direction
    LOCAL = "element by element"  # the direction times the derivative of each element, by complex step, once for all
    COMPLEX = "complex step"  # its imaginary part for an imaginary direction
    DISCRETE = "discrete"  # integers or booleans that stay the same nearby: none
    SWITCH = "switch"  # integers or booleans that are about to change
    ROUGH = "differences"  # nothing better than differences


class Ways:
    """The way of each step of a plan, found when it is first asked for."""

    def __init__(self, plan: Plan, rng: np.random.Generator) -> None:
        self.plan, self.rng = plan, rng
        self._found: dict[int, Way] = {}
        self.local: dict[int, Directions] = {}  # of LOCAL steps, by slot: the derivative by each argument that moves

    def __getitem__(self, step: Step) -> Way:
        way = self._found.get(step.slot)
        if way is None:
            way = self._found[step.slot] = self._way(step)
        return way

    def _way(self, step: Step) -> Way:
        out = self.plan.values[step.slot]
        base = self.plan.arguments(step, {})
        moving = [i for i, source in enumerate(step.sources) if source is not None and base[i].dtype.kind == "f"]
        if not moving or not out.size:
            return Way.DISCRETE
        directions = {i: self._direction(base[i]) for i in moving}
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # a cast that drops the imaginary part says so, and is found out below
            if out.dtype.kind != "f":
                sides = [_or_none(shifted, step, base, directions, width) for width in (-NEAR, NEAR)]
                same = all(side is not None and np.array_equal(side, out) for side in sides)
                return Way.DISCRETE if same else Way.SWITCH
            width = NEAR if out.dtype.itemsize >= 8 else NEAR32
            near, far = (_or_none(slope, step, base, directions, w) for w in (width, 2 * width))
            if near is None or far is None:
                return Way.ROUGH
            found = _or_none(imaginary, step, base, directions, out)
            if step.op.kind is ELEMENTWISE and _alike(found, near, far, out):
                parts = {i: imaginary(step, base, {i: np.ones(base[i].shape)}, out, also=moving) for i in moving}
                total = sum(
                    (part * directions[i] for i, part in parts.items() if part is not None), np.zeros(out.shape)
                )
                if _alike(total, near, far, out):
                    self.local[step.slot] = {i: part for i, part in parts.items() if part is not None}
                    return Way.LOCAL
            if step.op.linear and _alike(_or_none(linear, step, base, directions), near, far, out):
                return Way.LINEAR
            return Way.COMPLEX if _alike(found, near, far, out) else Way.ROUGH

    def _direction(self, value: np.ndarray) -> np.ndarray:
        signs = self.rng.choice([-1.0, 1.0], value.shape)
        return np.asarray(signs * self.rng.uniform(0.5, 1.5, value.shape) * np.maximum(1, np.abs(value)))


Directions = dict[int, np.ndarray]  # by the place of the argument


def linear(step: Step, base: list[Any], directions: Directions) -> np.ndarray:
    """The derivative of a linear (or bilinear) step: one call per argument that moves."""
    total = None
    for i, direction in directions.items():
        arguments = [direction if place == i else value for place, value in enumerate(base)]
        part = np.asarray(step.op.forward(*arguments, **step.params))
        total = part if total is None else total + part
    assert total is not None
    return total


def imaginary(
    step: Step, base: list[Any], directions: Directions, out: np.ndarray, also: Sequence[int] = ()
) -> np.ndarray | None:
    """The derivative by a complex step; None where the value itself is another than on real numbers.

    `also` are arguments that stay, but are given as complex numbers: some ops decide by one argument what to do.
    """
    arguments = [
        value + 1j * TINY * directions[i] if i in directions else value.astype(complex) if i in also else value
        for i, value in enumerate(base)
    ]
    result = np.asarray(step.op.forward(*arguments, **step.params))
    if result.dtype.kind != "c" or result.shape != out.shape:
        return None
    if not np.allclose(
        result.real, out, rtol=1e-9 if out.dtype.itemsize >= 8 else 1e-5, atol=1e6 * TINY, equal_nan=True
    ):
        return None
    return np.asarray(result.imag / TINY)


def shifted(step: Step, base: list[Any], directions: Directions, width: float) -> np.ndarray:
    """What the step gives when its arguments move by `width` in these directions."""
    moved = [value + width * directions[i] if i in directions else value for i, value in enumerate(base)]
    return np.asarray(step.op.forward(*moved, **step.params))


def slope(step: Step, base: list[Any], directions: Directions, width: float) -> np.ndarray:
    """Central differences of one step."""
    high, low = (shifted(step, base, directions, w) for w in (width, -width))
    return np.asarray((high - low) / (2 * width))


def _alike(found: np.ndarray | None, near: np.ndarray, far: np.ndarray, out: np.ndarray) -> bool:
    """Whether a derivative agrees with differences for two steps, the second of which shows the error of the first."""
    if found is None or found.shape != near.shape:
        return False
    wide = out.dtype.itemsize >= 8
    tolerance = (LIKE if wide else LIKE32) * np.abs(near) + np.abs(near - far)
    tolerance += (1e-8 if wide else 1e-3) * np.abs(out)
    return bool(np.all(np.abs(found - near) <= tolerance))  # not so for a nan


def _or_none(function: Callable[..., Any], *arguments: Any) -> Any:
    """What a call gives; None where the op refuses its arguments."""
    try:
        return function(*arguments)
    except Exception:
        return None
