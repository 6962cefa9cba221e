"""The command `tinygrad-edu`: its messages and its exit status. What each command does is in `commands/`.

Exit status: 0 right, 1 a check failed or training broke off, 2 bad usage or input, 3 a program is missing,
130 interrupted.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import Final

from tinygrad_edu import __version__
from tinygrad_edu.commands import draw, evaluate, explain, explore, gradcheck, train
from tinygrad_edu.commands.common import say, write_what_can_be_written
from tinygrad_edu.errors import GradcheckError, GraphvizNotFound, TinygradError, TrainingError

COMMANDS: Final = (train, evaluate, gradcheck, draw, explore, explain)
# What the library says of these mistakes names its keywords, which are options here.
ABOUT_OPTIONS: Final = frozenset(
    {"explain-index", "gradcheck-params", "graphviz-not-found", "not-in-graph", "picture-too-large", "wrong-file-type"}
)
KEYWORD: Final = re.compile(r"\b(?P<name>depth|focus|index|max_nodes|params)=(?P<value>\([^)]*\)|\"[^\"]*\"|[\w.]*)")
SAVE: Final = re.compile(r"\b\w+\.save\(\"([^\"]+)\"\)")
STATUS: Final = ((GraphvizNotFound, 3), (TrainingError, 1), (GradcheckError, 1), (TinygradError, 2))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command with these arguments (the program's by default) and give its exit status.

    >>> main(["evaluate", "no-such-run"])
    2
    """
    for stream in (sys.stdout, sys.stderr):
        write_what_can_be_written(stream)
    try:
        try:
            options = parser().parse_args(arguments)
            status: int = options.run(options)
        finally:
            say("", sys.stdout, end="")  # argparse prints too; what can't be written must not fail at exit
        return status
    except KeyboardInterrupt:
        say("interrupted", sys.stderr)
        return 130
    except TinygradError as error:
        say(f"tinygrad-edu: {_told(error)}", sys.stderr)
        return next(status for kind, status in STATUS if isinstance(error, kind))
    except OSError as error:
        say(f"tinygrad-edu: {error}", sys.stderr)
        return 2


def _told(error: TinygradError) -> str:
    """The text of an error as the command tells it: options for keywords, and no line of the command itself."""
    started = {"<frozen runpy>", "runpy.py", os.path.basename(sys.argv[0])}  # the former since Python 3.11
    rows = str(error).split("\n")
    rows = [row for row in rows if not (row.startswith("  where:") and row.split(":")[-2].strip() in started)]
    text = "\n".join(rows)
    if error.code in ABOUT_OPTIONS:
        text = SAVE.sub(r"-o \1", KEYWORD.sub(_as_option, text))
    return text


def _as_option(keyword: re.Match[str]) -> str:
    """`max_nodes=3` as `--max-nodes 3`, `index=(1, 2)` as `--index 1,2`."""
    value = keyword["value"].replace(" ", "").strip("()") if keyword["value"].startswith("(") else keyword["value"]
    return f"--{keyword['name'].replace('_', '-')} {value}".rstrip()


def parser() -> argparse.ArgumentParser:
    """The options of all commands."""
    main_parser = argparse.ArgumentParser(
        prog="tinygrad-edu",
        description="Train a network that reads handwritten digits, and look at what it does.",
        epilog="example:\n  tinygrad-edu train\n\n`tinygrad-edu COMMAND --help` explains a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    main_parser.add_argument("--version", action="version", version=f"tinygrad-edu {__version__}")
    commands = main_parser.add_subparsers(metavar="COMMAND", required=True)
    for module in COMMANDS:
        module.add(commands)
    return main_parser
