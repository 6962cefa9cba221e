"""Into Tensors and out of them again: arrays of anything, and text; `np.<name>(tensor)` where NumPy can be told."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.joining import concatenate
from tinygrad_edu.compositions.order import plain
from tinygrad_edu.compositions.shape import ravel
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.handle import to_dtype
from tinygrad_edu.interop import implements
from tinygrad_edu.memory import NUMBERS
from tinygrad_edu.node import here
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

__all__ = ["array", "array2string", "array_repr", "array_str", "asarray", "c_", "r_", "real_if_close"]

# --- into Tensors --------------------------------------------------------------------------------------------


def asarray(a: Any, dtype: DTypeLike | None = None, order: Any = None, *, copy: bool | None = None) -> Tensor:
    """`a` as a Tensor: itself if it is one; arrays, numbers and nested lists, of Tensors too, with their gradients.

    dtype   to cast to
    copy    True gives another value even of a Tensor; False refuses where one would have to be made

    >>> import tinygrad_edu as tg
    >>> x = tg.Tensor(2.0, requires_grad=True)
    >>> tg.asarray([x, 3.0])
    Tensor([2., 3.], requires_grad=True)
    """
    found = as_tensor(a)
    cast = found if dtype is None or found.dtype == to_dtype(dtype) else found.astype(dtype)
    if copy is False and cast is not a:
        raise ShapeError(
            describe("a copy can't be avoided here", where=here(), fix="copy=None", code="wrong-arguments")
        )
    return cast.copy() if copy and cast is a else cast


def array(object: Any, dtype: DTypeLike | None = None, *, copy: bool | None = True, ndmin: int = 0) -> Tensor:
    """As `asarray`, but another value always; `ndmin` puts axes in front until there are so many.

    >>> import tinygrad_edu as tg
    >>> tg.array([1.0, 2.0], ndmin=2)
    Tensor([[1., 2.]])
    """
    found = asarray(object, dtype, copy=copy)
    return found.reshape((1,) * (ndmin - found.ndim) + found.shape) if found.ndim < ndmin else found


# --- r_ and c_ -----------------------------------------------------------------------------------------------


class _Brackets:
    """np.r_ or np.c_ on Tensors: NumPy is asked where each element goes, and the elements follow."""

    def __init__(self, numpy: Any, doc: str) -> None:
        self._numpy = numpy
        self.__doc__ = doc

    def __getitem__(self, key: Any) -> Tensor:
        parts: list[Any] = []
        places: list[Any] = []
        start = 0
        for part in key if isinstance(key, tuple) else (key,):
            if isinstance(part, str):
                places.append(part)
                continue
            if part.__class__ in NUMBERS:  # weak
                parts.append(part)
                shape: tuple[int, ...] = ()
            else:
                value = as_tensor(asked(np.r_.__getitem__, part) if isinstance(part, slice) else part)
                parts.append(ravel(value))
                shape = value.shape
            places.append(np.arange(start, start + math.prod(shape)).reshape(shape))
            start += math.prod(shape)
        where = asked(self._numpy.__getitem__, tuple(places))
        return concatenate(parts, axis=None)[where]


r_ = _Brackets(np.r_, "The parts between the brackets one after the other, as np.r_; slices are ranges.")
c_ = _Brackets(np.c_, "The vectors between the brackets as columns, as np.c_.")

# --- complex into real, numbers into text --------------------------------------------------------------------


@implements(np.real_if_close)
def real_if_close(a: Any, tol: float = 100) -> Tensor:
    """a itself, or its real part where all imaginary parts are close to 0.

    >>> import tinygrad_edu as tg
    >>> tg.real_if_close([1.0, 2.0])
    Tensor([1., 2.])
    """
    x = as_tensor(a)
    return as_tensor(np.real_if_close(plain(x), tol)) if x.dtype.kind == "c" else x


@implements(np.array_repr)
def array_repr(arr: Any, max_line_width: Any = None, precision: Any = None, suppress_small: Any = None) -> str:
    """The numbers of a Tensor as NumPy writes an array.

    >>> import tinygrad_edu as tg
    >>> print(tg.array_repr(tg.ones(2)))
    array([1., 1.])
    """
    return np.array_repr(plain(as_tensor(arr)), max_line_width, precision, suppress_small)


@implements(np.array_str)
def array_str(a: Any, max_line_width: Any = None, precision: Any = None, suppress_small: Any = None) -> str:
    """The numbers of a Tensor as text, without a name or commas.

    >>> import tinygrad_edu as tg
    >>> print(tg.array_str(tg.ones(2)))
    [1. 1.]
    """
    return np.array_str(plain(as_tensor(a)), max_line_width, precision, suppress_small)


@implements(np.array2string)
def array2string(a: Any, *args: Any, **options: Any) -> str:
    """The numbers of a Tensor as text, with NumPy's options.

    >>> import tinygrad_edu as tg
    >>> print(tg.array2string(tg.ones(2), separator=" | "))
    [1. | 1.]
    """
    return np.array2string(plain(as_tensor(a)), *args, **options)
