"""Layers without parameters do what their functions do; dropout draws in training only."""

import numpy as np
import pytest

from tinygrad_edu import functional as F
from tinygrad_edu import nn
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
        (MaxPool1d(3, 2, 1, 2, ceil_mode=True), lambda x: F.max_pool1d(x, 3, 2, 1, 2, True), (9,)),
        (MaxPool2d((2, 3)), lambda x: F.max_pool2d(x, (2, 3)), (9, 8)),
        (AvgPool1d(3, 2, 1, True, False), lambda x: F.avg_pool1d(x, 3, 2, 1, True, False), (9,)),
        (AvgPool2d(2, padding=1), lambda x: F.avg_pool2d(x, 2, padding=1), (9, 8)),
        (AdaptiveAvgPool2d((None, 3)), lambda x: F.adaptive_avg_pool2d(x, (None, 3)), (9, 8)),
        (nn.MaxPool3d(2, 1), lambda x: F.max_pool3d(x, 2, 1), (4, 3, 2)),
        (nn.AvgPool3d(2, 1), lambda x: F.avg_pool3d(x, 2, 1), (4, 3, 2)),
        (nn.AdaptiveAvgPool1d(4), lambda x: F.adaptive_avg_pool1d(x, 4), (9,)),
        (nn.AdaptiveAvgPool3d(2), lambda x: F.adaptive_avg_pool3d(x, 2), (4, 3, 2)),
        (nn.AdaptiveMaxPool1d(4), lambda x: F.adaptive_max_pool1d(x, 4), (9,)),
        (nn.AdaptiveMaxPool2d(4), lambda x: F.adaptive_max_pool2d(x, 4), (9, 8)),
        (nn.AdaptiveMaxPool3d(2), lambda x: F.adaptive_max_pool3d(x, 2), (4, 3, 2)),
        (nn.LPPool1d(3, 2), lambda x: F.lp_pool1d(x, 3, 2), (9,)),
        (nn.LPPool2d(2, 2, 1, True), lambda x: F.lp_pool2d(x, 2, 2, 1, True), (9, 8)),
        (nn.LPPool3d(1, 2), lambda x: F.lp_pool3d(x, 1, 2), (4, 3, 2)),
        (nn.Unfold(2, padding=1), lambda x: F.unfold(x, 2, padding=1), (9, 8)),
        (nn.Fold((2, 5), 1), lambda x: F.fold(x, (2, 5), 1), (10,)),
        (nn.PixelUnshuffle(2), lambda x: F.pixel_unshuffle(x, 2), (6, 8)),
        (nn.ChannelShuffle(3), lambda x: F.channel_shuffle(x, 3), (6, 8)),
        (nn.Upsample((4, 4), mode="bicubic"), lambda x: F.interpolate(x, (4, 4), mode="bicubic"), (6, 8)),
        (nn.ZeroPad1d((1, 2)), lambda x: F.pad(x, (1, 2)), (6, 8)),
        (nn.ZeroPad2d(-1), lambda x: F.pad(x, (-1, -1, -1, -1)), (6, 8)),
        (nn.ReflectionPad1d(2), lambda x: F.pad(x, (2, 2), "reflect"), (6, 8)),
        (nn.ReflectionPad2d((1, 2, 3, 4)), lambda x: F.pad(x, (1, 2, 3, 4), "reflect"), (6, 8)),
        (nn.ReplicationPad1d(2), lambda x: F.pad(x, (2, 2), "replicate"), (6, 8)),
        (nn.ReplicationPad2d(2), lambda x: F.pad(x, (2,) * 4, "replicate"), (6, 8)),
        (nn.CircularPad1d(2), lambda x: F.pad(x, (2, 2), "circular"), (6, 8)),
        (nn.CircularPad2d(2), lambda x: F.pad(x, (2,) * 4, "circular"), (6, 8)),
        (nn.ZeroPad3d((1, 2, 3, 0, 0, -1)), lambda x: F.pad(x, (1, 2, 3, 0, 0, -1)), (3, 4, 2)),
        (nn.ReflectionPad3d(1), lambda x: F.pad(x, (1,) * 6, "reflect"), (3, 4, 2)),
        (nn.ReplicationPad3d(2), lambda x: F.pad(x, (2,) * 6, "replicate"), (3, 4, 2)),
        (nn.CircularPad3d(2), lambda x: F.pad(x, (2,) * 6, "circular"), (3, 4, 2)),
        (nn.ConstantPad1d(2, 0.5), lambda x: F.pad(x, (2, 2), value=0.5), (6, 8)),
        (nn.ConstantPad2d((1, 0, -1, 2), 0.5), lambda x: F.pad(x, (1, 0, -1, 2), value=0.5), (6, 8)),
        (nn.ConstantPad3d(1, -3), lambda x: F.pad(x, (1,) * 6, value=-3), (3, 4, 2)),
    ],
)
def test_a_layer_is_its_function(layer, function, sides):
    x = RNG.normal(size=(2, 3, *sides))
    np.testing.assert_array_equal(layer(x).numpy(), function(x).numpy())
    assert layer.parameters() == []


@pytest.mark.parametrize("axes", [1, 2, 3])
def test_a_pool_and_its_opposite_are_called_with_what_the_other_gives(axes):
    x = RNG.normal(size=(2, 3, *(5, 4, 6)[:axes]))
    pool = getattr(nn, f"MaxPool{axes}d")(2, return_indices=True)
    unpool = getattr(nn, f"MaxUnpool{axes}d")(2)
    values, places = pool(x)
    back = unpool(values, places, output_size=x.shape).numpy()
    np.testing.assert_array_equal(pool(back)[0].numpy(), np.maximum(values.numpy(), 0))
    assert unpool.settings() == {"kernel_size": (2,) * axes, "stride": (2,) * axes, "padding": (0,) * axes}
    adaptive = getattr(nn, f"AdaptiveMaxPool{axes}d")(2, return_indices=True)
    for found, expected in zip(adaptive(x), getattr(F, f"adaptive_max_pool{axes}d")(x, 2, True), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())


def test_labels():
    assert nn.LPPool2d(2, 3)._label() == "LPPool2d(norm_type 2, kernel_size 3)"
    assert nn.ZeroPad2d(1)._label() == "ZeroPad2d(1)"
    assert nn.ReflectionPad1d((1, 2))._label() == "ReflectionPad1d((1, 2))"
    assert nn.ConstantPad2d(1, 0.5)._label() == "ConstantPad2d(1, value 0.5)"
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


@pytest.mark.parametrize(("layer", "function"), [(nn.Dropout1d, F.dropout1d), (nn.Dropout3d, F.dropout3d),
                                                 (nn.AlphaDropout, F.alpha_dropout)])  # fmt: skip
def test_what_is_dropped_is_what_the_function_drops(layer, function):
    x = RNG.normal(size=(2, 3, 4) if layer is nn.Dropout1d else (2, 3, 4, 2, 2))
    made = layer(0.5, rng=7)
    np.testing.assert_array_equal(made(x).numpy(), function(x, 0.5, rng=7).numpy())
    np.testing.assert_array_equal(made.eval()(x).numpy(), x)
    assert made._label() == f"{layer.__name__}(0.5)"


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
    with pytest.raises(ShapeError, match="ZeroPad2d: 2 widths for 2 axes"):
        nn.ZeroPad2d((1, 2))
    with pytest.raises(DataError, match="padding must be at least 0, not -1"):
        nn.ReflectionPad2d(-1)
