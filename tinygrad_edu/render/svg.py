"""The SVG drawing, laid out and written in Python: the same bytes for the same graph on every machine.

A script or a style sheet finds everything by ids and classes, which do not change:

    .boxes > g   id="b1"        a box; inner boxes come after outer ones
    .arrows > g  id="n1-n3-0"   from card n1 to operand 0 of card n3, class = the kind of n1; in it two paths, the line
                                and the tip, and text.slope or text.stretch where something stands on it
    .cards > g   id="n3"        a card, class = its kind; in it a text without a class, which is its head, and
                                text.shape .note .value .grad .paths

The kind `operation` is not written: most cards are of it, and 500 of them shall fit into 250 kB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tinygrad_edu.cards import Arrow, Box, Card, Kind
from tinygrad_edu.graph import Graph
from tinygrad_edu.render import style
from tinygrad_edu.render.expression import shorten, whole_expression
from tinygrad_edu.render.face import WORD_COLUMN, Face, Numbers, face, parts
from tinygrad_edu.render.folding import levels
from tinygrad_edu.render.geometry import Layout, Point, Rect, Route
from tinygrad_edu.render.layout import lay_out
from tinygrad_edu.render.markup import escape, length, sized_text
from tinygrad_edu.render.metrics import mono_width, sans_width, wrapped
from tinygrad_edu.render.sheet import CSS
from tinygrad_edu.render.sizes import (
    HEAD_HEIGHT,
    LONGEST_BOX,
    NOTE_LINE,
    NUMBER_GAP,
    NUMBER_LINE,
    PAD,
    arrow_label,
    best_direction,
    head_width,
    sizes_of,
    whole,
)
from tinygrad_edu.render.wording import box_text, facts, legend, unbroadcast_text

MARGIN = 16.0
HEAD_LINE = 17.0  # where the text of a card's head stands
TIP_LENGTH, TIP_WIDTH = 8.0, 8.0
NARROWEST_TITLE = 720.0  # the width that titles and legends may take beside a narrow picture
MANY_CARDS = 200  # above, cards have tooltips only where their head is cut


@dataclass(frozen=True)
class Drawing:
    """What a graph's SVG is made of: the layout of its cards, what stands on them, and where the cards begin."""

    layout: Layout
    faces: Mapping[str, Face]
    labels: dict[Arrow, tuple[str, str]]  # class and text of what stands on arrows


def drawing(graph: Graph, direction: str | None = None, values: bool = True, saved: bool = False) -> Drawing:
    """Lay `graph` out: "TB", "LR", or by default whichever fits; `values` and `saved` as for `face`."""
    direction = direction or best_direction(graph, values, saved)
    faces = {card.id: face(graph, card, values, saved) for card in graph.cards}
    labels = {arrow: label for arrow in graph.arrows if (label := arrow_label(graph, arrow))}
    return Drawing(lay_out(graph, sizes_of(graph, faces, labels), direction), faces, labels)


def svg_source(graph: Graph, direction: str | None = None, values: bool = True, depth: int | None = None) -> str:
    """The graph as SVG.

    direction   "TB" or "LR"; by default LR for a few ranks, TB for more
    values      whether cards show their numbers
    depth       the level down to which modules are open, for the line that says what is hidden
    """
    return svg_of(graph, drawing(graph, direction, values), title_lines(graph, values, depth))


def svg_of(graph: Graph, drawn: Drawing, title: list[list[tuple[str, str]]]) -> str:
    """The SVG of what `drawing` laid out, under the lines of `title` (which may be empty)."""
    layout = drawn.layout
    lines = list(_wrap(title, max(layout.width, NARROWEST_TITLE)))
    head = sum(height for _, height in lines) + (10.0 if lines else 0.0)
    widths = [_title_width(line) for line, _ in lines]
    width, height = whole(max([layout.width, *widths])) + 2 * MARGIN, layout.height + head + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tg" width="{length(width)}" height="{length(height)}" '
        f'viewBox="0 0 {length(width)} {length(height)}" role="img" aria-label="{escape(whole_expression(graph))}" '
        f'xml:space="preserve" style="max-width:100%;height:auto"><style>{CSS}</style>',
        f'<rect class="page" width="{length(width)}" height="{length(height)}"/>',
    ]
    y = MARGIN
    for line, line_height in lines:
        y += line_height
        out.append(_title_line(line, y - 5.0))
    left = MARGIN + (width - 2 * MARGIN - layout.width) // 2 if layout.direction == "TB" else MARGIN
    out.append(f'<g transform="translate({length(left)} {length(MARGIN + head)})">')
    tooltips = len(graph.cards) <= MANY_CARDS
    out += ['<g class="boxes">', *_boxes(graph, layout, tooltips), '</g><g class="arrows">']
    out += [_arrow(graph, arrow, route, drawn.labels.get(arrow)) for arrow, route in layout.routes.items()]
    out.append('</g><g class="cards">')
    out += [_card(card, drawn.faces[card.id], layout.cards[card.id], tooltips) for card in graph.cards]
    out.append("</g></g></svg>\n")
    return "\n".join(out)


