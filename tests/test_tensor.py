"""What a Tensor is: making one, operators with weak numbers, elements, writes, and the errors of each."""

import enum
import operator
import threading

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import DtypeError, GradientError, IndexingError, ShapeError


def leaf(value, **options):
    return Tensor(value, requires_grad=True, **options)


# --- making --------------------------------------------------------------------------------------------------


def test_tensor_copies_an_array():
    a = np.array([1.0, 2.0])
    t = Tensor(a)
    a[0] = 9
    assert t.tolist() == [1.0, 2.0]
    t[1] = 7
    assert a.tolist() == [9.0, 2.0]


def test_tensor_copies_what_has_a_buffer():
    import array

    buffer = array.array("q", [1, 2])
    t = Tensor(buffer)
    buffer[0] = 100
    assert t.tolist() == [1, 2]


def test_tensor_copies_a_tensor_and_not_its_history():
    x = leaf([1.0])
    t = Tensor(x, requires_grad=True)
    (t * 2).backward()
    assert x.grad is None
    assert t.grad.tolist() == [2.0]


@pytest.mark.parametrize(
    ("value", "dtype"),
    [
        (1.0, np.float64),
        ([1.0, 2], np.float64),
        ((0.5, 0.5), np.float64),
        (1, np.int64),
        ([1, 2], np.int64),
        (True, np.bool_),
        (np.float32(1), np.float32),
        (np.ones(2, np.float32), np.float32),
        (np.ones(2, np.float16), np.float16),
        (np.ones(2, np.int8), np.int8),
        ([], np.float64),
    ],
)
def test_arrays_keep_their_dtype_and_python_floats_get_the_default(value, dtype):
    assert Tensor(value).dtype == dtype


def test_default_dtype_can_be_changed():
    tg.set_default_dtype(np.float32)
    try:
        assert Tensor(1.0).dtype == Tensor([1.0]).dtype == tg.zeros(2).dtype == np.float32
        assert leaf(1).dtype == np.float32
        assert tg.grad(lambda x: x * x)(3).dtype == np.float32
        assert Tensor(np.ones(1)).dtype == np.float64
    finally:
        tg.set_default_dtype(np.float64)
    with pytest.raises(DtypeError, match="must be floating, not int64"):
        tg.set_default_dtype(np.int64)


@pytest.mark.parametrize("value", [3, [1, 2], True])
def test_python_ints_become_floats_where_they_need_a_gradient(value):
    assert leaf(value).dtype == np.float64


@pytest.mark.parametrize("dtype", [np.int64, np.uint8, np.bool_])
def test_array_of_integers_that_requires_grad_is_an_error_with_the_cast(dtype):
    with pytest.raises(TypeError) as caught:
        leaf(np.ones(2, dtype))
    assert f"an array of {np.dtype(dtype)} has no derivative" in str(caught.value)
    assert "Tensor(a.astype(float), requires_grad=True)" in str(caught.value)
    assert "test_tensor.py:" in str(caught.value)


@pytest.mark.parametrize("value", ["text", None, object(), [None], np.array(["a"]), {1: 2}])
def test_what_is_not_numbers_is_a_type_error(value):
    with pytest.raises(DtypeError, match="a tensor holds numbers"):
        Tensor(value)


def test_ragged_lists_are_a_shape_error():
    with pytest.raises(ShapeError, match="unequal lengths"):
        Tensor([[1.0], [1.0, 2.0]])


def test_list_of_tensors_that_require_grad_is_an_error_and_not_a_silent_detach():
    with pytest.raises(DtypeError) as caught:
        Tensor([leaf(1.0), [leaf(2.0)]])
    assert "would lose their gradients" in str(caught.value)
    assert "tg.stack" in str(caught.value)


def test_facts_are_those_of_the_array():
    t = Tensor(np.zeros((2, 3), np.float32))
    assert (t.shape, t.dtype, t.ndim, t.size, len(t), t.T.shape) == ((2, 3), np.float32, 2, 6, 2, (3, 2))
    assert (t.requires_grad, t.is_leaf, t.grad, t.name) == (False, True, None, None)


