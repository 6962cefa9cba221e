"""Reductions with all of NumPy's parameters: NumPy is the witness of values, difference quotients of derivatives."""

import math
import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, distinct, random_axes, random_shape
from tests.witness import assert_derivatives
from tinygrad_edu.compositions import nan, quantiles, reduction
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives


def random_call(rng, numbers=distinct):
    """An array, and axis and keepdims."""
    x = numbers(rng, random_shape(rng))
    return x, {"axis": random_axes(rng, x.ndim), "keepdims": bool(rng.random() < 0.5)}


def random_mask(rng, x, axis):
    """A mask that leaves at least one element in each reduced slice, of a shape that broadcasts."""
    mask = rng.random(x.shape) < 0.6
    axes = tuple(range(x.ndim)) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    first = tuple(0 if i in {a % x.ndim for a in axes} else slice(None) for i in range(x.ndim))
    mask[first] = True
    return mask


# --- against NumPy -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("function", [np.sum, np.prod, np.mean, np.max, np.min, np.var, np.std, np.ptp, np.median])
@given(seed=SEEDS)
@few
def test_axes_and_keepdims(function, seed):
    rng = np.random.default_rng(seed)
    x, options = random_call(rng)
    if function is np.std:
        x = np.concatenate([x, x[..., :1] + 0.7], axis=-1)  # more than one element
        options["axis"] = -1
    assert_agrees(lambda x: function(x, **options), x)


@pytest.mark.parametrize("function", [np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min])
@given(seed=SEEDS)
@few
def test_where(function, seed):
    rng = np.random.default_rng(seed)
    x, options = random_call(rng)
    mask = random_mask(rng, x, options["axis"])
    if function is np.std:
        mask[...] = True
        mask.flat[0] = mask.size < 4
        x, options = x + 0.0, {"axis": None}
        if mask.sum() < 2:
            return
    if function in (np.max, np.min):
        options["initial"] = -100.0 if function is np.max else 100.0
    assert_agrees(lambda x: function(x, **options, where=mask), x)


@pytest.mark.parametrize("function", [np.sum, np.prod, np.max, np.min])
@given(seed=SEEDS)
@few
def test_initial(function, seed):
    rng = np.random.default_rng(seed)
    x, options = random_call(rng)
    initial = float(rng.normal())
    assert_agrees(lambda x: function(x, **options, initial=initial), x)


@pytest.mark.parametrize("function", [np.var, np.std])
@given(seed=SEEDS)
@few
def test_degrees_of_freedom_and_a_mean_computed_before(function, seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, (*random_shape(rng, 0, 2), 4))
    ddof = float(rng.choice([0, 1, 1.5]))
    assert_agrees(lambda x: function(x, axis=-1, ddof=ddof), x)
    assert_agrees(lambda x: function(x, axis=-1, correction=ddof, keepdims=True), x)
    assert_agrees(lambda x: function(x, axis=-1, ddof=ddof, mean=np.mean(x, axis=-1, keepdims=True)), x)
    assert_agrees(lambda x, m: function(x, axis=-1, mean=m), x, x.mean(-1, keepdims=True) + 0.1)


@pytest.mark.parametrize(
    "function", [np.nansum, np.nanprod, np.nanmean, np.nanmax, np.nanmin, np.nanvar, np.nanstd, np.nanmedian]
)
@given(seed=SEEDS)
@few
def test_nan_is_left_out_and_gets_no_gradient(function, seed):
    rng = np.random.default_rng(seed)
    x, options = random_call(rng, lambda rng, shape: distinct(rng, (*shape, 4)))
    options["axis"] = None if options["axis"] is None else -1
    there = random_mask(rng, x, options["axis"]) | (np.arange(4) < 2)
    assert_agrees(lambda x: function(np.where(there, x, np.nan), **options), x)
    leaf = tg.Tensor(np.where(there, x, np.nan), requires_grad=True)
    function(leaf, **options).sum().backward()
    assert not leaf.grad.numpy()[~there].any()


