"""The four equations: both sides agree for every kind of layer, and neither is made from the other."""

import dataclasses
import math
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests import witness
from tests.browser import OVERLAPS
from tinygrad_edu.equations import four_equations
from tinygrad_edu.errors import DataError, DtypeError, GradientError, ShapeError, TinygradError

ACTIVATIONS = ["sigmoid", "tanh", "relu", "identity"]


def data(sizes, samples, seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(samples, sizes[0])), rng.normal(size=(samples, sizes[-1]))


@given(
    sizes=st.lists(st.integers(1, 5), min_size=2, max_size=5),
    hidden=st.sampled_from(ACTIVATIONS),
    output=st.sampled_from(ACTIVATIONS),
    samples=st.integers(1, 4),
    seed=st.integers(0, 99),
)
def test_formulas_and_engine_agree(sizes, hidden, output, samples, seed):
    model = tg.nn.MLP(sizes, activation=hidden, output_activation=output, rng=seed)
    report = four_equations(model, *data(sizes, samples, seed))
    assert report
    assert report.samples == samples
    layers = len(sizes) - 1
    for equations in report.equations.values():
        assert [e.number for e in equations] == ["BP1", "BP3", "BP4"] + ["BP2", "BP3", "BP4"] * (layers - 1)
        assert [e.layer for e in equations] == [layer for layer in range(layers, 0, -1) for _ in range(3)]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_formulas_alone_are_the_slopes_of_the_cost(activation):
    """Against differences of a cost that this test computes itself, so not against the engine."""
    sizes = [3, 4, 2]
    model = tg.nn.MLP(sizes, activation=activation, rng=3)
    x, y = data(sizes, 5, seed=1)
    report = four_equations(model, x, y)
    function = {
        "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
        "tanh": np.tanh,
        "relu": lambda z: z * (z > 0),
        "identity": lambda z: z,
    }[activation]
    w1, w2 = (np.asarray(layer.weight.data).T for layer in model.layers)
    b1, b2 = (np.full((side, 1), 0.0) for side in sizes[1:])

    def cost(w1, b1, w2, b2):
        return np.sum((function(w2 @ function(w1 @ x.T + b1) + b2) - y.T) ** 2) / 5

    assert report.costs["3blue1brown"] == pytest.approx(cost(w1, b1, w2, b2))
    for place, name in enumerate(("w1", "b1", "w2", "b2")):
        arrays = [w1, b1, w2, b2]
        direction = witness.weights(arrays[place].shape, place)
        slope = witness.slope(cost, arrays, place, direction)
        assert (report[name].by_formula * direction).sum() == pytest.approx(slope, rel=1e-6, abs=1e-9)


def test_one_neuron_per_layer_by_hand():
    model = tg.nn.MLP([1, 1, 1], activation="sigmoid")
    for layer, weight, bias in zip(model.layers, (0.8, -1.2), (0.1, 0.4)):
        layer.weight.data, layer.bias.data = np.array([[weight]]), np.array([bias])
    report = four_equations(model, [0.5], [1.0])
    a1 = 1 / (1 + math.exp(-(0.8 * 0.5 + 0.1)))
    a2 = 1 / (1 + math.exp(-(-1.2 * a1 + 0.4)))
    delta2 = 2 * (a2 - 1) * a2 * (1 - a2)
    delta1 = -1.2 * delta2 * a1 * (1 - a1)
    found = {name: report[name].by_formula.item() for name in ("δ2", "δ1", "b2", "b1", "w2", "w1")}
    assert found == pytest.approx(
        {"δ2": delta2, "δ1": delta1, "b2": delta2, "b1": delta1, "w2": delta2 * a1, "w1": delta1 * 0.5}
    )


def test_nielsen_s_cost_is_half_of_the_other_and_so_is_everything():
    sizes = [2, 3, 2]
    report = four_equations(tg.nn.MLP(sizes), *data(sizes, 3))
    assert report.costs["nielsen"] == report.costs["3blue1brown"] / 2
    for whole, half in zip(report.equations["3blue1brown"], report.equations["nielsen"]):
        np.testing.assert_allclose(half.by_formula, whole.by_formula / 2, rtol=1e-14)
        np.testing.assert_allclose(half.by_engine, whole.by_engine / 2, rtol=1e-14)
    assert report.equations["3blue1brown"][0].right == "2(a² − y) ⊙ σ′(z²)"
    assert report.equations["nielsen"][0].right == "(a² − y) ⊙ σ′(z²)"


def test_everything_stands_in_columns_as_in_the_book():
    sizes = [4, 3, 2]
    report = four_equations(tg.nn.MLP(sizes), *data(sizes, 5))
    shapes = {e.left: e.by_formula.shape for e in report.equations["3blue1brown"]}
    assert shapes == {
        "δ²": (2, 5), "∂C/∂b²": (2, 1), "∂C/∂w²": (2, 3), "δ¹": (3, 5), "∂C/∂b¹": (3, 1), "∂C/∂w¹": (3, 4),
    }  # fmt: skip


def test_the_engine_s_side_is_what_backward_gives():
    sizes = [4, 3, 2]
    model = tg.nn.MLP(sizes)
    x, y = data(sizes, 5)
    report = four_equations(model, x, y)
    tg.functional.mse_loss(model(x), y, reduction="batchmean").backward()
    np.testing.assert_allclose(report["w1"].by_engine, model.layer1.weight.grad.numpy().T, rtol=1e-12)
    np.testing.assert_allclose(report["b2"].by_engine[:, 0], model.layer2.bias.grad.numpy(), rtol=1e-12)


