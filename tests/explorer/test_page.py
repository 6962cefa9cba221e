"""The step-through page in real Chromium: every step, every number, paths, and numbers changed by the reader."""

import json
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.browser import OVERFLOWS, OVERLAPS
from tests.graphs import FakeModule, blocks, leaf, mlp_with_mse, scalars
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError
from tinygrad_edu.explorer import Page, explore
from tinygrad_edu.graph import graph_and_nodes
from tinygrad_edu.node import Scope
from tinygrad_edu.numbers import number_texts
from tinygrad_edu.render.picture import DrawingError

SHOWN = """() => Object.fromEntries([...document.querySelectorAll('.cards > g')].map(g => [g.id,
  Object.fromEntries(['value', 'grad'].map(word => {
    const text = g.querySelector('text.' + word);
    return [word, text && getComputedStyle(text).visibility === 'visible' ? text.textContent.slice(6) : null];
  }))]))"""
CLASSES = "name => [...document.querySelectorAll('.arrows > g.' + name)].map(g => g.id)"


@pytest.fixture
def opened(open_page, tmp_path):
    """Makes a page and opens it: `page = opened(loss, names, hash="#step=3")`."""

    def make(_made, names=None, hash="", dark=False, width=1300, height=800, scripts=True, **options):
        path = explore(_made, tmp_path / "page.html", names=names, **options).path
        page = open_page(path, width=width, height=height, dark=dark, scripts=scripts)
        if hash:
            page.evaluate("hash => { location.hash = hash; }", hash)
            page.wait_for_function("hash => document.querySelector('#count').textContent.length > 0", arg=hash)
        return page

    return make


LIT = "() => [...document.querySelectorAll('.eq.on')].map(e => [e.dataset.eq, e.querySelector('.here').textContent])"


def text(page, selector):
    return " ".join(page.inner_text(selector).split())


def numbers(shown):
    return re.findall(r"-?\d[\d.e+-]*", shown)


# --- stepping ------------------------------------------------------------------------------------------------------


def test_every_step_by_keyboard_shows_what_has_been_computed_so_far(opened):
    loss, names = mlp_with_mse()
    page = opened(loss, names)
    graph = tg.draw(loss, names=names).graph
    computed = [card.id for card in graph.cards if card.computed]
    given = [card.id for card in graph.cards if not card.computed]
    backward = computed[::-1]
    arrows = {card.id: [i for i in card.inputs if graph.by_id[i].grad is not None] for card in graph.cards}
    for step in range(18):
        assert text(page, "#count") == f"step {step} / 17"
        shown = page.evaluate(SHOWN)
        values = {id for id, texts in shown.items() if texts["value"] is not None}
        gradients = {id for id, texts in shown.items() if texts["grad"] is not None}
        assert values == set(given) | set(computed[: min(step, 8)])
        done = backward[: max(step - 9, 0)]
        assert gradients == ({computed[-1]} if step >= 9 else set()) | {i for card in done for i in arrows[card]}
        now = page.evaluate("() => [...document.querySelectorAll('.cards .now')].map(g => g.id)")
        assert now == (
            [] if step == 0 else [computed[step - 1]] if step <= 8 else [computed[-1]] if step == 9 else [done[-1]]
        )
        page.keyboard.press("ArrowRight")
    assert text(page, "#count") == "step 17 / 17"  # the end is the end
    page.keyboard.press("ArrowLeft")
    assert text(page, "#count") == "step 16 / 17"
    page.keyboard.press("Home")
    assert text(page, "#count") == "step 0 / 17"
    page.keyboard.press("End")
    assert text(page, "#count") == "step 17 / 17"


