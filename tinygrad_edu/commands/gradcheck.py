"""`tinygrad-edu gradcheck`: hold the gradients of all ops, or of one's own function, against numbers."""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
import zlib
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_edu.commands.common import command, number, refuse, say, whole
from tinygrad_edu.commands.target import INPUTS, Target, complaints, load
from tinygrad_edu.errors import ProgramError, describe
from tinygrad_edu.files import check_folder, write_atomically
from tinygrad_edu.gradcheck import GradcheckReport, gradcheck
from tinygrad_edu.gradcheck.report import VERDICTS
from tinygrad_edu.gradcheck.rows import check_row
from tinygrad_edu.op import ELEMENTWISE, REGISTRY, Op
from tinygrad_edu.render.wording import plural

HELP = """\
Compare gradients with what the function values themselves say.

Without TARGET every op of the table is checked at random calls, by all its arguments, first and second derivatives.
With TARGET your own function, network or custom op is. It is called with its default arguments:

  def loss(w=np.array([1.0, 2.0]), power=3):       # arrays and numbers with fractions are checked,
      return (w ** power).sum()                    # whole numbers, booleans and texts stay as they are

A function that lacks a default takes its arguments from the file's variable `inputs`, a list or a dict by name; a
network's parameters are checked and its `inputs` held fixed. A custom op without `inputs` is checked at random calls.

Exit status: 0 all right, 1 a gradient is wrong or can't be decided, 2 bad usage or a program that fails."""
EXAMPLES = """\
  tinygrad-edu gradcheck
  tinygrad-edu gradcheck --ops "arc*" --cases 20
  tinygrad-edu gradcheck model.py:loss --order 2
  tinygrad-edu gradcheck model.py:network --params "layer2.*" --json report.json"""

OF_ONE = ("params", "method", "rtol")
OF_RANDOM_CALLS = ("cases", "seed")
CASES = 4
SHOWN = 3  # reports of wrong ops that are printed in full