def test_nan_functions_with_where_initial_and_whole_numbers():
    x = np.array([[1.0, np.nan, -3.0], [np.nan, 5.0, 2.0]])
    mask = np.array([[True, True, False], [True, True, True]])
    for function, options in (
        (np.nansum, {"initial": 2.0}), (np.nanprod, {"initial": 2.0}), (np.nanmean, {}), (np.nanvar, {}),
        (np.nanstd, {}), (np.nanmax, {"initial": -9.0}), (np.nanmin, {"initial": 9.0}),
    ):  # fmt: skip
        got = function(tg.Tensor(x), axis=1, where=mask, **options)
        np.testing.assert_allclose(got.numpy(), function(x, axis=1, where=mask, **options))
        whole = np.array([3, 1, 2])
        result = function(tg.Tensor(whole))
        assert result.dtype == function(whole).dtype
        np.testing.assert_allclose(result.item(), function(whole))


def test_rows_of_nan_only_are_nan_with_numpy_s_warning():
    x = np.array([[np.nan, np.nan], [1.0, 2.0]])
    for function in (np.nanmax, np.nanmin, np.nanmean, np.nanstd, np.nanvar):
        leaf = tg.Tensor(x, requires_grad=True)
        with pytest.warns(RuntimeWarning):
            result = function(leaf, axis=1)
        assert np.isnan(result.detach().numpy()).tolist() == [True, False]
        result[1].backward()
        assert np.isfinite(leaf.grad.numpy()).all()


@given(seed=SEEDS)
@few
def test_average_is_differentiable_in_the_weights(seed):
    rng = np.random.default_rng(seed)
    x, options = random_call(rng)
    w = rng.uniform(0.5, 2, x.shape)
    assert_agrees(lambda x, w: np.average(x, weights=w, returned=True, **options), x, w)
    assert_agrees(lambda x: np.average(x, returned=True, **options), x)
    row = rng.uniform(0.5, 2, x.shape[-1])
    assert_agrees(lambda x, w: np.average(x, -1, w), x, row)
    if x.ndim > 1:
        assert_agrees(lambda x, w: np.average(x, (-1, 0), w), x, rng.uniform(0.5, 2, (x.shape[-1], x.shape[0])))


@given(seed=SEEDS)
@few
def test_logsumexp(seed):
    rng = np.random.default_rng(seed)
    x, options = random_call(rng)
    b = rng.uniform(0.1, 2, x.shape)
    assert_agrees(lambda x: tg.logsumexp(x, **options), x, plain=lambda x: np.log(np.sum(np.exp(x), **options)))
    assert_agrees(
        lambda x, b: tg.logsumexp(x, **options, b=b), x, b, plain=lambda x, b: np.log(np.sum(b * np.exp(x), **options))
    )
    for result in (tg.logsumexp(x + 900, **options), tg.logsumexp(x + 900, **options, b=np.ones(x.shape))):
        np.testing.assert_allclose(result.numpy(), np.log(np.sum(np.exp(x), **options)) + 900)


@pytest.mark.parametrize("f", [np.max, np.min, np.nanmax, np.nanmin])
def test_extremes_are_differentiable_in_initial(f):
    x = np.array([[1.0, 3.0, -2.0], [0.5, 4.0, 2.5]])
    for options in ({}, {"axis": 1}, {"axis": 0, "keepdims": True, "where": x > 0}):
        assert_agrees(lambda x, start, given=options: f(x, initial=start, **given), x, np.array(2.75))


def test_logsumexp_with_weights_of_0():
    x, b = tg.Tensor([1000.0, 0.0], requires_grad=True), tg.Tensor([0.0, 2.0], requires_grad=True)
    result = tg.logsumexp(x, b=b)
    np.testing.assert_allclose(result.item(), math.log(2))
    result.backward()
    assert x.grad.tolist() == [0, 1]