def test_gradients_in_the_page_are_those_of_numpy(opened):
    loss, names = mlp_with_mse(samples=4)
    page = opened(loss, names, hash="#step=17")
    x, y, W1, b1, W2, b2 = (names[n].detach().numpy() for n in ("x", "y", "W1", "b1", "W2", "b2"))
    a1 = np.tanh(x @ W1 + b1)
    delta2 = 2 * (a1 @ W2 + b2 - y) / 4
    delta1 = delta2 @ W2.T * (1 - a1**2)
    expected = {"W2": a1.T @ delta2, "b2": delta2.sum(0), "W1": x.T @ delta1, "b1": delta1.sum(0)}
    ids = {card.name: card.id for card in tg.draw(loss, names=names).graph.cards}
    shown = page.evaluate(SHOWN)
    for name, gradient in expected.items():
        assert numbers(shown[ids[name]]["grad"]) == number_texts(gradient)


def test_a_backward_step_says_the_rule_the_local_derivative_and_the_result(opened):
    loss, names = mlp_with_mse()
    page = opened(loss, names, hash="#step=14")
    assert text(page, "#say").startswith("Backward through t3 = a1 @ W2: multiply the gradient g that arrived")
    shown = text(page, "#why")
    assert "chain rule at t3" in shown
    assert "arrived: g = ∂loss/∂t3 = 1.61" in shown
    assert "∂loss/∂a1 = g @ W2ᵀ ∂t3/∂a1: W2ᵀ = 0.7 -1.1 0.5 = 1.12 -1.77 0.80" in shown
    assert "∂loss/∂W2 = a1ᵀ @ g ∂t3/∂W2: a1ᵀ = 0.762 -0.716 -0.635 = 1.22 -1.15 -1.02" in shown
    assert page.evaluate(CLASSES, "back") == ["n5-n7-0", "n6-n7-1"]
    chips = page.evaluate("() => [...document.querySelectorAll('.arrows .back .chip')].map(c => c.textContent)")
    assert chips == ["W2ᵀ", "a1ᵀ"]
    assert re.search(r"graphs\.py:\d+ prediction = a1 @ W2 \+ b2", shown)


def test_arrows_turn_and_change_their_colour_with_their_heads(opened):
    loss, names = mlp_with_mse()
    page = opened(loss, names, hash="#step=14")
    marker = page.evaluate("""() => {
      const [, id] = getComputedStyle(document.querySelector('.back > path')).markerStart.match(/#([^"]+)/);
      return document.getElementById(id).localName;
    }""")
    assert marker == "marker"
    ids = page.evaluate("() => [...document.querySelectorAll('[id]')].map(e => e.id)")
    assert len(ids) == len(set(ids))
    heads = """name => [...document.querySelectorAll(`.arrows > .${name}`)].map(g => {
      const [line, head] = g.querySelectorAll(':scope > path');
      return getComputedStyle(line).stroke === getComputedStyle(head).fill;
    })"""
    page.click("#n1")
    assert page.evaluate(heads, "path") == [True] * 8
    page.keyboard.press("Escape")
    page.keyboard.press("Home")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(heads, "on") == [True, True]


def test_the_four_equations_light_up_where_they_are_at_work(opened):
    loss, names = mlp_with_mse()
    page = opened(loss, names)
    page.keyboard.press("End")
    lit = {}
    for step in range(17, 8, -1):
        rows = page.evaluate(LIT)
        lit[step] = dict(rows)
        page.keyboard.press("ArrowLeft")
    assert lit == {
        9: {}, 10: {"BP1": "here: ∂loss/∂t5 = broadcast_to(g, (1, 1))"}, 11: {"BP1": "here: ∂loss/∂t4 = g · (2 · t4)"},
        12: {"BP1": "here: ∂loss/∂prediction = g"}, 13: {"BP3": "here: ∂loss/∂b2 = sum(g, axis=0)"},
        14: {"BP2": "here: ∂loss/∂a1 = g @ W2ᵀ", "BP4": "here: ∂loss/∂W2 = a1ᵀ @ g"},
        15: {"BP2": "here: ∂loss/∂t2 = g ⊙ (1 − a1²)"}, 16: {"BP3": "here: ∂loss/∂b1 = sum(g, axis=0)"},
        17: {"BP4": "here: ∂loss/∂W1 = xᵀ @ g"},
    }  # fmt: skip


