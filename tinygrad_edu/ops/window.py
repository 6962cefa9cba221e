"""Windows that slide along an array, and convolution, which multiplies by one. Arrays only.

Reading windows and adding them up again are transposes of each other, so each is the other's rule.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import PRODUCT, REAL, SHAPE, Op, Sample
from tinygrad_edu.ops import sampling

Array = Any


def _windows(window_shape: Any, axis: Any, ndim: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The window's sides and the axes they lie along, which may occur more than once."""
    sides = tuple(window_shape) if np.ndim(window_shape) else (int(window_shape),)
    if axis is None:
        return sides, tuple(range(ndim))
    return sides, tuple(a % ndim for a in (axis if np.ndim(axis) else (axis,)))


def _sliding_window_view(x: Array, window_shape: Any, axis: Any = None) -> Array:
    return np.lib.stride_tricks.sliding_window_view(x, window_shape, axis=axis)


def _window_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng, low=1, least=1)
    if rng.random() < 0.5:
        return (rng.normal(size=size),), {"window_shape": tuple(int(rng.integers(1, side + 1)) for side in size)}
    axis = sampling.one_axis(rng, len(size))
    if size[axis] > 2 and rng.random() < 0.3:
        return (rng.normal(size=size),), {"window_shape": (2, 2), "axis": (axis, axis)}
    return (rng.normal(size=size),), {"window_shape": int(rng.integers(1, size[axis] + 1)), "axis": axis}


sliding_window_view: Op = Op(
    "sliding_window_view", _sliding_window_view, numpy=np.lib.stride_tricks.sliding_window_view,
    vjps=(lambda g, out, x, window_shape, axis=None:
          add_windows.run(g, window_shape=window_shape, axis=axis, shape=x.shape),),
    kind=SHAPE, formula="windows of x", domain=(REAL,), linear=True, view=True, sampler=_window_sample,
    doc="All windows of the given shape, their sides as new axes at the end: (n,) -> (n − w + 1, w).\n\n"
        "A view without copies. An element gets the sum of the gradients of all windows it lies in.",
)  # fmt: skip


def _add_windows(x: Array, window_shape: Any, axis: Any = None, shape: tuple[int, ...] = ()) -> Array:
    sides, axes = _windows(window_shape, axis, len(shape))
    out = np.zeros(shape, x.dtype)
    for offset in np.ndindex(*sides):  # one addition per place in the window, whatever the array's size
        starts = [0] * len(shape)
        for distance, along in zip(offset, axes):
            starts[along] += distance
        region = tuple(slice(start, start + side) for start, side in zip(starts, x.shape))
        place = (Ellipsis, *offset)
        out[region] += x[place]
    return out


def _add_windows_sample(rng: np.random.Generator) -> Sample:
    (x,), params = _window_sample(rng)
    params["shape"] = x.shape
    return (rng.normal(size=_sliding_window_view(x, params["window_shape"], params.get("axis")).shape),), params


add_windows: Op = Op(
    "add_windows", _add_windows,
    vjps=(lambda g, out, x, window_shape, axis=None, shape=():
          sliding_window_view.run(g, window_shape=window_shape, axis=axis),),
    kind=SHAPE, formula="Σ windows", domain=(REAL,), linear=True, sampler=_add_windows_sample,
    doc="An array of the given shape in which overlapping windows are added up: the transpose of sliding_window_view.",
)  # fmt: skip


# --- convolution ---------------------------------------------------------------------------------------------


def margins(n: int, m: int, mode: str) -> tuple[int, int]:
    """How many entries of the full convolution, n + m − 1, a mode leaves out at the start and at the end."""
    if mode not in ("full", "same", "valid"):
        raise ValueError(f"mode must be 'full', 'same' or 'valid', not {mode!r}")
    shorter = min(n, m) - 1
    start = {"full": 0, "same": shorter // 2, "valid": shorter}[mode]
    end = {"full": 0, "same": shorter - shorter // 2, "valid": shorter}[mode]
    return start, end


def _convolve(a: Array, v: Array, mode: str = "full") -> Array:
    margins(np.size(a), np.size(v), mode)
    return np.convolve(a, v, mode=mode)  # type: ignore[call-overload]


def _slid_along(g: Array, x: Array, y: Array, mode: str) -> Array:
    """The cotangent of x: g slides along y, Σₖ gᵢ₊ₖ yₖ, where g has its left-out ends back."""
    full = np.pad(g, margins(np.size(x), np.size(y), mode))
    return np.reshape(np.convolve(full, np.reshape(y, -1)[::-1], "valid"), x.shape)


def _convolve_sample(rng: np.random.Generator) -> Sample:
    n, m = (int(side) for side in rng.integers(1, 6, size=2))
    mode = ["full", "same", "valid"][int(rng.integers(3))]
    return (rng.normal(size=n), rng.normal(size=m) if rng.random() < 0.9 else np.asarray(rng.normal())), {"mode": mode}


convolve = Op(
    "convolve", _convolve, numpy=np.convolve,
    vjps=(lambda g, out, a, v, mode="full": _slid_along(g, a, v, mode),
          lambda g, out, a, v, mode="full": _slid_along(g, v, a, mode)),
    kind=PRODUCT, formula="Σₖ aₖ vᵢ₋ₖ", domain=(REAL, REAL), linear=True, sampler=_convolve_sample,
    doc="The discrete convolution of two vectors, (n,), (m,) -> (n + m − 1,).\n\n"
        "mode: 'full'; 'same', the middle max(n, m) entries; 'valid', those where the two overlap completely.",
)  # fmt: skip