def test_names_are_kept_by_every_kind_of_tensor():
    named = [
        Tensor(1.0, name="a"),
        leaf(1.0, name="a"),
        tg.from_numpy(np.ones(2), name="a"),
        tg.from_numpy(np.ones(2), requires_grad=True, name="a"),
        tg.zeros(2, name="a"),
        leaf(1.0) * 2,
        leaf(1.0).detach(),
        Tensor([1.0, 2.0])[1:],
    ]
    for t in named:
        t.name = "a"
    assert [t.name for t in named] == ["a"] * len(named)


def test_name_given_after_the_array_was_seen_was_lost():
    t = Tensor([1.0])
    t.numpy()
    t.name = "t"
    assert t.name == "t"
    assert "'t'" in repr(t)


def test_requires_grad_can_be_switched_on_leaves_only():
    t = Tensor([1.0, 2.0], name="t")
    t.requires_grad = True
    (t * t).sum().backward()
    assert t.grad.tolist() == [2.0, 4.0]
    t.requires_grad = False
    assert (t.requires_grad, t.grad, t.name) == (False, None, "t")
    with pytest.raises(GradientError, match="requires_grad can be set on leaves only"):
        (leaf(1.0) * 2).requires_grad = False
    with pytest.raises(DtypeError):
        Tensor([1]).requires_grad = True


def test_graph_records_where_an_input_requires_grad_and_only_there():
    x, c = leaf(1.0), Tensor(1.0)
    assert (x * c).requires_grad
    assert (c * x).requires_grad
    assert not (c * c).requires_grad
    assert not (x * c).is_leaf


# --- weak numbers --------------------------------------------------------------------------------------------


class Members(enum.IntEnum):
    TWO = 2


NUMBERS = [2, 2.5, True, np.float64(2.5), np.float32(2.5), np.float16(2.5), np.int64(2), np.bool_(True), Members.TWO]
OPERATORS = [operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, tg.maximum, tg.minimum]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda n: f"{type(n).__name__}")
@pytest.mark.parametrize("f", OPERATORS, ids=lambda f: getattr(f, "__name__", "op"))
def test_numbers_on_either_side_are_weak(f, number):
    for dtype in (np.float16, np.float32):
        x = leaf(np.array([1.5, 2.0], dtype))
        for result in (f(x, number), f(number, x)):
            assert result.dtype == dtype
            x.grad = None
            result.sum().backward()
            assert x.grad.dtype == dtype


def test_numbers_are_weak_as_parameters_too():
    x = Tensor([1.0, 2.0], dtype=np.float32)
    assert tg.clip(x, np.float64(0), np.float64(1.5)).dtype == np.float32
    assert tg.where(x > 1, x, np.float64(0)).dtype == np.float32


def test_arrays_promote_as_in_numpy():
    x = Tensor([1.0, 2.0], dtype=np.float32)
    assert (x * np.ones(2)).dtype == np.float64
    assert (x * np.array(2.0)).dtype == np.float64
    assert (x * Tensor(2.0)).dtype == np.float64
    assert (Tensor([1, 2]) / 2).dtype == np.float64
    assert (Tensor(np.int32([1])) + 1).dtype == np.int32


@pytest.mark.parametrize(
    ("array", "power"), [([1, 2], 2.0), ([1, 2], 2), ([True], 2), ([1.0], 2), ([1, 2], np.float64(2)), ([1, 2], 0.5)]
)
def test_power_of_integers_has_numpys_dtype(array, power):
    expected = np.array(array) ** (power if not isinstance(power, np.generic) else power.item())
    result = Tensor(array) ** power
    assert result.dtype == expected.dtype
    assert result.tolist() == expected.tolist()


