"""The bundled data set: 1,797 handwritten digits, there at once and offline, enlarged to any size.

Knows nothing of MNIST, nor of tensors.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_edu.data.batches import Dataset, freeze, generator, whole_number
from tinygrad_edu.errors import DataError, FileNotFound, describe

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SIDE = 8  # pixels, of the original pictures
_INK = 16  # the highest value in the file


def digits(size: int = 28, seed: int | np.random.Generator = 0, held_out: float = 0.2) -> tuple[Dataset, Dataset]:
    """1,797 real handwritten digits, bundled with the package: `(train, test)`.

    Each is `(images, labels)`: images float32 (n, size * size), 0 (paper) to 1 (ink), row by row from the
    top left; labels int64 (n,), 0 to 9. Both are C-contiguous and read-only. Every digit is in one of the two
    sets: a share of `held_out` in test, the others in train, both in an order drawn from `seed`.

    The originals are 8 by 8 pixels of 0 to 16; they are divided by 16 and enlarged to size by size pixels by
    bilinear interpolation between pixel centres (28 is the size of MNIST, 8 leaves them as they are).
    Same seed, same bits, on every machine.

    Raises: DataError if size is below 8, or held_out leaves one of the sets empty.

    Source: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
    Repository, 1998, https://doi.org/10.24432/C50P49, CC BY 4.0 (see ATTRIBUTION.md beside this file).

    >>> train, test = digits()
    >>> train.images.shape, test.images.shape
    ((1438, 784), (359, 784))
    >>> train.images.dtype, train.labels.dtype
    (dtype('float32'), dtype('int64'))
    """
    side = whole_number(size, "size", at_least=_SIDE)
    originals, labels = _bundled()
    count = len(labels)
    held = round(count * held_out) if 0 < held_out < 1 else 0
    if not 0 < held < count:
        raise DataError(
            describe(
                "digits: one of the two sets would be empty",
                expected="held_out between 0 and 1, the share of digits kept for testing",
                found=f"held_out={held_out!r} of {count:,} digits",
                fix="digits(held_out=0.2)",
                code="number-out-of-range",
            )
        )
    order = generator(seed).permutation(count)
    images = _enlarge(originals, side)

    def subset(rows: NDArray[np.intp]) -> Dataset:
        return Dataset(freeze(images.take(rows, axis=0)), freeze(labels.take(rows)))

    return subset(order[held:]), subset(order[:held])


def _bundled() -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    path = os.path.join(os.path.dirname(__file__), "digits.npz")
    try:
        with np.load(path, allow_pickle=False) as file:
            return file["images"], file["labels"].astype(np.int64)
    except FileNotFoundError:
        raise FileNotFound(
            describe(
                "the bundled digits are missing",
                where=path,
                likely="an incomplete installation",
                fix="install the package again",
                code="bundled-data-missing",
            )
        ) from None


def _enlarge(pictures: NDArray[np.uint8], size: int) -> NDArray[np.float32]:
    """(n, 8, 8), 0 to 16 -> (n, size * size), 0 to 1. Bilinear: along the columns, then along the rows."""
    weights = _interpolation(_SIDE, size)
    # Integers, so exact in float64 in whatever order BLAS adds them: the same bits on every machine.
    enlarged: NDArray[np.float64] = weights @ pictures @ weights.T
    flat = enlarged.reshape(len(pictures), size * size)
    return (flat / (_INK * (2 * size) ** 2)).astype(np.float32)


def _interpolation(old: int, new: int) -> NDArray[np.float64]:
    """Linear interpolation of `old` pixels at the centres of `new` ones: a matrix (new, old), times 2 * new.

    Row i is a hat over the old pixels: highest at the centre of new pixel i, zero one old pixel away from it.
    In units of 1 / (2 * new) old pixels all is an integer. Beyond the outermost centres the picture goes on
    as its outermost pixel.
    """
    unit = 2 * new
    centres = old * (2 * np.arange(new) + 1) - new
    centres = np.clip(centres, 0, unit * (old - 1))
    distances = np.abs(centres[:, np.newaxis] - unit * np.arange(old))
    hats: NDArray[np.float64] = np.maximum(unit - distances, 0).astype(np.float64)
    return hats
