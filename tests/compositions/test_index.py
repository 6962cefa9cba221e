"""Selection by place, by condition and among arrays, with all of NumPy's parameters, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, random_shape
from tinygrad_edu.errors import DtypeError, IndexingError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives


@given(seed=SEEDS)
@few
def test_take(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng))
    axis = int(rng.integers(-x.ndim, x.ndim))
    side = x.shape[axis]
    inside = rng.integers(-side, side, (2, 3))
    beyond = rng.integers(-9, 9, 4)
    assert_agrees(lambda x: np.take(x, inside, axis), x)
    assert_agrees(lambda x: np.take(x, tg.Tensor(inside), axis), x, plain=lambda x: np.take(x, inside, axis))
    assert_agrees(lambda x: np.take(x, 0, axis=axis), x)
    assert_agrees(lambda x: np.take(x, [x.size - 1, 0, 0]), x)
    assert_agrees(lambda x: np.take(x, [True, False]), rng.normal(size=3))
    for mode in ("wrap", "clip"):
        assert_agrees(lambda x, mode=mode: np.take(x, beyond, axis, mode=mode), x)
        assert_agrees(lambda x, mode=mode: np.take(x, beyond, mode=mode), x)
    mask = rng.random(side) < 0.5
    assert_agrees(lambda x: np.compress(mask, x, axis), x)
    assert_agrees(lambda x: np.compress([True], x), x)
    assert_agrees(lambda x: np.extract(np.resize(mask, x.shape), x), x)


def test_take_of_a_number_and_of_nothing():
    assert_agrees(lambda x: np.take(x, [0, 0]), 3.0)
    assert_agrees(lambda x: np.take(x, [0, 0], axis=0), 3.0)
    assert_agrees(lambda x: np.take(x, np.zeros((0, 2), int), axis=0), np.ones((3, 2)))
    assert_agrees(lambda x: np.take(x, []), np.ones(2))


def test_what_is_taken_is_a_copy():
    x = tg.Tensor(np.ones((2, 2)), requires_grad=True)
    for y in (np.take(x, 0, axis=0), np.compress([True], x, axis=0), np.extract(x > 0, x)):
        y[...] = 5.0
        assert x.tolist() == [[1, 1], [1, 1]]


@given(seed=SEEDS)
@few
def test_take_along_axis(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng))
    axis = int(rng.integers(-x.ndim, x.ndim))
    order = np.argsort(x, axis)
    assert_agrees(lambda x: np.take_along_axis(x, order, axis), x)
    one = rng.integers(-x.shape[axis], x.shape[axis], np.max(x, axis, keepdims=True).shape)
    assert_agrees(lambda x: np.take_along_axis(x, one, axis), x)
    assert_agrees(lambda x: np.take_along_axis(x, np.zeros((1,) * x.ndim, int), axis), x)
    assert_agrees(lambda x: np.take_along_axis(x, np.array([0, -1, 0]), None), x)
    t = tg.Tensor(x, requires_grad=True)
    np.take_along_axis(t, np.argsort(t, axis), axis).sum().backward()
    assert t.grad.tolist() == np.ones(x.shape).tolist()


@given(seed=SEEDS)
@few
def test_choose_and_select(seed):
    rng = np.random.default_rng(seed)
    size = random_shape(rng)
    x, y, z = rng.normal(size=size), rng.normal(size=size[-1:]), rng.normal(size=())
    number = rng.integers(0, 3, size)
    assert_agrees(lambda x, y, z: np.choose(number, [x, y, z]), x, y, z)
    assert_agrees(lambda x, y: np.choose(number - 4, (x, y), mode="wrap"), x, y)
    assert_agrees(lambda x, y: np.choose(number * 3 - 2, (x, y), mode="clip"), x, y)
    assert_agrees(lambda x: np.choose([1, 0], x), rng.normal(size=(2, 2)))
    assert_agrees(lambda x: np.choose(number == 0, (x, 2.0)), x)
    first, second = rng.random(size) < 0.5, rng.random(size) < 0.5
    assert_agrees(lambda x, y: np.select([first, second], [x, y]), x, y)
    assert_agrees(lambda x, y: np.select([first, second], [x, 1.5], y), x, y)
    assert_agrees(lambda z: np.select([first], [z], default=2), z)


def test_select_and_choose_give_numpys_dtype():
    x, mask = np.array([1, 2], np.int16), np.array([True, False])
    for choices, default in (([x], 0), ([x], 0.5), ([2], 1), ([np.float32([1, 2])], 3.0), ([1.5], x)):
        tensors = [tg.Tensor(c) if isinstance(c, np.ndarray) else c for c in choices]
        assert tg.select([mask], tensors, default).dtype == np.select([mask], choices, default).dtype
    assert tg.choose([0, 1], [tg.Tensor(np.float32([1, 2])), 3.0]).dtype == np.float32


def test_where_with_the_condition_alone_gives_places():
    x = np.array([[0.0, 1.0], [2.0, 0.0]])
    for got, expected in (
        (np.where(tg.Tensor(x)), np.where(x)), (np.nonzero(tg.Tensor(x, requires_grad=True)), np.nonzero(x)),
        ([np.flatnonzero(tg.Tensor(x))], [np.flatnonzero(x)]), ([np.argwhere(tg.Tensor(x) > 0)], [np.argwhere(x > 0)]),
    ):  # fmt: skip
        assert [g.tolist() for g in got] == [e.tolist() for e in expected]
        assert all(isinstance(g, tg.Tensor) and not g.requires_grad for g in got)


def test_places_found_in_a_tensor_index_it():
    x = tg.Tensor(np.array([[0.0, 1.0], [2.0, 0.0]]), requires_grad=True)
    assert x[np.nonzero(x)].tolist() == [1, 2]
    assert x[np.ix_(tg.Tensor([1]), [True, False])].tolist() == [[2]]
    assert x[np.unravel_index(tg.Tensor([1, 2]), x.shape)].tolist() == [1, 2]
    assert np.ravel_multi_index((tg.Tensor([1]), [0]), (2, 2)).tolist() == [2]
    assert x[np.triu_indices_from(x)].tolist() == [0, 1, 0]
    assert x[np.tril_indices_from(x, -1)].tolist() == [2]
    assert x[np.diag_indices_from(x)].tolist() == [0, 0]


@given(seed=SEEDS)
@few
def test_functions_of_lines_and_pieces(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng))
    axis = int(rng.integers(-x.ndim, x.ndim))
    assert_agrees(lambda x: np.apply_along_axis(lambda v: (v * v).sum(), axis, x), x)
    assert_agrees(lambda x: np.apply_along_axis(lambda v, k: v[:1] * v[::-1] + k, axis, x, 2.0), x)
    assert_agrees(lambda x: np.apply_along_axis(lambda v: v[:, None] * v, axis, x), x)
    assert_agrees(lambda x: np.apply_over_axes(np.sum, x, axis), x)
    assert_agrees(lambda x: np.apply_over_axes(lambda a, i: np.exp(a).mean(i), x, (0, -1) if x.ndim > 1 else 0), x)
    x.flat[0] = -1.0
    negative, large = x < 0, x > 1
    assert_agrees(lambda x: np.piecewise(x, [negative], [lambda v: v * v]), x)
    assert_agrees(lambda x: np.piecewise(x, [negative, large], [np.exp, 3.0, lambda v: v**3]), x)
    assert_agrees(lambda x: np.piecewise(x, [[True, True, False]], [lambda v, k: k * v, 0.5], 4.0), rng.normal(size=3))
    assert_agrees(
        lambda x: np.piecewise(x, [True, True, False], [lambda v, k: k * v, lambda v, k: v**k], 3.0), rng.normal(size=3)
    )
    assert_agrees(lambda x: np.piecewise(x, [[True, False]], [np.exp, np.sin]), rng.normal(size=(2, 2)))


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.where(x, x), ShapeError, "both x and y"),
        (lambda x: np.take(x, 8), IndexingError, "out of bounds"),
        (lambda x: np.take(x, [0.5]), DtypeError, "take"),
        (lambda x: np.take(x, 0, mode="near"), ShapeError, "mode"),
        (lambda x: np.take(x, 0, axis=2), ShapeError, "axis 2"),
        (lambda x: np.take_along_axis(x, np.zeros((1, 1)), 0), IndexingError, "whole numbers, not float64"),
        (lambda x: np.take_along_axis(x, np.zeros(1, int), 0), ShapeError, "indices have 1 axes, the array 2"),
        (lambda x: np.take_along_axis(x, np.full((1, 4), 2), 0), IndexingError, "out of bounds"),
        (lambda x: np.compress([[True]], x), ShapeError, "1 axis, not 2"),
        (lambda x: np.compress([False] * 2 + [True], x, axis=0), IndexingError, "out of bounds"),
        (lambda x: np.choose([0, 2], (x[0, :2], x[1, :2])), ShapeError, "invalid entry in choice array"),
        (lambda x: np.choose(x, (x, x)), DtypeError, "choose"),
        (lambda x: np.select([x], [x]), DtypeError, "must be booleans, not float64"),
        (lambda x: np.select([x > 0], [x, x]), ShapeError, "as many conditions as choices"),
        (lambda x: np.nonzero(x[0, 0]), ShapeError, "a number has no axis"),
        (lambda x: np.ix_(x), ShapeError, "1 dimensional"),
        (lambda x: np.unravel_index(tg.Tensor([9]), (2, 4)), ShapeError, "out of bounds"),
        (lambda x: np.piecewise(x, [x > 0], [1, 2, 3]), ShapeError, "one function per condition"),
        (lambda x: np.apply_along_axis(np.sum, 0, x[:, :0]), ShapeError, "no line"),
        (lambda x: np.apply_over_axes(lambda a, i: a.sum(), x, 0), ShapeError, "gave shape"),
    ],
)
def test_misuse_is_refused_with_its_reason(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call(tg.Tensor(np.ones((2, 4)), requires_grad=True))
    assert "test_index.py" in str(caught.value)
