"""Where things stand in each box, from the box's own corner: what a page needs to lay the picture out again.

A box is laid out by itself, so what is in it keeps its places whatever is open around it; what is around a box makes
room for it (`layout.js`). Lengths go along the drawing or across it, as in `render/nesting.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinygrad_edu.cards import Arrow
from tinygrad_edu.explorer.modules import Modules, box_of
from tinygrad_edu.graph import Graph
from tinygrad_edu.render.arrangement import beside
from tinygrad_edu.render.face import Face
from tinygrad_edu.render.geometry import Rect
from tinygrad_edu.render.layered import TRUNK
from tinygrad_edu.render.nesting import End, Level, Nest
from tinygrad_edu.render.sizes import CHIP, sizes_of

Chips = Mapping[tuple[str, int], str]  # the texts on arrows, by the card that an arrow goes to and its operand


class Levels:
    """The levels of all boxes of a page.

    nest   what is shown at first, solved
    """

    def __init__(self, modules: Modules, faces: Mapping[str, Face], chips: Chips, direction: str) -> None:
        self.modules, self.faces, self.chips, self.direction = modules, faces, chips, direction
        self.nest = self._nest(modules.at_first)

    def _nest(self, graph: Graph) -> Nest:
        """The graph with its boxes solved."""
        faces = {card.id: self.faces.get(card.id) or self.faces[card.id[2:]] for card in graph.cards}
        # A module that is opened has no place for a value beside it.
        leaves = {leaf: op for leaf, op in beside(graph).items() if not graph.by_id[op].closes}
        labels = labels_in_need(graph, leaves, self.chips, self.direction)
        return Nest(graph, sizes_of(graph, faces, labels), self.direction, leaves)

    def data(self) -> dict[str, Any]:
        """Every level by its box, the one outside of all boxes by an empty text."""
        shown = [None, *(box for box in self.modules.parent if box in self.nest.parent)]
        found = {box or "": self._level(self.nest, box) for box in shown}
        for box in self.modules.hidden:
            found[box] = self._level(self._nest(self.modules.inside(box)), box)
        return found

    def _level(self, nest: Nest, box: str | None) -> dict[str, Any]:
        level = nest.level[box]
        placed = level.placed
        assert placed is not None
        rects = nest.card_rects()
        corner = (level.origin[0] - level.pad[0], level.origin[1] - level.pad[1])

        def begin(rect: Rect) -> list[float]:
            along, across = nest.turned(rect.x, rect.y)
            return [_short(along - corner[0]), _short(across - corner[1])]

        found: dict[str, Any] = {
            "rows": [_short(level.pad[0] + length) for row in placed.rows for length in row],
            "size": [_short(length) for length in level.size],
            "cards": {},
            "leaves": {leaf: [op, *begin(rects[leaf])] for leaf, op in nest.beside.items() if nest.home[op] == box},
            "boxes": {},
            "in": {},
            "out": {},
            "labels": {},
        }
        for end, number in level.ends.items():
            kind, what = end
            rank = placed.rank[number]
            across = _short(level.pad[1] + placed.start[number] + 3.0)
            if kind == "card":
                rect = rects[str(what)]
                if str(what).startswith("c"):
                    found["boxes"][box_of(str(what))] = [
                        rank,
                        *begin(rect),
                        _short(nest.turned(rect.width, rect.height)[1]),
                    ]
                else:
                    found["cards"][what] = [rank, *begin(rect)]
            elif kind == "box":
                inner = nest.rect(*nest.box_corner(str(what)), *nest.level[str(what)].size)
                found["boxes"][what] = [rank, *begin(inner), _short(nest.level[str(what)].size[1])]
            elif kind == "label":
                assert isinstance(what, Arrow)
                meets = nest.corner(level, end)[1] + nest.meets(end, what) - corner[1]
                found["labels"][_key(what)] = [rank, _short(meets)]
            else:
                found[kind][what] = across
        found["trunks"] = {
            _key(source): [[first, last, _short(level.pad[1] + x)] for first, last, x in runs]
            for source, number in level.net_number.items()
            if number not in placed.lanes and (runs := nest.runs(level, number))
        }
        found["lanes"] = {
            _key(source): _short(level.pad[1] + placed.lanes[number])
            for source, number in level.net_number.items()
            if number in placed.lanes
        }
        found["grow"] = self._growing(nest, level, found["boxes"])
        if box is not None:
            found["head"] = _short(level.head)
            found["spine"] = self._spine(found)
        return {key: value for key, value in found.items() if value or key == "rows"}

    def _growing(self, nest: Nest, level: Level, boxes: Mapping[str, Any]) -> list[Any]:
        """The ranks that boxes stand on: how thick the rest is, and in which order lines meet what stands there."""
        placed = level.placed
        assert placed is not None
        ranks = sorted({rank for rank, *_ in boxes.values()})
        nodes: dict[int, list[tuple[float, Any]]] = {rank: [] for rank in ranks}
        rest = dict.fromkeys(ranks, 0.0)
        for end, number in level.ends.items():
            rank = placed.rank[number]
            if rank not in nodes:
                continue
            start = level.pad[1] + placed.start[number]
            what = str(end[1])
            box = box_of(what) if what.startswith("c") else what
            if end[0] in ("card", "box") and box in boxes:
                anchor = self._anchor(nest, level, end, start)
                nodes[rank].append((anchor, box))
            else:
                anchor = start + (nest.meets(end, end[1]) if end[0] == "card" else level.items[number].across / 2)
                nodes[rank].append((anchor, 0))
                rest[rank] = max(rest[rank], level.items[number].along)
        for trunk in placed.trunks:
            for rank, x in trunk.items():
                if rank in nodes:
                    nodes[rank].append((level.pad[1] + x, 0))
        return [
            [rank, _short(rest[rank]), [[_short(x), box] for x, box in sorted(nodes[rank], key=lambda node: node[0])]]
            for rank in ranks
        ]

    def _anchor(self, nest: Nest, level: Level, end: End, start: float) -> float:
        """Where the lines of a box meet it, whether it is open or closed."""
        if end[0] == "card":
            return start + nest.meets(end, end[1])
        inner = nest.level[str(end[1])]
        return start + self._spine(self._ports(inner))

    def _ports(self, level: Level) -> dict[str, Any]:
        assert level.placed is not None
        found: dict[str, Any] = {"in": {}, "out": {}, "size": level.size}
        for end, number in level.ends.items():
            if end[0] in ("in", "out"):
                found[end[0]][end[1]] = level.pad[1] + level.placed.start[number] + TRUNK / 2
        return found

    def _spine(self, level: Mapping[str, Any]) -> float:
        """Where the line that goes through a box does, across: if several do, one that goes straight through it."""
        before, after = (list(level.get(kind, {}).values()) for kind in ("in", "out"))
        straight = [x for x in before if x in after]
        return _short((straight or before or after or [level["size"][1] / 2])[0])


def labels_in_need(
    graph: Graph, leaves: Mapping[str, str], chips: Chips, direction: str
) -> dict[Arrow, tuple[str, str]]:
    """The chips that the layout makes room for: between ranks there is the height of one, but not the width."""
    return {
        arrow: (CHIP, chips[arrow.target, arrow.position])
        for arrow in graph.arrows
        if (arrow.target, arrow.position) in chips and (arrow.source in leaves) == (direction == "TB")
    }


def _key(source: object) -> str:
    """What a line is called: by the card it comes from, or where it begins at a label, by the arrow."""
    return f"{source.target}-{source.position}" if isinstance(source, Arrow) else str(source)


def _short(length: float) -> float:
    """A length to a tenth, without a point where it is whole."""
    return int(length) if length == int(length) else round(length, 1)
