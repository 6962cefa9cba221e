"""Graph holds what was recorded, in order, under stable names, with gradients of its own, and touches nothing."""

import dataclasses
import inspect
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.graphs import FakeModule, leaf, mlp_with_mse, scalars
from tinygrad_edu.errors import DtypeError, GradientError
from tinygrad_edu.graph import Graph
from tinygrad_edu.node import Scope


def by_name(output, **options):
    return {card.name: card for card in Graph.of(output, **options).cards}


def kinds(output, **options):
    return {name: card.kind for name, card in by_name(output, **options).items()}


# --- order, operands, identity ---------------------------------------------------------------------------------


def test_cards_are_in_order_of_execution_each_after_its_operands():
    loss, names = mlp_with_mse()
    graph = Graph.of(loss, names)
    assert [card.id for card in graph.cards] == [f"n{i}" for i in range(14)]
    assert [card.name for card in graph.cards] == [
        "x", "W1", "t1", "b1", "t2", "a1", "W2", "t3", "b2", "prediction", "y", "t4", "t5", "loss",
    ]  # fmt: skip
    seen = set()
    for card in graph.cards:
        assert seen.issuperset(card.inputs)
        seen.add(card.id)
    assert [card.op for card in graph.cards if card.computed] == [
        "matmul", "add", "tanh", "matmul", "add", "subtract", "square", "mean",
    ]  # fmt: skip


def test_operands_keep_their_order_and_repeats():
    a, b = leaf(2.0, "a"), leaf(3.0, "b")
    assert Graph.of(a - b).result.inputs == ("n0", "n1")
    graph = Graph.of((a * b) / (b - a))
    assert [graph.by_id[i].name for i in graph.cards[3].inputs] == ["b", "a"]
    square = Graph.of(a * a)
    assert square.result.inputs == ("n0", "n0")
    assert [(arrow.source, arrow.target, arrow.position) for arrow in square.arrows] == [
        ("n0", "n1", 0),
        ("n0", "n1", 1),
    ]


def test_numbers_of_the_program_are_operands_and_not_cards():
    x = leaf(3.0, "x")
    graph = Graph.of(2 * x**3 - np.float64(0.5))
    assert [card.operands for card in graph.cards] == [(), ("n0", 3), (2, "n1"), ("n2", 0.5)]


def test_a_constant_used_twice_is_one_card_and_so_are_two_handles_on_one_array():
    x, c = leaf([1.0, 2.0]), tg.Tensor([3.0, 4.0])
    assert len(Graph.of((x * c + c).sum()).cards) == 5
    h = x * 2
    graph = Graph.of((h * h.detach() + h.detach()).sum())
    assert [card.kind for card in graph.cards].count("constant") == 1
    equal_but_different = Graph.of((x * tg.Tensor([3.0, 4.0]) + tg.Tensor([3.0, 4.0])).sum())
    assert [card.kind for card in equal_but_different.cards].count("constant") == 2


def test_parameters_that_are_defaults_are_left_out():
    x = leaf(np.ones((2, 3)))
    assert Graph.of(x.sum()).result.params == ()
    (axis,) = Graph.of(x.sum(axis=0)).result.params
    assert (axis.name, axis.text, axis.required) == ("axis", "0", False)


def test_the_site_is_the_line_of_the_program():
    x = leaf(2.0)
    y = tg.exp(x); line = inspect.currentframe().f_lineno  # noqa: E702  # fmt: skip
    assert Graph.of(y).result.site == f"test_graph.py:{line}"
    assert Graph.of(y).cards[0].site == ""


def test_a_leaf_alone_is_a_graph_of_one_card():
    graph = Graph.of(leaf([1.0, 2.0], "w"))
    assert [(card.name, card.kind, card.computed) for card in graph.cards] == [("w", "parameter", False)]


# --- what is kept ------------------------------------------------------------------------------------------------


def test_small_arrays_are_copied_and_large_ones_summed_up():
    w = leaf(np.arange(8.0))
    card = by_name((w * 1).sum(), names={"w": w})["w"]
    with tg.no_grad():
        w += 1
    assert card.value.entries.tolist() == list(range(8))
    assert not card.value.entries.flags.writeable
    numbers = np.random.default_rng(0).normal(size=(3, 4, 5))
    kept = by_name(leaf(numbers, "n").sum())["n"].value
    assert kept.entries is None
    assert kept.summary.mean == pytest.approx(numbers.mean())
    assert kept.summary.std == pytest.approx(numbers.std())
    assert (kept.summary.low, kept.summary.high) == (numbers.min(), numbers.max())


