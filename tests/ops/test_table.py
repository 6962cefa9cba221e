"""Every row of the op table, checked by what a row is: registering an op is enough to have it tested here.

Cases are drawn by the rows' samplers. Values are compared with NumPy's function, or with a formula in this file
where NumPy has none; derivatives with finite differences.
"""

import contextlib
import math
import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.ops.formulas import FORMULAS
from tinygrad_edu.errors import TinygradError
from tinygrad_edu.gradcheck.rows import check_row
from tinygrad_edu.interop import OPS as NUMPY_ROUTES
from tinygrad_edu.op import ELEMENTWISE, REDUCTION, REGISTRY, SHAPE
from tinygrad_edu.ops.sampling import sample
from tinygrad_edu.tensor import Tensor

OPS = [op for op in REGISTRY.values() if not op.custom]
SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # for each of more than a hundred rows
fewer = settings(max_examples=max(settings().max_examples // 6, 1))

every_op = pytest.mark.parametrize("op", OPS, ids=lambda op: op.name)
every_differentiable_op = pytest.mark.parametrize("op", [op for op in OPS if op.differentiable], ids=lambda op: op.name)


# --- helpers -------------------------------------------------------------------------------------------------


def draw(op, seed):
    return sample(op, np.random.default_rng(seed))


def run(op, arrays, params):
    return op(list(arrays), **params) if op.variadic else op(*arrays, **params)


def numpy_function(op):
    served = op.forward if op.numpy is None else op.numpy
    served = np.trunc if op.name == "fix" else served  # np.fix itself is deprecated since NumPy 2.5
    return served if isinstance(served, np.ufunc) or getattr(served, "__module__", "").startswith("numpy") else None


def run_numpy(op, arrays, params):
    return numpy_function(op)(arrays, **params) if op.variadic else numpy_function(op)(*arrays, **params)


def positions(op, arrays):
    """The arguments that have a derivative."""
    return [i for i, array in enumerate(arrays) if op.vjp(i) is not None and np.asarray(array).dtype.kind == "f"]


def leaves(op, arrays, only=None):
    wanted = positions(op, arrays) if only is None else [only]
    return [Tensor(a, requires_grad=True) if i in wanted else a for i, a in enumerate(arrays)]


def gradients_of(op, arrays, params, g):
    """Gradients of ⟨g, op(arrays)⟩ by the engine, for the arguments that have a derivative."""
    tensors = leaves(op, arrays)
    run(op, tensors, params).backward(g)
    return {i: tensors[i].grad.numpy() for i in positions(op, arrays)}


def random_like(out, seed=0):
    return np.random.default_rng(seed).normal(size=np.shape(out)).astype(np.asarray(out).dtype)


def result_of(call):
    """What a call gives, or which builtin error it raises."""
    try:
        with np.errstate(all="ignore"):
            return call()
    except (TypeError, ValueError, IndexError) as error:
        return next(kind for kind in (IndexError, ValueError, TypeError) if isinstance(error, kind))


def cast(arrays, dtype):
    return tuple(np.asarray(a).astype(dtype) if np.asarray(a).dtype.kind == "f" else a for a in arrays)


# --- the row itself ------------------------------------------------------------------------------------------


@every_op
def test_row_says_what_it_is(op):
    assert op.name.isidentifier()
    assert op.formula
    assert op.doc.splitlines()[0].rstrip().endswith((".", ":"))
    assert len(op.domain) == (1 if op.variadic else op.arity)
    assert all(domain.words and domain.low < domain.high for domain in op.domain)
    assert REGISTRY[op.name] is op


@every_op
def test_row_has_an_independent_witness_of_its_values(op):
    assert numpy_function(op) is not None or op.name in FORMULAS, "write its formula into tests/ops/formulas.py"


# --- values --------------------------------------------------------------------------------------------------


@every_op
@given(seed=SEEDS)
@few
def test_forward_equals_numpy_or_the_formula(op, seed):
    arrays, params = draw(op, seed)
    result = run(op, arrays, params)
    assert isinstance(result, Tensor)
    if numpy_function(op) is None and op.name not in FORMULAS:
        return  # the test above has failed
    if numpy_function(op) is None:
        expected = np.asarray(FORMULAS[op.name](*arrays, **params))
        assert result.shape == expected.shape
        np.testing.assert_allclose(result.numpy(), expected, rtol=1e-12, atol=1e-14)
    else:
        expected = np.asarray(run_numpy(op, arrays, params))
        assert (result.shape, result.dtype) == (expected.shape, expected.dtype)
        assert np.array_equal(result.numpy(), expected, equal_nan=expected.dtype.kind in "fc")


@every_op
@given(seed=SEEDS)
@few
def test_numpy_function_of_tensors_is_the_op(op, seed):
    function = numpy_function(op)
    if function is None or function not in NUMPY_ROUTES:
        return
    arrays, params = draw(op, seed)
    tensors = leaves(op, arrays)
    if not any(isinstance(t, Tensor) for t in tensors):
        tensors = [Tensor(a) for a in arrays]
    result, expected = run_numpy(op, tensors, params), run(op, arrays, params)
    assert isinstance(result, Tensor)
    assert result.requires_grad == op.differentiable
    assert result.dtype == expected.dtype
    assert np.array_equal(result._data, expected._data, equal_nan=result.dtype.kind in "fc")


@every_op
@pytest.mark.parametrize("dtype", [np.int64, np.int32, np.uint8, np.bool_])
@given(seed=SEEDS)
@fewer
def test_integers_and_booleans_behave_as_in_numpy(op, dtype, seed):
    arrays, params = draw(op, seed)
    if op.name == "astype":
        return
    integers = tuple(np.asarray(np.rint(np.abs(a)), dtype=dtype) for a in arrays)
    result = result_of(lambda: run(op, integers, params))
    if numpy_function(op) is not None:
        expected = result_of(lambda: np.asarray(run_numpy(op, integers, params)))
        if isinstance(expected, type):
            assert result is expected
            return
        assert result.dtype == expected.dtype
    elif dtype is not np.bool_ and op.name in FORMULAS:
        expected = np.asarray(FORMULAS[op.name](*(a.astype(float) for a in integers), **params))
    else:
        return  # whether True + True is 2 is the function's own affair
    assert result.shape == expected.shape
    found, expected = result.numpy().astype(complex), np.asarray(expected).astype(complex)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@every_op
@given(seed=SEEDS)
@fewer
def test_memory_layout_makes_no_difference(op, seed):
    arrays, params = draw(op, seed)
    g = random_like(run(op, arrays, params)._data) if op.differentiable else None
    for layout in (np.asfortranarray, _backwards, _strided):
        laid_out = tuple(layout(a) if np.ndim(a) else a for a in arrays)
        _assert_same(op, arrays, laid_out, params, g)


@pytest.mark.parametrize("op", [op for op in OPS if op.kind in (ELEMENTWISE, REDUCTION, SHAPE)], ids=lambda op: op.name)
@given(seed=SEEDS)
@few
def test_zero_strides_make_no_difference(op, seed):
    arrays, params = draw(op, seed)
    flat = tuple(np.broadcast_to(a.ravel()[0], a.shape) if np.size(a) else a for a in map(np.asarray, arrays))
    copies = tuple(np.array(a, order="C") for a in flat)
    out = run(op, copies, params)._data
    _assert_same(op, copies, flat, params, random_like(out) if op.differentiable else None)


def _backwards(a):
    return np.array(a[::-1])[::-1]


def _strided(a):
    wide = np.zeros((*a.shape[:-1], 2 * a.shape[-1]), a.dtype)
    wide[..., ::2] = a
    return wide[..., ::2]


def _assert_same(op, arrays, others, params, g):
    out, other = run(op, arrays, params)._data, run(op, others, params)._data
    assert out.dtype == other.dtype
    np.testing.assert_allclose(out, other, rtol=1e-12, atol=1e-14)
    if g is None:
        return
    with np.errstate(all="ignore"):
        for i in positions(op, arrays):
            slopes, other_slopes = (op.vjp(i)(g, o, *a, **params) for o, a in ((out, arrays), (other, others)))
            np.testing.assert_allclose(slopes, other_slopes, rtol=1e-12, atol=1e-14)


# --- derivatives ---------------------------------------------------------------------------------------------


def checked(op, seed, order):
    """gradcheck of one random call; nothing where no call has an entry to move or to look at."""
    report = check_row(op, np.random.default_rng(seed), order)
    assume(report is not None)
    return report


@every_differentiable_op
@given(seed=SEEDS)
@few
def test_rule_agrees_with_finite_differences(op, seed):
    report = checked(op, seed, order=1)
    assert report
    assert {row.verdict for row in report.rows} == {"right"}, "the sampler draws kinks"


@every_differentiable_op
@given(seed=SEEDS)
@fewer
def test_second_order_agrees_with_finite_differences(op, seed):
    assert checked(op, seed, order=2)


@every_differentiable_op
@given(seed=SEEDS)
@few
def test_rule_is_linear_in_g(op, seed):
    arrays, params = draw(op, seed)
    out = run(op, arrays, params)._data
    g, h = random_like(out, 1), random_like(out, 2)
    for i in positions(op, arrays):
        rule = op.vjp(i)
        both = rule(2 * g - 3 * h, out, *arrays, **params)
        apart = 2 * rule(g, out, *arrays, **params) - 3 * rule(h, out, *arrays, **params)
        np.testing.assert_allclose(both, apart, rtol=1e-9, atol=1e-9)


@every_differentiable_op
@given(seed=SEEDS)
@few
def test_rule_gives_the_shape_of_the_input_or_for_elementwise_ops_of_the_output(op, seed):
    arrays, params = draw(op, seed)
    out = run(op, arrays, params)._data
    for i in positions(op, arrays):
        slope = op.vjp(i)(random_like(out), out, *arrays, **params)
        assert slope.shape == (out.shape if op.kind is ELEMENTWISE else arrays[i].shape)


@every_differentiable_op
@given(seed=SEEDS)
@few
def test_rule_on_tensors_stays_in_the_vocabulary_and_gives_the_same(op, seed):
    arrays, params = draw(op, seed)
    out = run(op, arrays, params)._data
    g = random_like(out)
    for i in positions(op, arrays):
        expected = op.vjp(i)(g, out, *arrays, **params)
        cotangent = Tensor(g, requires_grad=True)
        result = op.vjp(i)(cotangent, Tensor(out), *leaves(op, arrays), **params)
        assert isinstance(result, Tensor)
        np.testing.assert_allclose(result._data, expected, rtol=1e-12, atol=1e-14)


@every_differentiable_op
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@given(seed=SEEDS)
@fewer
def test_narrow_floats_stay_narrow_forward_and_backward(op, dtype, seed):
    arrays, params = draw(op, seed)
    narrow = cast(arrays, dtype)
    if result_of(lambda: op.forward(*narrow, **params)) is TypeError:
        return  # NumPy's linear algebra knows no float16
    out = run(op, narrow, params)
    expected = op.forward if numpy_function(op) is not None else lambda *_, dtype=dtype, **__: np.zeros(0, dtype)
    assert out.dtype == np.asarray(expected(*narrow, **params)).dtype
    for create_graph in (False, True):
        tensors = leaves(op, narrow)
        run(op, tensors, params).backward(np.ones(out.shape), create_graph=create_graph)
        for i in positions(op, narrow):
            assert tensors[i].grad.dtype == dtype
            assert tensors[i].grad.shape == narrow[i].shape


@every_differentiable_op
@given(seed=SEEDS)
@fewer
def test_float32_gradients_are_near_those_in_float64(op, seed):
    arrays, params = draw(op, seed)
    narrow = cast(arrays, np.float32)
    g = random_like(run(op, arrays, params)._data)
    exact, found = gradients_of(op, cast(narrow, np.float64), params, g), gradients_of(op, narrow, params, g)
    for i, slope in exact.items():
        np.testing.assert_allclose(found[i], slope, rtol=1e-3, atol=1e-4)


@every_differentiable_op
@given(seed=SEEDS)
@few
def test_argument_gets_the_same_gradient_alone_as_with_the_others(op, seed):
    arrays, params = draw(op, seed)
    g = random_like(run(op, arrays, params)._data)
    together = gradients_of(op, arrays, params, g)
    for i in positions(op, arrays):
        tensors = leaves(op, arrays, only=i)
        run(op, tensors, params).backward(g)
        np.testing.assert_allclose(tensors[i].grad.numpy(), together[i], rtol=1e-12, atol=1e-14)


# --- broadcasting --------------------------------------------------------------------------------------------

SHAPES = [
    ((), ()), ((), (3,)), ((3,), ()), ((1,), (3,)), ((2, 1), (1, 3)), ((1, 1, 1), (2,)), ((2, 3), (3,)),
    ((), (0,)), ((0,), (1,)), ((1, 0), (2, 1)), ((2, 1, 3), (4, 1)),
]  # fmt: skip


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
@pytest.mark.parametrize("op", [op for op in OPS if op.kind is ELEMENTWISE and op.arity > 1], ids=lambda op: op.name)
def test_broadcasting_sums_the_gradient_over_what_was_stretched(op, shapes):
    rng = np.random.default_rng(0)
    shapes = (*shapes, *[()] * (op.arity - 2))
    kinds = [np.asarray(a).dtype.kind for a in draw(op, 0)[0]]
    arrays = tuple(_of_kind(kind, domain.draw(rng, size)) for kind, domain, size in zip(kinds, op.domain, shapes))
    full = np.broadcast_shapes(*shapes)
    stretched = tuple(np.broadcast_to(a, full).copy() for a in arrays)
    out, expected = run(op, arrays, {}), run(op, stretched, {})
    assert out.shape == full
    assert np.array_equal(out.numpy(), expected.numpy())
    if op.differentiable:
        g = random_like(expected._data)
        found, without = gradients_of(op, arrays, {}, g), gradients_of(op, stretched, {}, g)
        for i, slope in found.items():
            assert slope.shape == shapes[i]
            np.testing.assert_allclose(slope, _summed(without[i], shapes[i]), rtol=1e-12, atol=1e-14)


def _of_kind(kind, numbers):
    """The drawn numbers as the row's own sampler would have them: booleans, whole or real."""
    return numbers if kind == "f" else numbers > 0 if kind == "b" else np.rint(np.abs(numbers)).astype(int)


def _summed(slopes, shape):
    """Each entry goes to the entry of `shape` that it was copied from."""
    result = np.zeros(shape)
    origin = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape), slopes.shape)
    for place, slope in zip(origin.ravel(), slopes.ravel()):
        result.ravel()[place] += slope
    return result


