"""Polynomials as vectors of coefficients of falling powers, as np.polyval has them; differentiable in all of them.

`tg.<name>` and `np.<name>(tensor)` are the same.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_edu.compositions.arrangement import repeat, trim_zeros
from tinygrad_edu.compositions.decompositions import eigvals
from tinygrad_edu.compositions.inverses import lstsq
from tinygrad_edu.compositions.joining import concatenate
from tinygrad_edu.compositions.linalg import outer, vander
from tinygrad_edu.compositions.order import plain
from tinygrad_edu.compositions.reduction import as_floats
from tinygrad_edu.compositions.shape import atleast_1d
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.memory import NUMBERS
from tinygrad_edu.node import here
from tinygrad_edu.ops import window
from tinygrad_edu.ops.elementwise import sqrt
from tinygrad_edu.ops.inverses import inv
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = [
    "poly", "polyadd", "polyder", "polydiv", "polyfit", "polyint", "polymul", "polysub", "polyval", "roots",
]  # fmt: skip

# --- values, derivatives, integrals --------------------------------------------------------------------------


@implements(np.polyval)
def polyval(p: Any, x: Any) -> Tensor:
    """p₀xⁿ⁻¹ + p₁xⁿ⁻² + … + pₙ₋₁, by Horner's rule; differentiable in both.

    >>> import tinygrad_edu as tg
    >>> tg.polyval([1.0, 0.0, 2.0], 3.0)
    Tensor(11.)
    """
    coefficients = as_tensor(p)
    points = as_tensor(x)
    if x.__class__ in NUMBERS:  # weak, like every number
        points = points.astype(np.result_type(coefficients.dtype, x))
    result: Tensor = as_tensor(np.zeros(points.shape, points.dtype))
    for coefficient in coefficients:
        result = result * points + coefficient
    return result


def _coefficients(name: str, p: Any, m: Any) -> Tensor:
    found = as_tensor(p)
    if found.ndim != 1:
        raise ShapeError(
            describe(
                f"{name}: coefficients are a vector, not of shape {found.shape}",
                where=here(),
                code="wrong-number-of-axes",
            )
        )
    if m != int(m) or m < 0:
        raise ShapeError(
            describe(
                f"{name}: the order must be a whole number from 0, not {m}", where=here(), code="not-a-whole-number"
            )
        )
    return found


def _powers(p: Tensor, lowest: int) -> np.ndarray:
    """Falling whole numbers down to `lowest`, one per coefficient, that keep narrow floats narrow."""
    powers = np.arange(p.size - 1 + lowest, lowest - 1, -1)
    return powers.astype(p.dtype) if p.dtype.kind in "fc" else powers


@implements(np.polyder)
def polyder(p: Any, m: int = 1) -> Tensor:
    """The coefficients of the m-th derivative of the polynomial with coefficients p.

    >>> import tinygrad_edu as tg
    >>> tg.polyder([1.0, 2.0, 3.0])
    Tensor([2., 2.])
    """
    found = _coefficients("polyder", p, m)
    for _ in range(int(m)):
        found = found[:-1] * _powers(found[:-1], 1)
    return found


@implements(np.polyint)
def polyint(p: Any, m: int = 1, k: Any = None) -> Tensor:
    """The coefficients of the m-th antiderivative of the polynomial with coefficients p; k are its constants, or 0.

    >>> import tinygrad_edu as tg
    >>> tg.polyint([2.0, 2.0])
    Tensor([1., 2., 0.])
    """
    found = _coefficients("polyint", p, m)
    constants = atleast_1d(0 if k is None else k)
    if constants.size == 1:
        constants = repeat(constants, max(int(m), 1))
    if constants.ndim != 1 or constants.size < m:
        what = f"polyint: {int(m)} constants are needed, not of shape {constants.shape}"
        raise ShapeError(describe(what, where=here(), fix="k=0, or one per integration", code="lengths-differ"))
    for order in range(int(m)):
        found = found / _powers(found, 1)
        new = constants[order : order + 1]
        found = concatenate((found, new if isinstance(k, Tensor | np.ndarray) else new.astype(found.dtype)))
    return found


# --- arithmetic ----------------------------------------------------------------------------------------------


def _same_length(a: Any, b: Any) -> tuple[Tensor, Tensor]:
    """Both vectors of coefficients with zeros in front of the shorter one."""
    first, second = atleast_1d(a), atleast_1d(b)
    most = max(first.shape[0], second.shape[0])
    padded = (
        x if len(x) == most else concatenate((np.zeros((most - len(x), *x.shape[1:]), x.dtype), x))
        for x in (first, second)
    )
    return tuple(padded)  # type: ignore[return-value]


@implements(np.polyadd)
def polyadd(a1: Any, a2: Any) -> Tensor:
    """The sum of two polynomials.

    >>> import tinygrad_edu as tg
    >>> tg.polyadd([1.0, 2.0], [3.0, 4.0, 5.0])
    Tensor([3., 5., 7.])
    """
    first, second = _same_length(a1, a2)
    return first + second


@implements(np.polysub)
def polysub(a1: Any, a2: Any) -> Tensor:
    """The difference of two polynomials.

    >>> import tinygrad_edu as tg
    >>> tg.polysub([1.0, 2.0], [3.0, 4.0, 5.0])
    Tensor([-3., -3., -3.])
    """
    first, second = _same_length(a1, a2)
    return first - second


@implements(np.polymul)
def polymul(a1: Any, a2: Any) -> Tensor:
    """The product of two polynomials.

    >>> import tinygrad_edu as tg
    >>> tg.polymul([1.0, 2.0], [1.0, -2.0])
    Tensor([ 1.,  0., -4.])
    """
    factors = (trim_zeros(atleast_1d(a), "f") for a in (a1, a2))
    first, second = (x if x.size else as_tensor(np.zeros(1, x.dtype)) for x in factors)
    return window.convolve(first, second)


@implements(np.polydiv)
def polydiv(u: Any, v: Any) -> tuple[Tensor, Tensor]:
    """Quotient and remainder of two polynomials; leading zeros of the remainder are left out.

    >>> import tinygrad_edu as tg
    >>> tg.polydiv([3.0, 5.0, 2.0], [2.0, 1.0])
    (Tensor([1.5 , 1.75]), Tensor([0.25]))
    """
    over, under = as_floats(atleast_1d(u)), as_floats(atleast_1d(v))
    dtype = np.result_type(over.dtype, under.dtype)
    rest: Any = over if over.dtype == dtype else over.astype(dtype)
    scale = 1.0 / under[0]
    quotient = []
    for place in range(len(over) - len(under) + 1):
        digit, end = scale * rest[place], place + len(under)
        quotient.append(digit)
        rest = concatenate((rest[:place], rest[place:end] - digit * under, rest[end:]))
    while rest.size > 1 and np.allclose(plain(rest)[0], 0, rtol=1e-14):
        rest = rest[1:]
    return concatenate([q[None] for q in quotient]) if quotient else as_tensor(np.zeros(1, dtype)), rest


# --- roots and fits ------------------------------------------------------------------------------------------


@implements(np.poly)
def poly(seq_of_zeros: Any) -> Tensor:
    """The coefficients of the polynomial with these zeros and a leading 1; of a square matrix, of its eigenvalues.

    >>> import tinygrad_edu as tg
    >>> tg.poly([1.0, 2.0])
    Tensor([ 1., -3.,  2.])
    """
    zeros = as_floats(atleast_1d(seq_of_zeros))
    if zeros.ndim == 2 and zeros.shape[0] == zeros.shape[1] and zeros.size:
        zeros = eigvals(zeros)
    elif zeros.ndim != 1:
        raise ShapeError(
            describe("poly needs a vector or a square matrix", where=here(), got=zeros.shape, code="not-a-matrix")
        )
    found: Tensor = as_tensor(np.ones(1, zeros.dtype))
    nothing = np.zeros(1, zeros.dtype)
    for zero in zeros:
        found = concatenate((found, nothing)) - zero * concatenate((nothing, found))
    if found.dtype.kind == "c":  # of pairs of conjugates
        found = as_tensor(np.poly(plain(zeros)))
    return found if zeros.size else as_tensor(1.0)


@implements(np.roots)
def roots(p: Any) -> Tensor:
    """The zeros of a polynomial: the eigenvalues of its companion matrix.

    Raises LinAlgError where a gradient is wanted of complex ones.

    >>> import tinygrad_edu as tg
    >>> tg.sort(tg.roots([1.0, -3.0, 2.0]))
    Tensor([1., 2.])
    """
    found = atleast_1d(p)
    if found.ndim != 1:
        raise ShapeError(
            describe("roots needs a vector of coefficients", where=here(), got=found.shape, code="wrong-number-of-axes")
        )
    there = np.flatnonzero(plain(found))
    if not there.size:
        return as_tensor(np.zeros(0))
    zeros_at_0 = found.size - 1 - int(there[-1])
    kept = as_floats(found[int(there[0]) : int(there[-1]) + 1])
    if kept.size < 2:
        return as_tensor(np.zeros(zeros_at_0, kept.dtype))
    below = np.eye(kept.size - 2, kept.size - 1, dtype=kept.dtype)
    companion = concatenate((-kept[None, 1:] / kept[0], below))
    result: Tensor = eigvals(companion)
    return concatenate((result, np.zeros(zeros_at_0, result.dtype)))


@implements(np.polyfit)
def polyfit(
    x: Any, y: Any, deg: int, rcond: float | None = None, full: bool = False, w: Any = None, cov: Any = False
) -> Any:
    """The polynomial of degree `deg` that lies nearest to the points (x, y), differentiable in x, y and w.

    y       (n,) or (n, k): k fits at once, one in each column of the result
    w       weights of the distances
    full    True: (coefficients, residuals, rank, singular values, rcond)
    cov     True, or "unscaled": (coefficients, their covariances)

    >>> import tinygrad_edu as tg
    >>> tg.round(tg.polyfit([0.0, 1.0, 2.0], [1.0, 3.0, 5.0], 1), 6)
    Tensor([2., 1.])
    """
    x, y, order = as_floats(x), as_floats(y), operator.index(deg) + 1
    if order < 1:
        raise ShapeError(describe(f"polyfit: there is no degree {deg}", where=here(), code="number-out-of-range"))
    if x.ndim != 1 or not x.size or y.ndim not in (1, 2) or len(y) != len(x):
        raise DtypeError(
            describe("polyfit needs points: (n,) and (n,) or (n, k)", where=here(), x=x.shape, y=y.shape,
                     code="lengths-differ")
        )  # fmt: skip
    rcond = len(x) * float(np.finfo(x.dtype).eps) if rcond is None else rcond
    left, right = vander(x, order), y
    if w is not None:
        w = as_floats(w)
        if w.shape != x.shape:
            raise DtypeError(
                describe(f"polyfit: weights {w.shape} for {x.shape} points", where=here(), code="weights-do-not-fit")
            )
        left, right = left * w[:, None], right * (w[:, None] if right.ndim == 2 else w)
    scale = sqrt((left * left).sum(axis=0))
    found = lstsq(left / scale, right, rcond)
    fit = (found.x.T / scale).T
    if full:
        return fit, found.residuals, found.rank, found.s, rcond
    if not cov:
        return fit
    base = inv((left / scale).T @ (left / scale)) / outer(scale, scale)
    if cov == "unscaled":
        factor: Any = 1
    else:
        if len(x) <= order:
            raise ShapeError(
                describe(
                    f"polyfit: {len(x)} points are too few for covariances of degree {deg}",
                    where=here(),
                    fix='more points, or cov="unscaled"',
                    code="too-few-values",
                )
            )
        factor = found.residuals / (len(x) - order)
    return fit, base * factor if y.ndim == 1 else base[:, :, None] * factor
