"""The handle: what a Tensor is and how it becomes plain numbers again; the operators are in `tensor.py`.

A handle points at an array and, where a graph has recorded or used the value, at its node. This module must
not know how ops are applied.
"""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

import numpy as np

from tinygrad_edu.augmented import storing
from tinygrad_edu.errors import DtypeError, GradientError, IndexingError, ShapeError, describe
from tinygrad_edu.memory import BORROWED, FROZEN, SHARED, expose, label, node_of, owner_of_view, replace, thaw
from tinygrad_edu.node import Constant, Leaf, Node, Origin, caution, here, keep_gradient, node_site, user_frame

if TYPE_CHECKING:
    from numpy.typing import DTypeLike

    from tinygrad_edu.tensor import Tensor

_T = TypeVar("_T", bound="Handle")

# Subclasses of Tensor that take over what ops do with them, such as the batched tensors of vmap.
FOREIGN: set[type] = set()

_default_dtype: np.dtype[Any] = np.dtype(np.float64)


def set_default_dtype(dtype: DTypeLike) -> None:
    """Set the dtype that Python floats and lists of them get: float64 at the start.

    Raises DtypeError for a dtype that is not floating.

    >>> set_default_dtype(np.float32); print(get_default_dtype()); set_default_dtype(np.float64)
    float32
    """
    global _default_dtype
    chosen = to_dtype(dtype)
    if chosen.kind != "f":
        raise DtypeError(
            describe(
                f"the default dtype must be floating, not {chosen}",
                where=here(),
                fix="np.float32 or np.float64",
                code="unknown-choice",
            )
        )
    _default_dtype = chosen


def get_default_dtype() -> np.dtype[Any]:
    """The dtype that Python floats and lists of them get."""
    return _default_dtype


