"""What users call: a function and its inputs, made fit for checking, and the check itself."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import gradients
from tinygrad_edu.errors import DtypeError, GradcheckError, GradientError, describe
from tinygrad_edu.gradcheck.numeric import STEP, Arrays, Evaluate, differences, tensors_on
from tinygrad_edu.gradcheck.report import GradcheckReport, Row
from tinygrad_edu.gradcheck.verdict import judge
from tinygrad_edu.node import here
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import map_tree

SEED = 0  # of the cotangents, so that the same call gives the same report


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
        outputs = evaluate(tensors_on(points), False)
        cotangents = [_cotangent(rng, output) for output in outputs]
        if len(outputs) == 1 == outputs[0].size:  # one number: the derivatives shown are those of f itself
            cotangents = [np.ones(outputs[0].shape)]
        higher = _pulled(evaluate, len(points))
        analytic = higher(tensors_on(points + cotangents), False)
        for place, name in enumerate(names):
            numeric = differences(evaluate, points, place, cotangents, relative_step)
            rows.append(judge(name, level, analytic[place]._data, numeric, rtol, atol))
        of_what = "" if level == 1 else f" {level}"
        names += [f"cotangent{of_what}" + ("" if len(cotangents) == 1 else f" {i}") for i in range(len(cotangents))]
        points, evaluate = points + cotangents, higher
    report = GradcheckReport(tuple(rows), order, rtol, atol)
    if raise_on_failure and not report:
        raise GradcheckError(describe(str(report), code="gradient-disagrees"))
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
            raise GradientError(
                describe("gradcheck has nothing to check: the inputs have no entries", where=here(), code="empty-input")
            )
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
                    code="no-tensor-returned",
                )
            )
        return [value]

    def _must_repeat(self) -> None:
        """Two calls must give the same bits and leave their inputs alone, else differences mean nothing."""
        tensors = tensors_on(self.points)
        first = self.evaluate(tensors, False)[0]._data.copy()
        for name, tensor, point in zip(self.names, tensors, self.points):
            if not np.array_equal(tensor._data, point, equal_nan=True):
                raise GradientError(
                    describe(
                        f"gradcheck: the function changes its input {name}",
                        where=here(),
                        why="its value then depends on how often it was called",
                        fix="x = x + 1 instead of x += 1 or x.data += 1",
                        code="function-changes-input",
                    )
                )
        if not first.size:
            raise GradientError(
                describe(
                    f"gradcheck has nothing to check: the function gave an empty Tensor {first.shape}",
                    code="empty-input",
                )
            )
        again = self.evaluate(tensors_on(self.points), False)[0]._data
        if first.shape != again.shape or not np.array_equal(first, again, equal_nan=True):
            raise GradientError(
                describe(
                    "gradcheck: two calls of the function with the same inputs gave different values",
                    where=here(),
                    why="it draws random numbers, or remembers something between calls",
                    fix="make the generator inside: def f(x): rng = np.random.default_rng(0); …",
                    code="function-does-not-repeat",
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
                code="integers-have-no-gradient",
            )
        )
    return np.array(array, dtype=np.float64)


def _cotangent(rng: np.random.Generator, output: Tensor) -> np.ndarray:
    """1 for a single number, so that the report shows its gradient; else random weights of the output's entries.

    None of them is near 0, so that no wrong entry is weighed away.
    """
    if output.size == 1:
        return np.ones(output.shape)
    signs = rng.choice([-1.0, 1.0], output.shape)
    return np.asarray(signs * rng.uniform(0.5, 1.5, output.shape))


# --- the analytic side ------------------------------------------------------------------------------------------------


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
