"""The parameters of an op call as a learner would write them: `axis=0`, `(4, 9)`, `1:, None`.

Knows ops and plain values; must not know nodes or drawings.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_edu.op import Op, signature
from tinygrad_edu.snapshot import MOST_ENTRIES


@dataclass(frozen=True)
class Argument:
    """A parameter of a call: its name, its value as text, and whether the op has no default for it."""

    name: str
    text: str
    required: bool


def arguments_of(op: Op, params: Mapping[str, Any]) -> tuple[Argument, ...]:
    """The parameters of a call of `op`, without those that have their default."""
    known = signature(op).parameters
    arguments = []
    for name, value in params.items():
        default = known[name].default if name in known else inspect.Parameter.empty
        required = default is inspect.Parameter.empty
        if required or not _equal(value, default):
            text = _index_text(value) if name == "index" else value_text(value)
            arguments.append(Argument(name, text, required))
    return tuple(arguments)


def _equal(value: Any, default: Any) -> bool:
    if value is default:
        return True
    return type(value) is type(default) and not isinstance(value, np.ndarray) and bool(value == default)


def _index_text(index: Any) -> str:
    """What stands between the brackets of `x[index]`."""
    if isinstance(index, tuple) and index:
        return ", ".join(map(value_text, index))
    return value_text(index)


def value_text(value: Any) -> str:
    """`value` as code; large arrays and values without a text of their own by their type.

    >>> value_text((slice(1, None), np.array([0, 2])))
    '(1:, [0, 2])'
    """
    if isinstance(value, slice):
        parts = ["" if part is None else value_text(part) for part in (value.start, value.stop, value.step)]
        return ":".join(parts if parts[2] else parts[:2])
    if value is Ellipsis:
        return "..."
    if isinstance(value, np.dtype):
        return str(value.name)
    if isinstance(value, np.ndarray):
        return repr(value.tolist()) if value.size <= MOST_ENTRIES else f"array({', '.join(map(str, value.shape))})"
    if isinstance(value, np.generic):
        return repr(value.item())
    if isinstance(value, tuple):
        return f"({', '.join(map(value_text, value))}{',' if len(value) == 1 else ''})"
    if isinstance(value, list):
        return f"[{', '.join(map(value_text, value))}]"
    if isinstance(value, type):
        return value.__name__
    if isinstance(value, str | int | float | complex | None):
        return repr(value)
    return f"<{type(value).__name__}>"  # its repr might hold an address
