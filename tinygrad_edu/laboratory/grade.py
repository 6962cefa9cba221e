"""Judges what a learner wrote in place of a mistake: right, or what is wrong with it now."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.localise import Localisation, localise
from tinygrad_edu.laboratory.mistake import Program, WrongProgram, WrongRule

SEEDS = 3  # networks of different shapes that an answer must be right in


def examine(program: Program, seed: int = 0) -> Localisation:
    """What the checker finds in a program of the laboratory."""
    output, inputs = program.run()
    rng = np.random.default_rng(seed)
    return localise(output, np.ones(output.shape), rng, inputs=inputs, rerun=lambda tensors: program.f(*tensors))


def grade(mistake: WrongRule | WrongProgram, answer: Callable[..., Any] | str | None = None) -> Localisation:
    """What the checker finds with the learner's answer in place of the mistake; true where that is nothing.

    answer   for a wrong rule the rule, `lambda g, out, x: …`; for a wrong program its text. None checks the mistake
             itself, which shows the learner what to mend

    >>> from tinygrad_edu.laboratory import MISTAKES, grade
    >>> bool(grade(MISTAKES["tanh-passes-g"], lambda g, out, x: g * (1 - out**2)))
    True
    >>> grade(MISTAKES["tanh-passes-g"], lambda g, out, x: g * (1 + out**2)).culprits[0].diagnosis.name
    'wrong-term-sign'
    """
    for seed in range(SEEDS):
        if isinstance(mistake, WrongRule):
            program = mistake.program(seed, rule=answer)  # type: ignore[arg-type]
        else:
            program = mistake.program(seed, text=answer)  # type: ignore[arg-type]
        found = examine(program, seed)
        if not found:
            break
    return found
