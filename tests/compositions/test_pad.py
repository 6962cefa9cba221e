"""np.pad with every mode that has a derivative, NumPy the witness."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.compositions.agreement import assert_agrees, distinct, random_shape
from tinygrad_edu.errors import DtypeError, ShapeError

SEEDS = st.integers(0, 2**32 - 1)
few = settings(max_examples=max(settings().max_examples // 3, 1))  # each example checks three derivatives
MODES = [
    ("constant", {}), ("constant", {"constant_values": 2.5}), ("constant", {"constant_values": (1, -1)}),
    ("edge", {}), ("wrap", {}), ("reflect", {}), ("symmetric", {}),
    ("reflect", {"reflect_type": "odd"}), ("symmetric", {"reflect_type": "odd"}), ("reflect", {"reflect_type": "even"}),
    ("linear_ramp", {}), ("linear_ramp", {"end_values": (3, -2.5)}),
    ("maximum", {}), ("minimum", {}), ("mean", {}), ("median", {}),
    ("maximum", {"stat_length": 2}), ("mean", {"stat_length": (1, 2)}), ("median", {"stat_length": ((2, 1),)}),
    ("minimum", {"stat_length": 50}),
]  # fmt: skip


VALUES = [
    ((2, 3), 1, ()), ((3,), (2, 1), (2,)), ((2, 2), ((1, 2), (0, 1)), (2, 2)), ((2,), 2, (1,)),
    ((2, 3), ((0, 1), (2, 0)), (1, 2)), ((), 1, ()), ((2, 3), 0, ()),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "name"), [("constant", "constant_values"), ("linear_ramp", "end_values")])
@pytest.mark.parametrize(("shape", "width", "values"), VALUES, ids=str)
def test_gradients_flow_through_the_numbers_of_a_border(mode, name, shape, width, values):
    x, border = (np.random.default_rng(0).normal(size=size) for size in (shape, values))
    pads = [lambda x, border, pad=pad: pad(x, width, mode, **{name: border}) for pad in (tg.pad, np.pad)]
    assert_agrees(pads[0], x, border, plain=pads[1])
    mixed = tg.pad(x, width, mode, **{name: (tg.Tensor(0.5, requires_grad=True), 2)})
    np.testing.assert_allclose(mixed.detach().numpy(), np.pad(x, width, mode, **{name: (0.5, 2)}))
    narrow = tg.pad(x.astype(np.float32), 1, mode, **{name: tg.Tensor(0.5, requires_grad=True)})
    assert narrow.dtype == np.float32


def test_an_empty_border_is_of_zeros():
    assert_agrees(lambda x: tg.pad(x, (1, 2), "empty"), np.array([1.0, 2.0]), plain=lambda x: np.pad(x, (1, 2)))


def widths(rng, ndim):
    pairs = rng.integers(0, 7, (ndim, 2))
    forms = [int(rng.integers(0, 4)), (2, 1), ((1, 3),), pairs, pairs.tolist(), np.array([2])]
    return forms[int(rng.integers(len(forms)))]


@pytest.mark.parametrize(("mode", "options"), MODES, ids=str)
@given(seed=SEEDS)
@few
def test_every_mode_and_width(mode, options, seed):
    rng = np.random.default_rng(seed)
    x = distinct(rng, random_shape(rng, high=2))
    pad_width = widths(rng, x.ndim)
    assert_agrees(lambda x: np.pad(x, pad_width, mode, **options), x)


@pytest.mark.parametrize(("mode", "options"), MODES, ids=str)
def test_whole_numbers_are_padded_as_in_numpy(mode, options):
    for x in (np.arange(6).reshape(2, 3), np.array([3, 1, 7], np.int8)):
        got, expected = np.pad(tg.Tensor(x), 3, mode, **options), np.pad(x, 3, mode, **options)
        assert got.dtype == expected.dtype
        assert got.tolist() == expected.tolist()


def test_widths_by_axis():
    x = tg.Tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    y = tg.pad(x, {-1: (1, 2), 0: 1}, mode="edge")
    assert y.tolist() == np.pad(x.detach().numpy(), [(1, 1), (1, 2)], mode="edge").tolist()
    y.sum().backward()
    assert x.grad.tolist() == [[4, 2, 6], [4, 2, 6]]


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "mean", "linear_ramp"])
def test_without_axes_or_width_the_result_is_a_copy(mode):
    for x in (np.array(3.0), np.ones((2, 2))):
        t = tg.Tensor(x, requires_grad=True)
        y = np.pad(t, 0, mode)
        assert y.tolist() == x.tolist()
        y[...] = 9.0
        assert t.tolist() == x.tolist()


def test_empty_axes_take_a_border_of_constants_only():
    x = tg.Tensor(np.ones((0, 2)), requires_grad=True)
    assert np.pad(x, 1, constant_values=4.0).tolist() == [[4] * 4] * 2
    assert np.pad(x, ((0, 0), (1, 1)), "edge").shape == (0, 4)
    with pytest.raises(ShapeError, match="without elements"):
        np.pad(x, 1, "edge")


@pytest.mark.parametrize(
    ("call", "error", "text"),
    [
        (lambda x: np.pad(x, 1, "void"), ShapeError, "no mode 'void'"),
        (lambda x: np.pad(x, 1, "edge", constant_values=3), ShapeError, "takes no constant_values"),
        (lambda x: np.pad(x, -1), ShapeError, "can't be negative"),
        (lambda x: np.pad(x, 1.5), DtypeError, "whole numbers"),
        (lambda x: np.pad(x, ((1, 1),) * 3), ShapeError, "broadcast"),
        (lambda x: tg.pad(x, {5: 1}), ShapeError, "names axes"),
        (lambda x: np.pad(x, 1, constant_values=x[0]), ShapeError, "pad: constant_values"),
        (lambda x: np.pad(x, 1, "mean", stat_length=0), ShapeError, "stat_length 0"),
        (lambda x: np.pad(x, 1, "reflect", reflect_type="strange"), ShapeError, "'even' or 'odd'"),
    ],
)
def test_misuse_is_refused_with_its_reason(call, error, text):
    with pytest.raises(error, match=text) as caught:
        call(tg.Tensor(np.ones((2, 4)), requires_grad=True))
    assert "test_pad.py" in str(caught.value)


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "wrap", "linear_ramp", "maximum", "mean", "empty"])
@pytest.mark.parametrize("width", [0, 1, (1, 2), ((1, 2),), -1, 1.5], ids=str)
def test_a_number_has_nothing_to_pad(mode, width):
    try:
        expected = np.pad(np.array(2.5), width, mode=mode)
    except (TypeError, ValueError) as refusal:
        with pytest.raises(type(refusal)):
            tg.pad(tg.Tensor(2.5), width, mode=mode)
    else:
        x = tg.Tensor(2.5, requires_grad=True)
        padded = tg.pad(x, width, mode=mode)
        assert (padded.shape, padded.item()) == (expected.shape, expected.item())
        assert tg.gradients(padded, x).item() == 1
