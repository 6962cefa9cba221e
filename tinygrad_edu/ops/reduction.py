"""Reductions: ops that take whole axes away. `axis` is None, one axis or a tuple; negative counts from the end.

A rule gets g in the reduced shape and gives a cotangent of exactly the argument's shape. Arrays only.
"""

from __future__ import annotations

import builtins
import math
from typing import Any

import numpy as np

from tinygrad_edu.op import GENERAL, REAL, REDUCTION, Domain, Op, Sample, Sampler
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.numerics import length_of_any_size
from tinygrad_edu.ops.shape import broadcast_to, sum_to

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


# Up to this size the gradient of a sum over everything is filled in, beyond it is a view of one number: ufuncs take
# 1 µs longer for a view without strides, and filling 4,096 numbers takes as long.
FILLED = 4096
_OF_NUMPY = (np.ndarray, np.generic)  # a union of types would be made anew each time, in 0.3 µs


def spread(g: Array, x: Array, axis: Axis) -> Array:
    """g repeated along the reduced axes of x: the transpose of summing over them."""
    if axis is None and not g.ndim and x.size <= FILLED and isinstance(g, _OF_NUMPY):
        full = np.empty(x.shape, g.dtype)
        full.fill(g)
        return full
    return broadcast_to.run(g if axis is None else restore(g, x, axis), shape=x.shape)


def reduced_count(x: Array, axis: Axis) -> int:
    """How many elements of x go into one element of the result."""
    return x.size if axis is None else math.prod(x.shape[a] for a in reduced_axes(x.ndim, axis))


def one_over(count: float) -> float:
    """1 / count, inf for 0. Arrays are multiplied by it: in float16 a count may be more than the largest number."""
    return 1 / count if count else math.inf


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
          spread(g, x, axis),),
    kind=REDUCTION, formula="Σx", domain=(REAL,), linear=True, sampler=_sampler(),
    doc="Sum over the given axes (all by default).",
)  # fmt: skip