def test_an_expression_without_layers_has_no_equations(opened):
    assert opened(*scalars()).query_selector(".eq") is None


def test_a_value_used_twice_gets_old_plus_new(opened):
    L, names = scalars()
    page = opened(L, names)
    page.keyboard.press("End")
    shown = text(page, "#why")
    assert "∂L/∂a += g · b ∂t1/∂a: b = -3 -8 + 24 = 16" in shown
    assert "old + new = sum, for a is used more than once" in shown
    page.keyboard.press("ArrowLeft")
    assert page.evaluate(SHOWN)["n0"]["grad"] == "-8"  # so far
    assert "the first of 2 parts" in text(page, "#why")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(SHOWN)["n0"]["grad"] == "16"


def test_a_rule_without_a_formula_is_told_in_words(opened):
    x = leaf([1.0, 2.0, 3.0], "x")
    page = opened(tg.prod(x), hash="#step=3")
    assert "Each element gets the product of all others" in text(page, "#why")


def test_what_was_stretched_forward_is_added_up_backward(opened):
    x, b = leaf(np.ones((2, 3)), "x"), leaf([1.0, 2.0, 3.0], "b")
    page = opened((x * b).sum(), hash="#step=5")
    assert "∂result/∂b = sum(g ⊙ x, axis=0)" in text(page, "#why")
    assert "Forward stretched b, (3,) → (2, 3)" in text(page, "#why")


def test_space_plays_and_stops(opened):
    page = opened(*scalars())
    page.keyboard.press(" ")
    assert text(page, "#play") == "pause"
    page.wait_for_function("() => document.querySelector('#count').textContent === 'step 2 / 7'")
    page.keyboard.press(" ")
    assert text(page, "#play") == "play"


def test_buttons_and_slider_do_what_the_keys_do(opened):
    page = opened(*scalars())
    page.click("#next")
    page.click("#next")
    page.click("#back")
    assert text(page, "#count") == "step 1 / 7"
    page.fill("#slider", "5")
    assert text(page, "#count") == "step 5 / 7"
    page.click("#first")
    assert text(page, "#count") == "step 0 / 7"
    assert page.is_disabled("#back")


# --- where the page is ---------------------------------------------------------------------------------------------


def test_the_address_says_where_the_page_is(opened):
    loss, names = mlp_with_mse()
    page = opened(loss, names, hash="#step=14&node=W1")
    assert text(page, "#count") == "step 14 / 17"
    assert page.evaluate("() => document.querySelector('.picked').id") == "n1"
    page.keyboard.press("Escape")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("() => location.hash") == "#step=15"
    page.click("#n6")
    assert page.evaluate("() => location.hash") == "#step=15&node=W2"
    for wrong in ("#step=99&node=none", "#step=-3", "#step=x", "#%%%"):
        page.evaluate("hash => { location.hash = hash; }", wrong)
        page.keyboard.press("ArrowLeft")
    assert re.fullmatch(r"step \d+ / 17", text(page, "#count"))


def test_the_sentence_is_read_out_and_cards_take_the_focus(opened):
    page = opened(*scalars())
    assert page.get_attribute("#say", "aria-live") == "polite"
    for _ in range(6):
        page.keyboard.press("Tab")
    focused = page.evaluate("() => [document.activeElement.id, document.activeElement.getAttribute('aria-label')]")
    assert focused[0].startswith("n")
    assert focused[1] == "t1 = a · b, operation, scalar"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.getAttribute('aria-pressed')") == "true"
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.querySelectorAll('.picked').length") == 0


# --- paths ---------------------------------------------------------------------------------------------------------


