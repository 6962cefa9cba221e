"""Losses of classes: plain compositions of ops. Classes lie along the second axis, or the only one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import DataError, DtypeError, IndexingError, ShapeError, describe
from tinygrad_edu.functional.checks import real, whole
from tinygrad_edu.functional.reducing import first, like, loss, pair, reduced, whole_labels
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import relu, square, where
from tinygrad_edu.ops.exponential import softplus
from tinygrad_edu.ops.neural import log_softmax
from tinygrad_edu.ops.scan import cumsum
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = [
    "cross_entropy", "multi_margin_loss", "multilabel_margin_loss", "multilabel_soft_margin_loss", "nll_loss",
    "one_hot",
]  # fmt: skip


@loss
def cross_entropy(
    logits: Operand,
    target: Operand,
    weight: Operand | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """−log of the probability that softmax(logits) gives to the right class, averaged over the samples.

    logits            any real numbers, (n, classes), (n, classes, d₁, …) for one class per place, or (classes,) for
                      one sample; no softmax before it
    target            the right classes, integers 0 … classes − 1 of shape (n,), (n, d₁, …) or (); or their
                      probabilities, of the logits' shape, and then the loss is −Σ probability · log softmax(logits)
    weight            of each class, (classes,); "mean" divides by the sum of the weights of the labels (of
                      probabilities: by the number of samples)
    ignore_index      samples with this label count nothing
    reduction         "mean": averaged over the samples and places that count; "sum"; "batchmean": the sum divided by
                      n; "none": one number per sample and place
    label_smoothing   this part of each target is spread evenly over all classes

    Computed through log_softmax, so no logit is too large. The result has the logits' dtype.

    Raises ShapeError if the shapes don't fit each other, DtypeError for labels that are no integers and
    IndexingError for one that is no class; both name the first of them.

    >>> logits = Tensor([[2.0, 0.0], [0.0, 0.0]], requires_grad=True)
    >>> cross_entropy(logits, [0, 1], reduction="none")
    Tensor([0.12692801, 0.69314718], requires_grad=True)
    """
    logits, target = as_tensor(logits), as_tensor(target)
    smoothing = real(label_smoothing, "label_smoothing", 0.0, 1.0)
    axis = min(logits.ndim, 2) - 1
    if not logits.ndim or target.shape not in (logits.shape, logits.shape[:axis] + logits.shape[axis + 1 :]):
        raise _no_classification("cross_entropy", logits, target)
    weights = _class_weights("cross_entropy", weight, logits, axis)
    logs = log_softmax(logits, axis=axis if logits.ndim > 2 else -1)
    if target.shape != logits.shape:
        return _of_labels("cross_entropy", logs, axis, target, weights, ignore_index, reduction, smoothing)
    if ignore_index >= 0:
        raise DataError(
            describe(
                f"cross_entropy: there is no label {ignore_index} to ignore: the target has the logits' shape, so it "
                "holds probabilities",
                where=here(),
                target=label(target),
                fix="labels (n,), or targets whose probabilities are all 0",
                code="conflicting-arguments",
            )
        )
    probabilities = like(logits, target)
    if smoothing:
        probabilities = probabilities * (1 - smoothing) + smoothing / logits.shape[axis]
    each = -(probabilities * logs if weights is None else probabilities * (logs * weights)).sum(axis=axis)
    return reduced(each, reduction)


@loss
def nll_loss(
    log_probabilities: Operand,
    target: Operand,
    weight: Operand | None = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    """Minus the entries of the right classes: `cross_entropy` after its log_softmax.

    log_probabilities   as `log_softmax` gives them, (n, classes), (n, classes, d₁, …) or (classes,)
    target              the right classes, integers of shape (n,), (n, d₁, …) or ()

    The other arguments and the errors are those of `cross_entropy`.

    >>> nll_loss([[-0.5, -1.0], [-2.0, -0.25]], [0, 1])
    Tensor(0.375)
    """
    logs, target = as_tensor(log_probabilities), as_tensor(target)
    axis = min(logs.ndim, 2) - 1
    if not logs.ndim or target.shape != logs.shape[:axis] + logs.shape[axis + 1 :]:
        raise _no_classification("nll_loss", logs, target)
    weights = _class_weights("nll_loss", weight, logs, axis)
    return _of_labels("nll_loss", logs, axis, target, weights, ignore_index, reduction, 0.0)


def _of_labels(
    name: str, logs: Tensor, axis: int, target: Tensor, weights: Tensor | None, ignore_index: int, reduction: str,
    smoothing: float,
) -> Tensor:  # fmt: skip
    """−log probability of each label, weighted, smoothed, and put together."""
    classes = logs.shape[axis]
    labels, counts = _checked_labels(name, target, classes, whole(ignore_index, "ignore_index", -(2**62)))
    each = -logs[_picked(labels, logs.ndim)]
    of_label = None if weights is None else weights.reshape(classes)[labels]
    if of_label is not None:
        each = each * of_label
    if smoothing:
        spread = -(logs if weights is None else logs * weights).sum(axis=axis)
        each = (1 - smoothing) * each + (smoothing / classes) * spread
    if counts is not None:
        each = where(counts, each, 0)
        of_label = where(counts, 1 if of_label is None else of_label, 0).astype(each.dtype)
    return reduced(each, reduction, None if of_label is None else of_label.sum())


def _picked(labels: Tensor, ndim: int) -> Any:
    """The index of the entry that belongs to each label, whose classes lie along axis 1 of `ndim` (0 of 1)."""
    if ndim == 1:
        return labels
    places = np.ogrid[tuple(map(slice, labels.shape))]
    return (places[0], labels, *places[1:])


def _class_weights(name: str, weight: Any, logits: Tensor, axis: int) -> Tensor | None:
    """One weight per class, along the axis of the classes."""
    if weight is None:
        return None
    weights = like(logits, weight)
    if weights.shape != logits.shape[axis : axis + 1]:
        raise ShapeError(
            describe(
                f"{name}: the weight must have one number per class, ({logits.shape[axis]},)",
                where=here(),
                logits=label(logits),
                weight=label(weights),
                code="loss-weight-shape",
            )
        )
    return weights.reshape(-1, *(1,) * (logits.ndim - axis - 1))


def _checked_labels(name: str, target: Tensor, classes: int, ignored: int) -> tuple[Tensor, Tensor | None]:
    """The labels, with 0 for those to ignore, and where they count (None: everywhere). Raises for what is no class."""
    whole_labels(name, target, classes)
    labels = target._data.astype(np.intp, copy=False)  # under vmap those of all samples
    skipped = labels == ignored
    outside = ((labels < 0) | (labels >= classes)) & ~skipped
    if outside.any():
        place, value = first(labels, outside)
        raise IndexingError(
            describe(
                f"{name}: target{place} is {value}, and the classes are 0 … {classes - 1}",
                where=here(),
                target=label(target),
                logits=f"{classes} classes, the side along axis {'1' if target.ndim else '0'} of the logits",
                why="a mark for 'no label'" if value < 0 else "labels that start at 1, or a last layer too narrow",
                fix=f"ignore_index={value}" if value < 0 else f"target - 1, or {labels.max() + 1} outputs",
                code="label-out-of-range",
            )
        )
    whole = target if target.dtype.kind in "iu" else target.astype(np.intp)
    if not skipped.any():
        return whole, None
    counts = whole != ignored
    return where(counts, whole, 0), counts


def _no_classification(name: str, logits: Tensor, target: Tensor) -> ShapeError:
    facts = {"where": here(), "logits": label(logits), "target": label(target)}
    facts["expected"] = "logits (n, classes, …) with target (n, …), whole numbers" + (
        ", or (n, classes, …), probabilities" if name == "cross_entropy" else ""
    )
    if logits.ndim in (1, 2) and target.shape == (*logits.shape[:-1], 1):
        facts["fix"] = f"target.reshape({logits.shape[:-1]})"
    elif logits.ndim > 2 and target.shape == logits.shape[:-1]:
        facts["why"] = "the classes lie along axis 1, here it seems along the last"
        facts["fix"] = "logits.reshape(-1, classes) and target.reshape(-1)"
    return ShapeError(
        describe(f"{name}: logits and target don't fit each other", **facts, code="classification-shapes")
    )


# --- margins between classes ---------------------------------------------------------------------------------


@loss
def multi_margin_loss(
    scores: Operand,
    target: Operand,
    p: int = 1,
    margin: float = 1.0,
    weight: Operand | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Σ max(0, margin − scoreᵧ + scoreᵢ)ᵖ over the other classes i, divided by the number of classes.

    scores   (n, classes), or (classes,) for one sample; target: the right classes y, integers of shape (n,) or ()
    p        1 or 2
    weight   of each class, (classes,): that of the right class counts. "mean" divides by n.

    The hinge loss of a support vector machine with several classes. Raises as `cross_entropy` does.

    >>> multi_margin_loss([[0.1, 0.2, 0.4, 0.8]], [3])
    Tensor(0.325)
    """
    name = "multi_margin_loss"
    scores, target = as_tensor(scores), as_tensor(target)
    if scores.ndim not in (1, 2) or target.shape != scores.shape[:-1]:
        raise _no_classification(name, scores, target)
    if p not in (1, 2):
        raise DataError(describe(f"{name}: p must be 1 or 2, not {p!r}", where=here(), code="unknown-choice"))
    classes = scores.shape[-1]
    labels, _ = _checked_labels(name, target, classes, ignored=-(2**62))
    right = scores[_picked(labels, scores.ndim)]
    over = relu(real(margin, "margin") - right.reshape(*right.shape, 1) + scores)
    over = where(labels.reshape(*labels.shape, 1) == np.arange(classes), 0, over if p == 1 else square(over))
    each = over.sum(axis=-1) / classes
    weights = _class_weights(name, weight, scores, scores.ndim - 1)
    return reduced(each if weights is None else each * weights[labels], reduction)


