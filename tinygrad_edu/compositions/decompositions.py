"""np.linalg's decompositions on Tensors: Cholesky, eigenvalues, QR, singular values.

The rows give all results of a decomposition in one array; here they become NumPy's tuples. What is raised where
no derivative exists is LinAlgError, as NumPy's own.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.compositions.linalg import matrix_transpose
from tinygrad_edu.compositions.order import constants, plain
from tinygrad_edu.errors import MatrixError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.ops import decompositions as rows
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.linalg import matmul
from tinygrad_edu.ops.shape import concatenate
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["cholesky", "eig", "eigh", "eigvals", "eigvalsh", "qr", "svd"]

_np: Any = np  # functions that take Tensors here, and arrays in NumPy's stubs


class EigResult(NamedTuple):
    """What eig gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class EighResult(NamedTuple):
    """What eigh gives."""

    eigenvalues: Tensor
    eigenvectors: Tensor


class QRResult(NamedTuple):
    """What qr gives."""

    Q: Tensor
    R: Tensor


class SVDResult(NamedTuple):
    """What svd gives."""

    U: Tensor
    S: Tensor
    Vh: Tensor


def matrices(a: Any, name: str, square: bool = False) -> Tensor:
    """`a` as a Tensor of matrices. Raises LinAlgError, as NumPy does, where it isn't one."""
    x: Tensor = as_tensor(a)
    if x.ndim < 2 or (square and x.shape[-1] != x.shape[-2]):
        kind = "square matrices" if square else "matrices"
        raise MatrixError(describe(f"{name} needs {kind}, not shape {x.shape}", where=here(), code="not-a-matrix"))
    return x


def symmetric(a: Any, name: str, lower: bool) -> Tensor:
    """`a`, or where it is far from symmetric the symmetric matrix of its lower or upper triangle, which NumPy reads.

    The rows read both halves, so that the gradient of a symmetric matrix is symmetric.
    """
    x = matrices(a, name, square=True)
    numbers = x._data
    if x.size == 0 or bool(np.all(np.abs(numbers - numbers.swapaxes(-1, -2)) <= _ASYMMETRY * np.max(np.abs(numbers)))):
        return x
    triangle = np.tri(x.shape[-1], dtype=bool)
    return where(triangle if lower else triangle.T, x, matrix_transpose(x))


_ASYMMETRY = 1e-4  # more than rounding and the steps of numerical checks make, less than any other matrix has


# --- decompositions ----------------------------------------------------------------------------------------------


@implements(np.linalg.cholesky)
def cholesky(a: Any, /, *, upper: bool = False) -> Tensor:
    """The lower triangular L with a = L Lᵀ, or the upper one with a = Uᵀ U: (…, n, n) -> (…, n, n).

    a is symmetric and positive definite, else LinAlgError is raised. The gradient of a symmetric matrix is
    symmetric: each half gets half of what an element and its mirror image do together. Of a matrix that isn't
    symmetric NumPy reads one triangle; then the gradient is that of this triangle.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.cholesky([[4.0, 2.0], [2.0, 5.0]])
    Tensor([[2., 0.],
            [1., 2.]])
    """
    lower = rows.cholesky(symmetric(a, "cholesky", lower=not upper))
    return matrix_transpose(lower) if upper else lower


def _read_lower(UPLO: str) -> bool:
    if UPLO.upper() not in ("L", "U"):
        raise ShapeError(describe(f"UPLO must be 'L' or 'U', not {UPLO!r}", where=here(), code="unknown-choice"))
    return UPLO.upper() == "L"


@implements(np.linalg.eigh)
def eigh(a: Any, UPLO: str = "L") -> EighResult:
    """Eigenvalues w in ascending order and eigenvectors v of symmetric matrices: a v = v diag(w), (…, n), (…, n, n).

    UPLO   "L" or "U": which triangle is read of a matrix that isn't symmetric; see cholesky for gradients

    Equal eigenvalues share their gradient equally. Their vectors are any basis of their space and have no
    derivative: backward raises LinAlgError where one is asked for, as a second derivative of such values does.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eigh([[2.0, 0.0], [0.0, 1.0]]).eigenvalues
    Tensor([1., 2.])
    """
    a = symmetric(a, "eigh", _read_lower(UPLO))
    n = a.shape[-1]
    return EighResult(*rows.unpacked(rows.eigh_packed(a), (n,), (n, n)))


@implements(np.linalg.eigvalsh)
def eigvalsh(a: Any, UPLO: str = "L") -> Tensor:
    """Eigenvalues of symmetric matrices in ascending order, (…, n, n) -> (…, n); equal ones share their gradient.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eigvalsh([[2.0, 0.0], [0.0, 1.0]])
    Tensor([1., 2.])
    """
    return rows.eigvalsh(symmetric(a, "eigvalsh", _read_lower(UPLO)))


