"""Tables of vectors, and attention among vectors: compositions of ops, with the signatures of PyTorch."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.shape import swapaxes
from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError, describe
from tinygrad_edu.functional.checks import floating, real
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

__all__ = ["embedding", "scaled_dot_product_attention"]


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
    if not -rows <= padding_idx < rows:
        raise IndexingError(
            describe(
                f"embedding: there is no row {padding_idx} for the padding",
                where=here(),
                weight=label(weight),
                code="label-out-of-range",
            )
        )
    padding = (indices == padding_idx % rows).reshape(*indices.shape, 1)
    return where(padding, picked.detach(), picked)


def scaled_dot_product_attention(
    query: Operand,
    key: Operand,
    value: Operand,
    attn_mask: Operand | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    rng: Rng | None = None,
) -> Tensor:
    """softmax(query @ keyᵀ · scale + mask) @ value: for each query the values, weighted by how well their keys fit.

    query       (…, queries, width)
    key         (…, keys, width); value (…, keys, width of values). Leading axes broadcast.
    attn_mask   booleans, True where a query may see a key; or numbers that are added to the scores. It broadcasts to
                (…, queries, keys). A query that may see nothing gets zeros.
    is_causal   query i sees the keys 0 … i
    scale       1 / √width by default
    dropout_p   probability with which a weight is dropped; it needs `rng`, as in `dropout`

    Raises ShapeError where the shapes don't fit each other.

    Source: Vaswani et al., Attention is all you need, NeurIPS 2017, eq. 1.

    >>> scaled_dot_product_attention([[0.0], [0.0]], [[1.0], [2.0]], [[1.0], [3.0]], is_causal=True)
    Tensor([[1.],
            [2.]])
    """
    name = "scaled_dot_product_attention"
    q, k, v = (floating(as_tensor(x), name) for x in (query, key, value))
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
