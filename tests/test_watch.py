"""Watchers: what listeners hear, what strict broadcasting refuses, where NaN and Inf are born."""

import numpy as np
import pytest

import tinygrad_edu as tg
from tinygrad_edu.errors import NonFiniteError, ShapeError


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
