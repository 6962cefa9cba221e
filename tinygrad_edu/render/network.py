"""The picture of a network: what of it is shown, in whole numbers, for the drawing in Python and for the page's script.

Layers of more than 16 neurons are folded; lines are shares of the strongest line between two layers. Knows networks;
must not know how they are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from tinygrad_edu.network import Layer, Network
from tinygrad_edu.numbers import number_text
from tinygrad_edu.render.wording import plural

MODES = ("activations", "weights", "wants")
MOST_NEURONS = 16  # that a column shows; of more, the first and the last eight
FAINTEST = 6  # % of the strongest line between two layers; fainter ones are left out
FEWEST_PIXELS = 16  # of an input that is shown as an image
BAR = 64  # pixels of the longest output bar


@dataclass(frozen=True, eq=False)
class Column:
    """The inputs, or a layer, as far as it is shown.

    shown     the numbers of the neurons that are shown; of grouped inputs, those of the groups
    groups    for grouped inputs, the numbers of the inputs in each group
    folded    whether neurons in the middle are left out
    caption   what stands below it
    """

    size: int
    shown: tuple[int, ...]
    groups: tuple[np.ndarray, ...] = ()
    folded: bool = False
    caption: str = ""


@dataclass(frozen=True)
class View:
    """What one sample, or the mean of several, looks like: whole numbers, column by column.

    fills     grey of each neuron, from 0 black to 255 white
    gaps      for each gap, line by line: % of the strongest, + pushes up; from shown neuron to shown neuron
    arrows    for each column, % of the largest: which way its neurons want to go; empty lists where that is unknown
    largest   for each column, the size of the largest arrow, as text
    bars      pixels of each output's bar; `answers` its text
    winner    the place of the largest output among the shown ones, or -1
    targets   pixels of the mark on each output's bar, or nothing
    values    for each column, the activation of each neuron, as text
    sums      for each column, what each neuron adds up, as text; `outs` what it gives, `wants` which way it should go
    """

    fills: list[list[int]]
    gaps: list[list[int]]
    arrows: list[list[int]]
    largest: list[str]
    bars: list[int]
    answers: list[str]
    winner: int
    values: list[list[str]]
    targets: list[int]
    sums: list[list[str]]
    outs: list[list[str]]
    wants: list[list[str]]


@dataclass(frozen=True, eq=False)
class NetworkDrawing:
    """A network with what is needed to draw it in one of the modes."""

    network: Network
    mode: str
    labels: tuple[str, ...]  # of the outputs
    palette: str = "blue-red"
    targets: np.ndarray | None = None  # (n, out)

    @cached_property
    def side(self) -> int:
        """The side of the input as a square image, 0 where it is none."""
        side = round(self.network.inputs.shape[1] ** 0.5)
        return side if side * side == self.network.inputs.shape[1] >= FEWEST_PIXELS else 0

    @cached_property
    def columns(self) -> list[Column]:
        """The inputs and the layers, as far as they are shown."""
        sizes = self.network.sizes
        columns = [self._inputs(sizes[0])]
        for number, (size, layer) in enumerate(zip(sizes[1:], self.network.layers), 1):
            noun = "output" if number == len(self.network.layers) else "neuron"
            caption = plural(size, noun) + (f" · {layer.words}" if layer.words else "")
            columns.append(Column(size, *_folded(size), caption=caption))
        return columns

    def _inputs(self, size: int) -> Column:
        if self.side and size > MOST_NEURONS:
            groups = tuple(np.array_split(np.arange(size), MOST_NEURONS))
            caption = f"{size:,} inputs, {MOST_NEURONS} groups of {len(groups[-1])}"
            return Column(size, tuple(range(MOST_NEURONS)), groups, caption=caption)
        return Column(size, *_folded(size), caption=plural(size, "input"))

    @cached_property
    def fewest_and_most(self) -> list[tuple[float, float]]:
        """For each column, what is black and what is white: 0 and 1 where all lies between them."""
        arrays = [self.network.inputs, *(layer.output for layer in self.network.layers)]
        return [_scale(array) for array in arrays]

    def view(self, samples: int | slice) -> View:
        """What the given samples look like: a number, or a slice for their mean."""
        layers = self.network.layers
        values = [mean_of(array, samples) for array in (self.network.inputs, *(layer.output for layer in layers))]
        gaps = [self._gap(number, values, samples) for number in range(len(layers))]
        wants = [layer.wants for layer in layers] if self.mode == "wants" else [None] * len(layers)
        arrows = [
            _shown(mean_of(want, samples), c) if want is not None else None for want, c in zip(wants, self.columns[1:])
        ]
        bars, answers, winner = self._answers(values[-1])
        return View(
            fills=[self._fills(place, value) for place, value in enumerate(values)],
            gaps=[_percent(gap).reshape(-1).tolist() for gap in gaps],
            arrows=[[], *(_percent(arrow).tolist() if arrow is not None else [] for arrow in arrows)],
            largest=["", *(number_text(np.abs(a).max()) if a is not None and a.size else "" for a in arrows)],
            bars=bars,
            answers=answers,
            winner=winner,
            values=[[f"{v:.2f}" for v in _shown(value, column)] for value, column in zip(values, self.columns)],
            targets=self._marks(samples),
            sums=[[], *(self._sums(layer, samples, column) for layer, column in zip(layers, self.columns[1:]))],
            outs=[[], *(_texts(_shown(value, column)) for value, column in zip(values[1:], self.columns[1:]))],
            wants=[[], *(_texts(arrow) if arrow is not None else [] for arrow in arrows)],
        )

    def _fills(self, place: int, values: np.ndarray) -> list[int]:
        low, high = self.fewest_and_most[place]
        shown = _shown(values, self.columns[place])
        if self.mode == "weights":
            return [200] * len(shown)
        return [int(grey) for grey in np.rint(np.clip((shown - low) / (high - low), 0, 1) * 255)]

    def _gap(self, number: int, values: list[np.ndarray], samples: int | slice) -> np.ndarray:
        """The lines of a gap: what each shown neuron does to each of the next, (from, to)."""
        layer, before, after = self.network.layers[number], self.columns[number], self.columns[number + 1]
        if self.mode == "wants":
            if number == 0 or layer.pulls is None:
                return np.zeros((len(before.shown), len(after.shown)))
            lines = layer.weight * mean_of(layer.pulls, samples)
        elif self.mode == "weights":
            lines = layer.weight
        else:
            lines = layer.weight * values[number][:, None]
        lines = lines[:, list(after.shown)]
        if before.groups:
            together = np.mean if self.mode == "weights" else np.sum
            return np.stack([together(lines[group], axis=0) for group in before.groups])
        shown: np.ndarray = lines[list(before.shown)]
        return shown

    def _answers(self, outputs: np.ndarray) -> tuple[list[int], list[str], int]:
        """Bars, texts and the place of the winner: shares of a softmax where the outputs aren't all from 0 to 1."""
        column = self.columns[-1]
        if self.mode == "weights" or column.size == 1:  # one number is no choice
            return [], [], -1
        low, high = self.fewest_and_most[-1]
        shares = outputs
        if (low, high) != (0.0, 1.0):
            powers = np.exp(outputs - outputs.max())
            shares = powers / powers.sum()
        shown = _shown(shares, column)
        winner = int(np.argmax(outputs))
        place = column.shown.index(winner) if winner in column.shown else -1
        return [round(float(share) * BAR) for share in shown], [f"{share:.2f}" for share in shown], place

    @property
    def shares_are_softmax(self) -> bool:
        """Whether the bars show the softmax of the outputs, not the outputs."""
        return self.fewest_and_most[-1] != (0.0, 1.0)

    @property
    def marked(self) -> bool:
        """Whether a mark on each output's bar says what it should be."""
        return self.targets is not None and self.mode != "weights" and not self.shares_are_softmax

    def _marks(self, samples: int | slice) -> list[int]:
        if self.targets is None or not self.marked:
            return []
        return [round(float(t) * BAR) for t in _shown(mean_of(self.targets, samples), self.columns[-1])]

    def _sums(self, layer: Layer, samples: int | slice, column: Column) -> list[str]:
        """What each neuron adds up; of the weights alone its bias."""
        if self.mode == "weights":
            return _texts(_shown(layer.bias, column)) if layer.bias is not None else []
        return _texts(_shown(mean_of(layer.sums, samples), column))

    def told(self, view: View, place: int, i: int) -> str:
        """A line about a neuron: how its sum became its output, which way it wants to go. The script says the same."""
        if not view.sums[place]:
            return ""
        if self.mode == "weights":
            return f"bias {view.sums[place][i]}"
        word = self.network.layers[place - 1].words
        line = f"{word}({view.sums[place][i]}) = {view.outs[place][i]}" if word else view.outs[place][i]
        return line + (f"; −∂C/∂activation = {view.wants[place][i]}" if view.wants[place] else "")

    @cached_property
    def weight_scale(self) -> float:
        """What the strongest colour of the weight images stands for: the 99th percentile of |w|."""
        scale = float(np.percentile(np.abs(self.network.layers[0].weight), 99))
        return scale or 1.0


