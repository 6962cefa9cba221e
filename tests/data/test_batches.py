"""Batches cover each sample once, in a seeded order, as arrays the engine may keep; one-hot rows are right."""

import types
from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tinygrad_edu.data import batches, one_hot
from tinygrad_edu.errors import DataError, DtypeError, ShapeError


def samples(count):
    """Sample i has the picture [i, i + 0.5] and the label i, so that mixing them up shows."""
    labels = np.arange(count)
    return np.stack([labels, labels + 0.5], axis=1).astype(np.float32), labels


def order(*args, **kwargs):
    return [label for _, labels in batches(*args, **kwargs) for label in labels.tolist()]


@settings(deadline=None)  # a busy machine is no failure
@given(
    count=st.integers(0, 50),
    batch_size=st.integers(1, 60),
    seed=st.integers(0, 2**64),
    shuffle=st.booleans(),
    drop_last=st.booleans(),
)
def test_each_sample_once_with_its_own_label(count, batch_size, seed, shuffle, drop_last):
    images, labels = samples(count)
    epoch = list(batches(images, labels, batch_size, seed, shuffle=shuffle, drop_last=drop_last))
    sizes = [len(y) for _, y in epoch]
    full, rest = divmod(count, batch_size)
    assert sizes == [batch_size] * full + [rest] * (rest > 0 and not drop_last)
    seen = Counter(label for _, y in epoch for label in y.tolist())
    assert set(seen.values()) <= {1}
    assert len(seen) == sum(sizes)
    for x, y in epoch:
        np.testing.assert_array_equal(x, images[y])


@pytest.mark.parametrize("shuffle", [True, False])
@pytest.mark.parametrize("layout", ["C", "F", "strided"])
def test_batches_are_fresh_contiguous_read_only_arrays_of_the_same_dtype(shuffle, layout):
    images = np.arange(60.0).reshape(10, 3, 2)
    images = images[:, ::2] if layout == "strided" else np.array(images, order=layout)
    labels = np.arange(10, dtype=np.uint8)
    for x, y in batches(images, labels, batch_size=4, shuffle=shuffle):
        assert (x.dtype, y.dtype) == (images.dtype, labels.dtype)
        assert x.shape == (len(y), *images.shape[1:])
        for array, source in ((x, images), (y, labels)):
            assert type(array) is np.ndarray
            assert array.flags.c_contiguous
            assert not array.flags.writeable
            assert array.base is None
            assert not np.shares_memory(array, source)
    assert images.flags.writeable
    assert labels.flags.writeable


def test_it_is_a_generator_object():
    epoch = batches(*samples(5), batch_size=2)
    assert isinstance(epoch, types.GeneratorType)
    assert len(list(epoch)) == 3
    assert list(epoch) == []


def test_a_seed_gives_the_same_order_and_none_is_seed_zero():
    data = samples(100)
    assert order(*data, rng=7) == order(*data, rng=7) == order(*data, rng=np.int64(7))
    assert order(*data) == order(*data) == order(*data, rng=0)
    assert order(*data, rng=7) != order(*data, rng=8)
    assert order(*data, rng=7) == order(*data, rng=7, batch_size=3)
    assert order(*data, shuffle=False) == list(range(100))


def test_a_generator_passed_on_gives_a_new_order_in_each_epoch():
    data, rng = samples(100), np.random.default_rng(7)
    first, second = order(*data, rng=rng), order(*data, rng=rng)
    assert first != second
    assert first == order(*data, rng=7)
    rng = np.random.default_rng(7)
    assert [first, second] == [order(*data, rng=rng), order(*data, rng=rng)]


def test_the_order_is_drawn_at_the_call_so_consuming_late_changes_nothing():
    data, rng = samples(100), np.random.default_rng(7)
    epochs = [batches(*data, rng=rng), batches(*data, rng=rng)]
    late = [[y.tolist() for _, y in epoch] for epoch in reversed(epochs)]
    rng = np.random.default_rng(7)
    early = [[y.tolist() for _, y in batches(*data, rng=rng)] for _ in range(2)]
    assert late[::-1] == early


def test_without_shuffling_the_generator_is_left_alone():
    rng = np.random.default_rng(7)
    before = rng.bit_generator.state
    assert len(list(batches(*samples(40), rng=rng, shuffle=False))) == 2
    assert rng.bit_generator.state == before


def test_lists_and_one_hot_labels_are_welcome():
    x, y = next(batches([[1.0], [2.0]], [[0, 1], [1, 0]], shuffle=False))
    np.testing.assert_array_equal(x, [[1], [2]])
    np.testing.assert_array_equal(y, [[0, 1], [1, 0]])


