"""Convolutions as layers: a weight, a bias and an activation. The computation is in `tinygrad_edu.functional`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np

from tinygrad_edu import functional
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.functional.checks import AXES, one_of, per_axis, whole
from tinygrad_edu.functional.convolution import at_both_ends, check_output_padding
from tinygrad_edu.nn.init import Initialiser, find
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parts import Function, drawn, dtype_of, find_activation, misfit, parameter, with_activation
from tinygrad_edu.node import here
from tinygrad_edu.random import Rng
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike

PADDING_MODES: Final = ("zeros", "reflect", "replicate", "circular")


class _Convolution(Module):
    """What all convolutions share: their settings, parameters and errors."""

    axes: ClassVar[int]

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        activation: str | Function | None = None,
        init: str | Initialiser | None = None,
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
        padding_mode: str = "zeros",
    ) -> None:
        self.padding_mode = one_of(padding_mode, "padding mode of a convolution", PADDING_MODES)
        self.in_channels, self.out_channels = whole(in_channels, "in_channels"), whole(out_channels, "out_channels")
        self.kernel_size = per_axis(kernel_size, "kernel_size", self.axes)
        self.stride, self.dilation = per_axis(stride, "stride", self.axes), per_axis(dilation, "dilation", self.axes)
        self.padding = padding if isinstance(padding, str) else per_axis(padding, "padding", self.axes, 0)
        at_both_ends(type(self).__name__, self.padding, self.kernel_size, self.stride, self.dilation)
        self.groups = whole(groups, "groups")
        if self.in_channels % self.groups or self.out_channels % self.groups:
            raise ShapeError(
                describe(
                    f"{self.in_channels} and {self.out_channels} channels can't both be split into {groups} groups",
                    where=here(),
                    code="conv-groups",
                )
            )
        dtype = dtype_of(dtype)
        self.activation = find_activation(activation)
        self.weight = self._drawn(init, rng, dtype)
        self.bias = parameter(np.zeros(self.out_channels, dtype), (self.out_channels,), dtype) if bias else None

    def _drawn(self, init: str | Initialiser | None, rng: Rng, dtype: np.dtype[Any]) -> Tensor:
        shape = (self.out_channels, self.in_channels // self.groups, *self.kernel_size)
        return drawn(init, self.activation, shape, rng, dtype)

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        names = ("in_channels", "out_channels", "kernel_size", "stride", "padding", "dilation", "groups", "activation",
                 "padding_mode")  # fmt: skip
        own = {name: getattr(self, name) for name in names}
        return {**own, "bias": self.bias is not None, "dtype": str(self.weight.dtype)}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        x = as_tensor(x)
        try:
            z = self._convolved(x)
        except ShapeError:  # asked afterwards, so that a fitting input pays nothing
            if x.ndim in (self.axes + 1, self.axes + 2) and x.shape[-self.axes - 1] == self.in_channels:
                raise
            raise self._misfit(x) from None
        return z if self.activation is None else self.activation(z)

    def _convolved(self, x: Tensor) -> Tensor:
        raise NotImplementedError

    def _bordered(self, x: Tensor) -> tuple[Tensor, Any]:
        """x with its border, and how much of a border of zeros is left for the convolution to add."""
        if self.padding_mode == "zeros":
            return x, self.padding
        ends = at_both_ends(type(self).__name__, self.padding, self.kernel_size, self.stride, self.dilation)
        return functional.pad(x, [width for pair in reversed(ends) for width in pair], self.padding_mode), 0

    def _misfit(self, x: Tensor) -> ShapeError:
        if x.ndim == self.axes + 1 and self.in_channels == 1:
            fix = "x[:, None]: images of one channel"
        elif x.ndim == self.axes + 2 and x.shape[-1] == self.in_channels:
            fix = "np.moveaxis(x, -1, 1): channels come before the sides"
        else:
            fix = "the axis before the sides must be in_channels"
        expected = f"(n, {self.in_channels}, {AXES[self.axes]}), or without n for one sample"
        return misfit(self, x, expected, fix)

    def _label(self) -> str:
        parts = [f"{self.in_channels} → {self.out_channels}", "×".join(map(str, self.kernel_size))]
        for name, usual in (("stride", 1), ("padding", 0), ("dilation", 1)):
            value = getattr(self, name)
            one = value[0] if isinstance(value, tuple) and len(set(value)) == 1 else value
            if one != usual:
                parts.append(f"{name} {one}")
        if self.padding_mode != "zeros":
            parts.append(self.padding_mode)
        if self.groups > 1:
            parts.append(f"{self.groups} groups")
        return with_activation(f"{type(self).__name__}({', '.join(parts)})", self.activation)


class Conv2d(_Convolution):
    """activation(conv2d(x, weight) + bias): (n, in, height, width) -> (n, out, places, places).

    in_channels, out_channels            how many images come in and go out for each sample
    kernel_size, stride, padding, …      as for `tinygrad_edu.functional.conv2d`; padding also "same" or "valid"
    bias, activation, init, rng, dtype   as for `Linear`; the fan-in of a weight is channels · kernel sides
    padding_mode                         what the padding is made of: "zeros", or as the modes of `functional.pad`
                                         "reflect", "replicate", "circular"

    `weight` is (out, in / groups, kernel height, kernel width), as in PyTorch.

    Raises ShapeError for an input that hasn't `in_channels`, naming the layer.

    >>> layer = Conv2d(1, 8, 3, padding=1, activation="relu")
    >>> layer(np.ones((5, 1, 28, 28))).shape
    (5, 8, 28, 28)
    >>> layer
    Conv2d(1 → 8, 3×3, padding 1) + relu
      weight  (8, 1, 3, 3)  72
      bias    (8,)           8
    80 parameters
    """

    axes = 2

    def _convolved(self, x: Tensor) -> Tensor:
        x, padding = self._bordered(x)
        return functional.conv2d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv1d(_Convolution):
    """`Conv2d` with one axis: (n, in, length) -> (n, out, places).

    >>> Conv1d(2, 4, 3)(np.ones((5, 2, 10))).shape
    (5, 4, 8)
    """

    axes = 1

    def _convolved(self, x: Tensor) -> Tensor:
        x, padding = self._bordered(x)
        return functional.conv1d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class Conv3d(_Convolution):
    """`Conv2d` with three axes: (n, in, depth, height, width) -> (n, out, places, places, places).

    >>> Conv3d(2, 4, 3, padding="same")(np.ones((5, 2, 4, 4, 4))).shape
    (5, 4, 4, 4, 4)
    """

    axes = 3

    def _convolved(self, x: Tensor) -> Tensor:
        x, padding = self._bordered(x)
        return functional.conv3d(x, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)


class _Transposed(_Convolution):
    """What transposed convolutions share: a weight (in, out / groups, *kernel), and output_padding."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        activation: str | Function | None = None,
        init: str | Initialiser | None = None,
        rng: Rng = 0,
        dtype: DTypeLike | None = None,
    ) -> None:
        padding = per_axis(padding, "padding", self.axes, 0)
        self.output_padding = per_axis(output_padding, "output_padding", self.axes, 0)
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            groups,
            bias,
            activation,
            init,
            rng,
            dtype,
        )
        check_output_padding(type(self).__name__, self.output_padding, self.stride, self.dilation)

    def _drawn(self, init: str | Initialiser | None, rng: Rng, dtype: np.dtype[Any]) -> Tensor:
        shape = (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        if callable(init) or init in ("zeros", "normal"):
            return drawn(init, self.activation, shape, rng, dtype)

        def turned(rng: np.random.Generator, shape: tuple[int, ...], dtype: DTypeLike) -> np.ndarray:
            usual = "he_uniform" if self.activation is functional.relu else "xavier_uniform"
            return np.swapaxes(find(init or usual)(rng, (shape[1], shape[0], *shape[2:]), dtype), 0, 1)

        return drawn(turned, self.activation, shape, rng, dtype)  # the fan-in is that of the inputs, the first side

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        settings = {**super().settings(), "output_padding": self.output_padding}
        del settings["padding_mode"]  # what a transposed convolution cuts off has no mode
        return settings


class ConvTranspose2d(_Transposed):
    """activation(conv_transpose2d(x, weight) + bias): (n, in, height, width) -> (n, out, larger, larger).

    The settings are those of `tinygrad_edu.functional.conv_transpose2d`, the others those of `Conv2d`.

    >>> ConvTranspose2d(8, 4, 2, stride=2)(np.ones((5, 8, 7, 7))).shape
    (5, 4, 14, 14)
    """

    axes = 2

    def _convolved(self, x: Tensor) -> Tensor:
        return functional.conv_transpose2d(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )


class ConvTranspose1d(_Transposed):
    """`ConvTranspose2d` with one axis: (n, in, length) -> (n, out, larger).

    >>> ConvTranspose1d(2, 4, 3, stride=2)(np.ones((5, 2, 10))).shape
    (5, 4, 21)
    """

    axes = 1

    def _convolved(self, x: Tensor) -> Tensor:
        return functional.conv_transpose1d(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )


class ConvTranspose3d(_Transposed):
    """`ConvTranspose2d` with three axes: (n, in, depth, height, width) -> (n, out, larger, larger, larger).

    >>> ConvTranspose3d(2, 4, 2, stride=2)(np.ones((5, 2, 3, 3, 3))).shape
    (5, 4, 6, 6, 6)
    """

    axes = 3

    def _convolved(self, x: Tensor) -> Tensor:
        return functional.conv_transpose3d(
            x, self.weight, self.bias, self.stride, self.padding, self.output_padding, self.groups, self.dilation
        )
