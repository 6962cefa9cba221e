"""Rounding, remainders, signs and the parts of a floating number: piecewise constant or linear functions.

Their derivatives are those of the pieces, and at the jumps those of the piece that gives the value. Arrays only.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, NONZERO, REAL, Domain, Op, Sample
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.elementwise import steps

Array = Any

# --- to whole numbers ----------------------------------------------------------------------------------------

rint = steps("rint", np.rint, "[x]", "The nearest whole number; of two the even one. The derivative is 0.")
trunc = steps("trunc", np.trunc, "trunc x", "The whole number next to x towards 0. The derivative is 0.")
fix = steps("fix", np.trunc, "trunc x", "The whole number next to x towards 0. The derivative is 0.", numpy=np.fix)


def _round(x: Array, decimals: int = 0) -> Array:
    return np.round(x, decimals)


def _round_sample(rng: np.random.Generator) -> Sample:
    decimals = int(rng.integers(-1, 3))
    whole = rng.integers(-5, 5, sampling.shape(rng))
    return ((whole + rng.uniform(0.1, 0.4, whole.shape)) / 10.0**decimals,), {"decimals": decimals}


round = Op(
    "round", _round, numpy=np.round,
    vjps=(lambda g, out, x, decimals=0: np.zeros_like(g),),
    kind=ELEMENTWISE, formula="round(x, decimals)", domain=(Domain("any real number, jumps", 0.1, 0.4),),
    sampler=_round_sample,
    doc="x rounded to the given number of decimals; negative ones are tens and hundreds. The derivative is 0.",
)  # fmt: skip

# --- division with remainder ---------------------------------------------------------------------------------

_BETWEEN = (Domain("any real number, jumps where x / y is whole", 1.1, 1.4), Domain("y ≠ 0", 0.75, 0.9))

floor_divide = steps(
    "floor_divide", np.floor_divide, "⌊x / y⌋", "The quotient rounded down. The derivatives are 0.", domain=_BETWEEN
)

remainder = Op(
    "remainder", np.remainder,
    vjps=(lambda g, out, x, y: +g,
          lambda g, out, x, y: -g * np.floor_divide(x, y)),
    kind=ELEMENTWISE, formula="x − y ⌊x / y⌋", domain=_BETWEEN,
    doc="What is left of x after whole multiples of y, with the sign of y: Python's x % y.",
)  # fmt: skip

# trunc(x / y) would be one too large where x / y rounds up to a whole number.
fmod = Op(
    "fmod", np.fmod,
    vjps=(lambda g, out, x, y: +g,
          lambda g, out, x, y: -g * np.rint((x - out) / y)),
    kind=ELEMENTWISE, formula="x − y trunc(x / y)", domain=_BETWEEN,
    doc="What is left of x after whole multiples of y, with the sign of x.",
)  # fmt: skip


def _fractional_part(x: Array) -> Array:
    return np.modf(x)[0]


fractional_part = Op(
    "fractional_part", _fractional_part,
    vjps=(lambda g, out, x: +g,),
    kind=ELEMENTWISE, formula="x − trunc x", domain=(Domain("any real number, jumps", 0.1, 0.4),),
    doc="The first result of np.modf: x without its whole part, with the sign of x.",
)  # fmt: skip

# --- signs ---------------------------------------------------------------------------------------------------

copysign = Op(
    "copysign", np.copysign,
    vjps=(lambda g, out, x, y: g * (np.sign(x) * np.sign(out)),
          lambda g, out, x, y: np.zeros_like(g)),
    kind=ELEMENTWISE, formula="|x| · sign y", domain=(NONZERO, NONZERO),
    doc="x with the sign of y. The derivative at x = 0 is 0, and that with respect to y is 0 everywhere.",
)  # fmt: skip

heaviside = Op(
    "heaviside", np.heaviside,
    vjps=(lambda g, out, x, y: np.zeros_like(g),
          lambda g, out, x, y: np.where(x == 0, g, 0)),
    kind=ELEMENTWISE, formula="0 if x < 0, y if x = 0, 1 if x > 0", domain=(NONZERO, REAL),
    doc="The step from 0 to 1, which is y at x = 0. The derivative with respect to x is 0, at the step too.",
)  # fmt: skip

# --- parts of a floating number ------------------------------------------------------------------------------


def _ldexp_sample(rng: np.random.Generator) -> Sample:
    left, right = sampling.broadcastable(rng, 2)
    return (rng.normal(size=left), rng.integers(-3, 4, right)), {}


_EXPONENT = Domain("whole numbers", -3, 3)

ldexp = Op(
    "ldexp", np.ldexp,
    vjps=(lambda g, out, x, y: np.ldexp(g, y),
          None),
    kind=ELEMENTWISE, formula="x · 2ʸ", domain=(REAL, _EXPONENT), sampler=_ldexp_sample,
    doc="x times 2 to the power y, for whole y.",
)  # fmt: skip

frexp_exponent = Op(
    "frexp_exponent", lambda x: np.frexp(x)[1],
    vjps=(None,),
    kind=ELEMENTWISE, formula="the y of x = m · 2ʸ", domain=(NONZERO,),
    doc="The second result of np.frexp: the whole exponent y of x = m · 2ʸ with ½ ≤ |m| < 1. No derivative.",
)  # fmt: skip

frexp_mantissa = Op(
    "frexp_mantissa", lambda x: np.frexp(x)[0],
    vjps=(lambda g, out, x: np.ldexp(g, -frexp_exponent.run(x)),),
    kind=ELEMENTWISE, formula="the m of x = m · 2ʸ", domain=(Domain("x ≠ 0, jumps at powers of 2", 1.1, 1.9),),
    doc="The first result of np.frexp: the m of x = m · 2ʸ with ½ ≤ |m| < 1. The derivative is 2⁻ʸ.",
)  # fmt: skip

nextafter = Op(
    "nextafter", np.nextafter,
    vjps=(lambda g, out, x, y: +g,
          lambda g, out, x, y: np.zeros_like(g)),
    kind=ELEMENTWISE, formula="the number after x towards y", domain=(REAL, REAL),
    doc="The floating number next to x in the direction of y: x, but for the last bit, so the derivative is 1; by y 0.",
)  # fmt: skip

spacing = Op(
    "spacing", np.spacing,
    vjps=(None,),
    kind=ELEMENTWISE, formula="distance from x to the next number", domain=(REAL,),
    doc="The distance from x to the next floating number away from 0; no derivative.",
)  # fmt: skip

# --- what is not a number ------------------------------------------------------------------------------------


def _nan_to_num(
    x: Array, copy: bool = True, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None
) -> Array:
    if not copy:
        raise TypeError("the result is always a new value: copy=False can't be had")
    return np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf)


def _nan_to_num_rule(
    g: Array, out: Array, x: Array, copy: bool = True, nan: float = 0.0,
    posinf: float | None = None, neginf: float | None = None,
) -> Array:  # fmt: skip
    return np.where(np.isfinite(x), g, 0)


nan_to_num = Op(
    "nan_to_num", _nan_to_num, numpy=np.nan_to_num,
    vjps=(_nan_to_num_rule,),
    kind=ELEMENTWISE, formula="x, or numbers in place of nan and ±inf", domain=(REAL,),
    doc="x with nan, inf and -inf replaced: by 0 and the largest numbers of the dtype, or by what is given.\n\n"
        "The derivative is 0 where something was replaced.",
)  # fmt: skip

# --- complex numbers, of which the engine knows the real ones ------------------------------------------------

conjugate = Op(
    "conjugate", np.conjugate,
    vjps=(lambda g, out, x: np.conjugate(g),),
    kind=ELEMENTWISE, formula="x̄", domain=(REAL,),
    doc="The complex conjugate: of a real number a copy.",
)  # fmt: skip

imaginary_part = Op(
    "imaginary_part", lambda x: np.zeros_like(x),
    vjps=(lambda g, out, x: np.zeros_like(g),),
    kind=ELEMENTWISE, formula="0", domain=(REAL,),
    doc="0, the imaginary part of a real number. The derivative is 0.",
)  # fmt: skip
