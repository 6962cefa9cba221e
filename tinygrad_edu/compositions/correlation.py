"""Covariances and correlations. `tg.<name>` and `np.<name>(tensor)` are the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.compositions.reduction import as_floats, mean, sum
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import clip, maximum, sqrt
from tinygrad_edu.ops.rounding import conjugate
from tinygrad_edu.ops.shape import concatenate
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["corrcoef", "cov"]


def _variables(m: Any, rowvar: bool, dtype: Any) -> Tensor:
    """A matrix with one variable in each row."""
    x = as_floats(m, dtype)
    if x.ndim > 2:
        raise ShapeError(
            describe(
                f"variables and observations make two axes, not {x.ndim}", where=here(), code="wrong-number-of-axes"
            )
        )
    if x.ndim < 2:
        return x.reshape((1, x.size))
    return x if rowvar else x.T


@implements(np.cov)
def cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: Any = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Tensor:
    """Σ (x − mean x)(x − mean x)ᵀ / (n − 1), variables in rows (in columns with rowvar=False), (v, n) -> (v, v).

    y                   more variables
    bias, ddof          what is taken from n: 0 with bias, 1 without, or ddof
    fweights, aweights  how often each observation occurred, and how much it weighs; gradients flow through aweights

    >>> import tinygrad_edu as tg
    >>> tg.cov([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    if ddof is not None and (isinstance(ddof, str) or ddof != int(ddof)):
        raise ShapeError(
            describe(f"cov: ddof must be a whole number, not {ddof}", where=here(), code="not-a-whole-number")
        )
    x = _variables(m, rowvar, dtype)
    if y is not None:
        more = _variables(y, rowvar or as_tensor(y).ndim < 2 or as_tensor(y).shape[0] == 1, dtype)
        x = concatenate([x, more])
    if not x.shape[0]:
        return as_tensor(np.zeros((0, 0), x.dtype))
    weights = _observation_weights(x, fweights, aweights)
    lost_by: int = ddof if ddof is not None else 0 if bias else 1
    if weights is None:
        freedom = max(x.shape[1] - lost_by, 0)
        centred = x - mean(x, 1, keepdims=True)
        return (centred @ _conjugate(centred.T) / freedom).squeeze()
    total = sum(weights)
    lost = lost_by if aweights is None or not lost_by else lost_by * sum(weights * aweights) / total
    centred = x - sum(x * weights, 1, keepdims=True) / total
    return (centred @ _conjugate((centred * weights).T) / maximum(total - lost, 0)).squeeze()


def _conjugate(x: Tensor) -> Tensor:
    return conjugate(x) if x.dtype.kind == "c" else x


def _observation_weights(x: Tensor, fweights: Any, aweights: Any) -> Tensor | None:
    """The product of both kinds of weights, in the dtype of x; None where there are none."""
    weights: Tensor | None = None
    for name, given in (("fweights", fweights), ("aweights", aweights)):
        if given is None:
            continue
        given = as_tensor(given)
        if given.shape != x.shape[1:]:
            raise ShapeError(
                describe(
                    f"cov: {name} {given.shape} don't fit {x.shape[1]} observations",
                    where=here(),
                    code="weights-do-not-fit",
                )
            )
        numbers = given.detach().numpy()
        if (numbers < 0).any():
            raise ShapeError(describe(f"cov: {name} can't be negative", where=here(), code="weights-do-not-fit"))
        if name == "fweights" and (numbers != np.rint(numbers)).any():
            raise DtypeError(
                describe(
                    "cov: fweights count observations, so they are whole numbers",
                    where=here(),
                    code="weights-do-not-fit",
                )
            )
        given = given if given.dtype.kind in "fc" else given.astype(x.dtype)
        weights = given if weights is None else weights * given
    return weights


@implements(np.corrcoef)
def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Tensor:
    """cov divided by the standard deviations of both variables, (v, n) -> (v, v): from -1 to 1.

    >>> import tinygrad_edu as tg
    >>> tg.corrcoef([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    Tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    together = cov(x, y, rowvar, dtype=dtype)
    if not together.ndim:
        return together / together
    every = np.arange(len(together))
    spread = sqrt(together[every, every])
    return clip(together / spread[:, None] / spread, -1, 1)
