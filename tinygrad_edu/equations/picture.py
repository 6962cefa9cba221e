"""The four equations drawn: every array as a table of numbers, or of colours where there are many.

Blue is positive, red negative. For one sample the tables are the whole computation; of several the first is drawn.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_edu.equations.four import SHOWN, TITLES, Equation
from tinygrad_edu.equations.text import averaged, difference, heading, notes, verdict
from tinygrad_edu.numbers import number_texts
from tinygrad_edu.render import style
from tinygrad_edu.render.metrics import mono_width, sans_width, wrapped
from tinygrad_edu.render.style import DARK, LIGHT, MONO, SANS, Scheme

if TYPE_CHECKING:
    from tinygrad_edu.equations.four import FourEquations

MARGIN = 18.0
MOST_NUMBERS = 6  # rows and columns of a table that is written in numbers
CELL_HEIGHT, CELL_PAD = 19.0, 6.0
MOST_COLOURS = 64  # rows and columns of a table of colours; more are put together
LARGEST = 150.0  # the longer side of a table of colours, in pixels
NAME_HEIGHT, SHAPE_HEIGHT = 17.0, 13.0
ROW_GAP, PART_GAP = 22.0, 9.0
NUMBER_WIDTH = 46.0  # of BP1 … BP4 at the left
WIDEST_TEXT = 860.0
BLUE, RED = "#2B6CB0", "#C0392B"
LEVELS = 12  # shades of a colour
STRONGEST = 0.62  # opacity of the largest number: ink on it is still readable


@dataclass(frozen=True)
class _Block:
    """Something in an equation: its size and its SVG, drawn from (0, 0)."""

    width: float
    height: float
    content: str


def page(report: FourEquations) -> str:
    """The picture as a page of its own, which asks for nothing."""
    title = escape(f"The four equations: {report.network}")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{title}</title><style>body{{margin:0;overflow-x:auto;background:{LIGHT.page}}}"
        f"@media(prefers-color-scheme:dark){{body{{background:{DARK.page}}}}}</style></head>\n"
        f"<body>{svg(report)}</body></html>\n"
    )


def svg(report: FourEquations) -> str:
    """The picture as SVG."""
    out: list[str] = []
    y = MARGIN + 14
    out.append(_text(MARGIN, y, f"The four equations of backpropagation: {report.network}", "title"))
    legend = [
        f"{TITLES[SHOWN]}{averaged(report)}. Blue is positive, red negative, each table by its own largest number.",
    ]
    if report.samples > 1:
        legend.append(f"Columns are those of the first sample of {report.samples:,}; ∂C/∂b and ∂C/∂w are averages.")
    for line in legend:
        y += 18
        out.append(_text(MARGIN, y, line, "legend"))
    width, y, layer = WIDEST_TEXT, y + 12, 0
    for equation in report.equations[SHOWN]:
        if equation.layer != layer:
            layer = equation.layer
            y += 20
            out.append(_text(MARGIN, y, heading(report, layer), "head"))
            y += 10
        row = _row(report, equation)
        out.append(f'<g class="equation" transform="translate({MARGIN:g} {y:.1f})">{row.content}</g>')
        width, y = max(width, row.width), y + row.height + ROW_GAP
    for paragraph in ("\n".join(verdict(report)), "\n".join(notes(report))):
        y += 4
        for line in wrapped(" ".join(paragraph.split()), style.LEGEND_SIZE, WIDEST_TEXT):
            y += 16
            out.append(_text(MARGIN, y, line, "legend"))
    width, height = math.ceil(width + 2 * MARGIN), math.ceil(y + MARGIN)
    label = escape(f"The four equations of backpropagation for {report.network}", quote=True)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="four" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" aria-label="{label}" xml:space="preserve"><style>{CSS}</style>'
        f'<rect class="page" width="{width}" height="{height}"/>\n' + "\n".join(out) + "</svg>\n"
    )


# --- one equation --------------------------------------------------------------------------------------------


def _row(report: FourEquations, equation: Equation) -> _Block:
    """`δ² [ ] = [ ] ⊙ [ ]` and what the engine says."""
    result = equation.by_formula[:, :1] if equation.left.startswith("δ") else equation.by_formula
    mean = report.samples > 1 and equation.number in ("BP3", "BP4")
    parts = [_table(name, array) for name, array in equation.parts]
    blocks = [_table(equation.left, result), _sign("="), *([_sign("mean of")] if mean else [])]
    if equation.number == "BP1":
        blocks += [parts[0], _sign("⊙"), parts[1]]
    elif equation.number == "BP2":
        blocks += [_sign("("), parts[0], parts[1], _sign(")"), _sign("⊙"), parts[2]]
    else:
        blocks += parts
    blocks += [_sign(", …")] if mean else []
    blocks.append(_said(equation))
    height = max(block.height for block in blocks)
    out = [_text(0, height / 2 + 5, equation.number, "number")]
    x = NUMBER_WIDTH
    for block in blocks:
        out.append(f'<g transform="translate({x:.1f} {(height - block.height) / 2:.1f})">{block.content}</g>')
        x += block.width + PART_GAP
    return _Block(x, height, "".join(out))


def _sign(text: str) -> _Block:
    width = sans_width(text, 15)
    return _Block(width, 20.0, _text(0, 15, text, "sign"))


def _said(equation: Equation) -> _Block:
    """The formula in letters, and the difference to the engine."""
    lines = [(f"{equation.left} = {equation.right}", "formula"), (f"engine: difference {difference(equation)}", "same")]
    size = style.LEGEND_SIZE
    width = max(sans_width(text, size) for text, _ in lines) + 14
    return _Block(width, 34.0, "".join(_text(14, 14 + 16 * i, text, kind) for i, (text, kind) in enumerate(lines)))


def _table(name: str, array: np.ndarray) -> _Block:
    """An array under its name, over its shape, in brackets."""
    rows, columns = array.shape
    written = rows <= MOST_NUMBERS and columns <= MOST_NUMBERS
    cells, width, height = _numbers(array) if written else _colours(array)
    shape = f"{rows} × {columns}"
    whole = max(width + 8, sans_width(name, style.EXPRESSION_SIZE), mono_width(shape, style.SMALL_SIZE))
    x = (whole - width) / 2
    top, bottom = NAME_HEIGHT, NAME_HEIGHT + height
    brackets = "".join(
        f"M{a + 3 * s:.1f} {top:g}H{a:.1f}V{bottom:g}h{3 * s}" for a, s in ((x - 4, 1), (x + width + 4, -1))
    )
    content = (
        _text(whole / 2, 11, name, "name")
        + f'<path d="{brackets}"/><g transform="translate({x:.1f} {top:g})">{cells}</g>'
        + _text(whole / 2, bottom + 11, shape, "shape")
    )
    return _Block(whole, bottom + SHAPE_HEIGHT + 2, content)


def _numbers(array: np.ndarray) -> tuple[str, float, float]:
    """The numbers themselves."""
    rows, columns = array.shape
    texts = [text.replace("-", "−") for text in number_texts(array)]
    width = mono_width("0" * max(map(len, texts), default=1), style.NUMBER_SIZE) + 2 * CELL_PAD
    out = []
    for place, (text, strength) in enumerate(zip(texts, _strengths(array).ravel())):
        x, y = place % columns * width, place // columns * CELL_HEIGHT
        out.append(_cell(x, y, width, CELL_HEIGHT, strength) + _text(x + width - CELL_PAD, y + 13, text, "value"))
    return "".join(out), columns * width, rows * CELL_HEIGHT


def _colours(array: np.ndarray) -> tuple[str, float, float]:
    """Colours alone: many rows or columns are put together, each group by its number of largest size."""
    small = _grouped(_grouped(array, 0), 1)
    rows, columns = small.shape
    width, height = (max(least, min(9.0, LARGEST // side)) for least, side in ((2.0, columns), (4.0, rows)))
    levels = np.rint(_strengths(small) * LEVELS).astype(int)
    out = []
    for level in np.unique(levels[levels != 0]):  # one path for all cells of a shade: a tenth of the bytes
        cell = f"h{width:g}v{height:g}h-{width:g}z"
        cells = "".join(f"M{c * width:g} {r * height:g}{cell}" for r, c in np.argwhere(levels == level))
        kind = "plus" if level > 0 else "minus"
        out.append(f'<path class="{kind}" fill-opacity="{abs(level) / LEVELS * STRONGEST:.2f}" d="{cells}"/>')
    return "".join(out), columns * width, rows * height


def _grouped(array: np.ndarray, axis: int) -> np.ndarray:
    if array.shape[axis] <= MOST_COLOURS:
        return array
    groups = np.array_split(array, MOST_COLOURS, axis=axis)
    largest = [np.take_along_axis(g, np.abs(g).argmax(axis=axis, keepdims=True), axis=axis) for g in groups]
    return np.concatenate(largest, axis=axis)


def _strengths(array: np.ndarray) -> np.ndarray:
    """Each number as a share of the largest, with its sign; 0 for what isn't finite."""
    finite = np.where(np.isfinite(array), array, 0.0)
    largest = float(np.max(np.abs(finite), initial=0.0))
    return np.asarray(finite / largest if largest else finite)


