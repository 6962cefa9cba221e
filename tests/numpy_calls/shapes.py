"""Calls that move elements: shapes, axes, joining, splitting, padding, picking, writing, sorting."""

import operator

import numpy as np

VERSION = tuple(int(part) for part in np.__version__.split(".")[:2])
RESHAPES = [
    ((2, 3), (3, 2)), ((2, 3), -1), ((2, 3), (1, 2, 3)), ((6,), (2, -1)), ((), (1, 1)), ((1,), ()), ((0, 3), (3, 0)),
    ((0, 3), (-1, 3)), ((2, 3), (4, 2)), ((2, 3), (-1, -1)), ((2, 3), (-1, 4)), ((0,), (-1, 0)), ((2, 3), [3, 2]),
    ((2, 3), (np.int64(3), 2)),
]  # fmt: skip
BROADCASTS = [
    ((3,), (2, 3)), ((1, 3), (2, 3)), ((), (2, 2)), ((2, 1), (4, 2, 3)), ((3,), 3), ((3,), (4,)), ((3,), (0, 3)),
    ((1,), (0,)), ((2, 3), (3,)), ((1,), ()), ((3,), (-1, 3)),
]  # fmt: skip
JOINS = [
    [(2, 3), (2, 3)], [(2, 3), (1, 3)], [(3,), (3,)], [(3,), (2,)], [(2, 3), (2, 2)], [(), ()], [(2, 3, 2)] * 3,
    [(3,)], [], [(0, 3), (2, 3)], [(0,), (3,)], [(2, 3), (3,)],
]  # fmt: skip
INDICES = [
    0, -1, slice(None), slice(1, None), slice(None, None, -1), slice(0, 0), Ellipsis, None, (0, 1), (slice(None), 0),
    (Ellipsis, 0), (None, 0), (slice(None), None, 1), [0, 1], [0, 0, 1], np.array([0, -1, 0]), (slice(None), [0, 0]),
    ([0, 1], [1, 1]), ([0, 1], slice(None)), ([[0], [1]], [0, 2]), np.array([[0, 1], [1, 0]]), (0, [0, 1]),
    ([0, 1], 0), (None, [0, 1]), ([0, 1], None), ([0, 1], None, [0, 1]), (Ellipsis, [0, 0]), np.array([True, False]),
    (), [], (slice(None), np.array([True, False, True])), np.array([[True, False, True], [False, True, True]]), True,
    False, (slice(None), []), 5, (0, 5), (0, 0, 0, 0), [5], np.array([True, False, True]), 1.5, "a", range(2),
    [True, False], (slice(None, None, 2), slice(None, None, -2)), np.int64(1), np.array(1),
    slice(np.int64(0), np.int64(2)), ((0, 1),),
]  # fmt: skip


def calls(add, n):
    _shapes(add, n)
    _axes(add, n)
    _joining(add, n)
    _splitting_and_repeating(add, n)
    _padding(add, n)
    _indexing(add, n)
    _picking(add, n)
    _sorting(add, n)
    _writing(add, n)


