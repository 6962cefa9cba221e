"""Transformers: layers of attention and of two layers of neurons at each place, and stacks of them.

Composed of other layers. Samples come first, and a mask is True where a place may be seen.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from tinygrad_edu import functional
from tinygrad_edu.errors import DtypeError, describe
from tinygrad_edu.functional.checks import real, whole
from tinygrad_edu.nn.attention import MultiheadAttention
from tinygrad_edu.nn.containers import ModuleList
from tinygrad_edu.nn.layers import Linear
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.normalisation import LayerNorm
from tinygrad_edu.nn.parts import Function
from tinygrad_edu.node import here
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike


class _Layer(Module):
    """What both kinds of layers share: attention among the places, a small network at each, a norm for either."""

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

    def _added(self, x: Tensor, norm: LayerNorm, part: Callable[[Tensor], Tensor]) -> Tensor:
        """x and what the part makes of it, with the norm before the part or behind the sum."""
        if self.norm_first:
            return x + self._dropped(part(norm(x)))
        normed: Tensor = norm(x + self._dropped(part(x)))
        return normed

    def _at_each_place(self, x: Tensor) -> Tensor:
        result: Tensor = self.linear2(self._dropped(self.linear1(x)))
        return result

    def _dropped(self, x: Tensor) -> Tensor:
        return functional.dropout(x, self.dropout, self.training, self.rng)

    def _label(self) -> str:
        sizes = f"{self.linear1.in_features}, {self.attention.num_heads} heads, {self.linear1.out_features} within"
        return f"{type(self).__name__}({sizes})"


class TransformerEncoderLayer(_Layer):
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

    def forward(
        self, x: Tensor | ArrayLike, attn_mask: Tensor | ArrayLike | None = None, is_causal: bool = False
    ) -> Tensor:
        """The layer's output."""
        h = self._added(as_tensor(x), self.norm1, lambda x: self.attention(x, attn_mask=attn_mask, is_causal=is_causal))
        return self._added(h, self.norm2, self._at_each_place)


class TransformerDecoderLayer(_Layer):
    """`TransformerEncoderLayer` with a second attention in between, to another sequence: the memory.

    The settings are those of `TransformerEncoderLayer`. Called with x (…, places, d_model) and the memory
    (…, places of its own, d_model), such as an encoder gives; `attn_mask` and `is_causal` are for the attention of x
    to itself, `memory_mask` for that to the memory.

    Source: A. Vaswani et al., Attention is all you need, NeurIPS 2017, section 3.1.

    >>> import numpy as np
    >>> layer = TransformerDecoderLayer(8, nhead=2, dim_feedforward=16, dropout=0.0)
    >>> layer(np.ones((5, 3, 8)), np.ones((5, 7, 8)), is_causal=True).shape
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
        sizes = (d_model, nhead, dim_feedforward)
        super().__init__(*sizes, dropout, activation, layer_norm_eps, norm_first, bias, rng, dtype)
        self.cross_attention = MultiheadAttention(d_model, nhead, dropout, bias, self.rng, dtype)
        self.norm3 = LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype)

    def forward(
        self,
        x: Tensor | ArrayLike,
        memory: Tensor | ArrayLike,
        attn_mask: Tensor | ArrayLike | None = None,
        memory_mask: Tensor | ArrayLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """The layer's output."""
        h = self._added(as_tensor(x), self.norm1, lambda x: self.attention(x, attn_mask=attn_mask, is_causal=is_causal))
        h = self._added(h, self.norm2, lambda x: self.cross_attention(x, memory, attn_mask=memory_mask))
        return self._added(h, self.norm3, self._at_each_place)


class _Stack(Module):
    """Layers one after the other, and a norm at the end."""

    kind: ClassVar[type[_Layer]]

    def __init__(self, layer: _Layer, num_layers: int, norm: Module | None = None) -> None:
        if not isinstance(layer, self.kind):
            raise DtypeError(
                describe(
                    f"{type(self).__name__} is made of {self.kind.__name__}s, not of {type(layer).__name__}",
                    where=here(),
                    fix=f"nn.{type(self).__name__}(nn.{self.kind.__name__}(d_model, nhead), num_layers)",
                    code="not-a-module",
                )
            )
        made = (type(layer)(**layer.settings(), rng=layer.rng) for _ in range(whole(num_layers, "num_layers")))
        self.layers = ModuleList(made)
        self.norm = norm

    def _normed(self, x: Tensor) -> Tensor:
        return x if self.norm is None else self.norm(x)

    def _label(self) -> str:
        return f"{type(self).__name__}({len(self.layers)} layer{'s' * (len(self.layers) > 1)})"


