"""PNG images from arrays, by the standard library alone, and as data URIs that pages hold in themselves.

Knows arrays only.
"""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR, INDEXED = 0, 2, 3  # kinds of pixels, as the format numbers them


def png(pixels: np.ndarray, palette: Sequence[tuple[int, int, int]] | None = None) -> bytes:
    """`pixels` as a PNG file.

    pixels    (height, width) uint8: greys from black 0 to white 255, or numbers of colours of the palette; or
              (height, width, 3) uint8: red, green, blue
    palette   up to 256 colours (red, green, blue), each from 0 to 255

    >>> png(np.zeros((28, 28), np.uint8))[1:4]
    b'PNG'
    """
    height, width = pixels.shape[:2]
    form = COLOUR if pixels.ndim == 3 else GREY if palette is None else INDEXED
    rows = np.ascontiguousarray(pixels, np.uint8).reshape(height, -1)
    unfiltered = np.hstack([np.zeros((height, 1), np.uint8), rows])  # each row begins with its filter: none
    chunks: list[tuple[bytes, bytes]] = [(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, form, 0, 0, 0))]
    if palette is not None:
        chunks.append((b"PLTE", bytes(value for colour in palette for value in colour)))
    chunks += [(b"IDAT", zlib.compress(unfiltered.tobytes(), 9)), (b"IEND", b"")]
    return SIGNATURE + b"".join(_chunk(kind, content) for kind, content in chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def data_uri(content: bytes) -> str:
    """A PNG file as the address of an image that is the image.

    >>> data_uri(b"PNG")
    'data:image/png;base64,UE5H'
    """
    return f"data:image/png;base64,{base64.b64encode(content).decode()}"


def grey_image(values: np.ndarray) -> bytes:
    """A PNG of `values` (height, width): 0 is black, 1 white; what lies outside is cut."""
    return png(np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8))


LEVELS = 20  # of each sign; more can't be told apart, and cost bytes
PALETTES = {
    "blue-red": ((33, 90, 166), (166, 32, 48)),  # positive, negative: colour-blind safe
    "classic": ((30, 132, 73), (176, 32, 48)),  # green and red, as in part 1 of the videos
}


def signed_image(values: np.ndarray, scale: float, palette: str = "blue-red") -> bytes:
    """A PNG of `values` (height, width): white is 0, the colours of the palette are ±`scale` and beyond."""
    levels = np.clip(values / scale, -1, 1) if scale > 0 else np.zeros_like(values)
    indices = np.rint(levels * LEVELS).astype(int) + LEVELS
    return png(indices.astype(np.uint8), [signed_colour(i / LEVELS, palette) for i in range(-LEVELS, LEVELS + 1)])


def signed_colour(share: float, palette: str = "blue-red") -> tuple[int, int, int]:
    """The colour of a share from −1 to 1 of the scale.

    >>> signed_colour(0), signed_colour(1), signed_colour(-1)
    ((255, 255, 255), (33, 90, 166), (166, 32, 48))
    """
    strong = PALETTES[palette][0 if share > 0 else 1]
    red, green, blue = (round(255 + (channel - 255) * abs(share)) for channel in strong)
    return red, green, blue
