"""What a page holds besides its picture: the cards' lines of code, the rule of every arrow, and the numbers to show.

Everything is plain data for json. Where the graph is small and pages know its ops, the programs of all ops and rules
come with it, so that a reader can change a number.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final

import numpy as np

from tinygrad_edu.cards import Arrow, Box, Card
from tinygrad_edu.derivation import Derivation
from tinygrad_edu.explorer.equations import equations_of
from tinygrad_edu.explorer.levels import Levels
from tinygrad_edu.explorer.modules import Modules
from tinygrad_edu.graph import Graph
from tinygrad_edu.numbers import aligned, grid
from tinygrad_edu.render import style
from tinygrad_edu.render.expression import expression, line_of_code, shorten, whole_expression
from tinygrad_edu.render.face import Face
from tinygrad_edu.render.metrics import sans_width
from tinygrad_edu.render.sizes import LONGEST_BOX, card_size, head_width, whole
from tinygrad_edu.render.wording import box_text, broadcast_text, facts
from tinygrad_edu.snapshot import MOST_ENTRIES, Snapshot
from tinygrad_edu.symbols.program import PRECISIONS, is_single, program_of
from tinygrad_edu.symbols.rules import G
from tinygrad_edu.symbols.symbol import NoFormulaError, Symbol

MOST_NUMBERS: Final = 3_000  # in all cards of a graph whose numbers can be changed
MOST_GIVEN: Final = 400  # in the values that can be changed
LONGEST_CHIP: Final = 14  # characters on an arrow
LONGEST_SOURCE: Final = 160
FIRST_NAME: Final = 0xE000  # characters that stand for the names in a rule


class Record:
    """The data of a page.

    derivation   of the whole graph
    graph        the graph whose cards the page can show: the whole one, or where that is too large to be opened in the
                 page, what is left of it when modules are closed; those have no rules
    modules      what can be opened and closed, where there is anything
    """

    def __init__(
        self, derivation: Derivation, graph: Graph, depth: int | None = None, modules: Modules | None = None
    ) -> None:
        self.derivation, self.graph, self.depth, self.modules = derivation, graph, depth, modules
        self.open_names = {card.name: card.id for card in derivation.graph.cards}
        self.whole = modules is not None or graph is derivation.graph
        # The card of the whole graph, for each card that isn't a closed module: names are unique.
        self.original = {
            card.id: card.id if self.whole else self.open_names.get(card.name, "")
            for card in graph.cards
            if not card.nodes_inside
        }
        self.places = {card.id: place for place, card in enumerate(graph.cards)}
        self.equations = equations_of(graph)
        self._sources: dict[tuple[str, str], int] = {}
        self._rules: dict[tuple[str, str, str], int] = {}

    @property
    def shown(self) -> Graph:
        """What is shown at first."""
        return self.modules.at_first if self.modules is not None else self.graph

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

    def chips(self) -> dict[tuple[str, int], str]:
        """The local derivative on each arrow that carries a gradient, shortened, by its card and operand."""
        chips = {}
        for arrow in self.graph.arrows:
            place = self._place(arrow)
            if place is not None and self.carries(arrow):
                local = self.derivation.told(*place).local or f"{self.graph.by_id[arrow.target].op}\N{PRIME}"
                chips[arrow.target, arrow.position] = _chip(local)
        return chips

    def _arrows(self) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
        """All arrows, and for each box what it brings: where a gradient has several parts, each and the sum so far."""
        arriving: dict[str, list[Arrow]] = {}
        for arrow in self.graph.arrows:
            if self.carries(arrow):
                arriving.setdefault(arrow.source, []).append(arrow)
        several = {card for card, arrows in arriving.items() if len(arrows) > 1 and all(self._place(a) for a in arrows)}
        entries = {arrow: self._arrow(arrow) for arrow in self.graph.arrows}
        sofar: dict[str, np.ndarray] = {}
        by_box: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
        for target in reversed(self.graph.cards):  # as backward goes
            for arrow in self.graph.arrows_to[target.id]:
                place = self._place(arrow)
                if arrow.source in several and place is not None and self.carries(arrow):
                    brought = self.derivation.pulled(*place, self.derivation.gradients[place[0]])
                    before = sofar.get(arrow.source)
                    sofar[arrow.source] = brought if before is None else before + brought
                    entries[arrow]["adds"] = lines_of(brought)
                    entries[arrow]["sofar"] = lines_of(sofar[arrow.source])
                    for box in self._entered(arrow):
                        earlier = by_box.get((box, arrow.source))
                        total = brought if earlier is None else earlier[0] + brought
                        by_box[box, arrow.source] = total, sofar[arrow.source]
        brings: dict[str, dict[str, Any]] = {}
        for (box, source), (total, so_far) in by_box.items():
            brings.setdefault(box, {})[source] = [lines_of(total), lines_of(so_far)]
        return list(entries.values()), brings

    def _entered(self, arrow: Arrow) -> list[str]:
        """The boxes that an arrow goes into."""
        if self.modules is None:
            return []
        home = self.modules.home
        left = set(self.modules.around(home[arrow.source]))
        return [box for box in self.modules.around(home[arrow.target]) if box not in left]

    def _arrow(self, arrow: Arrow) -> dict[str, Any]:
        """One arrow as data."""
        if not self.carries(arrow):
            return {"stops": 1}
        entry: dict[str, Any] = {}
        if arrow in self.equations:
            entry["bp"] = self.equations[arrow]
        place = self._place(arrow)
        if place is None:
            return entry
        entry["rule"] = self._rule(*place)
        if stretched := broadcast_text(self.graph, arrow):
            entry["stretched"] = stretched
        local = self._local(*place) if self.derivation.told(*place).local else None
        if local is not None:
            entry["number"] = local
        return entry

    def _rule(self, card: str, position: int) -> int:
        """The number of a rule among those of the page: most occur again and again, with other names."""
        told = self.derivation.told(card, position)
        names = self.derivation.names(self.derivation.graph.by_id[card])
        stands_for = {place: chr(FIRST_NAME + k) for k, place in enumerate(names) if place != G}
        general = self.derivation.told(card, position, {G: names[G], **stands_for})
        own = {char: names[place] for place, char in stands_for.items()}
        texts = (general.text, general.local, general.words)
        written = tuple("".join(own.get(char, char) for char in text) for text in texts)
        exact = (told.text, told.local, told.words)
        return self._rules.setdefault(texts if written == exact else exact, len(self._rules))

    def _local(self, card: str, position: int) -> list[str] | None:
        """The local derivative in numbers, where it is one formula of few numbers."""
        local = self.derivation.local(card, position)
        if local is None or local.constant:
            return None
        value = np.asarray(local.evaluate(self.derivation.values(card)))
        return lines_of(value) if value.size <= MOST_ENTRIES and value.ndim <= 2 else None

    # --- cards -----------------------------------------------------------------------------------------------

    def _card(self, card: Card) -> dict[str, Any]:
        """What the picture doesn't say of a card."""
        entry: dict[str, Any] = {} if shorten(card.name) == card.name else {"name": card.name}
        if card.computed:
            code = line_of_code(self.graph, card)
            if code != f"{shorten(card.name)} = {shorten(expression(self.graph, card))}":
                entry["code"] = code
            original = self.original.get(card.id) or self.open_names.get(card.name.rpartition(", ")[2])
            line = shorten(self.derivation.source(original), LONGEST_SOURCE) if original else ""
            entry["source"] = self._sources.setdefault((card.site, line), len(self._sources))
            entry["of"] = [self.places[o] if isinstance(o, str) else -1 for o in card.operands]
        elif len(card.name) > len(shorten(card.name)):
            entry["code"] = card.name
        if card.nodes_inside:
            entry["inside"] = card.nodes_inside
        return entry

    def _box(self, box: Box, brings: dict[str, Any]) -> dict[str, Any]:
        """A box, and the card that stands for it when it is closed."""
        assert self.modules is not None
        text = shorten(box_text(box), LONGEST_BOX)
        entry: dict[str, Any] = {
            "in": self.modules.parent[box.id],
            "open": int(box.id in self.modules.opened),
            "wanted": int(box.id in self.modules.wanted),
            "brings": brings,
        }
        card = self.modules.closed[box.id]
        if box.id not in self.modules.opened:
            entry |= {"text": text, "width": int(whole(sans_width(text, style.EXPRESSION_SIZE)))}
        return {key: value for key, value in entry.items() if value} | {"card": self._card(card)}

    # --- the whole -------------------------------------------------------------------------------------------

    def data(self, levels: Levels | None = None) -> dict[str, Any]:
        """Everything, for json; `levels` of a graph whose boxes can be opened and closed."""
        program, why = self._program()
        arrows, brings = self._arrows()
        entry: dict[str, Any] = {
            "title": whole_expression(self.derivation.graph),
            "facts": facts(self.graph, self.depth),
            "cards": [self._card(card) for card in self.graph.cards],
            "arrows": arrows,
            "rules": list(self._rules),
        }
        if self.modules is not None and levels is not None:
            self._add_modules(entry, levels, brings)
        entry["sources"] = list(self._sources)
        return entry | ({"program": program} if program is not None else {"off": why})

    def _add_modules(self, entry: dict[str, Any], levels: Levels, brings: dict[str, dict[str, Any]]) -> None:
        """The boxes, where everything in them stands, and the cards that aren't in the picture at first."""
        modules = self.modules
        assert modules is not None
        boxes = [box for box in self.graph.boxes if box.id in modules.parent]
        entry["boxes"] = {box.id: self._box(box, brings.get(box.id, {})) for box in boxes}
        entry["levels"], entry["down"] = levels.data(), int(levels.nest.down)
        entry["facts"] = facts(self.derivation.graph, None)
        shown = {card.id for card in modules.at_first.cards}
        for card, data in zip(self.graph.cards, entry["cards"]):
            if modules.home[card.id]:
                data["in"] = modules.home[card.id]
            if card.id not in shown:
                data["face"] = _face(card, levels.faces[card.id])
        for box, card in modules.closed.items():
            data = entry["boxes"][box]["card"]
            data["last"] = modules.place[modules.members[box][-1].id]
            data["out"] = modules.place[self.open_names[card.name.rpartition(", ")[2]]]
            if ", " in card.name:
                data["many"] = 1
            if card.id not in shown:
                data["face"] = _face(card, levels.faces[card.id])

    def _program(self) -> tuple[dict[str, Any] | None, str]:
        """The programs of all ops and rules, and the given values; or why numbers can't be changed."""
        derivation = self.derivation
        if not self.whole:
            return None, f"with {len(self.derivation.graph.cards):,} cards it is too large for one page"
        cards = self.graph.cards
        numbers = sum(math.prod(card.shape) for card in cards)
        given = sum(math.prod(card.shape) for card in cards if not card.computed)
        if numbers > MOST_NUMBERS or given > MOST_GIVEN:
            return None, f"there are {numbers:,} numbers in it"
        floats = {card.dtype for card in cards if card.dtype.kind in "fc"}
        if not floats <= PRECISIONS:
            return None, f"it computes in {' and '.join(sorted(map(str, floats)))}"
        table: dict[str, int] = {}  # the same few programs occur again and again

        def number(symbol: Symbol) -> int:
            return table.setdefault(json.dumps([int(is_single(symbol)), program_of(symbol)]), len(table))

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
        programs = [json.loads(text) for text in table]
        return {
            "given": {card.id: _sent(derivation.value(card.id)) for card in cards if not card.computed},
            "kinds": {card.id: kind for card in cards if (kind := _kind(card.dtype))},
            "table": [tree for _, tree in programs],
            "singles": [number for number, (single, _) in enumerate(programs) if single],
            "calls": calls,
            "rules": rules,
        }, ""


