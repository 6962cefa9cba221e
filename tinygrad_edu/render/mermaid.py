"""The Mermaid drawing: the graph as a flowchart in text, which GitHub, GitLab and many notebooks draw by themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from tinygrad_edu.cards import Card
from tinygrad_edu.graph import Graph
from tinygrad_edu.numbers import one_line
from tinygrad_edu.render.expression import shorten
from tinygrad_edu.render.face import Face, face
from tinygrad_edu.render.folding import levels
from tinygrad_edu.render.sizes import best_direction
from tinygrad_edu.render.style import BOX_GROUND, BOX_HEAD, BOX_PEN, LOOKS
from tinygrad_edu.render.wording import box_text, broadcast_text, slope_text

# Mermaid reads "#name;" as an entity, and gives some characters a meaning even within quotes.
_ENTITIES = {ord(c): f"#{ord(c)};" for c in '#&"<>`\\[]{}()|@'}


def mermaid_source(graph: Graph, direction: str | None = None, values: bool = True, saved: bool = False) -> str:
    """The graph as a Mermaid flowchart; the arguments are those of `dot_source`."""
    level = levels(graph)
    lines = [f"flowchart {direction or best_direction(graph, values, saved)}"]
    inside: dict[str | None, list[str]] = {}
    for card in graph.cards:
        box = card.box if card.box is None or level[card.box] else None
        texts = face(graph, card, values, saved)
        inside.setdefault(box, []).append(f'{card.id}["{_label(card, texts, values)}"]:::{card.kind}')
    lines += [f"  {line}" for line in inside.get(None, ())]
    lines += _boxes(graph, level, inside)
    for arrow in graph.arrows:
        text = slope_text(graph, arrow) or broadcast_text(graph, arrow)
        label = f'|"{_escape(shorten(text))}"|' if text else ""
        lines.append(f"  {arrow.source} -->{label} {arrow.target}")
    for kind in dict.fromkeys(card.kind for card in graph.cards):
        look = LOOKS[kind]
        dashes = ",stroke-dasharray:5 3" if look.dashed else ""
        lines.append(
            f"  classDef {kind} fill:{look.ground},stroke:{look.pen},color:{look.head},"
            f"stroke-width:{look.pen_width:g}px{dashes}"
        )
    for framed in graph.boxes:
        if level[framed.id]:
            lines.append(f"  style {framed.id} fill:{BOX_GROUND},stroke:{BOX_PEN},color:{BOX_HEAD}")
    return "\n".join(lines) + "\n"


def _boxes(graph: Graph, level: Mapping[str, int], inside: Mapping[str | None, list[str]]) -> Iterator[str]:
    children: dict[str | None, list[str]] = {}
    for box in graph.boxes:
        if level[box.id]:
            parent = box.parent if box.parent is not None and level[box.parent] else None
            children.setdefault(parent, []).append(box.id)
    pending = [(id, 1) for id in reversed(children.get(None, []))]
    while pending:
        id, deep = pending.pop()
        indent = "  " * deep
        if id == "":
            yield f"{indent}end"
            continue
        yield f'{indent}subgraph {id}["{_escape(shorten(box_text(graph.box_by_id[id]), 60))}"]'
        yield from (f"{indent}  {line}" for line in inside.get(id, ()))
        pending.append(("", deep))
        pending += [(child, deep + 1) for child in reversed(children.get(id, []))]


def _label(card: Card, texts: Face, values: bool) -> str:
    made = texts.made if card.computed else f" · {texts.made}"
    head = f"<b>{_escape(texts.name)}</b>{_escape(made)}"
    lines = [f"{head}  {_escape(texts.shape)}".rstrip(), *map(_escape, texts.notes)]
    lines += [f"value {_escape(one_line(card.value))}"] if values else []
    lines += [f"grad {_escape(one_line(card.grad))}"] if card.grad is not None else []
    return "<br/>".join([*lines, *(_escape(text) for _, text in texts.last_lines)])


def _escape(text: str) -> str:
    return text.translate(_ENTITIES)
