"""Nothing overlaps, nothing runs through a card, boxes hold what is theirs; the same place for the same graph."""

import itertools
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.graphs import FakeModule, blocks, leaf, mlp_with_mse, random_network, scalars
from tinygrad_edu.graph import Graph
from tinygrad_edu.node import Scope
from tinygrad_edu.render.face import face
from tinygrad_edu.render.folding import close_deeper_than, levels
from tinygrad_edu.render.geometry import Rect
from tinygrad_edu.render.layered import Item, Net, place
from tinygrad_edu.render.layout import lay_out
from tinygrad_edu.render.sizes import sizes_of
from tinygrad_edu.render.svg import drawing

BOTH = pytest.mark.parametrize("direction", ["TB", "LR"])


def layout_of(output, names=None, direction="TB"):
    graph = Graph.of(output, names)
    return graph, drawing(graph, direction).layout


def overlap(a, b, slack=0.0):
    return (
        a.x + slack < b.x + b.width and b.x + slack < a.x + a.width
        and a.y + slack < b.y + b.height and b.y + slack < a.y + a.height
    )  # fmt: skip


def within(inner, outer):
    return (
        outer.x <= inner.x and inner.x + inner.width <= outer.x + outer.width
        and outer.y <= inner.y and inner.y + inner.height <= outer.y + outer.height
    )  # fmt: skip


def check(graph, layout):
    """What must hold of every layout."""
    assert list(layout.cards) == [card.id for card in graph.cards]
    level = levels(graph)
    picture = Rect(0, 0, layout.width, layout.height)
    for a, b in itertools.combinations(layout.cards.values(), 2):
        assert not overlap(a, b)
    for rect in (*layout.cards.values(), *layout.boxes.values()):
        assert within(rect, picture)
    around = {card.id: chain(graph, card.box, level) for card in graph.cards}
    for box in graph.boxes:
        if not level[box.id]:
            continue
        rect = layout.boxes[box.id]
        for card in graph.cards:
            inside = box.id in around[card.id]
            assert within(layout.cards[card.id], rect) if inside else not overlap(layout.cards[card.id], rect)
        for other in graph.boxes:
            if other.id in layout.boxes and other.id != box.id:
                nested = other.id in chain(graph, box.id, level) or box.id in chain(graph, other.id, level)
                assert nested or not overlap(rect, layout.boxes[other.id])
    for arrow in graph.arrows:
        check_route(layout, arrow, around, graph)


def chain(graph, box, level):
    found = []
    while box is not None:
        if level[box]:
            found.append(box)
        box = graph.box_by_id[box].parent
    return found


def on_border(point, rect):
    x, y = point
    return (
        rect.x <= x <= rect.x + rect.width and rect.y <= y <= rect.y + rect.height
        and (x in (rect.x, rect.x + rect.width) or y in (rect.y, rect.y + rect.height))
    )  # fmt: skip


def check_route(layout, arrow, around, graph):
    route = layout.routes[arrow]
    assert on_border(route.points[0], layout.cards[arrow.source])
    assert on_border(route.end, layout.cards[arrow.target])
    for (x0, y0), (x1, y1) in itertools.pairwise(route.points):
        # a curve stays within the rectangle of its ends, so that rectangle must be free of other cards
        room = Rect(min(x0, x1), min(y0, y1), max(abs(x1 - x0), 0.01), max(abs(y1 - y0), 0.01))
        for id, card in layout.cards.items():
            if id not in (arrow.source, arrow.target):
                assert not overlap(room, card), (arrow, id)
        for box, rect in layout.boxes.items():
            if box not in around[arrow.source] and box not in around[arrow.target]:
                assert not overlap(room, rect), (arrow, box)


# --- the rules -----------------------------------------------------------------------------------------------------


@BOTH
@pytest.mark.parametrize("seed", range(25))
def test_random_networks(seed, direction):
    graph = Graph.of(random_network(seed))
    for each in (graph, close_deeper_than(graph, 1)):
        check(each, drawing(each, direction).layout)


@BOTH
@pytest.mark.parametrize("make", [mlp_with_mse, scalars, lambda: (blocks(3, each=4, named="model"), None)])
def test_the_pictures_of_the_documentation(make, direction):
    check(*layout_of(*make(), direction))


@BOTH
def test_shared_weights_over_many_steps(direction):
    W, b, h = leaf(np.eye(3), "W"), leaf(np.zeros(3), "b"), tg.Tensor(np.ones((1, 3)))
    total = 0.0
    for step in range(8):
        with Scope(f"step{step}", "module", lambda: "Cell(3)", FakeModule(W=W)):
            h = tg.tanh(h @ W + b)
        total = total + (h**2).sum()
    check(*layout_of(total, None, direction))


@BOTH
def test_modules_side_by_side_and_within_each_other(direction):
    x = tg.Tensor(np.ones((2, 4)), name="x")
    heads = []
    with Scope("attention", "module", lambda: "Attention(4)", FakeModule()):
        for head in range(3):
            with Scope(f"head{head}", "module", lambda: "Head(4)", FakeModule()):
                q, k = (x @ leaf(np.ones((4, 2))) for _ in range(2))
                heads.append(tg.tanh(q * k + q))
        y = tg.concatenate(heads, axis=1)
    check(*layout_of((y @ leaf(np.ones((6, 4))) + x).sum(), None, direction))


@BOTH
def test_many_operands(direction):
    check(*layout_of(tg.concatenate([leaf([1.0, 2.0]) for _ in range(12)]).sum(), None, direction))


