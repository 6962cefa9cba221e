"""Norms as layers: a weight and a bias of their own, running statistics. Computed in `tinygrad_edu.functional`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from tinygrad_edu import functional
from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.functional.checks import real, whole
from tinygrad_edu.nn.functions import FunctionModule
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parts import dtype_of, misfit, parameter
from tinygrad_edu.node import here, state
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, DTypeLike


class _BatchNorm(Module):
    """What batch norms share; they differ in the axes they take."""

    running_mean: Tensor
    running_var: Tensor
    num_batches_tracked: Tensor
    ndims: ClassVar[tuple[int, ...]]
    expected: ClassVar[str]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.num_features, self.eps = whole(num_features, "num_features"), real(eps, "eps", 0.0)
        self.momentum = None if momentum is None else real(momentum, "momentum", 0.0, 1.0)
        self.affine, self.track_running_stats = bool(affine), bool(track_running_stats)
        self.dtype = dtype_of(dtype)
        shape = (self.num_features,)
        self.weight = parameter(np.ones(shape), shape, self.dtype) if affine else None
        self.bias = parameter(np.zeros(shape), shape, self.dtype) if affine else None
        if track_running_stats:
            self.register_buffer("running_mean", np.zeros(shape, self.dtype))
            self.register_buffer("running_var", np.ones(shape, self.dtype))
            self.register_buffer("num_batches_tracked", np.array(0))

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        names = ("num_features", "eps", "momentum", "affine", "track_running_stats")
        return {**{name: getattr(self, name) for name in names}, "dtype": str(self.dtype)}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        x = as_tensor(x)
        if x.ndim not in self.ndims or x.shape[1] != self.num_features:
            expected = self.expected.format(self.num_features)
            raise misfit(self, x, expected, "the second side of the input must be num_features")
        if not self.track_running_stats:
            return self._normed(x, None, 0.0)
        momentum = 0.0
        if self.training:
            seen = int(self.num_batches_tracked.item()) + (not state().again)
            self.num_batches_tracked[...] = seen
            momentum = 1 / seen if self.momentum is None else self.momentum
        return self._normed(x, (self.running_mean, self.running_var), momentum)

    def _normed(self, x: Tensor, running: tuple[Tensor, Tensor] | None, momentum: float) -> Tensor:
        means, variances = running or (None, None)
        own = running is None or self.training
        return functional.batch_norm(x, means, variances, self.weight, self.bias, own, momentum, self.eps)

    def _label(self) -> str:
        return f"{type(self).__name__}({self.num_features})"


class BatchNorm2d(_BatchNorm):
    """(x − mean) / √(var + eps) · weight + bias, channel by channel: (n, channels, height, width), same shape.

    num_features          the number of channels
    momentum              how far the running statistics move towards each batch's in training; None: they become the
                          mean over all batches
    affine                False for no weight and bias
    track_running_stats   False always uses the batch's own statistics

    In training it uses the batch's own mean and variance, after `model.eval()` the running ones. These are buffers,
    saved with the parameters.

    >>> layer = BatchNorm2d(8)
    >>> layer(np.ones((5, 8, 7, 7))).shape
    (5, 8, 7, 7)
    >>> layer
    BatchNorm2d(8)
      weight  (8,)  8
      bias    (8,)  8
    16 parameters
    """

    ndims = (4,)
    expected = "(n, {}, height, width)"


class BatchNorm1d(_BatchNorm):
    """`BatchNorm2d` for (n, channels) or (n, channels, length).

    >>> BatchNorm1d(3)(np.eye(3)).shape
    (3, 3)
    """

    ndims = (2, 3)
    expected = "(n, {0}) or (n, {0}, length)"


class BatchNorm3d(_BatchNorm):
    """`BatchNorm2d` for (n, channels, depth, height, width).

    >>> BatchNorm3d(3)(np.ones((2, 3, 4, 4, 4))).shape
    (2, 3, 4, 4, 4)
    """

    ndims = (5,)
    expected = "(n, {}, depth, height, width)"


class _InstanceNorm(_BatchNorm):
    """What instance norms share: they are batch norms of each sample by itself."""

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        dtype: DTypeLike | None = None,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, dtype)

    def _normed(self, x: Tensor, running: tuple[Tensor, Tensor] | None, momentum: float) -> Tensor:
        means, variances = running or (None, None)
        own = running is None or self.training
        return functional.instance_norm(x, means, variances, self.weight, self.bias, own, momentum, self.eps)


class InstanceNorm2d(_InstanceNorm):
    """(x − mean) / √(var + eps) for each channel of each sample: (n, channels, height, width), same shape.

    num_features          the number of channels
    affine                True for a weight and a bias
    track_running_stats   True: after `model.eval()` it uses running statistics, as `BatchNorm2d` does; else always the
                          sample's own

    >>> InstanceNorm2d(1, eps=0.0)([[[[1.0, 3.0]]]])
    Tensor([[[[-1.,  1.]]]])
    """

    ndims = (4,)
    expected = "(n, {}, height, width)"


class InstanceNorm1d(_InstanceNorm):
    """`InstanceNorm2d` for (n, channels, length).

    >>> InstanceNorm1d(1, eps=0.0)([[[1.0, 3.0]]])
    Tensor([[[-1.,  1.]]])
    """

    ndims = (3,)
    expected = "(n, {}, length)"


class InstanceNorm3d(_InstanceNorm):
    """`InstanceNorm2d` for (n, channels, depth, height, width).

    >>> InstanceNorm3d(1, eps=0.0)([[[[[1.0, 3.0]]]]])
    Tensor([[[[[-1.,  1.]]]]])
    """

    ndims = (5,)
    expected = "(n, {}, depth, height, width)"


class LocalResponseNorm(FunctionModule, function=functional.local_response_norm):
    """x / (k + alpha / size · Σ x² over neighbouring channels) ** beta; see `functional.local_response_norm`.

    >>> LocalResponseNorm(2, alpha=2.0, beta=1.0)([[1.0, 2.0]])
    Tensor([[0.5       , 0.33333333]])
    """


class LayerNorm(Module):
    """(x − mean) / √(var + eps) · weight + bias, over the last axes of each sample: (…, *normalized_shape), same shape.

    normalized_shape     the sides of those axes: a number for the last one, or a tuple
    elementwise_affine   False for no weight and bias; bias: False for no bias

    >>> LayerNorm(3)(np.eye(3)).shape
    (3, 3)
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.normalized_shape = _sides(normalized_shape)
        self.eps, self.elementwise_affine = real(eps, "eps", 0.0), bool(elementwise_affine)
        self.dtype, shape = dtype_of(dtype), self.normalized_shape
        self.weight = parameter(np.ones(shape), shape, self.dtype) if elementwise_affine else None
        self.bias = parameter(np.zeros(shape), shape, self.dtype) if elementwise_affine and bias else None

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        own = {name: getattr(self, name) for name in ("normalized_shape", "eps", "elementwise_affine")}
        return {**own, "bias": self.bias is not None, "dtype": str(self.dtype)}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        x = as_tensor(x)
        try:
            return functional.layer_norm(x, self.normalized_shape, self.weight, self.bias, self.eps)
        except ShapeError:
            raise _other_sides(self, x, self.normalized_shape) from None

    def _label(self) -> str:
        return f"LayerNorm({'×'.join(map(str, self.normalized_shape))})"


