"""Numerical verification: derivatives of a function against differences of its values, entry by entry.

Everything is copied to float64. Each entry of each input is moved by two different steps, so the numeric side
knows how accurate it is itself, and a verdict may be "undecided". Must not know networks or pictures.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import gradients
from tinygrad_edu.errors import DtypeError, GradcheckError, GradientError, describe
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import map_tree

Arrays = list[np.ndarray]
Evaluate = Callable[[Sequence[Tensor], bool], list[Tensor]]

EPS = float(np.finfo(np.float64).eps)
STEP = EPS ** (1 / 3)  # balances the error h² of the central difference with the rounding error eps / h
SEED = 0  # of the cotangents, so that the same call gives the same report
UNRELIABLE = 1e-3  # a numeric side less accurate than this, relative to the largest entry, decides nothing

RIGHT, KINK, UNDECIDED, WRONG = "right", "kink", "undecided", "wrong"
VERDICTS = (RIGHT, KINK, UNDECIDED, WRONG)  # a row has the last of these that one of its entries has


# --- the report ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """What was found for one input in one order: counts, and the entry with the largest error.

    order      1 for derivatives of the function, 2 for derivatives of its gradient
    errors     how often each verdict was given, entry by entry
    left       slope of the numeric side below the worst entry; `right` above it. They differ at a kink
    estimate   the error of the numeric side, by its own account
    units      |analytic − numeric| divided by the tolerance, `atol + rtol·|analytic| + estimate`
    """

    input: str
    order: int
    shape: tuple[int, ...]
    entries: int
    counts: dict[str, int]
    verdict: str
    index: tuple[int, ...] | None
    analytic: float
    numeric: float
    left: float
    right: float
    estimate: float
    tolerance: float
    units: float

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers, strings, lists and dicts."""
        index = None if self.index is None else list(self.index)
        return {**self.__dict__, "shape": list(self.shape), "index": index, "counts": dict(self.counts)}


@dataclass(frozen=True)
class GradcheckReport:
    """One row per input and order. True where no entry is wrong or undecided; `print` shows the table."""

    rows: tuple[Row, ...]
    order: int
    rtol: float
    atol: float

    def __bool__(self) -> bool:
        return all(row.verdict in (RIGHT, KINK) for row in self.rows)

    def __str__(self) -> str:
        return "\n".join([self._headline(), *_table(self.rows), *self._remarks()])

    def to_dict(self) -> dict[str, Any]:
        """The same as plain numbers, strings, lists and dicts."""
        rows = [row.to_dict() for row in self.rows]
        return {"right": bool(self), "order": self.order, "rtol": self.rtol, "atol": self.atol, "rows": rows}

    def _headline(self) -> str:
        total = sum(row.entries for row in self.rows)
        counts = {verdict: sum(row.counts[verdict] for row in self.rows) for verdict in (WRONG, UNDECIDED, KINK)}
        found = ", ".join(f"{count} {verdict}" for verdict, count in counts.items() if count)
        return f"gradcheck: {total} derivatives compared, {found or 'all right'}"

    def _remarks(self) -> list[str]:
        """What the verdicts that are not "right" mean, for the first row of each."""
        remarks = []
        for verdict, meaning in (
            (WRONG, "the numeric side is sure of itself, so the rule or the function it belongs to is wrong"),
            (UNDECIDED, "the numeric side isn't accurate enough: a kink or jump within the step, a value that is not"
             " finite, float32 inside, or huge numbers; move the point, or give another step="),
            (KINK, "the slopes on both sides differ, and the gradient lies between them: any such value is valid"),
        ):  # fmt: skip
            row = next((row for row in self.rows if row.verdict == verdict), None)
            if row is not None and row.index is not None:
                place = f"{row.input}{_index_text(row.index)}" + ("" if row.order == 1 else f", order {row.order}")
                facts = f"slope {row.left:.6g} on the left, {row.right:.6g} on the right, ± {row.estimate:.1g}"
                remarks.append(f"  {verdict}: {place}: {facts}\n    {meaning}")
        return remarks


