"""Images read between their elements, place by place; and what moving, turning and mirroring them must give."""

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
MODES, PADDING = ["bilinear", "nearest"], ["zeros", "border", "reflection"]


def element(image, spot, padding):
    """An element of an image (*sides) at whole numbers, also beyond its ends."""
    inside = [0 <= i < side for i, side in zip(spot, image.shape)]
    if padding == "zeros" and not all(inside):
        return 0.0
    return image[tuple(min(max(i, 0), side - 1) for i, side in zip(spot, image.shape))]


def mirrored(at, low, high):
    """`at` folded back at low and high until it lies between them."""
    if low == high:
        return low
    while not low <= at <= high:
        at = 2 * low - at if at < low else 2 * high - at
    return at


def read(image, place, mode, padding, corners):
    """The image at one place, x first, from −1 to 1."""
    at = []
    for side, p in zip(image.shape, place[::-1]):
        u = (p + 1) / 2 * (side - 1) if corners else ((p + 1) * side - 1) / 2
        if padding == "reflection":
            u = mirrored(u, 0, side - 1) if corners else mirrored(u, -0.5, side - 0.5)
        at.append(u if padding == "zeros" else min(max(u, 0), side - 1))
    if mode == "nearest":
        return element(image, [round(u) for u in at], padding)
    total = 0.0
    for corner in np.ndindex(*(2,) * len(at)):
        weight = math.prod((u - math.floor(u)) if c else 1 - (u - math.floor(u)) for u, c in zip(at, corner))
        total += weight * element(image, [math.floor(u) + c for u, c in zip(at, corner)], padding)
    return total


