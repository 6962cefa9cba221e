"""Where the cards, boxes and arrows of a graph stand. Every box is laid out by itself, and is one item around.

The drawing says how large things are; this says where they go. Two cards never overlap, a box holds its own cards and
no others, and no arrow runs through a card. Iterative, and the same for the same graph. Must not know text or colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from tinygrad_edu.cards import Arrow
from tinygrad_edu.graph import Graph
from tinygrad_edu.render.arrangement import beside
from tinygrad_edu.render.folding import levels
from tinygrad_edu.render.layered import Item, Net, Placed, place

CARD_GAP = 26.0  # between neighbours on a rank
BESIDE_GAP, STACK_GAP = 28.0, 12.0  # between an op and the given values beside it, and among those
BOX_GAP, BOX_PAD, BOX_HEAD = 24.0, 12.0, 22.0
CARD_TIP, LABEL_TIP, BOX_TIP, PORT_TIP = 30.0, 12.0, 16.0, 12.0  # room for lines before each
ENTRY_GAP, ENTRY_MARGIN = 14.0, 14.0  # between arrows that meet a card, and from its corners

Size = tuple[float, float]
Point = tuple[float, float]
Stop = tuple[float, float, float]  # a straight piece of a line: from where to where along, and where across
_Run = tuple[int, int, float]  # a straight piece of a trunk: first and last rank, and where across


@dataclass(frozen=True)
class Rect:
    """A rectangle; x and y are of its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Route:
    """The line of an arrow: through `points`, curved where two neighbours aren't straight above or beside each other.

    horizontal   whether it leaves and arrives horizontally
    label        the upper left corner of what stands on the arrow, if there is anything
    """

    points: tuple[Point, ...]
    horizontal: bool
    label: Point | None = None

    @property
    def end(self) -> Point:
        """The tip."""
        return self.points[-1]

    @cached_property
    def middle(self) -> Point:
        """The middle of the longest piece: a place for a chip."""
        pieces = list(zip(self.points, self.points[1:]))
        a, b = max(pieces, key=lambda piece: abs(piece[1][0] - piece[0][0]) + abs(piece[1][1] - piece[0][1]))
        return (a[0] + b[0]) / 2, (a[1] + b[1]) / 2


@dataclass(frozen=True)
class Layout:
    """Where everything stands, from (0, 0) to (width, height).

    cards, boxes   the rectangles, by id; a box that isn't drawn has none
    heads          where the text on a box begins, by id
    routes         the lines, by arrow
    """

    direction: str
    width: float
    height: float
    cards: Mapping[str, Rect]
    boxes: Mapping[str, Rect]
    heads: Mapping[str, Point]
    routes: Mapping[Arrow, Route]


@dataclass(frozen=True)
class Sizes:
    """How large the drawing makes things: cards by id, the text on boxes by id, what stands on arrows."""

    cards: Mapping[str, Size]
    heads: Mapping[str, float]
    labels: Mapping[Arrow, Size]


# Ends of lines within a level: ("card", id), ("box", id), ("label", arrow), and for what comes in and goes out of
# the level's own box, ("in", id of the card it comes from) and ("out", id of the card it comes from).
End = tuple[str, object]


@dataclass
class _Level:
    """What stands directly in one box, or outside of all boxes."""

    box: str | None
    ends: dict[End, int] = field(default_factory=dict)  # the number of each item
    items: list[Item] = field(default_factory=list)
    nets: dict[object, tuple[End, dict[End, None]]] = field(default_factory=dict)  # by source: its end, and its uses
    net_number: dict[object, int] = field(default_factory=dict)
    placed: Placed | None = None
    runs: dict[int, list[_Run]] = field(default_factory=dict)  # of the trunk of each net
    origin: Point = (0.0, 0.0)  # along and across, of the items' corner
    pad: Point = (0.0, 0.0)  # the same, from the corner of the box
    size: Size = (0.0, 0.0)  # of the box, along and across
    head: float = 0.0  # where the text on the box begins, from its left side


def lay_out(graph: Graph, sizes: Sizes, direction: str) -> Layout:
    """Where the cards, boxes and arrows of `graph` stand, from top to bottom ("TB") or from left to right ("LR")."""
    return _Layouter(graph, sizes, direction).run()


