"""One recorded op call alone: run again on float64 copies, its rule beside a numeric derivative of its forward.

The numeric side takes the complex step where the forward is analytic, which is exact to rounding, and central
differences of several widths elsewhere, with an estimate of their error. Knows arrays and rows of the op table;
must not know graphs.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, Op
from tinygrad_edu.ops.shape import sum_to

EPS = float(np.finfo(np.float64).eps)
TINY = 1e-30  # the complex step: its square is below rounding wherever the number matters
WIDTHS = (3e-4, 1e-5, 3e-7, 3e-9, 1e-11)  # of central differences, relative; the first balances h⁴ with eps / h
NARROW = 1e-8  # widths below are taken only where a wider one crosses a kink: rounding may outweigh its estimate
GOOD = 1e-9  # differences with a smaller relative error need no narrower width
NOTHING = 1e-100  # where all elements are smaller, moving them by a part of their size would be lost to rounding
AGREEMENT = 1e-5  # of the complex step with central differences along random directions, to be believed


class NotReplayable(Exception):  # noqa: N818 - a reason, not a mistake
    """Why an op call can't be run alone."""


@dataclass(frozen=True)
class Call:
    """An op and its arguments: float arrays are float64, everything else is as it was recorded."""

    op: Op
    arrays: tuple[Any, ...]
    params: Mapping[str, Any]
    out: np.ndarray

    @classmethod
    def of(cls, op: Op, arrays: Sequence[Any], params: Mapping[str, Any]) -> Call:
        """The call at copies of the arguments. Raises NotReplayable where it gives no array of real numbers."""
        copies = tuple(_double(array) for array in arrays)
        if any(isinstance(array, np.ndarray) and array.dtype.kind == "c" for array in copies):
            raise NotReplayable("complex numbers")
        return cls(op, copies, params, _forward(op, copies, params))

    def at(self, position: int, array: np.ndarray) -> Call:
        """The same call with another array at `position`."""
        return Call.of(self.op, (*self.arrays[:position], array, *self.arrays[position + 1 :]), self.params)

    def with_op(self, op: Op) -> Call:
        """The call of another op with the same arguments."""
        return Call.of(op, self.arrays, self.params)

    def argument(self, position: int) -> np.ndarray:
        """The argument at `position` as an array."""
        return np.asarray(self.arrays[position], dtype=np.float64)

    def value(self, position: int, array: Any) -> np.ndarray:
        """What the forward gives with another array, perhaps a complex one, at `position`."""
        arrays = (*self.arrays[:position], array, *self.arrays[position + 1 :])
        return _computed(self.op, arrays, self.params)

    def raw_cotangent(self, position: int, g: np.ndarray) -> np.ndarray:
        """What the rule gives for `g`, of whatever shape and dtype; zeros where there is no rule."""
        rule = self.op.vjp(position)
        if rule is None:
            return np.zeros(np.shape(self.arrays[position]))
        with np.errstate(all="ignore"):
            result = rule(g.copy(), self.out, *self.arrays, **self.params)
        return np.asarray(getattr(result, "_data", result))

    def cotangent(self, position: int, g: np.ndarray) -> np.ndarray:
        """What the engine makes of the rule's result: summed back where an elementwise op broadcast, in float64."""
        raw = self.raw_cotangent(position, g)
        shape = np.shape(self.arrays[position])
        if raw.shape != shape and self.op.kind is ELEMENTWISE:
            raw = np.asarray(sum_to(raw, shape))
        return raw.astype(np.float64)

    def random_g(self, rng: np.random.Generator) -> np.ndarray:
        """A random cotangent of the result; no element is near 0, so that none is weighed away."""
        return np.asarray(rng.choice([-1.0, 1.0], self.out.shape) * rng.uniform(0.5, 1.5, self.out.shape))


def _double(array: Any) -> Any:
    if isinstance(array, np.ndarray | np.generic):
        return np.array(array, dtype=np.float64 if array.dtype.kind == "f" else array.dtype)
    return array


def _computed(op: Op, arrays: Sequence[Any], params: Mapping[str, Any]) -> np.ndarray:
    with np.errstate(all="ignore"):
        result = op.forward(*arrays, **params)
    if type(result).__module__.startswith("tinygrad_edu"):
        raise NotReplayable("its forward works on Tensors")
    return np.asarray(result)


def _forward(op: Op, arrays: Sequence[Any], params: Mapping[str, Any]) -> np.ndarray:
    try:
        out = _computed(op, arrays, params)
    except NotReplayable:
        raise
    except Exception as error:  # whatever the forward of somebody's op raises
        raise NotReplayable(f"its forward raises {type(error).__name__}: {error}") from None
    if out.dtype.kind != "f":
        raise NotReplayable(f"its result is {out.dtype}")
    return out


