"""SEMANTICS attacked: programs that looked for a hole in one of its lines, and found one before it was closed."""

import asyncio
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import (
    DataError,
    DtypeError,
    GradientError,
    MatrixError,
    NonFiniteError,
    ShapeError,
    TinygradWarning,
)


def leaf(value, **options):
    return Tensor(value, requires_grad=True, **options)


# --- creating: what is no plain array ------------------------------------------------------------------------

MATRIX = np.array([[1.0, 2.0], [3.0, 4.0]]).view(np.matrix)


@pytest.mark.parametrize("use", [lambda x: x * MATRIX, lambda x: MATRIX * x, lambda x: x**MATRIX, tg.exp])
def test_an_np_matrix_is_no_operand_because_its_product_is_another(use):
    x = MATRIX if use is tg.exp else leaf(np.ones((2, 2)))
    with pytest.raises(DtypeError, match=r"np\.matrix can't be an operand(.|\n)*np\.asarray\(m\)"):
        use(x)


@pytest.mark.parametrize("make", [Tensor, tg.from_numpy, lambda a, **k: Tensor(np.asarray(a), **k)])
def test_tensors_made_of_an_np_matrix_multiply_by_elements_in_both_directions(make):
    x = make(MATRIX, requires_grad=True)
    (x * x).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), 2 * np.asarray(MATRIX))


@pytest.mark.parametrize(
    "use", [Tensor, tg.from_numpy, lambda a: leaf(np.ones(3)) * a, lambda a: tg.where(a > 0, leaf(np.ones(3)), 0.0)]
)
def test_masked_elements_never_take_part_unseen(use):
    with pytest.raises(DtypeError, match="has no mask"):
        use(np.ma.masked_less([5.0, -1.0, 7.0], 0.0))
    use(np.ma.array([5.0, 1.0, 7.0]))  # nothing is masked


@pytest.mark.parametrize("use", [np.ma.exp, np.ma.log, lambda t: np.ma.array([1.0, 2.0]) * t, np.ma.array])
def test_masked_arrays_functions_take_no_tracked_tensor(use):
    with pytest.raises(DtypeError, match="gradient would be lost"):
        use(leaf([1.0, 2.0]))
    assert isinstance(use(Tensor([1.0, 2.0])), np.ma.MaskedArray)


def test_a_subclass_of_arrays_brings_no_rules_of_its_own_into_the_graph():
    class Loud(np.ndarray):
        def __mul__(self, other):
            raise AssertionError("the rule of multiply used the operator of a subclass")

        __rmul__ = __mul__

    x = leaf([1.0, 2.0])
    (x * np.array([3.0, 4.0]).view(Loud)).sum().backward()
    assert x.grad.tolist() == [3.0, 4.0]


# --- plain numbers: no silent detach -------------------------------------------------------------------------


def store(array, value):
    array[0] = value


def add(array, value):
    array[0] += value


@pytest.mark.parametrize("write", [store, add, lambda a, t: a.sum(initial=t)], ids=["a[0] = t", "a[0] += t", "sum"])
@pytest.mark.parametrize("array", [np.ones(3), np.ones(3, int)], ids=["floats", "integers"])
def test_an_element_of_a_plain_array_takes_no_tracked_number(write, array):
    with pytest.raises((ValueError, TypeError)) as caught:  # NumPy puts a ValueError of its own before ours
        write(array.copy(), leaf(2.0))
    ours = caught.value if isinstance(caught.value, DtypeError) else caught.value.__cause__
    assert "its gradient would be lost" in str(ours)
    assert "tg.stack(values)" in str(ours)


def test_numbers_that_are_asked_for_and_untracked_ones_go_into_arrays():
    array, t = np.zeros(4), leaf(2.0)
    array[0] = float(t)
    array[1] = t.item()
    array[2] = t.detach()
    array[3] = Tensor(2.0)
    kept = {}
    kept["t"] = t
    assert array.tolist() == [2.0] * 4
    assert kept["t"].requires_grad