# --- text --------------------------------------------------------------------------------------------------------


def _class(kind: Kind) -> str:
    return "" if kind == "operation" else f' class="{kind}"'


# --- title ---------------------------------------------------------------------------------------------------

Words = list[tuple[str, str]]  # (role, text)


def title_lines(graph: Graph, values: bool, depth: int | None, saved: bool = False) -> list[Words]:
    """What stands above a picture: its expression, how to read it, and facts about it."""
    return [
        [("title", whole_expression(graph))],
        legend(graph, values),
        *([("text", line)] for line in facts(graph, depth, saved)),
    ]


def _wrap(title: list[Words], width: float) -> Iterator[tuple[Words, float]]:
    """The lines and their heights, broken so that they are no wider than `width`."""
    for line in title:
        if line[0][0] == "title":
            for text in wrapped(line[0][1], style.TITLE_SIZE, width * 0.95):
                yield [("title", text)], 23.0
            continue
        broken: Words = []
        for role, text in line:
            for i, word in enumerate(text.split(" ")):
                piece = f" {word}" if i else word
                if broken and i and _title_width([*broken, (role, piece)]) > width:
                    yield broken, 17.0
                    broken, piece = [], word
                if broken and broken[-1][0] == role:
                    broken[-1] = (role, broken[-1][1] + piece)
                else:
                    broken.append((role, piece))
        yield broken, 17.0


def _title_width(line: Words) -> float:
    size = {"title": style.TITLE_SIZE}.get(line[0][0], style.LEGEND_SIZE) if line else 0.0
    return sum(
        mono_width(text, size) if role in ("value", "grad") else sans_width(text, size, bold=role == "title")
        for role, text in line
    )


def _title_line(line: Words, y: float) -> str:
    if line and line[0][0] == "title":
        return sized_text(MARGIN, y, "title", _title_width(line), escape(line[0][1]))
    content = "".join(
        escape(text) if role == "text" else f'<tspan class="{role}">{escape(text)}</tspan>' for role, text in line
    )
    return sized_text(MARGIN, y, "legend", _title_width(line), content)


# --- cards ---------------------------------------------------------------------------------------------------


def _card(card: Card, texts: Face, rect: Rect, tooltip: bool) -> str:
    out = [f'<g id="{card.id}"{_class(card.kind)} transform="translate({length(rect.x)} {length(rect.y)})">']
    if tooltip or texts.cut:
        out.append(f"<title>{escape(texts.tooltip)}</title>")
    out.append(f'<rect width="{length(rect.width)}" height="{length(rect.height)}" rx="8"/>')
    made = escape(texts.made) if texts.made.startswith(" = ") else f"<tspan>  {escape(texts.made)}</tspan>"
    content = f"<tspan>{escape(texts.name)}</tspan>{made}"
    out.append(sized_text(PAD, HEAD_LINE, "", head_width(texts), content))
    if texts.shape:
        out.append(f'<text class="shape" x="{length(rect.width - PAD)}" y="{length(HEAD_LINE)}">{texts.shape}</text>')
    if texts.notes or texts.numbers or texts.last_lines:
        out.append(f'<path d="M5 {length(HEAD_HEIGHT)}H{length(rect.width - 5)}"/>')
    y = HEAD_HEIGHT + 1.0
    for note in texts.notes:
        y += NOTE_LINE
        out.append(sized_text(PAD, y - 1.0, "note", sans_width(note, style.SMALL_SIZE), escape(note)))
    y += NUMBER_GAP if texts.notes else 0.0
    for numbers in texts.numbers:
        y += NUMBER_GAP
        out.append(_numbers(numbers, y + 9.0))
        y += NUMBER_LINE * len(numbers.lines)
    for kind, text in texts.last_lines:
        y += NOTE_LINE
        out.append(sized_text(PAD, y, kind, sans_width(text, style.SMALL_SIZE), escape(text)))
    return "".join([*out, "</g>"])


