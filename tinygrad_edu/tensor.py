"""Tensors: handles on recorded values, the operators on them, and the protocols by which NumPy finds them.

`apply1`, `apply2` and `apply` are the only places where ops meet tensors: they compute on the arrays and, where
an input requires grad, record a node. This module must not know how gradients are computed.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu import interop
from tinygrad_edu.errors import DtypeError, describe
from tinygrad_edu.handle import FOREIGN, Handle, broken, must_be_floating, to_array, to_dtype
from tinygrad_edu.memory import (
    BORROWED,
    FROZEN,
    NUMBERS,
    SHARED,
    SHARING,
    node_of,
    owner_of_view,
    thaw,
    update,
    write,
)
from tinygrad_edu.methods import ArrayMethods
from tinygrad_edu.node import ENGINE_FILES, Leaf, Node, State, _get_frame, _per_thread, here, next_index
from tinygrad_edu.op import Op, parameter_names, set_engine
from tinygrad_edu.ops import bits, elementwise, index, linalg, rounding, shape
from tinygrad_edu.parameters import plain, plain_index, plain_part
from tinygrad_edu.refusal import explained

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

_new = object.__new__
_array_type = np.ndarray


class Tensor(Handle, ArrayMethods):
    """An array that remembers how it was computed.

    Tensor(value, requires_grad=False, dtype=None, name=None)

    value          array, number, or nested lists of numbers; it is copied. Arrays keep their dtype; lists and
                   numbers of floats get the default float.
    requires_grad  True makes a leaf in whose `.grad` gradients accumulate; floating dtypes only. Python ints
                   become the default float; an array of integers raises DtypeError.
    name           what errors and pictures call it

    >>> x = Tensor([1.0, 2.0], requires_grad=True)
    >>> y = (x * x).sum()
    >>> y.backward()
    >>> x.grad
    Tensor([2., 4.])
    """

    __slots__ = ()
    __array_priority__ = 1000.0

    # --- gradients: the work is done in autodiff.py ----------------------------------------------------------

    def backward(
        self,
        gradient: ArrayLike | Tensor | None = None,
        retain_graph: bool = True,
        create_graph: bool = False,
        retain_grads: bool = False,
    ) -> None:
        """Add the gradient of this tensor to `.grad` of every leaf that it depends on.

        gradient      the cotangent to start from, of exactly this shape; 1 for a tensor with one element
        retain_graph  False frees the graph on the way, for large networks
        create_graph  True records the backward pass too, so that gradients can be differentiated
        retain_grads  True keeps the gradient of every tensor in between as well

        Raises GradientError where nothing requires grad, and ShapeError for a tensor of more than one element
        without `gradient`.
        """
        _backward["run"](self, gradient, retain_graph, create_graph, retain_grads)

    # --- operators -------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Tensor:
        return apply2(elementwise.add, self, other)

    def __radd__(self, other: Any) -> Tensor:
        return apply2(elementwise.add, other, self)

    def __sub__(self, other: Any) -> Tensor:
        return apply2(elementwise.subtract, self, other)

    def __rsub__(self, other: Any) -> Tensor:
        return apply2(elementwise.subtract, other, self)

    def __mul__(self, other: Any) -> Tensor:
        return apply2(elementwise.multiply, self, other)

    def __rmul__(self, other: Any) -> Tensor:
        return apply2(elementwise.multiply, other, self)

    def __truediv__(self, other: Any) -> Tensor:
        return apply2(elementwise.divide, self, other)

    def __rtruediv__(self, other: Any) -> Tensor:
        return apply2(elementwise.divide, other, self)

    def __pow__(self, other: Any) -> Tensor:
        if other.__class__ in (int, float) and other == 2 and (other.__class__ is int or self._data.dtype.kind == "f"):
            return apply1(elementwise.square, self)
        return apply2(elementwise.power, self, other)

    def __rpow__(self, other: Any) -> Tensor:
        return apply2(elementwise.power, other, self)

    def __matmul__(self, other: Any) -> Tensor:
        return apply2(linalg.matmul, self, other)

    def __rmatmul__(self, other: Any) -> Tensor:
        return apply2(linalg.matmul, other, self)

    def __mod__(self, other: Any) -> Tensor:
        return apply2(rounding.remainder, self, other)

    def __rmod__(self, other: Any) -> Tensor:
        return apply2(rounding.remainder, other, self)

    def __floordiv__(self, other: Any) -> Tensor:
        return apply2(rounding.floor_divide, self, other)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return apply2(rounding.floor_divide, other, self)

    def __and__(self, other: Any) -> Tensor:
        return apply2(bits.bitwise_and, self, other)

    def __rand__(self, other: Any) -> Tensor:
        return apply2(bits.bitwise_and, other, self)

    def __or__(self, other: Any) -> Tensor:
        return apply2(bits.bitwise_or, self, other)

    def __ror__(self, other: Any) -> Tensor:
        return apply2(bits.bitwise_or, other, self)

    def __xor__(self, other: Any) -> Tensor:
        return apply2(bits.bitwise_xor, self, other)

    def __rxor__(self, other: Any) -> Tensor:
        return apply2(bits.bitwise_xor, other, self)

    def __lshift__(self, other: Any) -> Tensor:
        return apply2(bits.left_shift, self, other)

    def __rlshift__(self, other: Any) -> Tensor:
        return apply2(bits.left_shift, other, self)

    def __rshift__(self, other: Any) -> Tensor:
        return apply2(bits.right_shift, self, other)

    def __rrshift__(self, other: Any) -> Tensor:
        return apply2(bits.right_shift, other, self)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    def __invert__(self) -> Tensor:
        return apply1(bits.invert, self)

    def __neg__(self) -> Tensor:
        return apply1(elementwise.negative, self)

    def __pos__(self) -> Tensor:
        return apply1(elementwise.positive, self)

    def __abs__(self) -> Tensor:
        return apply1(elementwise.absolute, self)

    def __eq__(self, other: Any) -> Tensor:  # type: ignore[override]
        return apply2(elementwise.equal, self, other)

    def __ne__(self, other: Any) -> Tensor:  # type: ignore[override]
        return apply2(elementwise.not_equal, self, other)

    def __lt__(self, other: Any) -> Tensor:
        return apply2(elementwise.less, self, other)

    def __le__(self, other: Any) -> Tensor:
        return apply2(elementwise.less_equal, self, other)

    def __gt__(self, other: Any) -> Tensor:
        return apply2(elementwise.greater, self, other)

    def __ge__(self, other: Any) -> Tensor:
        return apply2(elementwise.greater_equal, self, other)

    __hash__ = object.__hash__

    def __getitem__(self, key: Any) -> Tensor:
        if key.__class__ is int or key.__class__ is slice:
            return apply(index.getitem, (self,), {"index": plain_part(key)})
        return _apply_given(index.getitem, (self,), {"index": key})

    def __setitem__(self, key: Any, value: Any) -> None:
        if value.__class__ is int and self._data.dtype.kind in "iu":  # NumPy refuses one that is too large
            value = np.array(value, self._data.dtype)
        try:
            write(self, plain_index(key), as_tensor(value))
        except (ValueError, IndexError, TypeError) as error:
            raise explained(error, index.setitem, (self, as_tensor(value)), {"index": key}) from None

    def __iadd__(self, other: Any) -> Tensor:
        return update(self, elementwise.add, other)

    def __isub__(self, other: Any) -> Tensor:
        return update(self, elementwise.subtract, other)

    def __imul__(self, other: Any) -> Tensor:
        return update(self, elementwise.multiply, other)

    def __itruediv__(self, other: Any) -> Tensor:
        return update(self, elementwise.divide, other)

    def __ipow__(self, other: Any) -> Tensor:
        return update(self, elementwise.power, other)

    def __ifloordiv__(self, other: Any) -> Tensor:
        return update(self, rounding.floor_divide, other)

    def __imod__(self, other: Any) -> Tensor:
        return update(self, rounding.remainder, other)

    def __imatmul__(self, other: Any) -> Tensor:
        return update(self, linalg.matmul, other)

    def __iand__(self, other: Any) -> Tensor:
        return update(self, bits.bitwise_and, other)

    def __ior__(self, other: Any) -> Tensor:
        return update(self, bits.bitwise_or, other)

    def __ixor__(self, other: Any) -> Tensor:
        return update(self, bits.bitwise_xor, other)

    def __ilshift__(self, other: Any) -> Tensor:
        return update(self, bits.left_shift, other)

    def __irshift__(self, other: Any) -> Tensor:
        return update(self, bits.right_shift, other)

    # --- elements, casts and copies --------------------------------------------------------------------------

    def __len__(self) -> int:
        if not self._data.ndim:
            raise DtypeError(describe("a 0-d tensor has no len()", where=here(), code="number-has-no-length"))
        return len(self._data)

    def __contains__(self, value: Any) -> bool:
        return bool((self._data == as_tensor(value)._data).any())

    def __iter__(self) -> Iterator[Tensor]:
        if not self.ndim:
            raise DtypeError(describe("a 0-d tensor can't be iterated over", where=here(), code="number-has-no-length"))
        return (self[i] for i in range(len(self)))

    def astype(
        self, dtype: DTypeLike, order: str = "K", casting: Any = "unsafe", subok: bool = True, copy: bool = True
    ) -> Tensor:
        """In another dtype. A cast to integers or booleans has no derivative and ends the graph.

        casting   which casts are allowed, as in NumPy; order, subok and copy mean nothing here

        Raises DtypeError for a cast that is not allowed.
        """
        dtype = to_dtype(dtype)
        if casting != "unsafe" and not np.can_cast(self._data.dtype, dtype, casting):
            what = f"astype: {self._data.dtype} can't become {dtype} with casting={casting!r}"
            raise DtypeError(describe(what, where=here(), fix="casting='unsafe'", code="cast-not-allowed"))
        if dtype.kind == "c" and self.requires_grad and self._data.dtype.kind != "c":
            raise DtypeError(
                describe(
                    "complex numbers have no derivative here",
                    where=here(),
                    fix="x.detach().astype(complex)",
                    code="complex-gradient",
                )
            )
        if dtype.kind in "fc":
            return apply(shape.astype, (self,), {"dtype": dtype})
        result = tensor_on(self._data.astype(dtype))
        result._broken = broken(f"astype({dtype}) at") if self.requires_grad else self._broken
        return result

    def copy(self, order: str = "C") -> Tensor:
        """A copy, through which gradients flow; `order` is there for NumPy's sake and has no effect."""
        return apply1(elementwise.positive, self) if self.dtype.kind != "b" else tensor_on(self._data.copy())

    # --- protocols -------------------------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__" and not kwargs and (op := interop.OPS.get(ufunc)) is not None:
            return op(*inputs)
        return _ufuncs.method_of(ufunc, method, inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return interop.call_function(function, args, kwargs)

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        FOREIGN.add(cls)

    @staticmethod
    def __tinygrad_apply__(op: Op, arrays: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
        return apply(op, arrays, params)


_backward: dict[str, Any] = {}


def set_backward(run: Any) -> None:
    """Tell `Tensor.backward` what to do. `autodiff.py` does this once; tensors know nothing of derivatives."""
    _backward["run"] = run


class _Ufuncs:
    """What ufuncs with options and their methods mean: they are compositions, which this module must not know."""

    method_of: Any
    with_options: Any


_ufuncs = _Ufuncs()


def set_ufuncs(method_of: Any, with_options: Any) -> None:
    """Tell tensors what `np.add.reduce(t)` and `np.add(t, 1, out=…)` mean. `compositions/ufuncs.py` does this once."""
    _ufuncs.method_of, _ufuncs.with_options = method_of, with_options


# --- making tensors ------------------------------------------------------------------------------------------


def tensor_on(data: np.ndarray, node: Node | None = None) -> Tensor:
    """A Tensor whose own the array is, without a copy."""
    tensor: Tensor = _new(Tensor)
    tensor._data = data
    tensor._node = node
    tensor._owner = tensor._broken = None
    return tensor


def tensor_of_node(node: Node) -> Tensor:
    """A Tensor on a node that is there already."""
    return tensor_on(node.out if isinstance(node.out, np.ndarray) else np.asarray(node.out), node)


def from_numpy(array: np.ndarray, requires_grad: bool = False, name: str | None = None) -> Tensor:
    """A Tensor on the given array itself, without a copy: writes to one are seen in the other.

    >>> a = np.zeros(2); t = from_numpy(a); a[0] = 5; t
    Tensor([5., 0.])
    """
    if not isinstance(array, np.ndarray):
        raise DtypeError(
            describe(
                f"from_numpy shares an array; it can't share {type(array).__name__}",
                where=here(),
                fix="tg.Tensor(value)",
                code="not-an-array",
            )
        )
    tensor = tensor_on(to_array(array))
    if requires_grad:
        tensor._node = Leaf(must_be_floating(tensor._data, "from_numpy(..., requires_grad=True)"), name)
        SHARING.add(tensor._node)
    else:
        tensor._owner = SHARED
        if name is not None:
            tensor.name = name
    return tensor


def as_tensor(value: Any) -> Tensor:
    """`value` itself if it is a Tensor, else a constant Tensor of it. Lists that hold Tensors are stacked."""
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray):
        return _borrow(value)
    if isinstance(value, list | tuple) and _holds_tensor(value):
        return _stacked(value, np.result_type(*_kinds(value)))
    return Tensor(value)


def _stacked(value: Any, dtype: np.dtype[Any]) -> Tensor:
    """Nested lists that hold Tensors as one; Python's numbers among them take the dtype of the others."""
    if isinstance(value, list | tuple):
        return shape.stack([_stacked(part, dtype) for part in value])
    return as_tensor(np.asarray(value, dtype) if value.__class__ in NUMBERS else value)


def _kinds(value: Any) -> Iterator[Any]:
    """The dtypes of what nested lists hold; a Python number is its own, weak one."""
    for part in value:
        if isinstance(part, list | tuple):
            yield from _kinds(part)
        else:
            yield part if part.__class__ in NUMBERS else as_tensor(part).dtype


def _borrow(array: np.ndarray) -> Tensor:
    """A constant on the caller's array; copied when a graph takes it, unless nobody can write to it."""
    if type(array) is not _array_type or array.dtype.kind not in "fiubc":
        if isinstance(array, np.matrix):
            what = "an np.matrix can't be an operand: its * is the product of matrices, a Tensor's goes by elements"
            fix = "np.asarray(m) for x * m by elements, x @ np.asarray(m) for the product"
            raise DtypeError(describe(what, where=here(), fix=fix, code="matrix-or-masked-array"))
        array = to_array(array)
    frozen = array.base is None and not array.flags.writeable
    tensor = tensor_on(array, None if frozen else BORROWED)
    if frozen:
        tensor._owner = FROZEN
    return tensor


def _holds_tensor(value: Any) -> bool:
    return any(isinstance(v, Tensor) or (isinstance(v, list | tuple) and _holds_tensor(v)) for v in value)


# --- applying ops: where arrays are computed and nodes recorded ----------------------------------------------


_SIMPLE = frozenset((type(None), bool, int, float, str))


def call(op: Op, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tensor:
    """Apply `op` to a call as users write it: positional arrays, then parameters by place or name."""
    if not op.variadic and len(args) == op.arity and kwargs.keys() <= parameter_names(op):
        for value in kwargs.values():
            if value.__class__ not in _SIMPLE:
                break
        else:
            return apply(op, args, dict(kwargs))
        return _apply_given(op, args, kwargs)
    if isinstance(op.numpy or op.forward, np.ufunc) and len(args) == op.arity:
        return _ufuncs.with_options(op, args, dict(kwargs))  # type: ignore[no-any-return]
    try:
        arrays, params = op.bind(args, kwargs)
    except TypeError as error:
        names = [p.replace(annotation=p.empty) for p in op.__signature__.parameters.values()]
        raise DtypeError(
            describe(f"{op.name}({', '.join(map(str, names))}): {error}", where=here(), code="wrong-arguments")
        ) from None
    return _apply_given(op, arrays, params)


def _apply_given(op: Op, arrays: tuple[Any, ...], given: Mapping[str, Any]) -> Tensor:
    """Apply an op with parameters as the user gave them, Tensors among them."""
    params = {name: plain(op, name, value) for name, value in given.items()}
    for value in params.values():
        for part in value if isinstance(value, tuple) else (value,):
            if part.__class__ in FOREIGN:
                return _dispatch(part, op, operands_of(arrays), params)
    return apply(op, arrays, params)


def recorded(
    op: Op, inputs: tuple[Node, ...], params: dict[str, Any], out: np.ndarray, now: State, depth: int = 3
) -> Tensor:
    """The tensor of a new node. `now` is this thread's state, the user's line is `depth` frames up or beyond.

    Node and handle are filled here, attribute by attribute: calling their classes would take 0.8 µs.
    """
    node: Node = _new(Node)
    node.op = op
    node.inputs = inputs
    node.params = params
    node.out = out
    node.index = next_index()
    node.scope = now.scope
    frame = _get_frame(depth)
    while frame.f_code.co_filename in ENGINE_FILES and frame.f_back is not None:
        frame = frame.f_back
    node.code = frame.f_code
    node.instruction = frame.f_lasti
    node.hooks = ()
    tensor: Tensor = _new(Tensor)
    tensor._data = out
    tensor._node = node
    tensor._owner = tensor._broken = None
    return tensor


def apply1(op: Op, x: Any) -> Tensor:
    """Apply an op with one array argument and no parameters."""
    now = _per_thread.state
    if type(x) is not Tensor:
        x = as_tensor(x)
        if type(x) is not Tensor:
            return _dispatch(x, op, (x,), {})
    if now.watchers:
        return _watched(op, (x,), {}, now)
    try:
        out = op.forward(x._data)
    except Exception as error:
        raise explained(error, op, (x,), {}) from None
    if type(out) is not _array_type:
        out = np.asarray(out)
    node = x._node
    if node is not None and node.requires_grad and now.recording and op.differentiable:
        return recorded(op, (node,), {}, out, now)
    return _unrecorded(op, (x,), {}, out, now)


def apply2(op: Op, x: Any, y: Any) -> Tensor:
    """Apply an op with two array arguments and no parameters. Python and NumPy scalars are weak in dtype."""
    now = _per_thread.state
    if type(x) is Tensor and type(y) is Tensor:
        a, m, b, n = x._data, x._node, y._data, y._node
    else:
        x, y = operands_of((x, y))
        if x.__class__ in FOREIGN or y.__class__ in FOREIGN:
            return _dispatch(x if x.__class__ in FOREIGN else y, op, (x, y), {})
        a, m = (x._data, x._node) if type(x) is Tensor else (x, None)
        b, n = (y._data, y._node) if type(y) is Tensor else (y, None)
    if now.watchers:
        return _watched(op, (x, y), {}, now)
    try:
        out = op.forward(a, b)
    except Exception as error:
        raise explained(error, op, (x, y), {}) from None
    if type(out) is not _array_type:
        out = np.asarray(out)
    if (
        ((m is not None and m.requires_grad) or (n is not None and n.requires_grad))
        and now.recording
        and op.differentiable
    ):
        if m is None or not m.requires_grad:
            m = node_of(x)
        if n is None or not n.requires_grad:
            n = node_of(y)
        return recorded(op, (m, n), {}, out, now)
    return _unrecorded(op, (x, y), {}, out, now)


def apply(op: Op, arguments: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    """Apply any op: array arguments in order, everything else in `params`."""
    now = _per_thread.state
    operands = operands_of(arguments)
    for x in operands:
        if x.__class__ in FOREIGN:
            return _dispatch(x, op, operands, params)
    if now.watchers:
        return _watched(op, operands, params, now)
    arrays = [x._data if x.__class__ is Tensor else x for x in operands]
    try:
        out = op.forward(*arrays, **params)
    except Exception as error:
        raise explained(error, op, operands, params) from None
    if out.__class__ is not _array_type:
        out = np.asarray(out)
    if now.recording and op.differentiable and out.dtype.kind in "fc":  # a cast to integers ends the graph
        for x in operands:
            if x.__class__ is Tensor and x._node is not None and x._node.requires_grad:
                return recorded(op, tuple(map(node_of, operands)), params, out, now)
    return _unrecorded(op, operands, params, out, now)


def _watched(op: Op, operands: tuple[Any, ...], params: dict[str, Any], now: State) -> Tensor:
    """Apply an op under the eyes of `now.watchers`, which themselves compute unwatched."""
    watchers, now.watchers = now.watchers, ()
    try:
        for watcher in watchers:
            watcher.before(op, operands, params)
        start = time.perf_counter()
        result = apply(op, operands, params)
        seconds = time.perf_counter() - start
        for watcher in watchers:
            watcher.after(op, operands, params, result, seconds)
    finally:
        now.watchers = watchers
    return result


def _dispatch(x: Any, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> Tensor:
    result: Tensor = type(x).__tinygrad_apply__(op, operands, params)
    return result


def _unrecorded(op: Op, operands: tuple[Any, ...], params: dict[str, Any], out: np.ndarray, now: State) -> Tensor:
    """The result of an op that nothing needs to remember, or that has no derivative."""
    if now.record_all:
        return recorded(op, tuple(map(node_of, operands)), params, out, now)
    result = tensor_on(out)
    for x in operands:
        if x.__class__ is Tensor:
            if x._broken is not None:
                result._broken = x._broken
            elif x._node is not None and x._node.requires_grad:
                how = "no_grad() around" if out.dtype.kind in "fc" else f"cast to {out.dtype} at"
                result._broken = broken(how if op.differentiable else f"{op.name}, which has no derivative, at")
            if op.view and (out.base is not None or out is x._data):
                if x._owner is FROZEN:  # a graph holds the array: x gets one of its own, and the view is one of that
                    thaw(x)
                    result._data = np.asarray(op.forward(x._data, **params))
                result._owner = owner_of_view(x)
    return result


def operands_of(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    """The arguments as Tensors or Python numbers; numbers are weak: they take the dtype of their partner.

    NumPy's scalars are weak beside floating numbers, so that float32 stays float32; beside whole numbers and booleans
    they have the dtype that they have in NumPy. Without a partner that is an array, numbers become Tensors.
    """
    for x in arguments:
        if x.__class__ is not Tensor:
            break
    else:
        return arguments
    operands = tuple(map(_operand, arguments))
    alone = True
    for x in operands:
        if isinstance(x, Tensor):
            if x.dtype.kind in "fc":
                return operands
            alone = False
    if alone:
        return tuple(map(as_tensor, operands))
    return tuple(as_tensor(x) if isinstance(x, np.generic) else y for x, y in zip(arguments, operands, strict=True))


def _operand(x: Any) -> Any:
    if isinstance(x, Tensor) or x.__class__ in NUMBERS:
        return x
    if isinstance(x, np.generic) and isinstance(number := x.item(), NUMBERS):
        return number
    if isinstance(x, int | float) and not isinstance(x, np.generic):  # of a subclass, such as a member of an IntEnum
        return int(x) if isinstance(x, int) else float(x)
    return as_tensor(x)


set_engine(apply1, apply2, call)
