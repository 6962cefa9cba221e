"""NumPy's protocol of ufuncs on Tensors: options and methods give NumPy's values and right gradients, or an error."""

import warnings

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import Tensor
from tinygrad_edu.errors import AxisError, DtypeError, GradientError, IndexingError, ShapeError

A = np.array([[3.0, 1.0, 2.0, 2.5], [0.5, -1.5, 5.0, 4.0]])
WHOLE = np.array([[6, 3, 12], [5, 9, 4]])
SMOOTH = [np.add, np.subtract, np.multiply, np.divide, np.maximum, np.minimum, np.fmax, np.logaddexp, np.hypot]
ROUGH = [np.fmod, np.remainder, np.floor_divide, np.copysign, np.heaviside, np.logical_and, np.logical_xor]
OF_BITS = [np.bitwise_and, np.bitwise_or, np.bitwise_xor, np.gcd, np.lcm, np.left_shift, np.right_shift]


def assert_same(found, expected):
    assert isinstance(found, Tensor)
    assert (found.dtype, found.shape) == (expected.dtype, expected.shape)
    np.testing.assert_allclose(found.detach().numpy(), expected, rtol=1e-14)


# --- methods -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("ufunc", SMOOTH + ROUGH, ids=lambda ufunc: ufunc.__name__)
def test_reduce_accumulate_outer_and_reduceat_give_numpys_values(ufunc, axis):
    x = Tensor(A, requires_grad=True)
    with np.errstate(all="ignore"):
        assert_same(ufunc.reduce(x, axis=axis), ufunc.reduce(A, axis=axis))
        assert_same(ufunc.reduce(x, axis=axis, keepdims=True), ufunc.reduce(A, axis=axis, keepdims=True))
        assert_same(ufunc.accumulate(x, axis=axis), ufunc.accumulate(A, axis=axis))
        assert_same(ufunc.outer(x, A[0]), ufunc.outer(A, A[0]))
        assert_same(ufunc.reduceat(x, [0, 1, 0], axis=axis), ufunc.reduceat(A, [0, 1, 0], axis=axis))


@pytest.mark.parametrize("ufunc", [*OF_BITS, np.add, np.multiply, np.maximum, np.subtract], ids=lambda f: f.__name__)
def test_methods_of_whole_numbers_keep_numpys_dtypes(ufunc):
    for dtype in (np.int64, np.int32, np.uint8):
        x = WHOLE.astype(dtype)
        assert_same(ufunc.reduce(Tensor(x), axis=1), ufunc.reduce(x, axis=1))
        assert_same(ufunc.accumulate(Tensor(x), axis=0), ufunc.accumulate(x, axis=0))


@pytest.mark.parametrize("ufunc", SMOOTH, ids=lambda ufunc: ufunc.__name__)
@pytest.mark.parametrize("method", ["reduce", "accumulate"])
def test_methods_have_right_gradients(ufunc, method):
    assert_derivatives(lambda x: getattr(ufunc, method)(x, axis=1), A)
    assert_derivatives(lambda x: ufunc.reduceat(x, [1, 0, 3], axis=1), A)
    assert_derivatives(lambda x, y: ufunc.outer(x, y), A[0], A[1] + 0.1)


def test_ties_of_a_running_maximum_share_the_gradient():
    x = Tensor([2.0, 2.0, 1.0, 2.0, 3.0], requires_grad=True)
    np.maximum.accumulate(x).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), [1 + 1 / 2 + 1 / 2 + 1 / 3, 1 / 2 + 1 / 2 + 1 / 3, 0, 1 / 3, 1])
    assert_same(np.minimum.accumulate(Tensor([True, False, True])), np.array([True, False, False]))
    assert np.maximum.accumulate(tg.zeros((2, 0)), axis=1).shape == (2, 0)


def test_reduce_takes_numpys_options():
    x = Tensor(A, requires_grad=True)
    assert_same(np.add.reduce(x, axis=None), np.add.reduce(A, axis=None))
    assert_same(np.add.reduce(x, axis=(0, 1), keepdims=True), np.add.reduce(A, axis=(0, 1), keepdims=True))
    assert_same(np.add.reduce(x, dtype=np.float32), np.add.reduce(A, dtype=np.float32))
    assert_same(np.add.reduce(x, axis=1, initial=7.0), np.add.reduce(A, axis=1, initial=7.0))
    assert_same(np.subtract.reduce(x, axis=1, initial=7.0), np.subtract.reduce(A, axis=1, initial=7.0))
    assert_same(np.add.reduce(x, axis=1, where=A > 1), np.add.reduce(A, axis=1, where=A > 1))
    assert_same(np.bitwise_or.reduce(Tensor(WHOLE[:, :0]), axis=1), np.bitwise_or.reduce(WHOLE[:, :0], axis=1))
    out = tg.zeros(2)
    assert np.add.reduce(x, axis=1, out=out) is out
    assert out.requires_grad


