"""np.linalg on Tensors: what NumPy composes from inverses, determinants and singular values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.compositions.decompositions import matrices, symmetric
from tinygrad_edu.compositions.order import plain
from tinygrad_edu.compositions.output import handed
from tinygrad_edu.compositions.reduction import as_floats
from tinygrad_edu.errors import DtypeError, MatrixError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops import inverses as rows
from tinygrad_edu.ops.decompositions import svdvals
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.linalg import dot, matmul
from tinygrad_edu.ops.shape import reshape, transpose
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["cond", "lstsq", "matrix_power", "multi_dot", "pinv", "slogdet", "tensorinv", "tensorsolve"]

_np: Any = np  # functions that take Tensors here, and arrays in NumPy's stubs


class SlogdetResult(NamedTuple):
    """What slogdet gives."""

    sign: Tensor
    logabsdet: Tensor


class LstsqResult(NamedTuple):
    """What lstsq gives."""

    x: Tensor
    residuals: Tensor
    rank: Tensor
    s: Tensor


# --- determinants, inverses, powers ------------------------------------------------------------------------------


@implements(np.linalg.slogdet)
def slogdet(a: Any) -> SlogdetResult:
    """Sign and logarithm of the absolute value of the determinant, (…, n, n) -> (…), (…).

    For a singular matrix they are 0 and -inf, and backward raises LinAlgError; tg.linalg.det has a derivative there.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.slogdet([[0.0, 1.0], [1.0, 0.0]])
    SlogdetResult(sign=Tensor(-1.), logabsdet=Tensor(0.))
    """
    both = rows.slogdet_packed(matrices(a, "slogdet", square=True))
    return SlogdetResult(both[..., 0], both[..., 1])


@implements(np.linalg.pinv)
def pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Tensor:
    """The pseudo-inverse a⁺ of matrices of any shape, (…, n, m) -> (…, m, n).

    rcond, rtol   singular values up to this times the largest count as 0
    hermitian     the matrices are symmetric; their lower triangle is read

    The derivative holds while the rank stays the same: where it changes, a⁺ jumps.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.pinv([[2.0, 0.0]])
    Tensor([[0.5],
            [0. ]])
    """
    if rcond is not None and rtol is not None:
        raise ShapeError(describe("pinv takes `rcond` or `rtol`, not both", where=here(), code="conflicting-arguments"))
    rtol = rcond if rtol is None else rtol
    if isinstance(rtol, Tensor):
        rtol = rtol.numpy()
    a = symmetric(a, "pinv", lower=True) if hermitian else matrices(a, "pinv")
    return rows.pinv(a) if rtol is None else rows.pinv(a, rcond=rtol)


@implements(np.linalg.matrix_power)
def matrix_power(a: Any, n: int) -> Tensor:
    """a @ a @ … @ a, n times, (…, k, k) -> (…, k, k); for n < 0 the power of the inverse; a⁰ is the identity.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.matrix_power([[1.0, 1.0], [0.0, 1.0]], 3)
    Tensor([[1., 3.],
            [0., 1.]])
    """
    a = matrices(a, "matrix_power", square=True)
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise DtypeError(
            describe(f"matrix_power needs a whole number, not {n!r}", where=here(), code="not-a-whole-number")
        )
    if n == 0:
        return where(False, a, np.eye(a.shape[-1], dtype=a.dtype))
    result: Tensor | None = None
    square, left = (rows.inv(a), -int(n)) if n < 0 else (a.copy(), int(n))
    while True:
        if left % 2:
            result = square if result is None else matmul(result, square)
        left //= 2
        if not left:
            assert result is not None
            return result
        square = matmul(square, square)


@implements(np.linalg.multi_dot)
def multi_dot(arrays: Sequence[Any], *, out: Any = None) -> Tensor:
    """The product of two or more matrices in the order that needs fewest multiplications.

    The first and the last may be vectors: a row and a column.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.multi_dot([[1.0, 2.0], [[0.0, 1.0], [1.0, 0.0]], [1.0, 3.0]])
    Tensor(5.)
    """
    factors = [as_tensor(x) for x in arrays]
    if len(factors) < 2:
        raise ShapeError(
            describe(f"multi_dot needs two arrays or more, not {len(factors)}", where=here(), code="too-few-arrays")
        )
    inner, outer = factors[1:-1], (factors[0], factors[-1])
    if any(x.ndim != 2 for x in inner) or any(x.ndim not in (1, 2) for x in outer):
        raise MatrixError(
            describe("multi_dot needs matrices", where=here(), shapes=[x.shape for x in factors], code="not-a-matrix")
        )
    sides = [1 if factors[0].ndim == 1 else factors[0].shape[0], *(x.shape[0] for x in factors[1:])]
    sides.append(1 if factors[-1].ndim == 1 else factors[-1].shape[1])
    splits = _best_splits(sides)

    def product(first: int, last: int) -> Tensor:
        if first == last:
            return factors[first]
        middle = splits[first, last]
        return dot(product(first, middle), product(middle + 1, last))

    return handed(product(0, len(factors) - 1), out)


def _best_splits(sides: list[int]) -> dict[tuple[int, int], int]:
    """Where to split each run of matrices, by dynamic programming; matrix i is sides[i] × sides[i + 1]."""
    count = len(sides) - 1
    cost = {(i, i): 0 for i in range(count)}
    splits: dict[tuple[int, int], int] = {}
    for length in range(1, count):
        for i in range(count - length):
            j = i + length
            cost[i, j], splits[i, j] = min(
                (cost[i, k] + cost[k + 1, j] + sides[i] * sides[k + 1] * sides[j + 1], k) for k in range(i, j)
            )
    return splits


@implements(np.linalg.tensorinv)
def tensorinv(a: Any, ind: int = 2) -> Tensor:
    """The inverse for tensordot over `ind` axes: of shape a.shape[ind:] + a.shape[:ind].

    >>> import tinygrad_edu as tg
    >>> tg.linalg.tensorinv(2 * tg.eye(4).reshape(2, 2, 4), ind=2).shape
    (4, 2, 2)
    """
    a = as_tensor(a)
    if ind <= 0:
        raise ShapeError(
            describe(f"tensorinv: ind must be positive, not {ind}", where=here(), code="number-out-of-range")
        )
    side = math.prod(a.shape[ind:])
    matrix = reshape(a, shape=(math.prod(a.shape[:ind]), side))
    return reshape(rows.inv(matrix), shape=a.shape[ind:] + a.shape[:ind])


@implements(np.linalg.tensorsolve)
def tensorsolve(a: Any, b: Any, axes: Sequence[int] | None = None) -> Tensor:
    """The x for which tensordot(a, x, x.ndim) = b; `axes` of a are moved to its end first.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.tensorsolve(2 * tg.eye(4).reshape(2, 2, 4), tg.ones((2, 2)))
    Tensor([0.5, 0.5, 0.5, 0.5])
    """
    a, b = as_tensor(a), as_tensor(b)
    if axes is not None:
        moved = [axis % a.ndim for axis in axes]
        a = transpose(a, axes=(*(i for i in range(a.ndim) if i not in moved), *moved))
    shape = a.shape[b.ndim :]
    side = math.prod(shape)
    if a.size != side * side:
        raise MatrixError(
            describe(
                "tensorsolve: as many unknowns as equations are needed",
                where=here(),
                a=a.shape,
                b=b.shape,
                code="not-a-matrix",
            )
        )
    return reshape(rows.solve(reshape(a, shape=(side, side)), reshape(b, shape=(-1,))), shape=shape)


# --- least squares and condition ---------------------------------------------------------------------------------


@implements(np.linalg.lstsq)
def lstsq(a: Any, b: Any, rcond: float | None = None) -> LstsqResult:
    """The x of least norm that makes ‖a x − b‖ least, and residuals, rank and singular values: (m, n), (m, k) or (m,).

    rcond       singular values up to this times the largest count as 0; None: max(m, n) times the machine precision
    residuals   ‖a x − b‖² per column, empty unless m > n = rank

    The derivative of x holds while the rank stays the same.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.lstsq([[1.0], [1.0]], [1.0, 3.0]).x
    Tensor([2.])
    """
    a, b = as_tensor(a), as_tensor(b)
    if a.ndim != 2 or b.ndim not in (1, 2) or a.shape[0] != b.shape[0]:
        raise MatrixError(
            describe("lstsq needs (m, n) and (m,) or (m, k)", where=here(), a=a.shape, b=b.shape, code="not-a-matrix")
        )
    m, n = a.shape
    s = svdvals(a)
    eps = float(np.finfo(s.dtype).eps)
    cut = eps * max(m, n) if rcond is None else eps if rcond < 0 else float(rcond)
    x = matmul(rows.pinv(a, rcond=cut), b)
    rank: Tensor = (s > cut * s[:1]).sum().astype(np.int32)
    if int(rank) == n and m > n:
        residuals = ((matmul(a, x) - b) ** 2).sum(axis=0, keepdims=b.ndim == 1)
    else:
        residuals = x.reshape(-1)[:0]
    return LstsqResult(x, residuals, rank, s)


@implements(np.linalg.cond)
def cond(x: Any, p: Any = None) -> Tensor:
    """How much solving x y = b magnifies relative errors: ‖x‖ · ‖x⁻¹‖ in the norm p, (…, n, n) -> (…).

    p   None or 2: the largest over the smallest singular value, of matrices of any shape; -2: its reciprocal;
        1, -1, inf, -inf, "fro", "nuc": see linalg.norm. Singular matrices give inf, where the derivative is 0.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.cond([[1.0, 0.0], [0.0, 4.0]])
    Tensor(4.)
    """
    x = matrices(x, "cond")
    if 0 in x.shape[-2:]:
        raise MatrixError(describe(f"cond of no matrix: shape {x.shape}", where=here(), code="empty-input"))
    if p is None or p in (2, -2):
        s = svdvals(x)
        over, under = (s[..., -1], s[..., 0]) if p == -2 else (s[..., 0], s[..., -1])
        return _inf_where(under == 0, over / where(under == 0, 1, under), x)
    x = as_floats(matrices(x, "cond", square=True))
    singular: Tensor = _np.linalg.slogdet(x.detach()).sign == 0  # a determinant of tiny numbers is 0 anyway
    regular = where(singular[..., None, None], np.eye(x.shape[-1], dtype=x.dtype), x)
    size: Tensor = _np.linalg.norm(regular, p, axis=(-2, -1))
    inverse_size: Tensor = _np.linalg.norm(rows.inv(regular), p, axis=(-2, -1))
    return _inf_where(singular, size * inverse_size, x)


def _inf_where(singular: Tensor, value: Tensor, x: Tensor) -> Tensor:
    """inf for singular matrices, nan for those that hold a nan, as NumPy has it."""
    holds_nan = np.isnan(plain(x)).any(axis=(-2, -1))
    return where(singular, np.where(holds_nan, math.nan, math.inf).astype(value.dtype), value)
