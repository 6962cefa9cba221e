"""Decompositions of matrices; leading axes are batches. A row with several results packs them into one array.

Users call the functions of `compositions/decompositions.py`, which unpack. Where a derivative does not exist
(a vector of a repeated eigenvalue), the rule raises LinAlgError if such a derivative is asked for, and only then.
Arrays only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.errors import MatrixError, describe
from tinygrad_edu.op import GENERAL, REAL, Domain, Op, Sample
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.linalg import refuse_complex, transposed
from tinygrad_edu.ops.reduction import vector_norm

Array = Any
Shape = tuple[int, ...]


# --- several results in one array, and conditions ----------------------------------------------------------------


def packed(batch: Shape, *parts: Array) -> Array:
    """Several arrays (*batch, …) as one of shape (*batch, total)."""
    return np.concatenate([np.reshape(part, (*batch, math.prod(part.shape[len(batch) :]))) for part in parts], axis=-1)


def unpacked(array: Array, *shapes: Shape) -> list[Array]:
    """The parts of a packed array, each of shape (*batch, *shape)."""
    parts, start = [], 0
    for shape in shapes:
        stop = start + math.prod(shape)
        part = array[..., start:stop]
        parts.append(part if len(shape) == 1 else np.reshape(part, (*array.shape[:-1], *shape)))
        start = stop
    return parts


def _provided(x: Array, condition: Array, why: str) -> Array:
    if not np.all(condition):
        raise MatrixError(describe(why, code="no-derivative-there"))
    return x


provided = Op(
    "provided", _provided,
    vjps=(lambda g, out, x, condition, why: g, None),
    kind=GENERAL, formula="x, provided that …", domain=(REAL, Domain("booleans", 0, 1)), linear=True, view=True,
    sampler=lambda rng: ((rng.normal(size=sampling.shape(rng)), np.array([True, True])), {"why": "false"}),
    doc="x itself. Raises LinAlgError with the reason `why` where the condition is not true everywhere.",
)  # fmt: skip


def _symmetric(a: Array) -> Array:
    return (a + transposed(a)) / 2


def _floating(a: Array) -> Array:
    """`a` with whole numbers and booleans as float64, as np.linalg takes them."""
    return a if np.asarray(a).dtype.kind == "f" else np.asarray(a, np.float64)


def _diagonal_matrix(values: Array, rows: int, columns: int) -> Array:
    """Matrices (…, rows, columns) with `values` (…, min(rows, columns)) on the main diagonal."""
    spread = values[..., None, :] if columns <= rows else values[..., :, None]
    return np.where(np.eye(rows, columns, dtype=bool), spread, 0)


# --- values that coincide ----------------------------------------------------------------------------------------


def _tolerance(x: Array) -> float:
    """How far apart, relative to the largest, values may lie that LAPACK computes of equal ones."""
    return 16.0 * float(np.finfo(x.dtype).eps) * int(x.shape[-1])


def _norm(x: Array, axes: int) -> Array:
    """The norm over the last axes, kept as sides of 1. It only scales tolerances."""
    return vector_norm.run(x, axis=tuple(range(-axes, 0)), keepdims=True)


def _coincide(values: Array) -> Array:
    """Which pairs of the values along the last axis are equal, up to rounding."""
    gap = values[..., None, :] - values[..., :, None]
    return np.abs(gap) <= _tolerance(values) * _norm(values, 1)[..., None]


def _shared(g: Array, equal: Array) -> Array:
    """Cotangents of values, those of equal ones shared equally: the subgradient of least norm, as for max."""
    return np.sum(np.where(equal, g[..., None, :], 0), axis=-1) / np.sum(equal.astype(g.dtype), axis=-1)


def _over_gaps(k: Array, gaps: Array, equal: Array, mixing: Array, scale: Array, why: str) -> Array:
    """k / gaps, and 0 where values coincide: vectors of equal values turn freely. Raises where `mixing`, which says
    what depends on that turn, is not 0 there, up to rounding in numbers as large as `scale`."""
    apart = np.logical_or(np.logical_not(equal), np.eye(k.shape[-1], dtype=bool))
    holds = np.logical_or(apart, np.abs(mixing) <= _tolerance(k) * _norm(scale, 2))
    return provided.run(np.where(equal, 0, k / np.where(equal, 1, gaps)), holds, why=why)


def _gaps(values: Array) -> Array:
    return values[..., None, :] - values[..., :, None]


# --- Cholesky ----------------------------------------------------------------------------------------------------


def _cholesky(a: Array) -> Array:
    refuse_complex("cholesky", a)
    return np.linalg.cholesky(_symmetric(_floating(a)))


def _cholesky_rule(g: Array, out: Array, a: Array) -> Array:
    """Seeger et al., Auto-differentiating linear algebra, arXiv 1710.08717 (2017)."""
    lower = np.tri(a.shape[-1], dtype=bool)
    one = np.eye(a.shape[-1], dtype=bool)
    inverse = np.linalg.inv(out)
    product = np.where(lower, transposed(out) @ g, 0)
    return _symmetric(transposed(inverse) @ np.where(one, product / 2, product) @ inverse)


def spd(rng: np.random.Generator, batch: Shape, n: int) -> np.ndarray:
    """Symmetric positive definite matrices, well conditioned."""
    x = rng.uniform(-1, 1, (*batch, n, n))
    return np.asarray(_symmetric(np.eye(n) + x @ np.swapaxes(x, -1, -2)))


def _spd_sample(rng: np.random.Generator) -> Sample:
    return (spd(rng, sampling.shape(rng, high=2), int(rng.integers(0 if rng.random() < 0.1 else 1, 4))),), {}


cholesky = Op(
    "cholesky", _cholesky, numpy=np.linalg.cholesky,
    vjps=(_cholesky_rule,),
    kind=GENERAL, formula="L, a = L Lᵀ", domain=(Domain("symmetric positive definite matrices", -1, 1),),
    sampler=_spd_sample,
    doc="The lower triangular L with a = L @ Lᵀ and a positive diagonal, (…, n, n) -> (…, n, n).\n\n"
        "It is computed of (a + aᵀ)/2, so the gradient is symmetric. Raises LinAlgError if a isn't positive definite.",
)  # fmt: skip

# --- eigenvalues -------------------------------------------------------------------------------------------------

_EIGENVECTORS = "eigenvectors of equal eigenvalues have no derivative: they are any basis of their space"


def _eigh(a: Array) -> Array:
    refuse_complex("eigh", a)
    values, vectors = np.linalg.eigh(_symmetric(_floating(a)))
    return packed(values.shape[:-1], values, vectors)


def _eigh_rule(g: Array, out: Array, a: Array) -> Array:
    n = a.shape[-1]
    if a.size == 0:
        return np.zeros_like(a)
    (gw, gv), (w, v) = unpacked(g, (n,), (n, n)), unpacked(out, (n,), (n, n))
    equal = _coincide(w)
    k = transposed(v) @ gv
    turn = _over_gaps(k - transposed(k), _gaps(w), equal, k, k, _EIGENVECTORS) / 2
    return v @ (turn + _diagonal_matrix(_shared(gw, equal), n, n)) @ transposed(v)


def distinct_symmetric(rng: np.random.Generator, batch: Shape, n: int) -> np.ndarray:
    """Symmetric matrices with eigenvalues near 0, 1, 2 …"""
    x = rng.uniform(-1, 1, (*batch, n, n))
    return np.asarray(np.diag(np.arange(float(n))) + (x + np.swapaxes(x, -1, -2)) * (0.15 / max(n, 1)))


def _eigh_sample(rng: np.random.Generator) -> Sample:
    n = int(rng.integers(0 if rng.random() < 0.1 else 1, 4))
    return (distinct_symmetric(rng, sampling.shape(rng, high=2), n),), {}


eigh_packed = Op(
    "eigh_packed", _eigh,
    vjps=(_eigh_rule,),
    kind=GENERAL, formula="w, v, a v = v diag(w)", domain=(Domain("symmetric matrices, eigenvalues distinct", -1, 1),),
    sampler=_eigh_sample,
    doc="Eigenvalues and eigenvectors of symmetric matrices, packed: (…, n, n) -> (…, n + n·n); see linalg.eigh.\n\n"
        "They are computed of (a + aᵀ)/2, so the gradient is symmetric. Equal eigenvalues share their gradient; "
        "where one flows to their vectors, backward raises LinAlgError.",
)  # fmt: skip


def _eigvalsh(a: Array) -> Array:
    refuse_complex("eigvalsh", a)
    return np.linalg.eigvalsh(_symmetric(_floating(a)))


def _eigvalsh_rule(g: Array, out: Array, a: Array) -> Array:
    n = a.shape[-1]
    w, v = unpacked(eigh_packed.run(a), (n,), (n, n))
    return (v * _shared(g, _coincide(w))[..., None, :]) @ transposed(v)


eigvalsh = Op(
    "eigvalsh", _eigvalsh, numpy=np.linalg.eigvalsh,
    vjps=(_eigvalsh_rule,),
    kind=GENERAL, formula="w, a v = v diag(w)", domain=(Domain("symmetric matrices", -1, 1),), sampler=_eigh_sample,
    doc="Eigenvalues of symmetric matrices in ascending order, (…, n, n) -> (…, n).\n\n"
        "They are computed of (a + aᵀ)/2, so the gradient is symmetric. Equal ones share their gradient; the second "
        "derivative needs distinct ones.",
)  # fmt: skip


def eigenvalues_and_vectors(a: Array) -> tuple[Array, Array]:
    """np.linalg.eig, real where all eigenvalues are: since NumPy 2.5 it gives complex numbers always."""
    values, vectors = np.linalg.eig(a)
    if np.iscomplexobj(values) and not np.iscomplexobj(a) and not values.imag.any():
        return values.real.copy(), vectors.real.copy()
    return values, vectors


def _eig(a: Array) -> Array:
    refuse_complex("eig", a)
    values, vectors = eigenvalues_and_vectors(a)
    if np.iscomplexobj(values):
        raise MatrixError(
            describe("eig: the matrix has complex eigenvalues, which have no derivative here", code="real-numbers-only")
        )
    return packed(values.shape[:-1], values, vectors)


def _eig_rule(g: Array, out: Array, a: Array) -> Array:
    """Vectors have length 1, so what changes their length doesn't count."""
    n = a.shape[-1]
    if a.size == 0:
        return np.zeros_like(a)
    (gw, gv), (w, v) = unpacked(g, (n,), (n, n)), unpacked(out, (n,), (n, n))
    equal = _coincide(w)
    k = transposed(v) @ (gv - v * np.sum(v * gv, axis=-2, keepdims=True))
    turn = _over_gaps(k, _gaps(w), equal, k, k, _EIGENVECTORS)
    inner = turn + _diagonal_matrix(_shared(gw, equal), n, n)
    return np.linalg.solve(transposed(v), inner @ transposed(v))


