"""Joining, splitting and grids with all of NumPy's parameters, NumPy the witness."""

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
def test_joined_along_an_axis(seed):
    rng = np.random.default_rng(seed)
    size = random_shape(rng)
    axis = int(rng.integers(-len(size), len(size)))
    place = axis % len(size)
    x, y = rng.normal(size=size), rng.normal(size=(*size[:place], int(rng.integers(0, 3)), *size[place + 1 :]))
    assert_agrees(lambda x, y: np.concatenate([x, y, x], axis), x, y)
    assert_agrees(lambda x, y: np.concatenate((x, y), axis=None), x, y)
    assert_agrees(lambda x, y: np.append(x, y, axis), x, y)
    assert_agrees(lambda x, y: np.append(x, y), x, y)
    assert_agrees(lambda x: np.stack([x, 2 * x], int(rng.integers(1)) + axis), x)


@given(seed=SEEDS)
@few
def test_joined_by_the_names_of_directions(seed):
    rng = np.random.default_rng(seed)
    size = random_shape(rng, low=0)
    x, y = rng.normal(size=size), rng.normal(size=size)
    for function in (np.hstack, np.vstack, np.dstack, np.column_stack):
        assert_agrees(lambda x, y, f=function: f([x, y]), x, y)
    assert_agrees(lambda x: np.hstack([x, 3.0]), rng.normal(size=3))
    assert_agrees(lambda x, m: np.column_stack([x, m]), rng.normal(size=3), rng.normal(size=(3, 2)))


def test_one_tensor_is_a_sequence_of_its_parts():
    x = np.arange(6.0).reshape(2, 3)
    for function in (np.concatenate, np.stack, np.vstack, np.hstack):
        assert_agrees(function, x)


@given(seed=SEEDS)
@few
def test_blocks(seed):
    rng = np.random.default_rng(seed)
    n, m, k = (int(side) for side in rng.integers(1, 4, 3))
    a, b, c = rng.normal(size=(n, m)), rng.normal(size=(n, k)), rng.normal(size=(m + k,))
    assert_agrees(lambda a, b, c: np.block([[a, b], [c]]), a, b, c)
    assert_agrees(lambda a, b: np.block([a, b]), a, b)
    assert_agrees(lambda c: np.block([c, 1.0, c]), c)
    assert_agrees(lambda a: np.block([[[a]], [[a]]]), a)


@given(seed=SEEDS)
@few
def test_split(seed):
    rng = np.random.default_rng(seed)
    size = random_shape(rng, least=0)
    x = rng.normal(size=size)
    axis = int(rng.integers(-x.ndim, x.ndim))
    count = int(rng.integers(1, 5))
    cuts = sorted(int(place) for place in rng.integers(-3, 7, 2))
    assert_agrees(lambda x: np.array_split(x, count, axis), x)
    assert_agrees(lambda x: np.array_split(x, cuts, axis), x)
    assert_agrees(lambda x: np.split(x, np.array(cuts), axis), x)
    if x.shape[axis]:
        assert_agrees(lambda x: np.split(x, x.shape[axis], axis), x)
    assert_agrees(lambda x: np.hsplit(x, cuts), x)
    if hasattr(np, "unstack") and x.shape[axis]:
        assert_agrees(lambda x: np.unstack(x, axis=axis), x)
    if x.ndim > 1:
        assert_agrees(lambda x: np.vsplit(x, cuts), x)
    if x.ndim > 2:
        assert_agrees(lambda x: np.dsplit(x, [1]), x)


@given(seed=SEEDS)
@few
def test_meshgrid(seed):
    rng = np.random.default_rng(seed)
    vectors = [rng.normal(size=int(side)) for side in rng.integers(1, 4, size=rng.integers(1, 4))]
    for indexing in ("xy", "ij"):
        for sparse in (False, True):
            for copy in (True, False):
                params = {"indexing": indexing, "sparse": sparse, "copy": copy}
                assert_agrees(lambda *v, p=params: np.meshgrid(*v, **p), *vectors)
    assert_agrees(lambda x: np.meshgrid(x, x), rng.normal(size=(2, 2)))
    assert tg.meshgrid(1, 2.5)[1].tolist() == np.meshgrid(1, 2.5)[1].tolist()


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.complex128])
def test_dtype_and_casting_of_joins(dtype):
    x = tg.Tensor(np.ones(2, np.float32), requires_grad=dtype is not np.complex128)
    y = np.concatenate([x, np.ones(1)], dtype=dtype)
    assert y.dtype == dtype
    assert np.stack([x, x], dtype=dtype).dtype == np.hstack([x, x], dtype=dtype).dtype == dtype
    if dtype is np.float32:
        y.sum().backward()
        assert x.grad.dtype == np.float32


def test_out_of_joins():
    x, out = tg.Tensor(np.ones(2), requires_grad=True), tg.zeros(4)
    assert np.concatenate([x, 2 * x], out=out) is out
    (out * np.arange(4.0)).sum().backward()
    assert x.grad.tolist() == [4, 7]


def test_whole_numbers_and_booleans_join_as_in_numpy():
    a, b = np.array([1, 2], np.int8), np.array([True])
    assert np.concatenate([tg.Tensor(a), b]).dtype == np.concatenate([a, b]).dtype


def test_python_numbers_are_weak_in_a_flat_join():
    x = tg.Tensor(np.ones(2, np.float32), requires_grad=True)
    y = np.concatenate([2.0, x, 1], axis=None)
    assert y.dtype == np.float32
    (y * np.arange(4, dtype=np.float32)).sum().backward()
    assert x.grad.tolist() == [1, 2]


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.concatenate([x, np.ones(2)]), ShapeError, "same number of axes"),
        (lambda x: np.concatenate([x, x], axis=2), IndexingError, "axis 2"),
        (lambda x: tg.concatenate([]), ShapeError, "at least one array"),
        (lambda x: tg.stack(v for v in x), DtypeError, "list or a tuple"),
        (lambda x: np.stack([x, x[:1]]), ShapeError, "same shape"),
        (lambda x: np.concatenate([x, x], dtype=int), DtypeError, "can't become int64 with casting='same_kind'"),
        (lambda x: np.concatenate([x], out=tg.zeros((2, 4)), dtype=float), DtypeError, "out= or dtype="),
        (lambda x: np.append(x, x, axis=3), ShapeError, "axis 3"),
        (lambda x: np.block([[x], x]), ShapeError, "nested"),
        (lambda x: tg.block([(x, x)]), DtypeError, "not tuples"),
        (lambda x: np.block([[x], []]), ShapeError, "empty list"),
        (lambda x: np.split(x, 3, axis=1), ShapeError, "doesn't split into 3 equal sections"),
        (lambda x: np.array_split(x, 0), ShapeError, "0 sections"),
        (lambda x: np.split(x, 2, axis=2), ShapeError, "axis 2"),
        (lambda x: np.hsplit(x[0, 0], 1), ShapeError, "hsplit needs an array of 1 axes"),
        (lambda x: np.vsplit(x[0], 1), ShapeError, "vsplit needs an array of 2 axes"),
        (lambda x: np.dsplit(x, 1), ShapeError, "dsplit needs an array of 3 axes"),
        (lambda x: np.meshgrid(x, indexing="yx"), ShapeError, "indexing must be"),
    ],
)
def test_misuse_is_refused_with_its_reason(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call(tg.Tensor(np.ones((2, 4)), requires_grad=True))
    assert "test_joining.py" in str(caught.value)
