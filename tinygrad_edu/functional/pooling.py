"""Pools of networks along one, two or three axes, with the signatures of PyTorch."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.joining import stack
from tinygrad_edu.compositions.reduction import amax
from tinygrad_edu.compositions.shape import swapaxes
from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.functional.checks import floating, must_have_axes, per_axis, shortest, whole
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops import pooling as rows
from tinygrad_edu.ops.convolution import last_axes, out_sides
from tinygrad_edu.ops.linalg import matmul
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "max_pool1d", "max_pool2d", "max_pool3d",
]  # fmt: skip

# --- the largest element of each window ----------------------------------------------------------------------


def max_pool1d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """The largest element of each window along the last axis; see `max_pool2d`. x: (n, channels, length).

    >>> max_pool1d([[1.0, 3.0, 2.0, 0.0]], 2)
    Tensor([[3., 2.]])
    """
    return _max_pool("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool2d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """The largest element of each window of the images x.

    x                 (n, channels, height, width), or (channels, height, width) for one image
    kernel_size       the sides of a window: a number, or one per axis
    stride            how far the window moves each time; None: by its own side, so that windows don't overlap
    padding           how far windows may reach beyond each end, at most half of their side; nothing wins there
    dilation          how far apart the elements of a window lie
    ceil_mode         True also takes a last window that reaches beyond the end

    Equal largest elements share the gradient of their window. Raises ShapeError where a window doesn't fit,
    DataError for settings that make no sense.

    >>> max_pool2d([[[1.0, 2.0, 0.0, 0.0], [3.0, 4.0, 0.0, 5.0]]], 2)
    Tensor([[[4., 5.]]])
    """
    return _max_pool("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode)


def max_pool3d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
) -> Tensor:
    """`max_pool2d` with three axes: x (n, channels, depth, height, width).

    >>> max_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    Tensor([[[[7.]]]])
    """
    return _max_pool("max_pool3d", 3, x, kernel_size, stride, padding, dilation, ceil_mode)


def _max_pool(
    name: str, ndim: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> Tensor:
    x = as_tensor(x)
    kernel, stride, padding = _window(name, ndim, x, kernel_size, stride, padding)
    dilation = per_axis(dilation, "dilation", ndim)
    pairs = _reach(name, x, kernel, stride, padding, dilation, ceil_mode)
    return rows.max_pool(x, kernel=kernel, dilation=shortest(dilation), **_given(kernel, stride, pairs))


# --- the mean of each window ---------------------------------------------------------------------------------


def avg_pool1d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window along the last axis; see `avg_pool2d`. x: (n, channels, length).

    >>> avg_pool1d([[1.0, 3.0, 2.0, 0.0]], 2)
    Tensor([[2., 1.]])
    """
    return _avg_pool("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


def avg_pool2d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """The mean of each window of the images x.

    x, kernel_size, stride, padding, ceil_mode   as for `max_pool2d`
    count_include_pad                            whether the padding counts as zeros, or the mean is that of the
                                                 elements of x only
    divisor_override                             divide by this instead of by the number of elements

    >>> avg_pool2d([[[1.0, 2.0, 0.0, 0.0], [3.0, 4.0, 0.0, 5.0]]], 2)
    Tensor([[[2.5 , 1.25]]])
    """
    return _avg_pool("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """`avg_pool2d` with three axes: x (n, channels, depth, height, width).

    >>> avg_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    Tensor([[[[3.5]]]])
    """
    return _avg_pool("avg_pool3d", 3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def _avg_pool(
    name: str, ndim: int, x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Tensor:  # fmt: skip
    x = floating(as_tensor(x), name)
    kernel, stride, padding = _window(name, ndim, x, kernel_size, stride, padding)
    pairs = _reach(name, x, kernel, stride, padding, (1,) * ndim, ceil_mode)
    total = rows.sum_pool(x, kernel=kernel, **_given(kernel, stride, pairs))
    if divisor_override is not None:
        return total / whole(divisor_override, "divisor_override")
    along = [
        _counts(side, k, places, s, p, count_include_pad)
        for side, k, places, s, p in zip(x.shape[-ndim:], kernel, total.shape[-ndim:], stride, padding, strict=True)
    ]
    counts = functools.reduce(np.multiply.outer, along)
    return total / (int(counts.flat[0]) if (counts == counts.flat[0]).all() else counts.astype(x.dtype))


def _counts(side: int, k: int, places: int, stride: int, padding: int, with_padding: bool) -> np.ndarray:
    """How many elements count in each window along one axis; what lies beyond the padding never does."""
    start = np.arange(places) * stride - padding
    end = np.minimum(start + k, side + padding)
    return end - start if with_padding else np.minimum(end, side) - np.maximum(start, 0)


# --- pools by the number of their results --------------------------------------------------------------------


def adaptive_avg_pool1d(x: Operand, output_size: Any) -> Tensor:
    """Means of `output_size` windows along the last axis; see `adaptive_avg_pool2d`.

    >>> adaptive_avg_pool1d([[1.0, 3.0, 2.0, 0.0]], 2)
    Tensor([[2., 1.]])
    """
    return _adaptive_mean("adaptive_avg_pool1d", 1, x, output_size)


def adaptive_avg_pool2d(x: Operand, output_size: Any) -> Tensor:
    """Means of as many windows of the images x as `output_size` says, which cover them evenly.

    output_size   the sides of the result: a number, or one per axis; None keeps that side

    Window i of m along a side of n goes from ⌊i · n / m⌋ to ⌈(i + 1) · n / m⌉.

    >>> adaptive_avg_pool2d(np.arange(6.0).reshape(1, 2, 3), 1)
    Tensor([[[2.5]]])
    """
    return _adaptive_mean("adaptive_avg_pool2d", 2, x, output_size)


def adaptive_max_pool1d(x: Operand, output_size: Any) -> Tensor:
    """The largest elements of `output_size` windows along the last axis; see `adaptive_avg_pool2d`.

    >>> adaptive_max_pool1d([[1.0, 3.0, 2.0, 0.0]], 2)
    Tensor([[3., 2.]])
    """
    return _adaptive_max("adaptive_max_pool1d", 1, x, output_size)


def adaptive_max_pool2d(x: Operand, output_size: Any) -> Tensor:
    """The largest elements of as many windows of the images x as `output_size` says; see `adaptive_avg_pool2d`.

    >>> adaptive_max_pool2d(np.arange(6.0).reshape(1, 2, 3), 1)
    Tensor([[[5.]]])
    """
    return _adaptive_max("adaptive_max_pool2d", 2, x, output_size)


def _adaptive_mean(name: str, ndim: int, x: Any, output_size: Any) -> Tensor:
    x = pooled = floating(as_tensor(x), name)
    windows = _even_windows(name, ndim, x, output_size)
    if (kernel := _one_kernel(x.shape[-ndim:], windows)) is not None:
        return _avg_pool(name, ndim, x, kernel, kernel, 0, False, True, None)
    for axis, along in zip(range(-ndim, 0), windows, strict=True):
        weights = np.zeros((x.shape[axis], len(along)), x.dtype)
        for place, (start, end) in enumerate(along):
            weights[start:end, place] = 1 / (end - start)
        pooled = swapaxes(matmul(swapaxes(pooled, axis, -1), weights), axis, -1)
    return pooled


def _adaptive_max(name: str, ndim: int, x: Any, output_size: Any) -> Tensor:
    x = as_tensor(x)
    windows = _even_windows(name, ndim, x, output_size)
    if (kernel := _one_kernel(x.shape[-ndim:], windows)) is not None:
        return _max_pool(name, ndim, x, kernel, kernel, 0, 1, False)
    axes = tuple(range(-ndim, 0))
    sides = tuple(map(len, windows))
    found = [
        amax(x[last_axes(slice(*along[i]) for along, i in zip(windows, place, strict=True))], axis=axes)
        for place in np.ndindex(*sides)
    ]
    return stack(found, axis=-1).reshape(*x.shape[:-ndim], *sides)


def _even_windows(name: str, ndim: int, x: Tensor, output_size: Any) -> list[list[tuple[int, int]]]:
    """Start and end of each window, axis by axis."""
    _check_axes(name, ndim, x)
    sizes = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * ndim
    sizes = tuple(side if m is None else m for side, m in zip(x.shape[-ndim:], sizes, strict=False)) + sizes[ndim:]
    counts = per_axis(sizes, "output_size", ndim)
    return [
        [(i * side // m, -(-(i + 1) * side // m)) for i in range(m)]
        for side, m in zip(x.shape[-ndim:], counts, strict=True)
    ]


def _one_kernel(sides: tuple[int, ...], windows: list[list[tuple[int, int]]]) -> tuple[int, ...] | None:
    """The sides of the windows where all have the same and none overlap; else None."""
    if any(side % len(along) for side, along in zip(sides, windows, strict=True)):
        return None
    return tuple(side // len(along) for side, along in zip(sides, windows, strict=True))


# --- settings that fit ---------------------------------------------------------------------------------------


def _given(kernel: Any, stride: Any, padding: Any) -> dict[str, Any]:
    return {"stride": None if stride == kernel else shortest(stride), "padding": shortest(padding)}


def _check_axes(name: str, ndim: int, x: Tensor) -> None:
    must_have_axes(name, x, ndim)
    if 0 in x.shape[-ndim:]:
        raise ShapeError(
            describe(f"{name}: there is nothing along an axis", where=here(), input=label(x), code="empty-input")
        )


def _window(name: str, ndim: int, x: Tensor, kernel_size: Any, stride: Any, padding: Any) -> tuple[Any, Any, Any]:
    """Sides, strides and padding of the windows, one number per axis."""
    _check_axes(name, ndim, x)
    kernel = per_axis(kernel_size, "kernel_size", ndim)
    stride = kernel if stride is None or stride == () or stride == [] else per_axis(stride, "stride", ndim)
    padding = per_axis(padding, "padding", ndim, 0)
    if any(p > k // 2 for p, k in zip(padding, kernel, strict=True)):
        raise DataError(
            describe(
                f"{name}: padding {padding} is more than half of the window {kernel}",
                where=here(),
                why="a window could lie beyond the end and hold nothing",
                code="pool-padding-too-large",
            )
        )
    return kernel, stride, padding


def _reach(
    name: str, x: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool
) -> tuple[tuple[int, int], ...]:
    """How far windows reach beyond the ends: by the padding, and behind by a last window if `ceil_mode`."""
    sides = x.shape[-len(kernel) :]
    pairs = tuple((p, p) for p in padding)
    places = out_sides(sides, kernel, stride, pairs, dilation)
    if min(places) < 1 and not ceil_mode:
        raise _no_window(name, x, kernel, padding, dilation)
    if not ceil_mode:
        return pairs
    reach = []
    for side, k, s, p, d in zip(sides, kernel, stride, padding, dilation, strict=True):
        count = -(-(side + 2 * p - d * (k - 1) - 1) // s) + 1
        count -= (count - 1) * s >= side + p  # a window must start on an element, or on the padding before
        if count < 1:
            raise _no_window(name, x, kernel, padding, dilation)
        reach.append((p, (count - 1) * s + d * (k - 1) + 1 - side - p))
    return tuple(reach)


def _no_window(name: str, x: Tensor, kernel: Any, padding: Any, dilation: Any) -> ShapeError:
    return ShapeError(
        describe(
            f"{name}: the window {kernel} is larger than the input",
            where=here(),
            input=label(x),
            padding=padding,
            dilation=dilation,
            fix="a smaller kernel_size, or more padding",
            code="pool-window-too-large",
        )
    )