def _shapes(add, n):
    for shape, target in RESHAPES:
        add("reshape", n(*shape), target)
        for order in "CF":
            add("reshape", n(*shape), target, order=order)
    add("reshape", n(2, 3), (3, 2), copy=True)
    add("reshape", n(2, 3), (3, 2), order="Q")
    add("reshape", [n(3), n(3)], (3, 2))
    for shape in ((2, 3), (), (0, 3), (2, 3, 2)):
        for order in "CFZ":
            add("ravel", n(*shape), order)
        for order in "AK":
            add("ravel", n(*shape), order, derivative=False)
        add("x.flatten()", n(*shape))
    for shape, target in BROADCASTS:
        add("broadcast_to", n(*shape), target)
    add("broadcast_arrays", n(2, 1), n(3))
    add("broadcast_arrays", n(2, 1), n(1, 3), n())
    add("broadcast_arrays", n(2), n(3))
    for name in ("atleast_1d", "atleast_2d", "atleast_3d"):
        for shape in ((), (3,), (2, 3), (2, 3, 4), (0,)):
            add(name, n(*shape))
        add(name, n(3), n(), n(2, 3))
    for name in ("copy", "ndim", "size", "shape", "zeros_like", "ones_like", "min_scalar_type"):
        add(name, n(2, 3))
    add("size", n(2, 3), 1)
    for name in ("array_repr", "array_str", "array2string", "common_type"):
        add(name, n(3, 3), whole=False)
    add("result_type", n(3), np.float32, whole=False)
    add("can_cast", np.float64, np.float32)
    add("ix_", np.array([0, 1]), np.array([1, 2]))
    add("unravel_index", np.array([1, 4]), (2, 3))
    add("ravel_multi_index", (np.array([0, 1]), np.array([1, 2])), (2, 3))
    add("astype", n(3), np.float64)
    add("astype", n(3), int, derivative=False)
    add("full_like", n(2, 3), 2.0)
    for args in ((n(), n(), 5), (0.0, n(), 5), (n(3), n(3), 4), (n(), n(), 0), (n(), n(), 1), (n(), n(), -1)):
        add("linspace", *args, whole=False)
        if isinstance(args[0], np.ndarray):
            add("logspace", *args, whole=False)
            add("geomspace", *(abs(a) + 0.1 if isinstance(a, np.ndarray) else a for a in args), whole=False)
    for options in ({"endpoint": False}, {"retstep": True}, {"axis": -1}):
        add("linspace", n(2), n(2), 4, whole=False, **options)
    add("logspace", n(), n(), 4, base=2.0, whole=False)


def _axes(add, n):
    orders = {
        (2, 3): [None, (0, 1), (1, 0), (-1, 0), (0,), (0, 0), (0, 2), [1, 0]],
        (2, 3, 4): [None, (2, 0, 1), (0, -1, 1)],
        (): [None, ()],
        (0, 3): [None],
    }
    for shape, axes in orders.items():
        for order in axes:
            add("transpose", n(*shape), order)
            add("permute_dims", n(*shape), axes=order)
    for shape, pair in (((2, 3, 4), (0, 2)), ((2, 3, 4), (-1, 0)), ((2, 3), (0, 2)), ((3,), (0, 0))):
        add("swapaxes", n(*shape), *pair)
    for pair in ((0, 2), (-1, 0), ((0, 1), (-1, -2)), ([0, 2], [1, 0]), (0, 3), ((0, 0), (1, 2)), ((0, 1), 2)):
        add("moveaxis", n(2, 3, 4), *pair)
    for pair in ((2,), (2, 1), (0, 3), (-1, 0), (0, 4), (3,)):
        add("rollaxis", n(2, 3, 4), *pair)
    for shape, axis in (
        ((1, 3, 1), None), ((1, 3, 1), -1), ((1, 3, 1), (0, 2)), ((1, 3, 1), 1), ((), None), ((1, 3), ()),
        ((1, 3), (0, 0)), ((1, 3), 5),
    ):  # fmt: skip
        add("squeeze", n(*shape), axis=axis)
    for shape, axis in (((3,), 0), ((3,), -1), ((2, 3), (0, 2)), ((), (0, 1)), ((3,), 3), ((3,), (0, 0)), ((0,), 0)):
        add("expand_dims", n(*shape), axis)
    for shape, axis in (
        ((3,), None), ((2, 3), None), ((2, 3), -1), ((2, 3), (0, 1)), ((), None), ((2, 3), 2), ((2, 3), (0, 0)),
    ):  # fmt: skip
        add("flip", n(*shape), axis)
    for name in ("fliplr", "flipud"):
        for shape in ((3,), (2, 3), (2, 3, 2), ()):
            add(name, n(*shape))
    for shape, shift, axis in (
        ((4,), 1, None), ((2, 3), -1, None), ((2, 3), 1, 1), ((2, 3), (1, 2), (0, 1)), ((2, 3), 1, (0, 1)),
        ((2, 3), (1, 1), 0), ((2, 3), -7, -1), ((), 1, None), ((0,), 2, None), ((2, 3), 1, 2),
        ((2, 3), (1, 2, 3), (0, 1)),
    ):  # fmt: skip
        add("roll", n(*shape), shift, axis)
    for k in (0, 1, 2, 3, -1, 5):
        add("rot90", n(2, 3), k)
        add("rot90", n(2, 3, 2), k=k, axes=(1, 2))
    add("rot90", n(3))
    add("rot90", n(2, 3), 1, (0, 0))


