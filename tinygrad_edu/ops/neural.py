"""Ops of neural networks that are worth a row of their own: stable softmax and its logarithm. Arrays only."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import GENERAL, REAL, Op, Sample
from tinygrad_edu.ops import sampling

Array = Any


def floating(x: Array) -> Array:
    """x, or its float64 copy where it holds integers or booleans."""
    x = np.asarray(x)
    return x if x.dtype.kind in "fc" else x.astype(np.float64)


def _softmax(x: Array, axis: Any = -1) -> Array:
    x = floating(x)
    if not x.size:
        return x.copy()
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    e /= np.sum(e, axis=axis, keepdims=True)
    return e


def _log_softmax(x: Array, axis: Any = -1) -> Array:
    x = floating(x)
    if not x.size:
        return x.copy()
    shifted = x - np.max(x, axis=axis, keepdims=True)
    shifted -= np.log(np.sum(np.exp(shifted), axis=axis, keepdims=True))
    return shifted


def _sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng, low=1, least=1)
    return (rng.normal(size=size),), {"axis": sampling.one_axis(rng, len(size))}


softmax = Op(
    "softmax", _softmax,
    vjps=(lambda g, out, x, axis=-1: out * (g - np.sum(g * out, axis=axis, keepdims=True)),),
    kind=GENERAL, formula="eˣ / Σeˣ", domain=(REAL,), sampler=_sample,
    doc="Exponentials divided by their sum along `axis`, without overflow: positive numbers that sum to 1.",
)  # fmt: skip

log_softmax = Op(
    "log_softmax", _log_softmax,
    vjps=(lambda g, out, x, axis=-1: g - np.exp(out) * np.sum(g, axis=axis, keepdims=True),),
    kind=GENERAL, formula="x − log Σeˣ", domain=(REAL,), sampler=_sample,
    doc="The logarithm of softmax along `axis`, without overflow or underflow.",
)  # fmt: skip
