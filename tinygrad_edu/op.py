"""What an op is: one row of a table. Knows arrays and rules; must not know tensors or graphs.

A row holds everything the project ever says about an op: the forward computation, one rule per array
argument (its vector-Jacobian product), the formula shown to a learner, the domain in which it has a
derivative, and how to draw a random legal call. Differentiation, checks, drawings, explanations and the
documentation read the row; none of them has a second list of ops.
"""

from __future__ import annotations

import enum
import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_edu.errors import MissingKeyError, describe

if TYPE_CHECKING:
    from tinygrad_edu.tensor import Tensor

Rule = Callable[..., Any]
Sample = tuple[tuple[Any, ...], dict[str, Any]]
Sampler = Callable[["np.random.Generator"], Sample]  # in quotes: naming it would import numpy.random, 15 ms


class Kind(enum.Enum):
    """How an op treats shapes; the engine un-broadcasts cotangents of ELEMENTWISE ops and of no others."""

    ELEMENTWISE = "elementwise"
    REDUCTION = "reduction"
    SHAPE = "shape"
    PRODUCT = "product"
    GENERAL = "general"


ELEMENTWISE, REDUCTION, SHAPE, PRODUCT, GENERAL = Kind


@dataclass(frozen=True)
class Domain:
    """Where an argument may lie: an open interval, minus a margin around the kinks in `avoid`.

    `words` is what the documentation prints; `low` and `high` bound the numbers that tests draw.
    """

    words: str
    low: float
    high: float
    avoid: tuple[float, ...] = ()

    def draw(self, rng: np.random.Generator, shape: tuple[int, ...], margin: float = 0.05) -> np.ndarray:
        """Random float64 values of the domain, at least `margin` away from every kink."""
        values = rng.uniform(self.low, self.high, shape)
        for kink in self.avoid:
            side = np.where(values >= kink, 1.0, -1.0)
            values = np.where(np.abs(values - kink) < margin, kink + side * (margin + np.abs(values - kink)), values)
        return np.asarray(values)


REAL = Domain("any real number", -2.0, 2.0)
POSITIVE = Domain("x > 0", 0.1, 3.0)
NONZERO = Domain("x ≠ 0", -2.0, 2.0, avoid=(0.0,))
KINK_AT_ZERO = Domain("any real number, kink at 0", -2.0, 2.0, avoid=(0.0,))
UNIT = Domain("-1 < x < 1", -0.95, 0.95)


