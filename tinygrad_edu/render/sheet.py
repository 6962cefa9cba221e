"""The style sheet of drawings of graphs: shapes and fonts, colours, and the colours of the dark scheme."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tinygrad_edu.cards import Kind
from tinygrad_edu.render import style
from tinygrad_edu.render.style import LOOKS, Look, Scheme


def _css() -> str:
    mono = f"font-family:{style.MONO}"
    rules = [
        (".tg text", f"white-space:pre;font-family:{style.SANS};font-size:{style.EXPRESSION_SIZE:g}px"),
        (".tg .title", f"font-size:{style.TITLE_SIZE:g}px;font-weight:bold"),
        (".tg .legend", f"font-size:{style.LEGEND_SIZE:g}px"),
        (".tg .legend .value,.tg .legend .grad", mono),
        (".tg .cards tspan:first-child", f"font-size:{style.NAME_SIZE:g}px;font-weight:bold"),
        (".tg .cards tspan+tspan,.tg .note,.tg .paths", f"font-size:{style.SMALL_SIZE:g}px"),
        (".tg .cards .shape", f"font-size:{style.SMALL_SIZE:g}px;text-anchor:end;{mono}"),
        (".tg .cards .value,.tg .cards .grad", f"font-size:{style.NUMBER_SIZE:g}px;{mono}"),
        (".tg .cards .value tspan,.tg .cards .grad tspan", "font-size:inherit;font-weight:inherit"),
        (".tg .arrows text", f"font-size:{style.ARROW_SIZE:g}px"),
        (".tg .arrows path", "fill:none;stroke:currentColor;stroke-width:1.4"),
        (".tg .arrows path+path", "fill:currentColor;stroke:none"),
        (".tg .cards text .bad", "font-weight:bold"),
        *((f".tg .cards {_dotted(kind)} rect", _pen(look)) for kind, look in LOOKS.items()),
        (".tg .cards path", "stroke-width:.8"),
        *_colours({kind: (look.pen, look.ground, look.head) for kind, look in LOOKS.items()}, style.LIGHT),
    ]
    dark = _colours({kind: look.dark for kind, look in LOOKS.items()}, style.DARK)
    return f"{_sheet(rules)}@media (prefers-color-scheme:dark){{{_sheet(dark)}}}"


def _sheet(rules: Iterable[tuple[str, str]]) -> str:
    return "".join(f"{selector}{{{body}}}" for selector, body in rules)


def _dotted(kind: Kind) -> str:
    """What the selector of a kind has more than that of operations."""
    return "" if kind == "operation" else f".{kind}"


def _pen(look: Look) -> str:
    return f"stroke-width:{look.pen_width:g}" + (";stroke-dasharray:5 3" if look.dashed else "")


def _colours(looks: Mapping[Kind, tuple[str, str, str]], scheme: Scheme) -> list[tuple[str, str]]:
    """The rules that give everything its colour in one scheme."""
    rules = []
    for kind, (pen, ground, head) in looks.items():
        name = _dotted(kind)
        rules += [
            (f".tg .cards {name} rect", f"fill:{ground};stroke:{pen}"),
            (f".tg .cards {name} path", f"stroke:{pen}"),
            (f".tg .cards {name} text", f"fill:{head}"),
            (f".tg .arrows {name}", f"color:{pen}"),
        ]
    return [
        *rules,
        (".tg .page", f"fill:{scheme.page}"),
        (".tg .title,.tg .legend .value,.tg .cards g .value", f"fill:{scheme.ink}"),
        (
            ".tg .legend,.tg .stretch,.tg .cards g .shape,.tg .cards g .note,.tg .cards g .value>tspan:first-child",
            f"fill:{scheme.muted}",
        ),
        (".tg .legend .grad,.tg .slope,.tg .cards g .grad,.tg .cards g .paths", f"fill:{scheme.gradient}"),
        (".tg .cards g text .bad", f"fill:{scheme.bad}"),
        (".tg .boxes rect", f"fill:{scheme.box_ground};stroke:{scheme.box_pen}"),
        (".tg .boxes text", f"fill:{scheme.box_head}"),
    ]


CSS = _css()
