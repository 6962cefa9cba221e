"""Functions of functions, under JAX's names: grad, vjp, jvp, jacobian, hessian and their like.

Each calls the function on fresh tensors, reads the recorded graph, and touches no `.grad`. They nest in any
order and to any depth, because a derivative that something outside may depend on is recorded itself.
Must not know networks or pictures.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import pull_back, seed_of
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError, describe
from tinygrad_edu.forward import push_forward
from tinygrad_edu.handle import get_default_dtype, must_be_callable, must_be_floating, must_be_real
from tinygrad_edu.node import Mark, here, recording, state
from tinygrad_edu.ops.elementwise import positive
from tinygrad_edu.ops.shape import stack
from tinygrad_edu.reverse import recorded_nodes
from tinygrad_edu.saved import check_saved_values
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on
from tinygrad_edu.watch import is_looked_at, look_for_stretching

Function = Callable[..., Any]
Argnums = int | str | Sequence[int | str]

# --- trees: nested lists, tuples and dicts -------------------------------------------------------------------


def map_tree(function: Callable[..., Any], tree: Any, *others: Any) -> Any:
    """The same lists, tuples and dicts with `function` applied to what they hold; `others` have the same form."""
    if isinstance(tree, dict):
        for other in others:
            if not isinstance(other, dict) or other.keys() != tree.keys():
                raise ShapeError(
                    describe(
                        f"expected a dict with the keys {list(tree)}",
                        where=here(),
                        got=repr(other),
                        code="tree-does-not-match",
                    )
                )
        return {key: map_tree(function, value, *(o[key] for o in others)) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        for other in others:
            if not isinstance(other, list | tuple) or len(other) != len(tree):
                raise ShapeError(
                    describe(
                        f"expected {len(tree)} values, as in {type(tree).__name__}",
                        where=here(),
                        got=repr(other),
                        code="tree-does-not-match",
                    )
                )
        mapped = [map_tree(function, *parts) for parts in zip(tree, *others, strict=True)]
        return type(tree)(*mapped) if hasattr(tree, "_fields") else type(tree)(mapped)
    return function(tree, *others)


def leaves_of(tree: Any) -> list[Any]:
    """What the nested lists, tuples and dicts hold, in order."""
    found: list[Any] = []
    map_tree(found.append, tree)
    return found


# --- marking: the tensors to differentiate by ----------------------------------------------------------------


def _marked(value: Any, marked: list[Tensor]) -> Tensor:
    """A tensor of its own to differentiate by: a fresh leaf, or a recorded copy where `value` has a history itself."""
    tensor = as_tensor(value)
    level = state().level  # inside vmap each sample has its own gradient, of what all samples share too
    if tensor.requires_grad:
        fresh = positive(tensor if level is None else level.spread(tensor))
    else:
        data = tensor._data
        if data.dtype.kind in "iub" and not isinstance(value, np.ndarray | Tensor):
            data = data.astype(get_default_dtype())
        else:
            data = must_be_floating(data, "a transform's argument")
        data = np.array(data)  # a copy: the caller may write to his while `pull` needs ours
        fresh = tensor._like(tensor_on(data))
        fresh = fresh if level is None else level.spread(fresh)
        fresh._node, fresh._owner = Mark(fresh._data), None
    marked.append(fresh)
    return fresh


def _other_way(f: Function, place: Any) -> Any:
    """The name of the argument at a place, or the place of one with this name; `place` itself where f tells none."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):  # what is compiled or can't be called
        return place
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if isinstance(place, str):
        return names.index(place) if place in names else place
    return names[place] if 0 <= place < len(names) else place


def _with_signature_of(f: Function, differentiated: Function) -> Function:
    """The derivative, which tells the arguments of `f`: one of its own finds them by name, too."""
    differentiated.__wrapped__ = f  # type: ignore[attr-defined]
    return differentiated


