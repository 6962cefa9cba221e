"""Reverse mode: order the recorded nodes, walk them once, apply one rule per input that needs it.

Cotangents live in a dictionary of the call, never on nodes, so a second backward is right. Nothing here
recurses. Must not know networks or pictures.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import heappop, heappush, heappushpop
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_edu.errors import GradientError, MatrixError, ShapeError, describe
from tinygrad_edu.memory import label, only_view
from tinygrad_edu.node import Leaf, Node, Origin, here, keep_gradient, last_write, node_site, recording, site_of, state
from tinygrad_edu.op import ELEMENTWISE, Op, Rule
from tinygrad_edu.ops.elementwise import positive
from tinygrad_edu.ops.shape import sum_to
from tinygrad_edu.tensor import Tensor, as_tensor, set_backward, tensor_of_node, tensor_on
from tinygrad_edu.watch import is_looked_at, look_for_stretching

Cotangents = dict[Node, Any]

_ONE = {char: np.ones((), char) for char in "fd"}  # where nearly every backward starts; making one takes 1 µs
_by_index = attrgetter("index")


# --- order ---------------------------------------------------------------------------------------------------


def recorded_nodes(roots: Iterable[Node], stop: Collection[Node] = ()) -> tuple[list[Node], list[Leaf]]:
    """The computed nodes that `roots` depend on, newest first, and the leaves that require grad.

    At a node in `stop` the search ends, as at a leaf.
    """
    nodes: list[Node] = []
    leaves: list[Leaf] = []
    stack = [root for root in roots if root.requires_grad]
    seen = set(stack)
    for root in stack[:]:
        if root.op is None:
            leaves.append(root)  # type: ignore[arg-type]
            stack.remove(root)
    while stack:
        node = stack.pop()
        if stop and node in stop:
            continue
        inputs = node.inputs
        if inputs is None:
            raise _freed(node)
        nodes.append(node)
        for parent in inputs:
            if parent.requires_grad and parent not in seen:
                seen.add(parent)
                if parent.op is None:
                    leaves.append(parent)  # type: ignore[arg-type]
                else:
                    stack.append(parent)
    nodes.sort(key=_by_index, reverse=True)
    return nodes, leaves


def _freed(node: Node) -> GradientError:
    return GradientError(
        describe(
            "this graph was freed and can't be used again",
            where=here(),
            op=f"{node.op.name} at {node_site(node)}" if node.op else "",
            freed=f"by backward(retain_graph=False) at {node.params['freed']}",
            fix="backward() without retain_graph=False keeps the graph as long as its output",
            code="freed-graph",
        )
    )


def _needed(nodes: list[Node], wanted: Iterable[Node]) -> set[Node]:
    """Of `nodes` (newest first) and the wanted ones: those through which the wanted ones are reached."""
    needed = set(wanted)
    for node in reversed(nodes):
        if node not in needed and any(parent in needed for parent in node.inputs):
            needed.add(node)
    return needed


# --- one node ------------------------------------------------------------------------------------------------


def fitted(cotangent: Any, node: Node, parent: Node) -> Any:
    """What a rule gave, summed back to the input's shape where broadcasting stretched it, in the input's dtype."""
    value = parent.out
    if cotangent.shape != value.shape:
        if node.op.kind is not ELEMENTWISE:  # type: ignore[union-attr]
            raise _wrong_rule(node, f"it gave a cotangent of shape {cotangent.shape} for an input of {value.shape}")
        cotangent = sum_to(cotangent, value.shape)
    if cotangent.dtype != value.dtype:
        if cotangent.dtype.kind == "c":
            raise through_complex_numbers(node)
        cotangent = cotangent.astype(value.dtype)
    return cotangent


def through_complex_numbers(node: Node) -> GradientError:
    """The error for a derivative that comes to complex numbers: the rules here are those of real ones."""
    return GradientError(
        describe(
            f"the derivative leads through complex numbers, which have none here: {node.op.name if node.op else ''}",
            where=here(),
            made=node_site(node),
            fix="the real and the imaginary part as two real tensors, or x.detach() before",
            code="complex-gradient",
        )
    )


def _watched(watchers: Any, rule: Rule, node: Node, position: int, g: Any, out: Any, args: list[Any]) -> Any:
    """What a rule gives, under the eyes of the watchers, which themselves compute unwatched."""
    now = state()
    now.watchers = ()
    try:
        start = time.perf_counter()
        cotangent = fitted(rule(g, out, *args, **node.params), node, node.inputs[position])
        seconds = time.perf_counter() - start
        for watcher in watchers:
            watcher.backward(node, position, g, cotangent, seconds)
    finally:
        now.watchers = watchers
    return cotangent


def run_hooks(node: Node, g: Any) -> Any:
    """The complete cotangent of `node` after its hooks have seen it, and perhaps replaced it."""
    for hook in node.hooks:
        if hook is not keep_gradient:
            given = _own(g) if isinstance(g, Tensor) else tensor_on(np.array(g))
            replaced = hook(given)
            if replaced is not None:
                new = as_tensor(replaced)
                if new.shape != given.shape:
                    what = f"a gradient hook gave shape {new.shape} for a gradient of shape {given.shape}"
                    raise ShapeError(
                        describe(
                            what,
                            where=here(),
                            tensor=label(tensor_of_node(node)),
                            hook=getattr(hook, "__name__", repr(hook)),
                            fix="return a gradient of the tensor's shape, or None to leave it as it is",
                            code="wrong-shape-returned",
                        )
                    )
                g = new if isinstance(g, Tensor) else new._data.astype(given.dtype)
    return g


def _wrong_rule(node: Node, why: str) -> GradientError:
    name = node.op.name if node.op else "?"
    return GradientError(describe(f"the rule of {name} is wrong", where=node_site(node), why=why, code="wrong-rule"))


# --- the sweep -----------------------------------------------------------------------------------------------


def sweep(
    nodes: list[Node],
    cotangents: Cotangents,
    wanted: Collection[Node] = (),
    create_graph: bool = False,
    visit: Callable[[Node, Any], None] | None = None,
    free: bool = False,
) -> Cotangents:
    """Carry cotangents from outputs to inputs along `nodes` (newest first); gives those of the leaves.

    With `wanted` nodes it goes only where they are reached, and their cotangents stay in the result. With
    `create_graph` everything is a Tensor and recorded; otherwise everything is an array. `visit(node, g)` sees
    the complete cotangent of every computed node. `free` lets go of each node's inputs and output on the way.
    """
    with np.errstate(all="ignore"):  # derivatives may be infinite; detect_anomaly() is the tool that looks
        try:
            _carry_through(nodes, cotangents, wanted, create_graph, visit, free)
        except np.linalg.LinAlgError as error:
            raise _placed(error) from None
    return cotangents


def _placed(error: np.linalg.LinAlgError) -> MatrixError:
    """The error of a rule that has no value here, with the lines of the op and of the backward that asked for it."""
    loop = error.__traceback__.tb_next.tb_frame  # type: ignore[union-attr]  # that of the loop which called the rule
    node: Node = loop.f_locals["node"]
    op: Op = node.op  # type: ignore[assignment]
    what = str(error).splitlines()[0]
    return MatrixError(
        describe(
            f"{op.name} has no derivative here" if what == "Singular matrix" else what,
            where=here(),
            made=f"by {op.name} at {node_site(node)}",
            why="the matrix is singular" if what == "Singular matrix" else "the value is there, but it is not smooth",
            code="no-derivative-there",
        )
    )


def _carry_through(
    nodes: list[Node],
    cotangents: Cotangents,
    wanted: Collection[Node],
    create_graph: bool,
    visit: Callable[[Node, Any], None] | None,
    free: bool,
) -> None:
    """Carry cotangents along `nodes`: arrays or Tensors, everywhere or to the wanted nodes, watched or not."""
    needed = _needed(nodes, wanted) if wanted else None
    for node in nodes:
        g = cotangents.get(node) if node in wanted else cotangents.pop(node, None)
        if g is None:
            continue
        if node.hooks:
            g = run_hooks(node, g)
            if node in wanted:
                cotangents[node] = g
        if visit is not None:
            visit(node, g)
        _carry(node, g, cotangents, needed, create_graph)
        if free:
            _let_go(node)


def _descend(root: Node, start: Any, kept: set[int]) -> tuple[Cotangents, list[Leaf]]:
    """What ordering the nodes and then `_carry_through` do for plain arrays, in one pass: every step of a training.

    Gives the cotangents of the leaves, and the leaves in the order in which they were met. Computed nodes whose
    cotangent may still grow wait in a heap, the newest first; in a chain there is only the one that follows. One and
    two inputs are written out: 0.7 µs a node instead of 1.9.
    """
    leaves: list[Leaf] = []
    waiting: list[tuple[int, Node]] = []
    cotangents: Cotangents = {root: start}
    take, seen = cotangents.pop, cotangents.get
    written = last_write()
    node, following = root, None
    while True:
        inputs = node.inputs
        if inputs is None:
            raise _freed(node)
        if node.index < written:  # so far every node was newer than any write to a leaf
            check_saved_values(*recorded_nodes([root]))
            written = 0
        g = take(node)
        if node.hooks:
            g = run_hooks(node, g)
            if keep_gradient in node.hooks:
                _deposit(node, g, kept)
        op: Op = node.op  # type: ignore[assignment]
        direct = op.direct
        if direct == 2:
            x, y = inputs
            rule_x, rule_y = op.vjps
            out, params, a, b = node.out, node.params, x.out, y.out
            if x.requires_grad and rule_x is not None:
                cotangent = rule_x(g, out, a, b, **params) if params else rule_x(g, out, a, b)
                if cotangent.shape != a.shape or cotangent.dtype is not a.dtype:
                    cotangent = fitted(cotangent, node, x)
                before = seen(x)
                if before is not None:
                    cotangents[x] = before + cotangent
                else:
                    cotangents[x] = cotangent
                    if x.op is None:
                        leaves.append(x)  # type: ignore[arg-type]
                    elif following is None:
                        following = x
                    else:
                        heappush(waiting, (-x.index, x))
            if y.requires_grad and rule_y is not None:
                cotangent = rule_y(g, out, a, b, **params) if params else rule_y(g, out, a, b)
                if cotangent.shape != b.shape or cotangent.dtype is not b.dtype:
                    cotangent = fitted(cotangent, node, y)
                before = seen(y)
                if before is not None:
                    cotangents[y] = before + cotangent
                else:
                    cotangents[y] = cotangent
                    if y.op is None:
                        leaves.append(y)  # type: ignore[arg-type]
                    elif following is None:
                        following = y
                    else:
                        heappush(waiting, (-y.index, y))
        elif direct == 1:
            (x,) = inputs
            (rule_x,) = op.vjps
            params, a = node.params, x.out
            if rule_x is not None:  # the input requires grad, or the node would not have been recorded
                cotangent = rule_x(g, node.out, a, **params) if params else rule_x(g, node.out, a)
                if cotangent.shape != a.shape or cotangent.dtype is not a.dtype:
                    cotangent = fitted(cotangent, node, x)
                before = seen(x)
                if before is not None:
                    cotangents[x] = before + cotangent
                else:
                    cotangents[x] = cotangent
                    if x.op is None:
                        leaves.append(x)  # type: ignore[arg-type]
                    elif following is None:
                        following = x
                    else:
                        heappush(waiting, (-x.index, x))
        else:
            new = dict.fromkeys(x for x in inputs if x.requires_grad and x not in cotangents)
            _carry(node, g, cotangents, None, False)
            for x in new:
                if x not in cotangents:
                    continue  # an input without a rule
                if x.op is None:
                    leaves.append(x)  # type: ignore[arg-type]
                else:
                    heappush(waiting, (-x.index, x))
        if following is None:
            if not waiting:
                return cotangents, leaves
            node = heappop(waiting)[1]
        elif waiting:
            node, following = heappushpop(waiting, (-following.index, following))[1], None
        else:
            node, following = following, None


def _let_go(node: Node) -> None:
    """Free what the node holds; whoever comes back to it is told who did."""
    node.inputs = None  # type: ignore[assignment]
    node.params = {"freed": here()}
    node.out = None


def _carry(node: Node, g: Any, cotangents: Cotangents, needed: set[Node] | None, create_graph: bool) -> None:
    """Add to the cotangent of each input that needs it what the rule of that input gives for `g`."""
    op: Op = node.op  # type: ignore[assignment]
    inputs, params, watchers = node.inputs, node.params, state().watchers
    if create_graph:
        out: Any = tensor_of_node(node)
        args = [tensor_of_node(parent) if parent.requires_grad else parent.out for parent in inputs]
    else:
        out = node.out
        args = [parent.out for parent in inputs]
    for position, parent in enumerate(inputs):
        rule = op.vjp(position)
        if rule is None or not parent.requires_grad or (needed is not None and parent not in needed):
            continue
        if watchers:
            cotangent = _watched(watchers, rule, node, position, g, out, args)
        else:
            cotangent = rule(g, out, *args, **params)
        cotangent = fitted(cotangent, node, parent)
        before = cotangents.get(parent)
        cotangents[parent] = cotangent if before is None else before + cotangent


def check_saved_values(nodes: list[Node], leaves: list[Leaf]) -> None:
    """Raise where a leaf was written after a node saved its value and a rule needs that value."""
    if not nodes:
        return
    for watcher in state().watchers:
        watcher.begin_backward(nodes, _rule_reads)
    oldest = nodes[-1].index
    for leaf in leaves:
        if leaf.written < oldest:
            continue
        for node in nodes:
            if node.index < leaf.written and _rule_reads(node, leaf):
                raise GradientError(
                    describe(
                        f"{leaf.name or 'a leaf'} {leaf.out.shape} was written after a recorded op saved its value",
                        saved=f"by {node.op.name} at {node_site(node)}",  # type: ignore[union-attr]
                        changed=f"at {site_of(leaf.written_code, leaf.written_instruction)}",
                        why="the gradient needs the old value, which is gone",
                        fix="call backward before the write, or compute the loss again after it",
                        code="saved-value-written",
                    )
                )


class _OnlyShape:
    """Stands in for an array in a rule: gives its shape and dtype, and stops the rule that reads its numbers."""

    def __init__(self, array: np.ndarray) -> None:
        self.shape, self.dtype, self.ndim, self.size = array.shape, array.dtype, array.ndim, array.size

    def _stop(self, *_: Any, **__: Any) -> Any:
        raise TypeError("the rule reads numbers")

    # Without these NumPy would compare or wrap the object itself, and the rule would go on.
    __eq__ = __ne__ = __bool__ = __array__ = __array_ufunc__ = __array_function__ = _stop
    __hash__ = None  # type: ignore[assignment]


def _rule_reads(node: Node, leaf: Node) -> bool:
    """Whether a rule of `node` reads numbers that lie in the memory of `leaf`."""

    def guarded(array: Any) -> Any:
        shared = isinstance(array, np.ndarray) and np.may_share_memory(array, leaf.out)
        return _OnlyShape(array) if shared else array

    out = guarded(node.out)
    args = [guarded(parent.out) for parent in node.inputs]
    if not isinstance(out, _OnlyShape) and not any(isinstance(arg, _OnlyShape) for arg in args):
        return False
    g = np.zeros(node.out.shape, node.out.dtype)
    for position, parent in enumerate(node.inputs):
        rule = node.op.vjp(position)  # type: ignore[union-attr]
        if parent.requires_grad and rule is not None:
            try:
                with np.errstate(all="ignore"):
                    result = rule(g, out, *args, **node.params)
                if getattr(result, "dtype", None) == np.dtype(object):
                    return True
            except Exception:  # whatever a stopped rule raises, it wanted the numbers
                return True
    return False


# --- what users call -----------------------------------------------------------------------------------------


def backward(
    output: Tensor,
    gradient: Any = None,
    retain_graph: bool = True,
    create_graph: bool = False,
    retain_grads: bool = False,
) -> None:
    """What `Tensor.backward` does; see there."""
    root = root_of(output)
    seed = seed_of(output, gradient)
    now, origin = state(), Origin(root.index)
    kept = {id(seed._data), id(seed._data.base)}
    before, now.recording = now.recording, create_graph
    try:  # not `with recording(create_graph):`, which takes 0.5 µs more
        quick = retain_graph and not (create_graph or retain_grads or now.watchers)
        if not quick or root.op is None or not is_looked_at(root):
            found, leaves = _sweep_in_order(root, seed, kept, create_graph, retain_graph, retain_grads)
        else:
            found, leaves = _sweep_at_once(root, seed._data, kept)
        for leaf in leaves:
            g = found.get(leaf)
            if g is None:
                continue
            if leaf.hooks:
                g = run_hooks(leaf, g)
            if leaf.grad is None and type(g) is np.ndarray and g.base is None and id(g) not in kept:
                kept.add(id(g))  # what `_deposit` does in most cases
                leaf.grad = fresh = tensor_on(g)
                fresh._origin = origin
            else:
                earlier = leaf.grad
                _deposit(leaf, g, kept)
                leaf.grad._origin = origin if earlier is None else origin.added_to(leaf, earlier)
    finally:
        now.recording = before


def _sweep_in_order(
    root: Node, seed: Tensor, kept: set[int], create_graph: bool, retain_graph: bool, retain_grads: bool
) -> tuple[Cotangents, list[Leaf]]:
    """Look through the whole graph, then carry the seed along it; gives the leaves' cotangents, and the leaves."""
    nodes, leaves = recorded_nodes([root])
    check_saved_values(nodes, leaves)
    if nodes:
        look_for_stretching(root, nodes)

    def visit(node: Node, g: Any) -> None:
        if retain_grads and keep_gradient not in node.hooks:
            tensor_of_node(node).retain_grad()
        if keep_gradient in node.hooks:
            _deposit(node, g, kept)

    start = {root: seed if create_graph else _quick(seed._data)}
    return sweep(nodes, start, create_graph=create_graph, visit=visit, free=not retain_graph), leaves


