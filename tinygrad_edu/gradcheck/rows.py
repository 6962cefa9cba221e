"""Checking a row of the op table at random legal calls, which its sampler draws."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.check import gradcheck
from tinygrad_edu.gradcheck.report import GradcheckReport
from tinygrad_edu.op import Op
from tinygrad_edu.ops.sampling import sample
from tinygrad_edu.tensor import Tensor

DRAWS = 20  # calls that are drawn until one has numbers to move and to look at


def call_row(op: Op, arrays: Any, params: dict[str, Any]) -> Tensor:
    """The op at a call as samplers draw it."""
    return op(list(arrays), **params) if op.variadic else op(*arrays, **params)


def differentiable_places(op: Op, arrays: Any) -> list[int]:
    """The places of the arguments by which the op can be differentiated."""
    return [i for i, array in enumerate(arrays) if op.vjp(i) is not None and np.asarray(array).dtype.kind == "f"]


def check_row(op: Op, rng: np.random.Generator, order: int = 1) -> GradcheckReport | None:
    """The report on one random call of `op`, by all its arguments; None where nothing can be compared.

    Zero-size calls are drawn again. Raises ValueError for a row without a sampler that isn't elementwise.

    >>> from tinygrad_edu import tanh
    >>> report = check_row(tanh, np.random.default_rng(0), order=2)
    >>> bool(report), {row.order for row in report.rows}
    (True, {1, 2})
    """
    for _ in range(DRAWS):
        arrays, params = sample(op, rng)
        places = differentiable_places(op, arrays)
        if any(np.size(arrays[i]) for i in places) and call_row(op, arrays, params).size:
            break
    else:
        return None

    def f(*moving: Any) -> Tensor:
        remaining = iter(moving)
        return call_row(op, [next(remaining) if i in places else a for i, a in enumerate(arrays)], params)

    names = list(op.__signature__.parameters)
    report = gradcheck(f, [arrays[i] for i in places], order=order, raise_on_failure=False)
    return _renamed(report, [names[0] + f"[{i}]" if op.variadic else names[i] for i in places])


def _renamed(report: GradcheckReport, names: list[str]) -> GradcheckReport:
    """The report with the op's own names for its arguments, which `f` takes as input 1, input 2, …"""
    from dataclasses import replace

    words = {f"input {i}": name for i, name in enumerate(names, 1)}
    rows = tuple(replace(row, input=words.get(row.input, row.input)) for row in report.rows)
    return replace(report, rows=rows)