def _mean(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    x = np.asarray(x)
    if axis is None and not keepdims and x.dtype.char in "fd" and x.size:  # a loss: the shortest way to the same
        return np.add.reduce(x, None) / x.size
    if (
        x.dtype.char in "fd" and x.size and x.ndim
    ):  # the same sum and division as np.mean, which spends 3 µs on what else may come
        axes = tuple(axis) if type(axis) is list else axis  # an axis that is not there is NumPy's to refuse
        return np.add.reduce(x, axis=axes, keepdims=keepdims) / reduced_count(x, axis)  # type: ignore[call-overload]
    return np.mean(x, axis=axis, keepdims=keepdims)


mean = Op(
    "mean", _mean, numpy=np.mean,
    vjps=(lambda g, out, x, axis=None, keepdims=False:
          spread(g * one_over(reduced_count(x, axis)), x, axis),),
    kind=REDUCTION, formula="Σx / n", domain=(REAL,), linear=True, sampler=_sampler(least=1),
    doc="Mean over the given axes (all by default).",
)  # fmt: skip


# --- products ------------------------------------------------------------------------------------------------


def _product_rule(g: Array, out: Array, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """Each element gets the product of all others, from the left and from the right: no division, so zeros are fine."""
    axes = reduced_axes(x.ndim, axis)
    order = (*(a for a in range(x.ndim) if a not in axes), *axes)
    moved = np.transpose(x, order)
    row = np.reshape(moved, (*(x.shape[a] for a in order[: x.ndim - len(axes)]), reduced_count(x, axis)))
    one = np.ones_like(row[..., :1])
    before = np.cumprod(np.concatenate([one, row[..., :-1]], axis=-1), axis=-1)
    after = np.cumprod(np.concatenate([one, row[..., :0:-1]], axis=-1), axis=-1)[..., ::-1]
    others = np.reshape(before * after, moved.shape)
    return restore(g, x, axis) * np.transpose(others, tuple(order.index(a) for a in range(x.ndim)))


def _product_sample(rng: np.random.Generator) -> Sample:
    (x,), params = _sampler()(rng)
    return (np.where(rng.random(x.shape) < 0.15, 0.0, x),), params


prod = Op(
    "prod", np.prod,
    vjps=(_product_rule,),
    kind=REDUCTION, formula="Πx", domain=(REAL,), sampler=_product_sample,
    doc="Product over the given axes (all by default). The derivative is right with any number of zeros.",
)  # fmt: skip

# --- spread --------------------------------------------------------------------------------------------------


def freedom(x: Array, axis: Axis, ddof: float) -> float:
    """What variances divide by: the number of elements less `ddof`, never below 0."""
    return builtins.max(reduced_count(x, axis) - ddof, 0)


def _kept_mean(x: Array, axis: Axis) -> Array:
    """The mean with its sides of 1. Not to NumPy's last bit: by BLAS it takes a third of the time of np.mean."""
    if type(x) is not np.ndarray or x.dtype.char not in "fd" or not x.size:
        return np.mean(x, axis=axis, keepdims=True)
    axes = reduced_axes(x.ndim, axis)
    return sum_to(x, tuple(1 if i in axes else side for i, side in enumerate(x.shape))) / reduced_count(x, axis)


def _centred(x: Array, axis: Axis = None) -> Array:
    """Twice, for a mean is rounded to the spacing of numbers of its own size: of float32 near 10,000 to 0.001."""
    if not np.size(x):
        return np.array(x, dtype=np.result_type(x, np.float16))
    rest = x - _kept_mean(x, axis)
    rest -= _kept_mean(rest, axis)
    return rest


def _centred_sample(rng: np.random.Generator) -> Sample:
    size = sampling.shape(rng, least=1)
    return (rng.normal(size=size),), {"axis": sampling.axis(rng, len(size))}


centred: Op = Op(
    "centred", _centred,
    vjps=(lambda g, out, x, axis=None: g - np.mean(g, axis=axis, keepdims=True),),
    kind=GENERAL, formula="x − mean x", domain=(REAL,), linear=True, sampler=_centred_sample,
    doc="x less its mean over the given axes (all by default), without loss of digits where x lies far from 0.",
)  # fmt: skip


def _var(x: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    return np.var(x, axis=axis, ddof=ddof, keepdims=keepdims)


def _std(x: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    return length_of_any_size(lambda *row: np.std(row[0], row[1], ddof=ddof, keepdims=row[2]), x, axis, keepdims)


def _std_rule(g: Array, out: Array, x: Array, axis: Axis = None, ddof: float = 0, keepdims: bool = False) -> Array:
    """(x − mean) / (n · std). Equality is asked of the elements: the std of three 0.1 is 1e-17, not 0.

    One element with ddof=1 has no std (nan), and so no derivative: 0 / 0.
    """
    least = np.min(x, axis=axis, keepdims=True, initial=np.inf)
    flat = np.all(x == least, axis=axis, keepdims=True)
    scale = one_over(freedom(x, axis, ddof))
    slope = centred.run(x, axis=axis) / np.where(flat, 1, restore(out, x, axis)) * scale
    return np.where(flat, 0 * scale, restore(g, x, axis) * slope)


def _spread_sample(rng: np.random.Generator) -> Sample:
    ddof = int(rng.integers(0, 2))
    (x,), params = _sampler(least=1 + ddof)(rng)
    if reduced_count(x, params["axis"]) <= 1 + ddof:  # a spread of one element is flat, and has no second derivative
        x, params["axis"] = rng.normal(size=(2, 3)), -1
    return (x,), {**params, "ddof": ddof}


var = Op(
    "var", _var, numpy=np.var,
    vjps=(lambda g, out, x, axis=None, ddof=0, keepdims=False:
          restore(g, x, axis) * (2 * one_over(freedom(x, axis, ddof)) * centred.run(x, axis=axis)),),
    kind=REDUCTION, formula="Σ(x − mean x)² / (n − ddof)", domain=(REAL,), sampler=_spread_sample,
    doc="Variance over the given axes (all by default): the mean squared distance from the mean.",
)  # fmt: skip

std = Op(
    "std", _std, numpy=np.std,
    vjps=(_std_rule,),
    kind=REDUCTION, formula="√(Σ(x − mean x)² / (n − ddof))", domain=(REAL,), sampler=_spread_sample,
    doc="Standard deviation over the given axes (all by default). The derivative at equal elements is 0.",
)  # fmt: skip

# --- lengths -------------------------------------------------------------------------------------------------


def _vector_norm(x: Array, order: float = 2.0, axis: Axis = None, keepdims: bool = False) -> Array:
    def length(x: Array, axis: Axis, keepdims: bool) -> Array:
        powers = np.square(x) if order == 2 else np.absolute(x) ** order
        total = np.sum(powers, axis=axis, keepdims=keepdims)
        return np.sqrt(total) if order == 2 else total ** (1 / order)

    x = np.asarray(x)
    return length_of_any_size(length, x if x.dtype.kind == "f" else x.astype(np.float64), axis, keepdims, order)


def _vector_norm_rule(
    g: Array, out: Array, x: Array, order: float = 2.0, axis: Axis = None, keepdims: bool = False
) -> Array:
    """g · sign x · (|x|/out)ᵖ⁻¹, which never overflows; 0 where x or the norm is 0, even if the slope is infinite."""
    origin = out == 0
    g, length = restore(np.where(origin, 0, g), x, axis), restore(np.where(origin, 1, out), x, axis)
    if order == 2:
        return g * (x / length)
    zero = x == 0
    return np.where(zero, 0, g * np.sign(x)) * np.where(zero, 1, np.absolute(x) / length) ** (order - 1)


def _vector_norm_sample(rng: np.random.Generator) -> Sample:
    (x,), params = _sampler(least=1)(rng)
    order = float(rng.choice([2.0, 2.0, 3.0, 1.5, 0.5, -1.0, -2.0]))
    return (np.copysign(np.abs(x) + 0.2, x),), {**params, "order": order}


vector_norm = Op(
    "vector_norm", _vector_norm,
    vjps=(_vector_norm_rule,),
    kind=REDUCTION, formula="(Σ|x|ᵖ)^(1/p)", domain=(REAL,), sampler=_vector_norm_sample,
    doc="The norm of order p of x as one vector over the given axes (all by default), without overflow.\n\n"
        "order is any number but 0; 2 gives the length. The derivative by an element that is 0 is 0, and so are all "
        "where the norm is 0.",
)  # fmt: skip

# --- extremes ------------------------------------------------------------------------------------------------


def shared(g: Array, winners: Array, axis: Axis, more: Any = 0) -> Array:
    """g, in as many equal shares as there are winners (and `more`), to the winners."""
    count = np.sum(winners, axis=axis, dtype=g.dtype.char, keepdims=True) + more
    return np.where(winners, restore(g, winners, axis) / np.where(count == 0, 1, count), 0)


def _extremum_rule(
    g: Array, out: Array, x: Array, axis: Axis = None, keepdims: bool = False, initial: Any = None
) -> Array:
    """The elements that equal the extremum share its gradient; a nan is the extremum wherever there is one."""
    result = restore(out, x, axis)
    winners = np.logical_or(x == result, x != x)
    return shared(g, winners, axis, 0 if initial is None else result == initial)


def _nan_extremum_rule(
    g: Array, out: Array, x: Array, axis: Axis = None, keepdims: bool = False, initial: Any = None
) -> Array:
    """As for max and min, but a nan never wins."""
    result = restore(out, x, axis)
    return shared(g, x == result, axis, 0 if initial is None else result == initial)


def _extremum(name: str, function: Any, word: str) -> Op:
    """max, min, and the two that skip nan."""

    def forward(x: Array, axis: Axis = None, keepdims: bool = False, initial: Any = None) -> Array:
        if initial is None:
            return function(x, axis=axis, keepdims=keepdims)
        return function(x, axis=axis, keepdims=keepdims, initial=initial)

    skips = name.startswith("nan")
    return Op(name, forward, vjps=(_nan_extremum_rule if skips else _extremum_rule,), kind=REDUCTION,
              formula=f"{name} x", domain=_NO_TIES, numpy=function, sampler=_sampler(least=1, ties=False),
              doc=f"The {word} element over the given axes (all by default)"
                  + (", nan left out.\n\n" if skips else "; nan where there is one.\n\n")
                  + f"Equal {word} elements share the gradient. `initial`, a constant, takes part as one more element.",
              )  # fmt: skip


_NO_TIES = (Domain("any real number, kinks at ties", -2.0, 2.0),)

max = _extremum("max", np.max, "largest")
min = _extremum("min", np.min, "smallest")
nanmax = _extremum("nanmax", np.nanmax, "largest")
nanmin = _extremum("nanmin", np.nanmin, "smallest")

# --- sums of exponentials ------------------------------------------------------------------------------------


def finite_floor(out: Array) -> Array:
    """out with 0 for -inf, so that e to the power of -inf − out is 0 and not nan."""
    return np.where(out == -np.inf, 0, out)


def _logsumexp(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    x = np.asarray(x)
    x = x if x.dtype.kind in "fc" else x.astype(np.float64)
    top = np.max(x, axis=axis, keepdims=True, initial=-np.inf)
    top = np.where(np.isfinite(top), top, 0)  # all -inf, or a +inf: subtracting it would give nan
    with np.errstate(divide="ignore"):
        out = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return out if keepdims else np.squeeze(out, axis=reduced_axes(x.ndim, axis))


def _logsumexp_rule(g: Array, out: Array, x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
    """g times softmax. Of large x, out is rounded by more than e to its power can bear, so the shares are divided by
    what they sum to."""
    share = np.exp(x - restore(finite_floor(out), x, axis))
    total = np.sum(share, axis=axis, keepdims=True)
    return restore(g, x, axis) * (share / np.where(total == 0, 1, total))


logsumexp = Op(
    "logsumexp", _logsumexp,
    vjps=(_logsumexp_rule,),
    kind=REDUCTION, formula="log Σeˣ", domain=(REAL,), sampler=_sampler(least=1),
    doc="log of the sum of exponentials over the given axes, without overflow.\n\n"
        "-inf for no elements, or where all are -inf: the derivative there is 0.",
)  # fmt: skip

# --- no derivative -------------------------------------------------------------------------------------------


def _without_derivative(name: str, function: Any, formula: str, doc: str) -> Op:
    """A reduction whose result is whole numbers or booleans: no rule."""

    def forward(x: Array, axis: Axis = None, keepdims: bool = False) -> Array:
        return function(x, axis=axis, keepdims=keepdims)

    return Op(name, forward, vjps=(None,), kind=REDUCTION, formula=formula, domain=_NO_TIES, numpy=function,
              sampler=_sampler(least=1, ties=False, many="arg" not in name), doc=doc)  # fmt: skip


argmax = _without_derivative(
    "argmax", np.argmax, "where x is largest", "The place of the largest element; the first of several."
)
argmin = _without_derivative(
    "argmin", np.argmin, "where x is smallest", "The place of the smallest element; the first of several."
)
any = _without_derivative("any", np.any, "any x", "Whether any element is true.")
all = _without_derivative("all", np.all, "all x", "Whether all elements are true.")
nanargmax = _without_derivative(
    "nanargmax", np.nanargmax, "where x is largest", "The place of the largest element that is not nan."
)
nanargmin = _without_derivative(
    "nanargmin", np.nanargmin, "where x is smallest", "The place of the smallest element that is not nan."
)
count_nonzero = _without_derivative("count_nonzero", np.count_nonzero, "#(x ≠ 0)", "How many elements are not zero.")
