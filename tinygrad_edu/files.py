"""Writing a file whole or not at all. Knows errors only, so everything that writes may use it."""

from __future__ import annotations

import os
from pathlib import Path

from tinygrad_edu.errors import FileError, FileNotFound, describe


def write_atomically(path: str | os.PathLike[str], content: bytes | str) -> Path:
    """Write `content` (text as UTF-8) to `path` so that nobody ever sees half of it, and give `path` back.

    It is written into a file beside it, which then takes its place; an interrupted write leaves the old file. What is
    no file, such as `/dev/stdout`, is written to as it is.
    Raises FileNotFound where the folder doesn't exist, FileError where it can't be written.
    """
    if isinstance(content, str):  # bytes of a file's name that are no text in this locale can be part of it
        content = content.encode(errors="backslashreplace")
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{os.urandom(4).hex()}.part")
    try:
        try:
            if target.exists() and not (target.is_file() or target.is_dir()):
                with open(path, "wb") as file:  # to put a file in the place of a device would destroy that
                    file.write(content)
                return Path(path)
            with open(temporary, "xb") as file:
                file.write(content)
            os.replace(temporary, target)
        finally:  # also on an interruption; after success it isn't there any more
            temporary.unlink(missing_ok=True)
    except FileNotFoundError:
        raise FileNotFound(
            describe(
                f"can't write {path}: there is no folder {target.parent}",
                fix="make the folder first",
                code="no-such-folder",
            )
        ) from None
    except OSError as error:
        raise FileError(
            describe(
                f"can't write {target.name}",
                where=target,
                why=error.strerror or error,
                fix="a folder that exists, that you may write to, and that has room",
                code="file-not-writable",
            )
        ) from None
    return Path(path)


def check_folder(folder: str | os.PathLike[str]) -> None:
    """Raise FileError or FileNotFound where no file can be written into the folder: before hours of work, not after."""
    trial = Path(folder, f".{os.urandom(4).hex()}.trial")
    try:
        trial.touch()
        trial.unlink()
    except OSError as error:
        where = os.path.abspath(folder)
        if not os.path.isdir(folder):
            what = f"there is no folder {folder}"
            text = describe(what, where=where, fix="make the folder first", code="no-such-folder")
            raise FileNotFound(text) from None
        raise FileError(
            describe(
                f"can't write into {folder}",
                where=where,
                why=error.strerror or error,
                fix="a folder that you may write to, and that has room",
                code="file-not-writable",
            )
        ) from None