def _index_text(index: tuple[int, ...]) -> str:
    return f"[{', '.join(map(str, index))}]" if index else ""


def _table(rows: Sequence[Row]) -> list[str]:
    """The rows as aligned lines of text."""
    head = ("input", "order", "shape", "entries", "worst", "analytic", "numeric", "error/tolerance", "verdict")
    lines = [head]
    for row in rows:
        shape = f"({', '.join(map(str, row.shape))}{',' if len(row.shape) == 1 else ''})"
        verdict = row.verdict
        if row.counts[row.verdict] < row.entries:
            verdict += f" ({row.counts[row.verdict]} of {row.entries})"
        if row.index is None:
            numbers = ("", "", "", "")
        else:
            place = _index_text(row.index) or "()"
            numbers = (place, f"{row.analytic:.8g}", f"{row.numeric:.8g}", f"{row.units:.2g}")
        lines.append((row.input, str(row.order), shape, str(row.entries), *numbers, verdict))
    widths = [max(map(len, column)) for column in zip(*lines)]
    return ["  " + "  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in lines]


# --- what users call -----------------------------------------------------------------------------------------


def gradcheck(
    f: Callable[..., Any],
    inputs: Any,
    *,
    order: int = 1,
    rtol: float = 1e-6,
    atol: float = 1e-8,
    step: float | None = None,
    raise_on_failure: bool = True,
) -> GradcheckReport:
    """Compare every derivative of `f` with central differences in float64.

    f                 takes the inputs as Tensors and gives a Tensor of any shape
    inputs            the arguments: arrays, numbers, Tensors, or lists, tuples and dicts of them; all are copied.
                      A single array, number or Tensor stands for a list of one
    order             2 compares the derivatives of the gradient too, 3 those of the second derivatives, ...
    rtol, atol        the tolerance is `atol + rtol·|analytic|` and the numeric side's own estimate of its error
    step              the step relative to max(1, |x|), ∛eps = 6e-6 by default; 2·step is used as well
    raise_on_failure  False only reports

    Raises GradcheckError, with the report as its text, where a derivative is wrong or can't be decided. At a kink
    every value between the slopes of both sides counts as right.

    >>> report = gradcheck(lambda x, y: x * y, [2.0, 3.0])
    >>> bool(report), report.rows[0].analytic, report.rows[0].verdict
    (True, 3.0, 'right')
    """
    check = _Check(f, inputs)
    relative_step = STEP if step is None else float(step)
    rng = np.random.default_rng(SEED)
    names, points = list(check.names), list(check.points)
    evaluate: Evaluate = check.evaluate
    rows: list[Row] = []
    for level in range(1, order + 1):
        outputs = evaluate(_tensors(points), False)
        cotangents = [_cotangent(rng, output) for output in outputs]
        if len(outputs) == 1 == outputs[0].size:  # one number: the derivatives shown are those of f itself
            cotangents = [np.ones(outputs[0].shape)]
        higher = _pulled(evaluate, len(points))
        analytic = higher(_tensors(points + cotangents), False)
        for place, name in enumerate(names):
            numeric = _differences(evaluate, points, place, cotangents, relative_step)
            rows.append(_judge(name, level, analytic[place]._data, numeric, rtol, atol))
        of_what = "" if level == 1 else f" {level}"
        names += [f"cotangent{of_what}" + ("" if len(cotangents) == 1 else f" {i}") for i in range(len(cotangents))]
        points, evaluate = points + cotangents, higher
    report = GradcheckReport(tuple(rows), order, rtol, atol)
    if raise_on_failure and not report:
        raise GradcheckError(str(report))
    return report


class _Check:
    """The function and its inputs, made fit for checking: flat float64 arrays with names, and complaints."""

    def __init__(self, f: Callable[..., Any], inputs: Any) -> None:
        if not isinstance(inputs, list | tuple | dict):
            inputs = [inputs]
        self.f = f
        self.by_name = isinstance(inputs, dict)
        self.names: list[str] = []
        self.points: Arrays = []
        for name, leaf in _named_leaves(f, inputs):
            self.names.append(getattr(leaf, "name", None) or name)
            self.points.append(_as_float64(leaf, self.names[-1]))
        self.tree = map_tree(lambda leaf: None, inputs)
        if not sum(point.size for point in self.points):
            raise GradientError(describe("gradcheck has nothing to check: the inputs have no entries", where=here()))
        self._must_repeat()

    def evaluate(self, tensors: Sequence[Tensor], record: bool) -> list[Tensor]:
        """The value of the function, in a list; `record` has no meaning here, as recording is always on."""
        remaining = iter(tensors)
        arguments = map_tree(lambda _: next(remaining), self.tree)
        value = self.f(**arguments) if self.by_name else self.f(*arguments)
        if not isinstance(value, Tensor):
            raise DtypeError(
                describe(
                    f"gradcheck: the function gave {type(value).__name__}, not a Tensor",
                    where=here(),
                    fix="return the result of tensor operations; float() and .item() leave the graph",
                )
            )
        return [value]

    def _must_repeat(self) -> None:
        """Two calls must give the same bits and leave their inputs alone, else differences mean nothing."""
        tensors = _tensors(self.points)
        first = self.evaluate(tensors, False)[0]._data.copy()
        for name, tensor, point in zip(self.names, tensors, self.points):
            if not np.array_equal(tensor._data, point, equal_nan=True):
                raise GradientError(
                    describe(
                        f"gradcheck: the function changes its input {name}",
                        where=here(),
                        why="its value then depends on how often it was called",
                        fix="x = x + 1 instead of x += 1 or x.data += 1",
                    )
                )
        if not first.size:
            raise GradientError(
                describe(f"gradcheck has nothing to check: the function gave an empty Tensor {first.shape}")
            )
        again = self.evaluate(_tensors(self.points), False)[0]._data
        if first.shape != again.shape or not np.array_equal(first, again, equal_nan=True):
            raise GradientError(
                describe(
                    "gradcheck: two calls of the function with the same inputs gave different values",
                    where=here(),
                    why="it draws random numbers, or remembers something between calls",
                    fix="make the generator inside: def f(x): rng = np.random.default_rng(0); …",
                )
            )


def _named_leaves(f: Callable[..., Any], inputs: Any) -> Iterator[tuple[str, Any]]:
    """The leaves of the inputs in the order of map_tree, named after the parameters of `f`."""
    if isinstance(inputs, dict):
        parts = [(str(key), value) for key, value in inputs.items()]
    else:
        parts = list(zip(_parameter_names(f, len(inputs)), inputs))
    for name, value in parts:
        yield from _tree_leaves(name, value)


def _tree_leaves(name: str, tree: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from _tree_leaves(f"{name}[{key!r}]", value)
    elif isinstance(tree, list | tuple):
        for place, value in enumerate(tree):
            yield from _tree_leaves(f"{name}[{place}]", value)
    else:
        yield name, tree


def _parameter_names(f: Callable[..., Any], count: int) -> list[str]:
    """The names under which `f` takes its first arguments; `input 1` and so on where it doesn't tell."""
    try:
        parameters = inspect.signature(f).parameters.values()
    except (TypeError, ValueError):
        return [f"input {place}" for place in range(1, count + 1)]
    names = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)][:count]
    return names + [f"input {place}" for place in range(len(names) + 1, count + 1)]


