"""Whose memory an array is: no write, by whatever way, gives a wrong gradient without a word."""

import copy
import operator
import pickle
import re

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import DtypeError, GradientError, ShapeError


def leaf(value, **options):
    return Tensor(value, requires_grad=True, **options)


def in_no_grad(write):
    def written(x):
        with tg.no_grad():
            write(x)

    written.__name__ = write.__name__
    return written


def add_to_data(x):
    x.data -= 1.0


def replace_data(x):
    x.data = x.data * 5


def add_in_place(x):
    x += 1.0


def set_element(x):
    x[0] = 9.0


def out_argument(x):
    np.add(x, 1.0, out=x)


def through_a_view(x):
    x[1:][0] = 9.0


def through_a_row_of_an_iteration(x):
    for part in x.reshape(1, -1):
        part += 1.0


def through_detach(x):
    x.detach()[1] = 9.0


def through_the_data_of_detach(x):
    d = x.detach()
    d.data -= 1.0


def through_a_view_of_detach(x):
    d = x.detach()[1:]
    d *= 2.0


def through_the_former_leaf(x):
    x.requires_grad = False
    x += 1.0


def in_place_and_then_replaced(x):
    with tg.no_grad():
        x += 1.0
    x.data = np.zeros(3)


WRITES = [
    add_to_data,
    replace_data,
    in_no_grad(add_in_place),
    in_no_grad(set_element),
    in_no_grad(out_argument),
    in_no_grad(through_a_view),
    in_no_grad(through_a_row_of_an_iteration),
    through_detach,
    through_the_data_of_detach,
    through_a_view_of_detach,
    through_the_former_leaf,
    in_place_and_then_replaced,
]
READERS = {  # functions whose rule reads the leaf
    "square": lambda x: x * x,
    "product with another": lambda x: x * OTHER,
    "power": lambda x: x**3,
    "view, then square": lambda x: x[1:] * x[1:],
    "reshaped and squared": lambda x: x.reshape(3, 1) ** 2,
    "transposed product": lambda x: x[None] @ x[:, None],
    "max": lambda x: x.max(),
    "max along an axis": lambda x: x.reshape(1, 3).max(axis=1),
    "min": lambda x: x.min(),
    "maximum": lambda x: tg.maximum(x, 1.5),
    "relu": lambda x: tg.relu(x - 0) * 0 + tg.relu(x),
    "absolute": tg.abs,
    "where": lambda x: tg.where(x > 0, x * x, 0.0),
    "clip": lambda x: tg.clip(x, 0.0, 2.5),
    "log": tg.log,
    "logsumexp": tg.logsumexp,
    "prod": lambda x: x.reshape(3, 1) * x,
}
OTHER = leaf([1.0, 1.0, 1.0], name="other")
NON_READERS = {  # the gradient doesn't depend on the leaf's numbers, or the op kept its own
    "sum": tg.sum,
    "mean": lambda x: x.mean(),
    "times 2": lambda x: x * 2,
    "plus": lambda x: x + 1,
    "exp": tg.exp,
    "tanh": tg.tanh,
    "sigmoid": tg.sigmoid,
    "softmax": tg.softmax,
    "view": lambda x: x[1:] + x[:-1],
    "copy, then square": lambda x: x.copy() ** 2,
    "joined": lambda x: tg.concatenate([x, x]),
    "picked": lambda x: x[[0, 0, 2]],
}


@pytest.mark.parametrize("write", WRITES, ids=[f.__name__ for f in WRITES])
@pytest.mark.parametrize("f", READERS.values(), ids=READERS.keys())
def test_backward_through_a_value_that_a_write_has_destroyed_is_an_error_with_both_lines(f, write):
    x = leaf([1.0, 2.0, 3.0], name="x")
    y = f(x).sum()
    write(x)
    with pytest.raises(GradientError) as caught:
        y.backward()
    text = str(caught.value)
    assert "was written after a recorded op saved its value" in text
    assert re.search(r"saved: +by \w+ at test_memory.py:\d+", text)
    assert re.search(r"changed: +at test_memory.py:\d+", text)
    assert "call backward before the write, or compute the loss again after it" in text


@pytest.mark.parametrize("write", WRITES, ids=[f.__name__ for f in WRITES])
@pytest.mark.parametrize("f", NON_READERS.values(), ids=NON_READERS.keys())
def test_write_that_no_rule_would_notice_does_no_harm(f, write):
    x, untouched = leaf([1.0, 2.0, 3.0]), leaf([1.0, 2.0, 3.0])
    y = f(x).sum()
    grad_of_untouched = tg.gradients(f(untouched).sum(), untouched).tolist()
    write(x)
    if x.requires_grad:
        assert tg.gradients(y, x).tolist() == pytest.approx(grad_of_untouched)


