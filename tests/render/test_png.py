"""PNG files, decoded again with zlib alone: what comes out is what went in."""

import struct
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_edu.render.png import LEVELS, PALETTES, grey_image, png, signed_colour, signed_image


def decoded(content):
    """Width, height, kind of pixels, palette and rows; every checksum is checked."""
    assert content[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        kind, data = content[at + 4 : at + 8], content[at + 8 : at + 8 + size]
        assert struct.unpack(">I", content[at + 8 + size : at + 12 + size]) == (zlib.crc32(kind + data),)
        chunks[kind] = data
        at += 12 + size
    assert list(chunks)[-1] == b"IEND"
    width, height, depth, form, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, rest) == (8, [0, 0, 0])
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    assert not rows[:, 0].any()
    return width, height, form, chunks.get(b"PLTE"), rows[:, 1:]


@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32))
def test_greys_and_colours(height, width, seed):
    rng = np.random.default_rng(seed)
    greys, colours = rng.integers(0, 256, (height, width)), rng.integers(0, 256, (height, width, 3))
    assert decoded(png(greys.astype(np.uint8)))[:3] == (width, height, 0)
    np.testing.assert_array_equal(decoded(png(greys.astype(np.uint8)))[4], greys)
    np.testing.assert_array_equal(decoded(png(colours.astype(np.uint8)))[4], colours.reshape(height, -1))


def test_weights_are_white_at_zero_and_strong_at_the_scale_and_beyond():
    content = signed_image(np.array([[0.0, 2.0, 5.0], [-2.0, -1.0, 0.01]]), 2.0)
    _, _, form, palette, rows = decoded(content)
    colours = np.frombuffer(palette, np.uint8).reshape(-1, 3)[rows]
    assert form == 3
    assert colours[0].tolist() == [[255, 255, 255], [33, 90, 166], [33, 90, 166]]
    assert colours[1].tolist() == [[166, 32, 48], list(signed_colour(-0.5)), [255, 255, 255]]
    assert len(palette) == 3 * (2 * LEVELS + 1)


@pytest.mark.parametrize("palette", PALETTES)
def test_every_palette_is_symmetrical(palette):
    for share in (0.25, 0.5, 1.0):
        up, down = (np.array(signed_colour(sign * share, palette)) for sign in (1, -1))
        assert up.sum() < 3 * 255
        assert down.sum() < 3 * 255
        assert up[0] < down[0]


def test_no_weights_at_all_are_white():
    *_, rows = decoded(signed_image(np.zeros((2, 2)), 0.0))
    assert (rows == LEVELS).all()


def test_greys_are_cut_at_black_and_white():
    assert decoded(grey_image(np.array([[-1.0, 0.0, 0.5, 1.0, 2.0]])))[4].tolist() == [[0, 0, 128, 255, 255]]


def test_an_image_of_28_by_28_is_small():
    weights = np.random.default_rng(0).normal(size=(28, 28))
    assert len(signed_image(weights, 2.5)) < 900
