"""A guess: what the analytic side would be under one particular mistake, and what to tell the learner if it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from tinygrad_edu.gradcheck.case import Case


@dataclass(frozen=True)
class Guess:
    """One mistake, and what the rule would give if it had been made.

    name        of the mistake
    prediction  of the analytic side, of the argument's shape
    sentence    what was done, for a learner; it says what the numbers show, not more
    fix         what to write
    rank        lower is likelier, where two guesses fit equally well
    key         tells guesses of the same name apart; it means the same in every experiment
    fitted      how many numbers of the prediction were taken from the analytic side itself
    same_shape  the key means something for arguments of this shape only
    """

    name: str
    prediction: np.ndarray
    sentence: str
    fix: str
    rank: float
    key: str = ""
    fitted: int = 0
    same_shape: bool = False


Guesser = Callable[[Case], Iterator[Guess]]


def ordinal(position: int) -> str:
    """The argument at `position` as words: the first argument, ..."""
    words = ("first", "second", "third", "fourth", "fifth")
    return f"the {words[position]} argument" if position < len(words) else f"argument {position + 1}"


def letter(position: int) -> str:
    """What the argument at `position` is called in a formula: x, y, z, ..."""
    return "xyzuvw"[position] if position < 6 else f"argument {position + 1}"
