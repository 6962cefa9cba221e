"""Ops that users make: `custom_op` for a rule of one's own, `checkpoint` for a function computed twice.

Both make a row like those of the table, so gradients to any order, checks, drawings and explanations read it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_edu.autodiff import pull_back
from tinygrad_edu.errors import DataError, DtypeError, GradientError, describe
from tinygrad_edu.handle import must_be_callable
from tinygrad_edu.node import Node, here, next_index, recording, state
from tinygrad_edu.op import REAL, REGISTRY, Domain, Kind, Op, Rule, Sampler
from tinygrad_edu.tensor import Tensor, as_tensor, recorded, tensor_on


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

    forward   `forward(*arrays, **params) -> array`; the arrays it gets are read-only
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
    rules = (vjps,) if callable(vjps) else tuple(vjps)
    for rule in rules:
        if rule is not None:
            must_be_callable(rule, "a rule is a function of g, out and the arrays", "vjps=(lambda g, out, x: g * out,)")
    if name in REGISTRY and not REGISTRY[name].custom:
        what = f"there is an op named {name!r} already"
        raise DataError(describe(what, where=here(), found=REGISTRY[name], fix="another name", code="name-taken"))
    domains = (domain,) * len(rules) if isinstance(domain, Domain) else tuple(domain)

    def guarded(*arrays: Any, **params: Any) -> np.ndarray:
        views = [_read_only(array) for array in arrays]
        out = np.asarray(forward(*views, **params))
        if out.dtype.kind not in "fiubc":
            what = f"forward of {name} gave an array of {out.dtype}, not of numbers"
            raise DtypeError(describe(what, where=here(), fix="return an array of numbers", code="not-numbers"))
        return out.copy() if any(np.may_share_memory(out, view) for view in views) else out

    return Op(
        name,
        guarded,
        vjps=rules,
        kind=kinds[kind],
        formula=formula or f"{name}({', '.join('xyz'[: len(rules)])})",
        domain=domains,
        linear=linear,
        sampler=sampler,
        doc=doc or f"The custom op {name}.",
        custom=True,
    )


def _read_only(array: Any) -> Any:
    if not isinstance(array, np.ndarray):
        return array
    view = array.view()
    view.setflags(write=False)
    return view


def checkpoint(f: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`f`, remembering nothing in between: backward calls it again. Less memory for about one more forward pass.

    f must give one Tensor, and the same one each time: with random numbers inside, give it a generator made from a
    seed within. A second call that gives another value raises GradientError.

    >>> import tinygrad_edu as tg
    >>> tg.grad(checkpoint(lambda x: tg.exp(x) * x))(0.0)
    Tensor(1.)
    """

    def checkpointed(*args: Any, **kwargs: Any) -> Tensor:
        now = state()
        first = next_index()
        value = f(*args, **kwargs)
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
        frontier = _frontier(value, first)
        memo: dict[int, list[Tensor | None]] = {}

        def gradients(g: Any, out: Any) -> list[Tensor | None]:
            if id(g) not in memo:  # one more call of f serves the rules of all inputs
                memo.clear()
                with recording(True):
                    again = f(*args, **kwargs)
                saved = out._data if isinstance(out, Tensor) else out
                if not np.array_equal(again._data, saved, equal_nan=saved.dtype.kind in "fc"):
                    raise GradientError(
                        describe(
                            "checkpoint: the function gave another value when backward called it again",
                            where=here(),
                            why="it draws random numbers, or something that it reads has changed",
                            fix="make its random numbers from a seed inside, and call backward before updates",
                            code="function-does-not-repeat",
                        )
                    )
                seeds: list[Any] = [(again._node, as_tensor(g))]
                memo[id(g)] = pull_back(seeds, frontier, create_graph=isinstance(g, Tensor), partial=True)
                memo[-1] = [g]  # keeps g alive, and with it its id
            return memo[id(g)]

        def rule(position: int) -> Rule:
            def vjp(g: Any, out: Any, *inputs: Any) -> Any:
                found = gradients(g, out)[position]
                if found is None:
                    found = tensor_on(np.zeros(frontier[position].out.shape, frontier[position].out.dtype))
                return found if isinstance(g, Tensor) else found._data

            return vjp

        op = Op("checkpoint", f, vjps=tuple(rule(i) for i in range(len(frontier))), formula="f(…)", listed=False)
        return recorded(op, tuple(frontier), {}, value._data, now, depth=2)

    return checkpointed


def _frontier(value: Tensor, first: int) -> list[Node]:
    """The nodes from before `first` that the value depends on, through nodes made after it."""
    found: dict[Node, None] = {}
    root: Node = value._node  # type: ignore[assignment]
    stack, seen = [root], {root}
    while stack:
        node = stack.pop()
        if node.is_leaf or node.index < first:
            found[node] = None
            continue
        for parent in node.inputs:
            if parent.requires_grad and parent not in seen:
                seen.add(parent)
                stack.append(parent)
    return sorted(found, key=lambda node: node.index)