# --- the numeric derivative ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Jacobian:
    """The derivative of every element of the result by every element of an argument, as far as it was computed.

    local     for elementwise ops: the derivative of each element of the result by its own element, shape of out
    matrix    for all others: (size of out, number of columns)
    error     of each entry, by the numeric side's own account
    exact     whether the complex step gave it
    columns   which elements of the argument the columns belong to, flat; None for all of them
    """

    shape: tuple[int, ...]
    local: np.ndarray | None
    matrix: np.ndarray | None
    error: np.ndarray
    exact: bool
    columns: np.ndarray | None = None

    @property
    def complete(self) -> bool:
        """Whether every column was computed."""
        return self.columns is None

    def pull(self, g: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The cotangent of the argument for the cotangent `g` of the result, and the error of each element.

        nan and inf for elements whose column was not computed.
        """
        if self.local is not None:
            error = sum_to(np.abs(g) * self.error, self.shape)
            return np.asarray(sum_to(g * self.local, self.shape)), np.asarray(error)
        flat = g.ravel()
        assert self.matrix is not None
        with np.errstate(all="ignore"):
            values, errors = flat @ self.matrix, np.abs(flat) @ self.error
        if self.columns is not None:
            values, errors = self._scattered(values, np.nan), self._scattered(errors, np.inf)
        return values.reshape(self.shape), errors.reshape(self.shape)

    def _scattered(self, values: np.ndarray, rest: float) -> np.ndarray:
        """One value for each element of the argument, `rest` where its column was not computed."""
        result = np.full(math.prod(self.shape), rest)
        result[self.columns] = values
        return result

    def full(self) -> np.ndarray | None:
        """The matrix, (size of out, size of the argument), of an elementwise op too; None where columns are missing."""
        if self.local is None:
            return self.matrix if self.complete else None
        size = math.prod(self.shape)
        places = np.broadcast_to(np.arange(size).reshape(self.shape), self.local.shape).ravel()
        matrix = np.zeros((self.local.size, size))
        matrix[np.arange(self.local.size), places] = self.local.ravel()
        return matrix


def jacobian(
    call: Call,
    position: int,
    rng: np.random.Generator,
    seconds: float = 1.0,
    most: int = 2**22,
    first: Sequence[int] = (),
) -> Jacobian:
    """The numeric derivative of one call by one argument.

    seconds, most   the time and the number of entries it may take; beyond it only some columns are computed: those of
                    the elements in `first`, flat, and random ones
    """
    if call.op.kind is ELEMENTWISE:
        found = _elementwise(call, position, rng)
        if found is not None:
            return found
    exact = analytic(call, position, rng)
    grain = EPS if exact else _grain(call, position, rng)
    x = call.argument(position)
    sizes = scales(x).ravel()

    def column(place: int) -> tuple[np.ndarray, np.ndarray]:
        u = np.zeros(x.size)
        u[place] = sizes[place]
        slope, error = along(call, position, u.reshape(x.shape), exact, grain)
        return slope.ravel() / sizes[place], error.ravel() / sizes[place]

    start = time.process_time()
    if x.size:
        column(0)
    affordable = int(seconds / max(time.process_time() - start, 1e-9))
    affordable = max(min(affordable, most // max(call.out.size, 1)), 30)
    columns = None
    if affordable < x.size:
        others = np.setdiff1d(rng.permutation(x.size)[:affordable], first)
        columns = np.array([*first, *others], dtype=np.intp)
    places = range(x.size) if columns is None else columns
    matrix, error = np.empty((call.out.size, len(places))), np.empty((call.out.size, len(places)))
    for count, place in enumerate(places):
        matrix[:, count], error[:, count] = column(int(place))
    return Jacobian(x.shape, None, matrix, error, exact, columns)


def _elementwise(call: Call, position: int, rng: np.random.Generator) -> Jacobian | None:
    """All elements moved at once; None where the op doesn't keep its promise that they are independent."""
    x = call.argument(position)
    sizes = scales(x, alone=True)
    others = sizes * rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1.5, x.shape)
    for exact in (True, False):
        try:
            grain = EPS if exact else _grain(call, position, rng)
            local, error = (part / sizes for part in along(call, position, sizes, exact, grain))
            other, _ = (part / others for part in along(call, position, others, exact, grain))
            if local.shape != call.out.shape:
                return None
            if exact and not _agrees(call, position, others, other * others, rng):
                continue
        except Exception:  # complex numbers, or such a step, don't suit this forward
            continue
        with np.errstate(all="ignore"):
            apart = np.abs(local - other) > AGREEMENT * np.maximum(np.abs(local), np.abs(other)) + 10 * error
        if not np.any(apart & np.isfinite(local) & np.isfinite(other)):
            return Jacobian(x.shape, local, None, error, exact)
    return None


