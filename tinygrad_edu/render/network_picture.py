"""draw_network: from a model and samples to a picture of its neurons. The drawings are imported when one is made."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import describe
from tinygrad_edu.files import write_atomically
from tinygrad_edu.network import Cost, network_of, squared_error, targets_of
from tinygrad_edu.render.picture import DrawingError

if TYPE_CHECKING:
    from tinygrad_edu.render.network import NetworkDrawing, View

SUFFIXES = (".svg", ".html", ".txt")
MOST_SAMPLES = 10  # that a page holds: as many as there are digit keys


def draw_network(
    model: Callable[..., Any],
    x: Any = None,
    target: Any = None,
    *,
    mode: str = "activations",
    labels: Sequence[str] | None = None,
    palette: str = "blue-red",
    cost: Cost = squared_error,
) -> NetworkPicture:
    """A picture of a network's neurons: how they are lit by a sample, and what each does to the next.

    model    layers in a row, each x @ W + b and an activation: an MLP, a Sequential of Linear, or a function
    x        samples (n, in), or one (in,); the picture shows the first, a page up to ten. Square inputs, such as 784
             pixels, are shown as images
    target   what should come out: classes (n,), or values (n, out)
    mode     "activations": lines are weight × activation; "weights": lines are weights (x may be left out);
             "wants": which way the cost wants each neuron to go, −∂C/∂activation, its mean over several samples; it
             needs the target
    labels   what the outputs are called; by default 0, 1, 2, …
    palette  "blue-red", or "classic" for green and red
    cost     of one sample, from its output (1, out) and its target (1, out); by default Σ (output − target)²

    Layers of more than 16 neurons are folded: the first and the last eight are shown.
    Raises DataError for a model that is not layers in a row, and says what draws it.

    >>> import tinygrad_edu as tg
    >>> print(draw_network(tg.nn.MLP([784, 16, 16, 10], rng=0), np.zeros(784)))
    784 → 16 → 16 → 10, 13,002 parameters
    layer1  16 neurons · sigmoid  12,544 weights + 16 biases
    layer2  16 neurons · sigmoid  256 weights + 16 biases
    layer3  10 outputs · sigmoid  160 weights + 10 biases
    answer  0: 0.58, then 8: 0.58
    """
    from tinygrad_edu.render.network import MODES, NetworkDrawing
    from tinygrad_edu.render.png import PALETTES

    for given, name, choices in ((mode, "mode", MODES), (palette, "palette", tuple(PALETTES))):
        if given not in choices:
            raise DrawingError(
                describe(f"unknown {name} {given!r}", fix=f"{name}= one of {', '.join(choices)}", code="unknown-choice")
            )
    if mode == "wants" and target is None:
        raise DrawingError(
            describe(
                'mode="wants" needs the target: what the neurons want depends on what should come out',
                fix='tg.draw_network(model, images, labels, mode="wants")',
                code="no-target",
            )
        )
    network = network_of(model, _zeros(model) if x is None and mode == "weights" else x, target, cost)
    outputs = network.sizes[-1]
    names = tuple(map(str, labels)) if labels is not None else tuple(map(str, range(outputs)))
    if len(names) != outputs:
        raise DrawingError(describe(f"{len(names)} labels for {outputs} outputs", code="count-does-not-match"))
    targets = None if target is None else targets_of(target, network.layers[-1].output)
    return NetworkPicture(NetworkDrawing(network, mode, names, palette, targets))


def _zeros(model: Any) -> np.ndarray:
    """An input for a network of which only the weights are asked for."""
    weights = [p for p in model.parameters() if p.ndim == 2] if hasattr(model, "parameters") else []
    if not weights:
        raise DrawingError(
            describe("x is needed to find the layers of a function", fix="tg.draw_network(f, x)", code="no-input")
        )
    return np.zeros((1, weights[0].shape[0]))


def _samples(sample: int | None) -> int | slice:
    """One sample, or all of them."""
    return slice(None) if sample is None else sample


@dataclass(frozen=True, eq=False, repr=False)
class NetworkPicture:
    """A picture of a network. Shows itself in notebooks and terminals, and saves itself by the suffix of a path."""

    drawing: NetworkDrawing

    @cached_property
    def _mean(self) -> bool:
        return self.drawing.mode == "wants" and self.count > 1

    @property
    def count(self) -> int:
        """How many samples there are."""
        return len(self.drawing.network.inputs)

    @property
    def shown(self) -> View:
        """What the picture shows: the first sample, or the mean of all."""
        return self.drawing.view(_samples(None if self._mean else 0))

    def about(self, sample: int | None) -> str:
        """Whose picture it is: a sample's, or that of the mean of all."""
        if self.drawing.mode == "weights":
            return ""
        if sample is None:
            return f"Mean of {self.count:,} samples"
        name = f"Sample {sample + 1} of {self.count:,}" if self.count > 1 else "One sample"
        label = self.label(sample)
        return f"{name}, target {label}" if label else name

    def label(self, sample: int) -> str:
        """What the target of a sample is called, if it has one."""
        targets = self.drawing.targets
        if targets is None or len(self.drawing.labels) == 1:
            return ""
        return self.drawing.labels[int(np.argmax(targets[sample]))]

    def to_svg(self) -> str:
        """The picture as SVG."""
        from tinygrad_edu.render.network_svg import network_svg

        sample = None if self._mean else 0
        about = f"{self.about(sample)}. " if self.drawing.mode != "weights" else ""
        return network_svg(self.drawing, self.shown, self._image(sample), about)

    def _image(self, sample: int | None) -> bytes | None:
        from tinygrad_edu.render.network_svg import input_image

        return input_image(self.drawing, _samples(sample)) if self.drawing.side else None

    def to_html(self) -> str:
        """The picture as a page that stands alone: point at a neuron for its lines, press a digit for a sample."""
        from tinygrad_edu.render.network_page import network_page

        shown: list[int | None] = [None] if self._mean else []
        shown += range(min(self.count, MOST_SAMPLES) if self.drawing.mode != "weights" else 1)
        samples = [
            (
                self.about(sample),
                "all" if sample is None else self.label(sample),
                self._image(sample),
                self.drawing.view(_samples(sample)),
            )
            for sample in shown
        ]
        return network_page(self.drawing, samples)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the picture to `path` (.svg, .html or .txt) and give the path back; whole or not at all."""
        target = Path(path)
        forms: dict[str, Callable[[], str]] = {".svg": self.to_svg, ".html": self.to_html, ".txt": self.__str__}
        if target.suffix.lower() not in forms:
            raise DrawingError(
                describe(
                    f"can't tell from its suffix what {target} should be",
                    known=" ".join(SUFFIXES),
                    fix='picture.save("network.svg")',
                    code="wrong-file-type",
                )
            )
        return write_atomically(target, forms[target.suffix.lower()]())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"image/svg+xml": self.to_svg(), "text/plain": str(self)}

    def __str__(self) -> str:
        network = self.drawing.network
        rows = []
        for number, (layer, column) in enumerate(zip(network.layers, self.drawing.columns[1:]), 1):
            biases = f" + {layer.bias.size:,} biases" if layer.bias is not None else ""
            rows.append((layer.name or f"layer {number}", column.caption, f"{layer.weight.size:,} weights{biases}"))
        widths = [max(len(row[i]) for row in rows) for i in range(2)]
        sizes = " → ".join(f"{size:,}" for size in network.sizes)
        lines = [f"{sizes}, {network.parameters:,} parameters"]
        lines += [f"{name:<{widths[0]}}  {caption:<{widths[1]}}  {count}" for name, caption, count in rows]
        view = self.shown
        if view.bars:
            best_first = sorted(enumerate(view.answers), key=lambda a: (a[0] != view.winner, -float(a[1])))
            order = [place for place, _ in best_first[:2]]
            names = [self.drawing.labels[self.drawing.columns[-1].shown[place]] for place in order]
            best = [f"{name}: {view.answers[place]}" for name, place in zip(names, order)]
            lines.append(f"{'answer':<{widths[0]}}  {', then '.join(best)}")
        return "\n".join(lines)

    __repr__ = __str__
