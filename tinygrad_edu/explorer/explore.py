"""explore: from a Tensor, or a function, to a page that steps through its reverse pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tinygrad_edu.derivation import Derivation
from tinygrad_edu.files import write_atomically
from tinygrad_edu.render.draw import check_options, fitted
from tinygrad_edu.render.expression import whole_expression
from tinygrad_edu.render.folding import levels
from tinygrad_edu.subject import subject_of
from tinygrad_edu.tensor import Tensor

if TYPE_CHECKING:
    import os

    from tinygrad_edu.explorer.record import Record
    from tinygrad_edu.graph import Graph

FRAME_HEIGHT = 720  # of the page in a notebook, in pixels


MOST_INSIDE = 2_000  # cards of a graph whose modules can be opened in the page
MOST_DRAWN = 200  # cards that are in the file as a picture; more are drawn by the page, from a third of the bytes
FEWEST_INSIDE = 25  # a smaller graph that is all open fits on a screen: its page does without what closes modules


@dataclass(frozen=True, eq=False, repr=False)
class Page:
    """A page, as `html`; notebooks show it in a frame.

    path    where it was written, if it was
    title   the computation on one line
    steps   how many steps it has
    """

    html: str
    path: Path | None = None
    title: str = ""
    steps: int = 0

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the page to `path`, whole or not at all, and give the path back."""
        return write_atomically(Path(path), self.html)

    def __repr__(self) -> str:
        where = f" at {self.path}" if self.path is not None else ""
        size = len(self.html.encode(errors="replace"))
        return f"<page of {size / 1000:.0f} kB{where}: open it in a browser>"

    def _repr_html_(self) -> str:
        content = escape(self.html, quote=True)
        return f'<iframe srcdoc="{content}" width="100%" height="{FRAME_HEIGHT}" frameborder="0"></iframe>'


def explore(
    output: Tensor | Callable[..., Tensor],
    path: str | os.PathLike[str] | None = None,
    *args: Any,
    names: Mapping[Any, Any] | None = None,
    depth: int | None = None,
    direction: str | None = None,
    max_nodes: int | None = None,
) -> Page:
    """A page that steps through the computation of `output` and through its reverse pass, one op at a time.

    Every step says which rule is at work, with numbers put in; a click on a card shows its paths to the result; in
    graphs of up to a few hundred numbers a given number can be changed, and everything follows. A closed module is one
    step; opened, its ops are steps. The page is one file that asks for nothing, and shows a picture without scripts.

    output      a Tensor of one element; or a function, called on tracked copies of `args`
    path        where to write the page; None only gives it back, for notebooks
    names       {name: tensor}; what has no name there has that of the caller's variable, or t1, t2, …
    depth       how many levels of modules are open at first, as for `draw`; by default as many as fit into 120 cards.
                Modules open and close in the page, in graphs of up to 2,000 cards
    direction   "TB" or "LR"; by default whichever fits
    max_nodes   the most cards to show at first

    No `.grad` is touched. Raises ShapeError for an output of several elements, GradientError where there is no graph
    or a value in it was overwritten, and DrawingError where the page would be too large.

    >>> a = Tensor(2.0, requires_grad=True, name="a")
    >>> page = explore(a * a + 1, "page.html")
    >>> page.path.name, "∂result/∂a" in page.html
    ('page.html', False)
    """
    from tinygrad_edu.explorer.page import page_source  # json, hashlib and the like take 20 ms to import

    check_options(direction, depth, max_nodes)
    tensor, program = subject_of(output, args)
    derivation = Derivation(tensor, names, program)
    graph, depth = fitted(derivation.graph, depth, max_nodes)
    record = _record(derivation, graph, depth, max_nodes)
    html = page_source(record, direction)
    written = write_atomically(Path(path), html) if path is not None else None
    forward = sum(card.computed for card in graph.cards)
    backward = sum(card.computed and card.grad is not None for card in graph.cards)
    return Page(html, written, whole_expression(derivation.graph), forward + 1 + backward)


def _record(derivation: Derivation, shown: Graph, depth: int | None, max_nodes: int | None) -> Record:
    """What a page is made of: all of the graph, where modules can be opened and closed and it isn't too large."""
    from tinygrad_edu.explorer.modules import Modules
    from tinygrad_edu.explorer.record import Record

    whole = derivation.graph
    small = shown is whole and len(whole.cards) < FEWEST_INSIDE
    if small or not any(levels(whole).values()) or len(whole.cards) > max(MOST_INSIDE, max_nodes or 0):
        return Record(derivation, shown, depth)
    wanted = depth
    if len(shown.cards) > MOST_DRAWN:
        shown, depth = fitted(whole, None, None)
    modules = Modules(whole, depth, any(card.times > 1 for card in shown.cards), wanted)
    return Record(derivation, modules.whole, modules=modules)
