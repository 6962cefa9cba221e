"""Symbol: an array that remembers as a formula how it was computed. Run a rule on symbols, and read what it does.

A Symbol carries its numbers along, so shapes and dtypes are those of the real run and a rule needs no other path
for symbols. It knows ops and NumPy's functions; must not know tensors' nodes or how a formula is written.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import numpy as np

from tinygrad_edu.errors import TinygradError
from tinygrad_edu.interop import OPS, REDUCTIONS, split
from tinygrad_edu.op import REGISTRY, Op
from tinygrad_edu.ops.shape import astype as astype_row

MOST_PARTS = 400  # a formula of more parts is a program, which nobody reads


class NoFormulaError(TinygradError, TypeError):
    """A rule does something to a symbol that no formula can say, such as branching on its numbers."""


class Symbol:
    """A value under a name, a constant, or what a function gave for other symbols.

    value      the numbers: an array, or a plain number of the program's text
    name       of a value that was given: "g", "out", or the place of an argument, "0", "1", …; else ""
    function   the op, or NumPy's function, that computed it; None for what was given
    operands   its array arguments: symbols
    params     everything else of the call
    parts      how many functions the formula has

    >>> g, x = Symbol.given("g", np.ones(3)), Symbol.given("0", np.arange(3.0))
    >>> (g * np.cos(x)).function.name
    'multiply'
    """

    __slots__ = ("function", "name", "operands", "params", "parts", "value")
    __array_priority__ = 2000.0
    __hash__ = object.__hash__

    def __init__(
        self,
        value: Any,
        name: str = "",
        function: Any = None,
        operands: tuple[Symbol, ...] = (),
        params: Mapping[str, Any] | None = None,
    ) -> None:
        self.value = value
        self.name = name
        self.function = function
        self.operands = operands
        self.params = params or {}
        self.parts: int = (function is not None) + sum(operand.parts for operand in operands)
        if self.parts > MOST_PARTS:
            raise NoFormulaError(f"a formula of more than {MOST_PARTS} parts")

    @classmethod
    def given(cls, name: str, value: Any) -> Symbol:
        """A value that has a name."""
        return cls(value, name)

    @property
    def constant(self) -> bool:
        """Whether it is a plain value, without a name or a history."""
        return self.function is None and not self.name

    @property
    def op(self) -> str:
        """The name of the function that computed it; empty for what was given."""
        return self.function.__name__ if self.function is not None else ""

    def names(self) -> set[str]:
        """The names of the given values that the formula holds."""
        return {self.name} if self.name else set().union(*(operand.names() for operand in self.operands))

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """The formula's value where the given names have these values instead of their own."""
        if self.name:
            return values[self.name]
        if self.function is None:
            return self.value
        return compute(self.function, [operand.evaluate(values) for operand in self.operands], self.params)

    def same(self, other: Symbol) -> bool:
        """Whether both are one and the same formula."""
        if self is other:
            return True
        if self.function is not other.function or self.name != other.name:
            return False
        if self.function is None and not self.name:
            return type(self.value) is type(other.value) and np.array_equal(self.value, other.value)
        return (
            len(self.operands) == len(other.operands)
            and repr(self.params) == repr(other.params)
            and all(a.same(b) for a, b in zip(self.operands, other.operands))
        )

    # --- what rules ask of arrays ----------------------------------------------------------------------------

    @property
    def shape(self) -> tuple[int, ...]:
        """The sides of the value."""
        return np.shape(self.value)

    @property
    def ndim(self) -> int:
        """The number of axes of the value."""
        return len(self.shape)

    @property
    def size(self) -> int:
        """The number of elements of the value."""
        return int(np.size(self.value))

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of the value."""
        return np.asarray(self.value).dtype

    @property
    def T(self) -> Symbol:
        """The axes in reverse order."""
        return apply(REGISTRY["transpose"], (self,), {})

    def astype(self, dtype: Any) -> Symbol:
        """In another dtype."""
        return apply(astype_row, (self,), {"dtype": np.dtype(dtype)})

    def reshape(self, *shape: Any) -> Symbol:
        """In another shape."""
        return apply(REGISTRY["reshape"], (self,), {"shape": shape[0] if len(shape) == 1 else shape})

    def __getitem__(self, key: Any) -> Symbol:
        return apply(REGISTRY["getitem"], (self,), {"index": key})

    def __len__(self) -> int:
        return self.shape[0]

    def __bool__(self) -> bool:
        raise NoFormulaError("a rule may not branch on the numbers of its arguments")

    def __array__(self, *_: Any, **__: Any) -> np.ndarray:
        raise NoFormulaError("a rule may not turn its arguments into plain arrays")

    __float__ = __int__ = __index__ = __bool__

    # --- operators and protocols -----------------------------------------------------------------------------

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if method == "__call__":
            return call(ufunc, inputs, kwargs)
        row = REGISTRY.get(getattr(REDUCTIONS.get(ufunc), "__name__", ""))
        if method == "reduce" and row is not None:
            return call(row, inputs, {"axis": 0, **kwargs})
        return call(getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function: Any, types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return call(function, args, kwargs)

    @staticmethod
    def __tinygrad_apply__(op: Op, arrays: tuple[Any, ...], params: dict[str, Any]) -> Symbol:
        return apply(op, arrays, params)

    def __repr__(self) -> str:
        inside = ", ".join(map(repr, self.operands))
        return f"{self.op}({inside})" if self.function is not None else self.name or repr(self.value)


def _binary(name: str) -> tuple[Callable[[Symbol, Any], Symbol], Callable[[Symbol, Any], Symbol]]:
    op = REGISTRY[name]
    return lambda self, other: apply(op, (self, other), {}), lambda self, other: apply(op, (other, self), {})


def _unary(name: str) -> Callable[[Symbol], Symbol]:
    op = REGISTRY[name]
    return lambda self: apply(op, (self,), {})


_BINARY = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "divide", "pow": "power", "matmul": "matmul",
    "mod": "remainder", "floordiv": "floor_divide", "and": "bitwise_and", "or": "bitwise_or", "xor": "bitwise_xor",
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater", "ge": "greater_equal",
}  # fmt: skip
for _operator, _name in _BINARY.items():
    _plain, _reflected = _binary(_name)
    setattr(Symbol, f"__{_operator}__", _plain)
    if _operator not in ("eq", "ne", "lt", "le", "gt", "ge"):  # Python reflects comparisons by itself
        setattr(Symbol, f"__r{_operator}__", _reflected)
for _operator, _name in {"neg": "negative", "pos": "positive", "abs": "absolute", "invert": "invert"}.items():
    setattr(Symbol, f"__{_operator}__", _unary(_name))


# --- calls ---------------------------------------------------------------------------------------------------


def lift(value: Any) -> Symbol:
    """`value` itself if it is a Symbol, else a constant."""
    return value if isinstance(value, Symbol) else Symbol(value)


def compute(function: Any, arrays: list[Any], params: Mapping[str, Any]) -> Any:
    """What an op, or NumPy's function, gives for arrays."""
    with np.errstate(all="ignore"):
        return function.run(*arrays, **params) if isinstance(function, Op) else function(*arrays, **params)


