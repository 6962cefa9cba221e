"""Many moved copies of an input through a plan at once: each lane moves one entry, along a hidden first axis.

What an op does with that axis is known to `vmap`, whose batched tensors carry the lanes here; nothing is recorded.
Only the steps after the moved input run again, and as long as one entry of a lane is all that has moved, only that
entry. Linear steps at the start take the one-hot array in the place of the argument, so the large product of a first
layer is done in real numbers and once, not for each of several widths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.batching import Batched, batched
from tinygrad_edu.gradcheck.plan import Plan, Step
from tinygrad_edu.gradcheck.ways import TINY, Way, Ways
from tinygrad_edu.node import recording
from tinygrad_edu.op import ELEMENTWISE
from tinygrad_edu.tensor import Tensor, tensor_on

CHUNK = 1 << 19  # numbers in the largest array of a chunk of lanes: 4 MB of float64, about what a cache holds
MOST = 1 << 12  # lanes in a chunk

EXACT = (Way.LINEAR, Way.LOCAL, Way.COMPLEX, Way.DISCRETE)

Lane = dict[int, np.ndarray]  # slot: array with one row per lane


@dataclass(frozen=True, eq=False)
class OneHot:
    """Lanes in each of which one entry of an input moves: its flat index, and a one-hot array of the input's shape."""

    slot: int
    entries: np.ndarray
    rows: np.ndarray