# --- memory --------------------------------------------------------------------------------------------------


@every_op
@given(seed=SEEDS)
@few
def test_forward_and_rules_write_to_nothing_they_are_given(op, seed):
    arrays, params = draw(op, seed)
    given = [np.array(a) for a in arrays] + [v for v in params.values() if isinstance(v, np.ndarray)]
    before = [a.tobytes() for a in given]
    inputs = given[: len(arrays)]
    out = np.asarray(op.forward(*inputs, **params))
    if op.differentiable:
        g = random_like(out)
        watched = [g, np.array(out), *inputs]
        before_rule = [a.tobytes() for a in watched]
        for i in positions(op, arrays):
            op.vjp(i)(*watched, **params)
        assert [a.tobytes() for a in watched] == before_rule
    assert [a.tobytes() for a in given] == before


@every_op
@given(seed=SEEDS)
@few
def test_output_shares_memory_only_where_the_row_says_view(op, seed):
    arrays, params = draw(op, seed)
    inputs = [np.array(a) for a in arrays]
    out = np.asarray(op.forward(*inputs, **params))
    shared = [i for i, a in enumerate(inputs) if np.may_share_memory(out, a)]
    assert shared in ([], [0]) if op.view else shared == []


@every_op
@given(seed=SEEDS)
@few
def test_valid_input_gives_no_warning(op, seed):
    arrays, params = draw(op, seed)
    with warnings.catch_warnings(record=True) as caught, np.errstate(all="warn", under="ignore"):
        warnings.simplefilter("always")
        out = np.asarray(op.forward(*arrays, **params))
        if op.differentiable:
            for i in positions(op, arrays):
                op.vjp(i)(random_like(out), out, *arrays, **params)
    assert [str(warning.message) for warning in caught] == []


