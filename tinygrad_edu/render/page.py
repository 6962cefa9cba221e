"""Pages: HTML files that stand alone. Nothing is fetched, and where there is no script none can run."""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Iterable
from typing import Any

from tinygrad_edu.graph import Graph
from tinygrad_edu.render.style import DARK, LIGHT, MONO, SANS, Scheme
from tinygrad_edu.render.text import table_rows


def page(title: str, body: Iterable[str], style: str = "", script: str = "") -> str:
    """A whole page. It may load nothing at all; its own style sheet works, and its own script where it has one.

    title   text for the window
    body    markup, line by line
    style   rules beside those that all pages share
    script  JavaScript at the end of the body
    """
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    if script:
        policy += f"; script-src 'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
    lines = [
        "<!doctype html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{policy}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        '<meta name="color-scheme" content="light dark">',
        f"<title>{html.escape(title)}</title>",
        f"<style>{STYLE}{style}</style></head>",
        "<body>",
        *body,
        *([f"<script>{script}</script>"] if script else []),
        "</body></html>",
    ]
    return "\n".join(lines) + "\n"


def data_block(id: str, data: Any) -> str:
    """JSON for the page's script, in a block that can't end early whatever text it holds."""
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c")
    return f'<script type="application/json" id="{id}">{text}</script>'


def graph_page(graph: Graph, title: str, svg: str, values: bool, saved: bool) -> str:
    """A page with the drawing and, below it, the same as a table in order of execution."""
    body = [
        f'<main><div class="wide">{svg.rstrip()}</div>',
        "<h2>The same in order of execution</h2>",
        f'<div class="wide">{_table(graph, values, saved)}</div></main>',
    ]
    return page(title, body)


def _table(graph: Graph, values: bool, saved: bool) -> str:
    heading, *rows = table_rows(graph, values, saved)
    assert isinstance(heading, list)
    out = ["<table><thead><tr>", *(f"<th>{cell}</th>" for cell in heading), "</tr></thead><tbody>"]
    for row in rows:
        if isinstance(row, tuple):
            out.append(f'<tr><th colspan="{len(heading)}" class="box">{_indented(row[0], row[1])}</th></tr>')
        else:
            name = row[0].lstrip(" ")
            cells = [_indented((len(row[0]) - len(name)) // 2, name), *map(html.escape, row[1:])]
            out += ["<tr>", *(f"<td>{cell}</td>" for cell in cells), "</tr>"]
    return "".join([*out, "</tbody></table>"])


def _indented(deep: int, text: str) -> str:
    return "&#8195;" * deep + html.escape(text)


def _colours(scheme: Scheme) -> str:
    return f":root{{--page:{scheme.page};--ink:{scheme.ink};--muted:{scheme.muted};--line:{scheme.box_pen}}}"


STYLE = (
    f"{_colours(LIGHT)}@media (prefers-color-scheme:dark){{{_colours(DARK)}}}"
    f"body{{margin:0;background:var(--page);color:var(--ink);font:14px/1.45 {SANS}}}"
    "main{max-width:1200px;margin:0 auto}h2{font-size:15px;margin:20px 16px 8px}"
    ".wide{overflow-x:auto}.wide .tg{max-width:none!important;display:block}"
    "table{border-collapse:collapse;margin:0 16px 24px;font-size:13px}"
    "th,td{text-align:left;padding:3px 14px 3px 0;border-bottom:1px solid var(--line);white-space:nowrap}"
    "th{color:var(--muted);font-weight:normal}td:first-child{font-weight:bold}"
    f"td:nth-child(n+3){{font:12px {MONO}}}"
)
