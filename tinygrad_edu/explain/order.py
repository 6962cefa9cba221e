"""Why a reverse pass needs an order: what a recursion computes that goes on before a gradient is complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinygrad_edu.derivation import Derivation
from tinygrad_edu.numbers import one_line
from tinygrad_edu.snapshot import Snapshot

MOST_SHOWN = 12  # names in a list; a third as many lines


@dataclass(frozen=True, eq=False)
class Late:
    """A gradient that reached a card after the recursion had passed on what was there before.

    passed_on   what the card had when it was visited
    late        what came afterwards, from the card `source`: nothing behind it ever gets that
    """

    card: str
    passed_on: np.ndarray
    late: np.ndarray
    source: str


@dataclass(frozen=True, eq=False)
class Order:
    """The order of backward, and what is wrong without one.

    output       the name of what is differentiated
    cards        the names of the computed cards, in the order in which backward visits them
    right        the gradients by backward, by name, of all cards that have one
    naive        those of a recursion that visits every card once, as soon as it is reached
    late         where that recursion loses something
    calls        how many calls a recursion makes that visits a card whenever something arrives: right, but slow
    from_right   whether the recursion takes operands from right to left (from left to right it happens to be right)
    """

    output: str
    cards: tuple[str, ...]
    right: dict[str, np.ndarray]
    naive: dict[str, np.ndarray]
    late: tuple[Late, ...]
    calls: int
    from_right: bool = False

    @classmethod
    def of(cls, derivation: Derivation) -> Order:
        """What order means for this graph."""
        graph = derivation.graph
        name = {card.id: card.name for card in graph.cards}
        from_right = False
        gradients, late = _naive(derivation, from_right)
        if not late:
            gradients, late = _naive(derivation, from_right=True)
            from_right = bool(late)
        return cls(
            output=graph.result.name,
            cards=tuple(card.name for card in reversed(graph.cards) if card.computed),
            right={name[card]: g for card, g in derivation.gradients.items()},
            naive={name[card]: g for card, g in gradients.items()},
            late=tuple(late),
            calls=_calls(derivation),
            from_right=from_right,
        )

    @property
    def wrong(self) -> list[str]:
        """The names of the given values whose gradient the recursion gets wrong; those of all cards if of none."""
        names = [name for name, g in self.right.items() if not np.allclose(self.naive[name], g, rtol=1e-9, atol=0)]
        return [name for name in names if name not in self.cards] or names

    def __str__(self) -> str:
        steps = len(self.cards)
        lines = [
            "Backward goes through the cards against the order of their computation, so a card passes its gradient on",
            f"when everything has arrived: {_listed(self.cards)}.",
            "",
        ]
        if self.late:
            side = "right first; from the left it happens to come out right" if self.from_right else "left first"
            lines += [
                "A recursion that visits every card once, as soon as it is reached, passes on what is there by then",
                f"(operands from the {side}):",
            ]
            for entry in self.late[: MOST_SHOWN // 3]:
                passed, came = _number(entry.passed_on), _number(entry.late)
                lines.append(
                    f"  {entry.card} passes on {passed}; afterwards {came} arrives from {entry.source}, and is lost"
                )
            if len(self.late) > MOST_SHOWN // 3:
                lines.append(f"  … and {len(self.late) - MOST_SHOWN // 3:,} times more")
            for name in self.wrong[: MOST_SHOWN // 3]:
                wrong, right = _number(self.naive[name]), _number(self.right[name])
                lines.append(f"  ∂{self.output}/∂{name} = {wrong}, which is wrong: it is {right}")
        else:
            lines.append("Here any order gives the same: whatever a card passes on has arrived by then.")
        if self.calls > steps:
            lines += [
                "",
                "A recursion that visits a card each time that something arrives is right, and makes",
                f"{self.calls:,} calls where backward makes {steps:,}.",
            ]
        return "\n".join(lines)

    __repr__ = __str__


def _number(array: np.ndarray) -> str:
    return one_line(Snapshot.of(array)).replace("-", "\N{MINUS SIGN}")


def _listed(names: Sequence[str]) -> str:
    if len(names) <= MOST_SHOWN:
        return ", ".join(names)
    half = MOST_SHOWN // 2
    return f"{', '.join(names[:half])}, … ({len(names) - 2 * half:,} more) …, {', '.join(names[-half:])}"


def _naive(derivation: Derivation, from_right: bool) -> tuple[dict[str, np.ndarray], list[Late]]:
    """The gradients by a recursion that visits each card once, when it is first reached (with a stack, any depth)."""
    by_id = derivation.graph.by_id
    result = derivation.graph.result.id
    gradients: dict[str, np.ndarray] = {result: np.ones_like(derivation.value(result))}
    visited: set[str] = set()
    passed_on: dict[str, np.ndarray] = {}
    arrived: dict[tuple[str, str], np.ndarray] = {}  # too late: at which card, from which
    stack = [result]
    while stack:
        card = stack.pop()
        if card in visited:
            continue
        visited.add(card)
        passed_on[card] = gradients[card]
        arrows = _arrows(derivation, card, from_right)
        for position, operand in arrows:
            arriving = derivation.pulled(card, position, gradients[card])
            before = gradients.get(operand)
            if operand in visited:
                key = operand, card
                arrived[key] = arrived[key] + arriving if key in arrived else arriving
            gradients[operand] = arriving if before is None else before + arriving
        stack += [operand for _, operand in reversed(arrows) if by_id[operand].computed]
    late = [Late(by_id[at].name, passed_on[at], g, by_id[source].name) for (at, source), g in arrived.items()]
    return gradients, late


def _arrows(derivation: Derivation, card: str, from_right: bool) -> list[tuple[int, str]]:
    """The operands that the gradient of a card goes to, in the order in which a recursion takes them."""
    operands = derivation.graph.by_id[card].operands
    carried = [(p, o) for p, o in enumerate(operands) if isinstance(o, str) and derivation.carries(card, p)]
    return carried[::-1] if from_right else carried


def _calls(derivation: Derivation) -> int:
    """How many paths lead from the result to computed cards: one call each."""
    graph = derivation.graph
    paths = {graph.result.id: 1}
    for card in reversed(graph.cards):
        count = paths.get(card.id, 0)
        if count and card.computed:
            for _, operand in _arrows(derivation, card.id, from_right=False):
                paths[operand] = paths.get(operand, 0) + count
    return sum(count for card, count in paths.items() if graph.by_id[card].computed)