class TransformerEncoder(_Stack):
    """Layers like the one given, one after the other: (…, places, d_model), same shape.

    encoder_layer   a `TransformerEncoderLayer`: each layer has its settings and draws weights of its own from its
                    generator. (In PyTorch all begin with the same weights, those of the layer given.)
    num_layers      how many; norm: a module for the end, such as `LayerNorm(d_model)`, or None

    Called with x, `attn_mask` and `is_causal` as the layer is.

    >>> import numpy as np
    >>> layer = TransformerEncoderLayer(8, nhead=2, dim_feedforward=16, dropout=0.0)
    >>> TransformerEncoder(layer, 3)(np.ones((5, 3, 8))).shape
    (5, 3, 8)
    """

    kind = TransformerEncoderLayer

    def __init__(self, encoder_layer: TransformerEncoderLayer, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(encoder_layer, num_layers, norm)

    def forward(
        self, x: Tensor | ArrayLike, attn_mask: Tensor | ArrayLike | None = None, is_causal: bool = False
    ) -> Tensor:
        """The stack's output."""
        h: Tensor = as_tensor(x)
        for layer in self.layers:
            h = layer(h, attn_mask, is_causal)
        return self._normed(h)


class TransformerDecoder(_Stack):
    """Layers like the one given, all of which attend to the same memory; see `TransformerEncoder`.

    >>> import numpy as np
    >>> layer = TransformerDecoderLayer(8, nhead=2, dim_feedforward=16, dropout=0.0)
    >>> TransformerDecoder(layer, 3)(np.ones((5, 3, 8)), np.ones((5, 7, 8)), is_causal=True).shape
    (5, 3, 8)
    """

    kind = TransformerDecoderLayer

    def __init__(self, decoder_layer: TransformerDecoderLayer, num_layers: int, norm: Module | None = None) -> None:
        super().__init__(decoder_layer, num_layers, norm)

    def forward(
        self,
        x: Tensor | ArrayLike,
        memory: Tensor | ArrayLike,
        attn_mask: Tensor | ArrayLike | None = None,
        memory_mask: Tensor | ArrayLike | None = None,
        is_causal: bool = False,
    ) -> Tensor:
        """The stack's output."""
        h: Tensor = as_tensor(x)
        memory = as_tensor(memory)  # once for all layers
        for layer in self.layers:
            h = layer(h, memory, attn_mask, memory_mask, is_causal)
        return self._normed(h)


class Transformer(Module):
    """An encoder and a decoder that attends to what it gives, as for translation.

    num_encoder_layers, num_decoder_layers   how many layers each has; both end with a `LayerNorm`. The other settings
                                             are those of `TransformerEncoderLayer`.

    Called with a source (…, places, d_model) and a target (…, places of its own, d_model), gives the target's shape.
    source_mask, target_mask, memory_mask: where places may be seen, of the source, of the target, and of the source by
    the target. target_is_causal: no place of the target sees those behind it.

    Source: A. Vaswani et al., Attention is all you need, NeurIPS 2017, figure 1, without the embeddings.

    >>> import numpy as np
    >>> model = Transformer(8, nhead=2, num_encoder_layers=1, num_decoder_layers=2, dim_feedforward=16)
    >>> model(np.ones((5, 7, 8)), np.ones((5, 3, 8)), target_is_causal=True).shape
    (5, 3, 8)
    """

    def __init__(
        self,
        d_model: int = 512,
        nhead: int = 8,
        num_encoder_layers: int = 6,
        num_decoder_layers: int = 6,
        dim_feedforward: int = 2048,
        dropout: float = 0.1,
        activation: str | Function | None = "relu",
        layer_norm_eps: float = 1e-5,
        norm_first: bool = False,
        bias: bool = True,
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        sizes = (d_model, nhead, dim_feedforward)
        shared: Any = (dropout, activation, layer_norm_eps, norm_first, bias, generator(rng), dtype)
        norms = [LayerNorm(d_model, layer_norm_eps, bias=bias, dtype=dtype) for _ in range(2)]
        self.encoder = TransformerEncoder(TransformerEncoderLayer(*sizes, *shared), num_encoder_layers, norms[0])
        self.decoder = TransformerDecoder(TransformerDecoderLayer(*sizes, *shared), num_decoder_layers, norms[1])

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        counts = {"num_encoder_layers": len(self.encoder.layers), "num_decoder_layers": len(self.decoder.layers)}
        first: Any = self.encoder.layers[0]
        return {**first.settings(), **counts}

    def forward(
        self,
        source: Tensor | ArrayLike,
        target: Tensor | ArrayLike,
        source_mask: Tensor | ArrayLike | None = None,
        target_mask: Tensor | ArrayLike | None = None,
        memory_mask: Tensor | ArrayLike | None = None,
        target_is_causal: bool = False,
    ) -> Tensor:
        """The decoder's output."""
        memory = self.encoder(source, source_mask)
        return self.decoder(target, memory, target_mask, memory_mask, target_is_causal)  # type: ignore[no-any-return]

    def _label(self) -> str:
        return f"Transformer({len(self.encoder.layers)} + {len(self.decoder.layers)} layers)"
