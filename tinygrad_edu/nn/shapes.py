"""Layers without parameters that change shapes, or draw. Computed in `tinygrad_edu.functional`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

from tinygrad_edu import functional
from tinygrad_edu.compositions.shape import one_axis
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.functional.checks import real, whole
from tinygrad_edu.nn.functions import FunctionModule
from tinygrad_edu.nn.module import Module
from tinygrad_edu.nn.parts import misfit
from tinygrad_edu.node import here
from tinygrad_edu.random import Rng, generator
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


_MANY = 64  # axes, as many as NumPy has


class Flatten(Module):
    """The axes from `start_axis` to `end_axis` as one: (n, channels, height, width) -> (n, channels · height · width).

    >>> import numpy as np
    >>> Flatten()(np.ones((5, 8, 7, 7))).shape
    (5, 392)
    """

    def __init__(self, start_axis: int = 1, end_axis: int = -1) -> None:
        self.start_axis, self.end_axis = (
            whole(axis, name, -_MANY) for name, axis in (("start_axis", start_axis), ("end_axis", end_axis))
        )

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
        self.axis = whole(axis, "axis", -_MANY)
        self.sizes = tuple(whole(size, "sizes") for size in (sizes if isinstance(sizes, tuple | list) else (sizes,)))

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


class Dropout1d(Dropout):
    """As `Dropout`, for whole channels: x (n, channels, length).

    >>> Dropout1d(0.5, rng=0)([[[1.0, 1.0], [1.0, 1.0]]]).tolist()
    [[[2.0, 2.0], [0.0, 0.0]]]
    """

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.dropout1d(x, self.p, self.training, self.rng)


class Dropout3d(Dropout):
    """As `Dropout`, for whole channels: x (n, channels, depth, height, width).

    >>> import numpy as np
    >>> Dropout3d(0.5, rng=0)(np.ones((1, 2, 1, 1, 1))).tolist()
    [[[[[2.0]]], [[[0.0]]]]]
    """

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.dropout3d(x, self.p, self.training, self.rng)


class AlphaDropout(Dropout):
    """As `Dropout`, for networks of `selu`: mean and variance stay; see `functional.alpha_dropout`.

    >>> AlphaDropout(0.5, rng=0)([1.0, 1.0])
    Tensor([ 1.66559883, -0.77919393])
    """

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.alpha_dropout(x, self.p, self.training, self.rng)


class RReLU(Module):
    """`LeakyReLU` with random slopes in training, their mean after `model.eval()`; see `functional.rrelu`.

    >>> RReLU(0.0, 0.5).eval()([-12.0, 3.0])
    Tensor([-3.,  3.])
    """

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, rng: Rng = 0) -> None:
        self.lower, self.upper, self.rng = real(lower, "lower"), real(upper, "upper"), generator(rng)
        functional.rrelu(0.0, self.lower, self.upper)  # refuses a lower end above the upper one

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"lower": self.lower, "upper": self.upper}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.rrelu(x, self.lower, self.upper, self.training, self.rng)


# --- patches, pixels, borders ---


class Unfold(FunctionModule, function=functional.unfold):
    """What lies under a kernel at each of its places, as columns; see `functional.unfold`.

    >>> import numpy as np
    >>> Unfold(3, padding=1)(np.ones((5, 2, 7, 7))).shape
    (5, 18, 49)
    """


class Fold(FunctionModule, function=functional.fold):
    """Columns put back where `Unfold` took them, and added up; see `functional.fold`.

    >>> import numpy as np
    >>> Fold(7, 3, padding=1)(np.ones((5, 18, 49))).shape
    (5, 2, 7, 7)
    """


class PixelShuffle(FunctionModule, function=functional.pixel_shuffle):
    """(…, channels · r², height, width) -> (…, channels, height · r, width · r); see `functional.pixel_shuffle`.

    >>> import numpy as np
    >>> PixelShuffle(2)(np.ones((5, 8, 7, 7))).shape
    (5, 2, 14, 14)
    """


class PixelUnshuffle(FunctionModule, function=functional.pixel_unshuffle):
    """The opposite of `PixelShuffle`; see `functional.pixel_unshuffle`.

    >>> import numpy as np
    >>> PixelUnshuffle(2)(np.ones((5, 2, 14, 14))).shape
    (5, 8, 7, 7)
    """


class ChannelShuffle(FunctionModule, function=functional.channel_shuffle):
    """The channels dealt out anew; see `functional.channel_shuffle`.

    >>> ChannelShuffle(2)([[0.0, 1.0, 2.0, 3.0]])
    Tensor([[0., 2., 1., 3.]])
    """


class Upsample(FunctionModule, function=functional.interpolate):
    """Images in another size; see `functional.interpolate`.

    >>> Upsample(scale_factor=2, mode="nearest")([[[1.0, 3.0]]])
    Tensor([[[1., 1., 3., 3.]]])
    """


class _Pad(Module):
    """What borders share: their widths, along as many axes as the name says."""

    axes: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Any) -> None:
        given = tuple(padding) if isinstance(padding, tuple | list) else (padding,) * (2 * self.axes)
        if len(given) != 2 * self.axes:
            raise ShapeError(
                describe(
                    f"{type(self).__name__}: {len(given)} widths for {self.axes} axes",
                    where=here(),
                    fix="one number for all, or (left, right, top, bottom)",
                    code="numbers-per-axis",
                )
            )
        self.padding = tuple(whole(width, "padding", -(2**31) if self.mode == "constant" else 0) for width in given)

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {"padding": self.padding}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.pad(x, self.padding, self.mode)

    def _label(self) -> str:
        return f"{type(self).__name__}({self.padding[0] if len(set(self.padding)) == 1 else self.padding})"


class ZeroPad1d(_Pad):
    """Zeros before and behind the last axis: a number, or (left, right).

    >>> ZeroPad1d((1, 2))([5.0])
    Tensor([0., 5., 0., 0.])
    """

    axes, mode = 1, "constant"


class ZeroPad2d(_Pad):
    """Zeros around images: a number, or (left, right, top, bottom).

    >>> ZeroPad2d((1, 0, 0, 1))([[5.0]])
    Tensor([[0., 5.],
            [0., 0.]])
    """

    axes, mode = 2, "constant"


class ZeroPad3d(_Pad):
    """Zeros around volumes: a number, or (left, right, top, bottom, front, back).

    >>> ZeroPad3d((0, 0, 0, 0, 1, 0))([[[5.0]]]).tolist()
    [[[0.0]], [[5.0]]]
    """

    axes, mode = 3, "constant"


class _ConstantPad(_Pad):
    """What borders of a number share."""

    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = real(value, "value")

    def settings(self) -> dict[str, Any]:
        """What the constructor was given."""
        return {**super().settings(), "value": self.value}

    def forward(self, x: Tensor | ArrayLike) -> Tensor:
        """The layer's output."""
        return functional.pad(x, self.padding, "constant", self.value)

    def _label(self) -> str:
        return f"{super()._label()[:-1]}, value {self.value:g})"


