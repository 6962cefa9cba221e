"""What a check found: one row per input and order, as a table to read and as data to keep."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

RIGHT, KINK, INACCURATE = "right", "kink", "numeric side not accurate enough"
NOT_DIFFERENTIABLE, WRONG = "not differentiable here", "wrong"
VERDICTS = (RIGHT, KINK, INACCURATE, NOT_DIFFERENTIABLE, WRONG)  # a row has the last that one of its entries has
RANDOM, MUTATES = "depends on randomness", "mutates its input"  # of the whole function: nothing can be compared

UNCHECKED, FORWARD = "unchecked entries", "forward mode"  # what an `Along` is about

NOISY = 1e-3  # a float32 gradient further than this from the float64 one, relative to its largest entry, is noted


@dataclass(frozen=True)
class Row:
    """What was found for one input or parameter in one order: counts, and the entry that is worst.

    order       1 for derivatives of the function, 2 for derivatives of its gradient
    entries     how many there are; `checked`: how many were compared, each by itself
    method      where the numbers on the right come from: "complex step" or "central differences"
    counts      how often each verdict was given
    left        slope of the function before the worst entry; `right` after it. They differ at a kink
    estimate    the error of the numeric side, by its own account
    units       |analytic − numeric| divided by the tolerance, `atol + rtol·|analytic| + estimate`
    float32     the largest distance of the gradient in the user's own dtype from the one in float64, relative to its
                largest entry; None where the user's dtype is float64
    remark      what the verdict of the worst entry means here; empty for "right"
    """

    input: str
    order: int
    shape: tuple[int, ...]
    entries: int
    checked: int
    method: str
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
    float32: float | None = None
    remark: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers, strings, lists and dicts, fit for JSON: what is not finite is a string."""
        data: dict[str, Any] = {key: _plain(value) for key, value in self.__dict__.items()}
        return data

    @property
    def place(self) -> str:
        """`x[0, 3]`, the worst entry, with its order if it is not the first."""
        text = self.input + index_text(self.index or ())
        return text if self.order == 1 else f"{text} (order {self.order})"


