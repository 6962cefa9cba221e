"""Numbers can be read back, in the promised precision, in one form for a whole array."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tinygrad_edu.numbers import aligned, grid, number_text, number_texts, one_line
from tinygrad_edu.snapshot import Snapshot

finite = st.floats(min_value=-1e308, max_value=1e308)
readable = st.floats(min_value=-99999, max_value=99999)


@pytest.mark.parametrize(
    ("numbers", "texts"),
    [
        ([0.5, -1.0], ["0.5", "-1.0"]),
        ([0.9, -0.7, -0.75], ["0.90", "-0.70", "-0.75"]),
        ([1.12485673, -1.767632, 0.80346909], ["1.12", "-1.77", "0.80"]),
        ([1.00346909], ["1.00"]),
        ([0.9996, 0.1], ["1.00", "0.10"]),
        ([1.0], ["1"]),
        ([0.0, -0.0], ["0", "0"]),
        ([-1e-9, 1.0], ["0.00", "1.00"]),
        ([16.0, -8.0], ["16", "-8"]),
        ([12544.4], ["12544"]),
        ([0.1 + 0.2], ["0.3"]),
        ([0.00123456], ["0.00123"]),
        ([0.000123456], ["1.23e-04"]),
        ([1.2e-7, 2e-8, 0.0], ["1.2e-07", "2.0e-08", "0"]),
        ([123456.0], ["1.23e+05"]),
        ([math.nan, 1.5, -math.inf], ["nan", "1.5", "-inf"]),
        ([math.nan], ["nan"]),
        ([], []),
    ],
)
def test_three_digits_of_the_largest_and_no_zeros_that_say_nothing(numbers, texts):
    assert number_texts(np.array(numbers, dtype=float)) == texts


def test_other_dtypes():
    assert number_texts(np.array([0.1, 0.2], np.float32)) == ["0.1", "0.2"]
    assert number_texts(np.array([3, -100000])) == ["3", "-100000"]
    assert number_texts(np.array([10**12])) == ["1e+12"]
    assert number_texts(np.array([True, False])) == ["True", "False"]
    assert number_texts(np.array([1 + 2j, -0.5j])) == ["1+2.0j", "0-0.5j"]
    assert number_text(-2.5) == "−2.5"


@given(arrays.arrays(float, st.integers(1, 8), elements=finite))
def test_every_text_reads_back_within_half_a_unit_of_the_third_digit_of_the_largest(values):
    read = np.array([float(text) for text in number_texts(values)])
    largest = np.abs(values).max()
    assert (np.abs(read - values) <= 0.0050001 * largest).all()


@given(arrays.arrays(float, st.integers(1, 8), elements=readable))
def test_one_array_has_one_number_of_decimals_and_no_negative_zero(values):
    texts = number_texts(values)
    if not any("e" in text for text in texts):
        assert len({len(text.partition(".")[2]) for text in texts}) == 1
    assert not any(text.startswith("-") and float(text) == 0 for text in texts)


@given(st.lists(st.integers(-99999, 99999), min_size=1, max_size=8), st.integers(0, 3))
def test_short_decimals_are_written_in_full(numbers, decimals):
    values = np.array(numbers) / 10**decimals
    if np.abs(values).max() < 1000 / 10**decimals:
        assert [float(text) for text in number_texts(values)] == pytest.approx(values.tolist(), rel=1e-12, abs=1e-12)


@given(arrays.arrays(float, arrays.array_shapes(min_dims=2, max_dims=2, max_side=4), elements=readable))
def test_columns_are_aligned_in_value_and_gradient(values):
    values = values[:2]
    lines = [
        line for block in aligned([grid(Snapshot.of(values)), grid(Snapshot.of(values[::-1] / 7))]) for line in block
    ]
    if values.size > 1:
        assert len({len(line) for line in lines}) == 1
        ends = [{m for m in range(len(line)) if line[m] != " " and line[m + 1 : m + 2] in ("", " ")} for line in lines]
        assert all(end == ends[0] for end in ends)


def test_what_is_large_is_summed_up_in_aligned_columns():
    values = np.linspace(-1, 1, 101) * 3
    first, second = aligned([grid(Snapshot.of(values)), grid(Snapshot.of(values * 1e-5))])
    assert [line.split() for line in first] == [["mean", "0", "std", "1.75"], ["min", "-3", "max", "3"]]
    assert len({len(line) for line in first + second}) == 1
    assert len({line.index(word) for line, word in zip(first + second, ("std", "max") * 2)}) == 1


def test_what_is_not_finite_is_counted_in_a_line_of_its_own():
    values = np.array([np.nan, np.inf, -np.inf, *range(10)])
    assert grid(Snapshot.of(values)) == [["mean", "4.5", "std", "2.87"], ["min", "0", "max", "9"], ["1 nan, 2 inf"]]
    assert grid(Snapshot.of(np.full(20, np.nan))) == [["20 nan"]]


def test_rounding_is_not_shown_as_a_mean_or_a_spread():
    assert one_line(Snapshot.of(np.full(9, 1 / 12))) == "mean 0.0833 std 0 min 0.0833 max 0.0833"
    symmetrical = np.array([0.1, 0.2, 0.3, -0.3, -0.2, -0.1, 0.7, -0.7, 1e-17])
    assert one_line(Snapshot.of(symmetrical)).startswith("mean 0 std")


@pytest.mark.parametrize(
    ("values", "line"),
    [
        (np.array(2.5), "2.5"),
        (np.array([2.5]), "[2.5]"),
        (np.array([[1.0, 2.0], [3.0, 4.0]]), "[1 2; 3 4]"),
        (np.array([[1.0], [2.0]]), "[1; 2]"),
        (np.zeros((0, 3)), "empty"),
        (np.zeros((2, 2, 1)), "mean 0 std 0 min 0 max 0"),
        (np.array([1j] * 9), "mean |z| 1 std |z| 0 min |z| 1 max |z| 1"),
    ],
)
def test_tables_have_it_on_one_line(values, line):
    assert one_line(Snapshot.of(values)) == line