# --- claims that other parts rely on -------------------------------------------------------------------------


@pytest.mark.parametrize("op", [op for op in OPS if op.linear], ids=lambda op: op.name)
@given(seed=SEEDS)
@few
def test_linear_ops_are_linear_in_each_argument(op, seed):
    arrays, params = draw(op, seed)
    for i in positions(op, arrays):
        other = np.random.default_rng(seed).normal(size=np.shape(arrays[i]))

        def value(x, i=i):
            return np.asarray(op.forward(*arrays[:i], x, *arrays[i + 1 :], **params))

        np.testing.assert_allclose(
            value(2 * arrays[i] - 3 * other), 2 * value(arrays[i]) - 3 * value(other), rtol=1e-9, atol=1e-9
        )


@every_op
def test_misuse_is_an_error_of_the_project_that_names_the_op_and_the_line(op):
    with pytest.raises(TinygradError) as caught, contextlib.suppress(AssertionError):
        run(op, (np.ones((2, 3)),) * (op.arity + 3), {"no_such_parameter": 1})
    assert op.name in str(caught.value)
    assert "test_table.py" in str(caught.value)


def test_second_derivative_of_power_at_exponent_0_was_1_and_not_1_over_x():
    x, y = Tensor(4.0, requires_grad=True), Tensor(0.0, requires_grad=True)
    (by_x,) = tg.gradients(x**y, [x], create_graph=True)
    (by_y,) = tg.gradients(x**y, [y], create_graph=True)
    assert tg.gradients(by_x, y).item() == tg.gradients(by_y, x).item() == 0.25


