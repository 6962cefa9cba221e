"""np.pad with all its modes: borders of copies are one row; ramps, statistics and odd mirrors are joined on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.compositions.joining import concatenate
from tinygrad_edu.compositions.order import plain
from tinygrad_edu.compositions.reduction import cast
from tinygrad_edu.compositions.shape import along
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops import pad as row
from tinygrad_edu.ops import shape as rows
from tinygrad_edu.refusal import asked, asked_as
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

__all__ = ["pad"]

_OPTIONS = {
    "constant": ("constant_values",), "empty": (), "edge": (), "wrap": (), "linear_ramp": ("end_values",),
    "reflect": ("reflect_type",), "symmetric": ("reflect_type",),
    "maximum": ("stat_length",), "mean": ("stat_length",), "median": ("stat_length",), "minimum": ("stat_length",),
}  # fmt: skip


@implements(np.pad)
def pad(array: Any, pad_width: Any, mode: Any = "constant", **kwargs: Any) -> Tensor:
    """`array` with a border of `pad_width` entries: one number, (before, behind), a pair per axis, {axis: width}.

    mode 'constant' (constant_values=0), 'edge', 'reflect' and 'symmetric' (reflect_type='even' or 'odd'), 'wrap',
    'linear_ramp' (end_values=0), 'maximum', 'mean', 'median', 'minimum' (stat_length=None, over how many entries).
    'empty' gives a border of zeros: in NumPy it is whatever lies in memory. A function is called as NumPy calls it,
    `mode(vector, (before, behind), axis, kwargs)` for each vector along each axis, and writes the border into vector.
    Gradients flow through constants and end values that are Tensors, and through what a function writes.

    >>> import tinygrad_edu as tg
    >>> tg.pad([1.0, 2.0, 3.0], (1, 2), mode="reflect")
    Tensor([2., 1., 2., 3., 2., 1.])
    """
    x = as_tensor(array)
    if callable(mode):
        return _by_function(x, plain(pad_width), mode, kwargs)
    if not isinstance(mode, str) or mode not in _OPTIONS:
        known = ", ".join(map(repr, _OPTIONS)) + ", or a function"
        raise ShapeError(describe(f"pad: no mode {mode!r}", where=here(), known=known, code="unknown-choice"))
    unknown = sorted(set(kwargs) - set(_OPTIONS[mode]))
    if unknown:
        what = f"pad: mode {mode!r} takes no {', '.join(unknown)}"
        raise ShapeError(
            describe(what, where=here(), takes=", ".join(_OPTIONS[mode]) or "no option", code="wrong-arguments")
        )
    pad_width = plain(pad_width)
    if not x.ndim:  # no axis to widen, but the width must be one
        asked_as("pad", row.pairs, pad_width, 1)
        return x.copy()
    odd = kwargs.get("reflect_type", "even")
    if odd not in ("even", "odd"):
        raise ShapeError(
            describe(f"pad: reflect_type must be 'even' or 'odd', not {odd!r}", where=here(), code="unknown-choice")
        )
    widths = asked_as("pad", row.pairs, pad_width, x.ndim)
    if mode not in ("constant", "empty") and any(side == 0 and width != (0, 0) for side, width in zip(x.shape, widths)):
        raise ShapeError(
            describe(f"pad: mode {mode!r} can't widen an axis without elements", where=here(), code="empty-input")
        )
    if mode == "empty":
        return row.pad(x, pad_width=pad_width)
    tracked = x.dtype.kind in "fc" and _is_tracked(kwargs)
    if (mode == "constant" and not tracked) or (mode in row.COPIES and odd == "even"):
        given = {"mode": mode} if mode != "constant" else {k: plain(v) for k, v in kwargs.items()}
        return row.pad(x, pad_width=pad_width, **given)
    if x.dtype.kind not in "fc":  # NumPy rounds in its own way, and there is no gradient
        return tensor_on(asked(np.pad, plain(x), widths, mode=mode, **{k: plain(v) for k, v in kwargs.items()}))
    if not any(map(any, widths)):
        return x.copy()
    for axis, (before, behind) in enumerate(widths):
        if before or behind:
            x = _BORDERS[mode](x, axis, before, behind, kwargs)
    return x


Options = dict[str, Any]


def _is_tracked(options: Options) -> bool:
    """Whether a gradient flows through a value of the border."""
    return any(
        isinstance(value, list | tuple | Tensor) and as_tensor(value).requires_grad for value in options.values()
    )


def _by_function(x: Tensor, pad_width: Any, function: Callable[..., Any], kwargs: Options) -> Tensor:
    """A border of zeros, into which `function` writes vector by vector, the axes one after the other."""
    widths = asked_as("pad", row.pairs, pad_width, x.ndim)
    x = row.pad(x, pad_width=widths)
    for axis, width in enumerate(widths):
        last = x.swapaxes(axis, -1)
        vectors = [last[place].copy() for place in np.ndindex(last.shape[:-1])]
        for vector in vectors:
            function(vector, width, axis, kwargs)
        if vectors:
            x = rows.stack(vectors).reshape(last.shape).swapaxes(axis, -1)
    return x


def _pair(options: Options, name: str, x: Tensor, axis: int) -> tuple[Any, Any]:
    """The option for the front and the back of one axis, from any of NumPy's forms."""
    value = options.get(name, 0)
    if _is_tracked({name: value}):
        value = cast(value, x.dtype)
        asked_as(f"pad: {name}", np.broadcast_to, plain(value), (x.ndim, 2))
        front, back = rows.broadcast_to(value, (x.ndim, 2))[axis]
        return front, back
    table = asked_as(f"pad: {name}", np.broadcast_to, np.asarray(plain(value)), (x.ndim, 2))
    return table[axis, 0].item(), table[axis, 1].item()