# --- backward: hooks, rules and threads ----------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False], ids=["in order", "at once"])
@pytest.mark.parametrize("how", ["retain_grad()", "retain_grads=True"])
def test_a_hook_that_raises_leaves_no_kept_gradient_half_added(first, how):
    x = leaf([1.0, 2.0])
    for turn in range(2):
        h = x * 2
        k = h * 3
        total = k.sum()
        if how == "retain_grad()":
            k.retain_grad()
        if turn == 1 - first:
            break
        total.backward()  # the second time the graph of this line is swept at once
        x.grad = None

    def fail(g):
        raise KeyboardInterrupt

    registration = h.register_hook(fail)
    with pytest.raises(KeyboardInterrupt):
        total.backward(retain_grads=how != "retain_grad()")
    registration.remove()
    total.backward(retain_grads=how != "retain_grad()")
    assert (k.grad.tolist(), x.grad.tolist()) == ([1.0, 1.0], [6.0, 6.0])


def test_gradients_are_kept_where_the_graph_is_freed_on_the_way():
    x = leaf([1.0, 2.0])
    h = x * 2
    (h * h).sum().backward(retain_graph=False, retain_grads=True)
    assert (h.grad.tolist(), x.grad.tolist()) == ([4.0, 8.0], [8.0, 16.0])


@pytest.mark.parametrize("options", [{}, {"create_graph": True}, {"retain_graph": False}], ids=str)
def test_a_hook_that_writes_to_a_leaf_whose_value_is_still_needed_is_an_error(options):
    def write(g):
        with tg.no_grad():
            x.__iadd__(1.0)

    for turn in range(2):  # in order, then at once
        x = leaf([1.0, 2.0])
        h = (x * x) * 3
        h.register_hook(write)
        with pytest.raises(GradientError, match="was written after a recorded op saved its value"):
            h.sum().backward(**options)
        assert x.grad is None, turn


def test_a_hook_may_write_where_no_rule_needs_the_value():
    x = leaf([1.0, 2.0])
    h = (x * 2) * 3

    def write(g):
        with tg.no_grad():
            x.__iadd__(1.0)

    h.register_hook(write)
    h.sum().backward()
    assert x.grad.tolist() == [6.0, 6.0]


@pytest.mark.parametrize(
    "give",
    [
        lambda x: (x.register_hook(lambda g: g * 1j), (x * x).sum().backward()),
        lambda x: ((h := x * x).register_hook(lambda g: g * 1j), h.sum().backward()),
        lambda x: (x * x).backward(np.array([1j, 1.0])),
        lambda x: setattr(x, "grad", np.array([1j, 1.0])),
        lambda x: tg.jvp(lambda t: t * t, (x,), (np.array([1j, 1.0]),)),
    ],
    ids=["hook of a leaf", "hook", "backward", "grad =", "tangent"],
)
def test_no_imaginary_part_of_a_gradient_is_dropped(give):
    with pytest.raises(GradientError, match="complex numbers"):
        give(leaf([1.0, 2.0]))


def test_a_rule_that_writes_to_its_arguments_is_refused():
    def rule(g, out, x):
        g *= 3
        return g

    triple = tg.custom_op("triple_in_place", lambda x: 3 * x, vjps=rule)
    x = leaf([1.0, 2.0])
    h = x * 1.0
    with pytest.raises(GradientError, match=r"writes to an array that it was given(.|\n)*g \* 3 in place of g \*= 3"):
        (triple(h) + h).sum().backward()


def test_a_custom_op_with_a_rule_gives_no_integers_for_floats():
    step = tg.custom_op("step_up", lambda x: (x > 0).astype(int), vjps=lambda g, out, x: g)
    with pytest.raises(DtypeError, match="made int64 of floats"):
        step(leaf([1.0, 2.0]))
    assert step(Tensor([1, -2])).tolist() == [1, 0]


