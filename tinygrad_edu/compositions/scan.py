"""Cumulative ops under NumPy's full signatures. `tg.<name>` and `np.<name>(tensor)` are the same."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.compositions.output import handed
from tinygrad_edu.compositions.reduction import as_floats, cast
from tinygrad_edu.compositions.shape import moveaxis
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.interop import ACCUMULATIONS, implements
from tinygrad_edu.node import here
from tinygrad_edu.op import Op
from tinygrad_edu.ops import scan as rows
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.reduction import max, min
from tinygrad_edu.ops.shape import concatenate
from tinygrad_edu.tensor import Tensor

__all__ = ["cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "logcumsumexp"]


def _scan(row: Op, x: Tensor, axis: int | None) -> Tensor:
    result: Tensor = row.run(x) if axis is None else row.run(x, axis=axis)
    return result


@implements(np.cumsum)
def cumsum(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
    """x₁ + … + xᵢ for each place i along `axis` (None: of the flattened array).

    >>> import tinygrad_edu as tg
    >>> tg.cumsum([1.0, 2.0, 4.0])
    Tensor([1., 3., 7.])
    """
    return handed(cast(_scan(rows.cumsum, cast(a, dtype), axis), dtype), out)


@implements(np.cumprod)
def cumprod(a: Any, axis: int | None = None, dtype: Any = None, out: Any = None) -> Tensor:
    """x₁ · … · xᵢ for each place i along `axis` (None: of the flattened array). Zeros get the right gradient.

    >>> import tinygrad_edu as tg
    >>> tg.cumprod([2.0, 3.0, 4.0])
    Tensor([ 2.,  6., 24.])
    """
    return handed(cast(_scan(rows.cumprod, cast(a, dtype), axis), dtype), out)


def logcumsumexp(x: Any, axis: int | None = None) -> Tensor:
    """log(eˣ¹ + … + eˣⁱ) for each place i along `axis` (None: of the flattened array), without overflow.

    >>> import tinygrad_edu as tg
    >>> tg.logcumsumexp([1000.0, 1000.0]) - 1000.0
    Tensor([0.        , 0.69314718])
    """
    x = as_floats(x)
    return _scan(rows.logcumsumexp, x if x.ndim else x.reshape(1), axis)


@implements(np.cumulative_sum)
def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Tensor:
    """As cumsum, of several axes with `axis` only; with `include_initial` a 0 stands in front.

    >>> import tinygrad_edu as tg
    >>> tg.cumulative_sum([1.0, 2.0], include_initial=True)
    Tensor([0., 1., 3.])
    """
    return _cumulative(rows.cumsum, x, axis, dtype, out, 0 if include_initial else None)


@implements(np.cumulative_prod)
def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: Any = None, include_initial: bool = False
) -> Tensor:
    """As cumprod, of several axes with `axis` only; with `include_initial` a 1 stands in front.

    >>> import tinygrad_edu as tg
    >>> tg.cumulative_prod([3.0, 2.0], include_initial=True)
    Tensor([1., 3., 6.])
    """
    return _cumulative(rows.cumprod, x, axis, dtype, out, 1 if include_initial else None)


def _cumulative(row: Op, x: Any, axis: int | None, dtype: Any, out: Any, first: int | None) -> Tensor:
    x = cast(x, dtype)
    if axis is None and x.ndim > 1:
        raise ShapeError(
            describe(
                f"of {x.ndim} axes, say along which", where=here(), fix="axis=0; cumsum flattens", code="axis-needed"
            )
        )
    x = x.reshape(1) if not x.ndim else x
    result = cast(_scan(row, x, 0 if axis is None else axis), dtype)
    if first is not None:
        place = (axis or 0) % result.ndim
        sides = (*result.shape[:place], 1, *result.shape[place + 1 :])
        result = concatenate([np.full(sides, first, result.dtype), result], axis=place)
    return handed(result, out)


def _running(extreme: Callable[..., Any], lowest: Callable[[np.dtype[Any]], Any], x: Tensor, axis: int) -> Tensor:
    """The extreme of all elements up to each place, ties sharing the gradient as in `extreme`; O(n²) in memory.

    A row of its own could do it in O(n), but np.maximum.accumulate is rare, and this needs no rule.
    """
    rows_of_x = moveaxis(x, axis, -1)
    side = rows_of_x.shape[-1]
    if not side:
        return x
    seen = np.tri(side, dtype=bool)
    table = where(seen, rows_of_x[..., None, :], lowest(x.dtype))
    return moveaxis(extreme(table, axis=-1), -1, axis)


def _limit(name: str, dtype: np.dtype[Any]) -> Any:
    if dtype.kind in "iu":
        return getattr(np.iinfo(dtype), name)
    return (name == "max") if dtype.kind == "b" else np.inf if name == "max" else -np.inf


ACCUMULATIONS |= {
    np.add: cumsum,
    np.multiply: cumprod,
    np.maximum: lambda x, axis: _running(max, lambda dtype: _limit("min", dtype), x, axis),
    np.minimum: lambda x, axis: _running(min, lambda dtype: _limit("max", dtype), x, axis),
}
