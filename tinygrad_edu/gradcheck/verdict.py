"""Holding the analytic side against the numeric one: at first all entries, then those in doubt one by one.

An entry in doubt is looked at again by calls of the function itself, at several steps. Where the function stood on
a corner (relu at 0, a tie), its gradient depends on the values that the rules use there, and any of them is valid;
see `kinks`. So the entry is judged by both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.kinks import Corner, branch_derivative
from tinygrad_edu.gradcheck.lanes import Lanes
from tinygrad_edu.gradcheck.numeric import COMPLEX, Arrays, Numeric, look_closer, values_of
from tinygrad_edu.gradcheck.plan import Evaluate
from tinygrad_edu.gradcheck.report import INACCURATE, KINK, NOT_DIFFERENTIABLE, RIGHT, VERDICTS, WRONG, Row, index_text
from tinygrad_edu.gradcheck.ways import Way

UNRELIABLE = 1e-3  # a numeric side less accurate than this, relative to the largest entry, decides nothing
THOROUGH = 24  # entries of each input that are looked at again by calls of the function
ALONE = 512  # more entries in doubt than this are tried together first: most often all stand on corners


@dataclass(frozen=True)
class Opinion:
    """What a closer look at one entry gave."""

    verdict: str
    numeric: Numeric
    remark: str


@dataclass(frozen=True)
class Judge:
    """What is needed to look at an entry again; one per order."""

    evaluate: Evaluate
    points: Arrays
    cotangents: Arrays
    lanes: Lanes | None
    rtol: float
    atol: float
    rng: np.random.Generator
    eps: float  # rounding error of the function's values, relative to them
    exact: bool  # whether the complex step may decide where differences can't

    def row(self, name: str, order: int, place: int, analytic: np.ndarray, numeric: Numeric) -> Row:
        """Compare the two sides of one input."""
        found = analytic.ravel()[numeric.entries].astype(np.float64)
        if not found.size:
            counts = dict.fromkeys(VERDICTS, 0)
            nothing = (0.0,) * 7
            return Row(name, order, analytic.shape, 0, 0, numeric.method, counts, RIGHT, None, *nothing)
        scale = _largest(found, numeric.central)
        tolerance, units = self._compare(found, numeric)
        doubted = ~(units <= 1) | ~(numeric.estimate <= UNRELIABLE * scale + self.atol)
        if numeric.method != COMPLEX:
            doubted |= numeric.kink | (numeric.jump > 0)
        ranks = np.zeros(len(found), dtype=int)
        opinions = self._opinions(place, found, numeric, np.flatnonzero(doubted), units, scale)
        for i, opinion in opinions.items():
            ranks[i] = VERDICTS.index(opinion.verdict)
            for column in ("central", "left", "right", "estimate"):
                getattr(numeric, column)[i] = getattr(opinion.numeric, column)[0]
        tolerance, units = self._compare(found, numeric)
        counts = {verdict: int(np.count_nonzero(ranks == rank)) for rank, verdict in enumerate(VERDICTS)}
        explained = np.array([i in opinions and bool(opinions[i].remark) for i in range(len(found))])
        worst = int(np.lexsort((units, explained, ranks))[-1])
        index = tuple(int(i) for i in np.unravel_index(numeric.entries[worst], analytic.shape))
        columns = (numeric.central, numeric.left, numeric.right, numeric.estimate, tolerance, units)
        central, left, right, estimate, allowed, error = (float(column[worst]) for column in columns)
        return Row(
            name,
            order,
            analytic.shape,
            analytic.size,
            len(found),
            numeric.method,
            counts,
            VERDICTS[int(ranks[worst])],
            index,
            float(found[worst]),
            central,
            left,
            right,
            estimate,
            allowed,
            error,
            remark=opinions[worst].remark if worst in opinions else "",
        )

    def _compare(self, found: np.ndarray, numeric: Numeric) -> tuple[np.ndarray, np.ndarray]:
        """Tolerance, and error in units of it."""
        pooled = np.maximum(numeric.estimate, np.median(numeric.estimate))  # by chance one of many looks too accurate
        with np.errstate(invalid="ignore", over="ignore"):
            tolerance = self.atol + self.rtol * np.abs(found) + pooled
            units = np.abs(found - numeric.central) / tolerance
        return tolerance, np.where(np.isnan(units), np.inf, units)

    # --- entries in doubt ------------------------------------------------------------------------------------

    def _opinions(
        self, place: int, found: np.ndarray, numeric: Numeric, doubted: np.ndarray, units: np.ndarray, scale: float
    ) -> dict[int, Opinion]:
        order = doubted[np.argsort(-units[doubted], kind="stable")]
        opinions = {int(i): self._opinion(place, found[i], numeric, i, scale, True) for i in order[:THOROUGH]}
        rest = order[THOROUGH:]
        if len(rest) > ALONE and self._together(place, found, numeric, rest):
            return opinions | {int(i): Opinion(KINK, _one(numeric, i), "") for i in rest}
        return opinions | {int(i): self._opinion(place, found[i], numeric, i, scale, False) for i in rest}

    def _opinion(self, place: int, a: float, numeric: Numeric, i: int, scale: float, thorough: bool) -> Opinion:
        entry = int(numeric.entries[i])
        mine = _one(numeric, i)
        n = look_closer(self.evaluate, self.points, place, entry, self.cotangents, self.eps) if thorough else mine
        branch, corners = self._branch(place, np.array([entry]), np.ones(1))
        rough = bool(corners) or (numeric.method != COMPLEX)
        fits = branch is not None and abs(a - branch) <= self.atol + self.rtol * abs(a) + (1e-6 * scale if rough else 0)
        central, estimate = float(n.central[0]), float(n.estimate[0])
        near = abs(a - central) <= self.atol + self.rtol * abs(a) + estimate
        low, high = sorted((float(n.left[0]), float(n.right[0])))
        slack = self.atol + self.rtol * abs(a) + estimate + 1e-6 * max(abs(low), abs(high))
        between = low - slack <= a <= high + slack
        reliable = estimate <= UNRELIABLE * max(scale, abs(central)) + self.atol
        if n.jump[0] > 0:
            return Opinion(NOT_DIFFERENTIABLE, n, self._jump(n, corners))
        if reliable and n.kink[0]:
            if fits if corners else between:
                return Opinion(KINK, n, self._kink(a, n, corners, between))
            return Opinion(WRONG, n, self._beyond(a, n, corners, branch))
        if reliable:
            if near:
                return Opinion(RIGHT, n, "")
            if fits and corners:
                return Opinion(KINK, n, self._kink(a, n, corners, between))
            return Opinion(WRONG, n, self._wrong(a, n))
        if self.exact and branch is not None and not any(corner.jump for corner in corners) and np.isfinite(branch):
            if fits:
                return Opinion(RIGHT, _known(mine, branch), "")
            if not corners and self._exact(place):
                return Opinion(WRONG, _known(mine, branch), self._wrong(a, _known(mine, branch)))
        return Opinion(INACCURATE, n, self._inaccurate(n))

    def _together(self, place: int, found: np.ndarray, numeric: Numeric, chosen: np.ndarray) -> bool:
        """Whether these entries, weighed at random, have the derivative of the branch that f took."""
        for _ in range(2):
            weights = self.rng.choice([-1.0, 1.0], len(chosen)) * self.rng.uniform(0.5, 1.5, len(chosen))
            branch, corners = self._branch(place, numeric.entries[chosen], weights)
            size = float(np.sum(np.abs(found[chosen] * weights)))
            if branch is None or not corners or not abs(branch - found[chosen] @ weights) <= self.atol + 1e-7 * size:
                return False
        return True

    def _branch(self, place: int, entries: np.ndarray, weights: np.ndarray) -> tuple[float | None, list[Corner]]:
        """The derivative of the branch taken at x along some entries, and the corners at x; None without a plan."""
        if self.lanes is None:
            return None, []
        direction = np.zeros(self.points[place].size)
        direction[entries] = weights
        tangents, corners = branch_derivative(self.lanes, {place: direction.reshape(self.points[place].shape)})
        pairs = [(c, t) for c, t in zip(self.cotangents, tangents) if t is not None]
        return float(sum(np.vdot(c, t) for c, t in pairs)), corners

    def _exact(self, place: int) -> bool:
        return self.lanes is not None and self.lanes.analytic(place)

    # --- what to say -----------------------------------------------------------------------------------------

    def _wrong(self, a: float, n: Numeric) -> str:
        sure = f"± {n.estimate[0]:.1g}" if n.method != COMPLEX else "exactly"
        return (
            f"the gradient says {a:.8g}, the function itself {n.central[0]:.8g} {sure} (by {n.method}).\n"
            "It is smooth there and the numeric side is sure of itself: the gradient is wrong"
        )

    def _beyond(self, a: float, n: Numeric, corners: Sequence[Corner], branch: float | None) -> str:
        lines = [_corner(self.lanes, corner) for corner in corners[:3]] if self.lanes is not None else []
        low, high = sorted((float(n.left[0]), float(n.right[0])))
        lines.append(f"the function has slope {n.left[0]:.6g} before and {n.right[0]:.6g} after this point")
        if corners and low <= a <= high:
            lines.append(f"with these choices the gradient would be {branch:.8g}, and it says {a:.8g}: it is wrong")
        else:
            lines.append(f"the gradient says {a:.8g}, which is not between them: no choice at the kink gives that")
        return "\n".join(lines)

    def _kink(self, a: float, n: Numeric, corners: Sequence[Corner], between: bool) -> str:
        said = list(dict.fromkeys(_corner(self.lanes, corner) for corner in corners)) if self.lanes is not None else []
        lines = said[:3] + ([f"and {len(said) - 3} more steps stand on a kink"] if len(said) > 3 else [])
        if not n.kink[0]:
            lines.append(
                f"the kinks cancel: the slope is {n.central[0]:.6g} on both sides. The gradient, {a:.6g}, is what the "
                "rules give for their choice at each kink;\nmove the point a little to compare it with the slope"
            )
        else:
            lies = "lies between them" if between else "is what these choices give"
            lines.append(
                f"the function has slope {n.left[0]:.6g} before this point and {n.right[0]:.6g} after it; the "
                f"gradient, {a:.6g}, {lies}: it is not wrong"
            )
        return "\n".join(lines)

    def _jump(self, n: Numeric, corners: Sequence[Corner]) -> str:
        where = "".join(f"\n{_corner(self.lanes, corner)}" for corner in corners[:3]) if self.lanes is not None else ""
        middle = values_of(self.evaluate, self.points)
        if not all(np.isfinite(value).all() for value in middle):
            return "the function's value there is not finite: it has no derivative" + where
        if np.isinf(n.jump[0]):
            return "the function is not finite right beside this point: it lies on the edge of its domain" + where
        return (
            f"the function changes by {n.jump[0]:.3g} within 1e-8: it jumps, or its slope has no bound{where}\n"
            "Move the point, or check the gradient of what comes before the jump"
        )

    def _inaccurate(self, n: Numeric) -> str:
        lines = []
        size = max((float(np.max(np.abs(v), initial=0.0)) for v in values_of(self.evaluate, self.points)), default=0.0)
        narrow = self.narrow_steps()
        if narrow:
            lines.append(f"{narrow[0]} works in {narrow[1]}: its results carry too few digits for differences")
        lines.append(
            f"at the best of five steps the slope is {n.central[0]:.6g} ± {n.estimate[0]:.2g}; the function's value is "
            f"about {size:.3g}"
        )
        lines.append(
            "take the cast away for the check" if narrow
            else "smaller numbers, another point or another step= may help; so does an f without float() and .item(), "
            "which can be differentiated by complex step"
        )  # fmt: skip
        return "\n".join(lines)

    def narrow_steps(self) -> tuple[str, str] | None:
        """The first step whose result is narrower than float64: what and where, and its dtype."""
        if self.lanes is not None:
            for step in self.lanes.plan.steps:
                out = self.lanes.plan.values[step.slot]
                if out.dtype.kind == "f" and out.dtype.itemsize < 8:
                    return f"{step.op.name} at {step.site}", str(out.dtype)
        return None


def _one(numeric: Numeric, i: int) -> Numeric:
    columns = ("entries", "central", "left", "right", "estimate", "jump")
    return replace(numeric, **{name: getattr(numeric, name)[i : i + 1].copy() for name in columns})


def _known(numeric: Numeric, value: float) -> Numeric:
    """The same entry with a derivative that is known exactly."""
    v = np.array([value])
    return replace(numeric, method=COMPLEX, central=v, left=v, right=v, estimate=np.zeros(1), jump=np.zeros(1))


def _largest(*arrays: np.ndarray) -> float:
    return max(float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) for a in arrays)


def _place(lanes: Lanes, corner: Corner) -> str:
    """`h[3] and 2 more elements (relu at net.py:12)`."""
    places = np.argwhere(corner.mask)
    index = index_text(tuple(int(i) for i in places[0]))
    name = lanes.plan.name_of(corner.step)
    others = len(places) - 1
    more = f" and {others:,} more element{'' if others == 1 else 's'}" if others else ""
    op = f"{corner.step.op.name} at {corner.step.site}"
    if name:
        return f"{name}{index}{more} ({op})"
    return f"{op}, element {index}{more}," if index else op


def _corner(lanes: Lanes | None, corner: Corner) -> str:
    assert lanes is not None
    if lanes.ways[corner.step] is Way.SWITCH:
        return f"{corner.step.op.name} at {corner.step.site} gives another answer on the other side of this point"
    if corner.jump:
        return f"{_place(lanes, corner)} jumps at this point"
    first = tuple(np.argwhere(corner.mask)[0])
    slopes: list[Any] = [corner.low[first], corner.high[first], corner.used[first]]
    unit = _unit(lanes, corner, first)
    if unit:
        slopes = [slope / unit for slope in slopes]
    low, high, used = *sorted(_rounded(s) for s in slopes[:2]), _rounded(slopes[2])
    what = "any slope" if unit else "any change"
    valid = "" if low <= used <= high else ", which is not"
    verb = "is on its kink" if np.count_nonzero(corner.mask) == 1 else "are on their kinks"
    return (
        f"{_place(lanes, corner)} {verb}: {what} in [{low:.6g}, {high:.6g}] is valid, "
        f"this engine uses {used:.6g}{valid}"
    )


def _unit(lanes: Lanes, corner: Corner, index: tuple[int, ...]) -> float:
    """How far the one argument that moves does so at this element; 0 where there are several."""
    return corner.speed[index] if corner.speed is not None else 0.0


def _rounded(slope: float) -> float:
    """Without the last digits, which differences don't know."""
    return round(float(slope), 6) + 0.0
