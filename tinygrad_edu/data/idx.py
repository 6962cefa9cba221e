"""IDX, the file format of MNIST: plain or gzipped bytes into an array, or an error that says what is wrong.

Knows nothing of digits, downloads or tensors.

The format, from http://yann.lecun.com/exdb/mnist: two zero bytes, one byte for the element type, one for the
number of dimensions; each dimension as a big-endian 32-bit number; the elements, big-endian, the last axis
running fastest.
"""

from __future__ import annotations

import math
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import DataError, FileError, FileNotFound, describe

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from numpy.typing import NDArray

# `pathlib` and `gzip` are imported where they are used: they would cost every `import tinygrad_edu` 6 ms.

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_GZIP = b"\x1f\x8b"

# First bytes of what people most often have in place of an IDX file.
_IMPOSTORS = {
    b"<": ("a web page, saved in place of the file", "download the file itself, not the page about it"),
    b"PK": ("a zip archive", "unpack it first"),
    b"version https://git-lfs": ("a Git LFS pointer, not the file", "git lfs pull"),
}


def read_idx(path: str | os.PathLike[str]) -> NDArray[Any]:
    """The array in an IDX file, plain or gzipped (told by content, not by name).

    Any element type (8-bit unsigned or signed, 16- or 32-bit signed integer, 32- or 64-bit float) and any
    number of dimensions. Returns a new array in the byte order of this machine.

    Raises: FileNotFound if there is no such file, FileError if it can't be read, DataError if it isn't one
    whole IDX file: something else, cut short, or followed by other bytes.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "labels-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 0x08, 1, 0, 0, 0, 3, 7, 2, 1]))  # uint8, 1 axis, 3 long
    ...     read_idx(path)
    array([7, 2, 1], dtype=uint8)
    """
    from pathlib import Path

    path = Path(path)
    return parse(read(path), path)


def read(path: Path) -> bytes:
    """The file's content, uncompressed if it was gzipped."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise FileNotFound(
            describe(
                f"no such file: {path.name}",
                where=path,
                found=f"in {path.parent}: {listing(path.parent)}",
                likely="another name or another folder",
                fix="check the path",
                code="no-such-file",
            )
        ) from None
    except OSError as error:
        raise FileError(
            describe(
                f"cannot read {path.name}",
                where=path,
                found=error.strerror or error,
                likely="a folder, or a file of somebody else",
                fix="give a file that you may read",
                code="file-not-readable",
            )
        ) from None
    return uncompressed(content, path)


def uncompressed(content: bytes, where: object) -> bytes:
    """`content`, unpacked if it is gzip data. `where` (a path or an address) is for the error only."""
    if not content.startswith(_GZIP):
        return content
    import gzip
    import zlib

    try:
        return gzip.decompress(content)
    except EOFError:
        what, likely = "gzip data is cut short", "a download or a copy that was interrupted"
    except (OSError, zlib.error) as error:
        what, likely = f"gzip data is damaged ({error})", "a faulty copy, or other bytes after the end"
    raise DataError(
        describe(
            what,
            where=where,
            found=f"{len(content):,} compressed bytes",
            likely=likely,
            fix="delete the file and download it again",
            code="damaged-file",
        )
    )


def parse(content: bytes, where: object) -> NDArray[Any]:
    """The array described by the bytes of an (uncompressed) IDX file. `where` is for the error only."""
    dtype, shape, start = _header(content, where)
    expected = start + dtype.itemsize * math.prod(shape)  # Python integers: a forged shape can't overflow
    if len(content) != expected:
        short = len(content) < expected
        raise DataError(
            describe(
                "IDX file is cut short" if short else "IDX file has bytes after its end",
                where=where,
                expected=f"{expected:,} bytes: {start} of header, then shape {shape} of {dtype.name}",
                found=f"{len(content):,} bytes",
                likely="a download or a copy that was interrupted"
                if short
                else "two files joined, or a header that doesn't belong to the data",
                fix="delete the file and download it again",
                code="damaged-file",
            )
        )
    try:
        return np.frombuffer(content, dtype, offset=start).reshape(shape).astype(dtype.newbyteorder("="))
    except ValueError as error:
        raise DataError(
            describe(
                "IDX file has a shape that NumPy can't hold",
                where=where,
                found=f"{len(shape)} dimensions: {error}",
                likely="a damaged header",
                fix="delete the file and download it again",
                code="damaged-file",
            )
        ) from None


def _header(content: bytes, where: object) -> tuple[np.dtype[Any], tuple[int, ...], int]:
    """Element type, shape, and where the elements start."""
    if not content:
        raise DataError(
            describe(
                "the file is empty",
                where=where,
                expected="an IDX file",
                found="0 bytes",
                likely="a download that was interrupted, or a full disk",
                fix="delete the file and download it again",
                code="damaged-file",
            )
        )
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] not in _DTYPES:
        codes = ", ".join(f"{code:02x}" for code in _DTYPES)
        likely, fix = next(
            (hint for start, hint in _IMPOSTORS.items() if content.lstrip().startswith(start)),
            ("a file of another format, or a damaged one", "give an IDX file, plain or gzipped"),
        )
        raise DataError(
            describe(
                "not an IDX file",
                where=where,
                expected=f"00 00, one byte for the type ({codes}), one for the number of dimensions",
                found=f"{content[:16].hex(' ')}  {content[:16]!r}",
                likely=likely,
                fix=fix,
                code="wrong-file-type",
            )
        )
    rank = content[3]
    start = 4 + 4 * rank
    if len(content) < start:
        raise DataError(
            describe(
                "IDX file is cut short",
                where=where,
                expected=f"a header of {start} bytes, for {rank} dimensions",
                found=f"{len(content):,} bytes",
                likely="a download or a copy that was interrupted",
                fix="delete the file and download it again",
                code="damaged-file",
            )
        )
    return np.dtype(_DTYPES[content[2]]), struct.unpack_from(f">{rank}I", content, 4), start


def listing(folder: Path, limit: int = 12) -> str:
    """What is in the folder, for an error: the first `limit` names in order, folders with a slash."""
    try:
        names = sorted(entry.name + "/" * entry.is_dir() for entry in folder.iterdir())
    except OSError as error:
        return f"nothing ({error.strerror or error})"
    more = [f"and {len(names) - limit} more"] if len(names) > limit else []
    return ", ".join(names[:limit] + more) or "nothing"
