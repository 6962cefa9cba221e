"""The mistakes that a diagnosis knows: for each, what the rule would give if it had been made.

A guesser is a function of a case; adding one to its module's GUESSERS is all that a new mistake needs.
"""

from tinygrad_edu.gradcheck.mistakes import branches, chain, functions, places, structure, values
from tinygrad_edu.gradcheck.mistakes.guess import Guess, Guesser

GENERAL: tuple[Guesser, ...] = values.GUESSERS
OF_OPS: tuple[Guesser, ...] = (
    *branches.GUESSERS, *chain.GUESSERS, *structure.GUESSERS, *places.GUESSERS, *functions.GUESSERS,
)  # fmt: skip

__all__ = ["GENERAL", "OF_OPS", "Guess", "Guesser"]
