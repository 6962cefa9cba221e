"""Norms against loops over the groups of numbers they normalise, their running statistics, and what they refuse."""

import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, ShapeError

RNG = np.random.default_rng(0)
EPS = 0.01


def even(values):
    """The numbers moved to mean 0 and scaled to variance 1."""
    mean = sum(values.ravel()) / values.size
    var = sum((v - mean) ** 2 for v in values.ravel()) / values.size
    return (values - mean) / math.sqrt(var + EPS)


def normalised(x, groups):
    """x with each group (an index) made even."""
    out = np.array(x)
    for group in groups:
        out[group] = even(x[group])
    return out


def per_channel(parameter, x):
    return parameter.reshape(-1, *(1,) * (x.ndim - 2))


@pytest.mark.parametrize("shape", [(4, 3), (4, 3, 2), (2, 3, 2, 2)])
def test_batch_norm_makes_each_channel_even(shape):
    x, weight, bias = RNG.normal(size=shape) * 3 + 1, RNG.normal(size=3), RNG.normal(size=3)
    expected = normalised(x, [(slice(None), c) for c in range(3)])
    np.testing.assert_allclose(F.batch_norm(x, training=True, eps=EPS).numpy(), expected)
    found = F.batch_norm(x, None, None, weight, bias, training=True, eps=EPS)
    np.testing.assert_allclose(found.numpy(), expected * per_channel(weight, x) + per_channel(bias, x))
    assert_derivatives(
        lambda *a: F.batch_norm(a[0], None, None, *a[1:], training=True), x, weight, bias,
        plain=lambda *a: F.batch_norm(a[0], None, None, *a[1:], training=True).numpy(), rtol=1e-5,
    )  # fmt: skip


@pytest.mark.parametrize(
    "norm",
    [
        lambda x, mean, var, w: F.batch_norm(x, mean, var, w, training=True),
        lambda x, mean, var, w: F.instance_norm(x, mean, var, w),
        lambda x, mean, var, w: F.group_norm(x, 3, w),
    ],
    ids=["batch", "instance", "group"],
)
def test_a_batch_of_no_samples_leaves_no_nan_behind(norm):
    """It made the running statistics nan for good, without a word of NumPy's in `np.mean`'s name."""
    mean, var, w = np.zeros(3), np.ones(3), tg.Tensor(np.ones(3), requires_grad=True)
    x = tg.Tensor(np.zeros((0, 3, 4)), requires_grad=True)
    y = norm(x, mean, var, w)
    y.sum().backward()
    assert (y.shape, x.grad.shape, w.grad.tolist()) == ((0, 3, 4), (0, 3, 4), [0.0, 0.0, 0.0])
    assert (mean.tolist(), var.tolist()) == ([0.0, 0.0, 0.0], [1.0, 1.0, 1.0])


@pytest.mark.parametrize("kind", [tg.Tensor, np.array])
@pytest.mark.parametrize("shape", [(4, 3), (2, 3, 2, 2)])
def test_running_statistics_move_towards_the_batch_s_and_are_used_afterwards(kind, shape):
    x = RNG.normal(size=shape) * 3 + 1
    mean, var = kind(np.zeros(3)), kind(np.ones(3))
    before = F.batch_norm(tg.Tensor(x, requires_grad=True), mean, var)  # a graph that holds the old ones
    F.batch_norm(x, mean, var, training=True, momentum=0.25)
    by_channel = np.moveaxis(x, 1, 0).reshape(3, -1)
    np.testing.assert_allclose(mean, 0.25 * by_channel.mean(axis=1))
    np.testing.assert_allclose(var, 0.75 + 0.25 * by_channel.var(axis=1, ddof=1))
    np.testing.assert_allclose(before.detach().numpy(), x / math.sqrt(1 + 1e-5))
    before.sum().backward()
    found = F.batch_norm(x, mean, var, eps=0.0).numpy()
    along = (1, 3, *(1,) * (len(shape) - 2))
    np.testing.assert_allclose(found, (x - np.reshape(mean, along)) / np.sqrt(np.reshape(var, along)))


def test_running_statistics_of_float32_stay_so():
    mean, var = tg.Tensor(np.zeros(3, np.float32)), tg.Tensor(np.ones(3, np.float32))
    y = F.batch_norm(RNG.normal(size=(4, 3)).astype(np.float32), mean, var, training=True)
    assert (y.dtype, mean.dtype, var.dtype) == (np.float32,) * 3


@pytest.mark.parametrize("shape", [(2, 3, 4), (2, 3, 2, 2)])
def test_instance_norm_makes_each_channel_of_each_sample_even(shape):
    x, weight = RNG.normal(size=shape), RNG.normal(size=3)
    expected = normalised(x, [(n, c) for n in range(2) for c in range(3)])
    np.testing.assert_allclose(F.instance_norm(x, weight=weight, eps=EPS).numpy(), expected * per_channel(weight, x))
    mean, var = np.zeros(3), np.ones(3)
    F.instance_norm(x, mean, var, momentum=1.0)
    flat = x.reshape(2, 3, -1)
    np.testing.assert_allclose(mean, flat.mean(axis=(0, 2)))
    np.testing.assert_allclose(var, flat.var(axis=2, ddof=1).mean(axis=0))
    found = F.instance_norm(x, mean, var, use_input_stats=False, eps=EPS)
    np.testing.assert_allclose(found.numpy(), F.batch_norm(x, mean, var, eps=EPS).numpy())


