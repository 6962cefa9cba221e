"""Dropout keeps the mean, repeats what a seed or generator gives, and draws out of nowhere never."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, ShapeError

WHOLE = [(F.dropout1d, 1), (F.dropout2d, 2), (F.dropout3d, 3)]


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_kept_numbers_grow_so_that_the_mean_stays(p):
    x = np.full(20_000, 3.0)
    y = F.dropout(x, p, rng=0).numpy()
    np.testing.assert_allclose(np.unique(y), [0, 3 / (1 - p)])
    assert abs((y == 0).mean() - p) < 0.02
    assert abs(y.mean() - 3) < 0.2


def test_none_and_all():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    assert F.dropout(x, 0.0) is x
    assert F.dropout(x, 0.5, training=False) is x
    y = F.dropout(x, 1.0, rng=0)
    y.sum().backward()
    assert (y.tolist(), x.grad.tolist()) == ([0, 0], [0, 0])


def test_a_seed_repeats_and_a_generator_goes_on():
    x = np.ones(50)
    first, again = (F.dropout(x, rng=7).numpy() for _ in range(2))
    rng = np.random.default_rng(7)
    one, two = (F.dropout(x, rng=rng).numpy() for _ in range(2))
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(first, one)
    assert not np.array_equal(one, two)


def test_the_gradient_goes_where_the_numbers_went():
    x = tg.Tensor(np.arange(1.0, 9.0), requires_grad=True)
    y = F.dropout(x, 0.5, rng=0)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.where(y.detach().numpy() == 0, 0, 2))
    assert tg.gradcheck(lambda x: F.dropout(x, 0.5, rng=0), [np.arange(1.0, 9.0)])


@pytest.mark.parametrize(("f", "ndim"), WHOLE)
@pytest.mark.parametrize("batch", [(), (5,)])
def test_channels_go_as_a_whole(f, ndim, batch):
    y = f(np.ones((*batch, 40, *(3,) * ndim)), 0.5, rng=0).numpy()
    channels = y.reshape(*batch, 40, -1)
    assert (channels == channels[..., :1]).all()
    assert set(np.unique(y)) == {0.0, 2.0}


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_float_stays_as_it_is(dtype):
    assert F.dropout(np.ones(3, dtype), rng=0).dtype == dtype


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda: F.dropout([1.0]), DataError, "dropout: it needs a generator to draw from"),
        (lambda: F.dropout([1.0], 1.5, rng=0), DataError, "p must be from 0 to 1, not 1.5"),
        (lambda: F.dropout([1.0], -0.1, training=False), DataError, "p must be from 0 to 1, not -0.1"),
        (lambda: F.dropout([1.0], "a", rng=0), DtypeError, "p must be a number, not 'a'"),
        (lambda: F.dropout2d([[1.0]], rng=0), ShapeError, "dropout2d: the input must have 4 axes, or 3 for one sample"),
    ],
)
def test_what_makes_no_sense_is_refused(call, error, first_line):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(first_line)
    assert "test_dropout.py:" in str(caught.value)
    assert caught.value.code