def _joining(add, n):
    for shapes in JOINS:
        for name in ("concatenate", "concat", "stack", "hstack", "vstack", "dstack", "column_stack"):
            add(name, [n(*shape) for shape in shapes])
        for name in ("concatenate", "stack"):
            for axis in (1, -1, 2, -3, None, 3):
                add(name, tuple(n(*shape) for shape in shapes), axis=axis)
    for name, parts in (
        ("concatenate", [n(2), np.arange(3)]), ("concatenate", [n(2), [1, 2]]), ("vstack", [n(3), n(2, 3)]),
        ("column_stack", [n(3), n(3, 2)]), ("dstack", [n(3), n(1, 3)]), ("stack", [n(2), [1, 2]]),
        ("hstack", [n(2), 1.0, [2, 3]]),
    ):  # fmt: skip
        add(name, parts, whole=False)
    for name in ("concatenate", "stack", "vstack"):
        add(name, n(2, 3))
    add("concatenate", [n(2), n(2)], dtype=np.float64)
    add("concatenate", [n(2), n(2)], dtype=int, casting="unsafe", derivative=False)
    add("concatenate", [n(2), n(2)], dtype=int, whole=False)
    add("concatenate", n())
    for blocks in (
        [[n(2, 2), n(2, 3)], [n(1, 2), n(1, 3)]], [n(2), n(3)], [[n(2), n(2)], [n(4)]], [[n()], [n()]], [],
        [[n(2), n(2)], n(2)],
    ):  # fmt: skip
        add("block", blocks)
    for args in (
        (n(3), n(2)),
        (n(2, 3), n(1, 3), 0),
        (n(2, 3), n(2, 1), 1),
        (n(2, 3), n(3), 0),
        (n(3), 2.0),
        (n(), n()),
    ):
        add("append", *args, whole=False)
    for options in ({}, {"indexing": "ij"}, {"sparse": True}, {"sparse": True, "indexing": "ij"}, {"indexing": "bad"}):
        for arrays in ((n(2), n(3)), (n(2),), (n(2), n(3), n(2)), (n(), n(2))):
            add("meshgrid", *arrays, **options)


