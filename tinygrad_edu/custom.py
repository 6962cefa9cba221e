"""Ops that users make: `custom_op` for a rule of one's own, `checkpoint` for a function computed twice.

Both make a row like those of the table, so gradients to any order, checks, drawings and explanations read it.
"""

from __future__ import annotations

import copy
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.errors import DataError, DtypeError, GradientError, describe
from tinygrad_edu.handle import must_be_callable
from tinygrad_edu.memory import NUMBERS, node_of, viewed_leaf
from tinygrad_edu.node import Leaf, Node, here, next_index, recording, state
from tinygrad_edu.op import REAL, REGISTRY, Domain, Kind, Op, Rule, Sampler
from tinygrad_edu.tensor import Tensor, as_tensor, recorded, tensor_of_node, tensor_on
from tinygrad_edu.transforms import leaves_of, map_tree


def custom_op(
    name: str,
    forward: Callable[..., Any],
    vjps: Sequence[Rule | None] | Rule,
    formula: str = "",
    domain: Sequence[Domain] | Domain = REAL,
    kind: str = "general",
    linear: bool = False,
    sampler: Sampler | None = None,
    doc: str = "",
) -> Op:
    """An op of your own, in one place; what it returns is called like any other op.

    forward   `forward(*arrays, **params) -> array`; the arrays it gets are read-only, the one it gives is copied
    vjps      one rule per array argument, `vjp(g, out, *arrays, **params) -> cotangent` (None: no derivative).
              Written with NumPy functions and operators, a rule serves every order.
    kind      "elementwise" lets the arguments broadcast (the engine sums the cotangents back); "general" rules
              give exactly the argument's shape
    linear    True where the op is linear in each argument by itself
    domain    where the arguments may lie, for checks; `sampler(rng) -> (arrays, params)` for what it can't say

    The name must not be that of a built-in op. Making a custom op again replaces it.

    >>> import tinygrad_edu as tg
    >>> cube = custom_op("cube", lambda x: x**3, vjps=(lambda g, out, x: g * 3 * x**2,), formula="x³")
    >>> tg.grad(tg.grad(cube))(2.0)
    Tensor(12.)
    """
    kinds = {member.value: member for member in Kind}
    if kind not in kinds:
        raise DtypeError(
            describe(
                f"kind {kind!r} is unknown", where=here(), fix=" or ".join(map(repr, kinds)), code="unknown-choice"
            )
        )
    must_be_callable(forward, "forward= is a function of arrays", "forward=lambda x: np.exp(x)")
    if not isinstance(name, str):
        raise DtypeError(describe(f"a name is text, not {name!r}", where=here(), fix='"my_op"', code="wrong-arguments"))
    rules = tuple(vjps) if isinstance(vjps, list | tuple) else (vjps,)
    for place, rule in enumerate(rules, 1):
        if rule is not None:
            must_be_callable(rule, "a rule is a function of g, out and the arrays", "vjps=(lambda g, out, x: g * out,)")
            _must_take(rule, len(rules), f"rule {place} of {name}")
    if name in REGISTRY and not REGISTRY[name].custom:
        what = f"there is an op named {name!r} already"
        raise DataError(describe(what, where=here(), found=REGISTRY[name], fix="another name", code="name-taken"))
    domains = (domain,) * len(rules) if isinstance(domain, Domain) else tuple(domain)

    def guarded(*arrays: Any, **params: Any) -> np.ndarray:
        out = np.array(forward(*map(_read_only, arrays), **params))  # a copy: forward may keep its array
        if out.dtype.kind not in "fiubc":
            what = f"forward of {name} gave an array of {out.dtype}, not of numbers"
            raise DtypeError(describe(what, where=here(), fix="return an array of numbers", code="not-numbers"))
        if out.dtype.kind in "iub" and any(rules) and any(np.asarray(x).dtype.kind in "fc" for x in arrays):
            what = f"forward of {name} made {out.dtype} of floats, which has no derivative, but there is a rule"
            fix = "return floats; or vjps=None, for an op without a derivative"
            raise DtypeError(describe(what, where=here(), fix=fix, code="integers-have-no-gradient"))
        return out

    return Op(
        name,
        guarded,
        vjps=tuple(rule and _giving_copies(rule, name) for rule in rules),
        kind=kinds[kind],
        formula=formula or f"{name}({', '.join('xyz'[: len(rules)])})",
        domain=domains,
        linear=linear,
        sampler=sampler,
        doc=doc or f"The custom op {name}.",
        custom=True,
    )


