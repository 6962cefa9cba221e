"""Whether a value that a recorded op saved was overwritten since: the check that every reverse pass starts with."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import GradientError, describe
from tinygrad_edu.node import Leaf, Node, here, node_site, state


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
                        where=here(),
                        saved=f"by {node.op.name} at {node_site(node)}",  # type: ignore[union-attr]
                        changed=f"at {leaf.written_at}",
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