class RMSNorm(Module):
    """x / √(mean of x² + eps) · weight, over the last axes of each sample: (…, *normalized_shape), same shape.

    eps   None: the spacing of numbers at 1 in the dtype of x

    >>> RMSNorm(2, eps=0.0)([[3.0, 4.0]])
    Tensor([[0.84852814, 1.13137085]], requires_grad=True)
    """

    def __init__(
        self,
        normalized_shape: Any,
        eps: float | None = None,
        elementwise_affine: bool = True,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.normalized_shape = _sides(normalized_shape)
        self.eps = None if eps is None else real(eps, "eps", 0.0)
        self.elementwise_affine, self.dtype, shape = bool(elementwise_affine), dtype_of(dtype), self.normalized_shape
        self.weight = parameter(np.ones(shape), shape, self.dtype) if elementwise_affine else None

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        own = {name: getattr(self, name) for name in ("normalized_shape", "eps", "elementwise_affine")}
        return {**own, "dtype": str(self.dtype)}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        x = as_tensor(x)
        try:
            return functional.rms_norm(x, self.normalized_shape, self.weight, self.eps)
        except ShapeError:
            raise _other_sides(self, x, self.normalized_shape) from None

    def _label(self) -> str:
        return f"RMSNorm({'×'.join(map(str, self.normalized_shape))})"


class GroupNorm(Module):
    """(x − mean) / √(var + eps) · weight + bias, over each group of channels of each sample: (n, channels, …).

    >>> GroupNorm(2, 4)(np.eye(4)).shape
    (4, 4)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        dtype: DTypeLike | None = None,
    ) -> None:
        self.num_groups, self.num_channels = whole(num_groups, "num_groups"), whole(num_channels, "num_channels")
        if self.num_channels % self.num_groups:
            what = f"GroupNorm: {self.num_channels} channels can't be split into {self.num_groups} groups"
            fits = [n for n in range(1, self.num_channels + 1) if self.num_channels % n == 0]
            fix = f"num_groups={min(fits, key=lambda n: abs(n - self.num_groups))}"
            raise ShapeError(describe(what, where=here(), fix=fix, code="unequal-split"))
        self.eps, self.affine, self.dtype = real(eps, "eps", 0.0), bool(affine), dtype_of(dtype)
        shape = (self.num_channels,)
        self.weight = parameter(np.ones(shape), shape, self.dtype) if affine else None
        self.bias = parameter(np.zeros(shape), shape, self.dtype) if affine else None

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        own = {name: getattr(self, name) for name in ("num_groups", "num_channels", "eps", "affine")}
        return {**own, "dtype": str(self.dtype)}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        x = as_tensor(x)
        if x.ndim < 2 or x.shape[1] != self.num_channels:
            raise misfit(self, x, f"(n, {self.num_channels}, …)", "the second side of the input must be num_channels")
        return functional.group_norm(x, self.num_groups, self.weight, self.bias, self.eps)

    def _label(self) -> str:
        return f"GroupNorm({self.num_groups} groups of {self.num_channels})"


def _sides(normalized_shape: Any) -> tuple[int, ...]:
    sides = normalized_shape if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    if not sides:
        what = "normalized_shape is empty: there would be nothing to normalise"
        raise DataError(describe(what, where=here(), fix="the number of features", code="number-out-of-range"))
    return tuple(whole(side, "normalized_shape") for side in sides)


def _other_sides(module: Module, x: Tensor, shape: tuple[int, ...]) -> ShapeError:
    expected = "(…, " + ", ".join(map(str, shape)) + ")"
    return misfit(module, x, expected, "the last sides of the input must be normalized_shape")
