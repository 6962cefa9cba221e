"""Where things stand in a picture: plain data, that drawings and pages read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tinygrad_edu.cards import Arrow

Size = tuple[float, float]
Point = tuple[float, float]


@dataclass(frozen=True)
class Rect:
    """A rectangle; x and y are of its upper left corner."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Route:
    """The line of an arrow: through `points`, curved where two neighbours aren't straight above or beside each other.

    horizontal   whether it leaves and arrives horizontally
    label        the upper left corner of what stands on the arrow, if there is anything
    """

    points: tuple[Point, ...]
    horizontal: bool
    label: Point | None = None

    @property
    def end(self) -> Point:
        """The tip."""
        return self.points[-1]


@dataclass(frozen=True)
class Layout:
    """Where everything stands, from (0, 0) to (width, height).

    cards, boxes   the rectangles, by id; a box that isn't drawn has none
    heads          where the text on a box begins, by id
    routes         the lines, by arrow
    """

    direction: str
    width: float
    height: float
    cards: Mapping[str, Rect]
    boxes: Mapping[str, Rect]
    heads: Mapping[str, Point]
    routes: Mapping[Arrow, Route]


@dataclass(frozen=True)
class Sizes:
    """How large the drawing makes things: cards by id, the text on boxes by id, what stands on arrows."""

    cards: Mapping[str, Size]
    heads: Mapping[str, float]
    labels: Mapping[Arrow, Size]
