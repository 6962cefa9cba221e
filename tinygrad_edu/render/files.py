"""Writing files whole or not at all. Knows bytes and paths only."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from tinygrad_edu.errors import FileError, FileNotFound, describe


def write_atomically(path: Path, content: bytes) -> Path:
    """Write `content` to `path` so that nobody ever sees half of it, and give `path` back.

    Raises FileNotFound where the folder doesn't exist, FileError where it can't be written.
    """
    beside = path.parent / f".{secrets.token_hex(8)}.part"
    try:
        with open(beside, "xb") as file:
            file.write(content)
        os.replace(beside, path)
    except FileNotFoundError:
        raise FileNotFound(
            describe(f"can't write {path}: there is no folder {path.parent}", fix="make the folder first")
        ) from None
    except OSError as error:
        raise FileError(
            describe(f"can't write {path}", why=error.strerror or error, fix="save into a folder you may write to")
        ) from None
    finally:
        with suppress(OSError):
            beside.unlink()
    return path
