"""What a failing op tells its user: NumPy's short reason, with everything around it that a learner needs.

Knows ops and nodes; must not know tensors, which come as operands to be described.
"""

from __future__ import annotations

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
from tinygrad_edu.node import here, state
from tinygrad_edu.op import ELEMENTWISE, Op

_KINDS: tuple[tuple[type[Exception], type[TinygradError]], ...] = (
    (np.linalg.LinAlgError, MatrixError),
    (np.exceptions.AxisError, AxisError),
    (IndexError, IndexingError),
    (ValueError, ShapeError),
    (TypeError, DtypeError),
)

# Code of the mistake by what NumPy says; the first phrase found decides. NumPy has no codes of its own.
_PHRASES = (
    ("no derivative", "no-derivative-there"),
    ("could not be broadcast", "shapes-do-not-broadcast"),
    ("cannot be broadcast", "shapes-do-not-broadcast"),
    ("broadcastable", "shapes-do-not-broadcast"),
    ("could not broadcast", "shapes-do-not-broadcast"),
    ("matmul", "matmul-shapes"),
    ("not aligned", "matmul-shapes"),
    ("shape-mismatch for sum", "matmul-shapes"),
    ("core dimension", "matmul-shapes"),
    ("Singular matrix", "singular-matrix"),
    ("positive definite", "not-positive-definite"),
    ("square", "not-a-matrix"),
    ("must be at least two-dimensional", "not-a-matrix"),
    ("repeated axis", "axis-named-twice"),
    ("duplicate value in", "axis-named-twice"),
    ("axes don't match", "axes-do-not-pair"),
    ("unexpected keyword", "wrong-arguments"),
    ("missing", "wrong-arguments"),
    ("not supported for the input types", "dtype-not-supported"),
    ("did not contain a loop", "dtype-not-supported"),
    ("zero-size array", "empty-input"),
    ("of an empty sequence", "empty-input"),
    ("cannot reshape", "elements-do-not-fit"),
    ("size not equal to one", "elements-do-not-fit"),
    ("for the concatenation axis", "shapes-do-not-join"),
    ("same number of dimensions", "shapes-do-not-join"),
    ("must have the same shape", "shapes-do-not-join"),
)
_BY_KIND = {
    MatrixError: "no-derivative-there",
    AxisError: "no-such-axis",
    IndexingError: "index-does-not-fit",
    ShapeError: "refused-by-numpy",
    DtypeError: "refused-by-numpy",
}


def explained(error: Exception, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> Exception:
    """The error to raise where `op` failed: op, line, module, operands with shapes, reason and remedy."""
    kind = next((ours for theirs, ours in _KINDS if isinstance(error, theirs)), None)
    if kind is None or isinstance(error, TinygradError):
        return error
    scope = state().scope
    rows = {"where": here() + (f" in {scope.path}" if scope is not None and scope.path else "")}
    for place, x in enumerate(operands, 1):
        rows[f"input {place}" if len(operands) > 1 else "input"] = label(x)
    rows |= {name: repr(value) for name, value in params.items()}
    rows["why"] = str(error).strip()
    if op.kind is ELEMENTWISE and kind is ShapeError and "broadcast" in str(error):
        rows["fix"] = "shapes are compared from the right; sides must be equal or 1 (reshape, or x[:, None])"
    elif op.name == "matmul" and kind is ShapeError:
        rows["fix"] = "(…, n, k) @ (…, k, m): the last side of the left must equal the last but one of the right"
    return kind(describe(f"{op.name}: these inputs don't fit", **rows, code=_code(kind, str(error))))


def _code(kind: type[TinygradError], why: str) -> str:
    if kind in (AxisError, IndexingError):
        return _BY_KIND[kind]
    return next((code for phrase, code in _PHRASES if phrase in why), _BY_KIND[kind])