class _Call:
    """One call of a function with some of its arguments replaced by marked tensors."""

    def __init__(
        self, f: Function, args: Sequence[Any], kwargs: dict[str, Any], argnums: Argnums, has_aux: bool
    ) -> None:
        self.single = not isinstance(argnums, tuple | list)
        self.places: list[Any] = [argnums] if self.single else list(argnums)  # type: ignore[arg-type]
        inside: dict[Any, Any] = {**dict(enumerate(args)), **kwargs}
        self.marked: list[Tensor] = []
        with recording(True):
            self.places = [self._resolved(f, place, inside, len(args)) for place in self.places]
            if len(set(self.places)) < len(self.places):
                raise GradientError(
                    describe(
                        f"argnums {argnums!r} names an argument twice",
                        where=here(),
                        why="its gradient would be split between the two",
                        fix="name it once",
                        code="conflicting-arguments",
                    )
                )
            self.trees = [map_tree(lambda leaf: _marked(leaf, self.marked), inside[place]) for place in self.places]
            self.nodes = [x._node for x in self.marked]  # f may write to its arguments: then the handles have others
            inside.update(zip(self.places, self.trees, strict=True))
            _must_be_function(f)
            positional = [inside.pop(place) for place in range(len(args))]
            result = f(*positional, **inside)
        if has_aux and not (isinstance(result, tuple) and len(result) == 2):
            raise GradientError(
                describe(
                    "with has_aux=True the function must give (value, anything else)",
                    where=here(),
                    code="no-pair-returned",
                )
            )
        self.value: Any = result[0] if has_aux else result
        self.aux: Any = result[1] if has_aux else None
        for leaf in leaves_of(self.value):
            if not isinstance(leaf, Tensor):
                raise GradientError(
                    describe(
                        f"the function gave {type(leaf).__name__}, not a Tensor",
                        where=here(),
                        fix="return the result of tensor operations; float() and .item() leave the graph",
                        code="no-tensor-returned",
                    )
                )
        # Recorded, if something outside may want to differentiate through the derivative.
        self.recorded = state().recording and any(self._reaches_outside(leaf) for leaf in leaves_of(self.value))
        if any(isinstance(part, Tensor) and part.requires_grad for part in leaves_of(self.aux)):
            self.aux = map_tree(self._aux_outside, self.aux)

    @staticmethod
    def _resolved(f: Function, place: Any, inside: dict[Any, Any], count: int) -> Any:
        """The place or the name under which the argument was given, which may be the other of the two."""
        asked = place
        if isinstance(place, int) and place < 0:
            place += count
        if place not in inside:
            place = _other_way(f, place)
        if place not in inside:
            raise GradientError(
                describe(
                    f"there is no argument {asked!r} to differentiate by",
                    given=", ".join(map(repr, inside)),
                    where=here(),
                    code="no-such-argument",
                )
            )
        return place

    def _reaches_outside(self, value: Tensor) -> bool:
        """Whether `value` depends on something that requires grad and was there before the call."""
        if value._node is None or not value.requires_grad:
            return False
        if any(node is not None and not node.is_leaf for node in self.nodes):
            return True
        first = min((node.index for node in self.nodes if node is not None), default=0)
        _, leaves = recorded_nodes([value._node])
        return any(not (isinstance(leaf, Mark) and leaf.index >= first) for leaf in leaves)

    def outside(self, tensor: Tensor) -> Tensor:
        """A result as the caller may have it: with its history only where somebody outside may need it."""
        if self.recorded:
            return tensor
        if tensor.is_leaf:
            return tensor._like(tensor_on(tensor._data.copy()))
        result = tensor.detach()  # its array is the graph's, which `pull` may still need: copied when it is written
        result._broken = None
        return result

    def _aux_outside(self, part: Any) -> Any:
        """A part of the auxiliary result, without the history that ends at the marked tensors."""
        if not isinstance(part, Tensor) or (state().recording and self._reaches_outside(part)):
            return part
        return stop_gradient(part)

    def shaped(self, gradients: Sequence[Any]) -> Any:
        """A flat list of gradients in the form of the arguments."""
        remaining = iter(gradients)
        trees = tuple(map_tree(lambda _: next(remaining), tree) for tree in self.trees)
        return trees[0] if self.single else trees

    def pull(self, cotangents: Any) -> list[Tensor]:
        """Gradients of the marked tensors for cotangents in the form of the value; zeros where unconnected."""
        seeds: list[tuple[Any, Tensor]] = []

        def add(y: Tensor, cotangent: Any) -> None:
            if y.requires_grad:
                seeds.append((y._node, y._spread(seed_of(y, cotangent))))

        map_tree(add, self.value, cotangents)
        return self.pulled(seeds)

    def pulled(self, seeds: list[tuple[Any, Tensor]]) -> list[Tensor]:
        """The same for cotangents of some nodes: the other values need none, which could make 0 · inf."""
        create_graph = self.recorded or (state().recording and any(seed.requires_grad for _, seed in seeds))
        wanted = self.nodes  # what lies before them is not looked at: it may have been freed
        found = pull_back(seeds, wanted, create_graph, partial=True) if seeds else [None] * len(wanted)
        return [
            tensor_on(np.zeros(x.shape, x.dtype)) if g is None else x._like(g)
            for x, g in zip(self.marked, found, strict=True)
        ]

    def push(self, tangents: Sequence[Tensor | None]) -> Any:
        """Tangents of the value, in its form, for tangents of the marked tensors; None keeps one as it is."""
        moving = [(x, node, t) for x, node, t in zip(self.marked, self.nodes, tangents, strict=True) if t is not None]
        create_graph = self.recorded or (state().recording and any(t.requires_grad for _, _, t in moving))
        values = leaves_of(self.value)
        marks = {node for node in self.nodes if node is not None}
        nodes, leaves = recorded_nodes([y._node for y in values if y.requires_grad], stop=marks)
        check_saved_values(nodes, leaves)
        every = [(node, x._spread(t)) for x, node, t in moving if node is not None]
        start = {node: t if create_graph else t._data for node, t in every}
        moved = push_forward([n for n in nodes if n not in start], start, create_graph)

        def tangent(y: Tensor) -> Tensor:
            change = moved.get(y._node) if y._node is not None else None
            if change is None:
                return tensor_on(np.zeros(y.shape, y.dtype))
            return y._like(change if create_graph else tensor_on(np.array(change)))

        return map_tree(tangent, self.value)


