"""The DOT drawing: the graph in Graphviz's language, the same bytes for the same graph."""

from __future__ import annotations

import html
from collections.abc import Iterator

from tinygrad_edu.cards import Arrow, Box, Card
from tinygrad_edu.graph import Graph
from tinygrad_edu.render import style
from tinygrad_edu.render.arrangement import beside, depths, spine
from tinygrad_edu.render.expression import shorten, whole_expression
from tinygrad_edu.render.face import WORD_COLUMN, Face, Numbers, face, parts
from tinygrad_edu.render.folding import levels
from tinygrad_edu.render.sizes import best_direction
from tinygrad_edu.render.style import LOOKS, MONO, SANS
from tinygrad_edu.render.wording import (
    box_text,
    broadcast_text,
    facts,
    legend,
    slope_text,
    unbroadcast_text,
)

SPACE = "&#160;"


def dot_source(
    graph: Graph, direction: str | None = None, values: bool = True, depth: int | None = None, saved: bool = False
) -> str:
    """The graph in the DOT language.

    direction   "TB" or "LR"; by default LR for a few ranks, TB for more
    values      whether cards show their numbers
    depth       the level down to which modules are open, for the line that says what is hidden
    saved       whether cards show the memory that the graph holds for them
    """
    body = "".join(f"  {line}\n" for line in dot_statements(graph, direction, values, depth, saved))
    return f"digraph {dot_name(graph)} {{\n{body}}}\n"


def dot_name(graph: Graph) -> str:
    """The name of the digraph: that of the result, if it is plain."""
    name = graph.result.name
    return quoted(name if name.isidentifier() else "picture")


def dot_statements(
    graph: Graph, direction: str | None, values: bool, depth: int | None, saved: bool = False
) -> list[str]:
    """The statements of the digraph, one to a line."""
    depth_of = depths(graph)
    straight = spine(graph, depth_of)
    places = beside(graph)
    direction = direction or best_direction(graph, values, saved)
    gaps = "nodesep=0.35, ranksep=0.7" if graph.scalar else "nodesep=0.3, ranksep=0.3"
    lines = [
        f'graph [rankdir={direction}, bgcolor="white", fontname="{SANS}", {gaps}, pad=0.15, '
        f"labelloc=t, labeljust=l, label={_title(graph, values, depth, saved)}];",
        f'node [shape=box, margin="0.06,0.04", fontname="{SANS}"];',
        f'edge [color="{style.LINE}", penwidth=1.4, arrowsize=0.7, fontname="{SANS}"];',
    ]
    level = levels(graph)
    inside: dict[str | None, list[str]] = {None: []}
    for card in graph.cards:
        box = card.box if card.box is None or level[card.box] else None
        place = inside.setdefault(box, [])
        place.append(_card(card, face(graph, card, values, saved), card.id in straight))
        if card.id in places:
            place.append(f"{{ rank=same; {card.id}; {places[card.id]}; }}")
    lines += inside[None]
    narrow = set(level) - {graph.by_id[id].box for id in places} if direction == "TB" else set()
    lines += _clusters(graph, level, inside, narrow)
    lines += [_arrow(graph, arrow) for arrow in graph.arrows]
    return lines


def _clusters(
    graph: Graph, level: dict[str, int], inside: dict[str | None, list[str]], narrow: set[str]
) -> Iterator[str]:
    """The boxes around their cards, inner boxes within outer ones. Of the narrow ones, an arrow enters the middle."""
    children: dict[str | None, list[Box]] = {}
    for box in graph.boxes:
        parent = box.parent if box.parent is None or level[box.parent] else None
        children.setdefault(parent if level[box.id] else "", []).append(box)
    pending: list[Box | str] = list(reversed(children.get(None, [])))
    while pending:
        item = pending.pop()
        if isinstance(item, str):
            yield item
            continue
        yield f"subgraph cluster_{item.id} {{ {_box_attributes(item, item.id in narrow)}"
        yield from (f"  {line}" for line in inside.get(item.id, []))
        pending.append("}")
        pending.extend(reversed(children.get(item.id, [])))


# --- statements ----------------------------------------------------------------------------------------------


def _card(card: Card, texts: Face, on_spine: bool) -> str:
    look = LOOKS[card.kind]
    pen = "rounded,filled,dashed" if look.dashed else "rounded,filled"
    return (
        f"{card.id} [label={_label(card, texts)}, "
        f'color="{look.pen}", fillcolor="{look.ground}", penwidth={look.pen_width}, style="{pen}", '
        f"tooltip={_tooltip(texts.tooltip)}{', group=spine' if on_spine else ''}];"
    )


