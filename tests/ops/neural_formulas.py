"""Convolutions, pools and borders, written as loops over every place and every element."""

import itertools
import math

import numpy as np


def _pairs(sides, kernel, stride, padding, dilation):
    """For every place of the kernel and every element of it: which element of the data lies there, if any."""
    stride = kernel if stride is None else stride
    stride, dilation = (n if isinstance(n, tuple) else (n,) * len(kernel) for n in (stride, dilation))
    padding = padding if isinstance(padding, tuple) else ((padding, padding),) * len(kernel)
    before = [a for a, _ in padding]
    places = [
        (side + a + b - d * (k - 1) - 1) // s + 1
        for side, k, s, (a, b), d in zip(sides, kernel, stride, padding, dilation)
    ]
    for place in itertools.product(*map(range, places)):
        for element in itertools.product(*map(range, kernel)):
            spot = tuple(s * m + d * i - a for s, m, d, i, a in zip(stride, place, dilation, element, before))
            if all(0 <= u < side for u, side in zip(spot, sides)):
                yield place, element, spot
    yield tuple(places), None, None


def _met(x_shape, weight_shape, stride, padding, dilation, groups):
    """Which elements of data, weight and result meet in one product, as three index tuples; the shape of the result."""
    *pairs, (places, _, _) = _pairs(x_shape[2:], weight_shape[2:], stride, padding, dilation)
    outputs, channels = weight_shape[:2]
    met = [
        ((n, o // (outputs // groups) * channels + c, *spot), (o, c, *element), (n, o, *place))
        for place, element, spot in pairs
        for n, o, c in itertools.product(range(x_shape[0]), range(outputs), range(channels))
    ]
    return met, (x_shape[0], outputs, *places)


def conv(x, weight, stride=1, padding=0, dilation=1, groups=1):
    met, shape = _met(x.shape, weight.shape, stride, padding, dilation, groups)
    out = np.zeros(shape)
    for of_x, of_weight, of_out in met:
        out[of_out] += x[of_x] * weight[of_weight]
    return out


def conv_transpose(y, weight, sides, stride=1, padding=0, dilation=1, groups=1):
    out = np.zeros((len(y), weight.shape[1] * groups, *sides))
    for of_x, of_weight, of_out in _met(out.shape, weight.shape, stride, padding, dilation, groups)[0]:
        out[of_x] += y[of_out] * weight[of_weight]
    return out


def conv_weight(x, y, kernel, stride=1, padding=0, dilation=1, groups=1):
    out = np.zeros((y.shape[1], x.shape[1] // groups, *kernel))
    for of_x, of_weight, of_out in _met(x.shape, out.shape, stride, padding, dilation, groups)[0]:
        out[of_weight] += y[of_out] * x[of_x]
    return out


def _windows(sides, kernel, stride, padding, dilation, evenly=False):
    """The elements of each window, by its place; and how many places there are along each axis."""
    if evenly:
        ends = [[(math.floor(p * side / m), math.ceil((p + 1) * side / m)) for p in range(m)]
                for side, m in zip(sides, kernel)]  # fmt: skip
        windows = itertools.product(*([list(range(*pair)) for pair in along] for along in ends))
        spots = (list(itertools.product(*window)) for window in windows)
        return dict(zip(itertools.product(*map(range, kernel)), spots)), kernel
    *pairs, (places, _, _) = _pairs(sides, kernel, stride, padding, dilation)
    windows = {place: [] for place in itertools.product(*map(range, places))}
    for place, _, spot in pairs:
        windows[place].append(spot)
    return windows, places


def _over_windows(function, x, kernel, stride=None, padding=0, dilation=1, evenly=False):
    """function(batch, window, place) for all of them; the shape of one number per window."""
    batch = x.shape[: x.ndim - len(kernel)]
    windows, places = _windows(x.shape[x.ndim - len(kernel) :], kernel, stride, padding, dilation, evenly)
    for b in itertools.product(*map(range, batch)):
        for place, spots in windows.items():
            function((*b, *place), [(*b, *spot) for spot in spots])
    return (*batch, *places)


def _pool(join):
    def pool(x, **params):
        values = {}
        shape = _over_windows(lambda place, spots: values.update({place: join([x[s] for s in spots])}), x, **params)
        out = np.zeros(shape)
        for place, value in values.items():
            out[place] = value
        return out

    return pool


def max_places(x, kernel, **params):
    sides = x.shape[x.ndim - len(kernel) :]
    found = {}

    def note(place, spots):
        best = max(x[spot] for spot in spots)
        first = next(spot for spot in spots if x[spot] == best)
        found[place] = np.ravel_multi_index(first[x.ndim - len(kernel) :], sides)

    out = np.zeros(_over_windows(note, x, kernel, **params), int)
    for place, number in found.items():
        out[place] = number
    return out


def spread_pool(y, sides, **params):
    out = np.zeros((*y.shape[: y.ndim - len(sides)], *sides))

    def give(place, spots):
        for spot in spots:
            out[spot] += y[place]

    _over_windows(give, out, **params)
    return out


def to_maxima(y, out, x, **params):
    result = np.zeros(x.shape)

    def give(place, spots):
        largest = [spot for spot in spots if x[spot] == out[place]]
        for spot in largest:
            result[spot] += y[place] / len(largest)

    _over_windows(give, x, **params)
    return result


def from_maxima(y, out, x, **params):
    result = np.zeros(out.shape)

    def take(place, spots):
        largest = [spot for spot in spots if x[spot] == out[place]]
        result[place] = sum(y[spot] for spot in largest) / max(len(largest), 1)

    _over_windows(take, x, **params)
    return result


def add_borders(x, pad_width, mode):
    widths = np.broadcast_to(pad_width, (x.ndim, 2)) if x.ndim else []
    sides = tuple(side - sum(width) for side, width in zip(x.shape, widths))
    out = np.zeros(sides)
    copied = np.pad(np.arange(out.size).reshape(sides), widths, mode=mode) if sides else np.array(0)
    for value, number in zip(x.ravel(), copied.ravel()):
        out[np.unravel_index(number, sides)] += value
    return out


NEURAL_FORMULAS = {
    "add_borders": add_borders,
    "conv": conv,
    "conv_transpose": conv_transpose,
    "conv_weight": conv_weight,
    "max_pool": _pool(max),
    "max_places": max_places,
    "sum_pool": _pool(sum),
    "spread_pool": spread_pool,
    "to_maxima": to_maxima,
    "from_maxima": from_maxima,
}
