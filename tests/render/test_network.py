"""Pictures of networks: the numbers drawn are those of the network; the page's script draws what Python draws."""

import re
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.browser import CONTRASTS, OVERLAPS
from tinygrad_edu.errors import DataError
from tinygrad_edu.render.network import FAINTEST
from tinygrad_edu.render.network_picture import draw_network
from tinygrad_edu.render.network_svg import lines, places
from tinygrad_edu.render.picture import DrawingError

NAMESPACE = "{http://www.w3.org/2000/svg}"
PATH = re.compile(r'<path class="(\w+ s\d)" d="([^"]*)"')  # the lines between neurons


@pytest.fixture(scope="module")
def digits():
    """Ten digits, one of each, and a network of the videos' shape."""
    train, test = tg.data.digits(seed=0)
    pick = [int(np.flatnonzero(test.labels == digit)[0]) for digit in range(10)]
    model = tg.nn.MLP([784, 16, 16, 10], rng=3)
    optimizer = tg.optim.SGD(model.parameters(), lr=1.0)
    for images, labels in tg.data.batches(*train, batch_size=32, rng=0):
        optimizer.zero_grad()
        tg.functional.mse_loss(model(images), tg.data.one_hot(labels)).backward()
        optimizer.step()
    return model, test.images[pick].astype(float), test.labels[pick]


def parsed(picture):
    return ElementTree.fromstring(picture.to_svg())


def found(root, name, tag="*"):
    return [e for e in root.iter() if e.get("class") == name and (tag == "*" or e.tag == NAMESPACE + tag)]


def texts(root):
    return ["".join(text.itertext()) for text in root.iter(f"{NAMESPACE}text")]


# --- what is drawn -------------------------------------------------------------------------------------------------


def test_13_002_is_counted_on_the_picture(digits):
    model, images, _ = digits
    shown = texts(parsed(draw_network(model, images[3])))
    assert "784 → 16 → 16 → 10" in shown
    assert "13,002 parameters = 12,544 + 16 + 256 + 16 + 160 + 10: weights and biases, layer by layer" in shown
    for text in ("12,544 weights + 16 biases", "256 weights + 16 biases", "160 weights + 10 biases"):
        assert text in shown
    assert [t for t in shown if "784 inputs" in t] == ["784 inputs, 16 groups of 49"]


def test_neurons_are_lit_by_their_activation(digits):
    model, images, _ = digits
    root = parsed(draw_network(model, images[3]))
    hidden = tg.sigmoid(images[3] @ model.layer1.weight + model.layer1.bias).detach().numpy()
    for neuron, activation in enumerate(hidden):
        (group,) = (g for g in root.iter(f"{NAMESPACE}g") if g.get("id") == f"l1-{neuron}")
        grey = int(group.find(f"{NAMESPACE}circle").get("fill")[1:3], 16)
        assert grey == pytest.approx(255 * activation, abs=0.51)
    (first,) = (g for g in root.iter(f"{NAMESPACE}g") if g.get("id") == "l0-0")
    assert int(first.find(f"{NAMESPACE}circle").get("fill")[1:3], 16) == pytest.approx(
        255 * images[3][:49].mean(), abs=0.51
    )


def test_lines_are_weight_times_activation(digits):
    model, images, _ = digits
    view = draw_network(model, images[3]).shown
    hidden = tg.sigmoid(images[3] @ model.layer1.weight + model.layer1.bias).detach().numpy()
    exact = model.layer2.weight.detach().numpy() * hidden[:, None]
    shares = np.array(view.gaps[1]).reshape(16, 16)
    percent = 100 * exact / np.abs(exact).max()
    drawn = np.abs(percent) >= FAINTEST
    np.testing.assert_allclose(shares[drawn], percent[drawn], atol=0.51)
    assert not shares[np.abs(percent) < FAINTEST - 0.5].any()
    groups = (model.layer1.weight.detach().numpy() * images[3][:, None]).reshape(16, 49, 16).sum(axis=1)
    first = np.array(view.gaps[0]).reshape(16, 16)
    assert first[np.unravel_index(np.abs(groups).argmax(), (16, 16))] in (100, -100)
    assert (np.sign(first[first != 0]) == np.sign(groups[first != 0])).all()


