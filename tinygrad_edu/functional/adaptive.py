"""Pools by the number of their results: windows that cover the input evenly, with the signatures of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.functional.checks import floating, per_axis
from tinygrad_edu.functional.pooling import average, check_axes, largest
from tinygrad_edu.functional.resampling import resampled
from tinygrad_edu.ops import pooling as rows
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = [
    "adaptive_avg_pool1d", "adaptive_avg_pool2d", "adaptive_avg_pool3d", "adaptive_max_pool1d", "adaptive_max_pool2d",
    "adaptive_max_pool3d",
]  # fmt: skip

Windows = list[list[tuple[int, int]]]


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


def adaptive_avg_pool3d(x: Operand, output_size: Any) -> Tensor:
    """`adaptive_avg_pool2d` with three axes: x (n, channels, depth, height, width).

    >>> adaptive_avg_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), (2, 1, 1)).tolist()
    [[[[1.5]], [[5.5]]]]
    """
    return _adaptive_mean("adaptive_avg_pool3d", 3, x, output_size)


def adaptive_max_pool1d(x: Operand, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of `output_size` windows along the last axis; see `adaptive_avg_pool2d`.

    >>> adaptive_max_pool1d([[1.0, 3.0, 2.0, 0.0]], 2)
    Tensor([[3., 2.]])
    """
    return _adaptive_max("adaptive_max_pool1d", 1, x, output_size, return_indices)


def adaptive_max_pool2d(x: Operand, output_size: Any, return_indices: bool = False) -> Any:
    """The largest elements of as many windows of the images x as `output_size` says; see `adaptive_avg_pool2d`.

    return_indices   True also gives where they lie, as `max_pool2d` does

    >>> adaptive_max_pool2d(np.arange(6.0).reshape(1, 2, 3), 1)
    Tensor([[[5.]]])
    """
    return _adaptive_max("adaptive_max_pool2d", 2, x, output_size, return_indices)


def adaptive_max_pool3d(x: Operand, output_size: Any, return_indices: bool = False) -> Any:
    """`adaptive_max_pool2d` with three axes: x (n, channels, depth, height, width).

    >>> adaptive_max_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), (2, 1, 1)).tolist()
    [[[[3.0]], [[7.0]]]]
    """
    return _adaptive_max("adaptive_max_pool3d", 3, x, output_size, return_indices)


def _adaptive_mean(name: str, ndim: int, x: Any, output_size: Any) -> Tensor:
    x = pooled = floating(as_tensor(x), name)
    windows = _even_windows(name, ndim, x, output_size)
    if (kernel := _one_kernel(x.shape[-ndim:], windows)) is not None:
        return average(name, ndim, x, kernel, kernel, 0, False, True, None)
    for axis, along in zip(range(-ndim, 0), windows, strict=True):
        weights = np.zeros((x.shape[axis], len(along)), x.dtype)
        for place, (start, end) in enumerate(along):
            weights[start:end, place] = 1 / (end - start)
        pooled = resampled(pooled, axis, weights)
    return pooled


def _adaptive_max(name: str, ndim: int, x: Any, output_size: Any, return_indices: bool) -> Any:
    x = as_tensor(x)
    windows = _even_windows(name, ndim, x, output_size)
    if (kernel := _one_kernel(x.shape[-ndim:], windows)) is not None:
        return largest(name, ndim, x, kernel, kernel, 0, 1, False, return_indices)
    settings = {"kernel": tuple(map(len, windows)), "evenly": True}
    values = rows.max_pool(x, **settings)
    return (values, rows.max_places(x, **settings)) if return_indices else values


def _even_windows(name: str, ndim: int, x: Tensor, output_size: Any) -> Windows:
    """Start and end of each window, axis by axis."""
    check_axes(name, ndim, x)
    sizes = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * ndim
    sizes = tuple(side if m is None else m for side, m in zip(x.shape[-ndim:], sizes, strict=False)) + sizes[ndim:]
    counts = per_axis(sizes, "output_size", ndim)
    return [rows.even(side, places) for side, places in zip(x.shape[-ndim:], counts, strict=True)]


def _one_kernel(sides: tuple[int, ...], windows: Windows) -> tuple[int, ...] | None:
    """The sides of the windows where all have the same and none overlap; else None."""
    if any(side % len(along) for side, along in zip(sides, windows, strict=True)):
        return None
    return tuple(side // len(along) for side, along in zip(sides, windows, strict=True))
