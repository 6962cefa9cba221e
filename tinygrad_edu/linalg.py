"""`tg.linalg`: NumPy's `np.linalg` under its own names. Everything is defined elsewhere."""

from numpy.linalg import LinAlgError

from tinygrad_edu.compositions.array_api import cross, diagonal, matmul, outer, tensordot, trace, vecdot
from tinygrad_edu.compositions.decompositions import (
    EighResult,
    EigResult,
    QRResult,
    SVDResult,
    cholesky,
    eig,
    eigh,
    eigvals,
    eigvalsh,
    qr,
    svd,
)
from tinygrad_edu.compositions.inverses import (
    LstsqResult,
    SlogdetResult,
    cond,
    lstsq,
    matrix_power,
    multi_dot,
    pinv,
    slogdet,
    tensorinv,
    tensorsolve,
)
from tinygrad_edu.compositions.linalg import matrix_transpose
from tinygrad_edu.compositions.norm import matrix_norm, norm, vector_norm
from tinygrad_edu.ops.decompositions import svdvals
from tinygrad_edu.ops.inverses import det, inv, matrix_rank, solve

__all__ = [
    "EigResult",
    "EighResult",
    "LinAlgError",
    "LstsqResult",
    "QRResult",
    "SVDResult",
    "SlogdetResult",
    "cholesky",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eig",
    "eigh",
    "eigvals",
    "eigvalsh",
    "inv",
    "lstsq",
    "matmul",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "matrix_transpose",
    "multi_dot",
    "norm",
    "outer",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "svd",
    "svdvals",
    "tensordot",
    "tensorinv",
    "tensorsolve",
    "trace",
    "vecdot",
    "vector_norm",
]
