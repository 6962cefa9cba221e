"""Looking over the engine's shoulder: listeners, strict broadcasting, and the birthplace of NaN and Inf.

A watcher sees every op before and after it runs, and every rule on the way back. Watchers compute unwatched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import NonFiniteError, ShapeError, describe
from tinygrad_edu.handle import must_be_callable
from tinygrad_edu.memory import label
from tinygrad_edu.node import Node, here, node_site, state
from tinygrad_edu.op import ELEMENTWISE, Op
from tinygrad_edu.tensor import Tensor


class Watcher:
    """Base of all watchers: does nothing at each of the three places."""

    def before(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> None:
        """Called before an op computes."""

    def after(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any], result: Tensor, seconds: float) -> None:
        """Called with what the op gave."""

    def backward(self, node: Node, position: int, g: Any, cotangent: Any, seconds: float) -> None:
        """Called with what the rule of one input of `node` gave for the incoming `g`."""


@contextmanager
def watching(watcher: Watcher) -> Iterator[Any]:
    """Let `watcher` see everything that this thread computes inside the block."""
    now = state()
    before, now.watchers = now.watchers, (*now.watchers, watcher)
    try:
        yield watcher
    finally:
        now.watchers = before


# --- listening -----------------------------------------------------------------------------------------------


class Event(NamedTuple):
    """What a listener is told: `phase` is "forward" or "backward", `bytes` the size of what was computed."""

    phase: str
    op: Op
    seconds: float
    bytes: int
    shape: tuple[int, ...]
    site: str


class _Listener(Watcher):
    def __init__(self, callback: Callable[[Event], Any]) -> None:
        self.callback = callback

    def after(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any], result: Tensor, seconds: float) -> None:
        self.callback(Event("forward", op, seconds, result._data.nbytes, result.shape, here()))

    def backward(self, node: Node, position: int, g: Any, cotangent: Any, seconds: float) -> None:
        array = cotangent._data if isinstance(cotangent, Tensor) else np.asarray(cotangent)
        self.callback(Event("backward", node.op, seconds, array.nbytes, array.shape, node_site(node)))  # type: ignore[arg-type]


def listen(callback: Callable[[Event], Any]) -> Any:
    """Inside `with listen(callback):` each op and each rule that runs is told to `callback(event)`, with its time.

    >>> from tinygrad_edu import Tensor
    >>> seen = []
    >>> with listen(lambda event: seen.append((event.phase, event.op.name))):
    ...     y = Tensor(2.0, requires_grad=True) * 3
    ...     y.backward()
    >>> seen
    [('forward', 'multiply'), ('backward', 'multiply')]
    """
    must_be_callable(callback, "a listener is a function of an event", "tg.listen(print)")
    return watching(_Listener(callback))


# --- strict broadcasting -------------------------------------------------------------------------------------


class _Strict(Watcher):
    def before(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> None:
        if op.kind is not ELEMENTWISE or len(operands) < 2:
            return
        shapes = [x.shape for x in operands if isinstance(x, Tensor) and x.shape]
        try:
            full = np.broadcast_shapes(*shapes)
        except ValueError:
            return  # the op itself will say it better
        grown = [x for x in operands if isinstance(x, Tensor) and x.shape and x.shape != full]
        if len(grown) == len(shapes) > 1:
            raise ShapeError(
                describe(
                    f"{op.name} would stretch every operand: {' and '.join(map(str, shapes))} become {full}",
                    where=here(),
                    operands="\n".join(label(x) for x in grown),
                    why="(n, 1) against (n,) makes (n, n), which is rarely meant",
                    fix="reshape one of them, or leave strict_broadcasting()",
                    code="both-operands-stretch",
                )
            )


def strict_broadcasting() -> Any:
    """Inside the block, elementwise ops that would stretch *every* operand raise ShapeError.

    >>> from tinygrad_edu import ones
    >>> with strict_broadcasting():
    ...     ones((3, 1)) + ones(3)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tinygrad_edu.errors.ShapeError: add would stretch every operand: (3, 1) and (3,) become (3, 3)
    ...
    """
    return watching(_Strict())


# --- anomalies -----------------------------------------------------------------------------------------------


class _Anomalies(Watcher):
    def after(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any], result: Tensor, seconds: float) -> None:
        bad = _first_bad(result._data)
        inputs = [x._data if isinstance(x, Tensor) else np.asarray(x) for x in operands]
        if bad is None or any(_first_bad(x) is not None for x in inputs):
            return
        facts = {"where": here(), "born": f"{_word(result._data[bad])} at index {bad} of {op.name}'s result"}
        for place, (x, array) in enumerate(zip(operands, inputs, strict=True), 1):
            facts[f"input {place}"] = f"{label(x)}{_element(array, bad, result.shape)}"
        facts["why"] = "every input of this op is finite, so the number was born here"
        raise NonFiniteError(
            describe(f"forward: {op.name} made {_word(result._data[bad])}", **facts, code="nan-or-inf")
        )

    def backward(self, node: Node, position: int, g: Any, cotangent: Any, seconds: float) -> None:
        array = cotangent._data if isinstance(cotangent, Tensor) else np.asarray(cotangent)
        incoming = g._data if isinstance(g, Tensor) else np.asarray(g)
        bad = _first_bad(array)
        if bad is None or _first_bad(incoming) is not None:
            return
        op: Op = node.op  # type: ignore[assignment]
        parent = node.inputs[position]
        saved = _element(np.asarray(parent.out), bad, array.shape)
        facts = {
            "where": node_site(node),
            "born": f"{_word(array[bad])} at index {bad} of the cotangent of input {position + 1}",
            "input": f"{getattr(parent, 'name', None) or 'tensor'} {array.shape}{saved}",
            "incoming": f"{incoming.shape}{_element(incoming, bad, array.shape)}",
        }
        if np.isnan(array[bad]) and _element(incoming, bad, array.shape).endswith("= 0.0"):
            facts["why"] = "0 · inf: where() masks the value, but the derivative of the masked branch is infinite"
            facts["fix"] = (
                f"give {op.name} a harmless input where it is masked: "
                f"where(mask, {op.name}(where(mask, x, 1.0)), 0.0) instead of where(mask, {op.name}(x), 0.0)"
            )
        else:
            facts["why"] = "the incoming gradient is finite, so the number was born in this rule"
        raise NonFiniteError(
            describe(f"backward: the rule of {op.name} made {_word(array[bad])}", **facts, code="nan-or-inf")
        )


def _first_bad(array: np.ndarray) -> tuple[int, ...] | None:
    """The index of the first element that is not finite."""
    if array.dtype.kind not in "fc" or np.isfinite(array).all():
        return None
    return tuple(int(i) for i in np.argwhere(~np.isfinite(array))[0])


def _word(number: Any) -> str:
    return "NaN" if np.isnan(number) else "Inf" if number > 0 else "-Inf"


def _element(array: np.ndarray, place: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """` [2, 0] = 1.5`: the element of an operand that belongs to `place` of a result of the given shape."""
    try:
        value = np.broadcast_to(array, shape)[place]
    except (ValueError, IndexError):
        return ""
    return f" {list(place)} = {value}" if math.prod(shape) > 1 else f" = {value}"


@contextmanager
def detect_anomaly() -> Iterator[None]:
    """Inside the block the first op or rule that makes a NaN or Inf from finite numbers raises NonFiniteError.

    It checks forward and backward, and names the op, the index, the operands there and the line. Arrays of leaves
    that were written to behind the engine's back (`p.data[0] = 1`) are found as well, by fingerprint.

    >>> from tinygrad_edu import Tensor, log
    >>> with detect_anomaly():
    ...     log(Tensor([1.0, 0.0]))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    tinygrad_edu.errors.NonFiniteError: forward: log made -Inf
    ...
    """
    with np.errstate(all="ignore"), watching(_Anomalies()):
        yield
