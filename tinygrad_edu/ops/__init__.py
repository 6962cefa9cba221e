"""The table of ops, by family. Rows know arrays; importing this package fills the registry."""

from tinygrad_edu.ops import elementwise, index, linalg, neural, reduction, shape

__all__ = ["elementwise", "index", "linalg", "neural", "reduction", "shape"]