def add(commands: Any) -> None:
    """Add the command to those of the program."""
    parser = command(commands, "gradcheck", run, HELP, EXAMPLES)
    parser.add_argument("target", metavar="TARGET", nargs="?", help="path/to/file.py:function; all ops without it")
    parser.add_argument("--order", type=whole(1), help="highest derivative (2 for ops, 1 for a function)")
    parser.add_argument("--ops", metavar="PATTERN", help="only the ops whose name fits, such as 'arc*'")
    parser.add_argument("--cases", type=whole(1), help=f"random calls of each op ({CASES})")
    parser.add_argument("--seed", type=whole(0), help="of the random calls (0)")
    parser.add_argument("--params", metavar="PATTERN", action="append", help="only these parameters of a network")
    parser.add_argument("--method", choices=("auto", "complex", "differences"), help="of a function's check")
    parser.add_argument("--rtol", type=number("above 0", lambda x: x > 0), help="relative tolerance (1e-6)")
    parser.add_argument("--json", metavar="FILE", help="write the report as JSON too")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Check what the options say."""
    if options.json is not None and not os.path.exists(options.json):
        check_folder(os.path.dirname(options.json) or ".")
    if options.target is None:
        refuse(options, OF_ONE, "all ops", instead="name a TARGET")
        return _ops(_chosen(options.ops), options)
    refuse(options, ("ops",), "one function")
    target = load(options.target)
    if isinstance(target.function, Op) and not hasattr(target.module, INPUTS):
        refuse(options, OF_ONE, "random calls of an op", instead=f"write {INPUTS} = [array, …] into {target.path}")
        return _ops([target.function], options)
    refuse(options, OF_RANDOM_CALLS, "a function that is called with given inputs")
    report = _checked(target, options)
    say(str(report))
    _write(options.json, report.to_dict())
    return 0 if report else 1


def _write(path: str | None, data: Any) -> None:
    if path is not None:
        import json

        write_atomically(path, json.dumps(data, indent=1, allow_nan=False) + "\n")
        say(f"wrote     {path}")


# --- one function --------------------------------------------------------------------------------------------


def _checked(target: Target, options: argparse.Namespace) -> GradcheckReport:
    given = {name: _as_meant(value) for name, value in target.arguments().items()}
    chosen = {"method": options.method, "rtol": options.rtol, "params": options.params, "order": options.order}
    with complaints(target):
        return gradcheck(
            target.by_name(),
            given,
            raise_on_failure=False,
            **{name: value for name, value in chosen.items() if value is not None},
        )


def _as_meant(value: Any) -> Any:
    """A list of numbers as an array; a whole number as one that is not differentiated by."""
    if isinstance(value, list) and value and all(type(part) in (int, float) for part in value):
        return np.array(value)
    return np.int64(value) if type(value) is int else value


# --- ops -----------------------------------------------------------------------------------------------------


def _chosen(pattern: str | None) -> list[Op]:
    ops = [op for op in REGISTRY.values() if fnmatch.fnmatchcase(op.name, pattern or "*")]
    if not ops:
        raise ProgramError(describe(f"no op is called {pattern!r}", fix="--ops 'log*'", code="no-such-op"))
    return ops


def _ops(ops: list[Op], options: argparse.Namespace) -> int:
    """Check each op that has a derivative at random calls, and print one line for each."""
    checked = [op for op in ops if op.differentiable]
    order = options.order or 2
    found = {
        op: _cases(op, options.cases or CASES, options.seed or 0, order)
        for op in _with_bar(checked, hidden=options.quiet or not checked)
    }
    lines: list[tuple[str, ...]] = [("op", "cases", "derivatives", "worst error/tolerance", "verdict")]
    lines += [_line(op, reports) for op, reports in found.items()]
    widths = [max(map(len, column)) for column in zip(*lines)]
    for line in lines:
        say("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    wrong = {op: [report for report in reports if not report] for op, reports in found.items()}
    wrong = {op: reports for op, reports in wrong.items() if reports}
    for op, reports in list(wrong.items())[:SHOWN]:
        say(f"\n{op.name}: {op.formula}\n{reports[0]}")
    total = sum(row.checked for reports in found.values() for report in reports for row in report.rows)
    without = len(ops) - len(checked)
    say(
        f"\n{plural(len(checked), 'op')}, derivatives up to order {order}: {total:,} compared, "
        + (f"{plural(len(wrong), 'op')} not right: {', '.join(op.name for op in wrong)}" if wrong else "all right")
        + (f"; {plural(without, 'op')} without a derivative" if without else "")
    )
    _write(options.json, {op.name: [report.to_dict() for report in reports] for op, reports in found.items()})
    return 1 if wrong else 0


def _cases(op: Op, cases: int, seed: int, order: int) -> list[GradcheckReport]:
    """Reports on random calls; the same ones whichever other ops are checked."""
    rng = np.random.default_rng([seed, zlib.crc32(op.name.encode())])
    if op.sampler is None and op.kind is not ELEMENTWISE:
        raise ProgramError(
            describe(
                f"nobody can say what {op.name} may be called with",
                why="only calls of elementwise ops can be drawn at random without a sampler",
                fix="inputs = [array, …] in the file, or custom_op(…, sampler=lambda rng: ((rng.normal(size=3),), {}))",
                code="no-arguments",
            )
        )
    reports = [check_row(op, rng, order) for _ in range(cases)]
    return [report for report in reports if report is not None]


def _line(op: Op, reports: list[GradcheckReport]) -> tuple[str, ...]:
    rows = [row for report in reports for row in report.rows]
    worst = max((row.units for row in rows), default=0.0)
    verdict = max((report.verdict for report in reports), key=VERDICTS.index, default="nothing to compare")
    return (
        op.name,
        str(len(reports)),
        f"{sum(row.checked for row in rows):,}",
        f"{worst:.1e}" if worst else "0",
        verdict,
    )


def _with_bar(ops: list[Op], hidden: bool) -> Iterable[Op]:
    from tqdm import tqdm

    bar = tqdm(ops, unit="op", disable=hidden, file=sys.stderr, leave=False)
    for op in bar:
        bar.set_description(f"{op.name:<20.20}")
        yield op
