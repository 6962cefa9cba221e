"""The logarithm of the gamma function, its derivatives of every order, and that of the beta function. Arrays only.

Equation numbers are those of the NIST Digital Library of Mathematical Functions, https://dlmf.nist.gov.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_edu.op import ELEMENTWISE, POSITIVE, Domain, Op, Sample
from tinygrad_edu.ops import sampling
from tinygrad_edu.ops.numerics import by_region, in_double, polynomial

Array = Any

_BERNOULLI = (1 / 6, -1 / 30, 1 / 42, -1 / 30, 5 / 66, -691 / 2730, 7 / 6, -3617 / 510, 43867 / 798, -174611 / 330)
_EULER_GAMMA = 0.57721566490153286061
_LOG_ROOT_2PI = 0.91893853320467274178
_LARGE = 8.0  # from here on Stirling's series is exact to rounding


def _hurwitz_zeta(s: int, x: Array) -> Array:
    """Σ (x + k)⁻ˢ over k = 0, 1, …, for x > 0: some terms, and by Euler and Maclaurin's formula the rest (25.11.43)."""
    count = 10 + s // 2
    total = np.zeros_like(x)
    for k in range(count):
        total += (x + k) ** -s
    y = x + count
    factor = y**-s
    total += factor * (y / (s - 1) + 0.5)
    factor = factor * s / y
    for j, number in enumerate(_BERNOULLI, 1):
        total += number / math.factorial(2 * j) * factor
        factor = factor * (s + 2 * j - 1) * (s + 2 * j) / (y * y)
    return total


# --- digamma and polygamma -----------------------------------------------------------------------------------


def _cotangent_derivative(n: int) -> list[float]:
    """The coefficients, highest first, of the polynomial in cot t that is the n-th derivative of cot t."""
    derivative = np.polynomial.Polynomial([0, 1])
    for _ in range(n):
        derivative = derivative.deriv() * np.polynomial.Polynomial([-1, 0, -1])
    return [float(c) for c in derivative.coef[::-1]]


def _polygamma(x: Array, n: int) -> Array:
    """The n-th derivative of digamma for n ≥ 1: by 25.11.12 for x > 0, by the reflection 5.15.6 for x < 0."""
    sign = (-1) ** (n + 1)

    def right(x: Array) -> Array:
        return sign * math.factorial(n) * _hurwitz_zeta(n + 1, x)

    def left(x: Array) -> Array:
        cotangent = 1 / np.tan(np.pi * (x - np.rint(x)))
        bend = math.pi ** (n + 1) * polynomial(cotangent, _cotangent_derivative(n))
        return -sign * right(1 - x) - bend

    return by_region(
        x,
        (x == np.inf, np.zeros_like),
        (x > 0, right),
        (x == 0, lambda x: np.copysign(np.inf, x) * sign if n % 2 == 0 else np.full_like(x, np.inf)),
        (x == np.rint(x), lambda x: np.full_like(x, np.inf if n % 2 else np.nan)),  # of even n they change sign
        (True, left),
    )


# The zero of digamma, as a double and what is left of it, and the Taylor coefficients there.
_ZERO, _ZERO_REST = 1.4616321449683622, 9.549995429965697e-17
_AT_ZERO = [
    float(_polygamma(np.array([_ZERO]), n)[0]) / math.factorial(n) for n in range(32, 0, -1)
]  # fmt: skip


@in_double
def _digamma(x: Array) -> Array:
    def near_zero(x: Array) -> Array:
        h = (x - _ZERO) - _ZERO_REST
        return h * polynomial(h, _AT_ZERO)

    def right(x: Array) -> Array:
        """Recurrence upwards (5.5.2), then the asymptotic series (5.11.2)."""
        total = np.zeros_like(x)
        for _ in range(10):
            small = x < 10
            total -= np.where(small, 1 / x, 0)
            x = np.where(small, x + 1, x)
        z = 1 / (x * x)
        terms = [number / (2 * j) for j, number in enumerate(_BERNOULLI, 1)]
        return total + (np.log(x) - 0.5 / x - z * polynomial(z, terms[::-1]))

    def left(x: Array) -> Array:
        return right(1 - x) - np.pi / np.tan(np.pi * (x - np.rint(x)))

    return by_region(
        x,
        (x == np.inf, np.copy),
        (np.abs(x - _ZERO) < 0.4, near_zero),
        (x > 0, right),
        (x == 0, lambda x: -np.copysign(np.inf, x)),
        (x == np.rint(x), lambda x: np.full_like(x, np.nan)),
        (True, left),
    )


# --- log |Γ| -------------------------------------------------------------------------------------------------

# ln Γ(2 + z) = (1 − γ) z + Σ (−1)ᵏ (ζ(k) − 1) zᵏ / k, |z| ≤ ½: 5.7.3, where ζ(k) − 1 = Σ n⁻ᵏ over n ≥ 2
_AROUND_TWO = [(-1) ** k * float(_hurwitz_zeta(k, np.array([2.0]))[0]) / k for k in range(28, 1, -1)]
_AROUND_TWO = [*_AROUND_TWO, 1 - _EULER_GAMMA, 0.0]


