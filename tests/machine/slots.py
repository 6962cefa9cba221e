"""What the state machine knows of each tensor of the engine: its numbers, its history, and whose memory it is."""

from dataclasses import dataclass, field

import numpy as np

from tests.reference import Value, numbers, values
from tinygrad_edu import Tensor

INDICES = [0, -1, slice(None, None, 2), Ellipsis, [0, 0], [1, 0, 1], ((0, 0, 1),), (Ellipsis, 0), (Ellipsis, [0, 0])]


@dataclass(eq=False)
class Slot:
    """A tensor of the engine and what it must be.

    Leaves, their views and constants have `memory`, an array of floats that aliases as NumPy's arrays do; other
    computed tensors have `cells`, Values that never change. `tags` say which entries of a leaf the memory holds,
    for tracked tensors. `owner` is the leaf whose memory it is. `saved` are the leaves that a computed tensor depends
    on, each with the number of its writes at that time.
    """

    tensor: Tensor
    memory: np.ndarray | None = None
    cells: np.ndarray | None = None
    tags: np.ndarray | None = None
    owner: int | None = None
    saved: frozenset = field(default_factory=frozenset)
    is_leaf: bool = False
    is_view: bool = False  # of a computed tensor
    freed: bool = False  # its own graph was let go of
    alone: bool = False  # computed, no other tensor had its cells, and asked to keep its gradient
    kept: np.ndarray | None = None  # that gradient

    @property
    def tracked(self):
        return self.cells is not None or self.tags is not None

    def values(self):
        """As Values that will not change, whatever happens to the memory."""
        if self.cells is not None:
            return self.cells
        result = values(self.memory)
        if self.tags is not None:
            for index, tag in np.ndenumerate(self.tags):
                result[index].tag = tag
        return result

    def numbers(self):
        return numbers(self.cells) if self.cells is not None else self.memory


def bounded(array):
    """Rounding errors stay below the tolerances while numbers are small."""
    return np.all(np.abs(array) < 100)


def fits(x, y):
    try:
        np.broadcast_shapes(x.tensor.shape, y.tensor.shape)
    except ValueError:
        return False
    return True


def fits_into(shape, target):
    try:
        return np.broadcast_shapes(shape, target) == target
    except ValueError:
        return False


def valid(x, index):
    try:
        np.empty(x.tensor.shape)[index]
    except IndexError:
        return False
    return True


def as_view(part):
    """A single Value or number as a 0-d array; arrays as they are, so that views stay views."""
    if isinstance(part, np.ndarray):
        return part
    result = np.empty((), dtype=object if isinstance(part, Value) else float)
    result[()] = part
    return result
