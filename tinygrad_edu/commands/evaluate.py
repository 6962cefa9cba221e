"""`tinygrad-edu evaluate`: test the network of a run again."""

from __future__ import annotations

import argparse
import json
import os
from typing import Any

from tinygrad_edu import nn
from tinygrad_edu.commands.common import command, say
from tinygrad_edu.commands.rundata import EPOCHS, HISTORY, MODEL, data_dir, data_options, datasets, say_accuracy
from tinygrad_edu.errors import DataError, FileNotFound, describe
from tinygrad_edu.train import accuracy

EVALUATE_HELP = "Test the network of a run again, on the same digits or on others."
EVALUATE_EXAMPLES = """\
  tinygrad-edu evaluate runs/digits
  tinygrad-edu evaluate runs/digits --data mnist --data-dir ~/mnist"""


def add(commands: Any) -> None:
    """Add the command to those of the program."""
    parser = command(commands, "evaluate", evaluate, EVALUATE_HELP, EVALUATE_EXAMPLES)
    parser.add_argument("folder", metavar="RUN", help="the folder that `train` wrote")
    data_options(parser, default=None)


def evaluate(options: argparse.Namespace) -> int:
    """Test the network of a run on digits that it has not learned from."""
    settings = read_settings(options.folder)
    model = nn.load(os.path.join(options.folder, MODEL))
    name = options.data or settings["data"]
    folder = data_dir(name, options.data_dir) or (settings["data_dir"] if name == settings["data"] else None)
    _, test_set = datasets(name, folder, settings["seed"], progress=True)
    say(f"model     {os.path.join(options.folder, MODEL)}")
    say(f"data      {name}: {len(test_set.labels):,} held out")
    say_accuracy(accuracy(model, *test_set))
    return 0


def read_settings(folder: str) -> dict[str, Any]:
    """The settings in the history of a run. Raises FileNotFound or DataError where the folder is no run."""
    path = os.path.join(folder, HISTORY)
    try:
        with open(path, encoding="utf8") as file:
            settings: dict[str, Any] = json.load(file)["settings"]
        if settings["data"] not in EPOCHS or not isinstance(settings["seed"], int) or "data_dir" not in settings:
            raise ValueError("its settings are not those of a training")
    except OSError as error:
        why = {
            FileNotFoundError: f"no {HISTORY} in it" if os.path.isdir(folder) else "no such folder",
            NotADirectoryError: "it is a file; a run is a folder",
        }.get(type(error), error.strerror)
        raise FileNotFound(
            describe(
                f"{folder} is not a run",
                why=why,
                where=os.path.abspath(folder),
                fix="the folder that `tinygrad-edu train` printed",
                code="not-a-run",
            )
        ) from None
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(
            describe(
                f"{path} is not the history of a run",
                why=f"{type(error).__name__}: {error}",
                fix="train again",
                code="not-a-run",
            )
        ) from None
    return settings
