"""Where every rule is right: what else is to blame, for how much of the error, and on which line."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.gradcheck.localise import localise


def searched(f, *arrays, analytic=None):
    inputs = [tg.Tensor(array, requires_grad=True) for array in arrays]
    output = f(*inputs)
    return localise(
        output,
        np.ones(output.shape),
        np.random.default_rng(0),
        inputs=inputs,
        rerun=lambda tensors: f(*tensors),
        analytic=analytic,
    )


X = np.array([0.3, -0.8, 1.4])
FACTORS = np.array([1.0, 2.0, 3.0])


def test_two_breaks_share_the_blame():
    def f(x):
        first = tg.exp(x).detach()
        with tg.no_grad():
            second = tg.sin(x) * 3
        return (x * first + x * second).sum()

    causes = searched(f, X).causes
    assert {cause.name for cause in causes} == {"detached-branch", "no-grad-branch"}
    shares = [float(cause.evidence.partition("that explains ")[2].partition(" %")[0]) for cause in causes]
    assert sum(shares) == pytest.approx(100, abs=0.5)
    assert all(cause.site.startswith("test_causes.py:") for cause in causes)


def test_a_detach_that_changes_nothing_is_not_blamed():
    def f(x):
        shifted = x - x.max().detach()
        e = tg.exp(shifted)
        return (e / e.sum() * np.arange(3.0)).sum()

    assert searched(f, X).causes == ()


def test_an_output_without_a_graph_is_blamed():
    (cause,) = searched(lambda x: tg.tanh(x).sum().detach(), X).causes
    assert cause.name == "detached-branch"
    assert "the output" in cause.sentence
    assert cause.confident


def test_a_comparison_at_its_boundary_is_a_branch():
    (cause,) = searched(lambda x: tg.where(x > 0.3, 2 * x, 0.5 * x).sum(), X).causes
    assert cause.name == "value-dependent-branch"
    assert "argument condition of where" in cause.sentence


def test_a_loop_whose_length_depends_on_the_value():
    def f(x):
        h = x
        while h.sum().item() > 0.45:
            h = h * 0.5
        return h.sum()

    (cause,) = searched(f, X).causes
    assert cause.name == "value-dependent-branch"
    assert "nothing more" in cause.evidence or "multiply" in cause.evidence


def test_a_gradient_of_one_use_only():
    def f(x):
        return (x * FACTORS + tg.exp(x)).sum()

    (cause,) = searched(f, X, analytic=[np.exp(X)]).causes
    assert cause.name == "overwritten-accumulation"
    (cause,) = searched(f, X, analytic=[2 * (np.exp(X) + FACTORS)]).causes
    assert cause.name == "accumulated-twice"
    (cause,) = searched(f, X, analytic=[-np.exp(X) - FACTORS]).causes
    assert cause.name == "gradient-of-another-graph"
    assert "the sign is wrong" in cause.sentence
    assert searched(f, X, analytic=[np.exp(X) + FACTORS]).causes == ()


def test_a_forward_that_draws_random_numbers():
    rng = np.random.default_rng(0)
    op = tg.custom_op("test_noise", lambda x: x * rng.uniform(0.9, 1.1, x.shape), vjps=(lambda g, out, x: g,))
    report = searched(lambda x: op(x).sum(), X)
    assert "random-numbers" in {cause.name for cause in report.causes} or report.culprits


def test_a_write_with_its_line():
    w = tg.Tensor(np.ones(3), requires_grad=True)

    def f(x):
        y = x * w
        with tg.no_grad():
            w[...] = np.array([5.0, 6.0, 7.0])
        return y.sum()

    inputs = [tg.Tensor(X, requires_grad=True)]
    (cause,) = localise(f(*inputs), np.ones(()), np.random.default_rng(0), inputs=inputs).causes
    assert cause.name == "written-after-use"
    line = f.__code__.co_firstlineno + 3
    assert cause.site == f"test_causes.py:{line}"


def test_a_program_that_fails_beside_the_point_says_nothing():
    calls = []

    def f(x):
        calls.append(1)
        if len(calls) > 1:
            raise RuntimeError("only once")
        return (x.detach() * x).sum()

    report = searched(f, X)
    assert report.causes == ()
    assert report.findings


def test_several_outputs_are_searched_together():
    inputs = [tg.Tensor(X, requires_grad=True)]

    def f(tensors):
        (x,) = tensors
        return [tg.tanh(x), (x * x.detach()).sum()]

    outputs = f(inputs)
    weights = [np.array([1.0, -2.0, 0.5]), np.array(3.0)]
    report = localise(outputs, weights, np.random.default_rng(0), inputs=inputs, rerun=f)
    assert [cause.name for cause in report.causes] == ["detached-branch"]
    assert {finding.op for finding in report.findings} == {"tanh", "sum", "multiply"}
    assert report.to_dict()["causes"][0]["name"] == "detached-branch"
