"""Padding: an array with a border. Arrays only.

A border of copies (edge, reflect, symmetric, wrap) is linear: each of its entries gives its gradient back to the
element it copies. A border of constants keeps its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import REAL, SHAPE, Op, Sample
from tinygrad_edu.ops import sampling

Array = Any

COPIES = ("edge", "reflect", "symmetric", "wrap")


def pairs(pad_width: Any, ndim: int) -> tuple[tuple[int, int], ...]:
    """How many entries to put before and behind each axis: `pad_width` in one of NumPy's forms, written out."""
    if isinstance(pad_width, dict):
        given = {axis % ndim: width for axis, width in pad_width.items() if -ndim <= axis < ndim}
        if len(given) < len(pad_width):
            raise ValueError(f"pad_width names axes {list(pad_width)} of an array of {ndim}")
        pad_width = [np.broadcast_to(given.get(axis, 0), 2) for axis in range(ndim)]
        if not ndim:
            return ()
    widths = np.asarray(pad_width)
    if widths.dtype.kind not in "iu":
        raise TypeError(f"pad_width must be whole numbers, not {widths.dtype}")
    if widths.size and widths.min() < 0:
        raise ValueError(f"pad_width can't be negative: {pad_width}")
    return tuple((int(before), int(behind)) for before, behind in np.broadcast_to(widths, (ndim, 2)))


def _pad(
    x: Array, pad_width: Any, mode: str = "constant", constant_values: Any = 0, reflect_type: str = "even"
) -> Array:
    if mode != "constant" and (mode not in COPIES or reflect_type != "even"):
        raise ValueError(f"mode {mode!r} with reflect_type {reflect_type!r} is no border of copies")
    widths = pairs(pad_width, np.ndim(x))
    if not widths:
        return np.array(x)
    options = {"constant_values": constant_values} if mode == "constant" else {}
    return np.pad(x, widths, mode=mode, **options)  # type: ignore[call-overload]


def _pad_rule(
    g: Array, out: Array, x: Array, pad_width: Any, mode: str = "constant", constant_values: Any = 0,
    reflect_type: str = "even",
) -> Array:  # fmt: skip
    if mode != "constant":
        return add_borders.run(g, pad_width=pad_width, mode=mode)
    return g[tuple(slice(before, before + side) for (before, _), side in zip(pairs(pad_width, len(x.shape)), x.shape))]


def _pad_sample(rng: np.random.Generator) -> Sample:
    mode = ["constant", *COPIES][int(rng.integers(5))]
    size = sampling.shape(rng, least=0 if mode == "constant" else 1)
    widths: list[Any] = [int(rng.integers(0, 4)), [int(rng.integers(0, 3)), int(rng.integers(0, 6))]]
    if size:
        widths.append(rng.integers(0, 7, (len(size), 2)).tolist())
    params: dict[str, Any] = {"pad_width": widths[int(rng.integers(len(widths)))], "mode": mode}
    return (rng.normal(size=size),), params


pad: Op = Op(
    "pad", _pad, numpy=np.pad,
    vjps=(_pad_rule,),
    kind=SHAPE, formula="pad(x, pad_width)", domain=(REAL,), sampler=_pad_sample,
    doc="x with a border of `pad_width` entries: constants, or copies of its own elements.\n\n"
        "mode: 'constant', 'edge' (the outermost element), 'reflect' and 'symmetric' (mirrored, without and with the\n"
        "outermost element) or 'wrap' (from the other end).",
)  # fmt: skip


# --- the transpose of a border of copies -----------------------------------------------------------------------


def _add_borders(x: Array, pad_width: Any, mode: str) -> Array:
    """A run of a border copies elements side by side, each once, so it is added as a whole."""
    widths = pairs(pad_width, np.ndim(x))
    x = np.asarray(x) if any(map(any, widths)) else np.array(x)
    for axis, (before, behind) in enumerate(widths):
        if not before and not behind:
            continue
        lines = x.swapaxes(0, axis)
        side = len(lines) - before - behind
        copied = np.pad(np.arange(side), (before, behind), mode=mode)  # type: ignore[call-overload]
        out = lines[before : before + side].copy()
        period = max(side - 1, 1) if mode == "reflect" else side  # after as many entries a border turns round
        for border, numbers in ((lines[:before][::-1], copied[:before][::-1]),
                                (lines[before + side :], copied[before + side :])):  # fmt: skip
            if mode == "edge" and len(border):
                out[numbers[0]] += border.sum(axis=0)
                continue
            for start in range(0, len(border), period):
                run = slice(start, start + period)
                out[numbers[run]] += border[run]
        x = out.swapaxes(0, axis)
    return x


def _add_borders_sample(rng: np.random.Generator) -> Sample:
    (x,), params = _pad_sample(rng)
    while params["mode"] == "constant":
        (x,), params = _pad_sample(rng)
    return (rng.normal(size=_pad(x, **params).shape),), params


add_borders: Op = Op(
    "add_borders", _add_borders,
    vjps=(lambda g, out, x, pad_width, mode: pad.run(g, pad_width=pad_width, mode=mode),),
    kind=SHAPE, formula="x, its borders added to what they copy", domain=(REAL,), linear=True,
    sampler=_add_borders_sample,
    doc="x without its borders, each entry of which is added to the element that `pad` with this mode copies: the "
        "transpose of a pad of copies.\n\nmode: 'edge', 'reflect', 'symmetric' or 'wrap'.",
)  # fmt: skip