def test_error_has_the_lines_of_the_op_and_of_the_write():
    w = leaf([1.0, 2.0], name="w")
    y = w * w
    w.data -= 0.1
    with pytest.raises(GradientError) as caught:
        y.sum().backward()
    first = test_error_has_the_lines_of_the_op_and_of_the_write.__code__.co_firstlineno
    assert str(caught.value).splitlines() == [
        "w (2,) was written after a recorded op saved its value",
        f"  where:   test_memory.py:{first + 5}",
        f"  saved:   by multiply at test_memory.py:{first + 2}",
        f"  changed: at test_memory.py:{first + 3}",
        "  why:     the gradient needs the old value, which is gone",
        "  fix:     call backward before the write, or compute the loss again after it",
        "  code:    saved-value-written",
    ]


def test_graph_made_after_the_write_is_right():
    x = leaf([1.0, 2.0])
    (x * x).sum().backward()
    x.data -= 0.5
    x.grad = None
    (x * x).sum().backward()
    assert x.grad.tolist() == [1.0, 3.0]


def test_write_between_two_backwards_of_one_graph_is_noticed():
    x = leaf([1.0, 2.0])
    y = (x * x).sum()
    y.backward()
    x.data *= 2
    with pytest.raises(GradientError):
        y.backward()
    assert x.grad.tolist() == [2.0, 4.0]


def test_write_between_a_gradient_and_its_derivative_is_noticed():
    x = leaf([1.0, 2.0])
    g = tg.gradients((x * x * x).sum(), x, create_graph=True)
    x.data *= 2
    with pytest.raises(GradientError):
        tg.gradients(g.sum(), x)


def test_write_to_a_leaf_that_the_graph_does_not_hold_is_nobodys_business():
    x, other = leaf([1.0]), leaf([1.0])
    y = x * x
    other.data += 1
    y.backward()
    assert x.grad.tolist() == [2.0]


# --- writes that are refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize("write", [add_in_place, set_element, out_argument])
def test_write_to_a_leaf_while_recording_is_an_error_with_the_fix(write):
    x = leaf([1.0, 2.0, 3.0], name="x")
    with pytest.raises(GradientError) as caught:
        write(x)
    assert "x (3,) float64 is a leaf that requires grad, and a recorded graph may need its value" in str(caught.value)
    assert "with tg.no_grad(): … for an update, or y = x + 1 for a new tensor" in str(caught.value)
    assert x.tolist() == [1.0, 2.0, 3.0]


VIEWS = {
    "slice": lambda h: h[1:],
    "row": lambda h: h.reshape(1, 3)[0],
    "transpose": lambda h: h.reshape(1, 3).T,
    "reshape": lambda h: h.reshape(3, 1),
    "broadcast": lambda h: tg.broadcast_to(h, (2, 3)),
    "expand_dims": lambda h: tg.expand_dims(h, 0),
    "squeeze": lambda h: tg.squeeze(h.reshape(1, 3)),
    "newaxis": lambda h: h[None],
    "ellipsis": lambda h: h[...],
}


@pytest.mark.parametrize("view", VIEWS.values(), ids=VIEWS.keys())
@pytest.mark.parametrize("write", [add_in_place, set_element, out_argument])
@pytest.mark.parametrize("base", [lambda x: x, lambda x: x * 2], ids=["leaf", "computed"])
def test_write_through_a_view_of_a_tracked_tensor_is_an_error_that_shows_how_to_write(base, write, view):
    h = base(leaf([1.0, 2.0, 3.0]))
    v = view(h)
    with pytest.raises(GradientError) as caught:
        write(v)
    assert "is a view of another tracked tensor, which the write would not reach" in str(caught.value)
    assert "v = x[1:]; v[0] = 5 becomes x[1] = 5; or copy first: v = x[1:].copy()" in str(caught.value)
    assert h.tolist() == base(Tensor([1.0, 2.0, 3.0])).tolist()


@pytest.mark.parametrize(
    "view", [lambda h: h[1:].copy(), lambda h: h[[1, 2]], lambda h: h[1:] * 1, lambda h: h.reshape(3, 1) + 0]
)
def test_write_to_a_copy_of_a_part_is_allowed_and_does_not_reach_the_whole(view):
    h = leaf([1.0, 2.0, 3.0]) * 2
    v = view(h)
    v[0] = 50.0
    v *= 2
    assert h.tolist() == [2.0, 4.0, 6.0]


