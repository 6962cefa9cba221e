"""MNIST, 70,000 digits: from a folder of the user's, or downloaded once, and verified, into the cache.

Knows the four files, their hashes and their mirrors; nothing of tensors.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.data.batches import Dataset, freeze
from tinygrad_edu.data.idx import listing, parse, read, uncompressed
from tinygrad_edu.errors import DataError, FileError, FileNotFound, describe
from tinygrad_edu.files import write_atomically

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

# `pathlib`, `hashlib`, `urllib` and `tqdm` are imported where they are used: `import tinygrad_edu` is fast.

MIRRORS = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
TIMEOUT = 30.0  # seconds without a byte, after which a mirror is given up
SHA256 = {  # of the uncompressed content
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
_SIDE = 28  # pixels
_LARGEST = 64 << 20  # bytes; no file of the four comes near it, so more than that is something else


def mnist(
    folder: str | os.PathLike[str] | None = None, download: bool = True, progress: bool = True
) -> tuple[Dataset, Dataset]:
    """MNIST: 60,000 handwritten digits to train on, 10,000 to test on, as `(train, test)`.

    Each is `(images, labels)`: images float32 (n, 784), 28 by 28 pixels row by row from the top left, each
    pixel the file's value / 255, so from 0 (paper) to 1 (ink); labels int64 (n,), 0 to 9. Both are
    C-contiguous and read-only.

    folder: where the four files are, under their own names, plain or with `.gz`. Any set in MNIST's format
    will do (Fashion-MNIST, a subset): structure is checked, hashes are not, and nothing is written there.

    Without a folder, the user's cache (`$XDG_CACHE_HOME` or `~/.cache`, on Windows `%LOCALAPPDATA%`; in it
    `tinygrad_edu/mnist`). What is missing or damaged there is downloaded (11 MB in all) unless
    `download=False`, with a bar on stderr unless `progress=False`; files are verified by SHA-256 each time.

    Raises: FileNotFound if the folder or a file is missing, FileError if downloading or reading fails,
    DataError if a file is not what it must be.

    Source: Y. LeCun, C. Cortes, C. Burges, The MNIST database of handwritten digits,
    http://yann.lecun.com/exdb/mnist. Dividing by 255 is usual; Nielsen's book divides by 256.

    >>> train, test = mnist()  # doctest: +SKIP
    >>> train.images.shape, test.labels.shape  # doctest: +SKIP
    ((60000, 784), (10000,))
    """
    from pathlib import Path

    if folder is None:
        files = _from_cache(_cache_folder(), download, progress)
    else:
        files = _from_folder(Path(folder).expanduser())
    arrays = {name: (parse(content, where), where) for name, (content, where) in files.items()}
    return _dataset(arrays, "train"), _dataset(arrays, "t10k")


# --- the arrays ---


def _dataset(arrays: dict[str, tuple[NDArray[Any], Path]], part: str) -> Dataset:
    images, images_path = arrays[f"{part}-images-idx3-ubyte"]
    labels, labels_path = arrays[f"{part}-labels-idx1-ubyte"]
    _check(images, images_path, f"images of shape (n, {_SIDE}, {_SIDE})", images.shape[1:] == (_SIDE, _SIDE))
    _check(labels, labels_path, "labels of shape (n,)", labels.ndim == 1)
    if len(images) != len(labels) or len(images) == 0:
        raise DataError(
            describe(
                "as many labels as images are needed, and at least one",
                where=f"{images_path}\n{labels_path}",
                found=f"{len(images):,} images, {len(labels):,} labels",
                likely="files of two different sets",
                fix="put files that belong together into one folder",
                code="unequal-sample-counts",
            )
        )
    if labels.max() > 9:
        first = int(np.argmax(labels > 9))
        raise DataError(
            describe(
                "a label is not a digit",
                where=labels_path,
                expected="0 ... 9",
                found=f"label {first:,} is {labels[first]}",
                likely="a set with more classes (such as EMNIST), or a damaged file",
                fix="read it with tinygrad_edu.data.read_idx",
                code="label-out-of-range",
            )
        )
    flat = images.reshape(len(images), _SIDE * _SIDE)
    return Dataset(freeze(np.divide(flat, 255, dtype=np.float32)), freeze(labels.astype(np.int64)))


def _check(array: NDArray[Any], path: Path, expected: str, right_shape: bool) -> None:
    if not right_shape or array.dtype != np.uint8:
        raise DataError(
            describe(
                "the file is IDX, but not MNIST's",
                where=path,
                expected=f"{expected} of uint8",
                found=f"shape {array.shape} of {array.dtype}",
                likely="images and labels swapped, or another data set",
                fix="check the names of the files, or read it with tinygrad_edu.data.read_idx",
                code="wrong-file-type",
            )
        )


# --- the files: name -> (uncompressed content, path) ---


def _from_folder(folder: Path) -> dict[str, tuple[bytes, Path]]:
    """The four files in a folder of the user's."""
    if not folder.is_dir():
        raise FileNotFound(
            describe(
                "this is a file; the folder is needed" if folder.exists() else "no such folder",
                where=folder,
                found=f"in {folder.parent}: {listing(folder.parent)}",
                likely="a typing error, or a path relative to another folder",
                fix="give the folder that holds the four MNIST files: mnist(folder) or --data-dir FOLDER",
                code="no-such-folder",
            )
        )
    found = {name: _candidates(folder, name) for name in SHA256}
    missing = [name for name, paths in found.items() if not paths]
    if missing:
        raise FileNotFound(
            describe(
                f"MNIST is incomplete: {len(missing)} of {len(SHA256)} files missing",
                where=folder,
                expected="\n".join(f"{name} or {name}.gz" for name in missing),
                found=listing(folder),
                likely="another folder, or files under other names",
                fix="rename or add the files, or use mnist() without a folder, which downloads them",
                code="mnist-incomplete",
            )
        )
    return {name: (read(paths[0]), paths[0]) for name, paths in found.items()}


