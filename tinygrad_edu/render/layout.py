"""Where the cards, boxes and arrows of a graph stand.

The drawing says how large things are; this says where they go. Two cards never overlap, a box holds its own cards and
no others, and no arrow runs through a card. Iterative, and the same for the same graph. Must not know text or colours.
"""

from __future__ import annotations

from tinygrad_edu.graph import Graph
from tinygrad_edu.render.geometry import Layout, Sizes
from tinygrad_edu.render.nesting import Nest
from tinygrad_edu.render.routing import Router


def lay_out(graph: Graph, sizes: Sizes, direction: str) -> Layout:
    """Where the cards, boxes and arrows of `graph` stand, from top to bottom ("TB") or from left to right ("LR")."""
    return layout_of(Nest(graph, sizes, direction))


def layout_of(nest: Nest) -> Layout:
    """Where everything stands in a picture whose boxes are solved."""
    cards = nest.card_rects()
    boxes = {box: nest.rect(*nest.box_corner(box), *nest.level[box].size) for box in nest.parent}
    heads = {box: (rect.x + nest.level[box].head, rect.y) for box, rect in boxes.items()}
    along, across = nest.level[None].size
    width, height = (across, along) if nest.down else (along, across)
    return Layout("TB" if nest.down else "LR", width, height, cards, boxes, heads, Router(nest).routes(cards))
