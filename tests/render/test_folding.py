"""A closed module is one card that calls the module; what is left keeps its values, gradients and order."""

import pytest

import tinygrad_edu as tg
from tests.graphs import FakeModule, blocks, leaf, mlp_with_mse
from tinygrad_edu.graph import Graph
from tinygrad_edu.node import Scope
from tinygrad_edu.render.expression import line_of_code
from tinygrad_edu.render.folding import close, close_deeper_than, levels


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