def test_a_click_shows_the_path_and_escape_goes_back(opened):
    loss, names = mlp_with_mse()
    page = opened(loss, names, hash="#step=3")
    page.click("#n1")
    assert len(page.evaluate(CLASSES, "path")) == 8
    assert text(page, "#say") == "W1 reaches loss by 1 path over 8 arrows. Esc goes back to stepping."
    shown = text(page, "#why")
    assert (
        "∂loss/∂W1 = ∂t1/∂W1 · ∂t2/∂t1 · ∂a1/∂t2 · ∂t3/∂a1 · ∂prediction/∂t3 · ∂t4/∂prediction · ∂t5/∂t4 · ∂loss/∂t5"
        in shown
    )
    dimmed = page.evaluate("() => [...document.querySelectorAll('.cards .dim')].map(g => g.id)")
    assert dimmed == ["n0", "n3", "n6", "n8", "n10"]
    page.keyboard.press("Escape")
    assert page.evaluate(CLASSES, "path") == []
    assert text(page, "#count") == "step 3 / 17"


def test_paths_of_a_chain_of_60_diamonds_are_counted_at_once(opened):
    x = leaf(1.0, "x")
    h = x
    for _ in range(60):
        h = h * 0.5 + h * 0.5
    page = opened(h, max_nodes=500)
    took = page.evaluate("""() => {
      const start = performance.now();
      document.querySelector('#n0').dispatchEvent(new MouseEvent('click'));
      return performance.now() - start;
    }""")
    assert "by 1,152,921,504,606,846,976 paths over 240 arrows" in text(page, "#say")
    assert took < 2000


# --- changing numbers ----------------------------------------------------------------------------------------------


def softmax_classifier():
    rng = np.random.default_rng(2)
    x, W = tg.Tensor(rng.normal(size=(3, 2)), name="x"), leaf(rng.normal(size=(2, 4)), "W")
    return tg.functional.cross_entropy(x @ W, [0, 3, 1]), {"x": x, "W": W}


def many_ops():
    a, b = leaf([[0.3, -1.2, 0.8], [1.5, 0.2, -0.4]], "a"), leaf([0.9, -0.5, 2.0], "b")
    h = tg.maximum(a * b, 0.1) + tg.relu(a) - tg.sqrt(b * b + 1) / 3
    h = tg.concatenate([h[:, 1:], tg.exp(-h)], axis=1).T.reshape(5, 2)
    m = tg.max(h, axis=0) + h.mean(axis=0) * h.std() + tg.logsumexp(h, axis=0)
    return (tg.where(m > 1, m, m**3) * tg.softmax(m)).sum() + tg.sigmoid(a[1, 0]) + h.var(), {"a": a, "b": b}


def float32_net():
    rng = np.random.default_rng(3)
    model = tg.nn.MLP([3, 4, 2], activation="sigmoid", rng=1, dtype=np.float32)
    x = tg.Tensor(rng.normal(size=(2, 3)).astype(np.float32), name="x")
    return tg.functional.mse_loss(model(x), np.ones((2, 2), np.float32)), {"x": x}


def gelu_and_einsum():
    rng = np.random.default_rng(5)
    x, W = leaf(rng.normal(size=(2, 3)), "x"), leaf(rng.normal(size=(3, 3)), "W")
    h = tg.functional.gelu(tg.einsum("ni,ij->nj", x, W))
    return (tg.erfc(h) * tg.cumsum(h, axis=1)).sum() + tg.einsum("ni,ni->", h, h), {"x": x, "W": W}


def convolution():
    rng = np.random.default_rng(6)
    x, w = tg.Tensor(rng.normal(size=(1, 1, 5, 5)), name="x"), leaf(rng.normal(size=(2, 1, 3, 3)), "w")
    return (tg.tanh(tg.functional.conv2d(x, w, padding=1)) ** 2).mean(), {"x": x, "w": w}


def mixed_precisions():
    rng = np.random.default_rng(7)
    W = leaf(rng.normal(size=(3, 2)).astype(np.float32), "W")
    x, b = tg.Tensor(rng.normal(size=(4, 3)).astype(np.float32), name="x"), leaf(rng.normal(size=2), "b")
    return (tg.tanh((x @ W).astype(np.float64) * b) + x[:, :2] * b).sum(), {"x": x, "W": W, "b": b}


