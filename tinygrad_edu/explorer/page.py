"""The page as one file: picture, data, one style sheet and one script, and a policy that allows nothing else."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from tinygrad_edu.explorer.levels import Levels, labels_in_need
from tinygrad_edu.explorer.modules import Modules
from tinygrad_edu.explorer.record import Record
from tinygrad_edu.render.arrangement import beside
from tinygrad_edu.render.face import Face, face
from tinygrad_edu.render.layout import layout_of
from tinygrad_edu.render.nesting import Nest
from tinygrad_edu.render.sizes import best_direction, sizes_of
from tinygrad_edu.render.svg import Drawing, svg_of

EQUATIONS = (
    ("BP1", "δᴸ = ∇ₐC ⊙ σ′(zᴸ)"),
    ("BP2", "δˡ = ((wˡ⁺¹)ᵀ δˡ⁺¹) ⊙ σ′(zˡ)"),
    ("BP3", "∂C/∂bˡ = δˡ"),
    ("BP4", "∂C/∂wˡ = δˡ (aˡ⁻¹)ᵀ"),
)
MODULES = ("layout.js", "modules.js")  # for graphs in which something can be opened or closed
NUMBERS = ("arrays.js", "numbers.js")  # for graphs whose numbers can be changed
WIDE = 1.25  # a picture wider than this, against its height, stands above the panels instead of beside them


@cache
def asset(name: str) -> str:
    """A style sheet or script of this package, without indentation and lines of comment: a sixth of the bytes."""
    text = files("tinygrad_edu.explorer").joinpath(name).read_text(encoding="utf8")
    lines = (line.strip() for line in text.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith("//")) + "\n"


def _hash(text: str) -> str:
    """How a policy names a style sheet or a script that may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def page_source(record: Record, wanted: str | None) -> str:
    """The page of a record; `wanted` is the direction, None for whichever fits."""
    graph, levels = record.shown, None
    direction = wanted or best_direction(record.graph, True)  # with all modules open
    if record.modules is not None:
        levels = Levels(record.modules, _faces(record.modules), record.chips(), direction)
        drawn = Drawing(layout_of(levels.nest), levels.faces, {})
    else:
        drawn = _drawing(record, direction)
    wide = drawn.layout.width > WIDE * drawn.layout.height
    svg = svg_of(graph, drawn, [])
    head, _, rest = svg.partition("<style>")
    svg_style, _, body = rest.partition("</style>")
    svg = f"{head.replace(INLINE, '')}<style>{svg_style}</style>{body}"
    data = record.data(levels)
    style = asset("page.css")
    scripts = [
        "picture.js",
        *(MODULES if levels is not None else ()),
        *(NUMBERS if "program" in data else ()),
        "page.js",
    ]
    script = "".join(map(asset, scripts))
    policy = (
        f"default-src 'none'; style-src {_hash(style)} {_hash(svg_style)}; script-src {_hash(script)}; "
        "base-uri 'none'; form-action 'none'"
    )
    return PAGE.format(
        policy=policy,
        title=escape(data["title"]),
        style=style,
        kind="wide" if wide else "tall",
        svg=svg,
        equations=_equations() if record.equations else "",
        data=_json(data),
        script=script,
    )


def _faces(modules: Modules) -> dict[str, Face]:
    cards = (*modules.whole.cards, *modules.closed.values())
    return {card.id: face(modules.whole, card) for card in cards}


def _drawing(record: Record, direction: str) -> Drawing:
    """The picture of a graph in which nothing can be opened or closed."""
    graph, chips = record.graph, record.chips()
    faces = {card.id: face(graph, card) for card in graph.cards}
    labels = labels_in_need(graph, beside(graph), chips, direction)
    nest = Nest(graph, sizes_of(graph, faces, labels), direction)
    return Drawing(layout_of(nest), faces, {})


INLINE = ' style="max-width:100%;height:auto"'  # of the picture alone; the policy forbids it, and the page scrolls


def _json(data: Any) -> str:
    """JSON that can't end the element it stands in."""
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _equations() -> str:
    rows = "".join(
        f'<div class="eq" data-eq="{name}"><b>{name}</b><i>{text}</i><span class="here code"></span></div>'
        for name, text in EQUATIONS
    )
    note = (
        "Written for column vectors, as in the book. In the code samples are rows, so everything is transposed: "
        "∂C/∂w is aᵀ @ δ."
    )
    return (
        '<section aria-label="the four equations"><h2>the four equations of backpropagation</h2>'
        f'{rows}<p class="note">{note}</p></section>'
    )


PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{title}</title>
<style>{style}</style></head>
<body class="{kind}">
<header><h1>{title}</h1><span class="count" id="count"></span><span class="controls">\
<button type="button" id="first" title="Home">start</button><button type="button" id="back" title="←">← back</button>\
<input type="range" id="slider" min="0" value="0" aria-label="step">\
<button type="button" id="next" title="→">step →</button><button type="button" id="play" title="Space">play</button>\
</span></header>
<div id="say" aria-live="polite"></div>
<noscript><p>Scripts are off: this is the whole picture, with all values and gradients. With scripts it steps, \
and what is closed in it opens.</p>\
</noscript>
<div class="content"><main tabindex="-1">{svg}</main>
<div class="panels"><section id="why" aria-label="this step"></section>{equations}</div></div>
<svg id="marks" width="0" height="0" aria-hidden="true"><defs>\
<marker id="backwards" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="11" markerHeight="11" \
markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0L10 5L0 10z"/></marker></defs></svg>
<script type="application/json" id="data">{data}</script>
<script>{script}</script>
</body></html>
"""