# --- operators -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("f", [*OPERATORS[:5], operator.matmul], ids=lambda f: f.__name__)
def test_operators_take_arrays_lists_and_tensors_on_either_side(f):
    a, b = np.array([1.5, 2.0]), np.array([3.0, 0.5])
    expected = f(a, b)
    for left, right in ((leaf(a), b), (a, leaf(b)), (leaf(a), [3.0, 0.5]), ([1.5, 2.0], leaf(b)), (leaf(a), leaf(b))):
        result = f(left, right)
        assert isinstance(result, Tensor)
        assert result.requires_grad
        assert result.tolist() == expected.tolist()


def test_unary_operators():
    x = leaf([1.0, -2.0])
    assert [(-x).tolist(), (+x).tolist(), abs(x).tolist()] == [[-1.0, 2.0], [1.0, -2.0], [1.0, 2.0]]


@pytest.mark.parametrize("f", [operator.eq, operator.ne, operator.lt, operator.le, operator.gt, operator.ge])
def test_comparisons_are_elementwise_booleans_without_gradient(f):
    a, b = np.array([1.0, 2.0, 3.0]), np.array([3.0, 2.0, 1.0])
    for left, right in ((leaf(a), b), (a, leaf(b)), (leaf(a), leaf(b)), (leaf(a), 2.0), (2.0, leaf(b))):
        result = f(left, right)
        as_arrays = [t.detach().numpy() if isinstance(t, Tensor) else t for t in (left, right)]
        assert result.dtype == np.bool_
        assert not result.requires_grad
        assert result.tolist() == f(*as_arrays).tolist()


def test_hash_is_by_identity():
    a, b = leaf([1.0]), leaf([1.0])
    assert len({a, b, a}) == 2
    assert hash(a) != hash(b)
    assert {a: 1}[a] == 1


def test_sum_builtin_works():
    x = leaf([1.0, 2.0])
    total = sum(x)
    total.backward()
    assert x.grad.tolist() == [1.0, 1.0]


# --- elements and plain numbers ------------------------------------------------------------------------------


def test_one_element_becomes_a_plain_number():
    for t in (leaf(2.5), leaf([2.5]), leaf([[2.5]])):
        assert (float(t), int(t), t.item(), bool(t)) == (2.5, 2, 2.5, True)
        assert f"{t:.2f}" == "2.50"
    assert not bool(Tensor(0.0))
    assert [10, 20, 30][Tensor(1)] == 20


def test_more_elements_become_no_plain_number():
    t = Tensor([1.0, 2.0])
    for convert in (float, int, Tensor.item):
        with pytest.raises(ShapeError, match=r"item\(\) needs one element, not 2 of shape \(2,\)"):
            convert(t)
    with pytest.raises(ValueError, match=r"the truth of a tensor of shape \(2,\) is ambiguous") as caught:
        bool(t)
    assert "(x > 0).any() or .all()" in str(caught.value)
    with pytest.raises(ShapeError):
        bool(Tensor([]))


@pytest.mark.parametrize("value", [1.0, [1], True])
def test_only_a_0d_integer_is_an_index(value):
    with pytest.raises(DtypeError, match="only a 0-d integer tensor is an index"):
        operator.index(Tensor(value))


def test_0d_tensor_has_no_length_and_no_elements():
    for use in (len, iter, list):
        with pytest.raises(TypeError, match="a 0-d tensor"):
            use(Tensor(1.0))


def test_iteration_gives_differentiable_rows():
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    first, second = x
    (first * 2 + second * 3).sum().backward()
    assert x.grad.tolist() == [[2.0, 2.0], [3.0, 3.0]]


def test_repr_shows_numbers_and_facts():
    assert repr(Tensor([1.0, 2.0])) == "Tensor([1., 2.])"
    assert repr(leaf(1.0, dtype=np.float32, name="w")) == "Tensor(1., dtype=float32, requires_grad=True, name='w')"


def test_array_of_a_tensor_that_requires_grad_is_an_error_that_shows_detach():
    x = leaf([1.0, 2.0])
    for convert in (np.asarray, np.array, Tensor.numpy, lambda t: np.array([t, t])):
        with pytest.raises(TypeError) as caught:
            convert(x)
        assert "requires grad: as a plain array its gradient would be lost" in str(caught.value)
        assert ".detach().numpy()" in str(caught.value)


