"""Calls of products of vectors and matrices, einsum, and np.linalg."""

import numpy as np

VERSION = tuple(int(part) for part in np.__version__.split(".")[:2])
PRODUCTS = [
    ((3,), (3,)), ((2, 3), (3,)), ((3,), (3, 2)), ((2, 3), (3, 4)), ((5, 2, 3), (3, 4)), ((2, 3), (5, 3, 4)),
    ((5, 2, 3), (5, 3, 4)), ((5, 1, 2, 3), (4, 3, 2)), ((3,), (5, 3, 2)), ((5, 2, 3), (3,)), ((0, 3), (3, 2)),
    ((2, 0), (0, 3)), ((2, 3), (3, 0)), ((0,), (0,)), ((2, 3), (2, 3)), ((3,), (4,)), ((), (3,)), ((3,), ()), ((), ()),
]  # fmt: skip
TENSORDOTS = [
    ((2, 3), (3, 4), 1), ((2, 3), (2, 3), 2), ((2, 3, 4), (3, 4, 2), 2), ((2, 3), (4, 5), 0), ((), (3,), 0),
    ((2, 3, 4), (4, 3, 5), ([2, 1], [0, 1])), ((2, 3, 4), (4, 3, 5), ((-1, 1), (0, -2))), ((2, 3), (3, 2), (1, 0)),
    ((2, 3), (3, 4), 2), ((3,), (3,), 0), ((2, 3), (3, 4), ([1], [0, 1])), ((2, 3), (3, 4), 3), ((2, 0), (0, 3), 1),
    ((2, 3, 3), (3, 3, 2), ([1, 1], [0, 0])),
]  # fmt: skip
SUBSCRIPTS = [
    ("ij,jk->ik", (2, 3), (3, 4)), ("ij,jk", (2, 3), (3, 4)), ("ii->i", (3, 3)), ("ii", (3, 3)), ("ji", (2, 3)),
    ("ij->", (2, 3)), ("ij->j", (2, 3)), ("i,i", (3,), (3,)), ("i,j->ij", (2,), (3,)), ("i,i->i", (3,), (3,)),
    ("bij,bjk->bik", (2, 3, 4), (2, 4, 3)), ("...ij,jk->...ik", (5, 2, 3), (3, 4)), ("i,j,k->ijk", (2,), (3,), (2,)),
    ("ij...,jk...->ik...", (2, 3, 2), (3, 4, 2)), ("ij,jk,kl->il", (2, 3), (3, 4), (4, 2)),
    ("ij,ij->", (2, 3), (2, 3)), ("iij->j", (3, 3, 2)), ("ijij->ij", (2, 3, 2, 3)), ("iii", (3, 3, 3)),
    ("iii->i", (3, 3, 3)), ("->", ()), ("ii,ij->j", (3, 3), (3, 2)), ("ij,kl,jk->il", (2, 3), (4, 2), (3, 4)),
    ("...,...", (2, 3), (3,)), (",i->i", (), (3,)), ("bhqd,bhkd->bhqk", (2, 1, 3, 2), (2, 1, 4, 2)),
    ("...i,...i->...", (2, 3), (3,)), ("i...->...", (2, 3)), (" i j , j k -> i k ", (2, 3), (3, 4)),
    ("ij,j->ij", (2, 3), (3,)), ("ij,j->ij", (2, 3), (1,)), ("ij,jk->ik", (2, 3), (1, 4)),
    ("ik,jk->ij", (2, 0), (3, 0)), ("i,ij,j", (2,), (2, 3), (3,)), ("aab,bcc->ac", (2, 2, 3), (3, 2, 2)),
    ("Ab,bC->AC", (2, 3), (3, 2)), ("ij,jk->ik", (2, 3), (4, 4)), ("ij->ijk", (2, 3)), ("ij,jk->ii", (2, 3), (3, 2)),
    ("ii->i", (2, 3)), ("ij", (2,)), ("ij,jk->ik", (2, 3)), ("i...,j->...", (2, 3), (2,)),
    ("ijk,ilm,njm,nlk,abc->", *[(2, 2, 2)] * 5),
]  # fmt: skip
SQUARES = ((3, 3), (1, 1), (2, 3, 3), (0, 0), (0, 2, 2))


