"""The text drawing: one row per card, in order of execution. Works in every terminal and needs nothing."""

from __future__ import annotations

import unicodedata

from tinygrad_edu.cards import Card
from tinygrad_edu.graph import Graph
from tinygrad_edu.numbers import one_line
from tinygrad_edu.render.expression import expression, shorten, whole_expression
from tinygrad_edu.render.folding import levels
from tinygrad_edu.render.wording import box_text, bytes_text, facts, parameters, shape_text

INDENT = "  "


def text_table(graph: Graph, values: bool = True, depth: int | None = None, saved: bool = False) -> str:
    """The graph as a table: name, expression, shape, value and gradient of every card, under its modules.

    graph    what to show
    values   whether to show numbers
    depth    the level down to which modules are open, for the line that says what is hidden
    saved    whether to show the memory that the graph holds for each card
    """
    rows = table_rows(graph, values, saved)
    lines = [f"{INDENT * row[0]}[{row[1]}]" if isinstance(row, tuple) else row for row in rows]
    return "\n".join([whole_expression(graph), *facts(graph, depth, saved), "", *_layout(lines)])


def table_rows(graph: Graph, values: bool, saved: bool) -> list[list[str] | tuple[int, str]]:
    """The heading, then the cells of every card in order of execution; before those of a module how deep it is and
    what it is."""
    heading = ["name", "computed by", "shape", *(["value"] if values else [])]
    heading += ["grad"] if graph.differentiated else []
    heading += ["saved"] if saved else []
    level = levels(graph)
    rows: list[list[str] | tuple[int, str]] = [heading]
    open_boxes: list[str] = []
    for card in graph.cards:
        around = _boxes_around(graph, card, level)
        if card.computed or around:
            rows += [
                (place, box_text(graph.box_by_id[box]))
                for place, box in enumerate(around)
                if around[: place + 1] != open_boxes[: place + 1]
            ]
            open_boxes = around
        rows.append(_cells(graph, card, INDENT * len(around), values, saved))
    return rows


def _boxes_around(graph: Graph, card: Card, level: dict[str, int]) -> list[str]:
    """The drawn boxes around a card, the outermost first."""
    around = []
    box = card.box
    while box is not None:
        if level[box]:
            around.append(box)
        box = graph.box_by_id[box].parent
    return around[::-1]


def _cells(graph: Graph, card: Card, indent: str, values: bool, saved: bool) -> list[str]:
    made = f"= {shorten(expression(graph, card))}" if card.computed else card.kind
    if card.nodes_inside:
        inside = parameters(card.parameters_inside) if card.parameters_inside else ""
        made = ": ".join(filter(None, [made, ", ".join(filter(None, [card.note, inside]))]))
    cells = [indent + shorten(card.name), made, shape_text(card.shape)]
    if values:
        cells.append(one_line(card.value))
    if graph.differentiated:
        cells.append(one_line(card.grad) if card.grad is not None else "")
    if saved:
        cells.append(bytes_text(card.bytes_held))
    return cells


def _layout(rows: list[list[str] | str]) -> list[str]:
    """Rows of cells in columns; a row that is one text stands alone."""
    tables = [row for row in rows if isinstance(row, list)]
    widths = [max(display_width(row[column]) for row in tables) for column in range(len(tables[0]))]
    lines = []
    for row in rows:
        if isinstance(row, str):
            lines.append(row)
            continue
        padded = [cell + " " * (width - display_width(cell)) for cell, width in zip(row, widths)]
        lines.append("  ".join(padded).rstrip())
    return lines


def display_width(text: str) -> int:
    """How many columns of a terminal the text takes: Chinese characters take two, combining marks none.

    >>> display_width("损失"), display_width("loss")
    (4, 4)
    """
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 0 if unicodedata.combining(c) else 1 for c in text)
