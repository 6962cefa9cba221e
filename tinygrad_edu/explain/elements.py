"""Paths of single numbers: from one element of a tensor to the result, each a product of local derivatives.

Between two cards the local derivatives are a table, of which only what is not 0 and lies on a path is kept. Paths
are counted, and the largest found exactly, by dynamic programming over these tables. Must not know words.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.derivation import Derivation
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.explain.paths import Cone, Step
from tinygrad_edu.forward import tangent_through
from tinygrad_edu.node import here
from tinygrad_edu.op import ELEMENTWISE, PRODUCT
from tinygrad_edu.symbols.latex import latex_name, latex_of
from tinygrad_edu.symbols.rules import local_symbol, written_local
from tinygrad_edu.symbols.simplify import without_guards

MOST_WORK = 400_000_000  # numbers computed for the tables; about two seconds
VERY_LARGE, HUGE = 1e140, 1e280  # sizes are cut off, so that no product of two overflows
MOST_INFINITE = 1_000  # elements of a gradient that aren't finite whose rules are asked one by one
TIE = 1e-12  # products nearer to each other than this count as equal


@dataclass(frozen=True)
class Hop:
    """One step of a path of numbers: ∂source[place]/∂target[index], walked backwards; places are flat."""

    step: Step
    place: int
    index: int
    slope: float


@dataclass(frozen=True, eq=False)
class NumberPath:
    """One path of single numbers, from the element to the result, and the product of its local derivatives."""

    hops: tuple[Hop, ...]
    product: float


@dataclass(frozen=True, eq=False)
class Table:
    """The local derivatives of a step that count: ∂source[places[k]]/∂target[indices[k]] = slopes[k].

    One that is 0 counts where what arrives isn't finite: 0 · inf is nan, so there the path decides. `sizes` are those
    by which paths are ranked.
    """

    step: Step
    places: np.ndarray
    indices: np.ndarray
    slopes: np.ndarray
    sizes: np.ndarray


class Elements:
    """All paths of numbers from one element of a card to the result.

    Raises ShapeError where the tables between the two would be too large.
    """

    def __init__(self, cone: Cone, index: int) -> None:
        self.cone, self.start = cone, index
        self.derivation = cone.derivation
        self.tables = self._tables()
        self.of_target: dict[str, list[Table]] = {}
        for table in self.tables:
            self.of_target.setdefault(table.step.target, []).append(table)
        self._counts, self._best = self._potentials()

    # --- tables ----------------------------------------------------------------------------------------------

    def _tables(self) -> list[Table]:
        """One for each step, in the order of the computation, of the numbers that the element reaches."""
        reached = {self.cone.wrt: np.array([self.start])}
        tables = []
        work = 0
        for card in reversed(self.cone.cards):
            found: list[Table] = []
            for step in self.cone.steps.get(card, ()):
                work += self._work(step, len(reached[step.target]))
                if work > MOST_WORK:
                    raise _too_many(self.derivation, step)
                found.append(self._table(step, reached[step.target]))
            if found:
                reached[card] = np.unique(np.concatenate([table.places for table in found]))
                tables += found
        return tables

    def _work(self, step: Step, reached: int) -> int:
        """How many numbers are computed for a table; a multiply-add of a matrix product counts a sixteenth."""
        node = self.derivation.node(step.source)
        once = node.out.size + self.derivation.value(step.target).size
        if node.op.kind is ELEMENTWISE:  # type: ignore[union-attr]
            return int(once)
        if node.op.kind is PRODUCT and node.inputs[0].out.ndim:  # type: ignore[union-attr]
            once += node.out.size * node.inputs[0].out.shape[-1] // 16
        return int(once * min(reached, node.out.size))

    def _table(self, step: Step, reached: np.ndarray) -> Table:
        node = self.derivation.node(step.source)
        source, target = node.out, node.inputs[step.position].out
        if node.op.kind is ELEMENTWISE:  # type: ignore[union-attr]
            places, indices, slopes = _diagonal(self.derivation, step)
        elif not len(reached):
            places = indices = np.zeros(0, int)
            slopes = np.zeros(0)
        elif source.size <= len(reached):
            places, indices, slopes = _by_rows(self.derivation, step)
        else:
            places, indices, slopes = _by_columns(node, step.position, target, reached)
        wanted = np.zeros(target.size, bool)
        wanted[reached] = True
        kept = wanted[indices] & (slopes != 0)
        lost_places, lost_indices = _zero_times_infinite(self.derivation, step, wanted)
        new = ~np.isin(lost_places * target.size + lost_indices, places[kept] * target.size + indices[kept])
        lost = np.count_nonzero(new)
        return Table(
            step,
            np.concatenate([places[kept], lost_places[new]]),
            np.concatenate([indices[kept], lost_indices[new]]),
            np.concatenate([slopes[kept], np.zeros(lost)]),
            np.concatenate([_sizes(slopes[kept]), np.full(lost, VERY_LARGE)]),
        )

    # --- what follows from them ------------------------------------------------------------------------------

    def _potentials(self) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        """For each number: how many paths lead from it to the result, and the largest |product| of one of them."""
        counts: dict[str, np.ndarray] = {}
        best: dict[str, np.ndarray] = {}
        for card in self.cone.cards:
            size = self.derivation.value(card).size
            counts[card], best[card] = np.zeros(size, object), np.zeros(size)
        result = self.cone.cards[0]
        counts[result][:], best[result][:] = 1, 1.0
        for table in reversed(self.tables):
            source, target = table.step.source, table.step.target
            np.add.at(counts[target], table.indices, counts[source][table.places])
            ahead = np.minimum(table.sizes * best[source][table.places], HUGE)
            np.maximum.at(best[target], table.indices, ahead)
        return counts, best

    @property
    def count(self) -> int:
        """How many paths of numbers there are whose product isn't 0."""
        return int(self._counts[self.cone.wrt][self.start])

    @property
    def total(self) -> float:
        """The sum of the products of all paths: the gradient, by another way than backward's."""
        sums = {card: np.zeros(self.derivation.value(card).size) for card in self.cone.cards}
        sums[self.cone.cards[0]][:] = 1
        with np.errstate(all="ignore"):
            for table in reversed(self.tables):
                products = table.slopes * sums[table.step.source][table.places]
                np.add.at(sums[table.step.target], table.indices, products)
        return float(sums[self.cone.wrt][self.start])

    def count_along(self, steps: tuple[Step, ...]) -> int:
        """How many of them go through these cards (steps from the result to the card)."""
        by_step = {table.step: table for table in self.tables}
        numbers = np.zeros(self.derivation.value(self.cone.wrt).size, object)
        numbers[self.start] = 1
        for step in reversed(steps):
            table = by_step[step]
            further = np.zeros(self.derivation.value(step.source).size, object)
            np.add.at(further, table.places, numbers[table.indices])
            numbers = further
        return int(numbers.sum())

    def largest(self, most: int) -> list[NumberPath]:
        """The `most` paths with the largest products, in absolute terms: exact, by best-first search.

        A path is ranked by how far it must stay behind the best one. A step on the best way adds exactly nothing,
        so of many equal paths one is followed to its end before the next.
        """
        result = self.cone.cards[0]
        if not self.count:
            return []
        waiting: list[tuple[float, int, float, str, int, Any]] = [(0.0, 0, 1.0, self.cone.wrt, self.start, None)]
        number = 0  # the latest first, among equals
        found: list[NumberPath] = []
        while waiting and len(found) < most:
            behind, _, product, card, index, link = heapq.heappop(waiting)
            if card == result:
                found.append(NumberPath(_hops(link), product))
                continue
            best = self._best[card][index]
            for table in self.of_target[card]:
                for k in np.flatnonzero(table.indices == index):
                    place, slope = int(table.places[k]), float(table.slopes[k])
                    reach = min(float(table.sizes[k]) * self._best[table.step.source][place], HUGE)
                    if reach > 0:
                        number -= 1
                        more = behind + (0.0 if reach > best * (1 - TIE) else math.log(best / reach))
                        link_on = (Hop(table.step, place, index, slope), link)
                        heapq.heappush(waiting, (more, number, product * slope, table.step.source, place, link_on))
        return found