def _stirling_rest(x: Array) -> Array:
    """What Stirling's formula leaves of ln Γ(x), for x ≥ 8: Σ B₂ⱼ / (2j (2j − 1) x²ʲ⁻¹), 5.11.1."""
    terms = [number / (2 * j * (2 * j - 1)) for j, number in enumerate(_BERNOULLI, 1)]
    return polynomial(1 / (x * x), terms[::-1]) / x


def _log_gamma(x: Array) -> Array:
    def around_two(x: Array) -> Array:
        return polynomial(x - 2, _AROUND_TWO)

    def around_one(x: Array) -> Array:
        return polynomial(x - 1, _AROUND_TWO) - np.log1p(x - 1)

    def small(x: Array) -> Array:
        return polynomial(x, _AROUND_TWO) - np.log1p(x) - np.log(x)

    def medium(x: Array) -> Array:
        product = np.ones_like(x)
        for _ in range(6):
            above = x > 2.5
            x = np.where(above, x - 1, x)
            product = np.where(above, product * x, product)
        return around_two(x) + np.log(product)

    def large(x: Array) -> Array:
        return (x - 0.5) * (np.log(x) - 1) + (_LOG_ROOT_2PI - 0.5 + _stirling_rest(x))

    def left(x: Array) -> Array:
        """By the reflection 5.5.3."""
        return np.log(np.pi / np.abs(np.sin(np.pi * (x - np.rint(x))))) - _log_gamma(1 - x)

    return by_region(
        x,
        (np.isinf(x), np.abs),
        (x >= _LARGE, large),
        (x > 2.5, medium),
        (x >= 1.5, around_two),
        (x >= 0.5, around_one),
        (x > 0, small),
        (x == np.rint(x), lambda x: np.full_like(x, np.inf)),
        (True, left),
    )


def _log_beta(x: Array, y: Array) -> Array:
    """ln Γ(x) + ln Γ(y) − ln Γ(x + y); for large arguments their main parts are subtracted on paper."""
    low, high = np.minimum(x, y), np.maximum(x, y)
    both = low + high
    plain = _log_gamma(low) + (_log_gamma(high) - _log_gamma(both))
    safe = np.maximum(high, _LARGE)
    rest = _stirling_rest(safe) - _stirling_rest(low + safe)
    one_large = _log_gamma(low) - low * (np.log(safe) - 1) - (low + safe - 0.5) * np.log1p(low / safe) + rest
    lower = np.maximum(low, _LARGE)
    two_large = (
        _LOG_ROOT_2PI - 0.5 * np.log(safe) + (lower - 0.5) * np.log(lower / (lower + safe))
        - safe * np.log1p(lower / safe) + _stirling_rest(lower) + rest
    )  # fmt: skip
    positive = (low > 0) & (high >= _LARGE)
    plain = np.where((low == 0) & (high == 0), np.inf, plain)  # inf − inf otherwise
    value = np.where(positive & (low >= _LARGE), two_large, np.where(positive, one_large, plain))
    return np.where((low == 0) & (high == 0), np.inf, value)


# --- rows ----------------------------------------------------------------------------------------------------


def _polygamma_sample(rng: np.random.Generator) -> Sample:
    return (POSITIVE.draw(rng, sampling.shape(rng)) + 0.4,), {"n": int(rng.integers(1, 4))}


polygamma: Op = Op(
    "polygamma", in_double(_polygamma),
    vjps=(lambda g, out, x, n: g * polygamma.run(x, n=n + 1),),
    kind=ELEMENTWISE, formula="n-th derivative of digamma", domain=(POSITIVE,), sampler=_polygamma_sample,
    doc="The n-th derivative of digamma, n ≥ 1. At -1, -2, … it is inf for odd n and nan for even n.",
)  # fmt: skip

digamma = Op(
    "digamma", _digamma,
    vjps=(lambda g, out, x: g * polygamma.run(x, n=1),),
    kind=ELEMENTWISE, formula="Γ′(x) / Γ(x)", domain=(Domain("any number but 0, -1, -2, …", 0.4, 4.0),),
    doc="The derivative of gammaln. At -1, -2, … it is nan; at 0 it is infinite, with the other sign than the zero.",
)  # fmt: skip

gammaln = Op(
    "gammaln", in_double(_log_gamma),
    vjps=(lambda g, out, x: g * digamma.run(x),),
    kind=ELEMENTWISE, formula="ln |Γ(x)|", domain=(Domain("any number but 0, -1, -2, …", 0.2, 4.0),),
    doc="The logarithm of the absolute value of the gamma function: Γ(n) = (n − 1)!. At 0, -1, -2, … it is inf.",
)  # fmt: skip

betaln = Op(
    "betaln", in_double(_log_beta),
    vjps=(lambda g, out, x, y: g * (digamma.run(x) - digamma.run(x + y)),
          lambda g, out, x, y: g * (digamma.run(y) - digamma.run(x + y))),
    kind=ELEMENTWISE, formula="ln |Γ(x) Γ(y) / Γ(x + y)|", domain=(POSITIVE, POSITIVE),
    doc="The logarithm of the absolute value of the beta function, without loss of digits for large arguments.",
)  # fmt: skip