# --- zeros, ties, kinks --------------------------------------------------------------------------------------


@pytest.mark.parametrize("zeros", [0, 1, 2, 3, 5])
@pytest.mark.parametrize("axis", [None, 0, -1, (0, 2), (-1, 0, 1)])
def test_prod_is_right_with_any_number_of_zeros_to_second_order(zeros, axis):
    x = np.random.default_rng(zeros).normal(size=(2, 2, 3))
    x.flat[[0, 1, 4, 7, 11][:zeros]] = 0.0
    assert_agrees(lambda x: np.prod(x, axis=axis), x)


def test_third_derivative_of_a_product_of_zeros():
    def product(x):
        return tg.prod(x)

    third = tg.jacobian(tg.hessian(product))(np.zeros(3)).numpy()
    expected = np.zeros((3, 3, 3))
    for i, j, k in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0)):
        expected[i, j, k] = 1
    assert np.array_equal(third, expected)


def gradient_at(function, x):
    leaf = tg.Tensor(np.asarray(x, float), requires_grad=True)
    function(leaf).sum().backward()
    return leaf.grad.tolist()


@pytest.mark.parametrize(
    ("function", "x", "expected"),
    [
        (lambda x: x.max(), [1.0, 3.0, 3.0, 3.0], [0, 1 / 3, 1 / 3, 1 / 3]),
        (lambda x: x.max(axis=(0, 1)), [[2.0, 2.0], [0.0, 2.0]], [[1 / 3, 1 / 3], [0, 1 / 3]]),
        (lambda x: x.min(axis=0), [[2.0, 1.0], [2.0, 5.0]], [[0.5, 1], [0.5, 0]]),
        (lambda x: np.max(x, initial=3.0), [3.0, 1.0, 3.0], [1 / 3, 0, 1 / 3]),
        (lambda x: np.max(x, initial=9.0), [3.0, 1.0], [0, 0]),
        (lambda x: np.amax(x), [np.nan, 1.0, np.nan], [0.5, 0, 0.5]),
        (lambda x: np.nanmax(x), [np.nan, 1.0, 1.0], [0, 0.5, 0.5]),
        (lambda x: np.max(x, initial=-np.inf, where=[True, False, True]), [2.0, 2.0, 2.0], [0.5, 0, 0.5]),
        (lambda x: np.ptp(x), [4.0, 4.0, 1.0], [0.5, 0.5, -1]),
        (lambda x: np.median(x), [2.0, 1.0, 2.0, 2.0, 7.0], [1 / 3, 0, 1 / 3, 1 / 3, 0]),
        (lambda x: np.std(x), [0.1, 0.1, 0.1], [0, 0, 0]),
        (lambda x: np.std(x), [5.0], [0]),
        (lambda x: np.std(x, axis=1, ddof=1), [[7.0, 7.0], [0.3, 0.3]], [[0, 0], [0, 0]]),
        (lambda x: np.std(x, where=[True, True, False]), [0.1, 0.1, 4.0], [0, 0, 0]),
        (lambda x: np.nanstd(x), [0.1, np.nan, 0.1], [0, 0, 0]),
        (lambda x: np.std(x, mean=np.mean(x, keepdims=True)), [2.0, 2.0], [0, 0]),
        (lambda x: tg.logsumexp(x, axis=1), [[-np.inf, -np.inf], [0.0, -np.inf]], [[0, 0], [1, 0]]),
        (lambda x: np.sum(x, where=[True, False]), [1.0, np.inf], [1, 0]),
        (lambda x: np.mean(x, where=[True, False]), [1.0, np.nan], [1, 0]),
        (lambda x: np.var(x, where=[True, True, False]), [1.0, 3.0, np.inf], [-1, 1, 0]),
    ],
)  # fmt: skip
def test_gradients_at_ties_kinks_and_what_takes_no_part(function, x, expected):
    assert gradient_at(function, x) == expected


