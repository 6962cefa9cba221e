"""Explanations in plain text: paths with their products, lines of code with their rules, and a sentence."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_edu.derivation import Derivation
from tinygrad_edu.numbers import number_text, one_line
from tinygrad_edu.render.expression import line_of_code, shorten
from tinygrad_edu.render.wording import plural, shape_text
from tinygrad_edu.snapshot import Snapshot

if TYPE_CHECKING:
    from tinygrad_edu.explain.explanation import Explanation, Factor, Line, Route

WIDE = 110  # characters in a line
MOST_FACTORS = 14
NUDGE = 0.001
LEAST_SHARE = 1e-5
NOTHING = 1e-12  # a sum this small against its terms has cancelled

SIGNS = ("+", "−", "·", "/", "@", "**", "where")


def explanation(e: Explanation) -> str:
    """The whole explanation."""
    if not e.count or e.output == e.wrt:
        return _without_paths(e)
    lines = [_heading(e), ""]
    if e.routes and e.routes[0].lines:
        lines.insert(1, f"g is the gradient of the line's own result; it starts as ∂{e.output}/∂{e.output} = 1.")
    if len(e.ways) > 1:
        lines += [*_ways(e), ""]
    for number, route in enumerate(e.routes, 1):
        before = e.routes[number - 2] if number > 1 else None
        lines += _numbered(number, _route(e, route, before))
    lines += [*_sum(e), "", _in_words(e)]
    return "\n".join(line.rstrip() for line in lines).rstrip()


def code(derivation: Derivation, card: str) -> str:
    """The line of code of a card, not too long."""
    return shorten(line_of_code(derivation.graph, derivation.graph.by_id[card]), 44)


def numbers(array: np.ndarray) -> str:
    """An array on one line, with typographical minus signs."""
    return one_line(Snapshot.of(array)).replace("-", "\N{MINUS SIGN}")


def _same(array: np.ndarray) -> str:
    """An array on one line; where all entries are equal, one of them and how many."""
    if array.size > 1 and (array == array.flat[0]).all():
        return f"{number_text(array.flat[0])} in each of {shape_text(array.shape)}"
    return numbers(array)


def factor(text: str) -> str:
    """A factor of a product: in parentheses where it is itself a sum or product, or negative."""
    return f"({text})" if text.startswith("−") or any(f" {sign} " in text for sign in SIGNS) else text


# --- parts -----------------------------------------------------------------------------------------------------


def _heading(e: Explanation) -> str:
    what = f"∂{e.output}/∂{e.wrt}"
    kind = "paths" if not e.ways else "paths of single numbers"
    each = ", each the product of its local derivatives" if e.routes and e.routes[0].factors else ""
    if e.count == 1:
        return f"{what} = {_same(e.gradient)}: one path{each.replace(', each', ',')}"
    return f"{what} = {_same(e.gradient)}: the sum over {e.count:,} {kind}{each}"


def _without_paths(e: Explanation) -> str:
    if e.output == e.wrt:
        return f"∂{e.output}/∂{e.wrt} = 1: what is differentiated by itself"
    if e.derivation is not None and e.total is not None:
        return (
            f"∂{e.output}/∂{e.wrt} = {numbers(e.gradient)}: on every path from {e.wrt} to {e.output} "
            "some local derivative is 0"
        )
    if e.apart:
        return f"{e.wrt} is not connected: {e.output} was computed without it, so ∂{e.output}/∂{e.wrt} = 0"
    return (
        f"∂{e.output}/∂{e.wrt} = 0: no path leads from {e.wrt} to {e.output}, "
        "or one that no gradient passes (a constant, detach(), no_grad, a comparison)"
    )


def _numbered(number: int, lines: list[str]) -> list[str]:
    mark = f"{number}.".ljust(4)
    return [mark + lines[0], *(" " * 4 + line for line in lines[1:])]


def _route(e: Explanation, route: Route, before: Route | None) -> list[str]:
    arrows = _chain(route.names) + (f"   ({', '.join(route.choices)})" if route.choices else "")
    if route.factors:
        return [arrows, *_product(route)]
    return [arrows, *_constant_product(route), *_table(e, route, before)]


def _chain(names: tuple[str, ...]) -> str:
    text = " → ".join(names)
    if len(text) <= WIDE:
        return text
    return f"{' → '.join(names[:4])} → … ({len(names) - 7} more) … → {' → '.join(names[-3:])}"


def _product(route: Route) -> list[str]:
    """∂t/∂a · ∂L/∂t = … = numbers = product, along the arrows; in three lines where that is too long for one.

    Factors of 1 are left out of long products.
    """
    result = number_text(route.contribution.item())
    called = " · ".join(f"∂{f.source}/∂{f.target}" for f in route.factors)
    line = " = ".join(dict.fromkeys([called, _texts(route.factors), _values(route.factors), result]))
    if len(line) <= WIDE:
        return [line]
    factors = [f for f in route.factors if f.text != "1"] or list(route.factors[:1])
    if len(factors) > MOST_FACTORS:
        return [f"= {_abbreviated(factors, _texts)}", f"= {_abbreviated(factors, _values)} = {result}"]
    formula, numbers = [factor(f.text) for f in factors], [factor(number_text(f.value)) for f in factors]
    return [*_wrapped(formula), *_wrapped([*numbers[:-1], f"{numbers[-1]} = {result}"])]


def _texts(factors: Sequence[Factor]) -> str:
    return factors[0].text if len(factors) == 1 else " · ".join(factor(f.text) for f in factors)


def _values(factors: Sequence[Factor]) -> str:
    values = [number_text(f.value) for f in factors]
    return values[0] if len(values) == 1 else " · ".join(map(factor, values))


def _abbreviated(factors: Sequence[Factor], write: Callable[[Sequence[Factor]], str]) -> str:
    return f"{write(factors[:5])} · … ({len(factors) - 8} more) … · {write(factors[-3:])}"


def _wrapped(factors: Sequence[str]) -> list[str]:
    """A product after an equals sign, on several lines if it is long."""
    lines, line = [], f"= {factors[0]}"
    for part in factors[1:]:
        if len(line) + len(part) > WIDE - 3:
            lines.append(line)
            line = f"  · {part}"
        else:
            line += f" · {part}"
    return [*lines, line]


def _table(e: Explanation, route: Route, before: Route | None) -> list[str]:
    """Line of code, what its rule makes of g, and what comes out; without what the path before has shown."""
    shown = 0
    if before is not None:
        for mine, theirs in zip(route.lines, before.lines):
            if mine.step != theirs.step:
                break
            shown += 1
    rows = [_row(e, line) for line in route.lines[shown:]]
    if len(rows) > 24:
        rows = [*rows[:16], ("…", f"{len(rows) - 22} more lines", ""), *rows[-6:]]
    widths = [max(len(row[i]) for row in rows) for i in range(2)]
    lines = [f"  {a:<{widths[0]}}   {b:<{widths[1]}}   {c}" for a, b, c in rows]
    if shown:
        lines.insert(0, f"  as before down to g = ∂{e.output}/∂{route.lines[shown - 1].target}, then")
    return lines


def _row(e: Explanation, line: Line) -> tuple[str, str, str]:
    value = _same(line.gradient)
    if line.count > 1:
        value += f" = {line.count:,} · {factor(number_text(line.each))}"
    return line.code, f"∂{e.output}/∂{line.target} = {shorten(line.rule, 60)}", f"= {value}"


def _constant_product(route: Route) -> list[str]:
    """`1 · (−1) · 4 · 1/4 = −1`, where every step multiplies by one number, or adds up equal ones."""
    if len(route.lines) < 2 or not all(line.constant for line in route.lines):
        return []
    factors = []
    for line in route.lines:
        factors.append(factor(line.constant))
        factors += [str(line.count)] * (line.count > 1)
    return [f"{' · '.join(factors)} = {_same(route.contribution)}"]


def _ways(e: Explanation) -> list[str]:
    """Which tensors the paths of numbers go through, and how much of the gradient each way is."""
    lines = []
    for way in e.ways:
        value = number_text(way.contribution.item())
        count = f"{plural(way.paths, 'path')}, together " if way.paths > 1 else ""
        lines.append(f"through {_chain(way.names)}: {count}{value}")
    return lines


def _sum(e: Explanation) -> list[str]:
    if e.count == 1:
        return []
    whole = _same(e.gradient)
    if len(e.routes) == e.count:
        if e.gradient.size == 1:
            terms = [number_text(route.contribution.item()) for route in e.routes]
            joined = terms[0] + "".join(f" − {t[1:]}" if t.startswith("−") else f" + {t}" for t in terms[1:])
            return [f"sum = {joined} = {whole}", *_cancelled(e)]
        return [f"sum = {whole}", *_cancelled(e)]
    found = "the largest" if e.exact else "the largest found"
    lines = [f"These {len(e.routes):,} of {e.count:,} paths are {found}{_share(e.share)}.", f"sum of all = {whole}"]
    if e.total is not None:
        lines[-1] += f" by backward, {number_text(e.total)} by adding up the products of all paths"
    return lines + _cancelled(e)


def _share(share: float | None) -> str:
    if share is None:
        return ""
    if abs(share) < LEAST_SHARE:
        return f" and make up less than {100 * LEAST_SHARE:g} % of the gradient"
    return f" and make up {number_text(100 * share)} % of the gradient"


def _cancelled(e: Explanation) -> list[str]:
    largest = max((np.max(np.abs(route.contribution)) for route in e.routes), default=0.0)
    if e.gradient.size and largest and np.max(np.abs(e.gradient)) <= NOTHING * largest:
        return ["The paths cancel each other: 0 is the right gradient, not a missing one."]
    return []


def _in_words(e: Explanation) -> str:
    """What a small change does; for single numbers only."""
    if e.gradient.size != 1 or e.gradient.dtype.kind != "f" or not np.isfinite(e.gradient.item()):
        return ""
    change = NUDGE * e.gradient.item()
    if change == 0:
        return f"In words: a small change of {e.wrt} changes nothing in {e.output}."
    verb = "grows" if change > 0 else "falls"
    return f"In words: if {e.wrt} grows by {NUDGE:g}, {e.output} {verb} by about {number_text(abs(change))}."
