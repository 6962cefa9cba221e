"""The layer that transformers repeat: attention, then two layers of neurons at each place. Composed of other layers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_edu import functional
from tinygrad_edu.functional.checks import real
from tinygrad_edu.nn.attention import MultiheadAttention
from tinygrad_edu.nn.layers import Linear
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.normalisation import LayerNorm
from tinygrad_edu.nn.parts import Function
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike


class TransformerEncoderLayer(Module):
    """Attention among the places of a sequence, then the same small network at each: (…, places, d_model), same shape.

    d_model           the width of all vectors; nhead: into how many heads attention splits it
    dim_feedforward   the width within the small network; activation: of its first layer, as for `Linear`
    dropout           probability with which numbers are dropped in training: attention's weights, and what both parts
                      add
    norm_first        False: each sum is normalised, norm(x + part(x)), as in the paper. True: x + part(norm(x)), which
                      trains deep networks without a warm-up, as in GPT.
    layer_norm_eps, bias   of the norms and the layers
    rng, dtype        as for `Linear`; dropout draws from the same generator

    Called with x, samples first, and `attn_mask` and `is_causal` as `MultiheadAttention` (a mask is True where a place
    may be seen; in PyTorch's layer where it may not). With `is_causal` no place sees those behind it: the layer of a
    language model.

    Source: A. Vaswani et al., Attention is all you need, NeurIPS 2017, section 3; for `norm_first` R. Xiong et al., On
    layer normalization in the transformer architecture, ICML 2020.

    >>> import numpy as np
    >>> layer = TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, dropout=0.0)
    >>> layer(np.ones((5, 3, 8)), is_causal=True).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int,
        nhead: int,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Function | None = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        bias: bool = True,
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.dropout, self.norm_first, self.rng = real(dropout, "dropout", 0.0, 1.0), bool(norm_first), generator(rng)
        self.attention = MultiheadAttention(d_model, nhead, dropout, bias, self.rng, dtype)
        self.norm1 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)
        self.linear1 = Linear(d_model, dim_feedforward, bias, activation, rng=self.rng, dtype=dtype)
        self.linear2 = Linear(dim_feedforward, d_model, bias, rng=self.rng, dtype=dtype)
        self.norm2 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        linear = self.linear1
        sizes = {"d_model": linear.in_features, "dim_feedforward": linear.out_features}
        own = {"nhead": self.attention.num_heads, "dropout": self.dropout, "norm_first": self.norm_first}
        shared = {"bias": linear.bias is not None, "dtype": str(linear.weight.dtype)}
        return {**sizes, **own, **shared, "activation": linear.activation, "layer_norm_eps": self.norm1.eps}

    def forward(
        self, x: Tensor | ArrayLike, attn_mask: Tensor | ArrayLike | None = None, is_causal: bool = False
    ) -> Tensor:
        """The layer's output."""
        h: Tensor = as_tensor(x)
        if self.norm_first:
            h = h + self._dropped(self.attention(self.norm1(h), attn_mask=attn_mask, is_causal=is_causal))
            return h + self._at_each_place(self.norm2(h))
        h = self.norm1(h + self._dropped(self.attention(h, attn_mask=attn_mask, is_causal=is_causal)))
        normed: Tensor = self.norm2(h + self._at_each_place(h))
        return normed

    def _at_each_place(self, x: Tensor) -> Tensor:
        return self._dropped(self.linear2(self._dropped(self.linear1(x))))

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training, self.rng)

    def _label(self) -> str:
        sizes = f"{self.linear1.in_features}, {self.attention.num_heads} heads, {self.linear1.out_features} within"
        return f"TransformerEncoderLayer({sizes})"
