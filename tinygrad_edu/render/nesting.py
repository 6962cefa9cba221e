"""The boxes of a graph, each laid out by itself: what stands in it, its size, and where its lines cross its border.

Inner boxes first; a box is then one item of what is around it. Iterative. Must not know text or colours.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tinygrad_edu.cards import Arrow
from tinygrad_edu.graph import Graph
from tinygrad_edu.render.arrangement import beside
from tinygrad_edu.render.folding import levels
from tinygrad_edu.render.geometry import Point, Rect, Size, Sizes
from tinygrad_edu.render.layered import Item, Net, Placed, place

CARD_GAP = 26.0  # between neighbours on a rank
BESIDE_GAP, STACK_GAP = 28.0, 12.0  # between an op and the given values beside it, and among those
BOX_GAP, BOX_PAD, BOX_HEAD = 24.0, 12.0, 22.0
CARD_TIP, LABEL_TIP, BOX_TIP, PORT_TIP = 30.0, 12.0, 16.0, 12.0  # room for lines before each

Run = tuple[int, int, float]  # a straight piece of a trunk: first and last rank, and where across

# Ends of lines within a level: ("card", id), ("box", id), ("label", arrow), and for what comes in and goes out of
# the level's own box, ("in", id of the card it comes from) and ("out", id of the card it comes from).
End = tuple[str, object]


@dataclass
class Level:
    """What stands directly in one box, or outside of all boxes."""

    box: str | None
    ends: dict[End, int] = field(default_factory=dict)  # the number of each item
    items: list[Item] = field(default_factory=list)
    nets: dict[object, tuple[End, dict[End, None]]] = field(default_factory=dict)  # by source: its end, and its uses
    net_number: dict[object, int] = field(default_factory=dict)
    placed: Placed | None = None
    runs: dict[int, list[Run]] = field(default_factory=dict)  # of the trunk of each net, where it was asked for
    origin: Point = (0.0, 0.0)  # along and across, of the items' corner
    pad: Point = (0.0, 0.0)  # the same, from the corner of the box
    size: Size = (0.0, 0.0)  # of the box, along and across
    head: float = 0.0  # where the text on the box begins, from its left side


class Nest:
    """The levels of a graph, solved from the inside out, and the places of everything in the picture."""

    def __init__(self, graph: Graph, sizes: Sizes, direction: str, leaves: Mapping[str, str] | None = None) -> None:
        """`leaves` are the given values that stand beside their ops, as `beside` says if it is None."""
        self.graph = graph
        self.sizes = sizes
        self.down = direction == "TB"
        self.beside = beside(graph) if leaves is None else leaves
        self.leaves: dict[str, list[str]] = {}
        for leaf, op in self.beside.items():
            self.leaves.setdefault(op, []).append(leaf)
        drawn = {box for box, level in levels(graph).items() if level}
        self.parent: dict[str, str | None] = {
            box.id: box.parent if box.parent in drawn else None for box in graph.boxes if box.id in drawn
        }
        self.home = {card.id: card.box if card.box in drawn else None for card in graph.cards}
        self.level: dict[str | None, Level] = {box: Level(box) for box in (None, *self.parent)}
        self._fill_levels()
        for box in (*reversed(list(self.parent)), None):  # inner boxes come after outer ones
            self._solve(self.level[box])
        for box, around in self.parent.items():
            self._set_origin(self.level[box], self.level[around])

    # --- what each level holds

    def _chain(self, box: str | None) -> list[str | None]:
        """The box and all around it, the innermost first."""
        chain = [box]
        while box is not None:
            box = self.parent[box]
            chain.append(box)
        return chain

    def _fill_levels(self) -> None:
        """Tell each level the ends of the lines that run in it, in the order of the program."""
        chains: dict[str | None, list[str | None]] = {box: self._chain(box) for box in self.level}
        for card in self.graph.cards:
            if card.id in self.beside:
                continue
            home = self.home[card.id]
            for box in reversed(chains[home][:-1]):
                self.level[self.parent[box]].ends.setdefault(("box", box), -1)  # type: ignore[index]
            for arrow in self.graph.arrows_to[card.id]:
                if arrow.source not in self.beside:
                    self._connect(arrow, chains)
            self.level[home].ends.setdefault(("card", card.id), -1)

    def _connect(self, arrow: Arrow, chains: Mapping[str | None, list[str | None]]) -> None:
        source, target = arrow.source, arrow.target
        from_source, from_target = chains[self.home[source]], chains[self.home[target]]
        common = 0
        while common < min(len(from_source), len(from_target)) and from_source[-1 - common] == from_target[-1 - common]:
            common += 1
        outwards, inwards = from_source[: len(from_source) - common], from_target[: len(from_target) - common]
        begin: End = ("card", source)
        for box in outwards:
            self._use(box, source, begin, ("out", source))
            begin = ("box", box)
        last: End = ("card", target) if arrow not in self.sizes.labels else ("label", arrow)
        for box, inner in zip([from_target[len(inwards)], *reversed(inwards)], [*reversed(inwards), None]):
            self._use(box, source, begin, ("box", inner) if inner is not None else last)
            begin = ("in", source)
        if last[0] == "label":
            self._use(self.home[target], arrow, last, ("card", target))

    def _use(self, box: str | None, source: object, begin: End, end: End) -> None:
        level = self.level[box]
        known_begin, uses = level.nets.setdefault(source, (begin, {}))
        uses.setdefault(end)
        level.ends.setdefault(known_begin, -1)
        level.ends.setdefault(end, -1)

    # --- one level

    def _solve(self, level: Level) -> None:
        for number, end in enumerate(level.ends):
            level.ends[end] = number
            level.items.append(self._item(end))
        nets = []
        for number, (source, (begin, uses)) in enumerate(level.nets.items()):
            level.net_number[source] = number
            targets = tuple((level.ends[end], self.meets(end, source)) for end in uses)
            nets.append(Net(level.ends[begin], self.meets(begin, source, leaving=True), targets))
        level.placed = place(level.items, nets, trunks_last=self.down)
        along, across = level.placed.along, level.placed.across
        if level.box is None:
            level.size = (along, across)
            return
        has_in, has_out = (any(end[0] == kind for end in level.ends) for kind in ("in", "out"))
        before, after = (0.0 if has_in else BOX_PAD), (0.0 if has_out else BOX_PAD)
        text = self.sizes.heads[level.box]
        if self.down:
            level.pad = (BOX_HEAD + before, BOX_PAD)
            level.head = self._free_for_head(level, text)
            level.size = (BOX_HEAD + before + along + after, max(across + BOX_PAD, level.head + text) + BOX_PAD)
        else:
            level.pad = (before, BOX_HEAD + BOX_PAD / 2)
            level.head = BOX_PAD
            level.size = (max(before + along + after, text + 2 * BOX_PAD), across + level.pad[1] + BOX_PAD)

    def _free_for_head(self, level: Level, width: float) -> float:
        """Where the text on a box can begin so that no line that comes in from above runs through it."""
        assert level.placed is not None
        lines = sorted(
            BOX_PAD + level.placed.start[number] + level.items[number].across / 2
            for end, number in level.ends.items()
            if end[0] == "in"
        )
        begin = BOX_PAD
        for line in lines:
            if begin + width + BOX_PAD / 2 <= line:
                break
            begin = max(begin, line + BOX_PAD / 2)
        return begin

    def _item(self, end: End) -> Item:
        kind, what = end
        if kind == "card":
            along, across = self._together(str(what))
            return Item(along, across, gap=CARD_GAP, tip=CARD_TIP)
        if kind == "box":
            inner = self.level[str(what)]
            assert inner.placed is not None
            return Item(*inner.size, gap=BOX_GAP, length=inner.placed.length, tip=BOX_TIP)
        if kind == "label":
            assert isinstance(what, Arrow)
            along, across = self.turned(*self.sizes.labels[what])
            return Item(along, across + (8.0 if self.down else 4.0), gap=8.0, length=0, tip=LABEL_TIP)
        return Item(0.0, 6.0, gap=CARD_GAP / 2, length=0, tip=PORT_TIP, end=-1 if kind == "in" else 1)

    def meets(self, end: End, source: object, leaving: bool = False) -> float:
        """Where the line of `source` meets an item, across, from where the item begins."""
        kind, what = end
        if kind == "card":
            return self.within_together(str(what))[1] + self.turned(*self.sizes.cards[str(what)])[1] / 2
        if kind == "box":
            inner = self.level[str(what)]
            assert inner.placed is not None
            port = inner.ends["out" if leaving else "in", source]
            return inner.pad[1] + inner.placed.start[port] + inner.items[port].across / 2
        if kind == "label":
            assert isinstance(what, Arrow)
            return 0.0 if self.down else self.sizes.labels[what][1] + 4.0
        return 3.0

    # --- an op together with the given values beside it

    def turned(self, width: float, height: float) -> Size:
        """A size along and across."""
        return (height, width) if self.down else (width, height)

    def _leaf_block(self, op: str) -> Size:
        """The size of the given values beside an op: above each other, or side by side where ranks go to the right."""
        sizes = [self.turned(*self.sizes.cards[leaf]) for leaf in self.leaves.get(op, ())]
        along = sum(size[0] for size in sizes) + STACK_GAP * max(len(sizes) - 1, 0)
        return along, max((size[1] for size in sizes), default=0.0)

    def _gap_beside(self, op: str) -> float:
        """The room between an op and what stands beside it: more where something stands on the arrows."""
        labels = [
            self.sizes.labels[arrow][0 if self.down else 1] + (18.0 if self.down else 12.0)
            for leaf in self.leaves.get(op, ())
            for arrow in self.graph.arrows_from[leaf]
            if arrow in self.sizes.labels
        ]
        return max([BESIDE_GAP, *labels])

    def _together(self, op: str) -> Size:
        along, across = self.turned(*self.sizes.cards[op])
        if op not in self.leaves:
            return along, across
        block = self._leaf_block(op)
        return max(along, block[0]), across + self._gap_beside(op) + block[1]

    def within_together(self, op: str) -> Point:
        """Where the op stands in that: in the middle along; right of the values, or above them."""
        if op not in self.leaves:
            return 0.0, 0.0
        along, _ = self.turned(*self.sizes.cards[op])
        block = self._leaf_block(op)
        return (max(along, block[0]) - along) / 2, block[1] + self._gap_beside(op) if self.down else 0.0

    # --- from levels to the picture

    def runs(self, level: Level, number: int) -> list[Run]:
        """The trunk of a net in straight pieces: a weight that 1,000 steps share has one, not 1,000 for each step."""
        if number not in level.runs:
            assert level.placed is not None
            runs: list[Run] = []
            for rank, x in level.placed.trunks[number].items():
                if runs and runs[-1][2] == x:
                    runs[-1] = (runs[-1][0], rank, x)
                else:
                    runs.append((rank, rank, x))
            level.runs[number] = runs
        return level.runs[number]

    def corner(self, level: Level, end: End) -> Point:
        """Where an item begins along and across, in the picture. It stands in the middle of its rank."""
        assert level.placed is not None
        number = level.ends[end]
        begin, stop = level.placed.rows[level.placed.rank[number]]
        along = level.origin[0] + begin + (stop - begin - level.items[number].along) / 2
        return along, level.origin[1] + level.placed.start[number]

    def box_corner(self, box: str) -> Point:
        """Where a box begins along and across."""
        return self.corner(self.level[self.parent[box]], ("box", box))

    def _set_origin(self, level: Level, around: Level) -> None:
        along, across = self.corner(around, ("box", level.box))
        level.origin = (along + level.pad[0], across + level.pad[1])

    def rect(self, along: float, across: float, size_along: float, size_across: float) -> Rect:
        """The rectangle that begins there and is so large, as it is drawn."""
        if self.down:
            return Rect(across, along, size_across, size_along)
        return Rect(along, across, size_along, size_across)

    def card_corner(self, card: str) -> Point:
        """Where a card begins along and across; not of a value that stands beside its op."""
        along, across = self.corner(self.level[self.home[card]], ("card", card))
        within = self.within_together(card)
        return along + within[0], across + within[1]

    def card_rects(self) -> dict[str, Rect]:
        """The rectangles of all cards, in their order."""
        rects: dict[str, Rect] = {}
        for card in self.graph.cards:
            if card.id in self.beside:
                continue
            along, across = self.card_corner(card.id)
            size = self.turned(*self.sizes.cards[card.id])
            rects[card.id] = self.rect(along, across, *size)
            block = self._leaf_block(card.id)
            at = along + (size[0] - block[0]) / 2
            for leaf in self.leaves.get(card.id, ()):
                leaf_size = self.turned(*self.sizes.cards[leaf])
                gap = self._gap_beside(card.id)
                begin = across - gap - leaf_size[1] if self.down else across + size[1] + gap
                rects[leaf] = self.rect(at, begin, *leaf_size)
                at += leaf_size[0] + STACK_GAP
        return {card.id: rects[card.id] for card in self.graph.cards}