def _must_be_function(f: Any) -> None:
    must_be_callable(f, "what is differentiated is a function", "tg.grad(lambda x: (x * x).sum())(x)")


def _scalar(value: Any, what: str) -> Tensor:
    if not isinstance(value, Tensor) or value.size != 1:
        shape = value.shape if isinstance(value, Tensor) else type(value).__name__
        raise GradientError(
            describe(
                f"{what} needs a function with one number as its value, not {shape}",
                where=here(),
                fix="return .sum() or .mean(), or use tg.jacobian or tg.vjp",
                code="not-a-scalar",
            )
        )
    return value


# --- gradients -----------------------------------------------------------------------------------------------


def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """A function that gives `(f(*args), gradient)` for a scalar `f`.

    argnums   the argument to differentiate by, its place or its name; or several (then the gradient is a tuple)
    has_aux   f gives `(value, anything else)`; the result is `((value, anything else), gradient)`

    Arguments are Tensors, arrays, numbers, or lists, tuples and dicts of them; gradients have the same form.
    No `.grad` is touched, and derivatives nest to any order.

    >>> value_and_grad(lambda x: x**3)(2.0)
    (Tensor(8.), Tensor(12.))
    """

    _must_be_function(f)

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        call = _Call(f, args, kwargs, argnums, has_aux)
        value = _scalar(call.value, "grad")
        if value._node is not None and value._node.op is not None and not is_looked_at(value._node):
            marks = {node for node in call.nodes if node is not None}
            look_for_stretching(value._node, recorded_nodes([value._node], stop=marks)[0])
        gradient = call.shaped(call.pull(tensor_on(np.ones(value.shape, value.dtype))))
        outside = call.outside(value)
        return ((outside, call.aux), gradient) if has_aux else (outside, gradient)

    return _with_signature_of(f, differentiated)


