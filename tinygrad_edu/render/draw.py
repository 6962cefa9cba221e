"""draw: from a Tensor to a picture. Decides how much of a graph is shown; what is shown, the drawings decide."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from tinygrad_edu.errors import describe
from tinygrad_edu.graph import Graph
from tinygrad_edu.render.folding import close_deeper_than, cone, levels, roll
from tinygrad_edu.render.picture import DrawingError, Picture
from tinygrad_edu.subject import graph_of

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

COMFORTABLE = 120  # cards that a reader can take in; above, modules are closed
MOST = 2_000  # cards that a browser scrolls through and Graphviz lays out in a few seconds


def draw(
    output: Tensor | Callable[..., Tensor],
    *args: Any,
    names: Mapping[Any, Any] | None = None,
    depth: int | None = None,
    values: bool = True,
    grads: bool = True,
    direction: str | None = None,
    focus: Tensor | str | None = None,
    max_nodes: int | None = None,
    saved: bool = False,
) -> Picture:
    """A picture of the computation of `output`: one card per line of code, with its value and its gradient.

    output      a Tensor that depends on something that requires grad; or a function, called on tracked copies of
                `args`: of Tensors, of arrays and of numbers
    names       {name: tensor} or {tensor: name}; what has no name there is called by its path in its module, by its
                own `name`, by the caller's or the function's variable, or t1, t2, …
    depth       how many levels of modules to show; those below are closed to one card each. By default as many as
                fit into 120 cards, and modules that repeat are rolled into one card: `× 28`
    values      whether cards show the numbers of the forward pass
    grads       whether to compute and show gradients; no `.grad` is touched
    direction   "TB" from top to bottom or "LR" from left to right; by default whichever fits
    focus       a Tensor or a name: only what it was computed from and what was computed from it
    max_nodes   the most cards to draw; modules close only above it (2,000 if not given)
    saved       whether cards show the memory that the graph holds for backward

    Raises GradientError where `output` has no graph, and DrawingError where the picture would be too large.

    >>> import tinygrad_edu as tg
    >>> a = tg.Tensor(2.0, requires_grad=True, name="a")
    >>> print(draw(a * a + 1))
    result = a · a + 1
    3 nodes
    <BLANKLINE>
    name    computed by  shape   value  grad
    a       leaf         scalar  2      4
    t1      = a · a      scalar  4      1
    result  = t1 + 1     scalar  5      1
    """
    check_options(direction, depth, max_nodes)
    graph, focused = graph_of(output, args, names, grads, focus)
    if focused:
        graph = cone(graph, focused)
    graph, depth = fitted(graph, depth, max_nodes)
    return Picture(graph, direction, values, depth, saved)


def check_options(direction: Any, depth: Any, max_nodes: Any) -> None:
    """Raise DrawingError for options that no picture can have."""
    if direction not in (None, "TB", "LR"):
        raise DrawingError(
            describe(f"unknown direction {direction!r}", fix='direction="TB" or direction="LR"', code="unknown-choice")
        )
    for name, number in (("depth", depth), ("max_nodes", max_nodes)):
        if number is not None and (isinstance(number, bool) or not isinstance(number, int) or number < 1):
            raise DrawingError(
                describe(f"{name} must be a whole number from 1, not {number!r}", code="not-a-whole-number")
            )


def fitted(graph: Graph, depth: int | None, max_nodes: int | None) -> tuple[Graph, int | None]:
    """As much of the graph as is to be shown, and the depth down to which modules are open.

    Raises DrawingError where even that is too much.
    """
    graph, depth = _fold(graph, depth, max_nodes)
    if len(graph.cards) > (max_nodes or MOST):
        raise DrawingError(_too_large(graph, max_nodes or MOST, depth))
    return graph, depth


def _fold(graph: Graph, depth: int | None, max_nodes: int | None) -> tuple[Graph, int | None]:
    """The graph with modules closed at `depth`, or at the deepest level that is still comfortable."""
    if depth is not None:
        closed = close_deeper_than(graph, depth)
        return (roll(closed) if len(closed.cards) > (max_nodes or MOST) else closed), depth
    comfortable = max_nodes or COMFORTABLE
    if len(graph.cards) <= comfortable:
        return graph, None
    folded: tuple[Graph, int | None] = (graph, None)
    for level in range(max(levels(graph).values(), default=0), 0, -1):
        folded = roll(close_deeper_than(graph, level)), level
        if len(folded[0].cards) <= comfortable:
            break
    return folded


def _too_large(graph: Graph, limit: int, depth: int | None) -> str:
    if not graph.boxes and depth is None:
        modules, folding = "none, so depth= can't close any", ""
    elif depth == 1:
        modules, folding = "all closed", ""
    else:
        modules = "all open" if depth is None else f"closed at level {depth}"
        folding = "depth=1 closes all modules\n"
    return describe(
        f"this graph has too many cards to draw: {len(graph.cards):,}, where {limit:,} are the most",
        nodes=f"{graph.node_count:,}",
        modules=modules,
        fix=f"{folding}max_nodes={len(graph.cards)} draws them all the same (as .svg; .png and .pdf may take minutes)\n"
        "draw a part: the loss of fewer steps, or a tensor in the middle",
        code="picture-too-large",
    )
