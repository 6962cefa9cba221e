"""Name the probable mistake: guesses are held against what the rule gave, at several points, and the best one told.

A guess counts only where it predicts something else than the right derivative and fits to rounding, in every
experiment. Where nothing fits, or little was compared, the diagnosis says less or stays silent. Knows no graphs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.case import Case, experiments
from tinygrad_edu.gradcheck.diagnosis import Diagnosis, hint
from tinygrad_edu.gradcheck.mistakes import GENERAL, OF_OPS, Guess
from tinygrad_edu.gradcheck.mistakes.functions import other_functions
from tinygrad_edu.gradcheck.replay import Call, Jacobian, NotReplayable, jacobian
from tinygrad_edu.op import Op
from tinygrad_edu.ops.shape import sum_to

CLOSE = 1e-7  # relative, for a guess to fit


def diagnose(
    analytic: Any,
    numeric: Any,
    *,
    g: Any = None,
    op: Op | None = None,
    position: int | None = None,
    inputs: Sequence[Any] = (),
    out: Any = None,
    params: Mapping[str, Any] | None = None,
) -> Diagnosis | None:
    """The probable mistake behind a gradient that differs from the numeric one; None where nothing known fits.

    analytic, numeric   what a rule gave and what is right, arrays of one shape
    g                   the incoming gradient
    op, position, inputs, params
                        the op that the rule belongs to, the argument whose gradient this is, and what the op was
                        called with. With them and g far more can be told: it is then the op's own rule that is
                        diagnosed, at these inputs and at others
    out                 what the op gave; it is computed again

    >>> diagnose([2.0, -8.0, 6.0], [1.0, -4.0, 3.0]).name
    'factor-2'
    >>> print(diagnose([0.5, -4.0, 3.5], [1.0, 2.0, 3.0]))
    None
    """
    given, right = np.asarray(analytic, dtype=np.float64), np.asarray(numeric, dtype=np.float64)
    if op is not None and g is not None:
        place = position or 0
        try:
            call = Call.of(op, inputs, params or {})
            return diagnose_call(call, place, np.asarray(g, dtype=np.float64), np.random.default_rng(0))
        except NotReplayable:
            pass
    if given.shape != right.shape:
        return _shape_diagnosis(given, right, None)
    bad = _not_finite(given, right)
    if bad is not None:
        return bad
    error = 1e-9 * np.abs(right)
    case = Case(given, right, error, None if g is None else np.asarray(g, dtype=np.float64))
    if not _differs(case):
        return None
    return _rounded(case, None) or _best([case], GENERAL)


def diagnose_call(
    call: Call, position: int, g: np.ndarray, rng: np.random.Generator, found: Jacobian | None = None
) -> Diagnosis | None:
    """The probable mistake in the rule of one argument of an op, tried on the op itself."""
    found = jacobian(call, position, rng) if found is None else found
    numeric, _ = found.pull(g)
    if call.op.vjp(position) is None:
        if not np.any(numeric):
            return None
        return Diagnosis(
            "missing-rule", f"the op has no rule for argument {position + 1}, so no gradient gets to it",
            f"the derivative is up to {np.max(np.abs(numeric)):.4g}, the rule is None",
            "write a rule for this argument; None is for arguments without a derivative, such as indices", 0.99,
        )  # fmt: skip
    try:
        raw = call.raw_cotangent(position, g)
    except Exception as error:  # whatever somebody's rule raises
        return Diagnosis(
            "rule-raises", "the rule itself fails, so no gradient can be computed",
            f"{type(error).__name__}: {error}", "call the rule by hand with small arrays: rule(g, out, x)", 0.99,
        )  # fmt: skip
    if raw.dtype.kind not in "fiub":
        return None
    as_used = call.cotangent(position, g)
    if as_used.shape != numeric.shape:
        return _shape_diagnosis(as_used, numeric, g)
    bad = _not_finite(as_used, numeric)
    if bad is not None:
        return bad
    if not np.array_equal(as_used, call.cotangent(position, g), equal_nan=True):
        return Diagnosis(
            "random-rule", "the rule gives another result each time it is called", "two calls with the same arguments",
            "no random numbers and no memory in a rule: what it needs must be among its arguments", 0.95,
        )  # fmt: skip
    cases = experiments(call, position, g, found, rng)
    if not any(_differs(case) for case in cases):
        return None
    whole = _whole_numbers_inside(cases)
    if whole is not None:
        return whole
    return _rounded(cases[0], raw.dtype) or _best(cases, GENERAL + OF_OPS) or hint(cases)


def _differs(case: Case) -> bool:
    scale = np.max(np.abs(case.numeric), initial=0.0, where=np.isfinite(case.numeric))
    return bool(np.any(np.abs(case.analytic - case.numeric) > 4 * case.error + 1e-10 * scale))


# --- mistakes that no prediction is needed for ---------------------------------------------------------------


def _shape_diagnosis(given: np.ndarray, right: np.ndarray, g: np.ndarray | None) -> Diagnosis | None:
    """The rule gives another shape than that of its argument."""
    facts = f"the rule gives shape {given.shape}, the argument has {right.shape}"
    tolerance = 1e-6 * np.max(np.abs(right), initial=0.0)

    def fits(value: np.ndarray) -> bool:
        return value.shape == right.shape and bool(np.all(np.abs(value - right) <= tolerance))

    if given.size == right.size and fits(given.reshape(right.shape)):
        return Diagnosis(
            "keepdims-slip", "the numbers are right, the shape isn't: an axis of length 1 was kept or lost, or the "
            "result must be reshaped", facts, "keepdims=, or .reshape(x.shape)", 0.95,
        )  # fmt: skip
    if given.ndim == right.ndim == 2 and fits(given.T):
        return Diagnosis("transposed", "the right numbers, transposed", facts, "append .T", 0.95)
    try:
        stretched = np.broadcast_shapes(given.shape, right.shape)
    except ValueError:
        return None
    if stretched == given.shape and fits(np.asarray(sum_to(given, right.shape))):
        return Diagnosis(
            "forgotten-broadcast-sum", "the argument was broadcast in the forward: the rule must sum over the axes "
            "that came in, because each element was used once for each place along them",
            f"{facts}; its sum to that shape is right",
            'g.sum(axis=0) for a bias that is added to every row, or kind="elementwise", which sums for you', 0.97,
        )  # fmt: skip
    if stretched == right.shape and fits(np.broadcast_to(given, right.shape)):
        return Diagnosis(
            "forgotten-broadcast", "the rule gives one number for many elements that each get it", facts,
            "g * np.ones_like(x), or np.broadcast_to(g, x.shape)", 0.95,
        )  # fmt: skip
    return None


def _not_finite(given: np.ndarray, right: np.ndarray) -> Diagnosis | None:
    bad = ~np.isfinite(given) & np.isfinite(right)
    if not bad.any():
        return None
    index = tuple(int(i) for i in np.argwhere(bad)[0])
    return Diagnosis(
        "not-finite", "the rule gives nan or inf where the derivative is an ordinary number",
        f"{int(bad.sum())} of {bad.size} elements; at {list(index)} {given[index]} instead of {right[index]:.6g}",
        "look for a division by 0, a log of 0 or inf − inf in the rule", 0.9,
    )  # fmt: skip


def _rounded(case: Case, dtype: np.dtype[Any] | None) -> Diagnosis | None:
    """Right to the last bit of a narrower float, but no further."""
    known = np.isfinite(case.numeric)
    given, right = case.analytic[known], case.numeric[known]
    scale = np.max(np.abs(right), initial=0.0)
    for narrow, name in ((np.float32, "float32"), (np.float16, "float16")):
        eps = float(np.finfo(narrow).eps)
        error = np.abs(given - right)
        worst = np.max(error, initial=0.0) / scale if scale else np.inf
        with np.errstate(all="ignore"):
            held = dtype == np.dtype(narrow) or np.array_equal(given.astype(narrow).astype(np.float64), given)
        if worst <= 4 * eps and (held or (narrow is np.float32 and worst > 1e-9)):
            certain = 0.9 if held else 0.6
            return Diagnosis(
                f"{name}-noise", f"the rule computes in {name}: it is right as far as {name} goes, and no further",
                f"the largest error is {worst:.1e} of the largest element; {name} rounds to {eps:.1e}"
                + (f", and every number given is one of {name}" if held else ""),
                f"compute in the dtype of the argument: no astype(np.{name}), no constants of {name}; "
                "or check with a wider tolerance", certain,
            )  # fmt: skip
    return None


def _whole_numbers_inside(cases: Sequence[Case]) -> Diagnosis | None:
    """The forward gives whole numbers, so its derivative is 0, and the rule gives that of the unrounded function."""
    if any(case.out is None or np.any(case.numeric != 0) or not np.any(case.analytic) for case in cases):
        return None
    if not all(np.array_equal(case.out, np.rint(case.out)) for case in cases if case.out is not None):
        return None
    return Diagnosis(
        "integer-truncation", "the forward rounds to whole numbers: its value is constant between the jumps, and the "
        "derivative is 0, whatever the rule says", "every result is a whole number, at every point tried",
        "keep floats in the forward: no astype(int), no //", 0.8,
    )  # fmt: skip


# --- the contest ---------------------------------------------------------------------------------------------


@dataclass
class _Score:
    """How one guess did in all experiments: what it predicts, and how many numbers speak for it.

    proofs, total   numbers that agree and aren't those of the right derivative; numbers that agree
    cases, missed   experiments in which it fits; in which it had nothing to say
    """

    guess: Guess
    proofs: int = 0
    total: int = 0
    cases: int = 0
    missed: int = 0
    worst: float = 0.0


def _best(cases: Sequence[Case], guessers: Sequence[Any]) -> Diagnosis | None:
    """The guess that fits in every experiment, likeliest first; None where there is none."""
    scores = _survivors(cases, guessers)
    if not scores:
        return None
    scores.sort(key=lambda score: score.guess.rank)
    best = scores[0]
    others = [s.guess for s in scores[1:] if s.guess.name != best.guess.name and s.guess.rank <= best.guess.rank + 1]
    rivals = [guess for guess in others if guess.rank <= best.guess.rank + 0.5]
    confidence = 0.95 if best.proofs >= 6 else 0.8 if best.proofs >= 3 else 0.35
    if len(cases) == 1:
        confidence -= 0.15
    if rivals:
        confidence -= 0.2
    if best.guess.rank >= 9:  # true, but it says what the rule is, not what went wrong
        confidence = min(confidence, 0.6)
    tried = "" if len(cases) == 1 else f" in {best.cases} experiments"
    return Diagnosis(
        best.guess.name, best.guess.sentence,
        f"{best.total} numbers{tried} agree within {max(best.worst, 1e-16):.0e} of their size, "
        f"{best.proofs} of them tell it from the right derivative", best.guess.fix, round(confidence, 2),
        tuple(dict.fromkeys(guess.name for guess in others)),
    )  # fmt: skip


def _survivors(cases: Sequence[Case], guessers: Sequence[Any]) -> list[_Score]:
    """The guesses that fit in every experiment in which they have something to say, and that is at least half."""
    scores: dict[tuple[str, str], _Score] = {}
    refuted: set[tuple[str, str]] = set()
    for count, case in enumerate(cases):
        found: dict[tuple[str, str], Guess] = {}
        for guess in _guesses(case, guessers, refuted):
            found.setdefault((guess.name, guess.key), guess)
        for key, score in scores.items():
            if key not in found and not (score.guess.same_shape and case.shape != cases[0].shape):
                score.missed += 1
        for key, guess in found.items():
            fit = None if key in refuted else _fit(case, guess.prediction)
            if fit is None:
                refuted.add(key)
                scores.pop(key, None)
                continue
            proofs, total, worst = fit
            score = scores.setdefault(key, _Score(guess, missed=count))
            score.proofs += proofs - guess.fitted
            score.total += total
            score.cases += 1
            score.worst = max(score.worst, worst)
    return [score for score in scores.values() if score.proofs > 0 and score.cases >= score.missed]


def _guesses(case: Case, guessers: Sequence[Any], refuted: set[tuple[str, str]]) -> list[Guess]:
    guesses: list[Guess] = []
    with np.errstate(all="ignore"):
        for guesser in guessers:  # the functions of the table take a third of the time where all are tried each time
            found = guesser(case, refuted) if guesser is other_functions else guesser(case)
            guesses.extend(guess for guess in found if guess.prediction.shape == case.shape)
    return guesses


def _slack(case: Case, prediction: np.ndarray) -> np.ndarray:
    finite = case.error[np.isfinite(case.error)]
    scale = np.max(np.abs(prediction), initial=0.0, where=np.isfinite(prediction))
    uncertainty = 4 * float(np.max(finite, initial=0.0))
    size = np.maximum(np.abs(prediction), np.abs(case.analytic))
    return np.asarray(CLOSE * size + 1e-9 * scale + uncertainty)


def _fit(case: Case, prediction: np.ndarray) -> tuple[int, int, float] | None:
    """How many different numbers of the prediction agree and are not those of the right derivative, of how many that
    were compared, and how well; None where they don't agree.

    Equal pairs of a prediction and a right value count once: they prove no more than one.
    """
    known = np.isfinite(prediction) & np.isfinite(case.numeric)
    if not known.any():
        return None
    slack = _slack(case, prediction)
    away = np.abs(case.analytic - prediction)
    if np.any(away[known] > slack[known]):
        return None
    telling = known & (np.abs(prediction - case.numeric) > 10 * slack)
    scale = float(np.max(np.abs(prediction[known]), initial=0.0))
    size = max(scale, float(np.max(np.abs(case.numeric[known]), initial=0.0))) or 1.0
    pairs = np.round(np.stack([prediction[telling], case.numeric[telling]]) / size, 6)
    worst = float(np.max(away[known], initial=0.0)) / (scale or 1.0)
    return np.unique(pairs, axis=1).shape[1], int(np.count_nonzero(known)), worst
