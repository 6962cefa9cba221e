"""The four equations as a table: each quantity by its formula and by the engine, and how they are meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_edu.equations.four import ACTIVATIONS, SHOWN, TITLES, Equation, power
from tinygrad_edu.numbers import number_text, one_line
from tinygrad_edu.render.wording import plural
from tinygrad_edu.snapshot import MOST_ENTRIES, Snapshot

if TYPE_CHECKING:
    from tinygrad_edu.equations.four import FourEquations

WIDEST = 34  # characters of numbers in a column


def table(report: FourEquations) -> str:
    """The whole table."""
    lines = [
        f"The four equations of backpropagation: {report.network}, {plural(report.samples, 'sample')}",
        f"{TITLES[SHOWN]}{averaged(report)}: {number_text(report.costs[SHOWN])}",
        "",
    ]
    rows = [("", "", "by the formula", "by the engine", "difference")]
    layer = 0
    for equation in report.equations[SHOWN]:
        if equation.layer != layer:
            layer = equation.layer
            rows.append((heading(report, layer), "", "", "", ""))
        rows.append(_row(equation))
    widths = [max(len(row[i]) for row in rows if row[2]) for i in range(5)]
    lines += [_line(row, widths) if row[2] else row[0] for row in rows]
    lines += ["", *verdict(report), "", *notes(report)]
    return "\n".join(lines)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip()


def averaged(report: FourEquations) -> str:
    """How the cost of several samples is meant."""
    return "" if report.samples == 1 else f", averaged over {report.samples:,} samples"


def heading(report: FourEquations, layer: int) -> str:
    """`layer 2: sigmoid, σ′(z²) = …`."""
    name = report.activations[layer - 1]
    return f"layer {layer}: {name}, σ′(z) = {ACTIVATIONS[name][2]}"


def _row(equation: Equation) -> tuple[str, str, str, str, str]:
    return (
        f"  {equation.number}",
        f"{equation.left} = {equation.right.removesuffix(', averaged over the samples')}",
        _numbers(equation.by_formula),
        _numbers(equation.by_engine),
        difference(equation),
    )


def difference(equation: Equation) -> str:
    """`0`, or `2.8e−17`; with a mark where it is more than rounding."""
    text = f"{equation.difference:.1e}".replace("-", "−") if equation.difference else "0"
    return text if equation.agrees else f"{text}  WRONG"


def _numbers(array: np.ndarray) -> str:
    """The numbers where they are few, else how many there are and the largest."""
    text = one_line(Snapshot.of(array)).replace("-", "−")
    if array.size <= MOST_ENTRIES and len(text) <= WIDEST:
        return text
    largest = array.ravel()[np.abs(array).argmax()] if array.size else 0.0
    return f"{array.shape[0]} × {array.shape[1]}, largest {number_text(largest)}"


def verdict(report: FourEquations) -> list[str]:
    """Whether both sides agree, and the same by the other convention."""
    largest = report.largest_difference
    found = "none at all" if not largest else f"{largest:.1e}".replace("-", "−")
    agree = "the formulas and the engine agree to rounding" if report else "THE FORMULAS AND THE SHOWN DISAGREE"
    return [
        f"Largest difference: {found}; {agree}.",
        f"{TITLES['nielsen']}, is half of this: {number_text(report.costs['nielsen'])}. There ∇ₐC is a − y, and every",
        "δ, ∂C/∂b and ∂C/∂w is half as large; these were computed and compared too.",
    ]


def notes(report: FourEquations) -> list[str]:
    """How the formulas are to be read beside the code."""
    last = len(report.activations)
    lines = [
        "In the formulas vectors are columns and w is (outputs, inputs), as in the book. In the code samples are rows",
        "and weight is (inputs, outputs), so everything is transposed: z = a @ weight + bias, ∂C/∂weight = aᵀ @ δ.",
        f"L = {last} is the last layer, a⁰ = x is the input and a{power(last)} the output.",
    ]
    if report.samples > 1:
        lines.append(
            "A δ has a column for each sample; ∂C/∂b and ∂C/∂w are averages over the samples, because the cost is one."
        )
    return lines