def _candidates(folder: Path, name: str) -> list[Path]:
    return [path for path in (folder / f"{name}.gz", folder / name) if path.is_file()]


def _cache_folder() -> Path:
    from pathlib import Path

    if sys.platform == "win32":
        base, default = os.environ.get("LOCALAPPDATA", ""), ("AppData", "Local")
    else:
        base, default = os.environ.get("XDG_CACHE_HOME", ""), (".cache",)
    # A relative path is to be ignored: so the XDG specification has it.
    root = Path(base) if os.path.isabs(base) else Path.home().joinpath(*default)
    return root / "tinygrad_edu" / "mnist"


def _from_cache(folder: Path, download: bool, progress: bool) -> dict[str, tuple[bytes, Path]]:
    """The four files in the cache, verified; downloaded first where they are missing or damaged."""
    intact = {name: _intact(folder, name) for name in SHA256}
    files = {name: file for name, file in intact.items() if file is not None}
    lacking = [name for name, file in intact.items() if file is None]
    if lacking and not download:
        damaged = [name for name in lacking if _candidates(folder, name)]
        states = [f"{name}.gz  ({'damaged' if name in damaged else 'missing'})" for name in lacking]
        raise (DataError if damaged else FileNotFound)(
            describe(
                f"MNIST is not in the cache: {len(lacking)} of {len(SHA256)} files missing or damaged",
                where=folder,
                expected="\n".join(states),
                found=listing(folder),
                likely="not downloaded yet, or a download by another program that was interrupted",
                fix="mnist(download=True), or mnist(folder) if you have the files: --data-dir FOLDER",
                code="mnist-incomplete",
            )
        )
    return files | (_download(folder, lacking, progress) if lacking else {})


def _intact(folder: Path, name: str) -> tuple[bytes, Path] | None:
    for path in _candidates(folder, name):
        try:
            content = read(path)
            _verify(content, name)
        except (DataError, FileError):
            continue
        return content, path
    return None


def _verify(content: bytes, name: str) -> None:
    """Nothing, or a DataError: the content is not that of the file of this name."""
    from hashlib import sha256

    found = sha256(content).hexdigest()
    if found != SHA256[name]:
        raise DataError(describe(f"wrong content: SHA-256 {found}, expected {SHA256[name]}", code="damaged-file"))


# --- downloading ---


def _download(folder: Path, names: list[str], progress: bool) -> dict[str, tuple[bytes, Path]]:
    """Each file from the first mirror that has it whole; nothing is written that was not verified."""
    from http.client import HTTPException

    files: dict[str, tuple[bytes, Path]] = {}
    mirrors = list(MIRRORS)
    for name in names:
        path = folder / f"{name}.gz"
        reasons = []
        for mirror in tuple(mirrors):
            address = mirror + path.name
            try:
                packed = _fetch(address, path.name, progress)
                content = uncompressed(packed, address)
                _verify(content, name)
            except (OSError, HTTPException, DataError) as error:
                reasons.append(f"{mirror}  {_one_line(error)}")
                mirrors.append(mirrors.pop(0))  # so that the next file doesn't wait for a dead mirror again
            else:
                _write(path, packed)
                files[name] = content, path
                break
        else:
            raise FileError(
                describe(
                    f"MNIST cannot be downloaded: no mirror gave {path.name}",
                    missing="\n".join(f"{name}.gz" for name in names if name not in files),
                    mirrors="\n".join(reasons),
                    likely="no network, or a proxy or firewall in between",
                    fix=f"download the files in another way and put them into {folder}\n"
                    "or into a folder of yours: mnist(folder) or --data-dir FOLDER",
                    code="download-failed",
                )
            )
    return files


def _fetch(url: str, title: str, progress: bool) -> bytes:
    """What is at the address, whole, into memory."""
    import urllib.request

    from tqdm import tqdm

    received = bytearray()
    with urllib.request.urlopen(url, timeout=TIMEOUT) as response:
        total = response.length
        with tqdm(total=total, desc=title, unit="B", unit_scale=True, disable=not progress) as bar:
            while piece := response.read(1 << 16):
                received += piece
                bar.update(len(piece))
                if len(received) > _LARGEST:
                    raise DataError(describe(f"wrong content: more than {_LARGEST:,} bytes", code="damaged-file"))
    if total is not None and len(received) != total:
        raise DataError(
            describe(f"the connection ended after {len(received):,} of {total:,} bytes", code="damaged-file")
        )
    return bytes(received)


def _one_line(error: Exception) -> str:
    """What went wrong, without the wrapping of urllib: 'HTTP Error 404: Not Found', 'timed out'."""
    reason = getattr(error, "reason", None)
    cause = reason if isinstance(reason, Exception) else error
    return str(cause).splitlines()[0] if str(cause) else type(cause).__name__


def _write(path: Path, content: bytes) -> None:
    """Into the cache, whole or not at all. Raises FileError that says which setting moves the cache."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        cause = error.__cause__ or error.__context__ or error
        raise FileError(
            describe(
                "MNIST cannot be written to the cache",
                where=path,
                found=getattr(cause, "strerror", None) or cause,
                likely="a full disk, or a folder that you may not write to",
                fix="set XDG_CACHE_HOME (on Windows LOCALAPPDATA) to another folder,\n"
                "or put the files into a folder of yours: mnist(folder) or --data-dir FOLDER",
                code="file-not-writable",
            )
        ) from None
