"""The SVG drawing, parsed as XML: what stands where, that it is well formed whatever the names are, and its size."""

import re
import time
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.graphs import FakeModule, blocks, leaf, mlp_with_mse, scalars
from tinygrad_edu.graph import Graph
from tinygrad_edu.node import Scope
from tinygrad_edu.render.folding import close_deeper_than
from tinygrad_edu.render.svg import svg_source

NAMESPACE = "{http://www.w3.org/2000/svg}"


def parsed(output, names=None, **options):
    return ElementTree.fromstring(svg_source(Graph.of(output, names), **options))


def group(root, name):
    """The elements of one group by id: cards, arrows or boxes."""
    (found,) = (g for g in root.iter(f"{NAMESPACE}g") if g.get("class") == name)
    return {element.get("id"): element for element in found}


def texts(element):
    """What an element shows: class and text of each of its texts; lines below each other as lines."""
    shown = []
    for text in element.iter(f"{NAMESPACE}text"):
        content = text.text or ""
        for span in text:
            content += ("\n" if span.get("dy") else "") + "".join(span.itertext()) + (span.tail or "")
        shown.append((text.get("class"), content))
    return shown


def test_a_card_is_a_line_of_code_with_its_value_and_its_gradient():
    cards = group(parsed(*mlp_with_mse()), "cards")
    assert [texts(cards[id]) for id in ("n0", "n1", "n2", "n13")] == [
        [(None, "x  input"), ("shape", "(1, 2)"), ("value", "value 0.5  -1.0")],
        [
            (None, "W1  parameter"), ("shape", "(2, 3)"),
            ("value", "value    0.8    -0.6     0.3\n        -0.5     0.4     0.9"),
            ("grad", "grad   0.236  -0.430   0.240\n      -0.472   0.861  -0.479"),
        ],
        [
            (None, "t1 = x @ W1"), ("shape", "(1, 3)"),
            ("value", "value  0.90   -0.70  -0.75"), ("grad", "grad  0.472  -0.861  0.479"),
        ],
        [(None, "loss = mean(t5)"), ("shape", "scalar"), ("value", "value 0.646"), ("grad", "grad  1")],
    ]  # fmt: skip
    assert [card.get("class") for card in cards.values()][:3] == ["input", "parameter", None]


def test_every_card_arrow_and_box_has_its_id_in_order():
    root = parsed(*mlp_with_mse())
    assert list(group(root, "cards")) == [f"n{i}" for i in range(14)]
    assert list(group(root, "boxes")) == ["b1", "b2", "b3"]
    assert list(group(root, "arrows"))[:3] == ["n0-n2-0", "n1-n2-1", "n2-n4-0"]
    x = leaf([1.0, 2.0], "x")
    assert list(group(parsed(x * x), "arrows")) == ["n0-n1-0", "n0-n1-1"]


def test_title_legend_and_counts():
    root = parsed(*mlp_with_mse())
    shown = [(kind, text) for kind, text in texts(root) if kind in ("title", "legend")]
    assert shown == [
        ("title", "loss = mse_loss(fakemodule(x), y)"),
        ("legend", "every card is one line of code; value is what the forward pass computed, grad = ∂loss/∂card, "
         "what backward() computes, against the arrows"),
        ("legend", "14 nodes · 13 parameters in 4 tensors"),
    ]  # fmt: skip
    assert root.get("aria-label") == "loss = mse_loss(fakemodule(x), y)"


def test_tooltips_have_the_whole_line_and_its_place():
    cards = group(parsed(*mlp_with_mse()), "cards")
    assert re.fullmatch(r"t1 = x @ W1   graphs\.py:\d+", cards["n2"].find(f"{NAMESPACE}title").text)
    long = leaf([1.0], "a_name_of_more_than_thirty_four_characters")
    (card, *_) = group(parsed((long * long).sum()), "cards").values()
    assert texts(card)[0] == (None, "a_name_of_more_th…_four_characters  parameter")
    assert card.find(f"{NAMESPACE}title").text == "a_name_of_more_than_thirty_four_characters (parameter)"


def test_values_can_be_left_out():
    loss, names = mlp_with_mse()
    assert texts(group(parsed(loss, names, values=False), "cards")["n2"])[1:] == [
        ("shape", "(1, 3)"), ("grad", "grad  0.472  -0.861  0.479"),
    ]  # fmt: skip


