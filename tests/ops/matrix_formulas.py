"""What the rows of matrices compute, written another way: minors for cofactors, definitions for packed results."""

import numpy as np


def _without(a, i, j):
    return np.delete(np.delete(a, i, axis=-2), j, axis=-1)


def _cofactors(a):
    out = np.zeros(a.shape)
    for i in range(a.shape[-1]):
        for j in range(a.shape[-1]):
            out[..., i, j] = (-1) ** (i + j) * np.linalg.det(_without(a, i, j))
    return out


def _cofactor_derivative(a, g):
    out, n = np.zeros(a.shape), a.shape[-1]
    for i in range(n):  # the determinant of each minor changes by the minor's own cofactors
        for j in range(n):
            rows, columns = [k for k in range(n) if k != i], [k for k in range(n) if k != j]
            own = _cofactors(_without(a, i, j)) * ((-1) ** (i + j) * g[..., i, j])[..., None, None]
            out[..., np.array(rows, int)[:, None], np.array(columns, int)] += own
    return out


def _packed(a, *parts):
    batch = a.shape[:-2]
    sizes = [int(np.prod(part.shape[len(batch) :], dtype=int)) for part in parts]
    return np.concatenate([part.reshape(*batch, size) for part, size in zip(parts, sizes)], axis=-1)


def _slogdet(a):
    with np.errstate(divide="ignore"):
        return np.stack([np.sign(np.linalg.det(a)), np.log(np.abs(np.linalg.det(a)))], axis=-1)


MATRIX_FORMULAS = {
    "cofactor": _cofactors,
    "cofactor_derivative": _cofactor_derivative,
    "slogdet_packed": _slogdet,
    "provided": lambda x, condition, why: x,
    "eigh_packed": lambda a: _packed(a, *np.linalg.eigh(a)),
    "eig_packed": lambda a: _packed(a, *np.linalg.eig(a)),
    "qr_packed": lambda a: _packed(a, *np.linalg.qr(a)),
    "svd_packed": lambda a, full_matrices=True: _packed(a, *np.linalg.svd(a, full_matrices)),
}
