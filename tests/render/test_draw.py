"""draw shows as much as fits, says what it hides, and refuses with the numbers and the ways out."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.graphs import blocks, leaf, mlp_with_mse
from tinygrad_edu.errors import DtypeError, GradientError
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


def test_above_modules_close_and_the_title_says_so():
    picture = draw(blocks(28, each=50))
    assert len(picture.graph.cards) == 30
    assert lines(picture)[:3] == [
        "result = sum(fakemodule(t1))",
        "1,430 nodes · 84 parameters in 28 tensors",
        "1 of 1,401 operations shown (28 modules closed; depth=2 opens them)",
    ]
    assert "1 of 1,401 operations shown (28 modules closed; depth=2 opens them)" in picture.to_dot()


def test_modules_stay_open_as_deep_as_fits():
    assert draw(blocks(28, each=50, named="model")).depth == 2
    assert len(draw(blocks(28, each=50, named="model")).graph.cards) == 30
    picture = draw(blocks(150, each=5, named="model"))
    assert (picture.depth, len(picture.graph.cards)) == (1, 3)
    assert lines(picture)[2] == "1 of 751 operations shown (1 module closed; depth=2 opens it)"


def test_depth_is_the_callers():
    output = blocks(28, each=50, named="model")
    assert [len(draw(output, depth=depth).graph.cards) for depth in (1, 2, 3)] == [3, 30, 1_430]
    assert len(draw(*mlp_with_mse(), depth=1).graph.cards) == 5


def test_max_nodes_keeps_modules_open_longer_and_closes_them_sooner():
    assert len(draw(blocks(28, each=50), max_nodes=1_500).graph.cards) == 1_430
    assert len(draw(*mlp_with_mse(), max_nodes=13).graph.cards) == 5
    assert len(draw(chain(2_500), max_nodes=2_501).graph.cards) == 2_501


def test_what_is_too_large_is_refused_with_the_counts_and_the_ways_out():
    with pytest.raises(DrawingError) as caught:
        draw(chain(2_500))
    assert str(caught.value) == (
        "this graph has too many cards to draw: 2,501, where 2,000 are the most\n"
        "  nodes:   2,501\n"
        "  modules: none, so depth= can't close any\n"
        "  fix:     max_nodes=2501 draws them all the same (Graphviz may need minutes)\n"
        "           draw a part: the loss of fewer steps, or a tensor in the middle\n"
        "  code:    picture-too-large"
    )
    with pytest.raises(DrawingError, match="modules: closed at level 2\n  fix:     depth=1 closes all modules\n"):
        draw(blocks(60, each=50, named="model"), depth=2, max_nodes=20)
    with pytest.raises(DrawingError, match="modules: all closed"):
        draw(*mlp_with_mse(), max_nodes=4)


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


def test_what_has_no_graph():
    with pytest.raises(GradientError, match="has no graph to draw"):
        draw(tg.Tensor(1.0))
    with pytest.raises(DtypeError, match="not from ndarray"):
        draw(np.ones(3))


def test_options_reach_the_drawings():
    loss, names = mlp_with_mse()
    assert "rankdir=LR" in draw(loss, names, direction="LR").to_dot()
    assert lines(draw(loss, names, values=False, grads=False))[3].split() == ["name", "computed", "by", "shape"]
    assert tg.draw is draw
