"""Calls of reductions, accumulations, quantiles and correlations."""

import numpy as np

AXES = [
    ((), None), ((), ()), ((4,), None), ((4,), 0), ((4,), -1), ((2, 3), None), ((2, 3), 0), ((2, 3), -1),
    ((2, 3), (0, 1)), ((2, 3, 2), (-1, 0)), ((2, 3, 2), 1), ((2, 3), ()), ((2, 3), 2), ((2, 3), -3), ((2, 3), (0, 0)),
    ((2, 3), (0, 5)), ((1,), 0), ((2, 3), 1.0), ((2, 3), "x"), ((0,), None), ((3, 0), 0), ((3, 0), 1), ((0, 3), 0),
]  # fmt: skip
NUMBERS = ["sum", "prod", "mean", "var", "std", "max", "min", "amax", "amin", "ptp", "median", "average"]
NAN = ["nansum", "nanprod", "nanmean", "nanvar", "nanstd", "nanmax", "nanmin", "nanmedian"]
PLACES = ["any", "all", "argmax", "argmin", "nanargmax", "nanargmin", "count_nonzero"]
MASKED = ["sum", "prod", "mean", "var", "std", "nansum", "nanprod", "nanmean", "nanvar", "nanstd"]
EXTREMES = ["max", "min", "amax", "amin", "nanmax", "nanmin"]
QUANTILES = ("percentile", "quantile", "nanpercentile", "nanquantile")
METHODS = [
    "linear", "lower", "higher", "midpoint", "nearest", "inverted_cdf", "averaged_inverted_cdf", "closest_observation",
    "interpolated_inverted_cdf", "hazen", "weibull", "median_unbiased", "normal_unbiased",
]  # fmt: skip
MASK = np.array([[True, False, True], [True, True, False]])


def calls(add, n):
    for name in (*NUMBERS, *NAN, *PLACES):
        for place, (shape, axis) in enumerate(AXES):
            if name == "average" and 0 in shape:
                continue  # of nothing, where NumPy divides by zero
            add(name, n(*shape), axis=axis, **({"keepdims": True} if place % 2 else {}))
        for args in ((n(3),), (n(2, 3), 0), (n(2, 3), 1), ([n(3), n(3)],)):
            add(name, *args)
        add(name, [n(3), n(3)], axis=0)
        add(name, (n(), n(), 1.5), whole=False)
        add(name, [[n(), 2.0], [n(), n()]], axis=1, whole=False)
        strange = np.array([np.nan, np.inf, 1.0])
        add(name, strange, derivative=False, whole=False)
        if name in NAN:
            holes = n(3, 4)
            holes[0, 1] = holes[2, 2] = np.nan
            for axis in (None, 0, (0, 1)):
                add(name, holes, axis=axis, whole=False)
            add(name, np.full((2, 2), np.nan), derivative=False, whole=False)
    _options(add, n)
    _products_with_zeros(add, n)
    _accumulations(add, n)
    _averages(add, n)
    _quantiles(add, n)
    _correlations(add, n)


def _options(add, n):
    for name in MASKED:
        for options in (
            {"where": MASK}, {"axis": 1, "where": MASK}, {"axis": 0, "where": MASK, "keepdims": True},
            {"axis": 0, "where": MASK[0]}, {"where": True}, {"dtype": np.float64}, {"axis": 0, "dtype": np.float64},
        ):  # fmt: skip
            add(name, n(2, 3), **options)
    for name in EXTREMES:
        for options in (
            {"initial": 0.1}, {"axis": 1, "initial": -5.0, "where": MASK}, {"initial": 5.0, "where": MASK},
            {"where": MASK},
        ):  # fmt: skip
            add(name, n(2, 3), whole=False, **options)
        add(name, n(0), initial=0.0, whole=False)
    for name in ("sum", "prod", "nansum", "nanprod"):
        for options in ({"initial": 2.0}, {"axis": 0, "initial": 2.0, "where": MASK}, {"initial": [1.0, 2.0]}):
            add(name, n(2, 3), **options)
        add(name, n(0), initial=3.0)
    for name in ("any", "all"):
        for options in ({"where": MASK}, {"axis": 0, "where": MASK[0]}):
            add(name, n(2, 3), **options)
    for name in ("var", "std", "nanvar", "nanstd"):
        for ddof in (0, 1, 2, 0.5):
            add(name, n(4, 5), ddof=ddof)
            add(name, n(4, 5), axis=1, ddof=ddof, keepdims=True)
        add(name, n(3), ddof=3)
        add(name, n(3), ddof=1, correction=1)
        if not name.startswith("nan"):  # of which NumPy doesn't ask whether the mean is a Tensor
            add(name, n(2, 3), axis=0, mean=n(1, 3), whole=False)
        add(name, n(2, 1), axis=1)
    for name in ("mean", "nanmean", "var", "std", "nanvar", "nanstd"):
        add(name, n(2, 3), dtype=int, derivative=False)
        add(name, n(2, 3), dtype=np.int8, axis=1, keepdims=True, derivative=False)


