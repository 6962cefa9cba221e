"""Sorting and places under NumPy's full signatures; sets and counts, which have no derivative.

`tg.<name>` and `np.<name>(tensor)` are the same. Results without a derivative are constant Tensors.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.handle import broken
from tinygrad_edu.interop import implements
from tinygrad_edu.node import here
from tinygrad_edu.op import Op
from tinygrad_edu.ops import index
from tinygrad_edu.ops import order as rows
from tinygrad_edu.ops.bits import invert
from tinygrad_edu.ops.elementwise import negative
from tinygrad_edu.refusal import asked
from tinygrad_edu.tensor import Tensor, as_tensor, tensor_on

__all__ = [
    "argpartition",
    "argsort",
    "bincount",
    "histogram",
    "histogram_bin_edges",
    "lexsort",
    "partition",
    "sort",
    "unique",
    "unique_all",
    "unique_counts",
    "unique_inverse",
    "unique_values",
]

_np: Any = np  # called with options in ways that NumPy's stubs don't know


def _ordered(row: Op, a: Any, axis: Any, kind: Any, order: Any, stable: bool | None = None, **params: Any) -> Tensor:
    """Apply a row of sorting; tensors have no fields, so `order` must be None."""
    if order is not None:
        raise DtypeError(
            describe(f"{row.name}: order= names fields, and tensors have none", where=here(), code="wrong-arguments")
        )
    if stable is not None:
        if kind is not None:
            raise ShapeError(
                describe(
                    f"{row.name}: kind and stable are one parameter: give one of them",
                    where=here(),
                    code="conflicting-arguments",
                )
            )
        kind = "stable" if stable else None
    params |= {} if kind in (None, "introselect") else {"kind": kind}
    return row(as_tensor(a), **params, **({} if axis == -1 else {"axis": axis}))


def _backwards(x: Tensor) -> Tensor:
    """Numbers whose ascending order is the descending one of x: nan stays nan, so it stays last."""
    return negative(x) if x.dtype.kind in "fc" else invert(x)  # ~x = −x − 1, of every whole number and boolean


@implements(np.sort)
def sort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: None = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
) -> Tensor:
    """The elements in ascending order along `axis` (None: flattened), nan last; each keeps its gradient.

    descending   True puts the largest first, nan last all the same, under every version of NumPy

    >>> import tinygrad_edu as tg
    >>> tg.sort([3.0, 1.0, 2.0])
    Tensor([1., 2., 3.])
    """
    if not descending:
        return _ordered(rows.sort, a, axis, kind, order, stable)
    return _backwards(_ordered(rows.sort, _backwards(as_tensor(a)), axis, kind, order, stable))


@implements(np.argsort)
def argsort(
    a: Any,
    axis: int | None = -1,
    kind: Any = None,
    order: None = None,
    *,
    stable: bool | None = None,
    descending: bool | None = None,
) -> Tensor:
    """The indices that sort x along `axis` (None: flattened): whole numbers, no derivative.

    descending   True puts the largest first, nan last all the same, under every version of NumPy

    >>> import tinygrad_edu as tg
    >>> tg.argsort([3.0, 1.0, 2.0])
    Tensor([1, 2, 0])
    """
    return _ordered(rows.argsort, _backwards(as_tensor(a)) if descending else a, axis, kind, order, stable)


@implements(np.partition)
def partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Tensor:
    """The elements along `axis` (None: flattened), the kth in its sorted place, smaller before and larger behind it.

    >>> import tinygrad_edu as tg
    >>> tg.partition([3.0, 1.0, 2.0], 0)[0]
    Tensor(1.)
    """
    return _ordered(rows.partition, a, axis, kind, order, kth=kth)


@implements(np.argpartition)
def argpartition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect", order: None = None) -> Tensor:
    """The indices that partition x along `axis` (None: flattened): whole numbers, no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.argpartition([3.0, 1.0, 2.0], 0)[0]
    Tensor(1)
    """
    return _ordered(rows.argpartition, a, axis, kind, order, kth=kth)


# --- no derivative, several results --------------------------------------------------------------------------


def plain(value: Any) -> Any:
    """What NumPy is given in the place of a Tensor: its numbers."""
    if isinstance(value, list | tuple):
        return type(value)(plain(part) for part in value)
    return value.detach().numpy() if isinstance(value, Tensor) else value


def constants(name: str, results: Any, *sources: Any) -> Any:
    """NumPy's result, or tuple of results, as constant Tensors."""
    if not isinstance(results, tuple):
        return constant(name, results, *sources)
    parts = [constant(name, part, *sources) for part in results]
    return type(results)(*parts) if hasattr(results, "_fields") else tuple(parts)


def constant(name: str, result: Any, *sources: Any) -> Tensor:
    """NumPy's result as a constant Tensor, which can tell why gradients stop here."""
    tensor = tensor_on(np.asarray(result))
    if any(isinstance(source, Tensor) and source.requires_grad for source in sources):
        tensor._broken = broken(f"{name}() has no derivative, at")
    return tensor


@implements(np.lexsort)
def lexsort(keys: Any, axis: int = -1) -> Tensor:
    """The indices that sort by several keys, the last one first: whole numbers, no derivative.

    >>> import tinygrad_edu as tg
    >>> tg.lexsort(([3.0, 1.0, 2.0], [0.0, 1.0, 0.0]))
    Tensor([2, 0, 1])
    """
    return constant("lexsort", asked(np.lexsort, plain(keys), axis))


