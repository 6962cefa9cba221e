"""What ops do with the hidden axis of samples. Many have axes to spare; some are written anew for a batch.

A rule gets the arrays of a call, Batched ones among them, and gives the plain tensor of all samples, a Batched one, or
None where it can't.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.batching.tensor import (
    KINDS,
    Arrays,
    Batched,
    Params,
    aligned,
    everywhere,
    full_of,
    is_plain,
    ndim_of,
    parts,
    rule,
    samples_in,
)
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.node import here
from tinygrad_edu.op import ELEMENTWISE, REDUCTION, Op
from tinygrad_edu.ops.convolution import conv
from tinygrad_edu.ops.einsum import einsum_pair
from tinygrad_edu.ops.elementwise import multiply
from tinygrad_edu.ops.linalg import contracted_axes, matmul
from tinygrad_edu.ops.pad import pairs
from tinygrad_edu.ops.reduction import sum as sum_row
from tinygrad_edu.ops.window import margins
from tinygrad_edu.tensor import Tensor

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"


def shifted(axis: int, ndim: int) -> int:
    """An axis of a sample as an axis of the batch."""
    if not -ndim <= axis < ndim:
        raise ShapeError(
            describe(f"axis {axis} is out of bounds for a sample of {ndim} axes", where=here(), code="no-such-axis")
        )
    return axis % ndim + 1


def _all_shifted(axis: Any, ndim: int) -> Any:
    if isinstance(axis, tuple | list):
        return tuple(shifted(a, ndim) for a in axis)
    return shifted(axis, ndim)


def _default(op: Op, name: str) -> Any:
    return op.__signature__.parameters[name].default


# --- by kind -------------------------------------------------------------------------------------------------


def _elementwise(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    ndim = max(map(ndim_of, arrays))
    if not is_plain(params) or any(np.ndim(value) > ndim for value in params.values()):
        return None  # parameters that are arrays broadcast from the right, as long as they have no more axes
    return op(*(aligned(x, ndim) for x in arrays), **params)


def _reduction(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    (x,) = arrays
    axis = params.get("axis")
    if "axis" not in op.__signature__.parameters or not is_plain(params):
        return None
    if axis is None and op.name.endswith(("argmax", "argmin")):
        if params.get("keepdims"):
            return None
        x, axis = x.reshape(-1), 0
    moved = tuple(range(1, x.ndim + 1)) if axis is None else _all_shifted(axis, x.ndim)
    return op(full_of(x), **{**params, "axis": moved})


KINDS[ELEMENTWISE] = _elementwise
KINDS[REDUCTION] = _reduction


# --- along an axis -------------------------------------------------------------------------------------------


@rule("softmax", "log_softmax", "sort", "argsort", "partition", "argpartition", "unwrap")
@rule("cumsum", "cumprod", "logcumsumexp")
def _along(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    (x,) = arrays
    axis = params.get("axis", _default(op, "axis"))
    if axis is None:  # of the elements in one row
        x, axis = x.reshape(-1), 0
    return op(full_of(x), **{**params, "axis": shifted(axis, x.ndim)}) if isinstance(axis, int) else None


@rule("centred")
def _centred(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    axis = params.get("axis")
    moved = tuple(range(1, x.ndim + 1)) if axis is None else _all_shifted(axis, x.ndim)
    return op(full_of(x), axis=moved)


@rule("linear_recurrence")
def _recurrence(op: Op, arrays: Arrays, params: Params) -> Tensor:
    count = samples_in(*arrays)
    axis = shifted(params.get("axis", -1), arrays[0].ndim)
    return op(*(everywhere(x, count) for x in arrays), axis=axis)


@rule("flip")
def _flip(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    axis = params.get("axis")
    return op(full_of(x), axis=_all_shifted(tuple(range(x.ndim)) if axis is None else axis, x.ndim))


@rule("roll")
def _roll(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    axis = params.get("axis")
    if axis is None:
        return op(full_of(x.reshape(-1)), shift=params["shift"], axis=1).reshape(x._data.shape)
    return op(full_of(x), shift=params["shift"], axis=_all_shifted(axis, x.ndim))


@rule("order_statistic")
def _order_statistic(op: Op, arrays: Arrays, params: Params) -> Tensor:
    x, rank = arrays
    return op(everywhere(x, samples_in(x, rank)), aligned(rank, x.ndim - 1))


@rule("searchsorted", "digitize")
def _sought(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    values, edges = arrays if op.name == "digitize" else arrays[::-1]
    if isinstance(edges, Batched) or not is_plain(params):
        return None
    return op(*(full_of(x) if x is values else x for x in arrays), **params)


# --- shapes --------------------------------------------------------------------------------------------------


def _sides(target: Any) -> tuple[int, ...]:
    return tuple(target) if isinstance(target, tuple | list) else (target,)


@rule("reshape")
def _reshape(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    target = _sides(params["shape"])
    if params.get("order", "C") == "C":
        return op(full_of(x), shape=(len(x._data), *target))
    turned: Tensor = x.transpose().reshape(target[::-1]).transpose()  # columns first: rows first of the transpose
    return turned


@rule("transpose")
def _transpose(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    axes = params.get("axes")
    order = range(x.ndim)[::-1] if axes is None else axes
    return op(full_of(x), axes=(0, *(shifted(axis, x.ndim) for axis in order)))


@rule("broadcast_to")
def _broadcast_to(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    target = _sides(params["shape"])
    return op(aligned(x, len(target)), shape=(len(x._data), *target))


@rule("squeeze")
def _squeeze(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    axis = params.get("axis")
    axes = tuple(i for i, side in enumerate(x.shape) if side == 1) if axis is None else parts(axis)
    return op(full_of(x), axis=tuple(shifted(a, x.ndim) for a in axes))


@rule("expand_dims")
def _expand_dims(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    places = parts(params["axis"])
    return op(full_of(x), axis=tuple(shifted(a, x.ndim + len(places)) for a in places))


@rule("astype")
def _astype(op: Op, arrays: Arrays, params: Params) -> Tensor:
    return op(full_of(arrays[0]), **params)


@rule("concatenate", "stack")
def _join(op: Op, arrays: Arrays, params: Params) -> Tensor:
    count = samples_in(*arrays)
    axis = params.get("axis", 0)
    if axis is None:
        rows = [everywhere(x, count).reshape(count, math.prod(np.shape(x))) for x in arrays]
        return op(rows, axis=1)
    ndim = ndim_of(arrays[0]) + (op.name == "stack")
    return op([everywhere(x, count) for x in arrays], axis=shifted(axis, ndim))


@rule("diagonal")
def _diagonal(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    first, second = (shifted(params.get(name, _default(op, name)), x.ndim) for name in ("axis1", "axis2"))
    return op(full_of(x), offset=params.get("offset", 0), axis1=first, axis2=second)


@rule("pad", "add_borders")
def _pad(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    (x,) = arrays
    if np.ndim(params.get("constant_values", 0)) or not is_plain(params):
        return None
    return op(full_of(x), **{**params, "pad_width": ((0, 0), *pairs(params["pad_width"], x.ndim))})


@rule("sliding_window_view", "add_windows")
def _windows(op: Op, arrays: Arrays, params: Params) -> Tensor:
    (x,) = arrays
    window = _sides(params["window_shape"])
    moved = dict(params)
    ndim = len(params["shape"]) if op.name == "add_windows" else x.ndim
    axis = params.get("axis")
    moved["axis"] = _all_shifted(tuple(range(ndim)) if axis is None else _sides(axis), ndim)
    moved["window_shape"] = window
    if op.name == "add_windows":
        moved["shape"] = (len(x._data), *params["shape"])
    return op(full_of(x), **moved)


# --- products ------------------------------------------------------------------------------------------------


@rule("matmul")
def _matmul(op: Op, arrays: Arrays, params: Params) -> Tensor:
    x, y = arrays
    row, column = x.ndim == 1, y.ndim == 1
    x = x.reshape((1, *x.shape)) if row else x
    y = y.reshape((*y.shape, 1)) if column else y
    ndim = max(x.ndim, y.ndim)
    product = op(aligned(x, ndim), aligned(y, ndim))
    dropped = tuple(axis for axis, gone in ((-2, row), (-1, column)) if gone)
    return product.squeeze(dropped) if dropped else product


@rule("matvec")
def _matvec(op: Op, arrays: Arrays, params: Params) -> Tensor:
    matrix, vector = arrays
    return matmul(matrix, vector[..., None])[..., 0]


@rule("vecmat")
def _vecmat(op: Op, arrays: Arrays, params: Params) -> Tensor:
    vector, matrix = arrays
    return matmul(vector[..., None, :], matrix)[..., 0, :]


@rule("vecdot")
def _vecdot(op: Op, arrays: Arrays, params: Params) -> Tensor:
    return sum_row(multiply(*arrays), axis=params.get("axis", -1))


@rule("dot")
def _dot(op: Op, arrays: Arrays, params: Params) -> Tensor:
    x, y = arrays
    if not ndim_of(x) or not ndim_of(y):
        return multiply(x, y)
    return _contracted(x, y, (x.ndim - 1,), (max(y.ndim - 2, 0),))


@rule("tensordot")
def _tensordot(op: Op, arrays: Arrays, params: Params) -> Tensor:
    a, b = arrays
    return _contracted(a, b, *contracted_axes(a.ndim, b.ndim, params.get("axes", 2)))


def _contracted(x: Any, y: Any, of_x: tuple[int, ...], of_y: tuple[int, ...]) -> Tensor:
    """The sum of products over pairs of axes: the other axes of x, then those of y."""
    letters_x, letters_y = list(_LETTERS[: x.ndim]), list(_LETTERS[x.ndim : x.ndim + y.ndim])
    for a, b in zip(of_x, of_y, strict=True):
        letters_y[b] = letters_x[a]
    free = [c for i, c in enumerate(letters_x) if i not in of_x] + [c for i, c in enumerate(letters_y) if i not in of_y]
    return einsum_pair(x, y, subscripts=f"{''.join(letters_x)},{''.join(letters_y)}->{''.join(free)}")


def _unused(subscripts: str) -> str | None:
    """A letter for the hidden axis."""
    return next((c for c in _LETTERS if c not in subscripts), None)


@rule("einsum_single")
def _einsum_single(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    subscripts = params["subscripts"]
    z = _unused(subscripts)
    return None if z is None else op(full_of(arrays[0]), subscripts=z + subscripts.replace("->", "->" + z))


@rule("einsum_spread")
def _einsum_spread(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    subscripts, full = params["subscripts"], full_of(arrays[0])
    z = _unused(subscripts)
    hidden = {"subscripts": z + subscripts.replace("->", f"->{z}"), "shape": (len(full), *params["shape"])} if z else {}
    return op(full, **hidden) if z else None


@rule("einsum_pair")
def _einsum_pair(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    first, second, out = params["subscripts"].replace("->", ",").split(",")
    z = _unused(params["subscripts"])
    if z is None:
        return None
    terms = [z + term if isinstance(x, Batched) else term for x, term in zip(arrays, (first, second), strict=True)]
    full = (full_of(x) if isinstance(x, Batched) else x for x in arrays)
    return op(*full, subscripts=f"{terms[0]},{terms[1]}->{z}{out}")


@rule("convolve")
def _convolve(op: Op, arrays: Arrays, params: Params) -> Tensor:
    """A convolution of networks, with one channel and a kernel that is turned round."""
    x, kernel = (a.reshape(1, 1, -1) for a in arrays)
    n, m = x.shape[-1], kernel.shape[-1]
    start, end = margins(n, m, params.get("mode", "full"))
    full: Tensor = conv(x, kernel[..., ::-1], padding=m - 1)
    return full.reshape(-1)[start : n + m - 1 - end]


# --- matrices: NumPy takes stacks of them --------------------------------------------------------------------


@rule("inv", "det", "slogdet_packed", "cofactor", "pinv", "cholesky", "eigh_packed", "eigvalsh", "eig_packed")
@rule("qr_packed", "svd_packed", "svdvals", "matrix_rank")
def _stacked(op: Op, arrays: Arrays, params: Params) -> Tensor | None:
    simple = all(np.ndim(value) == 0 for value in params.values()) and is_plain(params)
    return op(full_of(arrays[0]), **params) if simple else None


@rule("cofactor_derivative")
def _both_stacked(op: Op, arrays: Arrays, params: Params) -> Tensor:
    count = samples_in(*arrays)
    return op(*(everywhere(x, count) for x in arrays), **params)


@rule("solve")
def _solve(op: Op, arrays: Arrays, params: Params) -> Tensor:
    a, b = arrays
    column = b.ndim == 1
    b = b.reshape((*b.shape, 1)) if column else b
    ndim = max(a.ndim, b.ndim)
    solved = op(aligned(a, ndim), aligned(b, ndim))
    return solved.squeeze(-1) if column else solved


@rule("provided")
def _provided(op: Op, arrays: Arrays, params: Params) -> Tensor:
    x, condition = arrays
    return op(everywhere(x, samples_in(*arrays)), full_of(condition) if isinstance(condition, Batched) else condition,
              **params)  # fmt: skip


# --- networks ------------------------------------------------------------------------------------------------
#
# Samples that share a weight are a longer batch. Samples with weights of their own, as in per_sample_grad, are groups
# of channels: (samples, n, channels, …) becomes (n, samples · channels, …).


def _as_groups(x: Tensor) -> Tensor:
    samples, n, channels, *sides = x.shape
    return x.swapaxes(0, 1).reshape(n, samples * channels, *sides)


def _from_groups(x: Tensor, samples: int) -> Tensor:
    n, channels, *sides = x.shape
    return x.reshape(n, samples, channels // samples, *sides).swapaxes(0, 1)


@rule("conv", "conv_transpose")
def _conv(op: Op, arrays: Arrays, params: Params) -> Tensor:
    x, weight = arrays
    samples = samples_in(*arrays)
    if not isinstance(weight, Batched):
        out = op(full_of(x).reshape(samples * x.shape[0], *x.shape[1:]), weight, **params)
        return out.reshape(samples, x.shape[0], *out.shape[1:])
    groups = samples * params.get("groups", 1)
    own = full_of(weight).reshape(samples * weight.shape[0], *weight.shape[1:])
    return _from_groups(op(_as_groups(everywhere(x, samples)), own, **{**params, "groups": groups}), samples)


@rule("conv_weight")
def _conv_weight(op: Op, arrays: Arrays, params: Params) -> Tensor:
    samples = samples_in(*arrays)
    x, y = (_as_groups(everywhere(a, samples)) for a in arrays)
    out = op(x, y, **{**params, "groups": samples * params.get("groups", 1)})
    return out.reshape(samples, out.shape[0] // samples, *out.shape[1:])


@rule("max_pool", "max_places", "sum_pool", "spread_pool", "to_maxima", "from_maxima")
def _pool(op: Op, arrays: Arrays, params: Params) -> Tensor:
    count = samples_in(*arrays)
    return op(*(everywhere(x, count) for x in arrays), **params)
