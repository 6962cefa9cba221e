"""The bundled digits: real, complete, correctly enlarged, the same bits for the same seed."""

import hashlib
import math
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_edu.data as data
from tinygrad_edu.data import Dataset, digits
from tinygrad_edu.errors import DataError, DtypeError, FileNotFound

FOLDER = Path(data.__file__).parent


@pytest.fixture(scope="module")
def bundled():
    with np.load(FOLDER / "digits.npz", allow_pickle=False) as file:
        return file["images"], file["labels"]


def in_order(images, labels=None):
    """Rows in an order that does not depend on the split, with their labels."""
    rows = np.column_stack([images] + ([] if labels is None else [labels]))
    return rows[np.lexsort(rows.T)]


@pytest.mark.parametrize("size", [8, 28, 31])
def test_shapes_dtypes_range_and_memory(size):
    sets = digits(size=size)
    assert isinstance(sets, tuple)
    assert [len(part.labels) for part in sets] == [1438, 359]
    for part in sets:
        assert isinstance(part, Dataset)
        images, labels = part
        assert images is part.images
        assert labels is part.labels
        assert images.shape == (len(labels), size * size)
        assert (images.dtype, labels.dtype) == (np.float32, np.int64)
        assert images.min() == 0
        assert images.max() == 1
        assert set(labels.tolist()) == set(range(10))
        for array in part:
            assert array.flags.c_contiguous
            assert not array.flags.writeable
            assert array.base is None


def test_every_digit_is_in_exactly_one_set_with_its_own_label(bundled):
    train, test = digits(size=8)
    images = np.concatenate([train.images, test.images])
    labels = np.concatenate([train.labels, test.labels])
    originals = bundled[0].reshape(1797, 64) / np.float32(16)
    np.testing.assert_array_equal(in_order(images, labels), in_order(originals, bundled[1]))
    assert len(np.unique(images, axis=0)) == 1797  # no two are equal, so no overlap of the sets


def bilinear(picture, size, row, column):
    """One pixel of the enlarged picture, as a textbook has it: exact arithmetic on one number at a time."""

    def corners(index):
        at = min(max((index + 0.5) * 8 / size - 0.5, 0), 7)
        low = math.floor(at)
        return low, min(low + 1, 7), at - low

    top, bottom, down = corners(row)
    left, right, across = corners(column)
    upper = picture[top, left] * (1 - across) + picture[top, right] * across
    lower = picture[bottom, left] * (1 - across) + picture[bottom, right] * across
    return (upper * (1 - down) + lower * down) / 16


@pytest.mark.parametrize("size", [9, 16, 28])
def test_enlarging_is_bilinear_interpolation_between_pixel_centres(bundled, size):
    small, _ = digits(size=8, seed=3)
    large, _ = digits(size=size, seed=3)
    np.testing.assert_array_equal(small.labels, large.labels)
    for sample in (0, 1, 700):
        picture = small.images[sample].reshape(8, 8).astype(float) * 16
        expected = [[bilinear(picture, size, i, j) for j in range(size)] for i in range(size)]
        np.testing.assert_allclose(large.images[sample].reshape(size, size), expected, rtol=1e-6, atol=1e-7)


def test_the_enlarged_pictures_are_the_same_bits_on_every_machine():
    images = in_order(np.concatenate([part.images for part in digits(size=28)]))
    found = hashlib.sha256(images.astype("<f4").tobytes()).hexdigest()
    assert found == "90abcdf7c22314908d0738f343904736bf41981ab5be0773d1d00630b7ec1f45"


def test_same_seed_same_bits_and_other_seed_other_split():
    first, second, other = digits(size=8, seed=5), digits(size=8, seed=5), digits(size=8, seed=6)
    for one, two, three in zip(first, second, other, strict=True):
        np.testing.assert_array_equal(one.images, two.images)
        np.testing.assert_array_equal(one.labels, two.labels)
        assert not np.array_equal(one.images, three.images)
    generated = digits(size=8, seed=np.random.default_rng(5))
    np.testing.assert_array_equal(generated[0].images, first[0].images)


def test_the_split_does_not_depend_on_the_size_and_a_generator_moves_on():
    np.testing.assert_array_equal(digits(size=8, seed=1)[1].labels, digits(size=20, seed=1)[1].labels)
    rng = np.random.default_rng(0)
    assert not np.array_equal(digits(size=8, seed=rng)[1].labels, digits(size=8, seed=rng)[1].labels)


@pytest.mark.parametrize(("held_out", "held"), [(0.5, 898), (0.1, 180), (0.999, 1795)])
def test_held_out_is_the_share_in_test(held_out, held):
    train, test = digits(size=8, held_out=held_out)
    assert len(test.labels) == held
    assert len(train.labels) == 1797 - held


@pytest.mark.parametrize("held_out", [0, 1, -0.2, 2, 20, 1e-5, 0.99999, math.nan])
def test_a_set_left_empty_is_an_error(held_out):
    with pytest.raises(DataError, match="one of the two sets would be empty") as caught:
        digits(held_out=held_out)
    assert f"held_out={held_out!r} of 1,797 digits" in str(caught.value)
    assert "fix:      digits(held_out=0.2)" in str(caught.value)


def test_wrong_size_or_seed_is_an_error():
    with pytest.raises(DataError, match="size must be at least 8, not 7"):
        digits(size=7)
    with pytest.raises(DtypeError, match=r"size must be a whole number, not 28\.0 \(float\)"):
        digits(size=28.0)
    with pytest.raises(DataError, match="the seed must be at least 0, not -1"):
        digits(seed=-1)
    with pytest.raises(DtypeError, match=r"the seed must be a whole number, not 'x' \(str\)"):
        digits(seed="x")


def test_a_missing_bundled_file_is_explained(monkeypatch, tmp_path):
    module = sys.modules["tinygrad_edu.data.digits"]  # the attribute of that name is the function
    monkeypatch.setattr(module, "__file__", str(tmp_path / "digits.py"))
    with pytest.raises(FileNotFound, match="the bundled digits are missing") as caught:
        digits()
    assert str(tmp_path / "digits.npz") in str(caught.value)
    assert "install the package again" in str(caught.value)


def test_the_bundled_file_carries_its_attribution():
    text = (FOLDER / "ATTRIBUTION.md").read_text(encoding="utf-8")
    for part in (
        "Alpaydin",
        "Kaynak",
        "Optical Recognition of Handwritten Digits",
        "UCI Machine Learning Repository",
        "1998",
        "CC BY 4.0",
        "https://creativecommons.org/licenses/by/4.0/",
        "What was changed",
    ):
        assert part in text
