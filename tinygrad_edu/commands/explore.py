"""`tinygrad-edu explore`: a page that steps through the reverse pass of the user's own function."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

from tinygrad_edu.commands.common import command, say, whole
from tinygrad_edu.commands.function import function_of
from tinygrad_edu.errors import DataError, describe

PAGE = "explore.html"
SUFFIXES = (".html", ".htm", "")  # no suffix: /dev/stdout, or a name as it is wanted
HELP = """\
Step through a function in the browser: forward line by line, then backward op by op.

Every step shows the rule at work with its numbers; a click on a card shows its paths to the result, closed modules
open, and given numbers can be changed. The page is one file and needs no network. The function is your own, called
with its default arguments, or with the file's variable `inputs`, copied and tracked; or it is a small network's loss,
where none is given."""
EXAMPLES = """\
  tinygrad-edu explore
  tinygrad-edu explore model.py:loss -o loss.html
  tinygrad-edu explore model.py:loss --depth 2"""


def add(commands: Any) -> None:
    """Add the command to those of the program."""
    parser = command(commands, "explore", explore_command, HELP, EXAMPLES)
    option = parser.add_argument
    option("target", nargs="?", metavar="FILE:FUNCTION", help="what to step through (an example)")
    option("-o", "--output", metavar="FILE", default=PAGE, help=f"where to write the page ({PAGE})")
    option("--result", metavar="PLACE", help="of several Tensors, which: [0], or ['loss']")
    option("--depth", type=whole(1), metavar="N", help="levels of modules that are open at first (as many as fit)")
    option("--direction", choices=("TB", "LR"), help="from top to bottom or from left to right (whichever fits)")
    option("--max-nodes", type=whole(1), metavar="N", help="the most cards to show at first (2,000)")


def explore_command(options: argparse.Namespace) -> int:
    """Write the page, and say where it is."""
    from tinygrad_edu.explorer import explore

    stem, suffix = os.path.splitext(options.output)
    if suffix.lower() not in SUFFIXES:
        raise DataError(
            describe(
                f"a page can't be written as {options.output}",
                why="it steps by a script, so it is one file of HTML",
                fix=f"-o {stem}.html; a picture that stands still: tinygrad-edu draw -o {options.output}",
                code="wrong-file-type",
            )
        )
    function, args = function_of(options.target, options.result)
    page = explore(
        function,
        options.output,
        *args,
        depth=options.depth,
        direction=options.direction,
        max_nodes=options.max_nodes,
    )
    say(f"{page.title}   ({page.steps} steps)")
    say(f"wrote     {page.path}")
    say(f"open      {Path(options.output).resolve().as_uri()}")
    return 0
