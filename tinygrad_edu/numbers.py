"""Numbers as pictures write them: three digits of the largest, one number of decimals for a whole array.

Knows snapshots; must not know cards or how a picture is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.snapshot import Snapshot, Summary

DIGITS = 3  # significant digits of the largest entry
SMALLEST, LARGEST = 1e-3, 1e5  # outside, 1.2e-07 is easier to read than 0.00000012
WHOLE_NUMBERS = 10**9  # integers are exact, so they are written in full for longer
ROUNDING_NOISE = 4  # units in the last place that are no information: 0.1 + 0.2 is 0.3
NOT_WORDS = ("nan", "inf", "True", "False")

Grid = list[list[str]]


def number_texts(values: np.ndarray) -> list[str]:
    """Each entry as text, in one form for all: the same decimals, and no zeros at the end that say nothing.

    >>> number_texts(np.array([0.5, -1.0, 0.126]))
    ['0.50', '-1.00', '0.13']
    >>> number_texts(np.array([0.5, -1.0]))
    ['0.5', '-1.0']
    """
    if values.dtype.kind == "b":
        return [str(bool(value)) for value in values.flat]
    if values.dtype.kind == "c":
        real, imaginary = number_texts(values.real), number_texts(values.imag)
        return [f"{a}{b if b.startswith('-') else '+' + b}j" for a, b in zip(real, imaginary)]
    if values.dtype.kind in "iu" and all(abs(int(value)) < WHOLE_NUMBERS for value in values.flat):
        return [str(int(value)) for value in values.flat]
    return _real_texts([float(value) for value in values.flat], _noise(values.dtype))


def number_text(value: Any) -> str:
    """One number by the same rules, with a typographical minus, for use in expressions.

    >>> number_text(-2.0), number_text(1.5e-7)
    ('−2', '1.5e−07')
    """
    return number_texts(np.asarray(value))[0].replace("-", "\N{MINUS SIGN}")


def _noise(dtype: np.dtype[Any]) -> float:
    """The relative size of differences that say nothing in this dtype."""
    return ROUNDING_NOISE * float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


def _real_texts(values: Sequence[float], noise: float) -> list[str]:
    finite = [value for value in values if math.isfinite(value)]
    largest = max(map(abs, finite), default=0.0)
    if largest and not SMALLEST <= largest < LARGEST:
        form, decimals = _scientific, DIGITS - 1
    else:
        form, decimals = _fixed, max(DIGITS - 1 - _exponent(largest), 0)
    while decimals and all(_same(value, form(value, decimals - 1), noise * largest) for value in finite):
        decimals -= 1
    return [form(value, decimals) if math.isfinite(value) else str(value) for value in values]


def _exponent(value: float) -> int:
    """The power of ten of the first of the digits that are kept of `value`, after rounding."""
    return int(f"{value:.{DIGITS - 1}e}".partition("e")[2])


def _fixed(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.lstrip("-") if not float(text) else text


def _scientific(value: float, decimals: int) -> str:
    return f"{value:.{decimals}e}" if value else "0"


def _same(value: float, text: str, tolerance: float) -> bool:
    return abs(float(text) - value) <= tolerance


# --- snapshots -----------------------------------------------------------------------------------------------


def grid(snapshot: Snapshot) -> Grid:
    """The lines of a picture of an array, cell by cell: its rows, or what sums it up.

    >>> grid(Snapshot.of(np.array([[1.0, 2.0], [3.0, 4.5]])))
    [['1.0', '2.0'], ['3.0', '4.5']]
    """
    if snapshot.entries is None:
        return _summary_grid(snapshot.summary, _noise(snapshot.dtype)) if snapshot.summary is not None else []
    if not snapshot.entries.size:
        return [["empty"]]
    texts = number_texts(snapshot.entries)
    columns = snapshot.shape[-1] if snapshot.shape else 1
    return [texts[start : start + columns] for start in range(0, len(texts), columns)]


def _summary_grid(summary: Summary, noise: float) -> Grid:
    lines: Grid = []
    numbers = [n for n in (summary.mean, summary.std, summary.low, summary.high) if n is not None]
    if numbers:
        largest = max(map(abs, numbers))  # a mean of 1e-20 of entries near 1 is rounding
        mean, std, low, high = (number_texts(np.asarray(n if abs(n) > noise * largest else 0.0))[0] for n in numbers)
        of = " |z|" if summary.magnitudes else ""
        lines = [[f"mean{of}", mean, f"std{of}", std], [f"min{of}", low, f"max{of}", high]]
    counts = [f"{count} {word}" for count, word in ((summary.nans, "nan"), (summary.infinities, "inf")) if count]
    return [*lines, [", ".join(counts)]] if counts else lines


def aligned(grids: Sequence[Grid]) -> list[list[str]]:
    """The lines of each grid, in columns as wide for all of them: numbers to the right, words to the left.

    >>> aligned([[["0.5", "-1.0"]], [["0.25", "3.00"]]])
    [[' 0.5  -1.0'], ['0.25  3.00']]
    """
    columns = max((len(cells) for lines in grids for cells in lines), default=0)
    if columns < 2 and all(len(lines) == 1 for lines in grids):
        return [lines[0] for lines in grids]
    widths = [
        max(len(cells[column]) for lines in grids for cells in lines if len(cells) == columns)
        for column in range(columns)
    ]
    return [[_join(cells, widths if len(cells) == columns else []) for cells in lines] for lines in grids]


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells side by side: two spaces between them, one after a word."""
    line = ""
    for cell, width in zip(cells, widths or map(len, cells)):
        word = cell[0].isalpha() and cell not in NOT_WORDS
        line += (cell.ljust(width) + " ") if word else (cell.rjust(width) + "  ")
    return line.rstrip()


def one_line(snapshot: Snapshot) -> str:
    """The same on one line, for tables: `[0.8 -0.6; -0.5 0.4]`, or `mean 0.1 std 0.3 min 0 max 1`.

    >>> one_line(Snapshot.of(np.array([0.5, -1.0])))
    '[0.5 -1.0]'
    """
    lines = [" ".join(cells) for cells in grid(snapshot)]
    if snapshot.entries is None or not snapshot.entries.size:
        return " ".join(lines)
    return f"[{'; '.join(lines)}]" if snapshot.shape else lines[0]
