"""A gradient taken apart: the parts add up to it, are those of a naive engine, and read like the chain rule."""

import time
from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests import reference
from tests.graphs import leaf, mlp_with_mse, scalars
from tests.symbols.test_latex import balanced
from tinygrad_edu.errors import DataError, DtypeError, GradientError, IndexingError, ShapeError


def brute_force(output, tag, zeros=False):
    """The products of the local derivatives along every path of the naive engine from a tagged Value to `output`.

    Paths of elements are those without a local derivative of 0, paths of whole numbers all of them.
    """
    found = []

    def walk(value, so_far):
        if value.tag == tag:
            found.append(so_far)
        for parent, local in value.parents:
            if local or zeros:
                walk(parent, so_far * local)

    walk(output, 1.0)
    return sorted(found)


def products(explanation):
    return sorted(route.contribution.item() for route in explanation.routes)


# --- single numbers ----------------------------------------------------------------------------------------------


def test_paths_of_a_scalar_expression_read_like_the_chain_rule():
    L, names = scalars()
    assert str(tg.explain(L, names["a"], names=names)).splitlines() == [
        "∂L/∂a = 16: the sum over 2 paths, each the product of its local derivatives",
        "",
        "1.  a → t1 → t2 → L",
        "    ∂t1/∂a · ∂t2/∂t1 · ∂L/∂t2 = b · 1 · (2 · t2) = (−3) · 1 · (−8) = 24",
        "2.  a → t2 → L",
        "    ∂t2/∂a · ∂L/∂t2 = 1 · (2 · t2) = 1 · (−8) = −8",
        "sum = 24 − 8 = 16",
        "",
        "In words: if a grows by 0.001, L grows by about 0.016.",
    ]


def test_one_tensor_used_twice_by_one_op_is_two_paths():
    a = leaf(3.0, "a")
    e = tg.explain(a * a, a)
    assert e.count == 2
    assert products(e) == [3.0, 3.0]


@given(st.lists(st.sampled_from(["+", "*", "tanh", "self"]), min_size=1, max_size=6), st.integers(0, 99))
def test_paths_of_random_scalar_programs_are_those_of_a_naive_engine(program, seed):
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0.5, 2.0, 2)

    def run(x, y, tanh):
        held = [x, y]
        for step in program:
            p, q = held[-1], held[int(seed) % len(held)]
            held.append(p + q if step == "+" else p * q if step == "*" else p * p if step == "self" else tanh(p))
        return held[-1] * x

    x, y = leaf(a, "a"), leaf(b, "b")
    naive = run(reference.Value(a, tag="a"), reference.Value(b), reference.Value.tanh)
    e = tg.explain(run(x, y, tg.tanh), x, paths=1000)
    expected = brute_force(naive, "a", zeros=True)
    assert e.count == len(expected)
    assert e.exact == (len(expected) <= 64)
    if e.exact:
        np.testing.assert_allclose(products(e), expected, rtol=1e-12, atol=1e-13)  # 1 − tanh² cancels near 1
        assert e.share == pytest.approx(1)


# --- tensors -----------------------------------------------------------------------------------------------------


def network(samples=2):
    rng = np.random.default_rng(5)
    arrays = {"W1": rng.normal(size=(2, 3)), "b1": rng.normal(size=3), "W2": rng.normal(size=(3, 2))}
    x, y = rng.normal(size=(samples, 2)), rng.normal(size=(samples, 2))
    W1, b1, W2 = (leaf(array, name) for name, array in arrays.items())
    loss = ((tg.tanh(x @ W1 + b1) @ W2 - y) ** 2).mean()
    return loss, {"W1": W1, "b1": b1, "W2": W2}, arrays, x, y


def naive_network(arrays, x, y):
    W1, b1, W2 = (reference.values(array, leaf=name) for name, array in arrays.items())
    hidden = reference.each("tanh", reference.values(x) @ W1 + b1)
    error = hidden @ W2 - reference.values(y)
    return reference.total(error * error)[()] / y.size