@loss
def multilabel_margin_loss(scores: Operand, target: Operand, reduction: str = "mean") -> Tensor:
    """Σ max(0, 1 − scoreⱼ + scoreᵢ) over the right classes j and the wrong ones i, divided by the number of classes.

    scores   (n, classes), or (classes,) for one sample
    target   of the same shape: the right classes of each sample, and −1 behind the last of them; what follows a −1
             doesn't count

    Raises as `cross_entropy` does.

    >>> multilabel_margin_loss([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]])
    Tensor(0.85)
    """
    name = "multilabel_margin_loss"
    scores, target = as_tensor(scores), as_tensor(target)
    if scores.ndim not in (1, 2) or target.shape != scores.shape:
        raise _no_classification(name, scores, target)
    classes = scores.shape[-1]
    ended = cumsum((target < 0).astype(np.intp), axis=-1) > 0
    labels, counts = _checked_labels(name, where(ended, -1, target), classes, ignored=-1)
    if counts is not None:  # beyond the longest row of labels there is nothing: 3 instead of 194 ms for 5 of 1,000
        longest = int(counts._data.sum(axis=-1).max(initial=0))  # under vmap that of all samples
        labels, counts = labels[..., :longest], counts[..., :longest]
    held = labels.reshape(*labels.shape, 1) == np.arange(classes)
    if counts is not None:
        held = held & counts.reshape(*counts.shape, 1)
    right = scores[labels if scores.ndim == 1 else (np.arange(len(scores))[:, None], labels)]
    over = relu(1 - right.reshape(*right.shape, 1) + scores.reshape(*scores.shape[:-1], 1, classes))
    wrong = ~held.any(axis=-2)
    pairs = wrong.reshape(*wrong.shape[:-1], 1, classes)
    if counts is not None:
        pairs = pairs & counts.reshape(*counts.shape, 1)
    return reduced(where(pairs, over, 0).sum(axis=(-2, -1)) / classes, reduction)


