"""Which of the four equations of backpropagation is at work on which arrow of a graph.

A layer is a product with a parameter, `x @ W`, perhaps a bias added to it, perhaps an elementwise function of that.
Knows graphs; must not know modules, so networks written by hand have equations too.
"""

from __future__ import annotations

from tinygrad_edu.cards import Arrow, Card
from tinygrad_edu.graph import Graph

GIVEN = ("parameter", "leaf")
NEURONS = ("sigmoid", "tanh", "relu")


def equations_of(graph: Graph) -> dict[Arrow, str]:
    """BP1, BP2, BP3 or BP4 for every arrow on which one of them carries the gradient back; nothing without layers.

    BP1   from the cost to the weighted input of the last layer
    BP2   through the weights, and through the function of a layer that isn't the last
    BP3   to a bias; BP4 to weights
    """
    found: dict[Arrow, str] = {}
    layers = [card for card in graph.cards if _weights(graph, card)]
    if not layers:
        return found
    last = _before_layers(graph, layers)
    arrows: dict[str, list[Arrow]] = {card.id: [] for card in graph.cards}
    for arrow in graph.arrows:
        arrows[arrow.target].append(arrow)
    of_layers: set[str] = set()
    for card in layers:
        weights = _weights(graph, card)
        found |= {arrow: "BP4" if arrow.source in weights else "BP2" for arrow in arrows[card.id]}
        of_layers.add(card.id)
        z = _after(graph, card)
        if z is not None and z.op == "add" and any(graph.by_id[i].kind in GIVEN for i in z.inputs):
            found |= {arrow: "BP3" for arrow in arrows[z.id] if graph.by_id[arrow.source].kind in GIVEN}
            of_layers.add(z.id)
            z = _after(graph, z)
        if z is not None and z.elementwise and len(z.operands) == 1 and _is_activation(graph, z):
            found |= dict.fromkeys(arrows[z.id], "BP2" if z.id in last else "BP1")
            of_layers.add(z.id)
    for card in graph.cards:
        if card.id not in last and card.id not in of_layers:
            found |= {arrow: "BP1" for arrow in arrows[card.id] if graph.by_id[arrow.source].computed}
    return found


def _weights(graph: Graph, card: Card) -> list[str]:
    """The parameters that a card multiplies by something computed or given.

    Of single numbers, w · a is a layer only if it goes on into a neuron's function: else it may be any product.
    """
    if card.op not in ("matmul", "multiply") or len(card.inputs) != 2:
        return []
    given = [i for i in card.inputs if graph.by_id[i].kind in GIVEN]
    if len(given) != 1:
        return given[1:] if card.op == "matmul" else []
    if card.op == "multiply":
        z = _after(graph, card)
        z = _after(graph, z) if z is not None and z.op == "add" else z
        return given if card.shape == () and z is not None and z.op in NEURONS else []
    return given


def _after(graph: Graph, card: Card) -> Card | None:
    """The only card that uses this one."""
    leaving = graph.arrows_from[card.id]
    return graph.by_id[leaving[0].target] if len(leaving) == 1 else None


def _is_activation(graph: Graph, card: Card) -> bool:
    """Whether the card is a layer's function and not the beginning of the cost: a loss has a box of its own."""
    box = graph.box_by_id.get(card.box or "")
    return card is not graph.result and (box is None or box.kind != "loss") and card.op != "square"


def _before_layers(graph: Graph, layers: list[Card]) -> set[str]:
    """The cards that some layer is computed from, and those layers."""
    before: set[str] = set()
    stack = [i for card in layers for i in card.inputs]
    while stack:
        card = stack.pop()
        if card not in before:
            before.add(card)
            stack.extend(graph.by_id[card].inputs)
    return before
