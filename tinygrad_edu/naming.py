"""What to call the nodes of a graph: the user's names, the paths of parameters in their modules, t1, t2, …

Reads nodes, tensors and scopes; must not know cards or drawings.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.errors import DtypeError, describe
from tinygrad_edu.node import Constant, Node, Scope, here
from tinygrad_edu.tensor import Tensor


def one_line(text: Any) -> str:
    """`text` on one line of characters that can be printed; what can't be becomes �.

    >>> one_line("two\\nlines")
    'two lines'
    """
    return " ".join(
        "".join(c if c.isprintable() or c.isspace() else "\N{REPLACEMENT CHARACTER}" for c in str(text)).split()
    )


def parameter_paths(scopes: Iterable[Scope]) -> dict[Node, str]:
    """`layer1.weight` for each parameter of the outermost modules among `scopes`, by its node."""
    paths: dict[Node, str] = {}
    seen: dict[int, Scope] = {}
    for scope in scopes:
        outermost = next((s for s in scope.chain() if s.kind == "module"), None)
        if outermost is None or id(outermost.module) in seen or not lists_parameters(outermost):
            continue
        seen[id(outermost.module)] = outermost
        for path, tensor in outermost.module.named_parameters():
            if tensor._node is not None:
                paths.setdefault(tensor._node, f"{outermost.name}.{path}" if outermost.name else path)
    return paths


def lists_parameters(scope: Scope) -> bool:
    """Whether the scope's module can say which parameters it has."""
    return hasattr(scope.module, "named_parameters")


def known_names(
    order: Sequence[Node],
    given: Mapping[Any, Any] | None,
    paths: Mapping[Node, str],
    program: Mapping[Any, Any] | None = None,
) -> list[str]:
    """What each node of `order` is called: by `given`, by its path in its module, by itself, by a variable; else ""."""
    by_user = _given_names(given, order) if given is not None else {}
    own = {
        node: one_line(paths.get(node) or getattr(node, "name", None) or "") for node in order if node not in by_user
    }
    unnamed = [node for node in order if not by_user.get(node) and not own[node]]
    by_program = _given_names(program, unnamed) if program and unnamed else {}
    return [by_user.get(node) or own[node] or by_program.get(node, "") for node in order]


def complete_names(known: Sequence[str]) -> list[str]:
    """The same names with t1, t2, … where there is none, and with numbers where two are equal.

    >>> complete_names(["x", "", "t1", "x", ""])
    ['x', 't2', 't1', 'x_2', 't3']
    """
    taken = set(known)
    fresh = (name for name in _numbered("t", 1) if name not in taken)
    names: dict[str, None] = {}
    for wish in known:
        name = wish or next(fresh)
        if name in names:
            name = next(other for other in _numbered(f"{name}_", 2) if other not in names and other not in taken)
        names[name] = None
    return list(names)


def _numbered(stem: str, number: int) -> Iterator[str]:
    while True:
        yield f"{stem}{number}"
        number += 1


def _given_names(given: Mapping[Any, Any], order: Sequence[Node]) -> dict[Node, str]:
    """The user's names of the nodes in `order`; whatever else is in `given` (such as all of `locals()`) is ignored."""
    if not isinstance(given, Mapping):
        raise DtypeError(
            describe(
                f"names must be a dict, not {type(given).__name__}",
                where=here(),
                fix='names={"x": x, "y": y}, or names=locals()',
                code="not-a-dictionary",
            )
        )
    known = dict.fromkeys(order)
    names: dict[Node, str] = {}
    copied: list[tuple[str, np.ndarray]] = []
    for key, value in given.items():
        named = _named(key, value)
        if named is None:
            continue
        name, tensor = named
        node = tensor._node if isinstance(tensor, Tensor) else None
        if node is not None and node in known:
            names.setdefault(node, name)
        elif node is None or isinstance(node, Constant):
            copied.append((name, tensor._data if isinstance(tensor, Tensor) else tensor))
    for name, array in copied:
        _name_copy(name, array, order, names)
    return names


def _named(key: Any, value: Any) -> tuple[str, Any] | None:
    """The name and the value of one entry, whichever way round; None for what isn't a name of a tensor."""
    if isinstance(key, Tensor):
        return (one_line(value), key) if isinstance(value, str) else None
    if isinstance(key, str) and not key.startswith("_") and isinstance(value, (Tensor, np.ndarray)):
        return one_line(key), value
    return None


def _name_copy(name: str, array: np.ndarray, order: Sequence[Node], names: dict[Node, str]) -> None:
    """Name the constant that is a copy of `array`: graphs copy memory that others may write to."""
    for node in order:
        if isinstance(node, Constant) and node.name is None and node not in names:
            out = node.out
            if (
                out.shape == array.shape
                and out.dtype == array.dtype
                and np.array_equal(out, array, equal_nan=out.dtype.kind in "fc")
            ):
                names[node] = name
                return
