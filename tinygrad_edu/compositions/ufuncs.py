"""NumPy's protocol of ufuncs on Tensors: dtype=, casting=, where= and out=, and the methods.

reduce, accumulate, outer, reduceat and at exist for every ufunc that has a row; where no row or composition does it at
once, it is done element by element along the axis. Only plain calls of a ufunc don't come here: see `tensor.py`.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu import interop
from tinygrad_edu.compositions.output import into
from tinygrad_edu.compositions.reduction import as_mask, cast
from tinygrad_edu.compositions.shape import along, moveaxis, one_axis
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.handle import to_dtype
from tinygrad_edu.memory import NUMBERS
from tinygrad_edu.node import here
from tinygrad_edu.op import Domain, Op
from tinygrad_edu.ops import elementwise, index
from tinygrad_edu.ops.shape import broadcast_to, stack
from tinygrad_edu.parameters import plain_index
from tinygrad_edu.refusal import asked_as
from tinygrad_edu.tensor import Tensor, as_tensor, call, operands_of, set_ufuncs

# --- calls with options --------------------------------------------------------------------------------------


def with_options(op: Op, args: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """A ufunc's row called with NumPy's options for ufuncs, recorded like everything.

    dtype     the dtype to compute in; what `casting` (same_kind) doesn't allow is refused, as NumPy does
    signature the dtypes to compute in, such as "ff->f"; order and subok mean nothing here
    where     computed where True; elsewhere `out` keeps its elements, and nothing flows back, whatever the inputs are
    out       a Tensor, which takes the result with its history, or an array, which takes the numbers of untracked ones
    """
    dtype, where, out = options.pop("dtype", None), options.pop("where", True), options.pop("out", None)
    casting = options.pop("casting", "same_kind")
    out = out[0] if isinstance(out, tuple) else out
    signature = options.pop("signature", options.pop("sig", None))
    if signature is not None and dtype is not None:
        what = f"{op.name}: dtype= and signature= say the same: give one of them"
        raise DtypeError(describe(what, where=here(), code="conflicting-arguments"))
    unknown = [name for name in options if name not in ("order", "subok")]
    if unknown:
        what = f"{op.name} on Tensors takes no {', '.join(map(repr, unknown))}"
        takes = "dtype=, signature=, casting=, where= and out= are the options it takes"
        raise DtypeError(describe(what, where=here(), fix=takes, code="wrong-arguments"))
    if options.get("order", "K") not in ("C", "F", "A", "K", None):
        what = f"{op.name}: order must be one of 'C', 'F', 'A' and 'K', not {options['order']!r}"
        raise ShapeError(describe(what, where=here(), code="unknown-choice"))
    args = tuple(x if x.__class__ in NUMBERS else as_tensor(x) for x in operands_of(args))
    if dtype is not None or signature is not None or casting != "same_kind":
        args = _in_dtype(op, args, dtype, casting, signature)
    if where is True:
        result = op(*args)
    else:
        if out is None:
            what = f"{op.name}(..., where=mask) without out= leaves the other elements undefined"
            fix = "out=…, or tg.where(mask, result, other)"
            raise DtypeError(describe(what, where=here(), fix=fix, code="where-without-out"))
        mask = as_tensor(where)
        if mask.dtype != np.bool_:
            what = f"where= must be booleans, not {mask.dtype}"
            raise DtypeError(describe(what, where=here(), fix="where=x > 0", code="mask-not-booleans"))
        result = _where(op, args, mask, out)
    return result if out is None else into(out, _stretched(result, out), casting)


def _where(op: Op, args: tuple[Any, ...], mask: Tensor, other: Any) -> Tensor:
    """op(*args) where the mask is True, `other` elsewhere.

    NumPy computes nothing where the mask is False; here the row gets harmless numbers there, so that neither a
    warning nor a 0 · inf comes out of it.
    """
    harmless = (elementwise.where(mask, x, _harmless(x, domain)) for x, domain in zip(args, op.domain))
    return elementwise.where(mask, op(*harmless), other)


def _kind_of(x: Any) -> Any:
    """What NumPy is to take x for: its dtype, or the class of one of Python's numbers, which are weak but for bool."""
    if x.__class__ is bool:
        return np.dtype(bool)
    return x.__class__ if x.__class__ in NUMBERS else x.dtype