def _arrow(graph: Graph, arrow: Arrow) -> str:
    source = graph.by_id[arrow.source]
    look = LOOKS[source.kind]
    attributes = [f"weight={look.weight}"]
    if look.pen != style.LINE:
        attributes.append(f'color="{look.pen}"')
    text, colour = slope_text(graph, arrow), style.GRADIENT
    stretched = broadcast_text(graph, arrow)
    if not text and stretched:
        text, colour = stretched, style.MUTED
    if text:
        attributes.append(f"label=<{SPACE}{_font(shorten(text), style.ARROW_SIZE, colour)}{SPACE}>")
    if stretched:
        attributes.append(f"tooltip={_tooltip(f'{stretched}; backward: {unbroadcast_text(graph, arrow)}')}")
    return f"{arrow.source} -> {arrow.target} [{', '.join(attributes)}];"


def _box_attributes(box: Box, narrow: bool) -> str:
    room = SPACE * 2 * len(box_text(box)) if narrow else ""  # keeps the label left of the arrow
    return (
        f'style="rounded,filled"; color="{style.BOX_PEN}"; fillcolor="{style.BOX_GROUND}"; penwidth=1; '
        f"labeljust=l; margin=10; tooltip={_tooltip(f'{box_text(box)}   {box.site}')}; "
        f"label=<{_font(box_text(box), style.EXPRESSION_SIZE, style.BOX_HEAD)}{room}>;"
    )


def quoted(text: str) -> str:
    """`text` as a string of the DOT language, in which nothing has a meaning of its own."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("&", "&amp;")
    return f'"{escaped}"'


def _tooltip(text: str) -> str:
    """`text` as a tooltip: Graphviz replaces \\N and its like there twice over (2.43 and 14.1 alike)."""
    return quoted(text.replace("\\", "\\\\"))


# --- labels --------------------------------------------------------------------------------------------------


def _font(text: str, size: float, colour: str, face: str = SANS, bold: bool = False) -> str:
    """`text` in Graphviz's HTML, with a no-break space for every space of a column of numbers."""
    escaped = html.escape(text, quote=False).replace("\\", r"\\")  # \N would be the name of the node
    if face == MONO:
        escaped = escaped.replace(" ", SPACE)
    escaped = f"<B>{escaped}</B>" if bold else escaped
    return f'<FONT FACE="{face}" POINT-SIZE="{size:g}" COLOR="{colour}">{escaped}</FONT>'


def _row(content: str) -> str:
    return f'<TR><TD ALIGN="LEFT" BALIGN="LEFT">{content}</TD></TR>'


def _title(graph: Graph, values: bool, depth: int | None, saved: bool) -> str:
    colours = {"text": style.MUTED, "value": style.INK, "grad": style.GRADIENT}
    sentence = "".join(
        _font(text, style.LEGEND_SIZE, colours[role], SANS if role == "text" else MONO)
        for role, text in legend(graph, values)
    )
    rows = [_font(whole_expression(graph), style.TITLE_SIZE, style.INK, bold=True), sentence]
    rows += [_font(line, style.LEGEND_SIZE, style.MUTED) for line in facts(graph, depth, saved)]
    return f'<<TABLE BORDER="0" CELLSPACING="0" CELLPADDING="3">{"".join(map(_row, rows))}</TABLE>>'


def _label(card: Card, texts: Face) -> str:
    details = [_row(_font(note, style.SMALL_SIZE, style.MUTED)) for note in texts.notes]
    details += [_numbers(numbers) for numbers in texts.numbers]
    for kind, text in texts.last_lines:
        details.append(_row(_font(text, style.SMALL_SIZE, style.GRADIENT if kind == "paths" else style.MUTED)))
    rows = [_row(_head(card, texts)), *(["<HR/>", *details] if details else [])]
    return f'<<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="2">{"".join(rows)}</TABLE>>'


def _head(card: Card, texts: Face) -> str:
    colour = LOOKS[card.kind].head
    name = _font(texts.name, style.NAME_SIZE, colour, bold=True)
    if card.computed:
        made = _font(texts.made, style.EXPRESSION_SIZE, colour)
    else:
        made = SPACE * 2 + _font(texts.made, style.SMALL_SIZE, colour)
    shape = SPACE * 3 + _font(texts.shape, style.SMALL_SIZE, style.MUTED, MONO) if texts.shape else ""
    return name + made + shape


def _numbers(numbers: Numbers) -> str:
    """An array in columns that stand below each other; a number that isn't finite in red."""
    grad = numbers.word == "grad"
    content = ""
    for i, line in enumerate(numbers.lines):
        word = f"{numbers.word if i == 0 else '':<{WORD_COLUMN}}"
        content += _font(word, style.NUMBER_SIZE, style.GRADIENT if grad else style.MUTED, MONO)
        for text, bad in parts(line):
            colour = style.BAD if bad else style.GRADIENT if grad else style.INK
            content += _font(text, style.NUMBER_SIZE, colour, MONO, bold=bad)
        content += '<BR ALIGN="LEFT"/>'
    return _row(content)
