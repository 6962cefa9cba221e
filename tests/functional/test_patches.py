"""Patches, pixels and borders against loops over their elements, and against what they must undo."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.functional.test_pooling import windows
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, ShapeError

RNG = np.random.default_rng(0)
TWO = {name: st.tuples(st.integers(low, high), st.integers(low, high))
       for name, low, high in (("sides", 1, 6), ("kernel", 1, 3), ("dilation", 1, 2), ("padding", 0, 2),
                               ("stride", 1, 3))}  # fmt: skip


@given(**TWO)
def test_columns_are_what_lies_under_the_kernel_and_folding_is_the_transpose(sides, kernel, dilation, padding, stride):
    settings = {"kernel_size": kernel, "dilation": dilation, "padding": padding, "stride": stride}
    along = [windows(*each) for each in zip(sides, kernel, stride, padding, dilation)]
    x = RNG.normal(size=(2, 3, *sides))
    if not all(along):
        for call in (lambda: F.unfold(x, **settings), lambda: F.fold(np.ones((2, 9, 1)), sides, **settings)):
            with pytest.raises(ShapeError, match=r"the kernel .* is larger than the padded image"):
                call()
        return
    expected = np.zeros((2, 3, *kernel, *map(len, along)))
    for a, b, i, j in itertools.product(*map(range, expected.shape[2:])):
        row, column = along[0][i][a], along[1][j][b]
        if 0 <= row < sides[0] and 0 <= column < sides[1]:
            expected[:, :, a, b, i, j] = x[:, :, row, column]
    expected = expected.reshape(2, 3 * kernel[0] * kernel[1], -1)
    np.testing.assert_array_equal(F.unfold(x, **settings).numpy(), expected)
    np.testing.assert_array_equal(F.unfold(x[0], **settings).numpy(), expected[0])
    y = RNG.normal(size=expected.shape)
    folded = F.fold(y, sides, **settings)
    assert folded.shape == x.shape
    np.testing.assert_allclose((folded.numpy() * x).sum(), (y * expected).sum(), atol=1e-10)
    np.testing.assert_array_equal(F.fold(y[1], sides, **settings).numpy(), folded.numpy()[1])


def test_a_convolution_is_a_product_with_the_columns():
    x, weight = RNG.normal(size=(2, 3, 6, 5)), RNG.normal(size=(4, 3, 3, 2))
    found = weight.reshape(4, -1) @ F.unfold(x, (3, 2), (1, 2), (1, 0), (2, 1))
    np.testing.assert_allclose(found.reshape(2, 4, 3, 3).numpy(),
                               F.conv2d(x, weight, None, (2, 1), (1, 0), (1, 2)).numpy())  # fmt: skip


def test_derivatives_of_patches():
    x = RNG.normal(size=(1, 2, 4, 5))
    assert_derivatives(lambda x: F.unfold(x, 2, 1, 1, 2) ** 2, x, plain=lambda x: F.unfold(x, 2, 1, 1, 2).numpy() ** 2)
    y = F.unfold(x, 2, 1, 1, 2).numpy()
    assert_derivatives(
        lambda y: F.fold(y, (4, 5), 2, 1, 1, 2) ** 2, y, plain=lambda y: F.fold(y, (4, 5), 2, 1, 1, 2).numpy() ** 2
    )


@given(r=st.integers(1, 3), channels=st.integers(1, 2), sides=TWO["sides"], leading=st.integers(0, 2))
def test_channels_become_pixels_and_pixels_channels_again(r, channels, sides, leading):
    x = RNG.normal(size=(*(2,) * leading, channels * r * r, *sides))
    y = F.pixel_shuffle(x, r)
    for c, i, j in itertools.product(*map(range, y.shape[-3:])):
        np.testing.assert_array_equal(y.numpy()[..., c, i, j], x[..., c * r * r + i % r * r + j % r, i // r, j // r])
    np.testing.assert_array_equal(F.pixel_unshuffle(y, r).numpy(), x)


@given(groups=st.integers(1, 4), each=st.integers(1, 4))
def test_channels_are_dealt_out(groups, each):
    x = RNG.normal(size=(2, groups * each, 3))
    expected = np.stack([x[:, g * each + i] for i in range(each) for g in range(groups)], axis=1)
    np.testing.assert_array_equal(F.channel_shuffle(x, groups).numpy(), expected)
    np.testing.assert_array_equal(F.channel_shuffle(F.channel_shuffle(x, groups), each).numpy(), x)


MODES = {"reflect": "reflect", "replicate": "edge", "circular": "wrap"}


@given(widths=st.lists(st.integers(0, 2), min_size=6, max_size=6), axes=st.integers(0, 3),
       mode=st.sampled_from(["constant", *MODES]))  # fmt: skip
def test_borders_are_numpys_with_the_axes_from_behind(widths, axes, mode):
    x = RNG.normal(size=(3, 4, 3))
    pairs = [tuple(widths[2 * i : 2 * i + 2]) for i in range(axes)]
    turned = [(0, 0)] * (3 - axes) + pairs[::-1]
    expected = np.pad(x, turned, mode=MODES.get(mode, mode))
    np.testing.assert_array_equal(F.pad(x, widths[: 2 * axes], mode).numpy(), expected)
    assert_derivatives(lambda x: F.pad(x, widths[: 2 * axes], mode), x,
                       plain=lambda x: F.pad(x, widths[: 2 * axes], mode).numpy(), order=1)  # fmt: skip


def test_a_constant_border_may_have_any_value_and_may_cut_off():
    x = np.arange(12.0).reshape(3, 4)
    assert F.pad(x, (-1, 1, 0, -2), value=9.0).tolist() == [[1.0, 2.0, 3.0, 9.0]]
    assert F.pad(x, (-2, -2)).shape == (3, 0)
    assert F.pad(x.astype(np.int8), (1, 0), value=7.0).dtype == np.int8
    assert F.pad(x.astype(np.float32), (1, 0), value=0.1).dtype == np.float32
    t = tg.Tensor(x, requires_grad=True)
    F.pad(t, (-1, 1, 0, -2)).sum().backward()
    assert t.grad.tolist() == [[0.0, 1.0, 1.0, 1.0], [0.0] * 4, [0.0] * 4]


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda x: F.unfold(x[0, 0], 2), ShapeError, "unfold: the input must have 4 axes, or 3 for one sample"),
        (lambda x: F.unfold(x, 0), DataError, "kernel_size must be at least 1, not 0"),
        (lambda x: F.fold(x[0], (5, 5), 2), ShapeError, "fold: the columns don't fit the settings"),
        (lambda x: F.fold(x[0, :, :3], (4, 4), 2), ShapeError, "fold: the columns don't fit the settings"),
        (lambda x: F.pixel_shuffle(x, 2), ShapeError, "pixel_shuffle: the sides can't be divided so"),
        (lambda x: F.pixel_unshuffle(x, 3), ShapeError, "pixel_unshuffle: the sides can't be divided so"),
        (lambda x: F.pixel_shuffle(x, 1.0), DtypeError, "upscale_factor must be a whole number, not 1.0"),
        (lambda x: F.channel_shuffle(x, 2), ShapeError, "channel_shuffle: the sides can't be divided so"),
        (lambda x: F.pad(x, (1,)), ShapeError, "pad: 1 widths for 4 axes"),
        (lambda x: F.pad(x, (1,) * 10), ShapeError, "pad: 10 widths for 4 axes"),
        (lambda x: F.pad(x, (1, 1), "wrap"), DataError, "no mode of pad is called 'wrap'"),
        (lambda x: F.pad(x, (4, 0), "reflect"), ShapeError, "pad: a border of 4 is too wide for mode 'reflect' along"),
        (lambda x: F.pad(x, (5, 0), "circular"), ShapeError, "pad: a border of 5 is too wide for mode 'circular'"),
        (lambda x: F.pad(x, (-1, 0), "reflect"), DataError, "pad must be at least 0, not -1"),
        (lambda x: F.pad(x, (-9, 0)), ShapeError, "pad: more is cut off than there is"),
        (lambda x: F.pad(x, (1, 0), "reflect", 2.0), DataError, "pad: a value means nothing for mode 'reflect'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(call, error, first_line):
    with pytest.raises(error) as caught:
        call(np.ones((2, 3, 4, 4)))
    assert str(caught.value).startswith(first_line)
    assert "test_patches.py:" in str(caught.value)
    assert caught.value.code