def _products_with_zeros(add, n):
    for name in ("prod", "nanprod", "cumprod", "nancumprod", "cumulative_prod"):
        for row in ([1.0, 0.0, 3.0], [0.0, 0.0, 3.0], [0.0], [2.0, 0.0, 0.0, 0.0, 1.0]):
            add(name, np.array(row))
        x = n(3, 4)
        x[[0, 1, 2], [1, 1, 3]] = 0
        for axis in (0, 1):
            add(name, x, axis=axis)


def _accumulations(add, n):
    places = [
        ((4,), None), ((4,), 0), ((2, 3), None), ((2, 3), -1), ((2, 3, 2), 1), ((), None), ((), 0), ((0,), None),
        ((0, 3), 1), ((2, 3), 2),
    ]  # fmt: skip
    for name in ("cumsum", "cumprod", "nancumsum", "nancumprod"):
        for shape, axis in places:
            add(name, n(*shape), axis=axis)
        add(name, n(2, 3), 1)
        add(name, n(2, 3), dtype=np.float64)
        add(name, [n(2), n(2)], axis=0)
    _ufunc_reductions(add, n)
    for name in ("cumulative_sum", "cumulative_prod"):
        for shape, axis in (((4,), None), ((4,), 0), ((2, 3), -1), ((2, 3), None), ((), None), ((0,), None)):
            add(name, n(*shape), axis=axis)
            add(name, n(*shape), axis=axis, include_initial=True)
        add(name, n(2, 3), axis=1, dtype=np.float64)
    for name in ["add", "multiply", "maximum", "minimum", "logaddexp"]:
        for axis in (0, 1, -1):
            add(f"{name}.accumulate", n(2, 3), axis=axis, whole=False)
            add(f"{name}.reduce", n(2, 3), axis=axis, whole=False)
        for options in ({}, {"axis": None}, {"axis": (0, 2)}, {"keepdims": True}):
            add(f"{name}.reduce", n(2, 3, 2), whole=False, **options)
        add(f"{name}.outer", n(3), n(2), whole=False)
        add(f"{name}.outer", n(2, 2), n(3), whole=False)
        add(f"{name}.reduceat", n(6), [0, 4, 2, 5], whole=False)


def _ufunc_reductions(add, n):
    options = [
        {}, {"axis": 1}, {"axis": (0, 2)}, {"axis": None}, {"axis": (), "keepdims": True}, {"keepdims": True},
        {"axis": None, "keepdims": True}, {"axis": -1, "initial": 0.3}, {"axis": 3}, {"axis": (1, 1)},
        {"axis": (0, 1), "initial": 0.3, "where": MASK[:, :, None]}, {"axis": None, "where": MASK[:, :, None]},
        {"axis": 1, "where": MASK[:, :, None]}, {"axis": 1, "initial": 0.3, "where": MASK[0][:, None]},
    ]  # fmt: skip
    names = [
        "add", "multiply", "maximum", "minimum", "fmax", "fmin", "hypot", "logaddexp", "logaddexp2", "subtract",
        "logical_and", "logical_or", "logical_xor",
    ]  # fmt: skip
    for name in names:
        for given in options:
            add(f"{name}.reduce", n(2, 3, 2), whole=False, **given)
        for shape, axis in (((), None), ((2, 0), 1), ((2, 0), 0), ((1, 3), 0)):
            add(f"{name}.reduce", n(*shape), axis=axis, whole=False)
    for name in ("fmax", "fmin"):
        holes = n(2, 3)
        holes[0, :2] = holes[1] = np.nan
        for given in ({"axis": 1}, {"axis": None}, {"axis": 0, "initial": 0.1}, {"axis": 1, "initial": np.nan}):
            add(f"{name}.reduce", holes, derivative=False, whole=False, **given)