def test_threads_that_share_a_leaf_lose_no_gradient():
    class Slow(np.ndarray):
        def __add__(self, other):
            time.sleep(0.05)  # here another thread would read the gradient that is added to now
            return np.add(self, other)

    x = leaf(np.ones(3))
    output = (x * x).sum()
    x.grad = np.ones(3)
    x.grad._data = x.grad._data.view(Slow)
    threads = [threading.Thread(target=output.backward) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert x.grad.tolist() == [5.0] * 3


# --- no_grad: while the function runs, nowhere else ----------------------------------------------------------


def recorded():
    return (leaf([1.0]) * 2).requires_grad


def finished(main):
    """What the coroutine function gives, in a thread of its own: in this one the browser of other tests has a loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(lambda: asyncio.run(main())).result()


def test_no_grad_on_coroutines_holds_while_they_run_and_not_while_they_wait():
    @tg.no_grad()
    async def inside():
        before = recorded()
        await asyncio.sleep(0)
        return before, recorded()

    async def outside():
        return [await asyncio.sleep(0, recorded()) for _ in range(5)]

    async def main():
        return await asyncio.gather(inside(), outside(), inside())

    assert finished(main) == [(False, False), [True] * 5, (False, False)]


def test_no_grad_on_asynchronous_generators_sends_throws_and_closes_them():
    ended = []

    @tg.no_grad()
    async def numbers():
        try:
            sent = yield recorded()
            await asyncio.sleep(0)
            try:
                yield sent, recorded()
            except KeyError:
                yield "caught"
        finally:
            ended.append(recorded())

    async def main():
        generator = numbers()
        found = [await generator.__anext__(), recorded(), await generator.asend(5), await generator.athrow(KeyError())]
        await generator.aclose()
        return [*found, recorded()], [value async for value in numbers()]

    assert finished(main) == ([False, True, (5, False), "caught", True], [False, (None, False)])
    assert ended == [False, False]


def test_no_grad_decorates_without_parentheses_and_refuses_classes():
    @tg.no_grad
    def double(x):
        """Twice."""
        return x * 2

    assert not double(leaf([1.0])).requires_grad
    assert double.__doc__ == "Twice."
    with pytest.raises(DtypeError, match="decorate its methods"):
        tg.no_grad()(type("Model", (), {}))
    with pytest.raises(DtypeError, match="no_grad decorates a function, not int"):
        tg.no_grad(3)


def test_threads_may_share_one_no_grad():
    shared, turn, found = tg.no_grad(), threading.Barrier(2, timeout=10), {}

    def first():
        with tg.no_grad():
            with shared:
                turn.wait()  # the other has entered it too
                turn.wait()
            turn.wait()
        found["first"] = recorded()

    def second():
        with shared:
            turn.wait()
            turn.wait()
            turn.wait()
        found["second"] = recorded()

    threads = [threading.Thread(target=work) for work in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {"first": True, "second": True}


# --- writes --------------------------------------------------------------------------------------------------


def two_leaves(array):
    return tg.from_numpy(array, requires_grad=True), tg.from_numpy(array, requires_grad=True)


def leaf_and_constant(array):
    return tg.from_numpy(array, requires_grad=True), tg.from_numpy(array)


def leaf_and_a_part(array):
    return tg.from_numpy(array[:2], requires_grad=True), tg.from_numpy(array[1:])


def leaf_and_its_data(array):
    x = leaf(array)
    return x, tg.from_numpy(x.data)


def leaf_and_a_view_of_its_data(array):
    x = leaf(array)
    return x, tg.from_numpy(x.data)[1:]


@pytest.mark.parametrize(
    "make", [two_leaves, leaf_and_constant, leaf_and_a_part, leaf_and_its_data, leaf_and_a_view_of_its_data]
)
@pytest.mark.parametrize("how", ["+=", "index", "out=", "data"])
def test_a_write_through_one_tensor_is_noticed_by_a_leaf_on_the_same_array(make, how):
    x, other = make(np.array([1.0, 2.0, 3.0]))
    loss = (x * x).sum()
    with tg.no_grad():
        if how == "+=":
            other += 1.0
        elif how == "index":
            other[0] = 9.0
        elif how == "out=":
            np.add(other, 1.0, out=other)
        else:
            other.data = np.full(other.shape, 5.0)
    if how == "data" and make is not two_leaves:  # a constant gets another array then
        loss.backward()
        assert x.grad.tolist() == [2.0, 4.0, 6.0][: x.size]
    else:
        with pytest.raises(GradientError, match="was written after a recorded op saved its value"):
            loss.backward()


def test_a_write_to_other_elements_of_the_same_array_is_no_error():
    array = np.array([1.0, 2.0, 3.0, 4.0])
    x, other = tg.from_numpy(array[::2], requires_grad=True), tg.from_numpy(array[1::2])
    loss = (x * x).sum()
    other += 1.0
    loss.backward()
    assert (x.grad.tolist(), array.tolist()) == ([2.0, 6.0], [1.0, 3.0, 3.0, 5.0])


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
@pytest.mark.parametrize("make", [tg.optim.SGD, tg.optim.Adam])
def test_a_parameter_without_elements_takes_steps(shape, make):
    x = leaf(np.zeros(shape))
    optimizer = make([x], lr=0.1)
    x.sum().backward()
    optimizer.step()
    with tg.no_grad():
        x += 1.0
    assert x.grad.shape == x.shape == shape


@pytest.mark.parametrize(
    ("tensor", "value"),
    [(leaf([1.0, 2.0]), np.array([1j, 2.0])), (Tensor([1, 2]), np.array([1.5, 2.0])), (leaf([1.0]), np.array(["a"]))],
    ids=["complex", "fractions", "text"],
)
def test_numbers_that_would_be_cut_are_not_put_into_data(tensor, value):
    with pytest.raises(DtypeError, match=r"would be lost|holds numbers"):
        tensor.data = value


def test_numbers_of_another_width_are_put_into_data():
    x, n = leaf(np.ones(2, np.float32)), Tensor(np.ones(2, np.uint8))
    x.data, n.data = np.array([1.5, 2.5]), [3, 4]
    assert (x.tolist(), n.tolist(), x.dtype, n.dtype) == ([1.5, 2.5], [3, 4], np.float32, np.uint8)


# --- transforms of functions that write to their arguments ---------------------------------------------------


def by_index(x):
    x[0] = 5.0 * x[1]
    return (x * x).sum()


def by_index_out_of_place(x):
    y = tg.stack([5.0 * x[1], x[1]])
    return (y * y).sum()


def by_operators(x):
    x += 1.0
    x *= x
    return x.sum()


def by_operators_out_of_place(x):
    return ((x + 1.0) ** 2).sum()


def by_out(x):
    np.multiply(x, x, out=x)
    return (x * x).sum()


def by_out_out_of_place(x):
    return (x**4).sum()


POINT = np.array([1.0, 2.0])
TRANSFORMS = {
    "grad": lambda f, x: tg.grad(f)(x),
    "value_and_grad": lambda f, x: tg.stack(list(map(tg.sum, tg.value_and_grad(f)(x)))),
    "vjp": lambda f, x: tg.vjp(f, x)[1](2.0)[0],
    "jvp": lambda f, x: tg.jvp(f, (x,), (POINT,))[1],
    "linearize": lambda f, x: tg.linearize(f, x)[1](POINT),
    "jacobian": lambda f, x: tg.jacobian(f, mode="reverse")(x),
    "forward": lambda f, x: tg.jacobian(f, mode="forward")(x),
    "hessian": lambda f, x: tg.hessian(f)(x),
    "hvp": lambda f, x: tg.hvp(f, x, POINT),
    "vmap grad": lambda f, x: tg.vmap(tg.grad(f))(tg.stack([x, x])),
    "vmap jvp": lambda f, x: tg.vmap(lambda y: tg.jvp(f, (y,), (POINT,))[1])(tg.stack([x, x])),
    "per_sample_grad": lambda f, x: tg.per_sample_grad(lambda params, sample: f(params), x, np.ones((2, 1))),
    "checkpoint": lambda f, x: tg.grad(lambda y: tg.checkpoint(f)(y * 1.0))(x),
    "grad of grad": lambda f, x: tg.grad(lambda y: tg.grad(f)(y).sum())(x),
}


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("kind", ["array", "constant", "leaf", "computed"])
@pytest.mark.parametrize(
    ("write", "pure"),
    [(by_index, by_index_out_of_place), (by_operators, by_operators_out_of_place), (by_out, by_out_out_of_place)],
)
def test_a_function_that_writes_to_its_argument_has_the_derivative_of_one_that_does_not(transform, kind, write, pure):
    makes = {"array": np.array, "constant": Tensor, "leaf": leaf, "computed": lambda value: leaf(value) * 1.0}
    given = makes[kind](POINT)
    found = TRANSFORMS[transform](write, given)
    np.testing.assert_allclose(found.detach().numpy(), TRANSFORMS[transform](pure, POINT).numpy(), rtol=1e-12)
    assert np.asarray(given.detach() if isinstance(given, Tensor) else given).tolist() == POINT.tolist()
    assert found.requires_grad <= (kind in ("leaf", "computed"))


# --- errors --------------------------------------------------------------------------------------------------


def test_an_error_of_a_hooks_own_is_no_missing_derivative():
    x = leaf([1.0, 2.0])
    h = x * 2
    h.register_hook(lambda g: tg.linalg.inv(tg.zeros((2, 2))) @ g)
    for _ in range(2):  # in order, then at once
        with pytest.raises(MatrixError) as caught:
            h.sum().backward()
        assert caught.value.code == "singular-matrix"


@pytest.mark.parametrize("transform", [tg.grad, tg.value_and_grad, tg.jacobian, tg.hessian])
def test_what_is_no_function_is_refused_before_it_is_called(transform):
    with pytest.raises(DtypeError, match="what is differentiated is a function, not int"):
        transform(3)


def test_four_equations_hold_inside_no_grad_too():
    model, x, y = tg.nn.MLP([2, 3, 1]), np.ones((1, 2)), np.ones((1, 1))
    with tg.no_grad():
        inside = str(tg.four_equations(model, x, y))
    assert inside == str(tg.four_equations(model, x, y))


@pytest.mark.parametrize("function", [tg.percentile, tg.nanpercentile])
@pytest.mark.parametrize("q", [101, [50, -1]])
def test_a_percentile_that_is_none_is_shown_as_it_was_given(function, q):
    with pytest.raises(ShapeError, match=rf"percentiles lie between 0 and 100(.|\n)*q: .*{np.ravel(q)[-1]}\b"):
        function([1.0, 2.0], q)


def test_arguments_that_are_missing_are_told_without_types():
    with pytest.raises(DtypeError, match=r"^matmul\(x, y\): missing a required argument: 'y'"):
        tg.matmul(tg.ones((2, 2)))


def test_groups_that_channels_do_not_split_into_are_refused_when_the_layer_is_made():
    with pytest.raises(ShapeError, match=r"10 channels can't be split into 3 groups(.|\n)*num_groups=2"):
        tg.nn.GroupNorm(3, 10)
    assert tg.nn.GroupNorm(2, 10)(np.random.default_rng(0).normal(size=(1, 10))).shape == (1, 10)


# --- checkpoint ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("momentum", [0.1, None])
def test_the_second_call_of_a_checkpoint_moves_no_running_statistics(momentum):
    x = np.random.default_rng(0).normal(size=(4, 3))
    norms = [tg.nn.BatchNorm1d(3, momentum=momentum) for _ in range(2)]
    results = []
    for norm, call in zip(norms, (norms[0], tg.checkpoint(norms[1]))):
        t = leaf(x)
        for _ in range(2):
            (call(t) ** 3).sum().backward()
        results.append((t.grad.tolist(), [value.tolist() for value in norm.state_dict().values()]))
    assert results[0] == results[1]


# --- shapes --------------------------------------------------------------------------------------------------

COLUMN, ROW = np.ones((3, 1)), np.arange(3.0)


def error_by_grad():
    tg.grad(lambda column: ((column - ROW) ** 2).mean())(COLUMN)


def error_by_value_and_grad():
    tg.value_and_grad(lambda column: ((column - ROW) ** 2).mean())(leaf(COLUMN))


def error_by_where():
    column = leaf(COLUMN)
    tg.where(ROW > 1, column, 0.0).sum().backward()


@pytest.mark.parametrize("train", [error_by_grad, error_by_value_and_grad, error_by_where])
def test_a_column_that_meets_a_row_is_warned_of_wherever_it_trains(train):
    with pytest.warns(TinygradWarning, match=r"\(3, 1\) became \(3, 3\)|\(3,\) became \(3, 3\)") as caught:
        train()
    train()  # a second warning would be an error
    assert len(caught) == 1
    assert caught[0].filename.endswith("test_loopholes.py")


# --- anomalies, states, seeds --------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [np.array, leaf])
@pytest.mark.parametrize("name", ["sqrt", "cbrt"])
def test_detect_anomaly_looks_at_forward_mode_too(make, name):
    f, x = getattr(tg, name), make([1.0, 0.0])
    assert np.isinf(tg.jvp(f, (x,), (np.ones(2),))[1].tolist()[1])
    with tg.detect_anomaly(), pytest.raises(NonFiniteError) as caught:
        tg.jvp(lambda t: f(t * 1.0) * 2.0, (x,), (np.ones(2),))
    lines = str(caught.value).splitlines()
    assert lines[0] == f"forward mode: the derivative of {name} made Inf"
    assert lines[1].startswith("  where:   test_loopholes.py:")
    assert lines[2:5] == [
        f"  born:    Inf at index (1,) of the tangent of {name}'s result",
        "  input:   tensor (2,) [1] = 0.0",
        "  tangent: (2,) [1] = 1.0",
    ]


@pytest.mark.parametrize("create_graph", [False, True])
@pytest.mark.parametrize("of", ["leaf", "computed"])
def test_detect_anomaly_names_the_hook_that_made_a_nan(of, create_graph):
    def halve(g):
        return g * np.array([0.5, np.nan])

    x = leaf([1.0, 2.0], name="x")
    y = x * 2
    (x if of == "leaf" else y).register_hook(halve)
    with tg.detect_anomaly(), pytest.raises(NonFiniteError, match=r"a gradient hook made NaN(.|\n)*hook: +halve"):
        (y * y).sum().backward(create_graph=create_graph)
    assert x.grad is None


def test_a_state_with_masked_numbers_is_no_state():
    model = tg.nn.Linear(2, 2, rng=0)
    state = {name: np.ma.masked_less(array, 0.0) for name, array in model.state_dict().items()}
    with pytest.raises(DtypeError, match="has no mask"):
        model.load_state_dict(state)


@pytest.mark.parametrize("seed", [None, "a", 1.5, -1, np.random, object()], ids=lambda s: type(s).__name__)
def test_what_is_no_seed_is_refused_with_one_that_is(seed):
    with pytest.raises(
        DataError, match=r"a generator or a seed, not(.|\n)*fix: +0, or np\.random\.default_rng"
    ) as caught:
        tg.random.normal(seed, 2)
    assert "0x" not in str(caught.value)


def test_casts_that_are_offered_run_as_they_are_written():
    layer = tg.nn.Linear(2, 1, rng=0)
    with pytest.raises(DtypeError, match=r"fix: +array\.astype\('float64'\)"):
        layer.load_state_dict({"weight": np.ones((2, 1), int), "bias": np.zeros(1)})
    with pytest.raises(DtypeError, match=r"fix: +nanvar\(x\)\.astype\('int64'\)"):
        tg.nanvar([1.0, 2.0], dtype=int)


@pytest.mark.parametrize(
    ("write", "why", "fix"),
    [
        ("x /= 2", "the digits behind the point would be lost", "x = x / y"),
        ("x *= 0.5", "the digits behind the point would be lost", "x = x * y"),
        ("x += 1j", "the imaginary part would be lost", "x = x + y"),
        ("np.add(x, 1, out=tg.zeros(3, dtype=np.int8), casting='no')", "casting='no' doesn't allow it", "x = x + y"),
    ],
)
def test_a_cast_that_is_refused_says_what_would_be_lost_and_which_operator_makes_a_new_tensor(write, why, fix):
    with pytest.raises(DtypeError) as caught:
        exec(write, {"x": Tensor([1, 2, 3]), "np": np, "tg": tg})
    assert f"why:   {why}" in str(caught.value)
    assert f"fix:   {fix} " in str(caught.value)


def test_a_step_that_changes_nothing_is_warned_of_once():
    model = tg.nn.Linear(2, 1, rng=0)
    optimizer = tg.optim.SGD(model.parameters(), lr=0.1)
    model.weight, model.bias = leaf(np.ones((2, 1))), leaf(np.zeros(1))  # the optimiser has the old ones
    model(np.ones((1, 2))).sum().backward()
    with pytest.warns(TinygradWarning, match=r"no parameter has a gradient(.|\n)*replaced after the optimiser"):
        optimizer.step()
    optimizer.step()  # a second warning would be an error
    assert model.weight.tolist() == [[1.0], [1.0]]