@implements(np.unique)
def unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
    sorted: bool = True,
) -> Any:
    """The different elements in ascending order, a constant; and their places and counts, where asked for.

    sorted   False allows another order, which is not made use of

    >>> import tinygrad_edu as tg
    >>> tg.unique([3.0, 1.0, 3.0], return_counts=True)
    (Tensor([1., 3.]), Tensor([1, 2]))
    """
    x = as_tensor(ar)
    found = asked(_np.unique, plain(x), return_index, return_inverse, return_counts, axis, equal_nan=equal_nan)
    return constants("unique", found, x)


@implements(np.unique_values)
def unique_values(x: Any) -> Tensor:
    """The different elements, a constant.

    >>> import tinygrad_edu as tg
    >>> tg.sort(tg.unique_values([3.0, 1.0, 3.0]))
    Tensor([1., 3.])
    """
    x = as_tensor(x)
    return constant("unique_values", np.unique_values(plain(x)), x)


@implements(np.unique_counts)
def unique_counts(x: Any) -> Any:
    """The different elements and how often each occurs: `(values, counts)`, constants.

    >>> import tinygrad_edu as tg
    >>> tg.unique_counts([3.0, 1.0, 3.0]).counts
    Tensor([1, 2])
    """
    x = as_tensor(x)
    return constants("unique_counts", np.unique_counts(plain(x)), x)


@implements(np.unique_inverse)
def unique_inverse(x: Any) -> Any:
    """The different elements, and which of them each element is: `(values, inverse_indices)`, constants.

    >>> import tinygrad_edu as tg
    >>> tg.unique_inverse([3.0, 1.0, 3.0]).inverse_indices
    Tensor([1, 0, 1])
    """
    x = as_tensor(x)
    return constants("unique_inverse", np.unique_inverse(plain(x)), x)


@implements(np.unique_all)
def unique_all(x: Any) -> Any:
    """The different elements with first places, which each element is, and counts, constants.

    >>> import tinygrad_edu as tg
    >>> tg.unique_all([3.0, 1.0, 3.0]).indices
    Tensor([1, 0])
    """
    x = as_tensor(x)
    return constants("unique_all", np.unique_all(plain(x)), x)


# --- counting ------------------------------------------------------------------------------------------------


def forbid_gradient(name: str, **arguments: Any) -> None:
    """Raise DtypeError where an argument that is a setting requires grad."""
    for argument, value in arguments.items():
        if isinstance(value, Tensor) and value.requires_grad:
            raise DtypeError(
                describe(
                    f"{name}: no gradient flows through {argument}=",
                    where=here(),
                    fix=f"{argument}=t.detach()",
                    code="no-gradient-through-parameter",
                )
            )


@implements(np.histogram)
def histogram(a: Any, bins: Any = 10, range: Any = None, density: Any = None, weights: Any = None) -> Any:
    """How many elements fall into each bin, and the edges of the bins: constants.

    weights   what each element counts, 1 by default; gradients flow to them
    density   True divides by the sum and by the widths of the bins

    >>> import tinygrad_edu as tg
    >>> tg.histogram([0.0, 1.0, 1.0, 3.0], bins=3)
    (Tensor([1, 2, 1]), Tensor([0., 1., 2., 3.]))
    """
    x = as_tensor(a)
    forbid_gradient("histogram", bins=bins)
    if isinstance(weights, Tensor) and weights.requires_grad:
        return _weighted_histogram(x, bins, range, density, weights)
    return constants("histogram", asked(np.histogram, plain(x), plain(bins), plain(range), density, plain(weights)), x)


def _weighted_histogram(x: Tensor, bins: Any, range: Any, density: Any, weights: Tensor) -> tuple[Tensor, Tensor]:
    """The sums of the weights in each bin; the last bin includes its upper edge."""
    counts, edges = asked(np.histogram, plain(x), plain(bins), plain(range), weights=plain(weights))
    numbers = plain(x).ravel()
    inside = np.flatnonzero((numbers >= edges[0]) & (numbers <= edges[-1]))
    bin_of = np.minimum(np.searchsorted(edges, numbers[inside], side="right") - 1, counts.size - 1)
    taken = weights.reshape(-1)[inside]
    sums: Tensor = index.scatter_add(taken, index=bin_of, shape=counts.shape)
    if density:
        sums = sums / np.diff(edges).astype(sums.dtype) / sums.sum()
    return sums, constant("histogram", edges, x)


@implements(np.histogram_bin_edges)
def histogram_bin_edges(a: Any, bins: Any = 10, range: Any = None, weights: Any = None) -> Tensor:
    """The edges of the bins of a histogram, a constant.

    >>> import tinygrad_edu as tg
    >>> tg.histogram_bin_edges([0.0, 1.0, 3.0], bins=3)
    Tensor([0., 1., 2., 3.])
    """
    x = as_tensor(a)
    forbid_gradient("histogram_bin_edges", bins=bins, weights=weights)
    edges = asked(np.histogram_bin_edges, plain(x), plain(bins), plain(range), plain(weights))
    return constant("histogram_bin_edges", edges, x)


@implements(np.bincount)
def bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Tensor:
    """How often each of 0, 1, 2, … occurs in x; with weights, their sums, differentiable, in the weights' dtype.

    >>> import tinygrad_edu as tg
    >>> tg.bincount([0, 2, 2], weights=[1.0, 2.0, 3.0])
    Tensor([1., 0., 5.])
    """
    places = as_tensor(x)
    counts = asked(np.bincount, plain(places), minlength=minlength)
    if weights is None:
        return constant("bincount", counts, places)
    weights = as_tensor(weights)
    if weights.shape != places.shape:
        raise ShapeError(
            describe(
                f"bincount: {weights.shape} weights for {places.shape} numbers", where=here(), code="weights-do-not-fit"
            )
        )
    weights = weights if weights.dtype.kind in "fc" else weights.astype(np.float64)
    return index.scatter_add(weights, index=plain(places).astype(np.intp), shape=counts.shape)
