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
    ["polynomial", x, numbers]      c₀ xⁿ + c₁ xⁿ⁻¹ + … + cₙ
    ["tanh", x], ["where", c, x, y], …   an elementwise function, which broadcasts

`places` may be a single number, for all elements; null says that only the shape changes.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, REGISTRY, Op
from tinygrad_edu.symbols.expansions import EXPANDED
from tinygrad_edu.symbols.simplify import is_always
from tinygrad_edu.symbols.symbol import NoFormulaError, Symbol

Tree = Any  # what json can hold

UNARY: Final = (
    "absolute", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh", "cbrt", "ceil", "cos", "cosh", "exp",
    "exp2", "expm1", "floor", "isfinite", "isinf", "isnan", "log", "log10", "log1p", "log2", "logical_not",
    "negative", "positive", "reciprocal", "relu", "rint", "sigmoid", "sign", "sin", "sinh", "sqrt", "square", "tan",
    "tanh", "trunc", "fround",
)  # fmt: skip
BINARY: Final = (
    "add", "arctan2", "divide", "equal", "greater", "greater_equal", "hypot", "less", "less_equal", "logical_and",
    "logical_or", "maximum", "minimum", "multiply", "not_equal", "power", "subtract",
)  # fmt: skip
PRECISIONS: Final = frozenset((np.dtype(np.float32), np.dtype(np.float64)))
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
    if name in EXPANDED:
        return program_of(EXPANDED[name](*symbol.operands, **symbol.params))
    if name in FUNCTIONS and not symbol.params:
        return [name, *map(program_of, symbol.operands)]
    if name == "matmul":
        return _matmul(symbol)
    if name == "polynomial":
        return [name, program_of(symbol.operands[0]), list(symbol.params["coefficients"])]
    if name == "astype" and {symbol.dtype, symbol.operands[0].dtype} <= PRECISIONS:
        tree = program_of(symbol.operands[0])
        return ["fround", tree] if symbol.dtype == np.float32 and symbol.operands[0].dtype != np.float32 else tree
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
    if isinstance(symbol.function, Op) and _is_linear(symbol.function):
        return _linear(symbol)
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


# --- ops that are linear in each of their arrays -----------------------------------------------------------------

MOST_PRODUCTS: Final = 4_000  # of single numbers, in the program of one linear op: 50 kB of places


def _is_linear(op: Op) -> bool:
    """Whether sums of products say all of it: not where an array says which elements are meant."""
    return op.linear and op.kind is not ELEMENTWISE and None not in op.vjps


def _linear(symbol: Symbol) -> Tree:
    """An op that is linear in each of its arrays: sums of numbers, or of products of two, found by asking the op.

    Raises NoFormulaError where that would be long, or where it isn't as simple as that.
    """
    op: Any = symbol.function
    first, *rest = symbol.operands
    if len(rest) > 1 or first.size * max(symbol.size, 1) > 100 * MOST_PRODUCTS:
        raise NoFormulaError(f"pages can't compute so large a {op.name}")
    at: list[np.ndarray] = []
    for k in range(first.size):
        alone = np.zeros(first.shape)
        alone.flat[k] = 1
        if rest:
            numbers = np.arange(1.0, rest[0].size + 1).reshape(rest[0].shape)
            met, squared = (np.asarray(op.forward(alone, given, **symbol.params)) for given in (numbers, numbers**2))
            if not np.array_equal(met**2, squared):
                raise NoFormulaError(f"pages can't compute this {op.name}")
        else:
            met = np.asarray(op.forward(alone, **symbol.params))
        to: Any = np.flatnonzero(met)
        at.append(np.stack([np.full(len(to), float(k)), met.flat[to], to]))
        if sum(part.shape[1] for part in at) > MOST_PRODUCTS:
            raise NoFormulaError(f"pages can't compute so large a {op.name}")
    source, factor, to = np.concatenate(at or [np.zeros((3, 0))], axis=1)
    taken = ["take", program_of(first), source.astype(int).tolist(), [len(source)]]
    if rest:
        taken = ["multiply", taken, ["take", program_of(rest[0]), (factor - 1).astype(int).tolist(), [len(source)]]]
    elif (factor != 1).any():
        taken = ["multiply", taken, ["array", [_constant(number) for number in factor.tolist()], [len(source)]]]
    return ["add_at", taken, to.astype(int).tolist(), list(symbol.shape)]


def is_single(symbol: Symbol) -> bool:
    """Whether the formula computes in float32. Raises NoFormulaError where only a part of it does."""
    found: set[Any] = set()
    waiting = [symbol]
    while waiting:
        node = waiting.pop()
        waiting += node.operands
        if node.function is not None and node.op != "astype" and node.dtype.kind == "f":
            found.add(node.dtype)
    if not found <= PRECISIONS or len(found) > 1:
        raise NoFormulaError("one op of it computes in float32 and float64")
    return np.dtype(np.float32) in found


def available(op: Op) -> bool:
    """Whether pages can compute the op (of most shapes and parameters)."""
    name = SAME.get(op.name, op.name)
    known = {*FUNCTIONS, *MOVERS, *REDUCTIONS, *EXPANDED, "matmul", "astype", "scatter_add", "concatenate", "stack"}
    if _is_linear(op):
        return True
    return name in known and (op.kind is not ELEMENTWISE or name in FUNCTIONS or name in EXPANDED)