def _splitting_and_repeating(add, n):
    for name in ("split", "array_split"):
        for shape, parts in (
            ((6,), 3), ((6,), [2, 4]), ((7,), 3), ((6,), [2, 9]), ((6,), [4, 2]), ((6,), []), ((6,), 0), ((6,), [-2]),
            ((0,), 2), ((), 1),
        ):  # fmt: skip
            add(name, n(*shape), parts)
        for axis in (1, -1, 2):
            add(name, n(2, 6), 2, axis=axis)
    for name, shape in (("hsplit", (2, 4)), ("vsplit", (4, 2)), ("dsplit", (2, 2, 4))):
        for parts in (2, [1, 3], 3):
            add(name, n(*shape), parts)
        add(name, n(4), 2)
    add("unstack", n(3, 2), axis=1)
    add("unstack", n())
    for shape, repeats in (
        ((3,), 2), ((3,), (2, 2)), ((2, 3), (2, 1)), ((2, 3), (2, 1, 3)), ((), (2, 2)), ((2, 3), 0), ((2, 3), ()),
        ((0,), 2), ((2, 3), -1), ((3,), 1.5),
    ):  # fmt: skip
        add("tile", n(*shape), repeats)
    for shape, repeats, axis in (
        ((3,), 2, None), ((2, 3), 2, 1), ((2, 3), [1, 2], 0), ((2, 3), [1, 0, 2], 1), ((), 3, None),
        ((3,), [1, 2], None), ((2, 3), 2, 2), ((2, 3), -1, 0), ((2, 3), [2], 0), ((0,), 2, None),
    ):  # fmt: skip
        add("repeat", n(*shape), repeats, axis)
    for shape, target in (
        ((3,), 5),
        ((2, 3), (3, 4)),
        ((2, 3), (2, 2)),
        ((0,), 3),
        ((3,), (2, 0)),
        ((), 3),
        ((3,), -1),
    ):
        add("resize", n(*shape), target)
    for values in ([0, 1.0, 2, 0], [0.0, 0.0], [1.0, 2.0]):
        for trim in ("fb", "f", "b", "bad"):
            add("trim_zeros", np.array(values), trim, derivative=False)
    for part in (0, -1, [0, 1], [1, 1], slice(1, 3), [], 5, [0, 9], np.array([True, False, True, False]), 1.5):
        add("delete", n(4), part)
        add("delete", n(4, 2), part, 0)
    for place, values in (
        (1, 9.0), (1, [9.0]), ([1, 2], 9.0), ([1, 1], [8.0, 9.0]), (slice(1, 3), [8.0, 9.0]), (4, 1.0), (5, 2.0),
        ([0, 2], n(2)), (1, n(2)), ([1, 2], [1.0, 2.0, 3.0]), ([], 1.0), ([3, 0, 1], n(3)),
    ):  # fmt: skip
        add("insert", n(4), place, values, whole=False)
    for place, values, axis in ((1, n(2), 0), (1, n(3), 1), ([1], n(3, 1), 1), ([0, 2], n(1, 2), 0), (1, n(2), 2)):
        add("insert", n(3, 2), place, values, axis)


def _padding(add, n):
    widths = [
        ((4,), 2), ((4,), (1, 2)), ((2, 3), ((1, 0), (0, 2))), ((2, 3), ((1, 2),)), ((4,), 0), ((3,), 7), ((2, 3), -1),
        ((1,), 2), ((2, 3), ((1, 2), (1, 2), (1, 2))), ((), 1), ((0,), 1), ((2, 3), 1.5),
        *([((2, 3), {0: (1, 2)})] if VERSION >= (2, 4) else []),
    ]  # fmt: skip
    modes = ["constant", "edge", "reflect", "symmetric", "wrap", "linear_ramp", "maximum", "minimum", "mean", "median"]
    for mode in modes:
        for shape, width in widths:
            add("pad", n(*shape), width, mode, whole=bool(shape))
    for width, options in ((1, {"constant_values": 2.0}), ((1, 2), {"constant_values": (3.0, 4.0)})):
        add("pad", n(3), width, whole=False, **options)
    add("pad", n(2, 3), 2, "linear_ramp", end_values=((1.0, 2.0), (0.0, 4.0)), whole=False)
    _pad_values(add, n)
    for mode in ("mean", "maximum", "minimum", "median"):
        for length in (2, 9):
            add("pad", n(5), 2, mode, stat_length=length)
        add("pad", n(3, 4), ((1, 1), (2, 2)), mode, stat_length=((1, 2), (3, 1)))
    for mode in ("reflect", "symmetric"):
        for kind in ("odd", "even"):
            add("pad", n(3, 4), ((2, 1), (5, 6)), mode, reflect_type=kind)
    add("pad", n(3), 1, "bad")
    add("pad", n(3), 1, "edge", constant_values=1)
    for shape, window, axis in (
        ((5,), 3, None), ((3, 4), (2, 2), None), ((3, 4), 2, 1), ((3, 4), (2, 2), (1, 1)), ((5,), 6, None),
        ((3, 4), 2, None), ((5,), 0, None), ((3, 4), (2,), -1),
    ):  # fmt: skip
        add("lib.stride_tricks.sliding_window_view", n(*shape), window, axis)