def test_what_is_not_finite_is_counted():
    numbers = np.array([np.nan, np.inf, -np.inf, np.nan, *range(10)], dtype=np.float32)
    summary = by_name(leaf(numbers, "n").sum())["n"].value.summary
    assert (summary.nans, summary.infinities, summary.low, summary.high, summary.mean) == (2, 2, 0, 9, 4.5)
    nothing = by_name(leaf(np.full(9, np.nan), "n").sum())["n"].value.summary
    assert (nothing.nans, nothing.mean) == (9, None)


@pytest.mark.parametrize("shape", [(0,), (0, 3), (2, 0, 3)])
def test_arrays_without_entries_are_kept_too(shape):
    assert by_name(leaf(np.zeros(shape), "n").sum())["n"].shape == shape


def test_nothing_in_a_graph_can_be_changed():
    graph = Graph.of(scalars()[0])
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.result.name = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        graph.cards = ()
    with pytest.raises(ValueError, match="read-only"):
        graph.result.value.entries[...] = 1


# --- gradients ---------------------------------------------------------------------------------------------------


def test_gradients_are_those_of_finite_differences():
    loss, names = mlp_with_mse(samples=3)
    cards = by_name(loss, names=names)

    def value(W1):
        hidden = np.tanh(names["x"].numpy() @ W1 + names["b1"].data)
        return np.mean((hidden @ names["W2"].data + names["b2"].data - names["y"].numpy()) ** 2)

    W1, step = names["W1"].data, 1e-6
    for place in np.ndindex(2, 3):
        nudge = np.zeros((2, 3))
        nudge[place] = step
        slope = (value(W1 + nudge) - value(W1 - nudge)) / (2 * step)
        assert cards["W1"].grad.entries[place] == pytest.approx(slope, rel=1e-6)
    assert cards["loss"].grad.entries == 1.0
    assert (cards["x"].grad, cards["y"].grad) == (None, None)


def test_no_gradient_of_the_program_is_touched():
    loss, names = mlp_with_mse()
    Graph.of(loss, names)
    assert names["W1"].grad is None
    names["prediction"].retain_grad()
    loss.backward()
    before = names["W1"].grad.numpy().copy(), names["prediction"].grad.numpy().copy()
    cards = by_name(loss, names=names)
    assert np.array_equal(names["W1"].grad.numpy(), before[0])
    assert np.array_equal(names["prediction"].grad.numpy(), before[1])
    assert np.array_equal(cards["W1"].grad.entries, before[0])
    assert np.array_equal(cards["prediction"].grad.entries, before[1])


def test_there_is_none_without_being_asked_for_and_none_of_an_output_of_several_numbers():
    x = leaf([1.0, 2.0])
    assert not Graph.of(x.sum(), grads=False).differentiated
    graph = Graph.of(x * 2)
    assert not graph.differentiated
    assert graph.notes == ("no grad: backward needs one number to start from, and this output has shape (2,)",)
    assert Graph.of(x[:1] * 2).differentiated


def test_a_gradient_that_would_be_wrong_is_left_out_and_the_picture_says_why():
    w, b = leaf([1.0, 2.0], "w"), leaf([0.0, 0.0], "b")
    loss = (w * w + b).sum()
    with tg.no_grad():
        b += 1
    graph = Graph.of(loss)
    assert graph.differentiated  # the rule of + needs no values
    assert re.fullmatch(
        r"b was written at test_graph.py:\d+, after it was used: its card shows the new value", *graph.notes
    )
    with tg.no_grad():
        w += 1
    graph = Graph.of(loss)
    assert not graph.differentiated
    assert graph.notes[-1].startswith("no grad: w (2,) was written after a recorded op saved its value")


def test_scalars_have_the_slope_of_every_operand():
    a, b = leaf(2.0), leaf(-3.0)
    graph = Graph.of(2 * (a * b + a) ** 2)
    assert [card.slopes for card in graph.cards] == [(), (), (-3.0, 2.0), (1.0, 1.0), (-8.0,), (None, 2.0)]
    for card in graph.cards:  # what the picture says: the sum over the arrows of (grad at the tip × slope)
        arrows = graph.arrows_from[card.id]
        if arrows:
            targets = [(graph.by_id[arrow.target], arrow.position) for arrow in arrows]
            assert card.grad.entries == sum(t.grad.entries * t.slopes[p] for t, p in targets)
    assert Graph.of(leaf([1.0]) * 2).result.slopes == ()


# --- kinds and names -------------------------------------------------------------------------------------------


def test_kinds_of_a_network_and_its_loss():
    loss, names = mlp_with_mse()
    found = kinds(loss, names=names)
    assert {name: kind for name, kind in found.items() if kind != "operation"} == {
        "x": "input", "y": "target", "loss": "result",
        "W1": "parameter", "b1": "parameter", "W2": "parameter", "b2": "parameter",
    }  # fmt: skip