def _averages(add, n):
    for axis in (None, 0, -1):
        for returned in (False, True):
            add("average", n(2, 3), axis=axis, weights=n.positive(2, 3), returned=returned, whole=False)
            add("average", n(2, 3), axis=axis, returned=returned)
    for args in (
        (n(2, 3), 1, n.positive(3)), (n(2, 3), 0, n.positive(2), True), (n(2, 3), None, n.positive(3)),
        (n(3), None, np.array([1.0, -1.0, 0.0])), (n(3), None, n.positive(4)), (n(2, 3), 0, [1, 2]),
    ):  # fmt: skip
        add("average", *args, whole=False)
    for axis, sides in (((0, 2), (2, 4)), ((2, 0), (4, 2))):
        add("average", n(2, 3, 4), axis=axis, weights=n.positive(*sides), keepdims=True, whole=False)


def _quantiles(add, n):
    for name in QUANTILES:
        scale = 100 if "percent" in name else 1
        for q in (0.3, 0.5, [0.1, 0.9], [[0.2, 0.4], [0.6, 1.0]], []):
            places = (np.asarray(q) * scale).tolist()
            for options in ({}, {"axis": 0}, {"axis": 1, "keepdims": True}, {"axis": (0, 1)}, {"axis": -1}):
                add(name, n(3, 4), places, whole=False, **options)
        for q in (-0.1 * scale, 1.1 * scale):
            add(name, n(4), q)
        for method in (*METHODS, "cubic"):
            add(name, n(5), 0.37 * scale, method=method, whole=False)
            add(name, n(3, 4), [0.1 * scale, 0.62 * scale], axis=1, method=method, whole=False)
        _weighted_quantiles(add, n, name, scale)
        for method in METHODS:  # gradients by q as well
            for x, q, options in (
                (n(5), [0.37], {}), (n(3, 4), [0.11, 0.63], {"axis": 1}), (n(6), 0.52, {"keepdims": True}),
            ):  # fmt: skip
                add(name, x, np.asarray(q) * scale, method=method, whole=False, **options)
        for method, weights in (
            ("linear", [1.0] * 5),
            ("inverted_cdf", [1, 2, -1, 1, 1]),
            ("inverted_cdf", [1.0, 2.0]),
        ):
            add(name, n(5), 0.4 * scale, method=method, weights=weights, whole=False)
        add(name, n(), 0.5 * scale, whole=False)
        holes = n(4, 5)
        holes[[1, 0], [2, 0]] = np.nan
        for axis in (None, 0, 1):
            add(name, holes, 0.4 * scale, axis=axis, derivative="nan" in name, whole=False)
    for name in ("median", "nanmedian"):
        for count in (1, 2, 3, 4, 5):
            add(name, n(2, count), axis=1)
        add(name, n(2, 3, 4), axis=(0, 2), keepdims=True)


def _weighted_quantiles(add, n, name, scale):
    heavy = n.positive(5)
    weights = [heavy, np.where(heavy > 1, heavy, 0)]
    for q, options, choice in (
        (0.4, {}, [n.positive(3, 5)]), ([0.0, 0.4, 1.0], {"axis": -1}, weights), (0.4, {"axis": 1}, weights),
    ):  # fmt: skip
        if options and name.startswith("nan"):
            continue  # where NumPy fails
        for one in choice:
            given = {"method": "inverted_cdf", "weights": one.tolist(), **options}
            add(name, n(3, 5), (np.asarray(q) * scale).tolist(), derivative=False, whole=False, **given)


def _correlations(add, n):
    for name in ("cov", "corrcoef"):
        for args in ((n(3, 5),), (n(5),), (n(5), n(5)), (n(2, 5), n(1, 5)), (n(2, 5), n(5)), (n(2, 3, 4),)):
            add(name, *args, whole=False)
        add(name, n(3, 5), rowvar=False, whole=False)
        add(name, n(5, 3), n(5, 2), rowvar=False, whole=False)
    for options in (
        {"ddof": 0}, {"bias": True}, {"fweights": [1, 2, 1, 1, 3]}, {"aweights": n.positive(5)}, {"ddof": 2},
        {"fweights": np.array([1, 2, 1, 1, 3]), "aweights": n.positive(5), "ddof": 0}, {"ddof": 1.5},
        {"fweights": [1.5, 1, 1, 1, 1]}, {"dtype": np.float64},
    ):  # fmt: skip
        add("cov", n(3, 5), whole=False, **options)
