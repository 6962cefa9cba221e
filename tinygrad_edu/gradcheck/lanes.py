"""Many moved copies of an input through a plan at once: each lane moves one entry, along a hidden first axis.

What an op does with that axis is known to `vmap`, whose batched tensors carry the lanes here; nothing is recorded.
Only the steps after the moved input run again. Linear steps at the start take the moved entry alone (the one-hot
array in the place of the argument), so the large product of a first layer is done in real numbers and once, not
for each of several steps.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.batching import Batched, batched
from tinygrad_edu.gradcheck.plan import Plan, Step
from tinygrad_edu.gradcheck.ways import TINY, Way, Ways
from tinygrad_edu.node import recording
from tinygrad_edu.tensor import Tensor, tensor_on

CHUNK = 1 << 19  # numbers in the largest array of a chunk of lanes: 4 MB of float64, about what a cache holds
MOST = 1 << 12  # lanes in a chunk

Lane = dict[int, np.ndarray]  # slot: array with one row per lane


class Lanes:
    """Runs lanes through a plan."""

    def __init__(self, plan: Plan, ways: Ways) -> None:
        self.plan, self.ways = plan, ways
        self._tensors = [tensor_on(value) for value in plan.values]

    def analytic(self, slot: int) -> bool:
        """Whether every step after this input can be differentiated without differences."""
        return all(self.ways[step] in (Way.LINEAR, Way.COMPLEX, Way.DISCRETE) for step in self.plan.after([slot]))

    def eps(self, slot: int) -> float:
        """The rounding error of the narrowest step after this input, relative to its result."""
        outs = [self.plan.values[step.slot] for step in self.plan.after([slot])]
        return max((float(np.finfo(out.dtype).eps) for out in outs if out.dtype.kind == "f"), default=0.0)

    def cost(self, slot: int) -> int:
        """How many numbers one lane of this input computes."""
        return self.plan.values[slot].size + sum(self.plan.values[s.slot].size for s in self.plan.after([slot]))

    def chunks(self, slot: int, entries: np.ndarray) -> Iterator[tuple[slice, np.ndarray]]:
        """The flat `entries` of an input in chunks: where they are in `entries`, and one-hot arrays, one per lane.

        The array is written again for the next chunk.
        """
        shape = self.plan.values[slot].shape
        largest = max([self.plan.values[slot].size, *(self.plan.values[s.slot].size for s in self.plan.after([slot]))])
        count = int(max(1, min(MOST, CHUNK // max(largest, 1), len(entries))))
        hot = np.zeros((count, *shape))
        flat = hot.reshape(count, -1)
        for start in range(0, len(entries), count):
            chosen = entries[start : start + count]
            rows = np.arange(len(chosen))
            flat[rows, chosen] = 1.0
            yield slice(start, start + len(chosen)), hot[: len(chosen)]
            flat[rows, chosen] = 0.0

    def tangents(self, moved: Lane) -> list[np.ndarray | None]:
        """How the outputs move when the slots in `moved` move by these tangents: exact to rounding.

        For inputs after which every step is analytic. None for an output that doesn't move.
        """
        tangents = dict(moved)
        with np.errstate(all="ignore"), recording(False):
            for step in self.plan.after(list(moved)):
                tangent = self.tangent(step, tangents)
                if tangent is not None:
                    tangents[step.slot] = tangent
        return [tangents.get(o) if isinstance(o, int) else None for o in self.plan.outputs]

    def tangent(self, step: Step, tangents: Lane) -> np.ndarray | None:
        """The tangent of an analytic step; None where it doesn't move."""
        way = self.ways[step]
        places = [i for i, source in enumerate(step.sources) if source in tangents]
        if way not in (Way.LINEAR, Way.COMPLEX) or not places:
            return None
        if way is Way.LINEAR:
            total = None
            for place in places:
                arguments = self._arguments(step)
                arguments[place] = batched(tensor_on(tangents[step.sources[place]]))  # type: ignore[index]
                part = _run(step, arguments)
                total = part if total is None else total + part
            return total
        arguments = self._arguments(step)
        for place, source in enumerate(step.sources):  # all that can move, as when the step was tried out
            if source in tangents:
                arguments[place] = batched(tensor_on(self.plan.values[source] + 1j * TINY * tangents[source]))
            elif source is not None and self.plan.values[source].dtype.kind == "f":
                arguments[place] = tensor_on(self.plan.values[source].astype(complex))
        return np.asarray(_run(step, arguments).imag / TINY)

    def values(self, moved: Lane, widths: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
        """What the outputs are where slots move by `widths[k]` (one number per lane) times `moved`, for each k."""
        steps = self.plan.after(list(moved))
        results = []
        with np.errstate(all="ignore"), recording(False):
            units, rest = self._linear_start(steps, dict(moved))
            for width in widths:
                changed = {slot: self.plan.values[slot] + _along(width, unit) for slot, unit in units.items()}
                for step in rest:
                    arguments = self._arguments(step)
                    for i, source in enumerate(step.sources):
                        if source in changed:
                            arguments[i] = batched(tensor_on(changed[source]))
                    changed[step.slot] = _run(step, arguments)
                count = len(width)
                results.append([self._output(o, changed, count) for o in self.plan.outputs])
        return results

    def _linear_start(self, steps: list[Step], units: Lane) -> tuple[Lane, list[Step]]:
        """Units of what the linear steps at the start give, and the steps after them.

        What is not needed any more is dropped: adding the one-hot arrays of a large input to it costs more than all
        the rest.
        """
        rest: list[Step] = []
        for step in steps:
            places = [i for i, source in enumerate(step.sources) if source in units]
            late = any(source == other.slot for source in step.sources for other in rest)
            if len(places) == 1 and not late and self.ways[step] is Way.LINEAR:
                units[step.slot] = self.tangent(step, units)  # type: ignore[assignment]
            else:
                rest.append(step)
        read = {source for step in rest for source in step.sources} | {
            o for o in self.plan.outputs if isinstance(o, int)
        }
        return {slot: unit for slot, unit in units.items() if slot in read}, rest

    def _output(self, output: int | np.ndarray, changed: Lane, count: int) -> np.ndarray:
        if isinstance(output, int) and output in changed:
            return changed[output]
        value = self.plan.values[output] if isinstance(output, int) else output
        return np.broadcast_to(value, (count, *value.shape))

    def _arguments(self, step: Step) -> list[Any]:
        return [
            constant if source is None else self._tensors[source]
            for source, constant in zip(step.sources, step.constants)
        ]


def _run(step: Step, arguments: list[Any]) -> np.ndarray:
    result: Tensor = Batched.__tinygrad_apply__(step.op, tuple(arguments), step.params)
    return result._data


def _along(width: np.ndarray, unit: np.ndarray) -> np.ndarray:
    return np.asarray(width.reshape(-1, *(1,) * (unit.ndim - 1)) * unit)
