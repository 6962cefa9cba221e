"""The graph as data: JSON with every card, box and arrow, for programs to read."""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np

from tinygrad_edu.cards import Card
from tinygrad_edu.graph import Graph
from tinygrad_edu.render.expression import expression, whole_expression
from tinygrad_edu.render.folding import levels
from tinygrad_edu.render.wording import box_text, facts
from tinygrad_edu.snapshot import Snapshot


def json_source(graph: Graph, values: bool = True, depth: int | None = None, saved: bool = False) -> str:
    """The graph as JSON.

    {"title": …, "facts": […],
     "cards": [{"id", "kind", "name", "expression", "op", "inputs", "shape", "dtype", "value", "grad", "box", "site"}],
     "boxes": [{"id", "parent", "text", "site"}],
     "arrows": [{"source", "target", "position", "slope"}]}

    A small array is nested lists; a large one {"mean", "std", "min", "max", "nan", "inf"}. NaN and infinities are the
    texts "nan", "inf" and "-inf": JSON has no such numbers. What there is none of is left out.
    """
    level = levels(graph)
    shown = {
        "title": whole_expression(graph),
        "facts": facts(graph, depth, saved),
        "cards": [_card(graph, card, values, saved, level) for card in graph.cards],
        "boxes": [
            {"id": box.id, "parent": box.parent, "text": box_text(box), "site": box.site}
            for box in graph.boxes
            if level[box.id]
        ],
        "arrows": [
            {"source": arrow.source, "target": arrow.target, "position": arrow.position}
            | ({"slope": _number(slopes[arrow.position])} if (slopes := graph.by_id[arrow.target].slopes) else {})
            for arrow in graph.arrows
        ],
    }
    return json.dumps(shown, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def _card(graph: Graph, card: Card, values: bool, saved: bool, level: dict[str, int]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "id": card.id,
        "kind": card.kind,
        "name": card.name,
        "expression": expression(graph, card),
        "op": card.op,
        "inputs": list(card.inputs),
        "shape": list(card.shape),
        "dtype": str(card.dtype),
        "value": _array(card.value) if values else None,
        "grad": _array(card.grad) if card.grad is not None else None,
        "box": card.box if card.box is not None and level[card.box] else None,
        "site": card.site,
        "note": card.note,
        "saved": card.bytes_held if saved else None,
    }
    return {key: value for key, value in found.items() if value is not None and value != ""}


def _array(snapshot: Snapshot) -> Any:
    if snapshot.entries is not None:
        return _nested(snapshot.entries.tolist())
    summary = snapshot.summary
    assert summary is not None
    found = {"mean": summary.mean, "std": summary.std, "min": summary.low, "max": summary.high}
    counts = {"nan": summary.nans, "inf": summary.infinities}
    return {key: _number(value) for key, value in found.items()} | counts


def _nested(value: Any) -> Any:
    return [_nested(part) for part in value] if isinstance(value, list) else _number(value)


def _number(value: Any) -> Any:
    """A number that JSON has, or its text."""
    if isinstance(value, complex | np.complexfloating):
        return str(value)
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value
