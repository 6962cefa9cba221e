"""A report as HTML for notebooks: the same table and sentences as its text, with colours for the verdicts."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from tinygrad_edu.gradcheck.report import KINK, RIGHT, _table

if TYPE_CHECKING:
    from tinygrad_edu.gradcheck.report import GradcheckReport

CELL = "padding:2px 10px;text-align:left;white-space:nowrap"


def html_of(report: GradcheckReport) -> str:
    """The report for `_repr_html_`."""
    mark = "✓" if report else "✗"
    parts = [f"<div><b>{mark} gradcheck: {escape(report.headline)}</b>"]
    if report.rows:
        head, *lines = _table(report.rows)
        cells = "".join(f'<th style="{CELL}">{escape(cell)}</th>' for cell in head)
        parts.append(f'<table style="border-collapse:collapse;font-variant-numeric:tabular-nums"><tr>{cells}</tr>')
        for row, line in zip(report.rows, lines):
            colour = {RIGHT: "inherit", KINK: "#8a6d00"}.get(row.verdict, "#b00020")
            cells = "".join(f'<td style="{CELL}">{escape(cell)}</td>' for cell in line)
            parts.append(f'<tr style="color:{colour}">{cells}</tr>')
        parts.append("</table>")
    rest = str(report).splitlines()[1 + len(report.rows) + bool(report.rows) :]
    if rest:
        parts.append(f'<pre style="white-space:pre-wrap;margin:4px 0">{escape(chr(10).join(rest))}</pre>')
    return "".join([*parts, "</div>"])
