"""What users call to differentiate backwards: `backward` adds to `.grad`, `gradients` gives derivatives away.

The sweep itself is in `reverse.py`. Must not know networks or pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import RLock
from typing import Any

import numpy as np

from tinygrad_edu.errors import DtypeError, GradientError, ShapeError, describe
from tinygrad_edu.handle import must_be_real
from tinygrad_edu.memory import label
from tinygrad_edu.node import Node, Origin, here, keep_gradient, recording, site_of, state
from tinygrad_edu.reverse import (
    Cotangents,
    Held,
    deposit,
    given,
    own,
    recorded_nodes,
    run_hooks,
    sweep,
    sweep_at_once,
    unshared,
)
from tinygrad_edu.saved import check_saved_values
from tinygrad_edu.tensor import Tensor, as_tensor, set_backward, tensor_of_node, tensor_on
from tinygrad_edu.watch import is_looked_at, look_for_stretching

_adding = RLock()  # threads may add to the gradient of one leaf; 0.05 µs where nobody waits
_ONE = {char: np.ones((), char) for char in "fd"}  # where nearly every backward starts; making one takes 1 µs


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
    held: Held = []
    before, now.recording = now.recording, create_graph
    try:  # not `with recording(create_graph):`, which takes 0.5 µs more
        quick = retain_graph and not (create_graph or retain_grads or now.watchers)
        if not quick or root.op is None or not is_looked_at(root):
            found: dict[Any, Any] = _sweep_in_order(root, seed, held, create_graph, retain_graph, retain_grads)
        else:
            found = sweep_at_once(root, _quick(seed._data), held)
        for leaf, g in found.items():
            if leaf.hooks:  # all hooks first: one that raises leaves no gradient half added
                found[leaf] = run_hooks(leaf, g)
        with _adding:
            for node, g in held:
                if keep_gradient not in node.hooks:
                    tensor_of_node(node).retain_grad()
                deposit(node, g, kept)
            for leaf, g in found.items():
                if leaf.grad is None and type(g) is np.ndarray and g.base is None and id(g) not in kept:
                    kept.add(id(g))  # what `deposit` does in most cases
                    leaf.grad = fresh = tensor_on(g)
                    fresh._origin = origin
                else:
                    earlier = leaf.grad
                    deposit(leaf, g, kept)
                    leaf.grad._origin = origin if earlier is None else origin.added_to(leaf, earlier)
    finally:
        now.recording = before


def _sweep_in_order(
    root: Node, seed: Tensor, held: Held, create_graph: bool, retain_graph: bool, retain_grads: bool
) -> Cotangents:
    """Look through the whole graph, then carry the seed along it; gives the leaves' cotangents."""
    nodes, leaves = recorded_nodes([root])
    check_saved_values(nodes, leaves)
    if nodes:
        look_for_stretching(root, nodes)

    def visit(node: Node, g: Any) -> None:
        if retain_grads or keep_gradient in node.hooks:
            held.append((node, g))

    start = {root: seed if create_graph else _quick(seed._data)}
    return sweep(nodes, start, create_graph=create_graph, visit=visit, free=not retain_graph)


def _quick(seed: np.ndarray) -> Any:
    """A number as a NumPy scalar: ufuncs take it faster."""
    return seed if seed.ndim else seed[()]


set_backward(backward)


def root_of(output: Any) -> Node:
    """The node to start backward from. Raises GradientError, naming the break, where nothing requires grad."""
    if not isinstance(output, Tensor):
        what = f"a gradient is that of a Tensor, not of {type(output).__name__}"
        fix = "the result of tensor operations; float() and .item() leave the graph"
        raise DtypeError(describe(what, where=here(), fix=fix, code="not-a-tensor"))
    node: Node | None = output._node
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
        if not output._data.ndim and (one := _ONE.get(output._data.dtype.char)) is not None:
            return tensor_on(one)
        if output.size != 1:
            raise GradientError(
                describe(
                    f"backward() needs one number to differentiate, not {output.size}: {label(output)}",
                    where=here(),
                    fix=".sum().backward(), .mean().backward(), or .backward(gradient) with a gradient of this shape",
                    code="not-a-scalar",
                )
            )
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
    if output.dtype.kind != "c":
        must_be_real(seed, "a gradient")
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
    y._must_be_one()
    seed = seed_of(y, cotangent)
    seed._must_be_one()
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
            return [None if g is None else own(g) for g in results]
        kept = given(seed for _, seed in seeds)
        return [None if g is None else tensor_on(unshared(g, kept)) for g in results]