def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """A function that gives the gradient of a scalar `f`; arguments as for `value_and_grad`.

    With `has_aux` the result is `(gradient, anything else)`.

    >>> grad(grad(lambda x: x**3))(2.0)
    Tensor(12.)
    """
    both = value_and_grad(f, argnums, has_aux)

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return _with_signature_of(f, differentiated)


def vjp(f: Function, *xs: Any, has_aux: bool = False) -> Any:
    """`(f(*xs), pull)`, where `pull(cotangent)` gives the tuple of cotangents of `xs`: reverse mode.

    The cotangent has the form and shapes of the value. With `has_aux` f gives `(value, anything else)` and the
    result is `(value, pull, anything else)`.

    >>> y, pull = vjp(lambda a, b: a * b, 2.0, 3.0)
    >>> y, pull(1.0)
    (Tensor(6.), (Tensor(3.), Tensor(2.)))
    """
    call = _Call(f, xs, {}, tuple(range(len(xs))), has_aux)

    def pull(cotangent: Any) -> Any:
        return call.shaped(call.pull(cotangent))

    value = map_tree(call.outside, call.value)
    return (value, pull, call.aux) if has_aux else (value, pull)


def jvp(f: Function, xs: Any, ts: Any, has_aux: bool = False) -> Any:
    """`(f(*xs), tangent)`: how the value moves when the arguments move by the tangents `ts`. Forward mode, one pass.

    xs, ts   a tuple or list of arguments and one of tangents of the same form; or one argument and its tangent

    >>> jvp(lambda x: x**3, (2.0,), (1.0,))
    (Tensor(8.), Tensor(12.))
    """
    if not isinstance(xs, tuple | list):
        xs, ts = (xs,), (ts,)
    call = _Call(f, xs, {}, tuple(range(len(xs))), has_aux)
    value = map_tree(call.outside, call.value)
    moved = call.push(_tangents(call, ts))
    return (value, moved, call.aux) if has_aux else (value, moved)


def linearize(f: Function, *xs: Any) -> tuple[Any, Function]:
    """`(f(*xs), push)`, where `push(*tangents)` gives the tangent of the value without calling f again.

    >>> y, push = linearize(lambda x: x**3, 2.0)
    >>> y, push(1.0), push(2.0)
    (Tensor(8.), Tensor(12.), Tensor(24.))
    """
    call = _Call(f, xs, {}, tuple(range(len(xs))), has_aux=False)

    def push(*tangents: Any) -> Any:
        return call.push(_tangents(call, tangents))

    return map_tree(call.outside, call.value), push


def _tangents(call: _Call, given: Any) -> list[Tensor]:
    """The tangents of the marked tensors as Tensors of the same shapes and dtypes."""
    flat: list[Tensor] = []

    def add(x: Tensor, tangent: Any) -> None:
        t = as_tensor(tangent)
        if t.shape != x.shape:
            raise ShapeError(
                describe(
                    f"a tangent has shape {t.shape}, its argument {x.shape}",
                    where=here(),
                    fix="they must be equal",
                    code="gradient-shape",
                )
            )
        must_be_real(t, "a tangent")
        flat.append(t if t.dtype == x.dtype else t.astype(x.dtype))

    map_tree(add, tuple(call.trees), tuple(given))
    return flat


# --- matrices of derivatives ---------------------------------------------------------------------------------


