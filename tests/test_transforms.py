"""Functions of functions: against closed forms, against each other, nested in every order, and their errors."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError

RNG = np.random.default_rng(0)
MATRIX = RNG.normal(size=(3, 2))


def network(x):
    """A function of a vector of 3 with curvature and cross terms."""
    return tg.sum(tg.tanh(x @ MATRIX) ** 2) + tg.exp(x[0] * x[1]) / (1 + x[2] ** 2)


def central(f, x, h=1e-5):
    """Central differences of a function of an array, one entry of x after the other."""
    columns = []
    for place in np.ndindex(x.shape):
        step = np.zeros_like(x)
        step[place] = h
        columns.append((np.asarray(f(x + step)) - np.asarray(f(x - step))) / (2 * h))
    return np.stack(columns, axis=-1).reshape(*columns[0].shape, *x.shape)


POINT = np.array([0.3, -0.7, 0.5])


def test_grad_of_a_network_is_what_central_differences_say():
    numeric = central(lambda x: network(tg.Tensor(x)).item(), POINT)
    np.testing.assert_allclose(tg.grad(network)(POINT).numpy(), numeric, rtol=1e-8, atol=1e-10)


def test_hessian_is_what_differences_of_the_gradient_say_and_symmetric():
    numeric = central(lambda x: tg.grad(network)(x).numpy(), POINT)
    hessian = tg.hessian(network)(POINT).numpy()
    np.testing.assert_allclose(hessian, numeric, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(hessian, hessian.T, rtol=1e-13, atol=1e-15)


def test_hvp_is_the_hessian_times_the_vector():
    vector = np.array([1.0, -2.0, 0.5])
    np.testing.assert_allclose(
        tg.hvp(network, POINT, vector).numpy(), tg.hessian(network)(POINT).numpy() @ vector, rtol=1e-12
    )


def test_hvp_of_two_arguments_has_their_form():
    a, b = tg.hvp(lambda x, y: (x * x * y).sum(), (np.ones(2), np.full(2, 3.0)), (np.ones(2), np.zeros(2)))
    np.testing.assert_allclose([a.numpy(), b.numpy()], [[6.0, 6.0], [2.0, 2.0]])


def test_value_and_grad_gives_both_and_touches_no_grad():
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    value, gradient = tg.value_and_grad(lambda x: (x * x).sum())(w)
    assert value.item() == 5.0
    np.testing.assert_array_equal(gradient.detach().numpy(), [2.0, 4.0])
    assert w.grad is None


@pytest.mark.parametrize("modes", list(itertools.product("fr", repeat=5)), ids="".join)
def test_forward_and_reverse_nest_in_every_order_to_order_five(modes):
    def f(x):
        return x**5 + tg.exp(2 * x)

    derivatives = {
        "r": lambda g: tg.grad(g),
        "f": lambda g: lambda x: tg.jvp(g, (x,), (1.0,))[1],
    }
    g = f
    for mode in modes:
        g = derivatives[mode](g)
    assert g(0.5).item() == pytest.approx(120.0 + 32 * np.exp(1.0), rel=1e-12)


def test_inner_derivative_of_a_closure_keeps_the_outer_variable():
    outer = tg.grad(lambda a: tg.grad(lambda b: a * b * b)(2.0))
    assert outer(3.0).item() == 4.0


def test_perturbations_are_not_confused():
    # d/dx [x · d/dy (x + y)] at 1 is 1; an engine that mixes the two tangents says 2.
    f = lambda x: x * tg.jvp(lambda y: x + y, (1.0,), (1.0,))[1]
    assert tg.jvp(f, (1.0,), (1.0,))[1].item() == 1.0
    assert tg.grad(f)(1.0).item() == 1.0


def test_argnums_by_place_by_name_and_several():
    def f(x, y, scale=1.0):
        return scale * (x * y).sum()

    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    np.testing.assert_array_equal(tg.grad(f, 1)(x, y).numpy(), x)
    np.testing.assert_array_equal(tg.grad(f, -1)(x, y).numpy(), x)
    assert tg.grad(f, "scale")(x, y, scale=2.0).item() == 11.0
    by_x, by_y = tg.grad(f, (0, 1))(x, y)
    np.testing.assert_array_equal([by_x.numpy(), by_y.numpy()], [y, x])


def test_argnums_find_an_argument_by_name_or_place_however_it_was_given():
    def f(x, y, scale=1.0):
        return scale * (x * y).sum()

    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    for argnums in ("y", 1):
        np.testing.assert_array_equal(tg.grad(f, argnums)(x, y).numpy(), x)
        np.testing.assert_array_equal(tg.grad(f, argnums)(x, y=y).numpy(), x)
    by_y, by_x = tg.grad(f, ("y", "x"))(x, y=y)
    np.testing.assert_array_equal([by_x.numpy(), by_y.numpy()], [y, x])
    np.testing.assert_array_equal(tg.hessian(f, "y")(x, y).numpy(), np.zeros((2, 2)))


@pytest.mark.parametrize("argnums", [(0, 0), (0, -2), ("x", 0), ("x", "y", "x")])
def test_an_argument_named_twice_got_one_gradient_of_zero(argnums):
    with pytest.raises(GradientError, match="names an argument twice"):
        tg.grad(lambda x, y: x * y, argnums)(3.0, 4.0)


def test_an_argument_that_is_not_there_is_an_error_that_names_those_given():
    with pytest.raises(GradientError, match="no argument 'z' to differentiate by"):
        tg.grad(lambda x: x, "z")(1.0)


def test_has_aux_gives_the_rest_as_it_is():
    gradient, aux = tg.grad(lambda x: (x * x, "kept"), has_aux=True)(3.0)
    assert (gradient.item(), aux) == (6.0, "kept")
    (value, aux), gradient = tg.value_and_grad(lambda x: (x * x, "kept"), has_aux=True)(3.0)
    assert (value.item(), aux, gradient.item()) == (9.0, "kept", 6.0)
    with pytest.raises(GradientError, match="has_aux"):
        tg.grad(lambda x: x * x, has_aux=True)(3.0)


def test_gradients_have_the_form_of_nested_arguments():
    params = {"layers": [(np.ones((2, 2)), np.zeros(2))], "scale": 2.0}

    def f(p):
        w, b = p["layers"][0]
        return p["scale"] * (np.ones(2) @ w + b).sum()

    gradient = tg.grad(f)(params)
    assert gradient["scale"].item() == 4.0
    np.testing.assert_array_equal(gradient["layers"][0][0].numpy(), np.full((2, 2), 2.0))
    np.testing.assert_array_equal(gradient["layers"][0][1].numpy(), np.full(2, 2.0))


def test_an_argument_without_influence_gets_zeros():
    gradient = tg.grad(lambda x, y: (y * y).sum())(np.ones(3), tg.ones(2))
    np.testing.assert_array_equal(gradient.numpy(), np.zeros(3))
    np.testing.assert_array_equal(tg.jvp(lambda x: tg.ones(2), (np.ones(3),), (np.ones(3),))[1].numpy(), np.zeros(2))


def test_a_value_that_is_given_twice_is_pulled_back_by_both_cotangents():
    def twice(x):
        y = x * x
        return y, {"again": y}

    _, pull = tg.vjp(twice, 3.0)
    assert pull((1.0, {"again": 10.0}))[0].item() == 66.0


@pytest.mark.parametrize(
    "derivative",
    [
        lambda f, h: tg.grad(f)(h),
        lambda f, h: tg.vjp(f, h)[1](1.0)[0],
        lambda f, h: tg.jvp(f, (h,), (1.0,))[1],
        lambda f, h: tg.linearize(f, h)[1](1.0),
    ],
)
def test_a_function_of_a_value_whose_own_graph_was_freed_has_derivatives(derivative):
    x = tg.Tensor(1.5, requires_grad=True)
    h = x * 2.0
    h.backward(retain_graph=False)
    assert derivative(lambda t: t * t, h).item() == 6.0


@settings(max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_forward_and_reverse_agree_on_random_functions(seed):
    rng = np.random.default_rng(seed)
    a, x, t = rng.normal(size=(4, 3)), rng.normal(size=3), rng.normal(size=3)

    def f(x):
        z = a @ x
        return tg.concatenate([tg.softmax(z), tg.tanh(z[::-1]) * z, tg.logsumexp(z, keepdims=True)])

    value, moved = tg.jvp(f, (x,), (t,))
    again, pull = tg.vjp(f, x)
    u = rng.normal(size=value.shape)
    np.testing.assert_array_equal(value.numpy(), again.numpy())
    np.testing.assert_allclose(u @ moved.numpy(), pull(u)[0].numpy() @ t, rtol=1e-10, atol=1e-12)
    forward, reverse = (tg.jacobian(f, mode=mode)(x).numpy() for mode in ("forward", "reverse"))
    np.testing.assert_allclose(forward, reverse, rtol=1e-10, atol=1e-13)
    np.testing.assert_allclose(forward @ t, moved.numpy(), rtol=1e-10, atol=1e-13)


def test_jacobian_has_the_value_s_shape_then_the_argument_s():
    jacobian = tg.jacobian(lambda x: x @ MATRIX)(np.ones((4, 3)))
    assert jacobian.shape == (4, 2, 4, 3)
    np.testing.assert_array_equal(jacobian.numpy()[1, :, 1, :], MATRIX.T)
    assert not jacobian.numpy()[1, :, 2, :].any()


def test_jacobian_of_an_empty_value_and_of_an_empty_argument():
    assert tg.jacobian(lambda x: x[:0])(np.ones(3)).shape == (0, 3)
    assert tg.jacobian(lambda x: x.sum() * np.ones(2))(np.ones(0)).shape == (2, 0)


def test_vjp_of_a_value_in_parts_takes_cotangents_in_the_same_parts():
    value, pull = tg.vjp(lambda x: {"double": 2 * x, "square": x * x}, 3.0)
    assert (value["double"].item(), value["square"].item()) == (6.0, 9.0)
    assert pull({"double": 1.0, "square": 10.0})[0].item() == 62.0
    assert pull({"double": 1.0, "square": 0.0})[0].item() == 2.0


def test_linearize_pushes_many_tangents_from_one_call():
    calls = []

    def f(x):
        calls.append(1)
        return x**3

    _, push = tg.linearize(f, 2.0)
    assert [push(t).item() for t in (1.0, 2.0, -1.0)] == [12.0, 24.0, -12.0]
    assert len(calls) == 1


def test_stop_gradient_makes_constants_and_keeps_the_form():
    gradient = tg.grad(lambda x: (x * tg.stop_gradient({"copy": x})["copy"]).sum())(np.array([1.0, 2.0]))
    np.testing.assert_array_equal(gradient.numpy(), [1.0, 2.0])


def test_transforms_work_inside_no_grad_and_leave_no_history():
    with tg.no_grad():
        gradient = tg.grad(lambda x: (x * x).sum())(tg.Tensor([1.0], requires_grad=True))
    assert gradient.item() == 2.0
    assert not gradient.requires_grad


def test_float32_stays_float32():
    x = np.ones(3, np.float32)
    assert tg.grad(lambda x: (2.5 * x * x).sum())(x).dtype == np.float32
    assert tg.jvp(lambda x: x / 3, (x,), (x,))[1].dtype == np.float32
    assert tg.hessian(lambda x: (x**3).sum())(x).dtype == np.float32


def test_errors_name_the_shape_and_the_remedy():
    with pytest.raises(GradientError, match=r"one number as its value, not \(3,\)"):
        tg.grad(lambda x: x * 2)(np.ones(3))
    with pytest.raises(GradientError, match="the function gave float, not a Tensor"):
        tg.grad(lambda x: 1.0)(np.ones(3))
    with pytest.raises(ShapeError, match=r"a tangent has shape \(2,\), its argument \(3,\)"):
        tg.jvp(lambda x: x, (np.ones(3),), (np.ones(2),))
    with pytest.raises(DtypeError, match="an array of int64 has no derivative"):
        tg.grad(lambda x: x.sum())(np.arange(3))
    with pytest.raises(DtypeError, match="mode 'sideways' is unknown"):
        tg.jacobian(lambda x: x, mode="sideways")


def test_a_leaf_written_between_linearize_and_push_used_to_give_another_tangent():
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    _, push = tg.linearize(lambda x: (x * w).sum(), np.ones(2))
    assert push(np.ones(2)).item() == 3.0
    w.data *= 10
    with pytest.raises(GradientError, match="was written after a recorded op saved its value"):
        push(np.ones(2))


def test_an_auxiliary_result_has_a_history_only_outside():
    def f(x, w):
        return (x * w).sum(), {"double": x * 2, "text": "as it is", "both": [x * w]}

    ones, w = np.ones(2), tg.Tensor([1.0, 2.0], requires_grad=True)
    for aux in (
        tg.value_and_grad(f, has_aux=True)(ones, np.ones(2))[0][1],
        tg.grad(f, has_aux=True)(ones, np.ones(2))[1],
        tg.vjp(lambda x: f(x, np.ones(2)), ones, has_aux=True)[2],
        tg.jvp(lambda x: f(x, np.ones(2)), (ones,), (ones,), has_aux=True)[2],
    ):
        assert aux["double"].numpy().tolist() == [2.0, 2.0]
        assert aux["text"] == "as it is"
        assert not aux["both"][0].requires_grad
    aux = tg.grad(f, has_aux=True)(ones, w)[1]
    assert (aux["double"].requires_grad, aux["both"][0].requires_grad) == (False, True)
    slope = tg.grad(lambda y: tg.grad(f, has_aux=True)(y, ones)[1]["double"].sum())(ones)
    assert slope.tolist() == [2.0, 2.0]


def test_an_argument_that_is_not_there_is_named_by_every_transform():
    for transform in (tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian):
        for place in (3, -3, "nobody"):
            with pytest.raises(GradientError, match=f"no argument {place!r} to differentiate by"):
                transform(lambda x: (x * x).sum(), place)(np.ones(2))


def test_jacobian_and_hessian_take_and_give_lists_and_dicts():
    """Peers' users write `hessian(loss)(params)`; a dict was refused."""
    x = {"a": np.array(2.0), "b": np.array([3.0, 4.0])}
    f = lambda x: [x["a"] * x["b"], {"c": np.sin(x["a"])}]
    expected = [
        {"a": [3.0, 4.0], "b": [[2.0, 0.0], [0.0, 2.0]]},
        {"c": {"a": np.cos(2.0), "b": [0.0, 0.0]}},
    ]
    for mode in ("auto", "forward", "reverse"):
        (first, second) = tg.jacobian(f, mode=mode)(x)
        assert {name: part.tolist() for name, part in first.items()} == expected[0]
        assert {name: part.tolist() for name, part in second["c"].items()} == expected[1]["c"]
    loss = lambda x: x["a"] ** 2 * (x["b"] ** 3).sum()
    h = tg.hessian(loss)(x)
    assert h["a"]["a"].item() == 2 * (27 + 64)
    assert h["a"]["b"].tolist() == h["b"]["a"].tolist() == [4 * 27.0, 4 * 48.0]
    assert h["b"]["b"].tolist() == [[4 * 18.0, 0.0], [0.0, 4 * 24.0]]
    assert [[part.item() for part in row] for row in tg.hessian(lambda x, y: x * x * y, (0, 1))(2.0, 5.0)] == [
        [10, 4],
        [4, 0],
    ]


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_an_infinite_slope_by_one_argument_or_of_one_value_leaves_the_others_alone(mode):
    """Tangents of 0 for the other arguments met it as 0 · inf = nan."""
    by_x, by_y = tg.jacobian(lambda x, y: np.sqrt(x) + y, (0, 1), mode=mode)(0.0, 1.0)
    assert (by_x.item(), by_y.item()) == (np.inf, 1.0)
    of_root, of_square = tg.jacobian(lambda x: (np.sqrt(x), x * x), mode=mode)(0.0)
    assert (of_root.item(), of_square.item()) == (np.inf, 0.0)


def test_tangents_and_cotangents_of_another_form_are_refused_with_both():
    for wrong in ([1.0], {"b": 1.0}, {"a": 1.0, "b": 1.0}, 1.0):
        with pytest.raises(ShapeError, match="expected a dict with the keys"):
            tg.jvp(lambda x: x["a"] * 2, ({"a": 1.0},), (wrong,))
        with pytest.raises(ShapeError, match="expected a dict with the keys"):
            tg.vjp(lambda x: {"a": x * 2}, 1.0)[1](wrong)


def test_the_history_of_an_argument_is_not_looked_at_and_may_be_gone():
    w = tg.Tensor([1.0, 2.0], requires_grad=True)
    h = w * 3
    (h * h).sum().backward(retain_graph=False)
    cube = lambda x: (x**3).sum()
    assert tg.grad(cube)(h).tolist() == [27.0, 108.0]
    assert tg.jvp(cube, (h,), (np.ones(2),))[1].item() == 135.0
    assert tg.hessian(cube)(h).tolist() == [[18.0, 0.0], [0.0, 36.0]]
    with pytest.raises(GradientError, match="this graph was freed"):
        tg.grad(cube)(h).sum().backward()