def test_every_line_is_drawn_once_from_neuron_to_neuron(digits):
    model, images, _ = digits
    picture = draw_network(model, images[3])
    at, view = places(picture.drawing, 0.0), picture.shown
    for gap, drawn in enumerate(lines(at, view)):
        starts = re.findall(r"M([\d.]+) ([\d.-]+)L([\d.]+) ([\d.-]+)", drawn)
        assert len(starts) == np.count_nonzero(view.gaps[gap])
        assert {float(y) for _, y, _, _ in starts} <= set(at.y[gap])
        assert {float(y) for _, _, _, y in starts} <= set(at.y[gap + 1])


def test_the_winner_is_marked(digits):
    model, images, _ = digits
    picture = draw_network(model, images[3])
    outputs = model(images[3:4]).detach().numpy()[0]
    (winner,) = found(parsed(picture), "win")
    assert texts(winner)[0] == str(outputs.argmax())
    assert str(picture).splitlines()[-1].split()[:3] == ["answer", f"{outputs.argmax()}:", f"{outputs.max():.2f},"]


def test_layers_of_more_than_16_show_8_and_8_and_the_count():
    model = tg.nn.MLP([9, 40, 17, 3], rng=0)
    picture = draw_network(model, np.ones(9))
    assert picture.drawing.columns[1].shown == (*range(8), *range(32, 40))
    assert "40 neurons · sigmoid, 16 shown" in texts(parsed(picture))
    assert len(found(parsed(picture), "dot")) == 6
    assert [len(gap) for gap in picture.shown.gaps] == [9 * 16, 16 * 16, 16 * 3]


def test_inputs_that_are_no_image_are_neurons_and_small_networks_show_their_numbers():
    model = tg.nn.MLP([2, 3, 1], activation="tanh", output_activation=None, rng=0)
    picture = draw_network(model, [0.5, -1.0])
    root = parsed(picture)
    inside = ["".join(text.itertext()) for text in found(root, "inside")]
    output = model(np.array([[0.5, -1.0]])).item()
    assert inside[:2] == ["0.50", "-1.00"]
    assert inside[-1] == f"{output:.2f}"
    assert not list(root.iter(f"{NAMESPACE}image"))
    assert picture.shown.bars == []


def test_outputs_that_are_no_shares_are_shown_as_their_softmax(digits):
    _, images, _ = digits
    model = tg.nn.MLP([784, 16, 10], output_activation=None, rng=0)
    picture = draw_network(model, images[0])
    outputs = model(images[:1]).detach().numpy()[0]
    shares = np.exp(outputs) / np.exp(outputs).sum()
    assert picture.shown.answers == [f"{share:.2f}" for share in shares]
    assert "Bars: softmax of the outputs." in " ".join(texts(parsed(picture)))


def test_the_answer_in_words_is_the_largest_output_also_where_all_look_equal():
    model = tg.nn.MLP([2, 3], activation="sigmoid", output_activation="sigmoid", rng=0)
    model.layer1.weight.data[...] = 0.0
    model.layer1.bias.data[...] = [-8.0, -9.0, -7.0]  # 0.00 each
    picture = draw_network(model, [[0.5, 1.0]])
    assert picture.shown.winner == 2
    assert str(picture).splitlines()[-1].split() == ["answer", "2:", "0.00,", "then", "0:", "0.00"]


def test_weights_need_no_input(digits):
    model, _, _ = digits
    picture = draw_network(model, mode="weights")
    weights = model.layer3.weight.detach().numpy()
    shares = np.array(picture.shown.gaps[2]).reshape(16, 10)
    assert shares[np.unravel_index(np.abs(weights).argmax(), weights.shape)] in (100, -100)
    assert len({grey for column in picture.shown.fills for grey in column}) == 1


def test_wants_are_arrows_and_their_mean_over_a_batch(digits):
    model, images, labels = digits
    picture = draw_network(model, images, labels, mode="wants")
    hidden = model.layer2(model.layer1(images))
    hidden = tg.Tensor(hidden.detach().numpy(), requires_grad=True)
    cost = ((model.layer3(hidden) - tg.data.one_hot(labels)) ** 2).sum()
    wants = -tg.gradients(cost, hidden).numpy().mean(axis=0)
    arrows = np.array(picture.shown.arrows[2])
    np.testing.assert_allclose(arrows, np.where(arrows, 100 * wants / np.abs(wants).max(), 0), atol=0.51)
    assert np.count_nonzero(arrows) >= 10
    up = found(found(parsed(picture), "arrows")[0], "up")
    assert len(up) == sum(share > 0 for column in picture.shown.arrows for share in column)
    assert not any(picture.shown.gaps[0])  # pixels can't change
    assert "Mean of 10 samples" in " ".join(texts(parsed(picture)))