@pytest.mark.parametrize("shape", [(2, 6), (2, 6, 3), (2, 6, 2, 2)])
@pytest.mark.parametrize("groups", [1, 2, 3])
def test_group_norm_makes_each_group_of_channels_even(shape, groups):
    x, weight, bias = RNG.normal(size=shape), RNG.normal(size=6), RNG.normal(size=6)
    size = 6 // groups
    parts = [(n, slice(g * size, (g + 1) * size)) for n in range(2) for g in range(groups)]
    expected = normalised(x, parts) * per_channel(weight, x) + per_channel(bias, x)
    np.testing.assert_allclose(F.group_norm(x, groups, weight, bias, EPS).numpy(), expected)


@pytest.mark.parametrize("shape", [3, (3,), (2, 3), (4, 2, 3)])
def test_layer_norm_and_rms_norm_go_over_the_last_axes(shape):
    x = RNG.normal(size=(4, 2, 3)) + 2
    sides = shape if isinstance(shape, tuple) else (shape,)
    weight, bias = RNG.normal(size=sides), RNG.normal(size=sides)
    groups = [tuple(place) for place in np.ndindex(*x.shape[: 3 - len(sides)])]
    expected = normalised(x, groups) * weight + bias
    np.testing.assert_allclose(F.layer_norm(x, shape, weight, bias, EPS).numpy(), expected)
    rms = np.sqrt((x**2).mean(axis=tuple(range(-len(sides), 0)), keepdims=True) + EPS)
    np.testing.assert_allclose(F.rms_norm(x, shape, weight, EPS).numpy(), x / rms * weight)
    for f in (F.layer_norm, F.rms_norm):
        assert_derivatives(
            lambda a, w, f=f: f(a, shape, w), x, weight, plain=lambda a, w, f=f: f(a, shape, w).numpy(), rtol=1e-5
        )


def test_local_response_norm_divides_by_the_neighbouring_channels():
    x = RNG.normal(size=(2, 5, 3))
    expected = np.zeros(x.shape)
    for c in range(5):
        near = [i for i in range(c - 1, c + 2) if 0 <= i < 5]
        expected[:, c] = x[:, c] / (2 + 0.5 / 3 * (x[:, near] ** 2).sum(axis=1)) ** 0.7
    np.testing.assert_allclose(F.local_response_norm(x, 3, 0.5, 0.7, 2.0).numpy(), expected)


def test_equal_numbers_become_0_and_have_a_finite_gradient():
    for f in (
        lambda x: F.layer_norm(x, 4),
        lambda x: F.group_norm(x, 1),
        lambda x: F.batch_norm(x, training=True),
        lambda x: F.rms_norm(0 * x, 4),
    ):
        x = tg.Tensor(np.full((3, 4), 7.0), requires_grad=True)
        y = f(x)
        y.sum().backward()
        assert not y.detach().numpy().any()
        assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_float_stays_as_it_is(dtype):
    for f in (
        lambda x: F.layer_norm(x, 4),
        lambda x: F.rms_norm(x, 4),
        lambda x: F.group_norm(x, 2),
        lambda x: F.batch_norm(x, training=True),
        lambda x: F.local_response_norm(x, 2),
    ):
        x = tg.Tensor(RNG.normal(size=(3, 4)).astype(dtype), requires_grad=True)
        y = f(x)
        y.sum().backward()
        assert (y.dtype, x.grad.dtype) == (dtype, dtype)


X = np.ones((2, 4, 3))


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda: F.batch_norm(X), DataError, "batch_norm: without training it needs running_mean and running_var"),
        (lambda: F.batch_norm(X, np.ones(4)), DataError, "batch_norm: running_mean and running_var come together"),
        (lambda: F.batch_norm(X, np.ones(3), np.ones(3)), ShapeError, "batch_norm: running_mean must be a Tensor or"),
        (lambda: F.batch_norm(X[:1, :, 0], training=True), DataError, "batch_norm: one number per channel has no var"),
        (lambda: F.batch_norm(X[0, 0], training=True), ShapeError, "batch_norm: the input has too few axes"),
        (
            lambda: F.batch_norm(X, weight=[1.0], training=True),
            ShapeError,
            "batch_norm: the weight must have shape (4,)",
        ),
        (lambda: F.batch_norm(X, training=True, eps=-1), DataError, "eps must be at least 0, not -1"),
        (lambda: F.batch_norm(X * 1j, training=True), DtypeError, "batch_norm takes real numbers"),
        (lambda: F.instance_norm(X[..., :1]), DataError, "instance_norm: one number per channel of a sample has no"),
        (lambda: F.instance_norm(X[0]), ShapeError, "instance_norm: the input has too few axes"),
        (lambda: F.group_norm(X, 3), ShapeError, "group_norm: 4 channels can't be split into 3 groups"),
        (lambda: F.group_norm(X, 0), DataError, "num_groups must be at least 1, not 0"),
        (lambda: F.group_norm(X[:1, :, 0], 4), DataError, "group_norm: one number per group has no variance"),
        (lambda: F.layer_norm(X, 4), ShapeError, "layer_norm: the input must have shape (…, 4), not (2, 4, 3)"),
        (lambda: F.layer_norm(X, ()), ShapeError, "layer_norm: the input must have shape"),
        (lambda: F.layer_norm(X, 3, bias=np.ones(4)), ShapeError, "layer_norm: the bias must have shape (3,)"),
        (lambda: F.rms_norm(X, 2.5), DtypeError, "normalized_shape must be a whole number, not 2.5"),
        (lambda: F.local_response_norm(X, 0), DataError, "size must be at least 1, not 0"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, first_line):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(first_line)
    assert "test_normalisation.py:" in str(caught.value)
    assert caught.value.code
