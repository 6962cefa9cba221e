"""Rankings, triplets and distances against loops over the samples, and what they refuse."""

import math

import numpy as np
import pytest

import tinygrad_edu as tg
from tests.witness import assert_derivatives
from tinygrad_edu import functional as F
from tinygrad_edu.errors import AxisError, DataError, ShapeError

RNG = np.random.default_rng(0)
A, B, C = RNG.normal(size=(3, 4, 3))
SIGNS = np.array([1, -1, -1, 1])


def length(v, p=2.0):
    return sum(abs(x) ** p for x in v) ** (1 / p)


def cosine(a, b):
    return sum(a * b) / (length(a) * length(b))


def test_ranking():
    x1, x2 = A[:, 0], B[:, 0]
    each = [max(0, 0.3 - y * (a - b)) for a, b, y in zip(x1, x2, SIGNS)]
    np.testing.assert_allclose(F.margin_ranking_loss(x1, x2, SIGNS, 0.3, "none").numpy(), each)
    assert_derivatives(
        lambda a, b: F.margin_ranking_loss(a, b, SIGNS, 0.3), x1, x2,
        plain=lambda a, b: F.margin_ranking_loss(a, b, SIGNS, 0.3).numpy(),
    )  # fmt: skip


def test_angles_to_be_small_or_large():
    each = [1 - cosine(a, b) if y > 0 else max(0, cosine(a, b) - 0.2) for a, b, y in zip(A, B, SIGNS)]
    np.testing.assert_allclose(F.cosine_embedding_loss(A, B, SIGNS, 0.2, "none").numpy(), each)
    np.testing.assert_allclose(F.cosine_embedding_loss(A[0], B[0], 1).numpy(), each[0])


@pytest.mark.parametrize("swap", [False, True])
@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
def test_triplets(p, swap):
    each = []
    for a, near, far in zip(A, B, C):
        away = length(a - far + 1e-6, p)
        away = min(away, length(near - far + 1e-6, p)) if swap else away
        each.append(max(0, length(a - near + 1e-6, p) - away + 0.5))
    np.testing.assert_allclose(F.triplet_margin_loss(A, B, C, 0.5, p, swap=swap, reduction="none").numpy(), each)
    assert_derivatives(
        lambda *x: F.triplet_margin_loss(*x, 0.5, p, swap=swap), A, B, C,
        plain=lambda *x: F.triplet_margin_loss(*x, 0.5, p, swap=swap).numpy(),
    )  # fmt: skip


@pytest.mark.parametrize("axis", [0, 1, -1])
def test_cosines_along_an_axis(axis):
    pairs = zip(np.moveaxis(A, axis, -1), np.moveaxis(B, axis, -1))
    np.testing.assert_allclose(F.cosine_similarity(A, B, axis).numpy(), [cosine(a, b) for a, b in pairs])
    assert_derivatives(F.cosine_similarity, A, B, plain=lambda a, b: F.cosine_similarity(a, b).numpy())
    np.testing.assert_allclose(
        F.cosine_similarity(A[:, None], B, axis=2).numpy(), [[cosine(a, b) for b in B] for a in A]
    )


@pytest.mark.parametrize(
    ("axis", "one"), [(0, A[:1]), (1, A[:, :1]), (-2, A[0])], ids=["rows", "columns", "fewer axes"]
)
def test_a_cosine_with_a_repeated_number_does_not_pass_1(axis, one):
    repeated = np.broadcast_to(one, B.shape)
    expected = [cosine(a, b) for a, b in zip(np.moveaxis(repeated, axis, -1), np.moveaxis(B, axis, -1))]
    np.testing.assert_allclose(F.cosine_similarity(one, B, axis).numpy(), expected)
    np.testing.assert_allclose(F.cosine_similarity(B, one, axis).numpy(), expected)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0, math.inf])
def test_distances_and_unit_vectors(p):
    lengths = np.array([np.linalg.norm(row, p) for row in A])
    np.testing.assert_allclose(F.normalize(A, p).numpy(), A / lengths[:, None])
    shifted = [np.linalg.norm(a - b + 1e-6, p) for a, b in zip(A, B)]
    np.testing.assert_allclose(F.pairwise_distance(A, B, p).numpy(), shifted)
    assert F.pairwise_distance(A, B, p, keepdims=True).shape == (4, 1)


@pytest.mark.parametrize("p", [1, 2, 3, np.inf])
def test_pdist_measures_each_pair_once(p):
    rows = np.random.default_rng(0).normal(size=(4, 3))
    expected = [np.linalg.norm(rows[i] - rows[j], p) for i in range(4) for j in range(i + 1, 4)]
    np.testing.assert_allclose(F.pdist(rows, p).numpy(), expected)
    assert_derivatives(lambda x: F.pdist(x, p), rows, order=1, plain=lambda x: F.pdist(x, p).numpy())
    assert F.pdist(rows[:1], p).shape == (0,)
    same = tg.Tensor(np.ones((2, 3)), requires_grad=True)
    F.pdist(same, p).sum().backward()
    assert not same.grad.numpy().any()
    with pytest.raises(ShapeError, match="pdist: the input must have 2 axes, not 1"):
        F.pdist(rows[0])


def test_vectors_of_length_0_have_a_gradient():
    x = tg.Tensor(np.zeros((1, 3)), requires_grad=True)
    for f in (F.normalize, lambda x: F.cosine_similarity(x, B[:1]), lambda x: F.pairwise_distance(x, 0.0, eps=0.0)):
        x.grad = None
        f(x).sum().backward()
        assert np.isfinite(x.grad.numpy()).all()


def test_equal_vectors_of_a_triplet_have_a_finite_gradient():
    x = tg.Tensor(A, requires_grad=True)
    F.triplet_margin_loss(x, x, x).backward()
    assert np.isfinite(x.grad.numpy()).all()


@pytest.mark.parametrize(
    ("call", "error", "first_line"),
    [
        (lambda: F.margin_ranking_loss(A, B[:1], SIGNS), ShapeError, "margin_ranking_loss: x1, x2 must have the same"),
        (lambda: F.margin_ranking_loss(A, B, SIGNS), ShapeError, "margin_ranking_loss: prediction and target must"),
        (
            lambda: F.margin_ranking_loss(A[:, 0], B[:, 0], SIGNS * 2),
            DataError,
            "margin_ranking_loss: target must be 1 or",
        ),
        (
            lambda: F.cosine_embedding_loss(A, B, A),
            ShapeError,
            "cosine_embedding_loss: the target must have one number",
        ),
        (lambda: F.cosine_embedding_loss(A, B, SIGNS * 0), DataError, "cosine_embedding_loss: target must be 1 or -1"),
        (lambda: F.triplet_margin_loss(A, B, C[0]), ShapeError, "triplet_margin_loss: anchor, positive, negative must"),
        (lambda: F.triplet_margin_loss(A, B, C, 0), DataError, "margin must be above 0, not 0"),
        (lambda: F.cosine_similarity(A, B[:, :2]), ShapeError, "cosine_similarity: the shapes don't broadcast"),
        (lambda: F.cosine_similarity(A, B, 2), AxisError, "axis 2 is out of bounds for an array of 2 axes"),
        (lambda: F.normalize(A, -1), DataError, "p must be at least 0, not -1"),
    ],
)
def test_what_does_not_fit_is_refused(call, error, first_line):
    with pytest.raises(error) as caught:
        call()
    assert str(caught.value).startswith(first_line)
    assert "test_margins.py:" in str(caught.value)
    assert caught.value.code