class ConstantPad1d(_ConstantPad):
    """A number before and behind the last axis; the widths are those of `ZeroPad1d`, negative ones cut off.

    >>> ConstantPad1d((1, 2), 0.5)([5.0])
    Tensor([0.5, 5. , 0.5, 0.5])
    """

    axes = 1


class ConstantPad2d(_ConstantPad):
    """A number around images; the widths are those of `ZeroPad2d`, negative ones cut off.

    >>> ConstantPad2d((1, 0, 0, 1), -1.0)([[5.0]])
    Tensor([[-1.,  5.],
            [-1., -1.]])
    """

    axes = 2


class ConstantPad3d(_ConstantPad):
    """A number around volumes; the widths are those of `ZeroPad3d`, negative ones cut off.

    >>> ConstantPad3d((0, 0, 0, 0, 1, 0), 2.0)([[[5.0]]]).tolist()
    [[[2.0]], [[5.0]]]
    """

    axes = 3


class ReflectionPad1d(_Pad):
    """The last axis mirrored at both ends, without the outermost element.

    >>> ReflectionPad1d(2)([1.0, 2.0, 3.0])
    Tensor([3., 2., 1., 2., 3., 2., 1.])
    """

    axes, mode = 1, "reflect"


class ReflectionPad2d(_Pad):
    """Images mirrored at their borders.

    >>> ReflectionPad2d((1, 0, 0, 1))([[1.0, 2.0], [3.0, 4.0]])
    Tensor([[2., 1., 2.],
            [4., 3., 4.],
            [2., 1., 2.]])
    """

    axes, mode = 2, "reflect"


class ReflectionPad3d(_Pad):
    """Volumes mirrored at their borders.

    >>> ReflectionPad3d((0, 0, 0, 0, 1, 0))([[[1.0]], [[2.0]]]).tolist()
    [[[2.0]], [[1.0]], [[2.0]]]
    """

    axes, mode = 3, "reflect"


class ReplicationPad1d(_Pad):
    """Copies of the first and last element at the ends of the last axis.

    >>> ReplicationPad1d(2)([1.0, 2.0])
    Tensor([1., 1., 1., 2., 2., 2.])
    """

    axes, mode = 1, "replicate"


class ReplicationPad2d(_Pad):
    """Copies of the outermost elements around images.

    >>> ReplicationPad2d((1, 0, 0, 1))([[1.0, 2.0]])
    Tensor([[1., 1., 2.],
            [1., 1., 2.]])
    """

    axes, mode = 2, "replicate"


class ReplicationPad3d(_Pad):
    """Copies of the outermost elements around volumes.

    >>> ReplicationPad3d((0, 0, 0, 0, 1, 0))([[[1.0]], [[2.0]]]).tolist()
    [[[1.0]], [[1.0]], [[2.0]]]
    """

    axes, mode = 3, "replicate"


class CircularPad1d(_Pad):
    """The last axis as a ring.

    >>> CircularPad1d(1)([1.0, 2.0, 3.0])
    Tensor([3., 1., 2., 3., 1.])
    """

    axes, mode = 1, "circular"


class CircularPad2d(_Pad):
    """Images that go on at the opposite side.

    >>> CircularPad2d((1, 0, 0, 0))([[1.0, 2.0]])
    Tensor([[2., 1., 2.]])
    """

    axes, mode = 2, "circular"


class CircularPad3d(_Pad):
    """Volumes that go on at the opposite side.

    >>> CircularPad3d((0, 0, 0, 0, 1, 0))([[[1.0]], [[2.0]]]).tolist()
    [[[2.0]], [[1.0]], [[2.0]]]
    """

    axes, mode = 3, "circular"
