"""The user's own float32 gradient beside the one in float64, and the step at which its digits are lost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinygrad_edu.gradcheck.level import Level, pull_back_all
from tinygrad_edu.gradcheck.plan import Plan
from tinygrad_edu.gradcheck.report import NOISY, Row
from tinygrad_edu.gradcheck.subject import Subject

LOST, GROWN = 1e-4, 30.0  # an error of a step's result, and how much more than those of its arguments, to be named


def with_own_gradient(subject: Subject, level: Level, rows: Sequence[Row]) -> tuple[list[Row], list[str]]:
    """The rows of the first order with `float32` filled in where the user's dtype is narrow; what to say about it."""
    tensors, outputs, plan = subject.evaluate_as_given()
    cotangents = [cotangent.astype(output.dtype) for output, cotangent in zip(outputs, level.cotangents)]
    found = pull_back_all(outputs, tensors, cotangents)
    result = list(rows)
    for place, (tensor, g, exact) in enumerate(zip(tensors, found, level.analytic)):
        if tensor.dtype.itemsize < 8 and exact.size:
            own = np.zeros(exact.shape) if g is None else g._data.astype(np.float64)
            largest = float(np.max(np.abs(exact)))
            distance = float(np.max(np.abs(own - exact)))
            result[place] = replace(result[place], float32=distance / largest if largest else distance)
    noisy = any(row.float32 is not None and not row.float32 < NOISY for row in result)
    if not noisy or level.lanes is None:
        return result, []
    lost = where_digits_go(plan, level.lanes.plan)
    return result, [f"float32: {lost}"] if lost else []


def where_digits_go(narrow: Plan, wide: Plan) -> str:
    """The first step whose narrow result is much further from the wide one than its arguments are; or nothing."""
    if [step.op for step in narrow.steps] != [step.op for step in wide.steps]:
        return ""
    errors = [_distance(a, b) for a, b in zip(narrow.values, wide.values)]
    for step in narrow.steps:
        before = max(errors[source] for source in step.sources if source is not None)
        after = errors[step.slot]
        if after > LOST and after > GROWN * before:
            result = f"only to {after:.0e}" if after < 1 else "in no digit"
            cancel = step.op.name in ("subtract", "add")
            return (
                f"digits are lost at {step.site}: the arguments of {step.op.name} are right to {before:.0e}, its "
                f"result {result}"
                + ("; nearly equal numbers cancel there, and float32 has 7 digits: rearrange it" if cancel else "")
            )
    return ""


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """The largest difference, relative to the largest element."""
    if a.shape != b.shape or a.dtype.kind != "f" or not a.size:
        return 0.0
    largest = float(np.max(np.abs(b)))
    distance = float(np.max(np.abs(a.astype(np.float64) - b)))
    return distance / largest if largest else distance
