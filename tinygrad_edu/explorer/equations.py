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
    weights = {card.id: given for card in graph.cards if (given := _weights(graph, card))}
    if not weights:
        return {}
    before_a_layer = _before(graph, [i for layer in weights for i in graph.by_id[layer].inputs])
    found: dict[Arrow, str] = {}
    of_layers = set(weights)
    for layer, given in weights.items():
        found |= {arrow: "BP4" if arrow.source in given else "BP2" for arrow in graph.arrows_to[layer]}
        z = _after(graph, graph.by_id[layer])
        if z is not None and z.op == "add" and (biases := _given(graph, z)):
            found |= {arrow: "BP3" for arrow in graph.arrows_to[z.id] if arrow.source in biases}
            of_layers.add(z.id)
            z = _after(graph, z)
        if z is not None and _is_activation(graph, z):
            found |= dict.fromkeys(graph.arrows_to[z.id], "BP2" if z.id in before_a_layer else "BP1")
            of_layers.add(z.id)
    of_the_cost = [card for card in graph.cards if card.id not in before_a_layer | of_layers]
    arrows = (arrow for card in of_the_cost for arrow in graph.arrows_to[card.id])
    return found | {arrow: "BP1" for arrow in arrows if graph.by_id[arrow.source].computed}


def _weights(graph: Graph, card: Card) -> list[str]:
    """The parameters that a card multiplies by something computed or given.

    Of single numbers, w · a is a layer only if it goes on into a neuron's function: else it may be any product.
    """
    if card.op not in ("matmul", "multiply") or len(card.inputs) != 2:
        return []
    given = _given(graph, card)
    if len(given) != 1:
        return given[1:] if card.op == "matmul" else []
    if card.op == "multiply":
        z = _after(graph, card)
        z = _after(graph, z) if z is not None and z.op == "add" else z
        return given if card.shape == () and z is not None and z.op in NEURONS else []
    return given


def _given(graph: Graph, card: Card) -> list[str]:
    """The parameters among what a card is computed from."""
    return [i for i in card.inputs if graph.by_id[i].kind in GIVEN]


def _after(graph: Graph, card: Card) -> Card | None:
    """The only card that uses this one."""
    leaving = graph.arrows_from[card.id]
    return graph.by_id[leaving[0].target] if len(leaving) == 1 else None


def _is_activation(graph: Graph, card: Card) -> bool:
    """Whether the card is a layer's function and not the beginning of the cost: a loss has a box of its own."""
    box = graph.box_by_id.get(card.box or "")
    of_one = card.elementwise and len(card.operands) == 1 and card.op != "square"
    return of_one and card is not graph.result and (box is None or box.kind != "loss")


def _before(graph: Graph, cards: list[str]) -> set[str]:
    """These cards, and all that they are computed from."""
    found: set[str] = set()
    while cards:
        card = cards.pop()
        if card not in found:
            found.add(card)
            cards.extend(graph.by_id[card].inputs)
    return found
