"""Whose memory an array is, and what writing to it means.

Values inside a graph never change: a write to a constant that a graph holds goes to a copy, a write to a
computed tensor makes a new recorded value under the same handle, and a write to a leaf is stamped, so that
backward finds graphs that saved the old value. This module works on the handles' slots and must not know how
handles are made or differentiated.
"""

from __future__ import annotations

import sys
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.augmented import stored_back
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError, describe
from tinygrad_edu.node import (
    Constant,
    Leaf,
    Mark,
    Node,
    constant,
    here,
    keep_gradient,
    node_site,
    stamp,
    state,
    user_frame,
)
from tinygrad_edu.op import Op
from tinygrad_edu.ops import index, shape

if TYPE_CHECKING:
    from tinygrad_edu.handle import Handle
    from tinygrad_edu.tensor import Tensor

NUMBERS = (float, int, bool, complex)

# Whose memory a handle's array is, where it is not the handle's own (`_owner` is None then). A Leaf as the
# owner means: a view of that leaf's array, made with recording off.
SHARED = "shared"  # others may write to it: written in place, copied when it enters a graph
FROZEN = "frozen"  # a graph holds it, or nobody can write to it: copied before it is written


# Leaves whose arrays others may write to: those that `from_numpy` made on an array of the caller's, and those whose own
# array was given away as `.data`.
SHARING: weakref.WeakSet[Leaf] = weakref.WeakSet()
LENT: weakref.WeakSet[Leaf] = weakref.WeakSet()


_SIGNS = {"subtract": "-", "multiply": "*", "divide": "/", "power": "**", "matmul": "@"}  # of what refuses a cast


class _Borrowed(Constant):
    """Stands in for the node of an array that belongs to the caller, who may write to it: copied when recorded."""

    __slots__ = ()


BORROWED = _Borrowed(None)


def label(x: Any) -> str:
    """What to call a tensor in an error: its name, or how it was made, with shape and dtype."""
    if x.__class__ in NUMBERS:
        return repr(x)
    node = x._node
    name = x.name or ("tensor" if node is None or node.op is None else f"result of {node.op.name} at {node_site(node)}")
    return f"{name} {x.shape} {x.dtype}"


def node_of(x: Any) -> Node:
    """The node by which a graph refers to `x`; a constant gets one when a graph first takes it."""
    if x.__class__ in NUMBERS:
        return constant(x)
    node: Node | None = x._node
    if node is None:
        if x._owner is None or x._owner is FROZEN:
            node = x._node = constant(x._data)
        else:  # others may write to this memory: the graph keeps a copy
            node = Constant(x._data.copy())
    elif node is BORROWED:
        x._data = x._data.copy()
        node = x._node = Constant(x._data)
    elif x._owner is not None and x._owner is not FROZEN and not node.requires_grad:
        node = Constant(x._data.copy(), node.name)
    return node


def owner_of_view(x: Handle) -> Any:
    """Whose memory a view of `x` is; marks `x` where the two can now write to each other's elements."""
    node = x._node
    if isinstance(node, Leaf):
        return node
    if x._owner is None and node is not None and node.requires_grad:
        return viewed_leaf(node, x._data) or FROZEN
    if x._owner is None:
        if isinstance(node, Constant) and node is not BORROWED:  # a graph holds the array: it gets a copy to keep
            node.out = x._data.copy()
            x._node = _named_constant(x, x._data)
        x._owner = SHARED
    return x._owner


def viewed_leaf(node: Node, data: np.ndarray) -> Any:
    """The leaf whose memory a recorded view lies in; None where it lies in that of a computed value.

    `data` is the view. Where its graph was freed it may lie in any memory: then it is SHARED.
    """
    while node.op is not None and node.op.view:
        inputs: tuple[Node, ...] | None = node.inputs
        if inputs is None:
            return SHARED if data.base is not None else None
        if not np.may_share_memory(data, inputs[0].out):
            return None
        node = inputs[0]
    return node if isinstance(node, Leaf) else None


def thaw(x: Handle) -> None:
    """Give `x` an array of its own in place of one that a graph holds, or that nobody can write to."""
    x._data = x._data.copy()
    x._node = _named_constant(x, x._data)
    x._owner = SHARED


def expose(x: Handle) -> np.ndarray:
    """The array of `x` for the user's hands: a leaf's own; read-only where an op computed it."""
    node = x._node
    if node is not None and not node.is_leaf:
        x._data.setflags(write=False)
        view: np.ndarray = x._data.view()  # which nobody can make writable again
        return view
    if x._owner is FROZEN or (x._owner is None and node is not None and not isinstance(node, Leaf)):
        thaw(x)
    elif x._owner is None and node is None:
        x._owner = SHARED
    elif isinstance(node, Leaf):
        LENT.add(node)
    return x._data


