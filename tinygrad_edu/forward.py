"""Forward mode: carry tangents along the recorded nodes, in the order in which they were computed.

An elementwise rule multiplies by a diagonal, so it serves forward as well as backward; a linear op is its own
derivative. For every other op the tangent is the derivative of its (linear) rule: two passes through the rule,
and again no second formula. Must not know networks or pictures.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.memory import node_of
from tinygrad_edu.node import Mark, Node, recording, state
from tinygrad_edu.op import ELEMENTWISE, Op
from tinygrad_edu.reverse import through_complex_numbers
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_of_node, tensor_on

Tangents = dict[Node, Any]


def push_forward(nodes: list[Node], tangents: Tangents, create_graph: bool) -> Tangents:
    """Tangents of all `nodes` (newest first, as backward has them) from those of some of them or of leaves.

    Everything is a Tensor with a history if `create_graph`, else an array; nodes without a tangent don't move.
    """
    now = state()
    watchers, now.watchers = now.watchers, ()  # they look at whole tangents; rules compute unwatched
    try:
        with np.errstate(all="ignore"), recording(create_graph):
            for node in reversed(nodes):
                total = tangents.get(node)
                for position, parent in enumerate(node.inputs):
                    moved = tangents.get(parent)
                    if moved is not None:
                        change = tangent_through(node, position, moved, create_graph)
                        if change is not None:
                            for watcher in watchers:
                                watcher.tangent(node, position, moved, change)
                            total = change if total is None else total + change
                if total is not None:
                    tangents[node] = total
    finally:
        now.watchers = watchers
    return tangents


def tangent_through(node: Node, position: int, moved: Any, create_graph: bool) -> Any:
    """What `moved`, the tangent of one input, contributes to the tangent of the output."""
    op: Op = node.op  # type: ignore[assignment]
    rule = op.vjp(position)
    if rule is None:
        return None
    if create_graph:
        out: Any = tensor_of_node(node)
        args = [tensor_of_node(parent) if parent.requires_grad else parent.out for parent in node.inputs]
    else:
        out, args = node.out, [parent.out for parent in node.inputs]
    if op.linear:
        arrays = [moved if place == position else arg for place, arg in enumerate(args)]
        return _of_dtype(op.run(*arrays, **node.params), node)
    if op.kind is ELEMENTWISE:
        stretched = moved if moved.shape == node.out.shape else np.broadcast_to(moved, node.out.shape)
        return _of_dtype(rule(stretched, out, *args, **node.params), node)
    return _through_the_rule(node, rule, moved, out, args, create_graph)


def _through_the_rule(node: Node, rule: Any, moved: Any, out: Any, args: list[Any], create_graph: bool) -> Any:
    """The rule is linear in g, g ↦ Jᵀg; so the derivative of ⟨Jᵀg, moved⟩ with respect to g is J·moved."""
    g = tensor_on(np.zeros_like(node.out))
    g._node = Mark(g._data)
    with recording(True):
        pulled = as_tensor(rule(g, out, *args, **node.params))
    if not pulled.requires_grad:
        return None
    (change,) = pull_back([(node_of(pulled), as_tensor(moved))], [g._node], create_graph)
    return None if change is None else change if create_graph else change._data


def _of_dtype(tangent: Any, node: Node) -> Any:
    """The tangent in the dtype of the output."""
    dtype = node.out.dtype
    if tangent.dtype == dtype:
        return tangent if isinstance(tangent, Tensor) else np.asarray(tangent)
    if tangent.dtype.kind == "c" or dtype.kind == "c":
        raise through_complex_numbers(node)
    return tangent.astype(dtype)