def test_scalars_have_their_local_derivatives_on_the_arrows_and_the_sum_over_paths_on_the_card():
    root = parsed(*scalars())
    slopes = ["∂t1/∂a = b = −3", "∂t1/∂b = a = 2", "∂t2/∂t1 = 1", "∂t2/∂a = 1", "∂L/∂t2 = 2 · t2 = −8"]
    assert [texts(arrow) for arrow in group(root, "arrows").values()] == [[("slope", text)] for text in slopes]
    cards = group(root, "cards")
    assert texts(cards["n0"])[-1] == ("paths", "= (−8)·(−3) + (−8)·1 : two paths, add them")
    assert texts(cards["n1"])[-1] == ("paths", "= (−8)·2")


def test_a_stretched_operand_says_so_and_what_backward_does_there():
    arrows = group(parsed(*mlp_with_mse(samples=4)), "arrows")
    (stretched, *_) = (arrow for arrow in arrows.values() if texts(arrow))
    assert texts(stretched) == [("stretch", "(3,) → (4, 3)")]
    assert stretched.find(f"{NAMESPACE}title").text == "(3,) → (4, 3); backward: sum(g, axis=0)"


def test_numbers_that_are_not_finite_are_marked():
    x = leaf([0.0, 1.0], "x")
    with np.errstate(all="ignore"):
        y = tg.log(x)
        cards = group(parsed((y * y).sum()), "cards")
    bad = {
        id: [s.text for s in card.iter(f"{NAMESPACE}tspan") if s.get("class") == "bad"] for id, card in cards.items()
    }
    assert bad["n1"] == ["-inf", "-inf"]
    assert bad["n3"] == ["inf"]
    information = leaf([1.0], "infinite_nan")
    assert 'class="bad"' not in svg_source(Graph.of((information * 2).sum()))


def test_a_closed_module_says_what_it_is_and_holds():
    graph = close_deeper_than(Graph.of(*mlp_with_mse()), 1)
    cards = group(ElementTree.fromstring(svg_source(graph, depth=1)), "cards")
    assert texts(cards["n1"])[:4] == [
        (None, "a1 = layer1(x)"), ("shape", "(1, 3)"), ("note", "Linear(2 → 3) + tanh"),
        ("note", "9 parameters in 2 tensors"),
    ]  # fmt: skip
    assert cards["n1"].get("class") == "module"


# --- hostile text ------------------------------------------------------------------------------------------------

HOSTILE = [
    '<b>&"{|}\\',
    "损失函数",
    "a\nb",
    "&lt;",
    "]]>",
    "--><!--",
    "x" * 200,
    "\x00\x1b[31m",
    "\ud800",
    "\ufffe",
    "<>&|{}",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_is_well_formed_and_comes_through_as_it_is(name):
    x, w = leaf([1.0, 2.0], name), leaf([0.5, 0.5])
    with Scope(name, "module", lambda: name, FakeModule(weight=w)):
        y = x * w
    graph = Graph.of((y + x).sum(), {"loss": y})
    source = svg_source(graph)
    root = ElementTree.fromstring(source.encode())
    titles = [title.text for title in root.iter(f"{NAMESPACE}title")]
    clean = graph.cards[0].name
    assert any(clean.translate({0xFFFE: "\N{REPLACEMENT CHARACTER}"}) in title for title in titles)


@settings(max_examples=50)
@given(st.text(max_size=12))
def test_no_name_breaks_the_drawing(name):
    a, b = leaf(2.0, name), leaf(3.0, name[::-1])
    assert ElementTree.fromstring(svg_source(Graph.of(a * b + a)).encode()).tag.endswith("svg")


# --- size ----------------------------------------------------------------------------------------------------------


def test_the_picture_of_the_mock_up_is_small():
    assert len(svg_source(Graph.of(*mlp_with_mse())).encode()) < 16_000  # 40 kB are allowed


def test_500_cards_fit_into_250_kilobytes():
    graph = Graph.of(blocks(38, each=12))
    assert len(graph.cards) == 496
    assert len(svg_source(graph).encode()) < 250_000


def seconds(make):
    """The processor's time, which other programs on the machine hardly change."""
    start = time.process_time()
    ElementTree.fromstring(make())
    return time.process_time() - start


@pytest.mark.parametrize("value", [2.0, [1.0, 2.0]])
def test_a_diamond_of_sixty(value):
    y = leaf(value, "x")
    for _ in range(60):
        y = y + y
    root = parsed(y)
    assert len(group(root, "arrows")) == 120
    assert seconds(lambda: svg_source(Graph.of(y))) < 10


def test_a_chain_of_five_thousand():
    y = leaf(1.0, "x")
    for _ in range(5_000):
        y = y * 1.0
    start = time.process_time()
    source = svg_source(Graph.of(y))
    assert time.process_time() - start < 10  # 1 s where nothing else runs
    arrows = list(group(ElementTree.fromstring(source), "arrows"))
    assert arrows == [f"n{i}-n{i + 1}-0" for i in range(5_000)]
