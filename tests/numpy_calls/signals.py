"""Calls of differences, slopes, areas, convolutions, interpolation and polynomials."""

import numpy as np


def calls(add, n):
    for shape, options in (
        ((5,), {}), ((5,), {"n": 2}), ((5,), {"n": 0}), ((3, 4), {"axis": 0}), ((5,), {"prepend": 0.0}),
        ((5,), {"prepend": 0, "append": [1, 2]}), ((3, 4), {"axis": 0, "prepend": 0.0}), ((5,), {"n": 7}),
        ((5,), {"n": -1}), ((), {}), ((3, 4), {"axis": 2}), ((0,), {}),
    ):  # fmt: skip
        add("diff", n(*shape), whole="prepend" not in options, **options)
    add("diff", n(4), prepend=n(2), append=n(), whole=False)
    for args, options in (
        ((n(5),), {}), ((n(2, 3),), {}), ((n(4), 9.0, -1.0), {}), ((n(1),), {}), ((n(0),), {}),
        ((n(4),), {"to_begin": [1.0, 2.0], "to_end": n(2)}),
    ):  # fmt: skip
        add("ediff1d", *args, whole=False, **options)
    for options in ({}, {"axis": 0}, {"axis": (0, 1)}, {"edge_order": 2}, {"axis": 2}, {"edge_order": 3}):
        add("gradient", n(4, 5), **options)
    up, more = np.sort(n(5)), np.sort(n(4))
    for args in (
        (n(5), 0.5), (n(5), up), (n(4, 5), 2.0, 0.5), (n(4, 5), more, up), (n(1),), (n(4, 5), 1.0, 2.0, 3.0),
        (n(5), more), (n(),),
    ):  # fmt: skip
        add("gradient", *args, whole=False)
    for mode in ("full", "same", "valid"):
        for name in ("convolve", "correlate"):
            for left, right in ((5, 3), (3, 5), (4, 4), (1, 1), (5, 2), (2, 5)):
                add(name, n(left), n(right), mode)
    for name in ("convolve", "correlate"):
        for args in ((n(4), n(2)), (n(0), n(2)), (n(2, 2), n(2)), (n(3), [1.0, 2.0]), (n(3), n(2), "bad")):
            add(name, *args, whole=False)
    points = np.cumsum(n.positive(5)) - 4
    for args, options in (
        ((n(4), points, n(5)), {}), ((n(2, 3), points, n(5)), {}), ((0.1, points, n(5)), {}),
        ((4 * n(4), points, n(5), -1.0, -2.0), {}), ((n(3), n(2), n(3)), {}),
        ((n(4), np.array([0.0, 1.0, 2.0]), n(3)), {"period": 3.0}), ((n(3), points, n(5)), {"period": 0}),
        ((n(4), np.array([0.3, 2.1, 1.2]), n(3)), {"period": -2.5}),
    ):  # fmt: skip
        add("interp", *args, whole=False, **options)
    for args, options in (
        ((n(5),), {}), ((n(5), n(5)), {}), ((n(3, 4),), {"axis": 0, "dx": 0.5}), ((n(3, 4), n(4)), {}),
        ((n(3, 4), n(3, 4)), {"axis": 0}), ((n(1),), {}), ((n(0),), {}), ((n(3, 4), n(5)), {}),
    ):  # fmt: skip
        add("trapezoid", *args, whole=False, **options)
    _polynomials(add, n)
    for name in ("fft.fftshift", "fft.ifftshift"):
        for shape, options in (
            ((5,), {}), ((4,), {}), ((2, 3), {}), ((2, 3), {"axes": 1}), ((2, 3), {"axes": (0, -1)}), ((), {}),
            ((2, 0), {}), ((2, 3), {"axes": 2}),
        ):  # fmt: skip
            add(name, n(*shape), **options)
    for axis in ((1, 1), (), (0, -2)):
        add("gradient", n(4, 5), axis=axis, whole=False)


def _polynomials(add, n):
    for args in ((n(3), n(4)), (n(3), n(2, 2)), ([1.0, 2.0], n(3)), (n(0), n(2))):
        add("polyval", *args, whole=False)
    for name in ("polyder", "polyint"):
        for order in (1, 2, 0, 5, -1):
            add(name, n(4), order, whole=False)
    add("polyint", n(4), 2, [1.0, 2.0], whole=False)
    for name in ("polyadd", "polysub", "polymul"):
        for left, right in ((n(3), n(3)), (n(3), n(2)), (n(2), n(4)), (n(2), 1.0)):
            add(name, left, right, whole=False)
    for left, right in ((n(4), n.positive(2)), (n(2), n(3)), (n(3), n.positive(3))):
        add("polydiv", left, right, whole=False)
    for args, options in (
        ((n(6), n(6), 2), {}), ((n(6), n(6, 2), 1), {}), ((n(6), n(6), 1), {"w": n.positive(6)}),
        ((n(6), n(6), 2), {"cov": True}), ((n(6), n(5), 1), {}), ((n(6), n(6), 2), {"cov": "unscaled"}),
        ((n(6), n(6), -1), {}), ((n(2, 3), n(2), 1), {}),
    ):  # fmt: skip
        add("polyfit", *args, whole=False, **options)
    add("poly", n(3), whole=False)
    add("poly", n(2, 3))
    add("roots", np.array([1.0, -3.0, 2.0]), derivative=False, whole=False)
    add("roots", np.array([0.0, 1.0, -3.0, 2.0, 0.0]), derivative=False, whole=False)