def _eig_sample(rng: np.random.Generator) -> Sample:
    n = int(rng.integers(0 if rng.random() < 0.1 else 1, 4))
    batch = sampling.shape(rng, high=1)
    return (np.diag(np.arange(float(n))) + rng.uniform(-1, 1, (*batch, n, n)) * (0.15 / max(n, 1)),), {}


eig_packed = Op(
    "eig_packed", _eig,
    vjps=(_eig_rule,),
    kind=GENERAL, formula="w, v, a v = v diag(w)", domain=(Domain("matrices with distinct real eigenvalues", -1, 1),),
    sampler=_eig_sample,
    doc="Eigenvalues and eigenvectors of length 1, packed: (…, n, n) -> (…, n + n·n); see linalg.eig.\n\n"
        "Raises LinAlgError for complex eigenvalues. Where eigenvalues coincide the derivative of their vectors raises "
        "it; that of the values is right only where the matrix has n independent vectors.",
)  # fmt: skip

# --- QR ----------------------------------------------------------------------------------------------------------


def _qr(a: Array, complete: bool = False) -> Array:
    refuse_complex("qr", a)
    if np.ndim(a) < 2 or a.shape[-2] < a.shape[-1]:
        raise ValueError(f"qr_packed needs at least as many rows as columns, not {np.shape(a)}")
    if not complete:
        q, r = np.linalg.qr(a)
        return packed(a.shape[:-2], q, r)
    q, r = np.linalg.qr(a, "complete")
    return packed(a.shape[:-2], q, r[..., : a.shape[-1], :])


