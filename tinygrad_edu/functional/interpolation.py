"""Images made larger or smaller, axis by axis: plain compositions of ops, with the signature of PyTorch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tinygrad_edu.compositions.index import take
from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.functional.adaptive import adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d
from tinygrad_edu.functional.checks import AXES, floating, must_have_axes, one_of, real, whole
from tinygrad_edu.functional.resampling import resampled
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["interpolate"]

# How many axes a mode is for; None: as many as the input has.
MODES: Final[dict[str, int | None]] = {
    "nearest": None, "nearest-exact": None, "linear": 1, "bilinear": 2, "bicubic": 2, "trilinear": 3, "area": None,
}  # fmt: skip


def interpolate(
    x: Operand, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None, antialias: bool = False,
) -> Tensor:  # fmt: skip
    """The images x in another size: (n, channels, *sides) -> (n, channels, *size).

    x                (n, channels, length), (n, channels, height, width) or (n, channels, depth, height, width); also
                     without n where the mode or the number of sides says how many axes are meant
    size             the new sides: a number, or one per axis
    scale_factor     or how many times larger they become, rounded down: a number, or one per axis
    mode             "nearest": copies of the nearest element; "nearest-exact": the same, measured from the middle of
                     each element, as other programs do
                     "linear" (one axis), "bilinear" (two), "trilinear" (three): straight lines between elements
                     "bicubic" (two): smooth curves through four elements, which may overshoot
                     "area": means, as `adaptive_avg_pool2d`
    align_corners    True: the first and last elements stay where they are; else the outer edges of the images do.
                     For the modes with lines and curves only.
    recompute_scale_factor   True: the positions follow from the sides alone, also where `scale_factor` was rounded
    antialias        True: "bilinear" and "bicubic" average over all elements that shrink into one, as Pillow does;
                     else they look at the nearest ones only, and thin lines vanish

    An axis whose side stays is left as it is, in all modes (PyTorch moves it in some, where a factor was rounded), and
    positions are computed exactly (PyTorch rounds those of "nearest" to float32: large images can differ by an
    element). Raises DataError for settings that make no sense, ShapeError for an input of other axes.

    Source: R. Keys, Cubic convolution interpolation for digital image processing, 1981, eq. 15, with a = −¾
    (and −½ with `antialias`).

    >>> interpolate([[[1.0, 3.0]]], 4, mode="linear")
    Tensor([[[1. , 1.5, 2.5, 3. ]]])
    >>> interpolate([[[1.0, 3.0]]], scale_factor=2)
    Tensor([[[1., 1., 3., 3.]]])
    """
    x = as_tensor(x)
    one_of(mode, "mode of interpolate", tuple(MODES))
    corners = _corners(mode, align_corners, antialias)
    ndim = MODES[mode] or next((len(s) for s in (size, scale_factor) if isinstance(s, tuple | list)), x.ndim - 2)
    if ndim not in AXES:
        raise ShapeError(
            describe(
                "interpolate: the input must have 3 to 5 axes",
                where=here(),
                expected="(n, channels, …) with 1 to 3 sides",
                input=label(x),
                code="wrong-number-of-axes",
            )
        )
    must_have_axes("interpolate", x, ndim)
    if 0 in x.shape[-ndim:]:
        raise ShapeError(
            describe("interpolate: there is nothing along an axis", where=here(), input=label(x), code="empty-input")
        )
    sides = x.shape[-ndim:]
    new, ratios = _sides(sides, size, scale_factor, bool(recompute_scale_factor))
    if mode == "area":
        return (adaptive_avg_pool1d, adaptive_avg_pool2d, adaptive_avg_pool3d)[ndim - 1](x, new)
    if not mode.startswith("nearest"):
        x = floating(x, "interpolate")
    for axis, old, side, ratio in zip(range(-ndim, 0), sides, new, ratios, strict=True):
        if old == side:
            continue
        if mode.startswith("nearest"):
            x = _nearest(x, axis, _nearest_places(old, side, ratio, mode))
        else:
            x = resampled(x, axis, _weights(old, side, ratio, mode, corners, antialias).astype(x.dtype))
    return x


def _nearest(x: Tensor, axis: int, places: np.ndarray) -> Tensor:
    if x.dtype.kind != "f":  # whole numbers have no gradient, whose sums make picking slow
        return take(x, places, axis)
    weights = np.zeros((x.shape[axis], len(places)), x.dtype)
    weights[places, np.arange(len(places))] = 1
    return resampled(x, axis, weights)


def _nearest_places(old: int, new: int, ratio: float | None, mode: str) -> np.ndarray:
    """Which old element each new one copies."""
    at = np.arange(new)
    if ratio is None:
        places = at * old // new if mode == "nearest" else (2 * at + 1) * old // (2 * new)
    else:
        places = np.floor((at if mode == "nearest" else at + 0.5) * ratio).astype(int)
    return np.minimum(places, old - 1)


def _weights(old: int, new: int, ratio: float | None, mode: str, corners: bool, antialias: bool) -> np.ndarray:
    """How much of each old element goes into each new one, (old, new)."""
    step = old / new if ratio is None else ratio
    if antialias:
        return _averaging(old, new, step, mode)
    at = np.arange(new) * (old - 1) / max(new - 1, 1) if corners else (np.arange(new) + 0.5) * step - 0.5
    if mode == "bicubic":
        first = np.floor(at).astype(int)
        taps = [(first + k, _cubic(at - first - k, -0.75)) for k in (-1, 0, 1, 2)]
    else:
        at = np.clip(at, 0, old - 1)
        first = np.floor(at).astype(int)
        taps = [(first, 1 - (at - first)), (first + 1, at - first)]
    weights = np.zeros((old, new))
    for places, parts in taps:  # beyond an end lie copies of the last element
        np.add.at(weights, (np.clip(places, 0, old - 1), np.arange(new)), parts)
    return weights


def _averaging(old: int, new: int, step: float, mode: str) -> np.ndarray:
    """The curve of the mode, as wide as the old elements that shrink into a new one."""
    wide = max(step, 1.0)
    reach = (2 if mode == "bicubic" else 1) * wide
    middle = step * (np.arange(new) + 0.5)
    first = np.maximum((middle - reach + 0.5).astype(int), 0)
    end = np.minimum((middle + reach + 0.5).astype(int), old)
    places = np.arange(old)[:, None]
    distance = (places - middle + 0.5) / wide
    curve = _cubic(distance, -0.5) if mode == "bicubic" else np.maximum(1 - np.abs(distance), 0)
    curve = np.where((places >= first) & (places < end), curve, 0)
    return np.asarray(curve / curve.sum(axis=0))


def _cubic(distance: np.ndarray, a: float) -> np.ndarray:
    """Keys's curve: 1 at 0, 0 at all other whole numbers and from 2 on."""
    d = np.abs(distance)
    near = ((a + 2) * d - (a + 3)) * d * d + 1
    far = ((a * d - 5 * a) * d + 8 * a) * d - 4 * a
    return np.where(d <= 1, near, np.where(d < 2, far, 0))


