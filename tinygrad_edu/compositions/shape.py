"""NumPy's functions of shape that are compositions of rows. `tg.<name>` and `np.<name>(tensor)` are the same."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.interop import implements
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = ["ndim", "shape", "swapaxes"]


@implements(np.shape)
def shape(x: Any) -> tuple[int, ...]:
    """The sides of x."""
    return as_tensor(x).shape


@implements(np.ndim)
def ndim(x: Any) -> int:
    """The number of axes of x."""
    return as_tensor(x).ndim


@implements(np.swapaxes)
def swapaxes(x: Any, axis1: int, axis2: int) -> Tensor:
    """x with two axes exchanged."""
    x = as_tensor(x)
    axes = list(range(x.ndim))
    axes[axis1], axes[axis2] = axes[axis2], axes[axis1]
    return as_tensor(x).transpose(axes)