def test_the_first_layer_s_weights_are_pictures_on_one_scale(digits):
    model, images, _ = digits
    root = parsed(draw_network(model, images[3]))
    scale = np.percentile(np.abs(model.layer1.weight.detach().numpy()), 99)
    shown = [e.get("href") for e in root.iter(f"{NAMESPACE}image") if e.get("class") is None]
    assert len(set(shown)) == 16
    assert all(href.startswith("data:image/png;base64,") for href in shown)
    (legend,) = (text for text in texts(root) if text.startswith("Their weights"))
    assert f"blue +{scale:.3g}" in legend
    classic = " ".join(texts(parsed(draw_network(model, images[3], palette="classic"))))
    assert "green" in classic
    assert "blue" not in classic


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"mode": "sums"}, "unknown mode 'sums'"),
        ({"palette": "pink"}, "unknown palette 'pink'"),
        ({"mode": "wants"}, 'mode="wants" needs the target'),
        ({"labels": ["a"]}, "1 labels for 2 outputs"),
    ],
)
def test_options_that_make_no_sense(options, text):
    with pytest.raises(DrawingError) as caught:
        draw_network(tg.nn.MLP([3, 2], rng=0), np.ones(3), **options)
    assert str(caught.value).startswith(text)


def test_what_is_no_row_of_layers():
    with pytest.raises(DataError, match="not layers of neurons in a row"):
        draw_network(lambda x: tg.tanh(x @ np.eye(3)) + x, np.ones(3))
    with pytest.raises(DrawingError, match="x is needed to find the layers of a function"):
        draw_network(lambda x: x @ np.eye(3), mode="weights")
    with pytest.raises(DrawingError, match=r"can't tell from its suffix what network\.png should be"):
        draw_network(tg.nn.MLP([3, 2], rng=0), np.ones(3)).save("network.png")


# --- forms ---------------------------------------------------------------------------------------------------------


def test_notebooks_and_files(digits, tmp_path):
    model, images, _ = digits
    picture = draw_network(model, images[3])
    assert picture._repr_mimebundle_() == {"image/svg+xml": picture.to_svg(), "text/plain": str(picture)}
    assert picture.save(tmp_path / "a.svg").read_text(encoding="utf8") == picture.to_svg()
    assert picture.save(tmp_path / "a.txt").read_text(encoding="utf8") == str(picture)
    assert len(picture.to_svg()) < 60_000
    assert draw_network(model, images[3]).to_svg() == picture.to_svg()


@pytest.fixture(scope="module")
def pages(digits, tmp_path_factory):
    model, images, labels = digits
    folder = tmp_path_factory.mktemp("pages")
    return {
        mode: draw_network(model, images, labels, mode=mode).save(folder / f"{mode}.html")
        for mode in ("activations", "wants", "weights")
    }


def test_a_page_with_ten_digits_is_small(pages):
    assert max(path.stat().st_size for path in pages.values()) < 120_000


def drawn(page):
    """What of a page changes with the sample, by the elements' own attributes."""
    return page.evaluate(
        """() => [
          [...document.querySelectorAll('.lines > g:not(.focus)')].map(g => [...g.children].map(
            p => [p.getAttribute('class'), p.getAttribute('d')])),
          [...document.querySelectorAll('.neurons circle:not(.dot)')].map(c => c.getAttribute('fill')),
          [...document.querySelectorAll('.neurons title')].map(t => t.textContent),
          [...document.querySelectorAll('.arrows path')].map(p => [p.getAttribute('class'), p.getAttribute('d')]),
          [...document.querySelectorAll('.answers > g')].map(g => [g.getAttribute('class') || '', g.textContent,
            ...[...g.querySelectorAll('rect,.share,path')].map(e => [e.getAttribute('width'), e.getAttribute('x'),
              e.getAttribute('d')])]),
          [...document.querySelectorAll('.largest')].map(t => t.textContent),
          document.querySelector('image.input')?.getAttribute('href'),
        ]"""
    )


