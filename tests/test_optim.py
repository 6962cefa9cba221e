"""Optimisers do PyTorch's arithmetic, in place and in the parameter's dtype, and refuse what makes no sense."""

import functools
import gc
import math
import warnings
import weakref

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DataError, DtypeError, GradientError, ShapeError, TinygradWarning
from tinygrad_edu.node import Node
from tinygrad_edu.optim import SGD, Adam
from tinygrad_edu.tensor import Tensor

START = np.array([[0.5, -1.0, 2.0], [1.5, 0.25, -0.75]])


def gradients(steps, dtype=np.float64, start=START):
    return np.random.default_rng(3).normal(size=(steps, *start.shape)).astype(dtype)


def after(make, grads, dtype=np.float64, start=START):
    """The parameter's value after each step with these gradients."""
    p = tg.Tensor(start.astype(dtype), requires_grad=True)
    optimizer = make([p])
    values = []
    for g in grads:
        p.grad = g
        optimizer.step()
        values.append(p.data.copy())
    return values


def sgd_by_formula(p, grads, lr, momentum, decay, nesterov, dampening=0.0, sign=1):
    """The algorithm in torch.optim.SGD's documentation."""
    p, b = p.copy(), None
    for g in grads:
        g = sign * g + decay * p
        if momentum:
            b = g if b is None else momentum * b + (1 - dampening) * g
            g = g + momentum * b if nesterov else b
        p = p - lr * g
        yield p


def adam_by_formula(p, grads, lr, betas, eps, decay, amsgrad=False, sign=1):
    """The algorithm in torch.optim.Adam's documentation."""
    p, m, v, largest = p.copy(), 0, 0, 0
    for t, g in enumerate(grads, 1):
        g = sign * g + decay * p
        m = betas[0] * m + (1 - betas[0]) * g
        v = betas[1] * v + (1 - betas[1]) * g * g
        largest = np.maximum(largest, v) if amsgrad else v
        p = p - lr * (m / (1 - betas[0] ** t)) / (np.sqrt(largest / (1 - betas[1] ** t)) + eps)
        yield p


# A single number too: arithmetic on 0-d arrays gives NumPy scalars, and a velocity that is one stands still.
@pytest.mark.parametrize("start", [START, START[0, 0]], ids=["matrix", "number"])
@pytest.mark.parametrize("maximize", [False, True])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize(
    ("momentum", "nesterov", "dampening"), [(0.0, False, 0.0), (0.9, False, 0.0), (0.9, True, 0.0), (0.9, False, 0.5)]
)
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-13), (np.float32, 2e-5)])
def test_sgd_step_by_step(momentum, nesterov, dampening, decay, maximize, start, dtype, rtol):
    grads = gradients(6, dtype, start)
    more = {"dampening": dampening, "maximize": maximize}
    values = after(lambda ps: SGD(ps, 0.05, momentum, decay, nesterov, **more), grads, dtype, start)
    sign = -1 if maximize else 1
    formula = sgd_by_formula(start, grads, 0.05, momentum, decay, nesterov, dampening, sign)
    for value, expected in zip(values, formula, strict=True):
        np.testing.assert_allclose(value, expected, rtol=rtol, atol=rtol)
        assert value.dtype == dtype