def apply(op: Op, arrays: tuple[Any, ...], params: Mapping[str, Any]) -> Symbol:
    """What `op` gives for symbols, arrays and numbers."""
    operands = tuple(map(lift, arrays))
    return Symbol(
        compute(op, [operand.value for operand in operands], params), function=op, operands=operands, params=params
    )


def call(function: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    """What NumPy's `function`, or an op, gives for symbols: of the op that serves it where there is one."""
    given = {name: value for name, value in kwargs.items() if value is not np._NoValue}
    op = function if isinstance(function, Op) else OPS.get(function)
    if op is not None:
        with suppress(TypeError):  # NumPy's function may have an option more, such as the dtype of a sum
            arrays, params = (args, given) if op is function else split(op, function, args, given)
            return apply(op, *op.bind(arrays, params))
    if any(map(_holds_symbol, args)) or any(isinstance(v, Symbol) or _holds_symbol(v) for v in given.values()):
        raise NoFormulaError(f"{function.__name__} got a symbol inside a list, or by keyword")
    operands = tuple(map(lift, args))
    value = compute(function, [operand.value for operand in operands], given)
    if isinstance(value, np.ndarray | np.generic):
        return Symbol(value, function=function, operands=operands, params=given)
    return value  # a shape, a dtype, a number of axes


def _holds_symbol(value: Any) -> bool:
    """Whether `value`, an argument that is no symbol itself, holds one."""
    return isinstance(value, list | tuple) and any(isinstance(part, Symbol) or _holds_symbol(part) for part in value)
