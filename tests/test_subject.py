"""A function is called on tracked copies of its arguments; what it computes is called by its variables."""

import sys

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import DtypeError
from tinygrad_edu.graph import Graph
from tinygrad_edu.subject import called, subject_of


def names_of(function, *args):
    output, variables = called(function, args)
    graph = Graph.of(output, variables)
    return [card.name for card in graph.cards]


def test_arguments_are_copied_and_tracked_in_lists_and_dicts_too():
    w, x = np.ones(3), tg.Tensor([1.0, 2.0, 3.0])

    def loss(pair, more):
        pair[0].sum().backward()
        return (pair[0] * pair[1] * more["scale"]).sum()

    output, _ = called(loss, ([w, x], {"scale": 2.0}))
    assert output.item() == 12.0
    assert w.tolist() == [1.0, 1.0, 1.0]
    assert x.grad is None
    assert not x.requires_grad


def test_whole_numbers_are_tracked_only_where_there_is_nothing_else():
    assert called(lambda x: x**2, (3,))[0].item() == 9.0
    assert called(lambda x: x**2, (3,))[0].requires_grad
    output, _ = called(lambda x, axis: x.sum(axis=axis).sum(), (np.ones((2, 3)), 0))
    assert output.item() == 6.0
    output, _ = called(lambda x, rows: x[rows].sum(), (np.ones(3), np.array([0, 2])))
    assert output.item() == 2.0


def test_a_parameter_that_is_given_anew_names_both():
    def f(x):
        x = x * 2.0
        return x.sum()

    assert names_of(f, np.ones(2)) == ["x", "x_2", "f"]


def test_several_values_are_numbered():
    assert names_of(lambda *parts: parts[0] * parts[1], 2.0, 3.0) == ["parts1", "parts2", "result"]


def test_a_network_has_the_names_of_its_forward():
    model = tg.nn.MLP([2, 3, 1], rng=0)
    output, variables = called(model, (np.ones((1, 2)),))
    names = [card.name for card in Graph.of(output, variables).cards]
    assert names[0] == "x"
    assert "layer1.weight" in names
    assert names[-1] == "result"  # the x that the network's own code gives anew is nobody's name


def test_a_profiler_goes_on_and_is_back_afterwards_even_after_an_error():
    seen = []

    def profile(frame, event, _):
        if event == "return":
            seen.append(frame.f_code.co_name)

    def fails(x):
        raise KeyError("mine")

    def works(x):
        return x * 2.0

    before = sys.getprofile()
    sys.setprofile(profile)
    try:
        called(works, (1.0,))
        with pytest.raises(KeyError):
            called(fails, (1.0,))
        assert sys.getprofile() is profile
    finally:
        sys.setprofile(before)
    assert {"works", "fails"} <= set(seen)


def test_what_is_no_tensor_is_refused():
    with pytest.raises(DtypeError) as caught:
        called(lambda x: (x, x), (1.0,))
    assert str(caught.value).splitlines()[0] == "<lambda> gave tuple, not one Tensor"
    with pytest.raises(DtypeError, match="2 more arguments were given with int"):
        subject_of(3, (1.0, 2.0))
