"""The formula of a rule is the rule: for every row, evaluated on other numbers, it gives what the rule gives."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.op import ELEMENTWISE, REGISTRY
from tinygrad_edu.ops.sampling import sample
from tinygrad_edu.ops.shape import sum_to
from tinygrad_edu.symbols.rules import call_symbol, local_symbol, rule_symbol, rule_text
from tinygrad_edu.symbols.symbol import NoFormulaError, Symbol
from tinygrad_edu.symbols.text import text_of

DIFFERENTIABLE = [op for op in REGISTRY.values() if op.differentiable and not op.custom]
every_differentiable_op = pytest.mark.parametrize("op", DIFFERENTIABLE, ids=lambda op: op.name)
fewer = settings(max_examples=max(settings().max_examples // 3, 1))
NAMES = {"out": "z", "0": "x", "1": "y", "2": "w"}


def other_numbers(op, arrays, rng):
    """Arrays of the same shapes: of the same domain for elementwise ops, else a little moved."""
    drawn = [domain.draw(rng, np.shape(a)) for domain, a in zip(op.domain, arrays)] if op.kind is ELEMENTWISE else []
    return [
        a
        if np.asarray(a).dtype.kind != "f"
        else drawn[place]
        if drawn
        else np.asarray(a) * rng.uniform(0.99, 1.01, np.shape(a))
        for place, a in enumerate(arrays)
    ]


def rules_of(op, seed):
    """For each argument with a derivative: its formula from one call, and the arguments of another."""
    rng = np.random.default_rng(seed)
    arrays, params = sample(op, rng)
    arrays = [np.asarray(a) if isinstance(a, np.generic) else a for a in arrays]
    out = np.asarray(op.forward(*arrays, **params))
    others = other_numbers(op, arrays, rng)
    other_out = np.asarray(op.forward(*others, **params))
    g = rng.normal(size=out.shape)
    values = {"g": g, "out": other_out, **{str(place): array for place, array in enumerate(others)}}
    for position, array in enumerate(arrays):
        if op.vjp(position) is not None and np.asarray(array).dtype.kind == "f":
            try:
                formula = rule_symbol(op, position, np.ones_like(out), out, arrays, params)
            except NoFormulaError as error:  # of a larger matrix than a formula can tell: another will do
                assume("parts" not in str(error))
                raise
            expected = op.vjp(position)(g, other_out, *others, **params)
            yield formula, values, sum_to(expected, np.shape(array)) if op.kind is ELEMENTWISE else expected


@every_differentiable_op
@given(seed=st.integers(0, 2**32 - 1))
@fewer
def test_formula_of_a_rule_gives_what_the_rule_gives(op, seed):
    for formula, values, expected in rules_of(op, seed):
        found = np.asarray(formula.evaluate(values))
        np.testing.assert_allclose(np.broadcast_to(found, expected.shape), expected, rtol=1e-12, atol=1e-14)


@every_differentiable_op
def test_every_rule_is_told_by_a_text_or_by_words(op):
    for seed in range(5):
        for position, (formula, _, _) in enumerate(rules_of(op, seed)):
            told = rule_text(op, position, formula, NAMES)
            assert bool(told.text) != bool(told.words)
            assert "<" not in told.text.replace(" < ", "")  # no repr of an object
            assert len(told.text) <= 72


@pytest.mark.parametrize("op", [op for op in DIFFERENTIABLE if op.kind is ELEMENTWISE], ids=lambda op: op.name)
@given(seed=st.integers(0, 2**32 - 1))
@fewer
def test_g_times_the_local_derivative_of_an_elementwise_op_is_its_rule(op, seed):
    for formula, values, expected in rules_of(op, seed):
        local = local_symbol(formula)
        if local is not None:
            product = values["g"] * np.asarray(local.evaluate(values))
            full = np.broadcast_to(product, values["out"].shape)
            np.testing.assert_allclose(sum_to(full, expected.shape), expected, rtol=1e-12, atol=1e-14)


def test_every_elementwise_rule_is_g_times_a_local_derivative():
    without = set()
    for op in DIFFERENTIABLE:
        if op.kind is ELEMENTWISE and any(local_symbol(formula) is None for formula, _, _ in rules_of(op, 1)):
            without.add(op.name)
    assert without == set()


# --- what a learner reads ------------------------------------------------------------------------------------

M, N, K = np.arange(6.0).reshape(2, 3), np.arange(1.0, 4.0), np.arange(12.0).reshape(3, 4)


def told(name, position, *arrays, **params):
    op = REGISTRY[name]
    arrays = [a if isinstance(a, int | float) else np.asarray(a) for a in arrays]
    out = np.asarray(op.forward(*arrays, **params))
    formula = rule_symbol(op, position, np.ones_like(out), out, arrays, params)
    names = NAMES | {str(place): str(a) for place, a in enumerate(arrays) if isinstance(a, int | float)}
    text = rule_text(op, position, formula, names)
    return text.text or text.words, text.local


@pytest.mark.parametrize(
    ("found", "text", "local"),
    [
        (told("add", 0, M, M), "g", "1"),
        (told("add", 1, M, N), "sum(g, axis=0)", "1"),
        (told("subtract", 1, M, M), "−g", "−1"),
        (told("subtract", 1, M, N), "sum(−g, axis=0)", "−1"),
        (told("multiply", 0, M, M), "g ⊙ y", "y"),
        (told("multiply", 0, 2.0, 3.0), "g · 3", "3"),
        (told("multiply", 1, 2, M), "g · 2", "2"),
        (told("multiply", 0, M, N[:1]), "g · y", "y"),
        (told("divide", 1, M, M + 1), "−g ⊙ z / y", "−z / y"),
        (told("square", 0, M), "g ⊙ (2 · x)", "2 · x"),
        (told("power", 0, M, 3), "g · 3 ⊙ x²", "3 · x²"),
        (told("power", 0, M + 1, M), "g ⊙ y ⊙ x ** (y − 1)", "y ⊙ x ** (y − 1)"),
        (told("tanh", 0, M), "g ⊙ (1 − z²)", "1 − z²"),
        (told("sigmoid", 0, M), "g ⊙ (z ⊙ (1 − z))", "z ⊙ (1 − z)"),
        (told("relu", 0, M), "g where x > 0, else 0", "1 where x > 0, else 0"),
        (told("exp", 0, M), "g ⊙ z", "z"),
        (told("log", 0, M + 1), "g / x", "1 / x"),
        (told("floor", 0, M), "0", "0"),
        (told("matmul", 0, M, K), "g @ yᵀ", "yᵀ"),
        (told("matmul", 1, M, K), "xᵀ @ g", "xᵀ"),
        (told("sum", 0, M), "broadcast_to(g, (2, 3))", "1"),
        (told("sum", 0, M, axis=0), "broadcast_to(g, (2, 3))", "1"),
        (told("mean", 0, M), "broadcast_to(g / 6, (2, 3))", "1/6"),
        (told("reshape", 0, M, shape=(3, 2)), "reshape(g, (2, 3))", "1"),
        (told("transpose", 0, M), "gᵀ", "1"),
        (told("getitem", 0, M, index=0), "zeros((2, 3)) with [0] += g", ""),
        (told("softmax", 0, M), "z ⊙ (g − sum(g ⊙ z, axis=-1, keepdims=True))", ""),
        (told("log_softmax", 0, M), "g − exp(z) ⊙ sum(g, axis=-1, keepdims=True)", ""),
    ],
)  # fmt: skip
def test_rules_read_like_this(found, text, local):
    assert found == (text, local)


def test_a_rule_too_long_to_read_is_told_in_its_author_s_words():
    text, local = told("prod", 0, M)
    assert text == (
        "Each element gets the product of all others, from the left and from the right: no division, so zeros are fine."
    )
    assert local == ""


def test_the_call_is_a_formula_too():
    call = call_symbol(REGISTRY["sum"], np.asarray(M.sum(axis=0)), [M], {"axis": 0})
    assert text_of(call, NAMES) == "sum(x, axis=0)"
    assert np.array_equal(call.evaluate({"0": 2 * M}), 2 * M.sum(axis=0))


# --- rules that leave the vocabulary -------------------------------------------------------------------------


def broken(rule):
    op = tg.custom_op("broken", lambda x: x, vjps=(rule,), doc="x itself.")
    with pytest.raises(NoFormulaError, match="the rule of broken"):
        rule_symbol(op, 0, N, N, [N], {})
    return rule_text(op, 0, None, NAMES)


def test_a_rule_that_branches_on_numbers_has_no_formula_but_words():
    assert broken(lambda g, out, x: g if x[0] > 0 else -g).words == "broken: x itself."


def test_a_rule_that_calls_other_code_has_no_formula_but_words():
    def through_arrays(g, out, x):
        """Goes through plain arrays."""
        return np.asarray(g) * 2

    assert broken(through_arrays).words == "Goes through plain arrays."
    assert broken(lambda g, out, x: g.cumsum()).words == "broken: x itself."
    assert broken(lambda g, out, x: np.zeros(3)).words == "broken: x itself."


def test_a_rule_of_thousands_of_steps_has_no_formula():
    def long_sum(g, out, x):
        for _ in range(5_000):
            g = g + 1 - 1
        return g

    assert broken(long_sum).text == ""


def test_no_numbers_are_changed_by_running_a_rule_on_symbols():
    x = np.array([1.0, 2.0])
    rule_symbol(REGISTRY["multiply"], 0, np.ones(2), x * x, [x, x], {})
    assert x.tolist() == [1.0, 2.0]


def test_symbols_know_what_they_hold():
    g, x = Symbol.given("g", np.ones(2)), Symbol.given("0", np.ones(2))
    assert (g * x + g).names() == {"g", "0"}
    assert (g * x).same(g * x)
    assert not (g * x).same(x * g)
    assert not Symbol(2).same(Symbol(2.5))
