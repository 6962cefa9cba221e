"""Arrays in the form training takes them: a `Dataset`, its mini-batches, labels as one-hot rows.

Knows nothing of where the data came from, nor of tensors.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import numpy as np

from tinygrad_edu.errors import DataError, DtypeError, ShapeError, describe

if TYPE_CHECKING:
    from collections.abc import Generator

    from numpy.typing import ArrayLike, DTypeLike, NDArray

    Array = TypeVar("Array", bound=NDArray[Any])


class Dataset(NamedTuple):
    """Labelled pictures: sample i is the row `images[i]`, and shows the digit `labels[i]`.

    A tuple of two arrays, so `len(dataset)` is 2; the number of samples is `len(dataset.labels)`.

    >>> from tinygrad_edu.data import digits
    >>> train, test = digits()
    >>> images, labels = test
    >>> images.shape, labels.shape
    ((359, 784), (359,))
    """

    images: NDArray[np.float32]
    labels: NDArray[np.int64]


def batches(
    images: ArrayLike,
    labels: ArrayLike,
    batch_size: int = 32,
    rng: int | np.random.Generator | None = None,
    shuffle: bool = True,
    drop_last: bool = False,
) -> Generator[tuple[NDArray[Any], NDArray[Any]], None, None]:
    """One epoch in mini-batches: pairs `(images, labels)`, each sample exactly once.

    images: any shape (n, ...); labels: any shape (n, ...). Batches have shape (batch_size, ...) and keep the
    dtype; the last one holds what remains, or is left out with `drop_last`. They are new read-only arrays,
    which the engine may therefore use without copying.

    The order is drawn from `rng` at the call. A seed gives the same order at every call (None is seed 0); for
    a new order in every epoch, pass on one `numpy.random.Generator` from epoch to epoch.

    Raises, at the call and not at the first batch: ShapeError if the lengths differ, DataError if batch_size
    is below 1, DtypeError if it is no integer.

    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> images, labels = np.zeros((5, 784), np.float32), np.arange(5)
    >>> for epoch in range(2):
    ...     print([y.tolist() for x, y in batches(images, labels, batch_size=2, rng=rng)])
    [[2, 4], [3, 0], [1]]
    [[4, 1], [2, 0], [3]]
    """
    pictures, targets = np.asarray(images), np.asarray(labels)
    if pictures.ndim == 0 or targets.ndim == 0 or len(pictures) != len(targets):
        raise ShapeError(
            describe(
                "batches: images and labels must have the same length",
                images=f"shape {pictures.shape}",
                labels=f"shape {targets.shape}",
                likely="labels of another set, or only one of the two was cut",
                fix="batches(images[:n], labels[:n], ...)",
                code="unequal-sample-counts",
            )
        )
    step = whole_number(batch_size, "batch_size", at_least=1)
    count = len(targets)
    order = generator(rng).permutation(count) if shuffle else np.arange(count)
    stop = count - count % step if drop_last else count
    return _gather(pictures, targets, order[:stop], step)


def _gather(
    images: NDArray[Any], labels: NDArray[Any], order: NDArray[np.intp], step: int
) -> Generator[tuple[NDArray[Any], NDArray[Any]], None, None]:
    for start in range(0, len(order), step):
        rows = order[start : start + step]
        # `take`, not `images[rows]`: its result is contiguous and owns its memory, whatever the input's layout.
        yield freeze(images.take(rows, axis=0)), freeze(labels.take(rows, axis=0))


def one_hot(labels: ArrayLike, classes: int = 10, dtype: DTypeLike = np.float32) -> NDArray[Any]:
    """Label k as a row that is 1 at k and 0 elsewhere: what the outputs of a perfect network would be.

    labels: integers in 0 ... classes - 1, any shape (...). Returns a new read-only array (..., classes).

    Raises: DataError if a label is out of range, DtypeError if labels are not integers; both name the first.

    >>> one_hot([2, 0], classes=3)
    array([[0., 0., 1.],
           [1., 0., 0.]], dtype=float32)
    """
    width = whole_number(classes, "classes", at_least=1)
    array = np.asarray(labels)
    if array.size == 0:
        array = array.astype(np.int64)  # `[]` is float64 to NumPy, and holds no wrong label
    if array.dtype.kind not in "iu":
        where, value = _first(array, _not_whole(array))
        raise DtypeError(
            describe(
                "one_hot: labels must be integers",
                where=f"labels{where}",
                expected=f"an integer in 0 ... {width - 1}",
                found=f"{value!r}, in an array of {array.dtype}",
                likely="images and labels swapped, or labels read from a text file",
                fix="one_hot(labels.astype(np.int64)) if each label is a whole number",
                code="labels-not-whole-numbers",
            )
        )
    outside = (array < 0) | (array >= width)
    if outside.any():
        where, value = _first(array, outside)
        raise DataError(
            describe(
                "one_hot: label out of range",
                where=f"labels{where}",
                expected=f"0 ... {width - 1}, for classes={width}",
                found=value,
                likely="a mark for 'no label'" if value < 0 else "labels that start at 1, or more classes",
                fix="leave those samples out: labels[labels >= 0]"
                if value < 0
                else f"one_hot(labels - 1) or one_hot(labels, classes={int(array.max()) + 1})",
                code="label-out-of-range",
            )
        )
    return freeze((array[..., np.newaxis] == np.arange(width)).astype(dtype))


def _not_whole(array: NDArray[Any]) -> NDArray[np.bool_]:
    """Marks what is not a whole number; if all are, every one, because its type is the offence."""
    everything = np.ones(array.shape, dtype=bool)
    if array.dtype.kind != "f":
        return everything
    fractional: NDArray[np.bool_] = ~np.isfinite(array) | (array != np.rint(array))
    return fractional if fractional.any() else everything


def _first(array: NDArray[Any], marked: NDArray[np.bool_]) -> tuple[str, Any]:
    """Index (as text) and value of the first marked element."""
    index = tuple(int(i) for i in np.argwhere(marked)[0])
    return f"[{', '.join(map(str, index))}]" if index else "", array[index].item()


def freeze(array: Array) -> Array:
    """The same array, made read-only. The engine shares read-only arrays without copying them."""
    array.flags.writeable = False
    return array


def generator(rng: int | np.random.Generator | None) -> np.random.Generator:
    """The generator itself, or a new one from the seed; None is seed 0: the same call gives the same bits."""
    if isinstance(rng, np.random.Generator):
        return rng
    return np.random.default_rng(0 if rng is None else whole_number(rng, "the seed", at_least=0))


def whole_number(value: int, name: str, at_least: int) -> int:
    """`value` as a plain int (NumPy integers are welcome), or an error that calls it by `name`."""
    try:
        number = operator.index(value)
    except TypeError:
        raise DtypeError(
            describe(
                f"{name} must be a whole number, not {value!r} ({type(value).__name__})", code="not-a-whole-number"
            )
        ) from None
    if number < at_least:
        raise DataError(describe(f"{name} must be at least {at_least}, not {number}", code="number-out-of-range"))
    return number
