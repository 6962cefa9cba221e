"""Reverse mode: order the recorded nodes, walk them once, apply one rule per input that needs it.

Cotangents live in a dictionary of the call, never on nodes, so a second backward is right. Nothing here
recurses. What users call is in `autodiff.py`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable
from heapq import heappop, heappush, heappushpop
from operator import attrgetter
from typing import Any

import numpy as np

from tinygrad_edu.errors import GradientError, MatrixError, ShapeError, describe
from tinygrad_edu.handle import must_be_real
from tinygrad_edu.memory import label, only_view
from tinygrad_edu.node import Leaf, Node, here, keep_gradient, last_write, node_site, state
from tinygrad_edu.op import ELEMENTWISE, Op, Rule
from tinygrad_edu.ops.elementwise import positive
from tinygrad_edu.ops.index import add_at, getitem
from tinygrad_edu.ops.shape import sum_to
from tinygrad_edu.saved import check_saved_values
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_of_node, tensor_on

Cotangents = dict[Node, Any]
Held = list[tuple[Node, Any]]  # gradients to keep on computed nodes, once nothing can fail any more

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
            given = own(g) if isinstance(g, Tensor) else tensor_on(np.array(g))
            replaced = hook(given)
            if replaced is not None:
                new = as_tensor(replaced)
                must_be_real(new, "a hook's gradient")
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
                for watcher in state().watchers:
                    watcher.hook(node, hook, given, new)
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


def _placed(error: np.linalg.LinAlgError) -> np.linalg.LinAlgError:
    """The error of a rule that has no value here, with the lines of the op and of the backward that asked for it."""
    loop = error.__traceback__.tb_next  # type: ignore[union-attr]  # of the loop which called the rule, or a hook
    if loop.tb_next is not None and loop.tb_next.tb_frame.f_code is run_hooks.__code__:  # type: ignore[union-attr]
        return error
    node: Node = loop.tb_frame.f_locals["node"]  # type: ignore[union-attr]
    op: Op = node.op  # type: ignore[assignment]
    what = str(error).splitlines()[0]
    return MatrixError(
        describe(
            f"{op.name} has no derivative here" if what == "Singular matrix" else what,
            where=here(),
            made=f"by {op.name.removesuffix('_packed')} at {node_site(node)}",
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
    for place, node in enumerate(nodes):
        g = cotangents.get(node) if node in wanted else cotangents.pop(node, None)
        if g is None:
            continue
        if node.hooks:
            before_hooks = last_write()
            g = run_hooks(node, g)
            if last_write() != before_hooks:  # a hook has written to a leaf whose value may still be needed
                remaining = nodes[place:]
                leaves = {x for n in remaining for x in n.inputs if isinstance(x, Leaf)}
                check_saved_values(remaining, list(leaves))
            if node in wanted:
                cotangents[node] = g
        if visit is not None:
            visit(node, g)
        _carry(node, g, cotangents, needed, create_graph)
        if free:
            _let_go(node)


def _descend(root: Node, start: Any, held: Held) -> Cotangents:
    """What ordering the nodes and then `_carry_through` do for plain arrays, in one pass: every step of a training.

    Gives the cotangents of the leaves: a computed node's is taken out when its turn comes. To `held` go the gradients
    that computed nodes shall keep, if everything goes well. Computed nodes whose cotangent may still grow wait in a
    heap, the newest first; in a chain there is only the one that follows. One and two inputs are written out: 0.7 µs a
    node instead of 1.9. What was read slice by slice, as by a loop over the places of a sequence, gets the gradients of
    its slices in place: zeros of the whole for each slice would take time in proportion to the square of their number.
    """
    waiting: list[tuple[int, Node]] = []
    cotangents: Cotangents = {root: start}
    own_sums: set[Node] = set()  # whose cotangent is an array that only `cotangents` knows, so that parts can be added
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
            before_hooks = last_write()
            g = run_hooks(node, g)
            if keep_gradient in node.hooks:
                held.append((node, g))
            if last_write() != before_hooks:
                check_saved_values(*recorded_nodes([n for n in (node, following, *(w for _, w in waiting)) if n]))
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
                    if x.op is not None:
                        if following is None:
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
                    if y.op is not None:
                        if following is None:
                            following = y
                        else:
                            heappush(waiting, (-y.index, y))
        elif direct == 1:
            (x,) = inputs
            (rule_x,) = op.vjps
            params, a = node.params, x.out
            if op is getitem and x in own_sums and a.ndim:
                add_at(cotangents[x], params["index"], g)
            elif rule_x is not None:  # the input requires grad, or the node would not have been recorded
                cotangent = rule_x(g, node.out, a, **params) if params else rule_x(g, node.out, a)
                if cotangent.shape != a.shape or cotangent.dtype is not a.dtype:
                    cotangent = fitted(cotangent, node, x)
                before = seen(x)
                if before is not None:
                    cotangents[x] = before + cotangent
                else:
                    cotangents[x] = cotangent
                    if x.op is not None:
                        if following is None:
                            following = x
                        else:
                            heappush(waiting, (-x.index, x))
                if op is getitem:
                    own_sums.add(x)
        else:
            new = dict.fromkeys(x for x in inputs if x.requires_grad and x not in cotangents)
            _carry(node, g, cotangents, None, False)
            for x in new:
                if x.op is not None and x in cotangents:  # an input without a rule has none
                    heappush(waiting, (-x.index, x))
        if following is None:
            if not waiting:
                return cotangents
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


@np.errstate(all="ignore")  # as a decorator it takes half of the microsecond that `with` takes
def sweep_at_once(root: Node, start: Any, held: Held) -> Cotangents:
    """Order and sweep the graph of `root` in one pass, where nobody looks on: every step of a training but the first.

    Gives the cotangents of the leaves. To `held` go the gradients that computed nodes shall keep.
    """
    try:
        return _descend(root, start, held)
    except np.linalg.LinAlgError as error:
        raise _placed(error) from None
    except Exception:
        recorded_nodes([root])  # raises where the graph was freed: its values are gone, and rules fail on nothing
        raise


# --- gradients and their memory ------------------------------------------------------------------------------


def own(g: Tensor) -> Tensor:
    """A handle of its own on a gradient: writing to one gradient must change no other, and no cotangent given."""
    return positive(g) if g.is_leaf else tensor_on(g._data, g._node)


def deposit(node: Node, g: Any, kept: set[int]) -> None:
    """Add a complete cotangent to the gradient kept on `node`. The array kept is nobody else's: see `kept`, its ids."""
    before = getattr(node, "grad", None)
    if isinstance(g, Tensor):
        node.grad = own(g) if before is None else before + g
    elif before is None:
        node.grad = tensor_on(unshared(g, kept))
    else:
        node.grad = tensor_on(np.asarray(before._data + g))


def given(seeds: Iterable[Tensor]) -> set[int]:
    """The ids of the arrays that a caller gave as cotangents, whose memory is his."""
    return {number for seed in seeds for number in (id(seed._data), id(seed._data.base))}


def unshared(g: Any, kept: set[int]) -> np.ndarray:
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
