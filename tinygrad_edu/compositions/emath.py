"""np.emath on Tensors: NumPy's functions where they give real numbers, and for what is outside complex constants."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.compositions.order import plain
from tinygrad_edu.errors import DtypeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops import elementwise as rows
from tinygrad_edu.ops.exponential import log2, log10
from tinygrad_edu.ops.trigonometric import arccos, arcsin, arctanh
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

__all__: list[str] = []


def _outside(x: Tensor, low: float, high: float) -> bool:
    numbers = plain(x)
    return bool(numbers.dtype.kind == "c" or ((numbers < low) | (numbers > high)).any())


def _complex(function: Callable[..., Any], *args: Tensor) -> Tensor:
    """NumPy's complex result, which has no derivative."""
    name = f"np.emath.{function.__name__}"
    if any(x.requires_grad for x in args):
        raise DtypeError(
            describe(
                f"{name} of these numbers is complex, and complex numbers have no derivative here",
                where=here(),
                fix=f"tg.where or tg.clip, so that the numbers stay where {name} is real; or {name}(x.detach())",
                code="complex-gradient",
            )
        )
    return tensor_on(np.asarray(function(*(plain(x) for x in args))))


def _real_between(function: Callable[..., Any], row: Callable[..., Tensor], low: float, high: float = np.inf) -> None:
    @implements(function)
    def served(x: Any) -> Tensor:
        x = as_tensor(x)
        return _complex(function, x) if _outside(x, low, high) else row(x)

    served.__name__ = function.__name__


_real_between(np.emath.sqrt, rows.sqrt, 0)
_real_between(np.emath.log, rows.log, 0)
_real_between(np.emath.log2, log2, 0)
_real_between(np.emath.log10, log10, 0)
_real_between(np.emath.arccos, arccos, -1, 1)
_real_between(np.emath.arcsin, arcsin, -1, 1)
_real_between(np.emath.arctanh, arctanh, -1, 1)


@implements(np.emath.logn)
def _logn(n: Any, x: Any) -> Tensor:
    n, x = as_tensor(n), as_tensor(x)
    if _outside(n, 0, np.inf) or _outside(x, 0, np.inf):
        return _complex(np.emath.logn, n, x)
    result: Tensor = rows.log(x) / rows.log(n)
    return result


@implements(np.emath.power)
def _power(x: Any, p: Any) -> Tensor:
    x, p = as_tensor(x), as_tensor(p)
    if _outside(x, 0, np.inf):
        return _complex(np.emath.power, x, p)
    return rows.power(x, p * 1.0 if p.dtype.kind in "iu" and _outside(p, 0, np.inf) else p)
