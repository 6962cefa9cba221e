"""The drawings in real Chromium: measured, not reckoned."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.browser import check_drawing
from tests.graphs import FakeModule, blocks, draw_with_names, leaf, mlp_with_mse, scalars
from tinygrad_edu.node import Scope


def hostile():
    x, w = leaf([1.0, 2.0], '<b>&"{|}\\'), leaf([0.5, 0.5], "损失函数损失函数损失函数")
    with Scope("W" * 60, "module", lambda: "M" * 200, FakeModule(weight=w)):
        y = tg.tanh(x * w)
    z = leaf([1e-30, 1.0], "iiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiiii")
    return tg.concatenate([y, z, leaf([1.0], "WWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWWW")]).sum(), {"σ′(z²) → ∂C/∂w": y}


def not_finite():
    x = leaf([0.0, 1.0, 2.0], "x")
    with np.errstate(all="ignore"):
        return (tg.log(x) * leaf(np.zeros((3, 3)))).sum(), {}


PICTURES = {
    "mlp": mlp_with_mse,
    "batch": lambda: mlp_with_mse(samples=4),
    "scalars": scalars,
    "blocks": lambda: (blocks(3, each=4, named="model"), None),
    "hostile": hostile,
    "not finite": not_finite,
}


@pytest.mark.parametrize("direction", ["TB", "LR"])
@pytest.mark.parametrize("name", PICTURES)
def test_no_text_leaves_its_card_and_nothing_overlaps(open_page, tmp_path, name, direction):
    output, names = PICTURES[name]()
    path = tg.draw(output, names=names, direction=direction).save(tmp_path / "picture.svg")
    for dark in (False, True):
        check_drawing(open_page(path, dark=dark))


def test_the_dark_scheme_is_dark_and_the_light_one_light(open_page, tmp_path):
    path = draw_with_names(*mlp_with_mse()).save(tmp_path / "picture.svg")
    ground = "() => getComputedStyle(document.querySelector('.page')).fill"
    assert open_page(path).evaluate(ground) == "rgb(255, 255, 255)"
    assert open_page(path, dark=True).evaluate(ground) == "rgb(15, 20, 26)"
