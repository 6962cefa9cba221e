"""What a page holds besides its picture: the cards' lines of code, the rule of every arrow, and the numbers to show.

Everything is plain data for json. Where the graph is small and pages know its ops, the programs of all ops and rules
come with it, so that a reader can change a number.
"""

from __future__ import annotations

import json
import math
from typing import Any, Final

import numpy as np

from tinygrad_edu.cards import Arrow, Card
from tinygrad_edu.derivation import Derivation
from tinygrad_edu.explorer.equations import equations_of
from tinygrad_edu.graph import Graph
from tinygrad_edu.numbers import aligned, grid
from tinygrad_edu.render.expression import expression, line_of_code, shorten, whole_expression
from tinygrad_edu.render.wording import broadcast_text, facts
from tinygrad_edu.snapshot import MOST_ENTRIES, Snapshot
from tinygrad_edu.symbols.program import program_of
from tinygrad_edu.symbols.symbol import NoFormulaError, Symbol

MOST_NUMBERS: Final = 3_000  # in all cards of a graph whose numbers can be changed
MOST_GIVEN: Final = 400  # in the values that can be changed
LONGEST_CHIP: Final = 14  # characters on an arrow
LONGEST_SOURCE: Final = 160


class Record:
    """The data of a page.

    derivation   of the whole graph
    graph        the graph as it is drawn: modules may be closed, and then have no rules
    """

    def __init__(self, derivation: Derivation, graph: Graph, depth: int | None) -> None:
        self.derivation, self.graph, self.depth = derivation, graph, depth
        open_names = {card.name: card.id for card in derivation.graph.cards}
        self.open_names = open_names
        self.whole = graph is derivation.graph
        # The card of the whole graph, for each drawn card that isn't a closed module: names are unique.
        self.original = {
            card.id: card.id if self.whole else open_names.get(card.name, "")
            for card in graph.cards
            if not card.nodes_inside
        }
        self.equations = equations_of(graph)

    # --- arrows ----------------------------------------------------------------------------------------------

    def _place(self, arrow: Arrow) -> tuple[str, int] | None:
        """The card and the operand of the whole graph that an arrow is about; None where it enters a closed module."""
        card = self.original.get(arrow.target)
        return (card, arrow.position) if card is not None else None

    def carries(self, arrow: Arrow) -> bool:
        """Whether a gradient goes back on the arrow."""
        place = self._place(arrow)
        if place is not None:
            return self.derivation.carries(*place) and place[0] in self.derivation.gradients
        return self.graph.by_id[arrow.source].grad is not None

    def chips(self) -> dict[Arrow, str]:
        """What stands on each arrow that carries a gradient: the local derivative, as far as it is short."""
        chips = {}
        for arrow in self.graph.arrows:
            place = self._place(arrow)
            if self.carries(arrow):
                local = self.derivation.told(*place).local if place is not None else ""
                chips[arrow] = shorten(local or f"{self.graph.by_id[arrow.target].op}′", LONGEST_CHIP)
        return chips

    def _arrows(self) -> list[dict[str, Any]]:
        """All arrows, with what each brings where several bring a part of a gradient: alone, and with those before."""
        arriving: dict[str, list[Arrow]] = {}
        for arrow in self.graph.arrows:
            if self.carries(arrow):
                arriving.setdefault(arrow.source, []).append(arrow)
        several = {card for card, arrows in arriving.items() if len(arrows) > 1 and all(self._place(a) for a in arrows)}
        entries = {arrow: self._arrow(arrow) for arrow in self.graph.arrows}
        sofar: dict[str, np.ndarray] = {}
        for target in reversed(self.graph.cards):  # as backward goes
            for arrow in self.graph.arrows_to[target.id]:
                place = self._place(arrow)
                if arrow.source in several and place is not None and self.carries(arrow):
                    brought = self.derivation.pulled(*place, self.derivation.gradients[place[0]])
                    before = sofar.get(arrow.source)
                    sofar[arrow.source] = brought if before is None else before + brought
                    entries[arrow]["adds"] = lines_of(brought)
                    entries[arrow]["sofar"] = lines_of(sofar[arrow.source])
        return list(entries.values())

    def _arrow(self, arrow: Arrow) -> dict[str, Any]:
        """One arrow as data."""
        entry: dict[str, Any] = {"id": f"{arrow.source}-{arrow.target}-{arrow.position}"}
        if not self.carries(arrow):
            return entry | {"stops": 1}
        if arrow in self.equations:
            entry["bp"] = self.equations[arrow]
        place = self._place(arrow)
        if place is None:
            return entry
        told = self.derivation.told(*place)
        entry |= {
            key: text for key, text in (("rule", told.text), ("local", told.local), ("words", told.words)) if text
        }
        if stretched := broadcast_text(self.graph, arrow):
            entry["stretched"] = stretched
        local = self._local(*place) if told.local else None
        if local is not None:
            entry["number"] = local
        return entry

    def _local(self, card: str, position: int) -> list[str] | None:
        """The local derivative in numbers, where it is one formula of few numbers."""
        local = self.derivation.local(card, position)
        if local is None or local.constant:
            return None
        value = np.asarray(local.evaluate(self.derivation.values(card)))
        return lines_of(value) if value.size <= MOST_ENTRIES and value.ndim <= 2 else None

    # --- cards -----------------------------------------------------------------------------------------------

    def _card(self, card: Card, sources: dict[tuple[str, str], int]) -> dict[str, Any]:
        """What the picture doesn't say of a card; `sources` numbers the lines of the program."""
        entry: dict[str, Any] = {} if shorten(card.name) == card.name else {"name": card.name}
        if card.computed:
            code = line_of_code(self.graph, card)
            if code != f"{shorten(card.name)} = {shorten(expression(self.graph, card))}":
                entry["code"] = code
            original = self.original.get(card.id) or self.open_names.get(card.name.rpartition(", ")[2])
            line = shorten(self.derivation.source(original), LONGEST_SOURCE) if original else ""
            entry["source"] = sources.setdefault((card.site, line), len(sources))
        elif len(card.name) > len(shorten(card.name)):
            entry["code"] = card.name
        if card.nodes_inside:
            entry["inside"] = card.nodes_inside
        return entry

    # --- the whole -------------------------------------------------------------------------------------------

    def data(self) -> dict[str, Any]:
        """Everything, for json."""
        program, why = self._program()
        sources: dict[tuple[str, str], int] = {}
        entry: dict[str, Any] = {
            "title": whole_expression(self.graph),
            "facts": facts(self.graph, self.depth),
            "cards": [self._card(card, sources) for card in self.graph.cards],
            "sources": list(sources),
            "arrows": self._arrows(),
        }
        return entry | ({"program": program} if program is not None else {"off": why})

    def _program(self) -> tuple[dict[str, Any] | None, str]:
        """The programs of all ops and rules, and the given values; or why numbers can't be changed."""
        derivation = self.derivation
        if not self.whole:
            return None, "modules are closed"
        cards = self.graph.cards
        numbers = sum(math.prod(card.shape) for card in cards)
        given = sum(math.prod(card.shape) for card in cards if not card.computed)
        if numbers > MOST_NUMBERS or given > MOST_GIVEN:
            return None, f"there are {numbers:,} numbers in it"
        floats = {card.dtype for card in cards if card.dtype.kind in "fc"}
        if len(floats) > 1 or not floats <= {np.dtype(np.float32), np.dtype(np.float64)}:
            return None, f"it computes in {' and '.join(sorted(map(str, floats)))}"
        table: dict[str, int] = {}  # the same few programs occur again and again

        def number(symbol: Symbol) -> int:
            return table.setdefault(json.dumps(program_of(symbol)), len(table))

        rules: list[tuple[int, int] | None] = []
        try:
            calls = [number(derivation.call(card.id)) for card in cards if card.computed]
            for arrow in self.graph.arrows:
                rule = derivation.rule(arrow.target, arrow.position) if self.carries(arrow) else None
                if rule is None and self.carries(arrow):
                    return None, f"the rule of {self.graph.by_id[arrow.target].op} is no formula"
                local = derivation.local(arrow.target, arrow.position) if rule is not None else None
                shown = -1 if local is None or local.constant else number(local)
                rules.append(None if rule is None else (number(rule), shown))
        except NoFormulaError as error:
            return None, str(error)
        return {
            "single": int(np.dtype(np.float32) in floats),
            "given": {card.id: _sent(derivation.value(card.id)) for card in cards if not card.computed},
            "kinds": {card.id: card.dtype.kind for card in cards if card.dtype.kind != "f"},
            "table": [json.loads(text) for text in table],
            "calls": calls,
            "rules": rules,
        }, ""


def _sent(array: np.ndarray) -> dict[str, Any]:
    """An array for the page; what JSON can't write as text."""
    numbers = [float(x) if math.isfinite(x) else str(float(x)) for x in array.ravel().tolist()]
    return {"n": numbers, "s": list(array.shape)}


def lines_of(array: np.ndarray) -> list[str]:
    """An array as the lines that cards show."""
    return aligned([grid(Snapshot.of(array))])[0]