def jacobian(f: Function, argnums: Argnums = 0, mode: str = "auto") -> Function:
    """A function that gives all derivatives of all elements of `f(*args)`: shape `(*value.shape, *argument.shape)`.

    mode   "forward" makes one pass per input element, "reverse" one per output element, "auto" takes the fewer

    For several arguments, or lists and dicts of them, the result has their form; where f gives lists or dicts of
    values it has the form of these, with such a result for each.

    >>> jacobian(lambda x: x * x)([1.0, 2.0])
    Tensor([[2., 0.],
            [0., 4.]])
    """
    if mode not in ("auto", "forward", "reverse"):
        raise DtypeError(
            describe(
                f"mode {mode!r} is unknown", where=here(), fix='"auto", "forward" or "reverse"', code="unknown-choice"
            )
        )

    _must_be_function(f)

    def differentiated(*args: Any, **kwargs: Any) -> Any:
        if isinstance(argnums, int) and -len(args) <= argnums < len(args):
            place = argnums % len(args)
            if isinstance(args[place], list) and not _holds_tree(args[place]):
                args = (*args[:place], as_tensor(args[place]), *args[place + 1 :])
        call = _Call(f, args, kwargs, argnums, has_aux=False)
        values = leaves_of(call.value)
        size_in, size_out = (sum(x.size for x in tensors) for tensors in (call.marked, values))
        forward = mode == "forward" or (mode == "auto" and size_in < size_out)
        blocks = iter(_by_columns(call, values) if forward else [_by_rows(call, value) for value in values])
        return map_tree(lambda _: call.shaped(next(blocks)), call.value)

    return _with_signature_of(f, differentiated)


def _holds_tree(value: Any) -> bool:
    return any(
        isinstance(part, Tensor | np.ndarray | dict) or (isinstance(part, list) and _holds_tree(part)) for part in value
    )


def _unit_vectors(x: Tensor) -> Any:
    for place in range(x.size):
        unit = np.zeros(x.size, x.dtype)
        unit[place] = 1
        yield tensor_on(unit.reshape(x.shape))


def _by_rows(call: _Call, value: Tensor) -> list[Tensor]:
    """One reverse pass per element of one of the values: its derivatives by each marked tensor."""
    units = _unit_vectors(value) if value.requires_grad else ()
    rows = [call.pulled([(value._node, value._spread(unit))]) for unit in units]
    return [
        stack([row[i] for row in rows]).reshape(value.shape + x.shape)
        if rows
        else tensor_on(np.zeros(value.shape + x.shape, x.dtype))
        for i, x in enumerate(call.marked)
    ]


def _by_columns(call: _Call, values: list[Tensor]) -> list[list[Tensor]]:
    """One forward pass per element of the arguments: for each value its derivatives by each marked tensor."""
    blocks: list[list[Tensor]] = [[] for _ in values]
    still: list[Tensor | None] = [None] * len(call.marked)
    for i, x in enumerate(call.marked):
        columns = [leaves_of(call.push([*still[:i], unit, *still[i + 1 :]])) for unit in _unit_vectors(x)]
        for place, value in enumerate(values):
            if columns:
                stacked = stack([column[place] for column in columns], axis=-1)
                blocks[place].append(stacked.reshape(value.shape + x.shape))
            else:
                blocks[place].append(tensor_on(np.zeros(value.shape + x.shape, value.dtype)))
    return blocks


def hessian(f: Function, argnums: int | str = 0) -> Function:
    """A function that gives all second derivatives of a scalar `f`: shape `(*argument.shape, *argument.shape)`.

    >>> hessian(lambda x: (x**3).sum())(np.array([1.0, 2.0]))
    Tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacobian(grad(f, argnums), argnums, mode="forward")


def hvp(f: Function, xs: Any, vs: Any) -> Any:
    """Hessian of a scalar `f` at `xs`, times the vector `vs`, without the Hessian: forward over reverse.

    xs, vs   one argument and a vector of its form, or tuples of several (then the result is a tuple)

    >>> hvp(lambda x: (x**3).sum(), np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    Tensor([ 6., 12.])
    """
    if isinstance(xs, tuple):
        return jvp(grad(f, tuple(range(len(xs)))), xs, vs)[1]
    return jvp(grad(f), (xs,), (vs,))[1]


# --- graphs cut and shortened --------------------------------------------------------------------------------


def stop_gradient(tree: Any) -> Any:
    """The same values as constants, to which no gradient flows; lists, tuples and dicts keep their form.

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    Tensor(3.)
    """
    return map_tree(lambda x: x.detach() if isinstance(x, Tensor) else x, tree)
