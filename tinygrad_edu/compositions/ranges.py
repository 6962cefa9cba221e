"""Evenly spaced numbers, with gradients for both ends. `tg.<name>` and `np.<name>(tensor, …)` are the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.joining import concatenate
from tinygrad_edu.compositions.reduction import as_floats
from tinygrad_edu.compositions.shape import moveaxis, whole
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.handle import get_default_dtype, to_dtype
from tinygrad_edu.interop import implements
from tinygrad_edu.memory import NUMBERS
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import absolute, floor, power, sign
from tinygrad_edu.ops.exponential import log10
from tinygrad_edu.ops.shape import broadcast_to
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = ["geomspace", "linspace", "logspace"]


def _ends(start: Any, stop: Any) -> tuple[Tensor, Tensor]:
    """Both ends in one shape and floating dtype; Python's numbers take the dtype of the other end."""
    given = [x for x in (start, stop) if x.__class__ not in NUMBERS]
    dtype = np.result_type(*(as_floats(x).dtype for x in given)) if given else get_default_dtype()
    first, last = (x if x.dtype == dtype else x.astype(dtype) for x in (as_tensor(start), as_tensor(stop)))
    shape = np.broadcast_shapes(first.shape, last.shape)
    return broadcast_to(first, shape=shape), broadcast_to(last, shape=shape)


def _finished(y: Tensor, dtype: DTypeLike | None, axis: int) -> Tensor:
    """The numbers along their axis, in the dtype that was asked for; of whole numbers the next below."""
    y = moveaxis(y, 0, axis) if axis.__class__ is not int or axis else y
    if dtype is None:
        return y
    kind = to_dtype(dtype)
    return floor(y).astype(kind) if kind.kind in "iu" else y if y.dtype == kind else y.astype(kind)


def _checked(name: str, num: Any, device: str | None) -> int:
    count = whole(name, num)
    if count < 0:
        raise ShapeError(describe(f"{name} can't give {count} numbers", where=here(), code="number-out-of-range"))
    if device not in (None, "cpu"):
        raise ShapeError(describe(f"there is no device {device!r}", where=here(), fix="'cpu'", code="unknown-choice"))
    return count


def _between(first: Tensor, last: Tensor, num: int, endpoint: bool) -> tuple[Tensor, Tensor]:
    """`num` numbers along a new first axis, the last one exact, and their distance."""
    parts = num - 1 if endpoint else num
    places = np.arange(num, dtype=first.dtype).reshape((-1,) + (1,) * first.ndim)
    distance = last - first
    step = distance / parts if parts > 0 else distance * np.nan
    if parts > 0 and not np.any(step.detach() == 0):
        y = first + places * step
    else:  # a distance so small that a part of it is 0, or a single number
        y = first + places / max(parts, 1) * distance
    if endpoint and num > 1:
        y = concatenate((y[:-1], last[None]))
    return y, step


@implements(np.linspace)
def linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: DTypeLike | None = None,
    axis: int = 0,
    *,
    device: str | None = None,
    requires_grad: bool = False,
    name: str | None = None,
) -> Any:
    """`num` numbers evenly spaced from `start` to `stop`, differentiable in both; of arrays, along a new axis.

    endpoint   False leaves `stop` out
    retstep    True gives the pair (numbers, distance)

    >>> import tinygrad_edu as tg
    >>> tg.linspace(0, 1, 3)
    Tensor([0. , 0.5, 1. ])
    """
    count = _checked("linspace", num, device)
    y, step = _between(*_ends(start, stop), count, endpoint)
    y = _finished(y, dtype, axis)
    if requires_grad and not y.requires_grad:
        y.requires_grad = True
    if name is not None:
        y.name = name
    return (y, step) if retstep else y


@implements(np.logspace)
def logspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    base: Any = 10.0,
    dtype: DTypeLike | None = None,
    axis: int = 0,
) -> Tensor:
    """`base` to the power of numbers evenly spaced from `start` to `stop`, differentiable in all three.

    >>> import tinygrad_edu as tg
    >>> tg.logspace(0, 2, 3)
    Tensor([  1.,  10., 100.])
    """
    count = _checked("logspace", num, None)
    first, last = _ends(start, stop)
    if base.__class__ not in NUMBERS:
        base = as_tensor(base)
        shape = np.broadcast_shapes(base.shape, first.shape)
        first, last, base = (broadcast_to(x, shape=shape) for x in (first, last, base))
    y, _ = _between(first, last, count, endpoint)
    return _finished(power(base, y), dtype, axis)


@implements(np.geomspace)
def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: DTypeLike | None = None, axis: int = 0
) -> Tensor:
    """`num` numbers from `start` to `stop` of which each is the same multiple of the one before; both differentiable.

    Raises ShapeError where an end is 0 or the two have different signs.

    >>> import tinygrad_edu as tg
    >>> tg.geomspace(1, 8, 4)
    Tensor([1., 2., 4., 8.])
    """
    count = _checked("geomspace", num, None)
    first, last = _ends(start, stop)
    side = sign(first.detach())
    if np.any(side * sign(last.detach()) <= 0):
        raise ShapeError(
            describe(
                "geomspace needs two ends of the same sign, neither of them 0",
                where=here(),
                fix="tg.linspace",
                code="number-out-of-range",
            )
        )
    exponents, _ = _between(log10(absolute(first)), log10(absolute(last)), count, endpoint)
    y = side * 10.0**exponents
    if count > 0:
        y = concatenate((first[None], y[1:]))
    if endpoint and count > 1:
        y = concatenate((y[:-1], last[None]))
    return _finished(y, dtype, axis)
