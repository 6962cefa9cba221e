"""The tensor that vmap puts in place of a sample, the levels of vmaps in one another, and the table of what ops do.

Vmaps that run in one another have one hidden axis: the samples of the inner one within each sample of the outer one, in
a row. What has samples of the outer one only is repeated where it meets what has those of both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.memory import FROZEN, NUMBERS, SHARED, node_of
from tinygrad_edu.node import here, state
from tinygrad_edu.op import Kind, Op
from tinygrad_edu.ops import shape as shape_ops
from tinygrad_edu.ops.index import setitem
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

Params = dict[str, Any]
Arrays = tuple[Any, ...]
Rule = Callable[[Op, Arrays, Params], "Tensor | None"]

# What an op does with the hidden axis: by its name, or else by its kind. A rule that gives None can't do this call.
RULES: dict[str, Rule] = {}
KINDS: dict[Kind, Rule] = {}


def rule(*names: str) -> Callable[[Rule], Rule]:
    """Decorator: this is what the ops of these names do with the hidden axis."""

    def register(function: Rule) -> Rule:
        RULES.update(dict.fromkeys(names, function))
        return function

    return register


class Batched(Tensor):
    """A tensor of which every sample has one of its own; its shape is that of one sample."""

    __slots__ = ()
    has_samples = True

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
        return math.prod(self.shape)

    def __len__(self) -> int:
        if not self.ndim:
            raise DtypeError(describe("a 0-d tensor has no len()", where=here(), code="number-has-no-length"))
        return self.shape[0]

    def astype(
        self, dtype: DTypeLike, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Tensor:
        """In another dtype, of all samples."""
        if np.dtype(dtype).kind in "fc":
            return super().astype(dtype, casting=casting)
        return batched(full_of(self).astype(dtype, casting=casting))

    def copy(self, order: str = "C") -> Tensor:
        """A copy of all samples, through which gradients flow."""
        return super().copy() if self.dtype.kind != "b" else batched(full_of(self).copy())

    def __setitem__(self, key: Any, value: Any) -> None:
        result = setitem(self, value, index=key)
        self._data, self._node, self._owner, self._broken = result._data, result._node, None, result._broken

    def __repr__(self) -> str:
        return f"Batched({len(self._data)} samples of shape {self.shape}, {self.dtype})"

    def _no_single_value(self, *_: Any) -> NoReturn:
        raise DtypeError(
            describe(
                "inside vmap there is no one value: every sample has its own",
                where=here(),
                fix="use tg.where instead of if, and return numbers instead of printing them",
                code="no-single-value-in-vmap",
            )
        )

    item = numpy = tolist = __bool__ = __index__ = __contains__ = _numbers = _no_single_value
    data = property(_no_single_value)

    def _no_backward(self, *_: Any, **__: Any) -> NoReturn:
        raise DtypeError(
            describe(
                "inside vmap every sample has its own gradient, and .grad is one for all",
                where=here(),
                fix="tg.grad(f)(x) inside vmap, or tg.per_sample_grad; .backward() outside",
                code="no-single-value-in-vmap",
            )
        )

    backward = register_hook = retain_grad = _must_be_one = _no_backward

    def _spread(self, x: Any) -> Any:
        return everywhere(as_tensor(x), len(self._data))

    def _like(self, full: Any) -> Any:
        return full if isinstance(full, Batched) else batched(full)

    @staticmethod
    def __tinygrad_apply__(op: Op, arrays: Arrays, params: Params) -> Tensor:
        arrays, params = _equally_deep(arrays, params)
        own = RULES.get(op.name) or KINDS.get(op.kind)
        result = own(op, arrays, params) if own is not None else None
        if result is None:
            result = _sample_by_sample(op, arrays, params)
        return result if isinstance(result, Batched) else batched(result)


def batched(full: Tensor) -> Batched:
    """The Batched tensor whose samples are `full[0]`, `full[1]`, … Nobody will write to their memory through it."""
    result: Batched = object.__new__(Batched)
    result._data, result._node, result._owner, result._broken = full._data, full._node, full._owner, full._broken
    if result._owner is SHARED:
        result._owner = FROZEN
    return result


def full_of(x: Tensor) -> Tensor:
    """The plain tensor of all samples of `x`."""
    full = tensor_on(x._data, x._node)
    full._owner, full._broken = x._owner, x._broken
    return full


class Level:
    """A vmap that runs: how many samples it has in each sample of the vmaps around it, and in all."""

    __slots__ = ("around", "count", "each")

    def __init__(self, each: int) -> None:
        self.each = each
        self.around: Level | None = state().level
        self.count: int = each if self.around is None else each * self.around.count

    def __enter__(self) -> Level:
        state().level = self
        return self

    def __exit__(self, *_: object) -> None:
        state().level = self.around

    def spread(self, x: Tensor) -> Batched:
        """`x` for each sample: one for all, or one for each sample of a vmap around, is repeated."""
        return batched(everywhere(x, self.count))

    def split(self, x: Any) -> Batched:
        """What is to be split among the samples, along its first axis."""
        x = as_tensor(x)
        if self.around is None:
            if isinstance(x, Batched):
                x._no_single_value()
            return batched(_held(x))
        full = everywhere(x, self.around.count)
        return batched(full.reshape((self.count, *full.shape[2:])))

    def joined(self, y: Any) -> Tensor:
        """A result, with the samples along its first axis."""
        y = as_tensor(y)
        if self.around is not None and isinstance(y, Batched):
            full = everywhere(y, self.count)
            return batched(full.reshape((self.around.count, self.each, *y.shape)))
        if not isinstance(y, Batched):
            return shape_ops.broadcast_to(y, shape=(self.each, *y.shape))
        full = everywhere(y, self.count)
        if not full.requires_grad and full._owner is None:
            full._owner = FROZEN  # it may lie in the memory of an argument
        return full


def _held(x: Tensor) -> Tensor:
    """The value of `x` now: whoever writes to `x` later writes to a copy."""
    return x if x.requires_grad else tensor_on(np.asarray(node_of(x).out))


def _equally_deep(arrays: Arrays, params: Params) -> tuple[Arrays, Params]:
    """The arguments of a call, those with samples of an outer vmap only repeated for those of the inner one."""
    found = [x for value in (*arrays, *params.values()) for x in parts(value) if isinstance(x, Batched)]
    if len({len(x._data) for x in found}) < 2:
        return arrays, params
    level: Level | None = state().level
    count = max(len(x._data) for x in found) if level is None else level.count

    def deep(x: Any) -> Any:
        if isinstance(x, tuple):
            return tuple(map(deep, x))
        return batched(everywhere(x, count)) if isinstance(x, Batched) else x

    return tuple(map(deep, arrays)), {name: deep(value) for name, value in params.items()}


def parts(value: Any) -> tuple[Any, ...]:
    """A tuple's elements; anything else by itself."""
    return value if isinstance(value, tuple) else (value,)