@loss
def multilabel_soft_margin_loss(
    logits: Operand, target: Operand, weight: Operand | None = None, reduction: str = "mean"
) -> Tensor:
    """`binary_cross_entropy_with_logits` of several labels per sample, averaged over the classes, the last axis.

    logits, target   (n, classes) or (classes,); the target is 1 where a label holds, 0 where not
    weight           of each class, (classes,)

    >>> multilabel_soft_margin_loss([[0.0, 0.0]], [[1.0, 0.0]])
    Tensor(0.69314718)
    """
    name = "multilabel_soft_margin_loss"
    x, t = pair(name, logits, target)
    if not x.ndim:
        raise _no_classification(name, x, t)
    each = t * softplus(-x) + (1 - t) * softplus(x)
    weights = _class_weights(name, weight, x, x.ndim - 1)
    return reduced((each if weights is None else each * weights).mean(axis=-1), reduction)


# --- classes as rows -----------------------------------------------------------------------------------------


def one_hot(labels: Operand, num_classes: int = -1) -> Tensor:
    """Whole numbers, 1 at each label and 0 elsewhere, along a new last axis; no derivative.

    labels        integers of any shape; num_classes: −1 for the largest of them + 1

    Raises DtypeError for labels that are no integers, IndexingError for one that is negative or no class.

    >>> one_hot([0, 2])
    Tensor([[1, 0, 0],
            [0, 0, 1]])
    """
    labels = as_tensor(labels)
    if labels.dtype.kind not in "iu":
        raise DtypeError(
            describe(
                "one_hot: labels must be integers",
                where=here(),
                labels=label(labels),
                fix="labels.astype(int)",
                code="labels-not-whole-numbers",
            )
        )
    if num_classes == -1:
        if not labels.size:
            raise DataError(
                describe(
                    "one_hot: no labels to count classes by", where=here(), fix="num_classes=…", code="empty-input"
                )
            )
        num_classes = int(labels._data.max()) + 1
    classes = whole(num_classes, "num_classes")
    found, _ = _checked_labels("one_hot", labels, classes, ignored=-(2**62))
    return (found.reshape(*found.shape, 1) == np.arange(classes)).astype(np.int64)