def test_add_at_adds_twice_what_is_named_twice():
    table, rows = tg.zeros((3, 2)), Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    np.add.at(table, [0, 0], rows)
    assert table.tolist() == [[4.0, 6.0], [0.0, 0.0], [0.0, 0.0]]
    (table * table).sum().backward()
    assert rows.grad.tolist() == [[8.0, 12.0], [8.0, 12.0]]
    array = np.zeros(2)
    np.subtract.at(array, [1, 1], Tensor(2.0))
    assert array.tolist() == [0.0, -4.0]
    with pytest.raises(GradientError, match="is a leaf that requires grad"):
        np.add.at(rows, [0], 1.0)


ATS = [np.multiply, np.divide, np.maximum, np.fmin, np.power, np.hypot, np.logaddexp, np.negative, np.exp, np.sqrt]


@pytest.mark.parametrize(
    "key", [[0, 0, 1], (slice(None), [1, 1, 2]), np.array([True, False]), (..., 3), ([], [])], ids=str
)
@pytest.mark.parametrize("ufunc", ATS, ids=lambda ufunc: ufunc.__name__)
def test_at_does_in_turn_what_is_named_twice(ufunc, key):
    start = np.abs(A) + 0.5
    shape = start[key].shape
    values = () if ufunc.nin == 1 else (np.linspace(0.3, 1.9, start[key].size).reshape(shape),)

    def at(x, *values):
        y = x * 1.0
        ufunc.at(y, key, *values)
        return y

    assert_same(at(Tensor(start, requires_grad=True), *values), at(start, *values))
    assert_derivatives(at, start, *values, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("call", "arrays"),
    [
        (lambda x, y: np.matmul(x, y, axes=[(0, 1), (1, 0), (1, 0)]), ((2, 3), (4, 3))),
        (lambda x, y: np.matmul(x, y, axes=[(0, 2), (2, 0), (0, 2)]), ((2, 5, 3), (4, 5, 3))),
        (lambda x, y: np.matmul(x, y, axes=[(-1, -2), (0,), (0,)]), ((3, 2), (3,))),
        (lambda x, y: np.matmul(x, y, axes=[(-2, -1), (-1, -2), (-2, -1)]), ((2, 3), (4, 3))),
        (lambda x, y: np.vecdot(x, y, axes=[0, 1]), ((3, 2), (2, 3))),
        (lambda x, y: np.matvec(x, y, axes=[(1, 0), 0, 0]), ((3, 4), (3,))),
        (lambda x, y: np.vecmat(x, y, axes=[0, (0, 1), 0]), ((3, 5), (3, 4))),
        (lambda x, y: np.vecdot(x, y, keepdims=True), ((2, 3), (3,))),
        (lambda x, y: np.vecdot(x, y, axis=0, keepdims=True), ((3, 2), (3, 1))),
        (lambda x, y: np.vecdot(x, y, axes=[0, 1, ()]), ((3, 2), (2, 3))),
    ],
)
def test_products_along_named_axes(call, arrays):
    if "matvec" in call.__code__.co_names or "vecmat" in call.__code__.co_names:
        pytest.importorskip("numpy", minversion="2.2")
    rng = np.random.default_rng(0)
    given = [rng.normal(size=shape) for shape in arrays]
    assert_same(call(*(Tensor(x, requires_grad=True) for x in given)), call(*given))
    assert_derivatives(call, *given)


def test_order_subok_and_signature_are_numpys():
    x = Tensor(A, requires_grad=True)
    assert_same(np.exp(x, order="F", subok=False), np.exp(A))
    for signature in ("f->f", (None, np.float32), (np.float64, None)):
        assert_same(np.exp(x, signature=signature), np.exp(A, signature=signature))
    assert_derivatives(lambda x: np.multiply(x, x, signature="dd->d"), A)


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.multiply.at(x * 1, [2], 2.0), IndexingError, "index 2 is out of bounds"),
        (lambda x: np.multiply.at(x, [0], 2.0), GradientError, "is a leaf that requires grad"),
        (lambda x: np.matmul(x, x.T, axes=[(0, 1), (0, 1)]), ShapeError, "axes= names 2, 2, 2 axes here"),
        (lambda x: np.add.at(x * 1, [7], 2.0), IndexingError, "index 7 is out of bounds"),
        (lambda x: np.add.at(np.zeros(4), [0], x[0, 0]), DtypeError, "the gradient would be lost"),
        (lambda x: np.power.reduce(x), DtypeError, "np.power.reduce has no derivative rule"),
        (lambda x: np.subtract.reduce(x, axis=None), ShapeError, "goes along one axis"),
        (lambda x: np.subtract.reduce(x, axis=(0, 1)), ShapeError, "goes along one axis"),
        (lambda x: np.subtract.reduce(x, axis=5), AxisError, "axis 5 is out of bounds for an array of 2 axes"),
        (lambda x: np.subtract.reduce(x[:, :0], axis=1), ShapeError, "of nothing is not defined"),
        (lambda x: np.subtract.reduce(x, where=A > 0), ShapeError, "needs initial= as well"),
        (lambda x: np.fmax.reduce(x, where=A > 0), ShapeError, "needs initial= as well"),
        (lambda x: np.hypot.reduce(x, axis=(1, 1)), ShapeError, "names an axis twice"),
        (lambda x: np.add.reduceat(x, [0, 4], axis=1), ShapeError, "index 4 is outside of 0 … 3"),
        (lambda x: np.add.accumulate(x, axis=2), AxisError, "axis 2 is out of bounds"),
        (lambda x: np.divmod.outer(x, x), DtypeError, "np.divmod.outer has no derivative rule"),
    ],
)
def test_methods_refuse_what_they_cannot_do(call, error, text):
    with pytest.raises(error, match=text):
        call(Tensor(A, requires_grad=True))


