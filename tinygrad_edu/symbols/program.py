"""Formulas as programs that a page can run: nested lists of a few functions, made from the same rules as the text.

An array is moved, added up and multiplied; which element goes where is worked out here, by running the op on places.
So the page needs elementwise functions, a matrix product, and four ways to carry elements: `explorer/arrays.js`.

    1.5, "nan"                      a number
    ["g"], ["out"], ["0"]           a given value, by its name
    ["array", numbers, shape]       a constant
    ["take", x, places, shape]      element k is element places[k] of x, flattened
    ["add_at", x, places, shape]    element k of x is added to element places[k]; also max_at, min_at, prod_at
    ["join", [x, y, …], places, shape]   like take, from all of them one after the other
    ["matmul", x, y]                the matrix product
    ["tanh", x], ["where", c, x, y], …   an elementwise function, which broadcasts

`places` may be a single number, for all elements; null says that only the shape changes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, REGISTRY, Op
from tinygrad_edu.symbols.simplify import is_always
from tinygrad_edu.symbols.symbol import NoFormulaError, Symbol

Tree = Any  # what json can hold

UNARY: Final = (
    "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "ceil", "cos", "cosh", "exp",
    "exp2", "expm1", "floor", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "logical_not",
    "negative", "positive", "reciprocal", "relu", "rint", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "tan",
    "tanh", "trunc",
)  # fmt: skip
BINARY: Final = (
    "add", "arctan2", "divide", "equal", "greater", "greater_equal", "hypot", "less", "less_equal", "logical_and",
    "logical_or", "maximum", "minimum", "multiply", "not_equal", "power", "subtract",
)  # fmt: skip
FUNCTIONS: Final = frozenset((*UNARY, *BINARY, "where"))
REDUCTIONS: Final = {
    "sum": "add_at", "max": "max_at", "min": "min_at", "prod": "prod_at", "any": "max_at", "all": "min_at",
}  # fmt: skip
IDENTITY: Final = {"sum": 0, "prod": 1, "max": -math.inf, "min": math.inf}  # as `initial` they change nothing
SAME: Final = {"fabs": "absolute", "float_power": "power", "conjugate": "positive", "fix": "trunc"}

# Ops that move elements and compute nothing: run on the places 0, 1, 2, … they say where everything goes.
MOVERS: Final = frozenset((
    "reshape", "transpose", "broadcast_to", "squeeze", "expand_dims", "flip", "roll", "getitem", "diagonal",
    "swapaxes", "moveaxis", "sliding_window_view",
))  # fmt: skip


def program_of(symbol: Symbol) -> Tree:
    """The formula as a program. Raises NoFormulaError for a function that pages don't have, naming it.

    >>> g, x = Symbol.given("g", np.ones(2)), Symbol.given("0", np.arange(2.0))
    >>> program_of(g * (1 - np.tanh(x)))
    ['multiply', ['g'], ['subtract', 1, ['tanh', ['0']]]]
    >>> program_of(np.sum(x))
    ['add_at', ['0'], 0, []]
    """
    if symbol.name:
        return [symbol.name]
    if symbol.function is None:
        return _constant(symbol.value)
    for number in (0, 1):
        if is_always(symbol, number):
            return ["take", number, 0, list(symbol.shape)] if symbol.shape else number
    name = SAME.get(symbol.op, symbol.op)
    if name in _EXPANDED:
        return program_of(_EXPANDED[name](*symbol.operands, **symbol.params))
    if name in FUNCTIONS and not symbol.params:
        return [name, *map(program_of, symbol.operands)]
    if name == "matmul":
        return _matmul(symbol)
    if name == "astype" and symbol.dtype == symbol.operands[0].dtype:
        return program_of(symbol.operands[0])
    if name in MOVERS:
        return _moved(program_of(symbol.operands[0]), symbol.operands[0].size, _places(symbol))
    if name in REDUCTIONS and symbol.params.get("initial") in (None, IDENTITY.get(name)):
        return _reduced(symbol, REDUCTIONS[name])
    if name == "scatter_add":
        index, shape = symbol.params["index"], symbol.params["shape"]
        places = np.broadcast_to(np.arange(math.prod(shape)).reshape(shape)[index], symbol.operands[0].shape)
        return ["add_at", program_of(symbol.operands[0]), _short(places), list(shape)]
    if name in ("concatenate", "stack"):
        return _joined(symbol)
    raise NoFormulaError(f"pages can't compute {symbol.op}")


def _constant(value: Any) -> Tree:
    if isinstance(value, bool | np.bool_):
        return int(value)
    if isinstance(value, int | float):
        if not math.isfinite(value):
            return str(value)
        return int(value) if value == int(value) and abs(value) < 2**53 else value
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return ["array", [_constant(number) for number in value.ravel().tolist()], list(value.shape)]
    raise NoFormulaError(f"pages can't hold {type(value).__name__}")


def _short(places: np.ndarray) -> Tree:
    """Places as a list; as one number where they are all the same."""
    flat = places.ravel()
    return int(flat[0]) if flat.size and (flat == flat[0]).all() else flat.tolist()


def _moved(tree: Tree, size: int, places: np.ndarray) -> Tree:
    """`take` from an array of that size, with places in the shape of the result; null where only the shape changes."""
    shape = list(places.shape)
    flat = places.ravel()
    if flat.size == size and (flat == np.arange(size)).all():
        return ["take", tree, None, shape]
    return ["take", tree, _short(places), shape]


def _places(symbol: Symbol) -> np.ndarray:
    """Where each element of a moved array comes from."""
    first, *rest = symbol.operands
    numbers = np.arange(first.size).reshape(first.shape)
    arguments = [operand.value for operand in rest]
    if isinstance(symbol.function, Op):
        return np.asarray(symbol.function.forward(numbers, **symbol.params))
    return np.asarray(symbol.function(numbers, *arguments, **symbol.params))


def _reduced(symbol: Symbol, how: str) -> Tree:
    (x,) = symbol.operands
    axis = symbol.params.get("axis")
    kept = REGISTRY["sum"].forward(np.zeros(x.shape), axis=axis, keepdims=True)
    places = np.broadcast_to(np.arange(kept.size).reshape(kept.shape), x.shape)
    tree = ["not_equal", program_of(x), 0] if symbol.op in ("any", "all") else program_of(x)
    return [how, tree, _short(places), list(symbol.shape)]


def _joined(symbol: Symbol) -> Tree:
    starts = np.cumsum([0, *(operand.size for operand in symbol.operands)])
    numbers = [
        start + np.arange(operand.size).reshape(operand.shape) for start, operand in zip(starts, symbol.operands)
    ]
    places = symbol.function.forward(*numbers, **symbol.params)
    return ["join", [program_of(operand) for operand in symbol.operands], _short(places), list(symbol.shape)]


def _matmul(symbol: Symbol) -> Tree:
    """The product of matrices; a vector is one of them, with an axis that is dropped afterwards."""
    x, y = symbol.operands
    trees = [program_of(x), program_of(y)]
    if x.ndim == 1:
        trees[0] = ["take", trees[0], None, [1, x.size]]
    if y.ndim == 1:
        trees[1] = ["take", trees[1], None, [y.size, 1]]
    product = ["matmul", *trees]
    return product if min(x.ndim, y.ndim) > 1 else ["take", product, None, list(symbol.shape)]


# --- ops that are programs of others -------------------------------------------------------------------------


def _mean(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    return np.sum(x, axis=axis, keepdims=keepdims) / _count(x, axis)


def _count(x: Any, axis: Any) -> int:
    """How many elements go into one of a reduction."""
    return int(x.size // max(np.sum(np.zeros(x.shape), axis=axis).size, 1))


def _var(x: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Any:
    apart = x - _mean(x, axis, keepdims=True)
    return np.sum(apart * apart, axis=axis, keepdims=keepdims) / (_count(x, axis) - ddof)


def _softmax(x: Any, axis: Any = -1) -> Any:
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return e / np.sum(e, axis=axis, keepdims=True)


def _logsumexp(x: Any, axis: Any = None, keepdims: bool = False) -> Any:
    top = np.max(x, axis=axis, keepdims=True)
    kept = np.log(np.sum(np.exp(x - top), axis=axis, keepdims=True)) + top
    return kept if keepdims else np.squeeze(kept, axis=tuple(range(x.ndim)) if axis is None else axis)


def _clip(x: Any, a_min: Any = None, a_max: Any = None) -> Any:
    low = x if a_min is None else np.maximum(x, a_min)
    return low if a_max is None else np.minimum(low, a_max)


_EXPANDED: Final[dict[str, Callable[..., Any]]] = {
    "mean": _mean,
    "var": _var,
    "std": lambda x, **params: np.sqrt(_var(x, **params)),
    "softmax": _softmax,
    "log_softmax": lambda x, axis=-1: x - _logsumexp(x, axis, keepdims=True),
    "logsumexp": _logsumexp,
    "clip": _clip,
}


def available(op: Op) -> bool:
    """Whether pages can compute the op (of most shapes and parameters)."""
    name = SAME.get(op.name, op.name)
    known = {*FUNCTIONS, *MOVERS, *REDUCTIONS, *_EXPANDED, "matmul", "astype", "scatter_add", "concatenate", "stack"}
    return name in known and (op.kind is not ELEMENTWISE or name in FUNCTIONS or name in _EXPANDED)
