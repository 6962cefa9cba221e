"""Convolutions slide the weight as their settings say, and refuse what doesn't fit. The rows have their own tests."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.ops.neural_formulas import conv as naive
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, ShapeError

RNG = np.random.default_rng(0)
CONV = {1: F.conv1d, 2: F.conv2d, 3: F.conv3d}
TRANSPOSED = {1: F.conv_transpose1d, 2: F.conv_transpose2d, 3: F.conv_transpose3d}
dimensions = pytest.mark.parametrize("ndim", [1, 2, 3])


def pair(ndim, groups=1, side=6, k=3):
    """Data of four channels and a weight for six outputs."""
    return RNG.normal(size=(2, 4, *(side,) * ndim)), RNG.normal(size=(6, 4 // groups, *(k,) * ndim))


def per_axis(number, ndim):
    return (number,) * ndim


@dimensions
@pytest.mark.parametrize(("stride", "padding", "dilation", "groups"), [(1, 0, 1, 1), (2, 1, 1, 2), (1, 2, 2, 1)])
def test_settings_mean_what_they_say(ndim, stride, padding, dilation, groups):
    x, weight = pair(ndim, groups, side=4 if ndim == 3 else 6, k=2)
    bias = RNG.normal(size=6)
    expected = naive(
        x, weight, per_axis(stride, ndim), per_axis((padding, padding), ndim), per_axis(dilation, ndim), groups
    ) + bias.reshape(-1, *(1,) * ndim)
    found = CONV[ndim](x, weight, bias, stride, padding, dilation, groups)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12, atol=1e-12)
    one_per_axis = (per_axis(setting, ndim) for setting in (stride, padding, dilation))
    np.testing.assert_array_equal(CONV[ndim](x, weight, bias, *one_per_axis, groups).numpy(), found.numpy())


@dimensions
@pytest.mark.parametrize("k", [1, 2, 3, 4])
@pytest.mark.parametrize("dilation", [1, 2])
def test_same_keeps_the_sides_and_puts_an_odd_zero_behind(ndim, k, dilation):
    x, weight = pair(ndim, side=7 if ndim < 3 else 4, k=k)
    total = dilation * (k - 1)
    widths = [(0, 0), (0, 0)] + [(total // 2, total - total // 2)] * ndim
    expected = CONV[ndim](np.pad(x, widths), weight, dilation=dilation)
    found = CONV[ndim](x, weight, padding="same", dilation=dilation)
    assert found.shape == (2, 6, *x.shape[2:])
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12)


@dimensions
def test_valid_pads_nothing_and_a_group_is_a_convolution_of_its_own(ndim):
    x, weight = pair(ndim, groups=2, side=4)
    parts = [CONV[ndim](x[:, 2 * i : 2 * i + 2], weight[3 * i : 3 * i + 3], padding="valid").numpy() for i in (0, 1)]
    np.testing.assert_allclose(CONV[ndim](x, weight, groups=2).numpy(), np.concatenate(parts, axis=1), rtol=1e-12)


@dimensions
def test_one_sample_needs_no_batch(ndim):
    x, weight = pair(ndim, side=4)
    bias = RNG.normal(size=6)
    np.testing.assert_allclose(
        CONV[ndim](x[0], weight, bias).numpy(), CONV[ndim](x, weight, bias).numpy()[0], rtol=1e-12
    )
    turned = np.swapaxes(weight, 0, 1)
    alone, together = (TRANSPOSED[ndim](y, turned, RNG.normal(size=6)) for y in (x[0], x))
    assert alone.shape == together.shape[1:]


@given(st.integers(1, 3), st.integers(1, 3), st.integers(0, 2), st.integers(1, 3), st.integers(0, 2), st.integers(1, 2))
def test_the_transpose_is_the_transpose_for_every_setting(k, stride, padding, dilation, output_padding, groups):
    rng = np.random.default_rng(0)
    y, weight = rng.normal(size=(2, 2 * groups, 3)), rng.normal(size=(2 * groups, 2, k))
    settings = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    side = 2 * stride - 2 * padding + dilation * (k - 1) + output_padding + 1
    if output_padding >= max(stride, dilation) or side < 1:
        with pytest.raises((DataError, ShapeError)):
            F.conv_transpose1d(y, weight, output_padding=output_padding, **settings)
        return
    found = F.conv_transpose1d(y, weight, output_padding=output_padding, **settings).numpy()
    assert found.shape == (2, 2 * groups, side)
    x = rng.normal(size=found.shape)
    forward = np.pad(x, [(0, 0), (0, 0), (padding, padding)])
    slid = F.conv1d(forward, weight, stride=stride, dilation=dilation, groups=groups).numpy()[..., :3]
    np.testing.assert_allclose((found * x).sum(), (slid * y).sum(), rtol=1e-10)


def test_derivatives_of_data_weight_and_bias():
    x, weight = pair(2, groups=2, side=4)
    bias = RNG.normal(size=6)
    settings = {"stride": (1, 2), "padding": 1, "groups": 2}
    assert_derivatives(
        lambda *a: F.conv2d(*a, **settings), x, weight, bias, plain=lambda *a: F.conv2d(*a, **settings).numpy()
    )


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_float_stays_as_it_is(dtype):
    x, weight = (a.astype(dtype) for a in pair(2))
    parameters = [tg.Tensor(a, requires_grad=True) for a in (x, weight, np.ones(6, dtype))]
    y = F.conv2d(*parameters, padding=1)
    y.sum().backward()
    assert {y.dtype, *(p.grad.dtype for p in parameters)} == {np.dtype(dtype)}


def test_blocks_of_samples_and_of_groups_make_no_difference(monkeypatch):
    x, weight = RNG.normal(size=(5, 6, 5, 5)), RNG.normal(size=(6, 2, 3, 3))
    y = RNG.normal(size=(5, 6, 3, 3))
    settings = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 3}
    from tinygrad_edu.ops import convolution as rows

    def all_three():
        return (
            rows._conv(x, weight, **settings),
            rows._conv_weight(x, y, kernel=(3, 3), **settings),
            rows._conv_transpose(y, weight, sides=(5, 5), **settings),
        )

    whole = all_three()
    for size in (1, 100, 1000):
        monkeypatch.setattr(rows, "_BLOCK", size)
        for found, expected in zip(all_three(), whole, strict=True):
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


conv, back = F.conv2d, F.conv_transpose2d
X, W = np.ones((2, 3, 8, 8)), np.ones((4, 3, 3, 3))


@pytest.mark.parametrize(
    ("call", "error", "first_line", "more"),
    [
        (
            lambda: conv(np.ones((2, 1, 8, 8)), W),
            ShapeError,
            "conv2d: the weight is for 3 channels, the input has 1",
            "",
        ),
        (
            lambda: conv(np.ones((2, 8, 8, 3)), W),
            ShapeError,
            "conv2d: the weight is for 3 channels",
            "x.transpose(0, 3, 1, 2)",
        ),
        (
            lambda: conv(np.ones((5, 8, 8)), np.ones((4, 1, 3, 3))),
            ShapeError,
            "conv2d: the weight is for 1 chan",
            "x[:, None]",
        ),
        (lambda: conv(X, W, groups=3), ShapeError, "conv2d: the weight is for 9 channels in 3 groups", ""),
        (
            lambda: conv(X, np.ones((4, 1, 3, 3)), groups=3),
            ShapeError,
            "conv2d: the first side of the weight, 4, can't",
            "",
        ),
        (lambda: conv(X, W, groups=0), DataError, "groups must be at least 1, not 0", ""),
        (lambda: conv(X[0, 0], W), ShapeError, "conv2d: the input must have 4 axes, or 3 for one sample", "x[:, None]"),
        (
            lambda: conv(X, W[0]),
            ShapeError,
            "conv2d: the weight must have 4 axes, not 3",
            "(out, channels / groups, height",
        ),
        (
            lambda: conv(X[..., :2, :], W),
            ShapeError,
            "conv2d: the kernel is larger than the padded input",
            "(2, 3, 2, 8)",
        ),
        (lambda: conv(X, W, dilation=4), ShapeError, "conv2d: the kernel is larger than the padded input", "dilation"),
        (lambda: conv(X, W, np.ones(3)), ShapeError, "conv2d: the bias must have one number per output, (4,)", ""),
        (lambda: conv(X, W, stride=0), DataError, "stride must be at least 1, not 0", ""),
        (lambda: conv(X, W, stride=1.5), DtypeError, "stride must be a whole number, not 1.5", ""),
        (lambda: conv(X, W, padding=-1), DataError, "padding must be at least 0, not -1", ""),
        (lambda: conv(X, W, padding=(1, 1, 1)), ShapeError, "padding has 3 numbers for 2 axes (height, width)", ""),
        (lambda: conv(X, W, padding="full"), DataError, "conv2d: no padding is called 'full'", '"same" or "valid"'),
        (lambda: conv(X, W, padding="same", stride=2), DataError, 'conv2d: padding="same" needs stride 1', ""),
        (lambda: back(X, W), ShapeError, "conv_transpose2d: the weight is for 4 channels", ""),
        (
            lambda: back(X[:, :1], W[:1], padding=5),
            ShapeError,
            "conv_transpose2d: the result would have sides (0, 0)",
            "",
        ),
        (lambda: back(X, W[:3], groups=2), ShapeError, "conv_transpose2d: the first side of the weight, 3, can't", ""),
        (lambda: back(X, W[:3], output_padding=1), DataError, "conv_transpose2d: output_padding 1 must be", ""),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(call, error, first_line, more):
    with pytest.raises(error) as caught:
        call()
    text = str(caught.value)
    assert text.startswith(first_line)
    assert more in text
    assert "test_convolution.py:" in text
    assert caught.value.code


def test_an_empty_batch_gives_an_empty_result():
    for f, ndim in itertools.product((CONV, TRANSPOSED), (1, 2, 3)):
        weight = tg.Tensor(np.ones((4, 4, *(2,) * ndim)), requires_grad=True)
        y = f[ndim](np.ones((0, 4, *(3,) * ndim)), weight)
        y.sum().backward()
        assert y.shape[:2] == (0, 4)
        assert not weight.grad.numpy().any()
