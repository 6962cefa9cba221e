"""Expressions read like the program's own lines, and mean what it meant."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.graphs import FakeModule, blocks, leaf, mlp_with_mse, scalars
from tinygrad_edu.graph import Graph
from tinygrad_edu.node import Scope
from tinygrad_edu.render.expression import expression, line_of_code, shorten, whole_expression

x = leaf(np.arange(1.0, 7.0).reshape(2, 3), "x")
y = leaf(np.ones((2, 3)), "y")


def shown(output):
    graph = Graph.of(output)
    return expression(graph, graph.result)


@pytest.mark.parametrize(
    ("output", "text"),
    [
        (x + y, "x + y"),
        (x - y, "x − y"),
        (x * y, "x · y"),
        (x / y, "x / y"),
        (x @ y.T, "x @ t1"),
        (x.T, "xᵀ"),
        (x**2, "x²"),
        (x**3, "x ** 3"),
        (2 * x, "2 · x"),
        (2.0 * x, "2 · x"),
        (x - 0.5, "x − 0.5"),
        (x * -3, "x · (−3)"),
        (-3 * x, "−3 · x"),
        ((-2.0) * x, "−2 · x"),
        (x + 1 / 3, "x + 0.333"),
        (x * 1e-9, "x · 1e−09"),
        (-x, "−x"),
        (abs(x), "|x|"),
        (tg.tanh(x), "tanh(x)"),
        (tg.maximum(x, y), "maximum(x, y)"),
        (x.sum(), "sum(x)"),
        (x.sum(axis=0), "sum(x, axis=0)"),
        (x.mean(axis=(0, 1), keepdims=True), "mean(x, axis=(0, 1), keepdims=True)"),
        (x.reshape(3, 2), "reshape(x, (3, 2))"),
        (x.transpose((1, 0)), "transpose(x, axes=(1, 0))"),
        (x[0], "x[0]"),
        (x[1:, None], "x[1:, None]"),
        (x[..., ::-1], "x[..., ::-1]"),
        (x[[0, 1, 0]], "x[[0, 1, 0]]"),
        (x[np.zeros(20, dtype=int)], "x[array(20)]"),
        (tg.concatenate([x, y, x], axis=1), "concatenate(x, y, x, axis=1)"),
        (tg.stack([x, y]), "stack(x, y)"),
        (x.astype(np.float32), "astype(x, float32)"),
        (x.clip(1, 2), "clip(x, a_min=1, a_max=2)"),
    ],
)
def test_the_grammar(output, text):
    assert shown(output) == text


def test_a_write_is_an_expression_too():
    z = x * 1
    z[0] = 5.0
    assert shown(z) == "t1 with [0] = t2"


def test_given_values_have_no_expression_but_a_line():
    graph = Graph.of(x * 2)
    assert [line_of_code(graph, card) for card in graph.cards] == ["x (parameter)", "result = x · 2"]


def test_the_whole_computation_is_the_title():
    assert whole_expression(Graph.of(*scalars())) == "L = (a · b + a)²"
    assert whole_expression(Graph.of(*mlp_with_mse())) == "loss = mse_loss(fakemodule(x), y)"
    assert whole_expression(Graph.of(x)) == "x"
    long = x
    for _ in range(50):
        long = tg.tanh(long)
    assert whole_expression(Graph.of(long)) == "result = tanh(t49)"
    assert whole_expression(Graph.of(blocks(3, named="model"))) == "result = sum(model(t1))"


def test_a_module_that_was_called_once_is_not_written_twice():
    w = leaf([0.5, 0.5])
    with Scope("layer", "module", lambda: "Scale(2)", FakeModule(weight=w)):
        h = tg.Tensor([1.0, 2.0], name="x") * w
    assert whole_expression(Graph.of((h * h).sum(), {"h": h})) == "result = sum(h · h)"


NAMES = {"a": 1.7, "b": -2.3, "c": 0.6}
EXPRESSIONS = st.recursive(
    st.sampled_from([*NAMES, "2", "(-3)"]),
    lambda inner: st.one_of(
        st.tuples(st.sampled_from(["+", "-", "*", "/"]), inner, inner).map(lambda t: f"({t[1]} {t[0]} {t[2]})"),
        inner.map(lambda text: f"(-{text})"),
        inner.map(lambda text: f"({text})**2"),
        inner.map(lambda text: f"({text})**3"),
    ),
    max_leaves=6,
)


@given(EXPRESSIONS)
def test_parentheses_stand_where_python_needs_them(text):
    """The title, evaluated as Python, gives what the program computed."""
    tensors = {name: leaf(value, name) for name, value in NAMES.items()}
    value = eval(text, {}, tensors) if any(name in text for name in "abc") else None
    if not isinstance(value, tg.Tensor) or value.is_leaf or not np.isfinite(value.item()):
        return
    title = whole_expression(Graph.of(value))
    name, _, code = title.partition(" = ")
    assert name == "result"
    if any(f"t{number}" in code for number in range(1, 20)):
        return  # too long: only the last step is shown
    for sign, meaning in (("−", "-"), ("·", "*"), ("²", "**2")):
        code = code.replace(sign, meaning)
    assert eval(code, {}, NAMES) == pytest.approx(value.item(), rel=1e-6)


@given(st.text(max_size=80), st.integers(5, 60))
def test_shortening_keeps_both_ends(text, longest):
    short = shorten(text, longest)
    assert len(short) <= longest
    if len(text) <= longest:
        assert short == text
    else:
        assert any(
            text.startswith(short[:i]) and text.endswith(short[i + 1 :]) for i in range(len(short)) if short[i] == "…"
        )
