"""LaTeX of formulas: what it says, and that braces and \\left … \\right are balanced whatever names are in it."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.symbols.test_rules import DIFFERENTIABLE, rules_of
from tinygrad_edu.symbols.latex import latex_name, latex_number, latex_of
from tinygrad_edu.symbols.symbol import Symbol

g, x, w = (Symbol.given(name, np.arange(1.0, 5.0).reshape(2, 2)) for name in ("g", "0", "1"))


def balanced(latex):
    plain = re.sub(r"\\[\\{}$%&#_]", "", latex)
    depth = 0
    for character in plain:
        depth += (character == "{") - (character == "}")
        assert depth >= 0
    pairs = plain.count(r"\left(") == plain.count(r"\right)")
    return depth == 0 and pairs and not re.search(r"[$%&#_](?!\{)", re.sub(" & |&= |&\\\\;", "", plain))


@pytest.mark.parametrize(
    ("formula", "latex"),
    [
        (g * (1 - np.square(x)), r"g \odot \left(1 - {x}^{2}\right)"),
        (g @ w.T, r"g \, {w}^{\top}"),
        (-g * np.sin(x), r"-g \odot \sin\left(x\right)"),
        (g * (1 / 12), r"\frac{g}{12}"),
        (np.where(x > 0, g, 0), r"\begin{cases}g & x \gt 0 \\ 0 & \text{else}\end{cases}"),
        (g - (x - w), r"g - \left(x - w\right)"),
        (g * np.exp(-x), r"g \odot e^{-x}"),
        (g * 1e-9, r"g \cdot 1 \cdot 10^{-9}"),
        (np.sum(g, axis=0), r"\operatorname{sum}\left(g, \mathtt{axis=0}\right)"),
    ],
)
def test_formulas_in_latex(formula, latex):
    assert latex_of(formula, {"0": "x", "1": "w"}) == latex


@pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)
def test_the_latex_of_every_rule_is_balanced(op):
    for formula, _, _ in rules_of(op, 3):
        names = {"0": latex_name("layer1.weight"), "1": latex_name("a_b{"), "out": latex_name("σ(z)%")}
        assert balanced(latex_of(formula, names))


@given(st.text(max_size=20))
def test_no_name_breaks_out_of_its_braces(name):
    assert balanced(latex_name(name))


@pytest.mark.parametrize(
    ("text", "latex"),
    [
        ("0.5", "0.5"),
        ("−3", "-3"),
        ("1.2e−07", r"1.2 \cdot 10^{-7}"),
        ("nan", r"\mathrm{nan}"),
        ("inf", r"\mathrm{inf}"),
    ],
)
def test_numbers(text, latex):
    assert latex_number(text) == latex


def test_greek_letters_are_named():
    assert latex_name("σ") == r"\sigma"
    assert latex_name("δ2") == r"\delta_{2}"
