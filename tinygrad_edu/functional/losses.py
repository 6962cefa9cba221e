"""Losses: plain compositions of ops, without a derivative of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError, describe
from tinygrad_edu.memory import label
from tinygrad_edu.node import Scope, here
from tinygrad_edu.ops.elementwise import square
from tinygrad_edu.ops.neural import log_softmax
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["cross_entropy", "mse_loss"]

REDUCTIONS: Final = ("mean", "sum", "batchmean", "none")


def mse_loss(prediction: Tensor | ArrayLike, target: Tensor | ArrayLike, reduction: str = "mean") -> Tensor:
    """The squared error, (prediction − target)², averaged over all entries.

    prediction, target   of one and the same shape
    reduction            "mean": averaged over all entries, as in PyTorch
                         "batchmean": summed over the outputs of a sample, averaged over the samples (the first
                         axis). This is the cost of 3Blue1Brown's videos; Nielsen's is half of it.
                         "sum": summed over all entries; "none": one number per entry

    The result has the prediction's dtype, even if the target is an array of integers or of float64.

    Raises ShapeError if the shapes differ: (n, 1) against (n,) would silently become (n, n).

    >>> prediction = Tensor([[0.5, 0.0], [1.0, 1.0]], requires_grad=True)
    >>> mse_loss(prediction, [[1.0, 0.0], [0.0, 1.0]], reduction="batchmean")
    Tensor(0.625, requires_grad=True)
    """
    with Scope("mse_loss", "loss", _mse_label):
        prediction = as_tensor(prediction)
        target = _like(prediction, target)
        if prediction.shape != target.shape:
            raise _unequal_shapes("mse_loss", prediction, target)
        return _reduced(square(prediction - target), reduction)


def _mse_label() -> str:
    return "mse_loss(prediction, target)"


def cross_entropy(logits: Tensor | ArrayLike, target: Tensor | ArrayLike, reduction: str = "mean") -> Tensor:
    """−log of the probability that softmax(logits) gives to the right class, averaged over the samples.

    logits      any real numbers, (n, classes), or (classes,) for one sample; no softmax before it
    target      the right classes, integers 0 … classes − 1 of shape (n,); or their probabilities, of the logits'
                shape, and then the loss is −Σ probability · log softmax(logits)
    reduction   "mean" or "batchmean": averaged over the samples; "sum"; "none": one number per sample

    Computed through log_softmax, so no logit is too large. The result has the logits' dtype.

    Raises ShapeError if the shapes don't fit each other, DtypeError for labels that are no integers and
    IndexingError for one that is no class; both name the first of them.

    >>> logits = Tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
    >>> cross_entropy(logits, [0, 1], reduction="none")
    Tensor([0.12692801, 0.69314718], requires_grad=True)
    """
    with Scope("cross_entropy", "loss", _cross_entropy_label):
        logits = as_tensor(logits)
        target = as_tensor(target)
        if logits.ndim not in (1, 2) or target.shape not in (logits.shape, logits.shape[:-1]):
            raise _no_classification(logits, target)
        if target.shape == logits.shape:
            each = -(_like(logits, target) * log_softmax(logits, axis=-1)).sum(axis=-1)
        else:
            labels = _checked_labels(target, classes=logits.shape[-1])
            picked: Any = (np.arange(len(labels)), labels) if labels.ndim else labels
            each = -log_softmax(logits, axis=-1)[picked]
        return _reduced(each, reduction)


def _cross_entropy_label() -> str:
    return "cross_entropy(logits, target)"


def _reduced(each: Tensor, how: str) -> Tensor:
    """The losses of the single entries or samples, put together."""
    if how == "mean":
        return each.mean()
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


def _like(prediction: Tensor, target: Tensor | ArrayLike) -> Tensor:
    """The target as a tensor; where it is only data, in the prediction's dtype, so that float32 stays float32."""
    target = as_tensor(target)
    if target.dtype == prediction.dtype or target.requires_grad or prediction.dtype.kind != "f":
        return target
    return target.astype(prediction.dtype) if target.dtype.kind in "fiub" else target


def _checked_labels(target: Tensor, classes: int) -> np.ndarray:
    """The labels as an array of integers that are all classes."""
    labels = target.detach().numpy()
    if labels.dtype.kind not in "iu" and labels.size:
        fractional = (
            ~np.isfinite(labels) | (labels != np.rint(labels)) if labels.dtype.kind == "f" else labels != labels
        )
        place, value = _first(labels, fractional if fractional.any() else np.ones(labels.shape, bool))
        raise DtypeError(
            describe(
                f"cross_entropy: labels must be integers, and target{place} is {value!r}",
                where=here(),
                target=label(target),
                logits=f"{classes} classes",
                fix="target.astype(int) if each is a whole number; or probabilities of the logits' shape",
                code="labels-not-whole-numbers",
            )
        )
    labels = labels.astype(np.intp, copy=False)
    outside = (labels < 0) | (labels >= classes)
    if outside.any():
        place, value = _first(labels, outside)
        raise IndexingError(
            describe(
                f"cross_entropy: target{place} is {value}, and the classes are 0 … {classes - 1}",
                where=here(),
                target=label(target),
                logits=f"{classes} classes, the last side of the logits",
                why="a mark for 'no label'" if value < 0 else "labels that start at 1, or a last layer too narrow",
                fix="leave those samples out" if value < 0 else f"target - 1, or {labels.max() + 1} outputs",
                code="label-out-of-range",
            )
        )
    return labels


def _first(array: np.ndarray, marked: np.ndarray) -> tuple[str, Any]:
    """Index (as text) and value of the first marked element."""
    index = tuple(int(i) for i in np.argwhere(marked)[0])
    return f"[{', '.join(map(str, index))}]" if index else "", array[index].item()


def _unequal_shapes(loss: str, prediction: Tensor, target: Tensor) -> ShapeError:
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
    return ShapeError(describe(f"{loss}: prediction and target must have the same shape", **facts, code="loss-shapes"))


def _no_classification(logits: Tensor, target: Tensor) -> ShapeError:
    facts = {"where": here(), "logits": label(logits), "target": label(target)}
    facts["expected"] = "logits (n, classes) with target (n,), whole numbers, or (n, classes), probabilities"
    if logits.ndim in (1, 2) and target.shape == (*logits.shape[:-1], 1):
        facts["fix"] = f"target.reshape({logits.shape[:-1]})"
    elif logits.ndim > 2:
        facts["fix"] = "logits.reshape(-1, classes) and target.reshape(-1)"
    return ShapeError(
        describe("cross_entropy: logits and target don't fit each other", **facts, code="classification-shapes")
    )