@pytest.mark.parametrize(("name", "index"), [("W1", (1, 2)), ("W1", (0, 0)), ("b1", (2,)), ("W2", (0, 1))])
def test_paths_of_one_weight_add_up_as_in_a_naive_engine(name, index):
    loss, tensors, arrays, x, y = network()
    e = tg.explain(loss, tensors[name], index=index, paths=1000)
    expected = brute_force(naive_network(arrays, x, y), (name, index))
    # the naive engine squares by multiplying, so each path there is two equal halves
    merged = [first + second for first, second in zip(expected[::2], expected[1::2])]
    assert e.count == len(merged)
    np.testing.assert_allclose(products(e), merged, rtol=1e-12)
    assert e.total == pytest.approx(sum(expected), rel=1e-12)
    assert e.gradient == pytest.approx(e.total, rel=1e-12)
    assert e.share == pytest.approx(1)


def test_the_few_paths_that_are_shown_are_the_largest_of_all():
    loss, tensors, *_ = network(samples=4)
    all_paths = tg.explain(loss, tensors["W1"], index=(0, 1), paths=1000)
    few = tg.explain(loss, tensors["W1"], index=(0, 1), paths=3)
    sizes = sorted((abs(p) for p in products(all_paths)), reverse=True)
    assert [abs(route.contribution.item()) for route in few.routes] == pytest.approx(sizes[:3])
    assert few.count == all_paths.count == len(all_paths.routes)
    assert f"These 3 of {few.count} paths are the largest and make up" in str(few)


def test_one_weight_of_an_mlp_is_activation_times_slope_times_the_next_weights():
    loss, names = mlp_with_mse()
    e = tg.explain(loss, names["W1"], index=(1, 2), names=names)
    assert "x[0, 1] · (1 − a1[0, 2]²) · W2[2, 0] · (2 · t4)" in str(e)
    factors = [factor.value for factor in e.routes[0].factors]
    assert np.prod(factors) == pytest.approx(tg.gradients(loss, [names["W1"]])[0].numpy()[1, 2], rel=1e-12)


@pytest.mark.parametrize("name", ["W1", "b1", "W2"])
def test_what_the_paths_through_tensors_add_is_the_gradient(name):
    loss, tensors, *_ = network()
    shared = tensors[name] * tensors[name].sum()
    total = loss + shared.sum() + (tensors[name] * 2).mean()
    e = tg.explain(total, tensors[name])
    (gradient,) = tg.gradients(total, [tensors[name]])
    np.testing.assert_allclose(sum(route.contribution for route in e.routes), gradient.numpy(), rtol=1e-12)
    assert e.count == len(e.routes) == 4
    assert e.share == pytest.approx(1)


def test_the_path_through_tensors_is_told_line_by_line():
    loss, names = mlp_with_mse()
    text = str(tg.explain(loss, names["W1"], names=names))
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "a1 = tanh(t2) ∂loss/∂t2 = g ⊙ (1 − a1²) = [0.472 −0.861 0.479]" in lines
    assert "t1 = x @ W1 ∂loss/∂W1 = xᵀ @ g = [0.236 −0.430 0.240; −0.472 0.861 −0.479]" in lines
    assert text.splitlines()[0] == "∂loss/∂W1 = [0.236 −0.430 0.240; −0.472 0.861 −0.479]: one path"


def test_what_a_tensor_adds_directly_and_through_its_mean_cancels():
    x = leaf([1.0, 2.0, 3.0, 4.0], "x")
    lines = str(tg.explain((x - x.mean()).sum(), x)).splitlines()
    assert lines[0] == "∂result/∂x = 0 in each of (4,): the sum over 2 paths"
    assert lines[3:5] == ["1.  x → t2 → result", "    1 · 1 = 1 in each of (4,)"]
    start = lines.index("2.  x → t1 → t2 → result")
    assert lines[start + 1] == "    1 · (−1) · 4 · 1/4 = −1 in each of (4,)"
    assert lines[start + 3].endswith("∂result/∂t1 = sum(−g, axis=0)            = −4 = 4 · (−1)")
    assert lines[-2:] == [
        "sum = 0 in each of (4,)",
        "The paths cancel each other: 0 is the right gradient, not a missing one.",
    ]
    ways = str(tg.explain((x - x.mean()).sum(), x, index=0))
    assert "through x → t2 → result: 1\nthrough x → t1 → t2 → result: 4 paths, together −1\n" in ways


