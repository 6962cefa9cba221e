"""Convolution layers are their functions with parameters of their own, and name themselves in errors."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu import nn
from tinygrad_edu.errors import DataError, DtypeError, ShapeError
from tinygrad_edu.nn import Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d, ConvTranspose3d, Sequential

RNG = np.random.default_rng(0)
SETTINGS = {"stride": 2, "padding": 1, "dilation": 1, "groups": 2}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("activation", [None, "relu"])
@pytest.mark.parametrize(
    ("layer", "function", "sides"),
    [
        (Conv1d, F.conv1d, (7,)),
        (Conv2d, F.conv2d, (7, 6)),
        (ConvTranspose1d, F.conv_transpose1d, (4,)),
        (ConvTranspose2d, F.conv_transpose2d, (4, 3)),
        (Conv3d, F.conv3d, (5, 4, 3)),
        (ConvTranspose3d, F.conv_transpose3d, (2, 3, 2)),
    ],
)
def test_a_layer_is_its_function(layer, function, sides, bias, activation):
    made = layer(4, 6, 3, bias=bias, activation=activation, init="normal", **SETTINGS)
    x = RNG.normal(size=(2, 4, *sides))
    if bias:
        made.bias.data = RNG.normal(size=6)
    expected = function(x, made.weight, made.bias, **SETTINGS)
    expected = tg.relu(expected) if activation else expected
    for data in (x, tg.Tensor(x)):
        np.testing.assert_array_equal(made(data).detach().numpy(), expected.detach().numpy())
    np.testing.assert_allclose(made(x[0]).detach().numpy(), expected.detach().numpy()[0], rtol=1e-12, atol=1e-14)
    made(x).sum().backward()
    assert all(p.grad is not None for p in made.parameters())
    assert len(made.parameters()) == 1 + bias


def test_weights_are_pytorch_s_and_start_by_their_fan_in():
    assert Conv2d(4, 6, (3, 5), groups=2).weight.shape == (6, 2, 3, 5)
    assert ConvTranspose2d(4, 6, 3, groups=2).weight.shape == (4, 3, 3, 3)
    bound = (6 / (16 * 9)) ** 0.5  # he_uniform: √(6 / fan-in)
    for layer in (Conv2d(16, 32, 3, activation="relu"), ConvTranspose2d(16, 32, 3, activation="relu")):
        assert 0.95 * bound < np.abs(layer.weight.data).max() <= bound
        assert not layer.bias.data.any()


def test_one_generator_gives_each_layer_its_own_weights_and_a_seed_the_same():
    rng = np.random.default_rng(3)
    first, second = Conv2d(1, 2, 3, rng=rng), Conv2d(1, 2, 3, rng=rng)
    assert not np.array_equal(first.weight.data, second.weight.data)
    np.testing.assert_array_equal(first.weight.data, Conv2d(1, 2, 3, rng=3).weight.data)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_dtype_given_holds(dtype):
    layer = Conv2d(1, 2, 3, dtype=dtype)
    y = layer(np.ones((1, 1, 4, 4), dtype))
    y.sum().backward()
    assert {y.dtype, layer.weight.grad.dtype, layer.bias.grad.dtype} == {np.dtype(dtype)}


def test_labels_say_what_is_not_usual():
    assert repr(Conv2d(1, 8, 3)).startswith("Conv2d(1 → 8, 3×3)\n")
    assert Conv2d(2, 8, (3, 5), 2, "valid", groups=2, activation="relu")._label() == (
        "Conv2d(2 → 8, 3×5, stride 2, padding valid, 2 groups) + relu"
    )
    assert Conv2d(1, 8, 3, padding=(0, 1), dilation=2)._label() == "Conv2d(1 → 8, 3×3, padding (0, 1), dilation 2)"


@pytest.mark.parametrize(
    ("shape", "fix"),
    [
        ((5, 1, 8, 8), "the axis before the sides must be in_channels"),
        ((5, 8, 8, 3), "np.moveaxis(x, -1, 1)"),
        ((8, 8), "the axis before the sides must be in_channels"),
    ],
)
def test_an_input_that_does_not_fit_names_the_layer_and_the_fix(shape, fix):
    model = Sequential(Conv2d(3, 4, 3))
    with pytest.raises(ShapeError) as caught:
        model(np.zeros(shape))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"layer1 expects (n, 3, height, width), or without n for one sample, got {shape}"
    assert lines[1].startswith("  where: test_convolution.py:")
    assert fix in str(caught.value)


def test_an_image_too_small_is_the_function_s_own_error():
    with pytest.raises(ShapeError, match="conv2d: the kernel is larger than the padded input"):
        Conv2d(3, 4, 9)(np.zeros((1, 3, 8, 8)))
    with pytest.raises(ShapeError, match=r"x\[:, None\]: images of one channel"):
        Conv2d(1, 4, 3)(np.zeros((5, 8, 8)))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda: Conv2d(0, 1, 1), DataError, "in_channels must be at least 1, not 0"),
        (lambda: Conv2d(1, 1.5, 1), DtypeError, "out_channels must be a whole number, not 1.5"),
        (lambda: Conv2d(1, 1, 0), DataError, "kernel_size must be at least 1, not 0"),
        (lambda: Conv2d(4, 6, 1, groups=4), ShapeError, "4 and 6 channels can't both be split into 4 groups"),
        (lambda: Conv2d(1, 1, 1, activation="rely"), DataError, "no activation is called 'rely'"),
        (lambda: ConvTranspose2d(1, 1, 1, padding="same"), DtypeError, "padding must be a whole number, not 'same'"),
    ],
)
def test_settings_that_make_no_sense_are_named(call, error, text):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).splitlines()[0] == text
    assert "test_convolution.py:" in str(caught.value)


@pytest.mark.parametrize(("mode", "numpys"), [("reflect", "reflect"), ("replicate", "edge"), ("circular", "wrap")])
@pytest.mark.parametrize(("axes", "padding"), [(1, 2), (1, "same"), (2, (1, 2)), (2, "valid"), (3, 1)])
def test_a_padding_mode_puts_that_border_around_the_input(mode, numpys, axes, padding):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(2, 2, *(6, 5, 4)[:axes]))
    layer = getattr(nn, f"Conv{axes}d")(2, 3, (4, 3, 2)[-axes:] if axes < 3 else 2, padding=padding, dilation=1,
                                        padding_mode=mode, rng=1)  # fmt: skip
    kernel = layer.weight.shape[2:]
    if padding == "same":
        pairs = [((k - 1) // 2, k - 1 - (k - 1) // 2) for k in kernel]
    else:
        one_per_axis = (
            (0,) * axes if padding == "valid" else padding if isinstance(padding, tuple) else (padding,) * axes
        )
        pairs = [(p, p) for p in one_per_axis]
    wide = np.pad(x, [(0, 0), (0, 0), *pairs], mode=numpys)
    expected = getattr(F, f"conv{axes}d")(wide, layer.weight, layer.bias).detach().numpy()
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(layer(x[0]).detach().numpy(), expected[0], rtol=1e-12)
    assert_derivatives(layer, x[:1], plain=lambda x: layer(x).detach().numpy(), order=1)
    assert layer.settings()["padding_mode"] == mode
    assert mode in layer._label()


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: nn.Conv2d(1, 1, 3, padding="sam"), DataError, "no padding is called 'sam'"),
        (lambda: nn.Conv2d(1, 1, 3, 2, padding="same"), DataError, 'padding="same" needs stride 1, not 2'),
        (lambda: nn.Conv1d(1, 1, 3, padding_mode="mirror"), DataError, "no padding mode of a convolution is called"),
        (lambda: nn.ConvTranspose1d(1, 1, 3, output_padding=1), DataError, "output_padding 1 must be less than"),
    ],
)
def test_settings_that_never_fit_are_refused_when_the_layer_is_made(make, error, text):
    with pytest.raises(error, match=text) as caught:
        make()
    assert "test_convolution.py:" in str(caught.value)


def test_a_border_that_the_input_is_too_small_for_is_named_with_the_layer():
    with pytest.raises(ShapeError, match="a border of 2 is too wide for mode 'reflect' along axis 2 of 2"):
        nn.Sequential(nn.Conv1d(1, 1, 5, padding=2, padding_mode="reflect"))(np.ones((1, 1, 2)))
