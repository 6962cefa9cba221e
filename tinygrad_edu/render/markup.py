"""Pieces of SVG: lengths, text that means nothing to XML, text of a known width. Knows numbers and text only."""

from __future__ import annotations

import re

_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def length(value: float) -> str:
    """A length in pixels, to a tenth.

    >>> length(12.0), length(0.25), length(123456.78)
    ('12', '0.2', '123456.8')
    """
    return f"{round(value, 1):g}" if abs(value) < 1e5 else f"{value:.1f}".removesuffix(".0")


def escape(text: str) -> str:
    """`text` for XML, in which it has no meaning of its own; characters that XML can't hold become �.

    >>> escape('a < "b"')
    'a &lt; &quot;b&quot;'
    """
    text = _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", text)
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")


def sized_text(x: float, y: float, kind: str, width: float, content: str) -> str:
    """Text that is exactly as wide as it was reckoned to be, whatever font the reader has; `kind` is its class."""
    named = f' class="{kind}"' if kind else ""
    return f'<text{named} x="{length(x)}" y="{length(y)}" textLength="{width:.0f}">{content}</text>'
