"""Pools of networks along one, two or three axes, with the signatures of PyTorch."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.norm import root
from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.functional.checks import floating, must_have_axes, per_axis, real, shortest, whole
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops import pooling as rows
from tinygrad_edu.ops.convolution import out_sides
from tinygrad_edu.ops.elementwise import absolute, sign, square
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = [
    "avg_pool1d", "avg_pool2d", "avg_pool3d", "lp_pool1d", "lp_pool2d", "lp_pool3d", "max_pool1d", "max_pool2d",
    "max_pool3d",
]  # fmt: skip

# --- the largest element of each window ----------------------------------------------------------------------


def max_pool1d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window along the last axis; see `max_pool2d`. x: (n, channels, length).

    >>> max_pool1d([[1.0, 3.0, 2.0, 0.0]], 2)
    Tensor([[3., 2.]])
    """
    return largest("max_pool1d", 1, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool2d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """The largest element of each window of the images x.

    x                 (n, channels, height, width), or (channels, height, width) for one image
    kernel_size       the sides of a window: a number, or one per axis
    stride            how far the window moves each time; None: by its own side, so that windows don't overlap
    padding           how far windows may reach beyond each end, at most half of their side; nothing wins there
    dilation          how far apart the elements of a window lie
    ceil_mode         True also takes a last window that reaches beyond the end
    return_indices    True also gives where each largest element lies in its image, counted in reading order: whole
                      numbers for `max_unpool2d`; of equal elements the first

    Equal largest elements share the gradient of their window. Raises ShapeError where a window doesn't fit,
    DataError for settings that make no sense.

    >>> max_pool2d([[[1.0, 2.0, 0.0, 0.0], [3.0, 4.0, 0.0, 5.0]]], 2)
    Tensor([[[4., 5.]]])
    """
    return largest("max_pool2d", 2, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def max_pool3d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False,
    return_indices: bool = False,
) -> Any:  # fmt: skip
    """`max_pool2d` with three axes: x (n, channels, depth, height, width).

    >>> max_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    Tensor([[[[7.]]]])
    """
    return largest("max_pool3d", 3, x, kernel_size, stride, padding, dilation, ceil_mode, return_indices)


def largest(
    name: str, ndim: int, x: Any, kernel_size: Any, stride: Any, padding: Any, dilation: Any, ceil_mode: bool,
    return_indices: bool,
) -> Any:  # fmt: skip
    """The max pool along `ndim` axes; with `return_indices` also the places of the largest elements."""
    x = as_tensor(x)
    kernel, stride, padding = _window(name, ndim, x, kernel_size, stride, padding)
    dilation = per_axis(dilation, "dilation", ndim)
    pairs = _reach(name, x, kernel, stride, padding, dilation, ceil_mode)
    settings = {"kernel": kernel, "dilation": shortest(dilation), **_given(kernel, stride, pairs)}
    values = rows.max_pool(x, **settings)
    return (values, rows.max_places(x, **settings)) if return_indices else values


# --- the mean of each window ---------------------------------------------------------------------------------


def avg_pool1d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True,
) -> Tensor:  # fmt: skip
    """The mean of each window along the last axis; see `avg_pool2d`. x: (n, channels, length).

    >>> avg_pool1d([[1.0, 3.0, 2.0, 0.0]], 2)
    Tensor([[2., 1.]])
    """
    return average("avg_pool1d", 1, x, kernel_size, stride, padding, ceil_mode, count_include_pad, None)


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
    return average("avg_pool2d", 2, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def avg_pool3d(
    x: Operand, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None,
) -> Tensor:  # fmt: skip
    """`avg_pool2d` with three axes: x (n, channels, depth, height, width).

    >>> avg_pool3d(np.arange(8.0).reshape(1, 2, 2, 2), 2)
    Tensor([[[[3.5]]]])
    """
    return average("avg_pool3d", 3, x, kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override)


def average(
    name: str, ndim: int, x: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    count_include_pad: bool, divisor_override: int | None,
) -> Tensor:  # fmt: skip
    """The mean pool along `ndim` axes."""
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


# --- the length of each window -------------------------------------------------------------------------------


def lp_pool1d(x: Operand, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(Σ xᵖ)^(1/p) of each window along the last axis; see `lp_pool2d`. x: (n, channels, length).

    >>> lp_pool1d([[3.0, 4.0, 0.0, 0.0]], 2, 2)
    Tensor([[5., 0.]])
    """
    return _lengths("lp_pool1d", 1, x, norm_type, kernel_size, stride, ceil_mode)


def lp_pool2d(x: Operand, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """(Σ xᵖ)^(1/p) of each window of the images x: the sum for p = 1, the length for 2, the largest |x| for infinity.

    x, kernel_size, stride, ceil_mode   as for `max_pool2d`
    norm_type                           p, at least 1

    For odd p a sum of powers may be negative, and then so is its root. Where the sum is 0 the derivative is 0, but for
    p = 1. For negative x and a p that is not whole the power is nan. A last window that reaches beyond the end has
    the sum of what it holds. (PyTorch 2.13 gives nan for negative sums, and multiplies those of last windows.)

    Source: P. Sermanet, S. Chintala, Y. LeCun, Convolutional neural networks applied to house numbers digit
    classification, ICPR 2012, section 2.2.

    >>> lp_pool2d([[[3.0, 0.0], [0.0, 4.0]]], 2, 2)
    Tensor([[[5.]]])
    """
    return _lengths("lp_pool2d", 2, x, norm_type, kernel_size, stride, ceil_mode)


def lp_pool3d(x: Operand, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> Tensor:
    """`lp_pool2d` with three axes: x (n, channels, depth, height, width).

    >>> lp_pool3d(np.ones((1, 2, 2, 2)), 3, 2)
    Tensor([[[[2.]]]])
    """
    return _lengths("lp_pool3d", 3, x, norm_type, kernel_size, stride, ceil_mode)


def _lengths(name: str, ndim: int, x: Any, norm_type: Any, kernel_size: Any, stride: Any, ceil_mode: bool) -> Tensor:
    x = floating(as_tensor(x), name)
    p = real(norm_type, "norm_type", 1.0)
    if p == math.inf:
        found: Tensor = largest(name, ndim, absolute(x), kernel_size, stride, 0, 1, ceil_mode, False)
        return found
    kernel, stride, padding = _window(name, ndim, x, kernel_size, stride, 0)
    pairs = _reach(name, x, kernel, stride, padding, (1,) * ndim, ceil_mode)
    power = x if p == 1 else square(x) if p == 2 else x**p
    total = rows.sum_pool(power, kernel=kernel, **_given(kernel, stride, pairs))
    if p == 1:
        return total
    if p == 2:
        return root(total)
    return sign(total) * root(absolute(total), p)  # of a negative sum, as an odd p may have


# --- settings that fit ---------------------------------------------------------------------------------------


def _given(kernel: Any, stride: Any, padding: Any) -> dict[str, Any]:
    return {"stride": None if stride == kernel else shortest(stride), "padding": shortest(padding)}


def check_axes(name: str, ndim: int, x: Tensor) -> None:
    """Raise ShapeError for other axes than a pool takes, or where there is nothing along one of them."""
    must_have_axes(name, x, ndim)
    if 0 in x.shape[-ndim:]:
        raise ShapeError(
            describe(f"{name}: there is nothing along an axis", where=here(), input=label(x), code="empty-input")
        )


def _window(name: str, ndim: int, x: Tensor, kernel_size: Any, stride: Any, padding: Any) -> tuple[Any, Any, Any]:
    """Sides, strides and padding of the windows, one number per axis."""
    check_axes(name, ndim, x)
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
