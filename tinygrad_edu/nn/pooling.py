"""Pools as layers, and their opposites. The computation is in `tinygrad_edu.functional`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tinygrad_edu import functional
from tinygrad_edu.functional.checks import per_axis
from tinygrad_edu.nn.functions import FunctionModule
from tinygrad_edu.nn.module import Module
from tinygrad_edu.tensor import Tensor

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
    names = ("kernel_size", "stride", "padding", "dilation", "return_indices", "ceil_mode")

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self._window(kernel_size, stride, padding)
        self.dilation = per_axis(dilation, "dilation", self.axes)
        self.return_indices, self.ceil_mode = bool(return_indices), bool(ceil_mode)

    def forward(self, x: Tensor | ArrayLike) -> Any:
        """The layer's output; with `return_indices` also where the largest elements are."""
        pool = (functional.max_pool1d, functional.max_pool2d, functional.max_pool3d)[self.axes - 1]
        settings = (self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices)
        return pool(x, *settings)


class MaxPool2d(_MaxPool):
    """The largest element of each window: (n, channels, height, width) -> (n, channels, places, places).

    The settings are those of `tinygrad_edu.functional.max_pool2d`.

    >>> import numpy as np
    >>> MaxPool2d(2)(np.ones((5, 8, 28, 28))).shape
    (5, 8, 14, 14)
    """

    axes = 2


class MaxPool1d(_MaxPool):
    """`MaxPool2d` with one axis: (n, channels, length) -> (n, channels, places).

    >>> MaxPool1d(2)([[1.0, 3.0, 2.0, 0.0]])
    Tensor([[3., 2.]])
    """

    axes = 1


class MaxPool3d(_MaxPool):
    """`MaxPool2d` with three axes: (n, channels, depth, height, width) -> (n, channels, places, places, places).

    >>> import numpy as np
    >>> MaxPool3d(2)(np.ones((5, 8, 4, 4, 4))).shape
    (5, 8, 2, 2, 2)
    """

    axes = 3


class _MaxUnpool(_Pool):
    names = ("kernel_size", "stride", "padding")

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        self._window(kernel_size, stride, padding)

    def forward(self, x: Tensor | ArrayLike, indices: Tensor | ArrayLike, output_size: Any = None) -> Tensor:
        """Zeros with the elements of x at the indices."""
        unpool = (functional.max_unpool1d, functional.max_unpool2d, functional.max_unpool3d)[self.axes - 1]
        return unpool(x, indices, self.kernel_size, self.stride, self.padding, output_size)


class MaxUnpool2d(_MaxUnpool):
    """What `MaxPool2d(…, return_indices=True)` gives, put back where it was among zeros.

    Called with values, indices and, where the pool left a rest, `output_size`; see
    `tinygrad_edu.functional.max_unpool2d`.

    >>> pool, unpool = MaxPool2d(2, return_indices=True), MaxUnpool2d(2)
    >>> unpool(*pool([[[1.0, 2.0], [3.0, 4.0]]]))
    Tensor([[[0., 0.],
             [0., 4.]]])
    """

    axes = 2


class MaxUnpool1d(_MaxUnpool):
    """`MaxUnpool2d` with one axis.

    >>> MaxUnpool1d(2)([[3.0, 2.0]], [[1, 2]])
    Tensor([[0., 3., 2., 0.]])
    """

    axes = 1


class MaxUnpool3d(_MaxUnpool):
    """`MaxUnpool2d` with three axes.

    >>> MaxUnpool3d(2)([[[[1.0]]]], [[[[7]]]]).shape
    (1, 2, 2, 2)
    """

    axes = 3


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

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        pool = (functional.avg_pool1d, functional.avg_pool2d, functional.avg_pool3d)[self.axes - 1]
        return pool(x, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class AvgPool2d(_AvgPool):
    """The mean of each window: (n, channels, height, width) -> (n, channels, places, places).

    The settings are those of `tinygrad_edu.functional.avg_pool2d`.

    >>> import numpy as np
    >>> AvgPool2d(2)(np.ones((5, 8, 28, 28))).shape
    (5, 8, 14, 14)
    """

    axes = 2


class AvgPool1d(_AvgPool):
    """`AvgPool2d` with one axis: (n, channels, length) -> (n, channels, places).

    >>> AvgPool1d(2)([[1.0, 3.0, 2.0, 0.0]])
    Tensor([[2., 1.]])
    """

    axes = 1


class AvgPool3d(_AvgPool):
    """`AvgPool2d` with three axes: (n, channels, depth, height, width) -> (n, channels, places, places, places).

    >>> import numpy as np
    >>> AvgPool3d(2)(np.ones((5, 8, 4, 4, 4))).shape
    (5, 8, 2, 2, 2)
    """

    axes = 3


class LPPool1d(FunctionModule, function=functional.lp_pool1d):
    """(Σ xᵖ)^(1/p) of each window along the last axis; see `functional.lp_pool2d`.

    >>> LPPool1d(2, 2)([[3.0, 4.0, 0.0, 0.0]])
    Tensor([[5., 0.]])
    """


class LPPool2d(FunctionModule, function=functional.lp_pool2d):
    """(Σ xᵖ)^(1/p) of each window; see `functional.lp_pool2d`.

    >>> LPPool2d(2, 2)([[[3.0, 0.0], [0.0, 4.0]]])
    Tensor([[[5.]]])
    """


class LPPool3d(FunctionModule, function=functional.lp_pool3d):
    """`LPPool2d` with three axes.

    >>> import numpy as np
    >>> LPPool3d(3, 2)(np.ones((1, 2, 2, 2)))
    Tensor([[[[2.]]]])
    """
