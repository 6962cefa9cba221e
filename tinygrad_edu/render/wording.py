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
LONGEST_FORMULA = 20  # characters of a local derivative on an arrow


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


def facts(graph: Graph, depth: int | None, saved: bool = False) -> list[str]:
    """Lines about the whole graph: how large it is, what is hidden, what to beware of."""
    counts = [plural(graph.node_count, "node")]
    if graph.parameter_shapes:
        counts.append(parameters(graph.parameter_shapes))
    if saved:
        counts.append(f"{bytes_text(sum(card.bytes_held for card in graph.cards))} saved for backward")
    lines = [" · ".join(counts)]
    closed = sum(card.times for card in graph.cards if card.nodes_inside)
    hidden = [f"only what {graph.by_id[graph.focus].name} comes from and goes into"] if graph.focus else []
    if closed:
        hidden.append(f"{plural(closed, 'module')} closed" + _how_to_open(graph, closed, depth))
    if hidden:
        shown = sum(1 for card in graph.cards if card.computed and not card.nodes_inside)
        lines.append(f"{shown:,} of {plural(graph.operations, 'operation')} shown ({'; '.join(hidden)})")
    return lines + list(graph.notes)


def _how_to_open(graph: Graph, closed: int, depth: int | None) -> str:
    rolled = ", alike ones in one card" if any(card.times > 1 for card in graph.cards) else ""
    if depth is None:
        return rolled
    return f"{rolled}; depth={depth + 1} opens {'it' if closed == 1 else 'them'}"


def bytes_text(count: int) -> str:
    """`48 B`, `1.2 kB`, `3.4 MB`.

    >>> bytes_text(999), bytes_text(12_544), bytes_text(1_500_000)
    ('999 B', '12.5 kB', '1.5 MB')
    """
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if size >= 1000:
            size, unit = size / 1000, larger
    return f"{size:.1f}".removesuffix(".0") + f" {unit}"


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
    """What stands on an arrow between scalars: `∂t1/∂a = b = −3`; without its left side where two run side by side."""
    target = graph.by_id[arrow.target]
    slope = target.slopes[arrow.position] if target.slopes else None
    if slope is None:
        return ""
    formula = target.slope_formulas[arrow.position] if target.slope_formulas else ""
    sides = [] if target.inputs.count(arrow.source) > 1 else [f"∂{target.name}/∂{graph.by_id[arrow.source].name}"]
    sides += [formula] if 0 < len(formula) <= LONGEST_FORMULA else []
    return " = ".join([*sides, number_text(slope)])


def paths_text(graph: Graph, card: Card) -> str:
    """The gradient of a scalar card as the sum over its paths: `= (−8)·(−3) + (−8)·1 : two paths, add them`."""
    leaving = graph.arrows_from[card.id]
    if card.grad is None or not leaving or (card.computed and len(leaving) == 1) or card.id in graph.partly:
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