def calls(add, n):
    for name in ("matmul", "dot", "inner", "vdot", "outer", "kron"):
        for left, right in PRODUCTS:
            add(name, n(*left), n(*right))
        for left, right in (
            (n(3), [1.0, 2.0, 3.0]), ([1, 2, 3], n(3)), (n(2, 3), np.arange(3)), ([n(3), n(3)], n(3)), (n(2, 3), 2.0),
        ):  # fmt: skip
            add(name, left, right, whole=False)
    add("inner", n(2, 2, 3), n(4, 3))
    add("dot", n(2, 3, 4), n(5, 4, 2))
    add("vdot", n(2, 3), n(3, 2))
    for left, right, options in (
        ((2, 3), (3,), {}), ((2, 3), (2, 3), {"axis": 0}), ((4, 1, 3), (2, 3), {}), ((2, 3), (2, 4), {}),
        ((2, 0), (2, 0), {}), ((2, 3), (2, 3), {"axis": 2}),
    ):  # fmt: skip
        add("vecdot", n(*left), n(*right), **options)
        add("linalg.vecdot", n(*left), n(*right), **options)
    for matrix, vector in (((2, 3), (3,)), ((4, 2, 3), (4, 3)), ((2, 3), (4, 3)), ((2, 3), (2,))):
        add("matvec", n(*matrix), n(*vector))
        add("vecmat", n(*vector), n(*matrix[:-2], *matrix[:-3:-1]))
    for left, right, axes in TENSORDOTS:
        add("tensordot", n(*left), n(*right), axes)
        add("linalg.tensordot", n(*left), n(*right), axes=axes)
    for subscripts, *shapes in SUBSCRIPTS:
        for options in ({}, {"optimize": True}, {"optimize": "optimal"}):
            add("einsum", subscripts, *(n(*shape) for shape in shapes), whole=False, **options)
    for operands in (
        (n(2, 3), [0, 1], n(3, 4), [1, 2], [0, 2]), (n(3, 3), [0, 0]), (n(2, 3), [0, 1], n(3, 4), [1, 2]),
        (n(2, 3, 4), [Ellipsis, 0], n(4), [0], [Ellipsis]),
    ):  # fmt: skip
        add("einsum", *operands, whole=False)
    add("einsum_path", "ij,jk->ik", n(2, 3), n(3, 4))
    _diagonals(add, n)
    _vectors(add, n)
    _squares(add, n)
    _any_matrices(add, n)
    _norms(add, n)


def _diagonals(add, n):
    options = (
        {}, {"offset": 1}, {"offset": -1}, {"axis1": 1, "axis2": 0}, {"axis1": -1, "axis2": -2}, {"offset": 5},
        {"axis1": 1, "axis2": 1}, {"axis1": 3},
    )  # fmt: skip
    for shape in ((3, 3), (2, 4), (2, 3, 4), (0, 3), (2,)):
        for given in options:
            add("diagonal", n(*shape), **given)
            add("trace", n(*shape), **given)
    for offset in (0, 1):
        add("linalg.trace", n(2, 3, 3), offset=offset)
        add("linalg.diagonal", n(2, 3, 4), offset=offset)
    for name in ("diag", "diagflat", "tril", "triu"):
        for shape in ((3,), (3, 3), (2, 4), (0,), (0, 3), (), (2, 3, 3), (1,)):
            for k in (0, 1, -1, 3, -4):
                add(name, n(*shape), k)
        add(name, n(3, 3), k=1)
        add(name, [n(2), n(2)])
    add("matrix_transpose", n(2, 3))
    add("linalg.matrix_transpose", n(2, 3, 4))
    add("linalg.matrix_transpose", n(3))
    for args in ((n(3),), (n(3), 2), (n(3), 4, True), (n(2, 2),), (np.array([0.0, 1.0]),)):
        add("vander", *args)


def _vectors(add, n):
    for left, right, options in (
        ((3,), (3,), {}), ((2, 3), (3,), {}), ((3, 2), (3, 2), {"axis": 0}),
        ((3, 2), (2, 3), {"axisa": 0, "axisb": 1}), ((3, 2), (2, 3), {"axisa": 0, "axisb": 1, "axisc": 0}),
        ((4, 1, 3), (2, 3), {}), ((4,), (4,), {}), ((0, 3), (3,), {}),
    ):  # fmt: skip
        add("cross", n(*left), n(*right), **options)
    add("linalg.cross", n(3, 2), n(3, 2), axis=0)
    add("linalg.cross", n(2), n(2))
    add("linalg.outer", n(3), n(2))
    add("linalg.outer", n(3, 1), n(2))
    add("linalg.matmul", n(2, 3), n(3, 2))