@pytest.mark.parametrize("function", [np.std, lambda x: np.std(x, where=np.ones(3, bool)), np.nanstd])
def test_second_derivative_of_std_of_equal_elements_is_0_not_nan(function):
    assert not tg.hessian(function)(np.full(3, 0.1)).numpy().any()


def test_std_of_equal_elements_beside_unequal_ones():
    x = np.array([[0.1, 0.1, 0.1], [1.0, 2.0, 4.0]])
    found = gradient_at(lambda x: np.std(x, axis=1), x)
    assert found == [[0, 0, 0], gradient_at(np.std, x[1])]
    assert_derivatives(np.std, x[1])


# --- empty and 0-d -------------------------------------------------------------------------------------------


def test_empty_reductions():
    empty = tg.Tensor(np.zeros((2, 0)), requires_grad=True)
    assert np.sum(empty, axis=1).tolist() == [0, 0]
    assert np.prod(empty, axis=1).tolist() == [1, 1]
    assert np.max(empty, axis=0).shape == (0,)
    assert np.max(empty, axis=1, initial=4.0).tolist() == [4, 4]
    assert tg.logsumexp(empty, axis=1).tolist() == [-math.inf, -math.inf]
    assert np.all(empty).item() is True
    for function in (np.sum, np.prod, lambda x: np.max(x, initial=0.0), tg.logsumexp, np.nansum):
        function(empty).backward()
        assert empty.grad.shape == (2, 0)
    with pytest.raises(ValueError, match="no identity"):
        np.max(empty)


@pytest.mark.parametrize("function", [np.mean, np.var, np.std])
def test_the_mean_of_nothing_is_nan_with_numpy_s_warning(function):
    empty = tg.Tensor(np.zeros((2, 0)), requires_grad=True)
    with pytest.warns(RuntimeWarning):
        result = function(empty, axis=1)
    assert np.isnan(result.detach().numpy()).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result.sum().backward()
    assert empty.grad.shape == (2, 0)


@pytest.mark.parametrize("function", [np.sum, np.prod, np.mean, np.max, np.min, np.var, np.median, np.ptp])
def test_numbers_without_axes(function):
    x = tg.Tensor(3.0, requires_grad=True)
    result = function(x)
    assert result.shape == ()
    assert result.item() == function(3.0)
    result.backward()
    assert x.grad.item() == (0 if function in (np.var, np.ptp) else 1)


# --- dtype, out, lists ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("array", [np.array([1, 2, 3], np.int8), np.array([True, False, True]), np.arange(3)])
@pytest.mark.parametrize(
    "name", ["sum", "prod", "mean", "max", "min", "var", "std", "any", "all", "argmax", "argmin", "count_nonzero"]
)
def test_whole_numbers_and_booleans_as_numpy_has_them(name, array):
    result, expected = getattr(np, name)(tg.Tensor(array)), np.asarray(getattr(np, name)(array))
    assert result.dtype == expected.dtype
    assert np.array_equal(result.numpy(), expected)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "cumsum", "cumprod", "nansum", "nanmean"])
def test_dtype_casts_before_reducing(name):
    x = np.linspace(0.1, 2, 6)
    result = getattr(np, name)(tg.Tensor(x, requires_grad=True), dtype=np.float32)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.detach().numpy(), getattr(np, name)(x, dtype=np.float32), rtol=1e-6)
    leaf, wide = tg.Tensor(x, requires_grad=True), tg.Tensor(x, requires_grad=True)
    getattr(np, name)(leaf, dtype=np.float32).sum().backward()
    getattr(np, name)(wide).sum().backward()
    assert leaf.grad.dtype == np.float64
    np.testing.assert_allclose(leaf.grad.numpy(), wide.grad.numpy(), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "var", "std", "max", "min", "ptp", "median", "nansum", "any"])