def test_float32_networks_agree_to_their_own_rounding():
    sizes = [30, 16, 10]
    x, y = (a.astype(np.float32) for a in data(sizes, 8))
    report = four_equations(tg.nn.MLP(sizes, dtype=np.float32), x, y)
    assert report
    assert 0 < report.largest_difference < 1e-5


def test_other_ways_to_write_the_same_network():
    layers = [tg.nn.Linear(3, 2, bias=False), tg.tanh, tg.nn.Sequential(tg.nn.Linear(2, 2), tg.relu)]
    report = four_equations(tg.nn.Sequential(*layers), *data([3, 2], 2))
    assert report
    assert report.activations == ("tanh", "relu")
    assert [e.number for e in report.equations["nielsen"]] == ["BP1", "BP3", "BP4", "BP2", "BP4"]


def test_no_gradient_is_touched():
    model = tg.nn.MLP([2, 2])
    four_equations(model, [1.0, 2.0], [0.0, 1.0])
    assert all(parameter.grad is None for parameter in model.parameters())


# --- what it shows -------------------------------------------------------------------------------------------------


def small():
    model = tg.nn.MLP([1, 1], activation="identity")
    model.layer1.weight.data = np.array([[2.0]])
    return four_equations(model, [3.0], [5.0])


def test_the_table_says_everything():
    assert str(small()).splitlines()[:8] == [
        "The four equations of backpropagation: MLP(1 → 1), 1 sample",
        "C = Σ (a − y)², as in 3Blue1Brown's videos: 1",
        "",
        "                                by the formula  by the engine  difference",
        "layer 1: identity, σ′(z) = 1",
        "  BP1  δ¹ = 2(a¹ − y) ⊙ σ′(z¹)  [2]             [2]            0",
        "  BP3  ∂C/∂b¹ = δ¹              [2]             [2]            0",
        "  BP4  ∂C/∂w¹ = δ¹ (a⁰)ᵀ        [6]             [6]            0",
    ]
    text = str(small())
    assert "Largest difference: none at all; the formulas and the engine agree to rounding." in text
    assert "C = ½ Σ (y − a)², as in Nielsen's book, is half of this: 0.5." in text
    assert "everything is transposed: z = a @ weight + bias, ∂C/∂weight = aᵀ @ δ." in text
    assert "averages over the samples" not in text
    assert "averages over the samples" in str(four_equations(tg.nn.MLP([2, 2]), *data([2, 2], 2)))


def test_a_difference_that_is_not_rounding_is_called_wrong():
    report = small()
    first = report.equations["3blue1brown"][0]
    broken = dataclasses.replace(first, by_engine=first.by_engine * 1.001)
    wrong = dataclasses.replace(report, equations={**report.equations, "3blue1brown": (broken,)})
    assert not wrong
    assert "2.0e−03  WRONG" in str(wrong)
    assert "DISAGREE" in str(wrong)


@pytest.mark.parametrize("sizes", [[2, 3, 1], [100, 16, 10]])
@pytest.mark.parametrize("samples", [1, 3])
def test_the_picture_is_well_formed_and_nothing_in_it_overlaps(sizes, samples, tmp_path, open_page):
    report = four_equations(tg.nn.MLP(sizes, activation="tanh"), *data(sizes, samples))
    root = ElementTree.fromstring(report.to_svg())
    assert sum(element.get("class") == "equation" for element in root.iter()) == 6
    assert len(report.to_svg()) < 60_000
    path = report.save(tmp_path / "equations.html")
    for options in ({}, {"dark": True}, {"width": 400}, {"scripts": False}):
        page = open_page(path, **options)
        assert page.evaluate(OVERLAPS, ".four text") == []
        assert page.evaluate("() => document.querySelectorAll('.four .equation').length") == 6


def test_numbers_in_the_picture_are_the_numbers():
    root = ElementTree.fromstring(small().to_svg())
    shown = [element.text for element in root.iter() if element.get("class") == "value"]
    assert shown == ["2", "2", "1", "2", "2", "6", "2", "3"]


def test_files_by_their_suffix(tmp_path):
    report = small()
    assert report.save(tmp_path / "a.txt").read_text(encoding="utf8") == f"{report}\n"
    assert report.save(tmp_path / "a.svg").read_text(encoding="utf8") == report.to_svg()
    with pytest.raises(DataError, match="suffix"):
        report.save(tmp_path / "a.png")
    assert set(report._repr_mimebundle_()) == {"image/svg+xml", "text/plain"}


# --- refusals ------------------------------------------------------------------------------------------------------


def frozen():
    model = tg.nn.MLP([2, 2])
    model.layer1.weight.requires_grad = False
    return model


@pytest.mark.parametrize(
    ("network", "error", "text"),
    [
        (lambda: tg.nn.MLP([2, 2], output_activation="softmax"), DataError, "its activation softmax isn't one of"),
        (lambda: tg.nn.Sequential(tg.tanh, tg.nn.Linear(2, 2)), DataError, "an activation stands after nothing"),
        (lambda: tg.nn.Sequential(tg.nn.Linear(2, 2), tg.tanh, tg.tanh), DataError, "after another one"),
        (lambda: 3, DtypeError, "needs a network, not int"),
        (frozen, GradientError, "weight of layer 1 is frozen"),
        (lambda: tg.nn.MLP([3, 2]), ShapeError, "expects (…, 3)"),
        (lambda: tg.nn.MLP([2, 3]), ShapeError, "must have the same shape"),
    ],
)
def test_what_the_equations_are_not_about_is_refused(network, error, text):
    with pytest.raises(error) as caught:
        four_equations(network(), [1.0, 2.0], [0.0, 1.0])
    assert text in str(caught.value)


def test_a_quantity_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(TinygradError, match="no equation is about 'w7'"):
        small()["w7"]
