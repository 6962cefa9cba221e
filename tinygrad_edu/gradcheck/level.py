"""One order of a check: the derivatives by every input on both sides, compared entry by entry and along directions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import gradients
from tinygrad_edu.errors import GradientError, describe
from tinygrad_edu.gradcheck import directions as along_directions
from tinygrad_edu.gradcheck.choice import DIRECTIONS, affordable, search, stratified
from tinygrad_edu.gradcheck.lanes import Lanes
from tinygrad_edu.gradcheck.numeric import (
    EPS,
    Arrays,
    Numeric,
    by_complex_step,
    by_differences,
    call_samples,
    lane_samples,
    tensors_on,
    values_of,
)
from tinygrad_edu.gradcheck.plan import Evaluate, trace
from tinygrad_edu.gradcheck.report import FORWARD, INACCURATE, RIGHT, UNCHECKED, WRONG, Along, Row
from tinygrad_edu.gradcheck.verdict import Judge
from tinygrad_edu.gradcheck.ways import Ways
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor

PER_OP = 1000  # numbers that could be computed while an op is called
PER_CALL = 4e5  # and while the function is called four times


@dataclass(frozen=True)
class Settings:
    """What the caller of `gradcheck` chose."""

    method: str
    rtol: float
    atol: float
    step: float
    budget: float


class Level:
    """One order: the function (or the gradient of the order before), its derivatives, and what was found."""

    def __init__(
        self,
        number: int,
        names: list[str],
        points: Arrays,
        evaluate: Evaluate,
        settings: Settings,
        rng: np.random.Generator,
    ) -> None:
        self.number, self.names, self.points, self.evaluate = number, names, points, evaluate
        self.settings, self.rng = settings, rng
        outputs = values_of(evaluate, points)
        single = len(outputs) == 1 == outputs[0].size  # one number: the derivatives shown are those of f itself
        self.cotangents: Arrays = (
            [np.ones(outputs[0].shape)] if single else [_cotangent(rng, out.shape) for out in outputs]
        )
        self.higher = _pulled(evaluate, len(points))
        self.rows: list[Row] = []
        self.along: list[Along] = []
        self.taylor: tuple[float, ...] = ()
        self.failure: Exception | None = None
        try:
            self.analytic = [g._data for g in self.higher(tensors_on(points + self.cotangents), False)]
        except Exception as error:  # whatever a rule of the user's raises; f itself has just run
            self.failure = error
            return
        plan = trace(evaluate, points, rng)
        self.lanes = None if plan is None else Lanes(plan, Ways(plan, rng))
        self.eps = max(
            [EPS, *(float(np.finfo(out.dtype).eps) for out in outputs if out.dtype.kind == "f")]
            + ([] if self.lanes is None else [self.lanes.eps(place) for place in range(len(points))])
        )
        self.judge = Judge(
            evaluate,
            points,
            self.cotangents,
            self.lanes,
            settings.rtol,
            settings.atol,
            rng,
            self.eps,
            settings.method != "differences",
        )
        costs = [self._cost(place) for place in range(len(points))]
        counts = affordable([point.size for point in points], costs, settings.budget)
        self.rows = [self._row(place, count) for place, count in enumerate(counts)]
        self.taylor = self._everything_at_once()

    @property
    def is_wrong(self) -> bool:
        """Whether a gradient of this order is wrong, or can't be computed."""
        verdicts = {row.verdict for row in self.rows} | {found.verdict for found in self.along}
        return self.failure is not None or WRONG in verdicts

    def _cost(self, place: int) -> float:
        """Numbers computed for one entry of this input."""
        if self.lanes is None:
            return PER_CALL
        steps = len(self.lanes.plan.after([place]))
        calls = 1 if self._by_complex_step(place) else 4
        return float(self.lanes.cost(place) + calls * PER_OP * steps)

    def _by_complex_step(self, place: int) -> bool:
        possible = self.lanes is not None and self.lanes.analytic(place)
        if self.settings.method == "complex" and not possible:
            raise GradientError(
                describe(
                    f"gradcheck: the complex step doesn't give the derivative by {self.names[place]}",
                    where=here(),
                    why="an op after it is not analytic (abs, a kink, a cast, conj …), or f reads values with float(),"
                    " .item() or .numpy()",
                    fix='method="auto" takes differences there',
                    code="gradcheck-not-analytic",
                )
            )
        return possible and self.settings.method != "differences"

    def _numeric(self, place: int, entries: np.ndarray) -> Numeric:
        if self._by_complex_step(place):
            assert self.lanes is not None
            return by_complex_step(self.lanes, place, entries, self.cotangents)
        step = self.settings.step
        samples = (
            lane_samples(self.lanes, place, self.points[place], entries, step)
            if self.lanes is not None
            else call_samples(self.evaluate, self.points, place, entries, step)
        )
        return by_differences(samples, values_of(self.evaluate, self.points), entries, self.cotangents, self.eps)

    def _row(self, place: int, count: int) -> Row:
        size = self.points[place].size
        entries = stratified(size, count, self.rng)
        if len(entries) < size:
            rest = np.setdiff1d(np.arange(size), entries)
            entries = np.sort(np.concatenate([entries, self._suspects_among(place, rest)])).astype(int)
        numeric = self._numeric(place, entries)
        return self.judge.row(self.names[place], self.number, place, self.analytic[place], numeric)

    # --- along directions ------------------------------------------------------------------------------------

    def _suspects_among(self, place: int, rest: np.ndarray) -> list[int]:
        """Test the entries that are not compared one by one together; where they disagree, some that do."""
        suspects: dict[int, None] = {}
        for _ in range(DIRECTIONS):
            found = self._test(place, rest, self.names[place])
            self.along.append(found)
            if found.verdict == WRONG and not suspects:
                suspects = dict.fromkeys(search(rest, lambda part: self._test(place, part, "").verdict == WRONG))
        return list(suspects)

    def _test(self, place: int, entries: np.ndarray, name: str) -> Along:
        direction = np.zeros(self.points[place].shape)
        direction.reshape(-1)[entries] = self.rng.choice([-1.0, 1.0], len(entries))
        return self._along(UNCHECKED, name, {place: direction}, len(entries))

    def _along(self, what: str, name: str, directions: dict[int, np.ndarray], count: int) -> Along:
        numeric, error = along_directions.along(self.evaluate, self.lanes, self.points, directions, self.cotangents)
        parts = [self.analytic[place] * direction for place, direction in directions.items()]
        analytic = float(sum(part.sum() for part in parts))
        size = float(sum(np.abs(part).sum() for part in parts))
        tolerance = self.settings.atol + along_directions.TIGHT * size + 4 * error
        if not error <= 1e-6 * (size + abs(numeric)) + self.settings.atol:
            verdict = INACCURATE
        else:
            verdict = RIGHT if abs(analytic - numeric) <= tolerance else WRONG
        return Along(what, name, self.number, count, analytic, numeric, tolerance, verdict)

    def _everything_at_once(self) -> tuple[float, ...]:
        """Forward mode against reverse mode, and the orders of the Taylor remainder, along random directions."""
        orders = []
        for turn in range(2):
            directions = [
                self.rng.choice([-1.0, 1.0], p.shape) * self.rng.uniform(0.5, 1.5, p.shape) for p in self.points
            ]
            parts = [g * d for g, d in zip(self.analytic, directions)]
            slope = float(sum(part.sum() for part in parts))
            moving = {i: d * np.maximum(1, np.abs(self.points[i])) for i, d in enumerate(directions)}
            if turn == 0:
                self._forward(directions, slope, float(sum(np.abs(part).sum() for part in parts)))
            if self.number == 1:
                steep = float(sum((self.analytic[i] * d).sum() for i, d in moving.items()))
                orders.append(
                    along_directions.taylor_order(self.evaluate, self.points, moving, self.cotangents, steep, self.eps)
                )
        return tuple(order for order in orders if not np.isnan(order))

    def _forward(self, directions: Sequence[np.ndarray], slope: float, size: float) -> None:
        try:
            moved, _, independent = along_directions.forward_mode(
                self.evaluate, self.points, directions, self.cotangents
            )
        except Exception:  # a custom rule that writes into arrays can't run on Tensors: one witness less
            return
        if independent and np.isfinite(slope):
            tolerance = self.settings.atol + max(1e-9, 64 * self.eps) * size
            verdict = RIGHT if abs(moved - slope) <= tolerance else WRONG
            names = ", ".join(self.names)
            count = sum(point.size for point in self.points)
            self.along.append(Along(FORWARD, names, self.number, count, slope, moved, tolerance, verdict))


