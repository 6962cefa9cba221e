"""Explanations as LaTeX: an `aligned` block, one line for each path or step."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_edu.explain.elements import element_latex
from tinygrad_edu.numbers import grid, number_text
from tinygrad_edu.snapshot import MOST_ENTRIES, Snapshot
from tinygrad_edu.symbols.latex import latex_name, latex_number, latex_of
from tinygrad_edu.symbols.rules import G
from tinygrad_edu.symbols.simplify import without_guards

if TYPE_CHECKING:
    from tinygrad_edu.explain.explanation import Explanation, Factor, Line

MOST_LINES = 24
DOTS = r"\vdots"


def explanation(e: Explanation) -> str:
    """The gradient as a formula."""
    if not e.routes:
        return f"{_derivative(e.output, e.wrt)} = {array(e.gradient)}"
    rows = _of_numbers(e) if e.routes[0].factors else _of_tensors(e)
    return "\\begin{aligned}\n" + " \\\\\n".join(rows) + "\n\\end{aligned}"


def _derivative(of: str, by: str) -> str:
    return rf"\frac{{\partial {element_latex(of)}}}{{\partial {element_latex(by)}}}"


def number(value: float) -> str:
    """A number; in parentheses where it is negative, as in a product."""
    text = latex_number(number_text(value))
    return f"({text})" if text.startswith("-") else text


def array(values: np.ndarray) -> str:
    """An array: its numbers where they are few, else its shape."""
    if values.size > MOST_ENTRIES or values.ndim > 2 or not values.size:
        sides = r" \times ".join(map(str, values.shape))
        return rf"\left({sides}\text{{ numbers}}\right)"
    cells = [[latex_number(cell) for cell in row] for row in grid(Snapshot.of(values))]
    if not values.shape:
        return cells[0][0]
    return r"\begin{bmatrix}" + r" \\ ".join(" & ".join(row) for row in cells) + r"\end{bmatrix}"


def _sum(terms: list[str], e: Explanation) -> str:
    more = r" + \cdots" if e.count > len(e.routes) else ""
    return " + ".join(terms) + more


def _of_numbers(e: Explanation) -> list[str]:
    """∂L/∂a = Σ ∂… · ∂… = Σ numbers = number."""
    left = _derivative(e.output, e.wrt)
    sums = [_sum([_product(route.factors, write) for route in e.routes], e) for write in (_called, _formula, _number)]
    rows = list(dict.fromkeys([*sums, array(e.gradient)]))
    return [f"{left} &= {rows[0]}", *(f"&= {row}" for row in rows[1:])]


def _called(factor: Factor) -> str:
    return _derivative(factor.source, factor.target)


def _formula(factor: Factor) -> str:
    plain = not any(sign in factor.latex for sign in (" + ", " - ", r"\cdot", "cases"))
    return factor.latex if plain and not factor.latex.startswith("-") else rf"\left({factor.latex}\right)"


def _number(factor: Factor) -> str:
    return number(factor.value)


def _product(factors: tuple[Factor, ...], write: Callable[[Factor], str]) -> str:
    texts = [write(factor) for factor in factors if len(factors) <= 6 or factor.text != "1"]
    if len(texts) > 12:
        texts = [*texts[:6], r"\cdots", *texts[-5:]]
    return r" \cdot ".join(texts or ["1"])


def _of_tensors(e: Explanation) -> list[str]:
    """The steps of each path, from the output back."""
    rows: list[str] = []
    for number_, route in enumerate(e.routes, 1):
        mark = rf"^{{({number_})}}" if e.count > 1 else ""
        lines = [_step(e, line, mark, before) for before, line in zip((None, *route.lines), route.lines)]
        if len(lines) > MOST_LINES:
            lines = [*lines[:12], rf"&\;{DOTS}", *lines[-6:]]
        rows += lines
    if e.count > 1:
        marked = [rf"{_derivative(e.output, e.wrt)}^{{({k})}}" for k in range(1, len(e.routes) + 1)]
        rows.append(rf"{_derivative(e.output, e.wrt)} &= {_sum(marked, e)} = {array(e.gradient)}")
    return rows


def _step(e: Explanation, line: Line, mark: str, before: Line | None) -> str:
    incoming = rf"{_derivative(e.output, before.target)}{mark}" if before is not None else "1"
    left = rf"{_derivative(e.output, line.target)}{mark}"
    rule = e.derivation.rule(line.step.source, line.step.position) if e.derivation is not None else None
    if rule is None or e.derivation is None:
        return rf"{left} &= \text{{{_plain(line.rule)}}} = {array(line.gradient)}"
    card = e.derivation.graph.by_id[line.step.source]
    names = {key: latex_name(text) for key, text in e.derivation.names(card).items()}
    names[G] = incoming
    formula = latex_of(without_guards(rule), names)
    return rf"{left} &= {formula} = {array(line.gradient)}"


def _plain(text: str) -> str:
    """Words within \\text: without what means something there."""
    return "".join(c if c.isalnum() or c in " .,:;-()" else " " for c in text)