def _constant(x: Tensor, axis: int, before: int, behind: int, options: Options) -> Tensor:
    """A border of numbers through which gradients flow."""
    front, back = (
        rows.broadcast_to(as_tensor(value).astype(x.dtype), (*x.shape[:axis], count, *x.shape[axis + 1 :]))
        for value, count in zip(_pair(options, "constant_values", x, axis), (before, behind))
    )
    return concatenate((front, x, back), axis=axis)


def _ramp(x: Tensor, axis: int, before: int, behind: int, options: Options) -> Tensor:
    """From the outermost elements in equal steps to the end values."""
    start, end = _pair(options, "end_values", x, axis)

    def steps(edge: Tensor, value: Any, count: int) -> Tensor:
        shares = np.arange(count, dtype=np.float64) / max(count, 1)
        column = shares.astype(x.dtype).reshape((-1,) + (1,) * (x.ndim - 1 - axis))
        result: Tensor = value + (edge - value) * column
        return result

    front = steps(x[along(axis, slice(0, 1))], start, before)
    back = steps(x[along(axis, slice(-1, None))], end, behind)[along(axis, slice(None, None, -1))]
    return concatenate((front, x, back), axis=axis)


def _statistic(function: Callable[..., Any]) -> Callable[..., Tensor]:
    """A border of the maximum, mean, … of the nearest entries."""

    def bordered(x: Tensor, axis: int, before: int, behind: int, options: Options) -> Tensor:
        side = x.shape[axis]
        lengths: tuple[Any, Any] = (side, side)
        if options.get("stat_length") is not None:
            lengths = _pair(options, "stat_length", x, axis)
            if min(lengths) < 1:
                raise ShapeError(
                    describe(
                        f"pad: stat_length {min(lengths)} is less than 1", where=here(), code="number-out-of-range"
                    )
                )
        near = x[along(axis, slice(0, lengths[0]))], x[along(axis, slice(max(side - lengths[1], 0), None))]
        values = [function(part, axis=axis, keepdims=True) for part in near]
        front, back = (
            rows.broadcast_to(value, (*x.shape[:axis], count, *x.shape[axis + 1 :]))
            for value, count in zip(values, (before, behind))
        )
        return concatenate((front, x, back), axis=axis)

    return bordered


def _odd_mirror(inner: int) -> Callable[..., Tensor]:
    """Mirrored through the outermost elements, 2·edge − x, as often as the border is longer than the mirror reaches."""

    def bordered(x: Tensor, axis: int, before: int, behind: int, options: Options) -> Tensor:
        while before or behind:
            side = x.shape[axis]
            if side == 1 and inner:  # nothing to mirror: NumPy repeats the only element
                ends = (slice(0, 1), before), (slice(0, 1), behind)
                parts = [np.repeat(x[along(axis, end)], count, axis) for end, count in ends]
                return concatenate((parts[0], x, parts[1]), axis=axis)
            front, back = min(before, side - inner), min(behind, side - inner)
            first, last = x[along(axis, slice(0, 1))], x[along(axis, slice(side - 1, None))]
            head = x[along(axis, slice(inner, inner + front))][along(axis, slice(None, None, -1))]
            tail = x[along(axis, slice(side - inner - back, side - inner))][along(axis, slice(None, None, -1))]
            x = concatenate((2 * first - head, x, 2 * last - tail), axis=axis)
            before, behind = before - front, behind - back
        return x

    return bordered


_BORDERS: dict[str, Callable[..., Tensor]] = {
    "constant": _constant, "linear_ramp": _ramp, "reflect": _odd_mirror(1), "symmetric": _odd_mirror(0),
    "maximum": _statistic(np.max), "mean": _statistic(np.mean),
    "median": _statistic(np.median), "minimum": _statistic(np.min),
}  # fmt: skip