def _cotangent(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Random weights of an output's entries; none of them is near 0, so that no wrong entry is weighed away."""
    signs = rng.choice([-1.0, 1.0], shape)
    return np.asarray(signs * rng.uniform(0.5, 1.5, shape))


# --- the analytic side ---------------------------------------------------------------------------------------


def _pulled(evaluate: Evaluate, count: int) -> Evaluate:
    """The function that takes the `count` inputs of `evaluate` and a cotangent for each of its outputs, and gives
    the gradients of the inputs.

    The cotangents are inputs like the others: in the next order they are differentiated by, too, and a rule that
    loses the history of its cotangent is found.
    """

    def pull(tensors: Sequence[Tensor], record: bool) -> list[Tensor]:
        inputs, cotangents = list(tensors[:count]), tensors[count:]
        found = pull_back_all(evaluate(inputs, True), inputs, cotangents, record)
        return [Tensor(np.zeros(x.shape)) if g is None else g for x, g in zip(inputs, found)]

    return pull


def pull_back_all(
    outputs: Sequence[Tensor], inputs: list[Tensor], cotangents: Sequence[Any], record: bool = False
) -> list[Tensor | None]:
    """The gradients of Σ ⟨cotangent, output⟩ by the inputs; None where nothing depends on one."""
    totals: list[Tensor | None] = [None] * len(inputs)
    for output, cotangent in zip(outputs, cotangents):
        if output.requires_grad:
            found = gradients(output, inputs, cotangent, create_graph=record)
            totals = [g if total is None else total if g is None else total + g for total, g in zip(totals, found)]
    return totals