def _qr_rule(g: Array, out: Array, a: Array, complete: bool = False) -> Array:
    """Walter, Lehmann & Lamour, Algorithmic differentiation of linear algebra functions, arXiv 1001.1654 (2010)."""
    m, n = a.shape[-2:]
    if a.size == 0:
        return np.zeros_like(a)
    width = m if complete else n
    (gq, gr), (q, r) = unpacked(g, (m, width), (n, n)), unpacked(out, (m, width), (n, n))
    if complete:
        why = "the columns of a complete Q beyond those of a have no derivative: they are any basis of their space"
        gq, q = provided.run(gq[..., :n], gq[..., n:] == 0, why=why), q[..., :n]
    size = np.abs(np.diagonal(r, 0, -2, -1))
    r = provided.run(
        r, size > _tolerance(r) * _norm(r, 2)[..., 0], why="qr of linearly dependent columns has no derivative"
    )
    k = r @ transposed(gr) - transposed(gq) @ q
    mirrored = np.where(np.tri(n, dtype=bool), k, transposed(k))
    return transposed(np.linalg.solve(r, transposed(gq + q @ mirrored)))


def _qr_sample(rng: np.random.Generator) -> Sample:
    n = int(rng.integers(0 if rng.random() < 0.1 else 1, 4))
    batch = sampling.shape(rng, high=1)
    a = rng.uniform(-1, 1, (*batch, n + int(rng.integers(0, 3)), n))
    a[..., range(n), range(n)] += 2.0
    return (a,), {}


