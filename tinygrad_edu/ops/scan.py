"""Scans: each output element gathers the elements up to its place along an axis. Arrays only.

With `axis=None` the array is flattened first, as in NumPy. All rules but that of cumsum are one linear
recurrence, which runs backwards through the elements and never divides.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import GENERAL, REAL, Op, Sample, Sampler
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.reduction import finite_floor

Array = Any


def along(ndim: int, axis: int, part: Any) -> tuple[Any, ...]:
    """The index that takes `part` of one axis and all of the others."""
    return (slice(None),) * (axis % ndim) + (part,)


def backwards(x: Array, axis: int) -> Array:
    """x with one axis reversed."""
    return x[along(x.ndim, axis, slice(None, None, -1))]


def delayed(x: Array, axis: int, first: float) -> Array:
    """x moved on by one place along the axis, with `first` in front; the last element drops out."""
    front = np.full_like(x[along(x.ndim, axis, slice(0, 1))], first)
    return np.concatenate([front, x[along(x.ndim, axis, slice(0, -1))]], axis=axis)


def _as_row(g: Array, x: Array, axis: int | None) -> tuple[Array, int]:
    """x in the shape of g, which a scan without axis flattened, and the axis that was meant."""
    return (np.reshape(x, g.shape), -1) if axis is None or not x.ndim else (x, axis)


def _sampler() -> Sampler:
    def sample(rng: np.random.Generator) -> Sample:
        size = sampling.shape(rng, low=1)
        return (rng.normal(size=size),), {"axis": sampling.axis(rng, len(size), many=False)}

    return sample


# --- sums ----------------------------------------------------------------------------------------------------


def _cumsum_rule(g: Array, out: Array, x: Array, axis: int | None = None) -> Array:
    """An element is in all sums from its place on: the sum from the other end."""
    place = -1 if axis is None or not x.ndim else axis
    return np.reshape(backwards(np.cumsum(backwards(g, place), axis=place), place), x.shape)


cumsum = Op(
    "cumsum", lambda x, axis=None: np.cumsum(x, axis=axis), numpy=np.cumsum,
    vjps=(_cumsum_rule,),
    kind=GENERAL, formula="x₁ + … + xᵢ", domain=(REAL,), linear=True, sampler=_sampler(),
    doc="Sums of the elements up to each place along `axis` (None: of the flattened array).",
)  # fmt: skip

# --- the linear recurrence -----------------------------------------------------------------------------------


def _linear_recurrence(x: Array, decay: Array, axis: int = -1) -> Array:
    out = np.array(x, dtype=np.result_type(x, decay))
    now, factor = np.moveaxis(out, axis, 0), np.moveaxis(decay, axis, 0)
    for i in range(1, len(now)):
        now[i] += factor[i] * now[i - 1]
    return out


def from_the_end(g: Array, decay: Array, axis: int) -> Array:
    """r with rᵢ = gᵢ + decayᵢ₊₁ · rᵢ₊₁: the recurrence run backwards, its own transpose."""
    reverse = linear_recurrence.run(backwards(g, axis), delayed(backwards(decay, axis), axis, 0), axis=axis)
    return backwards(reverse, axis)


def _recurrence_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng, low=1)
    return (rng.normal(size=size), rng.normal(size=size)), {"axis": sampling.one_axis(rng, len(size))}


linear_recurrence: Op = Op(
    "linear_recurrence", _linear_recurrence,
    vjps=(lambda g, out, x, decay, axis=-1: from_the_end(g, decay, axis),
          lambda g, out, x, decay, axis=-1: from_the_end(g, decay, axis) * delayed(out, axis, 0)),
    kind=GENERAL, formula="sᵢ = xᵢ + decayᵢ · sᵢ₋₁", domain=(REAL, REAL), sampler=_recurrence_sample,
    doc="s with sᵢ = xᵢ + decayᵢ · sᵢ₋₁ along `axis`, from s₀ = x₀; x and decay have one shape.\n\n"
        "decay = 1 gives cumsum, a constant below 1 an exponential moving average. decay₀ is not used.",
)  # fmt: skip

# --- products and logarithms ---------------------------------------------------------------------------------


def _cumprod_rule(g: Array, out: Array, x: Array, axis: int | None = None) -> Array:
    """The product before the element times Σₖ gₖ · (the product from behind it to k): right with zeros."""
    row, place = _as_row(g, x, axis)
    before = np.cumprod(delayed(row, place, 1), axis=place)
    return np.reshape(before * from_the_end(g, row, place), x.shape)


def _cumprod_sample(rng: np.random.Generator) -> Sample:
    (x,), params = _sampler()(rng)
    return (np.where(rng.random(x.shape) < 0.15, 0.0, x),), params


cumprod = Op(
    "cumprod", lambda x, axis=None: np.cumprod(x, axis=axis), numpy=np.cumprod,
    vjps=(_cumprod_rule,),
    kind=GENERAL, formula="x₁ · … · xᵢ", domain=(REAL,), sampler=_cumprod_sample,
    doc="Products of the elements up to each place along `axis` (None: of the flattened array).\n\n"
        "The derivative is right with any number of zeros.",
)  # fmt: skip


def _logcumsumexp(x: Array, axis: int | None = None) -> Array:
    x = np.asarray(x)
    x = x if x.dtype.kind == "f" else x.astype(np.float64)
    return np.logaddexp.accumulate(x.ravel() if axis is None else x, axis=-1 if axis is None else axis)


def _logcumsumexp_rule(g: Array, out: Array, x: Array, axis: int | None = None) -> Array:
    """e^(xᵢ − outᵢ) · Σₖ gₖ e^(outᵢ − outₖ): no exponent is above 0, so nothing overflows.

    Of large x, out is rounded by more than e to its power can bear: each gₖ is divided by what the shares in it sum to.
    """
    row, place = _as_row(g, x, axis)
    level = finite_floor(out)
    step = np.exp(delayed(out, place, -np.inf) - level)
    share = np.exp(row - level)
    total = linear_recurrence.run(share, step, axis=place)
    return np.reshape(share * from_the_end(g / np.where(total == 0, 1, total), step, place), x.shape)


logcumsumexp = Op(
    "logcumsumexp", _logcumsumexp,
    vjps=(_logcumsumexp_rule,),
    kind=GENERAL, formula="log(eˣ¹ + … + eˣⁱ)", domain=(REAL,), sampler=_sampler(),
    doc="log of the sum of exponentials up to each place along `axis` (None: of the flattened array), without overflow."
        "\n\nThe derivative by an element that is -inf is 0.",
)  # fmt: skip
