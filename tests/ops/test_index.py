"""Reading and writing elements by every index that NumPy takes: against one element at a time."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

import tinygrad_edu as tg
from tinygrad_edu.errors import DtypeError, GradientError, IndexingError, ShapeError
from tinygrad_edu.ops import index as rows
from tinygrad_edu.tensor import Tensor


@st.composite
def shapes_and_indices(draw):
    shape = draw(arrays.array_shapes(min_dims=1, max_dims=4, max_side=5))
    kind = draw(st.sampled_from(["basic", "whole", "mask", "mixed"]))
    if kind == "basic":
        return shape, draw(arrays.basic_indices(shape, allow_newaxis=True))
    if kind == "whole":
        return shape, draw(arrays.integer_array_indices(shape))
    if kind == "mask":
        return shape, draw(arrays.arrays(bool, shape[: draw(st.integers(0, len(shape)))]))
    parts = [draw(_part(side)) for side in shape[: draw(st.integers(1, len(shape)))]]
    places = draw(st.lists(st.integers(0, len(parts)), max_size=2))
    for place in places:
        parts.insert(place, None)
    if draw(st.booleans()):
        parts.append(Ellipsis)
    return shape, tuple(parts)


def _part(side):
    whole = st.integers(-side, side - 1)
    return st.one_of(
        whole,
        st.slices(side),
        st.lists(whole, min_size=2, max_size=2),
        arrays.arrays(np.int64, st.sampled_from([(2,), (1,), (3, 1), (1, 2)]), elements=whole),
    )


@given(shapes_and_indices())
def test_elements_and_their_gradients(case):
    shape, index = case
    numbers = np.random.default_rng(0).normal(size=shape)
    try:
        expected = numbers[index]
    except IndexError:
        with pytest.raises(IndexingError):
            Tensor(numbers)[index]
        return
    x = Tensor(numbers, requires_grad=True)
    y = x[index]
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    weights = np.random.default_rng(1).normal(size=y.shape)
    slopes = np.zeros(numbers.size)
    for place, weight in zip(np.arange(numbers.size).reshape(shape)[index].ravel(), weights.ravel()):
        slopes[place] += weight
    found = tg.gradients((y * weights).sum(), x)
    np.testing.assert_allclose(found.numpy(), slopes.reshape(shape), rtol=1e-12, atol=1e-12)


@given(shapes_and_indices(), st.booleans())
def test_written_elements_and_the_gradients_of_old_and_new(case, broadcast):
    shape, index = case
    numbers = np.random.default_rng(0).normal(size=shape)
    try:
        picked = numbers[index].shape
    except IndexError:
        return
    value = np.random.default_rng(2).normal(size=picked[1:] if broadcast else picked)
    x, v = Tensor(numbers, requires_grad=True), Tensor(value, requires_grad=True)
    y = x * 1.0
    y[index] = v
    expected = numbers.copy()
    expected[index] = value
    np.testing.assert_array_equal(y.detach().numpy(), expected)
    weights = np.random.default_rng(1).normal(size=shape)
    by_x, by_v = tg.gradients((y * weights).sum(), [x, v])
    author = np.full(numbers.size, -1)  # which element of the value stands there in the end
    for place, source in zip(
        np.arange(numbers.size).reshape(shape)[index].ravel(),
        np.broadcast_to(np.arange(value.size).reshape(value.shape), picked).ravel(),
    ):
        author[place] = source
    slopes = np.zeros(value.size)
    np.add.at(slopes, author[author >= 0], weights.ravel()[author >= 0])
    np.testing.assert_allclose(by_x.numpy(), np.where(author.reshape(shape) < 0, weights, 0))
    np.testing.assert_allclose(by_v.numpy(), slopes.reshape(value.shape), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "index",
    [
        np.random.default_rng(0).integers(-20, 20, 500), np.arange(120).reshape(30, 4).astype(np.uint8) % 20,
        (slice(None), np.random.default_rng(0).integers(-3, 3, 50)), (np.arange(100) % 7, Ellipsis, np.arange(100) % 3),
        (np.arange(60).reshape(-1, 1) % 20, slice(None, None, -1)), np.arange(0),
    ],
    ids=["rows", "table of rows", "columns", "pairs", "mixed", "none"],
)  # fmt: skip
def test_many_equal_rows_add_up(index, dtype):
    shape = (20, 3, 3)
    x = np.random.default_rng(1).normal(size=np.zeros(shape)[index].shape).astype(dtype)
    expected = np.zeros(shape)
    np.add.at(expected, index, x)
    got = rows.scatter_add.run(x, index=index, shape=shape)
    assert got.dtype == dtype
    np.testing.assert_allclose(got, expected, rtol=1e-5 if dtype == np.float32 else 1e-12, atol=1e-5)


def test_tensors_are_indices():
    x = Tensor(np.arange(6.0), requires_grad=True)
    assert x[Tensor([0, 0, 2])].tolist() == [0, 0, 2]
    assert x[x > 3].tolist() == [4, 5]
    assert x[Tensor(2) : Tensor(4)].tolist() == [2, 3]
    assert x[[Tensor(1), Tensor(2)]].tolist() == [1, 2]
    with pytest.raises(IndexingError, match="integers or booleans, not float64"):
        x[Tensor(1.0)]


@pytest.mark.parametrize("index", [[0, 1], np.array([0, 1]), Tensor([0, 1]), (np.array([0, 1]),)], ids=str)
def test_index_written_later_changes_no_gradient(index):
    x = Tensor(np.ones(4), requires_grad=True)
    y = x[index]
    inner = index[0] if isinstance(index, tuple) else index
    inner[0] = 3
    y.sum().backward()
    assert x.grad.tolist() == [1, 1, 0, 0]


def test_bound_of_a_slice_written_later_changes_no_gradient():
    x, bound = Tensor(np.ones(4), requires_grad=True), Tensor(1)
    y = x[bound:]
    bound[...] = 3
    y.sum().backward()
    assert x.grad.tolist() == [0, 1, 1, 1]


def test_of_several_writes_to_one_element_the_last_wins_in_value_and_gradient():
    x, v = Tensor(np.zeros(3), requires_grad=True), Tensor([1.0, 2.0, 3.0], requires_grad=True)
    y = x * 1
    y[[0, 0, 1]] = v
    assert y.tolist() == [2, 3, 0]
    (y * y).sum().backward()
    assert v.grad.tolist() == [0, 4, 6]
    assert x.grad.tolist() == [0, 0, 0]


def test_values_with_more_axes_than_the_index_picks():
    x, v = Tensor(np.zeros((2, 3)), requires_grad=True), Tensor(np.ones((1, 1, 3)), requires_grad=True)
    y = x * 1
    y[0] = v
    y[1, 1:] = v[:, :, :1]
    y.sum().backward()
    assert v.grad.tolist() == [[[3, 1, 1]]]


def test_whole_numbers_can_not_take_a_gradient():
    x, v = tg.arange(3), Tensor([2.7], requires_grad=True)
    with pytest.raises(DtypeError, match="can't take a value that requires grad"):
        x[:1] = v
    y = rows.setitem(x, v, index=slice(0, 1))
    assert y.tolist() == [2, 1, 2]
    (y.astype(float).sum() + v.sum()).backward()
    assert v.grad.tolist() == [1]


def test_second_derivative_through_a_write():
    def f(x):
        y = x * x
        y[[0, 0]] = tg.stack([y[1], x[2] ** 3])
        return (y * y).sum()

    x = Tensor([1.0, 2.0, 3.0])
    expected = np.diag([0.0, 12 * 2.0**2, 12 * 3.0**2 + 30 * 3.0**4])
    np.testing.assert_allclose(tg.hessian(f)(x).numpy(), expected)


@pytest.mark.parametrize("index", [1.5, [0.5], "a", 9, -5, [9], (0, 0, 0), np.ones(5, bool), (Ellipsis, Ellipsis), {}])
def test_index_that_does_not_fit_is_an_indexing_error(index):
    x = Tensor(np.ones((4, 2)), requires_grad=True)
    with pytest.raises(IndexingError, match="getitem"):
        x[index]
    y = x * 1
    with pytest.raises((IndexingError, DtypeError)):
        y[index] = 0.0


def test_value_that_does_not_fit_is_a_shape_error():
    y = Tensor(np.ones((4, 2)), requires_grad=True) * 1
    with pytest.raises(ShapeError, match=r"a value of shape \(3,\) doesn't fit a part of shape \(3, 2\)"):
        y[1:] = np.ones(3)


def test_writes_that_could_not_reach_the_gradient_are_refused():
    x = Tensor(np.ones((4, 2)), requires_grad=True)
    with pytest.raises(GradientError, match="leaf that requires grad"):
        x[0] = 1.0
    y = x * 1
    with pytest.raises(GradientError, match="view of another tracked tensor"):
        y[1:][0] = 5.0
    fancy = y[[1, 2]]
    fancy[0] = 5.0  # a copy, as in NumPy
    assert y.tolist() == [[1, 1]] * 4
