"""SEMANTICS, the parts on creating tensors and on backward: a test for each line, named after it."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError, TinygradWarning


def leaf(value, **options):
    return Tensor(value, requires_grad=True, **options)


# --- creating tensors ----------------------------------------------------------------------------------------


def test_tensor_copies_an_array_and_from_numpy_shares_it():
    array = np.zeros(2)
    copied, shared = Tensor(array), tg.from_numpy(array)
    array[0] = 5.0
    assert (copied.tolist(), shared.tolist()) == ([0.0, 0.0], [5.0, 0.0])


def test_python_floats_become_the_default_float_and_arrays_keep_their_dtype():
    assert (Tensor(1.5).dtype, Tensor([1.5]).dtype) == (np.float64, np.float64)
    tg.set_default_dtype(np.float32)
    assert (Tensor(1.5).dtype, Tensor([[1.5]]).dtype) == (np.float32, np.float32)
    tg.set_default_dtype(np.float64)
    for dtype in (np.float32, np.float64, np.int32, np.uint8, bool):
        assert Tensor(np.zeros(2, dtype)).dtype == dtype


def test_python_ints_that_require_grad_become_floats_and_integer_arrays_show_the_cast():
    assert leaf(3).dtype == leaf([1, 2]).dtype == np.float64
    with pytest.raises(TypeError, match=r"astype\(float\)"):
        leaf(np.array([1, 2]))


def test_python_and_numpy_scalars_are_weak():
    t = Tensor(np.ones(2, np.float32))
    for scalar in (2, 2.5, np.float64(2.5), np.float32(2.5), np.int64(2)):
        assert (scalar * t).dtype == (t * scalar).dtype == (t**scalar).dtype == np.float32
    assert (Tensor(np.ones(2, np.int32)) * 2).dtype == np.int32


@pytest.mark.parametrize(
    "pair", [(np.float32, np.float64), (np.int32, np.float32), (np.int8, np.int64), (bool, np.int16)]
)
def test_arrays_promote_as_numpy_does(pair):
    x, y = (np.ones(2, dtype) for dtype in pair)
    assert (Tensor(x) * Tensor(y)).dtype == (x * y).dtype


def test_the_graph_records_whenever_an_input_requires_grad_and_constants_are_leaves_of_it():
    x, c = leaf(2.0, name="x"), Tensor(3.0, name="c")
    assert not (c * c).requires_grad
    y = x * c
    assert y.requires_grad
    assert [parent.is_leaf for parent in y._node.inputs] == [True, True]
    assert [parent.name for parent in y._node.inputs] == ["x", "c"]


# --- backward ------------------------------------------------------------------------------------------------


def test_backward_needs_one_element_or_a_gradient_of_exactly_the_shape():
    x = leaf([1.0, 2.0])
    (x[:1] * 3).backward()
    (x * x).backward(np.array([1.0, 10.0]))
    assert x.grad.tolist() == [5.0, 40.0]
    with pytest.raises(GradientError) as caught:
        (x * x).backward()
    assert all(fix in str(caught.value) for fix in (".sum()", ".mean()", ".backward(gradient)"))
    with pytest.raises(ShapeError):
        (x * x).backward(np.ones((1, 2)))


def test_grad_is_a_tensor_and_accumulates_in_the_dtype_and_shape_of_its_leaf():
    x = leaf(np.ones((2, 1), np.float32))
    for _ in range(2):
        (x * Tensor(np.full((2, 3), 2.0))).sum().backward()
    assert isinstance(x.grad, Tensor)
    assert (x.grad.dtype, x.grad.shape, x.grad.tolist()) == (np.float32, (2, 1), [[12.0], [12.0]])


@pytest.mark.parametrize("how", ["retain_grad()", "retain_grads=True"])
def test_non_leaves_keep_a_gradient_when_asked(how):
    x = leaf(2.0)
    h = x * 3
    if how == "retain_grad()":
        h.retain_grad()
    (h * h).backward(retain_grads=how != "retain_grad()")
    assert h.grad.item() == 12.0


def test_reading_the_gradient_of_a_non_leaf_gives_none_and_explains():
    h = leaf(2.0) * 3
    (h * h).backward()
    with pytest.warns(TinygradWarning, match=r"keeps no gradient(.|\n)*retain_grad\(\)"):
        assert h.grad is None


def test_drawing_and_explaining_touch_no_grad():
    x = leaf(2.0, name="x")
    y = x * x
    str(tg.draw(y))
    str(tg.explain(y, x))
    assert x.grad is None


def test_a_graph_lives_as_long_as_its_output_and_a_second_backward_accumulates():
    x = leaf(3.0)
    y = (x * x) ** 2
    y.backward()
    y.backward()
    assert x.grad.item() == 2 * 108.0


def test_a_graph_that_was_freed_says_which_line_freed_it():
    x = leaf(3.0)
    y = x * x
    y.backward(retain_graph=False)
    line = test_a_graph_that_was_freed_says_which_line_freed_it.__code__.co_firstlineno + 3
    with pytest.raises(GradientError, match=rf"freed: +by backward\(retain_graph=False\) at test_\w+\.py:{line}"):
        y.backward()


def test_zero_grad_sets_none():
    x = leaf([1.0])
    (x * x).backward()
    tg.optim.SGD([x], lr=0.1).zero_grad()
    assert x.grad is None


def test_a_step_after_two_uncleared_backwards_warns_once_unless_declared():
    def train(declared):
        x = leaf([1.0])
        optimizer = tg.optim.SGD([x], lr=0.1)
        for _ in range(3):
            (x * x).sum().backward()
            optimizer.step(accumulated=declared)

    with pytest.warns(TinygradWarning, match="nothing cleared them in between") as caught:
        train(declared=False)
    assert len(caught) == 1
    train(declared=True)  # here a warning would be an error


def test_create_graph_makes_gradients_differentiable_to_any_order():
    x = leaf(2.0)
    derivative = x**5
    for expected in (80.0, 160.0, 240.0, 240.0, 120.0):
        derivative = tg.gradients(derivative, x, create_graph=True)
        assert derivative.item() == pytest.approx(expected)


def test_transforms_never_touch_grad():
    x = leaf([1.0, 2.0])
    f = lambda t: (t * t * t).sum()
    for call in (
        lambda: tg.grad(f)(x),
        lambda: tg.value_and_grad(f)(x),
        lambda: tg.hessian(f)(x),
        lambda: tg.jacobian(f)(x),
        lambda: tg.jvp(f, (x,), (np.ones(2),)),
        lambda: tg.vjp(f, x)[1](1.0),
        lambda: tg.hvp(f, (x,), (np.ones(2),)),
        lambda: tg.gradients(f(x), x),
    ):
        call()
        assert x.grad is None


@pytest.mark.parametrize(
    ("cut", "named"),
    [
        (lambda x: x.detach(), r"detach\(\) at"),
        (lambda x: x.astype(int), r"astype\(int64\) at"),
        (lambda x: x > 0, "greater, which has no derivative, at"),
        (lambda x: Tensor(x), r"copied by Tensor\(...\) at"),
    ],
)
def test_nothing_that_requires_grad_names_the_nearest_break_with_its_line(cut, named):
    cut_off = cut(leaf([1.0, 2.0]))
    with pytest.raises(GradientError, match=rf"broken: {named} test_\w+\.py:\d+"):
        (cut_off * 1).sum().backward()


def test_no_grad_is_named_as_the_break_too():
    x = leaf([1.0])
    with tg.no_grad():
        y = x * 2
    with pytest.raises(GradientError, match=r"broken: no_grad\(\) around test_\w+\.py:\d+"):
        y.sum().backward()
    with pytest.raises(DtypeError):
        Tensor([x, x])