def test_array_of_a_constant_is_a_read_only_view():
    t = Tensor([1.0, 2.0])
    for view in (t.numpy(), np.asarray(t)):
        with pytest.raises(ValueError, match="read-only"):
            view[0] = 1
    copy = np.array(t)
    copy[0] = 9
    assert t.tolist() == [1.0, 2.0]
    assert np.asarray(t, dtype=np.float32).dtype == np.float32


# --- casts ---------------------------------------------------------------------------------------------------


def test_cast_between_floats_is_differentiable():
    x = leaf([1.0, 2.0], dtype=np.float32)
    y = x.astype(np.float64)
    (y * y).sum().backward()
    assert y.dtype == np.float64
    assert (x.grad.dtype, x.grad.tolist()) == (np.float32, [2.0, 4.0])


@pytest.mark.parametrize("cast", [Tensor.astype, tg.astype, lambda t, dtype: np.astype(t, dtype)])
def test_cast_to_integers_recorded_a_gradient(cast):
    x = leaf([1.5, 2.5])
    assert not cast(x, np.int64).requires_grad
    assert not cast(x, bool).requires_grad


def test_method_copy_is_a_copy_through_which_gradients_flow():
    x = leaf([1.0, 2.0])
    y = x.copy()
    y[0] = 5.0
    y.sum().backward()
    assert x.tolist() == [1.0, 2.0]
    assert x.grad.tolist() == [0.0, 1.0]


# --- writes: NumPy's syntax ----------------------------------------------------------------------------------

