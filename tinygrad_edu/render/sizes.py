"""How large the drawing makes things, and with it which direction fits. Knows faces and text; must not know colours."""

from __future__ import annotations

import math
from collections.abc import Mapping

from tinygrad_edu.cards import Arrow
from tinygrad_edu.graph import Graph
from tinygrad_edu.render import style
from tinygrad_edu.render.arrangement import depths
from tinygrad_edu.render.expression import shorten
from tinygrad_edu.render.face import WORD_COLUMN, Face, face
from tinygrad_edu.render.geometry import Sizes
from tinygrad_edu.render.metrics import mono_width, sans_width
from tinygrad_edu.render.nesting import CARD_TIP
from tinygrad_edu.render.wording import box_text, broadcast_text, slope_text

PAD = 9.0  # of a card, left and right
HEAD_HEIGHT = 24.0  # of a card with more than its head
NUMBER_LINE, NUMBER_GAP, NOTE_LINE = 13.0, 3.0, 12.0
SHAPE_GAP = 14.0
LONGEST_BOX = 60  # characters of the text on a box
CHIP, CHIP_HEIGHT = "chip", 15.0  # a short text on a ground of its own, on an arrow

FEW_RANKS = 7  # fewer than these stand side by side, if they are not wider than a notebook
NOTEBOOK = 1100.0  # as wide as a notebook shows with little shrinking


def whole(length: float) -> float:
    """Whole pixels add up without rounding, and take fewer bytes."""
    return float(math.ceil(length))


def head_width(texts: Face) -> float:
    """The width of a card's head, without the shape."""
    made = texts.made if texts.made.startswith(" = ") else f"  {texts.made}"
    size = style.EXPRESSION_SIZE if made is texts.made else style.SMALL_SIZE
    return sans_width(texts.name, style.NAME_SIZE, bold=True) + sans_width(made, size)


def card_size(texts: Face) -> tuple[float, float]:
    """The width and the height of a card with these texts."""
    shape = SHAPE_GAP + mono_width(texts.shape, style.SMALL_SIZE) if texts.shape else 0.0
    widths = [head_width(texts) + shape]
    widths += [sans_width(note, style.SMALL_SIZE) for note in texts.notes]
    for numbers in texts.numbers:
        longest = max(map(len, numbers.lines), default=0)
        widths.append(mono_width(" " * (WORD_COLUMN + longest), style.NUMBER_SIZE))
    widths += [sans_width(text, style.SMALL_SIZE) for _, text in texts.last_lines]
    lines = (
        len(texts.notes) * NOTE_LINE
        + bool(texts.notes) * NUMBER_GAP
        + len(texts.last_lines) * NOTE_LINE
        + bool(texts.last_lines) * 3.0
    )
    lines += sum(len(numbers.lines) * NUMBER_LINE + NUMBER_GAP for numbers in texts.numbers)
    return 2.0 * math.ceil(max(widths) / 2 + PAD), whole(HEAD_HEIGHT + (lines + 4.0 if lines else 1.0))


def arrow_label(graph: Graph, arrow: Arrow) -> tuple[str, str] | None:
    """What stands on an arrow, if anything does: its class and its text."""
    if text := slope_text(graph, arrow):
        return "slope", shorten(text)
    if text := broadcast_text(graph, arrow):
        return "stretch", shorten(text)
    return None


def sizes_of(graph: Graph, faces: Mapping[str, Face], labels: Mapping[Arrow, tuple[str, str]]) -> Sizes:
    """What a layout of the graph has to know."""
    heads = {box.id: shorten(box_text(box), LONGEST_BOX) for box in graph.boxes}
    return Sizes(
        cards={id: card_size(texts) for id, texts in faces.items()},
        heads={id: whole(sans_width(text, style.EXPRESSION_SIZE)) for id, text in heads.items()},
        labels={arrow: _label_size(*label) for arrow, label in labels.items()},
    )


def _label_size(kind: str, text: str) -> tuple[float, float]:
    return (chip_width(text), CHIP_HEIGHT) if kind == CHIP else (whole(sans_width(text, style.ARROW_SIZE)), 12.0)


def chip_width(text: str) -> float:
    """The width of a chip with this text."""
    return whole(sans_width(text, style.ARROW_SIZE, bold=True)) + 12.0


def best_direction(graph: Graph, values: bool, saved: bool = False) -> str:
    """From left to right for a few ranks that fit side by side, else from top to bottom."""
    depth = depths(graph)
    if depth[graph.result.id] >= FEW_RANKS:
        return "TB"
    widest: dict[int, float] = {}
    for card in graph.cards:
        if card.computed or not depth[card.id]:
            width, _ = card_size(face(graph, card, values, saved))
            widest[depth[card.id]] = max(widest.get(depth[card.id], 0.0), width + CARD_TIP)
    on_arrows = [label for arrow in graph.arrows if (label := arrow_label(graph, arrow))] if graph.scalar else []
    longest = max((sans_width(text, style.ARROW_SIZE) for _, text in on_arrows), default=0.0)
    return "LR" if sum(widest.values()) + longest * len(widest) <= NOTEBOOK else "TB"
