"""Convolutions of networks and their transposes, along one, two or three axes, with the signatures of PyTorch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.functional.checks import AXES, must_have_axes, per_axis, shortest, whole
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops import convolution as rows
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d"]


def conv1d(
    x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """The weight slid along the last axis of x: `conv2d` with one axis.

    x (n, channels, length) or (channels, length), weight (out, channels / groups, kernel), bias (out,).

    >>> conv1d([[1.0, 2.0, 4.0, 8.0]], [[[-1.0, 1.0]]])
    Tensor([[1., 2., 4.]])
    """
    return _convolved("conv1d", 1, x, weight, bias, stride, padding, dilation, groups)


def conv2d(
    x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """The weight slid over the images x: out[n, o, i, j] = bias[o] + Σ weight[o, c, a, b] · x[n, c, i + a, j + b].

    x                 (n, channels, height, width), or (channels, height, width) for one image
    weight            (out, channels / groups, kernel height, kernel width); not turned round, as in all libraries of
                      networks: mathematics calls it a correlation
    bias              (out,), or None
    stride            how far the kernel moves each time: a number, or one per axis
    padding           how many zeros are put at each end: a number, or one per axis; "valid" is 0, "same" keeps the
                      sides (with stride 1; an odd zero goes behind)
    dilation          how far apart the kernel's elements lie
    groups            the channels and the outputs are split into as many groups; each output sees its own group

    Gives (n, out, places, places) with ⌊(side + 2 · padding − dilation · (kernel − 1) − 1) / stride⌋ + 1 places.

    Raises ShapeError where the shapes don't fit each other or the kernel doesn't fit into the image, DataError for
    settings that make no sense.

    >>> image = [[[0.0, 0.0, 1.0, 1.0], [0.0, 0.0, 1.0, 1.0]]]
    >>> conv2d(image, [[[[-1.0, 1.0]]]])
    Tensor([[[0., 1., 0.],
             [0., 1., 0.]]])
    """
    return _convolved("conv2d", 2, x, weight, bias, stride, padding, dilation, groups)


def conv3d(
    x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0, dilation: Any = 1,
    groups: int = 1,
) -> Tensor:  # fmt: skip
    """`conv2d` with three axes: x (n, channels, depth, height, width), weight (out, channels / groups, *kernel).

    >>> import numpy as np
    >>> conv3d(np.ones((1, 1, 4, 4, 4)), np.ones((2, 1, 3, 3, 3))).shape
    (1, 2, 2, 2, 2)
    """
    return _convolved("conv3d", 3, x, weight, bias, stride, padding, dilation, groups)


def _convolved(
    name: str, ndim: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any, groups: int
) -> Tensor:
    x, weight = as_tensor(x), as_tensor(weight)
    stride, dilation = per_axis(stride, "stride", ndim), per_axis(dilation, "dilation", ndim)
    _check(name, ndim, x, weight, groups, inputs=weight.shape[1] * groups if weight.ndim > 1 else 0)
    outputs, kernel = weight.shape[0], weight.shape[2:]
    if outputs % groups:
        raise _not_divisible(name, outputs, groups, weight)
    pairs = at_both_ends(name, padding, kernel, stride, dilation)
    for side, k, d, (before, behind) in zip(x.shape[-ndim:], kernel, dilation, pairs, strict=True):
        if d * (k - 1) + 1 > side + before + behind:
            raise _too_large(name, x, weight, dilation, padding)
    single = x.ndim == ndim + 1
    if single:
        x = x.reshape(1, *x.shape)
    out = rows.conv(x, weight, groups=groups, **_given(stride, pairs, dilation))
    return _with_bias(name, out, bias, outputs, ndim, single)


def conv_transpose1d(
    x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """`conv_transpose2d` with one axis: x (n, channels, length), weight (channels, out / groups, kernel).

    >>> conv_transpose1d([[1.0, 10.0]], [[[1.0, 2.0]]], stride=2)
    Tensor([[ 1.,  2., 10., 20.]])
    """
    return _transposed("conv_transpose1d", 1, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose2d(
    x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """Each element of x times the weight, laid `stride` apart and added up: the transpose of `conv2d`.

    x                 (n, channels, height, width), or (channels, height, width) for one image
    weight            (channels, out / groups, kernel height, kernel width)
    padding           how many rows are cut off at each end of the result: those that `conv2d` with this padding adds
    output_padding    how many are added behind, less than the stride or the dilation: with a stride several sides
                      have the same convolution

    The other settings are those of `conv2d`. Gives sides of (side − 1) · stride − 2 · padding + dilation ·
    (kernel − 1) + output_padding + 1. Raises as `conv2d` does.

    >>> import numpy as np
    >>> conv_transpose2d(np.ones((1, 8, 7, 7)), np.ones((8, 4, 3, 3)), stride=2, padding=1, output_padding=1).shape
    (1, 4, 14, 14)
    """
    return _transposed("conv_transpose2d", 2, x, weight, bias, stride, padding, output_padding, groups, dilation)


def conv_transpose3d(
    x: Operand, weight: Operand, bias: Operand | None = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Tensor:  # fmt: skip
    """`conv_transpose2d` with three axes: x (n, channels, depth, height, width), weight (channels, out / groups, …).

    >>> import numpy as np
    >>> conv_transpose3d(np.ones((2, 2, 2, 2)), np.ones((2, 1, 3, 3, 3))).shape
    (1, 4, 4, 4)
    """
    return _transposed("conv_transpose3d", 3, x, weight, bias, stride, padding, output_padding, groups, dilation)


def _transposed(
    name: str, ndim: int, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any, groups: int,
    dilation: Any,
) -> Tensor:  # fmt: skip
    x, weight = as_tensor(x), as_tensor(weight)
    stride, dilation = per_axis(stride, "stride", ndim), per_axis(dilation, "dilation", ndim)
    padding, more = per_axis(padding, "padding", ndim, 0), per_axis(output_padding, "output_padding", ndim, 0)
    _check(name, ndim, x, weight, groups, inputs=weight.shape[0] if weight.ndim else 0)
    if weight.shape[0] % groups:
        raise _not_divisible(name, weight.shape[0], groups, weight)
    check_output_padding(name, more, stride, dilation)
    settings = zip(x.shape[-ndim:], weight.shape[2:], stride, padding, dilation, more, strict=True)
    sides = tuple((side - 1) * s - 2 * p + d * (k - 1) + extra + 1 for side, k, s, p, d, extra in settings)
    if min(sides) < 1:
        raise _too_large(name, x, weight, dilation, padding, sides)
    single = x.ndim == ndim + 1
    if single:
        x = x.reshape(1, *x.shape)
    pairs = tuple((p, p - extra) for p, extra in zip(padding, more, strict=True))
    out = rows.conv_transpose(x, weight, sides=sides, groups=groups, **_given(stride, pairs, dilation))
    return _with_bias(name, out, bias, weight.shape[1] * groups, ndim, single)


def _with_bias(name: str, out: Tensor, bias: Any, outputs: int, ndim: int, single: bool) -> Tensor:
    if bias is not None:
        bias = as_tensor(bias)
        if bias.shape != (outputs,):
            raise ShapeError(
                describe(
                    f"{name}: the bias must have one number per output, ({outputs},)",
                    where=here(),
                    bias=label(bias),
                    code="parameter-shape",
                )
            )
        out = out + bias.reshape(outputs, *(1,) * ndim)
    return out.reshape(out.shape[1:]) if single else out


# --- settings that fit ---------------------------------------------------------------------------------------


def _given(stride: Any, padding: Any, dilation: Any) -> dict[str, Any]:
    return {"stride": shortest(stride), "padding": shortest(padding), "dilation": shortest(dilation)}


def check_output_padding(name: str, more: Any, stride: Any, dilation: Any) -> None:
    """Raise DataError where more is added behind than there are sides with the same convolution."""
    if any(extra >= max(s, d) for extra, s, d in zip(more, stride, dilation, strict=True)):
        raise DataError(
            describe(
                f"{name}: output_padding {shortest(more)} must be less than the stride {shortest(stride)} or the "
                f"dilation {shortest(dilation)}",
                where=here(),
                why="it chooses between the sides that have the same convolution, and there are no more of them",
                code="output-padding-too-large",
            )
        )


def at_both_ends(name: str, padding: Any, kernel: Any, stride: Any, dilation: Any) -> tuple[tuple[int, int], ...]:
    """How many zeros go before and behind, along each axis."""
    ndim = len(kernel)
    if not isinstance(padding, str):
        return tuple((p, p) for p in per_axis(padding, "padding", ndim, 0))
    if padding == "valid":
        return ((0, 0),) * ndim
    if padding != "same":
        raise DataError(
            describe(
                f"{name}: no padding is called {padding!r}",
                where=here(),
                fix='"same" or "valid", a number, or one per axis',
                code="unknown-choice",
            )
        )
    if any(s != 1 for s in stride):
        raise DataError(
            describe(
                f'{name}: padding="same" needs stride 1, not {shortest(stride)}',
                where=here(),
                why="with a stride the sides can't stay the same",
                fix="padding=(kernel - 1) // 2",
                code="conflicting-arguments",
            )
        )
    totals = (d * (k - 1) for k, d in zip(kernel, dilation, strict=True))
    return tuple((total // 2, total - total // 2) for total in totals)


def _check(name: str, ndim: int, x: Tensor, weight: Tensor, groups: int, inputs: int) -> None:
    """Raise where data and weight don't have the axes and the channels that belong together."""
    whole(groups, "groups")
    if weight.ndim != ndim + 2:
        shape = "(channels, out / groups" if "transpose" in name else "(out, channels / groups"
        raise ShapeError(
            describe(
                f"{name}: the weight must have {ndim + 2} axes, not {weight.ndim}",
                where=here(),
                expected=f"{shape}, {AXES[ndim]} of the kernel)",
                weight=label(weight),
                code="wrong-number-of-axes",
            )
        )
    must_have_axes(name, x, ndim, **({"fix": "x[:, None] for images of one channel"} if x.ndim == ndim else {}))
    channels = x.shape[-ndim - 1]
    if channels != inputs:
        facts = {"where": here(), "input": label(x), "weight": label(weight)}
        if x.shape[-1] == inputs:
            facts["fix"] = "x.transpose(0, 3, 1, 2)" if (ndim, x.ndim) == (2, 4) else "channels first: np.moveaxis"
        elif x.ndim == ndim + 1 and inputs == 1:
            facts["fix"] = "x[:, None]: images of one channel"
        raise ShapeError(
            describe(
                f"{name}: the weight is for {inputs} channels{f' in {groups} groups' if groups > 1 else ''}, "
                f"the input has {channels}",
                **facts,
                code="conv-channels",
            )
        )


def _not_divisible(name: str, channels: int, groups: int, weight: Tensor) -> ShapeError:
    return ShapeError(
        describe(
            f"{name}: the first side of the weight, {channels}, can't be split into {groups} groups",
            where=here(),
            weight=label(weight),
            code="conv-groups",
        )
    )


def _too_large(name: str, x: Tensor, weight: Tensor, dilation: Any, padding: Any, sides: Any = None) -> ShapeError:
    facts = {"where": here(), "input": label(x), "weight": label(weight), "padding": padding}
    if max(dilation) > 1:
        facts["dilation"] = shortest(dilation)
    what = "the kernel is larger than the padded input" if sides is None else f"the result would have sides {sides}"
    fix = "a smaller kernel or more padding" if sides is None else "less padding"
    return ShapeError(describe(f"{name}: {what}", **facts, fix=fix, code="conv-kernel-too-large"))
