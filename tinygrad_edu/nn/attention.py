"""Tables of vectors and attention as layers. The computation is in `tinygrad_edu.functional`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu import functional
from tinygrad_edu.compositions.shape import swapaxes
from tinygrad_edu.errors import DataError, IndexingError, describe
from tinygrad_edu.functional.checks import one_of, real, whole
from tinygrad_edu.nn.init import Initialiser
from tinygrad_edu.nn.layers import Linear
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parts import drawn, dtype_of
from tinygrad_edu.node import here
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike


class Embedding(Module):
    """A table of vectors, one per row: whole numbers of any shape (…) -> (…, embedding_dim).

    num_embeddings, embedding_dim   the table's sides
    padding_idx                     a row that starts at zero and gets no gradient
    init                            for the table, a name or a function of `tinygrad_edu.nn.init`; "normal" by default
    rng, dtype                      as for `Linear`

    Raises IndexingError for a number outside of the table, DtypeError for what are no whole numbers.

    >>> Embedding(10, 4)([[1, 2, 2]]).shape
    (1, 3, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        init: str | Initialiser | None = "normal",
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        shape = (whole(num_embeddings, "num_embeddings"), whole(embedding_dim, "embedding_dim"))
        padding_idx = None if padding_idx is None else whole(padding_idx, "padding_idx", -(2**62))
        if padding_idx is not None and not -shape[0] <= padding_idx < shape[0]:
            raise IndexingError(
                describe(
                    f"padding_idx {padding_idx} is outside of the table's rows 0 … {shape[0] - 1}",
                    where=here(),
                    code="label-out-of-range",
                )
            )
        self.padding_idx = padding_idx
        self.weight = drawn(init, None, shape, rng, dtype_of(dtype))
        if padding_idx is not None:
            values = np.array(self.weight.data)
            values[padding_idx] = 0
            self.weight.data = values

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        rows, width = self.weight.shape
        sizes = {"num_embeddings": rows, "embedding_dim": width, "padding_idx": self.padding_idx}
        return {**sizes, "dtype": str(self.weight.dtype)}

    def forward(self, indices: Tensor | ArrayLike) -> Tensor:
        """The rows of the table."""
        return functional.embedding(indices, self.weight, self.padding_idx)

    def _label(self) -> str:
        return "Embedding({} × {})".format(*self.weight.shape)


class EmbeddingBag(Embedding):
    """Rows of a table put together bag by bag: (n, each) -> (n, embedding_dim); or (all,) with `offsets`.

    mode   "mean", "sum" or "max"; with "sum" a call takes `per_sample_weights`. The other settings are those of
           `Embedding`, the call is that of `tinygrad_edu.functional.embedding_bag`.

    >>> EmbeddingBag(10, 4)([[1, 2, 2]]).shape
    (1, 4)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        mode: str = "mean",
        padding_idx: int | None = None,
        init: str | Initialiser | None = "normal",
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, init, rng, dtype)
        self.mode = one_of(mode, "mode of embedding_bag", ("mean", "sum", "max"))

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {**super().settings(), "mode": self.mode}

    def forward(
        self,
        indices: Tensor | ArrayLike,
        offsets: Tensor | ArrayLike | None = None,
        per_sample_weights: Tensor | ArrayLike | None = None,
    ) -> Tensor:
        """One row for each bag."""
        weights, padding = per_sample_weights, self.padding_idx
        return functional.embedding_bag(indices, self.weight, offsets, self.mode, weights, padding_idx=padding)

    def _label(self) -> str:
        return "EmbeddingBag({} × {}, {})".format(*self.weight.shape, self.mode)


class MultiheadAttention(Module):
    """Attention in several subspaces at once: (…, queries, embed_dim) -> (…, queries, embed_dim).

    embed_dim   the width of all vectors; num_heads: into how many subspaces it is split
    dropout     probability with which a weight is dropped in training
    bias        of the four Linear layers `query`, `key`, `value` and `out`
    rng, dtype  as for `Linear`; dropout draws from the same generator

    Called with one argument, a sequence attends to itself; key and value may be other sequences. `attn_mask` and
    `is_causal` are those of `tinygrad_edu.functional.scaled_dot_product_attention`. Samples come first, and only the
    result is given, not the weights.

    Raises DataError where `num_heads` doesn't divide `embed_dim`.

    >>> layer = MultiheadAttention(8, num_heads=2)
    >>> layer(np.ones((5, 3, 8)), is_causal=True).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        width, self.num_heads = whole(embed_dim, "embed_dim"), whole(num_heads, "num_heads")
        if width % self.num_heads:
            raise DataError(
                describe(f"embed_dim {width} can't be split into {num_heads} heads", where=here(), code="unequal-split")
            )
        self.dropout, self.rng = real(dropout, "dropout", 0.0, 1.0), generator(rng)
        self.query, self.key, self.value, self.out = (
            Linear(width, width, bias=bias, rng=self.rng, dtype=dtype) for _ in range(4)
        )

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        sizes = {"embed_dim": self.out.in_features, "num_heads": self.num_heads, "dropout": self.dropout}
        return {**sizes, "bias": self.out.bias is not None, "dtype": str(self.out.weight.dtype)}

    def forward(
        self,
        query: Tensor | ArrayLike,
        key: Tensor | ArrayLike | None = None,
        value: Tensor | ArrayLike | None = None,
        attn_mask: Tensor | ArrayLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """The layer's output."""
        x = as_tensor(query)  # once: in a picture it is one input
        y = x if key is None or key is query else as_tensor(key)
        z = y if value is None or value is key else as_tensor(value)
        q, k, v = self._split(self.query(x)), self._split(self.key(y)), self._split(self.value(z))
        dropped = self.dropout if self.training else 0.0
        found = functional.scaled_dot_product_attention(q, k, v, attn_mask, dropped, is_causal, rng=self.rng)
        joined = swapaxes(found, -2, -3)
        return self.out(joined.reshape(*joined.shape[:-2], self.out.in_features))  # type: ignore[no-any-return]

    def _split(self, x: Tensor) -> Tensor:
        """(…, places, width) -> (…, heads, places, width / heads)."""
        split = x.reshape(*x.shape[:-1], self.num_heads, x.shape[-1] // self.num_heads)
        result: Tensor = swapaxes(split, -2, -3)
        return result

    def _label(self) -> str:
        return f"MultiheadAttention({self.out.in_features}, {self.num_heads} heads)"
