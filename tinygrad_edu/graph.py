"""Graph: a plain, immutable picture of a recorded computation, from which every drawing is read.

This is the only module that reads nodes for drawing. What it gives holds no node, no Tensor and nothing that
depends on hashing or addresses, so equal programs give equal pictures. It must not know how anything is drawn.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_edu.arguments import arguments_of
from tinygrad_edu.autodiff import break_of
from tinygrad_edu.cards import Arrow, Box, Card, Kind, Number
from tinygrad_edu.errors import DtypeError, GradientError, describe
from tinygrad_edu.memory import NUMBERS, label
from tinygrad_edu.naming import complete_names, known_names, lists_parameters, one_line, parameter_paths
from tinygrad_edu.node import Leaf, Node, Scope, here, node_site, recording, site_of
from tinygrad_edu.op import ELEMENTWISE
from tinygrad_edu.reverse import fitted, recorded_nodes, sweep
from tinygrad_edu.saved import check_saved_values
from tinygrad_edu.snapshot import Snapshot
from tinygrad_edu.symbols.rules import OUT, local_symbol, rule_symbol
from tinygrad_edu.symbols.simplify import without_guards
from tinygrad_edu.symbols.symbol import NoFormulaError
from tinygrad_edu.symbols.text import text_of
from tinygrad_edu.tensor import Tensor


@dataclass(frozen=True, eq=False)
class Graph:
    """The cards and boxes of one computation, the result last.

    cards       in an order in which every card comes after its operands
    boxes       in order of the calls; an inner box comes after the outer one
    notes       what a reader must know to trust the numbers, in sentences
    operations  how many operations were recorded; fewer cards show them where modules are closed
    focus       of a part of a graph, the id of the card that it is about
    outside     of a part of a graph, the cards that are not in it but that its cards were computed from
    partly      of a part of a graph, the ids of the cards that are also used outside
    """

    cards: tuple[Card, ...]
    boxes: tuple[Box, ...]
    notes: tuple[str, ...] = ()
    operations: int = 0
    focus: str = ""
    outside: tuple[Card, ...] = ()
    partly: frozenset[str] = frozenset()

    @classmethod
    def of(cls, output: Tensor, names: Mapping[Any, Any] | None = None, grads: bool = True) -> Graph:
        """The graph that `output` was computed by.

        output   a Tensor that depends on something that requires grad
        names    {name: tensor} or {tensor: name}; `locals()` will do
        grads    whether to run a reverse pass of its own for the gradients (an output of one element only).
                 No `.grad` is touched.

        >>> x = Tensor(3.0, requires_grad=True, name="x")
        >>> [(card.id, card.name, card.op, card.inputs) for card in Graph.of(x * x).cards]
        [('n0', 'x', '', ()), ('n1', 'result', 'multiply', ('n0', 'n0'))]
        """
        return graph_and_nodes(output, names, grads)[0]

    @cached_property
    def by_id(self) -> dict[str, Card]:
        """The cards by their ids, those outside too."""
        return {card.id: card for card in (*self.cards, *self.outside)}

    @cached_property
    def box_by_id(self) -> dict[str, Box]:
        """The boxes by their ids."""
        return {box.id: box for box in self.boxes}

    @cached_property
    def arrows(self) -> tuple[Arrow, ...]:
        """One arrow per operand that is a card: `a * a` has two."""
        outside = {card.id for card in self.outside}
        return tuple(
            Arrow(operand, card.id, position)
            for card in self.cards
            for position, operand in enumerate(card.operands)
            if isinstance(operand, str) and operand not in outside
        )

    @cached_property
    def arrows_from(self) -> dict[str, list[Arrow]]:
        """The arrows that leave each card."""
        leaving: dict[str, list[Arrow]] = {card.id: [] for card in self.cards}
        for arrow in self.arrows:
            leaving[arrow.source].append(arrow)
        return leaving

    @cached_property
    def arrows_to(self) -> dict[str, list[Arrow]]:
        """The arrows that arrive at each card, in operand order."""
        arriving: dict[str, list[Arrow]] = {card.id: [] for card in self.cards}
        for arrow in self.arrows:
            arriving[arrow.target].append(arrow)
        return arriving

    @property
    def result(self) -> Card:
        """The card of the output."""
        return self.cards[-1]

    @cached_property
    def scalar(self) -> bool:
        """Whether every card is a single number, outside all modules: the pictures that teach the chain rule."""
        return not self.boxes and all(card.shape == () for card in self.cards)

    @property
    def differentiated(self) -> bool:
        """Whether the cards have gradients."""
        return self.result.grad is not None

    @property
    def parameter_shapes(self) -> list[tuple[int, ...]]:
        """The shape of every parameter, those inside closed modules included."""
        shapes = [card.shape for card in self.cards if card.kind == "parameter"]
        return shapes + [shape for card in self.cards for shape in card.parameters_inside]

    @property
    def parameter_count(self) -> int:
        """How many numbers the parameters are."""
        return sum(map(math.prod, self.parameter_shapes))

    @property
    def node_count(self) -> int:
        """How many nodes the cards stand for."""
        return sum(card.nodes_inside or 1 for card in self.cards)


# --- reading the nodes ---------------------------------------------------------------------------------------


def graph_and_nodes(
    output: Tensor,
    names: Mapping[Any, Any] | None = None,
    grads: bool = True,
    program: Mapping[Any, Any] | None = None,
) -> tuple[Graph, tuple[Node, ...]]:
    """The graph of `output`, see `Graph.of`, and the node of each of its cards.

    program   the variables of the program, such as `locals()`: names for what has none of its own
    """
    root = _root(output)
    newest_first, leaves = recorded_nodes([root])
    record = _Record(newest_first[::-1] or [root])
    notes: tuple[str, ...] = ()
    gradients: dict[Node, Snapshot] = {}
    if grads and root.out.size == 1:
        notes = _run_backward(root, newest_first, leaves, gradients)
    elif grads:
        notes = (f"no grad: backward needs one number to start from, and this output has shape {root.out.shape}",)
    cards = _cards(record, gradients, names, program)
    notes = _written_since(record, leaves, cards) + notes
    return Graph(cards, _boxes(record), notes, len(newest_first)), tuple(record.order)


def _root(output: Tensor) -> Node:
    """The node to start from. Raises where there is no graph, saying why."""
    if not isinstance(output, Tensor):
        raise DtypeError(
            describe(
                f"a graph is drawn from a Tensor that was computed, not from {type(output).__name__}",
                where=here(),
                fix="tg.draw(model(x)), or tg.draw(loss)",
                code="not-a-tensor",
            )
        )
    node = output._node
    if node is None or not node.requires_grad:
        raise GradientError(
            describe(
                f"{label(output)} has no graph to draw: it doesn't depend on anything that requires grad",
                where=here(),
                broken=break_of(output),
                fix="make the inputs with requires_grad=True, and don't detach them on the way",
                code="no-gradient-path",
            )
        )
    return node


class _Record:
    """The nodes in the order of their cards: each op after the given values that it is the first to use.

    Numbers written in the code are no cards. Constants on one and the same array are one card.
    """

    def __init__(self, oldest_first: Sequence[Node]) -> None:
        self.order: list[Node] = []
        self.place: dict[Node, int] = {}
        self.users: dict[Node, list[Node]] = {}
        self.boxes: dict[Scope, Box] = {}
        self._by_array: dict[int, Node] = {}
        for node in oldest_first:
            for parent in dict.fromkeys(map(self.same, node.inputs)):
                if not is_number(parent):
                    self._append(parent)
                    self.users[parent].append(node)
            self._append(node)
            if node.scope is not None:
                self._add_boxes(node.scope)

    def _append(self, node: Node) -> None:
        if node not in self.place:
            self.place[node] = len(self.order)
            self.users[node] = []
            self.order.append(node)

    def same(self, node: Node) -> Node:
        """The node whose card stands for `node`: the first constant on the same array, or itself."""
        if node.op is not None or isinstance(node, Leaf) or is_number(node):
            return node
        return self._by_array.setdefault(id(node.out), node)

    def _add_boxes(self, innermost: Scope) -> None:
        for scope in innermost.chain() if innermost not in self.boxes else ():
            if scope not in self.boxes:
                parent = self.boxes[scope.parent] if scope.parent is not None else None
                self.boxes[scope] = Box(
                    id=f"b{len(self.boxes)}",
                    kind=scope.kind,
                    name=one_line(scope.name),
                    call=_call(scope),
                    label=one_line(scope.label()),
                    parent=parent.id if parent else None,
                    site=site_of(scope.code, scope.instruction, scope.parent),
                )


def _call(scope: Scope) -> str:
    """What an expression calls the scope: a loss by its name, a module by its path, or its type where it has none."""
    path = one_line(scope.name if scope.kind == "loss" else scope.path)
    return path or ("model" if scope.module is None else type(scope.module).__name__.lower())


def is_number(node: Node) -> bool:
    """Whether the node is a number of the program's text, such as the 2 of `2 * x`."""
    return isinstance(node.out, NUMBERS)