def _corners(mode: str, align_corners: bool | None, antialias: bool) -> bool:
    if antialias and (mode not in ("bilinear", "bicubic") or align_corners):
        what = f"antialias is for bilinear and bicubic without align_corners, not for {mode}"
    elif align_corners is not None and MODES[mode] is None:
        what = f"align_corners means nothing for mode {mode!r}"
    else:
        return bool(align_corners)
    raise DataError(describe(f"interpolate: {what}", where=here(), code="conflicting-arguments"))


def _sides(
    old: tuple[int, ...], size: Any, scale_factor: Any, recompute: bool
) -> tuple[tuple[int, ...], tuple[float | None, ...]]:
    """The new sides, and how many old elements one step goes along each axis; None: as many as fit the sides."""
    if (size is None) == (scale_factor is None) or (recompute and scale_factor is None):
        raise DataError(
            describe(
                "interpolate: say either size or scale_factor"
                + ("; recompute_scale_factor is for scale_factor" if recompute and scale_factor is None else ""),
                where=here(),
                fix="size=(28, 28), or scale_factor=2",
                code="conflicting-arguments",
            )
        )
    given = size if size is not None else scale_factor
    each = tuple(given) if isinstance(given, tuple | list) else (given,) * len(old)
    if len(each) != len(old):
        raise ShapeError(
            describe(
                f"interpolate: {len(each)} sides for {len(old)} axes ({AXES[len(old)]})",
                where=here(),
                fix="one number for all axes, or one per axis",
                code="numbers-per-axis",
            )
        )
    if size is not None:
        return tuple(whole(side, "size") for side in each), (None,) * len(old)
    factors = [real(factor, "scale_factor", 0.0) for factor in each]
    new = tuple(whole(math.floor(side * factor), "a new side") for side, factor in zip(old, factors, strict=True))
    return new, tuple(None if recompute else 1 / factor for factor in factors)
