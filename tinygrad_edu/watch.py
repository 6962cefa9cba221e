"""Looking over the engine's shoulder: listeners, strict broadcasting, and the birthplace of NaN and Inf.

A watcher sees every op before and after it runs, and every rule on the way back. Watchers compute unwatched.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from types import CodeType
from typing import Any, NamedTuple

import numpy as np

from tinygrad_edu.errors import GradientError, NonFiniteError, ShapeError, describe
from tinygrad_edu.handle import must_be_callable
from tinygrad_edu.memory import label
from tinygrad_edu.node import Leaf, Node, caution, here, node_site, state
from tinygrad_edu.op import ELEMENTWISE, Op
from tinygrad_edu.tensor import Tensor, tensor_of_node


class Watcher:
    """Base of all watchers: does nothing at each of the three places."""

    def before(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any]) -> None:
        """Called before an op computes."""

    def after(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any], result: Tensor, seconds: float) -> None:
        """Called with what the op gave."""

    def begin_backward(self, nodes: list[Node], rule_reads: Callable[[Node, Node], bool]) -> None:
        """Called with the nodes that a backward will go through; `rule_reads` says whether a rule needs a value."""

    def backward(self, node: Node, position: int, g: Any, cotangent: Any, seconds: float) -> None:
        """Called with what the rule of one input of `node` gave for the incoming `g`."""

    def tangent(self, node: Node, position: int, moved: Any, change: Any) -> None:
        """Called in forward mode with what one input of `node`, which moves by `moved`, changes in its output."""

    def hook(self, node: Node, hook: Any, g: Any, new: Any) -> None:
        """Called with what a gradient hook of `node` gave in place of `g`."""


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


# --- stretching, where it trains -----------------------------------------------------------------------------

# Lines whose graphs were looked through: places in a code, by its id. Hashing a code takes 1.5 µs.
_looked_at: dict[int, tuple[CodeType, set[int]]] = {}
_warned_of: set[tuple[CodeType, int]] = set()  # lines that were warned of


def is_looked_at(root: Node) -> bool:
    """Whether the graph of this line was looked through before."""
    _, places = _looked_at.get(id(root.code), (None, ()))
    return root.instruction in places


def look_for_stretching(root: Node, nodes: list[Node]) -> None:
    """Warn of arithmetic of (n, 1) with (n,) in a graph that is trained, once for each line.

    It looks when a line of code is first run backward: a training loop pays for one look, an op for nothing. Only the
    usual accident is meant, a column against a row of as many numbers: an explicit (n, 1) with (1, m), or (n, 1) with
    (m,), is how tables are made on purpose.
    """
    if is_looked_at(root):
        return
    code = root.code  # kept, so that its id is no other's
    _looked_at.setdefault(id(code), (code, set()))[1].add(root.instruction)
    for node in nodes:
        op = node.op
        if op is None or op.kind is not ELEMENTWISE or len(node.inputs) < 2:
            continue
        for x, y in combinations([np.shape(parent.out) for parent in node.inputs], 2):
            line = (node.code, node.instruction)
            if (_column_meets_row(x, y) or _column_meets_row(y, x)) and line not in _warned_of:
                _warned_of.add(line)
                caution(_stretched(node, x, y))


def _column_meets_row(column: tuple[int, ...], row: tuple[int, ...]) -> bool:
    return len(row) < len(column) and len(row) > 0 and column[-1] == 1 < row[-1] and row[-1] == column[-2]


def _stretched(node: Node, x: tuple[int, ...], y: tuple[int, ...]) -> str:
    name = node.op.name if node.op else ""
    return describe(
        f"{name} stretched both operands: {x} and {y} became {node.out.shape}",
        where=node_site(node),
        why=f"each of the {max(x[-1], y[-1])} elements of one met each of the other, which is rarely meant in a loss",
        fix="reshape one: y[:, None] or x.squeeze(-1); y[None, :], if a table is meant",
        code="both-operands-stretch",
    )


# --- anomalies -----------------------------------------------------------------------------------------------


class _Anomalies(Watcher):
    """Looks at every number that is made, and remembers what the arrays looked like that users can write to."""

    def __init__(self) -> None:
        self.saved: dict[int, list[tuple[Node, int]]] = {}  # by the index of a node: its writable inputs, fingerprints

    def _remember(self, node: Node | None) -> None:
        if node is not None and node.op is not None and node.inputs is not None:
            writable = [parent for parent in node.inputs if _leaf_behind(parent) is not None]
            if writable:
                self.saved[node.index] = [(parent, _fingerprint(parent.out)) for parent in writable]

    def begin_backward(self, nodes: list[Node], rule_reads: Callable[[Node, Node], bool]) -> None:
        for node in nodes:
            for parent, before in self.saved.get(node.index, ()):
                if _fingerprint(parent.out) != before and rule_reads(node, parent):
                    raise GradientError(self._overwritten(node, parent, before, nodes))

    def _overwritten(self, node: Node, parent: Node, before: int, nodes: list[Node]) -> str:
        seen = [other for other in nodes if any(p is parent for p, _ in self.saved.get(other.index, ()))]
        intact = max((n for n in seen if (parent, before) in self.saved[n.index]), key=lambda n: n.index)
        later = [n for n in seen if n.index > intact.index]
        end = node_site(min(later, key=lambda n: n.index)) if later else f"{here()}, this backward"
        name = getattr(_leaf_behind(parent), "name", None) or "a leaf"
        return describe(
            f"{name} {parent.out.shape} was written after a recorded op saved its value",
            where=here(),
            saved=f"by {node.op.name if node.op else ''} at {node_site(node)}",
            changed=f"after {node_site(intact)}, before {end}",
            why="an element of .data, or of the array given to from_numpy, was set; the gradient needs the old one",
            fix="call backward before the write, or compute the loss again after it",
            code="saved-value-written",
        )

    def after(self, op: Op, operands: tuple[Any, ...], params: dict[str, Any], result: Tensor, seconds: float) -> None:
        self._remember(result._node)
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
        array, incoming = _array_of(cotangent), _array_of(g)
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

    def tangent(self, node: Node, position: int, moved: Any, change: Any) -> None:
        array, incoming = _array_of(change), _array_of(moved)
        bad = _first_bad(array)
        if bad is None or _first_bad(incoming) is not None:
            return
        name = node.op.name if node.op else ""
        parent = node.inputs[position]
        place = _element(np.asarray(parent.out), bad, array.shape)
        raise NonFiniteError(
            describe(
                f"forward mode: the derivative of {name} made {_word(array[bad])}",
                where=node_site(node),
                born=f"{_word(array[bad])} at index {bad} of the tangent of {name}'s result",
                input=f"{getattr(parent, 'name', None) or 'tensor'} {np.shape(parent.out)}{place}",
                tangent=f"{incoming.shape}{_element(incoming, bad, array.shape)}",
                why="the tangent of the input is finite, so the number was born in this derivative",
                code="nan-or-inf",
            )
        )

    def hook(self, node: Node, hook: Any, g: Any, new: Any) -> None:
        bad = _first_bad(_array_of(new))
        if bad is None or _first_bad(_array_of(g)) is not None:
            return
        raise NonFiniteError(
            describe(
                f"backward: a gradient hook made {_word(_array_of(new)[bad])}",
                where=here(),
                tensor=label(tensor_of_node(node)),
                hook=getattr(hook, "__name__", type(hook).__name__),
                born=f"at index {bad}, where the gradient that it was given has {_array_of(g)[bad]}",
                code="nan-or-inf",
            )
        )


def _array_of(value: Any) -> np.ndarray:
    return value._data if isinstance(value, Tensor) else np.asarray(value)


def _leaf_behind(node: Node) -> Leaf | None:
    """The leaf whose memory a value lies in, and to which the user may write: itself, or what it is a view of."""
    while node.op is not None and node.op.view and node.inputs:
        node = node.inputs[0]
    return node if isinstance(node, Leaf) else None


def _fingerprint(array: np.ndarray) -> int:
    return hash(array.tobytes())


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
