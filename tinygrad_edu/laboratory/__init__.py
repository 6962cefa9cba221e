"""Wrong derivative rules and wrong programs, seeded on purpose: to learn from, and to test the checker by.

A learner looks at a mistake's `source`, predicts what the checker will say, runs it, mends the rule, and has the
answer graded.

>>> from tinygrad_edu.laboratory import MISTAKES
>>> print(MISTAKES["tanh-passes-g"].source)
tanh_passes_g = tg.custom_op(
    "tanh_passes_g",
    forward=lambda x: np.tanh(x),
    vjps=(
        lambda g, out, x: g,
    ),
    kind="elementwise",
)
"""

from tinygrad_edu.laboratory.grade import examine, grade
from tinygrad_edu.laboratory.mistake import Program, WrongProgram, WrongRule
from tinygrad_edu.laboratory.programs import PROGRAMS
from tinygrad_edu.laboratory.rules import RULES

_ALL: tuple[WrongRule | WrongProgram, ...] = (*RULES, *PROGRAMS)
MISTAKES: dict[str, WrongRule | WrongProgram] = {mistake.name: mistake for mistake in _ALL}

__all__ = ["MISTAKES", "PROGRAMS", "RULES", "Program", "WrongProgram", "WrongRule", "examine", "grade"]
