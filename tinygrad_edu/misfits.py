"""What did not fit in an op that NumPy refused: the common mistakes, their facts laid out for a learner.

Each diagnosis gives what happened and rows of facts (shapes aligned, the offending axis marked, the remedy in code), or
None where NumPy's own words must do. Knows ops and arrays; `refusal.py` chooses the diagnosis and makes the error.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.memory import NUMBERS
from tinygrad_edu.op import Op

Shape = tuple[int, ...]
Facts = dict[str, Any]
Found = tuple[str, Facts] | None

# --- layouts -------------------------------------------------------------------------------------------------


def aligned(shapes: Sequence[Shape], names: Sequence[str], bad: Sequence[int], left: bool = False) -> str:
    """The shapes below each other, sides aligned from the right (or the left), the axes in `bad` marked.

    >>> print(aligned([(2, 3), (4,)], ["x", "y"], [-1]))
    2  3   x
       4   y
       ^
    """
    count = max(map(len, shapes))
    table = [["", *map(str, s)] if left else [""] * (count - len(s)) + [*map(str, s)] for s in shapes]
    if left:
        table = [cells[1:] + [""] * (count - len(cells) + 1) for cells in table]
    widths = [max(len(row[i]) for row in table) for i in range(count)]
    marks = ["^" * widths[i] if i in bad or i - count in bad else "" for i in range(count)]
    rows = zip([*table, marks] if any(marks) else table, [*names, ""])
    lines = ["  ".join(f"{cell:>{w}}" for cell, w in zip(row, widths)) + f"   {name}" for row, name in rows]
    return "\n".join(line.rstrip() for line in lines)


def called(x: Any, place: int) -> str:
    """What a remedy calls an operand: its name if it has one, else `input 1`."""
    name = getattr(x, "name", None)
    return name if isinstance(name, str) and name.isidentifier() else f"input {place}"


def places(count: int) -> str:
    """`0 … 2, or -3 … -1 from the end`: what an index or an axis may be, where there are so many."""
    if count < 3:
        return ("none", "0 or -1", "0, 1 or, from the end, -2, -1")[count]
    return f"0 … {count - 1} or, from the end, -{count} … -1"


def _shape(x: Any) -> Shape:
    return () if x.__class__ in NUMBERS else tuple(x.shape)


# --- the common mistakes: each gives what happened and facts, or None where NumPy's words must do -------------------


def _axis(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    axis, ndim = getattr(error, "axis", None), getattr(error, "ndim", None)
    if axis is None or ndim is None:
        return None
    return f"axis {axis} is out of bounds for an array of {ndim} axes", {
        "axes": places(ndim) if ndim else "a number has none"
    }


def _broadcast(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    if op.name == "setitem":
        return _written(operands, params)
    names = [called(x, place) for place, x in enumerate(operands, 1)]
    shapes = [_shape(x) for x in operands]
    if op.name == "matmul":
        shapes = [shape[:-2] for shape in shapes]
    elif op.name == "broadcast_to":
        shape = params["shape"]
        shapes.append(tuple(shape) if isinstance(shape, tuple | list) else (shape,))
        names.append("shape")
    for name, value in params.items():
        if isinstance(value, np.ndarray) and value.ndim:
            shapes.append(value.shape)
            names.append(name)
    if len(shapes) < 2:
        return None
    axis = first_clash(shapes, op.name == "broadcast_to")
    if axis is None:
        return None
    clashing = sorted({shape[axis] for shape in shapes if len(shape) >= -axis and shape[axis] != 1})
    facts: Facts = {"aligned": aligned(shapes, names, [axis])}
    if op.name == "broadcast_to":
        facts["why"] = "counted from the right, a side can be kept, or stretched from 1; axes can be added on the left"
        return "the shape can't be stretched to that", facts
    facts["why"] = f"counted from the right, axis {axis} has sides {' and '.join(map(str, clashing))}, none of them 1"
    facts["fix"] = broadcasting_remedy(shapes, names) if op.name != "matmul" else "batch axes must be equal, or 1"
    return "these shapes can't be broadcast together", facts


def first_clash(shapes: Sequence[Shape], to_the_last: bool = False) -> int | None:
    """The first axis from the right, -1, -2, …, at which the shapes don't go together."""
    for axis in range(-1, -max(map(len, shapes)) - 1, -1):
        found = {shape[axis] for shape in shapes if len(shape) >= -axis}
        if to_the_last:
            target = shapes[-1]
            if len(target) < -axis or (found - {1}) - {target[axis]}:
                return axis
        elif len(found - {1}) > 1:
            return axis
    return None


