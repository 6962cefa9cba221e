"""The derivative of the branch that a function took at x, step by step, and the corners at which it stood there.

At a corner (relu at 0, a tie of max) a step has two slopes, and any value between them is a valid one to use. The
derivative that a network then has depends on the values that the engine's rules use. So they are used here too,
each after it was found to lie between the two slopes of its own step; everything else is numeric. A gradient that
agrees with this is right up to the choice at its corners.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.forward import tangent_through
from tinygrad_edu.gradcheck.lanes import Lane, Lanes
from tinygrad_edu.gradcheck.plan import Step
from tinygrad_edu.gradcheck.ways import Way, shifted, slope
from tinygrad_edu.node import recording
from tinygrad_edu.op import ELEMENTWISE
from tinygrad_edu.tensor import Tensor, apply

WIDTH = 1e-6  # how far the arguments of a step are moved, relative to max(1, |x|)
CLOSE = 1e-3  # of that width: how far they are moved at a point around
AROUND = 24  # points around a tie: each of three tied numbers comes first at one of them, but for 1 time in 16,000


@dataclass(frozen=True, eq=False)
class Corner:
    """Where a step changes its branch when its arguments move one way or the other along the tangent.

    mask          True at the elements of the output that have a corner
    low, high     between these lie the slopes of the output along the tangent at the corner and around it
    used          what the engine's rule makes of the tangent
    jump          the output itself changes (a comparison, sign, floor)
    speed         how fast the argument moves at each element, for an elementwise step of which one argument moves
    """

    step: Step
    mask: np.ndarray
    low: np.ndarray
    high: np.ndarray
    used: np.ndarray
    jump: bool
    speed: np.ndarray | None = None


def branch_derivative(lanes: Lanes, moved: dict[int, np.ndarray]) -> tuple[list[np.ndarray | None], list[Corner]]:
    """Tangents of the outputs for tangents of some inputs, and the corners on the way. One lane: no hidden axis."""
    tangents = dict(moved)
    corners: list[Corner] = []
    with np.errstate(all="ignore"), recording(False):
        for step in lanes.plan.after(list(moved)):
            places = {i: tangents[s] for i, s in enumerate(step.sources) if s is not None and s in tangents}
            if not places:
                continue
            way = lanes.ways[step]
            if way in (Way.LINEAR, Way.LOCAL, Way.COMPLEX):
                lane: Lane = {step.sources[i]: t[None] for i, t in places.items()}  # type: ignore[misc]
                tangents[step.slot] = lanes.tangent(step, lane)[0]  # type: ignore[index]
            elif way is Way.ROUGH:
                tangents[step.slot] = _rough(lanes, step, places, corners)
            elif way is Way.SWITCH:
                _switch(lanes, step, places, corners)
    return [tangents.get(o) if isinstance(o, int) else None for o in lanes.plan.outputs], corners


def _width(base: list[Any], places: dict[int, np.ndarray]) -> float:
    """How far to go along the tangent, so that no argument moves further than WIDTH."""
    speed = max(float(np.max(np.abs(t) / np.maximum(1, np.abs(base[i])), initial=0.0)) for i, t in places.items())
    return WIDTH / speed if speed > 0 else 0.0


def _rough(lanes: Lanes, step: Step, places: dict[int, np.ndarray], corners: list[Corner]) -> np.ndarray:
    """Differences on both sides; at a corner the engine's own value, if it lies between them."""
    base = lanes.plan.arguments(step, {})
    out = lanes.plan.values[step.slot]
    width = _width(base, places)
    if not width:
        return np.zeros_like(out)
    try:
        up, up2, down, down2 = (shifted(step, base, places, width * k) - out for k in (1, 2, -1, -2))
    except Exception:  # outside its domain
        return np.full_like(out, np.nan)
    right, left = (4 * up - up2) / (2 * width), (down2 - 4 * down) / (2 * width)
    central, used = (left + right) / 2, _by_rules(step, base, out, places)
    noise = 64 * np.finfo(np.float64).eps * np.abs(out) / width
    total, further = np.abs(up) + np.abs(down), np.abs(up2 - up) + np.abs(down2 - down)
    jumps = (further < 0.6 * total) & (total > 100 * noise * width)
    low, high = np.minimum(left, right), np.maximum(left, right)
    slack = 1e-4 * np.maximum(np.abs(low), np.abs(high)) + noise
    if not np.all(jumps | ((low - slack <= used) & (used <= high + slack))):
        around = _slopes_around(lanes, step, base, places)
        low, high = np.minimum(low, around.min(axis=0)), np.maximum(high, around.max(axis=0))
        slack = 1e-4 * np.maximum(np.abs(low), np.abs(high)) + noise / CLOSE
    bends = (high - low > slack) & ~jumps
    alone = step.op.kind is ELEMENTWISE and len(places) == 1
    speed = np.broadcast_to(next(iter(places.values())), out.shape) if alone else None
    if bends.any():
        corners.append(Corner(step, bends, low, high, used, jump=False, speed=speed))
    if jumps.any():
        corners.append(Corner(step, jumps, left, right, used, jump=True))
    valid = (low - slack <= used) & (used <= high + slack)
    return np.asarray(np.where(jumps | (bends & valid), used, central))


def _slopes_around(lanes: Lanes, step: Step, base: list[Any], places: dict[int, np.ndarray]) -> np.ndarray:
    """Slopes along the tangent at random points nearby, where no tie is left: one row for each.

    Of three equal numbers that move apart, the middle one has the same slope both ways, and a rule that shares
    among the three has another: a mean of the slopes around.
    """
    rows = []
    for _ in range(AROUND):
        moved = [
            value + WIDTH * np.maximum(1, np.abs(value)) * lanes.ways.rng.uniform(-1, 1, value.shape)
            if source is not None and value.dtype.kind == "f"
            else value
            for value, source in zip(base, step.sources)
        ]
        rows.append(slope(step, moved, places, CLOSE * _width(base, places)))
    return np.array(rows)


def _by_rules(step: Step, base: list[Any], out: np.ndarray, places: dict[int, np.ndarray]) -> np.ndarray:
    """The tangent of the step by the rules of its row."""
    with recording(True):
        arguments = (Tensor(value, requires_grad=True) if i in places else value for i, value in enumerate(base))
        node = apply(step.op, tuple(arguments), step.params)._node
    total = np.zeros_like(out)
    for place, direction in places.items():
        change = None if node is None else tangent_through(node, place, direction, create_graph=False)
        if change is not None:
            total = total + change
    return total


def _switch(lanes: Lanes, step: Step, places: dict[int, np.ndarray], corners: list[Corner]) -> None:
    """A comparison or the like that gives another answer on one of the sides."""
    base = lanes.plan.arguments(step, {})
    out = lanes.plan.values[step.slot]
    width = _width(base, places)
    try:
        above, below = (shifted(step, base, places, sign * width) for sign in (1, -1))
    except Exception:
        return
    mask = (above != out) | (below != out)
    if mask.any():
        nothing = np.zeros(out.shape)
        corners.append(Corner(step, mask, nothing, nothing, nothing, jump=True))