@pytest.mark.parametrize("mode", ["activations", "wants"])
def test_the_script_draws_what_python_draws(open_page, digits, pages, tmp_path, mode):
    model, images, labels = digits
    page = open_page(pages[mode])
    for digit in (7, 0, 4):
        page.keyboard.press(str(digit))
        alone = draw_network(model, images[digit], labels[digit : digit + 1], mode=mode)
        now = drawn(page)
        assert [tuple(p) for gap in now[0] for p in gap] == PATH.findall(alone.to_svg())
        assert [tuple(p) for p in now[3]] == re.findall(r'<path class="(up|down)" d="([^"]*)"', alone.to_svg())
        assert now == drawn(open_page(alone.save(tmp_path / f"{digit}.html")))


def test_without_scripts_the_picture_is_that_of_the_first_sample(open_page, digits, pages):
    model, images, labels = digits
    content = pages["activations"].read_text(encoding="utf8")
    (first,) = re.findall(r'<g class="lines">\n(.*?)\n</g>\n<g class="neurons">', content, flags=re.S)
    assert (
        first
        == re.findall(
            r'<g class="lines">\n(.*?)\n</g>\n<g class="neurons">',
            draw_network(model, images[:1], labels[:1]).to_svg(),
            flags=re.S,
        )[0]
    )
    page = open_page(pages["activations"], scripts=False)
    assert page.locator(".net").is_visible()


def test_the_script_s_first_picture_is_python_s(open_page, pages):
    for path in pages.values():
        content = path.read_text(encoding="utf8")
        page = open_page(path)
        assert [tuple(p) for gap in drawn(page)[0] for p in gap] == PATH.findall(content)


def test_pointing_at_a_neuron_shows_its_lines_and_its_weights(open_page, digits, pages):
    model, images, _ = digits
    page = open_page(pages["activations"])
    page.hover("#l1-5")
    focus = page.evaluate("document.querySelector('.focus').innerHTML")
    y = page.evaluate("document.querySelector('#l1-5 circle').getAttribute('cy')")
    ends = re.findall(r"L[\d.]+ ([\d.]+)", focus)
    assert ends
    assert set(ends) == {y}
    hidden = tg.sigmoid(images[0] @ model.layer1.weight + model.layer1.bias).detach().numpy()
    told = page.locator("#panel").inner_text()
    assert told.startswith("layer1, neuron 5: sigmoid(")
    assert float(told.split("= ")[1]) == pytest.approx(hidden[5], rel=5e-3)
    weights = page.evaluate("document.getElementById('weights').src")
    assert weights == page.evaluate("document.querySelector('#w5 image').getAttribute('href')")
    page.mouse.move(5, 5)
    assert page.locator("#weights").is_hidden()
    assert "focused" not in (page.get_attribute("body", "class") or "")


def test_neurons_are_reached_by_keyboard_and_left_by_escape(open_page, pages):
    page = open_page(pages["activations"])
    page.focus("#l2-3")
    assert page.locator("#panel").inner_text().startswith("layer2, neuron 3: ")
    page.keyboard.press("Escape")
    assert page.locator("#panel").inner_text().startswith("Point at a neuron")


def test_samples_change_by_arrow_keys_and_by_click(open_page, pages):
    page = open_page(pages["activations"])
    assert page.locator("#about").inner_text() == "Sample 1 of 10, target 0"
    page.keyboard.press("ArrowLeft")
    assert page.locator("#about").inner_text() == "Sample 10 of 10, target 9"
    page.click("#samples button:nth-child(3)")
    assert page.locator("#about").inner_text() == "Sample 3 of 10, target 2"
    assert page.locator("[aria-pressed=true]").inner_text() == "2"


@pytest.mark.parametrize("dark", [False, True])
def test_texts_stay_apart_and_can_be_read(open_page, pages, tmp_path, digits, dark):
    small = draw_network(tg.nn.MLP([2, 3, 1], rng=0), [0.5, -1.0]).save(tmp_path / "small.html")
    for path in (*pages.values(), small):
        page = open_page(path, dark=dark)
        assert page.evaluate(OVERLAPS, ".tg text") == []
        unread = page.evaluate(CONTRASTS)
        assert [text for text, _ in unread if not re.fullmatch(r"-?\d\.\d\d", text)] == []  # those stand on circles


def test_on_a_narrow_screen_only_the_picture_scrolls(open_page, pages):
    page = open_page(pages["wants"], width=400)
    assert page.evaluate("document.documentElement.scrollWidth") == 400
