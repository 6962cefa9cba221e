"""NumPy's own functions take Tensors: the op is found, the gradient is kept, and what has no rule says so."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor, interop
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError


def leaf(value, **options):
    return Tensor(value, requires_grad=True, **options)


A = np.array([[1.0, -2.0, 3.0], [0.5, 4.0, -1.0]])
CALLS = {
    "exp": np.exp,
    "multiply by an array": lambda t: np.multiply(t, A),
    "an array on the left": lambda t: A * t,
    "an array minus": lambda t: A - t,
    "an array divided by": lambda t: A / (t * t + 1),
    "an array to the power": lambda t: np.abs(A) ** t,
    "an array @": lambda t: A.T @ t,
    "@ an array": lambda t: t @ A.T,
    "a NumPy number times": lambda t: np.float64(2) * t,
    "np.matmul": lambda t: np.matmul(A.T, t),
    "sum": np.sum,
    "sum over an axis": lambda t: np.sum(t, axis=0),
    "sum, positional": lambda t: np.sum(t, 1),
    "sum, keepdims": lambda t: np.sum(t, axis=(0, 1), keepdims=True),
    "mean": lambda t: np.mean(t, axis=-1),
    "max": lambda t: np.max(t, axis=1),
    "amin": np.amin,
    "add.reduce": np.add.reduce,
    "add.reduce over all": lambda t: np.add.reduce(t, axis=None),
    "maximum.reduce": lambda t: np.maximum.reduce(t, axis=1, keepdims=True),
    "reshape": lambda t: np.reshape(t, (3, 2)),
    "transpose": np.transpose,
    "transpose by axes": lambda t: np.transpose(t, (1, 0)),
    "swapaxes": lambda t: np.swapaxes(t, 0, 1),
    "squeeze": lambda t: np.squeeze(t[None]),
    "expand_dims": lambda t: np.expand_dims(t, 1),
    "broadcast_to": lambda t: np.broadcast_to(t, (2, 2, 3)),
    "concatenate": lambda t: np.concatenate([t, A], axis=1),
    "concatenate, flat": lambda t: np.concatenate((A, t), axis=None),
    "stack": lambda t: np.stack([t, A, t], axis=-1),
    "where": lambda t: np.where(A > 0, t, 0.0),
    "where of a tensor": lambda t: np.where(t > 0, A, t),
    "clip": lambda t: np.clip(t, -1.5, 2.5),
    "clip, one bound": lambda t: np.clip(t, None, 2.5),
    "maximum": lambda t: np.maximum(A[0], t),
    "positional where": lambda t: np.where(t > 0, t, -t),
}


@pytest.mark.parametrize("f", CALLS.values(), ids=CALLS.keys())
def test_numpy_call_gives_numpys_value_and_a_gradient(f):
    x = leaf(A * 1.1)
    result, expected = f(x), np.asarray(f(A * 1.1))
    assert type(result) is Tensor
    assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
    assert np.array_equal(result.detach().numpy(), expected)
    assert tg.gradcheck(lambda t: f(t), [A * 1.1])


@pytest.mark.parametrize("f", CALLS.values(), ids=CALLS.keys())
def test_numpy_call_on_a_constant_gives_a_tensor(f):
    assert type(f(Tensor(A))) is Tensor


@pytest.mark.parametrize("f", [np.equal, np.less, np.greater_equal, np.isnan, np.isfinite, np.logical_not])
def test_predicates_give_boolean_tensors_without_gradient(f):
    result = f(leaf(A), A) if f.nin == 2 else f(leaf(A))
    assert (type(result), result.dtype, result.requires_grad) == (Tensor, np.bool_, False)


@pytest.mark.parametrize("f", [np.argmax, np.argmin, np.any, np.all])
def test_reductions_without_derivative(f):
    assert f(leaf(A), axis=1).tolist() == f(A, axis=1).tolist()


def test_shapes_and_likes_are_plain():
    x = leaf(A)
    assert (np.shape(x), np.ndim(x)) == ((2, 3), 2)
    for like, number in ((np.zeros_like, 0), (np.ones_like, 1)):
        assert like(x).tolist() == np.full((2, 3), number).tolist()
        assert not like(x).requires_grad
    assert np.full_like(x, 7).tolist() == np.full((2, 3), 7.0).tolist()


# --- out= ----------------------------------------------------------------------------------------------------


def test_out_rebinds_a_computed_tensor():
    x = leaf([1.0, 2.0])
    y = x * 1
    result = np.multiply(y, 3.0, out=y)
    assert result is y
    y.sum().backward()
    assert x.grad.tolist() == [3.0, 3.0]


def test_out_makes_a_constant_part_of_the_graph():
    x, buffer = leaf([1.0, 2.0]), tg.zeros(2)
    np.exp(x, out=buffer)
    buffer.sum().backward()
    assert x.grad.tolist() == np.exp([1.0, 2.0]).tolist()


def test_out_of_constants_is_written_in_place():
    t = Tensor([1.0, 2.0])
    view = t[:]
    np.add(t, 1.0, out=t)
    assert view.tolist() == [2.0, 3.0]
    a = np.zeros(2)
    assert np.add(t, 1.0, out=a) is a
    assert a.tolist() == [3.0, 4.0]


def test_out_that_would_lose_the_gradient_is_refused():
    x = leaf([1.0, 2.0])
    array = np.zeros(2)
    with pytest.raises(TypeError, match="out= is a plain array: the gradient would be lost"):
        np.exp(x, out=array)
    with pytest.raises(DtypeError):
        array += x
    assert array.tolist() == [0.0, 0.0]
    with pytest.raises(GradientError, match="is a leaf that requires grad"):
        np.exp(x, out=x)
    with pytest.raises(ShapeError, match=r"out= has shape \(3,\), the result \(2,\)"):
        np.exp(x, out=tg.zeros(3))


# --- what has no rule ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda t: np.busday_count(t, t), "np.busday_count"),
        (lambda t: np.savez("/dev/null", t), ""),
        (lambda t: np.multiply.at(np.ones(3), [0], t[0]), ""),
        (lambda t: np.fft.rfft(t), "np.fft.rfft has no derivative rule here"),
        (lambda t: np.sort_complex(t), "np.sort_complex has no derivative rule here"),
        (lambda t: np.copyto(np.zeros(3), t), ""),
        (lambda t: np.array([t, t]), ""),
        (lambda t: np.asarray(t, dtype=object), ""),
        (lambda t: np.array(t, dtype=float), ""),
    ],
)
def test_numpy_function_without_a_rule_is_a_type_error_and_never_a_silent_detach(call, name):
    with pytest.raises(TypeError) as caught:
        call(leaf([1.0, 2.0, 3.0]))
    assert name in str(caught.value)


def test_error_names_the_nearest_function_that_has_a_rule():
    from tinygrad_edu.interop import unknown

    def summ():
        """A function whose name is nearly that of a row."""

    summ.__module__ = "numpy"
    text = str(unknown(summ))
    assert "np.summ has no derivative rule here" in text
    assert "np.sum" in text.splitlines()[2]
    assert "tg.custom_op" in text


def test_error_calls_a_ufunc_by_the_name_by_which_its_user_knows_it(monkeypatch):
    x = leaf([1.0, 2.0])
    with pytest.raises(DtypeError, match=r"^the ufunc double has no derivative rule"):
        np.frompyfunc(double, 1, 1)(x)
    with pytest.raises(DtypeError, match=r"^np\.isnat has no derivative rule"):
        np.isnat(x)
    monkeypatch.setitem(sys.modules, "scipy.special", SimpleNamespace(isnat=np.isnat))
    monkeypatch.delattr(np, "isnat")
    with pytest.raises(DtypeError, match=r"^scipy\.special\.isnat has no derivative rule"):
        sys.modules["scipy.special"].isnat(x)


def double(value):
    return 2 * value


def test_a_file_is_refused_because_it_holds_plain_numbers(tmp_path):
    with pytest.raises(DtypeError, match=r"why: +a file holds plain numbers(.|\n)*x\.detach\(\)\.numpy\(\)"):
        np.save(tmp_path / "x.npy", leaf([1.0]))


def test_methods_of_arrays_clip_to_bounds_that_require_grad():
    bound = leaf(0.5)
    clipped = np.array([0.0, 1.0, 2.0]).clip(bound, 1.5)
    clipped.sum().backward()
    assert (clipped.tolist(), bound.grad.item()) == ([0.5, 1.0, 1.5], 1.0)


def test_parameter_that_the_op_does_not_have_is_a_type_error():
    with pytest.raises(TypeError):
        np.sum(leaf(A), no_such_thing=1)
    with pytest.raises(TypeError):
        tg.exp(leaf(A), axis=0)
    with pytest.raises(TypeError):
        tg.exp()
    with pytest.raises(TypeError):
        tg.add(leaf(A))


def test_ufuncs_with_two_results_are_differentiable():
    x = tg.Tensor([2.75, -1.25], requires_grad=True)
    whole, rest = np.divmod(x, 1.5)
    fraction, _ = np.modf(x)
    (rest + fraction).sum().backward()
    np.testing.assert_array_equal((whole * 1.5 + rest).detach().numpy(), [2.75, -1.25])
    np.testing.assert_array_equal(x.grad.numpy(), [2.0, 2.0])


def test_a_ufunc_of_scipy_finds_its_row_where_scipy_is_imported(monkeypatch):
    class Erf:  # stands in for scipy.special.erf, which the tests don't need installed
        __name__ = "erf"

    ufunc = Erf()
    assert interop.scipy_row(ufunc) is None
    monkeypatch.setitem(sys.modules, "scipy.special", SimpleNamespace(erf=ufunc))
    assert interop.scipy_row(ufunc).name == "erf"


@pytest.mark.parametrize(
    ("call", "fix"),
    [
        (lambda x: np.mean([x, x]), "tg.mean(…) in place of np.mean(…) keeps the gradient"),
        (lambda x: np.max([x, x], axis=0), "tg.max(…)"),
        (lambda x: np.linalg.norm([x, x]), "tg.linalg.norm(…)"),
        (lambda x: np.exp([x, x]), "tg.stack([x, y])"),
        (lambda x: np.array([x, x]), "tg.stack([x, y])"),
        (lambda x: np.full(3, x[0]), "tg.full(…)"),
        (lambda x: np.ma.array(x), "tg.stack([x, y])"),  # not tg.array, which is not there
        (lambda x: np.fill_diagonal(np.ones((2, 2)), x[0]), "x.detach().numpy()"),  # nor can tg write to that array
    ],
)
def test_a_list_of_tensors_that_numpy_makes_an_array_is_refused_with_what_does_it(call, fix):
    x = Tensor([1.0, 2.0], requires_grad=True)
    with pytest.raises(DtypeError) as caught:
        call(x)
    assert fix in str(caught.value)
    assert tg.mean([x, x]).requires_grad
    assert tg.linalg.norm([x, x]).requires_grad


def test_what_works_with_complex_numbers_is_refused_for_that_reason():
    for function in (np.fft.fft, np.fft.irfft, np.sort_complex):
        with pytest.raises(DtypeError, match=r"why: +it works with complex numbers"):
            function(leaf([1.0, 2.0]))
