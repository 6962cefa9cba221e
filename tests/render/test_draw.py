"""draw shows as much as fits, says what it hides, and refuses with the numbers and the ways out."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.graphs import FakeModule, blocks, draw_with_names, leaf, mlp_with_mse
from tinygrad_edu.errors import DtypeError, GradientError
from tinygrad_edu.node import Scope
from tinygrad_edu.render.draw import draw
from tinygrad_edu.render.picture import DrawingError


def chain(length):
    y = leaf(1.0, "x")
    for _ in range(length):
        y = y * 1.0
    return y


def lines(picture):
    return str(picture).splitlines()


def test_up_to_120_cards_nothing_is_closed():
    picture = draw(blocks(10, each=10))  # 10 · (10 operations and a weight), the input and the sum
    assert (len(picture.graph.cards), picture.depth) == (112, None)
    assert len(draw(chain(1_999)).graph.cards) == 2_000


def unlike_blocks(count):
    """Modules in a row, no two of them alike."""
    x = leaf(np.ones(3), "x")
    for i in range(count):
        with Scope(f"block{i}", "module", lambda i=i: f"Block({i})", FakeModule()):
            for _ in range(10):
                x = tg.tanh(x)
    return x.sum()


def test_above_modules_close_and_the_title_says_so():
    picture = draw(unlike_blocks(28))
    assert len(picture.graph.cards) == 30
    assert lines(picture)[1:3] == [
        "282 nodes",
        "1 of 281 operations shown (28 modules closed; depth=2 opens them)",
    ]
    for drawn in (picture.to_dot(), picture.to_svg(), picture.to_json()):
        assert "1 of 281 operations shown (28 modules closed; depth=2 opens them)" in drawn


def test_alike_modules_in_a_row_are_one_card():
    picture = draw(blocks(28, each=50))
    assert [card.name for card in picture.graph.cards] == ["t1", "t1401", "result"]
    assert lines(picture)[:3] == [
        "result = sum(fakemodule(t1))",
        "1,430 nodes · 84 parameters in 28 tensors",
        "1 of 1,401 operations shown (28 modules closed, alike ones in one card; depth=2 opens them)",
    ]
    assert "t1401   = block0…27(t1): Block(3) × 28, 84 parameters in 28 tensors" in str(picture)


def test_modules_stay_open_as_deep_as_fits():
    picture = draw(blocks(28, each=50, named="model"))
    assert (picture.depth, len(picture.graph.cards)) == (2, 3)
    assert "[model · Residual(28)]" in str(picture)
    picture = draw(nested(150))
    assert (picture.depth, len(picture.graph.cards)) == (1, 3)
    assert lines(picture)[2] == "1 of 751 operations shown (1 module closed; depth=2 opens it)"


def nested(count):
    x = leaf(np.ones(3), "x")
    with Scope("model", "module", lambda: "Model()", FakeModule()):
        for i in range(count):
            with Scope(f"block{i}", "module", lambda i=i: f"Block({i})", FakeModule()):
                for _ in range(5):
                    x = tg.tanh(x)
    return x.sum()


def test_depth_is_the_callers():
    output = blocks(28, each=50, named="model")
    assert [len(draw(output, depth=depth).graph.cards) for depth in (1, 2, 3)] == [3, 30, 1_430]
    assert len(draw_with_names(*mlp_with_mse(), depth=1).graph.cards) == 5


def test_max_nodes_keeps_modules_open_longer_and_closes_them_sooner():
    assert len(draw(blocks(28, each=50), max_nodes=1_500).graph.cards) == 1_430
    assert len(draw_with_names(*mlp_with_mse(), max_nodes=13).graph.cards) == 5
    assert len(draw(chain(2_500), max_nodes=2_501).graph.cards) == 2_501


def test_what_is_too_large_is_refused_with_the_counts_and_the_ways_out():
    with pytest.raises(DrawingError) as caught:
        draw(chain(2_500))
    assert str(caught.value) == (
        "this graph has too many cards to draw: 2,501, where 2,000 are the most\n"
        "  nodes:   2,501\n"
        "  modules: none, so depth= can't close any\n"
        "  fix:     max_nodes=2501 draws them all the same (as .svg; .png and .pdf may take minutes)\n"
        "           draw a part: the loss of fewer steps, or a tensor in the middle\n"
        "  code:    picture-too-large"
    )
    with pytest.raises(DrawingError, match="modules: closed at level 2\n  fix:     depth=1 closes all modules\n"):
        draw(nested(60), depth=2, max_nodes=20)
    with pytest.raises(DrawingError, match="modules: all closed"):
        draw_with_names(*mlp_with_mse(), max_nodes=4)


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"direction": "up"}, "unknown direction 'up'"),
        ({"depth": 0}, "depth must be a whole number from 1, not 0"),
        ({"depth": 1.5}, "depth must be a whole number from 1, not 1.5"),
        ({"max_nodes": True}, "max_nodes must be a whole number from 1, not True"),
    ],
)
def test_options_that_make_no_sense(options, text):
    with pytest.raises(DrawingError) as caught:
        draw(leaf(1.0) * 2, **options)
    assert str(caught.value).splitlines()[0] == text


def test_focus_shows_what_a_tensor_comes_from_and_goes_into():
    loss, names = mlp_with_mse()
    picture = draw(loss, names=names, focus=names["W2"])
    assert [card.name for card in picture.graph.cards] == ["W2", "t3", "prediction", "t4", "t5", "loss"]
    assert lines(picture)[2] == "5 of 8 operations shown (only what W2 comes from and goes into)"
    assert " = a1 @ W2<" in picture.to_svg()  # operands outside keep their names
    assert [card.name for card in draw(loss, names=names, focus="prediction").graph.cards] == [
        card.name for card in draw(loss, names=names).graph.cards if card.kind != "target"
    ]


def test_focus_may_be_in_a_closed_module():
    loss, names = mlp_with_mse()
    picture = draw(loss, names=names, focus=names["W1"], depth=1)
    assert [card.name for card in picture.graph.cards] == ["a1", "prediction", "loss"]
    assert "loss = mse_loss(prediction, y)" in picture.to_svg()


def test_what_is_not_in_the_graph_can_not_be_in_focus():
    loss, names = mlp_with_mse()
    with pytest.raises(GradientError) as caught:
        draw(loss, names=names, focus="predicton")
    assert str(caught.value).splitlines()[0] == "focus: 'predicton' is not in this graph"
    assert 'focus="prediction"' in str(caught.value)
    with pytest.raises(GradientError, match=r"focus: other \(\) float64 isn't in it"):
        draw(loss, focus=leaf(1.0, "other"))


def test_scalars_that_are_used_outside_the_focus_have_no_sum_over_paths():
    a, b = leaf(2.0, "a"), leaf(-3.0, "b")
    picture = draw((a * b + a) ** 2 + a, focus=b)
    assert "two paths" not in picture.to_svg()
    picture = draw((a * b + a) ** 2, focus=a)
    assert "two paths" in picture.to_svg()


def test_saved_shows_the_memory_that_the_graph_holds():
    x = leaf(np.ones((10, 10)), "x")
    y = tg.exp(x)
    z = (y.T * y).sum()
    picture = draw(z, saved=True)
    assert [card.bytes_held for card in picture.graph.cards] == [800, 800, 0, 800, 8]  # y.T is a view
    assert lines(picture)[1] == "5 nodes · 100 parameters in 1 tensor · 2.4 kB saved for backward"
    assert [line.split()[-2:] for line in lines(picture)[4:]] == [
        ["800", "B"], ["800", "B"], ["0", "B"], ["800", "B"], ["8", "B"],
    ]  # fmt: skip
    for drawn in (picture.to_svg(), picture.to_dot(), picture.to_mermaid()):
        assert drawn.count("saved 800 B") == 3
    assert "saved" not in draw(z).to_svg()
    closed = draw_with_names(*mlp_with_mse(), depth=1, saved=True)
    whole = draw_with_names(*mlp_with_mse(), saved=True)
    assert lines(closed)[1] == lines(whole)[1]


# --- functions and names -----------------------------------------------------------------------------------------


def square_loss(w, x, target=1.0):
    prediction = tg.tanh(w @ x)
    error = prediction - target
    return (error**2).mean()


def test_a_function_is_called_on_tracked_copies_and_its_variables_are_names():
    w, x = np.ones((2, 3)), tg.Tensor([1.0, 2.0, 3.0], requires_grad=True)
    picture = draw(square_loss, w, x)
    assert [line.split()[0] for line in lines(picture)[4:]] == [
        "w", "x", "t1", "prediction", "error", "t2", "square_loss",
    ]  # fmt: skip
    assert x.grad is None
    assert all(card.grad is not None for card in picture.graph.cards)


def test_the_callers_variables_are_names_where_there_is_no_other():
    first = leaf([1.0, 2.0])
    second = leaf([3.0, 4.0], "own name")
    product = first * second
    outcome = product.sum()
    assert [card.name for card in draw(outcome).graph.cards] == ["first", "own name", "product", "outcome"]
    given = draw(outcome, names={"given": product})
    assert [card.name for card in given.graph.cards] == ["first", "own name", "given", "outcome"]


def test_arguments_without_a_function_are_refused():
    with pytest.raises(DtypeError, match="1 more arguments were given with Tensor, which can't be called"):
        draw(leaf(1.0) * 2, {"x": 1})


def test_what_has_no_graph():
    with pytest.raises(GradientError, match="has no graph to draw"):
        draw(tg.Tensor(1.0))
    with pytest.raises(DtypeError, match="not from ndarray"):
        draw(np.ones(3))


def test_options_reach_the_drawings():
    loss, names = mlp_with_mse()
    assert "rankdir=LR" in draw(loss, names=names, direction="LR").to_dot()
    assert lines(draw(loss, names=names, values=False, grads=False))[3].split() == ["name", "computed", "by", "shape"]
    assert tg.draw is draw