def _cards(
    record: _Record,
    gradients: Mapping[Node, Snapshot],
    given: Mapping[Any, Any] | None,
    program: Mapping[Any, Any] | None,
) -> tuple[Card, ...]:
    order = record.order
    paths = parameter_paths(record.boxes)
    known = known_names(order, given, paths, program)
    named = {node for node, name in zip(order, known) if name}
    if not known[-1] and order[-1].op is not None:
        known[-1] = "loss" if _inside(order[-1], "loss") else "result"
    names = complete_names(known)
    scalar = not record.boxes and all(node.out.shape == () for node in order)
    held: set[int] = set()
    cards = []
    for number, (node, name) in enumerate(zip(order, names)):
        kind = _kind(node, record, paths, node in named, scalar)
        op = node.op
        operands = [p.out if is_number(p) else f"n{record.place[record.same(p)]}" for p in node.inputs]
        slopes = _slopes(node) if scalar and gradients else ()
        cards.append(
            Card(
                id=f"n{number}",
                kind=kind,
                name=name,
                shape=node.out.shape,
                dtype=node.out.dtype,
                value=Snapshot.of(node.out),
                grad=gradients.get(node),
                op=op.name if op else "",
                formula=op.formula if op else "",
                elementwise=op is not None and op.kind is ELEMENTWISE,
                operands=tuple(operands),
                params=arguments_of(op, node.params) if op else (),
                slopes=slopes,
                slope_formulas=tuple(
                    "" if slope is None else _slope_formula(node, position, record, names)
                    for position, slope in enumerate(slopes)
                ),
                bytes_held=_bytes_held(node, held),
                box=_box_id(node, kind, record),
                site=node_site(node),
            )
        )
    return tuple(cards)