qr_packed = Op(
    "qr_packed", _qr,
    vjps=(_qr_rule,),
    kind=GENERAL, formula="Q, R, a = Q R", domain=(Domain("matrices of full column rank", -1, 1),), sampler=_qr_sample,
    doc="Q and R of matrices that are not wide, packed: (…, m, n) -> (…, m·n + n·n); see linalg.qr.\n\n"
        "`complete`: a square Q, (…, m·m + n·n). Where columns are linearly dependent, or a gradient flows to columns "
        "of Q beyond those of a, backward raises LinAlgError.",
)  # fmt: skip

# --- singular values ---------------------------------------------------------------------------------------------

_SINGULAR_VECTORS = "singular vectors of equal singular values have no derivative: they are any basis of their space"


def svd_shapes(a: Array, full_matrices: bool) -> tuple[Shape, Shape, Shape]:
    """The shapes of u, s and vh without the batch."""
    m, n = a.shape[-2:]
    k = min(m, n)
    return ((m, m), (k,), (n, n)) if full_matrices else ((m, k), (k,), (k, n))


def _svd(a: Array, full_matrices: bool = True) -> Array:
    refuse_complex("svd", a)
    u, s, vh = np.linalg.svd(a, full_matrices)
    return packed(s.shape[:-1], u, s, vh)


def _extended(s: Array, count: int) -> Array:
    """s with zeros behind it, as many values as vectors."""
    missing = count - s.shape[-1]
    return np.concatenate([s, np.zeros((*s.shape[:-1], missing), s.dtype)], axis=-1) if missing else s


def _turn(k: Array, values: Array) -> Array:
    """The part of the cotangent that turns singular vectors: (k − kᵀ)ᵢⱼ / (sⱼ² − sᵢ²).

    Beyond the last singular value, where s stays 0, only k − kᵀ depends on the choice of vectors.
    """
    s = _extended(values, k.shape[-1])
    odd = k - transposed(k)
    beyond = np.arange(k.shape[-1]) >= values.shape[-1]
    mixing = np.where(beyond[:, None] & beyond, odd, k)
    sums = s[..., None, :] + s[..., :, None]
    return _over_gaps(odd, _gaps(s) * sums, _coincide(s), mixing, k, _SINGULAR_VECTORS)


def _outside(g: Array, u: Array, k: Array, s: Array) -> Array:
    """The part of g outside the space of the columns u, over s. Raises where that is needed for s = 0."""
    rest = g - u @ k
    zero = s <= _tolerance(s) * _norm(s, 1)
    column = np.sqrt(np.sum(rest * rest, axis=-2))
    holds = np.logical_or(np.logical_not(zero), column <= _tolerance(s) * _norm(g, 2)[..., 0])
    safe = np.where(zero, 1, s)[..., None, :]
    return provided.run(np.where(zero[..., None, :], 0, rest / safe), holds[..., None, :], why=_SINGULAR_VECTORS)


