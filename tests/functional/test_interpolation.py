"""Images in another size against formulas written out place by place, and what must hold for any of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import DataError, DtypeError, ShapeError

RNG = np.random.default_rng(0)
LINEAR = {1: "linear", 2: "bilinear", 3: "trilinear"}
SIDES = st.tuples(st.integers(1, 8), st.integers(1, 12))


def positions(old, new, corners):
    """Where the new elements lie among the old ones, 0 … old − 1."""
    if corners:
        return [i * (old - 1) / (new - 1) if new > 1 else 0.0 for i in range(new)]
    return [(i + 0.5) * old / new - 0.5 for i in range(new)]


def keys(d, a):
    d = abs(d)
    if d <= 1:
        return (a + 2) * d**3 - (a + 3) * d**2 + 1
    return a * d**3 - 5 * a * d**2 + 8 * a * d - 4 * a if d < 2 else 0.0


@given(SIDES, st.booleans())
def test_straight_lines_are_those_of_numpy(sides, corners):
    old, new = sides
    x = RNG.normal(size=old)
    expected = np.interp(positions(old, new, corners), np.arange(old), x)
    found = F.interpolate(x[None, None], new, mode="linear", align_corners=corners)
    np.testing.assert_allclose(found.numpy()[0, 0], expected if old != new else x, rtol=1e-12, atol=1e-14)


@given(SIDES, st.booleans())
def test_curves_are_the_sum_over_the_four_elements_around(sides, corners):
    old, new = sides
    x = RNG.normal(size=old)
    expected = [
        sum(keys(at - k, -0.75) * x[min(max(k, 0), old - 1)] for k in range(math.floor(at) - 1, math.floor(at) + 3))
        for at in positions(old, new, corners)
    ]
    expected = expected if old != new else x
    found = F.interpolate(np.tile(x, (1, 1, 3, 1)), (3, new), mode="bicubic", align_corners=corners).numpy()
    np.testing.assert_allclose(found[0, 0], np.tile(expected, (3, 1)), rtol=1e-10, atol=1e-12)
    found = F.interpolate(np.tile(x[:, None], (1, 1, 1, 3)), (new, 3), mode="bicubic", align_corners=corners).numpy()
    np.testing.assert_allclose(found[0, 0, :, 1], expected, rtol=1e-10, atol=1e-12)


@given(SIDES, st.sampled_from(["bilinear", "bicubic"]))
def test_antialias_averages_with_the_curve_as_wide_as_a_new_element(sides, mode):
    old, new = sides
    x, wide = RNG.normal(size=old), max(old / new, 1)
    expected = []
    for i in range(new):
        middle = (i + 0.5) * old / new
        curve = [(lambda d: max(1 - abs(d), 0) if mode == "bilinear" else keys(d, -0.5))((k + 0.5 - middle) / wide)
                 for k in range(old)]  # fmt: skip
        expected.append(sum(c * value for c, value in zip(curve, x)) / sum(curve))
    found = F.interpolate(np.tile(x, (1, 1, 3, 1)), (3, new), mode=mode, antialias=True).numpy()
    np.testing.assert_allclose(found[0, 0, 0], expected if old != new else x, rtol=1e-10, atol=1e-12)


@given(st.integers(1, 300), st.integers(1, 300), st.sampled_from(["nearest", "nearest-exact"]))
def test_the_nearest_element_is_found_exactly(old, new, mode):
    x = np.arange(old)
    expected = [(2 * i + (mode != "nearest")) * old // (2 * new) for i in range(new)]
    for dtype in (np.int64, np.float64):
        found = F.interpolate(x.astype(dtype)[None, None], new, mode=mode)
        assert found.tolist() == [[expected]]
        assert found.dtype == dtype


@pytest.mark.parametrize("ndim", [1, 2, 3])
def test_several_axes_are_one_after_the_other_and_n_may_be_left_out(ndim):
    old, new = (5, 3, 4)[:ndim], (3, 6, 4)[:ndim]
    x = RNG.normal(size=(2, 3, *old))
    expected = x
    for axis, side in enumerate(new, 2):
        lines = np.moveaxis(expected, axis, -1)
        shape = lines.shape[:-1]
        lines = F.interpolate(lines.reshape(-1, 1, lines.shape[-1]), side, mode="linear").numpy()
        expected = np.moveaxis(lines.reshape(*shape, side), -1, axis)
    np.testing.assert_allclose(F.interpolate(x, new, mode=LINEAR[ndim]).numpy(), expected)
    np.testing.assert_allclose(F.interpolate(x[0], new, mode=LINEAR[ndim]).numpy(), expected[0])
    area = (F.adaptive_avg_pool1d, F.adaptive_avg_pool2d, F.adaptive_avg_pool3d)[ndim - 1](x, new)
    np.testing.assert_array_equal(F.interpolate(x, new, mode="area").numpy(), area.numpy())
    np.testing.assert_array_equal(F.interpolate(x[0], new, mode="area").numpy(), area.numpy()[0])


ALL = [
    *((mode, {}) for mode in ("nearest", "nearest-exact", "bilinear", "bicubic", "area")),
    ("bilinear", {"align_corners": True}), ("bicubic", {"align_corners": True}),
    ("bilinear", {"antialias": True}), ("bicubic", {"antialias": True}),
]  # fmt: skip


@pytest.mark.parametrize(("mode", "more"), ALL)
@pytest.mark.parametrize("size", [(2, 9), (7, 1), (3, 4)])
def test_derivatives_dtype_mirror_and_constants(mode, more, size):
    x = RNG.normal(size=(1, 2, 4, 5))

    def larger(x):
        return F.interpolate(x, size, mode=mode, **more)

    assert_derivatives(larger, x, plain=lambda x: larger(x).numpy())
    np.testing.assert_allclose(larger(np.full((1, 1, 4, 5), 3.0)).numpy(), 3.0, rtol=1e-12)
    if not mode.startswith("nearest") and not (more.get("align_corners") and 1 in size):
        np.testing.assert_allclose(larger(x[..., ::-1]).numpy(), larger(x).numpy()[..., ::-1], atol=1e-12)
    t = tg.Tensor(x.astype(np.float32), requires_grad=True)
    y = larger(t)
    y.sum().backward()
    assert y.dtype == t.grad.dtype == np.float32
    assert larger(np.zeros((0, 2, 4, 5))).shape == (0, 2, *size)


@pytest.mark.parametrize("factor", [2, 0.5, 1.5, 2.3, (1.0, 2.5)])
def test_a_factor_is_the_distance_of_the_new_elements(factor):
    x = RNG.normal(size=(1, 1, 5, 6))
    factors = factor if isinstance(factor, tuple) else (factor,) * 2
    new = tuple(int(side * f) for side, f in zip((5, 6), factors))
    found = F.interpolate(x, scale_factor=factor, mode="bilinear").numpy()
    rows = [(i + 0.5) / factors[0] - 0.5 for i in range(new[0])] if new[0] != 5 else np.arange(5)
    columns = [(i + 0.5) / factors[1] - 0.5 for i in range(new[1])]
    between = np.array([np.interp(rows, np.arange(5), column) for column in x[0, 0].T]).T
    expected = np.array([np.interp(columns, np.arange(6), row) for row in between])
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-12)
    again = F.interpolate(x, scale_factor=factor, mode="bilinear", recompute_scale_factor=True).numpy()
    np.testing.assert_array_equal(again, F.interpolate(x, new, mode="bilinear").numpy())


def test_an_axis_whose_side_stays_is_left_as_it_is():
    x = RNG.normal(size=(1, 1, 2))
    for mode in ("nearest", "nearest-exact", "linear"):
        np.testing.assert_array_equal(F.interpolate(x, scale_factor=1.3, mode=mode).numpy(), x)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_stays_among_its_neighbours(value):
    x = np.arange(10.0)
    x[0] = value
    for mode, reach in (("nearest", 2), ("linear", 3)):
        found = F.interpolate(x[None, None], 20, mode=mode).numpy()[0, 0]
        clean = F.interpolate(np.arange(10.0)[None, None], 20, mode=mode).numpy()[0, 0]
        np.testing.assert_allclose(found[reach:], clean[reach:])
        assert not np.isfinite(found[:reach]).any()
        t = tg.Tensor(x[None, None], requires_grad=True)
        F.interpolate(t, 20, mode=mode)[..., reach:].sum().backward()
        assert np.isfinite(t.grad.numpy()).all()


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda x: F.interpolate(x), DataError, "interpolate: say either size or scale_factor"),
        (lambda x: F.interpolate(x, 3, 2.0), DataError, "interpolate: say either size or scale_factor"),
        (lambda x: F.interpolate(x, 3, recompute_scale_factor=True), DataError, "interpolate: say either size or"),
        (lambda x: F.interpolate(x, 3, mode="cubic"), DataError, "no mode of interpolate is called 'cubic'"),
        (lambda x: F.interpolate(x, 3, mode="linear"), ShapeError, "interpolate: the input must have 3 axes"),
        (lambda x: F.interpolate(x, (3, 3, 3), mode="bilinear"), ShapeError, "interpolate: 3 sides for 2 axes"),
        (lambda x: F.interpolate(x, 0), DataError, "size must be at least 1, not 0"),
        (lambda x: F.interpolate(x, 2.5), DtypeError, "size must be a whole number, not 2.5"),
        (lambda x: F.interpolate(x, scale_factor=0.1), DataError, "a new side must be at least 1, not 0"),
        (lambda x: F.interpolate(x, scale_factor=-1), DataError, "scale_factor must be at least 0, not -1"),
        (lambda x: F.interpolate(x, 3, align_corners=True), DataError, "interpolate: align_corners means nothing for"),
        (lambda x: F.interpolate(x, 3, mode="area", antialias=True), DataError, "interpolate: antialias is for bilin"),
        (lambda x: F.interpolate(x[..., :0], 3), ShapeError, "interpolate: there is nothing along an axis"),
        (lambda x: F.interpolate(x[0, 0], 3), ShapeError, "interpolate: the input must have 3 to 5 axes"),
        (lambda x: F.interpolate(x * 1j, 3, mode="bilinear"), DtypeError, "interpolate takes real numbers"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(call, error, first_line):
    with pytest.raises(error) as caught:
        call(np.ones((2, 3, 4, 4)))
    assert str(caught.value).startswith(first_line)
    assert "test_interpolation.py:" in str(caught.value)
    assert caught.value.code
