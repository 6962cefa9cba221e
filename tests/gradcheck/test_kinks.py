"""Kinks: no false failure on one, no wrong gradient hidden behind one, and a report that says which step it is."""

import itertools

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.gradcheck import gradcheck
from tinygrad_edu.op import ELEMENTWISE, Op

NETWORKS = 60  # `python -m tests.gradcheck.test_kinks` tries 1,000, which takes a minute

KINDS = {
    "relu": lambda h, c: tg.relu(h),
    "abs": lambda h, c: tg.abs(h),
    "maximum": tg.maximum,
    "max": lambda h, c: tg.max(h) * c + h,
    "clip": lambda h, c: tg.clip(h, -1, 1),
    "where": lambda h, c: tg.where(h > 0, h, 0.1 * h),
    "sort": lambda h, c: tg.sort(h),
    "opposed": lambda h, c: tg.minimum(tg.relu(h), h * h) - tg.relu(-h),
}


def random_network(seed):
    """Layers of small whole numbers, so that most of what is compared or cut off stands exactly on its kink."""
    rng = np.random.default_rng(seed)

    def whole(*shape):
        return rng.integers(-2, 3, shape).astype(float)

    sizes = rng.integers(1, 5, int(rng.integers(2, 5)))
    kinds = [KINDS[name] for name in rng.choice(list(KINDS), len(sizes) - 1)]
    constants = [(whole(n) * rng.integers(0, 2), whole(n)) for n in sizes[1:]]

    def f(x, *weights):
        for kind, weight, (bias, constant) in zip(kinds, weights, constants):
            x = kind(x @ weight + bias, constant)
        return (x * np.arange(1.0, x.shape[-1] + 1)).sum()

    return f, [whole(sizes[0]), *(whole(m, n) for m, n in itertools.pairwise(sizes))]


def kinks_among(seeds):
    """How many of these networks stand on kinks; fails where one is called wrong."""
    found = 0
    for seed in seeds:
        f, inputs = random_network(seed)
        report = gradcheck(f, inputs, raise_on_failure=False)
        assert report, f"network {seed}:\n{report}"
        found += report.verdict == "kink"
    return found


def test_no_false_failure_on_random_networks_whose_inputs_are_on_kinks():
    assert kinks_among(range(NETWORKS)) > NETWORKS // 5


def wrong(op, factor=2.0):
    """The same op with rules that are wrong by a factor."""
    return Op(
        f"wrong {op.name}",
        op.forward,
        vjps=tuple(lambda *a, rule=rule, **k: factor * rule(*a, **k) for rule in op.vjps),
        kind=op.kind,
        listed=False,
    )


@pytest.mark.parametrize("seed", range(12))
def test_a_wrong_rule_among_kinks_is_found(seed):
    f, inputs = random_network(seed)
    negative = wrong(tg.negative, 1.01)
    report = gradcheck(lambda *a: negative(f(*a)), inputs, raise_on_failure=False)
    tensors = [tg.Tensor(a, requires_grad=True) for a in inputs]
    found = tg.gradients(f(*tensors), tensors)
    moves = any(g is not None and g.numpy().any() for g in found)
    assert report.verdict == ("wrong" if moves else "right")


@pytest.mark.parametrize(
    ("f", "x", "text"),
    [
        (tg.relu, 0.0, "any slope in [0, 1] is valid, this engine uses 0"),
        (tg.abs, 0.0, "any slope in [-1, 1] is valid, this engine uses 0"),
        (lambda x: 3 * tg.relu(-2 * x), 0.0, "any slope in [0, 1] is valid, this engine uses 0"),
        (lambda x: tg.clip(x, -1.0, 1.0), 1.0, "any slope in [0, 1] is valid, this engine uses 0"),
        (lambda x: tg.maximum(x, 2.0), 2.0, "any slope in [0, 1] is valid, this engine uses 0.5"),
        (lambda x: tg.maximum(x, 2 * x), 0.0, "any change in [1, 2] is valid, this engine uses 1.5"),
        (lambda x: tg.where(x > 0, x, 0.0), 0.0, "greater at test_kinks.py"),
        (lambda x: x * 2 if x.item() > 0 else x * 3, 0.0, "slope 3 before this point and 2 after it"),
    ],
)
def test_report_says_which_values_are_valid_and_which_one_is_used(f, x, text):
    report = gradcheck(f, [x])
    assert report.verdict == "kink"
    assert text in str(report)


def test_report_names_the_element_by_the_name_in_the_users_line():
    def f(x):
        h1 = tg.relu(x @ np.eye(4) - 1)
        return h1.sum()

    report = gradcheck(f, [np.array([3.0, 0.0, 2.0, 1.0])])
    assert "h1[3] (relu at test_kinks.py:" in str(report)
    assert report.rows[0].index == (3,)
    assert report.rows[0].counts == {**dict.fromkeys(report.rows[0].counts, 0), "right": 3, "kink": 1}


def test_kinks_that_cancel_are_no_error_of_the_gradient():
    report = gradcheck(lambda x: tg.relu(x) - tg.relu(-x), [0.0])
    assert report.verdict == "kink"
    assert "the kinks cancel: the slope is 1 on both sides" in str(report)


def test_a_value_outside_the_slopes_of_the_kink_is_wrong():
    beyond = Op("beyond", np.abs, vjps=(lambda g, out, x: g * 3 * np.sign(x + 1),), kind=ELEMENTWISE, listed=False)
    report = gradcheck(beyond, [0.0], raise_on_failure=False)
    assert report.verdict == "wrong"
    assert "any slope in [-1, 1] is valid, this engine uses 3, which is not" in str(report)
    assert "not between them: no choice at the kink gives that" in str(report)


@pytest.mark.parametrize("distance", [1e-4, 1e-5, 3e-6, 1e-6, 1e-7, 1e-9])
@pytest.mark.parametrize("side", [-1, 1])
@pytest.mark.parametrize("method", ["auto", "differences"])
def test_a_kink_nearby_neither_spoils_a_right_gradient_nor_hides_a_wrong_one(distance, side, method):
    x = 1.0 + side * distance
    assert gradcheck(lambda x: tg.relu(x - 1) * 2, [x], method=method)
    assert gradcheck(lambda x: tg.abs(x - 1), [x], method=method)
    bad = wrong(tg.relu, 3.0)
    if side > 0:
        assert not gradcheck(lambda x: bad(x - 1), [x], method=method, raise_on_failure=False)


@pytest.mark.parametrize("count", [5, 2000])
def test_many_entries_on_kinks_are_judged_together_and_right(count):
    weights = np.random.default_rng(0).normal(size=(count, 3))
    report = gradcheck(
        lambda w: (tg.relu(np.zeros((2, count)) @ w) @ np.ones(3)).sum() + tg.abs(w).sum(), [weights * 0]
    )
    assert report.verdict == "kink"
    assert report.rows[0].counts["kink"] == 3 * count


if __name__ == "__main__":
    print(kinks_among(range(1000)), "of 1,000 networks stand on kinks; none of them was called wrong")
