"""The lines of arrows through solved boxes: straight where ranks are passed, curved only between them.

Lines that meet a card are moved apart. Must not know text or colours.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tinygrad_edu.cards import Arrow
from tinygrad_edu.render.geometry import Point, Rect, Route
from tinygrad_edu.render.nesting import LABEL_TIP, End, Level, Nest

ENTRY_GAP, ENTRY_MARGIN = 14.0, 14.0  # between arrows that meet a card, and from its corners

Stop = tuple[float, float, float]  # a straight piece of a line: from where to where along, and where across


class Router:
    """Routes for all arrows of a nest."""

    def __init__(self, nest: Nest) -> None:
        self.nest = nest

    def routes(self, cards: Mapping[str, Rect]) -> dict[Arrow, Route]:
        """The line of each arrow, in the order of the arrows; `cards` are the rectangles of the cards."""
        stops = {arrow: self._stops(arrow) for arrow in self.nest.graph.arrows if arrow.source not in self.nest.beside}
        self._spread(stops)
        routes = {}
        arriving: dict[str, list[Arrow]] = {}
        for arrow in self.nest.graph.arrows:
            if arrow in stops:
                label = self._label_corner(arrow) if arrow in self.nest.sizes.labels else None
                routes[arrow] = Route(self._points(stops[arrow]), not self.nest.down, label)
            else:
                arriving.setdefault(arrow.target, []).append(arrow)
        for op, arrows in arriving.items():
            routes.update(self._routes_beside(cards[op], arrows, cards))
        return {arrow: routes[arrow] for arrow in self.nest.graph.arrows}

    def _stops(self, arrow: Arrow) -> list[Stop]:
        """The straight pieces of the line of an arrow, put together from the levels that it runs through."""
        end: End = ("card", arrow.target)
        level = self.nest.level[self.nest.home[arrow.target]]
        source: object = arrow.source
        stops: list[Stop] = []
        if arrow in self.nest.sizes.labels:
            stops = self._piece(level, arrow, end)
            meets = self.nest.corner(level, ("label", arrow))[1] + self.nest.meets(("label", arrow), arrow)
            stops.insert(0, (*self._row(level, ("label", arrow)), meets))
            end = ("label", arrow)
            stops = self._piece(level, source, end)[:-1] + stops
        else:
            stops = self._piece(level, source, end)
        while (begin_end := level.nets[source][0])[0] != "card":
            if begin_end[0] == "in":
                row = self._row(level, begin_end)  # straight past the text on the box, and curved only after it
                stops.insert(0, (*row, self.nest.corner(level, begin_end)[1] + self.nest.meets(begin_end, source)))
                end = ("box", level.box)
                level = self.nest.level[self.nest.parent[str(level.box)]]
                stops = self._piece(level, source, end) + stops
            else:
                row_end = self._row(level, begin_end)[1]
                level = self.nest.level[str(begin_end[1])]
                end = ("out", source)
                inside = self._piece(level, source, end)
                stops = [*inside, (inside[-1][1], row_end, inside[-1][2]), *stops]
        along, across = self.nest.card_corner(arrow.source)
        size = self.nest.turned(*self.nest.sizes.cards[arrow.source])
        row_end = self._row(level, ("card", arrow.source))[1]
        return [(along + size[0], row_end, across + size[1] / 2), *stops]

    def _row(self, level: Level, end: End) -> Point:
        assert level.placed is not None
        begin, stop = level.placed.rows[level.placed.rank[level.ends[end]]]
        return level.origin[0] + begin, level.origin[0] + stop

    def _piece(self, level: Level, source: object, end: End) -> list[Stop]:
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
            for first, end_rank, x in self.nest.runs(level, number):
                if first >= last:
                    break
                row_end = placed.rows[min(end_rank, last - 1)][1]
                stops.append((along + placed.rows[first][0], along + row_end, across + x))
        corner = self.nest.corner(level, end)
        if end[0] == "card":
            inner = self.nest.within_together(str(end[1]))
            corner = (corner[0] + inner[0], corner[1])
        row_begin, _ = self._row(level, end)
        stops.append((row_begin, corner[0], corner[1] + self.nest.meets(end, source)))
        return stops

    def _spread(self, stops: dict[Arrow, list[Stop]]) -> None:
        """Move the ends of the lines that meet a card apart, and each to where it comes from."""
        arriving: dict[str, list[Arrow]] = {}
        for arrow in stops:
            arriving.setdefault(arrow.target, []).append(arrow)
        for card, arrows in arriving.items():
            begin = self.nest.card_corner(card)[1]
            size = self.nest.turned(*self.nest.sizes.cards[card])[1]
            low, high = begin + ENTRY_MARGIN, begin + size - ENTRY_MARGIN
            if low > high:
                low = high = begin + size / 2
            arrows = sorted(arrows, key=lambda arrow: (stops[arrow][-2][2], arrow.position))
            wishes = [min(max(stops[arrow][-2][2], low), high) for arrow in arrows]
            gap = min(ENTRY_GAP, (high - low) / max(len(arrows) - 1, 1))
            for arrow, x in zip(arrows, apart(wishes, gap, low, high)):
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
        return tuple((across, along) if self.nest.down else (along, across) for along, across in points)

    def _label_corner(self, arrow: Arrow) -> Point:
        along, across = self.nest.corner(self.nest.level[self.nest.home[arrow.target]], ("label", arrow))
        return (across + 8.0, along) if self.nest.down else (along, across)

    def _routes_beside(
        self, op: Rect, arrows: Sequence[Arrow], cards: Mapping[str, Rect]
    ) -> Iterable[tuple[Arrow, Route]]:
        """The lines from the given values beside an op into its side."""
        if self.nest.down:
            wishes = [cards[arrow.source].y + cards[arrow.source].height / 2 for arrow in arrows]
            low, high = op.y + ENTRY_MARGIN, op.y + op.height - ENTRY_MARGIN
        else:
            wishes = [cards[arrow.source].x + cards[arrow.source].width / 2 for arrow in arrows]
            low, high = op.x + ENTRY_MARGIN, op.x + op.width - ENTRY_MARGIN
        low, high = min(low, (low + high) / 2), max(high, (low + high) / 2)
        gap = min(ENTRY_GAP, (high - low) / max(len(arrows) - 1, 1))
        meets = apart([min(max(wish, low), high) for wish in wishes], gap, low, high)
        for arrow, wish, at in zip(arrows, wishes, meets):
            leaf = cards[arrow.source]
            label = self.nest.sizes.labels.get(arrow)
            if self.nest.down:
                points: tuple[Point, ...] = ((leaf.x + leaf.width, wish), (op.x, at))
                corner = (
                    ((leaf.x + leaf.width + op.x - label[0]) / 2 - 3.0, (wish + at) / 2 - label[1] - 3.0)
                    if label
                    else None
                )
            else:
                points = ((wish, leaf.y), (at, op.y + op.height))
                corner = ((wish + at) / 2 + 8.0, (leaf.y + op.y + op.height - label[1]) / 2) if label else None
            yield arrow, Route(points, self.nest.down, corner)


def apart(wishes: Sequence[float], gap: float, low: float, high: float) -> list[float]:
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