def _in_dtype(op: Op, args: tuple[Any, ...], dtype: Any, casting: str, given: Any = None) -> tuple[Any, ...]:
    """The arguments in the dtypes in which NumPy would compute."""
    ufunc: Any = op.forward if isinstance(op.forward, np.ufunc) else op.numpy
    kinds = [_kind_of(x) for x in args]
    wanted = None if dtype is None else to_dtype(dtype)
    signature: Any = (None,) * ufunc.nin + (wanted,) * ufunc.nout
    if given is not None:
        parts = given.replace("->", "") if isinstance(given, str) else given
        signature = tuple(None if part is None else to_dtype(part) for part in parts)
        wanted = given
    try:
        found = ufunc.resolve_dtypes((*kinds, *[None] * ufunc.nout), signature=signature, casting=casting)
    except (TypeError, ValueError):
        names = " and ".join(str(np.dtype(kind)) if isinstance(kind, type) else str(kind) for kind in kinds)
        raise DtypeError(
            describe(
                f"{op.name} can't compute with {names} in {wanted or 'their dtypes'}, casting={casting!r}",
                where=here(),
                fix="x.astype(dtype) before, or of the result",
                code="cast-not-allowed",
            )
        ) from None
    kept = zip(args, found, strict=False)
    return tuple(x if x.__class__ in NUMBERS or x.dtype == kind else x.astype(kind) for x, kind in kept)


def _harmless(x: Any, domain: Domain) -> Any:
    """A number at which an op has a finite derivative: in the middle of its domain, away from the kinks."""
    if x.__class__ in (int, bool) or (x.__class__ not in NUMBERS and x.dtype.kind in "iub"):
        return 1
    middle, quarter = (domain.low + domain.high) / 2, (domain.high - domain.low) / 4
    return middle if all(abs(middle - kink) > 0.05 for kink in domain.avoid) else middle + quarter


def _stretched(result: Tensor, out: Any) -> Tensor:
    """The result in the shape of `out`, which may be larger, as for NumPy's ufuncs."""
    shape = np.shape(out) if not isinstance(out, Tensor) else out.shape
    if result.shape == shape:
        return result
    try:
        return broadcast_to(result, shape=shape)
    except ShapeError:
        what = f"out= has shape {shape}, the result {result.shape}"
        fix = f"out=tg.zeros({result.shape})"
        raise ShapeError(describe(what, where=here(), fix=fix, code="shape-would-change")) from None


# In NumPy 2 their reductions depend on the layout in memory: np.power.reduce([3., 1., 2., 2.]) is 9, not 81.
_UNRELIABLE = {np.power, np.arctan2}


def _along_axes(ufunc: np.ufunc, op: Op, inputs: tuple[Any, ...], options: dict[str, Any]) -> Any:
    """np.matmul and its like along the axes that are named, `axes=[(axes of x), (of y), (of the result)]`.

    The result needs no entry where it has no such axes. `axis=` is the same axis of both arrays and, with keepdims, of
    the result.
    """
    operands = tuple(map(as_tensor, inputs))
    most = [part.count(",") + 1 for part in ufunc.signature.split("->")[0][1:-1].split("),(")]  # type: ignore[union-attr]
    counts = [min(count, x.ndim) for count, x in zip(most, operands)]
    keepdims = options.pop("keepdims", False)
    counts.append(1 if keepdims else sum(counts) - 2)
    axis, axes, out = options.pop("axis", -1), options.pop("axes", None), options.pop("out", None)
    if axes is None:
        axes = [axis, axis, axis if keepdims else ()]
    elif len(axes) == 2 and not counts[2]:
        axes = [*axes, ()]
    entries = [tuple(entry) if isinstance(entry, list | tuple) else (entry,) for entry in axes]
    if len(entries) != 3 or [len(entry) for entry in entries] != counts:
        what = f"np.{ufunc.__name__}: axes= names {', '.join(str(count) for count in counts)} axes here, not {axes}"
        raise ShapeError(describe(what, where=here(), fix="one tuple of axes per array", code="wrong-arguments"))
    moved = [moveaxis(x, entry, tuple(range(-len(entry), 0))) for x, entry in zip(operands, entries)]
    result = call(op, tuple(moved), options) if options else op(*moved)
    if keepdims:
        result = result[..., None]
    return _given(moveaxis(result, tuple(range(-counts[2], 0)), entries[2]), out)