def test_an_intermediate_and_a_name_can_be_explained_too():
    loss, names = mlp_with_mse()
    by_tensor, by_name = (tg.explain(loss, wrt, names=names) for wrt in (names["a1"], "a1"))
    assert str(by_tensor) == str(by_name)
    np.testing.assert_array_equal(by_tensor.gradient, tg.gradients(loss, [names["a1"]])[0].numpy())


# --- where there is little to tell ---------------------------------------------------------------------------------


def test_a_dead_relu_is_a_path_with_a_factor_of_0():
    x = leaf(-1.0, "x")
    assert "1 where x > 0, else 0" in str(tg.explain(tg.relu(x) * 2, x))
    w = leaf([[1.0, -2.0]], "w")
    e = tg.explain(tg.relu(w * 3).sum(), w, index=(0, 1))
    assert str(e) == "∂result/∂w[0, 1] = 0: on every path from w[0, 1] to result some local derivative is 0"


def test_no_path_is_said_to_be_none():
    x, other = leaf(2.0, "x"), leaf(3.0, "other")
    e = tg.explain(x * x, other)
    assert e.count == 0
    assert str(e) == "other is not connected: result was computed without it, so ∂result/∂other = 0"
    assert tg.explain(x * other.detach(), other).count == 0
    c = tg.Tensor(3.0, name="c")
    e = tg.explain(x * c, c)
    assert e.count == 0
    assert str(e).startswith("∂result/∂c = 0: no path leads from c to result, or one that no gradient passes")


def test_the_loss_by_itself_is_1():
    x = leaf(2.0, "x")
    loss = x * x
    assert str(tg.explain(loss, loss)) == "∂loss/∂loss = 1: what is differentiated by itself"


def test_no_gradient_of_the_program_is_touched():
    L, names = scalars()
    tg.explain(L, names["a"])
    assert names["a"].grad is None


# --- large graphs --------------------------------------------------------------------------------------------------


def diamonds(count):
    x = leaf(1.0, "x")
    h = x
    for _ in range(count):
        h = h * 0.75 + h * 0.25
    return h, x


def test_a_chain_of_60_diamonds_is_counted_and_never_listed():
    h, x = diamonds(60)
    start = time.perf_counter()
    e = tg.explain(h, x)
    assert time.perf_counter() - start < 5
    assert e.count == 2**60
    assert not e.exact
    assert e.routes[0].contribution == pytest.approx(0.75**60)
    assert "These 5 of 1,152,921,504,606,846,976 paths are the largest found" in str(e)
    assert max(map(len, str(e).splitlines())) < 160


def test_numbers_of_a_chain_of_60_diamonds_are_counted_and_the_largest_found():
    x = leaf([1.0, 2.0], "x")
    h = x
    for _ in range(60):
        h = h * 0.75 + h * 0.25
    e = tg.explain(h.sum(), x, index=1)
    assert e.count == 2**60
    assert [route.contribution.item() for route in e.routes] == pytest.approx([0.75**60] + [0.75**59 * 0.25] * 4)
    assert e.total == pytest.approx(1)


def test_a_chain_of_thousands_of_operations_is_one_path():
    x = leaf(1.0, "x")
    h = x
    for _ in range(3000):
        h = h * 1.0
    e = tg.explain(h, x)
    assert (e.count, e.gradient) == (1, 1)
    assert max(map(len, str(e).splitlines())) < 160


def test_so_many_numbers_that_nobody_could_wait_for_are_refused():
    x = leaf(np.full((300, 300), 0.01), "x")
    with pytest.raises(ShapeError, match="too many numbers to follow"):
        tg.explain((tg.tanh(x) @ x @ x @ x).sum(), x, index=(0, 0))