GRAPHS = {
    "gelu and einsum": (gelu_and_einsum, "W", 4, 0.75), "convolution": (convolution, "w", 7, -1.5),
    "mixed": (mixed_precisions, "W", 1, 0.3),
    "mixed leaf": (mixed_precisions, "b", 0, 0.3), "mlp": (mlp_with_mse, "W1", 1, 1.4),
    "batch": (lambda: mlp_with_mse(samples=4), "b1", 2, -0.75),
    "input": (mlp_with_mse, "x", 0, 3.25), "scalars": (scalars, "a", 0, 0.125),
    "classifier": (softmax_classifier, "W", 5, 4.0), "many ops": (many_ops, "a", 3, -2.5),
    "kink": (many_ops, "b", 1, 0.0), "float32": (float32_net, "x", 4, 0.1), "huge": (mlp_with_mse, "W2", 1, 12345678.0),
}  # fmt: skip


def replayed(loss, names, name, place, value):
    """The same graph by the engine, where one number of a given value is another; under the same names."""
    graph, nodes = graph_and_nodes(loss, names)
    made = {}
    for card, node in zip(graph.cards, nodes):
        if node.op is None:
            array = np.array(node.out)
            if card.name == name:
                array.reshape(-1)[place] = value
            made[card.id] = tg.Tensor(array, requires_grad=node.requires_grad)
        else:
            operands = [made[o] if isinstance(o, str) else o for o in card.operands]
            made[card.id] = node.op(operands, **node.params) if node.op.variadic else node.op(*operands, **node.params)
    return made[graph.result.id], {card.name: made[card.id] for card in graph.cards}


@pytest.mark.parametrize("case", GRAPHS)
def test_a_changed_number_changes_everything_as_the_engine_says(opened, open_page, tmp_path, case):
    make, name, place, value = GRAPHS[case]
    loss, names = make()
    page = opened(loss, names)
    page.keyboard.press("End")
    ids = {card.name: card.id for card in graph_and_nodes(loss, names)[0].cards}
    page.click(f"#{ids[name]}")
    page.locator(".edit input").nth(place).fill(str(value))
    page.keyboard.press("Escape")
    expected_loss, expected_names = replayed(loss, names, name, place, value)
    expected = open_page(explore(expected_loss, tmp_path / "expected.html", names=expected_names).path)
    expected.keyboard.press("End")
    assert page.evaluate(SHOWN) == expected.evaluate(SHOWN)
    found = float(page.evaluate("() => document.body.dataset.result"))
    assert found == pytest.approx(
        expected_loss.item(), rel=1e-6 if case in ("float32", "mixed", "mixed leaf") else 1e-12
    )
    panel = """() => [...document.querySelectorAll('#why > :not(.where)')].map(e => e.textContent)"""
    for step in range(6):  # every panel too: rules with numbers, parts and sums
        assert page.evaluate(panel) == expected.evaluate(panel), step
        page.keyboard.press("ArrowLeft")
        expected.keyboard.press("ArrowLeft")


def test_the_page_says_what_a_gradient_had_promised_and_can_go_back(opened):
    L, names = scalars()
    page = opened(L, names)
    page.keyboard.press("End")
    before = page.evaluate(SHOWN)
    page.click("#n0")
    page.locator(".edit input").first.fill("2.001")
    assert text(page, "#say") == (
        "a: 2 → 2.001. L: 16 → 16.02, which is +0.016; its gradient 16 promised 16 · 0.001 = +0.016."
    )
    assert text(page, ".its-value") == "2.00"
    page.locator(".edit input").first.fill("4")
    assert "A gradient keeps its promise for small steps only." in text(page, "#say")
    page.locator(".edit input").first.fill("")  # somebody is typing
    assert page.evaluate("() => document.body.dataset.result") == "64"
    page.click("#reset")
    page.keyboard.press("Escape")
    assert page.evaluate(SHOWN) == before


