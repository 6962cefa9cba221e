"""Reductions: ops that take whole axes away. `axis` is None, one axis or a tuple; negative counts from the end.

A rule gets g in the reduced shape and gives a cotangent of exactly the argument's shape. Arrays only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.op import REAL, REDUCTION, Domain, Op, Sample, Sampler
from tinygrad_edu.ops import sampling

Array = Any
Axis = Any


def reduced_axes(ndim: int, axis: Axis) -> tuple[int, ...]:
    """The axes that a reduction takes away, as non-negative numbers."""
    if axis is None:
        return tuple(range(ndim))
    axes = axis if isinstance(axis, tuple | list) else (axis,)
    return tuple(a % ndim for a in axes) if ndim else ()


def restore(g: Array, x: Array, axis: Axis, keepdims: bool = False) -> Array:
    """g with the reduced axes of x back as sides of 1, so that it broadcasts against x."""
    axes = reduced_axes(x.ndim, axis)
    return np.reshape(g, tuple(1 if i in axes else side for i, side in enumerate(x.shape)))


def reduced_count(x: Array, axis: Axis) -> int:
    """How many elements of x go into one element of the result."""
    return math.prod(x.shape[a] for a in reduced_axes(x.ndim, axis))


def _sampler(least: int = 0, ties: bool = True, many: bool = True) -> Sampler:
    def sample(rng: np.random.Generator) -> Sample:
        size = sampling.shape(rng, least=least)
        values = rng.normal(size=size) if ties else sampling.distinct(rng, size)
        params = {"axis": sampling.axis(rng, len(size), many=many), "keepdims": bool(rng.random() < 0.5)}
        return (np.asarray(values),), params

    return sample


sum = Op(
    "sum", np.sum,
    vjps=(lambda g, out, x, axis=None, keepdims=False:
          np.broadcast_to(restore(g, x, axis), x.shape),),
    kind=REDUCTION, formula="Σx", domain=(REAL,), linear=True, sampler=_sampler(),
    doc="Sum over the given axes (all by default).",
)  # fmt: skip

mean = Op(
    "mean", np.mean,
    vjps=(lambda g, out, x, axis=None, keepdims=False:
          np.broadcast_to(restore(g / reduced_count(x, axis), x, axis), x.shape),),
    kind=REDUCTION, formula="Σx / n", domain=(REAL,), linear=True, sampler=_sampler(least=1),
    doc="Mean over the given axes (all by default).",
)  # fmt: skip


def _extremum_rule(g: Array, out: Array, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """The elements that equal the extremum share its gradient equally, with and without `axis`."""
    winners = x == restore(out, x, axis)
    share = restore(g, x, axis) / np.sum(winners, axis=axis, keepdims=True)
    return np.where(winners, share, 0)


_NO_TIES = (Domain("any real number, kinks at ties", -2.0, 2.0),)

max = Op(
    "max", np.max,
    vjps=(_extremum_rule,),
    kind=REDUCTION, formula="max x", domain=_NO_TIES, sampler=_sampler(least=1, ties=False),
    doc="The largest element over the given axes (all by default). Equal largest elements share the gradient.",
)  # fmt: skip

min = Op(
    "min", np.min,
    vjps=(_extremum_rule,),
    kind=REDUCTION, formula="min x", domain=_NO_TIES, sampler=_sampler(least=1, ties=False),
    doc="The smallest element over the given axes (all by default). Equal smallest elements share the gradient.",
)  # fmt: skip


def _logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    x = np.asarray(x)
    top = np.max(x, axis=axis, keepdims=True)
    top = np.where(np.isfinite(top), top, 0)  # all -inf, or a +inf: subtracting it would give nan
    with np.errstate(divide="ignore"):
        out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=reduced_axes(x.ndim, axis))


logsumexp = Op(
    "logsumexp", _logsumexp,
    vjps=(lambda g, out, x, axis=None, keepdims=False:
          restore(g, x, axis) * np.exp(x - restore(out, x, axis)),),
    kind=REDUCTION, formula="log Σeˣ", domain=(REAL,), sampler=_sampler(least=1),
    doc="log of the sum of exponentials over the given axes, without overflow.",
)  # fmt: skip


def _without_derivative(name: str, function: Any, formula: str, doc: str) -> Op:
    """A reduction whose result is whole numbers or booleans: no rule."""

    def forward(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return function(x, axis=axis, keepdims=keepdims)

    return Op(name, forward, vjps=(None,), kind=REDUCTION, formula=formula, domain=_NO_TIES, numpy=function,
              sampler=_sampler(least=1, ties=False, many=name in ("any", "all")), doc=doc)  # fmt: skip


argmax = _without_derivative(
    "argmax", np.argmax, "where x is largest", "The place of the largest element; the first of several."
)
argmin = _without_derivative(
    "argmin", np.argmin, "where x is smallest", "The place of the smallest element; the first of several."
)
any = _without_derivative("any", np.any, "any x", "Whether any element is true.")
all = _without_derivative("all", np.all, "all x", "Whether all elements are true.")