# --- latex ---------------------------------------------------------------------------------------------------------


def test_latex_of_numbers_is_a_sum_of_products():
    L, names = scalars()
    latex = tg.explain(L, names["a"], names=names).latex
    assert r"\frac{\partial t_{1}}{\partial a} \cdot \frac{\partial t_{2}}{\partial t_{1}}" in latex
    assert r"&= (-3) \cdot 1 \cdot (-8) + 1 \cdot (-8) \\" in latex
    assert "&= 16" in latex
    assert balanced(latex)


def test_latex_of_tensors_has_the_rule_of_every_step():
    loss, names = mlp_with_mse()
    e = tg.explain(loss, names["W1"], names=names)
    assert r"\odot \left(1 - {a_{1}}^{2}\right)" in e.latex
    assert r"{x}^{\top} \, \frac{\partial \mathrm{loss}}{\partial t_{1}}" in e.latex
    assert balanced(e.latex)
    assert e._repr_latex_() == f"$\\displaystyle {e.latex}$"
    assert str(e) in e._repr_markdown_()


@given(st.text(min_size=1, max_size=12))
def test_no_name_breaks_the_text_or_the_latex(name):
    a, b = leaf([1.0, 2.0], name), leaf([3.0, 1.0], "b")
    for index in (None, 0):
        e = tg.explain((a * b + tg.softmax(a)).sum(), a, index=index)
        assert balanced(e.latex)
        assert len(str(e).splitlines()) < 40


# --- refusals ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: tg.explain(x * 2, x), ShapeError, "a gradient is explained for one number"),
        (lambda x: tg.explain((x * 2).sum(), "q"), DataError, "no card is called 'q'"),
        (lambda x: tg.explain((x * 2).sum(), 3), DtypeError, "needs a Tensor or a name"),
        (lambda x: tg.explain((x * 2).sum(), x, index=7), IndexingError, "no single element of x (2,)"),
        (lambda x: tg.explain((x * 2).sum(), x, index=(0, 0)), IndexingError, "no single element"),
        (lambda x: tg.explain((x * 2).sum(), x, index=slice(1)), IndexingError, "no single element"),
        (lambda x: tg.explain((x * 2).sum(), x, paths=0), DataError, "paths must be a whole number from 1"),
        (lambda x: tg.explain(tg.Tensor(1.0), x), GradientError, "no graph"),
        (lambda x: tg.explain(3.0, x), DtypeError, "not from float"),
    ],
)
def test_what_cannot_be_explained_is_refused(call, error, text):
    with pytest.raises(error) as caught:
        call(leaf([1.0, 2.0], "x"))
    assert text in str(caught.value)


def test_a_graph_whose_values_were_overwritten_is_refused():
    w = leaf([1.0, 2.0], "w")
    loss = (w * w).sum()
    with tg.no_grad():
        w += 1
    with pytest.raises(GradientError, match="was written after"):
        tg.explain(loss, w)


# --- order ---------------------------------------------------------------------------------------------------------


def naive_recursion(output, right_first=False):
    """What a recursion gives on the naive engine that visits each Value once, as soon as it is reached."""
    slopes, visited = {id(output): 1.0}, set()

    def visit(value):
        visited.add(id(value))
        parents = value.parents[::-1] if right_first else value.parents
        for parent, local in parents:
            slopes[id(parent)] = slopes.get(id(parent), 0.0) + slopes[id(value)] * local
        for parent, _ in parents:
            if id(parent) not in visited and parent.parents:
                visit(parent)

    visit(output)
    return slopes


