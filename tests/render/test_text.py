"""The text drawing is a table in order of execution, and stays aligned whatever the names are."""

import tinygrad_edu as tg
from tests.graphs import blocks, leaf, mlp_with_mse
from tinygrad_edu.graph import Graph
from tinygrad_edu.render.folding import close_deeper_than
from tinygrad_edu.render.text import display_width, text_table

MLP = """\
loss = mse_loss(fakemodule(x), y)
14 nodes · 13 parameters in 4 tensors

name          computed by       shape   value                         grad
x             input             (1, 2)  [0.5 -1.0]
[layer1 · Linear(2 → 3) + tanh]
  W1          parameter         (2, 3)  [0.8 -0.6 0.3; -0.5 0.4 0.9]  [0.236 -0.430 0.240; -0.472 0.861 -0.479]
  t1          = x @ W1          (1, 3)  [0.90 -0.70 -0.75]            [0.472 -0.861 0.479]
  b1          parameter         (3,)    [0.1 -0.2 0.0]                [0.472 -0.861 0.479]
  t2          = t1 + b1         (1, 3)  [1.00 -0.90 -0.75]            [0.472 -0.861 0.479]
  a1          = tanh(t2)        (1, 3)  [0.762 -0.716 -0.635]         [1.12 -1.77 0.80]
[layer2 · Linear(3 → 1)]
  W2          parameter         (3, 1)  [0.7; -1.1; 0.5]              [1.22; -1.15; -1.02]
  t3          = a1 @ W2         (1, 1)  [1.00]                        [1.61]
  b2          parameter         (1,)    [0.05]                        [1.61]
  prediction  = t3 + b2         (1, 1)  [1.05]                        [1.61]
[mse_loss(prediction, target)]
  y           target            (1, 1)  [0.25]
  t4          = prediction − y  (1, 1)  [0.803]                       [1.61]
  t5          = t4²             (1, 1)  [0.646]                       [1]
  loss        = mean(t5)        scalar  0.646                         1"""

CLOSED = """\
loss = mse_loss(fakemodule(x), y)
14 nodes · 13 parameters in 4 tensors
0 of 8 operations shown (3 modules closed; depth=2 opens them)

name        computed by                                                   shape   value                  grad
x           input                                                         (1, 2)  [0.5 -1.0]
a1          = layer1(x): Linear(2 → 3) + tanh, 9 parameters in 2 tensors  (1, 3)  [0.762 -0.716 -0.635]  [1.12 -1.77 0.80]
prediction  = layer2(a1): Linear(3 → 1), 4 parameters in 2 tensors        (1, 1)  [1.05]                 [1.61]
y           target                                                        (1, 1)  [0.25]
loss        = mse_loss(prediction, y)                                     scalar  0.646                  1"""  # noqa: E501


def test_the_table_of_a_network():
    assert text_table(Graph.of(*mlp_with_mse())) == MLP


def test_the_table_of_closed_modules():
    assert text_table(close_deeper_than(Graph.of(*mlp_with_mse()), 1), depth=1) == CLOSED


def test_inner_modules_are_indented_and_announced_once():
    table = text_table(Graph.of(blocks(2, each=2, named="model")), values=False)
    assert [line.rstrip() for line in table.splitlines() if line.strip()[:1] == "["] == [
        "[model · Residual(2)]", "  [block0 · Block(3)]", "  [block1 · Block(3)]",
    ]  # fmt: skip


def test_columns_that_would_be_empty_are_left_out():
    graph = Graph.of(leaf([1.0, 2.0], "x") * 2)
    assert "grad " not in text_table(graph).splitlines()[4]
    assert text_table(graph, values=False).splitlines()[-1].split() == ["result", "=", "x", "·", "2", "(2,)"]


def test_columns_stand_below_each_other_with_wide_and_combining_characters():
    y = leaf(2.0, "损失") * leaf(3.0, "ŷ") * leaf(4.0, "plain") * tg.Tensor(2.0)
    rows = text_table(Graph.of(y)).splitlines()[3:]
    starts = {display_width(row[: row.index("scalar")]) for row in rows if "scalar" in row}
    assert len(starts) == 1