def _sweep_at_once(root: Node, seed: np.ndarray, kept: set[int]) -> tuple[Cotangents, list[Leaf]]:
    """What `_sweep_in_order` gives, where nobody looks on: a step of a training."""
    with np.errstate(all="ignore"):
        try:
            return _descend(root, _quick(seed), kept)
        except np.linalg.LinAlgError as error:
            raise _placed(error) from None
        except Exception:
            recorded_nodes([root])  # raises where the graph was freed: its values are gone, and rules fail on nothing
            raise


def _quick(seed: np.ndarray) -> Any:
    """A number as a NumPy scalar: ufuncs take it faster."""
    return seed if seed.ndim else seed[()]


set_backward(backward)


def _own(g: Tensor) -> Tensor:
    """A handle of its own on a gradient: writing to one gradient must change no other, and no cotangent given."""
    return positive(g) if g.is_leaf else tensor_on(g._data, g._node)


def _deposit(node: Node, g: Any, kept: set[int]) -> None:
    """Add a complete cotangent to the gradient kept on `node`. The array kept is nobody else's: see `kept`, its ids."""
    before = getattr(node, "grad", None)
    if isinstance(g, Tensor):
        node.grad = _own(g) if before is None else before + g
    elif before is None:
        node.grad = tensor_on(_unshared(g, kept))
    else:
        node.grad = tensor_on(np.asarray(before._data + g))


