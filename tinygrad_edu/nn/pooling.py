"""Layers without parameters: pools, Flatten and its opposite, Dropout. Computed in `tinygrad_edu.functional`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from tinygrad_edu import functional
from tinygrad_edu.compositions.shape import one_axis
from tinygrad_edu.functional.checks import per_axis, real, whole
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parts import misfit
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


class _Pool(Module):
    """What pools share: the sides of their windows and how they move."""

    axes: ClassVar[int]
    names: ClassVar[tuple[str, ...]]

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {name: getattr(self, name) for name in self.names}

    def _window(self, kernel_size: Any, stride: Any, padding: Any) -> None:
        self.kernel_size = per_axis(kernel_size, "kernel_size", self.axes)
        self.stride = self.kernel_size if stride is None else per_axis(stride, "stride", self.axes)
        self.padding = per_axis(padding, "padding", self.axes, 0)

    def _label(self) -> str:
        parts = ["×".join(map(str, self.kernel_size))]
        if self.stride != self.kernel_size:
            parts.append(f"stride {_short(self.stride)}")
        if any(self.padding):
            parts.append(f"padding {_short(self.padding)}")
        return f"{type(self).__name__}({', '.join(parts)})"


def _short(numbers: tuple[int, ...]) -> str:
    return str(numbers[0]) if len(set(numbers)) == 1 else str(numbers)


class _MaxPool(_Pool):
    names = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")

    def __init__(
        self, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1, ceil_mode: bool = False
    ) -> None:
        self._window(kernel_size, stride, padding)
        self.dilation, self.ceil_mode = per_axis(dilation, "dilation", self.axes), bool(ceil_mode)


class MaxPool2d(_MaxPool):
    """The largest element of each window: (n, channels, height, width) -> (n, channels, places, places).

    The settings are those of `tinygrad_edu.functional.max_pool2d`.

    >>> import numpy as np
    >>> MaxPool2d(2)(np.ones((5, 8, 28, 28))).shape
    (5, 8, 14, 14)
    """

    axes = 2

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.max_pool2d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class MaxPool1d(_MaxPool):
    """`MaxPool2d` with one axis: (n, channels, length) -> (n, channels, places).

    >>> MaxPool1d(2)([[1.0, 3.0, 2.0, 0.0]])
    Tensor([[3., 2.]])
    """

    axes = 1

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.max_pool1d(x, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode)


class _AvgPool(_Pool):
    names = ("kernel_size", "stride", "padding", "ceil_mode", "count_include_pad")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        self._window(kernel_size, stride, padding)
        self.ceil_mode, self.count_include_pad = bool(ceil_mode), bool(count_include_pad)


class AvgPool2d(_AvgPool):
    """The mean of each window: (n, channels, height, width) -> (n, channels, places, places).

    The settings are those of `tinygrad_edu.functional.avg_pool2d`.

    >>> import numpy as np
    >>> AvgPool2d(2)(np.ones((5, 8, 28, 28))).shape
    (5, 8, 14, 14)
    """

    axes = 2

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.avg_pool2d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class AvgPool1d(_AvgPool):
    """`AvgPool2d` with one axis: (n, channels, length) -> (n, channels, places).

    >>> AvgPool1d(2)([[1.0, 3.0, 2.0, 0.0]])
    Tensor([[2., 1.]])
    """

    axes = 1

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.avg_pool1d(
            x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad
        )


class AdaptiveAvgPool2d(Module):
    """Means over as many windows as `output_size` says: (n, channels, height, width) -> (n, channels, *output_size).

    >>> import numpy as np
    >>> AdaptiveAvgPool2d(1)(np.ones((5, 8, 7, 7))).shape
    (5, 8, 1, 1)
    """

    def __init__(self, output_size: Any) -> None:
        sizes = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,) * 2
        known = per_axis(tuple(1 if size is None else size for size in sizes), "output_size", 2)
        self.output_size = tuple(None if size is None else n for size, n in zip(sizes * (3 - len(sizes)), known))

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"output_size": self.output_size}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.adaptive_avg_pool2d(x, self.output_size)

    def _label(self) -> str:
        return f"AdaptiveAvgPool2d({'×'.join('same' if size is None else str(size) for size in self.output_size)})"


class Flatten(Module):
    """The axes from `start_axis` to `end_axis` as one: (n, channels, height, width) -> (n, channels · height · width).

    >>> import numpy as np
    >>> Flatten()(np.ones((5, 8, 7, 7))).shape
    (5, 392)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        self.start_axis, self.end_axis = start_axis, end_axis

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"start_axis": self.start_axis, "end_axis": self.end_axis}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        x = as_tensor(x)
        start, end = one_axis(self.start_axis, x.ndim), one_axis(self.end_axis, x.ndim)
        if end <= start:
            return x
        return x.reshape(*x.shape[:start], math.prod(x.shape[start : end + 1]), *x.shape[end + 1 :])


class Unflatten(Module):
    """One axis as several: with 1 and (1, 28, 28) rows of 784 numbers become images, (n, 784) -> (n, 1, 28, 28).

    Raises ShapeError where that side of the input is not the product of `sizes`.

    >>> import numpy as np
    >>> Unflatten(1, (1, 28, 28))(np.ones((5, 784))).shape
    (5, 1, 28, 28)
    """

    def __init__(self, axis: int, sizes: Any) -> None:
        self.axis = axis
        self.sizes = tuple(whole(size, "sizes") for size in sizes)

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"axis": self.axis, "sizes": self.sizes}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        x = as_tensor(x)
        axis, side = one_axis(self.axis, x.ndim), math.prod(self.sizes)
        if x.shape[axis] != side:
            raise misfit(self, x, f"a side of {side} along axis {self.axis}", "the product of sizes must be that side")
        return x.reshape(*x.shape[:axis], *self.sizes, *x.shape[axis + 1 :])

    def _label(self) -> str:
        return f"Unflatten({'×'.join(map(str, self.sizes))})"


class Dropout(Module):
    """In training each number becomes 0 with probability p, the others grow by 1 / (1 − p); else x itself.

    p     from 0 to 1
    rng   a seed or a `numpy.random.Generator`, from which every call in training draws. Layers with the same seed
          drop the same places: pass one generator to all layers of a network.

    `model.eval()` turns it off, `model.train()` on.

    >>> layer = Dropout(0.5, rng=0)
    >>> layer([1.0, 1.0, 1.0, 1.0])
    Tensor([2., 0., 0., 0.])
    >>> layer.eval()([1.0, 1.0])
    Tensor([1., 1.])
    """

    def __init__(self, p: float = 0.5, rng: Rng = 0) -> None:
        self.p = real(p, "p", 0.0, 1.0)
        self.rng = generator(rng)

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"p": self.p}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.dropout(x, self.p, self.training, self.rng)

    def _label(self) -> str:
        return f"{type(self).__name__}({self.p:g})"


class Dropout2d(Dropout):
    """As `Dropout`, for whole channels: x (n, channels, height, width).

    >>> import numpy as np
    >>> Dropout2d(0.5, rng=0)(np.ones((1, 2, 1, 2))).tolist()
    [[[[2.0, 2.0]], [[0.0, 0.0]]]]
    """

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.dropout2d(x, self.p, self.training, self.rng)
