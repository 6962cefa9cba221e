"""Elementwise functions that are compositions of rows, the tests of closeness, and other names of rows.

`tg.<name>` and `np.<name>(tensor)` are the same.
"""

from __future__ import annotations

import builtins
from typing import Any

import numpy as np

from tinygrad_edu.compositions.output import handed
from tinygrad_edu.errors import DtypeError, ShapeError, describe
from tinygrad_edu.interop import implements
from tinygrad_edu.memory import NUMBERS
from tinygrad_edu.node import here
from tinygrad_edu.ops import bits, elementwise, exponential, gamma, rounding, trigonometric
from tinygrad_edu.tensor import Tensor, as_tensor

__all__ = [
    "abs",
    "acos",
    "acosh",
    "allclose",
    "angle",
    "around",
    "array_equal",
    "array_equiv",
    "asin",
    "asinh",
    "atan",
    "atan2",
    "atanh",
    "bitwise_invert",
    "bitwise_left_shift",
    "bitwise_not",
    "bitwise_right_shift",
    "clip",
    "conj",
    "divmod",
    "expit",
    "frexp",
    "imag",
    "isclose",
    "iscomplex",
    "iscomplexobj",
    "isneginf",
    "isposinf",
    "isreal",
    "isrealobj",
    "log_sigmoid",
    "mod",
    "modf",
    "polygamma",
    "pow",
    "psi",
    "real",
    "round",
    "true_divide",
]

# --- other names of rows: NumPy's own, and SciPy's -----------------------------------------------------------

abs = elementwise.absolute
acos = trigonometric.arccos
acosh = trigonometric.arccosh
asin = trigonometric.arcsin
asinh = trigonometric.arcsinh
atan = trigonometric.arctan
atan2 = trigonometric.arctan2
atanh = trigonometric.arctanh
bitwise_invert = bitwise_not = bits.invert
bitwise_left_shift = bits.left_shift
bitwise_right_shift = bits.right_shift
conj = rounding.conjugate
expit = elementwise.sigmoid
mod = rounding.remainder
pow = elementwise.power
psi = gamma.digamma
true_divide = elementwise.divide


# --- limits and rounding -------------------------------------------------------------------------------------


@implements(np.clip, np._core.umath.clip)  # type: ignore[attr-defined]  # what `array.clip(t, 1.0)` calls
def clip(
    a: Any, a_min: Any = np._NoValue, a_max: Any = np._NoValue, out: Any = None, *,
    min: Any = np._NoValue, max: Any = np._NoValue,
) -> Any:  # fmt: skip
    """min(max(a, a_min), a_max); a bound of None is no bound. `min` and `max` are other names of the bounds.

    The derivative with respect to `a` is 0 at a bound. Bounds that are Tensors have derivatives too: a bound gets
    the gradient of the elements whose value it gives, those that equal it included.

    >>> import tinygrad_edu as tg
    >>> tg.clip([-1.0, 0.5, 2.0], 0, 1)
    Tensor([0. , 0.5, 1. ])
    """
    missing = np._NoValue
    if (a_min is missing) != (a_max is missing):
        name = "a_min" if a_min is missing else "a_max"
        raise DtypeError(
            describe(f"clip: {name} is missing", where=here(), fix=f"{name}=None is no bound", code="wrong-arguments")
        )
    if a_min is missing:
        a_min, a_max = None if min is missing else min, None if max is missing else max
    elif min is not missing or max is not missing:
        raise ShapeError(
            describe(
                "clip: a_min and a_max are min and max",
                where=here(),
                fix="give one pair of them",
                code="conflicting-arguments",
            )
        )
    low, high = (as_tensor(bound) if isinstance(bound, list | tuple) else bound for bound in (a_min, a_max))
    x = as_tensor(a)
    if not isinstance(low, Tensor) and not isinstance(high, Tensor):
        return handed(elementwise.clip(x, low, high), out)
    if low is None or high is None:
        dtype = np.result_type(x.dtype, high.dtype if low is None else low.dtype)
        low, high = _lowest(dtype) if low is None else low, _highest(dtype) if high is None else high
    return handed(elementwise.clip_between(x, low, high), out)


def _lowest(dtype: np.dtype[Any]) -> float:
    return int(np.iinfo(dtype).min) if dtype.kind in "iu" else -np.inf


def _highest(dtype: np.dtype[Any]) -> float:
    return int(np.iinfo(dtype).max) if dtype.kind in "iu" else np.inf


