"""Watchers: what listeners hear, what strict broadcasting refuses, where NaN and Inf are born."""

from collections import Counter

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import GradientError, NonFiniteError, ShapeError, TinygradWarning


def test_listen_hears_every_op_and_every_rule_in_order():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    heard = []
    with tg.listen(heard.append):
        (tg.exp(x) * x).sum().backward()
    assert [(e.phase, e.op.name) for e in heard] == [
        ("forward", "exp"),
        ("forward", "multiply"),
        ("forward", "sum"),
        ("backward", "sum"),
        ("backward", "multiply"),
        ("backward", "multiply"),
        ("backward", "exp"),
    ]
    assert all(e.seconds >= 0 and e.site.startswith("test_watch.py:") for e in heard)
    assert [e.bytes for e in heard[:3]] == [16, 16, 8]


def test_listen_ends_with_its_block_and_changes_no_number():
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    heard = []
    with tg.listen(heard.append):
        watched = tg.exp(x) * x
    plain = tg.exp(x) * x
    assert len(heard) == 2
    np.testing.assert_array_equal(watched.detach().numpy(), plain.detach().numpy())


def test_strict_broadcasting_refuses_only_what_stretches_every_operand():
    column, row = tg.ones((3, 1)), tg.ones(3)
    assert (column + row).shape == (3, 3)
    with tg.strict_broadcasting():
        assert (tg.ones((3, 3)) + row).shape == (3, 3)
        assert (column * 2.0).shape == (3, 1)
        with pytest.raises(ShapeError, match=r"\(3, 1\) and \(3,\) become \(3, 3\)"):
            column + row


def test_anomaly_forward_names_op_index_operand_and_line():
    x = tg.Tensor([4.0, -1.0, 0.0], requires_grad=True, name="x")
    with tg.detect_anomaly(), pytest.raises(NonFiniteError) as error:
        tg.sqrt(x * 1.0)
    text = str(error.value)
    assert text.startswith("forward: sqrt made NaN")
    assert "NaN at index (1,) of sqrt's result" in text
    assert "[1] = -1.0" in text
    assert "test_watch.py:" in text


def test_anomaly_finds_inf_too_and_passes_on_what_was_bad_already():
    with tg.detect_anomaly():
        with pytest.raises(NonFiniteError, match="exp made Inf"):
            tg.exp(tg.Tensor([1000.0]))
        assert np.isinf((tg.Tensor([np.inf]) * 2).numpy()).all()


def test_anomaly_backward_finds_the_rule_where_the_number_was_born():
    x = tg.Tensor([0.0, 1.0], requires_grad=True, name="x")
    with tg.detect_anomaly(), pytest.raises(NonFiniteError, match="backward: the rule of sqrt made Inf"):
        tg.sqrt(x).sum().backward()


def test_anomaly_recognises_the_masked_branch_and_prints_the_double_where():
    x = tg.Tensor([0.0, 1.0], requires_grad=True, name="x")
    with tg.detect_anomaly(), pytest.raises(NonFiniteError) as error:
        tg.where(x > 0, tg.sqrt(x), 0.0).sum().backward()
    text = str(error.value)
    assert "0 · inf" in text
    assert "where(mask, sqrt(where(mask, x, 1.0)), 0.0)" in text


def test_the_double_where_that_is_advised_has_the_right_gradient():
    x = tg.Tensor([0.0, 4.0], requires_grad=True)
    mask = x > 0
    with tg.detect_anomaly():
        tg.where(mask, tg.sqrt(tg.where(mask, x, 1.0)), 0.0).sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), [0.0, 0.25])


# --- writes that nobody sees ---------------------------------------------------------------------------------