@implements(np.linalg.eig)
def eig(a: Any) -> EigResult:
    """Eigenvalues w and eigenvectors v, of length 1, of square matrices: a v = v diag(w); real where all values are.

    Raises LinAlgError where a gradient is wanted of complex eigenvalues, and in backward where one flows to vectors of
    equal ones.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eig([[2.0, 1.0], [0.0, 1.0]]).eigenvalues
    Tensor([2., 1.])
    """
    a = matrices(a, "eig", square=True)
    if not a.requires_grad:
        return EigResult(*map(as_tensor, asked(rows.eigenvalues_and_vectors, plain(a))))
    n = a.shape[-1]
    return EigResult(*rows.unpacked(rows.eig_packed(a), (n,), (n, n)))


@implements(np.linalg.eigvals)
def eigvals(a: Any) -> Tensor:
    """The eigenvalues of eig, in its order.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.eigvals([[2.0, 1.0], [0.0, 1.0]])
    Tensor([2., 1.])
    """
    values: Tensor = eig(a).eigenvalues
    return values


@implements(np.linalg.qr)
def qr(a: Any, mode: str = "reduced") -> QRResult | tuple[Tensor, Tensor] | Tensor:
    """a = Q R with orthonormal columns in Q and R upper triangular: (…, m, n) -> (…, m, k), (…, k, n), k = min(m, n).

    mode   "reduced"; "r" for R alone; "complete": a square Q and an R of the shape of a; "raw": LAPACK's reflectors
           and their factors, constants

    Backward raises LinAlgError where the first k columns are linearly dependent, or where a gradient flows to the
    columns of a complete Q beyond n: they are any basis of their space.

    >>> import tinygrad_edu as tg
    >>> abs(tg.linalg.qr([[0.0, 2.0], [1.0, 3.0]], mode="r"))
    Tensor([[1., 3.],
            [0., 2.]])
    """
    a = matrices(a, "qr")
    m, n = a.shape[-2:]
    if mode not in ("reduced", "r", "complete", "raw"):
        known = '"reduced", "r", "complete" or "raw"'
        raise ShapeError(describe(f"qr has no mode {mode!r}", where=here(), known=known, code="unknown-choice"))
    if mode == "raw":
        h, tau = constants("qr with mode='raw'", asked(np.linalg.qr, plain(a), "raw"), a)
        return h, tau
    k = min(m, n)
    square = a if m >= n else a[..., :m]
    if mode == "complete" and m > n:
        q, r = rows.unpacked(rows.qr_packed(a, complete=True), (m, m), (n, n))
        return QRResult(q, concatenate([r, np.zeros((*a.shape[:-2], m - n, n), r.dtype)], axis=-2))
    q, r = rows.unpacked(rows.qr_packed(square), (m, k), (k, k))
    if m < n:
        r = concatenate([r, matmul(matrix_transpose(q), a[..., m:])], axis=-1)
    return r if mode == "r" else QRResult(q, r)


@implements(np.linalg.svd)
def svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> SVDResult | Tensor:
    """a = U diag(S) Vh with orthonormal U and V and S descending, (…, m, n) -> (…, m, m), (…, k), (…, n, n).

    full_matrices   False: U is (…, m, k) and Vh (…, k, n), k = min(m, n)
    compute_uv      False: only S
    hermitian       the matrices are symmetric; their lower triangle is read

    Signs of the vectors are free; gradients hold for what does not depend on them. Equal singular values share
    their gradient and 0 gets none. Backward raises LinAlgError where a gradient flows to vectors of equal values, or
    to those beyond the last one in a way that depends on the choice of basis.

    >>> import tinygrad_edu as tg
    >>> tg.linalg.svd([[3.0, 0.0], [0.0, 4.0]], compute_uv=False)
    Tensor([4., 3.])
    """
    if hermitian:
        return _svd_of_symmetric(eigh(a)) if compute_uv else _largest_first(abs(eigvalsh(a)))
    a = matrices(a, "svd")
    if not compute_uv:
        return rows.svdvals(a)
    return SVDResult(*rows.unpacked(rows.svd_packed(a, full_matrices), *rows.svd_shapes(a, full_matrices)))


def _largest_first(s: Tensor) -> Tensor:
    result: Tensor = _np.sort(s, axis=-1)[..., ::-1]
    return result


def _svd_of_symmetric(found: EighResult) -> SVDResult:
    """Singular values are the absolute eigenvalues, largest first; V has the signs that they lose."""
    w, v = found
    order = _np.argsort(abs(w), axis=-1)[..., ::-1]
    signs = where(w < 0, -1.0, 1.0).astype(w.dtype)  # two plain numbers make float64
    s, sign = (_np.take_along_axis(part, order, axis=-1) for part in (abs(w), signs))
    u = _np.take_along_axis(v, order[..., None, :], axis=-1)
    return SVDResult(u, s, matrix_transpose(u * sign[..., None, :]))