def test_mean_of_many_float16_numbers_had_gradient_0():
    x = Tensor(np.ones(70_000, np.float16), requires_grad=True)
    x.mean().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1 / 70_000, rtol=1e-2)


@pytest.mark.parametrize("index", [((0, 0),), ((0, 0), slice(None)), range(2), [0, 0]], ids=str)
def test_element_picked_twice_by_a_tuple_in_a_tuple_got_one_gradient(index):
    x = Tensor(np.ones((3, 2)), requires_grad=True)
    picked = x[index]
    picked.sum().backward()
    assert x.grad.numpy().sum() == picked.size


@pytest.mark.parametrize("op", [tg.softmax, tg.log_softmax], ids=lambda op: op.name)
def test_softmax_of_integers_and_booleans_is_floating(op):
    for array in (np.array([1, 2, 3]), np.array([True, False])):
        assert np.array_equal(op(array).numpy(), op(array.astype(float)).numpy())


def test_python_numbers_among_stacked_and_joined_arrays_are_weak():
    x = Tensor(np.float32(1.0), requires_grad=True)
    assert tg.stack([x, 2.0]).dtype == np.float32
    assert tg.concatenate([2.0, x], axis=None).dtype == np.float32


def test_the_row_of_reshape_does_not_look_at_the_memory():
    x = Tensor(np.asfortranarray(np.ones((2, 3))), requires_grad=True)
    with pytest.raises(ValueError, match="order"):
        REGISTRY["reshape"](x, shape=6, order="A")


