"""Images cut into patches and put together again, borders, channels turned into pixels: compositions of ops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.functional.checks import must_have_axes, one_of, per_axis, real, whole
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.convolution import last_axes, out_sides
from tinygrad_edu.ops.index import scatter_add
from tinygrad_edu.ops.pad import pad as bordered
from tinygrad_edu.ops.window import add_windows, sliding_window_view
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["channel_shuffle", "fold", "pad", "pixel_shuffle", "pixel_unshuffle", "unfold"]

# --- patches as columns --------------------------------------------------------------------------------------


def unfold(x: Operand, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Tensor:
    """What lies under a kernel at each of its places, as columns: (n, channels, height, width) -> (n, rows, places).

    x                                        also without n; rows are channels · kernel height · kernel width
    kernel_size, dilation, padding, stride   as for `conv2d`: a number, or one per axis

    A convolution is a product with it: weight.reshape(out, -1) @ unfold(x, kernel). Raises ShapeError where the kernel
    doesn't fit into the image.

    >>> unfold([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]], 2)
    Tensor([[1., 2.],
            [2., 3.],
            [4., 5.],
            [5., 6.]])
    """
    x = as_tensor(x)
    must_have_axes("unfold", x, 2)
    single = x.ndim == 3
    x = x.reshape(1, *x.shape) if single else x
    kernel, dilation, padding, stride = _settings(kernel_size, dilation, padding, stride)
    places = _places("unfold", x.shape[-2:], kernel, stride, padding, dilation)
    if any(padding):
        x = bordered(x, pad_width=((0, 0), (0, 0), *((p, p) for p in padding)))
    windows = sliding_window_view(x, window_shape=_reach(kernel, dilation), axis=(2, 3))
    windows = windows[_every(stride, dilation)]
    columns = windows.transpose(0, 1, 4, 5, 2, 3).reshape(len(x), x.shape[1] * math.prod(kernel), math.prod(places))
    return columns.reshape(columns.shape[1:]) if single else columns


def fold(
    x: Operand, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Tensor:
    """Columns put back where `unfold` took them, added up where they overlap: the transpose of `unfold`.

    x             (n, channels · kernel height · kernel width, places), also without n
    output_size   height and width of the image: a number, or one per axis

    fold(unfold(x)) is x times the number of patches in which each element lies. Raises ShapeError where x has not as
    many rows or places as the settings say.

    >>> fold([[1.0, 2.0], [2.0, 3.0], [4.0, 5.0], [5.0, 6.0]], (2, 3), 2)
    Tensor([[[ 1.,  4.,  3.],
             [ 4., 10.,  6.]]])
    """
    x = as_tensor(x)
    sides = per_axis(output_size, "output_size", 2)
    kernel, dilation, padding, stride = _settings(kernel_size, dilation, padding, stride)
    places = _places("fold", sides, kernel, stride, padding, dilation)
    elements, single = math.prod(kernel), x.ndim == 2
    if x.ndim not in (2, 3) or x.shape[-2] % elements or x.shape[-1] != math.prod(places):
        raise ShapeError(
            describe(
                "fold: the columns don't fit the settings",
                where=here(),
                expected=f"(n, channels · {elements}, {math.prod(places)}): a kernel {kernel} at {places} places",
                input=label(x),
                code="fold-columns",
            )
        )
    x = x.reshape(1, *x.shape) if single else x
    shape = (len(x), x.shape[1] // elements, *(side + 2 * p for side, p in zip(sides, padding, strict=True)))
    reach = _reach(kernel, dilation)
    slid = (side - k + 1 for side, k in zip(shape[2:], reach, strict=True))
    windows = x.reshape(*shape[:2], *kernel, *places).transpose(0, 1, 4, 5, 2, 3)
    windows = scatter_add(windows, index=_every(stride, dilation, places), shape=(*shape[:2], *slid, *reach))
    image = add_windows(windows, window_shape=reach, axis=(2, 3), shape=shape)
    image = image[last_axes(slice(p, p + side) for side, p in zip(sides, padding, strict=True))]
    return image.reshape(image.shape[1:]) if single else image


def _settings(kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[tuple[int, ...], ...]:
    named = (("kernel_size", kernel_size, 1), ("dilation", dilation, 1), ("padding", padding, 0), ("stride", stride, 1))
    return tuple(per_axis(value, name, 2, least) for name, value, least in named)


def _reach(kernel: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(d * (k - 1) + 1 for k, d in zip(kernel, dilation, strict=True))


def _every(stride: tuple[int, ...], dilation: tuple[int, ...], places: tuple[int, ...] = ()) -> tuple[Any, ...]:
    """The index of every stride-th window, and of every dilation-th element in it; of no more than `places`."""
    ends = [(count - 1) * s + 1 for count, s in zip(places, stride, strict=True)] if places else [None, None]
    moved = [slice(None, end, s) for end, s in zip(ends, stride, strict=True)]
    return last_axes((*moved, *(slice(None, None, d) for d in dilation)))


def _places(name: str, sides: Any, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    places = out_sides(sides, kernel, stride, tuple((p, p) for p in padding), dilation)
    if min(places) < 1:
        raise ShapeError(
            describe(
                f"{name}: the kernel {kernel} is larger than the padded image",
                where=here(),
                image=f"{tuple(sides)}",
                padding=padding,
                dilation=dilation,
                code="conv-kernel-too-large",
            )
        )
    return places


# --- channels as pixels --------------------------------------------------------------------------------------


def pixel_shuffle(x: Operand, upscale_factor: int) -> Tensor:
    """Channels laid out as pixels: (…, channels · r², height, width) -> (…, channels, height · r, width · r).

    Source: Shi et al., Real-time single image and video super-resolution, CVPR 2016, eq. 4.

    >>> import numpy as np
    >>> pixel_shuffle(np.arange(4.0).reshape(4, 1, 1), 2)
    Tensor([[[0., 1.],
             [2., 3.]]])
    """
    x, r = as_tensor(x), whole(upscale_factor, "upscale_factor")
    if x.ndim < 3 or x.shape[-3] % (r * r):
        raise _no_pixels("pixel_shuffle", x, f"(…, channels · {r * r}, height, width)")
    *leading, channels, height, width = x.shape
    n, channels = len(leading), channels // (r * r)
    split = x.reshape(*leading, channels, r, r, height, width)
    order = (*range(n), n, n + 3, n + 1, n + 4, n + 2)
    return split.transpose(order).reshape(*leading, channels, height * r, width * r)


def pixel_unshuffle(x: Operand, downscale_factor: int) -> Tensor:
    """The opposite of `pixel_shuffle`: (…, channels, height · r, width · r) -> (…, channels · r², height, width).

    >>> pixel_unshuffle([[[0.0, 1.0], [2.0, 3.0]]], 2).tolist()
    [[[0.0]], [[1.0]], [[2.0]], [[3.0]]]
    """
    x, r = as_tensor(x), whole(downscale_factor, "downscale_factor")
    if x.ndim < 3 or x.shape[-2] % r or x.shape[-1] % r:
        raise _no_pixels("pixel_unshuffle", x, f"(…, channels, height · {r}, width · {r})")
    *leading, channels, height, width = x.shape
    n = len(leading)
    split = x.reshape(*leading, channels, height // r, r, width // r, r)
    order = (*range(n), n, n + 2, n + 4, n + 1, n + 3)
    return split.transpose(order).reshape(*leading, channels * r * r, height // r, width // r)


def channel_shuffle(x: Operand, groups: int) -> Tensor:
    """The channels dealt out anew: the first of each group, then the second of each, …; x (n, channels, …).

    Source: Zhang et al., ShuffleNet, CVPR 2018, section 3.1.

    >>> channel_shuffle([[0.0, 1.0, 2.0, 3.0]], 2)
    Tensor([[0., 2., 1., 3.]])
    """
    x, groups = as_tensor(x), whole(groups, "groups")
    if x.ndim < 2 or x.shape[1] % groups:
        raise _no_pixels("channel_shuffle", x, f"(n, channels, …) with channels in {groups} groups")
    split = x.reshape(len(x), groups, x.shape[1] // groups, *x.shape[2:])
    return split.swapaxes(1, 2).reshape(x.shape)


def _no_pixels(name: str, x: Tensor, expected: str) -> ShapeError:
    what = f"{name}: the sides can't be divided so"
    return ShapeError(describe(what, where=here(), expected=expected, input=label(x), code="unequal-split"))


# --- borders -------------------------------------------------------------------------------------------------

_MODES: Final = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def pad(x: Operand, pad: Any, mode: str = "constant", value: float | None = None) -> Tensor:
    """x with a border, its widths given from the last axis backwards: (left, right, top, bottom, …).

    pad     two whole numbers for each axis that gets a border, as in PyTorch. NumPy's order is that of `tg.pad`.
    mode    "constant": `value`, 0 by default; negative widths cut off
            "reflect": mirrored, without the outermost element, so less wide than x; "replicate": copies of the
            outermost element; "circular": from the other end, not wider than x

    >>> pad([[1.0, 2.0]], (1, 0, 0, 1))
    Tensor([[0., 1., 2.],
            [0., 0., 0.]])
    >>> pad([1.0, 2.0, 3.0], (2, 1), "reflect")
    Tensor([3., 2., 1., 2., 3., 2.])
    """
    x, known = as_tensor(x), _MODES[one_of(mode, "mode of pad", tuple(_MODES))]
    least = -(2**31) if mode == "constant" else 0
    widths = [whole(width, "pad", least) for width in (pad if isinstance(pad, tuple | list) else [pad])]
    if len(widths) % 2 or len(widths) > 2 * x.ndim:
        raise ShapeError(
            describe(
                f"pad: {len(widths)} widths for {x.ndim} axes",
                where=here(),
                expected="(left, right) of the last axis, then of the one before, …",
                input=label(x),
                code="numbers-per-axis",
            )
        )
    pairs = [(0, 0)] * (x.ndim - len(widths) // 2) + list(zip(widths[::2], widths[1::2], strict=True))[::-1]
    if mode == "constant":
        return _with_constant(x, pairs, 0.0 if value is None else real(value, "value"))
    if value is not None:
        what = f"pad: a value means nothing for mode {mode!r}"
        raise DataError(describe(what, where=here(), code="conflicting-arguments"))
    for axis, (side, pair) in enumerate(zip(x.shape, pairs, strict=True)):
        if max(pair) > {"reflect": side - 1, "replicate": max(pair) if side else 0, "circular": side}[mode]:
            raise ShapeError(
                describe(
                    f"pad: a border of {max(pair)} is too wide for mode {mode!r} along axis {axis} of {side}",
                    where=here(),
                    input=label(x),
                    why="it is made of the elements of x, and there are no more of them",
                    code="pad-too-wide",
                )
            )
    return bordered(x, pad_width=tuple(pairs), mode=known)


def _with_constant(x: Tensor, pairs: list[tuple[int, int]], value: float) -> Tensor:
    if any(side + before + behind < 0 for side, (before, behind) in zip(x.shape, pairs, strict=True)):
        what = "pad: more is cut off than there is"
        raise ShapeError(describe(what, where=here(), input=label(x), code="pad-too-wide"))
    if min(map(min, pairs), default=0) < 0:
        ends = zip(x.shape, pairs, strict=True)
        x = x[tuple(slice(max(-before, 0), side - max(-behind, 0)) for side, (before, behind) in ends)]
        pairs = [(max(before, 0), max(behind, 0)) for before, behind in pairs]
    constant = int(value) if x.dtype.kind in "iu" and value == int(value) else value
    return bordered(x, pad_width=tuple(pairs), constant_values=constant)