def test_deep_boxes_need_no_recursion():
    x = leaf([1.0, 2.0], "x")
    scopes = []
    for i in range(1_500):
        scopes.append(Scope(f"s{i}", "module", lambda: "Deep()"))
        scopes[-1].__enter__()
    y = x * 2
    for scope in reversed(scopes):
        scope.__exit__()
    layout = layout_of(y.sum())[1]
    assert len(layout.boxes) == 1_500
    assert all(within(layout.cards["n1"], rect) for rect in layout.boxes.values())


# --- what makes it readable ---------------------------------------------------------------------------------------


def middle(rect):
    return rect.x + rect.width / 2, rect.y + rect.height / 2


@BOTH
def test_the_spine_is_straight_and_given_values_stand_beside_it(direction):
    graph, layout = layout_of(*mlp_with_mse(), direction)
    across, along = (0, 1) if direction == "TB" else (1, 0)
    spine = ["n0", "n2", "n4", "n5", "n7", "n9", "n11", "n12", "n13"]
    assert len({middle(layout.cards[id])[across] for id in spine}) == 1
    for given_value, op in (("n1", "n2"), ("n3", "n4"), ("n6", "n7"), ("n8", "n9"), ("n10", "n11")):
        assert middle(layout.cards[given_value])[along] == middle(layout.cards[op])[along]
    for arrow in graph.arrows:
        assert len(layout.routes[arrow].points) == 2


@BOTH
def test_the_first_operand_comes_first(direction):
    parts = [tg.tanh(leaf([1.0, 2.0], name)) for name in "abc"]
    graph, layout = layout_of(tg.concatenate(parts).sum(), None, direction)
    across = 0 if direction == "TB" else 1
    tanhs = [middle(layout.cards[card.id])[across] for card in graph.cards if card.op == "tanh"]
    assert tanhs == sorted(tanhs)


def test_equal_operands_are_two_arrows_that_part():
    x = leaf([1.0, 2.0], "x")
    _, layout = layout_of(x * x)
    ends = [route.end for route in layout.routes.values()]
    assert len(ends) == 2
    assert abs(ends[0][0] - ends[1][0]) >= 10


def test_a_line_past_a_module_is_straight_and_beside_it():
    graph, layout = layout_of(blocks(1, each=6))
    (past,) = (a for a in graph.arrows if a.source == "n0" and a.position == 0 and graph.by_id[a.target].op == "add")
    points = layout.routes[past].points
    assert len(points) == 5
    assert points[2][0] == points[3][0] > max(rect.x + rect.width for id, rect in layout.cards.items() if id != "n1")


def test_text_on_a_box_is_clear_of_the_lines_that_enter():
    x = leaf([[1.0, 2.0]], "x")
    with Scope("a_module_with_a_long_name", "module", lambda: "AModuleWithALongDescription(2)", FakeModule()):
        y = tg.tanh(x)
    layout = layout_of(y.sum())[1]
    (line,) = {route.points[0][0] for arrow, route in layout.routes.items() if arrow.source == "n0"}
    box, (head, _) = layout.boxes["b0"], layout.heads["b0"]
    assert head > line or line > head + 200
    assert head + 200 < box.x + box.width


# --- one level -----------------------------------------------------------------------------------------------------


@st.composite
def levels_of_items(draw):
    count = draw(st.integers(1, 14))
    items = [Item(draw(st.integers(1, 60)), draw(st.integers(1, 90))) for _ in range(count)]
    nets = []
    for source in range(count):
        targets = draw(st.lists(st.integers(0, count - 1), max_size=3, unique=True))
        targets = tuple((t, items[t].across / 2) for t in targets if t != source)
        if targets:
            nets.append(Net(source, items[source].across / 2, targets))
    return items, nets


@settings(max_examples=100)
@given(levels_of_items())
def test_items_of_one_rank_stand_apart_whatever_is_connected_even_in_circles(level):
    items, nets = level
    placed = place(items, nets)
    for a, b in itertools.combinations(range(len(items)), 2):
        if placed.rank[a] == placed.rank[b]:
            low, high = sorted((a, b), key=placed.start.__getitem__)
            assert placed.start[low] + items[low].across < placed.start[high]
    for item, rank in enumerate(placed.rank):
        begin, end = placed.rows[rank]
        assert end - begin >= items[item].along
    for row, following in itertools.pairwise(placed.rows):
        assert row[1] < following[0]


@settings(max_examples=100)
@given(levels_of_items())
def test_without_circles_every_item_comes_after_what_it_uses(level):
    items, nets = level
    nets = [
        Net(net.source, net.exit, targets)
        for net in nets
        if (targets := tuple(t for t in net.targets if t[0] > net.source))
    ]
    placed = place(items, nets)
    for net in nets:
        for target, _ in net.targets:
            assert placed.rank[net.source] < placed.rank[target]


# --- size ------------------------------------------------------------------------------------------------------------


def best_of_three(make):
    times = []
    for _ in range(3):
        start = time.process_time()
        make()
        times.append(time.process_time() - start)
    return min(times)


def test_500_cards_are_laid_out_in_a_third_of_a_second():
    graph = Graph.of(blocks(38, each=12))
    assert len(graph.cards) == 496
    faces = {card.id: face(graph, card) for card in graph.cards}
    sizes = sizes_of(graph, faces, {})
    assert best_of_three(lambda: lay_out(graph, sizes, "TB")) < 0.3  # 0.03 s where nothing else runs


def test_a_shared_weight_costs_no_square():
    W, h = leaf(np.eye(2), "W"), tg.Tensor(np.ones((1, 2)))
    for _ in range(1_000):
        h = tg.tanh(h @ W)
    graph = Graph.of(h.sum())
    layout = drawing(graph, "TB").layout
    assert sum(len(route.points) for route in layout.routes.values()) < 6 * len(graph.arrows)
