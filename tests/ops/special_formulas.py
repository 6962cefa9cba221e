"""Values of special functions another way than in the rows: by the math module, by integrals, and by long sums."""

import math
import statistics

import numpy as np

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(80)
NODES, WEIGHTS = (_NODES + 1) / 2, _WEIGHTS / 2  # on [0, 1]


def elementwise(function):
    """The function of numbers as one of arrays that broadcast."""

    def of_arrays(*arrays, **params):
        together = np.broadcast_arrays(*arrays)
        values = [function(*map(float, numbers), **params) for numbers in zip(*(x.ravel() for x in together))]
        return np.array(values, dtype=float).reshape(together[0].shape)

    return of_arrays


def log_gamma(x):
    return math.inf if x <= 0 and x == round(x) else math.lgamma(x)


def polygamma(x, n):
    """2,000 terms of (−1)ⁿ⁺¹ n! Σ (x + k)⁻ⁿ⁻¹, and the integral in place of the rest, by the midpoint rule."""
    if x == 0:
        return math.inf if n % 2 else -math.inf
    count = 2000
    y = x + count - 0.5
    terms = [(x + k) ** -(n + 1) for k in range(count)]
    rest = y**-n / n - (n + 1) * y ** -(n + 2) / 24
    return (-1) ** (n + 1) * math.factorial(n) * math.fsum([*terms, rest])


def digamma(x):
    """ψ(x) = ψ(x + 2000) − Σ 1/(x + k), with ψ(y + ½) = log y + 1/(24 y²) − 7/(960 y⁴) + …"""
    if x == 0:
        return -math.inf
    count = 2000
    y = x + count - 0.5
    return math.fsum([math.log(y), 1 / (24 * y * y), *(-1 / (x + k) for k in range(count))])


def erfinv(y):
    if abs(y) >= 1:
        return math.copysign(math.inf, y) if abs(y) == 1 else math.nan
    return statistics.NormalDist().inv_cdf((1 + y) / 2) / math.sqrt(2)


def logit(x):
    if not 0 < x < 1:
        return {0: -math.inf, 1: math.inf}.get(x, math.nan)
    return math.log(x) - math.log(1 - x)


def x_log(x, y):
    return 0.0 if x == 0 else x * (math.log(y) if y else -math.inf)


def without_dust(values):
    """0 for what is 0 but for rounding in the sum of an integral."""
    return np.where(np.abs(values) < 1e-14, 0, values)


def sinc_derivative(x, order):
    """sinc x = ∫₀¹ cos(πxt) dt, differentiated under the integral."""
    waves = np.cos(np.pi * np.asarray(x)[..., None] * NODES + order * np.pi / 2)
    return without_dust((np.pi * NODES) ** order * waves @ WEIGHTS)


def bessel_i(x, order):
    """Iₙ(x) = 1/π ∫ exp(x cos t) cos(nt) dt over [0, π]; periodic, so that the sum converges exponentially."""
    t = (np.arange(400) + 0.5) * np.pi / 400
    return without_dust(np.mean(np.exp(np.asarray(x)[..., None] * np.cos(t)) * np.cos(order * t), axis=-1))


SPECIAL_FORMULAS = {
    "erf": elementwise(math.erf),
    "erfc": elementwise(math.erfc),
    "erfinv": elementwise(erfinv),
    "gammaln": elementwise(log_gamma),
    "digamma": elementwise(digamma),
    "polygamma": elementwise(polygamma),
    "betaln": elementwise(lambda x, y: math.inf if min(x, y) == 0 else log_gamma(x) + log_gamma(y) - log_gamma(x + y)),
    "logit": elementwise(logit),
    "xlogy": elementwise(x_log),
    "xlog1py": elementwise(lambda x, y: x_log(x, 1 + y)),
    "sinc_derivative": sinc_derivative,
    "bessel_i": bessel_i,
    "imaginary_part": np.zeros_like,
    "frexp_exponent": elementwise(lambda x: math.frexp(x)[1]),
    "frexp_mantissa": elementwise(lambda x: math.frexp(x)[0]),
}