def _given(seeds: Iterable[Tensor]) -> set[int]:
    """The ids of the arrays that a caller gave as cotangents, whose memory is his."""
    return {number for seed in seeds for number in (id(seed._data), id(seed._data.base))}


def _unshared(g: Any, kept: set[int]) -> np.ndarray:
    """`g` where its memory is nobody else's, else a copy; `kept` has the ids of arrays that somebody else holds.

    A product's cotangent is often a fresh array in another shape: then nobody but the view knows the array below.
    """
    array: np.ndarray = np.asarray(g)
    alone = array.base is None or only_view(array)
    memory = array if array.base is None else array.base
    whole = alone and type(memory) is np.ndarray and memory.base is None and memory.size == array.size
    if not whole or not array.flags.writeable or id(memory) in kept:
        array = memory = array.copy()
    kept.add(id(memory))
    return array


def root_of(output: Tensor) -> Node:
    """The node to start backward from. Raises GradientError, naming the break, where nothing requires grad."""
    node = output._node
    if node is None or not node.requires_grad:
        raise GradientError(
            describe(
                f"{label(output)} doesn't depend on anything that requires grad",
                where=here(),
                broken=break_of(output),
                fix="make the inputs with requires_grad=True, and don't detach them on the way",
                code="no-gradient-path",
            )
        )
    return node


