"""`tinygrad-edu train`: the main job, from options to the files of a run."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final

import numpy as np

from tinygrad_edu import __version__, data, nn
from tinygrad_edu.commands.common import command, number, say, whole
from tinygrad_edu.commands.rundata import (
    DRAWING,
    EPOCHS,
    HISTORY,
    MODEL,
    data_dir,
    data_options,
    datasets,
    say_accuracy,
)
from tinygrad_edu.errors import DataError, FileError, describe
from tinygrad_edu.files import check_folder, write_atomically
from tinygrad_edu.optim import SGD, Adam, Optimizer
from tinygrad_edu.render.wording import plural
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.train import LOSSES, SCHEDULES, DivergedError, History, fit, loss_and_targets

PIXELS, DIGITS = 784, 10
LEARNING_RATES: Final = {
    "sgd": {"sigmoid": 1.0, "tanh": 0.1, "relu": 0.03, "identity": 0.01},
    "adam": {"sigmoid": 0.003, "tanh": 0.001, "relu": 0.001, "identity": 0.001},
}
DRAWN = 2  # samples in the drawn loss

TRAIN_HELP = """\
Train a network on handwritten digits and test it on digits it has not learned from.

The default is the network of 3Blue1Brown's videos: 784 pixels, two layers of 16 neurons, 10 outputs, sigmoid
everywhere, squared error, plain gradient descent on mini-batches. It learns from four fifths of the 1,797 bundled
digits, and is tested on the rest. Of all epochs the one with the best test is kept.
Ctrl-C ends training with the best so far."""
TRAIN_EXAMPLES = """\
  tinygrad-edu train
  tinygrad-edu train --layers 784,30,10 --loss cross_entropy --epochs 20 --output runs/wide
  tinygrad-edu train --data mnist --data-dir ~/mnist"""


def add(commands: Any) -> None:
    """Add the command to those of the program."""
    _options(command(commands, "train", train, TRAIN_HELP, TRAIN_EXAMPLES))


def _options(command: argparse.ArgumentParser) -> None:
    data_options(command, default="digits")
    add = command.add_argument
    add("--layers", type=_layers, default="784,16,16,10", metavar="SIZES", help="neurons per layer (784,16,16,10)")
    add("--activation", choices=tuple(LEARNING_RATES["sgd"]), default="sigmoid", help="of the hidden layers (sigmoid)")
    add(
        "--loss",
        choices=LOSSES,
        default="mse",
        help="squared error, of outputs that went through sigmoid; or cross-entropy, of the bare sums (mse)",
    )
    add("--optimizer", choices=tuple(LEARNING_RATES), default="sgd", help="how to step (sgd)")
    add("--lr", type=number("above 0", lambda x: x > 0), help="learning rate (what suits optimizer and activation)")
    add("--momentum", type=number("from 0 to below 1", lambda x: 0 <= x < 1), default=0.0, help="of sgd (0)")
    add("--weight-decay", type=number("at least 0", lambda x: x >= 0), default=0.0, help="pulls weights to 0 (0)")
    add("--batch-size", type=whole(1), default=10, metavar="N", help="digits per step (10)")
    add("--epochs", type=whole(1), metavar="N", help="times to see all digits (60; 12 with mnist)")
    add("--seed", type=whole(0), default=0, metavar="N", help="of the split, the first weights and the order (0)")
    add("--schedule", choices=SCHEDULES, default="linear", help="the learning rate falls to 0, or stays (linear)")
    add(
        "--stop-when-flat",
        type=number("from 0 to below 1", lambda x: 0 <= x < 1),
        nargs="?",
        const=0.001,
        metavar="SHARE",
        help="stop when the losses of 4 epochs lie within this share of each other (0.001 if not given)",
    )
    add("--output", metavar="DIR", help="where to write (runs/digits or runs/mnist); an older run there is replaced")
    add("--quiet", action="store_true", help="no progress")


def _layers(text: str) -> list[int]:
    try:
        sizes = [int(part) for part in text.split(",")]
    except ValueError:
        sizes = []
    if len(sizes) < 2 or min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"must be whole numbers with commas, such as 784,16,16,10, not {text!r}")
    if sizes[0] != PIXELS:
        raise argparse.ArgumentTypeError(
            f"the first must be {PIXELS}, for the 28 × 28 pixels of a digit, not {sizes[0]}"
        )
    if sizes[-1] != DIGITS:
        raise argparse.ArgumentTypeError(f"the last must be {DIGITS}, one output for each digit, not {sizes[-1]}")
    return sizes


def train(options: argparse.Namespace) -> int:
    """Train, write the run into its folder, and print where it is and how good the network is."""
    settings = _settings(options)
    train_set, test_set = datasets(settings["data"], settings["data_dir"], settings["seed"], not options.quiet)
    folder = options.output or os.path.join("runs", settings["data"])
    rng = np.random.default_rng(settings["seed"])
    model = nn.MLP(
        settings["layers"],
        activation=settings["activation"],
        output_activation="sigmoid" if settings["loss"] == "mse" else None,
        rng=rng,
        dtype=np.float32,
    )
    with _output_folder(folder):
        trouble: DivergedError | None = None
        try:
            _say_settings(settings, model, train_set, test_set)
            history = fit(
                model,
                train_set,
                test_set,
                loss=settings["loss"],
                optimizer=_optimizer(settings, model),
                batch_size=settings["batch_size"],
                epochs=settings["epochs"],
                rng=rng,
                lr_schedule=settings["schedule"],
                stop_when_flat=settings["stop_when_flat"],
                progress=not options.quiet,
            )
        except DivergedError as error:
            trouble, history = error, error.history
        except KeyboardInterrupt:  # before the first step; `fit` itself gives what was learned until then
            return _nothing_learned(None)
        if history.best is None:
            return _nothing_learned(trouble)
        _write_run(folder, settings, history, model, train_set)
        say_accuracy(history.best.accuracy)
        if trouble is not None:
            say(f"tinygrad-edu: {trouble}", sys.stderr)
            return 1
        return 130 if history.stopped == "interrupted" else 0


def _settings(options: argparse.Namespace) -> dict[str, Any]:
    """What is remembered of the options in history.json; with the defaults that depend on other options."""
    if options.momentum and options.optimizer != "sgd":
        raise DataError(describe("--momentum is for --optimizer sgd; adam has its own", code="conflicting-arguments"))
    names = ("layers", "activation", "loss", "optimizer", "momentum", "weight_decay", "batch_size")
    lr = LEARNING_RATES[options.optimizer][options.activation] if options.lr is None else options.lr
    return {
        "data": options.data,
        "data_dir": data_dir(options.data, options.data_dir),
        **{name: getattr(options, name) for name in names},
        "lr": lr,
        "epochs": options.epochs or EPOCHS[options.data],
        "seed": options.seed,
        "schedule": options.schedule,
        "stop_when_flat": options.stop_when_flat,
    }


def _say_settings(settings: dict[str, Any], model: nn.MLP, train_set: data.Dataset, test_set: data.Dataset) -> None:
    parameters = sum(parameter.size for parameter in model.parameters())
    say(f"network   {'-'.join(map(str, settings['layers']))}, {settings['activation']}, {parameters:,} parameters")
    say(f"data      {settings['data']}: {len(train_set.labels):,} to learn from, {len(test_set.labels):,} held out")
    steps = f"lr {settings['lr']:g} ({settings['schedule']}), batches of {settings['batch_size']}"
    epochs = plural(settings["epochs"], "epoch")
    say(f"learning  {settings['loss']}, {settings['optimizer']}, {steps}, {epochs}")


def _optimizer(settings: dict[str, Any], model: nn.Module) -> Optimizer:
    lr, decay = settings["lr"], settings["weight_decay"]
    if settings["optimizer"] == "adam":
        return Adam(model.parameters(), lr, weight_decay=decay)
    return SGD(model.parameters(), lr, momentum=settings["momentum"], weight_decay=decay)


def _nothing_learned(trouble: DivergedError | None) -> int:
    if trouble is not None:
        raise trouble
    say("interrupted before the first epoch was finished; nothing was written", sys.stderr)
    return 130


def _write_run(folder: str, settings: dict[str, Any], history: History, model: nn.MLP, train_set: data.Dataset) -> None:
    """Write the three files of a run, each whole or not at all, and print where they are."""
    best = history.best
    assert best is not None
    facts = {
        "settings": settings,
        "accuracy": best.accuracy,
        **history.to_dict(),
        "versions": {"tinygrad_edu": __version__, "numpy": np.__version__, "python": platform.python_version()},
    }
    model.save(os.path.join(folder, MODEL))
    write_atomically(os.path.join(folder, HISTORY), json.dumps(facts, indent=1) + "\n")
    _draw(folder, model, settings["loss"], train_set)
    say(f"best      epoch {best.number} of {len(history)} ({history.stopped})")
    for name in (MODEL, HISTORY, DRAWING):
        say(f"wrote     {os.path.join(folder, name)}")


def _draw(folder: str, model: nn.MLP, loss: str, train_set: data.Dataset) -> None:
    """Draw the loss of a few digits into the folder."""
    from tinygrad_edu.render.draw import draw

    compute_loss, targets = loss_and_targets(loss, model, train_set.images[:DRAWN], train_set.labels[:DRAWN])
    images, target = Tensor(train_set.images[:DRAWN], name="images"), Tensor(targets, name="target")
    value = compute_loss(model(images), target)
    picture = draw(value, names={"loss": value, "images": images, "target": target})
    picture.save(os.path.join(folder, DRAWING))


@contextmanager
def _output_folder(folder: str) -> Iterator[None]:
    """The folder, made and tried for writing first; folders made here that stay empty are removed again."""
    made: list[str] = []
    above = os.path.abspath(folder)
    while not os.path.lexists(above):
        made.append(above)
        above = os.path.dirname(above)
    try:
        try:
            os.makedirs(folder, exist_ok=True)
        except OSError as error:
            raise FileError(
                describe(
                    "can't make the output folder",
                    where=os.path.abspath(folder),
                    why=f"{above} is a file" if os.path.isfile(above) else error.strerror or error,
                    fix="--output with a folder that you may write to",
                    code="file-not-writable",
                )
            ) from None
        check_folder(folder)
        yield
    finally:
        for path in made:
            with suppress(OSError):
                os.rmdir(path)
