"""Elements repeated, turned, put in or left out, with all of NumPy's parameters, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, random_axes, random_shape
from tinygrad_edu.errors import DtypeError, IndexingError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives


@given(seed=SEEDS)
@few
def test_turned_over(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng))
    axes = random_axes(rng, x.ndim)
    assert_agrees(lambda x: np.flip(x, axes), x)
    assert_agrees(np.flipud, x)
    shift = tuple(int(s) for s in rng.integers(-4, 5, 2))
    assert_agrees(lambda x: np.roll(x, shift[0]), x)
    assert_agrees(lambda x: np.roll(x, shift, (0, -1)), x)
    assert_agrees(lambda x: np.roll(x, shift[0], (0, -1)), x)
    if x.ndim > 1:
        assert_agrees(np.fliplr, x)
        for k in range(-2, 5):
            assert_agrees(lambda x, k=k: np.rot90(x, k), x)
            assert_agrees(lambda x, k=k: np.rot90(x, k, axes=(-1, 0)), x)


@given(seed=SEEDS)
@few
def test_repeated(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng, low=0, least=0 if rng.random() < 0.2 else 1))
    assert_agrees(lambda x: np.repeat(x, int(rng.integers(1)) + 2), x)
    assert_agrees(lambda x: np.repeat(x, 0), x)
    assert_agrees(lambda x: np.repeat(x, [2]), x)
    if x.ndim:
        axis = int(rng.integers(-x.ndim, x.ndim))
        counts = rng.integers(0, 4, x.shape[axis])
        assert_agrees(lambda x: np.repeat(x, 3, axis), x)
        assert_agrees(lambda x: np.repeat(x, counts, axis), x)
        assert_agrees(lambda x: np.repeat(x, counts.tolist(), axis=axis), x)
    for reps in (0, 1, 2, (), (2, 1), (1, 3, 2), (1, 1, 1, 1), [2, 0]):
        assert_agrees(lambda x, reps=reps: np.tile(x, reps), x)
    for sides in (5, (2, 3), (), (0, 2), (3, 1, 2)) if x.size else ():
        assert_agrees(lambda x, sides=sides: np.resize(x, sides), x)


def test_resize_of_nothing_is_zeros():
    assert np.resize(tg.Tensor(np.zeros((0, 2), np.float32)), (2, 2)).tolist() == [[0, 0], [0, 0]]


def test_repeated_elements_are_copies_that_can_be_written():
    x = tg.Tensor(np.ones((1, 2)), requires_grad=True)
    for y in (np.tile(x, 1), np.tile(x, (3, 1)), np.repeat(x, 2, 0), np.repeat(x, 1), np.resize(x, (1, 2))):
        y[0] = 4.0
        assert np.count_nonzero(y.detach().numpy() == 4) == (y[0].size if y.ndim else 1)
    assert x.detach().numpy().tolist() == [[1, 1]]


@given(seed=SEEDS)
@few
def test_delete_and_insert(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng))
    axis = int(rng.integers(-x.ndim, x.ndim))
    side = x.shape[axis]
    for obj in (0, -1, [0, side - 1], slice(None, None, 2), [], rng.random(side) < 0.5):
        assert_agrees(lambda x, obj=obj: np.delete(x, obj, axis), x)
    assert_agrees(lambda x: np.delete(x, [0, -1]), x)
    row = rng.normal(size=np.delete(x, slice(1, None), axis).shape)
    for obj in (0, side, -1, [0, side], slice(0, 1), [0]):
        assert_agrees(lambda x, obj=obj: np.insert(x, obj, 7, axis), x)
        if not isinstance(obj, int):
            assert_agrees(lambda x, v, obj=obj: np.insert(x, obj, v, axis), x, row)
    assert_agrees(lambda x, v: np.insert(x, 1, v), x, rng.normal(size=3))
    assert_agrees(lambda x, v: np.insert(x, [0, 1, 1], v), x, rng.normal(size=3))
    if x.ndim == 2:
        assert_agrees(lambda x, v: np.insert(x, 1, v, axis=0), x, rng.normal(size=x.shape[1]))


def test_inserted_values_take_the_dtype_of_the_array():
    x = np.arange(3)
    got = np.insert(tg.Tensor(x), 1, tg.Tensor([2.7], requires_grad=True))
    assert got.dtype == x.dtype
    assert got.numpy().tolist() == np.insert(x, 1, 2.7).tolist()


@pytest.mark.parametrize("trim", ["fb", "f", "b", "BF"])
@pytest.mark.parametrize("numbers", [[0.0, 0.0, 1.0, 0.0, 2.0, 0.0], [0.0, 0.0], [], [3.0]])
def test_trim_zeros(trim, numbers):
    x = tg.Tensor(np.array(numbers), requires_grad=True)
    y, expected = np.trim_zeros(x, trim), np.trim_zeros(np.array(numbers), trim)
    assert y.tolist() == expected.tolist()
    (y * np.arange(1.0, y.size + 1)).sum().backward()
    kept = np.trim_zeros(np.where(x.detach().numpy() != 0, np.arange(1, x.size + 1), 0), trim)
    first = int(kept.max(initial=1)) - int(kept.argmax()) - 1 if kept.size else 0
    slopes = np.zeros(x.size)
    slopes[first : first + y.size] = np.arange(1, y.size + 1)
    assert x.grad.tolist() == slopes.tolist()


def test_trim_zeros_of_a_matrix():
    x = np.zeros((4, 5))
    x[1, 2] = x[2, 1] = 3.0
    assert tg.trim_zeros(x).tolist() == [[0, 3], [3, 0]]
    assert tg.trim_zeros(x, axis=-1).shape == (4, 2)
    assert tg.trim_zeros(x, "f", axis=(0, 1)).shape == (3, 4)
    assert tg.trim_zeros(0.0).tolist() == 0.0  # a number has no side to trim: NumPy's own error came through


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.fliplr(x[0]), ShapeError, "fliplr needs 2 axes"),
        (lambda x: np.flipud(x[0, 0]), ShapeError, "flipud needs 1 axes"),
        (lambda x: np.rot90(x, axes=(0, 0)), ShapeError, "two different axes"),
        (lambda x: np.rot90(x, axes=(0, 2)), ShapeError, "axis 2"),
        (lambda x: np.flip(x, 2), IndexingError, "axis 2"),
        (lambda x: np.roll(x, (1, 2, 3), (0, 1)), ShapeError, "broadcast"),
        (lambda x: np.repeat(x, -1), ShapeError, "negative"),
        (lambda x: np.repeat(x, [1, 2, 3], axis=0), ShapeError, "repeat"),
        (lambda x: np.repeat(x, 1.5), DtypeError, "repeat"),
        (lambda x: np.repeat(x, 2, axis=2), ShapeError, "axis 2"),
        (lambda x: np.tile(x, -1), ShapeError, "can't repeat -1 times"),
        (lambda x: np.resize(x, (-1, 2)), ShapeError, "a side can't be -1"),
        (lambda x: np.delete(x, 5, axis=0), IndexingError, "delete: index 5 is out of bounds"),
        (lambda x: np.delete(x, 0, axis=2), ShapeError, "axis 2"),
        (lambda x: np.insert(x, 9, 1.0, axis=0), IndexingError, "insert: index 9 is out of bounds"),
        (lambda x: np.insert(x, 0, [1.0, 2.0, 3.0], axis=1), ShapeError, "insert"),
        (lambda x: np.insert(x, 0, 1j), DtypeError, "can't put complex128"),
        (lambda x: np.trim_zeros(x, "x"), ShapeError, "trim must be"),
    ],
)
def test_misuse_is_refused_with_its_reason(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call(tg.Tensor(np.ones((2, 4)), requires_grad=True))
    assert "test_arrangement.py" in str(caught.value)


@pytest.mark.parametrize(
    "call", [lambda x: np.rot90(x, 1.5), lambda x: np.tile(x, 1.5), lambda x: np.tile(x, (2, 2.0))]
)
def test_fractions_of_turns_and_repetitions_are_refused(call):
    with pytest.raises(TypeError, match="needs whole numbers"):
        call(tg.ones((2, 3)))