# --- methods -------------------------------------------------------------------------------------------------


def method_of(ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """What `np.add.reduce(t)` and the other methods of ufuncs give; calls with options too."""
    if method == "__call__":
        if ufunc in interop.COMPOSITIONS:
            return interop.COMPOSITIONS[ufunc](*inputs, **kwargs)
        op = interop.OPS.get(ufunc) or interop.scipy_row(ufunc)
        if op is None:
            raise interop.unknown(ufunc, method)
        if ufunc.signature is not None and ("axes" in kwargs or "keepdims" in kwargs):
            return _along_axes(ufunc, op, inputs, kwargs)
        return call(op, inputs, kwargs) if kwargs else op(*inputs)
    known = interop.OPS.get(ufunc)
    fits = known is not None and (known.arity == 2 or method == "at") and ufunc.signature is None and ufunc.nout == 1
    if known is None or not fits or method not in _METHODS or (method not in ("outer", "at") and ufunc in _UNRELIABLE):
        raise interop.unknown(ufunc, method)
    kwargs = {name: value for name, value in kwargs.items() if value is not None or name == "axis"}
    return _METHODS[method](ufunc, known, *inputs, **kwargs)


def _reduce(ufunc: np.ufunc, op: Op, x: Any, axis: Any = 0, dtype: Any = None, out: Any = None, **options: Any) -> Any:
    whole = interop.REDUCTIONS.get(ufunc)
    if whole is not None:
        result = whole(x if dtype is None else cast(x, to_dtype(dtype)), axis=axis, **options)
    else:
        result = _folded(ufunc, op, cast(x, dtype), axis, **options)
    return _given(result, out)


def _accumulate(ufunc: np.ufunc, op: Op, x: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    x, whole = cast(x, dtype), interop.ACCUMULATIONS.get(ufunc)
    axis = one_axis(axis, x.ndim)
    if whole is not None:
        result = whole(x, axis=axis)
    elif x.shape[axis]:
        result = stack(_in_turn(ufunc, op, _for_loop(ufunc, x), axis), axis=axis)
    else:
        result = x
    return _given(result, out)


def _folded(
    ufunc: np.ufunc, op: Op, x: Tensor, axis: Any, keepdims: bool = False, initial: Any = None, where: Any = True
) -> Tensor:
    """op(op(x₀, x₁), x₂) … along axes that become one before; from the ufunc's identity on, where it has one."""
    axes = range(x.ndim) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = [one_axis(a, x.ndim) for a in axes] if x.ndim else []
    if len(set(gone)) != len(gone):
        raise ShapeError(describe(f"axis {axis} names an axis twice", where=here(), code="axis-named-twice"))
    if len(gone) > 1 and ufunc.identity is None:
        what = f"np.{ufunc.__name__} goes along one axis: in which order the others are taken makes a difference"
        raise ShapeError(describe(what, where=here(), fix="axis=0", code="axis-needed"))
    if where is not True and ufunc.identity is None and initial is None:
        what = f"np.{ufunc.__name__}.reduce with where= needs initial= as well: it has no neutral element"
        raise ShapeError(describe(what, where=here(), fix="initial=", code="wrong-arguments"))
    x = _for_loop(ufunc, x)
    kept = [a for a in range(x.ndim) if a not in gone]
    shape = tuple(1 if a in gone else side for a, side in enumerate(x.shape) if keepdims or a not in gone)
    rows = (*(x.shape[a] for a in kept), math.prod(x.shape[a] for a in gone))

    def in_rows(y: Tensor) -> Tensor:
        return y.transpose((*kept, *gone)).reshape(rows)

    mask = None if where is True else in_rows(as_mask(where, x))
    initial = ufunc.identity if initial is None else initial
    return _in_turn(ufunc, op, in_rows(x), -1, initial, mask)[-1].reshape(shape)


def _for_loop(ufunc: np.ufunc, x: Tensor) -> Tensor:
    """x in the dtype in which the ufunc reduces it: booleans for logical_xor, for example."""
    loop: Any = ufunc  # NumPy's stubs don't know resolve_dtypes
    return cast(x, loop.resolve_dtypes((None, x.dtype, None), reduction=True)[-1])


def _in_turn(
    ufunc: np.ufunc, op: Op, x: Tensor, axis: int, initial: Any = None, mask: Tensor | None = None
) -> list[Tensor]:
    """op(op(x₀, x₁), x₂) … along one axis: all values in between, the last one being the whole."""
    axis = one_axis(axis, x.ndim)
    parts = [x[along(axis, i)] for i in range(x.shape[axis])]
    if initial is not None:
        values = [broadcast_to(cast(initial, x.dtype), shape=x.shape[:axis] + x.shape[axis + 1 :])]
    elif parts:
        values = [parts.pop(0)]
    else:
        what = f"np.{ufunc.__name__}.reduce of nothing is not defined"
        raise ShapeError(describe(what, where=here(), fix="initial=", code="empty-input"))
    for place, part in enumerate(parts):
        if mask is None:
            values.append(op(values[-1], part))
        else:
            values.append(_where(op, (values[-1], part), mask[along(axis, place)], values[-1]))
    return values


def _outer(ufunc: np.ufunc, op: Op, x: Any, y: Any, **options: Any) -> Any:
    x, y = as_tensor(x), as_tensor(y)
    args = (x.reshape(x.shape + (1,) * y.ndim), y)
    return call(op, args, options) if options else op(*args)


def _reduceat(ufunc: np.ufunc, op: Op, x: Any, indices: Any, axis: int = 0, dtype: Any = None, out: Any = None) -> Any:
    x = _for_loop(ufunc, as_tensor(x)) if dtype is None else cast(x, dtype)
    axis = one_axis(axis, x.ndim)
    starts = [int(i) for i in np.ravel(np.asarray(indices))]
    side = x.shape[axis]
    bad = next((i for i in starts if not 0 <= i < side), None)
    if bad is not None:
        what = f"np.{ufunc.__name__}.reduceat: index {bad} is outside of 0 … {side - 1}"
        raise ShapeError(describe(what, where=here(), code="index-does-not-fit"))
    parts = [  # a single element stays what it is: np.hypot.reduce starts from 0, which makes it positive
        _reduce(ufunc, op, x[along(axis, slice(i, end))], axis) if end > i + 1 else x[along(axis, i)]
        for i, end in zip(starts, [*starts[1:], side], strict=True)
    ]
    return _given(stack(parts, axis=axis), out)


def _at(ufunc: np.ufunc, op: Op, x: Any, indices: Any, values: Any = None) -> None:
    """`np.add.at(x, i, v)`: x[i] += v, where what is named twice is added twice; other ufuncs in turn."""
    key = indices
    places = np.arange(x.size).reshape(x.shape)
    places = asked_as(f"np.{ufunc.__name__}.at", operator.getitem, places, plain_index(key))
    args: tuple[Tensor, ...] = () if values is None else (broadcast_to(as_tensor(values), shape=places.shape),)
    if ufunc in (np.add, np.subtract):
        into(x, op(x, index.scatter_add(args[0], index=plain_index(key), shape=x.shape)))
        return
    flat, result = places.ravel(), as_tensor(x).reshape(-1)
    args = tuple(arg.reshape(-1) for arg in args)
    for chosen in _rounds(flat):
        changed = op(result[flat[chosen]], *(arg[chosen] for arg in args))
        result = cast(result, np.promote_types(result.dtype, changed.dtype))
        result = index.setitem(result, changed, index=flat[chosen])
    into(x, result.reshape(x.shape))


def _rounds(places: np.ndarray) -> list[np.ndarray]:
    """Which entries of `places` come first at their place, which second, and so on."""
    order = np.argsort(places, kind="stable")
    sorted_ = places[order]
    turn = np.arange(places.size) - np.searchsorted(sorted_, sorted_)
    return [np.sort(order[turn == k]) for k in range(int(turn.max(initial=-1)) + 1)]


def _given(result: Tensor, out: Any) -> Any:
    (target,) = out if isinstance(out, tuple) else (out,)
    return result if target is None else into(target, result)


_METHODS: dict[str, Callable[..., Any]] = {
    "reduce": _reduce,
    "accumulate": _accumulate,
    "outer": _outer,
    "reduceat": _reduceat,
    "at": _at,
}

set_ufuncs(method_of, with_options)