def test_tracked_value_written_through_a_view_of_a_constant_was_lost_to_it():
    out, w = tg.zeros((2, 2)), leaf(3.0)
    row = out[0]
    with pytest.raises(GradientError, match="which a value that requires grad would not reach"):
        row[1] = w
    with pytest.raises(GradientError, match="would not reach"):
        row += w
    out[0, 1] = w
    assert out.tolist() == [[0.0, 3.0], [0.0, 0.0]]


def test_tracked_value_may_be_written_to_a_view_that_nobody_else_sees():
    w = leaf(3.0)
    out = tg.zeros(4).reshape(2, 2)
    out[0, 1] = w
    out.sum().backward()
    assert w.grad.item() == 1.0


def test_data_of_a_computed_tensor_is_read_only_and_cannot_be_replaced():
    y = leaf([1.0, 2.0]) * 2
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 1
    with pytest.raises(GradientError, match=r"only a leaf's \.data can be set; this tensor was computed"):
        y.data = np.zeros(2)
    with pytest.raises(ValueError, match="read-only"):
        y.data += 1


def test_data_keeps_its_shape_and_dtype():
    x = leaf([1.0, 2.0], dtype=np.float32)
    x.data = np.array([3.0, 4.0])
    assert (x.dtype, x.tolist()) == (np.float32, [3.0, 4.0])
    x.data = Tensor([5.0, 6.0])
    assert x.tolist() == [5.0, 6.0]
    with pytest.raises(ShapeError, match=r"can't put an array of shape \(3,\) into .data of shape \(2,\)"):
        x.data = np.zeros(3)


def test_grad_that_is_set_gets_the_shape_and_dtype_of_the_tensor():
    x = leaf([1.0, 2.0], dtype=np.float32)
    x.grad = np.ones(2)
    (x * 2).sum().backward()
    assert (x.grad.dtype, x.grad.tolist()) == (np.float32, [3.0, 3.0])
    with pytest.raises(ShapeError, match=r"a gradient of shape \(3,\) doesn't fit a tensor of shape \(2,\)"):
        x.grad = np.ones(3)
    with pytest.raises(GradientError, match=r"only a tensor that requires grad has a \.grad"):
        Tensor(1.0).grad = 1.0


# --- constants: NumPy's aliasing outside graphs, copies inside -----------------------------------------------


def constants():
    """Constants whose memory other handles or arrays share: (the constant, a way to write 100 into its element 0)."""
    c = Tensor([1.0, 2.0])
    yield "itself", c, lambda: c.__setitem__(0, 100.0)
    exposed = Tensor([1.0, 2.0])
    yield "its data", exposed, lambda array=exposed.data: array.__setitem__(0, 100.0)
    named = Tensor([1.0, 2.0], name="n")
    yield "its data, named", named, lambda array=named.data: array.__setitem__(0, 100.0)
    array = np.array([1.0, 2.0])
    yield "from_numpy", tg.from_numpy(array), lambda: array.__setitem__(0, 100.0)
    other = np.array([1.0, 2.0])
    yield "from_numpy, named", tg.from_numpy(other, name="n"), lambda: other.__setitem__(0, 100.0)
    whole = Tensor([1.0, 2.0])
    yield "a view of it", whole, lambda v=whole[:1]: v.__setitem__(0, 100.0)
    part = Tensor([1.0, 2.0])
    yield "what it is a view of", part[:], lambda: part.__setitem__(0, 100.0)
    detached = Tensor([1.0, 2.0])
    twin = detached.detach()
    yield "its detached twin", detached, lambda d=twin: d.__setitem__(0, 100.0)
    copied = Tensor([1.0, 2.0])
    duplicate = copy.copy(copied)
    yield "its copy.copy", copied, lambda d=duplicate: d.__setitem__(0, 100.0)
    computed = leaf([1.0, 2.0]) * 1
    result = computed.detach()
    yield "data of a detached result", computed.detach(), lambda d=result: d.data.__setitem__(0, 100.0)
    former = leaf([1.0, 2.0])
    former.requires_grad = False
    yield "a former leaf", former, lambda: former.__setitem__(0, 100.0)


