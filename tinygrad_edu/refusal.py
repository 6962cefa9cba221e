"""What a failing op tells its user: NumPy's short reason, with everything around it that a learner needs.

NumPy's errors become the project's, with a code for the kind of mistake, the user's line, the operands, and for the
common mistakes a diagnosis; what is not recognised keeps NumPy's own words. Knows ops, arrays and nodes; must not know
tensors, which come as operands to be described.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np

from tinygrad_edu.errors import (
    AxisError,
    DtypeError,
    IndexingError,
    MatrixError,
    ShapeError,
    TinygradError,
    describe,
)
from tinygrad_edu.memory import label
from tinygrad_edu.misfits import DIAGNOSES, Facts, Shape, aligned, broadcasting_remedy, first_clash, places
from tinygrad_edu.node import here, state
from tinygrad_edu.op import Op

_KINDS: tuple[tuple[type[Exception], type[TinygradError]], ...] = (
    (np.linalg.LinAlgError, MatrixError),
    (np.exceptions.AxisError, AxisError),
    (IndexError, IndexingError),
    (ValueError, ShapeError),
    (TypeError, DtypeError),
    (ZeroDivisionError, ShapeError),
)

# Code of the mistake by what NumPy says, the first phrase found decides: NumPy has no codes of its own.
_PHRASES = (
    ("negative dimensions", "number-out-of-range"),
    ("can't be negative", "number-out-of-range"),
    ("cannot contain negative", "number-out-of-range"),
    ("must be non-negative", "number-out-of-range"),
    ("division by zero", "number-out-of-range"),
    ("Number of samples", "number-out-of-range"),
    ("no negative elements", "number-out-of-range"),
    ("cannot be larger than", "number-out-of-range"),
    (") out of bounds (", "number-out-of-range"),
    ("step cannot be zero", "number-out-of-range"),
    ("shape mismatch: objects cannot be broadcast", "shapes-do-not-broadcast"),
    ("could not be broadcast", "shapes-do-not-broadcast"),
    ("could not broadcast", "shapes-do-not-broadcast"),
    ("more dimensions than allowed by the axis remapping", "shapes-do-not-broadcast"),
    ("not aligned", "inner-sides-differ"),
    ("shape-mismatch for sum", "inner-sides-differ"),
    ("core dimension", "inner-sides-differ"),
    ("not have enough dimensions", "wrong-number-of-axes"),
    ("too deep for desired array", "wrong-number-of-axes"),
    ("at least two dimensions", "wrong-number-of-axes"),
    ("must be 1 dimensional", "wrong-number-of-axes"),
    ("needs a matrix and a vector", "wrong-number-of-axes"),
    ("needs a vector and a matrix", "wrong-number-of-axes"),
    ("Singular matrix", "singular-matrix"),
    ("positive definite", "not-positive-definite"),
    ("must be square", "not-a-matrix"),
    ("must be at least two-dimensional", "not-a-matrix"),
    ("repeated axis", "axis-named-twice"),
    ("duplicate value in", "axis-named-twice"),
    ("cannot be the same", "axis-named-twice"),
    ("axes don't match", "axes-do-not-pair"),
    ("unexpected keyword", "wrong-arguments"),
    ("missing", "wrong-arguments"),
    ("not supported", "dtype-not-supported"),
    ("did not contain a loop", "dtype-not-supported"),
    ("must be whole numbers", "not-a-whole-number"),
    ("interpreted as an integer", "not-a-whole-number"),
    ("slice indices must be integers", "not-a-whole-number"),
    ("Cannot cast array data", "cast-not-allowed"),
    ("zero-size array", "empty-input"),
    ("of an empty sequence", "empty-input"),
    ("need sequence of keys", "empty-input"),
    ("cannot be empty", "empty-input"),
    ("cannot reshape", "elements-do-not-fit"),
    ("one unknown dimension", "elements-do-not-fit"),
    ("for the concatenation axis", "shapes-do-not-join"),
    ("same number of dimensions", "shapes-do-not-join"),
    ("must have the same shape", "shapes-do-not-join"),
    ("invalid entry in", "index-does-not-fit"),
    ("must be one of", "unknown-choice"),
    ("must be 'C' or 'F'", "unknown-choice"),
    ("mode must be", "unknown-choice"),
    ("is not a valid estimator", "unknown-choice"),
)
_BY_KIND = {
    MatrixError: "singular-matrix",
    AxisError: "no-such-axis",
    IndexingError: "index-does-not-fit",
    ShapeError: "refused-by-numpy",
    DtypeError: "refused-by-numpy",
}
_ROWS = ("where", "why", "fix", "code")  # parameters must not take their places
CODES = {code for _, code in _PHRASES} | set(_BY_KIND.values()) | {"size-not-one", "index-not-whole-numbers"}


def explained(error: Exception, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> Exception:
    """The error to raise where `op` failed: op, line, module, operands with shapes, reason and remedy."""
    kind = type(error) if isinstance(error, TinygradError) else kind_of(error)
    if kind is None or "where: " in str(error):
        return error
    scope = state().scope
    rows: Facts = {"where": here() + (f" in {scope.path}" if scope is not None and scope.path else "")}
    for place, x in enumerate(operands, 1):
        rows[f"input {place}" if len(operands) > 1 else "input"] = label(x)
    rows |= {f"{name}=" if name in _ROWS else name: repr(value) for name, value in params.items()}
    if isinstance(error, TinygradError):  # the short reason of a row
        return kind(describe(str(error).splitlines()[0], **rows, code=error.code))
    code = code_of(error)
    what, facts = "these inputs don't fit", {"why": str(error).strip()}
    with suppress(Exception):  # an explanation that fails must not hide what it was to explain
        what, facts = DIAGNOSES[code](op, operands, params, error) or (what, facts)
    return _like(error, kind(describe(f"{op.name}: {what}", **rows | facts, code=code)))


def _like(theirs: Exception, ours: TinygradError) -> TinygradError:
    """Our error with the facts of NumPy's that programs read."""
    if isinstance(ours, AxisError) and isinstance(theirs, np.exceptions.AxisError):
        ours.axis, ours.ndim = theirs.axis, theirs.ndim
    return ours


