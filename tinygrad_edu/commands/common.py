"""What all commands share: printing that survives a closed pipe, and options that say what they take."""

from __future__ import annotations

import argparse
import math
import os
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any, TextIO

from tinygrad_edu.errors import DataError, FileError, describe


def say(text: str, stream: TextIO | None = None, end: str = "\n") -> None:
    """Print, and flush. Where the reader is gone (`| head -1`) nothing more is printed, but work goes on."""
    stream = stream or sys.stdout
    try:
        print(text, file=stream, end=end, flush=True)
    except OSError as error:
        with suppress(OSError, ValueError):  # a stream of a test or a notebook has no descriptor
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        if not isinstance(error, BrokenPipeError):
            raise FileError(describe("can't print", why=error.strerror or error, code="file-not-writable")) from None


def write_what_can_be_written(stream: Any) -> None:
    """Let a stream print the codes of what it can't write, in place of failing.

    In LC_ALL=C that is ∂ and ·; everywhere it is those bytes of a file's name that are no text.
    """
    with suppress(AttributeError, ValueError):  # a stream of a test or a notebook
        stream.reconfigure(errors="backslashreplace")


def command(
    commands: Any, name: str, run: Callable[[argparse.Namespace], int], text: str, examples: str
) -> argparse.ArgumentParser:
    """A command among `commands`: its name, what runs it, its help (the first line in the list), its examples."""
    command: argparse.ArgumentParser = commands.add_parser(
        name,
        help=text.partition("\n")[0],
        description=text,
        epilog="examples:\n" + examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    command.set_defaults(run=run)
    return command


def refuse(options: argparse.Namespace, names: Iterable[str], what: str, instead: str = "") -> None:
    """Raise DataError where one of the options `names` was given, which has no meaning for `what`."""
    for name in names:
        value = getattr(options, name)
        if value is not None and value is not False:  # 0 was given
            option = "--" + name.replace("_", "-")
            raise DataError(
                describe(
                    f"{option} has no meaning for {what}",
                    fix=f"leave {option} out" + (f", or {instead}" if instead else ""),
                    code="option-without-meaning",
                )
            )


def number(words: str, holds: Callable[[float], bool]) -> Callable[[str], float]:
    """An option's type: a number for which `holds` is true; `words` say which those are."""

    def parse(text: str) -> float:
        with suppress(ValueError):
            value = float(text)
            if math.isfinite(value) and holds(value):
                return value
        raise argparse.ArgumentTypeError(f"must be a number {words}, not {text!r}")

    return parse


def whole(least: int) -> Callable[[str], int]:
    """An option's type: a whole number of at least `least`."""

    def parse(text: str) -> int:
        with suppress(ValueError):
            if (value := int(text)) >= least:
                return value
        raise argparse.ArgumentTypeError(f"must be a whole number of at least {least}, not {text!r}")

    return parse
