"""What einsum's backward costs beside its forward: `python -m tests.benchmarks.einsum`."""

from __future__ import annotations

import os
from collections.abc import Callable

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

import tinygrad_edu as tg
from tests.benchmarks.timing import compare, ratio

Row = tuple[str, str, str]
Calls = dict[str, Callable[[], object]]

# Rows of 2,048 bytes meet in the cache, so that 256 × 256 takes up to 2.8×, depending on where its arrays lie.
PRODUCTS = [
    ("ij,jk->ik", (256, 256), (256, 256)),
    ("ij,jk->ik", (300, 300), (300, 300)),
    ("bij,bjk->bik", (32, 32, 32), (32, 32, 32)),
]
SUMS = [
    ("ij,j->i", (1000, 1000), (1000,)),
    ("ij,ij->i", (500, 500), (500, 500)),
    ("bij,bj->bi", (32, 64, 64), (32, 64)),
]
# The same by hand, forward and the gradients: forward reads an array, backward must write one of its size.
BY_HAND: dict[str, tuple[Callable[..., object], Callable[..., object]]] = {
    "ij,j->i": (
        lambda a, b: a @ b,
        lambda a, b, g: (g[:, None] * b, g @ a),
    ),
    "ij,ij->i": (
        lambda a, b: np.einsum("ij,ij->i", a, b),
        lambda a, b, g: (g[:, None] * b, g[:, None] * a),
    ),
    "bij,bj->bi": (
        lambda a, b: np.matmul(a, b[:, :, None]),
        lambda a, b, g: (g[:, :, None] * b[:, None, :], np.matmul(g[:, None, :], a)),
    ),
}


def calls(subscripts: str, *shapes: tuple[int, ...]) -> Calls:
    """Forward, and backward alone, of a graph that stays; and the same by hand where it is written above."""
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in shapes]
    leaves = [tg.Tensor(array, requires_grad=True) for array in arrays]
    out = tg.einsum(subscripts, *leaves)
    g = rng.standard_normal(out.shape)

    def backward() -> object:
        for leaf in leaves:
            leaf.grad = None
        return out.backward(g)

    found: Calls = {"forward": lambda: tg.einsum(subscripts, *leaves), "backward": backward}
    if subscripts in BY_HAND:
        before, after = BY_HAND[subscripts]
        found |= {"forward by hand": lambda: before(*arrays), "backward by hand": lambda: after(*arrays, g)}
    return found


def size_of(shape: tuple[int, ...]) -> str:
    """`256×256`."""
    return "×".join(map(str, shape))


def rows() -> list[Row]:
    """One row of products of matrices, one of sums that give less than they read."""
    found = []
    for title, cases in (("products of matrices", PRODUCTS), ("sums over one axis", SUMS)):
        texts = []
        for subscripts, *shapes in cases:
            times = compare(calls(subscripts, *shapes), rounds=11)
            text = f"{subscripts} {size_of(shapes[0])} {ratio(times, 'backward', 'forward'):.1f}×"
            if subscripts in BY_HAND:
                text += f" (in NumPy {ratio(times, 'backward by hand', 'forward by hand'):.1f}×)"
            texts.append(text)
        found.append((f"einsum, {title}, float64: backward / forward", ", ".join(texts), "≤ 2.5×"))
    return found


if __name__ == "__main__":
    for row in rows():
        print(" | ".join(row))
