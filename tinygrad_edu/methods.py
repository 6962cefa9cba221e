"""The methods that NumPy's arrays have, for Tensors: each calls a row. Must not know how tensors are made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.ops import elementwise, reduction, shape

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor


class ArrayMethods:
    """What `x.sum()`, `x.reshape(2, 3)` and their like do: the same as the functions of the same name."""

    __slots__ = ()

    @property
    def T(self) -> Tensor:
        """The axes in reverse order."""
        return shape.transpose(self)

    def sum(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Sum over `axis` (all by default)."""
        return reduction.sum(self, axis=axis, keepdims=keepdims)

    def mean(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Mean over `axis` (all by default)."""
        return reduction.mean(self, axis=axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Largest elements over `axis` (all by default)."""
        return reduction.max(self, axis=axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Smallest elements over `axis` (all by default)."""
        return reduction.min(self, axis=axis, keepdims=keepdims)

    def argmax(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Where the largest elements are: whole numbers, no derivative."""
        return reduction.argmax(self, axis=axis, keepdims=keepdims)

    def argmin(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Where the smallest elements are: whole numbers, no derivative."""
        return reduction.argmin(self, axis=axis, keepdims=keepdims)

    def any(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Whether any element is true."""
        return reduction.any(self, axis=axis, keepdims=keepdims)

    def all(self, axis: Any = None, keepdims: bool = False) -> Tensor:
        """Whether all elements are true."""
        return reduction.all(self, axis=axis, keepdims=keepdims)

    def reshape(self, *sides: Any, order: str = "C") -> Tensor:
        """The same elements in another shape: `reshape(2, 3)` or `reshape((2, 3))`; one side may be -1."""
        target = sides[0] if len(sides) == 1 else sides
        return shape.reshape(self, shape=target, order=order)

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order, reversed by default."""
        order = axes[0] if len(axes) == 1 and not isinstance(axes[0], int) else axes or None
        return shape.transpose(self, axes=order)

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """Two axes exchanged."""
        result: Tensor = np.swapaxes(self, axis1, axis2)  # type: ignore[call-overload]
        return result

    def squeeze(self, axis: Any = None) -> Tensor:
        """Without sides of 1."""
        return shape.squeeze(self, axis=axis)

    def ravel(self) -> Tensor:
        """All elements in one row."""
        return self.reshape(-1)

    def flatten(self) -> Tensor:
        """All elements in one row."""
        return self.reshape(-1)

    def clip(self, min: Any = None, max: Any = None) -> Tensor:
        """Limited to [min, max]."""
        return elementwise.clip(self, a_min=min, a_max=max)
