"""How an op is written: `x + y`, `x²`, `sum(x, axis=0)`; in its row's own formula where that is an operator.

Lines of code, the rules of backward and the titles of pictures are all composed here. Knows texts and plain values;
must not know nodes, cards or drawings.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tinygrad_edu.arguments import Argument
from tinygrad_edu.numbers import number_text

SUM, PRODUCT, PREFIX, POWER, SUFFIX, ATOM = range(6)  # how tightly a piece holds together
BINDING = {"+": SUM, "−": SUM, "·": PRODUCT, "⊙": PRODUCT, "/": PRODUCT, "@": PRODUCT, "**": POWER}

_INFIX = re.compile(r"x (\S+|and|or) y")
_PREFIX = re.compile(r"([−+])x")
_SUFFIX = re.compile(r"x([²ᵀ])")


@dataclass(frozen=True)
class Piece:
    """Text of an expression, and how tightly it holds together."""

    text: str
    binding: int = ATOM

    def within(self, binding: int) -> str:
        """The text as part of an expression that binds so tightly: in parentheses if need be."""
        return f"({self.text})" if self.binding < binding else self.text


def number_piece(value: complex) -> Piece:
    """A number of the program's text: as it was written if that is short.

    >>> number_piece(-2.0).text, number_piece(1 / 3).text
    ('−2', '0.333')
    """
    text = repr(value).removesuffix(".0").replace("-", "\N{MINUS SIGN}")
    text = text if len(text) <= 8 else number_text(value)
    return Piece(text, PREFIX if text.startswith("\N{MINUS SIGN}") else ATOM)


def compose(op: str, formula: str, operands: Sequence[Piece], params: Sequence[Argument] = ()) -> Piece:
    """What the op of that name and formula gives on the operands: an operator where the formula is one, else a call.

    >>> compose("add", "x + y", [Piece("a"), compose("multiply", "x · y", [Piece("b"), Piece("c")])]).text
    'a + b · c'
    """
    if not params and len(operands) == 2 and (match := _INFIX.fullmatch(formula)):
        return infix(match[1], *operands)
    if not params and len(operands) == 1:
        (x,) = operands
        if match := _PREFIX.fullmatch(formula):
            return Piece(match[1] + x.within(POWER), PREFIX)
        if match := _SUFFIX.fullmatch(formula):
            return Piece(x.within(ATOM) + match[1], SUFFIX)
        if formula == "|x|":
            return Piece(f"|{x.text}|")
    if op in ("getitem", "setitem"):
        return _indexed(op, operands, params)
    arguments = [x.text for x in operands]
    arguments += [p.text if p.required else f"{p.name}={p.text}" for p in params]
    return Piece(f"{op}({', '.join(arguments)})")


def infix(sign: str, x: Piece, y: Piece) -> Piece:
    """x and y with the sign between them, in parentheses where it binds more than they do."""
    if sign not in BINDING:
        sign = "==" if sign == "=" else sign
        return Piece(f"{x.within(ATOM)} {sign} {y.within(ATOM)}", SUM - 1)
    binding = BINDING[sign]
    left = x.within(ATOM if sign == "**" else binding)
    right = y.within(PREFIX + 1 if y.binding == PREFIX else binding + 1)
    return Piece(f"{left} {sign} {right}", binding)


def _indexed(op: str, operands: Sequence[Piece], params: Sequence[Argument]) -> Piece:
    index = next(p.text for p in params if p.name == "index")
    if op == "getitem":
        return Piece(f"{operands[0].within(ATOM)}[{index}]")
    return Piece(f"{operands[0].text} with [{index}] = {operands[1].text}", SUM - 1)