def test_out_takes_the_result(name):
    x = np.array([[1.0, 4.0], [2.0, 2.5]])
    expected = getattr(np, name)(x, axis=0)
    for target in (np.zeros(2, expected.dtype), tg.Tensor(np.zeros(2, expected.dtype))):
        result = getattr(np, name)(tg.Tensor(x), axis=0, out=target)
        assert result is target
        assert np.array_equal(np.asarray(target), expected)
    if name != "any":
        leaf, target = tg.Tensor(x, requires_grad=True), tg.Tensor(np.zeros(2))
        getattr(np, name)(leaf, axis=0, out=target)
        target.sum().backward()
        again = tg.Tensor(x, requires_grad=True)
        getattr(np, name)(again, axis=0).sum().backward()
        assert leaf.grad.tolist() == again.grad.tolist()
        with pytest.raises(TypeError, match="gradient would be lost"):
            getattr(np, name)(leaf, axis=0, out=np.zeros(2))


@pytest.mark.parametrize("name", ["sum", "prod", "mean", "max", "min", "var", "std", "median", "average", "nansum"])
def test_lists_of_tensors(name):
    parts = [np.array([1.0, 5.0]), np.array([2.0, 3.0])]
    leaves = [tg.Tensor(part, requires_grad=True) for part in parts]
    module = next(m for m in (reduction, nan, quantiles) if hasattr(m, name))
    result = getattr(module, name)(leaves, axis=0)
    np.testing.assert_allclose(result.detach().numpy(), getattr(np, name)(parts, axis=0))
    result.sum().backward()
    assert all(leaf.grad.shape == (2,) for leaf in leaves)


def test_where_broadcasts_and_may_be_a_tensor():
    x = np.arange(6.0).reshape(2, 3)
    for mask in ([[True], [False]], np.array([True, False, True]), tg.Tensor(x) > 2, np.array([[True], [False]])):
        plain = np.asarray(mask)
        assert np.array_equal(np.sum(tg.Tensor(x), axis=0, where=mask).numpy(), np.sum(x, axis=0, where=plain))
        assert np.any(tg.Tensor(x), where=mask).item() == np.any(x, where=plain)
        assert np.all(tg.Tensor(x), where=mask).item() == np.all(x, where=plain)
        got = np.max(tg.Tensor(x.astype(int)), axis=0, initial=-1, where=mask)
        assert np.array_equal(got.numpy(), np.max(x.astype(int), axis=0, initial=-1, where=plain))


@pytest.mark.parametrize("ufunc", [np.add, np.multiply, np.maximum, np.minimum, np.logical_or, np.logical_and])
def test_ufuncs_reduce_with_all_their_parameters(ufunc):
    x = np.array([[1.0, 4.0, 0.5], [2.0, 2.5, -3.0]])
    mask = np.array([True, False, True])
    for options in (
        {}, {"axis": None}, {"axis": 1, "keepdims": True}, {"axis": (0, 1)}, {"axis": 1, "where": mask, "initial": 1.5},
    ):  # fmt: skip
        if "initial" in options and ufunc in (np.logical_or, np.logical_and):
            options = {"axis": 1, "where": mask}
        got, expected = ufunc.reduce(tg.Tensor(x), **options), ufunc.reduce(x, **options)
        assert got.shape == np.shape(expected)
        assert np.array_equal(got.numpy(), expected)
    leaf = tg.Tensor(x, requires_grad=True)
    assert ufunc.reduce(leaf).requires_grad == (ufunc not in (np.logical_or, np.logical_and))


def test_the_mark_of_numpy_s_wrappers_for_an_option_not_given_means_not_given():
    x = tg.Tensor([1.0, 2.0])
    assert np.sum(x, keepdims=np._NoValue, initial=np._NoValue, where=np._NoValue).shape == ()


