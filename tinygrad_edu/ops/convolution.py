"""Convolution along any number of axes: sliding weighted sums, as networks use them. Arrays only.

A convolution is linear in the data and in the weight, and so are the cotangents of both: three rows, each of whose
rules are the other two, so that one formula serves every order of derivative. All three are one matrix product:
what lies under the kernel at each place is copied into a column ("im2col"), and the weight multiplies the columns.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinygrad_edu.op import PRODUCT, REAL, Op, Sample

Array = Any
Sides = tuple[int, ...]
Pairs = tuple[tuple[int, int], ...]

# How many numbers one block of columns holds: a block stays in the processor's cache until it is multiplied. Measured
# at 32×16×28×28 with 32 kernels of 3×3, float32, one thread: 4.0 ms for 2¹⁶ and 2¹⁷, 4.6 for 2¹⁸, 7.3 for all columns
# at once; 4.3 for nine products with the shifted array instead of columns, which need stride 1. PyTorch takes 2.2.
_BLOCK = 1 << 17


def per_axis(ndim: int, stride: Any, padding: Any, dilation: Any) -> tuple[Sides, Pairs, Sides]:
    """The three with one entry per axis: a number stands for all axes, and a padding for both ends."""
    strides = (stride,) * ndim if isinstance(stride, int) else stride
    pairs = ((padding, padding),) * ndim if isinstance(padding, int) else padding
    return strides, pairs, (dilation,) * ndim if isinstance(dilation, int) else dilation


def out_sides(sides: Sides, kernel: Sides, stride: Sides, padding: Pairs, dilation: Sides) -> Sides:
    """How many places a kernel has along each axis: ⌊(side + padding − dilation · (kernel − 1) − 1) / stride⌋ + 1."""
    return tuple(
        (side + before + behind - d * (k - 1) - 1) // s + 1
        for side, k, s, (before, behind), d in zip(sides, kernel, stride, padding, dilation)
    )


class _Grid(NamedTuple):
    """Where kernels lie: element i of the kernel at place m lies on element start + step · m + dilation · i."""

    kernel: Sides
    places: Sides
    start: Sides
    step: Sides
    dilation: Sides


def last_axes(parts: Iterable[Any]) -> tuple[Any, ...]:
    """The index that picks `parts` along the last axes and everything along those before."""
    return (Ellipsis, *parts)


def _grid(kernel: Sides, places: Sides, stride: Any, padding: Any, dilation: Any) -> _Grid:
    stride, padding, dilation = per_axis(len(kernel), stride, padding, dilation)
    return _Grid(kernel, places, tuple(-before for before, _ in padding), stride, dilation)


def _columns(x: Array, grid: _Grid, groups: int) -> Iterator[tuple[slice, slice, Array]]:
    """What lies under the kernel at each place, block by block: samples, groups, (groups, c · kernel, n · places).

    x (n, groups · c, *sides) counts as 0 beyond its ends. A block is copied along the last axis first, then along the
    others: NumPy copies in runs of whole planes then, not of single rows. With the product it takes 4.0 ms instead of
    4.5 at 28×28, and 0.42 instead of 0.60 at 12×12 (8 channels, 16 kernels of 5×5).
    """
    count, channels = len(x), x.shape[1] // groups
    size = max(channels * math.prod(grid.kernel) * math.prod(grid.places), 1)
    few = min(groups, max(8 * _BLOCK // size, 1))  # groups are split only where they are very many
    n = min(count, max(_BLOCK // (size * few), 1))
    x, room, middle = _with_borders(x.reshape(count, groups, channels, *x.shape[2:]), grid, (n, few))
    slid = _along_the_last_axis(x if room is None else room, grid)
    rows = np.empty((few, *slid.shape[1:3], n, *slid.shape[4:]), x.dtype)
    under = _along_the_other_axes(rows, grid)
    for i, j in itertools.product(range(0, count, n), range(0, groups, few)):
        samples, some = slice(i, min(i + n, count)), slice(j, min(j + few, groups))
        here, there = slice(samples.stop - i), slice(some.stop - j)
        if middle is not None:
            middle[here, there] = x[samples, some]
        rows[there, :, :, here] = slid[some, :, :, samples] if middle is None else slid[there, :, :, here]
        block = under[(there, Ellipsis, here) + (slice(None),) * len(grid.places)]
        yield samples, some, block.reshape(there.stop, channels * math.prod(grid.kernel), -1)


def _with_borders(x: Array, grid: _Grid, block: tuple[int, int]) -> tuple[Array, Array | None, Array | None]:
    """x without what no kernel reaches; and where kernels reach beyond it, room for a block with zeros around it, and
    the part of the room where the block goes.
    """
    sides = x.shape[3:]
    ends = [
        first + s * (m - 1) + d * (k - 1) + 1
        for first, s, m, d, k in zip(grid.start, grid.step, grid.places, grid.dilation, grid.kernel)
    ]
    x = x[last_axes(slice(max(first, 0), max(end, 0)) for first, end in zip(grid.start, ends))]
    if all(first >= 0 and end <= side for first, end, side in zip(grid.start, ends, sides)):
        return x, None, None
    room = np.zeros((*block, x.shape[2], *(end - first for first, end in zip(grid.start, ends))), x.dtype)
    before = [max(-first, 0) for first in grid.start]
    return x, room, room[last_axes(slice(start, start + side) for start, side in zip(before, x.shape[3:]))]


def _along_the_last_axis(x: Array, grid: _Grid) -> Array:
    """(n, groups, c, …, length) -> (groups, c, kernel, n, …, places), a view."""
    n, groups, channels, *lengths = x.shape
    sample, group, channel, *along, last = x.strides
    shape = (groups, channels, grid.kernel[-1], n, *lengths[:-1], grid.places[-1])
    return as_strided(x, shape, (group, channel, last * grid.dilation[-1], sample, *along, last * grid.step[-1]))


def _along_the_other_axes(rows: Array, grid: _Grid) -> Array:
    """(groups, c, kernel, n, …, places) -> (groups, c, *kernel, n, *places), a view."""
    groups, channels, _, n = rows.shape[:4]
    group, channel, element, sample, *along, last = rows.strides
    within = [stride * d for stride, d in zip(along, grid.dilation)]
    between = [stride * s for stride, s in zip(along, grid.step)]
    shape = (groups, channels, *grid.kernel, n, *grid.places)
    return as_strided(rows, shape, (group, channel, *within, element, sample, *between, last))


def _product(x: Array, y: Array) -> Array:
    """x @ y for stacks of matrices; for one column in x BLAS takes four times as long as a multiplication."""
    return x * y if x.shape[-1] == 1 else x @ y


def _slid(x: Array, weight: Array, grid: _Grid, groups: int) -> Array:
    """Σ weight · x over the channels of a group and the kernel, at each place of the grid."""
    out = np.empty((len(x), len(weight), *grid.places), np.result_type(x, weight))
    if out.size:
        per_group = out.reshape(len(x), groups, -1, math.prod(grid.places))
        rows = weight.reshape(groups, per_group.shape[2], -1)
        for samples, some, columns in _columns(x, grid, groups):
            block = per_group[samples, some]
            n, count, channels, places = block.shape
            block[...] = _product(rows[some], columns).reshape(count, channels, n, places).transpose(2, 0, 1, 3)
    return out


def _conv(x: Array, weight: Array, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1) -> Array:
    kernel = weight.shape[2:]
    places = out_sides(x.shape[2:], kernel, *per_axis(len(kernel), stride, padding, dilation))
    return _slid(x, weight, _grid(kernel, places, stride, padding, dilation), groups)


def _conv_weight(
    x: Array, y: Array, kernel: Sides, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Array:
    count, channels, *places = y.shape
    grid = _grid(kernel, tuple(places), stride, padding, dilation)
    rows = x.shape[1] // groups * math.prod(kernel)
    out = np.zeros((groups, rows, channels // groups), np.result_type(x, y))
    if x.size and y.size:
        per_group = y.reshape(count, groups, channels // groups, math.prod(places))
        for samples, some, columns in _columns(x, grid, groups):
            block = per_group[samples, some].transpose(1, 0, 3, 2)
            # columns @ yᵀ, not y @ columnsᵀ: 76 against 113 µs for 144 rows, 32 channels and 784 places.
            out[some] += columns @ block.reshape(*block.shape[:1], -1, channels // groups)
    return out.swapaxes(1, 2).reshape(channels, x.shape[1] // groups, *kernel)


class _Phase(NamedTuple):
    """The outputs of a transposed convolution along one axis that lie `stride` apart, and what reaches them."""

    places: slice
    taps: list[int]
    start: int
    number: int
    step: int


def _phases(side: int, k: int, stride: int, before: int, dilation: int) -> list[_Phase]:
    """One phase per remainder by the stride: element i of the kernel reaches those u with u + before ≡ dilation · i."""
    found = []
    for first in range(min(stride, side)):
        taps = [i for i in range(k)[::-1] if (first + before - dilation * i) % stride == 0]
        if taps:
            start = (first + before - dilation * taps[0]) // stride
            count = len(range(first, side, stride))
            found.append(_Phase(slice(first, None, stride), taps, start, count, dilation // math.gcd(dilation, stride)))
    return found


def _conv_transpose(
    y: Array, weight: Array, sides: Sides, stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1
) -> Array:
    """One plain convolution with the turned kernel per phase. Zeros put between the elements of y would be the
    same, at stride² times the work. Adding up what each place gives to the columns under it takes 7.1 instead of 6.3 ms
    (see _BLOCK), and with 32 groups 21.5 instead of 4.2.
    """
    _, channels, *kernel = weight.shape
    turned = weight.reshape(groups, -1, channels, *kernel).swapaxes(1, 2).reshape(groups * channels, -1, *kernel)
    axes = zip(sides, kernel, *per_axis(len(sides), stride, padding, dilation))
    phases = [_phases(side, k, s, before, d) for side, k, s, (before, _), d in axes]
    out = np.zeros((len(y), groups * channels, *sides), np.result_type(y, weight))
    for along in itertools.product(*phases):
        grid = _Grid(
            tuple(len(phase.taps) for phase in along),
            tuple(phase.number for phase in along),
            tuple(phase.start for phase in along),
            (1,) * len(along),
            tuple(phase.step for phase in along),
        )
        taps = turned[last_axes(np.ix_(*(phase.taps for phase in along)))]
        part = _slid(y, taps, grid, groups)
        if part.shape == out.shape:  # one phase: stride 1
            return part
        out[last_axes(phase.places for phase in along)] = part
    return out


# --- the rows ------------------------------------------------------------------------------------------------


def _sample(rng: np.random.Generator) -> tuple[tuple[np.ndarray, np.ndarray], dict[str, Any]]:
    """Data and a weight that fit, and how the weight slides."""
    ndim = int(rng.choice([1, 2, 3], p=[0.4, 0.5, 0.1]))
    groups = int(rng.choice([1, 2, 3], p=[0.6, 0.25, 0.15]))
    count, channels, outputs = (int(n) for n in rng.integers(1, 3, 3))
    count = 0 if rng.random() < 0.05 else count
    kernel, stride, dilation = (tuple(int(n) for n in rng.integers(1, 4 - (ndim > 1), ndim)) for _ in range(3))
    padding = tuple((int(a), int(b)) for a, b in rng.integers(0, 3, (ndim, 2)))
    least = [max(d * (k - 1) + 1 - a - b, 1) for k, d, (a, b) in zip(kernel, dilation, padding)]
    sides = tuple(side + int(more) for side, more in zip(least, rng.integers(0, 4 - ndim, ndim)))
    x = rng.normal(size=(count, groups * channels, *sides))
    weight = rng.normal(size=(groups * outputs, channels, *kernel))
    params = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    if rng.random() < 0.3:  # one number for all axes
        params |= {"stride": stride[0], "dilation": 1, "padding": max(map(max, padding))}
    return (x, weight), params


def _transpose_sample(rng: np.random.Generator) -> Sample:
    (x, weight), params = _sample(rng)
    y = rng.normal(size=_conv(x, weight, **params).shape)
    return (y, weight), {"sides": x.shape[2:], **params}


def _weight_sample(rng: np.random.Generator) -> Sample:
    (x, weight), params = _sample(rng)
    y = rng.normal(size=_conv(x, weight, **params).shape)
    return (x, y), {"kernel": weight.shape[2:], **params}


conv: Op = Op(
    "conv", _conv,
    vjps=(lambda g, out, x, weight, stride=1, padding=0, dilation=1, groups=1:
          conv_transpose.run(g, weight, sides=x.shape[2:], stride=stride, padding=padding, dilation=dilation,
                             groups=groups),
          lambda g, out, x, weight, stride=1, padding=0, dilation=1, groups=1:
          conv_weight.run(x, g, kernel=weight.shape[2:], stride=stride, padding=padding, dilation=dilation,
                          groups=groups)),
    kind=PRODUCT, formula="x ⋆ weight", domain=(REAL, REAL), linear=True, sampler=_sample,
    doc="The weight, slid along x, times what lies under it: (n, c, *sides), (out, c / groups, *kernel) -> (n, out, "
        "*places).\n\nstride, dilation: a number, or one per axis; padding: a number, or a pair per axis, how many "
        "zeros before and behind. Group i of the outputs sees group i of the channels. The weight is not turned round: "
        "what networks call a convolution is a correlation.",
)  # fmt: skip

conv_transpose: Op = Op(
    "conv_transpose", _conv_transpose,
    vjps=(lambda g, out, y, weight, sides, stride=1, padding=0, dilation=1, groups=1:
          conv.run(g, weight, stride=stride, padding=padding, dilation=dilation, groups=groups),
          lambda g, out, y, weight, sides, stride=1, padding=0, dilation=1, groups=1:
          conv_weight.run(g, y, kernel=weight.shape[2:], stride=stride, padding=padding, dilation=dilation,
                          groups=groups)),
    kind=PRODUCT, formula="y ⋆ᵀ weight", domain=(REAL, REAL), linear=True, sampler=_transpose_sample,
    doc="Each element of y times the weight, laid where `conv` took it from: the transpose of x ↦ conv(x, weight).\n\n"
        "(n, out, *places), (out, c / groups, *kernel) -> (n, c, *sides); the parameters are those of `conv`.",
)  # fmt: skip

conv_weight: Op = Op(
    "conv_weight", _conv_weight,
    vjps=(lambda g, out, x, y, kernel, stride=1, padding=0, dilation=1, groups=1:
          conv_transpose.run(y, g, sides=x.shape[2:], stride=stride, padding=padding, dilation=dilation,
                             groups=groups),
          lambda g, out, x, y, kernel, stride=1, padding=0, dilation=1, groups=1:
          conv.run(x, g, stride=stride, padding=padding, dilation=dilation, groups=groups)),
    kind=PRODUCT, formula="∂⟨y, x ⋆ weight⟩ / ∂weight", domain=(REAL, REAL), linear=True, sampler=_weight_sample,
    doc="Each element of y times what lay under the kernel there: the transpose of weight ↦ conv(x, weight).\n\n"
        "(n, c, *sides), (n, out, *places) -> (out, c / groups, *kernel); the parameters are those of `conv`.",
)  # fmt: skip