@implements(np.round, np.around)
def round(a: Any, decimals: int = 0, out: Any = None) -> Any:
    """`a` rounded to the given number of decimals; of two nearest the even one. The derivative is 0.

    >>> import tinygrad_edu as tg
    >>> tg.round([1.25, 2.5])
    Tensor([1., 2.])
    """
    return handed(rounding.round(as_tensor(a), decimals=decimals), out)


around = round


@implements(np.divmod)
def divmod(x1: Any, x2: Any, /) -> tuple[Tensor, Tensor]:
    """x₁ // x₂ and x₁ % x₂.

    >>> import tinygrad_edu as tg
    >>> tg.divmod([7.0, -7.0], 2.0)
    (Tensor([ 3., -4.]), Tensor([1., 1.]))
    """
    return rounding.floor_divide(x1, x2), rounding.remainder(x1, x2)


@implements(np.modf)
def modf(x: Any, /) -> tuple[Tensor, Tensor]:
    """The fractional part of x, with derivative 1, and the whole part, with derivative 0; both have the sign of x.

    >>> import tinygrad_edu as tg
    >>> tg.modf([1.25, -1.25])
    (Tensor([ 0.25, -0.25]), Tensor([ 1., -1.]))
    """
    x = as_tensor(x)
    fraction = rounding.fractional_part(x)
    return fraction, rounding.trunc(x if x.dtype == fraction.dtype else x.astype(fraction.dtype))


@implements(np.frexp)
def frexp(x: Any, /) -> tuple[Tensor, Tensor]:
    """The m and the whole y of x = m · 2ʸ with ½ ≤ |m| < 1. The derivative of m is 2⁻ʸ; y has none.

    >>> import tinygrad_edu as tg
    >>> tg.frexp([3.0, -0.25])
    (Tensor([ 0.75, -0.5 ]), Tensor([ 2, -1]))
    """
    return rounding.frexp_mantissa(x), rounding.frexp_exponent(x)


# --- parts of complex numbers, for real ones -----------------------------------------------------------------


def _must_be_real(value: Any, name: str) -> Tensor:
    x = as_tensor(value)
    if x.dtype.kind == "c":
        raise DtypeError(
            describe(
                f"{name} takes real tensors",
                where=here(),
                got=x.dtype,
                fix=f"np.{name}(x.data)",
                code="real-numbers-only",
            )
        )
    return x


@implements(np.real)
def real(val: Any) -> Tensor:
    """The real part: of real numbers they themselves.

    >>> import tinygrad_edu as tg
    >>> tg.real([1.0, 2.0])
    Tensor([1., 2.])
    """
    return _must_be_real(val, "real")


@implements(np.imag)
def imag(val: Any) -> Tensor:
    """The imaginary part: of real numbers 0, with derivative 0.

    >>> import tinygrad_edu as tg
    >>> tg.imag([1.0, 2.0])
    Tensor([0., 0.])
    """
    return rounding.imaginary_part(_must_be_real(val, "imag"))


@implements(np.angle)
def angle(z: Any, deg: bool = False) -> Tensor:
    """The angle in the complex plane: of positive numbers 0, of negative ones π (or 180). The derivative is 0.

    >>> import tinygrad_edu as tg
    >>> tg.angle([1.0, -1.0], deg=True)
    Tensor([  0., 180.])
    """
    z = _must_be_real(z, "angle")
    z = z.astype(np.float64) if z.dtype.kind == "b" else z
    result = trigonometric.arctan2(imag(z), z)
    return trigonometric.rad2deg(result) if deg else result


# --- special functions ---------------------------------------------------------------------------------------


def log_sigmoid(x: Any) -> Tensor:
    """log(1 / (1 + e⁻ˣ)), without overflow.

    >>> import tinygrad_edu as tg
    >>> tg.log_sigmoid([-1000.0, 1000.0])
    Tensor([-1000.,    -0.])
    """
    return -exponential.softplus(-as_tensor(x))


def polygamma(n: int, x: Any) -> Tensor:
    """The n-th derivative of digamma, which is digamma itself for n = 0.

    >>> import tinygrad_edu as tg
    >>> tg.polygamma(1, 1.0)
    Tensor(1.64493407)
    """
    if isinstance(n, bool) or not isinstance(n, int | np.integer):
        raise DtypeError(
            describe(f"polygamma: n must be a whole number, not {n!r}", where=here(), code="not-a-whole-number")
        )
    if n < 0:
        raise ShapeError(describe(f"polygamma: n must be 0 or more, not {n}", where=here(), code="number-out-of-range"))
    return gamma.polygamma(x, n=int(n)) if n else gamma.digamma(x)


# --- tests of numbers: no derivative -------------------------------------------------------------------------