def _bytes_held(node: Node, held: set[int]) -> int:
    """How many bytes of memory `node` holds until the graph goes that no node before it does; a view holds none."""
    total = 0
    for array in (node.out, *node.params.values()):
        while isinstance(array, np.ndarray) and isinstance(array.base, np.ndarray):
            array = array.base
        if isinstance(array, np.ndarray) and id(array) not in held:
            held.add(id(array))
            total += array.nbytes
    return total


def _boxes(record: _Record) -> tuple[Box, ...]:
    holding = {node.scope for node in record.order}
    return tuple(
        replace(box, bare=not box.name and box.parent is None and scope not in holding)
        for scope, box in record.boxes.items()
    )


def _kind(node: Node, record: _Record, paths: Mapping[Node, str], named: bool, scalar: bool) -> Kind:
    if node.op is not None:
        return "result" if node is record.order[-1] else "operation"
    users = record.users[node]
    if node.requires_grad:
        if scalar:
            return "leaf"
        passed_in = node not in paths and users and all(map(_inside_listing_module, users))
        return "input" if passed_in else "parameter"
    if users and all(_inside(user, "loss") for user in users):
        return "target"
    return "input" if named or any(_inside(user, "module") for user in users) else "constant"


def _inside(node: Node, kind: str) -> bool:
    return node.scope is not None and any(scope.kind == kind for scope in node.scope.chain())


