"""The page of a network: the SVG, thumbnails of the samples, and a script that swaps samples and follows the pointer.

Without scripts it is the picture of the first sample.
"""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tinygrad_edu.render.network import FAINTEST, NetworkDrawing, View
from tinygrad_edu.render.network_svg import ARROW, LARGE_RADIUS, MARGIN, STRENGTHS, called, network_svg, places
from tinygrad_edu.render.page import data_block, page
from tinygrad_edu.render.png import data_uri

Sample = tuple[str, str, "bytes | None", View]  # whose view it is, the label of its button, its image, the view


def network_page(drawing: NetworkDrawing, samples: Sequence[Sample]) -> str:
    """The page; its picture shows the first of `samples`."""
    about, _, image, view = samples[0]
    sizes = " → ".join(f"{size:,}" for size in drawing.network.sizes)
    svg = network_svg(drawing, view, image, "")
    svg = svg.replace("<g id=", '<g tabindex="0" id=') if len(drawing.columns) > 1 else svg
    body = ["<main>", '<div id="top">']
    if len(samples) > 1:
        body += ['<div id="samples">', *(_button(number, sample) for number, sample in enumerate(samples)), "</div>"]
    body += [
        f'<div id="told" aria-live="polite"><b id="about">{html.escape(about)}</b><p id="panel"></p></div>',
        '<img id="weights" alt="" hidden></div>',
        f'<div class="wide">{svg.rstrip()}</div></main>',
        data_block("data", _data(drawing, samples)),
    ]
    return page(f"network {sizes}", body, STYLE, SCRIPT)


def _button(number: int, sample: Sample) -> str:
    about, label, image, _ = sample
    shown = html.escape(label or str(number + 1))
    picture = f'<img src="{data_uri(image)}" alt="">' if image is not None else ""
    return f'<button data-sample="{number}" title="{html.escape(about)}">{picture}{shown}</button>'


def _data(drawing: NetworkDrawing, samples: Sequence[Sample]) -> dict[str, Any]:
    keys: dict[str, int] = {}
    for number, (_, label, _, _) in enumerate(samples):
        keys.setdefault(label if label else str(number), number)
    at = places(drawing, 0.0)
    large = LARGE_RADIUS in at.radius
    return {
        "mode": drawing.mode,
        "faintest": FAINTEST,
        "strengths": STRENGTHS,
        "arrow": ARROW,
        "room": at.before_arrows,
        "keys": {key: number for key, number in keys.items() if len(key) == 1},
        "names": [
            [called(drawing, place, neuron) for neuron in column.shown] for place, column in enumerate(drawing.columns)
        ],
        "words": ["", *(layer.words for layer in drawing.network.layers)],
        "ids": [[f"l{place}-{neuron}" for neuron in column.shown] for place, column in enumerate(drawing.columns)],
        "samples": [
            {"about": about, "image": data_uri(image) if image is not None else "", **_needed(view, large)}
            for about, _, image, view in samples
        ],
    }


def _needed(view: View, large: bool) -> dict[str, Any]:
    """The view without what the page doesn't show: values that stand on no circle."""
    return {name: value for name, value in asdict(view).items() if large or name != "values"}


SCRIPT = Path(__file__).with_name("network.js").read_text(encoding="utf8")
STYLE = (
    "#top{display:flex;flex-wrap:wrap;gap:12px;align-items:flex-start;min-height:66px;"
    f"padding:{MARGIN:.0f}px {MARGIN:.0f}px 0}}"
    "#samples{display:flex;flex-wrap:wrap;gap:6px}#told{flex:1;min-width:220px}"
    "#panel{margin:2px 0 0;color:var(--muted)}"
    "#weights{width:64px;height:64px;image-rendering:pixelated;border:1px solid var(--line)}"
    "button{font:13px/1.2 inherit;color:inherit;background:none;border:1px solid var(--line);border-radius:6px;"
    "padding:3px 5px;min-width:30px;cursor:pointer}"
    "button[aria-pressed=true]{outline:2px solid #6D3FC0;font-weight:bold}"
    "button img{display:block;width:32px;height:32px;margin-bottom:2px}button img{image-rendering:pixelated}"
    ".net .neurons g{cursor:pointer}.net .neurons g:focus{outline:none}"
    ".net .neurons g:hover circle,.net .neurons g:focus circle{stroke-width:3}"
    ".net .focus{display:none}.focused .net .lines>g{opacity:.07}.focused .net .lines>g.focus{display:inline;opacity:1}"
)