# --- what must be refused ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.max(x, where=x > 0), ShapeError, "where= needs initial="),
        (lambda x: np.sum(x, where=np.ones((2, 2, 3), bool)), ShapeError, r"where= has shape \(2, 2, 3\)"),
        (lambda x: np.sum(x, where=np.ones((2, 2), bool)), ValueError, "broadcast"),
        (lambda x: np.sum(x, where=np.ones((2, 3))), DtypeError, "where= must be booleans, not float64"),
        (lambda x: np.sum(x, axis=2), (ValueError, IndexError), "out of bounds"),
        (lambda x: np.sum(x, axis=(0, 0)), ValueError, "duplicate"),
        (lambda x: np.sum(x, axis=0.5), TypeError, "integer"),
        (lambda x: np.sum(x, initial=np.ones(3)), ShapeError, "initial= must be one number"),
        (lambda x: np.var(x, ddof=1, correction=1), ValueError, "one parameter"),
        (lambda x: np.average(x, weights=np.ones(3)), TypeError, "say along which axis"),
        (lambda x: np.average(x, axis=0, weights=np.ones(3)), ShapeError, "don't fit axis 0"),
        (lambda x: np.average(x, weights=np.zeros((2, 3))), ZeroDivisionError, "sum to zero"),
        (lambda x: np.sum(x, keep=True), TypeError, "keep"),
        (lambda x: np.sum(x, out=tg.zeros(3)), ShapeError, "out= has shape"),
        (lambda x: np.argmax(x, axis=(0, 1)), TypeError, "integer"),
        (lambda x: np.median(x, axis=5), ShapeError, "axis 5 is out of bounds for an array of 2 axes"),
        (lambda x: np.median(x, axis=(0, 0)), ShapeError, "twice"),
        (lambda x: x.std().argmax().backward(), GradientError, "depend"),
    ],
)  # fmt: skip
def test_calls_that_are_refused(call, error, text):
    with pytest.raises(error, match=text):
        call(tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True))


def test_complex_variance_has_a_value_but_no_gradient():
    x = np.array([1 + 2j, 3.0])
    np.testing.assert_allclose(np.var(tg.Tensor(x)).item(), np.var(x))
    with pytest.raises(GradientError, match="complex"):
        np.std(tg.Tensor(np.ones(2), requires_grad=True) * x).backward()


def test_every_public_name_is_what_numpy_calls():
    for module in (reduction, nan):
        for name in module.__all__:
            if name != "logsumexp":
                x = np.array([[1.0, 2.0], [4.0, 3.0]])
                got, expected = getattr(module, name)(x), getattr(np, name)(x)
                np.testing.assert_allclose(got.numpy(), expected)


@pytest.mark.parametrize("dtype", [int, np.int8, bool])
@pytest.mark.parametrize("f", [np.mean, np.var])
def test_a_mean_or_spread_in_whole_numbers_is_numpys_and_has_no_derivative(f, dtype):
    a = np.array([[1.7, 2.9, -3.6], [4.2, 5.0, 6.0]])
    for options in ({}, {"axis": 0}, {"axis": 1, "where": a > 0}):
        got = f(tg.Tensor(a, requires_grad=True), dtype=dtype, **options)
        expected = f(a, dtype=dtype, **options)
        assert (got.dtype, got.tolist(), got.requires_grad) == (expected.dtype, expected.tolist(), False)
    with pytest.raises(GradientError, match=r"broken: (var\(dtype=|astype\()"):
        f(tg.Tensor(a, requires_grad=True), dtype=dtype).astype(float).backward()


@pytest.mark.parametrize("f", [np.nanmean, np.nanvar, np.nanstd])
def test_what_is_a_fraction_is_not_computed_in_whole_numbers(f):
    with pytest.raises(DtypeError, match="is a fraction"):
        f(tg.Tensor([1.0, 2.0]), dtype=int)


def test_initial_is_cast_before_it_joins_whole_numbers():
    a = np.array([[1, 2], [3, 4]])
    for f in (np.sum, np.prod):
        assert f(tg.Tensor(a), axis=0, initial=1.7).tolist() == f(a, axis=0, initial=1.7).tolist()


