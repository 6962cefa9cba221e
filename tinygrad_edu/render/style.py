"""Colours, fonts and pens of pictures, for all drawings alike. Every text has a contrast of at least 4.5 : 1."""

from __future__ import annotations

from dataclasses import dataclass

from tinygrad_edu.cards import Kind

SANS = "Helvetica,Arial,sans-serif"
MONO = "DejaVu Sans Mono,Menlo,Consolas,monospace"


@dataclass(frozen=True)
class Scheme:
    """The colours that don't depend on the kind of a card. `bad` is for numbers that are not finite."""

    page: str
    ink: str
    muted: str
    gradient: str
    line: str
    bad: str
    box_pen: str
    box_ground: str
    box_head: str


LIGHT = Scheme("#FFFFFF", "#111827", "#5B6472", "#B3205F", "#5B6675", "#C11515", "#CBD5E1", "#F6F8FA", "#475569")
DARK = Scheme("#0F141A", "#E6EBF1", "#9CA9B8", "#F58BB8", "#8493A5", "#FF8A80", "#364454", "#151C24", "#A9B6C5")
INK, MUTED, GRADIENT, LINE, BAD = LIGHT.ink, LIGHT.muted, LIGHT.gradient, LIGHT.line, LIGHT.bad

TITLE_SIZE, LEGEND_SIZE = 17.0, 11.0
NAME_SIZE, EXPRESSION_SIZE, NUMBER_SIZE, ARROW_SIZE, SMALL_SIZE = 12.5, 12.0, 10.0, 9.5, 9.0


@dataclass(frozen=True)
class Look:
    """How cards of one kind look: pen and ground, the colour of the head, and the arrows that leave them.

    `dark` is the pen, the ground and the head where the reader prefers a dark scheme.
    """

    pen: str
    ground: str
    head: str
    dark: tuple[str, str, str]
    pen_width: float = 1.2
    dashed: bool = False
    weight: int = 1


_GIVEN = Look("#7B8794", "#F3F5F7", "#3E4C59", ("#8592A1", "#1D242C", "#C3CDD8"), dashed=True)
_PARAMETER = Look("#B7791F", "#FFF6DF", "#6B4408", ("#D19A3C", "#2B2312", "#F0CE8B"), pen_width=2.2)
_OPERATION = Look(LINE, "#FFFFFF", INK, ("#8493A5", "#1A212A", "#E6EBF1"), weight=12)

LOOKS: dict[Kind, Look] = {
    "input": Look("#2B6CB0", "#EAF3FC", "#1A4571", ("#5B9BDB", "#132436", "#A8CEF4"), pen_width=1.4, weight=4),
    "target": _GIVEN,
    "constant": _GIVEN,
    "parameter": _PARAMETER,
    "leaf": _PARAMETER,
    "operation": _OPERATION,
    "module": Look("#64748B", "#F6F8FA", INK, ("#8496AD", "#1F2833", "#E6EBF1"), pen_width=1.6, weight=12),
    "result": Look("#6D3FC0", "#F1EAFD", "#47208F", ("#A283EA", "#241B39", "#D4C4FB"), pen_width=2.2, weight=12),
}

BOX_PEN, BOX_GROUND, BOX_HEAD = LIGHT.box_pen, LIGHT.box_ground, LIGHT.box_head