def test_kinds_outside_modules():
    w, c = leaf([1.0, 2.0], "w"), tg.Tensor([3.0, 4.0])
    assert kinds((w * c).sum()) == {"w": "parameter", "t1": "constant", "t2": "operation", "result": "result"}
    assert kinds((w * c).sum(), names={"c": c})["c"] == "input"
    assert kinds(scalars()[0])["a"] == "leaf"


def test_a_target_that_the_network_sees_too_is_an_input():
    x, w = tg.Tensor([1.0, 2.0], name="x"), leaf([0.5, 0.5], "w")
    with Scope("mse_loss", "loss", lambda: "mse_loss(prediction, target)"):
        loss = ((x * w) - x).sum()
    assert kinds(loss)["x"] == "target"
    assert kinds(loss + (x * w).sum())["x"] == "input"


def test_a_leaf_passed_into_a_module_that_doesnt_list_it_is_an_input():
    x, w = leaf([1.0, 2.0], "x"), leaf([0.5, 0.5])
    with Scope("layer", "module", lambda: "Scale(2)", FakeModule(weight=w)):
        out = x * w
    assert kinds(out.sum()) == {"x": "input", "layer.weight": "parameter", "t1": "operation", "result": "result"}


def test_names_come_from_the_user_then_the_module_then_the_tensor_then_numbers():
    loss, named = mlp_with_mse()
    assert [card.name for card in Graph.of(loss).cards if not card.computed] == [
        "t1", "layer1.weight", "layer1.bias", "layer2.weight", "layer2.bias", "t7",
    ]  # fmt: skip
    named["W1"].name, named["x"].name = "of the tensor", "of the tensor x"
    names = [card.name for card in Graph.of(loss).cards]
    assert names[:2] == ["of the tensor x", "layer1.weight"]
    assert by_name(loss, names={named["W1"]: "mine"})["mine"].shape == (2, 3)
    assert by_name(loss, names={"mine": named["W1"]})["mine"].shape == (2, 3)


def test_computed_tensors_can_be_named():
    x = leaf(2.0, "x")
    h = x * x
    h.name = "hidden"
    assert [card.name for card in Graph.of(h + 1).cards] == ["x", "hidden", "result"]
    out = h + 1
    assert [card.name for card in Graph.of(out, names={"out": out}).cards] == ["x", "hidden", "out"]


def test_locals_will_do_as_names():
    def program():
        x, number, text, _hidden = leaf(2.0), 3, "x", leaf(1.0)
        h = x * _hidden
        again = h
        loss = h + number
        return Graph.of(loss, names={**locals(), text: x, 5: h})

    assert [card.name for card in program().cards] == ["x", "t1", "h", "loss"]


def test_arrays_that_the_graph_had_to_copy_are_found_by_their_numbers():
    images, w = np.random.default_rng(0).random((4, 3)), leaf(np.ones((3, 2)), "w")
    assert by_name((images @ w).sum(), names={"images": images, "other": np.zeros((4, 3))})["images"].kind == "input"
    shared = tg.Tensor(images)
    shared.numpy()  # from now on others may write to it
    assert by_name((shared @ w).sum(), names={"shared": shared})["shared"].shape == (4, 3)


def test_numbered_names_skip_those_that_are_taken_and_equal_names_get_numbers():
    a, b, c = leaf(1.0, "t1"), leaf(2.0, "t1"), leaf(3.0)
    assert [card.name for card in Graph.of(a * b * c).cards] == ["t1", "t1_2", "t2", "t3", "result"]


@pytest.mark.parametrize(
    ("name", "shown"), [("two\nlines", "two lines"), ("", "t1"), (" \n ", "t1"), ("\x00\ud800", "��"), ("损失", "损失")]
)
def test_names_are_one_line_and_never_blank(name, shown):
    assert Graph.of(leaf(1.0, name) * 2).cards[0].name == shown


def test_names_must_be_a_dict():
    with pytest.raises(DtypeError) as caught:
        Graph.of(scalars()[0], names=["a", "b"])
    assert str(caught.value).startswith("names must be a dict, not list\n  where: test_graph.py:")
    assert str(caught.value).endswith('\n  fix:   names={"x": x, "y": y}, or names=locals()\n  code:  not-a-dictionary')


def test_the_result_is_called_loss_where_a_loss_made_it():
    loss, _ = mlp_with_mse()
    assert Graph.of(loss).result.name == "loss"
    assert Graph.of(loss * 2).result.name == "result"


# --- boxes -------------------------------------------------------------------------------------------------------