@given(
    sides=st.lists(st.integers(1, 4), min_size=2, max_size=3), mode=st.sampled_from(MODES),
    padding=st.sampled_from(PADDING), corners=st.booleans(), seed=st.integers(0, 99),
)  # fmt: skip
def test_each_place_is_read_by_itself(sides, mode, padding, corners, seed):
    rng = np.random.default_rng(seed)
    x, grid = rng.normal(size=(2, 2, *sides)), 1.3 * rng.normal(size=(2, *(2, 1, 3)[: len(sides)], len(sides)))
    found = F.grid_sample(x, grid, mode, padding, corners).numpy()
    for n, c in np.ndindex(2, 2):
        for spot in np.ndindex(*grid.shape[1:-1]):
            expected = read(x[n, c], grid[(n, *spot)], mode, padding, corners)
            np.testing.assert_allclose(found[(n, c, *spot)], expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("corners", [True, False])
@pytest.mark.parametrize("padding", PADDING)
@pytest.mark.parametrize("mode", MODES)
def test_derivatives_by_image_and_grid(mode, padding, corners):
    x, grid = RNG.normal(size=(1, 2, 3, 4)), 0.9 * RNG.normal(size=(1, 2, 3, 2))

    def sampled(x, grid):
        return F.grid_sample(x, grid, mode, padding, corners)

    assert_derivatives(sampled, x, grid, plain=lambda x, grid: sampled(x, grid).numpy())


@pytest.mark.parametrize("ndim", [2, 3])
@pytest.mark.parametrize("corners", [True, False])
def test_the_identity_gives_the_image_a_turned_sign_its_mirror_and_a_shift_moves_it(ndim, corners):
    x = RNG.normal(size=(2, 3, *(4, 5, 3)[:ndim]))
    unit = np.concatenate([np.eye(ndim), np.zeros((ndim, 1))], axis=1)
    same = F.affine_grid(np.stack([unit] * 2), x.shape, corners)
    np.testing.assert_allclose(F.grid_sample(x, same, align_corners=corners).numpy(), x, atol=1e-12)
    mirror = unit * np.array([-1.0] + [1.0] * ndim)
    grid = F.affine_grid(np.stack([mirror] * 2), x.shape, corners)
    np.testing.assert_allclose(F.grid_sample(x, grid, align_corners=corners).numpy(), x[..., ::-1], atol=1e-12)
    moved, side = unit.copy(), x.shape[-1]
    moved[0, -1] = 2 / (side - 1) if corners else 2 / side
    grid = F.affine_grid(np.stack([moved] * 2), x.shape, corners)
    found = F.grid_sample(x, grid, align_corners=corners).numpy()
    np.testing.assert_allclose(found[..., :-1], x[..., 1:], atol=1e-12)
    np.testing.assert_allclose(found[..., -1], 0, atol=1e-12)
    theta = RNG.normal(size=(2, ndim, ndim + 1))
    assert_derivatives(lambda t: F.affine_grid(t, x.shape, corners), theta,
                       plain=lambda t: F.affine_grid(t, x.shape, corners).numpy())  # fmt: skip


def test_a_shift_is_learnt_by_descent():
    x = np.exp(-((np.arange(16) - 8.0) ** 2)[None, None, :, None] / 20 - ((np.arange(16) - 8.0) ** 2) / 20)
    target = np.roll(x, (1, 2), axis=(2, 3))
    shift = tg.Tensor(np.zeros((1, 2, 1)), requires_grad=True)
    optimizer = tg.optim.Adam([shift], lr=0.01)
    for _ in range(150):
        optimizer.zero_grad()
        theta = tg.concatenate([np.eye(2)[None], shift], axis=2)
        loss = F.mse_loss(F.grid_sample(x, F.affine_grid(theta, x.shape)), target)
        loss.backward()
        optimizer.step()
    np.testing.assert_allclose(shift.data.ravel(), [-4 / 16, -2 / 16], atol=0.01)


def test_floats_stay_and_places_that_are_no_numbers_read_nothing():
    x, grid = RNG.normal(size=(1, 1, 3, 3)).astype(np.float32), np.zeros((1, 1, 3, 2), np.float32)
    grid[0, 0, :2, 0] = np.nan, 1e30
    t = tg.Tensor(x, requires_grad=True)
    y = F.grid_sample(t, grid)
    y.sum().backward()
    assert y.dtype == t.grad.dtype == np.float32
    assert y.detach().numpy().ravel().tolist() == [0.0, 0.0, x[0, 0, 1, 1]]


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda x, g: F.grid_sample(x, g[..., :1]), ShapeError, "grid_sample: x and grid don't fit each other"),
        (lambda x, g: F.grid_sample(x[:1], g), ShapeError, "grid_sample: x and grid don't fit each other"),
        (lambda x, g: F.grid_sample(x[0], g), ShapeError, "grid_sample: x and grid don't fit each other"),
        (lambda x, g: F.grid_sample(x[..., :0], g), DataError, "grid_sample: the image is empty"),
        (lambda x, g: F.grid_sample(x, g, "bicubic"), DataError, "no mode of grid_sample is called 'bicubic'"),
        (lambda x, g: F.grid_sample(x, g, padding_mode="wrap"), DataError, "no padding mode of grid_sample is called"),
        (lambda x, g: F.grid_sample(x * 1j, g), DtypeError, "grid_sample takes real numbers"),
        (lambda x, g: F.affine_grid(np.eye(3), x.shape), ShapeError, "affine_grid: theta and size don't fit"),
        (lambda x, g: F.affine_grid(np.ones((2, 2, 3)), (2, 3, 4)), ShapeError, "affine_grid: theta and size don't"),
        (lambda x, g: F.affine_grid(np.ones((2, 2, 3)), (2, 3, 4, 0)), DataError, "size must be at least 1, not 0"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(call, error, first_line):
    with pytest.raises(error) as caught:
        call(np.ones((2, 3, 4, 4)), np.zeros((2, 1, 1, 2)))
    assert str(caught.value).startswith(first_line)
    assert "test_grids.py:" in str(caught.value)
    assert caught.value.code
