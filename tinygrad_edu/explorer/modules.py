"""The modules of a graph as a page opens and closes them: a card for each when it is closed, and what is inside.

Ids stay the same whatever is open: n0, n1, … of the cards of the whole graph, and c3 for the card of the closed box b3.
Knows graphs; must not know how a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cached_property

from tinygrad_edu.cards import Box, Card
from tinygrad_edu.graph import Graph
from tinygrad_edu.render.folding import GIVEN, close_deeper_than, closed_card, levels, rolled_card, rows_alike


class Modules:
    """The boxes of `graph` that a page can open and close.

    whole     the whole graph. A row of modules that are alike stands in a box of its own, so that it is one card
              when that is closed; what the user gave stands outside of the boxes that are closed at first
    opened    the boxes that are open in the picture, before any script runs
    wanted    the boxes that are open when the page is there: the same ones, or more
    parent    for each box, the box around it; boxes that aren't drawn are none
    members   for each box, the cards of the whole graph in it
    closed    for each box, the card that stands for it when it is closed; its operands are cards of the whole graph
    """

    def __init__(self, graph: Graph, depth: int | None, rolled: bool, wanted: int | None = 1) -> None:
        """`depth` as for `draw`, None where all modules are open; `rolled` says whether rows at that depth are.

        wanted   the same for when the page is there, where that is more
        """
        of = levels(graph)
        deepest = max(of.values(), default=0)
        depth, wanted = (deepest + 1 if number is None else number for number in (depth, wanted))
        self.opened = {box for box, level in of.items() if 0 < level < depth}
        self.wanted = {box for box, level in of.items() if 0 < level < max(depth, wanted)}
        for level in range(deepest, depth - rolled, -1):  # a row moves what is in it one level down
            graph = _with_rows(graph, level)
        level_of = levels(graph)
        self.wanted |= {box.parent for box in graph.boxes if box.id in self.wanted and box.parent is not None}
        drawn = [box for box in graph.boxes if level_of[box.id]]
        self.parent = {box.id: box.parent if box.parent and level_of[box.parent] else None for box in drawn}
        self.whole = self._with_given_outside(graph)
        self.home = {card.id: card.box if card.box in self.parent else None for card in self.whole.cards}
        self.place = {card.id: place for place, card in enumerate(self.whole.cards)}
        self.members: dict[str, list[Card]] = {box: [] for box in self.parent}
        for card in self.whole.cards:
            for around in self.around(self.home[card.id]):
                self.members[around].append(card)
        rows = {box.id: sum(b.parent == box.id for b in drawn) for box in drawn if box.kind == "row"}
        self.closed: dict[str, Card] = {}
        for box in drawn:
            card = closed_card(self.whole, box, self.members[box.id])
            self.closed[box.id] = replace(card, id=closed_id(box.id), times=rows.get(box.id, 1))
            self.place[closed_id(box.id)] = self.place[self.members[box.id][-1].id]

    def _with_given_outside(self, graph: Graph) -> Graph:
        def outside(box: str | None) -> str | None:
            while box in self.parent and box not in self.opened:
                box = self.parent[box]
            return box

        cards = (replace(card, box=outside(card.box)) if card.kind in GIVEN else card for card in graph.cards)
        return replace(graph, cards=tuple(cards))

    def around(self, box: str | None) -> Iterable[str]:
        """The box and all around it, the innermost first."""
        while box is not None:
            yield box
            box = self.parent[box]

    @cached_property
    def at_first(self) -> Graph:
        """What is shown at first."""
        stands_for = {}
        for card in self.whole.cards:
            shut = [box for box in self.around(self.home[card.id]) if box not in self.opened]
            stands_for[card.id] = closed_id(shut[-1]) if shut else card.id
        shown = dict.fromkeys(stands_for.values())
        cards = [self.card(id) for id in sorted(shown, key=self.place.__getitem__)]
        boxes = tuple(box for box in self.whole.boxes if box.id in self.opened or box.id not in self.parent)
        return replace(self.whole, cards=tuple(_with_operands(card, stands_for) for card in cards), boxes=boxes)

    def card(self, id: str) -> Card:
        """A card of the whole graph, or that of a closed box."""
        return self.closed[box_of(id)] if id.startswith("c") else self.whole.by_id[id]

    @property
    def hidden(self) -> list[str]:
        """The boxes that are closed at first, and those inside them."""
        return [box for box in self.parent if not self.opened.issuperset(self.around(box))]

    def inside(self, box: str) -> Graph:
        """What is inside of a box, with the boxes in it closed, between cards that stand for what is outside."""
        stands_for: dict[str, str] = {}
        for card in self.members[box]:
            chain = list(self.around(self.home[card.id]))
            inner = chain[: chain.index(box)]
            stands_for[card.id] = closed_id(inner[-1]) if inner else card.id
        keys = sorted(dict.fromkeys(stands_for.values()), key=self.place.__getitem__)
        cards = [replace(_with_operands(self.card(key), stands_for), box=box) for key in keys]
        incoming = dict.fromkeys(i for card in cards for i in card.inputs if i not in stands_for.values())
        before = [
            replace(self.whole.by_id[i], kind="input", op="", operands=(), box=None, nodes_inside=0) for i in incoming
        ]
        leaving = dict.fromkeys(
            stands_for[card.id]
            for card in self.members[box]
            if any(arrow.target not in stands_for for arrow in self.whole.arrows_from[card.id])
        )
        after = [
            replace(self.card(id), id=f"to{id}", kind="operation", op="use", operands=(id,), box=None, nodes_inside=0)
            for id in leaving
        ]
        frame = replace(self.whole.box_by_id[box], parent=None, bare=False)
        return replace(self.whole, cards=(*before, *cards, *after), boxes=(frame,))


def closed_id(box: str) -> str:
    """The id of the card that stands for a box: c3 for b3."""
    return f"c{box[1:]}"


def box_of(card: str) -> str:
    """The box that the card of that id stands for."""
    return f"b{card[1:]}"


def _with_operands(card: Card, stands_for: dict[str, str]) -> Card:
    operands = tuple(stands_for.get(o, o) if isinstance(o, str) else o for o in card.operands)
    return replace(card, operands=operands)


def _with_rows(graph: Graph, level: int) -> Graph:
    """The graph with a box around each row of boxes at that level that are alike."""
    around: dict[str, str] = {}
    before: dict[str, Box] = {}
    for row in rows_alike(close_deeper_than(graph, level)):
        boxes = [graph.box_by_id[card.closes] for card in row]
        alike = rolled_card(row)
        id = f"b{len(graph.boxes) + len(before)}"
        name = f"{boxes[0].name}…{boxes[-1].name[len(_common(boxes[0].name, boxes[-1].name)) :]}"
        before[boxes[0].id] = Box(id, "row", name, alike.op, alike.note, boxes[0].parent, boxes[0].site)
        around |= {box.id: id for box in boxes}
    found: list[Box] = []
    for box in graph.boxes:
        if box.id in before:
            found.append(before[box.id])
        found.append(replace(box, parent=around.get(box.id, box.parent)))
    return replace(graph, boxes=tuple(found))


def _common(a: str, b: str) -> str:
    """What two names begin with, without a number that only begins alike."""
    same = next((i for i, (x, y) in enumerate(zip(a, b)) if x != y), 0)
    while same and b[same - 1].isdigit():
        same -= 1
    return b[:same]