def _must_take(rule: Rule, count: int, what: str) -> None:
    """Raise where a rule doesn't take g, out and as many arrays as there are rules."""
    try:
        parameters = inspect.signature(rule).parameters.values()
    except (TypeError, ValueError):  # what is compiled may tell none
        return
    taken = sum(p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD) for p in parameters)
    if taken < count + 2 and not any(p.kind is p.VAR_POSITIONAL for p in parameters):
        names = ", ".join("xyz"[:count]) if count < 4 else "*arrays"
        raise DtypeError(
            describe(
                f"{what} takes {taken} arguments, not g, out and {count} {'array' if count == 1 else 'arrays'}",
                where=here(),
                why="there is one rule for each array of the op, and each takes all of them",
                fix=f"lambda g, out, {names}: …",
                code="wrong-arguments",
            )
        )


def _giving_copies(rule: Rule, name: str) -> Rule:
    """The rule, what it gives being nobody else's: it may give an argument, or an array that it keeps."""

    @functools.wraps(rule)
    def vjp(*args: Any, **params: Any) -> Any:
        try:
            cotangent = rule(*map(_read_only, args), **params)
        except ValueError as error:
            if "read-only" not in str(error):
                raise
            what, why = f"the rule of {name} writes to an array that it was given", "other rules need it as it is"
            fix = "g * 3 in place of g *= 3"
            raise GradientError(describe(what, where=here(), why=why, fix=fix, code="wrong-rule")) from error
        if isinstance(cotangent, (np.ndarray, *NUMBERS)):
            return np.array(cotangent)
        if not hasattr(cotangent, "shape"):  # neither an array nor a Tensor, nor what stands for one
            what = f"the rule of {name} gave {type(cotangent).__name__}, not an array"
            fix = "return g · the derivative; None in place of the rule says that there is none"
            raise GradientError(describe(what, where=here(), fix=fix, code="wrong-rule"))
        return cotangent

    return vjp


