"""Trigonometric and hyperbolic functions and their inverses, angles and their units, element by element.

Rules are written so that squares of large arguments don't overflow and differences near 1 keep their digits.
Arrays only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, GENERAL, NONZERO, REAL, UNIT, Domain, Op, Sample
from tinygrad_edu.ops import sampling

Array = Any

# --- trigonometric -------------------------------------------------------------------------------------------

sin = Op(
    "sin", np.sin,
    vjps=(lambda g, out, x: g * np.cos(x),),
    kind=ELEMENTWISE, formula="sin x", domain=(REAL,),
    doc="Sine of an angle in radians.",
)  # fmt: skip

cos = Op(
    "cos", np.cos,
    vjps=(lambda g, out, x: -g * np.sin(x),),
    kind=ELEMENTWISE, formula="cos x", domain=(REAL,),
    doc="Cosine of an angle in radians.",
)  # fmt: skip

tan = Op(
    "tan", np.tan,
    vjps=(lambda g, out, x: g * (1 + out * out),),
    kind=ELEMENTWISE, formula="tan x", domain=(Domain("any real number but odd multiples of π/2", -1.2, 1.2),),
    doc="Tangent of an angle in radians.",
)  # fmt: skip

arcsin = Op(
    "arcsin", np.arcsin,
    vjps=(lambda g, out, x: g / np.sqrt((1 - x) * (1 + x)),),
    kind=ELEMENTWISE, formula="arcsin x", domain=(UNIT,),
    doc="The angle in [-π/2, π/2] whose sine is x. The derivative at ±1 is inf.",
)  # fmt: skip

arccos = Op(
    "arccos", np.arccos,
    vjps=(lambda g, out, x: -g / np.sqrt((1 - x) * (1 + x)),),
    kind=ELEMENTWISE, formula="arccos x", domain=(UNIT,),
    doc="The angle in [0, π] whose cosine is x. The derivative at ±1 is -inf.",
)  # fmt: skip

arctan = Op(
    "arctan", np.arctan,
    vjps=(lambda g, out, x: g / (1 + x * x),),
    kind=ELEMENTWISE, formula="arctan x", domain=(REAL,),
    doc="The angle in [-π/2, π/2] whose tangent is x.",
)  # fmt: skip

# --- hyperbolic ----------------------------------------------------------------------------------------------

sinh = Op(
    "sinh", np.sinh,
    vjps=(lambda g, out, x: g * np.cosh(x),),
    kind=ELEMENTWISE, formula="sinh x", domain=(REAL,),
    doc="Hyperbolic sine.",
)  # fmt: skip

cosh = Op(
    "cosh", np.cosh,
    vjps=(lambda g, out, x: g * np.sinh(x),),
    kind=ELEMENTWISE, formula="cosh x", domain=(REAL,),
    doc="Hyperbolic cosine.",
)  # fmt: skip

arcsinh = Op(
    "arcsinh", np.arcsinh,
    vjps=(lambda g, out, x: g / np.hypot(1.0, x),),
    kind=ELEMENTWISE, formula="arsinh x", domain=(REAL,),
    doc="The number whose hyperbolic sine is x.",
)  # fmt: skip

arccosh = Op(
    "arccosh", np.arccosh,
    vjps=(lambda g, out, x: g / (np.sqrt(x - 1) * np.sqrt(x + 1)),),
    kind=ELEMENTWISE, formula="arcosh x", domain=(Domain("x > 1", 1.1, 4.0),),
    doc="The number ≥ 0 whose hyperbolic cosine is x. The derivative at 1 is inf.",
)  # fmt: skip

arctanh = Op(
    "arctanh", np.arctanh,
    vjps=(lambda g, out, x: g / ((1 - x) * (1 + x)),),
    kind=ELEMENTWISE, formula="artanh x", domain=(UNIT,),
    doc="The number whose hyperbolic tangent is x. At ±1 it is infinite and NumPy warns, as for arrays.",
)  # fmt: skip

# --- of two arguments ----------------------------------------------------------------------------------------


def _hypot_rule(g: Array, out: Array, x: Array) -> Array:
    """g·x/out, and 0 at the origin: of all slopes there, the one of least norm."""
    origin = out == 0
    return np.where(origin, 0, g) * (x / np.where(origin, 1, out))


hypot = Op(
    "hypot", np.hypot,
    vjps=(lambda g, out, x, y: _hypot_rule(g, out, x),
          lambda g, out, x, y: _hypot_rule(g, out, y)),
    kind=ELEMENTWISE, formula="√(x² + y²)", domain=(NONZERO, REAL),
    doc="The length of the hypotenuse, √(x² + y²), without overflow. The derivatives at (0, 0) are 0.",
)  # fmt: skip


def _turn(g: Array, moved: Array, other: Array) -> Array:
    """g · other / (moved² + other²), without overflow; 0 at the origin."""
    radius = np.hypot(moved, other)
    origin = radius == 0
    radius = np.where(origin, 1, radius)
    return np.where(origin, 0, g) * (other / radius / radius)


arctan2 = Op(
    "arctan2", np.arctan2,
    vjps=(lambda g, out, x, y: _turn(g, x, y),
          lambda g, out, x, y: -_turn(g, y, x)),
    kind=ELEMENTWISE, formula="angle of the point (y, x)", domain=(NONZERO, REAL),
    doc="The angle in [-π, π] of the point whose ordinate is x and whose abscissa is y: np.arctan2(x1, x2).\n\n"
        "The derivatives at (0, 0), where the angle jumps, are 0.",
)  # fmt: skip

# --- units ---------------------------------------------------------------------------------------------------


def _conversion(name: str, function: np.ufunc, factor: float, formula: str, doc: str) -> Op:
    return Op(
        name, function, vjps=(lambda g, out, x: g * factor,), kind=ELEMENTWISE, formula=formula, domain=(REAL,),
        linear=True, doc=doc,
    )  # fmt: skip


deg2rad = _conversion("deg2rad", np.deg2rad, math.pi / 180, "x π / 180", "An angle in degrees, in radians.")
radians = _conversion("radians", np.radians, math.pi / 180, "x π / 180", "An angle in degrees, in radians.")
rad2deg = _conversion("rad2deg", np.rad2deg, 180 / math.pi, "180 x / π", "An angle in radians, in degrees.")
degrees = _conversion("degrees", np.degrees, 180 / math.pi, "180 x / π", "An angle in radians, in degrees.")


def _unwrap(
    x: Array, discont: float | None = None, axis: int = -1, *, period: float = 2 * math.pi
) -> Array:  # fmt: skip
    return np.unwrap(x, discont, axis, period=period)


def _unwrap_sample(rng: np.random.Generator) -> Sample:
    """Angles that grow by steps well away from half a period, which is where the result jumps."""
    size = sampling.shape(rng, low=1)
    axis = sampling.one_axis(rng, len(size))
    return (np.cumsum(rng.uniform(0.3, 2.0, size), axis=axis) % (2 * math.pi),), {"axis": axis}


unwrap = Op(
    "unwrap", _unwrap, numpy=np.unwrap,
    vjps=(lambda g, out, x, discont=None, axis=-1, *, period=2 * math.pi: +g,),
    kind=GENERAL, formula="x + whole periods", domain=(REAL,), sampler=_unwrap_sample,
    doc="x with whole periods added along `axis`, so that neighbours differ by half a period at most.\n\n"
        "What is added is constant between the jumps, so the gradient passes unchanged.",
)  # fmt: skip
