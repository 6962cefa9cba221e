"""What stands on a card, as text: the same for every drawing. Knows cards and words; must not know sizes or colours."""

from __future__ import annotations

import re
from dataclasses import dataclass

from tinygrad_edu.cards import Card
from tinygrad_edu.graph import Graph
from tinygrad_edu.numbers import aligned, grid
from tinygrad_edu.render.expression import expression, line_of_code, shorten
from tinygrad_edu.render.wording import bytes_text, parameters, paths_text, shape_text

WORD_COLUMN = 6  # characters that `value` and `grad` take before the numbers

_NOT_FINITE = re.compile(r"(-?\b(?:nan|inf)j?\b)")


@dataclass(frozen=True)
class Numbers:
    """An array in lines: `word` says which, value or grad; the first line has room for it, so all stand aligned."""

    word: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Face:
    """The texts of a card.

    name, made   the head: `t1` and ` = x @ W1`; of a given value its name and what it is
    shape        empty where all cards are scalars
    notes        what a closed module is and holds
    numbers      the value and the gradient
    paths        the gradient as a sum over paths
    saved        the memory that the graph holds for it, if that is asked for
    tooltip      the whole line of code and where it stands in the program
    """

    name: str
    made: str
    shape: str
    notes: tuple[str, ...]
    numbers: tuple[Numbers, ...]
    paths: str
    saved: str
    tooltip: str

    @property
    def cut(self) -> bool:
        """Whether the head doesn't show the whole line of code."""
        return "…" in self.name + self.made

    @property
    def last_lines(self) -> list[tuple[str, str]]:
        """What stands below the numbers: class and text."""
        return [(kind, text) for kind, text in (("paths", self.paths), ("note", self.saved)) if text]


def face(graph: Graph, card: Card, values: bool = True, saved: bool = False) -> Face:
    """What stands on `card`; `values` says whether its value does, `saved` whether the memory it holds does."""
    made = f" = {shorten(expression(graph, card))}" if card.computed else card.kind
    inside = parameters(card.parameters_inside) if card.parameters_inside else ""
    shown = [("value", card.value)] if values else []
    if card.grad is not None:
        shown.append(("grad", card.grad))
    lines = aligned([grid(snapshot) for _, snapshot in shown])
    return Face(
        name=shorten(card.name),
        made=made,
        shape="" if graph.scalar else shape_text(card.shape),
        notes=tuple(text for text in (card.note, inside) if text) if card.nodes_inside else (),
        numbers=tuple(Numbers(word, tuple(texts)) for (word, _), texts in zip(shown, lines)),
        paths=paths_text(graph, card) if graph.scalar else "",
        saved=f"saved {bytes_text(card.bytes_held)}" if saved else "",
        tooltip=line_of_code(graph, card) + (f"   {card.site}" if card.site else ""),
    )


def parts(line: str) -> list[tuple[str, bool]]:
    """A line of numbers in parts, and whether each is a number that isn't finite.

    >>> parts("0.5  nan  -inf")
    [('0.5  ', False), ('nan', True), ('  ', False), ('-inf', True)]
    """
    return [(text, i % 2 == 1) for i, text in enumerate(_NOT_FINITE.split(line)) if text]