# --- kinks: the subgradient of least norm --------------------------------------------------------------------


def slopes_at(f, *points):
    tensors = [Tensor(p, requires_grad=True, dtype=np.float64) for p in points]
    f(*tensors).sum().backward()
    return [t.grad.tolist() for t in tensors]


@pytest.mark.parametrize(
    ("f", "points", "expected"),
    [
        (tg.relu, [[0.0, -0.0]], [[0, 0]]),
        (tg.abs, [[0.0, -0.0]], [[0, 0]]),
        (lambda x: tg.clip(x, -1, 1), [[-1.0, 1.0, 0.0, 2.0]], [[0, 0, 1, 0]]),
        (lambda x: tg.clip(x, 1, -1), [[-1.0, 0.0, 1.0]], [[0, 0, 0]]),
        (tg.sign, [[0.0, 2.0]], [[0, 0]]),
        (tg.floor, [[0.0, 1.0, 1.5]], [[0, 0, 0]]),
        (tg.maximum, [[1.0, 2.0], [1.0, 1.0]], [[0.5, 1], [0.5, 0]]),
        (tg.minimum, [[1.0, 2.0], [1.0, 1.0]], [[0.5, 0], [0.5, 1]]),
        (lambda x: tg.maximum(x, x), [[3.0]], [[1]]),
        (tg.max, [[[1.0, 1.0], [0.0, 1.0]]], [[[1 / 3, 1 / 3], [0, 1 / 3]]]),
        (lambda x: tg.max(x, axis=0), [[[1.0, 2.0], [1.0, 0.0]]], [[[0.5, 1], [0.5, 0]]]),
        (lambda x: tg.min(x, axis=1), [[[1.0, 1.0], [0.0, 2.0]]], [[[0.5, 0.5], [1, 0]]]),
        (lambda x: x**0, [[0.0, 2.0]], [[0, 0]]),
        (lambda x: x**1, [[0.0]], [[1]]),
        (lambda x: x**2.0, [[0.0, -3.0]], [[0, -6]]),
        (lambda x: x**3, [[0.0, -2.0]], [[0, 12]]),
        (tg.sqrt, [[0.0]], [[math.inf]]),
        (lambda x: tg.where(x > 0, x, 0), [[0.0, 1.0]], [[0, 1]]),
    ],
)  # fmt: skip
def test_kinks_take_the_subgradient_of_least_norm(f, points, expected):
    assert slopes_at(f, *points) == expected