def _as_float64(value: Any, name: str) -> np.ndarray:
    """A float64 copy of one input. Python ints are numbers; integer arrays are refused, as they have no derivative."""
    array = value._data if isinstance(value, Tensor) else np.asarray(value)
    is_number = isinstance(value, int | float | np.generic) and not isinstance(value, bool | np.bool)
    if array.dtype.kind != "f" and not (is_number and array.dtype.kind in "iu"):
        raise DtypeError(
            describe(
                f"gradcheck: {name} is {array.dtype} and has no derivative",
                where=here(),
                fix="cast it, a.astype(float), or make it part of the function: gradcheck(lambda x: f(x, labels), [x])",
            )
        )
    return np.array(array, dtype=np.float64)


def _tensors(points: Sequence[np.ndarray]) -> list[Tensor]:
    """Fresh leaves on copies of the points."""
    return [Tensor(point, requires_grad=True) for point in points]


def _cotangent(rng: np.random.Generator, output: Tensor) -> np.ndarray:
    """1 for a single number, so that the report shows its gradient; else random weights of the output's entries.

    None of them is near 0, so that no wrong entry is weighed away.
    """
    if output.size == 1:
        return np.ones(output.shape)
    signs = rng.choice([-1.0, 1.0], output.shape)
    return np.asarray(signs * rng.uniform(0.5, 1.5, output.shape))


