"""Every error of the project, under one root, and the shape their texts have.

Each also inherits from the builtin that NumPy or PyTorch would raise, so `except ValueError` keeps working.
Knows nothing of the rest of the project: every other module may import this one.
"""

from __future__ import annotations

import numpy as np


class TinygradError(Exception):
    """Root of all errors of the project; children also inherit from the builtin a NumPy user expects.

    `code` is the name of the mistake, such as "loss-shapes": the heading of its entry in the error catalogue,
    `tinygrad_edu/docs/errors.md`, and the last row of the text.
    """

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.code: str = getattr(text, "code", "")


class TinygradWarning(UserWarning):
    """What is most likely a mistake, but may be meant. It has a code too, and says how to declare it."""

    def __init__(self, text: str = "") -> None:
        super().__init__(text)
        self.code: str = getattr(text, "code", "")


class ShapeError(TinygradError, ValueError):
    """Shapes do not fit each other, or do not fit what is asked of them."""


class DtypeError(TinygradError, TypeError):
    """A type or dtype is not one that can be used here."""


class MatrixError(ShapeError, np.linalg.LinAlgError):
    """A matrix has no inverse, no such decomposition, or no derivative."""


class NoForwardError(TinygradError, NotImplementedError):
    """A module has no computation of its own."""


class IndexingError(TinygradError, IndexError):
    """An index does not fit the shape."""


class MissingKeyError(TinygradError, KeyError):
    """Nothing has this name."""

    __str__ = Exception.__str__  # KeyError shows its text in quotes, with \n for new lines


class AxisError(ShapeError, IndexingError, np.exceptions.AxisError):
    """There is no such axis. `axis` and `ndim` say which and how many there are, where that is known, as NumPy's do."""

    def __init__(self, text: str = "", axis: int | None = None, ndim: int | None = None) -> None:
        super().__init__(text)
        self.axis, self.ndim = axis, ndim

    def __str__(self) -> str:  # NumPy's puts its words behind ours
        return str(self.args[0]) if self.args else ""


class DivisionError(TinygradError, ZeroDivisionError):
    """Something would be divided by zero."""


class GradientError(TinygradError, RuntimeError, ValueError):
    """Backward is impossible, or would give a wrong gradient."""


class NonFiniteError(TinygradError, FloatingPointError):
    """A NaN or Inf was born; `detect_anomaly()` says where."""


class GradcheckError(TinygradError, AssertionError):
    """A derivative differs from its numerical estimate."""


class TrainingError(TinygradError, RuntimeError):
    """Training cannot start, or cannot go on."""


class DataError(TinygradError, ValueError):
    """A data file, or the data or setting given to `tinygrad_edu.data`, is not what it must be."""


class ProgramError(TinygradError, RuntimeError):
    """A program of the user's, given to a command, can't be run, or doesn't hold what the command needs."""


class FileError(TinygradError, OSError):
    """A file or folder cannot be read, written or downloaded."""


class FileNotFound(FileError, FileNotFoundError):  # noqa: N818 - the project names what is missing
    """A file or folder does not exist."""


class DependencyNotFound(TinygradError, ImportError):  # noqa: N818
    """A Python package that only this part of the project needs is not installed."""


class GraphvizNotFound(TinygradError, RuntimeError):  # noqa: N818
    """A picture needs Graphviz's program `dot`, and it is not installed."""


class Description(str):
    """The text of an error, which remembers the code of the mistake."""

    __slots__ = ("code",)
    code: str


def describe(what: str, *, code: str = "", **rows: object) -> Description:
    """The text of an error: what went wrong, then one aligned row per fact (of one line or several).

    >>> print(describe("no such file", where="/data", found="a.txt", fix="check the name", code="no-file"))
    no such file
      where: /data
      found: a.txt
      fix:   check the name
      code:  no-file
    """
    if code:
        rows["code"] = code
    width = max(map(len, rows), default=0) + 1
    indent = "\n" + " " * (width + 3)
    lines = [f"  {name + ':':<{width}} {value}".replace("\n", indent) for name, value in rows.items()]
    text = Description("\n".join([what, *lines]))
    text.code = code
    return text
