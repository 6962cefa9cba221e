"""Inverses, linear systems and determinants of square matrices; leading axes are batches. Arrays only.

The derivative of a determinant is the matrix of cofactors, which every matrix has. So it is computed without an
inverse, and is right for singular matrices too.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import GENERAL, Domain, Op, Sample
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.index import scatter_add
from tinygrad_edu.ops.linalg import transposed
from tinygrad_edu.ops.shape import sum_to

Array = Any

ANY_MATRIX = Domain("any square matrix", -2.0, 2.0)
INVERTIBLE = Domain("invertible matrices", -1.0, 1.0)


def regular(rng: np.random.Generator, batch: tuple[int, ...], n: int) -> np.ndarray:
    """Well-conditioned matrices: the distance of their singular values from 2 is below 1."""
    noise = rng.uniform(-1.0, 1.0, (*batch, n, n))
    return np.asarray(2.0 * np.eye(n) + noise * (0.9 / max(n, 1)))


def _side(rng: np.random.Generator) -> int:
    return 0 if rng.random() < 0.05 else int(rng.integers(1, 4))


def _regular_sample(rng: np.random.Generator) -> Sample:
    return (regular(rng, sampling.shape(rng, high=2), _side(rng)),), {}


# --- inverse and linear systems --------------------------------------------------------------------------------

inv = Op(
    "inv", np.linalg.inv,
    vjps=(lambda g, out, a: -(transposed(out) @ g @ transposed(out)),),
    kind=GENERAL, formula="a⁻¹", domain=(INVERTIBLE,), sampler=_regular_sample,
    doc="The inverse of square matrices, (…, n, n) -> (…, n, n).\n\n"
        "Raises LinAlgError for a singular one. solve(a, b) is faster and more accurate than inv(a) @ b.",
)  # fmt: skip


def _solve_rule_a(g: Array, out: Array, a: Array, b: Array) -> Array:
    if b.ndim == 1:
        g, out = g[..., None], out[..., None]
    return sum_to(-(np.linalg.solve(transposed(a), g) @ transposed(out)), a.shape)


def _solve_rule_b(g: Array, out: Array, a: Array, b: Array) -> Array:
    if b.ndim > 1:
        return sum_to(np.linalg.solve(transposed(a), g), b.shape)
    return np.reshape(sum_to(np.linalg.solve(transposed(a), g[..., None]), (*b.shape, 1)), b.shape)


def _solve_sample(rng: np.random.Generator) -> Sample:
    n, k = _side(rng), _side(rng)
    left, right = sampling.broadcastable(rng, 2)
    b = (n,) if rng.random() < 0.4 else (*right, n, k)
    return (regular(rng, left[-2:], n), rng.normal(size=b)), {}


solve = Op(
    "solve", np.linalg.solve,
    vjps=(_solve_rule_a, _solve_rule_b),
    kind=GENERAL, formula="a⁻¹ b", domain=(INVERTIBLE, Domain("any real number", -2, 2)), sampler=_solve_sample,
    doc="The x for which a @ x = b: (…, n, n), (…, n, k) -> (…, n, k), or (…, n, n), (n,) -> (…, n); batches "
        "broadcast.\n\nRaises LinAlgError where a is singular.",
)  # fmt: skip

# --- determinants ----------------------------------------------------------------------------------------------


def _products_of_others(s: Array) -> Array:
    """For each element along the last axis the product of all others, without a division."""
    before, after = np.ones_like(s), np.ones_like(s)
    np.cumprod(s[..., :-1], axis=-1, out=before[..., 1:])
    np.cumprod(s[..., :0:-1], axis=-1, out=after[..., -2::-1])
    return before * after


def _singular_form(a: Array) -> tuple[Array, Array, Array, Array]:
    """u, s and v of a = u · diag(s) · vᵀ, and the sign det(u)·det(v)."""
    u, s, vh = np.linalg.svd(a)
    sign = np.sign(np.linalg.det(u) * np.linalg.det(vh))
    return u, s, np.swapaxes(vh, -1, -2), sign


def _balanced(a: Array) -> tuple[Array, Array]:
    """The matrix with its rows, then its columns, divided by powers of 2 so that their largest elements are near 1; and
    the exponents of what each element was divided by.

    Singular values know no scale but the largest: of rows as 1, 1e-10 and 1e-20 the small ones would be noise.
    """
    a = a if a.dtype.kind == "f" else a.astype(np.float64)
    rows = np.frexp(np.max(np.abs(a), axis=-1, keepdims=True, initial=0))[1]
    a = np.ldexp(a, -rows)
    columns = np.frexp(np.max(np.abs(a), axis=-2, keepdims=True, initial=0))[1]
    return np.ldexp(a, -columns), rows + columns


def _of_others(exponents: Array) -> Array:
    """For each element the sum of the exponents of all other rows and columns: by that its cofactor is too small."""
    n = exponents.shape[-1]
    every = np.sum(exponents[..., range(n), range(n)], axis=-1)  # each row and each column once
    return every[..., None, None] - exponents


def _cofactor(a: Array) -> Array:
    balanced, exponents = _balanced(a)
    u, s, v, sign = _singular_form(balanced)
    cofactors = (u * (sign[..., None] * _products_of_others(s))[..., None, :]) @ np.swapaxes(v, -1, -2)
    return np.ldexp(cofactors, _of_others(exponents))


def _cofactor_derivative(a: Array, g: Array) -> Array:
    """In the basis of the singular vectors the cofactors of a diagonal matrix s + dx change, to first order, by
    pᵢⱼ dxⱼⱼ summed on the diagonal and by −pᵢⱼ dxⱼᵢ beside it, where pᵢⱼ is the product of all s but two."""
    u, s, v, sign = _singular_form(a)
    n = s.shape[-1]
    one = np.eye(n, dtype=bool)
    p = np.where(one, 0, _products_of_others(np.where(one, 1, s[..., None, :])))
    y = np.swapaxes(u, -1, -2) @ g @ v
    diagonal = np.einsum("...ij,...jj->...i", p, y)
    inner = np.where(one, diagonal[..., None, :], -p * np.swapaxes(y, -1, -2))
    return sign[..., None, None] * (u @ inner @ np.swapaxes(v, -1, -2))


def _third_derivative(h: Array, a: Array, g: Array) -> Array:
    """The cotangent of a in `cofactor_derivative(a, g)`: minor by minor, each with its own cofactors."""
    n = a.shape[-1]
    if n < 3:
        return np.zeros_like(a)
    others = np.array([[j for j in range(n) if j != i] for i in range(n)])
    index = (Ellipsis, others[:, None, :, None], others[None, :, None, :])
    signs = np.where(np.add.outer(range(n), range(n)) % 2, -1.0, 1.0).astype(a.dtype)
    minors = cofactor_derivative.run(a[index], h[index])
    return scatter_add.run((signs * g)[..., None, None] * minors, index=index, shape=a.shape)


def _square_sample(rng: np.random.Generator) -> Sample:
    n = _side(rng)
    a = rng.normal(size=(*sampling.shape(rng, high=2), n, n))
    if n and rng.random() < 0.4:  # of rank n − 1 or n − 2
        a[..., 0, :] = a[..., -1, :] * (0.5 if n > 1 else 0.0)
        a[..., :, 0] = a[..., :, -1] * (2.0 if rng.random() < 0.5 else 0.0)
    return (a,), {}


def _square_pair_sample(rng: np.random.Generator) -> Sample:
    (a,), _ = _square_sample(rng)
    return (a, rng.normal(size=a.shape)), {}


cofactor_derivative: Op = Op(
    "cofactor_derivative", _cofactor_derivative,
    vjps=(lambda h, out, a, g: _third_derivative(h, a, g),
          lambda h, out, a, g: cofactor_derivative.run(a, h)),
    kind=GENERAL, formula="∂⟨cofactor(a), g⟩ / ∂a", domain=(ANY_MATRIX, ANY_MATRIX), sampler=_square_pair_sample,
    doc="The gradient of Σ g · cofactor(a) with respect to a: second derivatives of the determinant of any matrix.\n\n"
        "Its own derivative, the third of a determinant, goes minor by minor and takes n² times as long.",
)  # fmt: skip

cofactor: Op = Op(
    "cofactor", _cofactor,
    vjps=(lambda g, out, a: cofactor_derivative.run(a, g),),
    kind=GENERAL, formula="∂ det a / ∂a", domain=(ANY_MATRIX,), sampler=_square_sample,
    doc="The matrices of cofactors, (…, n, n) -> (…, n, n): det(a) · a⁻ᵀ where a has an inverse.\n\n"
        "Computed from the singular values, so it is accurate for singular matrices of any rank.",
)  # fmt: skip

det = Op(
    "det", np.linalg.det,
    vjps=(lambda g, out, a: g[..., None, None] * cofactor.run(a),),
    kind=GENERAL, formula="det a", domain=(ANY_MATRIX,), sampler=_square_sample,
    doc="The determinants of square matrices, (…, n, n) -> (…). Derivatives are right for singular matrices too.",
)  # fmt: skip


def _slogdet(a: Array) -> Array:
    return np.stack(np.linalg.slogdet(a), axis=-1)


slogdet_packed = Op(
    "slogdet_packed", _slogdet,
    vjps=(lambda g, out, a: g[..., 1][..., None, None] * transposed(np.linalg.inv(a)),),
    kind=GENERAL, formula="sign det a, log |det a|", domain=(INVERTIBLE,), sampler=_regular_sample,
    doc="Sign and logarithm of the absolute value of the determinant, (…, n, n) -> (…, 2); see slogdet.\n\n"
        "For a singular matrix they are 0 and -inf, and backward raises LinAlgError: there is no derivative.",
)  # fmt: skip

# --- pseudo-inverse and rank -------------------------------------------------------------------------------------


def _pinv_rule(g: Array, out: Array, a: Array, rcond: Any = None, rtol: Any = None) -> Array:
    """For matrices of constant rank: Golub & Pereyra, SIAM J. Numer. Anal. 10 (1973), 413-432."""
    p, pt, gt = out, transposed(out), transposed(g)
    left = gt - a @ (p @ gt)  # (1 − a p) gᵀ
    right = gt - (gt @ p) @ a  # gᵀ (1 − p a)
    return left @ p @ pt + pt @ p @ right - pt @ g @ pt


def _pinv(a: Array, rcond: Any = None, rtol: Any = None) -> Array:
    if rcond is None:
        rcond = rtol
    return np.linalg.pinv(a) if rcond is None else np.linalg.pinv(a, rcond)


def _pinv_sample(rng: np.random.Generator) -> Sample:
    batch = sampling.shape(rng, high=1)
    tall = np.concatenate([regular(rng, batch, 2), rng.uniform(-1, 1, (*batch, int(rng.integers(0, 3)), 2))], axis=-2)
    return (transposed(tall) if rng.random() < 0.5 else tall,), {}


pinv = Op(
    "pinv", _pinv, numpy=np.linalg.pinv,
    vjps=(_pinv_rule,),
    kind=GENERAL, formula="a⁺", domain=(Domain("matrices of full rank", -1, 1),), sampler=_pinv_sample,
    doc="The pseudo-inverse of matrices, (…, n, m) -> (…, m, n).\n\n"
        "Its derivative holds while the rank stays the same; it jumps where the rank changes. Singular values up to "
        "`rcond` times the largest count as 0.",
)  # fmt: skip


def _matrix_rank(A: Array, tol: Any = None, hermitian: bool = False, *, rtol: Any = None) -> Array:
    if np.ndim(A) > 1 and not np.size(A):  # NumPy 2.2 refuses it
        return np.zeros(A.shape[:-2], np.intp)
    return np.linalg.matrix_rank(A, tol, hermitian, rtol=rtol)


matrix_rank = Op(
    "matrix_rank", _matrix_rank, numpy=np.linalg.matrix_rank,
    vjps=(None,),
    kind=GENERAL, formula="rank a", domain=(ANY_MATRIX,), sampler=_square_sample,
    doc="The number of singular values above a tolerance, (…, n, m) -> (…); no derivative.",
)  # fmt: skip