def replace(x: Handle, array: np.ndarray) -> None:
    """`x.data = array`: the array itself after `x.data -= 1`, or a new one of the same shape."""
    if array.shape != x.shape:
        raise ShapeError(
            describe(
                f"can't put an array of shape {array.shape} into .data of shape {x.shape}",
                where=here(),
                fix="make a new Tensor for another shape",
                code="shape-would-change",
            )
        )
    node = x._node
    if node is not None and not node.is_leaf:
        raise GradientError(
            describe(
                "only a leaf's .data can be set; this tensor was computed",
                where=here(),
                made=node_site(node),
                fix="x.detach() gives a leaf with the same value",
                code="not-a-leaf",
            )
        )
    if array is x._data:
        pass  # written already
    elif (lost := _lost(array.dtype, x.dtype)) is not None:
        raise _not_cast(".data =", array.dtype, x.dtype, lost, f"value.astype('{x.dtype}'), if that is meant")
    elif isinstance(node, Leaf) and x._data.flags.writeable:
        x._data[...] = array  # not another array: graphs may hold views of this one, and must notice
    else:
        x._data = np.array(array, dtype=x._data.dtype)
        x._owner = None
        if isinstance(node, Leaf):
            node.out = x._data
        else:
            x._node = _named_constant(x, x._data)
    _remember_write(x)


def _lost(given: np.dtype[Any], wanted: np.dtype[Any]) -> str | None:
    """What numbers of one dtype lose in an array of another, where it is more than digits."""
    if given.kind == "c" and wanted.kind != "c":
        return "the imaginary part would be lost"
    return "the digits behind the point would be lost" if given.kind == "f" and wanted.kind in "iub" else None


def _named_constant(x: Handle, data: np.ndarray) -> Constant | None:
    """The node of a constant whose array was replaced: none, unless it must keep the name."""
    return Constant(data, x.name) if x.name is not None else None


def is_tracked_view(x: Tensor) -> bool:
    """Whether `x` was recorded as a view into the memory of another recorded tensor."""
    node = x._node
    return (
        node is not None
        and node.op is not None
        and node.op.view
        and node.inputs is not None  # freed: the node's output is nobody's any more
        and np.may_share_memory(node.out, node.inputs[0].out)
    )


def forbid_lost_writes(x: Tensor, what: str) -> None:
    """Raise where writing to `x` would lose a gradient, or would not reach the tensor that `x` is a view of."""
    node = x._node
    if isinstance(node, Leaf) and not isinstance(node, Mark) and state().recording:  # a transform's is the function's
        raise GradientError(
            describe(
                f"{what}: {label(x)} is a leaf that requires grad, and a recorded graph may need its value",
                where=here(),
                fix="with tg.no_grad(): … for an update, or y = x + 1 for a new tensor",
                code="leaf-written",
            )
        )
    if node is not None and node.op is not None and is_tracked_view(x):
        raise GradientError(
            describe(
                f"{what}: {label(x)} is a view of another tracked tensor, which the write would not reach",
                where=here(),
                made=f"{node.op.name} at {node_site(node)}",
                fix="write to x itself: v = x[1:]; v[0] = 5 becomes x[1] = 5; or copy first: v = x[1:].copy()",
                code="view-written",
            )
        )


def must_be_writable(x: Handle) -> None:
    """Raise where NumPy would refuse a write to the array of `x`: several elements of it may be one number."""
    data = x._data
    stretched = data.size > 1 and any(not stride and side > 1 for stride, side in zip(data.strides, data.shape))
    if stretched or not data.flags.writeable:
        raise DtypeError(
            describe(
                f"{label(x)} can't be written",
                where=here(),
                why="several of its elements are one number in memory" if stretched else "its array is read-only",
                fix="x = x.copy() first; Tensor(array) copies, tg.from_numpy(array) shares",
                code="read-only-memory",
            )
        )


def forbid_samples(value: Any, what: str) -> None:
    """Raise where what each sample of a vmap has of its own would go into what all samples share."""
    if getattr(value, "has_samples", False):
        raise DtypeError(
            describe(
                f"{what}: inside vmap every sample has its own value, and what is written is one for all of them",
                where=here(),
                fix="c = c + x makes a new tensor, one for each sample; or give c to the function as an argument",
                code="no-single-value-in-vmap",
            )
        )


def _holders(view: np.ndarray) -> int:
    return sys.getrefcount(view.base)


_ONE_HOLDER = _holders(np.zeros(2).reshape(1, 2))  # it depends on the version of Python


def only_view(view: np.ndarray) -> bool:
    """Whether nobody but this view knows the array whose memory it lies in."""
    return _holders(view) <= _ONE_HOLDER


def _forbid_lost_gradient(x: Tensor, tracked: bool) -> None:
    """Raise where a tracked value would go into an array that can't hold it, or into a view of a constant's array."""
    if tracked and x.dtype.kind not in "fc":
        raise DtypeError(
            describe(
                f"{label(x)} can't take a value that requires grad: the fractions and the gradient would be lost",
                where=here(),
                fix="x = x.astype(float) first",
                code="tracked-value-into-integers",
            )
        )
    data = x._data
    if tracked and not x.requires_grad and x._owner is not None and data.base is not None and not only_view(data):
        raise GradientError(
            describe(
                f"{label(x)} is a view of another tensor, which a value that requires grad would not reach",
                where=here(),
                fix="write to x itself: v = x[1:]; v[0] = w becomes x[1] = w; or copy first: v = x[1:].copy()",
                code="view-written",
            )
        )