class Lanes:
    """Runs lanes through a plan."""

    def __init__(self, plan: Plan, ways: Ways) -> None:
        self.plan, self.ways = plan, ways
        self._tensors = [tensor_on(value) for value in plan.values]

    def analytic(self, slot: int) -> bool:
        """Whether every step after this input can be differentiated without differences."""
        return all(self.ways[step] in EXACT for step in self.plan.after([slot]))

    def eps(self, slot: int) -> float:
        """The rounding error of the narrowest step after this input, relative to its result."""
        outs = [self.plan.values[step.slot] for step in self.plan.after([slot])]
        return max((float(np.finfo(out.dtype).eps) for out in outs if out.dtype.kind == "f"), default=0.0)

    def cost(self, slot: int) -> int:
        """How many numbers one lane of this input computes."""
        return self.plan.values[slot].size + sum(self.plan.values[s.slot].size for s in self.plan.after([slot]))

    def chunks(self, slot: int, entries: np.ndarray) -> Iterator[tuple[slice, OneHot]]:
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
            yield slice(start, start + len(chosen)), OneHot(slot, chosen, hot[: len(chosen)])
            flat[rows, chosen] = 0.0

    def tangents(self, moved: Lane | OneHot) -> list[np.ndarray | None]:
        """How the outputs move when the slots in `moved` move by these tangents: exact to rounding.

        For inputs after which every step is analytic. None for an output that doesn't move.
        """
        with np.errstate(all="ignore"), recording(False):
            if isinstance(moved, OneHot):
                start = Start(self, moved, [np.ones(len(moved.entries))], exact=True)
                tangents, rest = start.rows(0), start.rest
            else:
                tangents, rest = dict(moved), self.plan.after(list(moved))
            for step in rest:
                tangent = self.tangent(step, tangents)
                if tangent is not None:
                    tangents[step.slot] = tangent
        return [tangents.get(o) if isinstance(o, int) else None for o in self.plan.outputs]

    def tangent(self, step: Step, tangents: Lane) -> np.ndarray | None:
        """The tangent of an analytic step; None where it doesn't move."""
        way = self.ways[step]
        places = [i for i, source in enumerate(step.sources) if source in tangents]
        if way not in EXACT or way is Way.DISCRETE or not places:
            return None
        if way is Way.LOCAL:
            slopes, ndim = self.ways.local[step.slot], self.plan.values[step.slot].ndim
            parts = [slopes[place] * _stretched(tangents[step.sources[place]], ndim) for place in places]  # type: ignore[index]
            return np.asarray(sum(parts[1:], parts[0]))
        if way is Way.LINEAR:
            total = None
            for place in places:
                arguments = self.arguments(step)
                arguments[place] = batched(tensor_on(tangents[step.sources[place]]))  # type: ignore[index]
                part = _run(step, arguments)
                total = part if total is None else total + part
            return total
        arguments = self.arguments(step)
        for place, source in enumerate(step.sources):  # all that can move, as when the step was tried out
            if source in tangents:
                arguments[place] = batched(tensor_on(self.plan.values[source] + 1j * TINY * tangents[source]))
            elif source is not None and self.plan.values[source].dtype.kind == "f":
                arguments[place] = tensor_on(self.plan.values[source].astype(complex))
        return np.asarray(_run(step, arguments).imag / TINY)

    def values(self, moved: OneHot, widths: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
        """What the outputs are where the moved entries move by `widths[k]`, one number per lane, for each k."""
        results = []
        with np.errstate(all="ignore"), recording(False):
            start = Start(self, moved, widths, exact=False)
            for k, width in enumerate(widths):
                changed = {slot: self.plan.values[slot] + rows for slot, rows in start.rows(k).items()}
                for step in start.rest:
                    arguments = self.arguments(step)
                    for i, source in enumerate(step.sources):
                        if source in changed:
                            arguments[i] = batched(tensor_on(changed[source]))
                    changed[step.slot] = _run(step, arguments)
                results.append([self._output(o, changed, len(width)) for o in self.plan.outputs])
        return results

    def _output(self, output: int | np.ndarray, changed: Lane, count: int) -> np.ndarray:
        if isinstance(output, int) and output in changed:
            return changed[output]
        value = self.plan.values[output] if isinstance(output, int) else output
        return np.broadcast_to(value, (count, *value.shape))

    def arguments(self, step: Step) -> list[Any]:
        """The arguments of a step as they were, Tensors and numbers."""
        return [
            constant if source is None else self._tensors[source]
            for source, constant in zip(step.sources, step.constants)
        ]


class Start:
    """The first steps after a moved entry: while a lane has one moved entry still, or has been through linear steps.

    A slot moves by a unit, the same for all widths, times an amplitude for each width and lane. Elementwise steps keep
    the one-hot unit and work on the moved entries alone; linear steps make another unit of it. `rest` are the steps
    that come after.
    """

    def __init__(self, lanes: Lanes, moved: OneHot, widths: Sequence[np.ndarray], exact: bool) -> None:
        self.lanes, self.moved, self.exact = lanes, moved, exact
        self.units: Lane = {moved.slot: moved.rows}
        self.amplitudes: dict[int, list[np.ndarray]] = {moved.slot: list(widths)}
        self.rest: list[Step] = []
        late: set[int] = set()
        for step in lanes.plan.after([moved.slot]):
            sources = [source for source in step.sources if source in self.units]
            if not late.isdisjoint(step.sources) or not self._take(step, sources):
                self.rest.append(step)
                late.add(step.slot)

    def rows(self, k: int) -> Lane:
        """How the slots that later steps or outputs read move at the width of number `k`."""
        read = {source for step in self.rest for source in step.sources}
        read |= {output for output in self.lanes.plan.outputs if isinstance(output, int)}
        return {slot: _along(self.amplitudes[slot][k], unit) for slot, unit in self.units.items() if slot in read}

    def _take(self, step: Step, sources: list[int]) -> bool:
        """Do a step here, if that is possible."""
        if all(self.units[source] is self.moved.rows for source in sources) and step.op.kind is ELEMENTWISE:
            amplitudes = self._one_by_one(step)
            if amplitudes is not None:
                self.units[step.slot], self.amplitudes[step.slot] = self.moved.rows, amplitudes
                return True
        if len(sources) != 1 or self.lanes.ways[step] is not Way.LINEAR:
            return False
        tangent = self.lanes.tangent(step, self.units)
        assert tangent is not None
        self.units[step.slot], self.amplitudes[step.slot] = tangent, self.amplitudes[sources[0]]
        return True

    def _one_by_one(self, step: Step) -> list[np.ndarray] | None:
        """The amplitudes after an elementwise step, from the moved entries alone; None where it can't be done so."""
        plan, shape = self.lanes.plan, self.moved.rows.shape[1:]
        moving = [i for i, source in enumerate(step.sources) if source in self.units]
        base = plan.arguments(step, {})
        fits = plan.values[step.slot].shape == shape and plan.values[step.slot].dtype.kind == "f"
        if not fits or any(base[i].shape != shape for i in moving):
            return None
        places = np.unravel_index(self.moved.entries, shape or (1,))

        def at(array: np.ndarray) -> np.ndarray:
            return np.broadcast_to(array, shape or (1,))[places]

        amplitudes = {i: self.amplitudes[step.sources[i]] for i in moving}  # type: ignore[index]
        if self.exact:
            if self.lanes.ways[step] is not Way.LOCAL:
                return None
            slopes = {i: at(self.lanes.ways.local[step.slot][i]) for i in moving}
            return [np.asarray(sum(slopes[i] * amplitudes[i][0] for i in moving))]
        gathered = [at(a) if isinstance(a, np.ndarray) else a for a in base]
        out, widths = at(plan.values[step.slot]), range(len(amplitudes[moving[0]]))
        calls = [gathered, *(_plus(gathered, amplitudes, k) for k in widths)]
        try:
            again, *moved = (np.asarray(step.op.forward(*arguments, **step.params)) for arguments in calls)
        except Exception:  # a forward that looks at the shape
            return None
        if again.shape != out.shape or not np.allclose(again, out, rtol=1e-12, atol=0, equal_nan=True):
            return None
        return [value - out for value in moved]


def _plus(base: list[Any], amplitudes: dict[int, list[np.ndarray]], k: int) -> list[Any]:
    return [value + amplitudes[i][k] if i in amplitudes else value for i, value in enumerate(base)]


def _run(step: Step, arguments: list[Any]) -> np.ndarray:
    result: Tensor = Batched.__tinygrad_apply__(step.op, tuple(arguments), step.params)
    return result._data


def _stretched(rows: np.ndarray, ndim: int) -> np.ndarray:
    """One array per lane, with sides of 1 in front until each has `ndim` axes."""
    return rows.reshape(len(rows), *(1,) * (ndim + 1 - rows.ndim), *rows.shape[1:])


def _along(width: np.ndarray, unit: np.ndarray) -> np.ndarray:
    return np.asarray(width.reshape(-1, *(1,) * (unit.ndim - 1)) * unit)