def test_a_number_too_long_for_its_card_is_squeezed_into_it(opened):
    loss, names = mlp_with_mse()
    page = opened(loss, names)
    page.keyboard.press("End")
    page.click("#n1")
    for place, value in enumerate(("-123456.789", "1e-12", "-99999.5")):
        page.locator(".edit input").nth(place).fill(value)
    assert page.evaluate(OVERFLOWS) == []


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: (tg.erfinv(leaf([0.5], "x")).sum(), {}), "pages can't compute erfinv"),
        (lambda: (leaf(np.ones((30, 30)), "x").sum(), {}), "there are 901 numbers in it"),
        (lambda: (leaf(np.ones(2, np.float16), "x").sum(), {}), "it computes in float16"),
    ],
)
def test_where_numbers_cannot_be_changed_the_page_says_why(opened, make, why):
    page = opened(*make())
    assert f"Numbers can't be changed here: {why}." in text(page, "#why")
    page.click("#n0")
    assert page.query_selector(".edit") is None
    assert why in text(page, "#why")


# --- looks ---------------------------------------------------------------------------------------------------------


def hostile():
    x, w = leaf([1.0, 2.0], "</script><b>&\"'{|}\\"), leaf([0.5, 0.5], "损失函数损失函数损失函数")
    with Scope("W" * 60, "module", lambda: "M" * 200, FakeModule(weight=w)):
        y = tg.tanh(x * w)
    z = leaf([1e-30, 1.0], "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii")
    return tg.concatenate([y, z, leaf([1.0], "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW")]).sum(), {"<!--": y}


def not_finite():
    x = leaf([0.0, 1.0, 2.0], "x")
    with np.errstate(all="ignore"):
        return (tg.log(x) * leaf(np.zeros((3, 3)))).sum(), {}


PAGES = {
    "mlp": mlp_with_mse, "scalars": scalars, "hostile": hostile, "not finite": not_finite, "many ops": many_ops,
    "closed": lambda: (blocks(30, each=6, named="net"), None),
}  # fmt: skip


@pytest.mark.parametrize("width", [1300, 400])
@pytest.mark.parametrize("name", PAGES)
def test_no_text_leaves_its_card_and_no_cards_overlap(opened, name, width):
    page = opened(*PAGES[name](), width=width, dark=width == 400)
    page.keyboard.press("End")
    for _ in range(3):
        assert page.evaluate(OVERFLOWS) == []
        assert page.evaluate(OVERLAPS, ".cards > g > rect") == []
        assert page.evaluate(OVERLAPS, ".cards text") == []
        page.keyboard.press("ArrowLeft")
    assert page.evaluate("() => document.documentElement.scrollWidth <= innerWidth")


def test_hostile_names_are_shown_and_nothing_else(opened):
    page = opened(*hostile())
    assert page.evaluate("() => document.querySelectorAll('b, script').length") == len(["data", "script"])
    page.click("#n0")
    assert "</script><b>&\"'{|}\\ reaches result by 1 path" in text(page, "#say")


def test_the_dark_scheme_is_dark(opened):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    assert opened(*scalars()).evaluate(ground) == "rgb(255, 255, 255)"
    assert opened(*scalars(), dark=True).evaluate(ground) == "rgb(15, 20, 26)"


CONTRAST = """() => {
  const channel = c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.match(/[\\d.]+/g).map(Number);
                       return 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b); };
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
                        if (c !== 'rgba(0, 0, 0, 0)') return c; } };
  const out = [];
  for (const e of document.querySelectorAll('header *, #say, .panels *')) {
    if (![...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim()) || e.disabled) continue;
    const a = light(getComputedStyle(e).color), b = light(ground(e));
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) out.push([e.textContent, ratio]);
  }
  return out;
}"""


@pytest.mark.parametrize("dark", [False, True])
def test_all_texts_can_be_read_on_their_ground(opened, dark):
    page = opened(*mlp_with_mse(), dark=dark)
    for _ in range(18):
        assert page.evaluate(CONTRAST) == []
        page.keyboard.press("ArrowRight")
    page.click("#n1")
    assert page.evaluate(CONTRAST) == []


