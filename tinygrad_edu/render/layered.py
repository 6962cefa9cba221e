"""One level of a layered drawing: on which rank each item stands, in which order, and where.

Ranks follow each other *along* the drawing, the items of a rank stand side by side *across* it. A value that is used
further away than on the next rank runs on a trunk: one line that passes the ranks between, which all its uses share.
Pure geometry: must not know graphs, cards or pixels.

After K. Sugiyama, S. Tagawa and M. Toda (1981), "Methods for visual understanding of hierarchical system structures":
ranks by longest paths, order by medians; then whole straight threads of items are moved, not single items.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

SWEEPS = 12  # over the ranks, for the order
MOVES = 12  # over the threads, for the positions
TRUNK, TRUNK_GAP = 6.0, 10.0  # room for a line, and between lines
LANE_GAP = 12.0
SLOPE, MOST_EXTRA = 12.0, 30.0  # lines that shift far need room along, up to a point
AFTER_PORTS = 16.0  # room between where lines enter a box and its first rank
FEWEST_TRUNK_PIECES = 600


@dataclass(frozen=True)
class Item:
    """Something that takes room.

    along, across   its size in the two directions
    gap             the room it wants to its neighbours on the rank
    length          how many cards the longest way through it has
    tip             the room that a line needs before it, for the head of an arrow
    end             -1 for an item that stands on a rank before all others, 1 for one after all others
    """

    along: float
    across: float
    gap: float = 24.0
    length: int = 1
    tip: float = 30.0
    end: int = 0


@dataclass(frozen=True)
class Net:
    """A value: the item it comes from and the items that use it, each with the place across where the line meets it."""

    source: int
    exit: float
    targets: tuple[tuple[int, float], ...]


@dataclass
class Placed:
    """Where everything stands.

    start    for each item, where it begins across
    rank     for each item, its rank
    rows     for each rank, where it begins and ends along
    trunks   for each net, where its trunk passes each rank, across
    lanes    for each net that runs outside of all items instead, where
    """

    start: list[float]
    rank: list[int]
    rows: list[tuple[float, float]]
    trunks: list[dict[int, float]]
    lanes: dict[int, float]
    along: float
    across: float
    length: int


@dataclass
class _Level:
    """The items and, from number `len(items)`, the pieces of trunks; and the lines between neighbouring ranks."""

    rank: list[int]
    across: list[float]
    gap: list[float]
    length: list[int]
    segments: list[tuple[int, float, int, float]] = field(default_factory=list)  # from, exit, to, entry
    order: list[list[int]] = field(default_factory=list)  # the nodes of each rank

    def add(self, rank: int) -> int:
        """A new piece of a trunk."""
        self.rank.append(rank)
        self.across.append(TRUNK)
        self.gap.append(TRUNK_GAP)
        self.length.append(0)
        return len(self.rank) - 1


def place(items: Sequence[Item], nets: Sequence[Net], trunks_last: bool = True) -> Placed:
    """Where `items` stand so that lines are short, straight and seldom cross. Two items never overlap.

    trunks_last   whether trunks rather run after all items of a rank than before them
    """
    rank = _ranks(items, nets)
    level = _Level(rank, [i.across for i in items], [i.gap for i in items], [i.length for i in items])
    pieces, in_lanes = _trunks(level, nets)
    ranks = max(rank, default=-1) + 1
    up, down = _neighbours(level)
    _order(level, ranks, up, down, trunks_last)
    start, longest = _positions(level, ranks, up, down)
    least = min(start, default=0.0)
    start = [x - least for x in start]
    across = max((x + w for x, w in zip(start, level.across)), default=0.0)
    rows = _rows(items, level, ranks, start)
    lanes = _lanes(nets, level.rank, in_lanes, across)
    return Placed(
        start=start[: len(items)],
        rank=level.rank[: len(items)],
        rows=rows,
        trunks=[{level.rank[piece]: start[piece] + TRUNK / 2 for piece in net} for net in pieces],
        lanes=lanes,
        along=rows[-1][1] if rows else 0.0,
        across=max([across, *(x + LANE_GAP / 2 for x in lanes.values())]),
        length=longest,
    )


# --- ranks ---------------------------------------------------------------------------------------------------


def _ranks(items: Sequence[Item], nets: Sequence[Net]) -> list[int]:
    """The rank of each item: after all it uses, and what only prepares an item right before that."""
    uses: list[set[int]] = [set() for _ in items]
    used_by: list[set[int]] = [set() for _ in items]
    for net in nets:
        for target, _ in net.targets:
            if target != net.source:
                uses[target].add(net.source)
                used_by[net.source].add(target)
    order = _topological(uses, used_by)
    place_of = {item: place for place, item in enumerate(order)}
    first = int(any(item.end < 0 for item in items))
    rank = [first] * len(items)
    for item in order:
        earlier = [rank[u] + 1 for u in uses[item] if place_of[u] < place_of[item]]
        rank[item] = 0 if items[item].end < 0 else max([first, *earlier])
    last = max(rank, default=0) + 1
    for item in range(len(items)):
        if items[item].end > 0:
            rank[item] = last
    _sink(items, order, uses, used_by, rank)
    lowest = min(rank, default=0)
    return [r - lowest for r in rank]


def _topological(uses: Sequence[set[int]], used_by: Sequence[set[int]]) -> list[int]:
    """The items in an order in which each comes after all it uses. Where they go in a circle, it is cut somewhere."""
    waiting = [len(u) for u in uses]
    order = [item for item, count in enumerate(waiting) if not count]
    done = set(order)
    at, next_cut = 0, 0
    while len(done) < len(uses) or at < len(order):
        if at == len(order):
            while next_cut in done:
                next_cut += 1
            order.append(next_cut)
            done.add(next_cut)
        item = order[at]
        at += 1
        for user in sorted(used_by[item]):
            waiting[user] -= 1
            if not waiting[user] and user not in done:
                order.append(user)
                done.add(user)
    return order


def _sink(
    items: Sequence[Item], order: Sequence[int], uses: Sequence[set[int]], used_by: Sequence[set[int]], rank: list[int]
) -> None:
    """Move what nothing long leads to as near as possible to what uses it: given values, and what is made of them."""
    light = [False] * len(items)
    for item in order:
        light[item] = (
            items[item].end == 0
            and bool(used_by[item])
            and (len(used_by[item]) == 1 or not uses[item])
            and all(light[u] for u in uses[item])
        )
    for item in reversed(order):
        if light[item]:
            rank[item] = max(rank[item], min(rank[user] for user in used_by[item]) - 1)


# --- trunks --------------------------------------------------------------------------------------------------


def _trunks(level: _Level, nets: Sequence[Net]) -> tuple[list[list[int]], list[int]]:
    """Add the trunks and the lines between neighbouring ranks; which pieces each net has, and which nets take lanes.

    The longest trunks run outside of all items where there would be many pieces: every piece costs time, and a line
    that passes forty ranks is easier to follow there.
    """
    rank = level.rank
    reach = [max((rank[t] for t, _ in net.targets), default=0) for net in nets]
    budget = max(2 * len(rank), FEWEST_TRUNK_PIECES)
    pieces: list[list[int]] = [[] for _ in nets]
    in_lanes = [n for n, net in enumerate(nets) if any(rank[t] <= rank[net.source] for t, _ in net.targets)]
    for n in sorted(range(len(nets)), key=lambda n: reach[n] - rank[nets[n].source]):
        if n in in_lanes:
            continue
        length = reach[n] - rank[nets[n].source] - 1
        if length <= budget:
            budget -= max(length, 0)
        else:
            in_lanes.append(n)
    laned = set(in_lanes)
    for n, net in enumerate(nets):
        here, exit = net.source, net.exit
        at = rank[net.source]
        by_rank: dict[int, list[tuple[int, float]]] = {}
        for target in net.targets:
            by_rank.setdefault(rank[target[0]], []).append(target)
        last = at + 1 if n in laned else reach[n]
        for r in range(at + 1, last + 1):
            level.segments += [(here, exit, target, entry) for target, entry in by_rank.get(r, ())]
            if r < last:
                piece = level.add(r)
                pieces[n].append(piece)
                level.segments.append((here, exit, piece, TRUNK / 2))
                here, exit = piece, TRUNK / 2
    return pieces, sorted(laned)


def _lanes(nets: Sequence[Net], rank: Sequence[int], in_lanes: Iterable[int], across: float) -> dict[int, float]:
    """Where each net that runs outside of all items does: side by side where they pass the same ranks."""
    found: dict[int, float] = {}
    free_from: list[int] = []
    for n in sorted(in_lanes, key=lambda n: (rank[nets[n].source], n)):
        ends = [rank[target] for target, _ in nets[n].targets]
        begin, end = min(rank[nets[n].source], *ends), max(rank[nets[n].source], *ends)
        lane = next((i for i, free in enumerate(free_from) if free <= begin), len(free_from))
        free_from[lane : lane + 1] = [end + 1]
        found[n] = across + LANE_GAP * (lane + 1.5)
    return found


# --- order ---------------------------------------------------------------------------------------------------


def _neighbours(level: _Level) -> tuple[list[list[int]], list[list[int]]]:
    """The numbers of the lines that come to each node, and of those that leave it."""
    up: list[list[int]] = [[] for _ in level.rank]
    down: list[list[int]] = [[] for _ in level.rank]
    for number, (a, _, b, _) in enumerate(level.segments):
        up[b].append(number)
        down[a].append(number)
    return up, down


def _order(level: _Level, ranks: int, up: list[list[int]], down: list[list[int]], trunks_last: bool) -> None:
    """Put the nodes of each rank in an order with few crossings: the best of some sweeps of medians."""
    order: list[list[int]] = [[] for _ in range(ranks)]
    seen: set[int] = set()
    for root in sorted(range(len(level.rank)), key=lambda v: -level.rank[v]):  # depth first, from the outputs
        stack = [root]
        while stack:
            v = stack.pop()
            if v not in seen:
                seen.add(v)
                order[level.rank[v]].append(v)
                above = [level.segments[s][0] for s in up[v]]
                above.sort(key=lambda u: (level.length[u] == 0) == trunks_last)
                stack.extend(above[::-1])  # the first operand comes first
    position = [0.0] * len(level.rank)

    def number(nodes: Sequence[int]) -> None:
        for place, v in enumerate(nodes):
            position[v] = float(place)

    for nodes in order:
        number(nodes)
    best, fewest = [list(nodes) for nodes in order], _crossings(level, position, order, down)
    for sweep in range(SWEEPS if fewest else 0):
        downwards = sweep % 2 == 0
        for r in range(1, ranks) if downwards else range(ranks - 2, -1, -1):
            if len(order[r]) > 1:
                medians = {v: _median(level, position, v, up if downwards else down, downwards) for v in order[r]}
                order[r].sort(key=medians.__getitem__)
                number(order[r])
        count = _crossings(level, position, order, down)
        if count < fewest:
            best, fewest = [list(nodes) for nodes in order], count
        if not count:
            break
    level.order = best


def _median(level: _Level, position: list[float], v: int, lines: list[list[int]], from_above: bool) -> float:
    """The middle of where the lines of `v` end on the neighbouring rank; its own place where it has none."""
    ends = []
    for s in lines[v]:
        a, exit, b, entry = level.segments[s]
        other, meets = (a, exit) if from_above else (b, entry)
        ends.append(position[other] + meets / (level.across[other] + 1))
    if not ends:
        return position[v]
    ends.sort()
    middle = len(ends) // 2
    return ends[middle] if len(ends) % 2 else (ends[middle - 1] + ends[middle]) / 2


def _crossings(level: _Level, position: list[float], order: list[list[int]], down: list[list[int]]) -> int:
    """How many pairs of lines cross: pairs in the wrong order, counted while inserting into a sorted list."""
    total = 0
    for nodes in order:
        if len(nodes) < 2:
            continue
        ends: list[float] = []
        for v in nodes:
            here = sorted(
                position[level.segments[s][2]] + level.segments[s][3] / (level.across[level.segments[s][2]] + 1)
                for s in down[v]
            )
            total += sum(len(ends) - bisect_left(ends, end + 1e-9) for end in here)
            for end in here:
                ends.insert(bisect_left(ends, end), end)
    return total


# --- positions -----------------------------------------------------------------------------------------------


def _positions(level: _Level, ranks: int, up: list[list[int]], down: list[list[int]]) -> tuple[list[float], int]:
    """Where each node begins across, and the length of the longest way."""
    straight, longest = _straight_lines(level, ranks, up, down)
    thread, delta = _threads(level, straight)
    count = max(thread, default=-1) + 1
    left: list[list[tuple[int, float]]] = [[] for _ in range(count)]  # what stands left of each, and how far at least
    right: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for nodes in level.order:
        for p, q in itertools.pairwise(nodes):
            apart = level.across[p] + (level.gap[p] + level.gap[q]) / 2 + delta[p] - delta[q]
            left[thread[q]].append((thread[p], apart))
            right[thread[p]].append((thread[q], apart))
    order = _topological([{p for p, _ in ps} for ps in left], [{q for q, _ in qs} for qs in right])
    pulls: list[list[tuple[int, float]]] = [[] for _ in range(count)]
    for a, exit, b, entry in level.segments:
        if thread[a] != thread[b]:
            shift = delta[b] + entry - delta[a] - exit
            pulls[thread[a]].append((thread[b], shift))
            pulls[thread[b]].append((thread[a], -shift))
    x = [0.0] * count
    for t in order:
        x[t] = max((x[p] + apart for p, apart in left[t]), default=0.0)
    for move in range(MOVES):
        moved = 0.0
        for t in reversed(order) if move % 2 == 0 else order:
            if not pulls[t]:
                continue
            wish = float(round(sum(x[other] + shift for other, shift in pulls[t]) / len(pulls[t])))
            wish = min([wish, *(x[q] - apart for q, apart in right[t])])
            wish = max([wish, *(x[p] + apart for p, apart in left[t])])
            moved = max(moved, abs(wish - x[t]))
            x[t] = wish
        if moved < 0.5:
            break
    return [x[t] + d for t, d in zip(thread, delta)], longest


def _straight_lines(level: _Level, ranks: int, up: list[list[int]], down: list[list[int]]) -> tuple[list[int], int]:
    """The lines to be drawn straight: at most one to and from each node, none crossing another, longest ways first."""
    before, after = list(level.length), list(level.length)
    by_rank: list[list[int]] = [[] for _ in range(ranks)]
    for v, r in enumerate(level.rank):
        by_rank[r].append(v)
    for nodes in by_rank:
        for v in nodes:
            before[v] += max((before[level.segments[s][0]] for s in up[v]), default=0)
    for nodes in reversed(by_rank):
        for v in nodes:
            after[v] += max((after[level.segments[s][2]] for s in down[v]), default=0)
    place_of = {v: place for nodes in level.order for place, v in enumerate(nodes)}
    accepted: list[list[tuple[int, int]]] = [[] for _ in range(ranks)]
    taken_down, taken_up = set(), set()
    straight = []

    def rank_of(s: int) -> tuple[int, int, int]:
        a, _, b, _ = level.segments[s]
        trunk = not level.length[a] and not level.length[b]
        return -(before[a] + after[b]), -int(trunk), s

    for s in sorted(range(len(level.segments)), key=rank_of):
        a, _, b, _ = level.segments[s]
        if a in taken_down or b in taken_up:
            continue
        pairs = accepted[level.rank[a]]
        pair = (place_of[a], place_of[b])
        at = bisect_left(pairs, pair)
        if (at and pairs[at - 1][1] >= pair[1]) or (at < len(pairs) and pairs[at][1] <= pair[1]):
            continue
        pairs.insert(at, pair)
        taken_down.add(a)
        taken_up.add(b)
        straight.append(s)
    return straight, max(before, default=0)


def _threads(level: _Level, straight: Iterable[int]) -> tuple[list[int], list[float]]:
    """The thread of each node, nodes on straight lines being on one; and where it begins, from the thread's origin."""
    below = {level.segments[s][0]: s for s in straight}
    thread, delta = [-1] * len(level.rank), [0.0] * len(level.rank)
    count = 0
    for nodes in level.order:
        for v in nodes:
            if thread[v] >= 0:
                continue
            thread[v] = count
            while v in below:
                a, exit, b, entry = level.segments[below[v]]
                thread[b], delta[b] = count, delta[a] + exit - entry
                v = b
            count += 1
    return thread, delta


def _rows(items: Sequence[Item], level: _Level, ranks: int, start: Sequence[float]) -> list[tuple[float, float]]:
    """Where each rank begins and ends along: as thick as its thickest item, with room for the lines between."""
    thick, room, shift = [0.0] * ranks, [0.0] * ranks, [0.0] * ranks
    for item, r in zip(items, level.rank):
        thick[r] = max(thick[r], item.along)
        room[r] = max(room[r], item.tip)
    if ranks > 1 and any(item.end < 0 for item in items):
        room[1] = min(room[1], AFTER_PORTS)
    for a, exit, b, entry in level.segments:
        r = level.rank[b]
        shift[r] = max(shift[r], abs(start[a] + exit - start[b] - entry))
    rows: list[tuple[float, float]] = []
    for r in range(ranks):
        begin = rows[-1][1] + room[r] + min(shift[r] // SLOPE, MOST_EXTRA) if rows else 0.0
        rows.append((begin, begin + thick[r]))
    return rows