def test_nanvar_of_whole_numbers_is_var_of_them():
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for ddof in (0, 3, 4):
            got = np.nanvar(tg.Tensor([1, 2, 4]), ddof=ddof)
            np.testing.assert_array_equal(got.numpy(), np.nanvar([1, 2, 4], ddof=ddof))


@pytest.mark.parametrize(
    "dtype", [np.int8, np.uint8, np.int32, np.bool_, np.int64, np.float32], ids=lambda d: d.__name__
)
@pytest.mark.parametrize(
    "name", ["sum", "prod", "nansum", "nanprod", "mean", "cumsum", "cumprod", "nancumsum", "cumulative_sum", "trace"]
)
def test_dtype_is_that_of_the_result_and_of_what_overflows_on_the_way(name, dtype):
    for x in (np.array([[100.0, 27.0, 3.0], [0.0, 50.0, 60.0]]), np.array([[100, 27], [0, 50]], np.int8)):
        options = {"dtype": dtype} if name == "trace" else {"dtype": dtype, "axis": 1}
        expected = getattr(np, name)(x, **options)
        found = getattr(tg, name)(x, **options)
        assert found.dtype == expected.dtype
        assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("f", [np.average, np.mean, np.linalg.vector_norm], ids=lambda f: f.__name__)
@pytest.mark.parametrize("axis", [0, -1, (0,)])
def test_a_number_has_no_axis_to_average_over(f, axis):
    with pytest.raises(np.exceptions.AxisError):
        f(np.array(1.5), axis=axis)
    with pytest.raises(np.exceptions.AxisError):
        f(tg.Tensor(1.5, requires_grad=True), axis=axis)
    assert f(tg.Tensor(1.5), axis=()).item() == 1.5


@pytest.mark.parametrize("kind", [np.uint8, np.int16, np.float32, np.float64, np.int64])
@pytest.mark.parametrize("x", [np.ones(3, np.float32), np.ones(3), np.ones(3, np.int32)], ids=lambda x: x.dtype.name)
def test_average_with_weights_has_numpys_dtype(x, kind):
    """float32 numbers with weights in uint8 had an average in float64."""
    weights = np.array([1, 2, 3], kind)
    for found, expected in zip(
        tg.average(x, weights=weights, returned=True), np.average(x, weights=weights, returned=True), strict=True
    ):
        assert (found.dtype, found.item()) == (expected.dtype, expected.item())


@pytest.mark.parametrize("name", ["max", "min", "amax", "amin"])
def test_a_nan_is_the_extremum_and_gets_its_gradient(name):
    x = tg.Tensor([1.0, np.nan, 3.0, np.nan], requires_grad=True)
    y = getattr(np, name)(x)
    assert np.isnan(y.item())
    y.backward()
    assert x.grad.tolist() == [0.0, 0.5, 0.0, 0.5]


@pytest.mark.parametrize(("name", "initial"), [("max", 3.0), ("min", 1.0), ("nanmax", 3.0), ("nanmin", 1.0)])
def test_the_initial_of_an_extremum_has_its_share_of_a_tie(name, initial):
    x = tg.Tensor([1.0, 3.0, 2.0, initial], requires_grad=True)
    getattr(np, name)(x, initial=initial).backward()
    assert x.grad.tolist() == [1 / 3 if value == initial else 0.0 for value in (1.0, 3.0, 2.0, initial)]


def test_refused_as_by_numpy_where_nothing_can_be_averaged_or_cut_off():
    for f in (np.average, tg.average):
        with pytest.raises(ZeroDivisionError):
            f(np.zeros((4, 0)), axis=0)
    x = np.array([[1, 2], [3, 5]])
    for f in (np.nanstd, tg.nanstd):
        with pytest.raises(TypeError):
            f(x, axis=0, dtype=np.int64)
        assert f(x, dtype=np.int64) == 1
        assert np.array_equal(f(x, axis=0), [1, 1.5])
