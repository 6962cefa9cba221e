"""A closed module is one card that calls the module; what is left keeps its values, gradients and order."""

import pytest

import tinygrad_edu as tg
from tests.graphs import FakeModule, blocks, leaf, mlp_with_mse, random_network
from tinygrad_edu.graph import Graph
from tinygrad_edu.node import Scope
from tinygrad_edu.render.expression import line_of_code
from tinygrad_edu.render.folding import close, close_deeper_than, cone, levels, roll


def lines(graph):
    return [line_of_code(graph, card) for card in graph.cards]


def test_closed_modules_are_calls():
    graph = Graph.of(*mlp_with_mse())
    closed = close_deeper_than(graph, 1)
    assert lines(closed) == [
        "x (input)", "a1 = layer1(x)", "prediction = layer2(a1)", "y (target)", "loss = mse_loss(prediction, y)",
    ]  # fmt: skip
    assert [card.kind for card in closed.cards] == ["input", "module", "module", "target", "result"]
    assert [card.id for card in closed.cards] == ["n0", "n1", "n2", "n3", "n4"]
    assert [card.nodes_inside for card in closed.cards] == [0, 5, 4, 0, 3]
    assert [card.parameters_inside for card in closed.cards[1:3]] == [((2, 3), (3,)), ((3, 1), (1,))]
    assert (closed.parameter_count, closed.node_count, closed.operations) == (13, 14, 8)
    assert [box.name for box in closed.boxes] == [""]


def test_a_closed_module_has_the_value_and_the_gradient_of_its_output():
    graph = Graph.of(*mlp_with_mse())
    open_card = next(card for card in graph.cards if card.name == "a1")
    closed_card = close_deeper_than(graph, 1).cards[1]
    assert closed_card.value is open_card.value
    assert closed_card.grad is open_card.grad
    assert (closed_card.note, closed_card.site) == ("Linear(2 → 3) + tanh", graph.boxes[1].site)


def test_levels_count_the_boxes_that_are_drawn():
    graph = Graph.of(*mlp_with_mse())
    assert list(levels(graph).values()) == [0, 1, 1, 1]
    graph = Graph.of(blocks(2, named="model"))
    assert list(levels(graph).values()) == [1, 2, 2]
    assert [line.partition(" = ")[2] for line in lines(close_deeper_than(graph, 1))] == ["", "model(t1)", "sum(t21)"]


def test_a_weight_that_two_modules_share_stays_in_view():
    shared, x = leaf([0.5, 0.5]), tg.Tensor([1.0, 2.0])
    for name in ("first", "second"):
        with Scope(name, "module", lambda: "Scale(2)", FakeModule(weight=shared)):
            x = x * shared
    closed = close_deeper_than(Graph.of(x.sum()), 1)
    assert lines(closed) == [
        "t1 (input)", "first.weight (parameter)", "t2 = first(t1, first.weight)", "t3 = second(t2, first.weight)",
        "result = sum(t3)",
    ]  # fmt: skip


def test_a_module_with_two_outputs_names_both():
    x, w = leaf([1.0, 2.0], "x"), leaf([0.5, 0.5])
    with Scope("split", "module", lambda: "Split()", FakeModule(weight=w)):
        a = x * w
        b = tg.exp(a)
    closed = close_deeper_than(Graph.of((a + b).sum(), names={"a": a, "b": b}), 1)
    assert lines(closed)[1] == "a, b = split(x)"
    assert closed.cards[2].inputs == ("n1", "n1")


def test_closing_an_outer_box_closes_the_inner_ones():
    graph = Graph.of(blocks(3, named="model"))
    closed = close(graph, {"b0", "b2"})
    assert closed.boxes == ()
    assert [card.kind for card in closed.cards] == ["input", "module", "result"]


def test_closing_nothing_changes_nothing():
    graph = Graph.of(*mlp_with_mse())
    same = close(graph, ())
    assert lines(same) == lines(graph)
    assert same.boxes == graph.boxes


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_every_card_still_comes_after_its_operands(depth):
    graph = close_deeper_than(Graph.of(blocks(20, named="model")), depth)
    seen = set()
    for card in graph.cards:
        assert seen.issuperset(card.inputs)
        seen.add(card.id)


# --- rolling and cones -----------------------------------------------------------------------------------------


def check(graph):
    """What holds of every graph, whatever was folded."""
    known = {card.id for card in graph.outside}
    for number, card in enumerate(graph.cards):
        assert card.id == f"n{number}"
        assert known.issuperset(card.inputs)
        known.add(card.id)
        assert card.box is None or card.box in graph.box_by_id
    assert graph.partly <= {card.id for card in graph.cards}


@pytest.mark.parametrize("seed", range(30))
def test_whatever_is_folded_cards_keep_their_order_names_and_numbers(seed):
    graph = Graph.of(random_network(seed))
    for card in graph.cards[:: max(len(graph.cards) // 6, 1)]:
        part = cone(graph, card.id)
        check(part)
        assert part.by_id[part.focus].name == card.name
        kept = {card.name: card for card in part.cards}
        for before in graph.cards:
            if before.name in kept:
                assert kept[before.name].value is before.value
                assert line_of_code(part, kept[before.name]) == line_of_code(graph, before)
        check(roll(close_deeper_than(part, 1)))
    check(roll(graph))


def reachable(graph, start, arrows):
    found, pending = set(), [start]
    while pending:
        id = pending.pop()
        if id not in found:
            found.add(id)
            pending += arrows[id]
    return found


@pytest.mark.parametrize("seed", range(10))
def test_a_cone_holds_all_ways_to_and_from_a_card_and_nothing_else(seed):
    graph = Graph.of(random_network(seed))
    before = {card.id: list(card.inputs) for card in graph.cards}
    after = {card.id: [arrow.target for arrow in graph.arrows_from[card.id]] for card in graph.cards}
    for card in graph.cards:
        ways = reachable(graph, card.id, before) | reachable(graph, card.id, after)
        assert [c.name for c in cone(graph, card.id).cards] == [c.name for c in graph.cards if c.id in ways]


def test_only_alike_modules_that_follow_each_other_are_rolled():
    closed = close_deeper_than(Graph.of(blocks(8)), 1)
    rolled = roll(closed)
    assert [card.times for card in rolled.cards] == [1, 8, 1]
    row = rolled.cards[1]
    assert (row.op, row.note) == ("block0…7", "Block(3) × 8")
    assert row.value is closed.cards[8].value
    assert row.inputs == ("n0",)
    assert (rolled.parameter_count, rolled.node_count) == (closed.parameter_count, closed.node_count)
    assert roll(close_deeper_than(Graph.of(blocks(5)), 1)).cards[1].times == 1  # too few


def test_a_module_whose_output_is_used_twice_ends_its_row():
    x, taken = tg.Tensor([1.0, 2.0]), None
    for i in range(14):
        w = leaf([0.5, 0.5])
        with Scope(f"m{i}", "module", lambda: "Scale(2)", FakeModule(weight=w)):
            x = x * w
        if i == 6:
            taken = x
    rolled = roll(close_deeper_than(Graph.of((x + taken).sum()), 1))
    assert [(card.op, card.times) for card in rolled.cards if card.kind == "module"] == [("m0…6", 7), ("m7…13", 7)]
