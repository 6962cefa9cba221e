"""NumPy function -> op: how `np.exp(t)`, `np.sum(t, axis=0)` and `np.add.reduce(t)` find their row.

Knows the registry and NumPy's signatures; must not know tensors. A NumPy function without a row is an error
that names the nearest one with a row: never an array of objects, never a silent detach.
"""

from __future__ import annotations

import difflib
import functools
import inspect
import sys
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from tinygrad_edu import ops  # noqa: F401  the registry must be full before the table is made
from tinygrad_edu.errors import DtypeError, describe
from tinygrad_edu.node import here
from tinygrad_edu.op import REGISTRY, Op
from tinygrad_edu.ops.special import SCIPY

Function = Callable[..., Any]
_F = TypeVar("_F", bound=Function)

OPS: dict[Any, Op] = {}
for _op in REGISTRY.values():
    _served = _op.forward if _op.numpy is None else _op.numpy
    if isinstance(_served, np.ufunc) or getattr(_served, "__module__", "").startswith("numpy"):
        OPS[_served] = _op
for _alias, _name in ((np.amax, "max"), (np.amin, "min")):
    OPS[_alias] = REGISTRY[_name]

REDUCTIONS: dict[Any, Function] = {
    ufunc: REGISTRY[name]
    for ufunc, name in (
        (np.add, "sum"),
        (np.multiply, "prod"),
        (np.maximum, "max"),
        (np.minimum, "min"),
        (np.logaddexp, "logsumexp"),
        (np.logical_or, "any"),
        (np.logical_and, "all"),
    )
    if name in REGISTRY
}

ACCUMULATIONS: dict[Any, Function] = {
    ufunc: REGISTRY[name]
    for ufunc, name in ((np.add, "cumsum"), (np.multiply, "cumprod"), (np.logaddexp, "logcumsumexp"))
    if name in REGISTRY
}

COMPOSITIONS: dict[Any, Function] = {}


def implements(*functions: Any) -> Callable[[_F], _F]:
    """Decorator: the decorated function is what these NumPy functions do with Tensors."""

    def register(implementation: _F) -> _F:
        for function in functions:
            COMPOSITIONS[function] = implementation
        return implementation

    return register


@functools.cache
def _numpy_signature(function: Any) -> inspect.Signature | None:
    try:
        return inspect.signature(function)
    except (TypeError, ValueError):  # some compiled functions tell none
        return None


def call_function(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Do what NumPy's `function` does, on Tensors. Raises DtypeError where there is no such op."""
    kwargs = {name: value for name, value in kwargs.items() if value is not np._NoValue}
    composition = COMPOSITIONS.get(function)
    if composition is not None:
        return composition(*args, **kwargs)
    op = OPS.get(function)
    if op is None:
        raise unknown(function)
    arrays, params = split(op, function, args, kwargs)
    return op(*arrays, **params)


def split(
    op: Op, function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """A call of NumPy's `function` as arguments of `op`, which serves it: by place and by name, without defaults."""
    found = _numpy_signature(function)
    if found is None or op.variadic:
        return args, kwargs
    bound = found.bind(*args, **kwargs)
    arrays = tuple(bound.arguments.pop(name) for name in list(bound.arguments)[: op.arity])
    given = {name: value for name, value in bound.arguments.items() if not _is_default(value, found.parameters[name])}
    return arrays, given


def _is_default(value: Any, parameter: inspect.Parameter) -> bool:
    default = parameter.default
    return value is default or (
        isinstance(default, bool | int | str) and type(value) is type(default) and value == default
    )


def scipy_row(ufunc: Any) -> Op | None:
    """The row that serves a ufunc of scipy.special, if the user has imported that."""
    name = ufunc.__name__
    if name in SCIPY and getattr(sys.modules.get("scipy.special"), name, None) is ufunc:
        return REGISTRY[SCIPY[name]]
    return None


def unknown(function: Any, method: str = "") -> DtypeError:
    """The error for a NumPy function that no row serves, with the nearest ones that some row does."""
    short = getattr(function, "__name__", str(function))
    name = _full_name(function, short)
    if method in ("", "__call__"):
        served = sorted({f.__name__ for f in OPS} | {f.__name__ for f in COMPOSITIONS})
        near = [f"np.{name}" for name in difflib.get_close_matches(short, served, n=3, cutoff=0.5)]
    else:
        name += f".{method}"
        near = [f"np.{f.__name__}.{method}" for f in {"accumulate": ACCUMULATIONS}.get(method, REDUCTIONS)]
    reason = {}
    if name.startswith("np.fft.") or short == "sort_complex":
        reason = {"why": "it works with complex numbers, which have no derivative here"}
    elif short.startswith("save"):
        reason, near = {"why": "a file holds plain numbers"}, ["model.save(path) for a tg.nn.Module"]
    return DtypeError(
        describe(
            f"{name} has no derivative rule here, so it can't take a Tensor",
            where=here(),
            **reason,
            near=", ".join(near) or "none of a similar name",
            fix="x.detach().numpy() in place of x computes without gradients; tg.custom_op makes a rule",
            code="no-rule-for-numpy-function",
        )
    )


def _full_name(function: Any, short: str) -> str:
    """`np.fft.fft`, `scipy.special.jv`: as the user calls it; what he made himself has its own name only."""
    if not isinstance(function, np.ufunc):
        module: str = getattr(function, "__module__", None) or "numpy"
        return f"{module.replace('numpy', 'np', 1)}.{short}"
    for module, prefix in (("numpy", "np."), ("scipy.special", "scipy.special.")):
        if getattr(sys.modules.get(module), short, None) is function:
            return prefix + short
    return f"the ufunc {short.removesuffix(' (vectorized)')}"