@pytest.mark.parametrize("place", range(len(list(constants()))), ids=[name for name, _, _ in constants()])
@pytest.mark.parametrize("seen_before", [False, True])
def test_graph_keeps_the_constant_as_it_was(place, seen_before):
    _, constant, write = list(constants())[place]
    w = leaf([1.0, 1.0])
    if seen_before:
        tg.stack([w * constant, w]).sum().backward()
        w.grad = None
    y = w * constant
    z = tg.where(constant > 0, w * w, 0.0) @ constant
    write()
    y.sum().backward()
    z.backward()
    assert w.grad.tolist() == [3.0, 6.0]


def test_writes_to_a_constant_are_seen_through_its_views_whether_a_graph_holds_it_or_not():
    for held in (False, True):
        c, w = Tensor([1.0, 2.0, 3.0]), leaf([1.0, 1.0, 1.0])
        y = w * c if held else None
        v = c[1:]
        v[0] = 9.0
        assert c.tolist() == [1.0, 9.0, 3.0]
        c[2] = 8.0
        assert v.tolist() == [9.0, 8.0]
        if held:
            y.sum().backward()
            assert w.grad.tolist() == [1.0, 2.0, 3.0]


def test_writes_to_a_detached_result_never_reach_the_result():
    writes = [
        lambda d: d.__setitem__(0, 100.0),
        lambda d: d.data.__setitem__(0, 100.0),
        lambda d: d[:1].__setitem__(0, 100.0),
        lambda d: d.reshape(2, 1).data.fill(100.0),
        lambda d: np.multiply(d, 100.0, out=d),
        lambda d: d.__imul__(100.0),
    ]
    for write in writes:
        x = leaf([1.0, 2.0])
        y = tg.exp(x)
        write(y.detach())
        y.sum().backward()
        assert x.grad.tolist() == np.exp([1.0, 2.0]).tolist()


def test_from_numpy_shares_both_ways():
    a = np.zeros(2)
    t = tg.from_numpy(a)
    a[0] = 5
    t[1] = 7
    assert (t.tolist(), a.tolist()) == ([5.0, 7.0], [5.0, 7.0])
    w = tg.from_numpy(a, requires_grad=True)
    w.data += 1
    assert a.tolist() == [6.0, 8.0]
    with pytest.raises(TypeError, match="from_numpy shares an array; it can't share list"):
        tg.from_numpy([1.0])


def test_value_of_a_transform_was_the_callers_tensor():
    c, w = Tensor(3.0), leaf(2.0)
    y = w * c
    value, _ = tg.value_and_grad(lambda x: c)(1.0)
    value += 100
    y.backward()
    assert (c.item(), w.grad.item()) == (3.0, 3.0)


def test_value_of_vjp_shared_its_array_with_the_graph_that_pull_needs():
    value, pull = tg.vjp(tg.exp, np.array([1.0]))
    value += 100
    assert pull(np.ones(1))[0].tolist() == [np.exp(1.0)]


@pytest.mark.parametrize("make", [np.array, Tensor, lambda v: tg.from_numpy(np.array(v))], ids=["array", "t", "shared"])
def test_argument_written_between_a_call_and_its_pull_changed_the_gradient(make):
    argument = make([1.0, 2.0])
    _, pull = tg.vjp(lambda x: x * x, argument)
    argument[...] = 100.0
    assert pull(np.ones(2))[0].tolist() == [2.0, 4.0]


# --- copies --------------------------------------------------------------------------------------------------


def test_deepcopy_of_a_leaf_is_a_leaf_of_its_own():
    w = leaf([1.0], name="w")
    c = copy.deepcopy(w)
    (c * c).backward()
    assert (c.name, c.grad.tolist(), w.grad) == ("w", [2.0], None)
    with pytest.raises(GradientError, match="only leaves can be copied"):
        copy.deepcopy(w * 2)


def test_deepcopy_keeps_shared_weights_shared():
    w = leaf([1.0])
    first, second = copy.deepcopy([w, w])
    assert first is second


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickled_leaf_or_constant_can_be_loaded_again(protocol):
    """What `pickle.dumps` had written could not be read: "'Leaf' object attribute 'inputs' is read-only"."""
    w, data = leaf([[1.0, 2.0]], name="w"), tg.from_numpy(np.arange(3, dtype=np.float32))
    w.grad = Tensor([[5.0, 5.0]])
    first, second, constant = pickle.loads(pickle.dumps([w, w, data], protocol))
    assert first is second
    assert (first.name, first.requires_grad, first.grad) == ("w", True, None)
    assert not constant.requires_grad
    assert (constant.dtype, constant.tolist()) == (np.float32, [0.0, 1.0, 2.0])
    (first * first).sum().backward()
    assert (first.grad.tolist(), w.grad.tolist()) == ([[2.0, 4.0]], [[5.0, 5.0]])
    with pytest.raises(GradientError, match="only leaves can be pickled"):
        pickle.dumps(w * 2, protocol)