def test_power_of_0_to_the_0_has_derivative_0_by_both():
    assert slopes_at(lambda x, y: x**y, 0.0, 0.0) == [0.0, 0.0]


def test_where_gives_nan_for_an_infinite_derivative_in_the_other_branch_as_ieee_has_it():
    x = Tensor(0.0, requires_grad=True)
    with np.errstate(divide="ignore"):
        tg.where(x > 0, tg.log(x), 0.0).backward()
    assert math.isnan(x.grad.item())


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_sigmoid_is_finite_and_silent_for_any_number(dtype):
    x = Tensor(np.array([-1000.0, -88.0, 0.0, 88.0, 1000.0], dtype), requires_grad=True)
    y = tg.sigmoid(x)
    y.sum().backward()
    assert y._data[0] < 1e-4
    assert y._data[2] == 0.5
    assert y._data[-1] == 1
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize("offset", [-1e4, 1e4])
def test_softmax_and_its_kin_do_not_overflow(offset):
    x = np.array([[1.0, 2.0, 3.0]])
    for f in (tg.softmax, tg.log_softmax, lambda t: tg.logsumexp(t - offset * 1.0, axis=-1)):
        shifted = x + offset
        expected = f(Tensor(x)) if f in (tg.softmax, tg.log_softmax) else tg.logsumexp(Tensor(x), axis=-1)
        np.testing.assert_allclose(f(Tensor(shifted)).numpy(), expected.numpy(), rtol=1e-9)
    np.testing.assert_allclose(tg.logsumexp(Tensor(x + offset)).item(), tg.logsumexp(Tensor(x)).item() + offset)
