"""How wide text is, without a font at hand: by the widths of Helvetica, which Arial and Liberation Sans share.

Drawings size cards by it. Knows text only.
"""

from __future__ import annotations

import unicodedata
from functools import lru_cache

MONO_ADVANCE = 0.602  # of the size, in DejaVu Sans Mono and Menlo; Consolas is narrower
OTHER, WIDE = 600, 1000  # thousandths of the size, for characters that the table doesn't have

_REGULAR = {
    191: "'", 222: "ijl", 260: "|", 278: " !,./:;I[\\]ft", 333: "()-`r·²", 334: "{}", 355: '"', 389: "*", 469: "^",
    500: "Jcksvxyz", 556: "#$0123456789?L_abdeghnopqu", 584: "+<=>~−×±≤≥≠≈", 611: "FTZ", 667: "&ABEKPSVXY",
    722: "CDHNRUw", 778: "GOQ", 833: "Mm", 889: "%", 944: "W", 1000: "…→", 1015: "@",
}  # fmt: skip
_BOLD = {
    238: "'", 278: " ,./I\\ijl", 280: "|", 333: "!()-:;[]`ft·²", 389: "*r{}", 474: '"',
    500: "z", 556: "#$0123456789J_aceksvxy", 584: "+<=>^~−×±≤≥≠≈", 611: "?FLTZbdghnopqu", 667: "EPSVXY",
    722: "&ABCDHKNRU", 778: "GOQw", 833: "M", 889: "%m", 944: "W", 975: "@", 1000: "…→",
}  # fmt: skip


def _by_character(table: dict[int, str]) -> dict[str, int]:
    return {character: width for width, characters in table.items() for character in characters}


_WIDTHS = {False: _by_character(_REGULAR), True: _by_character(_BOLD)}


@lru_cache(maxsize=4096)
def _units(text: str, bold: bool) -> int:
    known = _WIDTHS[bold]
    return sum(known.get(character) or _other(character) for character in text)


def _other(character: str) -> int:
    if unicodedata.combining(character):
        return 0
    return WIDE if unicodedata.east_asian_width(character) in "WF" else OTHER


def sans_width(text: str, size: float, bold: bool = False) -> float:
    """The width of `text` in Helvetica of `size`, in the unit of `size`.

    >>> sans_width("loss", 10)
    17.78
    """
    return _units(text, bold) * size / 1000


def mono_width(text: str, size: float) -> float:
    """The width of `text` in a monospaced font of `size`.

    >>> round(mono_width("value", 10), 2)
    30.1
    """
    return len(text) * MONO_ADVANCE * size


def wrapped(text: str, size: float, width: float) -> list[str]:
    """`text` in lines that are at most `width` wide, broken at spaces.

    >>> wrapped("every card is one line of code", 10, 80)
    ['every card is one', 'line of code']
    """
    lines: list[str] = []
    for word in text.split(" "):
        if lines and sans_width(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