def test_one_box_per_call_with_its_label_and_its_place():
    loss, names = mlp_with_mse()
    graph = Graph.of(loss, names)
    assert [(box.id, box.kind, box.name, box.call, box.label, box.parent, box.bare) for box in graph.boxes] == [
        ("b0", "module", "", "fakemodule", "MLP(2 → 3 → 1)", None, True),
        ("b1", "module", "layer1", "layer1", "Linear(2 → 3) + tanh", "b0", False),
        ("b2", "module", "layer2", "layer2", "Linear(3 → 1)", "b0", False),
        ("b3", "loss", "mse_loss", "mse_loss", "mse_loss(prediction, target)", None, False),
    ]
    boxes = {card.name: card.box for card in graph.cards}
    assert boxes == {
        "x": None, "W1": "b1", "t1": "b1", "b1": "b1", "t2": "b1", "a1": "b1", "W2": "b2", "t3": "b2", "b2": "b2",
        "prediction": "b2", "y": "b3", "t4": "b3", "t5": "b3", "loss": "b3",
    }  # fmt: skip


def test_the_site_of_a_box_is_the_line_that_called_the_module():
    def layer(x):
        with Scope("layer", "module", lambda: "Double()"):
            return x * 2

    out = layer(leaf([1.0])); line = inspect.currentframe().f_lineno  # noqa: E702  # fmt: skip
    assert [box.site for box in Graph.of(out).boxes] == [f"test_graph.py:{line}"]


def test_two_calls_of_a_module_are_two_boxes_and_the_shared_weight_stands_around_both():
    w, x = leaf([0.5, 0.5]), tg.Tensor([1.0, 2.0])
    module = FakeModule(weight=w)
    for _ in range(2):
        with Scope("cell", "module", lambda: "Cell(2)", module):
            x = x * w
    graph = Graph.of(x.sum())
    assert [box.name for box in graph.boxes] == ["cell", "cell"]
    assert {card.name: card.box for card in graph.cards}["cell.weight"] is None


def test_the_same_path_in_two_models_gives_two_names():
    weights = [leaf([1.0, 2.0]), leaf([3.0, 4.0])]
    x = tg.Tensor([1.0, 2.0])
    for weight in weights:
        with Scope("", "module", lambda: "Scale(2)", FakeModule(weight=weight)):
            x = x * weight
    assert [card.name for card in Graph.of(x.sum()).cards if card.kind == "parameter"] == ["weight", "weight_2"]


def test_networks_of_nn_give_paths_and_boxes():
    model = tg.nn.MLP([2, 3, 1], activation="tanh", rng=0)
    graph = Graph.of(tg.functional.mse_loss(model(np.ones((1, 2))), np.ones((1, 1))))
    assert [card.name for card in graph.cards if card.kind == "parameter"] == [
        name for name, _ in model.named_parameters()
    ]
    assert [box.label for box in graph.boxes if not box.bare][:2] == ["Linear(2 → 3) + tanh", "Linear(3 → 1) + tanh"]
    assert graph.parameter_count == 13
    assert [card.kind for card in graph.cards if not card.computed and card.kind != "parameter"] == ["input", "target"]
    assert all(card.site.startswith("test_graph.py:") for card in graph.cards if card.computed)


# --- errors ------------------------------------------------------------------------------------------------------


def test_what_has_no_graph_says_why():
    x = leaf([1.0, 2.0], "x")
    for output, broken in (
        (tg.Tensor([1.0]), "no input had requires_grad=True"),
        (x.detach() * 2, r"detach\(\) at test_graph.py:\d+"),
    ):
        with pytest.raises(GradientError) as caught:
            Graph.of(output)
        what, where, why, fix, code = str(caught.value).splitlines()
        assert what.endswith("has no graph to draw: it doesn't depend on anything that requires grad")
        assert re.fullmatch(r"  where:  test_graph.py:\d+", where)
        assert re.fullmatch(f"  broken: {broken}", why)
        assert fix == "  fix:    make the inputs with requires_grad=True, and don't detach them on the way"
        assert code == "  code:   no-gradient-path"


def test_only_tensors_have_graphs():
    with pytest.raises(DtypeError) as caught:
        Graph.of(FakeModule())
    assert str(caught.value).splitlines()[0] == "a graph is drawn from a Tensor that was computed, not from FakeModule"


def test_a_graph_that_was_freed_says_so():
    x = leaf(2.0)
    y = x * x
    y.backward(retain_graph=False)
    with pytest.raises(GradientError, match="freed"):
        Graph.of(y)


# --- size ----------------------------------------------------------------------------------------------------------


def test_a_diamond_of_sixty_has_sixty_one_cards_and_the_right_gradient():
    x = leaf(1.0, "x")
    y = x
    for _ in range(60):
        y = y + y
    graph = Graph.of(y)
    assert len(graph.cards) == 61
    assert len(graph.arrows) == 120
    assert graph.cards[0].grad.entries == 2.0**60


def test_long_chains_need_no_recursion():
    x = leaf(1.0)
    y = x
    for _ in range(5_000):
        y = y * 1.0
    graph = Graph.of(y)
    assert len(graph.cards) == graph.operations + 1 == 5_001
    assert graph.cards[0].grad.entries == 1.0