@pytest.mark.parametrize(
    ("images", "labels", "shapes"),
    [
        (np.zeros((5, 4)), np.zeros(4), ("(5, 4)", "(4,)")),
        (np.zeros(()), np.zeros(()), ("()", "()")),
        (np.zeros((1, 4)), np.zeros(()), ("(1, 4)", "()")),
    ],
)
def test_unequal_lengths_are_refused_at_the_call(images, labels, shapes):
    with pytest.raises(ShapeError, match="images and labels must have the same length") as caught:
        batches(images, labels)
    assert f"images: shape {shapes[0]}\n  labels: shape {shapes[1]}" in str(caught.value)
    assert "fix:    batches(images[:n], labels[:n], ...)" in str(caught.value)


def test_wrong_batch_size_or_seed_is_refused_at_the_call():
    data = samples(4)
    with pytest.raises(DataError, match="batch_size must be at least 1, not 0"):
        batches(*data, batch_size=0)
    with pytest.raises(DtypeError, match=r"batch_size must be a whole number, not 2\.5 \(float\)"):
        batches(*data, batch_size=2.5)
    with pytest.raises(DtypeError, match=r"the seed must be a whole number, not 0\.5 \(float\)"):
        batches(*data, rng=0.5)
    with pytest.raises(DataError, match="the seed must be at least 0, not -1"):
        batches(*data, rng=-1)


# --- one_hot ---


@settings(deadline=None)
@given(
    labels=hnp.arrays(
        hnp.integer_dtypes() | hnp.unsigned_integer_dtypes(),
        hnp.array_shapes(min_dims=0, min_side=0, max_side=4),
        elements=st.integers(0, 6),
    ),
    dtype=st.sampled_from([np.float32, np.float64, np.int8, bool]),
)
def test_one_hot_is_one_at_the_label_and_zero_elsewhere(labels, dtype):
    rows = one_hot(labels, classes=7, dtype=dtype)
    assert rows.shape == (*labels.shape, 7)
    assert rows.dtype == dtype
    assert not rows.flags.writeable
    assert rows.base is None
    for index in np.ndindex(labels.shape):
        assert rows[index].tolist() == [k == labels[index] for k in range(7)]


def test_one_hot_defaults_to_ten_classes_of_float32():
    rows = one_hot([3, 9])
    assert rows.shape == (2, 10)
    assert rows.dtype == np.float32
    assert rows.argmax(axis=1).tolist() == [3, 9]
    assert one_hot([]).shape == (0, 10)


@pytest.mark.parametrize(
    ("labels", "classes", "where", "found", "fix"),
    [
        ([0, 1, 12, 13], 10, "labels[2]", "12", "one_hot(labels, classes=14)"),
        ([[0, 1], [2, 3]], 3, "labels[1, 1]", "3", "one_hot(labels - 1)"),
        (np.uint8(255), 10, "labels\n", "255", "classes=256"),
        (np.array([0, 2**63], dtype=np.uint64), 10, "labels[1]", str(2**63), f"classes={2**63 + 1}"),
        ([1, -1, 99], 10, "labels[1]", "-1", "labels[labels >= 0]"),
    ],
)
def test_one_hot_names_the_first_label_out_of_range(labels, classes, where, found, fix):
    with pytest.raises(DataError, match="label out of range") as caught:
        one_hot(labels, classes=classes)
    text = str(caught.value)
    assert f"where:    {where}" in text
    assert f"expected: 0 ... {classes - 1}, for classes={classes}" in text
    assert f"found:    {found}\n" in text
    assert fix in text


@pytest.mark.parametrize(
    ("labels", "where", "found"),
    [
        ([1.0, 2.5, 3.5], "labels[1]", "2.5, in an array of float64"),
        ([1.0, np.nan], "labels[1]", "nan, in an array of float64"),
        (np.float32([1, 2]), "labels[0]", "1.0, in an array of float32"),
        ([True, False], "labels[0]", "True, in an array of bool"),
        ([["7"]], "labels[0, 0]", "'7', in an array of <U1"),
        ([1j], "labels[0]", "1j, in an array of complex128"),
    ],
)
def test_one_hot_names_the_first_label_that_is_no_integer(labels, where, found):
    with pytest.raises(DtypeError, match="labels must be integers") as caught:
        one_hot(labels)
    assert f"where:    {where}\n" in str(caught.value)
    assert f"found:    {found}\n" in str(caught.value)
    assert "astype(np.int64)" in str(caught.value)


def test_one_hot_needs_at_least_one_class():
    with pytest.raises(DataError, match="classes must be at least 1, not 0"):
        one_hot([0], classes=0)
    with pytest.raises(DtypeError, match=r"classes must be a whole number, not 10\.0 \(float\)"):
        one_hot([0], classes=10.0)
