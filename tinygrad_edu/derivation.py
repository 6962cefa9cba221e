"""Derivation: a reverse pass kept with every number it made, and the rule of every step as a formula.

What explanations and the step-through page are read from. Touches no `.grad`; must not know how anything is shown.
"""

from __future__ import annotations

import linecache
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_edu.cards import Card
from tinygrad_edu.errors import ShapeError, describe
from tinygrad_edu.graph import graph_and_nodes
from tinygrad_edu.memory import label
from tinygrad_edu.node import Node, here, line_of, recording
from tinygrad_edu.op import Op
from tinygrad_edu.reverse import fitted, recorded_nodes, sweep
from tinygrad_edu.saved import check_saved_values
from tinygrad_edu.symbols.rules import OUT, G, RuleText, call_symbol, local_symbol, rule_symbol, rule_text
from tinygrad_edu.symbols.symbol import NoFormulaError, Symbol
from tinygrad_edu.tensor import Tensor


class Derivation:
    """The graph of an output of one element, the arrays behind its cards, and the rules between them.

    graph       the graph, with gradients; `nodes` are those of its cards
    gradients   ∂output/∂card as an array, for each card that has one, by card id

    names, program   as for `graph_and_nodes`

    Raises ShapeError for an output of several elements, and GradientError where there is no graph, or where a
    value that a rule needs was overwritten.

    >>> x = Tensor(3.0, requires_grad=True, name="x")
    >>> d = Derivation(x * x)
    >>> d.told("n1", 0).text, d.gradients["n0"].item()
    ('g · x', 6.0)
    """

    def __init__(
        self, output: Tensor, names: Mapping[Any, Any] | None = None, program: Mapping[Any, Any] | None = None
    ) -> None:
        if isinstance(output, Tensor) and output.size != 1:
            raise ShapeError(
                describe(
                    f"a gradient is explained for one number, and {label(output)} holds {output.size}",
                    where=here(),
                    fix="loss.sum(), loss.mean(), or one element: loss[0]",
                    code="explain-output",
                )
            )
        self.graph, self.nodes = graph_and_nodes(output, names, program=program)
        self.place = {card.id: place for place, card in enumerate(self.graph.cards)}
        self.gradients = self._run_backward()
        self._rules: dict[tuple[str, int], Symbol | None] = {}
        self._told: dict[tuple[str, int], RuleText] = {}

    def _run_backward(self) -> dict[str, np.ndarray]:
        root = self.nodes[-1]
        newest_first, leaves = recorded_nodes([root])
        check_saved_values(newest_first, leaves)
        found: dict[Node, np.ndarray] = {}

        def visit(node: Node, g: Any) -> None:
            found[node] = np.asarray(g)

        with recording(False):
            of_leaves = sweep(newest_first, {root: np.ones(root.out.shape, root.out.dtype)}, visit=visit)
        found.update((node, np.asarray(g)) for node, g in of_leaves.items())
        cards = zip(self.graph.cards, self.nodes)
        return {card.id: found[node] for card, node in cards if node in found and node.requires_grad}

    # --- the arrays ------------------------------------------------------------------------------------------

    def node(self, card: str) -> Node:
        """The node of a card."""
        return self.nodes[self.place[card]]

    def value(self, card: str) -> np.ndarray:
        """The value of a card."""
        array: np.ndarray = self.node(card).out
        return array

    def values(self, card: str) -> dict[str, Any]:
        """The arrays of a card's rules, under the names they have in formulas: out, 0, 1, …"""
        node = self.node(card)
        return {OUT: node.out, **{str(place): parent.out for place, parent in enumerate(node.inputs)}}

    def carries(self, card: str, position: int) -> bool:
        """Whether the gradient goes from a card to its operand at `position`."""
        node = self.node(card)
        return node.inputs[position].requires_grad and node.op.vjp(position) is not None  # type: ignore[union-attr]

    def pulled(self, card: str, position: int, g: np.ndarray) -> np.ndarray:
        """What the gradient g of a card becomes at its operand: the rule itself, as backward runs it."""
        node = self.node(card)
        rule: Any = node.op.vjp(position)  # type: ignore[union-attr]
        with np.errstate(all="ignore"), recording(False):
            cotangent = rule(g, node.out, *(parent.out for parent in node.inputs), **node.params)
            return np.asarray(fitted(cotangent, node, node.inputs[position]))

    def source(self, card: str) -> str:
        """The line of the program that a card was computed by, where the program can be read."""
        node = self.node(card)
        if node.op is None:
            return ""
        path, line = line_of(node.code, node.instruction, node.scope)
        linecache.checkcache(path)  # in a notebook or a test the file may have changed
        return linecache.getline(path, line).strip()

    # --- the rules -------------------------------------------------------------------------------------------

    def call(self, card: str) -> Symbol:
        """How a computed card was computed, as a formula."""
        node = self.node(card)
        op: Op = node.op  # type: ignore[assignment]
        return call_symbol(op, node.out, [parent.out for parent in node.inputs], node.params)

    def rule(self, card: str, position: int) -> Symbol | None:
        """The rule of an operand as a formula; None where it can't be told as one."""
        key = card, position
        if key not in self._rules:
            node = self.node(card)
            op: Op = node.op  # type: ignore[assignment]
            g = self.gradients.get(card, np.ones_like(node.out))
            arrays = [parent.out for parent in node.inputs]
            try:
                self._rules[key] = rule_symbol(op, position, g, node.out, arrays, node.params)
            except NoFormulaError:
                self._rules[key] = None
        return self._rules[key]

    def local(self, card: str, position: int) -> Symbol | None:
        """The local derivative of an operand as a formula; None where the rule does more than multiply."""
        rule = self.rule(card, position)
        return local_symbol(rule) if rule is not None else None

    def told(self, card: str, position: int, names: Mapping[str, str] | None = None) -> RuleText:
        """The rule of an operand as a learner reads it, in the names of the cards or in `names` instead."""
        key = card, position
        op: Op = self.node(card).op  # type: ignore[assignment]
        if names is not None:
            return rule_text(op, position, self.rule(card, position), names)
        if key not in self._told:
            own = self.names(self.graph.by_id[card])
            self._told[key] = rule_text(op, position, self.rule(card, position), own)
        return self._told[key]

    def names(self, card: Card) -> dict[str, str]:
        """What g, out, 0, 1, … are called in the rules of a card."""
        names = {G: "g", OUT: card.name}
        for place, operand in enumerate(card.operands):
            if isinstance(operand, str):
                names[str(place)] = self.graph.by_id[operand].name
        return names