def _read_only(array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.setflags(write=False)
    return view


def checkpoint(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`f`, remembering nothing in between: backward calls it again. Less memory for about one more forward pass.

    f must give one Tensor, and the same one each time: with random numbers inside, give it a generator made from a
    seed within. A second call that gives another value, or reads other numbers, raises GradientError.

    >>> import tinygrad_edu as tg
    >>> tg.grad(checkpoint(lambda x: tg.exp(x) * x))(0.0)
    Tensor(1.)
    """

    must_be_callable(f, "what is checkpointed is a function", "tg.checkpoint(lambda x: tg.exp(x))")

    def checkpointed(*args: Any, **kwargs: Any) -> Tensor:
        now = state()
        first = next_index()
        given = map_tree(_kept, (args, kwargs))
        value: Any = f(*args, **kwargs)
        if not isinstance(value, Tensor) and not any(isinstance(x, Tensor) for x in leaves_of((args, kwargs))):
            value = as_tensor(value)  # plain numbers give plain numbers
        if not isinstance(value, Tensor):
            raise GradientError(
                describe(
                    f"checkpoint needs a function that gives a Tensor, not {type(value).__name__}",
                    where=here(),
                    code="no-tensor-returned",
                )
            )
        if not now.recording or not value.requires_grad or value.is_leaf:
            return value
        again = _Again(f, given, value, first)
        rules = tuple(map(again.rule, range(len(again.frontier))))
        op = Op("checkpoint", f, vjps=rules, formula="f(…)", listed=False)
        return value._like(recorded(op, tuple(again.frontier), {}, value._data, now, depth=2))

    return checkpointed


def _kept(x: Any) -> Any:
    """An argument as another call shall find it, whatever becomes of it in this one or afterwards."""
    if isinstance(x, np.ndarray):
        return x.copy()
    if isinstance(x, Tensor):
        return copy.copy(x) if x.requires_grad else x._like(tensor_of_node(node_of(x)))
    return x


class _Again:
    """The second call of a checkpointed function, which backward makes: the same values, and their gradients."""

    def __init__(self, f: Callable[..., Any], given: Any, value: Tensor, first: int) -> None:
        self.f = f
        self.given = given
        self.level = state().level
        self.first = first
        self.frontier, self.numbers = _inputs_of(value, first)
        self.g: Any = None  # the cotangent for which `found` are the gradients
        self.found: list[Any] = []
        self.served: set[int] = set()

    def rule(self, position: int) -> Rule:
        """The rule of one input."""

        def vjp(g: Any, out: Any, *inputs: Any) -> Any:
            if self.g is not g or position in self.served:  # one more call of f serves the rules of all inputs
                self.served.clear()
                self.found = self._gradients(g, out)
                self.g = g
            self.served.add(position)
            found = self.found[position]
            if len(self.served) == len(self.frontier):
                self.g, self.found = None, []
            if found is None:
                found = tensor_on(np.zeros(self.frontier[position].out.shape, self.frontier[position].out.dtype))
            return found if isinstance(g, Tensor) else found._data

        return vjp

    def _gradients(self, g: Any, out: Any) -> list[Tensor | None]:
        for node in self.frontier:
            leaf = viewed_leaf(node, node.out)
            if isinstance(leaf, Leaf) and leaf.written > self.first:
                raise self._not_the_same(f"it was written at {leaf.written_at}")
        now, first = state(), next_index()
        before, now.level, now.again = (now.level, now.again), self.level, True
        args, kwargs = map_tree(_kept, self.given)
        try:
            with recording(True):
                again = as_tensor(self.f(*args, **kwargs))
        finally:
            now.level, now.again = before
        saved = out._data if isinstance(out, Tensor) else out
        same = again.requires_grad and np.array_equal(again._data, saved, equal_nan=saved.dtype.kind in "fc")
        if not same or _inputs_of(again, first)[1] != self.numbers:
            raise self._not_the_same("it draws random numbers, or something that it reads has changed")
        seeds: list[Any] = [(again._node, as_tensor(g))]
        return pull_back(seeds, self.frontier, create_graph=isinstance(g, Tensor), partial=True)

    @staticmethod
    def _not_the_same(why: str) -> GradientError:
        return GradientError(
            describe(
                "checkpoint: the function gave another value when backward called it again",
                where=here(),
                why=why,
                fix="make its random numbers from a seed inside, and call backward before updates",
                code="function-does-not-repeat",
            )
        )


def _inputs_of(value: Tensor, first: int) -> tuple[list[Node], list[Any]]:
    """What `value` was computed from by nodes made after `first`: older nodes or leaves; and all else, as bits."""
    root: Node = value._node  # type: ignore[assignment]
    if root.is_leaf or root.index < first:
        return [root], []
    frontier: dict[Node, None] = {}
    numbers: list[Any] = []
    stack, seen = [root], {root}
    while stack:
        node = stack.pop()
        numbers.append(_bits(node.params))
        for parent in node.inputs:
            if not parent.requires_grad:
                numbers.append(_bits(parent.out))
            elif parent not in seen:
                seen.add(parent)
                if parent.is_leaf or parent.index < first:
                    frontier[parent] = None
                else:
                    stack.append(parent)
    return sorted(frontier, key=lambda node: node.index), numbers


def _bits(value: Any) -> Any:
    """What tells a constant from another one, without holding it."""
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, hash(value.tobytes())
    if isinstance(value, dict):
        return [(name, _bits(part)) for name, part in value.items()]
    if isinstance(value, list | tuple):
        return [_bits(part) for part in value]
    return repr(value)
