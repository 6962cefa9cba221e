"""SEMANTICS, the part on writing in place, views and aliasing: no wrong gradient, ever silently."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu import Tensor
from tinygrad_edu.errors import GradientError


def leaf(value, **options):
    return Tensor(value, requires_grad=True, **options)


def test_values_inside_a_graph_are_read_only():
    y = leaf([1.0, 2.0]) * 2
    with pytest.raises(ValueError, match="read-only"):
        y.data[0] = 5.0


@pytest.mark.parametrize("how", ["+=", "index", "out="])
def test_numpy_syntax_computes_out_of_place_and_rebinds_the_handle(how):
    w = leaf([1.0, 2.0])
    x = w * 3
    before = x * x  # has the old value, and keeps it
    if how == "+=":
        x += 1.0
    elif how == "index":
        x[0] = 10.0
    else:
        np.add(x, 1.0, out=x)
    assert x.tolist() == ([10.0, 6.0] if how == "index" else [4.0, 7.0])
    (before + x).sum().backward()
    assert w.grad.tolist() == ([18.0, 39.0] if how == "index" else [21.0, 39.0])


def test_of_duplicate_indices_the_last_write_wins_in_value_and_gradient():
    x, values = leaf([1.0, 1.0]), leaf([10.0, 20.0, 30.0])
    y = x * 1
    y[[0, 0, 1]] = values
    assert y.tolist() == [20.0, 30.0]
    (y * np.array([1.0, 100.0])).sum().backward()
    assert (values.grad.tolist(), x.grad.tolist()) == ([0.0, 1.0, 100.0], [0.0, 0.0])


def test_a_leaf_is_written_inside_no_grad_only_and_outside_the_error_has_the_fix():
    w = leaf([1.0, 2.0])
    with pytest.raises(GradientError, match=r"with tg.no_grad\(\)"):
        w += 1
    with tg.no_grad():
        w += 1
    assert w.tolist() == [2.0, 3.0]
    assert w.requires_grad


def test_an_update_through_data_works():
    p = leaf([1.0, 2.0])
    (p * p).sum().backward()
    p.data -= 0.5 * p.grad
    assert p.tolist() == [0.0, 0.0]


@pytest.mark.parametrize("write", ["data", "no_grad", "step"])
def test_backward_through_a_saved_value_that_was_written_names_both_lines(write):
    w = leaf([1.0, 2.0])
    optimizer = tg.optim.SGD([w], lr=0.1)
    w.grad = np.ones(2)
    loss = (w * w).sum()
    if write == "data":
        w.data *= 2
    elif write == "no_grad":
        with tg.no_grad():
            w *= 2
    else:
        optimizer.step()
    with pytest.raises(
        GradientError, match=r"saved: +by multiply at test_writing\.py:\d+\n  changed: at test_writing\.py"
    ):
        loss.backward()


def test_a_write_that_no_rule_needs_is_no_error():
    w = leaf([1.0, 2.0])
    total = (w * 3).sum()
    w.data *= 2
    total.backward()
    assert w.grad.tolist() == [3.0, 3.0]


def test_writing_through_a_slice_of_a_tracked_tensor_names_the_equivalent():
    x = leaf([1.0, 2.0, 3.0]) * 1
    v = x[1:]
    with pytest.raises(GradientError, match=r"v = x\[1:\]; v\[0\] = 5 becomes x\[1\] = 5"):
        v[0] = 1.0


def test_raw_element_writes_are_found_in_detect_anomaly():
    array = np.array([1.0, 2.0])
    for w, write in ((leaf([1.0, 2.0]), None), (tg.from_numpy(array, requires_grad=True), array)):
        with tg.detect_anomaly():
            loss = (w * w).sum()
            (w.data if write is None else write)[0] = 9.0
            with pytest.raises(GradientError, match="was written after a recorded op saved its value"):
                loss.backward()


def test_constants_that_share_memory_are_copied_when_a_graph_takes_them():
    array = np.array([2.0, 3.0])
    w, data = leaf([1.0, 1.0]), tg.from_numpy(array)
    loss, other = (w * data).sum(), (w * array).sum()
    array[:] = 100.0
    (loss + other).backward()
    assert w.grad.tolist() == [4.0, 6.0]