def _numbers(numbers: Numbers, y: float) -> str:
    """An array in lines that stand below each other; a number that isn't finite in red."""
    lines = []
    for i, line in enumerate(numbers.lines):
        content = "".join(f'<tspan class="bad">{text}</tspan>' if bad else text for text, bad in parts(line))
        if i == 0:
            word = f"{numbers.word:<{WORD_COLUMN}}"
            lines.append(f"<tspan>{word}</tspan>{content}" if numbers.word == "value" else f"{word}{content}")
        else:
            lines.append(f'<tspan x="{length(PAD)}" dy="{length(NUMBER_LINE)}">{" " * WORD_COLUMN}{content}</tspan>')
    return f'<text class="{numbers.word}" x="{length(PAD)}" y="{length(y)}">{"".join(lines)}</text>'


# --- boxes and arrows ----------------------------------------------------------------------------------------


def _boxes(graph: Graph, layout: Layout, tooltips: bool) -> Iterator[str]:
    level = levels(graph)
    for box in graph.boxes:
        if not level[box.id]:
            continue
        rect, (x, y) = layout.boxes[box.id], layout.heads[box.id]
        text, width = _box_head(box)
        tooltip = f"<title>{escape(f'{box_text(box)}   {box.site}')}</title>" if tooltips or "…" in text else ""
        yield (
            f'<g id="{box.id}">{tooltip}'
            f'<rect x="{length(rect.x)}" y="{length(rect.y)}" width="{length(rect.width)}" '
            f'height="{length(rect.height)}" rx="9"/>'
            f"{sized_text(x, y + 16.0, '', width, escape(text))}</g>"
        )


def _box_head(box: Box) -> tuple[str, float]:
    """What stands on a box, and how wide that is."""
    text = shorten(box_text(box), LONGEST_BOX)
    return text, sans_width(text, style.EXPRESSION_SIZE)


def _arrow(graph: Graph, arrow: Arrow, route: Route, label: tuple[str, str] | None) -> str:
    kind = graph.by_id[arrow.source].kind
    out = [f'<g id="{arrow.source}-{arrow.target}-{arrow.position}"{_class(kind)}>']
    if label and label[0] == "stretch":
        out.append(f"<title>{escape(f'{label[1]}; backward: {unbroadcast_text(graph, arrow)}')}</title>")
    line, tip = route_paths(route)
    out.append(f'<path d="{line}"/><path d="{tip}"/>')
    if label and route.label:
        width = sans_width(label[1], style.ARROW_SIZE)
        out.append(sized_text(route.label[0], route.label[1] + 10.0, label[0], width, escape(label[1])))
    return "".join([*out, "</g>"])


def route_paths(route: Route) -> tuple[str, str]:
    """The line of a route and the head of its arrow, as the `d` of two SVG paths."""
    points = route.points
    (x, y), (before_x, before_y) = points[-1], points[-2]
    back = -1.0 if (x >= before_x if route.horizontal else y >= before_y) else 1.0
    to_neck, half, whole = length(back * TIP_LENGTH), length(-TIP_WIDTH / 2), length(TIP_WIDTH)
    if route.horizontal:
        neck: Point = (x + back * TIP_LENGTH, y)
        tip = f"M{length(x)} {length(y)}l{to_neck}{half}v{whole}z"
    else:
        neck = (x, y + back * TIP_LENGTH)
        tip = f"M{length(x)} {length(y)}l{half} {to_neck}h{whole}z"
    return _line([*points[:-1], neck], route.horizontal), tip


def _line(points: list[Point], horizontal: bool) -> str:
    (x, y), *rest = points
    line = f"M{length(x)} {length(y)}"
    for to_x, to_y in rest:
        if abs(to_x - x) < 0.05:
            line += f"V{length(to_y)}"
        elif abs(to_y - y) < 0.05:
            line += f"H{length(to_x)}"
        elif horizontal:
            bend = (to_x - x) * _bend(abs(to_x - x), abs(to_y - y))
            line += (
                f"C{length(x + bend)} {length(y)} {length(to_x - bend)} {length(to_y)} {length(to_x)} {length(to_y)}"
            )
        else:
            bend = (to_y - y) * _bend(abs(to_y - y), abs(to_x - x))
            line += (
                f"C{length(x)} {length(y + bend)} {length(to_x)} {length(to_y - bend)} {length(to_x)} {length(to_y)}"
            )
        x, y = to_x, to_y
    return line


def _bend(along: float, across: float) -> float:
    """How far a curve keeps its direction at its ends: the longer, the more it shifts."""
    return min(0.5 + 0.1 * across / max(along, 1.0), 0.9)
