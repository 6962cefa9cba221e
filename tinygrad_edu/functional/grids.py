"""Images read at places of one's own, between their elements too: plain compositions of ops.

Places are given from −1 to 1 along each axis, the last axis of the image first: (x, y), or (x, y, z).
"""

from __future__ import annotations

import functools
import itertools
import math
import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.elementwise import clip
from tinygrad_edu.compositions.shape import swapaxes
from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.functional.checks import floating, one_of, whole
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import absolute, floor, where
from tinygrad_edu.ops.linalg import matmul
from tinygrad_edu.ops.rounding import rint
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["affine_grid", "grid_sample"]


def affine_grid(theta: Operand, size: Any, align_corners: bool = False) -> Tensor:
    """Where an image of this size reads another one that is moved, turned or stretched: places for `grid_sample`.

    theta           (n, 2, 3) or (n, 3, 4): a matrix and a shift, from the places of the result to those of the image
    size            the shape of the result, (n, channels, height, width) or (n, channels, depth, height, width)
    align_corners   whether −1 and 1 are the middles of the outermost elements, or the outer edges of the image

    Gives (n, height, width, 2) or (n, depth, height, width, 3).

    Source: M. Jaderberg et al., Spatial transformer networks, NeurIPS 2015, eq. 1.

    >>> affine_grid([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]], (1, 1, 1, 2))
    Tensor([[[[-0.5,  0. ],
              [ 0.5,  0. ]]]])
    """
    theta = floating(as_tensor(theta), "affine_grid")
    shape = tuple(whole(side, "size") for side in size)
    ndim = len(shape) - 2
    if ndim not in (2, 3) or theta.shape != (shape[0], ndim, ndim + 1):
        raise ShapeError(
            describe(
                "affine_grid: theta and size don't fit each other",
                where=here(),
                expected="(n, 2, 3) with (n, channels, height, width), or (n, 3, 4) with three sides",
                theta=label(theta),
                size=f"{shape}",
                code="grid-shapes",
            )
        )
    along = [_middles(side, align_corners) for side in shape[2:]]
    points = np.stack(np.meshgrid(*along, indexing="ij")[::-1], axis=-1).reshape(-1, ndim)
    homogeneous = np.concatenate([points, np.ones((len(points), 1))], axis=1).astype(theta.dtype)
    return matmul(homogeneous, swapaxes(theta, 1, 2)).reshape(shape[0], *shape[2:], ndim)


def _middles(side: int, align_corners: bool) -> np.ndarray:
    if align_corners:
        return np.linspace(-1, 1, side) if side > 1 else np.zeros(1)
    return (2 * np.arange(side) + 1) / side - 1


