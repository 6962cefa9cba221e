"""Reductions that leave nan out: `where=` with the elements that are numbers. A nan gets the gradient 0."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.compositions import reduction, scan
from tinygrad_edu.compositions.output import handed
from tinygrad_edu.compositions.reduction import (
    as_floats,
    as_mask,
    counted,
    extremum,
    highest,
    lowest,
    reduce,
    refuse_whole,
)
from tinygrad_edu.interop import implements
from tinygrad_edu.ops import reduction as rows
from tinygrad_edu.ops.elementwise import where as choose
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = [
    "nanargmax",
    "nanargmin",
    "nancumprod",
    "nancumsum",
    "nanmax",
    "nanmean",
    "nanmin",
    "nanprod",
    "nanstd",
    "nansum",
    "nanvar",
]


def without_nan(a: Any, neutral: float) -> Tensor:
    """`a` with `neutral` in the place of nan."""
    x = as_tensor(a)
    return choose(np.isnan(x), neutral, x) if x.dtype.kind in "fc" else x


def numbers(x: Tensor, where: Any) -> Any:
    """Where x is a number, of those elements that take part."""
    if x.dtype.kind not in "fc":
        return where
    there = np.logical_not(np.isnan(x))
    return there if where is True else np.logical_and(there, as_mask(where, x))


@implements(np.nansum)
def nansum(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Tensor:
    """Σx of the elements that are not nan.

    >>> import tinygrad_edu as tg
    >>> tg.nansum([1.0, np.nan, 2.0])
    Tensor(3.)
    """
    return reduction.sum(without_nan(a, 0), axis, dtype, out, keepdims, initial, where)


@implements(np.nanprod)
def nanprod(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    keepdims: bool = False,
    initial: Any = None,
    where: Any = True,
) -> Tensor:
    """Πx of the elements that are not nan.

    >>> import tinygrad_edu as tg
    >>> tg.nanprod([3.0, np.nan, 2.0])
    Tensor(6.)
    """
    return reduction.prod(without_nan(a, 1), axis, dtype, out, keepdims, initial, where)


@implements(np.nanmean)
def nanmean(
    a: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: bool = False, *, where: Any = True
) -> Tensor:
    """The mean of the elements that are not nan; nan, with NumPy's warning, where there are none.

    >>> import tinygrad_edu as tg
    >>> tg.nanmean([1.0, np.nan, 2.0])
    Tensor(1.5)
    """
    x = as_tensor(a)
    if x.dtype.kind in "fc":
        refuse_whole("nanmean", dtype)
    return reduction.mean(x, axis, dtype, out, keepdims, where=numbers(x, where))


@implements(np.nanvar)
def nanvar(
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
    """The variance of the elements that are not nan; nan where there are not more than ddof of them.

    >>> import tinygrad_edu as tg
    >>> tg.nanvar([1.0, np.nan, 3.0])
    Tensor(1.)
    """
    if as_tensor(a).dtype.kind in "iub":  # no nan among them
        return reduction.var(a, axis, dtype, out, ddof, keepdims, where=where, mean=mean, correction=correction)
    refuse_whole("nanvar", dtype)
    x = as_floats(a, dtype)
    there = numbers(x, where)
    result = reduction.var(x, axis, ddof=ddof, keepdims=keepdims, where=there, mean=mean, correction=correction)
    return handed(_if_enough(result, x, axis, ddof or correction or 0, keepdims, there), out)


@implements(np.nanstd)
def nanstd(
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
    """The standard deviation of the elements that are not nan; the derivative at equal elements is 0.

    >>> import tinygrad_edu as tg
    >>> tg.nanstd([1.0, np.nan, 3.0])
    Tensor(1.)
    """
    if as_tensor(a).dtype.kind in "iub":  # no nan among them
        result = reduction.std(a, axis, dtype, None, ddof, keepdims, where=where, mean=mean, correction=correction)
        if result.ndim:  # of a number NumPy cuts the fraction off
            refuse_whole("nanstd", dtype)
        return handed(result, out)
    refuse_whole("nanstd", dtype)
    x = as_floats(a, dtype)
    there = numbers(x, where)
    result = reduction.std(x, axis, ddof=ddof, keepdims=keepdims, where=there, mean=mean, correction=correction)
    return handed(_if_enough(result, x, axis, ddof or correction or 0, keepdims, there), out)


def _if_enough(result: Tensor, x: Tensor, axis: Any, ddof: float, keepdims: bool, there: Any) -> Tensor:
    """The result where more than ddof elements take part, else nan."""
    return choose(counted(x, axis, keepdims, there) > ddof, result, np.nan)


@implements(np.nanmax)
def nanmax(
    a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Tensor:
    """The largest element that is not nan. Equal largest elements share the gradient.

    >>> import tinygrad_edu as tg
    >>> tg.nanmax([1.0, np.nan, 3.0])
    Tensor(3.)
    """
    return extremum(rows.nanmax, lowest, a, axis, out, keepdims, initial, where)


@implements(np.nanmin)
def nanmin(
    a: Any, axis: Any = None, out: Any = None, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Tensor:
    """The smallest element that is not nan. Equal smallest elements share the gradient.

    >>> import tinygrad_edu as tg
    >>> tg.nanmin([1.0, np.nan, 3.0])
    Tensor(1.)
    """
    return extremum(rows.nanmin, highest, a, axis, out, keepdims, initial, where)


@implements(np.nanargmax)
def nanargmax(a: Any, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
    """Where the largest element is that is not nan: whole numbers, no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.nanargmax([1.0, np.nan, 3.0])
    Tensor(2)
    """
    return handed(reduce(rows.nanargmax, as_tensor(a), axis, keepdims), out)


@implements(np.nanargmin)
def nanargmin(a: Any, axis: Any = None, out: Any = None, *, keepdims: bool = False) -> Tensor:
    """Where the smallest element is that is not nan: whole numbers, no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.nanargmin([np.nan, 4.0, 3.0])
    Tensor(2)
    """
    return handed(reduce(rows.nanargmin, as_tensor(a), axis, keepdims), out)


@implements(np.nancumsum)
def nancumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
    """Sums up to each place, nan left out.

    >>> import tinygrad_edu as tg
    >>> tg.nancumsum([1.0, np.nan, 3.0])
    Tensor([1., 1., 4.])
    """
    return scan.cumsum(without_nan(a, 0), axis, dtype, out)


@implements(np.nancumprod)
def nancumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
    """Products up to each place, nan left out.

    >>> import tinygrad_edu as tg
    >>> tg.nancumprod([2.0, np.nan, 3.0])
    Tensor([2., 2., 6.])
    """
    return scan.cumprod(without_nan(a, 1), axis, dtype, out)