# --- the analytic side ---------------------------------------------------------------------------------------


def _pulled(evaluate: Evaluate, count: int) -> Evaluate:
    """The function that takes the `count` inputs of `evaluate` and a cotangent for each of its outputs, and gives
    the gradients of the inputs.

    The cotangents are inputs like the others: in the next order they are differentiated by, too, and a rule that
    loses the history of its cotangent is found.
    """

    def pull(tensors: Sequence[Tensor], record: bool) -> list[Tensor]:
        inputs, cotangents = list(tensors[:count]), tensors[count:]
        totals: list[Tensor | None] = [None] * count
        for output, cotangent in zip(evaluate(inputs, True), cotangents):
            if output.requires_grad:
                found = gradients(output, inputs, cotangent, create_graph=record)
                totals = [_plus(total, g) for total, g in zip(totals, found)]
        return [Tensor(np.zeros(x.shape)) if total is None else total for x, total in zip(inputs, totals)]

    return pull


def _plus(total: Tensor | None, g: Tensor | None) -> Tensor | None:
    if total is None or g is None:
        return g if total is None else total
    return total + g


# --- the numeric side ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Numeric:
    """Differences for every entry of one input: central, one-sided, and what is known of their errors.

    `kink` holds where the two one-sided slopes differ by the same amount for both steps: in a smooth function
    the difference would halve with the step.
    """

    central: np.ndarray
    left: np.ndarray
    right: np.ndarray
    estimate: np.ndarray
    kink: np.ndarray


def _differences(evaluate: Evaluate, points: Arrays, place: int, cotangents: Arrays, relative_step: float) -> _Numeric:
    """⟨cotangents, outputs⟩ differentiated numerically by every entry of the input at `place`."""
    moved = [point.copy() for point in points]
    target = moved[place]
    middle = _outputs(evaluate, moved)
    columns: list[tuple[float, ...]] = []
    for index in np.ndindex(target.shape):
        x = float(target[index])
        h = relative_step * max(1.0, abs(x))
        slopes = []
        for width in (h, 2 * h):
            target[index] = x + width
            high = _outputs(evaluate, moved)
            target[index] = x - width
            low = _outputs(evaluate, moved)
            slopes.append(_Slopes.of(x, width, low, middle, high, cotangents))
            target[index] = x
        near, far = slopes
        rounding = max(near.rounding, far.rounding)
        jump, far_jump = abs(near.right - near.left), abs(far.right - far.left)
        kink = jump > 0.75 * far_jump and jump > max(1e-4 * max(abs(near.left), abs(near.right)), 100 * rounding)
        columns.append((near.central, near.left, near.right, abs(near.central - far.central) + rounding, kink))
    table = np.array(columns, dtype=np.float64).reshape(-1, 5)
    central, left, right, estimate, kinks = (column.reshape(target.shape) for column in table.T)
    return _Numeric(central, left, right, estimate, kinks.astype(bool))


