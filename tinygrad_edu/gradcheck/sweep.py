"""A backward pass for the eye: what arrives at each node of a graph from each use of it, and what hooks make of it.

It touches no gradient. Must not know what to look for.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_edu.node import Node, keep_gradient
from tinygrad_edu.reverse import fitted, recorded_nodes, run_hooks
from tinygrad_edu.tensor import Tensor


@dataclass
class Sweep:
    """What a backward pass over a graph saw.

    total     of each node: its complete cotangent, before its hooks
    arrived   at each node: what each use of it contributed
    changed   nodes whose hooks changed the gradient, with what it became
    """

    total: dict[Node, np.ndarray]
    arrived: dict[Node, list[np.ndarray]]
    changed: list[tuple[Node, np.ndarray]]


def sweep_over(outputs: Sequence[Tensor], cotangents: Sequence[np.ndarray]) -> Sweep:
    """A backward pass of its own, that touches no gradient; rules that fail contribute nothing."""
    found = Sweep({}, {}, [])
    for output, cotangent in zip(outputs, cotangents):
        if output._node is not None and output._node.requires_grad:
            _arrive(found, output._node, np.asarray(cotangent, dtype=output.dtype))
    nodes, _ = recorded_nodes(list(found.total))
    with np.errstate(all="ignore"):
        for node in nodes:
            if node not in found.total:
                continue
            g = found.total[node]
            if any(hook is not keep_gradient for hook in node.hooks):
                after = np.asarray(run_hooks(node, g))
                if not np.array_equal(after, g, equal_nan=True):
                    found.changed.append((node, after))
                g = after
            _carry(found, node, g)
    return found


def _arrive(found: Sweep, node: Node, g: np.ndarray) -> None:
    found.arrived.setdefault(node, []).append(g)
    found.total[node] = found.total[node] + g if node in found.total else g


def _carry(found: Sweep, node: Node, g: np.ndarray) -> None:
    assert node.op is not None
    values = [parent.out for parent in node.inputs]
    for position, parent in enumerate(node.inputs):
        rule = node.op.vjp(position)
        if rule is not None and parent.requires_grad:
            try:
                _arrive(found, parent, np.asarray(fitted(rule(g, node.out, *values, **node.params), node, parent)))
            except Exception:  # a rule that fails is a finding of its own
                continue
