"""Calls of ufuncs and of what is as elementwise as they are."""

import numpy as np

SHAPES = [(), (1,), (4,), (0,), (2, 3), (3, 0), (2, 1, 3)]
PAIRS = [
    ((), ()), ((3,), ()), ((), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((0,), (1,)), ((3, 1, 2), (2, 1)),
    ((2, 0), (1,)),
]  # fmt: skip

ANYWHERE = [
    "negative", "positive", "absolute", "fabs", "sign", "floor", "ceil", "trunc", "rint", "exp", "exp2", "expm1",
    "sin", "cos", "tan", "sinh", "cosh", "tanh", "arctan", "arcsinh", "cbrt", "square", "degrees", "radians",
    "deg2rad", "rad2deg", "conjugate", "sinc", "i0", "nan_to_num", "abs", "conj", "real", "imag", "fix", "atan",
    "asinh",
]  # fmt: skip
POSITIVE = ["log", "log2", "log10", "log1p", "sqrt", "reciprocal"]
WITHIN_ONE = ["arcsin", "arccos", "arctanh", "asin", "acos", "atanh"]
TESTS = [
    "isnan", "isinf", "isfinite", "signbit", "logical_not", "isposinf", "isneginf", "isreal", "iscomplex", "isrealobj",
    "iscomplexobj", "real_if_close",
]  # fmt: skip
BINARY = [
    "add", "subtract", "multiply", "maximum", "minimum", "fmax", "fmin", "hypot", "arctan2", "logaddexp", "logaddexp2",
    "copysign", "atan2", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and",
    "logical_or", "logical_xor", "heaviside",
]  # fmt: skip
QUOTIENTS = ["divide", "true_divide", "remainder", "mod", "fmod", "floor_divide", "divmod"]
POWERS = ["power", "float_power", "pow"]
BITS = [
    "bitwise_and", "bitwise_or", "bitwise_xor", "left_shift", "right_shift", "gcd", "lcm", "bitwise_left_shift",
    "bitwise_right_shift",
]  # fmt: skip
STRANGE = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e300, -1e300, 5e-324, 0.5, -0.5])


def calls(add, n):
    for shape in SHAPES:
        for name in ANYWHERE:
            add(name, n(*shape))
        for name in POSITIVE:
            add(name, n.positive(*shape))
        for name in WITHIN_ONE:
            add(name, n.within_one(*shape))
        for name in ("arccosh", "acosh"):
            add(name, n.positive(*shape) + 1.1)
        for name in ("modf", "frexp"):
            add(name, 3 * n(*shape))
        for name in TESTS:
            add(name, n(*shape))
    for name in (*ANYWHERE, *POSITIVE, *WITHIN_ONE, "arccosh", *TESTS, "modf", "spacing"):
        if name not in ("real", "fix"):  # of which NumPy itself makes other dtypes of whole numbers in old versions
            add(name, STRANGE, derivative=False, whole=False)
    for name in ("around", "round"):
        for shape in ((), (4,), (2, 3)):
            add(name, n(*shape))
            add(name, n(*shape), 1)
            add(name, n(*shape), decimals=2)
            add(name, 100 * n(*shape), decimals=-1)
    add("angle", n(2, 3), whole=False)
    add("angle", n(3), deg=True, whole=False)
    add("exp", [n(3), n(3)])
    add("sqrt", (n.positive(3), n.positive(3)))
    _binary(add, n)
    _limits_and_tests(add, n)
    _real_parts_of_the_complex_plane(add, n)


def _real_parts_of_the_complex_plane(add, n):
    for shape in SHAPES:
        for name in ("sqrt", "log", "log2", "log10"):
            add(f"emath.{name}", n.positive(*shape), whole=False)
        for name in ("arccos", "arcsin", "arctanh"):
            add(f"emath.{name}", n.within_one(*shape), whole=False)
        add("emath.power", n.positive(*shape), n(*shape), whole=False)
        add("emath.power", n.positive(*shape), 2, whole=False)
        add("emath.logn", n.positive(*shape) + 1.5, n.positive(*shape), whole=False)
        add("emath.logn", 2, n.positive(*shape), whole=False)