def _sizes(slopes: Any) -> Any:
    """|slopes|, where what isn't finite counts as very large: its paths are the ones to look at."""
    return np.where(np.isfinite(slopes), np.minimum(np.abs(slopes), VERY_LARGE), VERY_LARGE)


def _hops(link: Any) -> tuple[Hop, ...]:
    hops = []
    while link is not None:
        hop, link = link
        hops.append(hop)
    return tuple(reversed(hops))


def _diagonal(derivation: Derivation, step: Step) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The local derivatives of an elementwise op: one for each element of the output."""
    node = derivation.node(step.source)
    out, value = node.out, node.inputs[step.position].out
    rule: Any = node.op.vjp(step.position)  # type: ignore[union-attr]
    with np.errstate(all="ignore"):
        slopes = rule(np.ones_like(out), out, *(parent.out for parent in node.inputs), **node.params)
    origin = np.broadcast_to(np.arange(value.size).reshape(value.shape), out.shape)
    return np.arange(out.size), origin.ravel(), np.broadcast_to(slopes, out.shape).astype(np.float64).ravel()


def _zero_times_infinite(derivation: Derivation, step: Step, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The places and indices where a local derivative of 0 meets a gradient that isn't finite, and makes it nan.

    Asked of the rule itself, one such element after the other: a rule that only moves numbers makes no nan.
    """
    g = derivation.gradients[step.source]
    infinite = np.flatnonzero(~np.isfinite(g))[:MOST_INFINITE]
    found = [(np.zeros(0, int), np.zeros(0, int))]
    for place in infinite:
        alone = np.zeros_like(g)
        nans = []
        for arriving in (np.inf, 1.0):  # with 1 it must not be nan: that would be another element's doing
            alone.flat[place] = arriving
            nans.append(np.isnan(derivation.pulled(step.source, step.position, alone).ravel()))
        indices = np.flatnonzero(nans[0] & ~nans[1] & wanted)
        found.append((np.full(len(indices), place), indices))
    places, indices = (np.concatenate(part) for part in zip(*found))
    return places, indices


