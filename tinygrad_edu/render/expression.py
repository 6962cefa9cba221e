"""What computes a card, as the line of code a learner would write: `a1 @ W2`, `t3²`, `sum(t2, axis=0)`.

The notation comes from the op's own formula where that is an operator, and is a call otherwise. Knows graphs;
must not know how a picture is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tinygrad_edu.cards import Card
from tinygrad_edu.graph import Graph
from tinygrad_edu.render.folding import close
from tinygrad_edu.render.numbers import number_text

LONGEST = 34  # characters of an expression on a card
LONGEST_TITLE = 72

SUM, PRODUCT, PREFIX, POWER, SUFFIX, ATOM = range(6)  # how tightly a piece holds together
BINDING = {"+": SUM, "−": SUM, "·": PRODUCT, "/": PRODUCT, "@": PRODUCT, "**": POWER}

_INFIX = re.compile(r"x (\S+|and|or) y")
_PREFIX = re.compile(r"([−+])x")
_SUFFIX = re.compile(r"x([²ᵀ])")


@dataclass(frozen=True)
class Piece:
    """Text of an expression, and how tightly it holds together."""

    text: str
    binding: int = ATOM

    def within(self, binding: int) -> str:
        """The text as part of an expression that binds so tightly: in parentheses if need be."""
        return f"({self.text})" if self.binding < binding else self.text


def expression(graph: Graph, card: Card) -> str:
    """What computes `card`, in the names of its operands; empty for a given value."""
    if not card.computed:
        return ""
    pieces = [Piece(graph.by_id[o].name) if isinstance(o, str) else _number(o) for o in card.operands]
    return compose(card, pieces).text


def line_of_code(graph: Graph, card: Card) -> str:
    """`name = expression`, or the name of a given value and what it is."""
    return f"{card.name} = {expression(graph, card)}" if card.computed else f"{card.name} ({card.kind})"


def _number(value: complex) -> Piece:
    """A number of the program's text: as it was written if that is short."""
    text = repr(value).removesuffix(".0").replace("-", "\N{MINUS SIGN}")
    text = text if len(text) <= 8 else number_text(value)
    return Piece(text, PREFIX if text.startswith("\N{MINUS SIGN}") else ATOM)


def compose(card: Card, operands: Sequence[Piece]) -> Piece:
    """The expression of `card` on the given operands."""
    if not card.params and len(operands) == 2 and (match := _INFIX.fullmatch(card.formula)):
        return _infix(match[1], *operands)
    if not card.params and len(operands) == 1:
        (x,) = operands
        if match := _PREFIX.fullmatch(card.formula):
            return Piece(match[1] + x.within(POWER), PREFIX)
        if match := _SUFFIX.fullmatch(card.formula):
            return Piece(x.within(ATOM) + match[1], SUFFIX)
        if card.formula == "|x|":
            return Piece(f"|{x.text}|")
    if card.op in ("getitem", "setitem"):
        return _indexed(card, operands)
    arguments = [x.text for x in operands]
    arguments += [p.text if p.required else f"{p.name}={p.text}" for p in card.params]
    return Piece(f"{card.op}({', '.join(arguments)})")


def _infix(sign: str, x: Piece, y: Piece) -> Piece:
    if sign not in BINDING:
        sign = "==" if sign == "=" else sign
        return Piece(f"{x.within(ATOM)} {sign} {y.within(ATOM)}", SUM - 1)
    binding = BINDING[sign]
    left = x.within(ATOM if sign == "**" else binding)
    right = y.within(PREFIX + 1 if y.binding == PREFIX else binding + 1)
    return Piece(f"{left} {sign} {right}", binding)


def _indexed(card: Card, operands: Sequence[Piece]) -> Piece:
    index = next(p.text for p in card.params if p.name == "index")
    if card.op == "getitem":
        return Piece(f"{operands[0].within(ATOM)}[{index}]")
    return Piece(f"{operands[0].text} with [{index}] = {operands[1].text}", SUM - 1)


def shorten(text: str, longest: int = LONGEST) -> str:
    """`text` with its middle cut out if it is too long.

    >>> shorten("concatenate(a, b, c, d)", 13)
    'concat… c, d)'
    """
    if len(text) <= longest:
        return text
    end = (longest - 1) // 2
    return f"{text[: longest - 1 - end]}…{text[len(text) - end :]}"


# --- the whole computation on one line -----------------------------------------------------------------------


def whole_expression(graph: Graph) -> str:
    """`loss = mse_loss(mlp(x), y)`: everything on one line if that is short, else the last step."""
    outermost = {box.id for box in graph.boxes if box.parent is None}
    closed = close(graph, outermost) if outermost else graph
    pieces: dict[str, Piece | None] = {}
    for card in closed.cards:
        parts = [pieces[o] if isinstance(o, str) else _number(o) for o in card.operands]
        called_once = not card.nodes_inside or len(closed.arrows_from[card.id]) <= 1
        pieces[card.id] = _short(card, parts) if card.computed and called_once else Piece(card.name)
    whole = pieces[closed.result.id]
    if not closed.result.computed:
        return graph.result.name
    return f"{closed.result.name} = {whole.text if whole else shorten(expression(graph, graph.result))}"


def _short(card: Card, parts: Sequence[Piece | None]) -> Piece | None:
    """The expression of `card` on whole expressions, or None where that gets too long."""
    present = [part for part in parts if part is not None]
    if len(present) < len(parts) or sum(len(part.text) for part in present) > LONGEST_TITLE:
        return None
    piece = compose(card, present)
    return piece if len(piece.text) <= LONGEST_TITLE else None
