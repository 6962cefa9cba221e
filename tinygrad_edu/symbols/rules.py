"""The rules of ops as formulas: what a reverse pass adds to the gradient of an input, and by what it multiplies.

The formula comes from running the row's rule, and the engine's own summing over what was broadcast, on symbols.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, REGISTRY, Op
from tinygrad_edu.ops.shape import sum_to
from tinygrad_edu.symbols.simplify import is_always, simplified, without_guards
from tinygrad_edu.symbols.symbol import NoFormulaError, Symbol, apply
from tinygrad_edu.symbols.text import reciprocal, text_of

G, OUT = "g", "out"  # the names of the incoming gradient and of the op's output; its arguments are "0", "1", …


def call_symbol(op: Op, out: Any, arrays: Sequence[Any], params: Mapping[str, Any]) -> Symbol:
    """The call itself, as a formula in 0, 1, …"""
    return Symbol(out, function=op, operands=_arguments(arrays), params=params)


def rule_symbol(
    op: Op, position: int, g: Any, out: Any, arrays: Sequence[Any], params: Mapping[str, Any]
) -> Symbol | None:
    """The cotangent that the rule of the argument at `position` gives, as a formula in g, out, 0, 1, …

    g, out   arrays
    arrays   the arguments: arrays, and plain numbers, which stay numbers in the formula

    Gives None for an argument without a rule. Raises NoFormulaError where the rule can't run on symbols.

    >>> x, y = np.array([2.0, 3.0]), np.array(5.0)
    >>> rule_symbol(REGISTRY["multiply"], 0, np.ones(2), x * y, [x, y], {})
    multiply(g, 1)
    >>> rule_symbol(REGISTRY["multiply"], 1, np.ones(2), x * y, [x, y], {})
    sum(multiply(g, 0))
    """
    rule = op.vjp(position)
    if rule is None:
        return None
    shape, dtype = np.shape(arrays[position]), np.asarray(arrays[position]).dtype
    try:
        with np.errstate(all="ignore"):
            cotangent = rule(Symbol.given(G, g), Symbol.given(OUT, out), *_arguments(arrays), **params)
    except Exception as error:  # a rule may do anything that arrays allow; what symbols don't, is no formula
        raise NoFormulaError(f"the rule of {op.name} can't run on symbols: {error}") from error
    if not isinstance(cotangent, Symbol):
        raise NoFormulaError(f"the rule of {op.name} gave {type(cotangent).__name__} for symbols")
    if cotangent.shape != shape and op.kind is ELEMENTWISE:
        cotangent = sum_to(cotangent, shape)
    if cotangent.dtype != dtype:
        cotangent = cotangent.astype(dtype)
    return simplified(cotangent)


def _arguments(arrays: Sequence[Any]) -> tuple[Symbol, ...]:
    """The arguments of an op: constants where they are numbers of the program's text."""
    return tuple(
        Symbol.given(str(place), array) if isinstance(array, np.ndarray) else Symbol(array)
        for place, array in enumerate(arrays)
    )


# --- the local derivative ------------------------------------------------------------------------------------

MOVERS = frozenset(
    ("broadcast_to", "reshape", "transpose", "swapaxes", "squeeze", "expand_dims", "astype", "positive", "conjugate")
)  # they carry g to other places and multiply it by nothing


def local_symbol(rule: Symbol) -> Symbol | None:
    """What the rule multiplies g by: `1 − a²` of `g · (1 − a²)`, `Wᵀ` of `g @ Wᵀ`, 1 of g itself; None if nothing.

    >>> g, x = Symbol.given("g", np.ones(2)), Symbol.given("0", np.arange(2.0))
    >>> local_symbol(-g * np.sin(x)), local_symbol(np.cumsum(g))
    (negative(sin(0)), None)
    """
    if is_always(rule, 0):
        return Symbol(0)
    while rule.op in MOVERS or rule.op == "sum":  # what was broadcast, or moved, goes back to its place at last
        rule = rule.operands[0]
    try:
        found = _without_g(rule)
    except ValueError:  # g was moved on its way, and the factors have shapes that don't meet
        return None
    return None if found is None else simplified(found)


def _without_g(rule: Symbol) -> Symbol | None:
    if rule.name == G:
        return Symbol(1)
    places = [place for place, operand in enumerate(rule.operands) if G in operand.names()]
    inner = {place: _without_g(rule.operands[place]) for place in places}
    if not inner or any(part is None for part in inner.values()):
        return None
    if rule.op in MOVERS:
        return inner[0]
    if rule.op == "matmul":
        other = rule.operands[1 - places[0]]
        return other if len(inner) == 1 and inner[places[0]].constant else None  # type: ignore[union-attr]
    linear = {
        "multiply": len(inner) == 1,
        "divide": places == [0],
        "ldexp": places == [0],
        "negative": True,
        "where": 0 not in inner,
    }
    if not linear.get(rule.op):
        return None
    parts = tuple(inner.get(place, operand) for place, operand in enumerate(rule.operands))
    return apply(REGISTRY[rule.op], parts, rule.params)


# --- in words ------------------------------------------------------------------------------------------------

LONGEST = 72  # characters of a formula that is shown


@dataclass(frozen=True)
class RuleText:
    """A rule as a learner reads it.

    text    what it adds to the gradient of the input: `g ⊙ (1 − a1²)`; empty where that is too long to read
    local   what it multiplies g by: `1 − a1²`; empty where it does more than that
    words   in place of an empty text: what the rule's author says about it
    """

    text: str
    local: str
    words: str = ""


def rule_text(op: Op, position: int, rule: Symbol | None, names: Mapping[str, str]) -> RuleText:
    """The rule of the argument at `position` in words; `rule` is its formula, None where it has none.

    >>> g, x = Symbol.given("g", np.ones(2)), Symbol.given("0", np.arange(2.0))
    >>> rule_text(REGISTRY["tanh"], 0, g * (1 - np.square(x)), {"0": "a1"})
    RuleText(text='g ⊙ (1 − a1²)', local='1 − a1²', words='')
    """
    if rule is not None:
        shown = without_guards(rule)
        text = text_of(shown, names)
        if len(text) <= LONGEST:
            return RuleText(text, local_text(shown, names))
    return RuleText("", "", _in_words(op, position))


def local_text(rule: Symbol, names: Mapping[str, str]) -> str:
    """The local derivative of a rule: `1/12` of a mean, `Wᵀ` of a product; empty where there is none."""
    local = local_symbol(rule)
    return "" if local is None else written_local(local, names)


def written_local(local: Symbol, names: Mapping[str, str]) -> str:
    """A local derivative as text; a share such as 1/12 as that."""
    if local.constant and (count := reciprocal(local.value)) is not None:
        return f"1/{count}"
    return text_of(local, names)


def _in_words(op: Op, position: int) -> str:
    """What the docstring of the rule says, if it has one, or else that of the op."""
    rule = op.vjps[0] if op.variadic else op.vjps[position]
    text = (getattr(rule, "__doc__", "") or "").strip() or f"{op.name}: {op.doc}"
    return text.partition("\n")[0].strip()
