"""Special functions that are short: logit, x log y, sinc and its derivatives, the modified Bessel functions Iₙ.

The error and gamma functions have modules of their own. Arrays only.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, POSITIVE, REAL, Domain, Op, Sample
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.numerics import by_region, in_double

Array = Any

# --- logarithms of probabilities -----------------------------------------------------------------------------


@in_double
def _logit(x: Array) -> Array:
    """log(x / (1 − x)); from ¼ on as 2 artanh(2x − 1), where 2x − 1 and 1 − x are exact or nearly so."""
    return by_region(
        x,
        (x < 0.25, lambda x: np.log(x) - np.log1p(-x)),
        (True, lambda x: 2 * np.arctanh(2 * x - 1)),
    )


logit = Op(
    "logit", _logit,
    vjps=(lambda g, out, x: g * (1 / x + 1 / (1 - x)),),
    kind=ELEMENTWISE, formula="log(x / (1 − x))", domain=(Domain("0 < x < 1", 0.05, 0.95),),
    doc="The inverse of sigmoid: ∓inf at 0 and 1, nan outside.",
)  # fmt: skip


@in_double
def _xlogy(x: Array, y: Array) -> Array:
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log(y))


@in_double
def _xlog1py(x: Array, y: Array) -> Array:
    return np.where((x == 0) & ~np.isnan(y), 0, x * np.log1p(y))


# Where x and y are both 0, 1 stands in for y: 0·log 0 and 0/0 are 0 here.
xlogy = Op(
    "xlogy", _xlogy,
    vjps=(lambda g, out, x, y: g * np.log(y + (x == 0) * (y == 0)),
          lambda g, out, x, y: g * x / (y + (x == 0) * (y == 0))),
    kind=ELEMENTWISE, formula="x log y", domain=(REAL, POSITIVE),
    doc="x log y, and 0 where x is 0, for y = 0 too. The derivatives at (0, 0) are 0.",
)  # fmt: skip

xlog1py = Op(
    "xlog1py", _xlog1py,
    vjps=(lambda g, out, x, y: g * np.log1p(y + (x == 0) * (y == -1)),
          lambda g, out, x, y: g * x / (1 + y + (x == 0) * (y == -1))),
    kind=ELEMENTWISE, formula="x log(1 + y)", domain=(REAL, Domain("y > -1", -0.8, 2.0)),
    doc="x log(1 + y), and 0 where x is 0, for y = -1 too. The derivatives at (0, -1) are 0.",
)  # fmt: skip

# --- sinc ----------------------------------------------------------------------------------------------------


def _order_sample(rng: np.random.Generator) -> Sample:
    return (rng.uniform(-3, 3, sampling.shape(rng)),), {"order": int(rng.integers(0, 4))}


@in_double
def _sinc_derivative(x: Array, order: int) -> Array:
    """The derivative of f(z) = sin z / z, times πⁿ: by z fₙ + n fₙ₋₁ = sin(z + nπ/2), near 0 by the power series.

    The recurrence multiplies rounding errors by about n! / zⁿ, the series by eᶻ: they change places at n/2 + 1.
    """

    def recurrence(x: Array) -> Array:
        whole = np.rint(x)
        side = 1 - 2 * np.abs(np.fmod(whole, 2))  # -1 for odd ones: sin πx is 0 exactly where x is whole
        waves = (side * np.sin(np.pi * (x - whole)), side * np.cos(np.pi * (x - whole)))
        z = np.pi * x
        out = waves[0] / z
        for n in range(1, order + 1):
            out = ((-1) ** (n // 2) * waves[n % 2] - n * out) / z
        return out

    def series(x: Array) -> Array:
        z = np.pi * x
        first = (order + 1) // 2
        square = z * z
        out = np.zeros_like(z)
        for k in range(first + 12 + order, first - 1, -1):
            power = 2 * k - order  # of z in the term of z²ᵏ after `order` derivatives
            out = out * square + (-1) ** k / ((2 * k + 1) * math.factorial(power))
        return out * z if order % 2 else out

    near = np.abs(x) < (order / 2 + 1) / np.pi
    return np.pi**order * by_region(x, (np.isinf(x), np.zeros_like), (near, series), (True, recurrence))


sinc_derivative: Op = Op(
    "sinc_derivative", _sinc_derivative,
    vjps=(lambda g, out, x, order: g * sinc_derivative.run(x, order=order + 1),),
    kind=ELEMENTWISE, formula="n-th derivative of sinc", domain=(REAL,), sampler=_order_sample,
    doc="The derivative of sinc of the given order, at 0 too. Source: https://dlmf.nist.gov/10.49 (f₀ = j₀).",
)  # fmt: skip

sinc = Op(
    "sinc", np.sinc,
    vjps=(lambda g, out, x: g * sinc_derivative.run(x, order=1),),
    kind=ELEMENTWISE, formula="sin(πx) / (πx)", domain=(REAL,),
    doc="sin(πx) / (πx), and 1 at 0, where the derivative is 0.",
)  # fmt: skip

# --- modified Bessel functions -------------------------------------------------------------------------------


@in_double
def _bessel_i(x: Array, order: int) -> Array:
    """Iₙ(x): by its power series (10.25.2), all of whose terms have one sign, or for large x asymptotically (10.40.1).

    Source: https://dlmf.nist.gov/10
    """
    size = np.abs(x)

    def series(z: Array) -> Array:
        quarter = z * z / 4
        term = (z / 2) ** order / math.factorial(order)
        out = term.copy()
        for k in range(1, 400):
            term = term * quarter / (k * (k + order))
            out += term
            if (term <= 1e-17 * out).all():
                break
        return out

    def asymptotic(z: Array) -> Array:
        term = np.ones_like(z)
        out = term.copy()
        for k in range(1, 60):
            following = term * ((2 * k - 1) ** 2 - 4 * order**2) / (8 * k * z)
            term = np.where(np.abs(following) < np.abs(term), following, 0)  # up to its smallest term
            if k <= order:
                term = following
            out += term
        growth = np.exp(z / 2)
        return growth / np.sqrt(2 * np.pi * z) * out * growth

    value = by_region(size, (np.isinf(size), np.copy), (size < max(30, order**2), series), (True, asymptotic))
    return np.where(x < 0, (-1) ** order * value, value)


bessel_i: Op = Op(
    "bessel_i", _bessel_i,
    vjps=(lambda g, out, x, order:
          g * (bessel_i.run(x, order=abs(order - 1)) + bessel_i.run(x, order=order + 1)) / 2,),
    kind=ELEMENTWISE, formula="Iₙ(x)", domain=(REAL,), sampler=_order_sample,
    doc="The modified Bessel function of the first kind, of whole order n ≥ 0.",
)  # fmt: skip

i0 = Op(
    "i0", np.i0,
    vjps=(lambda g, out, x: g * bessel_i.run(x, order=1),),
    kind=ELEMENTWISE, formula="I₀(x)", domain=(REAL,),
    doc="The modified Bessel function of the first kind, of order 0.",
)  # fmt: skip

# The names of SciPy's ufuncs that rows serve: `scipy.special.erf(tensor)` finds its row here.
SCIPY = {
    "betaln": "betaln", "erf": "erf", "erfc": "erfc", "erfinv": "erfinv", "expit": "sigmoid", "gammaln": "gammaln",
    "i0": "i0", "logit": "logit", "psi": "digamma", "xlog1py": "xlog1py", "xlogy": "xlogy",
}  # fmt: skip