# --- options of calls ----------------------------------------------------------------------------------------


def test_dtype_is_that_in_which_numpy_computes():
    x = Tensor(A, requires_grad=True)
    assert_same(np.exp(x, dtype=np.float32), np.exp(A, dtype=np.float32))
    assert_same(np.add(x, 1, dtype="float32"), np.add(A, 1, dtype="float32"))
    assert_same(np.add(Tensor(WHOLE), 1, dtype=float), np.add(WHOLE, 1, dtype=float))
    assert_same(np.add(Tensor(A), 1, dtype=int, casting="unsafe"), np.add(A, 1, dtype=int, casting="unsafe"))
    assert_same(np.greater(x, 1, dtype=bool), np.greater(A, 1, dtype=bool))
    np.multiply(x, x, dtype=np.float32).sum().backward()
    assert x.grad.dtype == np.float64
    np.testing.assert_allclose(x.grad.numpy(), 2 * A)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.add(x, 1, dtype=int),  # became whole numbers without a gradient, in silence
        lambda x: np.exp(x, dtype=int),
        lambda x: np.sqrt(x, dtype="no such dtype"),
        lambda x: np.add(x, 1, dtype=np.float32, casting="safe"),
        lambda x: np.add(x, 1, casting="no such rule"),
        lambda x: np.exp(x, out=tg.zeros((2, 4), dtype=int)),
        lambda x: np.exp(x.detach(), out=np.zeros((2, 4), int)),
        lambda x: np.mean(x.detach(), out=[0.0]),
        lambda x: np.exp(x, where=[1.0], out=tg.zeros((2, 4))),
        lambda x: np.exp(x, where=[True]),
        lambda x: np.exp(x, signature="i->i"),
    ],
)
def test_options_that_would_lose_numbers_or_gradients_are_refused(call):
    with pytest.raises(DtypeError, match=r"where: +test_ufuncs.py"):
        call(Tensor(A, requires_grad=True))


def test_casting_unsafe_puts_floats_into_whole_numbers():
    out, array = tg.zeros((2, 4), dtype=int), np.zeros((2, 4), int)
    np.add(Tensor(A), 0.5, out=out, casting="unsafe")
    np.add(Tensor(A), 0.5, out=array, casting="unsafe")
    expected = np.add(A, 0.5, out=np.zeros((2, 4), int), casting="unsafe")
    assert (out.tolist(), array.tolist()) == (expected.tolist(), expected.tolist())


def test_out_may_be_larger_than_the_result():
    out = tg.zeros((2, 3))
    assert np.add(1.0, Tensor([1.0, 2.0, 3.0]), out=out) is out
    assert out.tolist() == [[2.0, 3.0, 4.0]] * 2
    with pytest.raises(ShapeError, match=r"out= has shape \(3,\), the result \(2, 4\)"):
        np.exp(Tensor(A), out=tg.zeros(3))


def test_where_made_the_gradient_nan_of_elements_that_it_masked():
    x, y = Tensor([1.0, 2.0], requires_grad=True), Tensor([0.0, 4.0], requires_grad=True)
    before = Tensor([7.0, 7.0], requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = np.divide(x, y, where=np.array([False, True]), out=before * 1)
    assert result.tolist() == [7.0, 0.5]
    result.sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([0.0, 0.25], [0.0, -0.125])
    assert before.grad.tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    "ufunc", [np.log, np.sqrt, np.arccosh, np.arctanh, np.reciprocal, np.abs], ids=lambda f: f.__name__
)
def test_where_computes_nothing_outside_of_a_domain(ufunc):
    values, mask = np.array([[-1.0, 0.5], [1.5, 0.0]]), np.array([True, False])
    values[:, 0] = 0.9 if ufunc is np.arctanh else 1.7
    values[:, 1] = -7.0 if ufunc is not np.reciprocal else 0.0
    x = Tensor(values, requires_grad=True)
    result = ufunc(x, where=mask, out=tg.zeros((2, 2)))
    np.testing.assert_array_equal(result.detach().numpy(), ufunc(values, where=mask, out=np.zeros((2, 2))))
    result.sum().backward()
    assert np.isfinite(x.grad.numpy()).all()
    assert x.grad.tolist()[0][1] == 0.0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_true_is_a_number_where_a_dtype_is_asked_for(dtype):
    x = tg.Tensor([1.0, 2.0], requires_grad=True, dtype=np.float32)
    found, expected = np.divide(x, True, dtype=dtype), np.divide(x.detach().numpy(), True, dtype=dtype)
    assert found.dtype == expected.dtype
    assert np.array_equal(found.detach().numpy(), expected)
