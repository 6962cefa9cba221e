"""`tinygrad-edu draw`: the graph of the user's own function as a picture, or the network of a run."""

from __future__ import annotations

import argparse
import os
from typing import Any

import numpy as np

from tinygrad_edu import nn
from tinygrad_edu.commands.common import command, refuse, say, whole
from tinygrad_edu.commands.evaluate import read_settings
from tinygrad_edu.commands.function import function_of
from tinygrad_edu.commands.rundata import MODEL, datasets
from tinygrad_edu.errors import DataError, describe

OF_A_GRAPH = ("result", "depth", "direction", "focus", "max_nodes", "no_values", "no_grads", "saved")
SUFFIXES = "svg, html, png, pdf, dot, mmd, json, txt"

HELP = """\
Draw the graph of a function: one card per line of code, with its value and its gradient.

The function is your own, called with its default arguments, or with the file's variable `inputs`, copied and tracked;
or it is a small network's loss, where none is given. A folder that `train` wrote is drawn as a network, with one digit
of each kind."""
EXAMPLES = """\
  tinygrad-edu draw
  tinygrad-edu draw model.py:loss -o loss.svg
  tinygrad-edu draw model.py:loss -o loss.html --depth 1 --focus weight
  tinygrad-edu draw runs/digits -o network.html"""


def add(commands: Any) -> None:
    """Add the command to those of the program."""
    parser = command(commands, "draw", draw_command, HELP, EXAMPLES)
    option = parser.add_argument
    option("target", nargs="?", metavar="FILE:FUNCTION", help="what to draw, or the folder of a run (an example)")
    option("-o", "--output", metavar="FILE", help=f"where to write: {SUFFIXES} (picture.svg; network.html of a run)")
    option("--result", metavar="PLACE", help="of several Tensors, which: [0], or ['loss']")
    option("--depth", type=whole(1), metavar="N", help="levels of modules to show (as many as fit)")
    option("--direction", choices=("TB", "LR"), help="from top to bottom or from left to right (whichever fits)")
    option("--focus", metavar="NAME", help="only what this tensor comes from and goes into")
    option("--max-nodes", type=whole(1), metavar="N", help="the most cards to draw (2,000)")
    option("--no-values", action="store_true", help="leave out the numbers of the forward pass")
    option("--no-grads", action="store_true", help="leave out the gradients")
    option("--saved", action="store_true", help="show the memory that the graph holds for backward")
    option("--mode", choices=("activations", "weights", "wants"), help="of a run: what lines and arrows show")


def draw_command(options: argparse.Namespace) -> int:
    """Draw, write the picture, and print what it shows and where it is."""
    if options.target is not None and os.path.isdir(options.target):
        return _draw_run(options)
    if options.mode is not None:
        raise DataError(
            describe("--mode is for the network of a run: tinygrad-edu draw runs/digits", code="conflicting-arguments")
        )
    from tinygrad_edu.render.draw import draw

    function, args = function_of(options.target, options.result)
    picture = draw(
        function,
        *args,
        depth=options.depth,
        values=not options.no_values,
        grads=not options.no_grads,
        direction=options.direction,
        focus=options.focus,
        max_nodes=options.max_nodes,
        saved=options.saved,
    )
    path = picture.save(options.output or "picture.svg")
    for line in str(picture).partition("\n\n")[0].splitlines():
        say(line)
    say(f"wrote     {path}")
    return 0


def _draw_run(options: argparse.Namespace) -> int:
    """Draw the network of a run with one held-out digit of each kind."""
    refuse(options, OF_A_GRAPH, "the network of a run")
    from tinygrad_edu.render.network_picture import draw_network

    settings = read_settings(options.target)
    model = nn.load(os.path.join(options.target, MODEL))
    _, test_set = datasets(settings["data"], settings["data_dir"], settings["seed"], progress=True)
    first = [int(np.flatnonzero(test_set.labels == digit)[0]) for digit in np.unique(test_set.labels)]
    images, labels = test_set.images[first], test_set.labels[first]
    picture = draw_network(model, images, labels, mode=options.mode or "activations")
    path = picture.save(options.output or "network.html")
    for line in str(picture).splitlines():
        say(line)
    say(f"wrote     {path}")
    return 0
