"""Ops that users make, and checkpoints."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import GradientError, ShapeError


def make_softplus():
    return tg.custom_op(
        "test_softplus",
        forward=lambda x: np.logaddexp(x, 0),
        vjps=(lambda g, out, x: g * tg.sigmoid.run(x),),
        kind="elementwise",
        formula="log(1 + eˣ)",
    )


def test_a_custom_op_has_derivatives_of_every_order_in_both_modes():
    softplus = make_softplus()
    s = 1 / (1 + np.exp(-0.3))
    assert tg.grad(softplus)(0.3).item() == pytest.approx(s, rel=1e-14)
    assert tg.grad(tg.grad(softplus))(0.3).item() == pytest.approx(s * (1 - s), rel=1e-13)
    assert tg.jvp(softplus, (0.3,), (2.0,))[1].item() == pytest.approx(2 * s, rel=1e-14)


def test_a_custom_op_is_called_like_any_other_and_keeps_float32():
    softplus = make_softplus()
    assert softplus.name == "test_softplus"
    x = tg.Tensor(np.zeros((2, 3), np.float32), requires_grad=True)
    y = softplus(x)
    y.sum().backward()
    assert (y.dtype, x.grad.dtype, x.grad.shape) == (np.float32, np.float32, (2, 3))


def test_an_elementwise_custom_op_broadcasts():
    product = tg.custom_op(
        "test_product",
        lambda x, y: x * y,
        vjps=(lambda g, out, x, y: g * y, lambda g, out, x, y: g * x),
        kind="elementwise",
    )
    a, b = tg.Tensor(np.ones((3, 1)), requires_grad=True), tg.Tensor(np.arange(4.0), requires_grad=True)
    product(a, b).sum().backward()
    np.testing.assert_array_equal(a.grad.numpy(), np.full((3, 1), 6.0))
    np.testing.assert_array_equal(b.grad.numpy(), np.full(4, 3.0))


def test_a_general_rule_of_the_wrong_shape_is_an_error_that_names_the_op():
    wrong = tg.custom_op("test_wrong_shape", lambda x: x.sum(), vjps=(lambda g, out, x: g,))
    x = tg.Tensor(np.ones(3), requires_grad=True)
    with pytest.raises(GradientError, match="the rule of test_wrong_shape is wrong"):
        wrong(x).backward()


def test_a_forward_that_writes_into_its_input_is_refused():
    def forward(x):
        x += 1
        return x

    writes = tg.custom_op("test_writes", forward, vjps=(lambda g, out, x: g,))
    x = tg.Tensor(np.ones(3))
    with pytest.raises(ShapeError, match="read-only"):
        writes(x)
    np.testing.assert_array_equal(x.numpy(), np.ones(3))


def test_a_forward_that_gives_its_input_back_gives_a_copy():
    identity = tg.custom_op("test_identity", lambda x: x, vjps=(lambda g, out, x: g,))
    x = tg.Tensor(np.ones(3))
    y = identity(x)
    x[0] = 5.0
    np.testing.assert_array_equal(y.numpy(), np.ones(3))


def test_a_built_in_name_is_taken_and_a_custom_one_may_be_made_again():
    with pytest.raises(ValueError, match="there is an op named 'exp' already"):
        tg.custom_op("exp", np.exp, vjps=(lambda g, out, x: g,))
    make_softplus()
    make_softplus()


def block(weight):
    return lambda x: tg.tanh(x @ weight) * x


def test_checkpoint_gives_the_same_gradients_to_arguments_and_closed_over_leaves():
    rng = np.random.default_rng(0)
    found = []
    for wrap in (lambda f: f, tg.checkpoint):
        weight = tg.Tensor(rng.normal(size=(3, 3)) * 0 + np.arange(9.0).reshape(3, 3) / 9, requires_grad=True)
        x = tg.Tensor(np.full((2, 3), 0.5), requires_grad=True)
        f = wrap(block(weight))
        f(f(x)).sum().backward()
        found.append((x.grad.numpy(), weight.grad.numpy()))
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=1e-14)
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=1e-14)


def test_checkpoint_has_second_derivatives():
    weight = np.arange(9.0).reshape(3, 3) / 9
    x = np.full(3, 0.5)
    plain = tg.hessian(lambda x: block(weight)(x).sum())(x)
    again = tg.hessian(lambda x: tg.checkpoint(block(weight))(x).sum())(x)
    np.testing.assert_allclose(plain.numpy(), again.numpy(), rtol=1e-13)


def test_checkpoint_keeps_no_node_of_the_inside():
    heard = []
    f = tg.checkpoint(lambda x: tg.exp(tg.tanh(x)))
    x = tg.Tensor([0.5], requires_grad=True)
    y = f(x).sum()
    with tg.listen(lambda event: heard.append((event.phase, event.op.name))):
        y.backward()
    assert ("backward", "checkpoint") in heard
    assert y._node.inputs[0].op.name == "checkpoint"


def test_checkpoint_of_a_random_function_is_an_error_not_a_wrong_gradient():
    rng = np.random.default_rng(0)
    f = tg.checkpoint(lambda x: x * rng.normal(size=3))
    x = tg.Tensor(np.ones(3), requires_grad=True)
    y = f(x).sum()
    with pytest.raises(GradientError, match="another value when backward called it again"):
        y.backward()


def test_gradient_hooks_see_replace_and_can_be_removed():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    seen = []
    h = x * 3
    h.register_hook(lambda g: seen.append(g.numpy().copy()))
    remove = x.register_hook(lambda g: g * 10)
    (h * h).sum().backward()
    np.testing.assert_array_equal(seen[0], [6.0, 12.0])
    np.testing.assert_array_equal(x.grad.numpy(), [180.0, 360.0])
    remove()
    x.grad = None
    (x * 3).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [3.0, 3.0])


def test_a_hook_that_changes_the_shape_is_an_error():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda g: g.sum())
    with pytest.raises(ShapeError, match="a gradient hook gave shape"):
        (x * x).sum().backward()


def test_a_checkpoint_that_reads_other_numbers_but_gives_the_same_value_used_to_give_another_gradient():
    x = tg.Tensor(1.0, requires_grad=True)
    square = tg.checkpoint(lambda t: t * t)(x)
    x.data = -x.data
    with pytest.raises(GradientError, match="was written after a recorded op saved its value"):
        square.backward()
    weights = tg.Tensor([1.0, 2.0])
    indices = np.array([0, 1])
    for change in (lambda: weights.fill(5.0), lambda: indices.fill(1)):
        x = tg.Tensor([0.0, 0.0], requires_grad=True)
        y = tg.checkpoint(lambda t: (t[indices] * weights).sum())(x)
        change()
        with pytest.raises(GradientError, match="something that it reads has changed"):
            y.backward()
        assert x.grad is None


def test_the_arguments_of_a_checkpoint_are_those_of_the_call_whatever_is_written_to_them_later():
    x, array, constant = tg.Tensor([3.0], requires_grad=True), np.array([2.0]), tg.Tensor([5.0])

    def f(t, parts):
        parts["constant"] += 1  # as the first call does, so must the second
        return (t * parts["array"] * parts["constant"]).sum()

    h = x * 1
    y = tg.checkpoint(f)(h, {"array": array, "constant": constant})
    assert constant.tolist() == [6.0]
    array += 1
    constant += 1
    h += 1
    for times in (1, 2):
        y.backward()
        assert x.grad.tolist() == [12.0 * times]


def test_a_checkpoint_keeps_no_array_that_its_caller_may_write_to():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    y = tg.checkpoint(lambda t: t * t)(x)
    g = np.ones(2)
    y.backward(g)
    x.grad *= 0
    y.backward(g)
    assert x.grad.tolist() == [2.0, 4.0]


def test_checkpoints_of_plain_arrays_give_plain_values():
    assert tg.checkpoint(lambda x: (x * x).sum())(np.ones(3)).item() == 3.0


def test_a_buffer_that_a_custom_op_keeps_used_to_change_earlier_results():
    buffer, slope = np.empty(2), np.empty(2)

    def rule(g, out, x):
        return np.multiply(g, 2, out=slope)

    double = tg.custom_op("test_double", lambda x: np.multiply(x, 2, out=buffer), vjps=rule)
    x, y = (tg.Tensor(value, requires_grad=True) for value in ([1.0, 2.0], [5.0, 6.0]))
    first, second = double(x), double(y)
    assert (first.tolist(), second.tolist()) == ([2.0, 4.0], [10.0, 12.0])
    (first * first + second).sum().backward()
    assert (x.grad.tolist(), y.grad.tolist()) == ([8.0, 16.0], [2.0, 2.0])


def test_a_rule_that_gives_its_argument_used_to_let_the_gradient_write_to_it():
    half_square = tg.custom_op("test_half_square", lambda x: (x * x).sum() / 2, vjps=lambda g, out, x: x)
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    half_square(x).backward()
    x.grad *= 0
    assert x.tolist() == [1.0, 2.0]


def test_a_rule_may_give_a_python_number():
    step = tg.custom_op("test_step", lambda x: np.heaviside(x, 0.0), vjps=lambda g, out, x: 0.0, kind="elementwise")
    x = tg.Tensor(3.0, requires_grad=True)
    step(x).backward()
    assert x.grad.item() == 0.0