INDICES = [
    0, -1, slice(1, None), slice(None, None, -1), Ellipsis, (0, 1), (slice(None), 0), None, [0, 2], np.array([2, 0]),
    np.array([[0, 1], [2, 0]]), ([0, 1], [1, 1]), np.array([True, False, True]), (1, slice(None)), (),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_assignment_to_elements_is_that_of_numpy_in_value_and_gradient(index):
    a = np.arange(6.0).reshape(3, 2)
    written = a.copy()
    written[index] = 9.0
    x, w = leaf(a), leaf(9.0)
    y = x * 1
    y[index] = w
    assert y.tolist() == written.tolist()
    y.sum().backward()
    changed = (written == 9.0).astype(float)
    assert x.grad.tolist() == (1 - changed).tolist()
    assert w.grad.item() == changed.sum()


def test_of_duplicate_indices_the_last_write_wins_in_the_value_and_in_the_gradient():
    x, v = leaf([0.0, 0.0]), leaf([1.0, 2.0, 3.0])
    y = x * 1
    y[[0, 0, 1]] = v
    (y * np.array([10.0, 100.0])).sum().backward()
    assert y.tolist() == [2.0, 3.0]
    assert v.grad.tolist() == [0.0, 10.0, 100.0]
    assert x.grad.tolist() == [0.0, 0.0]


def test_graph_keeps_the_value_from_before_a_write():
    x = leaf([1.0, 2.0])
    y = x * 1
    before = y * y
    y[0] = 50.0
    y *= 3
    (before.sum() + y.sum()).backward()
    assert y.tolist() == [150.0, 6.0]
    assert x.grad.tolist() == [2.0, 7.0]


@pytest.mark.parametrize(
    ("write", "expected"),
    [
        (operator.iadd, [3.0, 4.0]),
        (operator.isub, [-1.0, 0.0]),
        (operator.imul, [2.0, 4.0]),
        (operator.itruediv, [0.5, 1.0]),
        (operator.ipow, [1.0, 4.0]),
    ],
)
def test_augmented_assignment_rebinds_the_handle_and_keeps_its_identity(write, expected):
    x = leaf([1.0, 2.0])
    y = z = x * 1
    y = write(y, 2.0)
    assert y is z
    assert y.tolist() == expected
    (slope,) = tg.gradients(y.sum(), [x])
    assert slope.tolist() == {"ipow": [2.0, 4.0], "imul": [2.0, 2.0], "itruediv": [0.5, 0.5]}.get(
        write.__name__, [1.0, 1.0]
    )


def test_augmented_assignment_may_not_change_the_shape_or_leave_the_dtype():
    y = leaf([1.0]) * 1
    with pytest.raises(ShapeError, match=r"in-place add can't change the shape \(1,\) to \(3,\)"):
        y += np.ones(3)
    whole = Tensor([1, 2])
    with pytest.raises(DtypeError, match="in-place add can't put float64 into int64"):
        whole += 0.5
    narrow = leaf([1.0], dtype=np.float32) * 1
    narrow += np.ones(1)
    assert narrow.dtype == np.float32


def test_tracked_value_written_into_integers_was_cut_and_its_gradient_invented():
    whole, w = Tensor([1, 2, 3]), leaf(1.5)
    with pytest.raises(DtypeError, match="can't take a value that requires grad"):
        whole[0] = w
    assert whole.tolist() == [1, 2, 3]


def test_constant_becomes_part_of_the_graph_when_a_tracked_value_is_written_to_it():
    out, w = tg.zeros(3), leaf(2.0)
    out[1] = w * w
    out += w
    out.sum().backward()
    assert out.tolist() == [2.0, 6.0, 2.0]
    assert w.grad.item() == 7.0


@pytest.mark.parametrize("index", [5, (0, 0), [7], 1.5, "a", np.array([True, False])], ids=repr)
def test_index_that_does_not_fit_is_an_index_error_that_shows_it(index):
    x = leaf([1.0, 2.0, 3.0])
    with pytest.raises(IndexError) as caught:
        x[index]
    assert isinstance(caught.value, IndexingError)
    assert "getitem" in str(caught.value)
    assert "test_tensor.py:" in str(caught.value)
    y = x * 1
    with pytest.raises(IndexError):
        y[index] = 1.0


def test_tensor_of_floats_is_no_index():
    with pytest.raises(IndexError, match="an index must be integers or booleans, not float64"):
        leaf([1.0])[Tensor([0.0])]


# --- what is recorded is what was computed -------------------------------------------------------------------


def backward_after(change, f, *changed):
    """The gradient of f at [1, 2, 3] where what f used is changed between forward and backward."""
    x = leaf([1.0, 2.0, 3.0])
    y = f(x)
    change(*changed)
    (y * np.arange(1.0, y.size + 1).reshape(y.shape)).sum().backward()
    return x.grad.tolist()


def test_index_array_changed_after_recording():
    i = np.array([0, 0])
    assert backward_after(lambda: i.fill(2), lambda x: x[i]) == [3.0, 0.0, 0.0]


def test_index_tensor_changed_after_recording():
    i = Tensor([0, 0])
    assert backward_after(lambda: i.__setitem__(..., 2), lambda x: x[i]) == [3.0, 0.0, 0.0]


def test_index_list_changed_after_recording():
    i = [0, 1]
    assert backward_after(i.reverse, lambda x: x[i]) == [1.0, 2.0, 0.0]


def test_mask_changed_after_recording():
    mask = np.array([True, False, True])
    assert backward_after(lambda: mask.fill(True), lambda x: x[mask]) == [1.0, 0.0, 2.0]


@pytest.mark.parametrize("end", [Tensor(1), np.array(1)], ids=["tensor", "array"])
def test_end_of_a_slice_changed_after_recording(end):
    def change():
        end[...] = 2

    assert backward_after(change, lambda x: x[:end]) == [1.0, 0.0, 0.0]


def test_list_of_axes_changed_after_recording():
    axes = [1, 2, 0]
    x = leaf(np.arange(8.0).reshape(2, 2, 2))
    y = x.transpose(axes)
    axes.reverse()
    weights = np.arange(8.0).reshape(2, 2, 2)
    (y * weights).sum().backward()
    assert x.grad.tolist() == weights.transpose(2, 0, 1).tolist()


@pytest.mark.parametrize("bound", [[0.0, 0.0, 0.0], np.zeros(3), Tensor([0.0, 0.0, 0.0])], ids=["list", "array", "t"])
def test_bound_of_a_clip_changed_after_recording(bound):
    def change():
        bound[0] = 5.0

    assert backward_after(change, lambda x: tg.clip(x, bound, None)) == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("make", [np.array, Tensor, lambda v: tg.from_numpy(np.array(v))], ids=["array", "t", "shared"])
@pytest.mark.parametrize("f", [operator.mul, operator.truediv, operator.pow, tg.maximum, lambda x, c: tg.stack([x, c])])
def test_operand_changed_after_recording(make, f):
    values = [2.0, 0.5, 3.0]
    untouched = backward_after(lambda: None, lambda x: f(x, np.array(values)))
    operand = make(values)

    def change():
        operand[...] = 7.0

    assert backward_after(change, lambda x: f(x, operand)) == untouched


def test_mask_of_where_changed_after_recording():
    mask = np.array([True, False, True])
    assert backward_after(lambda: mask.fill(False), lambda x: tg.where(mask, x, 0.0)) == [1.0, 0.0, 3.0]


# --- no_grad -------------------------------------------------------------------------------------------------


def test_nothing_is_recorded_inside_no_grad_and_everything_after_it():
    x = leaf(1.0)
    with tg.no_grad():
        assert not (x * 2).requires_grad
        with tg.no_grad():
            pass
        assert not (x * 2).requires_grad
    assert (x * 2).requires_grad


def test_no_grad_ends_with_an_exception():
    with pytest.raises(ZeroDivisionError), tg.no_grad():
        raise ZeroDivisionError
    assert (leaf(1.0) * 2).requires_grad


def test_no_grad_is_a_decorator():
    @tg.no_grad()
    def f(x):
        return x * 2

    assert not f(leaf(1.0)).requires_grad
    assert not f(leaf(1.0)).requires_grad


def test_no_grad_in_one_thread_is_not_seen_in_another():
    inside, finished, seen = threading.Event(), threading.Event(), []

    def other():
        with tg.no_grad():
            inside.set()
            finished.wait(5)

    thread = threading.Thread(target=other)
    thread.start()
    inside.wait(5)
    seen.append((leaf(1.0) * 2).requires_grad)
    finished.set()
    thread.join()
    with tg.no_grad():
        thread = threading.Thread(target=lambda: seen.append((leaf(1.0) * 2).requires_grad))
        thread.start()
        thread.join()
    assert seen == [True, True]


def test_backward_and_gradients_work_inside_no_grad():
    x = leaf(3.0)
    y = x * x
    with tg.no_grad():
        y.backward()
        assert tg.gradients(y, x).item() == 6.0
        assert tg.grad(lambda t: t * t)(3.0).item() == 6.0
        assert not (x * 1).requires_grad
    assert x.grad.item() == 6.0


# --- errors of ops -------------------------------------------------------------------------------------------


def test_shapes_that_do_not_fit_name_op_line_operands_reason_and_remedy():
    w = leaf(np.ones((2, 3)), name="w")
    with pytest.raises(ValueError, match=r"^add: these shapes can't be broadcast together") as caught:
        w + np.ones((3, 2))
    lines = str(caught.value).splitlines()
    assert lines[1].startswith("  where:   test_tensor.py:")
    assert lines[2] == "  input 1: w (2, 3) float64"
    assert lines[3] == "  input 2: tensor (3, 2) float64"
    assert lines[4:] == [
        "  aligned: 2  3   w",
        "           3  2   input 2",
        "              ^",
        "  why:     counted from the right, axis -1 has sides 2 and 3, none of them 1",
        "  fix:     y.T has shape (2, 3), which fits, if that is meant",
        "  code:    shapes-do-not-broadcast",
    ]
    assert isinstance(caught.value, ShapeError)
    with pytest.raises(ShapeError) as caught:
        w @ w
    assert str(caught.value).splitlines()[4:] == [
        "  shapes:  (2, 3) @ (2, 3)",
        "               ^     ^",
        "  why:     each row on the left has 3 numbers, each column on the right 2; they are multiplied in pairs",
        "  fix:     w @ w.T, if the rows on the right are meant",
        "  code:    inner-sides-differ",
    ]


def test_error_that_is_not_about_shapes_gave_advice_about_shapes():
    with pytest.raises(ValueError, match="negative integer powers") as caught:
        Tensor([2]) ** -1
    assert "from the right" not in str(caught.value)


def test_computed_operand_is_named_by_its_op_and_line():
    h = leaf(np.ones(3)) * 2
    with pytest.raises(ShapeError, match=r"input 1: result of multiply at test_tensor.py:\d+ \(3,\) float64"):
        h + np.ones(2)


def test_remainder_floor_division_and_their_reflected_forms_are_numpy_s():
    a = np.array([5.0, -3.0, 0.5])
    x = tg.Tensor(a, requires_grad=True)
    for found, expected in ((x % 2, a % 2), (x // 2, a // 2), (7 % x, 7 % a), (7 // x, 7 // a)):
        np.testing.assert_array_equal(found.detach().numpy(), expected)
    whole, rest = divmod(x, 2)
    np.testing.assert_array_equal((whole * 2 + rest).detach().numpy(), a)
    (x % 2 + x // 2).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), np.ones(3))


def test_boolean_operators_are_numpy_s_and_have_no_gradient():
    x = tg.Tensor([-1.0, 1.0, 3.0], requires_grad=True)
    mask = (x > 0) & ~(x > 2) | (x < -5) ^ (x > 100)
    assert mask.tolist() == [False, True, False]
    assert not mask.requires_grad


def test_a_wrong_axis_is_a_value_error_and_an_index_error():
    for kind in (ValueError, IndexError):
        with pytest.raises(kind, match="axis 3 is out of bounds"):
            tg.ones(2).sum(axis=3)


def test_a_singular_matrix_is_numpy_s_linalg_error():
    with pytest.raises(np.linalg.LinAlgError, match="Singular matrix"):
        tg.linalg.inv(tg.zeros((2, 2)))


@pytest.mark.parametrize("value", [300, -1])
def test_a_number_too_large_for_the_dtype_is_refused_as_numpy_does(value):
    x = Tensor(np.zeros(2, np.uint8))
    with pytest.raises(OverflowError):
        x[0] = value
    with pytest.raises(OverflowError):
        x += value
    assert x.tolist() == [0, 0]


@pytest.mark.parametrize("dtype", ["i1", "u1", "i4", "i8", "?"])
@pytest.mark.parametrize(
    "number", [np.int8(100), np.uint8(200), np.int64(1000), np.float32(1.5), np.float64(2.5), np.bool_(True), 3, 2.5]
)
def test_numbers_of_numpy_beside_whole_numbers_and_booleans_promote_as_in_numpy(dtype, number):
    """An int8 100 plus np.int64(100) was -56: NumPy's numbers were as weak there as beside floating numbers."""
    x = np.array([100, 1, 2]).astype(dtype)
    for f in (np.add, np.multiply, np.maximum, np.equal, lambda a, b: a + b, lambda a, b: b * a, np.arctan2):
        with np.errstate(over="ignore"):
            expected = f(x, number)
            found = f(tg.from_numpy(x), number)
        assert found.dtype == expected.dtype
        assert np.array_equal(found.numpy(), expected)


@pytest.mark.parametrize("number", [np.float64(2.5), np.int64(3), np.float16(0.5), 2.5, 3])
def test_numbers_of_numpy_leave_float32_what_it_is(number):
    x = tg.Tensor([1.0, 2.0], requires_grad=True, dtype=np.float32)
    for f in (np.add, np.hypot, lambda a, b: b * a, lambda a, b: np.where([True, False], a, b)):
        assert f(x, number).dtype == np.float32
