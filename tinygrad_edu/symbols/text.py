"""Formulas as text: `g @ W2ᵀ`, `g ⊙ (1 − a1²)`, `g / 12`. The same notation as that of lines of code."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tinygrad_edu.arguments import arguments_of, value_text
from tinygrad_edu.notation import SUM, Piece, compose, infix, number_piece
from tinygrad_edu.op import Op
from tinygrad_edu.symbols.simplify import is_always
from tinygrad_edu.symbols.symbol import Symbol

CLAUSE = SUM - 2  # binds less than anything: `g where x > 0, else 0`
LARGEST_SHARE = 10**9  # 1/n for whole n up to here is written as that


def text_of(symbol: Symbol, names: Mapping[str, str] | None = None) -> str:
    """The formula in these names instead of g, out, 0, 1, …

    >>> import numpy as np
    >>> g, x = Symbol.given("g", np.ones(3)), Symbol.given("0", np.arange(3.0))
    >>> text_of(g * (1 - np.tanh(x) ** 2) / 3, {"0": "z1"})
    'g ⊙ (1 − tanh(z1) ** 2) / 3'
    """
    return piece_of(symbol, names or {}).text


def piece_of(symbol: Symbol, names: Mapping[str, str]) -> Piece:
    """The formula as a piece of a larger one."""
    if symbol.name:
        return Piece(names.get(symbol.name, symbol.name))
    if symbol.function is None:
        return constant_piece(symbol.value)
    for number in (0, 1):
        if is_always(symbol, number):
            return Piece(str(number))
    parts = [piece_of(operand, names) for operand in symbol.operands]
    written = _WRITTEN.get(symbol.op)
    piece = written(symbol, parts) if written is not None else None
    if piece is not None:
        return piece
    op = symbol.function
    if isinstance(op, Op):
        return compose(op.name, op.formula, parts, arguments_of(op, symbol.params))
    arguments = [part.text for part in parts]
    arguments += [f"{name}={value_text(value)}" for name, value in symbol.params.items()]
    return Piece(f"{symbol.op}({', '.join(arguments)})")


def constant_piece(value: Any) -> Piece:
    """A constant, as the program would have it."""
    plain = isinstance(value, int | float | complex) and not isinstance(value, bool)
    return number_piece(value) if plain else Piece(value_text(value))


def reciprocal(value: Any) -> int | None:
    """n where `value` is 1/n, n being whole and at least 2."""
    if not isinstance(value, float) or not 1 / LARGEST_SHARE < value <= 0.5:
        return None
    count = round(1 / value)
    return count if 1 / count == value else None


def _product(symbol: Symbol, parts: list[Piece]) -> Piece:
    """`g / n` for a share of g, ⊙ between arrays, · where one of the two is a single number."""
    x, y = symbol.operands
    if y.constant and (count := reciprocal(y.value)) is not None:
        return infix("/", parts[0], Piece(str(count)))
    arrays = x.size > 1 and y.size > 1
    return infix("⊙" if arrays else "·", *parts)


def _where(symbol: Symbol, parts: list[Piece]) -> Piece:
    condition, x, y = parts
    return Piece(f"{x.within(CLAUSE + 1)} where {condition.text}, else {y.within(CLAUSE + 1)}", CLAUSE)


def _scattered(symbol: Symbol, parts: list[Piece]) -> Piece:
    arguments = {argument.name: argument.text for argument in arguments_of(symbol.function, symbol.params)}
    return Piece(f"zeros({arguments['shape']}) with [{arguments['index']}] += {parts[0].text}", CLAUSE)


def _swapped(symbol: Symbol, parts: list[Piece]) -> Piece | None:
    """Rows and columns exchanged: the transpose of each matrix."""
    axes = [operand.value for operand in symbol.operands[1:]]
    return compose("transpose", "xᵀ", parts[:1]) if sorted(axes) == [-2, -1] else None


_WRITTEN: Mapping[str, Callable[[Symbol, list[Piece]], Piece | None]] = {
    "multiply": _product,
    "where": _where,
    "swapaxes": _swapped,
    "scatter_add": _scattered,
}