def _pad_values(add, n):
    """Borders that a function writes, and none in particular."""

    def frame(vector, width, axis, options):
        before, behind = width
        if before:
            vector[:before] = vector[before] * 2 + options.get("more", 0)
        if behind:
            vector[-behind:] = axis

    for shape, width in (((3,), 2), ((2, 3), ((1, 2), (0, 1))), ((2, 2), 1), ((2, 0), ((0, 0), (0, 2)))):
        add("pad", n(*shape), width, frame, whole=False)
        add("pad", n(*shape), width, frame, more=0.5, whole=False)
    add("pad", n(2, 3), 0, "empty")
    add("pad", n(2, 3), 1, "empty", constant_values=1)


def _indexing(add, n):
    for index in INDICES:
        for shape in ((2, 3), (2, 3, 2)):
            add("x[i]", n(*shape), index)
        try:
            picked = np.empty((2, 3))[index].shape
        except (IndexError, ValueError):
            picked = ()
        add("x[i] = v", n(2, 3), index, 2.5, whole=False)
        for shape in ((), picked, picked[1:], (1, *picked)):
            add("x[i] = v", n(2, 3), index, n(*shape), whole=False)
    for index in ((), Ellipsis, None, 0, True):
        add("x[i]", n(), index)
    for index in (([0, 1], slice(None), [0, 1]), (0, slice(None), [0, 1]), (slice(None), [0, 1], [0, 1])):
        add("x[i]", n(2, 2, 2, 2), index)


def _picking(add, n):
    for shape, places, axis in (
        ((4,), [0, 2], None), ((2, 3), [0, 5], None), ((2, 3), [[0, 2], [1, 1]], 1), ((2, 3), -1, -1),
        ((2, 3), [0, 3], 1), ((2, 3), [-4], 1), ((2, 3), [], 1), ((2, 3), [0], 2), ((), [0, 0], None),
        ((0,), [0], None),
    ):  # fmt: skip
        for mode in ("raise", "wrap", "clip", "bad"):
            add("take", n(*shape), places, axis=axis, mode=mode)
    for shape, places, axis in (
        ((2, 3), n.whole(0, 3, 2, 2), 1), ((2, 3), n.whole(0, 2, 1, 3), 0), ((4,), n.whole(0, 4, 2), None),
        ((2, 3), n.whole(0, 3, 2), 1), ((2, 3), n.whole(0, 3, 3, 2), 1), ((2, 3), np.array([[5]]), 1),
        ((2, 3), -n.whole(1, 4, 2, 2), 1), ((2, 3), np.zeros((2, 2)), 1),
    ):  # fmt: skip
        add("take_along_axis", n(*shape), places, axis)
        for values in (2.0, n(), n(*places.shape)):
            add("np.put_along_axis", n(*shape), places, values, axis, whole=False)
    for mode in ("raise", "wrap", "clip"):
        add("choose", n.whole(0, 3, 4), [n(4), n(4), n(4)], mode=mode)
        add("choose", np.array([0, 5, -1]), [n(3), n(3)], mode=mode)
    add("choose", n.whole(0, 2, 2, 3), [n(3), n(2, 1)])
    add("select", [n.mask(4), n.mask(4)], [n(4), n(4)], 2.5, whole=False)
    add("select", [n.mask(4)], [n(4), n(4)])
    add("select", [n(3)], [n(3)])
    for condition in (n.mask(2, 3), n.mask(3), True, [True, False, True], n.whole(0, 2, 2, 3)):
        for x, y in ((n(2, 3), n(2, 3)), (n(2, 3), 0.0), (1.0, n(3)), (n(2, 1), n(3)), (n(2, 3), [1, 2, 3])):
            add("where", condition, x, y, whole=False)
    add("where", n.mask(2, 3) * 1.0)
    add("where", n.mask(3), n(2), n(3))
    for condition, shape, axis in (
        ([True, False, True], (3,), None), ([True, False], (2, 3), 0), ([True, False], (3,), None),
        ([True, False, True], (2, 3), -1), ([True] * 4, (3,), None), ([[True]], (3,), None),
    ):  # fmt: skip
        add("compress", condition, n(*shape), axis=axis)
    add("extract", n.mask(2, 3), n(2, 3))
    add("extract", [1, 0], n(3))
    for name in ("argwhere", "nonzero", "flatnonzero"):
        for x in (np.array([0, 1.0, 2.0]), np.array([[0, 1.0], [2.0, 0]]), np.zeros(0)):
            add(name, x)
    for function in (np.sum, np.cumsum):
        add("apply_along_axis", function, 1, n(2, 3))
        add("apply_over_axes", function, n(2, 3, 2), [0, 2])
    masks = [np.array([True, False, False]), np.array([False, False, True])]
    add("piecewise", n(3), masks, [np.negative, np.square])


