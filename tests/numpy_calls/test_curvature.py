"""The calls of the table have right second derivatives: a few of every name."""

import warnings

import numpy as np
import pytest

from tests.numpy_calls.curvature import wrong_curvature
from tests.numpy_calls.test_calls import BY_NAME

SOME = 2  # of each name


@pytest.mark.parametrize("name", BY_NAME)
def test_second_derivatives_are_those_of_differences(name):
    calls = [call for call in BY_NAME[name] if call.derivative]
    order = np.random.default_rng(len(calls)).permutation(len(calls))
    found = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for place in order:
            if len(found) < SOME and (text := wrong_curvature(calls[place])) is not None:
                found.append(text)
    assert "".join(found) == ""


def test_a_wrong_curvature_is_found():
    (call,) = (call for call in BY_NAME["exp"] if str(call) == "exp(d[4])")
    assert wrong_curvature(call) == ""
    call.function = lambda x: np.exp(x) if isinstance(x, np.ndarray) else np.exp(x) + (x - x.detach()) ** 2
    try:
        assert "second derivative" in wrong_curvature(call)
    finally:
        call.function = None