def test_a_raw_element_write_made_a_wrong_gradient():
    w = tg.Tensor([1.0, 2.0], requires_grad=True, name="w")
    with tg.detect_anomaly():
        loss = (w * w).sum()
        total = w.sum()
        w.data[0] = 5.0
        later = (w * 1.0).sum()
        with pytest.raises(GradientError) as caught:
            (loss + total + later).backward()
    first = test_a_raw_element_write_made_a_wrong_gradient.__code__.co_firstlineno
    assert str(caught.value).splitlines() == [
        "w (2,) was written after a recorded op saved its value",
        f"  where:   test_watch.py:{first + 8}",
        f"  saved:   by multiply at test_watch.py:{first + 3}",
        f"  changed: after test_watch.py:{first + 4}, before test_watch.py:{first + 6}",
        "  why:     an element of .data, or of the array given to from_numpy, was set; the gradient needs the old one",
        "  fix:     call backward before the write, or compute the loss again after it",
        "  code:    saved-value-written",
    ]
    assert w.grad is None


def test_a_write_to_the_array_that_a_leaf_shares_is_found_through_views_too():
    array = np.array([1.0, 2.0, 3.0])
    w = tg.from_numpy(array, requires_grad=True)
    with tg.detect_anomaly():
        part = w[1:]
        loss = (part * part).sum()
        array[2] = 9.0
        with pytest.raises(GradientError, match=r"this backward"):
            loss.backward()
        with pytest.raises(GradientError, match="was written after"):
            tg.gradients(loss, w)


def test_raw_writes_that_harm_no_gradient_raise_no_alarm():
    array = np.array([1.0, 2.0])
    w, data = tg.Tensor([1.0, 2.0], requires_grad=True), tg.from_numpy(array)
    with tg.detect_anomaly():
        loss = (w * data + w).sum()  # the rules read data, of which the graph holds a copy, and not w
        array[0], w.data[1] = 7.0, 8.0
        loss.backward()
    assert w.grad.tolist() == [2.0, 3.0]


# --- stretching, where it trains -----------------------------------------------------------------------------


def test_a_column_against_a_row_of_as_many_warns_once_where_it_trains():
    prediction, target = tg.Tensor(np.ones((4, 1)), requires_grad=True), np.zeros(4)

    def train(steps):
        for _ in range(steps):
            ((prediction - target) ** 2).mean().backward()

    with pytest.warns(TinygradWarning) as caught:
        train(3)
    (warning,) = caught
    text = str(warning.message)
    line = train.__code__.co_firstlineno + 2
    assert text.startswith(
        f"subtract stretched both operands: (4, 1) and (4,) became (4, 4)\n  where: test_watch.py:{line}\n"
    )
    assert warning.message.code == "both-operands-stretch"


@pytest.mark.parametrize(
    "table",
    [
        lambda x: x * np.ones((1, 4)),  # an outer product, written out
        lambda x: x ** np.arange(3.0),  # powers
        lambda x: x + np.ones((2, 4, 1)),
        lambda x: x - np.ones((4, 4)),
        lambda x: x * np.ones(1),
        lambda x: x[:1] * np.ones(4),
    ],
)
def test_tables_that_are_made_on_purpose_raise_no_alarm(table):
    x = tg.Tensor(np.ones((4, 1)), requires_grad=True)
    table(x).sum().backward()
    assert x.grad.shape == (4, 1)


# --- what listeners are for ----------------------------------------------------------------------------------


def test_listen_measures_the_time_of_each_op():
    seconds = Counter()
    model = tg.nn.MLP([8, 16, 4])
    with tg.listen(lambda event: seconds.update({(event.op.name, event.phase): event.seconds})):
        model(np.ones((32, 8))).sum().backward()
    assert {("matmul", "forward"), ("matmul", "backward"), ("sigmoid", "forward")} <= set(seconds)
    assert all(time >= 0 for time in seconds.values())


def test_listen_counts_the_memory_that_is_made():
    made = []
    x = tg.Tensor(np.ones((10, 10)), requires_grad=True)
    with tg.listen(lambda event: made.append(event.bytes) if event.phase == "forward" else None):
        (x * 2 + 1).sum()
    assert made == [800, 800, 8]


def test_listen_writes_a_log_with_lines():
    log = []
    x = tg.Tensor([1.0, 2.0], requires_grad=True)
    with tg.listen(lambda event: log.append(f"{event.site} {event.phase} {event.op.name} {event.shape}")):
        tg.exp(x)
    assert log == [f"test_watch.py:{test_listen_writes_a_log_with_lines.__code__.co_firstlineno + 4} forward exp (2,)"]