def test_a_pickled_network_and_its_optimiser_train_on_together():
    net = tg.nn.MLP([2, 3, 1], rng=0)
    optimiser = tg.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    pairs = [(net, optimiser), pickle.loads(pickle.dumps((net, optimiser)))]
    for model, steps in pairs:
        for _ in range(2):
            steps.zero_grad()
            model(np.ones((4, 2))).sum().backward()
            steps.step()
    ours, theirs = (model.state_dict() for model, _ in pairs)
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


def test_shallow_copy_of_a_leaf_is_another_handle_on_it():
    w = leaf([1.0])
    c = copy.copy(w)
    (c * c).backward()
    assert w.grad.tolist() == [2.0]
    h = w * 2
    assert tg.gradients(copy.copy(h) * 3, h).tolist() == [3.0]


@pytest.mark.parametrize("part", [lambda v: v.detach(), lambda v: v.detach()[:], lambda v: v.reshape(2, 1).detach()])
def test_detached_view_of_a_leaf_changed_in_the_graph_with_the_next_step_of_the_optimiser(part):
    x, w = leaf([1.0, 2.0, 3.0]), leaf([1.0, 1.0])
    y = w * part(x[1:]).reshape(2)
    x.data -= 1.0
    y.sum().backward()
    assert w.grad.tolist() == [2.0, 3.0]


# --- x[i] += y -------------------------------------------------------------------------------------------------


def test_augmented_writes_to_parts_of_a_computed_tensor_are_recorded():
    x, y = leaf([1.0, 2.0, 3.0, 4.0]), leaf([5.0, 6.0])
    z = x * 2
    z[1:3] += y
    z[0] *= 3
    z[-1:] -= 1
    z[[0, 0, 1]] += 1.0
    expected = np.arange(2.0, 10, 2)
    expected[1:3] += [5, 6]
    expected[0] *= 3
    expected[-1:] -= 1
    expected[[0, 0, 1]] += 1.0
    assert z.tolist() == expected.tolist()
    (z * z).sum().backward()
    assert x.grad.tolist() == (2 * expected * [6, 2, 2, 2]).tolist()
    assert y.grad.tolist() == (2 * expected[1:3]).tolist()


@pytest.mark.parametrize("op", [operator.iadd, operator.imatmul, operator.ifloordiv, operator.imod])
def test_every_in_place_operator_reaches_the_whole_through_a_part(op):
    x, y = np.arange(1.0, 10).reshape(3, 3), np.array([[2.0, 1.0], [0.5, 4.0]])
    z, expected = leaf(x) * 1, x.copy()
    if op is operator.iadd:
        z[1:, 1:] += y
    elif op is operator.imatmul:
        z[1:, 1:] @= y
    elif op is operator.ifloordiv:
        z[1:, 1:] //= y
    else:
        z[1:, 1:] %= y
    expected[1:, 1:] = op(expected[1:, 1:].copy(), y)
    assert z.tolist() == expected.tolist()


def test_augmented_write_of_a_tracked_value_into_a_buffer():
    w, buffer = leaf([1.0, 2.0]), tg.zeros(4)
    buffer[1:3] += w
    buffer[1:3] *= w
    buffer.sum().backward()
    assert (buffer.tolist(), w.grad.tolist()) == ([0.0, 1.0, 4.0, 0.0], [2.0, 4.0])


def test_augmented_write_to_shared_memory_reaches_the_array():
    array = np.zeros(3)
    x = tg.from_numpy(array)
    x[1:] += 5.0
    x[0] -= 1.0
    assert array.tolist() == [-1.0, 5.0, 5.0]


def test_augmented_write_to_a_part_that_has_a_name_or_lies_in_a_list_is_an_error():
    z = leaf([1.0, 2.0, 3.0]) * 2
    part = z[1:]
    parts = [z[1:]]
    with pytest.raises(GradientError, match="would not reach"):
        part += 1
    with pytest.raises(GradientError, match="would not reach"):
        parts[0] += 1
    with pytest.raises(GradientError, match="would not reach"):
        z[1:][0] += 1
    assert z.tolist() == [2.0, 4.0, 6.0]


