"""Reductions under NumPy's full signatures: `dtype`, `out`, `where` and `initial` are compositions around the rows.

`where=mask` puts the neutral element where the mask is False, `initial=` joins one more number, `dtype=` casts
before reducing, `out=` hands the result over. All parameters mean what they mean in NumPy.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.compositions.output import handed
from tinygrad_edu.errors import DivisionError, DtypeError, ShapeError, describe
from tinygrad_edu.handle import broken, to_dtype
from tinygrad_edu.interop import REDUCTIONS, implements
from tinygrad_edu.node import here
from tinygrad_edu.op import Op
from tinygrad_edu.ops import reduction as rows
from tinygrad_edu.ops.elementwise import exp, log, maximum, minimum, square
from tinygrad_edu.ops.elementwise import where as choose
from tinygrad_edu.ops.shape import broadcast_to
from tinygrad_edu.refusal import asked, no_common_shape, no_such_axis
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

__all__ = [
    "all",
    "amax",
    "amin",
    "any",
    "argmax",
    "argmin",
    "average",
    "count_nonzero",
    "logsumexp",
    "max",
    "mean",
    "min",
    "prod",
    "ptp",
    "std",
    "sum",
    "var",
]

# --- what all of them share ----------------------------------------------------------------------------------


def cast(a: Any, dtype: Any = None) -> Tensor:
    """`a` as a Tensor, in the given dtype if there is one."""
    x = as_tensor(a)
    return x if dtype is None or x.dtype == to_dtype(dtype) else x.astype(dtype)


def as_floats(a: Any, dtype: Any = None) -> Tensor:
    """`a` as a Tensor of the given dtype, or of float64 where it holds whole numbers or booleans."""
    x = as_tensor(a)
    return cast(x, np.float64 if dtype is None and x.dtype.kind in "iub" else dtype)


def as_mask(where: Any, x: Tensor) -> Tensor:
    """`where=` as a boolean Tensor of the shape of x."""
    mask = as_tensor(where)
    if mask.dtype != np.bool_:
        raise DtypeError(
            describe(
                f"where= must be booleans, not {mask.dtype}", where=here(), fix="where=x > 0", code="mask-not-booleans"
            )
        )
    if mask.shape == x.shape:
        return mask
    try:
        return broadcast_to(mask, shape=x.shape)
    except ShapeError:
        what = f"where= has shape {mask.shape}, which doesn't broadcast to {x.shape}, the array's"
        raise no_common_shape(what, [x.shape, mask.shape], ["array", "mask"], code="mask-shape") from None


def masked(x: Tensor, where: Any, neutral: Any) -> Tensor:
    """x with `neutral` where the mask is False."""
    return x if where is True else choose(as_mask(where, x), x, neutral)


def reduce(row: Op, x: Tensor, axis: Any, keepdims: Any, **params: Any) -> Tensor:
    """Apply a row with those parameters that differ from their defaults: they are what a drawing shows."""
    if axis is not None:
        params["axis"] = axis
    if keepdims is not False and _yes(keepdims):
        params["keepdims"] = True
    return row(x, **params)


def _yes(keepdims: Any) -> bool:
    """Whether `keepdims` is true: True, or a whole number but 0. Raises DtypeError for anything else, as NumPy does."""
    try:
        return bool(keepdims if isinstance(keepdims, np.bool_) else operator.index(keepdims))
    except TypeError:
        what = f"keepdims is True or False, not {keepdims!r}"
        raise DtypeError(describe(what, where=here(), code="wrong-arguments")) from None


def _joined(result: Tensor, initial: Any, join: Any) -> Tensor:
    """`initial` joined to a sum or product of the rest, in the dtype of the rest."""
    if initial is None:
        return result
    if np.ndim(initial):
        raise ShapeError(
            describe(
                f"initial= must be one number, not of shape {np.shape(initial)}", where=here(), code="not-one-element"
            )
        )
    return join(result, cast(initial, result.dtype))  # type: ignore[no-any-return]


# --- sums and products ---------------------------------------------------------------------------------------


@implements(np.sum)
def sum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Tensor:
    """Σx over the given axes (all by default).

    >>> import tinygrad_edu as tg
    >>> tg.sum([[1.0, 2.0], [3.0, 4.0]], axis=0, where=[[True, False], [True, True]])
    Tensor([4., 4.])
    """
    result = cast(reduce(rows.sum, masked(cast(a, dtype), where, 0), axis, keepdims), dtype)  # NumPy widens int8
    return handed(_joined(result, initial, np.add), out)


@implements(np.prod)
def prod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Tensor:
    """Πx over the given axes (all by default). The derivative is right with any number of zeros.

    >>> import tinygrad_edu as tg
    >>> tg.grad(tg.prod)([2.0, 0.0, 3.0])
    [Tensor(0.), Tensor(6.), Tensor(0.)]
    """
    result = cast(reduce(rows.prod, masked(cast(a, dtype), where, 1), axis, keepdims), dtype)
    return handed(_joined(result, initial, np.multiply), out)


@implements(np.mean)
def mean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True
) -> Tensor:
    """Σx / n over the given axes (all by default); with `where`, n counts what takes part.

    >>> import tinygrad_edu as tg
    >>> tg.mean([[1.0, 2.0], [3.0, 5.0]], axis=1)
    Tensor([1.5, 4. ])
    """
    if _whole(dtype):
        x = as_tensor(a).astype(dtype)
        total = sum(x, axis, dtype, keepdims=keepdims, where=where)  # in that dtype, where it may overflow
        return handed((total / counted(x, axis, keepdims, where)).astype(dtype), out)
    if where is True:
        return handed(reduce(rows.mean, cast(a, dtype), axis, keepdims), out)
    x = as_floats(a, dtype)
    total = reduce(rows.sum, masked(x, where, 0), axis, keepdims)
    return handed(total / counted(x, axis, keepdims, where), out)


def _whole(dtype: Any) -> bool:
    """Whether the result is to be whole numbers or booleans, which have no derivative."""
    return dtype is not None and to_dtype(dtype).kind in "iub"


def refuse_whole(name: str, dtype: Any) -> None:
    """Raise DtypeError for a dtype that would cut off the fractions on the way to the result."""
    if _whole(dtype):
        raise DtypeError(
            describe(
                f"{name} is a fraction: it can't be computed in {np.dtype(dtype)}",
                where=here(),
                fix=f"{name}(x).astype('{np.dtype(dtype)}')",
                code="cast-not-allowed",
            )
        )


def counted(x: Tensor, axis: Any, keepdims: bool, where: Any) -> Any:
    """How many elements take part in each element of the result, in the dtype of x."""
    if where is True:
        return rows.reduced_count(x, axis)
    return reduce(rows.sum, cast(as_mask(where, x), x.dtype), axis, keepdims)


@implements(np.average)
def average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    """Σwx / Σw over the given axes, differentiable in the weights too; with `returned` the pair (average, Σw).

    weights   of the shape of a, or of its shape along `axis` alone
    Raises ZeroDivisionError where weights sum to zero.

    >>> import tinygrad_edu as tg
    >>> tg.average([1.0, 4.0], weights=[3.0, 1.0])
    Tensor(1.75)
    """
    x = as_tensor(a)
    if axis not in (None, ()) and not x.ndim:
        raise no_such_axis(axis, 0)
    if weights is None:
        result = mean(x, axis, keepdims=keepdims)
        if not result.size:
            raise DivisionError(
                describe("the average of no numbers", where=here(), input=x.shape, axis=axis, code="empty-input")
            )
        total = as_tensor(np.asarray(x.size / result.size, dtype=result.dtype))
    else:
        w = weights_like(x, as_tensor(weights), axis)
        dtype = np.result_type(x.dtype, w.dtype, *([np.float64] if x.dtype.kind in "iub" else []))
        x, w = cast(x, dtype), cast(w, dtype)  # before the sum, which would widen small integers to 64 bits
        total = sum(w, axis, keepdims=keepdims)
        if np.any(total.detach() == 0):
            raise DivisionError(
                describe("the weights sum to zero: there is no average", where=here(), code="weights-sum-to-zero")
            )
        result = sum(x * w, axis, keepdims=keepdims) / total
    if not returned:
        return result
    return result, cast(broadcast_to(total, shape=result.shape), result.dtype)


def weights_like(x: Tensor, w: Tensor, axis: Any) -> Tensor:
    """Weights so shaped that they broadcast against x: given for all of x, or along `axis` alone."""
    if w.shape == x.shape:
        return w
    if axis is None:
        raise DtypeError(
            describe(
                f"weights of shape {w.shape} don't fit {x.shape}",
                where=here(),
                fix="say along which axis",
                code="weights-do-not-fit",
            )
        )
    axes = rows.reduced_axes(x.ndim, axis)
    if w.shape != tuple(x.shape[place] for place in axes):
        raise ShapeError(
            describe(
                f"weights of shape {w.shape} don't fit axis {axis} of {x.shape}",
                where=here(),
                code="weights-do-not-fit",
            )
        )
    w = w.transpose(np.argsort(axes).tolist())
    return w.reshape(tuple(side if place in axes else 1 for place, side in enumerate(x.shape)))


# --- spread --------------------------------------------------------------------------------------------------


@implements(np.var)
def var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Tensor:
    """Σ(x − mean x)² / (n − ddof) over the given axes (all by default).

    ddof         0 by default, as in NumPy; PyTorch's default is 1
    mean         a mean computed before with keepdims=True; gradients flow through it too
    correction   the same as ddof

    >>> import tinygrad_edu as tg
    >>> tg.var([1.0, 2.0, 6.0], ddof=1)
    Tensor(7.)
    """
    if _whole(dtype):
        return _whole_spread(np.var, a, axis, dtype, out, ddof, keepdims, where, mean, correction)
    x, ddof = as_floats(a, dtype), _freedom_lost(ddof, correction)
    if where is True and mean is None:
        return handed(reduce(rows.var, x, axis, keepdims, **_only(ddof=ddof)), out)
    distance, freedom, _ = _masked_distance(x, axis, ddof, keepdims, where, mean)
    return handed(reduce(rows.sum, square(distance), axis, keepdims) / freedom, out)


@implements(np.std)
def std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    ddof: float = 0,
    keepdims: bool = False,
    *,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Tensor:
    """√var over the given axes (all by default). The derivative at equal elements is 0.

    >>> import tinygrad_edu as tg
    >>> tg.std([1.0, 2.0, 6.0, 7.0])
    Tensor(2.54950976)
    """
    if _whole(dtype):
        return _whole_spread(np.std, a, axis, dtype, out, ddof, keepdims, where, mean, correction)
    x, ddof = as_floats(a, dtype), _freedom_lost(ddof, correction)
    if where is True and mean is None:
        return handed(reduce(rows.std, x, axis, keepdims, **_only(ddof=ddof)), out)
    distance, freedom, flat = _masked_distance(x, axis, ddof, keepdims, where, mean)
    length = reduce(rows.vector_norm, distance, axis, keepdims)
    return handed(choose(np.logical_and(flat, freedom > 0), 0, length / np.sqrt(freedom)), out)


def _whole_spread(
    function: Any, a: Any, axis: Any, dtype: Any, out: Any, ddof: float, keepdims: bool, where: Any, mean: Any,
    correction: float | None,
) -> Tensor:  # fmt: skip
    """var or std in whole numbers, as NumPy cuts them off on the way: no derivative."""
    x, mask = as_tensor(a), where if where is True else as_mask(where, as_tensor(a)).detach().numpy()
    given = {} if mean is None else {"mean": as_tensor(mean).detach().numpy()}
    numbers = x.detach().numpy()
    ddof = _freedom_lost(ddof, correction)
    found = asked(function, numbers, axis, dtype, None, ddof, keepdims, where=mask, **given)
    result = tensor_on(np.asarray(found))
    if x.requires_grad:
        result._broken = broken(f"{function.__name__}(dtype={np.dtype(dtype)}) at")
    return handed(result, out)


def _masked_distance(
    x: Tensor, axis: Any, ddof: float, keepdims: bool, where: Any, mean: Any
) -> tuple[Tensor, Any, Tensor]:
    """How far what takes part is from the given or its own mean, the degrees of freedom, and where all are equal."""
    x = masked(x, where, 0)  # an inf or nan that takes no part must not meet the 0 of its gradient
    if mean is None:
        middle = reduce(rows.sum, x, axis, True) / counted(x, axis, True, where)
        flat = max(x, axis, None, keepdims, -np.inf, where) == min(x, axis, None, keepdims, np.inf, where)
    else:
        middle = as_tensor(mean)
        flat = all(masked(x, where, middle) == middle, axis, keepdims=keepdims)
    freedom = np.maximum(counted(x, axis, keepdims, where) - ddof, 0)
    return masked(x - middle, where, 0), freedom, flat


def _only(**params: Any) -> dict[str, Any]:
    """The parameters that are not 0."""
    return {name: value for name, value in params.items() if value}


def _freedom_lost(ddof: float, correction: float | None) -> float:
    if correction is None:
        return ddof
    if ddof:
        raise ShapeError(
            describe(
                "ddof and correction are one parameter: give one of them", where=here(), code="conflicting-arguments"
            )
        )
    return correction


# --- extremes ------------------------------------------------------------------------------------------------


def lowest(dtype: Any) -> Any:
    """The least number of a dtype: what takes no part in a maximum."""
    return False if dtype.kind == "b" else int(np.iinfo(dtype).min) if dtype.kind in "iu" else -np.inf


def highest(dtype: Any) -> Any:
    """The greatest number of a dtype: what takes no part in a minimum."""
    return True if dtype.kind == "b" else int(np.iinfo(dtype).max) if dtype.kind in "iu" else np.inf


def extremum(
    row: Op, neutral: Callable[[Any], Any], a: Any, axis: Any, out: Any, keepdims: bool, initial: Any, where: Any
) -> Tensor:
    """A maximum or minimum of what takes part and of `initial`."""
    x = as_tensor(a)
    if where is not True:
        if initial is None:
            raise ShapeError(
                describe(
                    f"{row.name} of nothing is not defined: where= needs initial= as well",
                    where=here(),
                    fix="initial=-np.inf for max, initial=np.inf for min",
                    code="wrong-arguments",
                )
            )
        x = masked(x, where, neutral(x.dtype))
    if isinstance(initial, Tensor) and initial.requires_grad:
        result = reduce(row, x, axis, keepdims, initial=neutral(x.dtype))
        return handed(_joined(result, initial, minimum if neutral is highest else maximum), out)
    return handed(reduce(row, x, axis, keepdims, **({} if initial is None else {"initial": initial})), out)


@implements(np.max, np.amax)
def max(
    a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Tensor:
    """The largest element over the given axes (all by default). Equal largest elements share the gradient.

    >>> import tinygrad_edu as tg
    >>> tg.grad(tg.max)(np.array([1.0, 3.0, 3.0]))
    Tensor([0. , 0.5, 0.5])
    """
    return extremum(rows.max, lowest, a, axis, out, keepdims, initial, where)


@implements(np.min, np.amin)
def min(
    a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Tensor:
    """The smallest element over the given axes (all by default). Equal smallest elements share the gradient.

    >>> import tinygrad_edu as tg
    >>> tg.min([[1.0, 5.0], [2.0, -1.0]], axis=0)
    Tensor([ 1., -1.])
    """
    return extremum(rows.min, highest, a, axis, out, keepdims, initial, where)


amax, amin = max, min


@implements(np.ptp)
def ptp(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False) -> Tensor:
    """max x − min x over the given axes (all by default): peak to peak.

    >>> import tinygrad_edu as tg
    >>> tg.ptp([1.0, 5.0, 3.0])
    Tensor(4.)
    """
    x = as_tensor(a)
    return handed(max(x, axis, None, keepdims) - min(x, axis, None, keepdims), out)


def logsumexp(x: Any, axis: Any = None, keepdims: bool = False, b: Any = None) -> Tensor:
    """log Σeˣ over the given axes (all by default), without overflow; with weights b, log Σb·eˣ.

    -inf for no elements, or where all are -inf.

    >>> import tinygrad_edu as tg
    >>> tg.logsumexp([1000.0, 1000.0], b=[0.5, 0.5])
    Tensor(1000.)
    """
    x = as_floats(x)
    if b is None:
        return reduce(rows.logsumexp, x, axis, keepdims)
    b = as_tensor(b)
    top = max(choose(b == 0, -np.inf, x.detach()), axis, None, True, -np.inf)
    top = choose(np.isfinite(top), top, 0)
    most = math.log(np.finfo(x.dtype).max)  # only elements that weigh nothing are above the top
    result = log(sum(b * exp(minimum(x - top, most)), axis, keepdims=True)) + top
    return result if keepdims else result.squeeze(rows.reduced_axes(result.ndim, axis))


# --- no derivative -------------------------------------------------------------------------------------------


@implements(np.any)
def any(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True) -> Tensor:
    """Whether any element over the given axes (all by default) is true, that is not 0.

    >>> import tinygrad_edu as tg
    >>> tg.any([[0.0, 1.0], [0.0, 0.0]], axis=1)
    Tensor([ True, False])
    """
    return handed(reduce(rows.any, masked(as_tensor(a), where, False), axis, keepdims), out)


@implements(np.all)
def all(a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True) -> Tensor:
    """Whether all elements over the given axes (all by default) are true, that is not 0.

    >>> import tinygrad_edu as tg
    >>> tg.all([[1.0, 1.0], [0.0, 1.0]], axis=1)
    Tensor([ True, False])
    """
    return handed(reduce(rows.all, masked(as_tensor(a), where, True), axis, keepdims), out)


@implements(np.argmax)
def argmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
    """Where the largest element is, the first of several: whole numbers, no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.argmax([1.0, 3.0, 3.0])
    Tensor(1)
    """
    return handed(reduce(rows.argmax, as_tensor(a), axis, keepdims), out)


@implements(np.argmin)
def argmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
    """Where the smallest element is, the first of several: whole numbers, no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.argmin([[1.0, 3.0], [4.0, 2.0]], axis=1)
    Tensor([0, 1])
    """
    return handed(reduce(rows.argmin, as_tensor(a), axis, keepdims), out)


@implements(np.count_nonzero)
def count_nonzero(a: Any, axis: Any = None, *, keepdims: bool = False) -> Tensor:
    """How many elements over the given axes (all by default) are not 0: whole numbers, no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.count_nonzero([0.0, 2.0, 3.0])
    Tensor(2)
    """
    return reduce(rows.count_nonzero, as_tensor(a), axis, keepdims)


# --- reductions by ufuncs ------------------------------------------------------------------------------------


def _whether(row: Callable[..., Tensor], join: Any) -> Callable[..., Tensor]:
    """np.logical_or.reduce and its like: any and all, with `initial` beside them."""

    def reduced(a: Any, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        return _joined(row(a, axis, None, keepdims, where=where), initial, join)

    return reduced


def _of_numbers(row: Op, neutral: Callable[[Any], Any]) -> Callable[..., Tensor]:
    """np.fmax.reduce and its like: nan takes no part where there is a number."""

    def reduced(a: Any, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
        x = as_tensor(a)
        if x.dtype.kind != "f":
            return extremum(row, neutral, x, axis, None, keepdims, initial, where)
        missing, low = np.isnan(x), neutral(x.dtype)
        number = initial is not None and not np.isnan(initial)
        start = initial if number or initial is None else low
        value = extremum(row, neutral, choose(missing, low, x), axis, None, keepdims, start, where)
        return value if number else choose(all(missing, axis, keepdims=keepdims, where=where), np.nan, value)

    return reduced


def _log_of_sum(a: Any, axis: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True) -> Tensor:
    """np.logaddexp.reduce: what takes no part is a summand of 0, whose logarithm is -inf."""
    return _joined(logsumexp(masked(as_floats(a), where, -np.inf), axis, keepdims), initial, np.logaddexp)


# What np.add.reduce and their like do with Tensors, all of their parameters included.
REDUCTIONS |= {np.add: sum, np.multiply: prod, np.maximum: max, np.minimum: min, np.logaddexp: _log_of_sum}
REDUCTIONS |= {np.logical_or: _whether(any, np.logical_or), np.logical_and: _whether(all, np.logical_and)}
REDUCTIONS |= {np.fmax: _of_numbers(rows.max, lowest), np.fmin: _of_numbers(rows.min, highest)}