def _outputs(evaluate: Evaluate, points: Arrays) -> Arrays:
    return [np.asarray(output._data) for output in evaluate(_tensors(points), False)]


@dataclass(frozen=True)
class _Slopes:
    """Differences for one step: central, below, above, and a bound of their rounding error."""

    central: float
    left: float
    right: float
    rounding: float

    @classmethod
    def of(cls, x: float, step: float, low: Arrays, middle: Arrays, high: Arrays, cotangents: Arrays) -> _Slopes:
        """From the outputs at x − step, x and x + step; divided by the steps as float64 rounds them."""
        above, below = x + step, x - step
        with np.errstate(invalid="ignore"):  # inf − inf: the entry will be undecided
            return cls(
                _weighed(cotangents, high, low) / (above - below),
                _weighed(cotangents, middle, low) / (x - below),
                _weighed(cotangents, high, middle) / (above - x),
                _rounding(high, low, cotangents) / (above - below),
            )


def _weighed(cotangents: Arrays, high: Arrays, low: Arrays) -> float:
    """⟨cotangents, high − low⟩: subtracted first, so that outputs which don't move cancel exactly."""
    return float(sum(np.vdot(c, np.subtract(h, lo, dtype=np.float64)) for c, h, lo in zip(cotangents, high, low)))


def _rounding(high: Arrays, low: Arrays, cotangents: Arrays) -> float:
    """A bound of the rounding error in the difference of the outputs that have moved."""
    total = 0.0
    for h, lo, c in zip(high, low, cotangents):
        eps = float(np.finfo(h.dtype).eps) if h.dtype.kind == "f" else EPS
        weights = np.where(h != lo, np.abs(c), 0.0)
        total += eps * float(np.sum(weights * np.maximum(np.abs(h), np.abs(lo)), where=weights > 0))
    return total


# --- the verdict ---------------------------------------------------------------------------------------------


def _judge(name: str, order: int, analytic: np.ndarray, numeric: _Numeric, rtol: float, atol: float) -> Row:
    """Compare the two sides of one input, entry by entry."""
    analytic = np.asarray(analytic, dtype=np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        error = np.abs(analytic - numeric.central)
        tolerance = atol + rtol * np.abs(analytic) + numeric.estimate
        units = error / tolerance
    units = np.where(np.isnan(units), np.inf, units)
    scale = np.max([_finite_max(analytic), _finite_max(numeric.central)])
    unreliable = ~(numeric.estimate <= UNRELIABLE * scale + atol)
    between = (np.minimum(numeric.left, numeric.right) - tolerance <= analytic) & (
        analytic <= np.maximum(numeric.left, numeric.right) + tolerance
    )
    # A discontinuity or a noisy numeric side is no proof, unless the difference is out of all proportion.
    undecided = unreliable & ~((units > 10) & np.isfinite(numeric.central) & np.isfinite(numeric.estimate))
    ranks = np.select([numeric.kink & between, undecided, ~(units <= 1)], [1, 2, 3], default=0)
    counts = {verdict: int(np.count_nonzero(ranks == rank)) for rank, verdict in enumerate(VERDICTS)}
    if not analytic.size:
        nothing = (None, *[0.0] * 7)
        return Row(name, order, analytic.shape, 0, counts, RIGHT, *nothing)  # type: ignore[arg-type]
    order_of_badness = np.lexsort((units.ravel(), ranks.ravel()))
    worst = tuple(int(i) for i in np.unravel_index(order_of_badness[-1], analytic.shape))
    numbers = (analytic, numeric.central, numeric.left, numeric.right, numeric.estimate, tolerance, units)
    verdict = VERDICTS[int(ranks[worst])]
    return Row(name, order, analytic.shape, analytic.size, counts, verdict, worst, *(float(a[worst]) for a in numbers))


def _finite_max(values: np.ndarray) -> float:
    return float(np.max(np.abs(values), initial=0.0, where=np.isfinite(values)))