def broadcasting_remedy(shapes: Sequence[Shape], names: Sequence[str]) -> str:
    """The new axis or the transposition that would let two shapes go together, if one does."""
    general = "reshape one of them: from the right, sides must be equal, or 1"
    if len(shapes) != 2:
        return general
    for k, other in ((1, 0), (0, 1)):
        shape, partner, name = shapes[k], shapes[other], names[k]
        name = name if name.isidentifier() else "xy"[k]
        for place in range(len(shape), -1, -1):
            new = (*shape[:place], 1, *shape[place:])
            if len(new) <= len(partner) and first_clash([new, partner]) is None:
                index = [":"] * place + ["None"] + [":"] * (len(shape) - place)
                return f"{name}[{', '.join(index)}] has shape {new}, which fits"
        if len(shape) == 2 and first_clash([shape[::-1], partner]) is None:
            return f"{name}.T has shape {shape[::-1]}, which fits, if that is meant"
    return general


def _written(operands: tuple[Any, ...], params: Facts) -> Found:
    """x[index] = value, where the value has another shape than the part of x."""
    x, value = operands
    part = np.broadcast_to(np.zeros(()), _shape(x))[params["index"]].shape
    axis = first_clash([_shape(value), part], to_the_last=True)
    facts = {
        "aligned": aligned([part, _shape(value)], ["x[index]", "value"], [] if axis is None else [axis]),
        "fix": "a value of that shape, or of one that broadcasts to it",
    }
    return f"a value of shape {_shape(value)} doesn't fit a part of shape {part}", facts


