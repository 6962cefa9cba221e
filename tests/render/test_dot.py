"""The DOT drawing, read back by regular expressions and, where it is installed, by Graphviz itself."""

import html
import re
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.graphs import FakeModule, blocks, draw_with_names, leaf, mlp_with_mse, needs_dot, random_network, scalars
from tinygrad_edu.graph import Graph
from tinygrad_edu.node import Scope
from tinygrad_edu.render.dot import dot_source, quoted
from tinygrad_edu.render.folding import close_deeper_than


def drawn(output, names=None, grads=True, **options):
    return dot_source(Graph.of(output, names, grads), **options)


def cards(source):
    """The attributes of each card by its id; the label as plain text, one line per row."""
    found = {}
    for id, label, rest in re.findall(r"^ *(n\d+) \[label=<(.*?)>, (color=.*)\];$", source, flags=re.M):
        rows = re.findall(r"<TD[^>]*>(.*?)</TD>", label)
        found[id] = ([plain(row) for row in rows], dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', rest)))
    return found


def plain(markup):
    lines = re.sub(r"<[^>]*>", "", markup.replace('<BR ALIGN="LEFT"/>', "\n"))
    return html.unescape(lines).replace("\u00a0", " ").strip("\n")


def arrows(source):
    return re.findall(r"^ *(n\d+) -> (n\d+) \[(.*)\];$", source, flags=re.M)


def graphviz(source, form="plain"):
    done = subprocess.run(["dot", f"-T{form}"], input=source.encode(), capture_output=True, timeout=30, check=False)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    return done.stdout.decode()


# --- content ---------------------------------------------------------------------------------------------------


def test_a_card_is_a_line_of_code_with_its_value_and_its_gradient():
    found = cards(drawn(*mlp_with_mse()))
    assert [found[id][0] for id in ("n0", "n1", "n2", "n13")] == [
        ["x  input   (1, 2)", "value 0.5  -1.0"],
        [
            "W1  parameter   (2, 3)",
            "value    0.8    -0.6     0.3\n        -0.5     0.4     0.9",
            "grad   0.236  -0.430   0.240\n      -0.472   0.861  -0.479",
        ],
        ["t1 = x @ W1   (1, 3)", "value  0.90   -0.70  -0.75", "grad  0.472  -0.861  0.479"],
        ["loss = mean(t5)   scalar", "value 0.646", "grad  1"],
    ]


def test_colours_and_pens_tell_the_kinds_apart():
    found = {rows[0].split()[0]: attributes for rows, attributes in cards(drawn(*mlp_with_mse())).values()}
    assert {name: found[name]["color"] for name in ("x", "y", "W1", "t1", "loss")} == {
        "x": "#2B6CB0", "y": "#7B8794", "W1": "#B7791F", "t1": "#5B6675", "loss": "#6D3FC0",
    }  # fmt: skip
    assert {name: found[name]["fillcolor"] for name in ("x", "y", "W1", "t1", "loss")} == {
        "x": "#EAF3FC", "y": "#F3F5F7", "W1": "#FFF6DF", "t1": "#FFFFFF", "loss": "#F1EAFD",
    }  # fmt: skip
    assert [name for name in found if "dashed" in found[name]["style"]] == ["y"]


def contrast(text, ground):
    def luminance(colour):
        channels = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    lighter, darker = sorted((luminance(text), luminance(ground)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def test_every_text_can_be_read_on_its_ground():
    for graph in (Graph.of(*mlp_with_mse()), close_deeper_than(Graph.of(*mlp_with_mse()), 1), Graph.of(*scalars())):
        for label, ground in re.findall(r'\[label=(<<.*?>>), color="[^"]*", fillcolor="([^"]*)"', dot_source(graph)):
            for colour in re.findall(r'COLOR="([^"]*)"', label):
                assert contrast(colour, ground) >= 4.5


def test_title_legend_and_counts():
    (title,) = re.findall(r"labeljust=l, label=(<<.*?>>)\];", drawn(*mlp_with_mse()))
    assert [plain(row) for row in re.findall(r"<TD[^>]*>(.*?)</TD>", title)] == [
        "loss = mse_loss(fakemodule(x), y)",
        "every card is one line of code; value is what the forward pass computed, grad = ∂loss/∂card, "
        "what backward() computes, against the arrows",
        "14 nodes · 13 parameters in 4 tensors",
    ]


def test_values_and_gradients_can_be_left_out():
    loss, names = mlp_with_mse()
    assert cards(drawn(loss, names, grads=False))["n2"][0][1:] == ["value 0.90  -0.70  -0.75"]
    assert cards(drawn(loss, names, values=False))["n2"][0][1:] == ["grad  0.472  -0.861  0.479"]
    assert cards(drawn(loss, names, values=False, grads=False))["n2"][0][1:] == []
    assert "grad" not in drawn(loss, names, values=False, grads=False)


def test_arrows_keep_operand_order_and_repeats():
    a, b = leaf([2.0, 1.0], "a"), leaf([3.0, 1.0], "b")
    assert [arrow[:2] for arrow in arrows(drawn((b - a).sum()))] == [("n0", "n2"), ("n1", "n2"), ("n2", "n3")]
    assert [arrow[:2] for arrow in arrows(drawn(a * a))] == [("n0", "n1"), ("n0", "n1")]


def test_arrows_have_the_weight_and_the_colour_of_what_they_come_from():
    weights = {source: attributes for source, _, attributes in arrows(drawn(*mlp_with_mse()))}
    assert weights["n0"] == 'weight=4, color="#2B6CB0"'
    assert weights["n1"] == 'weight=1, color="#B7791F"'
    assert weights["n2"] == "weight=12"
    assert weights["n10"] == 'weight=1, color="#7B8794"'


def test_given_values_stand_beside_the_op_that_uses_them():
    source = drawn(*mlp_with_mse())
    assert re.findall(r"\{ rank=same; (n\d+); (n\d+); \}", source) == [
        ("n1", "n2"), ("n3", "n4"), ("n6", "n7"), ("n8", "n9"), ("n10", "n11"),
    ]  # fmt: skip
    w = leaf([1.0, 2.0], "w")
    assert "rank=same" not in drawn((w * tg.tanh(w)).sum())  # two users: it stands free
    assert drawn(tg.concatenate([leaf([1.0]) for _ in range(10)]).sum()).count("rank=same") == 2


def test_boxes_hold_their_cards():
    source = drawn(*mlp_with_mse())
    found = re.findall(r"^  subgraph cluster_(b\d) .*?label=<(.*?)>;\n(.*?)^  \}$", source, flags=re.M | re.S)
    content = {box: (plain(label).strip(), re.findall(r"^ *(n\d+) \[", body, flags=re.M)) for box, label, body in found}
    assert content == {
        "b1": ("layer1 · Linear(2 → 3) + tanh", ["n1", "n2", "n3", "n4", "n5"]),
        "b2": ("layer2 · Linear(3 → 1)", ["n6", "n7", "n8", "n9"]),
        "b3": ("mse_loss(prediction, target)", ["n10", "n11", "n12", "n13"]),
    }


def test_boxes_within_boxes():
    source = drawn(blocks(2, each=2, named="model"))
    boxes = re.findall(r"subgraph cluster_(b\d)|^ *(\})$", source, flags=re.M)
    assert [box or end for box, end in boxes] == ["b0", "b1", "}", "b2", "}", "}", "}"]


def test_deep_boxes_need_no_recursion():
    x = leaf([1.0, 2.0], "x")
    scopes = []
    for i in range(1_500):
        scopes.append(Scope(f"s{i}", "module", lambda: "Deep()"))
        scopes[-1].__enter__()
    y = x * 2
    for scope in reversed(scopes):
        scope.__exit__()
    assert drawn(y).count("subgraph") == 1_500


def test_a_stretched_operand_says_so_and_what_backward_does_there():
    loss, names = mlp_with_mse(samples=4)
    (label, tooltip), *_ = re.findall(r"label=<(.*?)>, tooltip=(.*)\];", drawn(loss, names))
    assert plain(label).strip() == "(3,) → (4, 3)"
    assert tooltip == '"(3,) → (4, 3); backward: sum(g, axis=0)"'
    x = leaf(np.ones((2, 1, 3)), "x")
    y = leaf(np.ones((5, 2, 4, 3)), "y")
    assert "backward: sum(g, axis=(0, 2))" in drawn((x * y).sum())
    assert "→" not in drawn((y * y).sum())


def test_scalars_have_their_local_derivatives_on_the_arrows_and_the_sum_over_paths_on_the_card():
    source = drawn(*scalars())
    labels = [plain(re.search(r"label=<(.*?)>\Z", attributes)[1]).strip() for _, _, attributes in arrows(source)]
    assert labels == [
        "∂t1/∂a = b = −3", "∂t1/∂b = a = 2", "∂t2/∂t1 = 1", "∂t2/∂a = 1", "∂L/∂t2 = 2 · t2 = −8",
    ]  # fmt: skip
    found = cards(source)
    assert found["n0"][0] == ["a  leaf", "value 2", "grad  16", "= (−8)·(−3) + (−8)·1 : two paths, add them"]
    assert found["n1"][0] == ["b  leaf", "value -3", "grad  -16", "= (−8)·2"]
    assert found["n2"][0] == ["t1 = a · b", "value -6", "grad  -8"]
    assert "rank=same" not in source


def test_many_paths_are_counted():
    x = leaf(1.0, "x")
    y = x
    for _ in range(6):
        y = y + x
    assert cards(drawn(y))["n0"][0][-1] == "= 1·1 + 1·1 + 1·1 + 1·1 + … : 7 paths, add them"


def test_direction_is_to_the_right_for_few_ranks_that_fit_or_the_callers():
    y = leaf([1.0], "x")
    for ops in range(1, 9):
        y = tg.tanh(y)
        assert re.search("rankdir=(..)", drawn(y))[1] == ("LR" if ops <= 6 else "TB")
    assert "rankdir=LR" in drawn(y, direction="LR")
    wide = leaf(np.linspace(-1, 1, 8), "x")
    for ops in range(1, 5):
        wide = tg.tanh(wide)
        assert re.search("rankdir=(..)", drawn(wide))[1] == ("LR" if ops <= 1 else "TB")  # 400 pixels each


def test_a_closed_module_is_one_card():
    graph = close_deeper_than(Graph.of(*mlp_with_mse()), 1)
    source = dot_source(graph, depth=1)
    assert cards(source)["n1"][0] == [
        "a1 = layer1(x)   (1, 3)", "Linear(2 → 3) + tanh", "9 parameters in 2 tensors",
        "value 0.762  -0.716  -0.635", "grad   1.12   -1.77    0.80",
    ]  # fmt: skip
    assert "0 of 8 operations shown (3 modules closed; depth=2 opens them)" in plain(source)


# --- hostile text ------------------------------------------------------------------------------------------------

HOSTILE = ['<b>&"{|}\\', "损失函数", "a\nb", "\\N \\G \\l", "&lt;", "]];}", "--><!--", "x" * 200, "\x00\x1b[31m", "\\"]


def test_strings_of_dot_have_no_escapes_left():
    assert quoted('a"b\\') == '"a\\"b\\\\"'
    assert quoted("&lt;") == '"&amp;lt;"'


@needs_dot
@pytest.mark.parametrize("name", HOSTILE)
def test_any_name_comes_through_graphviz_as_it_is(name):
    x, w = leaf([1.0, 2.0], name), leaf([0.5, 0.5])
    with Scope(name, "module", lambda: name, FakeModule(weight=w)):
        y = x * w
    svg = graphviz(drawn((y + x).sum(), {"loss": y}), "svg")
    shown = [html.unescape(text) for text in re.findall(r"<text[^>]*>(.*?)</text>", svg)]
    tooltips = [html.unescape(text) for text in re.findall(r'xlink:title="(.*?)"', svg)]
    graph = Graph.of(x * w)
    clean = graph.cards[0].name
    assert clean
    assert "\n" not in clean
    if len(clean) <= 34:
        assert clean in shown
    assert any(clean in text.replace("\u00a0", " ") for text in tooltips)


@needs_dot
@settings(max_examples=15)
@given(st.text(max_size=12))
def test_no_name_breaks_the_drawing(name):
    a, b = leaf(2.0, name), leaf(3.0, name[::-1])
    assert "</svg>" in graphviz(drawn(a * b + a), "svg")


# --- Graphviz accepts every drawing ------------------------------------------------------------------------------


@needs_dot
@pytest.mark.parametrize("seed", range(20))
def test_graphviz_draws_random_networks_without_a_warning(seed):
    graph = Graph.of(random_network(seed))
    for each in (graph, close_deeper_than(graph, 1)):
        laid_out = graphviz(dot_source(each, direction="TB" if seed % 2 else None))
        assert len(re.findall(r"^node ", laid_out, flags=re.M)) == len(each.cards)
        assert len(re.findall(r"^edge ", laid_out, flags=re.M)) == len(each.arrows)


@needs_dot
@pytest.mark.parametrize("options", [{"focus": "W1", "saved": True}, {"depth": 1}, {"values": False}, {"grads": False}])
def test_graphviz_draws_every_kind_of_picture_without_a_warning(options):
    assert "</svg>" in graphviz(draw_with_names(*mlp_with_mse(), **options).to_dot(), "svg")


@needs_dot
def test_graphviz_draws_rolled_modules_and_numbers_that_are_not_finite():
    drawn = graphviz(tg.draw(blocks(28, each=50)).to_dot(), "svg")
    assert "block0…27(t1)" in html.unescape(drawn)
    x = leaf([0.0, 1.0], "x")
    with np.errstate(all="ignore"):
        source = tg.draw((tg.log(x) * 2).sum()).to_dot()
    assert re.findall('COLOR="#C11515"><B>(.*?)</B>', source) == ["inf", "-inf", "-inf", "-inf"]
    graphviz(source, "svg")


@needs_dot
@pytest.mark.parametrize("direction", ["TB", "LR"])
def test_the_spine_is_straight_and_given_values_stand_beside_it(direction):
    laid_out = graphviz(drawn(*mlp_with_mse(), direction=direction))
    place = {id: (float(x), float(y)) for id, x, y in re.findall(r"^node (\S+) (\S+) (\S+)", laid_out, flags=re.M)}
    along, across = (1, 0) if direction == "TB" else (0, 1)
    spine = ["n0", "n2", "n4", "n5", "n7", "n9", "n11", "n12", "n13"]
    assert max(place[id][across] for id in spine) - min(place[id][across] for id in spine) < 0.05
    for given_value, op in (("n1", "n2"), ("n3", "n4"), ("n6", "n7"), ("n8", "n9"), ("n10", "n11")):
        assert place[given_value][along] == pytest.approx(place[op][along], abs=0.05 if direction == "TB" else 0.5)


@needs_dot
def test_the_picture_of_the_mock_up_is_small():
    assert len(graphviz(drawn(*mlp_with_mse()), "svg")) < 40_000


@needs_dot
@pytest.mark.parametrize("value", [2.0, [1.0, 2.0]])
def test_a_diamond_of_sixty(value):
    y = leaf(value, "x")
    for _ in range(60):
        y = y + y
    source = drawn(y)
    assert len(arrows(source)) == 120
    graphviz(source)


def test_a_chain_of_five_thousand():
    y = leaf(1.0, "x")
    for _ in range(5_000):
        y = y * 1.0
    source = drawn(y)
    assert len(cards(source)) == 5_001
    assert [arrow[:2] for arrow in arrows(source)] == [(f"n{i}", f"n{i + 1}") for i in range(5_000)]
