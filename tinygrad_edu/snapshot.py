"""What a picture keeps of an array: all entries where they are few, else a summary. Knows arrays only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

MOST_ENTRIES = 8  # more than these, or more than two axes, are summed up


@dataclass(frozen=True)
class Summary:
    """Mean, standard deviation, least and largest of the finite entries, and how many are not finite.

    The four numbers are None where no entry is finite; `magnitudes` says that they are of |z|, for complex z.
    """

    mean: float | None
    std: float | None
    low: float | None
    high: float | None
    nans: int = 0
    infinities: int = 0
    magnitudes: bool = False


@dataclass(frozen=True, eq=False)
class Snapshot:
    """An array as it was: `entries` is a read-only copy of a small one; a large one has a `summary` instead."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    entries: np.ndarray | None
    summary: Summary | None

    @classmethod
    def of(cls, array: np.ndarray) -> Snapshot:
        """What to keep of `array`.

        >>> Snapshot.of(np.arange(100.0)).summary.high
        99.0
        """
        if array.size <= MOST_ENTRIES and array.ndim <= 2:
            entries = np.array(array)
            entries.setflags(write=False)
            return cls(array.shape, array.dtype, entries, None)
        return cls(array.shape, array.dtype, None, _summary(array))


def _summary(array: np.ndarray) -> Summary:
    if array.dtype.kind == "b":
        array = array.astype(np.uint8)
    finite = np.isfinite(array)
    nans = int(np.count_nonzero(np.isnan(array)))
    infinities = array.size - nans - int(np.count_nonzero(finite))
    values = array if not nans and not infinities else array[finite]
    magnitudes = values.dtype.kind == "c"
    if magnitudes:
        values = np.abs(values)
    if not values.size:
        return Summary(None, None, None, None, nans, infinities, magnitudes)
    with np.errstate(all="ignore"):  # huge entries may overflow the mean; the picture then says inf
        mean, std = float(values.mean(dtype=np.float64)), float(values.std(dtype=np.float64))
    low, high = float(values.min()), float(values.max())
    if low == high:  # then what rounding adds would look like a spread
        mean, std = low, 0.0
    return Summary(mean, std, low, high, nans, infinities, magnitudes)