def _binary(add, n):
    for name in BINARY:
        for left, right in PAIRS:
            add(name, n(*left), n(*right))
        for left, right in (
            (n(3), 2), (n(3), 2.5), (2.5, n(3)), (2, n(3)), (n(2, 3), [1.0, 2.0, 3.0]), ([1, 2, 3], n(3)),
            (n(3), n.whole(-4, 4, 3)), (n(3), True),
        ):  # fmt: skip
            add(name, left, right)
        for refused in ((n(3), n(4)), (n(2, 3), n(2)), (n(3),)):
            add(name, *refused)
    for name in QUOTIENTS:
        for left, right in PAIRS:
            add(name, 5 * n(*left), n.positive(*right), whole=False)
        for left, right in ((5 * n(4), -n.positive(4)), (n(3), 2), (n(3), -2.5), (7 * n(2, 3), [1.0, 2.0, 3.0])):
            add(name, left, right)
        for left in (2.5, 2):
            add(name, left, n.positive(3), whole=False)
        add(name, n(3), n(4))
    for name in POWERS:
        for left, right in PAIRS:
            add(name, n.positive(*left), n(*right), whole=False)
        for exponent in (2, 3, 0, 1, -1, -2):
            for given in (exponent, float(exponent), np.array([exponent] * 4), np.asarray(exponent)):
                add(name, n(4), given, whole=exponent >= 0)
        for exponent in (0.5, 2.5):
            add(name, n.positive(3), exponent)
        add(name, 2.0, n(3))
        add(name, 2, n(3), whole=False)
        add(name, n.positive(3), n.whole(0, 3, 3))
        add(name, n.positive(2, 3), [1, 2, 3])
    for exponent in (n.whole(-4, 4, 4), 2, [1, 2, 0, -1]):
        add("ldexp", n(4), exponent)
    add("nextafter", n(4), n(4), derivative=False)
    for name in BITS:
        add(name, n.whole(0, 5, 3), n.whole(0, 5, 3))
        add(name, n(3), n(3), whole=False)
    for name in ("invert", "bitwise_not", "bitwise_invert", "bitwise_count"):
        add(name, n.whole(0, 9, 4))
        add(name, n(3), whole=False)


def _limits_and_tests(add, n):
    bounds = [
        (-0.5, 0.5), (None, 0.5), (-0.5, None), (0.5, -0.5), (n(3), 2.0), (-2.0, n(3)), (n(2, 1), n(2, 1)),
        (None, None), ([-1, 0, 0], [1, 1, 1]), (-1, 1),
    ]  # fmt: skip
    for low, high in bounds:
        add("clip", n(2, 3), low, high, whole=False)
        add("clip", n(2, 3), a_min=low, a_max=high, whole=False)
        add("clip", n(2, 3), min=low, max=high, whole=False)
    add("clip", n(2, 3), -1, 1)
    add("clip", n(3))
    add("clip", n(3), -1, 1, min=0)
    add("clip", n(3), -1)
    add("clip", n(), -0.1, 0.1, whole=False)
    add("clip", n(0), -0.1, 0.1, whole=False)
    add("clip", n(3), n(2), 1.0)
    strange = STRANGE[:4]
    for options in ({}, {"nan": 5.0, "posinf": 6.0, "neginf": 7.0}):
        add("nan_to_num", strange, derivative=False, whole=False, **options)
    add("nan_to_num", n(3), True, 1.0)
    for options in ({}, {"rtol": 1e-3}, {"atol": 1.0}, {"equal_nan": True}):
        for name in ("isclose", "allclose"):
            add(name, n(3), n(3), **options)
            add(name, strange, strange, whole=False, **options)
    for name in ("array_equal", "array_equiv"):
        add(name, n(3), n(3))
        add(name, n(3), n(2))
        add(name, n(3), n(2, 3))
    add("array_equal", strange, strange, equal_nan=True, whole=False)
    for discontinuity in ({}, {"discont": 4.0}, {"period": 3.0}):
        add("unwrap", np.cumsum(2 * n(6)), whole=False, **discontinuity)
    add("unwrap", np.cumsum(2 * n(3, 4), axis=0), axis=0, whole=False)