def _inner(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    """Products of matrices and vectors whose inner sides differ."""
    if len(operands) != 2:
        return None
    x, y = map(_shape, operands)
    if op.name == "solve":
        facts = {"why": f"{x[-1]} unknowns, and {y[-1 if len(y) == 1 else -2]} numbers on the right"}
        return "as many rows on the right as in the matrix are needed", facts
    if op.name in ("tensordot", "vecdot") or not x or not y:
        return _summed(x, y, params.get("axes", -1 if op.name == "vecdot" else 2))
    left, right = len(x) - 1, max(len(y) - 2, 0)
    names = [called(operand, place) for place, operand in enumerate(operands, 1)]
    names = [name if name.isidentifier() else letter for name, letter in zip(names, "xy", strict=True)]
    facts = {
        "shapes": _marked(x, y, left, right),
        "why": f"each row on the left has {x[left]} numbers, each column on the right {y[right]}; "
        "they are multiplied in pairs",
        "fix": "(…, n, k) @ (…, k, m) gives (…, n, m)",
    }
    if len(y) == 2 and y[1] == x[left]:
        facts["fix"] = f"{names[0]} @ {names[1]}.T, if the rows on the right are meant"
    elif len(x) == 2 and x[0] == y[right]:
        facts["fix"] = f"{names[0]}.T @ {names[1]}, if the columns on the left are meant"
    return "the inner sides differ", facts


def _marked(x: Shape, y: Shape, left: int, right: int) -> str:
    """`(2, 3) @ (2, 3)` with marks below the two sides that clash."""
    first, marks = "(", " "
    for sign, shape, place in (("", x, left), (" @ (", y, right)):
        first, marks = first + sign, marks + " " * len(sign)
        for i, side in enumerate(shape):
            part = f"{side}" + (", " if i + 1 < len(shape) else "," if len(shape) == 1 else "")
            first += part
            marks += ("^" * len(str(side)) if i == place else "").ljust(len(part))
        first, marks = first + ")", marks + " "
    return f"{first}\n{marks.rstrip()}"


def _summed(x: Shape, y: Shape, axes: Any) -> Found:
    """Products summed over given axes: those of the left must be as long as those of the right."""
    if isinstance(axes, int | np.integer):
        count = int(axes)
        left, right = (list(range(-count, 0)), list(range(count))) if count >= 0 else ([axes], [axes])
    else:
        left, right = ([*part] if np.ndim(part) else [int(part)] for part in axes)
    if len(left) != len(right):
        return "as many axes on the left as on the right are needed", {"why": f"{len(left)} and {len(right)} are given"}
    try:
        pairs = [(i, j, x[i], y[j]) for i, j in zip(left, right, strict=True)]
    except IndexError:
        return None
    clash = next((pair for pair in pairs if pair[2] != pair[3]), None)
    if clash is None:
        return None
    i, j, first, second = clash
    facts = {"why": f"axis {i} of {x} has {first} elements, axis {j} of {y} has {second}; they are multiplied in pairs"}
    return "the axes that are summed over have different lengths", facts


def _reshape(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    shape = params.get("shape")
    if shape is None or "unknown" in str(error):
        return None
    wanted = [int(side) for side in (shape if isinstance(shape, tuple | list) else (shape,))]
    size, known = math.prod(_shape(operands[0])), math.prod(side for side in wanted if side >= 0)
    if -1 in wanted:
        why = f"cannot reshape {size} elements into parts of {known}"
    else:
        sides = f"{' · '.join(map(str, wanted))} = {known}" if len(wanted) > 1 else known
        why = f"cannot reshape {size} elements into {sides}"
    return "the elements don't fit the shape", {"why": why, "fix": "-1 stands for one side that follows from the rest"}


def _join(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    shapes = [_shape(x) for x in operands]
    names = [called(x, place) for place, x in enumerate(operands, 1)]
    if op.name == "stack":
        bad = [i for i in range(max(map(len, shapes))) if len({s[i : i + 1] for s in shapes}) > 1]
        facts = {"aligned": aligned(shapes, names, bad, left=True), "fix": "tg.concatenate(…) joins along an axis"}
        return "only arrays of the same shape can be stacked", facts
    axis = params.get("axis", 0)
    if len({len(shape) for shape in shapes}) > 1:
        facts = {"aligned": aligned(shapes, names, [], left=True), "fix": "x[None] adds an axis in front"}
        return "only arrays with the same number of axes can be joined", facts
    along = axis % len(shapes[0])
    bad = [i for i in range(len(shapes[0])) if i != along and len({shape[i] for shape in shapes}) > 1]
    facts = {
        "aligned": aligned(shapes, names, bad, left=True),
        "why": f"joined along axis {along}, the others must be equal",
    }
    if len(bad) == 1 and len({shape[along] for shape in shapes}) == 1:
        facts["fix"] = f"axis={bad[0]}, if they are to be joined along that"
    return "these shapes don't join", facts


def _squeeze(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    shape, axis = _shape(operands[0]), params.get("axis")
    axes = axis if isinstance(axis, tuple) else (axis,)
    long = next((i for i in axes if isinstance(i, int) and shape[i] != 1), None)
    if long is None:
        return None
    facts = {"why": f"axis {long} has {shape[long]} elements; only axes with one can go", "fix": f"x.mean(axis={long})"}
    return "this axis can't be squeezed out", facts


def _index(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    why, shape = str(error), _shape(operands[0])
    if "out of bounds for axis" in why:
        words = why.split()
        place, axis = words[1], int(words[words.index("axis") + 1])
        return f"index {place} is out of bounds for axis {axis}", {"elements": places(shape[axis])}
    if "too many indices" in why:
        return "more indices than axes", {"why": f"shape {shape} has {len(shape)} axes; each takes one index"}
    if "boolean index did not match" in why:
        axis, side, other = (int(word.strip(";")) for word in why.split() if word.strip(";").isdigit())
        facts = {
            "why": f"axis {axis} has {side} elements, the mask {other}",
            "fix": "x[x > 0]: a mask of x's own shape",
        }
        return "the mask has another shape", facts
    if "tuple index" in why:
        return "there are fewer axes than that", {}
    return None


def _not_whole(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    if not isinstance(error, IndexError):
        return None
    facts = {"why": "an index is a whole number, a slice, a mask, None, ... or an array of whole numbers or booleans"}
    return "this is no index", facts | {"fix": "x[i.astype(int)], if the numbers are whole"}


def _axes(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    if op.name != "matmul":
        return None
    facts = {"why": "a number is no matrix: the product of matrices sums over an axis, and it has none", "fix": "x * y"}
    return "a number can't be a factor", facts


def _dtype(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    dtypes = [x.__class__.__name__ if x.__class__ in NUMBERS else str(x.dtype) for x in operands]
    why = str(error)
    if "ufunc" in why and f"'{getattr(op.forward, '__name__', '')}'" not in why:
        return None  # an op in whose middle something else failed
    if "boolean" in why:
        fix = "~x" if op.name == "negative" else "x ^ y" if op.name == "subtract" else "x.astype(int)"
        return "not of booleans", {"why": "what that would mean is not agreed on", "fix": fix}
    takes = {types[: op.arity].replace("?", "b") for types in getattr(op.forward, "types", ())}
    if takes and not any(set(types) & set("fdgFDG") for types in takes):
        fix = "x.astype(int), if they are whole numbers; masks are made by x > 0"
        return f"takes whole numbers or booleans, not {' and '.join(dtypes)}", {"fix": fix}
    return f"can't take {' and '.join(dtypes)}", {}


def _empty(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    if op.kind.value != "reduction" and not op.name.startswith("arg"):
        return None
    facts = {
        "why": f"zero-size array: there are no elements along the axis, and {op.name} has no identity",
        "fix": "check x.size first",
    }
    return f"the {op.name} of nothing is not defined", facts


def _matrix(op: Op, operands: tuple[Any, ...], params: Facts, error: Exception) -> Found:
    why = str(error)
    if "Singular" in why:
        facts = {
            "why": "Singular matrix: its rows depend on each other, so there is no inverse",
            "fix": "tg.linalg.pinv(a) or lstsq(a, b); or add a little to the diagonal: a + 1e-6 * tg.eye(n)",
        }
        return "the matrix is singular", facts
    if "positive definite" in why:
        facts = {"why": "some xᵀ a x is not above 0", "fix": "a @ a.T + 1e-6 * tg.eye(n) is positive definite"}
        return "the matrix is not positive definite", facts
    shape = _shape(operands[0])
    if len(shape) < 2:
        return f"a matrix is needed, not shape {shape}", {"fix": "x[:, None] is a column, x[None, :] a row"}
    return f"a square matrix is needed, not {shape[-2]} × {shape[-1]}", {}


DIAGNOSES: dict[str, Callable[[Op, tuple[Any, ...], Facts, Exception], Found]] = {
    "no-such-axis": _axis,
    "shapes-do-not-broadcast": _broadcast,
    "inner-sides-differ": _inner,
    "elements-do-not-fit": _reshape,
    "shapes-do-not-join": _join,
    "size-not-one": _squeeze,
    "index-does-not-fit": _index,
    "index-not-whole-numbers": _not_whole,
    "wrong-number-of-axes": _axes,
    "dtype-not-supported": _dtype,
    "empty-input": _empty,
    "singular-matrix": _matrix,
    "not-positive-definite": _matrix,
    "not-a-matrix": _matrix,
}
