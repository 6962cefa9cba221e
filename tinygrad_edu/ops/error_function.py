"""The error function, its complement and its inverse. Arrays only.

Source: W. J. Cody, Rational Chebyshev approximations for the error function, Math. Comp. 23 (1969) 631-637;
the coefficients are those of its implementation in SPECFUN (netlib), good for 16 digits and more.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, REAL, UNIT, Op
from tinygrad_edu.ops.numerics import by_region, in_double, polynomial

Array = Any

_SLOPE = 2 / math.sqrt(math.pi)  # of erf at 0

# |x| ≤ 0.46875: erf x = x R(x²)
NEAR = (
    (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
     3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)  # fmt: skip
# 0.46875 ≤ x ≤ 4: erfc x = exp(−x²) R(x)
MIDDLE = (
    (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
     2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
     1.23033935479799725e3),
    (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
     3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
)  # fmt: skip
# x ≥ 4: erfc x = exp(−x²) / x · (1/√π − R(1/x²) / x²)
FAR = (
    (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
     1.60837851487422766e-2, 6.58749161529837803e-4),
    (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
     2.33520497626869185e-3),
)  # fmt: skip
# x ≥ 0: erfc x = t exp(P(t) − x²) with t = 2 / (2 + x), to 3 · 10⁻¹⁰ of the value: enough for float32. The form is
# that of W. Press et al., Numerical recipes, 2nd ed. 1992, section 6.2; P interpolates at 13 Chebyshev points.
SHORT = (
    0.1936019166351619, -1.4268386997447657, 4.561724523475403, -8.181631190964993, 8.899890538725982,
    -6.053211678074785, 2.838890423774064, -1.1453323043114367, 0.15654456730775457, 0.042671280447820176,
    0.3794866950232033, 0.9997075381554772, -1.2655036101822232,
)  # fmt: skip


def _ratio(x: Array, tables: tuple[tuple[float, ...], tuple[float, ...]]) -> Array:
    return polynomial(x, tables[0]) / polynomial(x, tables[1])


def gauss(x: Array) -> Array:
    """exp(−x²), with x split into sixteenths and a rest so that rounding of x² isn't multiplied by x²."""
    whole = np.trunc(x * 16) / 16
    return np.exp(-whole * whole) * np.exp(-(x - whole) * (x + whole))


def _near(x: Array) -> Array:
    return x * _ratio(x * x, NEAR)


def _tail_middle(x: Array) -> Array:
    return gauss(x) * _ratio(x, MIDDLE)


def _tail_far(x: Array) -> Array:
    x = np.minimum(x, 30.0)  # erfc 27 is below the smallest number
    z = 1 / (x * x)
    return gauss(x) / x * (1 / math.sqrt(math.pi) - z * _ratio(z, FAR))


@in_double
def _erf(x: Array) -> Array:
    size = np.abs(x)
    return by_region(
        x,
        (size <= 0.46875, _near),
        (size >= 6, np.sign),
        (size <= 4, lambda x: np.copysign(1 - _tail_middle(np.abs(x)), x)),
        (True, lambda x: np.copysign(1 - _tail_far(np.abs(x)), x)),
    )


@in_double
def _erfc_in_full(x: Array) -> Array:
    return by_region(
        x,
        (np.abs(x) <= 0.46875, lambda x: 1 - _near(x)),
        (x > 4, _tail_far),
        (x > 0, _tail_middle),
        (x >= -4, lambda x: 2 - _tail_middle(-x)),
        (True, lambda x: 2 - _tail_far(-x)),
    )


@in_double
def _erfc_in_short(x: Array) -> Array:
    size = np.minimum(np.abs(x), 11.0)  # erfc 11 is below the smallest float32
    t = 2 / (2 + size)
    tail = t * np.exp(polynomial(t, SHORT) - size * size)
    return np.where(x < 0, 2 - tail, tail)


def _erfc(x: Array) -> Array:
    """float32 needs one formula for all x: 8.5 ms for 400,000 instead of 25, most of which sorts them by region."""
    return _erfc_in_short(x) if getattr(x, "dtype", None) in (np.float32, np.float16) else _erfc_in_full(x)


def _first_guess(y: Array) -> Array:
    """erfinv to about 2 parts in 1,000, for y > 0.

    Source: S. Winitzki, A handy approximation for the error function and its inverse (2008), equation 7.
    """
    a = 0.147
    log = np.log1p(-y) + np.log1p(y)
    half = 2 / (math.pi * a) + log / 2
    return np.where(y < 0.1, y / _SLOPE, np.sqrt(np.sqrt(half * half - log / a) - half))


@in_double
def _erfinv(y: Array) -> Array:
    """Newton's method with Halley's correction; where y > ½ on erfc x = 1 − y, which keeps the digits of 1 − y."""
    size = np.abs(y)
    x = _first_guess(size)
    for _ in range(3):
        error = np.where(size > 0.5, (1 - size) - _erfc_in_full(x), _erf(x) - size)
        step = error / (_SLOPE * gauss(x))
        x = x - step / (1 + x * step)
    x = np.where(size == 1, np.inf, x)
    return np.copysign(np.where(size > 1, np.nan, x), y)


erf = Op(
    "erf", _erf,
    vjps=(lambda g, out, x: g * (_SLOPE * np.exp(-(x * x))),),
    kind=ELEMENTWISE, formula="2/√π ∫₀ˣ exp(−t²) dt", domain=(REAL,),
    doc="The error function, to 16 digits.\n\nSource: Cody (1969), see the module.",
)  # fmt: skip

erfc = Op(
    "erfc", _erfc,
    vjps=(lambda g, out, x: -g * (_SLOPE * np.exp(-(x * x))),),
    kind=ELEMENTWISE, formula="2/√π ∫ₓ^∞ exp(−t²) dt", domain=(REAL,),
    doc="The complementary error function 1 − erf x, to 15 digits also where it is small.\n\n"
        "Source: Cody (1969), see the module.",
)  # fmt: skip

erfinv = Op(
    "erfinv", _erfinv,
    vjps=(lambda g, out, x: g * (np.exp(out * out) / _SLOPE),),
    kind=ELEMENTWISE, formula="the y with erf y = x", domain=(UNIT,),
    doc="The inverse of the error function: ±inf at ±1, nan outside [-1, 1].",
)  # fmt: skip
