"""Colours, fonts and pens of pictures, for all drawings alike. Every text has a contrast of at least 4.5 : 1."""

from __future__ import annotations

from dataclasses import dataclass

from tinygrad_edu.cards import Kind

SANS = "Helvetica,Arial,sans-serif"
MONO = "DejaVu Sans Mono,Menlo,Consolas,monospace"

INK = "#111827"
MUTED = "#5B6472"
GRADIENT = "#B3205F"
LINE = "#5B6675"

TITLE_SIZE, LEGEND_SIZE = 17.0, 11.0
NAME_SIZE, EXPRESSION_SIZE, NUMBER_SIZE, ARROW_SIZE, SMALL_SIZE = 12.5, 12.0, 10.0, 9.5, 9.0


@dataclass(frozen=True)
class Look:
    """How cards of one kind look: pen and ground, the colour of the head, and the arrows that leave them."""

    pen: str
    ground: str
    head: str
    pen_width: float = 1.2
    dashed: bool = False
    weight: int = 1


_GIVEN = Look("#7B8794", "#F3F5F7", "#3E4C59", dashed=True)
_PARAMETER = Look("#B7791F", "#FFF6DF", "#6B4408", pen_width=2.2)
_OPERATION = Look(LINE, "#FFFFFF", INK, weight=12)

LOOKS: dict[Kind, Look] = {
    "input": Look("#2B6CB0", "#EAF3FC", "#1A4571", pen_width=1.4, weight=4),
    "target": _GIVEN,
    "constant": _GIVEN,
    "parameter": _PARAMETER,
    "leaf": _PARAMETER,
    "operation": _OPERATION,
    "module": Look("#64748B", "#F6F8FA", INK, pen_width=1.6, weight=12),
    "result": Look("#6D3FC0", "#F1EAFD", "#47208F", pen_width=2.2, weight=12),
}

BOX_PEN, BOX_GROUND, BOX_HEAD = "#CBD5E1", "#F6F8FA", "#475569"
