"""Sets of numbers: what is in which, in both, in one of them. Constants, without a derivative.

`tg.<name>` and `np.<name>(tensor)` are the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.compositions.order import constant, constants, plain
from tinygrad_edu.interop import implements
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["intersect1d", "isin", "setdiff1d", "setxor1d", "union1d"]


def _pair(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    return as_tensor(a), as_tensor(b)


@implements(np.isin)
def isin(
    element: Any, test_elements: Any, assume_unique: bool = False, invert: bool = False, *, kind: Any = None
) -> Tensor:
    """Whether each element is among the test elements (not among them with `invert`), as booleans.

    >>> import tinygrad_edu as tg
    >>> tg.isin([1.0, 2.0, 3.0], [2.0, 5.0])
    Tensor([False,  True, False])
    """
    x, y = _pair(element, test_elements)
    return constant("isin", asked(np.isin, plain(x), plain(y), assume_unique, invert, kind=kind), x, y)


@implements(np.union1d)
def union1d(ar1: Any, ar2: Any) -> Tensor:
    """The different elements of both, in ascending order.

    >>> import tinygrad_edu as tg
    >>> tg.union1d([3.0, 1.0], [1.0, 2.0])
    Tensor([1., 2., 3.])
    """
    x, y = _pair(ar1, ar2)
    return constant("union1d", np.union1d(plain(x), plain(y)), x, y)


@implements(np.intersect1d)
def intersect1d(ar1: Any, ar2: Any, assume_unique: bool = False, return_indices: bool = False) -> Any:
    """The different elements that are in both, in ascending order; and their places, where asked for.

    >>> import tinygrad_edu as tg
    >>> tg.intersect1d([3.0, 1.0], [1.0, 2.0])
    Tensor([1.])
    """
    x, y = _pair(ar1, ar2)
    return constants("intersect1d", asked(np.intersect1d, plain(x), plain(y), assume_unique, return_indices), x, y)


@implements(np.setdiff1d)
def setdiff1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Tensor:
    """The different elements of the first that are not in the second.

    >>> import tinygrad_edu as tg
    >>> tg.setdiff1d([3.0, 1.0], [1.0, 2.0])
    Tensor([3.])
    """
    x, y = _pair(ar1, ar2)
    return constant("setdiff1d", np.setdiff1d(plain(x), plain(y), assume_unique), x, y)


@implements(np.setxor1d)
def setxor1d(ar1: Any, ar2: Any, assume_unique: bool = False) -> Tensor:
    """The different elements that are in one of the two only, in ascending order.

    >>> import tinygrad_edu as tg
    >>> tg.setxor1d([3.0, 1.0], [1.0, 2.0])
    Tensor([2., 3.])
    """
    x, y = _pair(ar1, ar2)
    return constant("setxor1d", np.setxor1d(plain(x), plain(y), assume_unique), x, y)