class _Layouter:
    def __init__(self, graph: Graph, sizes: Sizes, direction: str) -> None:
        self.graph = graph
        self.sizes = sizes
        self.down = direction == "TB"
        self.beside = beside(graph)
        self.leaves: dict[str, list[str]] = {}
        for leaf, op in self.beside.items():
            self.leaves.setdefault(op, []).append(leaf)
        drawn = {box for box, level in levels(graph).items() if level}
        self.parent: dict[str, str | None] = {
            box.id: box.parent if box.parent in drawn else None for box in graph.boxes if box.id in drawn
        }
        self.home = {card.id: card.box if card.box in drawn else None for card in graph.cards}
        self.level: dict[str | None, _Level] = {box: _Level(box) for box in (None, *self.parent)}

    def run(self) -> Layout:
        self._fill_levels()
        for box in (*reversed(list(self.parent)), None):  # inner boxes come after outer ones
            self._solve(self.level[box])
        for box, parent in self.parent.items():
            self._set_origin(self.level[box], self.level[parent])
        root = self.level[None]
        cards = self._card_rects()
        routes = self._routes(cards)
        boxes = {box: self._rect(*self._box_corner(box), *self.level[box].size) for box in self.parent}
        heads = {box: (rect.x + self.level[box].head, rect.y) for box, rect in boxes.items()}
        width, height = reversed(root.size) if self.down else root.size
        return Layout("TB" if self.down else "LR", width, height, cards, boxes, heads, routes)

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

    def _solve(self, level: _Level) -> None:
        for number, end in enumerate(level.ends):
            level.ends[end] = number
            level.items.append(self._item(end))
        nets = []
        for number, (source, (begin, uses)) in enumerate(level.nets.items()):
            level.net_number[source] = number
            targets = tuple((level.ends[end], self._meets(end, source)) for end in uses)
            nets.append(Net(level.ends[begin], self._meets(begin, source, leaving=True), targets))
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

    def _free_for_head(self, level: _Level, width: float) -> float:
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
            along, across = self._turned(*self.sizes.labels[what])
            return Item(along, across + (8.0 if self.down else 4.0), gap=8.0, length=0, tip=LABEL_TIP)
        return Item(0.0, 6.0, gap=CARD_GAP / 2, length=0, tip=PORT_TIP, end=-1 if kind == "in" else 1)

    def _meets(self, end: End, source: object, leaving: bool = False) -> float:
        """Where the line of `source` meets an item, across, from where the item begins."""
        kind, what = end
        if kind == "card":
            return self._within_together(str(what))[1] + self._turned(*self.sizes.cards[str(what)])[1] / 2
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

    def _turned(self, width: float, height: float) -> Size:
        """A size along and across."""
        return (height, width) if self.down else (width, height)

    def _leaf_block(self, op: str) -> Size:
        """The size of the given values beside an op: above each other, or side by side where ranks go to the right."""
        sizes = [self._turned(*self.sizes.cards[leaf]) for leaf in self.leaves.get(op, ())]
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
        along, across = self._turned(*self.sizes.cards[op])
        if op not in self.leaves:
            return along, across
        block = self._leaf_block(op)
        return max(along, block[0]), across + self._gap_beside(op) + block[1]

    def _within_together(self, op: str) -> Point:
        """Where the op stands in that: in the middle along; right of the values, or above them."""
        if op not in self.leaves:
            return 0.0, 0.0
        along, _ = self._turned(*self.sizes.cards[op])
        block = self._leaf_block(op)
        return (max(along, block[0]) - along) / 2, block[1] + self._gap_beside(op) if self.down else 0.0

    # --- from levels to the picture

    def _corner(self, level: _Level, end: End) -> Point:
        """Where an item begins along and across, in the picture. It stands in the middle of its rank."""
        assert level.placed is not None
        number = level.ends[end]
        begin, stop = level.placed.rows[level.placed.rank[number]]
        along = level.origin[0] + begin + (stop - begin - level.items[number].along) / 2
        return along, level.origin[1] + level.placed.start[number]

    def _box_corner(self, box: str) -> Point:
        return self._corner(self.level[self.parent[box]], ("box", box))

    def _set_origin(self, level: _Level, around: _Level) -> None:
        along, across = self._corner(around, ("box", level.box))
        level.origin = (along + level.pad[0], across + level.pad[1])

    def _rect(self, along: float, across: float, size_along: float, size_across: float) -> Rect:
        return (
            Rect(across, along, size_across, size_along) if self.down else Rect(along, across, size_along, size_across)
        )

    def _card_corner(self, card: str) -> Point:
        along, across = self._corner(self.level[self.home[card]], ("card", card))
        within = self._within_together(card)
        return along + within[0], across + within[1]

    def _card_rects(self) -> dict[str, Rect]:
        rects: dict[str, Rect] = {}
        for card in self.graph.cards:
            if card.id in self.beside:
                continue
            along, across = self._card_corner(card.id)
            size = self._turned(*self.sizes.cards[card.id])
            rects[card.id] = self._rect(along, across, *size)
            block = self._leaf_block(card.id)
            at = along + (size[0] - block[0]) / 2
            for leaf in self.leaves.get(card.id, ()):
                leaf_size = self._turned(*self.sizes.cards[leaf])
                gap = self._gap_beside(card.id)
                begin = across - gap - leaf_size[1] if self.down else across + size[1] + gap
                rects[leaf] = self._rect(at, begin, *leaf_size)
                at += leaf_size[0] + STACK_GAP
        return {card.id: rects[card.id] for card in self.graph.cards}

    # --- lines

    def _routes(self, cards: Mapping[str, Rect]) -> dict[Arrow, Route]:
        stops = {arrow: self._stops(arrow) for arrow in self.graph.arrows if arrow.source not in self.beside}
        self._spread(stops)
        routes = {}
        arriving: dict[str, list[Arrow]] = {}
        for arrow in self.graph.arrows:
            if arrow in stops:
                label = self._label_corner(arrow) if arrow in self.sizes.labels else None
                routes[arrow] = Route(self._points(stops[arrow]), not self.down, label)
            else:
                arriving.setdefault(arrow.target, []).append(arrow)
        for op, arrows in arriving.items():
            routes.update(self._routes_beside(cards[op], arrows, cards))
        return {arrow: routes[arrow] for arrow in self.graph.arrows}

    def _stops(self, arrow: Arrow) -> list[Stop]:
        """The straight pieces of the line of an arrow, put together from the levels that it runs through."""
        end: End = ("card", arrow.target)
        level = self.level[self.home[arrow.target]]
        source: object = arrow.source
        stops: list[Stop] = []
        if arrow in self.sizes.labels:
            stops = self._piece(level, arrow, end)
            meets = self._corner(level, ("label", arrow))[1] + self._meets(("label", arrow), arrow)
            stops.insert(0, (*self._row(level, ("label", arrow)), meets))
            end = ("label", arrow)
            stops = self._piece(level, source, end)[:-1] + stops
        else:
            stops = self._piece(level, source, end)
        while (begin_end := level.nets[source][0])[0] != "card":
            if begin_end[0] == "in":
                end = ("box", level.box)
                level = self.level[self.parent[str(level.box)]]
                stops = self._piece(level, source, end) + stops
            else:
                row_end = self._row(level, begin_end)[1]
                level = self.level[str(begin_end[1])]
                end = ("out", source)
                inside = self._piece(level, source, end)
                stops = [*inside, (inside[-1][1], row_end, inside[-1][2]), *stops]
        along, across = self._card_corner(arrow.source)
        size = self._turned(*self.sizes.cards[arrow.source])
        row_end = self._row(level, ("card", arrow.source))[1]
        return [(along + size[0], row_end, across + size[1] / 2), *stops]

    def _row(self, level: _Level, end: End) -> Point:
        assert level.placed is not None
        begin, stop = level.placed.rows[level.placed.rank[level.ends[end]]]
        return level.origin[0] + begin, level.origin[0] + stop

    def _piece(self, level: _Level, source: object, end: End) -> list[Stop]:
        """The line within one level from where `source` enters or stands to `end`, without its beginning."""
        placed = level.placed
        assert placed is not None
        number = level.net_number[source]
        begin = placed.rank[level.ends[level.nets[source][0]]]
        last = placed.rank[level.ends[end]]
        along, across = level.origin
        stops: list[Stop] = []
        if number in placed.lanes:
            if last != begin + 1:
                x = across + placed.lanes[number]
                first_row = placed.rows[begin + 1][0] if last > begin else placed.rows[begin][1] + LABEL_TIP
                last_row = placed.rows[last - 1][1] if last > begin else placed.rows[last][0] - LABEL_TIP
                stops.append((along + first_row, along + last_row, x))
        elif last > begin + 1:
            for first, end_rank, x in self._runs(level, number):
                if first >= last:
                    break
                row_end = placed.rows[min(end_rank, last - 1)][1]
                stops.append((along + placed.rows[first][0], along + row_end, across + x))
        corner = self._corner(level, end)
        if end[0] == "card":
            inner = self._within_together(str(end[1]))
            corner = (corner[0] + inner[0], corner[1])
        row_begin, _ = self._row(level, end)
        stops.append((row_begin, corner[0], corner[1] + self._meets(end, source)))
        return stops

    def _runs(self, level: _Level, number: int) -> list[_Run]:
        """The trunk of a net in straight pieces: a weight that 1,000 steps share has one, not 1,000 for each step."""
        if number not in level.runs:
            assert level.placed is not None
            runs: list[_Run] = []
            for rank, x in level.placed.trunks[number].items():
                if runs and runs[-1][2] == x:
                    runs[-1] = (runs[-1][0], rank, x)
                else:
                    runs.append((rank, rank, x))
            level.runs[number] = runs
        return level.runs[number]

    def _spread(self, stops: dict[Arrow, list[Stop]]) -> None:
        """Move the ends of the lines that meet a card apart, and each to where it comes from."""
        arriving: dict[str, list[Arrow]] = {}
        for arrow in stops:
            arriving.setdefault(arrow.target, []).append(arrow)
        for card, arrows in arriving.items():
            begin = self._card_corner(card)[1]
            size = self._turned(*self.sizes.cards[card])[1]
            low, high = begin + ENTRY_MARGIN, begin + size - ENTRY_MARGIN
            if low > high:
                low = high = begin + size / 2
            arrows = sorted(arrows, key=lambda arrow: (stops[arrow][-2][2], arrow.position))
            wishes = [min(max(stops[arrow][-2][2], low), high) for arrow in arrows]
            gap = min(ENTRY_GAP, (high - low) / max(len(arrows) - 1, 1))
            for arrow, x in zip(arrows, _apart(wishes, gap, low, high)):
                row, corner, _ = stops[arrow][-1]
                stops[arrow][-1] = (row, corner, x)

    def _points(self, stops: Sequence[Stop]) -> tuple[Point, ...]:
        """The corners of a line, without those that lie on a straight piece."""
        points: list[Point] = []
        for begin, end, across in stops:
            for along in (begin, end):
                if points and abs(points[-1][1] - across) < 0.5:
                    across = points[-1][1]
                    if len(points) > 1 and points[-2][1] == across:
                        points.pop()
                if not points or points[-1] != (along, across):
                    points.append((along, across))
        return tuple((across, along) if self.down else (along, across) for along, across in points)

    def _label_corner(self, arrow: Arrow) -> Point:
        along, across = self._corner(self.level[self.home[arrow.target]], ("label", arrow))
        return (across + 8.0, along) if self.down else (along, across)

    def _routes_beside(
        self, op: Rect, arrows: Sequence[Arrow], cards: Mapping[str, Rect]
    ) -> Iterable[tuple[Arrow, Route]]:
        """The lines from the given values beside an op into its side."""
        if self.down:
            wishes = [cards[arrow.source].y + cards[arrow.source].height / 2 for arrow in arrows]
            low, high = op.y + ENTRY_MARGIN, op.y + op.height - ENTRY_MARGIN
        else:
            wishes = [cards[arrow.source].x + cards[arrow.source].width / 2 for arrow in arrows]
            low, high = op.x + ENTRY_MARGIN, op.x + op.width - ENTRY_MARGIN
        low, high = min(low, (low + high) / 2), max(high, (low + high) / 2)
        gap = min(ENTRY_GAP, (high - low) / max(len(arrows) - 1, 1))
        meets = _apart([min(max(wish, low), high) for wish in wishes], gap, low, high)
        for arrow, wish, at in zip(arrows, wishes, meets):
            leaf = cards[arrow.source]
            label = self.sizes.labels.get(arrow)
            if self.down:
                points: tuple[Point, ...] = ((leaf.x + leaf.width, wish), (op.x, at))
                corner = (
                    ((leaf.x + leaf.width + op.x - label[0]) / 2 - 3.0, (wish + at) / 2 - label[1] - 3.0)
                    if label
                    else None
                )
            else:
                points = ((wish, leaf.y), (at, op.y + op.height))
                corner = ((wish + at) / 2 + 8.0, (leaf.y + op.y + op.height - label[1]) / 2) if label else None
            yield arrow, Route(points, self.down, corner)


def _apart(wishes: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """The places nearest to the ascending `wishes` that are at least `gap` apart and lie between `low` and `high`."""
    blocks: list[list[float]] = []  # sum of wishes less offsets, how many
    for number, wish in enumerate(wishes):
        blocks.append([wish - number * gap, 1.0])
        while len(blocks) > 1 and blocks[-2][0] / blocks[-2][1] >= blocks[-1][0] / blocks[-1][1]:
            total, count = blocks.pop()
            blocks[-1][0] += total
            blocks[-1][1] += count
    most = high - gap * (len(wishes) - 1)
    places: list[float] = []
    for total, count in blocks:
        begin = min(max(total / count, low), max(most, low))
        places += [begin + gap * (len(places) + i) for i in range(int(count))]
    return places
