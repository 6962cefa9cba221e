"""One sample's function on a whole batch: `vmap`, and per-sample gradients, without a loop over the samples.

A `Batched` tensor shows the shape of one sample and holds all of them along a hidden first axis. What an op does
with that axis follows from its kind; an op that this module doesn't know runs sample by sample, which is slower
and just as right.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError, describe
from tinygrad_edu.memory import NUMBERS, node_of
from tinygrad_edu.node import Mark, here, recording
from tinygrad_edu.op import ELEMENTWISE, REDUCTION, Op
from tinygrad_edu.ops import shape as shape_ops
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on
from tinygrad_edu.transforms import leaves_of, map_tree

Params = dict[str, Any]


class Batched(Tensor):
    """A tensor of which every sample has one of its own; its shape is that of one sample."""

    __slots__ = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one sample."""
        return self._data.shape[1:]

    @property
    def ndim(self) -> int:
        """The number of axes of one sample."""
        return self._data.ndim - 1

    @property
    def size(self) -> int:
        """The number of elements of one sample."""
        return int(np.prod(self.shape))

    def __repr__(self) -> str:
        return f"Batched({len(self._data)} samples of shape {self.shape}, {self.dtype})"

    def item(self) -> Any:
        """Not to be had: every sample has another value."""
        raise DtypeError(
            describe(
                "inside vmap there is no one value: every sample has its own",
                where=here(),
                fix="use tg.where instead of if, and return numbers instead of printing them",
                code="no-single-value-in-vmap",
            )
        )

    def numpy(self) -> np.ndarray:
        """Not to be had: every sample has another value."""
        self.item()
        raise AssertionError

    def __len__(self) -> int:
        return self.shape[0]

    def __bool__(self) -> bool:
        return bool(self.item())

    @staticmethod
    def __tinygrad_apply__(op: Op, arrays: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
        rule = _RULES.get(op.name) or _BY_KIND.get(op.kind)
        plain = not any(isinstance(part, Batched) for value in params.values() for part in _parts(value))
        result = rule(op, arrays, params) if rule is not None and plain and not op.variadic else None
        if result is None and op.name in ("concatenate", "stack") and plain:
            result = _join(op, arrays, params)
        return batched(result if result is not None else _sample_by_sample(op, arrays, params))


def _parts(value: Any) -> tuple[Any, ...]:
    return value if isinstance(value, tuple) else (value,)


def batched(full: Tensor) -> Batched:
    """The Batched tensor whose samples are `full[0]`, `full[1]`, …"""
    result: Batched = object.__new__(Batched)
    result._data, result._node, result._owner, result._broken = full._data, full._node, full._owner, full._broken
    return result


def full_of(x: Tensor) -> Tensor:
    """The plain tensor of all samples of `x`."""
    return tensor_on(x._data, x._node)


def _aligned(x: Any, ndim: int) -> Any:
    """All samples of x, each with sides of 1 in front until it has `ndim` axes; what has no samples as it is."""
    if not isinstance(x, Batched):
        return x
    sides = (1,) * (ndim - x.ndim)
    return full_of(x).reshape((len(x._data), *sides, *x.shape)) if sides else full_of(x)


def _ndim(x: Any) -> int:
    return 0 if x.__class__ in NUMBERS else int(x.ndim)


# --- what each kind of op does with the hidden axis -------------------------------------------------------------


def _elementwise(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor | None:
    if any(np.ndim(value) for value in params.values()):
        return None
    ndim = max(map(_ndim, arrays))
    return op(*(_aligned(x, ndim) for x in arrays), **params)


def _shifted(axis: int, ndim: int) -> int:
    """An axis of a sample as an axis of the batch."""
    if not -ndim <= axis < ndim:
        raise ShapeError(
            describe(f"axis {axis} is out of bounds for a sample of {ndim} axes", where=here(), code="no-such-axis")
        )
    return axis % ndim + 1


def _reduction(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor | None:
    (x,) = arrays
    axis = params.get("axis")
    if "axis" not in _names(op) or any(np.ndim(v) for k, v in params.items() if k != "axis"):
        return None
    if axis is None:
        if x.ndim == 0 or op.name in ("argmax", "argmin"):
            return None
        moved: Any = tuple(range(1, x.ndim + 1))
    else:
        moved = tuple(_shifted(a, x.ndim) for a in axis) if isinstance(axis, tuple) else _shifted(axis, x.ndim)
    return op(full_of(x), **{**params, "axis": moved})


def _names(op: Op) -> list[str]:
    return list(op.__signature__.parameters)


def _softmax(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor | None:
    (x,) = arrays
    axis = params.get("axis", -1)
    return op(full_of(x), axis=_shifted(axis, x.ndim)) if isinstance(axis, int) else None


def _matmul(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor:
    x, y = arrays
    row, column = x.ndim == 1, y.ndim == 1
    x = x.reshape((1, *x.shape)) if row else x
    y = y.reshape((*y.shape, 1)) if column else y
    ndim = max(x.ndim, y.ndim)
    product = op(_aligned(x, ndim), _aligned(y, ndim))
    dropped = tuple(axis for axis, gone in ((-2, row), (-1, column)) if gone)
    return product.squeeze(dropped) if dropped else product


def _reshape(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor | None:
    (x,) = arrays
    target = params["shape"]
    target = (target,) if isinstance(target, int) else tuple(target)
    return op(full_of(x), shape=(len(x._data), *target)) if params.get("order", "C") == "C" else None


def _transpose(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor:
    (x,) = arrays
    axes = params.get("axes")
    order = range(x.ndim)[::-1] if axes is None else axes
    return op(full_of(x), axes=(0, *(_shifted(axis, x.ndim) for axis in order)))


def _broadcast_to(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor:
    (x,) = arrays
    target = params["shape"]
    target = (target,) if isinstance(target, int) else tuple(target)
    return op(_aligned(x, len(target)), shape=(len(x._data), *target))


def _squeeze(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor:
    (x,) = arrays
    axis = params.get("axis")
    axes = tuple(i for i, side in enumerate(x.shape) if side == 1) if axis is None else axis
    return op(full_of(x), axis=tuple(_shifted(a, x.ndim) for a in _parts(axes)))


def _expand_dims(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor:
    (x,) = arrays
    places = _parts(params["axis"])
    return op(full_of(x), axis=tuple(_shifted(a, x.ndim + len(places)) for a in places))


def _getitem(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor | None:
    (x,) = arrays
    index = _parts(params["index"])
    if any(isinstance(part, np.ndarray | list) for part in index) and not _together(index):
        return None
    return op(full_of(x), index=(slice(None), *index))


def _together(index: tuple[Any, ...]) -> bool:
    """Whether the integers and arrays in an index stand side by side: then NumPy leaves the axes before them alone."""
    advanced = [
        i for i, part in enumerate(index) if part is not None and part is not ... and not isinstance(part, slice)
    ]
    no_flags = not any(isinstance(part, bool | np.bool) for part in index)
    return no_flags and advanced[-1] - advanced[0] == len(advanced) - 1


def _astype(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor:
    return op(full_of(arrays[0]), **params)


def _join(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor | None:
    """concatenate and stack: every operand gets the hidden axis."""
    count = next(len(x._data) for x in arrays if isinstance(x, Batched))
    axis = params.get("axis", 0)
    if axis is None:
        return None
    ndim = _ndim(arrays[0]) + (op.name == "stack")
    full = [
        full_of(x) if isinstance(x, Batched) else shape_ops.broadcast_to(x, shape=(count, *np.shape(x))) for x in arrays
    ]
    return op(full, axis=_shifted(axis, ndim))


def _sample_by_sample(op: Op, arrays: tuple[Any, ...], params: Params) -> Tensor:
    """The op on each sample by itself: for ops of which nothing else is known."""
    everything = [*arrays, *(part for value in params.values() for part in _parts(value))]
    count = next(len(x._data) for x in everything if isinstance(x, Batched))

    def one(value: Any, i: int) -> Any:
        if isinstance(value, tuple):
            return tuple(one(part, i) for part in value)
        return full_of(value)[i] if isinstance(value, Batched) else value

    def call(i: int) -> Tensor:
        chosen = [one(x, i) for x in arrays]
        given = {name: one(value, i) for name, value in params.items()}
        return op(chosen, **given) if op.variadic else op(*chosen, **given)

    return shape_ops.stack([call(i) for i in range(count)])


_BY_KIND = {ELEMENTWISE: _elementwise, REDUCTION: _reduction}
_RULES: dict[str, Callable[[Op, tuple[Any, ...], Params], Tensor | None]] = {
    "softmax": _softmax,
    "log_softmax": _softmax,
    "matmul": _matmul,
    "reshape": _reshape,
    "transpose": _transpose,
    "broadcast_to": _broadcast_to,
    "squeeze": _squeeze,
    "expand_dims": _expand_dims,
    "getitem": _getitem,
    "astype": _astype,
}


# --- what users call -----------------------------------------------------------------------------------------


def vmap(f: Callable[..., Any], in_axes: Any = 0) -> Callable[..., Any]:
    """`f`, written for one sample, for a batch: arguments are split along their first axis, results stacked there.

    in_axes   0 for every argument, or one entry per argument: 0 to split it, None to give it whole to each sample

    >>> vmap(lambda x: (x * x).sum())(np.array([[1.0, 2.0], [3.0, 4.0]]))
    Tensor([ 5., 25.])
    """

    def mapped(*args: Any) -> Any:
        axes = list(in_axes) if isinstance(in_axes, tuple | list) else [in_axes] * len(args)
        if len(axes) != len(args) or any(axis not in (0, None) for axis in axes):
            raise ShapeError(
                describe(
                    f"in_axes {in_axes!r} doesn't fit {len(args)} arguments",
                    fix="0 or None for each",
                    code="tree-does-not-match",
                )
            )
        split = [(arg, axis) for arg, axis in zip(args, axes, strict=True)]
        counts = {len(as_tensor(leaf)) for arg, axis in split if axis == 0 for leaf in leaves_of(arg)}
        if len(counts) != 1:
            raise ShapeError(
                describe(
                    f"vmap needs equally many samples in all split arguments, got {sorted(counts)}",
                    where=here(),
                    fix="in_axes=None for what all samples share",
                    code="unequal-sample-counts",
                )
            )
        (count,) = counts
        inside = [arg if axis is None else map_tree(lambda x: batched(as_tensor(x)), arg) for arg, axis in split]
        return map_tree(lambda y: _unbatched(y, count), f(*inside))

    return mapped


def _unbatched(y: Any, count: int) -> Tensor:
    if isinstance(y, Batched):
        return full_of(y)
    y = as_tensor(y)
    return shape_ops.broadcast_to(y, shape=(count, *y.shape))


def per_sample_grad(loss: Callable[..., Tensor], params: Any, batch: Any) -> Any:
    """The gradient of each sample's own loss by `params`: the form of `params`, with a first axis over the samples.

    loss     `loss(params, sample)` or `loss(params, *sample)`, one number for one sample
    params   a Tensor or array, or lists, tuples and dicts of them, shared by all samples
    batch    arrays with a first axis over the samples: one, or a tuple or dict of them

    One forward and one backward pass for the whole batch.

    >>> w, x = np.array([1.0, 2.0]), np.array([[1.0, 0.0], [1.0, 1.0]])
    >>> per_sample_grad(lambda w, x: (w @ x) ** 2, w, x)
    Tensor([[2., 0.],
            [6., 6.]])
    """
    counts = {len(as_tensor(leaf)) for leaf in leaves_of(batch)}
    if len(counts) != 1:
        raise ShapeError(
            describe(
                f"the parts of the batch have unequal lengths {sorted(counts)}",
                where=here(),
                code="unequal-sample-counts",
            )
        )
    (count,) = counts
    marks: list[Tensor] = []

    def own(p: Any) -> Batched:
        p = as_tensor(p)
        copies = tensor_on(np.broadcast_to(p._data, (count, *p.shape)))  # a view: the numbers stand there once
        copies._node = Mark(copies._data)
        marks.append(copies)
        return batched(copies)

    with recording(True):
        inside = map_tree(own, params)
        samples = map_tree(lambda x: batched(as_tensor(x)), batch)
        spread = isinstance(samples, tuple) and _takes(loss) != 2
        value = loss(inside, *samples) if spread else loss(inside, samples)
    if not isinstance(value, Batched) or value.size != 1:
        raise GradientError(
            describe(
                f"per_sample_grad needs one number per sample, not {value!r}",
                where=here(),
                why="loss is called for one sample: without a batch axis, and it must depend on the sample",
                code="not-a-scalar",
            )
        )
    total = full_of(value)
    seed = tensor_on(np.ones(total._data.shape, total._data.dtype))
    found = pull_back([(node_of(total), seed)], [mark._node for mark in marks], create_graph=False)
    gradients = iter(
        tensor_on(np.zeros(mark._data.shape, mark.dtype)) if g is None else g
        for mark, g in zip(marks, found, strict=True)
    )
    return map_tree(lambda _: next(gradients), params)


def _takes(function: Callable[..., Any]) -> int:
    """How many positional arguments a function takes; -1 if it takes any number or tells none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return -1
    if any(p.kind is p.VAR_POSITIONAL for p in parameters):
        return -1
    return sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) and p.default is p.empty for p in parameters)
