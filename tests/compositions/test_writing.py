"""NumPy's writing functions on Tensors: values as NumPy writes them, gradients of what is left of each value."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, random_shape
from tinygrad_edu.errors import DtypeError, GradientError, IndexingError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives


def written(write):
    """The function (x, *values) -> x after `write(copy of x, *values)`."""

    def f(x, *values):
        x = np.copy(x)
        write(x, *values)
        return x

    return f


@given(seed=SEEDS)
@few
def test_written_in_a_row(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng))
    count = int(rng.integers(1, 5))
    places = rng.integers(-x.size, x.size, count)
    beyond = rng.integers(-20, 20, count)
    values = rng.normal(size=int(rng.integers(1, 5)))
    mask = rng.random(x.shape) < 0.5
    mask.flat[0] = True
    assert_agrees(written(lambda x, v: np.put(x, places, v)), x, values)
    assert_agrees(written(lambda x, v: np.put(x, beyond, v, mode="wrap")), x, values)
    assert_agrees(written(lambda x, v: np.put(x, beyond, v, "clip")), x, values)
    assert_agrees(written(lambda x: np.put(x, [0, 0], 3.0)), x)
    assert_agrees(written(lambda x, v: np.putmask(x, mask, v)), x, values)
    assert_agrees(written(lambda x, v: np.place(x, mask, v)), x, values)


@given(seed=SEEDS)
@few
def test_written_by_place(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng))
    axis = int(rng.integers(-x.ndim, x.ndim))
    places = rng.integers(-x.shape[axis], x.shape[axis], np.max(x, axis, keepdims=True).shape)
    twice = np.concatenate([places, places], axis)
    assert_agrees(written(lambda x, v: np.put_along_axis(x, places, v, axis)), x, rng.normal(size=places.shape))
    assert_agrees(written(lambda x, v: np.put_along_axis(x, twice, v, axis)), x, rng.normal(size=twice.shape))
    assert_agrees(written(lambda x, v: np.put_along_axis(x, places, v, axis)), x, 0.5)
    assert_agrees(written(lambda x, v: np.put_along_axis(x, np.array([0, -1, 0]), v, None)), x, rng.normal(size=3))
    mask = rng.random(x.shape) < 0.5
    mask.flat[0] = True
    assert_agrees(written(lambda x, v: np.copyto(x, v)), x, rng.normal(size=x.shape[-1:]))
    assert_agrees(written(lambda x, v: np.copyto(x, v, where=mask)), x, rng.normal(size=x.shape[-1:]))
    assert_agrees(written(lambda x: np.copyto(x, 3, where=mask[-1:])), x)
    for size in ((3, 3), (2, 4), (7, 2), (2, 2, 2)):
        square = rng.normal(size=size)
        for wrap in (False, True):
            assert_agrees(written(lambda x, v, w=wrap: np.fill_diagonal(x, v, w)), square, rng.normal(size=2))
    assert_agrees(written(lambda x: np.fill_diagonal(x, 0)), np.ones((3, 3)))


def test_nothing_to_write_changes_nothing():
    x = tg.Tensor(np.ones(2), requires_grad=True) * 1
    np.put(x, [], [5.0])
    np.putmask(x, [True, True], [])
    np.place(x, [False, False], [])
    assert x.tolist() == [1, 1]


def test_tensors_without_history_and_plain_arrays_are_written_in_place():
    x, a = tg.zeros((2, 2)), np.zeros((2, 2))
    alias = x[...]
    for target in (x, a):
        np.put(target, [0], tg.Tensor(5.0))
        np.place(target, [[False, True], [False, False]], [6.0])
        np.copyto(target, 7.0, where=tg.Tensor([[False, False], [True, False]]))
        np.fill_diagonal(target[:, ::-1], tg.Tensor([8.0]))
    assert x.tolist() == a.tolist() == [[5, 8], [8, 0]]
    assert alias.tolist() == x.tolist()


def test_old_value_stays_where_it_was_used():
    x = tg.Tensor(np.ones(3), requires_grad=True)
    y = x * 2
    z = y * y
    np.put(y, [1], 10.0)
    (z + y).sum().backward()
    assert x.grad.tolist() == [10, 8, 10]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.put(x, [0], 1.0), GradientError, "is a leaf that requires grad"),
        (lambda x: np.copyto(x, 1.0), GradientError, "is a leaf that requires grad"),
        (lambda x: np.put(np.zeros(3), [0], x[0, 0]), DtypeError, "requires grad"),
        (lambda x: np.put(x * 1, [8], 1.0), IndexingError, "out of bounds"),
        (lambda x: np.put(x * 1, [0.5], 1.0), DtypeError, "take"),
        (lambda x: np.putmask(x * 1, [True], 1.0), ShapeError, "the mask has 1 elements, the array 8"),
        (lambda x: np.place(x * 1, x > 0, []), ShapeError, "no values"),
        (lambda x: np.copyto(x * 1, np.ones(3)), ShapeError, "broadcast"),
        (lambda x: np.copyto(tg.arange(3), x[0, 0]), DtypeError, "float64 can't go into int64"),
        (lambda x: np.fill_diagonal(x[0] * 1, 1.0), ShapeError, "at least 2-d"),
        (lambda x: np.put_along_axis(x * 1, np.zeros(2, int), 1.0, 0), ShapeError, "indices have 1 axes"),
        (lambda x: tg.put([1.0], [0], x[0, 0]), DtypeError, "only a Tensor or an array can be written, not list"),
    ],
)
def test_misuse_is_refused_with_its_reason(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call(tg.Tensor(np.ones((2, 4)), requires_grad=True))
    assert "test_writing.py" in str(caught.value)


@pytest.mark.parametrize(
    ("value", "dtype", "casting"),
    [(1.5, int, "same_kind"), (1j, float, "same_kind"), (300, np.uint8, "same_kind"), (2, float, "same_kind"),
     (1.5, int, "unsafe"), (True, int, "same_kind"), (1.5, np.float32, "safe"), (2, bool, "same_kind")],
)  # fmt: skip
def test_copyto_casts_python_numbers_as_numpy_does(value, dtype, casting):
    array, x = np.zeros(2, dtype), tg.Tensor(np.zeros(2, dtype))
    try:
        np.copyto(array, value, casting=casting)
    except (TypeError, OverflowError):
        with pytest.raises((TypeError, ValueError, OverflowError)):
            np.copyto(x, value, casting=casting)
    else:
        np.copyto(x, value, casting=casting)
    assert x.tolist() == array.tolist()
