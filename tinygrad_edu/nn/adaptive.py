"""Pools by the number of their results, as layers. The computation is in `tinygrad_edu.functional`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from tinygrad_edu import functional
from tinygrad_edu.functional.checks import per_axis
from tinygrad_edu.nn.module import Module

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from tinygrad_edu.tensor import Tensor


class _Adaptive(Module):
    """What pools by the number of their results share."""

    axes: ClassVar[int]
    pools: ClassVar[tuple[Any, ...]]

    def __init__(self, output_size: Any) -> None:
        sizes = tuple(output_size) if isinstance(output_size, tuple | list) else (output_size,)
        known = per_axis(tuple(1 if size is None else size for size in sizes), "output_size", self.axes)
        sizes = sizes * self.axes if len(sizes) == 1 else sizes
        self.output_size = tuple(None if size is None else n for size, n in zip(sizes, known))

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"output_size": self.output_size}

    def forward(self, x: Tensor | ArrayLike) -> Any:
        """The layer's output."""
        return self.pools[self.axes - 1](x, self.output_size)

    def _label(self) -> str:
        return f"{type(self).__name__}({'×'.join('same' if n is None else str(n) for n in self.output_size)})"


class _AdaptiveAvg(_Adaptive):
    pools = (functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d, functional.adaptive_avg_pool3d)


class _AdaptiveMax(_Adaptive):
    pools = (functional.adaptive_max_pool1d, functional.adaptive_max_pool2d, functional.adaptive_max_pool3d)

    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = bool(return_indices)

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"output_size": self.output_size, "return_indices": self.return_indices}

    def forward(self, x: Tensor | ArrayLike) -> Any:
        """The layer's output; with `return_indices` also where the largest elements are."""
        return self.pools[self.axes - 1](x, self.output_size, self.return_indices)


class AdaptiveAvgPool2d(_AdaptiveAvg):
    """Means over as many windows as `output_size` says: (n, channels, height, width) -> (n, channels, *output_size).

    >>> import numpy as np
    >>> AdaptiveAvgPool2d(1)(np.ones((5, 8, 7, 7))).shape
    (5, 8, 1, 1)
    """

    axes = 2


class AdaptiveAvgPool1d(_AdaptiveAvg):
    """`AdaptiveAvgPool2d` with one axis.

    >>> AdaptiveAvgPool1d(2)([[1.0, 3.0, 2.0, 0.0]])
    Tensor([[2., 1.]])
    """

    axes = 1


class AdaptiveAvgPool3d(_AdaptiveAvg):
    """`AdaptiveAvgPool2d` with three axes.

    >>> import numpy as np
    >>> AdaptiveAvgPool3d((1, None, 2))(np.ones((5, 8, 7, 7, 7))).shape
    (5, 8, 1, 7, 2)
    """

    axes = 3


class AdaptiveMaxPool2d(_AdaptiveMax):
    """The largest elements of as many windows as `output_size` says.

    >>> import numpy as np
    >>> AdaptiveMaxPool2d(1)(np.ones((5, 8, 7, 7))).shape
    (5, 8, 1, 1)
    """

    axes = 2


class AdaptiveMaxPool1d(_AdaptiveMax):
    """`AdaptiveMaxPool2d` with one axis.

    >>> AdaptiveMaxPool1d(2, return_indices=True)([[1.0, 3.0, 2.0, 0.0]])
    (Tensor([[3., 2.]]), Tensor([[1, 2]]))
    """

    axes = 1


class AdaptiveMaxPool3d(_AdaptiveMax):
    """`AdaptiveMaxPool2d` with three axes.

    >>> import numpy as np
    >>> AdaptiveMaxPool3d(2)(np.ones((5, 8, 4, 4, 4))).shape
    (5, 8, 2, 2, 2)
    """

    axes = 3
