"""The words around a picture: title, legend, counts, what is hidden, and the sum over the paths of a card.

Knows graphs; must not know how a picture is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from tinygrad_edu.cards import Arrow, Box, Card
from tinygrad_edu.graph import Graph
from tinygrad_edu.numbers import number_text

COUNTED = ("no", "one", "two", "three", "four", "five", "six")
MOST_TERMS = 4  # of a sum over paths


def legend(graph: Graph, values: bool) -> list[tuple[str, str]]:
    """One sentence that says how to read the picture, in parts: (role, text); a role is text, value or grad."""
    parts = [("text", "every card is one line of code")]
    if graph.scalar and graph.differentiated:
        return [
            ("text", "on an arrow: the local derivative. "),
            ("grad", "grad"),
            ("text", " of a card = sum over its outgoing arrows of (grad at the tip × the number on the arrow)"),
        ]
    if values:
        parts += [("text", "; "), ("value", "value"), ("text", " is what the forward pass computed")]
    if graph.differentiated:
        parts += [("text", ", " if values else "; "), ("grad", "grad")]
        parts += [("text", f" = ∂{graph.result.name}/∂card, what backward() computes, against the arrows")]
    return parts


def facts(graph: Graph, depth: int | None) -> list[str]:
    """Lines about the whole graph: how large it is, what is hidden, what to beware of."""
    counts = [plural(graph.node_count, "node")]
    if graph.parameter_shapes:
        counts.append(parameters(graph.parameter_shapes))
    lines = [" · ".join(counts)]
    closed = sum(1 for card in graph.cards if card.nodes_inside)
    if closed:
        shown = sum(1 for card in graph.cards if card.computed and not card.nodes_inside)
        opens = f"; depth={depth + 1} opens {'it' if closed == 1 else 'them'}" if depth is not None else ""
        lines.append(
            f"{shown:,} of {plural(graph.operations, 'operation')} shown ({plural(closed, 'module')} closed{opens})"
        )
    return lines + list(graph.notes)


def plural(count: int, noun: str) -> str:
    """`1 node`, `1,412 nodes`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def parameters(shapes: Iterable[tuple[int, ...]]) -> str:
    """`13 parameters in 4 tensors`."""
    shapes = list(shapes)
    return f"{plural(sum(map(math.prod, shapes)), 'parameter')} in {plural(len(shapes), 'tensor')}"


def shape_text(shape: tuple[int, ...]) -> str:
    """The shape as NumPy writes it; `scalar` for ()."""
    return str(shape) if shape else "scalar"


def box_text(box: Box) -> str:
    """What stands on a box: `layer1 · Linear(2 → 3) + tanh`."""
    parts = [box.label] if box.kind == "loss" and box.label else [box.name, box.label]
    return " · ".join(dict.fromkeys(part for part in parts if part)) or box.call


def slope_text(graph: Graph, arrow: Arrow) -> str:
    """What stands on an arrow between scalars: `∂t1/∂a = −3`, or the number alone where arrows run side by side."""
    target = graph.by_id[arrow.target]
    slope = target.slopes[arrow.position] if target.slopes else None
    if slope is None:
        return ""
    if target.inputs.count(arrow.source) > 1:
        return number_text(slope)
    return f"∂{target.name}/∂{graph.by_id[arrow.source].name} = {number_text(slope)}"


def paths_text(graph: Graph, card: Card) -> str:
    """The gradient of a scalar card as the sum over its paths: `= (−8)·(−3) + (−8)·1 : two paths, add them`."""
    leaving = graph.arrows_from[card.id]
    if card.grad is None or not leaving or (card.computed and len(leaving) == 1):
        return ""
    terms = []
    for arrow in leaving:
        target = graph.by_id[arrow.target]
        slope = target.slopes[arrow.position] if target.slopes else None
        if slope is None or target.grad is None or target.grad.entries is None:
            return ""
        terms.append(f"{_factor(target.grad.entries.item())}·{_factor(slope)}")
    text = "= " + " + ".join(terms[:MOST_TERMS] + ["…"] * (len(terms) > MOST_TERMS))
    count = COUNTED[len(terms)] if len(terms) < len(COUNTED) else f"{len(terms):,}"
    return text if len(terms) == 1 else f"{text} : {count} paths, add them"


def _factor(value: complex) -> str:
    text = number_text(value)
    return f"({text})" if text.startswith("\N{MINUS SIGN}") else text


def broadcast_text(graph: Graph, arrow: Arrow) -> str:
    """`(3,) → (4, 3)` where the op stretches its operand, else nothing."""
    source, target = graph.by_id[arrow.source], graph.by_id[arrow.target]
    if not target.elementwise or math.prod(source.shape) == math.prod(target.shape):
        return ""
    return f"{shape_text(source.shape)} → {shape_text(target.shape)}"


def unbroadcast_text(graph: Graph, arrow: Arrow) -> str:
    """What backward does there: `sum(g, axis=0)`."""
    source, target = graph.by_id[arrow.source].shape, graph.by_id[arrow.target].shape
    added = len(target) - len(source)
    axes = [axis for axis, side in enumerate(target) if axis < added or source[axis - added] != side]
    return f"sum(g, axis={axes[0] if len(axes) == 1 else tuple(axes)})"