def analytic(call: Call, position: int, rng: np.random.Generator) -> bool:
    """Whether the complex step of this forward agrees with central differences, along two random directions."""
    x = call.argument(position)
    for _ in range(2):
        u = scales(x) * rng.choice([-1.0, 1.0], x.shape) * rng.uniform(0.5, 1.5, x.shape)
        try:
            slope, _error = along(call, position, u, True)
            if not _agrees(call, position, u, slope, rng):
                return False
        except Exception:  # complex numbers don't suit this forward
            return False
    return True


def _agrees(call: Call, position: int, u: np.ndarray, slope: np.ndarray, rng: np.random.Generator) -> bool:
    central, error = along(call, position, u, False, _grain(call, position, rng))
    with np.errstate(all="ignore"):
        scale = np.max(np.abs(slope), initial=0.0, where=np.isfinite(slope))
        close = np.abs(slope - central) <= AGREEMENT * (np.abs(slope) + 1e-3 * scale) + error
    return bool(np.all(close | ~np.isfinite(slope)))


def scales(x: np.ndarray, alone: bool = False) -> np.ndarray:
    """How far each element may be moved, times the relative width: its size, and where it is small that of others.

    alone   the elements don't meet: the size of others matters less
    """
    largest = np.max(np.abs(x), initial=0.0, where=np.isfinite(x))
    if largest < NOTHING:
        return np.full(x.shape, 1e-8 if largest else 1.0)
    size = np.maximum(np.abs(x), min(1e-2 * largest, 1e-3) if alone else 1e-2 * largest)
    return np.where(np.isfinite(size), size, 1.0)


def along(call: Call, position: int, u: np.ndarray, exact: bool, grain: float = EPS) -> tuple[np.ndarray, np.ndarray]:
    """The derivative of the result when the argument moves along `u`, and its error.

    exact   by the complex step; raises where the forward can't take complex numbers
    grain   the relative rounding of the forward, where it is coarser than float64
    """
    x = call.argument(position)
    if exact:
        with warnings.catch_warnings():
            warnings.simplefilter("error", np.exceptions.ComplexWarning)
            out = call.value(position, x + 1j * TINY * u)
        if out.dtype.kind != "c" or out.shape != call.out.shape:
            raise NotReplayable("the forward doesn't keep complex numbers")
        with np.errstate(all="ignore"):
            slope = np.asarray(out.imag / TINY)
        return slope, 64 * EPS * np.abs(slope)
    best, least = np.full(call.out.shape, np.nan), np.full(call.out.shape, np.inf)
    size = np.abs(call.out)
    if call.op.kind is not ELEMENTWISE:  # an element may be the difference of others
        size = np.full(size.shape, np.max(size, initial=0.0, where=np.isfinite(size)))
    for width in WIDTHS if grain <= EPS else (0.5 * grain ** (1 / 3),):
        with np.errstate(all="ignore"):
            near = (call.value(position, x + width * u) - call.value(position, x - width * u)) / (2 * width)
            far = (call.value(position, x + 2 * width * u) - call.value(position, x - 2 * width * u)) / (4 * width)
            slope, error = (4 * near - far) / 3, np.abs(near - far) / 3 + 8 * grain * size / width
            better = (error < least) & ((width > NARROW) | ~(least < 1e-3 * np.abs(best)))
        best, least = np.where(better, slope, best), np.where(better, error, least)
        if np.all(least <= GOOD * np.abs(best)):
            break
    return best, least


def _grain(call: Call, position: int, rng: np.random.Generator) -> float:
    """The relative rounding of the forward: that of the narrowest dtype that holds all results that move with x.

    Whole numbers say nothing: steps such as floor(x) are exact.
    """
    x = call.argument(position)
    out = call.value(position, x * (1 + 1e-3 * rng.uniform(-1, 1, x.shape)))
    out = out[out != call.out]
    if np.array_equal(out, np.rint(out), equal_nan=True):
        return EPS
    for narrow in (np.float16, np.float32):
        with np.errstate(all="ignore"):
            if np.array_equal(out.astype(narrow).astype(out.dtype), out, equal_nan=True):
                return float(np.finfo(narrow).eps)
    return EPS


def one_sided(call: Call, position: int, index: tuple[int, ...], g: np.ndarray, width: float) -> tuple[float, float]:
    """The slopes of ⟨g, result⟩ below and above one element, which is moved by `width` times its size."""
    x = call.argument(position)
    step = np.zeros(x.shape)
    step[index] = h = width * float(scales(x)[index])
    with np.errstate(all="ignore"):
        high, low = call.value(position, x + step) - call.out, call.out - call.value(position, x - step)
        return float(np.sum(g * low)) / h, float(np.sum(g * high)) / h
