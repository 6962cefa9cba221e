"""The two steps of which every einsum is made: what one array does alone, and the product of two. Arrays only.

`compositions/einsum.py` reads what users write and turns it into these. Here subscripts are plain: one letter
per axis, no ellipsis, an arrow always, and a letter means one side: sides of 1 that broadcast are summed away
before. So the rule of a product is again such a product.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.op import GENERAL, PRODUCT, REAL, REDUCTION, Op, Sample
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.outer import outer_product

Array = Any
Shape = tuple[int, ...]

# --- one array: diagonals, sums, order of axes -----------------------------------------------------------------


def _spread(g: Array, subscripts: str, shape: Shape) -> Array:
    """g over the axes that were summed, and in zeros where a diagonal was taken."""
    before, after = subscripts.split("->")
    letters = "".join(dict.fromkeys(before))
    kept = [letter for letter in letters if letter in after]
    if kept != list(after):
        g = np.transpose(g, tuple(after.index(letter) for letter in kept))
    if len(kept) < len(letters):
        g = np.reshape(g, tuple(shape[before.index(a)] if a in after else 1 for a in letters))
    if len(letters) == len(before):
        return g if len(kept) == len(letters) else np.broadcast_to(g, shape)
    out = np.zeros(shape, g.dtype)
    np.einsum(f"{before}->{letters}", out)[...] = g  # a view of the diagonals
    return out


def _single_sample(rng: np.random.Generator) -> Sample:
    subscripts = str(
        rng.choice(["->", "i->i", "i->", "ij->ji", "ij->i", "ii->i", "ii->", "iij->j", "iji->ij", "ijk->ki"])
    )
    sides = dict(zip("ijk", sampling.shape(rng, low=3)))
    size = tuple(sides[letter] for letter in subscripts.split("->")[0])
    return (np.asarray(rng.normal(size=size)),), {"subscripts": subscripts}


einsum_single: Op = Op(
    "einsum_single", lambda x, subscripts: np.einsum(subscripts, x),
    vjps=(lambda g, out, x, subscripts: einsum_spread.run(g, subscripts=subscripts, shape=x.shape),),
    kind=REDUCTION, formula="einsum(subscripts, x)", domain=(REAL,), linear=True, view=True, sampler=_single_sample,
    doc="What einsum does with one array: a letter that repeats takes the diagonal, one that is not behind the "
        "arrow is summed over, the order behind the arrow is the order of axes.",
)  # fmt: skip


def _spread_sample(rng: np.random.Generator) -> Sample:
    (x,), params = _single_sample(rng)
    g = np.asarray(rng.normal(size=np.einsum(params["subscripts"], x).shape))
    return (g,), {**params, "shape": x.shape}


einsum_spread: Op = Op(
    "einsum_spread", _spread,
    vjps=(lambda g, out, x, subscripts, shape: einsum_single.run(g, subscripts=subscripts),),
    kind=GENERAL, formula="the transpose of einsum(subscripts, ·)", domain=(REAL,), linear=True, view=True,
    sampler=_spread_sample,
    doc="The transpose of einsum_single: what it summed over is filled with copies, beside its diagonals are zeros.",
)  # fmt: skip

# --- two arrays: a batched matrix product ------------------------------------------------------------------------


class _Plan(NamedTuple):
    """How to compute a product of two: as matrices (batch…, m, k) @ (batch…, k, n), then its axes in order."""

    order_x: Shape
    order_y: Shape
    shape_x: Shape
    shape_y: Shape
    shape_out: Shape
    order_out: Shape
    how: str  # "multiply", "matmul" or "einsum"
    swapped: bool  # the second array is the left factor: the result needs no transposition then


def _in_order(ndim: int) -> Shape:
    return tuple(range(ndim))


@functools.lru_cache(maxsize=1024)
def _plan(subscripts: str, x_shape: Shape, y_shape: Shape, swapped: bool = False) -> _Plan:
    x, y, out = subscripts.replace("->", ",").split(",")
    side = dict(zip(x + y, x_shape + y_shape))
    if (len(x), len(y)) != (len(x_shape), len(y_shape)) or any(side[a] != n for a, n in zip(x, x_shape)):
        raise ValueError(f"{subscripts!r} does not fit shapes {x_shape} and {y_shape}")
    both = [a for a in x if a in y]
    batch, summed = [a for a in both if a in out], [a for a in both if a not in out]
    rows, columns = [a for a in x if a not in y], [a for a in y if a not in x]
    if len(set(x)) < len(x) or len(set(y)) < len(y) or sorted(out) != sorted(batch + rows + columns):
        raise ValueError(f"{subscripts!r} is not a plain product of two: see einsum")

    if not swapped and (free := [a for a in out if a not in batch]) and free[0] in columns:
        return _plan(f"{y},{x}->{out}", y_shape, x_shape, swapped=True)

    def count(letters: list[str]) -> int:
        return int(np.prod([side[a] for a in letters], dtype=int))

    made = batch + rows + columns
    shared = tuple(side[a] for a in batch)
    if summed:
        shape_x, shape_y = (*shared, count(rows), count(summed)), (*shared, count(summed), count(columns))
    else:
        shape_x = (*shared, *(side[a] for a in rows), *(1 for _ in columns)) if x else ()
        shape_y = (*shared, *(1 for _ in rows), *(side[a] for a in columns)) if y else ()
    # One inner product per batch: NumPy's own loop beats BLAS called once per vector, except for a single one.
    how = "multiply" if not summed else "einsum" if batch and not rows and not columns else "matmul"
    return _Plan(
        tuple(map(x.index, batch + rows + summed)),
        tuple(map(y.index, batch + summed + columns)),
        shape_x,
        shape_y,
        tuple(side[a] for a in made),
        tuple(map(made.index, out)),
        how,
        swapped,
    )


def _arranged(x: Array, order: Shape, shape: Shape) -> Array:
    """x with its axes in another order and then in another shape: a view where it can be."""
    if order != _in_order(len(order)):
        x = x.transpose(order)
    return x if x.shape == shape else x.reshape(shape)


_COPIES = np.lib.NumpyVersion(np.__version__) < "2.3.0"


def _for_blas(x: Array) -> Array:
    """Matrices with contiguous rows or columns: with others np.matmul before NumPy 2.3 is 20 to 50 times slower."""
    if _COPIES and x.itemsize not in x.strides[-2:]:
        return np.ascontiguousarray(x)
    return x


def _pair(x: Array, y: Array, subscripts: str) -> Array:
    x, y = np.asarray(x), np.asarray(y)
    plan = _plan(subscripts, x.shape, y.shape)
    if plan.how == "einsum" or x.dtype.kind not in "fc" or y.dtype.kind not in "fc":
        return np.einsum(subscripts, x, y)
    if plan.swapped:
        x, y = y, x
    a, b = _arranged(x, plan.order_x, plan.shape_x), _arranged(y, plan.order_y, plan.shape_y)
    if plan.how == "matmul":
        out = a.dot(b) if a.ndim == 2 else np.matmul(_for_blas(a), _for_blas(b))
    else:
        out = np.asarray(outer_product(a, b))
    if out.shape != plan.shape_out:
        out = out.reshape(plan.shape_out)
    return out if plan.order_out == _in_order(out.ndim) else out.transpose(plan.order_out)


def _pair_sample(rng: np.random.Generator) -> Sample:
    letters, sides = "abcde", dict(zip("abcde", sampling.shape(rng, low=5, high=5)))
    x = [a for a in letters if rng.random() < 0.5]
    y = [a for a in letters if rng.random() < 0.5]
    out = [a for a in dict.fromkeys(x + y) if not (a in x and a in y) or rng.random() < 0.4]
    for part in (x, y, out):
        rng.shuffle(part)
    arrays = tuple(np.asarray(rng.normal(size=tuple(sides[a] for a in part))) for part in (x, y))
    return arrays, {"subscripts": f"{''.join(x)},{''.join(y)}->{''.join(out)}"}


def _turned(subscripts: str, place: int) -> str:
    """The subscripts of the product that is the cotangent of the array at `place`: ij,jk->ik gives ik,jk->ij."""
    x, y, out = subscripts.replace("->", ",").split(",")
    return f"{out},{y}->{x}" if place == 0 else f"{out},{x}->{y}"


einsum_pair: Op = Op(
    "einsum_pair", _pair,
    vjps=(lambda g, out, x, y, subscripts: einsum_pair.run(g, y, subscripts=_turned(subscripts, 0)),
          lambda g, out, x, y, subscripts: einsum_pair.run(g, x, subscripts=_turned(subscripts, 1))),
    kind=PRODUCT, formula="einsum(subscripts, x, y)", domain=(REAL, REAL), linear=True, sampler=_pair_sample,
    doc="The product of two arrays that einsum is made of; letters in both, but not behind the arrow, are summed.\n\n"
        "No letter twice in one array, none that is in one array only and not behind the arrow. It is computed as one "
        "(batched) matrix product where there is one in it, and so are its derivatives.",
)  # fmt: skip