def test_augmented_write_to_a_part_of_a_leaf_needs_no_grad():
    x = leaf([1.0, 2.0, 3.0])
    with pytest.raises(GradientError, match="is a leaf that requires grad"):
        x[0] += 1
    with tg.no_grad():
        x[0] += 1
        x[1:] *= 2
    assert x.tolist() == [2.0, 4.0, 6.0]


def test_augmented_write_keeps_the_dtype():
    x = Tensor([1, 2, 3])
    with pytest.raises(DtypeError, match="can't put float64 into int64"):
        x[1:] += 1.5
    z = leaf([1.0, 2.0], dtype=np.float32) * 1
    z[:1] += np.ones(1)
    assert (z.dtype, z.tolist()) == (np.float32, [2.0, 2.0])


def test_in_place_operators_of_whole_numbers():
    x, y = Tensor([6, 4]), np.array([6, 4])
    other, also = x, y
    for op, value in ((operator.irshift, 1), (operator.ior, 8), (operator.ixor, 1), (operator.iand, 15),
                      (operator.ilshift, 2), (operator.ifloordiv, 3), (operator.imod, 5)):  # fmt: skip
        x, y = op(x, value), op(y, value)
    assert x.tolist() == y.tolist() == other.tolist() == also.tolist()
    assert (2 << x).tolist() == (2 << y).tolist()
    assert ((x << 2) >> 1).tolist() == ((y << 2) >> 1).tolist()
    assert (64 >> x).tolist() == (64 >> y).tolist()
    assert int(y[0]) in x
    assert 99 not in x


def test_a_view_of_a_leaf_whose_graph_was_freed_is_copied_into_the_next_graph():
    w, u = leaf([1.0, 2.0, 3.0]), leaf([1.0, 1.0])
    v = w[1:]
    (v * v).sum().backward(retain_graph=False)
    y = (u * v.detach()).sum()
    w.data -= 10
    y.backward()
    assert u.grad.tolist() == [2.0, 3.0]


def test_a_write_to_elements_that_are_one_number_in_memory_is_refused():
    for shape in ((3,), (1, 2, 3)):
        c = Tensor([1.0])
        row = np.broadcast_to(c, shape)
        for write in (lambda x: x.__setitem__(0, 5.0), lambda x: x.__iadd__(5.0), lambda x: np.exp(x, out=x)):
            with pytest.raises(DtypeError, match="several of its elements are one number in memory"):
                write(row)
        assert (c.tolist(), set(row.reshape(-1).tolist())) == ([1.0], {1.0})


def test_a_leaf_on_a_read_only_array_has_gradients_but_is_not_written_and_not_optimised():
    array = np.ones(3)
    array.setflags(write=False)
    x = tg.from_numpy(array, requires_grad=True)
    (x * x).sum().backward()
    assert x.grad.tolist() == [2.0] * 3
    for write in (lambda: x.__isub__(1.0), lambda: x.__setitem__(0, 1.0), lambda: tg.optim.SGD([x], lr=0.1)):
        with tg.no_grad(), pytest.raises(DtypeError, match="its array is read-only"):
            write()
    x.data = np.zeros(3)  # another array
    assert (x.tolist(), array.tolist()) == ([0.0] * 3, [1.0] * 3)


def test_a_read_only_view_of_an_array_that_its_owner_writes_is_copied_into_the_graph():
    array, x = np.ones(3), Tensor(np.ones(3), requires_grad=True)
    view = array.view()
    view.setflags(write=False)
    y = (x * view).sum()
    array[...] = 9.0
    y.backward()
    assert x.grad.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize("held", [False, True])
def test_the_view_that_numpy_gave_sees_later_writes_whether_a_graph_holds_the_constant_or_not(held):
    constant, x = Tensor([1.0, 2.0]), Tensor([3.0, 4.0], requires_grad=True)
    view = constant.numpy()
    y = (x * constant).sum() if held else x.sum()
    constant[0] = 50.0
    assert view.tolist() == [50.0, 2.0]
    y.backward()
    assert x.grad.tolist() == ([1.0, 2.0] if held else [1.0, 1.0])


def test_a_shared_array_that_becomes_a_leaf_is_no_longer_the_owners():
    array = np.ones(2)
    x = tg.from_numpy(array)
    x.requires_grad = True
    y = (x * x).sum()
    array[...] = 9.0
    y.backward()
    assert (x.tolist(), x.grad.tolist()) == ([1.0, 1.0], [2.0, 2.0])


def test_the_array_of_a_computed_tensor_can_not_be_made_writable_again():
    h = leaf([1.0, 2.0]) * 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        h.data.setflags(write=True)