@implements(np.isclose)
def isclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> Tensor:
    """|a − b| ≤ atol + rtol |b|, element by element, as booleans; infinities are close to themselves only.

    >>> import tinygrad_edu as tg
    >>> tg.isclose([1.0, 2.0], [1.0 + 1e-9, 2.1])
    Tensor([ True, False])
    """
    a, b = (x if x.__class__ in NUMBERS else as_tensor(x) for x in (a, b))  # Python's numbers are weak
    b = float(b) if isinstance(b, int) else b
    if isinstance(a, float) and isinstance(b, float):
        a = as_tensor(a)
    if isinstance(b, Tensor) and b.dtype.kind not in "fc":
        b = b.astype(np.result_type(b.dtype, 1.0))
    with np.errstate(invalid="ignore"):
        near = abs(a - b) <= atol + rtol * builtins.abs(b)  # a number stays weak, which tg.abs would not leave it
    near = elementwise.logical_or(elementwise.logical_and(near, elementwise.isfinite(b)), a == b)
    if equal_nan:
        near = elementwise.logical_or(near, elementwise.logical_and(elementwise.isnan(a), elementwise.isnan(b)))
    return near


@implements(np.allclose)
def allclose(a: Any, b: Any, rtol: Any = 1e-05, atol: Any = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close, as `isclose` has it.

    >>> import tinygrad_edu as tg
    >>> tg.allclose([1.0, 2.0], [1.0, 2.0 + 1e-9])
    True
    """
    return bool(isclose(a, b, rtol, atol, equal_nan).all())


@implements(np.array_equal)
def array_equal(a1: Any, a2: Any, equal_nan: bool = False) -> bool:
    """Whether both have the same shape and elements.

    >>> import tinygrad_edu as tg
    >>> tg.array_equal([1.0, 2.0], [[1.0, 2.0]])
    False
    """
    a1, a2 = as_tensor(a1), as_tensor(a2)
    return a1.shape == a2.shape and bool(_same(a1, a2, equal_nan).all())


@implements(np.array_equiv)
def array_equiv(a1: Any, a2: Any) -> bool:
    """Whether both have the same elements once broadcast to one shape.

    >>> import tinygrad_edu as tg
    >>> tg.array_equiv([1.0, 2.0], [[1.0, 2.0], [1.0, 2.0]])
    True
    """
    a1, a2 = as_tensor(a1), as_tensor(a2)
    try:
        np.broadcast_shapes(a1.shape, a2.shape)
    except ValueError:
        return False
    return bool(_same(a1, a2).all())


def _same(a: Tensor, b: Tensor, equal_nan: bool = False) -> Tensor:
    both_nan = elementwise.logical_and(a != a, b != b)  # only nan differs from itself
    return elementwise.logical_or(a == b, both_nan) if equal_nan else a == b


@implements(np.isposinf)
def isposinf(x: Any, out: Any = None) -> Any:
    """x = inf, element by element, as booleans.

    >>> import tinygrad_edu as tg
    >>> tg.isposinf([np.inf, -np.inf, 1.0])
    Tensor([ True, False, False])
    """
    return handed(_must_be_real(x, "isposinf") == np.inf, out)


@implements(np.isneginf)
def isneginf(x: Any, out: Any = None) -> Any:
    """x = -inf, element by element, as booleans.

    >>> import tinygrad_edu as tg
    >>> tg.isneginf([np.inf, -np.inf, 1.0])
    Tensor([False,  True, False])
    """
    return handed(_must_be_real(x, "isneginf") == -np.inf, out)


@implements(np.isreal)
def isreal(x: Any) -> Tensor:
    """Whether the imaginary part is 0, element by element: of real numbers always.

    >>> import tinygrad_edu as tg
    >>> tg.isreal([1.0, 2.0])
    Tensor([ True,  True])
    """
    result: Tensor = imag(x) == 0
    return result


@implements(np.iscomplex)
def iscomplex(x: Any) -> Tensor:
    """Whether the imaginary part is not 0, element by element: of real numbers never.

    >>> import tinygrad_edu as tg
    >>> tg.iscomplex([1.0, 2.0])
    Tensor([False, False])
    """
    result: Tensor = imag(x) != 0
    return result


@implements(np.isrealobj)
def isrealobj(x: Any) -> bool:
    """Whether the dtype is that of real numbers.

    >>> import tinygrad_edu as tg
    >>> tg.isrealobj([1.0, 2.0])
    True
    """
    return as_tensor(x).dtype.kind != "c"


@implements(np.iscomplexobj)
def iscomplexobj(x: Any) -> bool:
    """Whether the dtype is that of complex numbers.

    >>> import tinygrad_edu as tg
    >>> tg.iscomplexobj([1.0, 2.0])
    False
    """
    return not isrealobj(x)
