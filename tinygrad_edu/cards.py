"""What a graph is made of: cards, the boxes around them, arrows between them. Plain data; must not know nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from tinygrad_edu.arguments import Argument
from tinygrad_edu.snapshot import Snapshot

if TYPE_CHECKING:
    import numpy as np

Kind = Literal["input", "target", "constant", "parameter", "leaf", "operation", "module", "result"]
Number = float | int | bool | complex


@dataclass(frozen=True, eq=False)
class Card:
    """One line of the computation, `name = op(operands, params)`, or one value that was given.

    id         n0, n1, … in an order in which every card comes after its operands
    kind       of a given value: input, target, constant, parameter, leaf; of a computed one: operation, result,
               or module for a module that is drawn closed
    op         the op's name, or what calls the closed module; empty for a given value
    formula    the op as a learner writes it, in x and y
    operands   ids of cards, and plain numbers, in the order of the op's arguments; repeats are kept
    slopes     ∂card/∂operand for each operand, where all cards are scalars; else empty
    slope_formulas   the same as formulas in the names of the cards; empty texts where they are plain numbers
    bytes_held the memory that the graph holds for it and for no card before it
    box        id of the innermost box around the card
    site       `file.py:31`, where the op was called
    note       what a closed module is
    inside     how many nodes, and the shapes of which parameters, a closed module hides
    times      how many closed modules, alike and one after the other, the card stands for
    closes     id of the box that the card of a closed module stands for
    """

    id: str
    kind: Kind
    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    value: Snapshot
    grad: Snapshot | None = None
    op: str = ""
    formula: str = ""
    elementwise: bool = False
    operands: tuple[str | Number, ...] = ()
    params: tuple[Argument, ...] = ()
    slopes: tuple[Number | None, ...] = ()
    slope_formulas: tuple[str, ...] = ()
    bytes_held: int = 0
    box: str | None = None
    site: str = ""
    note: str = ""
    nodes_inside: int = 0
    parameters_inside: tuple[tuple[int, ...], ...] = ()
    times: int = 1
    closes: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        """The ids of the cards this one is computed from, in operand order, repeats kept."""
        return tuple(operand for operand in self.operands if isinstance(operand, str))

    @property
    def computed(self) -> bool:
        """Whether an op or a module made it."""
        return bool(self.op)


@dataclass(frozen=True)
class Box:
    """One call of a module or a loss.

    name    its name within its parent, empty for a model that is called by itself
    call    what an expression calls it
    label   what it is
    site    `file.py:31`, where it was called
    bare    whether it has no name and holds nothing but other boxes: it would only frame the picture
    """

    id: str
    kind: str
    name: str
    call: str
    label: str
    parent: str | None
    site: str
    bare: bool = False


@dataclass(frozen=True)
class Arrow:
    """From the card `source` to operand number `position` of the card `target`."""

    source: str
    target: str
    position: int
