"""Tables of vectors, and attention among vectors: compositions of ops, with the signatures of PyTorch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.arrangement import repeat
from tinygrad_edu.compositions.shape import swapaxes
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError, describe
from tinygrad_edu.functional.checks import floating, one_of, real
from tinygrad_edu.functional.dropout import dropout
from tinygrad_edu.functional.reducing import first
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.neural import softmax
from tinygrad_edu.random import Rng
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["embedding", "embedding_bag", "scaled_dot_product_attention"]


def embedding(indices: Operand, weight: Operand, padding_idx: int | None = None) -> Tensor:
    """The rows of a table: weight[indices], of shape (*indices.shape, width).

    indices       whole numbers of any shape
    weight        (rows, width); a row that is picked twice gets both gradients
    padding_idx   a row that gets no gradient

    Raises DtypeError for indices that are no whole numbers, IndexingError for one outside of the table.

    >>> embedding([2, 0, 2], [[0.0, 0.5], [1.0, 1.5], [2.0, 2.5]])
    Tensor([[2. , 2.5],
            [0. , 0.5],
            [2. , 2.5]])
    """
    indices, weight = as_tensor(indices), as_tensor(weight)
    if weight.ndim != 2:
        raise ShapeError(
            describe(
                "embedding: the weight must be a table, (rows, width)",
                where=here(),
                weight=label(weight),
                fix="embedding(indices, weight): the indices come first",
                code="wrong-number-of-axes",
            )
        )
    if indices.dtype.kind not in "iu":
        raise DtypeError(
            describe(
                "embedding: indices must be whole numbers",
                where=here(),
                indices=label(indices),
                fix="indices.astype(int)",
                code="index-not-whole-numbers",
            )
        )
    rows = weight.shape[0]
    outside = (indices._data < 0) | (indices._data >= rows)
    if outside.any():
        place, value = first(indices._data, outside)
        raise IndexingError(
            describe(
                f"embedding: indices{place} is {value}, and the table has rows 0 … {rows - 1}",
                where=here(),
                weight=label(weight),
                code="label-out-of-range",
            )
        )
    picked = weight[indices]
    if padding_idx is None:
        return picked
    _must_be_a_row("embedding", padding_idx, weight)
    padding = (indices == padding_idx % rows).reshape(*indices.shape, 1)
    return where(padding, picked.detach(), picked)


def embedding_bag(
    indices: Operand,
    weight: Operand,
    offsets: Operand | None = None,
    mode: str = "mean",
    per_sample_weights: Operand | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """The rows of a table, put together bag by bag: (n, width).

    indices               whole numbers: (n, each), a bag per row; or (all,), the bags one after the other
    weight                the table, (rows, width)
    offsets               for the second form: where each bag begins, (n,), from 0 on, not falling
    mode                  "mean", "sum", or "max" element by element; an empty bag gives zeros
    per_sample_weights    a factor for each index, of their shape, for "sum"
    include_last_offset   True: the last of the offsets is where the last bag ends
    padding_idx           an index that counts as nothing

    Equal largest elements share the gradient. Raises as `embedding` does, and ShapeError or DataError for offsets that
    don't fit.

    >>> embedding_bag([0, 2, 1], [[1.0], [2.0], [4.0]], offsets=[0, 2], mode="sum")
    Tensor([[5.],
            [2.]])
    """
    name = "embedding_bag"
    one_of(mode, "mode of embedding_bag", ("mean", "sum", "max"))
    indices, weight = as_tensor(indices), as_tensor(weight)
    places = _bags(name, indices, offsets, include_last_offset)
    factors = None
    if per_sample_weights is not None:
        factors = as_tensor(per_sample_weights)
        if factors.shape != indices.shape or mode != "sum":
            raise ShapeError(
                describe(
                    f"{name}: there must be one weight for each index, and the mode must be sum, not {mode}",
                    where=here(),
                    indices=label(indices),
                    per_sample_weights=label(factors),
                    code="loss-weight-shape",
                )
            )
    flat = indices.reshape(-1)
    rows = embedding(flat, weight)[places]
    if not places.size:
        return rows.sum(axis=1)
    counts = as_tensor(places >= 0)
    if padding_idx is not None:
        _must_be_a_row(name, padding_idx, weight)
        counts = counts & (flat != padding_idx % weight.shape[0])[places]
    held = counts.reshape(*counts.shape, 1)
    if mode == "max":
        largest = where(held, rows, -np.inf).max(axis=1)
        return where(held.any(axis=1), largest, 0)
    if factors is not None:
        rows = rows * factors.reshape(-1)[places].reshape(*places.shape, 1)
    total = where(held, rows, 0).sum(axis=1)
    if mode == "sum":
        return total
    return total / counts.sum(axis=1).clip(1, None).reshape(-1, 1).astype(total.dtype)


def _bags(name: str, indices: Tensor, offsets: Any, include_last_offset: bool) -> np.ndarray:
    """Which of the indices in one row lie in each bag, (n, most); −1 behind the last of a bag."""
    if (indices.ndim, offsets is None) not in ((2, True), (1, False)):
        raise ShapeError(
            describe(
                f"{name}: bags are rows of indices, or parts of one row that begin at offsets",
                where=here(),
                expected="indices (n, each); or (all,) with offsets (n,)",
                indices=label(indices),
                code="bag-offsets",
            )
        )
    if offsets is None:
        return np.arange(indices.size).reshape(indices.shape)
    starts = as_tensor(offsets).detach().numpy()
    ends = starts if include_last_offset else np.append(starts, indices.size)
    sizes = np.diff(ends)
    whole = starts.dtype.kind in "iu" and starts.ndim == 1
    if not whole or (ends.size and (ends[0] != 0 or ends[-1] != indices.size)) or (sizes < 0).any():
        raise DataError(
            describe(
                f"{name}: offsets must be whole numbers from 0 on, not falling, up to the number of indices",
                where=here(),
                offsets=str(starts.tolist()),
                indices=label(indices),
                code="bag-offsets",
            )
        )
    each = np.arange(sizes.max(initial=0))
    return np.where(each < sizes[:, None], ends[: len(sizes), None] + each, -1)


def _must_be_a_row(name: str, padding_idx: int, weight: Tensor) -> None:
    if not -weight.shape[0] <= padding_idx < weight.shape[0]:
        raise IndexingError(
            describe(
                f"{name}: there is no row {padding_idx} for the padding",
                where=here(),
                weight=label(weight),
                code="label-out-of-range",
            )
        )


def scaled_dot_product_attention(
    query: Operand,
    key: Operand,
    value: Operand,
    attn_mask: Operand | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    rng: Rng | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """softmax(query @ keyᵀ · scale + mask) @ value: for each query the values, weighted by how well their keys fit.

    query       (…, queries, width)
    key         (…, keys, width); value (…, keys, width of values). Leading axes broadcast.
    attn_mask   booleans, True where a query may see a key; or numbers that are added to the scores. It broadcasts to
                (…, queries, keys). A query that may see nothing gets zeros.
    is_causal   query i sees the keys 0 … i
    scale       1 / √width by default
    dropout_p   probability with which a weight is dropped; it needs `rng`, as in `dropout`
    enable_gqa  True: (…, heads, queries, width) with fewer heads of keys and values, each of which serves as many
                heads of queries that follow each other: grouped-query attention

    Raises ShapeError where the shapes don't fit each other.

    Source: Vaswani et al., Attention is all you need, NeurIPS 2017, eq. 1.

    >>> scaled_dot_product_attention([[0.0], [0.0]], [[1.0], [2.0]], [[1.0], [3.0]], is_causal=True)
    Tensor([[1.],
            [2.]])
    """
    name = "scaled_dot_product_attention"
    q, k, v = (floating(as_tensor(x), name) for x in (query, key, value))
    if enable_gqa:
        k, v = (_for_each_head(name, q, x) for x in (k, v))
    fits = min(q.ndim, k.ndim, v.ndim) > 1 and q.shape[-1] == k.shape[-1] and k.shape[-2] == v.shape[-2]
    if not fits or not _broadcast(q.shape[:-2], k.shape[:-2], v.shape[:-2]):
        raise ShapeError(
            describe(
                f"{name}: query, key and value don't fit each other",
                where=here(),
                expected="(…, queries, width), (…, keys, width), (…, keys, width of values)",
                query=label(q),
                key=label(k),
                value=label(v),
                code="attention-shapes",
            )
        )
    factor = 1 / math.sqrt(max(q.shape[-1], 1)) if scale is None else real(scale, "scale")
    scores = q * factor @ swapaxes(k, -1, -2)
    scores, seen = _masked(name, scores, attn_mask, is_causal)
    weights = softmax(scores, axis=-1)
    if seen is not None:
        weights = where(seen, weights, 0)  # where nothing is seen all weights are equal, instead of 0
    return dropout(weights, dropout_p, rng=rng) @ v


def _for_each_head(name: str, q: Tensor, x: Tensor) -> Tensor:
    """Keys or values with as many heads as the queries, each repeated."""
    if min(q.ndim, x.ndim) < 3 or not x.shape[-3] or q.shape[-3] % x.shape[-3]:
        raise ShapeError(
            describe(
                f"{name}: the heads of keys and values must divide those of the queries",
                where=here(),
                expected="(…, heads, queries, width) with (…, fewer heads, keys, width)",
                query=label(q),
                key=label(x),
                code="attention-shapes",
            )
        )
    return repeat(x, q.shape[-3] // x.shape[-3], axis=x.ndim - 3)


def _masked(name: str, scores: Tensor, attn_mask: Any, is_causal: bool) -> tuple[Tensor, Any]:
    """The scores with the mask on them; and what is seen, None where everything is."""
    if attn_mask is None and not is_causal:
        return scores, None
    if attn_mask is not None and is_causal:
        raise DataError(
            describe(
                f"{name}: attn_mask and is_causal exclude each other",
                where=here(),
                fix="attn_mask=mask & np.tri(queries, keys, dtype=bool)",
                code="conflicting-arguments",
            )
        )
    mask = as_tensor(np.tri(*scores.shape[-2:], dtype=bool) if is_causal else attn_mask)
    if not _broadcast(mask.shape, scores.shape, exactly=scores.shape):
        raise ShapeError(
            describe(
                f"{name}: the mask must broadcast to (…, queries, keys), {scores.shape}",
                where=here(),
                mask=label(mask),
                code="attention-shapes",
            )
        )
    if mask.dtype.kind in "iu":
        raise DtypeError(
            describe(
                f"{name}: a mask of whole numbers may mean either",
                where=here(),
                mask=label(mask),
                fix="mask.astype(bool), True where a key may be seen; or astype(float), numbers added to the scores",
                code="mask-not-booleans",
            )
        )
    seen: Tensor = mask
    if mask.dtype.kind != "b":
        seen = mask != -np.inf
        added = where(seen, mask, 0)
        scores = scores + (added if added.dtype == scores.dtype else added.astype(scores.dtype))
        if seen._data.all():
            return scores, None
    return where(seen, scores, float(np.finfo(scores.dtype).min) / 2), seen


def _broadcast(*shapes: tuple[int, ...], exactly: tuple[int, ...] | None = None) -> bool:
    """Whether the shapes broadcast with each other, and to `exactly` that shape if one is given."""
    try:
        full = np.broadcast_shapes(*shapes)
    except ValueError:
        return False
    return exactly is None or full == exactly
