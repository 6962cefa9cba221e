"""What a function computed at one point, as steps on arrays, to be run again for other inputs without calling it.

A watcher sees every op and follows values by their arrays, so the plan goes on where the graph ends: through
detach() and no_grad(). What leaves tensors altogether (float(), .numpy(), an `if` on a value) is not in it; that
is why a plan is compared with the function before anybody trusts it.
"""

from __future__ import annotations

import ast
import linecache
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.node import state, user_frame
from tinygrad_edu.op import Op
from tinygrad_edu.tensor import Tensor, tensor_on
from tinygrad_edu.watch import Watcher, watching

# How far, relative to max(1, |x|), the points lie at which plan and function are compared: both ways along a line, so
# that an `if` on a value which is just at its limit takes its other branch on one side.
TRIALS = (0.0, 2e-5, -2e-5, 1e-7, -1e-7)  # 2e-5 is a little more than differences move
AGREEMENT = 1e-11  # of plan and function there, relative to the largest output


@dataclass(frozen=True, eq=False)
class Step:
    """One op: its arguments are slots of values that move, or constants; what it gives goes into a slot of its own."""

    op: Op
    sources: tuple[int | None, ...]
    constants: tuple[Any, ...]  # a Tensor or number where the source is None
    params: dict[str, Any]
    slot: int
    file: str
    line: int
    path: str  # of the module that called it

    @property
    def site(self) -> str:
        """`file.py:31 in layer1`, where the call stands."""
        return f"{os.path.basename(self.file)}:{self.line}" + (f" in {self.path}" if self.path else "")


@dataclass(eq=False)
class Plan:
    """Steps in the order in which they ran. Slots 0, 1, … are the inputs, `values` what all slots held."""

    steps: list[Step] = field(default_factory=list)
    values: list[np.ndarray] = field(default_factory=list)
    outputs: list[int | np.ndarray] = field(default_factory=list)  # slots, or arrays that don't move
    constant_size: int = 0  # numbers computed by ops that depend on no input

    def after(self, moved: Sequence[int]) -> list[Step]:
        """The steps that must run again when these slots change, in order, as far as an output needs them."""
        changed = set(moved)
        forward = []
        for step in self.steps:
            if not changed.isdisjoint(step.sources):
                changed.add(step.slot)
                forward.append(step)
        needed = {slot for slot in self.outputs if isinstance(slot, int)}
        backward = []
        for step in reversed(forward):
            if step.slot in needed:
                needed.update(source for source in step.sources if source is not None)
                backward.append(step)
        return backward[::-1]

    def name_of(self, step: Step) -> str:
        """What the user's line calls the result of this step: `h` for `h = relu(x @ w)`; empty where it has no name."""
        last = next(s for s in reversed(self.steps) if (s.file, s.line) == (step.file, step.line))
        if last is not step:  # an op in the middle of the line
            return ""
        try:
            statement = ast.parse(linecache.getline(step.file, step.line).strip()).body[0]
        except (SyntaxError, IndexError):
            return ""
        targets = statement.targets if isinstance(statement, ast.Assign) else []
        return targets[0].id if len(targets) == 1 and isinstance(targets[0], ast.Name) else ""

    def arguments(self, step: Step, changed: dict[int, np.ndarray]) -> list[Any]:
        """The arrays of a step's arguments, some slots changed."""
        return [
            _plain(constant) if source is None else changed.get(source, self.values[source])
            for source, constant in zip(step.sources, step.constants)
        ]

    def run(self, points: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What the function gives for these inputs, if it takes the same path."""
        changed = dict(enumerate(points))
        for step in self.after(range(len(points))):
            changed[step.slot] = np.asarray(step.op.forward(*self.arguments(step, changed), **step.params))
        return [changed.get(o, self.values[o]) if isinstance(o, int) else o for o in self.outputs]


def _plain(constant: Any) -> Any:
    return constant._data if isinstance(constant, Tensor) else constant


class _Tracer(Watcher):
    """Writes a plan while the function runs; `slots` finds the slot of an array that moves."""

    def __init__(self, inputs: Sequence[Tensor]) -> None:
        self.plan = Plan()
        self.slots: dict[int, int] = {}
        self.kept: list[np.ndarray] = []  # an id is that of one array as long as the array lives
        for tensor in inputs:
            self.add(tensor._data)

    def add(self, array: np.ndarray) -> int:
        slot = self.slots[id(array)] = len(self.plan.values)
        self.plan.values.append(array)
        self.kept.append(array)
        return slot

    def slot_of(self, x: Any) -> int | None:
        return self.slots.get(id(x._data)) if isinstance(x, Tensor) else None

    def after(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any], result: Tensor, seconds: float) -> None:
        sources = tuple(map(self.slot_of, operands))
        if all(source is None for source in sources):
            self.plan.constant_size += result._data.size
            return
        constants = tuple(
            None if source is not None else tensor_on(x._data) if isinstance(x, Tensor) else x
            for source, x in zip(sources, operands)
        )
        scope = state().scope
        frame = user_frame()
        place = (frame.f_code.co_filename, frame.f_lineno, scope.path if scope else "")
        self.plan.steps.append(Step(op, sources, constants, params, self.add(result._data), *place))


Evaluate = Callable[[Sequence[Tensor], bool], list[Tensor]]


def trace(evaluate: Evaluate, points: Sequence[np.ndarray], rng: np.random.Generator) -> Plan | None:
    """The plan of `evaluate` at these points; None where it can't stand for the function."""
    inputs = [Tensor(point, requires_grad=True) for point in points]
    plan, _ = record(lambda: evaluate(inputs, True), inputs)
    return plan if _agrees(plan, evaluate, points, rng) else None


def record(call: Callable[[], list[Tensor]], inputs: Sequence[Tensor]) -> tuple[Plan, list[Tensor]]:
    """What a call computed from `inputs`, as a plan, and what it gave."""
    tracer = _Tracer(inputs)
    with watching(tracer):
        outputs = call()
    plan = tracer.plan
    slots = [tracer.slot_of(output) for output in outputs]
    plan.outputs = [output._data if slot is None else slot for slot, output in zip(slots, outputs)]
    return plan, outputs


def _agrees(plan: Plan, evaluate: Evaluate, points: Sequence[np.ndarray], rng: np.random.Generator) -> bool:
    """Whether plan and function give the same here and at points nearby, where everything has moved."""
    directions = [np.maximum(1, np.abs(p)) * rng.uniform(-1, 1, p.shape) for p in points]
    for distance in TRIALS:
        moved = [p + distance * direction for p, direction in zip(points, directions)]
        expected = [output._data for output in evaluate([Tensor(p, requires_grad=True) for p in moved], False)]
        try:
            found = plan.run(moved)
        except Exception:  # an op that doesn't fit the moved inputs: the path depends on the values
            return False
        if [a.shape for a in found] != [a.shape for a in expected]:
            return False
        scale = max((float(np.max(np.abs(a), initial=0.0, where=np.isfinite(a))) for a in expected), default=0.0)
        for a, b in zip(found, expected):
            if not np.allclose(a, b, rtol=AGREEMENT, atol=AGREEMENT * scale, equal_nan=True):
                return False
    return True
