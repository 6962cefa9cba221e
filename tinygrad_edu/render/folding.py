"""Closing modules: a graph in which one card stands for all that a module call did.

Knows graphs; must not know how a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from tinygrad_edu.cards import Box, Card
from tinygrad_edu.graph import Graph

GIVEN = ("input", "target")  # what the user gave stays in view when the module that uses it is closed


def levels(graph: Graph) -> dict[str, int]:
    """How deep each box stands, 1 being outermost; 0 for a box that isn't drawn."""
    level: dict[str, int] = {}
    for box in graph.boxes:
        level[box.id] = 0 if box.bare else 1 + (level[box.parent] if box.parent is not None else 0)
    return level


def close_deeper_than(graph: Graph, depth: int) -> Graph:
    """`graph` with the boxes at level `depth` closed, and all that are inside them."""
    return close(graph, {box for box, level in levels(graph).items() if level == depth})


def close(graph: Graph, closed: Iterable[str]) -> Graph:
    """`graph` with one card in place of each of the given boxes.

    Parameters and constants that nothing else uses go with the module; what is left gets new ids.
    """
    shutter = _shutters(graph, set(closed))
    goes_into = _goes_into(graph, shutter)
    members: dict[str, list[Card]] = {}
    for card in graph.cards:
        members.setdefault(goes_into.get(card.id, card.id), []).append(card)
    last = {key: cards[-1].id for key, cards in members.items()}
    in_order = [card.id for card in graph.cards if last[goes_into.get(card.id, card.id)] == card.id]
    new_ids = {old: f"n{number}" for number, old in enumerate(in_order)}

    def new_id(old: str) -> str:
        return new_ids[last[goes_into.get(old, old)]]

    cards = []
    for old in in_order:
        key = goes_into.get(old, old)
        card = _closed_card(graph, graph.box_by_id[key], members[key]) if key != old else graph.by_id[old]
        operands = tuple(new_id(o) if isinstance(o, str) else o for o in card.operands)
        cards.append(replace(card, id=new_ids[old], operands=operands, box=_outside(graph, card.box, shutter)))
    return replace(graph, cards=tuple(cards), boxes=tuple(box for box in graph.boxes if box.id not in shutter))


def _shutters(graph: Graph, closed: set[str]) -> dict[str, str]:
    """For each box that can't be seen any more: the closed box around it, or itself."""
    shutter: dict[str, str] = {}
    for box in graph.boxes:
        if box.parent in shutter:
            shutter[box.id] = shutter[box.parent]
        elif box.id in closed:
            shutter[box.id] = box.id
    return shutter


def _goes_into(graph: Graph, shutter: dict[str, str]) -> dict[str, str]:
    """The closed box of each card that disappears: of an op by its place, of a given value by all its users."""
    into = {card.id: shutter[card.box] for card in graph.cards if card.computed and card.box in shutter}
    for card in graph.cards:
        if not card.computed and card.kind not in GIVEN:
            homes = {into.get(arrow.target) for arrow in graph.arrows_from[card.id]}
            home = homes.pop() if len(homes) == 1 else None
            if home is not None:
                into[card.id] = home
    return into


def _outside(graph: Graph, box: str | None, shutter: dict[str, str]) -> str | None:
    """`box`, or the innermost box around it that is still open."""
    while box in shutter:
        box = graph.box_by_id[box].parent
    return box


def _closed_card(graph: Graph, box: Box, members: list[Card]) -> Card:
    """The card that stands for a closed box: its outputs, called on what comes in from outside."""
    inside = {card.id for card in members}
    result = graph.result.id
    outputs = [
        card
        for card in members
        if card.id == result or any(arrow.target not in inside for arrow in graph.arrows_from[card.id])
    ]
    shown = (outputs or members)[-1]
    incoming = dict.fromkeys(i for card in members for i in card.inputs if i not in inside)
    return replace(
        shown,
        kind="result" if result in inside else "module",
        name=", ".join(card.name for card in outputs) or shown.name,
        op=box.call,
        formula="",
        elementwise=False,
        operands=tuple(incoming),
        params=(),
        slopes=(),
        box=box.parent,
        site=box.site,
        note="" if box.kind == "loss" else box.label,
        nodes_inside=len(members),
        parameters_inside=tuple(card.shape for card in members if card.kind == "parameter"),
    )
