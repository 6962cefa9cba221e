"""Picture: what `draw` gives. Shows itself in notebooks and terminals, and saves itself by the suffix of a path.

SVG, pages and text of all kinds are written in Python and need nothing. PNG and PDF are made by Graphviz: its program
`dot`, or the package pygraphviz. Each drawing is imported when it is made: together they would be a third of the time
that importing the package takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinygrad_edu.errors import GraphvizNotFound, TinygradError, describe
from tinygrad_edu.files import write_atomically
from tinygrad_edu.graph import Graph

if TYPE_CHECKING:
    import os

    import graphviz

    from tinygrad_edu.render.svg import Drawing

SUFFIXES = (".svg", ".html", ".dot", ".gv", ".mmd", ".json", ".txt")
GRAPHVIZ_SUFFIXES = (".png", ".pdf")
ENGINES = (None, "dot")


class DrawingError(TinygradError, ValueError):
    """A picture can't be drawn, or saved, as asked."""


@dataclass(frozen=True, eq=False, repr=False)
class Picture:
    """A drawing of a graph.

    graph       what is drawn
    direction   "TB", "LR", or None for whichever fits
    values      whether cards show numbers
    depth       the level at which modules are closed, None where all are open
    saved       whether cards show the memory that the graph holds for them
    """

    graph: Graph
    direction: str | None = None
    values: bool = True
    depth: int | None = None
    saved: bool = False

    def __str__(self) -> str:
        from tinygrad_edu.render.text import text_table

        return text_table(self.graph, self.values, self.depth, self.saved)

    __repr__ = __str__

    @cached_property
    def drawing(self) -> Drawing:
        """Where everything stands in the SVG: see `render/svg.py` and `render/layout.py`."""
        from tinygrad_edu.render.svg import drawing

        return drawing(self.graph, self.direction, self.values, self.saved)

    def to_svg(self) -> str:
        """The picture as SVG, laid out and written in Python."""
        from tinygrad_edu.render.svg import svg_of, title_lines

        return svg_of(self.graph, self.drawing, title_lines(self.graph, self.values, self.depth, self.saved))

    def to_html(self) -> str:
        """The picture as a page that stands alone: the SVG, and the table below it. It holds no script."""
        from tinygrad_edu.render.expression import whole_expression
        from tinygrad_edu.render.page import graph_page

        return graph_page(self.graph, whole_expression(self.graph), self.to_svg(), self.values, self.saved)

    def to_dot(self) -> str:
        """The picture in the language of Graphviz."""
        from tinygrad_edu.render.dot import dot_source

        return dot_source(self.graph, self.direction, self.values, self.depth, self.saved)

    def to_mermaid(self) -> str:
        """The picture as a Mermaid flowchart, which GitHub draws within Markdown."""
        from tinygrad_edu.render.mermaid import mermaid_source

        return mermaid_source(self.graph, self.direction, self.values, self.saved)

    def to_json(self) -> str:
        """What the picture shows, as data."""
        from tinygrad_edu.render.data import json_source

        return json_source(self.graph, self.values, self.depth, self.saved)

    def to_graphviz(self) -> graphviz.Digraph:
        """The picture as a `graphviz.Digraph`, for those who want to add to it or render it themselves."""
        import graphviz

        from tinygrad_edu.render.dot import dot_name, dot_statements

        statements = dot_statements(self.graph, self.direction, self.values, self.depth, self.saved)
        return graphviz.Digraph(dot_name(self.graph).strip('"'), body=[f"\t{line}\n" for line in statements])

    def save(self, path: str | os.PathLike[str], engine: str | None = None) -> Path:
        """Write the picture to `path` and give the path back. The suffix says as what.

        .svg .html .txt .json   need nothing
        .dot .gv .mmd           need nothing: text that Graphviz or Mermaid draws
        .png .pdf               need Graphviz; without it GraphvizNotFound says how to get it, and the .dot is kept

        engine   "dot" has Graphviz lay out and write a .svg too

        A file is written whole or not at all. Raises FileError where the folder can't be written.
        """
        target = Path(path)
        suffix = target.suffix.lower()
        if engine not in ENGINES:
            raise DrawingError(
                describe(f"unknown engine {engine!r}", fix='engine="dot", or none', code="unknown-choice")
            )
        if suffix in GRAPHVIZ_SUFFIXES or (suffix == ".svg" and engine == "dot"):
            return self._save_rendered(target, suffix[1:])
        if suffix in SUFFIXES:
            return write_atomically(target, self._text(suffix))
        raise DrawingError(
            describe(
                f"can't tell from its suffix what {target} should be",
                known=" ".join(SUFFIXES + GRAPHVIZ_SUFFIXES),
                fix='picture.save("loss.svg")',
                code="wrong-file-type",
            )
        )

    def _text(self, suffix: str) -> str:
        if suffix == ".txt":
            return f"{self}\n"
        forms = {".svg": self.to_svg, ".html": self.to_html, ".mmd": self.to_mermaid, ".json": self.to_json}
        return forms.get(suffix, self.to_dot)()

    def _save_rendered(self, target: Path, form: str) -> Path:
        from tinygrad_edu.render.graphviz import can_render, render

        source = self.to_dot()
        if not can_render():
            kept = write_atomically(target.with_suffix(".dot"), source)
            raise GraphvizNotFound(_not_found(target, kept)) from None
        return write_atomically(target, render(source, form))

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What notebooks show: the SVG, which GitHub and nbviewer show too, or the table. No HTML: they strip it."""
        return {"image/svg+xml": self.to_svg(), "text/plain": str(self)}


def _not_found(target: Path, kept: Path) -> str:
    stem = target.stem
    facts = {
        "kept": f"{kept}   (the same picture as text; https://viz-js.com or any Graphviz draws it)",
        "works right now": f'g.save("{stem}.svg") or g.save("{stem}.html"), drawn in Python',
        "to get PNG/PDF": "pip install pygraphviz     or   apt install graphviz | brew install graphviz |\n"
        "winget install Graphviz.Graphviz | conda install graphviz",
    }
    return describe(
        f"can't make {target}: the Graphviz program `dot` isn't on PATH, and pygraphviz isn't installed.\n"
        "(The Python package `graphviz` only talks to that program; it doesn't contain it.)",
        **facts,
        code="graphviz-not-found",
    )
