"""Derivatives along directions: of many entries at once, by forward mode, and the order of the Taylor remainder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tinygrad_edu.forward import push_forward
from tinygrad_edu.gradcheck.kinks import branch_derivative
from tinygrad_edu.gradcheck.lanes import Lanes
from tinygrad_edu.gradcheck.numeric import EPS, Arrays, tensors_on, values_of
from tinygrad_edu.gradcheck.plan import Evaluate
from tinygrad_edu.reverse import recorded_nodes

WIDTHS = [2.0**-k for k in range(7, 15)]  # of the differences that are extrapolated to width 0
TAYLOR = [4.0**-k for k in range(2, 11)]
ROUGH = 1e-7  # relative error of steps that were differentiated by differences
TIGHT = 1e-10  # relative to the sum of the sizes of what is added up: one wrong entry among thousands must be seen


def weighed_move(cotangents: Arrays, values: Arrays, middle: Arrays) -> float:
    """⟨cotangents, values − middle⟩: subtracted first, so that outputs which don't move cancel exactly."""
    with np.errstate(all="ignore"):
        return float(sum(np.vdot(c, np.subtract(v, m, dtype=float)) for c, v, m in zip(cotangents, values, middle)))


def along(
    evaluate: Evaluate, lanes: Lanes | None, points: Arrays, directions: dict[int, np.ndarray], cotangents: Arrays
) -> tuple[float, float]:
    """The derivative when the inputs at these places move in these directions, and its error by its own account.

    Exact where a plan allows the complex step; where it doesn't, the derivative of the branch that f took, see `kinks`.
    Without a plan, central differences, extrapolated to width 0.
    """
    if lanes is not None and all(lanes.analytic(place) for place in directions):
        tangents = lanes.tangents({place: direction[None] for place, direction in directions.items()})
        pairs = [(c, t[0]) for c, t in zip(cotangents, tangents) if t is not None]
        terms = [np.abs(c * t).sum() for c, t in pairs]
        error = 64 * max((lanes.eps(place) for place in directions), default=EPS) * float(sum(terms))
        return float(sum(np.vdot(c, t) for c, t in pairs)), error
    if lanes is not None:
        branch, _ = branch_derivative(lanes, directions)
        pairs = [(c, t) for c, t in zip(cotangents, branch) if t is not None]
        return float(sum(np.vdot(c, t) for c, t in pairs)), ROUGH * float(sum(np.abs(c * t).sum() for c, t in pairs))
    speed = max(float(np.max(np.abs(d) / np.maximum(1, np.abs(points[p])), initial=0.0)) for p, d in directions.items())
    if not speed:
        return 0.0, 0.0
    best, error = np.nan, np.inf
    row: list[float] = []
    for width in WIDTHS:
        h = width / speed
        high, low = (values_of(evaluate, _moved(points, directions, sign * h)) for sign in (1, -1))
        new = [weighed_move(cotangents, high, low) / (2 * h)]
        for k, coarser in enumerate(row, 1):  # each column takes away one more even power of the width
            new.append(new[-1] + (new[-1] - coarser) / (4.0**k - 1))
        for finer, coarser in zip(new[1:], row):
            if abs(finer - coarser) < error:
                best, error = finer, abs(finer - coarser)
        row = new
    return best, error


def _moved(points: Arrays, directions: dict[int, np.ndarray], width: float) -> Arrays:
    return [point + width * directions[i] if i in directions else point for i, point in enumerate(points)]


def taylor_order(
    evaluate: Evaluate,
    points: Arrays,
    directions: dict[int, np.ndarray],
    cotangents: Arrays,
    slope: float,
    eps: float,
) -> float:
    """The power of t with which f(x + t·v) − f(x) − t·slope vanishes; inf where rounding is all that is left.

    nan where the steps don't agree on one.
    """
    middle = values_of(evaluate, points)
    size = sum(float(np.sum(np.abs(c * m), where=np.isfinite(m))) for c, m in zip(cotangents, middle))
    orders: list[float] = []
    before = np.nan
    silent = True
    for t in TAYLOR:
        moved = weighed_move(cotangents, values_of(evaluate, _moved(points, directions, t)), middle)
        remainder = abs(moved - t * slope)
        if not np.isfinite(remainder):
            return np.nan
        audible = remainder > 1e3 * eps * (size + abs(t * slope))
        silent &= not audible
        if audible and before > 0:
            orders.append(float(np.log(before / remainder) / np.log(4.0)))
        before = remainder if audible else np.nan
    if silent:
        return np.inf
    last = orders[-3:]
    agree = len(last) > 1 and max(last) - min(last) < 0.3 and min(last) > 0.7  # a kink nearby gives any number
    return float(np.median(last)) if agree else np.nan


def forward_mode(
    evaluate: Evaluate, points: Arrays, directions: Sequence[np.ndarray], cotangents: Arrays
) -> tuple[float, int, int]:
    """⟨cotangents, J·directions⟩ by forward mode; how many recorded ops there are, and how many of them are linear.

    A linear op goes forward by itself and backward by its rule: there the two modes are independent.
    """
    tensors = tensors_on(points)
    outputs = evaluate(tensors, True)
    nodes, _ = recorded_nodes([y._node for y in outputs if y._node is not None and y.requires_grad])
    start = {x._node: d for x, d in zip(tensors, directions) if x._node is not None}
    moved = push_forward([node for node in nodes if node not in start], dict(start), create_graph=False)
    total = 0.0
    for output, cotangent in zip(outputs, cotangents):
        tangent = moved.get(output._node) if output._node is not None else None
        if tangent is not None:
            total += float(np.vdot(cotangent, tangent))
    return total, len(nodes), sum(node.op is not None and node.op.linear for node in nodes)