def _squares(add, n):
    for shape in SQUARES:
        for name in ("inv", "det", "pinv", "svdvals", "qr"):
            add(f"linalg.{name}", n.regular(*shape), whole=False)
        for sign in (1, -1):
            add("linalg.slogdet", sign * n.regular(*shape), whole=False)
        for power in (0, 1, 2, 3, 5, -1, -2):
            add("linalg.matrix_power", n.regular(*shape), power, whole=False)
        for p in (None, 2, -2, 1, -1, np.inf, -np.inf, "fro", "nuc"):
            add("linalg.cond", n.regular(*shape), p, whole=False)
        if 0 not in shape or VERSION >= (2, 4):  # NumPy 2.2 refuses empty matrices
            add("linalg.matrix_rank", n.regular(*shape), whole=False)
        symmetric = np.asarray(n.regular(*shape))
        symmetric = symmetric + np.swapaxes(symmetric, -1, -2)
        for name in ("cholesky", "eigvalsh"):
            add(f"linalg.{name}", symmetric, derivative=False, whole=False)
        add("symmetric eigh", n(*shape), whole=False)
        add("symmetric cholesky", n(*shape), whole=False)
    for refused in ((2, 3), (3,), (), (2, 2, 3)):
        for name in ["inv", "det", "slogdet", "cholesky", "eigvalsh", "eigh", "eigvals", "eig"]:
            add(f"linalg.{name}", n(*refused))
        add("linalg.matrix_power", n(*refused), 2)
    for name in ("pinv", "cond", "qr", "svdvals"):
        add(f"linalg.{name}", n(3))
    for singular in (np.zeros((2, 2)), np.ones((2, 2))):
        add("linalg.inv", singular)
    add("linalg.cholesky", -np.eye(2))
    add("linalg.matrix_power", n.regular(3, 3), 1.5)
    for left, right in (
        ((3, 3), (3,)), ((3, 3), (3, 2)), ((2, 3, 3), (2, 3, 1)), ((2, 3, 3), (3, 2)), ((3, 3), (2, 3, 4)),
        ((2, 3, 3), (3,)), ((0, 0), (0, 2)), ((3, 3), (3, 0)), ((0, 2, 2), (0, 2, 1)), ((3, 3), (2,)),
        ((2, 3, 3), (2, 3)), ((3, 3), ()),
    ):  # fmt: skip
        add("linalg.solve", n.regular(*left), n(*right), whole=False)
    add("linalg.solve", n(2, 3), n(2), whole=False)
    add("linalg.tensorsolve", n.regular(4, 4).reshape(2, 2, 2, 2), n(2, 2), whole=False)
    add("linalg.tensorinv", n.regular(6, 6).reshape(2, 3, 6), ind=2, whole=False)
    add("linalg.tensorinv", n.regular(6, 6).reshape(6, 2, 3), ind=1, whole=False)


def _any_matrices(add, n):
    for shape in ((3, 2), (2, 3), (4, 4), (2, 4, 2), (1, 3), (0, 3), (3, 0)):
        add("linalg.pinv", n(*shape), whole=False)
        for mode in ("reduced", "r", "bad"):
            add("linalg.qr", n(*shape), mode, whole=False)
        add("linalg.qr", n(*shape), mode="complete", derivative=False, whole=False)
        add("linalg.svd", n(*shape), compute_uv=False, whole=False)
        add("linalg.svd", n(*shape), full_matrices=False, derivative=False, whole=False)
        add("linalg.svd", n(*shape), derivative=False, whole=False)
        add("absolute svd", n(*shape), whole=False)
    for left, right in (
        ((4, 2), (4,)),
        ((4, 2), (4, 3)),
        ((3, 3), (3,)),
        ((2, 4), (2,)),
        ((4, 2), (3,)),
        ((0, 2), (0,)),
    ):
        a = n.regular(*left) if left == (3, 3) else n(*left)
        add("linalg.lstsq", a, n(*right), whole=False)
        add("linalg.lstsq", a, n(*right), None, whole=False)
    for shapes in (
        ((2, 3), (3, 4)),
        ((2, 3), (3, 4), (4, 2)),
        ((3,), (3, 4), (4, 2), (2,)),
        ((2, 3),),
        ((2, 3), (2, 3)),
    ):
        add("linalg.multi_dot", [n(*shape) for shape in shapes])


def _norms(add, n):
    options = (
        {}, {"axis": 0}, {"axis": -1}, {"axis": (0, 1)}, {"axis": 1, "keepdims": True}, {"keepdims": True},
        {"axis": (0, 2)}, {"axis": (1, 1)},
    )  # fmt: skip
    for shape in ((4,), (2, 3), (2, 3, 4), ()):
        for order in (None, 0, 1, 2, 3, -1, -2, np.inf, -np.inf, 0.5, "fro", "nuc", "bad"):
            for given in options if shape else options[:1]:
                add("linalg.norm", n(*shape), order, whole=False, **given)
    for order in (1, 2, 3, np.inf, -np.inf, 0, -1):
        for given in ({}, {"axis": 0}, {"axis": (0, 1)}, {"axis": 1, "keepdims": True}):
            add("linalg.vector_norm", n(2, 3), ord=order, whole=False, **given)
    for order in (1, 2, np.inf, -np.inf, "nuc", "fro"):
        add("linalg.matrix_norm", n(2, 2, 3), ord=order, keepdims=True, whole=False)


def _symmetric(a):
    return (a + np.swapaxes(a, -1, -2)) / 2 + 2 * np.eye(a.shape[-1]) * (np.arange(a.shape[-1]) + 1)


def _eigh(a):
    values, vectors = np.linalg.eigh(_symmetric(a))
    return values, np.abs(vectors)  # whose signs are free


def _cholesky(a):
    return np.linalg.cholesky(a @ np.swapaxes(a, -1, -2) + np.eye(a.shape[-1]))


def _svd(a):
    u, s, vh = np.linalg.svd(a, full_matrices=False)
    return np.abs(u), s, np.abs(vh)


OPERATORS = {"symmetric eigh": _eigh, "symmetric cholesky": _cholesky, "absolute svd": _svd}
