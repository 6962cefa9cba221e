"""The derivative of another function: of one of the table's, of the forward without its small constant, of out."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.case import Case
from tinygrad_edu.gradcheck.mistakes.guess import Guess, letter
from tinygrad_edu.op import ELEMENTWISE, REGISTRY, Op, parameter_names


def known_ops(arity: int) -> list[Op]:
    """The table's own elementwise ops of that many arguments, without parameters."""
    return [
        op
        for op in REGISTRY.values()
        if op.kind is ELEMENTWISE and op.differentiable and not op.custom and op.arity == arity
        if not parameter_names(op)
    ]


def other_functions(case: Case, refuted: Container[tuple[str, str]] = ()) -> Iterator[Guess]:
    """g times the derivative, or the value, of some other function of the same arguments.

    refuted   names and keys of guesses that failed in another experiment: what they say is not computed again
    """
    if case.call is None or case.g is None or case.x is None or case.out is None:
        return
    arrays = case.call.arrays
    carried = case.g if case.local is not None else case.carry(case.g)
    if carried is None or (case.local is None and len(arrays) > 1):
        return
    for op in known_ops(len(arrays)):
        no_slope = any((name, op.name) in refuted for name in ("derivative-of-another-function", "forgotten-epsilon"))
        no_value = len(arrays) > 1 or ("derivative-of-another-function", f"g {op.name}") in refuted
        if no_slope and no_value:
            continue
        value = _quietly(op.forward, *arrays)
        if value is None or value.shape != carried.shape:
            continue
        rule = None if no_slope else op.vjp(case.position)
        slope = None if rule is None else _carried(case, rule, carried, value, *arrays)
        if slope is not None:
            if case.local is not None and _nearly(value, case.out, slope, case.g):
                yield Guess(
                    "forgotten-epsilon", slope,
                    f"the rule gives the derivative of {op.name}, but the forward isn't quite {op.name}: "
                    f"{_first(case.out):.6g} here, {op.name} gives {_first(value):.6g}",
                    "the constant that was added for safety (eps) is inside the function: put it into the rule, too", 5,
                    op.name,
                )  # fmt: skip
            else:
                yield Guess(
                    "derivative-of-another-function", slope,
                    f"the rule gives g times the derivative of {op.name}, {op.formula}",
                    "look the derivative up again", 8, op.name,
                )  # fmt: skip
        if not no_value:
            product = _carried(case, np.multiply, carried, value)
            if product is not None:
                yield Guess(
                    "derivative-of-another-function", product, f"the rule gives g · {op.formula}",
                    "look the derivative up again", 9, f"g {op.name}",
                )  # fmt: skip


def input_for_output(case: Case) -> Iterator[Guess]:
    """A rule written in terms of the result, such as out·(1 − out), given the argument instead; or the other way."""
    if case.call is None or case.g is None or case.local is None or case.x is None or case.out is None:
        return
    if case.out.shape != case.shape:
        return
    own = letter(case.position)
    for of, by, name, needed, used in (
        (case.out, case.x, "input-for-output", "out", own),
        (case.x, case.out, "output-for-input", own, "out"),
    ):
        for text, formula in _formulas(of, case.local):
            with np.errstate(all="ignore"):
                prediction = case.g * formula(by)
            if np.isfinite(prediction).all():
                right, wrong = text.replace("u", needed), text.replace("u", used)
                yield Guess(
                    name, prediction, f"the rule uses {used} where the formula needs {needed}: "
                    f"the derivative is {right}, not {wrong}", f"write {right}, with {needed}", 5, text,
                )  # fmt: skip


def mixed_formula(case: Case) -> Iterator[Guess]:
    """A formula of the kind out·(1 − out) with x in one of the two places."""
    if case.call is None or case.g is None or case.local is None or case.x is None or case.out is None:
        return
    out, x = case.out, case.x
    if out.shape != case.shape:
        return
    own = letter(case.position)
    for right, both, mixed in (
        ("out·(1 − out)", out * (1 - out), ((f"out·(1 − {own})", out * (1 - x)), (f"{own}·(1 − out)", x * (1 - out)))),
        ("1 − out·out", 1 - out * out, ((f"1 − out·{own}", 1 - out * x),)),
    ):
        if _close(both, case.local, 1e-9):
            for wrong, slope in mixed:
                yield Guess(
                    "input-for-output", case.g * slope,
                    f"the rule uses {own} in one of two places where the formula needs out: the derivative is {right}, "
                    f"not {wrong}", f"write {right}", 5, wrong,
                )  # fmt: skip


def _formulas(u: np.ndarray, slope: np.ndarray) -> Iterator[tuple[str, Callable[[np.ndarray], np.ndarray]]]:
    """Simple formulas in u that give the slope, as text and as functions."""
    candidates: tuple[tuple[str, Callable[[np.ndarray], np.ndarray]], ...] = (
        ("u·(1 − u)", lambda v: v * (1 - v)),
        ("1 − u²", lambda v: 1 - v * v),
        ("1 + u²", lambda v: 1 + v * v),
        ("u", lambda v: v),
        ("u²", lambda v: v * v),
        ("−u²", lambda v: -v * v),
        ("1/u", lambda v: 1 / v),
        ("−1/u²", lambda v: -1 / (v * v)),
        ("1/(2u)", lambda v: 0.5 / v),
        ("2u", lambda v: 2 * v),
        ("1/(1 + u²)", lambda v: 1 / (1 + v * v)),
        ("1 − exp(−u)", lambda v: -np.expm1(-v)),
        ("cos u", np.cos),
        ("−sin u", lambda v: -np.sin(v)),
    )
    for text, formula in candidates:
        with np.errstate(all="ignore"):
            if _close(formula(u), slope, 1e-9):
                yield text, formula


def _close(a: np.ndarray, b: np.ndarray, rtol: float) -> bool:
    return a.shape == b.shape and bool(np.all(np.abs(a - b) <= rtol * np.maximum(np.abs(b), 1e-300)))


def _nearly(value: np.ndarray, out: np.ndarray, slope: np.ndarray, g: np.ndarray) -> bool:
    """Whether the result is that of the known function with some small constant added, inside or outside."""
    if not _close(value, out, 0.1) or _close(value, out, 1e-9) or slope.shape != out.shape:
        return False
    with np.errstate(all="ignore"):
        constants = (out - value, (out - value) * g / slope)
    return any(np.isfinite(c).all() and np.ptp(c) <= 0.2 * np.max(np.abs(c)) for c in constants)


def _first(a: np.ndarray) -> float:
    return float(a.ravel()[0])


def _quietly(compute: Callable[..., Any], *arrays: Any) -> np.ndarray | None:
    """What it gives, None where it raises or isn't finite."""
    try:
        with np.errstate(all="ignore"):
            value = np.asarray(compute(*arrays))
    except Exception:  # arguments outside the domain
        return None
    return value if value.dtype.kind == "f" and np.isfinite(value).all() else None


def _carried(case: Case, compute: Callable[..., Any], *arrays: Any) -> np.ndarray | None:
    value = _quietly(compute, *arrays)
    return None if value is None else case.carry(value)


GUESSERS = (other_functions, input_for_output, mixed_formula)
