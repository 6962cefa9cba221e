"""What an op is given besides arrays: parameters and indices, constants of the graph that nobody can write to later.

Knows handles only as something that holds an array; must not know how ops are applied.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import DtypeError, IndexingError, describe
from tinygrad_edu.handle import FOREIGN, Handle
from tinygrad_edu.node import here
from tinygrad_edu.op import Op


def plain(op: Op, name: str, value: Any) -> Any:
    """A parameter without Tensors in it: parameters are constants of the graph."""
    if name == "index":
        return plain_index(value)
    if isinstance(value, Handle) and value.__class__ not in FOREIGN:
        if value.requires_grad:
            raise DtypeError(
                describe(
                    f"{op.name}: no gradient flows through `{name}`",
                    where=here(),
                    fix=f"{name}=t.detach()",
                    code="no-gradient-through-parameter",
                )
            )
        return value._data.copy() if value.ndim else value.item()
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, np.generic):
        return value.item()  # numbers are weak
    if isinstance(value, list):
        return [plain(op, name, part) for part in value]  # the caller may write to his list
    return value


def plain_index(key: Any) -> Any:
    """An index without Tensors or arrays that somebody else may write to."""
    return tuple(map(plain_part, key)) if isinstance(key, tuple) else plain_part(key)


def plain_part(key: Any) -> Any:
    """One part of an index, of one axis."""
    if isinstance(key, slice):
        return slice(*(_plain_bound(bound) for bound in (key.start, key.stop, key.step)))
    if isinstance(key, Handle) and key.__class__ not in FOREIGN:
        if key.dtype.kind not in "iub":
            raise IndexingError(
                describe(
                    f"an index must be integers or booleans, not {key.dtype}",
                    where=here(),
                    code="index-not-whole-numbers",
                )
            )
        return key._data.copy()
    if isinstance(key, list | tuple):  # NumPy takes a tuple within a tuple for an array
        return np.asarray([plain_part(part) for part in key]) if key else np.zeros(0, dtype=np.intp)
    if isinstance(key, np.ndarray):
        return key.copy()
    if isinstance(key, Sequence) and not isinstance(key, str):  # a range, a deque, an array.array, ...
        return np.array(key)
    return key


def _plain_bound(bound: Any) -> Any:
    """The end of a slice as a Python int: an array or Tensor may be written to afterwards."""
    return operator.index(bound) if isinstance(bound, np.ndarray | Handle) else bound
