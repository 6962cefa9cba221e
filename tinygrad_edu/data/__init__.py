"""Labelled pictures and batches of them: real handwriting, as the plain NumPy arrays that training wants.

Knows nothing of tensors, networks or training.

The functions `digits`, `mnist` and `batches` bear the names of their modules, and come first:
`tinygrad_edu.data.digits` is the function.
"""

from tinygrad_edu.data.batches import Dataset as Dataset
from tinygrad_edu.data.batches import batches as batches
from tinygrad_edu.data.batches import one_hot as one_hot
from tinygrad_edu.data.digits import digits as digits
from tinygrad_edu.data.idx import read_idx as read_idx
from tinygrad_edu.data.mnist import mnist as mnist

__all__ = ["Dataset", "batches", "digits", "mnist", "one_hot", "read_idx"]
