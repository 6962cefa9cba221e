"""A naive scalar engine, obviously right: the witness that the tensor engine is compared with.

A Value holds one float and, for each operand, the local derivative as a number. The gradient is the sum over all
paths of the products of local derivatives, carried from the output to the inputs in topological order. Values
never change. Arrays of Values are NumPy arrays of objects, so indexing and broadcasting are NumPy's.
"""

import math

import numpy as np


class Value:
    """One number, and how it was computed."""

    made = 0

    def __init__(self, number, parents=(), tag=None):
        self.number = float(number)
        self.parents = parents  # pairs (operand, local derivative)
        self.tag = tag  # which entry of which leaf this is
        Value.made += 1
        self.order = Value.made  # operands are made before results

    def __add__(self, other):
        other = lift(other)
        return Value(self.number + other.number, [(self, 1.0), (other, 1.0)])

    def __sub__(self, other):
        other = lift(other)
        return Value(self.number - other.number, [(self, 1.0), (other, -1.0)])

    def __mul__(self, other):
        other = lift(other)
        return Value(self.number * other.number, [(self, other.number), (other, self.number)])

    def __truediv__(self, other):
        other = lift(other)
        quotient = self.number / other.number
        return Value(quotient, [(self, 1 / other.number), (other, -quotient / other.number)])

    def __pow__(self, exponent):
        """To the power of a constant."""
        slope = exponent * self.number ** (exponent - 1) if exponent else 0.0
        return Value(self.number**exponent, [(self, slope)])

    def __neg__(self):
        return Value(-self.number, [(self, -1.0)])

    def exp(self):
        result = math.exp(self.number)
        return Value(result, [(self, result)])

    def log(self):
        return Value(math.log(self.number), [(self, 1 / self.number)])

    def tanh(self):
        result = math.tanh(self.number)
        return Value(result, [(self, 1 - result**2)])

    def sigmoid(self):
        result = 1 / (1 + math.exp(-self.number))
        return Value(result, [(self, result * (1 - result))])

    def relu(self):
        return Value(max(self.number, 0.0), [(self, 1.0 if self.number > 0 else 0.0)])

    def maximum(self, other):
        other = lift(other)
        mine = 1.0 if self.number > other.number else 0.5 if self.number == other.number else 0.0
        return Value(max(self.number, other.number), [(self, mine), (other, 1.0 - mine)])

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
    result = {}
    for value in sorted(found.values(), key=lambda v: v.order, reverse=True):
        slope = slopes.get(id(value), 0.0)
        if value.tag is not None:
            result[value.tag] = result.get(value.tag, 0.0) + slope
        for parent, local in value.parents:
            slopes[id(parent)] = slopes.get(id(parent), 0.0) + slope * local
    return result