def kind_of(error: Exception) -> type[TinygradError] | None:
    """Our class for what NumPy raised; None for what is no refusal."""
    return next((ours for theirs, ours in _KINDS if isinstance(error, theirs)), None)


def code_of(error: Exception) -> str:
    """The code of the mistake of which NumPy speaks."""
    why, kind = str(error), kind_of(error) or ShapeError
    if kind is AxisError:
        return "no-such-axis"
    if kind is IndexingError:
        return "index-not-whole-numbers" if "only integers" in why or "of integer" in why else "index-does-not-fit"
    if "to squeeze out" in why:
        return "size-not-one"
    return next((code for phrase, code in _PHRASES if phrase in why), _BY_KIND[kind])


def asked(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What NumPy's function gives on plain arrays, its refusals as errors of the project."""
    return asked_as(function.__name__, function, *args, **kwargs)


def asked_as(name: str, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
    """The same, where the user knows the function by another name."""
    try:
        return function(*args, **kwargs)
    except TinygradError:
        raise
    except (IndexError, TypeError, ValueError, ZeroDivisionError) as error:
        kind = kind_of(error) or ShapeError
        raise _like(error, kind(describe(f"{name}: {error}", where=here(), code=code_of(error)))) from None


def no_such_axis(axis: Any, ndim: int, name: str = "axis") -> AxisError:
    """The error for an axis that is not there."""
    return AxisError(
        describe(
            f"{name} {axis} is out of bounds for an array of {ndim} axes",
            where=here(),
            axes=places(ndim) if ndim else "a number has none",
            code="no-such-axis",
        ),
        axis,
        ndim,
    )


def no_common_shape(what: str, shapes: Sequence[Shape], names: Sequence[str], code: str) -> ShapeError:
    """The error for shapes that don't broadcast against each other, the axis marked where they clash."""
    axis = first_clash(shapes)
    layout = aligned(shapes, names, [] if axis is None else [axis])
    fix = broadcasting_remedy(shapes, names)
    return ShapeError(describe(what, where=here(), aligned=layout, fix=fix, code=code))
