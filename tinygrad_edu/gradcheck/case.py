"""What a diagnosis reads: the cotangent a rule gave, the right one, and everything both can depend on.

One comparison proves little: at x = 2, x² and 2x are equal. So a case comes with experiments, the same op and
rule at other points, cotangents and shapes. Knows op calls; must not know mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.replay import Call, Jacobian, NotReplayable, jacobian
from tinygrad_edu.ops.shape import sum_to

MOST = 2**20  # entries of a Jacobian that guesses may look at as a whole
LARGE = 2**16  # entries beyond which experiments are made on a corner of the arguments


@dataclass(frozen=True)
class Case:
    """One comparison.

    analytic   what the rule gave, of the argument's shape
    numeric    what is right, within `error`; nan where it wasn't computed
    g          the cotangent of the result, if known; then perhaps the op call too, and the derivative of its forward
    slopes     the only two values that the derivative has in all experiments, as for relu, smaller first; or nothing
    """

    analytic: np.ndarray
    numeric: np.ndarray
    error: np.ndarray
    g: np.ndarray | None = None
    call: Call | None = None
    position: int = 0
    jacobian: Jacobian | None = None
    slopes: tuple[float, ...] = ()

    @classmethod
    def of(cls, call: Call, position: int, g: np.ndarray, found: Jacobian) -> Case:
        """The comparison for the cotangent `g`. Raises whatever the rule raises."""
        numeric, error = found.pull(g)
        return cls(call.cotangent(position, g), numeric, error, g, call, position, found)

    @cached_property
    def shape(self) -> tuple[int, ...]:
        """That of the argument."""
        return self.numeric.shape

    @cached_property
    def x(self) -> np.ndarray | None:
        """The argument."""
        return None if self.call is None else self.call.argument(self.position)

    @cached_property
    def out(self) -> np.ndarray | None:
        """The result of the op."""
        return None if self.call is None else self.call.out

    @cached_property
    def others(self) -> dict[int, np.ndarray]:
        """The other arguments that are arrays of numbers, by position."""
        if self.call is None:
            return {}
        return {
            k: np.asarray(array, dtype=np.float64)
            for k, array in enumerate(self.call.arrays)
            if k != self.position and np.asarray(array).dtype.kind in "fiu"
        }

    @cached_property
    def matrix(self) -> np.ndarray | None:
        """The whole Jacobian, (size of out, size of the argument); None where it is unknown or too large."""
        if self.jacobian is None or self.out is None or self.out.size * self.numeric.size > MOST:
            return None
        return self.jacobian.full()

    @cached_property
    def local(self) -> np.ndarray | None:
        """The derivative of each element of the result by its own element, where the op is elementwise in fact."""
        if self.jacobian is None:
            return None
        if self.jacobian.local is not None:
            return self.jacobian.local
        assert self.out is not None
        matrix = self.matrix
        if matrix is None or self.out.shape != self.shape:
            return None
        diagonal = np.diagonal(matrix)
        return diagonal.reshape(self.shape) if np.array_equal(np.diag(diagonal), matrix) else None

    @cached_property
    def support(self) -> np.ndarray | None:
        """Which element of the result depends on which of the argument, as a matrix of booleans."""
        return None if self.matrix is None else self.matrix != 0

    @cached_property
    def sources(self) -> np.ndarray | None:
        """For each element of the argument the only element of the result it goes into, −1 for none."""
        if self.support is None or np.any(self.support.sum(axis=0) > 1):
            return None
        return np.where(self.support.any(axis=0), self.support.argmax(axis=0), -1)

    @cached_property
    def origins(self) -> np.ndarray | None:
        """For each element of the result the only element of the argument it comes from, −1 for none."""
        if self.support is None or np.any(self.support.sum(axis=1) > 1):
            return None
        return np.where(self.support.any(axis=1), self.support.argmax(axis=1), -1)

    def carry(self, values: np.ndarray) -> np.ndarray | None:
        """Values of the result's shape brought to the argument as they are, summed where an element was used often.

        None where the op mixes elements so that there is no such way.
        """
        if self.call is None:
            return values if values.shape == self.shape else None
        if self.local is not None:
            return np.asarray(sum_to(np.broadcast_to(values, self.local.shape), self.shape))
        if values.shape == self.shape:
            return values
        if self.sources is not None:
            flat = values.ravel()
            return np.where(self.sources >= 0, flat[self.sources], 0.0).reshape(self.shape) if flat.size else None
        if self.origins is not None:
            known = self.origins >= 0
            size = self.numeric.size
            return np.bincount(self.origins[known], values.ravel()[known], minlength=size).reshape(self.shape)
        return None

    def pull(self, g: np.ndarray) -> np.ndarray | None:
        """The right cotangent for another `g`."""
        return None if self.jacobian is None else self.jacobian.pull(g)[0]

    def pull_at(self, arrays: Sequence[np.ndarray], position: int | None = None) -> np.ndarray | None:
        """The right cotangent if the arguments were others, or for another argument."""
        assert self.call is not None
        assert self.g is not None
        position = self.position if position is None else position
        try:
            call = Call.of(self.call.op, arrays, self.call.params)
            if call.out.shape != self.g.shape or call.out.size * np.size(arrays[position]) > MOST:
                return None
            return jacobian(call, position, np.random.default_rng(0)).pull(self.g)[0]
        except Exception:  # the forward may refuse such arguments
            return None


# --- experiments ---------------------------------------------------------------------------------------------


def experiments(call: Call, position: int, g: np.ndarray, found: Jacobian, rng: np.random.Generator) -> list[Case]:
    """The comparison for `g` and, where the op is small, others: new cotangents, moved arguments, more rows.

    The first is the one that shows most: guesses are made from it.
    """
    cases = [Case.of(call, position, g, found), Case.of(call, position, call.random_g(rng), found)]
    if call.out.size * np.size(call.arrays[position]) > LARGE:
        call = _smaller(call)
        if call.out.size * np.size(call.arrays[position]) > LARGE:
            return cases
        cases = [*_tried([call], position, rng), *cases]
    wide = _tried(_wide(call, rng), position, rng)
    cases = [*wide, *cases, *_tried([*_moved(call, rng), *_stretched(call, position, rng)], position, rng)]
    slopes = _two_slopes(cases)
    return [replace(case, slopes=slopes) for case in cases]


def _two_slopes(cases: Sequence[Case]) -> tuple[float, ...]:
    """The values of the local derivative where there are only two in all cases."""
    if any(case.local is None or not np.isfinite(case.local).all() for case in cases):
        return ()
    values = np.concatenate([case.local.ravel() for case in cases if case.local is not None])
    scale = np.max(np.abs(values), initial=0.0)
    found = np.unique(np.round(values / scale, 9)) * scale if scale else np.zeros(1)
    return (float(found[0]), float(found[1])) if len(found) == 2 else ()


def _tried(calls: Iterable[Call], position: int, rng: np.random.Generator) -> list[Case]:
    cases = []
    for call in calls:
        try:
            case = Case.of(call, position, call.random_g(rng), jacobian(call, position, rng))
        except Exception:  # a rule may refuse what its forward takes
            continue
        if case.analytic.shape == case.shape and np.isfinite(case.numeric).all() and np.isfinite(case.analytic).all():
            cases.append(case)
    return cases


def _smaller(call: Call) -> Call:
    """The same op on a corner of its arguments: equal sides stay equal, unequal ones unequal; or the call itself."""
    arrays = [a for a in call.arrays if isinstance(a, np.ndarray)]
    sides = sorted({n for a in arrays for n in a.shape if n > 3})
    new = {n: min(n, 3 + place) for place, n in enumerate(sides)}
    cut = [a[tuple(slice(new.get(n, n)) for n in a.shape)] if isinstance(a, np.ndarray) else a for a in call.arrays]
    try:
        smaller = Call.of(call.op, cut, call.params)
    except NotReplayable:
        return call
    return smaller if np.isfinite(smaller.out).all() else call


def _wide(call: Call, rng: np.random.Generator) -> list[Call]:
    """The same op far from here, with signs and sizes mixed: both sides of every mask, where the domain allows it."""
    choices = [
        [_mixed(a, rng) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in call.arrays]
        for _ in range(2)
    ]
    return _valid(call, choices)


def _mixed(a: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return np.asarray(a * rng.choice([-1.0, 1.0], a.shape) * rng.uniform(0.3, 4.0, a.shape))


def _moved(call: Call, rng: np.random.Generator, wanted: int = 2) -> list[Call]:
    """The same op at other points of the same signs: elements shrunk one by one, or all alike."""
    factors = [lambda a: rng.uniform(0.6, 0.95, a.shape)] * wanted + [lambda a: rng.uniform(0.7, 0.95)] * wanted
    choices = [
        [a * factor(a) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for a in call.arrays]
        for factor in factors
    ]
    return _valid(call, choices)[:wanted]


def _valid(call: Call, choices: Iterable[Sequence[Any]]) -> list[Call]:
    """The calls with other arguments, where they give finite numbers of the same shape."""
    found = []
    for arrays in choices:
        try:
            other = Call.of(call.op, arrays, call.params)
        except NotReplayable:
            continue
        if other.out.shape == call.out.shape and np.isfinite(other.out).all():
            found.append(other)
    return found


def _stretched(call: Call, position: int, rng: np.random.Generator) -> Iterator[Call]:
    """The same op with longer arrays, so that a count differs from 2 and from other counts."""
    many = [k for k, a in enumerate(call.arrays) if isinstance(a, np.ndarray) and a.dtype.kind == "f" and a.ndim]
    ndim = max((call.arrays[k].ndim for k in many), default=0)
    for axis in range(-ndim, 0):  # from the right, as broadcasting counts
        for chosen in (many, [position], *([k] for k in many if k != position)):
            arrays = [_longer(a, axis, rng) if k in chosen else a for k, a in enumerate(call.arrays)]
            try:
                longer = Call.of(call.op, arrays, call.params)
            except Exception:  # shapes may not fit
                continue
            if np.isfinite(longer.out).all():
                yield longer
                break


def _longer(a: Any, axis: int, rng: np.random.Generator) -> Any:
    """More than twice as long along an axis, with numbers like those that are there; broadcast axes stay."""
    if not isinstance(a, np.ndarray) or a.ndim < -axis or a.shape[axis] == 1:
        return a
    first = np.take(a, [0], axis)
    return np.concatenate([a, *(part * rng.uniform(0.6, 0.95, part.shape) for part in (a, first))], axis)