def update(x: Tensor, op: Op, other: Any) -> Tensor:
    """`x op= other`: in place for leaves and constants, a new recorded value under the same handle otherwise.

    In `z[i] op= other` x is `z[i]`, and Python stores what comes out at `z[i]`: then a view needs no write.
    """
    what = f"in-place {op.name}"
    passing = (x._owner is not None or is_tracked_view(x)) and stored_back(sys._getframe(2), sys.getrefcount(x))
    if not passing and not x.has_samples:
        forbid_lost_writes(x, what)
    result = op(x, other)
    if result.shape != x.shape:
        raise ShapeError(
            describe(
                f"{what} can't change the shape {x.shape} to {result.shape}",
                where=here(),
                fix="x = x + y",
                code="shape-would-change",
            )
        )
    return _converted(result, x, what) if passing else assign(x, result, what)


def assign(x: Tensor, result: Tensor, what: str, casting: Any = "same_kind") -> Tensor:
    """Let `x` have the value of `result`, of the same shape: recorded where a gradient depends on it."""
    result = _converted(result, x, what, casting)
    if x.has_samples:  # all of them, and what they were made from stays as it is
        return _rebind(x, x._like(x._spread(result)))
    forbid_samples(result, what)
    if result.requires_grad or (x.requires_grad and not x.is_leaf):
        _forbid_lost_gradient(x, result.requires_grad)
        return _rebind(x, result)
    _write_array(x, Ellipsis, result._data)
    return x


def _converted(result: Tensor, x: Tensor, what: str, casting: Any = "same_kind") -> Tensor:
    """The result in the dtype of `x`. Raises DtypeError where NumPy would not cast it."""
    if result.dtype == x.dtype:
        return result
    if not np.can_cast(result.dtype, x.dtype, casting):
        why = _lost(result.dtype, x.dtype) or f"casting={casting!r} doesn't allow it"
        sign = _SIGNS.get(what.removeprefix("in-place "), "+")
        fix = f"x = x {sign} y makes a new tensor of the dtype that the result needs"
        raise _not_cast(what, result.dtype, x.dtype, why, fix)
    return shape.astype(result, dtype=x.dtype)


def _not_cast(what: str, given: Any, wanted: Any, why: str, fix: str) -> DtypeError:
    return DtypeError(
        describe(f"{what} can't put {given} into {wanted}", where=here(), why=why, fix=fix, code="cast-not-allowed")
    )


def write(x: Tensor, key: Any, value: Tensor) -> None:
    """`x[key] = value`: recorded where a gradient depends on it; of several writes to one element the last wins."""
    for part in (value, *(key if isinstance(key, tuple) else (key,))):
        forbid_samples(part, "x[index] = value")
    forbid_lost_writes(x, "x[index] = value")
    if value.dtype.kind == "c" and (lost := _lost(value.dtype, x.dtype)) is not None:
        raise _not_cast("x[index] = value", value.dtype, x.dtype, lost, "x[index] = value.real")
    tracked = state().recording and (x.requires_grad or value.requires_grad)
    if tracked:
        _forbid_lost_gradient(x, value.requires_grad)
    if tracked or (x.requires_grad and not x.is_leaf):
        _rebind(x, index.setitem(x, value, index=key))
    else:
        _write_array(x, key, value._data)


def _write_array(x: Tensor, key: Any, value: np.ndarray) -> None:
    """Put numbers into the array of `x`, copying it first where a graph holds it."""
    node = x._node
    held = node is BORROWED or x._owner is FROZEN or (node is not None and x._owner is None)
    if held and not isinstance(node, Leaf):
        data = x._data.copy()
        data[key] = value
        x._node = None if node is BORROWED else _named_constant(x, data)
        x._data, x._owner = data, None
        return
    must_be_writable(x)
    x._data[key] = value
    _remember_write(x)


def _remember_write(x: Handle) -> None:
    """Stamp the leaves whose memory the array of `x` lies in, which was written now."""
    owner = x._node if isinstance(x._node, Leaf) else x._owner
    if isinstance(owner, Leaf) and owner not in SHARING:
        owner.stamp()
    elif owner is not None and owner is not FROZEN:  # NumPy's array is others' too: of which leaves?
        written = {leaf for leaf in (*SHARING, *LENT) if shares_memory(leaf.out, x._data)}
        if written:
            stamp(written, user_frame())


def shares_memory(x: np.ndarray, y: np.ndarray) -> bool:
    """Whether one is written with the other; True where it would take long to find out."""
    try:
        return np.shares_memory(x, y, max_work=1000)  # type: ignore[arg-type]  # NumPy's stubs know no numbers
    except np.exceptions.TooHardError:
        return True


def _rebind(x: Tensor, result: Tensor) -> Tensor:
    """Let the handle `x` stand for another value; graphs that used the old one keep it."""
    if result.requires_grad and not x.is_leaf and x._node is not None and keep_gradient in x._node.hooks:
        result.retain_grad()  # what keeps the gradient is the user's tensor, not the value it had
    x._data, x._node, x._owner, x._broken = result._data, result._node, None, result._broken
    return x