def _inside_listing_module(node: Node) -> bool:
    return node.scope is not None and any(map(lists_parameters, node.scope.chain()))


def _box_id(node: Node, kind: Kind, record: _Record) -> str | None:
    """The innermost box around an op; of a given value, that around all its users. Inputs stand outside."""
    users = [node] if node.op is not None else record.users[node]
    chains = [user.scope.chain() if user.scope is not None else [] for user in users]
    if kind == "input" or not chains:
        return None
    common = None
    for scopes in zip(*chains):
        if any(scope is not scopes[0] for scope in scopes):
            break
        common = record.boxes[scopes[0]].id
    return common


# --- gradients -----------------------------------------------------------------------------------------------


def _run_backward(
    root: Node, newest_first: list[Node], leaves: list[Leaf], gradients: dict[Node, Snapshot]
) -> tuple[str, ...]:
    """Put the gradient of every node into `gradients`; where they would be wrong, none and a note instead."""
    try:
        check_saved_values(newest_first, leaves)
    except GradientError as error:
        return (f"no grad: {str(error).splitlines()[0]}",)

    def visit(node: Node, g: Any) -> None:
        gradients[node] = Snapshot.of(np.asarray(g))

    with recording(False):
        found = sweep(newest_first, {root: np.ones(root.out.shape, root.out.dtype)}, visit=visit)
    for leaf in leaves:
        if leaf in found:
            visit(leaf, found[leaf])
    return ()


def _slopes(node: Node) -> tuple[Number | None, ...]:
    """The derivative of a scalar node with respect to each of its inputs: its rules, started from 1."""
    if node.op is None:
        return ()
    one = np.ones((), node.out.dtype)
    arguments = [parent.out for parent in node.inputs]
    slopes: list[Number | None] = []
    for position, parent in enumerate(node.inputs):
        rule = node.op.vjp(position)
        if rule is None or not parent.requires_grad:
            slopes.append(None)
            continue
        with np.errstate(all="ignore"), recording(False):
            slopes.append(fitted(rule(one, node.out, *arguments, **node.params), node, parent).item())
    return tuple(slopes)


def _slope_formula(node: Node, position: int, record: _Record, names: Sequence[str]) -> str:
    """The same as a formula, from the rule itself: `b` for a · b, `1 − t1²` for tanh; empty where it is a number."""
    op = node.op
    assert op is not None
    called = {
        str(place): names[record.place[record.same(p)]] for place, p in enumerate(node.inputs) if not is_number(p)
    }
    called[OUT] = names[record.place[node]]
    arrays = [parent.out for parent in node.inputs]
    try:
        rule = rule_symbol(op, position, np.ones((), node.out.dtype), node.out, arrays, node.params)
    except NoFormulaError:
        return ""
    local = local_symbol(without_guards(rule)) if rule is not None else None
    return "" if local is None or not local.names() else text_of(local, called)


def _written_since(record: _Record, leaves: Sequence[Leaf], cards: Sequence[Card]) -> tuple[str, ...]:
    """A note for each leaf whose card shows a newer value than the one that was used."""
    return tuple(
        f"{cards[record.place[leaf]].name} was written at {leaf.written_at}, "
        "after it was used: its card shows the new value"
        for leaf in sorted(leaves, key=record.place.__getitem__)
        if any(user.index < leaf.written for user in record.users[leaf])
    )
