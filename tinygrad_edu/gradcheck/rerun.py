"""A program run again at the same inputs and beside them: which ops ran, and which constants were not constant.

Knows how to watch a run; must not know what to blame.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.gradcheck.replay import scales
from tinygrad_edu.gradcheck.sweep import sweep_over
from tinygrad_edu.node import Node, here, recording, site_of
from tinygrad_edu.op import Op, signature
from tinygrad_edu.tensor import Tensor, tensor_on
from tinygrad_edu.watch import Watcher, watching

WIDTH = 1e-5  # how far the inputs move, relative to their size
SAME = 1e-11  # a constant that moves by less, relative to its largest element, has not moved


class Step(NamedTuple):
    """One op call of a run: its line, the operands and parameters that carry no gradient, and its node, if it has one.

    constants   name, value, and the note on where its history ended, if one is known
    """

    op: Op
    site: str
    constants: tuple[tuple[str, Any, tuple[str, str]], ...]
    node: Node | None


@dataclass(frozen=True)
class Change:
    """A constant in the graph that moves with the inputs: `argument y of multiply`, or an output.

    share    the part of the difference between the program's slope and its gradient's that it explains
    broken   how its history ended and where, both empty if nobody knows
    """

    name: str
    site: str
    here: Any
    there: Any
    share: float = 0.0
    broken: tuple[str, str] = ("", "")


@dataclass
class Beside:
    """What running the program again has shown.

    random    a constant that differs between two runs at the same inputs
    branch    the first op that is another one beside the inputs: what runs here, and what there
    differs   whether the slope of the program along the direction differs from that of its gradient
    """

    random: Change | None = None
    branch: tuple[str, str] | None = None
    differs: bool = False
    changes: list[Change] = field(default_factory=list)


class _Recorder(Watcher):
    def __init__(self) -> None:
        self.steps: list[Step] = []

    def after(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any], result: Tensor, seconds: float) -> None:
        names = list(signature(op).parameters)
        constants: list[tuple[str, Any, tuple[str, str]]] = []
        for place, x in enumerate(operands):
            name = f"{names[0]}[{place}]" if op.variadic else names[place]
            if not isinstance(x, Tensor):
                constants.append((name, x, ("", "")))
            elif not x.requires_grad:
                broken = x._broken
                note = ("", "") if broken is None else (broken[0], site_of(broken[1], broken[2]))
                constants.append((name, x._data.copy(), note))
        constants += [(name, value, ("", "")) for name, value in params.items()]
        self.steps.append(Step(op, here(), tuple(constants), result._node if result.requires_grad else None))


@dataclass
class _Run:
    outputs: list[Tensor]
    steps: list[Step]
    value: float


def run_beside(
    rerun: Callable[[list[Tensor]], Any],
    inputs: Sequence[Tensor],
    cotangents: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> Beside:
    """Run the program at the inputs, twice, and on both sides of them along a random direction.

    Where it can't be run there, such as outside a domain, nothing is said.
    """
    try:
        return _compared(rerun, inputs, cotangents, rng)
    except Exception:  # whatever the user's program raises
        return Beside()


def _compared(
    rerun: Callable[[list[Tensor]], Any],
    inputs: Sequence[Tensor],
    cotangents: Sequence[np.ndarray],
    rng: np.random.Generator,
) -> Beside:
    points = [np.array(tensor._data, dtype=np.float64) for tensor in inputs]
    direction = [WIDTH * scales(p) * rng.choice([-1.0, 1.0], p.shape) * rng.uniform(0.5, 1.5, p.shape) for p in points]
    tensors = _leaves(points)
    middle = _run(rerun, tensors, cotangents)
    again = _run(rerun, _leaves(points), cotangents)
    found = Beside()
    differing = next(_moved(middle, again), None)
    if differing is not None and not _other_ops(middle, again):
        step, name, a, b, _ = differing
        found.random = Change(_words(step, name), step.site, a, b)
        return found
    high = _run(rerun, _leaves([p + d for p, d in zip(points, direction)]), cotangents)
    low = _run(rerun, _leaves([p - d for p, d in zip(points, direction)]), cotangents)
    found.branch = _other_ops(middle, high) or _other_ops(middle, low)
    if found.branch is not None:
        return found
    gradient = _gradients(middle, tensors, cotangents)
    cotangent_of = sweep_over(middle.outputs, cotangents).total
    analytic = sum(float(np.sum(g * d)) for g, d in zip(gradient, direction))
    slope = (high.value - low.value) / 2
    missing = slope - analytic
    size = sum(float(np.sum(np.abs(g * d))) for g, d in zip(gradient, direction)) + abs(slope)
    found.differs = abs(missing) > 1e-6 * size + 1e-13 * abs(middle.value)
    if found.differs:
        for step, name, value, above, below, broken in _both_sides(middle, high, low):
            share = _influence(step, name, above, below, cotangent_of) / 2 / missing
            there = above if _differ(value, above) else below
            found.changes.append(Change(_words(step, name), step.site, value, there, share, broken))
        found.changes += _outputs_without_graph(middle, high, low, cotangents, missing)
    return found


def _leaves(points: Sequence[np.ndarray]) -> list[Tensor]:
    return [Tensor(point, requires_grad=True) for point in points]


def _words(step: Step, name: str) -> str:
    return f"argument {name} of {step.op.name}"


def _outputs_without_graph(
    middle: _Run, high: _Run, low: _Run, cotangents: Sequence[np.ndarray], missing: float
) -> Iterator[Change]:
    """Outputs that depend on the inputs and carry no graph at all."""
    for output, above, below, c in zip(middle.outputs, high.outputs, low.outputs, cotangents):
        if not output.requires_grad and _differ(output._data, above._data):
            share = float(np.sum(c * (above._data - below._data))) / 2 / missing
            broken = output._broken
            note = ("", "") if broken is None else (broken[0], site_of(broken[1], broken[2]))
            yield Change("the output", note[1], output._data, above._data, share, note)


def _run(rerun: Callable[[list[Tensor]], Any], tensors: list[Tensor], cotangents: Sequence[np.ndarray]) -> _Run:
    recorder = _Recorder()
    with np.errstate(all="ignore"), watching(recorder), recording(True):
        result = rerun(tensors)
    outputs = list(result) if isinstance(result, list | tuple) else [result]
    value = sum(float(np.sum(c * output._data)) for c, output in zip(cotangents, outputs))
    return _Run(outputs, recorder.steps, value)


def _other_ops(one: _Run, other: _Run) -> tuple[str, str] | None:
    """The first ops at which two runs part."""
    for a, b in zip(one.steps, other.steps):
        if (a.op.name, a.site) != (b.op.name, b.site):
            return f"{a.op.name} at {a.site}", f"{b.op.name} at {b.site}"
    longer, count = (one, len(other.steps)) if len(one.steps) > len(other.steps) else (other, len(one.steps))
    if len(one.steps) == len(other.steps):
        return None
    extra = longer.steps[count]
    texts = (f"{extra.op.name} at {extra.site}", "nothing more")
    return texts if longer is one else (texts[1], texts[0])


def _moved(one: _Run, other: _Run) -> Iterator[tuple[Step, str, Any, Any, tuple[str, str]]]:
    """The constants of recorded ops that differ between two runs."""
    for a, b in zip(one.steps, other.steps):
        if a.node is not None:
            for (name, value, broken), (_, there, _note) in zip(a.constants, b.constants):
                if _differ(value, there):
                    yield a, name, value, there, broken


def _both_sides(middle: _Run, high: _Run, low: _Run) -> Iterator[tuple[Step, str, Any, Any, Any, tuple[str, str]]]:
    """The constants of recorded ops that moved on either side: step, name, value here, above and below, break."""
    above = {(id(step), name): there for step, name, _, there, _ in _moved(middle, high)}
    below = {(id(step), name): there for step, name, _, there, _ in _moved(middle, low)}
    for step in middle.steps:
        for name, value, broken in step.constants:
            key = (id(step), name)
            if key in above or key in below:
                yield step, name, value, above.get(key, value), below.get(key, value), broken


def _differ(a: Any, b: Any) -> bool:
    if isinstance(a, tuple | list) and isinstance(b, tuple | list):
        return len(a) != len(b) or any(_differ(x, y) for x, y in zip(a, b))
    if isinstance(a, slice) and isinstance(b, slice):
        return (a.start, a.stop, a.step) != (b.start, b.stop, b.step)
    if isinstance(a, np.ndarray | float | int | complex) and isinstance(b, np.ndarray | float | int | complex):
        if np.shape(a) != np.shape(b):
            return True
        with np.errstate(all="ignore"):
            away = np.max(np.abs(np.subtract(a, b, dtype=np.complex128)), initial=0.0)
        return bool(away > SAME * np.max(np.abs(a), initial=0.0))
    return type(a) is not type(b)


def _gradients(run: _Run, tensors: list[Tensor], cotangents: Sequence[np.ndarray]) -> list[np.ndarray]:
    seeds = [
        (output._node, tensor_on(np.asarray(c, dtype=output.dtype)))
        for output, c in zip(run.outputs, cotangents)
        if output._node is not None and output._node.requires_grad
    ]
    wanted = [tensor._node for tensor in tensors]
    found = pull_back(seeds, wanted, create_graph=False) if seeds else [None] * len(tensors)
    return [np.zeros(t.shape) if g is None else g._data for t, g in zip(tensors, found)]


def _influence(step: Step, name: str, above: Any, below: Any, cotangent_of: dict[Node, np.ndarray]) -> float:
    """By how much the output changes when only this constant does: ⟨g, result above − result below⟩."""
    node = step.node
    if node is None or node not in cotangent_of:
        return 0.0
    names = list(signature(step.op).parameters)
    results = []
    for value in (above, below):
        arrays, params = [parent.out for parent in node.inputs], dict(node.params)
        if name in params:
            params[name] = value
        else:
            arrays[int(name.partition("[")[2][:-1]) if step.op.variadic else names.index(name)] = value
        try:
            with np.errstate(all="ignore"):
                results.append(np.asarray(step.op.forward(*arrays, **params), dtype=np.float64))
        except Exception:  # an index or a shape that fits no longer
            return 0.0
    if results[0].shape != results[1].shape:
        return 0.0
    return float(np.sum(cotangent_of[node] * (results[0] - results[1])))