@pytest.mark.parametrize("program", list(product(["left", "right"], [1, 2, 3])))
def test_the_wrong_number_is_what_a_naive_recursion_gives(program):
    side, depth = program

    def run(x):
        h = x * x
        for _ in range(depth):
            h = h + h * h if side == "left" else h * h + h
        return h

    x, v = leaf(0.7, "x"), reference.Value(0.7)
    order = tg.explain.order(run(x))
    expected = naive_recursion(run(v), right_first=order.from_right)
    assert order.naive["x"] == pytest.approx(naive_recursion_of(run, order.from_right), rel=1e-12)
    assert expected
    assert order.right["x"] == pytest.approx(tg.gradients(run(x), [x])[0].item(), rel=1e-12)
    assert order.naive["x"] != pytest.approx(order.right["x"])
    assert order.wrong == ["x"]


def naive_recursion_of(run, right_first):
    v = reference.Value(0.7)
    return naive_recursion(run(v), right_first)[id(v)]


def test_order_says_what_comes_too_late():
    x = leaf(3.0, "x")
    y = x * x
    text = str(tg.explain.order(y + y * y, names={"y": y}))
    assert "y passes on 1; afterwards 18 arrives from t1, and is lost" in text
    assert "∂result/∂x = 6, which is wrong: it is 114" in text
    assert "5 calls where backward makes 3" in text


def test_order_does_not_matter_where_nothing_is_used_twice():
    L, names = scalars()
    order = tg.explain.order(L, names=names)
    assert (order.late, order.wrong) == ((), [])
    assert "Here any order gives the same" in str(order)
    assert order.cards == ("L", "t2", "t1")


def test_calls_of_a_recursion_without_memory_are_counted_and_not_made():
    h, _ = diamonds(60)
    order = tg.explain.order(h)
    assert order.calls == sum(3 * 2**k for k in range(60))
    assert len(str(order).splitlines()) < 20


# --- numbers that are not numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "make",
    [
        lambda x: tg.sqrt(x * x).sum(),  # 0 · inf at x = 0
        lambda x: tg.sqrt(tg.relu(x - 2)).sum(),  # relu lets nothing through: 0, not 0 · inf
        lambda x: tg.sqrt((x @ tg.Tensor([[0.0, 1.0], [0.0, 1.0], [0.0, 0.0]])) ** 2).sum(),
        lambda x: (tg.sqrt(x[:1] * 0.0) + tg.sqrt(x[1:])).sum(),
        lambda x: tg.sqrt(tg.concatenate([x * x, x])[::-1]).sum(),
    ],
)
def test_zero_times_infinity_is_a_path_as_it_is_for_backward(make):
    x = leaf([0.0, 4.0, 9.0], "x")
    with np.errstate(all="ignore"):
        loss = make(x)
        explanations = [tg.explain(loss, x, index=k) for k in range(3)]
        loss.backward()
    for explanation, gradient in zip(explanations, x.grad.numpy()):
        found = sum((route.contribution for route in explanation.routes), 0.0)
        assert found == pytest.approx(gradient, nan_ok=True)
        assert str(explanation)


def test_a_path_that_is_not_finite_comes_first_and_nothing_breaks():
    x = leaf([0.0, 1.0], "x")
    with np.errstate(all="ignore"):
        loss = (tg.log(x) * x).sum() + x.sum()
    for index in (None, 0):
        text = str(tg.explain(loss, x, index=index))
        assert "nan" in text.splitlines()[0]
        assert "−inf" in text
    assert np.isnan(tg.explain(loss, x, index=0, paths=1).routes[0].contribution) or np.isinf(
        tg.explain(loss, x, index=0, paths=1).routes[0].contribution
    )


def test_a_leaf_without_numbers_and_a_rule_without_a_formula_are_told_too():
    e = leaf(np.zeros((0, 3)), "e")
    assert str(tg.explain(e.sum(), e)).startswith("∂result/∂e = empty: one path")
    twice = tg.checkpoint(lambda v: tg.exp(v) * v)
    x = leaf(2.0, "x")
    told = tg.explain(twice(x) * 2, x)
    assert told.gradient == pytest.approx(2 * 3 * np.exp(2.0))
    assert "∂t1/∂x · ∂result/∂t1 = ∂t1/∂x · 2 = 22.2 · 2 = 44.3" in str(told)