def test_without_scripts_the_whole_picture_shows(opened):
    page = opened(*mlp_with_mse(), scripts=False)
    assert page.is_visible("noscript p")
    visible = page.locator(".cards .grad")
    assert visible.count() == 12
    assert all(visible.nth(k).is_visible() for k in range(12))


def test_the_current_card_is_scrolled_into_view(opened):
    page = opened(*mlp_with_mse(), width=420, height=600)
    inside = """() => {
      const a = document.querySelector('.now').getBoundingClientRect();
      const b = document.querySelector('main').getBoundingClientRect();
      return a.top >= b.top && a.bottom <= b.bottom && a.left < b.right && a.right > b.left;
    }"""
    for _ in range(17):
        page.keyboard.press("ArrowRight")
        assert page.evaluate(inside)


def test_in_a_notebook_the_page_lives_in_a_frame(open_page, tmp_path):
    page = explore(scalars()[0])
    assert page.path is None
    notebook = tmp_path / "notebook.html"
    notebook.write_text(f"<!doctype html><meta charset=utf-8>{page._repr_html_()}", encoding="utf8")
    frame = open_page(notebook).frames[1]
    frame.wait_for_selector(".live")
    frame.click("#next")
    assert frame.inner_text("#count") == "step 1 / 7"


# --- the file ------------------------------------------------------------------------------------------------------


def test_the_policy_allows_nothing_but_the_page_s_own(tmp_path):
    html = explore(mlp_with_mse()[0]).html
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "unsafe" not in policy
    assert "http:" not in html.replace("http://www.w3.org/2000/svg", "")
    assert "https:" not in html
    assert " style=" not in html


def test_sizes(tmp_path):
    assert len(explore(mlp_with_mse()[0]).html.encode()) <= 60_000
    large = explore(blocks(45, named="net"), max_nodes=1000)
    assert len(data_of(large)["cards"]) >= 490
    assert len(large.html.encode()) <= 250_000


def test_a_step_at_500_cards_takes_less_than_50_ms(opened):
    page = opened(blocks(45, named="net"), max_nodes=1000)
    took = page.evaluate("""() => {
      const out = [];
      for (let k = 0; k < 40; k++) {
        const start = performance.now();
        dispatchEvent(new KeyboardEvent('keydown', {key: 'ArrowRight'}));
        document.body.getBoundingClientRect();
        out.push(performance.now() - start);
      }
      return out.sort((a, b) => a - b)[20];
    }""")
    assert took < 50


def test_the_same_program_gives_the_same_bytes():
    assert explore(mlp_with_mse()[0]).html == explore(mlp_with_mse()[0]).html


def data_of(page):
    text = re.search(r'id="data">(.*?)</script>', page.html, re.S)[1]
    return json.loads(text, parse_constant=lambda name: pytest.fail(name))


def test_the_data_of_the_page_are_plain_json():
    assert data_of(explore(not_finite()[0]))["title"] == "result = sum(log(x) · t2)"


def test_it_is_made_from_a_function_too_and_touches_no_grad(tmp_path):
    def area(width, height):
        return width * height

    page = explore(area, tmp_path / "area.html", 2.0, 3.0)
    assert page.path == tmp_path / "area.html"
    assert "area = width · height" in page.html
    assert repr(page).startswith("<page of ")
    loss, names = mlp_with_mse()
    explore(loss)
    assert names["W1"].grad is None
    assert Page("x").save(tmp_path / "x.html").read_text() == "x"


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: explore(leaf([1.0, 2.0]) * 2), ShapeError, "for one number"),
        (lambda: explore(tg.Tensor(1.0)), GradientError, "no graph"),
        (lambda: explore(3.0), DtypeError, "not from float"),
        (lambda: explore(scalars()[0], direction="up"), DrawingError, "unknown direction"),
        (lambda: explore(scalars()[0], depth=0), DrawingError, "depth must be a whole number"),
        (lambda: explore(scalars()[0], max_nodes=2), DrawingError, "too many cards"),
    ],
)
def test_what_cannot_be_explored_is_refused(call, error, message):
    with pytest.raises(error, match=message):
        call()