def _cell(x: float, y: float, width: float, height: float, strength: float) -> str:
    kind = "plus" if strength > 0 else "minus"
    opacity = f"{abs(strength) * STRONGEST:.2f}"
    return (
        f'<rect class="{kind}" x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" '
        f'fill-opacity="{opacity}"/>'
    )


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(text, quote=False)}</text>'


# --- style ---------------------------------------------------------------------------------------------------


def _colour_rules(scheme: Scheme) -> str:
    return (
        f".four .page{{fill:{scheme.page}}}.four text{{fill:{scheme.ink}}}.four path{{stroke:{scheme.line}}}"
        f".four .legend,.four .shape,.four .head{{fill:{scheme.muted}}}"
        f".four .number,.four .same{{fill:{scheme.gradient}}}"
    )


CSS = (
    f".four text{{font-family:{SANS};font-size:{style.EXPRESSION_SIZE:g}px;white-space:pre}}"
    f".four .title{{font-size:{style.TITLE_SIZE:g}px;font-weight:bold}}.four .number{{font-weight:bold}}"
    f".four .legend,.four .formula,.four .same{{font-size:{style.LEGEND_SIZE:g}px}}.four .sign{{font-size:15px}}"
    f".four .name,.four .shape{{text-anchor:middle}}.four .shape{{font:{style.SMALL_SIZE:g}px {MONO}}}"
    f".four .value{{font:{style.NUMBER_SIZE:g}px {MONO};text-anchor:end}}.four path{{fill:none;stroke-width:1.2}}"
    f".four .plus{{fill:{BLUE};stroke:none}}.four .minus{{fill:{RED};stroke:none}}{_colour_rules(LIGHT)}"
    f"@media(prefers-color-scheme:dark){{{_colour_rules(DARK)}.four .plus{{fill:#5B9BDB}}.four .minus{{fill:#E5736A}}}}"
)
