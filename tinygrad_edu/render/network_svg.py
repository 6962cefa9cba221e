"""The SVG of a network: columns of neurons, lines between them, output bars, and the first layer's weights as images.

.lines > g           one a gap; in it a path for each sign and strength: class "up s7" to "up s0", "down s7" …
.neurons > g         id="l1-3": neuron 3 of column 1, the inputs being column 0; in it a circle, and its value
.arrows > path       class "up" or "down": which way a neuron wants to go
.answers > g         one an output: its label, bar, value, and the mark of the target
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from tinygrad_edu.numbers import number_text
from tinygrad_edu.render import style
from tinygrad_edu.render.markup import escape, length, sized_text
from tinygrad_edu.render.metrics import sans_width, wrapped
from tinygrad_edu.render.network import BAR, FAINTEST, NetworkDrawing, View, mean_of
from tinygrad_edu.render.png import PALETTES, data_uri, grey_image, signed_image
from tinygrad_edu.render.style import DARK, LIGHT, Scheme
from tinygrad_edu.render.wording import plural

WIDTH, MARGIN = 920.0, 20.0
IMAGE = 116.0  # side of the input image
COLUMN_HEIGHT, LOWEST = 408.0, 150.0  # of many neurons and of few
RADIUS, LARGE_RADIUS, FEW = 9.0, 16.0, 8  # columns of up to eight neurons show their values in them
CLOSEST, WIDEST = 24.0, 58.0  # between neurons
STRENGTHS = 8
DARK_PALETTES = {"blue-red": ((98, 164, 245), (245, 112, 118)), "classic": ((78, 204, 128), (245, 112, 118))}
CELL, CELL_HEIGHT, PICTURE = 68.0, 78.0, 58.0  # of the weight images
ARROW, ARROW_ROOM = 15.0, 14.0  # the longest, and the room for all


@dataclass(frozen=True)
class Places:
    """Where the columns and their neurons stand: x of each column, y of each neuron, and the radius in each."""

    x: list[float]
    y: list[list[float]]
    radius: list[float]
    top: float
    bottom: float  # where captions begin
    before_arrows: float  # the room that lines leave in front of the neurons


def places(drawing: NetworkDrawing, top: float) -> Places:
    """Where the neurons stand: columns evenly from left to right, neurons evenly around the middle."""
    columns = drawing.columns
    begin = MARGIN + (IMAGE + 56.0 if drawing.side else 40.0)
    end = WIDTH - MARGIN - 170.0
    x = [begin + (end - begin) * place / (len(columns) - 1) for place in range(len(columns))]
    slots = [len(column.shown) + column.folded for column in columns]
    pitches = [min(max(COLUMN_HEIGHT / max(count - 1, 1), CLOSEST), WIDEST) for count in slots]
    height = max(LOWEST, *(pitch * (count - 1) for pitch, count in zip(pitches, slots)))
    y = []
    for column, count, pitch in zip(columns, slots, pitches):
        first, half = top + height / 2 - pitch * (count - 1) / 2, len(column.shown) // 2
        y.append([first + pitch * (i + (column.folded and i >= half)) for i in range(len(column.shown))])
    return Places(
        x=[round(value, 1) for value in x],
        y=[[round(value, 1) for value in column] for column in y],
        radius=[LARGE_RADIUS if count <= FEW else RADIUS for count in slots],
        top=top,
        bottom=top + height + 10.0,
        before_arrows=ARROW_ROOM if drawing.mode == "wants" else 0.0,
    )


def network_svg(drawing: NetworkDrawing, view: View, image: bytes | None, about: str) -> str:
    """The whole picture: `view` is what it shows, `image` the PNG of the input, `about` whose view it is."""
    title = _title(drawing, about)
    top = MARGIN + 26.0 + 16.0 * len(title) + 22.0
    at = places(drawing, top)
    below = at.bottom + (52.0 if drawing.mode == "wants" else 38.0)
    images = list(_weight_images(drawing, below + 36.0))
    rows = -(-len(images) // _per_row()) if images else 0
    height = below + MARGIN - 4.0 + (44.0 + rows * CELL_HEIGHT if images else 0.0)
    sizes = " → ".join(f"{size:,}" for size in drawing.network.sizes)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" class="tg net" width="{length(WIDTH)}" height="{length(height)}" '
        f'viewBox="0 0 {length(WIDTH)} {length(height)}" role="img" aria-label="{escape(f"network {sizes}")}" '
        f'xml:space="preserve" style="max-width:100%;height:auto"><style>{CSS}{_palette(drawing)}</style>',
        f'<rect class="page" width="{length(WIDTH)}" height="{length(height)}"/>',
        sized_text(MARGIN, MARGIN + 16.0, "title", sans_width(sizes, style.TITLE_SIZE, bold=True), escape(sizes)),
    ]
    for number, line in enumerate(title):
        width = sans_width(line, style.LEGEND_SIZE)
        out.append(sized_text(MARGIN, MARGIN + 38.0 + 16.0 * number, "legend", width, escape(line)))
    out += _image(drawing, at, image)
    out += ['<g class="lines">', *(f"<g>{gap}</g>" for gap in lines(at, view)), "</g>"]
    out += ['<g class="neurons">', *_neurons(drawing, at, view), "</g>"]
    out += ['<g class="arrows">', *arrows(at, view), "</g>"]
    out += ['<g class="answers">', *_answers(drawing, at, view), "</g>"]
    out += _captions(drawing, at, view)
    if images:
        out += [*_about_weights(drawing, below + 26.0), *images]
    return "\n".join([*out, "</svg>"]) + "\n"


# --- words -----------------------------------------------------------------------------------------------------


def _title(drawing: NetworkDrawing, about: str) -> list[str]:
    network = drawing.network
    parts = [
        f"{layer.weight.size:,}" + (f" + {layer.bias.size:,}" if layer.bias is not None else "")
        for layer in network.layers
    ]
    counts = f"{plural(network.parameters, 'parameter')} = {' + '.join(parts)}: weights and biases, layer by layer"
    marks = ["Bars: the outputs. A line across a bar: the target."] if drawing.marked else []
    return [counts, *wrapped(_legend(drawing, about), style.LEGEND_SIZE, WIDTH - 2 * MARGIN), *marks]


def _legend(drawing: NetworkDrawing, about: str) -> str:
    up, down = ("blue", "red") if drawing.palette == "blue-red" else ("green", "red")
    faint = f"Lines under {FAINTEST} % of the strongest beside them are left out."
    if drawing.mode == "weights":
        return f"Lines: weights, {up} positive, {down} negative. {faint}"
    scales = drawing.fewest_and_most
    black = "black the least of its layer, white the most"
    if all(scale == (0.0, 1.0) for scale in scales):
        black = "black 0, white 1"
    bars = " Bars: softmax of the outputs." if drawing.shares_are_softmax and drawing.columns[-1].size > 1 else ""
    if drawing.mode == "wants":
        return (
            f"{about}Circles: activation, {black}. Arrows: −∂C/∂activation, which way the cost wants a neuron to go: "
            f"the sum of its lines to the right, {up} up, {down} down. {faint}"
        )
    return (
        f"{about}Circles: activation, {black}. Lines: weight × activation, {up} pushes up, {down} pushes down. "
        f"{faint}{bars}"
    )


def _captions(drawing: NetworkDrawing, at: Places, view: View) -> Iterator[str]:
    for place, column in enumerate(drawing.columns):
        text = column.caption + (f", {len(column.shown)} shown" if column.folded else "")
        yield _centred(at.x[place], at.bottom + 18.0, "caption", text)
        if view.largest[place]:
            x, y, text = length(at.x[place]), length(at.bottom + 48.0), f"largest arrow {view.largest[place]}"
            yield f'<text class="faint largest" x="{x}" y="{y}">{text}</text>'
    for place, layer in enumerate(drawing.network.layers):
        text = f"{layer.weight.size:,} weights"
        text += f" + {layer.bias.size:,} biases" if layer.bias is not None else ""
        yield _centred((at.x[place] + at.x[place + 1]) / 2, at.bottom + 33.0, "faint", text)


def _centred(x: float, y: float, kind: str, text: str) -> str:
    width = sans_width(text, style.LEGEND_SIZE - 1.0)
    return sized_text(x - width / 2, y, kind, width, escape(text))


# --- the network -----------------------------------------------------------------------------------------------


def _image(drawing: NetworkDrawing, at: Places, image: bytes | None) -> Iterator[str]:
    if not drawing.side or drawing.mode == "weights":
        return
    y = (at.top + at.bottom - 10.0 - IMAGE) / 2
    frame = f'x="{length(MARGIN)}" y="{length(y)}" width="{length(IMAGE)}" height="{length(IMAGE)}"'
    yield f'<rect class="frame" {frame}/>'
    if image is not None:
        yield f'<image class="input" {frame} href="{data_uri(image)}"/>'
    yield _centred(MARGIN + IMAGE / 2, y + IMAGE + 17.0, "faint", f"{drawing.side} × {drawing.side} pixels")


def lines(at: Places, view: View) -> Iterator[str]:
    """The lines of each gap: those of one sign and strength are one path. The page's script does the same."""
    for gap, shares in enumerate(view.gaps):
        paths: dict[tuple[int, bool], str] = {}
        ends = at.y[gap + 1]
        x0, x1 = at.x[gap] + at.radius[gap], at.x[gap + 1] - at.radius[gap + 1] - at.before_arrows
        for place, share in enumerate(shares):
            if share:
                y0, y1 = at.y[gap][place // len(ends)], ends[place % len(ends)]
                strength = (abs(share) - FAINTEST) * STRENGTHS // (101 - FAINTEST)
                key = (strength, share > 0)
                paths[key] = paths.get(key, "") + f"M{length(x0)} {length(y0)}L{length(x1)} {length(y1)}"
        yield "".join(
            f'<path class="{"up" if up else "down"} s{strength}" d="{path}"/>'
            for (strength, up), path in sorted(paths.items())
        )


def _neurons(drawing: NetworkDrawing, at: Places, view: View) -> Iterator[str]:
    for place, column in enumerate(drawing.columns):
        large = at.radius[place] == LARGE_RADIUS and drawing.mode != "weights"
        for i, (neuron, y) in enumerate(zip(column.shown, at.y[place])):
            name, grey = called(drawing, place, neuron), view.fills[place][i]
            told = drawing.told(view, place, i)
            value = _inside(at.x[place], y, view.values[place][i], grey) if large else ""
            yield (
                f'<g id="l{place}-{neuron}"><title>{escape(f"{name}: {told}" if told else name)}</title>'
                f'<circle cx="{length(at.x[place])}" cy="{length(y)}" r="{length(at.radius[place])}" '
                f'fill="{grey_colour(grey)}"/>{value}</g>'
            )
        if column.folded:
            half = len(column.shown) // 2
            middle = (at.y[place][half - 1] + at.y[place][half]) / 2
            yield "".join(
                f'<circle class="dot" cx="{length(at.x[place])}" cy="{length(middle + shift)}" r="1.8"/>'
                for shift in (-7.0, 0.0, 7.0)
            )


def _inside(x: float, y: float, text: str, grey: int) -> str:
    """The value of a neuron on its circle, in white or black."""
    colour = "#ffffff" if grey < 128 else "#111827"
    return f'<text class="inside" x="{length(x)}" y="{length(y + 3.5)}" fill="{colour}">{text}</text>'


def called(drawing: NetworkDrawing, place: int, neuron: int) -> str:
    """What a neuron of a column is called."""
    column = drawing.columns[place]
    if column.groups:
        group = column.groups[neuron]
        return f"pixels {group[0]} to {group[-1]}"
    if place == 0:
        return f"input {neuron}"
    layer = drawing.network.layers[place - 1]
    return f"{layer.name or f'layer {place}'}, neuron {neuron}"


def grey_colour(grey: int) -> str:
    """A grey from 0 to 255 as a colour."""
    return f"#{grey:02x}{grey:02x}{grey:02x}"


def arrows(at: Places, view: View) -> Iterator[str]:
    """The arrows beside the neurons that want to go up or down. The page's script does the same."""
    for place, shares in enumerate(view.arrows):
        for y, share in zip(at.y[place], shares):
            if share:
                half = (4.0 + abs(share) * (ARROW - 4.0) / 100.0) / 2
                x, sign = at.x[place] - at.radius[place] - 7.0, -1.0 if share > 0 else 1.0
                tip, tail = y + sign * half, y - sign * half
                head = f"M{length(x - 3.5)} {length(tip - sign * 4.5)}L{length(x)} {length(tip)}L{length(x + 3.5)} "
                yield (
                    f'<path class="{"up" if share > 0 else "down"}" '
                    f'd="M{length(x)} {length(tail)}V{length(tip)}{head}{length(tip - sign * 4.5)}"/>'
                )


def _answers(drawing: NetworkDrawing, at: Places, view: View) -> Iterator[str]:
    column = drawing.columns[-1]
    begin = at.x[-1] + at.radius[-1] + 10.0
    names = [drawing.labels[neuron] for neuron in column.shown] if column.size > 1 else []
    bar = begin + max((sans_width(name, style.EXPRESSION_SIZE, bold=True) for name in names), default=0.0) + 8.0
    for place, (name, y) in enumerate(zip(names, at.y[-1])):
        win = ' class="win"' if place == view.winner else ""
        out = [f"<g{win}>"]
        width = sans_width(name, style.EXPRESSION_SIZE, bold=True)
        out.append(sized_text(begin, y + 4.0, "", width, escape(name)))
        if view.bars:
            out.append(f'<rect x="{length(bar)}" y="{length(y - 5.0)}" width="{view.bars[place]}" height="10"/>')
            end = length(bar + BAR + 8.0)  # one below the other: beside a mark a number would seem to be the mark's
            out.append(f'<text class="share" x="{end}" y="{length(y + 3.5)}">{view.answers[place]}</text>')
        if view.targets:
            x, mark = bar + view.targets[place], "v16" if view.targets[place] else ""
            out.append(f'<path d="M{length(x)} {length(y - 8.0)}{mark}"/>')
        yield "".join([*out, "</g>"])


# --- the weights of the first layer ----------------------------------------------------------------------------


def _per_row() -> int:
    return int((WIDTH - 2 * MARGIN) // CELL)


def _about_weights(drawing: NetworkDrawing, y: float) -> Iterator[str]:
    side, column = drawing.side, drawing.columns[1]
    up, down = ("blue", "red") if drawing.palette == "blue-red" else ("green", "red")
    heading = f"What the {column.size:,} neurons of the first layer look for"
    heading += f" ({len(column.shown)} shown)" if column.folded else ""
    legend = (
        f"Their weights as {side} × {side} pictures, one scale for all: {up} +{number_text(drawing.weight_scale)}, "
        f"{down} −{number_text(drawing.weight_scale)}, white 0."
    )
    yield sized_text(MARGIN, y, "heading", sans_width(heading, style.EXPRESSION_SIZE + 1, bold=True), escape(heading))
    yield sized_text(MARGIN, y + 17.0, "legend", sans_width(legend, style.LEGEND_SIZE), escape(legend))


def weight_image(drawing: NetworkDrawing, neuron: int) -> bytes:
    """The weights of a neuron of the first layer as a picture of the input's shape."""
    weights = drawing.network.layers[0].weight[:, neuron].reshape(drawing.side, drawing.side)
    return signed_image(weights, drawing.weight_scale, drawing.palette)


def _weight_images(drawing: NetworkDrawing, y: float) -> Iterator[str]:
    if not drawing.side:
        return
    bias = drawing.network.layers[0].bias
    for place, neuron in enumerate(drawing.columns[1].shown):
        row, column = divmod(place, _per_row())
        x, top = MARGIN + column * CELL, y + 16.0 + row * CELL_HEIGHT
        frame = f'x="{length(x)}" y="{length(top)}" width="{length(PICTURE)}" height="{length(PICTURE)}"'
        caption = f"{neuron}" + (f"  b {_signed(bias[neuron])}" if bias is not None else "")
        yield (
            f'<g id="w{neuron}"><image {frame} href="{data_uri(weight_image(drawing, neuron))}"/>'
            f'<rect class="frame" {frame}/></g>{_centred(x + PICTURE / 2, top + PICTURE + 12.0, "faint", caption)}'
        )


def _signed(value: np.floating) -> str:
    number = round(float(value), 1) or float(f"{value:.1g}")
    text = number_text(number)
    return text if number <= 0 else f"+{text}"


# --- style -----------------------------------------------------------------------------------------------------


def _palette(drawing: NetworkDrawing) -> str:
    """The colours of up and down: those of the weight images, and lighter ones where the page is dark."""

    def rules(up: tuple[int, int, int], down: tuple[int, int, int]) -> str:
        return f".net .up{{stroke:rgb{up}}}.net .down{{stroke:rgb{down}}}".replace(" ", "").replace("net.", "net .")

    dark = rules(*DARK_PALETTES[drawing.palette])
    return f"{rules(*PALETTES[drawing.palette])}@media (prefers-color-scheme:dark){{{dark}}}"


def _css() -> str:
    shapes = [
        f".tg text{{white-space:pre;font-family:{style.SANS};font-size:{style.EXPRESSION_SIZE:g}px}}",
        f".tg .title{{font-size:{style.TITLE_SIZE:g}px;font-weight:bold}}",
        f".tg .legend{{font-size:{style.LEGEND_SIZE:g}px}}",
        f".net .heading{{font-size:{style.EXPRESSION_SIZE + 1:g}px;font-weight:bold}}",
        f".net .caption,.net .faint{{font-size:{style.LEGEND_SIZE - 1:g}px}}.net .largest{{text-anchor:middle}}",
        f".net .share{{font-size:{style.NUMBER_SIZE:g}px;font-family:{style.MONO}}}",
        f".net .inside{{font-size:9px;font-family:{style.MONO};text-anchor:middle}}",
        ".net .answers text{font-weight:bold}.net .answers .share{font-weight:normal}",
        ".net image{image-rendering:pixelated}",
        ".net .frame{fill:none}.net .lines path,.net .arrows path{fill:none}",
        ".net .arrows path,.net .answers path{stroke-width:2}",
        ".net .arrows path{stroke-linecap:round;stroke-linejoin:round}",
    ]
    for strength in range(STRENGTHS):
        share = (strength + 1) / STRENGTHS
        shapes.append(f".net .s{strength}{{stroke-width:{0.4 + 2.3 * share:.2g};opacity:{0.1 + 0.8 * share**1.4:.2g}}}")

    def colours(scheme: Scheme, win: str) -> str:
        return (
            f".tg .page{{fill:{scheme.page}}}.tg .title,.net .heading,.net .answers text{{fill:{scheme.ink}}}"
            f".tg .legend,.net .caption,.net .faint,.net .answers .share{{fill:{scheme.muted}}}"
            f".net circle,.net .frame{{stroke:{scheme.line}}}.net .dot{{fill:{scheme.line}}}"
            f".net .answers rect{{fill:{scheme.line}}}.net .answers path{{stroke:{scheme.ink}}}"
            f".net .win rect{{fill:{win}}}.net .answers .win text{{fill:{win}}}"
        )

    return (
        f"{''.join(shapes)}{colours(LIGHT, '#6D3FC0')}@media (prefers-color-scheme:dark){{{colours(DARK, '#B79DF5')}}}"
    )


CSS = _css()


def input_image(drawing: NetworkDrawing, samples: int | slice) -> bytes:
    """The input of a sample, or the mean of several, as a picture: black 0, white the largest of all inputs."""
    low, high = drawing.fewest_and_most[0]
    values = (mean_of(drawing.network.inputs, samples) - low) / ((high - low) or 1.0)
    return grey_image(np.nan_to_num(values).reshape(drawing.side, drawing.side))
