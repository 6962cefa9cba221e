"""Shorter formulas for the same numbers: constants computed, factors of 1 and what adds 0 left out.

Every step keeps value, shape and dtype for all numbers, so a simplified formula may be computed with.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, REGISTRY, Op
from tinygrad_edu.symbols.symbol import Symbol, apply

COMPARISONS = ("equal", "not_equal", "less", "less_equal", "greater", "greater_equal")


def simplified(symbol: Symbol) -> Symbol:
    """The same value by a formula that is not longer.

    >>> g, x = Symbol.given("g", np.ones(2)), Symbol.given("0", np.arange(2.0))
    >>> simplified(g * 1 * (x * x)), simplified(g * (Symbol(3) - 1.0))
    (multiply(g, square(0)), multiply(g, 2.0))
    """
    if symbol.function is None:
        return symbol
    operands = tuple(map(simplified, symbol.operands))
    if all(operand.constant for operand in operands):
        return _constant(symbol.value)
    again = Symbol(symbol.value, function=symbol.function, operands=operands, params=symbol.params)
    again = _without_leading_ones(again)
    operands = again.operands
    step = _STEPS.get(again.op)
    shorter = step(*operands, **again.params) if step is not None else None
    if shorter is None or shorter.shape != again.shape or shorter.dtype != again.dtype:
        return again
    return shorter


def _constant(value: Any) -> Symbol:
    """A plain value; a number where it is one."""
    return Symbol(value.item() if isinstance(value, np.ndarray | np.generic) and not np.ndim(value) else value)


def is_always(symbol: Symbol, number: float) -> bool:
    """Whether the formula gives this number in every place, whatever its arguments are."""
    if symbol.constant:
        return isinstance(symbol.value, bool | int | float) and symbol.value == number
    if symbol.op == "zeros_like":
        return number == 0
    if symbol.op == "ones_like" or (symbol.op in ("power", "float_power") and is_always(symbol.operands[1], 0)):
        return number == 1
    if symbol.op == "multiply" and number == 0:  # a comparison is finite, so nothing of 0 · inf
        x, y = symbol.operands
        return (x.op in COMPARISONS and is_always(y, 0)) or (y.op in COMPARISONS and is_always(x, 0))
    if symbol.op in ("sum", "reshape", "broadcast_to", "negative") and number == 0:
        return is_always(symbol.operands[0], 0)
    return False


def _without_leading_ones(symbol: Symbol) -> Symbol:
    """The same call on operands that don't say what broadcasting does anyway: g for reshape(g, (1, 1))."""
    function = symbol.function
    if not isinstance(function, Op) or (function.kind is not ELEMENTWISE and function.name != "broadcast_to"):
        return symbol
    operands = symbol.operands
    for place, operand in enumerate(operands):
        if operand.op == "reshape":
            inner = operand.operands[0]
            sides = operand.shape[: operand.ndim - inner.ndim]
            if operand.shape == sides + inner.shape and all(side == 1 for side in sides):
                fewer = (*operands[:place], inner, *operands[place + 1 :])
                if function.name == "broadcast_to" or np.broadcast_shapes(*(o.shape for o in fewer)) == symbol.shape:
                    operands = fewer
    return Symbol(symbol.value, function=function, operands=operands, params=symbol.params)


def _multiply(x: Symbol, y: Symbol) -> Symbol | None:
    if is_always(y, 1):
        return x
    if is_always(x, 1):
        return y
    if is_always(y, -1):
        return apply(REGISTRY["negative"], (x,), {})
    if is_always(x, -1):
        return apply(REGISTRY["negative"], (y,), {})
    return apply(REGISTRY["square"], (x,), {}) if x.same(y) else None


def _add(x: Symbol, y: Symbol) -> Symbol | None:
    if is_always(y, 0):
        return x
    return y if is_always(x, 0) else None


def _power(x: Symbol, y: Symbol) -> Symbol | None:
    if is_always(y, 1):
        return x
    return apply(REGISTRY["square"], (x,), {}) if is_always(y, 2) else None


def _negative(x: Symbol) -> Symbol | None:
    return x.operands[0] if x.op == "negative" else None


def _unchanged(x: Symbol, *_: Symbol, **__: Any) -> Symbol:
    """x, which is taken only where it has the shape and dtype that were asked for."""
    return x


def _reshape(x: Symbol, shape: Any, **_: Any) -> Symbol | None:
    """x where it has the shape; a sum with keepdims where only the axes that it took away come back."""
    if x.shape == shape or x.op != "sum" or x.params.get("keepdims"):
        return x
    kept = apply(REGISTRY["sum"], x.operands, {**x.params, "keepdims": True})
    return kept if kept.shape == shape else None


def _sum(x: Symbol, axis: Any = None, **others: Any) -> Symbol | None:
    """The axis itself for a tuple of one."""
    if not isinstance(axis, tuple) or len(axis) != 1:
        return None
    return apply(REGISTRY["sum"], (x,), {"axis": axis[0], **others})


_STEPS: dict[str, Callable[..., Symbol | None]] = {
    "multiply": _multiply,
    "divide": lambda x, y: x if is_always(y, 1) else None,
    "add": _add,
    "subtract": lambda x, y: x if is_always(y, 0) else None,
    "power": _power,
    "negative": _negative,
    "positive": _unchanged,
    "broadcast_to": _unchanged,
    "reshape": _reshape,
    "sum": _sum,
    "astype": _unchanged,
}


# --- for readers only ----------------------------------------------------------------------------------------

_GUARDS = (*COMPARISONS[:2], "isinf", "isnan")


def without_guards(symbol: Symbol) -> Symbol:
    """The formula without the precautions that these numbers don't need: x for `x + (x == 0)` where no x is 0.

    For the numbers that the formula carries the value is the same; for others it need not be.

    >>> x = Symbol.given("0", np.array([1.0, 2.0]))
    >>> without_guards(np.log(x + (x == 0)))
    log(0)
    """
    operands = tuple(map(without_guards, symbol.operands))
    if symbol.op == "add" and _never(operands[1]):
        return operands[0]
    if symbol.op == "where" and operands[1].constant and _never(operands[0]):
        return operands[2]
    if symbol.function is None:
        return symbol
    return Symbol(symbol.value, function=symbol.function, operands=operands, params=symbol.params)


def _never(condition: Symbol) -> bool:
    """Whether this is a test for single values, or for what is not finite, that no number passes here."""
    return _is_guard(condition) and not np.any(condition.value)


def _is_guard(condition: Symbol) -> bool:
    if condition.op in ("multiply", "logical_and", "logical_or"):
        return all(map(_is_guard, condition.operands))
    if condition.op in ("all", "any", "reshape"):
        return _is_guard(condition.operands[0])
    return condition.op in _GUARDS