def _by_rows(derivation: Derivation, step: Step) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The whole table, by the rule on one element of the output after the other."""
    source, target = derivation.value(step.source), derivation.value(step.target)
    rows = np.zeros((source.size, target.size))
    for place in range(source.size):
        g = np.zeros(source.size, source.dtype)
        g[place] = 1
        rows[place] = derivation.pulled(step.source, step.position, g.reshape(source.shape)).ravel()
    places, indices = np.nonzero(rows)
    return places, indices, rows[places, indices]


def _by_columns(
    node: Any, position: int, target: np.ndarray, reached: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The columns of the elements that are reached, by forward mode."""
    parts = []
    for index in reached:
        moved = np.zeros(target.size, target.dtype)
        moved[index] = 1
        with np.errstate(all="ignore"):
            column = tangent_through(node, position, moved.reshape(target.shape), create_graph=False)
        column = np.zeros(node.out.size) if column is None else np.asarray(column, np.float64).ravel()
        places = np.flatnonzero(column)
        parts.append((places, np.full(len(places), index), column[places]))
    places, indices, slopes = (np.concatenate(part) for part in zip(*parts))
    return places, indices, slopes


def _too_many(derivation: Derivation, step: Step) -> ShapeError:
    source, target = (derivation.graph.by_id[card] for card in (step.source, step.target))
    return ShapeError(
        describe(
            f"too many numbers to follow from {target.name} {target.shape} to {source.name} {source.shape}",
            where=here(),
            fix="explain the loss of one sample, or leave index= away",
            code="explain-too-many-numbers",
        )
    )


# --- in the names of single numbers --------------------------------------------------------------------------


def element_name(derivation: Derivation, card: str, place: int) -> str:
    """`W2[7, 3]` for the element at a flat place; the card's name alone where it holds one number."""
    value = derivation.value(card)
    return derivation.graph.by_id[card].name + _index_in(value, np.unravel_index(place, value.shape))


def _index_in(array: np.ndarray, place: tuple[Any, ...]) -> str:
    """The index of what broadcasting brings from `array` to a place; nothing for a single number."""
    own = place[len(place) - array.ndim :]
    return index_text(0 if side == 1 else i for side, i in zip(array.shape, own)) if array.size > 1 else ""


def index_text(index: Iterable[Any]) -> str:
    """`[7, 3]`."""
    return f"[{', '.join(str(int(i)) for i in index)}]"


def slope(derivation: Derivation, hop: Hop) -> tuple[str, str]:
    """The local derivative of a hop, as text and as LaTeX: `1 − a1[0, 3]²`, `W2[7, 3]`, `1/4`.

    Which element of an operand a formula is about follows from the op's kind; where it doesn't, `∂p[3]/∂z[1]`.
    """
    card = derivation.graph.by_id[hop.step.source]
    node = derivation.node(card.id)
    place = np.unravel_index(hop.place, node.out.shape)
    rule = derivation.rule(card.id, hop.step.position)
    local = local_symbol(without_guards(rule)) if rule is not None else None
    if local is not None and (local.constant or card.elementwise):
        arrays = derivation.values(card.id)
        known = derivation.names(card)
        names = {key: name + _index_in(arrays[key], place) for key, name in known.items() if key in arrays}
        return written_local(local, names).replace("⊙", "·"), latex_of(
            local, {key: element_latex(name) for key, name in names.items()}
        ).replace(r"\odot", r"\cdot")
    other = 1 - hop.step.position
    if card.op == "matmul" and all(parent.out.ndim == 2 for parent in node.inputs):
        target = np.unravel_index(hop.index, node.inputs[hop.step.position].out.shape)
        at = (target[1], place[1]) if other == 1 else (place[0], target[0])
        name = derivation.names(card)[str(other)] + _index_in(node.inputs[other].out, at)
        return name, element_latex(name)
    of, by = element_name(derivation, card.id, hop.place), element_name(derivation, hop.step.target, hop.index)
    return f"∂{of}/∂{by}", rf"\frac{{\partial {element_latex(of)}}}{{\partial {element_latex(by)}}}"


def element_latex(name: str) -> str:
    """A name as LaTeX, with the index of an element as a subscript.

    >>> print(element_latex("W2[7, 3]"))
    {W_{2}}_{[7, 3]}
    """
    stem, bracket, index = name.rpartition("[")
    if bracket and index[:-1].replace(", ", "").isdigit() and index.endswith("]"):
        return f"{{{latex_name(stem)}}}_{{[{index}}}"
    return latex_name(name)
