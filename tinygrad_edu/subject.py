"""What pictures and explanations are asked of: a Tensor, or a function with its arguments, called here.

A function's arguments are copied and tracked, and its variables give names. Must not know how anything is shown.
"""

from __future__ import annotations

import difflib
import inspect
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import CodeType, FrameType
from typing import Any

import numpy as np

from tinygrad_edu.errors import DtypeError, GradientError, describe
from tinygrad_edu.graph import Graph, graph_and_nodes
from tinygrad_edu.memory import label
from tinygrad_edu.node import here, user_frame
from tinygrad_edu.tensor import Tensor
from tinygrad_edu.transforms import leaves_of, map_tree

Variables = dict[Any, Any]  # {name: value}, and {tensor: name} for the arguments: a parameter's name may be given anew


def subject_of(output: Any, args: Sequence[Any] = ()) -> tuple[Tensor, Variables]:
    """The Tensor to look at, and the variables of the program that may give names to what it was computed from.

    output   a Tensor, or a function that gives one
    args     what to call the function with, as `called` does

    >>> subject_of(lambda a, b: a * b, (2.0, 3.0))[0]
    Tensor(6., requires_grad=True)
    """
    if callable(output) and not isinstance(output, Tensor):
        return called(output, args)
    if args:
        raise DtypeError(
            describe(
                f"{len(args)} more arguments were given with {type(output).__name__}, which can't be called",
                where=here(),
                fix="the Tensor alone, or a function and its arguments: tg.draw(f, 2.0, 3.0)",
                code="not-a-function",
            )
        )
    return output, _readable(user_frame().f_locals)


def graph_of(
    output: Any,
    args: Sequence[Any] = (),
    names: Mapping[Any, Any] | None = None,
    grads: bool = True,
    focus: Tensor | str | None = None,
) -> tuple[Graph, str]:
    """The graph of a Tensor or of a function's result, and the id of the card of `focus`, empty without one."""
    tensor, variables = subject_of(output, args)
    graph, nodes = graph_and_nodes(tensor, names, grads, variables)
    if focus is None:
        return graph, ""
    if isinstance(focus, Tensor):
        place = next((place for place, node in enumerate(nodes) if node is focus._node), None)
    else:
        place = next((place for place, card in enumerate(graph.cards) if card.name == focus), None)
    if place is None:
        raise GradientError(_not_in_graph(focus, graph))
    return graph, graph.cards[place].id


def _readable(variables: Mapping[str, Any]) -> Variables:
    """The variables that somebody named: not those that a debugger or a test runner adds."""
    return {name: value for name, value in variables.items() if name.isidentifier()}


def _not_in_graph(focus: Tensor | str, graph: Graph) -> str:
    names = [card.name for card in graph.cards]
    close = difflib.get_close_matches(focus, names, 1) if isinstance(focus, str) else []
    some = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
    return describe(
        f"focus: {focus!r} is not in this graph" if isinstance(focus, str) else f"focus: {label(focus)} isn't in it",
        where=here(),
        names=some,
        fix=f'focus="{close[0] if close else names[0]}", or a Tensor that the output was computed from',
        code="not-in-graph",
    )


# --- calling a function --------------------------------------------------------------------------------------


def called(function: Callable[..., Any], args: Sequence[Any]) -> tuple[Tensor, Variables]:
    """What `function` gives for tracked copies of `args`, and its variables: its parameters and its other locals.

    Tensors, arrays and numbers with a fractional part in their dtype are tracked, in lists, tuples and dicts too;
    whole numbers only where there is nothing else to track, for they often are axes or counts.
    Raises DtypeError where the result is not a Tensor.
    """
    values = leaves_of(list(args))
    whole_too = not any(_is_fractional(value) for value in values)
    copies = map_tree(lambda value: _tracked(value, whole_too), list(args))
    with _variables_of(function) as variables:
        result = function(*copies)
    if not isinstance(result, Tensor):
        name = getattr(function, "__name__", type(function).__name__)
        raise DtypeError(
            describe(
                f"{name} gave {type(result).__name__}, not one Tensor",
                where=here(),
                fix="return the loss alone; of several results, draw one: lambda x: f(x)[0]",
                code="no-tensor",
            )
        )
    name = getattr(function, "__name__", "")
    return result, {**variables, **_parameters(function, copies), **({result: name} if name.isidentifier() else {})}


def _is_fractional(value: Any) -> bool:
    kind = value.dtype.kind if isinstance(value, Tensor | np.ndarray | np.generic) else ""
    return kind in "fc" if kind else isinstance(value, float | complex)


def _tracked(value: Any, whole_too: bool) -> Any:
    if _is_fractional(value):
        data = value.detach()._data if isinstance(value, Tensor) else value
        return Tensor(data, requires_grad=True, name=value.name if isinstance(value, Tensor) else None)
    if whole_too and isinstance(value, int) and not isinstance(value, bool):
        return Tensor(value, requires_grad=True)
    return value


def _parameters(function: Callable[..., Any], args: Sequence[Any]) -> Variables:
    """The arguments by the names of the function's parameters; those of `*values` as values1, values2, …"""
    try:
        bound = inspect.signature(_code_owner(function)).bind(*args)
    except (TypeError, ValueError):
        return {}
    named: list[tuple[str, Any]] = []
    for name, value in bound.arguments.items():
        several = bound.signature.parameters[name].kind is inspect.Parameter.VAR_POSITIONAL
        named += [(f"{name}{i + 1}", part) for i, part in enumerate(value)] if several else [(name, value)]
    return {value: name for name, value in named if isinstance(value, Tensor)}


def _code_owner(function: Callable[..., Any]) -> Callable[..., Any]:
    """The Python function that runs: of a network its `forward`."""
    owner: Callable[..., Any] = getattr(function, "forward", function)
    return owner


@contextmanager
def _variables_of(function: Callable[..., Any]) -> Iterator[Variables]:
    """Within, `function` leaves its variables in the dictionary when it returns: they name what it computed.

    Those of this package's own networks are nobody's names.
    """
    owner = inspect.unwrap(_code_owner(function))
    ours = getattr(owner, "__module__", None) or ""
    code: CodeType | None = None if ours.startswith("tinygrad_edu.") else getattr(owner, "__code__", None)
    variables: Variables = {}
    before = sys.getprofile()

    def watch(frame: FrameType, event: Any, result: Any) -> None:
        if event == "return" and frame.f_code is code:
            variables.clear()
            variables.update(_readable(frame.f_locals))
        if before is not None:
            before(frame, event, result)

    if code is not None:
        sys.setprofile(watch)
    try:
        yield variables
    finally:
        if code is not None:
            sys.setprofile(before)
