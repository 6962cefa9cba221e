"""A naive scalar engine, obviously right: the witness that the tensor engine is compared with.

A Value holds one float and, for each operand, the local derivative as a number. The gradient is the sum over all
paths of the products of local derivatives, carried from the output to the inputs in topological order. Values
never change. Arrays of Values are NumPy arrays of objects, so indexing and broadcasting are NumPy's.
"""

import functools
import math

import numpy as np


def replayable(method):
    """A method whose result remembers the call, so that it can be made again from other numbers."""

    @functools.wraps(method)
    def call(*operands):
        result = method(*operands)
        result.call = (method, operands)
        return result

    return call


class Value:
    """One number, and how it was computed."""

    made = 0

    def __init__(self, number, parents=(), tag=None):
        self.number = float(number)
        self.parents = parents  # pairs (operand, local derivative)
        self.tag = tag  # which entry of which leaf this is
        self.call = None  # the method and its operands; None for a number that was given
        Value.made += 1
        self.order = Value.made  # operands are made before results

    @replayable
    def __add__(self, other):
        other = lift(other)
        return Value(self.number + other.number, [(self, 1.0), (other, 1.0)])

    @replayable
    def __sub__(self, other):
        other = lift(other)
        return Value(self.number - other.number, [(self, 1.0), (other, -1.0)])

    @replayable
    def __mul__(self, other):
        other = lift(other)
        return Value(self.number * other.number, [(self, other.number), (other, self.number)])

    @replayable
    def __truediv__(self, other):
        other = lift(other)
        quotient = self.number / other.number
        return Value(quotient, [(self, 1 / other.number), (other, -quotient / other.number)])

    @replayable
    def __pow__(self, exponent):
        """To the power of a constant."""
        slope = exponent * self.number ** (exponent - 1) if exponent else 0.0
        return Value(self.number**exponent, [(self, slope)])

    @replayable
    def __neg__(self):
        return Value(-self.number, [(self, -1.0)])

    @replayable
    def exp(self):
        result = math.exp(self.number)
        return Value(result, [(self, result)])

    @replayable
    def log(self):
        return Value(math.log(self.number), [(self, 1 / self.number)])

    @replayable
    def tanh(self):
        result = math.tanh(self.number)
        return Value(result, [(self, 1 - result**2)])

    @replayable
    def sigmoid(self):
        result = 1 / (1 + math.exp(-self.number))
        return Value(result, [(self, result * (1 - result))])

    @replayable
    def relu(self):
        return Value(max(self.number, 0.0), [(self, 1.0 if self.number > 0 else 0.0)])

    @replayable
    def maximum(self, other):
        other = lift(other)
        mine = 1.0 if self.number > other.number else 0.5 if self.number == other.number else 0.0
        return Value(max(self.number, other.number), [(self, mine), (other, 1.0 - mine)])

    @replayable
    def doubled_on_the_way_back(self):
        """The same number, with twice the gradient: what a hook does that doubles it."""
        return Value(self.number, [(self, 2.0)])

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other):
        return lift(other) - self

    def __rtruediv__(self, other):
        return lift(other) / self


def lift(number):
    return number if isinstance(number, Value) else Value(number)


def values(numbers, leaf=None):
    """An array of Values; `leaf` tags them as the entries of that leaf."""
    numbers = np.asarray(numbers, dtype=float)
    result = np.empty(numbers.shape, dtype=object)
    for index in np.ndindex(numbers.shape):
        result[index] = Value(numbers[index], tag=None if leaf is None else (leaf, index))
    return result


def each(name, *arrays):
    """A method of Value, entry by entry, with broadcasting: `each("tanh", x)`."""
    arrays = np.broadcast_arrays(*arrays)
    result = np.empty(arrays[0].shape, dtype=object)
    for index in np.ndindex(result.shape):
        result[index] = getattr(arrays[0][index], name)(*(array[index] for array in arrays[1:]))
    return result


def total(array, axis=None):
    """The sum over all entries or one axis, added one by one."""
    start = Value(0.0)
    if axis is None:
        result = np.empty((), dtype=object)
        result[()] = sum(array.ravel(), start)
        return result
    moved = np.moveaxis(array, axis, 0)
    result = np.full(moved.shape[1:], start, dtype=object)
    for part in moved:
        result = each("__add__", result, part)
    return result


def numbers(array):
    """The floats in an array of Values."""
    return np.array([value.number for value in array.ravel()], dtype=float).reshape(array.shape)


def gradient(output, cotangent=1.0):
    """{tag: derivative} of ⟨cotangent, output⟩ for every tagged Value that the output depends on."""
    result = {}
    for value, slope in slopes_of(output, cotangent):
        if value.tag is not None:
            result[value.tag] = result.get(value.tag, 0.0) + slope
    return result


def slopes_of(output, cotangent=1.0):
    """Every Value that the output depends on and the derivative of ⟨cotangent, output⟩ by it, results first."""
    slopes, found = {}, {}
    for value, weight in zip(output.ravel(), np.broadcast_to(cotangent, output.shape).ravel()):
        found[id(value)] = value
        slopes[id(value)] = slopes.get(id(value), 0.0) + float(weight)
    waiting = list(found.values())
    while waiting:
        for parent, _ in waiting.pop().parents:
            if id(parent) not in found:
                found[id(parent)] = parent
                waiting.append(parent)
    for value in sorted(found.values(), key=lambda v: v.order, reverse=True):
        slope = slopes.get(id(value), 0.0)
        for parent, local in value.parents:
            slopes[id(parent)] = slopes.get(id(parent), 0.0) + slope * local
        yield value, slope


def history(output):
    """Every Value that the output depends on, operands before results."""
    found = {id(value): value for value in output.ravel()}
    waiting = list(found.values())
    while waiting:
        for parent, _ in waiting.pop().parents:
            if id(parent) not in found:
                found[id(parent)] = parent
                waiting.append(parent)
    return sorted(found.values(), key=lambda value: value.order)


def replayed(output, moved):
    """The output, computed again with the tagged Values moved: {tag: by how much}."""
    again = {}
    for value in history(output):
        if value.call is None:
            again[id(value)] = Value(value.number + moved.get(value.tag, 0.0), tag=value.tag)
        else:
            method, operands = value.call
            again[id(value)] = method(*(again.get(id(operand), operand) for operand in operands))
    result = np.empty(output.shape, dtype=object)
    for index, value in np.ndenumerate(output):
        result[index] = again[id(value)]
    return result


def second_derivative(output, direction, step=1e-5):
    """{tag: derivative} of the slope of the summed output along {tag: direction}: differences of two gradients."""
    ahead, behind = (gradient(replayed(output, {tag: s * d for tag, d in direction.items()})) for s in (step, -step))
    return {tag: (ahead[tag] - behind[tag]) / (2 * step) for tag in ahead}


def is_smooth(output, margin=1e-3):
    """Whether no kink is near, and no gradient was changed on its way: then second derivatives are differences."""
    for value in history(output):
        name = "" if value.call is None else value.call[0].__name__
        numbers_in = [v.number if isinstance(v, Value) else v for v in ([] if value.call is None else value.call[1])]
        near = (name == "relu" and abs(numbers_in[0]) < margin) or (
            name == "maximum" and abs(numbers_in[0] - numbers_in[1]) < margin
        )
        if near or name == "doubled_on_the_way_back":
            return False
    return True
