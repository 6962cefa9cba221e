"""Norms of networks: numbers moved to mean 0 and scaled to variance 1, each with its group. Compositions of ops."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import DataError, ShapeError, describe
from tinygrad_edu.functional.checks import floating, real, whole
from tinygrad_edu.memory import label
from tinygrad_edu.node import here, recording, state
from tinygrad_edu.ops.elementwise import power, sqrt, square
from tinygrad_edu.ops.pooling import sum_pool
from tinygrad_edu.ops.reduction import centred as centre
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["batch_norm", "group_norm", "instance_norm", "layer_norm", "local_response_norm", "rms_norm"]


def batch_norm(
    x: Operand, running_mean: Any = None, running_var: Any = None, weight: Operand | None = None,
    bias: Operand | None = None, training: bool = False, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """(x − mean) / √(var + eps) · weight + bias, with the mean and variance of each channel.

    x                           (n, channels) or (n, channels, d₁, …)
    running_mean, running_var   (channels,), Tensors without gradients or arrays, or None. In training they are moved
                                towards the batch's, in place; otherwise they are what is used.
    weight, bias                (channels,), or None
    training                    True uses the batch's own mean and variance (that divided by their number)
    momentum                    running = (1 − momentum) · running + momentum · batch's; the variance that is kept
                                divides by the number less 1

    A batch of no samples gives an empty result and moves nothing. Raises DataError in training where a channel has one
    number only (its variance is 0), and otherwise without running statistics; ShapeError where the shapes don't fit.

    Source: Ioffe, Szegedy, Batch normalization, ICML 2015 (arXiv 1502.03167), algorithm 1.

    >>> batch_norm([[1.0], [3.0]], training=True, eps=0.0)
    Tensor([[-1.],
            [ 1.]])
    """
    name = "batch_norm"
    x = floating(as_tensor(x), name)
    if x.ndim < 2:
        raise _too_few_axes(name, x, "(n, channels) or (n, channels, …)")
    channels = x.shape[1]
    along = (channels, *(1,) * (x.ndim - 2))
    running = _running(name, x, running_mean, running_var)
    if training:
        axes = (0, *range(2, x.ndim))
        count = x.size // max(channels, 1)
        if count == 1:
            raise _no_variance(name, x, "channel", "model.eval(), or more samples")
        if count == 0:  # no sample has no mean, and nan would stay in the running statistics for ever
            centred, var = x, as_tensor(np.ones(along, x.dtype))
        else:
            centred = centre(x, axis=axes)
            var = square(centred).mean(axis=axes, keepdims=True)
            _move(running, x, axes, var, count, real(momentum, "momentum"))
    elif running is None:
        raise DataError(
            describe(
                f"{name}: without training it needs running_mean and running_var",
                where=here(),
                fix="training=True uses the batch's own",
                code="no-running-statistics",
            )
        )
    else:
        mean, var = (as_tensor(r).reshape(along) for r in running)
        centred = x - mean
    return _scaled(name, centred, var, eps, weight, bias, (channels,), along)


def instance_norm(
    x: Operand, running_mean: Any = None, running_var: Any = None, weight: Operand | None = None,
    bias: Operand | None = None, use_input_stats: bool = True, momentum: float = 0.1, eps: float = 1e-5,
) -> Tensor:  # fmt: skip
    """As `batch_norm`, with a mean and variance of each channel of each sample: x (n, channels, d₁, …).

    use_input_stats   False uses the running ones

    >>> instance_norm([[[1.0, 3.0]]], eps=0.0)
    Tensor([[[-1.,  1.]]])
    """
    name = "instance_norm"
    x = floating(as_tensor(x), name)
    if x.ndim < 3:
        raise _too_few_axes(name, x, "(n, channels, d₁, …)")
    if not use_input_stats:
        return batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    channels, axes = x.shape[1], tuple(range(2, x.ndim))
    running = _running(name, x, running_mean, running_var)
    count = math.prod(x.shape[2:])
    if count == 1:
        raise _no_variance(name, x, "channel of a sample", "layer_norm, or larger images")
    centred = centre(x, axis=axes)
    var = square(centred).mean(axis=axes, keepdims=True)
    if x.size:
        _move(running, x, (0, *axes), var.mean(axis=0), count, real(momentum, "momentum"))
    return _scaled(name, centred, var, eps, weight, bias, (channels,), (channels, *(1,) * len(axes)))


def group_norm(
    x: Operand, num_groups: int, weight: Operand | None = None, bias: Operand | None = None, eps: float = 1e-5
) -> Tensor:
    """As `batch_norm`, with a mean and variance of each of `num_groups` groups of channels, in each sample.

    x              (n, channels, …); weight, bias: (channels,), or None

    Source: Wu, He, Group normalization, ECCV 2018 (arXiv 1803.08494).

    >>> group_norm([[1.0, 3.0, 0.0, 0.0]], 2, eps=1e-8)
    Tensor([[-1.,  1.,  0.,  0.]])
    """
    name = "group_norm"
    x = floating(as_tensor(x), name)
    if x.ndim < 2:
        raise _too_few_axes(name, x, "(n, channels, …)")
    channels, groups = x.shape[1], whole(num_groups, "num_groups")
    if channels % groups:
        raise ShapeError(
            describe(
                f"{name}: {channels} channels can't be split into {groups} groups",
                where=here(),
                input=label(x),
                code="unequal-split",
            )
        )
    rows = x.reshape(x.shape[0], groups, math.prod(x.shape[1:]) // groups)
    if x.size == groups:
        raise _no_variance(name, x, "group", "fewer groups")
    centred = centre(rows, axis=2)
    even = centred / sqrt(square(centred).mean(axis=2, keepdims=True) + _eps(eps))
    return _affine(name, even.reshape(x.shape), weight, bias, (channels,), (channels, *(1,) * (x.ndim - 2)))


def layer_norm(
    x: Operand, normalized_shape: Any, weight: Operand | None = None, bias: Operand | None = None, eps: float = 1e-5
) -> Tensor:
    """(x − mean) / √(var + eps) · weight + bias, with the mean and variance over the last axes of x.

    normalized_shape   the sides of those axes: a number for the last one, or a tuple
    weight, bias       of that shape, or None

    Source: Ba, Kiros, Hinton, Layer normalization, 2016 (arXiv 1607.06450).

    >>> layer_norm([[1.0, 3.0], [5.0, 5.0]], 2, eps=1e-8)
    Tensor([[-1.,  1.],
            [ 0.,  0.]])
    """
    name = "layer_norm"
    x, shape, axes = _last(name, x, normalized_shape)
    centred = centre(x, axis=axes)
    return _scaled(name, centred, square(centred).mean(axis=axes, keepdims=True), eps, weight, bias, shape, shape)


def rms_norm(x: Operand, normalized_shape: Any, weight: Operand | None = None, eps: float | None = None) -> Tensor:
    """x / √(mean of x² + eps) · weight, over the last axes of x: a `layer_norm` that leaves the mean where it is.

    eps   None: the spacing of numbers at 1 in the dtype of x

    Source: Zhang, Sennrich, Root mean square layer normalization, NeurIPS 2019, eq. 4.

    >>> rms_norm([[3.0, 4.0]], 2, eps=0.0)
    Tensor([[0.84852814, 1.13137085]])
    """
    name = "rms_norm"
    x, shape, axes = _last(name, x, normalized_shape)
    eps = float(np.finfo(x.dtype).eps) if eps is None else eps
    return _scaled(name, x, square(x).mean(axis=axes, keepdims=True), eps, weight, None, shape, shape)


def local_response_norm(x: Operand, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Tensor:
    """x / (k + alpha / size · Σ x² over `size` neighbouring channels) ** beta, for x (n, channels, …).

    Source: Krizhevsky, Sutskever, Hinton, ImageNet classification with deep convolutional networks, NeurIPS 2012, 3.3.

    >>> local_response_norm([[1.0, 2.0]], 2, alpha=2.0, beta=1.0)
    Tensor([[0.5       , 0.33333333]])
    """
    name = "local_response_norm"
    x, size = floating(as_tensor(x), name), whole(size, "size")
    if x.ndim < 2:
        raise _too_few_axes(name, x, "(n, channels, …)")
    rest = x.ndim - 2
    padding = ((size // 2, (size - 1) // 2), *((0, 0),) * rest)
    near = sum_pool(square(x), kernel=(size, *(1,) * rest), stride=1, padding=padding)
    return x / power(real(k, "k") + real(alpha, "alpha") / size * near, real(beta, "beta"))


# --- parts of all of them ------------------------------------------------------------------------------------


def _eps(eps: Any) -> float:
    return real(eps, "eps", 0.0)


def _scaled(
    name: str, centred: Tensor, var: Tensor, eps: Any, weight: Any, bias: Any, shape: tuple[int, ...],
    along: tuple[int, ...],
) -> Tensor:  # fmt: skip
    """centred / √(var + eps) · weight + bias; weight and bias have `shape`, and lie `along` the axes."""
    return _affine(name, centred / sqrt(var + _eps(eps)), weight, bias, shape, along)


def _affine(name: str, x: Tensor, weight: Any, bias: Any, shape: tuple[int, ...], along: tuple[int, ...]) -> Tensor:
    for what, parameter in (("weight", weight), ("bias", bias)):
        if parameter is not None and as_tensor(parameter).shape != shape:
            raise ShapeError(
                describe(
                    f"{name}: the {what} must have shape {shape}",
                    where=here(),
                    input=label(x),
                    **{what: label(as_tensor(parameter))},
                    code="parameter-shape",
                )
            )
    if weight is not None:
        x = x * as_tensor(weight).reshape(along)
    return x if bias is None else x + as_tensor(bias).reshape(along)


def _last(name: str, x: Any, normalized_shape: Any) -> tuple[Tensor, tuple[int, ...], tuple[int, ...]]:
    """x, the sides of the last axes that are normalised together, and these axes."""
    x = floating(as_tensor(x), name)
    sides = normalized_shape if isinstance(normalized_shape, tuple | list) else (normalized_shape,)
    shape = tuple(whole(side, "normalized_shape") for side in sides)
    if not shape or x.shape[-len(shape) :] != shape:
        expected = "(…, " + ", ".join(map(str, shape)) + ")"
        raise ShapeError(
            describe(
                f"{name}: the input must have shape {expected}, not {x.shape}",
                where=here(),
                input=label(x),
                fix=f"normalized_shape={x.shape[-1:]} for the last axis" if x.ndim else "an array",
                code="norm-input",
            )
        )
    return x, shape, tuple(range(-len(shape), 0))


def _running(name: str, x: Tensor, mean: Any, var: Any) -> tuple[Any, Any] | None:
    """Running mean and variance, which come together and have one number per channel."""
    if (mean is None) != (var is None):
        raise DataError(
            describe(
                f"{name}: running_mean and running_var come together, or neither",
                where=here(),
                code="conflicting-arguments",
            )
        )
    if mean is None:
        return None
    for what, statistic in (("running_mean", mean), ("running_var", var)):
        if not isinstance(statistic, Tensor | np.ndarray) or statistic.shape != (x.shape[1],):
            raise ShapeError(
                describe(
                    f"{name}: {what} must be a Tensor or array with one number per channel, ({x.shape[1]},)",
                    where=here(),
                    input=label(x),
                    **{what: label(as_tensor(statistic))},
                    code="parameter-shape",
                )
            )
    return mean, var


def _move(running: Any, x: Tensor, axes: tuple[int, ...], var: Tensor, count: int, momentum: float) -> None:
    """Move the running statistics, in place, towards the batch's: the mean of x over the axes, and the variance.

    Once, where a checkpoint calls twice.
    """
    if running is None or state().again:
        return
    with recording(False):
        for kept, new in zip(running, (x.mean(axis=axes), var * (count / (count - 1))), strict=True):
            kept[...] = (1 - momentum) * np.asarray(kept) + momentum * new.detach().numpy().reshape(kept.shape)


def _no_variance(name: str, x: Tensor, what: str, fix: str) -> DataError:
    return DataError(
        describe(
            f"{name}: one number per {what} has no variance",
            where=here(),
            input=label(x),
            why="it would always become 0",
            fix=fix,
            code="no-variance",
        )
    )


def _too_few_axes(name: str, x: Tensor, expected: str) -> ShapeError:
    return ShapeError(
        describe(
            f"{name}: the input has too few axes",
            where=here(),
            expected=expected,
            input=label(x),
            code="wrong-number-of-axes",
        )
    )