def break_of(output: Tensor) -> str:
    """Where the history of a value ended, as far as that is known."""
    if output._broken is None:
        return "no input had requires_grad=True"
    how, code, instruction = output._broken
    return f"{how} {site_of(code, instruction)}"


def seed_of(output: Tensor, gradient: Any) -> Tensor:
    """The cotangent to start from: what was given, of exactly the output's shape, or 1."""
    if gradient is None:
        if output.size != 1:
            raise GradientError(
                describe(
                    f"backward() needs one number to differentiate, not {output.size}: {label(output)}",
                    where=here(),
                    fix=".sum().backward(), .mean().backward(), or .backward(gradient) with a gradient of this shape",
                    code="not-a-scalar",
                )
            )
        if not output.ndim and output.dtype.char in _ONE:
            return tensor_on(_ONE[output.dtype.char])
        return tensor_on(np.ones(output.shape, output.dtype))
    seed = as_tensor(gradient)
    if seed.shape != output.shape:
        raise ShapeError(
            describe(
                f"the gradient given has shape {seed.shape}, the tensor {output.shape}",
                where=here(),
                fix="they must be equal; np.broadcast_to makes them so",
                code="gradient-shape",
            )
        )
    return seed if seed.dtype == output.dtype else seed.astype(output.dtype)