def _folded(size: int) -> tuple[tuple[int, ...], tuple[np.ndarray, ...], bool]:
    if size <= MOST_NEURONS:
        return tuple(range(size)), (), False
    half = MOST_NEURONS // 2
    return (*range(half), *range(size - half, size)), (), True


def _scale(array: np.ndarray) -> tuple[float, float]:
    finite = array[np.isfinite(array)]
    low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return min(low, 0.0), max(high, 0.0)


def mean_of(array: np.ndarray, samples: int | slice) -> np.ndarray:
    """The row of one sample, or the mean of those of several; 0 for what is no number."""
    chosen = array[samples]
    mean: np.ndarray = np.nan_to_num(chosen.mean(axis=0) if chosen.ndim > 1 else chosen)
    return mean


def _shown(values: np.ndarray, column: Column) -> np.ndarray:
    """The values of the shown neurons; of groups the mean."""
    if column.groups:
        return np.array([values[group].mean() for group in column.groups])
    shown: np.ndarray = values[list(column.shown)]
    return shown


def _texts(values: np.ndarray) -> list[str]:
    return [number_text(value) for value in values]


def _percent(values: np.ndarray) -> np.ndarray:
    """Whole % of the largest size; 0 for what is too faint to be drawn."""
    largest = float(np.abs(values).max(initial=0))
    if not largest:
        return np.zeros(values.shape, int)
    shares = np.rint(values / largest * 100).astype(int)
    return np.where(np.abs(shares) < FAINTEST, 0, shares)
