"""What the table's own functions compute, those that NumPy doesn't have: written another way than in the rows."""

import math

import numpy as np

from tests.ops.matrix_formulas import MATRIX_FORMULAS
from tests.ops.neural_formulas import NEURAL_FORMULAS
from tests.ops.special_formulas import SPECIAL_FORMULAS


def _scatter_add(x, index, shape):
    places = np.arange(math.prod(shape)).reshape(shape)[index]
    out = np.zeros(math.prod(shape))
    for place, number in zip(places.ravel(), x.ravel()):
        out[place] += number
    return out.reshape(shape)


def _einsum_spread(x, subscripts, shape):
    """The transpose of a linear map, column by column."""
    columns = np.eye(math.prod(shape)).reshape(math.prod(shape), *shape)
    return np.array([(np.einsum(subscripts, column) * x).sum() for column in columns]).reshape(shape)


def _setitem(x, value, index):
    places = np.arange(x.size).reshape(x.shape)[index]
    out = np.array(x).ravel()
    for place, number in zip(places.ravel(), np.broadcast_to(value, places.shape).ravel()):
        out[place] = number
    return out.reshape(x.shape)


def _add_windows(x, window_shape, axis=None, shape=()):
    places = np.lib.stride_tricks.sliding_window_view(np.arange(math.prod(shape)).reshape(shape), window_shape, axis)
    return _scatter_add(x, np.unravel_index(places, shape), shape)


def _order_statistic(x, rank):
    rows, ranks = x.reshape(-1, x.shape[-1]), np.broadcast_to(rank, x.shape[:-1]).astype(int).ravel()
    return np.array([sorted(row)[place] for row, place in zip(rows, ranks)]).reshape(x.shape[:-1])


def _linear_recurrence(x, decay, axis=-1):
    out = np.zeros(x.shape)
    for start in range(x.shape[axis]):  # each element of x lives on, times the decays behind it
        alive = np.take(x, start, axis)
        for place in range(start, x.shape[axis]):
            if place > start:
                alive = alive * np.take(decay, place, axis)
            np.moveaxis(out, axis, 0)[place] += alive
    return out


FORMULAS = {
    **SPECIAL_FORMULAS,
    **MATRIX_FORMULAS,
    **NEURAL_FORMULAS,
    "softplus": lambda x: np.log(1 + np.exp(x)),
    "sigmoid": lambda x: np.exp(x) / (1 + np.exp(x)),
    "relu": lambda x: (x + np.abs(x)) / 2,
    "logsumexp": lambda x, axis=None, keepdims=False: np.log(np.sum(np.exp(x), axis=axis, keepdims=keepdims)),
    "centred": lambda x, axis=None: (
        x - np.sum(x, axis=axis, keepdims=True) / np.sum(np.ones_like(x), axis, keepdims=True)
    ),
    "vector_norm": lambda x, order=2, axis=None, keepdims=False: (
        np.sum(np.abs(x) ** order, axis=axis, keepdims=keepdims) ** (1 / order)
    ),
    "softmax": lambda x, axis=-1: np.exp(x) / np.exp(x).sum(axis=axis, keepdims=True),
    "log_softmax": lambda x, axis=-1: x - np.log(np.exp(x).sum(axis=axis, keepdims=True)),
    "getitem": lambda x, index: np.take(x.ravel(), np.arange(x.size).reshape(x.shape)[index]),
    "scatter_add": _scatter_add,
    "setitem": _setitem,
    "add_windows": _add_windows,
    "clip_between": lambda x, low, high: np.minimum(np.maximum(x, low), high),
    "order_statistic": _order_statistic,
    "linear_recurrence": _linear_recurrence,
    "logcumsumexp": lambda x, axis=None: np.log(np.cumsum(np.exp(x), axis=axis)),
    "einsum_single": lambda x, subscripts: np.einsum(subscripts, x, optimize=False),
    "einsum_spread": _einsum_spread,
    "einsum_pair": lambda x, y, subscripts: np.einsum(subscripts, x, y, optimize=False),
    "fractional_part": lambda x: np.sign(x) * (np.abs(x) - np.floor(np.abs(x))),
    "astype": lambda x, dtype: np.array(x.tolist(), dtype=dtype).reshape(x.shape),
}
