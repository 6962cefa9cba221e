"""What is told about a probable mistake; and what can be said where no known mistake fits.

Knows cases; must not know how guesses are made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_edu.gradcheck.case import Case

CONFIDENT = 0.7


@dataclass(frozen=True)
class Diagnosis:
    """A probable mistake.

    name          in words joined by hyphens, such as "forgotten-chain-factor"
    sentence      what was done, for a learner
    evidence      the numbers that say so
    fix           what to write
    confidence    from 0 to 1; below `CONFIDENT`, 0.7, take it for a hint
    alternatives  other names that fit as well
    """

    name: str
    sentence: str
    evidence: str
    fix: str
    confidence: float
    alternatives: tuple[str, ...] = field(default=())

    @property
    def confident(self) -> bool:
        """Whether the evidence leaves little room for another mistake."""
        return self.confidence >= CONFIDENT

    def __str__(self) -> str:
        hedge = "" if self.confident else " (a hint, not proven)"
        lines = [f"{self.name}{hedge}: {self.sentence}", f"  evidence: {self.evidence}", f"  fix: {self.fix}"]
        if self.alternatives:
            lines.append(f"  or else: {', '.join(self.alternatives)}")
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain strings and numbers."""
        return {**self.__dict__, "alternatives": list(self.alternatives)}


@dataclass(frozen=True)
class Cause(Diagnosis):
    """A reason outside the rules; `site` is the line of the program, `train.py:31`, empty where it isn't known."""

    site: str = ""

    def __str__(self) -> str:
        text = super().__str__()
        return text if not self.site else text.replace("\n", f"\n  where: {self.site}\n", 1)


# --- hints ---------------------------------------------------------------------------------------------------


def hint(cases: Sequence[Case]) -> Diagnosis | None:
    """Where the rule is wrong, if only in a part that can be described; or that it is nearly right."""
    partly = [case for case in cases if 0 < np.count_nonzero(_wrong(case)) < case.numeric.size]
    common = set.intersection(
        *({words for words, where in _parts(c) if np.array_equal(where, _wrong(c))} for c in cases)
    )
    if partly and common:
        pattern = min(common, key=len)
        wrong = _wrong(partly[0])
        return Diagnosis(
            "wrong-in-part", f"the rule is right elsewhere, and wrong exactly {pattern}",
            f"{int(wrong.sum())} of {wrong.size} elements are wrong, {pattern}; so in {len(cases)} experiments",
            "look at what the rule does there: a branch, a bound, an index that is off by one", 0.75,
        )  # fmt: skip
    with np.errstate(all="ignore"):
        off = [
            float(np.max(np.abs(case.analytic - case.numeric)) / np.max(np.abs(case.numeric)))
            for case in cases
            if case.numeric.size and np.any(case.numeric)
        ]
    if off and max(off) < 0.1:
        return Diagnosis(
            "nearly-right", f"the rule is right but for {100 * max(off):.2g} %: something small is missing or "
            "approximated", f"the largest error is {max(off):.1e} of the largest element",
            "look for an eps that stands in the forward only, a rounded constant, or a difference quotient in the rule",
            0.4,
        )  # fmt: skip
    return None


def _wrong(case: Case) -> np.ndarray:
    scale = np.max(np.abs(case.numeric), initial=0.0)
    away = np.abs(case.analytic - case.numeric)
    return np.asarray(away > 1e-6 * np.maximum(np.abs(case.numeric), 1e-3 * scale) + 10 * case.error)


def _parts(case: Case) -> Iterator[tuple[str, np.ndarray]]:
    shape = case.shape
    for axis, n in enumerate(shape):
        places = np.broadcast_to(np.arange(n).reshape([-1 if a == axis else 1 for a in range(len(shape))]), shape)
        yield f"at the first place of axis {axis}", places == 0
        yield f"at the last place of axis {axis}", places == n - 1
        yield f"at both ends of axis {axis}", (places == 0) | (places == n - 1)
    if len(shape) == 2:
        i, j = np.indices(shape)
        yield "on the diagonal", i == j
        yield "beside the diagonal", i != j
        yield "above the diagonal", i < j
        yield "below the diagonal", i > j
    if case.x is not None:
        yield "where x > 0", case.x > 0
        yield "where x < 0", case.x < 0
        yield "where |x| > 1", np.abs(case.x) > 1
        yield "where |x| < 1", np.abs(case.x) < 1
        flat = case.x.ravel()
        counts = np.unique(flat, return_counts=True, return_inverse=True)
        yield "where a value occurs more than once", (counts[2][counts[1].ravel()] > 1).reshape(shape)
    if case.g is not None and case.g.shape == shape:
        yield "where g > 0", case.g > 0
        yield "where g < 0", case.g < 0
    used = None if case.support is None else case.support.sum(axis=0).reshape(shape)
    if used is not None:
        yield "at elements that are used more than once", used > 1