def gradients(y: Tensor, xs: Tensor | Sequence[Tensor], cotangent: Any = None, create_graph: bool = False) -> Any:
    """Derivatives of `y`, computed already, with respect to leaves or tensors in between; no `.grad` is touched.

    y          a Tensor of one element, or of any shape with `cotangent` of the same shape
    xs         a Tensor, or a list of them
    Returns    a Tensor of the shape of each x (a list for a list), None where y doesn't depend on it

    >>> x = Tensor(3.0, requires_grad=True)
    >>> h = x * x
    >>> gradients(h * x, [x, h])
    [Tensor(27.), Tensor(3.)]
    """
    many = isinstance(xs, list | tuple)
    targets: list[Any] = list(xs) if many else [xs]
    for x in targets:
        if not isinstance(x, Tensor) or not x.requires_grad:
            raise GradientError(
                describe(
                    f"gradients(): {label(x) if isinstance(x, Tensor) else repr(x)} doesn't require grad",
                    where=here(),
                    fix="make it with requires_grad=True before y is computed",
                    code="needs-requires-grad",
                )
            )
    root = root_of(y)
    seed = seed_of(y, cotangent)
    found = pull_back([(root, seed)], [x._node for x in targets], create_graph)
    return found if many else found[0]


def pull_back(
    seeds: list[tuple[Node, Tensor]], wanted: list[Any], create_graph: bool, partial: bool = False
) -> list[Tensor | None]:
    """The sum over the seeds of cotangent · derivative, at each wanted node; None where unconnected.

    `partial` derivatives hold the other wanted nodes fixed: no path goes through one of them to another.

    With `create_graph` the results have a history, else their arrays are nobody else's.
    """
    start: Cotangents = {}
    for root, seed in seeds:
        value: Any = seed if create_graph else seed._data
        start[root] = start[root] + value if root in start else value
    nodes, leaves = recorded_nodes(start, stop=set(wanted) if partial else ())
    check_saved_values(nodes, leaves)
    with recording(create_graph):
        found = sweep(nodes, start, wanted=set(wanted), create_graph=create_graph)
        results = [found.get(node) for node in wanted]
        if create_graph:
            return [None if g is None else _own(g) for g in results]
        kept = _given(seed for _, seed in seeds)
        return [None if g is None else tensor_on(_unshared(g, kept)) for g in results]
