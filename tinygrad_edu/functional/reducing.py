"""What all losses share: their box in pictures, equal shapes, dtypes that stay, and how single losses become one."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, Final, ParamSpec

import numpy as np

from tinygrad_edu.errors import DataError, DtypeError, ShapeError, describe
from tinygrad_edu.memory import label
from tinygrad_edu.node import Scope, here, state
from tinygrad_edu.ops.reduction import mean
from tinygrad_edu.tensor import Tensor, as_tensor

_P = ParamSpec("_P")

REDUCTIONS: Final = ("mean", "sum", "batchmean", "none")


def loss(function: Callable[_P, Tensor]) -> Callable[_P, Tensor]:
    """Decorator: the ops of a call are one box in pictures, with the loss's name and its data on it."""
    name = function.__name__
    data = [p.name for p in inspect.signature(function).parameters.values() if p.default is p.empty]
    text = f"{name}({', '.join(data)})"

    def described() -> str:
        return text

    @functools.wraps(function)
    def boxed(*args: _P.args, **kwargs: _P.kwargs) -> Tensor:
        now = state()
        scope = now.scope = Scope(name, "loss", described)
        try:  # not `with scope:`, which takes 0.2 µs more
            return function(*args, **kwargs)
        finally:
            now.scope = scope.parent

    return boxed


def reduced(each: Tensor, how: str, total: Tensor | None = None) -> Tensor:
    """The losses of the single entries or samples, put together.

    "mean": divided by their number, or by `total`, the sum of their weights; "batchmean": by the number of samples
    """
    if how == "mean":
        return mean(each) if total is None else each.sum() / _nonzero(total)
    if how == "batchmean":
        return each.sum() / (len(each) if each.ndim else 1)
    if how == "sum":
        return each.sum()
    if how == "none":
        return each
    raise DataError(
        describe(
            f"no reduction is called {how!r}",
            where=here(),
            fix=" or ".join(f'"{name}"' for name in REDUCTIONS),
            code="unknown-choice",
        )
    )


def _nonzero(total: Tensor) -> Tensor:
    if not total._data.all():
        raise DataError(
            describe(
                "nothing counts: the weights of all targets are 0, and their mean is 0 / 0",
                where=here(),
                likely="every target is ignored, or of a class of weight 0",
                fix='leave such a batch out, or reduction="sum"',
                code="weights-sum-to-zero",
            )
        )
    return total


def like(prediction: Tensor, target: Any) -> Tensor:
    """The target as a tensor; where it is only data, in the prediction's dtype, so that float32 stays float32."""
    given: Tensor = as_tensor(target)
    dtype = prediction._data.dtype
    if given._data.dtype is dtype or given.requires_grad or dtype.kind != "f":
        return given
    return given.astype(dtype) if given.dtype.kind in "fiub" else given


def pair(name: str, prediction: Any, target: Any) -> tuple[Tensor, Tensor]:
    """Both as tensors of one shape and dtype. Raises ShapeError where the shapes differ: they would broadcast."""
    prediction = as_tensor(prediction)
    target = like(prediction, target)
    if prediction._data.shape != target._data.shape:
        raise _unequal_shapes(name, prediction, target)
    return prediction, target


def weighed(name: str, each: Tensor, weight: Any) -> Tensor:
    """Each loss times its weight; the weight has the losses' shape, or one that broadcasts to it."""
    factor = like(each, weight)
    try:
        full = np.broadcast_shapes(each.shape, factor.shape)
    except ValueError:
        full = ()
    if full != each.shape:
        raise ShapeError(
            describe(
                f"{name}: the weight must have the prediction's shape, or broadcast to it",
                where=here(),
                prediction=f"{each.shape}",
                weight=label(factor),
                code="loss-weight-shape",
            )
        )
    return each * factor


def within(name: str, x: Tensor, what: str, allowed: Callable[[Any], Any], words: str, fix: str) -> None:
    """Raise DataError where an element of x is not allowed, naming the first one."""
    wrong = ~allowed(x._data)
    if wrong.any():
        place, value = first(x._data, wrong)
        raise DataError(
            describe(
                f"{name}: {what} must be {words}, and {what}{place} is {value}",
                where=here(),
                **{what: label(x)},
                fix=fix,
                code="number-out-of-range",
            )
        )


def signs(name: str, target: Tensor) -> None:
    """Raise DataError where the target holds anything but 1 and −1."""
    fix = "2 * labels - 1 for labels that are 0 and 1"
    within(name, target, "target", lambda y: (y == 1) | (y == -1), "1 or -1", fix)


def first(array: np.ndarray, marked: np.ndarray) -> tuple[str, Any]:
    """Index (as text) and value of the first marked element."""
    index = tuple(int(i) for i in np.argwhere(marked)[0])
    return f"[{', '.join(map(str, index))}]" if index else "", array[index].item()


def _unequal_shapes(name: str, prediction: Tensor, target: Tensor) -> ShapeError:
    facts = {"where": here(), "prediction": label(prediction), "target": label(target)}
    squeezed = [tuple(side for side in x.shape if side != 1) for x in (prediction, target)]
    if prediction.size == target.size and squeezed[0] == squeezed[1]:
        facts["why"] = "the two would broadcast against each other, and each prediction meet every target"
        facts["fix"] = f"target.reshape({prediction.shape})"
    elif target.ndim == prediction.ndim - 1 and target.shape == prediction.shape[:-1]:
        facts["why"] = "the target looks like labels, one number per sample"
        facts["fix"] = f"tg.data.one_hot(target, classes={prediction.shape[-1]}), or cross_entropy"
    else:
        facts["fix"] = "make the two shapes equal"
    return ShapeError(describe(f"{name}: prediction and target must have the same shape", **facts, code="loss-shapes"))


def above_zero(value: float, name: str) -> float:
    """`value` if it is above 0; else a DataError."""
    if value <= 0:
        raise DataError(describe(f"{name} must be above 0, not {value:g}", where=here(), code="number-out-of-range"))
    return value


def whole_labels(name: str, target: Tensor, classes: int) -> None:
    """Raise DtypeError where labels are no whole numbers by dtype, naming the first."""
    labels = target._data
    if labels.dtype.kind in "iu" or not labels.size:
        return
    fractional = ~np.isfinite(labels) | (labels != np.rint(labels)) if labels.dtype.kind == "f" else labels != labels
    place, value = first(labels, fractional if fractional.any() else np.ones(labels.shape, bool))
    raise DtypeError(
        describe(
            f"{name}: labels must be integers, and target{place} is {value!r}",
            where=here(),
            target=label(target),
            logits=f"{classes} classes",
            fix="target.astype(int) if each is a whole number; or probabilities of the logits' shape",
            code="labels-not-whole-numbers",
        )
    )