@pytest.mark.parametrize("start", [START, START[0, 0]], ids=["matrix", "number"])
@pytest.mark.parametrize(("amsgrad", "maximize"), [(False, False), (True, False), (False, True), (True, True)])
@pytest.mark.parametrize("decay", [0.0, 0.1])
@pytest.mark.parametrize("betas", [(0.9, 0.999), (0.5, 0.9), (0.0, 0.0)])
@pytest.mark.parametrize(("dtype", "rtol"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_adam_step_by_step(betas, decay, amsgrad, maximize, start, dtype, rtol):
    grads = gradients(6, dtype, start)
    more = {"amsgrad": amsgrad, "maximize": maximize}
    values = after(lambda ps: Adam(ps, 0.05, betas, 1e-3, decay, **more), grads, dtype, start)
    formula = adam_by_formula(start, grads, 0.05, betas, 1e-3, decay, amsgrad, -1 if maximize else 1)
    for value, expected in zip(values, formula, strict=True):
        np.testing.assert_allclose(value, expected, rtol=rtol, atol=rtol)
        assert value.dtype == dtype


def test_adams_first_step_is_lr_whatever_the_gradients_size():
    p = tg.Tensor([1.0, 1.0, 1.0], requires_grad=True)
    optimizer = Adam([p], lr=0.1)
    p.grad = [1e-3, 1.0, -1e6]
    optimizer.step()
    np.testing.assert_allclose(p.data, [0.9, 0.9, 1.1], rtol=1e-5)


@given(lr=st.floats(0, 10), values=st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=5))
def test_plain_sgd_is_p_minus_lr_g_exactly(lr, values):
    p = tg.Tensor(values, requires_grad=True)
    before = p.data.copy()
    (p * p).sum().backward()
    SGD([p], lr).step()
    np.testing.assert_array_equal(p.data, before - lr * (2 * before))


@pytest.mark.parametrize("make", [SGD, Adam])
def test_numpys_own_numbers_as_settings_do_not_widen_float32(make):
    p = tg.Tensor(np.ones((), np.float32), requires_grad=True)
    optimizer = make([p], lr=np.float64(0.1), weight_decay=np.float64(0.01))
    optimizer.lr = np.float64(0.2)
    (p * p).backward()
    optimizer.step()
    assert (type(optimizer.lr), optimizer.lr) == (float, 0.2)
    assert p.dtype == np.float32
    assert p.item() < 1


# --- what a step touches ---


@pytest.mark.parametrize("make", [SGD, Adam])
def test_a_step_writes_in_place_and_skips_parameters_without_a_gradient(make):
    used, unused = (tg.Tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    optimizer = make([used, unused], lr=0.1)
    array = used.data
    used.sum().backward()
    optimizer.step()
    assert used.data is array
    assert array[0] != 1
    np.testing.assert_array_equal(unused.data, [1.0, 2.0])
    unused.sum().backward()
    optimizer.zero_grad()
    assert used.grad is None
    assert unused.grad is None
    before = array.copy()
    with pytest.warns(TinygradWarning, match="no parameter has a gradient"):
        optimizer.step()
    np.testing.assert_array_equal(array, before)


def test_a_skipped_parameter_starts_adams_count_when_its_first_gradient_comes():
    first, late = (tg.Tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = Adam([first, late], lr=0.1)
    for step in range(3):
        optimizer.zero_grad()
        (first.sum() + (late.sum() if step == 2 else 0)).backward()
        optimizer.step()
    np.testing.assert_allclose(late.data, [0.9], rtol=1e-6)


def test_a_parameter_frozen_later_is_left_alone():
    p, frozen = (tg.Tensor([1.0], requires_grad=True) for _ in range(2))
    optimizer = SGD([p, frozen], lr=0.1, momentum=0.9)
    frozen.requires_grad = False
    optimizer.zero_grad()
    (p * frozen).sum().backward()
    optimizer.step()
    assert (p.data.tolist(), frozen.data.tolist()) == ([0.9], [1.0])


def test_backward_through_the_old_values_is_an_error_with_both_lines():
    p = tg.Tensor([1.0, 2.0], requires_grad=True, name="p")
    optimizer = SGD([p], lr=0.1)
    loss = (p * p).sum()
    p.sum().backward()
    optimizer.step()
    with pytest.raises(GradientError) as caught:
        loss.backward()
    lines = str(caught.value).splitlines()
    assert lines[0] == "p (2,) was written after a recorded op saved its value"
    assert lines[1].startswith("  where:   test_optim.py:")
    assert lines[2].startswith("  saved:   by multiply at test_optim.py:")
    assert lines[3].startswith("  changed: at test_optim.py:")


def test_a_gradient_with_a_history_leaves_no_graph_on_the_parameter():
    p = tg.Tensor([2.0], requires_grad=True)
    (p**3).sum().backward(create_graph=True)
    SGD([p], lr=0.1, momentum=0.9).step()
    np.testing.assert_allclose(p.data, [2 - 0.1 * 12])
    assert p.is_leaf
    assert p.requires_grad


@pytest.mark.parametrize("make", [SGD, lambda ps, lr: SGD(ps, lr, momentum=0.9), Adam])
def test_steps_leave_no_garbage(make):
    x = np.ones((8, 4))
    model = tg.nn.MLP([4, 3, 2])
    optimizer = make(model.parameters(), 0.01)

    def step():
        optimizer.zero_grad()
        loss = tg.functional.mse_loss(model(x), np.zeros((8, 2)))
        node = weakref.ref(loss)
        loss.backward()
        optimizer.step()
        return node

    def alive():
        return sum(isinstance(thing, Tensor | Node) for thing in gc.get_objects())

    gc.collect()
    gc.disable()
    try:
        assert step()() is None
        before = alive()
        for _ in range(100):
            step()
        assert alive() == before
        assert gc.collect() == 0
    finally:
        gc.enable()


# --- state ---


@pytest.mark.parametrize(
    "make",
    [
        lambda ps: SGD(ps, 0.1),
        lambda ps: SGD(ps, 0.1, momentum=0.9),
        lambda ps: Adam(ps, 0.1),
        lambda ps: Adam(ps, 0.1, amsgrad=True),
    ],
)
def test_going_on_from_a_saved_state_is_as_if_never_stopped(make):
    grads = gradients(6)
    straight = after(make, grads)[-1]
    p = tg.Tensor(START, requires_grad=True)
    first = make([p])
    for g in grads[:3]:
        p.grad = g
        first.step()
    saved = first.state_dict()
    for array in first.state_dict().values():  # copies: spoiling these spoils nothing
        array[...] = 99
    second = make([p])
    second.load_state_dict(saved)
    for g in grads[3:]:
        p.grad = g
        second.step()
    np.testing.assert_array_equal(p.data, straight)


def test_a_state_that_does_not_fit_is_refused_and_changes_nothing():
    p = tg.Tensor(START, requires_grad=True, name="p")
    optimizer = SGD([p], 0.1, momentum=0.9)
    p.grad = START
    optimizer.step()
    before = optimizer.state_dict()
    assert list(before) == ["velocity.0"]
    with pytest.raises(DataError, match=r"SGD remembers nothing called 'mean\.0'(.|\n)*remembers: +velocity\.0"):
        optimizer.load_state_dict({"velocity.0": START, "mean.0": START})
    with pytest.raises(DataError, match=r"SGD remembers nothing called 'velocity\.1'(.|\n)*parameters: 1"):
        optimizer.load_state_dict({"velocity.1": START})
    with pytest.raises(ShapeError, match=r"velocity\.0 has shape \(3,\) in the state, \(2, 3\) is needed"):
        optimizer.load_state_dict({"velocity.0": np.ones(3)})
    np.testing.assert_array_equal(optimizer.state_dict()["velocity.0"], before["velocity.0"])


# --- what is refused ---


def leaf():
    return tg.Tensor([1.0], requires_grad=True, name="w")


@pytest.mark.parametrize(
    ("make", "error", "text"),
    [
        (lambda: SGD([], 0.1), DataError, "an optimiser needs at least one parameter"),
        (lambda: SGD(tg.nn.Module().parameters(), 0.1), DataError, "layers in a plain list"),
        (lambda: SGD(leaf(), 0.1), DtypeError, "an optimiser needs a list of parameters, not one Tensor"),
        (lambda: SGD(tg.nn.Linear(1, 1), 0.1), DtypeError, "a list of parameters, not Linear"),
        (lambda: SGD([leaf(), leaf() * 2], 0.1), DtypeError, "parameter 1 is not a leaf that requires grad"),
        (lambda: SGD([tg.Tensor([1.0], name="w")], 0.1), DtypeError, "w (1,) float64"),
        (lambda: SGD([np.ones(3)], 0.1), DtypeError, "found: ndarray"),
        (lambda: SGD([leaf()] * 2, 0.1), DataError, "parameters 0 and 1 are the same tensor"),
        (lambda: SGD([leaf()], -0.1), DataError, "lr must be at least 0 and finite, not -0.1"),
        (lambda: SGD([leaf()], math.nan), DataError, "lr must be at least 0 and finite, not nan"),
        (lambda: SGD([leaf()], math.inf), DataError, "lr must be at least 0 and finite, not inf"),
        (lambda: SGD([leaf()], "fast"), DtypeError, "lr must be a number, not 'fast'"),
        (lambda: SGD([leaf()], None), DtypeError, "lr must be a number, not None"),
        (lambda: SGD([leaf()], 0.1, momentum=-1), DataError, "momentum must be at least 0 and finite, not -1"),
        (lambda: SGD([leaf()], 0.1, weight_decay=-1), DataError, "weight_decay must be at least 0"),
        (lambda: SGD([leaf()], 0.1, nesterov=True), DataError, "Nesterov's momentum needs a momentum above 0"),
        (lambda: Adam([leaf()], betas=(1.0, 0.9)), DataError, "betas[0] must be at least 0 and below 1, not 1.0"),
        (lambda: Adam([leaf()], betas=(0.9, -0.1)), DataError, "betas[1] must be at least 0 and below 1, not -0.1"),
        (lambda: Adam([leaf()], eps=-1), DataError, "eps must be at least 0 and finite, not -1"),
    ],
)
def test_settings_that_make_no_sense_are_named(make, error, text):
    with pytest.raises(error) as caught:
        make()
    assert text in str(caught.value)
    assert "where:" in str(caught.value)
    assert "test_optim.py:" in str(caught.value)


def test_lr_is_checked_when_it_is_set_too():
    optimizer = SGD([leaf()], 0.1)
    with pytest.raises(DataError, match="lr must be at least 0"):
        optimizer.lr = -1
    assert optimizer.lr == 0.1


# --- gradients that nobody cleared ---------------------------------------------------------------------------


def parameter_and_optimizer():
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    return w, SGD([w], lr=0.1)


def test_a_forgotten_zero_grad_warns_once_with_all_lines():
    w, optimizer = parameter_and_optimizer()

    def train(steps):
        for _ in range(steps):
            (w * w).sum().backward()
            optimizer.step()

    with pytest.warns(TinygradWarning) as caught:
        train(4)
    first = test_a_forgotten_zero_grad_warns_once_with_all_lines.__code__.co_firstlineno
    (warning,) = caught
    assert warning.filename == __file__
    assert str(warning.message).splitlines() == [
        "this step uses the gradients of two backwards: nothing cleared them in between",
        f"  where:     test_optim.py:{first + 6}",
        "  parameter: w",
        f"  first:     backward at test_optim.py:{first + 5}",
        f"  changed:   at test_optim.py:{first + 6}",
        f"  then:      backward at test_optim.py:{first + 5}",
        "  why:       gradients add up in .grad until it is cleared, so the old ones count again",
        "  fix:       optimizer.zero_grad() before each backward; "
        "optimizer.step(accumulated=True), if they are meant to add up",
        "  code:      gradients-not-cleared",
    ]
    assert warning.message.code == "gradients-not-cleared"


def test_one_loss_that_was_run_backward_twice_counts_twice_and_warns():
    w, optimizer = parameter_and_optimizer()
    loss = (w * w).sum()
    loss.backward()
    loss.backward()
    with pytest.warns(TinygradWarning, match="gradients of two backwards"):
        optimizer.step()


def test_parts_of_a_batch_warn_until_their_adding_up_is_declared():
    w, optimizer = parameter_and_optimizer()
    for _ in range(2):
        (w * w).sum().backward()
    with pytest.warns(TinygradWarning, match="gradients of two backwards"):
        optimizer.step()
    w, optimizer = parameter_and_optimizer()
    for _ in range(3):
        for _ in range(2):
            (w * w).sum().backward()
        optimizer.step(accumulated=True)
        optimizer.zero_grad()


def warnings_of(step):
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        step()
    return said


def set_to_none(w, optimizer):
    w.grad = None


def set_to_zero(w, optimizer):
    w.grad.data[...] = 0.0


def set_to_zeros(w, optimizer):
    w.grad = np.zeros(2)


@pytest.mark.parametrize("clear", [lambda w, optimizer: optimizer.zero_grad(), set_to_none, set_to_zero, set_to_zeros])
def test_cleared_gradients_raise_no_false_alarm(clear):
    w, optimizer = parameter_and_optimizer()
    for _ in range(3):
        (w * w).sum().backward()
        w.grad = w.grad * 0.5  # clipped
        assert warnings_of(optimizer.step) == []
        clear(w, optimizer)


def test_two_losses_before_one_step_raise_no_false_alarm():
    w, optimizer = parameter_and_optimizer()
    v = tg.Tensor([1.0], requires_grad=True)
    other = SGD([v], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        (w * w).sum().backward()
        v.grad = [1.0]
        assert warnings_of(other.step) == []
        (w * 3).sum().backward()
        assert warnings_of(optimizer.step) == []


@pytest.mark.parametrize("turned", [False, True], ids=["", "turned"])
@pytest.mark.parametrize("amsgrad", [False, True, None], ids=["adam", "amsgrad", "sgd"])
def test_a_step_of_a_large_parameter_is_that_of_its_rows_to_the_bit(amsgrad, turned):
    rng = np.random.default_rng(0)
    start, slopes = rng.normal(size=(4, 50_000)), rng.normal(size=(3, 4, 50_000))

    def trained(parameters, gradients):
        make = SGD if amsgrad is None else functools.partial(Adam, amsgrad=amsgrad)
        optimizer = make(parameters, lr=0.1)
        for step in gradients:
            for parameter, g in zip(parameters, step, strict=True):
                parameter.grad = tg.from_numpy(np.asfortranarray(g) if turned else g)
            optimizer.step()
        return np.vstack([parameter.data for parameter in parameters])

    whole = trained([tg.Tensor(start, requires_grad=True)], slopes[:, None])
    rows = trained([tg.Tensor(row, requires_grad=True) for row in start], slopes)
    np.testing.assert_array_equal(whole, rows)