def _sorting(add, n):
    for axis in (-1, 0, None, 2):
        for name in ("sort", "argsort"):
            add(name, n(3, 4), axis=axis)
            add(name, n(3, 4), axis, "stable")
        add("argpartition", n(3, 4), 1, axis=axis, derivative=False, whole=False)
    for shape in ((), (0,), (1,), (2, 0)):
        add("sort", n(*shape))
        add("argsort", n(*shape), whole=False)
    add("sort", n(4), kind="bad")
    add("partition", n(5), 7, whole=False)
    add("partition", n(5), [1, 3], derivative=False, whole=False)
    add("lexsort", (n(3), n(3)), whole=False)
    for side in ("left", "right", "bad"):
        add("searchsorted", np.sort(n(5)), n(3), side=side)
        add("digitize", n(4), np.sort(n(3)), right=side == "right")
    for options in ({}, {"return_index": True, "return_inverse": True, "return_counts": True}):
        add("unique", np.array([3.0, 1.0, 3.0, 2.0]), derivative=False, **options)
        add("unique", np.array([[1.0, 2.0], [1.0, 2.0], [0.0, 1.0]]), axis=0, derivative=False, **options)
    for name in ("union1d", "intersect1d", "setdiff1d", "setxor1d", "isin"):
        add(name, np.array([3.0, 1.0, 3.0, 2.0]), np.array([1.0, 5.0, 2.0]), derivative=False)
    for name in ("unique_all", "unique_counts", "unique_inverse", "unique_values"):
        add(name, np.array([3.0, 1.0, 3.0, 2.0]), derivative=False)
    add("bincount", n.whole(0, 4, 6), weights=n(6), whole=False)
    add("bincount", n.whole(0, 4, 6), n(5), whole=False)
    add("bincount", -n.whole(1, 4, 6))
    for options in ({}, {"range": (-1, 1)}, {"density": True}):
        add("histogram", n(6), 3, derivative=False, whole=False, **options)
    for options in ({}, {"bins": (2, 3)}, {"bins": [-2.0, 0.1, 3.0]}, {"range": [[-1, 1], [0, 2]]}, {"density": True}):
        add("histogram2d", n(6), n(6), derivative=False, whole=False, **options)
        weights = n.positive(6)
        add("weighted histogram2d", weights, tuple(options.items()), whole=False)
        add(
            "histogramdd",
            n(6, 3),
            derivative=False,
            whole=False,
            **({} if "bins" in options or "range" in options else options),
        )
    add("histogramdd", [n(6), n(6)], bins=[2, 3], derivative=False, whole=False)
    add("histogramdd", n(6), bins=3, weights=n.positive(6), derivative=False, whole=False)
    add("histogram2d", n(6), n(5))
    for bins in (
        ([-2.0, 0.1, 3.0], 4),
        (4, [-2.0, 0.1, 3.0]),
        np.array(3),
    ):  # a ragged pair broke, with NumPy's own words
        add("histogram2d", n(6), n(6), bins=bins, derivative=False, whole=False)
    add("packbits", np.array([[1, 0, 1], [0, 0, 1]], np.uint8), derivative=False)
    add("unpackbits", np.array([[2, 7]], np.uint8), axis=1, bitorder="little", derivative=False)
    add("histogram_bin_edges", n(6), 3, derivative=False, whole=False)
    add("weighted histogram", n(6), whole=False)