def _kind(dtype: np.dtype[Any]) -> str:
    """What the page has to know of a dtype: nothing of float64, s for single precision, else NumPy's kind."""
    return {"float64": "", "float32": "s"}.get(str(dtype), dtype.kind)


def _sent(array: np.ndarray) -> dict[str, Any]:
    """An array for the page; what JSON can't write as text."""
    numbers = [float(x) if math.isfinite(x) else str(float(x)) for x in array.ravel().tolist()]
    return {"n": numbers, "s": list(array.shape)}


def lines_of(array: np.ndarray) -> list[str]:
    """An array as the lines that cards show."""
    return aligned([grid(Snapshot.of(array))])[0]


def _chip(text: str) -> str:
    """A text that fits on an arrow: without the modules of its names, and then cut, if it is too long."""
    if len(text) > LONGEST_CHIP:
        text = re.sub(r"(?:\w+\.)+(?=[^\W\d])", "", text)
    return shorten(text, LONGEST_CHIP)


def _face(card: Card, texts: Face) -> list[Any]:
    """What stands on a card that isn't in the picture at first, for the page to draw."""
    numbers = {numbers.word: numbers.lines for numbers in texts.numbers}
    width, height = card_size(texts)
    kind = "" if card.kind == "operation" else card.kind
    head = [kind, texts.name, texts.made.removeprefix(" = "), texts.shape, int(width), int(height)]
    return [*head, round(head_width(texts)), numbers["value"], numbers.get("grad", ()), texts.notes]
