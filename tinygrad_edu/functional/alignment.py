"""The loss of sequences whose labels have no places, summed over all alignments: a composition of ops."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.compositions.joining import concatenate, stack
from tinygrad_edu.errors import DataError, IndexingError, ShapeError, describe
from tinygrad_edu.functional.checks import floating, whole
from tinygrad_edu.functional.reducing import first, loss, reduced, whole_labels
from tinygrad_edu.memory import label
from tinygrad_edu.node import here
from tinygrad_edu.ops.elementwise import where
from tinygrad_edu.ops.reduction import logsumexp
from tinygrad_edu.tensor import Tensor, as_tensor

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    Operand = Tensor | ArrayLike

__all__ = ["ctc_loss"]


@loss
def ctc_loss(
    log_probabilities: Operand,
    targets: Operand,
    input_lengths: Operand,
    target_lengths: Operand,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """−log of the probability that a network says the target, wherever in time: connectionist temporal classification.

    log_probabilities   of each class at each place, as `log_softmax` gives them: (places, n, classes), or
                        (places, classes) for one sequence
    targets             the right labels, whole numbers that are not `blank`: (n, longest), what is beyond a target's
                        length doesn't matter; or all targets one after the other, (sum of the lengths,)
    input_lengths       how many places of each sequence count, (n,); target_lengths: how many labels, (n,)
    blank               the class that stands for no label. A network says a target if, with equal neighbours made one
                        and blanks left out, its classes are the target.
    reduction           "mean": each loss divided by its target's length (at least 1), averaged over the sequences;
                        "sum"; "batchmean"; "none": one number per sequence
    zero_infinity       True: 0 in place of an infinite loss, of a target that is too long for its sequence

    The gradient is that by log_probabilities, minus the probability of each class at each place given the target, also
    for numbers that are no logarithms of probabilities; of an infinite loss it is 0. (PyTorch's is already that of
    `log_softmax`, and nan of an infinite loss.)

    Raises ShapeError where the shapes don't fit each other, IndexingError for a label that is no class, DataError for a
    label that is the blank, or a length beyond the sequence.

    Source: A. Graves et al., Connectionist temporal classification, ICML 2006, eq. 6 to 8.

    >>> import numpy as np
    >>> half = np.log(np.full((2, 1, 2), 0.5))
    >>> ctc_loss(half, [[1]], [2], [1])  # −log ¾: of the 4 paths only two blanks don't say it
    Tensor(0.28768207)
    """
    name = "ctc_loss"
    logs = floating(as_tensor(log_probabilities), name)
    if logs.ndim not in (2, 3) or not len(logs):
        raise _misfit(name, logs, as_tensor(targets))
    single = logs.ndim == 2
    logs = logs.reshape(len(logs), 1, logs.shape[1]) if single else logs
    places, count, _ = logs.shape
    inputs = _lengths(name, "input_lengths", input_lengths, count, 1, places, "the sequence")
    labels, lengths = _table(name, logs, as_tensor(targets), target_lengths, whole(blank, "blank", 0))
    alternating = np.full((count, 2 * labels.shape[1] + 1), blank)  # blank, label, blank, label, …, blank
    alternating[:, 1::2] = labels
    ends = _paths(logs, alternating, inputs)
    last = stack([ends[np.arange(count), 2 * lengths], _before(ends, lengths)])
    each: Tensor = -logsumexp(last, axis=0)
    if zero_infinity:
        each = where(each == np.inf, 0, each)
    if reduction == "mean":
        each = each / np.maximum(lengths, 1).astype(each.dtype)
    return reduced(each.reshape(()) if single else each, reduction)


def _paths(logs: Tensor, alternating: np.ndarray, inputs: np.ndarray) -> Tensor:
    """log of the probability of all paths that have come so far in the target at the last place, (n, 2 · longest + 1).

    From one place to the next a path stays, goes on by one, or by two from a label to another one that differs.
    """
    count, width = alternating.shape
    said = logs[:, np.arange(count)[:, None], alternating]
    skips = np.zeros((count, width), bool)
    skips[:, 3::2] = alternating[:, 3::2] != alternating[:, 1:-2:2]
    never = as_tensor(np.full((count, 2), -np.inf, logs.dtype))
    paths = where(np.arange(width) < 2, said[0], -np.inf)
    for place in range(1, len(logs)):
        behind = concatenate([never, paths], axis=1)
        by_two = where(skips, behind[:, :width], -np.inf)
        gone = logsumexp(stack([paths, behind[:, 1 : width + 1], by_two]), axis=0) + said[place]
        within = place < inputs
        paths = gone if within.all() else where(within[:, None], gone, paths)
    return paths


def _before(ends: Tensor, lengths: np.ndarray) -> Tensor:
    """The paths that end with the last label, without a blank behind it; none where there is no label."""
    found = ends[np.arange(len(lengths)), np.maximum(2 * lengths - 1, 0)]
    return found if lengths.all() else where(lengths > 0, found, -np.inf)


def _table(name: str, logs: Tensor, targets: Tensor, target_lengths: Any, blank: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels as a table (n, longest), with blanks beyond each target's end, and the lengths."""
    _, count, classes = logs.shape
    if blank >= classes:
        what = f"{name}: the blank is {blank}, and the classes are 0 … {classes - 1}"
        raise IndexingError(describe(what, where=here(), code="label-out-of-range"))
    rows = targets.ndim == 2 or (targets.ndim == 1 and count == 1)
    longest = targets.shape[-1] if targets.ndim else 0
    lengths = _lengths(name, "target_lengths", target_lengths, count, 0, longest, "the targets")
    if (not rows and (targets.ndim != 1 or longest != lengths.sum())) or (targets.ndim == 2 and len(targets) != count):
        raise _misfit(name, logs, targets)
    whole_labels(name, targets, classes)
    given = targets.detach().numpy()
    table = np.full((count, int(lengths.max(initial=0))), blank)
    counts = np.arange(table.shape[1]) < lengths[:, None]
    table[counts] = given.reshape(count, longest)[:, : table.shape[1]][counts] if rows else given
    outside = counts & ((table < 0) | (table >= classes))
    if outside.any():
        place, value = first(table, outside)
        raise IndexingError(
            describe(
                f"{name}: the label at {place} is {value}, and the classes are 0 … {classes - 1}",
                where=here(),
                code="label-out-of-range",
            )
        )
    if (counts & (table == blank)).any():
        raise DataError(
            describe(
                f"{name}: a target holds the blank, {blank}",
                where=here(),
                targets=label(targets),
                why="the blank stands for no label, so no network could say it",
                fix="labels from 1 on, or blank=…, a class that is no label",
                code="label-is-blank",
            )
        )
    return table, lengths


def _lengths(name: str, what: str, given: Any, count: int, least: int, most: int, of: str) -> np.ndarray:
    lengths = as_tensor(given).detach().numpy()
    if lengths.dtype.kind not in "iu" or lengths.size != count or lengths.ndim > 1:
        raise ShapeError(
            describe(
                f"{name}: {what} must be {count} whole numbers, one per sequence",
                where=here(),
                **{what: label(as_tensor(given))},
                code="sequence-lengths",
            )
        )
    if lengths.size and (lengths.min() < least or lengths.max() > most):
        raise DataError(
            describe(
                f"{name}: {what} must be from {least} to {most}, the length of {of}, not {lengths.tolist()}",
                where=here(),
                code="sequence-lengths",
            )
        )
    return np.asarray(lengths.reshape(count).astype(np.intp))


def _misfit(name: str, logs: Tensor, targets: Tensor) -> ShapeError:
    return ShapeError(
        describe(
            f"{name}: log_probabilities and targets don't fit each other",
            where=here(),
            expected="(places, n, classes) with (n, longest) or (sum of lengths,); (places, classes) with (longest,)",
            log_probabilities=label(logs),
            targets=label(targets),
            code="classification-shapes",
        )
    )