def _writing(add, n):
    for mode in ("raise", "wrap", "clip"):
        for places in ([0, 2], [0, 7], [0, -1, 0], 1, []):
            add("np.put", n(5), places, n(2), mode, whole=False)
    for shape, value in (((3, 3), n()), ((3, 3), n(3)), ((4, 2), 1.0), ((2, 2, 2), n()), ((3,), 1.0), ((2, 3, 2), 1.0)):
        add("np.fill_diagonal", n(*shape), value, whole=False)
    mask = np.array([True, False, True, True])
    for values in (n(2), n(5)):
        add("np.place", n(4), mask, values, whole=False)
        add("np.putmask", n(4), mask, values, whole=False)
    for values in (n(3), 1.0, n(2)):
        add("np.copyto", n(2, 3), values, whole=False)
    for name in ("x += y", "x -= y", "x *= y", "x /= y", "x **= y", "x //= y", "x %= y"):
        add(name, n.positive(2, 3), 2.0, whole=False)
    for name, right in (("x[1:] += y", n(2)), ("x[[0, 0, 1]] *= y", n(3)), ("x.flat[1] = y", n())):
        add(name, n(3), right, whole=False)


def _changed(write):
    """The copy of the first argument that a call has written into."""

    def changed(x, *args):
        copy = x.copy()
        after = write(copy, *args)
        return copy if after is None else after

    return changed


def _set_item(x, index, value):
    x[index] = value


def _add_to_part(x, y):
    x[1:] += y


def _multiply_picked(x, y):
    x[[0, 0, 1]] *= y


def _set_in_row(x, y):
    x.flat[1] = y


def _weighted_histogram(weights):
    return np.histogram(np.array([0.0, 1.0, 1.5, 2.0, 3.0, 9.0]), bins=3, range=(0, 3), weights=weights)


def _weighted_histogram2d(weights, options):
    points = np.array([[0.3, -0.5, 1.0, 1.5, 0.2, 9.0], [0.0, 1.0, 1.2, 0.1, -3.0, 1.0]])
    return np.histogram2d(*points, weights=weights, **dict(options))


WRITERS = (np.put, np.place, np.putmask, np.fill_diagonal, np.copyto, np.put_along_axis)
OPERATORS = {
    "x[i]": lambda x, index: x[index],
    "x[i] = v": _changed(_set_item),
    "x.flatten()": lambda x: x.flatten(),
    "x[1:] += y": _changed(_add_to_part),
    "x[[0, 0, 1]] *= y": _changed(_multiply_picked),
    "x.flat[1] = y": _changed(_set_in_row),
    "weighted histogram": _weighted_histogram,
    "weighted histogram2d": _weighted_histogram2d,
    **{f"np.{f.__name__}": _changed(f) for f in WRITERS},
    **{f"x {sign}= y": _changed(getattr(operator, f"i{name}")) for sign, name in (
        ("+", "add"), ("-", "sub"), ("*", "mul"), ("/", "truediv"), ("**", "pow"), ("//", "floordiv"), ("%", "mod")
    )},
}  # fmt: skip
