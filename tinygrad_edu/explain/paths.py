"""Paths through a graph: how many lead from a card to the result, and which of them make up its gradient.

Paths are counted by dynamic programming and never listed: a chain of 60 diamonds has 2⁶⁰. Where there are too many,
the search keeps the largest partial sums at every card. Knows derivations; must not know words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tinygrad_edu.derivation import Derivation

WIDTH = 64  # partial paths kept at a card
MOST_NUMBERS = 20_000_000  # in all arrays that the search may hold at a time


@dataclass(frozen=True)
class Step:
    """One arrow of a path, walked backwards: from the card `source` to its operand number `position`, `target`."""

    source: str
    position: int
    target: str


@dataclass(frozen=True, eq=False)
class Path:
    """One way from the result back to a card, and what it adds to the card's gradient.

    steps       from the result to the card
    gradients   the gradient that arrives at the target of each step by this path alone
    """

    steps: tuple[Step, ...]
    gradients: tuple[np.ndarray, ...]

    @property
    def contribution(self) -> np.ndarray:
        """What this path adds to the gradient."""
        return self.gradients[-1]

    @property
    def size(self) -> float:
        """How large the contribution is."""
        return norm(self.contribution)


def norm(array: np.ndarray) -> float:
    """The Euclidean norm; inf where something isn't finite, so that such paths come first."""
    with np.errstate(all="ignore"):
        length = float(np.sqrt(np.sum(np.abs(array.astype(np.float64)) ** 2)))
    return length if np.isfinite(length) else np.inf


class Cone:
    """The cards between one card and the result: all ways by which it has an influence.

    cards   the ids of the cards that depend on `wrt` and that carry a gradient, the result first
    steps   the arrows between them, by the card they leave backwards
    """

    def __init__(self, derivation: Derivation, wrt: str) -> None:
        self.derivation, self.wrt = derivation, wrt
        reached = {wrt}
        steps: dict[str, list[Step]] = {}
        graph = derivation.graph
        for card in graph.cards[derivation.place[wrt] :]:
            found = [
                Step(card.id, position, operand)
                for position, operand in enumerate(card.operands)
                if isinstance(operand, str) and operand in reached and derivation.carries(card.id, position)
            ]
            if found and card.id in derivation.gradients:
                reached.add(card.id)
                steps[card.id] = found
        leads = {graph.result.id}
        for card in reversed(graph.cards):
            if card.id in leads:
                leads.update(step.target for step in steps.get(card.id, ()))
        self.cards = [card.id for card in reversed(graph.cards) if card.id in reached and card.id in leads]
        self.steps = {card: steps[card] for card in self.cards if card in steps}

    @cached_property
    def counts(self) -> dict[str, int]:
        """How many paths lead from `wrt` to each card."""
        counts = {self.wrt: 1}
        for card in reversed(self.cards):
            if card != self.wrt:
                counts[card] = sum(counts[step.target] for step in self.steps[card])
        return counts

    @property
    def count(self) -> int:
        """How many paths lead from `wrt` to the result."""
        return self.counts.get(self.derivation.graph.result.id, 0)

    def largest(self, most: int) -> list[Path]:
        """The `most` paths that add most to the gradient, largest first; all of them where there are few.

        With more than `width` ways to a card, those are followed that have carried most so far.
        """
        derivation = self.derivation
        result = derivation.graph.result.id
        if not self.steps:
            return []
        start = np.ones_like(derivation.value(result))
        waiting: dict[str, list[tuple[float, np.ndarray, _Link | None]]] = {result: [(1.0, start, None)]}
        for card in self.cards:
            if card == self.wrt:
                break
            partial = sorted(waiting.pop(card, ()), key=lambda entry: -entry[0])[: self.width]
            for step in self.steps[card]:
                for _, g, link in partial:
                    pulled = derivation.pulled(card, step.position, g)
                    waiting.setdefault(step.target, []).append((norm(pulled), pulled, (step, pulled, link)))
        best = sorted(waiting.get(self.wrt, ()), key=lambda entry: -entry[0])[:most]
        return [_path(link) for _, _, link in best]

    @cached_property
    def width(self) -> int:
        """How many partial paths `largest` keeps at a card."""
        numbers = sum(self.derivation.value(card).size for card in self.cards)
        return max(2, min(WIDTH, MOST_NUMBERS // max(numbers, 1)))

    @property
    def exact(self) -> bool:
        """Whether `largest` follows every path."""
        return self.count <= self.width


_Link = tuple[Step, np.ndarray, "_Link | None"]


def _path(link: _Link | None) -> Path:
    """The path that ends in this link."""
    steps: list[Step] = []
    gradients: list[np.ndarray] = []
    while link is not None:
        step, gradient, link = link
        steps.append(step)
        gradients.append(gradient)
    return Path(tuple(reversed(steps)), tuple(reversed(gradients)))


def share(paths: Sequence[Path], gradient: np.ndarray) -> float | None:
    """How much of the gradient these paths make up: 1 for all of it; None where the gradient is 0."""
    whole = norm(gradient)
    if not whole or not np.isfinite(whole) or not paths:
        return None
    together = np.sum([path.contribution.astype(np.float64) for path in paths], axis=0)
    return float(np.sum(together * gradient) / whole**2)