def grid_sample(
    x: Operand, grid: Operand, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool = False
) -> Tensor:
    """The images x read at the places of the grid, differentiable by both.

    x               (n, channels, height, width), or (n, channels, depth, height, width)
    grid            (n, rows, columns, 2) of places (x, y), or (n, …, 3) of (x, y, z): −1 is the left or upper end of
                    the image, 1 the other one
    mode            "bilinear": straight lines between elements, along all axes; "nearest": the nearest element, which
                    has no gradient by the grid (at ½ the even one, as in PyTorch)
    padding_mode    what lies beyond the image: "zeros"; "border", the outermost elements; "reflection", the image
                    mirrored
    align_corners   whether −1 and 1 are the middles of the outermost elements, or the outer edges of the image

    At an element the derivative by the grid is that of the line behind it. Raises ShapeError where x and grid don't fit
    each other.

    Source: M. Jaderberg et al., Spatial transformer networks, NeurIPS 2015, eq. 5.

    >>> image = [[[[0.0, 1.0], [2.0, 3.0]]]]
    >>> grid_sample(image, [[[[0.0, 0.0], [1.0, 1.0]]]], align_corners=True)
    Tensor([[[[1.5, 3. ]]]])
    """
    name = "grid_sample"
    x, grid = floating(as_tensor(x), name), floating(as_tensor(grid), name)
    one_of(mode, "mode of grid_sample", ("bilinear", "nearest"))
    one_of(padding_mode, "padding mode of grid_sample", ("zeros", "border", "reflection"))
    ndim = x.ndim - 2
    if ndim not in (2, 3) or grid.ndim != x.ndim or len(grid) != len(x) or grid.shape[-1] != ndim:
        raise ShapeError(
            describe(
                f"{name}: x and grid don't fit each other",
                where=here(),
                expected="(n, channels, height, width) with (n, rows, columns, 2), or three sides with (n, …, 3)",
                input=label(x),
                grid=label(grid),
                code="grid-shapes",
            )
        )
    sides = x.shape[2:]
    if 0 in sides:
        raise DataError(describe(f"{name}: the image is empty", where=here(), input=label(x), code="empty-input"))
    count, channels, size, places = len(x), x.shape[1], math.prod(sides), math.prod(grid.shape[1:-1])
    at = [
        _place(grid[..., ndim - 1 - axis].reshape(count, places), side, padding_mode, align_corners)
        for axis, side in enumerate(sides)
    ]
    taps = [_nearest(a) if mode == "nearest" else _both_sides(a) for a in at]
    flat = x.reshape(count, channels, size)
    parts = [_corner(flat, corner, sides) for corner in itertools.product(*taps)]
    return functools.reduce(operator.add, parts).reshape(count, channels, *grid.shape[1:-1])


def _corner(flat: Tensor, corner: Any, sides: tuple[int, ...]) -> Tensor:
    """What one of the elements around each place adds: (n, channels, places); nothing where it lies outside."""
    number, weight, inside = as_tensor(0), as_tensor(np.ones((), flat.dtype)), as_tensor(True)
    for (place, part), side in zip(corner, sides, strict=True):
        inside = inside & (place >= 0) & (place < side)
        number = number * side + clip(place, 0, side - 1)
        weight = weight if part is None else weight * part
    count, places = number.shape
    picked = swapaxes(flat[np.arange(count)[:, None], :, number], 1, 2)
    within = inside.reshape(count, 1, places)
    factor = where(inside, weight, 0).astype(flat.dtype).reshape(count, 1, places)
    return where(within, picked, 0) * factor


def _place(at: Tensor, side: int, padding_mode: str, align_corners: bool) -> Tensor:
    """Places from −1 to 1 as places among the elements, 0 … side − 1, brought inside as the padding mode says."""
    at = (at + 1) * ((side - 1) / 2) if align_corners else ((at + 1) * side - 1) / 2
    if padding_mode == "reflection":
        at = _mirrored(at, 0, side - 1) if align_corners else _mirrored(at, -0.5, side - 0.5)
    limited: Tensor = at if padding_mode == "zeros" else clip(at, 0, side - 1)
    return limited


def _mirrored(at: Tensor, low: float, high: float) -> Tensor:
    """`at` mirrored at both ends as often as needed to come between them."""
    span = high - low
    if not span:
        return at * 0
    away = absolute(at - low)
    turns = floor(away.detach() / span)
    rest = away - turns * span
    return where(turns % 2 == 0, rest + low, high - rest)


def _both_sides(at: Tensor) -> list[tuple[Tensor, Tensor | None]]:
    """The elements before and behind each place, and how much of each counts."""
    before = floor(at.detach())
    part = at - before
    number = _whole(before)
    return [(number, 1 - part), (number + 1, part)]


def _nearest(at: Tensor) -> list[tuple[Tensor, Tensor | None]]:
    return [(_whole(rint(at.detach())), None)]


def _whole(places: Tensor) -> Tensor:
    """As integers; what is no number, or too large to be an integer, lies far outside."""
    far = 2.0**30
    return where(absolute(places) <= far, places, -far).astype(np.intp)
