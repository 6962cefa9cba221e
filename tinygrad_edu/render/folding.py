"""Showing less of a graph: closed modules as one card each, alike ones in a row as one, or the cone of one card.

Knows graphs; must not know how a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from tinygrad_edu.cards import Box, Card
from tinygrad_edu.graph import Graph

FEWEST_ALIKE = 6  # closed modules in a row that are drawn as one
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
        return new_ids[last[goes_into.get(old, old)]] if goes_into.get(old, old) in last else old

    cards = []
    for old in in_order:
        key = goes_into.get(old, old)
        card = closed_card(graph, graph.box_by_id[key], members[key]) if key != old else graph.by_id[old]
        operands = tuple(new_id(o) if isinstance(o, str) else o for o in card.operands)
        cards.append(replace(card, id=new_ids[old], operands=operands, box=_outside(graph, card.box, shutter)))
    return replace(
        graph,
        cards=tuple(cards),
        boxes=tuple(box for box in graph.boxes if box.id not in shutter),
        focus=new_id(graph.focus) if graph.focus else "",
        partly=frozenset(map(new_id, graph.partly)),
    )


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


def closed_card(graph: Graph, box: Box, members: list[Card]) -> Card:
    """The card that stands for a closed box: its outputs, called on what comes in from outside."""
    inside = {card.id for card in members}
    result = graph.result.id
    outputs = [
        card
        for card in members
        if card.id == result or any(arrow.target not in inside for arrow in graph.arrows_from[card.id])
    ]
    shown = (outputs or members)[-1]
    given = {card.id for card in graph.outside if card.kind in ("parameter", "constant")}  # they belong to the module
    incoming = dict.fromkeys(i for card in members for i in card.inputs if i not in inside and i not in given)
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
        slope_formulas=(),
        bytes_held=sum(card.bytes_held for card in members),
        box=box.parent,
        site=box.site,
        note="" if box.kind == "loss" else box.label,
        nodes_inside=len(members),
        parameters_inside=tuple(card.shape for card in members if card.kind == "parameter"),
        closes=box.id,
    )


# --- modules that repeat ---------------------------------------------------------------------------------------


def roll(graph: Graph) -> Graph:
    """`graph` with one card in place of each row of six or more closed modules that are alike."""
    rows = rows_alike(graph)
    if not rows:
        return graph
    row_of = {card.id: row for row in rows for card in row}
    kept = [card for card in graph.cards if card.id not in row_of or card is row_of[card.id][-1]]
    new_ids = {card.id: f"n{number}" for number, card in enumerate(kept)}

    def renamed(card: Card, id: str) -> Card:
        operands = tuple(new_ids.get(o, o) if isinstance(o, str) else o for o in card.operands)
        return replace(card, id=id, operands=operands)

    cards = [renamed(rolled_card(row_of[card.id]) if card.id in row_of else card, new_ids[card.id]) for card in kept]
    last_of = {card.id: row[-1].id for row in rows for card in row}

    def new_id(old: str) -> str:
        return new_ids[last_of.get(old, old)]

    return replace(
        graph,
        cards=tuple(cards),
        focus=new_id(graph.focus) if graph.focus else "",
        partly=frozenset(map(new_id, graph.partly)),
    )


def rows_alike(graph: Graph) -> list[list[Card]]:
    """Rows of six or more closed modules: each computed from the one before in the same way, used by the next alone."""
    rows: list[list[Card]] = []
    row_ending_in: dict[str, list[Card]] = {}
    for card in graph.cards:
        if not card.nodes_inside:
            continue
        for before in card.inputs:
            row = row_ending_in.get(before)
            if row is not None and _alike(row[-1], card) and _follows(graph, row, card):
                row.append(card)
                del row_ending_in[before]
                row_ending_in[card.id] = row
                break
        else:
            row_ending_in[card.id] = [card]
            rows.append(row_ending_in[card.id])
    return [row for row in rows if len(row) >= FEWEST_ALIKE]


def _alike(a: Card, b: Card) -> bool:
    same = ("note", "nodes_inside", "parameters_inside", "shape", "dtype", "box")
    return all(getattr(a, name) == getattr(b, name) for name in same)


def _follows(graph: Graph, row: Sequence[Card], card: Card) -> bool:
    """Whether `card` takes the last of the row where that takes the one before, and the same of everything else."""
    last = row[-1]
    if {arrow.target for arrow in graph.arrows_from[last.id]} != {card.id} or last.id in graph.partly:
        return False
    if len(row) == 1:
        return len(card.operands) == len(last.operands) and card.inputs.count(last.id) == 1
    before = row[-2].id
    return card.operands == tuple(last.id if operand == before else operand for operand in last.operands)


def rolled_card(row: Sequence[Card]) -> Card:
    """One card for a row: it takes what the first takes and gives what the last gives."""
    first, last = row[0], row[-1]
    same = next((i for i, (a, b) in enumerate(zip(first.op, last.op)) if a != b), 0)
    while same and last.op[same - 1].isdigit():
        same -= 1
    return replace(
        last,
        op=f"{first.op}…{last.op[same:]}",
        operands=first.operands,
        note=f"{last.note} × {len(row)}".lstrip(),
        nodes_inside=sum(card.nodes_inside for card in row),
        parameters_inside=tuple(shape for card in row for shape in card.parameters_inside),
        bytes_held=sum(card.bytes_held for card in row),
        times=len(row),
    )


# --- the cone of one card --------------------------------------------------------------------------------------


def cone(graph: Graph, id: str) -> Graph:
    """The part of `graph` that the card was computed from, and that was computed from it."""
    kept = {id}
    for card in reversed(graph.cards):
        if card.id in kept:
            kept.update(card.inputs)
    after = {id}
    for card in graph.cards:
        if not after.isdisjoint(card.inputs):
            after.add(card.id)
    kept |= after
    cards = [card for card in graph.cards if card.id in kept]
    new_ids = {card.id: f"n{number}" for number, card in enumerate(cards)}
    for card in cards:
        for operand in card.inputs:
            new_ids.setdefault(operand, f"outside-{operand}")

    def renamed(card: Card) -> Card:
        operands = tuple(new_ids.get(o, o) if isinstance(o, str) else o for o in card.operands)
        return replace(card, id=new_ids[card.id], operands=operands)

    uses, around = graph.arrows_from, _around(graph, cards)
    return replace(
        graph,
        cards=tuple(map(renamed, cards)),
        boxes=tuple(box for box in graph.boxes if box.id in around),
        focus=new_ids[id],
        outside=tuple(renamed(card) for card in graph.cards if card.id in new_ids and card.id not in kept),
        partly=frozenset(
            new_ids[card.id] for card in cards if any(arrow.target not in kept for arrow in uses[card.id])
        ),
    )


def _around(graph: Graph, cards: Iterable[Card]) -> set[str]:
    """The boxes around any of the cards."""
    found: set[str] = set()
    for card in cards:
        box = card.box
        while box is not None and box not in found:
            found.add(box)
            box = graph.box_by_id[box].parent
    return found
