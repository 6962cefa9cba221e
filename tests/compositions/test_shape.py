"""Functions of shape with all of NumPy's parameters, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, random_axes, random_shape
from tinygrad_edu.compositions import shape as functions
from tinygrad_edu.errors import GradientError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives


def laid_out(rng):
    """An array with transposed, reversed, skipping and repeating axes."""
    x = rng.normal(size=random_shape(rng, low=0, least=0))
    x = np.transpose(x, rng.permutation(x.ndim))
    x = x[tuple(slice(None, None, int(step)) for step in rng.choice([-2, -1, 1, 1, 2], x.ndim))]
    return np.broadcast_to(x, (2, *x.shape)) if rng.random() < 0.2 else x


def _with_gradient(f, x):
    """f of a tensor that lies in memory as x does, and the gradient of its weighted sum."""
    leaf = tg.from_numpy(np.array(x), requires_grad=True)
    leaf._data = leaf._node.out = x
    y = f(leaf)
    weights = np.arange(1.0, y.size + 1).reshape(y.shape)
    return y.detach().numpy(), tg.gradients((y * weights).sum(), leaf).numpy(), weights


@given(seed=SEEDS, order=st.sampled_from("CFAK"))
def test_ravel_and_reshape_read_any_layout_in_numpys_order(seed, order):
    x = laid_out(np.random.default_rng(seed))
    places = np.arange(x.size).reshape(x.shape)
    for name in ("ravel", "flatten", "reshape"):
        if name == "reshape" and order == "K":
            continue
        witness = {
            "ravel": lambda a: np.ravel(a, order),
            "flatten": lambda a: a.flatten(order),
            "reshape": lambda a: np.reshape(a, (-1, 1) if x.size else (0, 1), order=order),
        }[name]
        f = witness if name != "flatten" else lambda a: functions.flatten(a, order)
        y, gradient, weights = _with_gradient(f, x)
        np.testing.assert_array_equal(y, witness(x))
        laid = np.empty_like(x, dtype=int) if 0 not in x.strides else None
        if laid is not None and laid.strides == x.strides:
            laid[...] = places
            expected = np.zeros(x.size)
            expected[witness(laid).ravel()] = weights.ravel()
            np.testing.assert_array_equal(gradient, expected.reshape(x.shape))


@given(seed=SEEDS)
@few
def test_reshape_ravel_and_flatten(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng, least=0 if rng.random() < 0.2 else 1))
    for order in "CF":
        assert_agrees(lambda x, order=order: np.reshape(x, x.shape[::-1], order), x)
        assert_agrees(lambda x, order=order: np.ravel(x, order), x)
        assert_agrees(
            lambda x, order=order: functions.flatten(x, order), x, plain=lambda a, order=order: a.flatten(order)
        )
    assert_agrees(lambda x: np.reshape(x, -1), x)
    assert_agrees(np.copy, x)


def test_copy_parameter_of_reshape():
    x = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    assert not np.may_share_memory(tg.reshape(x, 6, copy=True)._data, x._data)
    assert np.may_share_memory(tg.reshape(x, 6, copy=False)._data, x._data)
    with pytest.raises(ShapeError, match="copy=False forbids"):
        tg.reshape(x.T, 6, copy=False)
    y = tg.reshape(x, 6, copy=True)
    y[0] = 5.0
    assert y[0].item() == 5
    with pytest.raises(GradientError):
        tg.reshape(x, 6)[0:3] += 1


def test_flatten_and_copy_can_be_written_and_leave_their_source_alone():
    x = tg.Tensor(np.ones((1, 3)), requires_grad=True)
    for function in (functions.flatten, np.copy):
        y = function(x)
        y[...] = 7.0
        assert x.detach().numpy().tolist() == [[1, 1, 1]]


@given(seed=SEEDS)
@few
def test_moved_axes(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng))
    first, second = (int(a) for a in rng.integers(-x.ndim, x.ndim, 2))
    assert_agrees(lambda x: np.swapaxes(x, first, second), x)
    assert_agrees(lambda x: np.moveaxis(x, first, second), x)
    count = int(rng.integers(0, x.ndim + 1))
    source, target = rng.permutation(x.ndim)[:count].tolist(), rng.permutation(x.ndim)[:count]
    assert_agrees(lambda x: np.moveaxis(x, source, tuple(int(t) - x.ndim for t in target)), x)
    assert_agrees(lambda x: np.rollaxis(x, first, int(rng.integers(-x.ndim, x.ndim + 1)) if x.ndim < 0 else second), x)
    assert_agrees(lambda x: np.rollaxis(x, first, x.ndim), x)
    assert_agrees(
        lambda x: np.permute_dims(x, tuple(int(a) for a in source) + tuple(set(range(x.ndim)) - {*source})), x
    )
    assert_agrees(lambda x: np.expand_dims(x, (0, -1)), x)
    assert_agrees(lambda x: np.squeeze(x, tuple(i for i, side in enumerate(x.shape) if side == 1)), x)


@given(seed=SEEDS)
@few
def test_more_axes_and_longer_sides(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=random_shape(rng, low=0)), rng.normal(size=random_shape(rng, low=0))
    for function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
        assert_agrees(function, x)
        assert_agrees(function, x, y)
    a, b = rng.normal(size=(3, 1)), rng.normal(size=(2, 1, 2))
    assert_agrees(lambda a, b: np.broadcast_arrays(a, b, 1.0)[:2], a, b)
    assert isinstance(np.broadcast_arrays(tg.Tensor(a), b)[1], tg.Tensor)
    assert_agrees(lambda a: np.broadcast_to(a, (2, 3, 2)), a)


@given(seed=SEEDS)
def test_facts_are_plain(seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=random_shape(rng, low=0, least=0))
    t = tg.Tensor(x)
    assert np.shape(t) == tg.shape(x) == x.shape
    assert np.ndim(t) == tg.ndim(x) == x.ndim
    axes = random_axes(rng, x.ndim) if x.ndim else None
    many = axes if isinstance(axes, tuple) else (axes,)
    assert np.size(t, axes) == (x.size if axes is None else int(np.prod([x.shape[a] for a in many])))
    assert tg.broadcast_shapes((2, 1), x.shape[:0], (3,)) == (2, 3)


@pytest.mark.parametrize(
    ("call", "text"),
    [
        (lambda x: np.swapaxes(x, 0, 2), "axis 2 is out of bounds for an array of 2 axes"),
        (lambda x: np.moveaxis(x, (0, 0), (0, 1)), "none of them twice"),
        (lambda x: np.moveaxis(x, (0, 1), 1), "as many places as axes"),
        (lambda x: np.rollaxis(x, 0, 4), "start 4 is out of bounds for 2 axes"),
        (lambda x: np.reshape(x, 5), "cannot reshape 6 elements"),
        (lambda x: np.reshape(x, 6, order="X"), "order must be 'C' or 'F', not 'X'"),
        (lambda x: np.broadcast_arrays(x, np.ones(4)), "broadcast"),
        (lambda x: np.size(x, (0, 0)), "names an axis twice"),
        (lambda x: np.size(x, 5), "axis 5 is out of bounds"),
        (lambda x: np.copy(x, order="X"), "order must be one of"),
    ],
)
def test_misuse_is_refused_with_its_reason(call, text):
    with pytest.raises(ShapeError, match=text) as caught:
        call(tg.Tensor(np.ones((2, 3)), requires_grad=True))
    assert "test_shape.py" in str(caught.value)
