"""`tinygrad-edu explain`: the gradients of the user's own function as sums over paths, with numbers."""

from __future__ import annotations

import argparse
from typing import Any

from tinygrad_edu.commands.common import command, refuse, say, whole
from tinygrad_edu.commands.function import function_of
from tinygrad_edu.errors import DataError, describe

PATHS = 5  # that are shown without --paths
MOST = 4  # given values that are explained without --wrt
HELP = """\
Explain the gradients of a function: the paths to its result, each the product of its local derivatives, with numbers.

The function is your own, called with its default arguments, or with the file's variable `inputs`, copied and tracked;
or it is a small network's loss, where none is given."""
EXAMPLES = """\
  tinygrad-edu explain
  tinygrad-edu explain --wrt layer1.weight --index 0,1
  tinygrad-edu explain model.py:loss --wrt w --latex
  tinygrad-edu explain model.py:loss --order"""


def add(commands: Any) -> None:
    """Add the command to those of the program."""
    parser = command(commands, "explain", explain_command, HELP, EXAMPLES)
    option = parser.add_argument
    option("target", nargs="?", metavar="FILE:FUNCTION", help="what to explain (an example)")
    option("--wrt", metavar="NAME", help=f"by what to differentiate (each given value, up to {MOST})")
    option("--index", type=_index, metavar="I,J", help="of one number of it: 7,3")
    option("--paths", type=whole(1), metavar="N", help=f"the most paths to show ({PATHS})")
    option("--latex", action="store_true", help="as a formula in LaTeX")
    option("--order", action="store_true", help="instead: why backward needs an order")
    option("--result", metavar="PLACE", help="of several Tensors, which: [0], or ['loss']")


def explain_command(options: argparse.Namespace) -> int:
    """Print the explanations."""
    from tinygrad_edu.derivation import Derivation
    from tinygrad_edu.explain.explanation import explained
    from tinygrad_edu.explain.order import Order
    from tinygrad_edu.subject import subject_of

    if options.order:
        refuse(options, ("wrt", "index", "paths", "latex"), "--order, which is about all cards")
    if options.index is not None and options.wrt is None:
        raise DataError(
            describe("--index needs --wrt: which tensor?", fix="--wrt W --index 0,1", code="conflicting-arguments")
        )
    tensor, program = subject_of(*function_of(options.target, options.result))
    derivation = Derivation(tensor, program=program)
    if options.order:
        say(str(Order.of(derivation)))
        return 0
    cards = derivation.graph.cards
    given = [card.name for card in cards if not card.computed and card.id in derivation.gradients]
    for number, name in enumerate([options.wrt] if options.wrt else given[:MOST]):
        explanation = explained(derivation, name, options.index, options.paths or PATHS)
        say(("\n\n" if number else "") + (explanation.latex if options.latex else str(explanation)))
    if options.wrt is None and len(given) > MOST:
        say(f"\n{len(given) - MOST} more: --wrt {given[MOST]}")
    return 0


def _index(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be whole numbers with commas, such as 7,3, not {text!r}") from None