@dataclass(frozen=True)
class Along:
    """A derivative in one direction: of the entries that were not checked one by one, or of everything at once.

    what        "unchecked entries", or "forward mode" for ⟨u, Jv⟩ = ⟨Jᵀu, v⟩
    input       whose entries move; several names at once are joined by commas
    """

    what: str
    input: str
    order: int
    entries: int
    analytic: float
    numeric: float
    tolerance: float
    verdict: str

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers and strings, fit for JSON."""
        return {key: _plain(value) for key, value in self.__dict__.items()}


@dataclass(frozen=True)
class GradcheckReport:
    """One row per input and order. True where nothing is wrong, undecided or unchecked in vain; `print` shows it.

    verdict      of the whole check: "right", "kink", "numeric side not accurate enough", "not differentiable here",
                 "wrong", "depends on randomness" or "mutates its input"
    rows         see `Row`
    along        derivatives in single directions, see `Along`
    taylor       the order at which f(x + t·v) − f(x) − t·⟨gradient, v⟩ vanishes with t, for random directions v:
                 2 for a right gradient, 1 for a wrong one; inf where nothing is left over
    explanation  where a failure comes from, and probably why
    notes        what was held fixed, replayed, or left out
    """

    verdict: str
    order: int = 1
    rtol: float = 0.0
    atol: float = 0.0
    rows: tuple[Row, ...] = ()
    along: tuple[Along, ...] = ()
    taylor: tuple[float, ...] = ()
    headline: str = ""
    explanation: str = ""
    notes: tuple[str, ...] = ()
    localisation: Any = field(default=None, compare=False)

    def __bool__(self) -> bool:
        return self.verdict in (RIGHT, KINK)

    def __str__(self) -> str:
        parts = [f"gradcheck: {self.headline}"]
        if self.rows:
            parts += ["  " + line for line in _aligned(_table(self.rows))]
        parts += self._remarks()
        if self.explanation:
            parts.append(self.explanation)
        return "\n".join(parts + [f"  {note}" for note in [*self._witnesses(), *self.notes]])

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers, strings, lists and dicts, fit for JSON."""
        data: dict[str, Any] = {
            "right": bool(self),
            "verdict": self.verdict,
            "order": self.order,
            "rtol": self.rtol,
            "atol": self.atol,
            "headline": self.headline,
            "rows": [row.to_dict() for row in self.rows],
            "along": [along.to_dict() for along in self.along],
            "taylor": [_plain(order) for order in self.taylor],
            "explanation": self.explanation,
            "notes": list(self.notes),
        }
        if self.localisation is not None and hasattr(self.localisation, "to_dict"):
            data["localisation"] = self.localisation.to_dict()
        return data

    def _repr_html_(self) -> str:
        from tinygrad_edu.gradcheck.html import html_of

        return html_of(self)

    def _remarks(self) -> list[str]:
        """What the verdicts that are not "right" mean: of each the first row that has it, and how many more."""
        lines = []
        for verdict in VERDICTS[:0:-1]:
            rows = [row for row in self.rows if row.verdict == verdict]
            if rows:
                more = f", and in {', '.join(row.place for row in rows[1:3])}" if len(rows) > 1 else ""
                more += f" and {len(rows) - 3} more" if len(rows) > 3 else ""
                lines.append(f"  {verdict}: {rows[0].place}{more}")
                lines += [f"    {line}" for line in rows[0].remark.splitlines()]
        return lines

    def _witnesses(self) -> list[str]:
        """One line for each kind of directional derivative, one for the Taylor remainder, one per noisy float32."""
        lines = [
            f"{along.what}: {along.entries:,} entries of {along.input} along a random direction: "
            f"{along.analytic:.10g} against {along.numeric:.10g}, {along.verdict}"
            for along in self.along
            if along.verdict != RIGHT
        ]
        right = [along for along in self.along if along.what == UNCHECKED and along.verdict == RIGHT]
        if right:
            names = ", ".join(dict.fromkeys(along.input for along in right))
            lines.append(f"{UNCHECKED}: right along {len(right)} random directions ({names})")
        if self and any(along.what == FORWARD for along in self.along):
            lines.append("forward mode agrees with reverse mode: ⟨u, Jv⟩ = ⟨Jᵀu, v⟩")
        if self.taylor:
            orders = dict.fromkeys("∞" if math.isinf(order) else f"{order:.2f}" for order in self.taylor)
            smooth = all(row.verdict not in (KINK, NOT_DIFFERENTIABLE) for row in self.rows)
            meaning = "2 or more for a right gradient, 1 for a wrong one" if smooth else "1 at a kink, else 2"
            lines.append(f"Taylor remainder: order {' and '.join(orders)} ({meaning})")
        own = [(row.input, row.float32) for row in self.rows if row.float32 is not None]
        lines += [
            f"float32: your own gradient by {name} is off by {100 * distance:.2g} % of its largest entry; the one "
            "above is in float64"
            for name, distance in own
            if not distance < NOISY
        ]
        near = [distance for _, distance in own if distance < NOISY]
        if near:
            lines.append(f"float32: your own gradients are within {max(near):.1g} of the largest entry in float64")
        return lines


def _plain(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, tuple):
        return [_plain(part) for part in value]
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    return value


def index_text(index: tuple[int, ...]) -> str:
    """`[0, 3]`; nothing for a number."""
    return f"[{', '.join(map(str, index))}]" if index else ""


def _table(rows: Sequence[Row]) -> list[tuple[str, ...]]:
    """Head and rows as text, cell by cell. Columns in which every row says the same, and nothing new, are left out."""
    head = ("input", "order", "shape", "checked", "worst", "analytic", "numeric", "error/tolerance", "verdict")
    lines: list[tuple[str, ...]] = [head]
    for row in rows:
        shape = f"({', '.join(map(str, row.shape))}{',' if len(row.shape) == 1 else ''})"
        verdict = row.verdict
        if row.counts[row.verdict] < row.checked:
            verdict += f" ({row.counts[row.verdict]:,} of {row.checked:,})"
        if row.index is None:
            numbers = ("", "", "", "")
        else:
            numeric, units = f"{row.numeric:.8g}", f"{row.units:.2g}"
            if row.verdict == KINK and row.left != row.right:
                numeric, units = f"{row.left:.6g} … {row.right:.6g}", "–"
            elif row.verdict in (KINK, NOT_DIFFERENTIABLE):
                units = "–"
            numbers = (index_text(row.index) or "()", f"{row.analytic:.8g}", numeric, units)
        checked = f"{row.checked:,}" if row.checked == row.entries else f"{row.checked:,} of {row.entries:,}"
        lines.append((row.input, str(row.order), shape, checked, *numbers, verdict))
    if all(row.order == 1 for row in rows):
        lines = [(line[0], *line[2:]) for line in lines]
    return lines


def _aligned(lines: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*lines)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]