class Handle:
    """An array, its node if it has one, and whose memory it is. Users see it as `Tensor`."""

    __slots__ = ("__weakref__", "_broken", "_data", "_node", "_origin", "_owner")
    has_samples: ClassVar[bool] = False  # True for what vmap puts in place of a sample
    _data: np.ndarray
    _node: Node | None  # the recipe, the leaf, or None for a value that no graph has used yet
    _owner: Any  # see SHARED
    _origin: Origin  # set on gradients only
    _broken: tuple[str, CodeType, int] | None  # why a value that depends on something with requires_grad has no graph

    def __init__(
        self, value: Any, requires_grad: bool = False, dtype: DTypeLike | None = None, name: str | None = None
    ) -> None:
        self._owner = self._broken = self._node = None
        if isinstance(value, Handle):
            if value.requires_grad:
                self._broken = broken("copied by Tensor(...) at")
            value = value._numbers()
        elif isinstance(value, list | tuple) and _holds_tracked(value):
            raise DtypeError(
                describe(
                    "Tensor(...) of a list that holds Tensors would lose their gradients",
                    where=here(),
                    fix="tg.stack([...]) keeps them; t.detach() drops them on purpose",
                    code="list-of-tracked-tensors",
                )
            )
        was_array = isinstance(value, np.ndarray | np.generic)
        data = to_array(value)
        if dtype is not None:
            data = data.astype(to_dtype(dtype))
        elif not was_array and (data.dtype.kind == "f" or (requires_grad and data.dtype.kind in "iub")):
            data = data.astype(_default_dtype)
        else:  # a copy: what has a buffer, such as array.array, would share it
            data = np.array(data)
        self._data = data
        if requires_grad:
            self._node = Leaf(must_be_floating(data, "Tensor(..., requires_grad=True)"), name)
        elif name is not None:
            self._node = Constant(data, name)

    def _numbers(self) -> np.ndarray:
        """The array, for a copy of the value."""
        return self._data

    def _spread(self, x: Any) -> Any:
        """`x` once for each sample that this tensor has: itself, outside vmap."""
        return x

    def _must_be_one(self) -> None:
        """Raises inside vmap, where every sample has a gradient of its own."""

    def _like(self: _T, full: _T) -> _T:
        """What was computed from all samples of this tensor, as a tensor of its kind: itself, outside vmap."""
        return full

    # --- what it is ------------------------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The sides, as NumPy has them."""
        return self._data.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """The NumPy dtype."""
        return self._data.dtype

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._data.ndim

    @property
    def size(self) -> int:
        """The number of elements."""
        return self._data.size

    @property
    def requires_grad(self) -> bool:
        """Whether gradients flow to or through this tensor. May be set on leaves."""
        return self._node is not None and self._node.requires_grad

    @requires_grad.setter
    def requires_grad(self, on: bool) -> None:
        if not self.is_leaf:
            raise GradientError(
                describe(
                    "requires_grad can be set on leaves only; this tensor was computed",
                    where=here(),
                    made=node_site(self._node) if self._node else "",
                    fix="use .detach() for a copy of the value without its history",
                    code="not-a-leaf",
                )
            )
        if on and not self.requires_grad:
            self._data = must_be_floating(self._data.copy(), "requires_grad = True")
            self._node, self._owner = Leaf(self._data, self.name), None
        elif not on and self.requires_grad:
            name, self._owner, self._node = self.name, self._node, None  # graphs of the leaf still hold the array
            if name is not None:
                self.name = name

    @property
    def is_leaf(self) -> bool:
        """True for a tensor that was not computed from tensors that require grad."""
        return self._node is None or self._node.is_leaf

    @property
    def name(self) -> str | None:
        """What errors and pictures call this tensor."""
        return getattr(self._node, "name", None)

    @name.setter
    def name(self, name: str | None) -> None:
        if self._node is None:
            self._node = Constant(self._data)
        elif self._node is BORROWED:
            node_of(self)  # gives it an array and a node of its own
        self._node.name = name

    @property
    def data(self) -> np.ndarray:
        """The array: a leaf's own, to be read and written; read-only where ops computed it.

        `p.data -= step` writes in place and is noticed: backward through a graph that saved the old value is an
        error. Writes to single elements (`p.data[0] = 1`) are not noticed.
        """
        return expose(self)

    @data.setter
    def data(self, value: Any) -> None:
        replace(self, value._data if isinstance(value, Handle) else to_array(value))

    @property
    def grad(self) -> Tensor | None:
        """The accumulated gradient, a Tensor of this shape and dtype; None before the first backward.

        Only leaves keep one, and tensors after `retain_grad()` or `backward(retain_grads=True)`.
        """
        node = self._node
        if node is None or not node.requires_grad:
            return None
        if node.is_leaf:
            grad: Tensor | None = node.grad
            return grad
        if keep_gradient not in node.hooks:
            caution(
                describe(
                    f"the tensor made at {node_site(node)} keeps no gradient: only leaves do",
                    where=here(),
                    fix="call t.retain_grad() before backward, or loss.backward(retain_grads=True)",
                    code="gradient-not-kept",
                )
            )
            return None
        kept: Tensor | None = node.grad
        return kept

    @grad.setter
    def grad(self, value: Any) -> None:
        node = self._node
        if node is None or not node.requires_grad:
            raise GradientError(
                describe(
                    "only a tensor that requires grad has a .grad",
                    where=here(),
                    tensor=label(self),
                    fix="Tensor(..., requires_grad=True)",
                    code="needs-requires-grad",
                )
            )
        if value is not None:
            value = value if isinstance(value, Handle) else type(self)(value)
            if value.shape != self.shape:
                raise ShapeError(
                    describe(
                        f"a gradient of shape {value.shape} doesn't fit a tensor of shape {self.shape}",
                        where=here(),
                        fix="a gradient has the shape of its tensor",
                        code="gradient-shape",
                    )
                )
            must_be_real(value, "a gradient")
            value = value if value.dtype == self.dtype else value.astype(self.dtype)
        node.grad = value

    def register_hook(self, hook: Callable[[Tensor], Any]) -> Registration:
        """Let backward call `hook(gradient)` with this tensor's complete gradient; `.remove()` of the result undoes it.

        What the hook returns, if anything, takes the gradient's place; it must have the same shape. Hooks run in the
        order in which they were registered, once in each backward that reaches the tensor. One that writes to a leaf
        of which backward still needs the old value makes it a GradientError.

        >>> from tinygrad_edu import Tensor
        >>> x = Tensor([1.0, 2.0], requires_grad=True)
        >>> remove = x.register_hook(lambda g: g * 10)
        >>> (x * x).sum().backward(); x.grad
        Tensor([20., 40.])
        """
        node = self._tracked("take no gradient hook")
        must_be_callable(hook, "a hook is a function of the gradient", "x.register_hook(print)")
        node.hooks = (*node.hooks, hook)

        def remove() -> None:
            place = next(i for i, other in enumerate(node.hooks) if other is hook)
            node.hooks = node.hooks[:place] + node.hooks[place + 1 :]

        return Registration(remove)

    def _tracked(self, what: str) -> Node:
        """The node. Raises GradientError where no gradient will ever reach this tensor."""
        node = self._node
        if node is None or not node.requires_grad:
            raise GradientError(
                describe(
                    f"tensors that need no gradient {what}",
                    where=here(),
                    tensor=label(self),
                    fix="make it with requires_grad=True before what is computed from it",
                    code="needs-requires-grad",
                )
            )
        return node

    def retain_grad(self) -> None:
        """Keep the gradient of this computed tensor in `.grad` at the next backward."""
        node = self._tracked("keep none")
        if not node.is_leaf and keep_gradient not in node.hooks:
            node.grad = None
            node.hooks = (*node.hooks, keep_gradient)

    # --- conversions -----------------------------------------------------------------------------------------

    def detach(self: _T) -> _T:
        """The same value without its history, in the same memory where that is a leaf's or a constant's."""
        if self._owner is FROZEN:
            thaw(self)
        result = _bare(self)
        if self.requires_grad:
            result._broken = broken("detach() at")
        result._owner = owner_of_view(self)
        return result

    def numpy(self) -> np.ndarray:
        """A read-only view of the array. Raises DtypeError where the tensor requires grad: detach it first."""
        if self.requires_grad:
            raise DtypeError(
                describe(
                    f"{label(self)} requires grad: as a plain array its gradient would be lost",
                    where=here(),
                    fix=_STAY_TENSORS,
                    code="plain-array-of-tracked-tensor",
                )
            )
        view: np.ndarray = self._data.view()
        view.setflags(write=False)
        if self._owner is None and self._node is None:
            self._owner = SHARED
        return view

    @property
    def _mask(self) -> Any:
        """What np.ma asks for beside `_data`, which would lose the gradient: `np.ma.exp(t)`, `masked * t`."""
        if self.requires_grad:
            what = f"{label(self)} requires grad: np.ma works with plain numbers, and its gradient would be lost"
            fix = "masked.filled(0.0) * x, np.exp(x) and tg.where(mask, x, y) keep the gradient"
            raise DtypeError(describe(what, where=here(), fix=fix, code="plain-array-of-tracked-tensor"))
        return np.ma.nomask

    def __array__(self, dtype: DTypeLike | None = None, copy: bool | None = None) -> np.ndarray:
        if self.requires_grad:
            called = _numpy_function()
            why, fix = "np.asarray, np.array and other libraries ask for the plain numbers", _STAY_TENSORS
            if called:
                why = f"np.{called} makes an array of it, or of a list, before it asks what is in it"
                fix = f"tg.{called}(…) in place of np.{called}(…) keeps the gradient; tg.stack([x, y]) that of a list"
            what = f"{label(self)} requires grad: as a plain array its gradient would be lost"
            raise DtypeError(describe(what, where=here(), why=why, fix=fix, code="plain-array-of-tracked-tensor"))
        array = self.numpy()
        if dtype is not None and array.dtype != np.dtype(dtype):
            return array.astype(dtype)
        return array.copy() if copy else array

    def item(self, *index: Any) -> Any:
        """The value of a tensor with one element, or of the one at `index`, as a Python number.

        index   one whole number counts through all elements, as many as there are axes name a place

        Raises ShapeError for more elements without an index, IndexingError for one that is not there.
        """
        if index:
            return self._item_at(index[0] if len(index) == 1 and isinstance(index[0], tuple) else index)
        if self._data.size != 1:
            raise ShapeError(
                describe(
                    f"item() needs one element, not {self._data.size} of shape {self.shape}",
                    where=here(),
                    tensor=label(self),
                    fix=".tolist() gives nested lists; .sum(), .mean() or x[i] one element",
                    code="not-one-element",
                )
            )
        return self._data.item()

    def _item_at(self, index: tuple[Any, ...]) -> Any:
        try:
            return self._data.item(*index)
        except (IndexError, ValueError, TypeError) as error:
            what = f"item{index if len(index) > 1 else f'({index[0]})'}: {error}"
            raise IndexingError(describe(what, where=here(), tensor=label(self), code="index-does-not-fit")) from None

    def tolist(self) -> Any:
        """The values as nested lists of Python numbers."""
        return self._data.tolist()

    def __float__(self) -> float:
        if self.requires_grad:
            self._must_not_vanish(sys._getframe(1))
        return float(self.item())

    def __int__(self) -> int:
        if self.requires_grad:
            self._must_not_vanish(sys._getframe(1))
        return int(self.item())

    __trunc__ = __int__

    def _must_not_vanish(self, frame: FrameType) -> None:
        """Raise where nobody wrote `float(t)`, but `array[i] = t`, or gave `t` to a function of NumPy's."""
        file = frame.f_code.co_filename
        if storing(frame) or (file.startswith(_NUMPY) and not file.endswith("arrayprint.py")):
            raise DtypeError(
                describe(
                    f"{label(self)} requires grad: as an element of a plain array its gradient would be lost",
                    where=here(),
                    fix="values = [] and tg.stack(values), or an array that is a Tensor: out = tg.zeros(n), out[i] = x",
                    code="plain-array-of-tracked-tensor",
                )
            )

    def __bool__(self) -> bool:
        if self._data.size != 1:
            raise ShapeError(
                describe(
                    f"the truth of a tensor of shape {self.shape} is ambiguous",
                    where=here(),
                    tensor=label(self),
                    why="if, while, and, or, not ask for one truth",
                    fix="(x > 0).any() or .all(); tg.where(mask, x, y) chooses for each element",
                    code="not-one-element",
                )
            )
        return bool(self._data.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iu" or self._data.ndim:
            raise DtypeError(
                describe(
                    f"only a 0-d integer tensor is an index, not {self.dtype} of shape {self.shape}",
                    where=here(),
                    fix="int(x), if it is one whole number",
                    code="index-not-whole-numbers",
                )
            )
        return int(self._data)

    def __repr__(self) -> str:
        numbers = np.array2string(self._data, separator=", ", prefix="Tensor(")
        facts = "" if self.dtype == _default_dtype or self.dtype.kind in "bi" else f", dtype={self.dtype}"
        facts += ", requires_grad=True" if self.requires_grad else ""
        facts += f", name={self.name!r}" if self.name else ""
        return f"Tensor({numbers}{facts})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __copy__(self: _T) -> _T:
        if not self.requires_grad:
            return type(self)(self._data, name=self.name)
        result = _bare(self)  # another handle on the same leaf or computed value
        result._node, result._owner = self._node, self._owner
        return result

    def __deepcopy__(self: _T, memo: dict[int, Any]) -> _T:
        if not self.is_leaf:
            raise GradientError(
                describe(
                    "only leaves can be copied deeply", where=here(), fix="copy.deepcopy(x.detach())", code="not-a-leaf"
                )
            )
        return type(self)(self._data, requires_grad=self.requires_grad, name=self.name)

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        """A pickle holds the value, the name and whether a gradient is wanted; no graph and no gradient."""
        if not self.is_leaf:
            raise GradientError(
                describe("only leaves can be pickled", where=here(), fix="pickle.dumps(x.detach())", code="not-a-leaf")
            )
        return _unpickled, (type(self), self._numbers(), self.requires_grad, self.name)


def _unpickled(kind: type[_T], data: np.ndarray, requires_grad: bool, name: str | None) -> _T:
    return kind(data, requires_grad=requires_grad, name=name)


class Registration:
    """What registering a hook gives: `.remove()`, or calling it, undoes it; `with` does at the end of the block."""

    def __init__(self, remove: Callable[[], None]) -> None:
        self._undo: Callable[[], None] | None = remove

    def remove(self) -> None:
        """Undo the registration; a second time does nothing."""
        undo, self._undo = self._undo, None
        if undo is not None:
            undo()

    __call__ = remove

    def __enter__(self) -> Registration:
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()


_STAY_TENSORS = (
    "x.detach().numpy() for the numbers; np.exp(x), x @ a and, for lists, tg.stack([x, y]) keep the gradient"
)
_NUMPY = os.path.dirname(np.__file__) + os.sep


def _numpy_function() -> str:
    """The function of NumPy, written in Python, that asks for plain numbers now and that exists here too; or ""."""
    frame, called = sys._getframe(2), None
    while frame is not None and frame.f_code.co_filename.startswith(_NUMPY):
        called, frame = frame, frame.f_back  # type: ignore[assignment]
    if called is None:
        return ""
    code, part = called.f_code, "linalg." if "linalg" in called.f_globals["__name__"] else ""
    theirs = inspect.unwrap(getattr(np.linalg if part else np, code.co_name, None))  # type: ignore[arg-type]
    ours = sys.modules["tinygrad_edu"]
    known = hasattr(ours.linalg if part else ours, code.co_name) and not code.co_name.startswith(("fill_", "put"))
    return part + code.co_name if known and getattr(theirs, "__code__", None) is code else ""


def broken(how: str) -> tuple[str, CodeType, int]:
    """The note on a value whose history ends here, and the user's line; its text is made when somebody asks."""
    frame = user_frame()
    return how, frame.f_code, frame.f_lasti


def _bare(x: _T) -> _T:
    """Another handle on the array of `x`, without a node."""
    result: _T = object.__new__(type(x))
    result._data = x._data
    result._node = result._owner = result._broken = None
    return result


def to_array(value: Any) -> np.ndarray:
    """`value` as an array of numbers. Raises DtypeError for anything else, ShapeError for ragged lists."""
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):
        raise DtypeError(
            describe(
                "a tensor has no mask: the masked numbers would take part in everything",
                where=here(),
                found=shortened(value.tolist()),
                fix="a.filled(0.0) for the numbers, and tg.where(np.ma.getmaskarray(a), …) or where= for the mask",
                code="matrix-or-masked-array",
            )
        )
    try:
        array = np.asarray(value)
    except ValueError:
        raise ShapeError(
            describe(
                "nested lists of unequal lengths make no tensor",
                where=here(),
                found=shortened(value),
                fix="make the short ones longer, or keep a list of tensors",
                code="unequal-nesting",
            )
        ) from None
    if array.dtype.kind not in "fiubc":
        raise DtypeError(
            describe(
                f"a tensor holds numbers; {type(value).__name__} gives an array of {array.dtype}",
                where=here(),
                found=shortened(value),
                fix="numbers, an array of numbers, or nested lists of them",
                code="not-numbers",
            )
        )
    return array


