"""Places of the largest elements, numbers put back there, lengths of windows: against loops over the windows."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.functional.test_pooling import MAX, windows
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError

RNG = np.random.default_rng(0)
UNPOOL = {1: F.max_unpool1d, 2: F.max_unpool2d, 3: F.max_unpool3d}
LENGTH = {1: F.lp_pool1d, 2: F.lp_pool2d, 3: F.lp_pool3d}
ADAPTIVE = {1: F.adaptive_max_pool1d, 2: F.adaptive_max_pool2d, 3: F.adaptive_max_pool3d}
MEAN = {1: F.adaptive_avg_pool1d, 2: F.adaptive_avg_pool2d, 3: F.adaptive_avg_pool3d}


@given(
    sides=st.lists(st.integers(1, 5), min_size=1, max_size=3), k=st.integers(1, 3), stride=st.integers(1, 3),
    dilation=st.integers(1, 2), padding=st.integers(0, 1), ceil_mode=st.booleans(), seed=st.integers(0, 99),
    kind=st.sampled_from(["distinct", "ties", "nan", "whole"]),
)  # fmt: skip
def test_an_index_is_where_the_first_of_the_largest_elements_lies(sides, k, stride, dilation, padding, ceil_mode, seed,
                                                                  kind):  # fmt: skip
    padding = min(padding, k // 2)
    along = [windows(side, k, stride, padding, dilation, ceil_mode) for side in sides]
    if not all(along):
        return
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(2, *sides))
    x = {"distinct": x, "ties": np.round(x), "nan": np.where(x > 0.5, np.nan, x), "whole": (9 * x).astype(int)}[kind]
    settings_ = (k, stride, padding, dilation, ceil_mode)
    values, places = MAX[len(sides)](x, *settings_, return_indices=True)
    np.testing.assert_array_equal(values.numpy(), MAX[len(sides)](x, *settings_).numpy())
    assert places.dtype.kind == "i"
    for channel in range(2):
        for place in itertools.product(*(range(len(a)) for a in along)):
            spots = itertools.product(*(a[i] for a, i in zip(along, place)))
            spots = [spot for spot in spots if all(0 <= u < side for u, side in zip(spot, sides))]
            expected, best = -1, None
            for spot in spots:
                element = x[(channel, *spot)]
                if best is None or element > best or (element != element and best == best):
                    best, expected = element, np.ravel_multi_index(spot, sides)
            assert places.numpy()[(channel, *place)] == expected


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_what_a_pool_took_is_put_back_where_it_was(ndim):
    sides = (5, 6, 4)[:ndim]
    x = RNG.normal(size=(2, 3, *sides))
    values, places = MAX[ndim](x, 2, return_indices=True)
    back = UNPOOL[ndim](values, places, 2, output_size=sides).numpy()
    assert back.shape == x.shape
    np.testing.assert_array_equal(back[back != 0], x[back != 0])
    np.testing.assert_array_equal(np.sort(back[back != 0]), np.sort(values.numpy().ravel()))
    np.testing.assert_array_equal(UNPOOL[ndim](values[0], places[0], 2, output_size=sides).numpy(), back[0])
    np.testing.assert_array_equal(UNPOOL[ndim](values, places, 2, output_size=x.shape).numpy(), back)
    even = UNPOOL[ndim](values, places * 0, 2)
    assert even.shape[2:] == tuple(side // 2 * 2 for side in sides)
    y, z = values.numpy(), RNG.normal(size=x.shape)
    flat = z.reshape(2, 3, -1)
    picked = np.take_along_axis(flat, places.numpy().reshape(2, 3, -1), axis=-1)
    np.testing.assert_allclose((back * z).sum(), (y.reshape(2, 3, -1) * picked).sum())  # reading is its transpose
    assert_derivatives(
        lambda v: UNPOOL[ndim](v, places[:1, :1], 2, output_size=sides) ** 2, y[:1, :1],
        plain=lambda v: UNPOOL[ndim](v, places[:1, :1], 2, output_size=sides).numpy() ** 2,
    )  # fmt: skip


def test_of_two_numbers_for_one_place_the_last_is_written_and_gets_the_gradient():
    x = tg.Tensor([[1.0, 2.0, 3.0]], requires_grad=True)
    y = F.max_unpool1d(x, [[1, 1, 3]], 2, 1)
    y.sum().backward()
    assert y.tolist() == [[0.0, 2.0, 0.0, 3.0]]
    assert x.grad.tolist() == [[0.0, 1.0, 1.0]]


@pytest.mark.parametrize("ndim", [1, 2, 3])
@pytest.mark.parametrize("p", [1, 2, 3, 4, 1.5, math.inf])
@pytest.mark.parametrize("ceil_mode", [False, True])
def test_a_length_is_the_root_of_the_sum_of_powers_of_what_the_window_holds(ndim, p, ceil_mode):
    sides = (5, 4, 6)[:ndim]
    x = RNG.normal(size=(1, 2, *sides))
    x = np.abs(x) if p == 1.5 else x
    along = [windows(side, 2, 3, 0, 1, ceil_mode) for side in sides]
    expected = np.zeros((1, 2, *map(len, along)))
    for place in itertools.product(*(range(len(a)) for a in along)):
        inside = [[u for u in a[i] if u < side] for a, i, side in zip(along, place, sides)]
        part = x[(slice(None), slice(None), *np.ix_(*inside))].reshape(1, 2, -1)
        total = np.abs(part).max(axis=-1) if p == math.inf else (part**p).sum(axis=-1)
        root = total if p == math.inf else np.sign(total) * np.abs(total) ** (1 / p)
        expected[(slice(None), slice(None), *place)] = root
    found = LENGTH[ndim](x, p, 2, 3, ceil_mode)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)
    assert_derivatives(
        lambda x: LENGTH[ndim](x, p, 2, 3, ceil_mode), x[:, :1], rtol=1e-5,
        plain=lambda x: LENGTH[ndim](x, p, 2, 3, ceil_mode).numpy(),
    )  # fmt: skip


@pytest.mark.parametrize("p", [2, 3, 4])
def test_a_window_of_zeros_has_length_0_and_gradient_0(p):
    x = tg.Tensor([[0.0, 0.0, 2.0, 0.0]], requires_grad=True)
    y = F.lp_pool1d(x, p, 2)
    first = tg.gradients(y.sum(), x, create_graph=True)
    np.testing.assert_allclose(y.detach().numpy(), [[0.0, 2.0]])
    np.testing.assert_allclose(first.detach().numpy(), [[0.0, 0.0, 1.0, 0.0]])
    assert np.isfinite(tg.gradients((first * first).sum(), x).numpy()).all()


@given(
    sides=st.lists(st.integers(1, 6), min_size=1, max_size=3), seed=st.integers(0, 99), counts=st.integers(1, 5),
    ties=st.booleans(),
)  # fmt: skip
def test_adaptive_pools_say_where_their_largest_elements_are(sides, seed, counts, ties):
    x = np.random.default_rng(seed).normal(size=(2, *sides))
    x = np.round(x) if ties else x
    values, places = ADAPTIVE[len(sides)](x, counts, return_indices=True)
    np.testing.assert_array_equal(values.numpy(), ADAPTIVE[len(sides)](x, counts).numpy())
    means = MEAN[len(sides)](x, counts).numpy()
    numbers = np.arange(math.prod(sides)).reshape(sides)
    for place in itertools.product(range(counts), repeat=len(sides)):
        index = tuple(slice(i * n // counts, -(-(i + 1) * n // counts)) for i, n in zip(place, sides))
        for channel in range(2):
            part = x[(channel, *index)]
            assert places.numpy()[(channel, *place)] == numbers[index].ravel()[part.argmax()]
            assert values.numpy()[(channel, *place)] == part.max()
            np.testing.assert_allclose(means[(channel, *place)], part.mean(), rtol=1e-12, atol=1e-15)


def test_a_mean_without_nan_in_its_window_is_a_number():
    x = np.array([[np.nan, 1.0, 2.0, 3.0, np.inf]])
    assert F.adaptive_avg_pool1d(x, 3).tolist()[0][1] == 2.0
    assert F.adaptive_avg_pool1d(x, 3).tolist()[0][2] == np.inf


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda x, i: F.max_unpool2d(x, i[..., :1], 2), ShapeError, "max_unpool2d: there must be one index for each"),
        (lambda x, i: F.max_unpool2d(x, i * 1.0, 2), DtypeError, "max_unpool2d: indices must be whole numbers"),
        (lambda x, i: F.max_unpool2d(x, i + 99, 2), IndexingError, "max_unpool2d: indices[0, 0, 0, 0] is 99, and"),
        (lambda x, i: F.max_unpool2d(x, i - 1, 2), IndexingError, "max_unpool2d: indices[0, 0, 0, 0] is -1, and"),
        (lambda x, i: F.max_unpool2d(x, i, 2, output_size=9), ShapeError, "max_unpool2d: output_size (9, 9) is too"),
        (
            lambda x, i: F.max_unpool2d(x, i, 1, padding=1),
            DataError,
            "max_unpool2d: the result would have sides",
        ),
        (lambda x, i: F.max_unpool2d(x[0, 0], i[0, 0], 2), ShapeError, "max_unpool2d: the input must have 4 axes"),
        (lambda x, i: F.lp_pool2d(x, 0.5, 2), DataError, "norm_type must be at least 1, not 0.5"),
        (lambda x, i: F.lp_pool2d(x, 2, 5), ShapeError, "lp_pool2d: the window (5, 5) is larger than the input"),
        (lambda x, i: F.lp_pool2d(x, "2", 2), DtypeError, "norm_type must be a number, not '2'"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(call, error, first_line):
    with pytest.raises(error) as caught:
        call(np.ones((1, 1, 2, 2)), np.zeros((1, 1, 2, 2), int))
    assert str(caught.value).startswith(first_line)
    assert "test_unpooling.py:" in str(caught.value)
    assert caught.value.code
