"""What a check found: one row per input and order, as a table to read and as data to keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

RIGHT, KINK, UNDECIDED, WRONG = "right", "kink", "undecided", "wrong"
VERDICTS = (RIGHT, KINK, UNDECIDED, WRONG)  # a row has the last of these that one of its entries has


@dataclass(frozen=True)
class Row:
    """What was found for one input in one order: counts, and the entry with the largest error.

    order      1 for derivatives of the function, 2 for derivatives of its gradient
    errors     how often each verdict was given, entry by entry
    left       slope of the numeric side below the worst entry; `right` above it. They differ at a kink
    estimate   the error of the numeric side, by its own account
    units      |analytic − numeric| divided by the tolerance, `atol + rtol·|analytic| + estimate`
    """

    input: str
    order: int
    shape: tuple[int, ...]
    entries: int
    counts: dict[str, int]
    verdict: str
    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    left: float
    right: float
    estimate: float
    tolerance: float
    units: float

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers, strings, lists and dicts."""
        index = None if self.index is None else list(self.index)
        return {**self.__dict__, "shape": list(self.shape), "index": index, "counts": dict(self.counts)}


@dataclass(frozen=True)
class GradcheckReport:
    """One row per input and order. True where no entry is wrong or undecided; `print` shows the table."""

    rows: tuple[Row, ...]
    order: int
    rtol: float
    atol: float

    def __bool__(self) -> bool:
        return all(row.verdict in (RIGHT, KINK) for row in self.rows)

    def __str__(self) -> str:
        return "\n".join([self._headline(), *_table(self.rows), *self._remarks()])

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers, strings, lists and dicts."""
        rows = [row.to_dict() for row in self.rows]
        return {"right": bool(self), "order": self.order, "rtol": self.rtol, "atol": self.atol, "rows": rows}

    def _headline(self) -> str:
        total = sum(row.entries for row in self.rows)
        counts = {verdict: sum(row.counts[verdict] for row in self.rows) for verdict in (WRONG, UNDECIDED, KINK)}
        found = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        return f"gradcheck: {total} derivatives compared, {found or 'all right'}"

    def _remarks(self) -> list[str]:
        """What the verdicts that are not "right" mean, for the first row of each."""
        remarks = []
        for verdict, meaning in (
            (WRONG, "the numeric side is sure of itself, so the rule or the function it belongs to is wrong"),
            (UNDECIDED, "the numeric side isn't accurate enough: a kink or jump within the step, a value that is not"
             " finite, float32 inside, or huge numbers; move the point, or give another step="),
            (KINK, "the slopes on both sides differ, and the gradient lies between them: any such value is valid"),
        ):  # fmt: skip
            row = next((row for row in self.rows if row.verdict == verdict), None)
            if row is not None and row.index is not None:
                place = f"{row.input}{_index_text(row.index)}" + ("" if row.order == 1 else f", order {row.order}")
                facts = f"slope {row.left:.6g} on the left, {row.right:.6g} on the right, ± {row.estimate:.1g}"
                remarks.append(f"  {verdict}: {place}: {facts}\n    {meaning}")
        return remarks


def _index_text(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def _table(rows: Sequence[Row]) -> list[str]:
    """The rows as aligned lines of text."""
    head = ("input", "order", "shape", "entries", "worst", "analytic", "numeric", "error/tolerance", "verdict")
    lines = [head]
    for row in rows:
        shape = f"({', '.join(map(str, row.shape))}{',' if len(row.shape) == 1 else ''})"
        verdict = row.verdict
        if row.counts[row.verdict] < row.entries:
            verdict += f" ({row.counts[row.verdict]} of {row.entries})"
        if row.index is None:
            numbers = ("", "", "", "")
        else:
            place = _index_text(row.index) or "()"
            numbers = (place, f"{row.analytic:.8g}", f"{row.numeric:.8g}", f"{row.units:.2g}")
        lines.append((row.input, str(row.order), shape, str(row.entries), *numbers, verdict))
    widths = [max(map(len, column)) for column in zip(*lines)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