def _svd_rule(g: Array, out: Array, a: Array, full_matrices: bool = True) -> Array:
    """Townsend, Differentiating the singular value decomposition (2016), for full u and v too: vectors beyond the
    last singular value have the value 0."""
    if a.size == 0:
        return np.zeros_like(a)
    shapes = svd_shapes(a, full_matrices)
    (gu, gs, gvh), (u, s, vh) = unpacked(g, *shapes), unpacked(out, *shapes)
    gv, v = transposed(gvh), transposed(vh)
    columns_u, columns_v = u.shape[-1], v.shape[-1]
    ku, kv = transposed(u) @ gu, transposed(v) @ gv
    diagonal = _diagonal_matrix(s, columns_u, columns_v)
    inner = (
        _turn(ku, s) @ diagonal
        + diagonal @ _turn(kv, s)
        + _diagonal_matrix(_singular_share(gs, s), columns_u, columns_v)
    )
    result = u @ inner @ vh
    if u.shape[-2] > columns_u:
        result = result + _outside(gu, u, ku, s) @ vh
    if v.shape[-2] > columns_v:
        result = result + u @ transposed(_outside(gv, v, kv, s))
    return result


def _singular_share(g: Array, s: Array) -> Array:
    """Cotangents of singular values: equal ones share, and 0 gets none, the least subgradient at its kink."""
    zero = s <= _tolerance(s) * _norm(s, 1)
    return np.where(zero, 0, _shared(g, _coincide(s)))


def distinct_matrix(rng: np.random.Generator, batch: Shape, m: int, n: int) -> np.ndarray:
    """Matrices with singular values near 1, 2, 3 …"""
    a = rng.uniform(-1, 1, (*batch, m, n)) * (0.2 / max(m, n, 1))
    a[..., range(min(m, n)), range(min(m, n))] += np.arange(1.0, min(m, n) + 1)
    return np.asarray(a)


def _svd_sample(rng: np.random.Generator) -> Sample:
    m, n = (int(side) for side in rng.integers(0 if rng.random() < 0.1 else 1, 4, size=2))
    # Vectors beyond the last singular value are any basis of their space: no derivative for a random cotangent.
    return (distinct_matrix(rng, sampling.shape(rng, high=1), m, n),), {"full_matrices": m == n}


svd_packed = Op(
    "svd_packed", _svd,
    vjps=(_svd_rule,),
    kind=GENERAL, formula="u, s, vᵀ, a = u diag(s) vᵀ", domain=(Domain("matrices, singular values distinct", -1, 1),),
    sampler=_svd_sample,
    doc="Singular value decomposition, packed: (…, m, n) -> (…, all of u, s and vᵀ); see linalg.svd.\n\n"
        "Where a gradient flows to vectors of equal singular values, or beyond the last one in a way that depends on "
        "the choice of basis, backward raises LinAlgError.",
)  # fmt: skip


def _svdvals(a: Array) -> Array:
    refuse_complex("svdvals", a)
    return np.linalg.svd(a, compute_uv=False)


def _svdvals_rule(g: Array, out: Array, a: Array) -> Array:
    if a.size == 0:
        return np.zeros_like(a)
    shapes = svd_shapes(a, full_matrices=False)
    u, s, vh = unpacked(svd_packed.run(a, full_matrices=False), *shapes)
    return (u * _singular_share(g, s)[..., None, :]) @ vh


def _svdvals_sample(rng: np.random.Generator) -> Sample:
    (a,), _ = _svd_sample(rng)
    return (a,), {}


svdvals = Op(
    "svdvals", _svdvals, numpy=np.linalg.svdvals,
    vjps=(_svdvals_rule,),
    kind=GENERAL, formula="s, a = u diag(s) vᵀ", domain=(Domain("matrices", -1, 1),), sampler=_svdvals_sample,
    doc="Singular values, largest first: (…, m, n) -> (…, min(m, n)).\n\n"
        "Equal ones share their gradient and 0 gets none. The second derivative needs distinct singular values.",
)  # fmt: skip
