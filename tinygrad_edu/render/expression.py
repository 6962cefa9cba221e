"""What computes a card, as the line of code a learner would write: `a1 @ W2`, `t3²`, `sum(t2, axis=0)`.

Knows graphs; must not know how a picture is drawn.
"""

from __future__ import annotations

from collections.abc import Sequence

from tinygrad_edu.cards import Card
from tinygrad_edu.graph import Graph
from tinygrad_edu.notation import Piece, compose, number_piece
from tinygrad_edu.render.folding import close

LONGEST = 34  # characters of an expression on a card
LONGEST_TITLE = 72


def expression(graph: Graph, card: Card) -> str:
    """What computes `card`, in the names of its operands; empty for a given value."""
    if not card.computed:
        return ""
    pieces = [Piece(graph.by_id[o].name) if isinstance(o, str) else number_piece(o) for o in card.operands]
    return compose_card(card, pieces).text


def line_of_code(graph: Graph, card: Card) -> str:
    """`name = expression`, or the name of a given value and what it is."""
    return f"{card.name} = {expression(graph, card)}" if card.computed else f"{card.name} ({card.kind})"


def compose_card(card: Card, operands: Sequence[Piece]) -> Piece:
    """The expression of `card` on the given operands."""
    return compose(card.op, card.formula, operands, card.params)


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
    pieces: dict[str, Piece | None] = {card.id: Piece(card.name) for card in closed.outside}
    for card in closed.cards:
        parts = [pieces[o] if isinstance(o, str) else number_piece(o) for o in card.operands]
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
    piece = compose_card(card, present)
    return piece if len(piece.text) <= LONGEST_TITLE else None