def shortened(value: Any) -> str:
    """A value for an error: its first characters, and no address."""
    text = repr(value)
    if " at 0x" in text:
        return f"an object of type {type(value).__name__}"
    return text if len(text) < 60 else f"{text[:56]} …"


def to_dtype(dtype: DTypeLike) -> np.dtype[Any]:
    """`dtype` as NumPy's dtype of numbers. Raises DtypeError for what is none."""
    try:
        found: np.dtype[Any] = np.dtype(dtype)
        why = f"{found} holds no numbers"
    except TypeError as error:
        found, why = np.dtype(object), str(error)
    if found.kind not in "fiubc":
        known = "float, np.float32, 'float64', int, bool …"
        raise DtypeError(
            describe(f"{dtype!r} is no dtype of numbers", where=here(), why=why, fix=known, code="unknown-dtype")
        )
    return found


def must_be_floating(data: np.ndarray, what: str) -> np.ndarray:
    """`data`, or DtypeError where its dtype can't have a gradient."""
    if data.dtype.kind == "c":
        raise DtypeError(
            describe(
                f"{what}: complex numbers have no derivative here",
                where=here(),
                fix="the real and the imaginary part as two real tensors",
                code="complex-gradient",
            )
        )
    if data.dtype.kind != "f":
        raise DtypeError(
            describe(
                f"{what}: an array of {data.dtype} has no derivative",
                where=here(),
                why="gradients are fractions; integers can't hold them",
                fix="Tensor(a.astype(float), requires_grad=True)",
                code="integers-have-no-gradient",
            )
        )
    return data


def must_be_real(value: Handle, what: str) -> None:
    """Raise GradientError for complex numbers where those of a derivative are wanted."""
    if value.dtype.kind == "c":
        what, fix = f"{what} of complex numbers doesn't fit real ones", "value.real, if that is meant"
        raise GradientError(describe(what, where=here(), given=label(value), fix=fix, code="complex-gradient"))


def must_be_callable(function: Any, what: str, fix: str) -> None:
    """Raise DtypeError, which says what is needed, where `function` can't be called."""
    if not callable(function):
        found = f"{what}, not {type(function).__name__}"
        raise DtypeError(describe(found, where=here(), fix=fix, code="not-callable"))


def _holds_tracked(value: Any) -> bool:
    return any(
        (isinstance(v, Handle) and v.requires_grad) or (isinstance(v, list | tuple) and _holds_tracked(v))
        for v in value
    )