def is_plain(params: Params) -> bool:
    """Whether no parameter has samples of its own."""
    return not any(isinstance(part, Batched) for value in params.values() for part in parts(value))


def samples_in(*values: Any) -> int:
    """How many samples the Batched ones among the values have."""
    return next(len(x._data) for x in values if isinstance(x, Batched))


def everywhere(x: Any, count: int) -> Tensor:
    """All samples of x; what has none of its own is repeated."""
    if not isinstance(x, Batched):
        return shape_ops.broadcast_to(x, shape=(count, *np.shape(x)))
    full, own = full_of(x), len(x._data)
    if own == count:
        return full
    if not own or count % own:
        raise ShapeError(
            describe(
                f"a value with {own} samples meets one with {count}",
                where=here(),
                why="it comes from another vmap",
                fix="return from a vmap what is needed outside",
                code="unequal-sample-counts",
            )
        )
    sides = (own, count // own, *x.shape)
    return shape_ops.broadcast_to(full.reshape((own, 1, *x.shape)), shape=sides).reshape((count, *x.shape))


def aligned(x: Any, ndim: int) -> Any:
    """All samples of x, each with sides of 1 in front until it has `ndim` axes; what has no samples as it is."""
    if not isinstance(x, Batched):
        return x
    sides = (1,) * (ndim - x.ndim)
    return full_of(x).reshape((len(x._data), *sides, *x.shape)) if sides else full_of(x)


def ndim_of(x: Any) -> int:
    """The number of axes of a sample of x; 0 for a Python number."""
    return 0 if x.__class__ in NUMBERS else int(x.ndim)


def _sample_by_sample(op: Op, arrays: Arrays, params: Params) -> Tensor:
    """The op on each sample by itself: for ops of which nothing else is known."""
    count = samples_in(*arrays, *(part for value in params.values() for part in parts(value)))

    def one(value: Any, i: int) -> Any:
        if isinstance(value, tuple):
            return tuple(one(part, i) for part in value)
        return full_of(value)[i] if isinstance(value, Batched) else value

    def call(i: int) -> Tensor:
        chosen = [one(x, i) for x in arrays]
        given = {name: one(value, i) for name, value in params.items()}
        return op(chosen, **given) if op.variadic else op(*chosen, **given)

    return shape_ops.stack([call(i) for i in range(count)])
