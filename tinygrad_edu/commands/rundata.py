"""The digits a run learns from and is tested on: the options that choose them, and the last line of output."""

from __future__ import annotations

import argparse
import os
from typing import Final

from tinygrad_edu import data
from tinygrad_edu.commands.common import say
from tinygrad_edu.errors import DataError, describe

EPOCHS: Final = {"digits": 60, "mnist": 12}
MODEL, HISTORY, DRAWING = "model.npz", "history.json", "graph.svg"


def data_options(command: argparse.ArgumentParser, default: str | None) -> None:
    """Add the options that choose the digits."""
    same = "" if default else ", by default what the run was trained on"
    command.add_argument(
        "--data", choices=("digits", "mnist"), default=default, help=f"the bundled digits, or MNIST{same}"
    )
    command.add_argument(
        "--data-dir", metavar="DIR", help="where MNIST's four files are; without it they are downloaded once"
    )


def datasets(name: str, folder: str | None, seed: int, progress: bool) -> tuple[data.Dataset, data.Dataset]:
    """What to learn from and what to test on."""
    return data.digits(seed=seed) if name == "digits" else data.mnist(folder, progress=progress)


def data_dir(name: str, folder: str | None) -> str | None:
    """The folder of the data as an absolute path, so that a run can be evaluated from anywhere."""
    if folder is not None and name != "mnist":
        raise DataError(
            describe("--data-dir is for --data mnist; the digits are bundled", code="conflicting-arguments")
        )
    return None if folder is None else os.path.abspath(os.path.expanduser(folder))


def say_accuracy(share: float) -> None:
    """Print the last line of `train` and `evaluate`."""
    say(f"accuracy on unseen digits: {100 * share:.2f} %")
