"""The forms of text that programs read: Mermaid, JSON and the static page."""

import html
import json
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.browser import check_drawing
from tests.graphs import FakeModule, blocks, draw_with_names, leaf, mlp_with_mse, scalars
from tinygrad_edu.node import Scope

HOSTILE = '<b>&"{|}\\`#; end []()@'


def hostile():
    x, w = leaf([1.0, 2.0], HOSTILE), leaf([0.5, 0.5])
    with Scope(HOSTILE, "module", lambda: HOSTILE, FakeModule(weight=w)):
        y = x * w
    return tg.draw(y.sum())


# --- Mermaid -----------------------------------------------------------------------------------------------------


def mermaid_text(label):
    plain = label.replace("<br/>", "\n").replace("<b>", "").replace("</b>", "")
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", plain))


def test_mermaid_has_a_node_for_each_card_an_edge_for_each_arrow_and_a_subgraph_for_each_box():
    picture = draw_with_names(*mlp_with_mse())
    source = picture.to_mermaid()
    assert source.startswith("flowchart TB\n")
    nodes = dict(re.findall(r'^ *(n\d+)\["(.*)"\]:::\w+$', source, flags=re.M))
    assert set(nodes) == {card.id for card in picture.graph.cards}
    assert mermaid_text(nodes["n2"]) == ("t1 = x @ W1  (1, 3)\nvalue [0.90 -0.70 -0.75]\ngrad [0.472 -0.861 0.479]")
    edges = re.findall(r"^  (n\d+) --> (n\d+)$", source, flags=re.M)
    assert edges == [(arrow.source, arrow.target) for arrow in picture.graph.arrows]
    assert re.findall(r'subgraph (b\d)\["(.*)"\]', source)[0] == ("b1", "layer1 · Linear#40;2 → 3#41; + tanh")
    assert len(re.findall(r"^ *end$", source, flags=re.M)) == 3
    classes = set(re.findall(r":::(\w+)", source))
    assert set(re.findall(r"classDef (\w+)", source)) == classes


def test_mermaid_labels_arrows_and_nests_boxes():
    assert '  n0 -->|"∂t1/∂a = b = −3"| n2' in draw_with_names(*scalars()).to_mermaid()
    nested = tg.draw(blocks(2, each=2, named="model")).to_mermaid()
    assert re.findall(r"subgraph (b\d)|^ *(end)$", nested, flags=re.M) == [
        ("b0", ""), ("b1", ""), ("", "end"), ("b2", ""), ("", "end"), ("", "end"),
    ]  # fmt: skip


def test_no_name_has_a_meaning_in_mermaid():
    source = hostile().to_mermaid()
    quoted = re.findall(r'"(.*?)"', source)
    for text in quoted:
        bare = text.replace("<br/>", "").replace("<b>", "").replace("</b>", "")
        assert not set(re.sub(r"#\d+;", "", bare)) & set('<>"`{}|\\[]()@#&')
    assert HOSTILE in mermaid_text(quoted[0])


# --- JSON --------------------------------------------------------------------------------------------------------


def test_json_holds_every_card_box_and_arrow():
    loss, names = mlp_with_mse()
    data = json.loads(draw_with_names(loss, names).to_json())
    assert data["title"] == "loss = mse_loss(fakemodule(x), y)"
    by_name = {card["name"]: card for card in data["cards"]}
    assert by_name["W1"]["value"] == names["W1"].tolist()
    np.testing.assert_array_equal(by_name["W1"]["grad"], tg.gradients(loss, names["W1"]).numpy())
    assert by_name["t1"]["expression"] == "x @ W1"
    assert by_name["t1"]["inputs"] == [by_name["x"]["id"], by_name["W1"]["id"]]
    assert (by_name["t1"]["box"], by_name["x"].get("box")) == ("b1", None)
    assert data["boxes"][0]["text"] == "layer1 · Linear(2 → 3) + tanh"
    assert data["arrows"][0] == {"source": "n0", "target": "n2", "position": 0}
    slopes = [arrow["slope"] for arrow in json.loads(draw_with_names(*scalars()).to_json())["arrows"]]
    assert slopes == [-3.0, 2.0, 1.0, 1.0, -8.0]


def test_json_has_no_numbers_that_json_has_not():
    x = leaf([0.0, 1.0], "x")
    with np.errstate(all="ignore"):
        data = json.loads(tg.draw((tg.log(x) * leaf(np.zeros((5, 2)))).sum()).to_json())
    values = {card["name"]: card["value"] for card in data["cards"]}
    assert values["t1"] == ["-inf", 0.0]
    assert values["t3"] == {"mean": 0.0, "std": 0.0, "min": 0.0, "max": 0.0, "nan": 5, "inf": 0}


def test_values_can_be_left_out_of_the_data():
    assert all("value" not in card for card in json.loads(tg.draw(leaf(1.0) * 2, values=False).to_json())["cards"])


# --- the page ----------------------------------------------------------------------------------------------------


@pytest.fixture
def saved_page(tmp_path):
    return draw_with_names(*mlp_with_mse()).save(tmp_path / "loss.html")


def test_the_page_holds_the_picture_and_nothing_that_runs(tmp_path):
    picture = draw_with_names(*mlp_with_mse())
    content = picture.save(tmp_path / "loss.html").read_text(encoding="utf8")
    assert picture.to_svg().rstrip() in content
    assert "<script" not in content
    assert "default-src 'none'" in content
    assert "script-src" not in content


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("scripts", [False, True])
def test_the_page_in_a_browser(open_page, saved_page, dark, scripts):
    page = open_page(saved_page, dark=dark, scripts=scripts)
    if scripts:
        check_drawing(page)
    rows = page.locator("tbody tr").all_inner_texts()
    assert len(rows) == 14 + 3
    assert [cell.strip() for cell in rows[2].split("\t")] == [
        "W1", "parameter", "(2, 3)", "[0.8 -0.6 0.3; -0.5 0.4 0.9]", "[0.236 -0.430 0.240; -0.472 0.861 -0.479]",
    ]  # fmt: skip


def test_on_a_narrow_screen_only_the_picture_and_the_table_scroll(open_page, saved_page):
    page = open_page(saved_page, width=400)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
    assert page.evaluate("document.querySelector('.tg').getBoundingClientRect().width") > 700


def test_no_name_has_a_meaning_in_the_page(open_page, tmp_path):
    page = open_page(hostile().save(tmp_path / "hostile.html"))
    assert HOSTILE in page.locator("tbody td").first.inner_text()
