"""Layers without parameters do what their functions do; dropout draws in training only."""

import numpy as np
import pytest

from tinygrad_edu import functional as F
from tinygrad_edu.errors import AxisError, DataError, ShapeError
from tinygrad_edu.nn import (
    AdaptiveAvgPool2d,
    AvgPool1d,
    AvgPool2d,
    Dropout,
    Dropout2d,
    Flatten,
    MaxPool1d,
    MaxPool2d,
    Sequential,
    Unflatten,
)

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    ("layer", "function", "sides"),
    [
        (MaxPool1d(3, 2, 1, 2, True), lambda x: F.max_pool1d(x, 3, 2, 1, 2, True), (9,)),
        (MaxPool2d((2, 3)), lambda x: F.max_pool2d(x, (2, 3)), (9, 8)),
        (AvgPool1d(3, 2, 1, True, False), lambda x: F.avg_pool1d(x, 3, 2, 1, True, False), (9,)),
        (AvgPool2d(2, padding=1), lambda x: F.avg_pool2d(x, 2, padding=1), (9, 8)),
        (AdaptiveAvgPool2d((None, 3)), lambda x: F.adaptive_avg_pool2d(x, (None, 3)), (9, 8)),
    ],
)
def test_a_layer_is_its_function(layer, function, sides):
    x = RNG.normal(size=(2, 3, *sides))
    np.testing.assert_array_equal(layer(x).numpy(), function(x).numpy())
    assert layer.parameters() == []


def test_labels():
    assert MaxPool2d(2)._label() == "MaxPool2d(2×2)"
    assert AvgPool2d(3, 1, 1)._label() == "AvgPool2d(3×3, stride 1, padding 1)"
    assert AdaptiveAvgPool2d((None, 3))._label() == "AdaptiveAvgPool2d(same×3)"
    assert Dropout(0.25)._label() == "Dropout(0.25)"


@pytest.mark.parametrize(
    ("start", "end", "shape"), [(1, -1, (2, 60)), (0, 1, (6, 4, 5)), (2, 3, (2, 3, 20)), (1, 1, None)]
)
def test_flatten_joins_axes(start, end, shape):
    x = RNG.normal(size=(2, 3, 4, 5))
    y = Flatten(start, end)(x)
    assert y.shape == (shape or x.shape)
    np.testing.assert_array_equal(y.numpy().ravel(), x.ravel())


@pytest.mark.parametrize(
    ("axis", "sizes", "shape"), [(1, (2, 3), (4, 2, 3, 5)), (-1, (5, 1), (4, 6, 5, 1)), (0, (4,), None)]
)
def test_unflatten_splits_an_axis(axis, sizes, shape):
    x = RNG.normal(size=(4, 6, 5))
    y = Unflatten(axis, sizes)(x)
    assert y.shape == (shape or x.shape)
    np.testing.assert_array_equal(y.numpy().ravel(), x.ravel())
    with pytest.raises(ShapeError, match=r"^layer1 expects a side of 6 along axis 2, got \(4, 6, 5\)"):
        Sequential(Unflatten(2, (2, 3)))(x)


def test_flatten_of_an_empty_batch_and_of_too_few_axes():
    assert Flatten()(np.zeros((0, 3, 4))).shape == (0, 12)
    with pytest.raises(AxisError):
        Flatten(2)(np.zeros(3))


@pytest.mark.parametrize("layer", [Dropout, Dropout2d])
def test_dropout_draws_anew_in_training_and_nothing_in_evaluation(layer):
    x = np.ones((4, 8, 2, 2))
    model = Sequential(layer(0.5, rng=1))
    first, second = model(x).numpy(), model(x).numpy()
    assert not np.array_equal(first, second)
    assert set(np.unique(first)) == {0.0, 2.0}
    np.testing.assert_array_equal(model.eval()(x).numpy(), x)
    assert not np.array_equal(model.train()(x).numpy(), x)
    again = Sequential(layer(0.5, rng=1))
    np.testing.assert_array_equal(again(x).numpy(), first)


def test_settings_that_make_no_sense_are_named():
    with pytest.raises(DataError, match="p must be from 0 to 1, not 2"):
        Dropout(2)
    with pytest.raises(DataError, match="kernel_size must be at least 1, not 0"):
        MaxPool2d(0)
    with pytest.raises(DataError, match="output_size must be at least 1, not 0"):
        AdaptiveAvgPool2d(0)