@dataclass(frozen=True, eq=False, repr=False)
class Op:
    """One row of the table. Calling it computes, and records where an input requires grad.

    name      NumPy's name where NumPy has the function
    forward   `forward(*arrays, **params) -> array`; arrays are positional, everything else is a keyword
    vjps      one rule per array argument, `vjp(g, out, *arrays, **params) -> cotangent`, or None where the
              argument has no derivative. Rules are plain NumPy and operators, without branches on values,
              writes or `float()`, so the same rule runs on arrays, on Tensors and on symbols.
              A variadic op has one rule with a keyword `position`.
    kind      see `Kind`
    formula   the op as a learner writes it, in the names of its arguments
    domain    one `Domain` per array argument
    linear    True where the op is linear in each array argument by itself
    view      True where NumPy may return a view of the first argument
    numpy     the NumPy function that this op serves, where it is not `forward` itself
    sampler   `sampler(rng) -> (arrays, params)`, a random legal call; derived from kind and domain if absent
    doc       first line: what it returns; then shapes, conventions at kinks, errors, source
    """

    name: str
    forward: Callable[..., Any]
    vjps: tuple[Rule | None, ...] = ()
    kind: Kind = GENERAL
    formula: str = ""
    domain: tuple[Domain, ...] = ()
    linear: bool = False
    view: bool = False
    variadic: bool = False
    numpy: Callable[..., Any] | None = None
    sampler: Sampler | None = None
    doc: str = ""
    custom: bool = False  # made by a user, who may make it again
    listed: bool = True  # False for ops of a single call, such as a checkpoint
    arity: int = field(default=0, init=False)
    differentiable: bool = field(default=False, init=False)
    direct: int = field(default=0, init=False)  # 1 or 2 where plain calls can take the short way

    def __post_init__(self) -> None:
        if self.listed and self.name in REGISTRY and not (self.custom and REGISTRY[self.name].custom):
            raise ValueError(f"an op named {self.name!r} exists already: {REGISTRY[self.name].doc.splitlines()[0]}")
        object.__setattr__(self, "__doc__", self.doc)
        object.__setattr__(self, "__name__", self.name)
        object.__setattr__(self, "arity", len(self.vjps))
        object.__setattr__(self, "differentiable", any(rule is not None for rule in self.vjps))
        object.__setattr__(self, "direct", 0 if self.variadic or self.arity > 2 else self.arity)
        if self.listed:
            REGISTRY[self.name] = self

    def __repr__(self) -> str:
        return f"<op {self.name}: {self.formula}>"

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Copies and pickles name the row: its rules are functions without a name, and tables go by identity."""
        return (registered, (self.name,)) if REGISTRY.get(self.name) is self else super().__reduce_ex__(protocol)

    def __call__(self, *args: Any, **kwargs: Any) -> Tensor:
        """Compute on Tensors, arrays or numbers; give a Tensor, recorded where an input requires grad."""
        if not kwargs and len(args) == self.direct:
            result: Tensor = _engine.apply1(self, args[0]) if self.direct == 1 else _engine.apply2(self, *args)
            return result
        return _engine.call(self, args, kwargs)  # type: ignore[no-any-return]

    def run(self, *arrays: Any, **params: Any) -> Any:
        """Compute on whatever is given: arrays give an array, Tensors a Tensor. For use inside rules."""
        for array in arrays:
            handler = getattr(type(array), "__tinygrad_apply__", None)
            if handler is not None:
                return handler(self, arrays, params)
        return np.asarray(self.forward(*arrays, **params))

    def vjp(self, position: int) -> Rule | None:
        """The rule of the array argument at `position`."""
        if self.variadic:
            rule = self.vjps[0]
            return None if rule is None else functools.partial(rule, position=position)
        return self.vjps[position]

    @property
    def __signature__(self) -> inspect.Signature:
        return signature(self)

    def bind(self, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Sample:
        """Split a call as a user writes it into array arguments and parameters.

        Raises TypeError for an argument that the op does not have, naming those it has.
        """
        bound = signature(self).bind(*args, **kwargs)
        given = dict(bound.arguments)
        names = list(signature(self).parameters)
        if self.variadic:
            return tuple(given.pop(names[0])), given
        arrays = tuple(given.pop(name) for name in names[: self.arity])
        return arrays, given


REGISTRY: dict[str, Op] = {}


def registered(name: str) -> Op:
    """The op of this name, for what was pickled. Raises MissingKeyError where nothing has made it here."""
    if name not in REGISTRY:
        fix = "make it with tg.custom_op before loading what was pickled with it"
        raise MissingKeyError(describe(f"no op is called {name!r}", fix=fix, code="no-such-op"))
    return REGISTRY[name]


class _Engine:
    """What calling an op means: two short entries for one and two arrays, a general one for the rest."""

    apply1: Callable[[Op, Any], Any]
    apply2: Callable[[Op, Any, Any], Any]
    call: Callable[[Op, tuple[Any, ...], Mapping[str, Any]], Any]


_engine = _Engine()


def set_engine(apply1: Any, apply2: Any, call: Any) -> None:
    """Tell ops what calling them means. `tensor.py` does this once; ops themselves know only arrays."""
    _engine.apply1, _engine.apply2, _engine.call = apply1, apply2, call


@functools.cache
def parameter_names(op: Op) -> frozenset[str]:
    """The names of the keywords that the op takes."""
    names = list(signature(op).parameters)
    return frozenset(names[1:] if op.variadic else names[op.arity :])


@functools.cache
def signature(op: Op) -> inspect.Signature:
    """The signature under which users call `op`: that of its rule, without `g` and `out`."""
    rule = next((rule for rule in op.vjps if rule is not None), None)
    if rule is None:
        if isinstance(op.forward, np.ufunc):
            names = ("x", "y")[: op.arity]
            return inspect.Signature([inspect.Parameter(n, inspect.Parameter.POSITIONAL_ONLY) for n in names])
        return inspect.signature(op.forward)
    parameters = list(inspect.signature(rule).parameters.values())[2:]
    if op.variadic:
        arrays = inspect.Parameter("arrays", inspect.Parameter.POSITIONAL_OR_KEYWORD)
        rest = [p.replace(kind=p.POSITIONAL_OR_KEYWORD) for p in parameters[1:] if p.name != "position"]
        return inspect.Signature([arrays, *rest])
    return inspect.Signature(parameters)
