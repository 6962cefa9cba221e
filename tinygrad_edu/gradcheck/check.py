"""What users call: the check itself, order by order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_edu.errors import DtypeError, GradcheckError, describe
from tinygrad_edu.gradcheck.level import Level, Settings
from tinygrad_edu.gradcheck.localise import Localisation, localise
from tinygrad_edu.gradcheck.narrow import with_own_gradient
from tinygrad_edu.gradcheck.numeric import (
    STEP,
    Arrays,
    tensors_on,
)
from tinygrad_edu.gradcheck.plan import Evaluate
from tinygrad_edu.gradcheck.report import (
    MUTATES,
    NOT_DIFFERENTIABLE,
    RANDOM,
    RIGHT,
    VERDICTS,
    WRONG,
    Along,
    GradcheckReport,
    Row,
    index_text,
)
from tinygrad_edu.gradcheck.subject import Subject
from tinygrad_edu.node import here

SEED = 0  # of cotangents, directions and samples, so that the same call gives the same report
BUDGET = 2e9  # numbers computed: all 13,002 parameters of a 784-16-16-10 network take 3e8; about ten seconds
REPEATS = 3  # calls that must give what the first gave; two masks of a few booleans are easily equal
SUSPECTED = 30  # such calls where a generator was drawn from that isn't replayed
METHODS = ("auto", "complex", "differences")


def gradcheck(
    f: Callable[..., Any],
    inputs: Any = (),
    *,
    params: Any = None,
    loss: Callable[..., Any] | None = None,
    order: int = 1,
    method: str = "auto",
    rtol: float = 1e-6,
    atol: float = 1e-8,
    step: float | None = None,
    budget: float = BUDGET,
    raise_on_failure: bool = True,
) -> GradcheckReport:
    """Compare every derivative of `f`, as the engine has it, with what the values of `f` say in float64.

    f         a function of the inputs that gives a Tensor of any shape (or lists, tuples and dicts of them), or a
              network, of which the parameters are checked
    inputs    the arguments: arrays, numbers, Tensors, or lists, tuples and dicts of them; a dict goes by name. A
              single one stands for a list of one. Integers, booleans and anything that isn't numbers stay as they
              are, and so do the inputs of a network that have no requires_grad
    params    which parameters of a network to check: a pattern such as "layer2.*" or a list of them, by default all.
              For a function that reads tensors outside itself: these, as {"w": w}, or model.named_parameters()
    loss      called with what `f` gives: gradcheck(model, [x], loss=lambda out: mse_loss(out, y))
    order     2 compares the derivatives of the gradient too, 3 those of the second derivatives, …
    method    "complex": the complex step, exact to rounding, where every op allows it; it is tried out on each op.
              "differences": central ones, with two steps that show their own error. "auto": the first where possible
    rtol, atol  the tolerance is `atol + rtol·|analytic|` and the numeric side's own estimate of its error
    step      of the differences, relative to max(1, |x|) and rounded to a power of 2; ∛eps = 6e-6 by default.
              2·step is used as well
    budget    how many numbers may be computed for comparing entries one by one. Beyond it a sample of every input is
              compared, the rest is tested together along random directions, and the report says so

    Everything is copied to float64 and left as it was; a network's random generators, and those among the inputs,
    draw the same numbers in each call. At a kink every value that the ops' conventions allow is right.

    Raises GradcheckError, with the report as its text, where a derivative is wrong or can't be decided;
    raise_on_failure=False only reports.

    >>> report = gradcheck(lambda x, y: x * y, [2.0, 3.0])
    >>> bool(report), report.rows[0].analytic, report.rows[0].verdict
    (True, 3.0, 'right')
    >>> print(report)
    gradcheck: 2 derivatives compared, all right
      input  shape  checked  worst  analytic  numeric  error/tolerance  verdict
      x      ()     1        ()     3         3        0                right
      y      ()     1        ()     2         2        0                right
      forward mode agrees with reverse mode: ⟨u, Jv⟩ = ⟨Jᵀu, v⟩
      Taylor remainder: order 2.00 (2 or more for a right gradient, 1 for a wrong one)
    """
    if method not in METHODS:
        raise DtypeError(
            describe(
                f"gradcheck: method {method!r} is unknown",
                where=here(),
                fix=" or ".join(map(repr, METHODS)),
                code="gradcheck-method",
            )
        )
    subject = Subject(f, inputs, params, loss)
    settings = Settings(method, rtol, atol, STEP if step is None else float(step), budget)
    with np.errstate(all="ignore"):  # what overflows or has no value beside the point is a finding, not a warning
        found = _unfit(subject)
        report = _checked(subject, order, settings) if found is None else found
        report = replace(report, order=order, rtol=rtol, atol=atol)
    if raise_on_failure and not report:
        raise _failure(report)
    return report


def _failure(report: GradcheckReport) -> GradcheckError:
    """The error whose text is that of the report."""
    error = GradcheckError(str(report))
    error.code = "gradcheck-" + report.verdict.replace(" ", "-")
    return error


# --- a function that can't be compared -----------------------------------------------------------------------


def _unfit(subject: Subject) -> GradcheckReport | None:
    """The report on a function that changes its inputs, or gives another value for the same ones; None for others."""
    tensors, points = tensors_on(subject.points), subject.points
    suspects: list[str] = []
    with subject.surroundings.suspects(suspects):
        first = [output._data.copy() for output in subject.evaluate(tensors)]
    for name, tensor, point in zip(subject.names, tensors, points):
        if not np.array_equal(tensor._data, point, equal_nan=True):
            return _changed(name, point, tensor._data)
    for _ in range(SUSPECTED if suspects else REPEATS):
        again = [output._data for output in subject.evaluate(tensors_on(points))]
        if [a.shape for a in first] != [a.shape for a in again] or not all(
            np.array_equal(a, b, equal_nan=True) for a, b in zip(first, again)
        ):
            return _random(first, again, suspects)
    return None


def _changed(name: str, before: np.ndarray, after: np.ndarray) -> GradcheckReport:
    place = tuple(int(i) for i in np.argwhere(before != after)[0])
    facts = describe(
        f"  {MUTATES}",
        where=f"{name}{index_text(place)} is {before[place]:.8g} before a call and {after[place]:.8g} after it",
        why="what f gives then depends on how often it was called, and the difference of two calls means nothing",
        fix=f"{name} = {name} + 1 instead of {name} += 1 or {name}.data += 1; or work on {name}.copy()",
        code="gradcheck-mutates-its-input",
    )
    return GradcheckReport(MUTATES, headline=f"the function changes its input {name}", explanation=_indented(facts, 2))


def _random(first: Arrays, again: Arrays, suspects: list[str]) -> GradcheckReport:
    pairs = [pair for a, b in zip(first, again) for pair in zip(a.ravel().tolist(), b.ravel().tolist())]
    one, other = next((pair for pair in pairs if pair[0] != pair[1]), (np.nan, np.nan))
    own = [name for name in suspects if name != "np.random"]
    if own:
        why = f"it draws from {' and '.join(own)}, made outside of it, which goes on from call to call"
        fix = f"give f the generator as an argument: gradcheck(f, [x, {own[0]}]) draws the same numbers in each call"
    else:
        why = (
            "it draws from np.random, the generator that the whole program shares"
            if suspects
            else "it makes a generator without a seed inside, reads a clock, or remembers something from call to call"
        )
        fix = "make the generator inside f, from a seed: rng = np.random.default_rng(0)"
    seen = f"{one:.8g} at first, {other:.8g} later"
    facts = describe(f"  {RANDOM}", values=seen, why=why, fix=fix, code="gradcheck-depends-on-randomness")
    headline = "two calls of the function with the same inputs gave different values"
    return GradcheckReport(RANDOM, headline=headline, explanation=_indented(facts, 2))


# --- the check -----------------------------------------------------------------------------------------------


def _checked(subject: Subject, order: int, settings: Settings) -> GradcheckReport:
    rng = np.random.default_rng(SEED)
    names, points = list(subject.names), subject.points
    evaluate: Evaluate = subject.evaluate
    levels: list[Level] = []
    for number in range(1, order + 1):
        level = Level(number, names, points, evaluate, settings, rng)
        levels.append(level)
        if level.failure is not None:
            break
        of_what = "" if number == 1 else f" {number}"
        count = len(level.cotangents)
        names = names + [f"cotangent{of_what}" + ("" if count == 1 else f" {i}") for i in range(count)]
        points, evaluate = points + level.cotangents, level.higher
    rows = [row for level in levels for row in level.rows]
    notes = _notes(subject, levels)
    if subject.narrow and levels[0].failure is None:
        rows, lost = with_own_gradient(subject, levels[0], rows)
        notes = lost + notes
    along = tuple(found for level in levels for found in level.along)
    verdict = max((row.verdict for row in rows), key=VERDICTS.index, default=RIGHT)
    verdict = max([verdict, *(found.verdict for found in along)], key=VERDICTS.index)
    failure = levels[-1].failure
    if failure is not None:
        verdict = WRONG
    wrong = [level for level in levels if level.is_wrong]
    localisation = _localised(wrong[0] if wrong else levels[0]) if wrong or verdict == NOT_DIFFERENTIABLE else None
    if not wrong and localisation:  # not differentiable, and nothing in the program to blame: a point of its function
        localisation = None
    explained = [] if failure is None else [_indented(f"  {type(failure).__name__}: {failure}")]
    if localisation is not None:
        explained.append(_indented(f"  where it comes from:\n{localisation.explanation}", 4))
    return GradcheckReport(
        verdict,
        rows=tuple(rows),
        along=along,
        taylor=levels[0].taylor,
        headline=_headline(rows, along) if failure is None else _broken(levels[-1]),
        explanation="\n".join(explained),
        localisation=localisation,
        notes=tuple(notes),
    )


def _localised(level: Level) -> Localisation:
    """Each op that the function recorded tried alone; where all are right, the function run again beside the point."""
    tensors = tensors_on(level.points)
    outputs = level.evaluate(tensors, True)
    return localise(
        outputs,
        level.cotangents,
        np.random.default_rng(SEED),
        inputs=tensors,
        rerun=lambda others: level.evaluate(others, True),
    )


# --- the report ----------------------------------------------------------------------------------------------


def _headline(rows: list[Row], along: Sequence[Along]) -> str:
    total = sum(row.checked for row in rows)
    counts = {verdict: sum(row.counts[verdict] for row in rows) for verdict in VERDICTS[:0:-1]}
    found = [f"{count:,} {verdict}" for verdict, count in counts.items() if count]
    failed = sum(one.verdict != RIGHT for one in along)
    if failed:
        found.append(f"{failed} of {len(along)} directions not right")
    return f"{total:,} derivative{'' if total == 1 else 's'} compared, {', '.join(found) or 'all right'}"


def _broken(level: Level) -> str:
    return "a gradient can't be computed" + ("" if level.number == 1 else f", in order {level.number}")


def _indented(text: str, by: int = 2) -> str:
    """`text` with every line but the first `by` further to the right."""
    return text.replace("\n", "\n" + " " * by)


def _notes(subject: Subject, levels: Sequence[Level]) -> list[str]:
    notes = [
        f"not compared one by one: {row.entries - row.checked:,} of {row.entries:,} entries of {row.input}"
        f"{'' if row.order == 1 else f' in order {row.order}'} (over the budget), tested together instead"
        for level in levels
        for row in level.rows
        if row.checked < row.entries
    ]
    numbers = sum(cotangent.size for cotangent in levels[0].cotangents)
    if numbers > 1:
        notes.append(
            f"the function gives {numbers:,} numbers: the derivatives are those of their sum with random weights"
        )
    if subject.surroundings.drawn:
        notes.append(f"replayed in each call: {', '.join(subject.surroundings.drawn)}")
    notes += [f"held fixed: {name} {why}" for name, why in subject.fixed]
    narrow = None if levels[0].failure else levels[0].judge.narrow_steps()
    if narrow:
        notes.append(f"{narrow[0]} works in {narrow[1]}: the numbers after it carry fewer digits")
    return notes
