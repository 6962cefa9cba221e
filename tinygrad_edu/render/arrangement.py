"""What stands where in a picture: the longest way, and the given values beside their ops.

Knows graphs; must not know sizes in pixels or how a picture is drawn.
"""

from __future__ import annotations

from tinygrad_edu.cards import Card
from tinygrad_edu.graph import Graph

MOST_BESIDE = 2  # given values that stand on the rank of their op


def depths(graph: Graph) -> dict[str, int]:
    """For each card, how many computed cards the longest way to it has."""
    found: dict[str, int] = {}
    for card in graph.cards:
        found[card.id] = card.computed + max((found.get(i, 0) for i in card.inputs), default=0)
    return found


def spine(graph: Graph, depth: dict[str, int]) -> set[str]:
    """The longest way to the result: these cards stand on a straight line."""
    cards: set[str] = set()
    card: Card | None = graph.result
    while card is not None and card.computed and card.id not in cards:
        cards.add(card.id)
        longest = max(card.inputs, key=lambda i: depth.get(i, 0), default=None)
        card = graph.by_id[longest] if longest is not None else None
    return cards


def beside(graph: Graph) -> dict[str, str]:
    """Which given values stand on the rank of the op that uses them, and which op that is."""
    if graph.scalar:
        return {}  # the numbers on the arrows need the room between the ranks
    places: dict[str, str] = {}
    count: dict[str, int] = {}
    for card in graph.cards:
        leaving = graph.arrows_from[card.id]
        if card.computed or card.kind == "input" or len(leaving) != 1:
            continue
        user = leaving[0].target
        count[user] = count.get(user, 0) + 1
        if count[user] <= MOST_BESIDE and graph.by_id[user].box == card.box:
            places[card.id] = user
    return places
